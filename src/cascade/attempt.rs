//! One attempt of a cascade in its transaction: what deletes and restores have in common.

use chrono::{DateTime, Utc};

use super::ancestors::Above;
use super::graph::{Graph, ROOT};
use super::operation;
use super::operation::OperationId;
use super::report::CascadeReport;
use super::root::CascadeRoot;
use super::run::Options;
use super::sql::{SqlWriter, Traverse};
use super::text::{Piece, Text};
use crate::connection::{Executor, end};
use crate::declare::{Node, Rows, Soft};
use crate::dialect::{Dialect, Lock};
use crate::error::Error;

/// The largest number of the target's rows in one statement.
const ROWS: usize = 2000;
/// The largest number of values in one statement. SQLite allows 32766.
const BINDS: usize = 30_000;

/// One attempt of a cascade, in its transaction.
pub(super) struct Attempt<'a, R, X> {
    pub(super) root: &'a R,
    pub(super) x: &'a mut X,
    pub(super) graph: &'a Graph,
    pub(super) above: &'a Above,
    pub(super) dialect: Dialect,
    pub(super) options: &'a Options,
    pub(super) at: DateTime<Utc>,
    pub(super) id: &'a OperationId,
    /// Whether the transaction is rolled back at the end.
    pub(super) preview: bool,
}

impl<R, X> Attempt<'_, R, X>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    pub(super) async fn in_transaction(mut self) -> Result<CascadeReport, Error> {
        self.x.begin().await?;
        match self.steps().await {
            Ok(mut report) if self.preview => {
                self.x.rollback().await?;
                // Another run will generate another identifier, so the preview does not report one.
                if self.root.deletes() && self.options.operation.is_none() {
                    report.operation_id = None;
                }
                Ok(report)
            }
            result => end(self.x, result).await,
        }
    }

    async fn steps(&mut self) -> Result<CascadeReport, Error> {
        if self.dialect == Dialect::Sqlite {
            // This UPDATE of no row takes the write lock first. SQLite refuses a write after a read if another
            // connection has written in between.
            let node = &self.graph.tables[ROOT].node;
            let (table, key) = (node.table.quoted(self.dialect), self.dialect.quote(&node.key[0]));
            self.execute(&Text::from(format!("UPDATE {table} SET {key} = {key} WHERE 1 = 0")), &[]).await?;
        }
        if self.root.deletes() { self.delete().await } else { self.restore().await }
    }

    pub(super) fn writer(&self, traverse: Traverse) -> SqlWriter<'_> {
        SqlWriter { graph: self.graph, dialect: self.dialect, traverse }
    }

    pub(super) fn node(&self, table: usize) -> &Node {
        &self.graph.tables[table].node
    }

    pub(super) fn soft(&self, table: usize) -> &Soft {
        &self.graph.tables[table].soft
    }

    pub(super) fn quoted(&self, table: usize) -> String {
        self.node(table).table.quoted(self.dialect)
    }

    pub(super) async fn execute(&mut self, text: &Text, keys: &[R::Key]) -> Result<u64, Error> {
        Ok(self.root.execute(self.x, text, keys).await?)
    }

    /// Executes a statement that changes a table. The error of a conflict names that table.
    pub(super) async fn change(&mut self, table: usize, text: &Text, keys: &[R::Key]) -> Result<u64, Error> {
        let restores = !self.root.deletes();
        self.root
            .execute(self.x, text, keys)
            .await
            .map_err(|error| if restores { Error::of_restore(|| self.node(table).name(), error) } else { error.into() })
    }

    /// Returns the number that a query returns as text.
    pub(super) async fn count(&mut self, text: &Text, keys: &[R::Key]) -> Result<u64, Error> {
        let rows = self.root.texts(self.x, text, keys).await?;
        Ok(rows.into_iter().next().and_then(|(count, _)| count?.parse().ok()).unwrap_or_default())
    }

    /// Returns the keys of the target's rows in the state that the verb changes, in the order of the key. `lock` locks
    /// the rows.
    pub(super) async fn find_roots(&mut self, lock: bool) -> Result<Vec<R::Key>, Error> {
        let (node, table) = (self.node(ROOT), self.quoted(ROOT));
        let rows = if self.root.deletes() { Rows::Active } else { Rows::Deleted };
        let state = self.writer(Traverse::Active).state(self.soft(ROOT), rows, &table);
        let keys = node.key.iter().map(|column| format!("{table}.{}", self.dialect.quote(column)));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let lock = if lock { Lock::Update } else { Lock::No }.words(self.dialect);
        let query = Text::from(format!("SELECT {keys} FROM {table}"))
            .part(Piece::Where)
            .sql(state)
            .part(Piece::OnlyIf)
            .sql(format!(" ORDER BY {keys}{lock}"));
        Ok(self.root.keys(self.x, &query, &[]).await?)
    }

    /// Splits the keys into portions, each of which one statement can bind.
    pub(super) fn portions<'k>(&self, keys: &'k [R::Key]) -> std::slice::Chunks<'k, R::Key> {
        let binds = self.places() * R::KEY_COLUMNS.max(1);
        keys.chunks((BINDS / binds).clamp(1, ROWS))
    }

    /// Returns how many places in one statement can contain the keys: those below the root's rows, and twice those
    /// above.
    fn places(&self) -> usize {
        let graph = self.graph;
        let parents = |place: usize| graph.tables[place].parents.iter();
        let above = self.above.steps.iter().filter(|step| step.child.is_none()).count();
        let below = graph.edges.iter().filter(|edge| edge.parent == ROOT).count();
        let waiting = (0..graph.tables.len()).flat_map(parents).filter(|parent| parent.place == Some(ROOT)).count();
        let inner = graph.edges.iter().filter(|edge| edge.child == ROOT).count();
        4 + above + below + waiting + inner + parents(ROOT).count()
    }

    /// Returns the test whether a row is one of the target's, by its key.
    pub(super) fn is_root(&self) -> Text {
        let table = self.quoted(ROOT);
        let columns = self.node(ROOT).key.iter().map(|column| format!("{table}.{}", self.dialect.quote(column)));
        Text::new().part(Piece::Keys(columns.collect()))
    }

    /// Returns `column = value`. MySQL's UPDATE of several tables needs the name of the table before the column.
    pub(super) fn assign(&self, table: usize, column: &str, value: Text) -> Text {
        let qualifier = self.writer(Traverse::Active).assigned(self.node(table));
        Text::from(format!("{qualifier}{} = ", self.dialect.quote(column))).then(value)
    }

    /// Returns the assignment of the touch column, if the table has one.
    pub(super) fn touch(&self, qualifier: &str, soft: &Soft) -> Result<Option<Text>, Error> {
        let Some((column, kind)) = soft.touch else { return Ok(None) };
        let value = operation::time(kind, self.dialect, &operation::spell(kind, self.dialect, self.at)?);
        Ok(Some(Text::from(format!("{qualifier}{} = ", self.dialect.quote(column))).then(value)))
    }

    /// Returns the report, with the tables in the order of the graph.
    pub(super) fn report(
        &self,
        rows: &[u64],
        unlinked: Vec<(String, u64)>,
        withheld: &[u64],
        id: Option<String>,
    ) -> CascadeReport {
        let tables = self.graph.in_order().map(|table| (self.node(table).name(), rows[table])).collect();
        let withheld = (0..withheld.len()).map(|table| (self.node(table).name(), withheld[table])).collect();
        let changed = rows.iter().any(|rows| *rows > 0);
        CascadeReport { tables, unlinked, withheld, operation_id: id.filter(|_| changed), at: self.at }
    }
}
