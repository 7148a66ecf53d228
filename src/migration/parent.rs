//! The parent that must be alive: for `require_live_parent`.

use super::shape::Shape;
use crate::declare::{ColumnNames, Mode, Rows, SoftDeletable, TableColumns, primary_key};
use crate::dialect::{Dialect, TableName, check_column};
use crate::error::Error;
use crate::schema::CatalogTable;

/// A parent table: how its rows are found, and how its state is read.
///
/// A plain name stands for a table with the key `id` and the flag `is_deleted`. Whatever differs is
/// said here, or read from the declaration.
///
/// ```
/// use diesel_soft_delete::migration::{Dialect, LiveParent, SoftDeleteMigration};
///
/// let users = LiveParent::new("users").key("user_id").timestamp("deleted_at");
/// let sql = SoftDeleteMigration::new("posts").require_live_parent(users, "author_id").up_sql(Dialect::Sqlite)?;
/// assert!(sql.contains("FROM `users` AS parent WHERE parent.`user_id` = NEW.`author_id`"));
/// # Ok::<(), diesel_soft_delete::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveParent {
    pub(super) table: TableName,
    pub(super) key: Vec<String>,
    column: String,
    mode: Mode,
    /// A `table!` says where the table is; a plain name is meant beside the child.
    declared: bool,
    /// Nobody named the column of its state.
    assumed: bool,
    earlier: bool,
}

impl LiveParent {
    /// The table `table`, or `schema.table`, with the key `id` and the flag `is_deleted`. Without a
    /// schema it is in that of the child.
    pub fn new(table: impl Into<String>) -> Self {
        Self {
            table: TableName::parse(&table.into()),
            key: vec![String::from("id")],
            column: String::from("is_deleted"),
            mode: Mode::Flag,
            declared: false,
            assumed: true,
            earlier: false,
        }
    }

    /// Everything as the table's declaration says.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// use diesel_soft_delete::migration::LiveParent;
    ///
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let users = LiveParent::for_table::<users::table>();
    /// let sql = SoftDeleteMigration::new("posts").require_live_parent(users, "user_id").up_sql(Dialect::Sqlite)?;
    /// assert!(sql.contains("FROM `users` AS parent WHERE parent.`id` = NEW.`user_id` AND (parent.`is_deleted` = TRUE)"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_table<T>() -> Self
    where
        T: SoftDeletable,
        T::AllColumns: TableColumns,
    {
        let shape = Shape::of::<T>();
        Self {
            table: shape.table,
            key: primary_key::<T>(),
            column: shape.state.name,
            mode: shape.mode,
            declared: true,
            assumed: false,
            earlier: false,
        }
    }

    /// The columns that the foreign key points at, in its order.
    #[must_use]
    pub fn key(mut self, columns: impl ColumnNames) -> Self {
        self.key = columns.into_names();
        self
    }

    /// The flag that is `TRUE` for deleted rows.
    #[must_use]
    pub fn flag(mut self, column: impl Into<String>) -> Self {
        (self.column, self.mode, self.assumed) = (column.into(), Mode::Flag, false);
        self
    }

    /// The flag that is `TRUE` for active rows.
    #[must_use]
    pub fn active_flag(mut self, column: impl Into<String>) -> Self {
        (self.column, self.mode, self.assumed) = (column.into(), Mode::ActiveFlag, false);
        self
    }

    /// The timestamp of a table without a flag: `NULL` for active rows.
    #[must_use]
    pub fn timestamp(mut self, column: impl Into<String>) -> Self {
        (self.column, self.mode, self.assumed) = (column.into(), Mode::Timestamp, false);
        self
    }

    /// The parent gets the column of its state from a migration that runs before this one, and that has not run yet.
    ///
    /// [`adapted_to`](super::SoftDeleteMigration::adapted_to) then does not look for the column.
    ///
    /// ```
    /// use diesel_soft_delete::migration::{LiveParent, SoftDeleteMigration};
    ///
    /// let users = LiveParent::new("users").from_earlier_migration();
    /// let posts = SoftDeleteMigration::new("posts").require_live_parent(users, "author_id");
    /// # let _ = posts;
    /// ```
    #[must_use]
    pub fn from_earlier_migration(mut self) -> Self {
        self.earlier = true;
        self
    }

    /// Where nobody named the column: the flag `is_deleted`, or `deleted_at` in a table that has it alone.
    pub(super) fn adapted(self, dialect: Dialect, found: Option<&CatalogTable>) -> Self {
        let has = |name: &str| found.is_some_and(|found| found.column(dialect, name).is_some());
        if self.assumed && !self.earlier && !has("is_deleted") && has("deleted_at") {
            return self.timestamp("deleted_at");
        }
        self
    }

    pub(super) fn beside(mut self, child: &TableName) -> Self {
        if !self.declared {
            self.table = self.table.beside(child);
        }
        self
    }

    /// What a live parent lacks; a table that is its own parent will have the columns.
    pub(super) fn missing(&self, dialect: Dialect, catalog: Option<&CatalogTable>, child: &Shape) -> Option<String> {
        let Some(catalog) = catalog else { return Some(String::from("such table")) };
        let is_itself = self.earlier || child.table == self.table && child.state.name == self.column;
        let state = Some(&self.column).filter(|_| !is_itself);
        let absent = self.key.iter().chain(state).find(|column| catalog.column(dialect, column).is_none());
        absent.map(|column| format!("column `{column}` in it"))
    }

    pub(super) fn check(&self, dialect: Dialect, child: &str, foreign_key: &[String]) -> Result<(), Error> {
        self.table.check(dialect, "table")?;
        for column in self.key.iter().chain([&self.column]) {
            check_column(dialect, column)?;
        }
        if self.key.len() == foreign_key.len() {
            return Ok(());
        }
        Err(Error::UnsupportedMigration {
            table: child.to_owned(),
            what: format!("require a live parent in `{}`", self.table.plain()),
            why: format!(
                "the foreign key has {} columns, the parent's key {}: name them with `LiveParent::new(..).key(..)`",
                foreign_key.len(),
                self.key.len()
            ),
        })
    }

    pub(super) fn predicate(&self, dialect: Dialect, rows: Rows, prefix: &str) -> String {
        self.mode.text(rows, &format!("{prefix}{}", dialect.quote(&self.column)))
    }
}

impl From<&str> for LiveParent {
    fn from(table: &str) -> Self {
        Self::new(table)
    }
}

impl From<String> for LiveParent {
    fn from(table: String) -> Self {
        Self::new(table)
    }
}
