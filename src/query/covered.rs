//! The check that `active()` comes after the joins, or that the joins carry their own predicate.

use diesel::expression::Expression;
use diesel::query_source::{Alias, AliasSource, AppearsInFromClause, Once, QuerySource};
use diesel::sql_types::{Bool, Nullable};

use super::source::CarriesPredicateOf;
use crate::declare::{Declared, NotSoftDeletable, SoftDeleted};
use crate::diesel_internals::{FromClause, Join, JoinOn, SelectStatement};

/// A query source whose tables are all filtered by an `active()` over the source `S`.
///
/// So `posts.active().inner_join(users)` does not compile: `active()` did not know `users`, and deleted users would
/// show.
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

/// A kind of table whose rows an `active()` over `S` filters, or that needs no filter.
pub trait KindCoveredBy<T, S> {}

impl<T, S> KindCoveredBy<T, S> for NotSoftDeletable {}

impl<T, S> KindCoveredBy<T, S> for SoftDeleted
where
    S: AppearsInFromClause<T>,
    S::Count: WasThere<T>,
{
}

/// How often a table appears in the source of an `active()`.
#[diagnostic::on_unimplemented(
    message = "`{T}` is joined after `.active()`: its deleted rows would show",
    label = "this query filters only the tables that were there when `.active()` was called",
    note = "call `.active()` after the last join, or join with `inner_join_active(..)` / `left_join_active(..)`",
    note = "to filter one table only, write `.filter(diesel_soft_delete::is_active(table))`"
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

// Diesel represents a subquery over `L` inside a query over `R` as this `Join`.
impl<L, R, K, S> CoveredBy<S> for Join<L, R, K>
where
    L: QuerySource + CoveredBy<S>,
    R: QuerySource,
{
}

impl<F, S> CoveredBy<S> for SelectStatement<FromClause<F>> where F: QuerySource + CoveredBy<S> {}

/// The SQL type of the ON clause of a join of `R`, if the clause or the `active()` over `S` filters `R`.
#[diagnostic::on_unimplemented(
    message = "this ON clause carries the predicate of only a part of the joined tables, so `.active()` would not filter the rest",
    note = "`.on_active(..)` comes last: `right.inner_join(other).on_active(on_clause)`, not `right.on_active(on_clause).inner_join(other)`"
)]
pub trait OnCovers<R, S> {}

impl<R: CoveredBy<S>, S> OnCovers<R, S> for Bool {}
impl<R: CoveredBy<S>, S> OnCovers<R, S> for Nullable<Bool> {}
impl<R, S> OnCovers<R, S> for CarriesPredicateOf<R> {}
