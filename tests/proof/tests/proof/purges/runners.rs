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
/// Where the child finds the database.
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
fn two_at_once() {
    two_runners(false);
}

#[test]
fn two_at_once_with_an_archive() {
    two_runners(true);
}

fn lease_count(conn: &mut Conn) -> i64 {
    number(conn, "SELECT COUNT(*) AS n FROM soft_delete_leases")
}

#[derive(Debug, diesel::QueryableByName)]
struct Held {
    #[diesel(sql_type = diesel::sql_types::Text)]
    holder: String,
}

#[test]
fn the_second_steps_back() {
    let own = &mut filled(1000);
    let mut other = connect(&own.url);
    let mut seen = 0;
    let report = RetentionPolicy::new()
        .table(job!(50))
        .exclusive("nightly")
        .on_progress(|_| {
            let held: Held = diesel::sql_query("SELECT holder FROM soft_delete_leases").get_result(&mut other).unwrap();
            let second = RetentionPolicy::new().table(job!(50)).exclusive("nightly").run(&mut other).unwrap();
            let holder = second.stepped_back.as_ref().expect("the first holds it");
            assert_eq!(holder.holder, held.holder);
            assert!(holder.expires_in > Duration::from_secs(50) && holder.expires_in <= Duration::from_secs(60));
            assert_eq!((second.rows(), second.tables.len(), second.is_complete()), (0, 0, false));
            // A lease of another name is another lease.
            if seen == 0 {
                let elsewhere = RetentionPolicy::new().table(job!(50)).max_rows(0).exclusive("weekly").run(&mut other);
                assert!(elsewhere.unwrap().stepped_back.is_none());
            }
            seen += 1;
        })
        .run(&mut own.conn)
        .unwrap();
    assert_eq!((report.rows(), report.is_complete(), seen), (600, true, 12), "{report}");
    assert_eq!(lease_count(&mut own.conn), 0, "the lease was given back");
    let again = RetentionPolicy::new().table(job!(50)).exclusive("nightly").run(&mut other).unwrap();
    assert!(again.stepped_back.is_none());
}

/// Tries to get the lease until the job is over; how often it was tried, and had.
fn rival(url: &str, done: &std::sync::atomic::AtomicBool) -> (u32, u32) {
    let conn = &mut connect(url);
    let (mut tried, mut had) = (0, 0);
    while !done.load(std::sync::atomic::Ordering::Relaxed) {
        let policy = RetentionPolicy::new().table(job!(50)).max_rows(0);
        let report = policy.exclusive("nightly").lease_for(Duration::from_secs(1)).run(conn).unwrap();
        tried += 1;
        had += u32::from(report.stepped_back.is_none());
        std::thread::sleep(Duration::from_millis(30));
    }
    (tried, had)
}

fn while_it_is_rivalled(own: &mut crate::support::Own<Conn>, lock_timeout: Duration, pause: Duration) -> PurgeReport {
    let done = &std::sync::atomic::AtomicBool::new(false);
    let (url, conn) = (own.url.as_str(), &mut own.conn);
    let (mut report, (tried, had)) = std::thread::scope(|scope| {
        let mut rival = None;
        let job = job!(50).lock_timeout(lock_timeout).pause(pause).on_progress(|_| {
            rival.get_or_insert_with(|| scope.spawn(|| self::rival(url, done)));
        });
        let report = RetentionPolicy::new().table(job).exclusive("nightly").lease_for(Duration::from_secs(1)).run(conn);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (report.unwrap(), rival.expect("a batch was done").join().expect("the rival"))
    });
    // The last try can be later than the release.
    assert!(tried > 10 && had <= 1, "the lease of a live holder was taken {had} times of {tried}");
    assert_eq!(report.stopped, Stopped::Complete, "{report}");
    report.tables.remove(0)
}

#[test]
fn the_lease_of_a_live_holder_is_not_taken() {
    let own = &mut filled(1000);
    let report = while_it_is_rivalled(own, Duration::from_secs(10), Duration::from_millis(200));
    assert_eq!((report.rows, report.is_complete()), (600, true), "{report}");
    assert!(report.elapsed > Duration::from_secs(2), "{report}");
}

fn child(url: &str) {
    let mut is_first = true;
    let report = RetentionPolicy::new()
        .table(job!(20).pause(Duration::from_millis(20)))
        .exclusive("nightly")
        .lease_for(Duration::from_secs(1))
        .on_progress(|_| {
            if std::mem::take(&mut is_first) {
                println!("one batch is done");
            }
        })
        .run(&mut connect(url));
    panic!("it was to be killed: {report:?}");
}

#[test]
fn a_killed_holder_is_followed_after_its_lease() {
    if let Ok(url) = std::env::var(CHILD) {
        return child(&url);
    }
    let own = &mut filled(LAST);
    let path = concat!(module_path!(), "::a_killed_holder_is_followed_after_its_lease");
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
    let policy = || RetentionPolicy::new().table(job!(500)).exclusive("nightly").lease_for(Duration::from_secs(1));
    let first = policy().run(&mut own.conn).unwrap();
    let holder = first.stepped_back.expect("the lease lives on");
    assert!(holder.holder.starts_with(&format!("{}-", job.id())), "{holder:?}, and not {}", job.id());
    let report = loop {
        let report = policy().run(&mut own.conn).unwrap();
        if report.stepped_back.is_none() {
            break report;
        }
        assert!(killed.elapsed() < Duration::from_secs(5), "it is never taken over");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(killed.elapsed() > Duration::from_millis(300) && killed.elapsed() < Duration::from_secs(3));
    assert!(report.is_complete() && report.rows() > 1000, "{report}");
    assert_only_left(&mut own.conn, LAST, &[]);
    assert_eq!(lease_count(&mut own.conn), 0);
}
