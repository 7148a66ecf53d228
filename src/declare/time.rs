//! Times: from the SQL type of a column to the value that is bound.

use std::marker::PhantomData;

use chrono::{DateTime, Datelike, NaiveDateTime, SubsecRound, TimeDelta, Timelike, Utc};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, HasSqlType, Integer, Nullable, SqlType, is_nullable};

use crate::dialect::{Dialect, Micros, Millis, Seconds, SoftDeleteBackend};
use crate::error::Error;

/// No `unit`, since the column has a timestamp type.
#[derive(Debug)]
pub struct NoUnit;

/// The unit of an integer that counts time from 1970-01-01 00:00 UTC.
///
/// A declaration writes `unit = seconds`, `millis` or `micros`. A migration takes this type, in
/// [`SoftDeleteMigration::unit`](crate::SoftDeleteMigration::unit).
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// use diesel_soft_delete::TimeUnit;
/// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
///
/// let migration = SoftDeleteMigration::new("posts").timestamp("deleted_ms").unit(TimeUnit::Millis);
/// assert!(migration.up_sql(Dialect::Postgres)?.contains("\"deleted_ms\" BIGINT"));
/// # let _ = conn;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// Whole seconds, rounded down.
    Seconds,
    /// Milliseconds, rounded down.
    Millis,
    /// Microseconds.
    Micros,
}

/// The form in which a column holds a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeKind {
    /// Without a zone.
    Timestamp,
    /// PostgreSQL's, with a zone.
    Timestamptz,
    /// MySQL's `DATETIME`.
    Datetime,
    /// SQLite's text with a zone.
    TimestamptzSqlite,
    /// Seconds since 1970, in 64 bits.
    Seconds,
    /// Seconds since 1970, in 32 bits.
    Seconds32,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
}

impl TimeKind {
    /// The unit of an integer form; `None` for a timestamp.
    #[must_use]
    pub const fn unit(self) -> Option<TimeUnit> {
        match self {
            Self::Seconds | Self::Seconds32 => Some(TimeUnit::Seconds),
            Self::Millis => Some(TimeUnit::Millis),
            Self::Micros => Some(TimeUnit::Micros),
            Self::Timestamp | Self::Timestamptz | Self::Datetime | Self::TimestamptzSqlite => None,
        }
    }
}

/// A NOT NULL SQL type that can hold a time in the unit `U`.
#[diagnostic::on_unimplemented(
    message = "the SQL type `{Self}` cannot hold a time here",
    note = "timestamps: `Timestamp`, `Timestamptz` (feature `postgres_backend`), `Datetime` (feature `mysql_backend`), \
            `TimestamptzSqlite` (feature `sqlite`); integers: `BigInt` with `unit = seconds | millis | micros`, \
            `Integer` with `unit = seconds`"
)]
pub trait TimeType<U>: SqlType<IsNull = is_nullable::NotNull> {
    /// The Rust value that is bound.
    type Value: Clone + std::fmt::Debug;
    /// The form in which the column holds the time.
    const KIND: TimeKind;
    /// Whether Diesel binds the value as a `TIMESTAMP` on MySQL, whatever the type of the column. It ends in 2038,
    /// and MariaDB makes NULL of a later time.
    const TIMESTAMP_ON_MYSQL: bool = false;
    /// Converts a time; `None` if it does not fit.
    fn convert(at: DateTime<Utc>) -> Option<Self::Value>;
}

macro_rules! timestamp_types {
    ($($(#[$attr:meta])* $ST:ty => $Value:ty, $kind:ident, $convert:expr, $timestamp_on_mysql:literal;)*) => {
        $(
            // A timestamp ignores the unit, since a declaration's unit may be there for its touch column.
            $(#[$attr])*
            impl<U> TimeType<U> for $ST {
                type Value = $Value;
                const KIND: TimeKind = TimeKind::$kind;
                const TIMESTAMP_ON_MYSQL: bool = $timestamp_on_mysql;
                fn convert(at: DateTime<Utc>) -> Option<$Value> {
                    // SQLite would sort other years wrongly, since it compares text, and MySQL would refuse them.
                    (0..=9999).contains(&at.year()).then(|| $convert(at))
                }
            }
            $(#[$attr])*
            impl<U> AnyTime<U> for $ST {
                type Inner = Self;
            }
        )*
    };
}

timestamp_types! {
    diesel::sql_types::Timestamp => NaiveDateTime, Timestamp, |at: DateTime<Utc>| at.naive_utc(), true;
    #[cfg(feature = "postgres_backend")]
    diesel::sql_types::Timestamptz => DateTime<Utc>, Timestamptz, |at| at, false;
    #[cfg(feature = "mysql_backend")]
    diesel::sql_types::Datetime => NaiveDateTime, Datetime, |at: DateTime<Utc>| at.naive_utc(), false;
    #[cfg(feature = "sqlite")]
    diesel::sql_types::TimestamptzSqlite => DateTime<Utc>, TimestamptzSqlite, |at| at, false;
}

impl TimeType<Seconds> for BigInt {
    type Value = i64;
    const KIND: TimeKind = TimeKind::Seconds;
    fn convert(at: DateTime<Utc>) -> Option<i64> {
        Some(at.timestamp())
    }
}

impl TimeType<Millis> for BigInt {
    type Value = i64;
    const KIND: TimeKind = TimeKind::Millis;
    fn convert(at: DateTime<Utc>) -> Option<i64> {
        Some(at.timestamp_millis())
    }
}

impl TimeType<Micros> for BigInt {
    type Value = i64;
    const KIND: TimeKind = TimeKind::Micros;
    fn convert(at: DateTime<Utc>) -> Option<i64> {
        Some(at.timestamp_micros())
    }
}

impl TimeType<Seconds> for Integer {
    type Value = i32;
    const KIND: TimeKind = TimeKind::Seconds32;
    fn convert(at: DateTime<Utc>) -> Option<i32> {
        i32::try_from(at.timestamp()).ok()
    }
}

/// The SQL type of a `timestamp = ..` column: nullable, since restore sets it to NULL.
#[diagnostic::on_unimplemented(
    message = "the SQL type `{Self}` cannot hold the time of a deletion",
    note = "the column must be nullable (restore sets it to NULL): `Nullable<Timestamp>`, `Nullable<Timestamptz>`, \
            MySQL's `Nullable<Datetime>`, `Nullable<TimestamptzSqlite>`",
    note = "integers need a unit: `Nullable<BigInt>` with `unit = seconds | millis | micros`, `Nullable<Integer>` with `unit = seconds`",
    note = "`Timestamptz` needs this crate's feature `postgres` or `postgres_backend`, `Datetime` needs `mysql` or `mysql_backend`, \
            `TimestamptzSqlite` needs `sqlite`"
)]
pub trait NullableTime<U> {
    /// The type without its `Nullable`.
    type Inner: TimeType<U>;
}

impl<ST, U> NullableTime<U> for Nullable<ST>
where
    ST: TimeType<U>,
{
    type Inner = ST;
}

/// The SQL type of a `touch = ..` column, nullable or not.
#[diagnostic::on_unimplemented(
    message = "the SQL type `{Self}` cannot be that of a `touch` column",
    note = "use a timestamp type, or an integer together with `unit = ..`"
)]
pub trait AnyTime<U> {
    /// The type without its `Nullable`.
    type Inner: TimeType<U>;
}

impl<U> AnyTime<U> for BigInt
where
    BigInt: TimeType<U>,
{
    type Inner = Self;
}

impl<U> AnyTime<U> for Integer
where
    Integer: TimeType<U>,
{
    type Inner = Self;
}

impl<ST, U> AnyTime<U> for Nullable<ST>
where
    ST: TimeType<U>,
{
    type Inner = ST;
}

/// Cuts a time off below microseconds.
///
/// A leap second becomes the last microsecond before it, since MySQL would store `0000-00-00` for a 60th second.
pub(crate) fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    let last = 999_999_000;
    let kept = if time.nanosecond() > last { time.with_nanosecond(last) } else { None };
    kept.unwrap_or(time).trunc_subsecs(6)
}

/// Why no value can be bound.
#[derive(Debug, Clone, Copy)]
enum Unusable {
    OutOfRange(DateTime<Utc>),
    NegativeAge(TimeDelta),
    AgeTooLarge(TimeDelta),
}

impl From<Unusable> for Error {
    fn from(reason: Unusable) -> Self {
        match reason {
            Unusable::OutOfRange(time) => Self::InstantOutOfRange { instant: time },
            Unusable::NegativeAge(age) => Self::NegativeAge { age },
            Unusable::AgeTooLarge(age) => Self::AgeTooLarge { age },
        }
    }
}

/// A time as a bind of the SQL type `ST`, or the reason why there is no such bind.
///
/// The reason becomes an error when binds are collected, not when SQL is written. So the statement can still be
/// printed, for example by an instrumentation.
pub struct BoundTime<ST: TimeType<U>, U>(Bind<ST, U>);

/// What [`BoundTime`] binds.
struct Bind<ST: TimeType<U>, U> {
    value: Result<ST::Value, Unusable>,
    /// Set if the statement writes the time, so that a value which MySQL would make NULL is refused.
    written: Option<DateTime<Utc>>,
    /// The time, for a cascade; `None` if there is no value.
    time: Option<DateTime<Utc>>,
    _unit: PhantomData<fn() -> U>,
}

impl<ST: TimeType<U>, U> BoundTime<ST, U> {
    /// The time to write, cut off below microseconds.
    ///
    /// That is the precision of PostgreSQL, `DATETIME(6)` and integers of microseconds, so what is returned is what
    /// is stored.
    pub(crate) fn at(time: DateTime<Utc>) -> Self {
        let time = to_micros(time);
        Self::new(ST::convert(time).ok_or(Unusable::OutOfRange(time)), Some(time), Some(time))
    }

    /// The time to compare with, cut off in the same way.
    pub(crate) fn cutoff(time: DateTime<Utc>) -> Self {
        let time = to_micros(time);
        Self::new(ST::convert(time).ok_or(Unusable::OutOfRange(time)), None, Some(time))
    }

    /// The time that is `age` before now, to compare with.
    pub(crate) fn ago(age: TimeDelta) -> Self {
        if age < TimeDelta::zero() {
            return Self::new(Err(Unusable::NegativeAge(age)), None, None);
        }
        let time = Utc::now().checked_sub_signed(age).map(to_micros);
        Self::new(time.and_then(ST::convert).ok_or(Unusable::AgeTooLarge(age)), None, time)
    }

    /// The time, or the reason why none can be bound.
    pub(crate) fn time(&self) -> Result<Option<DateTime<Utc>>, Error> {
        match &self.0.value {
            Ok(_) => Ok(self.0.time),
            Err(reason) => Err((*reason).into()),
        }
    }

    fn new(value: Result<ST::Value, Unusable>, written: Option<DateTime<Utc>>, time: Option<DateTime<Utc>>) -> Self {
        Self(Bind { value, written, time, _unit: PhantomData })
    }
}

impl<ST: TimeType<U>, U> Clone for BoundTime<ST, U> {
    fn clone(&self) -> Self {
        Self::new(self.0.value.clone(), self.0.written, self.0.time)
    }
}

impl<ST: TimeType<U>, U> std::fmt::Debug for BoundTime<ST, U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<ST: TimeType<U>, U> std::fmt::Debug for Bind<ST, U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            Ok(value) => value.fmt(f),
            Err(reason) => write!(f, "<{}>", Error::from(*reason)),
        }
    }
}

impl<ST, U, DB> ToSql<ST, DB> for Bind<ST, U>
where
    DB: SoftDeleteBackend,
    ST: TimeType<U>,
    ST::Value: ToSql<ST, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        match (&self.value, self.written) {
            (Ok(_), Some(time))
                if ST::TIMESTAMP_ON_MYSQL
                    && DB::DIALECT == Some(Dialect::Mysql)
                    && !(1970..2038).contains(&time.year()) =>
            {
                Err(Box::new(Error::InstantOutOfRange { instant: time }))
            }
            (Ok(value), _) => value.to_sql(out),
            (Err(reason), _) => Err(Box::new(Error::from(*reason))),
        }
    }
}

impl<ST, U, DB> QueryFragment<DB> for BoundTime<ST, U>
where
    DB: SoftDeleteBackend + HasSqlType<ST>,
    ST: TimeType<U>,
    ST::Value: ToSql<ST, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_bind_param::<ST, _>(&self.0)
    }
}

impl<ST: TimeType<U> + 'static, U: 'static> QueryId for BoundTime<ST, U> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}
