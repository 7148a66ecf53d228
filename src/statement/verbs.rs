//! The verbs, on every target.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::associations::HasTable;
use diesel::query_builder::IntoUpdateTarget;

use super::condition::Target;
use super::purge::Purge;
use super::transition::{Restore, SoftDelete};
use crate::dsl;
use crate::marker::{SoftDeletable, Timestamped};

/// `soft_delete`, `restore` and purges, on every target.
pub trait SoftDeleteDsl: IntoUpdateTarget + Sized {
    fn soft_delete(self) -> dsl::SoftDelete<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
    {
        SoftDelete::new(<Self as HasTable>::table(), self.into_condition())
    }

    fn restore(self) -> dsl::Restore<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
    {
        Restore::new(<Self as HasTable>::table(), self.into_condition())
    }

    fn purge_older_than(self, age: TimeDelta) -> dsl::PurgeOlderThan<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
        <Self::Table as SoftDeletable>::Stamp: Timestamped,
    {
        Purge::older_than(<Self as HasTable>::table(), self.into_condition(), age)
    }

    fn purge_deleted_before(self, cutoff: DateTime<Utc>) -> dsl::PurgeDeletedBefore<Self>
    where
        Self: Target,
        Self::Table: SoftDeletable,
        <Self::Table as SoftDeletable>::Stamp: Timestamped,
    {
        Purge::deleted_before(<Self as HasTable>::table(), self.into_condition(), cutoff)
    }
}

impl<T: IntoUpdateTarget> SoftDeleteDsl for T {}
