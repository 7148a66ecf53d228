//! Erasure: rows are removed at once and for good, with their copies in archives, or nothing is.
//!
//! ```text
//! mod.rs    what is erased, and from which archives
//! sql.rs    its statements
//! steps.rs  their order, in one transaction
//! ```

mod sql;
mod steps;

use diesel::Table;
use diesel::connection::LoadConnection;

use super::target::Condition;
use super::transition::{SoftDelete, StampOf, TouchOf, Transition};
use crate::connection::RunsOn;
use crate::declare::{SoftDeletable, SoftDeleteVerb, WithoutCascade};
use crate::diesel_internals::TableName;
use crate::error::Error;

/// What an erasure removed.
///
/// ```
/// # include!("../../doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// let report = posts::table.find(1).erase().run(conn)?;
/// assert_eq!((report.rows, report.archived), (1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ErasureReport {
    /// The rows that were removed from the table.
    pub rows: u64,
    /// The copies that were removed from archives.
    pub archived: u64,
}

/// An erasure: what [`.erase()`](crate::SoftDeleteDsl::erase) returns. It is run by [`run`](Self::run) and nothing else.
#[must_use = "an erasure does nothing until `.run(conn)`"]
pub struct Erase<T, P, G>
where
    T: SoftDeletable,
{
    soft_delete: Marking<T, P, G>,
    archives: Vec<Archive>,
}

/// The soft delete that an erasure begins with: children are the caller's.
type Marking<T, P, G> = Transition<WithoutCascade<SoftDeleteVerb>, T, P, G, StampOf<T>, TouchOf<T>>;

/// The name of an archive table.
#[derive(Debug, Clone)]
pub struct Archive {
    parts: Vec<String>,
}

impl<T, P, G> Erase<T, P, G>
where
    T: SoftDeletable,
{
    pub(crate) fn new(table: T, condition: Condition<P, G>) -> Self {
        Self { soft_delete: SoftDelete::new(table, condition).without_cascade(), archives: Vec::new() }
    }

    /// Removes the copies in an archive table too. Can be called for several.
    ///
    /// The where clause of the target is applied to the archive, which stands under the table's name
    /// there: `DELETE FROM "users_archive" AS "users" WHERE ..`. So it must have the columns that the
    /// where clause names, and the hold column if the declaration has one; and copies of rows are found that
    /// were purged long ago. Held copies are refused as held rows are.
    ///
    /// # Errors
    ///
    /// [`UnsupportedErasure`](Error::UnsupportedErasure) when it is run, if the table has a schema in its
    /// name (no alias can stand in for that), or if the archive is the table itself.
    ///
    /// ```
    /// # include!("../../doctest_setup.rs");
    /// diesel::table! {
    ///     posts_archive {
    ///         id -> Integer,
    ///         title -> Text,
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// # diesel::sql_query("CREATE TABLE posts_archive (id INTEGER PRIMARY KEY, title TEXT)").execute(conn)?;
    /// // A post that was archived and purged long ago.
    /// diesel::insert_into(posts_archive::table).values((posts_archive::id.eq(7), posts_archive::title.eq("old"))).execute(conn)?;
    ///
    /// let report = posts::table.find(7).erase().archived_in(posts_archive::table).run(conn)?;
    /// assert_eq!((report.rows, report.archived), (0, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn archived_in<A>(mut self, archive: A) -> Self
    where
        A: Table + TableName,
    {
        let _ = archive;
        self.archives.push(Archive { parts: A::name_parts() });
        self
    }

    fn table(&self) -> &T {
        &self.soft_delete.table
    }

    fn condition(&self) -> &Condition<P, G> {
        &self.soft_delete.condition
    }

    /// The table first, then the archives.
    fn places(&self) -> impl Iterator<Item = Option<&Archive>> {
        std::iter::once(None).chain(self.archives.iter().map(Some))
    }

    /// Refuses archives that cannot be reached, before anything is sent.
    fn check(&self) -> Result<(), Error> {
        let own = T::name_parts();
        for archive in &self.archives {
            let why = if archive.parts == own {
                "it is the table itself; leave `.archived_in(..)` out"
            } else if own.len() > 1 {
                "the table has a schema in its name, for which no alias can stand in; delete the copies with `diesel::delete`"
            } else {
                continue;
            };
            return Err(Error::UnsupportedErasure { table: T::table_name(), archive: archive.parts.join("."), why });
        }
        Ok(())
    }
}

impl<T, P, G> Erase<T, P, G>
where
    T: SoftDeletable,
{
    /// Removes the rows, and the copies in the archives, in one transaction (a savepoint inside the
    /// caller's); or changes nothing.
    ///
    /// # Errors
    ///
    /// [`UnderHold`](Error::UnderHold) if a row or a copy is under hold. [`NotErased`](Error::NotErased)
    /// if something is left. [`UnsupportedErasure`](Error::UnsupportedErasure) for an archive that cannot be
    /// reached. [`KeepsHistory`](Error::KeepsHistory) for a system-versioned table or archive of MariaDB.
    /// [`HiddenByPolicy`](Error::HiddenByPolicy) if it sees no row on PostgreSQL, and a policy can hide rows.
    /// [`Database`](Error::Database) for what the database refuses: a foreign key of a row that is not of the target, an
    /// archive without a column that the where clause names. On SQLite a writer that
    /// comes in between is `database is locked`, as for every transaction that reads first; in an
    /// `immediate_transaction` of yours it has to wait.
    ///
    /// ```
    /// # include!("../../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// # diesel::sql_query("PRAGMA foreign_keys = ON").execute(conn)?;
    /// use diesel::result::{DatabaseErrorKind, Error::DatabaseError};
    /// use diesel_soft_delete::Error;
    ///
    /// // Sean's posts are still there, and nothing is changed.
    /// let error = users::table.find(1).erase().run(conn).unwrap_err();
    /// assert!(matches!(error, Error::Database(DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _))));
    /// assert_eq!(users::table.find(1).active().count().get_result::<i64>(conn)?, 1);
    ///
    /// conn.transaction(|conn| {
    ///     posts::table.filter(posts::user_id.eq(1)).erase().run(conn)?;
    ///     users::table.find(1).erase().run(conn)
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<ErasureReport, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = ErasureReport>,
    {
        self.run_blocking(conn)
    }

    /// [`run`](Self::run) for a connection of diesel-async.
    ///
    /// A future that is dropped half-way leaves its transaction open, as any transaction of
    /// diesel-async does: discard the connection (its pools do).
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<ErasureReport, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Self: RunsOn<Conn::Backend, Output = ErasureReport>,
    {
        self.run_asynchronous(conn).await
    }
}

impl<T, P, G> std::fmt::Debug for Erase<T, P, G>
where
    T: SoftDeletable,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let archives: Vec<String> = self.archives.iter().map(|archive| archive.parts.join(".")).collect();
        f.debug_struct("Erase").field("table", &T::table_name()).field("archives", &archives).finish_non_exhaustive()
    }
}
