//! The driver of a job: it asks [`walk`](super::walk) which range is next, and the database to remove it.
//!
//! A job walks the table in the order of its key. A query looks `batch_size` eligible rows ahead to find a batch. Then
//! a transaction removes the batch, with statements that bound the range and repeat the whole predicate. Keys are
//! unique, so no two rows have the same place. A pass does not read again the rows that it has left behind.

use std::time::{Duration, Instant};

use diesel::backend::Backend;
use diesel::result::QueryResult;

use super::batch::{Attempt, Cause, Next, Tries};
use super::kept_rows::HeldBy;
use super::look_ahead::{Held, KeyRange, key_round_trip_error};
use super::options::Options;
use super::session::Session;
use super::sql::{Counted, Seek};
use super::walk::{Range, Refusal, Verdict, Walk};
use crate::connection::Executor;
use crate::declare::Key;
use crate::dialect::Dialect;
use crate::error::{Error, Progress, PurgeReport, Stopped};
use crate::schema::Reference;

/// The statements of one job on a backend.
pub trait Batches<DB: Backend> {
    /// The SQL type of the key.
    type Key: Key<DB>;
    /// Finds the key of an eligible row that comes after `after`, shares `equal` columns with it, and is not after
    /// `end`.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn find<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        what: Sought<'_, KeyValue<Self, DB>>,
    ) -> QueryResult<Option<KeyValue<Self, DB>>>;
    /// Counts the eligible rows of a kind.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn count<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        counted: &Counted<'_, KeyValue<Self, DB>>,
    ) -> QueryResult<u64>;
    /// Returns the foreign keys that can hold rows.
    fn references(&self) -> &[Reference];
    /// Returns the keys of the first eligible rows that `reference` holds.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn held_keys<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        reference: &Reference,
        limit: u64,
    ) -> QueryResult<Vec<KeyValue<Self, DB>>>;
    /// Removes the eligible rows of a range, and returns their number.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn delete<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        range: &KeyRange<KeyValue<Self, DB>>,
    ) -> QueryResult<u64>;
    /// Copies the eligible rows of a range into the archive, locks them, and returns their number.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn archive<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        range: &KeyRange<KeyValue<Self, DB>>,
        columns: &[String],
        dialect: Dialect,
    ) -> QueryResult<u64>;
}

/// The Rust value of a job's key.
pub(super) type KeyValue<J, DB> = <<J as Batches<DB>>::Key as Key<DB>>::Value;

/// What [`Batches::find`] looks for.
#[derive(Debug)]
pub struct Sought<'a, V> {
    pub(super) equal: usize,
    pub(super) after: Option<&'a V>,
    pub(super) end: Option<&'a V>,
    pub(super) seek: Seek,
    pub(super) held: Held,
    /// Whether every batch has the same text, so that the statement is worth a place in the cache.
    pub(super) cacheable: bool,
}

impl<V> Clone for Sought<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Sought<'_, V> {}

/// The callbacks of a job.
pub trait Hooks {
    /// The job calls it after a batch.
    fn progress(&mut self, progress: &Progress);
    /// The job calls it before a batch, and stops if it returns `true`.
    fn stop(&mut self) -> bool;
}

/// How long a part of a range waits for locks if the whole range was locked before.
const SHORT_LOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// Returns which rows the statements of a walk include.
fn held<K: Clone + PartialEq>(walk: &Walk<K>) -> Held {
    if walk.leaves_out_held() { Held::LeftOut } else { Held::Included }
}

/// One run over one table.
pub(super) struct Run<'r, J, H> {
    pub(super) job: &'r J,
    pub(super) options: &'r Options,
    pub(super) hooks: &'r mut H,
    pub(super) session: &'r mut Session,
    /// The columns to copy, if there is an archive.
    pub(super) archived: Option<Vec<String>>,
    /// Whether the database ensures that no two rows have the same key.
    pub(super) has_unique_key: bool,
    /// Whether rows were found that the database neither removed nor refused to remove.
    pub(super) has_kept: bool,
    pub(super) report: &'r mut PurgeReport,
    pub(super) started: Instant,
}

impl<J, H: Hooks> Run<'_, J, H> {
    /// Walks the table until its end or a stop. The report contains what was done, also after an error.
    pub(super) async fn walk<X>(&mut self, x: &mut X) -> Result<Stopped, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        // The limit of rows is not tested here: if nothing is eligible, the job is complete even with a limit of 0.
        if let Some(stopped) = self.asked_to_stop() {
            return Ok(stopped);
        }
        // The searches can also wait for locks of whole tables, so the timeout is set before them.
        self.session.prepare(x, self.options.lock_timeout()).await?;
        let Some(end) = self.last(x, Held::Included).await? else {
            self.rows_without_key(x).await?;
            return Ok(Stopped::Complete);
        };
        let before = if self.options.dry_run { self.count(x, &Counted::All).await? } else { 0 };
        let mut walk = Walk::new(end, self.options.batch_size(), !self.job.references().is_empty());
        let mut has_looked_again = false;
        loop {
            if let Some(stopped) = self.pass(x, &mut walk).await? {
                // A job with a budget may never reach the end, so it reports the held rows here.
                if walk.leaves_out_held() && matches!(stopped, Stopped::MaxRows | Stopped::MaxDuration) {
                    self.held_rows(x, HeldBy::OtherTables).await?;
                }
                return Ok(stopped);
            }
            if self.options.dry_run {
                self.compare_dry_run(x, before).await?;
                break;
            }
            let held = held(&walk);
            let mut again = walk.is_worth_another_pass();
            if !again {
                if held == Held::LeftOut {
                    self.held_rows(x, HeldBy::AnyTable).await?;
                }
                let passed_over = self.rows_passed_over(x).await?;
                if passed_over > 0 && has_looked_again && !walk.removed_in_pass() {
                    return Err(Error::PassedOver { table: self.report.table.clone(), rows: passed_over });
                }
                // Rows that became eligible behind the walk are removed in another pass. Rows that the order of the key
                // hides are missed again, which is an error above.
                again = passed_over > 0;
                has_looked_again |= again;
            }
            let end = if again { self.last(x, held).await? } else { None };
            match end {
                Some(end) => {
                    self.forget_blocked();
                    walk.begin_pass(end);
                }
                None if walk.is_worth_another_pass() && held == Held::LeftOut => {
                    self.held_rows(x, HeldBy::AnyTable).await?;
                    break;
                }
                None => break,
            }
        }
        self.rows_without_key(x).await?;
        Ok(Stopped::Complete)
    }

    /// Walks one pass. It returns the reason if the job ends here.
    async fn pass<X>(&mut self, x: &mut X, walk: &mut Walk<KeyValue<J, X::Backend>>) -> Result<Option<Stopped>, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let mut tries = Tries::default();
        while let Some(range) = walk.next() {
            if let Some(stopped) = self.should_stop() {
                return Ok(Some(stopped));
            }
            let size = range.size.min(self.rows_left());
            let begun = Instant::now();
            let timeout = self.timeout_of(&range);
            let (plan, attempt) = match self.plan(x, &range, size, held(walk)).await {
                // SQLite can store a value that Diesel reads as another one. Then the walk would not advance.
                Ok(plan) if range.after.as_ref() == Some(&plan.upto) => return Err(key_round_trip_error()),
                Ok(plan) => {
                    let attempt = self.attempt(x, &plan, timeout).await;
                    (Some(plan), attempt)
                }
                Err(error) => (None, Attempt::Failed(error)),
            };
            let mut cause = match attempt {
                Attempt::Done { removed, archived } => {
                    let Some(plan) = plan else { continue };
                    tries = Tries::default();
                    walk.removed(&plan.upto, removed);
                    let took = begun.elapsed();
                    self.done(removed, archived, took);
                    let is_whole = plan.full && removed == size;
                    // The walk leaves out held rows, and this removal may have freed some of them. The next pass takes
                    // those.
                    let is_told = is_whole || (held(walk) == Held::LeftOut && removed > 0);
                    if !is_told && !self.has_kept && !self.options.dry_run {
                        self.has_kept = self.keeps_rows(x, range.after, &plan, held(walk), timeout).await?;
                    }
                    if walk.has_more() {
                        self.pause(x, took).await;
                    }
                    continue;
                }
                attempt => Cause::of(attempt, self.has_unique_key),
            };
            cause.ask_connection(x).await;
            match tries.after(&cause, plan.is_none(), begun, self.options.lock_timeout()) {
                Next::Fail => return Err(cause.into_error()),
                Next::TryAgain(pause) => {
                    self.report.retries += 1;
                    let _ = x.sleep(pause).await;
                    continue;
                }
                Next::StepOver => {}
            }
            // Only a batch can be stepped over. If nothing can be removed at all, no single row is the reason.
            let Some(plan) = plan.filter(|_| !walk.is_hopeless()) else { return Err(cause.into_error()) };
            match walk.refused(&plan.upto, size, cause.refusal()) {
                Verdict::Again => {
                    if self.is_over_max_blocked(x).await? {
                        return Ok(Some(Stopped::MaxBlocked));
                    }
                }
                Verdict::Later => {
                    self.report.retries += u64::from(cause.refusal() == Refusal::Lock);
                    if self.options.max_blocked.is_some_and(|limit| walk.locked_ranges() > limit) {
                        return Ok(Some(Stopped::MaxBlocked));
                    }
                }
                verdict @ (Verdict::BlockedRow | Verdict::BlockedRange) => {
                    let rows = match verdict {
                        Verdict::BlockedRow if self.has_unique_key => 1,
                        _ => self.count_plan(x, &plan).await?,
                    };
                    let key = <J::Key as Key<X::Backend>>::show(&plan.upto);
                    self.block(cause.blocked(self.report.table.clone(), key), rows);
                    if self.options.max_blocked.is_some_and(|limit| self.report.blocked_rows > limit) {
                        return self.too_many(cause).map(Some);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Returns how long a range waits for locks.
    fn timeout_of<K>(&self, range: &Range<K>) -> Duration {
        let is_part = range.size < self.options.batch_size();
        if range.second && is_part {
            SHORT_LOCK_TIMEOUT.min(self.options.lock_timeout())
        } else {
            self.options.lock_timeout()
        }
    }

    fn asked_to_stop(&mut self) -> Option<Stopped> {
        if self.hooks.stop() {
            return Some(Stopped::StopWhen);
        }
        if self.options.max_duration.is_some_and(|limit| self.started.elapsed() >= limit) {
            return Some(Stopped::MaxDuration);
        }
        None
    }

    fn should_stop(&mut self) -> Option<Stopped> {
        self.asked_to_stop().or_else(|| (self.rows_left() == 0).then_some(Stopped::MaxRows))
    }

    pub(super) fn rows_left(&self) -> u64 {
        self.options.max_rows.map_or(u64::MAX, |limit| limit.saturating_sub(self.report.rows))
    }

    pub(super) fn done(&mut self, removed: u64, archived: u64, batch_elapsed: Duration) {
        let report = &mut *self.report;
        report.rows += removed;
        report.archived += archived;
        report.batches += u64::from(removed > 0);
        let progress = Progress {
            table: report.table.clone(),
            rows: report.rows,
            archived: report.archived,
            batches: report.batches,
            blocked: report.blocked_rows,
            batch_rows: removed,
            batch_elapsed,
            elapsed: self.started.elapsed(),
        };
        #[cfg(feature = "tracing")]
        tracing::info!(
            target: "diesel_soft_delete::purge",
            table = %progress.table,
            dry_run = self.options.dry_run,
            batch_rows = progress.batch_rows,
            batch_ms = progress.batch_elapsed.as_millis() as u64,
            rows = progress.rows,
            archived = progress.archived,
            batches = progress.batches,
            blocked = progress.blocked,
            "purged a batch"
        );
        self.hooks.progress(&progress);
    }

    async fn pause<X: Executor>(&mut self, x: &mut X, batch: Duration) {
        let rest = self.options.max_duration.map(|limit| limit.saturating_sub(self.started.elapsed()));
        let pause = self.options.pause_after(batch, self.session.dialect);
        let pause = rest.map_or(pause, |rest| rest.min(pause));
        if !pause.is_zero() {
            let _ = x.sleep(pause).await;
        }
    }
}
