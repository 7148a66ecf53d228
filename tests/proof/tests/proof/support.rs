//! A connection for each backend, and what the backends spell differently. Every test on a server has its own schema
//! (PostgreSQL) or database (MySQL), which is dropped at the end.

use diesel::connection::SimpleConnection;

/// A connection with the database that belongs to it.
pub struct Own<C: SimpleConnection> {
    pub conn: C,
    /// The URL for more connections to the same database.
    #[allow(dead_code, reason = "SQLite in memory has one connection")]
    pub url: String,
    cleanup: String,
    /// A directory that must be removed at the end.
    directory: Option<std::path::PathBuf>,
}

impl<C: SimpleConnection> Drop for Own<C> {
    fn drop(&mut self) {
        let dropped = self.conn.batch_execute(&self.cleanup);
        if !std::thread::panicking() {
            dropped.expect("the test's own database can be dropped");
        }
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn server(variable: &str) -> (String, String) {
    let url = std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} must name a server: `tests/run` starts private ones"));
    (url, unique_name())
}

/// A name that no other test has.
fn unique_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("dsd_proof_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// SplitMix64, which gives each worker its own sequence of choices.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: i32) -> i32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i32::try_from((mixed ^ (mixed >> 31)) % u64::from(bound.unsigned_abs())).expect("below an i32")
    }
}

pub mod sqlite {
    use diesel::prelude::*;

    pub type Conn = SqliteConnection;
    pub type Db = diesel::sqlite::Sqlite;
    /// The backend's own type for a time, beside Diesel's portable `Timestamp`.
    pub use diesel::sql_types::TimestamptzSqlite as OwnInstant;
    pub type OwnValue = chrono::DateTime<chrono::Utc>;
    pub const OWN_DDL: &str = "TIMESTAMP";
    pub const TIMESTAMP_DDL: &str = "TIMESTAMP";

    pub fn own() -> super::Own<Conn> {
        let conn = Conn::establish(":memory:").expect("SQLite is built in");
        super::Own { conn, url: String::new(), cleanup: String::new(), directory: None }
    }

    /// A database that other connections and processes can open.
    pub fn shared() -> super::Own<Conn> {
        let directory = std::env::temp_dir().join(super::unique_name());
        std::fs::create_dir(&directory).expect("a directory can be made");
        let url = directory.join("proof.sqlite").to_str().expect("the directory's name is text").to_owned();
        let conn = Conn::establish(&url).expect("SQLite is built in");
        super::Own { conn, url, cleanup: String::new(), directory: Some(directory) }
    }
}

#[cfg(feature = "postgres")]
pub mod postgres {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;

    pub type Conn = PgConnection;
    pub type Db = diesel::pg::Pg;
    pub use diesel::sql_types::Timestamptz as OwnInstant;
    pub type OwnValue = chrono::DateTime<chrono::Utc>;
    pub const OWN_DDL: &str = "TIMESTAMPTZ";
    pub const TIMESTAMP_DDL: &str = "TIMESTAMP";

    pub fn own() -> super::Own<Conn> {
        let (url, name) = super::server("PG_DATABASE_URL");
        let mut conn = Conn::establish(&url).expect("the PostgreSQL server of PG_DATABASE_URL answers");
        // The time zone is not UTC, so that an unwanted conversion fails a test.
        conn.batch_execute(&format!(
            "CREATE SCHEMA {name}; SET search_path TO {name}; SET timezone TO 'America/New_York';"
        ))
        .expect("a schema can be created");
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}options=-csearch_path%3D{name}");
        super::Own {
            conn,
            url,
            cleanup: format!("SET client_min_messages TO warning; DROP SCHEMA {name} CASCADE;"),
            directory: None,
        }
    }

    pub fn shared() -> super::Own<Conn> {
        own()
    }
}

#[cfg(feature = "mysql")]
pub mod mysql {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;

    pub type Conn = MysqlConnection;
    pub type Db = diesel::mysql::Mysql;
    pub use diesel::sql_types::Datetime as OwnInstant;
    pub type OwnValue = chrono::NaiveDateTime;
    pub const OWN_DDL: &str = "DATETIME(6)";
    pub const TIMESTAMP_DDL: &str = "DATETIME(6)";

    pub fn own() -> super::Own<Conn> {
        let (url, name) = super::server("MYSQL_DATABASE_URL");
        let mut conn = Conn::establish(&url).expect("the MySQL server of MYSQL_DATABASE_URL answers");
        conn.batch_execute(&format!("CREATE DATABASE {name}; USE {name}; SET time_zone = '-05:00';"))
            .expect("a database can be created");
        let base = url.rsplit_once('/').expect("the URL names a database").0;
        super::Own { conn, url: format!("{base}/{name}"), cleanup: format!("DROP DATABASE {name};"), directory: None }
    }

    pub fn shared() -> super::Own<Conn> {
        own()
    }
}
