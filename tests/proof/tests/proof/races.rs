//! Eight connections soft-delete, restore and purge the same hundred rows for some seconds.
//!
//! The test keeps two books. The workers add up what the library reported. This is for each row if a statement names its
//! row or returns keys, and a total otherwise. Triggers record in the same transaction what happened to each row. A trigger
//! runs while its row is locked, so its numbers give the order of the events of a row. At the end:
//!
//! * Both books agree for each verb, and for each row that the workers know.
//! * For every row, deletes - restores - purges tells whether it is deleted, and inserts - purges whether it exists.
//! * Each row was deleted only while active, and restored and purged only while deleted. So no restored row was purged, and
//!   no transition was lost.
//! * Each transition added one to the row's version, and the last row has the last version. So no update was lost.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Outcome};

use crate::support::Random;

diesel::table! {
    things {
        id -> Integer,
        version -> Integer,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! { things { flag = is_deleted, timestamp = deleted_at } }

diesel::table! {
    events (number) {
        number -> BigInt,
        thing_id -> Integer,
        what -> Text,
        old_version -> Integer,
        new_version -> Integer,
    }
}

const ROWS: i32 = 100;
const WORKERS: u64 = 8;
const DURATION: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Insert,
    Delete,
    Restore,
    Purge,
}

impl What {
    fn read(text: &str) -> Self {
        match text {
            "insert" => Self::Insert,
            "delete" => Self::Delete,
            "restore" => Self::Restore,
            "purge" => Self::Purge,
            other => panic!("the triggers wrote {other:?}"),
        }
    }
}

/// The reports about one row, and those about rows that the backend does not name.
#[derive(Debug, Default)]
struct Book {
    of_row: BTreeMap<(What, i32), usize>,
    of_some: BTreeMap<What, usize>,
}

impl Book {
    fn row(&mut self, what: What, id: i32, count: usize) {
        *self.of_row.entry((what, id)).or_default() += count;
    }

    #[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "PostgreSQL names the rows"))]
    fn some(&mut self, what: What, count: usize) {
        *self.of_some.entry(what).or_default() += count;
    }

    fn add(&mut self, other: Self) {
        other.of_row.into_iter().for_each(|((what, id), count)| self.row(what, id, count));
        other.of_some.into_iter().for_each(|(what, count)| *self.of_some.entry(what).or_default() += count);
    }

    fn total(&self, what: What) -> usize {
        let of_row = self.of_row.iter().filter(|((of, _), _)| *of == what).map(|(_, count)| count);
        of_row.sum::<usize>() + self.of_some.get(&what).copied().unwrap_or_default()
    }
}

impl Random {
    fn id(&mut self) -> i32 {
        1 + self.below(ROWS)
    }
}

/// Whether the database has undone the statement or the transaction, in a deadlock or a serialization failure.
fn undone(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DieselError::DatabaseError(_, info) => {
            let message = info.message().to_lowercase();
            message.contains("deadlock") || message.contains("record has changed since last read")
        }
        _ => false,
    }
}

/// Adds what a statement reported, unless it was undone.
fn count(result: Result<(), Error>, worker: &mut Book, reported: Book) {
    match result {
        Ok(()) => worker.add(reported),
        Err(Error::Contended { .. }) => {}
        Err(Error::Database(error)) if undone(&error) => {}
        Err(other) => panic!("{other}"),
    }
}

fn verb_of(deletes: bool) -> What {
    if deletes { What::Delete } else { What::Restore }
}

/// Changes one row by its key, in each way that reports it.
macro_rules! one_row {
    ($conn:ident, $random:ident, $book:ident, $verb:ident, $what:expr) => {{
        let id = $random.id();
        let of = || things::table.find(id).$verb().set(things::version.eq(things::version + 1));
        match $random.below(4) {
            0 => $book.row($what, id, of().execute($conn)?),
            1 => $book.row($what, id, of().run($conn)?),
            2 => $book.row($what, id, usize::from(of().outcome($conn)? == Outcome::Changed)),
            // With an optimistic lock, at most one worker that read this version succeeds.
            _ => {
                let seen: Option<i32> = things::table.find(id).select(things::version).first($conn).optional()?;
                let outcome = of().only_if(things::version.eq(seen.unwrap_or(-1))).outcome($conn)?;
                $book.row($what, id, usize::from(outcome == Outcome::Changed));
            }
        }
        Ok(())
    }};
}

/// Inserts purged rows again, so that there are always rows to change.
macro_rules! put_back {
    ($conn:ident, $random:ident, $book:ident, $insert:expr) => {{
        let id = $random.id();
        let inserted = diesel::sql_query($insert).bind::<diesel::sql_types::Integer, _>(id).execute($conn)?;
        $book.row(What::Insert, id, inserted);
        Ok(())
    }};
}

/// With RETURNING the rows are known, otherwise only their number.
macro_rules! returned {
    (yes, $conn:ident, $book:ident, $what:expr, $statement:expr) => {{
        let ids: Vec<i32> = $statement.returning(things::id).get_results($conn)?;
        ids.into_iter().for_each(|id| $book.row($what, id, 1));
    }};
    (no, $conn:ident, $book:ident, $what:expr, $statement:expr) => {{
        let rows = $statement.run($conn)?;
        $book.some($what, rows);
    }};
}

macro_rules! race {
    ($backend:ident, $Conn:ty, returning: $returning:tt, insert: $insert:literal, $tables:expr, $isolation:expr) => {
        mod $backend {
            use diesel::connection::SimpleConnection;

            use super::*;

            /// Changes several rows by a range of keys.
            fn range(conn: &mut $Conn, random: &mut Random, book: &mut Book) -> Result<(), Error> {
                let from = random.id();
                let of = || things::table.filter(things::id.between(from, from + 9));
                let set = || things::version.eq(things::version + 1);
                match random.below(3) {
                    0 => returned!($returning, conn, book, What::Delete, of().soft_delete().set(set())),
                    1 => returned!($returning, conn, book, What::Restore, of().restore().set(set())),
                    _ => returned!(
                        $returning,
                        conn,
                        book,
                        What::Purge,
                        of().purge_deleted_before(Utc::now() + TimeDelta::days(1))
                    ),
                }
                Ok(())
            }

            fn purge(conn: &mut $Conn, random: &mut Random, book: &mut Book) -> Result<(), Error> {
                let id = random.id();
                // The age is so small that rows of this run are purged.
                let purged = things::table.find(id).purge_older_than(TimeDelta::milliseconds(1)).run(conn)?;
                book.row(What::Purge, id, purged);
                Ok(())
            }

            fn act(conn: &mut $Conn, random: &mut Random, book: &mut Book) -> Result<(), Error> {
                match random.below(20) {
                    0..=6 => one_row!(conn, random, book, soft_delete, verb_of(true)),
                    7..=12 => one_row!(conn, random, book, restore, verb_of(false)),
                    13..=14 => purge(conn, random, book),
                    15..=16 => range(conn, random, book),
                    _ => put_back!(conn, random, book, $insert),
                }
            }

            fn work(url: &str, number: u64, start: &Barrier) -> Book {
                let conn = &mut <$Conn>::establish(url).expect("the server answers");
                conn.batch_execute($isolation(number)).unwrap();
                let mut random = Random(number);
                let mut worker = Book::default();
                start.wait();
                let end = Instant::now() + DURATION;
                while Instant::now() < end {
                    let mut reported = Book::default();
                    let result = if random.below(10) == 0 {
                        // Several actions share a transaction, which counts if it is committed.
                        conn.transaction(|conn| {
                            (0..3).try_for_each(|_| act(conn, &mut random, &mut reported))?;
                            if random.below(3) == 0 { Err(DieselError::RollbackTransaction.into()) } else { Ok(()) }
                        })
                    } else {
                        act(conn, &mut random, &mut reported)
                    };
                    if matches!(result, Err(Error::Database(DieselError::RollbackTransaction))) {
                        continue;
                    }
                    count(result, &mut worker, reported);
                }
                worker
            }

            #[test]
            fn eight_connections_lose_no_change_and_report_each_one() {
                let mut own = crate::support::$backend::own();
                for statement in $tables {
                    own.conn.batch_execute(statement).unwrap();
                }
                let rows: Vec<_> = (1..=ROWS)
                    .map(|id| (things::id.eq(id), things::version.eq(0), things::is_deleted.eq(false)))
                    .collect();
                diesel::insert_into(things::table).values(rows).execute(&mut own.conn).unwrap();

                let mut reported = Book::default();
                (1..=ROWS).for_each(|id| reported.row(What::Insert, id, 1));
                let start = Barrier::new(usize::try_from(WORKERS).unwrap());
                let (url, start) = (own.url.as_str(), &start);
                std::thread::scope(|scope| {
                    let workers: Vec<_> =
                        (1..=WORKERS).map(|number| scope.spawn(move || work(url, number, start))).collect();
                    workers.into_iter().for_each(|worker| reported.add(worker.join().expect("a worker")));
                });

                let stored =
                    things::table.load::<(i32, i32, bool, Option<chrono::NaiveDateTime>)>(&mut own.conn).unwrap();
                let events = events::table.order(events::number).load::<Event>(&mut own.conn).unwrap();
                settle(&reported, &events, &stored);
            }
        }
    };
}

type Event = (i64, i32, String, i32, i32);

/// The state of a row after its events.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Told {
    /// Whether the row is deleted, or `None` while it does not exist.
    deleted: Option<bool>,
    version: i32,
}

fn settle(reported: &Book, events: &[Event], stored: &[(i32, i32, bool, Option<chrono::NaiveDateTime>)]) {
    use What::{Delete, Insert, Purge, Restore};

    let mut happened = Book::default();
    let mut rows: BTreeMap<i32, Told> = BTreeMap::new();
    for event @ (_, id, what, old, new) in events {
        let what = What::read(what);
        happened.row(what, *id, 1);
        let told = rows.entry(*id).or_default();
        let (before, after) = match what {
            Insert => (None, Some(false)),
            Delete => (Some(false), Some(true)),
            Restore => (Some(true), Some(false)),
            Purge => (Some(true), None),
        };
        assert_eq!(told.deleted, before, "{event:?} met the row in the wrong state");
        if what != Insert {
            assert_eq!(told.version, *old, "{event:?} did not see the event before it");
        }
        if matches!(what, Delete | Restore) {
            assert_eq!(*new, old + 1, "{event:?} lost an update");
        }
        *told = Told { deleted: after, version: *new };
    }

    let found: BTreeMap<i32, Told> = stored
        .iter()
        .map(|(id, version, deleted, _)| (*id, Told { deleted: Some(*deleted), version: *version }))
        .collect();
    rows.retain(|_, told| told.deleted.is_some());
    assert_eq!(rows, found, "the rows are not what their events make them");
    assert!(stored.iter().all(|(.., deleted, at)| *deleted == at.is_some()), "flag and timestamp disagree");

    for what in [Insert, Delete, Restore, Purge] {
        assert_eq!(reported.total(what), happened.total(what), "{what:?}: reported, and what happened");
    }
    let of = |book: &Book, what: What, id: i32| book.of_row.get(&(what, id)).copied().unwrap_or_default();
    for id in 1..=ROWS {
        for what in [Insert, Delete, Restore, Purge] {
            let (said, was) = (of(reported, what, id), of(&happened, what, id));
            // A report of only a total may contain this row too.
            let exact = !reported.of_some.contains_key(&what);
            assert!(
                if exact { said == was } else { said <= was },
                "row {id}, {what:?}: reported {said}, happened {was}"
            );
        }
        let row = found.get(&id);
        let deleted = of(&happened, Delete, id) - of(&happened, Restore, id) - of(&happened, Purge, id);
        assert_eq!(deleted, usize::from(row.is_some_and(|row| row.deleted == Some(true))), "row {id}");
        assert_eq!(of(&happened, Insert, id) - of(&happened, Purge, id), usize::from(row.is_some()), "row {id}");
    }
    // If nothing happened, the test would prove nothing.
    for what in [Insert, Delete, Restore, Purge] {
        assert!(reported.total(what) > 20, "{what:?} happened {} times only", reported.total(what));
    }
}

#[cfg(feature = "postgres")]
race!(
    postgres,
    PgConnection,
    returning: yes,
    insert: "INSERT INTO things (id, version, is_deleted) VALUES ($1, 0, FALSE) ON CONFLICT DO NOTHING",
    [
        "CREATE TABLE things (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, is_deleted BOOLEAN NOT NULL, deleted_at TIMESTAMP);
         CREATE TABLE events (number BIGSERIAL PRIMARY KEY, thing_id INTEGER NOT NULL, what TEXT NOT NULL,
             old_version INTEGER NOT NULL, new_version INTEGER NOT NULL);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF TG_OP = 'INSERT' THEN
                 INSERT INTO events (thing_id, what, old_version, new_version) VALUES (NEW.id, 'insert', 0, NEW.version);
             ELSIF TG_OP = 'DELETE' THEN
                 INSERT INTO events (thing_id, what, old_version, new_version) VALUES (OLD.id, 'purge', OLD.version, 0);
             ELSE
                 INSERT INTO events (thing_id, what, old_version, new_version)
                 VALUES (NEW.id, CASE WHEN NEW.is_deleted THEN 'delete' ELSE 'restore' END, OLD.version, NEW.version);
             END IF;
             RETURN NULL;
         END $$;
         CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON things FOR EACH ROW EXECUTE FUNCTION note();"
    ],
    |number| if number % 4 == 0 {
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    } else {
        "SET deadlock_timeout = '50ms'"
    }
);

#[cfg(feature = "mysql")]
race!(
    mysql,
    MysqlConnection,
    returning: no,
    insert: "INSERT IGNORE INTO things (id, version, is_deleted) VALUES (?, 0, FALSE)",
    [
        "CREATE TABLE things (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, is_deleted BOOLEAN NOT NULL, deleted_at DATETIME(6))",
        "CREATE TABLE events (number BIGINT PRIMARY KEY AUTO_INCREMENT, thing_id INTEGER NOT NULL, what VARCHAR(10) NOT NULL,
             old_version INTEGER NOT NULL, new_version INTEGER NOT NULL)",
        "CREATE TRIGGER note_insert AFTER INSERT ON things FOR EACH ROW
             INSERT INTO events (thing_id, what, old_version, new_version) VALUES (NEW.id, 'insert', 0, NEW.version)",
        "CREATE TRIGGER note_update AFTER UPDATE ON things FOR EACH ROW
             INSERT INTO events (thing_id, what, old_version, new_version)
             VALUES (NEW.id, IF(NEW.is_deleted, 'delete', 'restore'), OLD.version, NEW.version)",
        "CREATE TRIGGER note_delete AFTER DELETE ON things FOR EACH ROW
             INSERT INTO events (thing_id, what, old_version, new_version) VALUES (OLD.id, 'purge', OLD.version, 0)",
    ],
    |number| if number % 2 == 0 { "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED" } else { "SELECT 1" }
);
