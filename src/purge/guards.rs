//! What a job looks up in the catalog before it begins.

use std::collections::{HashSet, VecDeque};

use diesel::result::QueryResult;

use crate::connection::{Executor, Question};
use crate::declare::{Rows, TimeKind, deletion_time};
use crate::dialect::Dialect;
use crate::error::Error;
use crate::migration::{Shape, missing_purge_index};
use crate::schema::{Action, CatalogTable, Reach, Reference, read_table, same_column};

/// Refuses a table whose removal would reach rows of other tables, unless each of these tables is allowed.
///
/// The database removes or changes such a row in any state, so active rows too. On MariaDB the child's triggers do not
/// run, so they cannot prevent it. A table that is reached through a child counts as well.
pub(super) async fn reaches<X: Executor>(
    x: &mut X,
    dialect: Dialect,
    root: &CatalogTable,
    allowed: &[String],
) -> Result<(), Error> {
    let mut seen = HashSet::from([root.name.clone()]);
    let mut left = VecDeque::from([root.clone()]);
    while let Some(table) = left.pop_front() {
        for reference in &table.references {
            let (Action::Cascade | Action::SetNull | Action::SetDefault) = reference.on_delete else { continue };
            let is_near = reference.child.schema == root.name.schema;
            let is_named = |name: &String| *name == reference.child.plain() || is_near && *name == reference.child.name;
            let itself = reference.child == root.name;
            if !allowed.iter().any(is_named) {
                return Err(Error::PurgeReaches {
                    table: table.name.name.clone(),
                    child: if is_near { reference.child.name.clone() } else { reference.child.plain() },
                    columns: reference.columns.clone(),
                    action: reference.on_delete.sql(),
                });
            }
            if reference.on_delete == Action::Cascade && !itself && seen.insert(reference.child.clone()) {
                left.extend(read_table(x, dialect, &reference.child).await?);
            }
        }
    }
    Ok(())
}

/// Returns what the bound values of a key must be cast to, for each of its columns.
///
/// Diesel binds a text as `text`, and PostgreSQL then compares the column as `text` too. So it uses no index on the
/// column. A `char(n)` loses its blanks and no longer equals itself, and `citext` is not sorted in its own order.
pub(super) fn casts(dialect: Dialect, catalog: &CatalogTable, key: &[String]) -> Vec<Option<String>> {
    let cast = |name: &String| {
        let sql_type = catalog.column(dialect, name)?.sql_type.as_str();
        if dialect != Dialect::Postgres {
            None
        } else if sql_type == "bpchar" || sql_type == "character" || sql_type.starts_with("character(") {
            Some(String::from("bpchar"))
        } else if sql_type == "citext" || sql_type.ends_with(".citext") {
            Some(sql_type.to_owned())
        } else {
            None
        }
    };
    key.iter().map(cast).collect()
}

/// Returns notes on what an operator should know about the table before its rows are removed.
pub(super) fn facts(catalog: &CatalogTable, has_archive: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(engine) = &catalog.unsafe_engine {
        notes.push(format!(
            "the engine {engine} does not support transactions: rows of a batch that failed can be gone without being counted"
        ));
    }
    if catalog.gives_keys_again {
        let archive = if has_archive { ", which the archive then refuses if the number is unique there" } else { "" };
        notes.push(format!(
            "SQLite can give the number of a removed row to a new row{archive}: the primary key has no AUTOINCREMENT"
        ));
    }
    if catalog.foreign_keys_off && !catalog.references.is_empty() {
        notes.push(String::from(
            "this connection ignores foreign keys: children of removed rows stay, and can belong to a new row with the same \
             number. Switch them on with `PRAGMA foreign_keys = ON`",
        ));
    }
    if catalog.keeps_history {
        notes.push(String::from("the table is system-versioned: removed rows stay readable in its history"));
    }
    if catalog.hides_rows {
        notes.push(String::from(
            "row security applies to this user: rows that a policy hides are neither removed nor counted",
        ));
    }
    notes
}

/// Returns a note with the number of deleted rows whose timestamp does not tell their age.
pub(super) async fn unknown_times<X: Executor>(
    x: &mut X,
    dialect: Dialect,
    shape: &Shape,
    kind: Option<TimeKind>,
) -> QueryResult<Option<String>> {
    let (Some(column), Some(kind)) = (&shape.timestamp, kind) else { return Ok(None) };
    let name = dialect.quote(&column.name);
    let question = Question::select(dialect, &["COUNT(*)"]).sql(&format!(
        " FROM {} WHERE {} AND {name} IS NOT NULL AND NOT {}",
        shape.table.quoted(dialect),
        shape.predicate(dialect, Rows::Deleted, ""),
        deletion_time::text(kind, dialect, &name)
    ));
    let rows = x.query_text(question).await?.first().and_then(|row| row.number(0)).unwrap_or_default();
    let note = format!(
        "{rows} deleted rows stay, because the value of `{}` is not a time of a deletion (another format, a number in another \
         unit, a zero date, or a time before March 1973)",
        column.name
    );
    Ok((rows > 0).then_some(note))
}

/// The number of rows from which a table counts as large.
const LARGE: u64 = 100_000;

/// Returns a note if a missing index makes the job slow and the table is large.
pub(super) async fn index_note<X: Executor>(
    x: &mut X,
    dialect: Dialect,
    shape: &Shape,
    catalog: &CatalogTable,
    key: &[String],
) -> QueryResult<Option<String>> {
    let begins_with_key = |columns: Vec<&str>| {
        columns.len() >= key.len() && key.iter().zip(columns).all(|(one, other)| same_column(dialect, one, other))
    };
    let primary = catalog.primary_key.iter().map(String::as_str).collect();
    let has_key = begins_with_key(primary)
        || catalog.indexes.iter().any(|index| {
            let columns = index.keys.iter().map(|key| key.column.as_deref().unwrap_or_default()).collect();
            index.valid && index.ordered && index.predicate.is_none() && begins_with_key(columns)
        });
    let note = if !has_key {
        format!("no index begins with the key ({}): every batch reads the whole table", key.join(", "))
    } else if let Some(finding) = missing_purge_index(dialect, shape, catalog) {
        let sql = finding.sql.map(|sql| format!("; create one: {sql}")).unwrap_or_default();
        format!("no index serves the purge: a run reads the whole table{sql}")
    } else {
        return Ok(None);
    };
    let rows = x
        .query_text(Question::select(dialect, &["1"]).sql(&format!(
            " FROM {} LIMIT 1 OFFSET {}",
            shape.table.quoted(dialect),
            LARGE - 1
        )))
        .await?;
    Ok((!rows.is_empty()).then_some(note))
}

/// Returns the foreign keys that hold rows of a table, from the catalog.
///
/// It leaves out those that the database follows (`ON DELETE CASCADE`) or ignores. It also leaves out those that refer
/// to a part of the table. A row in another part may have the same key without being held.
pub(super) fn references(dialect: Dialect, catalog: &CatalogTable) -> Vec<Reference> {
    if catalog.foreign_keys_off {
        return Vec::new();
    }
    let holds = catalog.references.iter().filter(|reference| {
        matches!(reference.on_delete, Action::Nothing | Action::Restrict) && reference.reaches == Reach::Whole
    });
    holds.map(|reference| Reference::new(dialect, catalog, reference)).collect()
}
