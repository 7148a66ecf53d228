//! Ranges of keys, each of which an index on the key serves as one range.

use super::held::Held;
use crate::declare::Key;
use diesel::backend::Backend;

/// The rows whose first `equal` columns of the key are those of `upto`, whose next column lies before that of `upto`,
/// and that lie behind `after`.
#[derive(Debug, Clone)]
pub struct KeyRange<V> {
    pub(super) equal: usize,
    /// The column that `after` bounds from below.
    ///
    /// Of a range that ends in another value of an earlier column, that earlier one. By the values alone that bound
    /// would be implied, but the database may hold two values for equal that Rust does not: `Bob` and `bob`.
    pub(super) from: usize,
    pub(super) after: Option<V>,
    pub(super) upto: V,
    /// Whether the row of `upto` itself belongs to it.
    pub(super) inclusive: bool,
    /// Whether it is the row of `upto` alone.
    pub(super) is_row: bool,
    pub(super) held: Held,
}

impl<V> KeyRange<V> {
    pub(super) fn row(key: V) -> Self {
        Self { equal: 0, from: 0, after: None, upto: key, inclusive: true, is_row: true, held: Held::Included }
    }
}

/// The rows behind `after`, with which they share `equal` columns, up to and with `upto`.
///
/// With several columns a comparison of the whole key at once seeks an index by the first column only
/// on MySQL and SQLite, and a condition with OR not at all; so the range is taken apart.
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
