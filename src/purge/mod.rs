//! Purges as a background job: batches, archives, several tables.
//!
//! ```text
//! job.rs        PurgeJob: what users build; from it, the statements and one run of the engine
//! options.rs    its options
//! engine.rs     the loop: look ahead, remove, step over, halve, stop
//! piece.rs      ranges of keys that an index serves
//! sql.rs        the statements
//! archive.rs    which columns are copied; narrower.rs: whether they fit; guards.rs: what the catalog forbids; session.rs: dialect and lock timeout
//! policy.rs     several tables in one run; lease.rs: at most one runner
//! report.rs     what a run says
//! ```

mod archive;
mod engine;
mod guards;
mod job;
mod lease;
mod narrower;
mod options;
mod piece;
mod policy;
mod report;
mod session;
mod sql;

pub use archive::ArchiveTarget;
pub(crate) use engine::backoff;
pub use job::{PurgeJob, TableJob};
pub use lease::{Holder, lease_table};
pub use options::IntoDuration;
pub use policy::{RetentionPolicy, RetentionReport};
pub use report::{Blocked, BlockedBy, Progress, PurgeReport, Stopped};
pub(crate) use session::dialect;
