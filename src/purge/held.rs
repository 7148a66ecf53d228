//! Rows that a foreign key holds: another row refers to them, so the database does not remove them.

use crate::dialect::Dialect;
use crate::schema::{Action, CatalogTable, Reach, Reference};

/// Which of the eligible rows a statement includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Held {
    /// It includes all of them.
    #[default]
    Included,
    /// It leaves out the rows that another row refers to.
    LeftOut,
}

/// Returns the foreign keys that hold rows of a table, from the catalog.
///
/// It leaves out those that the database follows (`ON DELETE CASCADE`) or ignores. It also leaves out those that refer
/// to a part of the table. A row in another part may have the same key without being held.
pub(super) fn references(dialect: Dialect, catalog: &CatalogTable) -> Vec<Reference> {
    if catalog.foreign_keys_off {
        return Vec::new();
    }
    let holds = catalog.references.iter().filter(|reference| {
        matches!(reference.on_delete, Action::Nothing | Action::Restrict) && reference.reaches == Reach::Whole
    });
    holds.map(|reference| Reference::new(dialect, catalog, reference)).collect()
}
