//! Pieces of SQL.
//!
//! Most statements of a cascade depend on the graph, so they are written at run time. A piece that depends on the types
//! of the target is a [`Part`] that the root writes.

use crate::dialect::Lock;

/// A statement, or a piece of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(Vec<Part>);

/// A part of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Sql(String),
    /// A value that is bound as text.
    Bind(String),
    /// SQL that contains a value, so the statement is not kept prepared.
    Literal(String),
    /// The test that these columns equal one of the keys of the root's rows.
    Keys(Vec<String>),
    /// ` WHERE <the target's where clause> AND `.
    Where,
    /// ` AND (<the condition of .only_if(..)>)`.
    OnlyIf,
    /// The assignments of `.set(..)`, followed by a comma if there are any.
    Set,
    /// The time of `.at(..)`.
    Stamp,
    /// The time of `.at(..)`, for the touch column.
    Touch,
}

impl Text {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Returns whether it is a SELECT that locks rows.
    pub(super) fn locks(&self) -> bool {
        let locks = ["FOR UPDATE", "FOR SHARE", "LOCK IN SHARE MODE"];
        self.0.iter().any(|part| matches!(part, Part::Sql(sql) if locks.iter().any(|lock| sql.contains(lock))))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn sql(mut self, sql: impl AsRef<str>) -> Self {
        match self.0.last_mut() {
            Some(Part::Sql(text)) => text.push_str(sql.as_ref()),
            _ => self.0.push(Part::Sql(sql.as_ref().to_owned())),
        }
        self
    }

    pub(super) fn bind(self, value: impl Into<String>) -> Self {
        self.part(Part::Bind(value.into()))
    }

    pub(super) fn part(mut self, part: Part) -> Self {
        self.0.push(part);
        self
    }

    pub(super) fn then(mut self, other: Self) -> Self {
        for part in other.0 {
            match part {
                Part::Sql(sql) => self = self.sql(sql),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Returns `(a OR b)` as a balanced tree, since SQLite limits the depth of an expression to 1000.
    pub(super) fn either(mut texts: Vec<Self>) -> Self {
        if texts.len() > 2 {
            let rest = texts.split_off(texts.len() / 2);
            texts = vec![Self::either(texts), Self::either(rest)];
        }
        match texts.len() {
            0 | 1 => texts.pop().unwrap_or_default(),
            _ => Self::from("(").then(Self::join(texts, " OR ")).sql(")"),
        }
    }

    /// Joins the terms of a set with UNION. Terms that lock rows need parentheses.
    pub(super) fn union(terms: Vec<Self>, reads: Lock) -> Self {
        if reads == Lock::No || terms.len() < 2 {
            return Self::join(terms, " UNION ");
        }
        Self::join(terms.into_iter().map(|term| Self::from("(").then(term).sql(")")), " UNION ")
    }

    /// Joins texts with a separator between them.
    pub(super) fn join(texts: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut joined = Self::new();
        for text in texts {
            if !joined.is_empty() {
                joined = joined.sql(between);
            }
            joined = joined.then(text);
        }
        joined
    }
}

impl From<String> for Text {
    fn from(sql: String) -> Self {
        Self::new().sql(sql)
    }
}

impl From<&str> for Text {
    fn from(sql: &str) -> Self {
        Self::new().sql(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighboring_pieces_of_sql_become_one() {
        let text = Text::join([Text::from("a"), Text::from("b").bind("1")], ", ").then("c".into()).sql("d");
        let parts = [Part::Sql("a, b".into()), Part::Bind("1".into()), Part::Sql("cd".into())];
        assert_eq!(text.parts(), parts);
    }
}
