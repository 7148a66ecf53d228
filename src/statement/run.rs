//! Running a statement with typed errors, and telling why it changed nothing.

use diesel::connection::LoadConnection;
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_source::Column;
use diesel::result::{Error as DieselError, QueryResult};
use diesel::sql_types::BigInt;

use super::delete::{Cutoff, Purge};
use super::leaves::leaves_of;
use super::transition::{Transition, Verb};
use crate::connection::{AnswersText, Executor, Retries, RunsOn, end, is_reference, runs_on};
use crate::declare::{CascadeDecided, Rows, SoftDeletable, State, Timestamped};
use crate::dialect::{Dialect, Lock, SoftDeleteBackend, TableName as MigrationTable};
use crate::diesel_internals::backend_of;
use crate::error::Error;
use crate::schema::Leaves;

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

/// How many rows match the target, how many of them the verb would change by their state, how many by their state and
/// `.only_if(..)`, and how many are in the state that the verb leads to.
type Counts = (i64, i64, i64, i64);
type CountTypes = (BigInt, BigInt, BigInt, BigInt);

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
    DB: SoftDeleteBackend,
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
        out.push_sql(" THEN 1 END), COUNT(CASE WHEN ");
        let reached = if V::DELETES { Rows::Deleted } else { Rows::Active };
        transition.walk_state(reached, out.reborrow())?;
        out.push_sql(" THEN 1 END) FROM ");
        transition.table.walk_ast(out.reborrow())?;
        transition.condition.walk_alone(out.reborrow())?;
        // InnoDB's plain SELECT reads the transaction's snapshot (REPEATABLE READ is its default), its
        // UPDATE the latest row.
        if backend_of(&out).dialect() == Dialect::Mysql {
            // Kept prepared, it can make libmariadb wait for ever after a deadlock, as was seen.
            out.unsafe_to_cache_prepared();
            out.push_sql(Lock::Share.words(Dialect::Mysql));
        }
        Ok(())
    }
}

/// What the counts say after an UPDATE that changed `changed` rows; `None` if they contradict it,
/// because the row changed in between.
fn interpret<T: SoftDeletable>(changed: usize, counts: Option<Counts>) -> Result<Option<Outcome>, Error> {
    let not_one = |rows: u64| Error::NotOneRow { table: T::table_name(), rows };
    match (changed, counts) {
        (1, _) => Ok(Some(Outcome::Changed)),
        (0, Some((0, ..))) => Ok(Some(Outcome::NotFound)),
        // A flag is a number on MySQL and SQLite, and can be NULL where a declaration says that it cannot.
        (0, Some((1, 0, _, 0))) => {
            let column = <T::State as State>::Column::NAME.to_owned();
            Err(Error::InNeitherState { table: T::table_name(), column })
        }
        (0, Some((1, 0, ..))) => Ok(Some(Outcome::AlreadyInState)),
        (0, Some((1, _, 0, _))) => Ok(Some(Outcome::Refused)),
        (0, Some((1, ..))) | (0, None) => Ok(None),
        (0, Some((rows, ..))) => Err(not_one(u64::try_from(rows).unwrap_or_default())),
        (rows, _) => Err(not_one(rows as u64)),
    }
}

/// How often an UPDATE is repeated whose row changed before it could be looked at.
const ATTEMPTS: usize = 3;

/// One statement; in a savepoint inside the caller's transaction, which PostgreSQL would give up after an error.
async fn execute<X, Q>(x: &mut X, statement: &Q, named: fn(DieselError) -> Error) -> Result<usize, Error>
where
    X: Executor,
    Q: QueryFragment<X::Backend> + QueryId,
{
    if x.in_transaction()? {
        x.begin().await?;
        let result = x.execute(statement).await.map_err(named);
        return end(x, result).await;
    }
    let mut retries = Retries::new(x)?;
    loop {
        match x.execute(statement).await.map_err(named) {
            Err(error) if retries.again(x, &error).await? => {}
            result => return result,
        }
    }
}

impl<V, T, P, G, S, X, Set, C, R> Transition<V, T, P, G, S, X, Set, C, R>
where
    V: Verb,
    T: SoftDeletable,
{
    /// Executes the statement and returns how many rows changed; as `.execute(conn)`, with the
    /// errors of this crate.
    ///
    /// Inside a transaction it runs in a savepoint, so that the transaction stays usable after an
    /// error on PostgreSQL. Outside of one, a statement that meets a deadlock or a failure to serialize is tried again,
    /// up to ten times. (Two soft deletes of one row at once fail so on PostgreSQL where the table is partitioned by the
    /// flag.)
    ///
    /// # Errors
    ///
    /// [`RestoreConflict`](Error::RestoreConflict) if a restored row collides with an active one on a
    /// unique index or an exclusion constraint; else [`Database`](Error::Database) and what the statement's methods document.
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
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = usize>,
    {
        self.run_blocking(conn)
    }

    /// [`run`](Self::run) for a connection of diesel-async.
    ///
    /// Inside a transaction, a future that is dropped half-way leaves its savepoint open, as
    /// any transaction of diesel-async does: discard the connection (its pools do).
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<usize, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Self: RunsOn<Conn::Backend, Output = usize>,
    {
        self.run_asynchronous(conn).await
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
    /// between the two statements three times in a row. [`InNeitherState`](Error::InNeitherState) if the row is neither
    /// active nor deleted. Its flag is then a number other than 0 and 1, or it is NULL against the declaration. Else as [`run`](Self::run), with its retries.
    ///
    /// On MySQL the `SELECT` is a locking read, since the snapshot of a transaction can be older than
    /// what the `UPDATE` saw.
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
        Conn: LoadConnection,
        WithOutcome<Self>: RunsOn<Conn::Backend, Output = Outcome>,
    {
        WithOutcome(self).run_blocking(conn)
    }

    /// [`outcome`](Self::outcome) for a connection of diesel-async.
    ///
    /// A future that is dropped half-way leaves its transaction open, as any transaction of
    /// diesel-async does: discard the connection (its pools do).
    ///
    /// # Errors
    ///
    /// Those of [`outcome`](Self::outcome).
    #[cfg(feature = "async")]
    pub async fn outcome_async<Conn>(self, conn: &mut Conn) -> Result<Outcome, Error>
    where
        Conn: diesel_async::AsyncConnection,
        WithOutcome<Self>: RunsOn<Conn::Backend, Output = Outcome>,
    {
        WithOutcome(self).run_asynchronous(conn).await
    }

    async fn changed_rows<Y>(self, x: &mut Y) -> Result<usize, Error>
    where
        Y: Executor,
        Self: QueryFragment<Y::Backend> + QueryId,
    {
        self.check()?;
        execute(x, &self, V::error::<T>).await
    }

    async fn find_out<Y>(&self, x: &mut Y) -> Result<Outcome, Error>
    where
        Y: Executor,
        Y::Backend: QueryMetadata<CountTypes>,
        Counts: FromSqlRow<CountTypes, Y::Backend>,
        Self: QueryFragment<Y::Backend> + QueryId,
        for<'a> Probe<'a, Self>: QueryFragment<Y::Backend> + QueryId,
    {
        self.check()?;
        let mut retries = Retries::new(x)?;
        loop {
            x.begin().await?;
            let result = self.look(x).await;
            match end(x, result).await {
                Err(error) if retries.again(x, &error).await? => {}
                result => return result,
            }
        }
    }

    /// Inside the transaction.
    async fn look<Y>(&self, x: &mut Y) -> Result<Outcome, Error>
    where
        Y: Executor,
        Y::Backend: QueryMetadata<CountTypes>,
        Counts: FromSqlRow<CountTypes, Y::Backend>,
        Self: QueryFragment<Y::Backend> + QueryId,
        for<'a> Probe<'a, Self>: QueryFragment<Y::Backend> + QueryId,
    {
        for _ in 0..ATTEMPTS {
            let changed = x.execute(self).await.map_err(V::error::<T>)?;
            let counts = if changed == 0 { x.load(Probe(self)).await?.into_iter().next() } else { None };
            if let Some(outcome) = interpret::<T>(changed, counts)? {
                return Ok(outcome);
            }
        }
        Err(Error::Contended { table: T::table_name() })
    }
}

impl<V, T, P, G, S, X, Set, C, R, DB> RunsOn<DB> for Transition<V, T, P, G, S, X, Set, C, R>
where
    DB: AnswersText,
    V: Verb,
    T: SoftDeletable,
    T::Relations: CascadeDecided<V>,
    Self: QueryFragment<DB> + QueryId,
{
    runs_on!(usize, Self::changed_rows);
}

/// A soft delete or a restore whose [`outcome`](Transition::outcome) is asked for.
///
/// A generic function that calls `.outcome(conn)` is bounded by `WithOutcome<..>: RunsOn<DB, Output = Outcome>`.
#[derive(Debug, Clone, Copy)]
pub struct WithOutcome<Q>(Q);

impl<V, T, P, G, S, X, Set, C, R, DB> RunsOn<DB> for WithOutcome<Transition<V, T, P, G, S, X, Set, C, R>>
where
    DB: AnswersText + QueryMetadata<CountTypes>,
    V: Verb,
    T: SoftDeletable,
    T::Relations: CascadeDecided<V>,
    Counts: FromSqlRow<CountTypes, DB>,
    Transition<V, T, P, G, S, X, Set, C, R>: QueryFragment<DB> + QueryId,
    for<'a> Probe<'a, Transition<V, T, P, G, S, X, Set, C, R>>: QueryFragment<DB> + QueryId,
{
    runs_on!(Outcome, async |with: Self, x| with.0.find_out(x).await);
}

/// The `DELETE` of those rows of a purge that no other row of the table refers to.
#[derive(Debug)]
pub struct PurgeLeaves<'a, Q> {
    purge: &'a Q,
    leaves: &'a Leaves,
}

impl<Q> QueryId for PurgeLeaves<'_, Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, P, G, R, DB> QueryFragment<DB> for PurgeLeaves<'_, Purge<T, P, G, R>>
where
    DB: SoftDeleteBackend,
    T: SoftDeletable + QueryFragment<DB>,
    T::Stamp: Timestamped,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
    Cutoff<T>: QueryFragment<DB>,
    R: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.purge.walk(Some(self.leaves), out)
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
    /// Inside a transaction it runs in a savepoint, so that the transaction stays usable after an error on PostgreSQL.
    ///
    /// Rows that refer to each other in the same table, such as a comment and its replies, are removed whatever their
    /// order. MySQL can refuse the one `DELETE`, since it tests a foreign key row by row. Then the rows that no row refers
    /// to are removed first, until no more go, in one transaction. `.execute(conn)` sends the one `DELETE` alone, and
    /// returns its error.
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
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = usize>,
    {
        self.run_blocking(conn)
    }

    /// [`run`](Self::run) for a connection of diesel-async.
    ///
    /// Inside a transaction, a future that is dropped half-way leaves its savepoint open, as any transaction of
    /// diesel-async does: discard the connection (its pools do).
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<usize, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Self: RunsOn<Conn::Backend, Output = usize>,
    {
        self.run_asynchronous(conn).await
    }

    async fn purge<X>(self, x: &mut X) -> Result<usize, Error>
    where
        X: Executor,
        Self: QueryFragment<X::Backend> + QueryId,
        for<'a> PurgeLeaves<'a, Self>: QueryFragment<X::Backend>,
    {
        let error = match execute(x, &self, Error::from).await {
            Err(Error::Database(error)) if is_reference(&error) => error,
            result => return result,
        };
        let Ok(Some(leaves)) = leaves_of(x, MigrationTable::from_parts(T::name_parts())).await else {
            return Err(error.into());
        };
        x.begin().await?;
        let result = self.purge_leaves(x, &leaves).await;
        end(x, result).await
    }

    async fn purge_leaves<X>(&self, x: &mut X, leaves: &Leaves) -> Result<usize, Error>
    where
        X: Executor,
        Self: QueryFragment<X::Backend> + QueryId,
        for<'a> PurgeLeaves<'a, Self>: QueryFragment<X::Backend>,
    {
        let mut removed = 0;
        loop {
            match x.execute(PurgeLeaves { purge: self, leaves }).await? {
                0 => break,
                rows => removed += rows,
            }
        }
        // For the error of the foreign key that holds the others.
        Ok(removed + x.execute(self).await?)
    }
}

impl<T, P, G, R, DB> RunsOn<DB> for Purge<T, P, G, R>
where
    DB: AnswersText,
    T: SoftDeletable,
    T::Stamp: Timestamped,
    Self: QueryFragment<DB> + QueryId,
    for<'a> PurgeLeaves<'a, Self>: QueryFragment<DB>,
{
    runs_on!(usize, Self::purge);
}
