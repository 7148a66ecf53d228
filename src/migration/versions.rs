//! The versions of the migrations that one change consists of.

use chrono::{NaiveDateTime, TimeDelta};

use crate::error::Error;

/// The format of versions in the diesel CLI.
pub(super) const FORMAT: &str = "%Y-%m-%d-%H%M%S";
/// The longest version, since Diesel's table of migrations has `VARCHAR(50)`.
const LONGEST: usize = 50;

/// Returns `count` versions, of which the first is `first` itself. They are the beginning of the folders' names.
///
/// A version in the CLI's format is continued by seconds, so that every folder has that format. Any other version gets
/// a number at its end.
pub(super) fn from(first: &str, count: usize) -> Result<Vec<String>, Error> {
    let refuse = |why| Err(Error::InvalidName { what: "version", name: first.to_owned(), why });
    if digits(first).is_empty() {
        return refuse("a part of it is empty");
    }
    // Diesel takes the text before the first `_` of a folder's name as the version.
    if !first.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
        return refuse("it may hold letters, digits and dashes");
    }
    let is_date = digits(first).len() == 14;
    let start = NaiveDateTime::parse_from_str(&digits(first), "%Y%m%d%H%M%S").ok().filter(|_| is_date);
    let nth = |n: usize| match start {
        _ if n == 0 => first.to_owned(),
        Some(start) => {
            let seconds = TimeDelta::seconds(i64::try_from(n).unwrap_or(i64::MAX / 1000));
            let at = start.checked_add_signed(seconds).unwrap_or(start);
            let format = if first.contains('-') { FORMAT } else { "%Y%m%d%H%M%S" };
            at.format(format).to_string()
        }
        None => format!("{first}-{n:04}"),
    };
    let versions: Vec<String> = (0..count).map(nth).collect();
    if versions.iter().any(|version| digits(version).len() > LONGEST) {
        return refuse("it is longer than Diesel's table of migrations takes");
    }
    Ok(versions)
}

/// Returns a version as Diesel stores it, without its dashes.
pub(super) fn digits(version: &str) -> String {
    version.replace('-', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_order_and_differ() {
        assert_eq!(
            from("2026-12-31-235959", 2).ok(),
            Some(vec![String::from("2026-12-31-235959"), String::from("2027-01-01-000000")])
        );
        assert_eq!(from("20261231235959", 2).ok().map(|v| v[1].clone()), Some(String::from("20270101000000")));
        for first in ["1", "00000000000000", "2026-12-31-235959", "v7"] {
            let versions = from(first, 30).unwrap();
            assert!(versions.windows(2).all(|pair| digits(&pair[0]) < digits(&pair[1])), "{versions:?}");
        }
        for bad in ["", "-", "a/b", "../x", "a_b", "a b", "ä", &"9".repeat(51)] {
            assert!(from(bad, 1).is_err(), "{bad}");
        }
    }
}
