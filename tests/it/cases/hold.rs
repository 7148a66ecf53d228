// A purge leaves rows under hold. The other verbs ignore a hold.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

use super::backend::{Conn, DIALECT, Db, INSTANT_NULL, connection};

diesel::table! {
    mails {
        id -> Integer,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        legal_hold -> Bool,
    }
}
diesel::table! {
    files {
        id -> Integer,
        deleted_at -> Nullable<Timestamp>,
        held -> Nullable<Bool>,
    }
}

#[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
#[diesel(table_name = mails)]
#[soft_delete(hold = under_hold, timestamp = deleted_at, flag = is_deleted)]
struct Mail {
    id: i32,
    #[diesel(column_name = legal_hold)]
    under_hold: bool,
}
diesel_soft_delete::soft_deletable! { files { timestamp = deleted_at, hold = held } }

/// Row 1 is deleted, 2 is deleted and held, 3 is active and held. In `files`, a NULL does not hold 1, nor a FALSE 4.
fn fill() -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    conn.batch_execute(&format!(
        "CREATE TABLE mails (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {INSTANT_NULL},
             legal_hold BOOLEAN NOT NULL DEFAULT FALSE);
         CREATE TABLE files (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL}, held BOOLEAN);
         INSERT INTO mails (id, is_deleted, deleted_at, legal_hold) VALUES
             (1, TRUE, '2024-01-01 00:00:00', FALSE), (2, TRUE, '2024-01-01 00:00:00', TRUE), (3, FALSE, NULL, TRUE);
         INSERT INTO files (id, deleted_at, held) VALUES
             (1, '2024-01-01 00:00:00', NULL), (2, '2024-01-01 00:00:00', TRUE), (3, NULL, TRUE),
             (4, '2024-01-01 00:00:00', FALSE);"
    ))
    .unwrap();
    conn
}

fn sql(query: &impl diesel::query_builder::QueryFragment<Db>) -> String {
    let sql = diesel::debug_query::<Db, _>(query).to_string();
    let sql = sql.split(" -- binds").next().expect("some SQL").replace('`', "\"");
    (1..=9).rev().fold(sql, |sql, number| sql.replace(&format!("${number}"), "?"))
}

#[test]
fn a_purge_leaves_held_rows() {
    let conn = &mut *fill();
    let age = TimeDelta::days(30);
    assert_eq!(
        sql(&mails::table.find(1).purge_older_than(age)),
        format!(
            "DELETE FROM \"mails\" WHERE (\"mails\".\"id\" = ?) AND (\"mails\".\"is_deleted\" = TRUE) \
             AND (\"mails\".\"deleted_at\" < ?) AND {} AND (\"mails\".\"legal_hold\" = FALSE)",
            crate::support::known_time(DIALECT, "\"mails\".\"deleted_at\"")
        ),
    );
    assert_eq!(
        sql(&files::table.purge_older_than(age)),
        format!(
            "DELETE FROM \"files\" WHERE (\"files\".\"deleted_at\" IS NOT NULL) \
         AND (\"files\".\"deleted_at\" < ?) AND {} AND (\"files\".\"held\" = FALSE OR \"files\".\"held\" IS NULL)",
            crate::support::known_time(DIALECT, "\"files\".\"deleted_at\"")
        ),
    );
    assert_eq!(mails::table.find(2).purge_older_than(age).run(conn).unwrap(), 0);
    assert_eq!(mails::table.purge_older_than(age).run(conn).unwrap(), 1);
    assert_eq!(mails::table.select(mails::id).order(mails::id).load::<i32>(conn), Ok(vec![2, 3]));
    assert_eq!(files::table.purge_older_than(age).execute(conn), Ok(2));
    assert_eq!(files::table.select(files::id).order(files::id).load::<i32>(conn), Ok(vec![2, 3]));

    // Without its hold, a row is removed by the next purge.
    diesel::update(mails::table.find(2)).set(mails::legal_hold.eq(false)).execute(conn).unwrap();
    diesel::update(files::table.find(2)).set(files::held.eq(None::<bool>)).execute(conn).unwrap();
    assert_eq!(mails::table.purge_older_than(age).run(conn).unwrap(), 1);
    assert_eq!(files::table.purge_older_than(age).run(conn).unwrap(), 1);
}

#[test]
fn soft_delete_and_restore_ignore_a_hold() {
    let conn = &mut *fill();
    assert_eq!(mails::table.find(3).soft_delete().run(conn).unwrap(), 1);
    assert_eq!(mails::table.find(2).restore().run(conn).unwrap(), 1);
    assert_eq!(files::table.find(3).soft_delete().run(conn).unwrap(), 1);
    let rows = mails::table.order(mails::id).select((mails::id, mails::is_deleted, mails::legal_hold)).load(conn);
    assert_eq!(rows, Ok(vec![(1, true, false), (2, false, true), (3, true, true)]));
    let mail: Mail = mails::table.find(2).select(Mail::as_select()).first(conn).unwrap();
    assert!(mail.under_hold);
    assert_eq!(mail.soft_delete().execute(conn), Ok(1));
    assert!(!sql(&mails::table.find(2).restore()).contains("legal_hold"));
}
