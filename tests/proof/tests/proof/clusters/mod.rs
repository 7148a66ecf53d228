//! Tests with several servers, which are a Galera cluster that loses a node, a promoted replica, and a pooler.
//!
//! `tests/run --long` starts them with `tests/clusters.sh` and gives their URLs.

#[cfg(feature = "mysql")]
mod galera;
#[cfg(feature = "postgres")]
mod pooler;
#[cfg(feature = "postgres")]
mod promotion;

/// A variable that `tests/clusters.sh` sets.
fn told(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: `tests/run --long` starts what this test needs"))
}

/// Ends a server as a power failure would.
fn kill(pid: &str) {
    let status = std::process::Command::new("kill").args(["-9", pid]).status().expect("`kill` can be started");
    assert!(status.success(), "the server {pid} can be killed");
}
