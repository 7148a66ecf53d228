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
                let source = FileBasedMigrations::from_path(project.migrations()).unwrap();
                conn.run_pending_migrations(source.clone()).unwrap();
                let well = stdout(&project.run(Some(&url), &["check", "posts"]), 0);
                assert!(well.contains("posts: all is well"), "{well}");

                conn.revert_all_migrations(source).unwrap();
                assert_eq!(crate::dump::$backend::dump(conn), before);
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
                assert!(stderr(&output, 0).contains("the column `deleted_at` is there already"));
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

#[test]
fn mistakes_are_named() {
    let project = Project::new("mistakes");
    let fails = |url: Option<&str>, arguments: &str, what: &str| {
        let arguments = arguments.split_whitespace().collect::<Vec<_>>();
        let error = stderr(&project.run(url, &arguments), 2);
        assert!(error.contains(what), "{error}");
    };
    fails(None, "generate posts", "say which database");
    fails(None, "generate", "<TABLE>");
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
