//! The methods on queries.

use diesel::query_dsl::{JoinOnDsl, QueryDsl};
use diesel::query_source::QuerySource;

use super::aliases;
use super::filter::{ActiveQuery, DeletedQuery};
use super::join::{JoinActive, OnActive};
use super::source::Scope;
use crate::diesel_internals::{Inner, LeftOuter};

/// `.active()` and `.deleted()` on every query, and joins that carry their own filter.
///
/// In the prelude. Implemented for whatever Diesel's `QueryDsl` is: tables, aliases, selects,
/// boxed selects.
pub trait SoftDeleteQueryDsl: Sized {
    /// Keeps the rows that are not soft-deleted. On a join: **every** table in it is filtered.
    ///
    /// It appends to the `WHERE` clause; everything else of the query stays as it is. It works on
    /// tables, filtered, ordered, limited, grouped, selected and boxed queries, and on aliases.
    /// Plain Diesel, without `active()`, sees all rows.
    ///
    /// SQL: the predicates of [`is_active`](crate::is_active()), joined by `AND`, without binds, so that a
    /// partial index on the same text is used in a generic plan too.
    ///
    /// In `#[diesel(base_query = ..)]` and `#[auto_type]` write the function, `active(posts::table)` from the
    /// crate root: there Diesel infers the type from the path. A model's own method `active` or
    /// `restore` wins over these traits.
    ///
    /// # Joins
    ///
    /// * A table that has no soft deletion must say so once: `not_soft_deletable!(tags);`. Then it
    ///   takes part unfiltered. An undeclared table does not compile.
    /// * `l.left_join(r).active()` with a soft-deletable `r` does not compile: in `WHERE` the
    ///   predicate of `r` would drop left rows. Write [`left_join_active`](Self::left_join_active)
    ///   or [`on_active`](JoinOnActiveDsl::on_active).
    /// * Call it after the last join. `posts.active().inner_join(users)` does not compile, for
    ///   `users` would not be filtered; `posts.active().inner_join_active(users)` does.
    /// * To filter one table of a join only: `.filter(is_active(table))`.
    ///
    /// # Three traps that types cannot close
    ///
    /// * `q.active().or_filter(x)` re-admits deleted rows for which `x` is true: Diesel puts
    ///   everything before it in one operand of the `OR`. Write `q.or_filter(x).active()`.
    /// * `q.active().filter(sql::<Bool>("a OR b"))` re-admits them too: Diesel does not put raw SQL
    ///   into parentheses. Write `q.filter(sql::<Bool>("a OR b")).active()`, which is grouped, or
    ///   put the parentheses into the string.
    /// * A boxed query does not check joins that come after `active()`, and their tables are not
    ///   filtered. Box the query last.
    ///
    /// # Example
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> QueryResult<()> {
    /// # let conn = &mut connection();
    /// let titles = posts::table.active().select(posts::title).order(posts::id).load::<String>(conn)?;
    /// assert_eq!(titles, ["One", "Three"]);
    ///
    /// // Tess is deleted, so her post `Three` is not in the join:
    /// let rows = users::table
    ///     .inner_join(posts::table)
    ///     .active()
    ///     .select((users::name, posts::title))
    ///     .load::<(String, String)>(conn)?;
    /// assert_eq!(rows, [("Sean".into(), "One".into())]);
    /// # Ok(())
    /// # }
    /// ```
    fn active(self) -> aliases::Active<Self>
    where
        Self: ActiveQuery,
    {
        self.filter_active()
    }

    /// Keeps the rows that are soft-deleted. On a join: of its **first** table; the others stay as
    /// they are (the trash, with its authors).
    ///
    /// SQL: the predicate of [`is_deleted`](crate::is_deleted()), appended to the `WHERE` clause.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> QueryResult<()> {
    /// # let conn = &mut connection();
    /// let trash = posts::table
    ///     .inner_join(users::table)
    ///     .deleted()
    ///     .select((posts::title, users::name))
    ///     .load::<(String, String)>(conn)?;
    /// assert_eq!(trash, [("Two".into(), "Sean".into())]);
    /// # Ok(())
    /// # }
    /// ```
    fn deleted(self) -> aliases::Deleted<Self>
    where
        Self: DeletedQuery,
    {
        self.filter_deleted()
    }

    /// A left outer join whose `ON` clause is that of `joinable!` **and** the predicate of `right`.
    ///
    /// Every left row stays; beside it stands `None` where its right row is deleted or missing.
    /// The left side is not filtered: call [`active`](Self::active) for that.
    ///
    /// `right` is a table, an alias, `table.on(..)`, or a join of tables with an `ON` clause of its
    /// own: the predicates of all its tables go into this `ON`.
    ///
    /// SQL: `left LEFT OUTER JOIN right ON (<on> AND <predicate of right>)`.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> QueryResult<()> {
    /// # let conn = &mut connection();
    /// # diesel::update(posts::table).set((posts::is_deleted.eq(true))).execute(conn)?;
    /// // All posts of Sean are deleted now; he is still here:
    /// let rows = users::table
    ///     .left_join_active(posts::table)
    ///     .active()
    ///     .select((users::name, posts::title.nullable()))
    ///     .load::<(String, Option<String>)>(conn)?;
    /// assert_eq!(rows, [("Sean".into(), None)]);
    /// # Ok(())
    /// # }
    /// ```
    fn left_join_active<R>(self, right: R) -> aliases::LeftJoinActive<Self, R>
    where
        Self: JoinActive<R, LeftOuter>,
    {
        self.join_active(right, LeftOuter)
    }

    /// An inner join whose `ON` clause is that of `joinable!` **and** the predicate of `right`.
    ///
    /// The left side is not filtered: call [`active`](Self::active) for that, before or after; it
    /// does not repeat the predicate of `right`.
    ///
    /// SQL: `left INNER JOIN right ON (<on> AND <predicate of right>)`.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> QueryResult<()> {
    /// # let conn = &mut connection();
    /// let rows = users::table
    ///     .inner_join_active(posts::table)
    ///     .select((users::name, posts::title))
    ///     .order(posts::id)
    ///     .load::<(String, String)>(conn)?;
    /// // Tess is deleted, but only the posts are filtered.
    /// assert_eq!(rows, [("Sean".into(), "One".into()), ("Tess".into(), "Three".into())]);
    /// # Ok(())
    /// # }
    /// ```
    fn inner_join_active<R>(self, right: R) -> aliases::InnerJoinActive<Self, R>
    where
        Self: JoinActive<R, Inner>,
    {
        self.join_active(right, Inner)
    }
}

impl<Q: QueryDsl> SoftDeleteQueryDsl for Q {}

/// `.on_active(..)` on everything that can be joined.
///
/// In the prelude.
pub trait JoinOnActiveDsl: QuerySource + Sized {
    /// An explicit `ON` clause **and** the predicate of this table, alias or join.
    ///
    /// For `left_join` and `inner_join`, as Diesel's `.on(..)` is.
    ///
    /// SQL: `.. JOIN right ON (<on> AND <predicate of right>)`. An `ON` clause of raw SQL is put into
    /// parentheses first.
    ///
    /// ```
    /// # include!("../doctest_setup.rs");
    /// # fn main() -> QueryResult<()> {
    /// # let conn = &mut connection();
    /// let later = diesel::alias!(posts as later);
    /// let rows = posts::table
    ///     .left_join(later.on_active(
    ///         later.field(posts::user_id).eq(posts::user_id).and(later.field(posts::id).gt(posts::id)),
    ///     ))
    ///     .active()
    ///     .select((posts::title, later.field(posts::title).nullable()))
    ///     .order(posts::id)
    ///     .load::<(String, Option<String>)>(conn)?;
    /// // `Two`, which came after `One`, is deleted.
    /// assert_eq!(rows, [("One".into(), None), ("Three".into(), None)]);
    /// # Ok(())
    /// # }
    /// ```
    fn on_active<On>(self, on: On) -> aliases::OnActive<Self, On>
    where
        Self: Scope,
    {
        self.on(OnActive::new(on))
    }
}

impl<R: QuerySource> JoinOnActiveDsl for R {}
