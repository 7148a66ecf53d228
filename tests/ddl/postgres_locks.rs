//! On PostgreSQL, a migration rewrites no table, reads no rows under a lock that others wait for, and does not wait long
//! itself.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use diesel_soft_delete::migration::SoftDeleteMigration;

use crate::postgres::blog;
use crate::support::postgres::shared;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn number(conn: &mut PgConnection, sql: &str) -> i64 {
    diesel::sql_query(format!("SELECT ({sql})::bigint AS n")).get_result::<Number>(conn).unwrap().n
}

fn everything() -> SoftDeleteMigration {
    SoftDeleteMigration::new("posts")
        .primary_key("id")
        .metadata("reason")
        .operation("deletion_id")
        .touch("touched_at")
        .unique_among_active("slug")
        .replacing_index(blog::PLAIN_KEY)
        .index_active("author_id")
        .guard_hard_delete()
        .require_live_parent("users", "author_id")
        .active_view("live_posts")
        .archive_table("posts_archive")
}

fn steps(migration: &SoftDeleteMigration) -> Vec<Box<dyn Migration<Pg>>> {
    migration.clone().into_migrations("2026-01-01-000000").migrations().unwrap()
}

const FILE: &str = "SELECT pg_relation_filenode('posts')";
const READ: &str = "SELECT COALESCE(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0) FROM pg_stat_xact_user_tables WHERE relid = 'posts'::regclass";

/// The file of the table stays. A transaction that holds a lock for which others wait does not read a row.
#[test]
fn nothing_is_rewritten_and_nothing_is_scanned_under_a_strong_lock() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 200_000);
    let file = number(conn, FILE);
    let mut transactions = 0;
    for step in steps(&everything()) {
        if !step.metadata().run_in_transaction() {
            step.run(conn).unwrap();
            continue;
        }
        transactions += 1;
        conn.transaction::<_, diesel::result::Error, _>(|conn: &mut PgConnection| {
            // The counters may still contain those of earlier transactions.
            let before = number(conn, READ);
            step.run(conn).unwrap();
            let exclusive =
                "SELECT COUNT(*) FROM pg_locks WHERE relation = 'posts'::regclass AND pid = pg_backend_pid()
                 AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')";
            if number(conn, exclusive) > 0 {
                assert_eq!(number(conn, READ) - before, 0, "{}", step.name());
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(number(conn, FILE), file, "{}", step.name());
    }
    assert!(transactions >= 4);
    assert_eq!(number(conn, FILE), file);
}

/// Others can read and write while the CHECK is validated.
#[test]
fn validation_blocks_neither_readers_nor_writers() {
    let (mut guard, url) = shared();
    let conn = &mut *guard;
    blog::create(conn);
    blog::fill(conn, 1000);
    let other = &mut PgConnection::establish(&url).unwrap();
    other.batch_execute("SET lock_timeout = '2s'").unwrap();
    let mut validated = false;
    for step in steps(&SoftDeleteMigration::new("posts")) {
        if step.name().to_string().contains("validate_check") {
            conn.transaction::<_, diesel::result::Error, _>(|conn: &mut PgConnection| {
                step.run(conn).unwrap();
                // The transaction still holds all its locks.
                other.batch_execute(
                    "SELECT * FROM posts; UPDATE posts SET title = 'y' WHERE id = 1; DELETE FROM posts WHERE id = 7;",
                )?;
                Ok(())
            })
            .unwrap();
            validated = true;
        } else {
            step.run(conn).unwrap();
        }
    }
    assert!(validated);
    assert_eq!(
        number(conn, "SELECT COUNT(*) FROM pg_constraint WHERE conrelid = 'posts'::regclass AND NOT convalidated"),
        0
    );
}

/// A concurrent build waits for open transactions of writers, but the writers do not wait for it.
#[test]
fn index_builds_are_concurrent() {
    for step in steps(&everything()) {
        let folder = step.name().to_string();
        if folder.contains("_idx") || folder.contains("_key") || folder.contains("_index") {
            assert!(folder.contains("drop_plain_key") || !step.metadata().run_in_transaction(), "{folder}");
        }
    }
    let dir = std::env::temp_dir().join(format!("dsd_concurrently_{}", std::process::id()));
    for folder in everything().write_to(&dir, diesel_soft_delete::Dialect::Postgres).unwrap() {
        let up = std::fs::read_to_string(folder.join("up.sql")).unwrap();
        let statements = up.lines().filter(|line| line.trim_end().ends_with(';')).count();
        if up.contains("CREATE INDEX") || up.contains("CREATE UNIQUE INDEX") {
            assert!(up.contains("CONCURRENTLY") && statements == 1, "{up}");
        } else if !up.contains("DO $") {
            assert!(up.contains("SET LOCAL lock_timeout = '5000ms'"), "{up}");
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

/// A migration behind a long transaction fails soon, so later statements do not queue up.
#[test]
fn a_migration_does_not_queue_for_long() {
    let (mut guard, url) = shared();
    let conn = &mut *guard;
    blog::create(conn);
    let other = &mut PgConnection::establish(&url).unwrap();
    other.batch_execute("BEGIN; SELECT * FROM posts;").unwrap();
    let migration = SoftDeleteMigration::new("posts").lock_timeout(Duration::from_millis(100));
    let source = migration.clone().into_migrations("2026-01-01-000000");
    // If the limit is broken, this test fails and does not hang.
    conn.batch_execute("SET statement_timeout = '20s'").unwrap();
    let error = conn.run_pending_migrations(source.clone()).unwrap_err();
    assert!(error.to_string().contains("lock timeout"), "{error}");
    let error =
        conn.transaction(|conn| conn.batch_execute(&migration.up_sql(diesel_soft_delete::Dialect::Postgres).unwrap()));
    assert!(error.unwrap_err().to_string().contains("lock timeout"));
    other.batch_execute("COMMIT").unwrap();
    conn.run_pending_migrations(source).unwrap();
}

/// A failed concurrent build leaves an invalid index, which the next run removes first. A valid index of that name is
/// left alone.
#[test]
fn an_invalid_index_does_not_stop_the_next_run() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 10);
    conn.batch_execute("UPDATE posts SET title = 't' || id; UPDATE posts SET title = 'twice' WHERE id < 3").unwrap();
    let source = SoftDeleteMigration::new("posts").unique_among_active("title").into_migrations("2026-01-01-000000");
    assert!(conn.run_pending_migrations(source.clone()).is_err());
    let invalid = "SELECT COUNT(*) FROM pg_index WHERE indrelid = 'posts'::regclass AND NOT indisvalid";
    assert_eq!(number(conn, invalid), 1);
    conn.batch_execute("UPDATE posts SET title = 'once' WHERE id = 1").unwrap();
    conn.run_pending_migrations(source).unwrap();
    assert_eq!(number(conn, invalid), 0);

    let conn = &mut *blog::empty();
    conn.batch_execute("CREATE INDEX posts_active_idx_title ON posts (title, id)").unwrap();
    let source = SoftDeleteMigration::new("posts").index_active("title").into_migrations("2026-01-01-000000");
    let error = conn.run_pending_migrations(source).unwrap_err();
    assert!(error.to_string().contains("already exists"), "{error}");
}

/// A table in another schema is found with any search path of the session that writes.
#[test]
fn the_active_parent_is_found_from_any_session() {
    let (mut guard, url) = shared();
    let conn = &mut *guard;
    blog::create(conn);
    let source = SoftDeleteMigration::new("posts").require_live_parent("users", "author_id");
    conn.run_pending_migrations(source.into_migrations("2026-01-01-000000")).unwrap();
    let schema = url.rsplit("%3D").next().unwrap();
    let other = &mut PgConnection::establish(&url).unwrap();
    other.batch_execute(&format!("UPDATE users SET is_deleted = TRUE WHERE id = 2; SET search_path TO public; INSERT INTO {schema}.posts (id, author_id) VALUES (1, 1)")).unwrap();
    assert!(other.batch_execute(&format!("INSERT INTO {schema}.posts (id, author_id) VALUES (2, 2)")).is_err());
    // A temporary table of that name does not replace it.
    other
        .batch_execute(&format!("SET search_path TO {schema}; CREATE TEMP TABLE users (id INT, is_deleted BOOLEAN)"))
        .unwrap();
    assert!(other.batch_execute("INSERT INTO posts (id, author_id) VALUES (2, 2)").is_err());
    // Neither row level security nor a missing right to lock the table hides the parent.
    let role = format!("{schema}_app");
    conn.batch_execute(&format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON users TO {role};
         GRANT SELECT, INSERT ON posts TO {role};
         ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY live ON users USING (is_deleted = FALSE);"
    ))
    .unwrap();
    other.batch_execute(&format!("DROP TABLE pg_temp.users; SET ROLE {role}")).unwrap();
    other.batch_execute("INSERT INTO posts (id, author_id) VALUES (3, 1)").unwrap();
    assert!(other.batch_execute("INSERT INTO posts (id, author_id) VALUES (2, 2)").is_err());
    other.batch_execute("RESET ROLE").unwrap();
    conn.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}
