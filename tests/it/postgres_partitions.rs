//! On PostgreSQL, a soft delete in a table that is partitioned by its flag moves the row.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Outcome};

use crate::support::TestConnection;
use crate::support::postgres::shared;

diesel::table! { parcels { id -> Integer, is_deleted -> Bool } }
diesel_soft_delete::soft_deletable! { parcels { flag = is_deleted } }

fn parcels() -> (TestConnection<PgConnection>, String) {
    let (mut owner, url) = shared();
    owner
        .batch_execute(
            "CREATE TABLE parcels (id INTEGER, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, PRIMARY KEY (id, is_deleted))
                 PARTITION BY LIST (is_deleted);
             CREATE TABLE active_parcels PARTITION OF parcels FOR VALUES IN (FALSE);
             CREATE TABLE deleted_parcels PARTITION OF parcels FOR VALUES IN (TRUE);
             INSERT INTO parcels (id) VALUES (1)",
        )
        .unwrap();
    (owner, url)
}

/// Waits until a connection waits for a lock.
fn until_waiting(conn: &mut PgConnection, pid: i32) {
    let start = Instant::now();
    let waits = format!("EXISTS (SELECT FROM pg_locks WHERE pid = {pid} AND NOT granted)");
    while !diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(&waits)).get_result::<bool>(conn).unwrap() {
        assert!(start.elapsed() < Duration::from_secs(20), "nobody waits");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs `second` while another transaction has soft-deleted the row and not yet committed. Returns its result.
fn beside_another<R: Send>(second: impl FnOnce(&mut PgConnection) -> R + Send) -> R {
    let (mut owner, url) = parcels();
    let mut conn = PgConnection::establish(&url).unwrap();
    let pid = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("pg_backend_pid()")).get_result(&mut conn);
    let pid: i32 = pid.unwrap();
    let mut first = PgConnection::establish(&url).unwrap();
    let result = std::thread::scope(|scope| {
        let waiting = first.transaction(|first| {
            assert_eq!(parcels::table.find(1).soft_delete().execute(first), Ok(1));
            let waiting = scope.spawn(move || second(&mut conn));
            until_waiting(&mut owner, pid);
            Ok::<_, diesel::result::Error>(waiting)
        });
        waiting.unwrap().join().unwrap()
    });
    assert_eq!(parcels::table.deleted().count().get_result::<i64>(&mut *owner), Ok(1));
    drop(first);
    result
}

#[test]
fn the_second_of_two_soft_deletes_is_tried_again() {
    let run = |conn: &mut PgConnection| parcels::table.find(1).soft_delete().run(conn);
    assert_eq!(beside_another(run).unwrap(), 0);
    let outcome = |conn: &mut PgConnection| parcels::table.find(1).soft_delete().outcome(conn);
    assert_eq!(beside_another(outcome).unwrap(), Outcome::AlreadyInState);
    let restore = |conn: &mut PgConnection| {
        parcels::table.filter(parcels::id.gt(0)).soft_delete().only_if(parcels::id.lt(9)).outcome(conn)
    };
    assert_eq!(beside_another(restore).unwrap(), Outcome::AlreadyInState);
}

/// The caller must try the whole transaction again. The transaction stays usable after the error.
#[test]
fn inside_a_transaction_the_caller_gets_the_failure() {
    use diesel::result::{DatabaseErrorKind, Error::DatabaseError};
    for as_outcome in [false, true] {
        let error = beside_another(move |conn: &mut PgConnection| {
            conn.transaction(|conn| {
                let delete = parcels::table.find(1).soft_delete();
                let error = if as_outcome { delete.outcome(conn).unwrap_err() } else { delete.run(conn).unwrap_err() };
                assert_eq!(parcels::table.find(1).restore().run(conn)? + parcels::table.soft_delete().run(conn)?, 2);
                Ok::<_, Error>(error)
            })
        });
        let error = error.unwrap();
        assert!(
            matches!(error, Error::Database(DatabaseError(DatabaseErrorKind::SerializationFailure, _))),
            "{error:?}"
        );
    }
}

#[test]
fn an_exclusion_constraint_is_a_conflict_of_a_restore() {
    diesel::table! { bookings { id -> Integer, is_deleted -> Bool } }
    diesel_soft_delete::soft_deletable! { bookings { flag = is_deleted } }
    let conn = &mut *crate::support::postgres::connection();
    conn.batch_execute(
        "CREATE TABLE bookings (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, days int4range NOT NULL,
             CONSTRAINT one_at_a_time EXCLUDE USING gist (days WITH &&) WHERE (is_deleted = FALSE));
         INSERT INTO bookings VALUES (1, TRUE, '[1,5)'), (2, FALSE, '[4,9)'), (3, TRUE, '[9,12)')",
    )
    .unwrap();
    let is_conflict = |error: Error| {
        let Error::RestoreConflict { table, constraint } = &error else { panic!("{error:?}") };
        assert_eq!((&**table, constraint.as_deref()), ("bookings", Some("one_at_a_time")));
    };
    is_conflict(bookings::table.restore().run(conn).unwrap_err());
    conn.transaction(|conn| {
        is_conflict(bookings::table.find(1).restore().outcome(conn).unwrap_err());
        is_conflict(bookings::table.find(1).restore().run(conn).unwrap_err());
        assert_eq!(bookings::table.find(3).restore().outcome(conn)?, Outcome::Changed);
        bookings::table.find(2).soft_delete().run(conn)?;
        assert_eq!(bookings::table.find(1).restore().outcome(conn)?, Outcome::Changed);
        Ok::<_, Error>(())
    })
    .unwrap();
}
