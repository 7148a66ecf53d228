// `check` and `assert_schema` find what is wrong in a schema, and the SQL of a finding fixes it.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_soft_delete::Severity::{self, Note, Warning};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error as OurError, assert_schema, check};

use super::backend::{Conn, DIALECT, INSTANT_NULL, connection, shared};
use crate::findings::{clean, find, mend, report, shown};
use crate::support::TestConnection;

diesel::table! {
    posts {
        id -> Integer,
        slug -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    notes {
        id -> Integer,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    maybe {
        id -> Integer,
        is_deleted -> Nullable<Bool>,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    lively {
        id -> Integer,
        is_active -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    full {
        id -> Integer,
        is_deleted -> Bool,
        deleted_ms -> Nullable<BigInt>,
        touched_ms -> BigInt,
        reason -> Nullable<Text>,
        operation -> Nullable<Text>,
        held -> Bool,
    }
}
diesel::table! {
    touched {
        id -> Integer,
        is_deleted -> Bool,
        updated_at -> Timestamp,
    }
}
diesel_soft_delete::soft_deletable! {
    posts { flag = is_deleted, timestamp = deleted_at }
    notes { timestamp = deleted_at }
    maybe { flag = is_deleted, timestamp = deleted_at }
    lively { active_flag = is_active, timestamp = deleted_at }
    full {
        flag = is_deleted, timestamp = deleted_ms, unit = millis, touch = touched_ms,
        metadata(reason), operation = operation, hold = held
    }
    touched { flag = is_deleted, touch = updated_at }
}

const ERROR: Severity = Severity::Error;
/// A key that causes no note. Without AUTOINCREMENT, SQLite can use the number of a removed row again.
const KEY: &str =
    if matches!(DIALECT, Dialect::Sqlite) { "INTEGER PRIMARY KEY AUTOINCREMENT" } else { "INTEGER PRIMARY KEY" };
const FLAG: &str = "BOOLEAN NOT NULL DEFAULT FALSE";

/// The table `posts`, which is correct except for what is given.
fn with(flag: &str, instant: &str, rest: &str) -> TestConnection<Conn> {
    let mut conn = connection();
    let check = ", CHECK ((is_deleted = TRUE) = (deleted_at IS NOT NULL))";
    conn.batch_execute(&format!(
        "CREATE TABLE posts (id {KEY}, slug VARCHAR(20) NOT NULL, is_deleted {flag}, \
         deleted_at {instant}{rest}{check})"
    ))
    .unwrap();
    conn
}

fn purge_index(conn: &mut Conn) {
    conn.batch_execute(match DIALECT {
        Dialect::Mysql => "CREATE INDEX by_purge ON posts (is_deleted, id, deleted_at)",
        Dialect::Postgres | Dialect::Sqlite => {
            "CREATE INDEX by_purge ON posts (id, deleted_at) WHERE is_deleted = TRUE"
        }
    })
    .unwrap();
}

/// A table without findings.
fn good() -> TestConnection<Conn> {
    let mut conn = with(FLAG, INSTANT_NULL, "");
    purge_index(&mut conn);
    conn
}

/// SQLite cannot alter columns, so its finding does not have SQL.
fn mend_unless_sqlite<T: SoftDeletable>(conn: &mut Conn, severity: Severity, phrase: &str) {
    if DIALECT == Dialect::Sqlite {
        report::<T, _>(conn, severity, phrase);
    } else {
        mend::<T, _>(conn, severity, phrase);
    }
}

#[test]
fn a_good_table_has_no_findings() {
    let conn = &mut *good();
    assert_eq!(check::<posts::table, _>(conn).unwrap(), []);
    assert_schema::<posts::table, _>(conn).unwrap();
}

#[test]
fn flags_that_are_neither_0_nor_1_are_counted() {
    if DIALECT == Dialect::Postgres {
        return;
    }
    let conn = &mut *with("SMALLINT NOT NULL DEFAULT 0", INSTANT_NULL, "");
    purge_index(conn);
    conn.batch_execute(
        "INSERT INTO posts (id, slug, is_deleted, deleted_at) VALUES (1, 'a', 0, NULL), (2, 'b', 1, '2024-01-01 00:00:00'),
             (3, 'c', -1, NULL), (4, 'd', 2, NULL), (5, 'e', 200, NULL)",
    )
    .unwrap();
    report::<posts::table, _>(conn, ERROR, "3 rows have a value in `is_deleted` that is neither 0 nor 1");
    conn.batch_execute("UPDATE posts SET is_deleted = 0 WHERE id > 2").unwrap();
    clean::<posts::table, _>(conn);
    // The same holds for a flag whose NULL means active.
    let maybe = "CREATE TABLE maybe (id INTEGER PRIMARY KEY, is_deleted SMALLINT NULL DEFAULT 0, deleted_at";
    conn.batch_execute(&format!(
        "{maybe} {INSTANT_NULL}); INSERT INTO maybe (id, is_deleted) VALUES (1, NULL), (2, 7)"
    ))
    .unwrap();
    report::<maybe::table, _>(conn, ERROR, "1 row has a value");
}

mod related {
    diesel::table! {
        users (id) {
            id -> Integer,
            number -> Integer,
            deleted_at -> Nullable<Timestamp>,
        }
    }
    diesel::table! {
        orders (id) {
            id -> Integer,
            user_number -> Integer,
            reviewer_id -> Nullable<Integer>,
            deleted_at -> Nullable<Timestamp>,
        }
    }
    diesel::table! {
        pages (tenant_id, id) {
            tenant_id -> Integer,
            id -> Integer,
            deleted_at -> Nullable<Timestamp>,
        }
    }
    diesel::table! {
        notes (id) {
            id -> Integer,
            tenant_id -> Integer,
            page_id -> Integer,
            deleted_at -> Nullable<Timestamp>,
        }
    }
    diesel_soft_delete::soft_deletable! {
        users { timestamp = deleted_at, cascade(orders(user_number)), set_null(orders(reviewer_id)) }
        orders { timestamp = deleted_at }
        pages { timestamp = deleted_at, cascade(notes(tenant_id, page_id)) }
        notes { timestamp = deleted_at }
    }
}

#[test]
fn a_relation_that_the_foreign_key_contradicts_is_an_error() {
    use related::{pages, users};
    let phrase = "the relation finds rows of another parent";
    let instant = if DIALECT == Dialect::Mysql { "DATETIME(6) NULL" } else { "TIMESTAMP" };
    let tables = |conn: &mut Conn, orders: &str, notes: &str| {
        conn.batch_execute(&format!(
            "DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS notes; DROP TABLE IF EXISTS people; DROP TABLE IF EXISTS users;
             DROP TABLE IF EXISTS pages;
             CREATE TABLE people (id INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, region INTEGER NOT NULL,
                 UNIQUE (region, number));
             CREATE TABLE users (id INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, region INTEGER NOT NULL DEFAULT 0,
                 deleted_at {instant}, UNIQUE (region, id), UNIQUE (region, number));
             CREATE TABLE pages (tenant_id INTEGER NOT NULL, id INTEGER NOT NULL, serial INTEGER NOT NULL UNIQUE,
                 deleted_at {instant}, PRIMARY KEY (tenant_id, id), UNIQUE (id, tenant_id));
             CREATE TABLE orders (id INTEGER PRIMARY KEY, user_number INTEGER NOT NULL, reviewer_id INTEGER,
                 region INTEGER NOT NULL DEFAULT 0, deleted_at {instant}{orders});
             CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, page_id INTEGER NOT NULL,
                 deleted_at {instant}{notes})"
        ))
        .unwrap();
    };
    let conn = &mut *connection();
    for (orders, wrong) in [
        ("", false),
        (", FOREIGN KEY (user_number) REFERENCES users (id)", false),
        (", FOREIGN KEY (reviewer_id) REFERENCES users (id)", false),
        (", FOREIGN KEY (region, user_number) REFERENCES users (region, id)", false),
        // One key agrees with the relation, and another does not.
        (", FOREIGN KEY (user_number) REFERENCES users (id), FOREIGN KEY (user_number) REFERENCES people (id)", false),
        // A key of two columns does not contradict a relation of one.
        (", FOREIGN KEY (region, user_number) REFERENCES people (region, number)", false),
        (", FOREIGN KEY (user_number) REFERENCES users (number)", true),
        (", FOREIGN KEY (reviewer_id) REFERENCES users (number)", true),
        (", FOREIGN KEY (region, user_number) REFERENCES users (region, number)", true),
        (", FOREIGN KEY (user_number) REFERENCES people (id)", true),
        (", FOREIGN KEY (user_number) REFERENCES people (number)", true),
    ] {
        tables(conn, orders, "");
        if wrong {
            report::<users::table, _>(conn, ERROR, phrase);
        } else {
            assert!(find::<users::table, _>(conn, phrase).is_none(), "{orders}");
        }
    }
    tables(conn, ", FOREIGN KEY (user_number) REFERENCES users (number)", "");
    let finding = find::<users::table, _>(conn, phrase).unwrap();
    assert_eq!(
        finding.message,
        "`cascade(orders(user_number))` means `id` of this table, but the foreign key of `orders` (user_number) references \
         `users` (number): the relation finds rows of another parent"
    );
    for (notes, wrong) in [
        (", FOREIGN KEY (tenant_id, page_id) REFERENCES pages (tenant_id, id)", false),
        (", FOREIGN KEY (page_id, tenant_id) REFERENCES pages (id, tenant_id)", false),
        (", FOREIGN KEY (tenant_id) REFERENCES people (id)", false),
        (", FOREIGN KEY (tenant_id, page_id) REFERENCES pages (id, tenant_id)", true),
        (", FOREIGN KEY (page_id) REFERENCES pages (serial)", true),
        (", FOREIGN KEY (tenant_id, page_id) REFERENCES people (region, number)", true),
    ] {
        tables(conn, "", notes);
        if wrong {
            report::<pages::table, _>(conn, ERROR, phrase);
        } else {
            assert!(find::<pages::table, _>(conn, phrase).is_none(), "{notes}");
        }
    }
    if DIALECT != Dialect::Mysql {
        // A foreign key without columns means the primary key.
        tables(conn, "", ", FOREIGN KEY (tenant_id, page_id) REFERENCES pages");
        assert!(find::<pages::table, _>(conn, phrase).is_none());
        tables(conn, "", ", FOREIGN KEY (page_id, tenant_id) REFERENCES pages");
        report::<pages::table, _>(conn, ERROR, phrase);
    }
}

#[test]
fn a_missing_table_is_an_error() {
    let conn = &mut *connection();
    report::<posts::table, _>(conn, ERROR, "does not exist");
    assert_eq!(check::<posts::table, _>(conn).unwrap().len(), 1);
}

#[test]
fn a_view_is_an_error() {
    let conn = &mut *connection();
    conn.batch_execute("CREATE TABLE base (id INTEGER PRIMARY KEY)").unwrap();
    conn.batch_execute("CREATE VIEW posts AS SELECT * FROM base").unwrap();
    report::<posts::table, _>(conn, ERROR, "is a view");
    assert_eq!(check::<posts::table, _>(conn).unwrap().len(), 1);
}

#[test]
fn missing_columns_are_found_and_can_be_added() {
    let conn = &mut *connection();
    for table in ["posts", "notes", "maybe", "lively", "touched", "\"full\""] {
        let table = if DIALECT == Dialect::Mysql { table.replace('"', "`") } else { table.to_owned() };
        conn.batch_execute(&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, slug VARCHAR(20))")).unwrap();
        conn.batch_execute(&format!("INSERT INTO {table} (id) VALUES (7)")).unwrap();
    }
    mend::<posts::table, _>(conn, ERROR, "`is_deleted` is missing");
    mend::<posts::table, _>(conn, ERROR, "`deleted_at` is missing");
    mend::<posts::table, _>(conn, Warning, "no index serves a purge");
    assert_eq!(posts::table.active().count().get_result::<i64>(conn), Ok(1));
    mend::<notes::table, _>(conn, ERROR, "`deleted_at` is missing");
    mend::<notes::table, _>(conn, Warning, "no index serves a purge");
    mend::<maybe::table, _>(conn, ERROR, "`is_deleted` is missing");
    mend::<maybe::table, _>(conn, ERROR, "`deleted_at` is missing");
    mend::<maybe::table, _>(conn, Warning, "no index serves a purge");
    mend::<lively::table, _>(conn, ERROR, "`is_active` is missing");
    mend::<lively::table, _>(conn, ERROR, "`deleted_at` is missing");
    mend::<lively::table, _>(conn, Warning, "no index serves a purge");
    assert_eq!(lively::table.active().count().get_result::<i64>(conn), Ok(1));
    mend::<touched::table, _>(conn, ERROR, "`is_deleted` is missing");
    mend::<touched::table, _>(conn, ERROR, "`updated_at` is missing");
    for column in ["is_deleted", "deleted_ms", "touched_ms", "reason", "operation", "held"] {
        mend::<full::table, _>(conn, ERROR, &format!("`{column}` is missing"));
    }
    mend::<full::table, _>(conn, Warning, "no index serves a purge");
    if DIALECT == Dialect::Postgres {
        mend::<posts::table, _>(conn, Warning, "no CHECK");
        mend::<maybe::table, _>(conn, Warning, "no CHECK");
        mend::<lively::table, _>(conn, Warning, "no CHECK");
        mend::<full::table, _>(conn, Warning, "no CHECK");
    }
    type All = ((posts::table, notes::table), maybe::table, (lively::table, (full::table,)), touched::table);
    assert_schema::<All, _>(conn).unwrap();
    // The added columns work.
    assert_eq!(touched::table.find(7).soft_delete().execute(conn), Ok(1));
    assert_eq!(full::table.find(7).soft_delete().execute(conn), Ok(1));
    assert_eq!(full::table.find(7).restore().execute(conn), Ok(1));
}

#[test]
fn an_added_flag_agrees_with_the_times_of_the_rows() {
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug VARCHAR(20), deleted_at {INSTANT_NULL});
         INSERT INTO posts (id, deleted_at) VALUES (1, NULL), (2, '2024-01-01 00:00:00');"
    ))
    .unwrap();
    mend::<posts::table, _>(conn, ERROR, "`is_deleted` is missing");
    assert_eq!(posts::table.active().select(posts::id).load::<i32>(conn), Ok(vec![1]));
    let kinds = check::<posts::table, _>(conn).unwrap().into_iter().map(|finding| finding.kind);
    assert!(!kinds.into_iter().any(|kind| kind == diesel_soft_delete::FindingKind::DisagreeingRows));
}

#[test]
fn a_flag_of_another_type_is_found() {
    let conn = &mut *connection();
    let (text, severity) = match DIALECT {
        Dialect::Postgres => ("TEXT NOT NULL DEFAULT 'no'", ERROR),
        Dialect::Mysql => ("VARCHAR(9) NOT NULL DEFAULT 'no'", ERROR),
        Dialect::Sqlite => ("TEXT NOT NULL DEFAULT 'no'", Warning),
    };
    conn.batch_execute(&format!(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug VARCHAR(20), is_deleted {text}, deleted_at {INSTANT_NULL})"
    ))
    .unwrap();
    report::<posts::table, _>(conn, severity, "not BOOLEAN");
    if DIALECT != Dialect::Postgres {
        for fine in ["TINYINT(1)", "TINYINT", "INT", "BOOL"] {
            let conn = &mut *with(&format!("{fine} NOT NULL DEFAULT 0"), INSTANT_NULL, "");
            assert!(find::<posts::table, _>(conn, "not BOOLEAN").is_none(), "{fine}");
        }
    }
}

#[test]
fn a_time_of_another_type_is_found() {
    let number = &mut *with(FLAG, "BIGINT", "");
    report::<posts::table, _>(number, ERROR, "`deleted_at` is");
    if DIALECT == Dialect::Sqlite {
        for fine in ["TEXT", "DATETIME", "", "TIMESTAMPTZ"] {
            let conn = &mut *with(FLAG, fine, "");
            assert!(find::<posts::table, _>(conn, "`deleted_at` is").is_none(), "{fine}");
        }
    }
    let ms = |ty: &str| {
        let mut conn = connection();
        let name = if DIALECT == Dialect::Mysql { "`full`" } else { "\"full\"" };
        conn.batch_execute(&format!(
            "CREATE TABLE {name} (id INTEGER PRIMARY KEY, is_deleted {FLAG}, deleted_ms {ty}, \
             touched_ms BIGINT NOT NULL, reason VARCHAR(9), operation VARCHAR(9))"
        ))
        .unwrap();
        conn
    };
    report::<full::table, _>(&mut *ms("VARCHAR(30)"), ERROR, "`deleted_ms` is");
    assert!(find::<full::table, _>(&mut *ms("BIGINT"), "`deleted_ms` is").is_none());
}

#[test]
fn a_flag_that_can_be_null_is_an_error_unless_declared_so() {
    let conn = &mut *with("BOOLEAN DEFAULT FALSE", INSTANT_NULL, "");
    conn.batch_execute("INSERT INTO posts (id, slug, is_deleted) VALUES (1, 'a', NULL)").unwrap();
    mend_unless_sqlite::<posts::table>(conn, ERROR, "`is_deleted` can be NULL");
    if DIALECT != Dialect::Sqlite {
        assert_eq!(posts::table.active().count().get_result::<i64>(conn), Ok(1));
    }
    // A flag that is declared as nullable can be NULL.
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "CREATE TABLE maybe (id INTEGER PRIMARY KEY, is_deleted BOOLEAN, deleted_at {INSTANT_NULL})"
    ))
    .unwrap();
    assert!(find::<maybe::table, _>(conn, "is_deleted").is_none());
}

#[test]
fn columns_that_a_restore_cannot_reset_are_errors() {
    let not_null = INSTANT_NULL.replace("NULL DEFAULT NULL", "") + " NOT NULL";
    let conn = &mut *with(FLAG, &not_null, "");
    mend_unless_sqlite::<posts::table>(conn, ERROR, "`deleted_at` is NOT NULL");
    let conn = &mut *connection();
    let name = if DIALECT == Dialect::Mysql { "`full`" } else { "\"full\"" };
    conn.batch_execute(&format!(
        "CREATE TABLE {name} (id INTEGER PRIMARY KEY, is_deleted {FLAG}, deleted_ms BIGINT NOT NULL, \
         touched_ms BIGINT NOT NULL, reason VARCHAR(9) NOT NULL, operation VARCHAR(9))"
    ))
    .unwrap();
    mend_unless_sqlite::<full::table>(conn, ERROR, "`reason` is NOT NULL");
    mend_unless_sqlite::<full::table>(conn, ERROR, "`deleted_ms` is NOT NULL");
}

#[test]
fn defaults_that_create_deleted_rows_are_found() {
    let conn = &mut *with("BOOLEAN NOT NULL", INSTANT_NULL, "");
    mend_unless_sqlite::<posts::table>(conn, Warning, "`is_deleted` has no default");
    for wrong in ["TRUE", "1"] {
        if wrong == "1" && DIALECT == Dialect::Postgres {
            continue;
        }
        let conn = &mut *with(&format!("BOOLEAN NOT NULL DEFAULT {wrong}"), INSTANT_NULL, "");
        mend_unless_sqlite::<posts::table>(conn, ERROR, "deleted from the start");
    }
    let conn = &mut *connection();
    conn.batch_execute("CREATE TABLE lively (id INTEGER PRIMARY KEY, is_active BOOLEAN NOT NULL DEFAULT FALSE)")
        .unwrap();
    mend_unless_sqlite::<lively::table>(conn, ERROR, "deleted from the start");
    let now = if DIALECT == Dialect::Mysql {
        "DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6)"
    } else {
        "TIMESTAMP DEFAULT CURRENT_TIMESTAMP"
    };
    let conn = &mut *with(FLAG, now, "");
    mend_unless_sqlite::<posts::table>(conn, Warning, "would carry the time");
    conn.batch_execute(&format!("CREATE TABLE notes (id INTEGER PRIMARY KEY, deleted_at {now})")).unwrap();
    mend_unless_sqlite::<notes::table>(conn, ERROR, "deleted from the start");
}

#[test]
fn hold_columns_are_checked_as_declared() {
    diesel::table! { mails { id -> Integer, deleted_at -> Nullable<Timestamp>, held -> Bool, } }
    diesel_soft_delete::soft_deletable! { mails { timestamp = deleted_at, hold = held } }
    let with = |held: &str| {
        let mut conn = connection();
        conn.batch_execute(&format!(
            "CREATE TABLE mails (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL}, held {held});
             INSERT INTO mails (id) VALUES (1)"
        ))
        .unwrap();
        conn
    };
    mend_unless_sqlite::<mails::table>(&mut with("BOOLEAN"), ERROR, "`held` can be NULL but is declared NOT NULL");
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "CREATE TABLE mails (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL}, held BOOLEAN NOT NULL)"
    ))
    .unwrap();
    mend_unless_sqlite::<mails::table>(conn, Warning, "`held` has no default");
    let of_text = find::<mails::table, _>(&mut *with("VARCHAR(9) NOT NULL DEFAULT 'x'"), "`held` is").unwrap();
    assert_eq!(of_text.severity, if DIALECT == Dialect::Sqlite { Warning } else { ERROR });
    report::<mails::table, _>(&mut *with("BOOLEAN NOT NULL DEFAULT TRUE"), Note, "under hold at once");
    let good = &mut *with(FLAG);
    assert!(find::<mails::table, _>(good, "`held`").is_none());

    // No statement sets it, so it may be generated. An existing column that can be NULL is accepted.
    let generated =
        if DIALECT == Dialect::Mysql { "BOOLEAN AS (id > 5)" } else { "BOOLEAN GENERATED ALWAYS AS (id > 5) STORED" };
    assert!(find::<mails::table, _>(&mut *with(generated), "`held`").is_none());
    let conn = &mut *with("BOOLEAN");
    let names = diesel_soft_delete::SoftDeleteMigration::new("mails").timestamp("deleted_at").hold("held");
    let adapted = names.clone().adapted_to(conn).unwrap();
    assert_eq!(adapted.existing_columns(), ["deleted_at", "held"]);
    let about_hold = |findings: Vec<diesel_soft_delete::Finding>| findings.iter().any(|f| f.message.contains("`held`"));
    assert!(about_hold(names.check(conn).unwrap()));
    assert!(!about_hold(adapted.check(conn).unwrap()));
}

#[test]
fn a_generated_flag_is_an_error() {
    let conn = &mut *connection();
    let generated =
        if DIALECT == Dialect::Mysql { "BOOLEAN AS (id > 5)" } else { "BOOLEAN GENERATED ALWAYS AS (id > 5) STORED" };
    conn.batch_execute(&format!("CREATE TABLE posts (id INTEGER PRIMARY KEY, slug VARCHAR(9), is_deleted {generated}, deleted_at {INSTANT_NULL})"))
        .unwrap();
    report::<posts::table, _>(conn, ERROR, "`is_deleted` is a generated column");
}

#[test]
fn a_missing_purge_index_is_found_and_can_be_added() {
    let conn = &mut *with(FLAG, INSTANT_NULL, "");
    mend::<posts::table, _>(conn, Warning, "no index serves a purge");
    assert_eq!(check::<posts::table, _>(conn).unwrap(), []);
    // Some other indexes serve a purge, and some do not.
    let partial = DIALECT != Dialect::Mysql;
    for (index, serves) in [
        ("(deleted_at)", true),
        ("(deleted_at, id)", true),
        ("(id, deleted_at)", false),
        ("(slug)", false),
        ("(is_deleted, deleted_at)", !partial),
        ("(is_deleted, slug)", false),
        ("(id, deleted_at) WHERE is_deleted = TRUE", true),
        // The age in the predicate of a purge implies it.
        ("(id, deleted_at) WHERE deleted_at IS NOT NULL", true),
        ("(id, deleted_at) WHERE is_deleted = FALSE", false),
        ("(id) WHERE is_deleted = TRUE", false),
        ("(id, deleted_at) WHERE is_deleted = TRUE AND slug = 'a'", false),
    ] {
        if !partial && index.contains("WHERE") {
            continue;
        }
        let conn = &mut *with(FLAG, INSTANT_NULL, "");
        conn.batch_execute(&format!("CREATE INDEX i ON posts {index}")).unwrap();
        assert_eq!(find::<posts::table, _>(conn, "serves a purge").is_none(), serves, "{index}");
    }
    // The name of the index is taken, and the table does not have a primary key.
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "CREATE TABLE notes (id INTEGER, deleted_at {INSTANT_NULL}); CREATE INDEX notes_purge_idx ON notes (id)"
    ))
    .unwrap();
    mend::<notes::table, _>(conn, Warning, "no index serves a purge");
    clean::<notes::table, _>(conn);
}

#[test]
fn rows_whose_flag_and_time_disagree_are_counted_and_fixed() {
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug VARCHAR(9), is_deleted {FLAG}, deleted_at {INSTANT_NULL});
         INSERT INTO posts VALUES (1, 'a', TRUE, NULL), (2, 'b', TRUE, NULL), (3, 'c', FALSE, '2024-01-01 00:00:00'),
             (4, 'd', FALSE, NULL), (5, 'e', TRUE, '2024-01-01 00:00:00');"
    ))
    .unwrap();
    mend::<posts::table, _>(conn, Warning, "2 deleted rows have no time");
    mend::<posts::table, _>(conn, Warning, "1 active row has a time");
    assert_eq!(posts::table.active().select(posts::id).order(posts::id).load::<i32>(conn), Ok(vec![3, 4]));
    let instants = posts::table.filter(posts::deleted_at.is_not_null()).count().get_result::<i64>(conn);
    assert_eq!(instants, Ok(3));
    // The written time is UTC and has a form that Diesel reads.
    let at =
        posts::table.find(1).select(posts::deleted_at).first::<Option<chrono::NaiveDateTime>>(conn).unwrap().unwrap();
    assert!((chrono::Utc::now().naive_utc() - at).num_minutes().abs() < 5, "{at}");
    // Times as integers are fixed too.
    let name = if DIALECT == Dialect::Mysql { "`full`" } else { "\"full\"" };
    conn.batch_execute(&format!(
        "CREATE TABLE {name} (id INTEGER PRIMARY KEY, is_deleted {FLAG}, deleted_ms BIGINT, touched_ms BIGINT, reason VARCHAR(9), operation VARCHAR(9));
         INSERT INTO {name} (id, is_deleted) VALUES (1, TRUE);"
    ))
    .unwrap();
    mend::<full::table, _>(conn, Warning, "1 deleted row has");
    let at = full::table.select(full::deleted_ms).first::<Option<i64>>(conn).unwrap().unwrap();
    assert!((chrono::Utc::now().timestamp_millis() - at).abs() < 300_000, "{at}");
}

#[test]
fn unique_indexes_that_count_deleted_rows_are_found() {
    let conn = &mut *good();
    conn.batch_execute("CREATE UNIQUE INDEX slugs ON posts (slug)").unwrap();
    let insert = "INSERT INTO posts (id, slug) VALUES (10, 'x')";
    let sql = mend::<posts::table, _>(conn, Warning, "`slugs` counts soft-deleted rows");
    assert!(sql.contains("UNIQUE"), "{sql}");
    clean::<posts::table, _>(conn);
    conn.batch_execute(insert).unwrap();
    posts::table.find(10).soft_delete().execute(conn).unwrap();
    conn.batch_execute(&insert.replace("10", "11")).unwrap();
    assert!(conn.batch_execute(&insert.replace("10", "12")).is_err());

    let conn = &mut *good();
    conn.batch_execute("CREATE UNIQUE INDEX a ON posts (slug, deleted_at)").unwrap();
    report::<posts::table, _>(conn, ERROR, "`a` protects nothing");
    conn.batch_execute("CREATE UNIQUE INDEX b ON posts (slug, is_deleted)").unwrap();
    report::<posts::table, _>(conn, ERROR, "`b` leaves room for one");

    // A key that contains the primary key blocks no row.
    let conn = &mut *good();
    conn.batch_execute("CREATE UNIQUE INDEX a ON posts (slug, id)").unwrap();
    clean::<posts::table, _>(conn);
}

#[test]
fn unique_constraints_that_count_deleted_rows_are_found() {
    let conn = &mut *with(FLAG, INSTANT_NULL, ", CONSTRAINT slugs UNIQUE (slug)");
    purge_index(conn);
    if DIALECT == Dialect::Sqlite {
        report::<posts::table, _>(conn, Warning, "must be rebuilt");
        return;
    }
    mend::<posts::table, _>(conn, Warning, "`slugs` counts soft-deleted rows");
    clean::<posts::table, _>(conn);
    // A foreign key needs this constraint.
    let conn = &mut *with(FLAG, INSTANT_NULL, ", CONSTRAINT slugs UNIQUE (slug)");
    conn.batch_execute("CREATE TABLE kids (id INTEGER, slug VARCHAR(20), FOREIGN KEY (slug) REFERENCES posts (slug))")
        .unwrap();
    report::<posts::table, _>(conn, Warning, "a foreign key references it");
}

#[test]
fn foreign_keys_that_a_purge_would_follow_are_found() {
    let conn = &mut *good();
    for (child, action) in [("a", "ON DELETE CASCADE"), ("b", "ON DELETE SET NULL ON UPDATE CASCADE"), ("c", "")] {
        conn.batch_execute(&format!(
            "CREATE TABLE kid_{child} (id INTEGER PRIMARY KEY, post_id INTEGER, \
             CONSTRAINT fk_{child} FOREIGN KEY (post_id) REFERENCES posts (id) {action})"
        ))
        .unwrap();
    }
    report::<posts::table, _>(conn, Note, "`kid_c` (post_id)");
    mend_unless_sqlite::<posts::table>(conn, Warning, "a purge removes its rows");
    mend_unless_sqlite::<posts::table>(conn, Warning, "a purge changes its rows");
    if DIALECT != Dialect::Sqlite {
        clean::<posts::table, _>(conn);
        let notes = check::<posts::table, _>(conn).unwrap();
        assert_eq!(notes.len(), 3, "{}", shown(&notes));
        assert!(
            notes.iter().filter(|note| note.message.contains("ON DELETE RESTRICT")).count() >= 2,
            "{}",
            shown(&notes)
        );
    }
}

#[test]
fn hostile_names_are_quoted_in_the_sql_of_findings() {
    diesel::table! {
        #[sql_name = "Ta \"b`l' % é;"]
        hostile {
            #[sql_name = "Key \"`'%"]
            id -> Integer,
            #[sql_name = "Is \"Deleted`' % ü"]
            is_deleted -> Bool,
            #[sql_name = "SELECT \"`'"]
            deleted_at -> Nullable<Timestamp>,
            #[sql_name = "WHERE \"`' AND ("]
            reason -> Nullable<Text>,
        }
    }
    diesel_soft_delete::soft_deletable! { hostile { flag = is_deleted, timestamp = deleted_at, metadata(reason) } }
    let quote = |name: &str| match DIALECT {
        Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        Dialect::Mysql | Dialect::Sqlite => format!("`{}`", name.replace('`', "``")),
    };
    let table = quote("Ta \"b`l' % é;");
    let conn = &mut *connection();
    report::<hostile::table, _>(conn, ERROR, "does not exist");
    conn.batch_execute(&format!("CREATE TABLE {table} ({} INTEGER PRIMARY KEY)", quote("Key \"`'%"))).unwrap();
    conn.batch_execute(&format!("INSERT INTO {table} VALUES (1)")).unwrap();
    for column in ["Is \"Deleted`' % ü", "SELECT \"`'", "WHERE \"`' AND ("] {
        mend::<hostile::table, _>(conn, ERROR, &format!("the column `{column}` is missing"));
    }
    mend::<hostile::table, _>(conn, Warning, "no index serves a purge");
    if DIALECT == Dialect::Postgres {
        mend::<hostile::table, _>(conn, Warning, "no CHECK");
    }
    let (key, reason) = (quote("UQ \"`'%"), quote("WHERE \"`' AND ("));
    if DIALECT == Dialect::Mysql {
        conn.batch_execute(&format!("CREATE UNIQUE INDEX {key} ON {table} ({reason}(10))")).unwrap();
    } else {
        conn.batch_execute(&format!("CREATE UNIQUE INDEX {key} ON {table} ({reason})")).unwrap();
    }
    mend::<hostile::table, _>(conn, Warning, "counts soft-deleted rows");
    let flag = quote("Is \"Deleted`' % ü");
    if DIALECT != Dialect::Mysql {
        conn.batch_execute(&format!("CREATE INDEX {key} ON {table} ({reason}) WHERE {flag} IS NOT TRUE")).unwrap();
        report::<hostile::table, _>(conn, Note, "has the predicate");
    }
    conn.batch_execute(&format!(
        "CREATE TABLE {0} (p INTEGER, CONSTRAINT {0} FOREIGN KEY (p) REFERENCES {table} ({1}) ON DELETE CASCADE)",
        quote("Ki \"d`' %"),
        quote("Key \"`'%")
    ))
    .unwrap();
    mend_unless_sqlite::<hostile::table>(conn, Warning, "ON DELETE CASCADE");
    if DIALECT != Dialect::Sqlite {
        assert_schema::<hostile::table, _>(conn).unwrap();
    }
}

#[test]
fn several_tables_are_checked_on_a_pooled_connection() {
    let (mut owner, url) = shared();
    owner.batch_execute(&format!(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug VARCHAR(20) NOT NULL, is_deleted {FLAG}, deleted_at {INSTANT_NULL});
         CREATE TABLE notes (id INTEGER PRIMARY KEY, deleted_at {INSTANT_NULL});"
    ))
    .unwrap();
    let pool = Pool::builder().max_size(1).build(ConnectionManager::<Conn>::new(url)).unwrap();
    let conn = &mut pool.get().unwrap();
    let error = assert_schema::<(posts::table, (notes::table, lively::table)), _>(conn).unwrap_err();
    assert!(error.to_string().contains("error: lively: the table does not exist"), "{error}");
    let OurError::SchemaMismatch { findings } = error else { panic!("{error}") };
    assert!(findings.iter().all(|finding| finding.severity > Note), "{}", shown(&findings));
    for table in ["posts", "notes"] {
        let purge =
            |finding: &&diesel_soft_delete::Finding| finding.table == table && finding.message.contains("purge");
        assert_eq!(findings.iter().filter(purge).count(), 1, "{}", shown(&findings));
    }
    mend::<notes::table, _>(conn, Warning, "no index serves a purge");
    assert_schema::<(notes::table,), _>(conn).unwrap();
}
