//! On SQLite, plans use partial indexes, and RETURNING gives what is stored.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::sqlite::Sqlite;
use diesel_soft_delete::prelude::*;

use crate::sqlite::schema::*;

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

fn plan(conn: &mut SqliteConnection, query: &impl QueryFragment<Sqlite>) -> String {
    let sql = diesel::debug_query::<Sqlite, _>(query).to_string();
    let sql = sql.split(" -- binds").next().unwrap();
    let rows = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load::<Plan>(conn).unwrap();
    rows.into_iter().map(|row| row.detail).collect::<Vec<_>>().join("; ")
}

#[test]
fn partial_indexes_are_used() {
    let conn = &mut *blog();
    conn.batch_execute(
        "CREATE INDEX live_posts ON posts (user_id) WHERE (is_deleted = FALSE);
         CREATE INDEX dead_posts ON posts (id, deleted_at) WHERE (is_deleted = TRUE);
         CREATE INDEX live_comments ON comments (post_id) WHERE (deleted_at IS NULL);",
    )
    .unwrap();
    let uses = |plan: String, index: &str| assert!(plan.contains(index), "{plan}");
    uses(plan(conn, &posts::table.filter(posts::user_id.eq(1)).active().select(posts::title)), "live_posts");
    uses(plan(conn, &comments::table.filter(comments::post_id.eq(1)).active().select(comments::body)), "live_comments");
    uses(plan(conn, &posts::table.deleted().order(posts::id).select((posts::id, posts::deleted_at))), "dead_posts");
    uses(
        plan(conn, &users::table.left_join_active(posts::table).active().select((users::id, posts::title.nullable()))),
        "live_posts",
    );
}

#[test]
fn returning_gives_what_is_stored() {
    let conn = &mut *blog();
    let columns = (posts::id, posts::is_deleted, posts::deleted_at, posts::updated_at);
    type Row = (i32, bool, Option<chrono::NaiveDateTime>, chrono::NaiveDateTime);
    let returned = posts::table.soft_delete().returning(columns).get_results::<Row>(conn).unwrap();
    let stored = posts::table.filter(posts::id.eq_any([1, 3, 4])).select(columns).load::<Row>(conn).unwrap();
    assert_eq!(returned, stored);
    assert!(returned.iter().all(|row| row.1 && row.2 == Some(row.3)));
    let restored: Vec<Row> = posts::table.restore().returning(columns).get_results(conn).unwrap();
    assert_eq!(restored.len(), 5);
    assert!(restored.iter().all(|row| !row.1 && row.2.is_none()));
    // Without `.returning(..)`, all columns are returned.
    type Full = (
        i32,
        i32,
        String,
        i32,
        chrono::NaiveDateTime,
        bool,
        Option<chrono::NaiveDateTime>,
        Option<String>,
        Option<String>,
    );
    let full = posts::table.find(1).soft_delete().get_result::<Full>(conn).unwrap();
    assert_eq!((full.0, full.5), (1, true));
    diesel::delete(comments::table).execute(conn).unwrap();
    diesel::delete(tags::table).execute(conn).unwrap();
    let gone = posts::table.purge_deleted_before(chrono::Utc::now() + chrono::TimeDelta::days(1)).returning(posts::id);
    assert_eq!(gone.get_results::<i32>(conn), Ok(vec![1]));
}

#[test]
fn timestamps_with_a_zone_are_stored_and_compared() {
    diesel::table! {
        notes {
            id -> Integer,
            deleted_at -> Nullable<TimestamptzSqlite>,
        }
    }
    diesel_soft_delete::soft_deletable! { notes { timestamp = deleted_at } }
    let conn = &mut SqliteConnection::establish(":memory:").unwrap();
    conn.batch_execute(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, deleted_at TEXT); INSERT INTO notes (id) VALUES (1), (2);",
    )
    .unwrap();
    let at = instant("2024-02-29 23:59:59.987654").and_utc();
    assert_eq!(notes::table.find(1).soft_delete().at_utc(at).execute(conn), Ok(1));
    let stored = notes::table.find(1).select(notes::deleted_at).first::<Option<chrono::DateTime<chrono::Utc>>>(conn);
    assert_eq!(stored, Ok(Some(at)));
    assert_eq!(notes::table.purge_deleted_before(at).execute(conn), Ok(0));
    assert_eq!(notes::table.purge_deleted_before(at + chrono::TimeDelta::microseconds(1)).execute(conn), Ok(1));
    assert_eq!(notes::table.soft_delete().at(diesel_soft_delete::db_now()).execute(conn), Ok(1));
    let stored = notes::table.select(notes::deleted_at).first::<Option<chrono::DateTime<chrono::Utc>>>(conn).unwrap();
    assert!((stored.unwrap() - chrono::Utc::now()).abs() < chrono::TimeDelta::minutes(5));
}
