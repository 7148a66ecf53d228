//! `active()` and `deleted()` over tables, aliases, selects, boxed selects and joins.
//!
//! The predicate of a query source is known from its type. A table or alias brings its own; an
//! inner join brings those of both sides, less those its ON clauses already carry; a left outer
//! join brings that of its left side, and is accepted only if its ON clause carries the right
//! side's: in WHERE that predicate would drop the left row.

pub(crate) mod aliases;
mod covered;
mod filter;
mod functions;
mod join;
mod methods;
mod source;
mod table;

pub use self::covered::{CoveredBy, KindCoveredBy};
pub(crate) use self::filter::is_grouped;
pub use self::filter::{ActiveQuery, DeletedQuery, Grouping};
pub use self::functions::{active, deleted, is_active, is_active_or_missing, is_deleted};
pub use self::join::JoinActive;
pub use self::methods::{JoinOnActiveDsl, SoftDeleteQueryDsl};
pub use self::source::{FirstTable, LeftJoinedPlainly, Nothing, Scope};
pub use self::table::Source;

/// The impls that a table needs to take part in queries. They stand in a macro and not in blanket
/// impls: with a blanket impl the compiler stops at the outermost trait and never shows which
/// table of a join is at fault.
#[doc(hidden)]
#[macro_export]
macro_rules! __soft_deletable_impls {
    ($table:ty) => {
        #[automatically_derived]
        impl $crate::__private::Declared for $table {
            type Kind = $crate::__private::SoftDeleted;
        }
        #[automatically_derived]
        impl $crate::__private::CascadeTarget for $table {}
        #[automatically_derived]
        impl $crate::__private::RelationTarget for $table {}
        #[automatically_derived]
        impl $crate::__private::Scope for $table {
            type Active = $crate::is_active<$table>;
        }
        #[automatically_derived]
        impl $crate::__private::FirstTable for $table {
            type Source = Self;
        }
        #[automatically_derived]
        impl<S> $crate::__private::CoveredBy<S> for $table where
            $crate::__private::SoftDeleted: $crate::__private::KindCoveredBy<$table, S>
        {
        }
        #[automatically_derived]
        impl $crate::__private::ActiveQuery for $table {
            type Output = <<Self as $crate::__private::AsQuery>::Query as $crate::__private::ActiveQuery>::Output;
            fn filter_active(self) -> Self::Output {
                $crate::__private::ActiveQuery::filter_active($crate::__private::AsQuery::as_query(self))
            }
        }
        #[automatically_derived]
        impl $crate::__private::DeletedQuery for $table {
            type Output = <<Self as $crate::__private::AsQuery>::Query as $crate::__private::DeletedQuery>::Output;
            fn filter_deleted(self) -> Self::Output {
                $crate::__private::DeletedQuery::filter_deleted($crate::__private::AsQuery::as_query(self))
            }
        }
        #[automatically_derived]
        impl $crate::__private::Target for $table {
            type Plain = <Self as $crate::__private::IntoUpdateTarget>::WhereClause;
            type Grouped = ();
            fn into_condition(self) -> $crate::__private::Condition<Self::Plain, ()> {
                $crate::__private::Condition::Plain(
                    $crate::__private::IntoUpdateTarget::into_update_target(self).where_clause,
                )
            }
        }
    };
}

/// The impls that a table without soft deletion needs to take part in `.active()` joins.
#[doc(hidden)]
#[macro_export]
macro_rules! __plain_impls {
    ($table:ty) => {
        const _: () = {
            #[automatically_derived]
            impl $crate::__private::RelationTarget for $table {}
            #[automatically_derived]
            impl $crate::__private::Declared for $table {
                type Kind = $crate::__private::Plain;
            }
            #[automatically_derived]
            impl $crate::__private::Scope for $table {
                type Active = $crate::__private::Nothing;
            }
            #[automatically_derived]
            impl $crate::__private::LeftJoinedPlainly for $table {}
            #[automatically_derived]
            impl<S> $crate::__private::CoveredBy<S> for $table {}
        };
    };
}
