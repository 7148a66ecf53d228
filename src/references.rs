//! Foreign keys of other rows, as conditions: whether a row is referred to.

use crate::migration::{Dialect, LiveReference, LiveTable};

/// The name that a referring row has in statements.
const CHILD: &str = "soft_delete_child";

/// A foreign key that refers to rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The referring table as SQL.
    table: String,
    /// Each column of the table with the child's that refers to it, as SQL.
    pairs: Vec<(String, String)>,
    /// PostgreSQL: the collation that the foreign key compares with, for each pair whose own differ.
    collations: Vec<Option<String>>,
    is_to_itself: bool,
    /// The referenced columns, where a row that refers to itself can be removed: InnoDB refuses that.
    own_key: Vec<String>,
    /// The constraint, where the database names it.
    pub(crate) constraint: Option<String>,
    /// The child and its columns, for people.
    shown: String,
}

impl Reference {
    /// A foreign key of the catalog that refers to a table.
    pub(crate) fn new(dialect: Dialect, live: &LiveTable, reference: &LiveReference) -> Self {
        let parents = if reference.parent_columns.is_empty() { &live.primary_key } else { &reference.parent_columns };
        let is_to_itself = reference.child == live.name;
        let table = reference.child.quoted(dialect);
        // What inherits from the child has no such foreign key; partitions have.
        let is_alone = dialect == Dialect::Postgres && !reference.child_is_partitioned;
        Self {
            table: if is_alone { format!("ONLY {table}") } else { table },
            pairs: parents
                .iter()
                .zip(&reference.columns)
                .map(|(parent, child)| (dialect.quote(parent), dialect.quote(child)))
                .collect(),
            collations: reference.collations.clone(),
            is_to_itself,
            own_key: parents
                .iter()
                .filter(|_| is_to_itself && dialect != Dialect::Mysql)
                .map(|column| dialect.quote(column))
                .collect(),
            constraint: reference.constraint.clone(),
            shown: format!("`{}` ({})", reference.child.name, reference.columns.join(", ")),
        }
    }

    /// Whether MySQL must join it: it takes no subquery over the table that a statement changes.
    pub(crate) fn is_to_itself(&self) -> bool {
        self.is_to_itself
    }

    /// A query that fails if this user may not read what [`exists`](Self::exists) does.
    pub(crate) fn trial(&self) -> String {
        let columns = self.pairs.iter().map(|(_, column)| column.as_str()).collect::<Vec<_>>().join(", ");
        format!("(SELECT {columns} FROM {} WHERE 1 = 0) AS {CHILD}", self.table)
    }

    /// A sentence for the report.
    pub(crate) fn message(&self) -> String {
        format!("a row of {} refers to it", self.shown)
    }

    /// That a row `child` refers to the row of `table`.
    fn condition(&self, table: &str, child: &str) -> String {
        let collate = |place| match self.collations.get(place) {
            Some(Some(collation)) => format!(" COLLATE {collation}"),
            _ => String::new(),
        };
        let pair = |(place, (own, other)): (usize, &(String, String))| {
            format!("{table}.{own} = {child}.{other}{}", collate(place))
        };
        let pairs = self.pairs.iter().enumerate().map(pair).collect::<Vec<_>>().join(" AND ");
        if self.own_key.is_empty() {
            return pairs;
        }
        let others = self.own_key.iter().map(|column| format!("{table}.{column} <> {child}.{column}"));
        format!("{pairs} AND ({})", others.collect::<Vec<_>>().join(" OR "))
    }

    /// `EXISTS (SELECT 1 FROM ..)`: whether a row refers to the one of `table`.
    pub(crate) fn exists(&self, table: &str) -> String {
        format!("EXISTS (SELECT 1 FROM {} AS {CHILD} WHERE {})", self.table, self.condition(table, CHILD))
    }

    /// MySQL: a join in which a row that nothing refers to has NULL, and the test for that.
    pub(crate) fn outer_join(&self, table: &str, place: usize) -> (String, String) {
        let child = format!("{CHILD}_{place}");
        let first = self.pairs.first().map_or("", |(_, column)| column.as_str());
        let join = format!(" LEFT JOIN {} AS {child} ON {}", self.table, self.condition(table, &child));
        (join, format!("{child}.{first} IS NULL"))
    }
}
