//! The order in which a job goes through its ranges of keys. Nothing here asks a database.
//!
//! A pass goes from the first key to the last. A refused batch is put aside, so removable rows never wait for blocked
//! ones. At the end of the pass, the refused batches are walked again in halves, until each blocked row is alone. A
//! locked range is stepped over, and tried again before those halves.
//!
//! The catalog can tell which rows a foreign key holds. Then the first refusal makes the walk [leave
//! out](Walk::leaves_out_held) all rows that are referenced. Otherwise such rows are refused one by one.

use std::collections::VecDeque;

/// What is removed next: up to `size` rows after `after`, up to and including `end`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range<K> {
    /// The key after which the range begins, or `None` for the first key.
    pub(super) after: Option<K>,
    /// The last key of the range.
    pub(super) end: K,
    pub(super) size: u64,
    /// Whether the range was locked at its first try.
    pub(super) second: bool,
}

/// Why a batch was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A foreign key of another row refuses it.
    ForeignKey,
    /// Another transaction holds a lock.
    Lock,
    /// The reason is unclear, and may not be in the rows.
    Unclear,
    Other,
}

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same range is next, without the rows that are referenced.
    Again,
    /// The range comes again later, or its halves do.
    Later,
    /// The range is one row, which is blocked.
    BlockedRow,
    /// All rows of the range count as blocked. So many rows are locked that the walk no longer waits for each one.
    BlockedRange,
}

/// How many rows may be found locked one by one, before whole ranges count as blocked.
const LOCKED_ROWS: u64 = 100;
/// How often ranges may be refused for an unclear reason while nothing is removed. After that, no row is the reason.
const FRUITLESS: u64 = 50_000;

/// The state of a walk.
#[derive(Debug)]
pub(super) struct Walk<K> {
    batch_size: u64,
    /// Whether statements can leave out the rows that foreign keys hold.
    can_leave_out: bool,
    leaves_out: bool,
    /// The ranges that are being walked. The last one is next.
    stack: Vec<Range<K>>,
    /// The ranges that were stepped over because they are locked.
    locked: VecDeque<Range<K>>,
    /// The ranges that were refused. Their size is already halved.
    refused: VecDeque<Range<K>>,
    removed: bool,
    removed_in_pass: bool,
    met_foreign_key: bool,
    locked_rows: u64,
    fruitless: u64,
}

impl<K: Clone + PartialEq> Walk<K> {
    /// Creates a walk up to the key `end`.
    pub(super) fn new(end: K, batch_size: u64, can_leave_out: bool) -> Self {
        let mut walk = Self {
            batch_size,
            can_leave_out,
            leaves_out: false,
            stack: Vec::new(),
            locked: VecDeque::new(),
            refused: VecDeque::new(),
            removed: false,
            removed_in_pass: false,
            met_foreign_key: false,
            locked_rows: 0,
            fruitless: 0,
        };
        walk.begin_pass(end);
        walk
    }

    /// Begins another pass, from the first key to `end`.
    pub(super) fn begin_pass(&mut self, end: K) {
        self.stack = vec![Range { after: None, end, size: self.batch_size, second: false }];
        self.removed_in_pass = false;
        self.met_foreign_key = false;
        self.locked_rows = 0;
    }

    /// Returns whether the walk leaves out the rows that are referenced.
    pub(super) fn leaves_out_held(&self) -> bool {
        self.leaves_out
    }

    /// Returns whether this pass may have freed rows that a foreign key held, since it removed rows.
    pub(super) fn is_worth_another_pass(&self) -> bool {
        self.removed_in_pass && (self.leaves_out || self.met_foreign_key)
    }

    /// Returns whether this pass removed rows.
    pub(super) fn removed_in_pass(&self) -> bool {
        self.removed_in_pass
    }

    /// Returns the next range, or `None` at the end of the pass.
    pub(super) fn next(&mut self) -> Option<Range<K>> {
        if self.stack.is_empty() {
            let next = self.locked.pop_front().or_else(|| self.refused.pop_front());
            self.stack.extend(next);
        }
        self.stack.last().cloned()
    }

    /// Returns whether so much was refused, and nothing removed, that no row can be the reason.
    pub(super) fn is_hopeless(&self) -> bool {
        !self.removed && self.fruitless >= FRUITLESS
    }

    /// Returns how many ranges were stepped over because they are locked.
    pub(super) fn locked_ranges(&self) -> u64 {
        self.locked.len() as u64
    }

    /// Returns whether this pass has a range left.
    pub(super) fn has_more(&self) -> bool {
        !(self.stack.is_empty() && self.locked.is_empty() && self.refused.is_empty())
    }

    /// Records that `rows` rows of the next range were removed, up to the key `upto`.
    pub(super) fn removed(&mut self, upto: &K, rows: u64) {
        self.removed |= rows > 0;
        self.removed_in_pass |= rows > 0;
        self.step_over(upto);
    }

    /// Records that `size` rows of the next range were refused, up to the key `upto`.
    pub(super) fn refused(&mut self, upto: &K, size: u64, why: Refusal) -> Verdict {
        if why == Refusal::ForeignKey {
            self.met_foreign_key = true;
            if self.can_leave_out && !self.leaves_out {
                self.leaves_out = true;
                return Verdict::Again;
            }
        }
        let Some(range) = self.step_over(upto) else { return Verdict::Later };
        let half = |second| Range { after: range.after.clone(), end: upto.clone(), size: size.div_ceil(2), second };
        if why == Refusal::Lock && !range.second {
            self.locked.push_back(Range { size: self.batch_size, ..half(true) });
            return Verdict::Later;
        }
        if why == Refusal::Lock && self.locked_rows >= LOCKED_ROWS {
            return Verdict::BlockedRange;
        }
        self.fruitless += u64::from(why == Refusal::Unclear);
        if size > 1 {
            // While nothing is removed, every range is tried before one is halved again, so that removable rows are
            // found early.
            if why != Refusal::Lock && (range.size == self.batch_size || !self.removed) {
                self.refused.push_back(half(range.second));
            } else {
                self.stack.push(half(range.second));
            }
            return Verdict::Later;
        }
        self.locked_rows += u64::from(why == Refusal::Lock);
        Verdict::BlockedRow
    }

    /// Cuts the part up to a key off the next range, and returns the range as it was before.
    fn step_over(&mut self, upto: &K) -> Option<Range<K>> {
        let range = self.stack.last_mut()?;
        let before = range.clone();
        if range.end == *upto {
            self.stack.pop();
        } else {
            range.after = Some(upto.clone());
        }
        Some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a pass over the numbers from 1 to `last`. A batch is refused if one of its rows is.
    fn pass(walk: &mut Walk<u64>, rows: &mut Vec<u64>, refuse: impl Fn(u64, bool) -> Option<Refusal>) -> Vec<u64> {
        let mut blocked = Vec::new();
        let mut steps = 0;
        while let Some(range) = walk.next().filter(|_| !walk.is_hopeless()) {
            steps += 1;
            assert!(steps < 100_000, "it ends");
            let within: Vec<u64> = rows
                .iter()
                .copied()
                .filter(|row| range.after.is_none_or(|after| *row > after) && *row <= range.end)
                .filter(|row| !walk.leaves_out_held() || refuse(*row, range.second) != Some(Refusal::ForeignKey))
                .take(range.size as usize)
                .collect();
            let upto = if within.len() as u64 == range.size { within[within.len() - 1] } else { range.end };
            match within.iter().find_map(|row| refuse(*row, range.second)) {
                None => {
                    rows.retain(|row| !within.contains(row));
                    walk.removed(&upto, within.len() as u64);
                }
                Some(why) => match walk.refused(&upto, range.size.min(within.len() as u64), why) {
                    Verdict::Again | Verdict::Later => {}
                    Verdict::BlockedRow | Verdict::BlockedRange => blocked.extend(within),
                },
            }
        }
        blocked
    }

    fn walk(last: u64, size: u64, can_leave_out: bool) -> (Walk<u64>, Vec<u64>) {
        (Walk::new(last, size, can_leave_out), (1..=last).collect())
    }

    #[test]
    fn every_row_is_removed_where_none_is_refused() {
        let (mut walk, mut rows) = walk(25, 10, true);
        assert!(pass(&mut walk, &mut rows, |_, _| None).is_empty());
        assert!(rows.is_empty() && !walk.is_worth_another_pass() && !walk.has_more() && !walk.is_hopeless());
    }

    #[test]
    fn rows_that_are_refused_are_found_one_by_one_after_the_rest() {
        let (mut walk, mut rows) = walk(100, 10, false);
        let refused = [1, 2, 55, 100];
        let refuse = |row, _| refused.contains(&row).then_some(Refusal::Other);
        // The first batch is refused, so the second is next.
        assert_eq!(walk.refused(&10, 10, Refusal::Other), Verdict::Later);
        assert_eq!(walk.next().map(|range| range.after), Some(Some(10)));
        assert_eq!(pass(&mut walk, &mut rows, refuse), [1, 2, 55, 100]);
        assert_eq!(rows, refused);
        assert!(!walk.is_worth_another_pass());
    }

    #[test]
    fn rows_that_are_referenced_are_left_out_after_the_first_refusal() {
        let (mut walk, mut rows) = walk(100, 10, true);
        let refuse = |row, _| (row <= 50).then_some(Refusal::ForeignKey);
        assert!(pass(&mut walk, &mut rows, refuse).is_empty());
        assert_eq!(rows, (1..=50).collect::<Vec<_>>());
        assert!(walk.leaves_out_held() && walk.is_worth_another_pass());
        walk.begin_pass(50);
        assert!(pass(&mut walk, &mut rows, refuse).is_empty());
        assert!(!walk.is_worth_another_pass(), "nothing was removed in that pass");
    }

    #[test]
    fn without_a_catalog_held_rows_are_found_and_tried_again() {
        let (mut walk, mut rows) = walk(30, 10, false);
        let blocked = pass(&mut walk, &mut rows, |row, _| (row == 7).then_some(Refusal::ForeignKey));
        assert_eq!(blocked, [7]);
        assert!(walk.is_worth_another_pass());
        walk.begin_pass(30);
        assert!(pass(&mut walk, &mut rows, |_, _| None).is_empty() && rows.is_empty());
    }

    #[test]
    fn a_locked_range_is_tried_again_at_the_end() {
        let (mut walk, mut rows) = walk(100, 10, false);
        let blocked =
            pass(&mut walk, &mut rows, |row, second| (row == 5 || row == 15 && !second).then_some(Refusal::Lock));
        assert_eq!((blocked, rows), (vec![5], vec![5]));
    }

    #[test]
    fn many_locked_rows_are_not_waited_for_one_by_one() {
        let (mut walk, mut rows) = walk(1000, 100, false);
        let mut waits = 0;
        while let Some(range) = walk.next() {
            waits += 1;
            let first = range.after.unwrap_or(0);
            let upto = (first + range.size).min(range.end);
            if walk.refused(&upto, upto - first, Refusal::Lock) == Verdict::BlockedRange {
                rows.retain(|row| *row <= first || *row > upto);
            }
        }
        assert!(waits < 300, "{waits}");
        assert!(rows.len() <= 200, "{}", rows.len());
    }

    #[test]
    fn a_walk_gives_up_if_every_row_is_refused_for_an_unclear_reason() {
        let (mut walk, mut rows) = walk(60_000, 1000, false);
        pass(&mut walk, &mut rows, |_, _| Some(Refusal::Unclear));
        assert!(walk.is_hopeless());
        assert_eq!(rows.len(), 60_000);
    }

    #[test]
    fn rows_that_can_be_removed_are_found_behind_many_that_cannot() {
        for removable in [1, 9_000, 10_000] {
            let (mut walk, mut rows) = walk(10_000, 1000, false);
            let blocked = pass(&mut walk, &mut rows, |row, _| (row != removable).then_some(Refusal::Unclear));
            assert!(!walk.is_hopeless());
            assert_eq!((blocked.len(), rows.len()), (9_999, 9_999));
        }
    }
}
