//! The steps of `soft_delete().cascade()`.
//!
//! 1. Lock the rows of the target. From then on their keys identify them, since later steps can change what the where
//!    clause tests.
//! 2. From parents to children, lock the rows that have children. A session that adds a child locks its parent, by a
//!    foreign key or a trigger of `require_live_parent`, so it has to wait.
//! 3. Test `restrict`, and execute `set_null`.
//! 4. From children to parents, mark the rows as deleted. The parents are still active then, so "a child of an active
//!    parent" selects exactly the rows of the operation, with any columns. A circle of tables does not have such an
//!    order, so there the mark identifies the rows.

use super::attempt::Attempt;
use super::graph::{Component, Graph, ROOT};
use super::operation;
use super::operation::{Identified, Mark};
use super::report::CascadeReport;
use super::root::CascadeRoot;
use super::sql::Traverse;
use super::text::{Piece, Text};
use crate::connection::Executor;
use crate::declare::{OperationKind, Policy, Rows};
use crate::dialect::{Dialect, Lock};
use crate::error::Error;

/// Refuses a circle of several tables if one of them cannot hold the mark in a form that the others can compare.
pub(super) fn check(graph: &Graph) -> Result<(), Error> {
    for component in circles(graph) {
        for (place, &one) in component.tables.iter().enumerate() {
            for &other in &component.tables[place..] {
                let (one, other) = (&graph.tables[one], &graph.tables[other]);
                operation::identified(&one.soft, &other.soft).map_err(|reason| Error::Unidentified {
                    table: one.node.name(),
                    child: other.node.name(),
                    reason,
                })?;
            }
        }
    }
    Ok(())
}

fn circles(graph: &Graph) -> impl Iterator<Item = &Component> {
    graph.components.iter().filter(|component| component.tables.len() > 1)
}

impl<R, X> Attempt<'_, R, X>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    pub(super) async fn delete(&mut self) -> Result<CascadeReport, Error> {
        self.check_circles().await?;
        let roots = self.find_roots(true).await?;
        let mut rows = vec![0; self.graph.tables.len()];
        let mut unlinked = vec![0; self.graph.sides.len()];
        let portions: Vec<&[R::Key]> = self.portions(&roots).collect();
        if self.dialect != Dialect::Sqlite {
            for keys in &portions {
                self.lock(keys).await?;
            }
        }
        for keys in &portions {
            self.restricted(keys).await?;
        }
        for keys in portions {
            self.delete_portion(keys, &mut rows, &mut unlinked).await?;
        }
        let names = self.graph.sides.iter().zip(&unlinked);
        let unlinked = names
            .filter(|(side, _)| side.policy == Policy::SetNull)
            .map(|(side, rows)| (side.child.name(), *rows))
            .collect();
        let id = self.soft(ROOT).operation.and_then(|(_, kind)| self.id.of_kind(kind));
        Ok(self.report(&rows, unlinked, &[], id))
    }

    /// Refuses a circle whose timestamps the database would shorten, since the mark would not be found again.
    async fn check_circles(&mut self) -> Result<(), Error> {
        let graph = self.graph;
        for component in circles(graph) {
            let soft = |table: usize| &graph.tables[table].soft;
            let mut by_time = component.tables.clone();
            by_time.retain(|&one| {
                let by_time = |&other: &usize| operation::identified(soft(one), soft(other)) == Ok(Identified::ByTime);
                component.tables.iter().any(by_time)
            });
            self.check_digits(&by_time).await?;
        }
        Ok(())
    }

    /// Locks the rows that have children, from parents to children.
    async fn lock(&mut self, keys: &[R::Key]) -> Result<(), Error> {
        let graph = self.graph;
        for component in &graph.components {
            // Rows can have been added while the first locks were waited for, so it repeats until the number stays
            // the same.
            let mut before = None;
            loop {
                let mut locked = 0;
                for &table in &component.tables {
                    let has_children = graph.edges.iter().map(|edge| edge.parent).any(|parent| parent == table)
                        || graph.sides.iter().any(|side| side.parent == table);
                    if !has_children || (table == ROOT && !component.recursive) {
                        continue;
                    }
                    let writer = self.writer(Traverse::Active);
                    let guard = writer.state(self.soft(table), Rows::Active, &self.quoted(table));
                    let text = writer.count(table, guard.into(), Lock::Update);
                    locked += self.count(&text, keys).await?;
                }
                if !component.recursive || before == Some(locked) {
                    break;
                }
                before = Some(locked);
            }
        }
        Ok(())
    }

    async fn restricted(&mut self, keys: &[R::Key]) -> Result<(), Error> {
        let graph = self.graph;
        for side in graph.sides.iter().filter(|side| side.policy == Policy::Restrict) {
            // A plain SELECT of InnoDB would count rows of the transaction's snapshot.
            let lock = if self.dialect == Dialect::Mysql { Lock::Share } else { Lock::No };
            let text = self.writer(Traverse::Active).count_side(side, lock);
            let rows = self.count(&text, keys).await?;
            if rows > 0 {
                return Err(Error::Restricted {
                    table: self.node(side.parent).name(),
                    child: side.child.name(),
                    columns: side.columns.iter().map(|column| column.name.to_owned()).collect(),
                    rows,
                });
            }
        }
        Ok(())
    }

    async fn delete_portion(&mut self, keys: &[R::Key], rows: &mut [u64], unlinked: &mut [u64]) -> Result<(), Error> {
        let graph = self.graph;
        for (side, unlinked) in graph.sides.iter().zip(unlinked).filter(|(side, _)| side.policy == Policy::SetNull) {
            let writer = self.writer(Traverse::Active);
            let qualifier = writer.assigned(&side.child);
            let touch = match &side.child.soft {
                Some(soft) => self.touch(&qualifier, soft)?,
                None => None,
            };
            let text = writer.unlink(side, touch);
            *unlinked += self.execute(&text, keys).await?;
        }
        for table in graph.in_order().rev() {
            // The target's rows come last, after the rows of the same table that are below them.
            if table != ROOT || graph.root_is_recursive() {
                rows[table] += self.delete_reached(table, keys).await?;
            }
        }
        rows[ROOT] += self.delete_roots(keys).await?;
        Ok(())
    }

    async fn delete_reached(&mut self, table: usize, keys: &[R::Key]) -> Result<u64, Error> {
        // In a circle, rows of another table may be deleted already.
        let circle = self.graph.component_of(table).tables.len() > 1;
        let traverse = if circle { Traverse::ActiveOrMarked(self.mark(table)?) } else { Traverse::Active };
        let writer = self.writer(traverse);
        let guard = writer.state(self.soft(table), Rows::Active, &self.quoted(table));
        let text = writer.update(table, self.deleted(table)?, guard.into());
        self.change(table, &text, keys).await
    }

    async fn delete_roots(&mut self, keys: &[R::Key]) -> Result<u64, Error> {
        let guard = self.writer(Traverse::Active).state(self.soft(ROOT), Rows::Active, &self.quoted(ROOT));
        let text = Text::from(format!("UPDATE {} SET ", self.quoted(ROOT)))
            .part(Piece::Set)
            .then(self.deleted(ROOT)?)
            .sql(" WHERE ")
            .then(self.is_root())
            .sql(" AND ")
            .sql(guard);
        self.change(ROOT, &text, keys).await
    }

    /// Returns the mark that this operation writes, in the types of one table.
    fn mark(&self, table: usize) -> Result<Mark, Error> {
        let soft = self.soft(table);
        let stamp = match soft.stamp {
            Some((_, kind)) => Some((kind, operation::spell(kind, self.dialect, self.at)?)),
            None => None,
        };
        let operation = soft.operation.and_then(|(_, kind)| Some((kind, self.id.of_kind(kind)?)));
        Ok(Mark { operation, stamp })
    }

    /// Returns the assignments for a deleted row.
    fn deleted(&self, table: usize) -> Result<Text, Error> {
        let soft = self.soft(table);
        let qualifier = self.writer(Traverse::Active).assigned(self.node(table));
        let mut assignments = Vec::new();
        for (column, value) in &self.options.metadata {
            let operation = soft.operation.map(|(operation, _)| operation);
            if soft.reset.iter().any(|reset| reset == column && Some(*reset) != operation) {
                let value = match self.dialect {
                    // PostgreSQL would give a parameter the type text, but a literal the type of its column.
                    Dialect::Postgres => Text::new().part(Piece::Literal(self.dialect.literal(value))),
                    Dialect::Mysql | Dialect::Sqlite => Text::new().bind(value),
                };
                assignments.push(self.assign(table, column, value));
            }
        }
        if let Some(literal) = soft.mode.assignment(true) {
            assignments.push(Text::from(format!("{qualifier}{}{literal}", self.dialect.quote(soft.state))));
        }
        let mark = self.mark(table)?;
        if let (Some((column, _)), Some((kind, text))) = (soft.stamp, &mark.stamp) {
            assignments.push(self.assign(table, column, operation::time(*kind, self.dialect, text)));
        }
        if let (Some((column, _)), Some((kind, text))) = (soft.operation, &mark.operation) {
            let kind: OperationKind = *kind;
            assignments.push(self.assign(table, column, operation::identifier(kind, self.dialect, text)));
        }
        assignments.extend(self.touch(&qualifier, soft)?);
        Ok(Text::join(assignments, ", "))
    }
}
