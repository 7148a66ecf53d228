//! What a table declares. The derive emits these types; everything else is generic over them.

use std::marker::PhantomData;

use diesel::Table;
use diesel::associations::HasTable;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::Column;
use diesel::result::QueryResult;
use diesel::sql_types::{Bool, Nullable, SqlType};

use super::instant::{AnyInstant, BoundInstant, InstantKind, InstantType, NullableInstant, TimeUnit};
use super::predicate::Mode;
use super::relations::Relations;
use crate::diesel_internals::TableName;
use chrono::{DateTime, Utc};

/// A table whose rows can be soft-deleted.
///
/// The trait belongs to the **table**, not to a model: one derive serves every struct that is
/// mapped to the table. Implement it with `#[derive(SoftDeletable)]` on a model, or with
/// [`soft_deletable!`](crate::soft_deletable) beside `table!`; not by hand.
///
/// ```
/// # include!("../doctest_setup.rs");
/// fn trash<T: SoftDeletable>(_: T) {}
///
/// # fn main() {
/// trash(posts::table);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared soft-deletable",
    label = "this table has no soft-delete declaration",
    note = "add `#[derive(SoftDeletable)]` to a model of the table, \
            or `soft_deletable! {{ table_name {{ flag = is_deleted, timestamp = deleted_at }} }}` beside `table!`"
)]
pub trait SoftDeletable: Table + HasTable<Table = Self> + TableName + QueryId + Clone + 'static {
    /// The column that says whether a row is deleted, and how.
    type State: State<Table = Self>;
    /// The column that holds the instant of the deletion.
    type Stamp: Stamp;
    /// The column that is set to the instant of every transition.
    type Touch: Touch;
    /// The nullable columns that restore resets to NULL: those that describe the deletion, and
    /// the one that identifies the operation.
    type Reset: NullableColumns;
    /// The column that identifies the operation that deleted a row; one of `Reset`.
    type Operation: Operation;
    /// The column that says whether a row is under hold, and must not be removed.
    type Hold: Hold;
    /// The tables that refer to this one, and what a soft delete of its rows means for theirs.
    type Relations: Relations;
}

/// A column, as a value.
#[derive(Debug, Clone, Copy)]
pub struct ColumnRef {
    /// The name in SQL.
    pub name: &'static str,
    /// The name of the Rust type.
    pub type_name: &'static str,
    /// The name of its SQL type.
    pub sql_type: &'static str,
}

impl ColumnRef {
    /// The value for the column `C`.
    pub fn of<C: Column>() -> Self {
        Self { name: C::NAME, type_name: std::any::type_name::<C>(), sql_type: std::any::type_name::<C::SqlType>() }
    }
}

/// The column that says whether a row is deleted.
pub trait State {
    /// The table of the column.
    type Table;
    /// The column itself.
    type Column: Column<Table = Self::Table>;
    /// How the column is read and written.
    const MODE: Mode;
}

/// `flag = C`: `TRUE` means deleted.
#[derive(Debug)]
pub struct Flag<C>(PhantomData<C>);

/// `active_flag = C`: `TRUE` means active.
#[derive(Debug)]
pub struct ActiveFlag<C>(PhantomData<C>);

/// `timestamp = C` without a flag: `NULL` means active.
#[derive(Debug)]
pub struct ByTimestamp<C>(PhantomData<C>);

/// The SQL types a flag can have.
#[diagnostic::on_unimplemented(
    message = "a soft-delete flag cannot be of the SQL type `{Self}`",
    note = "`flag = ..` and `active_flag = ..` take a column of type `Bool` or `Nullable<Bool>`"
)]
pub trait FlagType {
    /// Whether the column can be NULL.
    const NULLABLE: bool;
}

impl FlagType for Bool {
    const NULLABLE: bool = false;
}

impl FlagType for Nullable<Bool> {
    const NULLABLE: bool = true;
}

impl<C> State for Flag<C>
where
    C: Column,
    C::SqlType: FlagType,
{
    type Table = C::Table;
    type Column = C;
    const MODE: Mode = if <C::SqlType as FlagType>::NULLABLE { Mode::NullableFlag } else { Mode::Flag };
}

impl<C> State for ActiveFlag<C>
where
    C: Column,
    C::SqlType: FlagType,
{
    type Table = C::Table;
    type Column = C;
    const MODE: Mode = if <C::SqlType as FlagType>::NULLABLE { Mode::NullableActiveFlag } else { Mode::ActiveFlag };
}

impl<C: Column> State for ByTimestamp<C> {
    type Table = C::Table;
    type Column = C;
    const MODE: Mode = Mode::Timestamp;
}

/// The `timestamp = ..` of a declaration, or its absence.
pub trait Stamp {
    /// Whether the column is an integer, which needs a unit.
    const INTEGER: bool;
    /// The unit of an integer column.
    const UNIT: Option<TimeUnit>;
    /// The form of the instant.
    const KIND: Option<InstantKind>;
    /// The fragment that writes an instant into the column; [`NoInstant`] without a column.
    type Value;
    /// The column; `None` without one.
    fn column() -> Option<ColumnRef>;
    /// Turns an instant into what is bound.
    fn value(at: DateTime<Utc>) -> Self::Value;
}

/// A declaration with a timestamp, so the age of a deletion is known.
#[diagnostic::on_unimplemented(
    message = "this table's soft-delete declaration has no timestamp column, so the age of a deletion is unknown",
    note = "add a nullable timestamp column and name it: `#[soft_delete(flag = .., timestamp = deleted_at)]`"
)]
pub trait Timestamped: Stamp {
    /// The column.
    type Column: Column;
    /// The column's SQL type without its `Nullable`.
    type SqlType: InstantType<Self::Unit>;
    /// The unit of an integer column.
    type Unit;
}

/// `timestamp = C`, with the unit `U` if the column is an integer.
#[derive(Debug)]
pub struct TimestampColumn<C, U>(PhantomData<(C, U)>);

/// A declaration without a timestamp.
#[derive(Debug)]
pub struct NoTimestamp;

impl Stamp for NoTimestamp {
    const INTEGER: bool = false;
    const UNIT: Option<TimeUnit> = None;
    const KIND: Option<InstantKind> = None;
    type Value = NoInstant;
    fn column() -> Option<ColumnRef> {
        None
    }
    fn value(_: DateTime<Utc>) -> NoInstant {
        NoInstant
    }
}

impl<C, U> Stamp for TimestampColumn<C, U>
where
    C: Column,
    C::SqlType: NullableInstant<U>,
{
    type Value = BoundInstant<<C::SqlType as NullableInstant<U>>::Inner, U>;
    const INTEGER: bool = <C::SqlType as NullableInstant<U>>::Inner::INTEGER;
    const UNIT: Option<TimeUnit> = <C::SqlType as NullableInstant<U>>::Inner::UNIT;
    const KIND: Option<InstantKind> = Some(<C::SqlType as NullableInstant<U>>::Inner::KIND);
    fn column() -> Option<ColumnRef> {
        Some(ColumnRef::of::<C>())
    }
    fn value(at: DateTime<Utc>) -> Self::Value {
        BoundInstant::at(at)
    }
}

impl<C, U> Timestamped for TimestampColumn<C, U>
where
    C: Column,
    C::SqlType: NullableInstant<U>,
{
    type Column = C;
    type SqlType = <C::SqlType as NullableInstant<U>>::Inner;
    type Unit = U;
}

/// The `touch = ..` of a declaration, or its absence.
pub trait Touch {
    /// Whether the column is an integer, which needs a unit.
    const INTEGER: bool;
    /// The unit of an integer column.
    const UNIT: Option<TimeUnit>;
    /// The form of the instant.
    const KIND: Option<InstantKind>;
    /// The fragment that writes an instant into the column; [`NoInstant`] without a column.
    type Value;
    /// The column; `None` without one.
    fn column() -> Option<ColumnRef>;
    /// Turns an instant into what is bound.
    fn value(at: DateTime<Utc>) -> Self::Value;
}

/// A declaration with a touch column.
#[diagnostic::on_unimplemented(
    message = "this table's soft-delete declaration has no `touch` column, so a restore writes no instant",
    note = "leave `.at(..)` out, or name the column: `#[soft_delete(.., touch = updated_at)]`"
)]
pub trait Touched: Touch {
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

/// A declaration without a touch column.
#[derive(Debug)]
pub struct NoTouch;

impl Touch for NoTouch {
    const INTEGER: bool = false;
    const UNIT: Option<TimeUnit> = None;
    const KIND: Option<InstantKind> = None;
    type Value = NoInstant;
    fn column() -> Option<ColumnRef> {
        None
    }
    fn value(_: DateTime<Utc>) -> NoInstant {
        NoInstant
    }
}

impl<ST, E> TouchWith<ST, E> for NoTouch {
    type Value = NoInstant;
    fn with(_: &E) -> NoInstant {
        NoInstant
    }
}

impl<C, U> Touch for TouchColumn<C, U>
where
    C: Column,
    C::SqlType: AnyInstant<U>,
{
    type Value = BoundInstant<<C::SqlType as AnyInstant<U>>::Inner, U>;
    const INTEGER: bool = <C::SqlType as AnyInstant<U>>::Inner::INTEGER;
    const UNIT: Option<TimeUnit> = <C::SqlType as AnyInstant<U>>::Inner::UNIT;
    const KIND: Option<InstantKind> = Some(<C::SqlType as AnyInstant<U>>::Inner::KIND);
    fn column() -> Option<ColumnRef> {
        Some(ColumnRef::of::<C>())
    }
    fn value(at: DateTime<Utc>) -> Self::Value {
        BoundInstant::at(at)
    }
}

impl<C, U> Touched for TouchColumn<C, U>
where
    C: Column,
    C::SqlType: AnyInstant<U>,
{
    type SqlType = <C::SqlType as AnyInstant<U>>::Inner;
}

impl<C, U, ST, E> TouchWith<ST, E> for TouchColumn<C, U>
where
    C: Column,
    C::SqlType: AnyInstant<U>,
    E: ForTouch<ST, <C::SqlType as AnyInstant<U>>::Inner, U>,
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
    message = "this table's soft-delete declaration has no timestamp column and no touch column to write an instant to",
    note = "leave `.at_utc(..)` out, or name a column: `#[soft_delete(flag = .., timestamp = deleted_at)]`"
)]
pub trait WritesInstant {}

impl<C, U, X> WritesInstant for (TimestampColumn<C, U>, X) {}
impl<C, U> WritesInstant for (NoTimestamp, TouchColumn<C, U>) {}

/// No instant is written, since there is no column for one.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct NoInstant;

impl<DB: Backend> QueryFragment<DB> for NoInstant {
    fn walk_ast<'b>(&'b self, _: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        Ok(())
    }
}

/// The `operation = ..` of a declaration, or its absence.
pub trait Operation {
    /// How an identifier is written; `None` without a column.
    const KIND: Option<OperationKind>;
    /// The column; `None` without one.
    fn column() -> Option<ColumnRef>;
}

/// `operation = C`.
#[derive(Debug)]
pub struct OperationColumn<C>(PhantomData<C>);

/// A declaration without an operation column.
#[derive(Debug)]
pub struct NoOperation;

/// The form of an operation's identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// PostgreSQL's `uuid`.
    Uuid,
    /// The same as text.
    Text,
    /// A positive number.
    BigInt,
}

/// The SQL types an operation column can have.
#[diagnostic::on_unimplemented(
    message = "an `operation` column cannot be of the SQL type `{Self}`",
    note = "`operation = ..` takes a nullable column: `Nullable<Uuid>` (feature `postgres_backend`), `Nullable<Text>` or `Nullable<BigInt>`"
)]
pub trait OperationType {
    /// How an identifier is written.
    const KIND: OperationKind;
}

#[cfg(feature = "postgres_backend")]
impl OperationType for Nullable<diesel::sql_types::Uuid> {
    const KIND: OperationKind = OperationKind::Uuid;
}

impl OperationType for Nullable<diesel::sql_types::Text> {
    const KIND: OperationKind = OperationKind::Text;
}

impl OperationType for Nullable<diesel::sql_types::BigInt> {
    const KIND: OperationKind = OperationKind::BigInt;
}

impl Operation for NoOperation {
    const KIND: Option<OperationKind> = None;
    fn column() -> Option<ColumnRef> {
        None
    }
}

impl<C> Operation for OperationColumn<C>
where
    C: Column,
    C::SqlType: OperationType,
{
    const KIND: Option<OperationKind> = Some(<C::SqlType as OperationType>::KIND);
    fn column() -> Option<ColumnRef> {
        Some(ColumnRef::of::<C>())
    }
}

/// The `hold = ..` of a declaration, or its absence.
pub trait Hold {
    /// How the column is read: as a flag whose "active" rows are those that are not held; `None`
    /// without a column.
    const MODE: Option<Mode>;
    /// The column; `None` without one.
    fn column() -> Option<ColumnRef>;
}

/// `hold = C`: `TRUE` means that the row is kept from every removal.
#[derive(Debug)]
pub struct HoldColumn<C>(PhantomData<C>);

/// A declaration without a hold column: no row is held.
#[derive(Debug)]
pub struct NoHold;

/// The SQL types a hold column can have.
#[diagnostic::on_unimplemented(
    message = "a `hold` column cannot be of the SQL type `{Self}`",
    note = "`hold = ..` takes a column of type `Bool` or `Nullable<Bool>`; TRUE means under hold"
)]
pub trait HoldType {
    /// How the column is read.
    const MODE: Mode;
}

impl HoldType for Bool {
    const MODE: Mode = Mode::Flag;
}

impl HoldType for Nullable<Bool> {
    const MODE: Mode = Mode::NullableFlag;
}

impl Hold for NoHold {
    const MODE: Option<Mode> = None;
    fn column() -> Option<ColumnRef> {
        None
    }
}

impl<C> Hold for HoldColumn<C>
where
    C: Column,
    C::SqlType: HoldType,
{
    const MODE: Option<Mode> = Some(<C::SqlType as HoldType>::MODE);
    fn column() -> Option<ColumnRef> {
        Some(ColumnRef::of::<C>())
    }
}

/// Columns that a restore sets to NULL.
#[diagnostic::on_unimplemented(
    message = "a restore cannot reset these columns",
    note = "`metadata(..)` and `operation = ..` take nullable columns, eight in all"
)]
pub trait NullableColumns {
    /// The columns as an array.
    type Columns: AsRef<[ColumnRef]>;
    /// The columns.
    fn columns() -> Self::Columns;
}

/// The SQL type of a column that a restore can set to NULL.
#[diagnostic::on_unimplemented(
    message = "a restore cannot set a column of the SQL type `{Self}` to NULL",
    note = "the columns in `metadata(..)` and `operation = ..` must be nullable"
)]
pub trait NullableType {}

impl<ST: SqlType> NullableType for Nullable<ST> {}

impl NullableColumns for () {
    type Columns = [ColumnRef; 0];
    fn columns() -> [ColumnRef; 0] {
        []
    }
}

macro_rules! nullable_columns {
    ($count:literal: $($C:ident)+) => {
        impl<$($C: Column),+> NullableColumns for ($($C,)+)
        where
            $($C::SqlType: NullableType,)+
        {
            type Columns = [ColumnRef; $count];
            fn columns() -> Self::Columns {
                [$(ColumnRef::of::<$C>()),+]
            }
        }
    };
}

nullable_columns!(1: A);
nullable_columns!(2: A B);
nullable_columns!(3: A B C);
nullable_columns!(4: A B C D);
nullable_columns!(5: A B C D E);
nullable_columns!(6: A B C D E F);
nullable_columns!(7: A B C D E F G);
nullable_columns!(8: A B C D E F G H);

/// Whether a table may take part in an `.active()` join, and in which role.
#[diagnostic::on_unimplemented(
    message = "`.active()` meets `{Self}`, which is neither declared soft-deletable nor declared plain",
    label = "no soft-delete declaration for this table",
    note = "if its rows can be soft-deleted: `#[derive(SoftDeletable)]` on a model, or `soft_deletable! {{ .. }}` beside `table!`",
    note = "if not: `not_soft_deletable!(table_name);` beside `table!`"
)]
pub trait Declared {
    /// [`SoftDeleted`] or [`Plain`].
    type Kind;
}

/// The kind of a table that [`SoftDeletable`] is implemented for.
#[derive(Debug)]
pub struct SoftDeleted;

/// The kind of a table that `not_soft_deletable!` names.
#[derive(Debug)]
pub struct Plain;
