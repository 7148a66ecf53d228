//! Soft deletion for [Diesel](https://diesel.rs): rows are marked as deleted instead of removed.
//!
//! The crate works on PostgreSQL, MySQL, MariaDB and SQLite, with sync and async connections.
//!
//! A table needs one derive. Queries stay ordinary Diesel:
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
//! posts::table.find(1).soft_delete().execute(conn)?; // 1; a second call gives 0 and keeps the first time
//! posts::table.active().filter(posts::title.like("a%")).load::<Post>(conn)?;
//! posts::table.find(1).restore().execute(conn)?;
//! posts::table.purge_older_than(TimeDelta::days(30)).execute(conn)?; // one guarded DELETE
//! # Ok(())
//! # }
//! ```
//!
//! # Declaring: `#[soft_delete(..)]`
//!
//! [The derive](derive@SoftDeletable) lists all keys. [`soft_deletable!`] serves a schema without models.
//! [`not_soft_deletable!`] names tables that take part in joins unfiltered.
//!
//! # Reading
//!
//! | call | rows or SQL |
//! |---|---|
//! | [`q.active()`](SoftDeleteQueryDsl::active), [`active(q)`](active()) | active rows; in a join **every** table is filtered |
//! | [`q.deleted()`](SoftDeleteQueryDsl::deleted), [`deleted(q)`](deleted()) | deleted rows; in a join its first table is filtered |
//! | Diesel without a filter of this crate | all rows |
//! | [`is_active(t)`](is_active()), [`is_deleted(t)`](is_deleted()) | the predicate of one table or alias |
//! | [`is_active_or_missing(t)`](is_active_or_missing()) | the predicate for `WHERE` after an outer join, where a missing row passes |
//! | [`l.left_join_active(r)`](SoftDeleteQueryDsl::left_join_active), [`l.inner_join_active(r)`](SoftDeleteQueryDsl::inner_join_active) | a join whose `ON` is that of `joinable!` and the predicate of `r` |
//! | [`r.on_active(on)`](JoinOnActiveDsl::on_active) | an explicit `ON` and the predicate of `r` |
//!
//! # Writing
//!
//! | call | what it does |
//! |---|---|
//! | [`target.soft_delete()`](SoftDeleteDsl::soft_delete) | makes active rows deleted |
//! | [`target.restore()`](SoftDeleteDsl::restore) | makes deleted rows active |
//! | [`target.purge_older_than(age)`](SoftDeleteDsl::purge_older_than), [`target.purge_deleted_before(cutoff)`](SoftDeleteDsl::purge_deleted_before) | removes rows that were deleted long enough ago |
//! | [`table.insert_or_revive(values)`](InsertOrReviveDsl::insert_or_revive)[`.on(columns)`](InsertOrRevive::on) | revives the deleted row with that key, or inserts; an active row stays as it is |
//! | [`.keeping(columns)`](OnKey::keeping), [`.keeping_the_rest()`](OnKey::keeping_the_rest), [`.cascade()`](OnKey::cascade) | says what a revived row keeps, and what comes back along with it |
//! | [`target.erase()`](SoftDeleteDsl::erase), [`.archived_in(..)`](Erase::archived_in) | removes rows at once, whatever their state, with their copies in archives; refuses if one is under hold |
//! | [`.at(..)`](SoftDelete::at), [`.at_utc(..)`](SoftDelete::at_utc), [`db_now()`] | takes another time than now |
//! | [`.set(..)`](Transition::set), [`.only_if(..)`](Transition::only_if), [`.returning(..)`](Transition::returning) | adds assignments or a condition, or returns the rows |
//! | [`.run(conn)`](Transition::run), [`.outcome(conn)`](Transition::outcome) | executes with typed errors; `.execute(conn)` is Diesel's |
//!
//! # Cascades
//!
//! | call | what it does |
//! |---|---|
//! | [`target.soft_delete().cascade()`](Transition::cascade), [`target.restore().cascade()`](Transition::cascade) | changes rows and their declared children in one transaction; a restore takes back what one operation deleted |
//! | [`.preview(conn)`](Cascading::preview) | reports what would happen, and changes nothing |
//! | [`.set_all(..)`](Cascading::set_all), [`.operation(..)`](Cascading::operation) | sets metadata in all tables, or an identifier of your own |
//! | [`.without_cascade()`](Transition::without_cascade) | changes the table alone, although its declaration names children |
//!
//! # Purging
//!
//! | call | what it does |
//! |---|---|
//! | [`purge.in_batches()`](Purge::in_batches) | runs the purge as short transactions, with limits, an archive and a report |
//! | [`RetentionPolicy`] | purges several tables in one run, with one budget and at most one runner |
//! | [`target.erase()`](SoftDeleteDsl::erase) | removes rows and their copies now, whatever their state, unless they are under hold |
//!
//! # Migrations
//!
//! [`migration::SoftDeleteMigration`] adds the columns, indexes and triggers. [`check`](check()) compares a
//! declaration with the database.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite`, `postgres`, `mysql` | Diesel's features of the same name |
//! | `postgres_backend`, `mysql_backend` | the same without the C client library, for diesel-async |
//! | `returning_clauses_for_sqlite_3_35` | Diesel's feature of the same name |
//! | `async` | `run_async` and `outcome_async` for connections of diesel-async |
//! | `tracing` | an event of the `tracing` crate for each batch of a purge job |
//! | `serde` | `serde::Serialize` for the reports and findings |
//! | `migrations` | `MigrationHarness` in [`migration`] |
#![cfg_attr(docsrs, feature(doc_cfg))]
// Not for the whole workspace: tests and examples have public items that need neither.
#![warn(missing_docs, missing_debug_implementations)]

// The macros write `::diesel_soft_delete`, and this crate uses them too.
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
pub use dialect::{DbNow, NoReturningClause, ReturningClause, SoftDeleteBackend, db_now};
pub use error::{Blocked, BlockedBy, Error, Progress, PurgeReport, RetentionReport, Stopped};
// The module `migration` is their home and documents them.
#[doc(no_inline)]
pub use migration::{Dialect, Finding, FindingKind, SchemaCheck, Severity, SoftDeleteMigration, assert_schema, check};
#[cfg(feature = "async")]
#[doc(no_inline)]
pub use migration::{assert_schema_async, check_async};
pub use purge::{IntoDuration, PurgeJob, RetentionPolicy};
pub use query::{JoinOnActiveDsl, SoftDeleteQueryDsl, active, deleted, is_active, is_active_or_missing, is_deleted};
pub use revive::{InsertOrRevive, InsertOrReviveDsl, OnKey, Revival};
pub use statement::{Erase, ErasureReport, Outcome, Purge, Restore, SoftDelete, SoftDeleteDsl, Transition};

/// Declares the table of a model soft-deletable.
///
/// The derive reads `table_name` and `column_name` from `#[diesel(..)]`; `table_name` is required. It implements
/// [`SoftDeletable`](trait@SoftDeletable) for the **table**, so one derive serves every struct of that table. The
/// struct does not need the columns as fields. The derive must be in the crate that owns the `table!`.
///
/// Without `flag`, `active_flag` and `timestamp`, the declaration is `flag = is_deleted, timestamp = deleted_at`.
///
/// | key | meaning |
/// |---|---|
/// | `flag = col` | `Bool` or `Nullable<Bool>`: TRUE means deleted, NULL counts as active |
/// | `active_flag = col` | `Bool` or `Nullable<Bool>`: TRUE means active, NULL counts as active |
/// | `timestamp = col` | the time of the deletion; without a flag, NULL means active |
/// | `unit = seconds`, `millis`, `micros` | the unit of a `timestamp` or `touch` that is an integer, counted since 1970 |
/// | `touch = col` | a soft delete sets it to the time of the deletion, a restore sets it to now |
/// | `metadata(col, ..)` | nullable columns that describe a deletion: `.set(..)` writes them, a restore sets them to NULL |
/// | `operation = col` | a nullable column that identifies the operation of a cascade: `Uuid` (PostgreSQL), `Text` or `BigInt`; a restore sets it to NULL |
/// | `hold = col` | `Bool` or `Nullable<Bool>`: TRUE means under (legal) hold, so no purge removes the row, and an erasure is refused |
/// | `cascade(posts(author_id), ..)` | children, each with its foreign key, that a cascade deletes and restores along with their parent |
/// | `restrict(invoices(customer_id), ..)` | children that forbid a cascade while one of them is active |
/// | `set_null(drafts(author_id), ..)` | children whose reference a cascade sets to NULL |
///
/// # Column types
///
/// A timestamp has one of these types: `Nullable<Timestamp>`, `Nullable<Timestamptz>` (PostgreSQL),
/// `Nullable<Datetime>` (MySQL) or `Nullable<TimestamptzSqlite>`. With a unit it can be an integer:
/// `Nullable<BigInt>` with any unit, `Nullable<Integer>` with `seconds`. The Rust types of the model do not matter,
/// so chrono, time and jiff work alike.
///
/// On MySQL, use a column `DATETIME(6)`, and `Nullable<Datetime>` for it in `table!`:
///
/// * A column `DATETIME` rounds to seconds, so it does not store what `.at_utc(..)` wrote.
/// * The database converts a column `TIMESTAMP` through the zone of the session.
/// * A value that is bound as Diesel's `Timestamp` ends in 2038. A later time is an error; MariaDB would store NULL.
///
/// A flag is an integer on MySQL and SQLite. A row with another value than 0 and 1 is neither active nor deleted, so
/// let a `CHECK` forbid such values.
///
/// # Flag and timestamp
///
/// With both, the **flag decides** whether a row is deleted. The timestamp only says how long ago.
///
/// * A row whose flag is set and whose timestamp is NULL is deleted. No purge by age removes it.
/// * A row whose flag is not set is active, whatever its timestamp says. No purge removes it.
///
/// A soft delete or a restore of such a row sets both columns to values that agree.
///
/// # Hold
///
/// A row whose `hold` column is TRUE is never purged, however long ago it was deleted. NULL in a `Nullable<Bool>` is
/// not a hold. A soft delete and a restore neither test the column nor set it: write it with Diesel's own `update`.
///
/// A hold protects its own row alone. A foreign key with `ON DELETE CASCADE` removes a held child along with its
/// parent; [`check`](check()) finds such keys. A `DELETE` of your own ignores holds.
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
/// A table with `cascade(..)`, `restrict(..)` or `set_null(..)` needs a decision at each soft delete and restore:
/// [`.cascade()`](Transition::cascade) or [`.without_cascade()`](Transition::without_cascade).
///
/// The columns are those of the child that refer to this table's primary key, in its order. A key of several columns
/// is one entry; several keys to one child are several entries. The child is the path of its module, as in
/// `table_name`.
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
/// Write it beside `table!`, in the same crate. It takes the keys of [the derive](derive@SoftDeletable).
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

/// Declares tables that have no soft deletion, so that they may take part in `.active()` joins unfiltered.
///
/// Write it beside `table!`, in the same crate. A join with an undeclared table does not compile below `.active()`,
/// so a forgotten declaration cannot show deleted rows.
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

/// The bounds of generic code: one for a query, two for a soft delete or a restore, one for a job.
///
/// Write generic functions in a module that does not call `find` on a concrete table. Diesel's `FindDsl` trait beside
/// `diesel::prelude::*` makes such a call ambiguous.
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

    // The types of statements name these, and users never do.
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

/// What the macros name. It is not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::declare::{
        ActiveFlag, AnyNullable, ByTimestamp, Cascade, CascadeTarget, Children, Declared, DeclaredParent, Flag,
        HoldColumn, NoHold, NoOperation, NoRelations, NoTimeColumn, NoUnit, NotSoftDeletable, OperationColumn,
        RelationTarget, Restrict, SetNull, SoftDeleted, TimestampColumn, TouchColumn, uses_unit,
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
