//! Properties of the database that change what a soft delete, an erasure or a purge does.

use super::Judge;
use crate::error::FindingKind;
use crate::error::Severity::{Note, Warning};
use crate::schema::tokens;

impl Judge<'_> {
    pub(super) fn circumstances(&mut self) {
        self.moves();
        let catalog = self.catalog;
        if catalog.hides_rows {
            let message = "row security applies to this user: a soft delete, an erasure or a purge does not find rows that a \
                           policy hides, and can report success all the same";
            self.push_about_table(FindingKind::RowSecurity, Note, message.to_owned(), None);
        }
        if catalog.keeps_history {
            let message = "the table is system-versioned: rows that are purged or erased stay in its history, which \
                           `DELETE HISTORY` removes";
            self.push_about_table(FindingKind::SystemVersioned, Note, message.to_owned(), None);
        }
        if catalog.gives_keys_again {
            let message = format!(
                "`{}` has no AUTOINCREMENT, so SQLite can give the number of a purged row to a new one: an archive holds \
                 that number already, and what still refers to it belongs to the new row",
                catalog.primary_key.join(", ")
            );
            self.push_about_table(FindingKind::ReusedKeys, Note, message, None);
        }
        if catalog.foreign_keys_off && (catalog.has_parents || !catalog.references.is_empty()) {
            let message = "foreign keys are off on this connection (`PRAGMA foreign_keys`): a purge leaves rows behind \
                           that refer to removed ones, and no ON DELETE action runs";
            self.push_about_table(FindingKind::ForeignKeysOff, Note, message.to_owned(), None);
        }
    }

    /// PostgreSQL: finds DELETE triggers that fire when a soft delete moves a row to another partition.
    fn moves(&mut self) {
        let (shape, catalog) = (self.shape, self.catalog);
        if catalog.delete_triggers.is_empty() {
            return;
        }
        let mut written = std::iter::once(&shape.state).chain(&shape.timestamp).chain(&shape.touch).chain(&shape.reset);
        let is_key = |name: &str| {
            catalog.partitioned_by.iter().any(|key| tokens(key).iter().any(|token| token.names(self.dialect, name)))
        };
        if let Some(column) = written.find(|column| is_key(&column.name)) {
            let message = format!(
                "`{}` decides about the partition, so a soft delete or a restore can move a row to another one, which \
                 PostgreSQL does by a DELETE and an INSERT: the DELETE triggers fire ({})",
                column.name,
                catalog.delete_triggers.join(", ")
            );
            self.push((FindingKind::PartitionMoves, &column.name), Warning, message, None);
        }
    }
}
