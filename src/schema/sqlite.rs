//! The catalog of SQLite: pragmas as tables, and the SQL text of tables and indexes.

use super::catalog::{
    Action, CatalogCheck, CatalogColumn, CatalogIndex, CatalogReference, CatalogTable, IndexKey, IndexOrigin, Place,
    Reach, TableKind,
};
use super::tokens::{Kind, closing, tokens, top_level};
use crate::connection::{Question, Row};
use crate::dialect::{Dialect, TableName};

const DIALECT: Dialect = Dialect::Sqlite;

/// Returns the table that lists the tables of a database.
fn master(database: &str) -> String {
    let table = if database.eq_ignore_ascii_case("temp") { "sqlite_temp_master" } else { "sqlite_master" };
    format!("{}.{table}", DIALECT.quote(database))
}

/// Asks for the databases in which a query looks for the table, in SQLite's order.
///
/// These are the temporary database, then `main`, then the attached ones (<https://sqlite.org/lang_naming.html>).
pub(crate) fn databases(table: &TableName) -> Question {
    let question = Question::select(DIALECT, &["name"]).sql(" FROM pragma_database_list");
    let question = match &table.schema {
        Some(schema) => question.sql(" WHERE lower(name) = lower(").bind(schema).sql(")"),
        None => question,
    };
    question.sql(" ORDER BY seq <> 1, seq")
}

pub(crate) fn locate(table: &TableName, databases: &[String]) -> Question {
    let columns = &[
        "name",
        "type",
        "sql",
        "place",
        "(SELECT foreign_keys FROM pragma_foreign_keys)",
        "EXISTS (SELECT 1 FROM pragma_foreign_key_list(name, place))",
    ];
    let mut question = Question::select(DIALECT, columns).sql(" FROM (");
    for (place, database) in databases.iter().enumerate() {
        let (union, master) = (if place == 0 { "" } else { " UNION ALL " }, master(database));
        question = question
            .sql(&format!("{union}SELECT name, type, sql, {place} AS number, "))
            .bind(database)
            .sql(&format!(" AS place FROM {master} WHERE type IN ('table', 'view') AND lower(name) = lower("))
            .bind(&table.name)
            .sql(")");
    }
    question.sql(") ORDER BY number LIMIT 1")
}

pub(crate) fn place(rows: &[Row]) -> Option<Place> {
    let row = rows.first()?;
    let is_virtual = tokens(row.text(2)).get(1).is_some_and(|token| token.is("VIRTUAL"));
    let kind = match row.text(1) {
        "view" => TableKind::View,
        _ if is_virtual => TableKind::Other,
        _ => TableKind::Table,
    };
    let name = TableName { schema: row.optional(3), name: row.text(0).to_owned() };
    let (detail, is_special) = (row.text(2).to_owned(), row.text(4) == "0");
    Some(Place { name, kind, detail, is_special, has_heirs: false, has_parents: row.is_true(5) })
}

pub(crate) fn questions(place: &Place) -> Vec<Question> {
    let (table, schema) = (place.name.name.as_str(), place.name.schema.as_deref().unwrap_or("main"));
    let master = master(schema);
    vec![
        Question::select(DIALECT, &["name", "type", "\"notnull\" = 0", "dflt_value", "hidden IN (2, 3)", "pk"])
            .sql(" FROM pragma_table_xinfo(")
            .bind(table)
            .sql(", ")
            .bind(schema)
            .sql(") WHERE hidden <> 1 ORDER BY cid"),
        Question::select(DIALECT, &["l.name", "l.\"unique\"", "l.origin", "m.sql", "x.name"])
            .sql(" FROM pragma_index_list(")
            .bind(table)
            .sql(", ")
            .bind(schema)
            .sql(") AS l JOIN pragma_index_xinfo(l.name, ")
            .bind(schema)
            .sql(&format!(
                ") AS x LEFT JOIN {master} AS m ON m.type = 'index' AND m.name = l.name \
                 WHERE x.key = 1 ORDER BY l.name, x.seqno"
            )),
        Question::select(DIALECT, &["m.name", "f.id", "f.on_delete", "f.on_update", "f.\"from\"", "f.\"to\""])
            .sql(&format!(" FROM {master} AS m JOIN pragma_foreign_key_list(m.name, "))
            .bind(schema)
            .sql(") AS f WHERE m.type = 'table' AND lower(f.\"table\") = lower(")
            .bind(table)
            .sql(") ORDER BY m.name, f.id, f.seq"),
    ]
}

/// Asks for the foreign keys of a child. It returns `None` if the child is in another database, which a foreign key
/// cannot reach.
pub(crate) fn foreign_keys(child: &TableName, database: &str) -> Option<Question> {
    if child.schema.as_ref().is_some_and(|schema| !schema.eq_ignore_ascii_case(database)) {
        return None;
    }
    let columns = &["f.id", "f.database", "f.\"table\"", "f.\"from\"", "f.\"to\""];
    let question = Question::select(DIALECT, columns).sql(" FROM (SELECT *, ").bind(database);
    let question = question.sql(" AS database FROM pragma_foreign_key_list(").bind(&child.name).sql(", ");
    Some(question.bind(database).sql(")) AS f ORDER BY f.id, f.seq"))
}

pub(crate) fn table(place: Place, answers: &[Vec<Row>]) -> CatalogTable {
    let [columns, indexes, references] = super::several(answers);
    let indexes = collect_indexes(indexes);
    let mut key = columns.iter().filter(|row| row.number(5).is_some_and(|place| place > 0)).collect::<Vec<_>>();
    key.sort_by_key(|row| row.number(5));
    // An INTEGER PRIMARY KEY is another name for the rowid, and does not have an index of its own.
    let is_rowid = key.len() == 1
        && key[0].text(1).eq_ignore_ascii_case("integer")
        && indexes.iter().all(|index| index.origin != IndexOrigin::PrimaryKey);
    CatalogTable {
        columns: columns
            .iter()
            .map(|row| {
                let mut column = column(row);
                column.numbered = is_rowid && key[0].text(0) == column.name;
                column
            })
            .collect(),
        primary_key: key.iter().map(|row| row.text(0).to_owned()).collect(),
        indexes,
        checks: checks(&place.detail),
        references: collect_references(&place.name, references),
        kind: place.kind,
        name: place.name,
        unsafe_engine: None,
        foreign_keys_off: place.is_special,
        gives_keys_again: is_rowid && !tokens(&place.detail).iter().any(|token| token.is("AUTOINCREMENT")),
        keeps_history: false,
        hides_rows: false,
        has_heirs: false,
        has_parents: place.has_parents,
        partitioned_by: Vec::new(),
        delete_triggers: Vec::new(),
    }
}

fn column(row: &Row) -> CatalogColumn {
    CatalogColumn {
        name: row.text(0).to_owned(),
        sql_type: row.text(1).to_owned(),
        is_enum: false,
        nullable: row.is_true(2),
        default: row.optional(3).filter(|default| !default.eq_ignore_ascii_case("null")),
        generated: row.is_true(4),
        numbered: false,
        collation: None,
    }
}

fn collect_indexes(rows: &[Row]) -> Vec<CatalogIndex> {
    let mut indexes = Vec::<CatalogIndex>::new();
    for row in rows {
        if indexes.last().is_none_or(|last| last.name != row.text(0)) {
            indexes.push(CatalogIndex {
                name: row.text(0).to_owned(),
                unique: row.is_true(1),
                origin: match row.text(2) {
                    "pk" => IndexOrigin::PrimaryKey,
                    "u" => IndexOrigin::Constraint,
                    _ => IndexOrigin::Index,
                },
                keys: Vec::new(),
                included: Vec::new(),
                predicate: predicate(row.text(3)),
                definition: row.optional(3),
                valid: true,
                ordered: true,
                exclusion: None,
            });
        }
        let Some(index) = indexes.last_mut() else { continue };
        index.keys.push(IndexKey { column: row.optional(4), prefix: None });
    }
    indexes
}

/// Returns the text after the WHERE of a `CREATE INDEX`.
fn predicate(sql: &str) -> Option<String> {
    let tokens = tokens(sql);
    let place = top_level(&tokens, "WHERE").last()?;
    let (first, last) = (tokens.get(place + 1)?, tokens.last()?);
    Some(sql[first.span.start..last.span.end].to_owned())
}

/// Returns every CHECK in a `CREATE TABLE`.
fn checks(sql: &str) -> Vec<CatalogCheck> {
    let tokens = tokens(sql);
    let mut found = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let Some(open) = tokens.get(place + 1).filter(|next| token.is("CHECK") && next.is_symbol("(")) else {
            continue;
        };
        let Some(close) = closing(&tokens, place + 1) else { continue };
        let name = place.checked_sub(2).filter(|before| tokens[*before].is("CONSTRAINT"));
        let name = name.and_then(|before| match &tokens[before + 1].kind {
            Kind::Word(name) | Kind::Name(name) => Some(name.clone()),
            _ => None,
        });
        let expression = sql[open.span.end..tokens[close].span.start].to_owned();
        found.push(CatalogCheck { name, expression, validated: true });
    }
    found
}

fn collect_references(parent: &TableName, rows: &[Row]) -> Vec<CatalogReference> {
    let mut references = Vec::<CatalogReference>::new();
    let mut last = None;
    for row in rows {
        let key = (row.text(0), row.text(1));
        if last != Some(key) {
            last = Some(key);
            references.push(CatalogReference {
                parent: parent.clone(),
                reaches: Reach::Whole,
                child: parent.sibling(row.text(0)),
                child_is_partitioned: false,
                constraint: None,
                columns: Vec::new(),
                parent_columns: Vec::new(),
                collations: Vec::new(),
                on_delete: Action::parse(row.text(2)),
                on_update: Action::parse(row.text(3)),
                matching: "",
                deferrable: "",
            });
        }
        let Some(reference) = references.last_mut() else { continue };
        reference.columns.push(row.text(4).to_owned());
        // The column is NULL if the key refers to the primary key without naming it.
        reference.parent_columns.extend(row.optional(5));
    }
    references
}
