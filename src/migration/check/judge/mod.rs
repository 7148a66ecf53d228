//! What does not fit between a declaration and a table. Nothing here asks the database.

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

/// What was asked about a table beyond its own catalog.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) counts: Vec<(Disagreement, u64)>,
    /// The foreign keys of each child of a declared relation.
    pub(super) keys: Vec<(TableName, Vec<CatalogKey>)>,
}

/// The findings of one table, errors first.
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
        // What is mended with a predicate waits until the state column is mended.
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

/// The questions whose answers [`findings`] takes: one count for each way to disagree.
pub(super) fn disagreements(dialect: Dialect, shape: &Shape, catalog: &CatalogTable) -> Vec<Disagreement> {
    if catalog.kind == TableKind::View {
        return Vec::new();
    }
    Judge { dialect, shape, catalog, findings: Vec::new() }.disagreements()
}

/// The finding about an index that serves a purge, if there is none.
pub(crate) fn missing_purge_index(dialect: Dialect, shape: &Shape, catalog: &CatalogTable) -> Option<Finding> {
    let mut judge = Judge { dialect, shape, catalog, findings: Vec::new() };
    judge.purge_index();
    judge.findings.pop()
}

/// The findings that forbid a purge: errors of the columns that it reads, which are the state, the timestamp and the
/// hold. Where one of them contradicts its declaration, a purge could take active rows for deleted ones.
pub(crate) fn contradictions(dialect: Dialect, shape: &Shape, catalog: &CatalogTable) -> Vec<Finding> {
    // The columns of a view do not tell whether they can be NULL.
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

    /// The table as statements name it: as the declaration does.
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

    /// The table's timestamp, whether it is the state or stands beside a flag.
    fn timestamp(&self) -> Option<&str> {
        self.shape.timestamp.as_ref().map(|column| column.name.as_str())
    }

    fn state(&self) -> StateColumn<'_> {
        StateColumn { dialect: self.dialect, mode: self.shape.mode, name: &self.shape.state.name }
    }

    /// The predicate of `rows`.
    fn predicate(&self, rows: Rows) -> String {
        self.shape.predicate(self.dialect, rows, "")
    }

    /// Whether filters on the state column work at all.
    fn state_is_usable(&self) -> bool {
        self.column(&self.shape.state.name).is_some_and(|column| {
            self.shape.mode == Mode::Timestamp || types::is_testable_flag(self.dialect, &column.sql_type)
        })
    }

    /// An index as DROP and CREATE name it. (`CREATE INDEX` on PostgreSQL takes no schema.)
    fn index(&self, name: &str) -> String {
        let qualified = TableName { schema: self.catalog.name.schema.clone(), name: name.to_owned() };
        match self.dialect {
            // Not along the search path, where another index of this name could stand first.
            Dialect::Postgres => qualified.quoted(self.dialect),
            // Without a schema the name means `main`, or the temporary database if the table is in there.
            Dialect::Sqlite if self.shape.table.schema.is_some() || !self.is_main() => qualified.quoted(self.dialect),
            Dialect::Mysql | Dialect::Sqlite => self.quote(name),
        }
    }

    /// SQLite: whether the table is in the database that statements mean without a name.
    fn is_main(&self) -> bool {
        self.catalog.name.schema.as_deref().is_none_or(|schema| schema.eq_ignore_ascii_case("main"))
    }

    /// A name for a new index that no index of the table has.
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

/// Statements in their order.
fn script(statements: &[String]) -> String {
    statements.join(";\n")
}
