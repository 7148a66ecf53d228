//! Sends the statements of a job.

use std::marker::PhantomData;

use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::QueryFragment;
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;

use super::archive::ArchiveTable;
use super::driver::{Batches, KeyValue, Sought};
use super::look_ahead::KeyRange;
use super::sql::{Archive, Count, Counted, Delete, Eligible, Find, HeldKeys};
use crate::connection::Executor;
use crate::declare::{Key, KeyOf, SoftDeletable, Timestamped};
use crate::dialect::{Dialect, SoftDeleteBackend};
use crate::schema::Reference;
use crate::statement::Cutoff;

/// The statements of a job, with the rows and the archive that they are about.
#[allow(missing_debug_implementations, reason = "nobody can name it")]
pub struct Statements<T, P, G, A>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(super) rows: Eligible<T, P, G>,
    pub(super) archive: A,
}

impl<T, P, G, A, DB> Batches<DB> for Statements<T, P, G, A>
where
    DB: SoftDeleteBackend + QueryMetadata<KeyOf<T>> + QueryMetadata<BigInt>,
    T: SoftDeletable + QueryFragment<DB>,
    T::Stamp: Timestamped,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
    Cutoff<T>: QueryFragment<DB>,
    KeyOf<T>: Key<DB>,
    A: ArchiveTable<DB>,
    i64: FromSqlRow<BigInt, DB>,
{
    type Key = KeyOf<T>;

    async fn find<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        what: Sought<'_, KeyValue<Self, DB>>,
    ) -> QueryResult<Option<KeyValue<Self, DB>>> {
        let found = x.load(Find { rows: &self.rows, sought: what }).await?;
        Ok(found.into_iter().next())
    }

    async fn count<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        counted: &Counted<'_, KeyValue<Self, DB>>,
    ) -> QueryResult<u64> {
        let rows: Vec<i64> = x.load(Count { rows: &self.rows, counted }).await?;
        Ok(rows.first().copied().and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default())
    }

    fn references(&self) -> &[Reference] {
        &self.rows.references
    }

    async fn held_keys<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        reference: &Reference,
        limit: u64,
    ) -> QueryResult<Vec<KeyValue<Self, DB>>> {
        x.load(HeldKeys { rows: &self.rows, reference, limit, _key: PhantomData }).await
    }

    async fn delete<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        range: &KeyRange<KeyValue<Self, DB>>,
    ) -> QueryResult<u64> {
        Ok(x.execute(Delete { rows: &self.rows, range }).await? as u64)
    }

    async fn archive<X: Executor<Backend = DB>>(
        &self,
        x: &mut X,
        range: &KeyRange<KeyValue<Self, DB>>,
        columns: &[String],
        dialect: Dialect,
    ) -> QueryResult<u64> {
        Ok(x.execute(Archive { rows: &self.rows, range, archive: &self.archive, columns, dialect }).await? as u64)
    }
}
