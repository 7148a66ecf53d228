//! SQLite: DDL is transactional, so the whole change is one migration.

use super::plan::{Change, Parent, Replaced, Unique};
use super::step::{Statement, Step, statement};
use crate::declare::Rows;
use crate::dialect::{ClockForm, Dialect};
use crate::error::Error;

pub(super) fn steps(change: &Change) -> Result<Vec<Step>, Error> {
    let mut writer = Writer { change, up: Vec::new(), down: Vec::new() };
    writer.columns();
    writer.backfill();
    writer.archive();
    writer.indexes()?;
    writer.guard();
    for parent in &change.parents {
        writer.live_parent(parent);
    }
    writer.view();
    let Writer { up, mut down, .. } = writer;
    let mut step = Step::new("columns");
    if up.is_empty() {
        return Ok(Vec::new());
    }
    step.up = up;
    // A column cannot be dropped while an index, trigger or view names it, so the last part is undone first.
    down.reverse();
    step.down = down.into_iter().flatten().collect();
    if step.down.is_empty() {
        step.down.push(statement("Nothing to do here; a migration must not be empty.", "SELECT 1"));
    }
    Ok(vec![step])
}

struct Writer<'a> {
    change: &'a Change,
    up: Vec<Statement>,
    /// The statements that undo each part, in the order of the parts.
    down: Vec<Vec<Statement>>,
}

impl Writer<'_> {
    fn quote(&self, name: &str) -> String {
        Dialect::Sqlite.quote(name)
    }

    /// Returns a name in the schema of the table, in which triggers, indexes and views are. Only `CREATE` names the
    /// schema.
    fn qualified(&self, name: &str) -> String {
        self.change.shape.table.sibling(name).quoted(Dialect::Sqlite)
    }

    /// Returns the table's name where SQLite does not accept a schema in front of it.
    fn bare_table(&self) -> String {
        self.quote(&self.change.shape.table.name)
    }

    fn columns(&mut self) {
        let change = self.change;
        let timestamp = change.shape.timestamp.as_ref().map(|timestamp| timestamp.name.as_str());
        for (i, (name, ty)) in change.added.iter().enumerate() {
            // A CHECK of two columns can only be added with the second one.
            let check = change.check.as_ref().filter(|check| check.holds_already && timestamp == Some(name));
            let check =
                check.map(|check| format!(" CONSTRAINT {} CHECK {}", self.quote(&check.name), check.expression));
            let why = match (i, &check) {
                (_, Some(_)) => "Flag and timestamp must not disagree. The CHECK can only be added with its column.",
                (0, None) => "A constant default and nullable columns: no row is rewritten.",
                _ => "",
            };
            let column = self.quote(name);
            let sql = format!("ALTER TABLE {} ADD COLUMN {column} {ty}{}", change.table, check.unwrap_or_default());
            self.up.push(statement(why, sql));
            let why =
                if i + 1 == change.added.len() { "Every soft-deleted row becomes an ordinary row again." } else { "" };
            self.down.push(vec![statement(why, format!("ALTER TABLE {} DROP COLUMN {column}", change.table))]);
        }
    }

    fn backfill(&mut self) {
        for backfill in &self.change.backfills {
            let sql = format!("UPDATE {} SET {} WHERE {}", self.change.table, backfill.set, backfill.filter);
            self.up.push(statement(backfill.why, sql));
        }
    }

    fn archive(&mut self) {
        let change = self.change;
        let Some(archive) = &change.archive else { return };
        let name = archive.name.quoted(Dialect::Sqlite);
        let key = Dialect::Sqlite.quote_all(&change.key);
        let now = Dialect::Sqlite.now(ClockForm::Timestamp);
        if archive.columns.is_empty() {
            // Without known types SQLite can copy only names and affinities, and an added column cannot have a default.
            let table = self.quote(&archive.name.name);
            let sibling = |suffix: &str| {
                change.shape.table.sibling(&format!("{}_{suffix}", archive.name.name)).quoted(Dialect::Sqlite)
            };
            self.up.push(statement(
                "Where a purge moves rows to: the same columns, by their affinities, and no keys but the primary one.",
                format!("CREATE TABLE {name} AS SELECT * FROM {} WHERE FALSE", change.table),
            ));
            self.up.push(statement("", format!("ALTER TABLE {name} ADD COLUMN `archived_at` TIMESTAMP")));
            self.up.push(statement("", format!("CREATE UNIQUE INDEX {} ON {table} ({key})", sibling("key"))));
            self.up.push(statement(
                "In place of a default, which a column that is added cannot have.",
                format!(
                    "CREATE TRIGGER {} AFTER INSERT ON {table}\nWHEN NEW.`archived_at` IS NULL\nBEGIN\n    \
                     UPDATE {table} SET `archived_at` = {now} WHERE rowid = NEW.rowid;\nEND",
                    sibling("archived_at")
                ),
            ));
        } else {
            let mut lines: Vec<String> =
                archive.columns.iter().map(|(column, ty)| format!("{} {ty}", self.quote(column))).collect();
            lines.push(format!("`archived_at` TIMESTAMP NOT NULL DEFAULT ({now})"));
            lines.push(format!("PRIMARY KEY ({key})"));
            let why = "Where a purge moves rows to: the same columns, no keys but the primary one.";
            self.up.push(statement(why, format!("CREATE TABLE {name} (\n    {}\n)", lines.join(",\n    "))));
        }
        self.down.push(vec![statement("What was archived goes with it.", format!("DROP TABLE {name}"))]);
    }

    fn indexes(&mut self) -> Result<(), Error> {
        let change = self.change;
        for unique in &change.uniques {
            if !unique.exists {
                let why = "One value among active rows; deleted rows do not block it.";
                self.index("CREATE UNIQUE INDEX", &unique.name, &unique.columns, Rows::Active, why);
            }
            for replaced in &unique.replaced {
                self.replace(unique, replaced)?;
            }
        }
        for index in &change.indexes {
            self.index("CREATE INDEX", &index.name, &index.columns, index.rows, index.why);
        }
        Ok(())
    }

    fn index(&mut self, create: &str, name: &str, columns: &[String], rows: Rows, why: &'static str) {
        let index = self.qualified(name);
        let sql = format!(
            "{create} {index} ON {} ({}) WHERE {}",
            self.bare_table(),
            Dialect::Sqlite.quote_all(columns),
            self.change.predicate(rows)
        );
        self.up.push(statement(why, sql));
        self.down.push(vec![statement("", format!("DROP INDEX {index}"))]);
    }

    fn replace(&mut self, unique: &Unique, replaced: &Replaced) -> Result<(), Error> {
        let (change, columns) = (self.change, replaced.columns(unique));
        if replaced.is_constraint || replaced.name.to_ascii_lowercase().starts_with("sqlite_autoindex") {
            return Err(Error::UnsupportedMigration {
                table: change.shape.table.plain(),
                what: format!("replace the UNIQUE constraint `{}` on SQLite", replaced.name),
                why: String::from(
                    "a UNIQUE of CREATE TABLE can only be dropped by rebuilding the table, and a rebuild inside a \
                     migration's transaction empties the tables that reference it with ON DELETE CASCADE (foreign_keys=OFF \
                     is ignored there). Rebuild it by hand, outside a transaction, with a UNIQUE INDEX in its place",
                ),
            });
        }
        let name = self.qualified(&replaced.name);
        self.up.extend(self.refuse(
            "A foreign key that means this index would lose its parent key.",
            &format!("{} is the target of a foreign key and cannot be replaced", replaced.name),
            &format!(
                "FROM sqlite_schema AS child, pragma_foreign_key_list(child.name) AS key\n    \
                 WHERE child.type = 'table' AND lower(key.\"table\") = lower({}) AND lower(key.\"to\") IN ({})",
                Dialect::Sqlite.literal(&change.shape.table.name),
                columns
                    .iter()
                    .map(|column| format!("lower({})", Dialect::Sqlite.literal(column)))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        ));
        let why = "It would let a deleted row block its value; the index among active rows has its place.";
        self.up.push(statement(why, format!("DROP INDEX {name}")));
        let mut down = self.refuse(
            "Say so where deleted rows share a value.",
            &change.duplicates_message(replaced),
            &format!("FROM ({})", change.duplicates(columns)),
        );
        down.push(statement(
            "",
            format!("CREATE UNIQUE INDEX {name} ON {} ({})", self.bare_table(), Dialect::Sqlite.quote_all(columns)),
        ));
        self.down.push(down);
        Ok(())
    }

    /// Fails with `message` if `from` contains rows.
    ///
    /// Outside of a trigger SQLite can raise an error only through a CHECK, whose name is therefore the message.
    fn refuse(&self, why: &str, message: &str, from: &str) -> Vec<Statement> {
        let (refuse, message) = ("temp.`soft_delete_refuse`", self.quote(message));
        vec![
            statement(why, format!("DROP TABLE IF EXISTS {refuse}")),
            statement(
                "",
                format!(
                    "CREATE TEMP TABLE `soft_delete_refuse` (`found` INTEGER CONSTRAINT {message} CHECK (`found` = 0))"
                ),
            ),
            statement("", format!("INSERT INTO {refuse} SELECT COUNT(*) {from}")),
            statement("", format!("DROP TABLE {refuse}")),
        ]
    }

    fn trigger(&mut self, name: &str, why: &'static str, event: &str, when: &str, body: &str) {
        let trigger = self.qualified(name);
        let sql =
            format!("CREATE TRIGGER {trigger} {event} ON {}\nWHEN {when}\nBEGIN\n    {body};\nEND", self.bare_table());
        self.up.push(statement(why, sql));
        self.down.push(vec![statement("", format!("DROP TRIGGER {trigger}"))]);
    }

    fn guard(&mut self) {
        let change = self.change;
        let Some(name) = &change.guard else { return };
        let when = format!("{} IS NOT TRUE", change.shape.predicate(Dialect::Sqlite, Rows::Deleted, "OLD."));
        let body = format!("SELECT RAISE(ABORT, {})", Dialect::Sqlite.literal(&change.guard_message(name)));
        self.trigger(name, "Raises, for a cascade of a foreign key too.", "BEFORE DELETE", &when, &body);
    }

    fn live_parent(&mut self, parent: &Parent) {
        let change = self.change;
        let body = format!(
            "SELECT RAISE(ABORT, {})\n        FROM {} AS parent WHERE {} AND {}",
            Dialect::Sqlite.literal(&parent.message(change)),
            self.quote(&parent.parent.table.name),
            parent.link(Dialect::Sqlite, "parent."),
            parent.parent.predicate(Dialect::Sqlite, Rows::Deleted, "parent."),
        );
        self.up.push(parent.probe(change));
        self.down.push(Vec::new());
        let concerns = parent.concerns(change);
        let changed = parent.changed(change, |old, new| format!("{old} IS NOT {new}"));
        let why = "There is one writer at a time, so the parent cannot change in between.";
        self.trigger(&parent.on_insert, why, "AFTER INSERT", &concerns, &body);
        let when = format!("{concerns} AND {changed}");
        self.trigger(&parent.on_update, "When the row is moved or restored.", "AFTER UPDATE", &when, &body);
    }

    fn view(&mut self) {
        let Some(view) = &self.change.view else { return };
        let name = view.quoted(Dialect::Sqlite);
        let why = "For reports and tools that do not filter.";
        let rows = self.change.predicate(Rows::Active);
        self.up.push(statement(
            why,
            format!("CREATE VIEW {name} AS\n    SELECT * FROM {} WHERE {rows}", self.bare_table()),
        ));
        self.down.push(vec![statement("", format!("DROP VIEW {name}"))]);
    }
}
