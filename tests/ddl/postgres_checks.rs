//! `check` on PostgreSQL reads its catalog, and judges predicates as its planner does.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::Severity::{Error, Note, Warning};
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
             deleted_at TIMESTAMP, CHECK ((is_deleted = TRUE) = (deleted_at IS NOT NULL)));
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

/// Whether the planner uses the index `i` for one of our filters.
fn is_used(conn: &mut PgConnection, queries: [String; 2]) -> bool {
    queries.into_iter().any(|query| {
        let sql = query.split(" -- binds").next().unwrap().replace("$1", "'a'");
        let plan = diesel::sql_query(format!("EXPLAIN {sql}")).load::<Line>(conn).unwrap();
        plan.iter().any(|line| line.line.contains(" on i ") || line.line.contains(" using i "))
    })
}

/// A predicate that no finding is about serves our filters. Any other spelling is a note.
macro_rules! agrees_with_the_planner {
    ($conn:ident, $table:ident, $predicates:expr) => {
        for (predicate, is_known) in $predicates {
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
    conn.batch_execute("SET enable_seqscan = off").unwrap();
    let flag = [
        ("is_deleted = false", true),
        ("NOT is_deleted", true),
        ("false = is_deleted", false),
        ("is_deleted <> true", false),
        ("is_deleted = 'f'", true),
        ("NOT (is_deleted = true)", false),
        ("is_deleted IN (false)", true),
        ("is_deleted = false AND slug <> 'b'", true),
        ("NOT is_deleted AND slug = 'a'", true),
        ("NOT is_deleted OR slug = 'b'", false),
        ("is_deleted", true),
        ("NOT (NOT is_deleted)", false),
        ("is_deleted IS FALSE", false),
        ("is_deleted IS NOT TRUE", false),
        ("COALESCE(is_deleted, false) = false", false),
        ("is_deleted IS DISTINCT FROM true", false),
        ("NOT (is_deleted IS TRUE)", false),
        ("is_deleted <= false", false),
        ("is_deleted::int = 0", false),
        ("NOT is_deleted OR slug::varchar = 'b'", false),
        ("is_deleted IS TRUE", false),
        ("is_deleted IS NOT TRUE AND slug = 'a'", false),
    ];
    agrees_with_the_planner!(conn, posts, flag);
    let active_flag = [("is_active", true), ("is_active IS TRUE", false), ("NOT is_active", true)];
    agrees_with_the_planner!(conn, lively, active_flag);
    let nullable = [
        ("is_deleted = FALSE OR is_deleted IS NULL", true),
        ("is_deleted IS NULL OR NOT is_deleted", false),
        ("NOT is_deleted OR is_deleted IS NULL OR slug = 'x'", false),
        ("is_deleted", false),
        ("is_deleted IS NOT NULL", true),
        ("is_deleted IS NOT TRUE", false),
        ("NOT COALESCE(is_deleted, false)", false),
        ("is_deleted IS FALSE OR is_deleted IS NULL", false),
        ("is_deleted IS UNKNOWN OR NOT is_deleted", false),
        ("is_deleted IS TRUE", false),
        ("is_deleted = FALSE", false),
    ];
    agrees_with_the_planner!(conn, maybe, nullable);
    let timestamp = [
        ("deleted_at IS NULL", true),
        ("NOT (deleted_at IS NOT NULL)", false),
        ("deleted_at IS NOT DISTINCT FROM NULL", true),
        ("deleted_at IS NOT NULL", true),
        ("NOT (deleted_at IS NULL)", false),
    ];
    agrees_with_the_planner!(conn, notes, timestamp);
    // This index is not meant for our filters.
    conn.batch_execute("CREATE INDEX i ON notes (slug) WHERE deleted_at > '2024-01-01 00:00:00+00'").unwrap();
    clean::<notes::table, _>(conn);
    // `active()` uses the flag and not the timestamp.
    conn.batch_execute("CREATE INDEX j ON posts (slug) WHERE deleted_at IS NULL").unwrap();
    report::<posts::table, _>(conn, Note, "`j` has the predicate");
}

#[test]
fn an_invalid_index_of_more_than_columns_is_built_again_as_it_was() {
    let conn = &mut *good();
    conn.batch_execute("INSERT INTO posts (id, slug) VALUES (1, 'a'), (2, 'A')").unwrap();
    let index =
        "CREATE UNIQUE INDEX CONCURRENTLY i ON posts USING btree (lower(slug) COLLATE \"C\" text_pattern_ops DESC)
             INCLUDE (id) WHERE (is_deleted = FALSE)";
    assert!(conn.batch_execute(index).is_err());
    conn.batch_execute("UPDATE posts SET slug = 'b' WHERE id = 2").unwrap();
    let sql = mend::<posts::table, _>(conn, Error, "`i` is invalid");
    for part in ["UNIQUE INDEX CONCURRENTLY", "lower(slug)", "text_pattern_ops", "DESC", "INCLUDE (id)"] {
        assert!(sql.contains(part), "{sql}");
    }
    clean::<posts::table, _>(conn);
}

#[test]
fn a_missing_or_unvalidated_check_is_found() {
    let conn = &mut *good();
    conn.batch_execute(
        "ALTER TABLE posts DROP CONSTRAINT posts_check;
         INSERT INTO posts VALUES (1, 'a', TRUE, NULL);",
    )
    .unwrap();
    let finding = find::<posts::table, _>(conn, "no CHECK").unwrap();
    // The second statement fails until the rows are fixed.
    let sql = finding.sql.unwrap();
    let (add, validate) = sql.split_once(";\n").unwrap();
    conn.batch_execute(add).unwrap();
    assert!(conn.batch_execute(validate).is_err());
    mend::<posts::table, _>(conn, Warning, "1 deleted row has");
    mend::<posts::table, _>(conn, Warning, "is not validated");
    clean::<posts::table, _>(conn);
}

#[test]
fn a_validated_check_saves_the_counts() {
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
    // A CHECK with another spelling or condition does not prove that the columns agree.
    conn.batch_execute(
        "ALTER TABLE posts DROP CONSTRAINT posts_check;
         ALTER TABLE posts ADD CHECK (is_deleted = (deleted_at IS NOT NULL))",
    )
    .unwrap();
    assert_eq!(scans(conn), 2);
    conn.batch_execute(
        "ALTER TABLE posts DROP CONSTRAINT posts_check;
         ALTER TABLE posts ADD CHECK (is_deleted OR deleted_at IS NULL)",
    )
    .unwrap();
    assert_eq!(scans(conn), 2);
    assert!(find::<posts::table, _>(conn, "CHECK").is_none());
}

#[test]
fn an_invalid_index_is_an_error() {
    let conn = &mut *good();
    conn.batch_execute("INSERT INTO posts (id, slug) VALUES (1, 'a'), (2, 'a')").unwrap();
    assert!(conn.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY i ON posts (slug) WHERE is_deleted = FALSE").is_err());
    conn.batch_execute("UPDATE posts SET slug = 'b' WHERE id = 2").unwrap();
    mend::<posts::table, _>(conn, Error, "`i` is invalid");
    clean::<posts::table, _>(conn);
}

#[test]
fn timestamps_with_another_zone_or_precision_are_found() {
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
    // A domain is judged by its type.
    conn.batch_execute("CREATE DOMAIN flag AS BOOLEAN; ALTER TABLE posts ALTER COLUMN is_deleted TYPE flag").unwrap();
    assert!(find::<posts::table, _>(conn, "not BOOLEAN").is_none());
    conn.batch_execute("CREATE INDEX i ON posts (slug) WHERE is_deleted = FALSE").unwrap();
    assert!(find::<posts::table, _>(conn, "`i`").is_none());
}

#[test]
fn unique_constraints_of_all_kinds_are_judged() {
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
fn a_partitioned_table_is_checked() {
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
    mend::<posts::table, _>(conn, Warning, "1 deleted row has");
    mend::<posts::table, _>(conn, Warning, "no CHECK");
    mend::<posts::table, _>(conn, Warning, "ON DELETE CASCADE");
    report::<posts::table, _>(conn, Note, "`i` has the predicate");
    conn.batch_execute("DROP INDEX i").unwrap();
    clean::<posts::table, _>(conn);
}

#[test]
fn a_table_of_another_schema_is_checked() {
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

/// A DELETE also reaches what references a partition, an inheriting table, or the table of a partition.
#[test]
fn foreign_keys_to_a_part_of_the_table_are_found() {
    mod deep {
        diesel::table! {
            posts_a (id) {
                id -> Integer,
                slug -> Text,
                is_deleted -> Bool,
                deleted_at -> Nullable<Timestamp>,
            }
        }
        diesel_soft_delete::soft_deletable! { posts_a { flag = is_deleted, timestamp = deleted_at } }
    }
    let conn = &mut *connection();
    conn.batch_execute(
        "CREATE TABLE posts (id INTEGER, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP,
             PRIMARY KEY (id, slug)) PARTITION BY LIST (slug);
         CREATE TABLE posts_a PARTITION OF posts FOR VALUES IN ('a') PARTITION BY RANGE (id);
         CREATE TABLE posts_a_1 PARTITION OF posts_a DEFAULT;
         CREATE TABLE posts_other PARTITION OF posts DEFAULT;
         CREATE TABLE of_whole (id INTEGER, slug TEXT, CONSTRAINT w FOREIGN KEY (id, slug) REFERENCES posts ON DELETE SET NULL);
         CREATE TABLE of_part (id INTEGER, slug TEXT, CONSTRAINT p FOREIGN KEY (id, slug) REFERENCES posts_a_1 ON DELETE CASCADE);
         CREATE TABLE of_other (id INTEGER, slug TEXT, FOREIGN KEY (id, slug) REFERENCES posts_other ON DELETE SET DEFAULT);",
    )
    .unwrap();
    let messages = |conn: &mut PgConnection, deep: bool| {
        let findings = if deep { check::<deep::posts_a::table, _>(conn) } else { check::<posts::table, _>(conn) };
        let mut found = findings.unwrap();
        found.retain(|finding| finding.message.contains(" references "));
        found.sort_by(|one, other| one.message.cmp(&other.message));
        found.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
    };
    assert_eq!(
        messages(conn, false),
        [
            "`of_other` (id, slug) references `posts_other` ON DELETE SET DEFAULT, so a purge changes its rows, active ones too \
             (`posts_other` is a part of this table)",
            "`of_part` (id, slug) references `posts_a_1` ON DELETE CASCADE, so a purge removes its rows, active ones too \
             (`posts_a_1` is a part of this table)",
            "`of_whole` (id, slug) references this table ON DELETE SET NULL, so a purge changes its rows, active ones too",
        ]
    );
    assert_eq!(
        messages(conn, true),
        [
            "`of_part` (id, slug) references `posts_a_1` ON DELETE CASCADE, so a purge removes its rows, active ones too \
             (`posts_a_1` is a part of this table)",
            "`of_whole` (id, slug) references `posts` ON DELETE SET NULL, so a purge changes its rows, active ones too (this \
             table is a partition of `posts`)",
        ]
    );
    // The SQL names the referenced table.
    mend::<posts::table, _>(conn, Warning, "`of_part` (id, slug) references `posts_a_1` ON DELETE CASCADE");
    mend::<deep::posts_a::table, _>(conn, Warning, "`of_whole` (id, slug) references `posts` ON DELETE SET NULL");
    assert!(messages(conn, true).iter().all(|message| message.contains("ON DELETE RESTRICT")));

    conn.batch_execute(
        "DROP TABLE of_whole, of_part, of_other, posts;
         CREATE TABLE posts (id INTEGER PRIMARY KEY, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP);
         CREATE TABLE heirs (PRIMARY KEY (id)) INHERITS (posts);
         CREATE TABLE grandheirs (PRIMARY KEY (id)) INHERITS (heirs);
         CREATE TABLE kids (id INTEGER REFERENCES grandheirs ON DELETE CASCADE);
         CREATE TABLE others (id INTEGER REFERENCES posts);",
    )
    .unwrap();
    mend::<posts::table, _>(conn, Warning, "`kids` (id) references `grandheirs` ON DELETE CASCADE");
    assert_eq!(messages(conn, false).len(), 2);
}

#[test]
fn a_foreign_key_that_is_not_enforced_is_ignored() {
    let conn = &mut *good();
    let kids = "CREATE TABLE kids (id INTEGER, CONSTRAINT k FOREIGN KEY (id) REFERENCES posts ON DELETE CASCADE";
    // PostgreSQL 18 introduced such keys.
    if conn.batch_execute(&format!("{kids} NOT ENFORCED)")).is_ok() {
        assert!(find::<posts::table, _>(conn, "`kids`").is_none());
        conn.batch_execute("ALTER TABLE kids ALTER CONSTRAINT k ENFORCED").unwrap();
    } else {
        conn.batch_execute(&format!("{kids})")).unwrap();
    }
    mend::<posts::table, _>(conn, Warning, "`kids` (id) references this table ON DELETE CASCADE");
}

#[test]
fn a_domain_is_judged_by_its_type() {
    let conn = &mut *connection();
    conn.batch_execute(
        "CREATE DOMAIN yes_no AS BOOLEAN; CREATE DOMAIN removed AS yes_no NOT NULL;
         CREATE DOMAIN moment AS TIMESTAMP(2); CREATE DOMAIN gone AS moment; CREATE DOMAIN always AS gone NOT NULL;
         CREATE TABLE posts (id INTEGER PRIMARY KEY, slug TEXT, is_deleted removed DEFAULT FALSE, deleted_at gone);",
    )
    .unwrap();
    let shown = shown(&check::<posts::table, _>(conn).unwrap());
    assert!(!shown.contains("not BOOLEAN") && !shown.contains("`is_deleted` can be NULL"), "{shown}");
    assert!(shown.contains("`deleted_at` is timestamp(2) without time zone, which rounds"), "{shown}");
    conn.batch_execute("ALTER TABLE posts ALTER COLUMN deleted_at TYPE always").unwrap();
    assert!(find::<posts::table, _>(conn, "`deleted_at` is NOT NULL").is_some());
}

#[test]
fn exclusion_constraints_that_count_deleted_rows_are_found() {
    let conn = &mut *good();
    conn.batch_execute(
        "ALTER TABLE posts ADD COLUMN during INT4RANGE NOT NULL DEFAULT '[0,1)';
         ALTER TABLE posts ADD CONSTRAINT \"no Overlap\" EXCLUDE USING gist (during WITH &&) DEFERRABLE INITIALLY DEFERRED;
         INSERT INTO posts VALUES (1, 'a', TRUE, '2024-01-01', '[1,5)')",
    )
    .unwrap();
    let taken = "INSERT INTO posts VALUES (2, 'b', FALSE, NULL, '[2,3)')";
    assert!(conn.batch_execute(taken).is_err());
    let sql = mend::<posts::table, _>(conn, Warning, "the exclusion constraint `no Overlap` counts soft-deleted rows");
    assert!(sql.ends_with("DEFERRABLE INITIALLY DEFERRED"), "{sql}");
    conn.batch_execute(taken).unwrap();
    assert!(conn.batch_execute("INSERT INTO posts VALUES (3, 'b', FALSE, NULL, '[1,9)')").is_err());
    clean::<posts::table, _>(conn);
    // This predicate is not about the state of a row, so the constraint counts deleted rows too.
    conn.batch_execute(
        "ALTER TABLE posts DROP CONSTRAINT \"no Overlap\"; DELETE FROM posts;
         ALTER TABLE posts ADD CONSTRAINT x EXCLUDE USING gist (during WITH &&) WHERE (slug <> '');",
    )
    .unwrap();
    report::<posts::table, _>(
        conn,
        Warning,
        "`x` counts soft-deleted rows, so they keep active ones out: its predicate",
    );
    conn.batch_execute(
        "ALTER TABLE posts DROP CONSTRAINT x;
         ALTER TABLE posts ADD CONSTRAINT x EXCLUDE USING gist (during WITH &&) WHERE (is_deleted IS FALSE);",
    )
    .unwrap();
    clean::<posts::table, _>(conn);
}

#[test]
fn delete_triggers_are_found_where_a_soft_delete_moves_rows() {
    let conn = &mut *connection();
    let create = |conn: &mut PgConnection, by: &str| {
        conn.batch_execute(&format!(
            "DROP TABLE IF EXISTS posts;
             CREATE TABLE posts (id INTEGER, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP)
                 PARTITION BY {by};
             CREATE TABLE posts_all PARTITION OF posts DEFAULT;
             CREATE OR REPLACE FUNCTION noted() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        ))
        .unwrap();
    };
    let phrase = "decides about the partition";
    create(conn, "LIST (is_deleted)");
    assert!(find::<posts::table, _>(conn, phrase).is_none());
    conn.batch_execute(
        "CREATE TRIGGER of_statements AFTER DELETE ON posts EXECUTE FUNCTION noted();
         CREATE TRIGGER of_updates AFTER UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION noted();",
    )
    .unwrap();
    assert!(find::<posts::table, _>(conn, phrase).is_none());
    conn.batch_execute(
        "CREATE TRIGGER audit AFTER DELETE OR INSERT ON posts_all FOR EACH ROW EXECUTE FUNCTION noted()",
    )
    .unwrap();
    report::<posts::table, _>(conn, Warning, "`is_deleted` decides about the partition");
    create(conn, "RANGE ((deleted_at IS NULL))");
    conn.batch_execute("CREATE TRIGGER audit AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION noted()").unwrap();
    report::<posts::table, _>(conn, Warning, "the DELETE triggers fire (audit)");
    conn.batch_execute("ALTER TABLE posts DISABLE TRIGGER audit; ALTER TABLE posts_all DISABLE TRIGGER audit").unwrap();
    assert!(find::<posts::table, _>(conn, phrase).is_none());
    // Here a partition is partitioned by the flag.
    create(conn, "LIST (slug)");
    conn.batch_execute(
        "CREATE TRIGGER audit AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION noted();
         CREATE TABLE posts_b PARTITION OF posts FOR VALUES IN ('b') PARTITION BY LIST (is_deleted);",
    )
    .unwrap();
    report::<posts::table, _>(conn, Warning, "`is_deleted` decides about the partition");
    create(conn, "LIST (slug)");
    conn.batch_execute("CREATE TRIGGER audit AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION noted()").unwrap();
    assert!(find::<posts::table, _>(conn, phrase).is_none());
}

#[test]
fn row_security_is_noted_for_users_that_it_applies_to() {
    let conn = &mut *good();
    conn.batch_execute("ALTER TABLE posts ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON posts USING (NOT is_deleted)")
        .unwrap();
    // The owner and a superuser see all rows.
    assert!(find::<posts::table, _>(conn, "row security").is_none());
    conn.begin_test_transaction().unwrap();
    conn.batch_execute(
        "DO $$ BEGIN EXECUTE format('CREATE ROLE dsd_reader; GRANT USAGE ON SCHEMA %I TO dsd_reader; \
             GRANT ALL ON posts TO dsd_reader', current_schema()); END $$; SET ROLE dsd_reader",
    )
    .unwrap();
    report::<posts::table, _>(conn, Note, "row security applies to this user");
    conn.batch_execute("ROLLBACK").unwrap_or_default();
}

/// A partition of the parent is not another parent.
#[test]
fn a_relation_agrees_with_a_foreign_key_to_a_partition() {
    mod family {
        diesel::table! {
            posts (id) {
                id -> Integer,
                deleted_at -> Nullable<Timestamp>,
            }
        }
        diesel::table! {
            part (id) {
                id -> Integer,
                deleted_at -> Nullable<Timestamp>,
            }
        }
        diesel::table! {
            kids (id) {
                id -> Integer,
                post_id -> Integer,
                deleted_at -> Nullable<Timestamp>,
            }
        }
        diesel_soft_delete::soft_deletable! {
            posts { timestamp = deleted_at, cascade(kids(post_id)) }
            part { timestamp = deleted_at, cascade(kids(post_id)) }
            kids { timestamp = deleted_at }
        }
    }
    let conn = &mut *connection();
    let phrase = "the relation finds rows of another parent";
    for parent in ["posts", "part", "rest", "unrelated"] {
        conn.batch_execute(&format!(
            "DROP TABLE IF EXISTS kids, posts, unrelated;
             CREATE TABLE unrelated (id INTEGER PRIMARY KEY);
             CREATE TABLE posts (id INTEGER PRIMARY KEY, deleted_at TIMESTAMP) PARTITION BY RANGE (id);
             CREATE TABLE part PARTITION OF posts FOR VALUES FROM (0) TO (9);
             CREATE TABLE rest PARTITION OF posts DEFAULT;
             CREATE TABLE kids (id INTEGER, post_id INTEGER REFERENCES {parent}, deleted_at TIMESTAMP) PARTITION BY RANGE (id);
             CREATE TABLE kids_all PARTITION OF kids DEFAULT;"
        ))
        .unwrap();
        let of_posts = find::<family::posts::table, _>(conn, phrase).is_some();
        let of_part = find::<family::part::table, _>(conn, phrase).is_some();
        assert_eq!((of_posts, of_part), (parent == "unrelated", matches!(parent, "unrelated" | "rest")), "{parent}");
    }
}

/// The count of rows locks the table and waits for its partition. Another session locks them in the other order.
/// PostgreSQL ends the statement of the check, whose timeout is shorter.
#[test]
fn a_deadlock_is_tried_again() {
    let (mut conn, url) = crate::support::postgres::shared();
    let conn = &mut *conn;
    conn.batch_execute(
        "CREATE TABLE posts (id INTEGER, slug TEXT, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP)
             PARTITION BY LIST (slug);
         CREATE TABLE posts_all PARTITION OF posts DEFAULT;
         INSERT INTO posts VALUES (1, 'a', TRUE, NULL)",
    )
    .unwrap();
    let (locked, is_locked) = std::sync::mpsc::channel();
    let deadlocks = move || {
        let mut other = PgConnection::establish(&url).unwrap();
        other
            .batch_execute("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE posts_all IN ACCESS EXCLUSIVE MODE")
            .unwrap();
        locked.send(()).unwrap();
        let waits = "SELECT count(*) AS count FROM pg_locks WHERE NOT granted AND relation = 'posts_all'::regclass";
        #[derive(QueryableByName)]
        struct Waits {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        while diesel::sql_query(waits).get_result::<Waits>(&mut other).unwrap().count == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        other.batch_execute("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE; COMMIT").unwrap();
    };
    let thread = std::thread::spawn(deadlocks);
    is_locked.recv().unwrap();
    conn.batch_execute("SET deadlock_timeout = '50ms'").unwrap();
    let findings = check::<posts::table, _>(conn).unwrap();
    assert!(shown(&findings).contains("1 deleted row has no time"), "{}", shown(&findings));
    thread.join().unwrap();
}
