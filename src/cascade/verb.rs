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

/// A soft delete or a restore together with the declared children.
///
/// [`.cascade()`](Transition::cascade) returns it, and says which rows it changes.
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
    /// The value is text, and the database converts it to the column's type. To assign columns of the root's rows only,
    /// call [`set`](Transition::set) before `.cascade()`.
    ///
    /// # Errors
    ///
    /// These errors come before the first statement:
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

    /// Sets the identifier for the `operation` columns, instead of a new one.
    ///
    /// The identifier must be unique. A restore treats all rows with the same identifier as deleted by one operation.
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
    /// Runs the cascade, and returns how many rows of each table changed. [`cascade`](Transition::cascade) says which.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`cascade`](Transition::cascade). If it fails, nothing has changed.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<CascadeReport, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = CascadeReport>,
    {
        self.run_blocking(conn)
    }

    /// Returns the report that [`run`](Self::run) would return now, and changes nothing. It runs the operation and
    /// rolls it back.
    ///
    /// It also returns the error that [`run`](Self::run) would return, such as that of a unique index or a trigger. The
    /// preview takes the locks of the operation while it runs. Inside a transaction, MySQL keeps them until the
    /// transaction ends. The report does not contain a new identifier, since [`run`](Self::run) would generate another
    /// one.
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
    /// It returns the errors of [`run`](Self::run).
    pub fn preview<Conn>(&self, conn: &mut Conn) -> Result<CascadeReport, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: AnswersText,
        Q: CascadeRoot<Conn::Backend>,
    {
        block(run::run(&self.root, &mut Blocking(conn), &self.options, true))
    }

    /// Runs the cascade on a connection of diesel-async; otherwise it is [`run`](Self::run).
    ///
    /// A dropped future leaves its transaction open, as with any transaction of diesel-async. Then discard the
    /// connection, which the pools of diesel-async do themselves.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<CascadeReport, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Self: RunsOn<Conn::Backend, Output = CascadeReport>,
    {
        self.run_asynchronous(conn).await
    }

    /// Runs [`preview`](Self::preview) on a connection of diesel-async.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`run`](Self::run).
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
