//! The processor time to compile thirty tables and models, with and without the derive.
//!
//! Other work on the machine changes the processor time less than the elapsed time.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Run;
use crate::table::Row;

pub fn measure(run: &mut Run, directory: &Path) {
    let with = generate(directory, "with_derive", true);
    let without = generate(directory, "without_derive", false);
    for command in ["check", "build"] {
        let row = Row::new(format!("`cargo {command}` of 30 tables, processor time"), "", Some(1.10));
        if !run.table.wants(&row) {
            continue;
        }
        // The dependencies are built here, so that they are not measured.
        for package in [&with, &without] {
            compile(command, package, directory);
        }
        let mut flip = false;
        run.ratio(&row, 24, 40, || {
            flip = !flip;
            let time = |package: &Path| {
                // cargo compares only the modification time, so the same text makes it compile again.
                let source = package.join("src/lib.rs");
                let text = std::fs::read(&source).expect("the source was written");
                std::fs::write(&source, text).expect("the source can be written");
                let before = spent_by_children();
                compile(command, package, directory);
                spent_by_children() - before
            };
            if flip {
                let ours: Duration = time(&with);
                [ours, time(&without)]
            } else {
                let by_hand = time(&without);
                [time(&with), by_hand]
            }
        });
        run.table.measured(row, None);
    }
}

fn compile(command: &str, package: &Path, directory: &Path) {
    let status = Command::new(env!("CARGO"))
        .args([command, "--quiet", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", directory.join("target"))
        // An incremental build would hardly compile the same source again.
        .env("CARGO_INCREMENTAL", "0")
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "{} compiles", package.display());
}

/// Returns the processor time of the child processes that this process has waited for, and of their children.
fn spent_by_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    // The second field is a name in parentheses, which may contain blanks. Fields 16 and 17 are in hundredths of a
    // second.
    let (_, fields) = stat.rsplit_once(')').expect("there is a name");
    let spent: u64 = fields.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * spent)
}

/// Writes a package with a schema and its models. Without the derive it does not depend on this crate.
fn generate(directory: &Path, name: &str, derive: bool) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a workspace");
    let package = directory.join(name);
    std::fs::create_dir_all(package.join("src")).expect("the directory can be made");
    let ours = if derive {
        format!(
            "diesel_soft_delete = {{ path = {workspace:?}, default-features = false, features = [\"postgres_backend\"] }}\n"
        )
    } else {
        String::new()
    };
    let manifest = format!(
        "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         diesel = {{ version = \"~2.3\", default-features = false, features = [\"chrono\", \"postgres_backend\"] }}\n\
         chrono = {{ version = \"0.4.35\", default-features = false }}\n{ours}\n[profile.dev]\ndebug = 0\n"
    );
    std::fs::write(package.join("Cargo.toml"), manifest).expect("the manifest can be written");
    // The package uses the same versions as the workspace.
    let _ = std::fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock"));
    std::fs::write(package.join("src/lib.rs"), source(derive)).expect("the source can be written");
    package
}

fn source(derive: bool) -> String {
    let mut source = String::from("use diesel::prelude::*;\n");
    let soft_deletable = if derive { ", diesel_soft_delete::SoftDeletable" } else { "" };
    for number in 0..30 {
        write!(
            source,
            "diesel::table! {{
                table_{number} {{
                    id -> Integer,
                    owner_id -> Integer,
                    name -> Text,
                    body -> Nullable<Text>,
                    price -> BigInt,
                    created_at -> Timestamp,
                    is_deleted -> Bool,
                    deleted_at -> Nullable<Timestamp>,
                }}
            }}
            #[derive(Queryable, Selectable, Identifiable{soft_deletable})]
            #[diesel(table_name = table_{number})]
            pub struct Model{number} {{
                pub id: i32,
                pub owner_id: i32,
                pub name: String,
                pub body: Option<String>,
                pub price: i64,
                pub created_at: chrono::NaiveDateTime,
                pub is_deleted: bool,
                pub deleted_at: Option<chrono::NaiveDateTime>,
            }}\n"
        )
        .expect("a string can be written to");
    }
    source
}
