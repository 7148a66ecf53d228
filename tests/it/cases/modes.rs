// Every mode and every column type goes through the same steps.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{is_active, is_active_or_missing, is_deleted};

#[allow(unused_imports, reason = "one list serves every case and backend")]
use super::backend::{Conn, DIALECT, Db, INSTANT_NULL, Instant, connection};

/// A time whose digits show how each unit cuts it off.
fn instant() -> DateTime<Utc> {
    super::schema::instant("2024-02-29 23:59:59.987654").and_utc()
}

/// The steps that every mode shares: states, counts and transitions.
///
/// `null: null` sets the state of row 3 to NULL, which counts as active. `null: no` does not.
macro_rules! states {
    ($name:ident, $columns:tt, { $($declaration:tt)* }, $ddl:expr, active: $active:expr, deleted: $deleted:expr, null: $null:ident) => {
        mod $name {
            use super::*;

            diesel::table! {
                use diesel::sql_types::*;
                #[allow(unused_imports, reason = "one list serves every case and backend")]
                use super::Instant;
                things $columns
            }
            diesel_soft_delete::soft_deletable! { things { $($declaration)* } }

            fn things() -> crate::support::TestConnection<Conn> {
                let mut conn = connection();
                let ddl: String = $ddl;
                conn.batch_execute(&format!("CREATE TABLE things (id INTEGER PRIMARY KEY, {ddl})")).unwrap();
                conn.batch_execute("INSERT INTO things (id) VALUES (1), (2), (3)").unwrap();
                conn
            }

            fn active(conn: &mut Conn) -> Vec<i32> {
                things::table.active().select(things::id).order(things::id).load(conn).unwrap()
            }

            fn deleted(conn: &mut Conn) -> Vec<i32> {
                things::table.deleted().select(things::id).order(things::id).load(conn).unwrap()
            }

            /// How many rows match the text. This reads what is stored without the library's predicates.
            fn stored(conn: &mut Conn, text: &str) -> i64 {
                things::table.filter(diesel::dsl::sql::<diesel::sql_types::Bool>(text)).count().get_result(conn).unwrap()
            }

            #[test]
            fn rows_change_their_state_once_and_back() {
                let conn = &mut *things();
                assert_eq!((active(conn), deleted(conn)), (vec![1, 2, 3], vec![]));
                assert_eq!(things::table.find(1).soft_delete().execute(conn), Ok(1));
                assert_eq!(things::table.find(1).soft_delete().execute(conn), Ok(0));
                assert_eq!((active(conn), deleted(conn)), (vec![2, 3], vec![1]));
                assert_eq!((stored(conn, $active), stored(conn, $deleted)), (2, 1));
                assert_eq!(things::table.find(2).restore().execute(conn), Ok(0));
                assert_eq!(things::table.soft_delete().execute(conn), Ok(2));
                assert_eq!((stored(conn, $active), stored(conn, $deleted)), (0, 3));
                assert_eq!(things::table.filter(things::id.gt(1)).restore().execute(conn), Ok(2));
                assert_eq!((active(conn), deleted(conn)), (vec![2, 3], vec![1]));
                assert_eq!((stored(conn, $active), stored(conn, $deleted)), (2, 1));
                assert_eq!(things::table.find(1).soft_delete().outcome(conn).unwrap(), diesel_soft_delete::Outcome::AlreadyInState);
                assert_eq!(things::table.find(1).restore().outcome(conn).unwrap(), diesel_soft_delete::Outcome::Changed);
            }

            #[test]
            fn is_active_and_is_deleted_are_opposites() {
                let conn = &mut *things();
                states!(@null $null, conn);
                assert_eq!(things::table.find(1).soft_delete().execute(conn), Ok(1));
                let rows = things::table
                    .select((
                        things::id,
                        is_active(things::table),
                        is_deleted(things::table),
                        is_active_or_missing(things::table),
                    ))
                    .order(things::id)
                    .load::<(i32, bool, bool, bool)>(conn)
                    .unwrap();
                assert_eq!(rows, [(1, false, true, false), (2, true, false, true), (3, true, false, true)]);
                let not_deleted = things::table.filter(diesel::dsl::not(is_deleted(things::table)));
                assert_eq!(not_deleted.count().get_result::<i64>(conn), Ok(2));
                assert_eq!(things::table.find(3).soft_delete().execute(conn), Ok(1));
                assert_eq!(things::table.find(3).restore().execute(conn), Ok(1));
                // A restore writes the active value and never NULL.
                assert_eq!(stored(conn, $active), 2);
            }
        }
    };
    (@null no, $conn:ident) => {};
    (@null null, $conn:ident) => {
        $conn.batch_execute("UPDATE things SET state = NULL WHERE id = 3").unwrap();
    };
}

states!(flag, { id -> Integer, state -> Bool, }, { flag = state },
    "state BOOLEAN NOT NULL DEFAULT FALSE".into(), active: "state = FALSE", deleted: "state = TRUE", null: no);
states!(nullable_flag, { id -> Integer, state -> Nullable<Bool>, }, { flag = state },
    "state BOOLEAN DEFAULT FALSE".into(), active: "state = FALSE", deleted: "state = TRUE", null: null);
states!(active_flag, { id -> Integer, state -> Bool, }, { active_flag = state },
    "state BOOLEAN NOT NULL DEFAULT TRUE".into(), active: "state = TRUE", deleted: "state = FALSE", null: no);
states!(nullable_active_flag, { id -> Integer, state -> Nullable<Bool>, }, { active_flag = state },
    "state BOOLEAN DEFAULT TRUE".into(), active: "state = TRUE", deleted: "state = FALSE", null: null);
states!(timestamp, { id -> Integer, deleted_at -> Nullable<Instant>, }, { timestamp = deleted_at },
    format!("deleted_at {INSTANT_NULL}"), active: "deleted_at IS NULL", deleted: "deleted_at IS NOT NULL", null: no);
states!(active_flag_and_timestamp, { id -> Integer, state -> Bool, deleted_at -> Nullable<Instant>, },
    { active_flag = state, timestamp = deleted_at },
    format!("state BOOLEAN NOT NULL DEFAULT TRUE, deleted_at {INSTANT_NULL}"),
    active: "state = TRUE AND deleted_at IS NULL", deleted: "state = FALSE AND deleted_at IS NOT NULL", null: no);
states!(flag_and_touch_alone, { id -> Integer, state -> Bool, touched -> Nullable<BigInt>, },
    { flag = state, touch = touched, unit = seconds },
    "state BOOLEAN NOT NULL DEFAULT FALSE, touched BIGINT".into(),
    active: "state = FALSE", deleted: "state = TRUE", null: no);

/// The times that are written, that RETURNING gives, and that a purge compares with.
///
/// `step` is the resolution of the column.
macro_rules! times {
    ($name:ident, $sql_type:ty, $rust:ty, [$($unit:tt)*], $ddl:expr, $stored:expr, $step:expr) => {
        mod $name {
            use super::*;

            type Wanted = $sql_type;
            diesel::table! {
                use diesel::sql_types::*;
                use super::Wanted;
                things {
                    id -> Integer,
                    state -> Bool,
                    deleted -> Nullable<Wanted>,
                    touched -> Wanted,
                }
            }
            diesel_soft_delete::soft_deletable! { things { flag = state, timestamp = deleted, touch = touched $($unit)* } }

            #[test]
            fn times_are_stored_returned_and_compared_exactly() {
                let conn = &mut *connection();
                let (null, not_null): (&str, &str) = $ddl;
                conn.batch_execute(&format!(
                    "CREATE TABLE things (id INTEGER PRIMARY KEY, state BOOLEAN NOT NULL DEFAULT FALSE, deleted {null}, touched {not_null})"
                ))
                .unwrap();
                conn.batch_execute("INSERT INTO things (id) VALUES (1), (2)").unwrap();
                let stored: $rust = $stored;
                let columns = (things::deleted, things::touched);

                assert_eq!(things::table.find(1).soft_delete().at_utc(instant()).run(conn).unwrap(), 1);
                assert_eq!(things::table.find(1).select(columns).first::<(Option<$rust>, $rust)>(conn), Ok((Some(stored), stored)));
                assert_eq!(things::table.find(1).restore().at_utc(instant()).run(conn).unwrap(), 1);
                assert_eq!(things::table.find(1).select(columns).first::<(Option<$rust>, $rust)>(conn), Ok((None, stored)));
                assert_eq!(things::table.find(1).soft_delete().at(stored).run(conn).unwrap(), 1);
                assert_eq!(things::table.find(1).select(columns).first::<(Option<$rust>, $rust)>(conn), Ok((Some(stored), stored)));

                // RETURNING gives what is stored to the last digit, also for the current time.
                where_returning!({
                    type Instants = (Option<$rust>, $rust);
                    let returned: Instants =
                        things::table.find(2).soft_delete().returning(columns).get_result(conn).unwrap();
                    assert_eq!(things::table.find(2).select(columns).first::<Instants>(conn), Ok(returned));
                    let returned: Instants = things::table.find(2).restore().returning(columns).get_result(conn).unwrap();
                    assert_eq!(things::table.find(2).select(columns).first::<Instants>(conn), Ok(returned));
                });

                let step: TimeDelta = $step;
                assert_eq!(things::table.purge_deleted_before(instant()).run(conn).unwrap(), 0);
                assert_eq!(things::table.find(2).soft_delete().run(conn).unwrap(), 1);
                let now = things::table.find(2).select(columns).first::<(Option<$rust>, $rust)>(conn).unwrap();
                assert_eq!(now.0, Some(now.1));
                assert!(now.1 > stored);
                assert_eq!(things::table.purge_older_than(TimeDelta::days(1)).run(conn).unwrap(), 1);
                assert_eq!(things::table.select(things::id).load::<i32>(conn), Ok(vec![2]));
                assert_eq!(things::table.find(2).restore().run(conn).unwrap(), 1);
                assert_eq!(things::table.find(2).soft_delete().at_utc(instant()).run(conn).unwrap(), 1);
                assert_eq!(things::table.purge_deleted_before(instant() + step).run(conn).unwrap(), 1);
            }
        }
    };
}

fn naive() -> chrono::NaiveDateTime {
    instant().naive_utc()
}

const MICRO: TimeDelta = TimeDelta::microseconds(1);
const EPOCH: (&str, &str) = ("BIGINT", "BIGINT NOT NULL DEFAULT 0");

times!(
    plain_timestamp,
    diesel::sql_types::Timestamp,
    chrono::NaiveDateTime,
    [],
    (
        INSTANT_NULL,
        match DIALECT {
            diesel_soft_delete::Dialect::Mysql => "DATETIME(6) NOT NULL DEFAULT '2020-01-01 00:00:00'",
            _ => "TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00'",
        }
    ),
    naive(),
    MICRO
);
times!(
    own_timestamp,
    Instant,
    chrono::NaiveDateTime,
    [],
    (
        INSTANT_NULL,
        match DIALECT {
            diesel_soft_delete::Dialect::Mysql => "DATETIME(6) NOT NULL DEFAULT '2020-01-01 00:00:00'",
            _ => "TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00'",
        }
    ),
    naive(),
    MICRO
);
times!(seconds, diesel::sql_types::BigInt, i64, [, unit = seconds], EPOCH, instant().timestamp(), TimeDelta::seconds(1));
times!(millis, diesel::sql_types::BigInt, i64, [, unit = millis], EPOCH, instant().timestamp_millis(), TimeDelta::milliseconds(1));
times!(micros, diesel::sql_types::BigInt, i64, [, unit = micros], EPOCH, instant().timestamp_micros(), MICRO);
times!(integer_seconds, diesel::sql_types::Integer, i32, [, unit = seconds],
    ("INTEGER", "INTEGER NOT NULL DEFAULT 0"), instant().timestamp() as i32, TimeDelta::seconds(1));

/// An `Integer` of seconds ends in 2038. A later time must not wrap around.
#[test]
fn a_time_that_does_not_fit_the_column_is_refused() {
    diesel::table! {
        things {
            id -> Integer,
            deleted -> Nullable<Integer>,
        }
    }
    diesel_soft_delete::soft_deletable! { things { timestamp = deleted, unit = seconds } }
    let conn = &mut *connection();
    conn.batch_execute(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, deleted INTEGER); INSERT INTO things (id) VALUES (1);",
    )
    .unwrap();
    let late = instant() + TimeDelta::days(365 * 20);
    let error = things::table.soft_delete().at_utc(late).run(conn).unwrap_err();
    assert!(matches!(error, diesel_soft_delete::Error::InstantOutOfRange { .. }), "{error}");
    let error = things::table.purge_deleted_before(late).run(conn).unwrap_err();
    assert!(matches!(error, diesel_soft_delete::Error::InstantOutOfRange { .. }), "{error}");
    assert_eq!(things::table.active().count().get_result::<i64>(conn), Ok(1));
}

/// The clock of the database, with a `touch` column of another type than the timestamp.
mod clocks {
    use super::*;
    use diesel_soft_delete::db_now;

    /// A stored time in microseconds.
    trait InMicros {
        fn in_micros(self, factor: i64) -> i64;
    }
    impl InMicros for chrono::NaiveDateTime {
        fn in_micros(self, _: i64) -> i64 {
            self.and_utc().timestamp_micros()
        }
    }
    impl InMicros for DateTime<Utc> {
        fn in_micros(self, _: i64) -> i64 {
            self.timestamp_micros()
        }
    }
    impl InMicros for i64 {
        fn in_micros(self, factor: i64) -> i64 {
            self * factor
        }
    }
    impl InMicros for i32 {
        fn in_micros(self, factor: i64) -> i64 {
            i64::from(self) * factor
        }
    }

    /// `factor` is the unit of integers in microseconds.
    macro_rules! clocks {
        ($name:ident, $stamp:ty => $stamp_rust:ty, $touch:ty => $touch_rust:ty, $ddl:expr, [$($unit:tt)*], $factor:expr, $clock:expr, $touch_clock:expr) => {
            mod $name {
                use super::*;
                type Stamp = $stamp;
                type Touch = $touch;
                diesel::table! {
                    use super::Touch;
                    use super::Stamp;
                    use diesel::sql_types::{Bool, Integer, Nullable};
                    things { id -> Integer, state -> Bool, deleted -> Nullable<Stamp>, touched -> Touch }
                }
                diesel_soft_delete::soft_deletable! { things { flag = state, timestamp = deleted, touch = touched $($unit)* } }
                #[test]
                fn the_clock_is_written_in_the_form_of_each_column() {
                    let conn = &mut *connection();
                    let (stamp, touch): (&str, &str) = $ddl;
                    conn.batch_execute(&format!(
                        "CREATE TABLE things (id INTEGER PRIMARY KEY, state BOOLEAN NOT NULL DEFAULT FALSE, deleted {stamp}, touched {touch});
                         INSERT INTO things (id) VALUES (1)"
                    ))
                    .unwrap();
                    let before = Utc::now().timestamp_micros();
                    assert_eq!(things::table.find(1).soft_delete().at($clock).run(conn).unwrap(), 1);
                    let columns = (things::deleted, things::touched);
                    let (deleted, touched): (Option<$stamp_rust>, $touch_rust) = things::table.find(1).select(columns).first(conn).unwrap();
                    let (deleted, touched) = (deleted.unwrap().in_micros($factor), touched.in_micros($factor));
                    // Each time is cut off to its unit. SQLite's clock has milliseconds.
                    assert_eq!(deleted / 1_000_000, touched / 1_000_000);
                    assert!((deleted - touched).abs() < $factor, "{deleted} {touched}");
                    assert!((deleted - before).abs() < 60_000_000, "{deleted} {before}");
                    assert_eq!(things::table.find(1).restore().at($touch_clock).run(conn).unwrap(), 1);
                }
            }
        };
    }

    #[allow(dead_code, reason = "each backend has its own")]
    const INSTANT: &str = match DIALECT {
        diesel_soft_delete::Dialect::Mysql => "DATETIME(6) NOT NULL DEFAULT '2020-01-01 00:00:00'",
        _ => "TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00'",
    };
    use chrono::NaiveDateTime;
    use diesel::sql_types::{BigInt, Integer, Timestamp};

    clocks!(millis_and_a_timestamp, BigInt => i64, Instant => NaiveDateTime, ("BIGINT", INSTANT), [, unit = millis], 1000, db_now().millis(), db_now());
    clocks!(micros_and_a_timestamp, BigInt => i64, Timestamp => NaiveDateTime, ("BIGINT", INSTANT), [, unit = micros], 1, db_now().micros(), db_now());
    clocks!(seconds_and_a_timestamp, Integer => i32, Instant => NaiveDateTime, ("INTEGER", INSTANT), [, unit = seconds], 1_000_000, db_now().seconds(), db_now());
    clocks!(a_timestamp_and_millis, Instant => NaiveDateTime, BigInt => i64, (INSTANT_NULL, EPOCH.1), [, unit = millis], 1000, db_now(), db_now().millis());
    clocks!(a_timestamp_and_micros, Timestamp => NaiveDateTime, BigInt => i64, (INSTANT_NULL, EPOCH.1), [, unit = micros], 1, db_now(), db_now().micros());
    clocks!(a_timestamp_and_seconds, Instant => NaiveDateTime, Integer => i32, (INSTANT_NULL, "INTEGER NOT NULL DEFAULT 0"), [, unit = seconds], 1_000_000, db_now(), db_now().seconds());
    clocks!(millis_and_millis, BigInt => i64, BigInt => i64, EPOCH, [, unit = millis], 1000, db_now().millis(), db_now().millis());
    clocks!(short_and_long_seconds, Integer => i32, BigInt => i64, ("INTEGER", EPOCH.1), [, unit = seconds], 1_000_000, db_now().seconds(), db_now().seconds());
    clocks!(long_and_short_seconds, BigInt => i64, Integer => i32, ("BIGINT", "INTEGER NOT NULL DEFAULT 0"), [, unit = seconds], 1_000_000, db_now().seconds(), db_now().seconds());
    clocks!(two_timestamps, Instant => NaiveDateTime, Timestamp => NaiveDateTime, (INSTANT_NULL, INSTANT), [], 1, db_now(), db_now());
}
