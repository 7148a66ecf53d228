//! Runs `diesel_soft_delete generate`.

use std::path::{Path, PathBuf};

use diesel_migrations::FileBasedMigrations;
use diesel_soft_delete::migration::{Dialect, SoftDeleteMigration};
use serde::Deserialize;

use crate::arguments::Generate;
use crate::database::{Failure, Live, dialect_of};

pub fn run(arguments: &Generate) -> Result<(), Failure> {
    let several = arguments.tables.len() > 1;
    for (option, is_given) in [("--view", arguments.view.is_some()), ("--archive", arguments.archive.is_some())] {
        if several && is_given {
            return Err(format!(
                "{option} names one object, so it cannot be given for several tables. Call `generate` for each"
            )
            .into());
        }
    }
    let url = arguments.database.database_url.as_deref();
    let dialect = dialect(arguments, url)?;
    let mut live = url.map(Live::connect).transpose()?;
    let mut migrations = Vec::new();
    for table in arguments.in_order() {
        let mut migration = arguments.migration(table);
        if let Some(live) = &mut live {
            migration = live.look_up(migration)?;
            for column in migration.existing_columns() {
                eprintln!("note: the column `{column}` of `{table}` is there already; the migration leaves it alone");
            }
        }
        migrations.push(migration);
    }
    for (parent, columns) in &arguments.live_parent {
        let is_used = migrations.iter().any(|migration| migration.live_parents().any(|used| used == *parent));
        if several && !is_used {
            return Err(
                format!("no other table of this call has the columns of --live-parent {parent}:{columns}").into()
            );
        }
    }
    if arguments.dry_run || arguments.down {
        return print(arguments, &migrations, dialect);
    }
    let directory = directory(arguments)?;
    if let (Some(live), None) = (&mut live, &arguments.version) {
        refuse_pending(live, &directory, &migrations, dialect)?;
    }
    let folders = SoftDeleteMigration::write_all(&migrations, &directory, dialect, arguments.version.as_deref())?;
    if folders.is_empty() {
        println!("Nothing is left to do: the database has all of it.");
    }
    let is_empty = folders.is_empty();
    for folder in folders {
        for file in ["up.sql", "down.sql", "metadata.toml"] {
            println!("Creating {}", relative(&folder.join(file)).display());
        }
    }
    if arguments.keep_unique && !arguments.unique.is_empty() {
        println!(
            "A unique index that --unique replaces stays for now. When no running code names it in ON CONFLICT any more,"
        );
        println!("call `generate` again without --keep-unique.");
    }
    if !is_empty {
        println!("Next: read the SQL, then `diesel migration run`.");
    }
    Ok(())
}

/// Refuses to write a migration again that was written before and has not run. The database does not show it yet.
fn refuse_pending(
    live: &mut Live,
    directory: &Path,
    migrations: &[SoftDeleteMigration],
    dialect: Dialect,
) -> Result<(), Failure> {
    let title = |name: &str| name.split_once('_').map(|(_, title)| title.to_owned());
    let folders = SoftDeleteMigration::all_folders(migrations, dialect, "2026-01-01-000000")?;
    let titles: Vec<_> = folders.iter().filter_map(|folder| title(&folder.name)).collect();
    let applied = live.applied_versions();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let version = name.split('_').next().unwrap_or_default().replace('-', "");
        if title(&name).is_some_and(|title| titles.contains(&title)) && !applied.contains(&version) {
            return Err(format!(
                "the migration `{name}` was written before and is not recorded as applied. Run it first, or remove it. If it \
                 was applied in another way, pass --version to write all the same"
            )
            .into());
        }
    }
    Ok(())
}

/// Returns the dialect, and refuses a URL that contradicts it. The URL may come from another project's environment.
fn dialect(arguments: &Generate, url: Option<&str>) -> Result<Dialect, Failure> {
    match (arguments.backend.map(Dialect::from), url.map(dialect_of)) {
        (Some(backend), Some(of_url)) if backend != of_url => {
            Err("--backend and the database URL name different databases; leave one of them out".into())
        }
        (Some(dialect), _) | (None, Some(dialect)) => Ok(dialect),
        (None, None) => Err(
            "no database is named. Give --backend (postgres, mysql or sqlite) or --database-url, or set DATABASE_URL"
                .into(),
        ),
    }
}

fn print(arguments: &Generate, migrations: &[SoftDeleteMigration], dialect: Dialect) -> Result<(), Failure> {
    let now = chrono::Utc::now().format("%Y-%m-%d-%H%M%S").to_string();
    let version = arguments.version.as_deref().unwrap_or(&now);
    let mut folders = SoftDeleteMigration::all_folders(migrations, dialect, version)?;
    if folders.is_empty() {
        println!("-- Nothing is left to do: the database has all of it.");
    }
    if arguments.down {
        // Migrations are reverted from the last one to the first one.
        folders.reverse();
    }
    for folder in folders {
        let (file, sql) = if arguments.down { ("down.sql", folder.down_sql) } else { ("up.sql", folder.up_sql) };
        println!("-- {}/{file}\n{sql}", folder.name);
    }
    Ok(())
}

/// The part of `diesel.toml` that this program reads.
#[derive(Debug, Deserialize)]
struct Config {
    migrations_directory: Option<Directory>,
}

#[derive(Debug, Deserialize)]
struct Directory {
    dir: PathBuf,
}

/// Finds the migrations directory as the diesel CLI finds it.
fn directory(arguments: &Generate) -> Result<PathBuf, Failure> {
    let given = match &arguments.migration_dir {
        Some(directory) => Some(directory.clone()),
        None => configured()?,
    };
    match given {
        Some(directory) if directory.is_dir() => Ok(directory),
        Some(directory) => Err(format!("the migrations directory `{}` does not exist", directory.display()).into()),
        None => match FileBasedMigrations::find_migrations_directory() {
            Ok(found) => Ok(found.path().to_path_buf()),
            Err(_) => {
                Err("there is no `migrations` directory here or above. Run `diesel setup`, or pass --migration-dir"
                    .into())
            }
        },
    }
}

/// Returns `[migrations_directory] dir` of `diesel.toml`. The file is `DIESEL_CONFIG_FILE`, or it is here or in a
/// directory above.
fn configured() -> Result<Option<PathBuf>, Failure> {
    let file = match std::env::var_os("DIESEL_CONFIG_FILE") {
        Some(file) => PathBuf::from(file),
        None => {
            let here = std::env::current_dir()?;
            match here.ancestors().map(|directory| directory.join("diesel.toml")).find(|file| file.is_file()) {
                Some(file) => file,
                None => return Ok(None),
            }
        }
    };
    let text =
        std::fs::read_to_string(&file).map_err(|error| format!("`{}` could not be read: {error}", file.display()))?;
    let config: Config = toml::from_str(&text).map_err(|error| format!("`{}`: {error}", file.display()))?;
    let base = file.parent().unwrap_or(Path::new("")).to_path_buf();
    Ok(config.migrations_directory.map(|directory| base.join(directory.dir)))
}

fn relative(path: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}
