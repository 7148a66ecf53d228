//! What the statements of a cascade contain beside SQL and values.
//!
//! The statements depend on the graph, so most of them are made at run time. Where a statement depends on the types of the
//! target, it contains a [`Piece`] that the root writes.

use crate::connection::{self, Part};

/// A statement of a cascade, or a piece of one.
pub type Text = connection::Text<Piece>;

/// A part of a statement that the root writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// SQL that contains a value, so the statement is not kept prepared.
    Literal(String),
    /// The test that these columns equal one of the keys of the root's rows.
    Keys(Vec<String>),
    /// ` WHERE <the target's where clause> AND `.
    Where,
    /// ` AND (<the condition of .only_if(..)>)`.
    OnlyIf,
    /// The assignments of `.set(..)`, followed by a comma if there are any.
    Set,
    /// The time of `.at(..)`.
    Stamp,
    /// The time of `.at(..)`, for the touch column.
    Touch,
}

/// Whether a statement is a SELECT that locks rows.
pub(super) fn locks(text: &Text) -> bool {
    let locks = ["FOR UPDATE", "FOR SHARE", "LOCK IN SHARE MODE"];
    text.parts().iter().any(|part| matches!(part, Part::Sql(sql) if locks.iter().any(|lock| sql.contains(lock))))
}
