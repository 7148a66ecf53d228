//! The tables of a policy as a list of types, since each job has a type of its own.

use diesel::backend::Backend;

use super::options::Options;
use super::prepare::Prepared;
use super::table_job::{Context, TableJob};
use crate::connection::Executor;
use crate::declare::{Node, Policy};
use crate::error::{Error, PurgeReport};

/// The order in which tables are purged: children before parents, otherwise the order in which they are added.
pub(super) fn children_first(nodes: &[Node]) -> Vec<usize> {
    let below: Vec<_> =
        nodes.iter().map(|node| node.descendants(&[Policy::Cascade, Policy::Restrict, Policy::SetNull])).collect();
    let mut open: Vec<usize> = (0..nodes.len()).collect();
    let mut order = Vec::new();
    while !open.is_empty() {
        // A circle does not have a first table, so the one that was added first is taken.
        let ready = open.iter().position(|&table| {
            open.iter().all(|&other| nodes[other].id == nodes[table].id || !below[table].contains(&nodes[other].id))
        });
        order.push(open.remove(ready.unwrap_or_default()));
    }
    order
}

/// The jobs of a policy: `()` or `(the jobs before, the last job)`.
pub trait Jobs<DB: Backend> {
    /// Returns the number of jobs.
    fn count(&self) -> usize;
    /// Returns the names of their tables.
    fn names(&self) -> Vec<String>;
    /// Returns their places in the graph of relations.
    fn nodes(&self) -> Vec<Node>;
    /// Checks one job, and changes nothing.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn check_nth<X>(&mut self, place: usize, x: &mut X, limits: &Options) -> Result<Prepared, Error>
    where
        X: Executor<Backend = DB>;
    /// Runs one job that was checked.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn run_nth<X>(
        &mut self,
        place: usize,
        x: &mut X,
        prepared: Prepared,
        context: Context<'_>,
    ) -> Result<PurgeReport, Error>
    where
        X: Executor<Backend = DB>;
}

// The empty list has no job, so each place is an error.
impl<DB: Backend> Jobs<DB> for () {
    fn count(&self) -> usize {
        0
    }
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
    fn nodes(&self) -> Vec<Node> {
        Vec::new()
    }
    async fn check_nth<X>(&mut self, _: usize, _: &mut X, _: &Options) -> Result<Prepared, Error>
    where
        X: Executor<Backend = DB>,
    {
        Err(diesel::result::Error::NotFound.into())
    }
    async fn run_nth<X>(&mut self, _: usize, _: &mut X, _: Prepared, _: Context<'_>) -> Result<PurgeReport, Error>
    where
        X: Executor<Backend = DB>,
    {
        Err(diesel::result::Error::NotFound.into())
    }
}

impl<DB, J, N> Jobs<DB> for (J, N)
where
    DB: Backend,
    J: Jobs<DB>,
    N: TableJob<DB>,
{
    fn count(&self) -> usize {
        self.0.count() + 1
    }
    fn names(&self) -> Vec<String> {
        let mut names = self.0.names();
        names.push(self.1.table());
        names
    }
    fn nodes(&self) -> Vec<Node> {
        let mut nodes = self.0.nodes();
        nodes.push(self.1.node());
        nodes
    }
    async fn check_nth<X>(&mut self, place: usize, x: &mut X, limits: &Options) -> Result<Prepared, Error>
    where
        X: Executor<Backend = DB>,
    {
        if place == self.0.count() { self.1.check(x, limits).await } else { self.0.check_nth(place, x, limits).await }
    }
    async fn run_nth<X>(
        &mut self,
        place: usize,
        x: &mut X,
        prepared: Prepared,
        context: Context<'_>,
    ) -> Result<PurgeReport, Error>
    where
        X: Executor<Backend = DB>,
    {
        if place == self.0.count() {
            self.1.run_checked(x, prepared, context).await
        } else {
            self.0.run_nth(place, x, prepared, context).await
        }
    }
}
