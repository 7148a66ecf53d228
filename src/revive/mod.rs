//! Uniqueness on the way back: a key is inserted, or its deleted row is revived.
//!
//! ```text
//! verb.rs    insert_or_revive(values).on(columns), and what it returns
//! values.rs  the values, column by column, and the columns of the key
//! sql.rs     Look: the row that has the key; Revive: the UPDATE of one deleted row
//! way.rs     how a deleted row is revived: alone, or as a restore of the cascade
//! run.rs     look, then revive or insert; again, if somebody was faster
//! ```

pub(crate) mod aliases;
mod run;
mod sql;
mod values;
mod verb;
mod way;

pub use values::{Assignments, KeyColumns, OneColumn, SeveralColumns};
pub use verb::{InsertOrRevive, InsertOrReviveDsl, OnKey, Revival};
