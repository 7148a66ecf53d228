//! `run_async` and `outcome_async` on every backend of diesel-async; ordinary Diesel through it.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_soft_delete::chrono::{self, TimeDelta};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Outcome};

diesel::table! {
    posts {
        id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at } }

#[derive(Queryable, Selectable, Identifiable)]
#[diesel(table_name = posts)]
struct Post {
    id: i32,
}

/// The statements that make the tables and drop them.
const DROP: &str = "DROP TABLE IF EXISTS async_posts";

macro_rules! cases {
    ($backend:ident, $Conn:ty, $instant:literal, $unique:literal, $url:expr) => {
        mod $backend {
            use super::*;

            async fn connection(name: &str) -> $Conn {
                let url: String = $url;
                let mut conn = <$Conn>::establish(&url).await.expect("the server answers");
                prepare(&mut conn, name).await;
                conn
            }

            async fn prepare(conn: &mut $Conn, name: &str) {
                let name = format!("dsd_async_{}_{name}", std::process::id());
                super::own_database(conn, stringify!($backend), &name).await;
                conn.batch_execute(&format!(
                    "CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(20) NOT NULL,
                         is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {});
                     INSERT INTO posts (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');",
                    $instant
                ))
                .await
                .unwrap();
            }

            #[tokio::test]
            async fn verbs() {
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
            }

            #[tokio::test]
            async fn outcomes() {
                let conn = &mut connection("outcomes").await;
                let delete = |id: i32| posts::table.find(id).soft_delete();
                assert_eq!(delete(9).outcome_async(conn).await.unwrap(), Outcome::NotFound);
                assert_eq!(delete(1).only_if(posts::title.eq("x")).outcome_async(conn).await.unwrap(), Outcome::Refused);
                assert_eq!(delete(1).outcome_async(conn).await.unwrap(), Outcome::Changed);
                assert_eq!(delete(1).outcome_async(conn).await.unwrap(), Outcome::AlreadyInState);
                let error = posts::table.soft_delete().outcome_async(conn).await.unwrap_err();
                assert!(matches!(error, Error::NotOneRow { rows: 2, .. }), "{error}");
                assert_eq!(posts::table.active().count().get_result::<i64>(conn).await, Ok(2));
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
            }

            /// The futures can be spawned: a handler of a web server must be `Send`.
            #[tokio::test]
            async fn futures_are_send() {
                let mut conn = connection("send").await;
                let outcome = tokio::spawn(async move {
                    posts::table.find(1).soft_delete().run_async(&mut conn).await?;
                    posts::table.find(2).soft_delete().only_if(posts::title.eq("two")).outcome_async(&mut conn).await
                });
                assert_eq!(outcome.await.unwrap().unwrap(), Outcome::Changed);
            }
        }
    };
}

/// Gives the connection a schema or database of its own.
async fn own_database<C: SimpleAsyncConnection>(conn: &mut C, backend: &str, name: &str) {
    let sql = match backend {
        "postgres" => format!(
            "SET client_min_messages TO warning; DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}; SET search_path TO {name};"
        ),
        "mysql" => format!("DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}; USE {name};"),
        _ => DROP.to_owned(),
    };
    conn.batch_execute(&sql).await.unwrap();
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
