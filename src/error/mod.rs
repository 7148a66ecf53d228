//! What can go wrong, in one type.

mod finding;
mod report;

pub use finding::{Finding, FindingKind, Severity};
pub(crate) use report::Count;
pub use report::{Blocked, BlockedBy, Progress, PurgeReport, RetentionReport, Stopped};

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};

/// An error of this crate.
///
/// `.run(conn)`, `.outcome(conn)` and the migration helpers return it. `.execute(conn)` returns
/// Diesel's own error; there one of ours travels inside
/// [`QueryBuilderError`](diesel::result::Error::QueryBuilderError) or
/// [`SerializationError`](diesel::result::Error::SerializationError), and `Error::from` takes it out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Diesel or the database refused.
    #[error(transparent)]
    Database(diesel::result::Error),

    /// A restored row collides with an active row on a unique index, or on an exclusion constraint of PostgreSQL;
    /// no row was changed.
    #[error(
        "cannot restore in `{table}`: an active row has taken a unique value of a restored row{}. Nothing was changed. \
         Change or delete the active row first",
        constraint.as_deref().map(|name| format!(" (constraint `{name}`)")).unwrap_or_default()
    )]
    RestoreConflict {
        /// The table whose rows were to be restored.
        table: String,
        /// The violated constraint, where the backend names it (PostgreSQL does).
        constraint: Option<String>,
    },

    /// `.set(..)`, or the values of an `insert_or_revive`, assign a column that the statement sets itself; nothing was
    /// sent.
    #[error(
        "`.set(..)` or the values assign `{table}.{column}`, which this statement sets itself. Nothing was sent. \
         Leave that column out, or give the time with `.at(..)` or `.at_utc(..)`"
    )]
    ColumnSetTwice {
        /// The table of the statement.
        table: String,
        /// The column that was named again.
        column: String,
    },

    /// The age of a purge is negative; nothing was executed. (Its cutoff would lie in the future, and
    /// the purge would take every deleted row.)
    #[error("cannot purge rows older than {}: an age must not be negative", age_text(age))]
    NegativeAge {
        /// The age as it was given.
        age: TimeDelta,
    },

    /// The age of a purge reaches back beyond the year 0; nothing was executed.
    #[error("cannot purge rows older than {}: that time lies before the year 0", age_text(age))]
    AgeTooLarge {
        /// The age as it was given.
        age: TimeDelta,
    },

    /// A time does not fit the column's type: an `Integer` of seconds and, on MySQL, the
    /// SQL type `Timestamp` end in 2038; a timestamp has four digits for the year. Nothing was executed.
    #[error("the time {instant} does not fit the type of the column. Use a type with a wider range")]
    InstantOutOfRange {
        /// The time that was to be written or compared with.
        instant: DateTime<Utc>,
    },

    /// `.outcome(conn)` is for one row, but the target matched more; all of it was rolled back.
    #[error(
        "`.outcome()` describes one row, but its target in `{table}` matches {rows}. \
         Nothing was changed. Use `.run()` for several rows"
    )]
    NotOneRow {
        /// The table of the statement.
        table: String,
        /// How many rows the target matched.
        rows: u64,
    },

    /// The row of `.outcome(conn)` or of an `insert_or_revive` changed again and again while it was looked
    /// at; nothing was changed.
    #[error(
        "the row in `{table}` was changed by others between each look at it and its change. Nothing was changed. Try again"
    )]
    Contended {
        /// The table of the statement.
        table: String,
    },

    /// A row that was to be erased is under hold; nothing was changed.
    #[error(
        "cannot erase in `{table}`: {} of the target {} under hold{}. Nothing was changed. Release the hold first",
        counted(*rows, "row"), if *rows == 1 { "is" } else { "are" },
        key.as_deref().map(|key| format!(" (one of them has the key {key})")).unwrap_or_default()
    )]
    UnderHold {
        /// The table or the archive.
        table: String,
        /// The primary key of one of them as text, its columns separated by commas; `None` if it was
        /// released while the error was made.
        key: Option<String>,
        /// How many rows are under hold.
        rows: u64,
    },

    /// An erasure would have left rows behind; nothing was changed.
    #[error(
        "cannot erase in `{table}`: the target matched {}, of which {removed} could be removed. Nothing was changed. Filter \
         by columns that a soft delete does not change. If the filter is right, others changed the rows meanwhile: try again",
        counted(*found, "row")
    )]
    NotErased {
        /// The table or the archive.
        table: String,
        /// How many rows of the target were seen.
        found: u64,
        /// How many were removed, before it was rolled back.
        removed: u64,
    },

    /// An erasure cannot reach an archive; nothing was sent.
    #[error("cannot erase copies of `{table}` in `{archive}`: {why}")]
    UnsupportedErasure {
        /// The table.
        table: String,
        /// The archive.
        archive: String,
        /// Why it cannot be reached, and what to do instead.
        why: &'static str,
    },

    /// A name in a migration cannot be used, however it is quoted: it is empty, holds a NUL byte, or is
    /// longer than the database takes.
    #[error("{name:?} cannot be the name of a {what}: {why}")]
    InvalidName {
        /// What the name was to stand for: `table`, `column`, `view`, `version`.
        what: &'static str,
        /// The name as it was given.
        name: String,
        /// Why it cannot be used.
        why: &'static str,
    },

    /// A migration was asked to add the same column twice.
    #[error("the migration of `{table}` would add the column `{column}` twice")]
    DuplicateColumn {
        /// The table of the migration.
        table: String,
        /// The column that was named twice.
        column: String,
    },

    /// A declared column has an SQL type that has no known spelling on the database.
    #[error(
        "the migration of `{table}` does not know how this database spells the type `{sql_type}` of the column \
         `{column}`. Say it with `.column_type({column:?}, ..)`"
    )]
    UnknownColumnType {
        /// The table of the migration.
        table: String,
        /// The column.
        column: String,
        /// The declared SQL type, without its `Nullable`.
        sql_type: String,
    },

    /// A migration was asked for something that the database cannot do, or not without losing rows.
    #[error("the migration of `{table}` cannot {what}: {why}")]
    UnsupportedMigration {
        /// The table of the migration.
        table: String,
        /// What was asked for.
        what: String,
        /// Why it cannot be done, and what to do instead.
        why: String,
    },

    /// A migration directory was not written, because something is there already.
    #[error("`{}` exists already, and a migration is never overwritten. Choose another version or folder", path.display())]
    MigrationExists {
        /// What is there.
        path: PathBuf,
    },

    /// A migration directory could not be read or written.
    #[error("`{}` could not be read or written", path.display())]
    MigrationFile {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// Two migrations of one run have the same version; Diesel's harness would drop one of them.
    #[error(
        "the migrations `{first}` and `{second}` have the same version {version}. \
         Diesel would run one of them and ignore the other. Give one of them another version"
    )]
    DuplicateVersion {
        /// The version of both.
        version: String,
        /// The name of one.
        first: String,
        /// The name of the other.
        second: String,
    },

    /// An option of a purge job has a value that it cannot have; nothing was executed.
    #[error("the option `{option}` of a purge cannot have this value: {why}")]
    InvalidOption {
        /// The method that set it.
        option: &'static str,
        /// Why not.
        why: &'static str,
    },

    /// The cutoff of a purge job lies behind the floor of `.min_age(..)`; nothing was removed.
    #[error(
        "refused to purge `{table}`: rows deleted before {cutoff} can be younger than the minimum age of {}",
        age_text(min_age)
    )]
    TooYoung {
        /// The table of the job.
        table: String,
        /// The cutoff that was asked for.
        cutoff: DateTime<Utc>,
        /// The floor.
        min_age: TimeDelta,
    },

    /// A purge job was called inside a transaction, which would hold all its batches; nothing was removed.
    #[error(
        "a purge of `{table}` in batches cannot run inside a transaction, since each batch is a transaction of its own"
    )]
    PurgeInTransaction {
        /// The table of the job.
        table: String,
    },

    /// A foreign key would let a purge job remove or change rows of another table; nothing was removed.
    #[error(
        "refused to purge `{table}`: its removal reaches rows of `{child}` ({}) through ON DELETE {action}, active rows too. \
         Make the foreign key ON DELETE RESTRICT and purge `{child}` first, or allow it with `.allow_reaching({child:?})`",
        columns.join(", ")
    )]
    PurgeReaches {
        /// The table that is referenced: that of the job, or one that it reaches.
        table: String,
        /// The table that references it.
        child: String,
        /// The columns of the foreign key.
        columns: Vec<String>,
        /// What the foreign key does.
        action: &'static str,
    },

    /// An archive does not fit its table; nothing was removed.
    #[error("the archive `{archive}` does not fit `{table}`: {}", problems.join("; "))]
    ArchiveMismatch {
        /// The table of the job.
        table: String,
        /// The archive.
        archive: String,
        /// All that does not fit.
        problems: Vec<String>,
    },

    /// The table of a purge job does not exist on this connection, or the user may not see it.
    #[error("the table `{table}` does not exist on this connection, or this user may not see it")]
    NoTable {
        /// The table of the job.
        table: String,
    },

    /// The table of a purge job is a view; nothing was removed. (What references the table behind it cannot be seen,
    /// so active rows could go along.)
    #[error(
        "refused to purge `{table}`, which is a view: what its removal would reach cannot be seen. Purge the table behind it"
    )]
    PurgeOfView {
        /// The view.
        table: String,
    },

    /// A purge job failed under way. What it did before is in the report and stays done; the batch that
    /// failed was taken back.
    #[error("the purge failed. What it did before stays done: {report}")]
    PurgeFailed {
        /// What was done before.
        report: Box<PurgeReport>,
        /// What went wrong.
        source: Box<Error>,
    },

    /// A table of a retention policy failed; those after it were not touched.
    #[error("the retention policy failed. What it did before stays done: {}", counted(report.rows(), "row"))]
    RetentionFailed {
        /// What was done before, the failed table included.
        report: Box<RetentionReport>,
        /// What went wrong.
        source: Box<Error>,
    },

    /// A relation with `restrict(..)` forbids a cascade: a row that it would delete has active children. Nothing was
    /// changed.
    #[error(
        "refused to soft-delete from `{table}`: {} of `{child}` {} to it ({}), and the relation is declared `restrict`. \
         Nothing was changed. Delete {} first",
        counted(*rows, "active row"), if *rows == 1 { "refers" } else { "refer" }, columns.join(", "),
        if *rows == 1 { "that row" } else { "those rows" }
    )]
    Restricted {
        /// The table of the parents.
        table: String,
        /// The table of the children.
        child: String,
        /// The foreign key.
        columns: Vec<String>,
        /// How many children there are.
        rows: u64,
    },

    /// A row that a cascade would restore stands below a deleted row. Nothing was changed.
    #[error(
        "refused to restore rows of `{table}` below the deleted row {key} of `{ancestor}`. Nothing was changed. Restore that \
         row first, or say `.without_cascade()`"
    )]
    BelowDeleted {
        /// The table of the rows to restore.
        table: String,
        /// The table of the deleted ancestor.
        ancestor: String,
        /// The ancestor's primary key.
        key: String,
    },

    /// The columns of two tables cannot tell which rows an operation deleted, so nothing was restored (or, in a circle
    /// of tables, deleted).
    #[error(
        "the rows of `{child}` that were deleted along with those of `{table}` cannot be told from others: {reason}. Nothing \
         was changed. Add an `operation = ..` column of one type to both"
    )]
    Unidentified {
        /// The root's table.
        table: String,
        /// The table whose rows cannot be told.
        child: String,
        /// Why.
        reason: &'static str,
    },

    /// The relations that a table declares contradict each other; nothing was changed.
    #[error("the declared relations of `{table}` are not valid: {problem}")]
    InvalidRelations {
        /// The table.
        table: String,
        /// What is wrong.
        problem: String,
    },

    /// `.set_all(..)` names a column that no table of the cascade declares in `metadata(..)`; nothing was changed.
    #[error("no table of this cascade from `{table}` declares `{column}` in `metadata(..)`")]
    NoSuchMetadata {
        /// The root's table.
        table: String,
        /// The column.
        column: String,
    },

    /// The values of an `insert_or_revive` have none for a column of the key; nothing was executed.
    #[error(
        "cannot insert or revive in `{table}`: there is no value for `{column}`, a column of the key. \
         Give one as a field or an assignment of its own (a derived `AsChangeset` leaves the primary key out)"
    )]
    KeyWithoutValue {
        /// The table of the statement.
        table: String,
        /// The column of the key.
        column: String,
    },

    /// The expression given to `.at(..)` is not a time; nothing was changed.
    #[error("the expression given to `.at(..)` is not a time: the database computed `{text}`. Nothing was changed")]
    NoInstant {
        /// What the database made of it.
        text: String,
    },

    /// An identifier given to `.operation(..)` does not fit the column; nothing was changed.
    #[error("`{id}` is not a number, as the operation column of `{table}` needs. Nothing was changed")]
    InvalidOperation {
        /// The table.
        table: String,
        /// The identifier.
        id: String,
    },

    /// A purge job passed over rows that are old enough, because the order of the primary key differs from its comparison.
    /// The report of [`PurgeFailed`](Error::PurgeFailed) says what was removed.
    #[error(
        "{} of `{table}` {} old enough and {} passed over: the database orders the primary key in one way and compares it in \
         another. Purge with the single statement `.purge_older_than(..).run(conn)`",
        counted(*rows, "row"), if *rows == 1 { "is" } else { "are" }, if *rows == 1 { "was" } else { "were" }
    )]
    PassedOver {
        /// The table of the job.
        table: String,
        /// How many rows.
        rows: u64,
    },

    /// A purge job cannot walk the table in the order of its primary key; nothing was removed.
    #[error(
        "refused to purge `{table}` in batches by its key column `{column}`: {why}. Use the single statement \
         `.purge_older_than(..).run(conn)`"
    )]
    UnorderedKey {
        /// The table of the job.
        table: String,
        /// The column of the primary key.
        column: String,
        /// Why its order cannot be walked.
        why: String,
    },

    /// The live schema does not fit the declarations: what `assert_schema` found.
    #[error("the schema of the database does not fit the declarations:{}", list(findings))]
    SchemaMismatch {
        /// The findings, those of the severity `Note` left out.
        findings: Vec<Finding>,
    },

    /// An erasure would leave old versions of its rows readable, since MariaDB keeps the history of the table; nothing
    /// was changed.
    #[error(
        "cannot erase in `{table}`: it is system-versioned, so removed rows stay readable in its history. Nothing was \
         changed. Drop the versioning first (`ALTER TABLE {table} DROP SYSTEM VERSIONING`), or delete the rows with \
         `diesel::delete` and then the history of all rows with `DELETE HISTORY FROM {table}`"
    )]
    KeepsHistory {
        /// The table or the archive.
        table: String,
    },

    /// An erasure saw no row, and a row-level policy of PostgreSQL can hide deleted rows from it; nothing was changed.
    #[error(
        "cannot erase in `{table}`: it saw no row, but the policy `{policy}` can hide rows by their state. Nothing was \
         changed. Erase as a role to which no policy applies (`BYPASSRLS`)"
    )]
    HiddenByPolicy {
        /// The table.
        table: String,
        /// One of the policies that depend on a column of the soft deletion.
        policy: String,
    },

    /// The row of `.outcome(conn)` is neither active nor deleted, so no verb changes it; nothing was changed.
    #[error(
        "the row in `{table}` is neither active nor deleted: `{column}` is NULL, or a number other than 0 and 1. Nothing was \
         changed. Correct the value and add a CHECK"
    )]
    InNeitherState {
        /// The table of the statement.
        table: String,
        /// The flag.
        column: String,
    },

    /// The values of an `insert_or_revive` leave columns out, in which a revived row would keep its old values; nothing
    /// was executed.
    #[error(
        "cannot insert or revive in `{table}`: the values do not name {}, so a revived row would keep the old values \
         of the deleted row. Give values for them, or say with `{}` or `.keeping_the_rest()` that the old ones stay",
        columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "), keeping(table, columns)
    )]
    UnnamedColumns {
        /// The table of the statement.
        table: String,
        /// All of those columns, in the order of the `table!`.
        columns: Vec<String>,
    },
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `7 days`, `1 hour`, `90 seconds`: an age in its largest whole unit.
pub(crate) fn age_text(age: &TimeDelta) -> String {
    let seconds = age.num_seconds();
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let (size, unit) = units.into_iter().find(|(size, _)| seconds != 0 && seconds % size == 0).unwrap_or((1, "second"));
    let sign = if seconds < 0 { "-" } else { "" };
    format!("{sign}{}", counted((seconds / size).unsigned_abs(), unit))
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("\n{finding}")).collect()
}

/// `.keeping(posts::body)`, `.keeping((posts::body, posts::title))`.
fn keeping(table: &str, columns: &[String]) -> String {
    let module = table.rsplit('.').next().unwrap_or(table);
    let paths = columns.iter().map(|column| format!("{module}::{column}")).collect::<Vec<_>>().join(", ");
    if columns.len() == 1 { format!(".keeping({paths})") } else { format!(".keeping(({paths}))") }
}

impl Error {
    /// What an error of the database means for a statement that restores rows of a table.
    pub(crate) fn of_restore(table: impl FnOnce() -> String, error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind as Kind, Error::DatabaseError};
        match error {
            DatabaseError(Kind::UniqueViolation | Kind::ExclusionViolation, information) => {
                Self::RestoreConflict { table: table(), constraint: information.constraint_name().map(str::to_owned) }
            }
            other => other.into(),
        }
    }
}

impl From<diesel::result::Error> for Error {
    /// Unpacks one of our own errors that travelled through Diesel.
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::Error::{QueryBuilderError, SerializationError};
        match error {
            QueryBuilderError(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Database(QueryBuilderError(other)),
            },
            SerializationError(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Database(SerializationError(other)),
            },
            other => Self::Database(other),
        }
    }
}

impl From<Error> for diesel::result::Error {
    /// Packs an error so that it can travel through Diesel; `Error::from` takes it out again.
    fn from(error: Error) -> Self {
        match error {
            Error::Database(inner) => inner,
            own => Self::QueryBuilderError(Box::new(own)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn no_message_repeats_its_source() {
        let cause = || Box::new(Error::NoTable { table: "the_cause".into() });
        let path = PathBuf::from("migrations");
        let tables = Vec::new();
        let whole = RetentionReport { tables, stopped: Stopped::Failed, elapsed: std::time::Duration::ZERO };
        let report = PurgeReport {
            table: "posts".into(),
            rows: 0,
            archived: 0,
            batches: 0,
            elapsed: whole.elapsed,
            stopped: Stopped::Failed,
            blocked: Vec::new(),
            blocked_rows: 0,
            retries: 0,
            dry_run: false,
            notes: Vec::new(),
        };
        for error in [
            Error::MigrationFile { path, source: std::io::Error::other("the_cause") },
            Error::PurgeFailed { report: Box::new(report), source: cause() },
            Error::RetentionFailed { report: Box::new(whole), source: cause() },
        ] {
            assert!(error.source().is_some_and(|source| source.to_string().contains("the_cause")), "{error:?}");
            assert!(!error.to_string().contains("the_cause"), "{error}");
        }
    }

    #[test]
    fn an_age_is_shown_in_its_largest_whole_unit() {
        for (age, text) in [
            (TimeDelta::days(7), "7 days"),
            (TimeDelta::days(1), "1 day"),
            (TimeDelta::minutes(90), "90 minutes"),
            (TimeDelta::seconds(-30), "-30 seconds"),
            (TimeDelta::zero(), "0 seconds"),
        ] {
            assert_eq!(age_text(&age), text);
        }
    }

    /// Without a backslash at the end of a line, a text contains the indentation of the next line.
    #[test]
    fn no_message_has_two_blanks_in_a_row() {
        let source = include_str!("mod.rs").split("#[cfg(test)]").next().unwrap_or_default();
        for attribute in source.split("#[error(").skip(1) {
            let attribute = attribute.split(")]\n").next().unwrap_or_default();
            // The compiler treats a backslash at the end of a line in this way.
            let joined = attribute.split("\\\n").map(str::trim_start).collect::<String>();
            for text in joined.split('"').skip(1).step_by(2) {
                assert!(!text.contains("  ") && !text.contains('\n'), "{text}");
            }
        }
    }
}
