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
use diesel::result::{Error as DieselError, QueryResult};

use super::lease::Lease;
use super::options::Options;
use super::piece::{Piece, pieces};
use super::report::{Blocked, BlockedBy, Progress, PurgeReport, Stopped};
use super::session::Session;
use super::sql::Seek;
use crate::error::Error;
use crate::executor::Executor;
use crate::faults::{Fault, fault};
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

/// What a job calls back.
pub(super) trait Hooks {
    fn progress(&mut self, progress: &Progress);
    fn stop(&mut self) -> bool;
}

/// A range that is being walked.
#[derive(Debug)]
struct Frame<V> {
    /// The key behind which the next batch begins.
    after: Option<V>,
    /// The last key of the range.
    end: V,
    size: u64,
    /// Whether it was locked when it was met first.
    second: bool,
}

/// The next batch.
struct Plan<V> {
    pieces: Vec<Piece<V>>,
    upto: V,
    /// Whether it was seen to have as many rows as were asked for.
    full: bool,
}

/// How a transaction ended.
enum Attempt {
    Done {
        removed: u64,
        archived: u64,
    },
    /// More rows had become eligible than the limit allows.
    Grew,
    /// What was copied is not what was removed.
    Unequal {
        copied: u64,
        removed: u64,
    },
    LeaseLost,
    Failed(DieselError),
}

/// How often a batch is tried again after a deadlock or a failure to serialize.
const ATTEMPTS: u32 = 6;
/// How often if the numbers did not fit: that is not likely to pass, so the batch is soon halved.
const UNEQUAL_ATTEMPTS: u32 = 2;
/// The first pause before it is; each is twice as long as the one before.
const BACKOFF: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);
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
        if let Some(stopped) = self.should_stop() {
            return Ok(stopped);
        }
        let Some(end) = self.end(x, Seek::Last).await? else {
            self.rows_without_key(x).await?;
            return Ok(Stopped::Complete);
        };
        let size = self.options.batch_size;
        let mut frames = vec![Frame { after: None, end, size, second: false }];
        let mut locked = VecDeque::new();
        let mut missing = 0;
        let mut tries = 0;
        let mut waited: Option<Instant> = None;
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
                    if plan.full {
                        missing += size.saturating_sub(removed);
                    }
                    if frame.after.as_ref() == Some(&plan.upto) {
                        // A key that Diesel does not write as it read it; the walk would not move on.
                        return Err(DieselError::DeserializationError(
                            "a key is not the same after it was loaded and bound again".into(),
                        )
                        .into());
                    }
                    let is_last = plan.upto == frame.end;
                    frame.after = Some(plan.upto);
                    if is_last {
                        frames.pop();
                    }
                    let took = begun.elapsed();
                    self.done(removed, archived, took);
                    if !frames.is_empty() || !locked.is_empty() {
                        self.pause(x, took).await;
                    }
                    continue;
                }
                Attempt::LeaseLost => return Ok(Stopped::LeaseLost),
                Attempt::Grew => Cause::again(String::from("rows became old enough while the batch was removed")),
                Attempt::Unequal { copied, removed } => {
                    Cause::again(format!("{copied} rows were copied into the archive, and {removed} could be removed"))
                }
                Attempt::Failed(error) => Cause::of(error),
            };
            if matches!(cause.fault, Fault::Unclear | Fault::Constraint) && !is_alive(x).await {
                cause.fault = Fault::Lost;
            }
            match cause.fault {
                Fault::Lost | Fault::Fatal => return Err(cause.into_error()),
                Fault::Again if tries < if cause.error.is_some() { ATTEMPTS } else { UNEQUAL_ATTEMPTS } => {
                    self.report.retries += 1;
                    let _ = x.sleep(backoff(tries)).await;
                    tries += 1;
                    continue;
                }
                Fault::Busy => {
                    // The whole database is locked, so there is nothing to step over to.
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
        if missing > 0 && !self.options.dry_run {
            self.rows_kept(x).await?;
        }
        Ok(Stopped::Complete)
    }

    /// The first or last key that is eligible now, whatever others have locked for a moment.
    async fn end<X>(&mut self, x: &mut X, seek: Seek) -> Result<Option<KeyValue<J, X::Backend>>, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let (begun, mut tries) = (Instant::now(), 0);
        loop {
            let sought = Sought { equal: 0, after: None, end: None, seek, usual: true };
            match self.job.find(x, sought).await {
                Ok(found) => return Ok(found),
                Err(error) if !self.passes(x, &error, begun, tries).await => return Err(error.into()),
                Err(_) => tries += 1,
            }
        }
    }

    /// Whether a query that is not of a batch can be tried again; after a while.
    async fn passes<X>(&mut self, x: &mut X, error: &DieselError, begun: Instant, tries: u32) -> bool
    where
        X: Executor,
    {
        let passes = match fault(error) {
            Fault::Again => tries < ATTEMPTS,
            Fault::Busy | Fault::Locked => begun.elapsed() < self.options.lock_timeout,
            _ => false,
        };
        if passes {
            self.report.retries += 1;
            let _ = x.sleep(backoff(tries)).await;
        }
        passes
    }

    /// Looks `size` eligible rows ahead.
    ///
    /// `&mut self`, here and below, so that a future of the job is `Send` though its callbacks are not `Sync`.
    async fn plan<X>(
        &mut self,
        x: &mut X,
        frame: &Frame<KeyValue<J, X::Backend>>,
        size: u64,
    ) -> QueryResult<Plan<KeyValue<J, X::Backend>>>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let (after, end) = (frame.after.as_ref(), &frame.end);
        let mut planned = Vec::new();
        let mut left = size;
        // Rows that share all columns but the last with the place where the walk is come first, then
        // those that share fewer: each is one range of an index on the key.
        let last = <J::Key as Key<X::Backend>>::COLUMNS - 1;
        let (most, fewest) = match after {
            None => (0, 0),
            Some(after) => (last, <J::Key as Key<X::Backend>>::common(after, end).min(last)),
        };
        for equal in (fewest..=most).rev() {
            let sought = |seek| Sought {
                equal,
                after,
                end: Some(end),
                seek,
                usual: seek == Seek::Last || left == self.options.batch_size,
            };
            if let Some(upto) = self.job.find(x, sought(Seek::Nth(left - 1))).await? {
                if size == 1 {
                    return Ok(Plan { pieces: vec![Piece::row(upto.clone())], upto, full: true });
                }
                planned.extend(pieces::<J::Key, X::Backend>(equal, after, &upto));
                return Ok(Plan { pieces: planned, upto, full: true });
            }
            if equal == fewest {
                planned.extend(pieces::<J::Key, X::Backend>(equal, after, end));
                break;
            }
            // The rest of those that share `equal` columns.
            let Some(upto) = self.job.find(x, sought(Seek::Last)).await? else { continue };
            let rest = pieces::<J::Key, X::Backend>(equal, after, &upto);
            let mut rows = 0;
            for piece in &rest {
                rows += self.job.count(x, piece).await?;
            }
            planned.extend(rest);
            left = left.saturating_sub(rows);
            if left == 0 {
                return Ok(Plan { pieces: planned, upto, full: true });
            }
        }
        Ok(Plan { pieces: planned, upto: end.clone(), full: false })
    }

    /// One transaction.
    async fn attempt<X>(
        &mut self,
        x: &mut X,
        plan: &Plan<KeyValue<J, X::Backend>>,
        size: u64,
        timeout: Duration,
    ) -> Attempt
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        if self.options.dry_run {
            let mut removed = 0;
            for piece in &plan.pieces {
                match self.job.count(x, piece).await {
                    Ok(rows) => removed += rows,
                    Err(error) => return Attempt::Failed(error),
                }
            }
            return Attempt::Done { removed, archived: 0 };
        }
        if let Err(error) = self.session.prepare(x, timeout).await {
            return Attempt::Failed(error);
        }
        // Not in the transaction, which may be taken back: a holder who meets only locks would lose its lease.
        if let Some(lease) = &mut self.lease {
            match lease.renew(x).await {
                Ok(true) => {}
                Ok(false) => return Attempt::LeaseLost,
                Err(error) => return Attempt::Failed(error),
            }
        }
        if let Err(error) = x.begin().await {
            return Attempt::Failed(error);
        }
        let attempt = match self.remove(x, plan, size, timeout).await {
            Ok(attempt) => attempt,
            Err(error) => Attempt::Failed(error),
        };
        if matches!(attempt, Attempt::Done { .. }) {
            match x.commit().await {
                Ok(()) => attempt,
                Err(error) => Attempt::Failed(error),
            }
        } else {
            match (x.rollback().await, attempt) {
                // The first error says more, unless the connection is of no use any more.
                (Err(error), attempt) if fault(&error) == Fault::Lost => match attempt {
                    Attempt::Failed(first) if fault(&first) == Fault::Lost => Attempt::Failed(first),
                    _ => Attempt::Failed(error),
                },
                (_, attempt) => attempt,
            }
        }
    }

    async fn remove<X>(
        &mut self,
        x: &mut X,
        plan: &Plan<KeyValue<J, X::Backend>>,
        size: u64,
        timeout: Duration,
    ) -> QueryResult<Attempt>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        self.session.limit(x, timeout).await?;
        let dialect = self.session.dialect;
        let (mut removed, mut archived) = (0, 0);
        for piece in &plan.pieces {
            let copied = match &self.archived {
                Some(columns) => Some(self.job.archive(x, piece, columns, dialect).await?),
                None => None,
            };
            let gone = self.job.delete(x, piece).await?;
            if let Some(copied) = copied {
                if copied != gone {
                    return Ok(Attempt::Unequal { copied, removed: gone });
                }
                archived += copied;
            }
            removed += gone;
        }
        // Between the look ahead and the removal, rows can become eligible. The limit is a promise.
        if self.options.max_rows.is_some() && removed > size {
            return Ok(Attempt::Grew);
        }
        Ok(Attempt::Done { removed, archived })
    }

    fn should_stop(&mut self) -> Option<Stopped> {
        if self.hooks.stop() {
            return Some(Stopped::StopWhen);
        }
        if self.options.max_duration.is_some_and(|limit| self.started.elapsed() >= limit) {
            return Some(Stopped::MaxDuration);
        }
        (self.rows_left() == 0).then_some(Stopped::MaxRows)
    }

    fn rows_left(&self) -> u64 {
        self.options.max_rows.map_or(u64::MAX, |limit| limit.saturating_sub(self.report.rows))
    }

    fn done(&mut self, removed: u64, archived: u64, batch_elapsed: Duration) {
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
            if let Some(lease) = self.lease.as_mut().filter(|_| !left.is_zero()) {
                // If that fails, the renewal before the next batch tells.
                let _ = lease.renew(x).await;
            }
        }
    }

    /// A job that could remove nothing at all has met something else than single rows.
    fn too_many(&self, last: Cause) -> Result<Stopped, Error> {
        let all_unclear = self.report.blocked.iter().all(|blocked| blocked.cause == BlockedBy::Other);
        match last.error {
            Some(error) if self.report.rows == 0 && all_unclear => Err(error.into()),
            _ => Ok(Stopped::MaxBlocked),
        }
    }

    async fn rows_without_key<X>(&mut self, x: &mut X) -> Result<(), Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        if (0..<J::Key as Key<X::Backend>>::COLUMNS).any(<J::Key as Key<X::Backend>>::is_nullable) {
            let (begun, mut tries) = (Instant::now(), 0);
            let rows = loop {
                match self.job.count_without_key(x).await {
                    Ok(rows) => break rows,
                    Err(error) if !self.passes(x, &error, begun, tries).await => return Err(error.into()),
                    Err(_) => tries += 1,
                }
            };
            if rows > 0 {
                self.report.notes.push(format!("{rows} rows are left alone, because their primary key is NULL"));
            }
        }
        Ok(())
    }

    /// Whether rows are still there that nothing named kept: a trigger that returns NULL, a policy.
    async fn rows_kept<X>(&mut self, x: &mut X) -> Result<(), Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let Some(key) = self.end(x, Seek::Nth(0)).await? else { return Ok(()) };
        let key = <J::Key as Key<X::Backend>>::show(&key);
        if self.report.blocked.iter().all(|blocked| blocked.key != key) {
            self.report.notes.push(format!(
                "rows are still there that the database neither removed nor refused to remove, the first with the key {key}: \
                 look for a trigger or a policy that keeps them"
            ));
        }
        Ok(())
    }
}

/// Why a batch was not removed.
struct Cause {
    fault: Fault,
    error: Option<DieselError>,
    message: String,
}

impl Cause {
    fn again(message: String) -> Self {
        Self { fault: Fault::Again, error: None, message }
    }

    fn of(error: DieselError) -> Self {
        Self { fault: fault(&error), message: error.to_string(), error: Some(error) }
    }

    fn blocked(&self, table: String, key: String) -> Blocked {
        let constraint = match &self.error {
            Some(DieselError::DatabaseError(_, information)) => information.constraint_name().map(str::to_owned),
            _ => None,
        };
        let cause = match self.fault {
            Fault::Constraint => BlockedBy::Constraint,
            Fault::Locked => BlockedBy::Lock,
            _ if self.error.is_some() && self.fault == Fault::Again => BlockedBy::Lock,
            _ => BlockedBy::Other,
        };
        Blocked { table, key, cause, constraint, message: self.message.clone() }
    }

    fn into_error(self) -> Error {
        self.error.unwrap_or_else(|| DieselError::QueryBuilderError(self.message.into())).into()
    }
}

/// Whether the connection answers.
async fn is_alive<X: Executor>(x: &mut X) -> bool {
    x.tell(crate::migration::Question::text("SELECT 1")).await.is_ok()
}

/// Twice as long each time, and never the same for two runners.
pub(crate) fn backoff(tries: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let longest = BACKOFF.saturating_mul(1 << tries.min(10)).min(LONGEST_BACKOFF);
    let random = RandomState::new().hash_one(tries) % 1000;
    longest / 2 + longest / 2 * u32::try_from(random).unwrap_or_default() / 1000
}
