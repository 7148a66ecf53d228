//! Rows that refer to each other in one table: they are removed from the leaves to the roots.
//!
//! InnoDB tests a foreign key row by row, and SQLite does with `ON DELETE RESTRICT`. So one DELETE of a comment and its
//! replies fails where it meets the comment first. (`DELETE IGNORE` would skip such a row, and keep what a trigger
//! `BEFORE DELETE` did for it.) PostgreSQL tests at the end of the statement.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::{DatabaseErrorKind as Kind, Error as DieselError, QueryResult};

use super::condition::Condition;
use crate::executor::Executor;
use crate::migration::{Dialect, Question, TableName};
use crate::purge::{dialect, read_table};

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
        // The comment is executed by MariaDB, which has no LATERAL, and by no other.
        let joins = dialect == Dialect::Mysql
            && x.ask(Question::select(dialect, &["0 /*M! + 1 */"])).await?.iter().all(|row| row.text(0) == "0");
        let (name, mut join, mut tests) = (table.quoted(dialect), String::new(), Vec::new());
        for (number, reference) in live.references.iter().filter(|reference| reference.child == live.name).enumerate() {
            let parents =
                if reference.parent_columns.is_empty() { &live.primary_key } else { &reference.parent_columns };
            let pairs = reference.columns.iter().zip(parents);
            let pairs =
                pairs.map(|(own, parent)| format!("dsd_row.{} = {name}.{}", dialect.quote(own), dialect.quote(parent)));
            let referring = format!("FROM {name} AS dsd_row WHERE {}", pairs.collect::<Vec<_>>().join(" AND "));
            if joins {
                join +=
                    &format!(" LEFT JOIN LATERAL (SELECT 1 AS dsd_found {referring} LIMIT 1) AS dsd_{number} ON TRUE");
                tests.push(format!("dsd_{number}.dsd_found IS NULL"));
            } else {
                tests.push(format!("NOT EXISTS (SELECT 1 {referring})"));
            }
        }
        Ok((!tests.is_empty()).then(|| Self { join, test: tests.join(" AND ") }))
    }
}

/// Whether a removal can have failed because its rows refer to each other.
pub(super) fn is_reference(error: &DieselError) -> bool {
    let DieselError::DatabaseError(kind, information) = error else { return false };
    let message = information.message();
    matches!(kind, Kind::ForeignKeyViolation | Kind::RestrictViolation)
        // SQLite says of a RESTRICT that a trigger failed.
        || message == "FOREIGN KEY constraint failed"
        // ON DELETE CASCADE through more than fifteen rows, as MySQL and MariaDB say it; MySQL also at a second such key.
        || message.starts_with("Foreign key cascade delete/update exceeds")
        || message.starts_with("Got error 193 ")
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
