//! `.cascade()`, and what it returns.

use diesel::connection::LoadConnection;

use super::report::CascadeReport;
use super::root::CascadeRoot;
use super::run;
use super::run::Options;
use crate::connection::{AnswersText, Blocking, RunsOn, block, runs_on};
use crate::declare::{FixedTime, RestoreVerb, SoftDeletable, SoftDeleteVerb};
use crate::diesel_internals::TableName;
use crate::error::Error;
use crate::statement::{NoReturning, Transition};

/// A soft delete or a restore along with the children that the declarations name: what
/// [`.cascade()`](Transition::cascade) returns.
#[derive(Clone)]
#[must_use = "a cascade does nothing until `.run(conn)`"]
pub struct Cascading<Q> {
    root: Q,
    options: Options,
}

/// The verbs that can cascade: a soft delete and a restore that were not told to run alone.
#[diagnostic::on_unimplemented(
    message = "this statement was told to run `.without_cascade()`",
    note = "leave `.without_cascade()` out"
)]
pub trait Cascades {}

impl Cascades for SoftDeleteVerb {}
impl Cascades for RestoreVerb {}

impl<V, T, P, G, S, X, Set, C> Transition<V, T, P, G, S, X, Set, C, NoReturning> {
    /// Takes along the children of the rows, as the declarations of the tables say.
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
    /// Sets a column of `metadata(..)` in every table of the cascade that declares it, the root's included.
    ///
    /// The value is text, and the database converts it to the column's type. [`set`](Transition::set) before
    /// `.cascade()` assigns columns of the root's rows alone.
    ///
    /// # Errors
    ///
    /// [`NoSuchMetadata`](Error::NoSuchMetadata) if no table declares the column,
    /// [`ColumnSetTwice`](Error::ColumnSetTwice) if `.set(..)` assigns it too; before the first statement.
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

    /// Sets the identifier of the operation, instead of a new one: for the `operation` columns.
    ///
    /// It has to be unique: a restore takes for one operation what has one identifier.
    ///
    /// # Errors
    ///
    /// [`InvalidOperation`](Error::InvalidOperation) if a column is a number and the identifier is none.
    pub fn operation(mut self, id: impl ToString) -> Self {
        self.options.operation = Some(id.to_string());
        self
    }
}

impl<Q> Cascading<Q> {
    /// Runs the cascade; see [`cascade`](Transition::cascade).
    ///
    /// # Errors
    ///
    /// Those of [`cascade`](Transition::cascade); nothing is changed then.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<CascadeReport, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = CascadeReport>,
    {
        self.run_blocking(conn)
    }

    /// Reports what [`run`](Self::run) would do now, and changes nothing: it runs the operation and rolls it back.
    ///
    /// So what the database would refuse (a unique index, a trigger) is an error here too. It takes the locks of the
    /// operation while it runs. Inside a transaction of yours, MySQL keeps them until that ends. An identifier that
    /// [`run`](Self::run) makes anew is not reported.
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
    /// A future that is dropped half-way leaves its transaction open, as any transaction of diesel-async does:
    /// discard the connection (its pools do).
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

impl<V, T: TableName, P, G, S, X, Set, C> std::fmt::Debug
    for Cascading<Transition<V, T, P, G, S, X, Set, C, NoReturning>>
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cascading")
            .field("table", &T::table_name())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
