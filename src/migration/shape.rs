//! The columns of soft deletion on one table, from a declaration or from a builder.
//!
//! Migrations and the check of the database both start from here, so they cannot disagree with the filters.

use std::any::TypeId;

use super::types::{ColumnType, Role};
use crate::declare::{
    ColumnRef, Hold, Mode, NullableColumns, Policy, Relation, Relations, Rows, SoftDeletable, State, TimeColumn,
    TimeKind, TimeUnit, declared_parents,
};
use crate::dialect::{Dialect, TableName};

/// A table and its columns of soft deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) table: TableName,
    /// How the state column is read and written.
    pub(crate) mode: Mode,
    /// The flag. In timestamp mode it is the same column as `timestamp`.
    pub(crate) state: Column,
    pub(crate) timestamp: Option<Column>,
    pub(crate) touch: Option<Column>,
    /// The nullable columns that a restore sets to NULL: metadata and operation.
    pub(crate) reset: Vec<Column>,
    pub(crate) hold: Option<HoldColumn>,
    /// The unit of a timestamp or touch column that is an integer.
    pub(crate) unit: Option<TimeUnit>,
    /// The declared relations. A shape from a builder does not have any.
    pub(crate) relations: Vec<DeclaredRelation>,
}

/// A relation of the declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredRelation {
    /// The policy as it is declared, such as `cascade`.
    pub(crate) policy: &'static str,
    pub(crate) child: TableName,
    pub(crate) columns: Vec<String>,
    /// The key of this table that the columns refer to, in their order.
    pub(crate) key: Vec<String>,
}

/// A column by its name in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: ColumnType,
}

/// The column that says whether a row is under hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HoldColumn {
    pub(crate) column: Column,
    /// Whether the column can be NULL, which means that the row is not held.
    pub(crate) nullable: bool,
}

impl Column {
    pub(crate) fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), ty: ColumnType::Assumed(role) }
    }

    fn declared(column: ColumnRef) -> Self {
        Self { name: column.name.to_owned(), ty: ColumnType::Declared(column.sql_type) }
    }
}

impl Shape {
    /// Returns the shape that a table declares.
    pub(crate) fn of<T: SoftDeletable>() -> Self {
        Self {
            table: TableName::from_parts(T::name_parts()),
            mode: T::State::MODE,
            state: Column::declared(ColumnRef::of::<<T::State as State>::Column>()),
            timestamp: T::Stamp::column().map(Column::declared),
            touch: T::Touch::column().map(Column::declared),
            reset: T::Reset::columns().as_ref().iter().copied().map(Column::declared).collect(),
            hold: T::Hold::column().map(|column| HoldColumn {
                column: Column::declared(column),
                nullable: T::Hold::MODE == Some(Mode::NullableFlag),
            }),
            unit: T::Stamp::KIND.and_then(TimeKind::unit).or(T::Touch::KIND.and_then(TimeKind::unit)),
            relations: relations::<T>(),
        }
    }

    /// Returns whether the table has both a flag and a timestamp, so that the two could disagree.
    pub(crate) fn has_flag_and_timestamp(&self) -> bool {
        self.mode != Mode::Timestamp && self.timestamp.is_some()
    }

    /// Returns the predicate of `rows` over the state column, for DDL. `prefix` is `NEW.`, `OLD.` or empty.
    pub(crate) fn predicate(&self, dialect: Dialect, rows: Rows, prefix: &str) -> String {
        self.mode.text(rows, &format!("{prefix}{}", dialect.quote(&self.state.name)))
    }

    /// Returns the expression that is true if flag and timestamp agree, or `None` without both.
    pub(crate) fn agreement(&self, dialect: Dialect) -> Option<String> {
        let timestamp = self.timestamp.as_ref().filter(|_| self.has_flag_and_timestamp())?;
        let deleted = self.predicate(dialect, Rows::Deleted, "");
        Some(format!("({deleted} = ({} IS NOT NULL))", dialect.quote(&timestamp.name)))
    }
}

/// Returns the declared relations. The parent's key comes from the entry that each table with relations registers.
fn relations<T: SoftDeletable>() -> Vec<DeclaredRelation> {
    let relations = T::Relations::relations();
    let parent = (!relations.is_empty()).then(|| declared_parents().find(|node| node.id == TypeId::of::<T>()));
    let Some(parent) = parent.flatten() else { return Vec::new() };
    let relation = |relation: Relation| DeclaredRelation {
        policy: match relation.policy {
            Policy::Cascade => "cascade",
            Policy::Restrict => "restrict",
            Policy::SetNull => "set_null",
        },
        child: (relation.child)().table,
        columns: relation.columns.iter().map(|column| column.name.to_owned()).collect(),
        key: parent.key.clone(),
    };
    relations.into_iter().map(relation).collect()
}
