// `erase()` removes every row of the target and its copies in archives, or it changes nothing.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::Bool;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, ErasureReport, Error, SoftDeleteMigration};

use super::backend::{Conn, DIALECT, INSTANT_NULL, connection};
use crate::support::TestConnection;

diesel::table! {
    people {
        id -> Integer,
        email -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        legal_hold -> Bool,
    }
}
diesel::table! {
    people_archive {
        id -> Integer,
        email -> Text,
        legal_hold -> Bool,
    }
}
diesel::table! {
    old_people {
        id -> Integer,
        email -> Text,
        legal_hold -> Bool,
    }
}
diesel::table! {
    orders {
        id -> Integer,
        person_id -> Integer,
        closed -> Bool,
    }
}
diesel::table! {
    orders_archive {
        id -> Integer,
        person_id -> Integer,
    }
}
diesel_soft_delete::soft_deletable! {
    people { hold = legal_hold }
    orders { flag = closed }
}
diesel::joinable!(orders -> people (person_id));
diesel::allow_tables_to_appear_in_same_query!(people, orders);

#[derive(Identifiable, Queryable, Selectable)]
#[diesel(table_name = people)]
struct Person {
    id: i32,
}

#[derive(Identifiable, Associations)]
#[diesel(table_name = orders, belongs_to(Person))]
#[allow(dead_code, reason = "only the association is used")]
struct Order {
    id: i32,
    person_id: i32,
}

/// Creates and fills these tables:
///
/// | people | people_archive, old_people | orders | orders_archive |
/// |---|---|---|---|
/// | 1 ann | | 1 | |
/// | ~~2 bob~~ | 2 bob | | |
/// | 3 cy, held | | ~~2~~ | |
/// | | 4 dee | | 3, 4 of 1 |
///
/// `people` and `orders` have the guard against hard deletes.
fn fill() -> TestConnection<Conn> {
    fill_into(connection())
}

fn fill_into(mut conn: TestConnection<Conn>) -> TestConnection<Conn> {
    if DIALECT == Dialect::Sqlite {
        conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    }
    conn.batch_execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email VARCHAR(20) NOT NULL)").unwrap();
    let guarded = SoftDeleteMigration::for_table::<people::table>().guard_hard_delete().archive_table("people_archive");
    conn.batch_execute(&guarded.up_sql(DIALECT).unwrap()).unwrap();
    conn.batch_execute(
        "CREATE TABLE old_people (id INTEGER, email VARCHAR(20), legal_hold BOOLEAN NOT NULL);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, FOREIGN KEY (person_id) REFERENCES people (id));
         CREATE TABLE orders_archive (id INTEGER, person_id INTEGER)",
    )
    .unwrap();
    let guarded = SoftDeleteMigration::for_table::<orders::table>().guard_hard_delete();
    conn.batch_execute(&guarded.up_sql(DIALECT).unwrap()).unwrap();
    conn.batch_execute(
        "INSERT INTO people (id, email, is_deleted, deleted_at, legal_hold) VALUES
             (1, 'ann', FALSE, NULL, FALSE), (2, 'bob', TRUE, '2024-01-01 00:00:00', FALSE), (3, 'cy', FALSE, NULL, TRUE);
         INSERT INTO people_archive (id, email, is_deleted, legal_hold) VALUES (2, 'bob', TRUE, FALSE), (4, 'dee', TRUE, FALSE);
         INSERT INTO old_people VALUES (2, 'bob', FALSE), (4, 'dee', FALSE);
         INSERT INTO orders (id, person_id, closed) VALUES (1, 1, FALSE), (2, 3, TRUE);
         INSERT INTO orders_archive VALUES (3, 1), (4, 1);",
    )
    .unwrap();
    conn
}

/// Everything that is stored, as text.
fn stored(conn: &mut Conn) -> String {
    #[allow(clippy::type_complexity, reason = "a row")]
    let people: Vec<(i32, String, bool, Option<chrono::NaiveDateTime>, bool)> =
        people::table.order(people::id).load(conn).unwrap();
    let archive: Vec<(i32, String, bool)> = people_archive::table.order(people_archive::id).load(conn).unwrap();
    let old: Vec<(i32, String, bool)> = old_people::table.order(old_people::id).load(conn).unwrap();
    let orders: Vec<(i32, i32, bool)> = orders::table.order(orders::id).load(conn).unwrap();
    let closed: Vec<(i32, i32)> = orders_archive::table.order(orders_archive::id).load(conn).unwrap();
    format!("{people:?}\n{archive:?}\n{old:?}\n{orders:?}\n{closed:?}")
}

/// The ids in `people`, `people_archive` and `old_people`.
fn ids(conn: &mut Conn) -> [Vec<i32>; 3] {
    [
        people::table.select(people::id).order(people::id).load(conn).unwrap(),
        people_archive::table.select(people_archive::id).order(people_archive::id).load(conn).unwrap(),
        old_people::table.select(old_people::id).order(old_people::id).load(conn).unwrap(),
    ]
}

fn counts(report: ErasureReport) -> (u64, u64) {
    (report.rows, report.archived)
}

/// The table, the key of the first row, and the number of rows that the error names.
fn under_hold(result: Result<ErasureReport, Error>) -> (String, Option<String>, u64) {
    match result {
        Err(Error::UnderHold { table, key, rows }) => (table, key, rows),
        other => panic!("{other:?}"),
    }
}

/// An action that runs just before a statement is sent.
struct Before<F>(&'static str, F);

impl<F: FnMut(&str) + Send + 'static> Instrumentation for Before<F> {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let sql = query.to_string();
            if sql.contains(self.0) {
                (self.1)(&sql);
            }
        }
    }
}

#[test]
fn active_and_deleted_rows_are_erased_despite_the_guard() {
    let conn = &mut *fill();
    // The guard refuses an ordinary delete.
    assert!(diesel::delete(orders::table.find(1)).execute(conn).is_err());
    assert_eq!(counts(orders::table.find(1).erase().run(conn).unwrap()), (1, 0));
    assert!(diesel::delete(people::table.find(1)).execute(conn).is_err());
    assert_eq!(counts(people::table.find(1).erase().run(conn).unwrap()), (1, 0));
    assert_eq!(counts(people::table.find(2).erase().run(conn).unwrap()), (1, 0));
    assert_eq!(counts(people::table.find(2).erase().run(conn).unwrap()), (0, 0));
    assert_eq!(ids(conn), [vec![3], vec![2, 4], vec![2, 4]]);

    // The table has only a flag. A target can be a model, its children or a whole table.
    let person: Person = people::table.find(3).select(Person::as_select()).first(conn).unwrap();
    assert_eq!(counts(Order::belonging_to(&person).erase().run(conn).unwrap()), (1, 0));
    diesel::update(people::table).set(people::legal_hold.eq(false)).execute(conn).unwrap();
    assert_eq!(counts((&person).erase().run(conn).unwrap()), (1, 0));
    assert_eq!(counts(people::table.erase().run(conn).unwrap()), (0, 0));
}

#[test]
fn an_erasure_sends_these_statements() {
    let conn = &mut *fill();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = sent.clone();
    conn.set_instrumentation(Before("", move |sql: &str| log.lock().unwrap().push(sql.to_owned())));
    let erase = people::table.find(2).erase().archived_in(people_archive::table);
    assert_eq!(counts(erase.run(conn).unwrap()), (1, 1));
    assert_eq!(counts(orders::table.erase().archived_in(orders_archive::table).run(conn).unwrap()), (2, 2));
    // The first queries ask whether the tables are system-versioned.
    let asked = |sql: &&String| sql.contains("information_schema");
    assert_eq!(sent.lock().unwrap().iter().filter(asked).count(), if DIALECT == Dialect::Mysql { 4 } else { 0 });
    let sent: Vec<String> = sent.lock().unwrap().iter().filter(|sql| !asked(sql)).map(|sql| plain(sql)).collect();
    let lock = if DIALECT == Dialect::Mysql { " FOR UPDATE" } else { "" };
    let copies = |archive: &str, table: &str| match DIALECT {
        Dialect::Mysql => format!("DELETE \"{table}\" FROM \"{archive}\" AS \"{table}\""),
        _ => format!("DELETE FROM \"{archive}\" AS \"{table}\""),
    };
    let target = "WHERE (\"people\".\"id\" = ?)";
    let free = "(\"people\".\"legal_hold\" = FALSE)";
    let count = |from: &str| {
        format!("SELECT COUNT(*), COUNT(CASE WHEN {free} THEN NULL ELSE 1 END) FROM {from} {target}{lock}")
    };
    let count_all = |from: &str| format!("SELECT COUNT(*), COUNT(NULL) FROM {from}{lock}");
    let people = copies("people_archive", "people");
    let delete_copies = format!("{people} {target} AND {free}");
    let expected = [
        String::from("BEGIN"),
        count("\"people\""),
        count("\"people_archive\" AS \"people\""),
        delete_copies.clone(),
        format!(
            "UPDATE \"people\" SET \"is_deleted\" = TRUE, \"deleted_at\" = ? {target} AND (\"people\".\"is_deleted\" = FALSE)"
        ),
        format!("DELETE FROM \"people\" {target} AND (\"people\".\"is_deleted\" = TRUE) AND {free}"),
        delete_copies,
        count("\"people\""),
        count("\"people_archive\" AS \"people\""),
        String::from("COMMIT"),
        String::from("BEGIN"),
        count_all("\"orders\""),
        count_all("\"orders_archive\" AS \"orders\""),
        copies("orders_archive", "orders"),
        String::from("UPDATE \"orders\" SET \"closed\" = TRUE WHERE (\"orders\".\"closed\" = FALSE)"),
        String::from("DELETE FROM \"orders\" WHERE (\"orders\".\"closed\" = TRUE)"),
        copies("orders_archive", "orders"),
        count_all("\"orders\""),
        count_all("\"orders_archive\" AS \"orders\""),
        String::from("COMMIT"),
    ];
    assert_eq!(sent, expected);
}

fn plain(sql: &str) -> String {
    let sql = sql.split(" -- binds").next().expect("some SQL").replace('`', "\"");
    (1..=9).rev().fold(sql, |sql, number| sql.replace(&format!("${number}"), "?"))
}

#[test]
fn copies_in_named_archives_are_erased_too() {
    let conn = &mut *fill();
    // One row is in the table, and one was purged before. Their copies are in one archive or in two.
    let erase = people::table.find(2).erase().archived_in(people_archive::table);
    assert_eq!(counts(erase.run(conn).unwrap()), (1, 1));
    assert_eq!(ids(conn), [vec![1, 3], vec![4], vec![2, 4]]);
    let by_mail = people::table.filter(people::email.eq("dee").or(people::email.eq("bob")));
    let erase = by_mail.erase().archived_in(people_archive::table).archived_in(old_people::table);
    assert_eq!(counts(erase.run(conn).unwrap()), (0, 3));
    assert_eq!(ids(conn), [vec![1, 3], vec![], vec![]]);
}

#[test]
fn raw_filters_do_not_bypass_a_hold() {
    let raw = || diesel::dsl::sql::<Bool>("id = 2 OR id = 4");
    let conn = &mut *fill();
    diesel::update(people_archive::table.find(4)).set(people_archive::legal_hold.eq(true)).execute(conn).unwrap();
    let before = stored(conn);
    let erase = || people::table.filter(raw()).erase().archived_in(people_archive::table);
    assert_eq!(under_hold(erase().run(conn)), ("people_archive".into(), Some("4".into()), 1));
    assert_eq!(stored(conn), before);
    diesel::update(people_archive::table).set(people_archive::legal_hold.eq(false)).execute(conn).unwrap();
    assert_eq!(counts(erase().run(conn).unwrap()), (1, 2));
    assert_eq!(ids(conn), [vec![1, 3], vec![], vec![2, 4]]);
    let raw = diesel::dsl::sql::<Bool>("id = 3 OR id = 9");
    let erase = orders::table.filter(raw).erase().archived_in(orders_archive::table);
    assert_eq!(counts(erase.run(conn).unwrap()), (0, 1));
    assert_eq!(orders::table.count().get_result::<i64>(conn), Ok(2));
}

#[test]
fn copies_that_a_trigger_makes_meanwhile_are_erased_too() {
    let conn = &mut *fill();
    conn.batch_execute(match DIALECT {
        Dialect::Postgres => {
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO old_people VALUES (OLD.id, OLD.email, FALSE); RETURN NULL;
             END $$;
             CREATE TRIGGER keep AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION keep();"
        }
        Dialect::Mysql => {
            "CREATE TRIGGER keep AFTER DELETE ON people FOR EACH ROW INSERT INTO old_people VALUES (OLD.id, OLD.email, FALSE)"
        }
        Dialect::Sqlite => {
            "CREATE TRIGGER keep AFTER DELETE ON people BEGIN INSERT INTO old_people VALUES (OLD.id, OLD.email, FALSE); END"
        }
    })
    .unwrap();
    let erase = people::table.find(2).erase().archived_in(old_people::table);
    assert_eq!(counts(erase.run(conn).unwrap()), (1, 2));
    assert_eq!(ids(conn), [vec![1, 3], vec![2, 4], vec![4]]);
}

/// The filter may read rows that the first step removes.
#[test]
fn copies_are_found_when_the_filter_reads_the_erased_rows() {
    let conn = &mut *fill();
    if DIALECT == Dialect::Mysql {
        return; // An UPDATE of MySQL cannot read its own table in a subquery.
    }
    let twins = diesel::alias!(people as twins);
    let known = twins.filter(twins.field(people::email).eq("bob")).select(twins.field(people::id));
    let erase = people::table.filter(people::id.eq_any(known)).erase().archived_in(people_archive::table);
    assert_eq!(counts(erase.run(conn).unwrap()), (1, 1));
    assert_eq!(ids(conn), [vec![1, 3], vec![4], vec![2, 4]]);
}

#[test]
fn rows_under_hold_are_refused_and_named_by_their_key() {
    let conn = &mut *fill();
    let before = stored(conn);
    let error = people::table.erase().archived_in(people_archive::table).run(conn).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`people`") && text.contains("1 row of the target is under hold") && text.contains("the key 3)"),
        "{text}"
    );
    assert_eq!(under_hold(Err(error)), ("people".into(), Some("3".into()), 1));
    assert_eq!(under_hold(people::table.find(3).erase().run(conn)), ("people".into(), Some("3".into()), 1));
    assert_eq!(stored(conn), before);

    // A held copy is refused too, although the row itself is not held.
    diesel::update(people_archive::table).set(people_archive::legal_hold.eq(true)).execute(conn).unwrap();
    let before = stored(conn);
    let erase = || people::table.filter(people::id.ne(3)).erase();
    assert_eq!(
        under_hold(erase().archived_in(people_archive::table).run(conn)),
        ("people_archive".into(), Some("2".into()), 2)
    );
    assert_eq!(stored(conn), before);
    diesel::delete(orders::table.filter(orders::closed)).execute(conn).unwrap();
    assert_eq!(counts(orders::table.erase().run(conn).unwrap()), (1, 0));
    assert_eq!(counts(erase().run(conn).unwrap()), (2, 0));

    // Where a flag is an integer, a value other than 0 and 1 counts as held.
    if DIALECT != Dialect::Postgres {
        conn.batch_execute("UPDATE people SET legal_hold = 2").unwrap();
        assert_eq!(under_hold(people::table.erase().run(conn)), ("people".into(), Some("3".into()), 1));
        assert_eq!(people::table.active().count().get_result::<i64>(conn), Ok(1));
    }
}

#[test]
fn a_held_row_is_named_by_a_key_of_any_type() {
    diesel::table! {
        seats (hall, place) {
            hall -> Integer,
            place -> Text,
            deleted_at -> Nullable<Timestamp>,
            held -> Nullable<Bool>,
        }
    }
    diesel::table! {
        blobs {
            id -> Binary,
            is_active -> Bool,
            held -> Bool,
        }
    }
    diesel_soft_delete::soft_deletable! {
        seats { timestamp = deleted_at, hold = held }
        blobs { active_flag = is_active, hold = held }
    }
    let conn = &mut *connection();
    let bytes = match DIALECT {
        Dialect::Postgres => ("BYTEA", r"'\xff00'"),
        Dialect::Mysql => ("VARBINARY(9)", "X'FF00'"),
        Dialect::Sqlite => ("BLOB", "X'FF00'"),
    };
    conn.batch_execute(&format!(
        "CREATE TABLE seats (hall INTEGER, place VARCHAR(9), deleted_at {INSTANT_NULL}, held BOOLEAN, PRIMARY KEY (hall, place));
         INSERT INTO seats (hall, place, held) VALUES (2, 'b', TRUE), (1, 'z', TRUE), (1, 'y', NULL), (1, 'x', FALSE);
         CREATE TABLE blobs (id {} PRIMARY KEY, is_active BOOLEAN NOT NULL, held BOOLEAN NOT NULL);
         INSERT INTO blobs VALUES ({}, TRUE, TRUE)",
        bytes.0, bytes.1
    ))
    .unwrap();
    assert_eq!(under_hold(seats::table.erase().run(conn)), ("seats".into(), Some("1, z".into()), 2));
    assert_eq!(seats::table.active().count().get_result::<i64>(conn), Ok(4));
    // NULL is not a hold.
    assert_eq!(
        counts(seats::table.filter(seats::place.gt("b").and(seats::place.lt("z"))).erase().run(conn).unwrap()),
        (2, 0)
    );
    assert_eq!(
        seats::table.select(seats::place).order(seats::place).load::<String>(conn),
        Ok(vec!["b".into(), "z".into()])
    );

    let (table, _, rows) = under_hold(blobs::table.erase().run(conn));
    assert_eq!((&*table, rows), ("blobs", 1));
    diesel::update(blobs::table).set(blobs::held.eq(false)).execute(conn).unwrap();
    assert_eq!(counts(blobs::table.erase().run(conn).unwrap()), (1, 0));
}

/// The trigger stands for a session that sets the hold meanwhile.
#[test]
fn a_hold_that_is_set_meanwhile_is_respected() {
    let conn = &mut *fill();
    conn.batch_execute(match DIALECT {
        Dialect::Postgres => {
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.legal_hold := TRUE; RETURN NEW; END $$;
             CREATE TRIGGER hold BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION hold();"
        }
        Dialect::Mysql => "CREATE TRIGGER hold BEFORE UPDATE ON people FOR EACH ROW SET NEW.legal_hold = TRUE",
        Dialect::Sqlite => {
            "CREATE TRIGGER hold AFTER UPDATE OF is_deleted ON people BEGIN UPDATE people SET legal_hold = TRUE WHERE id = OLD.id; END"
        }
    })
    .unwrap();
    orders::table.erase().run(conn).unwrap();
    let before = stored(conn);
    let erase = people::table.find(1).erase().archived_in(people_archive::table);
    assert_eq!(under_hold(erase.run(conn)), ("people".into(), Some("1".into()), 1));
    assert_eq!(stored(conn), before);
}

#[test]
fn a_foreign_key_keeps_the_row() {
    let conn = &mut *fill();
    let before = stored(conn);
    let erase = || people::table.find(1).erase();
    let is_foreign_key = |error: Error| {
        matches!(error, Error::Database(DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)))
    };
    assert!(is_foreign_key(erase().run(conn).unwrap_err()));
    assert_eq!(stored(conn), before);

    // The caller's transaction stays usable, so it can erase the children first and then the parent.
    let report = conn.transaction(|conn| {
        assert!(is_foreign_key(erase().run(conn).unwrap_err()));
        assert_eq!(stored(conn), before);
        assert_eq!(under_hold(people::table.find(3).erase().run(conn)).2, 1);
        orders::table.filter(orders::person_id.eq(1)).erase().run(conn)?;
        erase().run(conn)
    });
    assert_eq!(counts(report.unwrap()), (1, 0));
    assert_eq!(ids(conn)[0], [2, 3]);
    assert_eq!(orders::table.select(orders::id).load::<i32>(conn), Ok(vec![2]));
}

#[test]
fn a_rollback_of_the_caller_undoes_an_erasure() {
    let conn = &mut *fill();
    let before = stored(conn);
    let result = conn.transaction(|conn| {
        let report = people::table.find(2).erase().archived_in(people_archive::table).run(conn)?;
        assert_eq!(counts(report), (1, 1));
        Err::<(), Error>(DieselError::RollbackTransaction.into())
    });
    assert!(result.is_err());
    assert_eq!(stored(conn), before);
}

#[test]
fn a_filter_on_what_a_soft_delete_changes_is_an_error() {
    let conn = &mut *fill();
    let before = stored(conn);
    let not_held = || people::table.filter(people::legal_hold.eq(false));
    let not_erased = |result: Result<ErasureReport, Error>| match result {
        Err(Error::NotErased { table, found, removed }) => (table, found, removed),
        other => panic!("{other:?}"),
    };
    orders::table.filter(orders::id.eq(1)).soft_delete().run(conn).unwrap();
    diesel::delete(orders::table.find(1)).execute(conn).unwrap();
    let before = before.replace("(1, 1, false), ", "");
    let error = not_erased(not_held().filter(people::is_deleted.eq(false)).erase().run(conn));
    assert_eq!(error, ("people".into(), 1, 0));
    assert_eq!(stored(conn), before);
    // One row matches before the soft delete and one after it. They do not compensate for each other.
    let either = people::is_deleted.eq(false).or(people::id.eq(2));
    assert_eq!(not_erased(not_held().filter(either).erase().run(conn)), ("people".into(), 2, 1));
    assert_eq!(not_erased(people::table.find(1).active().erase().run(conn)), ("people".into(), 1, 0));
    assert_eq!(stored(conn), before);
    assert_eq!(counts(not_held().filter(people::is_deleted.eq(true)).erase().run(conn).unwrap()), (1, 0));
    assert_eq!(ids(conn)[0], [1, 3]);
}

/// The trigger silently skips the DELETE of a row or of a copy.
#[test]
fn a_row_or_copy_that_is_left_is_an_error() {
    for (table, id) in [("people", 2), ("old_people", 4)] {
        let conn = &mut *fill();
        conn.batch_execute(&match DIALECT {
            Dialect::Postgres => format!(
                "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
                 CREATE TRIGGER swallow BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION swallow();"
            ),
            Dialect::Sqlite => {
                format!("CREATE TRIGGER swallow BEFORE DELETE ON {table} BEGIN SELECT RAISE(IGNORE); END")
            }
            Dialect::Mysql => return, // MySQL does not have such triggers.
        })
        .unwrap();
        let before = stored(conn);
        let error = people::table.find(id).erase().archived_in(old_people::table).run(conn).unwrap_err();
        assert!(matches!(&error, Error::NotErased { table: name, found: 1, removed: 0 } if name == table), "{error}");
        assert_eq!(stored(conn), before);
    }
}

#[test]
fn unsuitable_archives_are_refused() {
    diesel::table! {
        blog.notes {
            id -> Integer,
            is_deleted -> Bool,
        }
    }
    diesel_soft_delete::soft_deletable! { notes { flag = is_deleted } }
    let conn = &mut *fill();
    let before = stored(conn);
    // This table does not exist, so the error comes before any query.
    let error = notes::table.erase().archived_in(people_archive::table).run(conn).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("copies of `blog.notes` in `people_archive`") && text.contains("schema"), "{text}");
    let error = people::table.find(1).erase().archived_in(people::table).run(conn).unwrap_err();
    assert!(matches!(&error, Error::UnsupportedErasure { why, .. } if why.contains("itself")), "{error}");
    // This archive does not have the column that the filter names.
    let error = people::table.filter(people::email.eq("bob")).erase().archived_in(orders_archive::table).run(conn);
    assert!(matches!(error, Err(Error::Database(_))), "{error:?}");
    assert_eq!(stored(conn), before);
}

/// MariaDB keeps the old versions of rows of a system-versioned table, and anyone can read them.
#[test]
fn tables_that_keep_their_history_are_refused() {
    let is_mariadb = |conn: &mut Conn| {
        let version = diesel::dsl::sql::<diesel::sql_types::Text>("VERSION()");
        diesel::select(version).get_result::<String>(conn).unwrap().contains("MariaDB")
    };
    let conn = &mut *fill();
    if DIALECT != Dialect::Mysql || !is_mariadb(conn) {
        return;
    }
    let refused = |error: Error, table: &str| {
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot erase in `{table}`: it is system-versioned")), "{text}");
        assert!(text.contains(&format!("DELETE HISTORY FROM {table}")), "{text}");
    };
    conn.batch_execute("ALTER TABLE old_people ADD SYSTEM VERSIONING").unwrap();
    let before = stored(conn);
    // Any named archive is checked. An archive that is not named is not.
    let erase = || people::table.find(2).erase().archived_in(people_archive::table);
    refused(erase().archived_in(old_people::table).run(conn).unwrap_err(), "old_people");
    assert_eq!(stored(conn), before);
    assert_eq!(counts(people::table.find(9).erase().run(conn).unwrap()), (0, 0));

    // The table itself is checked, even if it has partitions or no row matches.
    conn.batch_execute("DROP TABLE orders; ALTER TABLE people ADD SYSTEM VERSIONING PARTITION BY SYSTEM_TIME").unwrap();
    conn.batch_execute("CREATE TABLE orders (id INTEGER, person_id INTEGER, closed BOOLEAN)").unwrap();
    let before = stored(conn);
    refused(erase().run(conn).unwrap_err(), "people");
    refused(people::table.filter(people::id.eq(99)).erase().run(conn).unwrap_err(), "people");
    let result = conn.transaction(|conn| {
        refused(people::table.erase().run(conn).unwrap_err(), "people");
        diesel::update(people_archive::table.find(4)).set(people_archive::email.eq("eve")).execute(conn)?;
        Err::<(), Error>(DieselError::RollbackTransaction.into())
    });
    assert!(result.is_err());
    assert_eq!(stored(conn), before);

    // The erasure works after what the message advises.
    conn.batch_execute("ALTER TABLE people REMOVE PARTITIONING; ALTER TABLE people DROP SYSTEM VERSIONING").unwrap();
    assert_eq!(counts(erase().run(conn).unwrap()), (1, 1));
}

#[test]
fn a_purge_after_an_erasure_finds_nothing() {
    let conn = &mut *fill();
    people::table.find(2).erase().run(conn).unwrap();
    assert_eq!(people::table.purge_older_than(TimeDelta::zero()).run(conn).unwrap(), 0);
}

/// Another connection commits between two of the statements. On MySQL it would have to wait.
#[test]
fn changes_by_another_connection_meanwhile_are_noticed() {
    use super::backend::shared;
    if DIALECT != Dialect::Postgres {
        return;
    }
    for (moment, sql, held) in [
        ("UPDATE", "UPDATE people SET legal_hold = TRUE WHERE id = 1", Some("1")),
        ("DELETE FROM \"people\"", "UPDATE people SET legal_hold = TRUE WHERE id = 2", Some("2")),
        ("DELETE FROM \"people\"", "INSERT INTO people (id, email) VALUES (0, 'new')", None),
        ("DELETE FROM \"people\"", "UPDATE people SET is_deleted = FALSE, deleted_at = NULL WHERE id = 2", None),
        ("DELETE FROM \"people\"", "INSERT INTO people (id, email, legal_hold) VALUES (0, 'new', TRUE)", Some("0")),
    ] {
        let (owner, url) = shared();
        let conn = &mut *fill_into(owner);
        orders::table.erase().run(conn).unwrap();
        let mut other = Conn::establish(&url).unwrap();
        conn.set_instrumentation(Before(moment, move |_: &str| other.batch_execute(sql).unwrap()));
        let error = people::table.filter(people::id.lt(3)).erase().run(conn).unwrap_err();
        match held {
            Some(key) => assert_eq!(under_hold(Err(error)), ("people".into(), Some(key.into()), 1), "{sql}"),
            None => assert!(matches!(error, Error::NotErased { .. }), "{sql}: {error}"),
        }
        // Only the other connection's change is stored.
        let ann = people::table.find(1).active().count().get_result::<i64>(conn);
        let bob = people::table.find(2).count().get_result::<i64>(conn);
        assert_eq!((ann, bob), (Ok(1), Ok(1)), "{sql}");
    }
}
