//! A table as the catalog describes it, and the questions about it.

use super::{mysql, postgres, sqlite};
use crate::connection::{Question, Row};
use crate::dialect::{Dialect, TableName};

/// A table as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CatalogTable {
    /// The name with its schema, which is the database on MySQL.
    pub(crate) name: TableName,
    pub(crate) kind: TableKind,
    pub(crate) columns: Vec<CatalogColumn>,
    /// The columns of the primary key, in its order.
    pub(crate) primary_key: Vec<String>,
    /// All indexes, including that of the primary key.
    pub(crate) indexes: Vec<CatalogIndex>,
    pub(crate) checks: Vec<CatalogCheck>,
    /// The foreign keys through which a DELETE on this table reaches another table.
    ///
    /// These are the keys that name this table. PostgreSQL adds the keys that name a table of which it is a partition.
    /// It also adds those that name its partitions or its children by INHERITS.
    pub(crate) references: Vec<CatalogReference>,
    /// MySQL: the engine, if it does not support transactions.
    pub(crate) unsafe_engine: Option<String>,
    /// SQLite: whether the connection ignores foreign keys (`PRAGMA foreign_keys`).
    pub(crate) foreign_keys_off: bool,
    /// SQLite: whether the table has foreign keys of its own.
    pub(crate) has_parents: bool,
    /// SQLite: whether a new row can get the number of a removed row, since the key does not have AUTOINCREMENT.
    pub(crate) gives_keys_again: bool,
    /// MariaDB: whether the table is system-versioned, so that a removed row stays in its history.
    pub(crate) keeps_history: bool,
    /// PostgreSQL: whether row security applies to this user, so that rows may be hidden.
    pub(crate) hides_rows: bool,
    /// PostgreSQL: whether other tables inherit from this one. Partitions do not count.
    ///
    /// The unique indexes of this table do not cover the rows of those tables, and its statements reach them.
    pub(crate) has_heirs: bool,
    /// PostgreSQL: the partition keys of the table, and of its partitions that have partitions themselves.
    pub(crate) partitioned_by: Vec<String>,
    /// PostgreSQL: the triggers that fire for each deleted row of a partitioned table.
    pub(crate) delete_triggers: Vec<String>,
}

/// What a table's name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    Table,
    /// A partitioned table of PostgreSQL, which refuses some statements.
    Partitioned,
    View,
    /// A foreign or virtual table. It has columns, but we do not read or write indexes and keys for it.
    Other,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CatalogColumn {
    pub(crate) name: String,
    /// The type as the database prints it. On PostgreSQL a domain is replaced by its base type, and on MySQL it is the
    /// `column_type`.
    pub(crate) sql_type: String,
    /// PostgreSQL: whether the type is an enum. On MySQL `sql_type` says so.
    pub(crate) is_enum: bool,
    pub(crate) nullable: bool,
    /// The default as SQL. It is `None` without a default, and if the default is NULL.
    pub(crate) default: Option<String>,
    pub(crate) generated: bool,
    /// Whether the database generates a value if none is written: an identity, AUTO_INCREMENT or a rowid.
    pub(crate) numbered: bool,
    /// MySQL: the collation, which a MODIFY must repeat to keep it.
    pub(crate) collation: Option<String>,
}

/// An index of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CatalogIndex {
    pub(crate) name: String,
    pub(crate) unique: bool,
    pub(crate) origin: IndexOrigin,
    /// The key columns, in order.
    pub(crate) keys: Vec<IndexKey>,
    /// PostgreSQL: the columns that are stored in the index without being part of its key.
    pub(crate) included: Vec<String>,
    /// The predicate of a partial index.
    pub(crate) predicate: Option<String>,
    /// `CREATE INDEX ..` as the database prints it. It is `None` on MySQL, and for an index that SQLite created itself.
    pub(crate) definition: Option<String>,
    /// PostgreSQL: whether queries may use the index.
    pub(crate) valid: bool,
    /// Whether it is an ordinary index, and not one for full text or geometry.
    pub(crate) ordered: bool,
    /// PostgreSQL: the exclusion constraint that the index serves, as the database prints it.
    pub(crate) exclusion: Option<String>,
}

/// A part of an index's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexKey {
    /// The column, or `None` for an expression.
    pub(crate) column: Option<String>,
    /// MySQL: the number of characters of the column in the index, if it is not the whole column.
    pub(crate) prefix: Option<u64>,
}

/// What created an index, which decides how it is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexOrigin {
    PrimaryKey,
    /// A constraint. PostgreSQL drops it as one. On SQLite it is an inline UNIQUE, which cannot be dropped.
    Constraint,
    /// `CREATE INDEX`, or any key on MySQL.
    Index,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CatalogCheck {
    /// The name. On SQLite a CHECK may not have one.
    pub(crate) name: Option<String>,
    /// The expression as SQL.
    pub(crate) expression: String,
    /// PostgreSQL: whether the existing rows are known to pass the CHECK.
    pub(crate) validated: bool,
}

/// A foreign key of a child table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CatalogReference {
    /// The table that the key names.
    pub(crate) parent: TableName,
    pub(crate) reaches: Reach,
    pub(crate) child: TableName,
    /// Whether the child is a partitioned table, for which PostgreSQL refuses NOT VALID.
    pub(crate) child_is_partitioned: bool,
    /// The name of the constraint, which SQLite does not tell.
    pub(crate) constraint: Option<String>,
    pub(crate) columns: Vec<String>,
    /// The columns of the parent. On SQLite they are empty if the key refers to the primary key without naming it.
    pub(crate) parent_columns: Vec<String>,
    /// PostgreSQL: the collation of each parent's column, as SQL, if the child's column has another one.
    pub(crate) collations: Vec<Option<String>>,
    pub(crate) on_delete: Action,
    pub(crate) on_update: Action,
    /// The rest of the constraint as SQL, such as ` MATCH FULL` and ` DEFERRABLE`.
    pub(crate) matching: &'static str,
    pub(crate) deferrable: &'static str,
}

/// A foreign key as the referring table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CatalogKey {
    pub(crate) parent: TableName,
    pub(crate) columns: Vec<String>,
    /// The columns of the parent. On SQLite they are empty if the key refers to the primary key without naming it.
    pub(crate) parent_columns: Vec<String>,
}

/// Which rows of a table a foreign key can refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All rows: the key names the table, or a table of which it is a partition.
    Whole,
    /// Some rows: the key names a partition of the table, or a table that inherits from it.
    Part,
}

/// What the database does with a referring row.
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

    /// Returns the action for its name, or for its letter in PostgreSQL's catalog.
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

impl CatalogTable {
    pub(crate) fn column(&self, dialect: Dialect, name: &str) -> Option<&CatalogColumn> {
        self.columns.iter().find(|column| same_column(dialect, &column.name, name))
    }

    /// Returns whether no two rows have the same values in these columns, as long as no value is NULL.
    pub(crate) fn is_unique(&self, dialect: Dialect, columns: &[String]) -> bool {
        let is_named = |name: &String| columns.iter().any(|column| same_column(dialect, column, name));
        // An index of PostgreSQL does not cover the rows of a table that inherits.
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

impl CatalogIndex {
    /// Returns the place of a column among the key columns.
    pub(crate) fn position(&self, dialect: Dialect, name: &str) -> Option<usize> {
        self.keys.iter().position(|key| key.column.as_deref().is_some_and(|key| same_column(dialect, key, name)))
    }

    pub(crate) fn has_expression(&self) -> bool {
        self.keys.iter().any(|key| key.column.is_none())
    }
}

/// Returns whether two names mean the same column. PostgreSQL compares with case, and the others without.
pub(crate) fn same_column(dialect: Dialect, one: &str, other: &str) -> bool {
    match dialect {
        Dialect::Postgres => one == other,
        Dialect::Mysql => one.to_lowercase() == other.to_lowercase(),
        Dialect::Sqlite => one.eq_ignore_ascii_case(other),
    }
}

/// Where a table was found, before its details are read.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name: TableName,
    pub(crate) kind: TableKind,
    /// PostgreSQL: its oid. SQLite: its `CREATE TABLE`. MySQL: its engine, if it does not support transactions.
    pub(crate) detail: String,
    /// PostgreSQL: row security applies. SQLite: foreign keys are off. MySQL: the table is system-versioned.
    pub(crate) is_special: bool,
    /// PostgreSQL: whether other tables inherit from it.
    pub(crate) has_heirs: bool,
    /// SQLite: whether it has foreign keys of its own.
    pub(crate) has_parents: bool,
}

/// Asks for the foreign keys of a child of this table. It returns `None` if the child cannot refer to the table.
pub(crate) fn foreign_keys(dialect: Dialect, child: &TableName, parent: &CatalogTable) -> Option<Question> {
    match dialect {
        Dialect::Postgres => Some(postgres::foreign_keys(child)),
        Dialect::Mysql => Some(mysql::foreign_keys(child)),
        Dialect::Sqlite => sqlite::foreign_keys(child, parent.name.schema.as_deref().unwrap_or("main")),
    }
}

/// Reads the answer to [`foreign_keys`]: the key, the schema and the name of the parent, the column, the parent's
/// column.
pub(crate) fn collect_foreign_keys(dialect: Dialect, child: &TableName, rows: &[Row]) -> Vec<CatalogKey> {
    let mut keys = Vec::<CatalogKey>::new();
    let mut last = None;
    for row in rows.iter().filter(|row| dialect != Dialect::Mysql || mysql::is_of(child, row)) {
        if last != Some(row.text(0)) {
            last = Some(row.text(0));
            let parent = TableName { schema: row.optional(1), name: row.text(2).to_owned() };
            keys.push(CatalogKey { parent, columns: Vec::new(), parent_columns: Vec::new() });
        }
        let Some(key) = keys.last_mut() else { continue };
        key.columns.push(row.text(3).to_owned());
        key.parent_columns.extend(row.optional(4));
    }
    keys
}
