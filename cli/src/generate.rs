//! `diesel_soft_delete generate`

use std::path::{Path, PathBuf};

use diesel_migrations::FileBasedMigrations;
use diesel_soft_delete::migration::Dialect;

use crate::arguments::Generate;
use crate::database::{Failure, Live, dialect_of};

pub fn run(arguments: &Generate) -> Result<(), Failure> {
    let mut migration = arguments.migration();
    let backend = arguments.backend.map(Dialect::from);
    let url = arguments.database.database_url.as_deref();
    // A URL in the environment may be that of another project's database.
    let dialect = match (backend, url.map(dialect_of)) {
        (Some(backend), Some(of_url)) if backend != of_url => {
            return Err("--backend and the database URL name different databases; leave one of them out".into());
        }
        (Some(dialect), _) | (None, Some(dialect)) => dialect,
        (None, None) => {
            return Err(
                "say which database: --backend postgres, mysql or sqlite; or --database-url or DATABASE_URL".into()
            );
        }
    };
    if let Some(url) = url {
        migration = Live::connect(url)?.look_up(migration)?;
        for column in migration.existing_columns() {
            eprintln!("note: the column `{column}` is there already; the migration leaves it alone");
        }
    }
    if arguments.dry_run {
        let now = chrono::Utc::now().format("%Y-%m-%d-%H%M%S").to_string();
        for folder in migration.folders(dialect, arguments.version.as_deref().unwrap_or(&now))? {
            println!("-- {}/up.sql\n{}", folder.name, folder.up_sql);
            println!("-- {}/down.sql\n{}", folder.name, folder.down_sql);
        }
        return Ok(());
    }
    let directory = directory(arguments)?;
    let folders = match &arguments.version {
        Some(version) => migration.write_to_as(&directory, dialect, version)?,
        None => migration.write_to(&directory, dialect)?,
    };
    if folders.is_empty() {
        println!("Nothing to migrate: the table has all of it");
    }
    for folder in folders {
        for file in ["up.sql", "down.sql", "metadata.toml"] {
            println!("Creating {}", relative(&folder.join(file)).display());
        }
    }
    Ok(())
}

/// As the diesel CLI looks for it.
fn directory(arguments: &Generate) -> Result<PathBuf, Failure> {
    match &arguments.migration_dir {
        Some(directory) if directory.is_dir() => Ok(directory.clone()),
        Some(directory) => Err(format!("the migrations directory `{}` does not exist", directory.display()).into()),
        None => match FileBasedMigrations::find_migrations_directory() {
            Ok(found) => Ok(found.path().to_path_buf()),
            Err(_) => {
                Err("there is no `migrations` directory here or above; run `diesel setup`, or pass --migration-dir"
                    .into())
            }
        },
    }
}

fn relative(path: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}
