//! A query of any shape neither shows a row that it should hide, nor hides a row that it should show.
//!
//! A shape is one text that is compiled twice, see `sides`. One side has the library's calls over full tables. The other
//! has only Diesel over reduced tables, which contain only the rows that should be seen. With random data, both must give
//! the same rows. In the text, `live_posts` means the active posts, `dead_posts` the deleted ones, and `posts` all.
//!
//! On SQLite every shape also runs over tables that are not reduced. It must give other rows there at least once, so each
//! shape would notice if its filters were gone.

mod compare;
mod data;
mod schema;
mod sides;

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestCaseError, TestRunner};

use compare::{Conn, Proof};

/// Both sides of one text.
macro_rules! shape {
    ($compare:ident, $proof:ident, $ordered:literal, { $($prelude:tt)* } { $($query:tt)* }) => {
        $proof.$compare(
            stringify!($($query)*),
            $ordered,
            || {
                #[allow(unused_imports, reason = "one list serves all shapes")]
                use $crate::shapes::sides::ours::*;
                $($prelude)*
                $($query)*
            },
            || {
                #[allow(unused_imports, reason = "one list serves all shapes")]
                use $crate::shapes::sides::plain::*;
                $($prelude)*
                $($query)*
            },
        )
    };
}

/// A shape whose rows come in any order.
macro_rules! rows {
    ($proof:ident, $($query:tt)*) => { shape!(everywhere, $proof, false, {} { $($query)* }) };
}

/// A shape whose rows have one order.
macro_rules! ordered {
    ($proof:ident, $($query:tt)*) => { shape!(everywhere, $proof, true, {} { $($query)* }) };
}

/// Every way to use `active()` on one source, which is a table or a join.
///
/// `by` are the keys of all its tables, so that an order by them is total. `filter` is any filter.
macro_rules! source {
    (
        $proof:ident,
        $({ $($prelude:tt)* })?
        from ($($from:tt)*)
        by ($first:expr $(, $more:expr)*)
        filter ($($filter:tt)*)
    ) => {
        source!(@rows $proof, { $($($prelude)*)? } {
            ($($from)*).active().filter($($filter)*).select(($first, $($more),*))
        });
        source!(@ordered $proof, { $($($prelude)*)? } {
            active(($($from)*).select(($first, $($more),*)).order(($first, $($more),*)).limit(4).offset(1))
        });
        source!(@rows $proof, { $($($prelude)*)? } {
            ($($from)*).filter($first.eq(2)).or_filter($($filter)*)
                .group_by($first).select(($first, diesel::dsl::count_star())).active()
        });
    };
    (@rows $proof:ident, $($shape:tt)*) => { shape!(everywhere, $proof, false, $($shape)*) };
    (@ordered $proof:ident, $($shape:tt)*) => { shape!(everywhere, $proof, true, $($shape)*) };
}

mod aliases;
mod boxed;
mod clauses;
mod inner_joins;
mod left_joins;
mod predicates;
mod subqueries;

/// All shapes, by subject.
const SHAPES: [fn(&mut Proof); 7] = [
    inner_joins::shapes,
    left_joins::shapes,
    aliases::shapes,
    predicates::shapes,
    subqueries::shapes,
    clauses::shapes,
    boxed::shapes,
];

/// Runs all shapes over random data.
fn prove(conn: Conn, blind: Option<Conn>, cases: u32) {
    let checks_itself = blind.is_some();
    let mut proof = Proof::new(conn, blind);
    // The environment overrides these settings.
    let given = Config::default();
    let set = |variable: &str| std::env::var_os(variable).is_some();
    let config = Config {
        cases: if set("PROPTEST_CASES") { given.cases } else { cases },
        rng_seed: if set("PROPTEST_RNG_SEED") { given.rng_seed } else { RngSeed::Fixed(0) },
        failure_persistence: None::<Box<FileFailurePersistence>>.map(|never| never as _),
        max_shrink_iters: 1000,
        ..given
    };
    let state = std::cell::RefCell::new(&mut proof);
    let first = std::cell::RefCell::new(Vec::new());
    let result = TestRunner::new(config).run(&data::data(), |data| {
        let proof = &mut **state.borrow_mut();
        proof.conn.batch(&data.sql(false));
        if let Some(blind) = &mut proof.blind {
            blind.batch(&data.sql(true));
        }
        for shapes in SHAPES {
            shapes(proof);
        }
        let failures = std::mem::take(&mut proof.failures);
        let Some((shape, text)) = failures.first() else { return Ok(()) };
        if proof.only.is_none() {
            proof.only = Some(shape);
            first.borrow_mut().extend(failures.iter().map(|(shape, _)| *shape));
        }
        Err(TestCaseError::fail(text.clone()))
    });
    if let Err(error) = result {
        let first = first.take();
        panic!(
            "{error}\n{} shapes fail in this case or before it was made smaller:\n{}",
            first.len(),
            first.join("\n")
        );
    }

    let names = |keep: &dyn Fn(&compare::Record) -> bool| {
        proof.records.iter().filter(|(_, record)| keep(record)).map(|(shape, _)| *shape).collect::<Vec<_>>()
    };
    println!("{} shapes", proof.records.len());
    if checks_itself {
        let empty = names(&|record| record.rows == 0);
        assert!(empty.is_empty(), "these never gave a row, and prove nothing:\n{}", empty.join("\n"));
        let deaf = names(&|record| record.told == 0);
        assert!(deaf.is_empty(), "these would not notice if their filters were gone:\n{}", deaf.join("\n"));
    }
}

#[test]
fn every_shape_gives_the_rows_of_reduced_tables_on_sqlite() {
    use diesel::Connection;
    let open = || {
        let mut conn = Conn::Sqlite(diesel::SqliteConnection::establish(":memory:").expect("SQLite is built in"));
        conn.batch(&data::ddl("TIMESTAMP"));
        conn
    };
    prove(open(), Some(open()), 200);
}

#[cfg(feature = "postgres")]
#[test]
fn every_shape_gives_the_rows_of_reduced_tables_on_postgres() {
    use diesel::Connection;
    let url = std::env::var("PG_DATABASE_URL").expect("PG_DATABASE_URL names a server");
    let mut conn = Conn::Postgres(diesel::PgConnection::establish(&url).expect("the server answers"));
    // PostgreSQL drops the schema of temporary tables with the connection.
    conn.batch("SET search_path TO pg_temp");
    conn.batch(&data::ddl("TIMESTAMP"));
    prove(conn, None, 60);
}

#[cfg(feature = "mysql")]
#[test]
fn every_shape_gives_the_rows_of_reduced_tables_on_mysql() {
    use diesel::Connection;
    let url = std::env::var("MYSQL_DATABASE_URL").expect("MYSQL_DATABASE_URL names a server");
    let mut conn = Conn::Mysql(diesel::MysqlConnection::establish(&url).expect("the server answers"));
    let name = format!("dsd_shapes_{}", std::process::id());
    conn.batch(&format!("CREATE DATABASE {name}; USE {name};"));
    let _dropped_at_the_end = Database(&url, &name);
    conn.batch(&data::ddl("DATETIME(6) NULL"));
    prove(conn, None, 60);
}

#[cfg(feature = "mysql")]
struct Database<'a>(&'a str, &'a str);

#[cfg(feature = "mysql")]
impl Drop for Database<'_> {
    fn drop(&mut self) {
        use diesel::{Connection, connection::SimpleConnection};
        // The connection of the test was moved into the test, so this needs another one.
        let mut conn = diesel::MysqlConnection::establish(self.0).expect("the server answers");
        conn.batch_execute(&format!("DROP DATABASE {}", self.1)).expect("the test's own database can be dropped");
    }
}
