//! Cascades, restores, inserts and purges on all nodes of a Galera cluster at once, one of which is killed half way.
//!
//! Only its own node knows a lock in share mode. So each transaction that makes a row active below a parent also changes
//! that parent. It then conflicts with the parent's deletion on another node. At the end:
//!
//! * No active row is below a deleted one.
//! * Each row exists or was purged once. Every purged row was old, deleted and not held.
//! * Trees that nobody restored are still deleted.
//! * Both remaining nodes have the same rows, and another purge leaves no old row.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta};
use diesel::connection::SimpleConnection;
use diesel::mysql::MysqlConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, RetentionPolicy};

use super::{kill, told};
use crate::support::Random;

/// A table and the archive of its purged rows.
macro_rules! archived {
    ($table:ident, $archive:ident { $($column:ident -> $Type:ty,)* }) => {
        diesel::table! {
            $table {
                id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, operation -> Nullable<Text>,
                is_held -> Bool, $($column -> $Type,)*
            }
        }
        diesel::table! {
            $archive {
                id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, operation -> Nullable<Text>,
                is_held -> Bool, $($column -> $Type,)*
            }
        }
    };
}
archived!(users, users_archive { children -> Integer, });
archived!(posts, posts_archive { user_id -> Integer, children -> Integer, });
archived!(comments, comments_archive { post_id -> Integer, });
diesel_soft_delete::soft_deletable! {
    users {
        flag = is_deleted, timestamp = deleted_at, operation = operation, hold = is_held, cascade(posts(user_id)),
    }
    posts { flag = is_deleted, timestamp = deleted_at, operation = operation, hold = is_held, cascade(comments(post_id)) }
    comments { flag = is_deleted, timestamp = deleted_at, operation = operation, hold = is_held }
}

const DDL: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, {state}, children INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, {state}, children INTEGER NOT NULL DEFAULT 0,
        FOREIGN KEY (user_id) REFERENCES users (id));
    CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, {state},
        FOREIGN KEY (post_id) REFERENCES posts (id));
    CREATE TABLE users_archive LIKE users;
    CREATE TABLE posts_archive LIKE posts;
    CREATE TABLE comments_archive LIKE comments;";
const STATE: &str =
    "is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at DATETIME(6) NULL, operation VARCHAR(36) NULL,
    is_held BOOLEAN NOT NULL DEFAULT FALSE";

/// The number of users. Each has three posts with three comments each.
const USERS: i32 = 240;
const WORKERS_PER_NODE: usize = 3;

/// The state of a user, and of their posts and comments, at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Deleted and restored by the workers.
    Busy,
    /// Deleted long ago. Such a user is purged, unless a worker restores them before.
    Old,
    /// Deleted yesterday, or long ago and held. No step changes them.
    Buried,
}

fn kind(user: i32) -> Kind {
    match user % 12 {
        0..=2 => Kind::Buried,
        3..=9 => Kind::Old,
        _ => Kind::Busy,
    }
}

fn post_of(user: i32, number: i32) -> i32 {
    user * 10 + number
}

fn fill(conn: &mut MysqlConnection) {
    conn.batch_execute(&DDL.replace("{state}", STATE)).expect("the tables");
    let (mut users, mut posts, mut comments) = (Vec::new(), Vec::new(), Vec::new());
    for user in 1..=USERS {
        let state = match (kind(user), user % 12) {
            (Kind::Busy, _) => String::from("FALSE, NULL, NULL, FALSE"),
            (Kind::Buried, 0) => format!("TRUE, UTC_TIMESTAMP(6) - INTERVAL 1 DAY, 'buried-{user}', FALSE"),
            (Kind::Buried, _) => format!("TRUE, '2020-01-01', 'buried-{user}', TRUE"),
            (Kind::Old, _) => format!("TRUE, '2020-01-01', 'old-{user}', FALSE"),
        };
        users.push(format!("({user}, {state})"));
        for post in (0..3).map(|number| post_of(user, number)) {
            posts.push(format!("({post}, {user}, {state})"));
            comments.extend((0..3).map(|number| format!("({}, {post}, {state})", post * 10 + number)));
        }
    }
    for (table, parent, rows) in
        [("users", "", users), ("posts", "user_id, ", posts), ("comments", "post_id, ", comments)]
    {
        let columns = format!("id, {parent}is_deleted, deleted_at, operation, is_held");
        conn.batch_execute(&format!("INSERT INTO {table} ({columns}) VALUES {}", rows.join(", "))).expect("rows");
    }
}

/// How often each event happened, and which comments were inserted.
#[derive(Debug, Default)]
struct Book {
    deleted: u64,
    restored: u64,
    refused: u64,
    /// The cluster refused the step.
    undone: u64,
    jobs: u64,
    inserted: BTreeSet<i32>,
    /// Comments whose commit was not answered.
    unknown: BTreeSet<i32>,
}

/// What a step meets in a cluster.
#[derive(Debug, PartialEq)]
enum Fate {
    /// Another transaction was first, maybe on another node. An app would try again.
    Undone,
    Refused,
    /// The node is gone, or without a majority for some seconds.
    NodeLost,
}

fn fate(error: &Error) -> Fate {
    if matches!(error, Error::BelowDeleted { .. }) {
        return Fate::Refused;
    }
    let text = error.to_string().to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // If another node's transaction undid this one between two statements, its savepoints are gone too.
    if says(&["deadlock", "lock wait timeout", "record has changed since last read", "savepoint"]) {
        return Fate::Undone;
    }
    if says(&[
        "gone away",
        "lost connection",
        "can't connect",
        "wsrep",
        "server shutdown",
        "unknown command",
        "manager is broken",
    ]) {
        return Fate::NodeLost;
    }
    panic!("{error}: {error:?}");
}

/// Changes an active parent, so that this transaction and a deletion of the parent cannot both be committed.
macro_rules! hold_parent {
    ($conn:ident, $table:ident, $id:expr) => {
        diesel::update($table::table.find($id).active())
            .set($table::children.eq($table::children + 1))
            .execute($conn)?
            == 1
    };
}

/// What a step changed.
#[derive(Debug, Clone, Copy)]
enum Did {
    Nothing,
    Deleted,
    Restored,
    Inserted,
}

fn step(conn: &mut MysqlConnection, random: &mut Random, comment: i32) -> Result<Did, Error> {
    // Most steps take the same few trees, so that the nodes conflict.
    let user = loop {
        let user = if random.below(4) > 0 { 10 + random.below(2) } else { 1 + random.below(USERS) };
        if kind(user) != Kind::Buried {
            break user;
        }
    };
    let post = post_of(user, random.below(3));
    let did = |did: Did, rows: u64| if rows > 0 { did } else { Did::Nothing };
    match random.below(10) {
        0 => Ok(did(Did::Deleted, users::table.find(user).soft_delete().cascade().run(conn)?.total())),
        1 | 2 => Ok(did(Did::Restored, users::table.find(user).restore().cascade().run(conn)?.total())),
        3 => Ok(did(Did::Deleted, posts::table.find(post).soft_delete().cascade().run(conn)?.total())),
        4 => conn.transaction(|conn| {
            if !hold_parent!(conn, users, user) {
                return Ok(Did::Nothing);
            }
            Ok(did(Did::Restored, posts::table.find(post).restore().cascade().run(conn)?.total()))
        }),
        5 => conn.transaction(|conn| {
            if !hold_parent!(conn, posts, post) {
                return Ok(Did::Nothing);
            }
            let comment = comments::table.find(post * 10 + random.below(3));
            Ok(did(Did::Restored, comment.restore().cascade().run(conn)?.total()))
        }),
        6 => {
            let comment = comments::table.find(post * 10 + random.below(3));
            Ok(did(Did::Deleted, comment.soft_delete().cascade().run(conn)?.total()))
        }
        _ => conn.transaction(|conn| {
            if !hold_parent!(conn, posts, post) {
                return Ok(Did::Nothing);
            }
            let row = (comments::id.eq(comment), comments::post_id.eq(post));
            diesel::insert_into(comments::table)
                .values((row, comments::is_deleted.eq(false), comments::is_held.eq(false)))
                .execute(conn)?;
            Ok(Did::Inserted)
        }),
    }
}

/// Connects to a node that answers. The clients of a lost node connect to another.
fn connect(urls: &[String], node: usize) -> MysqlConnection {
    let begun = Instant::now();
    loop {
        for url in [&urls[node], &urls[0], &urls[1]] {
            if let Ok(conn) = MysqlConnection::establish(url) {
                return conn;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no node answers");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn work(urls: &[String], number: usize, start: &Barrier, done: &AtomicBool) -> Book {
    let node = number % urls.len();
    let mut conn = connect(urls, node);
    let mut random = Random(number as u64);
    let mut book = Book::default();
    let mut comment = 1_000_000 * (1 + i32::try_from(number).expect("a small number"));
    start.wait();
    while !done.load(Ordering::Relaxed) {
        comment += 1;
        match step(&mut conn, &mut random, comment) {
            Ok(Did::Nothing) => {}
            Ok(Did::Deleted) => book.deleted += 1,
            Ok(Did::Restored) => book.restored += 1,
            Ok(Did::Inserted) => {
                book.inserted.insert(comment);
            }
            Err(error) => match fate(&error) {
                Fate::Undone => book.undone += 1,
                Fate::Refused => book.refused += 1,
                Fate::NodeLost => {
                    book.unknown.insert(comment);
                    std::thread::sleep(Duration::from_millis(200));
                    conn = connect(urls, node);
                }
            },
        }
    }
    book
}

/// A policy for rows that were deleted thirty days ago, with children before parents.
macro_rules! policy {
    () => {{
        macro_rules! job {
            ($table:ident, $archive:ident) => {{
                let purge = $table::table.purge_older_than(TimeDelta::days(30)).in_batches();
                purge.batch_size(20).pause(Duration::from_millis(20)).archive_into($archive::table)
            }};
        }
        RetentionPolicy::new()
            .table(job!(comments, comments_archive))
            .table(job!(posts, posts_archive))
            .table(job!(users, users_archive))
    }};
}

/// Purges repeatedly on one node.
fn purge(urls: &[String], node: usize, start: &Barrier, done: &AtomicBool) -> Book {
    let mut conn = connect(urls, node);
    let mut book = Book::default();
    start.wait();
    while !done.load(Ordering::Relaxed) {
        match policy!().run(&mut conn) {
            Ok(_) => book.jobs += 1,
            Err(error) => match fate(&error) {
                Fate::NodeLost => conn = connect(urls, node),
                other => panic!("a job must try again by itself: {other:?}, {error}"),
            },
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    book
}

type Row = (i32, bool, Option<NaiveDateTime>, Option<String>);

/// The rows of three tables, by the names of these.
macro_rules! rows {
    ($conn:ident: $($name:literal $table:ident),*) => {{
        let mut all: Vec<(&'static str, Row)> = Vec::new();
        $(
            let columns = ($table::id, $table::is_deleted, $table::deleted_at, $table::operation);
            let rows: Vec<Row> = $table::table.select(columns).order($table::id).load($conn).expect("rows");
            all.extend(rows.into_iter().map(|row| ($name, row)));
        )*
        all
    }};
}

fn rows_of(conn: &mut MysqlConnection) -> Vec<(&'static str, Row)> {
    rows!(conn: "users" users, "posts" posts, "comments" comments)
}

fn removed_of(conn: &mut MysqlConnection) -> Vec<(&'static str, Row)> {
    rows!(conn: "users" users_archive, "posts" posts_archive, "comments" comments_archive)
}

#[derive(Debug, QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn orphans(conn: &mut MysqlConnection) -> i64 {
    let relations = [("posts", "user_id", "users"), ("comments", "post_id", "posts")];
    let count = |(child, key, parent)| {
        let query = format!(
            "SELECT COUNT(*) AS n FROM {child} c JOIN {parent} p ON c.{key} = p.id WHERE NOT c.is_deleted AND p.is_deleted"
        );
        diesel::sql_query(query).get_result::<Number>(conn).expect("a count").n
    };
    relations.map(count).into_iter().sum()
}

/// The database of the test, which is dropped at its end.
struct Database {
    conn: MysqlConnection,
    name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.conn.batch_execute(&format!("DROP DATABASE {}", self.name));
    }
}

#[test]
#[ignore = "needs a Galera cluster: `tests/run --long`"]
fn nothing_is_lost_when_all_nodes_write_and_one_is_killed() {
    let (urls, pids) = (told("GALERA_URLS"), told("GALERA_PIDS"));
    let (urls, pids): (Vec<&str>, Vec<&str>) = (urls.split_whitespace().collect(), pids.split_whitespace().collect());
    assert_eq!((urls.len(), pids.len()), (3, 3), "GALERA_URLS and GALERA_PIDS name three nodes");
    let name = format!("dsd_galera_{}", std::process::id());
    let mut own = Database { conn: MysqlConnection::establish(urls[0]).expect("the first node answers"), name };
    own.conn.batch_execute(&format!("CREATE DATABASE {0}; USE {0}", own.name)).expect("a database");
    let urls: Vec<String> =
        urls.iter().map(|url| format!("{}/{}", url.rsplit_once('/').expect("a database").0, own.name)).collect();
    fill(&mut own.conn);
    let before = rows_of(&mut own.conn);
    for url in &urls {
        let mut conn = MysqlConnection::establish(url).expect("each node answers");
        conn.batch_execute("SET SESSION wsrep_sync_wait = 15").expect("a node of a cluster");
        assert_eq!(rows_of(&mut conn), before);
    }

    let threads = urls.len() * (WORKERS_PER_NODE + 1);
    let (start, done, urls) = (&Barrier::new(threads + 1), &AtomicBool::new(false), &urls[..]);
    let books: Vec<Book> = std::thread::scope(|scope| {
        let workers = (0..urls.len() * WORKERS_PER_NODE).map(|n| scope.spawn(move || work(urls, n, start, done)));
        let purges = (0..urls.len()).map(|node| scope.spawn(move || purge(urls, node, start, done)));
        let threads: Vec<_> = workers.chain(purges.collect::<Vec<_>>()).collect();
        start.wait();
        std::thread::sleep(Duration::from_secs(5));
        kill(pids[2]);
        // The others notice after five seconds.
        std::thread::sleep(Duration::from_secs(13));
        done.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().expect("a thread does not panic")).collect()
    });

    let sum = |of: fn(&Book) -> u64| books.iter().map(of).sum::<u64>();
    let happened = [
        ("deleted", sum(|book| book.deleted)),
        ("restored", sum(|book| book.restored)),
        ("inserted", sum(|book| book.inserted.len() as u64)),
        ("undone", sum(|book| book.undone)),
        ("unknown", sum(|book| book.unknown.len() as u64)),
        ("jobs", sum(|book| book.jobs)),
    ];
    println!("{happened:?}");

    let conn = &mut own.conn;
    conn.batch_execute("SET SESSION wsrep_sync_wait = 15").expect("the first node answers");
    assert_eq!(orphans(conn), 0, "active rows below deleted ones: {happened:?}");
    let last = policy!().run(conn).expect("a last purge");
    // Young, active or held children block old parents.
    println!("{last}");
    let removed = removed_of(conn);
    let gone: BTreeSet<(&str, i32)> = removed.iter().map(|(table, row)| (*table, row.0)).collect();
    let after = rows_of(conn);
    let there: BTreeSet<(&str, i32)> = after.iter().map(|(table, row)| (*table, row.0)).collect();
    assert!(gone.is_disjoint(&there), "a row that was purged is there again");

    // No row of the start and no answered insert is lost.
    let known: BTreeSet<(&str, i32)> = before
        .iter()
        .map(|(table, row)| (*table, row.0))
        .chain(books.iter().flat_map(|book| &book.inserted).map(|id| ("comments", *id)))
        .collect();
    let unknown: BTreeSet<(&str, i32)> =
        books.iter().flat_map(|book| &book.unknown).map(|id| ("comments", *id)).collect();
    let all = &gone | &there;
    assert_eq!(&known - &all, BTreeSet::new(), "rows are neither there nor were they purged");
    assert!((&all - &known).is_subset(&unknown), "rows that nobody inserted: {:?}", &all - &known);

    // No untouched row is restored, and no young or held row is purged.
    let is_buried = |(_, row): &&(&str, Row)| row.3.as_deref().is_some_and(|operation| operation.starts_with("buried"));
    let buried = |rows: &[(&'static str, Row)]| rows.iter().filter(is_buried).cloned().collect::<Vec<_>>();
    assert_eq!(buried(&after), buried(&before));
    let long_ago = chrono::Utc::now().naive_utc() - TimeDelta::days(30);
    let was_old = |entry: &(&str, Row)| !is_buried(&entry) && entry.1.1 && entry.1.2 < Some(long_ago);
    assert!(removed.iter().all(was_old), "rows were removed that were not old, or held: {removed:?}");
    let old: Vec<_> = after.iter().filter(|entry| entry.0 == "comments" && was_old(entry)).collect();
    assert_eq!(old, [&("", (0, false, None, None)); 0], "old rows without children are left");

    let mut other = MysqlConnection::establish(&urls[1]).expect("the second node answers");
    other.batch_execute("SET SESSION wsrep_sync_wait = 15").expect("the second node answers");
    assert_eq!(rows_of(&mut other), after, "the nodes that are left hold the same");
    // If nothing happened, the test would prove nothing.
    assert!(happened[..3].iter().all(|(_, times)| *times > 100) && happened[5].1 > 5, "{happened:?}");
    assert!(gone.len() > 100, "{} rows were purged", gone.len());
}
