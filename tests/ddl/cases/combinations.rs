// Every option works with every other, and after `down` the schema is as it was.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use diesel_soft_delete::migration::{MergedMigrations, SoftDeleteMigration};
use diesel_soft_delete::{Dialect, TimeUnit};

use super::backend::{Conn, Db};
use super::blog::{self, PLAIN_KEY};
use super::catalog::dump;

type Option_ = fn(SoftDeleteMigration) -> SoftDeleteMigration;

const MODES: [Option_; 6] = [
    |m| m.flag("is_deleted").timestamp("deleted_at"),
    |m| m.flag("is_deleted"),
    |m| m.active_flag("is_active").timestamp("deleted_at"),
    |m| m.timestamp("deleted_at"),
    |m| m.flag("is_deleted").nullable_flag().timestamp("deleted_us").unit(TimeUnit::Micros),
    |m| m.active_flag("is_active").nullable_flag(),
];

const OPTIONS: [Option_; 13] = [
    |m| m.primary_key("id"),
    |m| m.touch("touched_at"),
    |m| m.metadata(["deleted_by", "reason"]),
    |m| m.operation("deletion_id").hold("legal_hold"),
    |m| m.index_active(["author_id", "title"]).index_active("title"),
    |m| m.unique_among_active("slug").replacing_index(PLAIN_KEY),
    |m| m.unique_among_active(["author_id", "title", "slug"]),
    |m| m.guard_hard_delete(),
    |m| m.require_live_parent("users", "author_id"),
    |m| m.active_view("live_posts"),
    |m| m.archive_table("posts_archive"),
    |m| m.without_check(),
    |m| m.without_purge_index(),
];

fn migration(mode: Option_, options: u32) -> SoftDeleteMigration {
    let chosen = OPTIONS.iter().enumerate().filter(|(bit, _)| options & (1 << bit) != 0);
    chosen.fold(mode(SoftDeleteMigration::new("posts")), |migration, (_, option)| option(migration))
}

const ALL: u32 = (1 << OPTIONS.len()) - 1;

/// No option, each option alone, all but one, and all.
fn few() -> Vec<u32> {
    let single = (0..OPTIONS.len()).map(|bit| 1 << bit);
    [0, ALL].into_iter().chain(single.clone()).chain(single.map(|bit| ALL ^ bit)).collect()
}

fn up_down_up(conn: &mut Conn, choices: impl Fn(usize) -> Vec<u32>) {
    let before = dump(conn);
    for (number, mode) in MODES.into_iter().enumerate() {
        for options in choices(number) {
            let migration = migration(mode, options);
            blog::up(conn, &migration);
            blog::down(conn, &migration);
            assert_eq!(dump(conn), before, "{migration:#?}");
            blog::up(conn, &migration);
            assert_ne!(dump(conn), before);
            blog::down(conn, &migration);
            forget_dropped_columns(conn);
        }
    }
    assert_eq!(dump(conn), before);
}

/// A dropped column still takes one of the 1600 numbers of a table on PostgreSQL. On MariaDB, a column that was dropped
/// instantly still takes a place in the row.
fn forget_dropped_columns(conn: &mut Conn) {
    match super::backend::DIALECT {
        Dialect::Sqlite => {}
        Dialect::Mysql => conn.batch_execute("ALTER TABLE posts FORCE").unwrap(),
        Dialect::Postgres => {
            if number(conn, "SELECT MAX(attnum) FROM pg_attribute WHERE attrelid = 'posts'::regclass") > 1000 {
                conn.batch_execute("DROP TABLE comments, posts, users").unwrap();
                blog::create(conn);
                blog::fill(conn, 20);
            }
        }
    }
}

#[test]
fn reverted_scripts_leave_the_schema_as_it_was() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 20);
    up_down_up(conn, |mode| if mode == 0 { few() } else { vec![0, ALL, ALL ^ 1, ALL ^ (1 << 5)] });
}

/// The first mode has every combination. The others have every pair of options, given or left out. MariaDB takes ten
/// times as long, so it has every seventh combination.
#[test]
#[ignore = "slow: `tests/run --long`"]
fn reverted_scripts_of_every_combination_leave_the_schema_as_it_was() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 20);
    let pairs = (0..OPTIONS.len()).flat_map(|a| (0..a).map(move |b| 1 << a | 1 << b));
    let pairs: Vec<u32> = pairs.clone().chain(pairs.map(|pair| ALL ^ pair)).collect();
    up_down_up(conn, |mode| match mode {
        0 if is_mysql() => (0..=ALL).step_by(7).chain(pairs.clone()).collect(),
        0 => (0..=ALL).collect(),
        _ => few().into_iter().chain(pairs.clone()).collect(),
    });
}

/// `write_to` and `into_migrations` share the steps, each as its own migration.
#[test]
fn reverted_migrations_leave_the_schema_as_it_was() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 20);
    let before = dump(conn);
    for mode in MODES {
        for options in [0, ALL, ALL ^ 1, 0b0101_0101_0101, 0b1010_1010_1010] {
            let source = migration(mode, options).into_migrations("2026-01-01-235959");
            for _ in 0..2 {
                conn.run_pending_migrations(source.clone()).unwrap();
                assert_ne!(dump(conn), before);
                conn.revert_all_migrations(source.clone()).unwrap();
                assert_eq!(dump(conn), before);
                forget_dropped_columns(conn);
            }
        }
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn number(conn: &mut Conn, sql: &str) -> i64 {
    diesel::sql_query(format!(
        "SELECT CAST(({sql}) AS {}) AS n",
        if cfg!(feature = "mysql") && is_mysql() { "SIGNED" } else { "BIGINT" }
    ))
    .get_result::<Number>(conn)
    .unwrap()
    .n
}

fn is_mysql() -> bool {
    super::backend::DIALECT == Dialect::Mysql
}

#[test]
fn a_table_of_200k_rows_keeps_its_schema_and_its_rows() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 200_000);
    if !is_mysql() {
        conn.batch_execute("CREATE INDEX posts_author ON posts (author_id)").unwrap();
    }
    let before = dump(conn);
    for mode in [MODES[0], MODES[3]] {
        let migration = migration(mode, ALL & !(1 << 11 | 1 << 12));
        let source = migration.clone().into_migrations("2026-01-01-000000");
        conn.run_pending_migrations(source.clone()).unwrap();
        assert_eq!(number(conn, "SELECT COUNT(*) FROM live_posts"), 200_000);
        conn.revert_all_migrations(source.clone()).unwrap();
        assert_eq!(dump(conn), before);
        blog::up(conn, &migration);
        blog::down(conn, &migration);
        assert_eq!(dump(conn), before);
    }
    assert_eq!(number(conn, "SELECT COUNT(*) FROM posts"), 200_000);
    assert_eq!(number(conn, "SELECT COUNT(*) FROM comments"), 20_000);
}

/// A migration that fails half-way continues where it stopped, once the cause is gone.
#[test]
fn a_failed_migration_can_be_repeated() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 20);
    let before = dump(conn);
    conn.batch_execute("UPDATE posts SET title = 'twice' WHERE id IN (3, 4)").unwrap();
    conn.batch_execute("UPDATE posts SET title = CONCAT('t', id) WHERE id NOT IN (3, 4)")
        .or_else(|_| conn.batch_execute("UPDATE posts SET title = 't' || id WHERE id NOT IN (3, 4)"))
        .unwrap();
    let source = SoftDeleteMigration::new("posts")
        .primary_key("id")
        .unique_among_active("title")
        .guard_hard_delete()
        .archive_table("posts_archive")
        .into_migrations("2026-01-01-000000");
    let error = conn.run_pending_migrations(source.clone()).unwrap_err();
    assert!(error.to_string().to_lowercase().contains("uni") || error.to_string().contains("Duplicate"), "{error}");
    conn.batch_execute("UPDATE posts SET title = 'other' WHERE id = 4").unwrap();
    conn.run_pending_migrations(source.clone()).unwrap();
    assert!(!conn.has_pending_migration(source.clone()).unwrap());
    assert!(conn.batch_execute("DELETE FROM posts WHERE id = 3").is_err());
    conn.revert_all_migrations(source).unwrap();
    assert_eq!(dump(conn), before);
}

#[test]
fn merged_migrations_run_in_order_and_need_different_versions() {
    let conn = &mut *blog::empty();
    let migration = |table: &str| SoftDeleteMigration::new(table).flag("hidden");
    let merged = MergedMigrations::<Db>::new()
        .and(migration("comments").into_migrations("2026-03-01-000000"))
        .and(migration("users").into_migrations("2026-01-01-000000"))
        .and(migration("posts").into_migrations("2026-02-01-000000"));
    let before = dump(conn);
    let ran = conn.run_pending_migrations(&merged).unwrap();
    let ran: Vec<String> = ran.iter().map(ToString::to_string).collect();
    assert_eq!(ran, ["20260101000000", "20260201000000", "20260301000000"]);
    conn.revert_all_migrations(&merged).unwrap();
    assert_eq!(dump(conn), before);

    // Of two migrations with one version, Diesel would run only one.
    let clash = merged.and(migration("tags").into_migrations("20260201000000"));
    let error = conn.run_pending_migrations(&clash).unwrap_err();
    assert!(error.to_string().contains("the same version 20260201000000"), "{error}");
    assert!(
        error.to_string().contains("posts_soft_delete_columns")
            && error.to_string().contains("tags_soft_delete_columns")
    );
    assert_eq!(dump(conn), before);
}
