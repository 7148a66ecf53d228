use diesel::prelude::*;
use diesel_soft_delete::Error;
use diesel_soft_delete::prelude::*;

use super::super::*;
use super::tables::*;

/// Creates a table whose rows refer to rows of another by a foreign key with this action.
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

/// Asserts that the job is refused because it reaches `child`, and that nothing is removed.
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
fn a_child_that_would_be_removed_is_refused_unless_allowed() {
    let own = &mut filled(20);
    child_of(&mut own.conn, "comments", "posts", "ON DELETE CASCADE");
    assert_refused(&mut own.conn, &[], "posts", "comments", "CASCADE");
    assert_refused(&mut own.conn, &["comment", "posts"], "posts", "comments", "CASCADE");
    let report = job!(10).allow_reaching("comments").run(&mut own.conn).unwrap();
    assert_eq!(report.rows, 12);
    assert_eq!(number(&mut own.conn, "SELECT COUNT(*) AS n FROM comments"), 1);
}

#[test]
fn a_child_that_would_lose_its_reference_is_refused_unless_allowed() {
    let own = &mut filled(20);
    child_of(&mut own.conn, "comments", "posts", "ON DELETE SET NULL");
    assert_refused(&mut own.conn, &[], "posts", "comments", "SET NULL");
    assert_eq!(job!(10).allow_reaching("comments").run(&mut own.conn).unwrap().rows, 12);
    assert_eq!(number(&mut own.conn, "SELECT COUNT(*) AS n FROM comments WHERE parent_id IS NULL"), 2);
}

#[test]
fn children_of_an_allowed_child_are_refused_unless_allowed() {
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

/// A child that only loses its reference keeps its own children.
#[test]
fn children_of_a_child_that_stays_are_not_refused() {
    let own = &mut filled(20);
    child_of(&mut own.conn, "comments", "posts", "ON DELETE SET NULL");
    child_of(&mut own.conn, "votes", "comments", "ON DELETE CASCADE");
    assert_eq!(job!(10).allow_reaching("comments").run(&mut own.conn).unwrap().rows, 12);
    assert_eq!(number(&mut own.conn, "SELECT COUNT(*) AS n FROM votes"), 3);
}

#[test]
fn active_replies_that_would_be_removed_are_refused() {
    let own = &mut filled(20);
    let conn = &mut own.conn;
    // SQLite cannot add a foreign key to a table, but it can add a column with one.
    let column = match std::any::type_name::<super::backend::Db>().contains("sqlite") {
        true => "ALTER TABLE posts ADD COLUMN parent_id INTEGER REFERENCES posts (id) ON DELETE CASCADE",
        false => {
            "ALTER TABLE posts ADD COLUMN parent_id INTEGER,
                ADD FOREIGN KEY (parent_id) REFERENCES posts (id) ON DELETE CASCADE"
        }
    };
    // Post 5 is an active reply to an old post.
    all(conn, &[column, "UPDATE posts SET parent_id = 2 WHERE id = 5"]);
    assert_eq!(posts::table.count().get_result(conn), Ok(20_i64));
    let result = job!(10).run(conn);
    assert!(matches!(&result, Err(Error::PurgeReaches { child, .. }) if child == "posts"), "{result:?}");
    assert_only_left(conn, 20, &(1..=20).collect::<Vec<_>>());
}
