use std::time::{Duration, Instant};

use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Stopped};

use super::super::*;
use super::spelling;
use super::tables::*;

const LOCK_TIMEOUT: Duration = Duration::from_millis(spelling::LOCK_TIMEOUT);

/// MySQL has another timeout for tables than for rows, which is a day or a year.
#[test]
fn a_job_does_not_wait_long_for_a_table_that_is_closed_to_writers() {
    let own = &mut filled(1000);
    let mut other = connect(&own.url);
    all(&mut other, spelling::CLOSE_TO_WRITERS);
    let begun = Instant::now();
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let report = std::thread::scope(|scope| {
        scope.spawn(move || {
            // Without a limit, a broken job would wait forever.
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

/// The look ahead meets the lock too. It fails if the session has its own limit.
#[test]
fn a_job_continues_after_a_table_was_closed_for_a_while() {
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
fn a_job_of_an_impatient_session_fails_if_the_table_stays_closed() {
    if !spelling::NAMES_CONSTRAINTS {
        // On MySQL the limit is that of the job.
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
