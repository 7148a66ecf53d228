//! `SoftDeleteMigration`: what a migration is told, and what it gives out.

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

/// A migration that gives an existing table the columns of soft deletion, and what they need:
/// indexes, uniqueness, guards.
///
/// Start with [`for_table`](Self::for_table), which reads every name and mode from the declaration,
/// or with [`new`](Self::new) and names. Without a column it adds what `#[derive(SoftDeletable)]`
/// assumes without one: the flag `is_deleted` and the timestamp `deleted_at`.
///
/// Give it out as a script ([`up_sql`](Self::up_sql), [`down_sql`](Self::down_sql)), as folders for
/// `diesel migration run` ([`write_to`](Self::write_to)), or as migrations in code
/// ([`into_migrations`](Self::into_migrations)).
///
/// # What it does unless told otherwise
///
/// | | PostgreSQL | MySQL, MariaDB | SQLite |
/// |---|---|---|---|
/// | flag | `BOOLEAN NOT NULL DEFAULT FALSE` | the same, `ALGORITHM=INSTANT` | the same |
/// | timestamp | `TIMESTAMP` | `DATETIME(6) NULL` | `TIMESTAMP` |
/// | flag and timestamp agree | CHECK: `NOT VALID`, validated in a later transaction | CHECK on MariaDB; on MySQL it would copy the table | CHECK, with its column |
/// | purge index | `(key, deleted_at) WHERE is_deleted = TRUE` | `(is_deleted, key, deleted_at)` | as PostgreSQL |
///
/// All rows that are there become active. No row is rewritten, and nothing waits for a lock for more
/// than [`lock_timeout`](Self::lock_timeout).
///
/// # Once it has run
///
/// A migration that has run is not changed; for what comes later (a guard, an index) write another
/// one that names the columns as [`existing`](Self::existing). With [`for_table`](Self::for_table) a
/// migration in code follows the declaration: give one that has run to [`write_to`](Self::write_to), or
/// write its names down, before the declaration changes.
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
    /// Types that were given or declared, by column.
    pub(super) types: Vec<(String, ColumnType)>,
    pub(super) all_columns: Vec<(String, ColumnType)>,
    pub(super) primary_key: Option<Vec<String>>,
    pub(super) existing: Vec<String>,
    pub(super) backfill: Option<Decides>,
    /// `None`: if no row can disagree yet.
    pub(super) check: Option<bool>,
    /// `None`: if columns are added.
    pub(super) purge_index: Option<bool>,
    pub(super) allow_copy: bool,
    pub(super) active_indexes: Vec<Vec<String>>,
    pub(super) uniques: Vec<UniqueAmongActive>,
    /// A replacement was asked for before anything that could replace.
    pub(super) replaces_nothing: bool,
    pub(super) guard: bool,
    pub(super) parents: Vec<(LiveParent, Vec<String>)>,
    pub(super) view: Option<TableName>,
    pub(super) archive: Option<TableName>,
    pub(super) lock_timeout: Duration,
    pub(super) keep_unique: bool,
    pub(super) single_folder: bool,
    /// Indexes, triggers, views and archives that exist, by name.
    pub(super) objects: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UniqueAmongActive {
    pub(super) columns: Vec<String>,
    pub(super) replaced: Vec<Replaced>,
}

impl SoftDeleteMigration {
    /// A migration of the table `table`, or `schema.table`.
    ///
    /// Names are taken as they are and quoted; a name that no quoting can mend (empty, too long, with
    /// a NUL byte) is refused when SQL is asked for.
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

    /// A migration of a declared table: names, modes and types of the columns, and the primary key,
    /// are those of `table!` and of the declaration, so that DDL and filters cannot disagree.
    ///
    /// A type that only another database has (`Timestamptz` on MySQL) is an
    /// [`UnknownColumnType`](Error::UnknownColumnType) there; say it with
    /// [`column_type`](Self::column_type).
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
    /// It replaces a `flag(..)` given before.
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

    /// The flag can be NULL, which counts as active: a column of type `Nullable<Bool>` in `table!`.
    ///
    /// For a flag that is there and nullable; a new one is better off without. Indexes and views are
    /// spelled for it: `(is_deleted = FALSE OR is_deleted IS NULL)`.
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

    /// Says the flag and the timestamp of `shape`, which may have been assumed.
    pub(super) fn set_state(&mut self, shape: &Shape) {
        self.flag = Some((shape.state.name.clone(), shape.mode));
        self.timestamp = shape.timestamp.as_ref().map(|column| column.name.clone());
    }

    fn state(mut self, name: String, mode: Mode) -> Self {
        self.flag = Some((name, mode));
        self
    }

    /// Adds the time of the deletion: `timestamp = name` in the declaration.
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

    /// The timestamp (and a touch column) is an integer in this unit: `unit = ..` in the declaration.
    /// Its type is `BIGINT`, unless [`column_type`](Self::column_type) says otherwise.
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

    /// Adds the column that every soft delete and restore sets: `touch = name` in the declaration.
    ///
    /// It is nullable, and NULL until the row is touched; declared NOT NULL in a `table!`
    /// ([`for_table`](Self::for_table)), it starts as 1970-01-01. Most tables have such a column
    /// already: then name it [`existing`](Self::existing) too.
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

    /// Adds nullable columns that describe a deletion: `metadata(..)` in the declaration. They are
    /// `TEXT`, unless [`column_type`](Self::column_type) says otherwise.
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

    /// Adds the nullable column that identifies one delete operation: `operation = name` in the
    /// declaration. It is `TEXT` (`VARCHAR(36)` on MySQL), unless [`column_type`](Self::column_type)
    /// says otherwise.
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

    /// Adds the column that keeps a row from every purge while it is TRUE: `hold = name` in the
    /// declaration. It is `BOOLEAN NOT NULL DEFAULT FALSE`: no row is held before somebody says so.
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

    /// The hold column can be NULL, which is no hold: `Nullable<Bool>` in `table!`. Without a
    /// [`hold`](Self::hold) before it, the name is `legal_hold`.
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

    /// Says the SQL type of one of this migration's columns, for the dialect it will be written for.
    ///
    /// It is written as it stands, so it must come from the program and never from a user's input.
    /// NOT NULL and the default of a flag are added; a type that says `NULL` or `NOT NULL` itself is a
    /// whole definition and left alone.
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
    /// Without it the purge index is over the timestamp alone, and `id` is assumed for the others.
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

    /// Columns that the table has already: they are not added, and `down` leaves them alone.
    ///
    /// If one of flag and timestamp exists, the other is filled from it ([`backfill`](Self::backfill)
    /// is implied), and the CHECK is left out until [`with_check`](Self::with_check) asks for it. On MySQL
    /// and MariaDB the virtual column `active_key` of an earlier migration can be named too.
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

    /// Brings the rows of an existing flag and timestamp into agreement, and **the flag decides**: a NULL
    /// flag becomes active; a deleted row without a time gets the current one (so that a purge finds
    /// it, one age from now); an active row's time becomes NULL.
    ///
    /// On PostgreSQL, MySQL and MariaDB it walks the primary key in batches of 5000 rows, each
    /// committed; in a script for PostgreSQL, and on SQLite, it is one UPDATE. `down` does not undo it.
    /// (On MySQL and MariaDB it is an update as any other for columns with `ON UPDATE CURRENT_TIMESTAMP`.)
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

    /// As [`backfill`](Self::backfill), but **the time decides**: a row with one is deleted, whatever
    /// its flag says.
    ///
    /// For a table whose app went on writing the timestamp alone after the flag was added: the other way
    /// round its deletions would be undone.
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
    /// PostgreSQL and SQLite: a partial index, with the predicate in the spelling of the filter.
    /// MySQL and MariaDB have none: there the state column comes first.
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

    /// Makes the values of `columns` unique among active rows: a deleted row does not block its value,
    /// which can be deleted and used again any number of times.
    ///
    /// PostgreSQL and SQLite: a partial unique index. MySQL and MariaDB: a unique key with a virtual
    /// column `active_key`, which is 1 for active rows and NULL for deleted ones.
    ///
    /// (`UNIQUE (slug, deleted_at)` protects nothing: NULLs are distinct, so two active rows can share
    /// a slug.) It fails if two active rows share a value.
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

    /// The last [`unique_among_active`](Self::unique_among_active) takes the place of this unique
    /// **index** over the same columns, which is dropped. It can be called for several.
    ///
    /// What the old index said beyond its columns (a collation, an order, `NULLS NOT DISTINCT`) is not
    /// carried over, and an `ON CONFLICT (slug)` that meant it must name the predicate now:
    /// `ON CONFLICT (slug) WHERE (is_deleted = FALSE)`. It must not be the target of a foreign key.
    ///
    /// `down` builds it again, or says that deleted rows share a value and stops there.
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

    /// As [`replacing_index`](Self::replacing_index), for a unique **constraint**: what `UNIQUE` in
    /// `CREATE TABLE` made on PostgreSQL. (MySQL and MariaDB know no difference. SQLite cannot drop
    /// one: [`Error::UnsupportedMigration`], with the way out.)
    ///
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

    /// Leaves the unique indexes that [`unique_among_active`](Self::unique_among_active) replaces in place.
    ///
    /// This is the first half of a rolling deployment. Running code may still name the old key in `ON CONFLICT`. When no
    /// such code runs any more, a second migration without this drops the old index. With
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

    /// Writes one folder instead of one per step.
    ///
    /// For small tables: PostgreSQL builds indexes in the migration's transaction then, and writes wait for it.
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

    /// Adds a trigger that refuses a `DELETE` of a row that is not soft-deleted; a purge passes.
    ///
    /// It raises: a trigger that turned the DELETE into an UPDATE would report 0 rows and leave orphans
    /// behind a cascade. What goes past it: `TRUNCATE`; on SQLite `REPLACE` without
    /// `PRAGMA recursive_triggers`; on MySQL and MariaDB a foreign key's `ON DELETE CASCADE`, which
    /// fires no trigger.
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

    /// Adds triggers that refuse an active row whose parent is soft-deleted: when it is inserted, moved
    /// to that parent, or restored. A row without a parent (a NULL in the foreign key) passes.
    ///
    /// A foreign key does not see it: the parent's row is still there. On PostgreSQL, MySQL and MariaDB
    /// the parent is locked in share mode until the transaction ends, so a soft delete of the parent
    /// that runs at the same time is waited for, or waits, and so does any other UPDATE of the parent. (On
    /// PostgreSQL the function runs with the rights of who made it. There, a cascade of soft deletes must
    /// not run in REPEATABLE READ: it would not see the child that it has waited for.)
    ///
    /// One UPDATE that restores parents and children of one table works on PostgreSQL; elsewhere restore
    /// the parents first.
    ///
    /// `parent` is a name, if the parent has the key `id` and the flag `is_deleted`; else a
    /// [`LiveParent`].
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

    /// Adds a view of the active rows, `name` or `schema.name`: for reports and tools that do not
    /// filter. It has the columns that the table has now. Without a schema it is in that of the table.
    ///
    /// On PostgreSQL a view runs with the rights of its owner; row level security of the table applies
    /// to the owner, unless you add `security_invoker` (PostgreSQL 15).
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

    /// Adds a table that a purge can move rows to: the same columns and `archived_at` (UTC, filled by
    /// itself), the primary key, and nothing else: no other keys, no foreign keys, nothing virtual.
    /// Without a schema it is in that of the table.
    ///
    /// `down` drops it, with what was archived.
    ///
    /// SQLite copies no types from table to table; with [`for_table`](Self::for_table) they are those
    /// of the `table!`, with names alone they are the columns' affinities.
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

    /// Leaves the CHECK out that flag and timestamp agree.
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

    /// Adds the CHECK that flag and timestamp agree to a table that had one of them already. Not done
    /// unless asked for: an app that still writes one without the other would fail.
    ///
    /// On PostgreSQL it comes after the backfill, `NOT VALID` first. SQLite can add a CHECK only together
    /// with its column, MySQL only by copying the table: there nothing is added.
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

    /// Leaves the purge index out: for a small table, or one that is never purged.
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

    /// Adds the purge index to a table that has its columns already. Where columns are added, it is added
    /// anyway.
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

    /// Lets MySQL and MariaDB copy the table, or block writes, where they cannot do otherwise.
    ///
    /// Without it every statement says `ALGORITHM=INSTANT` or `INPLACE`, and fails for tables where that
    /// is impossible: `ROW_FORMAT=COMPRESSED`, full-text indexes, partitions, system versioning, other
    /// engines than InnoDB; and, on MariaDB, columns for a table with an indexed virtual column, as
    /// `active_key` is. The other databases do not need it.
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

    /// How long a statement waits for a lock before it fails: 5 seconds, unless said otherwise.
    ///
    /// PostgreSQL: `lock_timeout`; MySQL and MariaDB: `lock_wait_timeout`, in whole seconds. (SQLite
    /// has `busy_timeout`, which is the connection's.) The default of all of them is to wait, and every
    /// query that comes later would wait behind.
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

    /// The whole change as one script, for `batch_execute`, with plain index builds.
    ///
    /// Run it in a transaction on PostgreSQL and SQLite; on MySQL and MariaDB every statement commits
    /// by itself. For a large table in production use [`write_to`](Self::write_to) or
    /// [`into_migrations`](Self::into_migrations): there writes go on while indexes are built.
    ///
    /// # Errors
    ///
    /// [`InvalidName`](Error::InvalidName), [`DuplicateColumn`](Error::DuplicateColumn),
    /// [`UnknownColumnType`](Error::UnknownColumnType), and
    /// [`UnsupportedMigration`](Error::UnsupportedMigration) for what the database cannot do.
    pub fn up_sql(&self, dialect: Dialect) -> Result<String, Error> {
        let steps = self.steps(dialect, Builds::Script)?;
        Ok(script(steps.iter().flat_map(|step| &step.up)))
    }

    /// The script that undoes it, in the opposite order, for `batch_execute`.
    ///
    /// With the columns goes what they said: **every soft-deleted row is an ordinary row again.** A
    /// replaced unique index comes back, or the script says that deleted rows share a value and fails
    /// before it changes anything (on MySQL and MariaDB: before it drops a column).
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
    /// As [`up_sql`](Self::up_sql).
    pub fn down_sql(&self, dialect: Dialect) -> Result<String, Error> {
        let steps = self.steps(dialect, Builds::Script)?;
        Ok(script(steps.iter().rev().flat_map(|step| &step.down)))
    }

    /// The columns, with what is assumed where nothing was said.
    pub(crate) fn shape(&self) -> Shape {
        let column = |name: &str, role: Role| {
            let given = self.types.iter().find(|(column, _)| column == name);
            given.map_or_else(|| Column::new(name, role), |(_, ty)| Column { name: name.to_owned(), ty: ty.clone() })
        };
        let assumed = self.flag.is_none() && self.timestamp.is_none();
        let flag = self.flag.clone().or_else(|| assumed.then(|| (String::from("is_deleted"), Mode::Flag)));
        let timestamp = self.timestamp.as_deref().or(assumed.then_some("deleted_at"));
        let timestamp = timestamp.map(|name| column(name, Role::Instant(self.unit)));
        let (mode, state) = match (flag, &timestamp) {
            (Some((name, mode)), _) => (mode, column(&name, Role::Flag)),
            (None, Some(timestamp)) => (Mode::Timestamp, timestamp.clone()),
            // Without both, the flag is assumed.
            (None, None) => (Mode::Flag, column("is_deleted", Role::Flag)),
        };
        let metadata = self.metadata.iter().map(|name| column(name, Role::Metadata));
        let operation = self.operation.iter().map(|name| column(name, Role::Operation));
        Shape {
            table: self.table.clone(),
            mode,
            state,
            timestamp,
            touch: self.touch.as_deref().map(|name| column(name, Role::Instant(self.unit))),
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
