//! The columns that a transition writes a time to: `timestamp = ..` and `touch = ..`.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::Column;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Integer, Timestamp};

use super::roles::ColumnRef;
use super::time::{AnyTime, BoundTime, NullableTime, TimeKind, TimeType};
use crate::dialect::{AsTimestamp, DbNowAs};
use crate::diesel_internals::NoFromClause;
use crate::error::Error;
use diesel::expression::{AppearsOnTable, Expression};

/// The `timestamp = ..` or the `touch = ..` of a declaration, or its absence.
pub trait TimeColumn {
    /// The form of the time; `None` without a column.
    const KIND: Option<TimeKind>;
    /// The fragment that writes a time into the column; [`NoTime`] without a column.
    type Value: FixedTime;
    /// The column; `None` without one.
    fn column() -> Option<ColumnRef>;
    /// Turns a time into what is bound.
    fn value(at: DateTime<Utc>) -> Self::Value;
}

/// Whether a column uses the `unit` of its declaration.
#[must_use]
pub const fn uses_unit<C: TimeColumn>() -> bool {
    matches!(C::KIND, Some(kind) if kind.unit().is_some())
}

/// A declaration with a timestamp, so the age of a deletion is known.
#[diagnostic::on_unimplemented(
    message = "this table's soft-delete declaration has no timestamp column, so the age of a deletion is unknown",
    note = "add a nullable timestamp column and name it: `#[soft_delete(flag = .., timestamp = deleted_at)]`"
)]
pub trait Timestamped: TimeColumn {
    /// The column.
    type Column: Column;
    /// The column's SQL type without its `Nullable`.
    type SqlType: TimeType<Self::Unit>;
    /// The unit of an integer column.
    type Unit;
}

/// `timestamp = C`, with the unit `U` if the column is an integer.
#[derive(Debug)]
pub struct TimestampColumn<C, U>(PhantomData<(C, U)>);

/// A declaration without this column.
#[derive(Debug)]
pub struct NoTimeColumn;

impl TimeColumn for NoTimeColumn {
    const KIND: Option<TimeKind> = None;
    type Value = NoTime;
    fn column() -> Option<ColumnRef> {
        None
    }
    fn value(_: DateTime<Utc>) -> NoTime {
        NoTime
    }
}

impl<C, U> TimeColumn for TimestampColumn<C, U>
where
    C: Column,
    C::SqlType: NullableTime<U>,
{
    type Value = BoundTime<<C::SqlType as NullableTime<U>>::Inner, U>;
    const KIND: Option<TimeKind> = Some(<C::SqlType as NullableTime<U>>::Inner::KIND);
    fn column() -> Option<ColumnRef> {
        Some(ColumnRef::of::<C>())
    }
    fn value(at: DateTime<Utc>) -> Self::Value {
        BoundTime::at(at)
    }
}

impl<C, U> Timestamped for TimestampColumn<C, U>
where
    C: Column,
    C::SqlType: NullableTime<U>,
{
    type Column = C;
    type SqlType = <C::SqlType as NullableTime<U>>::Inner;
    type Unit = U;
}

/// A declaration with a touch column.
#[diagnostic::on_unimplemented(
    message = "this table's soft-delete declaration has no `touch` column, so a restore writes no time",
    note = "leave `.at(..)` out, or name the column: `#[soft_delete(.., touch = updated_at)]`"
)]
pub trait Touched: TimeColumn {
    /// The column's SQL type without its `Nullable`.
    type SqlType;
}

/// A `touch` column that can take the expression given to `.at(..)`.
#[diagnostic::on_unimplemented(
    message = "the `touch` column cannot take the expression given to `.at(..)`",
    note = "its SQL type differs from the timestamp's; use `.at_utc(..)`, which converts for each column"
)]
pub trait TouchWith<ST, E> {
    /// The fragment for the touch column.
    type Value;
    /// Takes the expression over.
    fn with(expression: &E) -> Self::Value;
}

/// `touch = C`, with the unit `U` if the column is an integer.
#[derive(Debug)]
pub struct TouchColumn<C, U>(PhantomData<(C, U)>);

impl<ST, E> TouchWith<ST, E> for NoTimeColumn {
    type Value = NoTime;
    fn with(_: &E) -> NoTime {
        NoTime
    }
}

impl<C, U> TimeColumn for TouchColumn<C, U>
where
    C: Column,
    C::SqlType: AnyTime<U>,
{
    type Value = BoundTime<<C::SqlType as AnyTime<U>>::Inner, U>;
    const KIND: Option<TimeKind> = Some(<C::SqlType as AnyTime<U>>::Inner::KIND);
    fn column() -> Option<ColumnRef> {
        Some(ColumnRef::of::<C>())
    }
    fn value(at: DateTime<Utc>) -> Self::Value {
        BoundTime::at(at)
    }
}

impl<C, U> Touched for TouchColumn<C, U>
where
    C: Column,
    C::SqlType: AnyTime<U>,
{
    type SqlType = <C::SqlType as AnyTime<U>>::Inner;
}

impl<C, U, ST, E> TouchWith<ST, E> for TouchColumn<C, U>
where
    C: Column,
    C::SqlType: AnyTime<U>,
    E: ForTouch<ST, <C::SqlType as AnyTime<U>>::Inner, U>,
{
    type Value = E::Value;
    fn with(expression: &E) -> Self::Value {
        expression.for_touch()
    }
}

/// An expression of the timestamp's type `ST` that can be written to a `touch` column of the type `To`, of which `U` is
/// the unit.
///
/// If the types are the same, any expression can. Else only [`db_now()`](crate::db_now) can, which has a form for each.
#[diagnostic::on_unimplemented(
    message = "the `touch` column cannot take the expression given to `.at(..)`",
    note = "its SQL type differs from the timestamp's; use `.at_utc(..)`, which converts for each column"
)]
pub trait ForTouch<ST, To, U> {
    /// The fragment for the touch column.
    type Value;
    /// Takes the expression over.
    fn for_touch(&self) -> Self::Value;
}

impl<ST, U, E: Clone> ForTouch<ST, ST, U> for E {
    type Value = E;
    fn for_touch(&self) -> E {
        self.clone()
    }
}

/// The timestamp and the touch column of a declaration, at least one of which is there.
#[diagnostic::on_unimplemented(
    message = "this table's soft-delete declaration has no timestamp column and no touch column to write a time to",
    note = "leave `.at_utc(..)` out, or name a column: `#[soft_delete(flag = .., timestamp = deleted_at)]`"
)]
pub trait WritesTime {}

impl<C, U, X> WritesTime for (TimestampColumn<C, U>, X) {}
impl<C, U> WritesTime for (NoTimeColumn, TouchColumn<C, U>) {}

/// No time is written, since there is no column for one.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct NoTime;

impl<DB: Backend> QueryFragment<DB> for NoTime {
    fn walk_ast<'b>(&'b self, _: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        Ok(())
    }
}

/// The clock for a `touch` column whose type is not that of the timestamp.
macro_rules! reads_for_touch {
    ($($to:meta => $To:ty, $V:ty: $($from:meta => $From:ty),+;)*) => {
        $($(
            #[cfg($to)]
            #[cfg($from)]
            impl<U, W> ForTouch<$From, $To, W> for DbNowAs<$From, U> {
                type Value = DbNowAs<$To, $V>;
                fn for_touch(&self) -> Self::Value {
                    DbNowAs::new()
                }
            }
        )+)*
    };
}

reads_for_touch! {
    all() => Timestamp, AsTimestamp:
        feature = "postgres_backend" => diesel::sql_types::Timestamptz,
        feature = "mysql_backend" => diesel::sql_types::Datetime,
        feature = "sqlite" => diesel::sql_types::TimestamptzSqlite,
        all() => BigInt,
        all() => Integer;
    feature = "postgres_backend" => diesel::sql_types::Timestamptz, AsTimestamp:
        all() => Timestamp,
        feature = "mysql_backend" => diesel::sql_types::Datetime,
        feature = "sqlite" => diesel::sql_types::TimestamptzSqlite,
        all() => BigInt,
        all() => Integer;
    feature = "mysql_backend" => diesel::sql_types::Datetime, AsTimestamp:
        all() => Timestamp,
        feature = "postgres_backend" => diesel::sql_types::Timestamptz,
        feature = "sqlite" => diesel::sql_types::TimestamptzSqlite,
        all() => BigInt,
        all() => Integer;
    feature = "sqlite" => diesel::sql_types::TimestamptzSqlite, AsTimestamp:
        all() => Timestamp,
        feature = "postgres_backend" => diesel::sql_types::Timestamptz,
        feature = "mysql_backend" => diesel::sql_types::Datetime,
        all() => BigInt,
        all() => Integer;
    all() => BigInt, W:
        all() => Timestamp,
        feature = "postgres_backend" => diesel::sql_types::Timestamptz,
        feature = "mysql_backend" => diesel::sql_types::Datetime,
        feature = "sqlite" => diesel::sql_types::TimestamptzSqlite,
        all() => Integer;
    all() => Integer, W:
        all() => Timestamp,
        feature = "postgres_backend" => diesel::sql_types::Timestamptz,
        feature = "mysql_backend" => diesel::sql_types::Datetime,
        feature = "sqlite" => diesel::sql_types::TimestamptzSqlite,
        all() => BigInt;
}

/// What is known of a time before a connection is asked.
#[derive(Debug)]
pub enum Known {
    /// It is this one, or cannot be.
    At(Result<Option<DateTime<Utc>>, Error>),
    /// There is no column for one.
    Absent,
    /// The database has to compute it.
    Asked,
}

/// A time that is the same for all rows of a cascade: the default, `.at_utc(..)`, or an expression of
/// `.at(..)` that names no column.
#[diagnostic::on_unimplemented(
    message = "a cascade writes one time to all its tables, and `.at(..)` was given an expression that is none",
    note = "give a value, `db_now()`, or another expression that names no column of the table; or call `.at_utc(..)`"
)]
pub trait FixedTime {
    /// What is known of it.
    #[doc(hidden)]
    fn known(&self) -> Known;
}

impl FixedTime for NoTime {
    fn known(&self) -> Known {
        Known::Absent
    }
}

impl<ST: TimeType<U>, U> FixedTime for BoundTime<ST, U> {
    fn known(&self) -> Known {
        Known::At(self.time())
    }
}

impl<E> FixedTime for E
where
    E: Expression + AppearsOnTable<NoFromClause>,
{
    fn known(&self) -> Known {
        Known::Asked
    }
}
