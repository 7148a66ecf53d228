// An archive needs columns that fit, and a transaction that covers both tables.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error, PurgeReport};

use super::backend::{Conn, DIALECT, INSTANT_NULL, Instant, connection};

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    things {
        id -> Integer,
        label -> Nullable<Text>,
        amount -> Nullable<Numeric>,
        deleted_at -> Nullable<Instant>,
    }
}
diesel_soft_delete::soft_deletable! { things { timestamp = deleted_at } }

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant;
    things_archive {
        id -> Integer,
        label -> Nullable<Text>,
        amount -> Nullable<Numeric>,
        deleted_at -> Nullable<Instant>,
    }
}

/// Ten rows, all deleted long ago, and an archive of these columns.
fn things(id: &str, archive: &str) -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    let rows = (1..=10).map(|id| format!("({id}, 'a', 1, '2024-01-01 00:00:00')")).collect::<Vec<_>>().join(", ");
    let overriding = if DIALECT == Dialect::Postgres { "OVERRIDING SYSTEM VALUE" } else { "" };
    conn.batch_execute(&format!(
        "CREATE TABLE things ({id}, label VARCHAR(100), amount DECIMAL(10, 2), deleted_at {INSTANT_NULL}, PRIMARY KEY (id));
         INSERT INTO things (id, label, amount, deleted_at) {overriding} VALUES {rows};
         CREATE TABLE things_archive ({archive}, deleted_at {INSTANT_NULL})"
    ))
    .unwrap();
    conn
}

fn count(conn: &mut Conn) -> (i64, i64) {
    (things::table.count().get_result(conn).unwrap(), things_archive::table.count().get_result(conn).unwrap())
}

fn run(conn: &mut Conn) -> Result<PurgeReport, Error> {
    let job = things::table.purge_older_than(TimeDelta::days(30)).in_batches();
    job.batch_size(4).archive_into(things_archive::table).run(conn)
}

/// What does not fit, after a check that nothing was removed or copied.
fn problems(conn: &mut Conn) -> String {
    let result = run(conn);
    let Err(Error::ArchiveMismatch { problems, .. }) = result else { panic!("{result:?}") };
    assert_eq!(count(conn), (10, 0));
    problems.join("\n")
}

#[track_caller]
fn assert_moved(conn: &mut Conn) {
    assert_eq!(run(conn).unwrap().archived, 10);
    assert_eq!(count(conn), (0, 10));
}

const ID: &str = "id INTEGER NOT NULL";

#[test]
fn a_column_of_another_type_is_refused_unless_it_is_allowed() {
    // One column is narrower and one is wider.
    let columns = "id INTEGER, label VARCHAR(20), amount DECIMAL(12, 2)";
    let conn = &mut *things(ID, columns);
    if DIALECT == Dialect::Sqlite {
        // SQLite stores any value in any column.
        return assert_moved(conn);
    }
    let text = problems(conn);
    for name in ["label", "amount"] {
        let cure = format!("give it the same type, or allow this one with `.allow_type(things::{name})`");
        assert!(text.contains(&format!("`{name}` is")) && text.contains(&cure), "{text}");
    }
    assert!(text.contains("(10,2)` in the table and") && text.contains("(12,2)` in the archive"), "{text}");
    assert!(!text.contains("`id`"), "{text}");
    let job = || things::table.purge_older_than(TimeDelta::days(30)).in_batches().archive_into(things_archive::table);
    let result = job().allow_type(things::label).run(conn);
    let Err(Error::ArchiveMismatch { problems, .. }) = result else { panic!("{result:?}") };
    assert!(problems.len() == 1 && problems[0].contains("`amount`"), "{problems:?}");
    let report = job().allow_type(things::label).allow_type(things::amount).run(conn).unwrap();
    assert_eq!((report.archived, count(conn)), (10, (0, 10)));
}

/// Letters that the archive does not have would be lost.
#[test]
fn a_column_of_another_character_set_is_refused() {
    if DIALECT != Dialect::Mysql {
        return;
    }
    let columns = |set| format!("id INTEGER, label VARCHAR(100) {set}, amount DECIMAL(10, 2)");
    let conn = &mut *things(ID, &columns("CHARACTER SET cp1250"));
    let text = problems(conn);
    assert!(text.contains("`varchar(100) CHARACTER SET cp1250` in the archive"), "{text}");
    // Another collation of the same letters loses nothing.
    conn.batch_execute("ALTER TABLE things MODIFY label VARCHAR(100) CHARACTER SET cp1250 COLLATE cp1250_bin").unwrap();
    assert_moved(conn);
}

/// `.allow_type(..)` also allows two `table!`s that declare two types.
#[test]
fn a_column_that_is_declared_with_another_type_can_be_allowed() {
    mod other {
        diesel::table! {
            use diesel::sql_types::*;
            use super::super::Instant;
            things_archive {
                id -> BigInt,
                label -> Nullable<Text>,
                amount -> Nullable<Numeric>,
                deleted_at -> Nullable<Instant>,
            }
        }
    }
    let conn = &mut *things(ID, "id BIGINT NOT NULL, label VARCHAR(100), amount DECIMAL(10, 2)");
    let job =
        || things::table.purge_older_than(TimeDelta::days(30)).in_batches().archive_into(other::things_archive::table);
    let result = job().run(conn);
    let Err(Error::ArchiveMismatch { problems, .. }) = result else { panic!("{result:?}") };
    assert!(problems[0].contains("`id` is `Integer` in the table and `BigInt` in the archive"), "{problems:?}");
    assert_eq!(job().allow_type(things::id).run(conn).unwrap().archived, 10);
    assert_eq!(count(conn), (0, 10));
}

#[test]
fn a_column_that_only_the_archive_computes_is_refused() {
    let generated = match DIALECT {
        Dialect::Postgres => "label TEXT GENERATED ALWAYS AS ('x') STORED",
        _ => "label VARCHAR(100) AS ('x') STORED",
    };
    let conn = &mut *things(ID, &format!("id INTEGER, {generated}, amount DECIMAL(10, 2)"));
    let text = problems(conn);
    assert!(text.contains("`label` is generated"), "{text}");
}

/// The archive computes the value again.
#[test]
fn a_column_that_table_and_archive_compute_is_left_out() {
    let generated = match DIALECT {
        Dialect::Postgres => "twice INTEGER GENERATED ALWAYS AS (2 * id) STORED",
        Dialect::Mysql => "twice INTEGER AS (2 * id) STORED",
        Dialect::Sqlite => "twice INTEGER AS (2 * id) VIRTUAL",
    };
    let conn = &mut *things(ID, &format!("id INTEGER, label VARCHAR(100), amount DECIMAL(10, 2), {generated}"));
    conn.batch_execute(&format!("ALTER TABLE things ADD COLUMN {generated}")).unwrap();
    assert_moved(conn);
}

#[test]
fn an_archive_may_number_its_rows_itself() {
    let number = match DIALECT {
        Dialect::Postgres => "number BIGINT GENERATED ALWAYS AS IDENTITY",
        Dialect::Mysql => "number BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
        Dialect::Sqlite => "number INTEGER NOT NULL PRIMARY KEY",
    };
    let conn = &mut *things(ID, &format!("{number}, id INTEGER, label VARCHAR(100), amount DECIMAL(10, 2)"));
    assert_moved(conn);
    // The database does not generate this number.
    let other = "number BIGINT NOT NULL, id INTEGER NOT NULL PRIMARY KEY";
    let conn = &mut *things(ID, &format!("{other}, label VARCHAR(100), amount DECIMAL(10, 2)"));
    assert!(problems(conn).contains("`number` needs a value"));
}

/// `LIKE things INCLUDING ALL` creates such an archive.
#[test]
fn identities_are_copied_where_both_tables_generate_them() {
    let (id, key) = match DIALECT {
        Dialect::Postgres => ("id INTEGER GENERATED ALWAYS AS IDENTITY", ""),
        Dialect::Mysql => ("id INTEGER NOT NULL AUTO_INCREMENT", ", UNIQUE (id)"),
        Dialect::Sqlite => ("id INTEGER NOT NULL", ""),
    };
    let conn = &mut *things(id, &format!("{id}, label VARCHAR(100), amount DECIMAL(10, 2){key}"));
    assert_moved(conn);
    let ids: Vec<i32> = things_archive::table.select(things_archive::id).order(things_archive::id).load(conn).unwrap();
    assert_eq!(ids, (1..=10).collect::<Vec<_>>());
}

/// The catalog does not tell what references the table behind a view.
#[test]
fn a_purge_of_a_view_is_refused() {
    let conn = &mut *things(ID, "id INTEGER, label VARCHAR(100), amount DECIMAL(10, 2)");
    conn.batch_execute("ALTER TABLE things RENAME TO behind; CREATE VIEW things AS SELECT * FROM behind").unwrap();
    let result = things::table.purge_older_than(TimeDelta::days(30)).in_batches().run(conn);
    assert!(matches!(&result, Err(Error::PurgeOfView { table }) if table == "things"), "{result:?}");
    assert_eq!(count(conn), (10, 0));
}

/// On MySQL, a batch that is rolled back would leave its copies.
#[test]
fn an_archive_with_an_engine_without_transactions_is_refused() {
    if DIALECT != Dialect::Mysql {
        return;
    }
    let conn = &mut *things(ID, "id INTEGER, label VARCHAR(100), amount DECIMAL(10, 2)");
    conn.batch_execute("ALTER TABLE things_archive ENGINE = MyISAM").unwrap();
    let text = problems(conn);
    assert!(text.contains("its engine MyISAM does not support transactions"), "{text}");
    conn.batch_execute("ALTER TABLE things_archive ENGINE = InnoDB; ALTER TABLE things ENGINE = MyISAM").unwrap();
    let text = problems(conn);
    assert!(text.contains("the table's engine MyISAM"), "{text}");
    // Without an archive no row can exist twice.
    let report = things::table.purge_older_than(TimeDelta::days(30)).in_batches().run(conn).unwrap();
    assert_eq!((report.rows, report.notes.len()), (10, 1), "{report}");
    assert!(report.notes[0].contains("MyISAM"), "{report}");
}

/// SQLite can commit to one of two files without the other.
#[test]
fn an_archive_in_another_file_is_refused() {
    if DIALECT != Dialect::Sqlite {
        return;
    }
    mod apart {
        diesel::table! {
            use diesel::sql_types::*;
            old.things_archive {
                id -> Integer,
                label -> Nullable<Text>,
                amount -> Nullable<Numeric>,
                deleted_at -> Nullable<Timestamp>,
            }
        }
    }
    let conn = &mut *things(ID, "id INTEGER");
    conn.batch_execute("ATTACH ':memory:' AS old; CREATE TABLE old.things_archive AS SELECT * FROM things WHERE FALSE")
        .unwrap();
    let job = things::table.purge_older_than(TimeDelta::days(30)).in_batches();
    let result = job.archive_into(apart::things_archive::table).run(conn);
    let Err(Error::ArchiveMismatch { problems, .. }) = result else { panic!("{result:?}") };
    assert!(problems.len() == 1 && problems[0].contains("(`old`) than the table (`main`)"), "{problems:?}");
    assert_eq!(count(conn), (10, 0));
}
