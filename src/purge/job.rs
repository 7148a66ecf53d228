//! `purge.in_batches()`: the job on one table.

use chrono::TimeDelta;
use diesel::Column;
use diesel::connection::LoadConnection;

use super::archive::{ArchiveInto, ArchiveTarget, NoArchive};
use super::options::{IntoDuration, Options, shared_options};
use super::sql::Eligible;
use super::statements::Statements;
use super::table_job::{Context, TableJob};
use crate::connection::{AnswersText, Executor, RunsOn, runs_on};
use crate::declare::{SoftDeletable, TableColumns, Timestamped, primary_key};
use crate::error::{Error, Progress, PurgeReport};
use crate::statement::Purge;

/// A purge that runs as many short transactions.
///
/// [`Purge::in_batches`] returns it, and says which rows it removes.
#[must_use = "a purge job does nothing until `.run(conn)` or `.run_async(conn)`"]
pub struct PurgeJob<T, P, G, A = NoArchive, F = fn(&Progress), S = fn() -> bool>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(super) statements: Statements<T, P, G, A>,
    pub(super) options: Options,
    pub(super) on_progress: F,
    pub(super) stop_when: S,
}

fn no_progress(_: &Progress) {}

fn never() -> bool {
    false
}

impl<T, P, G> Purge<T, P, G>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
    T::AllColumns: TableColumns,
{
    /// Makes the purge a job of many short transactions, for a table that is large or in use.
    ///
    /// * **It removes** the same rows as the purge in one statement. These are the rows of the target that are deleted,
    ///   and whose timestamp is before the cutoff. The call of `purge_older_than` fixes the cutoff.
    /// * **It does not change** any other row. Every batch tests the whole predicate again under a lock, so a row that
    ///   was just restored survives.
    /// * **It walks** the table in the order of the primary key. A query looks [`batch_size`](PurgeJob::batch_size)
    ///   eligible rows ahead, and a `DELETE` removes them. The cost of a batch does not depend on the number of rows
    ///   that were removed before it.
    /// * **It returns** a [`PurgeReport`] with the number of rows and batches, the reason for the end, and the blocked
    ///   rows.
    ///
    /// A row that cannot be removed, because of a foreign key or a trigger, does not stop the others. After the first
    /// refusal by a foreign key, the job leaves out all rows that other rows refer to. It looks at them again as long
    /// as it removes rows. Any other refused batch is halved at the end of the pass, until the blocked row is alone.
    /// The report contains the first hundred blocked rows, and the number of all of them.
    ///
    /// A batch that meets a lock waits for [`lock_timeout`](PurgeJob::lock_timeout). Then the job steps over it, and
    /// tries it again at the end of the pass. The job also tries again after deadlocks, failures to serialize and
    /// SQLite's `database is locked`. The process can be killed at any time without a loss, and the next run continues.
    /// Two runners at the same time are harmless.
    ///
    /// ```sql
    /// SELECT "posts"."id" FROM "posts" WHERE ("posts"."is_deleted" = TRUE) AND ("posts"."deleted_at" < $1)
    ///     AND ("posts"."deleted_at" > '1973-03-03 09:46:40') AND "posts"."id" > $2 AND "posts"."id" <= $3
    ///     ORDER BY "posts"."id" LIMIT 1 OFFSET 999;
    /// BEGIN;
    /// SET LOCAL lock_timeout = 2000;
    /// DELETE FROM "posts" WHERE ("posts"."is_deleted" = TRUE) AND ("posts"."deleted_at" < $1)
    ///     AND ("posts"."deleted_at" > '1973-03-03 09:46:40') AND "posts"."id" > $2 AND "posts"."id" <= $3;
    /// COMMIT;
    /// ```
    ///
    /// # Errors
    ///
    /// These errors come before anything is removed:
    ///
    /// * [`InvalidOption`](Error::InvalidOption), [`NegativeAge`](Error::NegativeAge),
    ///   [`AgeTooLarge`](Error::AgeTooLarge) and [`TooYoung`](Error::TooYoung): an option or the age cannot be used.
    /// * [`PurgeInTransaction`](Error::PurgeInTransaction): the connection is in a transaction, which would make all
    ///   batches one transaction.
    /// * [`PurgeReaches`](Error::PurgeReaches): a foreign key would remove or change rows of another table.
    /// * [`NoTable`](Error::NoTable) and [`PurgeOfView`](Error::PurgeOfView): the database does not have such a table,
    ///   or it is a view.
    /// * [`SchemaMismatch`](Error::SchemaMismatch): the flag, the timestamp or the hold is not as it is declared.
    /// * [`UnorderedKey`](Error::UnorderedKey): the database sorts the key otherwise than it compares it.
    /// * [`ArchiveMismatch`](Error::ArchiveMismatch): the archive does not fit the table.
    ///
    /// Later errors are [`PurgeFailed`](Error::PurgeFailed), which contains the report so far. The batches before the
    /// error stay removed. The source of the error can be [`PassedOver`](Error::PassedOver), which a dry run returns as
    /// well.
    ///
    /// # Example
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use chrono::TimeDelta;
    ///
    /// let job = || posts::table.purge_older_than(TimeDelta::days(30)).in_batches().batch_size(500);
    /// assert_eq!(job().dry_run().run(conn)?.rows, 1);
    /// let report = job().run(conn)?;
    /// assert_eq!((report.rows, report.batches, report.is_complete()), (1, 1, true));
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_batches(self) -> PurgeJob<T, P, G> {
        let rows = Eligible {
            table: self.table,
            condition: self.condition,
            cutoff: self.cutoff,
            key: primary_key::<T>(),
            casts: Vec::new(),
            dialect: None,
            references: Vec::new(),
        };
        PurgeJob {
            statements: Statements { rows, archive: NoArchive },
            options: Options::default(),
            on_progress: no_progress,
            stop_when: never,
        }
    }
}

impl<T, P, G, A, F, S> PurgeJob<T, P, G, A, F, S>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    shared_options!();

    /// Sets how long a batch waits for the locks of others before the job steps over it. The default is two seconds.
    ///
    /// * **PostgreSQL:** each transaction begins with `SET LOCAL lock_timeout`.
    /// * **MySQL and MariaDB:** the job sets `innodb_lock_wait_timeout` and `lock_wait_timeout` of the session, in
    ///   whole seconds. It sets them back at the end.
    /// * **SQLite:** the job tries a batch again for this long while another connection writes. Then it fails with its
    ///   report.
    ///
    /// The job recognizes a lock timeout by the server's English message, so `lc_messages` should be English for the
    /// job.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use std::time::Duration;
    ///
    /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// assert_eq!(job.lock_timeout(Duration::from_millis(500)).run(conn)?.rows, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn lock_timeout(mut self, duration: impl IntoDuration) -> Self {
        self.options.lock_timeout = Some(self.options.duration("lock_timeout", duration));
        self
    }

    /// Ends the job as soon as more rows than this are blocked, or more batches are locked.
    ///
    /// Rows that only rows of the same table refer to do not count, since those rows may be removed first. Without this
    /// option there is no limit. The job then removes what it can, and reports the first hundred blocked rows and the
    /// number of all of them.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// assert_eq!(job.max_blocked(10).run(conn)?.blocked_rows, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_blocked(mut self, rows: u64) -> Self {
        self.options.max_blocked = Some(rows);
        self
    }

    /// Allows that the removal reaches a child table through a foreign key `ON DELETE CASCADE`, `SET NULL` or
    /// `SET DEFAULT`.
    ///
    /// Without this option such a job is refused. The database would remove or change active children too, and rows
    /// under hold. On MySQL their triggers would not run. `table` is the child's name, or `schema.table` if it is in
    /// another schema.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Error;
    ///
    /// # use diesel::connection::SimpleConnection;
    /// # conn.batch_execute("CREATE TABLE likes (post_id INTEGER REFERENCES posts ON DELETE CASCADE)")?;
    /// let job = || posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// assert!(matches!(job().run(conn), Err(Error::PurgeReaches { child, .. }) if child == "likes"));
    /// assert_eq!(job().allow_reaching("likes").run(conn)?.rows, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_reaching(mut self, table: impl Into<String>) -> Self {
        self.options.reaches.push(table.into());
        self
    }

    /// Copies rows into an archive and removes them, in one transaction per batch.
    ///
    /// The job copies all columns of the table by name. The archive can have more columns, in any order. Each column
    /// has the same type as in the table, and on MySQL the same character set. [`allow_type`](Self::allow_type) names
    /// an exception.
    ///
    /// An archive that does not fit is refused before anything is removed, and the error lists every column that does
    /// not fit. If the numbers of copied and removed rows differ, the batch is rolled back. So both tables need an
    /// engine with transactions, and on SQLite they must be in the same file. On PostgreSQL the copy needs the right to
    /// `UPDATE` the table.
    ///
    /// ```sql
    /// INSERT INTO "posts_archive" ("id", ..) OVERRIDING SYSTEM VALUE SELECT "posts"."id", .. FROM "posts" WHERE .. FOR UPDATE;
    /// DELETE FROM "posts" WHERE ..;
    /// ```
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # diesel::table! {
    /// #     tags_archive { id -> Integer, name -> Text }
    /// # }
    /// # fn main() {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Error;
    ///
    /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// let Err(Error::ArchiveMismatch { archive, .. }) = job.archive_into(tags_archive::table).run(conn) else { panic!() };
    /// assert_eq!(archive, "tags_archive");
    /// # }
    /// ```
    pub fn archive_into<B>(self, archive: B) -> PurgeJob<T, P, G, ArchiveInto<B>, F, S>
    where
        B: ArchiveTarget,
    {
        PurgeJob {
            statements: Statements { rows: self.statements.rows, archive: ArchiveInto(archive) },
            options: self.options,
            on_progress: self.on_progress,
            stop_when: self.stop_when,
        }
    }

    /// Allows that this column of the table has another type in the archive.
    ///
    /// The database converts the values. PostgreSQL refuses a value that does not fit, so its row stays and is reported
    /// as blocked. MySQL without its strict mode cuts the value silently. SQLite stores any value in any column, so the
    /// job compares only the two `table!` there.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # diesel::table! {
    /// #     posts_archive {
    /// #         id -> BigInt, user_id -> Integer, title -> Text, version -> Integer, is_deleted -> Bool,
    /// #         deleted_at -> Nullable<Timestamp>, deleted_by -> Nullable<Text>, updated_at -> Timestamp,
    /// #     }
    /// # }
    /// # fn main() {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Error;
    ///
    /// // `posts.id` is an `Integer`, and `posts_archive.id` a `BigInt`.
    /// let job = || posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// let refused = job().archive_into(posts_archive::table).run(conn);
    /// assert!(matches!(refused, Err(Error::ArchiveMismatch { .. })));
    /// # use diesel::connection::SimpleConnection;
    /// # conn.batch_execute("CREATE TABLE posts_archive AS SELECT * FROM posts WHERE FALSE").unwrap();
    /// let report = job().archive_into(posts_archive::table).allow_type(posts::id).run(conn).unwrap();
    /// assert_eq!(report.archived, 1);
    /// # }
    /// ```
    pub fn allow_type<C>(mut self, _column: C) -> Self
    where
        C: Column<Table = T>,
    {
        self.options.allowed_types.push(C::NAME);
        self
    }

    /// Calls `callback` after every batch.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let mut seen = Vec::new();
    /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// job.on_progress(|progress| seen.push(progress.rows)).run(conn)?;
    /// assert_eq!(seen, [1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_progress<F2>(self, callback: F2) -> PurgeJob<T, P, G, A, F2, S>
    where
        F2: FnMut(&Progress),
    {
        PurgeJob {
            statements: self.statements,
            options: self.options,
            on_progress: callback,
            stop_when: self.stop_when,
        }
    }

    /// Calls `condition` before every batch, and ends the job if it returns `true`.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Stopped;
    ///
    /// let job = posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches();
    /// assert_eq!(job.stop_when(|| true).run(conn)?.stopped, Stopped::StopWhen);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop_when<S2>(self, condition: S2) -> PurgeJob<T, P, G, A, F, S2>
    where
        S2: FnMut() -> bool,
    {
        PurgeJob {
            statements: self.statements,
            options: self.options,
            on_progress: self.on_progress,
            stop_when: condition,
        }
    }

    /// Runs the job on this connection; [`Purge::in_batches`] says what it removes and returns.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`Purge::in_batches`].
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<PurgeReport, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = PurgeReport>,
    {
        self.run_blocking(conn)
    }

    /// Runs the job on a connection of diesel-async; otherwise it is [`run`](Self::run).
    ///
    /// If the future is dropped, its current batch is rolled back with the connection, and the batches before it stay
    /// removed. A MySQL connection that is kept after that still has the job's lock timeouts. It is better to end the
    /// job with [`stop_when`](Self::stop_when).
    ///
    /// # Errors
    ///
    /// It returns the errors of [`Purge::in_batches`].
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<PurgeReport, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Self: RunsOn<Conn::Backend, Output = PurgeReport>,
    {
        self.run_asynchronous(conn).await
    }

    async fn run_on<X>(mut self, x: &mut X) -> Result<PurgeReport, Error>
    where
        X: Executor,
        Self: TableJob<X::Backend>,
    {
        let prepared = self.check(x, &Options::default()).await?;
        self.run_checked(x, prepared, Context::default()).await
    }
}

impl<T, P, G, A, F, S, DB> RunsOn<DB> for PurgeJob<T, P, G, A, F, S>
where
    DB: AnswersText,
    T: SoftDeletable,
    T::Stamp: Timestamped,
    Self: TableJob<DB>,
{
    runs_on!(PurgeReport, Self::run_on);
}

impl<T, P, G, A, F, S> std::fmt::Debug for PurgeJob<T, P, G, A, F, S>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PurgeJob")
            .field("table", &T::table_name())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
