//! Looks ahead: the end of the walk, and the next batch as ranges of keys. An index on the key serves each range.

use std::ops::RangeInclusive;

use diesel::backend::Backend;
use diesel::result::{Error as DieselError, QueryResult};

use super::driver::{Batches, KeyValue, Run, Sought};
use super::sql::{Counted, Seek};
use super::walk::Range;
use crate::connection::{Executor, Retries};
use crate::declare::Key;
use crate::dialect::Dialect;
use crate::error::Error;

/// The next batch, as ranges of keys.
pub(super) struct Plan<V> {
    pub(super) ranges: Vec<KeyRange<V>>,
    pub(super) upto: V,
    /// Whether the look ahead found as many rows as it was asked for.
    pub(super) full: bool,
}

/// Returns how many leading columns of `after` the rows after it can share, up to `end`. Each number is one range of
/// the key.
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

/// The error for a key that Diesel binds with another value than it read, so that the walk would not advance.
pub(super) fn key_round_trip_error() -> Error {
    DieselError::DeserializationError("a key is not the same after it was loaded and bound again".into()).into()
}

impl<J, H> Run<'_, J, H> {
    /// Finds the last key that is eligible now, which is the end of the walk.
    pub(super) async fn last<X>(&mut self, x: &mut X, held: Held) -> Result<Option<KeyValue<J, X::Backend>>, Error>
    where
        X: Executor,
        J: Batches<X::Backend>,
    {
        let sought = Sought { equal: 0, after: None, end: None, seek: Seek::Last, held, cacheable: true };
        self.find(x, sought).await
    }

    /// Finds the first eligible key after `after`, up to `end`.
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

    /// Runs a search that is not part of a batch, and tries it again while a lock is in its way.
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

    /// Counts the eligible rows of a kind, with the retries of [`find`](Self::find).
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

    /// Counts the eligible rows of a batch.
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
    /// It takes `&mut self`, as the methods below do, so that the job's future is `Send` even if its callbacks are not
    /// `Sync`.
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
        // Rows that share all columns but the last with `after` come first, then those that share fewer. Each number of
        // shared columns is one range of an index on the key.
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
                // On InnoDB a range also locks the row after it, so a single row is found by its key. SQLite keeps the
                // range, which is right even if Diesel read the key with another value.
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
            // Not enough rows share `equal` columns, so all of them belong to the batch.
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

/// Which of the eligible rows a statement includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Held {
    /// It includes all of them.
    #[default]
    Included,
    /// It leaves out the rows that another row refers to.
    LeftOut,
}

/// A range of keys after `after`. The first `equal` columns are those of `upto`, and the next column is at most that of
/// `upto`.
#[derive(Debug, Clone)]
pub struct KeyRange<V> {
    pub(super) equal: usize,
    /// The column for which `after` is the lower bound.
    ///
    /// A range can end in another value of an earlier column. The bound is still written for that earlier column,
    /// although the values seem to imply it. The database may hold two values for equal that Rust does not, such as
    /// `Bob` and `bob`.
    pub(super) from: usize,
    pub(super) after: Option<V>,
    pub(super) upto: V,
    /// Whether the row of `upto` itself belongs to the range.
    pub(super) inclusive: bool,
    /// Whether the range is only the row of `upto`.
    pub(super) is_row: bool,
    pub(super) held: Held,
}

impl<V> KeyRange<V> {
    pub(super) fn row(key: V) -> Self {
        Self { equal: 0, from: 0, after: None, upto: key, inclusive: true, is_row: true, held: Held::Included }
    }
}

/// Returns the rows after `after` that share `equal` columns with it, up to and including `upto`.
///
/// The range is taken apart because of keys with several columns. For a comparison of the whole key, MySQL and SQLite
/// use an index only for the first column. For a condition with OR they use none.
pub(super) fn key_ranges<K, DB>(
    equal: usize,
    after: Option<&K::Value>,
    upto: &K::Value,
    held: Held,
) -> Vec<KeyRange<K::Value>>
where
    DB: Backend,
    K: Key<DB>,
{
    let last = K::COLUMNS - 1;
    (equal..=last)
        .map(|column| KeyRange {
            equal: column,
            from: equal,
            after: after.cloned(),
            upto: upto.clone(),
            inclusive: column == last,
            is_row: false,
            held,
        })
        .collect()
}
