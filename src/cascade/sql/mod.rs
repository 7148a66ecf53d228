//! The statements of a cascade: `sets.rs` computes the sets of rows, and `statements.rs` counts, locks and changes
//! them.
//!
//! The database computes the rows of a table that belong to the cascade, as a set of keys. It starts from the keys of
//! the root's rows. Each table on the way is a common table expression, which is recursive for tables that refer to
//! themselves or to each other. So the number of statements does not depend on the number of rows. The index of the
//! foreign key finds the children.

mod sets;
mod statements;

use crate::cascade::graph::{Graph, ROOT};
use crate::cascade::operation::Mark;
use crate::cascade::text::Text;
use crate::declare::{Node, Rows, Soft};
use crate::dialect::Dialect;

/// The prefix of the names of sets. No table of an app should have it.
const SET: &str = "soft_delete_set_";
/// The prefixes of two more sets in a circle of tables. They are the rows that can be reached, and those of them that
/// stay below a deleted row. The set itself is the rest.
const REACH: &str = "soft_delete_reach_";
const BELOW: &str = "soft_delete_below_";
/// The alias of a set or a parent beside a table without an alias. No table of an app may have these names.
const KEYS: &str = "soft_delete_keys";
const PARENT: &str = "soft_delete_parent";

/// Which rows lead on to their children.
#[derive(Debug, Clone)]
pub(super) enum Traverse {
    /// Active rows.
    Active,
    /// Active rows, and those that this operation deleted. It is for circles of tables.
    ActiveOrMarked(Mark),
    /// Active rows, and those that one of these operations on rows of the root deleted.
    ActiveOrDeletedBy(Vec<Mark>),
    /// Active rows, and those of the operations that can be restored, since they would not be below a deleted row.
    ActiveOrRestorable(Vec<Mark>),
}

/// Writes the statements of one graph.
#[derive(Debug)]
pub(super) struct SqlWriter<'p> {
    pub(super) graph: &'p Graph,
    pub(super) dialect: Dialect,
    pub(super) traverse: Traverse,
}

/// A set of rows of one table.
#[derive(Debug)]
enum Set {
    /// The rows whose columns equal one of the root's keys.
    Keys(Vec<String>),
    /// The rows whose columns are in a common table expression.
    In { columns: Vec<String>, component: usize, of: usize },
}

impl SqlWriter<'_> {
    fn quote(&self, name: &str) -> String {
        self.dialect.quote(name)
    }

    fn table(&self, node: &Node) -> String {
        node.table.quoted(self.dialect)
    }

    /// Returns `<qualifier>."column"` for each column.
    fn columns<S: AsRef<str>>(&self, qualifier: &str, columns: &[S]) -> Vec<String> {
        columns.iter().map(|column| format!("{qualifier}.{}", self.quote(column.as_ref()))).collect()
    }

    fn join_word(&self) -> &'static str {
        // MySQL and SQLite would read the whole child first if they expect a large set.
        match self.dialect {
            Dialect::Mysql => "STRAIGHT_JOIN",
            Dialect::Sqlite => "CROSS JOIN",
            Dialect::Postgres => "JOIN",
        }
    }

    /// Returns the test of the state of a row.
    pub(super) fn state(&self, soft: &Soft, rows: Rows, qualifier: &str) -> String {
        let column = self.quote(soft.state);
        let column = if qualifier.is_empty() { column } else { format!("{qualifier}.{column}") };
        soft.mode.text(rows, &column)
    }

    /// Returns the test that an operation on rows of the root deleted a row.
    pub(super) fn restorable(&self, soft: &Soft, mark: &Mark, qualifier: &str) -> Option<Text> {
        let marked = mark.of_root(&self.graph.tables[ROOT].soft, soft, self.dialect);
        marked.map(|marked| self.equals(qualifier, marked))
    }

    fn equals(&self, qualifier: &str, (column, value): (&str, Text)) -> Text {
        Text::from(format!("{qualifier}.{} = ", self.quote(column))).then(value)
    }

    fn marked(&self, table: usize, marks: &[Mark], qualifier: &str) -> Vec<Text> {
        let soft = &self.graph.tables[table].soft;
        marks.iter().filter_map(|mark| self.restorable(soft, mark, qualifier)).collect()
    }

    /// Returns whether fewer rows are restored than can be reached.
    fn is_exact(&self) -> bool {
        matches!(self.traverse, Traverse::ActiveOrRestorable(_)) && self.graph.any_has_several_parents()
    }

    /// Returns the names of a table's key columns in the set of its component.
    fn key_names(&self, table: usize) -> Vec<String> {
        (0..self.graph.tables[table].node.key.len()).map(|place| format!("k{table}_{place}")).collect()
    }

    /// Returns whether the root's keys alone identify the rows of the table.
    fn is_plain_root(&self, table: usize) -> bool {
        table == ROOT && !self.graph.root_is_recursive()
    }

    /// Returns the children of rows of `parent` by these columns.
    fn children(&self, parent: usize, columns: Vec<String>) -> Set {
        if self.is_plain_root(parent) {
            return Set::Keys(columns);
        }
        Set::In { columns, component: self.graph.tables[parent].component, of: parent }
    }

    /// Returns the rows of a table that belong to the cascade.
    fn members(&self, table: usize, qualifier: &str) -> Set {
        let mut edges = self.graph.edges_to(table);
        let own = self.graph.component_of(table).recursive || self.is_exact();
        if let (false, Some(edge), None) = (own, edges.next(), edges.next()) {
            return self.children(edge.parent, self.columns(qualifier, &edge.columns));
        }
        let columns = self.columns(qualifier, &self.graph.tables[table].node.key);
        Set::In { columns, component: self.graph.tables[table].component, of: table }
    }

    /// Returns `<keys> FROM set<n>`, the rest of a SELECT of the keys.
    fn select_keys(&self, component: usize, of: usize) -> String {
        self.select_keys_from(&format!("{SET}{component}"), component, of)
    }

    fn select_keys_from(&self, set: &str, component: usize, of: usize) -> String {
        let names = self.key_names(of);
        let several = self.graph.components[component].tables.len() > 1;
        let filter = if several { format!(" WHERE {} IS NOT NULL", names[0]) } else { String::new() };
        format!("{} FROM {set}{filter}", names.join(", "))
    }

    /// Returns the prefix of an assigned column. MySQL's UPDATE of several tables needs the name of the table.
    pub(super) fn assigned(&self, node: &Node) -> String {
        if self.dialect == Dialect::Mysql { format!("{}.", self.table(node)) } else { String::new() }
    }
}

pub(super) fn prefixed(qualifier: &str, names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("{qualifier}.{name}")).collect()
}

/// Returns `a = b AND c = d`.
pub(super) fn equal(left: &[String], right: &[String]) -> String {
    left.iter().zip(right).map(|(left, right)| format!("{left} = {right}")).collect::<Vec<_>>().join(" AND ")
}

/// Returns the columns of a table's key.
pub(super) fn key_of(qualifier: &str, node: &Node, dialect: Dialect) -> Vec<String> {
    node.key.iter().map(|column| format!("{qualifier}.{}", dialect.quote(column))).collect()
}

/// Returns a key as one text.
pub(super) fn shown(columns: &[String], dialect: Dialect) -> String {
    let ty = if dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
    let texts = columns.iter().map(|column| format!("CAST({column} AS {ty})")).collect::<Vec<_>>();
    match (texts.as_slice(), dialect) {
        ([text], _) => text.clone(),
        (texts, Dialect::Sqlite) => format!("'(' || {} || ')'", texts.join(" || ', ' || ")),
        (texts, _) => format!("CONCAT('(', {}, ')')", texts.join(", ', ', ")),
    }
}

/// Returns `a`, or `(a, b)`.
fn tuple(columns: &[String]) -> String {
    match columns {
        [column] => column.clone(),
        columns => format!("({})", columns.join(", ")),
    }
}
