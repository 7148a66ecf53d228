//! The steps of `restore().cascade()`.
//!
//! 1. The ancestors of the target's rows are locked in share mode and must be active; then the rows themselves
//!    are locked, and told by their keys from then on.
//! 2. Their marks say which operations deleted them: usually one.
//! 3. The rows are restored, and for each operation, from parents to children, the deleted rows that carry its mark
//!    and whose parent is active. Parents come first, since a trigger of `require_live_parent` may ask for them.
//!    Where rows of a table refer to rows of the same table, that is repeated, a level at a time, until nothing is
//!    left.

use super::ancestors;
use super::engine::Attempt;
use super::mark::{self, Identified, Mark};
use super::plan::{Plan, ROOT};
use super::report::CascadeReport;
use super::root::CascadeRoot;
use super::spelling::{Speller, Through};
use super::text::{Part, Text};
use crate::error::Error;
use crate::executor::Executor;
use crate::migration::{Dialect, Question};
use crate::predicate::Rows;

/// Every table must be able to tell which operation deleted its rows.
pub(super) fn check(plan: &Plan) -> Result<(), Error> {
    for table in reached(plan) {
        let (root, member) = (&plan.tables[ROOT], &plan.tables[table]);
        mark::identified(&root.soft, &member.soft).map_err(|reason| Error::Unidentified {
            table: root.node.name(),
            child: member.node.name(),
            reason,
        })?;
    }
    Ok(())
}

/// The tables in which rows are found by their mark.
fn reached(plan: &Plan) -> impl Iterator<Item = usize> {
    plan.in_order().filter(|&table| table != ROOT || plan.root_is_recursive())
}

impl<R, X> Attempt<'_, R, X>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    pub(super) async fn restore(&mut self) -> Result<CascadeReport, Error> {
        self.check_precision().await?;
        let locks = !self.preview && self.dialect != Dialect::Sqlite;
        let mut rows = vec![0; self.plan.tables.len()];
        let mut ids = Vec::new();
        let (inner, outer): (Vec<_>, Vec<_>) =
            ancestors::paths(self.node(ROOT)).into_iter().partition(|path| self.is_inner(path));
        if locks && !(outer.is_empty() && inner.is_empty()) {
            // Before the rows themselves: in the order in which a delete locks.
            let expected = self.find_roots(false).await?;
            for keys in self.portions(&expected) {
                self.check_ancestors(&outer, keys, &[], true).await?;
            }
        }
        let roots = self.find_roots(locks).await?;
        for keys in self.portions(&roots) {
            let groups = self.groups(keys).await?;
            let marks: Vec<Mark> = groups.iter().map(|(mark, _)| mark.clone()).collect();
            self.check_ancestors(&outer, keys, &[], false).await?;
            // An ancestor in a circle with the row may be one that comes back with it.
            self.check_ancestors(&inner, keys, &marks, locks).await?;
            rows[ROOT] += if self.preview { keys.len() as u64 } else { self.restore_roots(keys).await? };
            for (mark, keys) in groups {
                self.restore_reached(&mark, &keys, &mut rows).await?;
                let id = mark.operation.map(|(_, text)| text);
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        let id = if let [id] = ids.as_slice() { id.clone() } else { None };
        Ok(self.report(&rows, Vec::new(), id))
    }

    /// The operations that deleted rows of the target, and the keys of the rows that each of them deleted.
    async fn groups(&mut self, keys: &[R::Key]) -> Result<Vec<(Mark, Vec<R::Key>)>, Error> {
        let soft = self.soft(ROOT).clone();
        let table = self.quoted(ROOT);
        let ty = if self.dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
        let column = |name: Option<&str>| match name {
            Some(name) => format!("{table}.{}", self.dialect.quote(name)),
            None => String::from("NULL"),
        };
        let columns = [column(soft.operation.map(|(name, _)| name)), column(soft.stamp.map(|(name, _)| name))];
        let casts = columns.map(|column| format!("CAST({column} AS {ty})")).join(", ");
        let query = Text::from(format!("SELECT DISTINCT {casts} FROM {table} WHERE "))
            .then(self.is_root())
            .sql(" ORDER BY 1, 2");
        let found = self.root.texts(self.x, &query, keys).await?;
        let single = found.len() == 1;
        let mut groups = Vec::new();
        for (operation, stamp) in found {
            let mark = Mark {
                operation: soft.operation.and_then(|(_, kind)| Some((kind, operation?))),
                stamp: soft.stamp.and_then(|(_, kind)| Some((kind, stamp?))),
            };
            let keys = if single { keys.to_vec() } else { self.keys_with(&mark, keys).await? };
            groups.push((mark, keys));
        }
        Ok(groups)
    }

    /// The keys among these whose rows have both parts of a mark.
    async fn keys_with(&mut self, mark: &Mark, keys: &[R::Key]) -> Result<Vec<R::Key>, Error> {
        let (node, soft, table) = (self.node(ROOT), self.soft(ROOT), self.quoted(ROOT));
        let columns = node.key.iter().map(|column| format!("{table}.{}", self.dialect.quote(column)));
        let columns = columns.collect::<Vec<_>>().join(", ");
        let test = |column: &str, value: Option<Text>| {
            let column = format!(" AND {table}.{}", self.dialect.quote(column));
            match value {
                Some(value) => Text::from(column).sql(" = ").then(value),
                None => Text::from(column).sql(" IS NULL"),
            }
        };
        let mut query = Text::from(format!("SELECT {columns} FROM {table} WHERE ")).then(self.is_root());
        if let Some((column, _)) = soft.operation {
            let value = mark.operation.as_ref().map(|(kind, text)| mark::identifier(*kind, self.dialect, text));
            query = query.then(test(column, value));
        }
        if let Some((column, _)) = soft.stamp {
            let value = mark.stamp.as_ref().map(|(kind, text)| mark::instant(*kind, self.dialect, text));
            query = query.then(test(column, value));
        }
        Ok(self.root.keys(self.x, &query, keys).await?)
    }

    async fn restore_roots(&mut self, keys: &[R::Key]) -> Result<u64, Error> {
        let guard = self.speller(Through::Active).state(self.soft(ROOT), Rows::Deleted, &self.quoted(ROOT));
        let text = Text::from(format!("UPDATE {} SET ", self.quoted(ROOT)))
            .part(Part::Set)
            .then(self.restored(ROOT)?)
            .sql(" WHERE ")
            .then(self.is_root())
            .sql(" AND ")
            .sql(guard);
        self.change(ROOT, &text, keys).await
    }

    async fn restore_reached(&mut self, mark: &Mark, keys: &[R::Key], rows: &mut [u64]) -> Result<(), Error> {
        let plan = self.plan;
        for component in &plan.components {
            let tables = || component.tables.iter().copied().filter(|&table| table != ROOT || component.recursive);
            loop {
                let mut changed = 0;
                for table in tables() {
                    for text in self.restore_table(table, mark)? {
                        let found = if self.preview {
                            self.count(&text, keys).await?
                        } else {
                            self.change(table, &text, keys).await?
                        };
                        rows[table] += found;
                        changed += found;
                    }
                }
                if self.preview || !component.recursive || changed == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The statements for the rows of one table; none where the mark is none, since the root's rows were not
    /// deleted by an operation on several tables.
    fn restore_table(&self, table: usize, mark: &Mark) -> Result<Vec<Text>, Error> {
        let (soft, quoted) = (self.soft(table), self.quoted(table));
        let guard = |speller: &Speller<'_>| {
            let marked = speller.restorable(soft, mark, &quoted)?;
            Some(Text::from(speller.state(soft, Rows::Deleted, &quoted)).sql(" AND ").then(marked))
        };
        // PostgreSQL runs its triggers when the statement is over, so that one statement restores all levels.
        let recursive = self.plan.component_of(table).recursive;
        if self.preview || (recursive && self.dialect == Dialect::Postgres) {
            let speller = self.speller(Through::OrRestorable(vec![mark.clone()]));
            let Some(guard) = guard(&speller) else { return Ok(Vec::new()) };
            return Ok(vec![if self.preview {
                speller.count(table, guard, false)
            } else {
                speller.update(table, self.restored(table)?, guard)
            }]);
        }
        let speller = self.speller(Through::Active);
        let Some(guard) = guard(&speller) else { return Ok(Vec::new()) };
        let assignments = self.restored(table)?;
        let edges = self.plan.edges_to(table);
        Ok(edges.map(|edge| speller.update_by(edge, assignments.clone(), guard.clone())).collect())
    }

    /// What is assigned to a row that is restored.
    fn restored(&self, table: usize) -> Result<Text, Error> {
        let soft = self.soft(table);
        let qualifier = self.speller(Through::Active).assigned(self.node(table));
        let mut assignments = Vec::new();
        if let Some(literal) = soft.mode.assignment(false) {
            assignments.push(Text::from(format!("{qualifier}{}{literal}", self.dialect.quote(soft.state))));
        }
        for column in soft.stamp.map(|(column, _)| column).into_iter().chain(soft.reset.iter().copied()) {
            assignments.push(self.assign(table, column, "NULL".into()));
        }
        assignments.extend(self.touch(&qualifier, soft)?);
        Ok(Text::join(assignments, ", "))
    }

    /// Instants identify an operation only in columns that keep microseconds, which no type of Rust tells.
    async fn check_precision(&mut self) -> Result<(), Error> {
        if self.dialect == Dialect::Sqlite {
            return Ok(());
        }
        let plan = self.plan;
        let by_instant = |table: &usize| {
            mark::identified(&plan.tables[ROOT].soft, &plan.tables[*table].soft) == Ok(Identified::ByInstant)
        };
        let mut tables: Vec<usize> = reached(plan).filter(by_instant).collect();
        if tables.is_empty() {
            return Ok(());
        }
        tables.push(ROOT);
        for table in tables {
            let Some((column, _)) = self.soft(table).stamp else { continue };
            let digits = self.digits(table, column).await?;
            if digits.is_some_and(|digits| digits < 6) {
                return Err(Error::Unidentified {
                    table: self.node(ROOT).name(),
                    child: self.node(table).name(),
                    reason: "a timestamp column keeps less than microseconds",
                });
            }
        }
        Ok(())
    }

    /// How many digits of a second a column keeps; `None` if it is no timestamp, or not to be found.
    async fn digits(&mut self, table: usize, column: &str) -> Result<Option<u64>, Error> {
        let name = self.node(table).table.clone();
        let question = if self.dialect == Dialect::Postgres {
            // The modifier of the type; -1 stands for all six digits.
            Question::select(Dialect::Postgres, &["a.atttypmod"])
                .sql(
                    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
                     WHERE t.typname IN ('timestamp', 'timestamptz') AND a.attrelid = pg_catalog.to_regclass(",
                )
                .bind(&name.quoted(self.dialect))
                .sql(") AND a.attname = ")
                .bind(column)
        } else {
            let question = Question::select(Dialect::Mysql, &["DATETIME_PRECISION"])
                .sql(" FROM information_schema.COLUMNS WHERE TABLE_NAME = ")
                .bind(&name.name)
                .sql(" AND COLUMN_NAME = ")
                .bind(column)
                .sql(" AND TABLE_SCHEMA = ");
            match &name.schema {
                Some(schema) => question.bind(schema),
                None => question.sql("DATABASE()"),
            }
        };
        let rows = self.x.ask(question.cached()).await?;
        Ok(rows.first().and_then(|row| row.number(0)))
    }
}
