// Diesel's harness and scripts run the migration that adds the columns.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use diesel_soft_delete::Error;
use diesel_soft_delete::migration::SoftDeleteMigration;
use diesel_soft_delete::prelude::*;

use super::backend::{Conn, DIALECT, connection};

diesel::table! {
    users (user_id) {
        user_id -> Integer,
        name -> Text,
        is_deleted -> Bool,
        deletion_date -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! { users { flag = is_deleted, timestamp = deletion_date } }

fn users_with_rows() -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    conn.batch_execute(
        "CREATE TABLE users (user_id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL);
         INSERT INTO users VALUES (7, 'Ada'), (123, 'Grace');",
    )
    .unwrap();
    conn
}

fn migration() -> SoftDeleteMigration {
    SoftDeleteMigration::new("users").flag("is_deleted").timestamp("deletion_date")
}

fn instant(text: &str) -> chrono::NaiveDateTime {
    chrono::NaiveDateTime::parse_from_str(text, "%F %T%.f").unwrap()
}

#[test]
fn the_harness_runs_reverts_and_runs_a_migration_again() {
    let conn = &mut *users_with_rows();
    let source = migration().into_migrations("2026-01-01-000000");
    assert!(users::table.active().count().get_result::<i64>(conn).is_err());

    let ran = conn.run_pending_migrations(source.clone()).unwrap();
    // The first migration has the given version. Those that must run on their own follow it.
    assert_eq!(ran[0].to_string(), "20260101000000");
    assert_eq!(users::table.active().count().get_result::<i64>(conn), Ok(2));
    let (flag, date) = users::table.find(123).select((users::is_deleted, users::deletion_date)).first(conn).unwrap();
    assert_eq!((flag, date), (false, None::<chrono::NaiveDateTime>));
    assert_eq!(users::table.find(123).soft_delete().execute(conn), Ok(1));
    assert!(!conn.has_pending_migration(source.clone()).unwrap());

    conn.revert_all_migrations(source.clone()).unwrap();
    assert!(users::table.active().count().get_result::<i64>(conn).is_err());
    // All rows are still there, and deleted ones are ordinary rows again.
    assert_eq!(users::table.count().get_result::<i64>(conn), Ok(2));

    conn.run_pending_migrations(source).unwrap();
    assert_eq!(users::table.active().count().get_result::<i64>(conn), Ok(2));
    // New rows are active by default.
    conn.batch_execute("INSERT INTO users (user_id, name) VALUES (200, 'Edsger')").unwrap();
    assert_eq!(users::table.active().count().get_result::<i64>(conn), Ok(3));
    let full = users::table.find(7).soft_delete().at_utc(instant("2024-01-01 00:00:00.123456").and_utc());
    assert_eq!(full.execute(conn), Ok(1));
    let stored = users::table.find(7).select(users::deletion_date).first::<Option<chrono::NaiveDateTime>>(conn);
    assert_eq!(stored, Ok(Some(instant("2024-01-01 00:00:00.123456"))));
}

#[test]
fn scripts_can_be_run_and_reverted_twice() {
    let conn = &mut *users_with_rows();
    for migration in [
        migration(),
        SoftDeleteMigration::new("users"),
        SoftDeleteMigration::new("users").flag("gone"),
        SoftDeleteMigration::new("users").timestamp("gone_at"),
        SoftDeleteMigration::new("users").active_flag("is \"active\" `now`").timestamp("select"),
    ] {
        for _ in 0..2 {
            conn.batch_execute(&migration.up_sql(DIALECT).unwrap()).unwrap();
            conn.batch_execute(&migration.down_sql(DIALECT).unwrap()).unwrap();
        }
    }
    assert_eq!(users::table.count().get_result::<i64>(conn), Ok(2));
}

#[test]
fn an_active_flag_starts_as_active() {
    diesel::table! {
        users (user_id) {
            user_id -> Integer,
            is_active -> Bool,
        }
    }
    diesel_soft_delete::soft_deletable! { users { active_flag = is_active } }
    let conn = &mut *users_with_rows();
    conn.batch_execute(&SoftDeleteMigration::new("users").active_flag("is_active").up_sql(DIALECT).unwrap()).unwrap();
    assert_eq!(users::table.active().count().get_result::<i64>(conn), Ok(2));
}

#[test]
fn bad_names_are_refused_before_anything_runs() {
    let conn = &mut *users_with_rows();
    for (migration, what) in [
        (SoftDeleteMigration::new(""), "table"),
        (SoftDeleteMigration::new("blog."), "table"),
        (SoftDeleteMigration::new("us\0ers"), "table"),
        (SoftDeleteMigration::new("users").flag(""), "column"),
        (SoftDeleteMigration::new("users").flag("users.gone"), "column"),
        (SoftDeleteMigration::new("users").timestamp("at\0"), "column"),
    ] {
        for sql in [migration.up_sql(DIALECT), migration.down_sql(DIALECT)] {
            assert!(matches!(&sql, Err(Error::InvalidName { what: found, .. }) if *found == what), "{sql:?}");
        }
        assert!(conn.run_pending_migrations(migration.into_migrations("1")).is_err());
    }
    let twice = SoftDeleteMigration::new("users").flag("Gone").timestamp("gone").up_sql(DIALECT);
    assert!(matches!(&twice, Err(Error::DuplicateColumn { table, .. }) if table == "users"), "{twice:?}");
    assert!(conn.run_pending_migrations(migration().into_migrations("")).is_err());
    assert!(conn.run_pending_migrations(migration().into_migrations("-")).is_err());
}
