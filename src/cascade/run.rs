//! Runs a cascade: it makes the graph, refuses what cannot work, fixes the time of the operation, and makes attempts.

use chrono::{DateTime, Utc};
use diesel::backend::Backend;

use super::ancestors::Above;
use super::attempt::Attempt;
use super::graph::{Graph, ROOT};
use super::operation::{self, OperationId};
use super::report::CascadeReport;
use super::root::CascadeRoot;
use super::session;
use super::text::{Piece, Text};
use super::{delete, restore};
use crate::connection::{Executor, Retries, dialect};
use crate::declare::{Known, Soft, to_micros};
use crate::dialect::Dialect;
use crate::error::Error;

/// The options of a cascade.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Values of metadata columns, for all tables.
    pub(super) metadata: Vec<(String, String)>,
    /// The caller's identifier of the operation.
    pub(super) operation: Option<String>,
}

/// Runs a cascade. A `preview` runs it too, and rolls it back.
pub(crate) async fn run<R, X>(root: &R, x: &mut X, options: &Options, preview: bool) -> Result<CascadeReport, Error>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    root.check()?;
    let graph = Graph::of(root.node())?;
    let above = Above::of(&graph.tables[ROOT].node);
    check(root, &graph, options)?;
    let mut retries = Retries::new(x)?;
    let dialect = dialect(x).await?;
    let recursive = graph.components.iter().any(|component| component.recursive);
    let settings = session::prepare(x, dialect, recursive || (!root.deletes() && above.recursive)).await?;
    let result = async {
        let at = time(root, x, &graph, dialect).await?;
        let given = |id| OperationId::given(id, graph.has_uuids());
        let id = options.operation.as_deref().map_or_else(|| OperationId::generate(at), given);
        loop {
            let attempt =
                Attempt { root, x: &mut *x, graph: &graph, above: &above, dialect, options, at, id: &id, preview };
            let result = attempt.in_transaction().await;
            match result {
                Err(error) if retries.again(x, &error).await? => {}
                result => return result,
            }
        }
    }
    .await;
    settings.restore(x).await;
    result
}

/// Refuses what cannot work, before the first statement.
fn check<DB, R>(root: &R, graph: &Graph, options: &Options) -> Result<(), Error>
where
    DB: Backend,
    R: CascadeRoot<DB>,
{
    let table = || graph.tables[ROOT].node.name();
    for (column, _) in &options.metadata {
        let declares = |soft: &Soft| {
            let operation = soft.operation.map(|(operation, _)| operation);
            soft.reset.iter().any(|reset| reset == column && Some(*reset) != operation)
        };
        if !graph.tables.iter().any(|member| declares(&member.soft)) {
            return Err(Error::NoSuchMetadata { table: table(), column: column.clone() });
        }
        if root.assigns(column) {
            return Err(Error::ColumnSetTwice { table: table(), column: column.clone() });
        }
    }
    if let Some(operation) = graph.tables[ROOT].soft.operation.filter(|_| root.deletes()) {
        if root.assigns(operation.0) {
            return Err(Error::ColumnSetTwice { table: table(), column: operation.0.to_owned() });
        }
    }
    if let Some(id) = &options.operation {
        let given = OperationId::given(id, graph.has_uuids());
        for member in &graph.tables {
            if member.soft.operation.is_some_and(|(_, kind)| given.of_kind(kind).is_none()) {
                return Err(Error::InvalidOperation { table: member.node.name(), id: id.clone() });
            }
        }
    }
    if root.deletes() { delete::check(graph) } else { restore::check(graph) }
}

/// Returns the time of the operation, which is the same for all tables.
async fn time<R, X>(root: &R, x: &mut X, graph: &Graph, dialect: Dialect) -> Result<DateTime<Utc>, Error>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    let soft = &graph.tables[ROOT].soft;
    let (stamp, touch) = root.times();
    for (known, part, column) in [(stamp, Piece::Stamp, soft.stamp), (touch, Piece::Touch, soft.touch)] {
        match (known, column) {
            (Known::At(at), _) => {
                if let Some(at) = at? {
                    return Ok(at);
                }
            }
            (Known::Asked, Some((_, kind))) => {
                let ty = if dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
                let query = Text::from("SELECT ")
                    .then(operation::as_text(kind, dialect, Text::new().part(part)))
                    .sql(format!(", CAST(NULL AS {ty})"));
                let rows = root.texts(x, &query, &[]).await?;
                let text = rows.into_iter().next().and_then(|(text, _)| text);
                let read = text.as_deref().and_then(|text| operation::read(kind, text));
                return read.map(to_micros).ok_or(Error::NoInstant { text: text.unwrap_or_else(|| "NULL".into()) });
            }
            (Known::Absent | Known::Asked, _) => {}
        }
    }
    Ok(to_micros(Utc::now()))
}
