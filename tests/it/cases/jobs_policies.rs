// A policy checks all its tables before the first row, and its limits hold for all of them.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error, RetentionPolicy, Stopped};

use super::backend::{Conn, DIALECT, INSTANT_NULL, Instant, connection, shared};

macro_rules! tables {
    ($($name:ident),*) => {
        $(diesel::table! {
            use diesel::sql_types::*;
            use super::Instant;
            $name {
                id -> Integer,
                deleted_at -> Nullable<Instant>,
            }
        })*
    };
}
tables!(first, second, third, second_archive);
diesel_soft_delete::soft_deletable! {
    first { timestamp = deleted_at }
    second { timestamp = deleted_at }
    third { timestamp = deleted_at }
}

/// Creates the tables, with ten old rows in each of those named.
fn tables(full: &[&str]) -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    create_tables(&mut conn, full);
    conn
}

fn create_tables(conn: &mut Conn, full: &[&str]) {
    let rows = (1..=10).map(|id| format!("({id}, '2024-01-01 00:00:00')")).collect::<Vec<_>>().join(", ");
    for table in ["first", "second", "third"] {
        conn.batch_execute(&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL})"))
            .unwrap();
        if full.contains(&table) {
            conn.batch_execute(&format!("INSERT INTO {table} VALUES {rows}")).unwrap();
        }
    }
}

macro_rules! job {
    ($table:ident) => {
        $table::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(4)
    };
}

fn rows(conn: &mut Conn) -> [i64; 3] {
    [
        first::table.count().get_result(conn).unwrap(),
        second::table.count().get_result(conn).unwrap(),
        third::table.count().get_result(conn).unwrap(),
    ]
}

#[test]
fn every_table_is_checked_before_the_first_row() {
    let conn = &mut *tables(&["first", "second", "third"]);
    #[track_caller]
    fn assert_refused(conn: &mut Conn, result: Result<diesel_soft_delete::RetentionReport, Error>, expected: &str) {
        let Err(Error::RetentionFailed { report, source }) = result else { panic!("{result:?}") };
        assert!(format!("{source:?}").starts_with(expected), "{source:?}");
        assert_eq!((report.tables.len(), report.rows(), rows(conn)), (0, 0, [10, 10, 10]));
    }
    let policy = || RetentionPolicy::new().table(job!(first));
    let result = policy().table(job!(second).min_age(TimeDelta::days(60))).run(conn);
    assert_refused(conn, result, "TooYoung");
    let result = policy().table(job!(second).batch_size(0)).run(conn);
    assert_refused(conn, result, "InvalidOption");
    let result = policy().table(job!(second).archive_into(second_archive::table)).run(conn);
    assert_refused(conn, result, "ArchiveMismatch");
    let result =
        policy().table(second::table.purge_older_than(TimeDelta::days(-1)).in_batches()).exclusive("x").run(conn);
    assert_refused(conn, result, "NegativeAge");
    conn.batch_execute("ALTER TABLE second RENAME TO behind; CREATE VIEW second AS SELECT * FROM behind").unwrap();
    let result = policy().table(job!(second)).table(job!(third)).run(conn);
    assert_refused(conn, result, "PurgeOfView");
    assert_eq!(policy().table(job!(third)).run(conn).unwrap().rows(), 20);
}

#[test]
fn a_budget_that_is_spent_exactly_leaves_the_policy_complete() {
    let conn = &mut *tables(&["first"]);
    let policy = || RetentionPolicy::new().table(job!(first)).table(job!(second)).table(job!(third)).max_rows(10);
    let report = policy().run(conn).unwrap();
    assert_eq!((report.rows(), report.stopped, report.tables.len()), (10, Stopped::Complete, 3), "{report}");
    assert!(report.is_complete());
    // Rows of a later table are left over.
    let conn = &mut *tables(&["first", "third"]);
    let report = policy().run(conn).unwrap();
    assert_eq!((report.rows(), report.stopped, report.is_complete()), (10, Stopped::MaxRows, false), "{report}");
    assert_eq!(
        report.tables.iter().map(|table| table.stopped).collect::<Vec<_>>(),
        [Stopped::Complete, Stopped::Complete, Stopped::MaxRows]
    );
    assert_eq!(rows(conn), [0, 0, 10]);
}

#[test]
fn a_stop_of_the_policy_ends_it_and_one_of_a_table_ends_that_table() {
    let conn = &mut *tables(&["first", "second"]);
    // The function returns true only once.
    let mut asked = 0;
    let policy = RetentionPolicy::new().table(job!(first)).table(job!(second));
    let stop = || {
        asked += 1;
        asked == 2
    };
    let report = policy.stop_when(stop).run(conn).unwrap();
    assert_eq!((report.tables.len(), report.stopped, asked), (1, Stopped::StopWhen, 2), "{report}");
    assert_eq!(rows(conn), [10, 10, 0]);
    // A stop of one table ends only that table.
    let policy = RetentionPolicy::new().table(job!(first).stop_when(|| true)).table(job!(second));
    let report = policy.run(conn).unwrap();
    assert_eq!((report.tables.len(), report.rows(), report.stopped), (2, 10, Stopped::StopWhen), "{report}");
}

#[test]
fn a_name_is_taken_by_one_runner_at_a_time() {
    let (mut conn, url) = shared();
    create_tables(&mut conn, &["first", "second"]);
    let mut other = Conn::establish(&url).unwrap();
    // Advisory locks of PostgreSQL belong to the database, which other tests use too.
    let name = format!("{url} {}", std::process::id());
    let policy = || RetentionPolicy::new().table(job!(first)).exclusive(&name);
    let (mut refused, mut dry) = (0, 0);
    let report = policy()
        .on_progress(|_| {
            if DIALECT == Dialect::Sqlite {
                // A file has one writer, so there is no lock, and the second policy would run.
                return;
            }
            let second = policy().run(&mut other).unwrap();
            assert_eq!((second.stopped, second.tables.len(), second.is_complete()), (Stopped::AnotherRunner, 0, false));
            let text = second.to_string();
            assert!(
                text.starts_with("all tables: 0 rows, ") && text.ends_with(" s, stopped: another runner has the name"),
                "{text}"
            );
            refused += 1;
            // Another name is another lock, and a dry run does not need a lock.
            let elsewhere = RetentionPolicy::new().table(job!(third)).exclusive(format!("{name} weekly"));
            assert_eq!(elsewhere.run(&mut other).unwrap().stopped, Stopped::Complete);
            dry += policy().dry_run().run(&mut other).unwrap().tables.len();
        })
        .run(&mut *conn)
        .unwrap();
    let expected = if DIALECT == Dialect::Sqlite { 0 } else { 3 };
    assert_eq!((report.rows(), report.is_complete(), refused, dry), (10, true, expected, expected as usize));
    assert_eq!(policy().run(&mut other).unwrap().stopped, Stopped::Complete, "it ends with the run");
    // The first connection keeps its session, so only a release makes the name free.
    let failed =
        RetentionPolicy::new().table(job!(second)).min_age(TimeDelta::days(60)).exclusive(&name).run(&mut *conn);
    assert!(matches!(failed, Err(Error::RetentionFailed { .. })), "{failed:?}");
    let report = RetentionPolicy::new().table(job!(second)).exclusive(&name).run(&mut other).unwrap();
    assert_eq!((report.rows(), report.stopped), (10, Stopped::Complete), "an error ends it too");
    let error = RetentionPolicy::new().table(job!(first)).exclusive("").run(&mut *conn).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "exclusive", .. }), "{error}");
}
