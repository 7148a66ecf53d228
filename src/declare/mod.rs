//! What a table declares.

mod columns;
pub(crate) mod deletion_time;
mod key;
mod predicate;
mod relations;
mod roles;
mod time;
mod time_columns;
mod verbs;

pub use columns::{ColumnNames, TableColumns};
pub(crate) use columns::{columns_in, primary_key};
pub use key::{Key, KeyColumn, KeyOf};
pub use predicate::{Mode, Rows};
pub use relations::{
    AnyNullable, Cascade, CascadeTarget, Children, DeclaredParent, ForeignColumn, NoRelations, Node, Relation,
    RelationTarget, Relations, Restrict, SetNull,
};
pub(crate) use relations::{Policy, Soft, declared_parents};
pub use roles::{
    ActiveFlag, ByTimestamp, ColumnRef, Declared, Flag, Hold, HoldColumn, NoHold, NoOperation, NullableColumns,
    Operation, OperationColumn, OperationKind, Plain, SoftDeletable, SoftDeleted, State,
};
pub(crate) use time::to_micros;
pub use time::{BoundTime, NoUnit, TimeKind, TimeUnit};
pub use time_columns::{
    FixedTime, Known, NoTime, NoTimeColumn, TimeColumn, TimestampColumn, Timestamped, TouchColumn, TouchWith, Touched,
    WritesTime, uses_unit,
};
pub use verbs::{CascadeDecided, RestoreVerb, SoftDeleteVerb, WithChildren, WithoutCascade};
