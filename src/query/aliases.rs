//! Names for the types that the methods of queries return.

use super::{filter, join};
use crate::diesel_internals::{Inner, LeftOuter};

/// The type of [`query.active()`](crate::SoftDeleteQueryDsl::active).
pub type Active<Q> = <Q as filter::ActiveQuery>::Output;

/// The type of [`query.deleted()`](crate::SoftDeleteQueryDsl::deleted).
pub type Deleted<Q> = <Q as filter::DeletedQuery>::Output;

/// The type of [`left.left_join_active(right)`](crate::SoftDeleteQueryDsl::left_join_active).
pub type LeftJoinActive<L, R> = <L as join::JoinActive<R, LeftOuter>>::Output;

/// The type of [`left.inner_join_active(right)`](crate::SoftDeleteQueryDsl::inner_join_active).
pub type InnerJoinActive<L, R> = <L as join::JoinActive<R, Inner>>::Output;

/// The type of [`right.on_active(on)`](crate::JoinOnActiveDsl::on_active).
pub type OnActive<R, On> = diesel::dsl::On<R, join::OnActive<R, On>>;
