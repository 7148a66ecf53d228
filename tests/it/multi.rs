//! One app, three databases: `MultiConnection`.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{ClockForm, Outcome, UtcClock, db_now};

#[derive(diesel::MultiConnection)]
enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    Mysql(MysqlConnection),
}

impl UtcClock for multi_connection_impl::MultiBackend {
    fn utc_now(&self, form: ClockForm) -> &'static str {
        match self {
            Self::Sqlite(backend) => backend.utc_now(form),
            Self::Postgres(backend) => backend.utc_now(form),
            Self::Mysql(backend) => backend.utc_now(form),
        }
    }
}

diesel::table! {
    authors {
        id -> Integer,
        is_deleted -> Bool,
    }
}

diesel::table! {
    notes {
        id -> Integer,
        author_id -> Integer,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        touched -> BigInt,
        reason -> Nullable<Text>,
    }
}
diesel::joinable!(notes -> authors (author_id));
diesel::allow_tables_to_appear_in_same_query!(authors, notes);
diesel_soft_delete::soft_deletable! {
    authors { flag = is_deleted }
    notes { flag = is_deleted, timestamp = deleted_at, touch = touched, unit = millis, metadata(reason) }
}

#[derive(Queryable, Selectable, Identifiable)]
#[diesel(table_name = notes)]
struct Note {
    id: i32,
}

fn cases(mut conn: AnyConnection, instant: &str) {
    conn.batch_execute(&format!(
        "CREATE TABLE authors (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
             deleted_at {instant}, touched BIGINT NOT NULL DEFAULT 0, reason VARCHAR(20));
         INSERT INTO authors (id) VALUES (1), (2);
         INSERT INTO notes (id, author_id) VALUES (1, 1), (2, 1), (3, 2);"
    ))
    .unwrap();
    let conn = &mut conn;
    assert_eq!(notes::table.find(1).soft_delete().execute(conn), Ok(1));
    assert_eq!(notes::table.find(1).soft_delete().run(conn).unwrap(), 0);
    assert_eq!(notes::table.find(1).soft_delete().outcome(conn).unwrap(), Outcome::AlreadyInState);
    assert_eq!(notes::table.active().select(notes::id).order(notes::id).load::<i32>(conn), Ok(vec![2, 3]));
    let note: Note = notes::table.deleted().select(Note::as_select()).first(conn).unwrap();
    assert_eq!(note.restore().run(conn).unwrap(), 1);
    let at = NaiveDateTime::parse_from_str("2024-02-29 12:00:00.123456", "%F %T%.f").unwrap();
    let delete = notes::table.find(2).soft_delete().at_utc(at.and_utc()).set(notes::reason.eq("x"));
    assert_eq!(delete.only_if(notes::author_id.eq(1)).outcome(conn).unwrap(), Outcome::Changed);
    let stored = notes::table.find(2).select((notes::deleted_at, notes::touched)).first(conn);
    assert_eq!(stored, Ok((Some(at), at.and_utc().timestamp_millis())));
    assert!(notes::table.soft_delete().set(notes::is_deleted.eq(true)).run(conn).is_err());

    assert_eq!(authors::table.find(2).soft_delete().run(conn).unwrap(), 1);
    let left = authors::table.left_join_active(notes::table).active();
    assert_eq!(
        left.select((authors::id, notes::id.nullable())).load::<(i32, Option<i32>)>(conn),
        Ok(vec![(1, Some(1))])
    );
    assert_eq!(authors::table.inner_join(notes::table).active().count().get_result::<i64>(conn), Ok(1));
    assert_eq!(notes::table.into_boxed().active().count().get_result::<i64>(conn), Ok(2));

    let raw = diesel::dsl::sql::<diesel::sql_types::Bool>("id = 1 OR id = 2");
    assert_eq!(notes::table.filter(raw).purge_older_than(TimeDelta::days(1)).run(conn).unwrap(), 1);
    assert_eq!(diesel::select(db_now_is_now()).get_result::<bool>(conn), Ok(true));
    assert_eq!(notes::table.count().get_result::<i64>(conn), Ok(2));
}

/// The database's clock is about this machine's.
fn db_now_is_now() -> impl diesel::expression::BoxableExpression<
    diesel::internal::derives::multiconnection::NoFromClause,
    multi_connection_impl::MultiBackend,
    SqlType = diesel::sql_types::Bool,
> + diesel::query_builder::QueryId
+ diesel::expression::ValidGrouping<(), IsAggregate = diesel::expression::is_aggregate::Never> {
    let now = chrono::Utc::now().naive_utc();
    let clock = diesel::expression::AsExpression::<diesel::sql_types::Timestamp>::as_expression(db_now());
    diesel::ExpressionMethods::between(clock, now - TimeDelta::minutes(5), now + TimeDelta::minutes(5))
}

#[test]
fn sqlite() {
    cases(AnyConnection::Sqlite(SqliteConnection::establish(":memory:").unwrap()), "TIMESTAMP");
}

#[test]
fn postgres() {
    let (_owner, url) = crate::support::postgres::shared();
    cases(AnyConnection::Postgres(PgConnection::establish(&url).unwrap()), "TIMESTAMP");
}

#[test]
fn mysql() {
    let (_owner, url) = crate::support::mysql::shared();
    cases(AnyConnection::Mysql(MysqlConnection::establish(&url).unwrap()), "DATETIME(6)");
}
