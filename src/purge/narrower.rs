//! Whether a column of an archive holds less than that of the table.
//!
//! MySQL without its strict mode cuts values without a word; the others refuse the row, but then it is
//! better to know before. What is not recognized is left to the `table!`s and to the database.

use crate::dialect::Dialect;
use crate::schema::LiveColumn;

/// Whether values of `from` could be cut when they are written to `to`.
pub(super) fn is_narrower(dialect: Dialect, from: &LiveColumn, to: &LiveColumn) -> bool {
    // SQLite stores any value in any column.
    if dialect == Dialect::Sqlite || from.sql_type.eq_ignore_ascii_case(&to.sql_type) && letters(from) == letters(to) {
        return false;
    }
    let (from, to) = (Held::of(dialect, from), Held::of(dialect, to));
    !to.holds(&from)
}

/// No limit that the type tells.
const UNLIMITED: u64 = u64::MAX;

/// What a column can hold.
#[derive(Debug, Clone, PartialEq)]
enum Held {
    /// From the negative of `2^below` (0 for none) to before `2^above`.
    Integer {
        below: u32,
        above: u32,
    },
    /// Digits before the point, and behind it.
    Decimal {
        whole: u64,
        scale: u64,
        unsigned: bool,
    },
    /// Bits that are exact.
    Float {
        exact: u32,
    },
    /// Letters, and bytes where those are what is limited.
    Text {
        letters: u64,
        bytes: u64,
        limit: Limit,
        set: Charset,
    },
    Bytes(u64),
    Bits(u64),
    /// Digits of the fraction of a second.
    Clock {
        kind: Clock,
        digits: u64,
    },
    /// Values with names.
    Names {
        several: bool,
        names: Vec<String>,
    },
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    Letters,
    Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Clock {
    Date,
    Time,
    Instant,
    /// MySQL's `timestamp`, which ends in 2038.
    Short,
}

/// Which letters MySQL's column can hold.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Charset {
    /// One of many with a byte per letter.
    Narrow,
    /// Unicode without what was added last.
    Three,
    All,
}

impl Charset {
    const fn bytes(self) -> u64 {
        match self {
            Self::Narrow => 1,
            Self::Three => 3,
            Self::All => 4,
        }
    }
}

/// MySQL's letters, by the collation; none for what is no text.
fn letters(column: &LiveColumn) -> Option<Charset> {
    let collation = column.collation.as_deref()?.to_lowercase();
    let set = collation.split('_').next().unwrap_or_default();
    Some(match set {
        "utf8mb4" | "utf16" | "utf16le" | "utf32" => Charset::All,
        "utf8" | "utf8mb3" | "ucs2" => Charset::Three,
        _ => Charset::Narrow,
    })
}

impl Held {
    fn of(dialect: Dialect, column: &LiveColumn) -> Self {
        let text = column.sql_type.to_lowercase();
        if text.ends_with("[]") {
            return Self::Unknown;
        }
        let end = text.find(['(', ' ']).unwrap_or(text.len());
        let base = &text[..end];
        let numbers = arguments(&text);
        let first = numbers.first().map(|number| number.unsigned_abs());
        let unsigned = text.contains("unsigned");
        let integer = |bits: u32| match unsigned {
            true => Self::Integer { below: 0, above: bits },
            false => Self::Integer { below: bits - 1, above: bits - 1 },
        };
        let set = letters(column).unwrap_or(Charset::All);
        let text_of = |letters| Self::Text {
            letters,
            bytes: if letters == UNLIMITED { UNLIMITED } else { letters.saturating_mul(set.bytes()) },
            limit: Limit::Letters,
            set,
        };
        let text_in = |bytes| Self::Text { letters: bytes, bytes, limit: Limit::Bytes, set };
        let is_mysql = dialect == Dialect::Mysql;
        match base {
            "tinyint" => integer(8),
            "smallint" => integer(16),
            "mediumint" => integer(24),
            "int" | "integer" => integer(32),
            "bigint" => integer(64),
            "numeric" | "decimal" => match (first, is_mysql) {
                (Some(digits), _) => {
                    let scale = numbers.get(1).copied().unwrap_or_default();
                    let whole = digits.saturating_add_signed(scale.saturating_neg());
                    Self::Decimal { whole, scale: scale.max(0).unsigned_abs(), unsigned }
                }
                (None, true) => Self::Decimal { whole: 10, scale: 0, unsigned },
                (None, false) => Self::Decimal { whole: UNLIMITED, scale: UNLIMITED, unsigned },
            },
            "real" | "float" => Self::Float { exact: 24 },
            "double" => Self::Float { exact: 53 },
            "character" | "char" | "bpchar" | "varchar" => text_of(first.unwrap_or(UNLIMITED)),
            "citext" => text_of(UNLIMITED),
            "tinytext" => text_in(0xff),
            "text" if is_mysql => text_in(0xffff),
            "text" => text_of(UNLIMITED),
            "mediumtext" => text_in(0xff_ffff),
            "longtext" => text_in(0xffff_ffff),
            "binary" | "varbinary" => Self::Bytes(first.unwrap_or(1)),
            "tinyblob" => Self::Bytes(0xff),
            "blob" => Self::Bytes(0xffff),
            "mediumblob" => Self::Bytes(0xff_ffff),
            "longblob" => Self::Bytes(0xffff_ffff),
            "bytea" => Self::Bytes(UNLIMITED),
            "bit" => Self::Bits(first.unwrap_or(if text.contains("varying") { UNLIMITED } else { 1 })),
            "date" => Self::Clock { kind: Clock::Date, digits: 0 },
            "time" | "timestamp" | "datetime" => {
                let kind = match base {
                    "time" => Clock::Time,
                    "timestamp" if is_mysql => Clock::Short,
                    _ => Clock::Instant,
                };
                // MySQL's keep whole seconds if nothing is said, PostgreSQL's microseconds.
                Self::Clock { kind, digits: first.unwrap_or(if is_mysql { 0 } else { 6 }) }
            }
            "enum" | "set" => Self::Names { several: base == "set", names: names(&column.sql_type) },
            _ => Self::Unknown,
        }
    }

    /// Whether it can hold all values of another column.
    fn holds(&self, other: &Self) -> bool {
        match (other, self) {
            (Self::Integer { below, above }, Self::Integer { below: to_below, above: to_above }) => {
                below <= to_below && above <= to_above
            }
            (Self::Integer { below, above }, Self::Decimal { whole, unsigned, .. }) => {
                digits(*above.max(below)) <= *whole && !(*unsigned && *below > 0)
            }
            (Self::Integer { below, above }, Self::Float { exact }) => above.max(below) <= exact,
            (
                Self::Decimal { whole, scale, unsigned },
                Self::Decimal { whole: to_whole, scale: to_scale, unsigned: to },
            ) => whole <= to_whole && scale <= to_scale && (*unsigned || !to),
            (Self::Decimal { whole, scale, unsigned }, Self::Integer { below, above }) => {
                // One digit less than the longest of them are all values.
                *scale == 0 && *whole < digits(*above) && (*unsigned || *below > 0)
            }
            (Self::Decimal { .. }, Self::Float { .. }) | (Self::Float { .. }, Self::Integer { .. }) => false,
            (Self::Float { .. }, Self::Decimal { whole, .. }) => *whole == UNLIMITED,
            (Self::Float { exact }, Self::Float { exact: to }) => exact <= to,
            (
                Self::Text { letters, bytes, set, .. },
                Self::Text { letters: to_letters, bytes: to_bytes, limit, set: to },
            ) => {
                let is_long_enough = match limit {
                    Limit::Letters => letters <= to_letters,
                    // A row of MySQL has no more bytes than that, whatever its columns add up to.
                    Limit::Bytes => (*bytes).min(longest(other)) <= *to_bytes,
                };
                is_long_enough && set <= to
            }
            (Self::Names { several, names }, Self::Text { letters, limit, .. }) => {
                let longest = names.iter().map(|name| name.chars().count() as u64);
                let whole =
                    if *several { longest.map(|name| name + 1).sum() } else { longest.max().unwrap_or_default() };
                *limit == Limit::Bytes || whole <= *letters
            }
            (Self::Names { several, names }, Self::Names { several: to_several, names: to }) => {
                several == to_several && names.iter().all(|name| to.contains(name))
            }
            (Self::Text { .. }, Self::Names { .. }) => false,
            (Self::Bytes(from), Self::Bytes(to)) | (Self::Bits(from), Self::Bits(to)) => from <= to,
            (Self::Clock { kind, digits }, Self::Clock { kind: to, digits: to_digits }) => match (kind, to) {
                (Clock::Date, Clock::Instant) => true,
                (Clock::Short, Clock::Instant) => digits <= to_digits,
                (one, other) => one == other && digits <= to_digits,
            },
            _ => true,
        }
    }
}

/// How many bytes a text can have, as far as the type says letters.
fn longest(text: &Held) -> u64 {
    match text {
        Held::Text { limit: Limit::Letters, letters, .. } if *letters != UNLIMITED => 0xffff,
        _ => UNLIMITED,
    }
}

/// How many digits the longest number of so many bits has.
const fn digits(bits: u32) -> u64 {
    match bits {
        0 => 0,
        bits => (2_u128.pow(bits) - 1).ilog10() as u64 + 1,
    }
}

/// The numbers in the first parentheses.
fn arguments(text: &str) -> Vec<i64> {
    let inside = text.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    inside.map(|(inside, _)| inside.split(',').map_while(|part| part.trim().parse().ok()).collect()).unwrap_or_default()
}

/// The members of `enum('a','it''s')`.
fn names(sql_type: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = sql_type;
    while let Some((_, after)) = rest.split_once('\'') {
        let mut name = String::new();
        let mut letters = after.char_indices().peekable();
        let mut end = after.len();
        while let Some((place, letter)) = letters.next() {
            if letter != '\'' {
                name.push(letter);
            } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
                name.push('\'');
            } else {
                end = place + 1;
                break;
            }
        }
        names.push(name);
        rest = &after[end..];
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(sql_type: &str) -> LiveColumn {
        let (sql_type, collation) = sql_type.split_once(" collate ").map_or((sql_type, None), |(ty, c)| (ty, Some(c)));
        LiveColumn {
            name: String::from("c"),
            sql_type: sql_type.to_owned(),
            is_enum: false,
            nullable: true,
            default: None,
            generated: false,
            numbered: false,
            collation: collation.map(str::to_owned),
        }
    }

    fn narrower(dialect: Dialect, from: &str, to: &str) -> bool {
        is_narrower(dialect, &column(from), &column(to))
    }

    /// The second of each pair holds less than the first.
    fn assert_one_way(dialect: Dialect, pairs: &[(&str, &str)]) {
        for (wide, narrow) in pairs {
            assert!(narrower(dialect, wide, narrow), "{wide} -> {narrow}");
            assert!(!narrower(dialect, narrow, wide), "{narrow} -> {wide}");
            assert!(!narrower(dialect, wide, wide) && !narrower(dialect, narrow, narrow), "{wide}, {narrow}");
        }
    }

    /// Each has values that the other has not.
    fn assert_both_ways(dialect: Dialect, pairs: &[(&str, &str)]) {
        for (one, other) in pairs {
            assert!(narrower(dialect, one, other), "{one} -> {other}");
            assert!(narrower(dialect, other, one), "{other} -> {one}");
        }
    }

    #[test]
    fn on_mysql() {
        assert_one_way(
            Dialect::Mysql,
            &[
                ("varchar(100)", "varchar(20)"),
                ("varchar(100)", "char(99)"),
                ("text", "varchar(100)"),
                ("text", "varchar(20000) collate utf8mb4_bin"),
                ("varchar(255) collate latin1_bin", "varchar(254) collate latin1_bin"),
                ("longtext", "text"),
                ("mediumtext", "tinytext"),
                ("varchar(20) collate utf8mb4_bin", "varchar(20) collate latin1_bin"),
                ("varchar(20) collate utf8mb4_bin", "varchar(20) collate utf8_bin"),
                ("varbinary(20)", "binary(16)"),
                ("blob", "varbinary(100)"),
                ("longblob", "mediumblob"),
                ("bigint(20)", "int(11)"),
                ("bigint(20)", "int(10) unsigned"),
                ("int(10) unsigned", "smallint(6) unsigned"),
                ("decimal(10,2)", "decimal(9,2)"),
                ("decimal(12,4)", "decimal(10,2)"),
                ("decimal(10,0)", "decimal(10,0) unsigned"),
                ("decimal(20,0)", "bigint(20)"),
                ("decimal(10,0)", "int(11)"),
                ("int(11)", "decimal(9,0)"),
                ("double", "float"),
                ("double", "int(11)"),
                ("datetime(6)", "datetime(3)"),
                ("datetime(6)", "datetime"),
                ("datetime(6)", "timestamp(6)"),
                ("datetime", "date"),
                ("enum('a','b','it''s')", "enum('it''s','a')"),
                ("varchar(9)", "enum('a','long')"),
                ("bit(8)", "bit(7)"),
            ],
        );
        assert_both_ways(
            Dialect::Mysql,
            &[
                ("bigint(20) unsigned", "bigint(20)"),
                ("varchar(100) collate utf8mb4_bin", "tinytext collate utf8mb4_bin"),
                ("decimal(10,2)", "decimal(10,4)"),
                ("decimal", "decimal(8,2)"),
                ("bigint(20)", "double"),
                ("enum('a','b')", "enum('a','c')"),
                ("enum('a','b')", "set('a','b')"),
                ("enum('long')", "varchar(3)"),
                ("date", "time"),
            ],
        );
        for (one, other) in
            [("varchar(20)", "char(20)"), ("decimal", "decimal(10,0)"), ("point", "json"), ("int(11)", "int(4)")]
        {
            assert!(!narrower(Dialect::Mysql, one, other) && !narrower(Dialect::Mysql, other, one), "{one}, {other}");
        }
        assert!(!narrower(Dialect::Mysql, "varchar(20000) collate utf8mb4_bin", "text collate utf8mb4_bin"));
        assert!(!narrower(Dialect::Mysql, "timestamp", "datetime"));
        assert!(!narrower(Dialect::Mysql, "set('a','b')", "varchar(4)"));
    }

    #[test]
    fn on_postgresql() {
        assert_one_way(
            Dialect::Postgres,
            &[
                ("text", "character varying(20)"),
                ("citext", "character(20)"),
                ("character varying", "character varying(20)"),
                ("character varying(30)", "character varying(20)"),
                ("bigint", "integer"),
                ("numeric", "numeric(100,50)"),
                ("numeric", "integer"),
                ("numeric(3,-2)", "numeric(4,0)"),
                ("numeric(12,2)", "numeric(10,2)"),
                ("double precision", "real"),
                ("timestamp without time zone", "timestamp(3) without time zone"),
                ("time(3) without time zone", "time(0) without time zone"),
                ("timestamp with time zone", "date"),
                ("bit varying(9)", "bit varying(8)"),
                ("bit varying", "bit varying(8)"),
            ],
        );
        assert_both_ways(
            Dialect::Postgres,
            &[("numeric(10,2)", "numeric(10,4)"), ("numeric(20,0)", "double precision")],
        );
        for (one, other) in [
            ("text", "character varying"),
            ("character varying(20)", "character(20)"),
            ("text[]", "character varying(9)[]"),
            ("uuid", "text"),
        ] {
            assert!(!narrower(Dialect::Postgres, one, other), "{one}, {other}");
        }
    }

    #[test]
    fn on_sqlite_nothing_is() {
        assert!(!narrower(Dialect::Sqlite, "varchar(100)", "varchar(20)"));
    }
}
