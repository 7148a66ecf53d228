use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{BlockedBy, PurgeReport, Stopped};

use super::super::*;
use super::spelling;
use super::tables::*;

/// Asserts that the job completed and reports exactly these rows as blocked.
fn assert_blocked(report: &PurgeReport, rows: u64, keys: &[&str]) {
    assert_eq!((report.rows, report.stopped, report.is_complete()), (rows, Stopped::Complete, false), "{report}");
    let mut blocked: Vec<&str> = report.blocked.iter().map(|blocked| &blocked.key[..]).collect();
    blocked.sort_unstable();
    assert_eq!(blocked, keys, "{report}");
}

#[test]
fn rows_that_are_kept_silently_are_reported() {
    let own = &mut filled(1000);
    all(&mut own.conn, &spelling::keep(&[503, 504]));
    let report = job!(50).run(&mut own.conn).unwrap();
    assert_blocked(&report, 598, &["503"]);
    assert_eq!(report.blocked[0].cause, BlockedBy::Other);
    assert!(report.blocked[0].message.contains("neither removed"), "{report}");
    assert_only_left(&mut own.conn, 1000, &[503, 504]);

    // With an archive, the rows must not be in both tables.
    let report = job!(50).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_blocked(&report, 0, &["503", "504"]);
    assert_eq!(archive_of(&mut own.conn).len(), 0);
}

/// The job does not know the number of rows of the last batch before.
#[test]
fn rows_of_the_last_batch_that_are_kept_silently_are_reported() {
    let own = &mut filled(1000);
    all(&mut own.conn, &spelling::keep(&[999]));
    assert_blocked(&job!(70).run(&mut own.conn).unwrap(), 599, &["999"]);
    assert_blocked(&job!(70).run(&mut own.conn).unwrap(), 0, &["999"]);
    assert_blocked(&job!(1).run(&mut own.conn).unwrap(), 0, &["999"]);
    assert_only_left(&mut own.conn, 1000, &[999]);
}

#[test]
fn a_row_that_is_kept_silently_is_found_behind_a_blocked_one() {
    let own = &mut filled(1000);
    all(&mut own.conn, &spelling::precious(3));
    all(&mut own.conn, &spelling::keep(&[503]));
    assert_blocked(&job!(50).run(&mut own.conn).unwrap(), 598, &["3", "503"]);
}
