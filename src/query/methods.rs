//! The methods `.active()`, `.deleted()` and the joins that filter what they join.

use diesel::query_dsl::{JoinOnDsl, QueryDsl};
use diesel::query_source::QuerySource;

use super::aliases;
use super::filter::{ActiveQuery, DeletedQuery};
use super::join::{JoinActive, OnActive};
use super::source::Scope;
use crate::diesel_internals::{Inner, LeftOuter};

/// Methods on queries: `.active()`, `.deleted()`, and joins that filter what they join.
///
/// The trait is in the prelude. It is implemented for tables, aliases, selects and boxed selects.
pub trait SoftDeleteQueryDsl: Sized {
    /// Keeps the active rows. In a join, **every** table is filtered.
    ///
    /// The method appends to the `WHERE` clause and leaves the rest of the query alone. It works on tables and
    /// aliases, and on filtered, ordered, limited, grouped, selected and boxed queries. A query without `active()`
    /// sees all rows.
    ///
    /// It sends the predicates of [`is_active`](crate::is_active()), joined by `AND`. They contain no binds, so the
    /// database uses a partial index with the same predicate even in a generic plan.
    ///
    /// In `#[diesel(base_query = ..)]` and `#[auto_type]`, write the function `active(posts::table)` from the crate
    /// root: Diesel infers the type from the path there. A model's own method `active` or `restore` takes precedence
    /// over these traits.
    ///
    /// # Joins
    ///
    /// * A table without soft deletion must be declared once: `not_soft_deletable!(tags);`. Then it takes part
    ///   unfiltered. An undeclared table does not compile.
    /// * `l.left_join(r).active()` with a soft-deletable `r` does not compile. In `WHERE` the predicate of `r` would
    ///   drop left rows. Write [`left_join_active`](Self::left_join_active) or
    ///   [`on_active`](JoinOnActiveDsl::on_active).
    /// * Call it after the last join. `posts.active().inner_join(users)` does not compile, since `users` would not be
    ///   filtered. `posts.active().inner_join_active(users)` compiles.
    /// * To filter only one table of a join, write `.filter(is_active(table))`.
    ///
    /// # Three mistakes that the compiler cannot catch
    ///
    /// * `q.active().or_filter(x)` returns deleted rows for which `x` is true, since Diesel makes everything before
    ///   it one operand of the `OR`. Write `q.or_filter(x).active()`.
    /// * `q.active().filter(sql::<Bool>("a OR b"))` returns them too, since Diesel does not group raw SQL. Write
    ///   `q.filter(sql::<Bool>("a OR b")).active()`, which groups it, or put the parentheses into the string.
    /// * A boxed query does not check joins after `active()`, and does not filter their tables. Box the query last.
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

    /// Keeps the deleted rows. In a join only the **first** table is filtered, so deleted posts keep their authors.
    ///
    /// It appends the predicate of [`is_deleted`](crate::is_deleted()) to the `WHERE` clause.
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

    /// Joins with a left outer join whose `ON` clause is that of `joinable!` **and** the predicate of `right`.
    ///
    /// Every left row stays. If its right row is deleted or missing, the right side is `None`. The left side is not
    /// filtered: call [`active`](Self::active) for that.
    ///
    /// `right` is a table, an alias, `table.on(..)`, or a join of tables with an `ON` clause of its own. The
    /// predicates of all its tables go into this `ON`.
    ///
    /// It sends `left LEFT OUTER JOIN right ON (<on> AND <predicate of right>)`.
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

    /// Joins with an inner join whose `ON` clause is that of `joinable!` **and** the predicate of `right`.
    ///
    /// The left side is not filtered: call [`active`](Self::active) for that, before or after. It does not repeat the
    /// predicate of `right`.
    ///
    /// It sends `left INNER JOIN right ON (<on> AND <predicate of right>)`.
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

/// The method `.on_active(..)` on everything that can be joined.
///
/// The trait is in the prelude.
pub trait JoinOnActiveDsl: QuerySource + Sized {
    /// Gives an explicit `ON` clause **and** the predicate of this table, alias or join.
    ///
    /// Pass the result to `left_join` or `inner_join`, like that of Diesel's `.on(..)`.
    ///
    /// It sends `.. JOIN right ON (<on> AND <predicate of right>)`. An `ON` clause of raw SQL is put into
    /// parentheses.
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
