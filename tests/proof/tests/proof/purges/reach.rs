use diesel::prelude::*;
use diesel_soft_delete::Error;
use diesel_soft_delete::prelude::*;

use super::super::*;
use super::tables::*;

/// A table whose rows 2 and 3 hang on rows of another, by a foreign key with this action.
fn child_of(conn: &mut Conn, child: &str, parent: &str, action: &str) {
    all(
        conn,
        &[
            format!(
                "CREATE TABLE {child} (id INTEGER NOT NULL PRIMARY KEY, parent_id INTEGER,
                    FOREIGN KEY (parent_id) REFERENCES {parent} (id) {action})"
            ),
            format!("INSERT INTO {child} (id, parent_id) VALUES (2, 2), (3, 3), (5, 5)"),
        ],
    );
}

/// The job is refused because it reaches `child`, and nothing is removed.
fn assert_refused(conn: &mut Conn, allowed: &[&str], table: &str, child: &str, action: &str) {
    let job = allowed.iter().fold(job!(10), |job, name| job.allow_reaching(*name));
    let result = job.run(conn);
    let Err(Error::PurgeReaches { table: from, child: to, columns, action: how }) = &result else {
        panic!("{result:?}")
    };
    assert_eq!((&from[..], &to[..], *how), (table, child, action));
    assert_eq!(columns[..], ["parent_id"]);
    let message = result.unwrap_err().to_string();
    assert!(message.contains(&format!(".allow_reaching({child:?})")), "{message}");
    assert_only_left(conn, 20, &(1..=20).collect::<Vec<_>>());
}

#[test]
fn a_child_that_would_go_along() {
    let own = &mut filled(20);
    child_of(&mut own.conn, "comments", "posts", "ON DELETE CASCADE");
    assert_refused(&mut own.conn, &[], "posts", "comments", "CASCADE");
    assert_refused(&mut own.conn, &["comment", "posts"], "posts", "comments", "CASCADE");
    let report = job!(10).allow_reaching("comments").run(&mut own.conn).unwrap();
    assert_eq!(report.rows, 12);
    assert_eq!(number(&mut own.conn, "SELECT COUNT(*) AS n FROM comments"), 1);
}

#[test]
fn a_child_that_would_lose_its_reference() {
    let own = &mut filled(20);
    child_of(&mut own.conn, "comments", "posts", "ON DELETE SET NULL");
    assert_refused(&mut own.conn, &[], "posts", "comments", "SET NULL");
    assert_eq!(job!(10).allow_reaching("comments").run(&mut own.conn).unwrap().rows, 12);
    assert_eq!(number(&mut own.conn, "SELECT COUNT(*) AS n FROM comments WHERE parent_id IS NULL"), 2);
}

#[test]
fn what_hangs_on_a_child_that_is_allowed() {
    let own = &mut filled(20);
    child_of(&mut own.conn, "comments", "posts", "ON DELETE CASCADE");
    child_of(&mut own.conn, "votes", "comments", "ON DELETE CASCADE");
    child_of(&mut own.conn, "flags", "votes", "ON DELETE SET NULL");
    assert_refused(&mut own.conn, &["comments"], "comments", "votes", "CASCADE");
    assert_refused(&mut own.conn, &["comments", "votes"], "votes", "flags", "SET NULL");
    let job = job!(10).allow_reaching("comments").allow_reaching("votes").allow_reaching("flags");
    assert_eq!(job.run(&mut own.conn).unwrap().rows, 12);
    assert_eq!(number(&mut own.conn, "SELECT COUNT(*) AS n FROM votes"), 1);
    assert_eq!(number(&mut own.conn, "SELECT COUNT(*) AS n FROM flags WHERE parent_id IS NULL"), 2);
}

/// A child that only loses its reference keeps what hangs on it.
#[test]
fn what_hangs_on_a_child_that_stays() {
    let own = &mut filled(20);
    child_of(&mut own.conn, "comments", "posts", "ON DELETE SET NULL");
    child_of(&mut own.conn, "votes", "comments", "ON DELETE CASCADE");
    assert_eq!(job!(10).allow_reaching("comments").run(&mut own.conn).unwrap().rows, 12);
    assert_eq!(number(&mut own.conn, "SELECT COUNT(*) AS n FROM votes"), 3);
}

#[test]
fn replies_that_would_go_along() {
    let own = &mut filled(20);
    let conn = &mut own.conn;
    // A table cannot be given a foreign key afterwards on SQLite, but it can be given a column with one.
    let column = match std::any::type_name::<super::backend::Db>().contains("sqlite") {
        true => "ALTER TABLE posts ADD COLUMN parent_id INTEGER REFERENCES posts (id) ON DELETE CASCADE",
        false => {
            "ALTER TABLE posts ADD COLUMN parent_id INTEGER,
                ADD FOREIGN KEY (parent_id) REFERENCES posts (id) ON DELETE CASCADE"
        }
    };
    // An active reply to a post that is old.
    all(conn, &[column, "UPDATE posts SET parent_id = 2 WHERE id = 5"]);
    assert_eq!(posts::table.count().get_result(conn), Ok(20_i64));
    let result = job!(10).run(conn);
    assert!(matches!(&result, Err(Error::PurgeReaches { child, .. }) if child == "posts"), "{result:?}");
    assert_only_left(conn, 20, &(1..=20).collect::<Vec<_>>());
}
