//! The migration as folders, as the diesel CLI makes and runs them.

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
        Self::write_all(std::slice::from_ref(self), migrations, dialect, None)
    }

    /// Writes several migrations, one after the other, as [`write_to`](Self::write_to) writes one.
    ///
    /// A migration that requires a live parent comes after that of the parent. Without a version the current time is the
    /// first one. Nothing is written if one of them cannot be.
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
    /// Those of [`write_to_as`](Self::write_to_as).
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
        Self::write_all(std::slice::from_ref(self), migrations, dialect, Some(version))
    }

    /// The folders that [`write_to_as`](Self::write_to_as) writes, without writing them.
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
    /// Those of [`up_sql`](Self::up_sql), and [`InvalidName`](Error::InvalidName) for the version.
    pub fn folders(&self, dialect: Dialect, version: &str) -> Result<Vec<MigrationFolder>, Error> {
        Self::all_folders(std::slice::from_ref(self), dialect, version)
    }

    /// The folders that [`write_all`](Self::write_all) writes, without writing them.
    ///
    /// # Errors
    ///
    /// Those of [`folders`](Self::folders).
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

    /// One step for each folder.
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

/// A migration as a folder of the diesel CLI: what [`write_to`](SoftDeleteMigration::write_to) writes,
/// to look at or to write elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationFolder {
    /// The folder's name: `2026-11-25-101500_posts_soft_delete_columns`.
    pub name: String,
    /// The text of `up.sql`.
    pub up_sql: String,
    /// The text of `down.sql`.
    pub down_sql: String,
    /// The text of `metadata.toml`.
    pub metadata: String,
}

/// Writes the folders, all of them or an error before the first.
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

/// The version in a folder's name, as Diesel stores it.
fn version_of(name: &str) -> String {
    digits(name.split('_').next().unwrap_or_default())
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
        versions.push(version_of(&name));
    }
    Ok(versions)
}

/// The name of a migration behind its version: letters, digits and `_`, whatever the table's name is.
pub(super) fn title(migration: &SoftDeleteMigration, step: &Step) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let table: String = migration.table.plain().chars().map(plain).collect();
    let title = format!("{table}_soft_delete_{}", step.title);
    title.trim_end_matches('_').to_owned()
}
