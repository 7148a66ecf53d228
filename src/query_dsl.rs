//! The methods on queries.

use diesel::query_dsl::{JoinOnDsl, QueryDsl};
use diesel::query_source::QuerySource;

use crate::dsl;
use crate::hidden::{Inner, LeftOuter};
use crate::scope::{ActiveQuery, DeletedQuery, JoinActive, OnActive, Scope};

/// `.active()` and `.deleted()` on every query, and joins that carry their own filter.
pub trait SoftDeleteQueryDsl: Sized {
    /// Keeps the rows that are not soft-deleted.
    fn active(self) -> dsl::Active<Self>
    where
        Self: ActiveQuery,
    {
        self.filter_active()
    }

    /// Keeps the rows that are soft-deleted.
    fn deleted(self) -> dsl::Deleted<Self>
    where
        Self: DeletedQuery,
    {
        self.filter_deleted()
    }

    /// A left outer join.
    fn left_join_active<R>(self, right: R) -> dsl::LeftJoinActive<Self, R>
    where
        Self: JoinActive<R, LeftOuter>,
    {
        self.join_active(right, LeftOuter)
    }

    /// An inner join.
    fn inner_join_active<R>(self, right: R) -> dsl::InnerJoinActive<Self, R>
    where
        Self: JoinActive<R, Inner>,
    {
        self.join_active(right, Inner)
    }
}

impl<Q: QueryDsl> SoftDeleteQueryDsl for Q {}

/// `.on_active(..)` on everything that can be joined.
pub trait JoinOnActiveDsl: QuerySource + Sized {
    /// An explicit ON clause.
    fn on_active<On>(self, on: On) -> dsl::OnActive<Self, On>
    where
        Self: Scope,
    {
        self.on(OnActive::new(on))
    }
}

impl<R: QuerySource> JoinOnActiveDsl for R {}
