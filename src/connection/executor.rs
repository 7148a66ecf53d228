//! What jobs and cascades ask of a connection: written once, it drives both kinds.
//!
//! The futures of a sync connection are always ready, so that `block` polls each of them once.

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

/// An answer that is on its way.
///
/// Boxed, so that its type names no query: where it did, the compiler could not see that the future of a
/// job is `Send` (a query's lifetimes are erased there). One allocation per statement is nothing beside
/// the statement.
pub type BoxFuture<'x, T> = Pin<Box<dyn Future<Output = QueryResult<T>> + Send + 'x>>;

/// A connection, sync or async.
pub trait Executor {
    /// The backend of the connection.
    type Backend: SoftDeleteBackend;

    /// Whether a transaction is open.
    fn in_transaction(&mut self) -> QueryResult<bool>;
    /// Opens a transaction.
    fn begin(&mut self) -> BoxFuture<'_, ()>;
    /// Commits it.
    fn commit(&mut self) -> BoxFuture<'_, ()>;
    /// Takes it back.
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
    /// The answer to a question.
    fn query_text(&mut self, question: Question) -> BoxFuture<'_, Vec<Row>>;
    /// Executes a statement of text.
    fn execute_text(&mut self, statement: Question) -> BoxFuture<'_, usize>;
    /// Waits.
    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// A connection of Diesel.
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

/// Ends the transaction as the result of its work says.
pub(crate) async fn end<X: Executor, T>(x: &mut X, result: Result<T, Error>) -> Result<T, Error> {
    match result {
        Ok(value) => match x.commit().await {
            Ok(()) => Ok(value),
            // After a commit that failed the transaction is gone, unless Diesel says otherwise.
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
            // A deadlock has ended the savepoint already.
            Err(_) if passes(&error) => Err(error),
            Err(rollback) => Err(rollback.into()),
        },
    }
}

/// Runs a future over [`Blocking`] to its end.
pub(crate) fn block<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // Everything below it is ready, so the first poll is the last.
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
        // A timer that needs no runtime's own.
        Box::pin(async move {
            futures_timer::Delay::new(duration).await;
            Ok(())
        })
    }
}
