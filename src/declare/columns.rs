//! The columns of a `table!`, and lists of column names.

use diesel::Table;
use diesel::query_source::Column;

use super::roles::ColumnRef;

/// One or more names of columns: `"slug"`, `["tenant_id", "slug"]`, a `Vec` or a slice.
///
/// ```
/// use diesel_soft_delete::migration::SoftDeleteMigration;
///
/// let one = SoftDeleteMigration::new("posts").unique_among_active("slug");
/// let two = SoftDeleteMigration::new("posts").unique_among_active(["tenant_id", "slug"]);
/// let read = SoftDeleteMigration::new("posts").unique_among_active(vec![String::from("slug")]);
/// assert_eq!(one, read);
/// assert_ne!(one, two);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of column names",
    note = "write `\"slug\"`, `[\"tenant_id\", \"slug\"]`, or give a `Vec` or a slice of strings"
)]
pub trait ColumnNames {
    /// The names.
    fn into_names(self) -> Vec<String>;
}

impl ColumnNames for &str {
    fn into_names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl ColumnNames for String {
    fn into_names(self) -> Vec<String> {
        vec![self]
    }
}

impl<S: Into<String>, const N: usize> ColumnNames for [S; N] {
    fn into_names(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: Into<String>> ColumnNames for Vec<S> {
    fn into_names(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: AsRef<str>> ColumnNames for &[S] {
    fn into_names(self) -> Vec<String> {
        self.iter().map(|name| name.as_ref().to_owned()).collect()
    }
}

/// The columns of a table, all of them: the tuple that a `table!` declares.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a `table!` declares as all its columns",
    note = "for a migration without a `table!`, name them: `SoftDeleteMigration::new(\"table\").flag(..).timestamp(..)`"
)]
pub trait TableColumns {
    /// The columns, in the order of the `table!`.
    fn columns() -> Vec<ColumnRef>;
}

macro_rules! table_columns {
    ([$($C:ident)+]) => {
        impl<$($C: Column),+> TableColumns for ($($C,)+) {
            fn columns() -> Vec<ColumnRef> {
                vec![$(ColumnRef::of::<$C>()),+]
            }
        }
    };
    ([$($C:ident)+] $next:ident $($rest:ident)*) => {
        table_columns!([$($C)+]);
        table_columns!([$($C)+ $next] $($rest)*);
    };
}

// As many columns as Diesel's own `table!` can have. One list would exceed the compiler's recursion limit for macros.
table_columns!(
    [C1] C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 C29 C30
    C31 C32 C33 C34 C35 C36 C37 C38 C39 C40 C41 C42 C43 C44 C45 C46 C47 C48 C49 C50 C51 C52 C53 C54 C55 C56 C57 C58
    C59 C60 C61 C62 C63 C64
);
table_columns!(
    [C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 C29 C30
    C31 C32 C33 C34 C35 C36 C37 C38 C39 C40 C41 C42 C43 C44 C45 C46 C47 C48 C49 C50 C51 C52 C53 C54 C55 C56 C57 C58
    C59 C60 C61 C62 C63 C64 C65] C66 C67 C68 C69 C70 C71 C72 C73 C74 C75 C76 C77 C78 C79 C80 C81 C82 C83 C84 C85 C86
    C87 C88 C89 C90 C91 C92 C93 C94 C95 C96 C97 C98 C99 C100 C101 C102 C103 C104 C105 C106 C107 C108 C109 C110 C111
    C112 C113 C114 C115 C116 C117 C118 C119 C120 C121 C122 C123 C124 C125 C126 C127 C128
);

/// The columns of the table `T` among the type `C`: a column or a tuple of columns. Other columns are left out.
///
/// No trait can be implemented both for columns and for tuples, since `Column` is Diesel's. So the columns are found
/// by the names of their Rust types.
pub(crate) fn columns_in<T, C>() -> Vec<ColumnRef>
where
    T: Table,
    T::AllColumns: TableColumns,
{
    let columns = T::AllColumns::columns();
    let names = std::any::type_name::<C>();
    let parts = names.trim_start_matches('(').trim_end_matches(')').split(',').map(str::trim);
    parts.filter_map(|part| columns.iter().find(|column| column.type_name == part)).copied().collect()
}

/// The names of the primary key's columns in SQL.
pub(crate) fn primary_key<T>() -> Vec<String>
where
    T: Table,
    T::AllColumns: TableColumns,
{
    columns_in::<T, T::PrimaryKey>().into_iter().map(|column| column.name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::TableColumns;

    diesel::table! {
        posts { id -> Integer }
    }

    #[test]
    fn the_columns_of_the_widest_table_have_names() {
        macro_rules! eightfold {
            ($then:ident $($ty:ty),+) => { $then!($($ty),+, $($ty),+, $($ty),+, $($ty),+, $($ty),+, $($ty),+, $($ty),+, $($ty),+) };
        }
        macro_rules! count {
            ($($ty:ty),+) => { <($($ty,)+) as TableColumns>::columns().len() };
        }
        macro_rules! sixteen_times_eight {
            ($($ty:ty),+) => { eightfold!(count $($ty, $ty),+) };
        }
        assert_eq!(eightfold!(sixteen_times_eight posts::id), 128);
        assert_eq!(eightfold!(count posts::id), 8);
    }
}
