//! `insert_or_revive(values).on(columns)`, and what it returns.

use chrono::Utc;
use diesel::connection::LoadConnection;
use diesel::insertable::Insertable;
use diesel::query_builder::{AsChangeset, InsertStatement};
use diesel::query_source::Table;

use super::engine;
use super::target::Revivable;
use super::values::{KeyColumns, KeyPart};
use crate::error::Error;
use crate::executor::{Blocking, block};
use crate::hidden::TableName;
use crate::marker::{ColumnRef, NullableColumns, SoftDeletable, Stamp, State, Touch};
use crate::migration::{AnswersText, TableColumns, columns_in};
use crate::statement::{TouchOf, assigns};

/// What an [`insert_or_revive`](InsertOrReviveDsl::insert_or_revive) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revival {
    /// No row had the key: the values were inserted.
    Inserted,
    /// A soft-deleted row had the key: it is active again, with the values.
    Revived,
    /// An active row has the key: nothing was changed.
    Live,
}

/// `insert_or_revive`, on a table. In the prelude.
pub trait InsertOrReviveDsl: Table {
    /// Writes a row under a key that a soft-deleted row may have: revives that row, or inserts, or reports the
    /// live row. Complete with [`.on(columns)`](InsertOrRevive::on).
    #[doc = include_str!("insert_or_revive.md")]
    fn insert_or_revive<V>(self, values: V) -> InsertOrRevive<Self, V>
    where
        Self: SoftDeletable,
        V: Insertable<Self> + AsChangeset<Target = Self> + Clone,
    {
        InsertOrRevive { table: self, values }
    }
}

impl<T: Table> InsertOrReviveDsl for T {}

/// What [`.insert_or_revive(values)`](InsertOrReviveDsl::insert_or_revive) returns: it needs
/// [`.on(columns)`](Self::on).
#[derive(Clone, Copy)]
#[must_use = "`.on(columns)` names the key, and `.run(conn)` runs it"]
pub struct InsertOrRevive<T, V> {
    table: T,
    values: V,
}

/// What [`.insert_or_revive(values).on(columns)`](InsertOrRevive::on) returns.
#[must_use = "it does nothing until `.run(conn)`"]
pub struct OnKey<T, I, C>
where
    T: SoftDeletable,
{
    pub(super) table: T,
    pub(super) insert: I,
    pub(super) changeset: C,
    pub(super) key: Vec<KeyPart>,
    pub(super) primary_key: Vec<ColumnRef>,
    pub(super) touch: TouchOf<T>,
}

impl<T, V> InsertOrRevive<T, V>
where
    T: SoftDeletable,
    V: Insertable<T> + AsChangeset<Target = T> + Clone,
{
    /// Names the key: a column, or a tuple of columns, that no two active rows share.
    ///
    /// See [`insert_or_revive`](InsertOrReviveDsl::insert_or_revive). The order of the columns means nothing.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Revival;
    ///
    /// let two = (posts::user_id.eq(1), posts::title.eq("Two"));
    /// let key = (posts::user_id, posts::title);
    /// assert_eq!(posts::table.insert_or_revive(two).on(key).run(conn)?, Revival::Revived);
    /// assert_eq!(posts::table.insert_or_revive(two).on(key).run(conn)?, Revival::Live);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on<K, Kind>(self, columns: K) -> OnKey<T, InsertStatement<T, V::Values>, V::Changeset>
    where
        K: KeyColumns<T, Kind>,
        T::AllColumns: TableColumns,
    {
        let _ = columns;
        let part = |column| KeyPart { table: <T as TableName>::table_name(), column };
        OnKey {
            insert: diesel::insert_into(self.table.clone()).values(self.values.clone()),
            table: self.table,
            changeset: self.values.as_changeset(),
            key: K::columns().into_iter().map(part).collect(),
            primary_key: columns_in::<T, T::PrimaryKey>(),
            touch: T::Touch::value(Utc::now()),
        }
    }
}

impl<T, I, C> OnKey<T, I, C>
where
    T: SoftDeletable,
{
    /// Runs it, and tells which of the three it was.
    ///
    /// # Errors
    ///
    /// Nothing is changed then, and a transaction around it stays usable. Before the first statement:
    /// [`KeyWithoutValue`](Error::KeyWithoutValue) and [`ColumnSetTwice`](Error::ColumnSetTwice). Else
    /// [`RestoreConflict`](Error::RestoreConflict), if a unique index that is not that of the key refuses the
    /// revived row; [`Database`](Error::Database), if it refuses the inserted one, and for all else that the database
    /// refuses; [`Contended`](Error::Contended), if others changed the rows of the key ten times while it ran.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<Revival, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: AnswersText,
        Self: Revivable<Conn::Backend>,
    {
        block(engine::run(&self, &mut Blocking(conn)))
    }

    /// [`run`](Self::run) for a connection of diesel-async.
    ///
    /// Inside a transaction, a future that is dropped half-way leaves its savepoint open, as any transaction of
    /// diesel-async does: discard the connection (its pools do).
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<Revival, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Conn::Backend: AnswersText,
        Self: Revivable<Conn::Backend>,
    {
        engine::run(&self, &mut crate::executor::Asynchronous(conn)).await
    }

    /// Refuses values that assign a column which a restore resets.
    pub(super) fn check_columns(&self) -> Result<(), Error> {
        let assigned = std::any::type_name::<C>();
        let state = ColumnRef::of::<<T::State as State>::Column>();
        let reset = T::Reset::columns();
        let mut set = std::iter::once(state).chain(T::Stamp::column()).chain(reset.as_ref().iter().copied());
        match set.find(|column| assigns(assigned, column)) {
            None => Ok(()),
            Some(column) => {
                Err(Error::ColumnSetTwice { table: <T as TableName>::table_name(), column: column.name.to_owned() })
            }
        }
    }
}

impl<T: TableName, V> std::fmt::Debug for InsertOrRevive<T, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InsertOrRevive").field("table", &T::table_name()).finish_non_exhaustive()
    }
}

impl<T: SoftDeletable, I, C> std::fmt::Debug for OnKey<T, I, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key: Vec<&str> = self.key.iter().map(|part| part.column.name).collect();
        let table = <T as TableName>::table_name();
        f.debug_struct("OnKey").field("table", &table).field("key", &key).finish_non_exhaustive()
    }
}
