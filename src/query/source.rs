//! The predicates of tables, aliases and joins, as `active()` needs them.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::Expression;
use diesel::query_builder::{AstPass, QueryId};
use diesel::query_source::{Alias, AliasSource, Column, QuerySource};
use diesel::result::QueryResult;
use diesel::sql_types::{Bool, BoolOrNullableBool, Nullable, SingleValue, SqlType, is_nullable};

use super::table::{ActiveRows, Qualify, RowKind, Source, StateColumn, StateTest};
use crate::declare::{Declared, NotSoftDeletable, SoftDeletable, SoftDeleted, State};
use crate::diesel_internals::{FromClause, Inner, Join, JoinOn, LeftOuter, SelectStatement};

/// A predicate whose type says what it writes.
pub trait Predicate<DB: Backend> {
    /// Whether it writes nothing.
    const EMPTY: bool;
    /// Writes the predicate.
    fn walk(out: AstPass<'_, '_, DB>) -> QueryResult<()>;
}

/// No predicate. A table of `not_soft_deletable!` has none, and an ON clause may already carry it.
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

/// A predicate that filters rows.
#[diagnostic::on_unimplemented(
    message = "`.active()` has nothing to filter here: the table is declared not soft-deletable",
    note = "leave `.active()` out, or replace `not_soft_deletable!` by a soft-delete declaration"
)]
pub trait FiltersSomething {}

impl<Src, K> FiltersSomething for StateTest<Src, K> {}
impl<A, B> FiltersSomething for Both<A, B> {}

/// A query source whose type determines the predicate of `active()`.
#[diagnostic::on_unimplemented(
    message = "`.active()` meets `{Self}`, which is an undeclared table",
    label = "no soft-delete declaration",
    note = "if its rows can be soft-deleted: `#[derive(SoftDeletable)]` on a model, or `soft_deletable! {{ table_name {{ .. }} }}` beside `table!`",
    note = "if not: `not_soft_deletable!(table_name);` beside `table!`"
)]
pub trait Scope {
    /// The predicate.
    type Active;
}

/// The predicate of a table or an alias of this kind.
pub trait KindScope<Src> {
    /// The predicate.
    type Active;
}

impl<Src: Source> KindScope<Src> for SoftDeleted {
    type Active = StateTest<Src, ActiveRows>;
}

impl<Src> KindScope<Src> for NotSoftDeletable {
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

// Diesel wraps the right side of a join in a select if it is itself a join.
impl<F> Scope for SelectStatement<FromClause<F>>
where
    F: QuerySource + Scope,
{
    type Active = F::Active;
}

/// The SQL type of an ON clause that carries the predicate of `R`. In SQL it is a boolean.
///
/// The type distinguishes such an ON clause from all others, which have the type `Bool` or `Nullable<Bool>`. A trait
/// on the ON clause could not, since any expression can be an ON clause.
#[derive(Debug, Clone, Copy)]
pub struct CarriesPredicateOf<R>(PhantomData<R>);

impl<R: 'static> SqlType for CarriesPredicateOf<R> {
    type IsNull = is_nullable::NotNull;
    const IS_ARRAY: bool = false;
}
impl<R> SingleValue for CarriesPredicateOf<R> where Self: SqlType {}
impl<R> BoolOrNullableBool for CarriesPredicateOf<R> {}

/// The SQL type of the ON clause of an inner join of `R`.
#[diagnostic::on_unimplemented(
    message = "this ON clause carries the predicate of only a part of the joined tables, so `.active()` would not filter the rest",
    note = "`.on_active(..)` comes last: `right.inner_join(other).on_active(on_clause)`, not `right.on_active(on_clause).inner_join(other)`"
)]
pub trait InnerOn<R> {
    /// The predicate that `active()` still has to add to WHERE.
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

/// The SQL type of the ON clause of a left outer join of `R` that an `.active()` query may contain.
#[diagnostic::on_unimplemented(
    message = "this ON clause carries the predicate of only a part of the joined tables, so `.active()` would not filter the rest",
    note = "`.on_active(..)` comes last: `right.inner_join(other).on_active(on_clause)`, not `right.on_active(on_clause).inner_join(other)`"
)]
pub trait LeftOn<R> {}

impl<R> LeftOn<R> for CarriesPredicateOf<R> {}
impl<R: LeftJoinedPlainly> LeftOn<R> for Bool {}
impl<R: LeftJoinedPlainly> LeftOn<R> for Nullable<Bool> {}

/// A table that Diesel's `left_join` may join in an `.active()` query, since it needs no filter.
#[diagnostic::on_unimplemented(
    message = "`.active()` after a plain `left_join` of `{Self}` would put its predicate into WHERE, where it drops left rows",
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

/// The first table of a query source, which `deleted()` filters.
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
