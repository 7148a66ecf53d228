//! Type aliases for what the methods return, for function signatures and `#[auto_type]`.
//!
//! It re-exports `diesel::dsl`, so that one path serves a function that mixes both:
//!
//! ```
//! # include!("doctest_setup.rs");
//! use diesel::dsl::auto_type;
//!
//! #[auto_type(dsl_path = "diesel_soft_delete::dsl")]
//! fn authors_with_posts() -> _ {
//!     users::table.left_join_active(posts::table).active().select((users::name, posts::title.nullable()))
//! }
//!
//! fn trash() -> diesel_soft_delete::dsl::Deleted<posts::table> {
//!     posts::table.deleted()
//! }
//!
//! # fn main() -> QueryResult<()> {
//! # let conn = &mut connection();
//! let authors = authors_with_posts().load::<(String, Option<String>)>(conn)?;
//! assert_eq!(authors, [("Sean".into(), Some("One".into()))]);
//! assert_eq!(trash().count().get_result::<i64>(conn)?, 1);
//! # Ok(())
//! # }
//! ```

pub use diesel::dsl::*;

use crate::hidden::{Inner, LeftOuter};
use crate::{scope, statement};

/// The type of [`query.active()`](crate::SoftDeleteQueryDsl::active).
pub type Active<Q> = <Q as scope::ActiveQuery>::Output;

/// The type of [`query.deleted()`](crate::SoftDeleteQueryDsl::deleted).
pub type Deleted<Q> = <Q as scope::DeletedQuery>::Output;

/// The type of [`left.left_join_active(right)`](crate::SoftDeleteQueryDsl::left_join_active).
pub type LeftJoinActive<L, R> = <L as scope::JoinActive<R, LeftOuter>>::Output;

/// The type of [`left.inner_join_active(right)`](crate::SoftDeleteQueryDsl::inner_join_active).
pub type InnerJoinActive<L, R> = <L as scope::JoinActive<R, Inner>>::Output;

/// The type of [`right.on_active(on)`](crate::JoinOnActiveDsl::on_active).
pub type OnActive<R, On> = diesel::dsl::On<R, scope::OnActive<R, On>>;

/// The table of a target.
type TableOf<Q> = <Q as diesel::associations::HasTable>::Table;
/// The where clause of a target, as it is.
type PlainOf<Q> = <Q as statement::Target>::Plain;
/// The where clause of a target, grouped.
type GroupedOf<Q> = <Q as statement::Target>::Grouped;

/// The type of [`target.soft_delete()`](crate::SoftDeleteDsl::soft_delete).
pub type SoftDelete<Q> = statement::SoftDelete<TableOf<Q>, PlainOf<Q>, GroupedOf<Q>>;

/// The type of [`target.restore()`](crate::SoftDeleteDsl::restore).
pub type Restore<Q> = statement::Restore<TableOf<Q>, PlainOf<Q>, GroupedOf<Q>>;

/// The type of [`target.purge_older_than(age)`](crate::SoftDeleteDsl::purge_older_than).
pub type PurgeOlderThan<Q> = statement::Purge<TableOf<Q>, PlainOf<Q>, GroupedOf<Q>>;

/// The type of [`target.erase()`](crate::SoftDeleteDsl::erase).
pub type Erase<Q> = statement::Erase<TableOf<Q>, PlainOf<Q>, GroupedOf<Q>>;

/// The type of [`target.purge_deleted_before(cutoff)`](crate::SoftDeleteDsl::purge_deleted_before).
pub type PurgeDeletedBefore<Q> = PurgeOlderThan<Q>;

/// The type of [`table.insert_or_revive(values)`](crate::InsertOrReviveDsl::insert_or_revive).
pub type InsertOrRevive<T, V> = crate::revive::InsertOrRevive<T, V>;

/// The type of [`table.insert_or_revive(values).on(columns)`](crate::InsertOrRevive::on), whatever the columns.
pub type InsertOrReviveOn<T, V> = crate::revive::OnKey<
    T,
    diesel::query_builder::InsertStatement<T, <V as diesel::Insertable<T>>::Values>,
    <V as diesel::query_builder::AsChangeset>::Changeset,
>;
