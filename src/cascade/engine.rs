//! What all runs of a cascade have in common: the graph, the instant, the transaction and its retries.

use chrono::{DateTime, Utc};

use super::ancestors::Above;
use super::mark;
use super::mark::OperationId;
use super::plan::{Plan, ROOT};
use super::report::CascadeReport;
use super::root::{CascadeRoot, Known};
use super::session::Session;
use super::spelling::{Speller, Through};
use super::text::{Part, Text};
use super::{delete, restore};
use crate::connection::{Executor, end};
use crate::connection::{Retries, dialect};
use crate::declare::Rows;
use crate::declare::to_micros;
use crate::declare::{Node, Soft};
use crate::dialect::Dialect;
use crate::error::Error;

/// What `.cascade()` was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Metadata for all tables.
    pub(super) metadata: Vec<(String, String)>,
    /// An identifier of the caller's.
    pub(super) operation: Option<String>,
}

/// How many rows of the target a statement takes, at most.
const ROWS: usize = 2000;
/// How many values it may bind: SQLite takes 32766.
const BINDS: usize = 30_000;

/// One attempt, in its transaction.
pub(super) struct Attempt<'a, R, X> {
    pub(super) root: &'a R,
    pub(super) x: &'a mut X,
    pub(super) plan: &'a Plan,
    pub(super) above: &'a Above,
    pub(super) dialect: Dialect,
    pub(super) options: &'a Options,
    pub(super) at: DateTime<Utc>,
    pub(super) id: &'a OperationId,
    /// Whether the transaction is rolled back in the end.
    preview: bool,
}

/// Runs a cascade.
pub(crate) async fn run<R, X>(root: &R, x: &mut X, options: &Options, preview: bool) -> Result<CascadeReport, Error>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    root.check()?;
    let plan = Plan::of(root.node())?;
    let above = Above::of(&plan.tables[ROOT].node);
    check(root, &plan, options)?;
    let mut retries = Retries::new(x)?;
    let dialect = dialect(x).await?;
    let recursive = plan.components.iter().any(|component| component.recursive);
    let session = Session::prepare(x, dialect, recursive || (!root.deletes() && above.recursive)).await?;
    let result = async {
        let at = instant(root, x, &plan, dialect).await?;
        let given = |id| OperationId::given(id, plan.has_uuids());
        let id = options.operation.as_deref().map_or_else(|| OperationId::generate(at), given);
        loop {
            let attempt =
                Attempt { root, x: &mut *x, plan: &plan, above: &above, dialect, options, at, id: &id, preview };
            let result = attempt.in_transaction().await;
            match result {
                Err(error) if retries.again(x, &error).await? => {}
                result => return result,
            }
        }
    }
    .await;
    session.restore(x).await;
    result
}

/// What can be refused before the first statement.
fn check<DB, R>(root: &R, plan: &Plan, options: &Options) -> Result<(), Error>
where
    DB: diesel::backend::Backend,
    R: CascadeRoot<DB>,
{
    let table = || plan.tables[ROOT].node.name();
    for (column, _) in &options.metadata {
        let declares = |soft: &Soft| {
            let operation = soft.operation.map(|(operation, _)| operation);
            soft.reset.iter().any(|reset| reset == column && Some(*reset) != operation)
        };
        if !plan.tables.iter().any(|member| declares(&member.soft)) {
            return Err(Error::NoSuchMetadata { table: table(), column: column.clone() });
        }
        if root.assigns(column) {
            return Err(Error::ColumnSetTwice { table: table(), column: column.clone() });
        }
    }
    if let Some(operation) = plan.tables[ROOT].soft.operation.filter(|_| root.deletes()) {
        if root.assigns(operation.0) {
            return Err(Error::ColumnSetTwice { table: table(), column: operation.0.to_owned() });
        }
    }
    if let Some(id) = &options.operation {
        let given = OperationId::given(id, plan.has_uuids());
        for member in &plan.tables {
            if member.soft.operation.is_some_and(|(_, kind)| given.of_kind(kind).is_none()) {
                return Err(Error::InvalidOperation { table: member.node.name(), id: id.clone() });
            }
        }
    }
    if root.deletes() { delete::check(plan) } else { restore::check(plan) }
}

/// The one instant of the operation.
async fn instant<R, X>(root: &R, x: &mut X, plan: &Plan, dialect: Dialect) -> Result<DateTime<Utc>, Error>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    let soft = &plan.tables[ROOT].soft;
    let (stamp, touch) = root.instants();
    for (known, part, column) in [(stamp, Part::Stamp, soft.stamp), (touch, Part::Touch, soft.touch)] {
        match (known, column) {
            (Known::At(at), _) => {
                if let Some(at) = at? {
                    return Ok(at);
                }
            }
            (Known::Asked, Some((_, kind))) => {
                let ty = if dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
                let query = Text::from("SELECT ")
                    .then(mark::asked(kind, dialect, Text::new().part(part)))
                    .sql(format!(", CAST(NULL AS {ty})"));
                let rows = root.texts(x, &query, &[]).await?;
                let text = rows.into_iter().next().and_then(|(text, _)| text);
                let read = text.as_deref().and_then(|text| mark::read(kind, text));
                return read.map(to_micros).ok_or(Error::NoInstant { text: text.unwrap_or_else(|| "NULL".into()) });
            }
            (Known::Absent | Known::Asked, _) => {}
        }
    }
    Ok(to_micros(Utc::now()))
}

impl<R, X> Attempt<'_, R, X>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    async fn in_transaction(mut self) -> Result<CascadeReport, Error> {
        self.x.begin().await?;
        match self.steps().await {
            Ok(mut report) if self.preview => {
                self.x.rollback().await?;
                // An identifier that is made anew each time is not that of the run.
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
            // SQLite gives up a transaction that reads first and writes when another has written in between.
            let node = &self.plan.tables[ROOT].node;
            let (table, key) = (node.table.quoted(self.dialect), self.dialect.quote(&node.key[0]));
            self.execute(&Text::from(format!("UPDATE {table} SET {key} = {key} WHERE 1 = 0")), &[]).await?;
        }
        if self.root.deletes() { self.delete().await } else { self.restore().await }
    }

    pub(super) fn speller(&self, through: Through) -> Speller<'_> {
        Speller { plan: self.plan, dialect: self.dialect, through }
    }

    pub(super) fn node(&self, table: usize) -> &Node {
        &self.plan.tables[table].node
    }

    pub(super) fn soft(&self, table: usize) -> &Soft {
        &self.plan.tables[table].soft
    }

    pub(super) fn quoted(&self, table: usize) -> String {
        self.node(table).table.quoted(self.dialect)
    }

    pub(super) async fn execute(&mut self, text: &Text, keys: &[R::Key]) -> Result<u64, Error> {
        Ok(self.root.execute(self.x, text, keys).await?)
    }

    /// Executes a statement that changes a table; its name is that of a conflict.
    pub(super) async fn change(&mut self, table: usize, text: &Text, keys: &[R::Key]) -> Result<u64, Error> {
        let restores = !self.root.deletes();
        self.root
            .execute(self.x, text, keys)
            .await
            .map_err(|error| if restores { Error::of_restore(|| self.node(table).name(), error) } else { error.into() })
    }

    /// The one number that a query of two texts counts.
    pub(super) async fn count(&mut self, text: &Text, keys: &[R::Key]) -> Result<u64, Error> {
        let rows = self.root.texts(self.x, text, keys).await?;
        Ok(rows.into_iter().next().and_then(|(count, _)| count?.parse().ok()).unwrap_or_default())
    }

    /// The keys of the target's rows in the state that the verb changes, in the order of the key; locked but for a
    /// preview.
    pub(super) async fn find_roots(&mut self, lock: bool) -> Result<Vec<R::Key>, Error> {
        let (node, table) = (self.node(ROOT), self.quoted(ROOT));
        let rows = if self.root.deletes() { Rows::Active } else { Rows::Deleted };
        let state = self.speller(Through::Active).state(self.soft(ROOT), rows, &table);
        let keys = node.key.iter().map(|column| format!("{table}.{}", self.dialect.quote(column)));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let lock = if lock && self.dialect != Dialect::Sqlite { " FOR UPDATE" } else { "" };
        let query = Text::from(format!("SELECT {keys} FROM {table}"))
            .part(Part::Where)
            .sql(state)
            .part(Part::OnlyIf)
            .sql(format!(" ORDER BY {keys}{lock}"));
        Ok(self.root.keys(self.x, &query, &[]).await?)
    }

    /// Keys in portions that a statement can bind.
    pub(super) fn portions<'k>(&self, keys: &'k [R::Key]) -> std::slice::Chunks<'k, R::Key> {
        let binds = self.places() * R::KEY_COLUMNS.max(1);
        keys.chunks((BINDS / binds).clamp(1, ROWS))
    }

    /// In how many places of one statement the keys can stand: below the root's rows, and twice above them.
    fn places(&self) -> usize {
        let plan = self.plan;
        let parents = |place: usize| plan.tables[place].parents.iter();
        let above = self.above.steps.iter().filter(|step| step.child.is_none()).count();
        let below = plan.edges.iter().filter(|edge| edge.parent == ROOT).count();
        let waiting = (0..plan.tables.len()).flat_map(parents).filter(|parent| parent.place == Some(ROOT)).count();
        let inner = plan.edges.iter().filter(|edge| edge.child == ROOT).count();
        4 + above + below + waiting + inner + parents(ROOT).count()
    }

    /// Whether a row of the root's table is one of the root's.
    pub(super) fn is_root(&self) -> Text {
        let table = self.quoted(ROOT);
        let columns = self.node(ROOT).key.iter().map(|column| format!("{table}.{}", self.dialect.quote(column)));
        Text::new().part(Part::Keys(columns.collect()))
    }

    /// `column = value`, for an UPDATE that may be of several tables.
    pub(super) fn assign(&self, table: usize, column: &str, value: Text) -> Text {
        let qualifier = self.speller(Through::Active).assigned(self.node(table));
        Text::from(format!("{qualifier}{} = ", self.dialect.quote(column))).then(value)
    }

    /// The assignment of the touch column, if a table has one.
    pub(super) fn touch(&self, qualifier: &str, soft: &Soft) -> Result<Option<Text>, Error> {
        let Some((column, kind)) = soft.touch else { return Ok(None) };
        let value = mark::instant(kind, self.dialect, &mark::spell(kind, self.dialect, self.at)?);
        Ok(Some(Text::from(format!("{qualifier}{} = ", self.dialect.quote(column))).then(value)))
    }

    /// The report, in the plan's order.
    pub(super) fn report(
        &self,
        rows: &[u64],
        unlinked: Vec<(String, u64)>,
        withheld: &[u64],
        id: Option<String>,
    ) -> CascadeReport {
        let tables = self.plan.in_order().map(|table| (self.node(table).name(), rows[table])).collect();
        let withheld = (0..withheld.len()).map(|table| (self.node(table).name(), withheld[table])).collect();
        let changed = rows.iter().any(|rows| *rows > 0);
        CascadeReport { tables, unlinked, withheld, operation_id: id.filter(|_| changed), at: self.at }
    }
}
