//! Erasure: removes rows at once, with their copies in archives, or removes nothing.
//!
//! ```text
//! mod.rs    what is erased, and from which archives
//! sql.rs    its statements
//! steps.rs  their order, in one transaction
//! ```

mod sql;
mod steps;

use std::fmt;

use diesel::Table;
use diesel::connection::LoadConnection;

use super::target::Condition;
use super::transition::{SoftDelete, StampOf, TouchOf, Transition};
use crate::connection::RunsOn;
use crate::declare::{SoftDeletable, SoftDeleteVerb, WithoutCascade};
use crate::diesel_internals::NamedTable;
use crate::error::{Count, Error};

/// What an erasure removed. The numbers are rows.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ErasureReport {
    /// The rows that were removed from the table.
    pub rows: u64,
    /// The copies that were removed from archives.
    pub archived: u64,
}

impl fmt::Display for ErasureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "erased {}", Count(self.rows, "row"))?;
        match self.archived {
            0 => Ok(()),
            archived => write!(f, " and {} in archives", Count(archived, "copy")),
        }
    }
}

/// An erasure, as [`.erase()`](crate::SoftDeleteDsl::erase) returns it. Only [`run`](Self::run) and `run_async`
/// execute it.
#[must_use = "an erasure does nothing until `.run(conn)`"]
pub struct Erase<T, P, G>
where
    T: SoftDeletable,
{
    soft_delete: Marking<T, P, G>,
    archives: Vec<Archive>,
}

/// The soft delete that an erasure begins with. It leaves children alone.
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

    /// Also removes the copies in an archive table. It can be called for several archives.
    ///
    /// The where clause of the target is applied to the archive, under the table's name: `DELETE FROM "users_archive"
    /// AS "users" WHERE ..`. So the archive needs the columns that the where clause names, and the hold column if the
    /// declaration has one. Copies of rows that were purged long ago are found too. A copy under hold is refused,
    /// like a row under hold.
    ///
    /// # Errors
    ///
    /// [`UnsupportedErasure`](Error::UnsupportedErasure), when it is run, if the table has a schema in its name,
    /// since an alias cannot replace such a name. The same error is returned if the archive is the table itself.
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
        A: Table + NamedTable,
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

    /// Refuses archives that cannot be reached, before the first statement.
    fn check(&self) -> Result<(), Error> {
        let own = T::name_parts();
        for archive in &self.archives {
            let why = if archive.parts == own {
                "it is the table itself; leave `.archived_in(..)` out"
            } else if own.len() > 1 {
                "the table has a schema in its name, which an alias cannot replace; delete the copies with `diesel::delete`"
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
    /// Removes the rows and the copies in the archives, or changes nothing. It runs in one transaction, or in a
    /// savepoint of the caller's.
    ///
    /// # Errors
    ///
    /// Nothing is changed then.
    ///
    /// * [`UnderHold`](Error::UnderHold): a row or a copy is under hold.
    /// * [`NotErased`](Error::NotErased): a row or a copy is left.
    /// * [`UnsupportedErasure`](Error::UnsupportedErasure): an archive cannot be reached.
    /// * [`KeepsHistory`](Error::KeepsHistory): the table or an archive is a system-versioned table of MariaDB.
    /// * [`HiddenByPolicy`](Error::HiddenByPolicy): it sees no row on PostgreSQL, and a policy can hide rows.
    /// * [`Database`](Error::Database): the database refuses a statement. A row outside of the target may refer to
    ///   one of its rows. An archive may not have a column that the where clause names.
    ///
    /// On SQLite, another writer causes `database is locked`, as for every transaction that reads first. In an
    /// `immediate_transaction` of your own, the other writer waits.
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
    /// A future that is dropped leaves its transaction open, like any transaction of diesel-async. Discard the
    /// connection then; the pools of diesel-async do.
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
