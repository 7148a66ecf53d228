//! Migrations that add soft deletion to a table, and a check of the database against the declarations.
//!
//! [`SoftDeleteMigration`] writes DDL that is safe for a table in use. It writes a script, folders for the diesel CLI,
//! or migrations for the harness of diesel_migrations. [`MergedMigrations`] puts these migrations in order with the
//! app's own.
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

mod adapt;
mod backfill;
mod builder;
mod check;
mod diesel_guard;
mod files;
mod merged;
mod mysql;
mod parent;
mod plan;
mod postgres;
mod shape;
mod source;
mod sqlite;
mod step;
mod types;
mod versions;

pub use builder::SoftDeleteMigration;
pub use check::{SchemaCheck, Tables, assert_schema, check};
#[cfg(feature = "async")]
pub use check::{assert_schema_async, check_async};
pub(crate) use check::{contradictions, key_order_problem, missing_purge_index};
#[cfg(feature = "migrations")]
pub use diesel_migrations::MigrationHarness;
pub use files::MigrationFolder;
pub use merged::MergedMigrations;
pub use parent::LiveParent;
pub(crate) use shape::Shape;
pub use source::SoftDeleteMigrations;

pub use crate::connection::ReadsCatalog;
pub use crate::declare::{ColumnNames, TableColumns};
pub use crate::dialect::{Dialect, HasDialect};
pub use crate::error::{Finding, FindingKind, Severity};
