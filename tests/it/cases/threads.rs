// An erasure and a purge remove rows that refer to each other, whatever the order of their keys.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind as Kind, Error as DieselError};
use diesel::sql_types::Bool;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error, SoftDeleteMigration};

use super::backend::{Conn, DIALECT, connection};
use crate::support::TestConnection;

diesel::table! {
    replies (page, id) {
        page -> Integer,
        id -> Integer,
        parent -> Nullable<Integer>,
        quoted -> Nullable<Integer>,
        deleted_at -> Nullable<Timestamp>,
        held -> Bool,
    }
}
diesel::table! {
    removals (page, id) {
        page -> Integer,
        id -> Integer,
    }
}
diesel_soft_delete::soft_deletable! { replies { timestamp = deleted_at, hold = held } }

/// Page 1 is a thread of six rows in no order of their keys. Row 7 quotes 5, and 3 quotes 1. Page 2 has two rows.
///
/// ```text
/// 5 <- 9 <- 2 <- 7 <- 1
/// 5 <- 3
/// ```
///
/// The table has the guard against hard deletes, and a trigger that records each removal before it happens.
fn threads(action: &str) -> TestConnection<Conn> {
    let mut conn = connection();
    if DIALECT == Dialect::Sqlite {
        conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    }
    conn.batch_execute(&format!(
        "CREATE TABLE removals (page INTEGER NOT NULL, id INTEGER NOT NULL);
         CREATE TABLE replies (
             page INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER, quoted INTEGER, PRIMARY KEY (page, id),
             FOREIGN KEY (page, parent) REFERENCES replies (page, id) {action},
             FOREIGN KEY (page, quoted) REFERENCES replies (page, id) {action})"
    ))
    .unwrap();
    let guarded = SoftDeleteMigration::for_table::<replies::table>().guard_hard_delete();
    conn.batch_execute(&guarded.up_sql(DIALECT).unwrap()).unwrap();
    conn.batch_execute(match DIALECT {
        Dialect::Postgres => {
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO removals VALUES (OLD.page, OLD.id); RETURN OLD;
             END $$;
             CREATE TRIGGER note BEFORE DELETE ON replies FOR EACH ROW EXECUTE FUNCTION note();"
        }
        Dialect::Mysql => {
            "CREATE TRIGGER note BEFORE DELETE ON replies FOR EACH ROW INSERT INTO removals VALUES (OLD.page, OLD.id)"
        }
        Dialect::Sqlite => {
            "CREATE TRIGGER note BEFORE DELETE ON replies BEGIN INSERT INTO removals VALUES (OLD.page, OLD.id); END"
        }
    })
    .unwrap();
    for row in [
        "1, 5, NULL, NULL",
        "1, 9, 5, NULL",
        "1, 2, 9, NULL",
        "1, 7, 2, 5",
        "1, 1, 7, NULL",
        "1, 3, 5, 1",
        "2, 1, NULL, NULL",
        "2, 2, 1, NULL",
    ] {
        conn.batch_execute(&format!("INSERT INTO replies (page, id, parent, quoted) VALUES ({row})")).unwrap();
    }
    conn
}

type Row = (i32, i32, Option<i32>, Option<i32>, Option<chrono::NaiveDateTime>, bool);

fn stored(conn: &mut Conn) -> Vec<Row> {
    replies::table.order((replies::page, replies::id)).load(conn).unwrap()
}

fn removals(conn: &mut Conn) -> Vec<(i32, i32)> {
    removals::table.order((removals::page, removals::id)).load(conn).unwrap()
}

fn is_foreign_key(error: &Error) -> bool {
    matches!(error, Error::Database(DieselError::DatabaseError(kind, info))
        if matches!(kind, Kind::ForeignKeyViolation | Kind::RestrictViolation) || info.message().contains("FOREIGN KEY"))
}

/// Marks all rows as deleted long ago.
fn age(conn: &mut Conn) {
    conn.batch_execute("UPDATE replies SET deleted_at = '2024-01-01 00:00:00'").unwrap();
}

const PAGE_1: [(i32, i32); 6] = [(1, 1), (1, 2), (1, 3), (1, 5), (1, 7), (1, 9)];

#[test]
fn a_thread_is_erased_in_one_call() {
    for action in ["", "ON DELETE RESTRICT", "ON DELETE CASCADE"] {
        let conn = &mut *threads(action);
        // Some rows are deleted already.
        replies::table.filter(replies::id.eq_any([9, 3])).soft_delete().run(conn).unwrap();
        let report = replies::table.filter(replies::page.eq(1)).erase().run(conn).unwrap();
        assert_eq!((report.rows, report.archived), (6, 0), "{action}");
        assert_eq!(stored(conn).iter().map(|row| (row.0, row.1)).collect::<Vec<_>>(), [(2, 1), (2, 2)], "{action}");
        // The trigger fired once for each row.
        assert_eq!(removals(conn), PAGE_1, "{action}");
    }
}

#[test]
fn a_raw_filter_means_the_rows_that_are_removed() {
    let conn = &mut *threads("");
    let raw = || diesel::dsl::sql::<Bool>("page = 1 AND id <> 0 OR parent = 1 AND quoted IS NULL");
    assert_eq!(replies::table.filter(raw()).erase().run(conn).unwrap().rows, 7);
    assert_eq!(stored(conn).len(), 1);
    let conn = &mut *threads("");
    age(conn);
    assert_eq!(replies::table.filter(raw()).purge_older_than(TimeDelta::days(1)).run(conn).unwrap(), 7);
    assert_eq!(stored(conn).len(), 1);
}

#[test]
fn a_reply_outside_of_the_target_keeps_the_thread() {
    for action in ["", "ON DELETE RESTRICT"] {
        let conn = &mut *threads(action);
        let before = stored(conn);
        // Row 1 stays, and so do 7, 2, 9 and 5. Only row 3 is a leaf.
        let erase = || replies::table.filter(replies::page.eq(1).and(replies::id.ne(1))).erase();
        let error = erase().run(conn).unwrap_err();
        assert!(is_foreign_key(&error), "{action}: {error}");
        assert_eq!((stored(conn), removals(conn)), (before.clone(), vec![]), "{action}");
        // The caller's transaction stays usable.
        let rows = conn.transaction(|conn| {
            let error = erase().run(conn).unwrap_err();
            assert!(is_foreign_key(&error), "{action}: {error}");
            assert_eq!(stored(conn), before, "{action}");
            replies::table.filter(replies::page.eq(2)).erase().run(conn)?;
            replies::table.erase().run(conn)
        });
        assert_eq!(rows.unwrap().rows, 6, "{action}");
        assert_eq!(stored(conn), [], "{action}");
    }
}

#[test]
fn a_held_reply_keeps_the_thread() {
    let conn = &mut *threads("");
    conn.batch_execute("UPDATE replies SET held = TRUE WHERE page = 1 AND id = 2").unwrap();
    let before = stored(conn);
    let error = replies::table.erase().run(conn).unwrap_err();
    assert!(matches!(&error, Error::UnderHold { key, .. } if key.as_deref() == Some("1, 2")), "{error}");
    assert_eq!((stored(conn), removals(conn)), (before, vec![]));
    // A purge leaves a held row alone, and also the rows that it refers to.
    age(conn);
    let before = stored(conn);
    let error = replies::table.purge_older_than(TimeDelta::days(1)).run(conn).unwrap_err();
    assert!(is_foreign_key(&error), "{error}");
    assert_eq!((stored(conn), removals(conn)), (before, vec![]));
}

#[test]
fn a_thread_is_purged_in_one_call() {
    for action in ["", "ON DELETE RESTRICT"] {
        let conn = &mut *threads(action);
        let purge = || replies::table.purge_older_than(TimeDelta::days(30));
        assert_eq!(purge().run(conn).unwrap(), 0);
        age(conn);
        // An active reply keeps the row that it refers to. The purge fails, and the transaction stays usable.
        conn.batch_execute("UPDATE replies SET deleted_at = NULL WHERE page = 2 AND id = 2").unwrap();
        let before = stored(conn);
        let error = purge().run(conn).unwrap_err();
        assert!(is_foreign_key(&error), "{action}: {error}");
        assert_eq!((stored(conn), removals(conn)), (before.clone(), vec![]), "{action}");
        let removed = conn.transaction(|conn| {
            let error = purge().run(conn).unwrap_err();
            assert!(is_foreign_key(&error), "{action}: {error}");
            assert_eq!(stored(conn), before, "{action}");
            replies::table.filter(replies::page.eq(1)).purge_older_than(TimeDelta::days(30)).run(conn)
        });
        assert_eq!(removed.unwrap(), 6, "{action}");
        assert_eq!(stored(conn).iter().map(|row| (row.0, row.1)).collect::<Vec<_>>(), [(2, 1), (2, 2)], "{action}");
        assert_eq!(removals(conn), PAGE_1, "{action}");
    }
}

/// InnoDB does not remove a row that refers to itself, nor rows that refer to each other in a circle.
#[test]
fn a_circle_is_removed_except_on_innodb() {
    for circle in ["UPDATE replies SET parent = 5 WHERE id = 5", "UPDATE replies SET parent = 2 WHERE id = 5"] {
        let conn = &mut *threads("");
        conn.batch_execute(circle).unwrap();
        age(conn);
        let before = stored(conn);
        let purged = replies::table.purge_older_than(TimeDelta::days(30)).run(conn);
        if DIALECT == Dialect::Mysql {
            let error = purged.unwrap_err();
            assert!(is_foreign_key(&error), "{error}");
            let error = replies::table.erase().run(conn).unwrap_err();
            assert!(is_foreign_key(&error), "{error}");
            assert_eq!((stored(conn), removals(conn)), (before, vec![]));
        } else {
            assert_eq!(purged.unwrap(), 8);
            conn.batch_execute("INSERT INTO replies (page, id, parent) VALUES (1, 1, 1)").unwrap();
            assert_eq!(replies::table.erase().run(conn).unwrap().rows, 1);
        }
    }
}

#[test]
fn a_long_thread_is_removed_from_its_leaves() {
    for action in ["", "ON DELETE CASCADE"] {
        let conn = &mut *threads(action);
        for id in 10..60 {
            let parent = if id == 10 { "NULL".into() } else { (id - 1).to_string() };
            conn.batch_execute(&format!("INSERT INTO replies (page, id, parent) VALUES (3, {id}, {parent})")).unwrap();
        }
        age(conn);
        let page = |page: i32| replies::table.filter(replies::page.eq(page));
        if action.is_empty() {
            let younger = page(3).filter(replies::id.ge(35));
            assert_eq!(younger.purge_older_than(TimeDelta::days(30)).run(conn).unwrap(), 25);
        }
        let left = if action.is_empty() { 25 } else { 50 };
        assert_eq!(page(3).erase().run(conn).unwrap().rows, left, "{action}");
        assert_eq!(stored(conn).len(), 8, "{action}");
    }
}

/// The message of the trigger must not be lost.
#[test]
fn the_refusal_of_a_trigger_is_the_error() {
    let conn = &mut *threads("");
    conn.batch_execute(match DIALECT {
        Dialect::Postgres => {
            "CREATE FUNCTION precious() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF OLD.id = 9 THEN RAISE EXCEPTION 'nine is precious'; END IF; RETURN OLD;
             END $$;
             CREATE TRIGGER precious BEFORE DELETE ON replies FOR EACH ROW EXECUTE FUNCTION precious();"
        }
        Dialect::Mysql => {
            "CREATE TRIGGER precious BEFORE DELETE ON replies FOR EACH ROW
             IF OLD.id = 9 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'nine is precious'; END IF"
        }
        Dialect::Sqlite => {
            "CREATE TRIGGER precious BEFORE DELETE ON replies WHEN OLD.id = 9 BEGIN SELECT RAISE(ABORT, 'nine is precious'); END"
        }
    })
    .unwrap();
    age(conn);
    let before = stored(conn);
    let error = replies::table.erase().run(conn).unwrap_err();
    assert!(error.to_string().contains("nine is precious"), "{error}");
    let error = replies::table.purge_older_than(TimeDelta::days(30)).run(conn).unwrap_err();
    assert!(error.to_string().contains("nine is precious"), "{error}");
    assert_eq!((stored(conn), removals(conn)), (before, vec![]));
}
