//! Cascades over a tree of 101k rows, as ratios: `benches/run` runs it after the purges.
//!
//! The two ways take turns on two trees of one database; in every other round they change trees.

use std::time::{Duration, Instant};

const USERS: u32 = 4;
const POSTS: u32 = 1000;
const COMMENTS: u32 = 100;

struct Row {
    what: &'static str,
    backend: &'static str,
    ratios: Vec<f64>,
    at_most: f64,
    sides: [Duration; 2],
}

fn compare<C>(
    rows: &mut Vec<Row>,
    (backend, what, at_most, rounds): (&'static str, &'static str, f64, usize),
    conn: &mut C,
    ready: impl Fn(&mut C),
    ours: fn(&mut C, i32),
    theirs: fn(&mut C, i32),
) {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if !wanted.is_none_or(|wanted| format!("{backend} {what}").contains(&wanted)) {
        return;
    }
    let mut row = Row { what, backend, ratios: Vec::new(), at_most, sides: [Duration::ZERO; 2] };
    for round in 0..rounds {
        ready(conn);
        let users = if round % 4 < 2 { [1, 2] } else { [2, 1] };
        let mut measure = |way: fn(&mut C, i32), user| {
            let start = Instant::now();
            way(conn, user);
            start.elapsed()
        };
        let [one, other] = if round % 2 == 0 {
            let one = measure(ours, users[0]);
            [one, measure(theirs, users[1])]
        } else {
            let other = measure(theirs, users[1]);
            [measure(ours, users[0]), other]
        };
        row.ratios.push(one.as_secs_f64() / other.as_secs_f64());
        row.sides = [one, other];
    }
    eprintln!("{row}");
    rows.push(row);
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        let quarter = sorted.len() / 4;
        let (low, median, high) = (sorted[quarter], sorted[sorted.len() / 2], sorted[sorted.len() - 1 - quarter]);
        let verdict = match (high <= self.at_most, low > self.at_most) {
            (true, _) => "met",
            (_, true) => "**missed**",
            _ => "undecided",
        };
        let [one, other] = self.sides.map(|side| side.as_secs_f64());
        write!(
            f,
            "| {} | {} | {median:.3} | {low:.3} to {high:.3} | at most {:.2} | {verdict} | {one:.3} s to {other:.3} s |",
            self.what, self.backend, self.at_most
        )
    }
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

    pub fn measure(rows: &mut Vec<crate::Row>) {
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
    }

    pub fn measure(rows: &mut Vec<crate::Row>) {
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

    pub fn measure(rows: &mut Vec<crate::Row>) {
        let mut database = soft_delete_benches::sqlite::empty();
        fill(&mut database.conn);
        measure_on(rows, "SQLite", &mut database.conn);
    }
}

fn main() {
    let mut rows = Vec::new();
    postgres::measure(&mut rows);
    mysql::measure(&mut rows);
    sqlite::measure(&mut rows);
    println!(
        "\n| cascade over 1 user, 1000 posts, 100000 comments | backend | ratio | middle half of the rounds | target | | last round |"
    );
    println!("|---|---|---|---|---|---|---|");
    for row in rows {
        println!("{row}");
    }
}
