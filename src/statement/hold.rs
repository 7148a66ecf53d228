//! What a hold adds to a statement that removes rows.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::QueryResult;

use crate::declare::{Hold, Rows, SoftDeletable};

/// Writes the test for rows that are not under hold, with `before` in front of it; nothing for a table
/// without a hold column.
pub(crate) fn walk_not_held<'b, T, DB>(table: &'b T, before: &str, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend,
    T: SoftDeletable + QueryFragment<DB>,
{
    let (Some(mode), Some(column)) = (T::Hold::MODE, T::Hold::column()) else { return Ok(()) };
    out.push_sql(before);
    mode.walk(Rows::Active, out, |mut out| {
        table.walk_ast(out.reborrow())?;
        out.push_sql(".");
        out.push_identifier(column.name)
    })
}
