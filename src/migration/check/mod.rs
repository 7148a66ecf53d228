//! Compares the declarations with the live schema.

mod finding;

pub use finding::{Finding, Severity};
