//! Purges as a background job: batches, archives, several tables.
//!
//! ```text
//! job.rs         PurgeJob: what users build; options.rs: its options
//! table_job.rs   a job as a policy sees it: checked, then run; guards.rs: what the catalog forbids or says
//! archive.rs     which columns are copied, and whether they fit
//! walk.rs        which range is next, in ranges, halves and passes; it asks no database
//! driver.rs      does what the walk says until something stops it
//! look_ahead.rs  finds the next batch, as ranges of keys
//! batch.rs       one transaction, and why it failed; kept_rows.rs: rows that stay
//! sql.rs         the statements; statements.rs sends them; session.rs: timeouts and settings
//! policy.rs      several tables in one run; exclusive.rs: at most one runner
//! ```

mod archive;
mod batch;
mod driver;
mod exclusive;
mod guards;
mod job;
mod kept_rows;
mod look_ahead;
mod options;
mod policy;
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
