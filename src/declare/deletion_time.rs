//! Which stored values are times of a deletion.
//!
//! A purge compares the timestamp with a cutoff, and some values that are not times sort before it. MySQL's zero date is
//! before every date. SQLite puts any number and `''` before any text. A number of seconds is a very old number of
//! milliseconds. A row with such a value has an unknown age, so it stays, like a row whose timestamp is NULL.

use diesel::query_builder::AstPass;
use diesel::result::QueryResult;

use super::time::TimeKind;
use crate::dialect::{Dialect, SoftDeleteBackend};
use crate::diesel_internals::backend_of;

/// The test that a value is a time, as SQL with `$` in place of the column.
///
/// No time before 1973-03-03 09:46:40 UTC counts, which is 100 million seconds after 1970. A value in seconds in a column of
/// milliseconds lies before it, and so do zero dates and sentinels such as `1970-01-01`.
fn templates(kind: TimeKind, dialect: Dialect) -> [&'static str; 2] {
    let bound = match kind {
        TimeKind::Timestamp | TimeKind::Datetime => "$ > '1973-03-03 09:46:40'",
        TimeKind::Timestamptz | TimeKind::TimestamptzSqlite => "$ > '1973-03-03 09:46:40+00:00'",
        TimeKind::Seconds | TimeKind::Seconds32 => "$ > 100000000",
        TimeKind::Millis => "$ > 100000000000",
        TimeKind::Micros => "$ > 100000000000000",
    };
    let form = match (dialect, kind.unit().is_some()) {
        (Dialect::Sqlite, true) => " AND typeof($) = 'integer'",
        // `YYYY-MM-DD HH:MM..` in UTC: texts are compared letter by letter, whatever their offsets say.
        (Dialect::Sqlite, false) => {
            " AND $ GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]*' \
             AND (substr($, 17) NOT GLOB '*[^0-9:.Z]*' OR $ GLOB '*[-+]00:00')"
        }
        // A month or a day of a date can be zero.
        (Dialect::Mysql, false) => " AND MONTH($) > 0 AND DAYOFMONTH($) > 0",
        _ => "",
    };
    [bound, form]
}

/// The test as text, for a column that is quoted already.
pub(crate) fn text(kind: TimeKind, dialect: Dialect, column: &str) -> String {
    format!("({})", templates(kind, dialect).concat().replace('$', column))
}

/// Writes the test.
pub(crate) fn walk<'b, DB: SoftDeleteBackend>(
    kind: TimeKind,
    mut out: AstPass<'_, 'b, DB>,
    column: impl Fn(AstPass<'_, 'b, DB>) -> QueryResult<()>,
) -> QueryResult<()> {
    out.push_sql("(");
    let dialect = backend_of(&out).dialect();
    for template in templates(kind, dialect) {
        for (place, piece) in template.split('$').enumerate() {
            if place > 0 {
                column(out.reborrow())?;
            }
            out.push_sql(piece);
        }
    }
    out.push_sql(")");
    Ok(())
}
