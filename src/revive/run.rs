//! Look, then revive or insert; again, if somebody was faster.
//!
//! Outside of a transaction each statement is one of its own: only one of them changes anything, so there is
//! nothing that a transaction around them would keep together. It would cost a round trip at each end, keep InnoDB's
//! locks of gaps over the look until the insert (two runs for new keys then wait for each other: a deadlock), and fix
//! the snapshot, so that the row that was in the way could not be seen.

use diesel::backend::Backend;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::target::Revivable;
use super::verb::Revival;
use crate::connection::{Executor, Retries, dialect, end};
use crate::dialect::Dialect;
use crate::error::Error;

/// How often it is tried when the row changes between the look and the change.
const ATTEMPTS: u32 = 10;

/// How often a unique index has to refuse the change, while no active row has the key and nothing is seen to happen to
/// it, until it is held to be another index. Once is too few: a row can have come and gone again in between.
const REFUSALS: u32 = 3;

/// Runs an `insert_or_revive`.
pub(super) async fn run<V, X>(verb: &V, x: &mut X) -> Result<Revival, Error>
where
    X: Executor,
    V: Revivable<X::Backend>,
{
    verb.check()?;
    let mut retries = Retries::new(x)?;
    let outermost = retries.is_outermost();
    // Inside a transaction, a plain SELECT of InnoDB can show rows as they were when it began. The dialect is asked for
    // after the first look, since that can be a statement, and wrong values must be refused before any.
    let mut snapshots = None;
    let mut lock = false;
    // What the look saw before a unique index refused the change, and how often it was that in a row.
    let mut refused: Option<(Option<V::Row>, Error)> = None;
    let mut refusals = 0;
    let mut tried = 0;
    while tried < ATTEMPTS {
        let look = verb.look(x, lock).await.map_err(Error::from);
        let snapshots = match snapshots {
            Some(snapshots) => snapshots,
            None if look.is_err() => false,
            None => *snapshots.insert(!outermost && dialect(x).await? == Dialect::Mysql),
        };
        let tombstone = match look {
            Ok(Some((_, true))) if snapshots && !lock => {
                lock = true;
                continue;
            }
            Ok(Some((_, true))) => return Ok(Revival::Live),
            Ok(found) => found.map(|(row, _)| row),
            Err(error) if retries.again(x, &error).await? => continue,
            Err(error) => return Err(error),
        };
        refusals = match refused.take() {
            Some((before, error)) if before == tombstone => {
                if refusals == REFUSALS {
                    return Err(conflict(verb, tombstone.is_some(), error));
                }
                refusals
            }
            _ => 0,
        };
        match change(verb, x, tombstone.as_ref(), outermost).await {
            // The deleted row is none any more.
            Ok(0) => {}
            Ok(_) if tombstone.is_some() => return Ok(Revival::Revived),
            Ok(_) => return Ok(Revival::Inserted),
            Err(error) if refuses(&error) => {
                refusals += 1;
                refused = Some((tombstone, error));
            }
            Err(error) if retries.again(x, &error).await? => {}
            Err(error) => return Err(error),
        }
        lock = snapshots;
        tried += 1;
    }
    Err(match refused {
        Some((tombstone, error)) => conflict(verb, tombstone.is_some(), error),
        None => Error::Contended { table: verb.table() },
    })
}

/// Whether a unique index, or an exclusion constraint, refused the change.
fn refuses(error: &Error) -> bool {
    use DatabaseErrorKind::{ExclusionViolation, UniqueViolation};
    match error {
        Error::Database(DieselError::DatabaseError(kind, _)) => matches!(kind, UniqueViolation | ExclusionViolation),
        error => matches!(error, Error::RestoreConflict { .. }),
    }
}

/// The refusal of a unique index that is not that of the key.
fn conflict<DB, V>(verb: &V, revives: bool, error: Error) -> Error
where
    DB: Backend,
    V: Revivable<DB>,
{
    match error {
        Error::Database(error) if revives => Error::of_restore(|| verb.table(), error),
        error => error,
    }
}

/// Revives the deleted row, or inserts.
async fn change<V, X>(verb: &V, x: &mut X, tombstone: Option<&V::Row>, outermost: bool) -> Result<usize, Error>
where
    X: Executor,
    V: Revivable<X::Backend>,
{
    if outermost {
        return statement(verb, x, tombstone).await;
    }
    // PostgreSQL gives up a whole transaction after an error; a savepoint keeps it usable.
    x.begin().await?;
    let result = statement(verb, x, tombstone).await;
    end(x, result).await
}

async fn statement<V, X>(verb: &V, x: &mut X, tombstone: Option<&V::Row>) -> Result<usize, Error>
where
    X: Executor,
    V: Revivable<X::Backend>,
{
    match tombstone {
        Some(row) => verb.revive(x, row).await,
        None => Ok(verb.insert(x).await?),
    }
}
