// Where rows must stay, every run removes all others, and it reports how many stay and why.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{BlockedBy, Dialect, Error, PurgeReport, Stopped};

use super::backend::{Conn, DIALECT, INSTANT_NULL, Instant, connection};

const OLD: &str = "'2024-01-01 00:00:00'";

fn age() -> TimeDelta {
    TimeDelta::days(30)
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    users { id -> Integer, deleted_at -> Nullable<Instant> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    users_archive { id -> Integer, deleted_at -> Nullable<Instant> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    threads { id -> Integer, parent_id -> Nullable<Integer>, deleted_at -> Nullable<Instant> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    threads_archive { id -> Integer, parent_id -> Nullable<Integer>, deleted_at -> Nullable<Instant> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    pairs (a, b) { a -> Integer, b -> Text, up_a -> Nullable<Integer>, up_b -> Nullable<Text>, deleted_at -> Nullable<Instant> }
}
diesel_soft_delete::soft_deletable! {
    users { timestamp = deleted_at }
    threads { timestamp = deleted_at }
    pairs { timestamp = deleted_at }
}

fn enforced() -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    if DIALECT == Dialect::Sqlite {
        conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    }
    conn
}

fn insert(conn: &mut Conn, table: &str, rows: impl Iterator<Item = String>) {
    let rows: Vec<String> = rows.collect();
    for rows in rows.chunks(5000) {
        conn.batch_execute(&format!("INSERT INTO {table} VALUES {}", rows.join(", "))).unwrap();
    }
}

/// Creates old users, some of whom have invoices.
fn users(rows: i32, with_invoices: impl Iterator<Item = i32>) -> crate::support::TestConnection<Conn> {
    let mut conn = enforced();
    conn.batch_execute(&format!(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL});
         CREATE TABLE users_archive (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL});
         CREATE TABLE invoices (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL,
             CONSTRAINT invoices_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE RESTRICT);
         CREATE INDEX invoices_user_idx ON invoices (user_id)"
    ))
    .unwrap();
    insert(&mut conn, "users", (1..=rows).map(|id| format!("({id}, {OLD})")));
    insert(&mut conn, "invoices", with_invoices.map(|id| format!("({id}, {id})")));
    conn
}

fn count(conn: &mut Conn, table: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Rows {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    diesel::sql_query(format!("SELECT COUNT(*) AS n FROM {table}")).get_result::<Rows>(conn).unwrap().n
}

fn assert_blocked(report: &PurgeReport, rows: u64, blocked: u64) {
    assert_eq!((report.rows, report.blocked_rows, report.stopped), (rows, blocked, Stopped::Complete), "{report}");
    assert_eq!(report.blocked.len() as u64, blocked.min(100), "the first hundred");
    assert_eq!(report.is_complete(), blocked == 0);
    let rows = if blocked == 1 { "row" } else { "rows" };
    let text = report.to_string().replace(',', "");
    assert_eq!(text.contains(&format!(" {blocked} {rows} blocked")), blocked > 0, "{report}");
}

#[test]
fn many_rows_that_a_child_holds_do_not_stop_the_others() {
    let conn = &mut *users(4000, 1..=150);
    let job = || users::table.purge_older_than(age()).in_batches().batch_size(500);
    let report = job().run(conn).unwrap();
    assert_blocked(&report, 3850, 150);
    // The rows are not tried one by one.
    assert!(report.batches <= 8 && report.retries == 0, "{report}");
    let first = &report.blocked[0];
    assert_eq!((first.table.as_str(), first.key.as_str(), first.cause), ("users", "1", BlockedBy::Constraint));
    assert!(first.message.contains("`invoices` (user_id)"), "{first}");
    // The next run removes the rows that became free since.
    conn.batch_execute("DELETE FROM invoices WHERE id <= 100").unwrap();
    assert_blocked(&job().run(conn).unwrap(), 100, 50);
    assert_eq!(count(conn, "users"), 50);
}

#[test]
fn rows_behind_many_that_are_held_go_under_a_limit_too() {
    let conn = &mut *users(3000, 1..=1500);
    let job = || users::table.purge_older_than(age()).in_batches().batch_size(100).max_rows(400);
    for expected in [400, 400, 400, 300] {
        let report = job().run(conn).unwrap();
        assert_eq!((report.rows, report.blocked_rows), (expected, 1500), "{report}");
    }
    assert_eq!(count(conn, "users"), 1500);
}

#[test]
fn rows_that_are_held_are_not_archived() {
    let conn = &mut *users(1000, (1..=1000).filter(|id| id % 3 == 0));
    let job = users::table.purge_older_than(age()).in_batches().batch_size(90).archive_into(users_archive::table);
    assert_blocked(&job.run(conn).unwrap(), 667, 333);
    assert_eq!((count(conn, "users"), count(conn, "users_archive")), (333, 667));
}

#[test]
fn many_rows_that_a_trigger_refuses_do_not_stop_the_others() {
    for (first, last) in [(1, 150), (400, 640), (1, 1200)] {
        let conn = &mut *users(2000, 0..0);
        let condition = format!("OLD.id BETWEEN {first} AND {last}");
        conn.batch_execute(&refuse("users", &condition)).unwrap();
        let report = users::table.purge_older_than(age()).in_batches().batch_size(300).run(conn).unwrap();
        let blocked = last - first + 1;
        assert_blocked(&report, 2000 - blocked, blocked);
        assert!(report.blocked.iter().all(|row| row.cause == BlockedBy::Other && row.message.contains("precious")));
    }
}

/// A trigger that refuses to remove some rows.
fn refuse(table: &str, condition: &str) -> String {
    match DIALECT {
        Dialect::Sqlite => format!(
            "CREATE TRIGGER refuse BEFORE DELETE ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'this row is precious'); END"
        ),
        Dialect::Postgres => format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF {condition} THEN RAISE EXCEPTION 'this row is precious'; END IF; RETURN OLD; END $$; \
             CREATE TRIGGER refuse BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
        Dialect::Mysql => format!(
            "CREATE TRIGGER refuse BEFORE DELETE ON {table} FOR EACH ROW \
             IF {condition} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this row is precious'; END IF"
        ),
    }
}

// --- tables that refer to themselves ---------------------------------------------------------------

fn threads(rows: impl Iterator<Item = (i32, Option<i32>, &'static str)>) -> crate::support::TestConnection<Conn> {
    threads_with("", rows)
}

fn threads_with(
    action: &str,
    rows: impl Iterator<Item = (i32, Option<i32>, &'static str)>,
) -> crate::support::TestConnection<Conn> {
    let mut conn = enforced();
    conn.batch_execute(&format!(
        "CREATE TABLE threads (id INTEGER PRIMARY KEY, parent_id INTEGER, deleted_at {INSTANT_NULL},
             CONSTRAINT threads_parent FOREIGN KEY (parent_id) REFERENCES threads (id) {action});
         CREATE TABLE threads_archive (id INTEGER PRIMARY KEY, parent_id INTEGER, deleted_at {INSTANT_NULL});
         CREATE INDEX threads_parent_idx ON threads (parent_id)"
    ))
    .unwrap();
    if DIALECT == Dialect::Mysql {
        conn.batch_execute("SET foreign_key_checks = 0").unwrap();
    }
    let defer = if DIALECT == Dialect::Sqlite { "PRAGMA defer_foreign_keys = ON" } else { "SELECT 1" };
    let rows: Vec<_> = rows.collect();
    conn.transaction(|conn| {
        conn.batch_execute(defer)?;
        let row = |&(id, parent, at): &(i32, Option<i32>, &str)| {
            format!("({id}, {}, {at})", parent.map_or_else(|| String::from("NULL"), |parent| parent.to_string()))
        };
        insert(conn, "threads", rows.iter().map(row));
        QueryResult::Ok(())
    })
    .unwrap();
    if DIALECT == Dialect::Mysql {
        conn.batch_execute("SET foreign_key_checks = 1").unwrap();
    }
    conn
}

#[test]
fn threads_of_two_rows_go_in_one_run() {
    for (parents_first, action) in
        [(true, ""), (false, ""), (true, "ON DELETE RESTRICT"), (false, "ON DELETE RESTRICT")]
    {
        let conn = &mut *threads_with(
            action,
            (1..=3000).map(|id| match (parents_first, id <= 1500) {
                (true, true) | (false, false) => (id, None, OLD),
                (true, false) => (id, Some(id - 1500), OLD),
                (false, true) => (id, Some(id + 1500), OLD),
            }),
        );
        let report = threads::table.purge_older_than(age()).in_batches().batch_size(200).run(conn).unwrap();
        assert_blocked(&report, 3000, 0);
        assert_eq!(count(conn, "threads"), 0);
    }
}

/// In raw SQL, a column without its table is one of the removed row.
#[test]
fn a_raw_filter_keeps_its_meaning_among_threads() {
    let conn = &mut *threads((1..=40).map(|id| (id, if id > 20 { Some(id - 20) } else { None }, OLD)));
    let raw = diesel::dsl::sql::<diesel::sql_types::Bool>("id <> 3 AND (parent_id IS NULL OR parent_id <> 4)");
    let job = threads::table.filter(raw).purge_older_than(age()).in_batches().batch_size(6);
    // Row 3 is not in the target, and row 24 holds row 4.
    assert_blocked(&job.run(conn).unwrap(), 37, 1);
    let left: Vec<i32> = threads::table.select(threads::id).order(threads::id).load(conn).unwrap();
    assert_eq!(left, [3, 4, 24]);
}

#[test]
fn rows_that_become_free_go_in_whole_batches() {
    for last in [OLD, "NULL"] {
        // Each thread has a root, a reply, and a reply to that. One thread follows the other.
        let conn = &mut *threads(
            (1..=900).map(|id| (id, if id % 3 == 1 { None } else { Some(id - 1) }, if id == 900 { last } else { OLD })),
        );
        let report = threads::table.purge_older_than(age()).in_batches().run(conn).unwrap();
        let blocked = if last == OLD { 0 } else { 2 };
        assert_blocked(&report, if last == OLD { 900 } else { 897 }, blocked);
        assert!(report.batches <= 4, "{report}");
    }
}

#[test]
fn a_budget_counts_no_row_that_goes_in_the_next_run() {
    let conn = &mut *threads((1..=900).map(|id| (id, if id % 3 == 1 { None } else { Some(id - 1) }, OLD)));
    conn.batch_execute("UPDATE threads SET deleted_at = NULL WHERE id = 3").unwrap();
    let job = || threads::table.purge_older_than(age()).in_batches().batch_size(100).max_rows(450);
    let report = job().run(conn).unwrap();
    assert_eq!((report.rows, report.blocked_rows, report.stopped), (450, 0, Stopped::MaxRows), "{report}");
    assert_blocked(&job().run(conn).unwrap(), 447, 2);
}

#[test]
fn deep_threads_go_in_one_run_and_into_the_archive() {
    // 20 threads, each 30 rows deep, have keys in no order.
    let place = |number: i32| number * 7919 % 601;
    let conn = &mut *threads((1..=600).map(|number| {
        let parent = if (number - 1) % 30 == 0 { None } else { Some(place(number - 1)) };
        (place(number), parent, OLD)
    }));
    let job = threads::table.purge_older_than(age()).in_batches().batch_size(50).archive_into(threads_archive::table);
    assert_blocked(&job.run(conn).unwrap(), 600, 0);
    assert_eq!((count(conn, "threads"), count(conn, "threads_archive")), (0, 600));
}

#[test]
fn an_active_reply_holds_all_above_it() {
    // There are 100 threads of three rows. The last reply of every tenth is active.
    let conn = &mut *threads((1..=300).map(|id| {
        let at = if id % 30 == 0 { "NULL" } else { OLD };
        (id, if id % 3 == 1 { None } else { Some(id - 1) }, at)
    }));
    let report = threads::table.purge_older_than(age()).in_batches().batch_size(7).run(conn).unwrap();
    assert_blocked(&report, 270, 20);
    assert!(report.blocked.iter().all(|row| row.message.contains("`threads` (parent_id)")), "{report}");
    let left: Vec<i32> = threads::table.select(threads::id).order(threads::id).load(conn).unwrap();
    assert_eq!(left, (1..=300).filter(|id| (id - 1) / 3 % 10 == 9).collect::<Vec<_>>());
}

/// InnoDB does not remove such a row at all.
#[test]
fn a_row_that_refers_to_itself_goes_where_the_database_lets_it_go() {
    let conn = &mut *threads([(1, Some(1), OLD), (2, Some(1), OLD), (3, Some(3), OLD), (4, None, "NULL")].into_iter());
    let report = threads::table.purge_older_than(age()).in_batches().run(conn).unwrap();
    let blocked = if DIALECT == Dialect::Mysql { 2 } else { 0 };
    assert_blocked(&report, 3 - blocked, blocked);
}

/// Rows in a circle hold each other. All others are removed.
#[test]
fn a_circle_of_rows_is_blocked_and_named() {
    let circle = [(1, Some(3), OLD), (2, Some(1), OLD), (3, Some(2), OLD), (4, Some(3), OLD), (5, None, OLD)];
    let conn = &mut *threads(circle.into_iter());
    let report = threads::table.purge_older_than(age()).in_batches().batch_size(2).run(conn).unwrap();
    assert_blocked(&report, 2, 3);
    if DIALECT != Dialect::Mysql {
        // One statement for all of them succeeds.
        assert_eq!(threads::table.purge_older_than(age()).run(conn).unwrap(), 3);
    }
}

#[test]
fn threads_with_a_key_of_two_columns_go_in_one_run() {
    let conn = &mut *enforced();
    conn.batch_execute(&format!(
        "CREATE TABLE pairs (a INTEGER NOT NULL, b VARCHAR(9) NOT NULL, up_a INTEGER, up_b VARCHAR(9), deleted_at {INSTANT_NULL},
             PRIMARY KEY (a, b), CONSTRAINT pairs_up FOREIGN KEY (up_a, up_b) REFERENCES pairs (a, b))"
    ))
    .unwrap();
    insert(conn, "pairs", (0..40).map(|number| format!("({}, 'b{number}', NULL, NULL, {OLD})", number % 3)));
    insert(
        conn,
        "pairs",
        (0..40).map(|number| format!("({}, 'c{number}', {}, 'b{number}', {OLD})", number % 2, number % 3)),
    );
    let report = pairs::table.purge_older_than(age()).in_batches().batch_size(6).run(conn).unwrap();
    assert_blocked(&report, 80, 0);
}

#[test]
fn a_job_whose_every_row_is_refused_says_so() {
    let conn = &mut *users(120, 0..0);
    conn.batch_execute(&refuse("users", "1 = 1")).unwrap();
    let report = users::table.purge_older_than(age()).in_batches().run(conn).unwrap();
    assert_blocked(&report, 0, 120);
    let limited = users::table.purge_older_than(age()).in_batches().max_blocked(20).run(conn).unwrap_err();
    assert!(matches!(limited, Error::PurgeFailed { .. }), "{limited}");
}

/// A trigger that silently keeps rows. MySQL does not have such triggers.
fn keep(table: &str, condition: &str) -> String {
    match DIALECT {
        Dialect::Sqlite => {
            format!("CREATE TRIGGER keep BEFORE DELETE ON {table} WHEN {condition} BEGIN SELECT RAISE(IGNORE); END")
        }
        _ => format!(
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF {condition} THEN RETURN NULL; END IF; RETURN OLD; END $$; \
             CREATE TRIGGER keep BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION keep()"
        ),
    }
}

/// The threads need more than one pass, and each pass meets the row that is kept.
#[test]
fn a_row_that_is_kept_silently_is_reported_after_several_passes() {
    if DIALECT == Dialect::Mysql {
        return;
    }
    for (kept, rows, blocked) in [(21, 20, 1), (20, 19, 2)] {
        let rows_of = (1..=21).map(|id| (id, if (11..=20).contains(&id) { Some(id - 10) } else { None }, OLD));
        let conn = &mut *threads(rows_of);
        conn.batch_execute(&keep("threads", &format!("OLD.id = {kept}"))).unwrap();
        let report = threads::table.purge_older_than(age()).in_batches().batch_size(6).run(conn).unwrap();
        assert_blocked(&report, rows, blocked);
        assert!(report.blocked.iter().any(|row| row.key == kept.to_string() && row.cause == BlockedBy::Other));
    }
}

#[test]
fn a_row_that_is_kept_silently_is_found_behind_rows_that_are_held() {
    if DIALECT == Dialect::Mysql {
        return;
    }
    let conn = &mut *users(100, [1, 2, 60].into_iter());
    conn.batch_execute(&keep("users", "OLD.id = 50")).unwrap();
    let report = users::table.purge_older_than(age()).in_batches().batch_size(30).run(conn).unwrap();
    assert_blocked(&report, 96, 4);
    assert!(report.blocked.iter().any(|row| row.key == "50" && row.cause == BlockedBy::Other), "{report:?}");
}

/// A row that holds another and is itself removed is not a reason to stop.
#[test]
fn a_limit_of_blocked_rows_does_not_count_threads_that_go() {
    let rows = || (1..=400).map(|id| (id, if id > 200 { Some(id - 200) } else { None }, OLD));
    let job = || threads::table.purge_older_than(age()).in_batches().batch_size(90).max_blocked(10);
    let conn = &mut *threads(rows());
    assert_blocked(&job().run(conn).unwrap(), 400, 0);
    // Rows of other tables are not removed.
    let conn = &mut *users(400, 1..=50);
    let report = users::table.purge_older_than(age()).in_batches().max_blocked(10).run(conn).unwrap();
    assert_eq!((report.rows, report.stopped, report.blocked_rows), (0, Stopped::MaxBlocked, 50), "{report}");
}

#[test]
fn rows_that_two_children_hold_are_reported_once() {
    let conn = &mut *users(200, 1..=60);
    conn.batch_execute(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL,
             CONSTRAINT orders_user FOREIGN KEY (user_id) REFERENCES users (id));
         CREATE INDEX orders_user_idx ON orders (user_id)",
    )
    .unwrap();
    insert(conn, "orders", (1..=120).map(|id| format!("({id}, {id})")));
    assert_blocked(&users::table.purge_older_than(age()).in_batches().run(conn).unwrap(), 80, 120);
}

/// The trigger refuses before the foreign key does, and all rows are blocked.
#[test]
fn rows_that_a_trigger_and_a_child_hold_are_counted_once() {
    let conn = &mut *users(8, 1..=8);
    conn.batch_execute(&refuse("users", "OLD.id <> 2")).unwrap();
    assert_blocked(&users::table.purge_older_than(age()).in_batches().run(conn).unwrap(), 0, 8);
}

/// The database refuses at the end of the transaction.
#[test]
fn keys_that_are_tested_late_hold_rows_too() {
    if DIALECT == Dialect::Mysql {
        return;
    }
    for archive in [false, true] {
        let conn = &mut *users(500, 0..0);
        conn.batch_execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL,
                 CONSTRAINT orders_user FOREIGN KEY (user_id) REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)",
        )
        .unwrap();
        insert(conn, "orders", (1..=40).map(|id| format!("({id}, {})", id * 3)));
        let job = || users::table.purge_older_than(age()).in_batches().batch_size(70);
        let report = if archive { job().archive_into(users_archive::table).run(conn) } else { job().run(conn) };
        assert_blocked(&report.unwrap(), 460, 40);
        assert_eq!(count(conn, "users_archive"), if archive { 460 } else { 0 });
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    #[sql_name = "Or`d\"er"]
    odd_orders (key) {
        #[sql_name = "K`e\"y"]
        key -> Text,
        #[sql_name = "Up`p\"er"]
        upper -> Nullable<Text>,
        #[sql_name = "At"]
        at -> Nullable<Instant>,
    }
}
diesel_soft_delete::soft_deletable! {
    odd_orders { timestamp = at }
}

#[test]
fn names_with_quotes_and_keys_of_text_hold_rows_as_others_do() {
    let conn = &mut *enforced();
    let name = |name: &str| match DIALECT {
        Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    };
    let (table, key, upper) = (name("Or`d\"er"), name("K`e\"y"), name("Up`p\"er"));
    conn.batch_execute(&format!(
        "CREATE TABLE {table} ({key} VARCHAR(20) PRIMARY KEY, {upper} VARCHAR(20), {} {INSTANT_NULL},
             CONSTRAINT {} FOREIGN KEY ({upper}) REFERENCES {table} ({key}));
         CREATE TABLE {} (id INTEGER PRIMARY KEY, {key} VARCHAR(20),
             CONSTRAINT {} FOREIGN KEY ({key}) REFERENCES {table} ({key}))",
        name("At"),
        name("Or`d\"er_up"),
        name("It`e\"m"),
        name("It`e\"m_order")
    ))
    .unwrap();
    insert(conn, &table, (1..=50).map(|n| format!("('É{n}''x', NULL, {OLD})")));
    insert(conn, &table, (1..=50).map(|n| format!("('b{n}', 'É{n}''x', {OLD})")));
    insert(conn, &name("It`e\"m"), (1..=5).map(|n| format!("({n}, 'b{n}')")));
    let report = odd_orders::table.purge_older_than(age()).in_batches().batch_size(9).run(conn).unwrap();
    assert_blocked(&report, 90, 10);
}
