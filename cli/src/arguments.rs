//! The arguments of the program. Their doc comments are the text of `--help`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use diesel_soft_delete::migration::{Dialect, LiveParent, SoftDeleteMigration};

/// Writes migrations for soft deletion, and checks the schema.
#[derive(Debug, Parser)]
#[command(
    name = "diesel_soft_delete",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0: done, or nothing to do. 1: `check` found a problem. 2: an error."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes the migrations that add soft deletion to tables, for `diesel migration run`.
    ///
    /// With a database (`--database-url`, `DATABASE_URL` or a file `.env`) the program reads what exists already: the
    /// primary key, columns, indexes, triggers, and unique indexes to replace. A second call writes only what is still
    /// missing. Without a database, name the `--backend`.
    Generate(Box<Generate>),
    /// Checks that the tables of a database fit, and prints the SQL that fixes what does not fit.
    Check(Box<Check>),
}

#[derive(Debug, Args)]
pub struct Generate {
    /// The tables, as `table` or `schema.table`. The parents that --live-parent names come first, in the order of those
    /// options.
    #[arg(required = true)]
    pub tables: Vec<String>,

    /// The database to write SQL for. It is not needed with a database URL.
    #[arg(long, value_enum)]
    pub backend: Option<Backend>,

    #[command(flatten)]
    pub database: Database,

    /// The directory of the migrations. [default: the one of diesel.toml, or `migrations`, here or in a directory
    /// above]
    #[arg(long, value_name = "DIRECTORY", env = "MIGRATION_DIRECTORY")]
    pub migration_dir: Option<PathBuf>,

    /// The version of the first migration, such as 2026-11-25-101500. [default: the current time]
    #[arg(long)]
    pub version: Option<String>,

    /// Prints the SQL of `up.sql` and writes nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// Prints the SQL of `down.sql` and writes nothing.
    #[arg(long, conflicts_with = "dry_run")]
    pub down: bool,

    /// Writes one folder for each table instead of one for each step. Use it for small tables, since writes wait while
    /// indexes are built.
    #[arg(long)]
    pub single_folder: bool,

    /// Keeps a unique index that --unique would replace, since running code may still name it in ON CONFLICT. Later
    /// call `generate` without this option to drop it.
    #[arg(long)]
    pub keep_unique: bool,

    /// The SQL type of an added column: `deleted_at=timestamptz`. May be repeated.
    #[arg(long, value_name = "COLUMN=TYPE", value_parser = parse_column_type)]
    pub column_type: Vec<(String, String)>,

    #[command(flatten)]
    pub columns: Columns,

    /// The columns of the primary key.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub primary_key: Vec<String>,

    /// Columns whose values are unique among active rows: `slug`, or `tenant_id,slug`. May be repeated.
    #[arg(long, value_name = "COLUMNS")]
    pub unique: Vec<String>,

    /// Columns of an index over active rows. May be repeated.
    #[arg(long, value_name = "COLUMNS")]
    pub index: Vec<String>,

    /// Adds a trigger that refuses a DELETE of a row that is not soft-deleted.
    #[arg(long)]
    pub guard: bool,

    /// Adds triggers that refuse an active row below a deleted parent: `users:author_id`. The parent has the key `id`,
    /// and the flag `is_deleted` or only `deleted_at`. May be repeated. With several tables it applies to those that
    /// have the column.
    #[arg(long, value_name = "PARENT:COLUMNS", value_parser = parse_live_parent)]
    pub live_parent: Vec<(String, String)>,

    /// The name of a view of the active rows.
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,

    /// The name of a table that a purge can move rows to.
    #[arg(long, value_name = "NAME")]
    pub archive: Option<String>,

    /// Columns that the table already has.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub existing: Vec<String>,

    /// Brings the rows of an existing flag and timestamp into agreement. The flag decides.
    #[arg(long, conflicts_with = "backfill_by_timestamp")]
    pub backfill: bool,

    /// Brings the rows of an existing flag and timestamp into agreement. The timestamp decides.
    #[arg(long)]
    pub backfill_by_timestamp: bool,

    /// Adds the CHECK that flag and timestamp agree to a table that already has one of them.
    #[arg(long, conflicts_with = "no_check")]
    pub with_check: bool,

    /// Leaves out the CHECK that flag and timestamp agree.
    #[arg(long)]
    pub no_check: bool,

    /// Allows MySQL and MariaDB to copy the table if they cannot avoid it.
    #[arg(long)]
    pub allow_copy: bool,

    /// Leaves out the purge index.
    #[arg(long)]
    pub no_purge_index: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    /// The tables, as `table` or `schema.table`.
    #[arg(required = true)]
    pub tables: Vec<String>,

    #[command(flatten)]
    pub database: Database,

    #[command(flatten)]
    pub columns: Columns,
}

#[derive(Debug, Args)]
pub struct Database {
    /// The URL: postgres://.., mysql://.., or the path of an SQLite file.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

/// The columns of soft deletion. By default they are the flag `is_deleted` and the timestamp `deleted_at`.
#[derive(Debug, Args)]
pub struct Columns {
    /// The flag that is TRUE for deleted rows.
    #[arg(long, value_name = "COLUMN", conflicts_with = "active_flag")]
    pub flag: Option<String>,

    /// The flag that is TRUE for active rows.
    #[arg(long, value_name = "COLUMN")]
    pub active_flag: Option<String>,

    /// The time of the deletion. In a table without a flag it is NULL for active rows.
    #[arg(long, value_name = "COLUMN")]
    pub timestamp: Option<String>,

    /// The unit of a timestamp that is an integer.
    #[arg(long, value_enum)]
    pub unit: Option<Unit>,

    /// The column that every soft delete and restore sets to the current time.
    #[arg(long, value_name = "COLUMN")]
    pub touch: Option<String>,

    /// Nullable columns that describe a deletion, with optional types: `deleted_by:bigint,reason`.
    #[arg(long, value_name = "COLUMN[:TYPE]", value_delimiter = ',')]
    pub metadata: Vec<String>,

    /// The nullable column that identifies one delete operation.
    #[arg(long, value_name = "COLUMN")]
    pub operation: Option<String>,

    /// The flag that keeps a row from every purge while it is TRUE.
    #[arg(long, value_name = "COLUMN")]
    pub hold: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Backend {
    /// PostgreSQL
    Postgres,
    /// MySQL and MariaDB
    Mysql,
    /// SQLite
    Sqlite,
}

impl From<Backend> for Dialect {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Postgres => Self::Postgres,
            Backend::Mysql => Self::Mysql,
            Backend::Sqlite => Self::Sqlite,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Unit {
    Seconds,
    Millis,
    Micros,
}

fn parse_live_parent(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((parent, columns)) if !parent.is_empty() && !columns.is_empty() => Ok((parent.into(), columns.into())),
        _ => Err(String::from("write the parent's table and the foreign key: `users:author_id`")),
    }
}

fn parse_column_type(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, sql)) if !column.is_empty() && !sql.is_empty() => Ok((column.into(), sql.into())),
        _ => Err(String::from("write the column and its SQL type: `deleted_at=timestamptz`")),
    }
}

/// Splits `a,b`. A name cannot contain a comma here.
fn list(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).collect()
}

impl Columns {
    /// Returns whether the columns that say which rows are deleted are the default ones.
    pub fn assumes_state(&self) -> bool {
        self.flag.is_none() && self.active_flag.is_none() && self.timestamp.is_none()
    }

    /// Returns a migration of `table` with these columns.
    pub fn migration(&self, table: &str) -> SoftDeleteMigration {
        use diesel_soft_delete::TimeUnit;

        let mut migration = SoftDeleteMigration::new(table);
        for column in &self.metadata {
            migration = match column.split_once(':') {
                Some((name, sql)) => migration.metadata(name).column_type(name, sql),
                None => migration.metadata(&column[..]),
            };
        }
        if let Some(name) = &self.flag {
            migration = migration.flag(name);
        }
        if let Some(name) = &self.active_flag {
            migration = migration.active_flag(name);
        }
        if let Some(name) = &self.timestamp {
            migration = migration.timestamp(name);
        }
        if let Some(unit) = self.unit {
            migration = migration.unit(match unit {
                Unit::Seconds => TimeUnit::Seconds,
                Unit::Millis => TimeUnit::Millis,
                Unit::Micros => TimeUnit::Micros,
            });
        }
        if let Some(name) = &self.touch {
            migration = migration.touch(name);
        }
        if let Some(name) = &self.operation {
            migration = migration.operation(name);
        }
        if let Some(name) = &self.hold {
            migration = migration.hold(name);
        }
        migration
    }
}

impl Generate {
    /// Returns each table once: the parents of `--live-parent` in the order of these options, then the others.
    pub fn in_order(&self) -> Vec<&str> {
        let parents = self.live_parent.iter().map(|(parent, _)| parent).filter(|parent| self.tables.contains(parent));
        let mut tables: Vec<&str> = Vec::new();
        for table in parents.chain(&self.tables) {
            if !tables.contains(&table.as_str()) {
                tables.push(table);
            }
        }
        tables
    }

    /// Returns the migration of a table, from the arguments alone.
    pub fn migration(&self, table: &str) -> SoftDeleteMigration {
        let mut migration = self.columns.migration(table).existing(&self.existing[..]);
        for (column, sql) in &self.column_type {
            migration = migration.column_type(column, sql);
        }
        if !self.primary_key.is_empty() {
            migration = migration.primary_key(&self.primary_key[..]);
        }
        for columns in &self.unique {
            migration = migration.unique_among_active(list(columns));
        }
        for columns in &self.index {
            migration = migration.index_active(list(columns));
        }
        for (parent, columns) in self.live_parent.iter().filter(|(parent, _)| parent != table || self.tables.len() == 1)
        {
            let parent = self.parent(parent);
            let parent = if self.tables.len() > 1 { parent.where_columns_exist() } else { parent };
            migration = migration.require_live_parent(parent, list(columns));
        }
        if let Some(name) = &self.view {
            migration = migration.active_view(name);
        }
        if let Some(name) = &self.archive {
            migration = migration.archive_table(name);
        }
        type Switch = fn(SoftDeleteMigration) -> SoftDeleteMigration;
        let switches: [(bool, Switch); 9] = [
            (self.guard, SoftDeleteMigration::guard_hard_delete),
            (self.backfill, SoftDeleteMigration::backfill),
            (self.backfill_by_timestamp, SoftDeleteMigration::backfill_by_timestamp),
            (self.with_check, SoftDeleteMigration::with_check),
            (self.allow_copy, SoftDeleteMigration::allow_copy),
            (self.no_check, SoftDeleteMigration::without_check),
            (self.no_purge_index, SoftDeleteMigration::without_purge_index),
            (self.keep_unique, SoftDeleteMigration::keep_unique),
            (self.single_folder, SoftDeleteMigration::single_folder),
        ];
        switches.into_iter().filter(|(is_on, _)| *is_on).fold(migration, |migration, (_, switch)| switch(migration))
    }

    /// Returns the parent. If the same call generates its table, it has the columns of this call.
    fn parent(&self, table: &str) -> LiveParent {
        let parent = LiveParent::new(table);
        if !self.tables.iter().any(|own| own == table) {
            return parent;
        }
        let columns = &self.columns;
        let parent = match (&columns.flag, &columns.active_flag, &columns.timestamp) {
            (Some(flag), ..) => parent.flag(flag),
            (None, Some(flag), _) => parent.active_flag(flag),
            (None, None, Some(timestamp)) => parent.timestamp(timestamp),
            (None, None, None) => parent.flag("is_deleted"),
        };
        if self.tables.len() > 1 { parent.from_earlier_migration() } else { parent }
    }
}
