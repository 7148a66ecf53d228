//! The statements behind the verbs. They are our own and not Diesel's `UpdateStatement`, which
//! never has a static query id and marks itself unsafe to cache: the `SET` list of a soft delete
//! does not vary, so its statement is prepared once.

pub(crate) mod aliases;
mod delete;
mod erase;
mod hold;
mod leaves;
mod parts;
mod returning;
mod run;
mod target;
mod transition;
mod verbs;

pub use delete::Purge;
pub(crate) use delete::{Cutoff, walk_purgeable};
pub use erase::{Erase, ErasureReport};
pub use parts::{Changes, NoChanges, NoCondition, OnlyIf};
pub use returning::{NoReturning, Returning};
pub use run::{Outcome, WithOutcome};
pub use target::{Condition, SoftDeleteTarget, Target};
pub use transition::{Restore, SoftDelete, Transition, Verb};
pub(crate) use transition::{TouchOf, assigns, walk_restored};
pub use verbs::SoftDeleteDsl;
