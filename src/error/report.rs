//! What a purge reports while it runs, and at its end.

use std::fmt;
use std::time::Duration;

/// What a purge job did to one table.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PurgeReport {
    /// The table, with its schema if it has one.
    pub table: String,
    /// How many rows were removed. In a dry run, it is how many would have been removed.
    pub rows: u64,
    /// How many of them were copied into the archive. It is 0 without an archive and in a dry run.
    pub archived: u64,
    /// How many transactions removed rows.
    pub batches: u64,
    /// How long the job took, including its pauses.
    #[cfg_attr(feature = "serde", serde(serialize_with = "seconds"))]
    pub elapsed: Duration,
    /// Why it ended.
    pub stopped: Stopped,
    /// The first hundred rows that could not be removed.
    pub blocked: Vec<Blocked>,
    /// How many rows could not be removed.
    pub blocked_rows: u64,
    /// How often a batch was tried again after a deadlock, a failure to serialize or a lock timeout.
    pub retries: u64,
    /// Whether `.dry_run()` was used, so that nothing was changed.
    pub dry_run: bool,
    /// What an operator should know.
    ///
    /// Examples are a missing index, a table without transactions, rows whose age or key is not known, keys that SQLite
    /// uses again, and row security.
    pub notes: Vec<String>,
}

impl PurgeReport {
    pub(crate) fn new(table: String, dry_run: bool) -> Self {
        Self {
            table,
            rows: 0,
            archived: 0,
            batches: 0,
            elapsed: Duration::ZERO,
            stopped: Stopped::Failed,
            blocked: Vec::new(),
            blocked_rows: 0,
            retries: 0,
            dry_run,
            notes: Vec::new(),
        }
    }

    /// Returns whether every row that was old enough at the start was removed: the job reached its end, and no row is
    /// blocked.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let report = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches().run(conn)?;
    /// assert!(report.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stopped == Stopped::Complete && self.blocked_rows == 0
    }
}

/// Writes one line, for a log.
impl fmt::Display for PurgeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "would remove" } else { "removed" };
        write!(f, "{}: {verb} {}", self.table, Count(self.rows, "row"))?;
        if self.archived > 0 {
            write!(f, " ({} archived)", grouped(self.archived))?;
        }
        let batches = Count(self.batches, "batch");
        write!(f, " in {batches}, {:.3} s, {}", self.elapsed.as_secs_f64(), self.stopped)?;
        if self.blocked_rows > 0 {
            write!(f, ", {} blocked", Count(self.blocked_rows, "row"))?;
        }
        if self.retries > 0 {
            write!(f, ", tried again {}", Count(self.retries, "time"))?;
        }
        for note in &self.notes {
            write!(f, "; {note}")?;
        }
        Ok(())
    }
}

/// Why a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Stopped {
    /// It reached the last row that was old enough.
    Complete,
    /// It removed `.max_rows(..)` rows, and there may be more.
    MaxRows,
    /// The time of `.max_duration(..)` has passed.
    MaxDuration,
    /// `.stop_when(..)` returned `true`.
    StopWhen,
    /// More rows or ranges than `.max_blocked(..)` allows could not be removed.
    MaxBlocked,
    /// Another runner has the name of `.exclusive(..)`, so this one removed nothing.
    AnotherRunner,
    /// It failed. This value is in the report that the error contains.
    Failed,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::MaxRows => "stopped at the limit of rows",
            Self::MaxDuration => "stopped at the limit of time",
            Self::StopWhen => "stopped by `.stop_when(..)`",
            Self::MaxBlocked => "stopped: too many rows are blocked",
            Self::AnotherRunner => "stopped: another runner has the name",
            Self::Failed => "failed",
        })
    }
}

/// A row that a job could not remove. It stays, and the next run tries to remove it again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Blocked {
    /// The table of the row.
    pub table: String,
    /// Its primary key, as `(a, b)` if it has several columns.
    pub key: String,
    /// What keeps it.
    pub cause: BlockedBy,
    /// The constraint, if the database tells it. SQLite does not.
    pub constraint: Option<String>,
    /// The message of the database.
    pub message: String,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} is blocked", self.table, self.key)?;
        if let Some(constraint) = &self.constraint {
            write!(f, " by `{constraint}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What keeps a blocked row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum BlockedBy {
    /// A constraint: a foreign key of a child's row, or a unique index of the archive.
    Constraint,
    /// Another transaction had locked it at both tries.
    Lock,
    /// Anything else, such as a trigger. Of several rows that a trigger keeps silently, only the first is reported.
    Other,
}

/// The progress of a job, which `.on_progress(..)` gets after every batch.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Progress {
    /// The table.
    pub table: String,
    /// How many rows were removed so far. In a dry run, it is how many were found.
    pub rows: u64,
    /// How many rows were copied into the archive so far.
    pub archived: u64,
    /// How many batches there were so far.
    pub batches: u64,
    /// How many rows could not be removed so far.
    pub blocked: u64,
    /// How many rows the last batch removed.
    pub batch_rows: u64,
    /// How long the last batch took.
    #[cfg_attr(feature = "serde", serde(serialize_with = "seconds"))]
    pub batch_elapsed: Duration,
    /// How long the job has been running.
    #[cfg_attr(feature = "serde", serde(serialize_with = "seconds"))]
    pub elapsed: Duration,
}

/// Writes one line, for a log or a progress bar.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, batches) = (Count(self.rows, "row"), Count(self.batches, "batch"));
        write!(f, "{}: {rows} in {batches} so far, {:.3} s", self.table, self.elapsed.as_secs_f64())
    }
}

/// What a retention policy did.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RetentionReport {
    /// One report per table, in the order of the run. Tables that were not reached are missing.
    pub tables: Vec<PurgeReport>,
    /// Why it ended. If no limit of the policy ended it, it is the first reason of a table that is not
    /// [`Stopped::Complete`].
    pub stopped: Stopped,
    /// How long it took.
    #[cfg_attr(feature = "serde", serde(serialize_with = "seconds"))]
    pub elapsed: Duration,
}

impl RetentionReport {
    /// Returns how many rows were removed from all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Returns whether all tables reached their end, and no row is blocked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stopped == Stopped::Complete && self.tables.iter().all(PurgeReport::is_complete)
    }
}

/// Writes a line for each table, and one line for all of them.
impl fmt::Display for RetentionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            writeln!(f, "{table}")?;
        }
        write!(f, "all tables: {}, {:.3} s, {}", Count(self.rows(), "row"), self.elapsed.as_secs_f64(), self.stopped)?;
        match self.tables.iter().map(|table| table.blocked_rows).sum() {
            0 => Ok(()),
            blocked => write!(f, ", {} blocked", Count(blocked, "row")),
        }
    }
}

/// Writes a duration as seconds with a fraction, which every consumer of JSON can read.
#[cfg(feature = "serde")]
fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// A number of things, such as `1 row`, `1,500 rows` or `2 batches`.
pub(crate) struct Count(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let things = match (self.0, self.1) {
            (1, thing) => thing,
            (_, "batch") => "batches",
            (_, "copy") => "copies",
            (_, thing) => return write!(f, "{} {thing}s", grouped(self.0)),
        };
        write!(f, "{} {things}", grouped(self.0))
    }
}

/// Returns a number with a comma between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect::<Vec<_>>();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_as_people_write_them() {
        let counts =
            [Count(0, "row"), Count(1, "row"), Count(1, "batch"), Count(1_500, "batch"), Count(1_234_567, "row")];
        let texts = counts.map(|count| count.to_string());
        assert_eq!(texts, ["0 rows", "1 row", "1 batch", "1,500 batches", "1,234,567 rows"]);
    }

    #[test]
    fn a_report_says_what_is_left() {
        let table = PurgeReport {
            rows: 1_500,
            batches: 2,
            blocked_rows: 1,
            retries: 3,
            ..PurgeReport::new("posts".into(), false)
        };
        assert_eq!(
            table.to_string(),
            "posts: removed 1,500 rows in 2 batches, 0.000 s, failed, 1 row blocked, tried again 3 times"
        );
        let policy =
            RetentionReport { tables: vec![table], stopped: Stopped::MaxRows, elapsed: Duration::from_secs(2) };
        let last = policy.to_string().lines().last().map(str::to_owned);
        assert_eq!(
            last.as_deref(),
            Some("all tables: 1,500 rows, 2.000 s, stopped at the limit of rows, 1 row blocked")
        );
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_serialized_duration_is_a_number_of_seconds() -> Result<(), serde_json::Error> {
        let report = PurgeReport { elapsed: Duration::from_millis(1_500), ..PurgeReport::new("posts".into(), true) };
        let json = serde_json::to_value(&report)?;
        assert_eq!(
            (&json["table"], &json["elapsed"], &json["stopped"]),
            (&"posts".into(), &1.5.into(), &"Failed".into())
        );
        Ok(())
    }
}
