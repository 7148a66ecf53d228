//! Several tables in one run. The jobs are a list of types, since each job has a type of its own.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use diesel::backend::Backend;
use diesel::connection::LoadConnection;

use super::driver::Hooks;
use super::exclusive::NamedLock;
use super::options::{IntoDuration, Options, shared_options};
use super::table_job::{Context, Prepared, TableJob};
use crate::connection::{AnswersText, Executor, RunsOn, dialect, runs_on};
use crate::declare::{Node, Policy};
use crate::error::{Error, Progress, PurgeReport, RetentionReport, Stopped};

/// A retention policy: it purges several tables in one run, each with its own age and archive.
///
/// The policy purges **children before parents**, since a parent is blocked while its children exist. A blocked row is
/// reported and is not an error. The declarations name the children with `cascade(..)`, `restrict(..)` and
/// `set_null(..)`, and the policy takes the order from them. Tables without such a relation keep the order in which
/// they are added.
///
/// `max_rows` and `max_duration` are one budget for all tables. The policy's options are limits for every job. The
/// smaller value of the job and the policy applies, and the larger one for `min_age` and `pause`.
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// use chrono::TimeDelta;
/// use diesel_soft_delete::{RetentionPolicy, Stopped};
///
/// let policy = RetentionPolicy::new()
///     .table(posts::table.purge_older_than(TimeDelta::days(30)).in_batches())
///     .table(users::table.purge_older_than(TimeDelta::days(365)).in_batches().batch_size(100))
///     .min_age(TimeDelta::days(7))
///     .max_rows(10_000)
///     .exclusive("nightly purge");
/// let report = policy.run(conn)?;
/// assert_eq!((report.tables[0].rows, report.stopped), (1, Stopped::Complete));
/// # Ok(())
/// # }
/// ```
#[must_use = "a policy does nothing until `.run(conn)` or `.run_async(conn)`"]
pub struct RetentionPolicy<'c, J = ()> {
    jobs: J,
    options: Options,
    exclusive: Option<String>,
    callbacks: Callbacks<'c>,
}

type OnProgress<'c> = Box<dyn FnMut(&Progress) + Send + 'c>;
type StopWhen<'c> = Box<dyn FnMut() -> bool + Send + 'c>;

/// The callbacks of a policy.
#[derive(Default)]
struct Callbacks<'c> {
    on_progress: Vec<OnProgress<'c>>,
    stop_when: Vec<StopWhen<'c>>,
    /// Whether a condition of the policy asked to stop. A condition of one job ends that job only.
    ///
    /// It is stored because a second call of the condition could give another answer.
    stopped: bool,
}

impl Hooks for Callbacks<'_> {
    fn progress(&mut self, progress: &Progress) {
        for callback in &mut self.on_progress {
            callback(progress);
        }
    }
    fn stop(&mut self) -> bool {
        self.stopped |= self.stop_when.iter_mut().any(|condition| condition());
        self.stopped
    }
}

impl RetentionPolicy<'_> {
    /// Creates a policy without tables.
    pub fn new() -> Self {
        Self { jobs: (), options: Options::default(), exclusive: None, callbacks: Callbacks::default() }
    }
}

impl Default for RetentionPolicy<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'c, J> RetentionPolicy<'c, J> {
    /// Adds a table: a [`PurgeJob`](crate::PurgeJob) with its own age, filter, archive and options.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::RetentionPolicy;
    ///
    /// let report = RetentionPolicy::new().table(posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches()).run(conn)?;
    /// assert_eq!((report.tables[0].table.as_str(), report.rows()), ("posts", 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn table<N>(self, job: N) -> RetentionPolicy<'c, (J, N)> {
        let Self { jobs, options, exclusive, callbacks } = self;
        RetentionPolicy { jobs: (jobs, job), options, exclusive, callbacks }
    }

    shared_options!();

    /// Allows at most one runner of this name at a time. Another runner removes nothing and reports
    /// [`Stopped::AnotherRunner`].
    ///
    /// The name is a lock of the database that the connection holds until the end of the run. PostgreSQL has
    /// `pg_try_advisory_lock` for it, and MySQL and MariaDB have `GET_LOCK`. The server releases the lock when the
    /// connection closes, so a killed runner blocks nobody. Each database has its own names. SQLite has one writer and
    /// does not have such a lock, so two runners can work at the same time there.
    ///
    /// Two runners at the same time are harmless, with this option or without it. Their batches lock the rows that they
    /// remove.
    ///
    /// Use a direct connection. A pooler in transaction mode can give each statement another connection of the server.
    /// Then two runners can work at the same time. The lock can also stay with a connection of the pooler, so that
    /// later runs remove nothing until that connection closes. The same happens if the future of `run_async` is dropped
    /// and its connection is kept.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::RetentionPolicy;
    ///
    /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// let report = RetentionPolicy::new().table(job).exclusive("nightly").run(conn)?;
    /// assert!(report.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    pub fn exclusive(mut self, name: impl Into<String>) -> Self {
        self.exclusive = Some(name.into());
        self
    }

    /// Calls `callback` after every batch of every table. The callback must be `Send`.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::RetentionPolicy;
    ///
    /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// let policy = RetentionPolicy::new().table(job).on_progress(|progress| println!("{progress}"));
    /// assert_eq!(policy.run(conn)?.rows(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'c) -> Self {
        self.callbacks.on_progress.push(Box::new(callback));
        self
    }

    /// Calls `condition` before every batch of every table, and ends the policy if it returns `true`. It must be
    /// `Send`.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::{RetentionPolicy, Stopped};
    ///
    /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// let report = RetentionPolicy::new().table(job).stop_when(|| true).run(conn)?;
    /// assert_eq!(report.stopped, Stopped::StopWhen);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop_when(mut self, condition: impl FnMut() -> bool + Send + 'c) -> Self {
        self.callbacks.stop_when.push(Box::new(condition));
        self
    }

    /// Runs the policy on this connection, and returns a report for each table.
    ///
    /// # Errors
    ///
    /// * [`InvalidOption`](Error::InvalidOption) and [`PurgeInTransaction`](Error::PurgeInTransaction) come before
    ///   anything is removed.
    /// * [`RetentionFailed`](Error::RetentionFailed) contains the error of a table and the reports of the tables before
    ///   it. All tables are checked before the first row of any is removed. So a table that is refused in this check
    ///   leaves every table as it was.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<RetentionReport, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = RetentionReport>,
    {
        self.run_blocking(conn)
    }

    /// Runs the policy on a connection of diesel-async; otherwise it is [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// It returns the errors of [`run`](Self::run).
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
    {
        let started = Instant::now();
        if let Some((option, why)) = self.options.wrong {
            return Err(Error::InvalidOption { option, why });
        }
        if x.in_transaction()? {
            return Err(Error::PurgeInTransaction { table: self.jobs.names().join(", ") });
        }
        let mut report = RetentionReport { tables: Vec::new(), stopped: Stopped::Complete, elapsed: Duration::ZERO };
        let mut lock = None;
        if let Some(name) = self.exclusive.as_ref().filter(|_| !self.options.dry_run) {
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
    {
        let mut limits = self.options.clone();
        let Options { max_rows, max_duration, .. } = limits;
        // Every table is checked before the first row of any is removed.
        let mut checked = Vec::new();
        for place in children_first(&self.jobs.nodes()) {
            checked.push((place, self.jobs.check_nth(place, x, &limits).await?));
        }
        for (place, prepared) in checked {
            limits.max_rows = max_rows.map(|limit| limit.saturating_sub(report.rows()));
            limits.max_duration = max_duration.map(|limit| limit.saturating_sub(started.elapsed()));
            let context = Context { limits: limits.clone(), hooks: Some(&mut self.callbacks) };
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
            // A limit of one table ends that table. A limit of the policy ends the policy.
            let ends = match table.stopped {
                Stopped::MaxRows => max_rows.is_some_and(|limit| limit <= report.rows() + table.rows),
                Stopped::MaxDuration => max_duration.is_some_and(|limit| started.elapsed() >= limit),
                Stopped::StopWhen => self.callbacks.stopped,
                _ => false,
            };
            report.tables.push(table);
            if ends {
                return Ok(());
            }
        }
        // The report is complete only if no table was cut short, so the last table's reason alone does not decide.
        let cut = report.tables.iter().map(|table| table.stopped).find(|stopped| *stopped != Stopped::Complete);
        report.stopped = cut.unwrap_or(Stopped::Complete);
        Ok(())
    }
}

impl<J> std::fmt::Debug for RetentionPolicy<'_, J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetentionPolicy")
            .field("options", &self.options)
            .field("exclusive", &self.exclusive)
            .finish_non_exhaustive()
    }
}

impl<J, DB> RunsOn<DB> for RetentionPolicy<'_, J>
where
    DB: AnswersText,
    J: Jobs<DB>,
{
    runs_on!(RetentionReport, Self::run_on);
}

/// The order in which tables are purged: children before parents, otherwise the order in which they are added.
pub(super) fn children_first(nodes: &[Node]) -> Vec<usize> {
    let below: Vec<_> =
        nodes.iter().map(|node| node.descendants(&[Policy::Cascade, Policy::Restrict, Policy::SetNull])).collect();
    let mut open: Vec<usize> = (0..nodes.len()).collect();
    let mut order = Vec::new();
    while !open.is_empty() {
        // A circle does not have a first table, so the one that was added first is taken.
        let ready = open.iter().position(|&table| {
            open.iter().all(|&other| nodes[other].id == nodes[table].id || !below[table].contains(&nodes[other].id))
        });
        order.push(open.remove(ready.unwrap_or_default()));
    }
    order
}

/// The jobs of a policy: `()` or `(the jobs before, the last job)`.
pub trait Jobs<DB: Backend> {
    /// Returns the number of jobs.
    fn count(&self) -> usize;
    /// Returns the names of their tables.
    fn names(&self) -> Vec<String>;
    /// Returns their places in the graph of relations.
    fn nodes(&self) -> Vec<Node>;
    /// Checks one job, and changes nothing.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn check_nth<X>(&mut self, place: usize, x: &mut X, limits: &Options) -> Result<Prepared, Error>
    where
        X: Executor<Backend = DB>;
    /// Runs one job that was checked.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn run_nth<X>(
        &mut self,
        place: usize,
        x: &mut X,
        prepared: Prepared,
        context: Context<'_>,
    ) -> Result<PurgeReport, Error>
    where
        X: Executor<Backend = DB>;
}

// The empty list has no job, so each place is an error.
impl<DB: Backend> Jobs<DB> for () {
    fn count(&self) -> usize {
        0
    }
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
    fn nodes(&self) -> Vec<Node> {
        Vec::new()
    }
    async fn check_nth<X>(&mut self, _: usize, _: &mut X, _: &Options) -> Result<Prepared, Error>
    where
        X: Executor<Backend = DB>,
    {
        Err(diesel::result::Error::NotFound.into())
    }
    async fn run_nth<X>(&mut self, _: usize, _: &mut X, _: Prepared, _: Context<'_>) -> Result<PurgeReport, Error>
    where
        X: Executor<Backend = DB>,
    {
        Err(diesel::result::Error::NotFound.into())
    }
}

impl<DB, J, N> Jobs<DB> for (J, N)
where
    DB: Backend,
    J: Jobs<DB>,
    N: TableJob<DB>,
{
    fn count(&self) -> usize {
        self.0.count() + 1
    }
    fn names(&self) -> Vec<String> {
        let mut names = self.0.names();
        names.push(self.1.table());
        names
    }
    fn nodes(&self) -> Vec<Node> {
        let mut nodes = self.0.nodes();
        nodes.push(self.1.node());
        nodes
    }
    async fn check_nth<X>(&mut self, place: usize, x: &mut X, limits: &Options) -> Result<Prepared, Error>
    where
        X: Executor<Backend = DB>,
    {
        if place == self.0.count() { self.1.check(x, limits).await } else { self.0.check_nth(place, x, limits).await }
    }
    async fn run_nth<X>(
        &mut self,
        place: usize,
        x: &mut X,
        prepared: Prepared,
        context: Context<'_>,
    ) -> Result<PurgeReport, Error>
    where
        X: Executor<Backend = DB>,
    {
        if place == self.0.count() {
            self.1.run_checked(x, prepared, context).await
        } else {
            self.0.run_nth(place, x, prepared, context).await
        }
    }
}
