//! Purges of 500k of a million rows, as ratios. `benches/run` runs them after the short pairs.
//!
//! The two ways take turns on fresh copies of one table. A row of the result is the median of ratios of four rounds
//! each.

mod backends;
mod writer;

use std::time::Duration;

use soft_delete_benches::rounds::{Row, Rows, Side, is_wanted, timed};

/// The number of rows in the table. Half of them are purged, and they are scattered over the keys.
const ROWS: u32 = 1_000_000;
/// The number of threads in a table that refers to itself.
const THREADS: u32 = 50_000;
/// The number of rounds of each comparison.
const ROUNDS: usize = 12;

/// Compares two ways, each on a fresh copy of the table.
fn compare<C>(
    rows: &mut Rows,
    (backend, what, at_most): (&'static str, &'static str, f64),
    conn: &mut C,
    fresh: fn(&mut C),
    ours: impl Fn(&mut C),
    theirs: impl Fn(&mut C),
) {
    rows.compare((backend, what, at_most, ROUNDS), conn, |conn, side, _| -> Duration {
        fresh(conn);
        timed(|| if side == Side::Ours { ours(conn) } else { theirs(conn) })
    });
}

fn main() {
    let mut rows = Rows::default();
    backends::postgres::measure(&mut rows);
    backends::mysql::measure(&mut rows);
    backends::sqlite::measure(&mut rows);
    rows.print("purge of 500k of 1M rows");
}
