// The verbs run on pooled connections and inside transactions.

use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_soft_delete::Outcome;
use diesel_soft_delete::prelude::*;

use super::backend::{Conn, DIALECT, shared};
use super::schema::*;

#[test]
fn every_verb_runs_on_a_connection_of_an_r2d2_pool() {
    let (mut owner, url) = shared();
    fill(&mut owner);
    let pool = Pool::builder().max_size(2).build(ConnectionManager::<Conn>::new(url)).unwrap();
    let conn = &mut pool.get().unwrap();
    assert_eq!(posts::table.find(1).soft_delete().execute(conn), Ok(1));
    assert_eq!(posts::table.find(1).restore().run(conn).unwrap(), 1);
    assert_eq!(posts::table.find(1).soft_delete().outcome(conn).unwrap(), Outcome::Changed);
    assert_eq!(posts::table.active().count().get_result::<i64>(conn), Ok(2));
    assert_eq!(posts::table.find(99).purge_older_than(chrono::TimeDelta::days(1)).run(conn).unwrap(), 0);
    let other = &mut pool.get().unwrap();
    assert_eq!(posts::table.active().count().get_result::<i64>(other), Ok(2));
}

/// Only the thread that changes a row counts it.
#[test]
fn each_row_is_changed_by_one_of_several_threads() {
    let (mut owner, url) = shared();
    fill(&mut owner);
    // SQLite's shared memory refuses a second writer instead of letting it wait.
    let connections = if DIALECT == diesel_soft_delete::Dialect::Sqlite { 1 } else { 4 };
    let pool = Pool::builder().max_size(connections).build(ConnectionManager::<Conn>::new(url)).unwrap();
    let changed = |work: fn(&mut Conn) -> usize| -> usize {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| work(&mut pool.get().unwrap()))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        })
    };
    // One, Three and Four are active. The soft delete leaves all five deleted.
    assert_eq!(changed(|conn| posts::table.soft_delete().run(conn).unwrap()), 3);
    assert_eq!(
        changed(|conn| usize::from(posts::table.find(1).restore().outcome(conn).unwrap() == Outcome::Changed)),
        1
    );
    assert_eq!(
        changed(|conn| {
            conn.transaction(|conn| posts::table.find(1).soft_delete().only_if(posts::version.eq(1)).run(conn)).unwrap()
        }),
        1
    );
    assert_eq!(posts::table.active().count().get_result::<i64>(&mut pool.get().unwrap()), Ok(0));
}

#[test]
fn a_rollback_undoes_soft_deletes() {
    let conn = &mut *blog();
    let result = conn.transaction(|conn| {
        posts::table.soft_delete().execute(conn)?;
        users::table.find(1).soft_delete().run(conn).unwrap();
        assert_eq!(posts::table.active().count().get_result::<i64>(conn), Ok(0));
        QueryResult::<()>::Err(diesel::result::Error::RollbackTransaction)
    });
    assert!(result.is_err());
    assert_eq!(posts::table.active().count().get_result::<i64>(conn), Ok(3));
    assert_eq!(users::table.active().count().get_result::<i64>(conn), Ok(3));
}
