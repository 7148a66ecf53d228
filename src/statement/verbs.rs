//! The verbs on every target.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::associations::HasTable;
use diesel::query_builder::IntoUpdateTarget;

use super::aliases;
use super::delete::Purge;
use super::erase::Erase;
use super::target::Target;
use super::transition::{Restore, SoftDelete};
use crate::declare::{SoftDeletable, Timestamped};

/// The methods `soft_delete`, `restore`, `purge_older_than`, `purge_deleted_before` and `erase`.
///
/// The trait is in the prelude. A target is what Diesel's `update` takes: a table, a table with `find` or `filter`,
/// `Child::belonging_to(&parent)`, or a reference to a model that is `Identifiable`.
///
/// No verb changes a row in the wrong state, whatever the filter of the target is. The test of the state is part of
/// the statement, and a filter of raw SQL or a boxed expression is grouped before it.
pub trait SoftDeleteDsl: IntoUpdateTarget + Sized {
    /// Marks rows as deleted.
    ///
    /// * It **changes** the active rows of the target. It sets the flag, the timestamp, and the `touch` column to the
    ///   same time.
    /// * It **leaves alone** deleted rows, which keep the time of their first deletion.
    /// * The time is that of this call, by this machine's clock, in UTC, cut off below microseconds. All rows get the
    ///   same time. [`.at(..)`](crate::SoftDelete::at) and [`.at_utc(..)`](crate::SoftDelete::at_utc) set another.
    /// * `.execute(conn)` and `.run(conn)` return how many rows changed.
    ///
    /// For `posts::table.find(1)` and the declaration of the example it sends:
    ///
    /// ```sql
    /// UPDATE "posts" SET "is_deleted" = TRUE, "deleted_at" = $1, "updated_at" = $2
    /// WHERE ("posts"."id" = $3) AND ("posts"."is_deleted" = FALSE)
    /// ```
    ///
    /// # Errors
    ///
    /// Nothing is executed then.
    ///
    /// * [`InstantOutOfRange`](crate::Error::InstantOutOfRange): the time does not fit the column.
    /// * [`ColumnSetTwice`](crate::Error::ColumnSetTwice): `.set(..)` assigns a column of the soft deletion.
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
    /// * It **changes** the deleted rows of the target. It resets the flag, to `FALSE` and never to NULL. It sets the
    ///   timestamp, the `metadata(..)` columns and the `operation` column to NULL, and the `touch` column to now.
    /// * It **leaves alone** active rows, including their `touch` column.
    /// * `.execute(conn)` and `.run(conn)` return how many rows changed.
    ///
    /// For `posts::table.find(2)` and the declaration of the example it sends:
    ///
    /// ```sql
    /// UPDATE "posts" SET "is_deleted" = FALSE, "deleted_at" = NULL, "updated_at" = $1, "deleted_by" = NULL
    /// WHERE ("posts"."id" = $2) AND ("posts"."is_deleted" = TRUE)
    /// ```
    ///
    /// # Errors
    ///
    /// `.run(conn)` returns [`RestoreConflict`](crate::Error::RestoreConflict) if an active row has taken a unique
    /// value in the meantime. No row is changed then, and a transaction around the call stays usable.
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

    /// Removes the rows that were soft-deleted longer than `age` ago. They cannot be restored afterwards.
    ///
    /// * It **removes** the deleted rows of the target whose timestamp is before now minus `age`. Now is this
    ///   machine's clock, in UTC.
    /// * It **leaves alone** active rows, whatever their timestamp says, and rows that were deleted `age` ago or
    ///   later. Deleted rows without a timestamp stay, and so do rows under hold.
    /// * `.execute(conn)` and `.run(conn)` return how many rows were removed.
    ///
    /// It sends one `DELETE`. If a foreign key holds one of the rows, the statement fails and nothing is removed.
    /// [`.in_batches()`](crate::Purge::in_batches) removes the other rows. A table without a timestamp column does
    /// not compile.
    ///
    /// ```sql
    /// DELETE FROM "posts" WHERE ("posts"."is_deleted" = TRUE) AND ("posts"."deleted_at" < $1)
    ///     AND ("posts"."deleted_at" > '1973-03-03 09:46:40')
    /// ```
    ///
    /// A row stays if its timestamp cannot be the time of a deletion, since its age is unknown. These values are not
    /// such a time:
    ///
    /// * a time before 1973-03-03 09:46:40 UTC, such as a zero date of MySQL or the sentinel `1970-01-01`;
    /// * a number below that time in the unit of the column, such as seconds in a column of milliseconds;
    /// * on MySQL and MariaDB, a date whose month or day is zero;
    /// * on SQLite, in a timestamp column, a value that is not a text of the form `YYYY-MM-DD HH:MM..` in UTC.
    ///
    /// MySQL and SQLite need more SQL for this test than is shown above. SQLite compares timestamps as text. Keep
    /// them in the format that Diesel writes (`2024-03-01 12:00:00.25`), or comparisons within a day are wrong.
    ///
    /// # Errors
    ///
    /// Nothing is executed then.
    ///
    /// * [`NegativeAge`](crate::Error::NegativeAge): the cutoff would be in the future, and every deleted row would
    ///   be removed.
    /// * [`AgeTooLarge`](crate::Error::AgeTooLarge): the cutoff would be before the first time that can be
    ///   represented.
    /// * [`InstantOutOfRange`](crate::Error::InstantOutOfRange): the cutoff does not fit the column.
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

    /// Removes the rows that were soft-deleted before `cutoff`. They cannot be restored afterwards.
    ///
    /// It works like [`purge_older_than`](Self::purge_older_than), with a given cutoff. A row that was deleted
    /// exactly at the cutoff stays. The cutoff is cut off below microseconds and to the unit of an integer column, so
    /// no row is removed that was deleted later.
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

    /// Removes rows **at once**, whatever their state. They cannot be restored. Use it when a person asks to be
    /// forgotten.
    ///
    /// * It **removes** every row of the target, active or deleted. With [`.archived_in(..)`](Erase::archived_in) it
    ///   removes the copies in archive tables too.
    /// * It **refuses** the whole target if one of its rows is under hold (`hold = ..` in the declaration). The error
    ///   names the row's key.
    /// * It removes all rows or none. It runs in one transaction, which is rolled back if a row of the target is left.
    /// * Only `.run(conn)` and, with the feature `async`, `.run_async(conn)` execute it. Without a filter it removes
    ///   all rows of the table, like Diesel's `delete`.
    ///
    /// The rows are soft-deleted first, so a trigger that forbids hard deletes of active rows lets them pass:
    ///
    /// ```sql
    /// SELECT COUNT(*), COUNT(NULL) FROM "posts" WHERE ("posts"."id" = $1)    -- how many, how many held
    /// UPDATE "posts" SET "is_deleted" = TRUE, .. WHERE ("posts"."id" = $1) AND ("posts"."is_deleted" = FALSE)
    /// DELETE FROM "posts" WHERE ("posts"."id" = $1) AND ("posts"."is_deleted" = TRUE)
    /// SELECT COUNT(*), COUNT(NULL) FROM "posts" WHERE ("posts"."id" = $1)    -- none is left
    /// ```
    ///
    /// # Which rows it finds
    ///
    /// Filter by columns that a soft delete does not change. Rows of `filter(is_deleted.eq(false))` no longer match
    /// after the first step, which is the error [`NotErased`](crate::Error::NotErased). On MySQL and SQLite, a row
    /// whose flag is neither 0 nor 1 causes the same error.
    ///
    /// Rows of other tables are not removed. Erase children first, and put a transaction around both calls. A foreign
    /// key with `ON DELETE CASCADE` would remove children too, held or not; `check` finds such keys.
    ///
    /// Rows of the target may refer to each other in the same table, such as a comment and its replies. They are
    /// removed in any order. If the database refuses the one `DELETE`, the erasure starts again and removes the rows
    /// without references first. A reply outside of the target holds its row by the foreign key. InnoDB refuses rows
    /// that refer to themselves, or to each other in a circle.
    ///
    /// PostgreSQL and MySQL see rows at the end that others have written and committed while it ran. They do not see
    /// rows that are committed later: forbid those with a foreign key or in the app.
    ///
    /// **Row-level policies** of PostgreSQL apply: rows that they hide are neither counted nor removed. Erase as a
    /// role to which no policy applies. An erasure that sees no row is an error if a policy
    /// depends on the flag, the timestamp or the hold, since such a row may exist. A policy on other columns, such as the tenant's, is not
    /// an error.
    ///
    /// # What it cannot reach
    ///
    /// The database may keep copies elsewhere: in its log, on replicas and in backups. A system-versioned table or
    /// archive of MariaDB is refused, since its old versions would stay readable. A view over such a table is not
    /// refused, so erase from the table itself.
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
