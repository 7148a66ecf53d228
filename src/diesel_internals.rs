//! The one module that names Diesel's hidden API and private types. They are why `diesel = "~2.3"` is pinned: when
//! Diesel moves one of them, this is the file to change.
//!
//! These are all of them:
//!
//! - the types below from `internal::table_macro`
//! - `InternalJoinDsl`, and the items of `JoinTo`
//! - `QueryFragment::is_noop` and `AstPass::backend`
//! - `Connection::TransactionManager`
//! - `load` of a connection, sync and async: `LoadQuery` cannot be a bound for a query that borrows from a local

pub(crate) use diesel::internal::table_macro::{
    BoxedSelectStatement, FromClause, Identifier, Inner, Join, JoinOn, LeftOuter, NoFromClause, SelectStatement,
    StaticQueryFragment,
};
pub(crate) use diesel::query_dsl::InternalJoinDsl;
pub(crate) use diesel::query_source::JoinTo;

use diesel::backend::Backend;
use diesel::connection::{Connection, LoadConnection, TransactionManager, TransactionManagerStatus};
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::{Error, QueryResult};

// Private types are found by the beginnings of their names. If Diesel renames one, the cost is an `AND TRUE`, or the
// error of a column that is set twice.

/// The type of a where clause, up to its predicate.
pub(crate) const WHERE_CLAUSE: &str = "diesel::query_builder::where_clause::WhereClause<";
/// The type of a missing where clause.
pub(crate) const NO_WHERE_CLAUSE: &str = "diesel::query_builder::where_clause::NoWhereClause";
/// Expressions that write parentheses around themselves, or need none.
pub(crate) const PARENTHESIZED: [&str; 3] = [
    "diesel::expression::grouped::Grouped<",
    "diesel::expression::array_comparison::",
    "diesel::expression::exists::Exists<",
];
/// An assignment of an `UPDATE`, up to its column.
pub(crate) const ASSIGNMENT: &str = "ColumnWrapperForUpdate<";

/// Whether a fragment writes nothing, as the where clause of a whole table does.
pub(crate) fn writes_nothing<DB, F>(fragment: &F, out: &AstPass<'_, '_, DB>) -> QueryResult<bool>
where
    DB: Backend,
    F: QueryFragment<DB>,
{
    fragment.is_noop(backend_of(out))
}

/// The backend that a statement is written for.
pub(crate) fn backend_of<'a, DB: Backend>(out: &'a AstPass<'_, '_, DB>) -> &'a DB {
    out.backend()
}

/// Whether the connection is inside a transaction that Diesel knows of.
pub(crate) fn in_transaction<Conn: Connection>(conn: &mut Conn) -> QueryResult<bool> {
    depth(Conn::TransactionManager::transaction_manager_status_mut(conn))
}

/// [`in_transaction`] for a connection of diesel-async.
#[cfg(feature = "async")]
pub(crate) fn in_async_transaction<Conn>(conn: &mut Conn) -> QueryResult<bool>
where
    Conn: diesel_async::AsyncConnection,
{
    use diesel_async::TransactionManager;
    depth(Conn::TransactionManager::transaction_manager_status_mut(conn))
}

/// Loads all rows of a query.
pub(crate) fn load_all<Conn, Q, U>(conn: &mut Conn, query: Q) -> QueryResult<Vec<U>>
where
    Conn: LoadConnection,
    Conn::Backend: QueryMetadata<Q::SqlType>,
    Q: Query + QueryFragment<Conn::Backend> + QueryId,
    U: FromSqlRow<Q::SqlType, Conn::Backend>,
{
    conn.load(query)?.map(|row| U::build_from_row(&row?).map_err(Error::DeserializationError)).collect()
}

/// [`load_all`] for a connection of diesel-async.
#[cfg(feature = "async")]
pub(crate) async fn load_all_async<Conn, Q, U>(conn: &mut Conn, query: Q) -> QueryResult<Vec<U>>
where
    Conn: diesel_async::AsyncConnection,
    Conn::Backend: QueryMetadata<Q::SqlType>,
    Q: Query + QueryFragment<Conn::Backend> + QueryId,
    U: FromSqlRow<Q::SqlType, Conn::Backend>,
{
    use futures_util::TryStreamExt;
    let mut rows = std::pin::pin!(conn.load(query).await?);
    let mut all = Vec::new();
    while let Some(row) = rows.try_next().await? {
        all.push(U::build_from_row(&row).map_err(Error::DeserializationError)?);
    }
    Ok(all)
}

fn depth(status: &TransactionManagerStatus) -> QueryResult<bool> {
    match status {
        TransactionManagerStatus::Valid(valid) => Ok(valid.transaction_depth().is_some()),
        TransactionManagerStatus::InError => Err(Error::BrokenTransactionManager),
    }
}

/// The SQL name of a table.
pub trait NamedTable {
    /// The parts of the name: the schema, if the table has one, and the table.
    fn name_parts() -> Vec<String>;

    /// The name for messages, with its schema if it has one: `posts`, `blog.posts`.
    fn table_name() -> String {
        Self::name_parts().join(".")
    }
}

impl<T> NamedTable for T
where
    T: StaticQueryFragment,
    T::Component: std::fmt::Debug,
{
    fn name_parts() -> Vec<String> {
        // The component of a name with a schema is an `InfixNode` whose fields are private; its `Debug` shows them.
        let debug = format!("{:?}", T::STATIC_COMPONENT);
        debug.split("Identifier(\"").skip(1).map(unescape).collect()
    }
}

/// The content of a string literal that `Debug` wrote, up to its closing quote.
fn unescape(literal: &str) -> String {
    let mut text = String::new();
    let mut letters = literal.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('0') => text.push('\0'),
                Some('u') => {
                    let code: String = letters.by_ref().skip(1).take_while(|letter| *letter != '}').collect();
                    text.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
                }
                Some(itself) => text.push(itself),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}

// `unescape` relies on the `Debug` text of `Identifier`; a change of the type fails to compile here.
const _: fn(&'static str) -> Identifier<'static> = Identifier;
