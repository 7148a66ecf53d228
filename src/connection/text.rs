//! SQL that is made at run time.

use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Text as SqlText};

use crate::dialect::{Lock, SoftDeleteBackend};

/// A statement or a piece of one. It consists of SQL, of values that are bound as text, and of parts of the kind `P`,
/// which its owner writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<P>(Vec<Part<P>>);

/// A part of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part<P> {
    Sql(String),
    /// A value that is bound as text.
    Bind(String),
    Other(P),
}

impl<P> Text<P> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn parts(&self) -> &[Part<P>] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn sql(mut self, sql: impl AsRef<str>) -> Self {
        match self.0.last_mut() {
            Some(Part::Sql(text)) => text.push_str(sql.as_ref()),
            _ => self.0.push(Part::Sql(sql.as_ref().to_owned())),
        }
        self
    }

    pub(crate) fn bind(mut self, value: impl Into<String>) -> Self {
        self.0.push(Part::Bind(value.into()));
        self
    }

    pub(crate) fn part(mut self, part: P) -> Self {
        self.0.push(Part::Other(part));
        self
    }

    pub(crate) fn then(mut self, other: Self) -> Self {
        for part in other.0 {
            match part {
                Part::Sql(sql) => self = self.sql(sql),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Returns `(a OR b)` as a balanced tree, since SQLite limits the depth of an expression to 1000.
    pub(crate) fn either(mut texts: Vec<Self>) -> Self {
        if texts.len() > 2 {
            let rest = texts.split_off(texts.len() / 2);
            texts = vec![Self::either(texts), Self::either(rest)];
        }
        match texts.len() {
            0 | 1 => texts.pop().unwrap_or_else(Self::new),
            _ => Self::from("(").then(Self::join(texts, " OR ")).sql(")"),
        }
    }

    /// Joins the terms of a set with UNION. Terms that lock rows need parentheses.
    pub(crate) fn union(terms: Vec<Self>, reads: Lock) -> Self {
        if reads == Lock::No || terms.len() < 2 {
            return Self::join(terms, " UNION ");
        }
        Self::join(terms.into_iter().map(|term| Self::from("(").then(term).sql(")")), " UNION ")
    }

    /// Joins texts with a separator between them.
    pub(crate) fn join(texts: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut joined = Self::new();
        for text in texts {
            if !joined.is_empty() {
                joined = joined.sql(between);
            }
            joined = joined.then(text);
        }
        joined
    }

    /// Writes the text. `other` writes the parts of the kind `P`.
    pub(crate) fn walk<'b, DB>(
        &'b self,
        mut out: AstPass<'_, 'b, DB>,
        mut other: impl FnMut(&'b P, AstPass<'_, 'b, DB>) -> QueryResult<()>,
    ) -> QueryResult<()>
    where
        DB: SoftDeleteBackend + HasSqlType<SqlText>,
        String: ToSql<SqlText, DB>,
    {
        for part in &self.0 {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Bind(text) => out.push_bind_param::<SqlText, String>(text)?,
                Part::Other(part) => other(part, out.reborrow())?,
            }
        }
        Ok(())
    }
}

impl<P> From<String> for Text<P> {
    fn from(sql: String) -> Self {
        Self::new().sql(sql)
    }
}

impl<P> From<&str> for Text<P> {
    fn from(sql: &str) -> Self {
        Self::new().sql(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighboring_pieces_become_one() {
        let text = Text::join([Text::from("a"), Text::from("b").bind("1")], ", ").then("c".into()).sql("d").part(());
        let parts = [Part::Sql("a, b".into()), Part::Bind("1".into()), Part::Sql("cd".into()), Part::Other(())];
        assert_eq!(text.parts(), parts);
    }
}
