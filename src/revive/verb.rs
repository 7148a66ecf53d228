//! `insert_or_revive(values).on(columns)`, and what it returns.

use std::marker::PhantomData;
use std::sync::OnceLock;

use chrono::Utc;
use diesel::connection::LoadConnection;
use diesel::insertable::Insertable;
use diesel::query_builder::{AsChangeset, InsertStatement};
use diesel::query_source::Table;

use super::values::{KeyColumns, KeyPart, Unnamed};
use crate::connection::RunsOn;
use crate::declare::{
    ColumnRef, NullableColumns, RestoreVerb, SoftDeletable, State, TableColumns, TimeColumn, WithChildren,
    WithoutCascade, columns_in,
};
use crate::diesel_internals::TableName;
use crate::error::Error;
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
    /// active row. Complete with [`.on(columns)`](InsertOrRevive::on).
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
///
/// `W` says what becomes of the children of a revived row: not decided yet, `.cascade()` or `.without_cascade()`.
#[must_use = "it does nothing until `.run(conn)`"]
pub struct OnKey<T, I, C, W = RestoreVerb>
where
    T: SoftDeletable,
{
    pub(super) table: T,
    pub(super) insert: I,
    pub(super) changeset: C,
    pub(super) key: Vec<KeyPart>,
    pub(super) primary_key: Vec<ColumnRef>,
    pub(super) touch: TouchOf<T>,
    /// The columns in which a revived row keeps what it holds, if the values do not name them; `None` for all.
    kept: Option<Vec<ColumnRef>>,
    pub(super) unnamed: Unnamed,
    way: PhantomData<W>,
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
    /// let two = (posts::user_id.eq(1), posts::title.eq("Two"), posts::version.eq(1));
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
            kept: Some(Vec::new()),
            unnamed: Unnamed { table: <T as TableName>::table_name(), columns: OnceLock::new() },
            way: PhantomData,
        }
    }
}

impl<T, I, C> OnKey<T, I, C>
where
    T: SoftDeletable,
{
    /// A revived row brings back what was deleted along with it, as
    /// [`restore().cascade()`](crate::Restore::cascade) of that row would, in the same transaction.
    ///
    /// A table whose declaration names children runs only after this or [`without_cascade`](Self::without_cascade). The
    /// `touch` column must not be among the values.
    ///
    /// # Errors
    ///
    /// [`run`](Self::run) fails also with the errors of that restore, and nothing is changed then.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Revival;
    ///
    /// let tess = (users::name.eq("Tess"),);
    /// assert_eq!(users::table.insert_or_revive(tess).on(users::name).cascade().run(conn)?, Revival::Revived);
    /// # Ok(())
    /// # }
    /// ```
    pub fn cascade(self) -> OnKey<T, I, C, WithChildren> {
        self.decided()
    }

    /// A revived row comes back alone: children that were deleted along with it stay deleted.
    ///
    /// A table whose declaration names children runs only after this or [`cascade`](Self::cascade).
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Revival;
    ///
    /// let tess = (users::name.eq("Tess"),);
    /// assert_eq!(users::table.insert_or_revive(tess).on(users::name).without_cascade().run(conn)?, Revival::Revived);
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_cascade(self) -> OnKey<T, I, C, WithoutCascade<RestoreVerb>> {
        self.decided()
    }

    fn decided<W>(self) -> OnKey<T, I, C, W> {
        OnKey {
            table: self.table,
            insert: self.insert,
            changeset: self.changeset,
            key: self.key,
            primary_key: self.primary_key,
            touch: self.touch,
            kept: self.kept,
            unnamed: self.unnamed,
            way: PhantomData,
        }
    }
}

impl<T, I, C, W> OnKey<T, I, C, W>
where
    T: SoftDeletable,
{
    /// Says that a revived row keeps its old values in these columns, where the values do not name them: a column, or a
    /// tuple of columns. A column that the values name gets their value all the same.
    ///
    /// An `Option` field that is `None` does not name its column, except under `#[diesel(treat_none_as_null = true)]`.
    /// Without `.keeping(..)` a column that is not named is the error [`UnnamedColumns`](Error::UnnamedColumns).
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::{Error, Revival};
    ///
    /// // `version` counts the edits of the row, deletions or not.
    /// let two = (posts::user_id.eq(1), posts::title.eq("Two"));
    /// let error = posts::table.insert_or_revive(two).on(posts::title).run(conn).unwrap_err();
    /// assert!(matches!(error, Error::UnnamedColumns { columns, .. } if columns == ["version"]));
    ///
    /// let revive = posts::table.insert_or_revive(two).on(posts::title).keeping(posts::version);
    /// assert_eq!(revive.run(conn)?, Revival::Revived);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keeping<K, Kind>(mut self, columns: K) -> Self
    where
        K: KeyColumns<T, Kind>,
    {
        let _ = columns;
        if let Some(kept) = &mut self.kept {
            kept.extend(K::columns());
        }
        self
    }

    /// Says that a revived row keeps its old values in every column that the values do not name.
    ///
    /// This includes columns that the table gets later. Take care with columns that give rights.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Revival;
    ///
    /// let two = (posts::user_id.eq(1), posts::title.eq("Two"));
    /// let revive = posts::table.insert_or_revive(two).on(posts::title).keeping_the_rest();
    /// assert_eq!(revive.run(conn)?, Revival::Revived);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keeping_the_rest(mut self) -> Self {
        self.kept = None;
        self
    }

    /// The columns that need a value, or a `.keeping(..)`.
    pub(super) fn columns_to_name(&self) -> Vec<ColumnRef>
    where
        T::AllColumns: TableColumns,
    {
        let Some(kept) = &self.kept else { return Vec::new() };
        let reset = T::Reset::columns();
        let own = [Some(ColumnRef::of::<<T::State as State>::Column>()), T::Stamp::column(), T::Touch::column()];
        let own = own.iter().flatten().chain(reset.as_ref()).chain(&self.primary_key).chain(kept);
        let settled: Vec<_> = own.chain(self.key.iter().map(|part| &part.column)).map(|own| own.type_name).collect();
        T::AllColumns::columns().into_iter().filter(|column| !settled.contains(&column.type_name)).collect()
    }

    /// Runs it, and tells which of the three it was.
    ///
    /// # Errors
    ///
    /// Nothing is changed then, and a transaction around it stays usable. Before the first statement is executed:
    /// [`KeyWithoutValue`](Error::KeyWithoutValue), [`ColumnSetTwice`](Error::ColumnSetTwice) and
    /// [`UnnamedColumns`](Error::UnnamedColumns), whichever row is there. Else
    /// [`RestoreConflict`](Error::RestoreConflict), if a unique index that is not that of the key refuses the
    /// revived row; [`Database`](Error::Database), if it refuses the inserted one, and for all else that the database
    /// refuses; [`Contended`](Error::Contended), if others changed the rows of the key ten times while it ran.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<Revival, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = Revival>,
    {
        self.run_blocking(conn)
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
        Self: RunsOn<Conn::Backend, Output = Revival>,
    {
        self.run_asynchronous(conn).await
    }

    /// Refuses values that assign a column which a restore sets; a cascade sets the touch column of all its rows.
    pub(super) fn check_columns(&self, cascades: bool) -> Result<(), Error> {
        let assigned = std::any::type_name::<C>();
        let state = ColumnRef::of::<<T::State as State>::Column>();
        let reset = T::Reset::columns();
        let set = std::iter::once(state).chain(T::Stamp::column());
        let touch = T::Touch::column().filter(|_| cascades);
        let mut set = set.chain(touch).chain(reset.as_ref().iter().copied());
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

impl<T: SoftDeletable, I, C, W> std::fmt::Debug for OnKey<T, I, C, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key: Vec<&str> = self.key.iter().map(|part| part.column.name).collect();
        let table = <T as TableName>::table_name();
        f.debug_struct("OnKey").field("table", &table).field("key", &key).finish_non_exhaustive()
    }
}
