//! What a check of the database reports.

use std::fmt;

/// One point in which the database does not fit a declaration.
///
/// Its `Display` writes the severity, the table, the message and the SQL that fixes it.
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
    /// The kind of the finding. [`SchemaCheck::allow`](crate::migration::SchemaCheck::allow) takes it.
    pub kind: FindingKind,
    /// What it is about: the name of a column, an index, a constraint, a child table or the table itself.
    pub subject: String,
    /// How serious it is.
    pub severity: Severity,
    /// What was found, in one sentence.
    pub message: String,
    /// The SQL that fixes it. It is `None` if the right statement is not certain.
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
    /// A column has another type than the declaration says, or a type that does not store every value unchanged.
    ColumnType,
    /// A column can be NULL although it is declared NOT NULL, or the reverse.
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
    /// A unique index contains the flag or the timestamp, so it does not protect what it should.
    UniqueOverState,
    /// PostgreSQL: an exclusion constraint counts deleted rows.
    ExclusionCountsDeleted,
    /// The foreign key of a child lets a purge remove or change the child's rows. The subject is the child.
    ReferenceChangesRows,
    /// The foreign key of a child refuses the purge of a row that has children. The subject is the child.
    ReferenceRefusesPurge,
    /// The foreign key of a child contradicts a declared relation. The subject is the child.
    ContradictedRelation,
    /// No CHECK keeps flag and timestamp in agreement.
    MissingCheck,
    /// PostgreSQL: the CHECK was not validated for the existing rows.
    UnvalidatedCheck,
    /// The flag and the timestamp of some rows disagree.
    DisagreeingRows,
    /// The flag of some rows is neither 0 nor 1.
    NeitherState,
    /// PostgreSQL: row security hides rows from this user.
    RowSecurity,
    /// MariaDB: the table keeps removed rows in its history.
    SystemVersioned,
    /// SQLite: the key of a purged row can be given to a new row.
    ReusedKeys,
    /// SQLite: foreign keys are off on this connection.
    ForeignKeysOff,
    /// PostgreSQL: a soft delete moves a row to another partition, and so DELETE triggers fire.
    PartitionMoves,
}

/// How serious a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Severity {
    /// It is worth knowing, and nothing is wrong.
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
