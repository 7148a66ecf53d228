//! The `UPDATE` that takes rows from active to deleted, or back.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, AsExpression, Expression, NonAggregate, SelectableExpression};
use diesel::query_builder::{AsChangeset, AsQuery, AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_source::{Column, Table};
use diesel::result::QueryResult;
use diesel::sql_types::{BoolOrNullableBool, SingleValue, SqlType};

use super::parts::{Changes, NoChanges, NoCondition, OnlyIf};
use super::returning::{NoReturning, Returning};
use super::target::Condition;
use crate::declare::{
    CascadeDecided, ColumnRef, NoTime, NullableColumns, RestoreVerb, Rows, SoftDeletable, SoftDeleteVerb, State,
    TimeColumn, Timestamped, TouchWith, Touched, WithoutCascade, WritesTime,
};
use crate::diesel_internals::{ASSIGNMENT, TableName, writes_nothing};
use crate::error::Error;

/// The direction of a transition.
pub trait Verb {
    /// Whether rows end up deleted.
    const DELETES: bool;
    /// The rows that the verb changes; it leaves all others alone.
    const CHANGES: Rows;
    /// Names the failures that have a name.
    fn error<T: TableName>(error: diesel::result::Error) -> Error;
}

impl<V: Verb> Verb for WithoutCascade<V> {
    const DELETES: bool = V::DELETES;
    const CHANGES: Rows = V::CHANGES;
    fn error<T: TableName>(error: diesel::result::Error) -> Error {
        V::error::<T>(error)
    }
}

impl Verb for SoftDeleteVerb {
    const DELETES: bool = true;
    const CHANGES: Rows = Rows::Active;
    fn error<T: TableName>(error: diesel::result::Error) -> Error {
        error.into()
    }
}

impl Verb for RestoreVerb {
    const DELETES: bool = false;
    const CHANGES: Rows = Rows::Deleted;
    fn error<T: TableName>(error: diesel::result::Error) -> Error {
        Error::of_restore(T::table_name, error)
    }
}

/// The `UPDATE` of a soft delete or a restore: what `.soft_delete()` and `.restore()` return.
///
/// | parameter | what it stands for |
/// |---|---|
/// | `V` | the verb |
/// | `T` | the table |
/// | `P`, `G` | the where clause of the target, plain or grouped |
/// | `S`, `X` | the values of the timestamp and the touch column |
/// | `Set` | further assignments |
/// | `C` | further conditions |
/// | `R` | the `RETURNING` clause |
#[derive(Clone, Copy)]
#[must_use = "a statement does nothing until `.execute(conn)`, `.run(conn)` or `.outcome(conn)`"]
pub struct Transition<V, T, P, G, S, X, Set = NoChanges, C = NoCondition, R = NoReturning> {
    pub(crate) table: T,
    pub(crate) condition: Condition<P, G>,
    pub(crate) stamp: S,
    pub(crate) touch: X,
    pub(crate) set: Set,
    /// A column that `.set(..)` assigns although the statement sets it itself.
    set_twice: Option<&'static str>,
    pub(crate) only_if: C,
    returning: R,
    _verb: PhantomData<V>,
}

/// The default value of the timestamp column of a table.
pub type StampOf<T> = <<T as SoftDeletable>::Stamp as TimeColumn>::Value;
/// The default value of the touch column of a table.
pub type TouchOf<T> = <<T as SoftDeletable>::Touch as TimeColumn>::Value;

/// What `.soft_delete()` returns.
pub type SoftDelete<T, P, G, S = StampOf<T>, X = TouchOf<T>, Set = NoChanges, C = NoCondition, R = NoReturning> =
    Transition<SoftDeleteVerb, T, P, G, S, X, Set, C, R>;

/// What `.restore()` returns.
pub type Restore<T, P, G, X = TouchOf<T>, Set = NoChanges, C = NoCondition, R = NoReturning> =
    Transition<RestoreVerb, T, P, G, NoTime, X, Set, C, R>;

impl<T: SoftDeletable, P, G> SoftDelete<T, P, G> {
    pub(crate) fn new(table: T, condition: Condition<P, G>) -> Self {
        let now = Utc::now();
        Self::unset(table, condition, T::Stamp::value(now), T::Touch::value(now))
    }
}

impl<T: SoftDeletable, P, G> Restore<T, P, G> {
    pub(crate) fn new(table: T, condition: Condition<P, G>) -> Self {
        Self::unset(table, condition, NoTime, T::Touch::value(Utc::now()))
    }
}

impl<V, T, P, G, S, X> Transition<V, T, P, G, S, X> {
    fn unset(table: T, condition: Condition<P, G>, stamp: S, touch: X) -> Self {
        Self {
            table,
            condition,
            stamp,
            touch,
            set: NoChanges,
            set_twice: None,
            only_if: NoCondition,
            returning: NoReturning,
            _verb: PhantomData,
        }
    }

    /// The same with further assignments, which are not a changeset of the caller's.
    pub(crate) fn assigning<Set>(self, set: Set) -> Transition<V, T, P, G, S, X, Set> {
        Transition {
            table: self.table,
            condition: self.condition,
            stamp: self.stamp,
            touch: self.touch,
            set,
            set_twice: None,
            only_if: self.only_if,
            returning: self.returning,
            _verb: PhantomData,
        }
    }
}

impl<V, T, P, G, S, X, Set, C, R> Transition<V, T, P, G, S, X, Set, C, R> {
    /// The same with other times, another condition of `only_if`, another RETURNING, and perhaps another verb.
    #[allow(clippy::type_complexity, reason = "an alias would hide which parameters change")]
    fn with<V2, S2, X2, C2, R2>(
        self,
        change: impl FnOnce(S, X, C, R) -> (S2, X2, C2, R2),
    ) -> Transition<V2, T, P, G, S2, X2, Set, C2, R2> {
        let (stamp, touch, only_if, returning) = change(self.stamp, self.touch, self.only_if, self.returning);
        Transition {
            table: self.table,
            condition: self.condition,
            stamp,
            touch,
            set: self.set,
            set_twice: self.set_twice,
            only_if,
            returning,
            _verb: PhantomData,
        }
    }

    fn with_times<S2, X2>(self, stamp: S2, touch: X2) -> Transition<V, T, P, G, S2, X2, Set, C, R> {
        self.with(|_, _, only_if, returning| (stamp, touch, only_if, returning))
    }

    fn with_condition<C2>(self, wrap: impl FnOnce(C) -> C2) -> Transition<V, T, P, G, S, X, Set, C2, R> {
        self.with(|stamp, touch, only_if, returning| (stamp, touch, wrap(only_if), returning))
    }

    fn with_returning<R2>(self, returning: R2) -> Transition<V, T, P, G, S, X, Set, C, R2> {
        self.with(|stamp, touch, only_if, _| (stamp, touch, only_if, returning))
    }

    /// Changes the rows of the target alone, whatever the children of the table.
    ///
    /// For a table whose declaration names children (`cascade(..)`, `restrict(..)`, `set_null(..)`): there a
    /// soft delete or a restore runs only after this, or as [`cascade`](Self::cascade). Children keep their
    /// state and their references, and a later `restore().cascade()` leaves them alone.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// assert_eq!(users::table.find(1).soft_delete().without_cascade().run(conn)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_cascade(self) -> Transition<WithoutCascade<V>, T, P, G, S, X, Set, C, R> {
        self.with(|stamp, touch, only_if, returning| (stamp, touch, only_if, returning))
    }
}

/// The SQL type of the timestamp column of a table, without its `Nullable`.
type StampType<T> = <<T as SoftDeletable>::Stamp as Timestamped>::SqlType;
/// The SQL type of the touch column of a table, without its `Nullable`.
type TouchType<T> = <<T as SoftDeletable>::Touch as Touched>::SqlType;

impl<T: SoftDeletable, P, G, S, X, Set, C> SoftDelete<T, P, G, S, X, Set, C> {
    /// Sets the time of the deletion: a value or an expression of the timestamp column's type.
    ///
    /// Not of its nullable form: NULL is no time, and a `None` or a nullable expression does not
    /// compile. The `touch` column gets the same value. If its SQL type differs, give
    /// [`db_now()`](crate::db_now), which is read for each column in its own form, or use [`at_utc`](Self::at_utc).
    ///
    /// A timestamp without zone is UTC by convention of this crate; the value is written as it is.
    /// [`db_now()`](crate::db_now) is the database's clock.
    ///
    /// An expression stands in the statement once for each of the two columns, so a volatile one
    /// (`clock_timestamp()`) can give them different values; on MySQL, which assigns from left to
    /// right, one that reads the flag sees the new value. A value that is bound as Diesel's
    /// `Timestamp` becomes NULL on MariaDB beyond 2038: declare the column `Nullable<Datetime>` there, or
    /// use [`at_utc`](Self::at_utc), which refuses it.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use chrono::NaiveDate;
    ///
    /// let noon = NaiveDate::from_ymd_opt(2024, 5, 1).unwrap().and_hms_opt(12, 0, 0).unwrap();
    /// posts::table.find(1).soft_delete().at(noon).run(conn)?;
    /// let stored = posts::table.find(1).select((posts::deleted_at, posts::updated_at));
    /// assert_eq!(stored.first(conn), Ok((Some(noon), noon)));
    /// # Ok(())
    /// # }
    /// ```
    #[allow(clippy::type_complexity, reason = "an alias would hide which parameters change")]
    pub fn at<E>(
        self,
        time: E,
    ) -> SoftDelete<T, P, G, E::Expression, <T::Touch as TouchWith<StampType<T>, E::Expression>>::Value, Set, C>
    where
        T::Stamp: Timestamped,
        StampType<T>: SqlType + SingleValue,
        E: AsExpression<StampType<T>>,
        E::Expression: AppearsOnTable<T>,
        T::Touch: TouchWith<StampType<T>, E::Expression>,
    {
        let time = time.as_expression();
        let touch = T::Touch::with(&time);
        self.with_times(time, touch)
    }

    /// Sets the time of the deletion, in UTC, converted to the type of each column.
    ///
    /// It is cut off below microseconds, and to the unit of an integer column.
    ///
    /// # Errors
    ///
    /// The statement fails with [`InstantOutOfRange`](Error::InstantOutOfRange) if the time does
    /// not fit the column.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use chrono::{TimeDelta, Utc};
    ///
    /// let a_month_ago = Utc::now() - TimeDelta::days(31);
    /// posts::table.find(1).soft_delete().at_utc(a_month_ago).run(conn)?;
    /// assert_eq!(posts::table.find(1).purge_older_than(TimeDelta::days(30)).run(conn)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn at_utc(self, time: DateTime<Utc>) -> SoftDelete<T, P, G, StampOf<T>, TouchOf<T>, Set, C>
    where
        (T::Stamp, T::Touch): WritesTime,
    {
        self.with_times(T::Stamp::value(time), T::Touch::value(time))
    }
}

impl<T: SoftDeletable, P, G, X, Set, C> Restore<T, P, G, X, Set, C> {
    /// Sets the time that a restore writes to the `touch` column: a value or an expression of that
    /// column's type.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::db_now;
    /// assert_eq!(posts::table.find(2).restore().at(db_now()).run(conn)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn at<E>(self, time: E) -> Restore<T, P, G, E::Expression, Set, C>
    where
        T::Touch: Touched,
        TouchType<T>: SqlType + SingleValue,
        E: AsExpression<TouchType<T>>,
        E::Expression: AppearsOnTable<T>,
    {
        self.with_times(NoTime, time.as_expression())
    }

    /// Sets the time that a restore writes to the `touch` column, in UTC.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// assert_eq!(posts::table.find(2).restore().at_utc(chrono::Utc::now()).run(conn)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn at_utc(self, time: DateTime<Utc>) -> Restore<T, P, G, TouchOf<T>, Set, C>
    where
        T::Touch: Touched,
    {
        self.with_times(NoTime, T::Touch::value(time))
    }
}

impl<V: Verb, T: SoftDeletable, P, G, S, X, C> Transition<V, T, P, G, S, X, NoChanges, C> {
    /// Adds assignments to the same `UPDATE`: anything Diesel's own `.set(..)` takes.
    ///
    /// For the `metadata(..)` columns, above all, which a restore resets. They are written for the
    /// rows that change state and for no others. They stand first in the `SET` list, so that they
    /// see the old row on MySQL too. One call takes all of them, as a tuple or an `AsChangeset`
    /// struct; it comes before `.returning(..)`.
    ///
    /// # Errors
    ///
    /// The statement fails with [`ColumnSetTwice`](Error::ColumnSetTwice), and nothing is sent,
    /// if a column is assigned that it sets itself. (A derived `AsChangeset` counts with all its
    /// fields, `None` or not.)
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// posts::table.find(1).soft_delete().set(posts::deleted_by.eq("root")).run(conn)?;
    /// assert_eq!(posts::table.find(1).select(posts::deleted_by).first(conn), Ok(Some(String::from("root"))));
    ///
    /// assert!(posts::table.find(1).soft_delete().set(posts::is_deleted.eq(true)).run(conn).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn set<Set>(self, changes: Set) -> Transition<V, T, P, G, S, X, Changes<Set::Changeset>, C>
    where
        Set: AsChangeset<Target = T>,
    {
        Transition {
            table: self.table,
            condition: self.condition,
            stamp: self.stamp,
            touch: self.touch,
            set_twice: column_set_twice::<V, T, Set::Changeset>(),
            set: Changes(changes.as_changeset()),
            only_if: self.only_if,
            returning: self.returning,
            _verb: PhantomData,
        }
    }
}

impl<V, T: SoftDeletable, P, G, S, X, Set, C> Transition<V, T, P, G, S, X, Set, C> {
    /// Adds a condition that [`outcome`](Self::outcome) can tell from "not found": a version check,
    /// a permission.
    ///
    /// A filter in the target says which row is meant; `only_if` says when it may change. Rows for
    /// which it is false or NULL are left alone.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// use diesel_soft_delete::Outcome;
    ///
    /// let delete_version = |version: i32| posts::table.find(1).soft_delete().only_if(posts::version.eq(version));
    /// assert_eq!(delete_version(7).outcome(conn)?, Outcome::Refused);
    /// assert_eq!(delete_version(1).outcome(conn)?, Outcome::Changed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn only_if<E>(self, predicate: E) -> Transition<V, T, P, G, S, X, Set, OnlyIf<C, E>>
    where
        E: Expression + AppearsOnTable<T> + NonAggregate,
        E::SqlType: BoolOrNullableBool,
    {
        self.with_condition(|before| OnlyIf(before, predicate))
    }

    /// Returns columns of the changed rows, where the backend has `RETURNING` (PostgreSQL; SQLite
    /// behind the feature `returning_clauses_for_sqlite_3_35`).
    ///
    /// Without it `.get_result(conn)` and `.get_results(conn)` return all columns.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> Result<(), diesel_soft_delete::Error> {
    /// # let conn = &mut connection();
    /// let titles: Vec<String> = posts::table.soft_delete().returning(posts::title).get_results(conn)?;
    /// assert_eq!(titles, ["One", "Three"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn returning<E>(self, columns: E) -> Transition<V, T, P, G, S, X, Set, C, Returning<E>>
    where
        E: SelectableExpression<T> + NonAggregate,
    {
        self.with_returning(Returning(columns))
    }
}

/// The first column among those the statement sets that the changeset assigns too.
///
/// A changeset's type is built from `ColumnWrapperForUpdate<column>` for every assignment, and
/// the type's name spells that out; there is no other way to look into one that a derive made.
/// Should the spelling ever change, the statement's own assignments still win on SQLite and
/// MySQL, where they come last, and PostgreSQL refuses the second assignment itself.
fn column_set_twice<V: Verb, T: SoftDeletable, Changeset>() -> Option<&'static str> {
    let assigned = std::any::type_name::<Changeset>();
    let flag = T::State::MODE.assignment(V::DELETES).map(|_| ColumnRef::of::<<T::State as State>::Column>());
    let reset = T::Reset::columns();
    let reset: &[ColumnRef] = if V::DELETES { &[] } else { reset.as_ref() };
    [flag, T::Stamp::column(), T::Touch::column()]
        .into_iter()
        .flatten()
        .chain(reset.iter().copied())
        .find(|column| assigns(assigned, column))
        .map(|column| column.name)
}

/// Whether a changeset, by the name of its type, assigns the column.
pub(crate) fn assigns(changeset: &str, column: &ColumnRef) -> bool {
    // Every `.set(..)` comes here, so nothing is allocated for it.
    let mut assigned = changeset.split(ASSIGNMENT).skip(1);
    assigned.any(|rest| rest.strip_prefix(column.type_name).is_some_and(|rest| rest.starts_with('>')))
}

impl<V, T, P, G, S, X, Set, C, R> Transition<V, T, P, G, S, X, Set, C, R>
where
    V: Verb,
    T: SoftDeletable,
{
    /// Refuses a statement that would set a column twice.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.set_twice {
            None => Ok(()),
            Some(column) => Err(Error::ColumnSetTwice { table: T::table_name(), column: column.to_owned() }),
        }
    }

    /// Writes the test for rows that the verb changes.
    pub(super) fn walk_guard<'b, DB>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        self.walk_state(V::CHANGES, out)
    }

    /// Writes the test for rows of a state.
    pub(super) fn walk_state<'b, DB>(&'b self, rows: Rows, out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        T::State::MODE.walk(rows, out, |mut out| {
            self.table.walk_ast(out.reborrow())?;
            out.push_sql(".");
            out.push_identifier(<T::State as State>::Column::NAME)
        })
    }

    fn walk_assignments<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        S: QueryFragment<DB>,
        X: QueryFragment<DB>,
        Set: QueryFragment<DB>,
    {
        let mut comma = "";
        // The caller's come first: MySQL evaluates from left to right, and so they see the row as
        // it was, as they do on the other databases.
        if !writes_nothing(&self.set, &out)? {
            self.set.walk_ast(out.reborrow())?;
            comma = ", ";
        }
        if !V::DELETES {
            return walk_restored::<T, X, DB>(Some(&self.touch), comma, out);
        }
        if let Some(literal) = T::State::MODE.assignment(true) {
            out.push_sql(comma);
            out.push_identifier(<T::State as State>::Column::NAME)?;
            out.push_sql(literal);
            comma = ", ";
        }
        if let Some(stamp) = T::Stamp::column() {
            out.push_sql(comma);
            out.push_identifier(stamp.name)?;
            out.push_sql(" = ");
            self.stamp.walk_ast(out.reborrow())?;
            comma = ", ";
        }
        if let Some(touch) = T::Touch::column() {
            out.push_sql(comma);
            out.push_identifier(touch.name)?;
            out.push_sql(" = ");
            self.touch.walk_ast(out.reborrow())?;
        }
        Ok(())
    }
}

/// Writes the assignments that make a row active again; without the touch column where the caller's own
/// assignments set it.
pub(crate) fn walk_restored<'b, T, X, DB>(
    touch: Option<&'b X>,
    mut comma: &'static str,
    mut out: AstPass<'_, 'b, DB>,
) -> QueryResult<()>
where
    DB: Backend,
    T: SoftDeletable,
    X: QueryFragment<DB>,
{
    if let Some(literal) = T::State::MODE.assignment(false) {
        out.push_sql(comma);
        out.push_identifier(<T::State as State>::Column::NAME)?;
        out.push_sql(literal);
        comma = ", ";
    }
    if let Some(stamp) = T::Stamp::column() {
        out.push_sql(comma);
        out.push_identifier(stamp.name)?;
        out.push_sql(" = NULL");
        comma = ", ";
    }
    if let (Some(column), Some(touch)) = (T::Touch::column(), touch) {
        out.push_sql(comma);
        out.push_identifier(column.name)?;
        out.push_sql(" = ");
        touch.walk_ast(out.reborrow())?;
        comma = ", ";
    }
    for column in T::Reset::columns().as_ref() {
        out.push_sql(comma);
        out.push_identifier(column.name)?;
        out.push_sql(" = NULL");
        comma = ", ";
    }
    Ok(())
}

impl<V, T, P, G, S, X, Set, C, R, DB> QueryFragment<DB> for Transition<V, T, P, G, S, X, Set, C, R>
where
    DB: Backend,
    V: Verb,
    T: SoftDeletable + QueryFragment<DB>,
    T::Relations: CascadeDecided<V>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
    S: QueryFragment<DB>,
    X: QueryFragment<DB>,
    Set: QueryFragment<DB>,
    C: QueryFragment<DB>,
    R: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.check()?;
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.walk_assignments(out.reborrow())?;
        self.condition.walk_and(out.reborrow())?;
        self.walk_guard(out.reborrow())?;
        self.only_if.walk_ast(out.reborrow())?;
        self.returning.walk_ast(out)
    }
}

impl<V, T, P, G, S, X, Set, C, R> QueryId for Transition<V, T, P, G, S, X, Set, C, R>
where
    V: 'static,
    T: SoftDeletable,
    P: QueryId,
    S: QueryId,
    X: QueryId,
    Set: QueryId,
    C: QueryId,
    R: QueryId,
{
    // `G` is not part of it: whether the where clause is grouped follows from `P`.
    type QueryId = Transition<V, T, P::QueryId, (), S::QueryId, X::QueryId, Set::QueryId, C::QueryId, R::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = P::HAS_STATIC_QUERY_ID
        && S::HAS_STATIC_QUERY_ID
        && X::HAS_STATIC_QUERY_ID
        && Set::HAS_STATIC_QUERY_ID
        && C::HAS_STATIC_QUERY_ID
        && R::HAS_STATIC_QUERY_ID;
}

impl<V, T, P, G, S, X, Set, C, E> Query for Transition<V, T, P, G, S, X, Set, C, Returning<E>>
where
    T: SoftDeletable,
    E: SelectableExpression<T> + NonAggregate,
{
    type SqlType = E::SqlType;
}

impl<V, T, P, G, S, X, Set, C> AsQuery for Transition<V, T, P, G, S, X, Set, C, NoReturning>
where
    T: SoftDeletable,
    T::AllColumns: NonAggregate,
{
    type SqlType = <T::AllColumns as Expression>::SqlType;
    type Query = Transition<V, T, P, G, S, X, Set, C, Returning<T::AllColumns>>;

    fn as_query(self) -> Self::Query {
        self.with_returning(Returning(<T as Table>::all_columns()))
    }
}

impl<V, T, P, G, S, X, Set, C, R, Conn> RunQueryDsl<Conn> for Transition<V, T, P, G, S, X, Set, C, R> {}

impl<V, T, P, G, S, X, Set, C, R> std::fmt::Debug for Transition<V, T, P, G, S, X, Set, C, R>
where
    V: Verb,
    T: TableName,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = if V::DELETES { "SoftDelete" } else { "Restore" };
        f.debug_struct(name).field("table", &T::table_name()).finish_non_exhaustive()
    }
}
