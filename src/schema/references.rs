//! Foreign keys of other rows as SQL conditions that test whether a row is referred to.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::QueryResult;

use super::catalog::{CatalogReference, CatalogTable};
use crate::dialect::Dialect;

/// The alias of a referring row in statements.
const CHILD: &str = "soft_delete_child";

/// A foreign key that refers to rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The referring table as SQL, with `ONLY` where the key does not cover inheriting tables.
    table: String,
    /// Each referenced column with the child's column that refers to it, as SQL.
    pairs: Vec<(String, String)>,
    /// PostgreSQL: the collation that the foreign key compares with, for each pair whose collations differ.
    collations: Vec<Option<String>>,
    is_to_itself: bool,
    /// The referenced columns, if a row that refers only to itself can be removed. InnoDB refuses to remove such a row.
    own_key: Vec<String>,
    /// The name of the constraint, if the database tells it.
    pub(crate) constraint: Option<String>,
    /// The child and its columns, for messages.
    shown: String,
}

impl Reference {
    /// Creates the reference from a foreign key of the catalog that refers to the table.
    pub(crate) fn new(dialect: Dialect, catalog: &CatalogTable, reference: &CatalogReference) -> Self {
        let parents =
            if reference.parent_columns.is_empty() { &catalog.primary_key } else { &reference.parent_columns };
        let is_to_itself = reference.child == catalog.name;
        let table = reference.child.quoted(dialect);
        // Tables that inherit from the child do not have its foreign key. Partitions have it.
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

    /// Returns whether the referring rows are in the table itself.
    pub(crate) fn is_to_itself(&self) -> bool {
        self.is_to_itself
    }

    /// Returns a query that fails if this user may not read the columns that [`exists`](Self::exists) reads.
    pub(crate) fn trial(&self) -> String {
        let columns = self.pairs.iter().map(|(_, column)| column.as_str()).collect::<Vec<_>>().join(", ");
        format!("(SELECT {columns} FROM {} WHERE 1 = 0) AS {CHILD}", self.table)
    }

    /// Returns a sentence for the report.
    pub(crate) fn message(&self) -> String {
        format!("a row of {} refers to it", self.shown)
    }

    /// Returns the condition that a row of `child` refers to the row of `table`.
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

    /// Returns `EXISTS (SELECT 1 FROM ..)`, which is true if a row refers to the row of `table`.
    pub(crate) fn exists(&self, table: &str) -> String {
        format!("EXISTS (SELECT 1 FROM {} AS {CHILD} WHERE {})", self.table, self.condition(table, CHILD))
    }

    /// Returns what a DELETE on MySQL and MariaDB joins, and the test that no row refers to the row of `table`.
    ///
    /// MySQL accepts no subquery over the table that it deletes from, and MariaDB does not have LATERAL. So both forms
    /// are written as comments that only one of them executes. The joined table has only the column
    /// `soft_delete_found`. So raw SQL of the app can still name columns without their table.
    fn outer_join(&self, table: &str, place: usize) -> (String, String) {
        let (exists, condition) = (self.exists(table), self.condition(table, CHILD));
        let found = format!("(SELECT 1 AS soft_delete_found FROM {} AS {CHILD} WHERE {condition} LIMIT 1)", self.table);
        let join = format!(" /*!80014 LEFT JOIN LATERAL {found} AS {CHILD}_{place} ON TRUE */");
        (join, format!("/*M! NOT {exists} */ /*!80014 {CHILD}_{place}.soft_delete_found IS NULL */"))
    }
}

/// How a DELETE leaves out the rows that other rows refer to.
#[derive(Debug, Default)]
pub struct Leaves {
    join: String,
    tests: Vec<String>,
}

impl Leaves {
    /// Creates the tests for the rows of a table, which is written as SQL.
    pub(crate) fn new<'r>(dialect: Dialect, table: &str, references: impl Iterator<Item = &'r Reference>) -> Self {
        let mut leaves = Self::default();
        for (place, reference) in references.enumerate() {
            // MySQL cannot read the table of a DELETE in a subquery, so it needs the join.
            if dialect == Dialect::Mysql && reference.is_to_itself {
                let (join, test) = reference.outer_join(table, place);
                leaves.join += &join;
                leaves.tests.push(test);
            } else {
                leaves.tests.push(format!("NOT {}", reference.exists(table)));
            }
        }
        leaves
    }

    /// Returns the tests. If all of them hold, no row refers to the row.
    pub(crate) fn tests(&self) -> &[String] {
        &self.tests
    }

    /// Writes `DELETE FROM posts`, together with the joins that the tests need.
    pub(crate) fn walk_delete_from<'b, T, DB>(&self, table: &'b T, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        T: QueryFragment<DB>,
    {
        out.push_sql("DELETE ");
        if !self.join.is_empty() {
            out.push_sql("/*!80014 ");
            table.walk_ast(out.reborrow())?;
            out.push_sql(" */ ");
        }
        out.push_sql("FROM ");
        table.walk_ast(out.reborrow())?;
        out.push_sql(&self.join);
        Ok(())
    }
}
