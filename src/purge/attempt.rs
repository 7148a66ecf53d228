//! One transaction of a job.

use std::time::Duration;

use diesel::result::{Error as DieselError, QueryResult};

use super::engine::{Batches, KeyValue, Run};
use super::plan::Plan;
use super::sql::Counted;
use crate::connection::{Executor, Fault, fault};

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
