//! Runs both sides of a shape and compares the rows.

use std::collections::BTreeMap;

use diesel::backend::Backend;
use diesel::connection::{DefaultLoadingMode, LoadConnection, SimpleConnection};
use diesel::deserialize::FromSql;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::row::Field;
use diesel::sql_types::Text;
use diesel::sqlite::{Sqlite, SqliteConnection, SqliteValue};

/// A row as the server sent it. Both sides ask for the same columns, so the bytes must be the same.
type Row = Vec<Option<Vec<u8>>>;
type Rows = Result<Vec<Row>, String>;

pub enum Conn {
    Sqlite(SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(diesel::pg::PgConnection),
    #[cfg(feature = "mysql")]
    Mysql(diesel::mysql::MysqlConnection),
}

impl Conn {
    pub fn batch(&mut self, sql: &str) {
        match self {
            Self::Sqlite(conn) => conn.batch_execute(sql),
            #[cfg(feature = "postgres")]
            Self::Postgres(conn) => conn.batch_execute(sql),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => conn.batch_execute(sql),
        }
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// Whether the server is MySQL and not MariaDB.
    pub fn is_mysql_itself(&mut self) -> bool {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => {
                use diesel::prelude::*;
                let version = diesel::select(diesel::dsl::sql::<Text>("VERSION()")).get_result::<String>(conn);
                !version.expect("a server has a version").contains("MariaDB")
            }
            _ => false,
        }
    }
}

/// A query that SQLite can run. Diesel prepares it once with its static id, so two queries that share an id would fail.
pub trait OnSqlite {
    fn load_rows(self, conn: &mut SqliteConnection) -> Rows;
}

impl<Q> OnSqlite for Q
where
    Q: AsQuery<Query: QueryFragment<Sqlite> + QueryId>,
    Sqlite: QueryMetadata<Q::SqlType>,
{
    fn load_rows(self, conn: &mut SqliteConnection) -> Rows {
        let rows = LoadConnection::<DefaultLoadingMode>::load(conn, self.as_query());
        // SQLite converts any value to text.
        read(rows.map_err(|error| error.to_string())?, |value: SqliteValue| {
            <String as FromSql<Text, Sqlite>>::from_sql(value).expect("text").into_bytes()
        })
    }
}

/// Reads the fields of all rows.
fn read<'conn, DB: Backend, R: diesel::row::Row<'conn, DB>>(
    rows: impl Iterator<Item = QueryResult<R>>,
    bytes: impl Fn(DB::RawValue<'_>) -> Vec<u8>,
) -> Rows {
    rows.map(|row| {
        let row = row.map_err(|error| error.to_string())?;
        Ok((0..row.field_count()).map(|index| row.get(index).expect("a field").value().map(&bytes)).collect())
    })
    .collect()
}

/// A query without its type, so that the code that loads it is compiled once for each server and not for each shape. It
/// does not have a static id, so Diesel caches these statements by their text.
#[cfg(any(feature = "postgres", feature = "mysql"))]
struct Erased<'a, DB: Backend>(&'a dyn QueryFragment<DB>);

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl<DB: Backend> QueryFragment<DB> for Erased<'_, DB> {
    fn walk_ast<'b>(&'b self, out: diesel::query_builder::AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl<DB: Backend> QueryId for Erased<'_, DB> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl<DB: Backend> diesel::query_builder::Query for Erased<'_, DB> {
    type SqlType = Columns;
}

/// The columns of the erased query. MySQL's client must know their types, which only a static function can give.
#[cfg(any(feature = "postgres", feature = "mysql"))]
struct Columns;

#[cfg(feature = "postgres")]
impl QueryMetadata<Columns> for diesel::pg::Pg {
    fn row_metadata(_: &mut Self::MetadataLookup, _: &mut Vec<Option<Self::TypeMetadata>>) {}
}

#[cfg(feature = "mysql")]
thread_local! {
    static COLUMNS: std::cell::RefCell<Vec<Option<diesel::mysql::MysqlType>>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[cfg(feature = "mysql")]
impl QueryMetadata<Columns> for diesel::mysql::Mysql {
    fn row_metadata(_: &mut Self::MetadataLookup, out: &mut Vec<Option<Self::TypeMetadata>>) {
        COLUMNS.with_borrow(|columns| out.extend(columns));
    }
}

/// A query that PostgreSQL can run.
pub trait OnPostgres {
    #[cfg(feature = "postgres")]
    fn load_rows(self, conn: &mut diesel::pg::PgConnection) -> Rows;
}

#[cfg(feature = "postgres")]
impl<Q: AsQuery<Query: QueryFragment<diesel::pg::Pg>>> OnPostgres for Q {
    fn load_rows(self, conn: &mut diesel::pg::PgConnection) -> Rows {
        fn load(conn: &mut diesel::pg::PgConnection, query: Erased<'_, diesel::pg::Pg>) -> Rows {
            let rows = LoadConnection::<DefaultLoadingMode>::load(conn, query);
            read(rows.map_err(|error| error.to_string())?, |value: diesel::pg::PgValue| value.as_bytes().to_vec())
        }
        load(conn, Erased(&self.as_query()))
    }
}

/// A query that MySQL and MariaDB can run.
pub trait OnMysql {
    #[cfg(feature = "mysql")]
    fn load_rows(self, conn: &mut diesel::mysql::MysqlConnection) -> Rows;
}

#[cfg(feature = "mysql")]
impl<Q> OnMysql for Q
where
    Q: AsQuery<Query: QueryFragment<diesel::mysql::Mysql>>,
    diesel::mysql::Mysql: QueryMetadata<Q::SqlType>,
{
    fn load_rows(self, conn: &mut diesel::mysql::MysqlConnection) -> Rows {
        fn load(conn: &mut diesel::mysql::MysqlConnection, query: Erased<'_, diesel::mysql::Mysql>) -> Rows {
            let rows = LoadConnection::<DefaultLoadingMode>::load(conn, query);
            read(rows.map_err(|error| error.to_string())?, |value: diesel::mysql::MysqlValue| value.as_bytes().to_vec())
        }
        COLUMNS.with_borrow_mut(|columns| {
            columns.clear();
            <diesel::mysql::Mysql as QueryMetadata<Q::SqlType>>::row_metadata(&mut (), columns);
        });
        load(conn, Erased(&self.as_query()))
    }
}

#[cfg(not(feature = "postgres"))]
impl<Q> OnPostgres for Q {}
#[cfg(not(feature = "mysql"))]
impl<Q> OnMysql for Q {}

/// The record of a shape over all cases.
#[derive(Debug, Default, Clone, Copy)]
pub struct Record {
    pub cases: u32,
    /// The number of cases with rows.
    pub rows: u32,
    /// The number of cases in which the query without any filter gives other rows.
    pub told: u32,
}

/// One round of all shapes over one set of data, and the record of all rounds.
pub struct Proof {
    pub conn: Conn,
    /// A connection whose reduced tables contain every row.
    pub blind: Option<Conn>,
    /// The failed shape, which alone runs while its data is made smaller.
    pub only: Option<&'static str>,
    pub failures: Vec<(&'static str, String)>,
    pub records: BTreeMap<&'static str, Record>,
}

impl Proof {
    pub fn new(conn: Conn, blind: Option<Conn>) -> Self {
        Self { conn, blind, only: None, failures: Vec::new(), records: BTreeMap::new() }
    }

    fn check(&mut self, shape: &'static str, ordered: bool, ours: Rows, plain: Rows, blind: Option<Rows>) {
        let in_order = |rows: Rows| {
            rows.map(|mut rows| {
                if !ordered {
                    rows.sort();
                }
                rows
            })
        };
        let (ours, plain) = (in_order(ours), in_order(plain));
        let record = self.records.entry(shape).or_default();
        record.cases += 1;
        record.rows += u32::from(plain.as_ref().is_ok_and(|rows| !rows.is_empty()));
        record.told += u32::from(blind.is_some_and(|rows| in_order(rows) != plain));
        if ours != plain || ours.is_err() {
            self.failures.push((shape, format!("{shape}\n  gives {}\n  not   {}", show(&ours), show(&plain))));
        }
    }
}

fn show(rows: &Rows) -> String {
    let value = |value: &Option<Vec<u8>>| {
        value.as_ref().map_or_else(|| String::from("NULL"), |bytes| bytes.escape_ascii().to_string())
    };
    match rows {
        Ok(rows) => rows
            .iter()
            .map(|row| format!("({})", row.iter().map(value).collect::<Vec<_>>().join(", ")))
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => error.clone(),
    }
}

macro_rules! compare {
    ($compare:ident, $($on:ident)*; $($(#[$attr:meta])* $variant:ident $trait:ident),*) => {
        impl Proof {
            /// Compares both sides of a shape on the backends that can run it.
            pub fn $compare<O, P>(
                &mut self,
                shape: &'static str,
                ordered: bool,
                ours: impl FnOnce() -> O,
                plain: impl Fn() -> P,
            ) where
                O: $($on +)*,
                P: $($on +)*,
            {
                if self.only.is_some_and(|only| only != shape) {
                    return;
                }
                let (ours, plain, blind) = match (&mut self.conn, &mut self.blind) {
                    $(
                        $(#[$attr])*
                        (Conn::$variant(conn), blind) => (
                            $trait::load_rows(ours(), conn),
                            $trait::load_rows(plain(), conn),
                            match blind {
                                Some(Conn::$variant(blind)) => Some($trait::load_rows(plain(), blind)),
                                _ => None,
                            },
                        ),
                    )*
                    #[allow(unreachable_patterns, reason = "some shapes cannot run everywhere")]
                    _ => return,
                };
                self.check(shape, ordered, ours, plain, blind);
            }
        }
    };
}

compare!(everywhere, OnSqlite OnPostgres OnMysql;
    Sqlite OnSqlite, #[cfg(feature = "postgres")] Postgres OnPostgres, #[cfg(feature = "mysql")] Mysql OnMysql);
compare!(not_on_mysql, OnSqlite OnPostgres; Sqlite OnSqlite, #[cfg(feature = "postgres")] Postgres OnPostgres);
compare!(on_sqlite, OnSqlite; Sqlite OnSqlite);
#[cfg(feature = "postgres")]
compare!(on_postgres, OnPostgres; Postgres OnPostgres);
#[cfg(feature = "mysql")]
compare!(on_mysql, OnMysql; Mysql OnMysql);
