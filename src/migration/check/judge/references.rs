//! Foreign keys of other tables, which a purge meets.

use super::{Judge, script};
use crate::migration::check::catalog::{Action, LiveReference};
use crate::migration::check::finding::Severity::{Note, Warning};
use crate::migration::dialect::Dialect;
use crate::migration::names::{Names, TableName};

impl Judge<'_> {
    pub(super) fn references(&mut self) {
        for reference in &self.live.references {
            let child = self.child(reference).plain();
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
                        "`{child}` ({columns}) references this table ON DELETE {action}, so a purge {what} its rows, \
                         live ones too{hint}"
                    );
                    let sql = self.restrict(reference);
                    self.push(Warning, message, sql);
                }
                Action::Nothing | Action::Restrict => {
                    let message = format!(
                        "`{child}` ({columns}) references this table ON DELETE {action}: its rows keep pointing at \
                         soft-deleted ones, and a purge of a row that has some is refused"
                    );
                    self.push(Note, message, None);
                }
            }
        }
    }

    /// The child as the declaration would name it: without the schema if this table has none there.
    fn child(&self, reference: &LiveReference) -> TableName {
        let is_near = self.shape.table.schema.is_none() && reference.child.schema == self.live.name.schema;
        let schema = reference.child.schema.clone().filter(|_| !is_near);
        TableName { schema, name: reference.child.name.clone() }
    }

    /// The same foreign key with RESTRICT.
    fn restrict(&self, reference: &LiveReference) -> Option<String> {
        let old = reference.constraint.as_deref()?;
        let child = self.child(reference);
        // From another schema the bare name would mean another table.
        let parent = if child.schema.is_some() { self.live.name.quoted(self.dialect) } else { self.table() };
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
            // Under another name, so that the rows are never without a foreign key.
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
