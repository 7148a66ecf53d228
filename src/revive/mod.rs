//! `insert_or_revive`: it inserts a row under a key, or revives the deleted row that has the key.
//!
//! ```text
//! verb.rs      insert_or_revive(values).on(columns), and what it returns
//! values.rs    the values, assignment by assignment, and the columns of the key
//! sql.rs       Look: the row that has the key; Revive: the UPDATE of one deleted row
//! reviving.rs  how a deleted row is revived: alone, or as a restore of the cascade
//! run.rs       looks, then revives or inserts; looks again if another writer was faster
//! ```

pub(crate) mod aliases;
mod reviving;
mod run;
mod sql;
mod values;
mod verb;

pub use values::{Assignments, KeyColumns, OneColumn, SeveralColumns};
pub use verb::{InsertOrRevive, InsertOrReviveDsl, OnKey, Revival};
