//! Eligible rows that were not removed: their key is NULL, or a trigger, a foreign key or a lock keeps them.

use std::time::{Duration, Instant};

use super::batch::{Attempt, Cause};
use super::driver::{Batches, Hooks, KeyValue, Run};
use super::look_ahead::{Held, KeyRange, Plan};
use super::sql::Counted;
use crate::connection::Executor;
use crate::declare::Key;
use crate::error::{Blocked, BlockedBy, Error, Stopped};

/// Which foreign keys hold the rows that are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldBy {
    AnyTable,
    /// Before the end of the walk, rows that only rows of the same table hold may still be removed.
    OtherTables,
}

/// How many blocked rows a report shows.
const SHOWN: u64 = 100;

impl<J, H: Hooks> Run<'_, J, H> {
    /// Adds blocked rows to the report, which shows the first hundred.
    pub(super) fn block(&mut self, blocked: Blocked, rows: u64) {
        self.report.blocked_rows += rows;
        if (self.report.blocked.len() as u64) < self.shown_at_most() {
            self.report.blocked.push(blocked);
        }
    }

    /// Forgets the blocked rows before another pass, which finds them again.
    pub(super) fn forget_blocked(&mut self) {
        self.report.blocked.clear();
        self.report.blocked_rows = 0;
        self.has_kept = false;
    }

    fn shown_at_most(&self) -> u64 {
        self.options.max_blocked.map_or(SHOWN, |limit| SHOWN.min(limit.saturating_add(1)))
    }

    /// Ends the job at the limit of `.max_blocked(..)`. It is an error if nothing was removed and every reason is
    /// unclear, since then no single row is the reason.
    pub(super) fn too_many(&self, last: Cause) -> Result<Stopped, Error> {
        let all_unclear = self.report.blocked.iter().all(|blocked| blocked.cause == BlockedBy::Other);
        match last.error {
            Some(error) if self.report.rows == 0 && all_unclear => Err(error.into()),
            _ => Ok(Stopped::MaxBlocked),
        }
    }

    /// Returns whether foreign keys of other tables hold more rows than `.max_blocked(..)` allows. If so, it reports
    /// them.
    pub(super) async fn is_over_max_blocked<X>(&mut self, x: &mut X) -> Result<bool, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let Some(limit) = self.options.max_blocked else { return Ok(false) };
        let is_over = self.count(x, &Counted::HeldByOthers).await? > limit;
        if is_over {
            self.held_rows(x, HeldBy::OtherTables).await?;
        }
        Ok(is_over)
    }

    /// Reports the rows that the walk has left out because foreign keys hold them.
    pub(super) async fn held_rows<X>(&mut self, x: &mut X, by: HeldBy) -> Result<(), Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let counted = if by == HeldBy::AnyTable { Counted::Held } else { Counted::HeldByOthers };
        let rows = self.count(x, &counted).await?;
        if rows == 0 {
            return Ok(());
        }
        let limit = self.shown_at_most();
        let references = self.job.references().iter();
        for reference in references.filter(|one| by == HeldBy::AnyTable || !one.is_to_itself()) {
            if self.report.blocked.len() as u64 >= limit {
                break;
            }
            for key in self.job.held_keys(x, reference, limit).await? {
                let key = <J::Key as Key<X::Backend>>::show(&key);
                // Several foreign keys can hold the same row.
                let is_new = self.report.blocked.iter().all(|blocked| blocked.key != key);
                if is_new && (self.report.blocked.len() as u64) < limit {
                    self.report.blocked.push(Blocked {
                        table: self.report.table.clone(),
                        key,
                        cause: BlockedBy::Constraint,
                        constraint: reference.constraint.clone(),
                        message: reference.message(),
                    });
                }
            }
        }
        self.report.blocked_rows += rows;
        Ok(())
    }

    /// Returns how many eligible rows are left that are not known to be blocked.
    pub(super) async fn rows_passed_over<X>(&mut self, x: &mut X) -> Result<u64, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        // Only the first row that a trigger keeps silently is known, so the count would be wrong.
        if self.has_kept {
            return Ok(0);
        }
        let left = self.count(x, &Counted::All).await?;
        // A row that a trigger refused before the first foreign key did is counted again among the held rows.
        self.report.blocked_rows = self.report.blocked_rows.min(left);
        Ok(left - self.report.blocked_rows)
    }

    /// Returns an error if a dry run counted fewer rows than were eligible both before and after it.
    pub(super) async fn compare_dry_run<X>(&mut self, x: &mut X, before: u64) -> Result<(), Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let after = self.count(x, &Counted::All).await?;
        match before.min(after).checked_sub(self.report.rows) {
            None | Some(0) => Ok(()),
            Some(rows) => Err(Error::PassedOver { table: self.report.table.clone(), rows }),
        }
    }

    pub(super) async fn rows_without_key<X>(&mut self, x: &mut X) -> Result<(), Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        if (0..<J::Key as Key<X::Backend>>::COLUMNS).any(<J::Key as Key<X::Backend>>::is_nullable) {
            let rows = self.count(x, &Counted::WithoutKey).await?;
            if rows > 0 {
                self.report.notes.push(format!("{rows} rows are left alone, because their primary key is NULL"));
            }
        }
        Ok(())
    }

    /// Returns whether a batch left rows that nothing refused to remove, since a trigger or a policy keeps them. It
    /// reports the first one.
    ///
    /// The question comes after the commit. Before it, a transaction on InnoDB could read a snapshot that still
    /// contains the removed rows.
    pub(super) async fn keeps_rows<X>(
        &mut self,
        x: &mut X,
        mut after: Option<KeyValue<J, X::Backend>>,
        plan: &Plan<KeyValue<J, X::Backend>>,
        held: Held,
        timeout: Duration,
    ) -> Result<bool, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let mut left = self.count_plan(x, plan).await?;
        // A row can also have become eligible just now. Such a row is removed when it is tried alone.
        while left > 0 && self.rows_left() > 0 {
            let Some(key) = self.next(x, after.as_ref(), &plan.upto, held).await? else { break };
            if self.is_kept(x, &key, timeout).await? {
                let blocked = Blocked {
                    table: self.report.table.clone(),
                    key: <J::Key as Key<X::Backend>>::show(&key),
                    cause: BlockedBy::Other,
                    constraint: None,
                    message: String::from(
                        "the database neither removed this row nor refused to, and perhaps others: \
                         look for a trigger or a policy that keeps them",
                    ),
                };
                self.block(blocked, 1);
                return Ok(true);
            }
            left -= 1;
            after = Some(key);
        }
        Ok(false)
    }

    /// Returns whether a row stays although it is tried alone three times.
    async fn is_kept<X>(&mut self, x: &mut X, key: &KeyValue<J, X::Backend>, timeout: Duration) -> Result<bool, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let row = KeyRange::row(key.clone());
        let alone = Plan { ranges: vec![row.clone()], upto: key.clone(), full: true };
        for _ in 0..3 {
            let begun = Instant::now();
            match self.attempt(x, &alone, timeout).await {
                Attempt::Done { removed: 0, .. } if self.count(x, &Counted::KeyRange(&row)).await? > 0 => {}
                Attempt::Done { removed, archived } => {
                    if removed > 0 {
                        self.done(removed, archived, begun.elapsed());
                    }
                    return Ok(false);
                }
                // Something refuses to remove it, so it is not kept silently. The next run meets it.
                _ => return Ok(false),
            }
        }
        Ok(true)
    }
}
