//! Tables and aliases, and the predicates of one.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::{Alias, AliasSource, AliasedField, Column};
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use super::source::Predicate;
use crate::declare::{Rows, SoftDeletable, State};
use crate::diesel_internals::StaticQueryFragment;

/// A soft-deletable table, or an `alias!` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a soft-deletable table nor an alias of one",
    note = "add `#[derive(SoftDeletable)]` to a model of the table, or `soft_deletable! {{ .. }}` beside `table!`"
)]
pub trait Source {
    /// The table.
    type Table: SoftDeletable;
    /// A column of the table, seen through this source.
    type Field<C: Column<Table = Self::Table>>: Expression;
}

impl<T: SoftDeletable> Source for T {
    type Table = T;
    type Field<C: Column<Table = T>> = C;
}

impl<S> Source for Alias<S>
where
    S: AliasSource,
    S::Target: SoftDeletable,
{
    type Table = S::Target;
    type Field<C: Column<Table = S::Target>> = AliasedField<S, C>;
}

/// The state column, seen through a source.
pub(super) type StateField<Src> = <Src as Source>::Field<StateColumn<<Src as Source>::Table>>;
pub(super) type StateColumn<T> = <<T as SoftDeletable>::State as State>::Column;

/// Writes what stands before the dot of a column.
pub trait Qualify<DB: Backend> {
    /// The table's name, or the alias'.
    fn walk_qualifier(out: AstPass<'_, '_, DB>) -> QueryResult<()>;
}

impl<T, DB> Qualify<DB> for T
where
    T: SoftDeletable + StaticQueryFragment,
    T::Component: QueryFragment<DB>,
    DB: Backend,
{
    fn walk_qualifier(out: AstPass<'_, '_, DB>) -> QueryResult<()> {
        T::STATIC_COMPONENT.walk_ast(out)
    }
}

impl<S, DB> Qualify<DB> for Alias<S>
where
    S: AliasSource,
    S::Target: SoftDeletable,
    DB: Backend,
{
    fn walk_qualifier(mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
        out.push_identifier(S::NAME)
    }
}

/// Which rows a [`StateTest`] is true for.
pub trait RowKind {
    /// The rows.
    const ROWS: Rows;
}

/// Rows that are not soft-deleted.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct ActiveRows;
/// Soft-deleted rows.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct DeletedRows;
/// Rows that are not soft-deleted, and the all-NULL rows of an outer join.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct ActiveOrMissingRows;

impl RowKind for ActiveRows {
    const ROWS: Rows = Rows::Active;
}
impl RowKind for DeletedRows {
    const ROWS: Rows = Rows::Deleted;
}
impl RowKind for ActiveOrMissingRows {
    const ROWS: Rows = Rows::ActiveOrMissing;
}

/// The predicate of one table or alias: what `is_active` and its siblings return.
///
/// It holds nothing: the names of table, alias and column are in the types.
#[derive(Debug, Clone, Copy)]
pub struct StateTest<Src, K>(PhantomData<(Src, K)>);

impl<Src, K> StateTest<Src, K> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Src: QueryId, K: QueryId> QueryId for StateTest<Src, K> {
    type QueryId = StateTest<Src::QueryId, K::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = Src::HAS_STATIC_QUERY_ID;
}

impl<Src: Source, K> Expression for StateTest<Src, K> {
    type SqlType = Bool;
}

impl<Src: Source, K, GB> ValidGrouping<GB> for StateTest<Src, K>
where
    StateField<Src>: ValidGrouping<GB>,
{
    type IsAggregate = <StateField<Src> as ValidGrouping<GB>>::IsAggregate;
}

impl<Src: Source, K, QS> AppearsOnTable<QS> for StateTest<Src, K> where StateField<Src>: AppearsOnTable<QS> {}

impl<Src: Source, QS> SelectableExpression<QS> for StateTest<Src, ActiveRows> where
    StateField<Src>: SelectableExpression<QS>
{
}

impl<Src: Source, QS> SelectableExpression<QS> for StateTest<Src, DeletedRows> where
    StateField<Src>: SelectableExpression<QS>
{
}

// Never NULL, so it may be selected on the nullable side of an outer join too.
impl<Src: Source, QS> SelectableExpression<QS> for StateTest<Src, ActiveOrMissingRows> where
    StateField<Src>: AppearsOnTable<QS>
{
}

impl<Src, K, DB> QueryFragment<DB> for StateTest<Src, K>
where
    DB: Backend,
    Self: Predicate<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        Self::walk(out)
    }
}
