//! The one bound of `.run(conn)`.

use diesel::backend::Backend;
use diesel::connection::LoadConnection;

use crate::error::Error;

/// A statement or a job that has a `.run(conn)` on connections of the backend `DB`.
///
/// A generic function needs this one bound to call `.run(conn)` and `.run_async(conn)`.
///
/// ```
/// # include!("../doctest_setup.rs");
/// use diesel::connection::LoadConnection;
/// use diesel::dsl::Find;
/// use diesel::query_dsl::methods::FindDsl;
/// use diesel_soft_delete::dsl::SoftDelete;
/// use diesel_soft_delete::methods::{RunsOn, SoftDeleteTarget};
///
/// fn delete_by_id<T, Id, Conn>(table: T, id: Id, conn: &mut Conn) -> Result<usize, diesel_soft_delete::Error>
/// where
///     T: FindDsl<Id>,
///     Conn: LoadConnection,
///     Find<T, Id>: SoftDeleteTarget,
///     SoftDelete<Find<T, Id>>: RunsOn<Conn::Backend, Output = usize>,
/// {
///     table.find(id).soft_delete().run(conn)
/// }
///
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// assert_eq!(delete_by_id(posts::table, 1, conn)?, 1);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this cannot run on the backend `{DB}`",
    note = "the columns of the statement must be of SQL types that the backend has"
)]
pub trait RunsOn<DB: Backend>: Sized {
    /// What `.run(conn)` returns.
    type Output;

    /// Runs it.
    #[doc(hidden)]
    fn run_blocking<Conn>(self, conn: &mut Conn) -> Result<Self::Output, Error>
    where
        Conn: LoadConnection<Backend = DB>;

    /// Runs it on a connection of diesel-async.
    #[cfg(feature = "async")]
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn run_asynchronous<Conn>(self, conn: &mut Conn) -> Result<Self::Output, Error>
    where
        Conn: diesel_async::AsyncConnection<Backend = DB>;
}

/// The body of an `impl RunsOn<DB>`, from an async function that takes the value and an [`Executor`](super::Executor).
macro_rules! runs_on {
    ($Output:ty, $run:expr) => {
        type Output = $Output;

        fn run_blocking<Conn>(self, conn: &mut Conn) -> Result<$Output, $crate::error::Error>
        where
            Conn: diesel::connection::LoadConnection<Backend = DB>,
        {
            $crate::connection::block($run(self, &mut $crate::connection::Blocking(conn)))
        }

        #[cfg(feature = "async")]
        async fn run_asynchronous<Conn>(self, conn: &mut Conn) -> Result<$Output, $crate::error::Error>
        where
            Conn: diesel_async::AsyncConnection<Backend = DB>,
        {
            $run(self, &mut $crate::connection::Asynchronous(conn)).await
        }
    };
}
pub(crate) use runs_on;
