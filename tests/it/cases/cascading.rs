// A soft delete or a restore of a tree takes some rows along and leaves others alone.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel_soft_delete::Error;
use diesel_soft_delete::prelude::*;

use super::backend::{Conn, INSTANT_NULL, Instant, connection};
use super::schema::instant;

pub(super) fn create(ddl: &str) -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    conn.batch_execute(&ddl.replace("{instant}", INSTANT_NULL)).expect("the tables");
    conn
}

fn at(text: &str) -> DateTime<Utc> {
    instant(text).and_utc()
}

/// Records the statements, without quotes.
pub(super) fn record(conn: &mut Conn) -> Arc<Mutex<Vec<String>>> {
    record_as(conn, |text| text.replace(['`', '"'], ""))
}

/// Records the statements, each as `spell` gives it.
pub(super) fn record_as(conn: &mut Conn, spell: fn(&str) -> String) -> Arc<Mutex<Vec<String>>> {
    let texts = Arc::new(Mutex::new(Vec::new()));
    let writer = texts.clone();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            writer.lock().unwrap().push(spell(query.to_string().split(" -- binds").next().unwrap()));
        }
    });
    texts
}

/// The statements that are not those of the transaction.
pub(super) fn statements(texts: &Mutex<Vec<String>>) -> Vec<String> {
    let transaction = |text: &String| {
        ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"].iter().any(|word| text.starts_with(word))
    };
    texts.lock().unwrap().iter().filter(|text| !transaction(text)).cloned().collect()
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    authors {
        id -> Integer,
        name -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Instant>,
        deleted_by -> Nullable<Text>,
        operation -> Nullable<Text>,
    }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    books {
        id -> Integer,
        author_id -> Integer,
        isbn -> Nullable<Text>,
        removed_at -> Nullable<Instant>,
        removed_in -> Nullable<Text>,
        changed_at -> Nullable<Instant>,
        deleted_by -> Nullable<Text>,
    }
}
diesel::table! {
    chapters {
        id -> Integer,
        book_id -> Integer,
        is_active -> Bool,
        operation -> Nullable<Text>,
    }
}
diesel::table! {
    // The notes are a thread, since each can answer another.
    notes {
        id -> Integer,
        chapter_id -> Nullable<Integer>,
        parent_id -> Nullable<Integer>,
        deleted_ms -> Nullable<BigInt>,
        operation -> Nullable<Text>,
    }
}
diesel::table! {
    invoices {
        id -> Integer,
        author_id -> Integer,
        is_deleted -> Nullable<Bool>,
    }
}
diesel::table! {
    drafts {
        id -> Integer,
        author_id -> Nullable<Integer>,
    }
}
diesel_soft_delete::soft_deletable! {
    authors {
        flag = is_deleted, timestamp = deleted_at, metadata(deleted_by), operation = operation,
        cascade(books(author_id)), restrict(invoices(author_id)), set_null(drafts(author_id)),
    }
    books {
        timestamp = removed_at, touch = changed_at, metadata(deleted_by), operation = removed_in, cascade(chapters(book_id))
    }
    chapters { active_flag = is_active, operation = operation, cascade(notes(chapter_id)) }
    notes { timestamp = deleted_ms, unit = millis, operation = operation, cascade(notes(parent_id)) }
    invoices { flag = is_deleted }
}
diesel_soft_delete::not_soft_deletable!(drafts);
diesel::allow_tables_to_appear_in_same_query!(authors, books);

/// Author n, 1 or 2, has books n1 and n2. Book b has chapters b1 and b2.
/// Chapter c has the note c1. Note c2 answers it, and c3 answers c2.
fn library() -> crate::support::TestConnection<Conn> {
    let mut conn = create(
        "CREATE TABLE authors (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL DEFAULT '', is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
             deleted_at {instant}, deleted_by VARCHAR(20), operation VARCHAR(36));
         CREATE TABLE books (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors (id), isbn VARCHAR(20),
             removed_at {instant}, removed_in VARCHAR(36), changed_at {instant}, deleted_by VARCHAR(20));
         CREATE TABLE chapters (id INTEGER PRIMARY KEY, book_id INTEGER NOT NULL REFERENCES books (id),
             is_active BOOLEAN NOT NULL DEFAULT TRUE, operation VARCHAR(36));
         CREATE TABLE notes (id INTEGER PRIMARY KEY, chapter_id INTEGER REFERENCES chapters (id), parent_id INTEGER REFERENCES notes (id),
             deleted_ms BIGINT, operation VARCHAR(36));
         CREATE TABLE invoices (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors (id), is_deleted BOOLEAN);
         CREATE TABLE drafts (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES authors (id));
         CREATE INDEX books_author ON books (author_id);
         CREATE INDEX chapters_book ON chapters (book_id);
         CREATE INDEX notes_chapter ON notes (chapter_id);
         CREATE INDEX notes_parent ON notes (parent_id);",
    );
    let mut sql = String::new();
    for author in [1, 2] {
        sql.push_str(&format!("INSERT INTO authors (id) VALUES ({author});"));
        for book in [1, 2].map(|n| author * 10 + n) {
            sql.push_str(&format!("INSERT INTO books (id, author_id) VALUES ({book}, {author});"));
            for chapter in [1, 2].map(|n| book * 10 + n) {
                let [one, two, three] = [1, 2, 3].map(|n| chapter * 10 + n);
                sql.push_str(&format!(
                    "INSERT INTO chapters (id, book_id) VALUES ({chapter}, {book});
                     INSERT INTO notes (id, chapter_id, parent_id) VALUES ({one}, {chapter}, NULL);
                     INSERT INTO notes (id, chapter_id, parent_id) VALUES ({two}, NULL, {one});
                     INSERT INTO notes (id, chapter_id, parent_id) VALUES ({three}, NULL, {two});"
                ));
            }
        }
    }
    conn.batch_execute(&sql).unwrap();
    conn
}

/// The keys of the active rows of all tables. Keys of different tables have different numbers of digits.
fn live(conn: &mut Conn) -> Vec<i32> {
    let mut ids: Vec<i32> = authors::table.active().select(authors::id).load(conn).unwrap();
    ids.extend(books::table.active().select(books::id).load::<i32>(conn).unwrap());
    ids.extend(chapters::table.active().select(chapters::id).load::<i32>(conn).unwrap());
    ids.extend(notes::table.active().select(notes::id).load::<i32>(conn).unwrap());
    ids.sort_unstable();
    ids
}

/// Whether a row belongs to author 2.
fn of_two(id: &i32) -> bool {
    id.to_string().starts_with('2')
}

#[test]
fn a_tree_is_deleted_and_comes_back_whole() {
    let conn = &mut *library();
    let all = live(conn);
    let instant = at("2025-03-01 10:00:00.123456");
    let delete = authors::table.find(1).soft_delete().at_utc(instant).cascade();
    let preview = delete.preview(conn).unwrap();
    assert_eq!(live(conn), all);
    let report = delete.run(conn).unwrap();
    let rows: Vec<_> = report.iter().collect();
    assert_eq!(rows, [("authors", 1), ("books", 2), ("chapters", 4), ("notes", 12)]);
    assert_eq!((report.total(), report.rows("books"), report.rows("pages"), report.at()), (19, 2, 0, instant));
    assert_eq!(preview.iter().collect::<Vec<_>>(), rows);
    let id = report.operation_id().expect("an identifier").to_owned();
    assert_eq!(id.len(), 36);
    // The siblings are untouched.
    assert_eq!(live(conn), all.iter().copied().filter(of_two).collect::<Vec<_>>());

    // Every table stores one time and one identifier, each in its column's type.
    let naive = Some(instant.naive_utc());
    let author = authors::table.find(1).select((authors::is_deleted, authors::deleted_at, authors::operation));
    assert_eq!(author.first(conn), Ok((true, naive, Some(id.clone()))));
    let books = books::table.filter(books::author_id.eq(1));
    let books = books.select((books::removed_at, books::removed_in, books::changed_at)).order(books::id);
    assert_eq!(books.load(conn), Ok(vec![(naive, Some(id.clone()), naive); 2]));
    let chapters = chapters::table.filter(chapters::is_active.eq(false)).select(chapters::operation);
    assert_eq!(chapters.load(conn), Ok(vec![Some(id.clone()); 4]));
    let notes = notes::table.filter(notes::deleted_ms.is_not_null()).select((notes::deleted_ms, notes::operation));
    assert_eq!(notes.load(conn), Ok(vec![(Some(instant.timestamp_millis()), Some(id.clone())); 12]));

    // A second deletion changes nothing.
    let again = authors::table.find(1).soft_delete().cascade().run(conn).unwrap();
    assert_eq!((again.total(), again.operation_id()), (0, None));
    assert_eq!(authors::table.find(1).select(authors::deleted_at).first(conn), Ok(naive));

    let restore = authors::table.find(1).restore().cascade();
    assert_eq!(restore.preview(conn).unwrap().iter().collect::<Vec<_>>(), rows);
    let report = restore.run(conn).unwrap();
    assert_eq!(report.iter().collect::<Vec<_>>(), rows);
    assert_eq!(report.operation_id(), Some(id.as_str()));
    assert_eq!(live(conn), all);
    let books = books::table.filter(books::removed_in.is_null().and(books::removed_at.is_null()));
    assert_eq!(books.filter(books::changed_at.is_not_null()).count().get_result(conn), Ok(2_i64));
    assert_eq!(authors::table.find(1).restore().cascade().run(conn).unwrap().total(), 0);
}

#[test]
fn what_was_deleted_on_its_own_stays_deleted() {
    let conn = &mut *library();
    let all = live(conn);
    // Before: a note is deleted with its answers, and a chapter alone, whose notes stay active.
    assert_eq!(notes::table.find(1111).soft_delete().cascade().run(conn).unwrap().total(), 3);
    assert_eq!(chapters::table.find(112).soft_delete().without_cascade().execute(conn), Ok(1));
    let before = live(conn);
    let report = authors::table.find(1).soft_delete().cascade().run(conn).unwrap();
    // The notes of the chapter that is deleted already are not reached.
    assert_eq!(report.iter().collect::<Vec<_>>(), [("authors", 1), ("books", 2), ("chapters", 3), ("notes", 6)]);
    // Afterwards: a row that the operation deleted is not deleted again.
    assert_eq!(books::table.find(12).soft_delete().cascade().run(conn).unwrap().total(), 0);

    let restored = authors::table.find(1).restore().cascade().run(conn).unwrap();
    assert_eq!(restored.total(), report.total());
    assert_eq!(live(conn), before);
    assert_eq!(notes::table.find(1111).restore().cascade().run(conn).unwrap().total(), 3);
    assert_eq!(chapters::table.find(112).restore().cascade().run(conn).unwrap().total(), 1);
    assert_eq!(live(conn), all);
}

#[test]
fn rows_that_moved_to_another_parent_come_back_on_their_own() {
    let conn = &mut *library();
    authors::table.find(1).soft_delete().cascade().run(conn).unwrap();
    // A book moves to the other author, and a chapter from one deleted book to another.
    diesel::update(books::table.find(11)).set(books::author_id.eq(2)).execute(conn).unwrap();
    diesel::update(chapters::table.find(121)).set(chapters::book_id.eq(21)).execute(conn).unwrap();
    let report = authors::table.find(1).restore().cascade().run(conn).unwrap();
    assert_eq!(report.iter().collect::<Vec<_>>(), [("authors", 1), ("books", 1), ("chapters", 1), ("notes", 3)]);
    // Each comes back on its own, with its children.
    assert_eq!(books::table.find(11).restore().cascade().run(conn).unwrap().total(), 1 + 2 + 6);
    assert_eq!(chapters::table.find(121).restore().cascade().run(conn).unwrap().total(), 4);

    // A book that was restored on its own is skipped. Its chapters come back with the author.
    authors::table.find(2).soft_delete().cascade().run(conn).unwrap();
    books::table.find(22).restore().without_cascade().execute(conn).unwrap();
    authors::table.find(2).restore().cascade().run(conn).unwrap();
    assert_eq!(live(conn).len(), 38);
}

#[test]
fn two_operations_of_the_same_time_come_back_separately() {
    let conn = &mut *library();
    let all = live(conn);
    let instant = at("2025-03-01 10:00:00.000001");
    authors::table.find(1).soft_delete().at_utc(instant).cascade().run(conn).unwrap();
    authors::table.find(2).soft_delete().at_utc(instant).cascade().run(conn).unwrap();
    assert_eq!(authors::table.find(2).restore().cascade().run(conn).unwrap().total(), 19);
    assert_eq!(live(conn), all.iter().copied().filter(of_two).collect::<Vec<_>>());
    authors::table.find(2).soft_delete().at_utc(instant + TimeDelta::hours(1)).cascade().run(conn).unwrap();
    // One call restores roots of several operations.
    let report = authors::table.restore().cascade().run(conn).unwrap();
    assert_eq!((report.total(), report.operation_id()), (38, None));
    assert_eq!(live(conn), all);
}

#[test]
fn one_of_many_roots_of_an_operation_comes_back_alone() {
    let conn = &mut *library();
    let all = live(conn);
    let report = authors::table.filter(authors::id.gt(0)).soft_delete().cascade().run(conn).unwrap();
    assert_eq!(report.iter().collect::<Vec<_>>(), [("authors", 2), ("books", 4), ("chapters", 8), ("notes", 24)]);
    let restored = authors::table.find(1).restore().cascade().run(conn).unwrap();
    assert_eq!((restored.total(), restored.operation_id()), (19, report.operation_id()));
    authors::table.restore().cascade().run(conn).unwrap();
    assert_eq!(live(conn), all);
}

#[test]
fn an_active_child_under_restrict_refuses_the_deletion() {
    let conn = &mut *library();
    let all = live(conn);
    conn.batch_execute(
        "INSERT INTO invoices (id, author_id, is_deleted) VALUES (1, 1, NULL), (2, 1, TRUE), (3, 1, FALSE)",
    )
    .unwrap();
    let delete = authors::table.soft_delete().cascade();
    for error in [delete.preview(conn).unwrap_err(), delete.run(conn).unwrap_err()] {
        let Error::Restricted { table, child, columns, rows } = error else { panic!("{error}") };
        assert_eq!((table.as_str(), child.as_str(), rows), ("authors", "invoices", 2));
        assert_eq!(columns, ["author_id"]);
    }
    assert_eq!(live(conn), all);
    assert_eq!(invoices::table.soft_delete().execute(conn), Ok(2));
    assert_eq!(authors::table.soft_delete().cascade().run(conn).unwrap().total(), 38);
    // In the other direction, an invoice of a deleted author does not come back alone.
    let error = invoices::table.find(1).restore().cascade().run(conn).unwrap_err();
    let Error::BelowDeleted { table, ancestor, key } = error else { panic!("{error}") };
    assert_eq!((table.as_str(), ancestor.as_str(), key.as_str()), ("invoices", "authors", "1"));
}

#[test]
fn set_null_removes_the_reference() {
    let conn = &mut *library();
    conn.batch_execute("INSERT INTO drafts (id, author_id) VALUES (1, 1), (2, 2), (3, NULL)").unwrap();
    let delete = authors::table.find(1).soft_delete().cascade();
    assert_eq!(delete.preview(conn).unwrap().unlinked("drafts"), 1);
    let report = delete.run(conn).unwrap();
    assert_eq!((report.unlinked("drafts"), report.rows("drafts"), report.total()), (1, 0, 19));
    let drafts = drafts::table.select((drafts::id, drafts::author_id)).order(drafts::id);
    assert_eq!(drafts.load(conn), Ok(vec![(1, None), (2, Some(2)), (3, None)]));
}

#[test]
fn a_restore_below_a_deleted_ancestor_is_refused() {
    let conn = &mut *library();
    authors::table.find(1).soft_delete().cascade().run(conn).unwrap();
    let refused = |error: Error, table: &str, ancestor: &str, key: &str| {
        let Error::BelowDeleted { table: t, ancestor: a, key: k } = error else { panic!("{error}") };
        assert_eq!((t.as_str(), a.as_str(), k.as_str()), (table, ancestor, key));
    };
    let restore = books::table.find(11).restore().cascade();
    refused(restore.preview(conn).unwrap_err(), "books", "authors", "1");
    refused(restore.run(conn).unwrap_err(), "books", "authors", "1");
    refused(notes::table.find(1112).restore().cascade().run(conn).unwrap_err(), "notes", "notes", "1111");
    refused(notes::table.find(1111).restore().cascade().run(conn).unwrap_err(), "notes", "chapters", "111");
    // The deleted ancestor is above the parent.
    authors::table.find(1).restore().cascade().run(conn).unwrap();
    chapters::table.find(111).soft_delete().cascade().run(conn).unwrap();
    authors::table.find(1).soft_delete().without_cascade().run(conn).unwrap();
    refused(chapters::table.find(111).restore().cascade().run(conn).unwrap_err(), "chapters", "authors", "1");
    // A restore without a cascade does not look at ancestors.
    assert_eq!(chapters::table.find(111).restore().without_cascade().run(conn).unwrap(), 1);
    // A parent that comes back with its child is not an obstacle.
    authors::table.find(1).restore().without_cascade().run(conn).unwrap();
    let thread = notes::table.filter(notes::id.eq_any([1111, 1112, 1113]));
    assert_eq!(thread.restore().cascade().run(conn).unwrap().total(), 3);
    assert_eq!(live(conn).len(), 38);
}

#[test]
fn metadata_and_identifiers_of_the_caller_are_stored() {
    let conn = &mut *library();
    let delete = authors::table.find(1).soft_delete().set(authors::name.eq("gone")).cascade();
    let report = delete.set_all("deleted_by", "o'Brian \\").operation("op-1").run(conn).unwrap();
    assert_eq!(report.operation_id(), Some("op-1"));
    let author = authors::table.find(1).select((authors::name, authors::deleted_by, authors::operation));
    let by = Some(String::from("o'Brian \\"));
    assert_eq!(author.first(conn), Ok((String::from("gone"), by.clone(), Some(String::from("op-1")))));
    let books = books::table.filter(books::author_id.eq(1)).select((books::deleted_by, books::removed_in));
    assert_eq!(books.load(conn), Ok(vec![(by, Some(String::from("op-1"))); 2]));
    authors::table.find(1).restore().set(authors::name.eq("back")).cascade().run(conn).unwrap();
    let author = authors::table.find(1).select((authors::name, authors::deleted_by, authors::operation));
    assert_eq!(author.first(conn), Ok((String::from("back"), None::<String>, None::<String>)));

    let delete = || authors::table.find(1).soft_delete();
    let error = delete().cascade().set_all("deleted_bye", "x").run(conn).unwrap_err();
    assert!(matches!(&error, Error::NoSuchMetadata { column, .. } if column == "deleted_bye"), "{error}");
    let error = delete().cascade().set_all("operation", "x").run(conn).unwrap_err();
    assert!(matches!(error, Error::NoSuchMetadata { .. }), "{error}");
    let error = delete().set(authors::deleted_by.eq("x")).cascade().set_all("deleted_by", "y").run(conn).unwrap_err();
    assert!(matches!(error, Error::ColumnSetTwice { .. }), "{error}");
    let error = delete().set(authors::operation.eq("x")).cascade().run(conn).unwrap_err();
    assert!(matches!(error, Error::ColumnSetTwice { .. }), "{error}");
    let error = delete().set(authors::is_deleted.eq(true)).cascade().run(conn).unwrap_err();
    assert!(matches!(error, Error::ColumnSetTwice { .. }), "{error}");
    assert_eq!(live(conn).len(), 38);
}

#[test]
fn a_time_of_the_caller_is_stored_in_every_table() {
    use diesel_soft_delete::db_now;
    let conn = &mut *library();
    let instant = instant("2025-03-01 10:00:00.123456");
    let report = authors::table.find(1).soft_delete().at(instant).cascade().run(conn).unwrap();
    assert_eq!(report.at(), instant.and_utc());
    let times = notes::table.filter(notes::deleted_ms.is_not_null()).select(notes::deleted_ms).distinct();
    assert_eq!(times.load(conn), Ok(vec![Some(instant.and_utc().timestamp_millis())]));
    authors::table.find(1).restore().cascade().run(conn).unwrap();

    let report = authors::table.find(1).soft_delete().at(db_now()).cascade().run(conn).unwrap();
    assert!((Utc::now() - report.at()).abs() < TimeDelta::minutes(5), "{}", report.at());
    let stored = authors::table.find(1).select(authors::deleted_at);
    assert_eq!(stored.first(conn), Ok(Some(report.at().naive_utc())));
    assert_eq!(authors::table.find(1).restore().cascade().run(conn).unwrap().total(), 19);

    // A restore stores its time in the touch column.
    books::table.find(11).soft_delete().cascade().run(conn).unwrap();
    let report = books::table.find(11).restore().at_utc(instant.and_utc()).cascade().run(conn).unwrap();
    assert_eq!((report.total(), report.at()), (9, instant.and_utc()));
    assert_eq!(books::table.find(11).select(books::changed_at).first(conn), Ok(Some(instant)));
}

#[test]
fn the_number_of_statements_depends_on_tables_and_not_on_rows() {
    let conn = &mut *library();
    let mut counts = Vec::new();
    for more in [0, 200] {
        if more > 0 {
            let rows = (0..more).map(|n| format!("({}, 1)", 100_000 + n)).collect::<Vec<_>>().join(", ");
            let chapters =
                (0..more).map(|n| format!("({}, {})", 200_000 + n, 100_000 + n)).collect::<Vec<_>>().join(", ");
            let notes = (0..more).map(|n| format!("({}, {})", 300_000 + n, 200_000 + n)).collect::<Vec<_>>().join(", ");
            conn.batch_execute(&format!(
                "INSERT INTO books (id, author_id) VALUES {rows}; INSERT INTO chapters (id, book_id) VALUES {chapters};
                 INSERT INTO notes (id, chapter_id) VALUES {notes};"
            ))
            .unwrap();
        }
        let texts = record(conn);
        let deleted = authors::table.find(1).soft_delete().cascade().run(conn).unwrap();
        let delete = statements(&texts);
        texts.lock().unwrap().clear();
        let restored = authors::table.find(1).restore().cascade().run(conn).unwrap();
        assert_eq!((deleted.total(), restored.total()), (19 + 3 * more, 19 + 3 * more));
        let restore = statements(&texts);
        conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
        for text in delete.iter().chain(&restore) {
            assert!(!text.contains("DELETE"), "{text}");
        }
        let updates =
            |texts: &[String]| texts.iter().filter(|text| text.contains("UPDATE ") && text.contains(" SET ")).count();
        println!("{}", delete.join("\n"));
        println!("{}", restore.join("\n"));
        counts.push((delete.len(), updates(&delete), restore.len(), updates(&restore)));
    }
    assert_eq!(counts[0], counts[1]);
    let (delete, updates, restore, _) = counts[0];
    // Each of four tables and `drafts` needs one. SQLite needs one more, which takes the lock.
    assert!(updates == 5 || updates == 6, "{updates}");
    assert!(delete <= 15, "{delete}");
    assert!(restore <= 24, "{restore}");
}

#[test]
fn a_failure_at_any_depth_changes_nothing() {
    let conn = &mut *library();
    let all = live(conn);
    for table in ["authors", "books", "chapters", "notes"] {
        let id = match table {
            "authors" => 1,
            "books" => 12,
            "chapters" => 122,
            _ => 1223,
        };
        refuse(conn, table, id);
        let error = authors::table.find(1).soft_delete().cascade().run(conn).unwrap_err();
        assert!(error.to_string().contains("not this row"), "{error}");
        assert_eq!(live(conn), all, "{table}");
        // The transaction around it stays usable.
        conn.transaction(|conn| {
            authors::table.find(1).soft_delete().cascade().run(conn).unwrap_err();
            assert_eq!(books::table.count().get_result::<i64>(conn)?, 4);
            authors::table.find(2).soft_delete().cascade().run(conn).unwrap();
            authors::table.find(2).restore().cascade().run(conn).unwrap();
            QueryResult::Ok(())
        })
        .unwrap();
        assert_eq!(live(conn), all, "{table}");
        allow(conn, table);
        authors::table.find(1).soft_delete().cascade().run(conn).unwrap();
        let deleted = live(conn);
        refuse(conn, table, id);
        authors::table.find(1).restore().cascade().run(conn).unwrap_err();
        assert_eq!(live(conn), deleted, "{table}");
        allow(conn, table);
        authors::table.find(1).restore().cascade().run(conn).unwrap();
        assert_eq!(live(conn), all, "{table}");
    }
}

/// A trigger that forbids changes of one row.
fn refuse(conn: &mut Conn, table: &str, id: i32) {
    let sql = match super::backend::DIALECT {
        diesel_soft_delete::Dialect::Postgres => format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this row'; END $$;
             CREATE TRIGGER refuse_{table} BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.id = {id}) EXECUTE FUNCTION refuse();"
        ),
        diesel_soft_delete::Dialect::Mysql => format!(
            "CREATE TRIGGER refuse_{table} BEFORE UPDATE ON {table} FOR EACH ROW
             BEGIN IF OLD.id = {id} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this row'; END IF; END;"
        ),
        diesel_soft_delete::Dialect::Sqlite => format!(
            "CREATE TRIGGER refuse_{table} BEFORE UPDATE ON {table} WHEN OLD.id = {id}
             BEGIN SELECT RAISE(ABORT, 'not this row'); END;"
        ),
    };
    conn.batch_execute(&sql).unwrap();
}

fn allow(conn: &mut Conn, table: &str) {
    let on = if super::backend::DIALECT == diesel_soft_delete::Dialect::Postgres {
        format!(" ON {table}")
    } else {
        String::new()
    };
    conn.batch_execute(&format!("DROP TRIGGER refuse_{table}{on}")).unwrap();
}

#[test]
fn a_conflict_of_a_restored_child_changes_nothing() {
    let conn = &mut *library();
    conn.batch_execute("CREATE UNIQUE INDEX isbns ON books (isbn)").unwrap();
    diesel::update(books::table.find(11)).set(books::isbn.eq("a")).execute(conn).unwrap();
    authors::table.find(1).soft_delete().cascade().run(conn).unwrap();
    let deleted = live(conn);
    // The trigger takes the number while the row is restored, as a unique index over active rows would.
    let sql = match super::backend::DIALECT {
        diesel_soft_delete::Dialect::Postgres => {
            "CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.isbn := 'b'; RETURN NEW; END $$;
             CREATE TRIGGER taken BEFORE UPDATE ON books FOR EACH ROW WHEN (OLD.id = 11) EXECUTE FUNCTION taken();"
        }
        diesel_soft_delete::Dialect::Mysql => {
            "CREATE TRIGGER taken BEFORE UPDATE ON books FOR EACH ROW BEGIN IF OLD.id = 11 THEN SET NEW.isbn = 'b'; END IF; END;"
        }
        diesel_soft_delete::Dialect::Sqlite => {
            "CREATE TRIGGER taken AFTER UPDATE OF removed_at ON books WHEN OLD.id = 11 BEGIN UPDATE books SET isbn = 'b' WHERE id = 11; END;"
        }
    };
    conn.batch_execute(sql).unwrap();
    diesel::update(books::table.find(22)).set(books::isbn.eq("b")).execute(conn).unwrap();
    // A preview fails as the run would.
    let error = authors::table.find(1).restore().cascade().preview(conn).unwrap_err();
    assert!(matches!(&error, Error::RestoreConflict { table, .. } if table == "books"), "{error}");
    assert_eq!(live(conn), deleted);
    let error = conn
        .transaction(|conn| {
            let error = authors::table.find(1).restore().cascade().run(conn).unwrap_err();
            assert_eq!(live(conn), deleted);
            Err::<(), Error>(error)
        })
        .unwrap_err();
    assert!(matches!(&error, Error::RestoreConflict { table, .. } if table == "books"), "{error}");
    assert_eq!(live(conn), deleted);
}

#[test]
fn the_filter_of_the_target_may_look_at_what_changes() {
    use diesel::dsl::exists;
    let conn = &mut *library();
    let all = live(conn);
    // The filter matches no row once the children are deleted.
    let with_books = authors::table
        .filter(exists(books::table.filter(books::author_id.eq(authors::id)).filter(books::removed_at.is_null())))
        .filter(authors::is_deleted.eq(false).or(authors::id.gt(100)));
    assert_eq!(with_books.soft_delete().cascade().run(conn).unwrap().total(), 38);
    let deleted = authors::table.filter(authors::deleted_at.is_not_null()).filter(authors::is_deleted.eq(true));
    assert_eq!(deleted.restore().cascade().run(conn).unwrap().total(), 38);
    assert_eq!(live(conn), all);
    let none = authors::table.find(1).soft_delete().only_if(authors::name.eq("x")).cascade().run(conn).unwrap();
    assert_eq!(none.total(), 0);
    assert_eq!(live(conn), all);
}

mod times {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        users { id -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        // Sender and receiver are two keys to one parent.
        mails { id -> Integer, sender -> Integer, receiver -> Nullable<Integer>, gone -> Bool, gone_at -> Nullable<Instant> }
    }
    diesel_soft_delete::soft_deletable! {
        users { timestamp = deleted_at, cascade(mails(sender), mails(receiver)) }
        mails { flag = gone, timestamp = gone_at }
    }

    fn mailbox() -> crate::support::TestConnection<Conn> {
        create(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, deleted_at {instant});
             CREATE TABLE mails (id INTEGER PRIMARY KEY, sender INTEGER NOT NULL REFERENCES users (id), receiver INTEGER REFERENCES users (id),
                 gone BOOLEAN NOT NULL DEFAULT FALSE, gone_at {instant});
             INSERT INTO users (id) VALUES (1), (2), (3);
             INSERT INTO mails (id, sender, receiver) VALUES (1, 1, 2), (2, 2, 1), (3, 1, 1), (4, 2, 3), (5, 3, NULL);",
        )
    }

    fn mails(conn: &mut Conn) -> Vec<i32> {
        mails::table.active().select(mails::id).order(mails::id).load(conn).unwrap()
    }

    #[test]
    fn a_child_whose_other_parent_is_deleted_is_withheld() {
        let conn = &mut *mailbox();
        let report = users::table.find(1).soft_delete().cascade().run(conn).unwrap();
        assert_eq!((report.rows("mails"), report.operation_id()), (3, None));
        assert_eq!(mails(conn), [4, 5]);
        // Mail 2 belongs to the first operation. User 2 has only one other active mail.
        let report = users::table.find(2).soft_delete().cascade().run(conn).unwrap();
        assert_eq!(report.rows("mails"), 1);
        // Mails 1 and 2 were deleted along with user 1, but their other user is deleted.
        let restore = users::table.find(1).restore().cascade();
        for report in [restore.preview(conn).unwrap(), restore.run(conn).unwrap()] {
            assert_eq!((report.rows("users"), report.rows("mails"), report.withheld("mails")), (1, 1, 2));
            assert_eq!(report.to_string(), "users 1, mails 1, 2 of mails withheld");
        }
        assert_eq!(mails(conn), [3, 5]);
        // They do not belong to user 2's operation.
        let report = users::table.find(2).restore().cascade().run(conn).unwrap();
        assert_eq!((report.rows("mails"), report.withheld("mails")), (1, 0));
        assert_eq!(mails(conn), [3, 4, 5]);
        assert_eq!(mails::table.filter(mails::id.eq_any([1, 2])).restore().run(conn).unwrap(), 2);
    }

    #[test]
    fn a_deleted_parent_outside_of_the_tree_withholds_its_children() {
        use outsiders::{comments, posts, users};
        let conn = &mut *outsiders::create();
        // Comment 1 is by the author of its post, comment 2 is by user 2, and comment 3 answers comment 2.
        posts::table.find(1).soft_delete().cascade().run(conn).unwrap();
        assert_eq!(users::table.find(2).soft_delete().cascade().run(conn).unwrap().total(), 1);
        let restore = posts::table.find(1).restore().cascade();
        for report in [restore.preview(conn).unwrap(), restore.run(conn).unwrap()] {
            assert_eq!((report.rows("comments"), report.withheld("comments")), (1, 2));
        }
        let live = || comments::table.active().select(comments::id).order(comments::id);
        assert_eq!(live().load::<i32>(conn), Ok(vec![1]));
        users::table.find(2).restore().cascade().run(conn).unwrap();
        // Comment 2 is the only deleted parent of comment 3.
        assert_eq!(comments::table.find(2).restore().cascade().run(conn).unwrap().rows("comments"), 2);
        assert_eq!(live().load::<i32>(conn), Ok(vec![1, 2, 3]));
    }

    #[test]
    fn rows_that_are_each_others_parents_come_back_together() {
        use outsiders::{comments, posts};
        let conn = &mut *outsiders::create();
        conn.batch_execute("UPDATE comments SET parent_id = 3 WHERE id = 2").unwrap();
        let deleted = posts::table.find(1).soft_delete().cascade().run(conn).unwrap();
        assert_eq!(deleted.rows("comments"), 3);
        let restore = posts::table.find(1).restore().cascade();
        for report in [restore.preview(conn).unwrap(), restore.run(conn).unwrap()] {
            assert_eq!((report.rows("comments"), report.withheld("comments")), (3, 0));
        }
        assert_eq!(comments::table.active().count().get_result::<i64>(conn), Ok(3));
    }

    mod outsiders {
        diesel::table! {
            use diesel::sql_types::*;
            use super::super::Instant;
            users { id -> Integer, deleted_at -> Nullable<Instant> }
        }
        diesel::table! {
            use diesel::sql_types::*;
            use super::super::Instant;
            posts { id -> Integer, deleted_at -> Nullable<Instant> }
        }
        diesel::table! {
            use diesel::sql_types::*;
            use super::super::Instant;
            comments {
                id -> Integer,
                post_id -> Integer,
                user_id -> Integer,
                parent_id -> Nullable<Integer>,
                deleted_at -> Nullable<Instant>,
            }
        }
        diesel_soft_delete::soft_deletable! {
            users { timestamp = deleted_at, cascade(comments(user_id)) }
            posts { timestamp = deleted_at, cascade(comments(post_id)) }
            comments { timestamp = deleted_at, cascade(comments(parent_id)) }
        }

        pub fn create() -> crate::support::TestConnection<super::Conn> {
            super::create(
                "CREATE TABLE users (id INTEGER PRIMARY KEY, deleted_at {instant});
                 CREATE TABLE posts (id INTEGER PRIMARY KEY, deleted_at {instant});
                 CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
                     parent_id INTEGER, deleted_at {instant});
                 INSERT INTO users (id) VALUES (1), (2);
                 INSERT INTO posts (id) VALUES (1), (2);
                 INSERT INTO comments (id, post_id, user_id, parent_id) VALUES (1, 1, 1, NULL), (2, 1, 2, NULL), (3, 1, 1, 2);",
            )
        }
    }

    #[test]
    fn times_of_two_operations_are_not_mixed_up() {
        let conn = &mut *mailbox();
        let (one, two) = (at("2025-01-01 12:00:00"), at("2025-01-01 13:00:00.000001"));
        // Mail 4 of user 2 is deleted alone, at the time of user 1's deletion.
        mails::table.find(4).soft_delete().at_utc(one).run(conn).unwrap();
        users::table.find(1).soft_delete().at_utc(one).cascade().run(conn).unwrap();
        users::table.find(2).soft_delete().at_utc(two).cascade().run(conn).unwrap();
        let report = users::table.restore().cascade().run(conn).unwrap();
        assert_eq!((report.rows("users"), report.rows("mails")), (2, 3));
        assert_eq!(mails(conn), [1, 2, 3, 5]);
    }

    #[test]
    fn a_restore_of_the_row_alone_leaves_the_children() {
        let conn = &mut *mailbox();
        users::table.find(1).soft_delete().cascade().run(conn).unwrap();
        assert_eq!(users::table.find(1).restore().without_cascade().run(conn).unwrap(), 1);
        assert_eq!(mails(conn), [4, 5]);
        // A user who was deleted alone comes back alone.
        users::table.find(3).soft_delete().without_cascade().run(conn).unwrap();
        assert_eq!(users::table.find(3).restore().cascade().run(conn).unwrap().total(), 1);
    }

    #[test]
    fn a_retention_policy_purges_children_first() {
        use diesel_soft_delete::RetentionPolicy;
        let conn = &mut *mailbox();
        conn.batch_execute(if super::super::backend::DIALECT == diesel_soft_delete::Dialect::Sqlite {
            "PRAGMA foreign_keys = ON"
        } else {
            "SELECT 1"
        })
        .unwrap();
        let old = at("2024-01-01 00:00:00");
        users::table.find(1).soft_delete().at_utc(old).cascade().run(conn).unwrap();
        // Mail 3 is kept longer than its sender.
        mails::table.find(3).restore().run(conn).unwrap();
        mails::table.find(3).soft_delete().run(conn).unwrap();
        let policy = || {
            let month = TimeDelta::days(30);
            RetentionPolicy::new()
                .table(users::table.purge_older_than(month).in_batches())
                .table(mails::table.purge_older_than(month).in_batches())
        };
        let report = policy().run(conn).unwrap();
        let tables: Vec<_> =
            report.tables.iter().map(|table| (table.table.as_str(), table.rows, table.blocked.len())).collect();
        assert_eq!(tables, [("mails", 2, 0), ("users", 0, 1)], "{report}");
        assert!(!report.is_complete());
        diesel::update(mails::table.find(3)).set(mails::gone_at.eq(old.naive_utc())).execute(conn).unwrap();
        let report = policy().run(conn).unwrap();
        assert_eq!((report.rows(), report.is_complete()), (2, true), "{report}");
    }

    #[test]
    fn a_time_without_microseconds_cannot_identify_an_operation() {
        let conn = &mut *mailbox();
        users::table.find(1).soft_delete().cascade().run(conn).unwrap();
        let change = match super::super::backend::DIALECT {
            diesel_soft_delete::Dialect::Postgres => "ALTER TABLE mails ALTER COLUMN gone_at TYPE TIMESTAMP(3)",
            diesel_soft_delete::Dialect::Mysql => "ALTER TABLE mails MODIFY gone_at DATETIME(3)",
            diesel_soft_delete::Dialect::Sqlite => return,
        };
        conn.batch_execute(change).unwrap();
        let error = users::table.find(1).restore().cascade().run(conn).unwrap_err();
        assert!(matches!(&error, Error::Unidentified { child, .. } if child == "mails"), "{error}");
        assert_eq!(users::table.active().count().get_result(conn), Ok(2_i64));
    }
}

mod flags {
    use super::*;

    diesel::table! {
        folders { id -> Integer, parent -> Nullable<Integer>, is_deleted -> Bool }
    }
    diesel::table! {
        files { id -> Integer, folder -> Integer, is_deleted -> Bool }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        boxes { id -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        lids { id -> Integer, box_id -> Integer, deleted_at -> Nullable<BigInt> }
    }
    diesel_soft_delete::soft_deletable! {
        folders { flag = is_deleted, cascade(folders(parent), files(folder)) }
        files { flag = is_deleted }
        boxes { timestamp = deleted_at, cascade(lids(box_id)) }
        lids { timestamp = deleted_at, unit = micros }
    }

    #[test]
    fn a_tree_of_flags_alone_can_be_deleted_and_not_restored() {
        let conn = &mut *create(
            "CREATE TABLE folders (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders (id), is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
             CREATE TABLE files (id INTEGER PRIMARY KEY, folder INTEGER NOT NULL REFERENCES folders (id), is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
             INSERT INTO folders (id, parent) VALUES (1, NULL), (2, 1), (3, 2), (4, NULL), (5, 3);
             INSERT INTO files (id, folder) VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5);",
        );
        // Folder 3 is deleted alone, so the cascade does not reach what is below it.
        folders::table.find(3).soft_delete().without_cascade().run(conn).unwrap();
        let report = folders::table.find(1).soft_delete().cascade().run(conn).unwrap();
        assert_eq!(report.iter().collect::<Vec<_>>(), [("folders", 2), ("files", 2)]);
        let files = files::table.active().select(files::id).order(files::id);
        assert_eq!(files.load::<i32>(conn), Ok(vec![3, 4, 5]));
        let texts = record(conn);
        let error = folders::table.find(1).restore().cascade().run(conn).unwrap_err();
        assert!(matches!(&error, Error::Unidentified { .. }), "{error}");
        assert!(error.to_string().contains("operation"), "{error}");
        assert_eq!(statements(&texts), [""; 0]);
    }

    #[test]
    fn timestamps_of_different_types_cannot_identify_an_operation() {
        let conn = &mut *connection();
        let error = boxes::table.find(1).restore().cascade().run(conn).unwrap_err();
        assert!(
            matches!(&error, Error::Unidentified { table, child, .. } if table == "boxes" && child == "lids"),
            "{error}"
        );
    }
}

mod shapes {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        projects (tenant, name) { tenant -> Integer, name -> Text, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        tasks (tenant, project, number) {
            tenant -> Integer, project -> Text, number -> BigInt, deleted_at -> Nullable<Instant>,
        }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        steps { id -> Integer, tenant -> Integer, project -> Nullable<Text>, task -> Nullable<BigInt>, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        departments { id -> Integer, head -> Nullable<Integer>, part_of -> Nullable<Integer>, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        people { id -> Integer, department -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel_soft_delete::soft_deletable! {
        projects { timestamp = deleted_at, cascade(tasks(tenant, project)) }
        tasks { timestamp = deleted_at, cascade(steps(tenant, project, task)) }
        steps { timestamp = deleted_at }
        // This is a circle, since a deleted person takes along the departments that they head.
        departments { timestamp = deleted_at, cascade(people(department), departments(part_of)) }
        people { timestamp = deleted_at, cascade(departments(head)) }
    }

    #[test]
    fn a_cascade_follows_composite_keys() {
        let conn = &mut *create(
            "CREATE TABLE projects (tenant INTEGER, name VARCHAR(20), deleted_at {instant}, PRIMARY KEY (tenant, name));
             CREATE TABLE tasks (tenant INTEGER, project VARCHAR(20), number BIGINT, deleted_at {instant}, PRIMARY KEY (tenant, project, number),
                 FOREIGN KEY (tenant, project) REFERENCES projects (tenant, name));
             CREATE TABLE steps (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, project VARCHAR(20), task BIGINT, deleted_at {instant});
             INSERT INTO projects (tenant, name) VALUES (1, 'a'), (1, 'b'), (2, 'a');
             INSERT INTO tasks (tenant, project, number) VALUES (1, 'a', 1), (1, 'a', 2), (1, 'b', 1), (2, 'a', 1);
             INSERT INTO steps (id, tenant, project, task) VALUES (1, 1, 'a', 1), (2, 1, 'a', 2), (3, 1, 'b', 1), (4, 2, 'a', 1), (5, 1, NULL, 1);",
        );
        let live =
            |conn: &mut Conn| steps::table.active().select(steps::id).order(steps::id).load::<i32>(conn).unwrap();
        let report = projects::table.find((1, "a")).soft_delete().cascade().run(conn).unwrap();
        assert_eq!(report.iter().collect::<Vec<_>>(), [("projects", 1), ("tasks", 2), ("steps", 2)]);
        assert_eq!(live(conn), [3, 4, 5]);
        let error = tasks::table.find((1, "a", 1)).restore().cascade().run(conn).unwrap_err();
        assert!(matches!(&error, Error::BelowDeleted { key, .. } if key == "(1, a)"), "{error}");
        assert_eq!(
            projects::table.filter(projects::tenant.gt(0)).soft_delete().cascade().run(conn).unwrap().total(),
            6
        );
        assert_eq!(projects::table.filter(projects::name.eq("a")).restore().cascade().run(conn).unwrap().total(), 8);
        assert_eq!(live(conn), [1, 2, 4, 5]);
    }

    fn company() -> crate::support::TestConnection<Conn> {
        create(
            "CREATE TABLE departments (id INTEGER PRIMARY KEY, head INTEGER, part_of INTEGER, deleted_at {instant});
             CREATE TABLE people (id INTEGER PRIMARY KEY, department INTEGER NOT NULL, deleted_at {instant});
             INSERT INTO departments (id, head, part_of) VALUES (1, 1, NULL), (2, 2, 1), (3, 3, NULL), (4, 4, NULL), (5, NULL, 3);
             INSERT INTO people (id, department) VALUES (1, 1), (2, 1), (3, 2), (4, 5), (5, 4), (6, 3);",
        )
    }

    #[test]
    fn a_cascade_through_a_circle_ends() {
        let conn = &mut *company();
        let live = |conn: &mut Conn| {
            let departments =
                departments::table.active().select(departments::id).order(departments::id).load(conn).unwrap();
            let people = people::table.active().select(people::id).order(people::id).load(conn).unwrap();
            (departments, people)
        };
        let all: (Vec<i32>, Vec<i32>) = live(conn);
        // Person 2 heads department 2 of person 3, who heads department 3. Its part 5 has person 4, who heads department 4.
        let delete = people::table.find(2).soft_delete().cascade();
        let preview = delete.preview(conn).unwrap();
        let report = delete.run(conn).unwrap();
        assert_eq!(report.iter().collect::<Vec<_>>(), [("people", 5), ("departments", 4)]);
        assert_eq!(preview.iter().collect::<Vec<_>>(), report.iter().collect::<Vec<_>>());
        assert_eq!(live(conn), (vec![1], vec![1]));
        let restore = people::table.find(2).restore().cascade();
        assert_eq!(restore.preview(conn).unwrap().total(), 9);
        assert_eq!(restore.run(conn).unwrap().total(), 9);
        assert_eq!(live(conn), all);
        // The rows are a circle too, so every row is reached from every other.
        let report = departments::table.find(1).soft_delete().cascade().run(conn).unwrap();
        assert_eq!(report.iter().collect::<Vec<_>>(), [("departments", 5), ("people", 6)]);
        departments::table.find(1).restore().cascade().run(conn).unwrap();
        assert_eq!(live(conn), all);
    }

    #[test]
    fn a_thread_of_1500_rows_is_deleted_and_restored() {
        let conn = &mut *library();
        let rows = (1..=1500).map(|n| {
            format!("({}, {})", 100_000 + n, if n == 1 { String::from("NULL") } else { (99_999 + n).to_string() })
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        conn.batch_execute(&format!("INSERT INTO notes (id, parent_id) VALUES {rows}")).unwrap();
        let delete = notes::table.find(100_001).soft_delete().cascade();
        assert_eq!(delete.preview(conn).unwrap().total(), 1500);
        assert_eq!(delete.run(conn).unwrap().total(), 1500);
        assert_eq!(live(conn).len(), 38);
        let restore = notes::table.find(100_001).restore().cascade();
        assert_eq!(restore.preview(conn).unwrap().total(), 1500);
        assert_eq!(restore.run(conn).unwrap().total(), 1500);
        assert_eq!(live(conn).len(), 1538);
    }
}
