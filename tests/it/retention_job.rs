//! Runs the example `retention_job` as an operator does.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};

use crate::support::sqlite::MIGRATIONS;

/// A file that is removed at the end of the test.
struct Database(PathBuf);

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// 30 posts were deleted long ago, and 10 are active. If `blocked`, the last deleted one has an active comment.
fn fill(conn: &mut impl SimpleConnection, blocked: bool) {
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
        conn.batch_execute("INSERT INTO comments (id, post_id, body) VALUES (1, 30, 'a reply')").unwrap();
    }
}

fn database(name: &str, blocked: bool) -> Database {
    let path = std::env::temp_dir().join(format!("dsd_retention_{}_{name}.db", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.run_pending_migrations(FileBasedMigrations::from_path(MIGRATIONS).unwrap()).unwrap();
    fill(&mut conn, blocked);
    Database(path)
}

fn posts(path: &Path) -> i64 {
    diesel::table! { posts { id -> Integer, } }
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
    posts::table.count().get_result(&mut conn).unwrap()
}

fn program() -> PathBuf {
    // The test is target/debug/deps/it-.., and the examples are in target/debug/examples/.
    let mut path = std::env::current_exe().expect("a test knows its file");
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("retention_job{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: `cargo build --examples` makes it", path.display());
    path
}

fn command(url: Option<&OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.env_remove("DATABASE_URL").args(arguments);
    if let Some(url) = url {
        command.env("DATABASE_URL", url);
    }
    command
}

fn ended(Output { status, stdout, stderr }: Output) -> (Option<i32>, String, String) {
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn run(database: Option<&Database>, arguments: &[&str]) -> (Option<i32>, String, String) {
    let url = database.map(|database| database.0.as_os_str());
    ended(command(url, arguments).output().expect("the program starts"))
}

#[test]
fn it_counts_and_stops_at_a_limit_and_then_removes_the_rest() {
    let database = database("whole", false);
    let (code, out, err) = run(Some(&database), &["--dry-run"]);
    assert_eq!((code, posts(&database.0)), (Some(0), 40), "{out}{err}");
    assert!(out.contains("posts: would remove 30 rows"), "{out}");

    let (code, out, err) = run(Some(&database), &["--max-rows", "12", "--batch-size", "5"]);
    assert_eq!((code, posts(&database.0)), (Some(3), 28), "{out}{err}");
    assert!(out.contains("stopped at the limit of rows"), "{out}");

    let (code, out, err) = run(Some(&database), &["--exclusive", "nightly"]);
    assert_eq!((code, posts(&database.0)), (Some(0), 10), "{out}{err}");
}

#[test]
fn a_blocked_row_is_named() {
    let database = database("blocked", true);
    let (code, out, err) = run(Some(&database), &[]);
    assert_eq!((code, posts(&database.0)), (Some(4), 11), "{out}{err}");
    assert!(out.contains("posts 30 is blocked"), "{out}");
}

#[test]
fn bad_input_changes_nothing() {
    let database = database("input", false);
    for (arguments, expected, text) in [
        (&["--wat"][..], 2, "unexpected argument '--wat'"),
        (&["--batch-size", "many"], 2, "invalid value 'many'"),
        (&["--batch-size", "0"], 1, "batch_size"),
        (&["--older-than", "3"], 1, "minimum age"),
        (&["--database-url", "/nowhere/at/all.db"], 1, "no SQLite file"),
    ] {
        let (code, _, err) = run(Some(&database), arguments);
        assert_eq!((code, err.contains(text)), (Some(expected), true), "{arguments:?}: {err}");
    }
    assert_eq!(posts(&database.0), 40);
    assert_eq!(run(None, &[]).0, Some(2), "a database must be named");
}

#[cfg(unix)]
mod signals {
    use super::*;

    /// A run that has removed some batches and pauses between them.
    fn under_way(database: &Database, pause: &str) -> Child {
        let arguments = ["--batch-size", "2", "--pause-ms", pause];
        let job =
            command(Some(database.0.as_os_str()), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let begun = Instant::now();
        while posts(&database.0) == 40 {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        job.unwrap()
    }

    fn send(signal: &str, job: &Child) {
        let sent = Command::new("kill").args([signal, &job.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    #[test]
    fn one_signal_ends_the_job_with_a_report() {
        for signal in ["-INT", "-TERM"] {
            let database = database(&format!("signal{signal}"), false);
            let job = under_way(&database, "300");
            send(signal, &job);
            let (code, out, err) = ended(job.wait_with_output().unwrap());
            assert_eq!(code, Some(3), "{signal}: {out}{err}");
            let left = posts(&database.0);
            assert!(
                left > 10
                    && left < 40
                    && out.contains("stopped by `.stop_when(..)`")
                    && out.contains(&format!("all tables: {} row", 40 - left)),
                "{out}"
            );
        }
    }

    #[test]
    fn two_signals_end_the_job_at_once() {
        let database = database("signals", false);
        let begun = Instant::now();
        let job = under_way(&database, "60000");
        send("-TERM", &job);
        // Two pending signals would count as one.
        std::thread::sleep(Duration::from_millis(300));
        send("-TERM", &job);
        let (code, out, err) = ended(job.wait_with_output().unwrap());
        assert_eq!(code, Some(130), "{out}{err}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}

/// Counts, stops at a limit, and then removes all rows but the one that a comment holds.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn on_a_server(url: &str, mut posts: impl FnMut() -> i64) {
    let run = |arguments: &[&str]| ended(command(Some(url.as_ref()), arguments).output().expect("the program starts"));
    let (code, out, err) = run(&["--dry-run"]);
    assert_eq!((code, posts()), (Some(0), 40), "{out}{err}");
    assert!(out.contains("posts: would remove 30 rows"), "{out}");
    let (code, out, err) = run(&["--max-rows", "12", "--batch-size", "5"]);
    assert_eq!((code, posts()), (Some(3), 28), "{out}{err}");
    let (code, out, err) = run(&["--exclusive", "a test of the example"]);
    assert_eq!((code, posts()), (Some(4), 11), "{out}{err}");
    assert!(out.contains("posts 30 is blocked by `"), "{out}");
}

#[cfg(feature = "postgres")]
#[test]
fn the_example_runs_on_postgresql() {
    let (mut conn, url) = crate::support::postgres::shared();
    conn.run_pending_migrations(FileBasedMigrations::from_path(crate::support::postgres::MIGRATIONS).unwrap()).unwrap();
    fill(&mut *conn, true);
    on_a_server(&url, || {
        diesel::table! { posts { id -> Integer, } }
        posts::table.count().get_result(&mut *conn).unwrap()
    });
}

#[cfg(feature = "mysql")]
#[test]
fn the_example_runs_on_mysql() {
    let (mut conn, url) = crate::support::mysql::shared();
    conn.run_pending_migrations(FileBasedMigrations::from_path(crate::support::mysql::MIGRATIONS).unwrap()).unwrap();
    fill(&mut *conn, true);
    on_a_server(&url, || {
        diesel::table! { posts { id -> Integer, } }
        posts::table.count().get_result(&mut *conn).unwrap()
    });
}
