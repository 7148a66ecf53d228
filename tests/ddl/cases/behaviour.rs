// What the migrations create works as documented.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use diesel_soft_delete::migration::{LiveParent, SoftDeleteMigration};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, TimeUnit};

use super::backend::{Conn, DIALECT, is_mariadb, shared};
use super::blog::{self, PLAIN_KEY};
use super::catalog::dump;

diesel::table! {
    users {
        id -> Integer,
        name -> Text,
        is_deleted -> Bool,
    }
}
diesel::table! {
    posts {
        id -> Integer,
        author_id -> Nullable<Integer>,
        slug -> Nullable<Text>,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    comments {
        id -> Integer,
        post_id -> Integer,
    }
}
diesel::joinable!(posts -> users (author_id));
diesel::allow_tables_to_appear_in_same_query!(posts, users);
diesel_soft_delete::soft_deletable! {
    users { flag = is_deleted }
    posts { flag = is_deleted, timestamp = deleted_at }
}

fn insert(conn: &mut Conn, id: i32, slug: &str) -> QueryResult<usize> {
    diesel::insert_into(posts::table)
        .values((posts::id.eq(id), posts::slug.eq(slug), posts::author_id.eq(1)))
        .execute(conn)
}

/// The column comes from the declaration or from names. The archive has it too.
#[test]
fn a_hold_column_is_added_and_a_purge_respects_it() {
    use chrono::TimeDelta;
    mod held {
        diesel::table! {
            posts {
                id -> Integer,
                is_deleted -> Bool,
                deleted_at -> Nullable<Timestamp>,
                legal_hold -> Bool,
            }
        }
        diesel_soft_delete::soft_deletable! { posts { hold = legal_hold } }
    }
    mod maybe_held {
        diesel::table! {
            posts {
                id -> Integer,
                is_deleted -> Bool,
                deleted_at -> Nullable<Timestamp>,
                legal_hold -> Nullable<Bool>,
            }
        }
        diesel_soft_delete::soft_deletable! { posts { hold = legal_hold } }
    }
    let names = || SoftDeleteMigration::new("posts").primary_key("id").hold("legal_hold").guard_hard_delete();
    let not_null = [names(), SoftDeleteMigration::for_table::<held::posts::table>()];
    let nullable = [names().nullable_hold(), SoftDeleteMigration::for_table::<maybe_held::posts::table>()];
    let with_nulls = |null| {
        move |migration: SoftDeleteMigration| {
            (migration.archive_table("posts_archive").unique_among_active("slug").replacing_index(PLAIN_KEY), null)
        }
    };
    for (migration, null) in not_null.map(with_nulls(false)).into_iter().chain(nullable.map(with_nulls(true))) {
        let conn = &mut *blog::empty();
        let before = dump(conn);
        blog::fill(conn, 4);
        blog::up(conn, &migration);
        conn.batch_execute("SELECT legal_hold FROM posts_archive").unwrap();
        assert!(
            migration.check(conn).unwrap().iter().all(|finding| finding.severity == diesel_soft_delete::Severity::Note)
        );
        if null {
            diesel_soft_delete::assert_schema::<maybe_held::posts::table, _>(conn).unwrap();
            use maybe_held::posts::dsl::*;
            assert_eq!(posts.filter(legal_hold.is_null()).count().get_result::<i64>(conn), Ok(4));
        } else {
            diesel_soft_delete::assert_schema::<held::posts::table, _>(conn).unwrap();
            use held::posts::dsl::*;
            assert_eq!(posts.filter(legal_hold.eq(false)).count().get_result::<i64>(conn), Ok(4));
        }
        {
            use held::posts::dsl::*;
            let long_ago = chrono::Utc::now() - TimeDelta::days(31);
            assert_eq!(posts.filter(id.le(3)).soft_delete().at_utc(long_ago).execute(conn), Ok(3));
            diesel::update(posts.find(2)).set(legal_hold.eq(true)).execute(conn).unwrap();
        }
        let purged = if null {
            maybe_held::posts::table.purge_older_than(TimeDelta::days(30)).execute(conn)
        } else {
            held::posts::table.purge_older_than(TimeDelta::days(30)).execute(conn)
        };
        assert_eq!(purged, Ok(2));
        assert_eq!(posts::table.select(posts::id).order(posts::id).load::<i32>(conn), Ok(vec![2, 4]));
        blog::down(conn, &migration);
        assert_eq!(dump(conn), before);
    }
}

/// This holds for every mode, from names and from a declaration.
#[test]
fn the_check_finds_nothing_to_fix_after_a_migration() {
    use diesel_soft_delete::{Severity, assert_schema, check};
    let notes_only = |findings: &[diesel_soft_delete::Finding]| {
        let bad: Vec<_> = findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    };
    let declared = SoftDeleteMigration::for_table::<posts::table>()
        .unique_among_active("slug")
        .replacing_index(PLAIN_KEY)
        .index_active("author_id")
        .guard_hard_delete()
        .archive_table("posts_archive");
    for as_script in [true, false] {
        let conn = &mut *blog::empty();
        blog::fill(conn, 100);
        if as_script {
            blog::up(conn, &declared);
        } else {
            conn.run_pending_migrations(declared.clone().into_migrations("2026-01-01-000000")).unwrap();
        }
        posts::table.filter(posts::id.le(10)).soft_delete().execute(conn).unwrap();
        notes_only(&check::<posts::table, _>(conn).unwrap());
        assert_schema::<(posts::table, (posts::table,)), _>(conn).unwrap();
    }
    let names =
        || SoftDeleteMigration::new("posts").primary_key("id").unique_among_active("slug").replacing_index(PLAIN_KEY);
    for migration in [
        names().flag("is_deleted"),
        names().flag("is_deleted").nullable_flag().timestamp("deleted_at").index_active("title"),
        names().active_flag("is_active").timestamp("deleted_at").touch("touched_at").metadata(["reason", "who"]),
        names().active_flag("is_active").nullable_flag().index_active("author_id"),
        names().timestamp("deleted_at").operation("deletion_id"),
        names().timestamp("deleted_ms").unit(TimeUnit::Millis).index_active("title"),
        names().flag("is_deleted").timestamp("deleted_s").unit(TimeUnit::Seconds),
    ] {
        let conn = &mut *blog::empty();
        blog::up(conn, &migration);
        notes_only(&migration.check(conn).unwrap());
        // A second look at the table finds nothing to add.
        let again = migration.clone().adapted_to(conn).unwrap();
        notes_only(&again.check(conn).unwrap());
        let sql = again.up_sql(DIALECT).unwrap();
        assert!(!sql.contains("ADD COLUMN") && !sql.contains("purge_idx"), "{sql}");
        blog::down(conn, &migration);
    }
}

#[test]
fn deleted_rows_do_not_block_a_value() {
    let conn = &mut *blog::empty();
    blog::up(
        conn,
        &SoftDeleteMigration::for_table::<posts::table>().unique_among_active("slug").replacing_index(PLAIN_KEY),
    );
    // The same value is deleted many times.
    for id in 1..=20 {
        assert_eq!(insert(conn, id, "a"), Ok(1));
        assert_eq!(posts::table.find(id).soft_delete().execute(conn), Ok(1));
    }
    // It can be used again once.
    assert_eq!(insert(conn, 21, "a"), Ok(1));
    for refused in [insert(conn, 22, "a"), posts::table.find(7).restore().execute(conn)] {
        assert!(
            matches!(
                refused,
                Err(diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _))
            ),
            "{refused:?}"
        );
    }
    assert_eq!(insert(conn, 23, "b"), Ok(1));
    assert_eq!(posts::table.active().count().get_result::<i64>(conn), Ok(2));
}

#[test]
fn a_replaced_key_comes_back_unless_rows_share_a_value() {
    let conn = &mut *blog::empty();
    let before = dump(conn);
    let migration =
        SoftDeleteMigration::for_table::<posts::table>().unique_among_active("slug").replacing_index(PLAIN_KEY);
    let source = migration.clone().into_migrations("2026-01-01-000000");
    conn.run_pending_migrations(source.clone()).unwrap();
    insert(conn, 1, "a").unwrap();
    posts::table.find(1).soft_delete().execute(conn).unwrap();
    insert(conn, 2, "a").unwrap();
    let migrated = dump(conn);

    let error = conn.revert_all_migrations(source.clone()).unwrap_err().to_string();
    assert!(
        error.contains("posts_plain_slug cannot be unique again: rows share a value, soft-deleted ones among them"),
        "{error}"
    );
    if DIALECT == Dialect::Sqlite {
        assert_eq!(dump(conn), migrated);
    }
    assert_eq!(posts::table.count().get_result::<i64>(conn), Ok(2));
    posts::table.purge_deleted_before(chrono::Utc::now() + chrono::TimeDelta::days(1)).execute(conn).unwrap();
    conn.revert_all_migrations(source).unwrap();
    assert_eq!(dump(conn), before);
}

#[test]
fn a_script_that_cannot_be_reverted_changes_nothing() {
    let conn = &mut *blog::empty();
    let migration =
        SoftDeleteMigration::for_table::<posts::table>().unique_among_active("slug").replacing_index(PLAIN_KEY);
    blog::up(conn, &migration);
    insert(conn, 1, "a").unwrap();
    posts::table.find(1).soft_delete().execute(conn).unwrap();
    insert(conn, 2, "a").unwrap();
    let sql = migration.down_sql(DIALECT).unwrap();
    let error = conn.transaction(|conn| conn.batch_execute(&sql)).unwrap_err().to_string();
    assert!(error.contains("soft-deleted ones among them"), "{error}");
    assert_eq!(posts::table.deleted().count().get_result::<i64>(conn), Ok(1));
}

#[test]
fn the_guard_lets_only_a_purge_pass() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 20);
    blog::up(conn, &SoftDeleteMigration::for_table::<posts::table>().guard_hard_delete());
    diesel::delete(comments::table).execute(conn).unwrap();
    posts::table.filter(posts::id.le(2)).soft_delete().execute(conn).unwrap();

    let message = "a row of posts must be soft-deleted before it is deleted: posts_guard_hard_delete";
    let through_diesel = diesel::delete(posts::table.find(3)).execute(conn).unwrap_err();
    assert!(through_diesel.to_string().contains(message), "{through_diesel}");
    let raw = conn.batch_execute("DELETE FROM posts WHERE id = 3").unwrap_err();
    assert!(raw.to_string().contains(message), "{raw}");
    // One active row among deleted ones stops the whole statement.
    assert!(diesel::delete(posts::table.filter(posts::id.le(3))).execute(conn).is_err());
    assert_eq!(posts::table.count().get_result::<i64>(conn), Ok(20));

    let tomorrow = chrono::Utc::now() + chrono::TimeDelta::days(1);
    assert_eq!(posts::table.purge_deleted_before(tomorrow).execute(conn), Ok(2));
    assert_eq!(posts::table.count().get_result::<i64>(conn), Ok(18));
}

/// A cascade of a foreign key fires the child's trigger on PostgreSQL and SQLite. InnoDB's cascade does not, as documented.
#[test]
fn the_guard_stops_cascading_foreign_keys_except_on_innodb() {
    let conn = &mut *blog::empty();
    conn.batch_execute(
        "CREATE TABLE drafts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
             FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE CASCADE);
         INSERT INTO drafts (id, author_id) VALUES (1, 1);",
    )
    .unwrap();
    if DIALECT == Dialect::Sqlite {
        conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    }
    blog::up(conn, &SoftDeleteMigration::new("drafts").flag("is_deleted").existing("is_deleted").guard_hard_delete());
    let deleted = diesel::delete(users::table.find(1)).execute(conn);
    if DIALECT == Dialect::Mysql {
        assert_eq!(deleted, Ok(1), "InnoDB's cascades fire no trigger");
    } else {
        assert!(deleted.unwrap_err().to_string().contains("drafts_guard_hard_delete"));
        assert_eq!(users::table.count().get_result::<i64>(conn), Ok(2));
    }
}

/// The documentation names these bypasses too.
#[test]
fn truncate_and_replace_bypass_the_guard() {
    let conn = &mut *blog::empty();
    conn.batch_execute("CREATE TABLE drafts (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE)")
        .unwrap();
    blog::up(conn, &SoftDeleteMigration::new("drafts").flag("is_deleted").existing("is_deleted").guard_hard_delete());
    conn.batch_execute("INSERT INTO drafts (id) VALUES (1)").unwrap();
    match DIALECT {
        Dialect::Postgres | Dialect::Mysql => conn.batch_execute("TRUNCATE TABLE drafts").unwrap(),
        Dialect::Sqlite => {
            // REPLACE removes a row without firing its trigger.
            conn.batch_execute("REPLACE INTO drafts (id) VALUES (1)").unwrap();
            // Recursive triggers do fire.
            let error = conn.batch_execute("PRAGMA recursive_triggers = ON; REPLACE INTO drafts (id) VALUES (1)");
            assert!(error.unwrap_err().to_string().contains("drafts_guard_hard_delete"));
        }
    }
}

#[test]
fn an_active_row_needs_an_active_parent() {
    let conn = &mut *blog::empty();
    let parent = LiveParent::for_table::<users::table>();
    blog::up(conn, &SoftDeleteMigration::for_table::<posts::table>().require_live_parent(parent, "author_id"));
    users::table.find(2).soft_delete().execute(conn).unwrap();
    let add = |conn: &mut Conn, id: i32, author: Option<i32>, deleted: bool| {
        let at = deleted.then(|| chrono::Utc::now().naive_utc());
        let row =
            (posts::id.eq(id), posts::author_id.eq(author), posts::is_deleted.eq(deleted), posts::deleted_at.eq(at));
        diesel::insert_into(posts::table).values(row).execute(conn)
    };
    let refused = |result: QueryResult<usize>| {
        let error = result.unwrap_err().to_string();
        assert!(
            error.contains("the parent of this row of posts in users is soft-deleted: posts_live_parent_author_id"),
            "{error}"
        );
    };
    // These rows are inserted.
    assert_eq!(add(conn, 1, Some(1), false), Ok(1));
    assert_eq!(add(conn, 2, None, false), Ok(1));
    refused(add(conn, 3, Some(2), false));
    // A deleted row may have a deleted parent.
    assert_eq!(add(conn, 3, Some(2), true), Ok(1));
    // It cannot be restored below that parent.
    refused(posts::table.find(3).restore().execute(conn));
    // A row cannot move below a deleted parent.
    refused(diesel::update(posts::table.find(1)).set(posts::author_id.eq(2)).execute(conn));
    refused(diesel::update(posts::table.find(2)).set(posts::author_id.eq(2)).execute(conn));
    assert_eq!(diesel::update(posts::table.find(1)).set(posts::author_id.eq(None::<i32>)).execute(conn), Ok(1));
    // An update that neither moves nor restores the row is not checked.
    assert_eq!(users::table.find(1).soft_delete().execute(conn), Ok(1));
    assert_eq!(diesel::update(posts::table.find(1)).set(posts::slug.eq("x")).execute(conn), Ok(1));
    // The child can be restored after the parent.
    users::table.find(2).restore().execute(conn).unwrap();
    assert_eq!(posts::table.find(3).restore().execute(conn), Ok(1));
}

/// The parent is in the same table, and has a key of two columns.
#[test]
fn a_table_can_be_its_own_parent() {
    let conn = &mut *blog::empty();
    conn.batch_execute(
        "CREATE TABLE nodes (tenant INTEGER NOT NULL, id INTEGER NOT NULL, parent_id INTEGER, PRIMARY KEY (tenant, id));
         INSERT INTO nodes VALUES (1, 1, NULL), (1, 2, 1), (2, 1, NULL), (2, 2, 1);",
    )
    .unwrap();
    let parent = LiveParent::new("nodes").key(["tenant", "id"]).timestamp("deleted_at");
    let migration = SoftDeleteMigration::new("nodes")
        .timestamp("deleted_at")
        .primary_key(["tenant", "id"])
        .require_live_parent(parent, ["tenant", "parent_id"]);
    blog::up(conn, &migration);
    conn.batch_execute("UPDATE nodes SET deleted_at = '2024-01-01 00:00:00' WHERE tenant = 1").unwrap();
    assert!(conn.batch_execute("INSERT INTO nodes (tenant, id, parent_id) VALUES (1, 3, 2)").is_err());
    assert!(conn.batch_execute("UPDATE nodes SET deleted_at = NULL WHERE tenant = 1 AND id = 2").is_err());
    conn.batch_execute("INSERT INTO nodes (tenant, id, parent_id) VALUES (2, 3, 2)").unwrap();
    conn.batch_execute("UPDATE nodes SET deleted_at = NULL WHERE tenant = 1 AND id = 1").unwrap();
    conn.batch_execute("UPDATE nodes SET deleted_at = NULL WHERE tenant = 1 AND id = 2").unwrap();
    blog::down(conn, &migration);
}

/// Eight connections insert, move and restore children while their parents are soft-deleted and restored. Each
/// transaction that deletes a parent then deletes its children, as a cascade does. No active child has a deleted parent
/// at any time.
#[test]
fn an_active_parent_is_required_in_a_race() {
    let (mut guard, url) = shared();
    let conn = &mut *guard;
    // There is no foreign key, for which InnoDB would lock the parent itself.
    conn.batch_execute(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER, slug VARCHAR(40), title VARCHAR(40) NOT NULL DEFAULT 'x');
         INSERT INTO users (id, name) VALUES (1, 'Sean'), (2, 'Tess');
         INSERT INTO posts (id, author_id) VALUES (1, 1), (2, 2)",
    )
    .unwrap();
    blog::up(conn, &SoftDeleteMigration::for_table::<posts::table>().require_live_parent("users", "author_id"));
    if DIALECT == Dialect::Sqlite {
        // SQLite has one writer at a time, so there is no race. A shared cache would only report locked tables.
        return;
    }
    let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
    let workers: Vec<_> = (0..8)
        .map(|worker: i32| {
            let url = url.clone();
            std::thread::spawn(move || {
                let conn = &mut Conn::establish(&url).unwrap();
                if DIALECT == Dialect::Mysql && worker > 3 {
                    conn.batch_execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").unwrap();
                }
                let (mut done, mut turn) = (0_u32, 0);
                while std::time::Instant::now() < end {
                    turn += 1;
                    let author = 1 + turn % 2;
                    let result = conn.transaction(|conn| match worker % 4 {
                        0 => {
                            users::table.find(author).soft_delete().execute(conn)?;
                            posts::table.filter(posts::author_id.eq(author)).soft_delete().execute(conn)
                        }
                        1 => users::table.find(author).restore().execute(conn),
                        2 => {
                            let row = (posts::id.eq(10 + worker + 100 * turn), posts::author_id.eq(author));
                            diesel::insert_into(posts::table).values(row).execute(conn)?;
                            pause(conn)
                        }
                        _ => {
                            posts::table.filter(posts::author_id.eq(author)).restore().execute(conn)?;
                            pause(conn)
                        }
                    });
                    done += u32::from(result.is_ok());
                }
                done
            })
        })
        .collect();
    let orphans = posts::table.inner_join(users::table).filter(diesel_soft_delete::is_active(posts::table));
    let orphans = orphans.filter(diesel_soft_delete::is_deleted(users::table)).count();
    while std::time::Instant::now() < end {
        // One statement sees one snapshot.
        assert_eq!(orphans.get_result::<i64>(conn), Ok(0));
    }
    for (worker, handle) in workers.into_iter().enumerate() {
        assert!(handle.join().unwrap() > 0, "worker {worker} never succeeded");
    }
    assert_eq!(orphans.get_result::<i64>(conn), Ok(0));
}

/// Gives others time between a statement and the end of its transaction.
fn pause(conn: &mut Conn) -> QueryResult<usize> {
    let sql = if DIALECT == Dialect::Postgres { "SELECT pg_sleep(0.003)" } else { "SELECT SLEEP(0.003)" };
    conn.batch_execute(sql).map(|()| 0)
}

#[test]
fn the_view_shows_active_rows() {
    let conn = &mut *blog::empty();
    blog::fill(conn, 20);
    blog::up(conn, &SoftDeleteMigration::for_table::<posts::table>().active_view("live_posts"));
    posts::table.filter(posts::id.gt(5)).soft_delete().execute(conn).unwrap();
    let rows = diesel::sql_query("SELECT id FROM live_posts").execute(conn);
    diesel::table! {
        live_posts {
            id -> Integer,
        }
    }
    assert!(rows.is_ok());
    assert_eq!(
        live_posts::table.select(live_posts::id).order(live_posts::id).load::<i32>(conn),
        Ok(vec![1, 2, 3, 4, 5])
    );
}

/// Rows are copied with explicit columns. The database sets the time of the archiving.
#[test]
fn the_archive_takes_rows_and_sets_archived_at() {
    diesel::table! {
        posts_archive {
            id -> Integer,
            author_id -> Nullable<Integer>,
            slug -> Nullable<Text>,
            title -> Text,
            is_deleted -> Bool,
            deleted_at -> Nullable<Timestamp>,
            archived_at -> Timestamp,
        }
    }
    for migration in [SoftDeleteMigration::for_table::<posts::table>(), SoftDeleteMigration::new("posts")] {
        let conn = &mut *blog::empty();
        blog::fill(conn, 20);
        let migration = migration.archive_table("posts_archive").unique_among_active("slug").replacing_index(PLAIN_KEY);
        blog::up(conn, &migration);
        posts::table.filter(posts::id.le(5)).soft_delete().execute(conn).unwrap();
        let columns = (posts::id, posts::author_id, posts::slug, posts::title, posts::is_deleted, posts::deleted_at);
        let into = (
            posts_archive::id,
            posts_archive::author_id,
            posts_archive::slug,
            posts_archive::title,
            posts_archive::is_deleted,
            posts_archive::deleted_at,
        );
        for round in [1000, 2000] {
            let moved = diesel::insert_into(posts_archive::table)
                .values(posts::table.deleted().select(columns))
                .into_columns(into)
                .execute(conn);
            assert_eq!(moved, Ok(5));
            // Only the primary key is unique, so a slug can be archived several times.
            diesel::update(posts_archive::table.filter(posts_archive::id.le(5)))
                .set(posts_archive::id.eq(posts_archive::id + round))
                .execute(conn)
                .unwrap();
        }
        let (slug, deleted_at, archived_at) = posts_archive::table
            .filter(posts_archive::id.eq(1003))
            .select((posts_archive::slug, posts_archive::deleted_at, posts_archive::archived_at))
            .first::<(Option<String>, Option<chrono::NaiveDateTime>, chrono::NaiveDateTime)>(conn)
            .unwrap();
        let now = chrono::Utc::now().naive_utc();
        assert_eq!(slug.as_deref(), Some("slug3"));
        assert!(now - deleted_at.unwrap() < chrono::TimeDelta::minutes(1));
        assert!((now - archived_at).abs() < chrono::TimeDelta::minutes(1), "{archived_at} is not UTC");
        let twice = diesel::insert_into(posts_archive::table).values((
            posts_archive::id.eq(1003),
            posts_archive::title.eq("x"),
            posts_archive::is_deleted.eq(true),
            posts_archive::archived_at.eq(now),
        ));
        assert!(twice.execute(conn).is_err(), "the primary key is unique");
        blog::down(conn, &migration);
    }
}

/// A generated column of the table is an ordinary column of the archive.
#[test]
fn the_archive_has_no_virtual_columns() {
    let conn = &mut *blog::empty();
    let generated = match DIALECT {
        Dialect::Postgres => "ALTER TABLE posts ADD COLUMN loud TEXT GENERATED ALWAYS AS (upper(title)) STORED",
        Dialect::Mysql => "ALTER TABLE posts ADD COLUMN loud VARCHAR(40) AS (UPPER(title)) VIRTUAL",
        Dialect::Sqlite => "ALTER TABLE posts ADD COLUMN loud TEXT AS (upper(title)) VIRTUAL",
    };
    conn.batch_execute(generated).unwrap();
    let migration =
        SoftDeleteMigration::new("posts").archive_table("posts_archive").unique_among_active(["slug", "title"]);
    blog::up(conn, &migration);
    conn.batch_execute("INSERT INTO posts_archive (id, title, loud, is_deleted) VALUES (1, 'a', 'written', TRUE)")
        .unwrap();
    assert!(!dump(conn).lines().any(|line| line.contains("posts_archive") && line.contains("active_key")));
}

#[test]
fn flag_and_timestamp_cannot_disagree() {
    let conn = &mut *blog::empty();
    blog::up(conn, &SoftDeleteMigration::for_table::<posts::table>());
    insert(conn, 1, "a").unwrap();
    // MySQL itself would copy the table for a CHECK, so the migration does not add one there.
    let is_checked = DIALECT != Dialect::Mysql || is_mariadb(conn);
    for wrong in ["is_deleted = TRUE", "deleted_at = '2024-01-01 00:00:00'"] {
        let changed = conn.batch_execute(&format!("UPDATE posts SET {wrong}"));
        assert_eq!(changed.is_err(), is_checked, "{wrong}");
        conn.batch_execute("UPDATE posts SET is_deleted = FALSE, deleted_at = NULL").unwrap();
    }
    assert_eq!(posts::table.soft_delete().execute(conn), Ok(1));
    assert_eq!(posts::table.restore().execute(conn), Ok(1));
}

#[test]
fn a_backfill_sets_the_flag_of_rows_with_a_time() {
    for as_script in [true, false] {
        let conn = &mut *blog::empty();
        blog::fill(conn, 12_000);
        conn.batch_execute("ALTER TABLE posts ADD COLUMN deleted_at TIMESTAMP NULL").unwrap();
        conn.batch_execute("UPDATE posts SET deleted_at = '2024-01-01 00:00:00' WHERE id > 11000 OR id < 3").unwrap();
        let migration = SoftDeleteMigration::new("posts").existing("deleted_at");
        let before = dump(conn);
        let source = migration.clone().into_migrations("2026-01-01-000000");
        let run = |conn: &mut Conn| {
            if as_script {
                blog::up(conn, &migration);
            } else {
                conn.run_pending_migrations(source.clone()).unwrap();
            }
        };
        run(conn);
        assert_eq!(posts::table.deleted().count().get_result::<i64>(conn), Ok(1002));
        assert_eq!(posts::table.find(11_001).soft_delete().execute(conn), Ok(0));
        if as_script {
            blog::down(conn, &migration);
        } else {
            conn.revert_all_migrations(source.clone()).unwrap();
        }
        // The existing column is left alone.
        assert_eq!(dump(conn), before);
        assert_eq!(posts::table.filter(posts::deleted_at.is_not_null()).count().get_result::<i64>(conn), Ok(1002));
        run(conn);
        assert_eq!(posts::table.active().count().get_result::<i64>(conn), Ok(10_998));
    }
}

#[test]
fn a_backfill_sets_missing_times_and_replaces_nulls() {
    for (as_script, key) in [(true, "id"), (false, "id"), (false, "slug")] {
        let conn = &mut *blog::empty();
        blog::fill(conn, 12_000);
        conn.batch_execute("ALTER TABLE posts ADD COLUMN is_deleted BOOLEAN").unwrap();
        conn.batch_execute("UPDATE posts SET is_deleted = (id % 2 = 0) WHERE id > 10").unwrap();
        if key == "slug" && DIALECT != Dialect::Sqlite {
            // This is another kind of key. A backfill needs a unique one that is not NULL.
            conn.batch_execute("UPDATE posts SET title = slug").unwrap();
        }
        let migration = SoftDeleteMigration::new("posts").primary_key(key).existing("is_deleted");
        if as_script {
            blog::up(conn, &migration);
        } else {
            conn.run_pending_migrations(migration.into_migrations("2026-01-01-000000")).unwrap();
        }
        assert_eq!(posts::table.filter(posts::is_deleted.is_null()).count().get_result::<i64>(conn), Ok(0));
        assert_eq!(posts::table.deleted().count().get_result::<i64>(conn), Ok(5995));
        // Such rows get the current time, so a purge does not remove them at once.
        assert_eq!(posts::table.purge_older_than(chrono::TimeDelta::hours(1)).execute(conn), Ok(0));
        diesel::delete(comments::table).execute(conn).unwrap();
        let tomorrow = chrono::Utc::now() + chrono::TimeDelta::days(1);
        assert_eq!(posts::table.purge_deleted_before(tomorrow).execute(conn), Ok(5995));
    }
}

#[test]
fn a_backfill_of_both_columns_lets_the_flag_decide() {
    let conn = &mut *blog::empty();
    conn.batch_execute("ALTER TABLE posts ADD COLUMN is_deleted BOOLEAN DEFAULT FALSE").unwrap();
    conn.batch_execute("ALTER TABLE posts ADD COLUMN deleted_ms BIGINT").unwrap();
    conn.batch_execute(
        "INSERT INTO posts (id, is_deleted, deleted_ms) VALUES (1, TRUE, NULL), (2, FALSE, 7), (3, NULL, 7), (4, TRUE, 7)",
    )
    .unwrap();
    let migration = SoftDeleteMigration::new("posts")
        .flag("is_deleted")
        .timestamp("deleted_ms")
        .existing(["is_deleted", "deleted_ms"])
        .backfill();
    // The unit of an integer cannot be guessed.
    let error = migration.clone().column_type("deleted_ms", "BIGINT").up_sql(DIALECT).unwrap_err();
    assert!(error.to_string().contains("say it with `.unit(..)`"), "{error}");
    let source = migration.unit(TimeUnit::Millis).into_migrations("2026-01-01-000000");
    conn.run_pending_migrations(source).unwrap();
    diesel::table! {
        posts {
            id -> Integer,
            is_deleted -> Bool,
            deleted_ms -> Nullable<BigInt>,
        }
    }
    let rows = posts::table.order(posts::id).load::<(i32, bool, Option<i64>)>(conn);
    let mut rows: Vec<(i32, bool, Option<i64>)> = rows.unwrap_or_else(|_| {
        posts::table.select((posts::id, posts::is_deleted, posts::deleted_ms)).order(posts::id).load(conn).unwrap()
    });
    let filled = rows.remove(0).2.unwrap();
    assert!((filled - chrono::Utc::now().timestamp_millis()).abs() < 60_000);
    assert_eq!(rows, [(2, false, None), (3, false, None), (4, true, Some(7))]);
}
