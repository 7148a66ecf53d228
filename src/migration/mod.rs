//! The migration that adds the columns, as SQL or for diesel_migrations' harness.
//!
//! ```
//! use diesel::prelude::*;
//! use diesel_soft_delete::migration::SoftDeleteMigration;
//! # #[cfg(feature = "migrations")]
//! use diesel_soft_delete::migration::MigrationHarness;
//!
//! # #[cfg(feature = "migrations")]
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let conn = &mut SqliteConnection::establish(":memory:")?;
//! diesel::sql_query("CREATE TABLE users (user_id INTEGER PRIMARY KEY, name TEXT NOT NULL)").execute(conn)?;
//!
//! let migration = SoftDeleteMigration::new("users").flag("is_deleted").timestamp("deletion_date");
//! conn.run_pending_migrations(migration.into_migrations("2024-06-01-120000"))?;
//!
//! diesel::sql_query("SELECT is_deleted, deletion_date FROM users").execute(conn)?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "migrations"))]
//! # fn main() {}
//! ```

mod dialect;
mod source;

pub use dialect::{Dialect, HasDialect};
#[cfg(feature = "migrations")]
pub use diesel_migrations::MigrationHarness;
pub use source::SoftDeleteMigrations;

use crate::error::Error;

/// A migration that gives an existing table the columns of soft deletion.
///
/// Without a column it adds what `#[derive(SoftDeletable)]` assumes without one: the flag
/// `is_deleted` and the timestamp `deleted_at`. With columns it adds exactly those.
///
/// | column | PostgreSQL | MySQL, MariaDB | SQLite |
/// |---|---|---|---|
/// | `flag` | `BOOLEAN NOT NULL DEFAULT FALSE` | the same | the same |
/// | `active_flag` | `BOOLEAN NOT NULL DEFAULT TRUE` | the same | the same |
/// | `timestamp` | `TIMESTAMP` | `DATETIME(6) NULL DEFAULT NULL` | `TIMESTAMP` |
///
/// All rows that are there become active. No row is rewritten: a constant default and a nullable
/// column are instant on PostgreSQL 11 and later and on SQLite; MySQL 8 and MariaDB are told
/// `ALGORITHM=INSTANT`, so that they refuse rather than copy the table.
///
/// In `table!` the flag is `Bool`, the timestamp `Nullable<Timestamp>`, on MySQL `Nullable<Datetime>`.
///
/// ```
/// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
///
/// let migration = SoftDeleteMigration::new("blog.posts");
/// assert_eq!(
///     migration.up_sql(Dialect::Postgres)?,
///     "ALTER TABLE \"blog\".\"posts\"\n    \
///          ADD COLUMN \"is_deleted\" BOOLEAN NOT NULL DEFAULT FALSE,\n    \
///          ADD COLUMN \"deleted_at\" TIMESTAMP;\n",
/// );
/// # Ok::<(), diesel_soft_delete::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftDeleteMigration {
    table: String,
    flag: Option<(String, Flag)>,
    timestamp: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flag {
    TrueIsDeleted,
    TrueIsActive,
}

struct Column {
    name: String,
    definition: &'static str,
}

impl SoftDeleteMigration {
    /// A migration of the table `table`, or `schema.table`.
    ///
    /// Names are taken as they are and quoted.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("order").flag("gone").up_sql(Dialect::Mysql)?;
    /// assert!(sql.starts_with("ALTER TABLE `order`\n    ADD COLUMN `gone` BOOLEAN NOT NULL DEFAULT FALSE"));
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: table.into(), flag: None, timestamp: None }
    }

    /// Adds a flag that is `TRUE` for deleted rows: `flag = name` in the declaration.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").flag("is_deleted").up_sql(Dialect::Sqlite)?;
    /// assert_eq!(sql, "ALTER TABLE \"users\" ADD COLUMN \"is_deleted\" BOOLEAN NOT NULL DEFAULT FALSE;\n");
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>) -> Self {
        self.flag = Some((name.into(), Flag::TrueIsDeleted));
        self
    }

    /// Adds a flag that is `TRUE` for active rows: `active_flag = name` in the declaration.
    ///
    /// It replaces a `flag(..)` given before.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").active_flag("is_active").up_sql(Dialect::Sqlite)?;
    /// assert_eq!(sql, "ALTER TABLE \"users\" ADD COLUMN \"is_active\" BOOLEAN NOT NULL DEFAULT TRUE;\n");
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn active_flag(mut self, name: impl Into<String>) -> Self {
        self.flag = Some((name.into(), Flag::TrueIsActive));
        self
    }

    /// Adds the instant of the deletion: `timestamp = name` in the declaration.
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").timestamp("deleted_at").up_sql(Dialect::Sqlite)?;
    /// assert_eq!(sql, "ALTER TABLE \"users\" ADD COLUMN \"deleted_at\" TIMESTAMP;\n");
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    #[must_use]
    pub fn timestamp(mut self, name: impl Into<String>) -> Self {
        self.timestamp = Some(name.into());
        self
    }

    /// The script that adds the columns, for `batch_execute`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`] for a name that is empty or holds a NUL byte,
    /// [`Error::DuplicateColumn`] if flag and timestamp have the same name.
    pub fn up_sql(&self, dialect: Dialect) -> Result<String, Error> {
        let columns = self.columns(dialect)?;
        let actions =
            columns.iter().map(|column| format!("ADD COLUMN {} {}", dialect.quote(&column.name), column.definition));
        Ok(self.alter_table(dialect, actions.collect()))
    }

    /// The script that drops the columns, in the opposite order, for `batch_execute`.
    ///
    /// With the columns goes what they said: **every soft-deleted row is an ordinary row again.**
    ///
    /// ```
    /// # use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    /// let sql = SoftDeleteMigration::new("users").down_sql(Dialect::Sqlite)?;
    /// assert_eq!(
    ///     sql,
    ///     "ALTER TABLE \"users\" DROP COLUMN \"deleted_at\";\nALTER TABLE \"users\" DROP COLUMN \"is_deleted\";\n",
    /// );
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`up_sql`](Self::up_sql).
    pub fn down_sql(&self, dialect: Dialect) -> Result<String, Error> {
        let columns = self.columns(dialect)?;
        let actions = columns.iter().rev().map(|column| format!("DROP COLUMN {}", dialect.quote(&column.name)));
        Ok(self.alter_table(dialect, actions.collect()))
    }

    /// The migration as a source for diesel_migrations' harness, on any of the three backends.
    ///
    /// `version` orders it among the app's other migrations and must be unique among them; Diesel's
    /// form is `2024-06-01-120000` (it drops the dashes). What is wrong with the names is reported
    /// when the harness asks for the migrations.
    ///
    /// See the [module](self) for an example.
    pub fn into_migrations(self, version: impl Into<String>) -> SoftDeleteMigrations {
        SoftDeleteMigrations::new(self, version.into())
    }

    fn columns(&self, dialect: Dialect) -> Result<Vec<Column>, Error> {
        valid("table", &self.table)?;
        let assumed = self.flag.is_none() && self.timestamp.is_none();
        let mut columns = Vec::new();
        let flag = if assumed { Some(("is_deleted", Flag::TrueIsDeleted)) } else { None };
        if let Some((name, flag)) = self.flag.as_ref().map(|(name, flag)| (name.as_str(), *flag)).or(flag) {
            let definition = match flag {
                Flag::TrueIsDeleted => "BOOLEAN NOT NULL DEFAULT FALSE",
                Flag::TrueIsActive => "BOOLEAN NOT NULL DEFAULT TRUE",
            };
            columns.push(Column { name: name.to_owned(), definition });
        }
        if let Some(name) = self.timestamp.as_deref().or(assumed.then_some("deleted_at")) {
            columns.push(Column { name: name.to_owned(), definition: dialect.timestamp() });
        }
        for (i, column) in columns.iter().enumerate() {
            if column.name.contains('.') {
                return Err(Error::InvalidName {
                    what: "column",
                    name: column.name.clone(),
                    why: "a column is named without its table",
                });
            }
            valid("column", &column.name)?;
            // Names of columns are compared without case on MySQL and SQLite.
            if columns[..i].iter().any(|before| before.name.eq_ignore_ascii_case(&column.name)) {
                return Err(Error::DuplicateColumn { table: self.table.clone(), column: column.name.clone() });
            }
        }
        Ok(columns)
    }

    fn alter_table(&self, dialect: Dialect, mut actions: Vec<String>) -> String {
        let table = dialect.quote(&self.table);
        match dialect {
            // SQLite takes one action per statement.
            Dialect::Sqlite => actions.iter().map(|action| format!("ALTER TABLE {table} {action};\n")).collect(),
            Dialect::Postgres | Dialect::Mysql => {
                if dialect == Dialect::Mysql && actions.iter().all(|action| action.starts_with("ADD")) {
                    actions.push(String::from("ALGORITHM=INSTANT"));
                }
                format!("ALTER TABLE {table}\n    {};\n", actions.join(",\n    "))
            }
        }
    }
}

fn valid(what: &'static str, name: &str) -> Result<(), Error> {
    let why = if name.is_empty() || name.split('.').any(str::is_empty) {
        "a part of it is empty"
    } else if name.contains('\0') {
        "it holds a NUL byte"
    } else {
        return Ok(());
    };
    Err(Error::InvalidName { what, name: name.to_owned(), why })
}
