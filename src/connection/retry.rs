//! The one retry loop: which errors are tried again, how often, and after which pause.

use std::time::{Duration, Instant};

use diesel::result::QueryResult;

use super::executor::Executor;
use super::faults::{Fault, fault};
use crate::error::Error;

/// How often a statement or transaction is tried in all.
const TRIES: u32 = 10;

/// The attempts of a statement, or of a transaction as a whole.
#[derive(Debug)]
pub(crate) struct Retries {
    tried: u32,
    outermost: bool,
    /// How long locked rows are tried again, and since when.
    locks: Option<(Duration, Instant)>,
}

impl Retries {
    /// Inside a caller's transaction nothing is tried again, since only the caller can repeat that transaction.
    pub(crate) fn new<X: Executor>(x: &mut X) -> QueryResult<Self> {
        Ok(Self { tried: 0, outermost: !x.in_transaction()?, locks: None })
    }

    /// Tries locks that time out again as well, for this long. It must not be used inside a transaction.
    pub(crate) fn while_locked(window: Duration) -> Self {
        Self { tried: 0, outermost: true, locks: Some((window, Instant::now())) }
    }

    /// How often it was tried again.
    pub(crate) fn count(&self) -> u64 {
        self.tried.into()
    }

    /// Whether the caller has not opened a transaction.
    pub(crate) fn is_outermost(&self) -> bool {
        self.outermost
    }

    /// Waits and returns true, if it should be tried again after this error.
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

/// Whether the whole transaction can succeed when it is tried again. This is so after a deadlock or a failure to
/// serialize, and after another connection of SQLite wrote.
pub(crate) fn passes(error: &Error) -> bool {
    matches!(error, Error::Database(error) if matches!(fault(error), Fault::Again | Fault::Busy))
}

/// The first pause. Each further pause is twice as long.
const BACKOFF: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// The pause before a further try. It is random, so that two runners do not collide again.
pub(crate) fn backoff(tries: u32) -> Duration {
    let longest = BACKOFF.saturating_mul(1 << tries.min(10)).min(LONGEST_BACKOFF);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}
