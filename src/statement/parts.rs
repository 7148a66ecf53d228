//! What `.set(..)` and `.only_if(..)` add to a statement.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;

/// No `.set(..)`.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct NoChanges;

impl<DB: Backend> QueryFragment<DB> for NoChanges {
    fn walk_ast<'b>(&'b self, _: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        Ok(())
    }
}

/// The assignments of `.set(..)`.
#[derive(Debug, Clone, Copy)]
pub struct Changes<U>(pub(super) U);

impl<U, DB> QueryFragment<DB> for Changes<U>
where
    DB: Backend,
    U: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

// The assigned columns vary at run time (`Option` fields), so there is no static id. Diesel then caches the statement
// by its text, which is safe.
impl<U> QueryId for Changes<U> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// No `.only_if(..)`.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct NoCondition;

impl<DB: Backend> QueryFragment<DB> for NoCondition {
    fn walk_ast<'b>(&'b self, _: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        Ok(())
    }
}

/// The earlier conditions, and that of one more `.only_if(..)`.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct OnlyIf<C, E>(pub(super) C, pub(super) E);

impl<C, E, DB> QueryFragment<DB> for OnlyIf<C, E>
where
    DB: Backend,
    C: QueryFragment<DB>,
    E: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        // The condition may be raw SQL, which nothing else groups.
        out.push_sql(" AND (");
        self.1.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
