//! The filters that `active()` and `deleted()` append, and the queries they are appended to.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AsQuery, AstPass, QueryFragment, QueryId};
use diesel::query_dsl::methods::FilterDsl;
use diesel::query_source::{Alias, QuerySource};
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use super::covered::CoveredBy;
use super::source::{FiltersSomething, FirstTable, Predicate, Scope};
use super::table::{DeletedRows, Source, StateField, StateTest};
use crate::diesel_internals::{
    BoxedSelectStatement, FromClause, NO_WHERE_CLAUSE, PARENTHESIZED, SelectStatement, WHERE_CLAUSE,
};

/// The filter that `active()` appends: the predicate of the source `F`.
#[derive(Debug, Clone, Copy)]
pub struct ActiveFilter<F> {
    existing: ExistingFilter,
    _source: PhantomData<F>,
}

/// The filter that `deleted()` appends: the predicate of the table or alias `Src`.
#[derive(Debug, Clone, Copy)]
pub struct DeletedFilter<Src> {
    existing: ExistingFilter,
    _source: PhantomData<Src>,
}

/// How a filter closes off what stands before it. Diesel writes `(<before> AND <filter>)` and
/// does not group raw SQL, so that `a OR b` before it would swallow the filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ExistingFilter {
    /// What stands before it is grouped, or there is nothing.
    Grouped,
    /// It may be `a OR b`: `(a OR b AND TRUE) AND (<filter>)`.
    MustBeGrouped,
}

/// Whether what the where clause `W` holds needs no parentheses.
pub(crate) fn is_grouped<W: QueryId>() -> bool {
    // From its start: the compiler then decides it when it builds, and a search it would not.
    let name = std::any::type_name::<W>();
    match name.strip_prefix(WHERE_CLAUSE) {
        Some(predicate) => W::HAS_STATIC_QUERY_ID && writes_its_own_parentheses(predicate),
        None => name == NO_WHERE_CLAUSE,
    }
}

/// Whether an expression, by the name of its type, is one that cannot be torn apart by an `AND`.
///
/// Only what Diesel puts into parentheses itself, and a few that need none, are trusted. Not raw SQL,
/// not boxed expressions, not an app's own expression, which may write a bare `OR`, and not what
/// wraps one without a trace (`.nullable()`). The name of a type is not guaranteed to stay as it is;
/// an unknown one is not trusted, which costs an `AND TRUE`.
pub(super) fn writes_its_own_parentheses(type_name: &str) -> bool {
    PARENTHESIZED.iter().any(|trusted| type_name.starts_with(trusted))
        || type_name.starts_with("diesel_soft_delete::query::")
}

impl ExistingFilter {
    fn of<W: QueryId>() -> Self {
        if is_grouped::<W>() { Self::Grouped } else { Self::MustBeGrouped }
    }

    /// Writes the filter behind what it closes off.
    fn walk<P: Predicate<DB>, DB: Backend>(self, mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
        if P::EMPTY {
            out.push_sql("TRUE");
            return Ok(());
        }
        if self == Self::MustBeGrouped {
            out.push_sql("TRUE) AND (");
        }
        P::walk(out)
    }
}

impl<F> ActiveFilter<F> {
    fn new(existing: ExistingFilter) -> Self {
        Self { existing, _source: PhantomData }
    }
}

impl<Src> DeletedFilter<Src> {
    fn new(existing: ExistingFilter) -> Self {
        Self { existing, _source: PhantomData }
    }
}

// `existing` is not part of the query ids: it follows from the where clause before it, which is.
impl<F: Scope> QueryId for ActiveFilter<F>
where
    F::Active: QueryId,
{
    type QueryId = ActiveFilter<<F::Active as QueryId>::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = <F::Active as QueryId>::HAS_STATIC_QUERY_ID;
}

impl<Src: QueryId> QueryId for DeletedFilter<Src> {
    type QueryId = DeletedFilter<Src::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = Src::HAS_STATIC_QUERY_ID;
}

impl<F> Expression for ActiveFilter<F> {
    type SqlType = Bool;
}

impl<Src> Expression for DeletedFilter<Src> {
    type SqlType = Bool;
}

impl<F, GB> ValidGrouping<GB> for ActiveFilter<F> {
    type IsAggregate = is_aggregate::No;
}

impl<Src, GB> ValidGrouping<GB> for DeletedFilter<Src> {
    type IsAggregate = is_aggregate::No;
}

impl<F, QS> AppearsOnTable<QS> for ActiveFilter<F> where QS: CoveredBy<F> {}

impl<Src: Source, QS> AppearsOnTable<QS> for DeletedFilter<Src> where StateField<Src>: AppearsOnTable<QS> {}

impl<F, DB> QueryFragment<DB> for ActiveFilter<F>
where
    DB: Backend,
    F: Scope,
    F::Active: Predicate<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.existing.walk::<F::Active, DB>(out)
    }
}

impl<Src, DB> QueryFragment<DB> for DeletedFilter<Src>
where
    DB: Backend,
    StateTest<Src, DeletedRows>: Predicate<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.existing.walk::<StateTest<Src, DeletedRows>, DB>(out)
    }
}

/// `TRUE`, appended to a filter that may be raw SQL: Diesel then groups the two together.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub struct Grouping;

impl Expression for Grouping {
    type SqlType = Bool;
}
impl<QS> AppearsOnTable<QS> for Grouping {}
impl<DB: Backend> QueryFragment<DB> for Grouping {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("TRUE");
        Ok(())
    }
}

/// A query that `.active()` can filter.
#[diagnostic::on_unimplemented(
    message = "`.active()` cannot filter `{Self}`",
    note = "it filters soft-deletable tables (`#[derive(SoftDeletable)]`, `soft_deletable!`), their aliases, and selects and boxed selects over them and their joins"
)]
pub trait ActiveQuery {
    /// The filtered query.
    type Output;
    /// Filters it.
    fn filter_active(self) -> Self::Output;
}

impl<S> ActiveQuery for Alias<S>
where
    Self: Scope + AsQuery,
    <Self as Scope>::Active: FiltersSomething,
    <Self as AsQuery>::Query: ActiveQuery,
{
    type Output = <<Self as AsQuery>::Query as ActiveQuery>::Output;
    fn filter_active(self) -> Self::Output {
        self.as_query().filter_active()
    }
}

impl<F, S, D, W, O, LOf, G, H, LC> ActiveQuery for SelectStatement<FromClause<F>, S, D, W, O, LOf, G, H, LC>
where
    F: QuerySource + Scope,
    F::Active: FiltersSomething,
    W: QueryId,
    Self: FilterDsl<ActiveFilter<F>>,
{
    type Output = <Self as FilterDsl<ActiveFilter<F>>>::Output;
    fn filter_active(self) -> Self::Output {
        self.filter(ActiveFilter::new(ExistingFilter::of::<W>()))
    }
}

impl<ST, F, DB, GB> ActiveQuery for BoxedSelectStatement<'_, ST, FromClause<F>, DB, GB>
where
    F: QuerySource + Scope,
    F::Active: FiltersSomething,
    Self: FilterDsl<Grouping, Output = Self> + FilterDsl<ActiveFilter<F>>,
{
    type Output = <Self as FilterDsl<ActiveFilter<F>>>::Output;
    fn filter_active(self) -> Self::Output {
        let grouped = FilterDsl::filter(self, Grouping);
        FilterDsl::filter(grouped, ActiveFilter::<F>::new(ExistingFilter::Grouped))
    }
}

/// A query that `.deleted()` can filter.
#[diagnostic::on_unimplemented(
    message = "`.deleted()` cannot filter `{Self}`",
    note = "it filters soft-deletable tables (`#[derive(SoftDeletable)]`, `soft_deletable!`), their aliases, and selects and boxed selects whose first table is one"
)]
pub trait DeletedQuery {
    /// The filtered query.
    type Output;
    /// Filters it.
    fn filter_deleted(self) -> Self::Output;
}

impl<S> DeletedQuery for Alias<S>
where
    Self: Source + AsQuery,
    <Self as AsQuery>::Query: DeletedQuery,
{
    type Output = <<Self as AsQuery>::Query as DeletedQuery>::Output;
    fn filter_deleted(self) -> Self::Output {
        self.as_query().filter_deleted()
    }
}

impl<F, S, D, W, O, LOf, G, H, LC> DeletedQuery for SelectStatement<FromClause<F>, S, D, W, O, LOf, G, H, LC>
where
    F: QuerySource + FirstTable,
    W: QueryId,
    Self: FilterDsl<DeletedFilter<F::Source>>,
{
    type Output = <Self as FilterDsl<DeletedFilter<F::Source>>>::Output;
    fn filter_deleted(self) -> Self::Output {
        self.filter(DeletedFilter::new(ExistingFilter::of::<W>()))
    }
}

impl<ST, F, DB, GB> DeletedQuery for BoxedSelectStatement<'_, ST, FromClause<F>, DB, GB>
where
    F: QuerySource + FirstTable,
    Self: FilterDsl<Grouping, Output = Self> + FilterDsl<DeletedFilter<F::Source>>,
{
    type Output = <Self as FilterDsl<DeletedFilter<F::Source>>>::Output;
    fn filter_deleted(self) -> Self::Output {
        let grouped = FilterDsl::filter(self, Grouping);
        FilterDsl::filter(grouped, DeletedFilter::<F::Source>::new(ExistingFilter::Grouped))
    }
}
