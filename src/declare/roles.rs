//! What a table declares. The derive emits these types; everything else is generic over them.

use std::marker::PhantomData;

use diesel::Table;
use diesel::associations::HasTable;
use diesel::query_builder::QueryId;
use diesel::query_source::Column;
use diesel::sql_types::{Bool, Nullable, SqlType};

use super::predicate::Mode;
use super::relations::Relations;
use super::time_columns::TimeColumn;
use crate::diesel_internals::TableName;

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
    /// The column that holds the time of the deletion.
    type Stamp: TimeColumn;
    /// The column that is set to the time of every transition.
    type Touch: TimeColumn;
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
