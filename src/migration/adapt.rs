//! Adapts a migration to the table that it is written for.

use diesel::connection::LoadConnection;

use super::builder::SoftDeleteMigration;
use super::check::check_shape;
use super::plan::{LIVE_COLUMN, Replaced, columns_of};
use super::types::{ColumnType, Role};
use crate::connection::{Blocking, Executor, ReadsCatalog, block, dialect};
use crate::dialect::{Dialect, Names, TableName};
use crate::error::{Error, Finding};
use crate::schema::{CatalogIndex, CatalogTable, IndexOrigin, TableKind, read_table, same_column, trigger_names};

impl SoftDeleteMigration {
    /// Looks the table up in the database, and fills in the options that were not given.
    ///
    /// It finds:
    ///
    /// * the primary key;
    /// * which of the columns are [`existing`](Self::existing), with their types, and whether an existing flag or hold
    ///   can be NULL;
    /// * the plain unique indexes and constraints over the columns of a
    ///   [`unique_among_active`](Self::unique_among_active), which are then replaced;
    /// * which of the CHECK, the purge index and `active_key` an earlier migration has created;
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
    /// [`UnsupportedMigration`](Error::UnsupportedMigration) comes if the migration would fail or do harm:
    ///
    /// * the table or a column does not exist;
    /// * it is a view or a partitioned table;
    /// * an existing timestamp cannot be NULL;
    /// * a foreign key references a unique index that would be replaced, or that index says more than its columns;
    /// * a parent of [`require_live_parent`](Self::require_live_parent) is not as expected;
    /// * a primary key is needed, and the table does not have one.
    ///
    /// Other errors are [`InvalidName`](Error::InvalidName) and [`Database`](Error::Database).
    pub fn adapted_to<Conn>(self, conn: &mut Conn) -> Result<Self, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: ReadsCatalog,
    {
        block(self.adapted(&mut Blocking(conn)))
    }

    async fn adapted<X: Executor>(mut self, x: &mut X) -> Result<Self, Error> {
        let dialect = dialect(x).await?;
        self.table.check(dialect, "table")?;
        let Some(catalog) = read_table(x, dialect, &self.table).await? else {
            return Err(self.unsupported("look the table up", "there is no table of that name in this database"));
        };
        self.refuse_kind(&catalog)?;
        if self.primary_key.is_none() && !catalog.primary_key.is_empty() {
            self.primary_key = Some(catalog.primary_key.clone());
        }
        self.adapt_columns(dialect, &catalog)?;
        self.adapt_parts(dialect, &catalog);
        self.adapt_uniques(dialect, &catalog)?;
        if self.all_columns.is_empty() {
            self.all_columns = self.known_columns(&catalog);
        }
        let has_columns = |columns: &[String]| columns.iter().all(|column| catalog.column(dialect, column).is_some());
        self.parents.retain(|(parent, columns)| !parent.optional || has_columns(columns));
        self.refuse_unknown_columns(dialect, &catalog)?;
        for place in 0..self.parents.len() {
            let table = self.parents[place].0.clone().beside(&self.table).table;
            let found = read_table(x, dialect, &table).await?;
            let parent = self.parents[place].0.clone().adapted(dialect, found.as_ref());
            if let Some(missing) = parent.clone().beside(&self.table).missing(dialect, found.as_ref(), &self.shape()) {
                let what = format!("require a live parent in `{}`", table.plain());
                return Err(
                    self.unsupported(&what, &format!("there is no {missing}; every insert of a child would fail"))
                );
            }
            self.parents[place].0 = parent;
        }
        self.objects = catalog.indexes.iter().map(|index| index.name.clone()).collect();
        self.objects.extend(trigger_names(x, dialect, &catalog.name).await?);
        for name in self.view.iter().chain(&self.archive) {
            let name = name.clone().beside(&self.table);
            if read_table(x, dialect, &name).await?.is_some() {
                self.objects.push(name.plain());
            }
        }
        Ok(self)
    }

    fn refuse_kind(&self, catalog: &CatalogTable) -> Result<(), Error> {
        match catalog.kind {
            TableKind::Table => Ok(()),
            TableKind::View => Err(self.unsupported("add columns to it", "it is a view; name the table behind it")),
            TableKind::Partitioned => Err(self.unsupported(
                "be generated for a partitioned table",
                "PostgreSQL builds no index concurrently on one, and lets no trigger tell a row that moves to another \
                 partition from one that is deleted; write it by hand, starting from `--dry-run --backend postgres` without a \
                 database, with the indexes built on each partition",
            )),
            TableKind::Other => Err(self.unsupported("add columns to it", "it is not an ordinary table")),
        }
    }

    fn adapt_columns(&mut self, dialect: Dialect, catalog: &CatalogTable) -> Result<(), Error> {
        let shape = self.shape();
        // The assumed columns are fixed here, so that later options cannot change what was assumed.
        if shape.mode.is_flag() {
            self.set_state(&shape);
        }
        for column in columns_of(&shape) {
            let Some(found) = catalog.column(dialect, &column.name) else {
                if has_zones(dialect, catalog) && column.ty == ColumnType::Assumed(Role::Time(None)) {
                    self.types.push((column.name.clone(), ColumnType::Written(String::from("TIMESTAMPTZ"))));
                }
                continue;
            };
            if shape.timestamp.as_ref() == Some(column) && !found.nullable {
                return Err(self.unsupported(
                    &format!("take over the existing column `{}`", column.name),
                    "it cannot be NULL, so every row seems to be deleted; make it nullable and set it to NULL where nothing \
                     was deleted",
                ));
            }
            if !self.existing.contains(&column.name) {
                self.existing.push(column.name.clone());
            }
            if matches!(column.ty, ColumnType::Assumed(_)) {
                self.types.push((column.name.clone(), ColumnType::Written(found.sql_type.clone())));
            }
            if *column == shape.state && found.nullable && shape.mode.is_flag() {
                *self = self.clone().nullable_flag();
            }
            if found.nullable && shape.hold.as_ref().is_some_and(|hold| hold.column == *column) {
                *self = self.clone().nullable_hold();
            }
        }
        Ok(())
    }

    /// Leaves out what an earlier migration has already created.
    fn adapt_parts(&mut self, dialect: Dialect, catalog: &CatalogTable) {
        let shape = self.shape();
        if let (Some(timestamp), true) = (&shape.timestamp, shape.has_flag_and_timestamp()) {
            let both = [&shape.state.name, &timestamp.name];
            let there =
                catalog.checks.iter().any(|check| both.iter().all(|name| check.expression.contains(name.as_str())));
            // A CHECK that was asked for is not left out.
            if there && self.check.is_none() {
                self.check = Some(false);
            }
        }
        if self.purge_index.is_none() {
            let name = Names::new(&self.table.name).make("purge_idx", &[]);
            self.purge_index = Some(!catalog.indexes.iter().any(|index| index.name == name));
        }
        if catalog.column(dialect, LIVE_COLUMN).is_some_and(|column| column.generated) {
            self.existing.push(LIVE_COLUMN.to_owned());
        }
    }

    fn adapt_uniques(&mut self, dialect: Dialect, catalog: &CatalogTable) -> Result<(), Error> {
        let table = catalog.name.plain();
        for unique in self.uniques.iter_mut().filter(|unique| unique.replaced.is_empty()) {
            for index in catalog.indexes.iter().filter(|index| is_plain_unique(dialect, index, &unique.columns)) {
                let refuse = |why: String| {
                    let (table, what) = (table.clone(), format!("replace the unique index `{}`", index.name));
                    Err(Error::UnsupportedMigration { table, what, why })
                };
                let means = |columns: &[String]| same_set(dialect, columns, &unique.columns);
                if let Some(child) = catalog.references.iter().find(|reference| means(&reference.parent_columns)) {
                    return refuse(format!(
                        "a foreign key of `{}` references these columns, and would mean deleted rows too; let it reference \
                         the primary key",
                        child.child.plain()
                    ));
                }
                if let Some(extra) = says_more(dialect, index, &catalog.name) {
                    return refuse(format!(
                        "it says more than its columns ({extra}), which the new one would not; name it with \
                         `.replacing_index(..)` to replace it all the same, or write the migration by hand"
                    ));
                }
                let columns = index.keys.iter().filter_map(|key| key.column.clone()).collect();
                let is_constraint = index.origin == IndexOrigin::Constraint;
                unique.replaced.push(Replaced { name: index.name.clone(), is_constraint, columns: Some(columns) });
            }
        }
        Ok(())
    }

    /// Refuses misspelt columns here, before any statement has run.
    fn refuse_unknown_columns(&self, dialect: Dialect, catalog: &CatalogTable) -> Result<(), Error> {
        let shape = self.shape();
        let ours = columns_of(&shape);
        let is_known = |name: &String| {
            catalog.column(dialect, name).is_some()
                || ours.iter().any(|column| same_column(dialect, &column.name, name))
        };
        let lists = self.active_indexes.iter().chain(self.uniques.iter().map(|unique| &unique.columns));
        let lists = lists.chain(&self.primary_key).chain(self.parents.iter().map(|(_, columns)| columns));
        if let Some(name) = lists.flatten().find(|name| !is_known(name)) {
            return Err(self.unsupported(&format!("use the column `{name}`"), "the table has no such column"));
        }
        let needs_key = self.archive.is_some() || self.needs_backfill(&shape);
        if needs_key && self.primary_key.is_none() {
            let why = "the table has no primary key; name a unique key that is never NULL with `.primary_key(..)`";
            return Err(self.unsupported("walk or archive its rows", why));
        }
        Ok(())
    }

    /// Returns the columns that the table has and will have, with their types.
    fn known_columns(&self, catalog: &CatalogTable) -> Vec<(String, ColumnType)> {
        let there = catalog.columns.iter().filter(|column| column.name != LIVE_COLUMN).map(|column| {
            let null = if column.nullable { "" } else { " NOT NULL" };
            (column.name.clone(), ColumnType::Written(format!("{}{null}", column.sql_type)))
        });
        let shape = self.shape();
        let added = columns_of(&shape).into_iter().filter(|column| !self.existing.contains(&column.name));
        there.chain(added.map(|column| (column.name.clone(), column.ty.clone()))).collect()
    }

    /// Returns the columns of this migration that the table already has.
    ///
    /// These are the columns given to [`existing`](Self::existing) and those found by [`adapted_to`](Self::adapted_to).
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

    /// Returns the tables of the parents that [`require_live_parent`](Self::require_live_parent) named.
    ///
    /// It leaves out the parents that [`where_columns_exist`](super::LiveParent::where_columns_exist) has excluded.
    pub fn live_parents(&self) -> impl Iterator<Item = String> {
        self.parents.iter().map(|(parent, _)| parent.table.plain())
    }

    /// Checks the table in the database against the columns of this migration, and returns the findings.
    ///
    /// It finds what [`check`](super::check()) finds for a declaration, for a table that is known by names. It does not
    /// look for the unique indexes, triggers, view and archive of this migration.
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
    /// It returns the errors of [`check`](super::check()).
    pub fn check<Conn>(&self, conn: &mut Conn) -> Result<Vec<Finding>, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: ReadsCatalog,
    {
        block(check_shape(&mut Blocking(conn), &self.shape()))
    }
}

/// Returns whether PostgreSQL's timestamps in this table have a time zone, so that a new one gets it too.
fn has_zones(dialect: Dialect, catalog: &CatalogTable) -> bool {
    let has = |ty: &str| {
        catalog.columns.iter().any(|column| column.sql_type.starts_with("timestamp") && column.sql_type.ends_with(ty))
    };
    dialect == Dialect::Postgres && has(" with time zone") && !has(" without time zone")
}

/// Returns whether an index lets a deleted row block a value, which a unique index among active rows would not.
fn is_plain_unique(dialect: Dialect, index: &CatalogIndex, columns: &[String]) -> bool {
    let keys: Vec<String> = index.keys.iter().filter_map(|key| key.column.clone()).collect();
    index.unique
        && index.origin != IndexOrigin::PrimaryKey
        && index.predicate.is_none()
        && index.keys.iter().all(|key| key.prefix.is_none() && key.column.is_some())
        && same_set(dialect, &keys, columns)
}

fn same_set(dialect: Dialect, one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|a| other.iter().any(|b| same_column(dialect, a, b)))
}

/// Returns what a unique index says beyond its columns, which an index on the columns alone would lose.
fn says_more(dialect: Dialect, index: &CatalogIndex, table: &TableName) -> Option<&'static str> {
    let definition = index.definition.as_deref()?;
    // The columns are known to be the same, so quotes can be ignored.
    let plain = |text: &str| text.replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let written = plain(definition);
    for (word, what) in [
        (" COLLATE ", "a collation"),
        (" DESC", "an order"),
        (" NULLS NOT DISTINCT", "NULLS NOT DISTINCT"),
        (" INCLUDE ", "included columns"),
        (" WITH (", "storage parameters"),
    ] {
        if written.contains(word) {
            return Some(what);
        }
    }
    if dialect != Dialect::Postgres {
        return None;
    }
    let columns = index.keys.iter().filter_map(|key| key.column.clone()).collect::<Vec<_>>().join(", ");
    let expected = plain(&format!("CREATE UNIQUE INDEX {} ON {} USING btree ({columns})", index.name, table.plain()));
    (written != expected).then_some("an operator class or another kind of index")
}
