//! A migration as diesel_migrations takes it.

use std::fmt;

use diesel::backend::Backend;
use diesel::connection::BoxableConnection;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion, Result};

use super::builder::SoftDeleteMigration;
use super::files::title;
use super::step::{Builds, script};
use super::versions;
use crate::dialect::HasDialect;

impl SoftDeleteMigration {
    /// The migration as a source for diesel_migrations' harness, on any of the three backends: the same
    /// steps that [`write_to`](Self::write_to) writes.
    ///
    /// `version` orders it among the app's other migrations; Diesel's form is `2024-06-01-120000` (it
    /// drops the dashes). It consists of several, whose versions follow at a distance of a second. What
    /// is wrong with the names is reported when the harness asks for the migrations.
    ///
    /// To revert, or together with the app's own migrations: [`MergedMigrations`](super::MergedMigrations).
    /// See the [module](super) for an example.
    pub fn into_migrations(self, version: impl Into<String>) -> SoftDeleteMigrations {
        SoftDeleteMigrations { migration: self, version: version.into() }
    }
}

/// A [`MigrationSource`] with the migrations of one table: what
/// [`into_migrations`](SoftDeleteMigration::into_migrations) returns.
///
/// It implements the trait for `Pg`, `Mysql` and `Sqlite`. A step that failed half-way can be repeated:
/// on MySQL and MariaDB each is one statement that changes the schema, and on PostgreSQL the invalid
/// index that a failed concurrent build left is dropped first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftDeleteMigrations {
    migration: SoftDeleteMigration,
    version: String,
}

impl<DB> MigrationSource<DB> for SoftDeleteMigrations
where
    DB: Backend + HasDialect,
{
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<DB>>>> {
        let steps = self.migration.steps(DB::DIALECT, Builds::Online)?;
        let versions = versions::from(&self.version, steps.len())?;
        let mut migrations: Vec<Box<dyn Migration<DB>>> = Vec::new();
        for (step, version) in steps.into_iter().zip(versions) {
            migrations.push(Box::new(CodeMigration {
                name: Name { version: versions::digits(&version), title: title(&self.migration, &step) },
                metadata: Metadata { in_transaction: step.in_transaction },
                heal: step.heal,
                up: script(&step.up),
                down: script(&step.down),
            }));
        }
        Ok(migrations)
    }
}

/// One migration, its SQL written out.
struct CodeMigration {
    name: Name,
    metadata: Metadata,
    heal: Vec<String>,
    up: String,
    down: String,
}

impl<DB: Backend> Migration<DB> for CodeMigration {
    fn run(&self, conn: &mut dyn BoxableConnection<DB>) -> Result<()> {
        for heal in &self.heal {
            conn.batch_execute(heal)?;
        }
        Ok(conn.batch_execute(&self.up)?)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<DB>) -> Result<()> {
        Ok(conn.batch_execute(&self.down)?)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &self.metadata
    }

    fn name(&self) -> &dyn MigrationName {
        &self.name
    }
}

struct Metadata {
    in_transaction: bool,
}

impl MigrationMetadata for Metadata {
    fn run_in_transaction(&self) -> bool {
        self.in_transaction
    }
}

struct Name {
    version: String,
    title: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.version, self.title)
    }
}

impl MigrationName for Name {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from(&self.version)
    }
}
