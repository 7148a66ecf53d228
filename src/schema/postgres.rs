//! The catalog of PostgreSQL. Every name is qualified with `pg_catalog`, since a `search_path` could hide it.

use super::catalog::{
    Action, CatalogCheck, CatalogColumn, CatalogIndex, CatalogReference, CatalogTable, IndexKey, IndexOrigin, Place,
    Reach, TableKind,
};
use crate::connection::{Question, Row};
use crate::dialect::{Dialect, TableName};

const DIALECT: Dialect = Dialect::Postgres;

/// Asks for the table as a query finds it, so a name without a schema follows the `search_path`.
pub(crate) fn locate(table: &TableName) -> Question {
    let heirs = "c.relkind <> 'p' AND EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)";
    let columns = &["n.nspname", "c.relname", "c.relkind", "c.oid", "pg_catalog.row_security_active(c.oid)", heirs];
    Question::select(DIALECT, columns)
        .sql(
            " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.oid = pg_catalog.to_regclass(",
        )
        .bind(&table.quoted(DIALECT))
        .sql(")")
}

pub(crate) fn place(rows: &[Row]) -> Option<Place> {
    let row = rows.first()?;
    let kind = match row.text(2) {
        "r" => TableKind::Table,
        "p" => TableKind::Partitioned,
        "v" | "m" => TableKind::View,
        "f" => TableKind::Other,
        // The name is that of an index, a sequence or a type.
        _ => return None,
    };
    let name = TableName { schema: row.optional(0), name: row.text(1).to_owned() };
    let detail = row.text(3).to_owned();
    Some(Place { name, kind, detail, is_special: row.is_true(4), has_heirs: row.is_true(5), has_parents: false })
}

pub(crate) fn questions(place: &Place) -> Vec<Question> {
    let of_table = |question: Question, from: &str, rest: &str| {
        question.sql(from).sql(" = CAST(").bind(&place.detail).sql(" AS pg_catalog.oid)").sql(rest)
    };
    // A domain is judged by its base type, so the query follows domains down to it.
    let columns = Question::select(
        DIALECT,
        &[
            "a.attname",
            "pg_catalog.format_type(b.oid, b.typmod)",
            "NOT (a.attnotnull OR b.is_not_null)",
            "pg_catalog.pg_get_expr(d.adbin, d.adrelid)",
            "a.attgenerated <> ''",
            "a.attidentity <> ''",
            "b.typtype = 'e'",
        ],
    );
    let indexes = Question::select(
        DIALECT,
        &[
            "i.relname",
            "x.indisunique",
            "CASE WHEN x.indisprimary THEN 'p' ELSE con.contype END",
            "x.indisvalid",
            "pg_catalog.pg_get_expr(x.indpred, x.indrelid)",
            "pg_catalog.pg_get_indexdef(x.indexrelid)",
            "k.place <= x.indnkeyatts",
            "a.attname",
            "CASE con.contype WHEN 'x' THEN pg_catalog.pg_get_constraintdef(con.oid) END",
        ],
    );
    let checks =
        Question::select(DIALECT, &["c.conname", "pg_catalog.pg_get_expr(c.conbin, c.conrelid)", "c.convalidated"]);
    let references = Question::select(
        DIALECT,
        &[
            "n.nspname",
            "t.relname",
            "t.relkind = 'p'",
            "c.conname",
            "c.confdeltype",
            "child.attname",
            "parent.attname",
            "pg_catalog.concat(c.confupdtype, c.confmatchtype, CASE WHEN c.condeferred THEN 'd' WHEN c.condeferrable THEN 'i' ELSE '' END)",
            "parent_schema.nspname",
            "parent_table.relname",
            "reached.is_above",
            "CASE WHEN child.attcollation NOT IN (0, parent.attcollation) THEN (SELECT \
             pg_catalog.format('%I.%I', l_schema.nspname, l.collname) FROM pg_catalog.pg_collation l \
             JOIN pg_catalog.pg_namespace l_schema ON l_schema.oid = l.collnamespace WHERE l.oid = parent.attcollation) END",
        ],
    );
    let mut questions = vec![
        of_table(
            columns,
            " FROM pg_catalog.pg_attribute a CROSS JOIN LATERAL (WITH RECURSIVE \
             d(oid, typmod, typtype, base, base_typmod, is_not_null) AS ( \
             SELECT t.oid, a.atttypmod, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull \
             FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid UNION ALL \
             SELECT t.oid, d.base_typmod, t.typtype, t.typbasetype, t.typtypmod, d.is_not_null OR t.typnotnull \
             FROM d JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE d.typtype = 'd') \
             SELECT d.oid, d.typmod, d.typtype, d.is_not_null FROM d WHERE d.typtype <> 'd') AS b \
             LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid",
            " ORDER BY a.attnum",
        ),
        of_table(
            indexes,
            " FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
             CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnatts) AS k(place) \
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k.place - 1] \
             LEFT JOIN pg_catalog.pg_constraint con ON con.conindid = x.indexrelid \
             AND con.conrelid = x.indrelid AND con.contype IN ('p', 'u', 'x') \
             WHERE x.indislive AND x.indrelid",
            " ORDER BY i.relname, k.place",
        ),
        of_table(
            checks,
            " FROM pg_catalog.pg_constraint c WHERE c.contype = 'c' AND c.conrelid",
            " ORDER BY c.conname",
        ),
        // A partition's copy of a foreign key has a parent constraint. A key that is not enforced does nothing.
        // PostgreSQL 18 added the column that says so, and `to_jsonb` reads it without naming it.
        references
            .sql(" FROM (WITH RECURSIVE below(oid) AS (SELECT CAST(")
            .bind(&place.detail)
            .sql(
                " AS pg_catalog.oid) UNION SELECT i.inhrelid FROM below JOIN pg_catalog.pg_inherits i \
                 ON i.inhparent = below.oid) SELECT below.oid, false AS is_above FROM below UNION ALL \
                 SELECT CAST(a.relid AS pg_catalog.oid), true FROM pg_catalog.pg_partition_ancestors(CAST(CAST(",
            )
            .bind(&place.detail)
            .sql(" AS pg_catalog.oid) AS pg_catalog.regclass)) AS a(relid) WHERE a.relid <> CAST(")
            .bind(&place.detail)
            .sql(
                " AS pg_catalog.oid)) AS reached JOIN pg_catalog.pg_constraint c ON c.confrelid = reached.oid \
             JOIN pg_catalog.pg_class parent_table ON parent_table.oid = c.confrelid \
             JOIN pg_catalog.pg_namespace parent_schema ON parent_schema.oid = parent_table.relnamespace \
             JOIN pg_catalog.pg_class t ON t.oid = c.conrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace \
             CROSS JOIN LATERAL pg_catalog.generate_subscripts(c.conkey, 1) AS k(place) \
             JOIN pg_catalog.pg_attribute child ON child.attrelid = c.conrelid AND child.attnum = c.conkey[k.place] \
             JOIN pg_catalog.pg_attribute parent ON parent.attrelid = c.confrelid AND parent.attnum = c.confkey[k.place] \
             WHERE c.contype = 'f' AND c.conparentid = 0 \
             AND COALESCE(pg_catalog.to_jsonb(c) ->> 'conenforced', 'true') = 'true' \
             ORDER BY n.nspname, t.relname, c.conname, k.place",
            ),
    ];
    if place.kind == TableKind::Partitioned {
        questions.push(partitions(place));
    }
    questions
}

/// Asks for the partition keys of a table and its partitions, and for the triggers that fire when a row leaves a
/// partition.
fn partitions(place: &Place) -> Question {
    Question::select(DIALECT, &["p.what", "p.text"])
        .sql(" FROM (WITH RECURSIVE below(oid) AS (SELECT CAST(")
        .bind(&place.detail)
        .sql(
            " AS pg_catalog.oid) UNION SELECT i.inhrelid FROM below JOIN pg_catalog.pg_inherits i \
             ON i.inhparent = below.oid) \
             SELECT 'key' AS what, pg_catalog.pg_get_partkeydef(below.oid) AS text FROM below \
             JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = below.oid \
             UNION SELECT 'trigger', CAST(t.tgname AS pg_catalog.text) FROM below \
             JOIN pg_catalog.pg_trigger t ON t.tgrelid = below.oid \
             WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND (CAST(t.tgtype AS pg_catalog.int4) & 9) = 9) AS p \
             ORDER BY 1, 2",
        )
}

/// Asks for the foreign keys of a child, without the copies that PostgreSQL makes for the partitions of a parent.
pub(crate) fn foreign_keys(child: &TableName) -> Question {
    let columns = &["c.conname", "n.nspname", "t.relname", "child.attname", "parent.attname"];
    Question::select(DIALECT, columns)
        .sql(
            " FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_class t ON t.oid = c.confrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace \
             CROSS JOIN LATERAL pg_catalog.generate_subscripts(c.conkey, 1) AS k(place) \
             JOIN pg_catalog.pg_attribute child ON child.attrelid = c.conrelid AND child.attnum = c.conkey[k.place] \
             JOIN pg_catalog.pg_attribute parent ON parent.attrelid = c.confrelid AND parent.attnum = c.confkey[k.place] \
             WHERE c.contype = 'f' AND COALESCE(pg_catalog.to_jsonb(c) ->> 'conenforced', 'true') = 'true' \
             AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint above \
             WHERE above.oid = c.conparentid AND above.conrelid = c.conrelid) \
             AND c.conrelid = pg_catalog.to_regclass(",
        )
        .bind(&child.quoted(DIALECT))
        .sql(") ORDER BY c.conname, k.place")
}

pub(crate) fn table(place: Place, answers: &[Vec<Row>]) -> CatalogTable {
    let [columns, indexes, checks, references, partitions] = super::several(answers);
    let partition =
        |what: &str| partitions.iter().filter(|row| row.text(0) == what).map(|row| row.text(1).to_owned()).collect();
    let indexes = collect_indexes(indexes);
    let primary_key = indexes.iter().find(|index| index.origin == IndexOrigin::PrimaryKey);
    let primary_key = primary_key.map(|index| index.keys.iter().filter_map(|key| key.column.clone()).collect());
    let name = place.name;
    CatalogTable {
        kind: place.kind,
        columns: columns.iter().map(column).collect(),
        primary_key: primary_key.unwrap_or_default(),
        indexes,
        checks: checks
            .iter()
            .map(|row| CatalogCheck {
                name: row.optional(0),
                expression: row.text(1).to_owned(),
                validated: row.is_true(2),
            })
            .collect(),
        references: collect_references(&name, references),
        unsafe_engine: None,
        foreign_keys_off: false,
        gives_keys_again: false,
        keeps_history: false,
        hides_rows: place.is_special,
        has_heirs: place.has_heirs,
        has_parents: false,
        partitioned_by: partition("key"),
        delete_triggers: partition("trigger"),
        name,
    }
}

fn column(row: &Row) -> CatalogColumn {
    CatalogColumn {
        name: row.text(0).to_owned(),
        sql_type: row.text(1).to_owned(),
        is_enum: row.is_true(6),
        nullable: row.is_true(2),
        // `NULL::timestamp without time zone` is not a default.
        default: row.optional(3).filter(|default| *default != "NULL" && !default.starts_with("NULL::")),
        generated: row.is_true(4),
        numbered: row.is_true(5),
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
                    "p" => IndexOrigin::PrimaryKey,
                    "" => IndexOrigin::Index,
                    _ => IndexOrigin::Constraint,
                },
                keys: Vec::new(),
                included: Vec::new(),
                predicate: row.optional(4),
                definition: row.optional(5),
                valid: row.is_true(3),
                ordered: row.text(5).contains(" USING btree "),
                exclusion: row.optional(8),
            });
        }
        let Some(index) = indexes.last_mut() else { continue };
        if row.is_true(6) {
            index.keys.push(IndexKey { column: row.optional(7), prefix: None });
        } else {
            index.included.extend(row.optional(7));
        }
    }
    indexes
}

fn collect_references(table: &TableName, rows: &[Row]) -> Vec<CatalogReference> {
    let mut references = Vec::<CatalogReference>::new();
    for row in rows {
        let child = TableName { schema: row.optional(0), name: row.text(1).to_owned() };
        let constraint = row.optional(3);
        if references.last().is_none_or(|last| last.child != child || last.constraint != constraint) {
            let letters = row.text(7);
            let parent = TableName { schema: row.optional(8), name: row.text(9).to_owned() };
            let whole = row.is_true(10) || parent == *table;
            references.push(CatalogReference {
                parent,
                reaches: if whole { Reach::Whole } else { Reach::Part },
                child,
                child_is_partitioned: row.is_true(2),
                constraint,
                columns: Vec::new(),
                parent_columns: Vec::new(),
                collations: Vec::new(),
                on_delete: Action::parse(row.text(4)),
                on_update: Action::parse(letters.get(..1).unwrap_or_default()),
                matching: if letters.get(1..2) == Some("f") { " MATCH FULL" } else { "" },
                deferrable: match letters.get(2..) {
                    Some("d") => " DEFERRABLE INITIALLY DEFERRED",
                    Some("i") => " DEFERRABLE",
                    _ => "",
                },
            });
        }
        let Some(reference) = references.last_mut() else { continue };
        reference.columns.push(row.text(5).to_owned());
        reference.parent_columns.push(row.text(6).to_owned());
        reference.collations.push(row.optional(11));
    }
    references
}
