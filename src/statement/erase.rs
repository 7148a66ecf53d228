//! Erasure: rows are removed at once and for good, with their copies in archives, or nothing is.
//!
//! ```text
//! Erase        what is erased, and from which archives
//! Count        SELECT: how many rows are there, how many of them under hold
//! HeldKey      SELECT: the key of one that is
//! DeleteRows   DELETE of the table's rows, after a soft delete, so that the guard lets them pass; only of the leaves
//!              among them (leaves.rs) where they refer to each other
//! DeleteCopies DELETE of an archive's
//! ```

use diesel::Table;
use diesel::connection::LoadConnection;
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_source::Column;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Nullable};

use super::condition::Condition;
use super::hold::walk_not_held;
use super::leaves::{leaves_of, walk_delete};
use super::transition::{SoftDelete, StampOf, TouchOf, Transition};
use crate::connection::dialect;
use crate::connection::is_reference;
use crate::connection::{Answer, Blocking, Executor, block, end};
use crate::connection::{AnswersText, Question};
use crate::declare::Rows;
use crate::declare::{ColumnRef, Hold, SoftDeletable, State, TimeColumn};
use crate::declare::{SoftDeleteVerb, WithoutCascade};
use crate::declare::{TableColumns, primary_key};
use crate::dialect::SoftDeleteBackend;
use crate::dialect::{Dialect, TableName as MigrationTable};
use crate::diesel_internals::{TableName, backend_of};
use crate::error::Error;
use crate::schema::Leaves;

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
        DB: SoftDeleteBackend,
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
    fn walk<DB: SoftDeleteBackend>(&self, mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
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

/// The `DELETE` of the table's rows, or of the leaves among them.
#[derive(Debug)]
pub struct DeleteRows<'a, E> {
    erase: &'a E,
    leaves: Option<&'a Leaves>,
}

/// The `DELETE` of an archive's copies.
#[derive(Debug)]
pub struct DeleteCopies<'a, E> {
    erase: &'a E,
    archive: &'a Archive,
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

impl<E> QueryId for DeleteRows<'_, E> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// A plain SELECT of InnoDB reads the transaction's snapshot, and not what others wrote since. (In share
/// mode two erasures of the same rows would deadlock.)
fn walk_lock<DB: SoftDeleteBackend>(mut out: AstPass<'_, '_, DB>) {
    if backend_of(&out).dialect() == Dialect::Mysql {
        // Kept prepared, it can make libmariadb wait for ever after a deadlock, as was seen.
        out.unsafe_to_cache_prepared();
        out.push_sql(" FOR UPDATE");
    }
}

impl<T, P, G, DB> QueryFragment<DB> for Count<'_, Erase<T, P, G>>
where
    DB: SoftDeleteBackend,
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
    DB: SoftDeleteBackend,
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
fn walk_columns<DB: SoftDeleteBackend>(columns: &[String], mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
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
    DB: SoftDeleteBackend,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Self { erase, leaves } = self;
        walk_delete(erase.table(), erase.condition(), *leaves, out.reborrow())?;
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
    DB: SoftDeleteBackend,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Self { erase, archive } = self;
        out.push_sql("DELETE ");
        if backend_of(&out).dialect() == Dialect::Mysql {
            // An alias after DELETE FROM is a syntax error before MySQL 8.0.16 and MariaDB 11.6.
            erase.table().walk_ast(out.reborrow())?;
            out.push_sql(" ");
        }
        out.push_sql("FROM ");
        erase.walk_place(Some(archive), out.reborrow())?;
        if T::Hold::MODE.is_some() {
            erase.condition().walk_and(out.reborrow())?;
            walk_not_held(erase.table(), "", out.reborrow())?;
        } else {
            erase.condition().walk_alone(out.reborrow())?;
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

/// The statements of an erasure.
pub trait Erasable<DB: SoftDeleteBackend> {
    /// Counts the rows of a place.
    #[doc(hidden)]
    fn count<'x, X>(&'x self, x: &'x mut X, archive: Option<&'x Archive>) -> Answer<'x, Vec<Counts>>
    where
        X: Executor<Backend = DB>;
    /// Loads a column of the key of a held row.
    #[doc(hidden)]
    fn held_key<'x, X>(
        &'x self,
        x: &'x mut X,
        archive: Option<&'x Archive>,
        key: &'x [String],
        column: &'x str,
    ) -> Answer<'x, Vec<Key>>
    where
        X: Executor<Backend = DB>;
    /// Marks the rows as deleted.
    #[doc(hidden)]
    fn mark<'x, X>(&'x self, x: &'x mut X) -> Answer<'x, usize>
    where
        X: Executor<Backend = DB>;
    /// Deletes the rows, or the leaves among them.
    #[doc(hidden)]
    fn delete_rows<'x, X>(&'x self, x: &'x mut X, leaves: Option<&'x Leaves>) -> Answer<'x, usize>
    where
        X: Executor<Backend = DB>;
    /// Deletes the copies in an archive.
    #[doc(hidden)]
    fn delete_copies<'x, X>(&'x self, x: &'x mut X, archive: &'x Archive) -> Answer<'x, usize>
    where
        X: Executor<Backend = DB>;
}

impl<T, P, G, DB> Erasable<DB> for Erase<T, P, G>
where
    DB: SoftDeleteBackend + QueryMetadata<CountTypes> + QueryMetadata<KeyTypes>,
    Counts: FromSqlRow<CountTypes, DB>,
    Key: FromSqlRow<KeyTypes, DB>,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB> + QueryId,
    G: QueryFragment<DB>,
    Marking<T, P, G>: QueryFragment<DB> + QueryId,
{
    fn count<'x, X>(&'x self, x: &'x mut X, archive: Option<&'x Archive>) -> Answer<'x, Vec<Counts>>
    where
        X: Executor<Backend = DB>,
    {
        x.load(Count { erase: self, archive })
    }

    fn held_key<'x, X>(
        &'x self,
        x: &'x mut X,
        archive: Option<&'x Archive>,
        key: &'x [String],
        column: &'x str,
    ) -> Answer<'x, Vec<Key>>
    where
        X: Executor<Backend = DB>,
    {
        x.load(HeldKey { erase: self, archive, key, column })
    }

    fn mark<'x, X>(&'x self, x: &'x mut X) -> Answer<'x, usize>
    where
        X: Executor<Backend = DB>,
    {
        x.execute(&self.soft_delete)
    }

    fn delete_rows<'x, X>(&'x self, x: &'x mut X, leaves: Option<&'x Leaves>) -> Answer<'x, usize>
    where
        X: Executor<Backend = DB>,
    {
        x.execute(DeleteRows { erase: self, leaves })
    }

    fn delete_copies<'x, X>(&'x self, x: &'x mut X, archive: &'x Archive) -> Answer<'x, usize>
    where
        X: Executor<Backend = DB>,
    {
        x.execute(DeleteCopies { erase: self, archive })
    }
}

impl<T, P, G> Erase<T, P, G>
where
    T: SoftDeletable,
    T::AllColumns: TableColumns,
{
    async fn erase<X>(&self, x: &mut X) -> Result<ErasureReport, Error>
    where
        X: Executor,
        Self: Erasable<X::Backend>,
    {
        self.check()?;
        let dialect = dialect(x).await?;
        if dialect == Dialect::Mysql {
            self.check_history(x).await?;
        }
        match self.attempt(x, dialect, None).await {
            // The rows may refer to each other, or a foreign key among them may have removed rows that nobody counted.
            Err(error) if can_be_of_references(&error) => {
                match leaves_of(x, MigrationTable::from_parts(T::name_parts())).await {
                    Ok(Some(leaves)) => self.attempt(x, dialect, Some(&leaves)).await,
                    Ok(None) | Err(_) => Err(error),
                }
            }
            result => result,
        }
    }

    /// Refuses tables of MariaDB that keep the history of removed rows.
    async fn check_history<X: Executor>(&self, x: &mut X) -> Result<(), Error> {
        for archive in self.places() {
            let place = MigrationTable::from_parts(archive.map_or_else(T::name_parts, |archive| archive.parts.clone()));
            let question = Question::select(Dialect::Mysql, &["table_name", "@@lower_case_table_names"])
                .sql(" FROM information_schema.tables WHERE table_type = 'SYSTEM VERSIONED' AND table_name = ")
                .bind(&place.name)
                .sql(" AND table_schema = ");
            let question = match &place.schema {
                Some(schema) => question.bind(schema),
                None => question.sql("DATABASE()"),
            };
            // The catalog compares without case, queries on most systems do not.
            if x.ask(question).await?.iter().any(|row| row.text(0) == place.name || row.text(1) != "0") {
                return Err(Error::KeepsHistory { table: name::<T>(archive) });
            }
        }
        Ok(())
    }

    /// An error where a policy of PostgreSQL can hide rows by their state: an erasure that saw no row proves nothing there.
    async fn check_policies<X: Executor>(&self, x: &mut X) -> Result<(), Error> {
        let table = MigrationTable::from_parts(T::name_parts());
        let state = ColumnRef::of::<<T::State as State>::Column>();
        let columns = [Some(state), T::Stamp::column(), T::Hold::column()];
        let mut question = Question::select(Dialect::Postgres, &["p.polname"])
            .sql(
                " FROM pg_policy AS p WHERE row_security_active(p.polrelid) AND (p.polroles = '{0}' OR EXISTS \
                 (SELECT FROM unnest(p.polroles) AS r (id) WHERE pg_has_role(r.id, 'USAGE'))) AND EXISTS \
                 (SELECT FROM pg_depend AS d JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
                 WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass \
                 AND d.refobjid = p.polrelid AND a.attname IN (NULL",
            );
        for column in columns.into_iter().flatten() {
            question = question.sql(", ").bind(column.name);
        }
        let question = question.sql(")) AND p.polrelid = to_regclass(").bind(&table.quoted(Dialect::Postgres)).sql(")");
        match x.ask(question.sql(" ORDER BY p.polname LIMIT 1")).await?.first() {
            None => Ok(()),
            Some(row) => Err(Error::HiddenByPolicy { table: T::table_name(), policy: row.text(0).to_owned() }),
        }
    }

    /// The transaction; a savepoint inside the caller's.
    async fn attempt<X>(&self, x: &mut X, dialect: Dialect, leaves: Option<&Leaves>) -> Result<ErasureReport, Error>
    where
        X: Executor,
        Self: Erasable<X::Backend>,
    {
        x.begin().await?;
        let result = match self.steps(x, leaves).await {
            Ok(report) if report.rows == 0 && dialect == Dialect::Postgres => {
                self.check_policies(x).await.map(|()| report)
            }
            result => result,
        };
        end(x, result).await
    }

    async fn steps<X>(&self, x: &mut X, leaves: Option<&Leaves>) -> Result<ErasureReport, Error>
    where
        X: Executor,
        Self: Erasable<X::Backend>,
    {
        let key = primary_key::<T>();
        let mut before = Vec::new();
        for archive in self.places() {
            before.push(self.count_free(x, archive, &key).await?);
        }
        let mut removed = vec![0; before.len()];
        // Copies go before the rows, since the where clause may look at rows that are gone afterwards. They go again after
        // the rows, since a trigger of the table may write copies of what is deleted.
        self.delete_all_copies(x, &mut removed).await?;
        self.mark(x).await?;
        let mut rows = 0;
        if leaves.is_some() {
            loop {
                match self.delete_rows(x, leaves).await? {
                    0 => break,
                    some => rows += some as u64,
                }
            }
        }
        // After the leaves, for the error of the foreign key that holds the others.
        rows += self.delete_rows(x, None).await? as u64;
        self.delete_all_copies(x, &mut removed).await?;
        removed[0] = rows;
        for ((archive, before), removed) in self.places().zip(before).zip(&removed) {
            let left = self.count_free(x, archive, &key).await?;
            if left > 0 || *removed < before {
                let found = before.max(removed + left);
                return Err(Error::NotErased { table: name::<T>(archive), found, removed: *removed });
            }
        }
        Ok(ErasureReport { rows, archived: removed.iter().skip(1).sum() })
    }

    /// How many rows of a place there are; an error if one of them is under hold.
    async fn count_free<X>(&self, x: &mut X, archive: Option<&Archive>, key: &[String]) -> Result<u64, Error>
    where
        X: Executor,
        Self: Erasable<X::Backend>,
    {
        let (found, held) = self.count(x, archive).await?.first().copied().unwrap_or_default();
        if held > 0 {
            let mut columns = Vec::new();
            for column in key {
                let found = self.held_key(x, archive, key, column).await?;
                columns.push(found.into_iter().next().and_then(|(value,)| value));
            }
            return Err(Error::UnderHold { table: name::<T>(archive), key: key_text(columns), rows: rows(held) });
        }
        Ok(rows(found))
    }

    async fn delete_all_copies<X>(&self, x: &mut X, removed: &mut [u64]) -> Result<(), Error>
    where
        X: Executor,
        Self: Erasable<X::Backend>,
    {
        for (archive, removed) in self.archives.iter().zip(removed.iter_mut().skip(1)) {
            *removed += self.delete_copies(x, archive).await? as u64;
        }
        Ok(())
    }
}

/// Whether an erasure can have failed because its rows refer to each other.
fn can_be_of_references(error: &Error) -> bool {
    match error {
        Error::Database(error) => is_reference(error),
        Error::NotErased { .. } => true,
        _ => false,
    }
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
    /// reached. [`KeepsHistory`](Error::KeepsHistory) for a system-versioned table or archive of MariaDB.
    /// [`HiddenByPolicy`](Error::HiddenByPolicy) if it sees no row on PostgreSQL, and a policy can hide rows.
    /// [`Database`](Error::Database) for what the database refuses: a foreign key of a row that is not of the target, an
    /// archive without a column that the where clause names. On SQLite a writer that
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
        Conn: LoadConnection,
        Conn::Backend: AnswersText,
        Self: Erasable<Conn::Backend>,
    {
        block(self.erase(&mut Blocking(conn)))
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
        Conn::Backend: AnswersText,
        Self: Erasable<Conn::Backend>,
    {
        self.erase(&mut crate::connection::Asynchronous(conn)).await
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
