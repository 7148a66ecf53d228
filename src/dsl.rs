//! Type aliases for what the methods return.

pub use diesel::dsl::*;
use crate::{scope, statement};
use crate::hidden::{Inner, LeftOuter};

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
/// The type of [`target.soft_delete()`](crate::SoftDeleteDsl::soft_delete).
pub type SoftDelete<Q> = statement::SoftDelete<TableOf<Q>, <Q as statement::Target>::Plain, <Q as statement::Target>::Grouped>;
/// The type of [`target.restore()`](crate::SoftDeleteDsl::restore).
pub type Restore<Q> = statement::Restore<TableOf<Q>, <Q as statement::Target>::Plain, <Q as statement::Target>::Grouped>;
/// The type of [`target.purge_older_than(age)`](crate::SoftDeleteDsl::purge_older_than).
pub type PurgeOlderThan<Q> = statement::Purge<TableOf<Q>, <Q as statement::Target>::Plain, <Q as statement::Target>::Grouped>;
/// The type of [`target.purge_deleted_before(cutoff)`](crate::SoftDeleteDsl::purge_deleted_before).
pub type PurgeDeletedBefore<Q> = PurgeOlderThan<Q>;
