//! What a walk left behind.

use std::collections::HashSet;
use std::time::Instant;

use super::cause::Cause;
use super::engine::{Batches, KeyValue, Run};
use super::plan::Plan;
use super::report::{Blocked, BlockedBy, Stopped};
use crate::error::Error;
use crate::executor::Executor;
use crate::key::Key;

impl<J, H> Run<'_, J, H> {
    /// A job that could remove nothing at all has met something else than single rows.
    pub(super) fn too_many(&self, last: Cause) -> Result<Stopped, Error> {
        let all_unclear = self.report.blocked.iter().all(|blocked| blocked.cause == BlockedBy::Other);
        match last.error {
            Some(error) if self.report.rows == 0 && all_unclear => Err(error.into()),
            _ => Ok(Stopped::MaxBlocked),
        }
    }

    pub(super) async fn rows_without_key<X>(&mut self, x: &mut X) -> Result<(), Error>
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

    /// How many rows of a batch are still there after it was removed.
    ///
    /// Asked after the commit: on InnoDB a transaction could see a snapshot in which nothing was removed.
    pub(super) async fn left_of<X>(&mut self, x: &mut X, plan: &Plan<KeyValue<J, X::Backend>>) -> Result<u64, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let mut rows = 0;
        for piece in &plan.pieces {
            rows += self.count(x, piece).await?;
        }
        Ok(rows)
    }

    /// Reports the first row that is still there though nothing refused to remove it: a trigger or a policy keeps it.
    pub(super) async fn rows_kept<X>(&mut self, x: &mut X, end: &KeyValue<J, X::Backend>) -> Result<(), Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let known: HashSet<String> = self.report.blocked.iter().map(|blocked| blocked.key.clone()).collect();
        let mut after = None;
        // Rows that are reported already are passed by; there are no more than that.
        for _ in 0..=known.len() {
            let Some(key) = self.next(x, after.as_ref(), end).await? else { return Ok(()) };
            let shown = <J::Key as Key<X::Backend>>::show(&key);
            if !known.contains(&shown) {
                self.report.blocked.push(Blocked {
                    table: self.report.table.clone(),
                    key: shown,
                    cause: BlockedBy::Other,
                    constraint: None,
                    message: String::from(
                        "the database neither removed this row nor refused to, and perhaps others behind it: \
                         look for a trigger or a policy that keeps them",
                    ),
                });
                return Ok(());
            }
            after = Some(key);
        }
        Ok(())
    }
}
