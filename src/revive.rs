//! `insert_or_revive(values).on(columns)`: a key that a deleted row has comes back with that row.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::connection::LoadConnection;
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::prelude::Insertable;
use diesel::query_builder::{AsChangeset, AstPass, InsertStatement, Query, QueryFragment, QueryId};
use diesel::query_source::Column;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::{Error as DieselError, QueryResult};
use diesel::sql_types::BigInt;

use crate::error::Error;
use crate::executor::{Blocking, Executor, block};
use crate::faults::{Fault, fault};
use crate::hidden::writes_nothing;
use crate::marker::{ColumnRef, NoInstant, SoftDeletable, Stamp, State};
use crate::migration::{AnswersText, Dialect, TableColumns, columns_in, primary_key};
use crate::predicate::Rows;
use crate::purge::{backoff, dialect};
use crate::statement::{Alone, Changes, Condition, Restore, RestoreVerb, TouchOf, Transition, Verb, assigns};

/// The values of an [`InsertOrRevive`], before its key is named: what
/// [`insert_or_revive`](crate::SoftDeleteDsl::insert_or_revive) returns.
#[derive(Debug, Clone, Copy)]
#[must_use = "name the key: `.on(column)` or `.on((column, column))`"]
pub struct Values<T, V> {
    values: V,
    _table: PhantomData<T>,
}

impl<T, V> Values<T, V> {
    pub(crate) fn new(values: V) -> Self {
        Self { values, _table: PhantomData }
    }

    /// Names the key: a column of the table, or a tuple of columns, whose values are among those given.
    ///
    /// There has to be a unique index on the key, over active rows (`.unique_among_active(..)` of the
    /// migrations) or over all: it decides between two that come at the same time.
    pub fn on<C>(self, columns: C) -> InsertOrRevive<T, V, C> {
        let _ = columns;
        InsertOrRevive { values: self.values, _table: PhantomData }
    }
}

/// Revives the soft-deleted row with a key, or inserts it: what
/// [`.insert_or_revive(values).on(columns)`](crate::SoftDeleteDsl::insert_or_revive) returns.
///
/// * **A deleted row has the key**: it is restored as by [`restore`](crate::SoftDeleteDsl::restore) (state, timestamp,
///   `metadata(..)` and `operation` are reset, `touch` set to now), and gets the values, in the same `UPDATE`. Of several, the
///   one that was deleted last. Its children stay as they are.
/// * **No row has it**: the values are inserted. So they are where a value of the key is NULL, which equals nothing.
/// * **A live row has it**: nothing is changed.
///
/// `values` is what Diesel's `insert_into(table).values(..)` and `update(row).set(..)` both take: a struct that derives `Insertable`
/// and `AsChangeset`, or a reference to one, or a tuple of `column.eq(value)`. A field that is `None` is left
/// as it is in the revived row, unless the struct says `treat_none_as_null`.
///
/// At most two statements, in a transaction (a savepoint inside the caller's):
///
/// ```sql
/// UPDATE "posts" SET "slug" = $1, "title" = $2, "is_deleted" = FALSE, "deleted_at" = NULL
/// WHERE ("posts"."is_deleted" = TRUE) AND "posts"."id" = (SELECT "posts"."id" FROM "posts" WHERE "slug" = $3
///     AND ("posts"."is_deleted" = TRUE) ORDER BY "posts"."deleted_at" DESC, "posts"."id" DESC LIMIT 1);
/// INSERT INTO "posts" ("slug", "title") VALUES ($1, $2)        -- only if there was none
/// ```
///
/// Only if the database finds a unique value twice, one more `SELECT` tells whose: a live row with the key is
/// [`Revival::Live`], another index of the table is an error. Where another transaction has changed the row in
/// between, and, outside of a transaction, after a deadlock, it is tried again.
///
/// ```
/// # include!("doctest_setup.rs");
/// # fn main() -> Result<(), diesel_soft_delete::Error> {
/// # let conn = &mut connection();
/// # diesel::sql_query("CREATE UNIQUE INDEX live_titles ON posts (title) WHERE is_deleted = FALSE").execute(conn)?;
/// use diesel_soft_delete::Revival;
///
/// #[derive(Clone, Copy, Insertable, AsChangeset)]
/// #[diesel(table_name = posts)]
/// struct NewPost<'a> {
///     title: &'a str,
///     user_id: i32,
/// }
///
/// let write = |title| posts::table.insert_or_revive(NewPost { title, user_id: 1 }).on(posts::title);
/// assert_eq!(write("One").run(conn)?, Revival::Live);
/// assert_eq!(write("Two").run(conn)?, Revival::Revived);
/// assert_eq!(write("Four").run(conn)?, Revival::Inserted);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "nothing happens until `.run(conn)`"]
pub struct InsertOrRevive<T, V, C> {
    values: V,
    _table: PhantomData<(T, C)>,
}

/// What became of the values of an [`InsertOrRevive`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revival {
    /// They are a new row.
    Inserted,
    /// A soft-deleted row is active again, and has them.
    Revived,
    /// A live row has their key; nothing was changed.
    Live,
}

impl<T, V, C> InsertOrRevive<T, V, C>
where
    T: SoftDeletable,
    T::AllColumns: TableColumns,
{
    /// Runs it.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`](Error::InvalidKey), [`ColumnSetTwice`](Error::ColumnSetTwice) (the values assign a column that a restore sets)
    /// before the first statement. [`RestoreConflict`](Error::RestoreConflict) or [`Database`](Error::Database) if another unique
    /// index has one of the values already; [`Contended`](Error::Contended) if the row changed under way five times in a
    /// row. Nothing is changed then, and a transaction around it stays usable.
    pub fn run<Conn>(self, conn: &mut Conn) -> Result<Revival, Error>
    where
        Conn: LoadConnection,
        Conn::Backend: AnswersText,
        Self: Revives<Conn::Backend>,
    {
        block(self.run_on(&mut Blocking(conn)))
    }

    /// [`run`](Self::run) for a connection of diesel-async.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    #[cfg(feature = "async")]
    pub async fn run_async<Conn>(self, conn: &mut Conn) -> Result<Revival, Error>
    where
        Conn: diesel_async::AsyncConnection,
        Conn::Backend: AnswersText,
        Self: Revives<Conn::Backend>,
    {
        self.run_on(&mut crate::executor::Asynchronous(conn)).await
    }
}

/// An [`InsertOrRevive`] that can run on a backend.
#[diagnostic::on_unimplemented(
    message = "these values cannot be inserted or revived on the backend `{DB}`",
    note = "`insert_or_revive` takes a tuple of `column.eq(value)`, or a struct that derives `Insertable`, `AsChangeset` and `Clone`"
)]
pub trait Revives<DB: Backend> {
    /// Runs it.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn run_on<X>(self, x: &mut X) -> Result<Revival, Error>
    where
        X: Executor<Backend = DB>;
}

/// Assignments, of which some can be written alone.
#[diagnostic::on_unimplemented(
    message = "`insert_or_revive` cannot look into the assignments `{Self}`",
    note = "give a tuple of up to 32 `column.eq(value)`, `(column.eq(value),)` for a single one, or a struct that derives `AsChangeset`"
)]
pub trait Assigned<DB: Backend> {
    /// Whether one of them assigns the column.
    fn assigns(column: &ColumnRef) -> bool;
    /// Writes `column = value`; where a field is `None` and assigns nothing, a condition that no row meets.
    fn walk_one<'b>(&'b self, column: &ColumnRef, out: AstPass<'_, 'b, DB>) -> QueryResult<()>;
}

macro_rules! assigned {
    ($($A:ident $index:tt),+) => {
        impl<DB: Backend, $($A: QueryFragment<DB>),+> Assigned<DB> for ($($A,)+) {
            fn assigns(column: &ColumnRef) -> bool {
                [$(std::any::type_name::<$A>()),+].into_iter().any(|name| assigns(name, column))
            }
            fn walk_one<'b>(&'b self, column: &ColumnRef, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                $(if assigns(std::any::type_name::<$A>(), column) && !writes_nothing(&self.$index, &out)? {
                    return self.$index.walk_ast(out);
                })+
                out.push_sql("1 = 0");
                Ok(())
            }
        }
    };
}

macro_rules! assigned_up_to {
    ([$($done:ident $index:tt),+]) => { assigned!($($done $index),+); };
    ([$($done:ident $index:tt),+] $next:ident $at:tt $(, $rest:ident $further:tt)*) => {
        assigned!($($done $index),+);
        assigned_up_to!([$($done $index,)+ $next $at] $($rest $further),*);
    };
}

assigned_up_to!(
    [A0 0] A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8, A9 9, A10 10, A11 11, A12 12, A13 13, A14 14, A15 15, A16 16,
    A17 17, A18 18, A19 19, A20 20, A21 21, A22 22, A23 23, A24 24, A25 25, A26 26, A27 27, A28 28, A29 29, A30 30, A31 31
);

/// The restore, without a condition of its own.
type Restoring<T, U> = Transition<Alone<RestoreVerb>, T, (), (), NoInstant, TouchOf<T>, Changes<U>>;

/// The `UPDATE`, or, with `count`, the query that tells how many rows of the key are active and how many are not.
struct ByKey<'a, T: SoftDeletable, U> {
    restore: &'a Restoring<T, U>,
    key: &'a [ColumnRef],
    primary: &'a [String],
    dialect: Dialect,
    counts: Option<Rows>,
}

impl<T: SoftDeletable, U> QueryId for ByKey<'_, T, U> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T: SoftDeletable, U> Query for ByKey<'_, T, U> {
    type SqlType = BigInt;
}

impl<T, U, DB> QueryFragment<DB> for ByKey<'_, T, U>
where
    DB: Backend,
    T: SoftDeletable + QueryFragment<DB>,
    U: QueryFragment<DB> + Assigned<DB>,
    TouchOf<T>: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if let Some(rows) = self.counts {
            out.push_sql("SELECT COUNT(*) FROM ");
            self.restore.table.walk_ast(out.reborrow())?;
            out.push_sql(" WHERE ");
            self.walk_key(out.reborrow())?;
            self.walk_state(rows, out.reborrow())?;
            // The latest row, and not that of the transaction's snapshot.
            if self.dialect == Dialect::Mysql {
                out.push_sql(" LOCK IN SHARE MODE");
            }
            return Ok(());
        }
        out.push_sql("UPDATE ");
        self.restore.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.restore.walk_assignments(out.reborrow())?;
        out.push_sql(" WHERE ");
        if self.dialect == Dialect::Mysql {
            self.walk_key(out.reborrow())?;
            self.walk_state(Rows::Deleted, out.reborrow())?;
            return self.walk_order(out);
        }
        // The state is tested again where the row is locked.
        self.restore.walk_guard(out.reborrow())?;
        out.push_sql(" AND (");
        self.walk_primary("", out.reborrow())?;
        out.push_sql(") = (SELECT ");
        self.walk_primary("", out.reborrow())?;
        out.push_sql(" FROM ");
        self.restore.table.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.walk_key(out.reborrow())?;
        self.walk_state(Rows::Deleted, out.reborrow())?;
        self.walk_order(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<T: SoftDeletable, U> ByKey<'_, T, U> {
    fn walk_key<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        U: Assigned<DB>,
    {
        for column in self.key {
            self.restore.set.0.walk_one(column, out.reborrow())?;
            out.push_sql(" AND ");
        }
        Ok(())
    }

    fn column<'b, DB>(&'b self, column: &str, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        self.restore.table.walk_ast(out.reborrow())?;
        out.push_sql(".");
        out.push_identifier(column)
    }

    fn walk_state<'b, DB>(&'b self, rows: Rows, out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        T::State::MODE.walk(rows, out, |out| self.column(<T::State as State>::Column::NAME, out))
    }

    fn walk_primary<'b, DB>(&'b self, after: &str, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        for (place, column) in self.primary.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { ", " });
            self.column(column, out.reborrow())?;
            out.push_sql(after);
        }
        Ok(())
    }

    /// The row that was deleted last.
    fn walk_order<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        out.push_sql(" ORDER BY ");
        if let Some(stamp) = T::Stamp::column() {
            self.column(stamp.name, out.reborrow())?;
            // PostgreSQL puts NULL first.
            out.push_sql(if self.dialect == Dialect::Postgres { " DESC NULLS LAST, " } else { " DESC, " });
        }
        self.walk_primary(" DESC", out.reborrow())?;
        out.push_sql(" LIMIT 1");
        Ok(())
    }
}

/// How often it is tried when the row changes under way, or others are in the way.
const ATTEMPTS: u32 = 5;

impl<T, V, C, DB> Revives<DB> for InsertOrRevive<T, V, C>
where
    DB: Backend + QueryMetadata<BigInt>,
    T: SoftDeletable + QueryFragment<DB>,
    T::AllColumns: TableColumns,
    V: Insertable<T> + AsChangeset<Target = T> + Clone,
    V::Changeset: QueryFragment<DB> + Assigned<DB>,
    TouchOf<T>: QueryFragment<DB>,
    InsertStatement<T, <V as Insertable<T>>::Values>: QueryFragment<DB> + QueryId,
    i64: FromSqlRow<BigInt, DB>,
{
    async fn run_on<X>(self, x: &mut X) -> Result<Revival, Error>
    where
        X: Executor<Backend = DB>,
    {
        let key = columns_in::<T, C>();
        let named = std::any::type_name::<C>().trim_end_matches([')', ',']).split(',').count();
        let problem = if key.is_empty() || key.len() != named {
            Some(String::from("`.on(..)` takes a column of the table, or a tuple of its columns"))
        } else {
            let missing = key.iter().find(|column| !V::Changeset::assigns(column));
            missing.map(|column| {
                format!("the values assign no `{}` (a derived `AsChangeset` leaves the primary key out)", column.name)
            })
        };
        if let Some(problem) = problem {
            return Err(Error::InvalidKey { table: T::table_name(), problem });
        }
        let restore: Restoring<T, V::Changeset> =
            Restore::<T, (), ()>::new(T::table(), Condition::Plain(())).without_cascade().set(self.values.clone());
        restore.check()?;
        let outermost = !x.in_transaction()?;
        let dialect = dialect(x).await?;
        let primary = primary_key::<T>();
        let by_key = |counts| ByKey { restore: &restore, key: &key, primary: &primary, dialect, counts };
        for tried in 0..ATTEMPTS {
            let error = match self.attempt(x, by_key(None)).await {
                Ok(revival) => return Ok(revival),
                Err(error) => error,
            };
            let again = match &error {
                Error::RestoreConflict { .. } | Error::Database(DieselError::DatabaseError(UniqueViolation, _)) => {
                    if x.load::<_, i64>(by_key(Some(Rows::Active))).await?.first().is_some_and(|live| *live > 0) {
                        return Ok(Revival::Live);
                    }
                    // With an index over all rows: a live one was deleted after it was looked for. (A revival
                    // that conflicts has met another index.)
                    let deleted = x.load::<_, i64>(by_key(Some(Rows::Deleted))).await?;
                    matches!(error, Error::Database(_)) && deleted.first().is_some_and(|rows| *rows > 0)
                }
                Error::Database(error) => outermost && matches!(fault(error), Fault::Again | Fault::Busy),
                _ => false,
            };
            if !again {
                return Err(error);
            }
            x.sleep(backoff(tried)).await?;
        }
        Err(Error::Contended { table: T::table_name() })
    }
}

impl<T: SoftDeletable, V, C> InsertOrRevive<T, V, C> {
    /// Both statements, in a transaction.
    async fn attempt<X>(&self, x: &mut X, update: ByKey<'_, T, V::Changeset>) -> Result<Revival, Error>
    where
        X: Executor,
        T: QueryFragment<X::Backend>,
        V: Insertable<T> + AsChangeset<Target = T> + Clone,
        V::Changeset: QueryFragment<X::Backend> + Assigned<X::Backend>,
        TouchOf<T>: QueryFragment<X::Backend>,
        InsertStatement<T, <V as Insertable<T>>::Values>: QueryFragment<X::Backend> + QueryId,
    {
        x.begin().await?;
        let done = match x.execute(update).await {
            Ok(0) => {
                let insert = diesel::insert_into(T::table()).values(self.values.clone());
                x.execute(insert).await.map(|_| Revival::Inserted).map_err(Error::from)
            }
            Ok(_) => Ok(Revival::Revived),
            Err(error) => Err(RestoreVerb::error::<T>(error)),
        };
        match done {
            Ok(revival) => {
                x.commit().await?;
                Ok(revival)
            }
            Err(error) => match x.rollback().await {
                Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
                Err(rollback) => Err(rollback.into()),
            },
        }
    }
}
