//! How long to wait before something is tried again.

use std::time::Duration;

/// The first pause before a batch is tried again; each is twice as long as the one before.
const BACKOFF: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// Twice as long each time, and never the same for two runners.
pub(crate) fn backoff(tries: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let longest = BACKOFF.saturating_mul(1 << tries.min(10)).min(LONGEST_BACKOFF);
    let random = RandomState::new().hash_one(tries) % 1000;
    longest / 2 + longest / 2 * u32::try_from(random).unwrap_or_default() / 1000
}
