//! Purge jobs that are raced, killed and obstructed.
//!
//! ```text
//! spelling.rs       what the backends spell differently, such as triggers, locks and the end of a session
//! tables.rs         the tables, how they are filled, and what is asserted at the end
//! restorers.rs      others restore rows that the job is about to remove
//! kills.rs          `kill -9` at random times
//! faults.rs         rows that are blocked by children, triggers and constraints
//! kept.rs           rows that triggers silently keep
//! locks.rs          rows that others lock, and lost connections
//! tables_locked.rs  tables that others lock
//! sqlite.rs         the other writers of SQLite, and its costs
//! runners.rs        two jobs at once, and a killed one
//! reach.rs          foreign keys that a job refuses to follow
//! costs.rs          how much a job reads for a row
//! memory.rs         how much memory a job needs
//! ```
//!
//! Each case is written once, and included for every backend that can have it.

mod spelling;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta, Utc};

diesel::table! {
    posts {
        id -> Integer,
        body -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}
diesel_soft_delete::soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at } }

// The columns of an archive may have another order.
diesel::table! {
    posts_archive {
        deleted_at -> Nullable<Timestamp>,
        body -> Text,
        is_deleted -> Bool,
        id -> Integer,
    }
}

// A trigger records removed rows here.
diesel::table! {
    removed (number) {
        number -> Integer,
        post_id -> Integer,
        was_deleted -> Bool,
    }
}

// The tables of the costs.
diesel::table! { singles (a) { a -> Integer, b -> Integer, deleted_at -> Nullable<Timestamp> } }
diesel::table! { pairs (a, b) { a -> Integer, b -> Integer, deleted_at -> Nullable<Timestamp> } }
diesel_soft_delete::soft_deletable! {
    singles { timestamp = deleted_at }
    pairs { timestamp = deleted_at }
}

/// The primary key of a table of the costs.
#[derive(Debug, Clone, Copy)]
enum Key {
    Single,
    /// Its first column has three values.
    Pair,
}

impl Key {
    fn table(self) -> &'static str {
        match self {
            Self::Single => "singles",
            Self::Pair => "pairs",
        }
    }

    fn ddl(self, instant: &str) -> String {
        let key = match self {
            Self::Single => "a",
            Self::Pair => "a, b",
        };
        let table = self.table();
        format!(
            "CREATE TABLE {table} (a INTEGER NOT NULL, b INTEGER NOT NULL, deleted_at {instant} NULL, PRIMARY KEY ({key}))"
        )
    }

    /// All rows of `singles` and every second row of `pairs` were deleted at one time.
    fn fill<C: diesel::connection::SimpleConnection>(self, conn: &mut C, rows: i32) {
        let row = |number: i32| match self {
            Self::Single => format!("({number}, 0, '2020-01-01 00:00:00')"),
            Self::Pair if number % 2 == 0 => format!("({}, {number}, '2020-01-01 00:00:00')", number % 3),
            Self::Pair => format!("({}, {number}, NULL)", number % 3),
        };
        let numbers: Vec<i32> = (0..rows).collect();
        for numbers in numbers.chunks(5000) {
            let rows = numbers.iter().map(|number| row(*number)).collect::<Vec<_>>().join(", ");
            conn.batch_execute(&format!("INSERT INTO {} VALUES {rows}", self.table())).expect("rows");
        }
    }

    fn removed(self, rows: i32) -> i64 {
        i64::from(match self {
            Self::Single => rows,
            Self::Pair => rows / 2,
        })
    }
}

/// The id, body, flag and time of a row of `posts` or of its archive.
type Post = (i32, String, bool, Option<NaiveDateTime>);

/// The state of a row at the start. It depends on the id, so that every batch has all kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Active,
    Young,
    Old,
}

fn kind(id: i32) -> Kind {
    match id % 5 {
        0 => Kind::Active,
        1 => Kind::Young,
        _ => Kind::Old,
    }
}

/// How many of the rows `1..=last` are of a kind.
fn count_of(last: i32, what: Kind) -> u64 {
    (1..=last).filter(|id| kind(*id) == what).count() as u64
}

/// A time long before every cutoff.
fn old() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2020, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0)).expect("a date")
}

fn post(id: i32) -> Post {
    let instant = match kind(id) {
        Kind::Active => None,
        Kind::Young => Some(Utc::now().naive_utc() - TimeDelta::days(1)),
        Kind::Old => Some(old() + TimeDelta::seconds(i64::from(id))),
    };
    (id, format!("post {id}"), instant.is_some(), instant)
}

#[derive(Debug, diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

/// The job of the cases removes rows that were deleted at least thirty days ago.
macro_rules! job {
    ($batch_size:expr) => {
        posts::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size($batch_size)
    };
}

macro_rules! on_backend {
    ($(#[$attr:meta])* $backend:ident, with: $($module:ident => $file:literal),*) => {
        $(#[$attr])*
        mod $backend {
            #[allow(unused_imports, reason = "one list serves every case and backend")]
            use {super::spelling::$backend as spelling, crate::support::$backend as backend};

            mod tables {
                include!("tables.rs");
            }
            mod restorers {
                include!("restorers.rs");
            }
            mod kills {
                include!("kills.rs");
            }
            mod faults {
                include!("faults.rs");
            }
            mod runners {
                include!("runners.rs");
            }
            mod reach {
                include!("reach.rs");
            }
            mod memory {
                include!("memory.rs");
            }
            $(
                mod $module {
                    include!($file);
                }
            )*
        }
    };
}

on_backend!(sqlite, with: kept => "kept.rs", only => "sqlite.rs");
on_backend!(
    #[cfg(feature = "postgres")]
    postgres, with: locks => "locks.rs", costs => "costs.rs", kept => "kept.rs", tables_locked => "tables_locked.rs"
);
on_backend!(
    #[cfg(feature = "mysql")]
    mysql, with: locks => "locks.rs", costs => "costs.rs", tables_locked => "tables_locked.rs"
);
