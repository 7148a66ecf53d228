//! What a purge reports while it runs, and at its end.

use std::fmt;
use std::time::Duration;

/// What a purge job did to one table.
#[derive(Debug, Clone, PartialEq)]
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
        write!(f, "{}: {verb} {} rows", self.table, self.rows)?;
        if self.archived > 0 {
            write!(f, " ({} archived)", self.archived)?;
        }
        write!(f, " in {} batches, {:.3} s, {}", self.batches, self.elapsed.as_secs_f64(), self.stopped)?;
        if self.blocked_rows > 0 {
            write!(f, ", {} blocked", self.blocked_rows)?;
        }
        if self.retries > 0 {
            write!(f, ", {} retries", self.retries)?;
        }
        for note in &self.notes {
            write!(f, "; {note}")?;
        }
        Ok(())
    }
}

/// Why a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
            Self::StopWhen => "stopped as asked",
            Self::MaxBlocked => "stopped: too many rows are blocked",
            Self::AnotherRunner => "stopped: another runner is at work",
            Self::Failed => "failed",
        })
    }
}

/// A row that a job could not remove. It stays, and the next run tries to remove it again.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub batch_elapsed: Duration,
    /// How long the job has been running.
    pub elapsed: Duration,
}

/// What a retention policy did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetentionReport {
    /// One report per table, in the order of the run. Tables that were not reached are missing.
    pub tables: Vec<PurgeReport>,
    /// Why it ended. If no limit of the policy ended it, it is the first reason of a table that is not
    /// [`Stopped::Complete`].
    pub stopped: Stopped,
    /// How long it took.
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

impl std::fmt::Display for RetentionReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for table in &self.tables {
            writeln!(f, "{table}")?;
        }
        write!(f, "{} rows, {}", self.rows(), self.stopped)
    }
}
