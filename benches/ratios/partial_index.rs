//! A partial index over the active rows on PostgreSQL, used by a literal and by a bind.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use soft_delete_benches::postgres;

use crate::Run;
use crate::table::Row;

diesel::table! {
    notes {
        id -> Integer,
        author_id -> Integer,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! { notes { flag = is_deleted, timestamp = deleted_at } }

const AUTHORS: i32 = 1000;
/// Each author has 200 notes, two of which are active.
const FILL: &str = "
    CREATE TABLE notes (
        id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, is_deleted BOOLEAN NOT NULL, deleted_at TIMESTAMP
    );
    INSERT INTO notes
        SELECT n, n % 1000, n > 2000, CASE WHEN n > 2000 THEN TIMESTAMP '2024-01-01' END FROM generate_series(1, 200000) n;
    CREATE INDEX active_notes ON notes (author_id) WHERE (is_deleted = FALSE);
";

fn literal(conn: &mut PgConnection, author: i32) -> QueryResult<Vec<i32>> {
    notes::table.filter(notes::author_id.eq(author)).active().select(notes::id).load(conn)
}

fn bound(conn: &mut PgConnection, author: i32) -> QueryResult<Vec<i32>> {
    notes::table.filter(notes::author_id.eq(author)).filter(notes::is_deleted.eq(false)).select(notes::id).load(conn)
}

pub fn measure(run: &mut Run) {
    let generic_row = Row::new("partial index, generic plan: literal to bind", postgres::NAME, Some(0.02));
    let auto_row = Row::new("partial index, `auto`, ten executions: literal to bind", postgres::NAME, Some(0.02));
    if ![&generic_row, &auto_row].into_iter().any(|row| run.table.wants(row)) {
        return;
    }

    let mut database = postgres::empty();
    database.conn.batch_execute(FILL).expect("the notes can be created");
    database.conn.batch_execute("VACUUM ANALYZE notes").expect("the notes can be analyzed");
    let path = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('search_path')"))
        .get_result::<String>(&mut database.conn)
        .expect("the schema has a name");
    let connect = |mode: &str| {
        let mut conn = postgres::another();
        conn.batch_execute(&format!("SET search_path TO {path}; SET plan_cache_mode = {mode};"))
            .expect("the mode can be set");
        conn
    };

    let generic = &mut connect("force_generic_plan");
    let mut author = 0;
    run.ratio(&generic_row, 60, 4, || {
        author = (author + 1) % AUTHORS;
        let ours = time(|| executions(literal, generic, author, 1));
        let by_hand = time(|| executions(bound, generic, author, 1));
        [ours, by_hand]
    });
    run.table.measured(generic_row, None);

    // PostgreSQL plans a prepared statement five times with its values, and then perhaps without them. So each round
    // prepares it again, on a new connection.
    let mut flip = false;
    run.ratio(&auto_row, 100, 4, || {
        flip = !flip;
        let on_new_connection = |query| {
            let conn = &mut connect("auto");
            // The first query of a connection makes the server load data, which is not measured.
            diesel::sql_query("SELECT id FROM notes WHERE author_id = 0 AND is_deleted = FALSE")
                .execute(conn)
                .expect("it runs");
            time(|| executions(query, conn, 1, 10))
        };
        if flip {
            let ours = on_new_connection(literal as Query);
            [ours, on_new_connection(bound)]
        } else {
            let by_hand = on_new_connection(bound);
            [on_new_connection(literal), by_hand]
        }
    });
    run.table.measured(auto_row, None);
}

type Query = fn(&mut PgConnection, i32) -> QueryResult<Vec<i32>>;

fn executions(query: Query, conn: &mut PgConnection, author: i32, times: i32) {
    for author in author..author + times {
        let active = query(conn, author % AUTHORS).expect("the notes are loaded");
        assert_eq!(active.len(), 2);
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
