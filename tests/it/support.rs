//! Connections for each backend. Every test gets its own database, or its own schema on PostgreSQL, which is dropped at
//! the end.

use diesel::connection::SimpleConnection;

/// A connection with the database that belongs to it.
pub struct TestConnection<C: SimpleConnection> {
    conn: C,
    cleanup: String,
}

impl<C: SimpleConnection> std::ops::Deref for TestConnection<C> {
    type Target = C;
    fn deref(&self) -> &C {
        &self.conn
    }
}

impl<C: SimpleConnection> std::ops::DerefMut for TestConnection<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.conn
    }
}

impl<C: SimpleConnection> Drop for TestConnection<C> {
    fn drop(&mut self) {
        let dropped = self.conn.batch_execute(&self.cleanup);
        if !std::thread::panicking() {
            dropped.expect("the test's own database can be dropped");
        }
    }
}

/// The condition of a purge, beside its cutoff, that the value of a timestamp column is the time of a deletion.
pub fn known_time(dialect: diesel_soft_delete::Dialect, column: &str) -> String {
    use diesel_soft_delete::Dialect;
    let form = match dialect {
        Dialect::Sqlite => {
            " AND $ GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]*' \
             AND (substr($, 17) NOT GLOB '*[^0-9:.Z]*' OR $ GLOB '*[-+]00:00')"
        }
        Dialect::Mysql => " AND MONTH($) > 0 AND DAYOFMONTH($) > 0",
        Dialect::Postgres => "",
    };
    format!("($ > '1973-03-03 09:46:40'{form})").replace('$', column)
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server {
    use std::sync::atomic::{AtomicU32, Ordering};

    pub fn url(variable: &str) -> String {
        std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} must name a server: `tests/run` starts private ones"))
    }

    /// A name that no other test has.
    pub fn unique_name() -> String {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        format!("dsd_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
    }
}

pub mod sqlite {
    use diesel::prelude::*;

    pub type Conn = SqliteConnection;
    pub type Db = diesel::sqlite::Sqlite;
    pub use diesel::sql_types::Timestamp as Instant;
    pub const DIALECT: diesel_soft_delete::Dialect = diesel_soft_delete::Dialect::Sqlite;
    pub const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    pub const INSTANT_NULL: &str = "TIMESTAMP";

    pub fn connection() -> super::TestConnection<Conn> {
        of(Conn::establish(":memory:").expect("SQLite is built in"))
    }

    /// A database that the test created itself.
    pub fn of(conn: Conn) -> super::TestConnection<Conn> {
        super::TestConnection { conn, cleanup: String::new() }
    }

    /// A database that several connections can open.
    pub fn shared() -> (super::TestConnection<Conn>, String) {
        static COUNTER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let url = format!("file:dsd_{}_{number}?mode=memory&cache=shared", std::process::id());
        let conn = Conn::establish(&url).expect("SQLite is built in");
        (super::TestConnection { conn, cleanup: String::new() }, url)
    }

    /// The numbers `1..=rows`, as a query of one column `n`.
    pub fn series(rows: u32) -> String {
        format!("WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) SELECT n FROM s")
    }

    pub fn is_mariadb(_: &mut Conn) -> bool {
        false
    }
}

#[cfg(feature = "postgres")]
pub mod postgres {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;

    pub type Conn = PgConnection;
    pub type Db = diesel::pg::Pg;
    pub use diesel::sql_types::Timestamp as Instant;
    pub const DIALECT: diesel_soft_delete::Dialect = diesel_soft_delete::Dialect::Postgres;
    pub const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    pub const INSTANT_NULL: &str = "TIMESTAMP";

    pub fn connection() -> super::TestConnection<Conn> {
        shared().0
    }

    /// A database that several connections can open.
    pub fn shared() -> (super::TestConnection<Conn>, String) {
        let url = super::server::url("PG_DATABASE_URL");
        let mut conn = Conn::establish(&url).expect("the PostgreSQL server of PG_DATABASE_URL answers");
        let name = super::server::unique_name();
        // The time zone is not UTC, so that an unwanted conversion fails a test.
        conn.batch_execute(&format!(
            "CREATE SCHEMA {name}; SET search_path TO {name}; SET timezone TO 'America/New_York';"
        ))
        .expect("a schema can be created");
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}options=-csearch_path%3D{name}");
        let cleanup = format!("SET client_min_messages TO warning; DROP SCHEMA {name} CASCADE;");
        (super::TestConnection { conn, cleanup }, url)
    }

    /// The numbers `1..=rows`, as a query of one column `n`.
    pub fn series(rows: u32) -> String {
        format!("SELECT n FROM generate_series(1, {rows}) AS s (n)")
    }

    pub fn is_mariadb(_: &mut Conn) -> bool {
        false
    }
}

#[cfg(feature = "mysql")]
pub mod mysql {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;

    pub type Conn = MysqlConnection;
    pub type Db = diesel::mysql::Mysql;
    pub use diesel::sql_types::Datetime as Instant;
    pub const DIALECT: diesel_soft_delete::Dialect = diesel_soft_delete::Dialect::Mysql;
    pub const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/mysql");
    pub const INSTANT_NULL: &str = "DATETIME(6) NULL DEFAULT NULL";

    pub fn connection() -> super::TestConnection<Conn> {
        shared().0
    }

    /// A database that several connections can open.
    pub fn shared() -> (super::TestConnection<Conn>, String) {
        let url = super::server::url("MYSQL_DATABASE_URL");
        let mut conn = Conn::establish(&url).expect("the MySQL server of MYSQL_DATABASE_URL answers");
        let name = super::server::unique_name();
        conn.batch_execute(&format!("CREATE DATABASE {name}; USE {name}; SET time_zone = '-05:00';"))
            .expect("a database can be created");
        let base = url.rsplit_once('/').expect("the URL names a database").0;
        (super::TestConnection { conn, cleanup: format!("DROP DATABASE {name};") }, format!("{base}/{name}"))
    }

    /// The numbers `1..=rows`, as a query of one column `n`, on MySQL itself and on MariaDB.
    pub fn series(rows: u32) -> String {
        format!(
            "SELECT n FROM JSON_TABLE(CONCAT('[0', REPEAT(',0', {rows} - 1), ']'), '$[*]' COLUMNS (n FOR ORDINALITY)) AS s"
        )
    }

    /// Whether the server is MariaDB, and not MySQL itself.
    pub fn is_mariadb(conn: &mut Conn) -> bool {
        let version = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("VERSION()"));
        version.get_result::<String>(conn).expect("a server has a version").contains("MariaDB")
    }
}
