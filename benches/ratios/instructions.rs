//! Counts the instructions per call with callgrind, from building the statement to its result.
//!
//! The count includes SQLite.

use std::process::Command;

use soft_delete_benches::sqlite;

use crate::table::{Row, Table};

pub fn measure(table: &mut Table) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed: instructions are not counted");
        return;
    }
    for (number, pair) in sqlite::pairs().enumerate() {
        let row = Row::new(format!("instructions: {}", pair.name), sqlite::NAME, Some(1.05));
        if !table.wants(&row) {
            continue;
        }
        table.counted(row, ["ours", "by_hand"].map(|side| per_call(number, side)));
    }
}

/// Returns the instructions of one call, from the difference between two numbers of calls.
fn per_call(pair: usize, side: &str) -> u64 {
    let [some, more] = [200, 1200].map(|calls| total(pair, side, calls));
    (more - some) / 1000
}

fn total(pair: usize, side: &str, calls: u32) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", env!("CARGO_BIN_EXE_statement_path")])
        .args([&pair.to_string(), side, &calls.to_string()])
        .output()
        .expect("valgrind can be started");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    // The line has the form `==1234== Collected : 56789`.
    let collected = report.lines().find_map(|line| line.split_once("Collected : "));
    collected.and_then(|(_, count)| count.trim().parse().ok()).unwrap_or_else(|| panic!("no count: {report}"))
}
