//! The report of a cascade.

use std::fmt;

use chrono::{DateTime, Utc};

/// What a cascade did or would do: the number of changed rows for each table, and the identifier and time of the
/// operation.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CascadeReport {
    #[cfg_attr(feature = "serde", serde(serialize_with = "by_table"))]
    pub(super) tables: Vec<(String, u64)>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "by_table"))]
    pub(super) unlinked: Vec<(String, u64)>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "by_table"))]
    pub(super) withheld: Vec<(String, u64)>,
    pub(super) operation_id: Option<String>,
    pub(super) at: DateTime<Utc>,
}

/// Writes the numbers as a map from table to rows.
#[cfg(feature = "serde")]
fn by_table<S: serde::Serializer>(tables: &[(String, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = std::collections::BTreeMap::new();
    for (table, rows) in tables {
        *map.entry(table.as_str()).or_insert(0) += rows;
    }
    serializer.collect_map(map)
}

impl CascadeReport {
    /// Returns how many rows of a table were soft-deleted or restored. It is 0 for a table that the cascade does not
    /// reach.
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.iter().find(|(name, _)| name == table).map_or(0, |(_, rows)| *rows)
    }

    /// Returns how many rows of a table lost their reference to a deleted parent (`set_null(..)`).
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let report = posts::table.find(1).soft_delete().cascade().run(conn)?;
    /// assert_eq!(report.unlinked("drafts"), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn unlinked(&self, table: &str) -> u64 {
        self.unlinked.iter().filter(|(name, _)| name == table).map(|(_, rows)| *rows).sum()
    }

    /// Returns how many rows of a table stayed deleted, although the operation that was undone had deleted them.
    ///
    /// Another parent of such a row, or of a row above it, is deleted. The row keeps its mark. Restore the row by
    /// itself when that parent is active.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let report = posts::table.find(2).restore().cascade().run(conn)?;
    /// assert_eq!((report.rows("posts"), report.withheld("posts")), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn withheld(&self, table: &str) -> u64 {
        self.withheld.iter().filter(|(name, _)| name == table).map(|(_, rows)| *rows).sum()
    }

    /// Returns how many rows were soft-deleted or restored in all tables.
    pub fn total(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }

    /// Returns the identifier of the operation as text. A delete reports the one that it wrote, and a restore the one
    /// that it undid.
    ///
    /// It is `None` if no row changed, if the root's table does not declare `operation = ..`, or if a restore undid
    /// several operations.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// // `posts` declares no `operation` column.
    /// let report = posts::table.find(1).soft_delete().cascade().run(conn)?;
    /// assert_eq!(report.operation_id(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn operation_id(&self) -> Option<&str> {
        self.operation_id.as_deref()
    }

    /// Returns the time of the operation, in UTC. It is in the timestamps of deleted rows and in the `touch` columns.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let report = posts::table.find(1).soft_delete().cascade().run(conn)?;
    /// let stored = posts::table.find(1).select(posts::deleted_at).first::<Option<chrono::NaiveDateTime>>(conn)?;
    /// assert_eq!(stored, Some(report.at().naive_utc()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Returns the tables with their numbers of rows. The root's table is first, and parents are before their children.
    /// Tables without changes are included.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let report = posts::table.find(1).soft_delete().cascade().run(conn)?;
    /// assert_eq!(report.iter().collect::<Vec<_>>(), [("posts", 1)]);
    /// # Ok(())
    /// # }
    /// ```
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
