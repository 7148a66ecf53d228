use std::time::{Duration, Instant};

use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, RetentionPolicy, Stopped};

use super::super::*;
use super::spelling;
use super::tables::*;

const LOCK_TIMEOUT: Duration = Duration::from_millis(spelling::LOCK_TIMEOUT);

/// MySQL has another timeout for that than for rows, of a day or a year.
#[test]
fn a_table_that_is_closed_to_writers() {
    let own = &mut filled(1000);
    let mut other = connect(&own.url);
    all(&mut other, spelling::CLOSE_TO_WRITERS);
    let begun = Instant::now();
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let report = std::thread::scope(|scope| {
        scope.spawn(move || {
            // Or else it would wait for ever.
            let _ = is_over.recv_timeout(Duration::from_secs(30));
            all(&mut other, &[spelling::OPEN]);
        });
        let report = job!(100).lock_timeout(LOCK_TIMEOUT).max_blocked(1).run(&mut own.conn).unwrap();
        drop(over);
        report
    });
    assert_eq!((report.rows, report.stopped), (0, Stopped::MaxBlocked), "{report}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{report}");
    assert_eq!(job!(100).run(&mut own.conn).unwrap().rows, 600);
}

/// The look ahead too meets it, and where the session has a limit of its own it fails.
#[test]
fn a_table_that_is_closed_for_a_while() {
    let own = &mut filled(1000);
    let mut other = Some(connect(&own.url));
    all(&mut own.conn, &[spelling::IMPATIENT]);
    let report = std::thread::scope(|scope| {
        let job = job!(100).lock_timeout(Duration::from_secs(20)).on_progress(|_| {
            if let Some(mut other) = other.take() {
                all(&mut other, spelling::CLOSE);
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(700));
                    all(&mut other, &[spelling::OPEN]);
                });
            }
        });
        job.run(&mut own.conn).unwrap()
    });
    assert_eq!((report.rows, report.is_complete()), (600, true), "{report}");
    assert!(report.elapsed > Duration::from_millis(600), "{report}");
}

#[test]
fn a_table_that_stays_closed_to_an_impatient_session() {
    if !spelling::NAMES_CONSTRAINTS {
        // MySQL's limit is the job's.
        return;
    }
    let own = &mut filled(1000);
    let mut other = connect(&own.url);
    all(&mut own.conn, &[spelling::IMPATIENT]);
    let mut is_closed = false;
    let result = job!(100)
        .lock_timeout(Duration::from_millis(400))
        .on_progress(|_| {
            if !std::mem::replace(&mut is_closed, true) {
                all(&mut other, spelling::CLOSE);
            }
        })
        .run(&mut own.conn);
    all(&mut other, &[spelling::OPEN]);
    let Err(Error::PurgeFailed { report, source }) = result else { panic!("{result:?}") };
    assert_eq!((report.rows, report.blocked.len()), (100, 0), "{source}");
    assert!(report.retries > 0 && source.to_string().contains("lock timeout"), "{source}");
}

/// Somebody has the row of the lease locked from the first batch on: for that long, or until the job is over.
fn while_the_lease_is_locked(held: Duration) -> Result<diesel_soft_delete::RetentionReport, Error> {
    let own = &mut filled(1000);
    let mut other = Some(connect(&own.url));
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let mut is_over = Some(is_over);
    std::thread::scope(|scope| {
        let result = RetentionPolicy::new()
            .table(job!(50).pause(Duration::from_millis(200)))
            .exclusive("nightly")
            .lease_for(Duration::from_secs(4))
            .on_progress(|_| {
                if let (Some(mut other), Some(is_over)) = (other.take(), is_over.take()) {
                    all(&mut other, &["BEGIN", "SELECT * FROM soft_delete_leases FOR UPDATE"]);
                    scope.spawn(move || {
                        let _ = is_over.recv_timeout(held);
                        all(&mut other, &["ROLLBACK"]);
                    });
                }
            })
            .run(&mut own.conn);
        drop(over);
        result
    })
}

#[test]
fn a_lease_that_is_locked_for_a_while() {
    let report = while_the_lease_is_locked(Duration::from_secs(3)).unwrap();
    assert_eq!((report.rows(), report.is_complete()), (600, true), "{report}");
}

/// It is no row's fault, and it is not waited for ever, though this session's own limit may be none.
#[test]
fn a_lease_that_stays_locked() {
    let begun = Instant::now();
    let result = while_the_lease_is_locked(Duration::from_secs(60));
    let Err(Error::RetentionFailed { report, source }) = result else { panic!("{result:?}") };
    let [table] = &report.tables[..] else { panic!("{report:?}") };
    assert!(table.blocked.is_empty() && table.rows > 0 && table.rows < 600, "{table}");
    assert!(source.to_string().to_lowercase().contains("lock"), "{source}");
    // Ten seconds for the renewal, and as many to give it back.
    assert!(begun.elapsed() > Duration::from_secs(9) && begun.elapsed() < Duration::from_secs(40));
}
