//! What statements, jobs and cascades need from a connection. They are written once, as async functions over
//! [`Executor`].
//!
//! The futures of a sync connection are always ready, so `block` polls each of them once.

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use diesel::connection::{LoadConnection, TransactionManager};
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::{Error as DieselError, QueryResult};

use super::ask::{AnswersText, Question, Row};
use super::retry::passes;
use crate::dialect::SoftDeleteBackend;
use crate::diesel_internals::{in_transaction, load_all};
use crate::error::Error;

/// The future of an executor's method.
///
/// It is boxed so that its type does not name a query. The compiler erases a query's lifetimes in there, and could
/// not prove that the future of a job is `Send`. The one allocation costs little beside a statement.
pub type BoxFuture<'x, T> = Pin<Box<dyn Future<Output = QueryResult<T>> + Send + 'x>>;

/// A connection, sync or async.
pub trait Executor {
    /// The backend of the connection.
    type Backend: SoftDeleteBackend;

    /// Whether a transaction is open on the connection.
    fn in_transaction(&mut self) -> QueryResult<bool>;
    /// Opens a transaction.
    fn begin(&mut self) -> BoxFuture<'_, ()>;
    /// Commits the transaction.
    fn commit(&mut self) -> BoxFuture<'_, ()>;
    /// Rolls the transaction back.
    fn rollback(&mut self) -> BoxFuture<'_, ()>;
    /// Executes a statement and returns how many rows it changed.
    fn execute<'x, Q>(&'x mut self, statement: Q) -> BoxFuture<'x, usize>
    where
        Q: QueryFragment<Self::Backend> + QueryId + 'x;
    /// Loads the rows of a query.
    fn load<'x, Q, U>(&'x mut self, query: Q) -> BoxFuture<'x, Vec<U>>
    where
        Self::Backend: QueryMetadata<Q::SqlType>,
        Q: Query + QueryFragment<Self::Backend> + QueryId + 'x,
        U: FromSqlRow<Q::SqlType, Self::Backend> + Send + 'x;
    /// Runs a query of text and returns its rows.
    fn query_text(&mut self, question: Question) -> BoxFuture<'_, Vec<Row>>;
    /// Executes a statement of text and returns how many rows it changed.
    fn execute_text(&mut self, statement: Question) -> BoxFuture<'_, usize>;
    /// Waits for a duration.
    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// A sync connection of Diesel.
#[derive(Debug)]
pub struct Blocking<'c, Conn>(pub(crate) &'c mut Conn);

impl<Conn> Executor for Blocking<'_, Conn>
where
    Conn: LoadConnection,
    Conn::Backend: AnswersText,
{
    type Backend = Conn::Backend;

    fn in_transaction(&mut self) -> QueryResult<bool> {
        in_transaction(self.0)
    }
    fn begin(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(ready(Conn::TransactionManager::begin_transaction(self.0)))
    }
    fn commit(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(ready(Conn::TransactionManager::commit_transaction(self.0)))
    }
    fn rollback(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(ready(Conn::TransactionManager::rollback_transaction(self.0)))
    }
    fn execute<'x, Q>(&'x mut self, statement: Q) -> BoxFuture<'x, usize>
    where
        Q: QueryFragment<Self::Backend> + QueryId + 'x,
    {
        Box::pin(ready(self.0.execute_returning_count(&statement)))
    }
    fn load<'x, Q, U>(&'x mut self, query: Q) -> BoxFuture<'x, Vec<U>>
    where
        Self::Backend: QueryMetadata<Q::SqlType>,
        Q: Query + QueryFragment<Self::Backend> + QueryId + 'x,
        U: FromSqlRow<Q::SqlType, Self::Backend> + Send + 'x,
    {
        Box::pin(ready(load_all(self.0, query)))
    }
    fn query_text(&mut self, question: Question) -> BoxFuture<'_, Vec<Row>> {
        Box::pin(ready(Conn::Backend::query_text(self.0, question)))
    }
    fn execute_text(&mut self, statement: Question) -> BoxFuture<'_, usize> {
        Box::pin(ready(Conn::Backend::execute_text(self.0, statement)))
    }
    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        std::thread::sleep(duration);
        Box::pin(ready(Ok(())))
    }
}

/// Commits after a success, and rolls back after an error.
pub(crate) async fn end<X: Executor, T>(x: &mut X, result: Result<T, Error>) -> Result<T, Error> {
    match result {
        Ok(value) => match x.commit().await {
            Ok(()) => Ok(value),
            // A commit that fails ends the transaction, unless Diesel still counts it as open.
            Err(error) => {
                if !matches!(error, DieselError::BrokenTransactionManager) && x.in_transaction().is_ok_and(|open| open)
                {
                    let _ = x.rollback().await;
                }
                Err(error.into())
            }
        },
        Err(error) => match x.rollback().await {
            Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
            // The deadlock has rolled the savepoint back already, so the error of this second rollback hides the
            // cause.
            Err(_) if passes(&error) => Err(error),
            Err(rollback) => Err(rollback.into()),
        },
    }
}

/// Runs a future over [`Blocking`].
pub(crate) fn block<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // No future below waits, so the first poll is the last. The loop only satisfies the compiler.
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// A connection of diesel-async.
#[cfg(feature = "async")]
#[derive(Debug)]
pub struct Asynchronous<'c, Conn>(pub(crate) &'c mut Conn);

#[cfg(feature = "async")]
impl<Conn> Executor for Asynchronous<'_, Conn>
where
    Conn: diesel_async::AsyncConnection,
    Conn::Backend: AnswersText,
{
    type Backend = Conn::Backend;

    fn in_transaction(&mut self) -> QueryResult<bool> {
        crate::diesel_internals::in_async_transaction(self.0)
    }
    fn begin(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(<Conn::TransactionManager as diesel_async::TransactionManager<Conn>>::begin_transaction(self.0))
    }
    fn commit(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(<Conn::TransactionManager as diesel_async::TransactionManager<Conn>>::commit_transaction(self.0))
    }
    fn rollback(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(<Conn::TransactionManager as diesel_async::TransactionManager<Conn>>::rollback_transaction(self.0))
    }
    fn execute<'x, Q>(&'x mut self, statement: Q) -> BoxFuture<'x, usize>
    where
        Q: QueryFragment<Self::Backend> + QueryId + 'x,
    {
        let answer: Conn::ExecuteFuture<'x, 'x> = self.0.execute_returning_count(statement);
        Box::pin(answer)
    }
    fn load<'x, Q, U>(&'x mut self, query: Q) -> BoxFuture<'x, Vec<U>>
    where
        Self::Backend: QueryMetadata<Q::SqlType>,
        Q: Query + QueryFragment<Self::Backend> + QueryId + 'x,
        U: FromSqlRow<Q::SqlType, Self::Backend> + Send + 'x,
    {
        use diesel::result::Error::DeserializationError;
        use futures_util::TryStreamExt;
        let rows: Conn::LoadFuture<'x, 'x> = self.0.load(query);
        Box::pin(async move {
            let mut rows = pin!(rows.await?);
            let mut all = Vec::new();
            while let Some(row) = rows.try_next().await? {
                all.push(U::build_from_row(&row).map_err(DeserializationError)?);
            }
            Ok(all)
        })
    }
    fn query_text(&mut self, question: Question) -> BoxFuture<'_, Vec<Row>> {
        Box::pin(Conn::Backend::query_text_async(self.0, question))
    }
    fn execute_text(&mut self, statement: Question) -> BoxFuture<'_, usize> {
        Box::pin(Conn::Backend::execute_text_async(self.0, statement))
    }
    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        // This timer does not need a runtime, so the crate does not depend on one.
        Box::pin(async move {
            futures_timer::Delay::new(duration).await;
            Ok(())
        })
    }
}
