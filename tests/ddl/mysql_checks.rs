//! `check` on MySQL and MariaDB knows times that are rounded or shifted, and virtual columns in unique keys.

use diesel::connection::SimpleConnection;
use diesel_soft_delete::Severity::{Error, Note, Warning};
use diesel_soft_delete::check;

use crate::findings::{clean, find, mend, report, shown};
use crate::support::mysql::connection;

diesel::table! {
    posts {
        id -> Integer,
        slug -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Datetime>,
        updated_at -> Datetime,
    }
}
diesel_soft_delete::soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at, touch = updated_at } }

fn create(deleted_at: &str, updated_at: &str, rest: &str) -> String {
    format!(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug VARCHAR(90) NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
             deleted_at {deleted_at}, updated_at {updated_at}{rest}, KEY by_purge (is_deleted, id, deleted_at))"
    )
}

#[test]
fn times_that_are_rounded_or_shifted_are_found() {
    let conn = &mut *connection();
    conn.batch_execute(&create("DATETIME NULL", "DATETIME(3) NOT NULL", "")).unwrap();
    mend::<posts::table, _>(conn, Warning, "`deleted_at` is datetime, which rounds");
    mend::<posts::table, _>(conn, Warning, "`updated_at` is datetime(3), which rounds");
    clean::<posts::table, _>(conn);
    conn.batch_execute("DROP TABLE posts").unwrap();
    conn.batch_execute(&create("TIMESTAMP(6) NULL", "TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)", "")).unwrap();
    conn.batch_execute("INSERT INTO posts VALUES (1, 'a', TRUE, '2024-03-01 12:00:00.25', NOW(6))").unwrap();
    mend::<posts::table, _>(conn, Warning, "`deleted_at` is timestamp(6), which goes through the time_zone");
    // The finding does not have SQL, since the right default is not known.
    report::<posts::table, _>(conn, Warning, "`updated_at` is timestamp(6), which goes through the time_zone");
    use diesel::prelude::*;
    let at = posts::table.select(posts::deleted_at).first::<Option<chrono::NaiveDateTime>>(conn).unwrap();
    assert_eq!(at.unwrap().to_string(), "2024-03-01 12:00:00.250");
}

#[test]
fn unique_keys_are_fixed_with_one_virtual_column() {
    let conn = &mut *connection();
    conn.batch_execute(&create(
        "DATETIME(6) NULL",
        "DATETIME(6) NOT NULL",
        ", UNIQUE KEY a (slug), UNIQUE KEY b (slug(10), updated_at)",
    ))
    .unwrap();
    let first = mend::<posts::table, _>(conn, Warning, "`a` counts soft-deleted rows");
    assert!(first.contains("ADD COLUMN `active_key`"), "{first}");
    let second = mend::<posts::table, _>(conn, Warning, "`b` counts soft-deleted rows");
    assert!(!second.contains("ADD COLUMN") && second.contains("(`slug`(10), `updated_at`, `active_key`)"), "{second}");
    clean::<posts::table, _>(conn);

    // One check finds both keys. The SQL of the first adds the column, and the second says so.
    conn.batch_execute("DROP TABLE posts").unwrap();
    conn.batch_execute(&create(
        "DATETIME(6) NULL",
        "DATETIME(6) NOT NULL",
        ", UNIQUE KEY a (slug), UNIQUE KEY b (slug(10), updated_at)",
    ))
    .unwrap();
    let findings = check::<posts::table, _>(conn).unwrap();
    assert!(shown(&findings).contains("fix `a` first"), "{}", shown(&findings));
    for finding in findings {
        for statement in finding.sql.unwrap().split(";\n") {
            conn.batch_execute(statement).unwrap();
        }
    }
    clean::<posts::table, _>(conn);
}

#[test]
fn a_flag_can_be_a_bit_if_its_default_is_active() {
    let conn = &mut *connection();
    let bit = |default: &str| {
        create("DATETIME(6) NULL", "DATETIME(6) NOT NULL", "")
            .replace("BOOLEAN NOT NULL DEFAULT FALSE", &format!("BIT(1) NOT NULL DEFAULT {default}"))
    };
    conn.batch_execute(&bit("b'0'")).unwrap();
    clean::<posts::table, _>(conn);
    conn.batch_execute("DROP TABLE posts").unwrap();
    conn.batch_execute(&bit("b'1'")).unwrap();
    mend::<posts::table, _>(conn, Error, "deleted from the start");
}

#[test]
fn case_matters_in_names_of_tables_and_not_of_columns() {
    let conn = &mut *connection();
    conn.batch_execute(&create("DATETIME(6) NULL", "DATETIME(6) NOT NULL", "")).unwrap();
    conn.batch_execute("CREATE TABLE Posts (id INTEGER PRIMARY KEY, other INTEGER UNIQUE)").unwrap();
    clean::<posts::table, _>(conn);
    conn.batch_execute("ALTER TABLE posts CHANGE is_deleted IS_Deleted BOOLEAN NOT NULL DEFAULT FALSE").unwrap();
    assert!(find::<posts::table, _>(conn, "is missing").is_none());
    conn.batch_execute("DROP TABLE posts").unwrap();
    report::<posts::table, _>(conn, Error, "does not exist");
}

#[test]
fn a_child_in_another_database_is_found() {
    let (conn, other) = (&mut *connection(), &mut *connection());
    conn.batch_execute(&create("DATETIME(6) NULL", "DATETIME(6) NOT NULL", "")).unwrap();
    use diesel::prelude::*;
    define_sql_function! { fn database() -> Text; }
    let parent = diesel::select(database()).get_result::<String>(conn).unwrap();
    other
        .batch_execute(&format!(
            "CREATE TABLE kids (id INTEGER, CONSTRAINT kid FOREIGN KEY (id) REFERENCES {parent}.posts (id) ON DELETE CASCADE)"
        ))
        .unwrap();
    mend::<posts::table, _>(conn, Warning, "ON DELETE CASCADE");
    other.batch_execute("DROP TABLE kids").unwrap();
}

#[test]
fn a_timestamp_that_cannot_be_null_is_an_error() {
    diesel::table! {
        notes {
            id -> Integer,
            deleted_at -> Nullable<Datetime>,
        }
    }
    diesel_soft_delete::soft_deletable! { notes { timestamp = deleted_at } }
    let conn = &mut *connection();
    for column in [
        "DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00'",
        "DATETIME(6) NOT NULL DEFAULT '1000-01-01 00:00:00'",
        "TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)",
    ] {
        conn.batch_execute(&format!(
            "SET sql_mode = ''; DROP TABLE IF EXISTS notes; CREATE TABLE notes (id INTEGER PRIMARY KEY, deleted_at {column})"
        ))
        .unwrap();
        let finding = find::<notes::table, _>(conn, "`deleted_at` is NOT NULL").unwrap();
        assert_eq!(finding.severity, Error);
        assert!(finding.message.contains("every row that holds a value counts as deleted"), "{finding}");
        mend::<notes::table, _>(conn, Error, "`deleted_at` is NOT NULL");
    }
}

#[test]
fn the_history_of_a_table_is_noted() {
    let conn = &mut *connection();
    conn.batch_execute(&create("DATETIME(6) NULL", "DATETIME(6) NOT NULL", "")).unwrap();
    assert!(find::<posts::table, _>(conn, "history").is_none());
    // MySQL itself does not have system-versioned tables.
    if conn.batch_execute("ALTER TABLE posts ADD SYSTEM VERSIONING").is_ok() {
        report::<posts::table, _>(conn, Note, "the table is system-versioned");
        clean::<posts::table, _>(conn);
    }
}
