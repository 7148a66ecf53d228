//! The statements behind the verbs. They are our own and not Diesel's `UpdateStatement`, which
//! never has a static query id and marks itself unsafe to cache: the `SET` list of a soft delete
//! does not vary, so its statement is prepared once.

pub(crate) mod aliases;
mod condition;
mod erase;
mod hold;
mod leaves;
mod outcome;
mod parts;
mod purge;
mod returning;
mod transition;
mod verbs;

pub use condition::{Condition, Target};
pub use erase::{Erase, ErasureReport};
pub use outcome::Outcome;
pub use parts::{Changes, NoChanges, NoCondition, OnlyIf};
pub use purge::Purge;
pub(crate) use purge::{Cutoff, walk_purgeable};
pub use returning::{NoReturning, Returning};
pub use transition::{Restore, SoftDelete, Transition, Verb};
pub(crate) use transition::{TouchOf, assigns, walk_restored};
pub use verbs::SoftDeleteDsl;
