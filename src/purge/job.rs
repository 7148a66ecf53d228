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

/// A purge in batches: what `.purge_older_than(..).in_batches()` returns.
///
/// See [`Purge::in_batches`].
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
    /// * **Touches** the rows that the one statement would: those of the target that are deleted, and
    ///   whose timestamp lies before the cutoff. The cutoff is that of the call of `purge_older_than`.
    /// * **Leaves alone** everything else. Every batch tests the whole predicate again under lock, so a row
    ///   that was restored a moment ago survives.
    /// * It walks the table in the order of the primary key: a query looks
    ///   [`batch_size`](PurgeJob::batch_size) eligible rows ahead, a `DELETE` removes them. What a batch
    ///   costs does not depend on how many were removed before it.
    /// * **Returns** a [`PurgeReport`]: rows, batches, why it ended, and the rows that are blocked.
    ///
    /// A row that cannot be removed (a foreign key, a trigger) does not stop the others. After the first refusal by a foreign
    /// key the job leaves out all rows that others refer to, and looks at them again as long as rows are removed. Any other
    /// batch that is refused is halved at the end, until the row is alone. The report has the first hundred blocked rows,
    /// and the number of all. A batch that meets a lock waits for
    /// [`lock_timeout`](PurgeJob::lock_timeout), is stepped over, and tried again at the end. Deadlocks,
    /// failures to serialize and SQLite's `database is locked` are tried again. Killing the process at
    /// any moment loses nothing, and the next run goes on. Two runners at once are harmless.
    ///
    /// ```sql
    /// SELECT "posts"."id" FROM "posts" WHERE ("posts"."is_deleted" = TRUE) AND ("posts"."deleted_at" < $1)
    ///     AND ("posts"."deleted_at" > '1973-03-03 09:46:40') AND "posts"."id" > $2 AND "posts"."id" <= $3 ORDER BY "posts"."id" LIMIT 1 OFFSET 999;
    /// BEGIN;
    /// SET LOCAL lock_timeout = 2000;
    /// DELETE FROM "posts" WHERE ("posts"."is_deleted" = TRUE) AND ("posts"."deleted_at" < $1)
    ///     AND ("posts"."deleted_at" > '1973-03-03 09:46:40') AND "posts"."id" > $2 AND "posts"."id" <= $3;
    /// COMMIT;
    /// ```
    ///
    /// # Errors
    ///
    /// Before anything is removed: [`InvalidOption`](Error::InvalidOption), [`NegativeAge`](Error::NegativeAge),
    /// [`AgeTooLarge`](Error::AgeTooLarge), [`TooYoung`](Error::TooYoung),
    /// [`PurgeInTransaction`](Error::PurgeInTransaction) (its batches would be one transaction),
    /// [`PurgeReaches`](Error::PurgeReaches) (a foreign key would take other rows along),
    /// [`NoTable`](Error::NoTable), [`PurgeOfView`](Error::PurgeOfView),
    /// [`SchemaMismatch`](Error::SchemaMismatch) (the flag, the timestamp or the hold is not as it is declared),
    /// [`UnorderedKey`](Error::UnorderedKey), [`ArchiveMismatch`](Error::ArchiveMismatch). Later:
    /// [`PurgeFailed`](Error::PurgeFailed), with the report so far; the batches before it are done. Its source can be
    /// [`PassedOver`](Error::PassedOver), which a dry run returns as well.
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

    /// How long a batch waits for locks of others before it is stepped over. Default: two seconds.
    ///
    /// PostgreSQL: `SET LOCAL lock_timeout`. MySQL: `innodb_lock_wait_timeout` and `lock_wait_timeout`, in whole seconds, set
    /// for the session and set back at the end. SQLite: how long a batch is tried again while another connection writes;
    /// then the job fails, with its report.
    ///
    /// That a lock timed out is told by the server's English words, so `lc_messages` should be English for the job.
    pub fn lock_timeout(mut self, duration: impl IntoDuration) -> Self {
        self.options.lock_timeout = Some(self.options.duration("lock_timeout", duration));
        self
    }

    /// Ends the job as soon as more rows than that are blocked, or more batches are locked. Rows that only rows of the same
    /// table refer to do not count: those may go first.
    ///
    /// Default: no limit. The job removes what it can, and reports the first hundred blocked rows and their number.
    pub fn max_blocked(mut self, rows: u64) -> Self {
        self.options.max_blocked = Some(rows);
        self
    }

    /// Allows that a child table loses rows, or their references, through its foreign key
    /// `ON DELETE CASCADE`, `SET NULL` or `SET DEFAULT`.
    ///
    /// Without it such a job is refused: the database would remove active children, those under hold too, and on MySQL
    /// without running their triggers. `table` is the child's name, `schema.table` in another schema.
    pub fn allow_reaching(mut self, table: impl Into<String>) -> Self {
        self.options.reaches.push(table.into());
        self
    }

    /// Copies rows into an archive, and removes them, in one transaction per batch.
    ///
    /// All columns of the table are copied by name; the archive can have more, and in another order. Each has the
    /// type that it has in the table (on MySQL the character set too), unless [`allow_type`](Self::allow_type) names it.
    /// What does not fit is refused, by name, before anything is removed. If the numbers of rows copied and
    /// removed differ, the batch is taken back. So both tables need an engine with transactions, and on SQLite the same
    /// file. On PostgreSQL the copy needs the right to `UPDATE` the table.
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

    /// Allows that this column of the table has another type in the archive, where it would be refused without.
    ///
    /// The database converts the values. PostgreSQL refuses a row whose value does not fit, and the row stays, as a blocked
    /// one. MySQL without its strict mode cuts the value silently. SQLite stores any value in any column, so only the `table!`s are
    /// compared there.
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

    /// Calls back after every batch.
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

    /// Asks before every batch whether to stop.
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

    /// Runs the job; see [`Purge::in_batches`].
    ///
    /// # Errors
    ///
    /// Those of [`Purge::in_batches`].
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<PurgeReport, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = PurgeReport>,
    {
        self.run_blocking(conn)
    }

    /// [`run`](Self::run) for a connection of diesel-async.
    ///
    /// If the future is dropped, the batch it was in is taken back with its connection; those before it are
    /// done. On MySQL a connection that is kept after that still has the job's lock timeouts; better end the job with
    /// [`stop_when`](Self::stop_when).
    ///
    /// # Errors
    ///
    /// Those of [`Purge::in_batches`].
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
