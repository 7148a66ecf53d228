use std::process::Command;

use diesel_soft_delete::prelude::*;

use super::super::*;
use super::tables::*;
use super::{backend, spelling};

/// The variable that gives the child the URL of the database and the number of rows.
const CHILD: &str = "DSD_PROOF_MEMORY_OF_A_JOB";

/// The peak memory of this process, in kB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the peak is told");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

fn child(task: &str) {
    let (rows, url) = task.split_once(' ').expect("a number and an URL");
    let conn = &mut connect(url);
    // This first run allocates what the connection and the first statements need.
    let few = singles::table.purge_older_than(TimeDelta::days(30)).in_batches().max_rows(1000).run(conn).unwrap();
    let before = peak();
    let report = singles::table.purge_older_than(TimeDelta::days(30)).in_batches().run(conn).unwrap();
    let more = peak() - before;
    println!("{} rows, {more} kB more than for the first 1000", report.rows);
    assert_eq!((few.rows + report.rows).to_string(), rows);
    assert!(more < 20_000, "{more} kB more");
}

/// Runs a job in its own process, so that other tests do not change its memory.
fn prove(rows: i32, test: &str) {
    let mut own = backend::shared();
    all(&mut own.conn, &[Key::Single.ddl(backend::TIMESTAMP_DDL)]);
    all(&mut own.conn, &[spelling::many_singles(rows)]);
    let module = module_path!().split_once("::").expect("a crate and a path").1;
    let output = Command::new(std::env::current_exe().expect("the test is a file"))
        .args(["--exact", &format!("{module}::{test}"), "--nocapture", "--include-ignored"])
        .env(CHILD, format!("{rows} {}", own.url))
        .output()
        .expect("the test can be started again");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success() && said.contains("kB more"), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_memory_of_a_job_of_50_thousand_rows_is_bounded() {
    match std::env::var(CHILD) {
        Ok(task) => child(&task),
        Err(_) => prove(50_000, "the_memory_of_a_job_of_50_thousand_rows_is_bounded"),
    }
}

#[test]
#[ignore = "slow: `tests/run --long`"]
fn the_memory_of_a_job_of_two_million_rows_is_bounded() {
    match std::env::var(CHILD) {
        Ok(task) => child(&task),
        Err(_) => prove(2_000_000, "the_memory_of_a_job_of_two_million_rows_is_bounded"),
    }
}
