//! `run_async` and `outcome_async` work on every backend of diesel-async, as do ordinary queries.

use diesel::prelude::*;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_soft_delete::chrono::{self, TimeDelta};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{
    Dialect, Error, Outcome, RetentionPolicy, Revival, SoftDeleteMigration, Stopped, assert_schema_async, check_async,
};

diesel::table! {
    posts {
        id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    posts_archive {
        id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    mails {
        id -> Integer,
        is_deleted -> Bool,
        legal_hold -> Bool,
    }
}
diesel::table! {
    mails_archive {
        id -> Integer,
        legal_hold -> Bool,
    }
}
diesel::table! {
    users {
        id -> Integer,
        deleted_at -> Nullable<Timestamp>,
        operation -> Nullable<Text>,
    }
}
diesel::table! {
    comments {
        id -> Integer,
        user_id -> Integer,
        answers -> Nullable<Integer>,
        deleted_at -> Nullable<Timestamp>,
        operation -> Nullable<Text>,
    }
}
diesel_soft_delete::soft_deletable! {
    users { timestamp = deleted_at, operation = operation, cascade(comments(user_id)) }
    comments { timestamp = deleted_at, operation = operation, cascade(comments(answers)) }
    posts { flag = is_deleted, timestamp = deleted_at }
    mails { flag = is_deleted, hold = legal_hold }
}

#[derive(Queryable, Selectable, Identifiable)]
#[diesel(table_name = posts)]
struct Post {
    id: i32,
}

macro_rules! cases {
    ($backend:ident, $Conn:ty, $instant:literal, $unique:literal, $url:expr) => {
        mod $backend {
            use super::*;

            fn own_name(name: &str) -> String {
                format!("dsd_async_{}_{name}", std::process::id())
            }

            async fn connection(name: &str) -> $Conn {
                let url: String = $url;
                let mut conn = <$Conn>::establish(&url).await.expect("the server answers");
                conn.batch_execute(&super::create(stringify!($backend), &own_name(name))).await.unwrap();
                conn.batch_execute(&format!(
                    "CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(20) NOT NULL,
                         is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {});
                     INSERT INTO posts (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');",
                    $instant
                ))
                .await
                .unwrap();
                conn
            }

            async fn clean_up(conn: &mut $Conn, name: &str) {
                conn.batch_execute(&super::drop(stringify!($backend), &own_name(name))).await.unwrap();
            }

            #[tokio::test]
            async fn a_job_can_be_spawned_and_purges_in_batches() {
                let mut conn = connection("jobs").await;
                let rows = (4..=40).map(|id| format!("({id}, 'old', TRUE, '2024-01-01 00:00:00')")).collect::<Vec<_>>();
                conn.batch_execute(&format!(
                    "INSERT INTO posts (id, title, is_deleted, deleted_at) VALUES {};
                     CREATE TABLE posts_archive (id INTEGER PRIMARY KEY, title VARCHAR(20) NOT NULL,
                         is_deleted BOOLEAN NOT NULL, deleted_at {});",
                    rows.join(", "),
                    $instant
                ))
                .await
                .unwrap();
                let (mut conn, seen) = tokio::spawn(async move {
                    let mut seen = Vec::new();
                    let job = posts::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(10).max_rows(25);
                    let job = job.pause(TimeDelta::milliseconds(1)).archive_into(posts_archive::table);
                    let report =
                        job.on_progress(|progress| seen.push(progress.batch_rows)).run_async(&mut conn).await.unwrap();
                    assert_eq!((report.rows, report.archived, report.stopped), (25, 25, Stopped::MaxRows));
                    (conn, seen)
                })
                .await
                .unwrap();
                assert_eq!(seen, [10, 10, 5]);
                let conn = &mut conn;
                assert_eq!(posts_archive::table.count().get_result::<i64>(conn).await, Ok(25));
                let error = conn
                    .transaction(async |conn| {
                        posts::table.purge_older_than(TimeDelta::days(30)).in_batches().run_async(conn).await
                    })
                    .await
                    .unwrap_err();
                assert!(matches!(error, Error::PurgeInTransaction { .. }), "{error}");
                let policy = || {
                    RetentionPolicy::new()
                        .table(posts::table.purge_older_than(TimeDelta::days(30)).in_batches())
                        .exclusive("async")
                };
                assert_eq!(policy().dry_run().run_async(conn).await.unwrap().rows(), 12);
                assert_eq!(policy().run_async(conn).await.unwrap().rows(), 12);
                assert_eq!(posts::table.select(posts::id).order(posts::id).load::<i32>(conn).await, Ok(vec![1, 2, 3]));
                clean_up(conn, "jobs").await;
            }

            #[tokio::test]
            async fn a_cascade_can_be_spawned_and_restores_its_children() {
                let mut conn = connection("cascades").await;
                conn.batch_execute(&format!(
                    "CREATE TABLE users (id INTEGER PRIMARY KEY, deleted_at {0}, operation VARCHAR(36));
                     CREATE TABLE comments (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, answers INTEGER, deleted_at {0}, operation VARCHAR(36));
                     INSERT INTO users (id) VALUES (1), (2);
                     INSERT INTO comments (id, user_id, answers) VALUES (1, 1, NULL), (2, 2, 1), (3, 2, 2), (4, 2, NULL);",
                    $instant
                ))
                .await
                .unwrap();
                let (mut conn, report) = tokio::spawn(async move {
                    let delete = users::table.find(1).soft_delete().cascade();
                    let preview = delete.preview_async(&mut conn).await.unwrap();
                    let report = delete.run_async(&mut conn).await.unwrap();
                    assert_eq!(preview.iter().collect::<Vec<_>>(), report.iter().collect::<Vec<_>>());
                    (conn, report)
                })
                .await
                .unwrap();
                let conn = &mut conn;
                assert_eq!((report.rows("users"), report.rows("comments")), (1, 3));
                let error = comments::table.find(2).restore().cascade().run_async(conn).await.unwrap_err();
                assert!(matches!(&error, Error::BelowDeleted { .. }), "{error}");
                let restored = conn
                    .transaction(async |conn| {
                        let error = comments::table.find(3).restore().cascade().run_async(conn).await.unwrap_err();
                        assert!(matches!(&error, Error::BelowDeleted { .. }), "{error}");
                        users::table.find(1).restore().cascade().run_async(conn).await
                    })
                    .await
                    .unwrap();
                assert_eq!((restored.total(), restored.operation_id()), (4, report.operation_id()));
                assert_eq!(comments::table.active().count().get_result::<i64>(conn).await, Ok(4));
                clean_up(conn, "cascades").await;
            }

            #[tokio::test]
            async fn a_revival_can_be_spawned_and_keeps_a_transaction_usable() {
                let mut conn = connection("revivals").await;
                conn.batch_execute($unique).await.unwrap();
                conn.batch_execute("CREATE UNIQUE INDEX ids ON posts (id)").await.unwrap();
                fn post(id: i32, title: String) -> (diesel::dsl::Eq<posts::id, i32>, diesel::dsl::Eq<posts::title, String>) {
                    (posts::id.eq(id), posts::title.eq(title))
                }
                let mut conn = tokio::spawn(async move {
                    let write = |title: &str| posts::table.insert_or_revive(post(9, title.into())).on(posts::title);
                    assert_eq!(write("one").run_async(&mut conn).await.unwrap(), Revival::Live);
                    assert_eq!(posts::table.find(2).soft_delete().run_async(&mut conn).await.unwrap(), 1);
                    assert_eq!(write("two").run_async(&mut conn).await.unwrap(), Revival::Revived);
                    assert_eq!(posts::table.find(2).soft_delete().run_async(&mut conn).await.unwrap(), 1);
                    let unnamed = || posts::table.insert_or_revive((posts::id.eq(2),)).on(posts::id);
                    let error = unnamed().run_async(&mut conn).await.unwrap_err();
                    assert!(matches!(error, Error::UnnamedColumns { columns, .. } if columns == ["title"]));
                    let revival = unnamed().keeping_the_rest().cascade().run_async(&mut conn).await.unwrap();
                    assert_eq!(revival, Revival::Revived);
                    assert_eq!(write("nine").run_async(&mut conn).await.unwrap(), Revival::Inserted);
                    conn
                })
                .await
                .unwrap();
                let conn = &mut conn;
                let ids = posts::table.active().select(posts::id).order(posts::id);
                assert_eq!(ids.load::<i32>(conn).await, Ok(vec![1, 2, 3, 9]));
                let revival = conn
                    .transaction(async |conn| {
                        let taken = posts::table.insert_or_revive(post(9, "ten".into())).on(posts::title);
                        let error = taken.run_async(conn).await.unwrap_err();
                        assert!(matches!(error, Error::Database(_)), "{error}");
                        posts::table.find(1).soft_delete().run_async(conn).await?;
                        let one = || posts::table.insert_or_revive(post(1, "one".into())).on((posts::title, posts::id));
                        assert_eq!(one().run_async(conn).await?, Revival::Revived);
                        one().run_async(conn).await
                    })
                    .await;
                assert_eq!(revival.unwrap(), Revival::Live);
                clean_up(conn, "revivals").await;
            }

            #[tokio::test]
            async fn run_async_changes_the_rows_that_run_would() {
                let conn = &mut connection("verbs").await;
                assert_eq!(posts::table.find(1).soft_delete().execute(conn).await, Ok(1));
                assert_eq!(posts::table.find(1).soft_delete().run_async(conn).await.unwrap(), 0);
                assert_eq!(posts::table.active().count().get_result::<i64>(conn).await, Ok(2));
                let post: Post = posts::table.deleted().select(Post::as_select()).first(conn).await.unwrap();
                assert_eq!(post.restore().run_async(conn).await.unwrap(), 1);
                let long_ago = chrono::Utc::now() - TimeDelta::days(31);
                assert_eq!(posts::table.find(2).soft_delete().at_utc(long_ago).run_async(conn).await.unwrap(), 1);
                assert_eq!(posts::table.purge_older_than(TimeDelta::days(30)).run_async(conn).await.unwrap(), 1);
                let error = posts::table.purge_older_than(TimeDelta::days(-1)).run_async(conn).await.unwrap_err();
                assert!(matches!(error, Error::NegativeAge { .. }), "{error}");
                assert_eq!(posts::table.count().get_result::<i64>(conn).await, Ok(2));
                clean_up(conn, "verbs").await;
            }

            #[tokio::test]
            async fn outcome_async_tells_why_a_row_did_not_change() {
                let conn = &mut connection("outcomes").await;
                let delete = |id: i32| posts::table.find(id).soft_delete();
                assert_eq!(delete(9).outcome_async(conn).await.unwrap(), Outcome::NotFound);
                assert_eq!(delete(1).only_if(posts::title.eq("x")).outcome_async(conn).await.unwrap(), Outcome::Refused);
                assert_eq!(delete(1).outcome_async(conn).await.unwrap(), Outcome::Changed);
                assert_eq!(delete(1).outcome_async(conn).await.unwrap(), Outcome::AlreadyInState);
                let error = posts::table.soft_delete().outcome_async(conn).await.unwrap_err();
                assert!(matches!(error, Error::NotOneRow { rows: 2, .. }), "{error}");
                assert_eq!(posts::table.active().count().get_result::<i64>(conn).await, Ok(2));
                clean_up(conn, "outcomes").await;
            }

            #[tokio::test]
            async fn a_conflict_leaves_the_transaction_usable() {
                let conn = &mut connection("conflict").await;
                conn.batch_execute($unique).await.unwrap();
                assert_eq!(posts::table.find(1).soft_delete().run_async(conn).await.unwrap(), 1);
                diesel::update(posts::table.find(2)).set(posts::title.eq("one")).execute(conn).await.unwrap();
                let result = conn
                    .transaction(async |conn| {
                        let error = posts::table.find(1).restore().run_async(conn).await.unwrap_err();
                        assert!(matches!(&error, Error::RestoreConflict { table, .. } if table == "posts"), "{error}");
                        posts::table.find(3).soft_delete().run_async(conn).await?;
                        let outcome = posts::table.find(3).soft_delete().outcome_async(conn).await?;
                        assert_eq!(outcome, Outcome::AlreadyInState);
                        Ok::<_, Error>(())
                    })
                    .await;
                result.unwrap();
                assert_eq!(posts::table.active().count().get_result::<i64>(conn).await, Ok(1));
                clean_up(conn, "conflict").await;
            }

            #[tokio::test]
            async fn a_check_can_be_spawned_and_its_sql_fixes_the_schema() {
                let mut conn = connection("check").await;
                let handler = tokio::spawn(async move {
                    let insert = "INSERT INTO posts (id, title, is_deleted) VALUES (4, 'four', TRUE)";
                    conn.batch_execute(insert).await.unwrap();
                    let findings = check_async::<posts::table, _>(&mut conn).await?;
                    let counted = findings.iter().any(|finding| finding.message.contains("1 deleted row has"));
                    assert!(counted, "{findings:?}");
                    conn.batch_execute("DELETE FROM posts WHERE id = 4").await.unwrap();
                    let error = assert_schema_async::<(posts::table, (posts::table,)), _>(&mut conn).await.unwrap_err();
                    let Error::SchemaMismatch { findings } = error else { panic!("{error}") };
                    for finding in &findings[..findings.len() / 2] {
                        // CREATE INDEX CONCURRENTLY must be sent on its own.
                        for statement in finding.sql.as_ref().unwrap().split(";\n") {
                            conn.batch_execute(statement).await.unwrap();
                        }
                    }
                    assert_schema_async::<posts::table, _>(&mut conn).await?;
                    Ok::<_, Error>(conn)
                });
                let mut conn = handler.await.unwrap().unwrap();
                clean_up(&mut conn, "check").await;
            }

            /// The table has the guard against hard deletes, a row under hold and an archive.
            #[tokio::test]
            async fn an_erasure_can_be_spawned_and_keeps_a_transaction_usable() {
                let mut conn = connection("erasures").await;
                let dialect = match stringify!($backend) {
                    "postgres" => Dialect::Postgres,
                    "mysql" => Dialect::Mysql,
                    _ => Dialect::Sqlite,
                };
                conn.batch_execute("CREATE TABLE mails (id INTEGER PRIMARY KEY)").await.unwrap();
                let guarded = SoftDeleteMigration::for_table::<mails::table>().guard_hard_delete();
                conn.batch_execute(&guarded.up_sql(dialect).unwrap()).await.unwrap();
                conn.batch_execute(
                    "CREATE TABLE mails_archive (id INTEGER, legal_hold BOOLEAN NOT NULL);
                     INSERT INTO mails (id, is_deleted, legal_hold) VALUES (1, FALSE, FALSE), (2, TRUE, FALSE), (3, FALSE, TRUE);
                     INSERT INTO mails_archive VALUES (2, FALSE), (4, FALSE);",
                )
                .await
                .unwrap();
                let handler = tokio::spawn(async move {
                    diesel::delete(mails::table.find(1)).execute(&mut conn).await.unwrap_err();
                    let report = conn
                        .transaction(async |conn| {
                            let error = mails::table.erase().run_async(conn).await.unwrap_err();
                            let Error::UnderHold { table, key, rows } = error else { panic!("{error}") };
                            assert_eq!((&*table, key.as_deref(), rows), ("mails", Some("3"), 1));
                            assert_eq!(mails::table.active().count().get_result::<i64>(conn).await, Ok(2));
                            let active = mails::table.filter(mails::is_deleted.eq(false)).filter(mails::id.eq(1));
                            let error = active.erase().run_async(conn).await.unwrap_err();
                            assert!(matches!(error, Error::NotErased { found: 1, removed: 0, .. }), "{error}");
                            assert_eq!(mails::table.active().count().get_result::<i64>(conn).await, Ok(2));
                            let erase = mails::table.filter(mails::id.ne(3)).erase().archived_in(mails_archive::table);
                            erase.run_async(conn).await
                        })
                        .await?;
                    assert_eq!((report.rows, report.archived), (2, 2));
                    assert_eq!(mails::table.select(mails::id).load::<i32>(&mut conn).await, Ok(vec![3]));
                    Ok::<_, Error>(conn)
                });
                let mut conn = handler.await.unwrap().unwrap();
                clean_up(&mut conn, "erasures").await;
            }

            /// The calls are spawned, and the purge runs inside a transaction.
            #[tokio::test]
            async fn rows_that_refer_to_each_other_are_erased_and_purged() {
                let mut conn = connection("threads").await;
                if stringify!($backend) == "sqlite" {
                    conn.batch_execute("PRAGMA foreign_keys = ON").await.unwrap();
                }
                conn.batch_execute(&format!(
                    "CREATE TABLE comments (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, answers INTEGER, deleted_at {},
                         operation VARCHAR(36), FOREIGN KEY (answers) REFERENCES comments (id));
                     INSERT INTO comments (id, user_id, answers) VALUES (3, 1, NULL), (1, 1, 3), (2, 1, 1), (5, 2, NULL), (7, 2, 5), (6, 2, 7);",
                    $instant
                ))
                .await
                .unwrap();
                let handler = tokio::spawn(async move {
                    let conn = &mut conn;
                    let of = |user: i32| comments::table.filter(comments::user_id.eq(user));
                    let held = comments::table.filter(comments::id.eq_any([1, 3]));
                    held.erase().run_async(conn).await.unwrap_err();
                    assert_eq!(of(1).active().count().get_result::<i64>(conn).await, Ok(3));
                    assert_eq!(of(1).erase().run_async(conn).await?.rows, 3);
                    conn.batch_execute("UPDATE comments SET deleted_at = '2024-01-01 00:00:00' WHERE id <> 6").await?;
                    let removed = conn
                        .transaction(async |conn| {
                            of(2).purge_older_than(TimeDelta::days(1)).run_async(conn).await.unwrap_err();
                            conn.batch_execute("UPDATE comments SET deleted_at = '2024-01-01 00:00:00'").await?;
                            of(2).purge_older_than(TimeDelta::days(1)).run_async(conn).await
                        })
                        .await?;
                    assert_eq!(removed, 3);
                    conn.batch_execute("DROP TABLE comments").await?;
                    Ok::<_, Error>(())
                });
                handler.await.unwrap().unwrap();
                let url: String = $url;
                let mut conn = <$Conn>::establish(&url).await.unwrap();
                clean_up(&mut conn, "threads").await;
            }

            /// The handler of a web server does this.
            #[tokio::test]
            async fn verbs_can_be_spawned_on_a_pooled_connection() {
                let conn = &mut connection("pool").await;
                let url: String = $url;
                let manager = AsyncDieselConnectionManager::<$Conn>::new(url);
                let pool = Pool::builder().max_size(1).build(manager).await.unwrap();
                let (name, in_memory) = (own_name("pool"), stringify!($backend) == "sqlite");
                let handler = tokio::spawn(async move {
                    let mut conn = pool.get().await.unwrap();
                    if in_memory {
                        // A database in memory belongs to its connection.
                        let ddl = "CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT, is_deleted BOOLEAN DEFAULT FALSE, deleted_at TIMESTAMP);
                                   INSERT INTO posts (id, title) VALUES (1, 'one'), (2, 'two')";
                        conn.batch_execute(ddl).await.unwrap();
                    } else {
                        conn.batch_execute(&super::enter(stringify!($backend), &name)).await.unwrap();
                    }
                    posts::table.find(1).soft_delete().run_async(&mut conn).await?;
                    posts::table.find(2).soft_delete().only_if(posts::title.eq("two")).outcome_async(&mut conn).await
                });
                assert_eq!(handler.await.unwrap().unwrap(), Outcome::Changed);
                clean_up(conn, "pool").await;
            }
        }
    };
}

/// Creates a schema or database and enters it. SQLite's is in memory.
fn create(backend: &str, name: &str) -> String {
    match backend {
        "postgres" => format!("CREATE SCHEMA {name}; {}", enter(backend, name)),
        "mysql" => format!("CREATE DATABASE {name}; {}", enter(backend, name)),
        _ => String::from("SELECT 1"),
    }
}

fn enter(backend: &str, name: &str) -> String {
    match backend {
        "postgres" => format!("SET search_path TO {name}"),
        "mysql" => format!("USE {name}"),
        _ => String::from("SELECT 1"),
    }
}

fn drop(backend: &str, name: &str) -> String {
    match backend {
        "postgres" => format!("SET client_min_messages TO warning; DROP SCHEMA {name} CASCADE"),
        "mysql" => format!("DROP DATABASE {name}"),
        _ => String::from("SELECT 1"),
    }
}

cases!(
    sqlite,
    diesel_async::sync_connection_wrapper::SyncConnectionWrapper<SqliteConnection>,
    "TIMESTAMP",
    "CREATE UNIQUE INDEX live_titles ON posts (title) WHERE (is_deleted = FALSE)",
    String::from(":memory:")
);

#[cfg(feature = "postgres")]
cases!(
    postgres,
    diesel_async::AsyncPgConnection,
    "TIMESTAMP",
    "CREATE UNIQUE INDEX live_titles ON posts (title) WHERE (is_deleted = FALSE)",
    std::env::var("PG_DATABASE_URL").expect("PG_DATABASE_URL names a server")
);

#[cfg(feature = "mysql")]
cases!(
    mysql,
    diesel_async::AsyncMysqlConnection,
    "DATETIME(6) NULL DEFAULT NULL",
    "ALTER TABLE posts ADD COLUMN live BOOLEAN AS (IF(is_deleted, NULL, 1)) VIRTUAL, ADD UNIQUE KEY live_titles (title, live)",
    std::env::var("MYSQL_DATABASE_URL").expect("MYSQL_DATABASE_URL names a server")
);
