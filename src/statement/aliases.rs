//! Names for the types that the verbs return.

/// The table of a target.
type TableOf<Q> = <Q as diesel::associations::HasTable>::Table;
/// The where clause of a target, as it is.
type PlainOf<Q> = <Q as super::Target>::Plain;
/// The where clause of a target, grouped.
type GroupedOf<Q> = <Q as super::Target>::Grouped;

/// The type of [`target.soft_delete()`](crate::SoftDeleteDsl::soft_delete).
pub type SoftDelete<Q> = super::SoftDelete<TableOf<Q>, PlainOf<Q>, GroupedOf<Q>>;

/// The type of [`target.restore()`](crate::SoftDeleteDsl::restore).
pub type Restore<Q> = super::Restore<TableOf<Q>, PlainOf<Q>, GroupedOf<Q>>;

/// The type of [`target.purge_older_than(age)`](crate::SoftDeleteDsl::purge_older_than).
pub type PurgeOlderThan<Q> = super::Purge<TableOf<Q>, PlainOf<Q>, GroupedOf<Q>>;

/// The type of [`target.erase()`](crate::SoftDeleteDsl::erase).
pub type Erase<Q> = super::Erase<TableOf<Q>, PlainOf<Q>, GroupedOf<Q>>;

/// The type of [`target.purge_deleted_before(cutoff)`](crate::SoftDeleteDsl::purge_deleted_before).
pub type PurgeDeletedBefore<Q> = PurgeOlderThan<Q>;
