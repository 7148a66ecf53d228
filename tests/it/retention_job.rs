//! The example `retention_job`, as an operator runs it, on an SQLite file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;

use crate::support::sqlite::MIGRATIONS;

/// A file that is removed at the end of the test.
struct Database(PathBuf);

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// 30 posts that were deleted long ago, the last with a live comment if one is asked for; 10 that are live.
fn database(name: &str, blocked: bool) -> Database {
    let path = std::env::temp_dir().join(format!("dsd_retention_{}_{name}.db", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.run_pending_migrations(MIGRATIONS).unwrap();
    let rows: Vec<String> = (1..=40)
        .map(|id| {
            format!("({id}, 1, 'post', {})", if id <= 30 { "TRUE, '2024-01-01 00:00:00'" } else { "FALSE, NULL" })
        })
        .collect();
    conn.batch_execute(&format!(
        "INSERT INTO users (id, name) VALUES (1, 'Sean');
         INSERT INTO posts (id, user_id, title, is_deleted, deleted_at) VALUES {};",
        rows.join(", ")
    ))
    .unwrap();
    if blocked {
        conn.batch_execute("INSERT INTO comments (post_id, body) VALUES (30, 'a reply')").unwrap();
    }
    Database(path)
}

fn posts(path: &Path) -> i64 {
    diesel::table! { posts { id -> Integer, } }
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    posts::table.count().get_result(&mut conn).unwrap()
}

fn program() -> PathBuf {
    // target/debug/deps/it-.. and target/debug/examples/..
    let mut path = std::env::current_exe().expect("a test knows its file");
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("retention_job{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: `cargo build --examples` makes it", path.display());
    path
}

fn run(database: Option<&Database>, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program());
    command.env_remove("DATABASE_URL").args(arguments);
    if let Some(Database(path)) = database {
        command.env("DATABASE_URL", path);
    }
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn dry_limited_and_whole() {
    let database = database("whole", false);
    let (code, out, err) = run(Some(&database), &["--dry-run", "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((report["rows"].as_u64(), report["dry_run"].as_bool()), (Some(30), Some(true)));
    assert_eq!(posts(&database.0), 40);

    let (code, out, err) = run(Some(&database), &["--max-rows", "12", "--batch-size", "5"]);
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.contains("stopped at the limit of rows"), "{out}");
    assert_eq!(posts(&database.0), 28);

    let (code, out, err) = run(Some(&database), &["--exclusive", "nightly"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(posts(&database.0), 10);
}

#[test]
fn blocked_rows_and_other_runners() {
    let database = database("blocked", true);
    let (code, out, err) = run(Some(&database), &[]);
    assert_eq!(code, Some(4), "{out}{err}");
    assert!(out.contains("posts 30 is blocked"), "{out}");
    assert_eq!(posts(&database.0), 11);

    let far = chrono::Utc::now().timestamp_millis() + 60_000;
    let mut conn = SqliteConnection::establish(database.0.to_str().unwrap()).unwrap();
    let lease = diesel_soft_delete::lease_table(diesel_soft_delete::Dialect::Sqlite);
    conn.batch_execute(&format!("{lease}; INSERT INTO soft_delete_leases VALUES ('nightly', 'another', {far})"))
        .unwrap();
    let (code, out, err) = run(Some(&database), &["--exclusive", "nightly"]);
    assert_eq!((code, out.contains("another is at work")), (Some(5), true), "{out}{err}");
}

#[test]
fn bad_input() {
    let database = database("input", false);
    for (arguments, expected, text) in [
        (&["--wat"][..], 2, "unknown argument --wat"),
        (&["--batch-size", "many"], 2, "--batch-size needs a number"),
        (&["--max-rows"], 2, "--max-rows needs a value"),
        (&["--batch-size", "0"], 1, "batch_size"),
        (&["--older-than", "3"], 1, "minimum age"),
        (&["--database-url", "/nowhere/at/all.db"], 1, "no SQLite file"),
    ] {
        let (code, _, err) = run(Some(&database), arguments);
        assert_eq!((code, err.contains(text)), (Some(expected), true), "{arguments:?}: {err}");
    }
    assert_eq!(posts(&database.0), 40);
    assert_eq!(run(None, &["--help"]).0, Some(0));
    let (code, out, err) = run(None, &[]);
    assert_eq!((code, out.contains("posts 777 is blocked")), (Some(0), true), "{out}{err}");
}
