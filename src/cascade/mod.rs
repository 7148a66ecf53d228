//! Soft deletes and restores of a tree.
//!
//! ```text
//! verb.rs       Cascading: what `.cascade()` returns
//! run.rs        a run: what is refused before the first statement, and the attempts
//! graph.rs      from the declared relations to an order of tables
//! root.rs       what depends on the target: its where clause, keys and assignments, typed
//! attempt.rs    one attempt; delete.rs, restore.rs: the steps of each
//! ancestors.rs  whether a restored row would stand below a deleted one
//! operation.rs  times and identifiers of operations as text
//! text.rs       pieces of SQL, with binds; sql/: the statements
//! session.rs    what is set in MySQL's session meanwhile
//! report.rs     what a run says
//! ```

mod ancestors;
mod attempt;
mod delete;
mod graph;
mod operation;
mod report;
mod restore;
mod root;
mod run;
mod session;
mod sql;
mod text;
mod verb;

pub use report::CascadeReport;
pub(crate) use restore::can_restore;
pub use root::CascadeRoot;
pub(crate) use run::{Options, run as run_cascade};
pub use verb::{Cascades, Cascading};
