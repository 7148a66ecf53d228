//! MySQL and MariaDB: every statement is valid on both, and every migration is one change of the schema.
//!
//! Each statement commits by itself, so a migration that failed half-way continues where it stopped.

use super::backfill::Backfill;
use super::plan::{Archive, Change, Index, Parent, Replaced, Unique};
use super::step::{Statement, Step, statement};
use crate::declare::{Mode, Rows};
use crate::dialect::{ClockForm, Dialect};

pub(super) fn steps(change: &Change) -> Vec<Step> {
    let writer = Writer { change };
    // The archive comes first, since it must not copy the virtual column.
    let mut steps = Vec::new();
    steps.extend(writer.archive());
    steps.extend(writer.columns());
    steps.extend(writer.backfill());
    steps.extend(writer.live_column());
    for unique in &change.uniques {
        if !unique.exists {
            steps.push(writer.unique(unique));
        }
        steps.extend(unique.replaced.iter().map(|replaced| writer.replace(unique, replaced)));
    }
    steps.extend(change.indexes.iter().map(|index| writer.index(index)));
    steps.extend(change.guard.iter().map(|name| writer.guard(name)));
    steps.extend(change.parents.iter().map(|parent| writer.live_parent(parent)));
    steps.extend(writer.view());
    for step in &mut steps {
        // Each statement commits by itself, so a transaction would promise too much.
        step.in_transaction = false;
        for direction in [&mut step.up, &mut step.down] {
            limit_waiting(change, direction);
        }
    }
    steps
}

/// Limits how long a statement waits for a metadata lock.
///
/// The default is a day on MariaDB and a year on MySQL, and every later query of the table would wait behind it.
fn limit_waiting(change: &Change, statements: &mut Vec<Statement>) {
    if statements.is_empty() {
        statements.push(statement("Nothing to do here; a migration must not be empty.", "DO 0"));
        return;
    }
    let seconds = change.lock_timeout.as_secs().max(1);
    statements.insert(
        0,
        statement(
            "Fail rather than wait: every query of the table would queue up behind this one.",
            format!("SET @lock_wait_timeout = @@SESSION.lock_wait_timeout, SESSION lock_wait_timeout = {seconds}"),
        ),
    );
    statements.push(statement("", "SET SESSION lock_wait_timeout = @lock_wait_timeout"));
}

struct Writer<'a> {
    change: &'a Change,
}

impl Writer<'_> {
    fn quote(&self, name: &str) -> String {
        Dialect::Mysql.quote(name)
    }

    fn alter(&self, actions: &[String]) -> String {
        format!("ALTER TABLE {}\n    {}", self.change.table, actions.join(",\n    "))
    }

    fn columns(&self) -> Option<Step> {
        let change = self.change;
        if change.added.is_empty() {
            return None;
        }
        let mut step = Step::new("columns");
        let last = change.shape.timestamp.as_ref().map(|timestamp| timestamp.name.as_str());
        let mut actions = Vec::new();
        for (name, ty) in &change.added {
            let mut action = format!("ADD COLUMN {} {ty}", self.quote(name));
            // MySQL does not read the comment, so `*/` in a name would end it too early.
            let check = change.check.as_ref().filter(|check| check.holds_already && !check.expression.contains("*/"));
            if let Some(check) = check.filter(|_| last == Some(name)) {
                action.push_str(&format!(" /*M! CHECK {} */", check.expression));
            }
            actions.push(action);
        }
        let mut why = String::from("INSTANT: no row is copied, or the statement fails.");
        if change.allow_copy {
            why = String::from("The table may be copied.");
        } else {
            actions.push(String::from("ALGORITHM=INSTANT"));
        }
        if change.check.as_ref().is_some_and(|check| check.holds_already) {
            why.push_str("\nMariaDB adds the CHECK at once and reads what is in /*M! */; MySQL, which would copy the table, does not.");
        }
        step.up.push(statement(why, self.alter(&actions)));
        let drops: Vec<String> =
            change.added.iter().rev().map(|(name, _)| format!("DROP COLUMN {}", self.quote(name))).collect();
        step.down.push(statement("Every soft-deleted row becomes an ordinary row again.", self.alter(&drops)));
        Some(step)
    }

    fn archive(&self) -> Option<Step> {
        let change = self.change;
        let archive = change.archive.as_ref()?;
        let name = archive.name.quoted(Dialect::Mysql);
        let mut step = Step::new("archive");
        // The columns do not exist yet, so they are added to the copy as they are to the table.
        let mut definitions = vec![format!("PRIMARY KEY ({})", Dialect::Mysql.quote_all(&change.key))];
        definitions.extend(change.added.iter().map(|(column, ty)| format!("{} {ty}", self.quote(column))));
        let now = Dialect::Mysql.now(ClockForm::Timestamp);
        definitions.push(format!("`archived_at` DATETIME(6) NOT NULL DEFAULT ({now})"));
        step.up.push(statement(
            "Where a purge moves rows to: the same columns (in another order), no keys but the primary one, nothing virtual.",
            format!(
                "CREATE TABLE {name} (\n    {}\n) SELECT {} FROM {} LIMIT 0",
                definitions.join(",\n    "),
                self.copied_columns(archive),
                change.table
            ),
        ));
        step.down.push(statement("What was archived goes with it.", format!("DROP TABLE {name}")));
        Some(step)
    }

    /// Returns the existing columns, or `*` if they are not known.
    fn copied_columns(&self, archive: &Archive) -> String {
        let is_added = |name: &String| self.change.added.iter().any(|(added, _)| added == name);
        let names: Vec<&String> = archive.columns.iter().map(|(name, _)| name).filter(|name| !is_added(name)).collect();
        if names.is_empty() { String::from("*") } else { Dialect::Mysql.quote_all(&names) }
    }

    fn backfill(&self) -> Option<Step> {
        let change = self.change;
        if change.backfills.is_empty() {
            return None;
        }
        let mut step = Step::new("backfill");
        let table = &change.table;
        let keys = Dialect::Mysql.quote_all(&change.key);
        let backwards: Vec<String> = change.key.iter().map(|key| format!("{} DESC", self.quote(key))).collect();
        let (from_low, to_high) = (self.compare(">", "low", true), self.compare("<", "high", true));
        let updates = |range: &str| -> String {
            let update = |backfill: &Backfill| {
                let indent = if range.is_empty() { "    " } else { "        " };
                format!(
                    "{indent}-- {}\n{indent}UPDATE {table} SET {} WHERE {range}{};\n",
                    backfill.why, backfill.set, backfill.filter
                )
            };
            change.backfills.iter().map(update).collect()
        };
        let body = format!(
            "BEGIN\n    \
                 SET {nothing};\n    \
                 SELECT {keys} INTO {low} FROM {table} ORDER BY {keys} LIMIT 1;\n    \
                 WHILE @low_0 IS NOT NULL DO\n        \
                     SELECT {keys} INTO {high}\n            \
                         FROM (SELECT {keys} FROM {table} WHERE {from_low} ORDER BY {keys} LIMIT {batch}) AS batch\n            \
                         ORDER BY {backwards} LIMIT 1;\n\
             {batches}        \
                     COMMIT;\n        \
                     SET {nothing};\n        \
                     SELECT {keys} INTO {low} FROM {table} WHERE {after_high} ORDER BY {keys} LIMIT 1;\n    \
                 END WHILE;\n    \
                 -- What was written meanwhile, or has a key that is not compared as it is ordered (ENUM, SET).\n\
             {rest}    \
                 COMMIT;\nEND",
            nothing = self.variables("low", " = NULL"),
            low = self.variables("low", ""),
            high = self.variables("high", ""),
            backwards = backwards.join(", "),
            after_high = self.compare(">", "high", false),
            batches = updates(&format!("{from_low} AND {to_high} AND ")),
            rest = updates(""),
            batch = super::backfill::BATCH,
        );
        step.up = self.procedure("Batches by primary key, each committed, so that no lock is held for long.", &body);
        Some(step)
    }

    fn variables(&self, name: &str, suffix: &str) -> String {
        let variables = (0..self.change.key.len()).map(|i| format!("@{name}_{i}{suffix}"));
        variables.collect::<Vec<_>>().join(", ")
    }

    /// Compares the key with the variables column by column, since MySQL does not use the key for `(a, b) > (x, y)`.
    fn compare(&self, operator: &str, name: &str, or_equal: bool) -> String {
        let last = self.change.key.len() - 1;
        let terms = (0..=last).map(|i| {
            let equal = (0..i).map(|j| format!("{} = @{name}_{j} AND ", self.quote(&self.change.key[j])));
            let or_equal = if or_equal && i == last { "=" } else { "" };
            format!("{}{} {operator}{or_equal} @{name}_{i}", equal.collect::<String>(), self.quote(&self.change.key[i]))
        });
        format!("({})", terms.collect::<Vec<_>>().join(" OR "))
    }

    /// Runs a body as a temporary procedure, since MySQL does not have anonymous blocks.
    fn procedure(&self, why: &str, body: &str) -> Vec<Statement> {
        let name = self.change.shape.table.sibling(&self.change.procedure).quoted(Dialect::Mysql);
        let drop = || statement("", format!("DROP PROCEDURE IF EXISTS {name}"));
        vec![
            drop(),
            statement(why, format!("CREATE PROCEDURE {name}()\n{body}")),
            statement("", format!("CALL {name}()")),
            drop(),
        ]
    }

    fn live_column(&self) -> Option<Step> {
        let change = self.change;
        if change.has_live_column || change.uniques.iter().all(|unique| unique.exists) {
            return None;
        }
        let mut step = Step::new("active_key_column");
        let column = self.quote(&change.live_column);
        let instant = [String::from("ALGORITHM=INSTANT")];
        step.up.push(statement(
            "1 for active rows, NULL for deleted ones: NULLs are distinct in a unique key. Nothing is stored.",
            self.alter(
                &[
                    &[format!(
                        "ADD COLUMN {column} TINYINT GENERATED ALWAYS AS (IF({}, NULL, 1)) VIRTUAL",
                        change.predicate(Rows::Deleted)
                    )][..],
                    if change.allow_copy { &[] } else { &instant },
                ]
                .concat(),
            ),
        ));
        step.down.push(statement("", self.alter(&[format!("DROP COLUMN {column}")])));
        Some(step)
    }

    fn add_key(&self, kind: &str, name: &str, columns: &[String]) -> String {
        let mut actions = vec![format!("ADD {kind} {} ({})", self.quote(name), Dialect::Mysql.quote_all(columns))];
        if !self.change.allow_copy {
            actions.push(String::from("ALGORITHM=INPLACE"));
            actions.push(String::from("LOCK=NONE"));
        }
        self.alter(&actions)
    }

    fn drop_key(&self, name: &str) -> Statement {
        statement("", self.alter(&[format!("DROP INDEX {}", self.quote(name))]))
    }

    fn unique(&self, unique: &Unique) -> Step {
        let mut step = Step::new("active_key");
        let columns: Vec<String> = unique.columns.iter().cloned().chain([self.change.live_column.clone()]).collect();
        step.up.push(statement(
            "One value among active rows; deleted rows do not block it. Writes go on while it is built.",
            self.add_key("UNIQUE KEY", &unique.name, &columns),
        ));
        // InnoDB dropped its own index for such a foreign key when this key was created, and the catalog does not say
        // which one.
        step.down.push(self.drop_key(&unique.name).because(
            "InnoDB refuses this (error 1553) if a foreign key has no other index. Then add one over its columns first.",
        ));
        step
    }

    fn replace(&self, unique: &Unique, replaced: &Replaced) -> Step {
        let (change, columns) = (self.change, replaced.columns(unique));
        let mut step = Step::new("drop_plain_key");
        let (schema, table) = self.place();
        let list: Vec<String> = columns.iter().map(|column| Dialect::Mysql.literal(column)).collect();
        let referenced = format!(
            "SELECT 1 FROM information_schema.key_column_usage\n            \
             WHERE referenced_table_schema = {schema} AND referenced_table_name = {table} AND referenced_column_name IN ({})",
            list.join(", ")
        );
        let message = format!("{} is the target of a foreign key and cannot be replaced", replaced.name);
        // InnoDB would take the new key as the foreign key's parent. A purge would then cascade to the children of the
        // active row.
        step.up = self.procedure(
            "A foreign key that means this key would mean deleted rows too.",
            &self.raise_if(&referenced, &message.chars().take(128).collect::<String>()),
        );
        let dropped = self.drop_key(&replaced.name);
        step.up.push(
            dropped.because("It would let a deleted row block its value; the key among active rows has its place."),
        );
        step.down = self.procedure(
            "Say so where deleted rows share a value.",
            &self.raise_if(&change.duplicates(columns), &change.duplicates_message(replaced)),
        );
        step.down.push(statement("", self.add_key("UNIQUE KEY", &replaced.name, columns)));
        step
    }

    fn raise_if(&self, rows: &str, message: &str) -> String {
        format!("BEGIN\n    IF EXISTS ({rows}) THEN\n        {};\n    END IF;\nEND", self.signal(message))
    }

    /// Returns schema and table as SQL values for the information schema.
    fn place(&self) -> (String, String) {
        let name = &self.change.shape.table;
        let schema = name.schema.as_ref().map_or_else(|| String::from("DATABASE()"), |s| Dialect::Mysql.literal(s));
        (schema, Dialect::Mysql.literal(&name.name))
    }

    fn index(&self, index: &Index) -> Step {
        let shape = &self.change.shape;
        let mut step = Step::new(index.title);
        // MySQL does not have partial indexes. With the state column in front, the rows are one range.
        let mut columns = vec![shape.state.name.clone()];
        let rest = index.columns.iter().filter(|column| **column != shape.state.name);
        // Without a flag, the deleted rows are a range of the timestamp itself.
        if shape.mode != Mode::Timestamp || index.rows == Rows::Active {
            columns.extend(rest.cloned());
        }
        step.up.push(statement(
            format!("{}\nWrites go on while it is built.", index.why),
            self.add_key("INDEX", &index.name, &columns),
        ));
        step.down.push(self.drop_key(&index.name));
        step
    }

    fn signal(&self, message: &str) -> String {
        format!("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {}", Dialect::Mysql.literal(message))
    }

    fn drop_trigger(&self, name: &str) -> Statement {
        let name = self.change.shape.table.sibling(name).quoted(Dialect::Mysql);
        statement("", format!("DROP TRIGGER IF EXISTS {name}"))
    }

    fn guard(&self, name: &str) -> Step {
        let change = self.change;
        let mut step = Step::new("guard_hard_delete");
        step.up.push(self.drop_trigger(name));
        step.up.push(statement(
            "Raises. Foreign keys that delete rows of this table fire no trigger: let them RESTRICT.",
            format!(
                "CREATE TRIGGER {} BEFORE DELETE ON {}\nFOR EACH ROW\nIF {} IS NOT TRUE THEN\n    {};\nEND IF",
                change.shape.table.sibling(name).quoted(Dialect::Mysql),
                change.table,
                change.shape.predicate(Dialect::Mysql, Rows::Deleted, "OLD."),
                self.signal(&change.guard_message(name)),
            ),
        ));
        step.down.push(self.drop_trigger(name));
        step
    }

    fn live_parent(&self, parent: &Parent) -> Step {
        let change = self.change;
        let mut step = Step::new("live_parent");
        step.up.push(parent.probe(change));
        let concerns = parent.concerns(change);
        let changed = parent.changed(change, |old, new| format!("NOT ({old} <=> {new})"));
        for (event, name, when) in [
            ("INSERT", &parent.on_insert, concerns.clone()),
            ("UPDATE", &parent.on_update, format!("{concerns} AND {changed}")),
        ] {
            step.up.push(self.drop_trigger(name));
            let body = format!(
                "BEGIN\n    DECLARE parent_is_deleted BOOLEAN DEFAULT FALSE;\n    IF {when} THEN\n        \
                 SELECT {deleted} INTO parent_is_deleted\n            FROM {table} AS parent WHERE {link} LOCK IN SHARE MODE;\n        \
                 IF parent_is_deleted THEN\n            {signal};\n        END IF;\n    END IF;\nEND",
                deleted = parent.parent.predicate(Dialect::Mysql, Rows::Deleted, "parent."),
                table = parent.parent.table.quoted(Dialect::Mysql),
                link = parent.link(Dialect::Mysql, "parent."),
                signal = self.signal(&parent.message(change)),
            );
            step.up.push(statement(
                "The shared lock waits for a soft delete of the parent that is under way, and holds one off until\n\
                 this row is committed. Not filtered by the state: a row that does not match may not be locked.",
                format!(
                    "CREATE TRIGGER {} AFTER {event} ON {}\nFOR EACH ROW\n{body}",
                    change.shape.table.sibling(name).quoted(Dialect::Mysql),
                    change.table,
                ),
            ));
            step.down.push(self.drop_trigger(name));
        }
        step
    }

    fn view(&self) -> Option<Step> {
        let view = self.change.view.as_ref()?;
        let (mut step, name) = (Step::new("active_view"), view.quoted(Dialect::Mysql));
        step.up.push(statement(
            "For reports and tools that do not filter. Columns that are added later are not in it.",
            format!(
                "CREATE SQL SECURITY INVOKER VIEW {name} AS\n    SELECT * FROM {} WHERE {}",
                self.change.table,
                self.change.predicate(Rows::Active)
            ),
        ));
        step.down.push(statement("", format!("DROP VIEW {name}")));
        Some(step)
    }
}
