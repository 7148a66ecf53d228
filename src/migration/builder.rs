//! `SoftDeleteMigration`: the options of a migration, and its SQL as a script.

use std::time::Duration;

use super::backfill::Decides;
use super::parent::LiveParent;
use super::plan::Replaced;
use super::shape::{Column, HoldColumn, Shape};
use super::step::{Builds, script};
use super::types::{ColumnType, Role};
use crate::declare::{ColumnNames, Mode, SoftDeletable, TableColumns, TimeUnit, primary_key};
use crate::dialect::{Dialect, TableName};
use crate::error::Error;

/// A migration that adds the columns of soft deletion to an existing table, with the indexes, unique keys and triggers
/// that they need.
///
/// [`for_table`](Self::for_table) reads every name and mode from the declaration. [`new`](Self::new) takes names
/// instead. If no column is named, the migration adds the columns that `#[derive(SoftDeletable)]` assumes. These are
/// the flag `is_deleted` and the timestamp `deleted_at`.
///
/// The result is a script ([`up_sql`](Self::up_sql), [`down_sql`](Self::down_sql)), folders for `diesel migration run`
/// ([`write_to`](Self::write_to)), or migrations in code ([`into_migrations`](Self::into_migrations)).
///
/// # What it does by default
///
/// | part | PostgreSQL | MySQL, MariaDB | SQLite |
/// |---|---|---|---|
/// | flag | `BOOLEAN NOT NULL DEFAULT FALSE` | the same, `ALGORITHM=INSTANT` | the same |
/// | timestamp | `TIMESTAMP` | `DATETIME(6) NULL` | `TIMESTAMP` |
/// | CHECK that the two agree | `NOT VALID`, then validated | on MariaDB only | added with its column |
/// | purge index | `(key, deleted_at) WHERE is_deleted = TRUE` | `(is_deleted, key, deleted_at)` | as PostgreSQL |
///
/// MySQL would copy the table to add the CHECK, so the CHECK is left out there.
///
/// All existing rows become active. No row is rewritten, and no statement waits for a lock longer than
/// [`lock_timeout`](Self::lock_timeout).
///
/// # After it has run
///
/// Do not change a migration that has run. For later additions, such as a guard or an index, write another migration
/// that names the columns as [`existing`](Self::existing). A migration in code with [`for_table`](Self::for_table)
/// follows the declaration. So before the declaration changes, write such a migration to folders with
/// [`write_to`](Self::write_to), or name its columns.
///
/// ```
/// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
///
/// let migration = SoftDeleteMigration::new("posts").primary_key("id").unique_among_active("slug").guard_hard_delete();
/// println!("{}", migration.up_sql(Dialect::Postgres)?);
/// # assert!(migration.up_sql(Dialect::Postgres)?.contains("ON \"posts\" (\"slug\") WHERE (\"is_deleted\" = FALSE)"));
/// # Ok::<(), diesel_soft_delete::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftDeleteMigration {
    pub(super) table: TableName,
    flag: Option<(String, Mode)>,
    timestamp: Option<String>,
    touch: Option<String>,
    metadata: Vec<String>,
    operation: Option<String>,
    /// The hold column, and whether it can be NULL.
    hold: Option<(String, bool)>,
    unit: Option<TimeUnit>,
    /// The given or declared types, by column.
    pub(super) types: Vec<(String, ColumnType)>,
    pub(super) all_columns: Vec<(String, ColumnType)>,
    pub(super) primary_key: Option<Vec<String>>,
    pub(super) existing: Vec<String>,
    pub(super) backfill: Option<Decides>,
    /// Whether the CHECK is added. `None` means that it is added if no row can disagree yet.
    pub(super) check: Option<bool>,
    /// Whether the purge index is added. `None` means that it is added if columns are added.
    pub(super) purge_index: Option<bool>,
    pub(super) allow_copy: bool,
    pub(super) active_indexes: Vec<Vec<String>>,
    pub(super) uniques: Vec<UniqueAmongActive>,
    /// Whether a replacement was asked for before the unique index that replaces.
    pub(super) replaces_nothing: bool,
    pub(super) guard: bool,
    pub(super) parents: Vec<(LiveParent, Vec<String>)>,
    pub(super) view: Option<TableName>,
    pub(super) archive: Option<TableName>,
    pub(super) lock_timeout: Duration,
    pub(super) keep_unique: bool,
    pub(super) single_folder: bool,
    /// The names of the indexes, triggers, views and archives that exist already.
    pub(super) objects: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UniqueAmongActive {
    pub(super) columns: Vec<String>,
    pub(super) replaced: Vec<Replaced>,
}

impl SoftDeleteMigration {
    /// Creates a migration of the table `table` or `schema.table`.
    ///
    /// Names are quoted as they are. Some names cannot be quoted, since they are empty, too long, or contain a NUL
    /// byte. They are refused when the SQL is written.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("shop.order").flag("gone").up_sql(Dialect::Mysql)?;
    /// assert!(sql.contains("ALTER TABLE `shop`.`order`\n    ADD COLUMN `gone` BOOLEAN NOT NULL DEFAULT FALSE"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    pub fn new(table: impl Into<String>) -> Self {
        Self::of(TableName::parse(&table.into()))
    }

    /// Creates a migration of a declared table.
    ///
    /// Names, modes and types of the columns and the primary key come from `table!` and the declaration. So DDL and
    /// filters cannot disagree. A type that only another database has, such as `Timestamptz` on MySQL, is an
    /// [`UnknownColumnType`](Error::UnknownColumnType). Give its SQL with [`column_type`](Self::column_type).
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    ///
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// let sql = SoftDeleteMigration::for_table::<posts::table>().existing("updated_at").up_sql(Dialect::Postgres)?;
    /// assert!(sql.contains("ADD COLUMN \"deleted_by\" TEXT"));
    /// assert!(sql.contains("ON \"posts\" (\"id\", \"deleted_at\") WHERE (\"is_deleted\" = TRUE)"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_table<T>() -> Self
    where
        T: SoftDeletable,
        T::AllColumns: TableColumns,
    {
        let shape = Shape::of::<T>();
        let mut migration = Self::of(shape.table);
        let all = T::AllColumns::columns();
        migration.all_columns =
            all.iter().map(|column| (column.name.to_owned(), ColumnType::Declared(column.sql_type))).collect();
        let mut take = |column: Column| {
            migration.types.push((column.name.clone(), column.ty));
            column.name
        };
        if shape.mode == Mode::Timestamp {
            migration.timestamp = Some(take(shape.state));
        } else {
            migration.flag = Some((take(shape.state), shape.mode));
            migration.timestamp = shape.timestamp.map(&mut take);
        }
        migration.touch = shape.touch.map(&mut take);
        migration.metadata = shape.reset.into_iter().map(&mut take).collect();
        migration.hold = shape.hold.map(|hold| (take(hold.column), hold.nullable));
        migration.unit = shape.unit;
        migration.primary_key = Some(primary_key::<T>()).filter(|key| !key.is_empty());
        migration
    }

    fn of(table: TableName) -> Self {
        Self {
            table,
            flag: None,
            timestamp: None,
            touch: None,
            metadata: Vec::new(),
            operation: None,
            hold: None,
            unit: None,
            types: Vec::new(),
            all_columns: Vec::new(),
            primary_key: None,
            existing: Vec::new(),
            backfill: None,
            check: None,
            purge_index: None,
            allow_copy: false,
            active_indexes: Vec::new(),
            uniques: Vec::new(),
            replaces_nothing: false,
            guard: false,
            parents: Vec::new(),
            view: None,
            archive: None,
            lock_timeout: Duration::from_secs(5),
            keep_unique: false,
            single_folder: false,
            objects: Vec::new(),
        }
    }

    /// Adds a flag that is `TRUE` for deleted rows: `flag = name` in the declaration.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").flag("is_deleted").up_sql(Dialect::Sqlite)?;
    /// assert!(sql.ends_with("ALTER TABLE `users` ADD COLUMN `is_deleted` BOOLEAN NOT NULL DEFAULT FALSE;\n"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn flag(self, name: impl Into<String>) -> Self {
        self.state(name.into(), Mode::Flag)
    }

    /// Adds a flag that is `TRUE` for active rows: `active_flag = name` in the declaration.
    ///
    /// It replaces an earlier `flag(..)`.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").active_flag("is_active").up_sql(Dialect::Sqlite)?;
    /// assert!(sql.ends_with("ADD COLUMN `is_active` BOOLEAN NOT NULL DEFAULT TRUE;\n"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn active_flag(self, name: impl Into<String>) -> Self {
        self.state(name.into(), Mode::ActiveFlag)
    }

    /// Says that the flag can be NULL, which means active: a column of type `Nullable<Bool>` in `table!`.
    ///
    /// Use it for an existing flag that is nullable. A new flag should be NOT NULL. Indexes and views then use the
    /// predicate `(is_deleted = FALSE OR is_deleted IS NULL)`.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("users").flag("gone").nullable_flag().existing("gone");
    /// let sql = migration.index_active("name").up_sql(Dialect::Sqlite)?;
    /// assert!(sql.contains("WHERE (`gone` = FALSE OR `gone` IS NULL)"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn nullable_flag(mut self) -> Self {
        let (name, mode) = self.flag.take().unwrap_or_else(|| (String::from("is_deleted"), Mode::Flag));
        let mode = match mode {
            Mode::ActiveFlag | Mode::NullableActiveFlag => Mode::NullableActiveFlag,
            _ => Mode::NullableFlag,
        };
        self.state(name, mode)
    }

    /// Sets the flag and the timestamp to those of `shape`, which may be assumed.
    pub(super) fn set_state(&mut self, shape: &Shape) {
        self.flag = Some((shape.state.name.clone(), shape.mode));
        self.timestamp = shape.timestamp.as_ref().map(|column| column.name.clone());
    }

    fn state(mut self, name: String, mode: Mode) -> Self {
        self.flag = Some((name, mode));
        self
    }

    /// Adds the column with the time of the deletion: `timestamp = name` in the declaration.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").timestamp("deleted_at").without_purge_index().up_sql(Dialect::Sqlite)?;
    /// assert!(sql.ends_with("ALTER TABLE `users` ADD COLUMN `deleted_at` TIMESTAMP;\n"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn timestamp(mut self, name: impl Into<String>) -> Self {
        self.timestamp = Some(name.into());
        self
    }

    /// Says that the timestamp is an integer in this unit: `unit = ..` in the declaration.
    ///
    /// It also applies to a touch column. Both are `BIGINT`, unless [`column_type`](Self::column_type) gives another
    /// type.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// use diesel_soft_delete::TimeUnit;
    ///
    /// let migration = SoftDeleteMigration::new("users").timestamp("deleted_ms").unit(TimeUnit::Millis);
    /// assert!(migration.up_sql(Dialect::Postgres)?.contains("ADD COLUMN \"deleted_ms\" BIGINT"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn unit(mut self, unit: TimeUnit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// Adds the column that every soft delete and restore sets to the current time: `touch = name` in the declaration.
    ///
    /// The column is nullable, and NULL until the row is changed. If the `table!` of [`for_table`](Self::for_table)
    /// declares it NOT NULL, it starts as 1970-01-01. Most tables already have such a column, so name it
    /// [`existing`](Self::existing) too.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").touch("changed_at").up_sql(Dialect::Mysql)?;
    /// assert!(sql.contains("ADD COLUMN `changed_at` DATETIME(6) NULL DEFAULT NULL"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn touch(mut self, name: impl Into<String>) -> Self {
        self.touch = Some(name.into());
        self
    }

    /// Adds nullable columns that describe a deletion: `metadata(..)` in the declaration.
    ///
    /// They are `TEXT`, unless [`column_type`](Self::column_type) gives another type.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("users").metadata(["deleted_by", "reason"]).column_type("deleted_by", "INTEGER");
    /// let sql = migration.up_sql(Dialect::Postgres)?;
    /// assert!(sql.contains("ADD COLUMN \"deleted_by\" INTEGER,\n    ADD COLUMN \"reason\" TEXT"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn metadata(mut self, names: impl ColumnNames) -> Self {
        self.metadata.extend(names.into_names());
        self
    }

    /// Adds the nullable column that identifies one delete operation: `operation = name` in the declaration.
    ///
    /// It is `TEXT`, or `VARCHAR(36)` on MySQL, unless [`column_type`](Self::column_type) gives another type.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("users").operation("deletion_id").column_type("deletion_id", "UUID");
    /// assert!(migration.up_sql(Dialect::Postgres)?.contains("ADD COLUMN \"deletion_id\" UUID"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// Adds the column that keeps a row from every purge while it is TRUE: `hold = name` in the declaration.
    ///
    /// It is `BOOLEAN NOT NULL DEFAULT FALSE`, so no row is held at first.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("users").hold("legal_hold");
    /// assert!(migration.up_sql(Dialect::Postgres)?.contains("ADD COLUMN \"legal_hold\" BOOLEAN NOT NULL DEFAULT FALSE"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn hold(mut self, name: impl Into<String>) -> Self {
        self.hold = Some((name.into(), false));
        self
    }

    /// Says that the hold column can be NULL, which means that the row is not held: `Nullable<Bool>` in `table!`.
    ///
    /// Without an earlier [`hold`](Self::hold) its name is `legal_hold`.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("users").hold("frozen").nullable_hold();
    /// assert!(migration.up_sql(Dialect::Mysql)?.contains("ADD COLUMN `frozen` BOOLEAN NULL DEFAULT NULL"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn nullable_hold(mut self) -> Self {
        let (name, _) = self.hold.take().unwrap_or_else(|| (String::from("legal_hold"), false));
        self.hold = Some((name, true));
        self
    }

    /// Sets the SQL type of one of this migration's columns, for the dialect that it will be written for.
    ///
    /// The type is written as it is, so it must come from the program, never from a user's input. The migration adds
    /// NOT NULL and the default of a flag. A type that contains `NULL` or `NOT NULL` is a whole definition, so nothing
    /// is added to it.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("users").timestamp("deleted_at").column_type("deleted_at", "TIMESTAMPTZ");
    /// assert!(migration.up_sql(Dialect::Postgres)?.contains("ADD COLUMN \"deleted_at\" TIMESTAMPTZ"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn column_type(mut self, column: impl Into<String>, sql: impl Into<String>) -> Self {
        let column = column.into();
        self.types.retain(|(name, _)| *name != column);
        self.types.push((column, ColumnType::Written(sql.into())));
        self
    }

    /// Names the primary key, for the purge index, the archive table and batches.
    ///
    /// Without it the purge index is over the timestamp alone. The archive and batches then assume `id`.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("follows").primary_key(["follower_id", "followed_id"]).up_sql(Dialect::Sqlite)?;
    /// assert!(sql.contains("(`follower_id`, `followed_id`, `deleted_at`) WHERE (`is_deleted` = TRUE)"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn primary_key(mut self, columns: impl ColumnNames) -> Self {
        self.primary_key = Some(columns.into_names());
        self
    }

    /// Names columns that the table already has. They are not added, and `down` does not drop them.
    ///
    /// If one of flag and timestamp exists, the other is filled from it, as with [`backfill`](Self::backfill). The
    /// CHECK is then left out until [`with_check`](Self::with_check) asks for it. On MySQL and MariaDB the virtual
    /// column `active_key` of an earlier migration can be named too.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("posts").existing("deleted_at").up_sql(Dialect::Sqlite)?;
    /// assert!(sql.contains("UPDATE `posts` SET `is_deleted` = TRUE WHERE (`is_deleted` = FALSE) AND `deleted_at` IS NOT NULL"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn existing(mut self, columns: impl ColumnNames) -> Self {
        self.existing.extend(columns.into_names());
        self
    }

    /// Brings the rows of an existing flag and timestamp into agreement; **the flag decides**.
    ///
    /// * A NULL flag becomes active.
    /// * A deleted row without a time gets the current time. So a purge finds it after its age from now.
    /// * The time of an active row becomes NULL.
    ///
    /// On PostgreSQL, MySQL and MariaDB the migration walks the primary key in batches of 5000 rows, and commits each
    /// batch. In a script for PostgreSQL, and on SQLite, it is one UPDATE. `down` does not undo it. On MySQL and
    /// MariaDB it also changes columns with `ON UPDATE CURRENT_TIMESTAMP`, as every update does.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").existing(["is_deleted", "deleted_at"]).backfill();
    /// let sql = migration.up_sql(Dialect::Sqlite)?;
    /// assert!(sql.contains("SET `is_deleted` = FALSE, `deleted_at` = NULL WHERE `is_deleted` IS NULL"));
    /// assert!(sql.contains("SET `deleted_at` = NULL WHERE (`is_deleted` = FALSE) AND `deleted_at` IS NOT NULL"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn backfill(mut self) -> Self {
        self.backfill = Some(Decides::Flag);
        self
    }

    /// Does the same as [`backfill`](Self::backfill), but **the timestamp decides**: a row with a time is deleted, even
    /// if its flag says that it is active.
    ///
    /// Use it if the app continued to write only the timestamp after the flag was added. If the flag decided, those
    /// deletions would be undone.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").existing(["is_deleted", "deleted_at"]).backfill_by_timestamp();
    /// let sql = migration.with_check().up_sql(Dialect::Postgres)?;
    /// assert!(sql.contains("SET \"is_deleted\" = TRUE WHERE ((\"is_deleted\" = FALSE) OR \"is_deleted\" IS NULL)"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn backfill_by_timestamp(mut self) -> Self {
        self.backfill = Some(Decides::Timestamp);
        self
    }

    /// Adds an index over active rows, for queries with `active()`.
    ///
    /// On PostgreSQL and SQLite it is a partial index, whose predicate is spelled as the filter is. MySQL and MariaDB
    /// do not have partial indexes, so there the state column comes first.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").index_active(["author_id", "created_at"]);
    /// let sql = migration.up_sql(Dialect::Sqlite)?;
    /// assert!(sql.contains("ON `posts` (`author_id`, `created_at`) WHERE (`is_deleted` = FALSE)"));
    /// assert!(migration.up_sql(Dialect::Mysql)?.contains("(`is_deleted`, `author_id`, `created_at`)"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn index_active(mut self, columns: impl ColumnNames) -> Self {
        self.active_indexes.push(columns.into_names());
        self
    }

    /// Makes the values of `columns` unique among active rows, so that a deleted row does not block its value.
    ///
    /// A value can be deleted and used again any number of times. On PostgreSQL and SQLite it is a partial unique
    /// index. On MySQL and MariaDB it is a unique key with a virtual column `active_key`, which is 1 for active rows
    /// and NULL for deleted ones.
    ///
    /// `UNIQUE (slug, deleted_at)` would not protect anything. NULLs are distinct, so two active rows could share a
    /// slug.
    ///
    /// The migration fails if two active rows share a value.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").unique_among_active("slug");
    /// let sql = migration.up_sql(Dialect::Postgres)?;
    /// assert!(sql.contains("CREATE UNIQUE INDEX \"posts_active_key_slug\" ON \"posts\" (\"slug\") WHERE (\"is_deleted\" = FALSE)"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn unique_among_active(mut self, columns: impl ColumnNames) -> Self {
        self.uniques.push(UniqueAmongActive { columns: columns.into_names(), replaced: Vec::new() });
        self
    }

    /// Drops this unique **index** over the same columns, which the last
    /// [`unique_among_active`](Self::unique_among_active) replaces.
    ///
    /// It can be called for several indexes. The new index does not have a collation, an order or `NULLS NOT DISTINCT`
    /// of the old one. An `ON CONFLICT (slug)` that used the old index must name the predicate:
    /// `ON CONFLICT (slug) WHERE (is_deleted = FALSE)`. The old index must not be the target of a foreign key.
    ///
    /// `down` creates the old index again. If deleted rows share a value, it says so and stops.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").unique_among_active("slug").replacing_index("posts_slug");
    /// assert!(migration.up_sql(Dialect::Sqlite)?.contains("DROP INDEX `posts_slug`"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn replacing_index(self, name: impl Into<String>) -> Self {
        self.replacing(name.into(), false)
    }

    /// Drops a unique **constraint** instead of an index; otherwise it is [`replacing_index`](Self::replacing_index).
    ///
    /// On PostgreSQL, `UNIQUE` in `CREATE TABLE` makes a constraint. MySQL and MariaDB do not distinguish the two.
    /// SQLite cannot drop a constraint, so there it is an [`Error::UnsupportedMigration`] that says what to do instead.
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").unique_among_active("slug").replacing_constraint("posts_slug_key");
    /// assert!(migration.up_sql(Dialect::Postgres)?.contains("DROP CONSTRAINT \"posts_slug_key\""));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn replacing_constraint(self, name: impl Into<String>) -> Self {
        self.replacing(name.into(), true)
    }

    fn replacing(mut self, name: String, is_constraint: bool) -> Self {
        match self.uniques.last_mut() {
            Some(unique) => unique.replaced.push(Replaced { name, is_constraint, columns: None }),
            None => self.replaces_nothing = true,
        }
        self
    }

    /// Keeps the unique indexes that [`unique_among_active`](Self::unique_among_active) would replace.
    ///
    /// This is the first half of a rolling deployment, since running code may still name the old key in `ON CONFLICT`.
    /// When no such code runs any more, a second migration without this option drops the old index. With
    /// [`adapted_to`](Self::adapted_to) the second migration does nothing else.
    ///
    /// ```
    /// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    ///
    /// let both = SoftDeleteMigration::new("posts").unique_among_active("slug").replacing_index("posts_slug");
    /// assert!(both.up_sql(Dialect::Postgres)?.contains("DROP INDEX \"posts_slug\""));
    /// assert!(!both.keep_unique().up_sql(Dialect::Postgres)?.contains("DROP INDEX"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn keep_unique(mut self) -> Self {
        self.keep_unique = true;
        self
    }

    /// Writes one folder instead of one folder per step.
    ///
    /// Use it for small tables. PostgreSQL then builds indexes in the migration's transaction, and writes wait for it.
    ///
    /// ```
    /// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    ///
    /// let migration = SoftDeleteMigration::new("posts").unique_among_active("slug").single_folder();
    /// assert_eq!(migration.folders(Dialect::Postgres, "2026-11-25-101500")?.len(), 1);
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn single_folder(mut self) -> Self {
        self.single_folder = true;
        self
    }

    /// Adds a trigger that refuses the `DELETE` of a row that is not soft-deleted. A purge passes it.
    ///
    /// The trigger raises an error. If it turned the DELETE into an UPDATE, the DELETE would report 0 rows, and a
    /// cascade would leave orphans.
    ///
    /// The trigger cannot catch these:
    ///
    /// * `TRUNCATE`;
    /// * `REPLACE` on SQLite without `PRAGMA recursive_triggers`;
    /// * `ON DELETE CASCADE` of a foreign key on MySQL and MariaDB, which fires no trigger.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use diesel::connection::SimpleConnection;
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    ///
    /// let guard = SoftDeleteMigration::new("tags").flag("gone").guard_hard_delete();
    /// conn.batch_execute(&guard.up_sql(Dialect::Sqlite)?)?;
    /// let refused = diesel::delete(tags::table).execute(conn).unwrap_err();
    /// assert!(refused.to_string().contains("must be soft-deleted before it is deleted"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn guard_hard_delete(mut self) -> Self {
        self.guard = true;
        self
    }

    /// Adds triggers that refuse an active row whose parent is soft-deleted.
    ///
    /// They run when a row is inserted, moved to another parent, or restored. A row without a parent, with NULL in the
    /// foreign key, passes. A foreign key alone does not refuse such a row, since the parent's row still exists.
    ///
    /// On PostgreSQL, MySQL and MariaDB the trigger locks the parent in share mode until the transaction ends. So the
    /// transaction and a soft delete of the parent wait for each other, and so does any other UPDATE of the parent.
    ///
    /// On PostgreSQL the function runs with the rights of its owner. A cascade of soft deletes must not run in
    /// REPEATABLE READ there, since it would not see the child that it has waited for.
    ///
    /// On PostgreSQL one UPDATE can restore parents and children of the same table. On the other databases restore the
    /// parents first.
    ///
    /// `parent` is a name if the parent has the key `id` and the flag `is_deleted`. Otherwise it is a [`LiveParent`].
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").require_live_parent("users", "author_id");
    /// assert!(migration.up_sql(Dialect::Postgres)?.contains("FOR SHARE"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn require_live_parent(mut self, parent: impl Into<LiveParent>, foreign_key: impl ColumnNames) -> Self {
        self.parents.push((parent.into(), foreign_key.into_names()));
        self
    }

    /// Adds a view of the active rows, `name` or `schema.name`, for reports and tools that do not filter.
    ///
    /// The view has the columns that the table has now. Without a schema it is in the schema of the table. On
    /// PostgreSQL it runs with the rights of its owner, so row security of the table applies to the owner.
    /// `security_invoker` (PostgreSQL 15) changes that.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("posts").active_view("live_posts").up_sql(Dialect::Sqlite)?;
    /// assert!(sql.contains("CREATE VIEW `live_posts` AS\n    SELECT * FROM `posts` WHERE (`is_deleted` = FALSE)"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn active_view(mut self, name: impl Into<String>) -> Self {
        self.view = Some(TableName::parse(&name.into()));
        self
    }

    /// Adds a table that a purge can move rows to.
    ///
    /// It has the same columns, the primary key, and a column `archived_at`, which the database fills with the time in
    /// UTC. It has no other keys, no foreign keys and no virtual columns. Without a schema it is in the schema of the
    /// table.
    ///
    /// `down` drops the table with the archived rows.
    ///
    /// SQLite cannot copy types from one table to another. With [`for_table`](Self::for_table) the types come from the
    /// `table!`. With names alone they are the affinities of the columns.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("posts").archive_table("posts_archive").up_sql(Dialect::Postgres)?;
    /// assert!(sql.contains("CREATE TABLE \"posts_archive\" (LIKE \"posts\")"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn archive_table(mut self, name: impl Into<String>) -> Self {
        self.archive = Some(TableName::parse(&name.into()));
        self
    }

    /// Leaves out the CHECK that flag and timestamp agree.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("posts").without_check().up_sql(Dialect::Sqlite)?;
    /// assert!(!sql.contains("CHECK"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn without_check(mut self) -> Self {
        self.check = Some(false);
        self
    }

    /// Adds the CHECK that flag and timestamp agree to a table that already has one of them.
    ///
    /// By default the CHECK is left out there, since an app that still writes one without the other would fail. On
    /// PostgreSQL it follows the backfill, at first as `NOT VALID`. SQLite can add a CHECK only together with its
    /// column, and MySQL only by copying the table, so nothing is added there.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").existing("deleted_at");
    /// assert!(!migration.up_sql(Dialect::Postgres)?.contains("CHECK"));
    /// assert!(migration.with_check().up_sql(Dialect::Postgres)?.contains("CHECK"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn with_check(mut self) -> Self {
        self.check = Some(true);
        self
    }

    /// Leaves out the purge index, for a small table or one that is never purged.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("posts").without_purge_index().up_sql(Dialect::Sqlite)?;
    /// assert!(!sql.contains("INDEX"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn without_purge_index(mut self) -> Self {
        self.purge_index = Some(false);
        self
    }

    /// Adds the purge index to a table that already has its columns.
    ///
    /// A migration that adds columns adds the index by default.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").existing(["is_deleted", "deleted_at"]).with_purge_index();
    /// assert!(migration.up_sql(Dialect::Sqlite)?.contains("posts_purge_idx"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn with_purge_index(mut self) -> Self {
        self.purge_index = Some(true);
        self
    }

    /// Allows MySQL and MariaDB to copy the table, or to block writes, if they cannot avoid it.
    ///
    /// Without it every statement says `ALGORITHM=INSTANT` or `INPLACE`. Such a statement fails for tables with
    /// `ROW_FORMAT=COMPRESSED`, full-text indexes, partitions or system versioning, and for other engines than InnoDB.
    /// On MariaDB it also fails to add columns to a table with an indexed virtual column, such as `active_key`. The
    /// other databases do not need this option.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("posts").allow_copy().up_sql(Dialect::Mysql)?;
    /// assert!(!sql.contains("ALGORITHM"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn allow_copy(mut self) -> Self {
        self.allow_copy = true;
        self
    }

    /// Sets how long a statement waits for a lock before it fails. The default is 5 seconds.
    ///
    /// It is `lock_timeout` on PostgreSQL, and `lock_wait_timeout` in whole seconds on MySQL and MariaDB. On SQLite the
    /// connection's `busy_timeout` applies instead. The servers' own default is to wait, and every later query of the
    /// table would wait behind the statement.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let migration = SoftDeleteMigration::new("posts").lock_timeout(std::time::Duration::from_millis(500));
    /// assert!(migration.up_sql(Dialect::Postgres)?.contains("SET LOCAL lock_timeout = '500ms'"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Returns the whole change as one script for `batch_execute`, with plain index builds.
    ///
    /// On PostgreSQL and SQLite run it in a transaction. On MySQL and MariaDB every statement commits by itself. For a
    /// large table in production use [`write_to`](Self::write_to) or [`into_migrations`](Self::into_migrations), with
    /// which writes continue while indexes are built.
    ///
    /// # Errors
    ///
    /// * [`InvalidName`](Error::InvalidName): a name cannot be quoted.
    /// * [`DuplicateColumn`](Error::DuplicateColumn): two columns have the same name.
    /// * [`UnknownColumnType`](Error::UnknownColumnType): the dialect does not have the declared type of a column.
    /// * [`UnsupportedMigration`](Error::UnsupportedMigration): the database cannot do what was asked for.
    pub fn up_sql(&self, dialect: Dialect) -> Result<String, Error> {
        let steps = self.steps(dialect, Builds::Script)?;
        Ok(script(steps.iter().flat_map(|step| &step.up)))
    }

    /// Returns the script that undoes the change, for `batch_execute`.
    ///
    /// It drops the columns, so **every soft-deleted row becomes an ordinary row again.** It also creates a replaced
    /// unique index again. If deleted rows share a value, it says so and fails before it changes anything. On MySQL and
    /// MariaDB it fails before it drops a column.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").without_purge_index().down_sql(Dialect::Sqlite)?;
    /// let dropped = ["ALTER TABLE `users` DROP COLUMN `deleted_at`;", "ALTER TABLE `users` DROP COLUMN `is_deleted`;"];
    /// assert!(sql.find(dropped[0]) < sql.find(dropped[1]));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It returns the errors of [`up_sql`](Self::up_sql).
    pub fn down_sql(&self, dialect: Dialect) -> Result<String, Error> {
        let steps = self.steps(dialect, Builds::Script)?;
        Ok(script(steps.iter().rev().flat_map(|step| &step.down)))
    }

    /// Returns the columns, including those that are assumed.
    pub(crate) fn shape(&self) -> Shape {
        let column = |name: &str, role: Role| {
            let given = self.types.iter().find(|(column, _)| column == name);
            given.map_or_else(|| Column::new(name, role), |(_, ty)| Column { name: name.to_owned(), ty: ty.clone() })
        };
        let assumed = self.flag.is_none() && self.timestamp.is_none();
        let flag = self.flag.clone().or_else(|| assumed.then(|| (String::from("is_deleted"), Mode::Flag)));
        let timestamp = self.timestamp.as_deref().or(assumed.then_some("deleted_at"));
        let timestamp = timestamp.map(|name| column(name, Role::Time(self.unit)));
        let (mode, state) = match (flag, &timestamp) {
            (Some((name, mode)), _) => (mode, column(&name, Role::Flag)),
            (None, Some(timestamp)) => (Mode::Timestamp, timestamp.clone()),
            // Without a flag and a timestamp, the flag is assumed.
            (None, None) => (Mode::Flag, column("is_deleted", Role::Flag)),
        };
        let metadata = self.metadata.iter().map(|name| column(name, Role::Metadata));
        let operation = self.operation.iter().map(|name| column(name, Role::Operation));
        Shape {
            table: self.table.clone(),
            mode,
            state,
            timestamp,
            touch: self.touch.as_deref().map(|name| column(name, Role::Time(self.unit))),
            reset: metadata.chain(operation).collect(),
            hold: self
                .hold
                .as_ref()
                .map(|(name, nullable)| HoldColumn { column: column(name, Role::Flag), nullable: *nullable }),
            unit: self.unit,
            relations: Vec::new(),
        }
    }
}
