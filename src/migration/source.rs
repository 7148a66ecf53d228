//! A migration as diesel_migrations takes it.

use std::fmt;

use diesel::backend::Backend;
use diesel::connection::BoxableConnection;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion, Result};

use super::dialect::HasDialect;
use super::{SoftDeleteMigration, valid};

/// A [`MigrationSource`] with the migration of one table: what
/// [`into_migrations`](SoftDeleteMigration::into_migrations) returns.
///
/// It implements the trait for `Pg`, `Mysql` and `Sqlite`. `revert_last_migration` and its like
/// need one source with **all** applied migrations; give the app's own source and this one to the
/// harness one after the other only when going up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftDeleteMigrations {
    migration: SoftDeleteMigration,
    version: String,
}

impl SoftDeleteMigrations {
    pub(super) fn new(migration: SoftDeleteMigration, version: String) -> Self {
        // Diesel's own sources drop the dashes too: the version in the database is `20240601120000`.
        Self { migration, version: version.replace('-', "") }
    }
}

impl<DB> MigrationSource<DB> for SoftDeleteMigrations
where
    DB: Backend + HasDialect,
{
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<DB>>>> {
        valid("version", &self.version)?;
        let table = self.migration.table.replace('.', "_");
        Ok(vec![Box::new(Step {
            name: Name { version: self.version.clone(), title: format!("soft_delete_{table}") },
            up: self.migration.up_sql(DB::DIALECT)?,
            down: self.migration.down_sql(DB::DIALECT)?,
        })])
    }
}

/// One migration, its SQL written out.
struct Step {
    name: Name,
    up: String,
    down: String,
}

impl<DB: Backend> Migration<DB> for Step {
    fn run(&self, conn: &mut dyn BoxableConnection<DB>) -> Result<()> {
        Ok(conn.batch_execute(&self.up)?)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<DB>) -> Result<()> {
        Ok(conn.batch_execute(&self.down)?)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &InTransaction
    }

    fn name(&self) -> &dyn MigrationName {
        &self.name
    }
}

struct InTransaction;

impl MigrationMetadata for InTransaction {}

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
