// Where the crate is used: pools, transactions, other connections.

use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_soft_delete::Outcome;
use diesel_soft_delete::prelude::*;

use super::backend::{Conn, shared};
use super::schema::*;

#[test]
fn an_r2d2_pool() {
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

#[test]
fn a_transaction_that_is_rolled_back() {
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
