//! The SQL types of columns, from a `table!` or as the caller wrote them.

use crate::declare::TimeUnit;
use crate::dialect::{ClockForm, Dialect};
use crate::error::Error;

/// The type of a column, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// The type that fits the role of the column.
    Assumed(Role),
    /// The SQL type of a `table!`, as the name of its Rust type: `diesel::sql_types::Nullable<..>`.
    Declared(&'static str),
    /// The SQL that the caller wrote.
    Written(String),
}

/// The purpose of a column whose type nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Flag,
    Time(Option<TimeUnit>),
    Metadata,
    Operation,
}

/// The types of Diesel in each dialect. `None` means that Diesel does not have the type for that backend.
const DECLARED: &[(&str, [Option<&str>; 3])] = &[
    // PostgreSQL, MySQL and MariaDB, SQLite
    ("Bool", [Some("BOOLEAN"), Some("BOOLEAN"), Some("BOOLEAN")]),
    ("SmallInt", [Some("SMALLINT"), Some("SMALLINT"), Some("SMALLINT")]),
    ("Integer", [Some("INTEGER"), Some("INTEGER"), Some("INTEGER")]),
    ("BigInt", [Some("BIGINT"), Some("BIGINT"), Some("BIGINT")]),
    ("Float", [Some("REAL"), Some("FLOAT"), Some("FLOAT")]),
    ("Double", [Some("DOUBLE PRECISION"), Some("DOUBLE"), Some("DOUBLE")]),
    ("Text", [Some("TEXT"), Some("TEXT"), Some("TEXT")]),
    ("Binary", [Some("BYTEA"), Some("BLOB"), Some("BLOB")]),
    ("Date", [Some("DATE"), Some("DATE"), Some("DATE")]),
    ("Time", [Some("TIME"), Some("TIME(6)"), Some("TIME")]),
    ("Timestamp", [Some("TIMESTAMP"), Some("DATETIME(6)"), Some("TIMESTAMP")]),
    ("Timestamptz", [Some("TIMESTAMPTZ"), None, None]),
    ("Datetime", [None, Some("DATETIME(6)"), None]),
    ("TimestamptzSqlite", [None, None, Some("TIMESTAMPTZ")]),
    ("Uuid", [Some("UUID"), None, None]),
    ("Json", [Some("JSON"), Some("JSON"), Some("JSON")]),
    ("Jsonb", [Some("JSONB"), None, Some("JSONB")]),
];

impl ColumnType {
    /// Returns the type in SQL, without NULL or NOT NULL.
    pub(crate) fn sql(&self, dialect: Dialect, table: &str, column: &str) -> Result<String, Error> {
        let sql = match self {
            Self::Written(sql) => sql.clone(),
            Self::Assumed(role) => role.sql(dialect).to_owned(),
            Self::Declared(name) => {
                let (base, _) = simple(name);
                declared(base, dialect).map(str::to_owned).ok_or_else(|| Error::UnknownColumnType {
                    table: table.to_owned(),
                    column: column.to_owned(),
                    sql_type: base.to_owned(),
                })?
            }
        };
        Ok(sql)
    }

    /// Returns whether the declaration says NOT NULL.
    pub(crate) fn is_declared_not_null(&self) -> bool {
        matches!(self, Self::Declared(name) if !simple(name).1)
    }

    /// Returns how the clock is read for a column of this type, or `None` for an integer of an unknown unit.
    pub(crate) fn clock(&self, unit: Option<TimeUnit>) -> Option<ClockForm> {
        let integer = |bits: u8| match (unit, bits) {
            (Some(TimeUnit::Seconds), 32) => Some(ClockForm::Seconds32),
            (Some(TimeUnit::Seconds), _) => Some(ClockForm::Seconds),
            (Some(TimeUnit::Millis), _) => Some(ClockForm::Millis),
            (Some(TimeUnit::Micros), _) => Some(ClockForm::Micros),
            (None, _) => None,
        };
        match self {
            Self::Assumed(Role::Time(Some(_))) => integer(64),
            Self::Assumed(_) => Some(ClockForm::Timestamp),
            Self::Declared(name) => match simple(name).0 {
                "Timestamptz" | "TimestamptzSqlite" => Some(ClockForm::Timestamptz),
                "BigInt" => integer(64),
                "Integer" => integer(32),
                _ => Some(ClockForm::Timestamp),
            },
            Self::Written(sql) => {
                let sql = sql.to_ascii_uppercase();
                if sql.contains("TIMESTAMPTZ") || sql.contains("WITH TIME ZONE") {
                    Some(ClockForm::Timestamptz)
                } else if sql.contains("BIGINT") || sql.contains("INT8") {
                    integer(64)
                } else if sql.contains("INT") {
                    integer(32)
                } else {
                    Some(ClockForm::Timestamp)
                }
            }
        }
    }
}

impl Role {
    fn sql(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Flag, _) => "BOOLEAN",
            (Self::Time(Some(_)), _) => "BIGINT",
            (Self::Time(None), dialect) => dialect.timestamp(),
            // MySQL cannot use a whole TEXT as a key, and an operation is looked up by its id.
            (Self::Operation, Dialect::Mysql) => "VARCHAR(36)",
            (Self::Metadata | Self::Operation, _) => "TEXT",
        }
    }
}

/// Returns the last segment of a type's path without its `Nullable`, and whether it was nullable.
pub(crate) fn simple(type_name: &str) -> (&str, bool) {
    let (inner, nullable) = match type_name.split_once("Nullable<") {
        Some((_, inner)) => (inner.strip_suffix('>').unwrap_or(inner), true),
        None => (type_name, false),
    };
    (inner.rsplit("::").next().unwrap_or(inner), nullable)
}

/// Returns a type of Diesel in SQL.
pub(crate) fn declared(base: &str, dialect: Dialect) -> Option<&'static str> {
    let place = match dialect {
        Dialect::Postgres => 0,
        Dialect::Mysql => 1,
        Dialect::Sqlite => 2,
    };
    DECLARED.iter().find(|(name, _)| *name == base).and_then(|(_, sql)| sql[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_the_names_that_the_compiler_gives_them() {
        use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
        assert_eq!(simple(std::any::type_name::<Nullable<Timestamp>>()), ("Timestamp", true));
        assert_eq!(simple(std::any::type_name::<BigInt>()), ("BigInt", false));
        assert_eq!(simple(std::any::type_name::<Text>()), ("Text", false));
        #[cfg(feature = "postgres_backend")]
        assert_eq!(simple(std::any::type_name::<Nullable<diesel::sql_types::Timestamptz>>()), ("Timestamptz", true));
        #[cfg(feature = "mysql_backend")]
        assert_eq!(simple(std::any::type_name::<diesel::sql_types::Datetime>()), ("Datetime", false));
    }
}
