//! Cascades over a tree of 101k rows, as ratios. `benches/run` runs them after the purges.
//!
//! The two ways take turns on two trees of one database. They exchange the trees after every two rounds.

use soft_delete_benches::rounds::{Rows, Side, timed};

const USERS: u32 = 4;
const POSTS: u32 = 1000;
const COMMENTS: u32 = 100;

/// Compares two ways on the trees of two users, which are exchanged after every two rounds.
fn compare<C>(
    rows: &mut Rows,
    row: (&'static str, &'static str, f64, usize),
    conn: &mut C,
    ready: impl Fn(&mut C),
    ours: fn(&mut C, i32),
    theirs: fn(&mut C, i32),
) {
    let mut last = None;
    rows.compare(row, conn, |conn, side, round| {
        if last != Some(round) {
            ready(conn);
            last = Some(round);
        }
        let users = if round % 4 < 2 { [1, 2] } else { [2, 1] };
        timed(|| if side == Side::Ours { ours(conn, users[0]) } else { theirs(conn, users[1]) })
    });
}

mod postgres {
    use diesel::sql_types::Timestamp as Instant_;
    type Conn = diesel::PgConnection;
    const INSTANT: &str = "TIMESTAMP";
    const DELETE_COMMENTS: &str = "UPDATE comments SET is_deleted = TRUE, deleted_at = $1 WHERE is_deleted = FALSE \
        AND post_id IN (SELECT id FROM posts WHERE user_id = $2 AND deleted_at = $3)";
    const RESTORE_COMMENTS: &str = "UPDATE comments SET is_deleted = FALSE, deleted_at = NULL WHERE is_deleted = TRUE \
        AND post_id IN (SELECT id FROM posts WHERE user_id = $1 AND is_deleted = FALSE) AND deleted_at = $2";
    include!("trees.rs");

    fn tidy(conn: &mut Conn) {
        for table in ["users", "posts", "comments"] {
            conn.batch_execute(&format!("VACUUM ANALYZE {table}")).expect("tidy");
        }
        conn.batch_execute("CHECKPOINT").expect("a checkpoint");
    }

    pub fn measure(rows: &mut crate::Rows) {
        let mut database = soft_delete_benches::postgres::empty();
        fill(&mut database.conn);
        tidy(&mut database.conn);
        measure_on(rows, "PostgreSQL", &mut database.conn);
    }
}

mod mysql {
    use diesel::sql_types::Datetime as Instant_;
    type Conn = diesel::MysqlConnection;
    const INSTANT: &str = "DATETIME(6) NULL";
    const DELETE_COMMENTS: &str = "UPDATE comments JOIN posts ON comments.post_id = posts.id \
        SET comments.is_deleted = TRUE, comments.deleted_at = ? \
        WHERE comments.is_deleted = FALSE AND posts.user_id = ? AND posts.deleted_at = ?";
    const RESTORE_COMMENTS: &str = "UPDATE comments JOIN posts ON comments.post_id = posts.id \
        SET comments.is_deleted = FALSE, comments.deleted_at = NULL \
        WHERE comments.is_deleted = TRUE AND posts.user_id = ? AND posts.is_deleted = FALSE AND comments.deleted_at = ?";
    include!("trees.rs");

    fn tidy(conn: &mut Conn) {
        conn.batch_execute("ANALYZE TABLE users, posts, comments").ok();
        soft_delete_benches::mysql::settle(conn);
    }

    pub fn measure(rows: &mut crate::Rows) {
        let mut database = soft_delete_benches::mysql::empty();
        fill(&mut database.conn);
        measure_on(rows, "MariaDB", &mut database.conn);
    }
}

mod sqlite {
    use diesel::sql_types::Timestamp as Instant_;
    type Conn = diesel::SqliteConnection;
    const INSTANT: &str = "TIMESTAMP";
    const DELETE_COMMENTS: &str = "UPDATE comments SET is_deleted = TRUE, deleted_at = ? WHERE is_deleted = FALSE \
        AND post_id IN (SELECT id FROM posts WHERE user_id = ? AND deleted_at = ?)";
    const RESTORE_COMMENTS: &str = "UPDATE comments SET is_deleted = FALSE, deleted_at = NULL WHERE is_deleted = TRUE \
        AND post_id IN (SELECT id FROM posts WHERE user_id = ? AND is_deleted = FALSE) AND deleted_at = ?";
    include!("trees.rs");

    fn tidy(_: &mut Conn) {}

    pub fn measure(rows: &mut crate::Rows) {
        let mut database = soft_delete_benches::sqlite::empty();
        fill(&mut database.conn);
        measure_on(rows, "SQLite", &mut database.conn);
    }
}

fn main() {
    let mut rows = Rows::default();
    postgres::measure(&mut rows);
    mysql::measure(&mut rows);
    sqlite::measure(&mut rows);
    rows.print("cascade over 1 user, 1000 posts, 100000 comments");
}
