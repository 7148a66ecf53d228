//! Erasure: rows are removed at once and for good, with their copies in archives, or nothing is.
//!
//! ```text
//! Erase        what is erased, and from which archives
//! Count        SELECT: how many rows are there, how many of them under hold
//! HeldKey      SELECT: the key of one that is
//! DeleteRows   DELETE of the table's rows, after a soft delete: so the guard lets them pass
//! DeleteCopies DELETE of an archive's
//! ```

use std::marker::PhantomData;

use diesel::Table;
use diesel::backend::Backend;
use diesel::connection::{Connection, LoadConnection};
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_source::Column;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Nullable};

use super::condition::Condition;
use super::hold::walk_not_held;
use super::transition::{Alone, SoftDelete, SoftDeleteVerb, StampOf, TouchOf, Transition};
use crate::error::Error;
use crate::hidden::{TableName, aliases_where_it_deletes, is_mysql, load_one};
use crate::marker::{Hold, SoftDeletable, State};
use crate::migration::{TableColumns, primary_key};
use crate::predicate::Rows;

/// What an erasure removed.
///
/// ```
/// # include!("../doctest_setup.rs");
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
type Marking<T, P, G> = Transition<Alone<SoftDeleteVerb>, T, P, G, StampOf<T>, TouchOf<T>>;

/// The name of an archive table.
#[derive(Debug, Clone)]
struct Archive {
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
    /// were purged long ago. Held copies are refused as held rows are. Through a `MultiConnection` the
    /// copies are found by the table's primary key, and all that share a key go.
    ///
    /// # Errors
    ///
    /// [`UnsupportedErasure`](Error::UnsupportedErasure) when it is run, if the table has a schema in its
    /// name (no alias can stand in for that), or if the archive is the table itself.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
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

    /// `"users"`, or `"users_archive" AS "users"`.
    fn walk_place<'b, DB>(&'b self, archive: Option<&'b Archive>, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        if let Some(archive) = archive {
            archive.walk(out.reborrow())?;
            out.push_sql(" AS ");
        }
        self.table().walk_ast(out)
    }
}

impl Archive {
    fn walk<DB: Backend>(&self, mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                out.push_sql(".");
            }
            out.push_identifier(part)?;
        }
        Ok(())
    }
}

/// How many rows of the target there are, and how many of them are under hold.
type Counts = (i64, i64);
type CountTypes = (BigInt, BigInt);
/// A column of a key as text. (Read as bytes: a binary key need not be UTF-8.)
type KeyTypes = (Nullable<Binary>,);
type Key = (Option<Vec<u8>>,);

/// The query behind [`Counts`], over the table or an archive.
#[derive(Debug)]
pub struct Count<'a, E> {
    erase: &'a E,
    archive: Option<&'a Archive>,
}

/// The query for a column of the key of a held row.
#[derive(Debug)]
pub struct HeldKey<'a, E> {
    erase: &'a E,
    archive: Option<&'a Archive>,
    key: &'a [String],
    column: &'a str,
}

/// The `DELETE` of the table's rows.
#[derive(Debug)]
pub struct DeleteRows<'a, E>(&'a E);

/// The `DELETE` of an archive's copies.
#[derive(Debug)]
pub struct DeleteCopies<'a, E> {
    erase: &'a E,
    archive: &'a Archive,
    key: &'a [String],
}

impl<E> Query for Count<'_, E> {
    type SqlType = CountTypes;
}

impl<E> Query for HeldKey<'_, E> {
    type SqlType = KeyTypes;
}

impl<E, Conn> RunQueryDsl<Conn> for Count<'_, E> {}
impl<E, Conn> RunQueryDsl<Conn> for HeldKey<'_, E> {}

// The names of archives and columns vary at run time, so these have no static id: Diesel then caches
// them by their text.
impl<E> QueryId for Count<'_, E> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<E> QueryId for HeldKey<'_, E> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<E> QueryId for DeleteCopies<'_, E> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// The query id of [`DeleteRows`].
#[derive(Debug)]
pub struct DeleteRowsId<T, P>(PhantomData<(T, P)>);

impl<T, P, G> QueryId for DeleteRows<'_, Erase<T, P, G>>
where
    T: SoftDeletable,
    P: QueryId,
{
    type QueryId = DeleteRowsId<T, P::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = P::HAS_STATIC_QUERY_ID;
}

/// A plain SELECT of InnoDB reads the transaction's snapshot, and not what others wrote since. (In share
/// mode two erasures of the same rows would deadlock.)
fn walk_lock<DB: Backend>(mut out: AstPass<'_, '_, DB>) {
    if is_mysql::<DB>() {
        // Kept prepared, it can make libmariadb wait for ever after a deadlock, as was seen.
        out.unsafe_to_cache_prepared();
        out.push_sql(" FOR UPDATE");
    }
}

impl<T, P, G, DB> QueryFragment<DB> for Count<'_, Erase<T, P, G>>
where
    DB: Backend,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if T::Hold::MODE.is_some() {
            // What is not known not to be held counts as held.
            out.push_sql("SELECT COUNT(*), COUNT(CASE WHEN ");
            walk_not_held(self.erase.table(), "", out.reborrow())?;
            out.push_sql(" THEN NULL ELSE 1 END) FROM ");
        } else {
            out.push_sql("SELECT COUNT(*), COUNT(NULL) FROM ");
        }
        self.erase.walk_place(self.archive, out.reborrow())?;
        self.erase.condition().walk_alone(out.reborrow())?;
        walk_lock(out);
        Ok(())
    }
}

impl<T, P, G, DB> QueryFragment<DB> for HeldKey<'_, Erase<T, P, G>>
where
    DB: Backend,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // With a length: `CHAR` alone is one letter on PostgreSQL, and MySQL cannot cast to TEXT.
        out.push_sql("SELECT CAST(");
        out.push_identifier(self.column)?;
        out.push_sql(" AS CHAR(200)) FROM ");
        self.erase.walk_place(self.archive, out.reborrow())?;
        self.erase.condition().walk_and(out.reborrow())?;
        walk_not_held(self.erase.table(), "", out.reborrow())?;
        // In one order, so that the columns of a key are those of one row.
        out.push_sql(" IS NOT TRUE ORDER BY ");
        walk_columns(self.key, out.reborrow())?;
        out.push_sql(" LIMIT 1");
        walk_lock(out);
        Ok(())
    }
}

/// `"a", "b"`
fn walk_columns<DB: Backend>(columns: &[String], mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
    for (i, column) in columns.iter().enumerate() {
        if i > 0 {
            out.push_sql(", ");
        }
        out.push_identifier(column)?;
    }
    Ok(())
}

impl<T, P, G, DB> QueryFragment<DB> for DeleteRows<'_, Erase<T, P, G>>
where
    DB: Backend,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Self(erase) = self;
        out.push_sql("DELETE FROM ");
        erase.table().walk_ast(out.reborrow())?;
        erase.condition().walk_and(out.reborrow())?;
        T::State::MODE.walk(Rows::Deleted, out.reborrow(), |mut out| {
            erase.table().walk_ast(out.reborrow())?;
            out.push_sql(".");
            out.push_identifier(<T::State as State>::Column::NAME)
        })?;
        walk_not_held(erase.table(), " AND ", out)
    }
}

impl<T, P, G, DB> QueryFragment<DB> for DeleteCopies<'_, Erase<T, P, G>>
where
    DB: Backend,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Self { erase, archive, key } = self;
        out.push_sql("DELETE ");
        let by_key = if is_mysql::<DB>() {
            // An alias after DELETE FROM is a syntax error before MySQL 8.0.16 and MariaDB 11.6.
            erase.table().walk_ast(out.reborrow())?;
            out.push_sql(" FROM ");
            false
        } else if aliases_where_it_deletes::<DB>() {
            out.push_sql("FROM ");
            false
        } else {
            // A backend whose dialect is not known from its type: a form that all databases take. MySQL lets
            // a DELETE read its own table only out of a derived one.
            out.push_sql("FROM ");
            archive.walk(out.reborrow())?;
            out.push_sql(" WHERE (");
            walk_columns(key, out.reborrow())?;
            out.push_sql(") IN (SELECT ");
            walk_columns(key, out.reborrow())?;
            out.push_sql(" FROM (SELECT ");
            walk_columns(key, out.reborrow())?;
            out.push_sql(" FROM ");
            true
        };
        erase.walk_place(Some(archive), out.reborrow())?;
        if T::Hold::MODE.is_some() {
            erase.condition().walk_and(out.reborrow())?;
            walk_not_held(erase.table(), "", out.reborrow())?;
        } else {
            erase.condition().walk_alone(out.reborrow())?;
        }
        if by_key {
            out.push_sql(") AS ");
            out.push_identifier("copies")?;
            out.push_sql(")");
        }
        Ok(())
    }
}

/// The name of a place in an error.
fn name<T: TableName>(archive: Option<&Archive>) -> String {
    archive.map_or_else(T::table_name, |archive| archive.parts.join("."))
}

fn rows(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// The key of a held row, from its columns; `None` if the row is held no more.
fn key_text(columns: Vec<Option<Vec<u8>>>) -> Option<String> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
    let columns: Option<Vec<String>> = columns.into_iter().map(|column| column.map(text)).collect();
    columns.map(|columns| columns.join(", ")).filter(|key| !key.is_empty())
}

/// The steps of an erasure, for both kinds of connections: they differ in an `.await`.
///
/// Copies are deleted before the rows and again after them: the where clause may look at rows that are gone
/// afterwards, and a trigger of the table may write copies of what is deleted.
macro_rules! steps {
    ($erase:expr, $conn:ident, $load_one:ident $(, $await:tt)?) => {{
        let erase: &Self = $erase;
        let key = primary_key::<T>();
        // Fails if a row is under hold; else says how many rows there are.
        macro_rules! count {
            ($archive:expr) => {{
                let archive: Option<&Archive> = $archive;
                let counts: Option<Counts> = $load_one($conn, Count { erase, archive })$(.$await)??;
                let (found, held) = counts.unwrap_or_default();
                if held > 0 {
                    let mut columns = Vec::new();
                    for column in &key {
                        let query = HeldKey { erase, archive, key: &key, column };
                        let found: Option<Key> = $load_one($conn, query)$(.$await)??;
                        columns.push(found.and_then(|(value,)| value));
                    }
                    return Err(Error::UnderHold { table: name::<T>(archive), key: key_text(columns), rows: rows(held) });
                }
                rows(found)
            }};
        }
        let mut before = Vec::new();
        for archive in erase.places() {
            before.push(count!(archive));
        }
        let mut removed = vec![0; before.len()];
        macro_rules! delete_copies {
            () => {
                for (archive, removed) in erase.archives.iter().zip(removed.iter_mut().skip(1)) {
                    let delete = DeleteCopies { erase, archive, key: &key };
                    *removed += $conn.execute_returning_count(&delete)$(.$await)?? as u64;
                }
            };
        }
        delete_copies!();
        $conn.execute_returning_count(&erase.soft_delete)$(.$await)??;
        let delete = DeleteRows(erase);
        if let Some(rows) = removed.first_mut() {
            *rows = $conn.execute_returning_count(&delete)$(.$await)?? as u64;
        }
        delete_copies!();
        for ((archive, before), removed) in erase.places().zip(before).zip(&removed) {
            let left = count!(archive);
            if left > 0 || *removed < before {
                return Err(Error::NotErased { table: name::<T>(archive), found: before.max(removed + left), removed: *removed });
            }
        }
        let rows = removed.first().copied().unwrap_or_default();
        Ok(ErasureReport { rows, archived: removed.iter().skip(1).sum() })
    }};
}

impl<T, P, G> Erase<T, P, G>
where
    T: SoftDeletable,
    T::AllColumns: TableColumns,
{
    /// Removes the rows, and the copies in the archives, in one transaction (a savepoint inside the
    /// caller's); or changes nothing.
    ///
    /// # Errors
    ///
    /// [`UnderHold`](Error::UnderHold) if a row or a copy is under hold. [`NotErased`](Error::NotErased)
    /// if something is left. [`UnsupportedErasure`](Error::UnsupportedErasure) for an archive that cannot be
    /// reached. [`Database`](Error::Database) for what the database refuses: a foreign key that
    /// references a row, an archive without a column that the where clause names. On SQLite a writer that
    /// comes in between is `database is locked`, as for every transaction that reads first; in an
    /// `immediate_transaction` of yours it has to wait.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
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
        Conn: Connection + LoadConnection,
        Conn::Backend: QueryMetadata<CountTypes> + QueryMetadata<KeyTypes>,
        Counts: FromSqlRow<CountTypes, Conn::Backend>,
        Key: FromSqlRow<KeyTypes, Conn::Backend>,
        T: QueryFragment<Conn::Backend>,
        P: QueryFragment<Conn::Backend> + QueryId,
        G: QueryFragment<Conn::Backend>,
        StampOf<T>: QueryFragment<Conn::Backend>,
        TouchOf<T>: QueryFragment<Conn::Backend>,
        Marking<T, P, G>: QueryFragment<Conn::Backend> + QueryId,
    {
        self.check()?;
        conn.transaction(|conn| steps!(&self, conn, load_one))
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

#[cfg(feature = "async")]
mod with_diesel_async {
    use diesel::result::Error as DieselError;
    use diesel_async::{AsyncConnection, TransactionManager};

    use super::super::outcome::with_diesel_async::in_transaction;
    use super::*;
    use crate::hidden::load_one_async;

    impl<T, P, G> Erase<T, P, G>
    where
        T: SoftDeletable,
        T::AllColumns: TableColumns,
    {
        /// [`run`](Self::run) for a connection of diesel-async.
        ///
        /// A future that is dropped half-way leaves its transaction open, as any transaction of
        /// diesel-async does: discard the connection (its pools do).
        pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<ErasureReport, Error>
        where
            Conn: AsyncConnection,
            Conn::Backend: QueryMetadata<CountTypes> + QueryMetadata<KeyTypes>,
            Counts: FromSqlRow<CountTypes, Conn::Backend>,
            Key: FromSqlRow<KeyTypes, Conn::Backend>,
            T: QueryFragment<Conn::Backend>,
            P: QueryFragment<Conn::Backend> + QueryId,
            G: QueryFragment<Conn::Backend>,
            Marking<T, P, G>: QueryFragment<Conn::Backend> + QueryId,
        {
            self.check()?;
            in_transaction!(conn, async { steps!(&self, conn, load_one_async, await) })
        }
    }
}
