//! The predicates, and the only place that spells them.
//!
//! The database uses a partial index only if it can prove the index's predicate from the query's. PostgreSQL cannot
//! prove it from a bind in a generic plan. SQLite compares the expressions, so `= FALSE`, `= 0` and `NOT x` are
//! different to it. So the predicates are literals, and both filters and generated indexes take their text from here.

use diesel::backend::Backend;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;

/// How a table tells active rows from deleted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// `flag = col` of type `Bool`: `TRUE` means deleted.
    Flag,
    /// `flag = col` of type `Nullable<Bool>`: `TRUE` means deleted, `NULL` counts as active.
    NullableFlag,
    /// `active_flag = col` of type `Bool`: `TRUE` means active.
    ActiveFlag,
    /// `active_flag = col` of type `Nullable<Bool>`: `FALSE` means deleted, `NULL` counts as active.
    NullableActiveFlag,
    /// `timestamp = col` without a flag: `NULL` means active.
    Timestamp,
}

/// Which rows a predicate is true for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Rows that are not soft-deleted.
    Active,
    /// Rows that are soft-deleted.
    Deleted,
    /// Rows that are not soft-deleted, and the all-NULL rows that an outer join adds.
    ActiveOrMissing,
}

/// A test of one column: the text behind the column, and what happens with NULL.
#[derive(Debug, Clone, Copy)]
struct Test {
    text: &'static str,
    null: Null,
}

#[derive(Debug, Clone, Copy)]
enum Null {
    /// The column is never NULL, or the test itself decides.
    Decided,
    /// NULL passes the test too: `(c = FALSE OR c IS NULL)`.
    Passes,
    /// NULL fails the test as FALSE, not as NULL, so `NOT` of the test keeps the row.
    Fails,
}

const IS_TRUE: &str = " = TRUE";
const IS_FALSE: &str = " = FALSE";
const IS_NULL: &str = " IS NULL";
const IS_NOT_NULL: &str = " IS NOT NULL";

impl Mode {
    /// Whether the state is a flag instead of the timestamp.
    pub(crate) const fn is_flag(self) -> bool {
        !matches!(self, Self::Timestamp)
    }

    const fn test(self, rows: Rows) -> Test {
        use self::Null::{Decided, Fails, Passes};
        let (text, null) = match (self, rows) {
            (Self::Flag, Rows::Active) => (IS_FALSE, Decided),
            (Self::Flag, Rows::ActiveOrMissing) => (IS_FALSE, Passes),
            (Self::Flag, Rows::Deleted) => (IS_TRUE, Decided),
            (Self::NullableFlag, Rows::Active | Rows::ActiveOrMissing) => (IS_FALSE, Passes),
            (Self::NullableFlag, Rows::Deleted) => (IS_TRUE, Fails),
            (Self::ActiveFlag, Rows::Active) => (IS_TRUE, Decided),
            (Self::ActiveFlag, Rows::ActiveOrMissing) => (IS_TRUE, Passes),
            (Self::ActiveFlag, Rows::Deleted) => (IS_FALSE, Decided),
            (Self::NullableActiveFlag, Rows::Active | Rows::ActiveOrMissing) => (IS_TRUE, Passes),
            (Self::NullableActiveFlag, Rows::Deleted) => (IS_FALSE, Fails),
            (Self::Timestamp, Rows::Active | Rows::ActiveOrMissing) => (IS_NULL, Decided),
            (Self::Timestamp, Rows::Deleted) => (IS_NOT_NULL, Decided),
        };
        Test { text, null }
    }

    /// The text behind the flag column in a `SET` clause; `None` without a flag.
    pub(crate) const fn assignment(self, deleted: bool) -> Option<&'static str> {
        match (self, deleted) {
            (Self::Flag | Self::NullableFlag, true) => Some(IS_TRUE),
            (Self::Flag | Self::NullableFlag, false) => Some(IS_FALSE),
            (Self::ActiveFlag | Self::NullableActiveFlag, true) => Some(IS_FALSE),
            (Self::ActiveFlag | Self::NullableActiveFlag, false) => Some(IS_TRUE),
            (Self::Timestamp, _) => None,
        }
    }

    /// The predicate as text, for DDL. It must equal what [`walk`](Self::walk) writes, or indexes are not used.
    pub(crate) fn text(self, rows: Rows, column: &str) -> String {
        let test = self.test(rows);
        let nulls = match test.null {
            Null::Decided => String::new(),
            Null::Passes => format!(" OR {column}{IS_NULL}"),
            Null::Fails => format!(" AND {column}{IS_NOT_NULL}"),
        };
        format!("({column}{}{nulls})", test.text)
    }

    /// Writes the predicate in parentheses, so it is safe as an operand.
    ///
    /// `column` writes the column, qualified as its place requires.
    pub(crate) fn walk<'b, DB: Backend>(
        self,
        rows: Rows,
        mut out: AstPass<'_, 'b, DB>,
        column: impl Fn(AstPass<'_, 'b, DB>) -> QueryResult<()>,
    ) -> QueryResult<()> {
        let test = self.test(rows);
        out.push_sql("(");
        column(out.reborrow())?;
        out.push_sql(test.text);
        match test.null {
            Null::Decided => {}
            Null::Passes => {
                out.push_sql(" OR ");
                column(out.reborrow())?;
                out.push_sql(IS_NULL);
            }
            Null::Fails => {
                out.push_sql(" AND ");
                column(out.reborrow())?;
                out.push_sql(IS_NOT_NULL);
            }
        }
        out.push_sql(")");
        Ok(())
    }
}
