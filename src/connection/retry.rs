//! How long to wait before something is tried again.

use std::time::Duration;

/// The first pause before a batch is tried again; each is twice as long as the one before.
const BACKOFF: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// Twice as long each time, and never the same for two runners.
pub(crate) fn backoff(tries: u32) -> Duration {
    let longest = BACKOFF.saturating_mul(1 << tries.min(10)).min(LONGEST_BACKOFF);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}
