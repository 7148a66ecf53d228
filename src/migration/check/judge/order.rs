//! Whether a key can be walked in its order.

use crate::migration::check::catalog::LiveColumn;
use crate::migration::dialect::Dialect;

/// Why rows cannot be walked in the order of a key column: the database sorts its values otherwise than it compares them
/// with a bound one. `None` for what is consistent.
pub(crate) fn key_order_problem(dialect: Dialect, column: &LiveColumn) -> Option<&'static str> {
    let sql_type = column.sql_type.to_lowercase();
    let base = sql_type.split(['(', ' ']).next().unwrap_or_default();
    match (dialect, base) {
        (Dialect::Mysql, "enum") => Some("the database orders an ENUM by its number and compares it by its text"),
        (Dialect::Mysql, "set") => Some("the database orders a SET by its number and compares it by its text"),
        (Dialect::Mysql, "bit") => Some("the database compares a BIT with a bound value as a number"),
        _ => None,
    }
}
