//! PostgreSQL: no row is rewritten, no lock is held during a scan, and indexes are built concurrently.

use super::plan::{Change, Check, Index, Parent, Replaced, Unique};
use super::step::{Builds, Statement, Step, statement};
use crate::declare::Rows;
use crate::dialect::{ClockForm, Dialect, hash};

const NOTHING: &str = "SELECT 1";

pub(super) fn steps(change: &Change, builds: Builds) -> Vec<Step> {
    let writer = Writer { change, builds };
    let mut steps = vec![writer.columns()];
    steps.extend(writer.backfill());
    steps.extend(writer.check());
    for unique in &change.uniques {
        if !unique.exists {
            let sql = writer.create_index("CREATE UNIQUE INDEX", &unique.name, &unique.columns, Rows::Active);
            let why = "One value among active rows; deleted rows do not block it.";
            steps.push(writer.index_step("active_key", &unique.name, why, sql));
        }
        steps.extend(unique.replaced.iter().map(|replaced| writer.replace(unique, replaced)));
    }
    steps.extend(change.indexes.iter().map(|index| writer.index(index)));
    steps.extend(writer.triggers());
    steps.extend(writer.view());
    steps.retain(|step| step.up.len() + step.down.len() > 0);
    for step in &mut steps {
        finish(step, change, builds);
    }
    if builds == Builds::Script {
        // The whole script has one lock timeout.
        if let Some(first) = steps.first_mut() {
            first.up.insert(0, lock_timeout(change));
        }
        if let Some(last) = steps.last_mut() {
            last.down.insert(0, lock_timeout(change));
        }
    }
    steps
}

/// Gives each migration a statement in both directions, since an empty one fails, and a lock timeout.
fn finish(step: &mut Step, change: &Change, builds: Builds) {
    if builds == Builds::Script {
        return;
    }
    for direction in [&mut step.up, &mut step.down] {
        if direction.is_empty() {
            direction.push(statement("Nothing to do here; a migration must not be empty.", NOTHING));
        } else if step.in_transaction {
            direction.insert(0, lock_timeout(change));
        }
    }
}

fn lock_timeout(change: &Change) -> Statement {
    statement(
        "Fail rather than wait: every query of the table would queue up behind this one.",
        format!("SET LOCAL lock_timeout = '{}ms'", change.lock_timeout.as_millis()),
    )
}

struct Writer<'a> {
    change: &'a Change,
    builds: Builds,
}

impl Writer<'_> {
    fn online(&self) -> bool {
        self.builds == Builds::Online
    }

    fn quote(&self, name: &str) -> String {
        Dialect::Postgres.quote(name)
    }

    fn alter(&self, actions: &[String]) -> String {
        format!("ALTER TABLE {}\n    {}", self.change.table, actions.join(",\n    "))
    }

    fn columns(&self) -> Step {
        let change = self.change;
        let mut step = Step::new("columns");
        let mut actions: Vec<String> =
            change.added.iter().map(|(name, ty)| format!("ADD COLUMN {} {ty}", self.quote(name))).collect();
        // New columns satisfy the CHECK at once. Otherwise it follows the backfill.
        let check = change.check.as_ref().filter(|check| check.holds_already);
        actions.extend(check.map(|check| self.add_check(check)));
        if !actions.is_empty() {
            let why = if check.is_some() && self.online() {
                "A constant default and nullable columns: no row is rewritten. NOT VALID: no row is read."
            } else {
                "A constant default and nullable columns: no row is rewritten."
            };
            step.up.push(statement(why, self.alter(&actions)));
        }
        let mut drops: Vec<String> =
            check.iter().map(|check| format!("DROP CONSTRAINT {}", self.quote(&check.name))).collect();
        drops.extend(change.added.iter().rev().map(|(name, _)| format!("DROP COLUMN {}", self.quote(name))));
        step.up.extend(self.archive());
        if let Some(archive) = &change.archive {
            let name = archive.name.quoted(Dialect::Postgres);
            step.down.push(statement("What was archived goes with it.", format!("DROP TABLE {name}")));
        }
        if !drops.is_empty() {
            step.down.push(statement("Every soft-deleted row becomes an ordinary row again.", self.alter(&drops)));
        }
        step
    }

    fn add_check(&self, check: &Check) -> String {
        let not_valid = if self.online() { " NOT VALID" } else { "" };
        format!("ADD CONSTRAINT {} CHECK {}{not_valid}", self.quote(&check.name), check.expression)
    }

    fn archive(&self) -> Vec<Statement> {
        let Some(archive) = &self.change.archive else { return Vec::new() };
        let (name, key) = (archive.name.quoted(Dialect::Postgres), Dialect::Postgres.quote_all(&self.change.key));
        let now = Dialect::Postgres.now(ClockForm::Timestamp);
        vec![
            statement(
                "Where a purge moves rows to: columns and NOT NULL are copied; defaults, keys and what is generated are not.",
                format!("CREATE TABLE {name} (LIKE {})", self.change.table),
            ),
            statement(
                "",
                format!(
                    "ALTER TABLE {name}\n    ADD PRIMARY KEY ({key}),\n    \
                     ADD COLUMN \"archived_at\" TIMESTAMP NOT NULL DEFAULT {now}"
                ),
            ),
        ]
    }

    fn backfill(&self) -> Vec<Step> {
        let change = self.change;
        if change.backfills.is_empty() {
            return Vec::new();
        }
        let mut step = Step::new("backfill");
        if self.online() {
            step.in_transaction = false;
            step.up.push(statement(
                "Batches by primary key, each committed, so that no lock is held for long.\n\
                 It must stand alone, outside a transaction, and can be repeated.",
                self.backfill_in_batches(),
            ));
        } else {
            for backfill in &change.backfills {
                let sql = format!("UPDATE {} SET {} WHERE {}", change.table, backfill.set, backfill.filter);
                step.up.push(statement(backfill.why, sql));
            }
        }
        vec![step]
    }

    fn backfill_in_batches(&self) -> String {
        let change = self.change;
        let list = |f: &dyn Fn(usize, &str) -> String| {
            let parts = change.key.iter().enumerate().map(|(i, key)| f(i, &self.quote(key)));
            parts.collect::<Vec<_>>().join(", ")
        };
        let keys = list(&|_, key| format!("t.{key}"));
        let first_keys = list(&|i, key| format!("t.{key} AS k{i}"));
        let batch_keys = list(&|i, key| format!("batch.{key} AS k{i}"));
        let descending = list(&|_, key| format!("batch.{key} DESC"));
        // These are records, since a variable of the key's own type refuses NULL if the type is a domain that does.
        let low = list(&|i, _| format!("batch_low.k{i}"));
        let high = list(&|i, _| format!("batch_high.k{i}"));
        let table = &change.table;
        let updates: String = change
            .backfills
            .iter()
            .map(|backfill| {
                format!(
                    "        -- {}\n        UPDATE {table} AS t SET {} WHERE ({keys}) >= ({low}) AND ({keys}) <= ({high}) AND {};\n",
                    backfill.why, backfill.set, backfill.filter
                )
            })
            .collect();
        let body = format!(
            "\nDECLARE\n    batch_low record;\n    batch_high record;\nBEGIN\n    \
                 SELECT {first_keys} INTO batch_low FROM {table} AS t ORDER BY {keys} LIMIT 1;\n    \
                 WHILE FOUND LOOP\n        \
                     SELECT {batch_keys} INTO batch_high\n            \
                         FROM (SELECT {keys} FROM {table} AS t WHERE ({keys}) >= ({low}) ORDER BY {keys} LIMIT {batch}) AS batch\n            \
                         ORDER BY {descending} LIMIT 1;\n\
             {updates}        \
                     COMMIT;\n        \
                     SELECT {first_keys} INTO batch_low FROM {table} AS t WHERE ({keys}) > ({high}) ORDER BY {keys} LIMIT 1;\n    \
                 END LOOP;\nEND\n",
            batch = super::backfill::BATCH,
        );
        format!("DO {}", dollar_quoted(&body))
    }

    fn check(&self) -> Vec<Step> {
        let Some(check) = &self.change.check else { return Vec::new() };
        let mut steps = Vec::new();
        if !check.holds_already {
            let mut step = Step::new("check");
            step.up.push(statement("Flag and timestamp must not disagree.", self.alter(&[self.add_check(check)])));
            step.down.push(statement("", self.alter(&[format!("DROP CONSTRAINT {}", self.quote(&check.name))])));
            steps.push(step);
        }
        if self.online() {
            let mut step = Step::new("validate_check");
            step.up.push(statement(
                "A transaction of its own: reads and writes go on while the rows are read.",
                self.alter(&[format!("VALIDATE CONSTRAINT {}", self.quote(&check.name))]),
            ));
            steps.push(step);
        }
        steps
    }

    fn create_index(&self, create: &str, name: &str, columns: &[String], rows: Rows) -> String {
        let concurrently = if self.online() { " CONCURRENTLY" } else { "" };
        format!(
            "{create}{concurrently} {} ON {} ({}) WHERE {}",
            self.quote(name),
            self.change.table,
            Dialect::Postgres.quote_all(columns),
            self.change.predicate(rows)
        )
    }

    fn index(&self, index: &Index) -> Step {
        let sql = self.create_index("CREATE INDEX", &index.name, &index.columns, index.rows);
        self.index_step(index.title, &index.name, index.why, sql)
    }

    fn index_step(&self, title: &str, name: &str, why: &'static str, create: String) -> Step {
        let mut step = Step::new(title);
        // An index belongs to the schema of its table.
        let qualified = self.change.shape.table.sibling(name).quoted(Dialect::Postgres);
        if self.online() {
            step.in_transaction = false;
            step.heal = self.heal(name, &qualified);
            let alone = "Alone, outside a transaction: writes go on while it is built. A build that fails leaves\n\
                         an invalid index behind: drop it before you run this again.";
            step.up.push(statement(format!("{why}\n{alone}"), create));
            step.down.push(statement("", format!("DROP INDEX CONCURRENTLY {qualified}")));
        } else {
            step.up.push(statement(why, create));
            step.down.push(statement("", format!("DROP INDEX {qualified}")));
        }
        step
    }

    /// Drops what a failed concurrent build left, so that the build can be repeated.
    ///
    /// A valid index stays, and so does an index that another session is building. Nobody waits, since a rename and a
    /// concurrent drop let reads and writes continue.
    fn heal(&self, name: &str, qualified: &str) -> Vec<String> {
        let table = &self.change.shape.table;
        let set_aside = format!("soft_delete_invalid_{:08x}", hash(&[&table.plain(), name]));
        let body = format!(
            "\nBEGIN\n    IF EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass({index}) AND NOT indisvalid) THEN\n        \
                 IF EXISTS (SELECT 1 FROM pg_locks WHERE relation = to_regclass({table}) AND pid <> pg_backend_pid()\n                \
                     AND mode = 'ShareUpdateExclusiveLock' AND granted) THEN\n            \
                     RAISE EXCEPTION 'another session seems to build this index; try again when it is done';\n        \
                 END IF;\n        \
                 ALTER INDEX {qualified} RENAME TO {aside};\n    END IF;\nEND\n",
            index = Dialect::Postgres.literal(qualified),
            table = Dialect::Postgres.literal(&self.change.table),
            aside = self.quote(&set_aside),
        );
        vec![
            format!("DO {}", dollar_quoted(&body)),
            format!("DROP INDEX CONCURRENTLY IF EXISTS {}", table.sibling(&set_aside).quoted(Dialect::Postgres)),
        ]
    }

    fn replace(&self, unique: &Unique, replaced: &Replaced) -> Step {
        let (change, name) = (self.change, self.quote(&replaced.name));
        let qualified = change.shape.table.sibling(&replaced.name).quoted(Dialect::Postgres);
        let mut step = Step::new("drop_plain_key");
        let why = "It would let a deleted row block its value; the index among active rows has its place.";
        let columns = replaced.columns(unique);
        let list = Dialect::Postgres.quote_all(columns);
        let mut restored = vec![format!("CREATE UNIQUE INDEX {name} ON {} ({list})", change.table)];
        if replaced.is_constraint {
            step.up.push(statement(why, self.alter(&[format!("DROP CONSTRAINT {name}")])));
            restored.push(self.alter(&[format!("ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")]));
        } else {
            step.up.push(statement(why, format!("DROP INDEX {qualified}")));
        }
        let refuse = format!(
            "\nBEGIN\n    IF EXISTS ({}) THEN\n        RAISE EXCEPTION USING\n            \
             ERRCODE = 'unique_violation',\n            MESSAGE = {};\n    END IF;\nEND\n",
            change.duplicates(columns),
            Dialect::Postgres.literal(&change.duplicates_message(replaced)),
        );
        step.down.push(statement("Say so where deleted rows share a value.", format!("DO {}", dollar_quoted(&refuse))));
        for (number, sql) in restored.into_iter().enumerate() {
            step.down.push(statement(if number == 0 { "Writes wait while it is built." } else { "" }, sql));
        }
        step
    }

    fn triggers(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = self.change.guard.iter().map(|name| self.guard(name)).collect();
        steps.extend(self.change.parents.iter().map(|parent| self.live_parent(parent)));
        steps
    }

    fn guard(&self, name: &str) -> Step {
        let change = self.change;
        let mut step = Step::new("guard_hard_delete");
        let function = change.shape.table.sibling(name).quoted(Dialect::Postgres);
        let body = format!("\nBEGIN\n{}END\n", self.raise(&change.guard_message(name), name, "    "));
        step.up.push(statement(
            "Raises. A trigger that turned a DELETE into an UPDATE would leave orphans behind a cascade.",
            format!("CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {}", dollar_quoted(&body)),
        ));
        step.up.push(statement(
            "Not called for rows that are soft-deleted: a purge pays nothing.",
            format!(
                "CREATE TRIGGER {} BEFORE DELETE ON {}\n    FOR EACH ROW WHEN ({} IS NOT TRUE)\n    EXECUTE FUNCTION {function}()",
                self.quote(name),
                change.table,
                change.shape.predicate(Dialect::Postgres, Rows::Deleted, "OLD."),
            ),
        ));
        step.down.push(statement("", format!("DROP TRIGGER {} ON {}", self.quote(name), change.table)));
        step.down.push(statement("", format!("DROP FUNCTION {function}()")));
        step
    }

    fn raise(&self, message: &str, constraint: &str, indent: &str) -> String {
        let table = &self.change.shape.table.name;
        let literal = |text: &str| Dialect::Postgres.literal(text);
        format!(
            "{indent}RAISE EXCEPTION USING\n{indent}    ERRCODE = 'restrict_violation',\n\
             {indent}    MESSAGE = {},\n{indent}    SCHEMA = TG_TABLE_SCHEMA,\n{indent}    TABLE = {},\n{indent}    CONSTRAINT = {};\n",
            literal(message),
            literal(table),
            literal(constraint),
        )
    }

    fn live_parent(&self, parent: &Parent) -> Step {
        let change = self.change;
        let mut step = Step::new("live_parent");
        let function = change.shape.table.sibling(&parent.name).quoted(Dialect::Postgres);
        let body = format!(
            "\nDECLARE\n    parent_is_deleted boolean;\nBEGIN\n    \
             SELECT {deleted} INTO parent_is_deleted\n        FROM {table} AS parent WHERE {link} FOR SHARE;\n    \
             IF parent_is_deleted THEN\n{raise}    END IF;\n    RETURN NULL;\nEND\n",
            deleted = parent.parent.predicate(Dialect::Postgres, Rows::Deleted, "parent."),
            table = parent.parent.table.quoted(Dialect::Postgres),
            link = parent.link(Dialect::Postgres, "parent."),
            raise = self.raise(&parent.message(change), &parent.name, "        "),
        );
        step.up.push(parent.probe(change));
        step.up.push(statement(
            "The shared lock waits for a soft delete of the parent that is under way, and holds one off until\n\
             this row is committed: a foreign key does neither, for the parent's row stays.",
            format!(
                "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS {}",
                dollar_quoted(&body)
            ),
        ));
        let fix = format!(
            "\nBEGIN\n    EXECUTE 'ALTER FUNCTION ' || {} || '() SET search_path TO '\n        \
             || current_setting('search_path') || ', pg_temp';\nEND\n",
            Dialect::Postgres.literal(&function)
        );
        step.up.push(statement(
            "It runs with the rights of who made it, so that no row level security hides a parent and nobody needs\n\
             the right to UPDATE it; and it looks for the parent where it is now, and last among temporary tables.",
            format!("DO {}", dollar_quoted(&fix)),
        ));
        let changed = parent.changed(change, |old, new| format!("{old} IS DISTINCT FROM {new}"));
        let concerns = parent.concerns(change);
        for (event, name, when, why) in [
            ("INSERT", &parent.on_insert, concerns.clone(), ""),
            ("UPDATE", &parent.on_update, format!("{concerns} AND {changed}"), "When the row is moved or restored."),
        ] {
            let trigger = self.quote(name);
            step.up.push(statement(
                why,
                format!(
                    "CREATE TRIGGER {trigger} AFTER {event} ON {}\n    FOR EACH ROW WHEN ({when})\n    EXECUTE FUNCTION {function}()",
                    change.table,
                ),
            ));
            step.down.push(statement("", format!("DROP TRIGGER {trigger} ON {}", change.table)));
        }
        step.down.push(statement("", format!("DROP FUNCTION {function}()")));
        step
    }

    fn view(&self) -> Vec<Step> {
        let Some(view) = &self.change.view else { return Vec::new() };
        let (mut step, name) = (Step::new("active_view"), view.quoted(Dialect::Postgres));
        step.up.push(statement(
            "For reports and tools that do not filter. Columns that are added later are not in it.",
            format!(
                "CREATE VIEW {name} AS\n    SELECT * FROM {} WHERE {}",
                self.change.table,
                self.change.predicate(Rows::Active)
            ),
        ));
        step.down.push(statement("", format!("DROP VIEW {name}")));
        vec![step]
    }
}

/// Returns a string in dollar quotes whose tag does not occur in the text.
fn dollar_quoted(body: &str) -> String {
    let mut tag = String::from("$body$");
    while body.contains(&tag) {
        tag.insert(tag.len() - 1, '_');
    }
    format!("{tag}{body}{tag}")
}
