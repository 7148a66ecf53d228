use diesel_soft_delete::Stopped;
use diesel_soft_delete::prelude::*;

use super::super::*;
use super::tables::*;
use super::{backend, spelling};

/// How much a purge reads for each row that it removes, as the server counts it. All rows were deleted at one time.
fn cost(which: Key, rows: i32) -> f64 {
    let mut own = backend::shared();
    let ddl = which.ddl(backend::TIMESTAMP_DDL);
    all(&mut own.conn, &[format!("{ddl} {}", spelling::NOT_VACUUMED)]);
    let removed = which.removed(rows);
    let read = spelling::reads(
        &mut own,
        which.table(),
        (i64::from(rows), removed),
        |conn| which.fill(conn, rows),
        |conn| {
            let report = match which {
                Key::Single => {
                    singles::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(200).run(conn)
                }
                Key::Pair => pairs::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(200).run(conn),
            };
            let report = report.unwrap();
            assert_eq!((report.rows as i64, report.stopped), (removed, Stopped::Complete));
        },
    );
    println!("{which:?}, {rows} rows: {read} read for {removed} removed");
    read as f64 / removed as f64
}

/// Ten times the rows cost ten times as much, so every batch costs the same.
fn assert_flat(which: Key, rows: i32) {
    let (small, large) = (cost(which, rows / 10), cost(which, rows));
    assert!(large <= small * 1.3, "{large} for a row among {rows}, {small} among a tenth of them");
}

#[test]
fn the_cost_of_a_row_is_constant() {
    assert_flat(Key::Single, 30_000);
}

#[test]
fn the_cost_of_a_row_is_constant_for_few_first_values() {
    assert_flat(Key::Pair, 30_000);
}

#[test]
#[ignore = "slow: `tests/run --long`"]
fn the_cost_of_a_row_is_constant_among_300_thousand() {
    assert_flat(Key::Single, 300_000);
}

#[test]
#[ignore = "slow: `tests/run --long`"]
fn the_cost_is_constant_for_few_first_values_among_300_thousand() {
    assert_flat(Key::Pair, 300_000);
}
