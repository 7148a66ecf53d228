//! A cascade finds children by the index of their foreign key, so it reads only its tree.
//!
//! The servers count the rows that they read. SQLite tells for each statement which tables it would read as a whole.

use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use std::sync::{Arc, Mutex};

const USERS: i32 = 4000;
const POSTS_OF_A_USER: i32 = 5;
const COMMENTS_OF_A_POST: i32 = 10;
const COMMENTS: i32 = USERS * POSTS_OF_A_USER * COMMENTS_OF_A_POST;
/// The rows of one user, five posts and fifty comments.
const TREE: u64 = 56;

const DDL: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant} NULL);
    CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL,
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant} NULL);
    CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, user_id INTEGER NOT NULL, parent_id INTEGER,
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant} NULL);
    CREATE TABLE invoices (id INTEGER PRIMARY KEY, user_id INTEGER);
    CREATE INDEX posts_user ON posts (user_id);
    CREATE INDEX comments_post ON comments (post_id);
    CREATE INDEX comments_user ON comments (user_id);
    CREATE INDEX comments_parent ON comments (parent_id);
    CREATE INDEX invoices_user ON invoices (user_id);";

/// Records the statements.
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let text = text.split(" -- binds").next().unwrap_or_default();
            self.0.lock().expect("no panic").push(text.to_owned());
        }
    }
}

fn fill<C: SimpleConnection>(conn: &mut C, instant: &str) {
    conn.batch_execute(&DDL.replace("{instant}", instant)).expect("the tables");
    let mut insert = |table: &str, rows: Vec<String>| {
        for some in rows.chunks(1000) {
            conn.batch_execute(&format!("INSERT INTO {table} VALUES {}", some.join(", "))).expect("rows");
        }
    };
    insert("users (id)", (1..=USERS).map(|id| format!("({id})")).collect());
    let posts = (1..=USERS * POSTS_OF_A_USER).map(|id| format!("({id}, {})", id % USERS + 1));
    insert("posts (id, user_id)", posts.collect());
    // The comments of a post are scattered over the table. Every third answers another one of the post.
    let comment = |id: i32| {
        let post = id % (USERS * POSTS_OF_A_USER) + 1;
        let before = id - USERS * POSTS_OF_A_USER;
        let parent = if id % 3 == 0 && before > 0 { before.to_string() } else { String::from("NULL") };
        format!("({id}, {post}, {}, {parent})", post % USERS + 1)
    };
    insert("comments (id, post_id, user_id, parent_id)", (1..=COMMENTS).map(comment).collect());
    insert("invoices (id, user_id)", (1..=10_000).map(|id| format!("({id}, {})", id % 200 + 1)).collect());
}

/// The tables with one kind of relations, and cascades that delete and restore.
macro_rules! tree {
    ($name:ident, { $($declaration:tt)* }) => {
        mod $name {
            use super::*;

            diesel::table! { users { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp> } }
            diesel::table! { posts { id -> Integer, user_id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp> } }
            diesel::table! {
                comments {
                    id -> Integer,
                    post_id -> Integer,
                    user_id -> Integer,
                    parent_id -> Nullable<Integer>,
                    is_deleted -> Bool,
                    deleted_at -> Nullable<Timestamp>,
                }
            }
            diesel::table! { invoices { id -> Integer, user_id -> Nullable<Integer> } }
            diesel_soft_delete::not_soft_deletable!(invoices);
            diesel_soft_delete::soft_deletable! { $($declaration)* }

            macro_rules! on_connection {
                ($conn:ident, $function:ident) => {
                    pub fn $function(conn: &mut crate::support::$conn::Conn, steps: &mut dyn FnMut(&mut crate::support::$conn::Conn, &str)) {
                        // This user has no invoices. Only the first two hundred users have some.
                        let user = || users::table.find(300);
                        assert_eq!(user().soft_delete().cascade().preview(conn).expect("a preview").total(), TREE);
                        steps(conn, "preview of a delete");
                        assert_eq!(user().soft_delete().cascade().run(conn).expect("a cascade").total(), TREE);
                        steps(conn, "delete");
                        assert_eq!(user().restore().cascade().preview(conn).expect("a preview").total(), TREE);
                        steps(conn, "preview of a restore");
                        assert_eq!(user().restore().cascade().run(conn).expect("a cascade").total(), TREE);
                        steps(conn, "restore");
                        let posts = || posts::table.filter(posts::user_id.eq(300));
                        assert_eq!(posts().soft_delete().cascade().run(conn).expect("a cascade").total(), TREE - 1);
                        steps(conn, "delete of several rows");
                        assert_eq!(posts().restore().cascade().run(conn).expect("a cascade").total(), TREE - 1);
                        steps(conn, "restore of several rows");
                    }
                };
            }

            on_connection!(sqlite, sqlite);
            #[cfg(feature = "postgres")]
            on_connection!(postgres, postgres);
            #[cfg(feature = "mysql")]
            on_connection!(mysql, mysql);
        }
    };
}

tree!(one_parent, {
    users { flag = is_deleted, timestamp = deleted_at, cascade(posts(user_id)), restrict(invoices(user_id)) }
    posts { flag = is_deleted, timestamp = deleted_at, cascade(comments(post_id)) }
    comments { flag = is_deleted, timestamp = deleted_at }
});
tree!(several_parents, {
    users {
        flag = is_deleted, timestamp = deleted_at,
        cascade(posts(user_id), comments(user_id)), set_null(invoices(user_id)),
    }
    posts { flag = is_deleted, timestamp = deleted_at, cascade(comments(post_id)) }
    comments { flag = is_deleted, timestamp = deleted_at }
});
tree!(a_circle, {
    users {
        flag = is_deleted, timestamp = deleted_at,
        cascade(posts(user_id), comments(user_id)), set_null(invoices(user_id)),
    }
    posts { flag = is_deleted, timestamp = deleted_at, cascade(comments(post_id)) }
    comments { flag = is_deleted, timestamp = deleted_at, cascade(comments(parent_id)) }
});

type Cascades<C> = fn(&mut C, &mut dyn FnMut(&mut C, &str));

mod on_sqlite {
    use super::*;
    use crate::support::sqlite::{Conn, TIMESTAMP_DDL, own};

    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }

    fn read(cascades: Cascades<Conn>) {
        let mut own = own();
        let conn = &mut own.conn;
        fill(conn, TIMESTAMP_DDL);
        conn.batch_execute("ANALYZE").expect("statistics");
        let texts = Arc::new(Mutex::new(Vec::new()));
        conn.set_instrumentation(Recorder(texts.clone()));
        let mut plans = 0;
        cascades(conn, &mut |conn, step| {
            let statements = std::mem::take(&mut *texts.lock().expect("no panic"));
            for text in statements.iter().filter(|text| text.contains(" WHERE ") && !text.contains("WHERE 1 = 0")) {
                let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {text}")).load::<Line>(conn).expect("a plan");
                for line in &plan {
                    let Some(scanned) = line.detail.strip_prefix("SCAN ") else { continue };
                    // Sets are as large as the tree. A query over no row gives a NULL of a type.
                    let name = scanned.split(' ').next().unwrap_or_default();
                    let is_set =
                        ["p", "r", "b", "d", "n", "CONSTANT"].contains(&name) || name.starts_with("soft_delete_");
                    assert!(is_set, "{step}: {} in {text}", line.detail);
                }
                plans += 1;
            }
            texts.lock().expect("no panic").clear();
        });
        assert!(plans > 20, "{plans}");
    }

    #[test]
    fn a_cascade_with_one_parent_reads_only_its_tree() {
        read(super::one_parent::sqlite);
    }

    #[test]
    fn a_cascade_with_several_parents_reads_only_its_tree() {
        read(super::several_parents::sqlite);
    }

    #[test]
    fn a_cascade_with_a_circle_reads_only_its_tree() {
        read(super::a_circle::sqlite);
    }
}

/// Asserts how many rows each step reads on a server.
#[cfg(any(feature = "postgres", feature = "mysql"))]
macro_rules! counted {
    ($backend:ident, $analyze:literal, $in_transaction:literal, $most:literal) => {
        fn read(cascades: Cascades<Conn>) {
            let mut own = own();
            let conn = &mut own.conn;
            fill(conn, TIMESTAMP_DDL);
            conn.batch_execute($analyze).expect("statistics");
            if $in_transaction {
                // The counters are those of the transaction.
                conn.begin_test_transaction().expect("a transaction");
            }
            let mut before = count(conn);
            cascades(conn, &mut |conn, step| {
                let now = count(conn);
                println!("{step}: {} rows read", now - before);
                // Each row of the tree needs some tens. One scan of the comments would read 200,000.
                assert!(now - before < $most, "{step}: {} rows read", now - before);
                assert!(now - before >= 56, "{step}: nothing was counted");
                before = count(conn);
            });
        }

        #[test]
        fn a_cascade_with_one_parent_reads_only_its_tree() {
            read(super::one_parent::$backend);
        }

        #[test]
        fn a_cascade_with_several_parents_reads_only_its_tree() {
            read(super::several_parents::$backend);
        }

        #[test]
        fn a_cascade_with_a_circle_reads_only_its_tree() {
            read(super::a_circle::$backend);
        }
    };
}

#[cfg(feature = "postgres")]
mod on_postgres {
    use super::*;
    use crate::support::postgres::{Conn, TIMESTAMP_DDL, own};

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        rows_read: i64,
    }

    fn count(conn: &mut Conn) -> i64 {
        let query = "SELECT SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0))::BIGINT AS rows_read \
                     FROM pg_stat_xact_user_tables WHERE relname IN ('users', 'posts', 'comments', 'invoices')";
        diesel::sql_query(query).get_result::<Count>(conn).expect("a count").rows_read
    }

    counted!(postgres, "ANALYZE users; ANALYZE posts; ANALYZE comments; ANALYZE invoices", true, 2000);
}

#[cfg(feature = "mysql")]
mod on_mysql {
    use super::*;
    use crate::support::mysql::{Conn, TIMESTAMP_DDL, own};

    #[derive(QueryableByName)]
    struct Counter {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = Value)]
        value: String,
    }

    fn count(conn: &mut Conn) -> i64 {
        let query = "SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler_read%' AND Variable_name <> 'Handler_read_rnd_deleted'";
        let counters = diesel::sql_query(query).load::<Counter>(conn).expect("counters");
        counters.iter().map(|counter| counter.value.parse::<i64>().expect("a number")).sum()
    }

    // MySQL also counts what it reads from its own temporary tables.
    counted!(mysql, "ANALYZE TABLE users, posts, comments, invoices", false, 10_000);
}
