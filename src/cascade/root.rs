//! What depends on the types of the target: its where clause, the keys of its rows and further assignments.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Nullable, Text as SqlText};

use super::text::{Piece, Text, locks};
use crate::connection::Executor;
use crate::declare::{FixedTime, Key, KeyOf, Known, Node, SoftDeletable, TableColumns};
use crate::dialect::{Dialect, SoftDeleteBackend};
use crate::diesel_internals::{backend_of, writes_nothing};
use crate::error::Error;
use crate::statement::{NoReturning, Transition, Verb};

/// A soft delete or a restore that a cascade can start from, on a backend.
#[diagnostic::on_unimplemented(
    message = "this cascade cannot run on the backend `{DB}`",
    note = "the target, its primary key and what `.set(..)` assigns must be of SQL types that the backend has"
)]
pub trait CascadeRoot<DB: Backend> {
    /// A primary key of the root's table.
    #[doc(hidden)]
    type Key: Clone + PartialEq + Send + Sync;

    /// Returns the root's table.
    #[doc(hidden)]
    fn node(&self) -> Node;
    /// Returns whether rows are deleted. Otherwise they are restored.
    #[doc(hidden)]
    fn deletes(&self) -> bool;
    /// Refuses a statement that assigns a column twice.
    #[doc(hidden)]
    fn check(&self) -> Result<(), Error>;
    /// Returns whether `.set(..)` assigns the column of this name.
    #[doc(hidden)]
    fn assigns(&self, column: &str) -> bool;
    /// Returns the times of the timestamp and the touch column, as far as they are known without the database.
    #[doc(hidden)]
    fn times(&self) -> (Known, Known);
    /// The number of columns of a key.
    #[doc(hidden)]
    const KEY_COLUMNS: usize;

    /// Loads keys.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn keys<X>(&self, x: &mut X, text: &Text, keys: &[Self::Key]) -> QueryResult<Vec<Self::Key>>
    where
        X: Executor<Backend = DB>;
    /// Loads rows of two texts.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn texts<X>(&self, x: &mut X, text: &Text, keys: &[Self::Key]) -> QueryResult<Vec<Texts>>
    where
        X: Executor<Backend = DB>;
    /// Executes a statement.
    #[doc(hidden)]
    #[allow(async_fn_in_trait, reason = "whether it is Send follows from the connection")]
    async fn execute<X>(&self, x: &mut X, text: &Text, keys: &[Self::Key]) -> QueryResult<u64>
    where
        X: Executor<Backend = DB>;
}

/// A row of two texts, which is the shape of all other queries of a cascade.
pub type Texts = (Option<String>, Option<String>);
type TextTypes = (Nullable<SqlText>, Nullable<SqlText>);

/// A [`Text`] whose parts are filled in. As a query it returns rows of the SQL type `ST`.
#[derive(Debug)]
pub struct Spelled<'a, Q, K, ST = ()> {
    root: &'a Q,
    text: &'a Text,
    keys: &'a [K],
    rows: PhantomData<ST>,
}

impl<Q, K, ST> Query for Spelled<'_, Q, K, ST> {
    type SqlType = ST;
}

// The text varies with the graph and the number of keys, so Diesel caches it by the SQL.
impl<Q, K, ST> QueryId for Spelled<'_, Q, K, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<V, T, P, G, S, X, Set, C, K, ST, DB> QueryFragment<DB>
    for Spelled<'_, Transition<V, T, P, G, S, X, Set, C, NoReturning>, K, ST>
where
    DB: SoftDeleteBackend + HasSqlType<SqlText>,
    T: SoftDeletable,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
    S: QueryFragment<DB>,
    X: QueryFragment<DB>,
    Set: QueryFragment<DB>,
    C: QueryFragment<DB>,
    KeyOf<T>: Key<DB, Value = K>,
    String: ToSql<SqlText, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // The next call may have another number of keys. libmariadb can also wait forever when it executes a prepared
        // locking SELECT again after a deadlock; libpq does not.
        let is_libpq = backend_of(&out).dialect() == Dialect::Postgres;
        if self.keys.len() > 1 || (locks(self.text) && !is_libpq) {
            out.unsafe_to_cache_prepared();
        }
        self.text.walk(out, |piece, mut out| match piece {
            Piece::Literal(sql) => {
                out.unsafe_to_cache_prepared();
                out.push_sql(sql);
                Ok(())
            }
            Piece::Where => self.root.condition.walk_and(out),
            Piece::OnlyIf => self.root.only_if.walk_ast(out),
            Piece::Stamp => self.root.stamp.walk_ast(out),
            Piece::Touch => self.root.touch.walk_ast(out),
            Piece::Set if writes_nothing(&self.root.set, &out)? => Ok(()),
            Piece::Set => {
                self.root.set.walk_ast(out.reborrow())?;
                out.push_sql(", ");
                Ok(())
            }
            Piece::Keys(columns) => walk_keys::<KeyOf<T>, DB>(columns, self.keys, out),
        })
    }
}

/// Writes `a IN (..)`, or `((a = .. AND b = ..) OR ..)` for keys of several columns.
fn walk_keys<'b, K, DB>(columns: &'b [String], keys: &'b [K::Value], mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend,
    K: Key<DB>,
{
    if let ([column], [key]) = (columns, keys) {
        out.push_sql("(");
        out.push_sql(column);
        out.push_sql(" = ");
        K::push(key, 0, out.reborrow())?;
    } else if let [column] = columns {
        out.push_sql("(");
        out.push_sql(column);
        out.push_sql(" IN (");
        for (place, key) in keys.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { ", " });
            K::push(key, 0, out.reborrow())?;
        }
        out.push_sql(")");
    } else {
        return walk_tuples::<K, DB>(columns, keys, out);
    }
    out.push_sql(")");
    Ok(())
}

/// Writes `((a = .. AND b = ..) OR ..)` as a balanced tree, since SQLite limits the depth of an expression to 1000.
fn walk_tuples<'b, K, DB>(columns: &'b [String], keys: &'b [K::Value], mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend,
    K: Key<DB>,
{
    out.push_sql("(");
    if let [key] = keys {
        for (place, column) in columns.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { " AND " });
            out.push_sql(column);
            out.push_sql(" = ");
            K::push(key, place, out.reborrow())?;
        }
    } else if keys.is_empty() {
        out.push_sql("1 = 0");
    } else {
        let (one, other) = keys.split_at(keys.len() / 2);
        walk_tuples::<K, DB>(columns, one, out.reborrow())?;
        out.push_sql(" OR ");
        walk_tuples::<K, DB>(columns, other, out.reborrow())?;
    }
    out.push_sql(")");
    Ok(())
}

impl<V, T, P, G, S, X, Set, C, DB> CascadeRoot<DB> for Transition<V, T, P, G, S, X, Set, C, NoReturning>
where
    DB: SoftDeleteBackend + HasSqlType<SqlText> + QueryMetadata<KeyOf<T>> + QueryMetadata<TextTypes>,
    V: Verb,
    T: SoftDeletable,
    T::AllColumns: TableColumns,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
    S: QueryFragment<DB> + FixedTime,
    X: QueryFragment<DB> + FixedTime,
    Set: QueryFragment<DB>,
    C: QueryFragment<DB>,
    KeyOf<T>: Key<DB>,
    String: ToSql<SqlText, DB>,
    Texts: FromSqlRow<TextTypes, DB>,
{
    type Key = <KeyOf<T> as Key<DB>>::Value;
    const KEY_COLUMNS: usize = <KeyOf<T> as Key<DB>>::COLUMNS;

    fn node(&self) -> Node {
        Node::soft_deletable::<T>()
    }

    fn deletes(&self) -> bool {
        V::DELETES
    }

    fn check(&self) -> Result<(), Error> {
        Transition::check(self)
    }

    fn assigns(&self, column: &str) -> bool {
        let set = std::any::type_name::<Set>();
        let columns = T::AllColumns::columns();
        columns.iter().filter(|own| own.name == column).any(|own| crate::statement::assigns(set, own))
    }

    fn times(&self) -> (Known, Known) {
        (self.stamp.known(), self.touch.known())
    }

    async fn keys<E>(&self, x: &mut E, text: &Text, keys: &[Self::Key]) -> QueryResult<Vec<Self::Key>>
    where
        E: Executor<Backend = DB>,
    {
        x.load(Spelled { root: self, text, keys, rows: PhantomData::<KeyOf<T>> }).await
    }

    async fn texts<E>(&self, x: &mut E, text: &Text, keys: &[Self::Key]) -> QueryResult<Vec<Texts>>
    where
        E: Executor<Backend = DB>,
    {
        x.load(Spelled { root: self, text, keys, rows: PhantomData::<TextTypes> }).await
    }

    async fn execute<E>(&self, x: &mut E, text: &Text, keys: &[Self::Key]) -> QueryResult<u64>
    where
        E: Executor<Backend = DB>,
    {
        Ok(x.execute(Spelled { root: self, text, keys, rows: PhantomData::<()> }).await? as u64)
    }
}
