//! A cascade does the same with any settings of the session.

use chrono::{DateTime, Utc};

/// Rows of one state, as texts.
type Rows = Vec<String>;

/// Times that look alike in some time zone, or in some order of day and month.
const INSTANTS: [&str; 4] = [
    // Both are half past one in New York.
    "2024-11-03T05:30:00.000001Z",
    "2024-11-03T06:30:00.000001Z",
    // Day and month can be exchanged.
    "2011-02-03T04:05:06.999999Z",
    "2037-12-31T23:59:59.100000Z",
];

fn instants() -> [DateTime<Utc>; 4] {
    INSTANTS.map(|text| text.parse().expect("an instant"))
}

/// The cases over tables whose times have one type.
macro_rules! settings {
    ($name:ident: $backend:ident, $Instant:ident, $column:literal, $settings:expr) => {
        mod $name {
            use diesel::connection::SimpleConnection;
            use diesel::prelude::*;
            use diesel_soft_delete::prelude::*;
            use diesel_soft_delete::{Error, Revival, db_now};

            use super::{Rows, instants};
            use crate::support::$backend::{Conn, connection};

            diesel::table! {
                use diesel::sql_types::*;
                shops (region, number) {
                    region -> Integer,
                    number -> Integer,
                    closed_at -> Nullable<$Instant>,
                    closed_by -> Nullable<Text>,
                    touched_at -> Nullable<$Instant>,
                }
            }
            diesel::table! {
                use diesel::sql_types::*;
                shelves {
                    id -> Integer,
                    region -> Integer,
                    number -> Integer,
                    name -> Text,
                    closed_at -> Nullable<$Instant>,
                    closed_by -> Nullable<Text>,
                    badge -> Nullable<Integer>,
                }
            }
            diesel::table! {
                use diesel::sql_types::*;
                items {
                    id -> Integer,
                    shelf_id -> Nullable<Integer>,
                    item_id -> Nullable<Integer>,
                    closed_at -> Nullable<$Instant>,
                }
            }
            diesel::table! {
                audits { id -> Integer, region -> Integer, number -> Integer, is_deleted -> Bool }
            }
            diesel::table! {
                drafts { id -> Integer, shelf_id -> Nullable<Integer> }
            }
            diesel_soft_delete::soft_deletable! {
                shops {
                    timestamp = closed_at, touch = touched_at, metadata(closed_by), cascade(shelves(region, number)),
                    restrict(audits(region, number)),
                }
                shelves { timestamp = closed_at, metadata(closed_by, badge), cascade(items(shelf_id)), set_null(drafts(shelf_id)) }
                items { timestamp = closed_at, cascade(items(item_id)) }
                audits { flag = is_deleted }
            }
            diesel_soft_delete::not_soft_deletable!(drafts);

            /// Shops (1, 1) to (1, 4) have two shelves each. A shelf has a chain of three items.
            pub(super) fn shops() -> crate::support::TestConnection<Conn> {
                let mut conn = connection();
                let mut sql = "CREATE TABLE shops (region INTEGER, number INTEGER, closed_at {instant}, closed_by VARCHAR(80),
                         touched_at {instant}, PRIMARY KEY (region, number));
                     CREATE TABLE shelves (id INTEGER PRIMARY KEY, region INTEGER NOT NULL, number INTEGER NOT NULL, name VARCHAR(20) NOT NULL,
                         closed_at {instant}, closed_by VARCHAR(80), badge INTEGER,
                         FOREIGN KEY (region, number) REFERENCES shops (region, number));
                     CREATE TABLE items (id INTEGER PRIMARY KEY, shelf_id INTEGER REFERENCES shelves (id),
                         item_id INTEGER REFERENCES items (id), closed_at {instant});
                     CREATE TABLE audits (id INTEGER PRIMARY KEY, region INTEGER NOT NULL, number INTEGER NOT NULL,
                         is_deleted BOOLEAN NOT NULL);
                     CREATE TABLE drafts (id INTEGER PRIMARY KEY, shelf_id INTEGER);
                     CREATE INDEX shelves_shop ON shelves (region, number);
                     CREATE INDEX items_shelf ON items (shelf_id);
                     CREATE INDEX items_item ON items (item_id);
                     CREATE INDEX audits_shop ON audits (region, number);
                     CREATE INDEX drafts_shelf ON drafts (shelf_id);"
                    .replace("{instant}", $column);
                for number in 1..=4 {
                    sql.push_str(&format!("INSERT INTO shops (region, number) VALUES (1, {number});"));
                    for shelf in [1, 2].map(|n| number * 10 + n) {
                        let [one, two, three] = [1, 2, 3].map(|n| shelf * 10 + n);
                        sql.push_str(&format!(
                            "INSERT INTO shelves (id, region, number, name) VALUES ({shelf}, 1, {number}, 's{shelf}');
                             INSERT INTO drafts (id, shelf_id) VALUES ({shelf}, {shelf});
                             INSERT INTO items (id, shelf_id, item_id) VALUES ({one}, {shelf}, NULL);
                             INSERT INTO items (id, shelf_id, item_id) VALUES ({two}, NULL, {one});
                             INSERT INTO items (id, shelf_id, item_id) VALUES ({three}, {shelf}, {two});"
                        ));
                    }
                }
                conn.batch_execute(&sql).expect("the tables");
                conn
            }

            /// The keys of the active rows. The limit overrides that of a session.
            fn active(conn: &mut Conn) -> Rows {
                let shops = shops::table.active().select(shops::number).limit(99).load::<i32>(conn).unwrap();
                let shelves = shelves::table.active().select(shelves::id).limit(99).load::<i32>(conn).unwrap();
                let items = items::table.active().select(items::id).limit(99).load::<i32>(conn).unwrap();
                let mut rows: Rows = shops.iter().chain(&shelves).chain(&items).map(ToString::to_string).collect();
                rows.sort();
                rows
            }

            /// Runs the case once with each of the settings.
            fn each(mut case: impl FnMut(&mut Conn, &str)) {
                for setting in $settings {
                    let conn = &mut *shops();
                    conn.batch_execute(setting).unwrap_or_else(|error| panic!("{setting}: {error}"));
                    case(conn, setting);
                }
            }

            /// Executes a statement of the test.
            fn tell(conn: &mut Conn, sql: &str) {
                conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            }

            #[test]
            fn a_tree_is_deleted_and_restored() {
                each(|conn, setting| {
                    let all = active(conn);
                    let by = r#"o'Neil \' "x" `y` \\ || é"#;
                    for (number, at) in (1..).zip(instants()) {
                        let shop = shops::table.find((1, number));
                        let delete = shop.soft_delete().at_utc(at).cascade().set_all("closed_by", by).set_all("badge", 7);
                        let preview = delete.preview(conn).unwrap_or_else(|error| panic!("{setting}: {error}"));
                        assert_eq!(preview.total(), 9, "{setting}");
                        let report = delete.run(conn).unwrap_or_else(|error| panic!("{setting}: {error}"));
                        assert_eq!(report.iter().collect::<Vec<_>>(), preview.iter().collect::<Vec<_>>(), "{setting}");
                        assert_eq!(report.unlinked("drafts"), 2, "{setting}");
                        let stored = shelves::table.filter(shelves::number.eq(number)).select((shelves::closed_by, shelves::badge));
                        assert_eq!(stored.limit(9).load(conn), Ok(vec![(Some(by.to_owned()), Some(7)); 2]), "{setting}");
                    }
                    assert_eq!(active(conn), Rows::new(), "{setting}");
                    // One operation is restored, and then several at once.
                    let restore = shops::table.find((1, 2)).restore().cascade();
                    assert_eq!(restore.preview(conn).unwrap().total(), 9, "{setting}");
                    assert_eq!(restore.run(conn).unwrap().total(), 9, "{setting}");
                    assert_eq!(shops::table.restore().cascade().preview(conn).unwrap().total(), 27, "{setting}");
                    assert_eq!(shops::table.restore().cascade().run(conn).unwrap().total(), 27, "{setting}");
                    assert_eq!(active(conn), all, "{setting}");
                });
            }

            #[test]
            fn another_session_restores_what_one_deleted() {
                let conn = &mut *shops();
                let all = active(conn);
                let settings: Vec<&str> = $settings.into_iter().collect();
                for (place, one) in settings.iter().enumerate() {
                    tell(conn, one);
                    for (number, at) in (1..).zip(instants()) {
                        let shop = shops::table.find((1, number));
                        assert_eq!(shop.soft_delete().at_utc(at).cascade().run(conn).unwrap().total(), 9, "{one}");
                    }
                    let other = settings[(place + 1) % settings.len()];
                    tell(conn, other);
                    for number in 1..=4 {
                        let report = shops::table.find((1, number)).restore().cascade().run(conn).unwrap();
                        assert_eq!(report.total(), 9, "{one}; {other}");
                    }
                    assert_eq!(active(conn), all, "{one}; {other}");
                }
            }

            #[test]
            fn a_cascade_may_use_the_clock_of_the_database() {
                each(|conn, setting| {
                    let all = active(conn);
                    let shop = || shops::table.find((1, 1));
                    let report = shop().soft_delete().at(db_now()).cascade().run(conn).unwrap();
                    assert_eq!(report.total(), 9, "{setting}");
                    let since = chrono::Utc::now() - report.at();
                    assert!(since.abs() < chrono::TimeDelta::minutes(5), "{setting}: {since}");
                    assert_eq!(shop().restore().cascade().run(conn).unwrap().total(), 9, "{setting}");
                    assert_eq!(active(conn), all, "{setting}");
                });
            }

            #[test]
            fn a_revived_key_takes_its_children_along() {
                each(|conn, setting| {
                    let all = active(conn);
                    let key = (shops::region, shops::number);
                    let write = |number: i32| {
                        let values = (shops::region.eq(1), shops::number.eq(number));
                        shops::table.insert_or_revive(values).on(key)
                    };
                    shops::table.find((1, 2)).soft_delete().at_utc(instants()[0]).cascade().run(conn).unwrap();
                    assert_eq!(write(2).cascade().run(conn).unwrap(), Revival::Revived, "{setting}");
                    assert_eq!(active(conn), all, "{setting}");
                    shops::table.find((1, 3)).soft_delete().at_utc(instants()[1]).cascade().run(conn).unwrap();
                    assert_eq!(write(3).without_cascade().run(conn).unwrap(), Revival::Revived, "{setting}");
                    assert_eq!(active(conn).len() + 8, all.len(), "{setting}");
                    assert_eq!(write(3).cascade().run(conn).unwrap(), Revival::Live, "{setting}");
                    assert_eq!(write(9).cascade().run(conn).unwrap(), Revival::Inserted, "{setting}");
                });
            }

            #[test]
            fn active_children_and_deleted_ancestors_are_seen() {
                each(|conn, setting| {
                    tell(conn, "INSERT INTO audits (id, region, number, is_deleted) VALUES (1, 1, 1, FALSE), (2, 1, 1, FALSE)");
                    let all = active(conn);
                    let error = shops::table.soft_delete().cascade().run(conn).unwrap_err();
                    assert!(matches!(error, Error::Restricted { rows: 2, .. }), "{setting}: {error}");
                    assert_eq!(active(conn), all, "{setting}");
                    assert_eq!(shelves::table.find(21).soft_delete().cascade().run(conn).unwrap().total(), 4, "{setting}");
                    assert_eq!(shops::table.find((1, 2)).soft_delete().cascade().run(conn).unwrap().total(), 5, "{setting}");
                    let error = items::table.restore().cascade().run(conn).unwrap_err();
                    assert!(matches!(error, Error::BelowDeleted { .. }), "{setting}: {error}");
                    assert_eq!(shops::table.find((1, 2)).restore().cascade().run(conn).unwrap().total(), 5, "{setting}");
                });
            }
        }
    };
}

settings!(sqlite_text: sqlite, Timestamp, "TIMESTAMP", [
    "PRAGMA reverse_unordered_selects = ON",
    "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON",
    "PRAGMA full_column_names = ON",
]);

#[cfg(feature = "postgres")]
const POSTGRES: [&str; 12] = [
    "SET timezone TO 'America/New_York'",
    "SET DateStyle TO 'SQL, DMY'; SET timezone TO 'Asia/Kolkata'",
    "SET DateStyle TO 'SQL, MDY'; SET timezone TO 'America/New_York'",
    "SET DateStyle TO 'German'; SET timezone TO 'Asia/Kolkata'",
    "SET DateStyle TO 'Postgres, DMY'; SET timezone TO 'Asia/Kolkata'",
    "SET DateStyle TO 'Postgres, MDY'; SET timezone TO 'Europe/Berlin'",
    "SET DateStyle TO 'ISO, YMD'; SET timezone TO 'Australia/Lord_Howe'",
    "SET DateStyle TO 'ISO, DMY'; SET IntervalStyle TO 'sql_standard'",
    "SET bytea_output TO escape; SET standard_conforming_strings TO off; SET escape_string_warning TO off",
    "SET standard_conforming_strings TO off; SET backslash_quote TO on; SET transform_null_equals TO on",
    "SET plan_cache_mode TO force_generic_plan; SET enable_nestloop TO off; SET enable_indexscan TO off",
    "SET extra_float_digits TO 0; SET lc_time TO 'C'; SET timezone TO '<+05>-5'",
];

#[cfg(feature = "postgres")]
settings!(postgres_zoned: postgres, Timestamptz, "TIMESTAMPTZ", super::POSTGRES);
#[cfg(feature = "postgres")]
settings!(postgres_plain: postgres, Timestamp, "TIMESTAMP", super::POSTGRES);

#[cfg(feature = "mysql")]
const MYSQL: [&str; 9] = [
    "SET SESSION sql_safe_updates = 1",
    "SET SESSION sql_select_limit = 1",
    "SET SESSION sql_select_limit = 0, SESSION sql_safe_updates = 1, SESSION time_zone = '+05:30'",
    "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,IGNORE_SPACE'",
    "SET SESSION sql_mode = 'ANSI,TRADITIONAL', SESSION time_zone = '-05:00'",
    "SET SESSION sql_mode = '', SESSION time_zone = '+00:00'",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,PAD_CHAR_TO_FULL_LENGTH'",
    "SET SESSION sql_auto_is_null = 1, SESSION big_tables = 1",
    "SET SESSION sql_mode = 'HIGH_NOT_PRECEDENCE,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO', SESSION character_set_connection = latin1",
];

#[cfg(feature = "mysql")]
settings!(mysql_datetime: mysql, Datetime, "DATETIME(6)", super::MYSQL);
#[cfg(feature = "mysql")]
settings!(mysql_timestamp: mysql, Timestamp, "TIMESTAMP(6) NULL", super::MYSQL);

#[cfg(feature = "mysql")]
#[test]
fn the_settings_of_mysql_are_reset_after_an_error() {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel_soft_delete::prelude::*;
    use mysql_datetime::shops;

    let conn = &mut *crate::support::mysql::connection();
    conn.batch_execute("SET SESSION sql_safe_updates = 1, SESSION sql_select_limit = 77").unwrap();
    let settings = |conn: &mut MysqlConnection| {
        let sql = "@@SESSION.sql_safe_updates * 1000 + @@SESSION.sql_select_limit";
        diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(sql)).get_result::<i64>(conn).unwrap()
    };
    // The tables do not exist, so the call fails. It must still reset the settings.
    assert!(shops::table.soft_delete().cascade().run(conn).is_err());
    assert_eq!(settings(conn), 1077);
}

/// Other software can write such times, which no Rust type holds.
#[cfg(feature = "postgres")]
#[test]
fn rows_with_times_that_rust_cannot_hold_are_restored() {
    use diesel::connection::SimpleConnection;
    use diesel_soft_delete::prelude::*;
    use postgres_zoned::shops;

    for setting in POSTGRES {
        for mark in ["infinity", "-infinity", "0044-03-15 12:00:00.000001+00 BC", "12345-02-03 04:05:06.123456+00"] {
            let conn = &mut *postgres_zoned::shops();
            conn.batch_execute(&format!(
                "{setting}; UPDATE shops SET closed_at = '{mark}'; UPDATE shelves SET closed_at = '{mark}';
                 UPDATE items SET closed_at = '{mark}'"
            ))
            .unwrap();
            let report = shops::table.restore().cascade().run(conn).unwrap();
            assert_eq!(report.total(), 36, "{setting}: {mark}");
        }
    }
}
