//! What a table declares.

mod columns;
pub(crate) mod deletion_time;
mod instant;
mod key;
mod predicate;
mod relations;
mod roles;

pub use columns::{ColumnNames, TableColumns};
pub(crate) use columns::{columns_in, primary_key};
pub(crate) use instant::to_micros;
pub use instant::{BoundInstant, InstantKind, InstantType, Micros, Millis, NoUnit, Seconds, TimeUnit};
pub use key::{Key, KeyColumn, KeyOf};
pub use predicate::{Mode, Rows};
pub use relations::{
    AnyNullable, Cascade, CascadeTarget, Children, DeclaredParent, ForeignColumn, NoRelations, Node, Relation,
    RelationTarget, Relations, Restrict, RunsAlone, SetNull, WithChildren,
};
pub(crate) use relations::{Policy, Soft, declared_parents};
pub use roles::{
    ActiveFlag, ByTimestamp, ColumnRef, Declared, Flag, ForTouch, Hold, HoldColumn, NoHold, NoInstant, NoOperation,
    NoTimestamp, NoTouch, NullableColumns, Operation, OperationColumn, OperationKind, Plain, SoftDeletable,
    SoftDeleted, Stamp, State, TimestampColumn, Timestamped, Touch, TouchColumn, TouchWith, Touched, WritesInstant,
};
