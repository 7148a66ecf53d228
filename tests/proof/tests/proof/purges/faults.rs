use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Blocked, BlockedBy, Error, PurgeReport, Stopped};

use super::super::*;
use super::tables::*;
use super::{backend, spelling};

/// Asserts that all old rows but these were removed, and that these are reported.
fn assert_all_but(conn: &mut Conn, report: &PurgeReport, last: i32, left: &[i32]) {
    assert_eq!(report.stopped, Stopped::Complete, "{report}");
    assert_eq!(report.rows, count_of(last, Kind::Old) - left.len() as u64, "{report}");
    assert_eq!(report.is_complete(), left.is_empty());
    assert_eq!(keys(report), left.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), "{report}");
    assert_eq!(report.blocked.len(), left.len());
    assert_only_left(conn, last, left);
}

fn keys(report: &PurgeReport) -> BTreeSet<String> {
    report.blocked.iter().map(|blocked| blocked.key.clone()).collect()
}

/// Creates comments that hold posts by a foreign key with this action.
fn hold(conn: &mut Conn, action: &str, posts: &[i32]) {
    let table = format!(
        "CREATE TABLE comments (id INTEGER NOT NULL PRIMARY KEY, post_id INTEGER NOT NULL,
            CONSTRAINT comments_of_a_post FOREIGN KEY (post_id) REFERENCES posts (id) {action})"
    );
    all(conn, &[table]);
    for id in posts {
        all(conn, &[format!("INSERT INTO comments (id, post_id) VALUES ({id}, {id})")]);
    }
}

fn assert_held(blocked: &Blocked, key: &str) {
    // SQLite does not name constraints.
    let constraint = if names_constraints() { Some("comments_of_a_post") } else { None };
    assert_eq!((&blocked.table[..], &blocked.key[..], blocked.cause), ("posts", key, BlockedBy::Constraint));
    assert_eq!(blocked.constraint.as_deref(), constraint);
}

fn names_constraints() -> bool {
    !std::any::type_name::<backend::Db>().contains("::sqlite::")
}

#[test]
fn a_row_that_a_child_holds_stays_and_all_others_go() {
    let own = &mut filled(10_000);
    hold(&mut own.conn, "", &[7777]);
    let report = job!(500).run(&mut own.conn).unwrap();
    assert_all_but(&mut own.conn, &report, 10_000, &[7777]);
    assert_held(&report.blocked[0], "7777");
    // The job does not go row by row. It needs 12 batches, and one for each halving of the batch with the held row.
    assert!(report.batches < 30, "{report}");

    // The next run meets the row again. A run after the child is removed removes it.
    let report = job!(500).run(&mut own.conn).unwrap();
    assert_eq!((report.rows, keys(&report)), (0, BTreeSet::from([String::from("7777")])));
    all(&mut own.conn, &["DELETE FROM comments"]);
    assert_eq!(job!(500).run(&mut own.conn).unwrap().rows, 1);
}

#[test]
fn a_row_that_is_held_is_not_archived() {
    let own = &mut filled(2000);
    hold(&mut own.conn, "", &[2, 3, 1998]);
    let report = job!(100).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_all_but(&mut own.conn, &report, 2000, &[2, 3, 1998]);
    let expected = (1..=2000).filter(|id| kind(*id) == Kind::Old && ![2, 3, 1998].contains(id));
    assert_eq!(ids(&archive_of(&mut own.conn)), expected.collect());
    assert_eq!(report.archived, report.rows);
}

#[test]
fn a_row_that_a_trigger_refuses_stays_and_all_others_go() {
    let own = &mut filled(2000);
    all(&mut own.conn, &spelling::precious(1003));
    let report = job!(100).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_all_but(&mut own.conn, &report, 2000, &[1003]);
    let blocked = &report.blocked[0];
    assert_eq!(
        (blocked.cause, blocked.message.contains("this row is precious")),
        (BlockedBy::Other, true),
        "{blocked}"
    );
    assert!(!ids(&archive_of(&mut own.conn)).contains(&1003));
}

/// The message of a trigger does not tell the state of the connection.
#[test]
fn a_trigger_that_speaks_of_a_closed_connection_blocks_only_its_row() {
    let own = &mut filled(1000);
    let lies = spelling::precious(503).into_iter();
    let lies: Vec<_> =
        lies.map(|sql| sql.replace("this row is precious", "i/o error: server closed the connection")).collect();
    all(&mut own.conn, &lies);
    let report = job!(100).run(&mut own.conn).unwrap();
    assert_all_but(&mut own.conn, &report, 1000, &[503]);
    assert_eq!(report.blocked[0].cause, BlockedBy::Other);
}

/// The row becomes old between the last removal and the count of what is left.
#[test]
fn a_row_that_becomes_old_behind_the_last_batch_is_removed() {
    use diesel::connection::InstrumentationEvent;
    let own = &mut filled(1000);
    let mut other = Some(connect(&own.url));
    own.conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            // This is the count of the last batch, which begins behind another.
            let is_last = text.contains("SELECT COUNT(*)") && text.contains(" > ");
            if let Some(mut other) = other.take_if(|_| is_last) {
                all(
                    &mut other,
                    &["UPDATE posts SET is_deleted = TRUE, deleted_at = '2020-01-01 00:00:00' WHERE id = 950"],
                );
            }
        }
    });
    let report = job!(70).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_eq!((report.rows, report.archived, report.is_complete()), (601, 601, true), "{report}");
    assert!(ids(&archive_of(&mut own.conn)).contains(&950));
}

#[test]
fn a_row_that_is_archived_already_stays_and_is_reported() {
    let own = &mut filled(2000);
    all(&mut own.conn, &["INSERT INTO posts_archive (id, body, is_deleted) VALUES (1002, 'before', TRUE)"]);
    let report = job!(100).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_all_but(&mut own.conn, &report, 2000, &[1002]);
    assert_eq!(report.blocked[0].cause, BlockedBy::Constraint);
}

/// The databases refuse at the commit and not at the row.
#[test]
fn rows_that_a_deferred_constraint_holds_stay_and_all_others_go() {
    if std::any::type_name::<backend::Db>().contains("::mysql::") {
        return;
    }
    let own = &mut filled(2000);
    hold(&mut own.conn, "DEFERRABLE INITIALLY DEFERRED", &[3, 1018]);
    let report = job!(100).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_all_but(&mut own.conn, &report, 2000, &[3, 1018]);
    for (blocked, key) in report.blocked.iter().zip(["3", "1018"]) {
        assert_held(blocked, key);
    }
    assert_eq!(archive_of(&mut own.conn).len() as u64, report.rows);
}

#[test]
fn a_job_stops_at_its_limit_of_blocked_rows() {
    let own = &mut filled(1000);
    let held: Vec<i32> = (1..=1000).filter(|id| kind(*id) == Kind::Old).take(50).collect();
    hold(&mut own.conn, "", &held);
    let report = job!(10).max_blocked(20).run(&mut own.conn).unwrap();
    assert_eq!((report.stopped, report.rows, report.blocked.len()), (Stopped::MaxBlocked, 0, 21), "{report}");
    assert!(!report.is_complete());
    let report = job!(10).max_blocked(50).run(&mut own.conn).unwrap();
    assert_all_but(&mut own.conn, &report, 1000, &held);
}

#[test]
fn a_job_inside_the_callers_transaction_is_refused() {
    let own = &mut filled(100);
    let result = own.conn.transaction(|conn| job!(10).run(conn));
    assert!(matches!(&result, Err(Error::PurgeInTransaction { table }) if table == "posts"), "{result:?}");
    let result = own
        .conn
        .transaction(|conn| diesel_soft_delete::RetentionPolicy::new().table(job!(10)).exclusive("nightly").run(conn));
    assert!(matches!(&result, Err(Error::PurgeInTransaction { table }) if table == "posts"), "{result:?}");
    assert_only_left(&mut own.conn, 100, &(1..=100).collect::<Vec<_>>());
}
