//! What a cascade says it did.

use std::fmt;

use chrono::{DateTime, Utc};

/// What a cascade did, or would do: rows per table, and what identifies the operation.
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// let report = posts::table.find(1).soft_delete().cascade().run(conn)?;
/// assert_eq!((report.rows("posts"), report.total()), (1, 1));
/// for (table, rows) in &report {
///     println!("{table}: {rows}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CascadeReport {
    pub(super) tables: Vec<(String, u64)>,
    pub(super) unlinked: Vec<(String, u64)>,
    pub(super) withheld: Vec<(String, u64)>,
    pub(super) operation_id: Option<String>,
    pub(super) at: DateTime<Utc>,
}

impl CascadeReport {
    /// How many rows of a table were soft-deleted or restored; 0 for a table that the cascade does not reach.
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.iter().find(|(name, _)| name == table).map_or(0, |(_, rows)| *rows)
    }

    /// How many rows of a table lost their reference to a deleted parent (`set_null(..)`).
    pub fn unlinked(&self, table: &str) -> u64 {
        self.unlinked.iter().filter(|(name, _)| name == table).map(|(_, rows)| *rows).sum()
    }

    /// How many rows of a table a restore left deleted although the operation that it took back had deleted them:
    /// another parent of theirs is deleted, or one of a row above them. They keep their marks; restore them
    /// themselves once that parent is live.
    pub fn withheld(&self, table: &str) -> u64 {
        self.withheld.iter().filter(|(name, _)| name == table).map(|(_, rows)| *rows).sum()
    }

    /// How many rows were soft-deleted or restored in all tables.
    pub fn total(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }

    /// What the `operation` column of the root's rows holds, as text: of a delete the identifier it wrote, of a
    /// restore that of the operation it took back. `None` where no row changed, where the table has no such column,
    /// or where a restore took several operations back.
    pub fn operation_id(&self) -> Option<&str> {
        self.operation_id.as_deref()
    }

    /// The time of the operation: what the timestamps of deleted rows and the `touch` columns hold.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The tables and their rows: the root's first, parents before their children, with those where nothing
    /// changed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.tables.iter().map(|(table, rows)| (table.as_str(), *rows))
    }
}

impl<'r> IntoIterator for &'r CascadeReport {
    type Item = (&'r str, u64);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter().collect::<Vec<_>>().into_iter()
    }
}

impl IntoIterator for CascadeReport {
    type Item = (String, u64);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.tables.into_iter()
    }
}

impl fmt::Display for CascadeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.tables.iter().map(|(table, rows)| format!("{table} {rows}")).collect::<Vec<_>>();
        f.write_str(&tables.join(", "))?;
        for (table, rows) in self.unlinked.iter().filter(|(_, rows)| *rows > 0) {
            write!(f, ", {rows} of {table} unlinked")?;
        }
        for (table, rows) in self.withheld.iter().filter(|(_, rows)| *rows > 0) {
            write!(f, ", {rows} of {table} withheld")?;
        }
        match &self.operation_id {
            Some(id) => write!(f, " (operation {id})"),
            None => Ok(()),
        }
    }
}
