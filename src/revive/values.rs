//! The values, assignment by assignment, and the columns of the key.

use std::sync::OnceLock;

use diesel::backend::Backend;
use diesel::query_builder::QueryFragment;
use diesel::query_source::Column;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Integer;

use crate::declare::ColumnRef;
use crate::diesel_internals::ASSIGNMENT;
use crate::error::Error;
use crate::statement::assigns;

/// One assignment of a changeset: `"slug" = $1`, or nothing if an `Option` is `None`.
pub struct Assignment<'a, DB: Backend> {
    /// The name of its Rust type, which tells the column.
    pub(super) type_name: &'static str,
    /// The fragment that writes it.
    pub(super) fragment: &'a (dyn QueryFragment<DB> + 'a),
}

impl<DB: Backend> std::fmt::Debug for Assignment<'_, DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assignment").field("type_name", &self.type_name).finish_non_exhaustive()
    }
}

/// A changeset of assignments, as a tuple of `column.eq(value)` or a struct with `#[derive(AsChangeset)]` makes it.
///
/// Diesel's types of single assignments cannot be named, but those of whole changesets are tuples.
#[diagnostic::on_unimplemented(
    message = "`insert_or_revive` cannot find the columns of these values",
    note = "give a tuple of `column.eq(value)`, which is `(column.eq(value),)` for one column, \
            or a struct, or a reference to one, with `#[derive(Insertable, AsChangeset)]`"
)]
pub trait Assignments<DB: Backend> {
    /// Returns the assignments in their order.
    #[doc(hidden)]
    fn assignments(&self) -> Vec<Assignment<'_, DB>>;
}

/// Columns of a table: one of them, or a tuple of up to eight.
///
/// `Kind` is [`OneColumn`] or [`SeveralColumns`], and is inferred. Without it, the compiler could not exclude that
/// the two implementations overlap.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a column of the table `{T}` nor a tuple of its columns",
    note = "`.on(..)` and `.keeping(..)` take a column of the table that is inserted into, or a tuple of up to eight of them"
)]
pub trait KeyColumns<T, Kind> {
    /// Returns the columns.
    #[doc(hidden)]
    fn columns() -> Vec<ColumnRef>;
}

/// A key of one column.
#[derive(Debug)]
pub struct OneColumn;

/// A key of several columns.
#[derive(Debug)]
pub struct SeveralColumns;

impl<T, C: Column<Table = T>> KeyColumns<T, OneColumn> for C {
    fn columns() -> Vec<ColumnRef> {
        vec![ColumnRef::of::<C>()]
    }
}

macro_rules! key_columns {
    ($($C:ident)+) => {
        impl<T, $($C: Column<Table = T>),+> KeyColumns<T, SeveralColumns> for ($($C,)+) {
            fn columns() -> Vec<ColumnRef> {
                vec![$(ColumnRef::of::<$C>()),+]
            }
        }
    };
}

key_columns!(A);
key_columns!(A B);
key_columns!(A B C);
key_columns!(A B C D);
key_columns!(A B C D E);
key_columns!(A B C D E F);
key_columns!(A B C D E F G);
key_columns!(A B C D E F G H);

macro_rules! assignments {
    ([$($A:ident)+]) => {
        impl<DB: Backend, $($A: QueryFragment<DB>),+> Assignments<DB> for ($($A,)+) {
            fn assignments(&self) -> Vec<Assignment<'_, DB>> {
                #[allow(non_snake_case, reason = "a field is named as its type")]
                let ($($A,)+) = self;
                vec![$(Assignment { type_name: std::any::type_name::<$A>(), fragment: $A }),+]
            }
        }
    };
    ([$($A:ident)+] $next:ident $($rest:ident)*) => {
        assignments!([$($A)+]);
        assignments!([$($A)+ $next] $($rest)*);
    };
}

assignments!(
    [A1] A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17 A18 A19 A20 A21 A22 A23 A24 A25 A26 A27 A28 A29 A30
    A31 A32 A33 A34 A35 A36 A37 A38 A39 A40 A41 A42 A43 A44 A45 A46 A47 A48 A49 A50 A51 A52 A53 A54 A55 A56 A57 A58
    A59 A60 A61 A62 A63 A64
);

impl<DB: Backend> Assignment<'_, DB> {
    /// Returns whether it assigns this column and no other. An embedded struct assigns several.
    pub(super) fn is_of(&self, column: &ColumnRef) -> bool {
        assigns(self.type_name, column) && self.type_name.matches(ASSIGNMENT).count() == 1
    }

    /// Returns whether it names the column, if it writes anything.
    ///
    /// In an embedded struct or an inner tuple, one `Option` may be `None` and others not. The types do not show which,
    /// so each `Option` counts as `None`.
    pub(super) fn names(&self, column: &ColumnRef) -> bool {
        let mut open = Vec::new();
        for (place, letter) in self.type_name.char_indices() {
            let before = &self.type_name[..place];
            match letter {
                '<' => {
                    if self.type_name[..=place].ends_with(ASSIGNMENT) {
                        let rest = &self.type_name[place + 1..];
                        if rest.strip_prefix(column.type_name).is_some_and(|rest| rest.starts_with('>')) {
                            // An outermost `None` writes nothing, so only inner options are unknown.
                            let optional = open.iter().any(|(at, is_option)| *is_option && *at > 0);
                            return !optional;
                        }
                    }
                    open.push((before.trim_end_matches(is_of_path).len(), before.ends_with("option::Option")));
                }
                '>' if !before.ends_with('-') => {
                    open.pop();
                }
                _ => {}
            }
        }
        false
    }
}

/// Returns whether a letter can be part of a type's path.
fn is_of_path(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | ':')
}

/// The columns that the values do not name, although a revived row would keep its old values there.
///
/// It is a bind that always fails, since these columns are known only when the statement is written.
#[derive(Debug)]
pub struct Unnamed {
    pub(super) table: String,
    pub(super) columns: OnceLock<Vec<String>>,
}

impl<DB: Backend> ToSql<Integer, DB> for Unnamed {
    fn to_sql<'b>(&'b self, _: &mut Output<'b, '_, DB>) -> serialize::Result {
        let columns = self.columns.get().cloned().unwrap_or_default();
        Err(Box::new(Error::UnnamedColumns { table: self.table.clone(), columns }))
    }
}

/// A column of the key.
#[derive(Debug, Clone)]
pub struct KeyPart {
    pub(super) table: String,
    pub(super) column: ColumnRef,
}

impl KeyPart {
    pub(super) fn is_nullable(&self) -> bool {
        self.column.sql_type.starts_with("diesel::sql_types::Nullable<")
    }

    pub(super) fn without_value(&self) -> Error {
        Error::KeyWithoutValue { table: self.table.clone(), column: self.column.name.to_owned() }
    }
}

/// The bind always fails, since the key does not have a value.
impl<DB: Backend> ToSql<Integer, DB> for KeyPart {
    fn to_sql<'b>(&'b self, _: &mut Output<'b, '_, DB>) -> serialize::Result {
        Err(Box::new(self.without_value()))
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::query_builder::AsChangeset;

    use super::*;

    diesel::table! { pages { id -> Integer, title -> Text, body -> Nullable<Text>, lead -> Nullable<Text> } }

    #[derive(AsChangeset)]
    #[diesel(table_name = pages)]
    struct Texts {
        title: String,
        body: Option<String>,
    }

    #[derive(AsChangeset)]
    #[diesel(table_name = pages)]
    struct Page {
        lead: Option<String>,
        #[diesel(embed)]
        texts: Texts,
    }

    fn names<V: AsChangeset<Target = pages::table>>(_: V) -> [bool; 3] {
        let type_name = std::any::type_name::<V::Changeset>();
        // The values are one element of a tuple.
        let assignment: Assignment<'_, diesel::sqlite::Sqlite> = Assignment { type_name, fragment: &() };
        [ColumnRef::of::<pages::title>(), ColumnRef::of::<pages::body>(), ColumnRef::of::<pages::lead>()]
            .map(|column| assignment.names(&column))
    }

    #[test]
    fn an_option_beside_other_columns_names_no_column() {
        assert_eq!(names(pages::title.eq("x")), [true, false, false]);
        assert_eq!(names(Some(pages::title.eq("x"))), [true, false, false]);
        assert_eq!(names(Some((pages::title.eq("x"), pages::body.eq("x")))), [true, true, false]);
        assert_eq!(names((pages::title.eq("x"), Some(pages::body.eq("x")))), [true, false, false]);
        assert_eq!(names((pages::lead.eq(Some("x")), pages::title.eq("x"))), [true, false, true]);
        let texts = Texts { title: String::new(), body: None };
        assert_eq!(names(&texts), [true, false, false]);
        assert_eq!(names(Page { lead: None, texts }), [true, false, false]);
    }
}
