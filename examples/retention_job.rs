//! A retention job as an operator runs it, every night or by hand:
//! `cargo run --example retention_job -- --help`.
//!
//! It purges the comments, posts and users of the blog in `migrations/` that were soft-deleted long
//! ago. To use it for another schema, change the `table!`s and the policy.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use clap::Parser;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{
    Dialect, Error as PurgeError, NoReturningClause, RetentionPolicy, RetentionReport, SoftDeleteBackend, Stopped,
};
use indicatif::{ProgressBar, ProgressStyle};

diesel::table! {
    users { id -> Integer, name -> Text, is_deleted -> Bool, deleted_at -> Nullable<Timestamp> }
}
diesel::table! {
    posts { id -> Integer, user_id -> Integer, title -> Text, is_deleted -> Bool, deleted_at -> Nullable<Timestamp> }
}
diesel::table! {
    comments { id -> Integer, post_id -> Integer, body -> Text, deleted_at -> Nullable<Timestamp> }
}
// The relations say that comments are purged before posts, and posts before users.
diesel_soft_delete::soft_deletable! {
    users { flag = is_deleted, timestamp = deleted_at, restrict(posts(user_id)) }
    posts { flag = is_deleted, timestamp = deleted_at, restrict(comments(post_id)) }
    comments { timestamp = deleted_at }
}

/// Purges comments, posts and users that were soft-deleted long ago.
///
/// Ctrl-C (or SIGTERM) ends it after the batch that is under way, a second one at once. The progress goes to stderr, the
/// report to stdout.
#[derive(Parser)]
#[command(after_help = "Exit code: 0 complete, 1 error, 2 usage, 3 stopped before the end (limit or Ctrl-C), \
                        4 rows are blocked, 5 another runner is at work, 130 ended by a second Ctrl-C.")]
struct Arguments {
    /// postgres://.., mysql://.., or the path of an SQLite file
    #[arg(long, env = "DATABASE_URL")]
    database_url: String,
    /// Count what would be removed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove what was deleted longer ago than this (at least 7)
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    older_than: u32,
    /// Remove at most that many rows per transaction
    #[arg(long, value_name = "ROWS", default_value_t = 1000)]
    batch_size: u64,
    /// Remove at most that many rows
    #[arg(long, value_name = "ROWS")]
    max_rows: Option<u64>,
    /// Begin no batch after that time
    #[arg(long, value_name = "MINUTES")]
    max_minutes: Option<u32>,
    /// Wait between batches
    #[arg(long, value_name = "MILLISECONDS")]
    pause_ms: Option<u64>,
    /// Remove nothing if another runner of this name is at work
    #[arg(long, value_name = "NAME")]
    exclusive: Option<String>,
}

/// One kind of connection for all databases that this program was built for.
#[derive(diesel::MultiConnection)]
enum AnyConnection {
    #[cfg(feature = "postgres")]
    Postgres(PgConnection),
    #[cfg(feature = "mysql")]
    Mysql(MysqlConnection),
    Sqlite(SqliteConnection),
}

impl SoftDeleteBackend for multi_connection_impl::MultiBackend {
    type Returning = NoReturningClause;

    fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(backend) => backend.dialect(),
            #[cfg(feature = "mysql")]
            Self::Mysql(backend) => backend.dialect(),
            Self::Sqlite(backend) => backend.dialect(),
        }
    }
}

fn connect(url: &str) -> Result<AnyConnection, Box<dyn Error>> {
    #[cfg(feature = "postgres")]
    if url.starts_with("postgres") {
        return Ok(AnyConnection::Postgres(PgConnection::establish(url)?));
    }
    #[cfg(feature = "mysql")]
    if url.starts_with("mysql:") {
        return Ok(AnyConnection::Mysql(MysqlConnection::establish(url)?));
    }
    if !std::path::Path::new(url).exists() {
        return Err(format!("there is no SQLite file `{url}` (servers need `--features postgres` or `mysql`)").into());
    }
    let mut conn = SqliteConnection::establish(url)?;
    // Without it SQLite would remove a post that still has comments.
    diesel::sql_query("PRAGMA foreign_keys = ON").execute(&mut conn)?;
    Ok(AnyConnection::Sqlite(conn))
}

fn purge(arguments: &Arguments, bar: &ProgressBar, stop: &AtomicBool) -> Result<RetentionReport, Box<dyn Error>> {
    let age = TimeDelta::days(arguments.older_than.into());
    let mut policy = RetentionPolicy::new()
        .table(comments::table.purge_older_than(age).in_batches())
        .table(posts::table.purge_older_than(age).in_batches())
        .table(users::table.purge_older_than(age).in_batches())
        // Whatever the command line says.
        .min_age(TimeDelta::days(7))
        .batch_size(arguments.batch_size)
        .on_progress(|progress| {
            bar.set_message(progress.table.clone());
            bar.inc(progress.batch_rows);
        })
        .stop_when(|| stop.load(Ordering::Relaxed));
    if arguments.dry_run {
        policy = policy.dry_run();
    }
    if let Some(rows) = arguments.max_rows {
        policy = policy.max_rows(rows);
    }
    if let Some(minutes) = arguments.max_minutes {
        policy = policy.max_duration(TimeDelta::minutes(minutes.into()));
    }
    if let Some(pause) = arguments.pause_ms {
        policy = policy.pause(Duration::from_millis(pause));
    }
    if let Some(name) = &arguments.exclusive {
        policy = policy.exclusive(name);
    }
    Ok(policy.run(&mut connect(&arguments.database_url)?)?)
}

fn print(report: &RetentionReport) {
    println!("{report}");
    for blocked in report.tables.iter().flat_map(|table| &table.blocked) {
        println!("{blocked}");
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            // Whoever asks twice means it; the database takes the batch back.
            std::process::exit(130);
        }
    })?;
    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{msg}: {human_pos} rows in all, {elapsed} so far")?);
    let result = purge(&arguments, &bar, &stop);
    bar.finish_and_clear();
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            // What was done before the error is done.
            if let Some(PurgeError::RetentionFailed { report, .. }) = error.downcast_ref() {
                print(report);
            }
            let causes = std::iter::successors(Some(&*error as &(dyn Error + 'static)), |&error| error.source());
            eprintln!("error: {}", causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
            return Ok(ExitCode::FAILURE);
        }
    };
    print(&report);
    Ok(ExitCode::from(match report.stopped {
        Stopped::Complete if report.is_complete() => 0,
        Stopped::Complete => 4,
        Stopped::AnotherRunner => 5,
        _ => 3,
    }))
}
