//! Ranges of keys. An index on the key serves each of them as one range.

use super::held::Held;
use crate::declare::Key;
use diesel::backend::Backend;

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
