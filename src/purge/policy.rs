//! Several tables in one run.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use diesel::connection::LoadConnection;

use super::exclusive::NamedLock;
use super::jobs::{Jobs, children_first};
use super::options::{IntoDuration, Options};
use super::table_job::{Context, Limits, PolicyHooks};
use crate::connection::{AnswersText, Executor, RunsOn, dialect, runs_on};
use crate::error::Error;
use crate::error::{Progress, RetentionReport, Stopped};

/// The retention of several tables: each with its age and archive, in one run.
///
/// Tables are purged **children before parents**, for a parent whose children are still there is blocked (which is
/// reported, and no error). Where the declarations name the children (`cascade(..)`, `restrict(..)`, `set_null(..)`),
/// that order is found without you; else tables keep the order in which they are named. Rows and time are one budget for all of them. The policy's
/// options are limits for every job: the smaller of the two holds (of `min_age` and `pause` the larger).
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// use chrono::TimeDelta;
/// use diesel_soft_delete::RetentionPolicy;
///
/// let policy = RetentionPolicy::new()
///     .table(posts::table.purge_older_than(TimeDelta::days(30)).in_batches())
///     .table(users::table.purge_older_than(TimeDelta::days(365)).in_batches().batch_size(100))
///     .min_age(TimeDelta::days(7))
///     .max_rows(10_000)
///     .exclusive("nightly purge");
/// let report = policy.run(conn)?;
/// assert_eq!((report.tables[0].rows, report.is_complete()), (1, true));
/// # Ok(())
/// # }
/// ```
#[must_use = "a policy does nothing until `.run(conn)` or `.run_async(conn)`"]
pub struct RetentionPolicy<J = (), H = NoHooks> {
    jobs: J,
    max_rows: Option<u64>,
    max_duration: Option<Duration>,
    pause: Option<Duration>,
    batch_size: Option<u64>,
    min_age: Option<TimeDelta>,
    dry_run: bool,
    exclusive: Option<String>,
    hooks: H,
    checked: Options,
}

/// No callbacks.
#[derive(Debug, Clone, Copy)]
pub struct NoHooks;

impl PolicyHooks for NoHooks {
    fn progress(&mut self, _: &Progress) {}
    fn stop(&mut self) -> bool {
        false
    }
}

/// The callback of `.on_progress(..)`.
#[derive(Debug, Clone, Copy)]
pub struct OnProgress<H, F>(H, F);

impl<H: PolicyHooks, F: FnMut(&Progress) + Send> PolicyHooks for OnProgress<H, F> {
    fn progress(&mut self, progress: &Progress) {
        self.0.progress(progress);
        (self.1)(progress);
    }
    fn stop(&mut self) -> bool {
        self.0.stop()
    }
}

/// The condition of `.stop_when(..)`.
#[derive(Debug, Clone, Copy)]
pub struct StopWhen<H, S>(H, S);

impl<H: PolicyHooks, S: FnMut() -> bool + Send> PolicyHooks for StopWhen<H, S> {
    fn progress(&mut self, progress: &Progress) {
        self.0.progress(progress);
    }
    fn stop(&mut self) -> bool {
        (self.1)() || self.0.stop()
    }
}

/// The callbacks of the policy, and whether the condition of its own said stop.
///
/// That of a table ends that table only. The condition is not asked again to find out: it may have changed its mind.
struct Remembered<'h, H> {
    hooks: &'h mut H,
    stopped: bool,
}

impl<H: PolicyHooks> PolicyHooks for Remembered<'_, H> {
    fn progress(&mut self, progress: &Progress) {
        self.hooks.progress(progress);
    }
    fn stop(&mut self) -> bool {
        self.stopped |= self.hooks.stop();
        self.stopped
    }
}

impl RetentionPolicy {
    /// A policy for no table yet.
    pub fn new() -> Self {
        Self {
            jobs: (),
            max_rows: None,
            max_duration: None,
            pause: None,
            batch_size: None,
            min_age: None,
            dry_run: false,
            exclusive: None,
            hooks: NoHooks,
            checked: Options::default(),
        }
    }
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl<J, H> RetentionPolicy<J, H> {
    fn map<J2, H2>(self, jobs: impl FnOnce(J) -> J2, hooks: impl FnOnce(H) -> H2) -> RetentionPolicy<J2, H2> {
        RetentionPolicy {
            jobs: jobs(self.jobs),
            max_rows: self.max_rows,
            max_duration: self.max_duration,
            pause: self.pause,
            batch_size: self.batch_size,
            min_age: self.min_age,
            dry_run: self.dry_run,
            exclusive: self.exclusive,
            hooks: hooks(self.hooks),
            checked: self.checked,
        }
    }

    /// Adds a table: a [`PurgeJob`](crate::PurgeJob) with its own age, filter, archive and options.
    pub fn table<N>(self, job: N) -> RetentionPolicy<(J, N), H> {
        self.map(|jobs| (jobs, job), |hooks| hooks)
    }

    /// Removes at most that many rows, of all tables together.
    pub fn max_rows(mut self, rows: u64) -> Self {
        self.max_rows = Some(rows);
        self
    }

    /// Begins no batch after this time, counted from the start of the policy.
    pub fn max_duration(mut self, duration: impl IntoDuration) -> Self {
        self.max_duration = Some(self.checked.duration("max_duration", duration));
        self
    }

    /// Waits at least this long between batches.
    pub fn pause(mut self, duration: impl IntoDuration) -> Self {
        self.pause = Some(self.checked.duration("pause", duration));
        self
    }

    /// Removes at most that many rows in a transaction.
    pub fn batch_size(mut self, rows: u64) -> Self {
        self.batch_size = Some(rows);
        self
    }

    /// A floor for the ages of all tables: below it the policy refuses to run.
    pub fn min_age(mut self, age: TimeDelta) -> Self {
        self.min_age = Some(age);
        self
    }

    /// Counts what would be removed, and changes nothing, and takes no lock of [`exclusive`](Self::exclusive).
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// At most one runner of this name at a time. Another one removes nothing and reports
    /// [`Stopped::AnotherRunner`].
    ///
    /// The name is a lock of the database that the connection holds until the end of the run:
    /// `pg_try_advisory_lock` on PostgreSQL, `GET_LOCK` on MySQL and MariaDB. The server releases it when
    /// the connection closes, so a runner that was killed blocks nobody. The name counts per database. SQLite has one
    /// writer and no such lock, so two runners work there at once.
    ///
    /// Two runners at once are harmless, with this option or without it: their batches lock the rows that they remove.
    ///
    /// Use a direct connection. A pooler in transaction mode can give each statement another
    /// connection of the server: then two runners can work at once, or the lock stays with a connection
    /// of the pooler, and later runs remove nothing until that closes. The same happens if the future of
    /// [`run_async`](Self::run_async) is dropped before its end and the connection is kept.
    pub fn exclusive(mut self, name: impl Into<String>) -> Self {
        self.exclusive = Some(name.into());
        self
    }

    /// Calls back after every batch of every table; it must be `Send`.
    pub fn on_progress<F>(self, callback: F) -> RetentionPolicy<J, OnProgress<H, F>>
    where
        F: FnMut(&Progress) + Send,
    {
        self.map(|jobs| jobs, |hooks| OnProgress(hooks, callback))
    }

    /// Asks before every batch of every table whether to stop; it must be `Send`.
    pub fn stop_when<S>(self, condition: S) -> RetentionPolicy<J, StopWhen<H, S>>
    where
        S: FnMut() -> bool + Send,
    {
        self.map(|jobs| jobs, |hooks| StopWhen(hooks, condition))
    }

    /// Runs the policy.
    ///
    /// # Errors
    ///
    /// [`RetentionFailed`](Error::RetentionFailed): the error of a table, with the reports of those before it. All tables are
    /// checked before the first row of any is removed, so what is refused by name leaves everything as it was;
    /// [`InvalidOption`](Error::InvalidOption), [`PurgeInTransaction`](Error::PurgeInTransaction) before anything is removed.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<RetentionReport, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = RetentionReport>,
    {
        self.run_blocking(conn)
    }

    /// [`run`](Self::run) for a connection of diesel-async.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<RetentionReport, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Self: RunsOn<Conn::Backend, Output = RetentionReport>,
    {
        self.run_asynchronous(conn).await
    }

    async fn run_on<X>(mut self, x: &mut X) -> Result<RetentionReport, Error>
    where
        X: Executor,
        J: Jobs<X::Backend>,
        H: PolicyHooks,
    {
        let started = Instant::now();
        if let Some((option, why)) = self.checked.wrong {
            return Err(Error::InvalidOption { option, why });
        }
        if x.in_transaction()? {
            return Err(Error::PurgeInTransaction { table: self.jobs.names().join(", ") });
        }
        let mut report = RetentionReport { tables: Vec::new(), stopped: Stopped::Complete, elapsed: Duration::ZERO };
        let mut lock = None;
        if let Some(name) = self.exclusive.as_ref().filter(|_| !self.dry_run) {
            let dialect = dialect(x).await?;
            lock = NamedLock::take(x, dialect, name).await?;
            if lock.is_none() {
                report.stopped = Stopped::AnotherRunner;
                report.elapsed = started.elapsed();
                return Ok(report);
            }
        }
        let result = self.run_all(x, started, &mut report).await;
        if let Some(lock) = lock {
            lock.release(x).await;
        }
        report.elapsed = started.elapsed();
        match result {
            Ok(()) => Ok(report),
            Err(error) => {
                report.stopped = Stopped::Failed;
                Err(Error::RetentionFailed { report: Box::new(report), source: Box::new(error) })
            }
        }
    }

    async fn run_all<X>(&mut self, x: &mut X, started: Instant, report: &mut RetentionReport) -> Result<(), Error>
    where
        X: Executor,
        J: Jobs<X::Backend>,
        H: PolicyHooks,
    {
        let mut limits = Limits {
            max_rows: self.max_rows,
            deadline: self.max_duration.and_then(|limit| started.checked_add(limit)),
            pause: self.pause,
            batch_size: self.batch_size,
            min_age: self.min_age,
            dry_run: self.dry_run,
        };
        // Every table, before the first row of any is removed.
        let mut checked = Vec::new();
        for place in children_first(&self.jobs.nodes()) {
            checked.push((place, self.jobs.check_nth(place, x, &limits).await?));
        }
        for (place, prepared) in checked {
            limits.max_rows = self.max_rows.map(|limit| limit.saturating_sub(report.rows()));
            let mut hooks = Remembered { hooks: &mut self.hooks, stopped: false };
            let context = Context { limits: limits.clone(), hooks: Some(&mut hooks) };
            let table = match self.jobs.run_nth(place, x, prepared, context).await {
                Ok(table) => table,
                Err(error) => {
                    if let Error::PurgeFailed { report: failed, .. } = &error {
                        report.tables.push((**failed).clone());
                    }
                    return Err(error);
                }
            };
            report.stopped = table.stopped;
            // The limits of one table are its own; those of the policy end it.
            let ends = match table.stopped {
                Stopped::MaxRows => self.max_rows.is_some_and(|limit| limit <= report.rows() + table.rows),
                Stopped::MaxDuration => self.max_duration.is_some_and(|limit| started.elapsed() >= limit),
                Stopped::StopWhen => hooks.stopped,
                _ => false,
            };
            report.tables.push(table);
            if ends {
                return Ok(());
            }
        }
        // Not only the last table's reason: whatever was cut short anywhere is not complete.
        let cut = report.tables.iter().map(|table| table.stopped).find(|stopped| *stopped != Stopped::Complete);
        report.stopped = cut.unwrap_or(Stopped::Complete);
        Ok(())
    }
}

impl<J, H> std::fmt::Debug for RetentionPolicy<J, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetentionPolicy")
            .field("max_rows", &self.max_rows)
            .field("max_duration", &self.max_duration)
            .field("min_age", &self.min_age)
            .field("dry_run", &self.dry_run)
            .field("exclusive", &self.exclusive)
            .finish_non_exhaustive()
    }
}

impl<J, H, DB> RunsOn<DB> for RetentionPolicy<J, H>
where
    DB: AnswersText,
    J: Jobs<DB>,
    H: PolicyHooks,
{
    runs_on!(RetentionReport, Self::run_on);
}
