//! Joins whose ON clause contains the predicate of the joined table.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::BoolOrNullableBool;

use super::filter::writes_its_own_parentheses;
use super::source::{CarriesPredicateOf, Predicate, Scope};
use crate::diesel_internals::{InternalJoinDsl, JoinTo};

/// An ON clause with the predicate of the joined table, alias or join `R`.
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
        // As in WHERE, `a OR b` would bypass the predicate.
        let grouped = On::HAS_STATIC_QUERY_ID && writes_its_own_parentheses(std::any::type_name::<On>());
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
    note = "it needs `joinable!` between the two tables (or `right.on_active(on_clause)`), and a declaration of `{R}`"
)]
pub trait JoinActive<R, Kind> {
    /// The joined query.
    type Output;
    /// Joins the two.
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
