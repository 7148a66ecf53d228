//! What differs between the databases.

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
    /// The type of a nullable instant in UTC with microseconds (SQLite stores text).
    pub(super) const fn timestamp(self) -> &'static str {
        match self {
            Self::Postgres | Self::Sqlite => "TIMESTAMP",
            // TIMESTAMP would be converted through the session's zone and ends in 2038; DATETIME
            // alone drops the fraction. Old MySQL makes a bare TIMESTAMP NOT NULL, hence NULL.
            Self::Mysql => "DATETIME(6) NULL DEFAULT NULL",
        }
    }

    /// An identifier in quotes; a dot separates a schema from its table.
    pub(super) fn quote(self, name: &str) -> String {
        let quote = match self {
            Self::Postgres | Self::Sqlite => "\"",
            Self::Mysql => "`",
        };
        name.split('.')
            .map(|part| format!("{quote}{}{quote}", part.replace(quote, &quote.repeat(2))))
            .collect::<Vec<_>>()
            .join(".")
    }
}

/// A backend whose dialect is known at compile time.
#[diagnostic::on_unimplemented(
    message = "the SQL dialect of `{Self}` is not known at compile time",
    note = "run `migration.up_sql(Dialect::..)` through `batch_execute` on the connection you hold"
)]
pub trait HasDialect {
    /// The dialect.
    const DIALECT: Dialect;
}

#[cfg(feature = "postgres_backend")]
impl HasDialect for diesel::pg::Pg {
    const DIALECT: Dialect = Dialect::Postgres;
}

#[cfg(feature = "mysql_backend")]
impl HasDialect for diesel::mysql::Mysql {
    const DIALECT: Dialect = Dialect::Mysql;
}

#[cfg(feature = "sqlite")]
impl HasDialect for diesel::sqlite::Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;
}
