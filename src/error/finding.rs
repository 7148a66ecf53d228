//! What a check of the live schema reports.

use std::fmt;

/// One thing that does not fit between a declaration and the live schema.
///
/// Its `Display` is the severity, the table, the sentence and the SQL that fixes it.
///
/// ```
/// # include!("../doctest_setup.rs");
/// use diesel_soft_delete::migration::{Severity, check};
///
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// // The tables of these examples were made by hand, without a purge index:
/// let findings = check::<posts::table, _>(conn)?;
/// let missing = findings.iter().find(|finding| finding.message.contains("purge")).unwrap();
/// assert_eq!(missing.severity, Severity::Warning);
/// assert!(missing.sql.as_ref().unwrap().starts_with("CREATE INDEX"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The table, with its schema if the declaration names one.
    pub table: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in one sentence.
    pub message: String,
    /// The SQL that fixes it; `None` where a statement could only guess.
    pub sql: Option<String>,
}

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
