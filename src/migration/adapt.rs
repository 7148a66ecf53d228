//! What a live table says of the migration that is written for it.

use diesel::connection::LoadConnection;

use super::builder::SoftDeleteMigration;
use super::check::{
    IndexKey, IndexOrigin, LiveIndex, LiveTable, ReadsCatalog, TableKind, check_shape, read_table, same_column,
};
use super::dialect::{Dialect, HasDialect};
use super::plan::{Replaced, columns_of};
use super::types::ColumnType;
use crate::error::Error;
use crate::migration::Finding;

impl SoftDeleteMigration {
    /// Looks the table up in a live database, and fills in what was not said:
    ///
    /// * the primary key;
    /// * which of the columns are [`existing`](Self::existing) already, with their types, and whether
    ///   an existing flag can be NULL;
    /// * the plain unique index or constraint over the columns of a
    ///   [`unique_among_active`](Self::unique_among_active), which is then replaced;
    /// * the columns of an [`archive_table`](Self::archive_table).
    ///
    /// It reads the catalog and changes nothing.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let conn = &mut connection();
    /// diesel::sql_query("CREATE UNIQUE INDEX tag_names ON tags (name)").execute(conn)?;
    /// let migration = SoftDeleteMigration::new("tags").unique_among_active("name").adapted_to(conn)?;
    /// let sql = migration.up_sql(Dialect::Sqlite)?;
    /// assert!(sql.contains("DROP INDEX `tag_names`"));
    /// assert!(sql.contains("ON `tags` (`id`, `deleted_at`) WHERE"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`UnsupportedMigration`](Error::UnsupportedMigration) if there is no such table, or if it is a
    /// view; [`InvalidName`](Error::InvalidName), [`Database`](Error::Database).
    pub fn adapted_to<Conn>(mut self, conn: &mut Conn) -> Result<Self, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: ReadsCatalog,
    {
        let dialect = <Conn::Backend as HasDialect>::DIALECT;
        self.table.check(dialect, "table")?;
        let Some(live) = read_table(conn, &self.table)? else {
            return Err(self.unsupported("look the table up", "there is no table of that name in this database"));
        };
        if live.kind == TableKind::View {
            return Err(self.unsupported("add columns to it", "it is a view; name the table behind it"));
        }
        if self.primary_key.is_none() && !live.primary_key.is_empty() {
            self.primary_key = Some(live.primary_key.clone());
        }
        self.adapt_columns(dialect, &live);
        for unique in &mut self.uniques {
            if unique.replaced.is_none() {
                let plain = live.indexes.iter().find(|index| is_plain_unique(dialect, index, &unique.columns));
                unique.replaced = plain.map(|index| Replaced {
                    name: index.name.clone(),
                    is_constraint: index.origin == IndexOrigin::Constraint,
                });
            }
        }
        if self.all_columns.is_empty() {
            self.all_columns = self.known_columns(&live);
        }
        Ok(self)
    }

    fn adapt_columns(&mut self, dialect: Dialect, live: &LiveTable) {
        let shape = self.shape();
        for column in columns_of(&shape) {
            let Some(found) = live.column(dialect, &column.name) else { continue };
            if !self.existing.contains(&column.name) {
                self.existing.push(column.name.clone());
            }
            if matches!(column.ty, ColumnType::Assumed(_)) {
                self.types.push((column.name.clone(), ColumnType::Written(found.sql_type.clone())));
            }
            if *column == shape.state && found.nullable && shape.mode.is_flag() {
                *self = self.clone().nullable_flag();
            }
        }
    }

    /// The columns that the table has and will have, with their types.
    fn known_columns(&self, live: &LiveTable) -> Vec<(String, ColumnType)> {
        let there = live.columns.iter().map(|column| {
            let null = if column.nullable { "" } else { " NOT NULL" };
            (column.name.clone(), ColumnType::Written(format!("{}{null}", column.sql_type)))
        });
        let shape = self.shape();
        let added = columns_of(&shape).into_iter().filter(|column| !self.existing.contains(&column.name));
        there.chain(added.map(|column| (column.name.clone(), column.ty.clone()))).collect()
    }

    /// The columns of this migration that the table has already: those given to
    /// [`existing`](Self::existing) and those found by [`adapted_to`](Self::adapted_to).
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// use diesel_soft_delete::migration::SoftDeleteMigration;
    ///
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let migration = SoftDeleteMigration::new("posts").metadata(["deleted_by", "reason"]).adapted_to(conn)?;
    /// assert_eq!(migration.existing_columns(), ["is_deleted", "deleted_at", "deleted_by"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn existing_columns(&self) -> &[String] {
        &self.existing
    }

    /// Checks that the live table has what this migration makes: what
    /// [`check`](super::check()) finds for a declaration, for a table that is known by names.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// use diesel_soft_delete::migration::{Severity, SoftDeleteMigration};
    ///
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let findings = SoftDeleteMigration::new("tags").check(conn)?;
    /// assert_eq!(findings[0].severity, Severity::Error);
    /// assert!(findings[0].message.contains("is_deleted"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`check`](super::check()).
    pub fn check<Conn>(&self, conn: &mut Conn) -> Result<Vec<Finding>, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: ReadsCatalog,
    {
        check_shape(conn, &self.shape())
    }
}

/// Whether an index lets a deleted row block what the new one would not.
fn is_plain_unique(dialect: Dialect, index: &LiveIndex, columns: &[String]) -> bool {
    let same = |(key, column): (&IndexKey, &String)| {
        key.prefix.is_none() && key.column.as_deref().is_some_and(|key| same_column(dialect, key, column))
    };
    index.unique
        && index.origin != IndexOrigin::PrimaryKey
        && index.predicate.is_none()
        && index.included.is_empty()
        && index.keys.len() == columns.len()
        && index.keys.iter().zip(columns).all(same)
}
