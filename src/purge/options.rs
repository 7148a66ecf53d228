//! The options of a job.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::dialect::Dialect;
use crate::error::Error;

/// A length of time: `std::time::Duration` or chrono's `TimeDelta`.
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// use chrono::TimeDelta;
/// use std::time::Duration;
///
/// let job = posts::table.purge_older_than(TimeDelta::days(30)).in_batches();
/// job.max_duration(TimeDelta::minutes(10)).pause(Duration::from_millis(5)).run(conn)?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no length of time",
    note = "give a `std::time::Duration`, or a `chrono::TimeDelta` that is not negative"
)]
pub trait IntoDuration {
    /// The length; `None` if it is negative.
    fn into_duration(self) -> Option<Duration>;
}

impl IntoDuration for Duration {
    fn into_duration(self) -> Option<Duration> {
        Some(self)
    }
}

impl IntoDuration for TimeDelta {
    fn into_duration(self) -> Option<Duration> {
        self.to_std().ok()
    }
}

/// The default number of rows of a batch.
const BATCH_SIZE: u64 = 1000;
/// The default time that a batch waits for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The options of a job, or of a policy, where they are limits for every job.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(super) batch_size: Option<u64>,
    pub(super) max_rows: Option<u64>,
    pub(super) max_duration: Option<Duration>,
    /// Between batches; without one, what [`Options::pause_after`] says.
    pub(super) pause: Option<Duration>,
    pub(super) dry_run: bool,
    pub(super) min_age: Option<TimeDelta>,
    pub(super) lock_timeout: Option<Duration>,
    pub(super) max_blocked: Option<u64>,
    /// Child tables that a purge may reach through a foreign key.
    pub(super) reaches: Vec<String>,
    /// Columns that may have another type in the archive.
    pub(super) allowed_types: Vec<&'static str>,
    /// The first option that was given a value that it cannot have, and why.
    pub(super) wrong: Option<(&'static str, &'static str)>,
}

/// The options that a job and a policy have in common, for the `impl` of either.
macro_rules! shared_options {
    () => {
        /// Removes at most that many rows in a transaction. Default: 1000.
        pub fn batch_size(mut self, rows: u64) -> Self {
            self.options.batch_size = Some(rows);
            self
        }

        /// Removes at most that many rows, exactly. A policy counts the rows of all its tables together.
        ///
        /// ```
        /// # include!("../doctest_setup.rs");
        /// # fn main() -> Result<(), diesel_soft_delete::Error> {
        /// # let conn = &mut connection();
        /// use diesel_soft_delete::Stopped;
        ///
        /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
        /// assert_eq!(job.max_rows(0).run(conn)?.stopped, Stopped::MaxRows);
        /// # Ok(())
        /// # }
        /// ```
        pub fn max_rows(mut self, rows: u64) -> Self {
            self.options.max_rows = Some(rows);
            self
        }

        /// Begins no batch after this time, counted from the start of the run.
        pub fn max_duration(mut self, duration: impl IntoDuration) -> Self {
            self.options.max_duration = Some(self.options.duration("max_duration", duration));
            self
        }

        /// Waits between batches, so that replicas and other users keep up.
        ///
        /// Without it there is no pause on the servers. On SQLite, which has one writer and no queue, the job leaves the
        /// database to others for 1.35 times as long as the batch took, at most 100 ms; `pause(Duration::ZERO)`
        /// is for a database that nobody else uses.
        pub fn pause(mut self, duration: impl IntoDuration) -> Self {
            self.options.pause = Some(self.options.duration("pause", duration));
            self
        }

        /// Counts, batch by batch, what would be removed, and changes nothing. A policy takes no lock for `exclusive`.
        ///
        /// Whether a row is blocked shows only when it is removed, so rows that a foreign key would hold are counted too.
        pub fn dry_run(mut self) -> Self {
            self.options.dry_run = true;
            self
        }

        /// A floor below which no table is purged: against a configuration that reads `3` where `30` was meant.
        ///
        /// ```
        /// # include!("../doctest_setup.rs");
        /// # fn main() {
        /// # let conn = &mut connection();
        /// use chrono::TimeDelta;
        /// use diesel_soft_delete::Error;
        ///
        /// let job = posts::table.purge_older_than(TimeDelta::days(3)).in_batches().min_age(TimeDelta::days(7));
        /// assert!(matches!(job.run(conn), Err(Error::TooYoung { .. })));
        /// # }
        /// ```
        pub fn min_age(mut self, age: TimeDelta) -> Self {
            self.options.min_age = Some(age);
            self
        }
    };
}
pub(super) use shared_options;

/// How long a job leaves an SQLite database to others, in batches, and at most.
const SQLITE_PAUSE_FACTOR: f64 = 1.35;
const SQLITE_LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Options {
    /// These options, within the limits of a policy.
    pub(super) fn within(&self, limits: &Self) -> Self {
        fn both<T: Ord>(one: Option<T>, other: Option<T>) -> impl Iterator<Item = T> {
            one.into_iter().chain(other)
        }
        Self {
            batch_size: both(self.batch_size, limits.batch_size).min(),
            max_rows: both(self.max_rows, limits.max_rows).min(),
            max_duration: both(self.max_duration, limits.max_duration).min(),
            pause: both(self.pause, limits.pause).max(),
            min_age: both(self.min_age, limits.min_age).max(),
            dry_run: self.dry_run || limits.dry_run,
            ..self.clone()
        }
    }

    pub(super) fn batch_size(&self) -> u64 {
        self.batch_size.unwrap_or(BATCH_SIZE)
    }

    pub(super) fn lock_timeout(&self) -> Duration {
        self.lock_timeout.unwrap_or(LOCK_TIMEOUT)
    }

    /// How long to wait after a batch that took that long.
    ///
    /// SQLite has one writer and no queue: who waits looks again now and then, so a job that goes on at
    /// once would starve the app. The servers queue.
    pub(super) fn pause_after(&self, batch: Duration, dialect: Dialect) -> Duration {
        self.pause.unwrap_or_else(|| match dialect {
            Dialect::Sqlite if !self.dry_run => batch.mul_f64(SQLITE_PAUSE_FACTOR).min(SQLITE_LONGEST_PAUSE),
            _ => Duration::ZERO,
        })
    }

    /// A length of time, or zero and a remark that it was none.
    pub(super) fn duration(&mut self, option: &'static str, given: impl IntoDuration) -> Duration {
        given.into_duration().unwrap_or_else(|| {
            self.refuse(option, "it must not be negative");
            Duration::ZERO
        })
    }

    pub(super) fn refuse(&mut self, option: &'static str, why: &'static str) {
        self.wrong.get_or_insert((option, why));
    }

    pub(super) fn check(&self, table: &str, cutoff: Option<DateTime<Utc>>) -> Result<(), Error> {
        if let Some((option, why)) = self.wrong {
            return Err(Error::InvalidOption { option, why });
        }
        if self.batch_size() == 0 {
            return Err(Error::InvalidOption { option: "batch_size", why: "a batch needs at least one row" });
        }
        if i64::try_from(self.batch_size()).is_err() {
            return Err(Error::InvalidOption { option: "batch_size", why: "no database counts that far" });
        }
        match (self.min_age, cutoff) {
            (Some(min_age), _) if min_age < TimeDelta::zero() => {
                Err(Error::InvalidOption { option: "min_age", why: "it must not be negative" })
            }
            // The clock moved on since the cutoff was made, in favour of the job.
            (Some(min_age), Some(cutoff)) if Utc::now().signed_duration_since(cutoff) < min_age => {
                Err(Error::TooYoung { table: table.to_owned(), cutoff, min_age })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_on_sqlite_pauses_between_batches_by_default() {
        let batch = Duration::from_millis(20);
        let mut options = Options::default();
        assert_eq!(options.pause_after(batch, Dialect::Sqlite), Duration::from_millis(27));
        assert_eq!(options.pause_after(Duration::from_secs(9), Dialect::Sqlite), Duration::from_millis(100));
        assert_eq!(options.pause_after(batch, Dialect::Postgres), Duration::ZERO);
        assert_eq!(options.pause_after(batch, Dialect::Mysql), Duration::ZERO);
        options.dry_run = true;
        assert_eq!(options.pause_after(batch, Dialect::Sqlite), Duration::ZERO);
        options.dry_run = false;
        options.pause = Some(Duration::ZERO);
        assert_eq!(options.pause_after(batch, Dialect::Sqlite), Duration::ZERO);
        options.pause = Some(Duration::from_secs(1));
        assert_eq!(options.pause_after(batch, Dialect::Postgres), Duration::from_secs(1));
    }
}
