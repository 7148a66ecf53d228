//! A web server has one handler of axum for each verb, on a pool of diesel-async, and a status code for each outcome.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use diesel::prelude::*;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_soft_delete::chrono::TimeDelta;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Outcome};
use tower::ServiceExt;

diesel::table! {
    posts {
        id -> Integer,
        title -> Text,
        version -> Integer,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at } }

/// The HTTP status of an outcome.
fn status(result: Result<Outcome, Error>) -> StatusCode {
    match result {
        Ok(Outcome::Changed) => StatusCode::OK,
        Ok(Outcome::NotFound) => StatusCode::NOT_FOUND,
        Ok(Outcome::AlreadyInState) | Err(Error::RestoreConflict { .. }) => StatusCode::CONFLICT,
        Ok(Outcome::Refused) => StatusCode::PRECONDITION_FAILED,
        Err(Error::Contended { .. }) => StatusCode::SERVICE_UNAVAILABLE,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn call(app: &axum::Router, method: &str, path: &str, version: Option<i32>) -> (StatusCode, serde_json::Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(version) = version {
        request = request.header("if-match", version);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

macro_rules! server {
    ($backend:ident, $Conn:ty, connections: $connections:literal, [$($ddl:expr),*], $database:expr) => {
        mod $backend {
            use axum::extract::{Path, State};
            use axum::http::HeaderMap;
            use axum::routing::{delete, get, post};
            use axum::{Json, Router};

            use super::*;

            type App = State<Pool<$Conn>>;

            async fn list(State(pool): App) -> Json<Vec<String>> {
                let mut conn = pool.get().await.unwrap();
                let titles = posts::table.active().select(posts::title).order(posts::id);
                Json(titles.load(&mut conn).await.unwrap())
            }

            async fn trash(State(pool): App) -> Json<Vec<i32>> {
                let mut conn = pool.get().await.unwrap();
                Json(posts::table.deleted().select(posts::id).order(posts::id).load(&mut conn).await.unwrap())
            }

            async fn remove(State(pool): App, Path(id): Path<i32>, headers: HeaderMap) -> StatusCode {
                let mut conn = pool.get().await.unwrap();
                let wanted = headers.get("if-match").and_then(|value| value.to_str().ok()?.parse::<i32>().ok());
                let delete = posts::table.find(id).soft_delete();
                status(match wanted {
                    Some(version) => delete.only_if(posts::version.eq(version)).outcome_async(&mut conn).await,
                    None => delete.outcome_async(&mut conn).await,
                })
            }

            async fn restore(State(pool): App, Path(id): Path<i32>) -> StatusCode {
                let mut conn = pool.get().await.unwrap();
                let restore = posts::table.find(id).restore().set(posts::version.eq(posts::version + 1));
                status(restore.outcome_async(&mut conn).await)
            }

            async fn empty_trash(State(pool): App, Path(days): Path<i64>) -> Result<Json<usize>, (StatusCode, String)> {
                let mut conn = pool.get().await.unwrap();
                let purged = posts::table.purge_older_than(TimeDelta::days(days)).run_async(&mut conn).await;
                purged.map(Json).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
            }

            fn app(pool: Pool<$Conn>) -> Router {
                Router::new()
                    .route("/posts", get(list))
                    .route("/posts/{id}", delete(remove))
                    .route("/posts/{id}/restore", post(restore))
                    .route("/trash", get(trash))
                    .route("/trash/{days}", delete(empty_trash))
                    .with_state(pool)
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_server_answers_with_the_status_of_each_outcome() {
                let Database { admin, create, url, drop } = $database;
                let mut owner = <$Conn>::establish(&admin).await.expect("the server answers");
                owner.batch_execute(&create).await.unwrap();
                let manager = AsyncDieselConnectionManager::<$Conn>::new(url);
                let pool = Pool::builder().max_size($connections).build(manager).await.unwrap();
                {
                    let mut conn = pool.get().await.unwrap();
                    for statement in [$($ddl),*] {
                        conn.batch_execute(statement).await.unwrap();
                    }
                    let rows = "INSERT INTO posts (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three')";
                    conn.batch_execute(rows).await.unwrap();
                }
                let app = app(pool);

                assert_eq!(call(&app, "DELETE", "/posts/1", None).await.0, StatusCode::OK);
                assert_eq!(call(&app, "DELETE", "/posts/1", None).await.0, StatusCode::CONFLICT);
                assert_eq!(call(&app, "DELETE", "/posts/9", None).await.0, StatusCode::NOT_FOUND);
                assert_eq!(call(&app, "DELETE", "/posts/2", Some(5)).await.0, StatusCode::PRECONDITION_FAILED);
                assert_eq!(call(&app, "GET", "/posts", None).await.1, serde_json::json!(["two", "three"]));
                assert_eq!(call(&app, "GET", "/trash", None).await.1, serde_json::json!([1]));

                assert_eq!(call(&app, "POST", "/posts/1/restore", None).await.0, StatusCode::OK);
                assert_eq!(call(&app, "POST", "/posts/1/restore", None).await.0, StatusCode::CONFLICT);
                assert_eq!(call(&app, "POST", "/posts/9/restore", None).await.0, StatusCode::NOT_FOUND);
                // The restore made it version 2.
                assert_eq!(call(&app, "DELETE", "/posts/1", Some(1)).await.0, StatusCode::PRECONDITION_FAILED);
                assert_eq!(call(&app, "DELETE", "/posts/1", Some(2)).await.0, StatusCode::OK);

                // Only one of many requests changes the row.
                let app = Arc::new(app);
                let requests: Vec<_> = (0..16)
                    .map(|_| {
                        let app = Arc::clone(&app);
                        tokio::spawn(async move { call(&app, "DELETE", "/posts/3", None).await.0 })
                    })
                    .collect();
                let mut answers = Vec::new();
                for request in requests {
                    answers.push(request.await.unwrap());
                }
                assert_eq!(answers.iter().filter(|answer| **answer == StatusCode::OK).count(), 1, "{answers:?}");
                assert_eq!(answers.iter().filter(|answer| **answer == StatusCode::CONFLICT).count(), 15, "{answers:?}");

                assert_eq!(call(&app, "DELETE", "/trash/30", None).await.1, serde_json::json!(0));
                assert_eq!(call(&app, "DELETE", "/trash/-30", None).await.0, StatusCode::BAD_REQUEST);
                assert_eq!(call(&app, "GET", "/trash", None).await.1, serde_json::json!([1, 3]));

                // Another post takes the title meanwhile.
                diesel::sql_query("UPDATE posts SET title = 'one' WHERE id = 2").execute(&mut owner).await.unwrap();
                assert_eq!(call(&app, "POST", "/posts/1/restore", None).await.0, StatusCode::CONFLICT);
                assert_eq!(call(&app, "GET", "/trash", None).await.1, serde_json::json!([1, 3]));
                assert_eq!(call(&app, "GET", "/posts", None).await.1, serde_json::json!(["one"]));

                std::mem::drop(app);
                owner.batch_execute(&drop).await.unwrap();
            }
        }
    };
}

/// A database for a pool to connect to.
struct Database {
    admin: String,
    create: String,
    url: String,
    drop: String,
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn own_name() -> String {
    format!("dsd_web_{}", std::process::id())
}

server!(
    sqlite,
    diesel_async::sync_connection_wrapper::SyncConnectionWrapper<SqliteConnection>,
    // The name shares a database in memory, which exists as long as the owner's connection.
    connections: 1,
    [
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1,
             is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP)",
        "CREATE UNIQUE INDEX live_titles ON posts (title) WHERE (is_deleted = FALSE)"
    ],
    {
        let url = format!("file:dsd_web_{}?mode=memory&cache=shared", std::process::id());
        Database { admin: url.clone(), create: "SELECT 1".into(), url, drop: "SELECT 1".into() }
    }
);

#[cfg(feature = "postgres")]
server!(
    postgres,
    diesel_async::AsyncPgConnection,
    connections: 4,
    [
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1,
             is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP)",
        "CREATE UNIQUE INDEX live_titles ON posts (title) WHERE (is_deleted = FALSE)"
    ],
    {
        let admin = std::env::var("PG_DATABASE_URL").expect("PG_DATABASE_URL names a server");
        let name = own_name();
        let separator = if admin.contains('?') { '&' } else { '?' };
        Database {
            create: format!("CREATE SCHEMA {name}; SET search_path TO {name}"),
            url: format!("{admin}{separator}options=-csearch_path%3D{name}"),
            drop: format!("SET client_min_messages TO warning; DROP SCHEMA {name} CASCADE"),
            admin,
        }
    }
);

#[cfg(feature = "mysql")]
server!(
    mysql,
    diesel_async::AsyncMysqlConnection,
    connections: 4,
    [
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(20) NOT NULL, version INTEGER NOT NULL DEFAULT 1,
             is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at DATETIME(6) NULL DEFAULT NULL,
             live BOOLEAN AS (IF(is_deleted, NULL, 1)) VIRTUAL, UNIQUE KEY live_titles (title, live))"
    ],
    {
        let admin = std::env::var("MYSQL_DATABASE_URL").expect("MYSQL_DATABASE_URL names a server");
        let name = own_name();
        let base = admin.rsplit_once('/').expect("the URL names a database").0;
        Database {
            create: format!("CREATE DATABASE {name}; USE {name}"),
            url: format!("{base}/{name}"),
            drop: format!("DROP DATABASE {name}"),
            admin: admin.clone(),
        }
    }
);
