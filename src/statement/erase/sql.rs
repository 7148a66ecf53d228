//! The statements of an erasure.

use std::marker::PhantomData;

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_source::Column;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Nullable};

use super::{Archive, Erase};
use crate::declare::{Hold, Rows, SoftDeletable, State};
use crate::dialect::{Dialect, Lock, SoftDeleteBackend};
use crate::diesel_internals::backend_of;
use crate::schema::Leaves;
use crate::statement::hold::walk_not_held;
use crate::statement::leaves::walk_delete;

/// How many rows of the target there are, and how many of them are under hold.
pub(super) type Counts = (i64, i64);
pub(super) type CountTypes = (BigInt, BigInt);
/// A column of a key as text. (Read as bytes: a binary key need not be UTF-8.)
pub(super) type Key = (Option<Vec<u8>>,);
pub(super) type KeyTypes = (Nullable<Binary>,);

/// One of the statements; `ST` are the types of its rows.
pub struct Statement<'a, T: SoftDeletable, P, G, ST = ()> {
    erase: &'a Erase<T, P, G>,
    kind: Kind<'a>,
    _rows: PhantomData<fn() -> ST>,
}

#[derive(Debug, Clone, Copy)]
enum Kind<'a> {
    Count(Option<&'a Archive>),
    HeldKey { archive: Option<&'a Archive>, key: &'a [String], column: &'a str },
    DeleteRows(Option<&'a Leaves>),
    DeleteCopies(&'a Archive),
}

impl<T: SoftDeletable, P, G> Erase<T, P, G> {
    fn statement<'a, ST>(&'a self, kind: Kind<'a>) -> Statement<'a, T, P, G, ST> {
        Statement { erase: self, kind, _rows: PhantomData }
    }

    /// SELECT: how many rows the table or an archive has, and how many of them are under hold.
    pub(super) fn count<'a>(&'a self, archive: Option<&'a Archive>) -> Statement<'a, T, P, G, CountTypes> {
        self.statement(Kind::Count(archive))
    }

    /// SELECT: a column of the key of a held row.
    pub(super) fn held_key<'a>(
        &'a self,
        archive: Option<&'a Archive>,
        key: &'a [String],
        column: &'a str,
    ) -> Statement<'a, T, P, G, KeyTypes> {
        self.statement(Kind::HeldKey { archive, key, column })
    }

    /// DELETE of the table's rows, after a soft delete, so that the guard trigger lets them pass; or of the leaves among
    /// them.
    pub(super) fn delete_rows<'a>(&'a self, leaves: Option<&'a Leaves>) -> Statement<'a, T, P, G> {
        self.statement(Kind::DeleteRows(leaves))
    }

    /// DELETE of the copies in an archive.
    pub(super) fn delete_copies<'a>(&'a self, archive: &'a Archive) -> Statement<'a, T, P, G> {
        self.statement(Kind::DeleteCopies(archive))
    }

    /// `"users"`, or `"users_archive" AS "users"`.
    fn walk_place<'b, DB>(&'b self, archive: Option<&'b Archive>, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
    {
        if let Some(archive) = archive {
            archive.walk(out.reborrow())?;
            out.push_sql(" AS ");
        }
        self.table().walk_ast(out)
    }
}

impl Archive {
    fn walk<DB: SoftDeleteBackend>(&self, mut out: AstPass<'_, '_, DB>) -> QueryResult<()> {
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                out.push_sql(".");
            }
            out.push_identifier(part)?;
        }
        Ok(())
    }
}

impl<T: SoftDeletable, P, G, ST> Query for Statement<'_, T, P, G, ST> {
    type SqlType = ST;
}

impl<T: SoftDeletable, P, G, ST, Conn> RunQueryDsl<Conn> for Statement<'_, T, P, G, ST> {}

// The names of archives and columns vary at run time, so there is no static id: Diesel then caches by the text.
impl<T: SoftDeletable, P, G, ST> QueryId for Statement<'_, T, P, G, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, P, G, ST, DB> QueryFragment<DB> for Statement<'_, T, P, G, ST>
where
    DB: SoftDeleteBackend,
    T: SoftDeletable + QueryFragment<DB>,
    P: QueryFragment<DB>,
    G: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let erase = self.erase;
        match self.kind {
            Kind::Count(archive) => {
                if T::Hold::MODE.is_some() {
                    // What is not known not to be held counts as held.
                    out.push_sql("SELECT COUNT(*), COUNT(CASE WHEN ");
                    walk_not_held(erase.table(), "", out.reborrow())?;
                    out.push_sql(" THEN NULL ELSE 1 END) FROM ");
                } else {
                    out.push_sql("SELECT COUNT(*), COUNT(NULL) FROM ");
                }
                erase.walk_place(archive, out.reborrow())?;
                erase.condition().walk_alone(out.reborrow())?;
                walk_lock(out);
                Ok(())
            }
            Kind::HeldKey { archive, key, column } => {
                // With a length: `CHAR` alone is one letter on PostgreSQL, and MySQL cannot cast to TEXT.
                out.push_sql("SELECT CAST(");
                out.push_identifier(column)?;
                out.push_sql(" AS CHAR(200)) FROM ");
                erase.walk_place(archive, out.reborrow())?;
                erase.condition().walk_and(out.reborrow())?;
                walk_not_held(erase.table(), "", out.reborrow())?;
                // In one order, so that the columns of a key are those of one row.
                out.push_sql(" IS NOT TRUE ORDER BY ");
                for (place, column) in key.iter().enumerate() {
                    out.push_sql(if place > 0 { ", " } else { "" });
                    out.push_identifier(column)?;
                }
                out.push_sql(" LIMIT 1");
                walk_lock(out);
                Ok(())
            }
            Kind::DeleteRows(leaves) => {
                walk_delete(erase.table(), erase.condition(), leaves, out.reborrow())?;
                T::State::MODE.walk(Rows::Deleted, out.reborrow(), |mut out| {
                    erase.table().walk_ast(out.reborrow())?;
                    out.push_sql(".");
                    out.push_identifier(<T::State as State>::Column::NAME)
                })?;
                walk_not_held(erase.table(), " AND ", out)
            }
            Kind::DeleteCopies(archive) => {
                out.push_sql("DELETE ");
                if backend_of(&out).dialect() == Dialect::Mysql {
                    // An alias after DELETE FROM is a syntax error before MySQL 8.0.16 and MariaDB 11.6.
                    erase.table().walk_ast(out.reborrow())?;
                    out.push_sql(" ");
                }
                out.push_sql("FROM ");
                erase.walk_place(Some(archive), out.reborrow())?;
                if T::Hold::MODE.is_some() {
                    erase.condition().walk_and(out.reborrow())?;
                    walk_not_held(erase.table(), "", out)
                } else {
                    erase.condition().walk_alone(out)
                }
            }
        }
    }
}

/// A plain SELECT of InnoDB reads the transaction's snapshot, and not what others wrote since. (In share
/// mode two erasures of the same rows would deadlock.)
fn walk_lock<DB: SoftDeleteBackend>(mut out: AstPass<'_, '_, DB>) {
    if backend_of(&out).dialect() == Dialect::Mysql {
        // Kept prepared, it can make libmariadb wait for ever after a deadlock, as was seen.
        out.unsafe_to_cache_prepared();
        out.push_sql(Lock::Update.words(Dialect::Mysql));
    }
}
