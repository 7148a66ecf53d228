//! The verbs, on every target.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::associations::HasTable;
use diesel::query_builder::IntoUpdateTarget;

use super::aliases;
use super::delete::Purge;
use super::erase::Erase;
use super::target::Target;
use super::transition::{Restore, SoftDelete};
use crate::declare::{SoftDeletable, Timestamped};

/// `soft_delete`, `restore`, purges and `erase`, on every target.
///
/// In the prelude. A target is what Diesel's `update` takes: a table, a table with `find` or
/// `filter` called on it, `Child::belonging_to(&parent)`, or a reference to a model that is
/// `Identifiable`.
///
/// No verb touches a row in the wrong state, whatever the filter of the target looks like: the
/// test of the state is part of the statement, and a filter of raw SQL or a boxed expression is
/// grouped before the test is appended.
pub trait SoftDeleteDsl: IntoUpdateTarget + Sized {
    /// Marks rows as deleted.
    ///
    /// * **Touches** the rows of the target that are active: the flag is set, the timestamp column
    ///   gets the time, the `touch` column the same time.
    /// * **Leaves alone** rows that are deleted already: their first time is kept.
    /// * The time is that of this call, by this machine's clock, in UTC, cut off below
    ///   microseconds; one for all rows. [`.at(..)`](crate::SoftDelete::at) and [`.at_utc(..)`](crate::SoftDelete::at_utc)
    ///   set another.
    /// * `.execute(conn)` and `.run(conn)` return how many rows changed.
    ///
    /// SQL, for `posts::table.find(1)` and the declaration of the example:
    ///
    /// ```sql
    /// UPDATE "posts" SET "is_deleted" = TRUE, "deleted_at" = $1, "updated_at" = $2
    /// WHERE ("posts"."id" = $3) AND ("posts"."is_deleted" = FALSE)
    /// ```
    ///
    /// # Errors
    ///
    /// [`InstantOutOfRange`](crate::Error::InstantOutOfRange) if the time does not fit the column,
    /// [`ColumnSetTwice`](crate::Error::ColumnSetTwice); nothing is executed then.
    ///
    /// # Example
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> QueryResult<()> {
    /// # let conn = &mut connection();
    /// assert_eq!(posts::table.find(1).soft_delete().execute(conn)?, 1);
    /// assert_eq!(posts::table.find(1).soft_delete().execute(conn)?, 0);
    /// assert_eq!(posts::table.active().count().get_result::<i64>(conn)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    fn soft_delete(self) -> aliases::SoftDelete<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
    {
        SoftDelete::new(<Self as HasTable>::table(), self.into_condition())
    }

    /// Makes deleted rows active again.
    ///
    /// * **Touches** the rows of the target that are deleted: the flag is reset (to `FALSE`, never to
    ///   NULL), the timestamp, the `metadata(..)` and the `operation` columns are set to NULL, the
    ///   `touch` column to now.
    /// * **Leaves alone** active rows, their `touch` column included.
    /// * `.execute(conn)` and `.run(conn)` return how many rows changed.
    ///
    /// SQL, for `posts::table.find(2)` and the declaration of the example:
    ///
    /// ```sql
    /// UPDATE "posts" SET "is_deleted" = FALSE, "deleted_at" = NULL, "updated_at" = $1, "deleted_by" = NULL
    /// WHERE ("posts"."id" = $2) AND ("posts"."is_deleted" = TRUE)
    /// ```
    ///
    /// # Errors
    ///
    /// `.run(conn)` returns [`RestoreConflict`](crate::Error::RestoreConflict) if a active row has taken
    /// a unique value in the meantime; then no row was changed, and a transaction around it stays
    /// usable.
    ///
    /// # Example
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> QueryResult<()> {
    /// # let conn = &mut connection();
    /// assert_eq!(posts::table.find(2).restore().execute(conn)?, 1);
    /// assert_eq!(posts::table.find(2).restore().execute(conn)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    fn restore(self) -> aliases::Restore<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
    {
        Restore::new(<Self as HasTable>::table(), self.into_condition())
    }

    /// Removes, for good, the rows that were soft-deleted longer than `age` ago.
    ///
    /// * **Touches** the rows of the target that are deleted and whose timestamp is strictly before
    ///   now (this machine's clock, in UTC) less `age`.
    /// * **Leaves alone** active rows, whatever their timestamp says; rows deleted exactly `age`
    ///   ago or later; deleted rows without a timestamp; rows under hold, where the declaration has a
    ///   `hold = ..`.
    /// * `.execute(conn)` and `.run(conn)` return how many rows were removed.
    ///
    /// One `DELETE` in one transaction: a row that a foreign key holds makes it fail, and nothing is removed.
    /// [`.in_batches()`](crate::Purge::in_batches) removes the other rows. On a table without a timestamp column it does not
    /// compile, and the message names the attribute to add.
    ///
    /// ```sql
    /// DELETE FROM "posts" WHERE ("posts"."is_deleted" = TRUE) AND ("posts"."deleted_at" < $1)
    ///     AND ("posts"."deleted_at" > '1973-03-03 09:46:40')
    /// ```
    ///
    /// A row whose timestamp is not the time of a deletion stays, since its age is not known. These values are not such a
    /// time:
    ///
    /// * any time before 1973-03-03 09:46:40 UTC, such as a zero date of MySQL or the sentinel `1970-01-01`;
    /// * a number below that time in the unit of the column, such as seconds in a column of milliseconds;
    /// * on MySQL and MariaDB a date whose month or day is zero;
    /// * on SQLite, in a timestamp column, any value that is not a text of the form `YYYY-MM-DD HH:MM..` in UTC.
    ///
    /// MySQL and SQLite test the form with more SQL than is shown above.
    ///
    /// SQLite compares timestamps as text: keep them in the one format that Diesel writes
    /// (`2024-03-01 12:00:00.25`), or a comparison within the same day is wrong.
    ///
    /// # Errors
    ///
    /// [`NegativeAge`](crate::Error::NegativeAge) (its cutoff would lie in the
    /// future, and every deleted row would go), [`AgeTooLarge`](crate::Error::AgeTooLarge),
    /// [`InstantOutOfRange`](crate::Error::InstantOutOfRange); nothing is executed then.
    ///
    /// # Example
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use chrono::TimeDelta;
    ///
    /// // `Two` was deleted in 2024.
    /// assert_eq!(posts::table.purge_older_than(TimeDelta::days(30)).run(conn)?, 1);
    /// assert!(posts::table.purge_older_than(TimeDelta::days(-30)).run(conn).is_err());
    /// # Ok(())
    /// # }
    /// ```
    fn purge_older_than(self, age: TimeDelta) -> aliases::PurgeOlderThan<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
        <Self::Table as SoftDeletable>::Stamp: Timestamped,
    {
        Purge::older_than(<Self as HasTable>::table(), self.into_condition(), age)
    }

    /// Removes, for good, the rows that were soft-deleted before `cutoff`.
    ///
    /// As [`purge_older_than`](Self::purge_older_than), with the cutoff given. A row deleted exactly
    /// at the cutoff stays. The cutoff is cut off below microseconds, and to the unit of an integer
    /// column: so it never takes a row that was deleted later.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use chrono::{TimeZone, Utc};
    ///
    /// let noon = Utc.with_ymd_and_hms(2024, 3, 1, 12, 0, 0).unwrap();
    /// assert_eq!(posts::table.purge_deleted_before(noon).run(conn)?, 0);
    /// assert_eq!(posts::table.purge_deleted_before(noon + chrono::TimeDelta::microseconds(1)).run(conn)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    fn purge_deleted_before(self, cutoff: DateTime<Utc>) -> aliases::PurgeDeletedBefore<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
        <Self::Table as SoftDeletable>::Stamp: Timestamped,
    {
        Purge::deleted_before(<Self as HasTable>::table(), self.into_condition(), cutoff)
    }

    /// Removes rows **at once and for good**, whatever their state: for a person's request to be forgotten.
    ///
    /// * **Touches** every row of the target, active or deleted, however recently; and with
    ///   [`.archived_in(..)`](Erase::archived_in) the copies in archive tables.
    /// * **Refuses** the whole target if one of its rows is under hold (`hold = ..` in the declaration), by
    ///   its key.
    /// * All or nothing: in one transaction, at whose end no row of the target is left, or else it is
    ///   rolled back.
    /// * There is no `.execute(conn)`: only `.run(conn)` and, with the feature `async`, `.run_async(conn)`
    ///   run it. On a table alone it takes all rows, as Diesel's `delete` does.
    ///
    /// The rows are soft-deleted first, so they pass the guard of hard deletes, if there is one:
    ///
    /// ```sql
    /// SELECT COUNT(*), COUNT(NULL) FROM "posts" WHERE ("posts"."id" = $1)    -- how many, how many held
    /// UPDATE "posts" SET "is_deleted" = TRUE, .. WHERE ("posts"."id" = $1) AND ("posts"."is_deleted" = FALSE)
    /// DELETE FROM "posts" WHERE ("posts"."id" = $1) AND ("posts"."is_deleted" = TRUE)
    /// SELECT COUNT(*), COUNT(NULL) FROM "posts" WHERE ("posts"."id" = $1)    -- none is left
    /// ```
    ///
    /// So filter by columns that a soft delete does not change: rows of `filter(is_deleted.eq(false))` are no
    /// longer of the target after the first step, and that is the error
    /// [`NotErased`](crate::Error::NotErased). So is a row whose flag is neither 0 nor 1, on MySQL and SQLite. Replies that
    /// are not of the target hold the row by their foreign key. Rows of other tables are the caller's: erase children first, in
    /// a transaction around both; a foreign key with `ON DELETE CASCADE` would take them along, held or not
    /// (`check` finds it). What the database has written elsewhere (its log, replicas, backups) is out of reach.
    /// A system-versioned table or archive of MariaDB is refused, since its old versions would stay readable. (A view over
    /// such a table is not refused: erase from the table behind it.)
    ///
    /// Rows of the target that refer to each other in the same table, such as a comment and its replies, are removed
    /// whatever the order of their keys. Where the database refuses the one `DELETE` (InnoDB tests a foreign key row by row), the erasure
    /// begins again, and removes first the rows that no row refers to. Rows that refer to themselves, or to each other
    /// in a circle, are refused by InnoDB.
    ///
    /// **Row-level policies** of PostgreSQL apply to an erasure: rows that they hide are neither counted nor removed.
    /// So erase as a role to which none applies. An erasure that sees no row is an error if a policy for this user
    /// depends on the columns of the soft deletion (the flag, the timestamp, the hold), for then the row may be there. A
    /// policy on other columns, such as the tenant's, is not an error: it hides the rows of others.
    ///
    /// On PostgreSQL and MySQL, rows that match and are written by others while it runs are seen at the end,
    /// but not those that commit later: a foreign key or a ban on new rows is the caller's.
    ///
    /// # Errors
    ///
    /// See [`Erase::run`].
    ///
    /// # Example
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// // `One` is active, `Two` is deleted.
    /// let report = posts::table.filter(posts::user_id.eq(1)).erase().run(conn)?;
    /// assert_eq!(report.rows, 2);
    /// assert_eq!(posts::table.select(posts::title).load::<String>(conn)?, ["Three"]);
    /// # Ok(())
    /// # }
    /// ```
    fn erase(self) -> aliases::Erase<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
    {
        Erase::new(<Self as HasTable>::table(), self.into_condition())
    }
}

impl<T: IntoUpdateTarget> SoftDeleteDsl for T {}
