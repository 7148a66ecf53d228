//! A job of one table as a policy sees it: first it is checked, then it runs.

use std::time::Instant;

use diesel::backend::Backend;

use super::archive::ArchiveTable;
use super::engine::{Batches, Hooks, Run};
use super::job::PurgeJob;
use super::options::Options;
use super::prepare::{Prepared, prepare};
use super::session::Session;
use super::statements::Statements;
use crate::connection::Executor;
use crate::declare::{Node, SoftDeletable, TableColumns, Timestamped};
use crate::error::{Error, Progress, PurgeReport, Stopped};

/// What a policy passes to one of its jobs.
#[allow(missing_debug_implementations, reason = "it borrows callbacks, and nobody can name it")]
#[derive(Default)]
pub struct Context<'c> {
    pub(super) limits: Options,
    pub(super) hooks: Option<&'c mut (dyn Hooks + Send)>,
}

/// A job that can run on the backend `DB`.
#[diagnostic::on_unimplemented(
    message = "this purge job cannot run on the backend `{DB}`",
    note = "the table, its primary key, its timestamp and the archive must be of SQL types that the backend has"
)]
pub trait TableJob<DB: Backend> {
    /// Refuses a job that must not run, and changes nothing.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn check<X>(&mut self, x: &mut X, limits: &Options) -> Result<Prepared, Error>
    where
        X: Executor<Backend = DB>;

    /// Runs a job that was checked.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn run_checked<X>(
        &mut self,
        x: &mut X,
        prepared: Prepared,
        context: Context<'_>,
    ) -> Result<PurgeReport, Error>
    where
        X: Executor<Backend = DB>;

    /// Returns the name of the table, for messages.
    #[doc(hidden)]
    fn table(&self) -> String;

    /// Returns the table's place in the graph of relations.
    #[doc(hidden)]
    fn node(&self) -> Node;
}

impl<T, P, G, A, F, S, DB> TableJob<DB> for PurgeJob<T, P, G, A, F, S>
where
    DB: Backend,
    T: SoftDeletable,
    T::Stamp: Timestamped,
    T::AllColumns: TableColumns,
    A: ArchiveTable<DB>,
    F: FnMut(&Progress),
    S: FnMut() -> bool,
    Statements<T, P, G, A>: Batches<DB>,
{
    async fn check<X>(&mut self, x: &mut X, limits: &Options) -> Result<Prepared, Error>
    where
        X: Executor<Backend = DB>,
    {
        let options = self.options.within(limits);
        let table = T::table_name();
        options.check(&table, self.statements.rows.cutoff.time()?)?;
        if x.in_transaction()? {
            return Err(Error::PurgeInTransaction { table });
        }
        prepare::<T, A, X>(x, &self.statements.rows.key, &self.statements.archive, &options).await
    }

    async fn run_checked<X>(
        &mut self,
        x: &mut X,
        prepared: Prepared,
        context: Context<'_>,
    ) -> Result<PurgeReport, Error>
    where
        X: Executor<Backend = DB>,
    {
        let started = Instant::now();
        let options = self.options.within(&context.limits);
        let mut report = PurgeReport::new(T::table_name(), options.dry_run);
        report.notes = prepared.notes;
        report.retries = prepared.retries;
        self.statements.rows.casts = prepared.casts;
        self.statements.rows.references = prepared.references;
        self.statements.rows.dialect = Some(prepared.dialect);
        let mut session = Session::new(prepared.dialect);
        let mut hooks =
            Both { on_progress: &mut self.on_progress, stop_when: &mut self.stop_when, policy: context.hooks };
        let mut run = Run {
            job: &self.statements,
            options: &options,
            hooks: &mut hooks,
            session: &mut session,
            archived: prepared.columns,
            has_unique_key: prepared.has_unique_key,
            has_kept: false,
            report: &mut report,
            // The check is part of the run, so its time counts.
            started: started.checked_sub(prepared.took).unwrap_or(started),
        };
        let result = run.walk(x).await;
        session.restore(x).await;
        report.elapsed = prepared.took + started.elapsed();
        match result {
            Ok(stopped) => {
                report.stopped = stopped;
                Ok(report)
            }
            Err(error) => {
                report.stopped = Stopped::Failed;
                Err(Error::PurgeFailed { report: Box::new(report), source: Box::new(error) })
            }
        }
    }

    fn table(&self) -> String {
        T::table_name()
    }

    fn node(&self) -> Node {
        Node::soft_deletable::<T>()
    }
}

/// The callbacks of a job together with those of its policy.
struct Both<'h, 'p, F, S> {
    on_progress: &'h mut F,
    stop_when: &'h mut S,
    policy: Option<&'p mut (dyn Hooks + Send + 'p)>,
}

impl<F, S> Hooks for Both<'_, '_, F, S>
where
    F: FnMut(&Progress),
    S: FnMut() -> bool,
{
    fn progress(&mut self, progress: &Progress) {
        (self.on_progress)(progress);
        if let Some(policy) = &mut self.policy {
            policy.progress(progress);
        }
    }

    fn stop(&mut self) -> bool {
        (self.stop_when)() || self.policy.as_mut().is_some_and(|policy| policy.stop())
    }
}
