//! A job of one table as a policy sees it: first everything that forbids it is looked for, then it runs.

use std::time::{Duration, Instant};

use diesel::backend::Backend;

use super::archive::{ArchiveTable, DeclaredTable};
use super::driver::{Batches, Hooks, Run};
use super::job::PurgeJob;
use super::options::Options;
use super::session::Session;
use super::statements::Statements;
use super::{archive, guards};
use crate::connection::{Executor, Fault, Question, Retries, fault};
use crate::declare::{Node, SoftDeletable, TableColumns, TimeColumn, Timestamped};
use crate::dialect::Dialect;
use crate::error::{Error, Progress, PurgeReport, Stopped};
use crate::migration::{Shape, contradictions, key_order_problem};
use crate::schema::{Reference, TableKind, read_table};

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

/// What the catalog says about a job that may run.
#[derive(Debug)]
pub struct Prepared {
    pub(super) dialect: Dialect,
    /// The columns to copy, if there is an archive.
    pub(super) columns: Option<Vec<String>>,
    pub(super) casts: Vec<Option<String>>,
    /// The foreign keys that can hold rows. It contains only those whose child this user may read.
    pub(super) references: Vec<Reference>,
    /// Whether the database ensures that no two rows have the same key.
    pub(super) has_unique_key: bool,
    pub(super) notes: Vec<String>,
    pub(super) retries: u64,
    pub(super) took: Duration,
}

/// Reads the catalog and checks the job. It tries again while a lock is in its way.
pub(super) async fn prepare<T, A, X>(
    x: &mut X,
    key: &[String],
    archive: &A,
    options: &Options,
) -> Result<Prepared, Error>
where
    T: SoftDeletable,
    T::AllColumns: TableColumns,
    A: ArchiveTable<X::Backend>,
    X: Executor,
{
    let (begun, mut retries) = (Instant::now(), Retries::while_locked(options.lock_timeout()));
    loop {
        match look::<T, A, X>(x, key, archive, options).await {
            Ok(prepared) => return Ok(Prepared { retries: retries.count(), took: begun.elapsed(), ..prepared }),
            Err(error) if retries.again(x, &error).await? => {}
            Err(error) => return Err(error),
        }
    }
}

async fn look<T, A, X>(x: &mut X, key: &[String], archive: &A, options: &Options) -> Result<Prepared, Error>
where
    T: SoftDeletable,
    T::AllColumns: TableColumns,
    A: ArchiveTable<X::Backend>,
    X: Executor,
{
    let (mut notes, dialect) = (Vec::new(), crate::connection::dialect(x).await?);
    let shape = Shape::of::<T>();
    let catalog = read_table(x, dialect, &shape.table).await?;
    // All checks below need the catalog, so a table that it does not show is refused.
    let Some(catalog) = catalog else {
        return Err(Error::NoTable { table: T::table_name() });
    };
    if catalog.kind == TableKind::View {
        return Err(Error::PurgeOfView { table: T::table_name() });
    }
    let findings = contradictions(dialect, &shape, &catalog);
    if !findings.is_empty() {
        return Err(Error::SchemaMismatch { findings });
    }
    for name in key {
        let why = catalog.column(dialect, name).and_then(|column| key_order_problem(dialect, column));
        if let Some(why) = why {
            return Err(Error::UnorderedKey { table: T::table_name(), column: name.clone(), why: why.to_owned() });
        }
    }
    guards::reaches(x, dialect, &catalog, &options.reaches).await?;
    let mut references = Vec::new();
    for reference in guards::references(dialect, &catalog) {
        // A user who may not read a child cannot leave out the rows that it holds. The database refuses those one by
        // one.
        match x.query_text(Question::select(dialect, &["1"]).sql(&format!(" FROM {}", reference.trial()))).await {
            Ok(_) => references.push(reference),
            Err(error) if matches!(fault(&error), Fault::Fatal | Fault::Unclear) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let columns = match archive.declared() {
        None => None,
        Some(declared) => {
            let catalog_archive = read_table(x, dialect, &declared.name).await?;
            let source = DeclaredTable::of::<T>();
            Some(archive::columns(
                dialect,
                (&source, &catalog),
                (&declared, catalog_archive.as_ref()),
                &options.allowed_types,
            )?)
        }
    };
    notes.extend(guards::facts(&catalog, columns.is_some()));
    notes.extend(guards::index_note(x, dialect, &shape, &catalog, key).await?);
    notes.extend(guards::unknown_times(x, dialect, &shape, T::Stamp::KIND).await?);
    let casts = guards::casts(dialect, &catalog, key);
    let has_unique_key = catalog.is_unique(dialect, key);
    Ok(Prepared { dialect, columns, casts, references, has_unique_key, notes, retries: 0, took: Duration::ZERO })
}
