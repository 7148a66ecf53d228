//! Compares predicates as a database prints them with those that this crate writes.
//!
//! Nothing here understands an expression. Two texts are the same if they have the same words. Quotes, casts and
//! parentheses without an AND or an OR in them do not count.

use crate::declare::{Mode, Rows};
use crate::dialect::Dialect;
use crate::schema::{Kind, Token, closing, same_column, tokens, top_level};

/// The state column of a table, for predicates about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct StateColumn<'a> {
    pub(super) dialect: Dialect,
    pub(super) mode: Mode,
    pub(super) name: &'a str,
}

impl StateColumn<'_> {
    /// Returns whether the text names the column.
    pub(super) fn is_named_in(self, sql: &str) -> bool {
        tokens(sql).iter().any(|token| token.names(self.dialect, self.name))
    }

    /// Returns which rows the text selects, if it is the predicate of this crate for them.
    pub(super) fn rows(self, sql: &str) -> Option<Rows> {
        [Rows::Active, Rows::Deleted].into_iter().find(|rows| self.is_ours(*rows, sql))
    }

    /// Returns whether the text is the predicate of this crate for these rows, or one of the parts that it joins by AND.
    pub(super) fn is_ours(self, rows: Rows, sql: &str) -> bool {
        let column = self.dialect.quote(self.name);
        let own = self.mode.text(rows, &column);
        // PostgreSQL plans a comparison of a boolean with a literal as the column itself, or as its NOT.
        let is_bare = match (self.dialect, self.mode) {
            (Dialect::Postgres, Mode::Flag) => Some(rows == Rows::Deleted),
            (Dialect::Postgres, Mode::ActiveFlag) => Some(rows == Rows::Active),
            _ => None,
        };
        let bare = is_bare.map(|is_bare| if is_bare { column } else { format!("NOT {column}") });
        // A part of the predicate is weaker than the whole, so the database uses an index over it too.
        conjuncts(&own).into_iter().chain([own]).chain(bare).any(|own| is_same(self.dialect, &own, sql))
    }
}

/// Returns whether two texts are the same, apart from the form in which the database prints them.
pub(super) fn is_same(dialect: Dialect, one: &str, other: &str) -> bool {
    let (one, other) = (tokens(one), tokens(other));
    let plain = |tokens| without_needless_parentheses(without_casts(unwrapped(tokens)));
    let (one, other) = (plain(&one), plain(&other));
    one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| is_same_word(dialect, &one.kind, &other.kind))
}

fn is_same_word(dialect: Dialect, one: &Kind, other: &Kind) -> bool {
    match (one, other) {
        // SQLite's planner distinguishes `FALSE` from `false`.
        (Kind::Word(one), Kind::Word(other)) if dialect == Dialect::Sqlite && is_boolean(one) => one == other,
        (Kind::Word(one), Kind::Word(other)) => one.eq_ignore_ascii_case(other),
        (Kind::Word(one) | Kind::Name(one), Kind::Word(other) | Kind::Name(other)) => same_column(dialect, one, other),
        _ => one == other,
    }
}

fn is_boolean(word: &str) -> bool {
    word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false")
}

/// Removes `::type`, which PostgreSQL adds to literals.
fn without_casts(tokens: &[Token]) -> Vec<&Token> {
    let mut kept = Vec::new();
    let mut rest = tokens.iter().peekable();
    while let Some(token) = rest.next() {
        if token.is_symbol("::") {
            while rest.next_if(|token| matches!(token.kind, Kind::Word(_) | Kind::Name(_))).is_some() {}
        } else {
            kept.push(token);
        }
    }
    kept
}

/// Removes parentheses without an AND or an OR in them, since PostgreSQL writes them around each comparison.
fn without_needless_parentheses(tokens: Vec<&Token>) -> Vec<&Token> {
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut needless = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            open.push((at, false));
        } else if token.is("AND") || token.is("OR") {
            if let Some((_, joins)) = open.last_mut() {
                *joins = true;
            }
        } else if token.is_symbol(")") {
            if let Some((start, false)) = open.pop() {
                needless.extend([start, at]);
            }
        }
    }
    tokens.into_iter().enumerate().filter(|(at, _)| !needless.contains(at)).map(|(_, token)| token).collect()
}

/// Returns the number of a default that is a literal: 1 for TRUE, 0 for FALSE.
pub(super) fn number(default: &str) -> Option<i64> {
    let all = tokens(default);
    // MySQL prints a BIT as `b'0'`.
    let words: Vec<&Token> = without_casts(unwrapped(&all)).into_iter().filter(|token| !token.is("b")).collect();
    let [token] = words[..] else { return None };
    let text = match &token.kind {
        Kind::Word(text) | Kind::Text(text) | Kind::Number(text) => text.to_ascii_lowercase(),
        _ => return None,
    };
    match text.as_str() {
        "true" | "t" => Some(1),
        "false" | "f" => Some(0),
        text => text.parse().ok(),
    }
}

/// Splits a predicate at its ANDs, and returns the text of each part.
pub(super) fn conjuncts(sql: &str) -> Vec<String> {
    let all = tokens(sql);
    let inside = unwrapped(&all);
    let text = |part: &[Token]| match (part.first(), part.last()) {
        (Some(first), Some(last)) => sql[first.span.start..last.span.end].to_owned(),
        _ => String::new(),
    };
    // An AND inside of CASE or beside OR does not split the whole predicate.
    let whole = inside.iter().any(|token| token.is("CASE")) || top_level(inside, "OR").next().is_some();
    let ands = top_level(inside, "AND").collect::<Vec<_>>();
    if whole || ands.is_empty() {
        return vec![text(inside)];
    }
    let starts = std::iter::once(0).chain(ands.iter().map(|and| and + 1));
    let ends = ands.iter().copied().chain([inside.len()]);
    starts.zip(ends).flat_map(|(start, end)| conjuncts(&text(&inside[start..end]))).collect()
}

/// Removes the parentheses around the whole.
fn unwrapped(tokens: &[Token]) -> &[Token] {
    let is_wrapped =
        tokens.first().is_some_and(|token| token.is_symbol("(")) && closing(tokens, 0) == Some(tokens.len() - 1);
    if is_wrapped { unwrapped(&tokens[1..tokens.len() - 1]) } else { tokens }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_predicate_tells_which_rows_it_means() {
        let flag = |dialect| StateColumn { dialect, mode: Mode::Flag, name: "is_deleted" };
        let time = |dialect| StateColumn { dialect, mode: Mode::Timestamp, name: "deleted_at" };
        let nullable = StateColumn { mode: Mode::NullableFlag, ..flag(Dialect::Postgres) };
        let (active, deleted) = (Some(Rows::Active), Some(Rows::Deleted));
        for (state, sql, rows) in [
            (flag(Dialect::Postgres), "(is_deleted = false)", active),
            (flag(Dialect::Postgres), "(NOT is_deleted)", active),
            (flag(Dialect::Postgres), "is_deleted", deleted),
            (flag(Dialect::Postgres), "(is_deleted IS FALSE)", None),
            (flag(Dialect::Postgres), "((is_deleted)::boolean = false)", active),
            (nullable, "((is_deleted = false) OR (is_deleted IS NULL))", active),
            (nullable, "((is_deleted = true) AND (is_deleted IS NOT NULL))", deleted),
            (flag(Dialect::Sqlite), "`is_deleted` = FALSE", active),
            (flag(Dialect::Sqlite), "is_deleted=FALSE", active),
            (flag(Dialect::Sqlite), "is_deleted = false", None),
            (flag(Dialect::Sqlite), "is_deleted = 0", None),
            (time(Dialect::Postgres), "(deleted_at IS NULL)", active),
            (time(Dialect::Sqlite), "\"Deleted_At\" is not null", deleted),
            (time(Dialect::Sqlite), "deleted_at > '2024-01-01'", None),
        ] {
            assert_eq!(state.rows(sql), rows, "{sql}");
        }
        assert_eq!(conjuncts("((a IS NULL) AND (b = 1) AND (c OR d))"), ["a IS NULL", "b = 1", "c OR d"]);
        for (default, value) in
            [("b'0'", Some(0)), ("'1'::smallint", Some(1)), ("(FALSE)", Some(0)), ("true", Some(1)), ("now()", None)]
        {
            assert_eq!(number(default), value, "{default}");
        }
    }
}
