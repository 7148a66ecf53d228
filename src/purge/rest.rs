//! What a walk left behind.

use std::time::{Duration, Instant};

use super::attempt::Attempt;
use super::cause::Cause;
use super::engine::{Batches, Hooks, KeyValue, Run};
use super::piece::Piece;
use super::plan::Plan;
use super::report::{Blocked, BlockedBy, Stopped};
use crate::error::Error;
use crate::executor::Executor;
use crate::key::Key;

impl<J, H: Hooks> Run<'_, J, H> {
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

    /// Whether rows of a batch are still there that nothing refused to remove: a trigger or a policy keeps them. The
    /// first one is reported.
    ///
    /// Asked after the commit: on InnoDB a transaction could see a snapshot in which nothing was removed.
    pub(super) async fn keeps_rows<X>(
        &mut self,
        x: &mut X,
        mut after: Option<KeyValue<J, X::Backend>>,
        plan: &Plan<KeyValue<J, X::Backend>>,
        timeout: Duration,
    ) -> Result<bool, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let mut left = 0;
        for piece in &plan.pieces {
            left += self.count(x, piece).await?;
        }
        // A row can have become old just now, too; that one goes when it is asked to.
        while left > 0 && self.rows_left() > 0 {
            let Some(key) = self.next(x, after.as_ref(), &plan.upto).await? else { break };
            if self.is_kept(x, &key, timeout).await? {
                self.report.blocked.push(Blocked {
                    table: self.report.table.clone(),
                    key: <J::Key as Key<X::Backend>>::show(&key),
                    cause: BlockedBy::Other,
                    constraint: None,
                    message: String::from(
                        "the database neither removed this row nor refused to, and perhaps others: \
                         look for a trigger or a policy that keeps them",
                    ),
                });
                return Ok(true);
            }
            left -= 1;
            after = Some(key);
        }
        Ok(false)
    }

    /// Whether a row stays that is asked to go, alone and more than once.
    async fn is_kept<X>(&mut self, x: &mut X, key: &KeyValue<J, X::Backend>, timeout: Duration) -> Result<bool, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let row = Piece::row(key.clone());
        let alone = Plan { pieces: vec![row.clone()], upto: key.clone(), full: true };
        for _ in 0..3 {
            let begun = Instant::now();
            match self.attempt(x, &alone, 1, timeout).await {
                Attempt::Done { removed: 0, .. } if self.count(x, &row).await? > 0 => {}
                Attempt::Done { removed, archived } => {
                    if removed > 0 {
                        self.done(removed, archived, begun.elapsed());
                    }
                    return Ok(false);
                }
                // Something refuses to remove it, so it is not kept in silence; the next run meets it.
                _ => return Ok(false),
            }
        }
        Ok(true)
    }
}
