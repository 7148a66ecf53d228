//! The one trait that tells which database a backend writes for.

use diesel::backend::Backend;

use super::Dialect;

/// A backend that this crate writes SQL for.
///
/// It is implemented for Diesel's backends of PostgreSQL, MySQL and SQLite. For a
/// [`MultiConnection`](diesel::MultiConnection) implement it for the backend that the derive generates:
///
/// ```
/// # include!("../doctest_setup.rs");
/// use diesel_soft_delete::{Dialect, NoReturningClause, SoftDeleteBackend, db_now};
///
/// #[derive(diesel::MultiConnection)]
/// enum AnyConnection {
///     Sqlite(SqliteConnection),
///     // Postgresql(PgConnection), ..
/// }
///
/// impl SoftDeleteBackend for self::multi_connection_impl::MultiBackend {
///     // `ReturningClause`, if all of the connections have `UPDATE .. RETURNING`.
///     type Returning = NoReturningClause;
///
///     fn dialect(&self) -> Dialect {
///         match self {
///             Self::Sqlite(sqlite) => sqlite.dialect(),
///         }
///     }
/// }
///
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// let conn = &mut AnyConnection::Sqlite(connection());
/// assert_eq!(posts::table.find(1).soft_delete().at(db_now()).run(conn)?, 1);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "diesel_soft_delete does not know which SQL the backend `{Self}` takes",
    note = "for a `MultiConnection`, implement `diesel_soft_delete::SoftDeleteBackend` for its `multi_connection_impl::MultiBackend`",
    note = "Diesel's backends need this crate's features: `sqlite`, `postgres` or `postgres_backend`, `mysql` or `mysql_backend`"
)]
pub trait SoftDeleteBackend: Backend {
    /// The dialect, where the type of the backend tells it.
    const DIALECT: Option<Dialect> = None;

    /// [`ReturningClause`] or [`NoReturningClause`]: whether `.returning(..)` compiles.
    type Returning;

    /// The dialect of the connection for which SQL is written.
    fn dialect(&self) -> Dialect;
}

/// The backend has `UPDATE .. RETURNING` and `DELETE .. RETURNING`.
///
/// PostgreSQL has them, and SQLite with the feature `returning_clauses_for_sqlite_3_35`. See [`SoftDeleteBackend`].
#[derive(Debug, Clone, Copy)]
pub struct ReturningClause;

/// The backend does not have `UPDATE .. RETURNING`, as MySQL and MariaDB. See [`SoftDeleteBackend`].
#[derive(Debug, Clone, Copy)]
pub struct NoReturningClause;

/// The `Returning` of a backend that has the clause.
#[diagnostic::on_unimplemented(
    message = "`{DB}` has no `RETURNING` clause",
    note = "PostgreSQL has one; SQLite has one with the feature `returning_clauses_for_sqlite_3_35`; MySQL has none, and MariaDB has none for UPDATE",
    note = "without one: `.execute(conn)` for the number of changed rows, then a query for the rows"
)]
pub trait SupportsReturning<DB> {}

impl<DB> SupportsReturning<DB> for ReturningClause {}

/// A backend whose dialect is known at compile time.
#[diagnostic::on_unimplemented(
    message = "the SQL dialect of `{Self}` is not known at compile time",
    note = "run `migration.up_sql(Dialect::..)` through `batch_execute` on the connection you hold"
)]
pub trait HasDialect {
    /// The dialect.
    const DIALECT: Dialect;
}

macro_rules! backends {
    ($($(#[$attr:meta])* $DB:ty => $dialect:ident, $Returning:ty;)*) => {
        $(
            $(#[$attr])*
            impl SoftDeleteBackend for $DB {
                const DIALECT: Option<Dialect> = Some(Dialect::$dialect);
                type Returning = $Returning;
                fn dialect(&self) -> Dialect {
                    Dialect::$dialect
                }
            }

            $(#[$attr])*
            impl HasDialect for $DB {
                const DIALECT: Dialect = Dialect::$dialect;
            }
        )*
    };
}

#[cfg(feature = "returning_clauses_for_sqlite_3_35")]
type SqliteReturning = ReturningClause;
#[cfg(all(feature = "sqlite", not(feature = "returning_clauses_for_sqlite_3_35")))]
type SqliteReturning = NoReturningClause;

backends! {
    #[cfg(feature = "postgres_backend")]
    diesel::pg::Pg => Postgres, ReturningClause;
    #[cfg(feature = "mysql_backend")]
    diesel::mysql::Mysql => Mysql, NoReturningClause;
    #[cfg(feature = "sqlite")]
    diesel::sqlite::Sqlite => Sqlite, SqliteReturning;
}
