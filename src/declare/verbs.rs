//! The verbs as types, and whether a call says what happens to a table's children.

use std::marker::PhantomData;

use super::relations::NoRelations;

/// A soft delete: from active to deleted.
#[derive(Debug, Clone, Copy)]
pub struct SoftDeleteVerb;

/// A restore: from deleted to active.
#[derive(Debug, Clone, Copy)]
pub struct RestoreVerb;

/// `.without_cascade()`: the verb changes the rows of the table itself, and leaves its children alone.
#[derive(Debug, Clone, Copy)]
pub struct WithoutCascade<V>(PhantomData<V>);

/// Whether a table with these relations can be changed by the verb `V` alone.
#[diagnostic::on_unimplemented(
    message = "this table has declared children, so a soft delete or a restore of it must say what becomes of them",
    label = "neither `.cascade()` nor `.without_cascade()` was called",
    note = "`.cascade()` takes along what the declaration says, in one transaction; `.without_cascade()` changes the rows of this table alone"
)]
pub trait CascadeDecided<V> {}

impl CascadeDecided<SoftDeleteVerb> for NoRelations {}
impl CascadeDecided<RestoreVerb> for NoRelations {}
impl<R, V> CascadeDecided<WithoutCascade<V>> for R {}
impl<R> CascadeDecided<WithChildren> for R {}

/// `.cascade()` of an `insert_or_revive`.
#[derive(Debug, Clone, Copy)]
pub struct WithChildren;
