//! Indexes: whether one serves purges, whether filters can use the partial ones, and whether any is broken.

use super::{Judge, script};
use crate::declare::{Mode, Rows};
use crate::dialect::Dialect;
use crate::error::FindingKind;
use crate::error::Severity::{Error, Note, Warning};
use crate::migration::check::printed::{StateColumn, conjuncts};
use crate::schema::CatalogIndex;

impl Judge<'_> {
    /// Finds the invalid indexes that an interrupted `CREATE INDEX CONCURRENTLY` left.
    pub(super) fn invalid_indexes(&mut self) {
        for index in self.catalog.indexes.iter().filter(|index| !index.valid) {
            let again = self.like(index, &index.name, None);
            let sql = again.map(|again| script(&[self.drop_index(&index.name), again]));
            let message = format!(
                "the index `{}` is invalid (its build failed, or is still going on): it is not used for queries, but written to",
                index.name
            );
            self.push((FindingKind::InvalidIndex, &index.name), Error, message, sql);
        }
    }

    pub(super) fn purge_index(&mut self) {
        let Some(timestamp) = self.timestamp() else { return };
        if self.column(timestamp).is_none() {
            return;
        }
        if self.catalog.indexes.iter().any(|index| self.serves_purges(index, timestamp)) {
            return;
        }
        let mut columns = Vec::new();
        if self.dialect == Dialect::Mysql {
            // MySQL does not have partial indexes, so the flag comes first.
            if self.shape.mode != Mode::Timestamp {
                columns.push(self.shape.state.name.clone());
                columns.extend(self.catalog.primary_key.iter().cloned());
            }
        } else {
            columns.extend(self.catalog.primary_key.iter().cloned());
        }
        columns.retain(|column| !self.is_same(column, timestamp));
        columns.push(timestamp.to_owned());
        let name = self.free_name("purge_idx", &[]);
        let sql = self.create_index(&name, &columns, &self.predicate(Rows::Deleted));
        let message = String::from("no index serves a purge, which would read the whole table");
        self.push_about_table(FindingKind::MissingPurgeIndex, Warning, message, sql);
    }

    fn serves_purges(&self, index: &CatalogIndex, timestamp: &str) -> bool {
        let place = index.position(self.dialect, timestamp);
        let is_usable = index.valid && index.ordered;
        let serves = match (&index.predicate, self.dialect) {
            (Some(predicate), _) => {
                let is_in = place.is_some() || index.included.iter().any(|column| self.is_same(column, timestamp));
                is_in && self.holds_all_deleted(predicate, timestamp)
            }
            (None, Dialect::Mysql) if self.shape.mode != Mode::Timestamp => {
                let flag_first = index.position(self.dialect, &self.shape.state.name) == Some(0);
                place == Some(0) || flag_first && place.is_some()
            }
            (None, _) => place == Some(0),
        };
        is_usable && serves
    }

    /// Returns whether an index with this predicate contains every row that a purge looks for.
    fn holds_all_deleted(&self, predicate: &str, timestamp: &str) -> bool {
        let time = StateColumn { dialect: self.dialect, mode: Mode::Timestamp, name: timestamp };
        let is_ours = |part: &String| self.state().is_ours(Rows::Deleted, part) || time.is_ours(Rows::Deleted, part);
        conjuncts(predicate).iter().all(is_ours)
    }

    /// Finds partial indexes whose predicate is not spelled as the filters are.
    pub(super) fn predicates(&mut self) {
        for index in self.catalog.indexes.iter().filter(|index| index.valid && index.exclusion.is_none()) {
            let Some(predicate) = &index.predicate else { continue };
            if self.is_meant_for_filters(predicate) {
                let own = self.predicate(Rows::Active);
                let message = format!(
                    "the partial index `{}` has the predicate {predicate}, and active() writes {own}: the database may not \
                     use the index for it",
                    index.name
                );
                self.push((FindingKind::IndexPredicate, &index.name), Note, message, None);
            }
        }
    }

    /// Returns whether a predicate tests the state in another spelling than the filters.
    fn is_meant_for_filters(&self, predicate: &str) -> bool {
        if self.state().is_named_in(predicate) {
            return !self.is_used(predicate, Rows::Active) && !self.is_used(predicate, Rows::Deleted);
        }
        // If the table has a flag, active() does not test the timestamp. An index over the rows with a time is still
        // right, since it serves purges.
        self.timestamp().filter(|_| self.shape.has_flag_and_timestamp()).is_some_and(|name| {
            let timestamp = StateColumn { dialect: self.dialect, mode: Mode::Timestamp, name };
            timestamp.rows(predicate) == Some(Rows::Active)
        })
    }

    /// Returns whether the parts of a predicate that name the state are the filter for these rows.
    fn is_used(&self, predicate: &str, rows: Rows) -> bool {
        let state = self.state();
        conjuncts(predicate).iter().filter(|part| state.is_named_in(part)).all(|part| state.is_ours(rows, part))
    }
}
