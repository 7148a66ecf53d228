// A blog before soft deletion, with foreign keys and indexes as a table in use has them.

use diesel::connection::SimpleConnection;
use diesel_soft_delete::Dialect;
use diesel_soft_delete::migration::SoftDeleteMigration;

use super::backend::{Conn, DIALECT, connection, series};
use crate::support::TestConnection;

/// The name of the unique index over the slugs of all rows.
pub const PLAIN_KEY: &str = "posts_plain_slug";

/// Users and their posts, with a foreign key on either side of `posts`, an index and a unique key.
pub fn empty() -> TestConnection<Conn> {
    let mut conn = connection();
    create(&mut conn);
    conn
}

pub fn create(conn: &mut Conn) {
    conn.batch_execute(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER, slug VARCHAR(40), title VARCHAR(40) NOT NULL DEFAULT 'x',
             FOREIGN KEY (author_id) REFERENCES users (id));
         CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, FOREIGN KEY (post_id) REFERENCES posts (id));
         CREATE INDEX posts_title ON posts (title);
         CREATE UNIQUE INDEX posts_plain_slug ON posts (slug);
         INSERT INTO users (id, name) VALUES (1, 'Sean'), (2, 'Tess');",
    )
    .unwrap();
    // InnoDB drops its own index for the foreign key once a unique key can serve, and then `down` could not drop that.
    if DIALECT == Dialect::Mysql {
        conn.batch_execute("CREATE INDEX posts_author ON posts (author_id)").unwrap();
    }
}

/// Fills `posts` with `rows` rows, every tenth with a comment.
pub fn fill(conn: &mut Conn, rows: u32) {
    let series = series(rows);
    let slug = if DIALECT == Dialect::Mysql { "CONCAT('slug', n)" } else { "'slug' || n" };
    conn.batch_execute(&format!(
        "INSERT INTO posts (id, author_id, slug) SELECT n, 1 + n % 2, {slug} FROM ({series}) AS numbers;
         INSERT INTO comments (id, post_id) SELECT id, id FROM posts WHERE id % 10 = 0;"
    ))
    .unwrap();
}

pub fn up(conn: &mut Conn, migration: &SoftDeleteMigration) {
    let sql = migration.up_sql(DIALECT).unwrap();
    conn.batch_execute(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

pub fn down(conn: &mut Conn, migration: &SoftDeleteMigration) {
    let sql = migration.down_sql(DIALECT).unwrap();
    conn.batch_execute(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
}
