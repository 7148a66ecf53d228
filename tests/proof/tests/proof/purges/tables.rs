use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::super::*;
use super::{backend, spelling};

pub type Conn = backend::Conn;

pub fn connect(url: &str) -> Conn {
    let mut conn = Conn::establish(url).expect("the server answers");
    conn.batch_execute(spelling::SESSION).unwrap();
    conn
}

pub fn all(conn: &mut Conn, statements: &[impl AsRef<str>]) {
    for statement in statements {
        conn.batch_execute(statement.as_ref()).unwrap_or_else(|error| panic!("{error}: {}", statement.as_ref()));
    }
}

/// A database with the rows `1..=last` and an empty archive.
pub fn filled(last: i32) -> crate::support::Own<Conn> {
    let mut own = backend::shared();
    let instant = backend::TIMESTAMP_DDL;
    all(
        &mut own.conn,
        &[
            String::from(spelling::SESSION),
            format!(
                "CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, body VARCHAR(100) NOT NULL,
                    is_deleted BOOLEAN NOT NULL, deleted_at {instant})"
            ),
            format!(
                "CREATE TABLE posts_archive (deleted_at {instant}, body VARCHAR(100) NOT NULL,
                    is_deleted BOOLEAN NOT NULL, id INTEGER NOT NULL PRIMARY KEY)"
            ),
        ],
    );
    fill(&mut own.conn, last);
    own
}

pub fn fill(conn: &mut Conn, last: i32) {
    let ids: Vec<i32> = (1..=last).collect();
    conn.transaction(|conn| {
        for ids in ids.chunks(2000) {
            let rows: Vec<_> = ids
                .iter()
                .map(|id| {
                    let (id, body, is_deleted, at) = post(*id);
                    (posts::id.eq(id), posts::body.eq(body), posts::is_deleted.eq(is_deleted), posts::deleted_at.eq(at))
                })
                .collect();
            diesel::insert_into(posts::table).values(&rows).execute(conn)?;
        }
        QueryResult::Ok(())
    })
    .unwrap();
}

/// Adds a trigger that records each removed row in `removed`.
pub fn note_removed(conn: &mut Conn) {
    let table = format!(
        "CREATE TABLE removed (number {}, post_id INTEGER NOT NULL, was_deleted BOOLEAN NOT NULL)",
        spelling::NUMBERED
    );
    all(conn, &[table]);
    all(conn, spelling::NOTE_REMOVED);
}

pub fn number(conn: &mut Conn, sql: &str) -> i64 {
    let number: Number = diesel::sql_query(sql).get_result(conn).unwrap_or_else(|error| panic!("{error}: {sql}"));
    number.n
}

pub fn posts_of(conn: &mut Conn) -> Vec<Post> {
    posts::table.order(posts::id).load(conn).unwrap()
}

pub fn archive_of(conn: &mut Conn) -> Vec<Post> {
    use posts_archive::{body, deleted_at, id, is_deleted};
    posts_archive::table.order(id).select((id, body, is_deleted, deleted_at)).load(conn).unwrap()
}

pub fn ids(rows: &[Post]) -> BTreeSet<i32> {
    rows.iter().map(|row| row.0).collect()
}

/// Asserts that exactly these old rows are left, and all rows that are not old.
pub fn assert_only_left(conn: &mut Conn, last: i32, left: &[i32]) {
    let expected = (1..=last).filter(|id| kind(*id) != Kind::Old || left.contains(id)).collect::<BTreeSet<_>>();
    assert_eq!(ids(&posts_of(conn)), expected);
}
