//! Reads a table of the live schema.

use diesel::result::QueryResult;

use super::catalog::{LiveTable, Reading};
use crate::connection::{Executor, Inquiry};
use crate::dialect::{Dialect, TableName};

/// Reads a table from the catalog; `None` if there is none of this name.
pub(crate) async fn read_table<X: Executor>(
    x: &mut X,
    dialect: Dialect,
    table: &TableName,
) -> QueryResult<Option<LiveTable>> {
    let mut reading = Reading::new(dialect, table.clone());
    while let Some(question) = reading.next() {
        let rows = x.query_text(question).await?;
        reading.answer(rows);
    }
    Ok(reading.finish())
}
