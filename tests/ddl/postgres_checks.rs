//! `check` on PostgreSQL: what only its catalog can say, and what its planner says of predicates.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::Severity::{Error, Warning};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{SoftDeletable, check};

use crate::findings::{clean, find, mend, report, shown};
use crate::support::TestConnection;
use crate::support::postgres::connection;

diesel::table! {
    posts {
        id -> Integer,
        slug -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    maybe {
        id -> Integer,
        slug -> Text,
        is_deleted -> Nullable<Bool>,
    }
}
diesel::table! {
    lively {
        id -> Integer,
        slug -> Text,
        is_active -> Bool,
    }
}
diesel::table! {
    notes {
        id -> Integer,
        slug -> Text,
        deleted_at -> Nullable<Timestamptz>,
    }
}
diesel_soft_delete::soft_deletable! {
    posts { flag = is_deleted, timestamp = deleted_at }
    maybe { flag = is_deleted }
    lively { active_flag = is_active }
    notes { timestamp = deleted_at }
}

fn good() -> TestConnection<PgConnection> {
    let mut conn = connection();
    conn.batch_execute(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug TEXT NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
             deleted_at TIMESTAMP, CHECK (is_deleted = (deleted_at IS NOT NULL)));
         CREATE INDEX by_purge ON posts (id, deleted_at) WHERE is_deleted;
         CREATE TABLE maybe (id INTEGER PRIMARY KEY, slug TEXT, is_deleted BOOLEAN);
         CREATE TABLE lively (id INTEGER PRIMARY KEY, slug TEXT, is_active BOOLEAN NOT NULL DEFAULT TRUE);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, slug TEXT, deleted_at TIMESTAMPTZ);
         CREATE INDEX by_deleted_at ON notes (deleted_at);",
    )
    .unwrap();
    conn
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
    line: String,
}

/// Whether the planner uses the index `i` for either filter of ours.
fn is_used(conn: &mut PgConnection, queries: [String; 2]) -> bool {
    queries.into_iter().any(|query| {
        let sql = query.split(" -- binds").next().unwrap().replace("$1", "'a'");
        let plan = diesel::sql_query(format!("EXPLAIN {sql}")).load::<Line>(conn).unwrap();
        plan.iter().any(|line| line.line.contains(" on i ") || line.line.contains(" using i "))
    })
}

/// The finding stands exactly where the planner cannot use the index; its SQL makes it usable.
macro_rules! agrees_with_the_planner {
    ($conn:ident, $table:ident, $predicates:expr) => {
        for (predicate, has_sql) in $predicates {
            $conn.batch_execute(&format!("CREATE INDEX i ON {} (slug) WHERE {predicate}", stringify!($table))).unwrap();
            let queries = || {
                [
                    diesel::debug_query::<diesel::pg::Pg, _>(&$table::table.filter($table::slug.eq("a")).active())
                        .to_string(),
                    diesel::debug_query::<diesel::pg::Pg, _>(&$table::table.filter($table::slug.eq("a")).deleted())
                        .to_string(),
                ]
            };
            let used = is_used($conn, queries());
            let finding = find::<$table::table, _>($conn, "`i`");
            assert_eq!(finding.is_none(), used, "{predicate}");
            assert_eq!(finding.as_ref().is_some_and(|finding| finding.sql.is_some()), has_sql, "{predicate}");
            if has_sql {
                mend::<$table::table, _>($conn, Warning, "`i` is not used");
                assert!(is_used($conn, queries()), "{predicate}");
            }
            $conn.batch_execute("DROP INDEX i").unwrap();
        }
    };
}

#[test]
fn predicates_as_the_planner_sees_them() {
    let conn = &mut *good();
    conn.batch_execute("SET enable_seqscan = off").unwrap();
    let flag = [
        ("is_deleted = false", false),
        ("NOT is_deleted", false),
        ("false = is_deleted", false),
        ("is_deleted <> true", false),
        ("is_deleted = 'f'", false),
        ("NOT (is_deleted = true)", false),
        ("is_deleted IN (false)", false),
        ("is_deleted = false AND slug <> 'b'", false),
        ("NOT is_deleted AND slug = 'a'", false),
        ("NOT is_deleted OR slug = 'b'", false),
        ("is_deleted", false),
        ("NOT (NOT is_deleted)", false),
        ("is_deleted IS FALSE", true),
        ("is_deleted IS NOT TRUE", true),
        ("COALESCE(is_deleted, false) = false", true),
        ("is_deleted IS DISTINCT FROM true", true),
        ("NOT (is_deleted IS TRUE)", true),
        ("is_deleted <= false", true),
        ("is_deleted::int = 0", false),
        ("NOT is_deleted OR slug::varchar = 'b'", false),
        ("is_deleted IS TRUE", true),
        ("is_deleted IS NOT TRUE AND slug = 'a'", false),
    ];
    agrees_with_the_planner!(conn, posts, flag);
    let active_flag = [("is_active", false), ("is_active IS TRUE", true), ("NOT is_active", false)];
    agrees_with_the_planner!(conn, lively, active_flag);
    let nullable = [
        ("is_deleted = FALSE OR is_deleted IS NULL", false),
        ("is_deleted IS NULL OR NOT is_deleted", false),
        ("NOT is_deleted OR is_deleted IS NULL OR slug = 'x'", false),
        ("is_deleted", false),
        ("is_deleted IS NOT NULL", false),
        ("is_deleted IS NOT TRUE", true),
        ("NOT COALESCE(is_deleted, false)", true),
        ("is_deleted IS FALSE OR is_deleted IS NULL", true),
        ("is_deleted IS UNKNOWN OR NOT is_deleted", true),
        ("is_deleted IS TRUE", true),
        ("is_deleted = FALSE", false),
    ];
    agrees_with_the_planner!(conn, maybe, nullable);
    let timestamp = [
        ("deleted_at IS NULL", false),
        ("NOT (deleted_at IS NOT NULL)", false),
        ("deleted_at IS NOT DISTINCT FROM NULL", false),
        ("deleted_at IS NOT NULL", false),
        ("NOT (deleted_at IS NULL)", false),
    ];
    agrees_with_the_planner!(conn, notes, timestamp);
    // Not meant for our filters.
    conn.batch_execute("CREATE INDEX i ON notes (slug) WHERE deleted_at > '2024-01-01 00:00:00+00'").unwrap();
    clean::<notes::table, _>(conn);
    // The timestamp is not what active() asks for, where there is a flag.
    conn.batch_execute("CREATE INDEX j ON posts (slug) WHERE deleted_at IS NULL").unwrap();
    mend::<posts::table, _>(conn, Warning, "`j` is not used");
}

#[test]
fn an_index_of_more_than_columns_is_respelled() {
    let conn = &mut *good();
    conn.batch_execute(
        "CREATE UNIQUE INDEX i ON posts USING btree (lower(slug) COLLATE \"C\" text_pattern_ops DESC) INCLUDE (id)
             WHERE (is_deleted IS FALSE)",
    )
    .unwrap();
    let sql = mend::<posts::table, _>(conn, Warning, "`i` is not used");
    for part in
        ["UNIQUE INDEX CONCURRENTLY", "lower(slug)", "text_pattern_ops", "DESC", "INCLUDE (id)", "RENAME TO \"i\""]
    {
        assert!(sql.contains(part), "{sql}");
    }
    clean::<posts::table, _>(conn);
}

#[test]
fn checks_of_the_agreement() {
    let conn = &mut *good();
    conn.batch_execute(
        "ALTER TABLE posts DROP CONSTRAINT posts_check;
         INSERT INTO posts VALUES (1, 'a', TRUE, NULL);",
    )
    .unwrap();
    let finding = find::<posts::table, _>(conn, "no CHECK").unwrap();
    // The second statement fails until the rows are mended.
    let sql = finding.sql.unwrap();
    let (add, validate) = sql.split_once(";\n").unwrap();
    conn.batch_execute(add).unwrap();
    assert!(conn.batch_execute(validate).is_err());
    mend::<posts::table, _>(conn, Warning, "1 deleted row(s)");
    mend::<posts::table, _>(conn, Warning, "is not validated");
    clean::<posts::table, _>(conn);
}

#[test]
fn a_validated_check_of_ours_saves_the_counts() {
    let conn = &mut *good();
    let scans = |conn: &mut PgConnection| {
        conn.batch_execute("SET log_statement = 'none'").unwrap();
        let queries = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = queries.clone();
        conn.set_instrumentation(move |event: diesel::connection::InstrumentationEvent<'_>| {
            if let diesel::connection::InstrumentationEvent::StartQuery { query, .. } = event {
                seen.lock().unwrap().push(query.to_string());
            }
        });
        check::<posts::table, _>(conn).unwrap();
        queries.lock().unwrap().iter().filter(|query| query.contains("COUNT(*)")).count()
    };
    assert_eq!(scans(conn), 0);
    conn.batch_execute("ALTER TABLE posts DROP CONSTRAINT posts_check").unwrap();
    assert_eq!(scans(conn), 2);
    conn.batch_execute("ALTER TABLE posts ADD CHECK ((is_deleted = TRUE) = (deleted_at IS NOT NULL)) NOT VALID")
        .unwrap();
    assert_eq!(scans(conn), 2);
    conn.batch_execute("ALTER TABLE posts VALIDATE CONSTRAINT posts_check").unwrap();
    assert_eq!(scans(conn), 0);
    // One that says more, or something else, proves nothing.
    conn.batch_execute(
        "ALTER TABLE posts DROP CONSTRAINT posts_check;
         ALTER TABLE posts ADD CHECK (is_deleted OR deleted_at IS NULL)",
    )
    .unwrap();
    assert_eq!(scans(conn), 2);
    assert!(find::<posts::table, _>(conn, "CHECK").is_none());
}

#[test]
fn an_invalid_index() {
    let conn = &mut *good();
    conn.batch_execute("INSERT INTO posts (id, slug) VALUES (1, 'a'), (2, 'a')").unwrap();
    assert!(conn.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY i ON posts (slug) WHERE is_deleted = FALSE").is_err());
    conn.batch_execute("UPDATE posts SET slug = 'b' WHERE id = 2").unwrap();
    mend::<posts::table, _>(conn, Error, "`i` is invalid");
    clean::<posts::table, _>(conn);
}

#[test]
fn timestamps_and_zones() {
    let conn = &mut *connection();
    conn.batch_execute(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMPTZ);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, slug TEXT, deleted_at TIMESTAMP(3));",
    )
    .unwrap();
    report::<posts::table, _>(conn, Error, "not TIMESTAMP");
    report::<notes::table, _>(conn, Error, "not TIMESTAMPTZ");
    conn.batch_execute(
        "ALTER TABLE posts ALTER COLUMN deleted_at TYPE TIMESTAMP(0); ALTER TABLE notes ALTER COLUMN deleted_at TYPE TIMESTAMPTZ(3)",
    )
    .unwrap();
    mend::<posts::table, _>(conn, Warning, "rounds the fraction");
    mend::<notes::table, _>(conn, Warning, "rounds the fraction");
    // A domain is its type.
    conn.batch_execute("CREATE DOMAIN flag AS BOOLEAN; ALTER TABLE posts ALTER COLUMN is_deleted TYPE flag").unwrap();
    assert!(find::<posts::table, _>(conn, "not BOOLEAN").is_none());
    conn.batch_execute("CREATE INDEX i ON posts (slug) WHERE is_deleted = FALSE").unwrap();
    assert!(find::<posts::table, _>(conn, "`i`").is_none());
}

#[test]
fn unique_constraints_of_all_kinds() {
    let conn = &mut *good();
    conn.batch_execute("ALTER TABLE posts ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (slug, deleted_at)").unwrap();
    clean::<posts::table, _>(conn);
    conn.batch_execute(
        "ALTER TABLE posts DROP CONSTRAINT u; CREATE UNIQUE INDEX u ON posts (slug, COALESCE(deleted_at, '-infinity'))",
    )
    .unwrap();
    clean::<posts::table, _>(conn);
    conn.batch_execute("DROP INDEX u; CREATE UNIQUE INDEX u ON posts (lower(slug)) WHERE slug <> ''").unwrap();
    report::<posts::table, _>(conn, Warning, "`u` counts soft-deleted rows: its predicate");
    conn.batch_execute("DROP INDEX u; CREATE UNIQUE INDEX u ON posts (lower(slug))").unwrap();
    mend::<posts::table, _>(conn, Warning, "`u` counts soft-deleted rows");
    clean::<posts::table, _>(conn);
}

#[test]
fn partitions_and_other_schemas() {
    let conn = &mut *connection();
    conn.batch_execute(
        "CREATE TABLE posts (id INTEGER, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP(0),
             PRIMARY KEY (id, slug)) PARTITION BY LIST (slug);
         CREATE TABLE posts_a PARTITION OF posts FOR VALUES IN ('a');
         CREATE TABLE posts_other PARTITION OF posts DEFAULT;
         CREATE INDEX i ON posts (slug) WHERE is_deleted IS FALSE;
         CREATE TABLE kids (id INTEGER, slug TEXT, CONSTRAINT kid FOREIGN KEY (id, slug) REFERENCES posts ON DELETE CASCADE)
             PARTITION BY LIST (slug);
         CREATE TABLE kids_all PARTITION OF kids DEFAULT;
         INSERT INTO posts VALUES (1, 'a', TRUE, NULL);",
    )
    .unwrap();
    mend::<posts::table, _>(conn, Warning, "no index serves a purge");
    mend::<posts::table, _>(conn, Warning, "rounds the fraction");
    mend::<posts::table, _>(conn, Warning, "1 deleted row(s)");
    mend::<posts::table, _>(conn, Warning, "no CHECK");
    mend::<posts::table, _>(conn, Warning, "ON DELETE CASCADE");
    report::<posts::table, _>(conn, Warning, "`i` is not used");
    conn.batch_execute("DROP INDEX i").unwrap();
    clean::<posts::table, _>(conn);
}

#[test]
fn a_table_of_another_schema() {
    mod other {
        diesel::table! {
            dsd_check.posts (id) {
                id -> Integer,
                slug -> Text,
                is_deleted -> Bool,
                deleted_at -> Nullable<Timestamp>,
            }
        }
        diesel_soft_delete::soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at } }
    }
    let conn = &mut *good();
    report::<other::posts::table, _>(conn, Error, "the table does not exist");
    conn.begin_test_transaction().unwrap();
    conn.batch_execute(
        "CREATE SCHEMA dsd_check; CREATE TABLE dsd_check.posts (LIKE posts INCLUDING DEFAULTS);
         CREATE TABLE dsd_check.kids (id INTEGER, CONSTRAINT kid FOREIGN KEY (id) REFERENCES posts ON DELETE CASCADE);",
    )
    .unwrap();
    mend::<other::posts::table, _>(conn, Warning, "no CHECK");
    let findings = check::<other::posts::table, _>(conn).unwrap();
    assert_eq!(findings[0].table, "dsd_check.posts");
    assert!(shown(&findings).contains("ON \"dsd_check\".\"posts\" (\"deleted_at\")"), "{}", shown(&findings));
    mend::<posts::table, _>(conn, Warning, "`dsd_check.kids` (id) references this table ON DELETE CASCADE");
    fn is_declared<T: SoftDeletable>() {}
    is_declared::<other::posts::table>();
}
