//! `active()` comes after the joins, or the joins carry their own predicate.

use diesel::expression::Expression;
use diesel::query_source::{Alias, AliasSource, AppearsInFromClause, Once, QuerySource};
use diesel::sql_types::{Bool, Nullable};

use super::source::CarriesPredicateOf;
use crate::declare::{Declared, Plain, SoftDeleted};
use crate::diesel_internals::{FromClause, Join, JoinOn, SelectStatement};

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
#[diagnostic::on_unimplemented(
    message = "this ON clause carries the predicate of a part of what is joined, so `.active()` would not filter the rest",
    note = "`.on_active(..)` comes last: `right.inner_join(other).on_active(on_clause)`, not `right.on_active(on_clause).inner_join(other)`"
)]
pub trait OnCovers<R, S> {}

impl<R: CoveredBy<S>, S> OnCovers<R, S> for Bool {}
impl<R: CoveredBy<S>, S> OnCovers<R, S> for Nullable<Bool> {}
impl<R, S> OnCovers<R, S> for CarriesPredicateOf<R> {}
