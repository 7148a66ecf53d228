// The ways to purge, for the backend that includes this file.

use chrono::NaiveDateTime;
use diesel_soft_delete::prelude::*;

use super::compare;

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant_;
    posts {
        id -> Integer,
        author_id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Instant_>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant_;
    posts_archive {
        id -> Integer,
        author_id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Instant_>,
    }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant_;
    threads {
        id -> Integer,
        parent_id -> Nullable<Integer>,
        deleted_at -> Nullable<Instant_>,
    }
}
diesel_soft_delete::soft_deletable! {
    posts { flag = is_deleted, timestamp = deleted_at }
    threads { timestamp = deleted_at }
}

/// Returns the cutoff. All deleted rows are older.
fn cutoff() -> NaiveDateTime {
    chrono::NaiveDate::from_ymd_opt(2025, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0)).expect("a date")
}

macro_rules! eligible {
    () => {
        posts::table.purge_deleted_before(cutoff().and_utc())
    };
}

fn job(conn: &mut Conn, batch_size: u64) {
    let report = eligible!().in_batches().batch_size(batch_size).run(conn).expect("it purges");
    assert!(report.is_complete() && report.rows > 400_000, "{report}");
}

/// Runs the job without pauses. On SQLite it pauses by default, which the ways by hand do not.
fn job_without_pause(conn: &mut Conn, batch_size: u64) {
    let job = eligible!().in_batches().batch_size(batch_size).pause(std::time::Duration::ZERO);
    let report = job.run(conn).expect("it purges");
    assert!(report.is_complete() && report.rows > 400_000, "{report}");
}

fn archive(conn: &mut Conn, batch_size: u64) {
    let job = eligible!().in_batches().batch_size(batch_size).archive_into(posts_archive::table);
    let report = job.pause(std::time::Duration::ZERO).run(conn).expect("it purges");
    assert!(report.is_complete() && report.archived > 400_000, "{report}");
}

/// Creates threads of two rows in a table that refers to itself. All parents have lower keys than all replies.
fn fresh_threads(conn: &mut Conn) {
    let half = crate::THREADS;
    if NAME == "SQLite" {
        conn.batch_execute("PRAGMA foreign_keys = ON").expect("a pragma");
    }
    conn.batch_execute("DROP TABLE IF EXISTS threads").expect("no table");
    conn.batch_execute(&format!(
        "CREATE TABLE threads (id INTEGER PRIMARY KEY, parent_id INTEGER, deleted_at {INSTANT}, \
             FOREIGN KEY (parent_id) REFERENCES threads (id))"
    ))
    .expect("a table");
    conn.batch_execute("CREATE INDEX threads_parent ON threads (parent_id)").expect("an index");
    for rows in [1..=half, half + 1..=2 * half] {
        for first in rows.clone().step_by(10_000) {
            let row = |id: u32| {
                let parent = if id > half { (id - half).to_string() } else { String::from("NULL") };
                format!("({id}, {parent}, '2024-01-01 00:00:00')")
            };
            let last = (first + 9_999).min(*rows.end());
            let values = (first..=last).map(row).collect::<Vec<_>>().join(", ");
            conn.batch_execute(&format!("INSERT INTO threads VALUES {values}")).expect("rows");
        }
    }
}

fn purge_threads(conn: &mut Conn) {
    let job = threads::table.purge_deleted_before(cutoff().and_utc()).in_batches().batch_size(5000);
    let report = job.pause(std::time::Duration::ZERO).run(conn).expect("it purges");
    assert!(report.is_complete() && report.rows == u64::from(2 * crate::THREADS), "{report}");
}

/// Deletes all threads at once. InnoDB checks foreign keys row by row, so the replies must come first there.
fn delete_threads(conn: &mut Conn) {
    let order = if NAME == "MariaDB" { " ORDER BY id DESC" } else { "" };
    let delete = format!("DELETE FROM threads WHERE deleted_at < '2025-01-01 00:00:00'{order}");
    let rows = diesel::sql_query(delete).execute(conn).expect("it deletes");
    assert_eq!(rows, 2 * crate::THREADS as usize);
}

fn compare_threads(rows: &mut crate::Rows, conn: &mut Conn) {
    let what = (NAME, "threads of two rows, batches of 5000 to one DELETE", 5.0);
    compare(rows, what, conn, fresh_threads, purge_threads, delete_threads);
}

fn one_delete(conn: &mut Conn) {
    assert!(eligible!().execute(conn).expect("it deletes") > 400_000);
}

/// Sends the same statements as the job, as a user of Diesel would write them.
fn by_hand(conn: &mut Conn) {
    loop_by_hand(conn, 1000, |conn, last, found| {
        let old = posts::table.filter(posts::is_deleted.eq(true)).filter(posts::deleted_at.lt(cutoff()));
        diesel::delete(old.filter(posts::id.gt(last)).filter(posts::id.le(found))).execute(conn)
    });
}

fn archive_by_hand(conn: &mut Conn) {
    loop_by_hand(conn, 5000, |conn, last, found| {
        let old = posts::table.filter(posts::is_deleted.eq(true)).filter(posts::deleted_at.lt(cutoff()));
        let batch = old.filter(posts::id.gt(last)).filter(posts::id.le(found));
        diesel::insert_into(posts_archive::table)
            .values(batch.select((posts::id, posts::author_id, posts::title, posts::is_deleted, posts::deleted_at)))
            .into_columns((
                posts_archive::id,
                posts_archive::author_id,
                posts_archive::title,
                posts_archive::is_deleted,
                posts_archive::deleted_at,
            ))
            .execute(conn)?;
        diesel::delete(batch).execute(conn)
    });
}

fn loop_by_hand(conn: &mut Conn, size: i64, remove: impl Fn(&mut Conn, i32, i32) -> QueryResult<usize>) {
    let old = || posts::table.filter(posts::is_deleted.eq(true)).filter(posts::deleted_at.lt(cutoff()));
    let end: i32 = old().select(posts::id).order(posts::id.desc()).first(conn).expect("a row");
    let (mut last, mut rows) = (0, 0);
    while last < end {
        let ahead = old().filter(posts::id.gt(last)).filter(posts::id.le(end)).order(posts::id).select(posts::id);
        let found = ahead.offset(size - 1).first(conn).optional().expect("a look ahead").unwrap_or(end);
        rows += conn
            .transaction(|conn| {
                if NAME == "PostgreSQL" {
                    conn.batch_execute("SET LOCAL lock_timeout = 2000")?;
                }
                remove(conn, last, found)
            })
            .expect("a batch");
        last = found;
    }
    assert!(rows > 400_000);
}

/// Compares how long a writer waits beside the job with how long it waits beside one DELETE.
fn beside_writer(rows: &mut crate::Rows, conn: &mut Conn, at_most: f64) {
    let what = "a writer's 99th percentile beside batches of 1000 to beside one DELETE";
    if !crate::is_wanted(NAME, what) {
        return;
    }
    let mut row = crate::Row::new(NAME, what, at_most);
    for _ in 0..crate::ROUNDS {
        let sides = [true, false].map(|batches| {
            fresh(conn);
            let writer = another_here(conn);
            let write = |conn: &mut Conn, id: i32| {
                diesel::update(posts::table.find(id)).set(posts::title.eq("written")).execute(conn).expect("it writes");
            };
            crate::writer::p99_beside(writer, write, || if batches { job(conn, 1000) } else { one_delete(conn) })
        });
        row.push(sides);
    }
    rows.push(row);
}
