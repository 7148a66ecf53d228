use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_soft_delete::Stopped;
use diesel_soft_delete::prelude::*;

use super::super::*;
use super::spelling;
use super::tables::*;
use crate::support::Random;

const LAST: i32 = 20_000;

/// Whether the database undid the statement or the transaction.
fn undone(error: &DieselError) -> bool {
    match error {
        DieselError::RollbackTransaction | DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => {
            true
        }
        DieselError::DatabaseError(_, info) => {
            let message = info.message().to_lowercase();
            ["deadlock", "record has changed since last read", "locked"].iter().any(|text| message.contains(text))
        }
        _ => false,
    }
}

/// Restores rows, half of them near the job's position. Returns the number of restored rows less those deleted again.
fn restore(url: &str, number: u64, front: &AtomicI32, done: &AtomicBool) -> i64 {
    let conn = &mut connect(url);
    conn.batch_execute(spelling::PATIENT).unwrap();
    if number % 2 == 0 {
        conn.batch_execute(spelling::ISOLATION).unwrap();
    }
    let mut random = Random(number);
    let mut restored = 0;
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(spelling::REST);
        let id = match random.below(2) {
            0 => 1 + random.below(LAST),
            _ => front.load(Ordering::Relaxed) + random.below(170),
        };
        let result = match random.below(8) {
            // The transaction holds its lock for a while, and sometimes rolls back.
            0..=2 => conn.transaction(|conn| {
                let rows = posts::table.find(id).restore().execute(conn)?;
                std::thread::sleep(Duration::from_millis(1 + number % 3));
                if random.below(2) == 0 { Err(DieselError::RollbackTransaction) } else { Ok(rows as i64) }
            }),
            3 => posts::table.filter(posts::id.between(id, id + 4)).restore().execute(conn).map(|rows| rows as i64),
            // The row is deleted again with an old time, so it becomes old between two statements of the job.
            4 => {
                let restored = posts::table.find(id).restore().execute(conn);
                restored.and_then(|rows| match rows {
                    0 => Ok(0),
                    _ => loop {
                        match posts::table.find(id).soft_delete().at(old()).execute(conn) {
                            Err(error) if undone(&error) => {}
                            deleted => break deleted.map(|deleted| rows as i64 - deleted as i64),
                        }
                    },
                })
            }
            _ => posts::table.find(id).restore().execute(conn).map(|rows| rows as i64),
        };
        match result {
            Ok(rows) => restored += rows,
            Err(error) if undone(&error) => {}
            Err(error) => panic!("{error}"),
        }
    }
    restored
}

fn race(archive: bool, session: &str) {
    let mut own = filled(LAST);
    note_removed(&mut own.conn);
    own.conn.batch_execute(session).unwrap();
    let conn = &mut own.conn;
    let (url, front, done) = (own.url.as_str(), &AtomicI32::new(1), &AtomicBool::new(false));
    let (reports, restored) = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..=4).map(|number| scope.spawn(move || restore(url, number, front, done))).collect();
        // Three of five rows are old, so the ids advance faster than the rows.
        let job = job!(50)
            .pause(Duration::from_millis(8))
            .lock_timeout(Duration::from_secs(20))
            .max_duration(Duration::from_secs(40))
            .on_progress(|progress| front.store(1 + (progress.rows * 5 / 3) as i32, Ordering::Relaxed));
        let first = if archive { job.archive_into(posts_archive::table).run(conn) } else { job.run(conn) };
        done.store(true, Ordering::Relaxed);
        let restored: i64 = workers.into_iter().map(|worker| worker.join().expect("a worker")).sum();
        // The second run removes what became old behind the first.
        let job = job!(50);
        let second = if archive { job.archive_into(posts_archive::table).run(conn) } else { job.run(conn) };
        ([first.unwrap(), second.unwrap()], restored)
    });
    for report in &reports {
        assert_eq!((report.stopped, &report.blocked[..]), (Stopped::Complete, &[][..]), "{report}");
    }

    let noted: Vec<(i32, bool)> = removed::table.select((removed::post_id, removed::was_deleted)).load(conn).unwrap();
    assert!(noted.iter().all(|(_, was_deleted)| *was_deleted), "an active row was removed");
    let gone: BTreeSet<i32> = noted.iter().map(|(id, _)| *id).collect();
    assert_eq!(gone.len(), noted.len(), "a row was removed twice");
    let rows: u64 = reports.iter().map(|report| report.rows).sum();
    assert_eq!(rows, gone.len() as u64, "reported, and what happened");

    let left = posts_of(conn);
    let there = ids(&left);
    assert!(gone.is_disjoint(&there));
    assert_eq!(&gone | &there, (1..=LAST).collect(), "a row is neither there nor was it removed");
    let archived = archive_of(conn);
    assert_eq!(ids(&archived), if archive { gone.clone() } else { BTreeSet::new() });
    assert_eq!(reports.iter().map(|report| report.archived).sum::<u64>(), archived.len() as u64);
    for (id, body, is_deleted, at) in &archived {
        assert_eq!((body, is_deleted, at.is_some()), (&format!("post {id}"), &true, true), "the copy of {id}");
    }

    let still_deleted = left.iter().filter(|(_, _, is_deleted, _)| *is_deleted).count() as i64;
    let at_start = (LAST as u64 - count_of(LAST, Kind::Active)) as i64;
    assert_eq!(restored + gone.len() as i64 + still_deleted, at_start, "restored + purged + remaining");
    assert!(left.iter().filter(|row| kind(row.0) == Kind::Active).all(|row| !row.2), "an active row was deleted");
    assert!(!left.iter().any(|row| row.3 < Some(old() + TimeDelta::days(1)) && row.2), "an old row is left");
    // If nothing happened, the test would prove nothing.
    assert!(restored > 100 && rows > 3000, "{restored} restored, {rows} removed");
}

#[test]
fn rows_that_are_restored_while_a_job_runs_are_not_removed() {
    race(false, "SELECT 1");
}

#[test]
fn rows_that_are_restored_while_a_job_archives_are_not_removed() {
    race(true, "SELECT 1");
}

#[test]
fn rows_restored_at_another_isolation_level_are_not_removed() {
    // SQLite has only one level, which the test above uses.
    if !std::any::type_name::<super::backend::Db>().contains("sqlite") {
        race(true, spelling::ISOLATION);
    }
}
