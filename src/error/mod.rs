//! The errors of this crate, as one type.

mod finding;
mod report;

pub use finding::{Finding, FindingKind, Severity};
pub(crate) use report::Count;
pub use report::{Blocked, BlockedBy, Progress, PurgeReport, RetentionReport, Stopped};

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};

/// An error of this crate.
///
/// `.run(conn)`, `.outcome(conn)` and the migration methods return it. `.execute(conn)` returns Diesel's own error. It
/// contains an error of this crate as [`QueryBuilderError`](diesel::result::Error::QueryBuilderError) or
/// [`SerializationError`](diesel::result::Error::SerializationError), and `Error::from` extracts it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of Diesel or the database.
    #[error(transparent)]
    Database(diesel::result::Error),

    /// A restored row collides with an active row on a unique index, or on an exclusion constraint of PostgreSQL. No
    /// row was changed.
    #[error(
        "cannot restore in `{table}`: an active row has taken a unique value of a restored row{}. Nothing was changed. \
         Change or delete the active row first",
        constraint.as_deref().map(|name| format!(" (constraint `{name}`)")).unwrap_or_default()
    )]
    RestoreConflict {
        /// The table whose rows were to be restored.
        table: String,
        /// The violated constraint, if the backend tells it, as PostgreSQL does.
        constraint: Option<String>,
    },

    /// `.set(..)`, or the values of an `insert_or_revive`, assign a column that the statement sets itself. Nothing was
    /// sent.
    #[error(
        "`.set(..)` or the values assign `{table}.{column}`, which this statement sets itself. Nothing was sent. \
         Leave that column out, or give the time with `.at(..)` or `.at_utc(..)`"
    )]
    ColumnSetTwice {
        /// The table of the statement.
        table: String,
        /// The column that is assigned twice.
        column: String,
    },

    /// The age of a purge is negative. Nothing was executed.
    ///
    /// Its cutoff would be in the future, so the purge would remove every deleted row.
    #[error(
        "cannot purge rows older than {}: the age is negative. Nothing was removed. Give a positive age",
        age_text(age)
    )]
    NegativeAge {
        /// The age that was given.
        age: TimeDelta,
    },

    /// The cutoff of a purge is before the year 0. Nothing was executed.
    #[error(
        "cannot purge rows older than {}: that time is before the year 0. Nothing was removed. Give a smaller age",
        age_text(age)
    )]
    AgeTooLarge {
        /// The age that was given.
        age: TimeDelta,
    },

    /// A time does not fit the column's type. Nothing was executed.
    ///
    /// An `Integer` of seconds and, on MySQL, the SQL type `Timestamp` end in 2038. A timestamp has four digits for the
    /// year.
    #[error("the time {instant} does not fit the type of the column. Use a type with a wider range")]
    InstantOutOfRange {
        /// The time that was to be written or compared with.
        instant: DateTime<Utc>,
    },

    /// `.outcome(conn)` is for one row, but the target matches several. Everything was rolled back.
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

    /// The row of `.outcome(conn)` or of an `insert_or_revive` changed each time before it could be changed. Nothing
    /// was changed.
    #[error("other writers kept changing the row in `{table}`. Nothing was changed. Try again")]
    Contended {
        /// The table of the statement.
        table: String,
    },

    /// A row that would be erased is under hold. Nothing was changed.
    #[error(
        "cannot erase in `{table}`: {} of the target {} under hold{}. Nothing was changed. Release the hold first",
        counted(*rows, "row"), if *rows == 1 { "is" } else { "are" },
        key.as_deref().map(|key| format!(" (one of them has the key {key})")).unwrap_or_default()
    )]
    UnderHold {
        /// The table or the archive.
        table: String,
        /// The primary key of one of the rows as text, with its columns separated by commas. It is `None` if the row
        /// was released while the error was made.
        key: Option<String>,
        /// How many rows are under hold.
        rows: u64,
    },

    /// An erasure would have left rows. Nothing was changed.
    #[error(
        "cannot erase in `{table}`: the target matched {}, of which {removed} could be removed. Nothing was changed. Filter \
         by columns that a soft delete does not change. If the filter is right, another transaction changed the rows. Try again",
        counted(*found, "row")
    )]
    NotErased {
        /// The table or the archive.
        table: String,
        /// How many rows of the target were found.
        found: u64,
        /// How many rows were removed before the rollback.
        removed: u64,
    },

    /// An erasure cannot reach an archive. Nothing was sent.
    #[error("cannot erase copies of `{table}` in `{archive}`: {why}")]
    UnsupportedErasure {
        /// The table.
        table: String,
        /// The archive.
        archive: String,
        /// Why it cannot be reached, and what to do instead.
        why: &'static str,
    },

    /// A name in a migration cannot be used, even with quotes. It is empty, contains a NUL byte, or is too long for the
    /// database.
    #[error("{name:?} cannot be the name of a {what}: {why}")]
    InvalidName {
        /// What the name was for: `table`, `column`, `view` or `version`.
        what: &'static str,
        /// The name that was given.
        name: String,
        /// Why it cannot be used.
        why: &'static str,
    },

    /// A migration was asked to add the same column twice.
    #[error("the migration of `{table}` would add the column `{column}` twice. Name it for one purpose only")]
    DuplicateColumn {
        /// The table of the migration.
        table: String,
        /// The column that was named twice.
        column: String,
    },

    /// A declared column has an SQL type for which the database has no known name.
    #[error(
        "the migration of `{table}` does not know how this database spells the type `{sql_type}` of the column \
         `{column}`. Name the type with `.column_type({column:?}, ..)`"
    )]
    UnknownColumnType {
        /// The table of the migration.
        table: String,
        /// The column.
        column: String,
        /// The declared SQL type, without its `Nullable`.
        sql_type: String,
    },

    /// A migration was asked for something that the database cannot do, or cannot do without losing rows.
    #[error("the migration of `{table}` cannot {what}: {why}")]
    UnsupportedMigration {
        /// The table of the migration.
        table: String,
        /// What was asked for.
        what: String,
        /// Why it cannot be done, and what to do instead.
        why: String,
    },

    /// A migration was not written, because one of its folders or versions exists already.
    #[error("`{}` exists already, and a migration is never overwritten. Choose another version or folder", path.display())]
    MigrationExists {
        /// The existing folder.
        path: PathBuf,
    },

    /// A migration directory could not be read or written.
    #[error("`{}` could not be read or written", path.display())]
    MigrationFile {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },

    /// Two migrations of one run have the same version, so Diesel's harness would run only one of them.
    #[error(
        "the migrations `{first}` and `{second}` have the same version {version}. \
         Diesel would run one of them and ignore the other. Give one of them another version"
    )]
    DuplicateVersion {
        /// The version of both migrations.
        version: String,
        /// The name of one migration.
        first: String,
        /// The name of the other migration.
        second: String,
    },

    /// An option of a purge job has a value that it cannot have. Nothing was executed.
    #[error("the option `{option}` of a purge cannot have this value: {why}")]
    InvalidOption {
        /// The method that set it.
        option: &'static str,
        /// Why it cannot have the value.
        why: &'static str,
    },

    /// The cutoff of a purge job is later than `.min_age(..)` allows. Nothing was removed.
    #[error(
        "refused to purge `{table}`: rows deleted before {cutoff} can be younger than the minimum age of {}",
        age_text(min_age)
    )]
    TooYoung {
        /// The table of the job.
        table: String,
        /// The cutoff that was asked for.
        cutoff: DateTime<Utc>,
        /// The minimum age.
        min_age: TimeDelta,
    },

    /// A purge job was called inside a transaction, which would make all its batches one transaction. Nothing was
    /// removed.
    #[error(
        "a purge of `{table}` in batches cannot run inside a transaction, since each batch is a transaction of its own. Nothing \
         was removed. Call it outside of the transaction"
    )]
    PurgeInTransaction {
        /// The table of the job.
        table: String,
    },

    /// A foreign key would let a purge job remove or change rows of another table. Nothing was removed.
    #[error(
        "refused to purge `{table}`: its removal reaches rows of `{child}` ({}) through ON DELETE {action}, active rows too. \
         Make the foreign key ON DELETE RESTRICT and purge `{child}` first, or allow it with `.allow_reaching({child:?})`",
        columns.join(", ")
    )]
    PurgeReaches {
        /// The referenced table: that of the job, or one that the job reaches.
        table: String,
        /// The table that refers to it.
        child: String,
        /// The columns of the foreign key.
        columns: Vec<String>,
        /// The action of the foreign key, such as `CASCADE`.
        action: &'static str,
    },

    /// An archive does not fit its table. Nothing was removed.
    #[error("the archive `{archive}` does not fit `{table}`: {}", problems.join("; "))]
    ArchiveMismatch {
        /// The table of the job.
        table: String,
        /// The archive.
        archive: String,
        /// Everything that does not fit.
        problems: Vec<String>,
    },

    /// The table of a purge job does not exist on this connection, or the user may not see it.
    #[error(
        "the table `{table}` does not exist on this connection, or this user may not see it. Check its schema and the rights of \
         the user"
    )]
    NoTable {
        /// The table of the job.
        table: String,
    },

    /// The table of a purge job is a view. Nothing was removed.
    ///
    /// The catalog does not tell which foreign keys refer to the table behind the view, so active rows could be removed
    /// too.
    #[error(
        "refused to purge `{table}`, which is a view: what its removal would reach cannot be seen. Purge the table behind it"
    )]
    PurgeOfView {
        /// The view.
        table: String,
    },

    /// A purge job failed while it ran. The report says what it removed before, which stays removed. The failed batch
    /// was rolled back.
    #[error("the purge failed, and the source of this error says why. What it did before stays done: {report}")]
    PurgeFailed {
        /// What was done before the error.
        report: Box<PurgeReport>,
        /// The error.
        source: Box<Error>,
    },

    /// A table of a retention policy failed. The tables after it were not purged.
    #[error("the retention policy failed, and the source of this error says why. What it did before stays done: {}",
        counted(report.rows(), "row"))]
    RetentionFailed {
        /// What was done before the error, including the failed table.
        report: Box<RetentionReport>,
        /// The error.
        source: Box<Error>,
    },

    /// A relation with `restrict(..)` forbids a cascade, since a row that it would delete has active children. Nothing
    /// was changed.
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
        /// The columns of the foreign key.
        columns: Vec<String>,
        /// How many active children there are.
        rows: u64,
    },

    /// A row that a cascade would restore is below a deleted row. Nothing was changed.
    #[error(
        "cannot restore rows of `{table}`: the row {key} of `{ancestor}` above them is deleted. Nothing was changed. Restore \
         that row first, or call `.without_cascade()`"
    )]
    BelowDeleted {
        /// The table of the rows to restore.
        table: String,
        /// The table of the deleted ancestor.
        ancestor: String,
        /// The ancestor's primary key.
        key: String,
    },

    /// The columns of two tables cannot tell which rows an operation deleted. Nothing was changed.
    ///
    /// A restore returns it. A soft delete returns it only if its tables refer to each other in a circle.
    #[error(
        "cannot tell which rows of `{child}` were deleted along with those of `{table}`: {reason}. Nothing was changed. Add an \
         `operation = ..` column of one type to both"
    )]
    Unidentified {
        /// The root's table.
        table: String,
        /// The table whose rows cannot be told apart.
        child: String,
        /// Why they cannot be told apart.
        reason: &'static str,
    },

    /// The relations that a table declares contradict each other. Nothing was changed.
    #[error("the declared relations of `{table}` are not valid: {problem}")]
    InvalidRelations {
        /// The table.
        table: String,
        /// What contradicts.
        problem: String,
    },

    /// `.set_all(..)` names a column that no table of the cascade declares in `metadata(..)`. Nothing was changed.
    #[error(
        "no table of this cascade from `{table}` declares `{column}` in `metadata(..)`. Nothing was changed. Declare the column, or \
         correct its name"
    )]
    NoSuchMetadata {
        /// The root's table.
        table: String,
        /// The column.
        column: String,
    },

    /// The values of an `insert_or_revive` do not contain a value for a column of the key. Nothing was executed.
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

    /// The expression given to `.at(..)` is not a time. Nothing was changed.
    #[error("the expression given to `.at(..)` is not a time: the database computed `{text}`. Nothing was changed")]
    NoInstant {
        /// The value of the expression, as the database computed it.
        text: String,
    },

    /// An identifier given to `.operation(..)` does not fit the column. Nothing was changed.
    #[error(
        "`{id}` does not fit the operation column of `{table}`, which is a number or a UUID. Nothing was changed. Give such an \
         identifier"
    )]
    InvalidOperation {
        /// The table.
        table: String,
        /// The identifier.
        id: String,
    },

    /// A purge job passed over rows that are old enough, because the database sorts the primary key otherwise than it
    /// compares it.
    ///
    /// The report of [`PurgeFailed`](Error::PurgeFailed) says what was removed.
    #[error(
        "{} of `{table}` {} old enough and {} passed over: the database orders the primary key in one way and compares it in \
         another. Purge with the single statement `.purge_older_than(..).run(conn)`",
        counted(*rows, "row"), if *rows == 1 { "is" } else { "are" }, if *rows == 1 { "was" } else { "were" }
    )]
    PassedOver {
        /// The table of the job.
        table: String,
        /// How many rows were passed over.
        rows: u64,
    },

    /// A purge job cannot walk the table in the order of its primary key. Nothing was removed.
    #[error(
        "refused to purge `{table}` in batches by its key column `{column}`: {why}. Use the single statement \
         `.purge_older_than(..).run(conn)`"
    )]
    UnorderedKey {
        /// The table of the job.
        table: String,
        /// The column of the primary key.
        column: String,
        /// Why the job cannot follow its order.
        why: String,
    },

    /// The database does not fit the declarations, as `assert_schema` or a purge job found.
    #[error("the schema of the database does not fit the declarations:{}", list(findings))]
    SchemaMismatch {
        /// The findings, except those of the severity `Note`.
        findings: Vec<Finding>,
    },

    /// An erasure would leave old versions of its rows, since MariaDB keeps the history of the table. Nothing was
    /// changed.
    #[error(
        "cannot erase in `{table}`: it is system-versioned, so removed rows stay readable in its history. Nothing was \
         changed. Drop the versioning first (`ALTER TABLE {table} DROP SYSTEM VERSIONING`), or delete the rows with \
         `diesel::delete` and then the history of all rows with `DELETE HISTORY FROM {table}`"
    )]
    KeepsHistory {
        /// The table or the archive.
        table: String,
    },

    /// An erasure found no row, and row security of PostgreSQL can hide deleted rows from it. Nothing was changed.
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

    /// The row of `.outcome(conn)` is neither active nor deleted, so no verb changes it. Nothing was changed.
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

    /// The values of an `insert_or_revive` leave out columns, in which a revived row would keep its old values. Nothing
    /// was executed.
    #[error(
        "cannot insert or revive in `{table}`: the values do not name {}, so a revived row would keep the old values \
         of the deleted row. Give values for them, or say with `{}` or `.keeping_the_rest()` that the old ones stay",
        columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "), keeping(table, columns)
    )]
    UnnamedColumns {
        /// The table of the statement.
        table: String,
        /// All of these columns, in the order of the `table!`.
        columns: Vec<String>,
    },
}

/// Returns a count with its noun: `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Returns an age in its largest whole unit: `7 days`, `1 hour`, `90 seconds`.
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

/// Returns the call that names the columns: `.keeping(posts::body)`, `.keeping((posts::body, posts::title))`.
fn keeping(table: &str, columns: &[String]) -> String {
    let module = table.rsplit('.').next().unwrap_or(table);
    let paths = columns.iter().map(|column| format!("{module}::{column}")).collect::<Vec<_>>().join(", ");
    if columns.len() == 1 { format!(".keeping({paths})") } else { format!(".keeping(({paths}))") }
}

impl Error {
    /// Returns the error of a statement that restores rows of a table, for an error of the database.
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
    /// Extracts an error of this crate that was returned through Diesel.
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
    /// Wraps an error so that Diesel can return it. `Error::from` extracts it again.
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
