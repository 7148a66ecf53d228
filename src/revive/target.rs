//! What depends on the types of the table and the values: the three statements, on a backend.

use diesel::backend::Backend;
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{HasSqlType, Integer};

use super::sql::{ByKey, Look, LookTypes, Revive, Values};
use super::values::Assignments;
use super::verb::OnKey;
use crate::cascade::{CascadeRoot, Options, can_restore, run_cascade};
use crate::connection::Executor;
use crate::declare::{Key, KeyOf, Node, RestoreVerb, SoftDeletable, TableColumns, WithChildren, WithoutCascade};
use crate::diesel_internals::TableName;
use crate::error::Error;
use crate::statement::{Condition, Restore, TouchOf};

/// An `insert_or_revive(..).on(..)` that can run on a backend.
#[diagnostic::on_unimplemented(
    message = "this `insert_or_revive` cannot run on the backend `{DB}`",
    note = "the values, the primary key and the key of `.on(..)` must be of SQL types that the backend has; and the values \
            a tuple of `column.eq(value)`, or a struct with `#[derive(Insertable, AsChangeset)]`"
)]
pub trait Revivable<DB: Backend> {
    /// A primary key of the table.
    #[doc(hidden)]
    type Row: PartialEq + Send + Sync;

    /// The table, for messages.
    #[doc(hidden)]
    fn table(&self) -> String;
    /// What forbids the statements.
    #[doc(hidden)]
    fn check(&self) -> Result<(), Error>;
    /// The row that has the key, and whether it is live.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn look<X>(&self, x: &mut X, lock: bool) -> QueryResult<Option<(Self::Row, bool)>>
    where
        X: Executor<Backend = DB>;
    /// Revives a deleted row; 0 if it is not deleted any more.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn revive<X>(&self, x: &mut X, row: &Self::Row) -> Result<usize, Error>
    where
        X: Executor<Backend = DB>;
    /// Inserts the values.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn insert<X>(&self, x: &mut X) -> QueryResult<usize>
    where
        X: Executor<Backend = DB>;
}

/// How a deleted row is revived: alone, or with what was deleted along with it.
pub trait Way<DB: Backend, T: SoftDeletable, I, C>: Sized
where
    KeyOf<T>: Key<DB>,
{
    /// Whether the children come along.
    const CASCADES: bool;

    /// What forbids a revival, whatever row is there.
    fn check() -> Result<(), Error> {
        Ok(())
    }

    /// Revives the row; 0 if it is not deleted any more.
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn revive<X>(
        verb: &OnKey<T, I, C, Self>,
        x: &mut X,
        row: &<KeyOf<T> as Key<DB>>::Value,
    ) -> Result<usize, Error>
    where
        X: Executor<Backend = DB>;
}

macro_rules! alone {
    ($($Way:ty),+) => {
        $(impl<T, I, C, DB> Way<DB, T, I, C> for $Way
        where
            DB: Backend + HasSqlType<Integer>,
            T: SoftDeletable + QueryFragment<DB>,
            TouchOf<T>: QueryFragment<DB>,
            C: Assignments<DB>,
            KeyOf<T>: Key<DB>,
        {
            const CASCADES: bool = false;

            async fn revive<X>(
                verb: &OnKey<T, I, C, Self>,
                x: &mut X,
                row: &<KeyOf<T> as Key<DB>>::Value,
            ) -> Result<usize, Error>
            where
                X: Executor<Backend = DB>,
            {
                Ok(x.execute(Revive { verb, row }).await?)
            }
        })+
    };
}

alone!(RestoreVerb, WithoutCascade<RestoreVerb>);

impl<T, I, C, DB> Way<DB, T, I, C> for WithChildren
where
    DB: Backend + HasSqlType<Integer>,
    T: SoftDeletable + QueryFragment<DB>,
    T::AllColumns: TableColumns,
    C: Assignments<DB>,
    KeyOf<T>: Key<DB>,
    for<'a> Restoration<'a, T, I, C, <KeyOf<T> as Key<DB>>::Value>: CascadeRoot<DB>,
{
    const CASCADES: bool = true;

    fn check() -> Result<(), Error> {
        can_restore(Node::soft_deletable::<T>())
    }

    async fn revive<X>(
        verb: &OnKey<T, I, C, Self>,
        x: &mut X,
        row: &<KeyOf<T> as Key<DB>>::Value,
    ) -> Result<usize, Error>
    where
        X: Executor<Backend = DB>,
    {
        let condition = Condition::Plain(ByKey { verb, row });
        let restore: Restoration<'_, T, I, C, _> = Restore::new(verb.table.clone(), condition).assigning(Values(verb));
        let report = run_cascade(&restore, x, &Options::default(), false).await?;
        Ok(report.rows(&<T as TableName>::table_name()) as usize)
    }
}

/// The restore of one row, with the values.
type Restoration<'a, T, I, C, K> = Restore<
    T,
    ByKey<'a, OnKey<T, I, C, WithChildren>, K>,
    ByKey<'a, OnKey<T, I, C, WithChildren>, K>,
    TouchOf<T>,
    Values<'a, OnKey<T, I, C, WithChildren>>,
>;

impl<T, I, C, W, DB> Revivable<DB> for OnKey<T, I, C, W>
where
    DB: Backend + HasSqlType<Integer> + QueryMetadata<LookTypes<T>>,
    T: SoftDeletable + QueryFragment<DB>,
    T::AllColumns: TableColumns,
    I: QueryFragment<DB> + QueryId,
    C: Assignments<DB>,
    KeyOf<T>: Key<DB>,
    W: Way<DB, T, I, C>,
    (<KeyOf<T> as Key<DB>>::Value, i32): FromSqlRow<LookTypes<T>, DB>,
{
    type Row = <KeyOf<T> as Key<DB>>::Value;

    fn table(&self) -> String {
        <T as TableName>::table_name()
    }

    fn check(&self) -> Result<(), Error> {
        self.check_columns(W::CASCADES)?;
        W::check()?;
        let assignments = self.changeset.assignments();
        match self.key.iter().find(|part| !assignments.iter().any(|assignment| assignment.is_of(&part.column))) {
            None => Ok(()),
            Some(part) => Err(part.without_value()),
        }
    }

    async fn look<X>(&self, x: &mut X, lock: bool) -> QueryResult<Option<(Self::Row, bool)>>
    where
        X: Executor<Backend = DB>,
    {
        let rows: Vec<(Self::Row, i32)> = x.load(Look { verb: self, lock }).await?;
        Ok(rows.into_iter().next().map(|(row, live)| (row, live == 1)))
    }

    async fn revive<X>(&self, x: &mut X, row: &Self::Row) -> Result<usize, Error>
    where
        X: Executor<Backend = DB>,
    {
        W::revive(self, x, row).await
    }

    async fn insert<X>(&self, x: &mut X) -> QueryResult<usize>
    where
        X: Executor<Backend = DB>,
    {
        x.execute(&self.insert).await
    }
}
