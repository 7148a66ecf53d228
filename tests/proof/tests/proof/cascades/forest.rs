// Random steps on the tables and on the model. Each backend and kind of declaration includes this file.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{CascadeReport, Error};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use super::model::{self, COMMENTS, Counts, Deleted, FOLLOWS, POSTS, Row, Said, Step, TABLES, TEAMS, USERS};

fn instant(at: u8) -> DateTime<Utc> {
    let first = DateTime::from_timestamp(1_740_000_000, 123_456_000).expect("an instant");
    first + TimeDelta::hours(i64::from(at))
}

/// Text that sorts like the numbers.
fn operation_text(operation: u32) -> String {
    format!("op-{operation:06}")
}

fn fill(conn: &mut Conn, rows: &[Vec<Row>; 5]) {
    let columns =
        ["team_id, team_id_too", "user_id, user_id_too", "post_id, parent_id", "from_user, to_user", "leader, part_of"];
    for ((table, rows), columns) in TABLES.iter().zip(rows).zip(columns) {
        let key = |key: Option<i32>| key.map_or_else(|| String::from("NULL"), |key| key.to_string());
        let values = rows.iter().map(|row| format!("({}, {}, {})", row.id, key(row.keys[0]), key(row.keys[1])));
        let values = values.collect::<Vec<_>>().join(", ");
        conn.batch_execute(&format!("DELETE FROM {table}; INSERT INTO {table} (id, {columns}) VALUES {values};"))
            .expect("rows");
    }
}

macro_rules! on_table {
    ($table:expr, $name:ident => $body:expr) => {
        match $table {
            USERS => {
                use users as $name;
                $body
            }
            POSTS => {
                use posts as $name;
                $body
            }
            COMMENTS => {
                use comments as $name;
                $body
            }
            FOLLOWS => {
                use follows as $name;
                $body
            }
            TEAMS => {
                use teams as $name;
                $body
            }
            other => panic!("no table {other}"),
        }
    };
}

fn said(result: Result<CascadeReport, Error>) -> Said {
    match result {
        Ok(report) => Ok(Counts {
            changed: TABLES.map(|table| report.rows(table)),
            withheld: TABLES.map(|table| report.withheld(table)),
        }),
        Err(Error::BelowDeleted { ancestor, .. }) => {
            Err(TABLES.into_iter().filter(|table| *table == ancestor).collect::<BTreeSet<_>>())
        }
        Err(other) => panic!("{other}"),
    }
}

/// Whether the two agree. The library names only one of several deleted ancestors.
fn agree(said: &Said, expected: &Said) -> bool {
    match (said, expected) {
        (Err(one), Err(all)) => one.is_subset(all) && one.len() == 1,
        (said, expected) => said == expected,
    }
}

fn step(conn: &mut Conn, model: &mut Model, step: &Step, number: u32) -> Result<(), TestCaseError> {
    match step {
        Step::Delete { table, ids, at } => {
            let (previewed, did) = on_table!(*table, t => {
                let delete = t::table.filter(t::id.eq_any(ids.clone())).soft_delete().at_utc(instant(*at)).cascade();
                let delete = delete.operation(operation_text(number));
                (said(delete.preview(conn)), said(delete.run(conn)))
            });
            let changed = model.delete(*table, ids, Deleted { at: *at, operation: Some(number) });
            let expected = Ok(Counts { changed, ..Counts::default() });
            proptest::prop_assert_eq!(&did, &expected);
            proptest::prop_assert_eq!(previewed, expected);
        }
        Step::DeleteAlone { table, ids, at } => {
            let did = on_table!(*table, t => {
                t::table.filter(t::id.eq_any(ids.clone())).soft_delete().at_utc(instant(*at)).without_cascade().run(conn)
            });
            let expected = model.alone(*table, ids, Some(Deleted { at: *at, operation: None }));
            proptest::prop_assert_eq!(did.expect("it runs") as u64, expected);
        }
        Step::Restore { table, ids } => {
            let (previewed, did) = on_table!(*table, t => {
                let restore = t::table.filter(t::id.eq_any(ids.clone())).restore().cascade();
                (said(restore.preview(conn)), said(restore.run(conn)))
            });
            let expected = model.restore(*table, ids);
            proptest::prop_assert!(agree(&did, &expected), "{:?} instead of {:?}", did, expected);
            proptest::prop_assert!(did == previewed, "{:?} was previewed as {:?}", did, previewed);
        }
        Step::RestoreAlone { table, ids } => {
            let did = on_table!(*table, t => {
                t::table.filter(t::id.eq_any(ids.clone())).restore().without_cascade().run(conn)
            });
            proptest::prop_assert_eq!(did.expect("it runs") as u64, model.alone(*table, ids, None));
        }
        Step::Move { table, id, key, to } => {
            let columns = [
                ["team_id", "team_id_too"],
                ["user_id", "user_id_too"],
                ["post_id", "parent_id"],
                ["from_user", "to_user"],
                ["leader", "part_of"],
            ];
            let to_text = to.map_or_else(|| String::from("NULL"), |to| to.to_string());
            conn.batch_execute(&format!(
                "UPDATE {} SET {} = {to_text} WHERE id = {id}",
                TABLES[*table], columns[*table][*key]
            ))
            .expect("it moves");
            for row in model.rows[*table].iter_mut().filter(|row| row.id == *id) {
                row.keys[*key] = *to;
            }
        }
    }
    Ok(())
}

/// Compares the state of all tables with the model.
fn compare(conn: &mut Conn, model: &Model) -> Result<(), TestCaseError> {
    type Stored = (i32, bool, Option<chrono::NaiveDateTime>, Option<String>);
    for (number, expected) in model.rows.iter().enumerate() {
        let stored: Vec<Stored> = on_table!(number, t => {
            let deleted = diesel_soft_delete::is_deleted(t::table);
            t::table.select((t::id, deleted, t::deleted_at, t::operation)).order(t::id).load(conn).expect("rows")
        });
        let by_operation = IDENTIFIED == Identified::ByOperation;
        let expected: Vec<Stored> = expected
            .iter()
            .map(|row| {
                let at = row.deleted.map(|deleted| instant(deleted.at).naive_utc());
                let operation = row.deleted.filter(|_| by_operation).and_then(|deleted| deleted.operation);
                (row.id, row.deleted.is_some(), at, operation.map(operation_text))
            })
            .collect();
        proptest::prop_assert_eq!(stored, expected, "{}", TABLES[number]);
    }
    Ok(())
}

fn prove(cases: u32) {
    let mut own = own();
    let stamp = format!("{TIMESTAMP_DDL} NULL");
    own.conn
        .batch_execute(&format!(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, team_id INTEGER, team_id_too INTEGER, deleted_at {stamp}, operation VARCHAR(36));
             CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER, user_id_too INTEGER, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
                 deleted_at {stamp}, operation VARCHAR(36));
             CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER, parent_id INTEGER, is_active BOOLEAN NOT NULL DEFAULT TRUE,
                 deleted_at {stamp}, operation VARCHAR(36));
             CREATE TABLE follows (id INTEGER PRIMARY KEY, from_user INTEGER, to_user INTEGER, deleted_at {stamp}, operation VARCHAR(36));
             CREATE TABLE teams (id INTEGER PRIMARY KEY, leader INTEGER, part_of INTEGER, deleted_at {stamp}, operation VARCHAR(36));"
        ))
        .expect("the tables");
    let conn = std::cell::RefCell::new(&mut own.conn);
    // Every run has the same cases. PROPTEST_CASES and PROPTEST_RNG_SEED give others.
    let given = |variable: &str| std::env::var_os(variable).is_some();
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if !given("PROPTEST_CASES") {
        config.cases = cases;
    }
    if !given("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(20_251_125);
    }
    let mut runner = TestRunner::new(config);
    let result = runner.run(&(model::forest(), model::steps()), |(forest, steps)| {
        let conn = &mut **conn.borrow_mut();
        fill(conn, &forest);
        let mut model = Model::new(forest, IDENTIFIED, CIRCLE);
        for (number, one) in (1..).zip(&steps) {
            step(conn, &mut model, one, number)?;
            compare(conn, &model)?;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn forests_are_what_the_model_says() {
    prove(CASES);
}

#[test]
#[ignore = "slow: `tests/run --long`"]
fn many_forests_are_what_the_model_says() {
    prove(CASES * 20);
}
