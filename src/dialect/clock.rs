//! `db_now()`: the database's own clock.

use std::marker::PhantomData;

use diesel::expression::{AppearsOnTable, AsExpression, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Integer, Nullable, SingleValue, SqlType, Timestamp};

use super::SoftDeleteBackend;
use crate::diesel_internals::backend_of;

/// The database's clock, in UTC, as an expression for a column of any timestamp type.
///
/// Give it to [`.at(..)`](crate::SoftDelete::at) when the clocks of the app's machines cannot be
/// trusted, or anywhere else in a query. It is the time at which the statement began, so all
/// rows of one statement get the same. (`diesel::dsl::now` does not exist for MySQL's `Datetime`,
/// loses the fraction of the second there, and is local time or the transaction's start elsewhere.)
///
/// | backend | SQL for a timestamp | resolution |
/// |---|---|---|
/// | PostgreSQL | `(statement_timestamp() AT TIME ZONE 'UTC')`, `statement_timestamp()` for `Timestamptz` | microseconds |
/// | MySQL, MariaDB | `UTC_TIMESTAMP(6)` | microseconds |
/// | SQLite | `strftime('%Y-%m-%d %H:%M:%f', 'now')` | milliseconds, SQLite's own |
///
/// For an integer column say the unit: `db_now().seconds()`, `.millis()`, `.micros()`. In a soft delete it is the
/// timestamp column's form that counts: a `touch` column of another type gets the same time in its own form.
///
/// The unit must be that of the declaration. The compiler cannot tell them apart, and a purge never removes a row that
/// holds seconds in a column of milliseconds.
///
/// Through a `MultiConnection` implement [`SoftDeleteBackend`](crate::SoftDeleteBackend) for its backend.
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// use diesel_soft_delete::db_now;
/// assert_eq!(posts::table.find(1).soft_delete().at(db_now()).run(conn)?, 1);
/// # Ok(())
/// # }
/// ```
pub fn db_now() -> DbNow {
    DbNow(PhantomData)
}

/// `unit = seconds`: whole seconds since 1970-01-01 00:00 UTC, rounded down.
#[derive(Debug, Clone, Copy)]
pub struct Seconds;
/// `unit = millis`: milliseconds since 1970-01-01 00:00 UTC, rounded down.
#[derive(Debug, Clone, Copy)]
pub struct Millis;
/// `unit = micros`: microseconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy)]
pub struct Micros;

/// What [`db_now`] returns.
#[derive(Debug, Clone, Copy)]
pub struct DbNow<U = AsTimestamp>(PhantomData<U>);

/// The clock is read as a timestamp.
#[derive(Debug, Clone, Copy)]
pub struct AsTimestamp;

impl DbNow {
    /// Whole seconds since 1970-01-01 00:00 UTC, for an integer column.
    pub fn seconds(self) -> DbNow<Seconds> {
        DbNow(PhantomData)
    }

    /// Milliseconds since 1970-01-01 00:00 UTC, for an integer column.
    pub fn millis(self) -> DbNow<Millis> {
        DbNow(PhantomData)
    }

    /// Microseconds since 1970-01-01 00:00 UTC, for an integer column.
    pub fn micros(self) -> DbNow<Micros> {
        DbNow(PhantomData)
    }
}

/// In which form the clock is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockForm {
    /// A timestamp without a zone.
    Timestamp,
    /// A timestamp with a zone.
    Timestamptz,
    /// Seconds since 1970-01-01 00:00 UTC.
    Seconds,
    /// Seconds since 1970-01-01 00:00 UTC, as a 32 bit integer.
    Seconds32,
    /// Milliseconds since 1970-01-01 00:00 UTC.
    Millis,
    /// Microseconds since 1970-01-01 00:00 UTC.
    Micros,
}

/// The expressions, which migrations write too, whatever backends are built in.
impl ClockForm {
    pub(crate) const fn on_postgres(self) -> &'static str {
        match self {
            Self::Timestamp => "(statement_timestamp() AT TIME ZONE 'UTC')",
            Self::Timestamptz => "statement_timestamp()",
            Self::Seconds => "FLOOR(EXTRACT(EPOCH FROM statement_timestamp()))::bigint",
            Self::Seconds32 => "FLOOR(EXTRACT(EPOCH FROM statement_timestamp()))::integer",
            Self::Millis => "FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000)::bigint",
            Self::Micros => "FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::bigint",
        }
    }

    pub(crate) const fn on_mysql(self) -> &'static str {
        match self {
            Self::Timestamp | Self::Timestamptz => "UTC_TIMESTAMP(6)",
            // Not UNIX_TIMESTAMP(NOW(6)), which goes through the session's zone.
            Self::Seconds | Self::Seconds32 => "TIMESTAMPDIFF(SECOND, '1970-01-01', UTC_TIMESTAMP(6))",
            Self::Millis => "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)",
            Self::Micros => "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))",
        }
    }

    pub(crate) const fn on_sqlite(self) -> &'static str {
        match self {
            Self::Timestamp => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
            Self::Timestamptz => "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')",
            Self::Seconds | Self::Seconds32 => "CAST(strftime('%s', 'now') AS INTEGER)",
            Self::Millis => {
                "(CAST(strftime('%s', 'now') AS INTEGER) * 1000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER))"
            }
            Self::Micros => {
                "(CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000)"
            }
        }
    }
}

/// A [`DbNow`] of the SQL type `ST`.
#[derive(Debug, Clone, Copy)]
pub struct DbNowAs<ST, U>(PhantomData<(ST, U)>);

impl<ST, U> DbNowAs<ST, U> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

/// The form in which the clock is read for a type and a unit.
pub trait Reads<U> {
    /// The form.
    const FORM: ClockForm;
}

macro_rules! reads {
    ($($(#[$attr:meta])* $ST:ty, $U:ty => $form:ident;)*) => {
        $(
            $(#[$attr])*
            impl Reads<$U> for $ST {
                const FORM: ClockForm = ClockForm::$form;
            }
            $(#[$attr])*
            impl AsExpression<$ST> for DbNow<$U> {
                type Expression = DbNowAs<$ST, $U>;
                fn as_expression(self) -> Self::Expression {
                    DbNowAs::new()
                }
            }
            $(#[$attr])*
            impl AsExpression<Nullable<$ST>> for DbNow<$U> {
                type Expression = DbNowAs<Nullable<$ST>, $U>;
                fn as_expression(self) -> Self::Expression {
                    DbNowAs::new()
                }
            }
        )*
    };
}

reads! {
    Timestamp, AsTimestamp => Timestamp;
    #[cfg(feature = "postgres_backend")]
    diesel::sql_types::Timestamptz, AsTimestamp => Timestamptz;
    #[cfg(feature = "mysql_backend")]
    diesel::sql_types::Datetime, AsTimestamp => Timestamp;
    #[cfg(feature = "sqlite")]
    diesel::sql_types::TimestamptzSqlite, AsTimestamp => Timestamptz;
    BigInt, Seconds => Seconds;
    Integer, Seconds => Seconds32;
    BigInt, Millis => Millis;
    BigInt, Micros => Micros;
}

impl<ST: Reads<U> + SqlType, U> Reads<U> for Nullable<ST> {
    const FORM: ClockForm = ST::FORM;
}

impl<ST: SqlType + SingleValue, U> Expression for DbNowAs<ST, U> {
    type SqlType = ST;
}

impl<ST: SqlType + SingleValue, U, QS> AppearsOnTable<QS> for DbNowAs<ST, U> {}
impl<ST: SqlType + SingleValue, U, QS> SelectableExpression<QS> for DbNowAs<ST, U> {}

impl<ST, U, GB> ValidGrouping<GB> for DbNowAs<ST, U> {
    type IsAggregate = is_aggregate::Never;
}

impl<ST: 'static, U: 'static> QueryId for DbNowAs<ST, U> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<ST, U, DB> QueryFragment<DB> for DbNowAs<ST, U>
where
    DB: SoftDeleteBackend,
    ST: Reads<U>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let sql = backend_of(&out).dialect().now(ST::FORM);
        out.push_sql(sql);
        Ok(())
    }
}
