//! The statements: the SELECT that looks for the key, and the UPDATE that revives a row.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_source::Column;
use diesel::result::QueryResult;
use diesel::sql_types::{HasSqlType, Integer};

use super::values::{Assignments, KeyPart, Unnamed};
use super::verb::OnKey;
use crate::declare::{Key, KeyOf, Rows, SoftDeletable, State, TableColumns, TimeColumn};
use crate::dialect::{Dialect, Lock};
use crate::diesel_internals::writes_nothing;
use crate::statement::{TouchOf, walk_restored};

/// The SELECT of the row that has the key. It finds the active one, or else the row that was deleted last.
#[derive(Debug)]
pub struct Look<'a, Q> {
    pub(super) verb: &'a Q,
    /// Whether the SELECT locks the row, so that InnoDB reads its latest state instead of the snapshot's.
    pub(super) lock: bool,
}

/// The `UPDATE` of one row, which changes it only if it is still deleted.
#[derive(Debug)]
pub struct Revive<'a, Q, K> {
    pub(super) verb: &'a Q,
    pub(super) row: &'a K,
}

/// The result of [`Look`]: a primary key, and 1 if its row is active.
pub(super) type LookTypes<T> = (KeyOf<T>, Integer);

impl<T, I, C, W> Query for Look<'_, OnKey<T, I, C, W>>
where
    T: SoftDeletable,
{
    type SqlType = LookTypes<T>;
}

// The written columns vary at run time (`Option` fields, the columns of the key), so there is no static id. Diesel then
// caches the statements by their text.
impl<Q> QueryId for Look<'_, Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, K> QueryId for Revive<'_, Q, K> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Writes `"posts"."slug"`.
fn walk_column<'b, T, DB>(table: &'b T, column: &str, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend,
    T: QueryFragment<DB>,
{
    table.walk_ast(out.reborrow())?;
    out.push_sql(".");
    out.push_identifier(column)
}

impl<T, I, C, W> OnKey<T, I, C, W>
where
    T: SoftDeletable,
{
    fn walk_state<'b, DB>(&'b self, rows: Rows, out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        T::State::MODE.walk(rows, out, |out| walk_column(&self.table, <T::State as State>::Column::NAME, out))
    }

    /// Writes `("slug" = $1) AND ("tenant" = $2)`. An assignment and a comparison have the same text.
    fn walk_key<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<Integer>,
        C: Assignments<DB>,
    {
        let assignments = self.changeset.assignments();
        for (place, part) in self.key.iter().enumerate() {
            out.push_sql(if place == 0 { "(" } else { " AND (" });
            let value = assignments.iter().find(|assignment| assignment.is_of(&part.column));
            match value {
                Some(value) if !writes_nothing(&value.fragment, &out)? => value.fragment.walk_ast(out.reborrow())?,
                // An insert leaves a `None` to the default, which is NULL here, and no row's key equals NULL.
                Some(_) if part.is_nullable() => out.push_sql("1 = 0"),
                // The bind fails when binds are collected. If writing the SQL failed, printing the statement would
                // panic.
                _ => {
                    out.push_sql("1 = ");
                    out.push_bind_param::<Integer, KeyPart>(part)?;
                }
            }
            out.push_sql(")");
        }
        Ok(())
    }
}

impl<T, I, C, W> OnKey<T, I, C, W>
where
    T: SoftDeletable,
    T::AllColumns: TableColumns,
{
    /// Writes a bind that always fails, if the values do not name all columns.
    ///
    /// The first statement contains it for every row. So a test without a deleted row finds the mistake too.
    fn walk_unnamed<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<Integer>,
        C: Assignments<DB>,
    {
        let mut unnamed = self.columns_to_name();
        for assignment in self.changeset.assignments() {
            if !writes_nothing(&assignment.fragment, &out)? {
                unnamed.retain(|column| !assignment.names(column));
            }
        }
        if !unnamed.is_empty() {
            let columns = unnamed.into_iter().map(|column| column.name.to_owned()).collect();
            // The result of `set` is ignored, since every pass over the statement finds the same columns.
            let _ = self.unnamed.columns.set(columns);
            out.push_sql(" AND 1 = ");
            out.push_bind_param::<Integer, Unnamed>(&self.unnamed)?;
        }
        Ok(())
    }
}

impl<T, I, C, W, DB> QueryFragment<DB> for Look<'_, OnKey<T, I, C, W>>
where
    DB: Backend + HasSqlType<Integer>,
    T: SoftDeletable + QueryFragment<DB>,
    T::AllColumns: TableColumns,
    C: Assignments<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let verb = self.verb;
        out.push_sql("SELECT ");
        for column in &verb.primary_key {
            walk_column(&verb.table, column.name, out.reborrow())?;
            out.push_sql(", ");
        }
        out.push_sql("CASE WHEN ");
        verb.walk_state(Rows::Active, out.reborrow())?;
        out.push_sql(" THEN 1 ELSE 0 END FROM ");
        verb.table.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        verb.walk_key(out.reborrow())?;
        verb.walk_unnamed(out.reborrow())?;
        // The test excludes almost no row, but PostgreSQL needs it to use partial indexes, one for each half.
        out.push_sql(" AND (");
        verb.walk_state(Rows::Active, out.reborrow())?;
        out.push_sql(" OR ");
        verb.walk_state(Rows::Deleted, out.reborrow())?;
        out.push_sql(") ORDER BY CASE WHEN ");
        verb.walk_state(Rows::Active, out.reborrow())?;
        let stamp = T::Stamp::column();
        if let Some(stamp) = stamp {
            // The databases sort NULL differently, so NULLs are put last explicitly.
            out.push_sql(" THEN 0 WHEN ");
            walk_column(&verb.table, stamp.name, out.reborrow())?;
            out.push_sql(" IS NULL THEN 2 ELSE 1 END, ");
            walk_column(&verb.table, stamp.name, out.reborrow())?;
            out.push_sql(" DESC");
        } else {
            out.push_sql(" THEN 0 ELSE 1 END");
        }
        for column in &verb.primary_key {
            out.push_sql(", ");
            walk_column(&verb.table, column.name, out.reborrow())?;
            out.push_sql(" DESC");
        }
        out.push_sql(" LIMIT 1");
        if self.lock {
            // libmariadb can wait forever when it executes a prepared locking SELECT again after a deadlock.
            out.unsafe_to_cache_prepared();
            out.push_sql(Lock::Share.words(Dialect::Mysql));
        }
        Ok(())
    }
}

impl<T, I, C, W> OnKey<T, I, C, W>
where
    T: SoftDeletable,
{
    /// Writes the values, and returns the separator before a further assignment.
    fn walk_values<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<&'static str>
    where
        DB: Backend,
        C: Assignments<DB>,
    {
        let mut comma = "";
        for assignment in self.changeset.assignments() {
            // Other tables refer to the primary key, so a revived row keeps it.
            let identifies = self.primary_key.iter().any(|column| assignment.is_of(column));
            if identifies || writes_nothing(&assignment.fragment, &out)? {
                continue;
            }
            out.push_sql(comma);
            assignment.fragment.walk_ast(out.reborrow())?;
            comma = ", ";
        }
        Ok(comma)
    }

    /// Returns whether the values assign the touch column.
    fn touches<DB>(&self, out: &AstPass<'_, '_, DB>) -> QueryResult<bool>
    where
        DB: Backend,
        C: Assignments<DB>,
    {
        let Some(touch) = T::Touch::column() else { return Ok(false) };
        for assignment in self.changeset.assignments() {
            if assignment.is_of(&touch) && !writes_nothing(&assignment.fragment, out)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes ` WHERE <the primary key of the row> AND <the key>`. The key is tested again, since the row may have
    /// changed.
    fn walk_row<'b, DB>(
        &'b self,
        row: &'b <KeyOf<T> as Key<DB>>::Value,
        mut out: AstPass<'_, 'b, DB>,
    ) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<Integer>,
        T: QueryFragment<DB>,
        C: Assignments<DB>,
        KeyOf<T>: Key<DB>,
    {
        out.push_sql(" WHERE ");
        for (place, column) in self.primary_key.iter().enumerate() {
            out.push_sql("(");
            walk_column(&self.table, column.name, out.reborrow())?;
            out.push_sql(" = ");
            <KeyOf<T> as Key<DB>>::push(row, place, out.reborrow())?;
            out.push_sql(") AND ");
        }
        self.walk_key(out)
    }
}

impl<T, I, C, W, K, DB> QueryFragment<DB> for Revive<'_, OnKey<T, I, C, W>, K>
where
    DB: Backend + HasSqlType<Integer>,
    T: SoftDeletable + QueryFragment<DB>,
    TouchOf<T>: QueryFragment<DB>,
    C: Assignments<DB>,
    KeyOf<T>: Key<DB, Value = K>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let verb = self.verb;
        out.push_sql("UPDATE ");
        verb.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        let comma = verb.walk_values(out.reborrow())?;
        let touch = if verb.touches(&out)? { None } else { Some(&verb.touch) };
        walk_restored::<T, TouchOf<T>, DB>(touch, comma, out.reborrow())?;
        verb.walk_row(self.row, out.reborrow())?;
        out.push_sql(" AND ");
        verb.walk_state(Rows::Deleted, out)
    }
}

/// The values as further assignments of a restore.
#[derive(Debug)]
pub struct Values<'a, Q>(pub(super) &'a Q);

impl<T, I, C, W, DB> QueryFragment<DB> for Values<'_, OnKey<T, I, C, W>>
where
    DB: Backend,
    T: SoftDeletable,
    C: Assignments<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_values(out).map(|_| ())
    }
}

/// The row as the where clause of a restore.
#[derive(Debug)]
pub struct ByKey<'a, Q, K> {
    pub(super) verb: &'a Q,
    pub(super) row: &'a K,
}

impl<T, I, C, W, K, DB> QueryFragment<DB> for ByKey<'_, OnKey<T, I, C, W>, K>
where
    DB: Backend + HasSqlType<Integer>,
    T: SoftDeletable + QueryFragment<DB>,
    C: Assignments<DB>,
    KeyOf<T>: Key<DB, Value = K>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.verb.walk_row(self.row, out)
    }
}
