//! Rows that a foreign key holds: those that another row refers to, and that the database therefore does not remove.

use crate::migration::{Action, Dialect, LiveTable, Reach};

/// The name that a referring row has in the statements of a job.
const CHILD: &str = "soft_delete_child";

/// A foreign key that can hold rows of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The referring table as SQL.
    table: String,
    /// Each column of the table with the child's that refers to it, as SQL.
    pairs: Vec<(String, String)>,
    is_to_itself: bool,
    /// The referenced columns, where a row that refers to itself can be removed: InnoDB refuses that.
    own_key: Vec<String>,
    /// The constraint, where the database names it.
    pub(super) constraint: Option<String>,
    /// The child and its columns, for people.
    shown: String,
}

/// Which of the eligible rows a statement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Held {
    /// All of them.
    #[default]
    Included,
    /// Those that no row refers to.
    LeftOut,
}

impl Reference {
    /// The foreign keys that hold rows of a table, as the catalog has them.
    ///
    /// Left out are those that the database follows (`ON DELETE CASCADE`) or ignores, and those that refer to a part of
    /// the table: a row in another part may have the same key and not be held.
    pub(super) fn of(dialect: Dialect, live: &LiveTable) -> Vec<Self> {
        if live.foreign_keys_off {
            return Vec::new();
        }
        let holds = live.references.iter().filter(|reference| {
            matches!(reference.on_delete, Action::Nothing | Action::Restrict) && reference.reaches == Reach::Whole
        });
        let references = holds.map(|reference| {
            let parents =
                if reference.parent_columns.is_empty() { &live.primary_key } else { &reference.parent_columns };
            let itself = reference.child == live.name;
            Self {
                table: reference.child.quoted(dialect),
                pairs: parents
                    .iter()
                    .zip(&reference.columns)
                    .map(|(parent, child)| (dialect.quote(parent), dialect.quote(child)))
                    .collect(),
                is_to_itself: itself,
                own_key: parents
                    .iter()
                    .filter(|_| itself && dialect != Dialect::Mysql)
                    .map(|column| dialect.quote(column))
                    .collect(),
                constraint: reference.constraint.clone(),
                shown: format!("`{}` ({})", reference.child.name, reference.columns.join(", ")),
            }
        });
        references.collect()
    }

    /// Whether MySQL must join it: it takes no subquery over the table that a statement changes.
    pub(super) fn is_to_itself(&self) -> bool {
        self.is_to_itself
    }

    /// The referring table, as SQL.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// A sentence for the report.
    pub(super) fn message(&self) -> String {
        format!("a row of {} refers to it", self.shown)
    }

    /// That a row `child` refers to the row of `table`.
    fn condition(&self, table: &str, child: &str) -> String {
        let pairs = self.pairs.iter().map(|(own, other)| format!("{table}.{own} = {child}.{other}"));
        let pairs = pairs.collect::<Vec<_>>().join(" AND ");
        if self.own_key.is_empty() {
            return pairs;
        }
        let others = self.own_key.iter().map(|column| format!("{table}.{column} <> {child}.{column}"));
        format!("{pairs} AND ({})", others.collect::<Vec<_>>().join(" OR "))
    }

    /// `EXISTS (SELECT 1 FROM ..)`: whether a row refers to the one of `table`.
    pub(super) fn exists(&self, table: &str) -> String {
        format!("EXISTS (SELECT 1 FROM {} AS {CHILD} WHERE {})", self.table, self.condition(table, CHILD))
    }

    /// MySQL: a join in which a row that nothing refers to has NULL, and the test for that.
    pub(super) fn outer_join(&self, table: &str, place: usize) -> (String, String) {
        let child = format!("{CHILD}_{place}");
        let first = self.pairs.first().map_or("", |(_, column)| column.as_str());
        let join = format!(" LEFT JOIN {} AS {child} ON {}", self.table, self.condition(table, &child));
        (join, format!("{child}.{first} IS NULL"))
    }
}
