//! Eight connections write, delete and purge the rows of the same few keys for some seconds, by `insert_or_revive`.
//!
//! Every write has its own number. At the end, these statements hold for each key:
//!
//! * At most one row is active.
//! * Each call did what it reported and nothing else. Inserts less purges is the number of rows. Inserts and revivals less
//!   deletions is the number of active rows.
//! * An active row has the number of a reported write. No row has a number that was reported as `Live`.
//! * Outside of a transaction no call failed. Inside of one, calls failed only in deadlocks.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Revival};

use crate::support::Random;

diesel::table! {
    rooms {
        id -> Integer,
        house -> Integer,
        name -> Text,
        written -> BigInt,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! { rooms { flag = is_deleted, timestamp = deleted_at } }

#[derive(Debug, Clone, Copy, Insertable, AsChangeset)]
#[diesel(table_name = rooms)]
struct NewRoom<'a> {
    house: i32,
    name: &'a str,
    written: i64,
}

const KEYS: usize = 5;
const DURATION: Duration = Duration::from_secs(3);

/// What the calls reported about the rows of a key.
#[derive(Debug, Default, Clone)]
struct Book {
    inserted: i64,
    revived: i64,
    deleted: i64,
    purged: i64,
    live: i64,
    writes: BTreeSet<i64>,
    left_alone: BTreeSet<i64>,
}

impl Book {
    fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.revived += other.revived;
        self.deleted += other.deleted;
        self.purged += other.purged;
        self.live += other.live;
        self.writes.extend(other.writes);
        self.left_alone.extend(other.left_alone);
    }
}

type Books = [Book; KEYS];

/// How the workers work.
#[derive(Debug, Clone, Copy)]
struct Scene {
    workers: u64,
    /// Whether a worker's transaction has several steps.
    in_transactions: bool,
    /// Whether rows are also purged, soon after their deletion.
    purges: bool,
}

const ALONE: Scene = Scene { workers: 8, in_transactions: false, purges: false };
const WITH_PURGES: Scene = Scene { purges: true, ..ALONE };
const IN_TRANSACTIONS: Scene = Scene { in_transactions: true, ..ALONE };

/// Whether the database has undone the transaction because of a deadlock.
fn is_deadlock(error: &Error) -> bool {
    matches!(error, Error::Database(error) if error.to_string().to_lowercase().contains("deadlock"))
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).expect("a count")
}

macro_rules! keys {
    ($(#[$attr:meta])* $backend:ident, $own:ident, $id:literal, $among_active:literal, $session:expr, { $($name:ident: $index:expr, $scene:expr;)+ }) => {
        $(#[$attr])*
        mod $backend {
            use super::*;
            use crate::support::$backend::{Conn, TIMESTAMP_DDL, $own as own};

            const AMONG_ACTIVE: &str = $among_active;

            fn step(conn: &mut Conn, scene: Scene, random: &mut Random, written: i64, books: &mut Books) -> Result<(), Error> {
                let place = random.below(KEYS as i32);
                let (house, name) = (place % 2, format!("room {}", place / 2));
                let book = &mut books[usize::try_from(place).expect("a key")];
                let rows = rooms::table.filter(rooms::house.eq(house)).filter(rooms::name.eq(&name));
                match random.below(10) {
                    0..=2 => book.deleted += count(rows.soft_delete().run(conn)?),
                    3 if scene.purges => {
                        let purge = rows.purge_deleted_before(Utc::now() + TimeDelta::days(1));
                        book.purged += count(purge.run(conn)?);
                    }
                    _ => {
                        let room = NewRoom { house, name: &name, written };
                        let revival = rooms::table.insert_or_revive(room).on((rooms::name, rooms::house)).run(conn);
                        if let Err(error) = &revival {
                            assert!(scene.in_transactions && is_deadlock(error), "{error}");
                        }
                        match revival? {
                            Revival::Inserted => book.inserted += 1,
                            Revival::Revived => book.revived += 1,
                            Revival::Live => {
                                book.live += 1;
                                book.left_alone.insert(written);
                                return Ok(());
                            }
                        }
                        book.writes.insert(written);
                    }
                }
                Ok(())
            }

            fn work(url: &str, scene: Scene, number: u64, start: &Barrier) -> Books {
                let conn = &mut Conn::establish(url).expect("one more connection");
                conn.batch_execute($session(number)).expect("settings of the session");
                let (mut random, mut books) = (Random(number), Books::default());
                let mut written = i64::try_from(number).expect("a number") * 1_000_000_000;
                start.wait();
                let end = Instant::now() + DURATION;
                while Instant::now() < end {
                    let mut reported = Books::default();
                    let steps = if scene.in_transactions { 2 } else { 1 };
                    let mut act = |conn: &mut Conn| {
                        (0..steps).try_for_each(|_| {
                            written += 1;
                            step(conn, scene, &mut random, written, &mut reported)
                        })
                    };
                    let result = if scene.in_transactions { conn.transaction(act) } else { act(conn) };
                    match result {
                        Ok(()) => books.iter_mut().zip(reported).for_each(|(book, reported)| book.add(reported)),
                        // A soft delete can meet a deadlock too.
                        Err(error) => assert!(is_deadlock(&error), "{error}"),
                    }
                }
                books
            }

            fn race(index: &str, scene: Scene) {
                let mut own = own();
                let ddl = format!(
                    "CREATE TABLE rooms (id {}, house INTEGER NOT NULL, name VARCHAR(9) NOT NULL, written BIGINT NOT NULL,
                         is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {TIMESTAMP_DDL} NULL); {index}",
                    $id
                );
                own.conn.batch_execute(&ddl).expect("the table");
                let start = &Barrier::new(usize::try_from(scene.workers).expect("a number"));
                let url = own.url.as_str();
                let books: Vec<Books> = std::thread::scope(|scope| {
                    let workers: Vec<_> =
                        (1..=scene.workers).map(|number| scope.spawn(move || work(url, scene, number, start))).collect();
                    workers.into_iter().map(|worker| worker.join().expect("a worker")).collect()
                });
                let mut total = Books::default();
                for books in books {
                    total.iter_mut().zip(books).for_each(|(book, reported)| book.add(reported));
                }
                for (place, book) in (0..).zip(&total) {
                    let of_key = rooms::house.eq(place % 2).and(rooms::name.eq(format!("room {}", place / 2)));
                    let rows = rooms::table.filter(of_key).select((rooms::is_deleted, rooms::written));
                    let rows = rows.load::<(bool, i64)>(&mut own.conn).expect("rows");
                    let live: Vec<i64> = rows.iter().filter(|(deleted, _)| !deleted).map(|(_, written)| *written).collect();
                    assert!(live.len() <= 1, "{} active rows of one key", live.len());
                    let told = (book.inserted - book.purged, book.inserted + book.revived - book.deleted);
                    assert_eq!((count(rows.len()), count(live.len())), told, "{scene:?}");
                    for (_, written) in &rows {
                        assert!(book.writes.contains(written) && !book.left_alone.contains(written));
                    }
                    // If nothing happened, the test would prove nothing.
                    let happened = [book.inserted, book.revived, book.deleted, book.live];
                    assert!(happened.iter().all(|times| *times > 0), "{place}: {happened:?}");
                    assert!(!scene.purges || book.purged > 0, "{place}: nothing was purged");
                }
            }

            $(#[test]
            fn $name() {
                race($index, $scene);
            })+
        }
    };
}

const OVER_ALL: &str = "CREATE UNIQUE INDEX names ON rooms (house, name);";

keys!(
    sqlite, shared,
    "INTEGER PRIMARY KEY",
    "CREATE UNIQUE INDEX names ON rooms (house, name) WHERE (is_deleted = FALSE);",
    |_| "PRAGMA busy_timeout = 5000",
    {
        a_key_unique_among_active_rows_has_at_most_one_of_them: AMONG_ACTIVE, Scene { workers: 3, ..ALONE };
        a_key_unique_among_all_rows_has_at_most_one_active_row: OVER_ALL, Scene { workers: 3, ..WITH_PURGES };
    }
);
keys!(
    #[cfg(feature = "postgres")]
    postgres, own,
    "SERIAL PRIMARY KEY",
    "CREATE UNIQUE INDEX names ON rooms (house, name) WHERE (is_deleted = FALSE);",
    |_| "SET deadlock_timeout = '50ms'",
    {
        a_key_unique_among_active_rows_has_at_most_one_of_them: AMONG_ACTIVE, ALONE;
        a_key_unique_among_all_rows_has_at_most_one_active_row: OVER_ALL, WITH_PURGES;
        revivals_do_what_they_report_while_rows_are_purged: AMONG_ACTIVE, WITH_PURGES;
        in_transactions_of_the_caller_revivals_fail_only_in_deadlocks: AMONG_ACTIVE, IN_TRANSACTIONS;
    }
);
keys!(
    #[cfg(feature = "mysql")]
    mysql, own,
    "INTEGER AUTO_INCREMENT PRIMARY KEY",
    "ALTER TABLE rooms ADD COLUMN live BOOLEAN AS (IF(is_deleted, NULL, 1)) VIRTUAL, ADD UNIQUE KEY names (house, name, live);",
    |number: u64| if number % 2 == 0 { "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED" } else { "SELECT 1" },
    {
        a_key_unique_among_active_rows_has_at_most_one_of_them: AMONG_ACTIVE, ALONE;
        a_key_unique_among_all_rows_has_at_most_one_active_row: OVER_ALL, WITH_PURGES;
        revivals_do_what_they_report_while_rows_are_purged: AMONG_ACTIVE, WITH_PURGES;
        in_transactions_of_the_caller_revivals_fail_only_in_deadlocks: AMONG_ACTIVE, IN_TRANSACTIONS;
    }
);
