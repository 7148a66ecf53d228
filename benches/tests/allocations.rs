//! Tests that a statement takes no more allocations than the same statement written by hand.

use diesel::connection::SimpleConnection;
use soft_delete_benches::allocations::{Counting, count};
use soft_delete_benches::{Pair, Private, Side};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts three parts: building the statement, building it and writing the SQL, and executing it from the cache.
fn counts<C>(side: &Side<C>, pair: &Pair<C>, conn: &mut C) -> [u64; 3] {
    let ids = 1..=10;
    (pair.prepare)(conn, 1, 11);
    // The first call prepares the statement, so it is not counted.
    assert_eq!((side.call)(conn, 11), pair.rows, "{}", pair.name);
    [
        count(|| ids.clone().for_each(side.build)),
        count(|| ids.clone().for_each(|id| drop((side.sql)(id)))),
        count(|| ids.clone().for_each(|id| assert_eq!((side.call)(conn, id), pair.rows, "{}", pair.name))),
    ]
}

fn no_more_than_by_hand<C: SimpleConnection>(
    backend: &str,
    filled: fn() -> Private<C>,
    pairs: impl IntoIterator<Item = Pair<C>>,
) {
    for pair in pairs {
        let mut database = filled();
        let ours = counts(&pair.ours, &pair, &mut database.conn);
        let by_hand = counts(&pair.by_hand, &pair, &mut database.conn);
        println!("{backend}, {}, ten times: {ours:?}, by hand {by_hand:?}", pair.name);
        for (what, (ours, by_hand)) in ["built", "written", "executed"].into_iter().zip(ours.into_iter().zip(by_hand)) {
            assert!(
                ours <= by_hand,
                "{backend}, {}, {what} ten times: {ours} allocations, {by_hand} by hand",
                pair.name
            );
        }
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(count(|| drop(std::hint::black_box(vec![1]))), 1);
}

#[test]
fn statements_on_sqlite_allocate_no_more_than_by_hand() {
    use soft_delete_benches::sqlite::{NAME, filled, pairs};
    no_more_than_by_hand(NAME, filled, pairs());
}

#[cfg(feature = "postgres")]
#[test]
fn statements_on_postgres_allocate_no_more_than_by_hand() {
    use soft_delete_benches::postgres::{NAME, filled, pairs};
    no_more_than_by_hand(NAME, filled, pairs());
}

#[cfg(feature = "mysql")]
#[test]
fn statements_on_mysql_allocate_no_more_than_by_hand() {
    use soft_delete_benches::mysql::{NAME, filled, pairs};
    no_more_than_by_hand(NAME, filled, pairs());
}
