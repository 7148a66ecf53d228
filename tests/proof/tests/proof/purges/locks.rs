use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{BlockedBy, Error, Stopped};

use super::super::*;
use super::spelling;
use super::tables::*;

const LOCK_TIMEOUT: Duration = Duration::from_millis(spelling::LOCK_TIMEOUT);

/// Another session, which has locked a row.
fn locker(url: &str, id: i32) -> Conn {
    let mut other = connect(url);
    all(&mut other, &["BEGIN".to_owned(), format!("SELECT id FROM posts WHERE id = {id} FOR UPDATE")]);
    other
}

fn wait_until(conn: &mut Conn, sql: &str) {
    let begun = Instant::now();
    while number(conn, sql) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "never: {sql}");
        // InnoDB renews its list of locks only if nobody has read it for 100 ms.
        std::thread::sleep(Duration::from_millis(150));
    }
}

#[test]
fn a_locked_row_is_stepped_over_and_removed_when_it_is_released() {
    let last = 10_000;
    let own = &mut filled(last);
    let mut other = locker(&own.url, 1003);
    let (total, size) = (count_of(last, Kind::Old), 500);
    let mut released_at = None;
    let report = job!(size)
        .archive_into(posts_archive::table)
        .lock_timeout(LOCK_TIMEOUT)
        .on_progress(|progress| {
            // All other batches are done.
            if progress.rows >= total - size && released_at.is_none() {
                other.batch_execute("ROLLBACK").unwrap();
                released_at = Some(progress.rows);
            }
        })
        .run(&mut own.conn)
        .unwrap();
    assert_eq!(released_at, Some(total - size), "only the batch of the locked row was left then");
    assert_eq!((report.rows, report.archived, report.is_complete()), (total, total, true), "{report}");
    assert!(report.retries > 0, "{report}");
    assert_only_left(&mut own.conn, last, &[]);
}

#[test]
fn a_row_that_stays_locked_is_reported_and_all_others_go() {
    let last = if spelling::NAMES_CONSTRAINTS { 10_000 } else { 500 };
    let own = &mut filled(last);
    let mut other = locker(&own.url, 103);
    let report = job!(spelling::LOCKED_BATCH).lock_timeout(LOCK_TIMEOUT).run(&mut own.conn).unwrap();
    let blocked: Vec<_> = report.blocked.iter().map(|blocked| (blocked.key.as_str(), blocked.cause)).collect();
    assert_eq!(blocked, [("103", BlockedBy::Lock)], "{report}");
    assert_eq!((report.rows, report.stopped), (count_of(last, Kind::Old) - 1, Stopped::Complete), "{report}");
    assert_only_left(&mut own.conn, last, &[103]);
    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(job!(50).run(&mut own.conn).unwrap().rows, 1);
}

#[test]
fn the_session_has_its_own_lock_timeout_again() {
    let own = &mut filled(100);
    let mut other = locker(&own.url, 3);
    let setting = if spelling::NAMES_CONSTRAINTS {
        "SELECT COUNT(*) AS n FROM pg_settings WHERE name = 'lock_timeout' AND setting = '7000'"
    } else {
        "SELECT COUNT(*) AS n FROM DUAL WHERE @@SESSION.innodb_lock_wait_timeout = 7 AND @@SESSION.lock_wait_timeout = 8"
    };
    let set = if spelling::NAMES_CONSTRAINTS {
        "SET lock_timeout = 7000"
    } else {
        "SET innodb_lock_wait_timeout = 7, lock_wait_timeout = 8"
    };
    own.conn.batch_execute(set).unwrap();
    let report = job!(1).lock_timeout(LOCK_TIMEOUT).run(&mut own.conn).unwrap();
    assert_eq!(report.blocked.len(), 1, "{report}");
    assert_eq!(number(&mut own.conn, setting), 1);
    other.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn a_connection_lost_between_two_batches_leaves_a_correct_report() {
    let own = &mut filled(1000);
    let me = number(&mut own.conn, spelling::ME);
    let mut other = connect(&own.url);
    let mut done = 0;
    let result = job!(50)
        .archive_into(posts_archive::table)
        .on_progress(|progress| {
            done = progress.rows;
            if progress.batches == 3 {
                other.batch_execute(&spelling::end_of(me)).unwrap();
            }
        })
        .run(&mut own.conn);
    let Err(Error::PurgeFailed { report, source }) = result else { panic!("{result:?}") };
    assert_eq!((report.rows, report.archived, report.stopped), (150, 150, Stopped::Failed), "{source}");
    assert_eq!(done, 150);
    assert!(report.blocked.is_empty(), "{report}");
    own.conn = connect(&own.url);
    assert_eq!(archive_of(&mut own.conn).len(), 150);
    let report = job!(50).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_eq!((report.rows, report.is_complete()), (450, true), "{report}");
}

#[test]
fn a_connection_lost_in_a_batch_leaves_a_correct_report() {
    let own = &mut filled(1000);
    let me = number(&mut own.conn, spelling::ME);
    let (mut lock, mut other) = (locker(&own.url, 503), connect(&own.url));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(&mut other, &spelling::waits(me));
            other.batch_execute(&spelling::end_of(me)).unwrap();
        });
        job!(50).archive_into(posts_archive::table).lock_timeout(Duration::from_secs(10)).run(&mut own.conn)
    });
    let Err(Error::PurgeFailed { report, source }) = result else { panic!("{result:?}") };
    // The locked row is the 302nd.
    assert_eq!((report.rows, report.archived, report.stopped), (300, 300, Stopped::Failed), "{source}");
    assert!(report.blocked.is_empty(), "{report}");
    lock.batch_execute("ROLLBACK").unwrap();
    own.conn = connect(&own.url);
    let report = job!(50).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_eq!((report.rows, report.is_complete()), (300, true), "{report}");
}

#[test]
fn the_victim_of_a_deadlock_tries_again() {
    let own = &mut filled(1000);
    all(
        &mut own.conn,
        &[
            "CREATE TABLE ballast (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL)",
            "INSERT INTO ballast SELECT id, 0 FROM posts",
            spelling::VICTIM,
        ],
    );
    let me = number(&mut own.conn, spelling::ME);
    let mut other = connect(&own.url);
    // This transaction has changed many rows, and has locked the last row of the first batch.
    other.batch_execute(spelling::WINNER).unwrap();
    all(&mut other, &["BEGIN", "UPDATE ballast SET n = n + 1", "SELECT id FROM posts WHERE id = 17 FOR UPDATE"]);
    let mut watcher = connect(&own.url);
    let report = std::thread::scope(|scope| {
        let other = &mut other;
        scope.spawn(move || {
            wait_until(&mut watcher, &spelling::waits(me));
            // After this, both wait for each other.
            all(other, &["UPDATE posts SET body = 'changed' WHERE id = 2", "COMMIT"]);
        });
        job!(10).lock_timeout(Duration::from_secs(10)).run(&mut own.conn).unwrap()
    });
    assert_eq!((report.rows, report.is_complete()), (600, true), "{report}");
    assert!(report.retries > 0, "the job was no victim: {report}");
    assert_only_left(&mut own.conn, 1000, &[]);
}

#[test]
fn a_user_without_the_right_to_remove_gets_an_error() {
    let own = &mut filled(1000);
    let (mut reader, drop_user) = spelling::reader(&mut own.conn, &own.url);
    let result = job!(10).run(&mut reader);
    drop(reader);
    own.conn.batch_execute(&drop_user).unwrap();
    let Err(Error::PurgeFailed { report, source }) = result else { panic!("{result:?}") };
    assert_eq!((report.rows, report.blocked.len(), report.stopped), (0, 0, Stopped::Failed), "{report}");
    assert!(source.to_string().contains("denied"), "{source}");
}
