//! Whether the type of a column serves its purpose.

use crate::declare::TimeUnit;
use crate::dialect::Dialect;
use crate::migration::types::{ColumnType, Role, simple};

/// A group of types that serve the same purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Bool,
    /// An integer with this number of bits.
    Integer(u8),
    /// A time with this number of digits in the fraction of a second.
    Time {
        zone: bool,
        digits: u8,
    },
    /// MySQL's TIMESTAMP, which is converted with the time zone of the session.
    SessionZone,
    Text,
    Float,
    /// A type of SQLite that stores numbers unchanged.
    Numeric,
    Other,
}

impl Family {
    pub(super) fn of(dialect: Dialect, sql_type: &str) -> Self {
        let sql_type = sql_type.to_ascii_lowercase();
        let base = sql_type.split(['(', ' ']).next().unwrap_or_default();
        let digits = sql_type.split_once('(').and_then(|(_, rest)| rest.split(')').next()?.parse().ok());
        match dialect {
            Dialect::Postgres => match base {
                "boolean" => Self::Bool,
                "smallint" => Self::Integer(16),
                "integer" => Self::Integer(32),
                "bigint" => Self::Integer(64),
                "timestamp" => Self::Time { zone: sql_type.ends_with(" with time zone"), digits: digits.unwrap_or(6) },
                "text" | "character" => Self::Text,
                _ => Self::Other,
            },
            Dialect::Mysql => match base {
                "tinyint" | "bit" | "bool" | "boolean" => Self::Bool,
                "smallint" => Self::Integer(16),
                "mediumint" => Self::Integer(24),
                "int" | "integer" => Self::Integer(32),
                "bigint" => Self::Integer(64),
                "datetime" => Self::Time { zone: false, digits: digits.unwrap_or(0) },
                "timestamp" => Self::SessionZone,
                _ => Self::Other,
            },
            Dialect::Sqlite => Self::of_sqlite(&sql_type),
        }
    }

    /// Returns the family by the words in the type, in the order of SQLite's own rules for affinity.
    fn of_sqlite(sql_type: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| sql_type.contains(word));
        if has(&["bool"]) || has(&["tiny"]) && has(&["int"]) {
            Self::Bool
        } else if has(&["int"]) {
            Self::Integer(64)
        } else if has(&["char", "clob", "text"]) {
            Self::Text
        } else if has(&["date", "time"]) {
            Self::Time { zone: false, digits: 6 }
        } else if sql_type.is_empty() || has(&["blob", "any"]) {
            Self::Other
        } else if has(&["real", "floa", "doub"]) {
            Self::Float
        } else {
            Self::Numeric
        }
    }
}

/// Returns whether the column can be compared with TRUE.
pub(super) fn is_testable_flag(dialect: Dialect, sql_type: &str) -> bool {
    !matches!(flag_misfit(dialect, sql_type), Some(Wrong { .. }))
}

/// What is wrong with a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Statements fail, or values are not found again.
    Wrong { expected: &'static str },
    /// It works, but it is not the declared type.
    Odd { expected: &'static str },
    /// It rounds the fraction of a second away.
    Rounds,
    /// It is MySQL's TIMESTAMP.
    SessionZone,
}

use self::Misfit::{Odd, Rounds, SessionZone, Wrong};

/// Returns what is wrong with the type of a flag.
pub(super) fn flag_misfit(dialect: Dialect, catalog: &str) -> Option<Misfit> {
    let expected = "BOOLEAN";
    match (dialect, Family::of(dialect, catalog)) {
        (_, Family::Bool) => None,
        (Dialect::Mysql | Dialect::Sqlite, Family::Integer(_)) => None,
        (Dialect::Sqlite, Family::Numeric) => None,
        (Dialect::Sqlite, _) => Some(Odd { expected }),
        (Dialect::Postgres | Dialect::Mysql, _) => Some(Wrong { expected }),
    }
}

/// The kind of column that a declaration asks for as a time.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// An integer with this number of bits, or of any size.
    Integer(Option<u8>),
    /// A timestamp with a time zone, without one, or either.
    Time(Option<bool>),
    /// An integer or a timestamp, since the type was written as SQL.
    Some,
    /// Any type, since the declared one is not a time.
    Nothing,
}

fn asked(ty: &ColumnType, unit: Option<TimeUnit>) -> Asked {
    match ty {
        ColumnType::Declared(name) => match simple(name).0 {
            "Timestamptz" | "TimestamptzSqlite" => Asked::Time(Some(true)),
            "Timestamp" | "Datetime" => Asked::Time(Some(false)),
            "BigInt" => Asked::Integer(Some(64)),
            "Integer" => Asked::Integer(Some(32)),
            _ => Asked::Nothing,
        },
        ColumnType::Assumed(Role::Time(Some(_))) => Asked::Integer(None),
        ColumnType::Assumed(Role::Time(None)) => Asked::Time(None),
        ColumnType::Assumed(_) => Asked::Nothing,
        ColumnType::Written(_) if unit.is_some() => Asked::Some,
        ColumnType::Written(_) => Asked::Time(None),
    }
}

/// Returns what is wrong with the type of a time.
pub(super) fn time_misfit(dialect: Dialect, ty: &ColumnType, unit: Option<TimeUnit>, catalog: &str) -> Option<Misfit> {
    let family = Family::of(dialect, catalog);
    let wrong = |expected| Some(Wrong { expected });
    match (asked(ty, unit), family) {
        (Asked::Nothing, _) | (Asked::Some, Family::Integer(_)) => None,
        (Asked::Integer(asked), Family::Integer(bits)) => match (dialect, asked) {
            // Diesel reads as many bytes as the declared type has.
            (Dialect::Postgres, Some(64)) if bits != 64 => wrong("BIGINT"),
            (Dialect::Postgres, Some(32)) if bits != 32 => wrong("INTEGER"),
            (Dialect::Mysql, Some(64)) if bits < 64 => Some(Odd { expected: "BIGINT" }),
            _ => None,
        },
        // SQLite stores a number as a number, unless the type of the column asks for text.
        (Asked::Integer(_), Family::Text) if dialect == Dialect::Sqlite => wrong("BIGINT"),
        (Asked::Integer(_), _) if dialect == Dialect::Sqlite => None,
        (Asked::Integer(Some(32)), _) => wrong("INTEGER"),
        (Asked::Integer(_), _) => wrong("BIGINT"),
        (_, Family::Integer(_) | Family::Bool | Family::Float) if dialect == Dialect::Sqlite => {
            wrong("TIMESTAMP, for what is stored is text")
        }
        (_, _) if dialect == Dialect::Sqlite => None,
        (Asked::Time(Some(true)), Family::Time { zone: false, .. }) if dialect == Dialect::Postgres => {
            wrong("TIMESTAMPTZ")
        }
        (Asked::Time(Some(false)), Family::Time { zone: true, .. }) if dialect == Dialect::Postgres => {
            wrong("TIMESTAMP, for another type goes through the zone of the session")
        }
        (_, Family::Time { digits, .. }) => (digits < 6).then_some(Rounds),
        (_, Family::SessionZone) => Some(SessionZone),
        (Asked::Time(Some(true)), _) => wrong("TIMESTAMPTZ"),
        (_, _) => wrong(dialect.timestamp()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_column_is_refused_only_if_its_type_cannot_fit() {
        use ColumnType::{Assumed, Declared, Written};
        use Dialect::{Mysql, Postgres, Sqlite};
        let millis = Some(TimeUnit::Millis);
        let written = |sql: &str| Written(sql.to_owned());
        for (dialect, ty, unit, catalog, fits) in [
            (Postgres, Assumed(Role::Time(None)), None, "timestamp with time zone", true),
            (Postgres, Assumed(Role::Time(None)), None, "bigint", false),
            (Postgres, Assumed(Role::Time(millis)), millis, "integer", true),
            (Postgres, Assumed(Role::Time(millis)), millis, "timestamp without time zone", false),
            (Postgres, written("bigint"), millis, "bigint", true),
            (Postgres, written("my_type"), None, "timestamp without time zone", true),
            (Postgres, written("text"), None, "text", false),
            (Postgres, Declared("diesel::sql_types::Integer"), millis, "bigint", false),
            (Postgres, Declared("Nullable<BigInt>"), millis, "bigint", true),
            (Mysql, Assumed(Role::Time(None)), None, "datetime(6)", true),
            (Mysql, Assumed(Role::Time(None)), None, "datetime(3)", false),
            (Mysql, Declared("Nullable<BigInt>"), millis, "int(11)", false),
            (Sqlite, Declared("Nullable<BigInt>"), millis, "TIMESTAMP", true),
            (Sqlite, Declared("Nullable<BigInt>"), millis, "TEXT", false),
            (Sqlite, Declared("Nullable<Timestamp>"), None, "REAL", false),
        ] {
            let misfit = time_misfit(dialect, &ty, unit, catalog);
            assert_eq!(misfit.is_none(), fits, "{dialect:?} {ty:?} {catalog}: {misfit:?}");
        }
    }

    #[test]
    fn types_are_read_as_the_databases_print_them() {
        use Dialect::{Mysql, Postgres, Sqlite};
        for (dialect, sql_type, family) in [
            (Postgres, "timestamp without time zone", Family::Time { zone: false, digits: 6 }),
            (Postgres, "timestamp(3) with time zone", Family::Time { zone: true, digits: 3 }),
            (Mysql, "tinyint(1)", Family::Bool),
            (Mysql, "int(10) unsigned", Family::Integer(32)),
            (Mysql, "datetime", Family::Time { zone: false, digits: 0 }),
            (Mysql, "datetime(6)", Family::Time { zone: false, digits: 6 }),
            (Mysql, "timestamp(6)", Family::SessionZone),
            (Sqlite, "TINYINT(1)", Family::Bool),
            (Sqlite, "VARCHAR(20)", Family::Text),
            (Sqlite, "DATETIME", Family::Time { zone: false, digits: 6 }),
            (Sqlite, "DECIMAL", Family::Numeric),
            (Sqlite, "", Family::Other),
        ] {
            assert_eq!(Family::of(dialect, sql_type), family, "{sql_type}");
        }
    }
}
