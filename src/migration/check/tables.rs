//! The tables of one check.

use crate::declare::SoftDeletable;
use crate::migration::shape::Shape;

/// Tables that are declared soft-deletable: one table, or a tuple of up to 16, which can be nested.
///
/// ```
/// # include!("../../doctest_setup.rs");
/// use diesel_soft_delete::migration::Tables;
///
/// fn are_tables<T: Tables>() {}
///
/// # fn main() {
/// are_tables::<posts::table>();
/// are_tables::<(posts::table, (users::table,))>();
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a table that is declared soft-deletable nor a tuple of such tables",
    note = "a tuple has at most 16 of them; tuples can be nested"
)]
pub trait Tables {
    /// Returns the declaration of each table.
    #[doc(hidden)]
    fn declared() -> Vec<DeclaredTable>;
}

/// The declaration of a table, hidden from users.
#[derive(Debug)]
pub struct DeclaredTable(Shape);

impl DeclaredTable {
    pub(super) fn shape(&self) -> &Shape {
        &self.0
    }
}

impl<T: SoftDeletable> Tables for T {
    fn declared() -> Vec<DeclaredTable> {
        vec![DeclaredTable(Shape::of::<T>())]
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: Tables, $($rest: Tables),*> Tables for ($first, $($rest,)*) {
            fn declared() -> Vec<DeclaredTable> {
                [$first::declared(), $($rest::declared()),*].into_iter().flatten().collect()
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}

tuples!(A B C D E F G H I J K L M N O P);
