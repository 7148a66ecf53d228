//! On MySQL and MariaDB, every change states how it is done, each migration has one change of the schema, and none waits
//! long for a metadata lock.

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::mysql::Mysql;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use diesel_soft_delete::Dialect;
use diesel_soft_delete::migration::SoftDeleteMigration;

use crate::mysql::blog;
use crate::support::mysql::shared;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn number(conn: &mut MysqlConnection, sql: &str) -> i64 {
    diesel::sql_query(format!("SELECT CAST(({sql}) AS SIGNED) AS n")).get_result::<Number>(conn).unwrap().n
}

/// The server refuses `ALGORITHM=INSTANT` for a change that needs a copy of the table. The other tests run these
/// statements, and this one asserts that none lacks the clause.
#[test]
fn every_alter_states_its_algorithm() {
    let migration = SoftDeleteMigration::new("posts")
        .primary_key("id")
        .touch("touched_at")
        .metadata(["reason", "deleted_by"])
        .unique_among_active("slug")
        .index_active("author_id");
    let sql = migration.up_sql(Dialect::Mysql).unwrap();
    let alters: Vec<&str> = sql.split(';').filter(|statement| statement.contains("ALTER TABLE")).collect();
    assert_eq!(alters.len(), 5, "{sql}");
    for alter in alters {
        let columns = alter.contains("ADD COLUMN");
        assert_eq!(alter.contains("ALGORITHM=INSTANT"), columns, "{alter}");
        assert_eq!(alter.contains("ALGORITHM=INPLACE,\n    LOCK=NONE"), !columns, "{alter}");
    }
}

#[test]
fn each_migration_changes_the_schema_once() {
    let migration = SoftDeleteMigration::new("posts")
        .unique_among_active("slug")
        .replacing_index(blog::PLAIN_KEY)
        .index_active("author_id")
        .guard_hard_delete()
        .active_view("live_posts")
        .archive_table("posts_archive");
    let steps: Vec<Box<dyn diesel::migration::Migration<Mysql>>> =
        migration.clone().into_migrations("2026-01-01-000000").migrations().unwrap();
    let dir = std::env::temp_dir().join(format!("dsd_mysql_{}", std::process::id()));
    let folders = migration.write_to(&dir, Dialect::Mysql).unwrap();
    assert_eq!(steps.len(), folders.len());
    for folder in folders {
        let up = std::fs::read_to_string(folder.join("up.sql")).unwrap();
        let changes = ["ALTER TABLE", "CREATE TABLE", "CREATE TRIGGER", "VIEW `"].map(|what| up.matches(what).count());
        assert_eq!(changes.iter().sum::<usize>(), 1, "{up}");
        assert!(std::fs::read_to_string(folder.join("metadata.toml")).unwrap().contains("run_in_transaction = false"));
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

/// A migration behind a long transaction fails soon, so later statements do not queue up.
#[test]
fn a_migration_does_not_queue_for_long() {
    let (mut guard, url) = shared();
    let conn = &mut *guard;
    blog::create(conn);
    let other = &mut MysqlConnection::establish(&url).unwrap();
    other.batch_execute("BEGIN; SELECT * FROM posts;").unwrap();
    // If the limit is broken, this test fails and does not hang.
    conn.batch_execute("SET SESSION lock_wait_timeout = 20").unwrap();
    let migration = SoftDeleteMigration::new("posts").lock_timeout(std::time::Duration::from_secs(1));
    let source = migration.into_migrations("2026-01-01-000000");
    let started = std::time::Instant::now();
    let error = conn.run_pending_migrations(source.clone()).unwrap_err();
    assert!(error.to_string().contains("Lock wait timeout"), "{error}");
    assert!(started.elapsed() < std::time::Duration::from_secs(15));
    other.batch_execute("COMMIT").unwrap();
    conn.batch_execute("SET SESSION lock_wait_timeout = 77").unwrap();
    conn.run_pending_migrations(source).unwrap();
    assert_eq!(number(conn, "SELECT @@SESSION.lock_wait_timeout"), 77, "the session's own limit is back");
}

/// InnoDB drops its own index for a foreign key once another index serves the key. It then refuses to drop the other.
#[test]
fn a_key_that_a_foreign_key_needs_is_dropped_once_another_exists() {
    let conn = &mut *blog::empty();
    conn.batch_execute(
        "CREATE TABLE links (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, slug INTEGER NOT NULL,
             CONSTRAINT links_post FOREIGN KEY (post_id) REFERENCES posts (id))",
    )
    .unwrap();
    let before = crate::dump::mysql::dump(conn);
    let migration = SoftDeleteMigration::new("links").unique_among_active(["post_id", "slug"]);
    assert!(
        migration
            .down_sql(Dialect::Mysql)
            .unwrap()
            .contains("-- InnoDB refuses this (error 1553) if a foreign key has no other index.")
    );
    let source = migration.into_migrations("2026-01-01-000000");
    conn.run_pending_migrations(source.clone()).unwrap();
    let error = conn.revert_all_migrations(source.clone()).unwrap_err();
    assert!(error.to_string().contains("needed in a foreign key constraint"), "{error}");
    conn.batch_execute("ALTER TABLE links ADD INDEX links_post (post_id)").unwrap();
    // Each change is its own migration, so the revert continues where it stopped.
    conn.revert_all_migrations(source).unwrap();
    conn.batch_execute("DROP TABLE __diesel_schema_migrations").unwrap();
    assert_eq!(crate::dump::mysql::dump(conn), before);
}
