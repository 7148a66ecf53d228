//! The columns of a declaration: whether they exist, with the right type, nullability and default.

use super::types::{Misfit, flag_misfit, time_misfit};
use super::{Judge, script};
use crate::declare::Mode;
use crate::dialect::{ClockForm, Dialect};
use crate::error::FindingKind;
use crate::error::Severity::{Error, Note, Warning};
use crate::migration::check::printed::number;
use crate::migration::shape::Column;
use crate::schema::CatalogColumn;

/// The purpose of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Flag,
    /// The time of the deletion.
    Timestamp,
    Touch,
    /// A column that a restore sets to NULL.
    Reset,
    /// The column that keeps a row from purges while it is TRUE. Our statements never set it.
    Hold,
}

impl<'a> Judge<'a> {
    /// Returns the columns of the declaration with their purposes. Those that a purge reads come first.
    fn declared(&self) -> impl Iterator<Item = (&'a Column, Purpose)> + use<'a> {
        let shape = self.shape;
        let state = (shape.mode != Mode::Timestamp).then_some((&shape.state, Purpose::Flag));
        let timestamp = shape.timestamp.as_ref().map(|column| (column, Purpose::Timestamp));
        let hold = shape.hold.as_ref().map(|hold| (&hold.column, Purpose::Hold));
        let touch = shape.touch.as_ref().map(|column| (column, Purpose::Touch));
        let reset = shape.reset.iter().map(|column| (column, Purpose::Reset));
        state.into_iter().chain(timestamp).chain(hold).chain(touch).chain(reset)
    }

    /// Checks the columns that a purge reads.
    pub(super) fn purge_columns(&mut self) {
        for (column, purpose) in self.declared() {
            if matches!(purpose, Purpose::Touch | Purpose::Reset) {
                break;
            }
            match self.column(&column.name).cloned() {
                None => self.missing(column, purpose),
                Some(catalog) => {
                    self.column_type(column, purpose, &catalog);
                    self.nullability(column, purpose, &catalog);
                }
            }
        }
    }

    pub(super) fn columns(&mut self) {
        for (column, purpose) in self.declared() {
            match self.column(&column.name).cloned() {
                None => self.missing(column, purpose),
                Some(catalog) if catalog.generated && purpose != Purpose::Hold => {
                    let message = format!("`{}` is a generated column, which no statement can set", column.name);
                    self.push((FindingKind::GeneratedColumn, &column.name), Error, message, None);
                }
                Some(catalog) => {
                    self.column_type(column, purpose, &catalog);
                    self.nullability(column, purpose, &catalog);
                    self.default(column, purpose, &catalog);
                }
            }
        }
    }

    fn missing(&mut self, column: &Column, purpose: Purpose) {
        let message = format!("the column `{}` is missing", column.name);
        let ty = column.ty.sql(self.dialect, &self.shape.table.plain(), &column.name).ok();
        let sql = ty.map(|ty| {
            let constraint = match purpose {
                Purpose::Flag if self.is_nullable_flag() => format!("DEFAULT {}", self.active_literal()),
                Purpose::Flag => format!("NOT NULL DEFAULT {}", self.active_literal()),
                Purpose::Hold if !self.is_nullable_hold() => String::from("NOT NULL DEFAULT FALSE"),
                Purpose::Touch if column.ty.is_declared_not_null() => {
                    format!("NOT NULL DEFAULT {}", self.epoch(column))
                }
                _ if self.dialect == Dialect::Mysql => String::from("NULL DEFAULT NULL"),
                _ => String::new(),
            };
            let add = format!("ALTER TABLE {} ADD COLUMN {} {ty} {constraint}", self.table(), self.quote(&column.name));
            let mut statements = vec![add.trim_end().to_owned()];
            // Until now the timestamp alone said which rows are deleted, so the new flag is filled from it.
            let timestamp = self.timestamp().filter(|name| self.column(name).is_some());
            if let Some(timestamp) = timestamp.filter(|_| purpose == Purpose::Flag) {
                let deleted = if self.active_literal() == "TRUE" { "FALSE" } else { "TRUE" };
                statements.push(format!(
                    "UPDATE {} SET {} = {deleted} WHERE {} IS NOT NULL",
                    self.table(),
                    self.quote(&column.name),
                    self.quote(timestamp),
                ));
            }
            script(&statements)
        });
        self.push((FindingKind::MissingColumn, &column.name), Error, message, sql);
    }

    fn column_type(&mut self, column: &Column, purpose: Purpose, catalog: &CatalogColumn) {
        let misfit = match purpose {
            Purpose::Flag | Purpose::Hold => flag_misfit(self.dialect, &catalog.sql_type),
            Purpose::Timestamp | Purpose::Touch => {
                time_misfit(self.dialect, &column.ty, self.shape.unit, &catalog.sql_type)
            }
            Purpose::Reset => None,
        };
        let (name, is) = (&column.name, &catalog.sql_type);
        let (severity, message) = match misfit {
            None => return,
            Some(Misfit::Wrong { expected }) => (Error, format!("`{name}` is {is}, not {expected}")),
            Some(Misfit::Odd { expected }) => (Warning, format!("`{name}` is {is}, not {expected}")),
            Some(Misfit::Rounds) => (
                Warning,
                format!(
                    "`{name}` is {is}, which rounds the fraction of the second: what is written is not what is stored"
                ),
            ),
            Some(Misfit::SessionZone) => (
                Warning,
                format!(
                    "`{name}` is {is}, which goes through the time_zone of the session and ends in 2038; \
                     convert it in a session with the app's time_zone"
                ),
            ),
        };
        let sql = match (misfit, self.dialect) {
            (Some(Misfit::Rounds), Dialect::Postgres) => {
                let zone = if is.ends_with(" with time zone") { "TIMESTAMPTZ" } else { "TIMESTAMP" };
                Some(self.alter(name, &format!("TYPE {zone}")))
            }
            // The statement would have to repeat the default, and the right one would be a guess.
            (Some(Misfit::Rounds | Misfit::SessionZone), Dialect::Mysql) if catalog.default.is_none() => {
                let null = if catalog.nullable || purpose != Purpose::Touch { "NULL DEFAULT NULL" } else { "NOT NULL" };
                Some(format!(
                    "ALTER TABLE {} MODIFY COLUMN {} DATETIME(6) {null}",
                    self.table(),
                    self.quote(&catalog.name)
                ))
            }
            _ => None,
        };
        self.push((FindingKind::ColumnType, &column.name), severity, message, sql);
    }

    fn nullability(&mut self, column: &Column, purpose: Purpose, catalog: &CatalogColumn) {
        let name = &column.name;
        let quoted = self.quote(name);
        let table = self.table();
        match purpose {
            Purpose::Flag | Purpose::Hold if catalog.nullable && !self.is_nullable(purpose) && !catalog.generated => {
                let (active, what) = match purpose {
                    Purpose::Hold => ("FALSE", "never purged"),
                    _ => (self.active_literal(), "neither active nor deleted"),
                };
                let fill = format!("UPDATE {table} SET {quoted} = {active} WHERE {quoted} IS NULL");
                let (hint, sql) = match self.dialect {
                    Dialect::Postgres => ("", Some(script(&[fill, self.alter(name, "SET NOT NULL")]))),
                    Dialect::Mysql => {
                        let modify = self.modify(catalog, &format!("NOT NULL DEFAULT {active}"));
                        ("", Some(script(&[fill, modify])))
                    }
                    Dialect::Sqlite => ("; declare it `Nullable<Bool>`, or rebuild the table with NOT NULL", None),
                };
                let message =
                    format!("`{name}` can be NULL but is declared NOT NULL, and rows with NULL are {what}{hint}");
                self.push((FindingKind::ColumnNullability, &column.name), Error, message, sql);
            }
            Purpose::Timestamp | Purpose::Reset if !catalog.nullable => {
                let (hint, sql) = match self.dialect {
                    Dialect::Postgres => ("", Some(self.alter(name, "DROP NOT NULL"))),
                    Dialect::Mysql => ("", Some(self.modify(catalog, "NULL DEFAULT NULL"))),
                    Dialect::Sqlite => ("; rebuild the table without NOT NULL", None),
                };
                let rows = match (purpose, self.shape.mode) {
                    (Purpose::Timestamp, Mode::Timestamp) => "every row that holds a value counts as deleted, and ",
                    (Purpose::Timestamp, _) => "every row holds the time of a deletion, and ",
                    _ => "",
                };
                let message =
                    format!("`{name}` is NOT NULL, but is declared nullable: {rows}a restore sets it to NULL{hint}");
                self.push((FindingKind::ColumnNullability, &column.name), Error, message, sql);
            }
            _ => {}
        }
    }

    fn default(&mut self, column: &Column, purpose: Purpose, catalog: &CatalogColumn) {
        let name = &column.name;
        match (purpose, &catalog.default) {
            (Purpose::Flag, None) if !self.is_nullable_flag() => {
                let what = if catalog.nullable { "get NULL" } else { "fail" };
                let hint = self.rebuild_hint();
                let message = format!("`{name}` has no default, so inserts that do not name it {what}{hint}");
                let sql = self.set_default(name);
                self.push((FindingKind::ColumnDefault, &column.name), Warning, message, sql);
            }
            (Purpose::Flag, Some(default)) => {
                let active = i64::from(self.active_literal() == "TRUE");
                let is_wrong = number(default).is_some_and(|number| number != active);
                if is_wrong {
                    let hint = self.rebuild_hint();
                    let message =
                        format!("the default of `{name}` is {default}, so new rows are deleted from the start{hint}");
                    let sql = self.set_default(name);
                    self.push((FindingKind::ColumnDefault, &column.name), Error, message, sql);
                }
            }
            (Purpose::Hold, None) if !catalog.nullable && !catalog.generated => {
                let hint = self.rebuild_hint();
                let message = format!("`{name}` has no default, so inserts that do not name it fail{hint}");
                let sql = (self.dialect != Dialect::Sqlite).then(|| self.alter(name, "SET DEFAULT FALSE"));
                self.push((FindingKind::ColumnDefault, &column.name), Warning, message, sql);
            }
            // A default of TRUE may be intended, so this is only a note.
            (Purpose::Hold, Some(default)) if number(default).is_some_and(|number| number != 0) => {
                let message = format!("the default of `{name}` is {default}, so new rows are under hold at once");
                self.push((FindingKind::ColumnDefault, &column.name), Note, message, None);
            }
            (Purpose::Timestamp, Some(default)) => {
                let (severity, what) = match self.shape.mode {
                    Mode::Timestamp => (Error, "are deleted from the start"),
                    _ => (Warning, "would carry the time of a deletion"),
                };
                let message = format!("`{name}` has the default {default}, so new rows {what}{}", self.rebuild_hint());
                let sql = match self.dialect {
                    Dialect::Postgres => Some(self.alter(name, "DROP DEFAULT")),
                    // If the column is NOT NULL too, the finding about that drops both.
                    Dialect::Mysql if catalog.nullable => Some(self.alter(name, "SET DEFAULT NULL")),
                    Dialect::Mysql => Some(self.modify(catalog, "NULL DEFAULT NULL")),
                    Dialect::Sqlite => None,
                };
                self.push((FindingKind::ColumnDefault, &column.name), severity, message, sql);
            }
            _ => {}
        }
    }

    fn is_nullable(&self, purpose: Purpose) -> bool {
        if purpose == Purpose::Hold { self.is_nullable_hold() } else { self.is_nullable_flag() }
    }

    fn is_nullable_hold(&self) -> bool {
        self.shape.hold.as_ref().is_some_and(|hold| hold.nullable)
    }

    fn is_nullable_flag(&self) -> bool {
        matches!(self.shape.mode, Mode::NullableFlag | Mode::NullableActiveFlag)
    }

    /// Returns the value of an active row's flag.
    fn active_literal(&self) -> &'static str {
        match self.shape.mode {
            Mode::ActiveFlag | Mode::NullableActiveFlag => "TRUE",
            Mode::Flag | Mode::NullableFlag | Mode::Timestamp => "FALSE",
        }
    }

    fn rebuild_hint(&self) -> &'static str {
        if self.dialect == Dialect::Sqlite { "; SQLite sets a default only by a rebuild of the table" } else { "" }
    }

    fn set_default(&self, name: &str) -> Option<String> {
        let set = format!("SET DEFAULT {}", self.active_literal());
        (self.dialect != Dialect::Sqlite).then(|| self.alter(name, &set))
    }

    fn alter(&self, name: &str, action: &str) -> String {
        format!("ALTER TABLE {} ALTER COLUMN {} {action}", self.table(), self.quote(name))
    }

    /// Returns MySQL's statement to change a column. It drops every property that it does not repeat.
    fn modify(&self, catalog: &CatalogColumn, rest: &str) -> String {
        let collation = catalog.collation.as_ref().map(|name| format!(" COLLATE {name}")).unwrap_or_default();
        let (table, column) = (self.table(), self.quote(&catalog.name));
        format!("ALTER TABLE {table} MODIFY COLUMN {column} {}{collation} {rest}", catalog.sql_type)
    }

    /// Returns a time for the existing rows.
    fn epoch(&self, column: &Column) -> &'static str {
        match (column.ty.clock(self.shape.unit), self.dialect) {
            (Some(ClockForm::Timestamp), _) => "'1970-01-01 00:00:00'",
            (Some(ClockForm::Timestamptz), Dialect::Mysql) => "'1970-01-01 00:00:00'",
            (Some(ClockForm::Timestamptz), _) => "'1970-01-01 00:00:00+00:00'",
            _ => "0",
        }
    }
}
