// A key finds a deleted row, which comes back with the new values. All other rows stay as they are.

use std::sync::{Arc, Mutex};

use chrono::NaiveDateTime;
use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error, Revival, SoftDeleteMigration};

use super::backend::{Conn, DIALECT, INSTANT_NULL, Instant, shared};
use super::schema::instant;

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    articles {
        id -> Integer,
        tenant -> Nullable<Integer>,
        slug -> Text,
        email -> Nullable<Text>,
        body -> Nullable<Text>,
        changed_at -> Nullable<Instant>,
        is_deleted -> Bool,
        deleted_at -> Nullable<Instant>,
        deleted_by -> Nullable<Text>,
        operation -> Nullable<Text>,
        held -> Bool,
    }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    replies {
        id -> Integer,
        article_id -> Integer,
        deleted_at -> Nullable<Instant>,
    }
}
diesel::table! {
    // The key of a revival is the primary key.
    tokens (name) {
        name -> Text,
        note -> Nullable<Text>,
        deleted_ms -> Nullable<BigInt>,
    }
}
diesel::table! {
    // The table has a primary key of two columns, and only a flag.
    seats (hall, place) {
        hall -> Integer,
        place -> Integer,
        guest -> Text,
        is_active -> Bool,
    }
}
diesel::table! {
    options {
        id -> Integer,
        tenant -> Integer,
        name -> Text,
        value -> Text,
        is_deleted -> Nullable<Bool>,
    }
}
diesel_soft_delete::soft_deletable! {
    articles {
        flag = is_deleted, timestamp = deleted_at, touch = changed_at, metadata(deleted_by), operation = operation,
        hold = held, cascade(replies(article_id)),
    }
    replies { timestamp = deleted_at }
    tokens { timestamp = deleted_ms, unit = millis }
    seats { active_flag = is_active }
    options { flag = is_deleted }
}

#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = articles)]
struct NewArticle<'a> {
    slug: &'a str,
    email: Option<&'a str>,
    body: &'a str,
}

#[derive(Debug, Clone, Insertable, AsChangeset)]
#[diesel(table_name = articles, treat_none_as_null = true)]
struct Whole {
    id: i32,
    tenant: Option<i32>,
    slug: String,
    email: Option<String>,
    body: Option<String>,
}

type Article = (i32, Option<i32>, String, Option<String>, Option<String>, Option<NaiveDateTime>, Mark);
/// The columns that a deletion sets.
type Mark = (bool, Option<NaiveDateTime>, Option<String>, Option<String>, bool);

const ACTIVE: Mark = (false, None, None, None, false);
const CHANGED_AT: &str = "2024-01-01 00:00:00";

fn load(conn: &mut Conn) -> Vec<Article> {
    use articles::*;
    let mark = (is_deleted, deleted_at, deleted_by, operation, held);
    articles::table.select((id, tenant, slug, email, body, changed_at, mark)).order(id).load(conn).expect("articles")
}

/// `unique` columns among active rows of a table with `is_deleted`.
fn unique(table: &str, columns: &str) -> String {
    match DIALECT {
        Dialect::Mysql => format!(
            "ALTER TABLE {table} ADD COLUMN live BOOLEAN AS (IF(is_deleted, NULL, 1)) VIRTUAL, ADD UNIQUE live_key ({columns}, live);"
        ),
        _ => format!("CREATE UNIQUE INDEX live_key ON {table} ({columns}) WHERE (is_deleted = FALSE);"),
    }
}

/// `1 one` is active. `2 two`, `3 two` and `4 two` are deleted, `3` as the last. `5 five` is deleted and under hold.
fn library(indexes: &str) -> (crate::support::TestConnection<Conn>, String) {
    let (mut conn, url) = shared();
    let id = match DIALECT {
        Dialect::Postgres => "SERIAL PRIMARY KEY",
        Dialect::Mysql => "INTEGER PRIMARY KEY AUTO_INCREMENT",
        _ => "INTEGER PRIMARY KEY",
    };
    let next = if DIALECT == Dialect::Postgres { "SELECT setval('articles_id_seq', 100);" } else { "" };
    let ddl = format!(
        "CREATE TABLE articles (id {id}, tenant INTEGER, slug VARCHAR(20) NOT NULL, email VARCHAR(20) UNIQUE,
             body VARCHAR(20) DEFAULT 'empty', changed_at {{instant}}, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
             deleted_at {{instant}}, deleted_by VARCHAR(20), operation VARCHAR(36), held BOOLEAN NOT NULL DEFAULT FALSE);
         CREATE TABLE replies (id INTEGER PRIMARY KEY, article_id INTEGER NOT NULL REFERENCES articles (id), deleted_at {{instant}});
         CREATE TABLE tokens (name VARCHAR(20) PRIMARY KEY, note VARCHAR(20), deleted_ms BIGINT);
         CREATE TABLE seats (hall INTEGER, place INTEGER, guest VARCHAR(20) NOT NULL, is_active BOOLEAN NOT NULL DEFAULT TRUE,
             PRIMARY KEY (hall, place));
         CREATE TABLE options (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, name VARCHAR(20) NOT NULL,
             value VARCHAR(20) NOT NULL, is_deleted BOOLEAN);
         INSERT INTO articles (id, slug, email, body, changed_at, is_deleted, deleted_at, deleted_by, operation, held) VALUES
             (1, 'one', 'one@x', 'first', '{CHANGED_AT}', FALSE, NULL, NULL, NULL, FALSE),
             (2, 'two', NULL, 'second', '{CHANGED_AT}', TRUE, '2024-03-01 12:00:00', 'root', 'a', FALSE),
             (3, 'two', 'two@x', 'third', '{CHANGED_AT}', TRUE, '2024-03-03 12:00:00', 'root', 'b', FALSE),
             (4, 'two', NULL, 'fourth', '{CHANGED_AT}', TRUE, '2024-03-02 12:00:00', 'root', 'c', FALSE),
             (5, 'five', NULL, 'fifth', '{CHANGED_AT}', TRUE, '2024-03-02 12:00:00', NULL, NULL, TRUE);
         INSERT INTO replies (id, article_id, deleted_at) VALUES (1, 1, NULL), (2, 3, '2024-03-03 12:00:00'), (3, 3, NULL);
         {indexes} {next}"
    );
    conn.batch_execute(&ddl.replace("{instant}", INSTANT_NULL)).expect("the tables");
    (conn, url)
}

fn live_slugs() -> crate::support::TestConnection<Conn> {
    library(&unique("articles", "slug")).0
}

type Act = Box<dyn FnOnce() + Send>;

/// Records the statements without quotes and binds, and runs an action before one of them.
struct Recorder {
    texts: Arc<Mutex<Vec<String>>>,
    before: Option<(&'static str, Act)>,
}

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            if self.before.as_ref().is_some_and(|(word, _)| text.starts_with(word)) {
                (self.before.take().expect("it is there").1)();
            }
            self.texts.lock().unwrap().push(text.split(" -- binds").next().unwrap().replace(['`', '"'], ""));
        }
    }
}

fn record(conn: &mut Conn) -> Arc<Mutex<Vec<String>>> {
    let texts = Arc::default();
    conn.set_instrumentation(Recorder { texts: Arc::clone(&texts), before: None });
    texts
}

/// Removes the recorded statements and returns those that are not of the transaction.
fn take(texts: &Mutex<Vec<String>>) -> Vec<String> {
    let transaction = |text: &String| {
        ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"].iter().any(|word| text.starts_with(word))
    };
    let texts: Vec<String> = texts.lock().unwrap().drain(..).collect();
    texts.into_iter().filter(|text| !transaction(text)).collect()
}

/// Another connection sends `sql` just before the first statement that begins with `word`.
fn meanwhile(conn: &mut Conn, url: &str, word: &'static str, sql: &'static str) -> Arc<Mutex<Vec<String>>> {
    let texts = Arc::default();
    let mut other = Conn::establish(url).expect("another connection");
    let act = Box::new(move || other.batch_execute(sql).expect("the other's statement"));
    conn.set_instrumentation(Recorder { texts: Arc::clone(&texts), before: Some((word, act)) });
    texts
}

fn write(slug: &str) -> NewArticle<'_> {
    NewArticle { slug, email: None, body: "new" }
}

fn on_slug(conn: &mut Conn, slug: &str) -> Result<Revival, Error> {
    let kept = (articles::tenant, articles::email, articles::held);
    articles::table.insert_or_revive(&write(slug)).on(articles::slug).keeping(kept).without_cascade().run(conn)
}

/// All rows but those named.
fn others(articles: &[Article], but: &[i32]) -> Vec<Article> {
    articles.iter().filter(|article| !but.contains(&article.0)).cloned().collect()
}

fn violates(error: &Error) -> bool {
    matches!(error, Error::Database(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
}

#[test]
fn an_active_row_is_reported_and_left_alone() {
    let conn = &mut *live_slugs();
    let before = load(conn);
    assert_eq!(on_slug(conn, "one").unwrap(), Revival::Live);
    // The same holds beside a row that was deleted later.
    let tombstone = "INSERT INTO articles (slug, is_deleted, deleted_at) VALUES ('one', TRUE, '2030-01-01 00:00:00')";
    conn.batch_execute(tombstone).unwrap();
    let with_tombstone = load(conn);
    assert_eq!(on_slug(conn, "one").unwrap(), Revival::Live);
    assert_eq!(load(conn), with_tombstone);
    assert_eq!(others(&with_tombstone, &[with_tombstone.last().unwrap().0]), before);
}

#[test]
fn a_deleted_row_comes_back_with_the_values() {
    let conn = &mut *live_slugs();
    let before = load(conn);
    let replies = replies::table.order(replies::id).load::<(i32, i32, Option<NaiveDateTime>)>(conn).unwrap();
    let start = chrono::Utc::now().naive_utc() - chrono::TimeDelta::milliseconds(1);
    assert_eq!(on_slug(conn, "two").unwrap(), Revival::Revived);
    let after = load(conn);
    // Only the row that was deleted last comes back. `email` is a `None`, which names no column.
    assert_eq!(others(&before, &[3]), others(&after, &[3]));
    let (id, tenant, slug, email, body, changed_at, mark) = after[2].clone();
    assert_eq!((id, tenant, slug.as_str()), (3, None, "two"));
    assert_eq!((email.as_deref(), body.as_deref(), mark), (Some("two@x"), Some("new"), ACTIVE));
    let changed_at = changed_at.unwrap();
    assert!(changed_at >= start && changed_at <= chrono::Utc::now().naive_utc(), "{changed_at}");
    // The children stay deleted, although the table has a cascade.
    assert_eq!(replies::table.order(replies::id).load::<(i32, i32, Option<NaiveDateTime>)>(conn).unwrap(), replies);
    assert_eq!(on_slug(conn, "two").unwrap(), Revival::Live);
    assert_eq!(load(conn), after);
}

#[test]
fn a_new_key_is_inserted() {
    let conn = &mut *live_slugs();
    let before = load(conn);
    assert_eq!(on_slug(conn, "six").unwrap(), Revival::Inserted);
    let after = load(conn);
    let [new] = &others(&after, &[1, 2, 3, 4, 5])[..] else { panic!("{after:?}") };
    assert_eq!(others(&after, &[new.0]), before);
    assert_eq!((new.2.as_str(), new.4.as_deref(), new.5, new.6.clone()), ("six", Some("new"), None, ACTIVE));
    assert_eq!(on_slug(conn, "six").unwrap(), Revival::Live);
}

#[test]
fn repeated_deletions_and_revivals_leave_one_row() {
    let conn = &mut *live_slugs();
    assert_eq!(on_slug(conn, "six").unwrap(), Revival::Inserted);
    for _ in 0..3 {
        let six = articles::table.filter(articles::slug.eq("six"));
        assert_eq!(six.soft_delete().without_cascade().run(conn).unwrap(), 1);
        assert_eq!(on_slug(conn, "six").unwrap(), Revival::Revived);
    }
    assert_eq!(articles::table.filter(articles::slug.eq("six")).count().get_result(conn), Ok(1_i64));
}

#[test]
fn a_held_row_is_revived_and_stays_held() {
    let conn = &mut *live_slugs();
    assert_eq!(on_slug(conn, "five").unwrap(), Revival::Revived);
    assert_eq!(load(conn)[4].6, (false, None, None, None, true));
}

#[test]
fn a_revival_sends_these_statements() {
    let conn = &mut *live_slugs();
    let texts = record(conn);
    let place = |number: usize| if DIALECT == Dialect::Postgres { format!("${number}") } else { "?".into() };
    let [one, two, three, four, five] = std::array::from_fn(|index| place(index + 1));
    let look = format!(
        "SELECT articles.id, CASE WHEN (articles.is_deleted = FALSE) THEN 1 ELSE 0 END FROM articles WHERE (slug = {one}) \
         AND ((articles.is_deleted = FALSE) OR (articles.is_deleted = TRUE)) ORDER BY CASE WHEN (articles.is_deleted = FALSE) THEN 0 \
         WHEN articles.deleted_at IS NULL THEN 2 ELSE 1 END, articles.deleted_at DESC, articles.id DESC LIMIT 1"
    );
    assert_eq!(on_slug(conn, "one").unwrap(), Revival::Live);
    assert_eq!(take(&texts), std::slice::from_ref(&look));
    assert_eq!(on_slug(conn, "two").unwrap(), Revival::Revived);
    let revive = format!(
        "UPDATE articles SET slug = {one}, body = {two}, is_deleted = FALSE, deleted_at = NULL, changed_at = {three}, \
         deleted_by = NULL, operation = NULL WHERE (articles.id = {four}) AND (slug = {five}) AND (articles.is_deleted = TRUE)"
    );
    assert_eq!(take(&texts), [look.clone(), revive]);
    assert_eq!(on_slug(conn, "six").unwrap(), Revival::Inserted);
    let [first, insert] = &take(&texts)[..] else { panic!("two statements") };
    assert_eq!(first, &look);
    assert!(insert.starts_with("INSERT INTO articles (slug, "), "{insert}");
    // In a transaction, MySQL needs a lock to read the row as it is now.
    conn.transaction(|conn| on_slug(conn, "six")).unwrap();
    let looks = if DIALECT == Dialect::Mysql { vec![look.clone(), look + " LOCK IN SHARE MODE"] } else { vec![look] };
    assert_eq!(take(&texts), looks);
}

#[test]
fn the_row_that_was_deleted_last_is_revived() {
    let conn = &mut *live_slugs();
    // A row without a time counts as the oldest. Among equal times, the greatest key comes first.
    conn.batch_execute(
        "UPDATE articles SET deleted_at = NULL WHERE id = 4;
         UPDATE articles SET deleted_at = '2024-03-01 12:00:00' WHERE id IN (2, 3);",
    )
    .unwrap();
    for id in [3, 2, 4] {
        assert_eq!(on_slug(conn, "two").unwrap(), Revival::Revived);
        let live = articles::table.active().filter(articles::slug.eq("two")).select(articles::id);
        assert_eq!(live.load(conn), Ok(vec![id]));
        diesel::update(articles::table.find(id)).set(articles::slug.eq("gone")).execute(conn).unwrap();
        let gone = articles::table.find(id).soft_delete().without_cascade();
        assert_eq!(gone.run(conn).unwrap(), 1);
    }
    assert_eq!(on_slug(conn, "two").unwrap(), Revival::Inserted);
}

#[test]
fn values_can_be_a_tuple() {
    let conn = &mut *live_slugs();
    let at = instant("2025-05-05 05:05:05.123456");
    let values = |id: i32, slug: &'static str| {
        (articles::slug.eq(slug), articles::id.eq(id), articles::body.eq(Some("b")), articles::changed_at.eq(at))
    };
    // Only an insert writes the primary key, since replies refer to the row. A value for `touch` is stored.
    assert_eq!(
        articles::table
            .insert_or_revive(values(50, "two"))
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap(),
        Revival::Revived
    );
    let two = load(conn)[2].clone();
    assert_eq!(two, (3, None, "two".into(), Some("two@x".into()), Some("b".into()), Some(at), ACTIVE));
    assert_eq!(
        articles::table
            .insert_or_revive(values(50, "six"))
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap(),
        Revival::Inserted
    );
    assert_eq!(load(conn)[5], (50, None, "six".into(), None, Some("b".into()), Some(at), ACTIVE));
    // The values can be the key alone, and a value can be an expression.
    let key = (articles::slug.eq("two"),);
    articles::table.find(3).soft_delete().without_cascade().run(conn).unwrap();
    assert_eq!(
        articles::table
            .insert_or_revive(key)
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap(),
        Revival::Revived
    );
    assert_eq!(load(conn)[2].4.as_deref(), Some("b"));
    articles::table.find(3).soft_delete().without_cascade().run(conn).unwrap();
    let lower = diesel::dsl::sql::<diesel::sql_types::Text>("LOWER('TWO')");
    let raw = articles::table
        .insert_or_revive((articles::slug.eq(lower),))
        .on((articles::slug,))
        .keeping_the_rest()
        .without_cascade();
    assert_eq!(raw.run(conn).unwrap(), Revival::Revived);
}

#[test]
fn values_can_be_a_struct_whose_none_is_null() {
    let conn = &mut *live_slugs();
    let whole = Whole { id: 60, tenant: Some(7), slug: "two".into(), email: None, body: None };
    assert_eq!(
        articles::table
            .insert_or_revive(whole.clone())
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap(),
        Revival::Revived
    );
    let two = load(conn)[2].clone();
    assert_eq!((two.0, two.1, two.3, two.4, two.6), (3, Some(7), None, None, ACTIVE));
    let six = Whole { slug: "six".into(), ..whole };
    assert_eq!(
        articles::table
            .insert_or_revive(&six)
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap(),
        Revival::Inserted
    );
    assert_eq!(load(conn)[5].0, 60);
}

#[test]
fn a_key_can_have_several_columns() {
    let (mut owner, _) = library(&unique("articles", "tenant, slug"));
    let conn = &mut *owner;
    conn.batch_execute("UPDATE articles SET tenant = id WHERE id <> 4").unwrap();
    let write = |tenant: Option<i32>, slug: &'static str| (articles::tenant.eq(tenant), articles::slug.eq(slug));
    let key = (articles::tenant, articles::slug);
    let run = |conn: &mut Conn, tenant, slug| {
        articles::table.insert_or_revive(write(tenant, slug)).on(key).keeping_the_rest().without_cascade().run(conn)
    };
    assert_eq!(run(conn, Some(1), "one").unwrap(), Revival::Live);
    assert_eq!(run(conn, Some(2), "two").unwrap(), Revival::Revived);
    assert!(!load(conn)[1].6.0 && load(conn)[2].6.0);
    assert_eq!(run(conn, Some(2), "one").unwrap(), Revival::Inserted);
    // The columns of the key may have another order.
    let swapped = articles::table
        .insert_or_revive(write(Some(3), "two"))
        .on((articles::slug, articles::tenant))
        .keeping_the_rest()
        .without_cascade();
    assert_eq!(swapped.run(conn).unwrap(), Revival::Revived);
    assert!(!load(conn)[2].6.0);
    // NULL equals nothing, so row 4, which is deleted and has no tenant, is not found.
    assert_eq!(run(conn, None, "two").unwrap(), Revival::Inserted);
    assert_eq!(run(conn, None, "two").unwrap(), Revival::Inserted);
    assert!(load(conn)[3].6.0);
}

#[test]
fn a_key_without_a_value_is_refused() {
    #[derive(Clone, Copy, Insertable, AsChangeset)]
    #[diesel(table_name = articles)]
    struct Optional<'a> {
        tenant: Option<i32>,
        slug: Option<&'a str>,
        body: Option<&'a str>,
    }
    let conn = &mut *live_slugs();
    let before = load(conn);
    // A `None` in a nullable column is NULL.
    let values = Optional { tenant: None, slug: Some("two"), body: None };
    let insert = articles::table
        .insert_or_revive(values)
        .on((articles::tenant, articles::slug))
        .keeping_the_rest()
        .without_cascade();
    assert_eq!(insert.run(conn).unwrap(), Revival::Inserted);
    let after = load(conn);
    assert_eq!((others(&after, &[after[5].0]), after[5].2.as_str()), (before, "two"));
    assert_eq!(after[5].4.as_deref(), Some("empty"));

    let texts = record(conn);
    let of_slug = |error: Error| match error {
        Error::KeyWithoutValue { table, column } => table == "articles" && column == "slug",
        _ => false,
    };
    let none = Optional { slug: None, ..values };
    let error = articles::table
        .insert_or_revive(none)
        .on(articles::slug)
        .keeping_the_rest()
        .without_cascade()
        .run(conn)
        .unwrap_err();
    assert!(of_slug(error));
    // The statement is printed without a panic, and it is not sent.
    assert_eq!(take(&texts).len(), 1);
    let error = articles::table
        .insert_or_revive((articles::body.eq("x"),))
        .on(articles::slug)
        .keeping_the_rest()
        .without_cascade()
        .run(conn)
        .unwrap_err();
    assert!(of_slug(error));
    assert_eq!(take(&texts), [""; 0]);
    assert_eq!(load(conn), after);
    // A transaction of the caller stays usable too.
    let committed = conn.transaction(|conn| {
        articles::table
            .insert_or_revive(none)
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap_err();
        on_slug(conn, "one")
    });
    assert_eq!(committed.unwrap(), Revival::Live);
}

#[test]
fn values_for_the_columns_of_a_deletion_are_refused() {
    let conn = &mut *live_slugs();
    let before = load(conn);
    let texts = record(conn);
    macro_rules! refused {
        ($($column:ident = $value:expr),+) => { $(
            let values = (articles::slug.eq("two"), articles::$column.eq($value));
            let error = articles::table.insert_or_revive(values).on(articles::slug).keeping_the_rest().without_cascade().run(conn).unwrap_err();
            let Error::ColumnSetTwice { table, column } = error else { panic!("{error}") };
            assert_eq!((&*table, &*column), ("articles", stringify!($column)));
        )+ };
    }
    refused!(is_deleted = false, deleted_at = instant(CHANGED_AT), deleted_by = "me", operation = "x");
    assert_eq!(take(&texts), [""; 0]);
    assert_eq!(load(conn), before);
    let held = (articles::slug.eq("two"), articles::held.eq(true));
    assert_eq!(
        articles::table
            .insert_or_revive(held)
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap(),
        Revival::Revived
    );
}

#[test]
fn another_index_that_refuses_is_an_error() {
    let conn = &mut *live_slugs();
    let before = load(conn);
    let taken = |slug| NewArticle { email: Some("one@x"), ..write(slug) };
    let texts = record(conn);
    let run = |conn: &mut Conn, slug| {
        articles::table.insert_or_revive(&taken(slug)).on(articles::slug).keeping_the_rest().without_cascade().run(conn)
    };
    let error = run(conn, "two").unwrap_err();
    let Error::RestoreConflict { table, constraint } = error else { panic!("{error}") };
    assert_eq!(table, "articles");
    assert_eq!(constraint.is_some(), DIALECT == Dialect::Postgres);
    assert_eq!(take(&texts).len(), 7);
    let error = run(conn, "six").unwrap_err();
    assert!(violates(&error), "{error}");
    assert_eq!(take(&texts).len(), 7);
    assert_eq!(load(conn), before);
    // An active row is reported, whatever the other values would do.
    assert_eq!(run(conn, "one").unwrap(), Revival::Live);
}

#[test]
fn a_transaction_stays_usable_and_can_undo_a_revival() {
    let conn = &mut *live_slugs();
    let before = load(conn);
    let taken = |slug| NewArticle { email: Some("one@x"), ..write(slug) };
    let result = conn.transaction(|conn| {
        let error = articles::table
            .insert_or_revive(&taken("two"))
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap_err();
        assert!(matches!(error, Error::RestoreConflict { .. }), "{error}");
        let error = articles::table
            .insert_or_revive(&taken("six"))
            .on(articles::slug)
            .keeping_the_rest()
            .without_cascade()
            .run(conn)
            .unwrap_err();
        assert!(violates(&error), "{error}");
        assert_eq!(load(conn), before);
        assert_eq!(on_slug(conn, "two")?, Revival::Revived);
        assert_eq!(on_slug(conn, "two")?, Revival::Live);
        assert_eq!(on_slug(conn, "six")?, Revival::Inserted);
        assert_eq!(on_slug(conn, "six")?, Revival::Live);
        Err::<(), Error>(DieselError::RollbackTransaction.into())
    });
    assert!(matches!(result, Err(Error::Database(DieselError::RollbackTransaction))));
    assert_eq!(load(conn), before);
}

#[test]
fn an_error_of_the_database_changes_nothing() {
    let conn = &mut *live_slugs();
    let before = load(conn);
    let long = "a slug that is much too long for its column";
    if DIALECT != Dialect::Sqlite {
        assert!(matches!(on_slug(conn, long), Err(Error::Database(_))));
    }
    conn.batch_execute("ALTER TABLE articles ADD COLUMN must VARCHAR(20) NOT NULL DEFAULT 'x'").unwrap();
    let values = (articles::slug.eq("two"), articles::email.eq(diesel::dsl::sql("no_such_function()")));
    let error = articles::table
        .insert_or_revive(values)
        .on(articles::slug)
        .keeping_the_rest()
        .without_cascade()
        .run(conn)
        .unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error}");
    assert_eq!(load(conn), before);
}

#[test]
fn a_unique_index_over_all_rows_serves_too() {
    let (mut owner, url) =
        library("DELETE FROM articles WHERE id IN (2, 4); CREATE UNIQUE INDEX slugs ON articles (slug);");
    let conn = &mut *owner;
    assert_eq!(on_slug(conn, "one").unwrap(), Revival::Live);
    assert_eq!(on_slug(conn, "two").unwrap(), Revival::Revived);
    assert_eq!(on_slug(conn, "six").unwrap(), Revival::Inserted);
    // Another connection writes a deleted row just before the insert.
    meanwhile(
        conn,
        &url,
        "INSERT",
        "INSERT INTO articles (slug, is_deleted, deleted_at) VALUES ('seven', TRUE, '2024-01-01 00:00:00')",
    );
    assert_eq!(on_slug(conn, "seven").unwrap(), Revival::Revived);
    assert_eq!(articles::table.filter(articles::slug.eq("seven")).count().get_result(conn), Ok(1_i64));
}

#[test]
fn without_an_index_successive_calls_leave_one_active_row() {
    let conn = &mut *library("").0;
    for slug in ["one", "two", "five", "six"] {
        on_slug(conn, slug).unwrap();
        assert_eq!(on_slug(conn, slug).unwrap(), Revival::Live);
        let live = articles::table.active().filter(articles::slug.eq(slug)).count();
        assert_eq!(live.get_result(conn), Ok(1_i64), "{slug}");
    }
}

#[test]
fn changes_by_another_connection_meanwhile_are_noticed() {
    let (mut owner, url) = library(&unique("articles", "slug"));
    let conn = &mut *owner;
    // Another connection revives the row between the SELECT and the UPDATE. It is active and not written to.
    let revived = "UPDATE articles SET is_deleted = FALSE, deleted_at = NULL, body = 'theirs' WHERE id = 3";
    meanwhile(conn, &url, "UPDATE", revived);
    assert_eq!(on_slug(conn, "two").unwrap(), Revival::Live);
    assert_eq!(load(conn)[2].4.as_deref(), Some("theirs"));
    // Another connection inserts the key of a deleted row, and the index refuses the revival.
    meanwhile(conn, &url, "UPDATE", "INSERT INTO articles (slug, body) VALUES ('five', 'theirs')");
    assert_eq!(on_slug(conn, "five").unwrap(), Revival::Live);
    assert!(load(conn)[4].6.0);
    // Another connection inserts a key that does not exist.
    meanwhile(conn, &url, "INSERT", "INSERT INTO articles (slug, body) VALUES ('six', 'theirs')");
    assert_eq!(on_slug(conn, "six").unwrap(), Revival::Live);
    // Another connection gives the deleted row another key, or removes it.
    conn.batch_execute("UPDATE articles SET is_deleted = TRUE, deleted_at = '2024-05-05 00:00:00' WHERE id = 3")
        .unwrap();
    meanwhile(conn, &url, "UPDATE", "UPDATE articles SET slug = 'moved' WHERE id = 3");
    assert_eq!(on_slug(conn, "two").unwrap(), Revival::Revived);
    assert_eq!(articles::table.active().filter(articles::slug.eq("two")).select(articles::id).load(conn), Ok(vec![4]));
    conn.batch_execute(
        "UPDATE articles SET is_deleted = TRUE, deleted_at = '2024-05-05 00:00:00', slug = 'eight' WHERE id = 4",
    )
    .unwrap();
    meanwhile(conn, &url, "UPDATE", "DELETE FROM articles WHERE id = 4");
    assert_eq!(on_slug(conn, "eight").unwrap(), Revival::Inserted);
    // The next SELECT sees the row after the index refuses the insert.
    meanwhile(
        conn,
        &url,
        "INSERT",
        "INSERT INTO articles (slug, body, is_deleted, deleted_at) VALUES ('nine', 'theirs', FALSE, NULL)",
    );
    assert_eq!(on_slug(conn, "nine").unwrap(), Revival::Live);
}

#[test]
fn changes_meanwhile_are_noticed_inside_a_transaction() {
    // A shared database of SQLite has only one writer.
    if DIALECT == Dialect::Sqlite {
        return;
    }
    let (mut owner, url) = library(&unique("articles", "slug"));
    let conn = &mut *owner;
    let count = articles::table.count();
    let tried = |conn: &mut Conn, word, sql, slug| {
        meanwhile(conn, &url, word, sql);
        conn.transaction(|conn| {
            // This query takes the snapshot on databases that have one.
            count.get_result::<i64>(conn)?;
            let revival = on_slug(conn, slug)?;
            count.get_result::<i64>(conn)?;
            Ok::<_, Error>(revival)
        })
        .unwrap()
    };
    let revived = "UPDATE articles SET is_deleted = FALSE, deleted_at = NULL, body = 'theirs' WHERE id = 3";
    assert_eq!(tried(conn, "UPDATE", revived, "two"), Revival::Live);
    assert_eq!(load(conn)[2].4.as_deref(), Some("theirs"));
    assert_eq!(tried(conn, "UPDATE", "INSERT INTO articles (slug) VALUES ('five')", "five"), Revival::Live);
    assert_eq!(tried(conn, "INSERT", "INSERT INTO articles (slug) VALUES ('six')", "six"), Revival::Live);
    // The row is active in the snapshot.
    let deleted = "UPDATE articles SET is_deleted = TRUE, deleted_at = '2024-05-05 00:00:00' WHERE id = 1";
    let word =
        if DIALECT == Dialect::Mysql { "SELECT `articles`.`id`, CASE" } else { "SELECT \"articles\".\"id\", CASE" };
    assert_eq!(tried(conn, word, deleted, "one"), Revival::Revived);
    assert_eq!(load(conn)[0].6, ACTIVE);
}

#[test]
fn the_key_can_be_the_primary_key() {
    #[derive(Insertable, AsChangeset)]
    #[diesel(table_name = tokens, primary_key(name))]
    struct Token<'a> {
        name: &'a str,
        note: &'a str,
    }
    let conn = &mut *library("INSERT INTO tokens VALUES ('a', 'live', NULL), ('b', 'dead', 1709294400250);").0;
    let run = |conn: &mut Conn, name: &'static str| {
        let values = (tokens::name.eq(name), tokens::note.eq("new"));
        tokens::table.insert_or_revive(values).on(tokens::name).run(conn).unwrap()
    };
    assert_eq!(run(conn, "a"), Revival::Live);
    assert_eq!(run(conn, "b"), Revival::Revived);
    assert_eq!(run(conn, "c"), Revival::Inserted);
    let row = |name: &str, note: &str| (name.to_owned(), Some(note.to_owned()), None::<i64>);
    let rows = tokens::table.order(tokens::name).load::<(String, Option<String>, Option<i64>)>(conn).unwrap();
    assert_eq!(rows, [row("a", "live"), row("b", "new"), row("c", "new")]);
    // The derive leaves the primary key out of the changeset.
    let token = Token { name: "a", note: "x" };
    let error = tokens::table.insert_or_revive(&token).on(tokens::name).run(conn).unwrap_err();
    assert!(matches!(error, Error::KeyWithoutValue { column, .. } if column == "name"));
}

#[test]
fn a_table_with_a_flag_alone_can_revive() {
    let conn = &mut *library(
        "INSERT INTO seats VALUES (1, 1, 'Ann', TRUE), (1, 2, 'Bob', FALSE), (2, 1, 'Bob', FALSE), (1, 3, 'Bob', FALSE);
         INSERT INTO options VALUES (1, 1, 'a', 'x', NULL), (2, 1, 'b', 'x', TRUE), (3, 2, 'a', 'x', FALSE), (4, 2, 'b', 'x', TRUE);",
    )
    .0;
    let seat = |conn: &mut Conn, place: i32, guest: &'static str| {
        let values = (seats::hall.eq(9), seats::place.eq(place), seats::guest.eq(guest));
        seats::table.insert_or_revive(values).on(seats::guest).run(conn).unwrap()
    };
    assert_eq!(seat(conn, 1, "Ann"), Revival::Live);
    assert_eq!(seat(conn, 1, "Bob"), Revival::Revived);
    assert_eq!(seat(conn, 1, "Cid"), Revival::Inserted);
    let rows =
        seats::table.active().order((seats::hall, seats::place)).select((seats::hall, seats::place, seats::guest));
    let rows = rows.load::<(i32, i32, String)>(conn).unwrap();
    assert_eq!(rows, [(1, 1, "Ann".into()), (2, 1, "Bob".into()), (9, 1, "Cid".into())]);

    let option = |conn: &mut Conn, tenant: i32, name: &'static str| {
        let values =
            (options::id.eq(tenant + 10), options::tenant.eq(tenant), options::name.eq(name), options::value.eq("new"));
        options::table.insert_or_revive(values).on((options::tenant, options::name)).run(conn).unwrap()
    };
    // NULL in the flag counts as active.
    assert_eq!(option(conn, 1, "a"), Revival::Live);
    assert_eq!(option(conn, 2, "a"), Revival::Live);
    assert_eq!(option(conn, 2, "b"), Revival::Revived);
    assert_eq!(option(conn, 3, "b"), Revival::Inserted);
    let rows = options::table.order(options::id).select((options::id, options::value, options::is_deleted));
    let rows = rows.load::<(i32, String, Option<bool>)>(conn).unwrap();
    assert_eq!(rows[1], (2, "x".into(), Some(true)));
    assert_eq!(rows[3], (4, "new".into(), Some(false)));
    assert_eq!((rows[4].0, rows.len()), (13, 5));
}

#[test]
fn a_function_can_return_the_statement() {
    type Values<'a> = (diesel::dsl::Eq<articles::slug, &'a str>,);
    fn of(slug: &str) -> diesel_soft_delete::dsl::InsertOrReviveOn<articles::table, Values<'_>> {
        let incomplete: diesel_soft_delete::dsl::InsertOrRevive<articles::table, Values<'_>> =
            articles::table.insert_or_revive((articles::slug.eq(slug),));
        incomplete.on(articles::slug)
    }
    let conn = &mut *live_slugs();
    assert_eq!(of("two").keeping_the_rest().without_cascade().run(conn).unwrap(), Revival::Revived);
    let debug = format!("{:?} {:?}", of("two"), articles::table.insert_or_revive((articles::slug.eq("two"),)));
    assert!(debug.contains("articles") && debug.contains("slug"), "{debug}");
}

mod a_primary_key_of_two_columns {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        names (first, last) { first -> Text, last -> Text, n -> Integer, gone_at -> Nullable<Instant> }
    }
    diesel_soft_delete::soft_deletable! { names { timestamp = gone_at } }

    #[test]
    fn can_be_the_key() {
        let conn = &mut *shared().0;
        let ddl = "CREATE TABLE names (first VARCHAR(9) NOT NULL, last VARCHAR(9) NOT NULL, n INTEGER NOT NULL, gone_at {instant},
                       PRIMARY KEY (first, last))";
        conn.batch_execute(&ddl.replace("{instant}", INSTANT_NULL)).unwrap();
        let values = |n| (names::first.eq("Ada"), names::last.eq("L"), names::n.eq(n));
        let write = |n| names::table.insert_or_revive(values(n)).on((names::first, names::last));
        assert_eq!(write(1).run(conn).unwrap(), Revival::Inserted);
        assert_eq!(write(2).run(conn).unwrap(), Revival::Live);
        names::table.soft_delete().execute(conn).unwrap();
        assert_eq!(write(3).run(conn).unwrap(), Revival::Revived);
        let stored = names::table.select((names::n, names::gone_at)).load::<(i32, Option<NaiveDateTime>)>(conn);
        assert_eq!(stored, Ok(vec![(3, None)]));
    }
}

#[test]
fn the_index_of_the_migrations_serves_a_revival() {
    let (mut owner, _) = library("");
    let conn = &mut *owner;
    let columns = ["changed_at", "is_deleted", "deleted_at", "deleted_by", "operation", "held"];
    let migration = SoftDeleteMigration::for_table::<articles::table>().existing(columns);
    let migration = migration.without_check().without_purge_index().unique_among_active(["slug"]);
    conn.batch_execute(&migration.up_sql(DIALECT).unwrap()).unwrap();
    assert_eq!(on_slug(conn, "one").unwrap(), Revival::Live);
    assert_eq!(on_slug(conn, "two").unwrap(), Revival::Revived);
    assert_eq!(on_slug(conn, "six").unwrap(), Revival::Inserted);
    let error = articles::table.find(2).restore().without_cascade().run(conn).unwrap_err();
    assert!(matches!(error, Error::RestoreConflict { .. }), "{error}");
}

/// Every column of a revived row must be named by the values or by `.keeping(..)`.
mod columns_that_the_values_do_not_name {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        accounts {
            id -> Integer,
            email -> Text,
            name -> Nullable<Text>,
            is_admin -> Bool,
            plan -> Text,
            label -> Nullable<Text>,
            seen -> Nullable<Integer>,
            is_deleted -> Bool,
            deleted_at -> Nullable<Instant>,
            deleted_by -> Nullable<Text>,
            touched_at -> Nullable<Instant>,
            operation -> Nullable<Text>,
            held -> Bool,
        }
    }
    diesel_soft_delete::soft_deletable! {
        accounts {
            flag = is_deleted, timestamp = deleted_at, touch = touched_at, metadata(deleted_by), operation = operation,
            hold = held,
        }
    }

    type Account = (Option<String>, bool, String, Option<i32>, bool, bool);

    /// Account 1 is active. Account 2, of a deleted administrator, is under hold.
    fn accounts() -> crate::support::TestConnection<Conn> {
        let mut conn = shared().0;
        let id = match DIALECT {
            Dialect::Postgres => "SERIAL PRIMARY KEY",
            Dialect::Mysql => "INTEGER PRIMARY KEY AUTO_INCREMENT",
            _ => "INTEGER PRIMARY KEY",
        };
        let ddl = format!(
            "CREATE TABLE accounts (id {id}, email VARCHAR(20) NOT NULL, name VARCHAR(20) DEFAULT 'nobody',
                 is_admin BOOLEAN NOT NULL DEFAULT FALSE, plan VARCHAR(20) NOT NULL DEFAULT 'free',
                 label VARCHAR(40) GENERATED ALWAYS AS (LOWER(plan)) STORED, seen INTEGER,
                 is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {{instant}}, deleted_by VARCHAR(20),
                 touched_at {{instant}}, operation VARCHAR(36), held BOOLEAN NOT NULL DEFAULT FALSE);
             INSERT INTO accounts (email, name, is_admin, plan, seen, is_deleted, deleted_at, deleted_by, held) VALUES
                 ('ann', 'Ann', TRUE, 'GOLD', 7, FALSE, NULL, NULL, FALSE),
                 ('bob', 'Bob', TRUE, 'GOLD', 7, TRUE, '2024-03-01 12:00:00', 'root', TRUE);"
        );
        conn.batch_execute(&ddl.replace("{instant}", INSTANT_NULL)).expect("the table");
        conn
    }

    fn account(conn: &mut Conn, of: &str) -> Account {
        use accounts::*;
        let columns = (name, is_admin, plan, seen, is_deleted, held);
        accounts::table.filter(email.eq(of)).select(columns).first(conn).expect("an account")
    }

    /// Asserts that the error names the columns, whether the row exists or not, and that nothing is changed.
    macro_rules! unnamed {
        ($conn:ident, $values:expr, $columns:expr $(, $($keeping:tt)+)?) => {
            let count = accounts::table.count();
            for of in ["ann", "bob", "eve"] {
                let make = $values;
                let before = count.get_result::<i64>($conn).unwrap();
                for in_transaction in [false, true] {
                    let verb = || accounts::table.insert_or_revive(make(of)).on(accounts::email)$($($keeping)+)?;
                    let error = if in_transaction {
                        $conn.transaction(|conn| verb().run(conn)).unwrap_err()
                    } else {
                        verb().run($conn).unwrap_err()
                    };
                    let Error::UnnamedColumns { table, columns } = &error else { panic!("{error}") };
                    let expected: &[&str] = &$columns;
                    assert_eq!((table.as_str(), columns.as_slice()), ("accounts", expected.map_owned().as_slice()));
                    for column in expected {
                        assert!(error.to_string().contains(&format!("accounts::{column}")), "{error}");
                    }
                }
                assert_eq!(count.get_result::<i64>($conn), Ok(before));
            }
            assert_eq!(account($conn, "bob"), (Some("Bob".into()), true, "GOLD".into(), Some(7), true, true));
        };
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }
    impl MapOwned for [&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|text| (*text).to_owned()).collect()
        }
    }

    #[test]
    fn columns_that_are_not_named_are_refused() {
        let conn = &mut *accounts();
        unnamed!(
            conn,
            |of: &'static str| (accounts::email.eq(of), accounts::name.eq("New")),
            ["is_admin", "plan", "label", "seen", "held"]
        );
        let error = accounts::table.insert_or_revive((accounts::email.eq("bob"),)).on(accounts::email).run(conn);
        let text = error.unwrap_err().to_string();
        let keeping = ".keeping((accounts::name, accounts::is_admin, accounts::plan, accounts::label, accounts::seen, \
                       accounts::held))";
        assert!(text.contains(keeping) && text.contains(".keeping_the_rest()"), "{text}");
        let values = (
            accounts::email.eq("bob"),
            accounts::name.eq("New"),
            accounts::is_admin.eq(false),
            accounts::plan.eq("free"),
            accounts::seen.eq(None::<i32>),
        );
        // The values cannot name a generated column. A held row stays held.
        let verb = accounts::table.insert_or_revive(values).on(accounts::email);
        let revival = verb.keeping(accounts::label).keeping((accounts::held,)).run(conn).unwrap();
        assert_eq!(revival, Revival::Revived);
        assert_eq!(account(conn, "bob"), (Some("New".into()), false, "free".into(), None, false, true));
        let label = accounts::table.filter(accounts::email.eq("bob")).select(accounts::label);
        assert_eq!(label.first(conn), Ok(Some(String::from("free"))));
    }

    #[test]
    fn old_values_stay_only_in_columns_that_are_kept() {
        let conn = &mut *accounts();
        let values = (accounts::email.eq("bob"), accounts::held.eq(false));
        unnamed!(
            conn,
            |of: &'static str| (accounts::email.eq(of), accounts::held.eq(false)),
            ["is_admin", "plan", "label", "seen"],
            .keeping(accounts::name)
        );
        // A column that the values name gets their value, even if it is kept.
        let verb = accounts::table.insert_or_revive(values).on(accounts::email).keeping(accounts::held);
        assert_eq!(verb.keeping_the_rest().run(conn).unwrap(), Revival::Revived);
        assert_eq!(account(conn, "bob"), (Some("Bob".into()), true, "GOLD".into(), Some(7), false, false));
    }

    #[derive(Debug, Clone, Copy, Insertable, AsChangeset)]
    #[diesel(table_name = accounts)]
    struct Signup<'a> {
        email: &'a str,
        name: Option<&'a str>,
        is_admin: Option<bool>,
        plan: &'a str,
        seen: Option<Option<i32>>,
    }

    #[test]
    fn fields_that_are_none_name_nothing() {
        let conn = &mut *accounts();
        let none = |of: &'static str| Signup { email: of, name: None, is_admin: None, plan: "free", seen: None };
        unnamed!(conn, none, ["name", "is_admin", "label", "seen", "held"]);
        unnamed!(conn, |of| Signup { seen: Some(None), is_admin: Some(false), ..none(of) }, ["name", "label", "held"]);
        let all = Signup { name: Some("New"), is_admin: Some(false), seen: Some(None), ..none("bob") };
        let verb = accounts::table.insert_or_revive(&all).on(accounts::email);
        assert_eq!(verb.keeping((accounts::label, accounts::held)).run(conn).unwrap(), Revival::Revived);
        assert_eq!(account(conn, "bob"), (Some("New".into()), false, "free".into(), None, false, true));
    }

    #[test]
    fn an_option_of_a_tuple_that_is_none_names_no_column() {
        let conn = &mut *accounts();
        let values = |of: &'static str, plan: Option<&'static str>, name: Option<&'static str>| {
            (accounts::email.eq(of), plan.map(|plan| accounts::plan.eq(plan)), accounts::name.eq(name))
        };
        unnamed!(
            conn,
            |of| values(of, None, None),
            ["plan", "seen"],
            .keeping((accounts::label, accounts::held)).keeping(accounts::is_admin)
        );
        let verb = accounts::table.insert_or_revive(values("bob", Some("free"), None)).on(accounts::email);
        let revival = verb.keeping((accounts::label, accounts::held, accounts::is_admin, accounts::seen)).run(conn);
        assert_eq!(revival.unwrap(), Revival::Revived);
        assert_eq!(account(conn, "bob"), (None, true, "free".into(), Some(7), false, true));
    }

    #[derive(Debug, Clone, Copy, Insertable, AsChangeset)]
    #[diesel(table_name = accounts)]
    struct Person<'a> {
        name: &'a str,
        seen: Option<i32>,
    }

    #[derive(Debug, Clone, Copy, Insertable, AsChangeset)]
    #[diesel(table_name = accounts)]
    struct Member<'a> {
        email: &'a str,
        #[diesel(embed)]
        person: Person<'a>,
    }

    #[test]
    fn options_of_an_embedded_struct_name_no_column() {
        let conn = &mut *accounts();
        let member = |of, seen| Member { email: of, person: Person { name: "New", seen } };
        // The library cannot tell whether an `Option` of an embedded struct is `None`.
        unnamed!(conn, |of| member(of, None), ["is_admin", "plan", "label", "seen", "held"]);
        unnamed!(conn, |of| member(of, Some(1)), ["is_admin", "plan", "label", "seen", "held"]);
        let verb = accounts::table.insert_or_revive(member("bob", Some(1))).on(accounts::email).keeping(accounts::seen);
        assert_eq!(verb.keeping_the_rest().run(conn).unwrap(), Revival::Revived);
        assert_eq!(account(conn, "bob"), (Some("New".into()), true, "GOLD".into(), Some(1), false, true));
    }
}

#[test]
fn children_that_went_along_come_back() {
    let conn = &mut *live_slugs();
    let live =
        |conn: &mut Conn| replies::table.active().order(replies::id).select(replies::id).load::<i32>(conn).unwrap();
    assert_eq!(live(conn), [1, 3]);
    let verb =
        |slug| articles::table.insert_or_revive((articles::slug.eq(slug), articles::body.eq("new"))).on(articles::slug);
    let run = |conn: &mut Conn, slug| verb(slug).keeping_the_rest().cascade().run(conn);
    assert_eq!(run(conn, "two").unwrap(), Revival::Revived);
    let (id, _, slug, email, body, changed_at, mark) = load(conn)[2].clone();
    assert_eq!(
        (id, slug.as_str(), email.as_deref(), body.as_deref(), mark),
        (3, "two", Some("two@x"), Some("new"), ACTIVE)
    );
    assert!(changed_at.unwrap() > instant(CHANGED_AT));
    assert_eq!(live(conn), [1, 2, 3]);
    assert_eq!(run(conn, "two").unwrap(), Revival::Live);
    assert_eq!(run(conn, "six").unwrap(), Revival::Inserted);
    // The operation of a cascade comes back inside a transaction too.
    articles::table.find(3).soft_delete().cascade().run(conn).unwrap();
    assert_eq!(live(conn), [1]);
    let revival = conn.transaction(|conn| run(conn, "two")).unwrap();
    assert_eq!((revival, live(conn)), (Revival::Revived, vec![1, 2, 3]));
    // Without the cascade, the row comes back alone.
    articles::table.find(3).soft_delete().cascade().run(conn).unwrap();
    assert_eq!(verb("two").without_cascade().keeping_the_rest().run(conn).unwrap(), Revival::Revived);
    assert_eq!(live(conn), [1]);
}

#[test]
fn a_revival_with_children_is_refused_whole() {
    let conn = &mut *live_slugs();
    let before = load(conn);
    let texts = record(conn);
    let touched = (articles::slug.eq("two"), articles::changed_at.eq(instant(CHANGED_AT)));
    let verb = articles::table.insert_or_revive(touched).on(articles::slug).keeping_the_rest().cascade();
    let error = verb.run(conn).unwrap_err();
    assert!(matches!(error, Error::ColumnSetTwice { column, .. } if column == "changed_at"));
    assert_eq!(take(&texts), [""; 0]);
    let verb = articles::table.insert_or_revive((articles::slug.eq("two"),)).on(articles::slug).cascade();
    assert!(matches!(verb.run(conn).unwrap_err(), Error::UnnamedColumns { .. }));
    // If another index refuses, nothing is changed, also inside a transaction.
    let taken = || {
        let values = (articles::slug.eq("two"), articles::email.eq("one@x"));
        articles::table.insert_or_revive(values).on(articles::slug).keeping_the_rest().cascade()
    };
    assert!(matches!(taken().run(conn).unwrap_err(), Error::RestoreConflict { table, .. } if table == "articles"));
    conn.transaction(|conn| {
        assert!(matches!(taken().run(conn).unwrap_err(), Error::RestoreConflict { .. }));
        assert_eq!(load(conn), before);
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(replies::table.active().count().get_result(conn), Ok(2_i64));
}

#[test]
fn a_cascading_revival_looks_again_after_a_change_meanwhile() {
    let (mut owner, url) = library(&unique("articles", "slug"));
    let conn = &mut *owner;
    let run = |conn: &mut Conn, slug| {
        let verb =
            articles::table.insert_or_revive((articles::slug.eq(slug), articles::body.eq("new"))).on(articles::slug);
        verb.keeping_the_rest().cascade().run(conn)
    };
    if DIALECT != Dialect::Sqlite {
        // Another connection revives the row between the SELECT and the restore.
        let word =
            if DIALECT == Dialect::Mysql { "SELECT `articles`.`id` FROM" } else { "SELECT \"articles\".\"id\" FROM" };
        meanwhile(
            conn,
            &url,
            word,
            "UPDATE articles SET is_deleted = FALSE, deleted_at = NULL, body = 'theirs' WHERE id = 3",
        );
        assert_eq!(run(conn, "two").unwrap(), Revival::Live);
        assert_eq!(load(conn)[2].4.as_deref(), Some("theirs"));
    }
    meanwhile(conn, &url, "INSERT", "INSERT INTO articles (slug, body) VALUES ('six', 'theirs')");
    assert_eq!(run(conn, "six").unwrap(), Revival::Live);
}

#[test]
fn an_exclusion_constraint_is_a_conflict() {
    if DIALECT != Dialect::Postgres {
        return;
    }
    let conn = &mut *live_slugs();
    conn.batch_execute(
        "ALTER TABLE articles ADD CONSTRAINT one_body EXCLUDE USING btree (body WITH =) WHERE (is_deleted = FALSE);
         ALTER TABLE replies ADD CONSTRAINT one_reply EXCLUDE USING btree (article_id WITH =) WHERE (deleted_at IS NULL);",
    )
    .unwrap();
    let before = load(conn);
    let verb = |body: &'static str| {
        let values = (articles::slug.eq("two"), articles::body.eq(body));
        articles::table.insert_or_revive(values).on(articles::slug).keeping_the_rest()
    };
    let refused = |result: Result<(), Error>, of: &str, by: &str| {
        let error = result.unwrap_err();
        let Error::RestoreConflict { table, constraint } = &error else { panic!("{error}") };
        assert_eq!((table.as_str(), constraint.as_deref()), (of, Some(by)));
    };
    refused(verb("first").without_cascade().run(conn).map(|_| ()), "articles", "one_body");
    refused(verb("first").cascade().run(conn).map(|_| ()), "articles", "one_body");
    refused(verb("new").cascade().run(conn).map(|_| ()), "replies", "one_reply");
    refused(articles::table.find(3).restore().cascade().run(conn).map(|_| ()), "replies", "one_reply");
    assert_eq!(load(conn), before);
    assert_eq!(verb("new").without_cascade().run(conn).unwrap(), Revival::Revived);
}

mod children_that_cannot_be_told {
    use super::*;

    diesel::table! { pools { id -> Integer, name -> Text, is_deleted -> Bool } }
    diesel::table! { lanes { id -> Integer, pool_id -> Integer, is_deleted -> Bool } }
    diesel_soft_delete::soft_deletable! {
        pools { flag = is_deleted, cascade(lanes(pool_id)) }
        lanes { flag = is_deleted }
    }

    #[test]
    fn refuse_a_cascading_revival_whether_the_row_exists_or_not() {
        let conn = &mut *shared().0;
        conn.batch_execute(
            "CREATE TABLE pools (id INTEGER PRIMARY KEY, name VARCHAR(9) NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
             CREATE TABLE lanes (id INTEGER PRIMARY KEY, pool_id INTEGER NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
             INSERT INTO pools VALUES (1, 'a', FALSE), (2, 'b', TRUE);",
        )
        .unwrap();
        for name in ["a", "b", "c"] {
            let verb = || pools::table.insert_or_revive((pools::id.eq(3), pools::name.eq(name))).on(pools::name);
            let error = verb().cascade().run(conn).unwrap_err();
            assert!(matches!(error, Error::Unidentified { .. }), "{error}");
            verb().without_cascade().run(conn).unwrap();
        }
        assert_eq!(pools::table.active().count().get_result(conn), Ok(3_i64));
    }
}
