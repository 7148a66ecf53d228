//! The where clause of a target, apart from what a verb adds to it.

use diesel::associations::{HasTable, Identifiable};
use diesel::backend::Backend;
use diesel::dsl::Find;
use diesel::query_builder::{AstPass, IntoUpdateTarget, QueryFragment, QueryId};
use diesel::query_dsl::methods::{FilterDsl, FindDsl};
use diesel::query_source::QuerySource;
use diesel::result::QueryResult;

use crate::declare::SoftDeletable;
use crate::diesel_internals::{FromClause, SelectStatement, writes_nothing};
use crate::query::{Grouping, is_grouped};

/// The rows that a verb is called on.
///
/// Diesel does not group raw SQL, so a guard appended to `id = 1 OR id = 2` would apply only to the second half. A
/// where clause that may be such SQL is therefore kept as `(<where clause> AND TRUE)`, which Diesel groups.
#[derive(Debug, Clone, Copy)]
pub enum Condition<P, G> {
    /// A where clause of Diesel's own expressions, which are grouped, or no where clause.
    Plain(P),
    /// Any other where clause, grouped.
    Grouped(G),
}

impl<P, G> Condition<P, G> {
    /// Writes the where clause and ` AND `, or ` WHERE ` without one.
    pub(crate) fn walk_and<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        P: QueryFragment<DB>,
        G: QueryFragment<DB>,
    {
        match self {
            Self::Plain(plain) if writes_nothing(plain, &out)? => out.push_sql(" WHERE "),
            Self::Plain(plain) => {
                plain.walk_ast(out.reborrow())?;
                out.push_sql(" AND ");
            }
            Self::Grouped(grouped) => {
                grouped.walk_ast(out.reborrow())?;
                out.push_sql(" AND ");
            }
        }
        Ok(())
    }

    /// Writes the where clause, if there is one.
    pub(crate) fn walk_alone<'b, DB>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        P: QueryFragment<DB>,
        G: QueryFragment<DB>,
    {
        match self {
            Self::Plain(plain) => plain.walk_ast(out),
            Self::Grouped(grouped) => grouped.walk_ast(out),
        }
    }
}

/// What a verb can be called on: a table, a table with `find` or `filter`, `&model`, or `belonging_to`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a target for `soft_delete`, `restore` or a purge",
    note = "a target is a soft-deletable table, such a table with only `find` or `filter` called on it, `Child::belonging_to(&parent)`, \
            or a reference to a model that is `Identifiable`"
)]
pub trait Target: IntoUpdateTarget {
    /// The where clause as it is.
    type Plain;
    /// The where clause, grouped.
    type Grouped;
    /// Takes the where clause out of the target.
    fn into_condition(self) -> Condition<Self::Plain, Self::Grouped>;
}

/// A [`Target`] in a soft-deletable table. A generic function needs this bound to call a verb.
///
/// [`RunsOn`](crate::methods::RunsOn) has an example.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a target in a soft-deletable table",
    note = "a target is a soft-deletable table, such a table with only `find` or `filter` called on it, `Child::belonging_to(&parent)`, \
            or a reference to a model that is `Identifiable`"
)]
pub trait SoftDeleteTarget: Target + HasTable<Table: SoftDeletable> {}

impl<Q> SoftDeleteTarget for Q where Q: Target + HasTable<Table: SoftDeletable> {}

impl<F, S, D, W> Target for SelectStatement<FromClause<F>, S, D, W>
where
    F: QuerySource,
    Self: IntoUpdateTarget<WhereClause = W> + FilterDsl<Grouping>,
    W: QueryId,
    <Self as FilterDsl<Grouping>>::Output: IntoUpdateTarget,
{
    type Plain = W;
    type Grouped = <<Self as FilterDsl<Grouping>>::Output as IntoUpdateTarget>::WhereClause;

    fn into_condition(self) -> Condition<Self::Plain, Self::Grouped> {
        if is_grouped::<W>() {
            Condition::Plain(self.into_update_target().where_clause)
        } else {
            Condition::Grouped(FilterDsl::filter(self, Grouping).into_update_target().where_clause)
        }
    }
}

impl<M> Target for &M
where
    Self: Identifiable + IntoUpdateTarget,
    <Self as HasTable>::Table: FindDsl<<Self as Identifiable>::Id>,
    Find<<Self as HasTable>::Table, <Self as Identifiable>::Id>: Target,
{
    type Plain = <Find<<Self as HasTable>::Table, <Self as Identifiable>::Id> as Target>::Plain;
    type Grouped = <Find<<Self as HasTable>::Table, <Self as Identifiable>::Id> as Target>::Grouped;

    fn into_condition(self) -> Condition<Self::Plain, Self::Grouped> {
        FindDsl::find(<Self as HasTable>::table(), self.id()).into_condition()
    }
}
