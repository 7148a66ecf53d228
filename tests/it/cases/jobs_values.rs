// Columns can differ from their declaration in type, nullability and values.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error, PurgeReport};

use super::backend::{Conn, DIALECT, INSTANT_NULL, Instant, connection};

const OLD: &str = "'2024-01-01 00:00:00'";

fn age() -> TimeDelta {
    TimeDelta::days(30)
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    stamped { id -> Integer, deleted_at -> Nullable<Instant> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    flagged { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Instant> }
}
diesel::table! { counted { id -> Integer, deleted_ms -> Nullable<BigInt> } }
diesel::table! { seconds { id -> Integer, is_deleted -> Bool, deleted_s -> Nullable<Integer> } }
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    held { id -> Integer, deleted_at -> Nullable<Instant>, on_hold -> Bool }
}
diesel_soft_delete::soft_deletable! {
    stamped { timestamp = deleted_at }
    flagged { flag = is_deleted, timestamp = deleted_at }
    counted { timestamp = deleted_ms, unit = millis }
    seconds { flag = is_deleted, timestamp = deleted_s, unit = seconds }
    held { timestamp = deleted_at, hold = on_hold }
}

/// The ids of a table that are left.
macro_rules! left {
    ($table:ident, $conn:expr) => {
        $table::table.select($table::id).order($table::id).load::<i32>($conn).unwrap()
    };
}

/// Asserts that a job and its dry run are refused, and that the error names the column.
macro_rules! assert_refused {
    ($table:ident, $conn:expr, $column:literal) => {
        for dry in [true, false] {
            let job = $table::table.purge_older_than(age()).in_batches();
            let error = if dry { job.dry_run().run($conn) } else { job.run($conn) }.unwrap_err();
            let Error::SchemaMismatch { findings } = &error else { panic!("{error}") };
            assert!(findings.iter().any(|finding| finding.message.contains($column)), "{error}");
        }
    };
}

#[test]
fn a_timestamp_that_cannot_be_null_is_refused_and_a_zero_is_not_a_time() {
    let conn = &mut *connection();
    let zero = match DIALECT {
        Dialect::Mysql => {
            conn.batch_execute("SET sql_mode = ''").unwrap();
            "'0000-00-00 00:00:00'"
        }
        _ => "'1970-01-01 00:00:00'",
    };
    let instant = INSTANT_NULL.replace(" NULL DEFAULT NULL", "");
    conn.batch_execute(&format!(
        "CREATE TABLE stamped (id INTEGER PRIMARY KEY, deleted_at {instant} NOT NULL DEFAULT {zero});
         INSERT INTO stamped (id) VALUES (1), (2), (3);
         INSERT INTO stamped (id, deleted_at) VALUES (4, {OLD})"
    ))
    .unwrap();
    assert_refused!(stamped, conn, "deleted_at");
    assert_eq!(left!(stamped, conn), [1, 2, 3, 4]);
    // A single statement is not checked against the catalog. The default is not the time of a deletion.
    assert_eq!(stamped::table.purge_older_than(age()).execute(conn), Ok(1));
    assert_eq!(left!(stamped, conn), [1, 2, 3]);
}

#[test]
fn a_number_that_cannot_be_null_is_refused_and_zero_is_not_a_time() {
    let conn = &mut *connection();
    conn.batch_execute(
        "CREATE TABLE counted (id INTEGER PRIMARY KEY, deleted_ms BIGINT NOT NULL DEFAULT 0);
         INSERT INTO counted (id) VALUES (1), (2);
         INSERT INTO counted (id, deleted_ms) VALUES (3, 1704067200000)",
    )
    .unwrap();
    assert_refused!(counted, conn, "deleted_ms");
    assert_eq!(left!(counted, conn), [1, 2, 3]);
    assert_eq!(counted::table.purge_older_than(age()).run(conn).unwrap(), 1);
    assert_eq!(left!(counted, conn), [1, 2]);
}

#[test]
fn a_flag_or_a_hold_that_can_be_null_is_refused() {
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "CREATE TABLE flagged (id INTEGER PRIMARY KEY, is_deleted BOOLEAN, deleted_at {INSTANT_NULL});
         INSERT INTO flagged VALUES (1, NULL, {OLD}), (2, TRUE, {OLD});
         CREATE TABLE held (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL}, on_hold BOOLEAN);
         INSERT INTO held VALUES (1, {OLD}, NULL), (2, {OLD}, FALSE)"
    ))
    .unwrap();
    assert_refused!(flagged, conn, "is_deleted");
    assert_refused!(held, conn, "on_hold");
    assert_eq!((left!(flagged, conn), left!(held, conn)), (vec![1, 2], vec![1, 2]));
}

#[test]
fn a_column_that_is_missing_or_of_another_type_is_refused() {
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "CREATE TABLE flagged (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL});
         CREATE TABLE stamped (id INTEGER PRIMARY KEY, deleted_at INTEGER)"
    ))
    .unwrap();
    assert_refused!(flagged, conn, "is_deleted");
    assert_refused!(stamped, conn, "deleted_at");
}

fn assert_stay(report: &PurgeReport, rows: u64, stay: u64) {
    assert_eq!(report.rows, rows, "{report}");
    assert!(report.is_complete(), "{report}");
    let note = report.notes.iter().find(|note| note.contains("is not a time of a deletion"));
    let expected = (stay > 0).then(|| format!("{stay} deleted rows stay"));
    assert_eq!(note.map(|note| note.split(',').next().unwrap()), expected.as_deref(), "{report}");
}

#[test]
fn numbers_in_another_unit_stay_and_are_counted() {
    let conn = &mut *connection();
    let now = chrono::Utc::now();
    conn.batch_execute(&format!(
        "CREATE TABLE counted (id INTEGER PRIMARY KEY, deleted_ms BIGINT);
         INSERT INTO counted VALUES (1, NULL), (2, 1704067200000), (3, {}), (4, {}), (5, 0), (6, -1), (7, {});
         CREATE TABLE seconds (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL, deleted_s INTEGER);
         INSERT INTO seconds VALUES (1, FALSE, 1704067200), (2, TRUE, 1704067200), (3, TRUE, 2460310), (4, TRUE, 0), (5, TRUE, NULL)",
        now.timestamp_millis(),
        now.timestamp(),
        now.timestamp_micros()
    ))
    .unwrap();
    let job = || counted::table.purge_older_than(age()).in_batches();
    assert_stay(&job().dry_run().run(conn).unwrap(), 1, 3);
    assert_stay(&job().run(conn).unwrap(), 1, 3);
    assert_eq!(left!(counted, conn), [1, 3, 4, 5, 6, 7]);
    assert_stay(&seconds::table.purge_older_than(age()).in_batches().run(conn).unwrap(), 1, 2);
    assert_eq!(seconds::table.purge_older_than(age()).execute(conn), Ok(0));
    assert_eq!(left!(seconds, conn), [1, 3, 4, 5]);
}

#[test]
fn values_of_the_column_that_are_not_times_stay_and_are_counted() {
    let conn = &mut *connection();
    let now = chrono::Utc::now();
    let values: Vec<String> = match DIALECT {
        Dialect::Mysql => {
            conn.batch_execute("SET sql_mode = ''").unwrap();
            ["0000-00-00 00:00:00", "2024-00-00 00:00:00", "2024-01-00 00:00:00", "1970-01-01 00:00:00"]
                .map(|value| format!("'{value}'"))
                .to_vec()
        }
        Dialect::Postgres => {
            ["-infinity", "epoch", "0044-03-15 00:00:00 BC"].map(|value| format!("'{value}'")).to_vec()
        }
        Dialect::Sqlite => {
            let texts = [
                "''",
                "'0'",
                "'20/12/2023'",
                "'20 Dec 2023'",
                "'1970-01-01 00:00:00'",
                "'2024-01-01'",
                "'2024-01-01 11:00 PM'",
            ];
            let numbers = [
                now.timestamp().to_string(),
                now.timestamp_millis().to_string(),
                "2460310.5".into(),
                "20240101".into(),
                "-1".into(),
            ];
            let offsets = ["'2024-01-01 12:00:00+05:30'", "'2024-01-01T12:00:00-08:00'"];
            texts.into_iter().chain(offsets).map(String::from).chain(numbers).collect()
        }
    };
    let rows = |flag: &str| {
        let row = |(place, value): (usize, &String)| format!("({}, {flag}{value})", place + 10);
        values.iter().enumerate().map(row).collect::<Vec<_>>().join(", ")
    };
    conn.batch_execute(&format!(
        "CREATE TABLE stamped (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL});
         CREATE TABLE flagged (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL, deleted_at {INSTANT_NULL});
         INSERT INTO stamped VALUES (1, NULL), (2, {OLD});
         INSERT INTO flagged VALUES (1, FALSE, NULL), (2, TRUE, {OLD}), (3, TRUE, NULL);
         INSERT INTO stamped VALUES {};
         INSERT INTO flagged VALUES {}",
        rows(""),
        rows("TRUE, ")
    ))
    .unwrap();
    let stay = values.len() as u64;
    let none = stamped::table.purge_older_than(TimeDelta::days(3650)).in_batches().run(conn).unwrap();
    assert_stay(&none, 0, stay);
    assert_stay(&stamped::table.purge_older_than(age()).in_batches().run(conn).unwrap(), 1, stay);
    assert_stay(&flagged::table.purge_older_than(age()).in_batches().dry_run().run(conn).unwrap(), 1, stay);
    assert_eq!(flagged::table.purge_older_than(age()).execute(conn), Ok(1));
    assert_eq!(stamped::table.purge_older_than(age()).execute(conn), Ok(0));
    assert_eq!((left!(stamped, conn).len(), left!(flagged, conn).len()), (values.len() + 1, values.len() + 2));
}

/// Software writes times to SQLite in these forms.
#[test]
fn times_as_other_software_writes_them_are_purged_on_sqlite() {
    if DIALECT != Dialect::Sqlite {
        return;
    }
    let conn = &mut *connection();
    let texts = [
        "2024-01-01 00:00:00",
        "2024-01-01 00:00:00.123456",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00Z",
        "2024-01-01 00:00:00+00:00",
        "2024-01-01 00:00",
    ];
    let rows =
        texts.iter().enumerate().map(|(place, text)| format!("({place}, '{text}')")).collect::<Vec<_>>().join(", ");
    conn.batch_execute(&format!(
        "CREATE TABLE stamped (id INTEGER PRIMARY KEY, deleted_at TIMESTAMP); INSERT INTO stamped VALUES {rows}"
    ))
    .unwrap();
    assert_stay(&stamped::table.purge_older_than(age()).in_batches().run(conn).unwrap(), texts.len() as u64, 0);
}

// --- keys ------------------------------------------------------------------------------------------

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    named (name) { name -> Text, deleted_at -> Nullable<Instant> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    named_pairs (id, name) { id -> Integer, name -> Text, deleted_at -> Nullable<Instant> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    decimals (id) { id -> Numeric, deleted_at -> Nullable<Instant> }
}

/// A type of the app's own, whose values mean something else when they are bound than when they were read.
#[derive(Debug, Clone, Copy, Default, diesel::sql_types::SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 23, array_oid = 1007), mysql_type(name = "Long"), sqlite_type(name = "Integer"))]
pub struct Mirrored;

#[derive(Debug, Clone, PartialEq, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
#[diesel(sql_type = Mirrored)]
pub struct Mirror(i32);

impl diesel::deserialize::FromSql<Mirrored, super::backend::Db> for Mirror {
    fn from_sql(
        value: <super::backend::Db as diesel::backend::Backend>::RawValue<'_>,
    ) -> diesel::deserialize::Result<Self> {
        <i32 as diesel::deserialize::FromSql<diesel::sql_types::Integer, super::backend::Db>>::from_sql(value).map(Self)
    }
}

const MIRRORED: [i32; 8] = [0, 5, 3, 1, 7, 2, 6, 4];

impl diesel::serialize::ToSql<Mirrored, super::backend::Db> for Mirror {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, super::backend::Db>,
    ) -> diesel::serialize::Result {
        let number = &MIRRORED[self.0 as usize % 8];
        <i32 as diesel::serialize::ToSql<diesel::sql_types::Integer, super::backend::Db>>::to_sql(number, out)
    }
}

impl diesel_soft_delete::methods::KeyColumn for Mirrored {
    type Value = Mirror;
}

diesel::table! {
    use super::{Instant, Mirrored};
    use diesel::sql_types::Nullable;
    mirrored (id) { id -> Mirrored, deleted_at -> Nullable<Instant> }
}
diesel_soft_delete::soft_deletable! {
    named { timestamp = deleted_at }
    named_pairs { timestamp = deleted_at }
    decimals { timestamp = deleted_at }
    mirrored { timestamp = deleted_at }
}

#[test]
fn a_key_that_is_ordered_by_number_and_compared_by_text_is_refused() {
    if DIALECT != Dialect::Mysql {
        return;
    }
    for ty in ["ENUM('z', 'y', 'x', 'c', 'b', 'a')", "SET('z', 'y', 'x', 'c', 'b', 'a')", "BIT(8)"] {
        let conn = &mut *connection();
        conn.batch_execute(&format!(
            "CREATE TABLE named (name {ty} PRIMARY KEY, deleted_at {INSTANT_NULL});
             CREATE TABLE named_pairs (id INTEGER, name {ty}, deleted_at {INSTANT_NULL}, PRIMARY KEY (id, name));
             INSERT INTO named VALUES (1, {OLD}), (2, {OLD}), (4, {OLD});
             INSERT INTO named_pairs VALUES (1, 1, {OLD}), (1, 2, {OLD}), (2, 4, {OLD})"
        ))
        .unwrap();
        for dry in [true, false] {
            let job = named::table.purge_older_than(age()).in_batches().batch_size(2);
            let error = if dry { job.dry_run().run(conn) } else { job.run(conn) }.unwrap_err();
            assert!(matches!(&error, Error::UnorderedKey { column, .. } if column == "name"), "{ty}: {error}");
            let job = named_pairs::table.purge_older_than(age()).in_batches();
            let error = if dry { job.dry_run().run(conn) } else { job.run(conn) }.unwrap_err();
            assert!(matches!(&error, Error::UnorderedKey { column, .. } if column == "name"), "{ty}: {error}");
        }
        // The error advises this call instead.
        assert_eq!(named::table.purge_older_than(age()).run(conn).unwrap(), 3, "{ty}");
        assert_eq!(named_pairs::table.purge_older_than(age()).run(conn).unwrap(), 3, "{ty}");
    }
}

#[test]
fn a_job_is_never_complete_when_it_passed_over_rows() {
    for size in [1, 2, 3, 100] {
        let conn = &mut *connection();
        let rows = (0..8).map(|id| format!("({id}, {OLD})")).collect::<Vec<_>>().join(", ");
        conn.batch_execute(&format!(
            "CREATE TABLE mirrored (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL}); INSERT INTO mirrored VALUES {rows}"
        ))
        .unwrap();
        let job = || mirrored::table.purge_older_than(age()).in_batches().batch_size(size);
        let dry = job().dry_run().run(conn);
        assert!(dry.as_ref().map_or(true, |report| report.rows == 8), "{size}: {dry:?}");
        let left = |conn: &mut Conn| mirrored::table.count().get_result::<i64>(conn).unwrap();
        match job().run(conn) {
            Ok(report) => assert_eq!((report.rows, left(conn), report.is_complete()), (8, 0, true), "{size}: {report}"),
            Err(Error::PurgeFailed { report, source }) => {
                assert_eq!(report.rows, 8 - left(conn) as u64, "{size}: {report}");
                assert!(left(conn) > 0 && !report.is_complete(), "{size}: {source}");
            }
            Err(other) => panic!("{size}: {other}"),
        }
    }
}

#[test]
fn a_decimal_key_is_walked() {
    for size in [1, 2, 3, 100] {
        let conn = &mut *connection();
        let numbers = ["-12345678.50", "-0.25", "0", "0.25", "2.50", "10.00", "123456789012.75", "99999.99"];
        let rows = numbers.iter().map(|number| format!("({number}, {OLD})")).collect::<Vec<_>>().join(", ");
        conn.batch_execute(&format!(
            "CREATE TABLE decimals (id NUMERIC(20, 2) PRIMARY KEY, deleted_at {INSTANT_NULL});
             INSERT INTO decimals VALUES {rows}, (7, NULL)"
        ))
        .unwrap();
        let report = decimals::table.purge_older_than(age()).in_batches().batch_size(size).run(conn).unwrap();
        assert_eq!((report.rows, report.is_complete()), (8, true), "{size}: {report}");
        assert_eq!(decimals::table.count().get_result::<i64>(conn), Ok(1));
    }
}

#[test]
fn a_key_that_is_not_unique_gets_the_true_reason() {
    let conn = &mut *connection();
    let rows = (0..10).map(|id| format!("({}, {OLD})", id / 5)).collect::<Vec<_>>().join(", ");
    conn.batch_execute(&format!(
        "CREATE TABLE stamped (id INTEGER NOT NULL, deleted_at {INSTANT_NULL}); INSERT INTO stamped VALUES {rows}"
    ))
    .unwrap();
    let report = stamped::table.purge_older_than(age()).in_batches().batch_size(2).max_rows(7).run(conn).unwrap();
    let reasons: Vec<&str> = report.blocked.iter().map(|blocked| blocked.message.as_str()).collect();
    assert_eq!((report.rows, report.blocked_rows, report.is_complete()), (5, 5, false), "{report}");
    assert!(
        !reasons.is_empty() && reasons.iter().all(|reason| reason.contains("no unique index")),
        "{report} {reasons:?}"
    );
    assert_eq!(
        stamped::table.purge_older_than(age()).in_batches().batch_size(2).run(conn).unwrap().rows,
        10 - report.rows
    );
}

// --- sessions and special tables -------------------------------------------------------------------

#[test]
fn a_session_with_safe_updates_is_served_and_keeps_its_setting() {
    if DIALECT != Dialect::Mysql {
        return;
    }
    let conn = &mut *connection();
    let rows = (0..50).map(|id| format!("({id}, TRUE, {OLD})")).collect::<Vec<_>>().join(", ");
    conn.batch_execute(&format!(
        "CREATE TABLE flagged (id INTEGER NOT NULL, is_deleted BOOLEAN NOT NULL, deleted_at {INSTANT_NULL});
         INSERT INTO flagged VALUES {rows};
         SET sql_safe_updates = 1"
    ))
    .unwrap();
    let report = flagged::table.purge_older_than(age()).in_batches().batch_size(7).run(conn).unwrap();
    assert_eq!((report.rows, report.is_complete()), (50, true), "{report}");
    assert!(conn.batch_execute("DELETE FROM flagged").is_err(), "the setting is back");
}

#[test]
fn a_temporary_table_of_sqlite_is_found_before_one_of_the_file() {
    if DIALECT != Dialect::Sqlite {
        return;
    }
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "CREATE TEMP TABLE stamped (id INTEGER PRIMARY KEY, deleted_at TIMESTAMP);
         INSERT INTO stamped VALUES (1, {OLD}), (2, NULL)"
    ))
    .unwrap();
    assert_eq!(stamped::table.purge_older_than(age()).in_batches().run(conn).unwrap().rows, 1);
    // Statements mean the temporary table, and not that of the file, whose column has another type.
    conn.batch_execute(&format!(
        "CREATE TABLE main.stamped (id INTEGER PRIMARY KEY, deleted_at INTEGER NOT NULL); UPDATE stamped SET deleted_at = {OLD}"
    ))
    .unwrap();
    assert_eq!(stamped::table.purge_older_than(age()).in_batches().run(conn).unwrap().rows, 1);
}

#[test]
fn what_sqlite_does_with_keys_is_in_the_notes() {
    if DIALECT != Dialect::Sqlite {
        return;
    }
    let conn = &mut *connection();
    let notes =
        |conn: &mut Conn| stamped::table.purge_older_than(age()).in_batches().dry_run().run(conn).unwrap().notes;
    conn.batch_execute("CREATE TABLE stamped (id INTEGER PRIMARY KEY, deleted_at TIMESTAMP)").unwrap();
    let [note] = &notes(conn)[..] else { panic!("{:?}", notes(conn)) };
    assert!(note.contains("AUTOINCREMENT"), "{note}");
    conn.batch_execute(
        "DROP TABLE stamped; CREATE TABLE stamped (id INTEGER PRIMARY KEY AUTOINCREMENT, deleted_at TIMESTAMP)",
    )
    .unwrap();
    assert_eq!(notes(conn), [] as [String; 0]);
    conn.batch_execute("PRAGMA foreign_keys = OFF; CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES stamped (id))").unwrap();
    let [note] = &notes(conn)[..] else { panic!("{:?}", notes(conn)) };
    assert!(note.contains("PRAGMA foreign_keys = ON"), "{note}");
    conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    assert_eq!(notes(conn), [] as [String; 0]);
}

#[test]
fn row_security_and_history_are_in_the_notes() {
    let conn = &mut *connection();
    conn.batch_execute(&format!("CREATE TABLE stamped (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL})")).unwrap();
    let notes = |conn: &mut Conn| {
        stamped::table.purge_older_than(age()).in_batches().dry_run().run(conn).unwrap().notes.join("; ")
    };
    match DIALECT {
        Dialect::Postgres => {
            let role = format!("reader_{}", std::process::id());
            conn.batch_execute(&format!(
                "INSERT INTO stamped VALUES (1, {OLD}), (2, NULL);
                 ALTER TABLE stamped ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY active_rows ON stamped USING (deleted_at IS NULL);
                 CREATE ROLE {role};
                 DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', current_schema()); END $$;
                 GRANT ALL ON stamped TO {role}"
            ))
            .unwrap();
            assert_eq!(notes(conn), "");
            conn.batch_execute(&format!("SET ROLE {role}")).unwrap();
            let report = stamped::table.purge_older_than(age()).in_batches().run(conn).unwrap();
            conn.batch_execute(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
            assert_eq!(report.rows, 0);
            assert!(report.notes.iter().any(|note| note.contains("row security")), "{report}");
        }
        // MySQL itself does not have such tables.
        Dialect::Mysql if conn.batch_execute("ALTER TABLE stamped ADD SYSTEM VERSIONING").is_ok() => {
            assert!(notes(conn).contains("system-versioned"), "{}", notes(conn));
        }
        _ => {}
    }
}
