//! Compares declarations with the database.
//!
//! ```text
//! mod.rs       check, assert_schema, SchemaCheck: asks about a table, then judges
//! tables.rs    one table or a tuple of tables
//! judge/       facts in, findings out; asks no database
//! printed.rs   predicates as the database prints them
//! ```

mod judge;
mod printed;
mod tables;

pub(crate) use judge::{contradictions, key_order_problem, missing_purge_index};
pub use tables::Tables;

use std::fmt;
use std::marker::PhantomData;

use diesel::connection::LoadConnection;

use self::judge::Answers;
use crate::connection::{Blocking, Executor, ReadsCatalog, ask, block, dialect};
use crate::declare::SoftDeletable;
use crate::error::{Error, Finding, FindingKind, Severity};
use crate::migration::shape::Shape;
use crate::schema::{collect_foreign_keys, foreign_keys, read_table};

/// Compares the declaration of a table with the database, and returns what does not fit.
///
/// It finds:
///
/// * columns that are missing, or whose type, nullability or default is wrong;
/// * indexes that are missing or broken, or whose predicate is spelled so that `active()` cannot use them;
/// * unique indexes in which deleted rows take part;
/// * foreign keys through which a purge reaches other tables;
/// * declared relations that the foreign keys of the child contradict;
/// * rows whose flag and timestamp contradict each other, or whose flag is neither 0 nor 1;
/// * what changes the effect of a purge, such as row security, or key numbers that the database uses again.
///
/// Each [`Finding`] has a severity, a sentence, and the SQL that fixes it if that SQL is certain. Errors come first. A
/// table as [`SoftDeleteMigration`](crate::SoftDeleteMigration) leaves it by default has no finding above
/// [`Severity::Note`].
///
/// # What it reads
///
/// It changes nothing. It reads the catalog with a few queries, and with one more for each child of a declared
/// relation. The queries work with PostgreSQL 12 and later.
///
/// For a flag with a timestamp, two `SELECT COUNT(*)` count the rows that contradict themselves. They read the deleted
/// rows through the purge index, and the active rows in full. They are not sent if a validated CHECK, as the migration
/// writes it, proves that there are no such rows. On MySQL, MariaDB and SQLite a third count reads the whole table for
/// rows whose flag is neither 0 nor 1.
///
/// Outside of a transaction, a query that fails because of a deadlock or a lock of SQLite is repeated a few times.
///
/// Without a schema a table is found as a query finds it. PostgreSQL follows the `search_path`, MySQL looks in the
/// current database, and SQLite in its databases, the temporary one first.
///
/// # The SQL of a finding
///
/// Several statements are separated by `;` and a new line. On PostgreSQL each `CREATE INDEX CONCURRENTLY` and
/// `DROP INDEX CONCURRENTLY` must be sent alone and outside of a transaction. If a unique index becomes partial, an
/// `ON CONFLICT (..)` that used it must name the predicate.
///
/// ```
/// # include!("../../doctest_setup.rs");
/// use diesel_soft_delete::migration::{FindingKind, Severity, check};
///
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// diesel::sql_query("CREATE UNIQUE INDEX titles ON posts (title)").execute(conn)?;
/// let findings = check::<posts::table, _>(conn)?;
/// let blocked = findings.iter().find(|finding| finding.kind == FindingKind::UniqueCountsDeleted).unwrap();
/// assert_eq!((blocked.subject.as_str(), blocked.severity), ("titles", Severity::Warning));
/// diesel::connection::SimpleConnection::batch_execute(conn, blocked.sql.as_ref().unwrap())?;
/// assert!(!check::<posts::table, _>(conn)?.contains(blocked));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Database`] comes if a query fails. A table that does not exist is a finding.
pub fn check<T, Conn>(conn: &mut Conn) -> Result<Vec<Finding>, Error>
where
    T: SoftDeletable,
    Conn: LoadConnection,
    Conn::Backend: ReadsCatalog,
{
    SchemaCheck::<T>::new().check(conn)
}

/// Fails unless the database fits the declarations, for the start of an app or for a test.
///
/// `T` is a table, or a tuple of up to 16 tables, which can be nested. It sends the same queries as [`check`].
///
/// ```
/// # include!("../../doctest_setup.rs");
/// use diesel_soft_delete::Error;
/// use diesel_soft_delete::migration::assert_schema;
///
/// # fn main() -> Result<(), Error> {
/// # let conn = &mut connection();
/// // These tables were made by hand, without an index for purges:
/// let error = assert_schema::<(users::table, posts::table), _>(conn).unwrap_err();
/// let Error::SchemaMismatch { findings } = error else { panic!("{error}") };
/// for finding in &findings {
///     diesel::sql_query(finding.sql.as_ref().unwrap()).execute(conn)?;
/// }
/// assert_schema::<(users::table, posts::table), _>(conn)
/// # }
/// ```
///
/// # Errors
///
/// * [`Error::SchemaMismatch`] contains the findings of all the tables that are worse than [`Severity::Note`].
/// * [`Error::Database`] comes if a query fails.
pub fn assert_schema<T, Conn>(conn: &mut Conn) -> Result<(), Error>
where
    T: Tables,
    Conn: LoadConnection,
    Conn::Backend: ReadsCatalog,
{
    SchemaCheck::<T>::new().assert(conn)
}

/// A check that leaves out the findings that the app accepts.
///
/// Otherwise it does the same as [`check`] and [`assert_schema`]. `T` is a table or a tuple of tables, as for
/// [`assert_schema`].
///
/// ```
/// # include!("../../doctest_setup.rs");
/// use diesel_soft_delete::migration::{FindingKind, SchemaCheck};
///
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// // These tables were made by hand, without an index for purges.
/// assert!(SchemaCheck::<(users::table, posts::table)>::new().assert(conn).is_err());
/// SchemaCheck::<(users::table, posts::table)>::new()
///     .allow(FindingKind::MissingPurgeIndex, "users")
///     .allow(FindingKind::MissingPurgeIndex, "posts")
///     .assert(conn)
/// # }
/// ```
pub struct SchemaCheck<T> {
    allowed: Vec<(FindingKind, String)>,
    tables: PhantomData<fn() -> T>,
}

impl<T: Tables> SchemaCheck<T> {
    /// Creates a check that does not accept any finding yet.
    pub fn new() -> Self {
        Self { allowed: Vec::new(), tables: PhantomData }
    }

    /// Leaves out the findings of this kind about this subject.
    ///
    /// The subject is [`Finding::subject`]: the name of a column, an index, a constraint, a child table or the table
    /// itself. Findings of this kind about other subjects stay.
    pub fn allow(mut self, kind: FindingKind, subject: impl Into<String>) -> Self {
        self.allowed.push((kind, subject.into()));
        self
    }

    /// Returns the findings of all the tables without the accepted ones; see [`check`].
    ///
    /// # Errors
    ///
    /// It returns the errors of [`check`].
    pub fn check<Conn>(&self, conn: &mut Conn) -> Result<Vec<Finding>, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: ReadsCatalog,
    {
        block(self.find(&mut Blocking(conn)))
    }

    /// Fails if a finding is worse than a note and is not accepted; see [`assert_schema`].
    ///
    /// # Errors
    ///
    /// It returns the errors of [`assert_schema`].
    pub fn assert<Conn>(&self, conn: &mut Conn) -> Result<(), Error>
    where
        Conn: LoadConnection,
        Conn::Backend: ReadsCatalog,
    {
        only_notes(self.check(conn)?)
    }

    async fn find<X: Executor>(&self, x: &mut X) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for table in T::declared() {
            findings.extend(check_shape(x, table.shape()).await?);
        }
        findings.retain(|finding| {
            !self.allowed.iter().any(|(kind, subject)| *kind == finding.kind && *subject == finding.subject)
        });
        Ok(findings)
    }
}

impl<T: Tables> Default for SchemaCheck<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for SchemaCheck<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaCheck").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

/// Returns the findings of one table.
pub(crate) async fn check_shape<X: Executor>(x: &mut X, shape: &Shape) -> Result<Vec<Finding>, Error> {
    let dialect = dialect(x).await?;
    let Some(catalog) = read_table(x, dialect, &shape.table).await? else {
        return Ok(judge::findings(dialect, shape, None, &Answers::default()));
    };
    let mut answers = Answers::default();
    for relation in &shape.relations {
        let child = &relation.child;
        if answers.keys.iter().any(|(known, _)| known == child) {
            continue;
        }
        if let Some(question) = foreign_keys(dialect, child, &catalog) {
            let rows = ask(x, question).await?;
            answers.keys.push((child.clone(), collect_foreign_keys(dialect, child, &rows)));
        }
    }
    for disagreement in judge::disagreements(dialect, shape, &catalog) {
        let rows = ask(x, disagreement.question(dialect, shape)).await?;
        let count = rows.first().and_then(|row| row.number(0)).unwrap_or_default();
        answers.counts.push((disagreement, count));
    }
    Ok(judge::findings(dialect, shape, Some(&catalog), &answers))
}

fn only_notes(mut findings: Vec<Finding>) -> Result<(), Error> {
    findings.retain(|finding| finding.severity > Severity::Note);
    if findings.is_empty() { Ok(()) } else { Err(Error::SchemaMismatch { findings }) }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;

#[cfg(feature = "async")]
mod with_diesel_async {
    use diesel_async::AsyncConnection;

    use super::*;
    use crate::connection::Asynchronous;

    /// Runs [`check`] on a connection of diesel-async.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`check`].
    pub async fn check_async<T, Conn>(conn: &mut Conn) -> Result<Vec<Finding>, Error>
    where
        T: SoftDeletable,
        Conn: AsyncConnection,
        Conn::Backend: ReadsCatalog,
    {
        SchemaCheck::<T>::new().check_async(conn).await
    }

    /// Runs [`assert_schema`] on a connection of diesel-async.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`assert_schema`].
    pub async fn assert_schema_async<T, Conn>(conn: &mut Conn) -> Result<(), Error>
    where
        T: Tables,
        Conn: AsyncConnection,
        Conn::Backend: ReadsCatalog,
    {
        SchemaCheck::<T>::new().assert_async(conn).await
    }

    impl<T: Tables> SchemaCheck<T> {
        /// Runs [`check`](Self::check) on a connection of diesel-async.
        ///
        /// # Errors
        ///
        /// It returns the errors of [`check`](super::check).
        pub async fn check_async<Conn>(&self, conn: &mut Conn) -> Result<Vec<Finding>, Error>
        where
            Conn: AsyncConnection,
            Conn::Backend: ReadsCatalog,
        {
            self.find(&mut Asynchronous(conn)).await
        }

        /// Runs [`assert`](Self::assert) on a connection of diesel-async.
        ///
        /// # Errors
        ///
        /// It returns the errors of [`assert_schema`].
        pub async fn assert_async<Conn>(&self, conn: &mut Conn) -> Result<(), Error>
        where
            Conn: AsyncConnection,
            Conn::Backend: ReadsCatalog,
        {
            only_notes(self.check_async(conn).await?)
        }
    }
}

#[cfg(feature = "async")]
pub use with_diesel_async::{assert_schema_async, check_async};
