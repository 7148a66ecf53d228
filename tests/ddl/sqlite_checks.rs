//! `check` on SQLite judges predicates as its planner does, and knows tables of other forms.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::Severity::{Error, Note, Warning};
use diesel_soft_delete::check;
use diesel_soft_delete::prelude::*;

use crate::findings::{clean, find, mend, report};
use crate::support::TestConnection;
use crate::support::sqlite::connection;

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
    notes {
        id -> Integer,
        slug -> Text,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! {
    posts { flag = is_deleted, timestamp = deleted_at }
    maybe { flag = is_deleted }
    notes { timestamp = deleted_at }
}

const POSTS: &str = "CREATE TABLE posts (id INTEGER PRIMARY KEY, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at TIMESTAMP, CONSTRAINT agree CHECK ((is_deleted = TRUE) = (deleted_at IS NOT NULL)))";

fn good() -> TestConnection<SqliteConnection> {
    let mut conn = connection();
    conn.batch_execute(&format!(
        "{POSTS};
         CREATE INDEX by_purge ON posts (id, deleted_at) WHERE (is_deleted = TRUE);
         CREATE TABLE maybe (id INTEGER PRIMARY KEY, slug TEXT, is_deleted BOOLEAN);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, slug TEXT, deleted_at TIMESTAMP);
         CREATE INDEX by_deleted_at ON notes (deleted_at);"
    ))
    .unwrap();
    conn
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

fn is_used(conn: &mut SqliteConnection, queries: [String; 2]) -> bool {
    queries.into_iter().any(|query| {
        let sql = query.split(" -- binds").next().unwrap().replace('?', "'a'");
        let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load::<Plan>(conn).unwrap();
        plan.iter().any(|line| line.detail.contains("INDEX i "))
    })
}

/// A predicate that no finding is about serves our filters. Any other spelling is a note.
macro_rules! agrees_with_the_planner {
    ($conn:ident, $table:ident, $predicates:expr) => {
        for (predicate, is_known) in $predicates {
            $conn.batch_execute(&format!("CREATE INDEX i ON {} (slug) WHERE {predicate}", stringify!($table))).unwrap();
            let queries = || {
                [
                    diesel::debug_query::<diesel::sqlite::Sqlite, _>(
                        &$table::table.filter($table::slug.eq("a")).active(),
                    )
                    .to_string(),
                    diesel::debug_query::<diesel::sqlite::Sqlite, _>(
                        &$table::table.filter($table::slug.eq("a")).deleted(),
                    )
                    .to_string(),
                ]
            };
            let used = is_used($conn, queries());
            let finding = find::<$table::table, _>($conn, "`i`");
            assert_eq!(finding.is_none(), is_known, "{predicate}");
            assert!(used || !is_known, "{predicate}");
            assert!(finding.is_none_or(|finding| finding.severity == Note && finding.sql.is_none()), "{predicate}");
            $conn.batch_execute("DROP INDEX i").unwrap();
        }
    };
}

#[test]
fn a_predicate_without_a_finding_serves_the_filters() {
    let conn = &mut *good();
    let flag = [
        ("is_deleted = FALSE", true),
        ("(is_deleted) = (FALSE)", true),
        ("((is_deleted = FALSE))", true),
        ("\"is_deleted\"=FALSE", true),
        ("[is_deleted] == FALSE -- a comment", false),
        ("IS_Deleted /* a comment */ = FALSE", true),
        ("is_deleted = FALSE AND slug = 'a'", true),
        ("slug = 'a' AND is_deleted = FALSE", true),
        ("is_deleted = FALSE OR slug = 'x'", false),
        ("is_deleted = TRUE", true),
        ("is_deleted = false", false),
        ("is_deleted = False", false),
        ("is_deleted = 0", false),
        ("NOT is_deleted", false),
        ("is_deleted IS FALSE", false),
        ("is_deleted IS NOT TRUE", false),
        ("FALSE = is_deleted", false),
        ("is_deleted IN (FALSE)", false),
        ("is_deleted <> TRUE", false),
        ("is_deleted", false),
        ("is_deleted = 1 -- a comment", false),
        ("is_deleted = true", false),
        ("is_deleted COLLATE NOCASE = FALSE", false),
        ("+is_deleted = FALSE", false),
        ("is_deleted = 0 AND slug = 'a'", false),
    ];
    agrees_with_the_planner!(conn, posts, flag);
    let nullable = [
        ("is_deleted = FALSE OR is_deleted IS NULL", true),
        ("(is_deleted ISNULL) or (is_deleted = FALSE)", false),
        ("is_deleted = TRUE", true),
        ("is_deleted IS NOT NULL AND is_deleted = TRUE", true),
        ("is_deleted IS NOT TRUE", false),
        ("is_deleted = FALSE", false),
        ("is_deleted IS TRUE", false),
    ];
    agrees_with_the_planner!(conn, maybe, nullable);
    let timestamp = [
        ("deleted_at IS NULL", true),
        ("deleted_at ISNULL", false),
        ("(deleted_at) is (null)", true),
        ("deleted_at IS NOT DISTINCT FROM NULL", false),
        ("deleted_at NOT NULL", false),
        ("deleted_at NOTNULL", false),
        ("NOT deleted_at IS NOT NULL", false),
        ("NOT deleted_at IS NULL", false),
    ];
    agrees_with_the_planner!(conn, notes, timestamp);
    conn.batch_execute("CREATE INDEX j ON posts (slug) WHERE deleted_at IS NULL").unwrap();
    report::<posts::table, _>(conn, Note, "`j` has the predicate");
}

#[test]
fn a_missing_check_is_only_a_note() {
    let conn = &mut *connection();
    conn.batch_execute(&format!(
        "{};",
        POSTS.replace(", CONSTRAINT agree CHECK ((is_deleted = TRUE) = (deleted_at IS NOT NULL))", "")
    ))
    .unwrap();
    report::<posts::table, _>(conn, Note, "no CHECK");
    conn.batch_execute("DROP TABLE posts").unwrap();
    conn.batch_execute(
        &POSTS.replace("(is_deleted = TRUE) = (deleted_at IS NOT NULL)", "\"IS_deleted\" = ([deleted_at] NOTNULL)"),
    )
    .unwrap();
    assert!(find::<posts::table, _>(conn, "CHECK").is_none());
}

#[test]
fn tables_of_other_forms_are_checked() {
    let conn = &mut *connection();
    conn.batch_execute(&format!("{} WITHOUT ROWID", POSTS)).unwrap();
    mend::<posts::table, _>(conn, Warning, "no index serves a purge");
    clean::<posts::table, _>(conn);
    conn.batch_execute("DROP TABLE posts").unwrap();
    conn.batch_execute("CREATE VIRTUAL TABLE posts USING fts5(id, slug, is_deleted, deleted_at)").unwrap();
    let findings = check::<posts::table, _>(conn).unwrap();
    assert!(findings.iter().all(|finding| !finding.message.contains("index")), "{findings:?}");
    let conn = &mut *connection();
    conn.batch_execute(
        "CREATE TABLE POSTS (ID INTEGER PRIMARY KEY, Slug TEXT UNIQUE, IS_DELETED TINYINT(1) NOT NULL DEFAULT 0, Deleted_At TEXT) STRICT",
    )
    .unwrap_err();
    conn.batch_execute(
        "CREATE TABLE POSTS (ID INTEGER PRIMARY KEY, Slug TEXT, IS_DELETED INT NOT NULL DEFAULT 0, Deleted_At TEXT) STRICT",
    )
    .unwrap();
    mend::<posts::table, _>(conn, Warning, "no index serves a purge");
    clean::<posts::table, _>(conn);
}

#[test]
fn a_table_of_an_attached_database_is_checked() {
    mod other {
        diesel::table! {
            aside.posts (id) {
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
    conn.batch_execute("ATTACH ':memory:' AS aside").unwrap();
    report::<other::posts::table, _>(conn, Error, "the table does not exist");
    conn.batch_execute(
        "CREATE TABLE aside.posts (id INTEGER PRIMARY KEY, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         CREATE UNIQUE INDEX aside.slugs ON posts (slug);
         CREATE INDEX aside.actives ON posts (slug) WHERE is_deleted = 0;
         CREATE TABLE aside.kids (id INTEGER REFERENCES posts ON DELETE CASCADE);
         INSERT INTO aside.posts VALUES (1, 'a', TRUE);",
    )
    .unwrap();
    mend::<other::posts::table, _>(conn, Error, "`deleted_at` is missing");
    mend::<other::posts::table, _>(conn, Warning, "no index serves a purge");
    mend::<other::posts::table, _>(conn, Warning, "`slugs` counts");
    report::<other::posts::table, _>(conn, Note, "`actives` has the predicate");
    mend::<other::posts::table, _>(conn, Warning, "1 deleted row has");
    report::<other::posts::table, _>(conn, Warning, "`aside.kids` (id)");
}

#[test]
fn a_temporary_table_is_found_first_and_an_attached_one_last() {
    let conn = &mut *good();
    conn.batch_execute(
        "ATTACH ':memory:' AS aside; ATTACH ':memory:' AS beside;
         CREATE TABLE beside.notes (id INTEGER PRIMARY KEY, slug TEXT, deleted_at INTEGER);
         CREATE TEMP TABLE posts (id INTEGER PRIMARY KEY, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
             deleted_at TIMESTAMP);
         CREATE UNIQUE INDEX temp.slugs ON posts (slug);
         CREATE TEMP TABLE kids (id INTEGER REFERENCES posts ON DELETE CASCADE);
         INSERT INTO posts VALUES (1, 'a', TRUE, NULL);",
    )
    .unwrap();
    report::<posts::table, _>(conn, Warning, "`kids` (id) references this table ON DELETE CASCADE");
    mend::<posts::table, _>(conn, Warning, "no index serves a purge");
    mend::<posts::table, _>(conn, Warning, "`slugs` counts");
    mend::<posts::table, _>(conn, Warning, "1 deleted row has");
    conn.batch_execute("DROP TABLE temp.kids; DROP TABLE temp.posts").unwrap();
    clean::<posts::table, _>(conn);
    // The table of `main` comes before those of attached databases, which come in the order of their attachment.
    clean::<notes::table, _>(conn);
    conn.batch_execute("DROP TABLE main.notes").unwrap();
    report::<notes::table, _>(conn, Error, "`deleted_at` is INTEGER");
    conn.batch_execute("CREATE TABLE aside.notes (id INTEGER PRIMARY KEY, slug TEXT, deleted_at TIMESTAMP)").unwrap();
    mend::<notes::table, _>(conn, Warning, "no index serves a purge");
    clean::<notes::table, _>(conn);
}

#[test]
fn keys_that_sqlite_can_use_again_are_noted() {
    let phrase = "has no AUTOINCREMENT";
    let conn = &mut *connection();
    for (key, noted) in [
        ("id INTEGER PRIMARY KEY", true),
        ("\"id\" INTEGER CONSTRAINT autoincrement_not PRIMARY KEY", true),
        ("id INTEGER PRIMARY KEY AUTOINCREMENT", false),
        ("id INTEGER NOT NULL PRIMARY KEY ASC autoincrement", false),
        // None of these keys is an alias of the rowid.
        ("id INTEGER PRIMARY KEY DESC", false),
        ("id INT PRIMARY KEY", false),
        ("id TEXT PRIMARY KEY", false),
    ] {
        conn.batch_execute(&format!(
            "DROP TABLE IF EXISTS maybe; CREATE TABLE maybe ({key}, slug TEXT, is_deleted BOOLEAN)"
        ))
        .unwrap();
        assert_eq!(find::<maybe::table, _>(conn, phrase).map(|found| found.severity), noted.then_some(Note), "{key}");
    }
    conn.batch_execute(
        "DROP TABLE maybe; CREATE TABLE maybe (id INTEGER PRIMARY KEY, is_deleted BOOLEAN) WITHOUT ROWID",
    )
    .unwrap();
    assert!(find::<maybe::table, _>(conn, phrase).is_none());
}

#[test]
fn foreign_keys_that_are_off_are_noted() {
    let conn = &mut *good();
    let phrase = "foreign keys are off on this connection";
    conn.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    assert!(find::<posts::table, _>(conn, phrase).is_none());
    conn.batch_execute("CREATE TABLE kids (id INTEGER REFERENCES posts)").unwrap();
    report::<posts::table, _>(conn, Note, phrase);
    conn.batch_execute("DROP TABLE kids; ALTER TABLE notes ADD COLUMN post_id INTEGER REFERENCES posts").unwrap();
    report::<notes::table, _>(conn, Note, phrase);
    conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    assert!(find::<notes::table, _>(conn, phrase).is_none());
}

#[test]
fn the_check_waits_for_a_lock_of_another_connection() {
    let path = std::env::temp_dir().join(format!("dsd_check_{}.sqlite", std::process::id()));
    let url = path.display().to_string();
    let mut conn = SqliteConnection::establish(&url).unwrap();
    conn.batch_execute(&format!("{POSTS}; CREATE INDEX by_purge ON posts (id, deleted_at) WHERE (is_deleted = TRUE)"))
        .unwrap();
    let mut other = SqliteConnection::establish(&url).unwrap();
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(60));
        other.batch_execute("COMMIT").unwrap();
    });
    let findings = check::<posts::table, _>(&mut conn);
    thread.join().unwrap();
    assert!(findings.unwrap().iter().all(|finding| finding.severity == Note));
    drop(conn);
    std::fs::remove_file(path).unwrap();
}
