//! How the dialect of a connection is found.

use diesel::result::{Error, QueryResult};

use super::ask::Question;
use super::executor::Executor;
use crate::dialect::{Dialect, SoftDeleteBackend};

/// The dialect of a connection.
///
/// The type of Diesel's own backends determines it. A `MultiConnection` knows it only while SQL is written, so it
/// executes a statement whose text names the dialect.
pub(crate) async fn dialect<X: Executor>(x: &mut X) -> QueryResult<Dialect> {
    if let Some(dialect) = X::Backend::DIALECT {
        return Ok(dialect);
    }
    let rows = x.query_text(Question::dialect()).await?;
    rows.first().and_then(|row| row.dialect()).ok_or(Error::NotFound)
}
