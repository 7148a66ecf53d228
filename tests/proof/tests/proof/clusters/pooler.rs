//! Jobs run through pgbouncer in transaction mode, where every transaction may have another session of the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::{CacheSize, Connection, SimpleConnection};
use diesel::pg::PgConnection;

use super::promotion::{FILL, Thing, is_old, job, nothing_is_lost, things_of};
use super::told;

fn pooled(url: &str) -> PgConnection {
    let mut conn = PgConnection::establish(url).expect("the pooler answers");
    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    conn
}

#[test]
#[ignore = "needs pgbouncer: `tests/run --long`"]
fn jobs_through_a_pooler_in_transaction_mode_lose_nothing() {
    let (pooler, server) = (told("POOLER_URL"), told("POOLED_URL"));
    let mut conn = PgConnection::establish(&server).expect("the server answers");
    conn.batch_execute(FILL).expect("the tables");
    let start = things_of(&mut conn);
    let old = start.iter().filter(|thing: &&Thing| is_old(thing)).count();
    let done = &AtomicBool::new(false);
    let reports = std::thread::scope(|scope| {
        // Other connections take sessions of the server from the jobs.
        let others: Vec<_> = (0..4)
            .map(|_| {
                let mut conn = pooled(&pooler);
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        conn.batch_execute("SELECT COUNT(*) FROM things WHERE id < 100").expect("a query");
                    }
                })
            })
            .collect();
        let jobs: Vec<_> = (0..2)
            .map(|_| {
                let mut conn = pooled(&pooler);
                scope.spawn(move || job(&mut conn, Duration::from_millis(1), |_| {}))
            })
            .collect();
        let reports: Vec<_> = jobs.into_iter().map(|job| job.join().expect("the job does not panic")).collect();
        done.store(true, Ordering::Relaxed);
        others.into_iter().for_each(|other| other.join().expect("the others do not panic"));
        reports
    });
    let reports: Vec<_> = reports.into_iter().map(|report| report.expect("it runs")).collect();
    assert!(reports.iter().all(|report| report.is_complete()), "{reports:?}");
    assert_eq!(reports.iter().map(|report| report.rows).sum::<u64>(), old as u64);
    assert_eq!(nothing_is_lost(&mut conn, &start), old, "nothing old is left");
}
