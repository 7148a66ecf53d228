//! The statements of a job, written by hand for the same reasons as the verbs.
//!
//! They contain the literal predicate and group the where clause. Every batch has the same text, so it is prepared
//! once.

use std::marker::PhantomData;

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;

use super::archive::ArchiveTable;
use super::driver::Sought;
use super::look_ahead::{Held, KeyRange};
use crate::declare::{Key, KeyOf, SoftDeletable, Timestamped};
use crate::dialect::{Dialect, SoftDeleteBackend, TableName};
use crate::schema::{Leaves, Reference};
use crate::statement::{Condition, Cutoff, walk_purgeable};

/// The rows that a job may remove.
#[derive(Clone)]
pub(super) struct Eligible<T, P, G>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(super) table: T,
    pub(super) condition: Condition<P, G>,
    pub(super) cutoff: Cutoff<T>,
    /// The columns of the primary key.
    pub(super) key: Vec<String>,
    /// What a bound value is cast to, for each column of the key; see [`casts`](super::guards::casts).
    pub(super) casts: Vec<Option<String>>,
    /// The dialect of the connection, after the check.
    pub(super) dialect: Option<Dialect>,
    /// The foreign keys that can hold rows.
    pub(super) references: Vec<Reference>,
}

/// Writes the `QueryFragment` impl of a statement, so that the bounds on a backend are in one place.
macro_rules! on_backend {
    ($(#[$attr:meta])* impl $name:ident<$lt:lifetime, T, P, G, V $(, $more:ident)?> fn walk_ast($self:ident, $out:ident) $body:block) => {
        impl<$lt, T, P, G, V, $($more,)? DB> QueryFragment<DB> for $name<$lt, T, P, G, V $(, $more)?>
        where
            DB: SoftDeleteBackend,
            T: SoftDeletable + QueryFragment<DB>,
            T::Stamp: Timestamped,
            P: QueryFragment<DB>,
            G: QueryFragment<DB>,
            Cutoff<T>: QueryFragment<DB>,
            KeyOf<T>: Key<DB, Value = V>,
            $($more: ArchiveTable<DB>,)?
        {
            fn walk_ast<'b>(&'b $self, mut $out: AstPass<'_, 'b, DB>) -> QueryResult<()> $body
        }
    };
}

impl<T, P, G> Eligible<T, P, G>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    fn walk<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
        P: QueryFragment<DB>,
        G: QueryFragment<DB>,
        Cutoff<T>: QueryFragment<DB>,
    {
        self.condition.walk_and(out.reborrow())?;
        walk_purgeable(&self.table, &self.cutoff, out)
    }

    /// Returns the table's name as the statements qualify columns with it.
    fn qualifier(&self) -> String {
        self.dialect.map_or_else(String::new, |dialect| TableName::from_parts(T::name_parts()).quoted(dialect))
    }

    /// Leaves out the rows that another row refers to.
    fn walk_held<DB: SoftDeleteBackend>(&self, held: Held, mut out: AstPass<'_, '_, DB>) {
        if held == Held::LeftOut {
            for reference in &self.references {
                out.push_sql(" AND NOT ");
                out.push_sql(&reference.exists(&self.qualifier()));
            }
        }
    }

    /// Returns how a DELETE leaves out the rows that another row refers to.
    fn leaves(&self, held: Held) -> Leaves {
        match (held, self.dialect) {
            (Held::LeftOut, Some(dialect)) => Leaves::new(dialect, &self.qualifier(), self.references.iter()),
            _ => Leaves::default(),
        }
    }

    /// Writes the condition for the rows that can be walked, which are those without a NULL in the key.
    ///
    /// A walk cannot continue after a NULL, since no comparison with NULL is true. Such rows stay and are noted in the
    /// report.
    fn walk_keyed<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
        P: QueryFragment<DB>,
        G: QueryFragment<DB>,
        Cutoff<T>: QueryFragment<DB>,
        KeyOf<T>: Key<DB>,
    {
        self.walk(out.reborrow())?;
        for (place, column) in self.key.iter().enumerate() {
            if <KeyOf<T> as Key<DB>>::is_nullable(place) {
                out.push_sql(" AND ");
                self.column(column, out.reborrow())?;
                out.push_sql(" IS NOT NULL");
            }
        }
        Ok(())
    }

    fn column<'b, DB>(&'b self, column: &'b str, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
    {
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(".");
        out.push_identifier(column)
    }

    /// Writes ` AND <column><operator><bind>`.
    fn compare<'b, DB, V>(
        &'b self,
        column: usize,
        operator: &'static str,
        value: &'b V,
        mut out: AstPass<'_, 'b, DB>,
    ) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
        KeyOf<T>: Key<DB, Value = V>,
    {
        out.push_sql(" AND ");
        self.column(&self.key[column], out.reborrow())?;
        out.push_sql(operator);
        self.value(column, value, out)
    }

    fn value<'b, DB, V>(&'b self, column: usize, value: &'b V, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        KeyOf<T>: Key<DB, Value = V>,
    {
        match self.casts.get(column) {
            Some(Some(sql_type)) => {
                out.push_sql("CAST(");
                KeyOf::<T>::push(value, column, out.reborrow())?;
                out.push_sql(" AS ");
                out.push_sql(sql_type);
                out.push_sql(")");
                Ok(())
            }
            _ => KeyOf::<T>::push(value, column, out),
        }
    }

    /// Writes ` AND <the whole key> <= <binds>`. It repeats this for the first column alone, since every planner uses
    /// an index for that.
    fn up_to<'b, DB, V>(&'b self, end: &'b V, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
        KeyOf<T>: Key<DB, Value = V>,
    {
        self.compare(0, " <= ", end, out.reborrow())?;
        if self.key.len() > 1 {
            out.push_sql(" AND (");
            self.key_columns(out.reborrow())?;
            out.push_sql(") <= (");
            for column in 0..self.key.len() {
                out.push_sql(if column == 0 { "" } else { ", " });
                self.value(column, end, out.reborrow())?;
            }
            out.push_sql(")");
        }
        Ok(())
    }

    fn key_columns<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
    {
        for (place, column) in self.key.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { ", " });
            self.column(column, out.reborrow())?;
        }
        Ok(())
    }

    fn range<'b, DB, V>(&'b self, range: &'b KeyRange<V>, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: SoftDeleteBackend,
        T: QueryFragment<DB>,
        KeyOf<T>: Key<DB, Value = V>,
    {
        let equal = if range.is_row { self.key.len() } else { range.equal };
        for column in 0..equal {
            self.compare(column, " = ", &range.upto, out.reborrow())?;
        }
        if range.is_row {
            return Ok(());
        }
        if let Some(after) = &range.after {
            self.compare(range.from, " > ", after, out.reborrow())?;
        }
        let operator = if range.inclusive { " <= " } else { " < " };
        self.compare(range.equal, operator, &range.upto, out)
    }
}

/// Which key a query looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seek {
    /// The key of the row that is this many rows after the first.
    Nth(u64),
    /// The last key.
    Last,
}

/// Finds a key among the eligible rows after `after`, up to `end`, that share `equal` columns with it.
pub(super) struct Find<'a, T, P, G, V>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(super) rows: &'a Eligible<T, P, G>,
    pub(super) sought: Sought<'a, V>,
}

on_backend! {
    impl Find<'a, T, P, G, V> fn walk_ast(self, out) {
        // A text that varies would fill the connection's cache of statements. After five executions PostgreSQL plans a
        // prepared statement without its values. That plan expects few rows, and sorts all of them instead of reading
        // the first.
        if !self.sought.cacheable || self.rows.dialect == Some(Dialect::Postgres) {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql("SELECT ");
        self.rows.key_columns(out.reborrow())?;
        out.push_sql(" FROM ");
        self.rows.table.walk_ast(out.reborrow())?;
        self.rows.walk_keyed(out.reborrow())?;
        if let Some(after) = self.sought.after {
            for column in 0..self.sought.equal {
                self.rows.compare(column, " = ", after, out.reborrow())?;
            }
            self.rows.compare(self.sought.equal, " > ", after, out.reborrow())?;
        }
        if let Some(end) = self.sought.end {
            self.rows.up_to(end, out.reborrow())?;
        }
        self.rows.walk_held(self.sought.held, out.reborrow());
        out.push_sql(" ORDER BY ");
        for (place, column) in self.rows.key.iter().enumerate().skip(self.sought.equal) {
            out.push_sql(if place == self.sought.equal { "" } else { ", " });
            self.rows.column(column, out.reborrow())?;
            out.push_sql(if self.sought.seek == Seek::Last { " DESC" } else { "" });
        }
        out.push_sql(" LIMIT 1");
        if let Seek::Nth(offset) = self.sought.seek {
            // It is a literal because a plan without values would guess a bind.
            out.push_sql(&format!(" OFFSET {offset}"));
        }
        Ok(())
    }
}

impl<T, P, G, V> Query for Find<'_, T, P, G, V>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    type SqlType = KeyOf<T>;
}

/// Which eligible rows are counted.
#[derive(Debug)]
pub enum Counted<'a, V> {
    /// The rows of a range.
    KeyRange(&'a KeyRange<V>),
    /// All rows that can be walked.
    All,
    /// Those of them that another row refers to.
    Held,
    /// Those of them that a row of another table refers to.
    HeldByOthers,
    /// The rows whose key contains NULL.
    WithoutKey,
}

/// Counts eligible rows.
pub(super) struct Count<'a, T, P, G, V>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(super) rows: &'a Eligible<T, P, G>,
    pub(super) counted: &'a Counted<'a, V>,
}

on_backend! {
    impl Count<'a, T, P, G, V> fn walk_ast(self, out) {
        out.push_sql("SELECT COUNT(*) FROM ");
        self.rows.table.walk_ast(out.reborrow())?;
        match self.counted {
            Counted::KeyRange(range) => {
                self.rows.walk_keyed(out.reborrow())?;
                self.rows.range(range, out.reborrow())?;
                self.rows.walk_held(range.held, out.reborrow());
                Ok(())
            }
            Counted::All => self.rows.walk_keyed(out.reborrow()),
            Counted::Held | Counted::HeldByOthers => {
                self.rows.walk_keyed(out.reborrow())?;
                out.push_sql(" AND (1 = 0");
                let others_only = matches!(self.counted, Counted::HeldByOthers);
                for reference in self.rows.references.iter().filter(|one| !(others_only && one.is_to_itself())) {
                    out.push_sql(" OR ");
                    out.push_sql(&reference.exists(&self.rows.qualifier()));
                }
                out.push_sql(")");
                Ok(())
            }
            Counted::WithoutKey => {
                self.rows.walk(out.reborrow())?;
                out.push_sql(" AND (");
                for (place, column) in self.rows.key.iter().enumerate() {
                    out.push_sql(if place == 0 { "" } else { " OR " });
                    self.rows.column(column, out.reborrow())?;
                    out.push_sql(" IS NULL");
                }
                out.push_sql(")");
                Ok(())
            }
        }
    }
}

impl<T, P, G, V> Query for Count<'_, T, P, G, V>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    type SqlType = BigInt;
}

/// Removes the eligible rows of a range. The range only bounds them, and the whole predicate decides again.
pub(super) struct Delete<'a, T, P, G, V>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(super) rows: &'a Eligible<T, P, G>,
    pub(super) range: &'a KeyRange<V>,
}

on_backend! {
    impl Delete<'a, T, P, G, V> fn walk_ast(self, out) {
        let leaves = self.rows.leaves(self.range.held);
        leaves.walk_delete_from(&self.rows.table, out.reborrow())?;
        self.rows.walk_keyed(out.reborrow())?;
        self.rows.range(self.range, out.reborrow())?;
        for test in leaves.tests() {
            out.push_sql(" AND ");
            out.push_sql(test);
        }
        Ok(())
    }
}

/// The keys of the first eligible rows that one foreign key holds.
pub(super) struct HeldKeys<'a, T, P, G, V>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(super) rows: &'a Eligible<T, P, G>,
    pub(super) reference: &'a Reference,
    pub(super) limit: u64,
    pub(super) _key: PhantomData<V>,
}

on_backend! {
    impl HeldKeys<'a, T, P, G, V> fn walk_ast(self, out) {
        out.unsafe_to_cache_prepared();
        out.push_sql("SELECT ");
        self.rows.key_columns(out.reborrow())?;
        out.push_sql(" FROM ");
        self.rows.table.walk_ast(out.reborrow())?;
        self.rows.walk_keyed(out.reborrow())?;
        out.push_sql(" AND ");
        out.push_sql(&self.reference.exists(&self.rows.qualifier()));
        out.push_sql(" ORDER BY ");
        self.rows.key_columns(out.reborrow())?;
        out.push_sql(&format!(" LIMIT {}", self.limit));
        Ok(())
    }
}

impl<T, P, G, V> Query for HeldKeys<'_, T, P, G, V>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    type SqlType = KeyOf<T>;
}

/// Copies the eligible rows of a range into the archive.
pub(super) struct Archive<'a, T, P, G, V, A>
where
    T: SoftDeletable,
    T::Stamp: Timestamped,
{
    pub(super) rows: &'a Eligible<T, P, G>,
    pub(super) range: &'a KeyRange<V>,
    pub(super) archive: &'a A,
    pub(super) columns: &'a [String],
    pub(super) dialect: Dialect,
}

on_backend! {
    impl Archive<'a, T, P, G, V, A> fn walk_ast(self, out) {
        out.push_sql("INSERT INTO ");
        self.archive.walk(out.reborrow())?;
        out.push_sql(" (");
        for (place, column) in self.columns.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { ", " });
            out.push_identifier(column)?;
        }
        // A column GENERATED ALWAYS AS IDENTITY accepts a value only with this clause. It does not affect other
        // columns.
        out.push_sql(if self.dialect == Dialect::Postgres { ") OVERRIDING SYSTEM VALUE SELECT " } else { ") SELECT " });
        for (place, column) in self.columns.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { ", " });
            self.rows.column(column, out.reborrow())?;
        }
        out.push_sql(" FROM ");
        self.rows.table.walk_ast(out.reborrow())?;
        self.rows.walk_keyed(out.reborrow())?;
        self.rows.range(self.range, out.reborrow())?;
        self.rows.walk_held(self.range.held, out.reborrow());
        // The lock makes the removal that follows meet the same rows. SQLite has one writer, and does not have the
        // clause.
        if self.dialect != Dialect::Sqlite {
            out.push_sql(" FOR UPDATE");
        }
        Ok(())
    }
}

// The text of a range varies with its shape, so these statements do not have static ids. Diesel caches them by their
// text, whose cost is small beside a batch of 1000 rows.
macro_rules! cached_by_text {
    ($($name:ident $(+ $more:ident)?,)*) => {
        $(
            impl<T, P, G, V $(, $more)?> QueryId for $name<'_, T, P, G, V $(, $more)?>
            where
                T: SoftDeletable,
                T::Stamp: Timestamped,
            {
                type QueryId = ();
                const HAS_STATIC_QUERY_ID: bool = false;
            }
        )*
    };
}

cached_by_text!(Find, Count, Delete, HeldKeys, Archive + A,);
