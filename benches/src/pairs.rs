// The pairs, for the backend that includes this file.

use chrono::{NaiveDateTime, Utc};
use diesel_soft_delete::prelude::*;

use crate::{AUTHORS, IDS, Pair, Private, Side};

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;

    posts {
        id -> Integer,
        author_id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;

    authors {
        id -> Integer,
        is_deleted -> Bool,
        deleted_at -> Nullable<Instant>,
    }
}

diesel::joinable!(posts -> authors (author_id));
diesel::allow_tables_to_appear_in_same_query!(posts, authors);

diesel_soft_delete::soft_deletable! { authors { flag = is_deleted, timestamp = deleted_at } }

#[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
#[diesel(table_name = posts)]
pub struct Post {
    pub id: i32,
    pub author_id: i32,
    pub title: String,
}

fn post() -> diesel::dsl::AsSelect<Post, Db> {
    Post::as_select()
}

/// Creates a database with the posts.
pub fn filled() -> Private<Conn> {
    let mut database = empty();
    let rows = |ids: std::ops::RangeInclusive<i32>, state: &str| {
        let rows = ids.map(|id| format!("({id}, {}, 'The title of post number {id}', {state})", id % AUTHORS));
        format!("INSERT INTO posts VALUES {}", rows.collect::<Vec<_>>().join(", "))
    };
    for sql in [
        format!(
            "CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, title VARCHAR(100) NOT NULL,
                 is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {INSTANT})"
        ),
        String::from("CREATE INDEX posts_author ON posts (author_id)"),
        format!("CREATE TABLE authors (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL, deleted_at {INSTANT})"),
        rows(1..=IDS, "FALSE, NULL"),
        rows(IDS + 1..=IDS + 2 * AUTHORS, "TRUE, '2024-01-01 00:00:00'"),
        String::from("INSERT INTO authors (id, is_deleted) SELECT DISTINCT author_id, FALSE FROM posts"),
        String::from(AFTER_FILLING),
    ] {
        // MySQL's `ANALYZE TABLE` returns rows, and `batch_execute` reads and drops them.
        diesel::connection::SimpleConnection::batch_execute(&mut database.conn, &sql)
            .expect("the posts can be created");
    }
    database
}

fn nothing(_: &mut Conn, _: i32, _: i32) {}

fn set_state(conn: &mut Conn, first: i32, last: i32, state: &str) {
    let sql = format!("UPDATE posts SET {state} WHERE id BETWEEN {first} AND {last}");
    diesel::sql_query(sql).execute(conn).expect("the rows can be reset");
}

fn make_active(conn: &mut Conn, first: i32, last: i32) {
    set_state(conn, first, last, "is_deleted = FALSE, deleted_at = NULL");
}

fn make_deleted(conn: &mut Conn, first: i32, last: i32) {
    set_state(conn, first, last, "is_deleted = TRUE, deleted_at = '2024-01-01 00:00:00'");
}

macro_rules! side {
    ($execution:ident, |$id:ident| $statement:expr) => {
        Side {
            call: |conn, $id| $execution!($statement, conn),
            sql: |$id| diesel::debug_query::<Db, _>(&$statement).to_string(),
            build: |$id| {
                let _ = std::hint::black_box($statement);
            },
        }
    };
}

macro_rules! changes {
    ($statement:expr, $conn:ident) => {
        $statement.execute($conn).expect("the statement is executed")
    };
}

macro_rules! loads {
    ($statement:expr, $conn:ident) => {
        $statement.load::<Post>($conn).expect("the rows are loaded").len()
    };
}

fn soft_delete() -> Pair<Conn> {
    Pair {
        name: "soft delete by key",
        prepare: make_active,
        ours: side!(changes, |id| posts::table.find(id).soft_delete()),
        by_hand: side!(changes, |id| diesel::update(posts::table.find(id).filter(posts::is_deleted.eq(false)))
            .set((posts::is_deleted.eq(true), posts::deleted_at.eq(Some(Utc::now().naive_utc()))))),
        rows: 1,
    }
}

fn soft_delete_with_set() -> Pair<Conn> {
    Pair {
        name: "soft delete by key with `.set(..)`",
        prepare: make_active,
        ours: side!(changes, |id| posts::table.find(id).soft_delete().set(posts::title.eq("deleted"))),
        by_hand: side!(changes, |id| diesel::update(posts::table.find(id).filter(posts::is_deleted.eq(false))).set((
            posts::title.eq("deleted"),
            posts::is_deleted.eq(true),
            posts::deleted_at.eq(Some(Utc::now().naive_utc()))
        ))),
        rows: 1,
    }
}

fn restore() -> Pair<Conn> {
    Pair {
        name: "restore by key",
        prepare: make_deleted,
        ours: side!(changes, |id| posts::table.find(id).restore()),
        by_hand: side!(changes, |id| diesel::update(posts::table.find(id).filter(posts::is_deleted.eq(true)))
            .set((posts::is_deleted.eq(false), posts::deleted_at.eq(None::<NaiveDateTime>)))),
        rows: 1,
    }
}

fn point_query() -> Pair<Conn> {
    Pair {
        name: "`active()`, one row by key",
        prepare: nothing,
        ours: side!(loads, |id| posts::table.find(id).active().select(post())),
        by_hand: side!(loads, |id| posts::table.find(id).filter(posts::is_deleted.eq(false)).select(post())),
        rows: 1,
    }
}

fn list_query() -> Pair<Conn> {
    Pair {
        name: "`active()`, a list of 20 rows",
        prepare: nothing,
        ours: side!(loads, |id| posts::table
            .filter(posts::author_id.eq(id % AUTHORS))
            .active()
            .order(posts::id)
            .select(post())),
        by_hand: side!(loads, |id| posts::table
            .filter(posts::author_id.eq(id % AUTHORS))
            .filter(posts::is_deleted.eq(false))
            .order(posts::id)
            .select(post())),
        rows: 20,
    }
}

fn join_query() -> Pair<Conn> {
    Pair {
        name: "`active()` on a join, one row by key",
        prepare: nothing,
        ours: side!(loads, |id| posts::table
            .inner_join(authors::table)
            .filter(posts::id.eq(id))
            .active()
            .select(post())),
        by_hand: side!(loads, |id| posts::table
            .inner_join(authors::table)
            .filter(posts::id.eq(id))
            .filter(posts::is_deleted.eq(false))
            .filter(authors::is_deleted.eq(false))
            .select(post())),
        rows: 1,
    }
}

/// The soft delete by hand, compared with itself. Its ratio shows the noise.
pub fn control() -> Pair<Conn> {
    Pair { name: "control: by hand against itself", ours: soft_delete().by_hand, ..soft_delete() }
}

pub fn verbs() -> [Pair<Conn>; 3] {
    [soft_delete(), restore(), soft_delete_with_set()]
}

pub fn queries() -> [Pair<Conn>; 3] {
    [point_query(), list_query(), join_query()]
}

pub fn pairs() -> impl Iterator<Item = Pair<Conn>> {
    verbs().into_iter().chain(queries())
}
