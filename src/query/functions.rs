//! The functions at the crate root, each with a type alias of the same name beside it, so that
//! `#[auto_type]` and `#[diesel(base_query = ..)]` need no annotation.

use super::aliases;
use super::filter::{ActiveQuery, DeletedQuery};
use super::table::{ActiveOrMissingRows, ActiveRows, DeletedRows, Source, StateTest};

/// Keeps the rows that are not soft-deleted; [`query.active()`](crate::SoftDeleteQueryDsl::active)
/// as a function.
///
/// It stands at the crate root and not in the prelude, with a type alias of the same name, so that
/// Diesel's `#[auto_type]` and `HasQuery` infer its type.
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

/// Keeps the rows that are soft-deleted; [`query.deleted()`](crate::SoftDeleteQueryDsl::deleted) as
/// a function.
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

/// The predicate "this row is not soft-deleted" of a table or an `alias!`.
///
/// An expression of type `Bool` for `filter`, `on`, `exists`, `or`, `case_when`, `select` and boxed
/// queries. It stands in parentheses, holds no bind, and is safe as an operand.
///
/// | declaration | SQL |
/// |---|---|
/// | `flag = c` | `(c = FALSE)` |
/// | `flag = c`, nullable | `(c = FALSE OR c IS NULL)` |
/// | `active_flag = c` | `(c = TRUE)` |
/// | `active_flag = c`, nullable | `(c = TRUE OR c IS NULL)` |
/// | `timestamp = c` alone | `(c IS NULL)` |
///
/// (`case_when` wants its type spelled out, `case_when::<_, _, Text>(is_active(posts::table), "live")`:
/// without, rustc spends minutes on the error, with any predicate.)
///
/// On the nullable side of an outer join a missing row has no state: `c = FALSE` is NULL there, and
/// `WHERE` drops the left row. Use [`is_active_or_missing`](is_active_or_missing()), or put the
/// predicate into `ON` with [`left_join_active`](crate::SoftDeleteQueryDsl::left_join_active).
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

/// The predicate "this row is soft-deleted" of a table or an `alias!`.
///
/// The exact opposite of [`is_active`](is_active()) on every row of the table, so that
/// `not(is_deleted(t))` loses none:
/// `(c = TRUE)`, `(c = TRUE AND c IS NOT NULL)` for a nullable flag, `(c = FALSE)` and
/// `(c = FALSE AND c IS NOT NULL)` for an `active_flag`, `(c IS NOT NULL)` for a timestamp alone.
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

/// The predicate "this row is not soft-deleted, or an outer join found no row": for `WHERE` after an
/// outer join.
///
/// Never NULL. A left row *all* of whose right rows are deleted is still dropped, since the join
/// did find rows for it; to keep it, join with
/// [`left_join_active`](crate::SoftDeleteQueryDsl::left_join_active).
///
/// SQL: `(c = FALSE OR c IS NULL)` for a flag, `(c = TRUE OR c IS NULL)` for an `active_flag`,
/// `(c IS NULL)` for a timestamp alone.
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
