//! Exclusion constraints of PostgreSQL that count deleted rows.

use super::Judge;
use crate::declare::Rows;
use crate::error::FindingKind;
use crate::error::Severity::Warning;
use crate::schema::{tokens, top_level};

impl Judge<'_> {
    pub(super) fn exclusions(&mut self) {
        for index in &self.catalog.indexes {
            let Some(definition) = &index.exclusion else { continue };
            if self.names_state(index.predicate.as_deref()) {
                continue;
            }
            let mut message = format!(
                "the exclusion constraint `{}` counts soft-deleted rows, so they keep active ones out",
                index.name
            );
            let sql = if index.predicate.is_some() {
                message.push_str(": its predicate does not leave them out");
                None
            } else {
                // The predicate of the definition comes before `DEFERRABLE` and `INITIALLY ..`.
                let tokens = tokens(definition);
                let end = top_level(&tokens, "DEFERRABLE").last().map_or(definition.len(), |at| tokens[at].span.start);
                let (body, rest) = definition.split_at(end);
                let (table, name) = (self.table(), self.quote(&index.name));
                let sql = format!(
                    "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {} WHERE ({}) {rest}",
                    body.trim_end(),
                    self.predicate(Rows::Active)
                );
                Some(sql.trim_end().to_owned())
            };
            self.push((FindingKind::ExclusionCountsDeleted, &index.name), Warning, message, sql);
        }
    }
}
