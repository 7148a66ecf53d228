//! The loop of a job.
//!
//! It walks the table in the order of its key. A batch is found by a query that looks `batch_size`
//! eligible rows ahead, and removed by statements that bound the range and repeat the whole predicate,
//! in a transaction of their own. Keys are unique, so there are no ties; the rows already behind
//! the walk, dead or blocked, are never read again.
//!
//! A range that cannot be removed is walked again in halves, down to the row that is blocked. A range
//! that is locked is stepped over and walked again at the end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use diesel::backend::Backend;
use diesel::result::QueryResult;

use super::attempt::Attempt;
use super::cause::{Cause, backoff};
use super::lease::Lease;
use super::options::Options;
use super::piece::Piece;
use super::plan::not_the_same;
use super::report::{Progress, PurgeReport, Stopped};
use super::session::Session;
use super::sql::Seek;
use crate::error::Error;
use crate::executor::Executor;
use crate::faults::Fault;
use crate::key::Key;
use crate::migration::Dialect;

/// The statements of one job, on a backend.
pub trait Batches<DB: Backend> {
    /// The SQL type of the key.
    type Key: Key<DB>;
    /// The key of an eligible row that shares `equal` columns with `after` and lies behind it, up to `end`.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn find<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        what: Sought<'_, KeyValue<Self, DB>>,
    ) -> QueryResult<Option<KeyValue<Self, DB>>>;
    /// How many rows of a piece are eligible.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn count<X: Executor<Backend = DB>>(&self, x: &mut X, piece: &Piece<KeyValue<Self, DB>>) -> QueryResult<u64>;
    /// How many eligible rows have no key.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn count_without_key<X: Executor<Backend = DB>>(&self, x: &mut X) -> QueryResult<u64>;
    /// Removes the eligible rows of a piece.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn delete<X: Executor<Backend = DB>>(&self, x: &mut X, piece: &Piece<KeyValue<Self, DB>>)
    -> QueryResult<u64>;
    /// Copies the eligible rows of a piece into the archive, and locks them.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn archive<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        piece: &Piece<KeyValue<Self, DB>>,
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
    pub(super) usual: bool,
}

impl<V> Clone for Sought<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Sought<'_, V> {}

/// What a job calls back.
pub(super) trait Hooks {
    fn progress(&mut self, progress: &Progress);
    fn stop(&mut self) -> bool;
}

/// A range that is being walked.
#[derive(Debug)]
pub(super) struct Frame<V> {
    /// The key behind which the next batch begins.
    pub(super) after: Option<V>,
    /// The last key of the range.
    pub(super) end: V,
    size: u64,
    /// Whether it was locked when it was met first.
    second: bool,
}

/// How often a batch is tried again after a deadlock or a failure to serialize.
pub(super) const ATTEMPTS: u32 = 6;
/// How often if the numbers did not fit: that is not likely to pass, so the batch is soon halved.
const UNEQUAL_ATTEMPTS: u32 = 2;
/// How long a part of a range waits that was locked as a whole before.
const SHORT_LOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// One run over one table.
pub(super) struct Run<'r, J, H> {
    pub(super) job: &'r J,
    pub(super) options: &'r Options,
    pub(super) hooks: &'r mut H,
    pub(super) lease: Option<&'r mut Lease>,
    pub(super) session: &'r mut Session,
    /// The columns to copy, if there is an archive.
    pub(super) archived: Option<Vec<String>>,
    pub(super) report: &'r mut PurgeReport,
    pub(super) started: Instant,
}

impl<J, H: Hooks> Run<'_, J, H> {
    /// Walks the table; the report holds what was done, also if it fails.
    pub(super) async fn walk<X>(&mut self, x: &mut X) -> Result<Stopped, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        // Not the limit of rows: where there is nothing to remove, nothing is left over.
        if let Some(stopped) = self.asked_to_stop() {
            return Ok(stopped);
        }
        if !self.renew(x).await? {
            return Ok(Stopped::LeaseLost);
        }
        // The searches too wait for locks of whole tables.
        self.session.prepare(x, self.options.lock_timeout).await?;
        let Some(end) = self.last(x).await? else {
            self.rows_without_key(x).await?;
            return Ok(Stopped::Complete);
        };
        // That search can have read the whole table.
        if !self.renew(x).await? {
            return Ok(Stopped::LeaseLost);
        }
        let size = self.options.batch_size;
        let mut frames = vec![Frame { after: None, end, size, second: false }];
        let mut locked = VecDeque::new();
        let mut has_kept = false;
        let mut tries = 0;
        let mut waited: Option<Instant> = None;
        let mut suspect = None;
        loop {
            let Some(frame) = frames.last_mut() else {
                let Some((after, end)) = locked.pop_front() else { break };
                frames.push(Frame { after, end, size, second: true });
                continue;
            };
            if let Some(stopped) = self.should_stop() {
                return Ok(stopped);
            }
            let size = frame.size.min(self.rows_left());
            let begun = Instant::now();
            let is_part = frame.size < self.options.batch_size;
            let timeout = if frame.second && is_part {
                SHORT_LOCK_TIMEOUT.min(self.options.lock_timeout)
            } else {
                self.options.lock_timeout
            };
            let (plan, attempt) = match self.plan(x, frame, size).await {
                // The walk would not move on.
                Ok(plan) if frame.after.as_ref() == Some(&plan.upto) => return Err(not_the_same()),
                Ok(plan) => {
                    let attempt = self.attempt(x, &plan, size, timeout).await;
                    (Some(plan), attempt)
                }
                Err(error) => (None, Attempt::Failed(error)),
            };
            let mut cause = match attempt {
                Attempt::Done { removed, archived } => {
                    let Some(plan) = plan else { continue };
                    tries = 0;
                    waited = None;
                    let is_empty = plan.full && removed == 0 && self.session.dialect == Dialect::Sqlite;
                    let after = frame.after.clone();
                    if is_empty && self.next(x, after.as_ref(), &plan.upto).await?.is_none() {
                        // Others had these rows, or the key is not where it was read: then it is found once more.
                        if suspect.as_ref() == Some(&plan.upto) {
                            return Err(not_the_same());
                        }
                        suspect = Some(plan.upto);
                        continue;
                    }
                    suspect = None;
                    let is_last = plan.upto == frame.end;
                    frame.after = Some(plan.upto.clone());
                    if is_last {
                        frames.pop();
                    }
                    let took = begun.elapsed();
                    self.done(removed, archived, took);
                    let is_whole = plan.full && removed == size;
                    if !is_whole && !has_kept && !self.options.dry_run {
                        has_kept = self.keeps_rows(x, after, &plan, timeout).await?;
                    }
                    if !frames.is_empty() || !locked.is_empty() {
                        self.pause(x, took).await;
                    }
                    continue;
                }
                Attempt::LeaseLost => return Ok(Stopped::LeaseLost),
                Attempt::LeaseFailed(error) => return Err(error.into()),
                Attempt::Grew => Cause::again(String::from("rows became old enough while the batch was removed")),
                Attempt::Unequal { copied, removed } => {
                    Cause::again(format!("{copied} rows were copied into the archive, and {removed} could be removed"))
                }
                Attempt::Failed(error) => Cause::of(error),
            };
            cause.ask_connection(x).await;
            match cause.fault {
                Fault::Lost | Fault::Fatal => return Err(cause.into_error()),
                Fault::Again if tries < if cause.error.is_some() { ATTEMPTS } else { UNEQUAL_ATTEMPTS } => {
                    self.report.retries += 1;
                    let _ = x.sleep(backoff(tries)).await;
                    tries += 1;
                    continue;
                }
                Fault::Busy | Fault::Locked if cause.fault == Fault::Busy || plan.is_none() => {
                    // The whole database is locked, or the whole table: there is nothing to step over to.
                    if waited.get_or_insert(begun).elapsed() >= self.options.lock_timeout {
                        return Err(cause.into_error());
                    }
                    self.report.retries += 1;
                    let _ = x.sleep(backoff(0)).await;
                    tries += 1;
                    continue;
                }
                _ => {}
            }
            tries = 0;
            // Only a batch can be stepped over.
            let Some(plan) = plan else { return Err(cause.into_error()) };
            let is_row = frame.size == 1 || size == 1;
            let is_last = plan.upto == frame.end;
            let after = frame.after.replace(plan.upto.clone());
            let second = frame.second;
            if is_last {
                frames.pop();
            }
            let is_lock = matches!(cause.fault, Fault::Locked | Fault::Again);
            if is_lock && !second {
                self.report.retries += 1;
                locked.push_back((after, plan.upto));
                if locked.len() as u64 > self.options.max_blocked {
                    return Ok(Stopped::MaxBlocked);
                }
            } else if is_row {
                let key = <J::Key as Key<X::Backend>>::show(&plan.upto);
                self.report.blocked.push(cause.blocked(self.report.table.clone(), key));
                if self.report.blocked.len() as u64 > self.options.max_blocked {
                    return self.too_many(cause);
                }
            } else {
                frames.push(Frame { after, end: plan.upto, size: size.div_ceil(2), second });
            }
        }
        self.rows_without_key(x).await?;
        Ok(Stopped::Complete)
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
            blocked: report.blocked.len() as u64,
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
        let mut left = pause;
        while !left.is_zero() {
            // A lease must not expire in a long pause.
            let slice = self.lease.as_ref().map_or(left, |lease| left.min(lease.interval()));
            let _ = x.sleep(slice).await;
            left = left.saturating_sub(slice);
            if !left.is_zero() {
                // If that fails, the renewal before the next batch tells.
                let _ = self.renew(x).await;
            }
        }
    }
}
