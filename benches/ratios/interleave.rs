//! Measures both sides of a pair in turn, in short batches on one connection.

use std::time::{Duration, Instant};

use soft_delete_benches::{IDS, Pair, Side};

/// How many calls are timed together.
const BATCH: i32 = 20;

pub struct Interleave<'a, C> {
    pair: &'a Pair<C>,
    conn: &'a mut C,
    /// The first id of the next round's batch.
    first: i32,
}

impl<'a, C> Interleave<'a, C> {
    pub fn new(pair: &'a Pair<C>, conn: &'a mut C) -> Self {
        Self { pair, conn, first: 1 }
    }

    /// Measures ours, by hand, by hand and ours on the same rows, so that no side gains from its place.
    pub fn round(&mut self) -> [Duration; 2] {
        let Pair { ours, by_hand, .. } = self.pair;
        let mut spent = [Duration::ZERO; 2];
        for (side, index) in [(ours, 0), (by_hand, 1), (by_hand, 1), (ours, 0)] {
            spent[index] += self.batch(side);
        }
        self.first += BATCH;
        if self.first + BATCH > IDS {
            self.first = 1;
        }
        spent
    }

    fn batch(&mut self, side: &Side<C>) -> Duration {
        let ids = self.first..self.first + BATCH;
        (self.pair.prepare)(self.conn, ids.start, ids.end - 1);
        let start = Instant::now();
        let rows: usize = ids.map(|id| (side.call)(self.conn, id)).sum();
        let spent = start.elapsed();
        assert_eq!(rows, self.pair.rows * BATCH as usize, "{}: every call does its work", self.pair.name);
        spent
    }
}
