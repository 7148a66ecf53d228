//! The parent that must be active, for `require_live_parent`.

use super::shape::Shape;
use crate::declare::{ColumnNames, Mode, Rows, SoftDeletable, TableColumns, primary_key};
use crate::dialect::{Dialect, TableName, check_column};
use crate::error::Error;
use crate::schema::CatalogTable;

/// A parent table: the columns that find its rows, and the column that says which are deleted.
///
/// The name of a table alone stands for the key `id` and the flag `is_deleted`. The methods change what differs, and
/// [`for_table`](Self::for_table) reads it from the declaration.
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
    /// Whether a `table!` tells the schema. A name without a schema is in the schema of the child.
    declared: bool,
    /// Whether nobody named the state column.
    assumed: bool,
    earlier: bool,
    /// Whether a child without the columns of the foreign key gets no triggers.
    pub(super) optional: bool,
}

impl LiveParent {
    /// Creates a parent from `table` or `schema.table`, with the key `id` and the flag `is_deleted`. Without a schema
    /// it is in the schema of the child.
    pub fn new(table: impl Into<String>) -> Self {
        Self {
            table: TableName::parse(&table.into()),
            key: vec![String::from("id")],
            column: String::from("is_deleted"),
            mode: Mode::Flag,
            declared: false,
            assumed: true,
            earlier: false,
            optional: false,
        }
    }

    /// Creates a parent whose names and mode come from the table's declaration.
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
            optional: false,
        }
    }

    /// Sets the columns that the foreign key refers to, in the order of the foreign key.
    #[must_use]
    pub fn key(mut self, columns: impl ColumnNames) -> Self {
        self.key = columns.into_names();
        self
    }

    /// Sets the flag that is `TRUE` for deleted rows.
    #[must_use]
    pub fn flag(mut self, column: impl Into<String>) -> Self {
        (self.column, self.mode, self.assumed) = (column.into(), Mode::Flag, false);
        self
    }

    /// Sets the flag that is `TRUE` for active rows.
    #[must_use]
    pub fn active_flag(mut self, column: impl Into<String>) -> Self {
        (self.column, self.mode, self.assumed) = (column.into(), Mode::ActiveFlag, false);
        self
    }

    /// Sets the timestamp of a table without a flag. It is `NULL` for active rows.
    #[must_use]
    pub fn timestamp(mut self, column: impl Into<String>) -> Self {
        (self.column, self.mode, self.assumed) = (column.into(), Mode::Timestamp, false);
        self
    }

    /// Says that an earlier migration adds the parent's state column, and that it has not run yet.
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

    /// Says that a child without the columns of the foreign key gets no triggers.
    ///
    /// Use it if several children share one list of parents. It needs
    /// [`adapted_to`](super::SoftDeleteMigration::adapted_to), which reads the columns from the database.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// use diesel_soft_delete::migration::{LiveParent, SoftDeleteMigration};
    ///
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let users = || LiveParent::new("users").where_columns_exist();
    /// let posts = SoftDeleteMigration::new("posts").require_live_parent(users(), "user_id").adapted_to(conn)?;
    /// let tags = SoftDeleteMigration::new("tags").require_live_parent(users(), "user_id").adapted_to(conn)?;
    /// assert_eq!(posts.live_parents().collect::<Vec<_>>(), ["users"]);
    /// assert_eq!(tags.live_parents().count(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn where_columns_exist(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Adapts a parent whose state column nobody named. It is the flag `is_deleted`, or `deleted_at` in a table that
    /// has only that.
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

    /// Returns what the parent lacks. A table that is its own parent gets its columns from this migration.
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
