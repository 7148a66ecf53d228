//! Soft deletes and restores of rows with their children.
//!
//! ```text
//! verb.rs       Cascading: what `.cascade()` returns
//! run.rs        a run: what is refused before the first statement, and the attempts
//! graph.rs      puts the tables of the declared relations in order
//! root.rs       what depends on the types of the target: where clause, keys, assignments
//! attempt.rs    one attempt in its transaction; delete.rs, restore.rs: its steps
//! ancestors.rs  whether a restored row would be below a deleted one
//! operation.rs  times and identifiers of operations, as text
//! text.rs       pieces of SQL with binds; sql/: the statements
//! session.rs    the settings of MySQL's session during a run
//! report.rs     what a run did
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
