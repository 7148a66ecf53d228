use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{PurgeReport, RetentionPolicy, Stopped};

use super::super::*;
use super::tables::*;

const LAST: i32 = 10_000;
/// The variable that gives the child the URL of the database.
const CHILD: &str = "DSD_PROOF_KILLED_HOLDER";

fn two_runners(archive: bool) {
    let own = &mut filled(LAST);
    note_removed(&mut own.conn);
    let (url, start) = (own.url.as_str(), &Barrier::new(2));
    let reports: Vec<PurgeReport> = std::thread::scope(|scope| {
        let runners = [70, 50].map(|batch_size| {
            scope.spawn(move || {
                let conn = &mut connect(url);
                start.wait();
                let job = job!(batch_size).lock_timeout(Duration::from_secs(10));
                if archive { job.archive_into(posts_archive::table).run(conn) } else { job.run(conn) }.unwrap()
            })
        });
        runners.into_iter().map(|runner| runner.join().expect("a runner")).collect()
    });
    for report in &reports {
        assert!(report.is_complete(), "{report}");
    }
    let total = count_of(LAST, Kind::Old);
    assert_eq!(reports[0].rows + reports[1].rows, total, "{reports:?}");
    assert_eq!(removed::table.count().get_result::<i64>(&mut own.conn).unwrap() as u64, total);
    assert_eq!(archive_of(&mut own.conn).len() as u64, if archive { total } else { 0 });
    assert_only_left(&mut own.conn, LAST, &[]);
}

#[test]
fn two_jobs_at_once_remove_each_row_once() {
    two_runners(false);
}

#[test]
fn two_jobs_at_once_archive_each_row_once() {
    two_runners(true);
}

fn child(url: &str) {
    let mut is_first = true;
    let report = RetentionPolicy::new()
        .table(job!(20).pause(Duration::from_millis(20)))
        .exclusive(url)
        .on_progress(|_| {
            if std::mem::take(&mut is_first) {
                println!("one batch is done");
            }
        })
        .run(&mut connect(url));
    panic!("it was to be killed: {report:?}");
}

#[test]
fn a_killed_runner_blocks_nobody() {
    if let Ok(url) = std::env::var(CHILD) {
        return child(&url);
    }
    let own = &mut filled(LAST);
    let path = concat!(module_path!(), "::a_killed_runner_blocks_nobody");
    let mut job = Command::new(std::env::current_exe().expect("the test is a file"))
        .args(["--exact", path.split_once("::").expect("a crate and a path").1, "--nocapture"])
        .env(CHILD, &own.url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test can be started again");
    let lines = BufReader::new(job.stdout.as_mut().expect("it is piped")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("one batch")), "the job does not begin");
    job.kill().expect("SIGKILL is sent");
    job.wait().unwrap();

    let killed = Instant::now();
    let report = loop {
        let report = RetentionPolicy::new().table(job!(500)).exclusive(&own.url).run(&mut own.conn).unwrap();
        if report.stopped != Stopped::AnotherRunner {
            break report;
        }
        // The server soon notices that the connection is closed.
        assert!(killed.elapsed() < Duration::from_secs(5), "the lock stays");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(report.is_complete() && report.rows() > 1000, "{report}");
    assert_only_left(&mut own.conn, LAST, &[]);
}
