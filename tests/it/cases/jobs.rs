// A purge in batches removes some rows, leaves others, and reports both.

use std::sync::Mutex;

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{BlockedBy, Error, RetentionPolicy, Stopped};

use super::backend::{Conn, DIALECT, INSTANT_NULL, Instant, connection};
use super::cascading::record;

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    items {
        id -> Integer,
        body -> Nullable<Text>,
        is_deleted -> Bool,
        deleted_at -> Nullable<Instant>,
        held -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    items_archive (item) {
        deleted_at -> Nullable<Instant>,
        archived_by -> Nullable<Text>,
        body -> Nullable<Text>,
        held -> Bool,
        item -> Integer,
        id -> Integer,
        is_deleted -> Nullable<Bool>,
    }
}

diesel::table! {
    // The archive does not have `body`, and its `held` has another type.
    poor_archive (id) {
        id -> Integer,
        is_deleted -> Bool,
        deleted_at -> Nullable<Text>,
        held -> Nullable<Integer>,
    }
}

diesel::table! {
    children {
        id -> Integer,
        item_id -> Integer,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! {
    items { flag = is_deleted, timestamp = deleted_at, hold = held }
}

const OLD: &str = "'2024-01-01 00:00:00'";

/// Creates 100 items. Those whose id is divisible by 4 are active. The other even ones were deleted long ago, and the
/// odd ones just now.
fn items() -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    let recent = format!("'{}'", chrono::Utc::now().naive_utc().format("%F %T%.6f"));
    let rows = (1..=100).map(|id| match id % 4 {
        0 => format!("({id}, FALSE, NULL, FALSE)"),
        2 => format!("({id}, TRUE, {OLD}, FALSE)"),
        _ => format!("({id}, TRUE, {recent}, FALSE)"),
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    conn.batch_execute(&format!(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, body VARCHAR(40), is_deleted BOOLEAN NOT NULL, deleted_at {INSTANT_NULL}, held BOOLEAN NOT NULL);
         INSERT INTO items (id, is_deleted, deleted_at, held) VALUES {rows}"
    ))
    .unwrap();
    conn
}

fn ids(conn: &mut Conn) -> Vec<i32> {
    items::table.select(items::id).order(items::id).load(conn).unwrap()
}

/// The ids that a complete purge leaves.
fn kept() -> Vec<i32> {
    (1..=100).filter(|id| id % 4 != 2).collect()
}

macro_rules! job {
    () => {
        items::table.purge_older_than(TimeDelta::days(30)).in_batches()
    };
}

/// The recorded statements that name the table, without those of the transactions and of the catalog.
fn of_items(texts: &Mutex<Vec<String>>) -> Vec<String> {
    let texts = texts.lock().unwrap();
    let is_ours =
        |text: &&String| text.contains("FROM items") && !text.contains("CAST(") && !text.contains("OFFSET 99999");
    texts.iter().filter(is_ours).cloned().collect()
}

#[test]
fn a_job_removes_what_one_statement_would() {
    let conn = &mut *items();
    let report = job!().batch_size(7).run(conn).unwrap();
    assert_eq!((report.rows, report.batches, report.stopped), (25, 4, Stopped::Complete), "{report}");
    assert!(report.is_complete() && report.blocked.is_empty() && report.archived == 0 && !report.dry_run);
    assert_eq!(ids(conn), kept());
    assert_eq!(items::table.active().count().get_result::<i64>(conn), Ok(25));
    let again = job!().run(conn).unwrap();
    assert_eq!((again.rows, again.batches, again.stopped), (0, 0, Stopped::Complete));
}

#[test]
fn a_job_sends_these_statements() {
    let conn = &mut *items();
    let texts = record(conn);
    assert_eq!(job!().batch_size(20).run(conn).unwrap().rows, 25);
    let known = crate::support::known_time(DIALECT, "items.deleted_at");
    let predicate =
        format!("(items.is_deleted = TRUE) AND (items.deleted_at < $) AND {known} AND (items.held = FALSE)");
    let shape = |text: String| {
        // Placeholders are numbered on PostgreSQL.
        let mut shaped = String::new();
        for part in text.replace('?', "$").split('$') {
            let part = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
            shaped.push_str(if shaped.is_empty() { "" } else { "$" });
            shaped.push_str(part);
        }
        shaped
    };
    let sent = of_items(&texts).into_iter().map(shape).collect::<Vec<_>>();
    let find = |rest: &str| format!("SELECT items.id FROM items WHERE {predicate}{rest}");
    let delete = |rest: &str| format!("DELETE FROM items WHERE {predicate}{rest}");
    let count = |rest: &str| format!("SELECT COUNT(*) FROM items WHERE {predicate}{rest}");
    let expected = [
        find(" ORDER BY items.id DESC LIMIT 1"),
        find(" AND items.id <= $ ORDER BY items.id LIMIT 1 OFFSET 19"),
        delete(" AND items.id <= $"),
        find(" AND items.id > $ AND items.id <= $ ORDER BY items.id LIMIT 1 OFFSET 19"),
        delete(" AND items.id > $ AND items.id <= $"),
        // This counts what was kept among rows that were not counted before.
        count(" AND items.id > $ AND items.id <= $"),
        // This counts what was passed over.
        count(""),
    ];
    assert_eq!(sent, expected);
    // Each batch has its own transaction.
    let texts = texts.lock().unwrap();
    let order = texts.iter().filter_map(|text| match text.as_str() {
        "BEGIN" | "COMMIT" => Some(text.as_str()),
        text if text.starts_with("DELETE") => Some("DELETE"),
        _ => None,
    });
    assert_eq!(order.collect::<Vec<_>>(), ["BEGIN", "DELETE", "COMMIT", "BEGIN", "DELETE", "COMMIT"]);
}

#[test]
fn without_old_rows_a_job_sends_one_query_besides_the_catalog() {
    let conn = &mut *items();
    job!().run(conn).unwrap();
    let texts = record(conn);
    assert_eq!(job!().run(conn).unwrap().rows, 0);
    assert_eq!(of_items(&texts).len(), 1, "{:?}", of_items(&texts));
}

#[test]
fn every_batch_but_the_last_is_full_and_none_is_empty() {
    for (size, batches) in [(5, 5), (25, 1), (26, 1), (24, 2), (1, 25)] {
        let conn = &mut *items();
        let report = job!().batch_size(size).run(conn).unwrap();
        assert_eq!((report.rows, report.batches), (25, batches), "batches of {size}");
        assert_eq!(ids(conn), kept());
    }
    let conn = &mut *items();
    let texts = record(conn);
    job!().batch_size(5).run(conn).unwrap();
    // A query for the end, five times a look ahead and a removal, and a final count.
    assert_eq!(of_items(&texts).len(), 1 + 10 + 1);
}

#[test]
fn the_filter_of_the_target_is_kept() {
    let conn = &mut *items();
    let report = items::table.filter(items::id.lt(50)).purge_older_than(TimeDelta::days(30)).in_batches().batch_size(4);
    assert_eq!(report.run(conn).unwrap().rows, 12);
    assert_eq!(ids(conn), (1..=100).filter(|id| id % 4 != 2 || *id >= 50).collect::<Vec<_>>());
    // Raw SQL is grouped, so its OR does not bypass the predicate.
    let raw = diesel::dsl::sql::<diesel::sql_types::Bool>("id = 50 OR id = 52");
    assert_eq!(items::table.filter(raw).purge_older_than(TimeDelta::days(30)).in_batches().run(conn).unwrap().rows, 1);
    assert_eq!(items::table.find(52).count().get_result::<i64>(conn), Ok(1));
}

#[test]
fn a_job_leaves_rows_under_hold() {
    let conn = &mut *items();
    conn.batch_execute("UPDATE items SET held = TRUE WHERE id IN (2, 50, 98)").unwrap();
    assert_eq!(job!().batch_size(3).run(conn).unwrap().rows, 22);
    assert_eq!(ids(conn), (1..=100).filter(|id| id % 4 != 2 || [2, 50, 98].contains(id)).collect::<Vec<_>>());
}

#[test]
fn a_job_stops_at_its_limits() {
    let conn = &mut *items();
    let report = job!().batch_size(4).max_rows(10).run(conn).unwrap();
    assert_eq!((report.rows, report.batches, report.stopped), (10, 3, Stopped::MaxRows));
    assert!(!report.is_complete());
    assert_eq!(items::table.count().get_result::<i64>(conn), Ok(90));
    let report = job!().max_duration(std::time::Duration::ZERO).run(conn).unwrap();
    assert_eq!((report.rows, report.stopped), (0, Stopped::MaxDuration));
    let mut asked = 0;
    let report = job!()
        .batch_size(2)
        .stop_when(|| {
            asked += 1;
            asked > 3
        })
        .run(conn)
        .unwrap();
    // The function is called before the walk and before each batch.
    assert_eq!((report.rows, report.stopped), (4, Stopped::StopWhen));
    // A limit of exactly the remaining rows is not reached.
    let report = job!().max_rows(11).run(conn).unwrap();
    assert_eq!((report.rows, report.stopped), (11, Stopped::Complete));
    assert_eq!(ids(conn), kept());
}

#[test]
fn a_job_reports_each_batch_and_pauses_between_batches() {
    let conn = &mut *items();
    let mut seen = Vec::new();
    let job = job!().batch_size(10).pause(TimeDelta::milliseconds(30));
    let report = job
        .on_progress(|progress| seen.push((progress.rows, progress.batch_rows, progress.batches)))
        .run(conn)
        .unwrap();
    assert_eq!(seen, [(10, 10, 1), (20, 10, 2), (25, 5, 3)]);
    // The job pauses between batches and not after the last.
    assert!(report.elapsed >= std::time::Duration::from_millis(60), "{report}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let conn = &mut *items();
    let texts = record(conn);
    let report = job!().batch_size(10).dry_run().run(conn).unwrap();
    assert_eq!((report.rows, report.batches, report.dry_run, report.stopped), (25, 3, true, Stopped::Complete));
    // MySQL's lock timeouts are set and reset.
    let is_harmless = |text: &String| text.starts_with("SELECT") || text.starts_with("SET SESSION ");
    assert!(texts.lock().unwrap().iter().all(is_harmless), "{texts:?}");
    assert_eq!(ids(conn).len(), 100);
    assert_eq!(job!().dry_run().max_rows(7).run(conn).unwrap().rows, 7);
}

#[test]
fn bad_input_is_refused_before_a_row_is_removed() {
    let conn = &mut *items();
    let error = job!().batch_size(0).run(conn).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "batch_size", .. }), "{error}");
    let error = job!().pause(TimeDelta::seconds(-1)).run(conn).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "pause", .. }), "{error}");
    let error = job!().min_age(TimeDelta::days(31)).run(conn).unwrap_err();
    assert!(matches!(error, Error::TooYoung { .. }), "{error}");
    let later = chrono::Utc::now() + TimeDelta::days(1);
    let job = items::table.purge_deleted_before(later).in_batches().min_age(TimeDelta::zero());
    assert!(matches!(job.run(conn), Err(Error::TooYoung { .. })));
    let error = items::table.purge_older_than(TimeDelta::days(-1)).in_batches().run(conn).unwrap_err();
    assert!(matches!(error, Error::NegativeAge { .. }), "{error}");
    let error = conn.transaction(|conn| job!().run(conn)).unwrap_err();
    assert!(matches!(error, Error::PurgeInTransaction { .. }), "{error}");
    assert_eq!(ids(conn).len(), 100);
    assert_eq!(job!().min_age(TimeDelta::days(30)).run(conn).unwrap().rows, 25);
    conn.batch_execute("DROP TABLE items").unwrap();
    assert!(matches!(job!().run(conn), Err(Error::NoTable { .. })));
    conn.batch_execute("CREATE TABLE items (id INTEGER PRIMARY KEY)").unwrap();
}

// --- keys ------------------------------------------------------------------------------------------

/// A walk over a table with another key. It has 60 rows, and those with an even number are old.
macro_rules! key {
    ($name:ident, ($($column:ident -> $ST:ty),+), $ddl:literal, |$number:ident| $values:expr) => {
        mod $name {
            use super::*;

            diesel::table! {
                use diesel::sql_types::*;
                use super::Instant;
                keyed ($($column),+) {
                    $($column -> $ST,)+
                    number -> Integer,
                    deleted_at -> Nullable<Instant>,
                }
            }
            diesel_soft_delete::soft_deletable! { keyed { timestamp = deleted_at } }

            fn keyed() -> crate::support::TestConnection<Conn> {
                let mut conn = connection();
                let columns = [$(stringify!($column)),+].join(", ");
                let rows = (0..60).map(|$number: i32| {
                    let at = if $number % 2 == 0 { OLD } else { "NULL" };
                    format!("({}, {}, {at})", $values, $number)
                });
                let rows = rows.collect::<Vec<_>>().join(", ");
                conn.batch_execute(&format!(
                    "CREATE TABLE keyed ({}, number INTEGER NOT NULL, deleted_at {INSTANT_NULL}, PRIMARY KEY ({columns}));
                     INSERT INTO keyed VALUES {rows}",
                    ddl($ddl)
                ))
                .unwrap();
                conn
            }

            #[test]
            fn every_batch_size_removes_the_same_rows() {
                for size in [1, 2, 3, 4, 5, 7, 10, 29, 30, 31, 1000] {
                    let conn = &mut *keyed();
                    let job = || keyed::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(size);
                    assert_eq!(job().dry_run().run(conn).unwrap().rows, 30, "batches of {size}");
                    let report = job().run(conn).unwrap();
                    assert_eq!((report.rows, report.stopped), (30, Stopped::Complete), "batches of {size}");
                    assert_eq!(report.batches, 30u64.div_ceil(size), "batches of {size}");
                    let left: Vec<i32> = keyed::table.select(keyed::number).order(keyed::number).load(conn).unwrap();
                    assert_eq!(left, (0..60).filter(|number| number % 2 == 1).collect::<Vec<_>>());
                }
            }

            #[test]
            fn max_rows_is_exact() {
                for limit in [1, 6, 13, 29] {
                    let conn = &mut *keyed();
                    let job = keyed::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(5);
                    let report = job.max_rows(limit).run(conn).unwrap();
                    assert_eq!((report.rows, report.stopped), (limit, Stopped::MaxRows));
                    let left = keyed::table.count().get_result::<i64>(conn).unwrap();
                    assert_eq!(left, 60 - i64::try_from(limit).unwrap());
                }
            }

            /// A trigger refuses two of the rows. They are found one by one, with their keys.
            #[test]
            fn blocked_rows_are_stepped_over() {
                let conn = &mut *keyed();
                let refuse = match DIALECT {
                    diesel_soft_delete::Dialect::Sqlite => {
                        "CREATE TRIGGER refuse BEFORE DELETE ON keyed WHEN OLD.number IN (10, 44) \
                         BEGIN SELECT RAISE(ABORT, 'this row is precious'); END"
                    }
                    diesel_soft_delete::Dialect::Postgres => {
                        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                             IF OLD.number IN (10, 44) THEN RAISE EXCEPTION 'this row is precious'; END IF; RETURN OLD; END $$; \
                         CREATE TRIGGER refuse BEFORE DELETE ON keyed FOR EACH ROW EXECUTE FUNCTION refuse()"
                    }
                    diesel_soft_delete::Dialect::Mysql => {
                        "CREATE TRIGGER refuse BEFORE DELETE ON keyed FOR EACH ROW \
                         IF OLD.number IN (10, 44) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this row is precious'; END IF"
                    }
                };
                conn.batch_execute(refuse).unwrap();
                let job = || keyed::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(8);
                let report = job().run(conn).unwrap();
                assert_eq!((report.rows, report.stopped, report.blocked.len()), (28, Stopped::Complete, 2), "{report}");
                assert!(!report.is_complete());
                for blocked in &report.blocked {
                    assert_eq!((blocked.table.as_str(), blocked.cause), ("keyed", BlockedBy::Other));
                    assert!(blocked.message.contains("precious"), "{blocked}");
                }
                let left: Vec<i32> = keyed::table.filter(keyed::deleted_at.is_not_null()).select(keyed::number).order(keyed::number).load(conn).unwrap();
                assert_eq!(left, [10, 44]);
                let report = job().max_blocked(1).run(conn).unwrap_err();
                assert!(matches!(report, Error::Database(_) | Error::PurgeFailed { .. }), "nothing could be removed: {report}");
            }
        }
    };
}

key!(integers, (id -> Integer), "id INTEGER NOT NULL", |number| (number - 30) * 7);
key!(bigints, (id -> BigInt), "id BIGINT NOT NULL", |number| i64::from(number) * 1_000_000_007);
key!(texts, (slug -> Text), "slug VARCHAR(40) NOT NULL", |number| format!("'it''s {} ü'", number * 7919 % 61));
key!(binaries, (hash -> Binary), "hash VARBINARY(16) NOT NULL", |number| binary(number));
key!(pairs, (a -> Integer, b -> Integer), "a INTEGER NOT NULL, b INTEGER NOT NULL", |number| format!("{}, {number}", number % 7));
key!(few_firsts, (a -> Text, b -> BigInt), "a VARCHAR(9) NOT NULL, b BIGINT NOT NULL", |number| format!("'x{}', {number}", number / 40));
key!(many_firsts, (a -> Integer, b -> Integer), "a INTEGER NOT NULL, b INTEGER NOT NULL", |number| format!("{number}, 1"));
key!(
    triples,
    (a -> Integer, b -> Text, c -> Integer),
    "a INTEGER NOT NULL, b VARCHAR(9) NOT NULL, c INTEGER NOT NULL",
    |number| format!("{}, 'b{}', {number}", number % 3, number % 4)
);
key!(days, (day -> Date, n -> SmallInt), "day DATE NOT NULL, n SMALLINT NOT NULL", |number| format!("'2024-03-{:02}', {number}", number % 20 + 1));

fn ddl(columns: &str) -> String {
    match DIALECT {
        diesel_soft_delete::Dialect::Postgres => columns.replace("VARBINARY(16)", "BYTEA"),
        _ => columns.to_owned(),
    }
}

/// Bytes, as each database writes them.
fn binary(number: i32) -> String {
    let digits = format!("{:08x}", number.wrapping_mul(0x1e37_79b1));
    match DIALECT {
        diesel_soft_delete::Dialect::Postgres => format!("'\\x{digits}'"),
        _ => format!("X'{digits}'"),
    }
}

// --- archives --------------------------------------------------------------------------------------

fn with_archive() -> crate::support::TestConnection<Conn> {
    let mut conn = items();
    conn.batch_execute(&format!(
        "CREATE TABLE items_archive (deleted_at {INSTANT_NULL}, archived_by VARCHAR(20), body VARCHAR(40), held BOOLEAN NOT NULL, \
             item INTEGER, id INTEGER NOT NULL UNIQUE, is_deleted BOOLEAN);
         UPDATE items SET body = 'text'"
    ))
    .unwrap();
    conn
}

#[test]
fn archived_rows_are_moved_with_all_their_columns() {
    let conn = &mut *with_archive();
    let report = job!().batch_size(4).archive_into(items_archive::table).run(conn).unwrap();
    assert_eq!((report.rows, report.archived, report.batches), (25, 25, 7), "{report}");
    assert_eq!(ids(conn), kept());
    let rows = items_archive::table.order(items_archive::id);
    let archived: Vec<i32> = rows.select(items_archive::id).load(conn).unwrap();
    assert_eq!(archived, (1..=100).filter(|id| id % 4 == 2).collect::<Vec<_>>());
    let whole = items_archive::table.filter(
        items_archive::body
            .eq("text")
            .and(items_archive::is_deleted.eq(true))
            .and(items_archive::deleted_at.is_not_null()),
    );
    assert_eq!(whole.count().get_result::<i64>(conn), Ok(25));
}

#[test]
fn a_dry_run_archives_nothing() {
    let conn = &mut *with_archive();
    let report = job!().archive_into(items_archive::table).dry_run().run(conn).unwrap();
    assert_eq!((report.rows, report.archived), (25, 0));
    assert_eq!(items_archive::table.count().get_result::<i64>(conn), Ok(0));
    assert_eq!(ids(conn).len(), 100);
}

#[test]
fn a_copy_that_exists_already_blocks_its_row() {
    let conn = &mut *with_archive();
    conn.batch_execute("INSERT INTO items_archive (id, held) VALUES (50, FALSE)").unwrap();
    let report = job!().batch_size(10).archive_into(items_archive::table).run(conn).unwrap();
    assert_eq!((report.rows, report.archived, report.blocked.len()), (24, 24, 1), "{report}");
    assert_eq!((report.blocked[0].key.as_str(), report.blocked[0].cause), ("50", BlockedBy::Constraint));
    assert_eq!(items::table.find(50).count().get_result::<i64>(conn), Ok(1));
}

#[test]
fn an_archive_that_does_not_fit_is_refused_by_name() {
    let conn = &mut *with_archive();
    let problems = |error: Error| match error {
        Error::ArchiveMismatch { problems, archive, .. } => (archive, problems.join("\n")),
        other => panic!("{other}"),
    };
    let missing = problems(job!().archive_into(poor_archive::table).run(conn).unwrap_err());
    assert_eq!(missing.0, "poor_archive");
    assert!(missing.1.contains("does not exist"), "{missing:?}");
    conn.batch_execute(
        "CREATE TABLE poor_archive (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL, deleted_at VARCHAR(40) NOT NULL, held INTEGER, reason VARCHAR(9) NOT NULL)",
    )
    .unwrap();
    let (_, text) = problems(job!().archive_into(poor_archive::table).run(conn).unwrap_err());
    for expected in ["`body`", "`deleted_at`", "`held`", "can be NULL", "`reason` needs a value"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    conn.batch_execute("ALTER TABLE items_archive ADD COLUMN why VARCHAR(9) DEFAULT 'x' NOT NULL").unwrap();
    let (_, text) = problems(job!().archive_into(items::table).run(conn).unwrap_err());
    assert!(text.contains("the table itself"), "{text}");
    assert_eq!(ids(conn).len(), 100);
    assert_eq!(job!().archive_into(items_archive::table).run(conn).unwrap().archived, 25);
}

// --- foreign keys ----------------------------------------------------------------------------------

fn with_children(action: &str) -> crate::support::TestConnection<Conn> {
    let mut conn = items();
    let null = if action.contains("NULL") { "" } else { "NOT NULL" };
    conn.batch_execute(&format!(
        "CREATE TABLE children (id INTEGER PRIMARY KEY, item_id INTEGER {null}, deleted_at {INSTANT_NULL}, \
             CONSTRAINT children_item FOREIGN KEY (item_id) REFERENCES items (id) {action});
         INSERT INTO children (id, item_id) VALUES (1, 50), (2, 4)"
    ))
    .unwrap();
    if DIALECT == diesel_soft_delete::Dialect::Sqlite {
        conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    }
    conn
}

#[test]
fn a_referenced_row_is_blocked_and_named() {
    let conn = &mut *with_children("");
    let report = job!().batch_size(10).run(conn).unwrap();
    assert_eq!((report.rows, report.stopped), (24, Stopped::Complete), "{report}");
    let [blocked] = report.blocked.as_slice() else { panic!("{:?}", report.blocked) };
    assert_eq!((blocked.table.as_str(), blocked.key.as_str(), blocked.cause), ("items", "50", BlockedBy::Constraint));
    let named = DIALECT != diesel_soft_delete::Dialect::Sqlite;
    assert!(blocked.message.contains("`children` (item_id)"), "{blocked}");
    assert_eq!(blocked.constraint.as_deref(), named.then_some("children_item"));
}

#[test]
fn a_foreign_key_that_reaches_further_is_refused() {
    for (action, name) in [("ON DELETE CASCADE", "CASCADE"), ("ON DELETE SET NULL", "SET NULL")] {
        let conn = &mut *with_children(action);
        match job!().run(conn).unwrap_err() {
            Error::PurgeReaches { table, child, columns, action } => {
                assert_eq!((table.as_str(), child.as_str(), action), ("items", "children", name));
                assert_eq!(columns, ["item_id"]);
            }
            other => panic!("{other}"),
        }
        assert!(matches!(job!().allow_reaching("other").run(conn), Err(Error::PurgeReaches { .. })));
        assert_eq!(ids(conn).len(), 100);
        assert_eq!(job!().allow_reaching("children").run(conn).unwrap().rows, 25);
        let left = if name == "CASCADE" { 1 } else { 2 };
        assert_eq!(children::table.count().get_result::<i64>(conn), Ok(left));
    }
}

// --- policies --------------------------------------------------------------------------------------

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    notes {
        id -> Integer,
        item_id -> Nullable<Integer>,
        deleted_at -> Nullable<Instant>,
    }
}
diesel_soft_delete::soft_deletable! { notes { timestamp = deleted_at } }

fn with_notes() -> crate::support::TestConnection<Conn> {
    let mut conn = items();
    let rows = (1..=10).map(|id| format!("({id}, {}, {OLD})", if id == 1 { "50" } else { "NULL" })).collect::<Vec<_>>();
    conn.batch_execute(&format!(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, item_id INTEGER, deleted_at {INSTANT_NULL}, \
             CONSTRAINT notes_item FOREIGN KEY (item_id) REFERENCES items (id));
         INSERT INTO notes VALUES {}",
        rows.join(", ")
    ))
    .unwrap();
    if DIALECT == diesel_soft_delete::Dialect::Sqlite {
        conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    }
    conn
}

macro_rules! notes_job {
    () => {
        notes::table.purge_older_than(TimeDelta::days(7)).in_batches()
    };
}

#[test]
fn a_policy_purges_tables_in_their_order() {
    let conn = &mut *with_notes();
    let report = RetentionPolicy::new().table(job!()).table(notes_job!()).run(conn).unwrap();
    // With the parent first, the row that a note references is blocked.
    assert_eq!((report.rows(), report.tables[0].blocked.len(), report.is_complete()), (34, 1, false), "{report}");
    let report = RetentionPolicy::new().table(notes_job!()).table(job!()).run(conn).unwrap();
    assert_eq!((report.rows(), report.is_complete()), (1, true), "{report}");
    let names = report.tables.iter().map(|table| table.table.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["notes", "items"]);
    assert_eq!(ids(conn), kept());
}

#[test]
fn the_limits_of_a_policy_hold_for_all_its_tables() {
    let conn = &mut *with_notes();
    let mut seen = Vec::new();
    let policy = RetentionPolicy::new().table(notes_job!()).table(job!()).batch_size(4).max_rows(13);
    let report =
        policy.on_progress(|progress| seen.push((progress.table.clone(), progress.batch_rows))).run(conn).unwrap();
    assert_eq!((report.rows(), report.stopped), (13, Stopped::MaxRows), "{report}");
    assert_eq!(report.tables.iter().map(|table| table.rows).collect::<Vec<_>>(), [10, 3]);
    let sizes = seen.iter().map(|(_, rows)| *rows).collect::<Vec<_>>();
    assert_eq!(sizes, [4, 4, 2, 3]);
    let report = RetentionPolicy::new().table(notes_job!()).table(job!()).stop_when(|| true).run(conn).unwrap();
    assert_eq!((report.rows(), report.stopped, report.tables.len()), (0, Stopped::StopWhen, 1));
    let report =
        RetentionPolicy::new().table(notes_job!()).table(job!()).max_duration(TimeDelta::zero()).run(conn).unwrap();
    assert_eq!((report.rows(), report.stopped), (0, Stopped::MaxDuration));
    // A limit of one table does not stop the others.
    let report = RetentionPolicy::new().table(job!().max_rows(5)).table(notes_job!()).run(conn).unwrap();
    assert_eq!((report.rows(), report.tables.len(), report.stopped), (5, 2, Stopped::MaxRows));
    let report = RetentionPolicy::new().table(job!()).min_age(TimeDelta::days(60)).run(conn).unwrap_err();
    assert!(
        matches!(&report, Error::RetentionFailed { source, .. } if matches!(**source, Error::TooYoung { .. })),
        "{report}"
    );
    let report = RetentionPolicy::new().table(job!()).dry_run().run(conn).unwrap();
    assert_eq!((report.rows(), report.tables[0].dry_run), (17, true));
    assert_eq!(RetentionPolicy::new().table(job!()).run(conn).unwrap().rows(), 17);
    assert_eq!(ids(conn), kept());
}

#[test]
fn a_policy_in_a_transaction_is_refused() {
    let conn = &mut *items();
    let error = conn.transaction(|conn| RetentionPolicy::new().table(job!()).run(conn)).unwrap_err();
    assert!(matches!(error, Error::PurgeInTransaction { .. }), "{error}");
    assert_eq!(RetentionPolicy::new().run(conn).unwrap().tables, []);
}
