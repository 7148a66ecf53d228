//! The `DELETE` that removes soft-deleted rows for good.

use std::marker::PhantomData;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::expression::{Expression, NonAggregate, SelectableExpression};
use diesel::query_builder::{AsQuery, AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_source::{Column, Table};
use diesel::result::QueryResult;

use super::hold::walk_not_held;
use super::leaves::walk_delete;
use super::returning::{NoReturning, Returning};
use super::target::Condition;
use crate::declare::{BoundTime, Rows, SoftDeletable, State, TimeColumn, Timestamped, deletion_time};
use crate::dialect::SoftDeleteBackend;
use crate::schema::Leaves;

/// The value that the timestamp of a row is compared with.
pub(crate) type Cutoff<T> = BoundTime<
    <<T as SoftDeletable>::Stamp as Timestamped>::SqlType,
    <<T as SoftDeletable>::Stamp as Timestamped>::Unit,
>;

/// Writes the test for rows that a purge may remove: deleted, at a known time before the cutoff, and not under hold.
pub(crate) fn walk_purgeable<'b, T, DB>(
    table: &'b T,
    cutoff: &'b Cutoff<T>,
    mut out: AstPass<'_, 'b, DB>,
) -> QueryResult<()>
where
    DB: SoftDeleteBackend,
    T: SoftDeletable + QueryFragment<DB>,
    T::Stamp: Timestamped,
    Cutoff<T>: QueryFragment<DB>,
{
    T::State::MODE.walk(Rows::Deleted, out.reborrow(), |mut out| {
        table.walk_ast(out.reborrow())?;
        out.push_sql(".");
        out.push_identifier(<T::State as State>::Column::NAME)
    })?;
    let stamp = |mut out: AstPass<'_, 'b, DB>| {
        table.walk_ast(out.reborrow())?;
        out.push_sql(".");
        out.push_identifier(<T::Stamp as Timestamped>::Column::NAME)
    };
    out.push_sql(" AND (");
    stamp(out.reborrow())?;
    out.push_sql(" < ");
    cutoff.walk_ast(out.reborrow())?;
    out.push_sql(")");
    if let Some(kind) = T::Stamp::KIND {
        out.push_sql(" AND ");
        deletion_time::walk(kind, out.reborrow(), stamp)?;
    }
    walk_not_held(table, " AND ", out)
}

/// The `DELETE` of a purge: what `.purge_older_than(..)` and `.purge_deleted_before(..)` return.
#[derive(Clone)]
#[must_use = "a purge does nothing until `.execute(conn)` or `.run(conn)`"]
pub struct Purge<T, P, G, R = NoReturning>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(crate) table: T,
    pub(crate) condition: Condition<P, G>,
    pub(crate) cutoff: Cutoff<T>,
    returning: R,
}

impl<T, P, G> Purge<T, P, G>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(crate) fn older_than(table: T, condition: Condition<P, G>, age: TimeDelta) -> Self {
        Self { table, condition, cutoff: BoundTime::ago(age), returning: NoReturning }
    }

    pub(crate) fn deleted_before(table: T, condition: Condition<P, G>, cutoff: DateTime<Utc>) -> Self {
        Self { table, condition, cutoff: BoundTime::cutoff(cutoff), returning: NoReturning }
    }

    /// Returns columns of the removed rows, where the backend has `RETURNING` (PostgreSQL; SQLite
    /// behind the feature `returning_clauses_for_sqlite_3_35`).
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let gone: Vec<String> =
    ///     posts::table.purge_older_than(chrono::TimeDelta::days(30)).returning(posts::title).get_results(conn)?;
    /// assert_eq!(gone, ["Two"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn returning<E>(self, columns: E) -> Purge<T, P, G, Returning<E>>
    where
        E: SelectableExpression<T> + NonAggregate,
    {
        Purge { table: self.table, condition: self.condition, cutoff: self.cutoff, returning: Returning(columns) }
    }
}

impl<T, P, G, R, DB> QueryFragment<DB> for Purge<T, P, G, R>
where
    DB: SoftDeleteBackend,
    T: SoftDeletable + QueryFragment<DB>,
    T::Stamp: Timestamped,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
    Cutoff<T>: QueryFragment<DB>,
    R: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.walk(None, out)
    }
}

impl<T, P, G, R> Purge<T, P, G, R>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    /// Writes the statement, or that for the leaves among its rows.
    pub(super) fn walk<'b, DB>(&'b self, leaves: Option<&'b Leaves>, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
        P: QueryFragment<DB>,
        G: QueryFragment<DB>,
        Cutoff<T>: QueryFragment<DB>,
        R: QueryFragment<DB>,
    {
        walk_delete(&self.table, &self.condition, leaves, out.reborrow())?;
        walk_purgeable(&self.table, &self.cutoff, out.reborrow())?;
        self.returning.walk_ast(out)
    }
}

/// The query id of a purge.
#[derive(Debug)]
pub struct PurgeId<T, P, R>(PhantomData<(T, P, R)>);

impl<T, P, G, R> QueryId for Purge<T, P, G, R>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
    P: QueryId,
    R: QueryId,
{
    type QueryId = PurgeId<T, P::QueryId, R::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = P::HAS_STATIC_QUERY_ID && R::HAS_STATIC_QUERY_ID;
}

impl<T, P, G, E> Query for Purge<T, P, G, Returning<E>>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
    E: SelectableExpression<T> + NonAggregate,
{
    type SqlType = E::SqlType;
}

impl<T, P, G> AsQuery for Purge<T, P, G, NoReturning>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
    T::AllColumns: NonAggregate,
{
    type SqlType = <T::AllColumns as Expression>::SqlType;
    type Query = Purge<T, P, G, Returning<T::AllColumns>>;

    fn as_query(self) -> Self::Query {
        self.returning(<T as Table>::all_columns())
    }
}

impl<T, P, G, R, Conn> RunQueryDsl<Conn> for Purge<T, P, G, R>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
}

impl<T, P, G, R> std::fmt::Debug for Purge<T, P, G, R>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Purge").field("table", &T::table_name()).finish_non_exhaustive()
    }
}
