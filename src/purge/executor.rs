//! What the engine asks of a connection: written once, it drives both kinds.
//!
//! The futures of a sync connection are always ready, so that `block` polls each of them once.

use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use diesel::backend::Backend;
use diesel::connection::{LoadConnection, TransactionManager};
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::QueryResult;

use crate::hidden::{in_transaction, load_all};
use crate::migration::{AnswersText, Question, Row};

/// A connection, sync or async.
pub trait Executor {
    /// The backend of the connection.
    type Backend: Backend;

    /// Whether a transaction is open.
    fn in_transaction(&mut self) -> QueryResult<bool>;
    /// Opens a transaction.
    fn begin(&mut self) -> impl Future<Output = QueryResult<()>> + Send;
    /// Commits it.
    fn commit(&mut self) -> impl Future<Output = QueryResult<()>> + Send;
    /// Takes it back.
    fn rollback(&mut self) -> impl Future<Output = QueryResult<()>> + Send;
    /// Executes a statement and returns how many rows it changed.
    fn execute<'q, Q>(&mut self, statement: Q) -> impl Future<Output = QueryResult<usize>> + Send
    where
        Q: QueryFragment<Self::Backend> + QueryId + 'q;
    /// Loads the rows of a query.
    fn load<'q, Q, U>(&mut self, query: Q) -> impl Future<Output = QueryResult<Vec<U>>> + Send
    where
        Self::Backend: QueryMetadata<Q::SqlType>,
        Q: Query + QueryFragment<Self::Backend> + QueryId + 'q,
        U: FromSqlRow<Q::SqlType, Self::Backend> + Send;
    /// The answer to a question.
    fn ask(&mut self, question: Question) -> impl Future<Output = QueryResult<Vec<Row>>> + Send;
    /// Executes a statement of text.
    fn tell(&mut self, statement: Question) -> impl Future<Output = QueryResult<usize>> + Send;
    /// Waits.
    fn sleep(&mut self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// A connection of Diesel.
#[derive(Debug)]
pub struct Blocking<'c, Conn>(pub(super) &'c mut Conn);

impl<Conn> Executor for Blocking<'_, Conn>
where
    Conn: LoadConnection,
    Conn::Backend: AnswersText,
{
    type Backend = Conn::Backend;

    fn in_transaction(&mut self) -> QueryResult<bool> {
        in_transaction(self.0)
    }
    fn begin(&mut self) -> impl Future<Output = QueryResult<()>> + Send {
        ready(Conn::TransactionManager::begin_transaction(self.0))
    }
    fn commit(&mut self) -> impl Future<Output = QueryResult<()>> + Send {
        ready(Conn::TransactionManager::commit_transaction(self.0))
    }
    fn rollback(&mut self) -> impl Future<Output = QueryResult<()>> + Send {
        ready(Conn::TransactionManager::rollback_transaction(self.0))
    }
    fn execute<'q, Q>(&mut self, statement: Q) -> impl Future<Output = QueryResult<usize>> + Send
    where
        Q: QueryFragment<Self::Backend> + QueryId + 'q,
    {
        ready(self.0.execute_returning_count(&statement))
    }
    fn load<'q, Q, U>(&mut self, query: Q) -> impl Future<Output = QueryResult<Vec<U>>> + Send
    where
        Self::Backend: QueryMetadata<Q::SqlType>,
        Q: Query + QueryFragment<Self::Backend> + QueryId + 'q,
        U: FromSqlRow<Q::SqlType, Self::Backend> + Send,
    {
        ready(load_all(self.0, query))
    }
    fn ask(&mut self, question: Question) -> impl Future<Output = QueryResult<Vec<Row>>> + Send {
        ready(Conn::Backend::ask(self.0, question))
    }
    fn tell(&mut self, statement: Question) -> impl Future<Output = QueryResult<usize>> + Send {
        ready(Conn::Backend::tell(self.0, statement))
    }
    fn sleep(&mut self, duration: Duration) -> impl Future<Output = ()> + Send {
        std::thread::sleep(duration);
        ready(())
    }
}

/// Runs a future over [`Blocking`] to its end.
pub(super) fn block<F: Future>(future: F) -> F::Output {
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
pub struct Asynchronous<'c, Conn>(pub(super) &'c mut Conn);

#[cfg(feature = "async")]
impl<Conn> Executor for Asynchronous<'_, Conn>
where
    Conn: diesel_async::AsyncConnection,
    Conn::Backend: AnswersText,
{
    type Backend = Conn::Backend;

    fn in_transaction(&mut self) -> QueryResult<bool> {
        crate::hidden::in_async_transaction(self.0)
    }
    fn begin(&mut self) -> impl Future<Output = QueryResult<()>> + Send {
        <Conn::TransactionManager as diesel_async::TransactionManager<Conn>>::begin_transaction(self.0)
    }
    fn commit(&mut self) -> impl Future<Output = QueryResult<()>> + Send {
        <Conn::TransactionManager as diesel_async::TransactionManager<Conn>>::commit_transaction(self.0)
    }
    fn rollback(&mut self) -> impl Future<Output = QueryResult<()>> + Send {
        <Conn::TransactionManager as diesel_async::TransactionManager<Conn>>::rollback_transaction(self.0)
    }
    fn execute<'q, Q>(&mut self, statement: Q) -> impl Future<Output = QueryResult<usize>> + Send
    where
        Q: QueryFragment<Self::Backend> + QueryId + 'q,
    {
        let future: Conn::ExecuteFuture<'_, 'q> = self.0.execute_returning_count(statement);
        future
    }
    fn load<'q, Q, U>(&mut self, query: Q) -> impl Future<Output = QueryResult<Vec<U>>> + Send
    where
        Self::Backend: QueryMetadata<Q::SqlType>,
        Q: Query + QueryFragment<Self::Backend> + QueryId + 'q,
        U: FromSqlRow<Q::SqlType, Self::Backend> + Send,
    {
        use diesel::result::Error::DeserializationError;
        use futures_util::TryStreamExt;
        let rows: Conn::LoadFuture<'_, 'q> = self.0.load(query);
        async move {
            let mut rows = pin!(rows.await?);
            let mut all = Vec::new();
            while let Some(row) = rows.try_next().await? {
                all.push(U::build_from_row(&row).map_err(DeserializationError)?);
            }
            Ok(all)
        }
    }
    fn ask(&mut self, question: Question) -> impl Future<Output = QueryResult<Vec<Row>>> + Send {
        Conn::Backend::ask_async(self.0, question)
    }
    fn tell(&mut self, statement: Question) -> impl Future<Output = QueryResult<usize>> + Send {
        Conn::Backend::tell_async(self.0, statement)
    }
    fn sleep(&mut self, duration: Duration) -> impl Future<Output = ()> + Send {
        // A timer that needs no runtime's own.
        futures_timer::Delay::new(duration)
    }
}
