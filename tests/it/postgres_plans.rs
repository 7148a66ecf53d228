//! On PostgreSQL, statements are prepared once, generic plans use partial indexes, and RETURNING gives what is stored.

use diesel::connection::SimpleConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel_soft_delete::prelude::*;

use crate::postgres::schema::*;

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
    line: String,
}

/// The statements that the server holds prepared and that mention `needle`.
fn prepared(conn: &mut PgConnection, needle: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Statement {
        #[diesel(sql_type = diesel::sql_types::Text)]
        statement: String,
    }
    diesel::sql_query("SELECT statement FROM pg_prepared_statements")
        .load::<Statement>(conn)
        .unwrap()
        .into_iter()
        .map(|row| row.statement)
        .filter(|statement| statement.contains(needle))
        .collect()
}

#[test]
fn a_hundred_soft_deletes_prepare_one_statement() {
    let conn = &mut *blog();
    for id in 0..100 {
        posts::table.find(id).soft_delete().execute(conn).unwrap();
        posts::table.find(id).restore().run(conn).unwrap();
        posts::table.find(id).active().select(posts::id).first::<i32>(conn).optional().unwrap();
        posts::table.find(id).purge_older_than(chrono::TimeDelta::days(9999)).execute(conn).unwrap();
        users::table.find(id).soft_delete().set(users::name.eq("x")).execute(conn).unwrap();
        comments::table.find(id).soft_delete().outcome(conn).unwrap();
    }
    for needle in [
        "UPDATE \"posts\" SET \"is_deleted\" = TRUE",
        "UPDATE \"posts\" SET \"is_deleted\" = FALSE",
        "SELECT \"posts\".\"id\" FROM",
        "DELETE FROM \"posts\"",
        "UPDATE \"users\" SET \"name\"",
        "UPDATE \"comments\"",
        "SELECT COUNT(*), COUNT(CASE WHEN (\"comments\"",
    ] {
        assert_eq!(prepared(conn, needle).len(), 1, "{needle}");
    }
}

fn generic_plan(conn: &mut PgConnection, query: &impl QueryFragment<Pg>, argument: &str) -> String {
    let sql = diesel::debug_query::<Pg, _>(query).to_string();
    let sql = sql.split(" -- binds").next().unwrap();
    conn.batch_execute(&format!(
        "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; PREPARE probe AS {sql};"
    ))
    .unwrap();
    let lines = diesel::sql_query(format!("EXPLAIN EXECUTE probe{argument}")).load::<Text>(conn).unwrap();
    conn.batch_execute("DEALLOCATE probe").unwrap();
    lines.into_iter().map(|row| row.line).collect::<Vec<_>>().join("\n")
}

#[test]
fn partial_indexes_are_used_in_a_generic_plan() {
    let conn = &mut *blog();
    conn.batch_execute(
        "CREATE INDEX live_posts ON posts (user_id) WHERE (is_deleted = FALSE);
         CREATE INDEX dead_posts ON posts (id, deleted_at) WHERE (is_deleted = TRUE);
         CREATE INDEX live_comments ON comments (post_id) WHERE (deleted_at IS NULL);
         ALTER TABLE posts DROP CONSTRAINT posts_pkey CASCADE;
         ANALYZE;",
    )
    .unwrap();
    let uses = |plan: String, index: &str| assert!(plan.contains(index), "{plan}");
    let live = posts::table.filter(posts::user_id.eq(1)).active();
    uses(generic_plan(conn, &live, "(1)"), "live_posts");
    let comments = comments::table.filter(comments::post_id.eq(1)).active();
    uses(generic_plan(conn, &comments, "(1)"), "live_comments");
    let joined = users::table.left_join_active(posts::table).active();
    uses(generic_plan(conn, &joined, ""), "live_posts");
    let purge = posts::table.find(1).purge_older_than(chrono::TimeDelta::days(30));
    uses(generic_plan(conn, &purge, "(1, '2024-01-01')"), "dead_posts");
    let delete = posts::table.filter(posts::user_id.eq(1)).soft_delete();
    uses(generic_plan(conn, &delete, "('2024-01-01', '2024-01-01', 1)"), "live_posts");
    // A filter by hand binds its value, so the plan cannot use the index.
    let by_hand = posts::table.filter(posts::user_id.eq(1)).filter(posts::is_deleted.eq(false));
    let by_hand = generic_plan(conn, &by_hand, "(1, false)");
    assert!(!by_hand.contains("live_posts"), "{by_hand}");
}

#[test]
fn returning_gives_what_is_stored() {
    let conn = &mut *blog();
    let columns = (posts::id, posts::is_deleted, posts::deleted_at, posts::updated_at);
    type Row = (i32, bool, Option<chrono::NaiveDateTime>, chrono::NaiveDateTime);
    let mut returned = posts::table.soft_delete().returning(columns).get_results::<Row>(conn).unwrap();
    returned.sort_unstable();
    let stored = posts::table.filter(posts::id.eq_any([1, 3, 4])).select(columns).order(posts::id).load::<Row>(conn);
    assert_eq!(Ok(returned), stored);
    let restored: Vec<Row> = posts::table.restore().returning(columns).get_results(conn).unwrap();
    assert_eq!(restored.len(), 5);
    assert!(restored.iter().all(|row| !row.1 && row.2.is_none()));
}

#[test]
fn timestamps_with_a_zone_are_stored_in_a_named_schema() {
    diesel::table! {
        dsd_zoned.notes {
            id -> Integer,
            deleted_at -> Nullable<Timestamptz>,
            touched -> Timestamptz,
        }
    }
    diesel_soft_delete::soft_deletable! { notes { timestamp = deleted_at, touch = touched } }
    let conn = &mut *crate::support::postgres::connection();
    // The name of the schema is fixed in `table!`, so the test creates it in a transaction that is rolled back.
    conn.test_transaction(|conn| {
    conn.batch_execute(
        "CREATE SCHEMA dsd_zoned;
         CREATE TABLE dsd_zoned.notes (id INTEGER PRIMARY KEY, deleted_at TIMESTAMPTZ, touched TIMESTAMPTZ NOT NULL DEFAULT now());
         INSERT INTO dsd_zoned.notes (id) VALUES (1), (2);",
    )
    .unwrap();
    type Zoned = chrono::DateTime<chrono::Utc>;
    let at = instant("2024-02-29 23:59:59.987654").and_utc();
    let columns = (notes::deleted_at, notes::touched);
    let returned = notes::table.find(1).soft_delete().at_utc(at).returning(columns);
    assert_eq!(returned.get_result::<(Option<Zoned>, Zoned)>(conn), Ok((Some(at), at)));
    assert_eq!(notes::table.find(1).select(columns).first::<(Option<Zoned>, Zoned)>(conn), Ok((Some(at), at)));
    assert_eq!(notes::table.purge_deleted_before(at).execute(conn), Ok(0));
    assert_eq!(notes::table.purge_deleted_before(at + chrono::TimeDelta::microseconds(1)).execute(conn), Ok(1));
    let now = notes::table.soft_delete().at(diesel_soft_delete::db_now()).returning(columns);
    let (deleted, touched) = now.get_result::<(Option<Zoned>, Zoned)>(conn).unwrap();
    assert_eq!(deleted, Some(touched));
    assert!((touched - chrono::Utc::now()).abs() < chrono::TimeDelta::minutes(5));
    assert_eq!(notes::table.active().count().get_result::<i64>(conn), Ok(0));
        QueryResult::Ok(())
    });
}

#[test]
fn a_conflict_names_its_constraint() {
    let conn = &mut *blog();
    conn.batch_execute("CREATE UNIQUE INDEX live_titles ON posts (title) WHERE (is_deleted = FALSE)").unwrap();
    diesel::update(posts::table.find(1)).set(posts::title.eq("Two")).execute(conn).unwrap();
    let error = posts::table.find(2).restore().run(conn).unwrap_err();
    assert!(
        matches!(&error, diesel_soft_delete::Error::RestoreConflict { constraint: Some(name), .. } if name == "live_titles"),
        "{error:?}"
    );
}
