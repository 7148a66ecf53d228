//! The steps of a migration, and their SQL text.

/// How a migration builds indexes, and where its transactions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builds {
    /// As one script for one transaction.
    Script,
    /// As several migrations, so that other sessions never wait for long.
    Online,
}

/// One step, which is one migration of its own when it is written for a table in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What the step does, as a part of a file name.
    pub(super) title: String,
    pub(super) in_transaction: bool,
    pub(super) up: Vec<Statement>,
    pub(super) down: Vec<Statement>,
    /// Statements that remove the remains of a failed attempt. They are sent one at a time before `up`, if there is a
    /// connection.
    pub(super) heal: Vec<String>,
}

impl Step {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), in_transaction: true, up: Vec::new(), down: Vec::new(), heal: Vec::new() }
    }
}

/// A statement, and the reason for it, which becomes an SQL comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    why: String,
    sql: String,
}

pub(super) fn statement(why: impl Into<String>, sql: impl Into<String>) -> Statement {
    Statement { why: why.into(), sql: sql.into() }
}

impl Statement {
    /// Returns the same statement with another reason.
    pub(super) fn because(mut self, why: &str) -> Self {
        self.why = why.to_owned();
        self
    }

    /// Appends the comment and the statement. A comment never contains a name, since a line break in it would end the
    /// comment.
    pub(super) fn write(&self, out: &mut String) {
        for line in self.why.lines() {
            out.push_str("-- ");
            out.push_str(line);
            out.push('\n');
        }
        out.push_str(&self.sql);
        out.push_str(";\n");
    }
}

/// Returns the statements of several steps as one text.
pub(super) fn script<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> String {
    let mut out = String::new();
    for statement in statements {
        if !out.is_empty() && !statement.why.is_empty() {
            out.push('\n');
        }
        statement.write(&mut out);
    }
    out
}
