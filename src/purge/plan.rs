//! Looking ahead: where the walk ends, and where the next batch does.

use std::ops::RangeInclusive;

use diesel::backend::Backend;
use diesel::result::{Error as DieselError, QueryResult};

use super::engine::{Batches, KeyValue, Run, Sought};
use super::held::Held;
use super::key_range::{KeyRange, key_ranges};
use super::sql::{Counted, Seek};
use super::walk::Range;
use crate::connection::{Executor, Retries};
use crate::declare::Key;
use crate::dialect::Dialect;
use crate::error::Error;

/// The next batch.
pub(super) struct Plan<V> {
    pub(super) ranges: Vec<KeyRange<V>>,
    pub(super) upto: V,
    /// Whether it was seen to have as many rows as were asked for.
    pub(super) full: bool,
}

/// How many columns of `after` the rows behind it can share, up to `end`: each number is one range of the key.
fn levels<K, DB>(after: Option<&K::Value>, end: &K::Value) -> RangeInclusive<usize>
where
    DB: Backend,
    K: Key<DB>,
{
    let last = K::COLUMNS - 1;
    match after {
        None => 0..=0,
        Some(after) => K::common(after, end).min(last)..=last,
    }
}

/// A key that Diesel does not write as it read it.
pub(super) fn key_round_trip_error() -> Error {
    DieselError::DeserializationError("a key is not the same after it was loaded and bound again".into()).into()
}

impl<J, H> Run<'_, J, H> {
    /// The last key that is eligible now, where the walk will end.
    pub(super) async fn last<X>(&mut self, x: &mut X, held: Held) -> Result<Option<KeyValue<J, X::Backend>>, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let sought = Sought { equal: 0, after: None, end: None, seek: Seek::Last, held, cacheable: true };
        self.find(x, sought).await
    }

    /// The first eligible key behind `after`, up to `end`.
    pub(super) async fn next<X>(
        &mut self,
        x: &mut X,
        after: Option<&KeyValue<J, X::Backend>>,
        end: &KeyValue<J, X::Backend>,
        held: Held,
    ) -> Result<Option<KeyValue<J, X::Backend>>, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        for equal in levels::<J::Key, X::Backend>(after, end).rev() {
            let sought = Sought { equal, after, end: Some(end), seek: Seek::Nth(0), held, cacheable: false };
            if let Some(key) = self.find(x, sought).await? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// A search that is not part of a batch: tried again while others are in its way for a moment.
    async fn find<X>(
        &mut self,
        x: &mut X,
        what: Sought<'_, KeyValue<J, X::Backend>>,
    ) -> Result<Option<KeyValue<J, X::Backend>>, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let mut retries = Retries::while_locked(self.options.lock_timeout());
        loop {
            match self.job.find(x, what).await.map_err(Error::from) {
                Err(error) if retries.again(x, &error).await? => self.report.retries += 1,
                result => return result,
            }
        }
    }

    /// How many eligible rows there are of a kind, with the retries of [`find`](Self::find).
    pub(super) async fn count<X>(
        &mut self,
        x: &mut X,
        counted: &Counted<'_, KeyValue<J, X::Backend>>,
    ) -> Result<u64, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let mut retries = Retries::while_locked(self.options.lock_timeout());
        loop {
            match self.job.count(x, counted).await.map_err(Error::from) {
                Err(error) if retries.again(x, &error).await? => self.report.retries += 1,
                result => return result,
            }
        }
    }

    /// How many rows of a batch are eligible.
    pub(super) async fn count_plan<X>(&mut self, x: &mut X, plan: &Plan<KeyValue<J, X::Backend>>) -> Result<u64, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let mut rows = 0;
        for range in &plan.ranges {
            rows += self.count(x, &Counted::KeyRange(range)).await?;
        }
        Ok(rows)
    }

    /// Looks `size` eligible rows ahead.
    ///
    /// `&mut self`, here and below, so that a future of the job is `Send` though its callbacks are not `Sync`.
    pub(super) async fn plan<X>(
        &mut self,
        x: &mut X,
        range: &Range<KeyValue<J, X::Backend>>,
        size: u64,
        held: Held,
    ) -> QueryResult<Plan<KeyValue<J, X::Backend>>>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let (after, end) = (range.after.as_ref(), &range.end);
        let mut planned = Vec::new();
        let mut left = size;
        // Rows that share all columns but the last with the place where the walk is come first, then
        // those that share fewer: each is one range of an index on the key.
        let levels = levels::<J::Key, X::Backend>(after, end);
        let fewest = *levels.start();
        for equal in levels.rev() {
            let sought = |seek| Sought {
                equal,
                after,
                end: Some(end),
                seek,
                held,
                cacheable: seek == Seek::Last || left == self.options.batch_size(),
            };
            if let Some(upto) = self.job.find(x, sought(Seek::Nth(left - 1))).await? {
                // On InnoDB a range locks the row behind it as well. On SQLite a range is right even if the key is not what
                // was read.
                if size == 1 && self.session.dialect != Dialect::Sqlite {
                    return Ok(Plan { ranges: vec![KeyRange::row(upto.clone())], upto, full: true });
                }
                planned.extend(key_ranges::<J::Key, X::Backend>(equal, after, &upto, held));
                return Ok(Plan { ranges: planned, upto, full: true });
            }
            if equal == fewest {
                planned.extend(key_ranges::<J::Key, X::Backend>(equal, after, end, held));
                break;
            }
            // The rest of those that share `equal` columns.
            let Some(upto) = self.job.find(x, sought(Seek::Last)).await? else { continue };
            let rest = key_ranges::<J::Key, X::Backend>(equal, after, &upto, held);
            let mut rows = 0;
            for range in &rest {
                rows += self.job.count(x, &Counted::KeyRange(range)).await?;
            }
            planned.extend(rest);
            left = left.saturating_sub(rows);
            if left == 0 {
                return Ok(Plan { ranges: planned, upto, full: true });
            }
        }
        Ok(Plan { ranges: planned, upto: end.clone(), full: false })
    }
}
