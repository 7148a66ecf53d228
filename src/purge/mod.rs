//! Purges as a background job: batches, archives, several tables.
//!
//! ```text
//! job.rs        PurgeJob: what users build; options.rs: its options
//! table_job.rs  a job as a policy sees it: checked, then run
//! prepare.rs    what is refused before the first row; guards.rs: what the catalog forbids
//! archive.rs    which columns are copied, and whether they fit
//! walk.rs       which range is next, in ranges, halves and passes; it asks no database
//! engine.rs     the driver: it does what the walk says until something stops it
//! held.rs       the foreign keys that can hold rows
//! plan.rs       looks ahead; attempt.rs: one transaction; cause.rs: why it failed; kept_rows.rs: rows that stay
//! key_range.rs  ranges of keys that an index serves
//! sql.rs        the statements; statements.rs sends them; session.rs: timeouts and settings
//! policy.rs     several tables in one run; jobs.rs: the list of them; exclusive.rs: at most one runner
//! ```

mod archive;
mod attempt;
mod cause;
mod engine;
mod exclusive;
mod guards;
mod held;
mod job;
mod jobs;
mod kept_rows;
mod key_range;
mod options;
mod plan;
mod policy;
mod prepare;
mod session;
mod sql;
mod statements;
mod table_job;
mod walk;

pub use archive::ArchiveTarget;
pub use job::PurgeJob;
pub use options::IntoDuration;
pub use policy::RetentionPolicy;
pub use table_job::TableJob;
