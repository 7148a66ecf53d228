//! Rows that refer to each other in one table: they are removed from the leaves to the roots.
//!
//! InnoDB tests a foreign key row by row, and so does SQLite with `ON DELETE RESTRICT`. One DELETE of a comment and its
//! replies therefore fails where it meets the comment first. (`DELETE IGNORE` would skip such a row, and keep what a trigger
//! `BEFORE DELETE` did for it.) PostgreSQL tests at the end of the statement.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::QueryResult;

use super::condition::Condition;
use crate::executor::Executor;
use crate::migration::{Dialect, TableName};
use crate::purge::{dialect, read_table};
use crate::references::Reference;

/// How a DELETE leaves out the rows of its table that others of the table refer to.
#[derive(Debug)]
pub struct Leaves {
    /// What is joined: MySQL cannot read in a subquery what it deletes from.
    join: String,
    /// The test that no row refers to this one.
    test: String,
}

impl Leaves {
    /// `None` if no foreign key of the table refers to the table itself, or if the database takes the rows in any order.
    pub(super) async fn of<X: Executor>(x: &mut X, table: TableName) -> QueryResult<Option<Self>> {
        let dialect = dialect(x).await?;
        if dialect == Dialect::Postgres {
            return Ok(None);
        }
        let Some(live) = read_table(x, dialect, &table).await? else { return Ok(None) };
        let (name, mut join, mut tests) = (table.quoted(dialect), String::new(), Vec::new());
        let own = live.references.iter().filter(|reference| reference.child == live.name);
        for (place, reference) in own.map(|reference| Reference::new(dialect, &live, reference)).enumerate() {
            if dialect == Dialect::Mysql {
                let (joined, test) = reference.outer_join(&name, place);
                join += &joined;
                tests.push(test);
            } else {
                tests.push(format!("NOT {}", reference.exists(&name)));
            }
        }
        Ok((!tests.is_empty()).then(|| Self { join, test: tests.join(" AND ") }))
    }
}

/// `DELETE FROM "posts" WHERE .. AND `, before the test for the rows that may go; of the leaves alone, or of all rows.
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
    out.push_sql("DELETE ");
    let join = leaves.map_or("", |leaves| leaves.join.as_str());
    if !join.is_empty() {
        table.walk_ast(out.reborrow())?;
        out.push_sql(" ");
    }
    out.push_sql("FROM ");
    table.walk_ast(out.reborrow())?;
    out.push_sql(join);
    condition.walk_and(out.reborrow())?;
    if let Some(leaves) = leaves {
        out.push_sql(&leaves.test);
        out.push_sql(" AND ");
    }
    Ok(())
}
