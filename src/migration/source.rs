//! A migration in the form that diesel_migrations accepts.

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
    /// Makes the migration a source for the harness of diesel_migrations, on any of the three backends.
    ///
    /// The source has the same steps as the folders of [`write_to`](Self::write_to). `version` orders them among the
    /// app's other migrations. Diesel's form is `2024-06-01-120000`, and Diesel drops the dashes. The versions of the
    /// following steps are one second apart. The harness reports wrong names when it asks for the migrations.
    ///
    /// To revert migrations, or to run them together with the app's own, use
    /// [`MergedMigrations`](super::MergedMigrations). The [module](super) has an example.
    pub fn into_migrations(self, version: impl Into<String>) -> SoftDeleteMigrations {
        SoftDeleteMigrations { migration: self, version: version.into() }
    }
}

/// A [`MigrationSource`] with the migrations of one table.
///
/// [`into_migrations`](SoftDeleteMigration::into_migrations) returns it. It implements the trait for `Pg`, `Mysql` and
/// `Sqlite`. A step that failed half-way can be repeated. On MySQL and MariaDB each step is one statement that changes
/// the schema. On PostgreSQL a step first drops the invalid index that a failed concurrent build left.
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

/// One migration with its SQL text.
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
