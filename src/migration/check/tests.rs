//! The builder reads an existing table, and checks a shape that has no `table!`.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::*;
use crate::declare::Mode;
use crate::dialect::{Dialect, TableName};
use crate::migration::shape::Column;
use crate::migration::types::{ColumnType, Role};
use crate::schema::{Action, IndexOrigin};

fn connection(sql: &str) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.batch_execute(sql).unwrap();
    conn
}

#[test]
fn a_table_is_read_with_its_keys_indexes_and_checks() {
    let conn = &mut connection(
        "CREATE TABLE t (b TEXT COLLATE NOCASE, a INTEGER, c TEXT DEFAULT 'x' UNIQUE, d AS (a + 1), PRIMARY KEY (a, b),
             CONSTRAINT small CHECK (a < 9));
         CREATE UNIQUE INDEX u ON t (lower(c), b DESC) WHERE a > 5;
         CREATE TABLE kids (x INTEGER, y TEXT, FOREIGN KEY (x, y) REFERENCES t ON DELETE SET NULL);",
    );
    let table = block(crate::schema::read_table(&mut Blocking(conn), Dialect::Sqlite, &TableName::parse("T")))
        .unwrap()
        .unwrap();
    assert_eq!(table.name.plain(), "main.t");
    assert_eq!(table.primary_key, ["a", "b"]);
    let columns =
        table.columns.iter().map(|c| (c.name.as_str(), c.default.as_deref(), c.generated)).collect::<Vec<_>>();
    assert_eq!(columns, [("b", None, false), ("a", None, false), ("c", Some("'x'"), false), ("d", None, true)]);
    let index = table.indexes.iter().find(|index| index.name == "u").unwrap();
    assert_eq!((index.origin, index.predicate.as_deref()), (IndexOrigin::Index, Some("a > 5")));
    assert_eq!(index.keys.iter().map(|key| key.column.as_deref()).collect::<Vec<_>>(), [None, Some("b")]);
    assert!(table.indexes.iter().any(|index| index.origin == IndexOrigin::Constraint && index.unique));
    assert_eq!((table.checks[0].name.as_deref(), table.checks[0].expression.as_str()), (Some("small"), "a < 9"));
    let reference = &table.references[0];
    assert_eq!((reference.columns.join(","), reference.on_delete), (String::from("x,y"), Action::SetNull));
    assert!(
        block(crate::schema::read_table(&mut Blocking(conn), Dialect::Sqlite, &TableName::parse("missing")))
            .unwrap()
            .is_none()
    );
    assert!(
        block(crate::schema::read_table(&mut Blocking(conn), Dialect::Sqlite, &TableName::parse("nowhere.t")))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_shape_without_types_is_checked() {
    let conn = &mut connection(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, gone INT NOT NULL DEFAULT 0, at TEXT, why BLOB);
         CREATE INDEX i ON t (at);",
    );
    let shape = Shape {
        table: TableName::parse("t"),
        mode: Mode::Flag,
        state: Column::new("gone", Role::Flag),
        timestamp: Some(Column { name: String::from("at"), ty: ColumnType::Written(String::from("TIMESTAMP")) }),
        touch: None,
        reset: vec![Column::new("why", Role::Metadata)],
        hold: None,
        unit: None,
        relations: Vec::new(),
    };
    let findings = block(check_shape(&mut Blocking(conn), &shape)).unwrap();
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{findings:?}");
}
