//! How the catalog is asked: every question is one query with answers of one shape, so that the
//! sync and the async way are a loop each.

use diesel::connection::{Connection, LoadConnection};
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Nullable, Text as SqlText};

use super::executor::Executor;
use super::retry::Retries;
use super::text::Text;
use crate::dialect::{Dialect, SoftDeleteBackend};
use crate::diesel_internals::{backend_of, load_all};
use crate::error::Error;

/// How many columns each answer has; a question that selects fewer adds NULLs.
const WIDTH: usize = 12;

type T = Nullable<SqlText>;
type Types = (T, T, T, T, T, T, T, T, T, T, T, T);
type S = Option<String>;
type Loaded = (S, S, S, S, S, S, S, S, S, S, S, S);

/// One line of an answer.
#[derive(Debug)]
pub struct Row([S; WIDTH]);

impl Row {
    fn new((a, b, c, d, e, f, g, h, i, j, k, l): Loaded) -> Self {
        Self([a, b, c, d, e, f, g, h, i, j, k, l])
    }

    /// The text of a column; NULL is empty.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.0[column].as_deref().unwrap_or_default()
    }

    /// The answer to [`Question::dialect`].
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        match self.text(0).trim() {
            "p" => Some(Dialect::Postgres),
            "m" => Some(Dialect::Mysql),
            "s" => Some(Dialect::Sqlite),
            _ => None,
        }
    }

    pub(crate) fn optional(&self, column: usize) -> Option<String> {
        self.0[column].clone()
    }

    /// A boolean, as the databases write one that is cast to text.
    pub(crate) fn is_true(&self, column: usize) -> bool {
        matches!(self.text(column), "1" | "true" | "t" | "YES")
    }

    pub(crate) fn number(&self, column: usize) -> Option<u64> {
        self.text(column).parse().ok()
    }
}

/// A query of the catalog, or one that counts; or a small statement without an answer.
#[derive(Debug, Clone)]
pub struct Question {
    text: Text<DialectLetter>,
    cached: bool,
}

/// The first letter of the dialect's name, as a literal.
#[derive(Debug, Clone)]
struct DialectLetter;

impl Question {
    /// `SELECT` and these expressions, as text.
    pub(crate) fn select(dialect: Dialect, columns: &[&str]) -> Self {
        Self::select_as(if dialect == Dialect::Mysql { "CHAR" } else { "TEXT" }, columns)
    }

    /// The same where the dialect is not known, and so not what it calls a text.
    pub(crate) fn select_as(ty: &str, columns: &[&str]) -> Self {
        let padded = columns.iter().copied().chain(std::iter::repeat("NULL")).take(WIDTH);
        let list = padded.map(|column| format!("CAST({column} AS {ty})")).collect::<Vec<_>>();
        Self::text(&format!("SELECT {}", list.join(", ")))
    }

    /// A statement as it is.
    pub(crate) fn text(sql: &str) -> Self {
        Self { text: Text::from(sql), cached: false }
    }

    pub(crate) fn sql(mut self, sql: &str) -> Self {
        self.text = self.text.sql(sql);
        self
    }

    /// Asks which dialect the connection speaks. See [`Row::dialect`].
    pub(crate) fn dialect() -> Self {
        let mut question = Self::text("SELECT CAST(");
        question.text = question.text.part(DialectLetter);
        question.sql(" AS CHAR(8))").sql(&", CAST(NULL AS CHAR(8))".repeat(WIDTH - 1))
    }

    pub(crate) fn bind(mut self, text: &str) -> Self {
        self.text = self.text.bind(text);
        self
    }

    /// Keeps the statement prepared: it comes again on the same connection.
    pub(crate) fn cached(mut self) -> Self {
        self.cached = true;
        self
    }
}

impl Query for Question {
    type SqlType = Types;
}

impl QueryId for Question {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB> QueryFragment<DB> for Question
where
    DB: SoftDeleteBackend + HasSqlType<SqlText>,
    String: ToSql<SqlText, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.cached {
            // Asked once in the life of a connection.
            out.unsafe_to_cache_prepared();
        }
        self.text.walk(out, |DialectLetter, mut out| {
            let dialect = backend_of(&out).dialect();
            out.push_sql(match dialect {
                Dialect::Postgres => "'p'",
                Dialect::Mysql => "'m'",
                Dialect::Sqlite => "'s'",
            });
            Ok(())
        })
    }
}

/// A backend whose catalog can be read.
///
/// Diesel's backends of PostgreSQL, MySQL and SQLite implement it. So does that of a `MultiConnection` with an
/// implementation of [`SoftDeleteBackend`].
///
/// ```
/// # include!("../doctest_setup.rs");
/// use diesel::connection::LoadConnection;
/// use diesel_soft_delete::migration::{ReadsCatalog, assert_schema};
///
/// fn start<Conn>(conn: &mut Conn) -> Result<(), diesel_soft_delete::Error>
/// where
///     Conn: LoadConnection,
///     Conn::Backend: ReadsCatalog,
/// {
///     assert_schema::<(posts::table, users::table), _>(conn)
/// }
///
/// # fn main() {
/// assert!(start(&mut connection()).is_err());
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "the schema cannot be read through the backend `{Self}`",
    note = "the backends of PostgreSQL, MySQL and SQLite can be checked; for a `MultiConnection` implement `SoftDeleteBackend`"
)]
pub trait ReadsCatalog: AnswersText {}

impl<DB: AnswersText> ReadsCatalog for DB {}

/// A backend whose connections can answer queries of text. That of a `MultiConnection` is one too.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot load rows of nullable `Text`")]
pub trait AnswersText: SoftDeleteBackend {
    /// The answer to a question.
    fn query_text<Conn>(conn: &mut Conn, question: Question) -> QueryResult<Vec<Row>>
    where
        Conn: Connection<Backend = Self> + LoadConnection;

    /// Executes a statement that has no answer.
    fn execute_text<Conn>(conn: &mut Conn, statement: Question) -> QueryResult<usize>
    where
        Conn: Connection<Backend = Self>;

    /// [`query_text`](Self::query_text) for a connection of diesel-async.
    #[cfg(feature = "async")]
    fn query_text_async<Conn>(
        conn: &mut Conn,
        question: Question,
    ) -> impl Future<Output = QueryResult<Vec<Row>>> + Send
    where
        Conn: diesel_async::AsyncConnection<Backend = Self>;

    /// [`execute_text`](Self::execute_text) for a connection of diesel-async.
    #[cfg(feature = "async")]
    fn execute_text_async<Conn>(
        conn: &mut Conn,
        statement: Question,
    ) -> impl Future<Output = QueryResult<usize>> + Send
    where
        Conn: diesel_async::AsyncConnection<Backend = Self>;
}

impl<DB> AnswersText for DB
where
    DB: SoftDeleteBackend + QueryMetadata<Types>,
    Loaded: FromSqlRow<Types, DB>,
    Question: QueryFragment<DB>,
{
    fn query_text<Conn>(conn: &mut Conn, question: Question) -> QueryResult<Vec<Row>>
    where
        Conn: Connection<Backend = Self> + LoadConnection,
    {
        Ok(load_all(conn, question)?.into_iter().map(Row::new).collect())
    }

    fn execute_text<Conn>(conn: &mut Conn, statement: Question) -> QueryResult<usize>
    where
        Conn: Connection<Backend = Self>,
    {
        conn.execute_returning_count(&statement)
    }

    #[cfg(feature = "async")]
    async fn query_text_async<Conn>(conn: &mut Conn, question: Question) -> QueryResult<Vec<Row>>
    where
        Conn: diesel_async::AsyncConnection<Backend = Self>,
    {
        Ok(crate::diesel_internals::load_all_async(conn, question).await?.into_iter().map(Row::new).collect())
    }

    #[cfg(feature = "async")]
    async fn execute_text_async<Conn>(conn: &mut Conn, statement: Question) -> QueryResult<usize>
    where
        Conn: diesel_async::AsyncConnection<Backend = Self>,
    {
        diesel_async::AsyncConnectionCore::execute_returning_count(conn, statement).await
    }
}

/// The answer to a question of the catalog. A question that fails by a deadlock is asked again.
pub(crate) async fn ask<X: Executor>(x: &mut X, question: Question) -> Result<Vec<Row>, Error> {
    let mut retries = Retries::new(x)?;
    loop {
        match x.query_text(question.clone()).await.map_err(Error::from) {
            Err(error) if retries.again(x, &error).await? => {}
            result => return result,
        }
    }
}
