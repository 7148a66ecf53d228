//! Several sources of migrations as one source.

use std::fmt;

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource, Result};

use crate::error::Error;

/// The app's own migrations and those of this crate as **one** source, in the order of their versions.
///
/// Diesel's harness needs one source. Methods such as `revert_all_migrations` fail unless the source covers every
/// applied version. The harness also identifies migrations by their version, so it would run only one of two with the
/// same version. Here such a pair is an [`Error::DuplicateVersion`] before anything runs.
///
/// A reference is a source too, so one value serves for running and for reverting.
///
/// ```
/// use diesel::prelude::*;
/// use diesel_soft_delete::migration::{MergedMigrations, SoftDeleteMigration};
/// # #[cfg(feature = "migrations")]
/// use diesel_soft_delete::migration::MigrationHarness;
///
/// const MIGRATIONS: diesel_migrations::EmbeddedMigrations = diesel_migrations::embed_migrations!("migrations/sqlite");
///
/// # #[cfg(feature = "migrations")]
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let conn = &mut SqliteConnection::establish(":memory:")?;
/// let tags = SoftDeleteMigration::new("tags").flag("gone").into_migrations("2026-02-01-000000");
/// let merged = MergedMigrations::new().and(MIGRATIONS).and(tags);
/// conn.run_pending_migrations(&merged)?;
/// conn.revert_all_migrations(&merged)?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "migrations"))]
/// # fn main() {}
/// ```
pub struct MergedMigrations<DB: Backend> {
    sources: Vec<Box<dyn MigrationSource<DB>>>,
}

impl<DB: Backend> MergedMigrations<DB> {
    /// Creates a source without migrations.
    pub fn new() -> Self {
        Self { sources: Vec::new() }
    }

    /// Adds a source.
    ///
    /// It can be `FileBasedMigrations`, `EmbeddedMigrations`, the result of
    /// [`into_migrations`](super::SoftDeleteMigration::into_migrations), or any other.
    #[must_use]
    pub fn and(mut self, source: impl MigrationSource<DB> + 'static) -> Self {
        self.sources.push(Box::new(source));
        self
    }
}

impl<DB: Backend> Default for MergedMigrations<DB> {
    fn default() -> Self {
        Self::new()
    }
}

impl<DB: Backend> fmt::Debug for MergedMigrations<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergedMigrations").field("sources", &self.sources.len()).finish()
    }
}

impl<DB: Backend> MigrationSource<DB> for &MergedMigrations<DB> {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<DB>>>> {
        let mut merged = Vec::new();
        for source in &self.sources {
            merged.extend(source.migrations()?);
        }
        merged.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
        for pair in merged.windows(2) {
            if pair[0].name().version() == pair[1].name().version() {
                return Err(Box::new(Error::DuplicateVersion {
                    version: pair[0].name().version().to_string(),
                    first: pair[0].name().to_string(),
                    second: pair[1].name().to_string(),
                }));
            }
        }
        Ok(merged)
    }
}

impl<DB: Backend> MigrationSource<DB> for MergedMigrations<DB> {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<DB>>>> {
        (&self).migrations()
    }
}
