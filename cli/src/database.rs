//! A connection to the database that the URL names.

use diesel::prelude::*;
use diesel_soft_delete::Error;
use diesel_soft_delete::migration::{Dialect, Finding, SoftDeleteMigration};

use crate::arguments::Database;

/// An error that is reported to the user.
pub type Failure = Box<dyn std::error::Error>;

/// A connection to a database.
pub enum Live {
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    #[cfg(feature = "mysql")]
    Mysql(diesel::MysqlConnection),
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::SqliteConnection),
}

/// Calls the same generic code for each kind of connection.
macro_rules! on {
    ($live:expr, $conn:ident => $call:expr) => {
        match *$live {
            #[cfg(feature = "postgres")]
            Live::Postgres(ref mut $conn) => $call,
            #[cfg(feature = "mysql")]
            Live::Mysql(ref mut $conn) => $call,
            #[cfg(feature = "sqlite")]
            Live::Sqlite(ref mut $conn) => $call,
        }
    };
}

impl Live {
    #[allow(unreachable_code, reason = "without any backend built in there is nothing to connect to")]
    pub fn connect(url: &str) -> Result<Self, Failure> {
        match dialect_of(url) {
            Dialect::Postgres => {
                #[cfg(feature = "postgres")]
                return Ok(Self::Postgres(establish(url)?));
                #[cfg(not(feature = "postgres"))]
                Err(missing("postgres"))
            }
            Dialect::Mysql => {
                #[cfg(feature = "mysql")]
                return Ok(Self::Mysql(establish(url)?));
                #[cfg(not(feature = "mysql"))]
                Err(missing("mysql"))
            }
            Dialect::Sqlite => {
                // SQLite would create an empty database for a mistyped path.
                let path = url.trim_start_matches("sqlite://").trim_start_matches("file:");
                let path = path.split('?').next().unwrap_or(path);
                if path != ":memory:" && !std::path::Path::new(path).exists() {
                    return Err(format!("`{path}` does not exist; a database URL begins with postgres:// or mysql://, or is the path of an SQLite file").into());
                }
                #[cfg(feature = "sqlite")]
                return Ok(Self::Sqlite(establish(url.trim_start_matches("sqlite://"))?));
                #[cfg(not(feature = "sqlite"))]
                Err(missing("sqlite"))
            }
        }
    }

    #[allow(unused_variables, reason = "without any backend built in there is nothing to look at")]
    pub fn look_up(&mut self, migration: SoftDeleteMigration) -> Result<SoftDeleteMigration, Error> {
        on!(self, conn => migration.adapted_to(conn))
    }

    /// Returns the versions of the migrations that Diesel has run, none if there is no record of any.
    #[allow(unused_variables, unreachable_code, reason = "without any backend built in there is nothing to look at")]
    pub fn applied_versions(&mut self) -> Vec<String> {
        let query = diesel::sql_query("SELECT version FROM __diesel_schema_migrations");
        let applied: QueryResult<Vec<Applied>> = on!(self, conn => query.load(conn));
        applied.unwrap_or_default().into_iter().map(|applied| applied.version).collect()
    }

    #[allow(unused_variables, reason = "without any backend built in there is nothing to look at")]
    pub fn check(&mut self, migration: &SoftDeleteMigration) -> Result<Vec<Finding>, Error> {
        on!(self, conn => migration.check(conn))
    }
}

/// A version that Diesel has recorded.
#[derive(diesel::QueryableByName)]
struct Applied {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

impl Database {
    pub fn require(&self) -> Result<&str, Failure> {
        self.database_url
            .as_deref()
            .ok_or_else(|| "no database is named. Give --database-url, or set DATABASE_URL".into())
    }
}

pub fn dialect_of(url: &str) -> Dialect {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => Dialect::Postgres,
        Some("mysql") => Dialect::Mysql,
        _ => Dialect::Sqlite,
    }
}

#[allow(dead_code, reason = "without any backend built in there is nothing to connect to")]
fn establish<C: Connection>(url: &str) -> Result<C, Failure> {
    C::establish(url).map_err(|error| format!("could not connect to the database: {error}").into())
}

#[allow(dead_code, reason = "with every backend built in none is missing")]
fn missing(feature: &str) -> Failure {
    format!("this program was built without `{feature}`; install it with `cargo install diesel_soft_delete_cli --features {feature}`").into()
}
