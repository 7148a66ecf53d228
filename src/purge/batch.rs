//! One batch of a job: its transaction, and why it failed.

use std::time::{Duration, Instant};

use diesel::result::{Error as DieselError, QueryResult};

use super::driver::{Batches, KeyValue, Run};
use super::look_ahead::Plan;
use super::sql::Counted;
use super::walk::Refusal;
use crate::connection::{Executor, Fault, Question, backoff, fault, is_reference};
use crate::error::{Blocked, BlockedBy, Error};

/// How a transaction ended. Every end but `Done` was rolled back.
pub(super) enum Attempt {
    Done {
        removed: u64,
        archived: u64,
    },
    /// Rows became eligible in the meantime, and the batch would exceed the limit of rows.
    Grew,
    /// The number of copied rows is not the number of removed rows.
    Unequal {
        copied: u64,
        removed: u64,
    },
    Failed(DieselError),
}

impl<J, H> Run<'_, J, H> {
    /// Removes a batch in one transaction. A dry run only counts its rows.
    pub(super) async fn attempt<X>(
        &mut self,
        x: &mut X,
        plan: &Plan<KeyValue<J, X::Backend>>,
        timeout: Duration,
    ) -> Attempt
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        if self.options.dry_run {
            let mut removed = 0;
            for range in &plan.ranges {
                match self.job.count(x, &Counted::KeyRange(range)).await {
                    Ok(rows) => removed += rows,
                    Err(error) => return Attempt::Failed(error),
                }
            }
            return Attempt::Done { removed, archived: 0 };
        }
        if let Err(error) = self.session.prepare(x, timeout).await {
            return Attempt::Failed(error);
        }
        if let Err(error) = x.begin().await {
            return Attempt::Failed(error);
        }
        let attempt = match self.remove(x, plan, timeout).await {
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
                // The first error says more, unless the connection was lost, which ends the job.
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
        timeout: Duration,
    ) -> QueryResult<Attempt>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        self.session.limit(x, timeout).await?;
        let dialect = self.session.dialect;
        let (mut removed, mut archived) = (0, 0);
        for range in &plan.ranges {
            let copied = match &self.archived {
                Some(columns) => Some(self.job.archive(x, range, columns, dialect).await?),
                None => None,
            };
            let gone = self.job.delete(x, range).await?;
            if let Some(copied) = copied {
                if copied != gone {
                    return Ok(Attempt::Unequal { copied, removed: gone });
                }
                archived += copied;
            }
            removed += gone;
        }
        // Rows can become eligible between the look ahead and the removal, and the limit must hold exactly.
        if self.options.max_rows.is_some_and(|limit| self.report.rows + removed > limit) {
            return Ok(Attempt::Grew);
        }
        Ok(Attempt::Done { removed, archived })
    }
}

/// The reason why a batch was not removed.
pub(super) struct Cause {
    pub(super) fault: Fault,
    pub(super) error: Option<DieselError>,
    pub(super) message: String,
}

impl Cause {
    /// Returns why a batch was not removed.
    pub(super) fn of(attempt: Attempt, has_unique_key: bool) -> Self {
        let message = match attempt {
            Attempt::Failed(error) => {
                return Self { fault: fault(&error), message: error.to_string(), error: Some(error) };
            }
            Attempt::Unequal { copied, removed } => {
                format!("{copied} rows were copied into the archive, and {removed} could be removed")
            }
            Attempt::Grew if !has_unique_key => String::from(
                "several rows have this key, and together they exceed the limit of rows: the table has no unique index \
                 over its declared key",
            ),
            Attempt::Grew | Attempt::Done { .. } => String::from("rows became old enough while the batch was removed"),
        };
        Self { fault: Fault::Again, error: None, message }
    }

    /// Corrects a judgment that comes from the words of an error by asking whether the connection still answers.
    ///
    /// A trigger's own text may speak of a closed connection. A connection can also be lost while the error says
    /// something else.
    pub(super) async fn ask_connection<X: Executor>(&mut self, x: &mut X) {
        let in_words = matches!(self.error, Some(DieselError::DatabaseError(..)));
        match self.fault {
            Fault::Unclear | Fault::Constraint if !is_alive(x).await => self.fault = Fault::Lost,
            Fault::Lost if in_words && is_alive(x).await => self.fault = Fault::Unclear,
            _ => {}
        }
    }

    pub(super) fn blocked(&self, table: String, key: String) -> Blocked {
        let constraint = match &self.error {
            Some(DieselError::DatabaseError(_, information)) => information.constraint_name().map(str::to_owned),
            _ => None,
        };
        let cause = match self.fault {
            Fault::Constraint => BlockedBy::Constraint,
            _ if self.refusal() == Refusal::ForeignKey => BlockedBy::Constraint,
            Fault::Locked => BlockedBy::Lock,
            _ if self.error.is_some() && self.fault == Fault::Again => BlockedBy::Lock,
            _ => BlockedBy::Other,
        };
        Blocked { table, key, cause, constraint, message: self.message.clone() }
    }

    /// Returns what the cause means for the walk.
    pub(super) fn refusal(&self) -> Refusal {
        match (&self.error, self.fault) {
            (Some(error), _) if is_reference(error) => Refusal::ForeignKey,
            (_, Fault::Locked) | (Some(_), Fault::Again) => Refusal::Lock,
            (_, Fault::Unclear) => Refusal::Unclear,
            _ => Refusal::Other,
        }
    }

    pub(super) fn into_error(self) -> Error {
        self.error.unwrap_or_else(|| DieselError::QueryBuilderError(self.message.into())).into()
    }
}

/// Returns whether the connection answers and is outside of any transaction.
async fn is_alive<X: Executor>(x: &mut X) -> bool {
    x.in_transaction() == Ok(false) && x.execute_text(Question::text("SELECT 1")).await.is_ok()
}

/// How often a batch is tried again after a deadlock or a failure to serialize.
const ATTEMPTS: u32 = 6;
/// How often a batch is tried again if its counts differ. Another try rarely helps, so such a batch is soon halved.
const UNEQUAL_ATTEMPTS: u32 = 2;

/// How often a range was tried, and since when it waits for a lock.
#[derive(Debug, Default)]
pub(super) struct Tries {
    count: u32,
    waiting_since: Option<Instant>,
}

/// What follows from a batch that was not removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The job ends with the error.
    Fail,
    /// The same range is tried again after a pause.
    TryAgain(Duration),
    /// The walk goes on without the batch.
    StepOver,
}

impl Tries {
    /// Decides what follows. `is_search` says that the search for the batch failed, and not its removal.
    pub(super) fn after(&mut self, cause: &Cause, is_search: bool, begun: Instant, lock_timeout: Duration) -> Next {
        let attempts = if cause.error.is_some() { ATTEMPTS } else { UNEQUAL_ATTEMPTS };
        match cause.fault {
            Fault::Lost | Fault::Fatal => Next::Fail,
            Fault::Again if self.count < attempts => {
                self.count += 1;
                Next::TryAgain(backoff(self.count - 1))
            }
            // The whole database or the whole table is locked, so there is no other range to try first.
            Fault::Busy | Fault::Locked if cause.fault == Fault::Busy || is_search => {
                self.count += 1;
                let is_over = self.waiting_since.get_or_insert(begun).elapsed() >= lock_timeout;
                if is_over { Next::Fail } else { Next::TryAgain(backoff(0)) }
            }
            _ => {
                self.count = 0;
                Next::StepOver
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(fault: Fault) -> Cause {
        Cause { fault, error: Some(DieselError::NotFound), message: String::new() }
    }

    /// What follows if the batch fails at once with these faults, one after the other.
    fn follows(faults: impl IntoIterator<Item = Fault>, is_search: bool, lock_timeout: Duration) -> Vec<&'static str> {
        let mut tries = Tries::default();
        let after = |fault| match tries.after(&cause(fault), is_search, Instant::now(), lock_timeout) {
            Next::Fail => "fail",
            Next::TryAgain(_) => "again",
            Next::StepOver => "over",
        };
        faults.into_iter().map(after).collect()
    }

    #[test]
    fn a_lost_connection_and_a_missing_right_end_the_job() {
        assert_eq!(follows([Fault::Lost], false, Duration::MAX), ["fail"]);
        assert_eq!(follows([Fault::Fatal], false, Duration::MAX), ["fail"]);
    }

    #[test]
    fn a_deadlock_is_tried_again_six_times_and_then_stepped_over() {
        let follows = follows([Fault::Again; 8], false, Duration::MAX);
        assert_eq!(follows, ["again", "again", "again", "again", "again", "again", "over", "again"]);
    }

    #[test]
    fn counts_that_differ_are_tried_again_twice() {
        let mut tries = Tries::default();
        let cause = Cause::of(Attempt::Unequal { copied: 2, removed: 1 }, true);
        let mut next = || tries.after(&cause, false, Instant::now(), Duration::MAX) == Next::StepOver;
        assert_eq!([next(), next(), next()], [false, false, true]);
    }

    #[test]
    fn locked_rows_are_stepped_over_and_a_locked_table_is_waited_for() {
        assert_eq!(follows([Fault::Locked], false, Duration::MAX), ["over"]);
        assert_eq!(follows([Fault::Locked; 2], true, Duration::MAX), ["again", "again"]);
        assert_eq!(follows([Fault::Busy; 2], false, Duration::MAX), ["again", "again"]);
        assert_eq!(follows([Fault::Busy], false, Duration::ZERO), ["fail"]);
    }

    #[test]
    fn a_refused_batch_is_stepped_over() {
        assert_eq!(follows([Fault::Constraint, Fault::Unclear], false, Duration::MAX), ["over", "over"]);
    }
}
