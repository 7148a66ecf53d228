//! Compares purges of 500,000 of a million rows as ratios. `benches/run` runs it after the short pairs.
//!
//! The ways take turns on fresh copies of one table. A row of the output is the median of ratios of four rounds each.

mod backends;
mod writer;

use std::time::Duration;

use soft_delete_benches::rounds::{Row, Rows, Side, is_wanted, timed};

/// How many rows the table has. A purge removes half of them, scattered over the keys.
const ROWS: u32 = 1_000_000;
/// How many threads a table that refers to itself has.
const THREADS: u32 = 50_000;
/// How often each comparison is made.
const ROUNDS: usize = 12;

/// Compares two ways, each on a fresh copy.
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
