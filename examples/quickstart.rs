//! The textbook case, step by step, on an SQLite database in memory: `cargo run --example quickstart`.
//!
//! A table of users exists; user 123 is soft-deleted, restored, deleted again as of 31 days ago, and
//! purged with a retention of 30 days.

use chrono::{NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::sqlite::Sqlite;
use diesel_soft_delete::migration::{Dialect, MigrationHarness, SoftDeleteMigration};
use diesel_soft_delete::prelude::*;

diesel::table! {
    users (user_id) {
        user_id -> Integer,
        name -> Text,
        is_deleted -> Bool,
        deletion_date -> Nullable<Timestamp>,
    }
}

#[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
#[diesel(table_name = users, primary_key(user_id))]
#[soft_delete(flag = is_deleted, timestamp = deletion_date)]
struct User {
    user_id: i32,
    name: String,
    is_deleted: bool,
    deletion_date: Option<NaiveDateTime>,
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let conn = &mut SqliteConnection::establish(":memory:")?;

    step("A table with users, as it was before anybody thought of soft deletion");
    diesel::sql_query("CREATE TABLE users (user_id INTEGER PRIMARY KEY, name TEXT NOT NULL)").execute(conn)?;
    diesel::sql_query("INSERT INTO users VALUES (7, 'Ada'), (123, 'Grace'), (200, 'Edsger')").execute(conn)?;

    step("The migration adds the columns; every user that is there becomes active");
    let migration = SoftDeleteMigration::new("users").flag("is_deleted").timestamp("deletion_date");
    print!("{}", migration.up_sql(Dialect::Sqlite)?);
    conn.run_pending_migrations(migration.into_migrations("2026-01-01-000000"))?;
    show_all(conn)?;

    step("User 123 is soft-deleted");
    let soft_delete = users::table.find(123).soft_delete();
    show_sql(&soft_delete);
    println!("rows changed: {}", soft_delete.execute(conn)?);
    show_all(conn)?;

    step("Once more: nothing changes, the first time is kept");
    let again = users::table.find(123).soft_delete();
    show_sql(&again);
    println!("rows changed: {}", again.execute(conn)?);

    step("The active users");
    let active = users::table.active().order(users::user_id).select(User::as_select());
    show_sql(&active);
    for user in active.load::<User>(conn)? {
        println!("{:>5}  {}", user.user_id, user.name);
    }

    step("User 123 is restored");
    let restore = users::table.find(123).restore();
    show_sql(&restore);
    println!("rows changed: {}", restore.execute(conn)?);
    println!("active users: {}", users::table.active().count().get_result::<i64>(conn)?);

    step("Soft-deleted again, as of 31 days ago");
    let soft_delete = users::table.find(123).soft_delete().at_utc(Utc::now() - TimeDelta::days(31));
    show_sql(&soft_delete);
    println!("rows changed: {}", soft_delete.execute(conn)?);
    show_all(conn)?;

    step("Purged: whoever was deleted more than 30 days ago is removed for good");
    let purge = users::table.purge_older_than(TimeDelta::days(30));
    show_sql(&purge);
    println!("rows removed: {}", purge.execute(conn)?);
    show_all(conn)?;
    Ok(())
}

fn step(title: &str) {
    println!("\n== {title}");
}

fn show_sql(query: &impl QueryFragment<Sqlite>) {
    println!("SQL: {}", diesel::debug_query::<Sqlite, _>(query));
}

/// Plain Diesel sees all rows, the deleted ones too.
fn show_all(conn: &mut SqliteConnection) -> QueryResult<()> {
    println!("{:>7}  {:<8} {:<10} deletion_date", "user_id", "name", "is_deleted");
    for user in users::table.order(users::user_id).select(User::as_select()).load(conn)? {
        let date = user.deletion_date.map_or_else(|| String::from("NULL"), |date| date.to_string());
        println!("{:>7}  {:<8} {:<10} {date}", user.user_id, user.name, user.is_deleted);
    }
    Ok(())
}
