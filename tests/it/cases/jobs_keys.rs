// Keys can be NULL in part, be equal only for the database, or lose something when they are read.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error, PurgeReport, Stopped};

use super::backend::{DIALECT, INSTANT_NULL, Instant, connection};
use super::cascading::record_as;

const OLD: &str = "'2024-01-01 00:00:00'";

macro_rules! job {
    ($table:ident, $size:expr) => {
        $table::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size($size)
    };
}

// --- NULL ------------------------------------------------------------------------------------------

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    loose (a, b) {
        a -> Nullable<Integer>,
        b -> Nullable<Integer>,
        deleted_at -> Nullable<Instant>,
    }
}
diesel_soft_delete::soft_deletable! { loose { timestamp = deleted_at } }

/// A walk cannot continue from a row with NULL in its key.
#[test]
fn rows_with_null_in_their_key_stay_and_hide_no_others() {
    for size in [1, 2, 3, 5, 100] {
        let conn = &mut *connection();
        let key = if DIALECT == Dialect::Sqlite { "PRIMARY KEY" } else { "UNIQUE" };
        let row = |number: i32| match number % 5 {
            0 => format!("({}, NULL, {OLD})", number % 4),
            _ if number == 3 || number == 33 => format!("(NULL, {number}, {OLD})"),
            _ => format!("({}, {number}, {OLD})", number % 4),
        };
        let rows = (0..40).map(row).collect::<Vec<_>>().join(", ");
        conn.batch_execute(&format!(
            "CREATE TABLE loose (a INTEGER, b INTEGER, deleted_at {INSTANT_NULL}, {key} (a, b));
             CREATE TABLE loose_archive (a INTEGER, b INTEGER, deleted_at {INSTANT_NULL});
             INSERT INTO loose VALUES {rows}"
        ))
        .unwrap();
        assert_eq!(job!(loose, size).dry_run().run(conn).unwrap().rows, 30);
        let report = match size {
            5 => job!(loose, size).archive_into(loose_archive::table).run(conn).unwrap(),
            _ => job!(loose, size).run(conn).unwrap(),
        };
        assert_eq!((report.rows, report.stopped, report.blocked.len()), (30, Stopped::Complete, 0), "{size}: {report}");
        assert!(report.notes.iter().any(|note| note.contains("10 rows are left alone")), "{report}");
        let left: Vec<(Option<i32>, Option<i32>)> = loose::table.select((loose::a, loose::b)).load(conn).unwrap();
        assert_eq!((left.len(), left.iter().all(|(a, b)| a.is_none() || b.is_none())), (10, true), "{size}: {left:?}");
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    loose_archive (a, b) {
        a -> Nullable<Integer>,
        b -> Nullable<Integer>,
        deleted_at -> Nullable<Instant>,
    }
}

// --- equal for the database ------------------------------------------------------------------------

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    spelled (a, b) {
        a -> Text,
        b -> Integer,
        deleted_at -> Nullable<Instant>,
    }
}
diesel_soft_delete::soft_deletable! { spelled { timestamp = deleted_at } }

/// `Bob` and `bob` are one value for the database and two values for Rust.
#[test]
fn a_blocked_row_is_passed_although_its_key_ignores_case() {
    let (collation, refuse) = match DIALECT {
        Dialect::Sqlite => (
            "COLLATE NOCASE",
            "CREATE TRIGGER refuse BEFORE DELETE ON spelled WHEN OLD.b = 2 BEGIN SELECT RAISE(ABORT, 'precious'); END",
        ),
        Dialect::Postgres => (
            "COLLATE ci",
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF OLD.b = 2 THEN RAISE EXCEPTION 'precious'; END IF; RETURN OLD; END $$; \
             CREATE TRIGGER refuse BEFORE DELETE ON spelled FOR EACH ROW EXECUTE FUNCTION refuse()",
        ),
        Dialect::Mysql => (
            "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "CREATE TRIGGER refuse BEFORE DELETE ON spelled FOR EACH ROW \
             IF OLD.b = 2 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'precious'; END IF",
        ),
    };
    // How often a batch was rolled back to find the blocked row.
    let taken_back = |size, other: &str| {
        let conn = &mut *connection();
        if DIALECT == Dialect::Postgres {
            let ci = "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";
            conn.batch_execute(ci).unwrap();
        }
        let rows = (1..=9).map(|b| format!("('{}', {b}, {OLD})", if b < 9 { "Bob" } else { other }));
        let rows = rows.collect::<Vec<_>>().join(", ");
        conn.batch_execute(&format!(
            "CREATE TABLE spelled (a VARCHAR(9) {collation} NOT NULL, b INTEGER NOT NULL, deleted_at {INSTANT_NULL}, PRIMARY KEY (a, b));
             INSERT INTO spelled VALUES {rows}"
        ))
        .unwrap();
        conn.batch_execute(refuse).unwrap();
        let texts = record_as(conn, str::to_owned);
        let report = job!(spelled, size).run(conn).unwrap();
        assert_eq!((report.rows, report.stopped, report.blocked.len()), (8, Stopped::Complete, 1), "{size}: {report}");
        assert_eq!(report.blocked[0].key, "(\"Bob\", 2)");
        assert_eq!(spelled::table.count().get_result::<i64>(conn), Ok(1));
        let texts = texts.lock().unwrap();
        texts.iter().filter(|text| text.starts_with("ROLLBACK")).count()
    };
    for size in [1, 2, 3, 4, 20] {
        // The walk does not meet the blocked row again after it has passed it.
        let expected = taken_back(size, "Bob");
        assert!(expected > 0);
        assert_eq!(taken_back(size, "bob"), expected, "batches of {size}");
    }
}

// --- blanks ----------------------------------------------------------------------------------------

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    codes (code) {
        code -> Text,
        deleted_at -> Nullable<Instant>,
    }
}
diesel_soft_delete::soft_deletable! { codes { timestamp = deleted_at } }

/// PostgreSQL pads a `char(n)` with blanks, and loses them in a comparison as text.
#[test]
fn a_key_of_fixed_length_is_walked_by_its_index() {
    let conn = &mut *connection();
    let rows = (0..60).map(|n| format!("('{}', {OLD})", "x".repeat(n % 3) + &n.to_string())).collect::<Vec<_>>();
    conn.batch_execute(&format!(
        "CREATE TABLE codes (code CHAR(8) PRIMARY KEY, deleted_at {INSTANT_NULL}); INSERT INTO codes VALUES {}",
        rows.join(", ")
    ))
    .unwrap();
    let texts = record_as(conn, str::to_owned);
    for (size, limit) in [(1, 3), (7, 20), (1000, 100)] {
        let report = job!(codes, size).max_rows(limit).run(conn).unwrap();
        assert!(report.blocked.is_empty() && report.rows == limit.min(37), "{report}");
    }
    assert_eq!(codes::table.count().get_result::<i64>(conn), Ok(0));

    // The index on the key serves the walk.
    if DIALECT == Dialect::Postgres {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
            line: String,
        }
        let texts = texts.lock().unwrap().clone();
        let is_walk = |text: &&String| text.contains("\"code\" > ") && !text.contains("LIMIT 1 OFFSET 0");
        let walks: Vec<_> = texts.iter().filter(is_walk).collect();
        assert!(
            walks.iter().any(|text| text.starts_with("DELETE")) && walks.iter().any(|text| text.starts_with("SELECT"))
        );
        conn.batch_execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan").unwrap();
        for text in walks {
            let sql = format!("PREPARE p (timestamp, text, text) AS {text}");
            conn.batch_execute(&sql).unwrap();
            let plan = diesel::sql_query("EXPLAIN EXECUTE p ('2024-02-01', 'a', 'b')").load::<Line>(conn).unwrap();
            let plan = plan.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n");
            assert!(plan.contains("Index Cond") && !plan.contains("(code)::text"), "{plan}");
            conn.batch_execute("DEALLOCATE p").unwrap();
        }
    }
}

// --- of another type -------------------------------------------------------------------------------

diesel::table! { numbers { id -> Integer, deleted_at -> Nullable<Timestamp> } }
diesel::table! { words (id) { id -> Text, deleted_at -> Nullable<Timestamp> } }
diesel_soft_delete::soft_deletable! {
    numbers { timestamp = deleted_at }
    words { timestamp = deleted_at }
}

/// Returns how many rows were removed before the error.
fn assert_refused(result: Result<PurgeReport, Error>, what: &str) -> u64 {
    let Err(Error::PurgeFailed { report, source }) = result else { panic!("{what}: {result:?}") };
    let is_told = matches!(*source, Error::PassedOver { .. }) || source.to_string().contains("is not the same");
    assert!(is_told, "{what}: {source}");
    assert_eq!(report.stopped, Stopped::Failed);
    report.rows
}

/// SQLite stores any value in any column, and Diesel converts it to the declared type.
#[test]
fn a_last_key_that_is_not_what_was_read_is_refused() {
    if DIALECT != Dialect::Sqlite {
        return;
    }
    for size in [1, 3, 100] {
        for last in ["4294967301", "4294967295", "9.5", "'word'", "X'00'"] {
            let conn = &mut *connection();
            let rows = (1..=9).map(|id| format!("({id}, {OLD})")).collect::<Vec<_>>().join(", ");
            conn.batch_execute(&format!(
                "CREATE TABLE numbers (id BIGINT PRIMARY KEY, deleted_at TIMESTAMP);
                 INSERT INTO numbers VALUES {rows}, ({last}, {OLD})"
            ))
            .unwrap();
            assert_refused(job!(numbers, size).dry_run().run(conn), last);
            let removed = assert_refused(job!(numbers, size).run(conn), last);
            conn.batch_execute(&format!("DELETE FROM numbers WHERE id = {last}")).unwrap();
            assert_eq!(removed + job!(numbers, size).run(conn).unwrap().rows, 9);
        }
        let conn = &mut *connection();
        conn.batch_execute(&format!(
            "CREATE TABLE words (id TEXT PRIMARY KEY, deleted_at TIMESTAMP);
             INSERT INTO words VALUES ('a', {OLD}), ('b', {OLD}), (X'62', {OLD})"
        ))
        .unwrap();
        assert_refused(job!(words, size).run(conn), "a blob");
    }
}

/// The job removes every row, or it reports that it cannot.
#[test]
fn a_key_on_the_way_that_is_not_what_was_read_hides_no_others() {
    if DIALECT != Dialect::Sqlite {
        return;
    }
    for size in [1, 2, 3, 4, 100] {
        for odd in ["-4294967289", "-2147483653", "-9223372036854775807", "3.5", "7.9"] {
            for keeps in [false, true] {
                let conn = &mut *connection();
                let rows = (1..=9).map(|id| format!("({id}, {OLD})")).collect::<Vec<_>>().join(", ");
                conn.batch_execute(&format!(
                    "CREATE TABLE numbers (id BIGINT PRIMARY KEY, deleted_at TIMESTAMP);
                     INSERT INTO numbers VALUES {rows}, ({odd}, {OLD})"
                ))
                .unwrap();
                if keeps {
                    conn.batch_execute(
                        "CREATE TRIGGER keep BEFORE DELETE ON numbers WHEN OLD.id = 4 BEGIN SELECT RAISE(IGNORE); END",
                    )
                    .unwrap();
                }
                let result = job!(numbers, size).run(conn);
                let left = numbers::table.count().get_result::<i64>(conn).unwrap();
                match result {
                    Ok(report) if keeps => {
                        assert!(!report.is_complete() && left == 1, "{odd}, {size}: {report}, {left}")
                    }
                    Ok(report) => assert!(report.rows == 10 && left == 0, "{odd}, {size}: {report}, {left}"),
                    refused => drop(assert_refused(refused, odd)),
                }
            }
        }
    }
}
