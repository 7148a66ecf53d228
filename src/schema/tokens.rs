//! Splits SQL text into words, enough to find a predicate or a name in what a database prints.

use std::ops::Range;

use super::catalog::same_column;
use crate::dialect::Dialect;

/// A word and its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword or a name without quotes.
    Word(String),
    /// A quoted name, without its quotes.
    Name(String),
    /// A string literal, without its quotes.
    Text(String),
    Number(String),
    Symbol(&'static str),
    /// Any other character.
    Other(char),
}

/// The longest symbols come first, since `<` is also the beginning of `<=`.
const SYMBOLS: &[&str] = &["::", "<=", ">=", "<>", "!=", "==", "||", "(", ")", ",", ".", "=", "<", ">", "+", "-", ";"];

impl Token {
    /// Returns whether it is this keyword.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        matches!(&self.kind, Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.kind, Kind::Symbol(found) if found == symbol)
    }

    /// Returns whether it names this column.
    pub(crate) fn names(&self, dialect: Dialect, column: &str) -> bool {
        match &self.kind {
            // PostgreSQL prints a name that is not in lower case with quotes, so a word can be compared as it is.
            Kind::Word(name) | Kind::Name(name) => same_column(dialect, name, column),
            _ => false,
        }
    }
}

/// Splits SQL text into words, without comments and white space.
pub(crate) fn tokens(sql: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(letter) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let (kind, length) = if letter.is_whitespace() {
            (None, letter.len_utf8())
        } else if rest.starts_with("--") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if let Some(comment) = rest.strip_prefix("/*") {
            (None, comment.find("*/").map_or(rest.len(), |end| end + 4))
        } else if rest.starts_with("E'") {
            let (text, length) = quoted(&rest[1..], '\'', true);
            (Some(Kind::Text(text)), length + 1)
        } else if letter == '\'' {
            let (text, length) = quoted(rest, '\'', false);
            (Some(Kind::Text(text)), length)
        } else if letter == '"' || letter == '`' {
            let (name, length) = quoted(rest, letter, false);
            (Some(Kind::Name(name)), length)
        } else if letter == '[' {
            let end = rest.find(']').unwrap_or(rest.len());
            (Some(Kind::Name(rest[1..end].to_owned())), rest.len().min(end + 1))
        } else if letter.is_alphabetic() || letter == '_' {
            let length = run(rest, |c| c.is_alphanumeric() || c == '_' || c == '$');
            (Some(Kind::Word(rest[..length].to_owned())), length)
        } else if letter.is_ascii_digit() {
            let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '.');
            (Some(Kind::Number(rest[..length].to_owned())), length)
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Some(Kind::Symbol(symbol)), symbol.len())
        } else {
            (Some(Kind::Other(letter)), letter.len_utf8())
        };
        if let Some(kind) = kind {
            found.push(Token { kind, span: at..at + length });
        }
        at += length;
    }
    found
}

/// Returns the places of a keyword outside of all parentheses.
pub(crate) fn top_level<'a>(tokens: &'a [Token], keyword: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut depth = 0_i32;
    tokens.iter().enumerate().filter_map(move |(place, token)| {
        depth += i32::from(token.is_symbol("(")) - i32::from(token.is_symbol(")"));
        (depth == 0 && token.is(keyword)).then_some(place)
    })
}

/// Returns the place of the `)` that closes the `(` at `open`.
pub(crate) fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_i32;
    tokens.iter().enumerate().skip(open).find_map(|(place, token)| {
        depth += i32::from(token.is_symbol("(")) - i32::from(token.is_symbol(")"));
        (depth == 0).then_some(place)
    })
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !belongs(letter)).unwrap_or(text.len())
}

/// Returns the text between quotes, and its length with both quotes.
fn quoted(text: &str, quote: char, backslashes: bool) -> (String, usize) {
    let mut inside = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if backslashes && letter == '\\' {
            inside.extend(letters.next().map(|(_, escaped)| escaped));
        } else if letter != quote {
            inside.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            inside.push(quote);
        } else {
            return (inside, at + letter.len_utf8());
        }
    }
    (inside, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_texts_and_comments_are_told_apart() {
        let kinds = |sql| tokens(sql).into_iter().map(|token| token.kind).collect::<Vec<_>>();
        let name = |name: &str| Kind::Name(name.to_owned());
        assert_eq!(kinds("\"a\"\"b\"`c``d`[e f]"), [name("a\"b"), name("c`d"), name("e f")]);
        assert_eq!(kinds("'it''s' E'a\\'b'"), [Kind::Text("it's".to_owned()), Kind::Text("a'b".to_owned())]);
        assert_eq!(kinds("a -- b\n/* c */=="), [Kind::Word("a".to_owned()), Kind::Symbol("==")]);
        for unfinished in ["'", "\"a", "`", "[", "[ü", "/*", "--", "E'\\", "ü", "1ü"] {
            assert!(tokens(unfinished).len() <= 2, "{unfinished}");
        }
    }
}
