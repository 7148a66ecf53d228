//! Unique indexes that count deleted rows, or protect nothing.

use super::{Judge, script};
use crate::declare::{Mode, Rows};
use crate::dialect::Dialect;
use crate::error::FindingKind;
use crate::error::Severity::{Error, Warning};
use crate::schema::{CatalogIndex, IndexOrigin, Reach, tokens};

/// MySQL's virtual column, which is NULL for deleted rows.
const ACTIVE_KEY: &str = "active_key";

impl Judge<'_> {
    pub(super) fn uniques(&mut self) {
        // The first finding that needs MySQL's virtual column adds it.
        let mut adds_column = None::<String>;
        for index in &self.catalog.indexes {
            if !index.unique || !index.valid || index.origin == IndexOrigin::PrimaryKey || self.is_exempt(index) {
                continue;
            }
            if let Some(message) = self.wrong_key(index) {
                self.push((FindingKind::UniqueOverState, &index.name), Error, message, None);
            } else if index.predicate.is_some() {
                let message = format!(
                    "the unique index `{}` counts soft-deleted rows: its predicate does not leave them out",
                    index.name
                );
                self.push((FindingKind::UniqueCountsDeleted, &index.name), Warning, message, None);
            } else {
                let mut message =
                    format!("the unique index `{}` counts soft-deleted rows, so their values stay taken", index.name);
                let mut sql = None;
                if self.is_referenced(index) {
                    message.push_str("; a foreign key references it, so it cannot be replaced");
                } else if self.dialect == Dialect::Sqlite && index.origin == IndexOrigin::Constraint {
                    message.push_str("; it is part of CREATE TABLE, so the table must be rebuilt without it");
                } else {
                    sql = self.among_active(index, adds_column.is_none());
                    if let (Some(first), Dialect::Mysql) = (&adds_column, self.dialect) {
                        message.push_str(&format!("; fix `{first}` first, which adds the column `{ACTIVE_KEY}`"));
                    }
                    if sql.as_ref().is_some_and(|sql| sql.contains(" VIRTUAL;\n")) {
                        adds_column = Some(index.name.clone());
                    }
                }
                self.push((FindingKind::UniqueCountsDeleted, &index.name), Warning, message, sql);
            }
        }
    }

    /// Returns whether a key is right, or cannot be judged.
    fn is_exempt(&self, index: &CatalogIndex) -> bool {
        let is_key = |column: &String| index.position(self.dialect, column).is_some();
        let key = &self.catalog.primary_key;
        if !key.is_empty() && key.iter().all(is_key) {
            return true;
        }
        if self.names_state(index.predicate.as_deref()) {
            return true;
        }
        // PostgreSQL 15 can count NULLs as one value. Then `(slug, deleted_at)` protects the active rows.
        let nulls_are_one = index.definition.as_deref().is_some_and(|sql| sql.contains(" NULLS NOT DISTINCT"));
        if nulls_are_one && self.timestamp().is_some_and(|name| index.position(self.dialect, name).is_some()) {
            return true;
        }
        match self.dialect {
            // It is `active_key`, or a column that the app made for the same purpose.
            Dialect::Mysql => index.keys.iter().any(|key| match &key.column {
                Some(column) => self.column(column).is_some_and(|column| column.generated),
                None => true,
            }),
            // The index is over an expression such as `COALESCE(deleted_at, ..)`.
            Dialect::Postgres | Dialect::Sqlite => {
                index.has_expression() && self.names_state(index.definition.as_deref())
            }
        }
    }

    pub(super) fn names_state(&self, sql: Option<&str>) -> bool {
        let columns = [Some(self.shape.state.name.as_str()), self.timestamp()];
        let tokens = sql.map(tokens).unwrap_or_default();
        columns.into_iter().flatten().any(|column| tokens.iter().any(|token| token.names(self.dialect, column)))
    }

    /// Returns what is wrong with a key that contains the flag or the timestamp.
    fn wrong_key(&self, index: &CatalogIndex) -> Option<String> {
        let has = |column: &str| index.position(self.dialect, column).is_some();
        let name = &index.name;
        if let Some(timestamp) = self.timestamp().filter(|timestamp| has(timestamp)) {
            return Some(format!(
                "the unique index `{name}` protects nothing: `{timestamp}` of active rows is NULL, and NULLs are \
                 distinct; make one of the other columns among active rows"
            ));
        }
        (self.shape.mode != Mode::Timestamp && has(&self.shape.state.name)).then(|| {
            format!(
                "the unique index `{name}` leaves room for one soft-deleted row of a value, so a second soft delete \
                 fails; make one of the other columns among active rows"
            )
        })
    }

    /// Returns whether the foreign key of a child needs the index.
    fn is_referenced(&self, index: &CatalogIndex) -> bool {
        self.catalog.references.iter().any(|reference| {
            let columns = &reference.parent_columns;
            reference.reaches == Reach::Whole
                && columns.len() == index.keys.len()
                && columns.iter().all(|column| index.position(self.dialect, column).is_some())
        })
    }

    /// Returns the SQL that replaces this index by a unique index among active rows.
    fn among_active(&self, index: &CatalogIndex, may_add_column: bool) -> Option<String> {
        let columns = index.keys.iter().filter_map(|key| key.column.clone()).collect::<Vec<_>>();
        let name = self.free_name("active_key", &columns);
        if self.dialect == Dialect::Mysql {
            let mut statements = Vec::new();
            let table = self.table();
            match self.column(ACTIVE_KEY) {
                // The app has a column of its own with this name.
                Some(column) if !column.generated => return None,
                Some(_) => {}
                None if !may_add_column => {}
                None => statements.push(format!(
                    "ALTER TABLE {table} ADD COLUMN {} TINYINT GENERATED ALWAYS AS (IF({}, NULL, 1)) VIRTUAL",
                    self.quote(ACTIVE_KEY),
                    self.predicate(Rows::Deleted),
                )),
            }
            let key = |key: &crate::schema::IndexKey| {
                let prefix = key.prefix.map(|letters| format!("({letters})")).unwrap_or_default();
                key.column.as_ref().map(|column| format!("{}{prefix}", self.quote(column)))
            };
            let mut keys = index.keys.iter().map(key).collect::<Option<Vec<_>>>()?;
            keys.push(self.quote(ACTIVE_KEY));
            statements.push(format!("CREATE UNIQUE INDEX {} ON {table} ({})", self.quote(&name), keys.join(", ")));
            statements.push(self.drop_index(&index.name));
            return Some(script(&statements));
        }
        let create = self.like(index, &name, Some(&self.predicate(Rows::Active)))?;
        let drop = match (self.dialect, index.origin) {
            (Dialect::Postgres, IndexOrigin::Constraint) => {
                format!("ALTER TABLE {} DROP CONSTRAINT {}", self.table(), self.quote(&index.name))
            }
            _ => self.drop_index(&index.name),
        };
        Some(script(&[create, drop]))
    }
}
