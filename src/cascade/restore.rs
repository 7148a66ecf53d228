//! The steps of `restore().cascade()`.
//!
//! 1. Lock the ancestors of the target's rows in share mode, and test that they are active. Then lock the rows
//!    themselves. From then on their keys identify them.
//! 2. Read their marks, which say which operations deleted them. Usually it is one.
//! 3. Restore the rows. Then restore the deleted rows that carry the mark of an operation and whose parent is active,
//!    for each operation, from parents to children. Parents come first, since a trigger of `require_live_parent` may
//!    require it. A table that refers to itself is restored one level at a time.
//!
//! A row with several parents is restored only if all of them are active by then. Its other parents, and active rows on
//! the way, are locked in share mode before they are tested, so nobody can delete them. The order of the graph restores
//! all parents before their children. Rows in a circle are the exception: they are restored last, together.

use std::collections::HashMap;

use super::ancestors::AncestorCheck;
use super::attempt::Attempt;
use super::graph::{Graph, ROOT};
use super::operation;
use super::operation::{Identified, Mark};
use super::report::CascadeReport;
use super::root::CascadeRoot;
use super::sql::{Traverse, key_of};
use super::text::{Piece, Text};
use crate::connection::{Executor, Question};
use crate::declare::{Node, Rows};
use crate::dialect::{Dialect, Lock};
use crate::error::Error;

/// Refuses tables that cannot tell which operation deleted their rows.
pub(super) fn check(graph: &Graph) -> Result<(), Error> {
    for table in reached(graph) {
        let (root, member) = (&graph.tables[ROOT], &graph.tables[table]);
        operation::identified(&root.soft, &member.soft).map_err(|reason| Error::Unidentified {
            table: root.node.name(),
            child: member.node.name(),
            reason,
        })?;
    }
    Ok(())
}

/// Does the same check for a revival, before there is a row to restore.
pub(crate) fn can_restore(root: Node) -> Result<(), Error> {
    check(&Graph::of(root)?)
}

/// Returns the tables in which the mark identifies rows.
fn reached(graph: &Graph) -> impl Iterator<Item = usize> {
    graph.in_order().filter(|&table| table != ROOT || graph.root_is_recursive())
}

impl<R, X> Attempt<'_, R, X>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    pub(super) async fn restore(&mut self) -> Result<CascadeReport, Error> {
        self.check_precision().await?;
        let locks = self.dialect != Dialect::Sqlite;
        let mut rows = vec![0; self.graph.tables.len()];
        if locks {
            // The ancestors are locked before the rows, in the order in which a delete locks.
            let expected = self.find_roots(false).await?;
            for keys in self.portions(&expected) {
                self.ancestors(AncestorCheck::LockOnly, keys, true).await?;
            }
        }
        let roots = self.find_roots(locks).await?;
        let portions: Vec<&[R::Key]> = self.portions(&roots).collect();
        let several = self.graph.any_has_several_parents();
        let mut operations = Vec::new();
        for keys in &portions {
            operations.extend(self.groups(keys).await?);
        }
        // The rows of one operation are one set. Rows of several operations can be below one another, or wait for
        // each other.
        let one = portions.len() < 2 && operations.len() < 2;
        for keys in &portions {
            // The test is repeated. The rows were not locked the first time, so they may be other rows, or have other
            // parents now.
            let mut deleted = self.ancestors(AncestorCheck::OutsideTheCascade, keys, locks).await?;
            if let (true, Some((mark, _))) = (one, operations.first()) {
                // An ancestor in a circle with the row may be restored along with it.
                deleted.extend(self.ancestors(AncestorCheck::Inside(mark), keys, locks).await?);
            }
            self.below_none(deleted)?;
            rows[ROOT] += self.restore_roots(keys).await?;
        }
        if locks {
            for (mark, keys) in &operations {
                self.lock_parents(mark, keys).await?;
            }
        }
        loop {
            let mut changed = 0;
            for (mark, keys) in &operations {
                changed += self.restore_reached(mark, keys, &mut rows).await?;
            }
            let waits = if several {
                operations.len() > 1 || self.graph.any_parent_comes_later()
            } else {
                operations.len() > 1 && self.graph.root_is_recursive()
            };
            if !waits || changed == 0 {
                break;
            }
        }
        if !one {
            // A row may be restored with, or below, rows of another operation or portion, so this is tested at the end.
            for keys in &portions {
                let deleted = self.ancestors(AncestorCheck::InsideAtTheEnd, keys, locks).await?;
                self.below_none(deleted)?;
            }
        }
        let mut withheld = vec![0; self.graph.tables.len()];
        for (mark, keys) in operations.iter().filter(|_| several) {
            self.count_withheld(mark, keys, &mut withheld).await?;
        }
        let mut ids = operations.into_iter().map(|(mark, _)| mark.operation.map(|(_, text)| text));
        let first = ids.next().flatten();
        let id = first.filter(|first| ids.all(|id| id.as_ref() == Some(first)));
        Ok(self.report(&rows, Vec::new(), &withheld, id))
    }

    /// Returns the operations that deleted the target's rows, each with the keys of its rows.
    async fn groups(&mut self, keys: &[R::Key]) -> Result<Vec<(Mark, Vec<R::Key>)>, Error> {
        let soft = self.soft(ROOT).clone();
        let table = self.quoted(ROOT);
        let ty = if self.dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
        let column = |name: &str| format!("{table}.{}", self.dialect.quote(name));
        let none = || Text::from(format!("CAST(NULL AS {ty})"));
        let operation = soft.operation.map(|(name, _)| Text::from(format!("CAST({} AS {ty})", column(name))));
        // If the identifier decides, rows of one operation may have different times, so the time is not part of the
        // mark.
        let stamp = soft.stamp.filter(|_| !self.by_operation_alone());
        let stamp = stamp.map(|(name, kind)| operation::as_text(kind, self.dialect, column(name).into()));
        let marks = operation.unwrap_or_else(none).sql(", ").then(stamp.unwrap_or_else(none));
        // The rows are in the order of the keys, so that marks and keys can be paired.
        let order = key_of(&table, self.node(ROOT), self.dialect).join(", ");
        let query = Text::from("SELECT ").then(marks).sql(format!(" FROM {table} WHERE "));
        let query = query.then(self.is_root()).sql(format!(" ORDER BY {order}{}", self.current()));
        let found = self.root.texts(self.x, &query, keys).await?;
        if found.len() != keys.len() {
            // If a row is missing, keys would be paired with the marks of other rows.
            return Err(Error::Contended { table: self.node(ROOT).name() });
        }
        let mut groups: Vec<(Mark, Vec<R::Key>)> = Vec::new();
        let mut places = HashMap::new();
        for ((operation, time), key) in found.into_iter().zip(keys) {
            let place = *places.entry((operation.clone(), time.clone())).or_insert(groups.len());
            if place == groups.len() {
                let mark = Mark {
                    operation: soft.operation.and_then(|(_, kind)| Some((kind, operation?))),
                    stamp: soft.stamp.and_then(|(_, kind)| Some((kind, time?))),
                };
                groups.push((mark, Vec::new()));
            }
            groups[place].1.push(key.clone());
        }
        Ok(groups)
    }

    /// Returns whether the identifier alone decides in every table.
    fn by_operation_alone(&self) -> bool {
        let root = &self.graph.tables[ROOT].soft;
        reached(self.graph)
            .all(|table| operation::identified(root, &self.graph.tables[table].soft) == Ok(Identified::ByOperation))
    }

    /// Returns the words with which InnoDB reads the latest state of rows instead of the transaction's snapshot.
    ///
    /// The rows are locked already, so the words do not wait.
    fn current(&self) -> &'static str {
        if self.dialect == Dialect::Mysql { Lock::Share.words(Dialect::Mysql) } else { "" }
    }

    async fn restore_roots(&mut self, keys: &[R::Key]) -> Result<u64, Error> {
        let guard = self.writer(Traverse::Active).state(self.soft(ROOT), Rows::Deleted, &self.quoted(ROOT));
        let text = Text::from(format!("UPDATE {} SET ", self.quoted(ROOT)))
            .part(Piece::Set)
            .then(self.restored(ROOT)?)
            .sql(" WHERE ")
            .then(self.is_root())
            .sql(" AND ")
            .sql(guard);
        self.change(ROOT, &text, keys).await
    }

    /// Restores the rows that one operation deleted, and returns their number.
    async fn restore_reached(&mut self, mark: &Mark, keys: &[R::Key], rows: &mut [u64]) -> Result<u64, Error> {
        let graph = self.graph;
        let mut all = 0;
        for component in &graph.components {
            let tables = || component.tables.iter().copied().filter(|&table| table != ROOT || component.recursive);
            let circles = component.recursive && graph.any_has_several_parents();
            // PostgreSQL runs triggers at the end of a statement, so one statement can restore all levels of one table.
            // In a circle with another table, the rows between them must become active first.
            let mut at_once = self.dialect == Dialect::Postgres && component.tables.len() == 1;
            let once = at_once || !component.recursive;
            loop {
                let mut changed = 0;
                for table in tables() {
                    for text in self.restore_table(table, mark, at_once)? {
                        let found = self.change(table, &text, keys).await?;
                        rows[table] += found;
                        changed += found;
                    }
                }
                all += changed;
                if once || (changed == 0 && (at_once || !circles)) {
                    break;
                }
                // Rows that are parents of each other would wait for each other, so they are restored together.
                at_once = changed == 0;
            }
        }
        Ok(all)
    }

    /// Returns the test that the operation deleted a row.
    ///
    /// It is `None` if the mark is empty, since an operation on several tables did not delete the root's rows then.
    fn marked(&self, table: usize, mark: &Mark, qualifier: &str) -> Option<Text> {
        let (soft, writer) = (self.soft(table), self.writer(Traverse::Active));
        let marked = writer.restorable(soft, mark, qualifier)?;
        Some(Text::from(writer.state(soft, Rows::Deleted, qualifier)).sql(" AND ").then(marked))
    }

    /// Returns the statements for the rows of one table. With `at_once`, one statement restores all its levels and
    /// circles.
    fn restore_table(&self, table: usize, mark: &Mark, at_once: bool) -> Result<Vec<Text>, Error> {
        let quoted = self.quoted(table);
        let Some(guard) = self.marked(table, mark, &quoted) else { return Ok(Vec::new()) };
        let recursive = self.graph.component_of(table).recursive;
        if recursive && at_once {
            let writer = self.writer(Traverse::ActiveOrRestorable(vec![mark.clone()]));
            return Ok(vec![writer.update(table, self.restored(table)?, guard)]);
        }
        let assignments = self.restored(table)?;
        let edges = self.graph.edges_to(table);
        if self.graph.any_has_several_parents() {
            let writer = self.writer(Traverse::ActiveOrDeletedBy(vec![mark.clone()]));
            let guard = |qualifier: &str| self.marked(table, mark, qualifier).unwrap_or_else(Text::new);
            return Ok(edges.map(|edge| writer.update_ready(edge, assignments.clone(), guard)).collect());
        }
        let writer = self.writer(Traverse::Active);
        Ok(edges.map(|edge| writer.update_by(edge, assignments.clone(), guard.clone())).collect())
    }

    /// Locks the active rows that will have restored rows below them, in share mode.
    async fn lock_parents(&mut self, mark: &Mark, keys: &[R::Key]) -> Result<(), Error> {
        let graph = self.graph;
        for table in graph.in_order() {
            let writer = self.writer(Traverse::ActiveOrDeletedBy(vec![mark.clone()]));
            let mut texts = Vec::new();
            let leads_on = graph.edges.iter().any(|edge| edge.parent == table);
            if leads_on && (table != ROOT || graph.root_is_recursive()) {
                let active = writer.state(self.soft(table), Rows::Active, &self.quoted(table));
                texts.push(writer.count(table, active.into(), Lock::Share));
            }
            let several = graph.tables[table].parents.len() > 1;
            if let (true, Some(guard)) = (several, self.marked(table, mark, "t")) {
                let reached = table != ROOT || graph.root_is_recursive();
                let parents = graph.tables[table].parents.iter().filter(|_| reached);
                texts.extend(parents.map(|parent| writer.lock_parents(table, parent, &guard)));
            }
            for text in texts {
                self.count(&text, keys).await?;
            }
        }
        Ok(())
    }

    /// Counts the rows of an operation that stay deleted, because another parent of theirs, or of a row above them, is
    /// deleted.
    async fn count_withheld(&mut self, mark: &Mark, keys: &[R::Key], withheld: &mut [u64]) -> Result<(), Error> {
        let graph = self.graph;
        let mut any = false;
        // Tables with several parents come first. If none of their rows stay deleted, the other tables need no query.
        for several in [true, false] {
            let reached = |table: &usize| *table != ROOT || graph.root_is_recursive();
            for table in graph.in_order().filter(reached) {
                if (graph.tables[table].parents.len() > 1) != several || !(several || any) {
                    continue;
                }
                let Some(guard) = self.marked(table, mark, &self.quoted(table)) else { continue };
                let writer = self.writer(Traverse::ActiveOrDeletedBy(vec![mark.clone()]));
                let lock = if self.current().is_empty() { Lock::No } else { Lock::Share };
                let text = writer.count(table, guard, lock);
                let found = self.count(&text, keys).await?;
                withheld[table] += found;
                any |= found > 0;
            }
        }
        Ok(())
    }

    /// Returns the assignments for a restored row.
    fn restored(&self, table: usize) -> Result<Text, Error> {
        let soft = self.soft(table);
        let qualifier = self.writer(Traverse::Active).assigned(self.node(table));
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

    /// Refuses timestamps that do not keep microseconds if the time identifies the operation. Diesel's types do not
    /// show it.
    async fn check_precision(&mut self) -> Result<(), Error> {
        let graph = self.graph;
        let by_time = |table: &usize| {
            operation::identified(&graph.tables[ROOT].soft, &graph.tables[*table].soft) == Ok(Identified::ByTime)
        };
        let mut tables: Vec<usize> = reached(graph).filter(by_time).collect();
        if !tables.is_empty() {
            tables.push(ROOT);
        }
        self.check_digits(&tables).await
    }

    /// Refuses tables whose timestamps do not keep microseconds.
    pub(super) async fn check_digits(&mut self, tables: &[usize]) -> Result<(), Error> {
        if self.dialect == Dialect::Sqlite {
            return Ok(());
        }
        for &table in tables {
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

    /// Returns how many digits of a second a column keeps. It is `None` if the column is not a timestamp, or was not
    /// found.
    async fn digits(&mut self, table: usize, column: &str) -> Result<Option<u64>, Error> {
        let name = self.node(table).table.clone();
        let question = if self.dialect == Dialect::Postgres {
            // `atttypmod` is the number of digits, and -1 stands for all six.
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
        let rows = self.x.query_text(question.cached()).await?;
        Ok(rows.first().and_then(|row| row.number(0)))
    }
}
