//! Whether a purge can walk a key in its order.

use crate::dialect::Dialect;
use crate::schema::CatalogColumn;

/// Returns why rows cannot be walked in the order of a key column, or `None` if they can.
///
/// Such a database sorts the values in another order than the one in which it compares them with a bound value. On
/// MySQL and MariaDB the two agree for texts of any collation, and for DECIMAL, YEAR, FLOAT, TIME, INET6 and UUID.
pub(crate) fn key_order_problem(dialect: Dialect, column: &CatalogColumn) -> Option<&'static str> {
    let sql_type = column.sql_type.to_lowercase();
    let base = sql_type.split(['(', ' ']).next().unwrap_or_default();
    match (dialect, base) {
        (Dialect::Mysql, "enum") => Some("the database orders an ENUM by its number and compares it by its text"),
        (Dialect::Mysql, "set") => Some("the database orders a SET by its number and compares it by its text"),
        (Dialect::Mysql, "bit") => Some("the database compares a BIT with a bound value as a number"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_that_sort_differently_are_refused() {
        for (dialect, sql_type, is_refused) in [
            (Dialect::Mysql, "enum('b','a')", true),
            (Dialect::Mysql, "ENUM('b','a')", true),
            (Dialect::Mysql, "set('b','a')", true),
            (Dialect::Mysql, "bit(8)", true),
            (Dialect::Mysql, "bigint(20) unsigned", false),
            (Dialect::Mysql, "year(4)", false),
            (Dialect::Mysql, "varchar(9)", false),
            (Dialect::Postgres, "bit(8)", false),
            (Dialect::Sqlite, "ENUM", false),
        ] {
            let column = CatalogColumn {
                name: String::from("c"),
                sql_type: sql_type.to_owned(),
                is_enum: false,
                nullable: false,
                default: None,
                generated: false,
                numbered: false,
                collation: None,
            };
            assert_eq!(key_order_problem(dialect, &column).is_some(), is_refused, "{dialect:?} {sql_type}");
        }
    }
}
