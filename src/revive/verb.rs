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
use crate::diesel_internals::NamedTable;
use crate::error::Error;
use crate::statement::{TouchOf, assigns};

/// What an [`insert_or_revive`](InsertOrReviveDsl::insert_or_revive) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revival {
    /// No row had the key. The values were inserted.
    Inserted,
    /// A deleted row had the key. It is active again and has the values.
    Revived,
    /// An active row has the key. Nothing was changed.
    Live,
}

/// The method `insert_or_revive` on tables. The trait is in the prelude.
pub trait InsertOrReviveDsl: Table {
    /// Inserts a row under a key, or revives the deleted row that has the key.
    ///
    /// If an active row has the key, nothing changes. Call [`.on(columns)`](InsertOrRevive::on) on the result to name
    /// the key.
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

/// An `insert_or_revive` that does not have a key yet; [`.on(columns)`](Self::on) names it.
#[derive(Clone, Copy)]
#[must_use = "`.on(columns)` names the key, and `.run(conn)` runs it"]
pub struct InsertOrRevive<T, V> {
    table: T,
    values: V,
}

/// An `insert_or_revive` with its key, which [`.on(columns)`](InsertOrRevive::on) returns.
///
/// `W` says what happens to the children of a revived row: `.cascade()`, `.without_cascade()`, or not decided yet.
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
    /// The columns in which a revived row keeps its values unless new ones are given. `None` stands for all columns.
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
    /// The order of the columns does not matter. [`insert_or_revive`](InsertOrReviveDsl::insert_or_revive) describes
    /// which row changes.
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
        let part = |column| KeyPart { table: <T as NamedTable>::table_name(), column };
        OnKey {
            insert: diesel::insert_into(self.table.clone()).values(self.values.clone()),
            table: self.table,
            changeset: self.values.as_changeset(),
            key: K::columns().into_iter().map(part).collect(),
            primary_key: columns_in::<T, T::PrimaryKey>(),
            touch: T::Touch::value(Utc::now()),
            kept: Some(Vec::new()),
            unnamed: Unnamed { table: <T as NamedTable>::table_name(), columns: OnceLock::new() },
            way: PhantomData,
        }
    }
}

impl<T, I, C> OnKey<T, I, C>
where
    T: SoftDeletable,
{
    /// Also restores the rows that were deleted along with a revived row.
    ///
    /// It runs [`restore().cascade()`](crate::Restore::cascade) of that row, in the same transaction. The values must
    /// not assign the `touch` column. A table whose declaration names children needs this method or
    /// [`without_cascade`](Self::without_cascade). Without either, it does not compile.
    ///
    /// # Errors
    ///
    /// [`run`](Self::run) also returns the errors of that restore. If it fails, nothing has changed.
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

    /// Revives the row alone. Children that were deleted along with it stay deleted.
    ///
    /// A table whose declaration names children needs this method or [`cascade`](Self::cascade). Without either, it
    /// does not compile.
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
    /// Lets a revived row keep its old values in a column, or in a tuple of columns, that the values do not name.
    ///
    /// If the values name such a column, it gets the new value. An `Option` field that is `None` does not name its
    /// column, except under `#[diesel(treat_none_as_null = true)]`. Without `.keeping(..)`, a column that is not named
    /// is the error [`UnnamedColumns`](Error::UnnamedColumns).
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

    /// Lets a revived row keep its old values in every column that the values do not name.
    ///
    /// This includes columns that are added to the table later. Do not use it if a column gives rights, such as
    /// `is_admin`.
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

    /// Returns the columns that need a value or a `.keeping(..)`.
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

    /// Runs it, and returns whether the row was inserted, revived, or active already.
    ///
    /// # Errors
    ///
    /// If it fails, nothing has changed, and a transaction around the call can continue. These errors come before the
    /// first statement:
    ///
    /// * [`KeyWithoutValue`](Error::KeyWithoutValue): the values do not assign a column of the key.
    /// * [`ColumnSetTwice`](Error::ColumnSetTwice): the values assign a column of the soft deletion.
    /// * [`UnnamedColumns`](Error::UnnamedColumns): the values do not name a column, and neither does `.keeping(..)`.
    ///
    /// The database can cause these errors:
    ///
    /// * [`RestoreConflict`](Error::RestoreConflict): another unique index than the key's refuses the revived row.
    /// * [`Database`](Error::Database): a unique index refuses the inserted row, or the database refuses something
    ///   else.
    /// * [`Contended`](Error::Contended): others changed the rows of the key ten times while it ran.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<Revival, Error>
    where
        Conn: LoadConnection,
        Self: RunsOn<Conn::Backend, Output = Revival>,
    {
        self.run_blocking(conn)
    }

    /// Runs it on a connection of diesel-async; otherwise it is [`run`](Self::run).
    ///
    /// A future that is dropped inside a transaction leaves its savepoint open, as with any transaction of
    /// diesel-async. Then discard the connection, which the pools of diesel-async do themselves.
    ///
    /// # Errors
    ///
    /// It returns the errors of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<Revival, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Self: RunsOn<Conn::Backend, Output = Revival>,
    {
        self.run_asynchronous(conn).await
    }

    /// Refuses values that assign a column which a restore sets. A cascade also sets the touch column of all its rows.
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
                Err(Error::ColumnSetTwice { table: <T as NamedTable>::table_name(), column: column.name.to_owned() })
            }
        }
    }
}

impl<T: NamedTable, V> std::fmt::Debug for InsertOrRevive<T, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InsertOrRevive").field("table", &T::table_name()).finish_non_exhaustive()
    }
}

impl<T: SoftDeletable, I, C, W> std::fmt::Debug for OnKey<T, I, C, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key: Vec<&str> = self.key.iter().map(|part| part.column.name).collect();
        let table = <T as NamedTable>::table_name();
        f.debug_struct("OnKey").field("table", &table).field("key", &key).finish_non_exhaustive()
    }
}
