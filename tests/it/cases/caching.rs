// A statement that differs in its values only is prepared once.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

use super::backend::Conn;
use super::schema::*;

/// The statements that the connection puts into its cache while `work` runs.
fn cached(conn: &mut Conn, work: impl Fn(&mut Conn, i32)) -> Vec<String> {
    let cached = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&cached);
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::CacheQuery { sql, .. } = event {
            seen.lock().expect("no panic").push(sql.to_owned());
        }
    });
    for id in 0..100 {
        work(conn, id);
    }
    let cached = cached.lock().expect("no panic");
    cached.clone()
}

#[test]
fn statements_that_differ_in_values_only_are_cached_once() {
    let conn = &mut *blog();
    let once = |cached: Vec<String>| assert_eq!(cached.len(), 1, "{cached:#?}");
    once(cached(conn, |conn, id| {
        posts::table.find(id).soft_delete().execute(conn).unwrap();
    }));
    once(cached(conn, |conn, id| {
        posts::table.find(id).restore().run(conn).unwrap();
    }));
    once(cached(conn, |conn, id| {
        posts::table.find(id).soft_delete().set(posts::reason.eq("x")).execute(conn).unwrap();
    }));
    once(cached(conn, |conn, id| {
        posts::table.find(id).purge_older_than(TimeDelta::days(9999)).execute(conn).unwrap();
    }));
    once(cached(conn, |conn, id| {
        users::table
            .left_join_active(posts::table)
            .active()
            .filter(users::id.eq(id))
            .count()
            .get_result::<i64>(conn)
            .unwrap();
    }));
    once(cached(conn, |conn, id| {
        posts::table.filter(posts::id.eq(id)).deleted().count().get_result::<i64>(conn).unwrap();
    }));
    // Two statements are sent: the UPDATE, and the SELECT that explains a 0. MySQL's SELECT locks and is not cached.
    let outcome = cached(conn, |conn, id| {
        comments::table.find(id).soft_delete().only_if(comments::post_id.ne(id)).outcome(conn).unwrap();
    });
    let kept = if super::backend::DIALECT == diesel_soft_delete::Dialect::Mysql { 1 } else { 2 };
    assert_eq!(outcome.len(), kept, "{outcome:#?}");
}
