use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Stopped};

use super::super::*;
use super::tables::*;

/// From the second batch on, another connection writes for a while.
fn busy(
    held: Duration,
    patience: Duration,
) -> (crate::support::Own<Conn>, Result<diesel_soft_delete::PurgeReport, Error>) {
    let mut own = filled(1000);
    let mut other = connect(&own.url);
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = std::sync::mpsc::channel::<()>();
    let result = std::thread::scope(|scope| {
        scope.spawn(move || {
            if receive.recv().is_ok() {
                all(&mut other, &["BEGIN EXCLUSIVE", "UPDATE posts SET body = 'changed' WHERE id = 5"]);
                begun.send(()).unwrap();
                // Until then, or until the job is over.
                let _ = receive.recv_timeout(held);
                other.batch_execute("COMMIT").unwrap();
            }
        });
        let mut send = Some(send);
        let mut is_first = true;
        let job = job!(50).archive_into(posts_archive::table).lock_timeout(patience).on_progress(|_| {
            if std::mem::take(&mut is_first) {
                send.as_ref().expect("the job runs").send(()).unwrap();
                has_begun.recv().unwrap();
            }
        });
        let result = job.run(&mut own.conn);
        send.take();
        result
    });
    (own, result)
}

#[test]
fn a_writer_for_300_milliseconds() {
    let begun = Instant::now();
    let (mut own, report) = busy(Duration::from_millis(300), Duration::from_secs(10));
    let report = report.unwrap();
    assert_eq!((report.rows, report.archived, report.is_complete()), (600, 600, true), "{report}");
    assert!(report.retries > 0 && begun.elapsed() > Duration::from_millis(300), "{report}");
    assert_only_left(&mut own.conn, 1000, &[]);
}

#[test]
fn a_writer_for_ever() {
    let begun = Instant::now();
    let (mut own, result) = busy(Duration::from_secs(60), Duration::from_millis(300));
    let Err(Error::PurgeFailed { report, source }) = result else { panic!("{result:?}") };
    assert_eq!((report.rows, report.archived, report.stopped), (50, 50, Stopped::Failed), "{source}");
    assert!(report.blocked.is_empty() && source.to_string().contains("locked"), "{source}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let report = job!(50).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_eq!((report.rows, report.is_complete()), (550, true), "{report}");
}

/// Also where it only looks: the catalog.
#[test]
fn a_writer_at_the_start() {
    let own = &mut filled(1000);
    let mut other = connect(&own.url);
    all(&mut other, &["BEGIN EXCLUSIVE"]);
    let report = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            other.batch_execute("COMMIT").unwrap();
        });
        job!(50).run(&mut own.conn).unwrap()
    });
    assert_eq!((report.rows, report.is_complete()), (600, true), "{report}");
}
