//! Soft deletes and restores of a tree.
//!
//! ```text
//! verb.rs       Cascading: what `.cascade()` returns
//! plan.rs       from the declared relations to an order of tables
//! text.rs       pieces of SQL, with binds; spelling.rs: the statements
//! root.rs       what depends on the target: its where clause, keys and assignments, typed
//! engine.rs     what all runs have in common; delete.rs, restore.rs: the steps of each
//! ancestors.rs  whether a restored row would stand below a deleted one
//! session.rs    what is set in MySQL's session meanwhile
//! mark.rs       instants and identifiers of operations as text
//! report.rs     what a run says
//! ```

mod ancestors;
mod delete;
mod engine;
mod mark;
mod plan;
mod report;
mod restore;
mod root;
mod session;
mod spelling;
mod text;
mod verb;

pub(crate) use engine::{Options, run as run_cascade};
pub use report::CascadeReport;
pub(crate) use restore::can_restore;
pub use root::CascadeRoot;
pub use verb::{Cascades, Cascading};
