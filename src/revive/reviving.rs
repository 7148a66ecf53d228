//! Revives a deleted row alone, or as a restore of the cascade.

use diesel::backend::Backend;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{HasSqlType, Integer};

use super::sql::{ByKey, Revive, Values};
use super::values::Assignments;
use super::verb::OnKey;
use crate::cascade::{CascadeRoot, Options, can_restore, run_cascade};
use crate::connection::Executor;
use crate::declare::{Key, KeyOf, Node, RestoreVerb, SoftDeletable, TableColumns, WithChildren, WithoutCascade};
use crate::diesel_internals::NamedTable;
use crate::error::Error;
use crate::statement::{Condition, Restore, TouchOf};

/// A way to revive a deleted row: alone, or with the rows that were deleted along with it.
pub trait Reviving<DB: Backend, T: SoftDeletable, I, C>: Sized
where
    KeyOf<T>: Key<DB>,
{
    /// Whether children are restored too.
    const CASCADES: bool;

    /// Refuses a declaration that does not allow a revival, before any row is read.
    fn check() -> Result<(), Error> {
        Ok(())
    }

    /// Revives the row and returns 1, or 0 if it is no longer deleted.
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
    ($($Reviving:ty),+) => {
        $(impl<T, I, C, DB> Reviving<DB, T, I, C> for $Reviving
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

impl<T, I, C, DB> Reviving<DB, T, I, C> for WithChildren
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
        Ok(report.rows(&<T as NamedTable>::table_name()) as usize)
    }
}

/// The restore of one row that also writes the values.
type Restoration<'a, T, I, C, K> = Restore<
    T,
    ByKey<'a, OnKey<T, I, C, WithChildren>, K>,
    ByKey<'a, OnKey<T, I, C, WithChildren>, K>,
    TouchOf<T>,
    Values<'a, OnKey<T, I, C, WithChildren>>,
>;
