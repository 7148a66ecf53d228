// Every verb changes its rows, leaves others alone, and returns what it promises.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Bool, Integer};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Outcome, db_now};

use super::backend::{Conn, DIALECT, Db};
use super::schema::*;

/// Everything a verb can change in a post.
type State = (i32, String, bool, Option<NaiveDateTime>, Option<String>, Option<String>, NaiveDateTime);

fn state(conn: &mut Conn) -> Vec<State> {
    posts::table
        .select((
            posts::id,
            posts::title,
            posts::is_deleted,
            posts::deleted_at,
            posts::deleted_by,
            posts::reason,
            posts::updated_at,
        ))
        .order(posts::id)
        .load(conn)
        .expect("posts")
}

fn post(conn: &mut Conn, id: i32) -> State {
    state(conn).into_iter().find(|post| post.0 == id).expect("the post")
}

/// Asserts that only the posts named changed.
fn assert_only(before: &[State], after: &[State], changed: &[i32]) {
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before != after, changed.contains(&before.0), "post {}: {before:?} -> {after:?}", before.0);
    }
    assert_eq!(before.len(), after.len());
}

fn sql(query: &impl diesel::query_builder::QueryFragment<Db>) -> String {
    let sql = diesel::debug_query::<Db, _>(query).to_string();
    let sql = sql.split(" -- binds").next().expect("some SQL").replace('`', "\"");
    // PostgreSQL numbers its bind parameters.
    (1..=9).rev().fold(sql, |sql, number| sql.replace(&format!("${number}"), "?"))
}

fn created() -> NaiveDateTime {
    instant("2024-01-01 00:00:00")
}

#[test]
fn a_second_soft_delete_keeps_the_first_time() {
    let conn = &mut *blog();
    let before = state(conn);
    let first = instant("2025-05-05 05:05:05.123456");
    assert_eq!(posts::table.find(1).soft_delete().at(first).execute(conn), Ok(1));
    let after = state(conn);
    assert_only(&before, &after, &[1]);
    assert_eq!(post(conn, 1), (1, "One".into(), true, Some(first), None, None, first));
    assert_eq!(posts::table.find(1).soft_delete().execute(conn), Ok(0));
    assert_eq!(posts::table.find(2).soft_delete().execute(conn), Ok(0));
    assert_eq!(posts::table.find(99).soft_delete().execute(conn), Ok(0));
    assert_only(&after, &state(conn), &[]);
}

#[test]
fn restore_resets_what_the_deletion_set() {
    let conn = &mut *blog();
    let before = state(conn);
    let now = instant("2025-06-06 06:06:06.000001");
    assert_eq!(posts::table.find(2).restore().at(now).execute(conn), Ok(1));
    assert_only(&before, &state(conn), &[2]);
    assert_eq!(post(conn, 2), (2, "Two".into(), false, None, None, None, now));
    // An active row keeps its `touch`.
    assert_eq!(posts::table.find(1).restore().execute(conn), Ok(0));
    assert_eq!(post(conn, 1).6, created());
    assert_eq!(posts::table.find(2).restore().execute(conn), Ok(0));
    assert_eq!(post(conn, 2).6, now);
}

#[test]
fn the_verbs_send_these_statements() {
    assert_eq!(
        sql(&posts::table.find(1).soft_delete()),
        "UPDATE \"posts\" SET \"is_deleted\" = TRUE, \"deleted_at\" = ?, \"updated_at\" = ? \
         WHERE (\"posts\".\"id\" = ?) AND (\"posts\".\"is_deleted\" = FALSE)",
    );
    assert_eq!(
        sql(&posts::table.find(1).restore()),
        "UPDATE \"posts\" SET \"is_deleted\" = FALSE, \"deleted_at\" = NULL, \"updated_at\" = ?, \
         \"deleted_by\" = NULL, \"reason\" = NULL WHERE (\"posts\".\"id\" = ?) AND (\"posts\".\"is_deleted\" = TRUE)",
    );
    assert_eq!(
        sql(&comments::table.soft_delete()),
        "UPDATE \"comments\" SET \"deleted_at\" = ? WHERE (\"comments\".\"deleted_at\" IS NULL)",
    );
    assert_eq!(
        sql(&posts::table.purge_older_than(TimeDelta::days(30))),
        format!(
            "DELETE FROM \"posts\" WHERE (\"posts\".\"is_deleted\" = TRUE) AND (\"posts\".\"deleted_at\" < ?) AND {}",
            crate::support::known_time(DIALECT, "\"posts\".\"deleted_at\"")
        ),
    );
    assert_eq!(
        sql(&posts::table.find(1).soft_delete().set(posts::reason.eq("x")).only_if(posts::version.eq(1))),
        "UPDATE \"posts\" SET \"reason\" = ?, \"is_deleted\" = TRUE, \"deleted_at\" = ?, \"updated_at\" = ? \
         WHERE (\"posts\".\"id\" = ?) AND (\"posts\".\"is_deleted\" = FALSE) AND ((\"posts\".\"version\" = ?))",
    );
}

#[test]
fn counts_are_those_of_rows_that_changed_state() {
    let conn = &mut *blog();
    assert_eq!(posts::table.soft_delete().execute(conn), Ok(3));
    assert_eq!(posts::table.soft_delete().execute(conn), Ok(0));
    assert_eq!(posts::table.restore().execute(conn), Ok(5));
    assert_eq!(posts::table.restore().run(conn).unwrap(), 0);
    // The whole operation and `touch` have one time.
    assert_eq!(posts::table.soft_delete().run(conn).unwrap(), 5);
    let states = state(conn);
    assert!(states.iter().all(|post| post.3 == states[0].3 && Some(post.6) == post.3), "{states:?}");
}

#[test]
fn models_associations_and_queries_can_be_targets() {
    let conn = &mut *blog();
    let sean: User = users::table.find(1).select(User::as_select()).first(conn).unwrap();
    let one: Post = posts::table.find(1).select(Post::as_select()).first(conn).unwrap();
    assert_eq!(one.soft_delete().execute(conn), Ok(1));
    assert_eq!((&one).restore().execute(conn), Ok(1));
    assert_eq!(Post::belonging_to(&sean).soft_delete().execute(conn), Ok(2));
    assert_eq!(Post::belonging_to(&sean).restore().execute(conn), Ok(3));
    assert_eq!(posts::table.filter(posts::user_id.eq(1)).filter(posts::id.gt(1)).soft_delete().execute(conn), Ok(2));
    assert_eq!(posts::table.active().filter(posts::user_id.eq(1)).soft_delete().execute(conn), Ok(1));
    assert_eq!(posts::table.deleted().filter(posts::user_id.eq(1)).restore().execute(conn), Ok(3));
    let ids: Vec<i32> = vec![1, 4, 5];
    assert_eq!(posts::table.filter(posts::id.eq_any(&ids)).soft_delete().execute(conn), Ok(2));
    let by_users = posts::user_id.eq_any(users::table.deleted().select(users::id));
    assert_eq!(posts::table.filter(by_users).restore().execute(conn), Ok(1));
}

#[test]
fn a_target_of_a_or_b_changes_only_what_is_in_the_other_state() {
    // `1` is active, `2` is deleted.
    let conn = &mut *blog();
    diesel::delete(comments::table).execute(conn).unwrap();
    diesel::delete(tags::table).execute(conn).unwrap();
    type Boxed = Box<dyn BoxableExpression<posts::table, Db, SqlType = Bool>>;
    macro_rules! check {
        ($($name:literal: $filter:expr),+ $(,)?) => { $(
            let before = state(conn);
            let target = || posts::table.filter($filter);
            assert_eq!(target().soft_delete().execute(conn), Ok(1), $name);
            assert_only(&before, &state(conn), &[1]);
            reset(conn);
            assert_eq!(target().restore().execute(conn), Ok(1), $name);
            assert_only(&before, &state(conn), &[2]);
            reset(conn);
            // An OR in the condition does not reach beyond the target. Row 3 is active and not in it.
            let or = || diesel::dsl::sql::<Bool>("1 = 0 OR id = 3");
            assert_eq!(target().soft_delete().only_if(or()).execute(conn), Ok(0), $name);
            assert_only(&before, &state(conn), &[]);
            let outcome = target().filter(posts::id.eq(1)).soft_delete().outcome(conn).unwrap();
            assert_eq!(outcome, Outcome::Changed, $name);
            assert_only(&before, &state(conn), &[1]);
            reset(conn);
            conn.test_transaction(|conn| {
                assert_eq!(target().purge_older_than(TimeDelta::days(1)).execute(conn), Ok(1), $name);
                assert_eq!(posts::table.select(posts::id).order(posts::id).load::<i32>(conn), Ok(vec![1, 3, 4, 5]));
                QueryResult::Ok(())
            });
            assert_only(&before, &state(conn), &[]);
        )+ };
    }
    // Each filter is tried in both orders, since a guard that binds only to the last operand lets the first through.
    check!(
        "typed": posts::id.eq(1).or(posts::id.eq(2)),
        "typed, reversed": posts::id.eq(2).or(posts::id.eq(1)),
        "raw": diesel::dsl::sql::<Bool>("id = 1 OR id = 2"),
        "raw, reversed": diesel::dsl::sql::<Bool>("id = 2 OR id = 1"),
        "raw with a bind": diesel::dsl::sql::<Bool>("id = 1 OR id = ").bind::<Integer, _>(2),
        "raw with a bind, reversed": diesel::dsl::sql::<Bool>("id = 2 OR id = ").bind::<Integer, _>(1),
        "boxed": Box::new(diesel::dsl::sql::<Bool>("id = 1 OR id = 2")) as Boxed,
        "boxed, reversed": Box::new(diesel::dsl::sql::<Bool>("id = 2 OR id = 1")) as Boxed,
        "boxed and typed": Box::new(posts::id.eq(2).or(posts::id.eq(1))) as Boxed,
        "an expression of the app's own": Either::<1, 2>,
        "an expression of the app's own, reversed": Either::<2, 1>,
        "the same, wrapped without a trace": Either::<1, 2>.nullable(),
        "the same, wrapped without a trace, reversed": Either::<2, 1>.nullable(),
    );
}

/// `id = A OR id = B`, as an app may write an expression, with a static id and without parentheses.
#[derive(Debug, Clone, Copy, diesel::query_builder::QueryId, diesel::expression::ValidGrouping)]
struct Either<const A: i32, const B: i32>;

impl<const A: i32, const B: i32> diesel::expression::Expression for Either<A, B> {
    type SqlType = Bool;
}
impl<const A: i32, const B: i32, QS> diesel::expression::AppearsOnTable<QS> for Either<A, B> {}
impl<const A: i32, const B: i32, QS> diesel::expression::SelectableExpression<QS> for Either<A, B> {}
impl<const A: i32, const B: i32> diesel::query_builder::QueryFragment<Db> for Either<A, B> {
    fn walk_ast<'b>(&'b self, mut out: diesel::query_builder::AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(&format!("id = {A} OR id = {B}"));
        Ok(())
    }
}

#[test]
fn active_groups_expressions_that_the_app_wrote() {
    let conn = &mut *blog();
    assert_eq!(posts::table.filter(Either::<1, 2>).active().select(posts::id).load::<i32>(conn), Ok(vec![1]));
    assert_eq!(posts::table.filter(Either::<2, 1>).active().select(posts::id).load::<i32>(conn), Ok(vec![1]));
    let wrapped = posts::table.filter(Either::<1, 2>.nullable()).active();
    assert_eq!(wrapped.select(posts::id).load::<i32>(conn), Ok(vec![1]));
    let on = diesel::dsl::sql::<Bool>("posts.id = 1 OR posts.id = 2").nullable();
    let joined =
        users::table.left_join(posts::table.on_active(on)).filter(users::id.eq(1)).select(posts::id.nullable());
    assert_eq!(joined.load::<Option<i32>>(conn), Ok(vec![Some(1)]));
    assert_eq!(posts::table.filter(Either::<1, 2>).deleted().select(posts::id).load::<i32>(conn), Ok(vec![2]));
}

#[test]
fn a_statement_can_be_repeated() {
    let conn = &mut *blog();
    let delete = posts::table.find(1).soft_delete();
    assert_eq!(delete.clone().run(conn).unwrap(), 1);
    let first = post(conn, 1).3;
    assert_eq!(posts::table.find(1).restore().run(conn).unwrap(), 1);
    // The time is that of the call of `soft_delete`, and not of the execution.
    assert_eq!(delete.execute(conn), Ok(1));
    assert_eq!(post(conn, 1).3, first);
    let purge = posts::table.find(2).purge_older_than(TimeDelta::days(36_500));
    assert_eq!(purge.clone().run(conn).unwrap() + purge.run(conn).unwrap(), 0);
}

#[test]
fn times_that_the_database_cannot_store_are_refused() {
    let conn = &mut *blog();
    let before = state(conn);
    for late in [
        DateTime::<Utc>::MAX_UTC,
        DateTime::<Utc>::MIN_UTC,
        instant("9999-12-31 23:59:59").and_utc() + TimeDelta::days(1),
    ] {
        let error = posts::table.find(1).soft_delete().at_utc(late).run(conn).unwrap_err();
        assert!(matches!(error, Error::InstantOutOfRange { .. }), "{error}");
        let error = posts::table.purge_deleted_before(late).run(conn).unwrap_err();
        assert!(matches!(error, Error::InstantOutOfRange { .. }), "{error}");
    }
    assert_only(&before, &state(conn), &[]);
    // Diesel binds `Timestamp` on MySQL as TIMESTAMP. Beyond 2038 MariaDB would store NULL.
    let last = instant("9999-12-31 23:59:59").and_utc();
    let delete = posts::table.find(1).soft_delete().at_utc(last).run(conn);
    if super::backend::DIALECT == diesel_soft_delete::Dialect::Mysql {
        assert!(matches!(delete, Err(Error::InstantOutOfRange { .. })), "{delete:?}");
        assert_only(&before, &state(conn), &[]);
    } else {
        assert_eq!(delete.unwrap(), 1);
        assert_eq!(post(conn, 1).3, Some(last.naive_utc()));
        assert_eq!(posts::table.find(1).purge_older_than(TimeDelta::zero()).run(conn).unwrap(), 0);
    }
}

#[test]
fn a_statement_that_must_fail_can_still_be_printed() {
    let purge = posts::table.purge_older_than(TimeDelta::days(-1));
    let text = diesel::debug_query::<Db, _>(&purge).to_string();
    assert!(text.contains("the age is negative"), "{text}");
}

/// Resets posts 1 and 2 to what the fixture wrote.
fn reset(conn: &mut Conn) {
    let at = instant(DELETED_AT);
    diesel::update(posts::table.find(1))
        .set((
            posts::is_deleted.eq(false),
            posts::deleted_at.eq(None::<NaiveDateTime>),
            posts::updated_at.eq(created()),
        ))
        .execute(conn)
        .unwrap();
    diesel::update(posts::table.find(2))
        .set((
            posts::is_deleted.eq(true),
            posts::deleted_at.eq(Some(at)),
            posts::deleted_by.eq(Some("root")),
            posts::updated_at.eq(created()),
        ))
        .execute(conn)
        .unwrap();
}

#[test]
fn times_are_stored_in_utc_with_microseconds() {
    let conn = &mut *blog();
    let utc = |text: &str| instant(text).and_utc();
    // UTC is converted. Fractions of a microsecond are cut off.
    let precise: DateTime<Utc> = utc("2025-01-02 03:04:05.123456") + TimeDelta::nanoseconds(789);
    assert_eq!(posts::table.find(1).soft_delete().at_utc(precise).execute(conn), Ok(1));
    assert_eq!(post(conn, 1).3, Some(instant("2025-01-02 03:04:05.123456")));
    assert_eq!(post(conn, 1).6, instant("2025-01-02 03:04:05.123456"));
    assert_eq!(posts::table.find(1).restore().at_utc(utc("2025-01-03 00:00:00")).execute(conn), Ok(1));
    assert_eq!(post(conn, 1).6, instant("2025-01-03 00:00:00"));
    // A leap second becomes the last microsecond before it.
    let leap = utc("2016-12-31 23:59:59").with_nanosecond(1_500_000_000).unwrap();
    assert_eq!(posts::table.find(1).soft_delete().at_utc(leap).execute(conn), Ok(1));
    assert_eq!(post(conn, 1).3, Some(instant("2016-12-31 23:59:59.999999")));
    assert_eq!(posts::table.find(1).restore().at_utc(utc("2025-01-03 00:00:00")).execute(conn), Ok(1));
    // The time can be an expression of the column's type.
    assert_eq!(posts::table.find(1).soft_delete().at(posts::updated_at).execute(conn), Ok(1));
    assert_eq!(post(conn, 1).3, Some(instant("2025-01-03 00:00:00")));
    assert_eq!(posts::table.find(1).restore().execute(conn), Ok(1));
    // The database's clock is read in UTC, although the session has another time zone.
    let now = Utc::now().naive_utc();
    assert_eq!(posts::table.find(1).soft_delete().at(db_now()).execute(conn), Ok(1));
    let (stored, touched) = (post(conn, 1).3.unwrap(), post(conn, 1).6);
    assert_eq!(stored, touched);
    assert!((stored - now).abs() < TimeDelta::minutes(5), "{stored} is not about {now}");
    // This machine's clock is read in UTC too.
    assert_eq!(posts::table.find(3).soft_delete().execute(conn), Ok(1));
    let stored = post(conn, 3).3.unwrap();
    assert!((stored - now).abs() < TimeDelta::minutes(5), "{stored} is not about {now}");
}

#[test]
fn set_writes_only_rows_that_change_state() {
    let conn = &mut *blog();
    let delete = || posts::table.find(1).soft_delete().at(instant(DELETED_AT));
    assert_eq!(delete().set((posts::deleted_by.eq("me"), posts::reason.eq(Some("spam")))).execute(conn), Ok(1));
    assert_eq!(post(conn, 1).4.as_deref(), Some("me"));
    assert_eq!(post(conn, 1).5.as_deref(), Some("spam"));
    // A row that does not change state is not written to.
    assert_eq!(delete().set(posts::deleted_by.eq("you")).execute(conn), Ok(0));
    assert_eq!(post(conn, 1).4.as_deref(), Some("me"));
    assert_eq!(posts::table.find(1).restore().set(posts::version.eq(posts::version + 1)).run(conn).unwrap(), 1);
    assert_eq!(post(conn, 1).4, None);
    assert_eq!(posts::table.find(1).select(posts::version).first::<i32>(conn), Ok(2));

    #[derive(AsChangeset)]
    #[diesel(table_name = posts)]
    struct Why<'a> {
        deleted_by: Option<&'a str>,
        reason: Option<&'a str>,
    }
    let why = Why { deleted_by: Some("them"), reason: None };
    assert_eq!(delete().set(&why).execute(conn), Ok(1));
    assert_eq!(post(conn, 1).4.as_deref(), Some("them"));
    assert_eq!(posts::table.find(1).restore().execute(conn), Ok(1));
    // A changeset without changes is not an error, since the transition itself is a change.
    assert_eq!(delete().set(Why { deleted_by: None, reason: None }).execute(conn), Ok(1));
}

#[test]
fn set_reads_the_row_as_it_was() {
    let conn = &mut *blog();
    let was_deleted =
        diesel::dsl::case_when::<_, _, diesel::sql_types::Text>(posts::is_deleted.eq(true), "was deleted")
            .otherwise("was active");
    assert_eq!(posts::table.find(1).soft_delete().set(posts::title.eq(was_deleted)).execute(conn), Ok(1));
    assert_eq!(post(conn, 1).1, "was active");
}

#[test]
fn set_cannot_name_a_column_that_the_statement_sets() {
    let conn = &mut *blog();
    let before = state(conn);
    let at = instant(DELETED_AT);
    macro_rules! refused {
        ($statement:expr, $column:literal) => {
            let error = $statement.run(conn).unwrap_err();
            assert!(
                matches!(&error, Error::ColumnSetTwice { table, column } if table == "posts" && column == $column),
                "{error}"
            );
            let error = $statement.execute(conn).unwrap_err();
            assert!(matches!(error, DieselError::QueryBuilderError(_)), "{error}");
        };
    }
    let delete = || posts::table.find(1).soft_delete();
    let restore = || posts::table.find(2).restore();
    refused!(delete().set(posts::is_deleted.eq(false)), "is_deleted");
    refused!(delete().set((posts::title.eq("x"), posts::deleted_at.eq(at))), "deleted_at");
    refused!(delete().set((posts::title.eq("x"), (posts::reason.eq("x"), posts::updated_at.eq(at)))), "updated_at");
    refused!(restore().set(Some(posts::reason.eq("x"))), "reason");
    #[derive(AsChangeset)]
    #[diesel(table_name = posts)]
    struct Form {
        title: Option<&'static str>,
        is_deleted: Option<bool>,
    }
    refused!(delete().set(Form { title: Some("x"), is_deleted: None }), "is_deleted");
    assert_only(&before, &state(conn), &[]);
    // A soft delete may set metadata and other columns.
    assert_eq!(delete().set((posts::reason.eq("x"), posts::version.eq(2))).execute(conn), Ok(1));
}

#[test]
fn outcome_tells_why_a_row_did_not_change() {
    let conn = &mut *blog();
    let delete = |id: i32| posts::table.find(id).soft_delete();
    assert_eq!(delete(99).outcome(conn).unwrap(), Outcome::NotFound);
    assert_eq!(delete(2).outcome(conn).unwrap(), Outcome::AlreadyInState);
    assert_eq!(delete(1).only_if(posts::version.eq(7)).outcome(conn).unwrap(), Outcome::Refused);
    assert_eq!(delete(2).only_if(posts::version.eq(7)).outcome(conn).unwrap(), Outcome::AlreadyInState);
    assert_eq!(delete(99).only_if(posts::version.eq(7)).outcome(conn).unwrap(), Outcome::NotFound);
    // A condition that is NULL is not met.
    assert_eq!(delete(1).only_if(posts::reason.eq("x")).outcome(conn).unwrap(), Outcome::Refused);
    let twice = delete(1).only_if(posts::version.eq(1)).only_if(posts::title.eq("Two"));
    assert_eq!(twice.outcome(conn).unwrap(), Outcome::Refused);
    assert_eq!(delete(1).only_if(posts::version.eq(1)).outcome(conn).unwrap(), Outcome::Changed);
    let restore = |id: i32| posts::table.find(id).restore();
    assert_eq!(restore(1).outcome(conn).unwrap(), Outcome::Changed);
    assert_eq!(restore(1).outcome(conn).unwrap(), Outcome::AlreadyInState);
    assert_eq!(restore(99).outcome(conn).unwrap(), Outcome::NotFound);
    let raw = diesel::dsl::sql::<Bool>("id = 2 OR id = 98");
    assert_eq!(posts::table.filter(raw).soft_delete().outcome(conn).unwrap(), Outcome::AlreadyInState);
}

#[test]
fn outcome_is_for_one_row() {
    let conn = &mut *blog();
    let before = state(conn);
    let error = posts::table.soft_delete().outcome(conn).unwrap_err();
    assert!(matches!(&error, Error::NotOneRow { table, rows: 3 } if table == "posts"), "{error}");
    let error = posts::table.deleted().soft_delete().outcome(conn).unwrap_err();
    assert!(matches!(&error, Error::NotOneRow { rows: 2, .. }), "{error}");
    assert_only(&before, &state(conn), &[]);
}

#[test]
fn outcome_keeps_a_transaction_usable() {
    let conn = &mut *blog();
    let before = state(conn);
    conn.test_transaction(|conn| {
        assert_eq!(posts::table.find(1).soft_delete().outcome(conn)?, Outcome::Changed);
        assert!(posts::table.restore().outcome(conn).is_err());
        assert_eq!(posts::table.deleted().count().get_result::<i64>(conn).map_err(Error::from)?, 3);
        Ok::<_, Error>(())
    });
    assert_only(&before, &state(conn), &[]);
}

#[test]
fn a_restore_that_collides_is_named_and_changes_nothing() {
    let conn = &mut *blog();
    unique_titles_among_active(conn);
    diesel::update(posts::table.find(1)).set(posts::title.eq("Two")).execute(conn).unwrap();
    let before = state(conn);
    let error = posts::table.filter(posts::id.eq_any([2, 5])).restore().run(conn).unwrap_err();
    assert!(matches!(&error, Error::RestoreConflict { table, .. } if table == "posts"), "{error:?}");
    assert!(
        error.to_string().starts_with("cannot restore in `posts`: an active row has taken a unique value"),
        "{error}"
    );
    assert_only(&before, &state(conn), &[]);
    // The transaction around it stays usable.
    conn.transaction(|conn| {
        assert!(posts::table.find(2).restore().run(conn).is_err());
        assert_eq!(posts::table.find(3).soft_delete().run(conn)?, 1);
        Ok::<_, Error>(())
    })
    .unwrap();
    assert!(post(conn, 3).2);
    let error = posts::table.find(2).restore().execute(conn).unwrap_err();
    assert!(matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)), "{error}");
    // The restore works once the other row is deleted.
    assert_eq!(posts::table.find(1).soft_delete().run(conn).unwrap(), 1);
    assert_eq!(posts::table.find(2).restore().outcome(conn).unwrap(), Outcome::Changed);
}

fn unique_titles_among_active(conn: &mut Conn) {
    use diesel_soft_delete::Dialect;
    let sql = match super::backend::DIALECT {
        Dialect::Postgres | Dialect::Sqlite => {
            "CREATE UNIQUE INDEX live_titles ON posts (title) WHERE (is_deleted = FALSE)"
        }
        Dialect::Mysql => {
            "ALTER TABLE posts ADD COLUMN live BOOLEAN AS (IF(is_deleted, NULL, 1)) VIRTUAL, ADD UNIQUE KEY live_titles (title, live)"
        }
    };
    diesel::sql_query(sql).execute(conn).unwrap();
}

#[test]
fn purge_takes_deleted_rows_strictly_before_the_cutoff() {
    let conn = &mut *blog();
    diesel::delete(comments::table).execute(conn).unwrap();
    diesel::delete(tags::table).execute(conn).unwrap();
    let cutoff = instant(DELETED_AT).and_utc();
    let micro = TimeDelta::microseconds(1);
    // An active row with a timestamp is never purged.
    diesel::update(posts::table.find(1))
        .set(posts::deleted_at.eq(instant("2020-01-01 00:00:00")))
        .execute(conn)
        .unwrap();
    // A deleted row without a timestamp has an unknown age and is never purged.
    diesel::update(posts::table.find(3)).set(posts::is_deleted.eq(true)).execute(conn).unwrap();
    let ids = |conn: &mut Conn| posts::table.select(posts::id).order(posts::id).load::<i32>(conn).unwrap();

    assert_eq!(posts::table.purge_deleted_before(cutoff - micro).run(conn).unwrap(), 0);
    assert_eq!(posts::table.purge_deleted_before(cutoff).run(conn).unwrap(), 0);
    assert_eq!(posts::table.filter(posts::id.eq(1)).purge_deleted_before(cutoff + micro).run(conn).unwrap(), 0);
    assert_eq!(posts::table.find(2).purge_deleted_before(cutoff + micro).execute(conn), Ok(1));
    assert_eq!(ids(conn), [1, 3, 4, 5]);
    assert_eq!(posts::table.purge_older_than(TimeDelta::days(365_000)).run(conn).unwrap(), 0);
    assert_eq!(posts::table.purge_older_than(TimeDelta::days(30)).execute(conn), Ok(1));
    assert_eq!(ids(conn), [1, 3, 4]);
    // An age of zero purges every deleted row that has a time.
    assert_eq!(posts::table.find(4).soft_delete().execute(conn), Ok(1));
    std::thread::sleep(std::time::Duration::from_millis(2));
    assert_eq!(posts::table.purge_older_than(TimeDelta::zero()).execute(conn), Ok(1));
    assert_eq!(ids(conn), [1, 3]);
}

#[test]
fn purge_refuses_ages_that_mean_nothing() {
    let conn = &mut *blog();
    let before = state(conn);
    let error = posts::table.purge_older_than(TimeDelta::days(-30)).run(conn).unwrap_err();
    assert!(matches!(error, Error::NegativeAge { age } if age == TimeDelta::days(-30)), "{error}");
    let error = posts::table.purge_older_than(TimeDelta::microseconds(-1)).execute(conn).unwrap_err();
    assert!(matches!(Error::from(error), Error::NegativeAge { .. }));
    let error = posts::table.purge_older_than(TimeDelta::MAX).run(conn).unwrap_err();
    assert!(matches!(error, Error::AgeTooLarge { .. }), "{error}");
    assert_only(&before, &state(conn), &[]);
}

#[test]
fn purge_does_not_reach_over_a_foreign_key() {
    let conn = &mut *blog();
    diesel::connection::SimpleConnection::batch_execute(
        conn,
        if super::backend::DIALECT == diesel_soft_delete::Dialect::Sqlite {
            "PRAGMA foreign_keys = ON"
        } else {
            "SELECT 1"
        },
    )
    .unwrap();
    let error = users::table.purge_older_than(TimeDelta::days(1)).run(conn).unwrap_err();
    let Error::Database(DieselError::DatabaseError(kind, _)) = &error else { panic!("{error}") };
    assert!(matches!(kind, DatabaseErrorKind::ForeignKeyViolation), "{error}");
    assert_eq!(users::table.count().get_result::<i64>(conn), Ok(4));
}

#[test]
fn the_flag_decides_where_flag_and_timestamp_disagree() {
    let conn = &mut *blog();
    diesel::update(posts::table.find(1))
        .set(posts::deleted_at.eq(instant("2020-01-01 00:00:00")))
        .execute(conn)
        .unwrap();
    diesel::update(posts::table.find(3)).set(posts::is_deleted.eq(true)).execute(conn).unwrap();
    // The flag decides.
    assert_eq!(posts::table.active().select(posts::id).order(posts::id).load::<i32>(conn), Ok(vec![1, 4]));
    assert_eq!(posts::table.deleted().select(posts::id).order(posts::id).load::<i32>(conn), Ok(vec![2, 3, 5]));
    let at = instant("2025-01-01 00:00:00");
    assert_eq!(posts::table.find(3).soft_delete().execute(conn), Ok(0));
    assert_eq!(posts::table.find(1).restore().execute(conn), Ok(0));
    // A transition corrects both columns.
    assert_eq!(posts::table.find(1).soft_delete().at(at).execute(conn), Ok(1));
    assert_eq!(post(conn, 1).3, Some(at));
    assert_eq!(posts::table.find(3).restore().execute(conn), Ok(1));
    assert_eq!(post(conn, 3).3, None);
}

#[test]
fn statements_have_the_same_id_only_if_they_have_the_same_sql() {
    use diesel::query_builder::QueryId;
    fn id<Q: QueryId>(_: &Q) -> Option<std::any::TypeId> {
        Q::query_id()
    }
    let age = TimeDelta::days(1);
    let post = Post { id: 1, user_id: 1, title: String::new() };
    let different = [
        id(&posts::table.soft_delete()),
        id(&posts::table.restore()),
        id(&posts::table.find(1).soft_delete()),
        id(&posts::table.find(1).restore()),
        id(&posts::table.find(1).soft_delete().at(posts::updated_at)),
        id(&posts::table.find(1).soft_delete().at(instant(DELETED_AT))),
        id(&posts::table.find(1).soft_delete().at(db_now())),
        id(&posts::table.find(1).soft_delete().only_if(posts::version.eq(1))),
        id(&posts::table.find(1).soft_delete().only_if(posts::version.eq(1)).only_if(posts::version.eq(1))),
        id(&posts::table.active().find(1).soft_delete()),
        id(&comments::table.find(1).soft_delete()),
        id(&posts::table.purge_older_than(age)),
        id(&posts::table.find(1).purge_older_than(age)),
        id(&comments::table.purge_older_than(age)),
    ];
    for (i, statement) in different.iter().enumerate() {
        assert!(statement.is_some(), "statement {i} has no static id");
        assert!(different[..i].iter().all(|before| before != statement), "statement {i} shares its id");
    }
    // Statements that differ only in values have one id.
    assert_eq!(id(&posts::table.find(1).soft_delete()), id(&posts::table.find(2).soft_delete().at_utc(Utc::now())));
    assert_eq!(id(&posts::table.find(1).soft_delete()), id(&post.soft_delete()));
    assert_eq!(id(&posts::table.purge_older_than(age)), id(&posts::table.purge_deleted_before(Utc::now())));
    // A statement whose SQL can differ from run to run does not have an id.
    assert_eq!(id(&posts::table.find(1).soft_delete().set(posts::reason.eq("x"))), None);
    let raw = || diesel::dsl::sql::<Bool>("id = 1");
    assert_eq!(id(&posts::table.filter(raw()).soft_delete()), None);
    assert_eq!(id(&posts::table.find(1).soft_delete().only_if(raw())), None);
    assert_eq!(id(&posts::table.find(1).soft_delete().at(diesel::dsl::sql::<diesel::sql_types::Timestamp>("x"))), None);
    assert_eq!(id(&posts::table.find(1).restore().at(diesel::dsl::sql::<diesel::sql_types::Timestamp>("x"))), None);
    assert_eq!(id(&posts::table.filter(raw()).purge_older_than(age)), None);
}

/// A flag is a number on MySQL and SQLite. On PostgreSQL it can be NULL although it is not declared so.
#[test]
fn outcome_tells_rows_that_are_in_neither_state() {
    use diesel::connection::SimpleConnection;
    use diesel_soft_delete::Dialect;
    diesel::table! { things { id -> Integer, state -> Bool } }
    mod actives {
        diesel::table! { things { id -> Integer, state -> Bool } }
        diesel_soft_delete::soft_deletable! { things { active_flag = state } }
    }
    mod nullable {
        diesel::table! { things { id -> Integer, state -> Nullable<Bool> } }
        diesel_soft_delete::soft_deletable! { things { flag = state } }
    }
    use diesel_soft_delete::Error;
    diesel_soft_delete::soft_deletable! { things { flag = state } }
    let conn = &mut *super::backend::connection();
    conn.batch_execute(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, state BOOLEAN); INSERT INTO things VALUES (1, NULL)",
    )
    .unwrap();
    let refused = |error: Error| {
        let text = error.to_string();
        assert!(text.starts_with("the row in `things` is neither active nor deleted: `state` is"), "{text}");
    };
    let values: &[&str] = if super::backend::DIALECT == Dialect::Postgres { &["NULL"] } else { &["NULL", "2", "-1"] };
    for value in values {
        conn.batch_execute(&format!("UPDATE things SET state = {value}")).unwrap();
        refused(things::table.find(1).soft_delete().outcome(conn).unwrap_err());
        refused(things::table.find(1).restore().outcome(conn).unwrap_err());
        refused(things::table.find(1).soft_delete().only_if(things::id.eq(2)).outcome(conn).unwrap_err());
        refused(actives::things::table.find(1).soft_delete().outcome(conn).unwrap_err());
        refused(actives::things::table.find(1).restore().outcome(conn).unwrap_err());
        // A transaction stays usable after the error. `run` changes nothing.
        conn.transaction(|conn| {
            refused(things::table.restore().outcome(conn).unwrap_err());
            assert_eq!(things::table.soft_delete().run(conn)? + things::table.restore().run(conn)?, 0);
            Ok::<_, Error>(())
        })
        .unwrap();
    }
    // NULL is a state where it is declared as one.
    conn.batch_execute("UPDATE things SET state = NULL").unwrap();
    let table = nullable::things::table;
    assert_eq!(table.restore().outcome(conn).unwrap(), Outcome::AlreadyInState);
    assert_eq!(table.soft_delete().outcome(conn).unwrap(), Outcome::Changed);
    assert_eq!(table.soft_delete().outcome(conn).unwrap(), Outcome::AlreadyInState);
    assert_eq!(things::table.soft_delete().outcome(conn).unwrap(), Outcome::AlreadyInState);
}

#[test]
fn a_purge_runs_in_a_savepoint() {
    let conn = &mut *blog();
    let purge = || posts::table.purge_older_than(TimeDelta::days(1));
    conn.transaction(|conn| {
        // Comments and tags refer to the posts.
        assert!(purge().run(conn).is_err() || super::backend::DIALECT == diesel_soft_delete::Dialect::Sqlite);
        assert_eq!(posts::table.find(3).soft_delete().run(conn)?, 1);
        Ok::<_, diesel_soft_delete::Error>(())
    })
    .unwrap();
    assert!(post(conn, 3).2);
}
