//! Primary keys of any type: loaded by their SQL type, compared by the database, bound again.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use diesel::backend::Backend;
use diesel::deserialize::FromSqlRow;
use diesel::expression::Expression;
use diesel::query_builder::AstPass;
use diesel::query_source::Table;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{self, HasSqlType, Nullable, SingleValue, SqlType};

/// The SQL type of a table's primary key; a tuple for several columns.
pub type KeyOf<T> = <<T as Table>::PrimaryKey as Expression>::SqlType;

/// An SQL type that a column of a primary key can have, and the Rust value that a purge job holds it as.
///
/// It is implemented for Diesel's types. For an SQL type of your own (an enum of PostgreSQL), implement
/// it with a Rust type that Diesel can load from the column and bind again:
///
/// ```
/// use diesel_soft_delete::methods::KeyColumn;
///
/// #[derive(diesel::sql_types::SqlType)]
/// #[diesel(postgres_type(name = "region"))]
/// pub struct RegionType;
///
/// #[derive(Debug, Clone, PartialEq)] // and diesel's AsExpression, FromSqlRow
/// pub enum Region {
///     North,
///     South,
/// }
///
/// impl KeyColumn for RegionType {
///     type Value = Region;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a purge in batches cannot walk a primary key of the SQL type `{Self}`",
    note = "supported are integers, `Text`, `Binary`, `Bool`, `Uuid`, dates and timestamps, and tuples of up to eight of them; \
            for an SQL type of your own implement `diesel_soft_delete::methods::KeyColumn`"
)]
pub trait KeyColumn: SqlType + SingleValue + 'static {
    /// What a value of the column is loaded as.
    type Value: Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static;
    /// Whether a row can have no key (SQLite's primary keys can).
    const NULLABLE: bool = false;
    /// The value in reports.
    fn show(value: &Self::Value) -> String {
        format!("{value:?}")
    }
}

macro_rules! key_columns {
    ($($(#[$attr:meta])* $ST:ty => $Value:ty $(, $show:expr)?;)*) => {
        $(
            $(#[$attr])*
            impl KeyColumn for $ST {
                type Value = $Value;
                $(fn show(value: &$Value) -> String {
                    let show: fn(&$Value) -> String = $show;
                    show(value)
                })?
            }
        )*
    };
}

key_columns! {
    sql_types::SmallInt => i16;
    sql_types::Integer => i32;
    sql_types::BigInt => i64;
    sql_types::Bool => bool;
    sql_types::Text => String;
    sql_types::Binary => Vec<u8>, |bytes| hex(bytes);
    sql_types::Date => NaiveDate;
    sql_types::Time => NaiveTime;
    sql_types::Timestamp => NaiveDateTime;
    #[cfg(feature = "postgres_backend")]
    sql_types::Timestamptz => chrono::DateTime<chrono::Utc>;
    #[cfg(feature = "postgres_backend")]
    sql_types::Uuid => raw::RawUuid;
    #[cfg(feature = "postgres_backend")]
    sql_types::Oid => u32;
    #[cfg(feature = "postgres_backend")]
    sql_types::Citext => String;
    #[cfg(feature = "mysql_backend")]
    sql_types::Datetime => NaiveDateTime;
    #[cfg(feature = "mysql_backend")]
    sql_types::TinyInt => i8;
    #[cfg(feature = "mysql_backend")]
    sql_types::Unsigned<sql_types::TinyInt> => u8;
    #[cfg(feature = "mysql_backend")]
    sql_types::Unsigned<sql_types::SmallInt> => u16;
    #[cfg(feature = "mysql_backend")]
    sql_types::Unsigned<sql_types::Integer> => u32;
    #[cfg(feature = "mysql_backend")]
    sql_types::Unsigned<sql_types::BigInt> => u64;
}

impl<ST> KeyColumn for Nullable<ST>
where
    ST: KeyColumn,
    Self: SqlType + SingleValue,
{
    type Value = Option<ST::Value>;
    const NULLABLE: bool = true;
    fn show(value: &Self::Value) -> String {
        value.as_ref().map_or_else(|| String::from("NULL"), ST::show)
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

/// A key of one or several columns, on a backend.
pub trait Key<DB: Backend>: Sized {
    /// What a key is loaded as.
    type Value: Clone + PartialEq + std::fmt::Debug + Send + Sync + FromSqlRow<Self, DB> + 'static;
    /// How many columns it has.
    const COLUMNS: usize;
    /// Binds one of its columns.
    fn push<'b>(value: &'b Self::Value, column: usize, out: AstPass<'_, 'b, DB>) -> QueryResult<()>;
    /// Whether a column can be NULL.
    fn is_nullable(column: usize) -> bool;
    /// How many leading columns of two keys are equal.
    fn common(one: &Self::Value, other: &Self::Value) -> usize;
    /// The key in reports.
    fn show(value: &Self::Value) -> String;
}

impl<ST, DB> Key<DB> for ST
where
    ST: KeyColumn,
    DB: Backend + HasSqlType<ST>,
    ST::Value: FromSqlRow<ST, DB> + ToSql<ST, DB>,
{
    type Value = ST::Value;
    const COLUMNS: usize = 1;

    fn push<'b>(value: &'b ST::Value, _: usize, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_bind_param::<ST, _>(value)
    }
    fn is_nullable(_: usize) -> bool {
        ST::NULLABLE
    }
    fn common(one: &ST::Value, other: &ST::Value) -> usize {
        usize::from(one == other)
    }
    fn show(value: &ST::Value) -> String {
        <ST as KeyColumn>::show(value)
    }
}

macro_rules! keys {
    ($count:literal: $($ST:ident $index:tt),+) => {
        impl<DB, $($ST),+> Key<DB> for ($($ST,)+)
        where
            DB: Backend $(+ HasSqlType<$ST>)+,
            $($ST: KeyColumn, $ST::Value: ToSql<$ST, DB>,)+
            ($($ST::Value,)+): FromSqlRow<Self, DB>,
        {
            type Value = ($($ST::Value,)+);
            const COLUMNS: usize = $count;

            fn push<'b>(value: &'b Self::Value, column: usize, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                match column {
                    $($index => out.push_bind_param::<$ST, _>(&value.$index),)+
                    _ => Ok(()),
                }
            }
            fn is_nullable(column: usize) -> bool {
                [$($ST::NULLABLE),+].get(column).copied().unwrap_or_default()
            }
            fn common(one: &Self::Value, other: &Self::Value) -> usize {
                [$(one.$index == other.$index),+].into_iter().take_while(|equal| *equal).count()
            }
            fn show(value: &Self::Value) -> String {
                format!("({})", [$($ST::show(&value.$index)),+].join(", "))
            }
        }
    };
}

keys!(1: A 0);
keys!(2: A 0, B 1);
keys!(3: A 0, B 1, C 2);
keys!(4: A 0, B 1, C 2, D 3);
keys!(5: A 0, B 1, C 2, D 3, E 4);
keys!(6: A 0, B 1, C 2, D 3, E 4, F 5);
keys!(7: A 0, B 1, C 2, D 3, E 4, F 5, G 6);
keys!(8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Types that Diesel loads only into those of other crates, as their bytes.
#[cfg(feature = "postgres_backend")]
mod raw {
    use diesel::deserialize::{self, FromSql, Queryable};
    use diesel::pg::{Pg, PgValue};
    use diesel::serialize::{self, IsNull, Output, ToSql};
    use diesel::sql_types::Uuid;
    use std::io::Write;

    /// A UUID, without a dependency on the crate of that name.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct RawUuid([u8; 16]);

    impl std::fmt::Debug for RawUuid {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            for (place, byte) in self.0.iter().enumerate() {
                let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
                write!(f, "{dash}{byte:02x}")?;
            }
            Ok(())
        }
    }

    impl FromSql<Uuid, Pg> for RawUuid {
        fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
            Ok(Self(value.as_bytes().try_into()?))
        }
    }

    impl Queryable<Uuid, Pg> for RawUuid {
        type Row = Self;
        fn build(row: Self) -> deserialize::Result<Self> {
            Ok(row)
        }
    }

    impl ToSql<Uuid, Pg> for RawUuid {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            out.write_all(&self.0)?;
            Ok(IsNull::No)
        }
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn a_uuid_is_shown_as_usual() {
            let uuid = super::RawUuid(std::array::from_fn(|place| u8::try_from(place).unwrap()));
            assert_eq!(format!("{uuid:?}"), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        }
    }
}
