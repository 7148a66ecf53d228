//! What a job says: while it runs, and at its end.

use std::fmt;
use std::time::Duration;

/// What a purge job did to one table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PurgeReport {
    /// The table, with its schema if it has one.
    pub table: String,
    /// How many rows were removed for good; in a dry run, how many would have been.
    pub rows: u64,
    /// How many of them are in the archive now; 0 without one and in a dry run.
    pub archived: u64,
    /// How many transactions removed them.
    pub batches: u64,
    /// How long the job took, pauses included.
    pub elapsed: Duration,
    /// Why it ended.
    pub stopped: Stopped,
    /// The first hundred rows that could not be removed, and stay.
    pub blocked: Vec<Blocked>,
    /// How many rows could not be removed.
    pub blocked_rows: u64,
    /// How often a batch was tried again: after a deadlock, a failure to serialize, a lock that was held.
    pub retries: u64,
    /// Whether nothing was changed, because of `.dry_run()`.
    pub dry_run: bool,
    /// What an operator should know. Examples are a table without an index for the job or without transactions, rows that stay
    /// because their age or their key is not known, keys that SQLite gives again, and row security.
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

    /// Whether every row that was old enough at the start is gone: the job came to its end, and no
    /// row is blocked.
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

/// One sentence, as for a log.
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
    /// It came to the last row that was old enough when it began.
    Complete,
    /// `.max_rows(..)` rows were removed, and there are more.
    MaxRows,
    /// `.max_duration(..)` was over.
    MaxDuration,
    /// `.stop_when(..)` said so.
    StopWhen,
    /// More rows or ranges than `.max_blocked(..)` allows could not be removed.
    MaxBlocked,
    /// Another runner has the name of `.exclusive(..)`, so this one removed nothing.
    AnotherRunner,
    /// An error ended it; this is in the report that the error carries.
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

/// A row that a job could not remove. It stays, and the next run tries again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocked {
    /// The table of the row.
    pub table: String,
    /// Its primary key; `(a, b)` for several columns.
    pub key: String,
    /// What holds it.
    pub cause: BlockedBy,
    /// The constraint, where the database names it (SQLite does not).
    pub constraint: Option<String>,
    /// What the database said.
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

/// What holds a blocked row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlockedBy {
    /// A constraint: a foreign key of a child row, a unique index of the archive.
    Constraint,
    /// Another transaction has locked it, twice.
    Lock,
    /// Anything else, such as a trigger; also one that keeps the row silently, then of several rows the first.
    Other,
}

/// How far a job is: what `.on_progress(..)` gets after every batch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The table.
    pub table: String,
    /// Rows removed so far; in a dry run, rows found.
    pub rows: u64,
    /// Rows archived so far.
    pub archived: u64,
    /// Batches so far.
    pub batches: u64,
    /// Rows that could not be removed so far.
    pub blocked: u64,
    /// Rows of the batch that just ended.
    pub batch_rows: u64,
    /// How long that batch took.
    pub batch_elapsed: Duration,
    /// How long the job has been running.
    pub elapsed: Duration,
}

/// What a policy did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetentionReport {
    /// One report per table, in the order of the run. Tables that were not reached are missing.
    pub tables: Vec<PurgeReport>,
    /// Why it ended: the reason of the last table, if that was not [`Stopped::Complete`].
    pub stopped: Stopped,
    /// How long it took.
    pub elapsed: Duration,
}

impl RetentionReport {
    /// How many rows were removed from all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Whether all tables came to their end, and no row is blocked.
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
