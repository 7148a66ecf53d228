//! `.cascade()` and what it returns.

use diesel::connection::LoadConnection;

use super::report::CascadeReport;
use super::root::CascadeRoot;
use super::run;
use super::run::Options;
use crate::connection::{AnswersText, Blocking, RunsOn, block, runs_on};
use crate::declare::{FixedTime, RestoreVerb, SoftDeletable, SoftDeleteVerb};
use crate::diesel_internals::NamedTable;
use crate::error::Error;
use crate::statement::{NoReturning, Transition};

/// A soft delete or a restore with the declared children, as [`.cascade()`](Transition::cascade) returns it.
#[derive(Clone)]
#[must_use = "a cascade does nothing until `.run(conn)`"]
pub struct Cascading<Q> {
    root: Q,
    options: Options,
}

/// The verbs that can cascade: a soft delete and a restore without `.without_cascade()`.
#[diagnostic::on_unimplemented(
    message = "`.without_cascade()` was called, so this statement cannot cascade",
    note = "leave `.without_cascade()` out"
)]
pub trait Cascades {}

impl Cascades for SoftDeleteVerb {}
impl Cascades for RestoreVerb {}

impl<V, T, P, G, S, X, Set, C> Transition<V, T, P, G, S, X, Set, C, NoReturning> {
    /// Changes the children of the rows too, as the declarations of the tables say.
    #[doc = include_str!("cascade.md")]
    pub fn cascade(self) -> Cascading<Self>
    where
        V: Cascades,
        T: SoftDeletable,
        S: FixedTime,
        X: FixedTime,
    {
        Cascading { root: self, options: Options::default() }
    }
}

impl<T, P, G, S, X, Set, C> Cascading<Transition<SoftDeleteVerb, T, P, G, S, X, Set, C, NoReturning>> {
    /// Sets a column of `metadata(..)` in every table of the cascade that declares it, including the root's.
    ///
    /// The value is text, and the database converts it to the column's type. To assign columns of only the root's
    /// rows, call [`set`](Transition::set) before `.cascade()`.
    ///
    /// # Errors
    ///
    /// They are returned before the first statement.
    ///
    /// * [`NoSuchMetadata`](Error::NoSuchMetadata): no table declares the column.
    /// * [`ColumnSetTwice`](Error::ColumnSetTwice): `.set(..)` assigns the column too.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// posts::table.find(1).soft_delete().cascade().set_all("deleted_by", "root").run(conn)?;
    /// assert_eq!(posts::table.find(1).select(posts::deleted_by).first(conn), Ok(Some(String::from("root"))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_all(mut self, column: impl Into<String>, value: impl ToString) -> Self {
        self.options.metadata.push((column.into(), value.to_string()));
        self
    }

    /// Sets the identifier that the `operation` columns get, instead of a new one.
    ///
    /// It must be unique: a restore treats all rows with one identifier as deleted by one operation.
    ///
    /// # Errors
    ///
    /// [`InvalidOperation`](Error::InvalidOperation): a column is a number or a UUID, and the identifier is not.
    pub fn operation(mut self, id: impl ToString) -> Self {
        self.options.operation = Some(id.to_string());
        self
    }
}

impl<Q> Cascading<Q> {
    /// Runs the cascade. [`cascade`](Transition::cascade) describes what it changes.
    ///
    /// # Errors
    ///
    /// Those of [`cascade`](Transition::cascade). Nothing is changed then.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<CascadeReport, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = CascadeReport>,
    {
        self.run_blocking(conn)
    }

    /// Reports what [`run`](Self::run) would do now, and changes nothing. It runs the operation and rolls it back.
    ///
    /// An error that [`run`](Self::run) would return, such as that of a unique index or a trigger, is returned here
    /// too. The preview takes the locks of the operation while it runs. Inside a transaction, MySQL keeps them until
    /// the transaction ends. The report does not contain a new identifier, since [`run`](Self::run) would make
    /// another one.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let delete = posts::table.filter(posts::user_id.eq(1)).soft_delete().cascade();
    /// assert_eq!(delete.preview(conn)?.rows("posts"), 1);
    /// assert_eq!(posts::table.active().count().get_result::<i64>(conn)?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn preview<Conn>(&self, conn: &mut Conn) -> Result<CascadeReport, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: AnswersText,
        Q: CascadeRoot<Conn::Backend>,
    {
        block(run::run(&self.root, &mut Blocking(conn), &self.options, true))
    }

    /// [`run`](Self::run) for a connection of diesel-async.
    ///
    /// A future that is dropped leaves its transaction open, like any transaction of diesel-async. Discard the
    /// connection then; the pools of diesel-async do.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<CascadeReport, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Self: RunsOn<Conn::Backend, Output = CascadeReport>,
    {
        self.run_asynchronous(conn).await
    }

    /// [`preview`](Self::preview) for a connection of diesel-async.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn preview_async<Conn>(&self, conn: &mut Conn) -> Result<CascadeReport, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Conn::Backend: AnswersText,
        Q: CascadeRoot<Conn::Backend>,
    {
        run::run(&self.root, &mut crate::connection::Asynchronous(conn), &self.options, true).await
    }
}

impl<Q, DB> RunsOn<DB> for Cascading<Q>
where
    DB: AnswersText,
    Q: CascadeRoot<DB>,
{
    runs_on!(CascadeReport, async |cascade: Self, x| run::run(&cascade.root, x, &cascade.options, false).await);
}

impl<V, T: NamedTable, P, G, S, X, Set, C> std::fmt::Debug
    for Cascading<Transition<V, T, P, G, S, X, Set, C, NoReturning>>
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cascading")
            .field("table", &T::table_name())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
