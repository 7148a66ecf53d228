//! A writer that changes one row after the other while a purge runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Returns the 99th percentile of the duration of `write`, which is called with scattered ids while `work` runs.
pub fn p99_beside<C: Send>(mut writer: C, write: impl Fn(&mut C, i32) + Sync, work: impl FnOnce()) -> Duration {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let handle = scope.spawn(|| {
            let mut took = Vec::new();
            let mut id = 1u64;
            while !done.load(Ordering::Relaxed) {
                id = (id * 48_271) % 2_147_483_647;
                let start = Instant::now();
                write(&mut writer, i32::try_from(id % u64::from(crate::ROWS)).unwrap_or_default() + 1);
                took.push(start.elapsed());
                std::thread::sleep(Duration::from_micros(200));
            }
            took.sort();
            took[took.len() * 99 / 100]
        });
        work();
        done.store(true, Ordering::Relaxed);
        handle.join().expect("the writer ends")
    })
}
