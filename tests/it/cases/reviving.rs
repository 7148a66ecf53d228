// `insert_or_revive`: what becomes of values whose key a deleted row has, or a live one, or none.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error, Revival, SoftDeleteMigration};

#[allow(unused_imports, reason = "one list serves every case and backend")]
use super::backend::{Conn, DIALECT, INSTANT_NULL, Instant, connection};
use super::schema::instant;

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    pages {
        id -> Integer,
        site -> Integer,
        slug -> Nullable<Text>,
        title -> Text,
        mail -> Nullable<Text>,
        is_deleted -> Bool,
        deleted_at -> Nullable<Instant>,
        touched_at -> Nullable<Instant>,
        reason -> Nullable<Text>,
        operation -> Nullable<Text>,
    }
}
diesel_soft_delete::soft_deletable! {
    pages { flag = is_deleted, timestamp = deleted_at, touch = touched_at, metadata(reason), operation = operation }
}

#[derive(Clone, Insertable, AsChangeset)]
#[diesel(table_name = pages)]
struct NewPage {
    site: i32,
    slug: Option<String>,
    title: String,
}

fn new_page(site: i32, slug: &str, title: &str) -> NewPage {
    NewPage { site, slug: Some(slug.into()), title: title.into() }
}

/// Page 1 is live, 2 and 3 (deleted later) have the key of a deleted page, 4 is deleted and has another site's key.
fn site() -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    let id = match DIALECT {
        Dialect::Postgres => "SERIAL PRIMARY KEY",
        Dialect::Mysql => "INTEGER AUTO_INCREMENT PRIMARY KEY",
        Dialect::Sqlite => "INTEGER PRIMARY KEY",
    };
    conn.batch_execute(&format!(
        "CREATE TABLE pages (id {id}, site INTEGER NOT NULL, slug VARCHAR(20), title VARCHAR(20) NOT NULL, mail VARCHAR(20) UNIQUE,
             is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {INSTANT_NULL}, touched_at {INSTANT_NULL}, reason VARCHAR(20), operation VARCHAR(36));
         INSERT INTO pages (site, slug, title, is_deleted, deleted_at, reason, operation) VALUES
             (1, 'home', 'one', FALSE, NULL, NULL, NULL),
             (1, 'news', 'two', TRUE, '2024-01-01 00:00:00', 'old', 'a'),
             (1, 'news', 'three', TRUE, '2024-02-01 00:00:00', 'older', 'b'),
             (2, 'news', 'four', TRUE, '2024-03-01 00:00:00', NULL, NULL);"
    ))
    .unwrap();
    let migration = SoftDeleteMigration::for_table::<pages::table>()
        .existing(["is_deleted", "deleted_at", "touched_at", "reason", "operation"])
        .without_check()
        .without_purge_index()
        .unique_among_active(["site", "slug"]);
    conn.batch_execute(&migration.up_sql(DIALECT).unwrap()).unwrap();
    conn
}

fn write(page: NewPage, conn: &mut Conn) -> Revival {
    pages::table.insert_or_revive(page).on((pages::site, pages::slug)).run(conn).unwrap()
}

fn titles(conn: &mut Conn) -> Vec<(i32, String, bool)> {
    pages::table.select((pages::id, pages::title, pages::is_deleted)).order(pages::id).load(conn).unwrap()
}

#[test]
fn the_last_tombstone_is_revived() {
    let conn = &mut *site();
    assert_eq!(write(new_page(1, "news", "new"), conn), Revival::Revived);
    let all = [(1, "one", false), (2, "two", true), (3, "new", false), (4, "four", true)];
    assert_eq!(titles(conn), all.map(|(id, title, deleted)| (id, title.to_owned(), deleted)));
    // As a restore does it.
    type Stored = (Option<chrono::NaiveDateTime>, Option<chrono::NaiveDateTime>, Option<String>, Option<String>);
    let stored = pages::table.find(3).select((pages::deleted_at, pages::touched_at, pages::reason, pages::operation));
    let (deleted_at, touched_at, reason, operation) = stored.first::<Stored>(conn).unwrap();
    assert_eq!((deleted_at, reason, operation), (None, None, None));
    assert!((chrono::Utc::now().naive_utc() - touched_at.unwrap()).abs() < chrono::TimeDelta::minutes(5));
    // It is live now; the other tombstone stays.
    assert_eq!(write(new_page(1, "news", "newer"), conn), Revival::Live);
    assert_eq!(titles(conn), all.map(|(id, title, deleted)| (id, title.to_owned(), deleted)));
}

#[test]
fn a_live_row_is_left_alone_and_a_new_one_inserted() {
    let conn = &mut *site();
    let before = titles(conn);
    assert_eq!(write(new_page(1, "home", "x"), conn), Revival::Live);
    assert_eq!(titles(conn), before);
    assert_eq!(write(new_page(2, "home", "new"), conn), Revival::Inserted);
    // NULL equals nothing, here as everywhere.
    let nameless = NewPage { site: 1, slug: None, title: "nameless".into() };
    for _ in 0..2 {
        assert_eq!(write(nameless.clone(), conn), Revival::Inserted);
    }
    let new: Vec<_> = titles(conn).into_iter().skip(4).map(|(_, title, deleted)| (title, deleted)).collect();
    assert_eq!(new, [("new".into(), false), ("nameless".into(), false), ("nameless".into(), false)]);
    // A tombstone with the key does not hide the live row.
    diesel::update(pages::table.find(2)).set(pages::slug.eq("home")).execute(conn).unwrap();
    assert_eq!(write(new_page(1, "home", "x"), conn), Revival::Live);
}

#[test]
fn values_as_a_tuple_and_by_reference() {
    let conn = &mut *site();
    let values = (pages::slug.eq("news"), pages::site.eq(2), pages::title.eq("tuple"));
    assert_eq!(
        pages::table.insert_or_revive(values).on((pages::site, pages::slug)).run(conn).unwrap(),
        Revival::Revived
    );
    assert_eq!(titles(conn)[3], (4, "tuple".into(), false));
    let page = new_page(3, "x", "by reference");
    let write = || pages::table.insert_or_revive(&page).on((pages::slug, pages::site));
    assert_eq!(write().run(conn).unwrap(), Revival::Inserted);
    pages::table.find(5).soft_delete().execute(conn).unwrap();
    assert_eq!(write().run(conn).unwrap(), Revival::Revived);
    assert_eq!(write().run(conn).unwrap(), Revival::Live);
}

#[test]
fn a_violation_of_another_index_is_an_error() {
    let conn = &mut *site();
    diesel::update(pages::table.find(1)).set(pages::mail.eq("a@b")).execute(conn).unwrap();
    let before = titles(conn);
    let values = |slug| (pages::site.eq(1), pages::slug.eq(slug), pages::title.eq("x"), pages::mail.eq("a@b"));
    let write = |slug| pages::table.insert_or_revive(values(slug)).on((pages::site, pages::slug));
    conn.transaction(|conn| {
        let error = write("news").run(conn).unwrap_err();
        assert!(matches!(&error, Error::RestoreConflict { table, .. } if table == "pages"), "{error}");
        let error = write("other").run(conn).unwrap_err();
        assert!(matches!(&error, Error::Database(_)), "{error}");
        // The live row is found by the key nevertheless, and the transaction is usable.
        assert_eq!(write("home").run(conn)?, Revival::Live);
        assert_eq!(titles(conn), before);
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(titles(conn), before);
}

#[test]
fn keys_and_values_that_cannot_work() {
    let conn = &mut *site();
    let before = titles(conn);
    let page = || new_page(1, "news", "x");
    let error = pages::table.insert_or_revive(page()).on(pages::mail).run(conn).unwrap_err();
    assert!(matches!(&error, Error::InvalidKey { problem, .. } if problem.contains("`mail`")), "{error}");
    let error = pages::table.insert_or_revive(page()).on((pages::site, 5)).run(conn).unwrap_err();
    assert!(matches!(&error, Error::InvalidKey { .. }), "{error}");
    let values = (pages::site.eq(1), pages::slug.eq("news"), pages::title.eq("x"), pages::is_deleted.eq(false));
    let error = pages::table.insert_or_revive(values).on((pages::site, pages::slug)).run(conn).unwrap_err();
    assert!(matches!(&error, Error::ColumnSetTwice { column, .. } if column == "is_deleted"), "{error}");
    assert_eq!(titles(conn), before);
}

#[test]
fn at_most_two_statements() {
    let conn = &mut *site();
    let texts = super::cascading::record(conn);
    for (slug, expected, statements) in [("news", Revival::Revived, 1), ("other", Revival::Inserted, 2)] {
        texts.lock().unwrap().clear();
        assert_eq!(write(new_page(1, slug, "x"), conn), expected);
        let sent = super::cascading::statements(&texts);
        assert_eq!(sent.len(), statements, "{sent:?}");
        assert!(sent[0].starts_with("UPDATE pages SET site = "), "{sent:?}");
        assert!(sent[0].contains("(pages.is_deleted = TRUE)"), "{sent:?}");
    }
}

mod one_index_over_all {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        names (first, last) { first -> Text, last -> Text, n -> Integer, gone_at -> Nullable<Instant> }
    }
    diesel_soft_delete::soft_deletable! { names { timestamp = gone_at } }

    #[test]
    fn a_composite_primary_key() {
        let conn = &mut *connection();
        conn.batch_execute(&format!(
            "CREATE TABLE names (first VARCHAR(9) NOT NULL, last VARCHAR(9) NOT NULL, n INTEGER NOT NULL, gone_at {INSTANT_NULL}, PRIMARY KEY (first, last))"
        ))
        .unwrap();
        let values = |n| (names::first.eq("Ada"), names::last.eq("L"), names::n.eq(n));
        let write = |n| names::table.insert_or_revive(values(n)).on((names::first, names::last));
        assert_eq!(write(1).run(conn).unwrap(), Revival::Inserted);
        assert_eq!(write(2).run(conn).unwrap(), Revival::Live);
        let at = instant("2024-01-01 00:00:00");
        names::table.soft_delete().at(at).execute(conn).unwrap();
        assert_eq!(write(3).run(conn).unwrap(), Revival::Revived);
        let stored = names::table.select((names::n, names::gone_at)).load::<(i32, Option<chrono::NaiveDateTime>)>(conn);
        assert_eq!(stored, Ok(vec![(3, None)]));
    }
}
