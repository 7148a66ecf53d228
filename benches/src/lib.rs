//! The pairs that the benchmarks compare, on each backend.
//!
//! A pair is the same work, done by `diesel_soft_delete` and written by hand as a user of Diesel would.

pub mod allocations;
pub mod rounds;

use diesel::connection::SimpleConnection;

/// The same work, done in two ways.
pub struct Pair<C> {
    pub name: &'static str,
    /// Brings the rows with these ids into the state that the work starts from. It is not measured.
    pub prepare: fn(&mut C, first: i32, last: i32),
    pub ours: Side<C>,
    pub by_hand: Side<C>,
    /// How many rows each call changes or loads.
    pub rows: usize,
}

/// One of the two ways.
pub struct Side<C> {
    /// Builds the statement for one id and executes it. Returns how many rows it changed or loaded.
    pub call: fn(&mut C, i32) -> usize,
    /// Builds the statement and writes its SQL.
    pub sql: fn(i32) -> String,
    /// Only builds the statement.
    pub build: fn(i32),
}

/// The verbs change the ids from 1 to this number. The reads use the same ids, or the authors.
pub const IDS: i32 = 2000;
/// The number of authors. Each has 20 of these posts, and two more that are deleted.
pub const AUTHORS: i32 = 100;

/// A connection to its own database, which is dropped at the end.
pub struct Private<C: SimpleConnection> {
    pub conn: C,
    cleanup: String,
}

impl<C: SimpleConnection> Drop for Private<C> {
    fn drop(&mut self) {
        // This also runs during a panic, so an error is ignored.
        let _ = self.conn.batch_execute(&self.cleanup);
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn url(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} must name a server: `benches/run` starts private ones"))
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn unique_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("dsd_bench_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

pub mod sqlite {
    use diesel::prelude::*;
    use diesel::sql_types::Timestamp as Instant;
    use diesel::sqlite::Sqlite as Db;

    pub type Conn = SqliteConnection;
    pub const NAME: &str = "SQLite";
    const INSTANT: &str = "TIMESTAMP";
    const AFTER_FILLING: &str = "ANALYZE";

    /// Creates a database in memory.
    pub fn empty() -> super::Private<Conn> {
        let conn = Conn::establish(":memory:").expect("SQLite is built in");
        super::Private { conn, cleanup: String::new() }
    }

    include!("pairs.rs");
}

#[cfg(feature = "postgres")]
pub mod postgres {
    use diesel::connection::SimpleConnection;
    use diesel::pg::Pg as Db;
    use diesel::prelude::*;
    use diesel::sql_types::Timestamp as Instant;

    pub type Conn = PgConnection;
    pub const NAME: &str = "PostgreSQL";
    const INSTANT: &str = "TIMESTAMP";
    const AFTER_FILLING: &str = "VACUUM ANALYZE posts";

    /// Creates a schema, to which more connections can be opened.
    pub fn empty() -> super::Private<Conn> {
        let name = super::unique_name();
        let mut conn = another();
        conn.batch_execute(&format!("CREATE SCHEMA {name}; SET search_path TO {name};"))
            .expect("a schema can be created");
        let cleanup = format!("SET client_min_messages TO warning; DROP SCHEMA {name} CASCADE;");
        super::Private { conn, cleanup }
    }

    pub fn another() -> Conn {
        Conn::establish(&super::url("PG_DATABASE_URL")).expect("the PostgreSQL server of PG_DATABASE_URL answers")
    }

    include!("pairs.rs");
}

#[cfg(feature = "mysql")]
pub mod mysql {
    use diesel::connection::SimpleConnection;
    use diesel::mysql::Mysql as Db;
    use diesel::prelude::*;
    use diesel::sql_types::Datetime as Instant;

    pub type Conn = MysqlConnection;
    pub const NAME: &str = "MariaDB";
    const INSTANT: &str = "DATETIME(6) NULL DEFAULT NULL";
    const AFTER_FILLING: &str = "ANALYZE TABLE posts";

    /// Creates a database.
    pub fn empty() -> super::Private<Conn> {
        let name = super::unique_name();
        let url = super::url("MYSQL_DATABASE_URL");
        let mut conn = Conn::establish(&url).expect("the MySQL server of MYSQL_DATABASE_URL answers");
        conn.batch_execute(&format!("CREATE DATABASE {name}; USE {name};")).expect("a database can be created");
        super::Private { conn, cleanup: format!("DROP DATABASE {name};") }
    }

    #[derive(QueryableByName)]
    struct Status {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = Value)]
        value: String,
    }

    /// Waits until InnoDB has removed the old versions of rows, which it does in the background.
    pub fn settle(conn: &mut Conn) {
        for _ in 0..200 {
            let status = diesel::sql_query("SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'");
            let length = status.load::<Status>(conn).expect("the status");
            if length.iter().all(|length| length.value.parse::<u64>().is_ok_and(|length| length < 100)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    include!("pairs.rs");
}
