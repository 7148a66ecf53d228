use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

use super::super::*;
use super::spelling;
use super::tables::*;
use crate::support::Random;

const LAST: i32 = 10_000;
/// The variable that gives the child the URL of the database.
const CHILD: &str = "DSD_PROOF_KILLED_JOB";

/// A job in its own process.
struct Job(Child);

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Job {
    /// Starts this binary again with one test, which then runs [`child`].
    fn start(url: &str) -> Self {
        let test = concat!(module_path!(), "::ten_kills_lose_no_row").split_once("::").expect("a crate and a path").1;
        let child = Command::new(std::env::current_exe().expect("the test is a file"))
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, url)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test can be started again");
        Self(child)
    }

    /// Waits for a word of the child. Returns false if the child ends before.
    fn says(&mut self, word: &str) -> bool {
        let stdout = self.0.stdout.as_mut().expect("it is piped");
        BufReader::with_capacity(1, stdout).lines().any(|line| line.expect("text").contains(word))
    }
}

fn child(url: &str) {
    let conn = &mut connect(url);
    let mut is_first = true;
    println!("the job begins");
    let report = job!(20)
        .archive_into(posts_archive::table)
        .on_progress(|_| {
            if std::mem::take(&mut is_first) {
                println!("one batch is done");
            }
        })
        .run(conn)
        .unwrap();
    assert!(report.is_complete(), "{report}");
    println!("the job is over");
}

/// The numbers of rows in neither table, in both, and in the archive. One statement counts them at one time.
fn misplaced(conn: &mut Conn) -> [i64; 3] {
    let [neither, both, archived] = [
        "posts.id IS NULL AND posts_archive.id IS NULL",
        "posts.id IS NOT NULL AND posts_archive.id IS NOT NULL",
        "posts_archive.id IS NOT NULL",
    ]
    .map(|which| format!("COUNT(CASE WHEN {which} THEN 1 END)"));
    #[derive(QueryableByName)]
    struct Counts {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        neither: i64,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        doubled: i64,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        archived: i64,
    }
    let counts: Counts = diesel::sql_query(format!(
        "SELECT {neither} AS neither, {both} AS doubled, {archived} AS archived
         FROM everything LEFT JOIN posts ON posts.id = everything.id
            LEFT JOIN posts_archive ON posts_archive.id = everything.id"
    ))
    .get_result(conn)
    .unwrap();
    [counts.neither, counts.doubled, counts.archived]
}

fn kills(how_many: u32) {
    let mut own = filled(LAST);
    let url = own.url.clone();
    let conn = &mut own.conn;
    all(
        conn,
        &["CREATE TABLE everything (id INTEGER NOT NULL PRIMARY KEY)", "INSERT INTO everything SELECT id FROM posts"],
    );
    let start = posts_of(conn);
    let old_rows = count_of(LAST, Kind::Old) as i64;

    // One job runs without a kill.
    let mut undisturbed = Job::start(&url);
    assert!(undisturbed.says("begins"));
    let begun = Instant::now();
    assert!(undisturbed.says("is over"), "the job failed");
    let takes = begun.elapsed();
    assert!(undisturbed.0.wait().unwrap().success());
    let (posts_after, archive_after) = (posts_of(conn), archive_of(conn));
    assert_eq!(archive_after.len() as i64, old_rows);

    all(conn, &["DELETE FROM posts", "DELETE FROM posts_archive"]);
    for rows in start.chunks(2000) {
        let rows: Vec<_> = rows
            .iter()
            .map(|(id, body, flag, at)| {
                (posts::id.eq(id), posts::body.eq(body), posts::is_deleted.eq(flag), posts::deleted_at.eq(at))
            })
            .collect();
        diesel::insert_into(posts::table).values(&rows).execute(conn).unwrap();
    }
    all(conn, spelling::COUNT_ATTEMPTS);

    let mut random = Random(u64::from(how_many));
    let (mut half_done, mut cut, mut before) = (0, 0, 0);
    for kill in 0..how_many {
        let mut job = Job::start(&url);
        // The kill comes after the job's first statement, or after its first batch.
        let is_running = job.says(if kill % 3 == 0 { "begins" } else { "one batch" });
        let longest = takes.as_micros() as i32 / how_many as i32;
        std::thread::sleep(Duration::from_micros(random.below(longest.max(1)) as u64));
        job.0.kill().expect("SIGKILL is sent");
        let status = job.0.wait().unwrap();
        assert!(is_running || status.success(), "the job ended by itself: {status}");
        cut += u32::from(spelling::was_cut(conn, &url, before));
        let [neither, both, archived] = misplaced(conn);
        assert_eq!([neither, both], [0, 0], "kill {kill}: rows in neither table, in both");
        assert!(archived >= before, "kill {kill}: an archived row is lost");
        half_done += u32::from(archived > before && archived < old_rows);
        before = archived;
    }
    println!("{how_many} kills: {half_done} left the job half done, {before} of {old_rows} rows were archived by then");

    let mut last = Job::start(&url);
    assert!(last.says("is over"), "the job did not go on");
    assert!(last.0.wait().unwrap().success());
    assert_eq!(misplaced(conn), [0, 0, old_rows]);
    assert_eq!((posts_of(conn), archive_of(conn)), (posts_after, archive_after));
    // If no kill left the job half done, the test would prove nothing.
    assert!(half_done >= how_many / 2, "{half_done} of {how_many} kills left the job half done");
    cut += u32::from(spelling::was_cut(conn, &url, old_rows));
    assert!(cut > 0, "no kill cut a transaction off");
}

#[test]
fn ten_kills_lose_no_row() {
    match std::env::var(CHILD) {
        Ok(url) => child(&url),
        Err(_) => kills(10),
    }
}

#[test]
#[ignore = "takes long"]
fn fifty_kills_lose_no_row() {
    kills(50);
}
