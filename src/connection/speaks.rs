//! The dialect of a connection.

use diesel::result::QueryResult;

use super::ask::Question;
use super::executor::Executor;
use crate::dialect::Dialect;
use crate::diesel_internals::known_dialect;

/// The dialect of a connection.
///
/// That of Diesel's own backends is known by their names. A `MultiConnection` has a backend of its own,
/// and is asked: MySQL and MariaDB execute what stands in `/*! */`, comments nest on PostgreSQL only.
pub(crate) async fn dialect<X: Executor>(x: &mut X) -> QueryResult<Dialect> {
    if let Some(dialect) = known_dialect::<X::Backend>() {
        return Ok(dialect);
    }
    let rows = x.ask(Question::select_as("CHAR(8)", &["0 /*! + 1 */", "1 /* /* */ + 1 -- */\n"])).await?;
    let Some(row) = rows.first() else { return Err(diesel::result::Error::NotFound) };
    Ok(match (row.text(0).trim(), row.text(1).trim()) {
        ("1", _) => Dialect::Mysql,
        (_, "1") => Dialect::Postgres,
        _ => Dialect::Sqlite,
    })
}
