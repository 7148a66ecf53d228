//! Primary keys of any SQL type: a job loads them, binds them again, and leaves comparisons to the database.

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

/// An SQL type that a column of a primary key can have, and the Rust type in which a purge job holds its values.
///
/// It is implemented for Diesel's types. For an SQL type of your own, such as an enum of PostgreSQL, name a Rust type
/// that Diesel can load and bind:
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
    note = "supported are integers, `Numeric`, `Text`, `Binary`, `Bool`, `Uuid`, dates and timestamps, and tuples of up to eight of them; \
            for an SQL type of your own implement `diesel_soft_delete::methods::KeyColumn`"
)]
pub trait KeyColumn: SqlType + SingleValue + 'static {
    /// What a value of the column is loaded as.
    type Value: Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static;
    /// Whether the key can be NULL, as in SQLite.
    const NULLABLE: bool = false;
    /// How the value is shown in reports.
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
    sql_types::Numeric => numeric::RawNumeric;
    #[cfg(feature = "postgres_backend")]
    sql_types::Timestamptz => chrono::DateTime<chrono::Utc>;
    #[cfg(feature = "postgres_backend")]
    sql_types::Uuid => uuid::Uuid;
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

/// A key of one or several columns, as a backend loads and binds it.
pub trait Key<DB: Backend>: Sized {
    /// What a key is loaded as.
    type Value: Clone + PartialEq + std::fmt::Debug + Send + Sync + FromSqlRow<Self, DB> + 'static;
    /// The number of its columns.
    const COLUMNS: usize;
    /// Binds one of its columns.
    fn push<'b>(value: &'b Self::Value, column: usize, out: AstPass<'_, 'b, DB>) -> QueryResult<()>;
    /// Whether a column can be NULL.
    fn is_nullable(column: usize) -> bool;
    /// The number of leading columns that are equal in two keys.
    fn common(one: &Self::Value, other: &Self::Value) -> usize;
    /// How the key is shown in reports.
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

/// Values of `Numeric` in the form in which the database sends them. Diesel loads them only into a type of another
/// crate.
mod numeric {
    use diesel::{deserialize::Queryable, sql_types::Numeric};
    #[cfg(any(feature = "postgres_backend", feature = "mysql_backend", feature = "sqlite"))]
    use diesel::{
        deserialize::{self, FromSql},
        serialize::{self, IsNull, Output, ToSql},
    };

    /// A decimal number in the form of its backend.
    #[derive(Clone, PartialEq)]
    #[cfg_attr(
        not(all(feature = "postgres_backend", feature = "mysql_backend", feature = "sqlite")),
        allow(dead_code, reason = "each backend has its own form")
    )]
    pub enum RawNumeric {
        /// PostgreSQL's binary form.
        Wire(Vec<u8>),
        /// MySQL's text.
        Text(Vec<u8>),
        /// SQLite's number.
        Real(f64),
    }

    impl std::fmt::Debug for RawNumeric {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            match self {
                Self::Wire(bytes) => f.write_str(&decoded(bytes).unwrap_or_else(|| String::from("NaN"))),
                Self::Text(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
                Self::Real(number) => number.fmt(f),
            }
        }
    }

    /// Decodes PostgreSQL's form: a count of digits, the weight of the first, a sign, a scale, and digits to the base
    /// of 10000.
    fn decoded(bytes: &[u8]) -> Option<String> {
        let words: Vec<u16> = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
        let (&[_, weight, sign, scale], digits) = words.split_first_chunk()?;
        let weight = i32::from(i16::from_be_bytes(weight.to_be_bytes()));
        if sign == 0xC000 {
            return None;
        }
        let digit = |place: i32| {
            let at = usize::try_from(weight - place).ok().and_then(|at| digits.get(at));
            at.copied().unwrap_or_default()
        };
        let whole: String = (0..=weight).rev().map(|place| format!("{:04}", digit(place))).collect();
        let fraction: String =
            (1..=i32::from(scale.div_ceil(4))).map(|place| format!("{:04}", digit(-place))).collect();
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let minus = if sign == 0x4000 { "-" } else { "" };
        let point = if scale > 0 { "." } else { "" };
        Some(format!("{minus}{whole}{point}{}", fraction.get(..usize::from(scale))?))
    }

    impl<DB> Queryable<Numeric, DB> for RawNumeric
    where
        DB: diesel::backend::Backend,
        Self: diesel::deserialize::FromStaticSqlRow<Numeric, DB>,
    {
        type Row = Self;
        fn build(row: Self) -> diesel::deserialize::Result<Self> {
            Ok(row)
        }
    }

    #[cfg(feature = "postgres_backend")]
    impl FromSql<Numeric, diesel::pg::Pg> for RawNumeric {
        fn from_sql(value: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
            Ok(Self::Wire(value.as_bytes().to_vec()))
        }
    }

    #[cfg(feature = "postgres_backend")]
    impl ToSql<Numeric, diesel::pg::Pg> for RawNumeric {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::pg::Pg>) -> serialize::Result {
            match self {
                Self::Wire(bytes) => std::io::Write::write_all(out, bytes)?,
                other => return Err(format!("{other:?} is not a number of PostgreSQL").into()),
            }
            Ok(IsNull::No)
        }
    }

    #[cfg(feature = "mysql_backend")]
    impl FromSql<Numeric, diesel::mysql::Mysql> for RawNumeric {
        fn from_sql(value: diesel::mysql::MysqlValue<'_>) -> deserialize::Result<Self> {
            match value.value_type() {
                diesel::mysql::MysqlType::Numeric => Ok(Self::Text(value.as_bytes().to_vec())),
                other => Err(format!("the column is declared `Numeric`, and its values are {other:?}").into()),
            }
        }
    }

    #[cfg(feature = "mysql_backend")]
    impl ToSql<Numeric, diesel::mysql::Mysql> for RawNumeric {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::mysql::Mysql>) -> serialize::Result {
            match self {
                Self::Text(bytes) => std::io::Write::write_all(out, bytes)?,
                other => return Err(format!("{other:?} is not a number of MySQL").into()),
            }
            Ok(IsNull::No)
        }
    }

    #[cfg(feature = "sqlite")]
    impl FromSql<Numeric, diesel::sqlite::Sqlite> for RawNumeric {
        fn from_sql(
            value: <diesel::sqlite::Sqlite as diesel::backend::Backend>::RawValue<'_>,
        ) -> deserialize::Result<Self> {
            <f64 as FromSql<diesel::sql_types::Double, diesel::sqlite::Sqlite>>::from_sql(value).map(Self::Real)
        }
    }

    #[cfg(feature = "sqlite")]
    impl ToSql<Numeric, diesel::sqlite::Sqlite> for RawNumeric {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::sqlite::Sqlite>) -> serialize::Result {
            match self {
                Self::Real(number) => out.set_value(*number),
                other => return Err(format!("{other:?} is not a number of SQLite").into()),
            }
            Ok(IsNull::No)
        }
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_binary_form_of_a_number_is_shown_in_digits() {
            for (words, text) in [
                (&[2u16, 1, 0, 2, 1, 2345][..], "12345.00"),
                (&[3, 0, 0x4000, 5, 7, 1, 2000], "-7.00012"),
                (&[0, 0, 0, 0], "0"),
                (&[1, 0xffff, 0, 4, 25], "0.0025"),
                (&[1, 1, 0, 0, 3], "30000"),
            ] {
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
                assert_eq!(super::decoded(&bytes).as_deref(), Some(text));
            }
            assert_eq!(super::decoded(&[]), None);
        }
    }
}
