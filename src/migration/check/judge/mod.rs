//! Judges what does not fit between a declaration and a table. Nothing here asks the database.

mod agreement;
mod circumstances;
mod columns;
mod definition;
mod exclusions;
mod indexes;
mod order;
mod references;
mod relations;
mod types;
mod uniques;

use crate::declare::{Mode, Rows};
use crate::dialect::{Dialect, Names, TableName};
use crate::error::{Finding, FindingKind, Severity};
use crate::migration::check::printed::StateColumn;
use crate::migration::shape::Shape;
use crate::schema::{CatalogColumn, CatalogKey, CatalogTable, TableKind, same_column};

pub(super) use agreement::Disagreement;
pub(crate) use order::key_order_problem;

/// The answers to questions beyond the table's own catalog.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) counts: Vec<(Disagreement, u64)>,
    /// The foreign keys of each child of a declared relation.
    pub(super) keys: Vec<(TableName, Vec<CatalogKey>)>,
}

/// Returns the findings of one table, errors first.
pub(super) fn findings(
    dialect: Dialect,
    shape: &Shape,
    catalog: Option<&CatalogTable>,
    answers: &Answers,
) -> Vec<Finding> {
    let finding = |kind, message: &str| Finding {
        table: shape.table.plain(),
        kind,
        subject: shape.table.name.clone(),
        severity: Severity::Error,
        message: message.to_owned(),
        sql: None,
    };
    let catalog = match catalog {
        None => return vec![finding(FindingKind::MissingTable, "the table does not exist")],
        Some(catalog) if catalog.kind == TableKind::View => {
            return vec![finding(
                FindingKind::View,
                "it is a view, and soft deletion is declared for the table behind it",
            )];
        }
        Some(catalog) => catalog,
    };
    let mut judge = Judge { dialect, shape, catalog, findings: Vec::new() };
    judge.columns();
    if catalog.kind != TableKind::Other {
        judge.invalid_indexes();
        // Other fixes contain the predicate, so they wait until the state column is fixed.
        if judge.state_is_usable() {
            judge.agreement();
            judge.purge_index();
            judge.predicates();
            judge.uniques();
            judge.exclusions();
        }
        judge.references();
    }
    judge.relations(&answers.keys);
    judge.rows(&answers.counts);
    judge.circumstances();
    judge.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    judge.findings
}

/// Returns the questions whose answers [`findings`] takes: one count for each way to disagree.
pub(super) fn disagreements(dialect: Dialect, shape: &Shape, catalog: &CatalogTable) -> Vec<Disagreement> {
    if catalog.kind == TableKind::View {
        return Vec::new();
    }
    Judge { dialect, shape, catalog, findings: Vec::new() }.disagreements()
}

/// Returns the finding that no index serves a purge, if that is so.
pub(crate) fn missing_purge_index(dialect: Dialect, shape: &Shape, catalog: &CatalogTable) -> Option<Finding> {
    let mut judge = Judge { dialect, shape, catalog, findings: Vec::new() };
    judge.purge_index();
    judge.findings.pop()
}

/// Returns the findings that forbid a purge.
///
/// These are errors of the columns that a purge reads: the state, the timestamp and the hold. If one of them
/// contradicts its declaration, a purge could take active rows for deleted ones.
pub(crate) fn contradictions(dialect: Dialect, shape: &Shape, catalog: &CatalogTable) -> Vec<Finding> {
    // The catalog does not tell whether the columns of a view can be NULL.
    if catalog.kind == TableKind::View {
        return Vec::new();
    }
    let mut judge = Judge { dialect, shape, catalog, findings: Vec::new() };
    judge.purge_columns();
    judge.findings.retain(|finding| finding.severity == Severity::Error);
    judge.findings
}

struct Judge<'a> {
    dialect: Dialect,
    shape: &'a Shape,
    catalog: &'a CatalogTable,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    /// Adds a finding of a kind about a subject: a column, an index, a constraint, a child, or else the table.
    fn push(
        &mut self,
        (kind, subject): (FindingKind, &str),
        severity: Severity,
        message: String,
        sql: impl Into<Option<String>>,
    ) {
        let table = self.shape.table.plain();
        self.findings.push(Finding { table, kind, subject: subject.to_owned(), severity, message, sql: sql.into() });
    }

    /// Adds a finding about the table itself.
    fn push_about_table(
        &mut self,
        kind: FindingKind,
        severity: Severity,
        message: String,
        sql: impl Into<Option<String>>,
    ) {
        let shape = self.shape;
        self.push((kind, &shape.table.name), severity, message, sql);
    }

    /// Returns the table's name as the declaration spells it, for statements.
    fn table(&self) -> String {
        self.shape.table.quoted(self.dialect)
    }

    fn quote(&self, name: &str) -> String {
        self.dialect.quote(name)
    }

    fn column(&self, name: &str) -> Option<&CatalogColumn> {
        self.catalog.column(self.dialect, name)
    }

    fn is_same(&self, one: &str, other: &str) -> bool {
        same_column(self.dialect, one, other)
    }

    fn is_partitioned(&self) -> bool {
        self.catalog.kind == TableKind::Partitioned
    }

    /// Returns the table's timestamp, which may also be its state.
    fn timestamp(&self) -> Option<&str> {
        self.shape.timestamp.as_ref().map(|column| column.name.as_str())
    }

    fn state(&self) -> StateColumn<'_> {
        StateColumn { dialect: self.dialect, mode: self.shape.mode, name: &self.shape.state.name }
    }

    /// Returns the predicate of `rows`.
    fn predicate(&self, rows: Rows) -> String {
        self.shape.predicate(self.dialect, rows, "")
    }

    /// Returns whether filters on the state column work at all.
    fn state_is_usable(&self) -> bool {
        self.column(&self.shape.state.name).is_some_and(|column| {
            self.shape.mode == Mode::Timestamp || types::is_testable_flag(self.dialect, &column.sql_type)
        })
    }

    /// Returns an index's name for DROP and CREATE. `CREATE INDEX` of PostgreSQL does not accept a schema.
    fn index(&self, name: &str) -> String {
        let qualified = TableName { schema: self.catalog.name.schema.clone(), name: name.to_owned() };
        match self.dialect {
            // The schema is named, since the search path could find another index of this name first.
            Dialect::Postgres => qualified.quoted(self.dialect),
            // Without a schema the name means `main`, or the temporary database if the table is there.
            Dialect::Sqlite if self.shape.table.schema.is_some() || !self.is_main() => qualified.quoted(self.dialect),
            Dialect::Mysql | Dialect::Sqlite => self.quote(name),
        }
    }

    /// SQLite: returns whether the table is in the database that a name without a schema means.
    fn is_main(&self) -> bool {
        self.catalog.name.schema.as_deref().is_none_or(|schema| schema.eq_ignore_ascii_case("main"))
    }

    /// Returns a name for a new index that no index of the table has.
    fn free_name(&self, kind: &str, columns: &[String]) -> String {
        let is_taken = |name: &str| self.catalog.indexes.iter().any(|index| index.name.eq_ignore_ascii_case(name));
        let mut names = Names::new(&self.catalog.name.name);
        let name = names.make(kind, columns);
        let numbered = (2..).map(|number: u32| {
            let columns = columns.iter().cloned().chain([number.to_string()]).collect::<Vec<_>>();
            names.make(kind, &columns)
        });
        std::iter::once(name).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
    }
}

/// Joins statements in their order.
fn script(statements: &[String]) -> String {
    statements.join(";\n")
}
