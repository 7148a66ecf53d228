use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Stopped};

use super::super::*;
use super::tables::*;

/// Runs a job while another connection writes for some time, from the second batch on.
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
                // The transaction ends after this time, or when the job is over.
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
fn a_job_waits_for_a_writer_of_300_milliseconds() {
    let begun = Instant::now();
    let (mut own, report) = busy(Duration::from_millis(300), Duration::from_secs(10));
    let report = report.unwrap();
    assert_eq!((report.rows, report.archived, report.is_complete()), (600, 600, true), "{report}");
    assert!(report.retries > 0 && begun.elapsed() > Duration::from_millis(300), "{report}");
    assert_only_left(&mut own.conn, 1000, &[]);
}

#[test]
fn a_job_fails_if_a_writer_does_not_end() {
    let begun = Instant::now();
    let (mut own, result) = busy(Duration::from_secs(60), Duration::from_millis(300));
    let Err(Error::PurgeFailed { report, source }) = result else { panic!("{result:?}") };
    assert_eq!((report.rows, report.archived, report.stopped), (50, 50, Stopped::Failed), "{source}");
    assert!(report.blocked.is_empty() && source.to_string().contains("locked"), "{source}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let report = job!(50).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_eq!((report.rows, report.is_complete()), (550, true), "{report}");
}

/// The job meets the writer while it reads the catalog.
#[test]
fn a_job_waits_for_a_writer_at_its_start() {
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

#[diesel::declare_sql_function]
extern "SQL" {
    /// Returns true. SQLite calls it for each row that it examines, so its calls are counted.
    fn examined(key: diesel::sql_types::Integer) -> diesel::sql_types::Bool;
}

/// How many rows a purge examines for each row that it removes. All rows were deleted at one time.
fn cost(which: Key, rows: i32) -> f64 {
    let mut own = super::backend::own();
    let conn = &mut own.conn;
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    examined_utils::register_nondeterministic_impl(conn, move |_: i32| {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    })
    .unwrap();
    all(conn, &[which.ddl("TIMESTAMP")]);
    which.fill(conn, rows);
    let month = TimeDelta::days(30);
    let report = match which {
        Key::Single => {
            let singles = singles::table.filter(examined(singles::a));
            singles.purge_older_than(month).in_batches().batch_size(200).run(conn)
        }
        Key::Pair => {
            let pairs = pairs::table.filter(examined(pairs::a));
            pairs.purge_older_than(month).in_batches().batch_size(200).run(conn)
        }
    };
    let (report, removed) = (report.unwrap(), which.removed(rows));
    assert_eq!((report.rows as i64, report.stopped), (removed, Stopped::Complete));
    let examined = f64::from(count.load(Ordering::Relaxed));
    println!("{which:?}, {rows} rows: {examined} examined for {removed} removed");
    assert!(examined >= removed as f64, "nothing was counted");
    examined / removed as f64
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
    assert_flat(Key::Pair, 300_000);
}

diesel::table! { slugs (slug) { slug -> Nullable<Text>, deleted_at -> Nullable<Timestamp> } }
diesel_soft_delete::soft_deletable! { slugs { timestamp = deleted_at } }

/// The job meets the writer while it counts rows whose key is NULL.
#[test]
fn a_job_waits_for_a_writer_at_its_end() {
    let own = &mut super::backend::shared();
    let conn = &mut own.conn;
    let old = "'2020-01-01 00:00:00'";
    all(
        conn,
        &[
            "CREATE TABLE slugs (slug VARCHAR(9) PRIMARY KEY, deleted_at TIMESTAMP)".to_owned(),
            format!("INSERT INTO slugs VALUES ('a', {old}), (NULL, {old}), (NULL, {old})"),
        ],
    );
    let mut other = Some(connect(&own.url));
    own.conn.set_instrumentation(move |event: diesel::connection::InstrumentationEvent<'_>| {
        if let diesel::connection::InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            if let Some(mut other) = other.take_if(|_| text.contains("COUNT") && text.contains("IS NULL")) {
                all(&mut other, &["BEGIN EXCLUSIVE"]);
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(300));
                    other.batch_execute("COMMIT").unwrap();
                });
            }
        }
    });
    let report = slugs::table.purge_older_than(TimeDelta::days(30)).in_batches().run(&mut own.conn).unwrap();
    assert_eq!((report.rows, report.notes.len()), (1, 1), "{report}");
    assert!(report.notes[0].contains("2 rows are left alone") && report.retries > 0, "{report}");
}
