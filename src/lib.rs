//! Soft deletion for Diesel.
#![allow(missing_docs)]
extern crate self as diesel_soft_delete;

pub mod dsl;
mod error;
mod hidden;
mod instant;
mod marker;
mod predicate;
mod query_dsl;
mod scope;
mod statement;

pub use error::Error;
pub use diesel_soft_delete_derives::{SoftDeletable, soft_deletable, not_soft_deletable};
pub use marker::SoftDeletable;
pub use query_dsl::*;
pub use statement::{SoftDeleteDsl, Outcome, SupportsReturning};
#[doc(hidden)]
pub mod __private {
 pub use crate::marker::*;
 pub use crate::instant::*;
 pub use crate::scope::*;
 pub use crate::statement::*;
 pub use diesel::associations::HasTable;
 pub use diesel::query_builder::{AsQuery, IntoUpdateTarget};
}
pub mod prelude {
 pub use crate::{SoftDeleteQueryDsl, JoinOnActiveDsl, SoftDeletable, SoftDeleteDsl};
}
pub fn is_active<Src: scope::Source>(source: Src) -> is_active<Src> { { let _ = source; scope::StateTest::new() } }
#[allow(non_camel_case_types)]
pub type is_active<Src> = scope::StateTest<Src, scope::ActiveRows>;
pub fn active<Q: scope::ActiveQuery>(query: Q) -> active<Q> { query.filter_active() }
#[allow(non_camel_case_types)]
pub type active<Q> = dsl::Active<Q>;
