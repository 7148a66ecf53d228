// A look at the existing table decides what a migration adds, leaves out or refuses.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use diesel_soft_delete::migration::{LiveParent, SoftDeleteMigration};
use diesel_soft_delete::{Dialect, Error};

use super::backend::{Conn, DIALECT, connection, is_mariadb, series};
use super::blog::{self, PLAIN_KEY};
use super::catalog::dump;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn count(conn: &mut Conn, rows: &str) -> i64 {
    diesel::sql_query(format!("SELECT COUNT(*) AS n FROM {rows}")).get_result::<Number>(conn).unwrap().n
}

fn refusal(result: Result<SoftDeleteMigration, Error>) -> String {
    match result {
        Err(error @ Error::UnsupportedMigration { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn posts() -> SoftDeleteMigration {
    SoftDeleteMigration::new("posts")
}

#[test]
fn what_exists_already_is_not_added() {
    let conn = &mut *blog::empty();
    let first = posts().unique_among_active("slug").metadata("reason").adapted_to(conn).unwrap();
    assert_eq!(first.existing_columns(), [""; 0]);
    assert_eq!(first, posts().unique_among_active("slug").metadata("reason").adapted_to(conn).unwrap());
    assert!(first.up_sql(DIALECT).unwrap().contains(PLAIN_KEY), "the plain key is replaced");
    blog::up(conn, &first);
    let after_first = dump(conn);

    // A second migration adds what is needed later.
    let second = posts()
        .guard_hard_delete()
        .unique_among_active("title")
        .operation("deletion_id")
        .hold("legal_hold")
        .adapted_to(conn)
        .unwrap();
    if is_mariadb(conn) {
        // MariaDB cannot add a column instantly once a virtual one is indexed. MySQL itself can.
        let sql = second.up_sql(DIALECT).unwrap();
        assert!(conn.batch_execute(&sql).unwrap_err().to_string().contains("ALGORITHM=INSTANT is not supported"));
    }
    let second = second.allow_copy();
    blog::up(conn, &second);
    assert!(dump(conn).contains("posts_guard_hard_delete"));
    blog::down(conn, &second);
    assert_eq!(dump(conn), after_first, "the first one's work is left alone");
    blog::down(conn, &first);
}

#[test]
fn a_second_migration_by_names_adds_only_what_it_is_asked_for() {
    let conn = &mut *blog::empty();
    blog::up(conn, &posts().primary_key("id"));
    let before = dump(conn);
    let second = posts().existing(["is_deleted", "deleted_at"]).guard_hard_delete();
    blog::up(conn, &second);
    blog::down(conn, &second);
    assert_eq!(dump(conn), before);
}

#[test]
fn the_primary_key_is_looked_up() {
    let conn = &mut *connection();
    conn.batch_execute("CREATE TABLE posts (b INTEGER NOT NULL, a INTEGER NOT NULL, PRIMARY KEY (a, b))").unwrap();
    let sql = posts().adapted_to(conn).unwrap().up_sql(DIALECT).unwrap().replace(['"', '`'], "");
    assert!(sql.contains("a, b, deleted_at)"), "{sql}");
}

#[test]
fn a_nullable_flag_is_kept_and_the_timestamp_is_added() {
    let conn = &mut *blog::empty();
    conn.batch_execute("ALTER TABLE posts ADD COLUMN is_deleted BOOLEAN DEFAULT FALSE").unwrap();
    conn.batch_execute("INSERT INTO posts (id, is_deleted) VALUES (1, TRUE), (2, FALSE), (3, NULL)").unwrap();
    let migration = posts().index_active("title").adapted_to(conn).unwrap();
    assert_eq!(migration.existing_columns(), ["is_deleted"]);
    blog::up(conn, &migration);
    assert_eq!(count(conn, "posts WHERE is_deleted = TRUE AND deleted_at IS NOT NULL"), 1);
    assert_eq!(count(conn, "posts WHERE is_deleted IS NULL"), 0);
    // If both exist, nothing is added or refused.
    assert_eq!(posts().adapted_to(conn).unwrap().existing_columns()[..2], ["is_deleted", "deleted_at"]);
}

/// With a sentinel instead of NULL, every row would seem to be deleted.
#[test]
fn a_timestamp_that_cannot_be_null_is_refused() {
    let conn = &mut *blog::empty();
    conn.batch_execute("ALTER TABLE posts ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0").unwrap();
    let migration = posts().unit(diesel_soft_delete::TimeUnit::Seconds);
    assert!(refusal(migration.adapted_to(conn)).contains("every row seems to be deleted"));
}

#[test]
fn a_unique_key_that_a_foreign_key_references_is_not_replaced() {
    let conn = &mut *connection();
    conn.batch_execute(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug VARCHAR(20) NOT NULL);
         CREATE UNIQUE INDEX posts_slug ON posts (slug);
         CREATE TABLE links (id INTEGER PRIMARY KEY, post VARCHAR(20), FOREIGN KEY (post) REFERENCES posts (slug) ON DELETE CASCADE);",
    )
    .unwrap();
    let before = dump(conn);
    let error = refusal(posts().unique_among_active("slug").adapted_to(conn));
    assert!(error.contains("references these columns") && error.contains("links"), "{error}");
    // If the key is named without a look at the table, the SQL itself fails.
    let named = posts().unique_among_active("slug").replacing_index("posts_slug");
    let sql = named.up_sql(DIALECT).unwrap();
    let error = conn.transaction(|conn| conn.batch_execute(&sql)).unwrap_err().to_string();
    assert!(error.contains("foreign key") || error.contains("depend"), "{error}");
    assert!(dump(conn).contains("posts_slug"), "the key is still there");
    if DIALECT != Dialect::Mysql {
        assert_eq!(dump(conn), before);
    }
}

#[test]
fn a_unique_index_with_more_properties_is_replaced_only_by_name() {
    let (sql, what) = match DIALECT {
        Dialect::Postgres => ("CREATE UNIQUE INDEX k ON posts (title DESC)", "an order"),
        Dialect::Sqlite => ("CREATE UNIQUE INDEX k ON posts (title COLLATE NOCASE)", "a collation"),
        // On MySQL the collation belongs to the column.
        Dialect::Mysql => return,
    };
    let conn = &mut *blog::empty();
    conn.batch_execute(sql).unwrap();
    assert!(refusal(posts().unique_among_active("title").adapted_to(conn)).contains(what));
    if DIALECT == Dialect::Postgres {
        conn.batch_execute("DROP INDEX k; CREATE UNIQUE INDEX k ON posts (title text_pattern_ops)").unwrap();
        assert!(refusal(posts().unique_among_active("title").adapted_to(conn)).contains("operator class"));
    }
    let asked_for = posts().unique_among_active("title").replacing_index("k").adapted_to(conn).unwrap();
    blog::up(conn, &asked_for);
}

/// Several keys over the same columns in any order would all block a value.
#[test]
fn every_unique_key_over_the_columns_is_replaced() {
    let conn = &mut *blog::empty();
    conn.batch_execute("CREATE UNIQUE INDEX first_key ON posts (title, author_id)").unwrap();
    conn.batch_execute("CREATE UNIQUE INDEX second_key ON posts (author_id, title)").unwrap();
    let before = dump(conn);
    let migration = posts().unique_among_active(["author_id", "title"]).adapted_to(conn).unwrap();
    blog::up(conn, &migration);
    assert!(!dump(conn).contains("first_key") && !dump(conn).contains("second_key"), "{}", dump(conn));
    blog::down(conn, &migration);
    assert_eq!(dump(conn), before);
}

#[test]
fn misspelt_columns_and_missing_keys_are_refused() {
    let conn = &mut *blog::empty();
    for migration in [
        posts().unique_among_active("slugg"),
        posts().index_active(["title", "authr_id"]),
        posts().primary_key("uid"),
        posts().require_live_parent("users", "autor_id"),
    ] {
        assert!(refusal(migration.adapted_to(conn)).contains("no such column"));
    }
    conn.batch_execute("CREATE TABLE keyless (name VARCHAR(20), deleted_at TIMESTAMP NULL)").unwrap();
    let keyless = || SoftDeleteMigration::new("keyless");
    assert!(refusal(keyless().adapted_to(conn)).contains("no primary key"), "a backfill needs one");
    assert!(keyless().timestamp("deleted_at").adapted_to(conn).is_ok());
    assert!(refusal(keyless().timestamp("deleted_at").archive_table("a").adapted_to(conn)).contains("no primary key"));
    conn.batch_execute("CREATE VIEW seen AS SELECT * FROM posts").unwrap();
    assert!(refusal(SoftDeleteMigration::new("seen").adapted_to(conn)).contains("view"));
    assert!(refusal(SoftDeleteMigration::new("nowhere").adapted_to(conn)).contains("no table"));
}

/// A parent that does not fit would make every insert of a child fail.
#[test]
fn an_unsuitable_parent_is_refused() {
    let conn = &mut *blog::empty();
    conn.batch_execute("CREATE TABLE plain (id INTEGER PRIMARY KEY)").unwrap();
    for (parent, what) in [
        (LiveParent::new("userz"), "no such table"),
        (LiveParent::new("plain"), "no column `is_deleted`"),
        (LiveParent::new("users").key("uid"), "no column `uid`"),
        (LiveParent::new("users").timestamp("gone_at"), "no column `gone_at`"),
    ] {
        let migration = posts().require_live_parent(parent, "author_id");
        let error = refusal(migration.clone().adapted_to(conn));
        assert!(error.contains(what), "{error}");
        // Without a look at the table, the migration fails, so that the app's inserts do not fail later.
        assert!(conn.run_pending_migrations(migration.clone().into_migrations("2026-01-01-000000")).is_err());
        conn.batch_execute("INSERT INTO posts (id, author_id) VALUES (1, 1)").unwrap();
        let source = migration.into_migrations("2026-01-01-000000");
        while conn.revert_last_migration(source.clone()).is_ok() {}
        conn.batch_execute("DELETE FROM posts").unwrap();
    }
    // The parent can be the table itself, whose columns the migration adds.
    let itself = posts().require_live_parent("posts", "author_id").adapted_to(conn).unwrap();
    blog::up(conn, &itself);
}

/// The declaration does not allow NULL, but the column can hold it.
#[test]
fn a_null_flag_does_not_pass_the_guards() {
    let conn = &mut *blog::empty();
    conn.batch_execute("ALTER TABLE posts ADD COLUMN is_deleted BOOLEAN").unwrap();
    conn.batch_execute("INSERT INTO posts (id, is_deleted) VALUES (1, NULL)").unwrap();
    let migration = posts().flag("is_deleted").existing("is_deleted").guard_hard_delete();
    blog::up(conn, &migration.require_live_parent("users", "author_id"));
    assert!(conn.batch_execute("DELETE FROM posts").is_err());
    conn.batch_execute("UPDATE users SET is_deleted = TRUE WHERE id = 2").unwrap();
    assert!(conn.batch_execute("INSERT INTO posts (id, author_id, is_deleted) VALUES (2, 2, NULL)").is_err());
}

/// After the flag was added, the app still writes only the timestamp. Its rows stay deleted.
#[test]
fn a_backfill_by_the_timestamp_keeps_deletions() {
    let conn = &mut *blog::empty();
    conn.batch_execute("ALTER TABLE posts ADD COLUMN deleted_at TIMESTAMP NULL").unwrap();
    conn.batch_execute("INSERT INTO posts (id) VALUES (1), (2), (3)").unwrap();
    let first = posts().adapted_to(conn).unwrap();
    conn.run_pending_migrations(first.into_migrations("2026-01-01-000000")).unwrap();
    conn.batch_execute("UPDATE posts SET deleted_at = '2024-01-01 00:00:00' WHERE id = 2").unwrap();
    let second = posts().backfill_by_timestamp().with_check().adapted_to(conn).unwrap();
    conn.run_pending_migrations(second.into_migrations("2026-02-01-000000")).unwrap();
    assert_eq!(count(conn, "posts WHERE is_deleted = TRUE AND deleted_at = '2024-01-01 00:00:00'"), 1);
    assert_eq!(count(conn, "posts WHERE is_deleted = FALSE AND deleted_at IS NULL"), 2);
    let disagrees = conn.batch_execute("UPDATE posts SET deleted_at = '2024-01-01 00:00:00' WHERE id = 1");
    assert_eq!(disagrees.is_err(), DIALECT == Dialect::Postgres, "the CHECK that was asked for");
}

/// One key has two columns with few distinct values in the first. The values of the other compare differently from their
/// order.
#[test]
fn a_backfill_reaches_every_row() {
    let conn = &mut *connection();
    let tables = match DIALECT {
        Dialect::Postgres => {
            "CREATE DOMAIN whole AS INTEGER NOT NULL;
             CREATE TABLE t (a whole, b VARCHAR(20), PRIMARY KEY (a, b), deleted_at TIMESTAMP);
             INSERT INTO t SELECT n % 2, 'k' || n, '2024-01-01' FROM ({series}) AS numbers"
        }
        Dialect::Mysql => {
            "CREATE TABLE t (a INTEGER, b VARCHAR(20), PRIMARY KEY (a, b), deleted_at DATETIME(6));
             INSERT INTO t SELECT n % 2, CONCAT('k', n), '2024-01-01' FROM ({series}) AS numbers;
             CREATE TABLE e (a ENUM('z', 'a', 'm') PRIMARY KEY, deleted_at DATETIME(6));
             INSERT INTO e VALUES ('z', '2024-01-01'), ('a', '2024-01-01'), ('m', '2024-01-01')"
        }
        Dialect::Sqlite => {
            "CREATE TABLE t (a INTEGER, b TEXT, deleted_at TIMESTAMP, PRIMARY KEY (a, b));
             INSERT INTO t VALUES (1, 'a', '2024-01-01'), (1, 'b', '2024-01-01')"
        }
    };
    conn.batch_execute(&tables.replace("{series}", &series(12_000))).unwrap();
    for table in if DIALECT == Dialect::Mysql { &["t", "e"][..] } else { &["t"] } {
        let migration = SoftDeleteMigration::new(*table).adapted_to(conn).unwrap();
        let version = if *table == "t" { "2026-01-01-000000" } else { "2026-02-01-000000" };
        conn.run_pending_migrations(migration.into_migrations(version)).unwrap();
        let migration = SoftDeleteMigration::new(*table).adapted_to(conn).unwrap();
        assert_eq!(migration.existing_columns()[..2], ["is_deleted", "deleted_at"]);
        assert_eq!(count(conn, &format!("{table} WHERE is_deleted = FALSE")), 0, "{table}");
    }
}
