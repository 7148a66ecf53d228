//! `active()` and `deleted()` over tables, aliases, selects, boxed selects and joins.
//!
//! The predicate of a query source is known from its type. A table or alias brings its own; an
//! inner join brings those of both sides, less those its ON clauses already carry; a left outer
//! join brings that of its left side, and is accepted only if its ON clause carries the right
//! side's: in WHERE that predicate would drop the left row.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AsQuery, AstPass, QueryFragment, QueryId};
use diesel::query_dsl::methods::FilterDsl;
use diesel::query_source::{Alias, AliasSource, AliasedField, AppearsInFromClause, Column, Once, QuerySource};
use diesel::result::QueryResult;
use diesel::sql_types::{Bool, BoolOrNullableBool, Nullable, SingleValue, SqlType, is_nullable};

use crate::hidden::{
    BoxedSelectStatement, FromClause, Inner, InternalJoinDsl, Join, JoinOn, JoinTo, LeftOuter, SelectStatement,
    StaticQueryFragment,
};
use crate::marker::{Declared, Plain, SoftDeletable, SoftDeleted, State};
use crate::predicate::Rows;

// ---------------------------------------------------------------------------------------------
// Predicates of one table or alias
// ---------------------------------------------------------------------------------------------

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
type StateField<Src> = <Src as Source>::Field<StateColumn<<Src as Source>::Table>>;
type StateColumn<T> = <<T as SoftDeletable>::State as State>::Column;

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

// ---------------------------------------------------------------------------------------------
// Predicates of a query source
// ---------------------------------------------------------------------------------------------

/// A predicate that is known from its type alone.
pub trait Predicate<DB: Backend> {
    /// Whether it writes nothing.
    const EMPTY: bool;
    /// Writes it.
    fn walk(out: AstPass<'_, '_, DB>) -> QueryResult<()>;
}

/// No predicate: that of a table declared plain, or one that an ON clause already carries.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct Nothing;

/// The predicates of both sides of a join.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct Both<A, B>(PhantomData<(A, B)>);

impl<DB: Backend> Predicate<DB> for Nothing {
    const EMPTY: bool = true;
    fn walk(_: AstPass<'_, '_, DB>) -> QueryResult<()> {
        Ok(())
    }
}

impl<Src, K, DB> Predicate<DB> for StateTest<Src, K>
where
    DB: Backend,
    Src: Source + Qualify<DB>,
    K: RowKind,
{
    const EMPTY: bool = false;
    fn walk(out: AstPass<'_, '_, DB>) -> QueryResult<()> {
        <Src::Table as SoftDeletable>::State::MODE.walk(K::ROWS, out, |mut out| {
            Src::walk_qualifier(out.reborrow())?;
            out.push_sql(".");
            out.push_identifier(StateColumn::<Src::Table>::NAME)
        })
    }
}

impl<A: Predicate<DB>, B: Predicate<DB>, DB: Backend> Predicate<DB> for Both<A, B> {
    const EMPTY: bool = A::EMPTY && B::EMPTY;
    fn walk(mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
        A::walk(out.reborrow())?;
        if !A::EMPTY && !B::EMPTY {
            out.push_sql(" AND ");
        }
        B::walk(out)
    }
}

/// A predicate that filters something.
#[diagnostic::on_unimplemented(
    message = "`.active()` has nothing to filter here: the table is declared not soft-deletable",
    note = "leave `.active()` out, or replace `not_soft_deletable!` by a soft-delete declaration"
)]
pub trait FiltersSomething {}

impl<Src, K> FiltersSomething for StateTest<Src, K> {}
impl<A, B> FiltersSomething for Both<A, B> {}

/// A query source whose `active()` predicate is known from its type.
#[diagnostic::on_unimplemented(
    message = "`.active()` meets `{Self}`, which is declared neither soft-deletable nor plain",
    label = "no soft-delete declaration",
    note = "if its rows can be soft-deleted: `#[derive(SoftDeletable)]` on a model, or `soft_deletable! {{ table_name {{ .. }} }}` beside `table!`",
    note = "if not: `not_soft_deletable!(table_name);` beside `table!`"
)]
pub trait Scope {
    /// The predicate.
    type Active;
}

/// The predicate that a table or alias of a given kind brings into a query.
pub trait KindScope<Src> {
    /// The predicate.
    type Active;
}

impl<Src: Source> KindScope<Src> for SoftDeleted {
    type Active = StateTest<Src, ActiveRows>;
}

impl<Src> KindScope<Src> for Plain {
    type Active = Nothing;
}

impl<S> Scope for Alias<S>
where
    S: AliasSource,
    S::Target: Declared,
    <S::Target as Declared>::Kind: KindScope<Self>,
{
    type Active = <<S::Target as Declared>::Kind as KindScope<Self>>::Active;
}

impl<L, R, On> Scope for JoinOn<Join<L, R, Inner>, On>
where
    L: QuerySource + Scope,
    R: QuerySource,
    On: Expression,
    On::SqlType: InnerOn<R>,
{
    type Active = Both<L::Active, <On::SqlType as InnerOn<R>>::Missing>;
}

impl<L, R, On> Scope for JoinOn<Join<L, R, LeftOuter>, On>
where
    L: QuerySource + Scope,
    R: QuerySource,
    On: Expression,
    On::SqlType: LeftOn<R>,
{
    type Active = L::Active;
}

// The right side of a join can be a join of its own; Diesel wraps it in a select.
impl<F> Scope for SelectStatement<FromClause<F>>
where
    F: QuerySource + Scope,
{
    type Active = F::Active;
}

/// The SQL type of an ON clause that carries the predicate of `R`.
///
/// Boolean in SQL. In the types it tells such an ON clause from every other, which is `Bool` or
/// `Nullable<Bool>`: a trait on the ON clause itself could not, for it can be any expression.
#[derive(Debug, Clone, Copy)]
pub struct CarriesPredicateOf<R>(PhantomData<R>);

impl<R: 'static> SqlType for CarriesPredicateOf<R> {
    type IsNull = is_nullable::NotNull;
    const IS_ARRAY: bool = false;
}
impl<R> SingleValue for CarriesPredicateOf<R> where Self: SqlType {}
impl<R> BoolOrNullableBool for CarriesPredicateOf<R> {}

/// The SQL type of the ON clause of an inner join of `R`.
pub trait InnerOn<R> {
    /// The predicate that the ON clause does not carry.
    type Missing;
}

impl<R: Scope> InnerOn<R> for Bool {
    type Missing = R::Active;
}

impl<R: Scope> InnerOn<R> for Nullable<Bool> {
    type Missing = R::Active;
}

impl<R> InnerOn<R> for CarriesPredicateOf<R> {
    type Missing = Nothing;
}

/// The SQL type of the ON clause of a left outer join of `R`, if an `.active()` query may hold
/// that join.
pub trait LeftOn<R> {}

impl<R> LeftOn<R> for CarriesPredicateOf<R> {}
impl<R: LeftJoinedPlainly> LeftOn<R> for Bool {}
impl<R: LeftJoinedPlainly> LeftOn<R> for Nullable<Bool> {}

/// A table that a plain `left_join` may bring into an `.active()` query: one declared plain.
#[diagnostic::on_unimplemented(
    message = "`.active()` after a plain `left_join` of `{Self}`: its predicate would stand in WHERE, where it drops left rows",
    label = "write `left_join_active` instead of `left_join`",
    note = "`left.left_join_active(right)` and `left.left_join(right.on_active(on_clause))` put the predicate into ON: \
            every left row stays, with `None` beside it where its right row is deleted",
    note = "if the rows of the right table are never soft-deleted, declare it: `not_soft_deletable!(table_name);` beside `table!`"
)]
pub trait LeftJoinedPlainly {}

impl<S> LeftJoinedPlainly for Alias<S>
where
    S: AliasSource,
    S::Target: LeftJoinedPlainly,
{
}

/// The first table of a query source: the one that `deleted()` filters.
#[diagnostic::on_unimplemented(
    message = "`.deleted()` does not know the first table of `{Self}`",
    note = "its first table must be soft-deletable: `#[derive(SoftDeletable)]`, or `soft_deletable! {{ .. }}` beside `table!`"
)]
pub trait FirstTable {
    /// The table, or its alias.
    type Source: Source;
}

impl<S> FirstTable for Alias<S>
where
    Self: Source,
{
    type Source = Self;
}

impl<L, R, K, On> FirstTable for JoinOn<Join<L, R, K>, On>
where
    L: QuerySource + FirstTable,
    R: QuerySource,
{
    type Source = L::Source;
}

// ---------------------------------------------------------------------------------------------
// active() comes after the joins, or the joins carry their own predicate
// ---------------------------------------------------------------------------------------------

/// A query source all of whose tables are filtered by an `active()` that saw the source `S`.
///
/// This makes `posts.active().inner_join(users)` a compile error: the filter was made before
/// `users` was there, so deleted users would show.
#[diagnostic::on_unimplemented(
    message = "`.active()` was called before `{Self}` was joined, so it does not filter all of its tables",
    note = "call `.active()` after the last join, or join with `inner_join_active(..)` / `left_join_active(..)`"
)]
pub trait CoveredBy<S> {}

impl<A, S> CoveredBy<S> for Alias<A>
where
    A: AliasSource,
    A::Target: Declared,
    <A::Target as Declared>::Kind: KindCoveredBy<Self, S>,
{
}

/// A kind of table that is covered by an `active()` over `S`.
pub trait KindCoveredBy<T, S> {}

impl<T, S> KindCoveredBy<T, S> for Plain {}

impl<T, S> KindCoveredBy<T, S> for SoftDeleted
where
    S: AppearsInFromClause<T>,
    S::Count: WasThere<T>,
{
}

/// How often a table appeared in the source that `active()` saw.
#[diagnostic::on_unimplemented(
    message = "`{T}` is joined after `.active()`: its deleted rows would show",
    label = "this query filters only the tables that were there when `.active()` was called",
    note = "call `.active()` after the last join, or join with `inner_join_active(..)` / `left_join_active(..)`",
    note = "to filter one table on purpose and let another's deleted rows through: `.filter(diesel_soft_delete::is_active(table))`"
)]
pub trait WasThere<T> {}

impl<T> WasThere<T> for Once {}

impl<L, R, K, On, S> CoveredBy<S> for JoinOn<Join<L, R, K>, On>
where
    L: QuerySource + CoveredBy<S>,
    R: QuerySource,
    On: Expression,
    On::SqlType: OnCovers<R, S>,
{
}

// Diesel's way to say "a subquery over L, inside a query over R".
impl<L, R, K, S> CoveredBy<S> for Join<L, R, K>
where
    L: QuerySource + CoveredBy<S>,
    R: QuerySource,
{
}

impl<F, S> CoveredBy<S> for SelectStatement<FromClause<F>> where F: QuerySource + CoveredBy<S> {}

/// The SQL type of the ON clause of a join of `R`, if it or the `active()` over `S` filters `R`.
pub trait OnCovers<R, S> {}

impl<R: CoveredBy<S>, S> OnCovers<R, S> for Bool {}
impl<R: CoveredBy<S>, S> OnCovers<R, S> for Nullable<Bool> {}
impl<R, S> OnCovers<R, S> for CarriesPredicateOf<R> {}

/// The filter that `active()` appends: the predicate of the source `F`.
#[derive(Debug, Clone, Copy)]
pub struct ActiveFilter<F> {
    closing: Closing,
    _source: PhantomData<F>,
}

/// The filter that `deleted()` appends: the predicate of the table or alias `Src`.
#[derive(Debug, Clone, Copy)]
pub struct DeletedFilter<Src> {
    closing: Closing,
    _source: PhantomData<Src>,
}

/// How a filter closes off what stands before it. Diesel writes `(<before> AND <filter>)` and
/// does not group raw SQL, so that `a OR b` before it would swallow the filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Closing {
    /// What stands before it is grouped, or there is nothing.
    NotNeeded,
    /// It may be `a OR b`: `(a OR b AND TRUE) AND (<filter>)`.
    Needed,
}

/// Whether Diesel puts what the where clause `W` holds into parentheses, or it needs none.
///
/// Only a type of Diesel's or ours with a static query id is trusted: raw SQL and boxed expressions
/// have no such id, and an app's own expression may write a bare `OR`. The name of a type is not
/// guaranteed to stay as it is; an unknown one is not trusted, which costs an `AND TRUE`.
pub(crate) fn is_grouped<W: QueryId>() -> bool {
    let name = std::any::type_name::<W>();
    let Some((_, predicate)) = name.split_once("::WhereClause<") else {
        return name.ends_with("::NoWhereClause");
    };
    W::HAS_STATIC_QUERY_ID && (predicate.starts_with("diesel::") || predicate.starts_with("diesel_soft_delete::"))
}

impl Closing {
    fn of<W: QueryId>() -> Self {
        if is_grouped::<W>() { Self::NotNeeded } else { Self::Needed }
    }

    /// Writes the filter behind what it closes off.
    fn walk<P: Predicate<DB>, DB: Backend>(self, mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
        if P::EMPTY {
            out.push_sql("TRUE");
            return Ok(());
        }
        if self == Self::Needed {
            out.push_sql("TRUE) AND (");
        }
        P::walk(out)
    }
}

impl<F> ActiveFilter<F> {
    fn new(closing: Closing) -> Self {
        Self { closing, _source: PhantomData }
    }
}

impl<Src> DeletedFilter<Src> {
    fn new(closing: Closing) -> Self {
        Self { closing, _source: PhantomData }
    }
}

// `closing` is not part of the query ids: it follows from the where clause before it, which is.
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
        self.closing.walk::<F::Active, DB>(out)
    }
}

impl<Src, DB> QueryFragment<DB> for DeletedFilter<Src>
where
    DB: Backend,
    StateTest<Src, DeletedRows>: Predicate<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.closing.walk::<StateTest<Src, DeletedRows>, DB>(out)
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

// ---------------------------------------------------------------------------------------------
// The calls
// ---------------------------------------------------------------------------------------------

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
        self.filter(ActiveFilter::new(Closing::of::<W>()))
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
        FilterDsl::filter(grouped, ActiveFilter::<F>::new(Closing::NotNeeded))
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
        self.filter(DeletedFilter::new(Closing::of::<W>()))
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
        FilterDsl::filter(grouped, DeletedFilter::<F::Source>::new(Closing::NotNeeded))
    }
}

/// An ON clause together with the predicate of the table, alias or join `R` that it joins.
#[derive(Debug, Clone, Copy)]
pub struct OnActive<R, On> {
    on: On,
    _joined: PhantomData<R>,
}

impl<R, On> OnActive<R, On> {
    pub(crate) fn new(on: On) -> Self {
        Self { on, _joined: PhantomData }
    }
}

impl<R: Scope, On: QueryId> QueryId for OnActive<R, On>
where
    R::Active: QueryId,
{
    type QueryId = OnActive<<R::Active as QueryId>::QueryId, On::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = On::HAS_STATIC_QUERY_ID && <R::Active as QueryId>::HAS_STATIC_QUERY_ID;
}

impl<R: 'static, On> Expression for OnActive<R, On>
where
    On: Expression,
    On::SqlType: BoolOrNullableBool,
{
    type SqlType = CarriesPredicateOf<R>;
}

impl<R, On, QS> AppearsOnTable<QS> for OnActive<R, On>
where
    Self: Expression,
    On: AppearsOnTable<QS>,
{
}

impl<R, On, DB> QueryFragment<DB> for OnActive<R, On>
where
    DB: Backend,
    R: Scope,
    R::Active: Predicate<DB>,
    On: QueryFragment<DB> + QueryId,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // As in WHERE, `a OR b` would swallow the predicate.
        let grouped = On::HAS_STATIC_QUERY_ID && std::any::type_name::<On>().starts_with("diesel::");
        out.push_sql(if grouped { "(" } else { "((" });
        self.on.walk_ast(out.reborrow())?;
        if !grouped {
            out.push_sql(")");
        }
        if !R::Active::EMPTY {
            out.push_sql(" AND ");
            R::Active::walk(out.reborrow())?;
        }
        out.push_sql(")");
        Ok(())
    }
}

/// A query that `R` can be joined to with its predicate in the ON clause.
#[diagnostic::on_unimplemented(
    message = "cannot join `{R}` to `{Self}` with the predicate of `{R}` in the ON clause",
    note = "needed: `joinable!` between the two tables (or `right.on_active(on_clause)`), and a declaration of `{R}`"
)]
pub trait JoinActive<R, Kind> {
    /// The joined query.
    type Output;
    /// Joins.
    fn join_active(self, right: R, kind: Kind) -> Self::Output;
}

impl<L, R, Kind> JoinActive<R, Kind> for L
where
    L: JoinTo<R>,
    <L as JoinTo<R>>::FromClause: Scope,
    L: InternalJoinDsl<
            <L as JoinTo<R>>::FromClause,
            Kind,
            OnActive<<L as JoinTo<R>>::FromClause, <L as JoinTo<R>>::OnClause>,
        >,
{
    type Output = <L as InternalJoinDsl<
        <L as JoinTo<R>>::FromClause,
        Kind,
        OnActive<<L as JoinTo<R>>::FromClause, <L as JoinTo<R>>::OnClause>,
    >>::Output;

    fn join_active(self, right: R, kind: Kind) -> Self::Output {
        let (from, on) = L::join_target(right);
        self.join(from, kind, OnActive::new(on))
    }
}

/// The impls that a table needs to take part in queries. They stand in a macro and not in blanket
/// impls: with a blanket impl the compiler stops at the outermost trait and never shows which
/// table of a join is at fault.
#[doc(hidden)]
#[macro_export]
macro_rules! __soft_deletable_impls {
    ($table:ty) => {
        #[automatically_derived]
        impl $crate::__private::Declared for $table {
            type Kind = $crate::__private::SoftDeleted;
        }
        #[automatically_derived]
        impl $crate::__private::Scope for $table {
            type Active = $crate::is_active<$table>;
        }
        #[automatically_derived]
        impl $crate::__private::FirstTable for $table {
            type Source = Self;
        }
        #[automatically_derived]
        impl<S> $crate::__private::CoveredBy<S> for $table where
            $crate::__private::SoftDeleted: $crate::__private::KindCoveredBy<$table, S>
        {
        }
        #[automatically_derived]
        impl $crate::__private::ActiveQuery for $table {
            type Output = <<Self as $crate::__private::AsQuery>::Query as $crate::__private::ActiveQuery>::Output;
            fn filter_active(self) -> Self::Output {
                $crate::__private::ActiveQuery::filter_active($crate::__private::AsQuery::as_query(self))
            }
        }
        #[automatically_derived]
        impl $crate::__private::DeletedQuery for $table {
            type Output = <<Self as $crate::__private::AsQuery>::Query as $crate::__private::DeletedQuery>::Output;
            fn filter_deleted(self) -> Self::Output {
                $crate::__private::DeletedQuery::filter_deleted($crate::__private::AsQuery::as_query(self))
            }
        }
        #[automatically_derived]
        impl $crate::__private::Target for $table {
            type Plain = <Self as $crate::__private::IntoUpdateTarget>::WhereClause;
            type Grouped = ();
            fn into_condition(self) -> $crate::__private::Condition<Self::Plain, ()> {
                $crate::__private::Condition::Plain(
                    $crate::__private::IntoUpdateTarget::into_update_target(self).where_clause,
                )
            }
        }
    };
}

/// The impls that a table without soft deletion needs to take part in `.active()` joins.
#[doc(hidden)]
#[macro_export]
macro_rules! __plain_impls {
    ($table:ty) => {
        const _: () = {
            #[automatically_derived]
            impl $crate::__private::Declared for $table {
                type Kind = $crate::__private::Plain;
            }
            #[automatically_derived]
            impl $crate::__private::Scope for $table {
                type Active = $crate::__private::Nothing;
            }
            #[automatically_derived]
            impl $crate::__private::LeftJoinedPlainly for $table {}
            #[automatically_derived]
            impl<S> $crate::__private::CoveredBy<S> for $table {}
        };
    };
}
