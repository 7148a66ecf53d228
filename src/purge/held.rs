//! Rows that a foreign key holds: those that another row refers to, and that the database therefore does not remove.

use crate::dialect::Dialect;
use crate::schema::{Action, LiveTable, Reach, Reference};

/// Which of the eligible rows a statement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Held {
    /// All of them.
    #[default]
    Included,
    /// Those that no row refers to.
    LeftOut,
}

/// The foreign keys that hold rows of a table, as the catalog has them.
///
/// Left out are those that the database follows (`ON DELETE CASCADE`) or ignores, and those that refer to a part of the
/// table: a row in another part may have the same key and not be held.
pub(super) fn references(dialect: Dialect, live: &LiveTable) -> Vec<Reference> {
    if live.foreign_keys_off {
        return Vec::new();
    }
    let holds = live.references.iter().filter(|reference| {
        matches!(reference.on_delete, Action::Nothing | Action::Restrict) && reference.reaches == Reach::Whole
    });
    holds.map(|reference| Reference::new(dialect, live, reference)).collect()
}
