//! What identifies an operation in its rows: an identifier or the time.
//!
//! Both are text here, since the tables of a cascade can have columns of different types.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use super::text::Text;
use crate::declare::{OperationKind, Soft, TimeKind};
use crate::dialect::Dialect;
use crate::error::Error;

/// Returns the text of a time for a column of this kind. On SQLite it equals the text that Diesel writes.
pub(super) fn spell(kind: TimeKind, dialect: Dialect, at: DateTime<Utc>) -> Result<String, Error> {
    let out_of_range = || Error::InstantOutOfRange { instant: at };
    let text = match kind {
        TimeKind::Timestamp | TimeKind::Datetime => at.naive_utc().format("%F %T%.f").to_string(),
        TimeKind::Timestamptz | TimeKind::TimestamptzSqlite => at.format("%F %T%.f%:z").to_string(),
        TimeKind::Seconds => return Ok(at.timestamp().to_string()),
        TimeKind::Seconds32 => {
            return i32::try_from(at.timestamp()).map(|seconds| seconds.to_string()).map_err(|_| out_of_range());
        }
        TimeKind::Millis => return Ok(at.timestamp_millis().to_string()),
        TimeKind::Micros => return Ok(at.timestamp_micros().to_string()),
    };
    // Other years would be sorted wrongly, refused or stored as NULL.
    let years = if kind == TimeKind::Timestamp && dialect == Dialect::Mysql { 1970..=2037 } else { 0..=9999 };
    if years.contains(&at.year()) { Ok(text) } else { Err(out_of_range()) }
}

/// Parses the text of an expression of [`as_text`].
pub(super) fn read(kind: TimeKind, text: &str) -> Option<DateTime<Utc>> {
    let number = || text.trim().parse::<i64>().ok();
    match kind {
        TimeKind::Seconds | TimeKind::Seconds32 => DateTime::from_timestamp(number()?, 0),
        TimeKind::Millis => DateTime::from_timestamp_millis(number()?),
        TimeKind::Micros => DateTime::from_timestamp_micros(number()?),
        _ => {
            let text = text.trim_end_matches(" AD");
            let zoned = DateTime::parse_from_str(text, "%F %T%.f%:z").map(|at| at.to_utc());
            let plain = || NaiveDateTime::parse_from_str(text, "%F %T%.f").map(|at| at.and_utc());
            zoned.or_else(|_| plain()).ok()
        }
    }
}

/// Turns an expression of a time into a text that no setting of the session changes.
///
/// [`read`] parses the text, and [`time`] turns it into the same time again. PostgreSQL's own cast to text follows
/// `DateStyle`, and its abbreviations of time zones are ambiguous: IST is used in India and in Israel. MySQL gives a
/// parameter the type of its cast, so `CAST(? AS CHAR)` loses microseconds.
pub(super) fn as_text(kind: TimeKind, dialect: Dialect, expression: Text) -> Text {
    let around = |before: &str, after: &str| Text::from(before).then(expression.clone()).sql(after);
    // `to_char` returns NULL for infinity, whose cast to text does not depend on settings.
    let or_infinite = |text: Text| Text::from("COALESCE(").then(text).then(around(", CAST(", " AS TEXT))"));
    match (dialect, kind) {
        (Dialect::Postgres, TimeKind::Timestamp | TimeKind::Datetime) => {
            or_infinite(around("to_char(CAST(", " AS timestamp), 'YYYY-MM-DD HH24:MI:SS.US AD')"))
        }
        (Dialect::Postgres, TimeKind::Timestamptz | TimeKind::TimestamptzSqlite) => or_infinite(around(
            "to_char(CAST(",
            " AS timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US\"+00:00\" AD')",
        )),
        (Dialect::Postgres | Dialect::Sqlite, _) => around("CAST(", " AS TEXT)"),
        (Dialect::Mysql, _) if kind.unit().is_none() => around("CAST(CAST(", " AS DATETIME(6)) AS CHAR)"),
        (Dialect::Mysql, _) => around("CAST(CAST(", " AS SIGNED) AS CHAR)"),
    }
}

/// Returns a bound text as a value of another type.
///
/// PostgreSQL would evaluate the cast once per row. In an uncorrelated subquery it is evaluated once per statement.
fn cast(dialect: Dialect, text: &str, ty: &str) -> Text {
    let cast = Text::from("CAST(").bind(text).sql(" AS ").sql(ty).sql(")");
    if dialect == Dialect::Postgres { Text::from("(SELECT ").then(cast).sql(")") } else { cast }
}

/// Returns a bound text as a time of this kind.
pub(super) fn time(kind: TimeKind, dialect: Dialect, text: &str) -> Text {
    let cast = |ty: &str| cast(dialect, text, ty);
    match (dialect, kind) {
        (Dialect::Postgres, TimeKind::Timestamp | TimeKind::Datetime) => cast("timestamp"),
        (Dialect::Postgres, TimeKind::Timestamptz | TimeKind::TimestamptzSqlite) => cast("timestamptz"),
        (Dialect::Postgres, _) => cast("bigint"),
        (Dialect::Mysql, _) if kind.unit().is_none() => cast("DATETIME(6)"),
        (Dialect::Mysql, _) => cast("SIGNED"),
        (Dialect::Sqlite, _) if kind.unit().is_none() => Text::new().bind(text),
        (Dialect::Sqlite, _) => cast("INTEGER"),
    }
}

/// Returns a bound text as an identifier.
pub(super) fn identifier(kind: OperationKind, dialect: Dialect, text: &str) -> Text {
    let cast = |ty: &str| cast(dialect, text, ty);
    match (kind, dialect) {
        (OperationKind::Uuid, Dialect::Postgres) => cast("uuid"),
        (OperationKind::Uuid | OperationKind::Text, _) => Text::new().bind(text),
        (OperationKind::BigInt, Dialect::Postgres) => cast("bigint"),
        (OperationKind::BigInt, Dialect::Mysql) => cast("SIGNED"),
        (OperationKind::BigInt, Dialect::Sqlite) => cast("INTEGER"),
    }
}

/// The identifier of one operation, in the form of each column type.
#[derive(Debug, Clone)]
pub(super) struct OperationId {
    text: String,
    number: Option<i64>,
    is_uuid: bool,
}

impl OperationId {
    /// Generates a new identifier: a UUID of version 7, and a random positive number of 63 bits.
    ///
    /// The first bits of the UUID are the time, so an index on it grows at its end.
    pub(super) fn generate(now: DateTime<Utc>) -> Self {
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let uuid = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()));
        Self { text: uuid.to_string(), number: Some(fastrand::i64(1..)), is_uuid: true }
    }

    /// Takes the caller's identifier. A UUID gets PostgreSQL's spelling, since another table can store it as text.
    pub(super) fn given(text: &str, is_uuid: bool) -> Self {
        let uuid = Uuid::try_parse(&text.trim().to_ascii_lowercase()).ok();
        let text = uuid.filter(|_| is_uuid).map_or_else(|| text.to_owned(), |uuid| uuid.to_string());
        Self { number: text.parse().ok(), text, is_uuid: uuid.is_some() }
    }

    /// Returns the form for a column of this kind, or `None` if a given identifier does not have one.
    pub(super) fn of_kind(&self, kind: OperationKind) -> Option<String> {
        match kind {
            OperationKind::Uuid => Some(self.text.clone()).filter(|_| self.is_uuid),
            OperationKind::Text => Some(self.text.clone()),
            OperationKind::BigInt => self.number.map(|number| number.to_string()),
        }
    }
}

/// What all rows of one operation have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) operation: Option<(OperationKind, String)>,
    pub(super) stamp: Option<(TimeKind, String)>,
}

impl Mark {
    /// Returns the column of a table that identifies an operation on rows of `root`, and its value.
    ///
    /// The identifier decides if both tables have one, since a row that was deleted on its own does not have one.
    pub(super) fn of_root(&self, root: &Soft, soft: &Soft, dialect: Dialect) -> Option<(&'static str, Text)> {
        let (operation, stamp) = match identified(root, soft).ok()? {
            Identified::ByOperation => (self.operation.clone(), None),
            Identified::ByTime => (None, self.stamp.clone()),
        };
        Self { operation, stamp }.on(soft, dialect)
    }

    /// Returns the column of a table that identifies the operation, and its value.
    pub(super) fn on(&self, soft: &Soft, dialect: Dialect) -> Option<(&'static str, Text)> {
        if let (Some((column, kind)), Some((own, text))) = (soft.operation, &self.operation) {
            if is_number(kind) == is_number(*own) {
                return Some((column, identifier(kind, dialect, text)));
            }
        }
        match (soft.stamp, &self.stamp) {
            (Some((column, kind)), Some((own, text))) if kind == *own => Some((column, time(kind, dialect, text))),
            _ => None,
        }
    }
}

fn is_number(kind: OperationKind) -> bool {
    kind == OperationKind::BigInt
}

/// What identifies the rows of `child` that an operation on rows of `root` deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identified {
    ByOperation,
    ByTime,
}

/// Returns what identifies the rows, or the reason why nothing does.
pub(super) fn identified(root: &Soft, child: &Soft) -> Result<Identified, &'static str> {
    if let (Some((_, one)), Some((_, other))) = (root.operation, child.operation) {
        if is_number(one) == is_number(other) {
            return Ok(Identified::ByOperation);
        }
    }
    match (root.stamp, child.stamp) {
        (None, _) | (_, None) => Err("one of them has no timestamp"),
        (Some((_, one)), Some((_, other))) if one != other => Err("their timestamps have different types"),
        (Some((_, TimeKind::Seconds | TimeKind::Seconds32 | TimeKind::Millis)), _) => {
            Err("their timestamps are coarser than microseconds")
        }
        _ => Ok(Identified::ByTime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Part;

    #[test]
    fn a_time_that_is_spelled_can_be_read_back() {
        let at = DateTime::from_timestamp_micros(1_709_294_400_250_000).expect("a time");
        for (kind, text) in [
            (TimeKind::Timestamp, "2024-03-01 12:00:00.250"),
            (TimeKind::Datetime, "2024-03-01 12:00:00.250"),
            (TimeKind::Timestamptz, "2024-03-01 12:00:00.250+00:00"),
            (TimeKind::TimestamptzSqlite, "2024-03-01 12:00:00.250+00:00"),
            (TimeKind::Millis, "1709294400250"),
            (TimeKind::Micros, "1709294400250000"),
        ] {
            assert_eq!(spell(kind, Dialect::Postgres, at).expect("in range"), text);
            assert_eq!(read(kind, text), Some(at));
        }
        assert_eq!(spell(TimeKind::Seconds32, Dialect::Sqlite, at).expect("in range"), "1709294400");
        assert_eq!(read(TimeKind::Timestamp, "soon"), None);
    }

    #[test]
    fn a_value_is_read_once_on_postgresql() {
        let sql = |text: Text| {
            let piece = |part: &Part<_>| match part {
                Part::Sql(sql) => sql.clone(),
                _ => String::from("?"),
            };
            text.parts().iter().map(piece).collect::<String>()
        };
        assert_eq!(sql(time(TimeKind::Timestamp, Dialect::Postgres, "x")), "(SELECT CAST(? AS timestamp))");
        assert_eq!(sql(identifier(OperationKind::Uuid, Dialect::Postgres, "x")), "(SELECT CAST(? AS uuid))");
        assert_eq!(sql(identifier(OperationKind::Text, Dialect::Postgres, "x")), "?");
        assert_eq!(sql(time(TimeKind::Micros, Dialect::Sqlite, "1")), "CAST(? AS INTEGER)");
    }

    #[test]
    fn a_time_that_does_not_fit_is_refused() {
        let late = DateTime::from_timestamp(3_000_000_000, 0).expect("a time");
        assert!(spell(TimeKind::Seconds32, Dialect::Postgres, late).is_err());
        assert!(spell(TimeKind::Timestamp, Dialect::Mysql, late).is_err());
        assert!(spell(TimeKind::Datetime, Dialect::Mysql, late).is_ok());
        let very_late = DateTime::from_timestamp(300_000_000_000, 0).expect("a time");
        assert!(spell(TimeKind::Timestamp, Dialect::Postgres, very_late).is_err());
        assert!(spell(TimeKind::Seconds, Dialect::Postgres, very_late).is_ok());
    }

    #[test]
    fn identifiers_are_different_uuids_that_begin_with_the_time() {
        let now = DateTime::from_timestamp_millis(0x0123_4567_89ab).expect("a time");
        let ids: Vec<OperationId> = (0..1000).map(|_| OperationId::generate(now)).collect();
        for id in &ids {
            assert!(id.text.starts_with("01234567-89ab-7"), "{}", id.text);
            assert_eq!(id.text.len(), 36);
            assert!("89ab".contains(&id.text[19..20]), "{}", id.text);
            assert!(id.number.is_some_and(|number| number > 0));
        }
        let texts: std::collections::HashSet<_> = ids.iter().map(|id| &id.text).collect();
        let numbers: std::collections::HashSet<_> = ids.iter().map(|id| id.number).collect();
        assert_eq!((texts.len(), numbers.len()), (1000, 1000));
        assert_eq!(OperationId::given("x", false).of_kind(OperationKind::BigInt), None);
        assert_eq!(OperationId::given("7", false).of_kind(OperationKind::BigInt), Some("7".into()));
    }

    #[test]
    fn a_uuid_has_one_form() {
        let id = "550e8400-e29b-41d4-a716-446655440000";
        let forms = [
            "550E8400-E29B-41D4-A716-446655440000",
            "{550e8400-e29b-41d4-a716-446655440000}",
            "550e8400e29b41d4a716446655440000",
        ];
        for text in [&[id][..], &forms].concat() {
            assert_eq!(OperationId::given(text, true).of_kind(OperationKind::Text).as_deref(), Some(id));
            assert_eq!(OperationId::given(text, true).of_kind(OperationKind::Uuid).as_deref(), Some(id));
            assert_eq!(OperationId::given(text, false).of_kind(OperationKind::Text).as_deref(), Some(text));
        }
        assert_eq!(OperationId::given("nightly", true).of_kind(OperationKind::Uuid), None);
        assert_eq!(OperationId::given("550e8400-é", true).of_kind(OperationKind::Uuid), None);
    }
}
