//! Foreign keys of other tables, which change or refuse what a purge does.

use super::{Judge, script};
use crate::dialect::{Dialect, Names, TableName};
use crate::error::FindingKind;
use crate::error::Severity::{Note, Warning};
use crate::schema::{Action, CatalogReference, Reach};

impl Judge<'_> {
    pub(super) fn references(&mut self) {
        for reference in &self.catalog.references {
            let child = self.nearby(&reference.child).plain();
            let (parent, part) = self.parent(reference);
            let columns = reference.columns.join(", ");
            let action = reference.on_delete.sql();
            match reference.on_delete {
                Action::Cascade | Action::SetNull | Action::SetDefault => {
                    let what = if reference.on_delete == Action::Cascade { "removes" } else { "changes" };
                    let hint = match reference.constraint {
                        None => "; SQLite changes a foreign key only by a rebuild of the table",
                        Some(_) => "",
                    };
                    let message = format!(
                        "`{child}` ({columns}) references {parent} ON DELETE {action}, so a purge {what} its rows, \
                         active ones too{part}{hint}"
                    );
                    let sql = self.restrict(reference);
                    self.push((FindingKind::ReferenceChangesRows, &child), Warning, message, sql);
                }
                Action::Nothing | Action::Restrict => {
                    let message = format!(
                        "`{child}` ({columns}) references {parent} ON DELETE {action}: its rows keep pointing at \
                         soft-deleted ones, and a purge of a row that has some is refused{part}"
                    );
                    self.push((FindingKind::ReferenceRefusesPurge, &child), Note, message, None);
                }
            }
        }
    }

    /// Returns another table's name as the declaration would write it, without the schema if this table has none there.
    pub(super) fn nearby(&self, table: &TableName) -> TableName {
        let is_near = self.shape.table.schema.is_none() && table.schema == self.catalog.name.schema;
        TableName { schema: table.schema.clone().filter(|_| !is_near), name: table.name.clone() }
    }

    /// Returns the table that a foreign key names, and how it relates to this table, for messages.
    fn parent(&self, reference: &CatalogReference) -> (String, String) {
        if reference.parent == self.catalog.name {
            return (String::from("this table"), String::new());
        }
        let name = format!("`{}`", self.nearby(&reference.parent).plain());
        let part = match reference.reaches {
            Reach::Whole => format!(" (this table is a partition of {name})"),
            Reach::Part => format!(" ({name} is a part of this table)"),
        };
        (name, part)
    }

    /// Returns the SQL that makes the same foreign key RESTRICT.
    fn restrict(&self, reference: &CatalogReference) -> Option<String> {
        let old = reference.constraint.as_deref()?;
        let child = self.nearby(&reference.child);
        // If the child is in another schema, a name without a schema would mean another table.
        let parent = match (child.schema.is_some(), reference.parent == self.catalog.name) {
            (true, _) => reference.parent.quoted(self.dialect),
            (false, true) => self.table(),
            (false, false) => self.nearby(&reference.parent).quoted(self.dialect),
        };
        let child = child.quoted(self.dialect);
        let body = format!(
            "FOREIGN KEY ({}) REFERENCES {} ({}){} ON DELETE RESTRICT ON UPDATE {}{}",
            self.dialect.quote_all(&reference.columns),
            parent,
            self.dialect.quote_all(&reference.parent_columns),
            reference.matching,
            reference.on_update.sql(),
            reference.deferrable,
        );
        let old_quoted = self.quote(old);
        match self.dialect {
            Dialect::Postgres => {
                let (later, validate) = if reference.child_is_partitioned {
                    ("", None)
                } else {
                    (" NOT VALID", Some(format!("ALTER TABLE {child} VALIDATE CONSTRAINT {old_quoted}")))
                };
                let swap = format!(
                    "ALTER TABLE {child} DROP CONSTRAINT {old_quoted}, ADD CONSTRAINT {old_quoted} {body}{later}"
                );
                Some(script(&std::iter::once(swap).chain(validate).collect::<Vec<_>>()))
            }
            // The new key has another name, so that the rows always have a foreign key.
            Dialect::Mysql => {
                let name = Names::new(&reference.child.name).make("restrict_fkey", &reference.columns);
                Some(script(&[
                    format!("ALTER TABLE {child} ADD CONSTRAINT {} {body}", self.quote(&name)),
                    format!("ALTER TABLE {child} DROP FOREIGN KEY {old_quoted}"),
                ]))
            }
            Dialect::Sqlite => None,
        }
    }
}
