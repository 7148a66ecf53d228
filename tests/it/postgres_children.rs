//! On PostgreSQL, some foreign keys demand more or less than an equal value.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{PurgeReport, Stopped};

use crate::support::postgres::{Conn, connection};

diesel::table! { accounts (code) { code -> Text, deleted_at -> Nullable<Timestamp> } }
diesel_soft_delete::soft_deletable! { accounts { timestamp = deleted_at } }

fn run(conn: &mut Conn) -> PurgeReport {
    accounts::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(40).run(conn).unwrap()
}

fn assert_blocked(report: &PurgeReport, rows: u64, blocked: u64) {
    assert_eq!((report.rows, report.blocked_rows, report.stopped), (rows, blocked, Stopped::Complete), "{report}");
}

const ACCOUNTS: &str = "
    CREATE TABLE accounts (code TEXT COLLATE \"C\" PRIMARY KEY, deleted_at TIMESTAMP);
    INSERT INTO accounts SELECT 'a' || n, '2024-01-01' FROM generate_series(1, 300) AS n;";

/// PostgreSQL does not compare values of two collations if neither is the default.
#[test]
fn a_foreign_key_of_another_collation_holds_rows() {
    for collation in ["", "COLLATE \"POSIX\"", "COLLATE \"und-x-icu\""] {
        let conn = &mut *connection();
        conn.batch_execute(ACCOUNTS).unwrap();
        conn.batch_execute(&format!(
            "CREATE TABLE invoices (id INTEGER, account TEXT {collation} REFERENCES accounts);
             INSERT INTO invoices SELECT n, 'a' || n FROM generate_series(1, 120) AS n"
        ))
        .unwrap();
        let report = run(conn);
        assert_blocked(&report, 180, 120);
        assert_eq!(report.blocked[0].message, "a row of `invoices` (account) refers to it");
    }
}

#[test]
fn a_child_whose_column_the_user_may_not_read_holds_rows() {
    let conn = &mut *connection();
    conn.batch_execute(ACCOUNTS).unwrap();
    conn.batch_execute(
        "CREATE TABLE invoices (id INTEGER, account TEXT COLLATE \"C\" REFERENCES accounts);
         INSERT INTO invoices SELECT n, 'a' || n FROM generate_series(1, 20) AS n;
         DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO pg_monitor', current_schema()); END $$;
         GRANT ALL ON accounts TO pg_monitor; GRANT SELECT (id) ON invoices TO pg_monitor; SET ROLE pg_monitor",
    )
    .unwrap();
    assert_blocked(&run(conn), 280, 20);
    conn.batch_execute("RESET ROLE").unwrap();
}

/// A foreign key is not inherited.
#[test]
fn rows_of_tables_that_inherit_from_a_child_hold_nothing() {
    let conn = &mut *connection();
    conn.batch_execute(ACCOUNTS).unwrap();
    conn.batch_execute(
        "CREATE TABLE invoices (id INTEGER, account TEXT COLLATE \"C\" REFERENCES accounts);
         CREATE TABLE drafts () INHERITS (invoices);
         INSERT INTO invoices VALUES (1, 'a1'), (2, 'a2'); INSERT INTO drafts VALUES (3, 'a3'), (4, 'a4')",
    )
    .unwrap();
    assert_blocked(&run(conn), 298, 2);
}
