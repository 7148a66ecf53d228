//! What differs between the databases, a name or a literal at a time.

mod backend;
mod clock;
mod lock;
mod names;

pub use backend::{HasDialect, NoReturningClause, ReturningClause, SoftDeleteBackend, SupportsReturning};
pub use clock::{AsTimestamp, ClockForm, DbNow, DbNowAs, Micros, Millis, Seconds, db_now};
pub(crate) use lock::Lock;
pub(crate) use names::{Names, TableName, check_column, check_name, hash};

/// The SQL dialect of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL 8 and MariaDB: every statement is valid on both.
    Mysql,
    /// SQLite 3.35 and later.
    Sqlite,
}

impl Dialect {
    /// An identifier in quotes.
    ///
    /// On SQLite they are backticks, as in Diesel's own queries: a name in double quotes that names no
    /// column is a *string* there, so an index on a misspelt column would be built silently.
    pub(crate) fn quote(self, name: &str) -> String {
        let quote = match self {
            Self::Postgres => "\"",
            Self::Mysql | Self::Sqlite => "`",
        };
        format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2)))
    }

    /// Identifiers in quotes, separated by commas.
    pub(crate) fn quote_all<S: AsRef<str>>(self, names: &[S]) -> String {
        names.iter().map(|name| self.quote(name.as_ref())).collect::<Vec<_>>().join(", ")
    }

    /// A string literal, whatever the session says of backslashes.
    pub(crate) fn literal(self, text: &str) -> String {
        let doubled = text.replace('\'', "''");
        match self {
            Self::Sqlite => format!("'{doubled}'"),
            // Whether a backslash escapes is a matter of the session's sql_mode; hexadecimal is not.
            Self::Mysql if text.contains('\\') => {
                let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
                format!("_utf8mb4 X'{digits}'")
            }
            Self::Mysql => format!("'{doubled}'"),
            Self::Postgres if text.contains('\\') => format!("E'{}'", doubled.replace('\\', "\\\\")),
            Self::Postgres => format!("'{doubled}'"),
        }
    }

    /// The database's clock in UTC.
    pub(crate) const fn now(self, form: ClockForm) -> &'static str {
        match self {
            Self::Postgres => form.on_postgres(),
            Self::Mysql => form.on_mysql(),
            Self::Sqlite => form.on_sqlite(),
        }
    }

    /// The type of a nullable time in UTC with microseconds (SQLite stores text).
    pub(crate) const fn timestamp(self) -> &'static str {
        match self {
            Self::Postgres | Self::Sqlite => "TIMESTAMP",
            // TIMESTAMP would go through the session's zone and ends in 2038; DATETIME alone rounds to
            // seconds.
            Self::Mysql => "DATETIME(6)",
        }
    }
}
