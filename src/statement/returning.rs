//! `RETURNING`, where the backend has it.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;

use crate::dialect::{SoftDeleteBackend, SupportsReturning};

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
    DB: SoftDeleteBackend,
    DB::Returning: SupportsReturning<DB>,
    E: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(" RETURNING ");
        self.0.walk_ast(out)
    }
}
