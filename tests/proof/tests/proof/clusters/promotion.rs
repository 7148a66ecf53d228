//! A purge job's primary is killed, and its streaming replica promoted.
//!
//! The job ends with an error that has its report. A new job on the promoted replica does the rest. Each row is in the
//! table or in its archive, and only old rows that are not held are in the archive.

use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, PurgeReport};

use super::{kill, told};

diesel::table! {
    things { id -> Integer, body -> Text, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, is_held -> Bool }
}
diesel::table! {
    things_archive { id -> Integer, body -> Text, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, is_held -> Bool }
}
diesel_soft_delete::soft_deletable! { things { flag = is_deleted, timestamp = deleted_at, hold = is_held } }

pub const ROWS: i32 = 20_000;

/// Of eight rows, one is active, one is young, one is held, and one is active and held. The others are old.
pub const FILL: &str = "
    CREATE TABLE things (id INTEGER PRIMARY KEY, body TEXT NOT NULL, is_deleted BOOLEAN NOT NULL, deleted_at TIMESTAMP,
        is_held BOOLEAN NOT NULL);
    CREATE TABLE things_archive (LIKE things INCLUDING ALL);
    INSERT INTO things SELECT id, 'thing ' || id, id % 8 NOT IN (0, 1),
        CASE WHEN id % 8 IN (0, 1) THEN NULL WHEN id % 8 = 2 THEN now() - INTERVAL '1 day'
            ELSE TIMESTAMP '2020-01-01' + id * INTERVAL '1 second' END, id % 8 IN (1, 3)
        FROM generate_series(1, 20000) AS n (id);
    ANALYZE things;";

pub type Thing = (i32, String, bool, Option<NaiveDateTime>, bool);

pub fn things_of(conn: &mut PgConnection) -> Vec<Thing> {
    things::table.order(things::id).load(conn).expect("the rows")
}

fn archive_of(conn: &mut PgConnection) -> Vec<Thing> {
    things_archive::table.order(things_archive::id).load(conn).expect("the archive")
}

/// Whether a row of the start must be removed.
pub fn is_old(thing: &Thing) -> bool {
    thing.0 % 8 > 3
}

pub fn job(conn: &mut PgConnection, pause: Duration, on_progress: impl FnMut(u64)) -> Result<PurgeReport, Error> {
    let mut on_progress = on_progress;
    things::table
        .purge_older_than(TimeDelta::days(30))
        .in_batches()
        .batch_size(50)
        .pause(pause)
        .on_progress(move |progress| on_progress(progress.rows))
        .archive_into(things_archive::table)
        .run(conn)
}

/// Asserts that each row of the start is unchanged in one of the two tables. Returns the number of archived rows.
pub fn nothing_is_lost(conn: &mut PgConnection, start: &[Thing]) -> usize {
    let (there, archived) = (things_of(conn), archive_of(conn));
    let mut all = [&there[..], &archived[..]].concat();
    all.sort();
    assert_eq!(all, start, "each row is in the table or in the archive, as it was");
    assert!(archived.iter().all(is_old), "only old rows that nobody holds were removed");
    archived.len()
}

#[test]
#[ignore = "needs a primary and a replica: `tests/run --long`"]
fn a_new_job_on_a_promoted_replica_does_the_rest_and_loses_nothing() {
    let (primary_url, primary, replica_url) = (told("PRIMARY_URL"), told("PRIMARY_PID"), told("REPLICA_URL"));
    let mut conn = PgConnection::establish(&primary_url).expect("the primary answers");
    conn.batch_execute(FILL).expect("the tables");
    let start = things_of(&mut conn);
    assert_eq!(start.len(), ROWS as usize);
    let mut replica = PgConnection::establish(&replica_url).expect("the replica answers");
    let begun = Instant::now();
    while things::table.count().get_result::<i64>(&mut replica) != Ok(i64::from(ROWS)) {
        assert!(begun.elapsed() < Duration::from_secs(30), "the replica does not follow");
        std::thread::sleep(Duration::from_millis(50));
    }

    // The primary is killed between two batches or in the middle of one. The replica is promoted at once.
    let (result, promoted) = std::thread::scope(|scope| {
        let (half_way, is_half_way) = std::sync::mpsc::channel();
        let job = scope.spawn(move || {
            job(&mut conn, Duration::from_millis(2), |rows| {
                if rows > 3000 {
                    let _ = half_way.send(());
                }
            })
        });
        is_half_way.recv().expect("the job comes half way");
        kill(&primary);
        let promoted =
            diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>("pg_promote()")).get_result(&mut replica);
        (job.join().expect("the job does not panic"), promoted)
    });
    assert_eq!(promoted, Ok(true));
    let error = result.expect_err("a job without a server fails");
    println!("{error}");
    let Error::PurgeFailed { report, .. } = &error else { panic!("{error}") };
    assert!(report.rows > 3000 && !report.is_complete(), "{report}");
    assert!(report.blocked.is_empty(), "no row is to blame: {report}");

    // Removals that the primary did not send are not lost rows, since the rows are still in the table.
    let archived = nothing_is_lost(&mut replica, &start);
    println!("{} rows were removed on the primary, {archived} of them on the replica", report.rows);
    assert!(archived > 1000, "{archived}");
    let second = job(&mut replica, Duration::ZERO, |_| {}).expect("the promoted replica is a server like any other");
    assert!(second.is_complete(), "{second}");
    let old = start.iter().filter(|thing| is_old(thing)).count();
    assert_eq!(nothing_is_lost(&mut replica, &start), old, "nothing old is left");
    assert_eq!(archived as u64 + second.rows, old as u64);
    let now = Utc::now().naive_utc();
    assert!(
        things_of(&mut replica).iter().all(|thing| !thing.2 || thing.4 || thing.3 > Some(now - TimeDelta::days(30)))
    );
}
