//! The where clause of a target, kept apart from what a verb adds to it.

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
/// Diesel does not put raw SQL into parentheses, and a where clause writes its own ` WHERE `. A
/// guard appended to `id = 1 OR id = 2` would bind to the second half only, so a where clause
/// that may be such a thing is kept as `(<where clause> AND TRUE)`: whatever it is, Diesel
/// groups that.
#[derive(Debug, Clone, Copy)]
pub enum Condition<P, G> {
    /// Diesel's own expressions, which are grouped; or no where clause at all.
    Plain(P),
    /// Anything else, grouped.
    Grouped(G),
}

impl<P, G> Condition<P, G> {
    /// Writes the where clause and what must stand before a further predicate.
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

    /// Writes the where clause alone.
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

/// What a verb can be called on: a table, a table with `find` or `filter`, `&model`,
/// `belonging_to`.
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
    /// Takes the where clause out.
    fn into_condition(self) -> Condition<Self::Plain, Self::Grouped>;
}

/// A [`Target`] in a soft-deletable table: the one bound that the verbs need in a generic function. See
/// [`RunsOn`](crate::methods::RunsOn).
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
