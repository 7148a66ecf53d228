//! Running a statement with typed errors, and telling why it changed nothing.

use diesel::backend::Backend;
use diesel::connection::{Connection, LoadConnection};
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
#[cfg(feature = "async")]
use diesel::result::Error as DieselError;
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;

use super::purge::Purge;
use super::transition::{Transition, Verb};
use crate::error::Error;
use crate::hidden::{TableName, in_transaction, is_mysql, load_one};
use crate::marker::{SoftDeletable, Timestamped};
use crate::relation::RunsAlone;

/// What a soft delete or restore of one row did, or why it did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The row changed its state.
    Changed,
    /// The row was in that state already; it was left alone.
    AlreadyInState,
    /// The row was in the other state, but `.only_if(..)` was not true for it; it was left alone.
    Refused,
    /// No row matches the target.
    NotFound,
}

/// How many rows match the target, how many of them the verb would change by their state, and how
/// many by their state and `.only_if(..)`.
type Counts = (i64, i64, i64);
type CountTypes = (BigInt, BigInt, BigInt);

/// The query behind [`Counts`], over the target of the transition `Q`.
#[derive(Debug)]
pub struct Probe<'a, Q>(&'a Q);

impl<Q> Query for Probe<'_, Q> {
    type SqlType = CountTypes;
}

impl<Q: QueryId> QueryId for Probe<'_, Q> {
    type QueryId = Probe<'static, Q::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q, Conn> RunQueryDsl<Conn> for Probe<'_, Q> {}

impl<V, T, P, G, S, X, Set, C, R, DB> QueryFragment<DB> for Probe<'_, Transition<V, T, P, G, S, X, Set, C, R>>
where
    DB: Backend,
    V: Verb,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
    C: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Self(transition) = self;
        out.push_sql("SELECT COUNT(*), COUNT(CASE WHEN ");
        transition.walk_guard(out.reborrow())?;
        out.push_sql(" THEN 1 END), COUNT(CASE WHEN ");
        transition.walk_guard(out.reborrow())?;
        transition.only_if.walk_ast(out.reborrow())?;
        out.push_sql(" THEN 1 END) FROM ");
        transition.table.walk_ast(out.reborrow())?;
        transition.condition.walk_alone(out.reborrow())?;
        // InnoDB's plain SELECT reads the transaction's snapshot (REPEATABLE READ is its default), its
        // UPDATE the latest row.
        if is_mysql::<DB>() {
            // Kept prepared, it can make libmariadb wait for ever after a deadlock, as was seen.
            out.unsafe_to_cache_prepared();
            out.push_sql(" LOCK IN SHARE MODE");
        }
        Ok(())
    }
}

/// What the counts say after an UPDATE that changed `changed` rows; `None` if they contradict it,
/// because the row changed in between.
fn interpret<T: TableName>(changed: usize, counts: Option<Counts>) -> Result<Option<Outcome>, Error> {
    let not_one = |rows: u64| Error::NotOneRow { table: T::table_name(), rows };
    match (changed, counts) {
        (1, _) => Ok(Some(Outcome::Changed)),
        (0, Some((0, _, _))) => Ok(Some(Outcome::NotFound)),
        (0, Some((1, 0, _))) => Ok(Some(Outcome::AlreadyInState)),
        (0, Some((1, _, 0))) => Ok(Some(Outcome::Refused)),
        (0, Some((1, _, _))) | (0, None) => Ok(None),
        (0, Some((rows, _, _))) => Err(not_one(u64::try_from(rows).unwrap_or_default())),
        (rows, _) => Err(not_one(rows as u64)),
    }
}

/// How often an UPDATE is repeated whose row changed before it could be looked at.
const ATTEMPTS: usize = 3;

impl<V, T, P, G, S, X, Set, C, R> Transition<V, T, P, G, S, X, Set, C, R>
where
    V: Verb,
    T: SoftDeletable,
{
    /// Executes the statement and returns how many rows changed; as `.execute(conn)`, with the
    /// errors of this crate.
    ///
    /// Inside a transaction it runs in a savepoint, so that the transaction stays usable after an
    /// error on PostgreSQL.
    ///
    /// # Errors
    ///
    /// [`RestoreConflict`](Error::RestoreConflict) if a restored row collides with a live one on a
    /// unique index; else [`Database`](Error::Database) and what the statement's methods document.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// # diesel::sql_query("CREATE UNIQUE INDEX live_titles ON posts (title) WHERE is_deleted = FALSE").execute(conn)?;
    /// use diesel_soft_delete::Error;
    ///
    /// // `Two` is deleted, and somebody else writes a new `Two`:
    /// diesel::update(posts::table.find(1)).set(posts::title.eq("Two")).execute(conn)?;
    /// let error = posts::table.find(2).restore().run(conn).unwrap_err();
    /// assert!(matches!(error, Error::RestoreConflict { table, .. } if table == "posts"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<usize, Error>
    where
        Conn: Connection,
        T::Relations: RunsAlone<V>,
        Self: QueryFragment<Conn::Backend> + QueryId,
    {
        self.check()?;
        // PostgreSQL gives up a whole transaction after an error; a savepoint keeps it usable.
        let result = if in_transaction(conn)? {
            conn.transaction(|conn| conn.execute_returning_count(&self))
        } else {
            conn.execute_returning_count(&self)
        };
        result.map_err(V::error::<T>)
    }

    /// Executes the statement for one row and tells what happened to it.
    ///
    /// The `UPDATE` comes first; only if it changed nothing a `SELECT COUNT(..)` over the target
    /// finds out why. Both in one transaction (a savepoint inside the caller's).
    ///
    /// # Errors
    ///
    /// [`NotOneRow`](Error::NotOneRow) if more than one row changed, or more than one matched and
    /// none changed; then nothing is changed. [`Contended`](Error::Contended) if the row changed
    /// between the two statements three times in a row. Else as [`run`](Self::run).
    ///
    /// On MySQL the `SELECT` is a locking read, since the snapshot of a transaction can be older than
    /// what the `UPDATE` saw. Through a `MultiConnection` it is a plain one: there, inside a
    /// transaction of yours at REPEATABLE READ, it tells what the snapshot says.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Outcome;
    ///
    /// assert_eq!(posts::table.find(1).soft_delete().outcome(conn)?, Outcome::Changed);
    /// assert_eq!(posts::table.find(1).soft_delete().outcome(conn)?, Outcome::AlreadyInState);
    /// assert_eq!(posts::table.find(9).soft_delete().outcome(conn)?, Outcome::NotFound);
    /// # Ok(())
    /// # }
    /// ```
    pub fn outcome<Conn>(self, conn: &mut Conn) -> Result<Outcome, Error>
    where
        Conn: Connection + LoadConnection,
        T::Relations: RunsAlone<V>,
        Conn::Backend: QueryMetadata<CountTypes>,
        Counts: FromSqlRow<CountTypes, Conn::Backend>,
        Self: QueryFragment<Conn::Backend> + QueryId,
        for<'a> Probe<'a, Self>: QueryFragment<Conn::Backend> + QueryId,
    {
        self.check()?;
        conn.transaction(|conn| {
            for _ in 0..ATTEMPTS {
                let changed = conn.execute_returning_count(&self).map_err(V::error::<T>)?;
                let counts = if changed == 0 { load_one(conn, Probe(&self))? } else { None };
                if let Some(outcome) = interpret::<T>(changed, counts)? {
                    return Ok(outcome);
                }
            }
            Err(Error::Contended { table: T::table_name() })
        })
    }
}

impl<T, P, G, R> Purge<T, P, G, R>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    /// Executes the purge and returns how many rows were removed; as `.execute(conn)`, with the
    /// errors of this crate.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use chrono::TimeDelta;
    /// use diesel_soft_delete::Error;
    ///
    /// let error = posts::table.purge_older_than(TimeDelta::days(-1)).run(conn).unwrap_err();
    /// assert!(matches!(error, Error::NegativeAge { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<usize, Error>
    where
        Conn: Connection,
        Self: QueryFragment<Conn::Backend> + QueryId,
    {
        conn.execute_returning_count(&self).map_err(Error::from)
    }
}

#[cfg(feature = "async")]
pub(super) mod with_diesel_async {
    use diesel_async::{AsyncConnection, TransactionManager};

    use super::*;
    use crate::hidden::{in_async_transaction, load_one_async};

    /// Runs `work` in a transaction: a savepoint inside the caller's.
    ///
    /// By hand, since a generic `AsyncFnOnce` that borrows the statement is not known to be `Send`.
    macro_rules! in_transaction {
        ($conn:ident, $work:expr) => {{
            Conn::TransactionManager::begin_transaction($conn).await?;
            let result: Result<_, Error> = $work.await;
            match result {
                Ok(value) => {
                    Conn::TransactionManager::commit_transaction($conn).await?;
                    Ok(value)
                }
                Err(error) => match Conn::TransactionManager::rollback_transaction($conn).await {
                    Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
                    Err(rollback) => Err(rollback.into()),
                },
            }
        }};
    }

    pub(in crate::statement) use in_transaction;

    impl<V, T, P, G, S, X, Set, C, R> Transition<V, T, P, G, S, X, Set, C, R>
    where
        V: Verb,
        T: SoftDeletable,
    {
        /// [`run`](Self::run) for a connection of diesel-async.
        ///
        /// Inside a transaction, a future that is dropped half-way leaves its savepoint open, as
        /// any transaction of diesel-async does: discard the connection (its pools do).
        pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<usize, Error>
        where
            Conn: AsyncConnection,
            Self: QueryFragment<Conn::Backend> + QueryId,
        {
            self.check()?;
            if in_async_transaction(conn)? {
                in_transaction!(conn, async { conn.execute_returning_count(self).await.map_err(V::error::<T>) })
            } else {
                conn.execute_returning_count(self).await.map_err(V::error::<T>)
            }
        }

        /// [`outcome`](Self::outcome) for a connection of diesel-async.
        ///
        /// A future that is dropped half-way leaves its transaction open, as any transaction of
        /// diesel-async does: discard the connection (its pools do).
        pub async fn outcome_async<Conn>(self, conn: &mut Conn) -> Result<Outcome, Error>
        where
            Conn: AsyncConnection,
            Conn::Backend: QueryMetadata<CountTypes>,
            Counts: FromSqlRow<CountTypes, Conn::Backend>,
            Self: QueryFragment<Conn::Backend> + QueryId,
            for<'a> Probe<'a, Self>: QueryFragment<Conn::Backend> + QueryId,
        {
            self.check()?;
            in_transaction!(conn, async {
                for _ in 0..ATTEMPTS {
                    let changed = conn.execute_returning_count(&self).await.map_err(V::error::<T>)?;
                    let counts = if changed == 0 { load_one_async(conn, Probe(&self)).await? } else { None };
                    if let Some(outcome) = interpret::<T>(changed, counts)? {
                        return Ok(outcome);
                    }
                }
                Err(Error::Contended { table: T::table_name() })
            })
        }
    }

    impl<T, P, G, R> Purge<T, P, G, R>
    where
        T: SoftDeletable,
        T::Stamp: Timestamped,
    {
        /// [`run`](Self::run) for a connection of diesel-async.
        pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<usize, Error>
        where
            Conn: AsyncConnection,
            Self: QueryFragment<Conn::Backend> + QueryId,
        {
            conn.execute_returning_count(self).await.map_err(Error::from)
        }
    }
}
