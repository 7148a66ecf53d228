//! On PostgreSQL, a foreign key can refer to a partition of a table, or to the whole of a partition.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::Error;
use diesel_soft_delete::prelude::*;

use crate::support::postgres::{Conn, connection};

diesel::table! { events { id -> Integer, year -> Integer, deleted_at -> Nullable<Timestamp> } }
diesel::table! { events_2024 { id -> Integer, year -> Integer, deleted_at -> Nullable<Timestamp> } }
diesel_soft_delete::soft_deletable! {
    events { timestamp = deleted_at }
    events_2024 { timestamp = deleted_at }
}

const ROWS: &str = "INSERT INTO events VALUES (1, 2024, '2024-01-01'), (2, 2024, NULL), (3, 2025, '2024-01-01')";

const PARTITIONS: &str = "
    CREATE TABLE events (id INTEGER, year INTEGER, deleted_at TIMESTAMP, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
    CREATE TABLE events_2024 PARTITION OF events FOR VALUES IN (2024) PARTITION BY RANGE (id);
    CREATE TABLE events_2024_low PARTITION OF events_2024 FOR VALUES FROM (0) TO (1000);
    CREATE TABLE events_2025 PARTITION OF events FOR VALUES IN (2025);";

const HEIRS: &str = "
    CREATE TABLE events (id INTEGER PRIMARY KEY, year INTEGER, deleted_at TIMESTAMP);
    CREATE TABLE events_2024 (PRIMARY KEY (id)) INHERITS (events);
    CREATE TABLE events_2024_low (PRIMARY KEY (id)) INHERITS (events_2024);";

fn child(parent: &str, columns: &str, action: &str) -> String {
    let own = columns.replace("id", "event_id").replace("year", "event_year");
    format!(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, event_id INTEGER, event_year INTEGER,
             CONSTRAINT notes_event FOREIGN KEY ({own}) REFERENCES {parent} ({columns}) {action})"
    )
}

fn notes(conn: &mut Conn) -> i64 {
    #[derive(QueryableByName)]
    struct Rows {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    diesel::sql_query("SELECT COUNT(*) AS n FROM notes WHERE event_id IS NOT NULL").get_result::<Rows>(conn).unwrap().n
}

macro_rules! job {
    ($table:ident) => {
        $table::table.purge_older_than(TimeDelta::days(30)).in_batches()
    };
}

fn assert_reaches(result: Result<diesel_soft_delete::PurgeReport, Error>) {
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::PurgeReaches { child, .. } if child == "notes"), "{error}");
}

#[test]
fn a_purge_of_the_whole_notices_a_key_to_a_partition() {
    for parent in ["events_2024", "events_2024_low"] {
        for action in ["ON DELETE CASCADE", "ON DELETE SET NULL"] {
            let conn = &mut *connection();
            conn.batch_execute(PARTITIONS).unwrap();
            conn.batch_execute(ROWS).unwrap();
            conn.batch_execute(&child(parent, "id, year", action)).unwrap();
            conn.batch_execute("INSERT INTO notes VALUES (1, 1, 2024), (2, 2, 2024)").unwrap();
            assert_reaches(job!(events).run(conn));
            assert_eq!((notes(conn), events::table.count().get_result(conn)), (2, Ok(3)));
            assert_eq!(job!(events).allow_reaching("notes").run(conn).unwrap().rows, 2);
            assert_eq!(notes(conn), 1, "as allowed");
        }
    }
}

#[test]
fn a_purge_of_a_partition_notices_a_key_to_the_whole() {
    let conn = &mut *connection();
    conn.batch_execute(PARTITIONS).unwrap();
    conn.batch_execute(ROWS).unwrap();
    conn.batch_execute(&child("events", "id, year", "ON DELETE CASCADE")).unwrap();
    conn.batch_execute("INSERT INTO notes VALUES (1, 1, 2024), (2, 2, 2024), (3, 3, 2025)").unwrap();
    assert_reaches(job!(events_2024).run(conn));
    assert_eq!(notes(conn), 3);
    assert_eq!(job!(events_2024).allow_reaching("notes").run(conn).unwrap().rows, 1);
    assert_eq!(notes(conn), 2);
}

#[test]
fn a_purge_notices_a_key_to_a_table_that_inherits() {
    for parent in ["events_2024", "events_2024_low"] {
        let conn = &mut *connection();
        conn.batch_execute(HEIRS).unwrap();
        conn.batch_execute(&child(parent, "id", "ON DELETE CASCADE")).unwrap();
        conn.batch_execute(&format!(
            "INSERT INTO {parent} VALUES (1, 2024, '2024-01-01'), (2, 2024, NULL); INSERT INTO notes VALUES (1, 1, 0), (2, 2, 0)"
        ))
        .unwrap();
        assert_reaches(job!(events).run(conn));
        assert_eq!(notes(conn), 2);
    }
}

#[test]
fn rows_that_children_of_a_partition_hold_stay_and_all_others_go() {
    for parent in ["events", "events_2024"] {
        let conn = &mut *connection();
        conn.batch_execute(PARTITIONS).unwrap();
        conn.batch_execute("INSERT INTO events SELECT n, 2024 + n % 2, '2024-01-01' FROM generate_series(1, 600) AS n")
            .unwrap();
        conn.batch_execute(&child(parent, "id, year", "")).unwrap();
        conn.batch_execute("INSERT INTO notes SELECT n, n, 2024 FROM generate_series(2, 300, 2) AS n").unwrap();
        let report = job!(events).batch_size(100).run(conn).unwrap();
        assert_eq!((report.rows, report.blocked_rows, report.blocked.len()), (450, 150, 100), "{report}");
        // A partition of a partition has a copy of the key with another name.
        let constraint = report.blocked[0].constraint.as_deref().unwrap_or_default();
        assert!(constraint.starts_with("notes_event"), "{constraint}");
    }
}

#[test]
fn a_key_that_is_not_enforced_forbids_nothing() {
    let conn = &mut *connection();
    conn.batch_execute(PARTITIONS).unwrap();
    conn.batch_execute(ROWS).unwrap();
    // Such keys came with PostgreSQL 18.
    if conn.batch_execute(&child("events_2025", "id, year", "ON DELETE CASCADE NOT ENFORCED")).is_err() {
        return;
    }
    conn.batch_execute("INSERT INTO notes VALUES (3, 3, 2025)").unwrap();
    assert_eq!(job!(events).run(conn).unwrap().rows, 2);
    assert_eq!(notes(conn), 1);
}
