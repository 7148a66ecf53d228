//! Reads a table from the catalog, one question after the other.

use super::catalog::{CatalogTable, Place};
use super::{mysql, postgres, sqlite};
use crate::connection::{Executor, Question, Row, ask};
use crate::dialect::{Dialect, TableName};
use crate::error::Error;

/// Reads a table from the catalog. It returns `None` if the catalog does not contain a table of this name.
pub(crate) async fn read_table<X: Executor>(
    x: &mut X,
    dialect: Dialect,
    table: &TableName,
) -> Result<Option<CatalogTable>, Error> {
    let locate = match dialect {
        Dialect::Postgres => postgres::locate(table),
        Dialect::Mysql => mysql::locate(table),
        Dialect::Sqlite => {
            // A query that names a database that is not attached is an error, so the attached ones are read first.
            let rows = ask(x, sqlite::databases(table)).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            let names: Vec<String> = rows.iter().map(|row| row.text(0).to_owned()).collect();
            sqlite::locate(table, &names)
        }
    };
    let rows = ask(x, locate).await?;
    let (place, questions): (_, fn(&Place) -> Vec<Question>) = match dialect {
        Dialect::Postgres => (postgres::place(&rows), postgres::questions),
        Dialect::Mysql => (mysql::place(table, &rows), mysql::questions),
        Dialect::Sqlite => (sqlite::place(&rows), sqlite::questions),
    };
    let Some(place) = place else { return Ok(None) };
    let mut answers: Vec<Vec<Row>> = Vec::new();
    for question in questions(&place) {
        answers.push(ask(x, question).await?);
    }
    Ok(Some(match dialect {
        Dialect::Postgres => postgres::table(place, &answers),
        Dialect::Mysql => mysql::table(place, &answers),
        Dialect::Sqlite => sqlite::table(place, &answers),
    }))
}

/// Returns the names of the triggers of a table.
pub(crate) async fn trigger_names<X: Executor>(
    x: &mut X,
    dialect: Dialect,
    table: &TableName,
) -> Result<Vec<String>, Error> {
    let question = match dialect {
        Dialect::Postgres => Question::select(dialect, &["tgname"])
            .sql(" FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = to_regclass(")
            .bind(&table.quoted(dialect))
            .sql(")"),
        Dialect::Mysql => {
            let question = Question::select(dialect, &["trigger_name"])
                .sql(" FROM information_schema.triggers WHERE event_object_table = ")
                .bind(&table.name)
                .sql(" AND event_object_schema = ");
            match &table.schema {
                Some(schema) => question.bind(schema),
                None => question.sql("DATABASE()"),
            }
        }
        Dialect::Sqlite => {
            let schema = table.schema.as_deref().unwrap_or("main");
            Question::select(dialect, &["name"])
                .sql(&format!(
                    " FROM {}.sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(",
                    dialect.quote(schema)
                ))
                .bind(&table.name)
                .sql(")")
        }
    };
    Ok(ask(x, question).await?.iter().map(|row| row.text(0).to_owned()).collect())
}
