//! Runs the program as a person would. The servers and the tables are those of the library's tests.

#[allow(dead_code, unused_imports, reason = "it is shared with the library's tests, which use all of it")]
#[path = "../../tests/it/support.rs"]
mod support;

#[allow(dead_code, reason = "it is shared with the library's tests")]
#[path = "../../tests/ddl/dump.rs"]
mod dump;

macro_rules! blog {
    ($backend:ident) => {
        mod $backend {
            use crate::support::$backend as backend;
            #[allow(dead_code, reason = "it is shared with the library's tests")]
            pub mod blog {
                include!("../../tests/ddl/cases/blog.rs");
            }
        }
    };
}

blog!(sqlite);
#[cfg(feature = "postgres")]
blog!(postgres);
#[cfg(feature = "mysql")]
blog!(mysql);

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use diesel::connection::SimpleConnection;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};

/// A project with an empty directory `migrations`.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dsd_cli_{}_{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("migrations")).unwrap();
        Self(path)
    }

    fn run(&self, url: Option<&str>, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diesel_soft_delete"));
        command.current_dir(&self.0).args(arguments).env_remove("DATABASE_URL").env_remove("MIGRATION_DIRECTORY");
        if let Some(url) = url {
            command.env("DATABASE_URL", url);
        }
        command.output().unwrap()
    }

    fn migrations(&self) -> PathBuf {
        self.0.join("migrations")
    }

    fn count(&self) -> usize {
        std::fs::read_dir(self.migrations()).unwrap().count()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn stdout(output: &Output, code: i32) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    out.into_owned()
}

#[track_caller]
fn stderr(output: &Output, code: i32) -> String {
    stdout(output, code);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A newcomer generates migrations, reads them, runs them and checks the table.
macro_rules! newcomer {
    ($backend:ident) => {
        mod $backend {
            use super::*;
            use crate::support::$backend::Conn;

            #[test]
            fn generated_migrations_run_and_pass_the_check() {
                let project = Project::new(concat!(stringify!($backend), "_newcomer"));
                let (mut guard, url) = database(&project);
                let conn = &mut *guard;
                crate::$backend::blog::create(conn);
                crate::$backend::blog::fill(conn, 100);
                let before = crate::dump::$backend::dump(conn);

                let missing = stdout(&project.run(Some(&url), &["check", "posts"]), 1);
                assert!(missing.contains("is_deleted"), "{missing}");

                let dry = stdout(&project.run(Some(&url), &["generate", "posts", "--unique", "slug", "--dry-run"]), 0);
                assert!(dry.contains("posts_plain_slug") && dry.contains("purge_idx"), "{dry}");
                assert_eq!(project.count(), 0);
                assert_eq!(crate::dump::$backend::dump(conn), before);

                let printed = stdout(&project.run(Some(&url), &["generate", "posts", "--unique", "slug"]), 0);
                assert!(printed.starts_with("Creating migrations/"), "{printed}");
                let again = stderr(&project.run(Some(&url), &["generate", "posts", "--unique", "slug"]), 2);
                assert!(again.contains("was written before and is not recorded as applied"), "{again}");
                let source = FileBasedMigrations::from_path(project.migrations()).unwrap();
                conn.run_pending_migrations(source.clone()).unwrap();
                let well = stdout(&project.run(Some(&url), &["check", "posts"]), 0);
                assert!(well.contains("posts: all is well"), "{well}");

                let again = stdout(&project.run(Some(&url), &["generate", "posts", "--unique", "slug"]), 0);
                assert!(again.starts_with("Nothing is left to do"), "{again}");

                conn.revert_all_migrations(source).unwrap();
                assert_eq!(crate::dump::$backend::dump(conn), before);
            }

            /// Children come after the parents of the same call, whose flag their triggers read.
            #[test]
            fn several_tables_are_generated_parents_first() {
                let project = Project::new(concat!(stringify!($backend), "_several"));
                let (mut guard, url) = database(&project);
                let conn = &mut *guard;
                conn.batch_execute(
                    "CREATE TABLE authors (id INTEGER PRIMARY KEY);
                     CREATE TABLE books (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL);
                     CREATE TABLE chapters (id INTEGER PRIMARY KEY, book_id INTEGER NOT NULL);",
                )
                .unwrap();
                let arguments = "generate chapters books authors --live-parent authors:author_id --live-parent books:book_id                      --timestamp deleted_at --single-folder --version 2026-11-25-101500";
                let arguments = arguments.split_whitespace().collect::<Vec<_>>();
                let printed = stdout(&project.run(Some(&url), &arguments), 0);
                assert!(printed.ends_with("Next: read the SQL, then `diesel migration run`.
"), "{printed}");
                let tables = ["authors", "books", "chapters"];
                let folders = tables.map(|table| format!("2026-11-25-1015{:02}_{table}_soft_delete", tables.iter().position(|t| *t == table).unwrap()));
                for folder in &folders {
                    assert!(project.migrations().join(folder).is_dir(), "{folder}: {printed}");
                }
                assert_eq!(project.count(), 3);

                let source = FileBasedMigrations::from_path(project.migrations()).unwrap();
                conn.run_pending_migrations(source.clone()).unwrap();
                conn.batch_execute(
                    "INSERT INTO authors (id) VALUES (1), (2); INSERT INTO books (id, author_id) VALUES (1, 1);
                     UPDATE authors SET deleted_at = '2026-01-01 00:00:00' WHERE id = 2;
                     INSERT INTO chapters (id, book_id) VALUES (1, 1);",
                )
                .unwrap();
                let below = conn.batch_execute("INSERT INTO books (id, author_id) VALUES (2, 2)");
                assert!(below.is_err(), "an active row below a deleted parent");
                stdout(&project.run(Some(&url), &["check", "authors", "books", "chapters", "--timestamp", "deleted_at"]), 0);

                let again = stdout(&project.run(Some(&url), &arguments), 0);
                assert!(again.starts_with("Nothing is left to do"), "{again}");
                conn.revert_all_migrations(source).unwrap();
            }

            /// The old key stays until a second call, so that running code can name it in ON CONFLICT.
            #[test]
            fn a_kept_unique_index_is_dropped_by_a_second_call() {
                let project = Project::new(concat!(stringify!($backend), "_kept"));
                let (mut guard, url) = database(&project);
                let conn = &mut *guard;
                crate::$backend::blog::create(conn);
                let first = project.run(Some(&url), &["generate", "posts", "--unique", "slug", "--keep-unique"]);
                let first = stdout(&first, 0);
                assert!(first.contains("call `generate` again without --keep-unique"), "{first}");
                let source = FileBasedMigrations::from_path(project.migrations()).unwrap();
                conn.run_pending_migrations(source).unwrap();
                assert!(crate::dump::$backend::dump(conn).contains("posts_plain_slug"));

                let same = ["generate", "posts", "--unique", "slug", "--keep-unique"];
                let same = stdout(&project.run(Some(&url), &same), 0);
                assert!(same.starts_with("Nothing is left to do"), "{same}");
                assert!(same.contains("call `generate` again without --keep-unique"), "{same}");
                let second = stdout(&project.run(Some(&url), &["generate", "posts", "--unique", "slug", "--dry-run"]), 0);
                assert!(second.matches("_soft_delete_").count() == 1, "the drop and nothing else: {second}");
                stdout(&project.run(Some(&url), &["generate", "posts", "--unique", "slug"]), 0);
                let source = FileBasedMigrations::from_path(project.migrations()).unwrap();
                conn.run_pending_migrations(source).unwrap();
                assert!(!crate::dump::$backend::dump(conn).contains("posts_plain_slug"));
                let third = stdout(&project.run(Some(&url), &["generate", "posts", "--unique", "slug"]), 0);
                assert!(third.starts_with("Nothing is left to do"), "{third}");
            }

            #[test]
            fn columns_have_the_types_that_are_asked_for() {
                let project = Project::new(concat!(stringify!($backend), "_types"));
                let (mut guard, url) = database(&project);
                let conn = &mut *guard;
                conn.batch_execute("CREATE TABLE notes (id INTEGER PRIMARY KEY)").unwrap();
                let arguments = "generate notes --metadata deleted_by:bigint,reason --column-type reason=varchar(40) --dry-run";
                let sql = stdout(&project.run(Some(&url), &arguments.split_whitespace().collect::<Vec<_>>()), 0);
                let lower = sql.to_lowercase();
                for column in ["deleted_by", "reason"] {
                    let ty = if column == "reason" { "varchar(40)" } else { "bigint" };
                    let quote = if sql.contains('`') { '`' } else { '"' };
                    assert!(lower.contains(&format!("{quote}{column}{quote} {ty}")), "{sql}");
                }
                assert!(!lower.contains("drop column"), "only up.sql: {sql}");
                let down = ["generate", "notes", "--down"];
                let down = stdout(&project.run(Some(&url), &down), 0).to_lowercase();
                assert!(down.contains("drop column") && !down.contains("add column"), "{down}");
            }

            /// The table has one of the columns already.
            #[test]
            fn migrations_with_every_option_run_and_revert() {
                let project = Project::new(concat!(stringify!($backend), "_everything"));
                let (mut guard, url) = database(&project);
                let conn = &mut *guard;
                crate::$backend::blog::create(conn);
                conn.batch_execute("ALTER TABLE posts ADD COLUMN deleted_at TIMESTAMP NULL").unwrap();
                let before = crate::dump::$backend::dump(conn);
                let arguments = "generate posts --unique slug --unique author_id,title --index author_id,title --guard \
                     --live-parent users:author_id --view live_posts --archive posts_archive --touch touched_at \
                     --metadata deleted_by,reason --operation deletion_id --hold legal_hold";
                let output = project.run(Some(&url), &arguments.split_whitespace().collect::<Vec<_>>());
                stdout(&output, 0);
                assert!(stderr(&output, 0).contains("the column `deleted_at` of `posts` is there already"));
                let source = FileBasedMigrations::from_path(project.migrations()).unwrap();
                for _ in 0..2 {
                    conn.run_pending_migrations(source.clone()).unwrap();
                    conn.batch_execute("SELECT archived_at, slug, is_deleted, reason, legal_hold FROM posts_archive; SELECT is_deleted FROM live_posts").unwrap();
                    conn.revert_all_migrations(source.clone()).unwrap();
                    assert_eq!(crate::dump::$backend::dump(conn), before);
                }
            }

            #[allow(unused_variables, reason = "SQLite's database is a file of the project")]
            fn database(project: &Project) -> (crate::support::TestConnection<Conn>, String) {
                newcomer!(@database $backend, project)
            }
        }
    };
    (@database sqlite, $project:ident) => {{
        let path = $project.0.join("blog.db").to_string_lossy().into_owned();
        (crate::support::sqlite::of(<Conn as diesel::Connection>::establish(&path).unwrap()), path)
    }};
    (@database $backend:ident, $project:ident) => {
        crate::support::$backend::shared()
    };
}

mod program {
    use super::*;
    newcomer!(sqlite);
    #[cfg(feature = "postgres")]
    newcomer!(postgres);
    #[cfg(feature = "mysql")]
    newcomer!(mysql);
}

#[test]
fn migrations_are_generated_without_a_database() {
    let project = Project::new("offline");
    for (backend, quoted) in [("postgres", "\"posts\""), ("mysql", "`posts`"), ("sqlite", "`posts`")] {
        let sql = stdout(&project.run(None, &["generate", "posts", "--backend", backend, "--dry-run"]), 0);
        assert!(sql.contains(&format!("ALTER TABLE {quoted}")), "{sql}");
    }
    let arguments = ["generate", "posts", "--backend", "postgres", "--version", "2026-11-25-101500"];
    let printed = stdout(&project.run(None, &arguments), 0);
    let first = "Creating migrations/2026-11-25-101500_posts_soft_delete_columns/up.sql";
    assert_eq!(printed.lines().next(), Some(first));
    let again = stderr(&project.run(None, &arguments), 2);
    assert!(again.contains("never overwritten"), "{again}");
}

/// The diesel CLI writes and reads this file.
#[test]
fn the_directory_of_diesel_toml_is_used() {
    let project = Project::new("diesel_toml");
    std::fs::create_dir_all(project.0.join("db/changes")).unwrap();
    std::fs::write(project.0.join("diesel.toml"), "[migrations_directory]\ndir = \"db/changes\"\n").unwrap();
    let printed = stdout(&project.run(None, &["generate", "posts", "--backend", "sqlite"]), 0);
    assert!(printed.starts_with("Creating db/changes/"), "{printed}");
    assert_eq!(project.count(), 0);
    assert!(std::fs::read_dir(project.0.join("db/changes")).unwrap().count() > 0);

    std::fs::write(project.0.join("diesel.toml"), "[migrations_directory]\ndir = \"nowhere\"\n").unwrap();
    let error = stderr(&project.run(None, &["generate", "posts", "--backend", "sqlite"]), 2);
    assert!(error.contains("nowhere` does not exist"), "{error}");
}

/// With every option, whichever way the folders are made.
#[cfg(feature = "postgres")]
#[test]
#[ignore = "needs diesel-guard, whose path is in DIESEL_GUARD: `tests/run --long`"]
fn diesel_guard_accepts_the_folders_for_postgres() {
    let guard = std::env::var("DIESEL_GUARD").expect("DIESEL_GUARD");
    let project = Project::new("diesel_guard");
    let (mut owner, url) = support::postgres::shared();
    let conn = &mut *owner;
    crate::postgres::blog::create(conn);
    conn.batch_execute(
        "CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE, deleted_at TIMESTAMP);
         ALTER TABLE users DROP COLUMN is_deleted;",
    )
    .unwrap();
    for (folder, version) in [("", "2026-11-25"), ("--single-folder", "2026-11-26")] {
        let run = |arguments: &str, time: &str| {
            let arguments = format!("generate {arguments} {folder} --version {version}-{time}");
            stdout(&project.run(Some(&url), &arguments.split_whitespace().collect::<Vec<_>>()), 0);
        };
        run(
            "users posts --live-parent users:author_id --guard --touch touched_at --operation deletion_id --metadata reason",
            "100000",
        );
        run("posts --unique slug --index title --archive posts_archive --view live_posts --hold legal_hold", "110000");
        run("tags --unique name", "120000");
    }
    std::fs::write(project.0.join("diesel-guard.toml"), "framework = \"diesel\"\ncheck_down = true\n").unwrap();
    let output = Command::new(guard).current_dir(&project.0).args(["check", "migrations"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{out}\n{err}");
    assert!(project.count() > 15, "{}", project.count());
}

/// On PostgreSQL, a table whose own times have a zone gets a timestamp with a zone.
#[cfg(feature = "postgres")]
#[test]
fn the_timestamp_on_postgres_is_like_those_of_the_table() {
    let project = Project::new("zones");
    let (mut guard, url) = support::postgres::shared();
    let conn = &mut *guard;
    conn.batch_execute(
        "CREATE TABLE zoned (id INTEGER PRIMARY KEY, created_at TIMESTAMPTZ NOT NULL);
         CREATE TABLE plain (id INTEGER PRIMARY KEY, created_at TIMESTAMP NOT NULL);
         CREATE TABLE mixed (id INTEGER PRIMARY KEY, created_at TIMESTAMPTZ NOT NULL, updated_at TIMESTAMP NOT NULL);",
    )
    .unwrap();
    for (table, ty) in [("zoned", "TIMESTAMPTZ"), ("plain", "TIMESTAMP"), ("mixed", "TIMESTAMP")] {
        let sql = stdout(&project.run(Some(&url), &["generate", table, "--dry-run"]), 0);
        let line = sql.lines().find(|line| line.contains("\"deleted_at\" TIMESTAMP")).unwrap_or(&sql);
        assert_eq!(line.split_whitespace().last().map(|word| word.trim_end_matches([',', ';'])), Some(ty), "{sql}");
    }
}

#[test]
fn mistakes_are_named() {
    let project = Project::new("mistakes");
    let fails = |url: Option<&str>, arguments: &str, what: &str| {
        let arguments = arguments.split_whitespace().collect::<Vec<_>>();
        let error = stderr(&project.run(url, &arguments), 2);
        assert!(error.contains(what), "{error}");
    };
    fails(None, "generate posts", "no database is named");
    fails(None, "generate", "<TABLES>");
    fails(None, "generate posts --backend oracle", "possible values");
    fails(None, "generate posts --backend sqlite --flag a --active-flag b", "cannot be used with");
    fails(None, "generate posts --backend sqlite --live-parent users", "users:author_id");
    fails(None, "generate posts --backend sqlite --existing deletd_at", "misspelt");
    fails(None, "generate a.b.c --backend sqlite", "more than one dot");
    fails(None, "generate posts --backend sqlite --version a/b", "letters, digits and dashes");
    fails(None, "generate posts --backend sqlite --migration-dir nowhere", "does not exist");
    fails(None, "check posts", "DATABASE_URL");
    fails(None, "check", "<TABLES>");
    fails(Some("blog.db"), "check posts", "does not exist");
    fails(Some("postgres://localhost/x"), "generate posts --backend mysql", "different databases");
    // Nothing listens on the discard port.
    #[cfg(feature = "postgres")]
    fails(Some("postgres://nobody:secret@127.0.0.1:9/x"), "check posts", "could not connect");
    std::fs::write(project.0.join("blog.db"), "").unwrap();
    fails(Some("blog.db"), "generate posts", "no table of that name");
    assert_eq!(project.count(), 0);
    assert!(stdout(&project.run(None, &["--help"]), 0).contains("Exit codes"));
    assert!(stdout(&project.run(None, &["--version"]), 0).contains(env!("CARGO_PKG_VERSION")));
}

/// SQLite cannot drop a UNIQUE that is part of `CREATE TABLE`.
#[test]
fn an_inline_unique_of_sqlite_is_refused_with_the_reason() {
    use diesel::Connection;
    let project = Project::new("inline");
    let path: &Path = &project.0.join("blog.db");
    let url = path.to_string_lossy();
    let conn = &mut diesel::SqliteConnection::establish(&url).unwrap();
    conn.batch_execute("CREATE TABLE posts (id INTEGER PRIMARY KEY, slug TEXT UNIQUE)").unwrap();
    let error = stderr(&project.run(Some(&url), &["generate", "posts", "--unique", "slug"]), 2);
    assert!(error.contains("rebuilding the table"), "{error}");
    assert_eq!(project.count(), 0);
    // The URL can be in `.env`, as for the diesel CLI.
    std::fs::write(project.0.join(".env"), format!("DATABASE_URL={url}\n")).unwrap();
    stdout(&project.run(None, &["generate", "posts"]), 0);
    assert!(project.count() > 0);
}
