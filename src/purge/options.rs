//! The options of a job and of a policy.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::dialect::Dialect;
use crate::error::Error;

/// A length of time: `std::time::Duration`, or chrono's `TimeDelta`.
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
    message = "`{Self}` is not a length of time",
    note = "give a `std::time::Duration`, or a `chrono::TimeDelta` that is not negative"
)]
pub trait IntoDuration {
    /// Returns the length, or `None` if it is negative.
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

/// The options of a job or of a policy. Those of a policy are limits for each of its jobs.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(super) batch_size: Option<u64>,
    pub(super) max_rows: Option<u64>,
    pub(super) max_duration: Option<Duration>,
    /// The pause between batches. If it is `None`, [`Options::pause_after`] decides.
    pub(super) pause: Option<Duration>,
    pub(super) dry_run: bool,
    pub(super) min_age: Option<TimeDelta>,
    pub(super) lock_timeout: Option<Duration>,
    pub(super) max_blocked: Option<u64>,
    /// Child tables that a purge may reach through a foreign key.
    pub(super) reaches: Vec<String>,
    /// Columns that may have another type in the archive.
    pub(super) allowed_types: Vec<&'static str>,
    /// The first option with a value that it cannot have, and the reason.
    pub(super) wrong: Option<(&'static str, &'static str)>,
}

/// The methods that a job and a policy have in common, since both have a field `options`.
macro_rules! shared_options {
    () => {
        /// Removes at most this many rows in one transaction. The default is 1000.
        ///
        /// ```
        /// # include!("../doctest_setup.rs");
        /// # fn main() -> Result<(), diesel_soft_delete::Error> {
        /// # let conn = &mut connection();
        /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
        /// assert_eq!(job.batch_size(100).run(conn)?.batches, 1);
        /// # Ok(())
        /// # }
        /// ```
        pub fn batch_size(mut self, rows: u64) -> Self {
            self.options.batch_size = Some(rows);
            self
        }

        /// Removes at most this many rows in total. A policy counts the rows of all its tables together.
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

        /// Begins no new batch after this time, counted from the start of the run.
        ///
        /// ```
        /// # include!("../doctest_setup.rs");
        /// # fn main() -> Result<(), diesel_soft_delete::Error> {
        /// # let conn = &mut connection();
        /// use diesel_soft_delete::Stopped;
        ///
        /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
        /// assert_eq!(job.max_duration(chrono::TimeDelta::hours(1)).run(conn)?.stopped, Stopped::Complete);
        /// # Ok(())
        /// # }
        /// ```
        pub fn max_duration(mut self, duration: impl IntoDuration) -> Self {
            self.options.max_duration = Some(self.options.duration("max_duration", duration));
            self
        }

        /// Waits this long between batches, so that replicas and other users keep up.
        ///
        /// The default on the servers is not to wait. SQLite has one writer and no queue, so there the default is 1.35
        /// times the duration of the batch, at most 100 ms. `pause(Duration::ZERO)` is for an SQLite database that
        /// nobody else uses.
        ///
        /// ```
        /// # include!("../doctest_setup.rs");
        /// # fn main() -> Result<(), diesel_soft_delete::Error> {
        /// # let conn = &mut connection();
        /// use std::time::Duration;
        ///
        /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
        /// assert_eq!(job.pause(Duration::ZERO).run(conn)?.rows, 1);
        /// # Ok(())
        /// # }
        /// ```
        pub fn pause(mut self, duration: impl IntoDuration) -> Self {
            self.options.pause = Some(self.options.duration("pause", duration));
            self
        }

        /// Counts the rows that would be removed, batch by batch, and changes nothing. A policy does not take the lock
        /// of `exclusive`.
        ///
        /// The database refuses a row only when it is removed. So the count includes rows that a foreign key would
        /// hold.
        ///
        /// ```
        /// # include!("../doctest_setup.rs");
        /// # fn main() -> Result<(), diesel_soft_delete::Error> {
        /// # let conn = &mut connection();
        /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
        /// let report = job.dry_run().run(conn)?;
        /// assert!(report.to_string().starts_with("posts: would remove 1 row in 1 batch"));
        /// assert_eq!(posts::table.count().get_result::<i64>(conn)?, 3);
        /// # Ok(())
        /// # }
        /// ```
        pub fn dry_run(mut self) -> Self {
            self.options.dry_run = true;
            self
        }

        /// Refuses to purge rows younger than this. It protects against a configuration that says `3` instead of `30`.
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

/// The pause of a job on SQLite, as a multiple of its last batch, and its upper limit.
const SQLITE_PAUSE_FACTOR: f64 = 1.35;
const SQLITE_LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Options {
    /// Returns these options within the limits of a policy.
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

    /// Returns how long to wait after a batch that took this long.
    ///
    /// SQLite has one writer and no queue. A waiting writer polls the lock, so a job without a pause would starve the
    /// app. The servers queue their writers.
    pub(super) fn pause_after(&self, batch: Duration, dialect: Dialect) -> Duration {
        self.pause.unwrap_or_else(|| match dialect {
            Dialect::Sqlite if !self.dry_run => batch.mul_f64(SQLITE_PAUSE_FACTOR).min(SQLITE_LONGEST_PAUSE),
            _ => Duration::ZERO,
        })
    }

    /// Returns the length of time. If it is negative, it returns zero and notes that the option is wrong.
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
            // The clock has advanced since the cutoff was computed, so this test never refuses an age that is exactly
            // the minimum.
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
