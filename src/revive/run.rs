//! Looks for the key, then revives or inserts, and looks again if another writer was faster.
//!
//! Outside of a transaction, each statement is its own transaction. Only one of them writes, so a transaction around
//! them would keep nothing together. It would cost two round trips. InnoDB would hold gap locks from the look to the
//! insert, so two calls for new keys would deadlock. It would also fix the snapshot, and hide the row that refused
//! the insert.

use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};
use diesel::sql_types::{HasSqlType, Integer};

use super::reviving::Reviving;
use super::sql::{Look, LookTypes};
use super::values::Assignments;
use super::verb::{OnKey, Revival};
use crate::connection::{AnswersText, Executor, Retries, RunsOn, dialect, end, runs_on};
use crate::declare::{CascadeDecided, Key, KeyOf, SoftDeletable, TableColumns};
use crate::dialect::Dialect;
use crate::diesel_internals::NamedTable;
use crate::error::Error;

/// How many attempts the verb makes while the row changes between the look and the change.
const ATTEMPTS: u32 = 10;

/// How often a unique index may refuse the change before another index than the key's is assumed.
///
/// Only refusals count after which the look finds the same row. One refusal is not enough, since a row can appear and
/// disappear in between.
const REFUSALS: u32 = 3;

/// A look that found a deleted row, or none, and the error of the change that followed.
type RefusedChange<T, DB> = (Option<Row<T, DB>>, Error);

/// A value of the table's primary key.
type Row<T, DB> = <KeyOf<T> as Key<DB>>::Value;

impl<T, I, C, W, DB> RunsOn<DB> for OnKey<T, I, C, W>
where
    DB: AnswersText + HasSqlType<Integer> + QueryMetadata<LookTypes<T>>,
    T: SoftDeletable + QueryFragment<DB>,
    T::AllColumns: TableColumns,
    T::Relations: CascadeDecided<W>,
    I: QueryFragment<DB> + QueryId,
    C: Assignments<DB>,
    KeyOf<T>: Key<DB>,
    W: Reviving<DB, T, I, C>,
    (Row<T, DB>, i32): FromSqlRow<LookTypes<T>, DB>,
{
    runs_on!(Revival, async |verb: Self, x| Running { verb: &verb, x }.run().await);
}

/// An `insert_or_revive` on a connection.
struct Running<'a, T: SoftDeletable, I, C, W, X> {
    verb: &'a OnKey<T, I, C, W>,
    x: &'a mut X,
}

impl<T, I, C, W, X> Running<'_, T, I, C, W, X>
where
    X: Executor,
    X::Backend: HasSqlType<Integer> + QueryMetadata<LookTypes<T>>,
    T: SoftDeletable + QueryFragment<X::Backend>,
    T::AllColumns: TableColumns,
    I: QueryFragment<X::Backend> + QueryId,
    C: Assignments<X::Backend>,
    KeyOf<T>: Key<X::Backend>,
    W: Reviving<X::Backend, T, I, C>,
    (Row<T, X::Backend>, i32): FromSqlRow<LookTypes<T>, X::Backend>,
{
    async fn run(&mut self) -> Result<Revival, Error> {
        self.check()?;
        let mut retries = Retries::new(self.x)?;
        let outermost = retries.is_outermost();
        // In a transaction, a plain SELECT of InnoDB can return old rows. The dialect is read after the first look,
        // since reading it can be a statement. Wrong values must be an error before any statement.
        let mut snapshots = None;
        let mut lock = false;
        // The result of the look before a unique index refused the change, and how often that happened in a row.
        let mut refused: Option<RefusedChange<T, X::Backend>> = None;
        let mut refusals = 0;
        let mut tried = 0;
        while tried < ATTEMPTS {
            let look = self.look(lock).await.map_err(Error::from);
            let snapshots = match snapshots {
                Some(snapshots) => snapshots,
                None if look.is_err() => false,
                None => *snapshots.insert(!outermost && dialect(self.x).await? == Dialect::Mysql),
            };
            let deleted = match look {
                Ok(Some((_, true))) if snapshots && !lock => {
                    lock = true;
                    continue;
                }
                Ok(Some((_, true))) => return Ok(Revival::Live),
                Ok(found) => found.map(|(row, _)| row),
                Err(error) if retries.again(self.x, &error).await? => continue,
                Err(error) => return Err(error),
            };
            refusals = match refused.take() {
                Some((before, error)) if before == deleted => {
                    if refusals == REFUSALS {
                        return Err(conflict::<T>(deleted.is_some(), error));
                    }
                    refusals
                }
                _ => 0,
            };
            match self.change(deleted.as_ref(), outermost).await {
                // Another writer restored or removed the deleted row.
                Ok(0) => {}
                Ok(_) if deleted.is_some() => return Ok(Revival::Revived),
                Ok(_) => return Ok(Revival::Inserted),
                Err(error) if refuses(&error) => {
                    refusals += 1;
                    refused = Some((deleted, error));
                }
                Err(error) if retries.again(self.x, &error).await? => {}
                Err(error) => return Err(error),
            }
            lock = snapshots;
            tried += 1;
        }
        Err(match refused {
            Some((deleted, error)) => conflict::<T>(deleted.is_some(), error),
            None => Error::Contended { table: T::table_name() },
        })
    }

    /// Refuses wrong values, before the first statement.
    fn check(&self) -> Result<(), Error> {
        self.verb.check_columns(W::CASCADES)?;
        W::check()?;
        let assignments = self.verb.changeset.assignments();
        match self.verb.key.iter().find(|part| !assignments.iter().any(|assignment| assignment.is_of(&part.column))) {
            None => Ok(()),
            Some(part) => Err(part.without_value()),
        }
    }

    /// Returns the row that has the key, and whether it is active.
    async fn look(&mut self, lock: bool) -> QueryResult<Option<(Row<T, X::Backend>, bool)>> {
        let rows: Vec<(Row<T, X::Backend>, i32)> = self.x.load(Look { verb: self.verb, lock }).await?;
        Ok(rows.into_iter().next().map(|(row, active)| (row, active == 1)))
    }

    /// Revives the deleted row, or inserts if there is no such row, and returns the number of changed rows.
    async fn change(&mut self, deleted: Option<&Row<T, X::Backend>>, outermost: bool) -> Result<usize, Error> {
        if outermost {
            return self.statement(deleted).await;
        }
        // PostgreSQL aborts a whole transaction at an error, and a savepoint keeps it usable.
        self.x.begin().await?;
        let result = self.statement(deleted).await;
        end(self.x, result).await
    }

    async fn statement(&mut self, deleted: Option<&Row<T, X::Backend>>) -> Result<usize, Error> {
        match deleted {
            Some(row) => W::revive(self.verb, self.x, row).await,
            None => Ok(self.x.execute(&self.verb.insert).await?),
        }
    }
}

/// Returns whether a unique index or an exclusion constraint refused the change.
fn refuses(error: &Error) -> bool {
    use DatabaseErrorKind::{ExclusionViolation, UniqueViolation};
    match error {
        Error::Database(DieselError::DatabaseError(kind, _)) => matches!(kind, UniqueViolation | ExclusionViolation),
        error => matches!(error, Error::RestoreConflict { .. }),
    }
}

/// Returns the error for a unique index that is not the key's.
fn conflict<T: NamedTable>(revives: bool, error: Error) -> Error {
    match error {
        Error::Database(error) if revives => Error::of_restore(T::table_name, error),
        error => error,
    }
}
