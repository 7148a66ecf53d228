//! `RETURNING`, where the backend has it.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;

/// No `RETURNING` clause.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct NoReturning;

impl<DB: Backend> QueryFragment<DB> for NoReturning {
    fn walk_ast<'b>(&'b self, _: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        Ok(())
    }
}

/// `RETURNING <columns>`.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct Returning<E>(pub(crate) E);

impl<E, DB> QueryFragment<DB> for Returning<E>
where
    DB: Backend + SupportsReturning,
    E: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(" RETURNING ");
        self.0.walk_ast(out)
    }
}

/// A backend with `UPDATE .. RETURNING` and `DELETE .. RETURNING`: PostgreSQL, and SQLite behind
/// the feature `returning_clauses_for_sqlite_3_35`.
///
/// Implement it for the backend of a `MultiConnection` all of whose connections have it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `RETURNING` clause",
    note = "PostgreSQL has one; SQLite has one behind the feature `returning_clauses_for_sqlite_3_35`; MySQL has none, MariaDB none for UPDATE",
    note = "without one: `.execute(conn)` for the number of changed rows, then a query for the rows"
)]
pub trait SupportsReturning {}

#[cfg(feature = "postgres_backend")]
impl SupportsReturning for diesel::pg::Pg {}

#[cfg(feature = "returning_clauses_for_sqlite_3_35")]
impl SupportsReturning for diesel::sqlite::Sqlite {}
