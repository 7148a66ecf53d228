//! One app uses three databases through `MultiConnection`.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{
    Dialect, Error, NoReturningClause, Outcome, RetentionPolicy, Revival, SoftDeleteBackend, db_now,
};

#[derive(diesel::MultiConnection)]
enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    Mysql(MysqlConnection),
}

impl SoftDeleteBackend for multi_connection_impl::MultiBackend {
    type Returning = NoReturningClause;

    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(backend) => backend.dialect(),
            Self::Postgres(backend) => backend.dialect(),
            Self::Mysql(backend) => backend.dialect(),
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

diesel::table! {
    slugs {
        id -> Integer,
        slug -> Text,
        is_deleted -> Bool,
    }
}
diesel::table! {
    seats (hall, place) {
        hall -> Integer,
        place -> Integer,
        is_deleted -> Bool,
        held -> Nullable<Bool>,
    }
}
diesel::table! {
    seats_archive (hall, place) {
        hall -> Integer,
        place -> Integer,
        held -> Nullable<Bool>,
    }
}

diesel::table! {
    rooms { id -> Integer, inside -> Nullable<Integer>, deleted_at -> Nullable<Timestamp>, operation -> Nullable<Text> }
}
diesel::table! {
    chairs {
        id -> Integer,
        room -> Integer,
        deleted -> Nullable<BigInt>,
        operation -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}
diesel::table! {
    legs { id -> Integer, chair -> Integer, deleted_at -> Nullable<Timestamp>, operation -> Nullable<Text> }
}
diesel::table! {
    verses (page, line) {
        page -> Integer,
        line -> Text,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    verses_archive (page, line) {
        line -> Text,
        page -> Integer,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    memos { id -> Integer, answers -> Nullable<Integer>, deleted_at -> Nullable<Timestamp> }
}

diesel::joinable!(notes -> authors (author_id));
diesel::allow_tables_to_appear_in_same_query!(authors, notes);
diesel_soft_delete::soft_deletable! {
    authors { flag = is_deleted }
    verses { timestamp = deleted_at }
    rooms { timestamp = deleted_at, operation = operation, cascade(rooms(inside), chairs(room)) }
    chairs { timestamp = deleted, unit = micros, metadata(reason), operation = operation, cascade(legs(chair)) }
    legs { timestamp = deleted_at, operation = operation }
    slugs { flag = is_deleted }
    memos { timestamp = deleted_at }
    seats { flag = is_deleted, hold = held }
    notes { flag = is_deleted, timestamp = deleted_at, touch = touched, unit = millis, metadata(reason) }
}

#[derive(Queryable, Selectable, Identifiable)]
struct Author {
    id: i32,
}

#[derive(Queryable, Selectable, Identifiable, Associations)]
#[diesel(belongs_to(Author))]
struct Note {
    id: i32,
    author_id: i32,
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

    let author: Author = authors::table.find(2).select(Author::as_select()).first(conn).unwrap();
    assert_eq!(Note::belonging_to(&author).soft_delete().run(conn).unwrap(), 1);
    let trash: Vec<Note> = notes::table.deleted().select(Note::as_select()).load(conn).unwrap();
    assert_eq!(trash.iter().map(|note| (note.id, note.author_id)).collect::<Vec<_>>(), [(3, 2)]);
}

/// Every outcome and typed error. A transaction stays usable after an error.
fn outcomes(mut conn: AnyConnection, unique: &str) {
    conn.batch_execute(
        "CREATE TABLE slugs (id INTEGER PRIMARY KEY, slug VARCHAR(20) NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         INSERT INTO slugs (id, slug, is_deleted) VALUES (1, 'a', TRUE), (2, 'a', FALSE), (3, 'c', FALSE);",
    )
    .unwrap();
    conn.batch_execute(unique).unwrap();
    let conn = &mut conn;
    let delete = |id: i32| slugs::table.find(id).soft_delete();
    assert_eq!(delete(9).outcome(conn).unwrap(), Outcome::NotFound);
    assert_eq!(delete(1).outcome(conn).unwrap(), Outcome::AlreadyInState);
    assert_eq!(delete(2).only_if(slugs::slug.eq("b")).outcome(conn).unwrap(), Outcome::Refused);
    assert_eq!(delete(3).outcome(conn).unwrap(), Outcome::Changed);
    let error = slugs::table.restore().outcome(conn).unwrap_err();
    assert!(matches!(error, Error::RestoreConflict { .. } | Error::NotOneRow { rows: 2, .. }), "{error}");
    let result = conn.transaction(|conn| {
        let error = slugs::table.find(1).restore().run(conn).unwrap_err();
        assert!(matches!(&error, Error::RestoreConflict { table, .. } if table == "slugs"), "{error}");
        let error = slugs::table.find(1).restore().outcome(conn).unwrap_err();
        assert!(matches!(&error, Error::RestoreConflict { table, .. } if table == "slugs"), "{error}");
        delete(2).run(conn)?;
        assert_eq!(slugs::table.find(1).restore().outcome(conn)?, Outcome::Changed);
        Ok::<_, Error>(())
    });
    result.unwrap();
    assert_eq!(slugs::table.active().select(slugs::id).load::<i32>(conn), Ok(vec![1]));
}

/// Revivals with and without a transaction.
fn revivals(mut conn: AnyConnection) {
    conn.batch_execute(
        "DROP TABLE IF EXISTS slugs;
         CREATE TABLE slugs (id INTEGER PRIMARY KEY, slug VARCHAR(20) NOT NULL UNIQUE, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         INSERT INTO slugs VALUES (1, 'one', FALSE), (2, 'two', TRUE);",
    )
    .unwrap();
    let conn = &mut conn;
    let write = |id: i32, slug: &'static str| {
        slugs::table.insert_or_revive((slugs::id.eq(id), slugs::slug.eq(slug))).on(slugs::slug)
    };
    let unnamed = |id: i32| slugs::table.insert_or_revive((slugs::id.eq(id),)).on(slugs::id);
    for id in [1, 2, 3] {
        let error = unnamed(id).run(conn).unwrap_err();
        assert!(matches!(error, Error::UnnamedColumns { columns, .. } if columns == ["slug"]));
        let error = conn.transaction(|conn| unnamed(id).cascade().run(conn)).unwrap_err();
        assert!(matches!(error, Error::UnnamedColumns { columns, .. } if columns == ["slug"]));
    }
    assert_eq!(unnamed(2).keeping(slugs::slug).cascade().run(conn).unwrap(), Revival::Revived);
    slugs::table.find(2).soft_delete().run(conn).unwrap();
    assert_eq!(write(7, "one").run(conn).unwrap(), Revival::Live);
    assert_eq!(write(7, "two").run(conn).unwrap(), Revival::Revived);
    assert_eq!(write(7, "three").run(conn).unwrap(), Revival::Inserted);
    let revival = conn.transaction(|conn| {
        let error = write(7, "four").run(conn).unwrap_err();
        assert!(matches!(error, Error::Database(_)), "{error}");
        slugs::table.find(7).soft_delete().run(conn)?;
        assert_eq!(write(8, "three").run(conn)?, Revival::Revived);
        write(8, "three").run(conn)
    });
    assert_eq!(revival.unwrap(), Revival::Live);
    assert_eq!(slugs::table.active().select(slugs::id).order(slugs::id).load::<i32>(conn), Ok(vec![1, 2, 7]));
}

/// Erasures with a key of two columns, holds and copies. The backend's type does not tell the database.
fn erasures(mut conn: AnyConnection) {
    conn.batch_execute(
        "CREATE TABLE seats (hall INTEGER, place INTEGER, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, held BOOLEAN, PRIMARY KEY (hall, place));
         CREATE TABLE seats_archive (hall INTEGER, place INTEGER, held BOOLEAN);
         INSERT INTO seats (hall, place, is_deleted, held) VALUES (1, 1, FALSE, NULL), (1, 2, TRUE, FALSE), (2, 1, TRUE, TRUE);
         INSERT INTO seats_archive VALUES (1, 1, NULL), (1, 3, FALSE), (2, 3, NULL), (2, 4, TRUE);",
    )
    .unwrap();
    let conn = &mut conn;
    let everywhere = || seats::table.filter(seats::hall.gt(0)).erase().archived_in(seats_archive::table);
    let error = everywhere().run(conn).unwrap_err();
    let Error::UnderHold { table, key, rows } = error else { panic!("{error}") };
    assert_eq!((&*table, key.as_deref(), rows), ("seats", Some("2, 1"), 1));
    assert_eq!(seats::table.active().count().get_result::<i64>(conn), Ok(1));

    let report = seats::table.filter(seats::hall.eq(1)).erase().archived_in(seats_archive::table).run(conn).unwrap();
    assert_eq!((report.rows, report.archived), (2, 2));
    let left = seats_archive::table.select((seats_archive::hall, seats_archive::place)).order(seats_archive::place);
    assert_eq!(left.load::<(i32, i32)>(conn), Ok(vec![(2, 3), (2, 4)]));
    diesel::update(seats::table).set(seats::held.eq(None::<bool>)).execute(conn).unwrap();
    let error = everywhere().run(conn).unwrap_err();
    assert!(matches!(&error, Error::UnderHold { table, .. } if table == "seats_archive"), "{error}");
    diesel::update(seats_archive::table).set(seats_archive::held.eq(false)).execute(conn).unwrap();
    let report = seats::table.erase().archived_in(seats_archive::table).run(conn).unwrap();
    assert_eq!((report.rows, report.archived), (1, 2));
}

/// Rows that refer to each other, and flags that are neither 0 nor 1.
fn threads(mut conn: AnyConnection, instant: &str, odd: Option<&str>) {
    conn.batch_execute(&format!(
        "CREATE TABLE memos (id INTEGER PRIMARY KEY, answers INTEGER, deleted_at {instant}, FOREIGN KEY (answers) REFERENCES memos (id));
         INSERT INTO memos (id, answers) VALUES (3, NULL), (1, 3), (2, 1), (4, 2), (5, NULL), (6, 5);"
    ))
    .unwrap();
    let conn = &mut conn;
    assert_eq!(memos::table.filter(memos::id.le(4)).erase().run(conn).unwrap().rows, 4);
    conn.batch_execute("UPDATE memos SET deleted_at = '2024-01-01 00:00:00' WHERE id = 5").unwrap();
    let purge = || memos::table.purge_older_than(TimeDelta::days(1));
    conn.transaction(|conn| {
        let _ = purge().run(conn);
        conn.batch_execute("UPDATE memos SET deleted_at = '2024-01-01 00:00:00'")?;
        let left = memos::table.count().get_result::<i64>(conn)?;
        assert_eq!(purge().run(conn)? as i64, left);
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(memos::table.count().get_result::<i64>(conn), Ok(0));
    if let Some(odd) = odd {
        conn.batch_execute(&format!(
            "DROP TABLE IF EXISTS authors; CREATE TABLE authors (id INTEGER PRIMARY KEY, is_deleted BOOLEAN); INSERT INTO authors VALUES (1, {odd})"
        ))
        .unwrap();
        for error in
            [authors::table.find(1).restore().outcome(conn), authors::table.find(1).soft_delete().outcome(conn)]
        {
            assert!(error.unwrap_err().to_string().contains("neither active nor deleted"));
        }
    }
}

/// Only one of several threads changes the row.
fn pool(url: &str, connections: u32) {
    let pool = Pool::builder().max_size(connections).build(ConnectionManager::<AnyConnection>::new(url)).unwrap();
    pool.get()
        .unwrap()
        .batch_execute("CREATE TABLE authors (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE); INSERT INTO authors (id) VALUES (1), (2)")
        .unwrap();
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| authors::table.find(1).soft_delete().outcome(&mut pool.get().unwrap()).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Changed).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::AlreadyInState).count(), 3, "{outcomes:?}");
    let conn = &mut pool.get().unwrap();
    assert_eq!(authors::table.active().select(authors::id).load::<i32>(conn), Ok(vec![2]));
    assert_eq!(authors::table.deleted().select(authors::id).load::<i32>(conn), Ok(vec![1]));
}

/// A purge in batches asks for the dialect. It has a composite key, an archive and a lock.
fn jobs(mut conn: AnyConnection, instant: &str) {
    conn.batch_execute(&format!(
        "CREATE TABLE verses (page INTEGER NOT NULL, line VARCHAR(9) NOT NULL, deleted_at {instant}, PRIMARY KEY (page, line));
         CREATE TABLE verses_archive (line VARCHAR(9) NOT NULL, page INTEGER NOT NULL, deleted_at {instant});"
    ))
    .unwrap();
    let rows: Vec<String> = (0..30)
        .map(|n| format!("({}, 'l{n}', {})", n % 4, if n % 3 == 0 { "'2024-01-01 00:00:00'" } else { "NULL" }))
        .collect();
    conn.batch_execute(&format!("INSERT INTO verses VALUES {}", rows.join(", "))).unwrap();
    let conn = &mut conn;
    let job = || verses::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(3);
    assert_eq!(job().dry_run().run(conn).unwrap().rows, 10);
    let policy = RetentionPolicy::new().table(job().archive_into(verses_archive::table)).exclusive("verses");
    let report = policy.run(conn).unwrap();
    assert_eq!((report.tables[0].rows, report.tables[0].archived, report.tables[0].batches), (10, 10, 4), "{report}");
    assert_eq!(verses::table.count().get_result::<i64>(conn), Ok(20));
    assert_eq!(verses::table.active().count().get_result::<i64>(conn), Ok(20));
    assert_eq!(verses_archive::table.count().get_result::<i64>(conn), Ok(10));
    let error = conn.transaction(|conn| job().run(conn)).unwrap_err();
    assert!(matches!(error, Error::PurgeInTransaction { .. }), "{error}");
}

/// A cascade asks for the dialect, which the backend's type does not tell.
fn cascades(mut conn: AnyConnection, instant: &str) {
    let conn = &mut conn;
    conn.batch_execute(&format!(
        "CREATE TABLE rooms (id INTEGER PRIMARY KEY, inside INTEGER, deleted_at {instant}, operation VARCHAR(36));
         CREATE TABLE chairs (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, deleted BIGINT, operation BIGINT, reason VARCHAR(9));
         CREATE TABLE legs (id INTEGER PRIMARY KEY, chair INTEGER NOT NULL, deleted_at {instant}, operation VARCHAR(36));
         INSERT INTO rooms (id, inside) VALUES (1, NULL), (2, 1), (3, 2), (4, NULL);
         INSERT INTO chairs (id, room) VALUES (1, 1), (2, 3), (3, 4);
         INSERT INTO legs (id, chair) VALUES (1, 1), (2, 2), (3, 3);"
    ))
    .unwrap();
    let live = |conn: &mut AnyConnection| {
        let rooms = rooms::table.active().select(rooms::id).order(rooms::id).load::<i32>(conn).unwrap();
        let chairs = chairs::table.active().select(chairs::id).order(chairs::id).load::<i32>(conn).unwrap();
        (rooms, chairs, legs::table.active().count().get_result::<i64>(conn).unwrap())
    };
    let all = live(conn);
    let delete = || rooms::table.find(1).soft_delete().cascade().set_all("reason", "it's over");
    assert_eq!(delete().preview(conn).unwrap().total(), 7);
    let report = delete().run(conn).unwrap();
    assert_eq!((report.rows("rooms"), report.rows("chairs"), report.rows("legs")), (3, 2, 2));
    assert_eq!(live(conn), (vec![4], vec![3], 1));
    let chair = chairs::table.find(1).select((chairs::reason, chairs::deleted, chairs::operation.is_not_null()));
    let reason = Some(String::from("it's over"));
    assert_eq!(chair.first(conn), Ok((reason, Some(report.at().timestamp_micros()), true)));
    // A text and a number cannot identify one operation, and the timestamps have different types.
    let error = rooms::table.find(1).restore().cascade().run(conn).unwrap_err();
    assert!(matches!(&error, Error::Unidentified { child, .. } if child == "chairs"), "{error}");
    let error = conn
        .transaction(|conn| {
            let error = rooms::table.find(2).restore().cascade().run(conn).unwrap_err();
            rooms::table.find(1).restore().without_cascade().run(conn)?;
            Err::<(), Error>(error)
        })
        .unwrap_err();
    assert!(matches!(error, Error::Unidentified { .. }), "{error}");
    let error = chairs::table.find(1).restore().cascade().run(conn).unwrap_err();
    assert!(matches!(&error, Error::Unidentified { child, .. } if child == "legs"), "{error}");
    let error = legs::table.find(1).restore().cascade().run(conn).unwrap_err();
    assert!(matches!(&error, Error::BelowDeleted { ancestor, .. } if ancestor == "chairs"), "{error}");
    conn.batch_execute(
        "UPDATE rooms SET deleted_at = NULL, operation = NULL; UPDATE chairs SET deleted = NULL; UPDATE legs SET deleted_at = NULL",
    )
    .unwrap();
    assert_eq!(live(conn), all);
    let error = chairs::table.find(1).soft_delete().cascade().operation("x").run(conn).unwrap_err();
    assert!(matches!(&error, Error::InvalidOperation { table, .. } if table == "chairs"), "{error}");
    assert_eq!(rooms::table.find(2).soft_delete().cascade().operation(7).run(conn).unwrap().operation_id(), Some("7"));
    assert_eq!(chairs::table.find(2).select(chairs::operation).first(conn), Ok(Some(7_i64)));
}

const LIVE_SLUGS: &str = "CREATE UNIQUE INDEX live_slugs ON slugs (slug) WHERE (is_deleted = FALSE)";
const LIVE_SLUGS_ON_MYSQL: &str = "ALTER TABLE slugs ADD COLUMN live BOOLEAN AS (IF(is_deleted, NULL, 1)) VIRTUAL, ADD UNIQUE KEY live_slugs (slug, live)";

/// The database's clock is close to this machine's.
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
fn a_multi_connection_runs_every_verb_on_sqlite() {
    let connection = || AnyConnection::Sqlite(SqliteConnection::establish(":memory:").unwrap());
    cases(connection(), "TIMESTAMP");
    jobs(connection(), "TIMESTAMP");
    cascades(connection(), "TIMESTAMP");
    outcomes(connection(), LIVE_SLUGS);
    erasures(connection());
    threads(connection(), "TIMESTAMP", Some("7"));
    revivals(connection());
    pool(":memory:", 1);
}

#[test]
fn a_multi_connection_runs_every_verb_on_postgres() {
    let (_owner, url) = crate::support::postgres::shared();
    let connection = || AnyConnection::Postgres(PgConnection::establish(&url).unwrap());
    cases(connection(), "TIMESTAMP");
    outcomes(connection(), LIVE_SLUGS);
    jobs(connection(), "TIMESTAMP");
    cascades(connection(), "TIMESTAMP");
    erasures(connection());
    threads(connection(), "TIMESTAMP", Some("NULL"));
    revivals(connection());
    let (_owner, url) = crate::support::postgres::shared();
    pool(&url, 4);
}

#[test]
fn a_multi_connection_runs_every_verb_on_mysql() {
    let (_owner, url) = crate::support::mysql::shared();
    let connection = || AnyConnection::Mysql(MysqlConnection::establish(&url).unwrap());
    cases(connection(), "DATETIME(6)");
    outcomes(connection(), LIVE_SLUGS_ON_MYSQL);
    jobs(connection(), "DATETIME(6)");
    cascades(connection(), "DATETIME(6)");
    erasures(connection());
    threads(connection(), "DATETIME(6)", Some("-1"));
    revivals(connection());
    let (_owner, url) = crate::support::mysql::shared();
    pool(&url, 4);
}
