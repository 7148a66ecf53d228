//! Soft deletion for [Diesel](https://diesel.rs): rows are marked as deleted instead of removed,
//! on PostgreSQL, MySQL/MariaDB and SQLite, sync and async.
//!
//! One derive per table, then ordinary Diesel:
//!
//! ```
//! use chrono::{NaiveDateTime, TimeDelta};
//! use diesel::prelude::*;
//! use diesel_soft_delete::prelude::*;
//!
//! diesel::table! {
//!     posts {
//!         id -> Integer,
//!         title -> Text,
//!         is_deleted -> Bool,
//!         deleted_at -> Nullable<Timestamp>,
//!     }
//! }
//!
//! #[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
//! #[diesel(table_name = posts)]
//! #[soft_delete(flag = is_deleted, timestamp = deleted_at)]
//! struct Post {
//!     id: i32,
//!     title: String,
//!     is_deleted: bool,
//!     deleted_at: Option<NaiveDateTime>,
//! }
//!
//! # fn main() -> QueryResult<()> {
//! # let conn = &mut SqliteConnection::establish(":memory:").unwrap();
//! # diesel::sql_query("CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP)").execute(conn)?;
//! # diesel::insert_into(posts::table).values((posts::id.eq(1), posts::title.eq("a post"))).execute(conn)?;
//! posts::table.find(1).soft_delete().execute(conn)?; // 1; again: 0, the first time is kept
//! posts::table.active().filter(posts::title.like("a%")).load::<Post>(conn)?;
//! posts::table.find(1).restore().execute(conn)?;
//! posts::table.purge_older_than(TimeDelta::days(30)).execute(conn)?; // one guarded DELETE
//! # Ok(())
//! # }
//! ```
//!
//! # Declaring: `#[soft_delete(..)]`
//!
//! See [the derive](derive@SoftDeletable) for all keys, [`soft_deletable!`] for a schema without
//! models, [`not_soft_deletable!`] for tables that take part in joins unfiltered.
//!
//! # Reading
//!
//! | call | rows |
//! |---|---|
//! | [`q.active()`](SoftDeleteQueryDsl::active), [`active(q)`](active()) | not deleted; on a join: **every** table is filtered |
//! | [`q.deleted()`](SoftDeleteQueryDsl::deleted), [`deleted(q)`](deleted()) | deleted; on a join: its first table |
//! | plain Diesel | all |
//! | [`is_active(t)`](is_active()), [`is_deleted(t)`](is_deleted()) | the bare predicate of a table or alias |
//! | [`is_active_or_missing(t)`](is_active_or_missing()) | null-safe, for `WHERE` after an outer join |
//! | [`l.left_join_active(r)`](SoftDeleteQueryDsl::left_join_active), [`l.inner_join_active(r)`](SoftDeleteQueryDsl::inner_join_active) | `ON` of `joinable!` and the predicate of `r` |
//! | [`r.on_active(on)`](JoinOnActiveDsl::on_active) | explicit `ON` and the predicate of `r` |
//!
//! # Writing
//!
//! | call | |
//! |---|---|
//! | [`target.soft_delete()`](SoftDeleteDsl::soft_delete) | active rows become deleted |
//! | [`target.restore()`](SoftDeleteDsl::restore) | deleted rows become active |
//! | [`target.purge_older_than(age)`](SoftDeleteDsl::purge_older_than), [`target.purge_deleted_before(cutoff)`](SoftDeleteDsl::purge_deleted_before) | rows deleted long enough ago are removed for good |
//! | [`table.insert_or_revive(values)`](InsertOrReviveDsl::insert_or_revive)[`.on(columns)`](InsertOrRevive::on) | the deleted row with that key comes back with these values; else they are inserted; an active row is left alone |
//! | [`.keeping(columns)`](OnKey::keeping), [`.keeping_the_rest()`](OnKey::keeping_the_rest), [`.cascade()`](OnKey::cascade) | what a revived row keeps, and what comes back along with it |
//! | [`target.erase()`](SoftDeleteDsl::erase), [`.archived_in(..)`](Erase::archived_in) | all rows are removed at once and for good, with their copies in archives; none if one is under hold |
//! | [`.at(..)`](SoftDelete::at), [`.at_utc(..)`](SoftDelete::at_utc), [`db_now()`] | another time than now |
//! | [`.set(..)`](Transition::set), [`.only_if(..)`](Transition::only_if), [`.returning(..)`](Transition::returning) | more assignments, a condition, the rows |
//! | [`.run(conn)`](Transition::run), [`.outcome(conn)`](Transition::outcome) | execution with typed errors; `.execute(conn)` is Diesel's |
//!
//! # Cascades
//!
//! | call | |
//! |---|---|
//! | [`target.soft_delete().cascade()`](Transition::cascade), [`target.restore().cascade()`](Transition::cascade) | the rows and their children, as declared, in one transaction; a restore takes back what one operation deleted |
//! | [`.preview(conn)`](Cascading::preview), [`.set_all(..)`](Cascading::set_all), [`.operation(..)`](Cascading::operation) | what would happen; metadata for all tables; an identifier of yours |
//! | [`.without_cascade()`](Transition::without_cascade) | the plain statement, on a table with declared children |
//!
//! # Purging
//!
//! | call | |
//! |---|---|
//! | [`purge.in_batches()`](Purge::in_batches) | the purge as a job of short transactions: limits, archive, blocked rows, a report |
//! | [`RetentionPolicy`] | several tables in one run, one budget, at most one runner |
//! | [`target.erase()`](SoftDeleteDsl::erase) | rows and their copies go now, whatever their state, unless they are under hold |
//!
//! # Migrations
//!
//! [`migration::SoftDeleteMigration`] adds the columns.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `sqlite`, `postgres`, `mysql` | Diesel's features of the same name |
//! | `postgres_backend`, `mysql_backend` | the same without the C client library, for diesel-async |
//! | `returning_clauses_for_sqlite_3_35` | Diesel's feature of the same name |
//! | `async` | `run_async` and `outcome_async` for connections of diesel-async |
//! | `tracing` | an event of the `tracing` crate per batch of a purge job |
//! | `migrations` (default) | re-exports `MigrationHarness` in [`migration`] |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs, missing_debug_implementations)]
#![forbid(unsafe_code)]

// The macros name this crate by its name, inside it too.
extern crate self as diesel_soft_delete;

mod cascade;
mod connection;
mod declare;
mod dialect;
mod diesel_internals;
pub mod dsl;
mod error;
pub mod migration;
mod purge;
mod query;
mod revive;
mod schema;
mod statement;

/// A tree of rows, deleted and restored as one.
pub use cascade::{CascadeReport, Cascading};
/// Ages and times in this crate's API are chrono's.
pub use chrono;
pub use declare::{SoftDeletable, TimeUnit};
pub use dialect::{DbNow, Dialect, NoReturningClause, ReturningClause, SoftDeleteBackend, db_now};
pub use error::{Blocked, BlockedBy, Error, Finding, Progress, PurgeReport, RetentionReport, Severity, Stopped};
pub use migration::{SoftDeleteMigration, assert_schema, check};
#[cfg(feature = "async")]
pub use migration::{assert_schema_async, check_async};
pub use purge::{IntoDuration, PurgeJob, RetentionPolicy};
pub use query::{JoinOnActiveDsl, SoftDeleteQueryDsl, active, deleted, is_active, is_active_or_missing, is_deleted};
pub use revive::{InsertOrRevive, InsertOrReviveDsl, OnKey, Revival};
pub use statement::{Erase, ErasureReport, Outcome, Purge, Restore, SoftDelete, SoftDeleteDsl, Transition};

/// Declares the table of a model soft-deletable.
///
/// `table_name` and `column_name` are read from `#[diesel(..)]`; `table_name` must be there. The trait
/// [`SoftDeletable`](trait@SoftDeletable) is implemented for the **table**, so one derive per table
/// serves every struct that is mapped to it, and the struct need not have the columns as fields. It
/// must stand in the crate that owns the `table!`.
///
/// Without `#[soft_delete(..)]`, or with none of `flag`, `active_flag` and `timestamp` in it:
/// `flag = is_deleted, timestamp = deleted_at`.
///
/// | key | meaning |
/// |---|---|
/// | `flag = col` | `Bool`, `TRUE` means deleted. `Nullable<Bool>` too: NULL counts as active |
/// | `active_flag = col` | `Bool`, `TRUE` means active. `Nullable<Bool>` too: NULL counts as active |
/// | `timestamp = col` | when the row was deleted; without a flag, `col IS NULL` means active |
/// | `unit = seconds`, `millis`, `micros` | for a `timestamp` (and a `touch`) that is an integer since 1970 |
/// | `touch = col` | set to the same time by soft delete, to now by restore |
/// | `metadata(col, ..)` | nullable columns that describe a deletion: set them with `.set(..)`; restore sets them to NULL |
/// | `operation = col` | nullable column that identifies the operation of a cascade: `Uuid` (PostgreSQL), `Text` or `BigInt`; restore sets it to NULL |
/// | `hold = col` | `Bool` or `Nullable<Bool>`, `TRUE` means under (legal) hold: no purge removes the row, and an erasure is refused |
/// | `cascade(posts(author_id), ..)` | children, each with its foreign key, that are deleted and restored along with their parent |
/// | `restrict(invoices(customer_id), ..)` | children that forbid a cascade while one of them is live |
/// | `set_null(drafts(author_id), ..)` | children whose reference a cascade sets to NULL |
///
/// # Column types
///
/// A timestamp is `Nullable<Timestamp>`, `Nullable<Timestamptz>` (PostgreSQL), `Nullable<Datetime>`
/// (MySQL), `Nullable<TimestamptzSqlite>`; or an integer with a unit: `Nullable<BigInt>` with any,
/// `Nullable<Integer>` with `seconds`. The Rust types of the model do not matter: chrono, time and
/// jiff users write the same attribute.
///
/// On MySQL use a column `DATETIME(6)` and `Nullable<Datetime>` for it in `table!`: plain `DATETIME`
/// rounds to seconds, so that what `.at_utc(..)` wrote is not what is stored; a column `TIMESTAMP` goes
/// through the zone of the session; and what is bound as Diesel's `Timestamp` ends in 2038 (a later
/// time is refused, MariaDB would store NULL). Where a flag is an integer, on MySQL and SQLite, other
/// values than 0 and 1 are neither active nor deleted: let a `CHECK` forbid them.
///
/// # Flag and timestamp
///
/// With both, the **flag decides** whether a row is deleted, and the timestamp only how long ago. A
/// row whose flag is set and whose timestamp is NULL is deleted and never purged by age; a row whose
/// flag is not set is active and never purged, whatever its timestamp says. A soft delete or a
/// restore of such a row sets both right.
///
/// # Hold
///
/// A row whose `hold` column is TRUE is never purged, however long ago it was deleted; NULL in a
/// `Nullable<Bool>` is no hold. Soft delete and restore do not care about it, and never set it: whoever
/// orders and lifts holds writes the column with Diesel's own `update`. A hold is on the row alone: a
/// foreign key with `ON DELETE CASCADE` takes a held child along with its parent
/// ([`check`](check()) finds such keys), and a plain `DELETE` of yours takes what it is told to.
///
/// ```
/// use diesel_soft_delete::prelude::*;
///
/// diesel::table! {
///     mails {
///         id -> Integer,
///         deleted_at -> Nullable<Timestamp>,
///         legal_hold -> Bool,
///     }
/// }
/// diesel_soft_delete::soft_deletable! { mails { timestamp = deleted_at, hold = legal_hold } }
///
/// let purge = mails::table.purge_older_than(chrono::TimeDelta::days(30));
/// let sql = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&purge).to_string();
/// assert!(sql.contains("(`mails`.`deleted_at` < ?) AND ") && sql.contains(" AND (`mails`.`legal_hold` = FALSE)"));
/// ```
///
/// # Children
///
/// With `cascade(..)`, `restrict(..)` or `set_null(..)`, a soft delete or a restore of the table has to say
/// [`.cascade()`](Transition::cascade) or [`.without_cascade()`](Transition::without_cascade). The columns are those of the child
/// that refer to this table's primary key, in its order; a key of several columns is one entry,
/// several keys to one child are several. The child's table is named as `table_name` is, by the path of its module.
///
/// # Example
///
/// ```
/// use diesel::prelude::*;
/// use diesel_soft_delete::prelude::*;
///
/// diesel::table! {
///     notes {
///         id -> Integer,
///         body -> Text,
///         deleted_ms -> Nullable<BigInt>,
///         reason -> Nullable<Text>,
///         updated_at -> Timestamp,
///     }
/// }
///
/// #[derive(Queryable, Selectable, SoftDeletable)]
/// #[diesel(table_name = notes)]
/// #[soft_delete(timestamp = deleted_ms, unit = millis, touch = updated_at, metadata(reason))]
/// struct Note {
///     id: i32,
///     body: String,
/// }
///
/// let sql = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&notes::table.find(1).restore()).to_string();
/// assert!(sql.starts_with("UPDATE `notes` SET `deleted_ms` = NULL, `updated_at` = ?, `reason` = NULL WHERE"));
/// ```
pub use diesel_soft_delete_derives::SoftDeletable;

/// Declares tables soft-deletable, for a schema without models or in a crate of its own.
///
/// It stands beside `table!`, in the same crate, and takes the keys of
/// [the derive](derive@SoftDeletable).
///
/// ```
/// use diesel_soft_delete::prelude::*;
///
/// mod schema {
///     diesel::table! {
///         posts {
///             id -> Integer,
///             is_deleted -> Bool,
///             deleted_at -> Nullable<Timestamp>,
///         }
///     }
///     diesel::table! {
///         drafts {
///             id -> Integer,
///             deleted_at -> Nullable<Timestamp>,
///         }
///     }
/// }
///
/// diesel_soft_delete::soft_deletable! {
///     schema::posts { flag = is_deleted, timestamp = deleted_at }
///     schema::drafts { timestamp = deleted_at }
/// }
///
/// let sql = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&schema::drafts::table.active()).to_string();
/// assert!(sql.contains("WHERE (`drafts`.`deleted_at` IS NULL)"));
/// ```
pub use diesel_soft_delete_derives::soft_deletable;

/// Declares tables that have no soft deletion and may take part in `.active()` joins unfiltered.
///
/// It stands beside `table!`, in the same crate. A table that is declared neither this way nor
/// soft-deletable does not compile in such a join: so a forgotten declaration cannot leak rows.
///
/// ```
/// # include!("doctest_setup.rs");
/// // not_soft_deletable!(tags);
/// # fn main() -> QueryResult<()> {
/// # let conn = &mut connection();
/// let tagged = posts::table.inner_join(tags::table).active().select(tags::name).load::<String>(conn)?;
/// assert_eq!(tagged, ["rust", "sql"]);
/// # Ok(())
/// # }
/// ```
pub use diesel_soft_delete_derives::not_soft_deletable;

/// What nearly every file needs: the derive and the methods.
///
/// ```
/// use diesel_soft_delete::prelude::*;
/// ```
pub mod prelude {
    pub use crate::{InsertOrReviveDsl, JoinOnActiveDsl, SoftDeletable, SoftDeleteDsl, SoftDeleteQueryDsl};
}

/// The bounds of generic code: one for a query, two for a verb, one for a job.
///
/// ```
/// # include!("doctest_setup.rs");
/// use diesel::connection::LoadConnection;
/// use diesel::dsl::Find;
/// use diesel::query_dsl::methods::FindDsl;
/// use diesel_soft_delete::dsl::{Deleted, SoftDelete};
/// use diesel_soft_delete::methods::{DeletedQuery, RunsOn, SoftDeleteTarget};
/// use diesel_soft_delete::{CascadeReport, Cascading, Error, RetentionPolicy, RetentionReport};
///
/// fn trash<T: DeletedQuery>(table: T) -> Deleted<T> {
///     diesel_soft_delete::deleted(table)
/// }
///
/// fn delete_by_id<T, Id, Conn>(table: T, id: Id, conn: &mut Conn) -> Result<usize, Error>
/// where
///     T: FindDsl<Id>,
///     Conn: LoadConnection,
///     Find<T, Id>: SoftDeleteTarget,
///     SoftDelete<Find<T, Id>>: RunsOn<Conn::Backend, Output = usize>,
/// {
///     table.find(id).soft_delete().run(conn)
/// }
///
/// fn cascade_by_id<T, Id, Conn>(table: T, id: Id, conn: &mut Conn) -> Result<CascadeReport, Error>
/// where
///     T: FindDsl<Id>,
///     Conn: LoadConnection,
///     Find<T, Id>: SoftDeleteTarget,
///     Cascading<SoftDelete<Find<T, Id>>>: RunsOn<Conn::Backend, Output = CascadeReport>,
/// {
///     table.find(id).soft_delete().cascade().run(conn)
/// }
///
/// fn nightly<'p, J, Conn>(policy: RetentionPolicy<'p, J>, conn: &mut Conn) -> Result<RetentionReport, Error>
/// where
///     Conn: LoadConnection,
///     RetentionPolicy<'p, J>: RunsOn<Conn::Backend, Output = RetentionReport>,
/// {
///     policy.max_rows(100_000).run(conn)
/// }
///
/// # fn main() -> Result<(), Error> {
/// # let conn = &mut connection();
/// assert_eq!(trash(posts::table).count().get_result::<i64>(conn)?, 1);
/// assert_eq!(delete_by_id(posts::table, 1, conn)?, 1);
/// assert_eq!(cascade_by_id(users::table, 1, conn)?.rows("users"), 1);
/// nightly(RetentionPolicy::new().table(posts::table.purge_older_than(chrono::TimeDelta::days(30)).in_batches()), conn)?;
/// # Ok(())
/// # }
/// ```
pub mod methods {
    pub use crate::connection::RunsOn;
    pub use crate::declare::{CascadeDecided, KeyColumn, Timestamped};
    pub use crate::purge::TableJob;
    pub use crate::query::{ActiveQuery, DeletedQuery, JoinActive};
    pub use crate::statement::{SoftDeleteTarget, WithOutcome};

    // The types of statements are written in terms of these. Nobody needs to name them.
    #[doc(hidden)]
    pub use crate::cascade::{CascadeRoot, Cascades};
    #[doc(hidden)]
    pub use crate::connection::AnswersText;
    #[doc(hidden)]
    pub use crate::declare::{
        FixedTime, Hold, NoRelations, NoTime, Operation, Relations, RestoreVerb, SoftDeleteVerb, State, TimeColumn,
        Touched, WithoutCascade,
    };
    #[doc(hidden)]
    pub use crate::purge::ArchiveTarget;
    #[doc(hidden)]
    pub use crate::query::{Scope, Source};
    #[doc(hidden)]
    pub use crate::revive::{Assignments, KeyColumns, OneColumn, SeveralColumns};
    #[doc(hidden)]
    pub use crate::statement::{
        Changes, Condition, NoChanges, NoCondition, NoReturning, OnlyIf, Returning, Target, Verb,
    };
}

/// What the macros name. Not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::declare::{
        ActiveFlag, AnyNullable, ByTimestamp, Cascade, CascadeTarget, Children, Declared, DeclaredParent, Flag,
        HoldColumn, NoHold, NoOperation, NoRelations, NoTimeColumn, NoUnit, OperationColumn, Plain, RelationTarget,
        Restrict, SetNull, SoftDeleted, TimestampColumn, TouchColumn, uses_unit,
    };
    pub use crate::dialect::{Micros, Millis, Seconds};
    pub use crate::query::{
        ActiveQuery, CoveredBy, DeletedQuery, FirstTable, KindCoveredBy, LeftJoinedPlainly, Nothing, Scope,
    };
    pub use crate::statement::{Condition, Target};
    pub use diesel::associations::HasTable;
    pub use diesel::query_builder::{AsQuery, IntoUpdateTarget};
    pub use inventory;
}
