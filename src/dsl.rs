//! Type aliases for what the methods return, for function signatures and `#[auto_type]`.
//!
//! The module re-exports `diesel::dsl`, so one path serves a function that mixes both:
//!
//! ```
//! # include!("doctest_setup.rs");
//! use diesel::dsl::auto_type;
//!
//! #[auto_type(dsl_path = "diesel_soft_delete::dsl")]
//! fn authors_with_posts() -> _ {
//!     users::table.left_join_active(posts::table).active().select((users::name, posts::title.nullable()))
//! }
//!
//! fn trash() -> diesel_soft_delete::dsl::Deleted<posts::table> {
//!     posts::table.deleted()
//! }
//!
//! # fn main() -> QueryResult<()> {
//! # let conn = &mut connection();
//! let authors = authors_with_posts().load::<(String, Option<String>)>(conn)?;
//! assert_eq!(authors, [("Sean".into(), Some("One".into()))]);
//! assert_eq!(trash().count().get_result::<i64>(conn)?, 1);
//! # Ok(())
//! # }
//! ```

#[doc(no_inline)]
pub use diesel::dsl::*;

pub use crate::query::aliases::*;
pub use crate::revive::aliases::*;
pub use crate::statement::aliases::*;
