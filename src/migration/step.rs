//! The steps of a migration and their text.

/// How indexes are built and where transactions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builds {
    /// One script for one transaction.
    Script,
    /// Migrations one after the other, so that nobody waits for long.
    Online,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What it does, as a part of a file name.
    pub(super) title: String,
    pub(super) in_transaction: bool,
    pub(super) up: Vec<Statement>,
    pub(super) down: Vec<Statement>,
    /// Sent before `up` where there is a connection, one at a time: removes what a failed attempt left.
    pub(super) heal: Vec<String>,
}

impl Step {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), in_transaction: true, up: Vec::new(), down: Vec::new(), heal: Vec::new() }
    }
}

/// A statement and why it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    why: String,
    sql: String,
}

pub(super) fn statement(why: impl Into<String>, sql: impl Into<String>) -> Statement {
    Statement { why: why.into(), sql: sql.into() }
}

impl Statement {
    /// The same statement for another reason.
    pub(super) fn because(mut self, why: &str) -> Self {
        self.why = why.to_owned();
        self
    }

    /// Appends the comment and the statement. Comments never hold names: a line break in one would
    /// end the comment.
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

/// The statements of several steps as one text.
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
