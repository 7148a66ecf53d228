//! What can go wrong, in one type.

use chrono::{DateTime, TimeDelta, Utc};

/// An error of this crate.
///
/// `.run(conn)`, `.outcome(conn)` and the migration helpers return it. `.execute(conn)` returns
/// Diesel's own error; there one of ours travels inside
/// [`QueryBuilderError`](diesel::result::Error::QueryBuilderError) or
/// [`SerializationError`](diesel::result::Error::SerializationError), and `Error::from` takes it out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Diesel or the database refused.
    #[error(transparent)]
    Database(diesel::result::Error),

    /// A restored row collides with a live row on a unique index; no row was changed. (The violation
    /// of an exclusion constraint of PostgreSQL has no kind in Diesel and stays a `Database` error.)
    #[error(
        "cannot restore in `{table}`: a live row has taken a unique value{}; change or delete that row first",
        constraint.as_deref().map(|name| format!(" (constraint `{name}`)")).unwrap_or_default()
    )]
    RestoreConflict {
        /// The table whose rows were to be restored.
        table: String,
        /// The violated constraint, where the backend names it (PostgreSQL does).
        constraint: Option<String>,
    },

    /// `.set(..)` assigns a column that the statement sets itself; nothing was sent.
    #[error(
        "`.set(..)` assigns `{table}.{column}`, which this statement sets itself; \
         leave that column out, or use `.at(..)` / `.at_utc(..)` for the instant"
    )]
    ColumnSetTwice {
        /// The table of the statement.
        table: String,
        /// The column that was named again.
        column: String,
    },

    /// The age of a purge is negative; nothing was executed. (Its cutoff would lie in the future, and
    /// the purge would take every deleted row.)
    #[error("cannot purge rows older than {age}: an age must not be negative")]
    NegativeAge {
        /// The age as it was given.
        age: TimeDelta,
    },

    /// The age of a purge reaches back beyond the year 0; nothing was executed.
    #[error("cannot purge rows older than {age}: that instant lies before the year 0")]
    AgeTooLarge {
        /// The age as it was given.
        age: TimeDelta,
    },

    /// An instant does not fit the column's type: an `Integer` of seconds and, on MySQL, the
    /// SQL type `Timestamp` end in 2038; a timestamp has four digits for the year. Nothing was executed.
    #[error("the instant {instant} does not fit the type of the column it is written to")]
    InstantOutOfRange {
        /// The instant that was to be written or compared with.
        instant: DateTime<Utc>,
    },

    /// `.outcome(conn)` is for one row, but the target matched more; all of it was rolled back.
    #[error(
        "`.outcome()` describes one row, but its target in `{table}` matches {rows}; \
         nothing was changed; use `.run()` for several rows"
    )]
    NotOneRow {
        /// The table of the statement.
        table: String,
        /// How many rows the target matched.
        rows: u64,
    },

    /// The row of `.outcome(conn)` changed again and again while it was looked at; nothing was
    /// changed.
    #[error("the row in `{table}` changed again and again while it was looked at; nothing was changed; try again")]
    Contended {
        /// The table of the statement.
        table: String,
    },

    /// A table, column or version name in a migration is empty or holds a NUL byte.
    #[error("{name:?} cannot be the name of a {what}: {why}")]
    InvalidName {
        /// What the name was to stand for: `table`, `column`, `version`.
        what: &'static str,
        /// The name as it was given.
        name: String,
        /// Why it cannot be used.
        why: &'static str,
    },

    /// A migration was asked to add the same column twice.
    #[error("the migration of `{table}` would add the column `{column}` twice")]
    DuplicateColumn {
        /// The table of the migration.
        table: String,
        /// The column that was named twice.
        column: String,
    },
}

impl From<diesel::result::Error> for Error {
    /// Unpacks one of our own errors that travelled through Diesel.
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::Error::{QueryBuilderError, SerializationError};
        match error {
            QueryBuilderError(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Database(QueryBuilderError(other)),
            },
            SerializationError(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Database(SerializationError(other)),
            },
            other => Self::Database(other),
        }
    }
}

impl From<Error> for diesel::result::Error {
    /// Packs an error so that it can travel through Diesel; `Error::from` takes it out again.
    fn from(error: Error) -> Self {
        match error {
            Error::Database(inner) => inner,
            own => Self::QueryBuilderError(Box::new(own)),
        }
    }
}
