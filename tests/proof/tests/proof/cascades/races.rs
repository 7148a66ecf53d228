//! Eight connections delete and restore overlapping trees for some seconds, while children are inserted.
//!
//! At the end no active row has a deleted parent in any relation that cascades. Outside of a transaction, cascades failed
//! only because of deleted ancestors. Inside of one, they also failed in deadlocks. Triggers refused only INSERTs.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel_soft_delete::Error;
use diesel_soft_delete::prelude::*;

use crate::support::Random;

diesel::table! {
    users { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, operation -> Nullable<Text> }
}
diesel::table! {
    posts {
        id -> Integer,
        user_id -> Integer,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        operation -> Nullable<Text>,
    }
}
diesel::table! {
    // A comment has two parents, its post and its author.
    comments {
        id -> Integer,
        post_id -> Integer,
        user_id -> Integer,
        parent_id -> Nullable<Integer>,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        operation -> Nullable<Text>,
    }
}
diesel_soft_delete::soft_deletable! {
    users {
        flag = is_deleted, timestamp = deleted_at, operation = operation, cascade(posts(user_id), comments(user_id)),
    }
    posts { flag = is_deleted, timestamp = deleted_at, operation = operation, cascade(comments(post_id)) }
    comments { flag = is_deleted, timestamp = deleted_at, operation = operation, cascade(comments(parent_id)) }
}

const USERS: i32 = 4;
const POSTS: i32 = 12;
const COMMENTS: i32 = 40;
const WORKERS: u64 = 8;
const DURATION: Duration = Duration::from_secs(3);

/// What the workers do.
#[derive(Debug, Clone, Copy)]
struct Scene {
    /// Whether children are inserted. Triggers forbid them below a deleted parent.
    inserts: bool,
    /// Whether each step is in a transaction of the caller.
    in_transactions: bool,
}

const DDL: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant} NULL, operation VARCHAR(36));
    CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant} NULL, operation VARCHAR(36));
    CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES posts (id),
        user_id INTEGER NOT NULL REFERENCES users (id), parent_id INTEGER REFERENCES comments (id),
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant} NULL, operation VARCHAR(36));
    CREATE INDEX posts_user ON posts (user_id);
    CREATE INDEX comments_post ON comments (post_id);
    CREATE INDEX comments_user ON comments (user_id);
    CREATE INDEX comments_parent ON comments (parent_id);";

/// How often each event happened.
#[derive(Debug, Default, Clone, Copy)]
struct Book {
    deleted: u64,
    restored: u64,
    inserted: u64,
    refused: u64,
    deadlocks: u64,
}

macro_rules! races {
    ($(#[$attr:meta])* $backend:ident, $session:literal) => {
        $(#[$attr])*
        mod $backend {
            use diesel::connection::SimpleConnection;
            use diesel_soft_delete::SoftDeleteMigration;
            use diesel_soft_delete::migration::HasDialect;

            use super::*;
            use crate::support::$backend::{Conn, Db, TIMESTAMP_DDL, own};

            fn fill(conn: &mut Conn, scene: Scene) {
                conn.batch_execute(&DDL.replace("{instant}", TIMESTAMP_DDL)).expect("the tables");
                for id in 1..=USERS {
                    conn.batch_execute(&format!("INSERT INTO users (id) VALUES ({id})")).expect("a row");
                }
                for id in 1..=POSTS {
                    conn.batch_execute(&format!("INSERT INTO posts (id, user_id) VALUES ({id}, {})", id % USERS + 1))
                        .expect("a row");
                }
                for id in 1..=COMMENTS {
                    insert(conn, id, id % POSTS + 1, id % 3 + 1, (id > 4 && id % 2 == 0).then_some(id - 4)).expect("a row");
                }
                if scene.inserts {
                    let posts = SoftDeleteMigration::for_table::<posts::table>()
                        .existing(["is_deleted", "deleted_at", "operation"])
                        .require_live_parent("users", "user_id")
                        .without_check()
                        .without_purge_index();
                    let comments = SoftDeleteMigration::for_table::<comments::table>()
                        .existing(["is_deleted", "deleted_at", "operation"])
                        .require_live_parent("posts", "post_id")
                        .require_live_parent("users", "user_id")
                        .require_live_parent("comments", "parent_id")
                        .without_check()
                        .without_purge_index();
                    for migration in [posts, comments] {
                        conn.batch_execute(&migration.up_sql(Db::DIALECT).expect("triggers")).expect("the triggers");
                    }
                }
            }

            fn insert(conn: &mut Conn, id: i32, post: i32, user: i32, parent: Option<i32>) -> QueryResult<usize> {
                let row = (
                    comments::id.eq(id),
                    comments::post_id.eq(post),
                    comments::user_id.eq(user),
                    comments::parent_id.eq(parent),
                    comments::is_deleted.eq(false),
                );
                diesel::insert_into(comments::table).values(row).execute(conn)
            }

            /// The number of active rows whose parent is deleted.
            fn orphans(conn: &mut Conn) -> i64 {
                #[derive(QueryableByName)]
                struct Count {
                    #[diesel(sql_type = diesel::sql_types::BigInt)]
                    n: i64,
                }
                let relations = [
                    ("posts", "user_id", "users"),
                    ("comments", "user_id", "users"),
                    ("comments", "post_id", "posts"),
                    ("comments", "parent_id", "comments"),
                ];
                let mut orphans = 0;
                for (child, key, parent) in relations {
                    let query = format!(
                        "SELECT COUNT(*) AS n FROM {child} c JOIN {parent} p ON c.{key} = p.id \
                         WHERE c.is_deleted = FALSE AND p.is_deleted = TRUE"
                    );
                    orphans += diesel::sql_query(query).get_result::<Count>(conn).expect("a count").n;
                }
                orphans
            }

            /// Does one thing and records the result.
            fn step(conn: &mut Conn, random: &mut Random, next: &mut i32, scene: Scene, book: &mut Book) {
                let (user, post, comment) =
                    (random.below(USERS) + 1, random.below(POSTS) + 1, random.below(COMMENTS) + 1);
                let choice = random.below(if scene.inserts { 9 } else { 7 });
                let id = *next;
                let work = |conn: &mut Conn| -> Result<bool, Error> {
                    let report = match choice {
                        0 => users::table.find(user).soft_delete().cascade().run(conn)?,
                        1 | 2 => users::table.find(user).restore().cascade().run(conn)?,
                        3 => posts::table.filter(posts::id.eq_any([post, post % POSTS + 1])).soft_delete().cascade().run(conn)?,
                        4 => posts::table.find(post).restore().cascade().run(conn)?,
                        5 => comments::table.find(comment).soft_delete().cascade().run(conn)?,
                        6 => comments::table.find(comment).restore().cascade().run(conn)?,
                        _ => {
                            insert(conn, id, post, user, (comment % 2 == 0).then_some(comment))?;
                            return Ok(false);
                        }
                    };
                    Ok(report.total() > 0)
                };
                let result = if scene.in_transactions { conn.transaction(work) } else { work(conn) };
                match result {
                    Ok(false) if choice > 6 => {
                        *next += 1;
                        book.inserted += 1;
                    }
                    Ok(true) if matches!(choice, 0 | 3 | 5) => book.deleted += 1,
                    Ok(true) => book.restored += 1,
                    Ok(false) => {}
                    Err(Error::BelowDeleted { .. }) => book.refused += 1,
                    Err(error) => {
                        let text = error.to_string().to_lowercase();
                        let inserts = choice > 6;
                        if text.contains("deadlock") {
                            // Nothing tries an ordinary INSERT again.
                            assert!(scene.in_transactions || inserts, "choice {choice} of {scene:?}: {text}");
                            book.deadlocks += 1;
                        } else {
                            let by_trigger = text.contains("soft-deleted");
                            assert!(by_trigger && inserts, "choice {choice} of {scene:?}: {text}");
                            book.refused += 1;
                        }
                    }
                }
            }

            fn race(scene: Scene) {
                let mut own = own();
                fill(&mut own.conn, scene);
                let start = Barrier::new(WORKERS as usize);
                let url = &own.url;
                let books: Vec<Book> = std::thread::scope(|scope| {
                    let start = &start;
                    let workers: Vec<_> = (0..WORKERS)
                        .map(|number| {
                            scope.spawn(move || {
                                let mut conn = Conn::establish(url).expect("one more connection");
                                conn.batch_execute($session).expect("settings of the session");
                                let mut random = Random(number);
                                let mut next = 1000 * (i32::try_from(number).expect("a small number") + 1);
                                let mut book = Book::default();
                                start.wait();
                                let end = Instant::now() + DURATION;
                                while Instant::now() < end {
                                    step(&mut conn, &mut random, &mut next, scene, &mut book);
                                }
                                book
                            })
                        })
                        .collect();
                    workers.into_iter().map(|worker| worker.join().expect("a worker")).collect()
                });
                println!("{scene:?}: {books:?}");
                assert_eq!(orphans(&mut own.conn), 0, "live rows below deleted ones");
                let sum = |of: fn(&Book) -> u64| books.iter().map(of).sum::<u64>();
                let happened = [sum(|book| book.deleted), sum(|book| book.restored), sum(|book| book.refused)];
                assert!(happened.iter().all(|times| *times > 0), "{happened:?}");
                let comments = comments::table.count().get_result::<i64>(&mut own.conn).expect("a count");
                let inserted = i64::try_from(sum(|book| book.inserted)).expect("a count");
                assert_eq!(comments, i64::from(COMMENTS) + inserted);
                assert!(!scene.inserts || inserted > 0, "{inserted} inserted");
            }

            #[test]
            fn overlapping_trees_leave_no_active_row_below_a_deleted_one() {
                race(Scene { inserts: false, in_transactions: false });
            }

            #[test]
            fn children_inserted_meanwhile_are_not_active_below_a_deleted_row() {
                race(Scene { inserts: true, in_transactions: false });
            }

            #[test]
            fn in_transactions_of_the_caller_cascades_fail_only_in_deadlocks() {
                race(Scene { inserts: true, in_transactions: true });
            }
        }
    };
}

races!(
    #[cfg(feature = "postgres")]
    postgres,
    "SET deadlock_timeout = '50ms'"
);
races!(
    #[cfg(feature = "mysql")]
    mysql,
    "SELECT 1"
);
