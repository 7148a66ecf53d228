//! Names of tables and columns: given ones are checked, and made ones are short enough and unique.

use super::Dialect;
use crate::error::Error;

/// PostgreSQL silently cuts a name off after 63 bytes.
const POSTGRES_BYTES: usize = 63;
/// MySQL and MariaDB refuse more than 64 characters.
const MYSQL_LETTERS: usize = 64;
/// The length that every database accepts.
const GENERATED_BYTES: usize = 63;

/// The name of a table or view, with its schema if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TableName {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl TableName {
    /// `posts` or `blog.posts`.
    pub(crate) fn parse(text: &str) -> Self {
        match text.split_once('.') {
            Some((schema, name)) => Self { schema: Some(schema.to_owned()), name: name.to_owned() },
            None => Self { schema: None, name: text.to_owned() },
        }
    }

    /// The name from the parts that a `table!` declares.
    pub(crate) fn from_parts(mut parts: Vec<String>) -> Self {
        let name = parts.pop().unwrap_or_default();
        Self { schema: parts.pop(), name }
    }

    /// Another name in the schema of this table. A trigger or an index can only be created there.
    pub(crate) fn sibling(&self, name: &str) -> Self {
        Self { schema: self.schema.clone(), name: name.to_owned() }
    }

    /// This name, in the schema of `table` if it names no schema itself.
    pub(crate) fn beside(mut self, table: &Self) -> Self {
        if self.schema.is_none() {
            self.schema.clone_from(&table.schema);
        }
        self
    }

    pub(crate) fn quoted(&self, dialect: Dialect) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", dialect.quote(schema), dialect.quote(&self.name)),
            None => dialect.quote(&self.name),
        }
    }

    /// The name for messages.
    pub(crate) fn plain(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }

    pub(crate) fn check(&self, dialect: Dialect, what: &'static str) -> Result<(), Error> {
        let refuse = |why| Err(Error::InvalidName { what, name: self.plain(), why });
        // `a.b.c` is not the name of a table, and whether `a` or `a.b` is its schema would be a guess.
        if self.schema.is_some() && self.name.contains('.') {
            return refuse("it has more than one dot: write `schema.table`");
        }
        for part in self.schema.iter().chain([&self.name]) {
            if let Some(why) = objection(dialect, part) {
                return refuse(why);
            }
        }
        Ok(())
    }
}

/// Checks the name of a column, or of something else without a schema.
pub(crate) fn check_name(dialect: Dialect, what: &'static str, name: &str) -> Result<(), Error> {
    match objection(dialect, name) {
        Some(why) => Err(Error::InvalidName { what, name: name.to_owned(), why }),
        None => Ok(()),
    }
}

/// Checks the name of a column.
pub(crate) fn check_column(dialect: Dialect, name: &str) -> Result<(), Error> {
    if name.contains('.') {
        let why = "a column is named without its table, and without a dot";
        return Err(Error::InvalidName { what: "column", name: name.to_owned(), why });
    }
    check_name(dialect, "column", name)
}

/// The reason why a database cannot have this name, even in quotes.
fn objection(dialect: Dialect, name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("a part of it is empty");
    }
    if name.contains('\0') {
        return Some("it holds a NUL byte");
    }
    match dialect {
        Dialect::Postgres if name.len() > POSTGRES_BYTES => {
            Some("it is longer than 63 bytes, and PostgreSQL would cut it off")
        }
        Dialect::Mysql if name.chars().count() > MYSQL_LETTERS => Some("it is longer than 64 characters"),
        Dialect::Mysql if name.ends_with(' ') => Some("a name cannot end with a space on MySQL and MariaDB"),
        Dialect::Mysql if name.chars().any(|letter| u32::from(letter) > 0xFFFF) => {
            Some("MySQL and MariaDB do not accept characters beyond U+FFFF in names")
        }
        _ => None,
    }
}

/// Makes the names of one migration's indexes, constraints, triggers and functions.
///
/// A name consists of the table, the kind and the columns: `posts_active_key_slug`. The kind is in the middle, so two
/// tables get the same name only if one's name contains a kind. In that case a hash of all parts is appended. The
/// same happens to a name that is too long or was made before.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    table: &'a str,
    given: Vec<String>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(table: &'a str) -> Self {
        Self { table, given: Vec::new() }
    }

    pub(crate) fn make(&mut self, kind: &str, columns: &[String]) -> String {
        let plain = [self.table, kind].into_iter().chain(columns.iter().map(String::as_str)).collect::<Vec<_>>();
        let mut name = plain.join("_");
        let ambiguous = self.table.contains(kind) || self.is_given(&name);
        if ambiguous || name.len() > GENERATED_BYTES || name.ends_with(' ') {
            let tail = format!("_{:08x}", hash(&plain));
            let mut end = name.len().min(GENERATED_BYTES - tail.len());
            while !name.is_char_boundary(end) {
                end -= 1;
            }
            name.truncate(end);
            name.push_str(&tail);
        }
        self.given.push(name.clone());
        name
    }

    fn is_given(&self, name: &str) -> bool {
        // MySQL and SQLite ignore case in names of indexes and triggers.
        self.given.iter().any(|given| given.eq_ignore_ascii_case(name))
    }
}

/// FNV-1a over the parts, each followed by a byte that no name contains. It must never change: a later version of
/// this crate must find the names that an earlier one made.
pub(crate) fn hash(parts: &[&str]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_tell_their_table_and_columns() {
        let mut names = Names::new("posts");
        assert_eq!(names.make("active_key", &columns(&["slug"])), "posts_active_key_slug");
        assert_eq!(names.make("purge_idx", &[]), "posts_purge_idx");
    }

    #[test]
    fn names_stay_within_the_limit_and_differ() {
        let mut seen = Vec::new();
        for letter in ["x", "ü", "漢", "🦀"] {
            let table = letter.repeat(63 / letter.len());
            let mut names = Names::new(&table);
            for column in ["a", "b"] {
                for kind in ["active_key", "active_idx"] {
                    let name = names.make(kind, &columns(&[&column.repeat(60)]));
                    assert!(name.len() <= 63, "{name}");
                    assert!(!seen.contains(&name), "{name}");
                    seen.push(name);
                }
            }
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::new("posts");
        let joined = names.make("active_idx", &columns(&["a", "b"]));
        assert_ne!(joined, names.make("active_idx", &columns(&["a_b"])));
        assert!(!names.make("active_idx", &columns(&["A_B"])).eq_ignore_ascii_case(&joined));
        // The name of this table contains the kind.
        let other = Names::new("posts_active_idx_a").make("active_idx", &columns(&["b"]));
        let tricky = Names::new("posts").make("active_idx", &columns(&["a", "active_idx", "b"]));
        assert_ne!(other, tricky);
    }
}
