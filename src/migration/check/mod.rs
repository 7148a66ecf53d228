//! Compares the declarations with the live schema.
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

/// Compares the declaration of a table with the live schema.
///
/// It finds columns that are missing or have the wrong type, NULLs or default; indexes that are
/// missing, broken, or spelled so that `active()` cannot use them; unique indexes in which
/// soft-deleted rows take part; foreign keys through which a purge reaches other tables; declared relations that
/// the foreign keys of the child contradict; rows whose flag and timestamp contradict each other, or whose flag is
/// neither 0 nor 1; and what changes the effect of a purge, such as row security or key numbers that are given
/// again. Each [`Finding`] has a severity, a sentence and, where one is certain, the SQL that fixes it. Errors come
/// first. A table as
/// [`SoftDeleteMigration`](crate::SoftDeleteMigration) leaves it by default has no finding above [`Severity::Note`].
///
/// Nothing is changed. The catalog is read with a handful of queries, and one for each child of a declared
/// relation. If there is a flag and a timestamp, two `SELECT COUNT(*)` look for rows that contradict themselves. They
/// read the table (the deleted rows through the purge index, the active ones in full), unless a validated CHECK as
/// the migration writes it proves that there are none. On MySQL, MariaDB and SQLite a third one, which reads the
/// whole table, counts the rows whose flag is neither 0 nor 1. Outside of a transaction, a query that fails by a
/// deadlock or by a lock of SQLite is sent again a few times.
///
/// The queries work from PostgreSQL 12 on.
///
/// SQL of several statements has them separated by `;` and a new line. On PostgreSQL `CREATE INDEX
/// CONCURRENTLY` and `DROP INDEX CONCURRENTLY` must each be sent alone and outside of a transaction.
/// Where a unique index becomes partial, an `ON CONFLICT (..)` that meant it must name the predicate.
///
/// Without a schema a table is looked for as a query would: along the `search_path` of PostgreSQL, in
/// the current database of MySQL, in the databases of SQLite (the temporary one first).
///
/// ```
/// # include!("../../doctest_setup.rs");
/// use diesel_soft_delete::migration::check;
///
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// diesel::sql_query("CREATE INDEX titles ON posts (title) WHERE is_deleted = 0").execute(conn)?;
/// let findings = check::<posts::table, _>(conn)?;
/// // SQLite takes `= 0` for something else than the `= FALSE` of our filters.
/// let useless = findings.iter().find(|finding| finding.message.contains("`titles`")).unwrap();
/// assert_eq!(
///     useless.sql.as_deref(),
///     Some("DROP INDEX `titles`;\nCREATE INDEX `titles` ON posts (title)\nWHERE (`is_deleted` = FALSE)")
/// );
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Database`] if a query fails. A table that does not exist is a finding.
pub fn check<T, Conn>(conn: &mut Conn) -> Result<Vec<Finding>, Error>
where
    T: SoftDeletable,
    Conn: LoadConnection,
    Conn::Backend: ReadsCatalog,
{
    SchemaCheck::<T>::new().check(conn)
}

/// Fails unless the live schema fits the declarations: for the start of an app, or a test.
///
/// The tables are one, or a tuple of up to 16 (tuples can be nested). What is read and what it costs
/// is the same as for [`check`].
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
/// [`Error::SchemaMismatch`] with the findings of all the tables that are worse than
/// [`Severity::Note`]; [`Error::Database`] if a query fails.
pub fn assert_schema<T, Conn>(conn: &mut Conn) -> Result<(), Error>
where
    T: Tables,
    Conn: LoadConnection,
    Conn::Backend: ReadsCatalog,
{
    SchemaCheck::<T>::new().assert(conn)
}

/// [`check`] and [`assert_schema`] with findings that the app accepts.
///
/// `T` is a table or a tuple of tables, as for [`assert_schema`].
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
    /// A check that allows nothing yet.
    pub fn new() -> Self {
        Self { allowed: Vec::new(), tables: PhantomData }
    }

    /// Leaves out the findings of this kind about this subject.
    ///
    /// The subject is [`Finding::subject`]: the name of a column, an index, a constraint or a child table, or else of
    /// the table itself. Findings of this kind about other subjects stay.
    pub fn allow(mut self, kind: FindingKind, subject: impl Into<String>) -> Self {
        self.allowed.push((kind, subject.into()));
        self
    }

    /// The findings of all the tables, without the allowed ones. See [`check`].
    ///
    /// # Errors
    ///
    /// As [`check`].
    pub fn check<Conn>(&self, conn: &mut Conn) -> Result<Vec<Finding>, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: ReadsCatalog,
    {
        block(self.find(&mut Blocking(conn)))
    }

    /// Fails if there is a finding that is worse than a note and is not allowed. See [`assert_schema`].
    ///
    /// # Errors
    ///
    /// As [`assert_schema`].
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

/// The findings of one table.
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

    /// [`check`] for a connection of diesel-async.
    ///
    /// # Errors
    ///
    /// As [`check`].
    pub async fn check_async<T, Conn>(conn: &mut Conn) -> Result<Vec<Finding>, Error>
    where
        T: SoftDeletable,
        Conn: AsyncConnection,
        Conn::Backend: ReadsCatalog,
    {
        SchemaCheck::<T>::new().check_async(conn).await
    }

    /// [`assert_schema`] for a connection of diesel-async.
    ///
    /// # Errors
    ///
    /// As [`assert_schema`].
    pub async fn assert_schema_async<T, Conn>(conn: &mut Conn) -> Result<(), Error>
    where
        T: Tables,
        Conn: AsyncConnection,
        Conn::Backend: ReadsCatalog,
    {
        SchemaCheck::<T>::new().assert_async(conn).await
    }

    impl<T: Tables> SchemaCheck<T> {
        /// [`check`](Self::check) for a connection of diesel-async.
        ///
        /// # Errors
        ///
        /// As [`check`](super::check).
        pub async fn check_async<Conn>(&self, conn: &mut Conn) -> Result<Vec<Finding>, Error>
        where
            Conn: AsyncConnection,
            Conn::Backend: ReadsCatalog,
        {
            self.find(&mut Asynchronous(conn)).await
        }

        /// [`assert`](Self::assert) for a connection of diesel-async.
        ///
        /// # Errors
        ///
        /// As [`assert_schema`].
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
