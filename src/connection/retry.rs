//! Trying again what others were in the way of.

use std::time::{Duration, Instant};

use diesel::result::QueryResult;

use super::executor::Executor;
use super::faults::{Fault, fault};
use crate::error::Error;

/// How often something is tried.
const TRIES: u32 = 10;

/// What is tried again when others are in the way: a statement, or a transaction as a whole.
#[derive(Debug)]
pub(crate) struct Retries {
    tried: u32,
    outermost: bool,
    /// How long locks are waited for, and since when.
    locks: Option<(Duration, Instant)>,
}

impl Retries {
    /// Inside a transaction of the caller's nothing is tried again, since that transaction must be tried as a whole.
    pub(crate) fn new<X: Executor>(x: &mut X) -> QueryResult<Self> {
        Ok(Self { tried: 0, outermost: !x.in_transaction()?, locks: None })
    }

    /// Outside of transactions: locks that time out are tried again as well, for this long.
    pub(crate) fn while_locked(window: Duration) -> Self {
        Self { tried: 0, outermost: true, locks: Some((window, Instant::now())) }
    }

    /// How often something was tried again.
    pub(crate) fn count(&self) -> u64 {
        self.tried.into()
    }

    /// Whether the caller holds no transaction.
    pub(crate) fn is_outermost(&self) -> bool {
        self.outermost
    }

    /// Waits, and returns true, if it should be tried again after this error.
    pub(crate) async fn again<X: Executor>(&mut self, x: &mut X, error: &Error) -> QueryResult<bool> {
        let again = match (error, self.locks) {
            (Error::Database(error), Some((window, since))) if matches!(fault(error), Fault::Busy | Fault::Locked) => {
                since.elapsed() < window
            }
            _ => self.outermost && self.tried + 1 < TRIES && passes(error),
        };
        if again {
            x.sleep(backoff(self.tried) + Duration::from_millis(1)).await?;
            self.tried += 1;
        }
        Ok(again)
    }
}

/// Whether an error passes when the whole transaction is tried again: a deadlock, a failure to serialize, and on SQLite
/// another connection that writes.
pub(crate) fn passes(error: &Error) -> bool {
    matches!(error, Error::Database(error) if matches!(fault(error), Fault::Again | Fault::Busy))
}

/// The first pause before a batch is tried again; each is twice as long as the one before.
const BACKOFF: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// Twice as long each time, and never the same for two runners.
pub(crate) fn backoff(tries: u32) -> Duration {
    let longest = BACKOFF.saturating_mul(1 << tries.min(10)).min(LONGEST_BACKOFF);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}
