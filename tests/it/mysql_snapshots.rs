//! MySQL and MariaDB: an UPDATE reads the latest rows, a SELECT the transaction's snapshot.

use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Outcome};

use crate::mysql::schema::*;

#[test]
fn outcome_looks_past_an_old_snapshot() {
    let (mut owner, url) = crate::support::mysql::shared();
    fill(&mut owner);
    let other = &mut *owner;
    let mut conn = MysqlConnection::establish(&url).unwrap();
    conn.transaction(|conn| {
        // The snapshot of this transaction is made here.
        assert_eq!(posts::table.active().count().get_result::<i64>(conn)?, 3);
        assert_eq!(posts::table.find(1).soft_delete().execute(other)?, 1);
        diesel::update(posts::table.find(3)).set(posts::version.eq(2)).execute(other)?;
        diesel::delete(comments::table).execute(other)?;
        diesel::delete(tags::table).execute(other)?;
        diesel::delete(posts::table.find(4)).execute(other)?;
        // The snapshot still has all three as they were.
        assert_eq!(posts::table.active().count().get_result::<i64>(conn)?, 3);
        assert_eq!(posts::table.find(1).soft_delete().outcome(conn)?, Outcome::AlreadyInState);
        let versioned = posts::table.find(3).soft_delete().only_if(posts::version.eq(1));
        assert_eq!(versioned.outcome(conn)?, Outcome::Refused);
        assert_eq!(posts::table.find(4).soft_delete().outcome(conn)?, Outcome::NotFound);
        Ok::<_, Error>(())
    })
    .unwrap();
}
