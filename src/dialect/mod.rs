//! How the databases differ: names, literals, types, the clock and lock words.

mod backend;
mod clock;
mod lock;
mod names;

pub use backend::{HasDialect, NoReturningClause, ReturningClause, SoftDeleteBackend, SupportsReturning};
pub use clock::{AsTimestamp, ClockForm, DbNow, DbNowAs, Micros, Millis, Seconds, db_now};
pub(crate) use lock::Lock;
pub(crate) use names::{Names, TableName, check_column, check_name, hash};

/// The SQL dialect of a database.
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
///
/// let sql = SoftDeleteMigration::new("posts").up_sql(Dialect::Mysql)?;
/// assert!(sql.contains("ALTER TABLE `posts`"));
/// # let _ = conn;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL 8 and MariaDB. Every statement of this crate is valid on both.
    Mysql,
    /// SQLite 3.35 and later.
    Sqlite,
}

impl Dialect {
    /// Quotes an identifier.
    ///
    /// SQLite gets backticks, as in Diesel's own queries. In double quotes, SQLite reads a misspelled column as a
    /// *string*, and would silently build an index over it.
    pub(crate) fn quote(self, name: &str) -> String {
        let quote = match self {
            Self::Postgres => "\"",
            Self::Mysql | Self::Sqlite => "`",
        };
        format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2)))
    }

    /// Quotes identifiers and separates them by commas.
    pub(crate) fn quote_all<S: AsRef<str>>(self, names: &[S]) -> String {
        names.iter().map(|name| self.quote(name.as_ref())).collect::<Vec<_>>().join(", ")
    }

    /// A string literal that means the same under all settings of the session.
    pub(crate) fn literal(self, text: &str) -> String {
        let doubled = text.replace('\'', "''");
        match self {
            Self::Sqlite => format!("'{doubled}'"),
            // The session's sql_mode decides whether a backslash escapes; hexadecimal does not depend on it.
            Self::Mysql if text.contains('\\') => {
                let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
                format!("_utf8mb4 X'{digits}'")
            }
            Self::Mysql => format!("'{doubled}'"),
            Self::Postgres if text.contains('\\') => format!("E'{}'", doubled.replace('\\', "\\\\")),
            Self::Postgres => format!("'{doubled}'"),
        }
    }

    /// The SQL of the database's clock in UTC.
    pub(crate) const fn now(self, form: ClockForm) -> &'static str {
        match self {
            Self::Postgres => form.on_postgres(),
            Self::Mysql => form.on_mysql(),
            Self::Sqlite => form.on_sqlite(),
        }
    }

    /// The type of a nullable time in UTC with microseconds. SQLite stores text.
    pub(crate) const fn timestamp(self) -> &'static str {
        match self {
            Self::Postgres | Self::Sqlite => "TIMESTAMP",
            // TIMESTAMP would depend on the session's zone, and it ends in 2038. DATETIME alone rounds to seconds.
            Self::Mysql => "DATETIME(6)",
        }
    }
}
