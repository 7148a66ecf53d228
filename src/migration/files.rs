//! Writes the migration as folders that the diesel CLI runs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::Utc;

use super::builder::SoftDeleteMigration;
use super::diesel_guard::with_header;
use super::step::{Builds, Statement, Step, script};
use super::versions;
use super::versions::{FORMAT, digits};
use crate::dialect::Dialect;
use crate::error::Error;

impl SoftDeleteMigration {
    /// Writes the migration into the directory `migrations`, as folders that `diesel migration run` executes. It
    /// returns the folders in order.
    ///
    /// A folder contains `up.sql`, `down.sql` and `metadata.toml`. Its name has the CLI's format, such as
    /// `2026-11-25-101500_posts_soft_delete_columns`, with the current time in UTC.
    ///
    /// There are several folders for two reasons. A transaction that locks a table must not scan it as well. An index
    /// that is built while writes continue must be alone in its migration.
    ///
    /// Nothing is overwritten. If one of the folders or versions exists already, nothing is written.
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
    /// It returns the errors of [`up_sql`](Self::up_sql), and these:
    ///
    /// * [`MigrationExists`](Error::MigrationExists): one of the folders or versions exists already.
    /// * [`MigrationFile`](Error::MigrationFile): a file or folder could not be read or written.
    pub fn write_to(&self, migrations: impl AsRef<Path>, dialect: Dialect) -> Result<Vec<PathBuf>, Error> {
        Self::write_all(std::slice::from_ref(self), migrations, dialect, None)
    }

    /// Writes several migrations, one after the other, as [`write_to`](Self::write_to) writes one.
    ///
    /// Put a migration with [`require_live_parent`](Self::require_live_parent) after that of the parent. `version` is
    /// the version of the first folder; without it, that is the current time. If one migration cannot be written,
    /// nothing is written.
    ///
    /// ```
    /// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    ///
    /// # let dir = std::env::temp_dir().join(format!("dsd_doc_all_{}", std::process::id()));
    /// let both = [SoftDeleteMigration::new("users"), SoftDeleteMigration::new("posts")];
    /// let folders = SoftDeleteMigration::write_all(&both, &dir, Dialect::Sqlite, Some("2026-11-25-101500"))?;
    /// assert!(folders[1].ends_with("2026-11-25-101501_posts_soft_delete_columns"));
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It returns the errors of [`write_to_as`](Self::write_to_as).
    pub fn write_all(
        migrations: &[Self],
        directory: impl AsRef<Path>,
        dialect: Dialect,
        version: Option<&str>,
    ) -> Result<Vec<PathBuf>, Error> {
        let directory = directory.as_ref();
        if let Some(version) = version {
            return write(directory, &Self::all_folders(migrations, dialect, version)?);
        }
        let taken = taken_versions(directory)?;
        let mut at = Utc::now();
        loop {
            let folders = Self::all_folders(migrations, dialect, &at.format(FORMAT).to_string())?;
            if !folders.iter().any(|folder| taken.contains(&version_of(&folder.name))) {
                return write(directory, &folders);
            }
            at += chrono::TimeDelta::seconds(1);
        }
    }

    /// Writes the migration as [`write_to`](Self::write_to) does, with a version for the first folder.
    ///
    /// The version has the form `2026-11-25-101500`. Those of the other folders follow one second apart.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`write_to`](Self::write_to). [`MigrationExists`](Error::MigrationExists) also comes if
    /// another migration in the directory has one of the versions.
    pub fn write_to_as(
        &self,
        migrations: impl AsRef<Path>,
        dialect: Dialect,
        version: &str,
    ) -> Result<Vec<PathBuf>, Error> {
        Self::write_all(std::slice::from_ref(self), migrations, dialect, Some(version))
    }

    /// Returns the folders that [`write_to_as`](Self::write_to_as) writes, without writing them.
    ///
    /// ```
    /// use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
    ///
    /// let folders = SoftDeleteMigration::new("posts").folders(Dialect::Postgres, "2026-11-25-101500")?;
    /// let names: Vec<_> = folders.iter().map(|folder| folder.name.as_str()).collect();
    /// assert_eq!(
    ///     names,
    ///     [
    ///         "2026-11-25-101500_posts_soft_delete_columns",
    ///         "2026-11-25-101501_posts_soft_delete_validate_check",
    ///         "2026-11-25-101502_posts_soft_delete_purge_index",
    ///     ],
    /// );
    /// # Ok::<(), diesel_soft_delete::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It returns the errors of [`up_sql`](Self::up_sql), and [`InvalidName`](Error::InvalidName) for the version.
    pub fn folders(&self, dialect: Dialect, version: &str) -> Result<Vec<MigrationFolder>, Error> {
        Self::all_folders(std::slice::from_ref(self), dialect, version)
    }

    /// Returns the folders that [`write_all`](Self::write_all) writes, without writing them.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`folders`](Self::folders).
    pub fn all_folders(migrations: &[Self], dialect: Dialect, version: &str) -> Result<Vec<MigrationFolder>, Error> {
        let mut steps = Vec::new();
        for migration in migrations {
            steps.extend(migration.folder_steps(dialect)?.into_iter().map(|step| (title(migration, &step), step)));
        }
        let versions = versions::from(version, steps.len())?;
        let text = |statements: &[Statement]| match dialect {
            Dialect::Postgres => with_header(script(statements)),
            Dialect::Mysql | Dialect::Sqlite => script(statements),
        };
        let folder = |((title, step), version): (&(String, Step), &String)| MigrationFolder {
            name: format!("{version}_{title}"),
            up_sql: text(&step.up),
            down_sql: text(&step.down),
            metadata: if step.in_transaction {
                String::from("run_in_transaction = true\n")
            } else {
                String::from(
                    "# Part of it cannot run, or could not be undone, inside a transaction.\nrun_in_transaction = false\n",
                )
            },
        };
        Ok(steps.iter().zip(&versions).map(folder).collect())
    }

    /// Returns one step for each folder.
    fn folder_steps(&self, dialect: Dialect) -> Result<Vec<Step>, Error> {
        if !self.single_folder {
            return self.steps(dialect, Builds::Online);
        }
        let steps = self.steps(dialect, Builds::Script)?;
        if steps.is_empty() {
            return Ok(steps);
        }
        let mut whole = Step::new("");
        whole.in_transaction = steps.iter().all(|step| step.in_transaction);
        whole.down = steps.iter().rev().flat_map(|step| step.down.clone()).collect();
        whole.up = steps.into_iter().flat_map(|step| step.up).collect();
        Ok(vec![whole])
    }
}

/// A migration as a folder of the diesel CLI.
///
/// [`write_to`](SoftDeleteMigration::write_to) writes such folders. [`folders`](SoftDeleteMigration::folders) returns
/// them for an app that writes them itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationFolder {
    /// The folder's name, such as `2026-11-25-101500_posts_soft_delete_columns`.
    pub name: String,
    /// The text of `up.sql`.
    pub up_sql: String,
    /// The text of `down.sql`.
    pub down_sql: String,
    /// The text of `metadata.toml`.
    pub metadata: String,
}

/// Writes all folders. If one of them exists already, it returns an error before it writes the first.
fn write(migrations: &Path, folders: &[MigrationFolder]) -> Result<Vec<PathBuf>, Error> {
    let taken = taken_versions(migrations)?;
    let paths: Vec<PathBuf> = folders.iter().map(|folder| migrations.join(&folder.name)).collect();
    for (path, folder) in paths.iter().zip(folders) {
        if taken.contains(&version_of(&folder.name)) || path.exists() {
            return Err(Error::MigrationExists { path: path.clone() });
        }
    }
    if folders.is_empty() {
        return Ok(Vec::new());
    }
    create(migrations, |path| fs::create_dir_all(path))?;
    for (path, folder) in paths.iter().zip(folders) {
        create(path, |path| fs::create_dir(path))?;
        let files = [("up.sql", &folder.up_sql), ("down.sql", &folder.down_sql), ("metadata.toml", &folder.metadata)];
        for (name, text) in files {
            create(&path.join(name), |path| fs::File::create_new(path)?.write_all(text.as_bytes()))?;
        }
    }
    Ok(paths)
}

/// Returns the version in a folder's name, as Diesel stores it.
fn version_of(name: &str) -> String {
    digits(name.split('_').next().unwrap_or_default())
}

fn create(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), Error> {
    how(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Error::MigrationExists { path: path.to_owned() },
        _ => Error::MigrationFile { path: path.to_owned(), source },
    })
}

/// Returns the versions of the existing migrations.
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
        versions.push(version_of(&name));
    }
    Ok(versions)
}

/// Returns the part of a migration's name after the version. It has only letters, digits and `_`, for any table's name.
pub(super) fn title(migration: &SoftDeleteMigration, step: &Step) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let table: String = migration.table.plain().chars().map(plain).collect();
    let title = format!("{table}_soft_delete_{}", step.title);
    title.trim_end_matches('_').to_owned()
}
