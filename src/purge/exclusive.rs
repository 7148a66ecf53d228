//! `.exclusive("name")`: at most one runner, by a lock of the database that belongs to the connection.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::connection::{Executor, Question, Row};
use crate::dialect::Dialect;
use crate::error::Error;

/// A lock that this connection holds.
#[derive(Debug)]
pub(super) struct NamedLock {
    dialect: Dialect,
    name: String,
}

impl NamedLock {
    /// Takes the lock without waiting. It returns `None` if another connection holds the lock.
    pub(super) async fn take<X: Executor>(x: &mut X, dialect: Dialect, name: &str) -> Result<Option<Self>, Error> {
        if name.is_empty() {
            return Err(Error::InvalidOption { option: "exclusive", why: "a name has at least one character" });
        }
        let lock = Self { dialect, name: name.to_owned() };
        let is_ours = match dialect {
            Dialect::Sqlite => true,
            Dialect::Postgres => lock.ask(x, "pg_try_advisory_lock(wanted.id)").await?.is_true(0),
            Dialect::Mysql => {
                let row = lock.ask(x, "GET_LOCK(wanted.id, 0)").await?;
                if row.optional(0).is_none() {
                    let message = String::from("GET_LOCK returned NULL: the server could not take the lock");
                    return Err(DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message)).into());
                }
                row.is_true(0)
            }
        };
        Ok(is_ours.then_some(lock))
    }

    /// Releases the lock. If that fails, the server releases it when the connection closes.
    pub(super) async fn release<X: Executor>(self, x: &mut X) {
        let _ = match self.dialect {
            Dialect::Sqlite => return,
            Dialect::Postgres => self.ask(x, "pg_advisory_unlock(wanted.id)").await,
            Dialect::Mysql => self.ask(x, "RELEASE_LOCK(wanted.id)").await,
        };
    }

    /// Calls a function with the lock's id.
    ///
    /// PostgreSQL has a number for each lock, and each database has its own. MySQL has one set of names for the whole
    /// server, of at most 64 characters. So the name of the lock is a hash of the database and the given name.
    async fn ask<X: Executor>(&self, x: &mut X, call: &str) -> Result<Row, Error> {
        let (before, after) = match self.dialect {
            Dialect::Postgres => ("hashtextextended('diesel_soft_delete ' || ", ", 0)"),
            _ => ("CONCAT('purge ', SHA2(CONCAT_WS(' ', DATABASE(), ", "), 224))"),
        };
        let question = Question::select(self.dialect, &[call])
            .sql(&format!(" FROM (SELECT {before}"))
            .bind(&self.name)
            .sql(&format!("{after} AS id) AS wanted"));
        x.query_text(question).await?.into_iter().next().ok_or_else(|| DieselError::NotFound.into())
    }
}
