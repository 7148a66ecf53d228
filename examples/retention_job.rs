//! A retention job as an operator runs it, every night or by hand:
//! `cargo run --example retention_job -- --help`.
//!
//! It purges the comments, posts and users of the blog in `migrations/` that were soft-deleted long
//! ago, children before parents. To use it for another schema change the `table!`s and the policy.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{BlockedBy, Error, RetentionPolicy, RetentionReport, Stopped};
use indicatif::{ProgressBar, ProgressStyle};

diesel::table! {
    users {
        id -> Integer,
        name -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    posts {
        id -> Integer,
        user_id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    comments {
        id -> Integer,
        post_id -> Integer,
        body -> Text,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel_soft_delete::soft_deletable! {
    users { flag = is_deleted, timestamp = deleted_at }
    posts { flag = is_deleted, timestamp = deleted_at }
    comments { timestamp = deleted_at }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

const HELP: &str = "\
Purges comments, posts and users that were soft-deleted long ago.

DATABASE_URL (or --database-url) names the database: postgres://.., mysql://.., or the path of an SQLite
file. Without one a small blog is made in memory, and purged.

  --dry-run            count what would be removed, and change nothing
  --older-than DAYS    remove what was deleted longer ago than this (default 30, at least 7)
  --batch-size N       rows per transaction (default 1000)
  --max-rows N         remove at most that many rows
  --max-minutes N      begin no batch after that time, counting included (0.5 is half a minute)
  --pause-ms N         wait between batches
  --exclusive NAME     step back if another runner of this name is at work
  --json               the report as JSON, an error too

Ctrl-C (or SIGTERM) ends it after the batch that is under way and its pause, a second one at once. The progress
goes to stderr, the report to stdout.

Exit code: 0 complete, 1 error, 2 usage, 3 stopped before the end (limit or Ctrl-C), 4 rows are blocked,
5 stepped back, 130 ended by a second Ctrl-C.";

struct Options {
    url: Option<String>,
    dry_run: bool,
    older_than: TimeDelta,
    batch_size: u64,
    max_rows: Option<u64>,
    max_duration: Option<Duration>,
    pause: Option<Duration>,
    exclusive: Option<String>,
    json: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            url: std::env::var("DATABASE_URL").ok(),
            dry_run: false,
            older_than: TimeDelta::days(30),
            batch_size: 1000,
            max_rows: None,
            max_duration: None,
            pause: None,
            exclusive: None,
            json: false,
        };
        while let Some(argument) = arguments.next() {
            let mut text = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            let mut number = || {
                let text = text()?;
                text.parse::<u32>().map_err(|_| format!("{argument} needs a number, not {text:?}"))
            };
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--dry-run" => options.dry_run = true,
                "--json" => options.json = true,
                "--database-url" => options.url = Some(text()?),
                "--exclusive" => options.exclusive = Some(text()?),
                "--older-than" => options.older_than = TimeDelta::days(number()?.into()),
                "--batch-size" => options.batch_size = number()?.into(),
                "--max-rows" => options.max_rows = Some(number()?.into()),
                "--max-minutes" => {
                    let text = text()?;
                    let seconds = text.parse::<f64>().ok().map(|minutes| minutes * 60.0);
                    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                    options.max_duration =
                        Some(duration.ok_or_else(|| format!("{argument} needs a number, not {text:?}"))?);
                }
                "--pause-ms" => options.pause = Some(Duration::from_millis(number()?.into())),
                other => return Err(format!("unknown argument {other}")),
            }
        }
        Ok(Some(options))
    }
}

/// The policy, on one kind of connection.
macro_rules! retention_on {
    ($name:ident, $Conn:ty) => {
        fn $name(
            conn: &mut $Conn,
            options: &Options,
            (dry_run, max_duration): (bool, Option<Duration>),
            bar: &ProgressBar,
            stop: &AtomicBool,
        ) -> Result<RetentionReport, Error> {
            // Children before parents: a post with a comment cannot be removed.
            let mut policy = RetentionPolicy::new()
                .table(comments::table.purge_older_than(options.older_than).in_batches())
                .table(posts::table.purge_older_than(options.older_than).in_batches())
                .table(users::table.purge_older_than(options.older_than).in_batches())
                // Whatever the command line says.
                .min_age(TimeDelta::days(7))
                .batch_size(options.batch_size);
            if let Some(pause) = options.pause.filter(|_| !dry_run) {
                policy = policy.pause(pause);
            }
            if let Some(rows) = options.max_rows {
                policy = policy.max_rows(rows);
            }
            if let Some(duration) = max_duration {
                policy = policy.max_duration(duration);
            }
            if let Some(name) = &options.exclusive {
                policy = policy.exclusive(name);
            }
            if dry_run {
                policy = policy.dry_run();
            }
            policy
                .on_progress(|progress| {
                    bar.set_message(progress.table.clone());
                    bar.inc(progress.batch_rows);
                })
                .stop_when(|| stop.load(Ordering::Relaxed))
                .run(conn)
        }
    };
}

retention_on!(on_sqlite, SqliteConnection);
#[cfg(feature = "postgres")]
retention_on!(on_postgres, PgConnection);
#[cfg(feature = "mysql")]
retention_on!(on_mysql, MysqlConnection);

enum AnyConnection {
    Sqlite(SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(PgConnection),
    #[cfg(feature = "mysql")]
    Mysql(MysqlConnection),
}

impl AnyConnection {
    fn establish(url: &str) -> Result<Self, String> {
        let failed = |error: ConnectionError| format!("cannot connect: {error}");
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            #[cfg(feature = "postgres")]
            return PgConnection::establish(url).map(Self::Postgres).map_err(failed);
            #[cfg(not(feature = "postgres"))]
            return Err(String::from("built without PostgreSQL: add `--features postgres`"));
        }
        if url.starts_with("mysql:") {
            #[cfg(feature = "mysql")]
            return MysqlConnection::establish(url).map(Self::Mysql).map_err(failed);
            #[cfg(not(feature = "mysql"))]
            return Err(String::from("built without MySQL: add `--features mysql`"));
        }
        let path = url.strip_prefix("sqlite://").unwrap_or(url);
        // SQLite would create it, and find no tables.
        if path != ":memory:" && !path.starts_with("file:") && !std::path::Path::new(path).exists() {
            return Err(format!("there is no SQLite file `{path}`"));
        }
        let mut conn = SqliteConnection::establish(path).map_err(failed)?;
        // Else a parent could go before its children.
        diesel::sql_query("PRAGMA foreign_keys = ON").execute(&mut conn).map_err(|error| error.to_string())?;
        Ok(Self::Sqlite(conn))
    }

    fn purge(
        &mut self,
        options: &Options,
        how: (bool, Option<Duration>),
        bar: &ProgressBar,
        stop: &AtomicBool,
    ) -> Result<RetentionReport, Error> {
        match self {
            Self::Sqlite(conn) => on_sqlite(conn, options, how, bar, stop),
            #[cfg(feature = "postgres")]
            Self::Postgres(conn) => on_postgres(conn, options, how, bar, stop),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => on_mysql(conn, options, how, bar, stop),
        }
    }
}

/// A blog in memory: of 2000 posts with five comments each, three quarters were deleted in January 2024. One old
/// post still has a comment that was not.
fn demo() -> Result<AnyConnection, Failure> {
    use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

    let mut conn = SqliteConnection::establish(":memory:")?;
    conn.run_pending_migrations(MIGRATIONS)?;
    let statements = [
        "PRAGMA foreign_keys = ON",
        "INSERT INTO users (id, name) VALUES (1, 'Sean'), (2, 'Tess')",
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
         INSERT INTO posts (id, user_id, title, is_deleted, deleted_at)
         SELECT n, 1 + n % 2, 'post ' || n, n % 4 > 0, CASE WHEN n % 4 > 0 THEN '2024-01-15 12:00:00' END FROM n",
        "INSERT INTO comments (post_id, body, deleted_at)
         SELECT posts.id, 'comment', deleted_at FROM posts, (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5)",
        "INSERT INTO comments (post_id, body) VALUES (777, 'a reply that nobody deleted')",
    ];
    for statement in statements {
        diesel::sql_query(statement).execute(&mut conn)?;
    }
    Ok(AnyConnection::Sqlite(conn))
}

fn cause(blocked: BlockedBy) -> &'static str {
    match blocked {
        BlockedBy::Constraint => "constraint",
        BlockedBy::Lock => "lock",
        _ => "other",
    }
}

fn json(report: &RetentionReport) -> serde_json::Value {
    let tables = report.tables.iter().map(|table| {
        let blocked = table.blocked.iter().map(|row| {
            serde_json::json!({
                "table": row.table,
                "key": row.key,
                "cause": cause(row.cause),
                "constraint": row.constraint,
                "message": row.message,
            })
        });
        serde_json::json!({
            "table": table.table,
            "rows": table.rows,
            "batches": table.batches,
            "seconds": table.elapsed.as_secs_f64(),
            "retries": table.retries,
            "stopped": table.stopped.to_string(),
            "blocked": blocked.collect::<Vec<_>>(),
            "blocked_rows": table.blocked_rows,
            "notes": table.notes,
        })
    });
    serde_json::json!({
        "rows": report.rows(),
        "seconds": report.elapsed.as_secs_f64(),
        "stopped": report.stopped.to_string(),
        "dry_run": report.tables.iter().any(|table| table.dry_run),
        "tables": tables.collect::<Vec<_>>(),
    })
}

fn print(report: &RetentionReport) {
    println!("{:<12} {:>10} {:>8} {:>8} {:>8}  ended", "table", "rows", "batches", "blocked", "seconds");
    for table in &report.tables {
        println!(
            "{:<12} {:>10} {:>8} {:>8} {:>8.2}  {}",
            table.table,
            table.rows,
            table.batches,
            table.blocked_rows,
            table.elapsed.as_secs_f64(),
            table.stopped
        );
    }
    for table in &report.tables {
        for blocked in &table.blocked {
            println!("{blocked}");
        }
        if table.blocked_rows > table.blocked.len() as u64 {
            println!("{}: {} rows are blocked in all", table.table, table.blocked_rows);
        }
        for note in &table.notes {
            println!("{}: {note}", table.table);
        }
    }
    if report.tables.iter().any(|table| table.dry_run) {
        println!("a dry run: nothing was changed");
    }
}

fn exit_code(report: &RetentionReport) -> u8 {
    if report.stopped == Stopped::AnotherRunner {
        5
    } else if report.stopped != Stopped::Complete {
        3
    } else if report.tables.iter().any(|table| table.blocked_rows > 0) {
        4
    } else {
        0
    }
}

fn run(options: &Options) -> Result<u8, Failure> {
    let begun = Instant::now();
    let is_demo = options.url.is_none();
    let mut conn = match &options.url {
        Some(url) => AnyConnection::establish(url)?,
        None => demo()?,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            // Whoever asks twice means it; the database takes the batch back.
            std::process::exit(130);
        }
    })?;
    let report = |report: &RetentionReport| {
        if options.json { println!("{:#}", json(report)) } else { print(report) }
    };

    // The dry run tells how much there is to do. As a part of a real run it has a small part of the time.
    let counting = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("counting {msg}: {pos} rows")?);
    let limit = options.max_duration.map(|limit| if options.dry_run { limit } else { limit / 10 });
    let found = conn.purge(options, (true, limit), &counting, &stop);
    counting.finish_and_clear();
    let found = found?;
    if options.dry_run {
        report(&found);
        return Ok(exit_code(&found));
    }
    let style = "{msg:10} {bar:40} {human_pos}/{human_len} rows, {per_sec}, {eta} left";
    let bar = ProgressBar::new(found.rows()).with_style(ProgressStyle::with_template(style)?);
    let left = options.max_duration.map(|limit| limit.saturating_sub(begun.elapsed()));
    let done = conn.purge(options, (false, left), &bar, &stop);
    bar.finish_and_clear();
    let done = done?;
    report(&done);
    // The demo shows a blocked row; that is no failure of it.
    Ok(if is_demo && exit_code(&done) == 4 { 0 } else { exit_code(&done) })
}

/// The error on stderr; on stdout what was done before it, which is done, or the whole as JSON.
fn explain(error: &Failure, as_json: bool) {
    let report = match error.downcast_ref() {
        Some(Error::RetentionFailed { report, .. }) => Some(report),
        _ => None,
    };
    if as_json {
        let mut value = report.map_or_else(|| serde_json::json!({}), |report| json(report));
        value["error"] = error.to_string().into();
        println!("{value:#}");
    } else if let Some(report) = report {
        print(report);
    }
    eprintln!("{error}");
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            explain(&format!("{message}; see --help").into(), std::env::args().any(|argument| argument == "--json"));
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            explain(&error, options.json);
            ExitCode::FAILURE
        }
    }
}
