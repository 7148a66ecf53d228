//! The migration as folders, as the diesel CLI makes and runs them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::Utc;

use super::builder::SoftDeleteMigration;
use super::dialect::Dialect;
use super::plan::{Builds, Step, script};
use super::versions::{self, FORMAT, digits};
use crate::error::Error;

impl SoftDeleteMigration {
    /// Writes the migration into the directory `migrations`, as folders that `diesel migration run`
    /// executes, and returns them in order.
    ///
    /// A folder holds `up.sql`, `down.sql` and `metadata.toml`; its name is in the CLI's format,
    /// `2026-11-25-101500_posts_soft_delete_columns`, with the current time in UTC. There are several,
    /// because a transaction that locks a table must not also scan it, and an index that is built while
    /// writes go on must be alone in a migration.
    ///
    /// Nothing is ever overwritten, and nothing is written if something is there already.
    ///
    /// ```
    /// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    ///
    /// # let dir = std::env::temp_dir().join(format!("dsd_doc_{}", std::process::id()));
    /// let folders = SoftDeleteMigration::new("posts").write_to(&dir, Dialect::Postgres)?;
    /// assert!(folders[0].join("up.sql").exists());
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`up_sql`](Self::up_sql); [`MigrationExists`](Error::MigrationExists) and
    /// [`MigrationFile`](Error::MigrationFile).
    pub fn write_to(&self, migrations: impl AsRef<Path>, dialect: Dialect) -> Result<Vec<PathBuf>, Error> {
        let migrations = migrations.as_ref();
        let taken = taken_versions(migrations)?;
        let steps = self.steps(dialect, Builds::Online)?;
        let mut at = Utc::now();
        loop {
            let versions = versions::from(&at.format(FORMAT).to_string(), steps.len())?;
            if !versions.iter().any(|version| taken.contains(&digits(version))) {
                return write(self, migrations, &steps, &versions);
            }
            at += chrono::TimeDelta::seconds(1);
        }
    }

    /// As [`write_to`](Self::write_to), with the version of the first folder given
    /// (`2026-11-25-101500`); the others follow, a second apart.
    ///
    /// # Errors
    ///
    /// As [`write_to`](Self::write_to); [`MigrationExists`](Error::MigrationExists) also if another
    /// migration in the directory has one of the versions.
    pub fn write_to_as(
        &self,
        migrations: impl AsRef<Path>,
        dialect: Dialect,
        version: &str,
    ) -> Result<Vec<PathBuf>, Error> {
        let migrations = migrations.as_ref();
        let steps = self.steps(dialect, Builds::Online)?;
        write(self, migrations, &steps, &versions::from(version, steps.len())?)
    }
}

/// The folders of a migration and what will stand in them.
fn write(
    migration: &SoftDeleteMigration,
    migrations: &Path,
    steps: &[Step],
    versions: &[String],
) -> Result<Vec<PathBuf>, Error> {
    let taken = taken_versions(migrations)?;
    let folders: Vec<PathBuf> = steps
        .iter()
        .zip(versions)
        .map(|(step, version)| migrations.join(format!("{version}_{}", title(migration, step))))
        .collect();
    for (folder, version) in folders.iter().zip(versions) {
        if taken.contains(&digits(version)) || folder.exists() {
            return Err(Error::MigrationExists { path: folder.clone() });
        }
    }
    create(migrations, |path| fs::create_dir_all(path))?;
    for (folder, step) in folders.iter().zip(steps) {
        create(folder, |path| fs::create_dir(path))?;
        let transaction = if step.in_transaction {
            "run_in_transaction = true\n"
        } else {
            "# Part of it cannot run, or could not be undone, inside a transaction.\nrun_in_transaction = false\n"
        };
        for (name, text) in
            [("up.sql", script(&step.up)), ("down.sql", script(&step.down)), ("metadata.toml", transaction.to_owned())]
        {
            create(&folder.join(name), |path| fs::File::create_new(path)?.write_all(text.as_bytes()))?;
        }
    }
    Ok(folders)
}

fn create(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), Error> {
    how(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Error::MigrationExists { path: path.to_owned() },
        _ => Error::MigrationFile { path: path.to_owned(), source },
    })
}

/// The versions of the migrations that are there.
fn taken_versions(migrations: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(migrations) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::MigrationFile { path: migrations.to_owned(), source }),
    };
    let mut versions = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| Error::MigrationFile { path: migrations.to_owned(), source })?;
        let name = entry.file_name().to_string_lossy().into_owned();
        versions.extend(name.split('_').next().map(digits));
    }
    Ok(versions)
}

/// The name of a migration behind its version: letters, digits and `_`, whatever the table's name is.
pub(super) fn title(migration: &SoftDeleteMigration, step: &Step) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let table: String = migration.table.plain().chars().map(plain).collect();
    format!("{table}_soft_delete_{}", step.title)
}
