//! Rows that refer to each other in one table are removed from the leaves to the roots.
//!
//! InnoDB tests a foreign key row by row, and so does SQLite with `ON DELETE RESTRICT`. There one DELETE of a comment
//! and its replies fails if it reaches the comment first. PostgreSQL tests at the end of the statement. `DELETE
//! IGNORE` is not a solution: a skipped row keeps its place, but the changes of its trigger `BEFORE DELETE` stay too.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::QueryResult;

use super::target::Condition;
use crate::connection::{Executor, dialect};
use crate::dialect::{Dialect, TableName};
use crate::schema::{Leaves, Reference, read_table};

/// How the leaves of a table are deleted first. It is `None` if no foreign key of the table refers to the table
/// itself, or if the database accepts any order.
pub(super) async fn leaves_of<X: Executor>(x: &mut X, table: TableName) -> QueryResult<Option<Leaves>> {
    let dialect = dialect(x).await?;
    if dialect == Dialect::Postgres {
        return Ok(None);
    }
    let Some(catalog) = read_table(x, dialect, &table).await? else { return Ok(None) };
    let own = catalog.references.iter().filter(|reference| reference.child == catalog.name);
    let own: Vec<_> = own.map(|reference| Reference::new(dialect, &catalog, reference)).collect();
    Ok((!own.is_empty()).then(|| Leaves::new(dialect, &table.quoted(dialect), own.iter())))
}

/// Writes `DELETE FROM "posts" WHERE .. AND `, for the leaves alone or for all rows. The test of the rows has to
/// follow.
pub(super) fn walk_delete<'b, T, P, G, DB>(
    table: &'b T,
    condition: &'b Condition<P, G>,
    leaves: Option<&'b Leaves>,
    mut out: AstPass<'_, 'b, DB>,
) -> QueryResult<()>
where
    DB: Backend,
    T: QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
{
    let all = Leaves::default();
    let leaves = leaves.unwrap_or(&all);
    leaves.walk_delete_from(table, out.reborrow())?;
    condition.walk_and(out.reborrow())?;
    for test in leaves.tests() {
        out.push_sql(test);
        out.push_sql(" AND ");
    }
    Ok(())
}
