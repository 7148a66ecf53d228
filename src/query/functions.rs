//! The functions at the crate root. Each has a type alias of the same name, so `#[auto_type]` and
//! `#[diesel(base_query = ..)]` infer its type.

use super::aliases;
use super::filter::{ActiveQuery, DeletedQuery};
use super::table::{ActiveOrMissingRows, ActiveRows, DeletedRows, Source, StateTest};

/// Keeps the active rows of a query, like [`query.active()`](crate::SoftDeleteQueryDsl::active).
///
/// The function is not in the prelude. Its type has an alias of the same name, so Diesel's `#[auto_type]` and
/// `HasQuery` infer it.
///
/// ```
/// # include!("../doctest_setup.rs");
/// use diesel::dsl::auto_type;
///
/// #[derive(HasQuery)]
/// #[diesel(table_name = posts)]
/// #[diesel(base_query = diesel_soft_delete::active(posts::table))]
/// struct Post {
///     id: i32,
///     title: String,
/// }
///
/// #[auto_type]
/// fn titled(prefix: String) -> _ {
///     diesel_soft_delete::active(posts::table).filter(posts::title.like(prefix))
/// }
///
/// # fn main() -> QueryResult<()> {
/// # let conn = &mut connection();
/// let titles: Vec<String> = Post::query().load(conn)?.into_iter().map(|post| post.title).collect();
/// assert_eq!(titles, ["One", "Three"]);
/// assert_eq!(titled("T%".into()).count().get_result::<i64>(conn)?, 1);
/// # let _ = Post { id: 1, title: String::new() }.id;
/// # Ok(())
/// # }
/// ```
pub fn active<Q: ActiveQuery>(query: Q) -> active<Q> {
    query.filter_active()
}

/// The type of [`active(query)`](active()).
#[allow(non_camel_case_types)]
pub type active<Q> = aliases::Active<Q>;

/// Keeps the deleted rows of a query, like [`query.deleted()`](crate::SoftDeleteQueryDsl::deleted).
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> QueryResult<()> {
/// # let conn = &mut connection();
/// let trash = diesel_soft_delete::deleted(posts::table).select(posts::title).load::<String>(conn)?;
/// assert_eq!(trash, ["Two"]);
/// # Ok(())
/// # }
/// ```
pub fn deleted<Q: DeletedQuery>(query: Q) -> deleted<Q> {
    query.filter_deleted()
}

/// The type of [`deleted(query)`](deleted()).
#[allow(non_camel_case_types)]
pub type deleted<Q> = aliases::Deleted<Q>;

/// The predicate that a row of a table or an `alias!` is active.
///
/// It is an expression of type `Bool` for `filter`, `on`, `exists`, `or`, `case_when`, `select` and boxed queries. It
/// is in parentheses and contains no bind, so it is safe as an operand.
///
/// | declaration | SQL |
/// |---|---|
/// | `flag = c` | `(c = FALSE)` |
/// | `flag = c`, nullable | `(c = FALSE OR c IS NULL)` |
/// | `active_flag = c` | `(c = TRUE)` |
/// | `active_flag = c`, nullable | `(c = TRUE OR c IS NULL)` |
/// | `timestamp = c` alone | `(c IS NULL)` |
///
/// A missing row on the nullable side of an outer join has no state. There `c = FALSE` is NULL, and `WHERE` drops the
/// left row. Use [`is_active_or_missing`](is_active_or_missing()), or put the predicate into `ON` with
/// [`left_join_active`](crate::SoftDeleteQueryDsl::left_join_active).
///
/// Spell out the type of `case_when`: `case_when::<_, _, Text>(is_active(posts::table), "active")`. Without it, rustc
/// spends minutes on the error, with any predicate.
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> QueryResult<()> {
/// # let conn = &mut connection();
/// use diesel_soft_delete::is_active;
///
/// // Posts that are active, with their authors whether they are or not:
/// let rows = posts::table
///     .inner_join(users::table)
///     .filter(is_active(posts::table))
///     .select((posts::title, users::name))
///     .order(posts::id)
///     .load::<(String, String)>(conn)?;
/// assert_eq!(rows, [("One".into(), "Sean".into()), ("Three".into(), "Tess".into())]);
/// # Ok(())
/// # }
/// ```
pub fn is_active<Src: Source>(source: Src) -> is_active<Src> {
    let _ = source;
    StateTest::new()
}

/// The type of [`is_active(source)`](is_active()).
#[allow(non_camel_case_types)]
pub type is_active<Src> = StateTest<Src, ActiveRows>;

/// The predicate that a row of a table or an `alias!` is deleted.
///
/// It is the opposite of [`is_active`](is_active()) for every row, so `not(is_deleted(t))` does not lose rows.
///
/// | declaration | SQL |
/// |---|---|
/// | `flag = c` | `(c = TRUE)` |
/// | `flag = c`, nullable | `(c = TRUE AND c IS NOT NULL)` |
/// | `active_flag = c` | `(c = FALSE)` |
/// | `active_flag = c`, nullable | `(c = FALSE AND c IS NOT NULL)` |
/// | `timestamp = c` alone | `(c IS NOT NULL)` |
///
/// It is not in the prelude, where it would clash with a column `posts::dsl::is_deleted`.
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> QueryResult<()> {
/// # let conn = &mut connection();
/// use diesel_soft_delete::is_deleted;
///
/// let states = users::table.select((users::name, is_deleted(users::table))).load::<(String, bool)>(conn)?;
/// assert_eq!(states, [("Sean".into(), false), ("Tess".into(), true)]);
/// # Ok(())
/// # }
/// ```
pub fn is_deleted<Src: Source>(source: Src) -> is_deleted<Src> {
    let _ = source;
    StateTest::new()
}

/// The type of [`is_deleted(source)`](is_deleted()).
#[allow(non_camel_case_types)]
pub type is_deleted<Src> = StateTest<Src, DeletedRows>;

/// The predicate that a row is active, or that an outer join found no row. Use it in `WHERE` after an outer join.
///
/// It is never NULL. A left row is dropped if *all* of its right rows are deleted, since the join did find rows for
/// it. To keep such a row, join with [`left_join_active`](crate::SoftDeleteQueryDsl::left_join_active).
///
/// | declaration | SQL |
/// |---|---|
/// | `flag = c` | `(c = FALSE OR c IS NULL)` |
/// | `active_flag = c` | `(c = TRUE OR c IS NULL)` |
/// | `timestamp = c` alone | `(c IS NULL)` |
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> QueryResult<()> {
/// # let conn = &mut connection();
/// use diesel_soft_delete::is_active_or_missing;
///
/// let tags_with_posts = tags::table
///     .left_join(posts::table)
///     .filter(is_active_or_missing(posts::table))
///     .select((tags::name, posts::title.nullable()))
///     .load::<(String, Option<String>)>(conn)?;
/// assert_eq!(tags_with_posts.len(), 2);
/// # Ok(())
/// # }
/// ```
pub fn is_active_or_missing<Src: Source>(source: Src) -> is_active_or_missing<Src> {
    let _ = source;
    StateTest::new()
}

/// The type of [`is_active_or_missing(source)`](is_active_or_missing()).
#[allow(non_camel_case_types)]
pub type is_active_or_missing<Src> = StateTest<Src, ActiveOrMissingRows>;
