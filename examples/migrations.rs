//! A blog that deleted rows for good gets soft deletion: the migration is written for the table as it
//! is, looked at, run from its folder, and the result is checked. On an embedded SQLite.
//!
//! The program `diesel_soft_delete` does the same from the command line.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use diesel_soft_delete::Dialect;
use diesel_soft_delete::migration::{Severity, SoftDeleteMigration, assert_schema, check};
use diesel_soft_delete::prelude::*;

diesel::table! {
    posts {
        id -> Integer,
        slug -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel_soft_delete::soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at } }

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let conn = &mut SqliteConnection::establish(":memory:")?;
    conn.batch_execute(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug TEXT NOT NULL);
         CREATE UNIQUE INDEX posts_slug ON posts (slug);
         INSERT INTO posts VALUES (1, 'hello'), (2, 'diesel');",
    )?;

    println!("# Before: what does not fit?\n");
    for finding in check::<posts::table, _>(conn)? {
        println!("{finding}\n");
    }

    println!("# The migration, for the table as it is\n");
    let migration = SoftDeleteMigration::for_table::<posts::table>()
        .unique_among_active("slug")
        .guard_hard_delete()
        .adapted_to(conn)?;
    println!("{}", migration.up_sql(Dialect::Sqlite)?);

    println!("# As folders, run as the diesel CLI would\n");
    let directory = std::env::temp_dir().join(format!("soft_delete_migrations_{}", std::process::id()));
    for folder in migration.write_to(&directory, Dialect::Sqlite)? {
        println!("{}", folder.file_name().unwrap_or_default().to_string_lossy());
    }
    let result = conn.run_pending_migrations(FileBasedMigrations::from_path(&directory)?).map(|ran| ran.len());
    std::fs::remove_dir_all(&directory)?;
    println!("{} ran\n", result?);

    println!("# After: a slug can be used again, and a row goes only through the trash\n");
    let slug = posts::slug.eq("hello");
    println!("soft-deleted: {}", posts::table.filter(slug).soft_delete().execute(conn)?);
    println!("inserted again: {}", diesel::insert_into(posts::table).values((posts::id.eq(3), slug)).execute(conn)?);
    let again = diesel::insert_into(posts::table).values((posts::id.eq(4), slug)).execute(conn);
    println!("a third time: {}", again.map_or_else(|error| error.to_string(), |rows| rows.to_string()));
    let hard = diesel::delete(posts::table.find(2)).execute(conn);
    println!("a hard delete: {}", hard.map_or_else(|error| error.to_string(), |rows| rows.to_string()));

    let notes = check::<posts::table, _>(conn)?;
    assert!(notes.iter().all(|finding| finding.severity == Severity::Note));
    assert_schema::<(posts::table,), _>(conn)?;
    println!("\nall is well");
    Ok(())
}
