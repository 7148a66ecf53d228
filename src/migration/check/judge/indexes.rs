//! Indexes: one for purges, partial ones that our filters can use, none that is broken.

use super::{Judge, script};
use crate::declare::{Mode, Rows};
use crate::dialect::Dialect;
use crate::error::Severity::{Error, Warning};
use crate::migration::check::expression::{StateColumn, conjuncts};
use crate::schema::LiveIndex;

impl Judge<'_> {
    /// What an interrupted `CREATE INDEX CONCURRENTLY` left behind.
    pub(super) fn invalid_indexes(&mut self) {
        for index in self.live.indexes.iter().filter(|index| !index.valid) {
            let again = self.like(index, &index.name, None);
            let sql = again.map(|again| script(&[self.drop_index(&index.name), again]));
            let message = format!(
                "the index `{}` is invalid (its build failed, or is still going on): it is not used for queries, but written to",
                index.name
            );
            self.push(Error, message, sql);
        }
    }

    pub(super) fn purge_index(&mut self) {
        let Some(timestamp) = self.timestamp() else { return };
        if self.column(timestamp).is_none() {
            return;
        }
        if self.live.indexes.iter().any(|index| self.serves_purges(index, timestamp)) {
            return;
        }
        let mut columns = Vec::new();
        if self.dialect == Dialect::Mysql {
            // No partial indexes: the flag stands first.
            if self.shape.mode != Mode::Timestamp {
                columns.push(self.shape.state.name.clone());
                columns.extend(self.live.primary_key.iter().cloned());
            }
        } else {
            columns.extend(self.live.primary_key.iter().cloned());
        }
        columns.retain(|column| !self.is_same(column, timestamp));
        columns.push(timestamp.to_owned());
        let name = self.free_name("purge_idx", &[]);
        let sql = self.create_index(&name, &columns, &self.predicate(Rows::Deleted));
        self.push(Warning, String::from("no index serves a purge, which would read the whole table"), sql);
    }

    fn serves_purges(&self, index: &LiveIndex, timestamp: &str) -> bool {
        let place = index.position(self.dialect, timestamp);
        let is_usable = index.valid && index.ordered;
        let serves = match (&index.predicate, self.dialect) {
            (Some(predicate), _) => {
                let is_in = place.is_some() || index.included.iter().any(|column| self.is_same(column, timestamp));
                is_in && self.state().implies(Rows::Deleted, predicate)
            }
            (None, Dialect::Mysql) if self.shape.mode != Mode::Timestamp => {
                let flag_first = index.position(self.dialect, &self.shape.state.name) == Some(0);
                place == Some(0) || flag_first && place.is_some()
            }
            (None, _) => place == Some(0),
        };
        is_usable && serves
    }

    /// Partial indexes that say the right thing in words that the planner cannot match.
    pub(super) fn predicates(&mut self) {
        for index in self.live.indexes.iter().filter(|index| index.valid && index.exclusion.is_none()) {
            let Some(predicate) = &index.predicate else { continue };
            let Some(means) = self.mismatch(predicate) else { continue };
            let sql = means.and_then(|rows| self.respell(index, rows));
            let own = self.predicate(means.unwrap_or(Rows::Active));
            let message = format!(
                "the partial index `{}` is not used by our filters, which are spelled {own}: its predicate is {predicate}",
                index.name
            );
            self.push(Warning, message, sql);
        }
    }

    /// Whether our filters cannot use an index with this predicate, and which rows it was meant for,
    /// if it is nothing but another spelling of ours.
    fn mismatch(&self, predicate: &str) -> Option<Option<Rows>> {
        let state = self.state();
        let parts = conjuncts(predicate);
        let named = parts.iter().filter(|part| state.is_named_in(part)).collect::<Vec<_>>();
        if named.is_empty() {
            // With a flag beside it, the timestamp is not what active() asks for. (An index of the
            // rows that have a time serves purges.)
            let name = self.timestamp().filter(|_| self.shape.has_flag_and_timestamp())?;
            let timestamp = StateColumn { dialect: self.dialect, mode: Mode::Timestamp, name };
            return (timestamp.rows(predicate) == Some(Rows::Active)).then_some(Some(Rows::Active));
        }
        let is_used = |rows: Rows| named.iter().all(|part| state.implies(rows, part));
        if is_used(Rows::Active) || is_used(Rows::Deleted) || named.iter().all(|part| state.is_constant(part)) {
            return None;
        }
        // A part of an OR that is not understood could be one that the planner understands.
        if named.iter().any(|part| state.is_unclear(part)) {
            return None;
        }
        let rows = state.rows(predicate);
        // `deleted_at > '2024-01-01'` is not meant for our filters.
        let is_other_test = self.shape.mode == Mode::Timestamp && named.iter().all(|part| state.rows(part).is_none());
        if is_other_test { None } else { Some(rows) }
    }

    fn respell(&self, index: &LiveIndex, rows: Rows) -> Option<String> {
        let predicate = self.predicate(rows);
        match self.dialect {
            // The new one first, so that a unique index protects all the time.
            Dialect::Postgres => {
                let name = self.free_name("respelled", std::slice::from_ref(&index.name));
                let rename = format!("ALTER INDEX {} RENAME TO {}", self.index(&name), self.quote(&index.name));
                Some(script(&[self.like(index, &name, Some(&predicate))?, self.drop_index(&index.name), rename]))
            }
            Dialect::Mysql | Dialect::Sqlite => {
                let again = self.like(index, &index.name, Some(&predicate))?;
                Some(script(&[self.drop_index(&index.name), again]))
            }
        }
    }
}
