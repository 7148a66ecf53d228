use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{BlockedBy, PurgeReport, Stopped};

use super::super::*;
use super::spelling;
use super::tables::*;

/// The job came to its end, and says of exactly these rows that they are still there.
fn assert_blocked(report: &PurgeReport, rows: u64, keys: &[&str]) {
    assert_eq!((report.rows, report.stopped, report.is_complete()), (rows, Stopped::Complete, false), "{report}");
    let mut blocked: Vec<&str> = report.blocked.iter().map(|blocked| &blocked.key[..]).collect();
    blocked.sort_unstable();
    assert_eq!(blocked, keys, "{report}");
}

#[test]
fn rows_that_stay_without_a_word() {
    let own = &mut filled(1000);
    all(&mut own.conn, &spelling::keep(&[503, 504]));
    let report = job!(50).run(&mut own.conn).unwrap();
    assert_blocked(&report, 598, &["503"]);
    assert_eq!(report.blocked[0].cause, BlockedBy::Other);
    assert!(report.blocked[0].message.contains("neither removed"), "{report}");
    assert_only_left(&mut own.conn, 1000, &[503, 504]);

    // With an archive they must not be in both.
    let report = job!(50).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_blocked(&report, 0, &["503", "504"]);
    assert_eq!(archive_of(&mut own.conn).len(), 0);
}

/// Of the last batch it is not known before how many rows it has.
#[test]
fn rows_of_the_last_batch_that_stay() {
    let own = &mut filled(1000);
    all(&mut own.conn, &spelling::keep(&[999]));
    assert_blocked(&job!(70).run(&mut own.conn).unwrap(), 599, &["999"]);
    assert_blocked(&job!(70).run(&mut own.conn).unwrap(), 0, &["999"]);
    assert_blocked(&job!(1).run(&mut own.conn).unwrap(), 0, &["999"]);
    assert_only_left(&mut own.conn, 1000, &[999]);
}

/// A row that is refused before it hides nothing.
#[test]
fn behind_a_row_that_is_blocked() {
    let own = &mut filled(1000);
    all(&mut own.conn, &spelling::precious(3));
    all(&mut own.conn, &spelling::keep(&[503]));
    assert_blocked(&job!(50).run(&mut own.conn).unwrap(), 598, &["3", "503"]);
}
