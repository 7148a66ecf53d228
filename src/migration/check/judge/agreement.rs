//! The agreement of flag and timestamp: the CHECK that ensures it, and the rows that break it.

use super::{Judge, script};
use crate::connection::Question;
use crate::declare::{Mode, Rows};
use crate::dialect::{Dialect, Names};
use crate::error::Severity::{Error, Note, Warning};
use crate::error::{Count, FindingKind};
use crate::migration::check::printed::is_same;
use crate::migration::shape::Shape;
use crate::schema::{CatalogCheck, CatalogColumn, tokens};

/// How a row can contradict itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migration::check) enum Disagreement {
    DeletedWithoutTime,
    ActiveWithTime,
    /// The flag is a number that is neither 0 nor 1.
    NeitherState,
}

impl Disagreement {
    /// Returns the predicate of the rows.
    fn predicate(self, dialect: Dialect, shape: &Shape, timestamp: &str) -> String {
        let state = |rows| shape.predicate(dialect, rows, "");
        let (rows, test) = match self {
            Self::NeitherState => return format!("NOT ({}) AND NOT ({})", state(Rows::Active), state(Rows::Deleted)),
            Self::DeletedWithoutTime => (Rows::Deleted, "IS NULL"),
            Self::ActiveWithTime => (Rows::Active, "IS NOT NULL"),
        };
        format!("{} AND {} {test}", state(rows), dialect.quote(timestamp))
    }

    /// Returns the question that counts the rows.
    pub(in crate::migration::check) fn question(self, dialect: Dialect, shape: &Shape) -> Question {
        let timestamp = shape.timestamp.as_ref().map_or("", |column| column.name.as_str());
        let predicate = self.predicate(dialect, shape, timestamp);
        let from = format!(" FROM {} WHERE {predicate}", shape.table.quoted(dialect));
        Question::select(dialect, &["COUNT(*)"]).sql(&from)
    }
}

impl Judge<'_> {
    pub(super) fn agreement(&mut self) {
        if self.dialect == Dialect::Mysql {
            return;
        }
        let Some((expression, check)) = self.pair().map(|(expression, check)| (expression, check.cloned())) else {
            return;
        };
        let table = self.table();
        let validate = |name: &str| format!("ALTER TABLE {table} VALIDATE CONSTRAINT {}", self.quote(name));
        match (check, self.dialect) {
            (None, Dialect::Postgres) => {
                let name = Names::new(&self.catalog.name.name).make("soft_delete_check", &[]);
                let add =
                    format!("ALTER TABLE {table} ADD CONSTRAINT {} CHECK {expression} NOT VALID", self.quote(&name));
                let sql = script(&[add, validate(&name)]);
                let message = String::from("no CHECK keeps the flag and the timestamp in agreement");
                self.push_about_table(FindingKind::MissingCheck, Warning, message, sql);
            }
            (None, _) => {
                let message = "no CHECK keeps the flag and the timestamp in agreement; \
                               SQLite adds one to columns that exist only by a rebuild of the table";
                self.push_about_table(FindingKind::MissingCheck, Note, message.to_owned(), None);
            }
            (Some(CatalogCheck { name: Some(name), validated: false, .. }), _) => {
                let message = format!("the CHECK `{name}` is not validated: rows that were there may break it");
                let sql = validate(&name);
                self.push((FindingKind::UnvalidatedCheck, &name), Warning, message, sql);
            }
            _ => {}
        }
    }

    /// Adds a finding for the rows that contradict themselves, from their counts.
    pub(super) fn rows(&mut self, disagreements: &[(Disagreement, u64)]) {
        for (disagreement, count) in disagreements.iter().filter(|(_, count)| *count > 0) {
            let have = if *count == 1 { "has" } else { "have" };
            if *disagreement == Disagreement::NeitherState {
                let message = format!(
                    "{} {have} a value in `{}` that is neither 0 nor 1. No filter finds such rows, and no statement changes \
                     them",
                    Count(*count, "row"),
                    self.shape.state.name
                );
                let shape = self.shape;
                self.push((FindingKind::NeitherState, &shape.state.name), Error, message, None);
                continue;
            }
            let Some(timestamp) = &self.shape.timestamp else { continue };
            let predicate = disagreement.predicate(self.dialect, self.shape, &timestamp.name);
            let update = |value: &str| {
                let column = self.quote(&timestamp.name);
                format!("UPDATE {} SET {column} = {value} WHERE {predicate}", self.table())
            };
            let name = &timestamp.name;
            let (message, sql) = match disagreement {
                Disagreement::NeitherState => continue,
                Disagreement::DeletedWithoutTime => (
                    format!(
                        "{} {have} no time in `{name}`, and no purge removes such rows",
                        Count(*count, "deleted row")
                    ),
                    timestamp.ty.clock(self.shape.unit).map(|form| update(self.dialect.now(form))),
                ),
                Disagreement::ActiveWithTime => (
                    format!(
                        "{} {have} a time in `{name}`, although the flag says that such rows are not deleted",
                        Count(*count, "active row")
                    ),
                    Some(update("NULL")),
                ),
            };
            self.push((FindingKind::DisagreeingRows, &timestamp.name), Warning, message, sql);
        }
    }

    /// Returns what must be counted. A validated CHECK of this crate already answers for flag and timestamp.
    pub(super) fn disagreements(&self) -> Vec<Disagreement> {
        let mut found = Vec::new();
        if !self.state_is_usable() {
            return found;
        }
        if let Some((expression, check)) = self.pair() {
            let is_known =
                check.is_some_and(|check| check.validated && is_same(self.dialect, &check.expression, &expression));
            if !is_known {
                found.extend([Disagreement::DeletedWithoutTime, Disagreement::ActiveWithTime]);
            }
        }
        if self.holds_other_numbers() {
            found.push(Disagreement::NeitherState);
        }
        found
    }

    /// Returns whether the flag is a column that can hold numbers other than 0 and 1.
    fn holds_other_numbers(&self) -> bool {
        let is_bit = |column: &CatalogColumn| column.sql_type.eq_ignore_ascii_case("bit(1)");
        self.shape.mode != Mode::Timestamp
            && self.dialect != Dialect::Postgres
            && self.column(&self.shape.state.name).is_some_and(|column| !is_bit(column))
    }

    /// Returns the expression of the agreement, and the CHECK about it, if the table has both columns.
    fn pair(&self) -> Option<(String, Option<&CatalogCheck>)> {
        let expression = self.shape.agreement(self.dialect)?;
        let timestamp = &self.column(self.timestamp()?)?.name;
        let flag = &self.column(&self.shape.state.name)?.name;
        let names = |check: &CatalogCheck, column: &str| {
            tokens(&check.expression).iter().any(|token| token.names(self.dialect, column))
        };
        // The CHECK is found by its columns, since its name and spelling can differ.
        let checks = self.catalog.checks.iter().filter(|check| names(check, flag) && names(check, timestamp));
        let check = checks.max_by_key(|check| (check.validated, is_same(self.dialect, &check.expression, &expression)));
        Some((expression, check))
    }
}
