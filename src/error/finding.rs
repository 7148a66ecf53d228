//! What a check of the live schema reports.

use std::fmt;

/// One thing that does not fit between a declaration and the live schema.
///
/// Its `Display` is the severity, the table, the sentence and the SQL that fixes it.
///
/// ```
/// # include!("../doctest_setup.rs");
/// use diesel_soft_delete::migration::{FindingKind, Severity, check};
///
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// // The tables of these examples were made by hand, without a purge index:
/// let findings = check::<posts::table, _>(conn)?;
/// let missing = findings.iter().find(|finding| finding.kind == FindingKind::MissingPurgeIndex).unwrap();
/// assert_eq!(missing.severity, Severity::Warning);
/// assert!(missing.sql.as_ref().unwrap().starts_with("CREATE INDEX"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Finding {
    /// The table, with its schema if the declaration names one.
    pub table: String,
    /// What kind of finding it is. [`SchemaCheck::allow`](crate::migration::SchemaCheck::allow) takes it.
    pub kind: FindingKind,
    /// What it is about: the name of a column, an index, a constraint or a child table, or else of the table itself.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in one sentence.
    pub message: String,
    /// The SQL that fixes it; `None` where a statement could only guess.
    pub sql: Option<String>,
}

/// What a [`Finding`] is about.
///
/// ```
/// # include!("../doctest_setup.rs");
/// use diesel_soft_delete::migration::{FindingKind, check};
///
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// let findings = check::<posts::table, _>(conn)?;
/// assert!(findings.iter().any(|finding| finding.kind == FindingKind::MissingPurgeIndex && finding.subject == "posts"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum FindingKind {
    /// The table does not exist.
    MissingTable,
    /// The declaration is for a view instead of the table behind it.
    View,
    /// A declared column does not exist.
    MissingColumn,
    /// A declared column is generated, so no statement can set it.
    GeneratedColumn,
    /// A column has another type than the declaration says, or one that does not store what is written.
    ColumnType,
    /// A column can be NULL, or cannot, against the declaration.
    ColumnNullability,
    /// A column's default is missing or wrong.
    ColumnDefault,
    /// PostgreSQL: an index is not used for queries, because its build failed or is not finished.
    InvalidIndex,
    /// No index serves a purge.
    MissingPurgeIndex,
    /// A partial index has a predicate with another spelling than `active()` writes.
    IndexPredicate,
    /// A unique index counts deleted rows, so their values stay taken.
    UniqueCountsDeleted,
    /// A unique index includes the flag or the timestamp, so it does not protect what it should.
    UniqueOverState,
    /// PostgreSQL: an exclusion constraint counts deleted rows.
    ExclusionCountsDeleted,
    /// A purge of a row removes or changes rows of a child, because its foreign key says so. The subject is the child.
    ReferenceChangesRows,
    /// The foreign key of a child refuses the purge of a row that has children. The subject is the child.
    ReferenceRefusesPurge,
    /// The foreign key of a child contradicts a declared relation. The subject is the child.
    ContradictedRelation,
    /// No CHECK keeps flag and timestamp in agreement.
    MissingCheck,
    /// PostgreSQL: the CHECK was not validated for the rows that were there.
    UnvalidatedCheck,
    /// Rows whose flag and timestamp disagree.
    DisagreeingRows,
    /// Rows whose flag is neither 0 nor 1.
    NeitherState,
    /// PostgreSQL: row security hides rows from this user.
    RowSecurity,
    /// MariaDB: the table keeps removed rows in its history.
    SystemVersioned,
    /// SQLite: the key of a purged row can be given to a new row.
    ReusedKeys,
    /// SQLite: foreign keys are off on this connection.
    ForeignKeysOff,
    /// PostgreSQL: a soft delete moves a row to another partition, and DELETE triggers fire.
    PartitionMoves,
}

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// It works, but slowly, or a value or row is blocked, or rows can disagree.
    Warning,
    /// Statements fail, or deleted rows are taken for active ones, or the reverse.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity, self.table, self.message)?;
        if let Some(sql) = &self.sql {
            write!(f, "\n  {}", sql.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}
