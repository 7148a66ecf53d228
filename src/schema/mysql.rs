//! The catalog of MySQL and MariaDB: the part of `information_schema` that both of them have.

use super::catalog::{
    Action, CatalogColumn, CatalogIndex, CatalogReference, CatalogTable, IndexKey, IndexOrigin, Place, Reach,
    TableKind, same_column,
};
use crate::connection::{Question, Row};
use crate::dialect::{Dialect, TableName};

const DIALECT: Dialect = Dialect::Mysql;

pub(crate) fn locate(table: &TableName) -> Question {
    let columns = &[
        "table_schema",
        "table_name",
        "table_type",
        "@@lower_case_table_names",
        "(SELECT e.engine FROM information_schema.engines AS e WHERE e.engine = t.engine AND e.transactions <> 'YES')",
    ];
    let question = Question::select(DIALECT, columns)
        .sql(" FROM information_schema.tables AS t WHERE table_name = ")
        .bind(&table.name)
        .sql(" AND table_schema = ");
    match &table.schema {
        Some(schema) => question.bind(schema),
        None => question.sql("DATABASE()"),
    }
}

/// Returns the table that the name means. The catalog compares names without case, but queries on most systems compare
/// with it.
pub(crate) fn place(table: &TableName, rows: &[Row]) -> Option<Place> {
    let is_exact = |row: &&Row| row.text(1) == table.name;
    let is_same = |row: &&Row| row.text(3) != "0" && same_column(DIALECT, row.text(1), &table.name);
    let row = rows.iter().find(is_exact).or_else(|| rows.iter().find(is_same))?;
    let kind = match row.text(2) {
        "BASE TABLE" | "SYSTEM VERSIONED" | "TEMPORARY" => TableKind::Table,
        "VIEW" | "SYSTEM VIEW" => TableKind::View,
        _ => TableKind::Other,
    };
    let name = TableName { schema: row.optional(0), name: row.text(1).to_owned() };
    let is_special = row.text(2) == "SYSTEM VERSIONED";
    Some(Place { name, kind, detail: row.text(4).to_owned(), is_special, has_heirs: false, has_parents: false })
}

pub(crate) fn questions(place: &Place) -> Vec<Question> {
    let of_table = |question: Question, from: &str, prefix: &str, order: &str| {
        question
            .sql(from)
            .sql(&format!(" WHERE {prefix}table_schema = "))
            .bind(place.name.schema.as_deref().unwrap_or_default())
            .sql(&format!(" AND {prefix}table_name = "))
            .bind(&place.name.name)
            .sql(order)
    };
    let columns =
        &["table_name", "column_name", "column_type", "is_nullable", "column_default", "extra", "collation_name"];
    let indexes = &["table_name", "index_name", "non_unique", "column_name", "sub_part", "index_type"];
    let references = &[
        "k.referenced_table_name",
        "k.table_schema",
        "k.table_name",
        "k.constraint_name",
        "r.delete_rule",
        "r.update_rule",
        "k.column_name",
        "k.referenced_column_name",
    ];
    vec![
        of_table(
            Question::select(DIALECT, columns),
            " FROM information_schema.columns",
            "",
            " ORDER BY ordinal_position",
        ),
        of_table(
            Question::select(DIALECT, indexes),
            " FROM information_schema.statistics",
            "",
            " ORDER BY index_name, seq_in_index",
        ),
        of_table(
            Question::select(DIALECT, references),
            " FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r \
             ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name \
             AND r.table_name = k.table_name",
            "k.referenced_",
            " ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position",
        ),
    ]
}

/// Asks for the foreign keys of a child.
pub(crate) fn foreign_keys(child: &TableName) -> Question {
    let columns = &[
        "k.constraint_name",
        "k.referenced_table_schema",
        "k.referenced_table_name",
        "k.column_name",
        "k.referenced_column_name",
        "k.table_name",
        "@@lower_case_table_names",
    ];
    let question = Question::select(DIALECT, columns)
        .sql(" FROM information_schema.key_column_usage AS k WHERE k.referenced_table_name IS NOT NULL AND k.table_name = ")
        .bind(&child.name)
        .sql(" AND k.table_schema = ");
    let question = match &child.schema {
        Some(schema) => question.bind(schema),
        None => question.sql("DATABASE()"),
    };
    question.sql(" ORDER BY k.constraint_name, k.ordinal_position")
}

/// Returns whether a row of [`foreign_keys`] belongs to this table, since the catalog compares names without case.
pub(crate) fn is_of(child: &TableName, row: &Row) -> bool {
    row.text(5) == child.name || row.text(6) != "0" && same_column(DIALECT, row.text(5), &child.name)
}

pub(crate) fn table(place: Place, answers: &[Vec<Row>]) -> CatalogTable {
    let [columns, indexes, references] = super::several(answers);
    let mine = |row: &&Row| row.text(0) == place.name.name;
    let indexes = collect_indexes(indexes.iter().filter(mine));
    let primary_key = indexes.iter().find(|index| index.origin == IndexOrigin::PrimaryKey);
    let primary_key = primary_key.map(|index| index.keys.iter().filter_map(|key| key.column.clone()).collect());
    CatalogTable {
        columns: columns.iter().filter(mine).map(column).collect(),
        primary_key: primary_key.unwrap_or_default(),
        indexes,
        // A CHECK makes MySQL copy the table, so the migrations write none here, and none is read.
        checks: Vec::new(),
        references: collect_references(&place.name, references.iter().filter(mine)),
        kind: place.kind,
        name: place.name,
        unsafe_engine: Some(place.detail).filter(|engine| !engine.is_empty()),
        foreign_keys_off: false,
        gives_keys_again: false,
        keeps_history: place.is_special,
        hides_rows: false,
        has_heirs: false,
        has_parents: false,
        partitioned_by: Vec::new(),
        delete_triggers: Vec::new(),
    }
}

fn column(row: &Row) -> CatalogColumn {
    let extra = row.text(5).to_ascii_uppercase();
    CatalogColumn {
        name: row.text(1).to_owned(),
        sql_type: row.text(2).to_owned(),
        is_enum: false,
        nullable: row.is_true(3),
        // MariaDB prints the default as SQL, so it can be the word NULL. MySQL prints the bare value.
        default: row.optional(4).filter(|default| !default.eq_ignore_ascii_case("null")),
        // The words are listed because `DEFAULT_GENERATED` is only a default that is an expression.
        generated: ["VIRTUAL", "STORED", "PERSISTENT"].iter().any(|word| extra.contains(word)),
        numbered: extra.contains("AUTO_INCREMENT"),
        collation: row.optional(6),
    }
}

fn collect_indexes<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<CatalogIndex> {
    let mut indexes = Vec::<CatalogIndex>::new();
    for row in rows {
        if indexes.last().is_none_or(|last| last.name != row.text(1)) {
            let name = row.text(1).to_owned();
            let origin = if name == "PRIMARY" { IndexOrigin::PrimaryKey } else { IndexOrigin::Index };
            indexes.push(CatalogIndex {
                name,
                unique: row.text(2) == "0",
                origin,
                keys: Vec::new(),
                included: Vec::new(),
                predicate: None,
                definition: None,
                valid: true,
                ordered: row.text(5) == "BTREE",
                exclusion: None,
            });
        }
        let Some(index) = indexes.last_mut() else { continue };
        index.keys.push(IndexKey { column: row.optional(3), prefix: row.number(4) });
    }
    indexes
}

fn collect_references<'a>(parent: &TableName, rows: impl Iterator<Item = &'a Row>) -> Vec<CatalogReference> {
    let mut references = Vec::<CatalogReference>::new();
    for row in rows {
        let child = TableName { schema: row.optional(1), name: row.text(2).to_owned() };
        let constraint = row.optional(3);
        if references.last().is_none_or(|last| last.child != child || last.constraint != constraint) {
            references.push(CatalogReference {
                parent: parent.clone(),
                reaches: Reach::Whole,
                child,
                child_is_partitioned: false,
                constraint,
                columns: Vec::new(),
                parent_columns: Vec::new(),
                collations: Vec::new(),
                on_delete: Action::parse(row.text(4)),
                on_update: Action::parse(row.text(5)),
                matching: "",
                deferrable: "",
            });
        }
        let Some(reference) = references.last_mut() else { continue };
        reference.columns.push(row.text(6).to_owned());
        reference.parent_columns.push(row.text(7).to_owned());
    }
    references
}
