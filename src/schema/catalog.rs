//! A table as the database has it, and the questions that tell.

use super::{mysql, postgres, sqlite};
use crate::connection::{Question, Row};
use crate::dialect::{Dialect, TableName};

/// A table as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveTable {
    /// With its schema; on MySQL that is its database.
    pub(crate) name: TableName,
    pub(crate) kind: TableKind,
    pub(crate) columns: Vec<LiveColumn>,
    /// The columns of the primary key, in its order.
    pub(crate) primary_key: Vec<String>,
    /// All indexes, that of the primary key too.
    pub(crate) indexes: Vec<LiveIndex>,
    pub(crate) checks: Vec<LiveCheck>,
    /// The foreign keys through which a DELETE on this table reaches another one: those that name it, and on
    /// PostgreSQL those that name a table above it (of which it is a partition) or below it (a partition, a child
    /// by INHERITS).
    pub(crate) references: Vec<LiveReference>,
    /// MySQL: the engine, if it does not support transactions.
    pub(crate) unsafe_engine: Option<String>,
    /// SQLite: whether the connection ignores foreign keys (`PRAGMA foreign_keys`).
    pub(crate) foreign_keys_off: bool,
    /// SQLite: whether the table has foreign keys of its own.
    pub(crate) has_parents: bool,
    /// SQLite: whether a new row can get the number of a removed one, since the key has no AUTOINCREMENT.
    pub(crate) gives_keys_again: bool,
    /// MariaDB: whether the table is system-versioned, so that a removed row stays in its history.
    pub(crate) keeps_history: bool,
    /// PostgreSQL: whether row security applies to this user, so that rows may be hidden.
    pub(crate) hides_rows: bool,
    /// PostgreSQL: whether other tables inherit from this one (partitions are not meant). Its unique indexes do not
    /// cover their rows, and its statements reach them.
    pub(crate) has_heirs: bool,
    /// PostgreSQL: what the table is partitioned by, and what those of its partitions are that have partitions.
    pub(crate) partitioned_by: Vec<String>,
    /// PostgreSQL: the triggers that fire for each deleted row of a table of partitions.
    pub(crate) delete_triggers: Vec<String>,
}

/// What stands behind a table's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    Table,
    /// A table of partitions on PostgreSQL, where some statements are refused.
    Partitioned,
    View,
    /// A foreign or virtual table, or a sequence: it has columns, but no indexes and keys of ours.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveColumn {
    pub(crate) name: String,
    /// As the database prints it: on PostgreSQL the type that a domain is made of, on MySQL the `column_type`.
    pub(crate) sql_type: String,
    /// PostgreSQL: whether the type is an enum. (MySQL's are told by `sql_type`.)
    pub(crate) is_enum: bool,
    pub(crate) nullable: bool,
    /// The default as SQL; `None` for none, and for NULL.
    pub(crate) default: Option<String>,
    pub(crate) generated: bool,
    /// Whether the database gives a value where none is written: an identity, AUTO_INCREMENT, a rowid.
    pub(crate) numbered: bool,
    /// MySQL's collation, which a MODIFY would drop.
    pub(crate) collation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveIndex {
    pub(crate) name: String,
    pub(crate) unique: bool,
    pub(crate) origin: IndexOrigin,
    /// The key columns, in order.
    pub(crate) keys: Vec<IndexKey>,
    /// Columns that are stored in the index, but not part of its key (PostgreSQL).
    pub(crate) included: Vec<String>,
    /// The predicate of a partial index.
    pub(crate) predicate: Option<String>,
    /// `CREATE INDEX ..` as the database prints it; none on MySQL and for what SQLite made itself.
    pub(crate) definition: Option<String>,
    /// PostgreSQL: whether queries may use it.
    pub(crate) valid: bool,
    /// Whether it is an ordinary index, and not one for full text or places.
    pub(crate) ordered: bool,
    /// PostgreSQL: the exclusion constraint that it serves, as the database prints it.
    pub(crate) exclusion: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexKey {
    /// The column; `None` for an expression.
    pub(crate) column: Option<String>,
    /// MySQL: how many letters of the column are in the index, if not all.
    pub(crate) prefix: Option<u64>,
}

/// What an index was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexOrigin {
    PrimaryKey,
    /// A constraint: dropped as one on PostgreSQL; on SQLite an inline UNIQUE, which cannot be dropped.
    Constraint,
    /// `CREATE INDEX`; on MySQL any key.
    Index,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveCheck {
    /// SQLite's may have none.
    pub(crate) name: Option<String>,
    /// The expression.
    pub(crate) expression: String,
    /// Whether the rows that were there are known to pass it (PostgreSQL).
    pub(crate) validated: bool,
}

/// A foreign key of a child table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveReference {
    /// The table that the key names.
    pub(crate) parent: TableName,
    pub(crate) reaches: Reach,
    pub(crate) child: TableName,
    /// PostgreSQL refuses NOT VALID for a table of partitions.
    pub(crate) child_is_partitioned: bool,
    /// SQLite does not tell.
    pub(crate) constraint: Option<String>,
    pub(crate) columns: Vec<String>,
    /// The columns of the parent; on SQLite empty where the primary key is meant.
    pub(crate) parent_columns: Vec<String>,
    /// PostgreSQL: the collation of a parent's column, as SQL, where the child's has another one.
    pub(crate) collations: Vec<Option<String>>,
    pub(crate) on_delete: Action,
    pub(crate) on_update: Action,
    /// What else the constraint says, as SQL: ` MATCH FULL`, ` DEFERRABLE`.
    pub(crate) matching: &'static str,
    pub(crate) deferrable: &'static str,
}

/// A foreign key, as the referring table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveKey {
    pub(crate) parent: TableName,
    pub(crate) columns: Vec<String>,
    /// The columns of the parent; on SQLite empty where the primary key is meant.
    pub(crate) parent_columns: Vec<String>,
}

/// Which rows of a table a foreign key can point at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All: the key names the table, or a table of which it is a partition.
    Whole,
    /// Some: the key names a partition of the table, or a table that inherits from it.
    Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// `NO ACTION`.
    Nothing,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

impl Action {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Nothing => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }

    /// The action by its name, or by the letter of PostgreSQL's catalog.
    pub(crate) fn parse(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "RESTRICT" | "R" => Self::Restrict,
            "CASCADE" | "C" => Self::Cascade,
            "SET NULL" | "N" => Self::SetNull,
            "SET DEFAULT" | "D" => Self::SetDefault,
            _ => Self::Nothing,
        }
    }
}

impl LiveTable {
    pub(crate) fn column(&self, dialect: Dialect, name: &str) -> Option<&LiveColumn> {
        self.columns.iter().find(|column| same_column(dialect, &column.name, name))
    }

    /// Whether no two rows have the same values in these columns, as long as none of the values is NULL.
    pub(crate) fn is_unique(&self, dialect: Dialect, columns: &[String]) -> bool {
        let is_named = |name: &String| columns.iter().any(|column| same_column(dialect, column, name));
        // An index of PostgreSQL ends where another table inherits.
        !self.has_heirs
            && (!self.primary_key.is_empty() && self.primary_key.iter().all(is_named)
                || self.indexes.iter().any(|index| {
                    index.unique
                        && index.valid
                        && index.predicate.is_none()
                        && index.keys.iter().all(|key| key.column.as_ref().is_some_and(is_named))
                }))
    }
}

impl LiveIndex {
    /// The place of a column among the key columns.
    pub(crate) fn position(&self, dialect: Dialect, name: &str) -> Option<usize> {
        self.keys.iter().position(|key| key.column.as_deref().is_some_and(|key| same_column(dialect, key, name)))
    }

    pub(crate) fn has_expression(&self) -> bool {
        self.keys.iter().any(|key| key.column.is_none())
    }
}

/// Whether two names are the same column: PostgreSQL tells case apart, the others do not.
pub(crate) fn same_column(dialect: Dialect, one: &str, other: &str) -> bool {
    match dialect {
        Dialect::Postgres => one == other,
        Dialect::Mysql => one.to_lowercase() == other.to_lowercase(),
        Dialect::Sqlite => one.eq_ignore_ascii_case(other),
    }
}

/// Where a table was found.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name: TableName,
    pub(crate) kind: TableKind,
    /// PostgreSQL: its number; SQLite: its `CREATE TABLE`; MySQL: its engine, if it does not support transactions.
    pub(crate) detail: String,
    /// PostgreSQL: row security applies; SQLite: foreign keys are off; MySQL: the table is system-versioned.
    pub(crate) is_special: bool,
    /// PostgreSQL: other tables inherit from it.
    pub(crate) has_heirs: bool,
    /// SQLite: it has foreign keys of its own.
    pub(crate) has_parents: bool,
}

/// Asks for the foreign keys of a child of this table; `None` where it cannot have any that matter.
pub(crate) fn foreign_keys(dialect: Dialect, child: &TableName, parent: &LiveTable) -> Option<Question> {
    match dialect {
        Dialect::Postgres => Some(postgres::foreign_keys(child)),
        Dialect::Mysql => Some(mysql::foreign_keys(child)),
        Dialect::Sqlite => sqlite::foreign_keys(child, parent.name.schema.as_deref().unwrap_or("main")),
    }
}

/// The answer to [`foreign_keys`]: the key, the schema and the name of the parent, the column, the parent's column.
pub(crate) fn collect_foreign_keys(dialect: Dialect, child: &TableName, rows: &[Row]) -> Vec<LiveKey> {
    let mut keys = Vec::<LiveKey>::new();
    let mut last = None;
    for row in rows.iter().filter(|row| dialect != Dialect::Mysql || mysql::is_of(child, row)) {
        if last != Some(row.text(0)) {
            last = Some(row.text(0));
            let parent = TableName { schema: row.optional(1), name: row.text(2).to_owned() };
            keys.push(LiveKey { parent, columns: Vec::new(), parent_columns: Vec::new() });
        }
        let Some(key) = keys.last_mut() else { continue };
        key.columns.push(row.text(3).to_owned());
        key.parent_columns.extend(row.optional(4));
    }
    keys
}
