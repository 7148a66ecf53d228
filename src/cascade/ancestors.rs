//! Finds out whether a row that is to be restored is below a deleted one.
//!
//! A recursive query computes all ancestors of the target's rows as one set, upwards through all tables. One
//! statement for each table then tests and locks its rows of the set.

use std::collections::VecDeque;

use super::attempt::Attempt;
use super::graph::ROOT;
use super::operation::Mark;
use super::root::CascadeRoot;
use super::sql::{Traverse, equal, key_of, prefixed, shown};
use super::text::{Piece, Text};
use crate::connection::Executor;
use crate::declare::{Node, Policy, Rows, declared_parents};
use crate::dialect::{Dialect, Lock};
use crate::error::Error;

/// The name of the set of ancestors.
const ABOVE: &str = "soft_delete_above";

/// The tables above a table by `cascade` or `restrict`, at any distance. `set_null` does not count, since its
/// children outlive their parents.
#[derive(Debug)]
pub(super) struct Above {
    /// The tables. The first table itself is among them only if it refers to itself, directly or not.
    tables: Vec<Node>,
    pub(super) steps: Vec<Step>,
    /// The tables from the furthest to the nearest, since a delete locks from parents to children.
    order: Vec<usize>,
    /// Whether a row can have more ancestors than there are tables.
    pub(super) recursive: bool,
}

/// A foreign key, seen from the child. The child `None` is the table of the target.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) child: Option<usize>,
    columns: Vec<&'static str>,
    parent: usize,
}

impl Above {
    /// Returns all tables above a table, the nearest first.
    pub(super) fn of(from: &Node) -> Self {
        let parents: Vec<Node> = declared_parents().filter(|parent| parent.soft.is_some()).collect();
        let mut above = Self { tables: Vec::new(), steps: Vec::new(), order: Vec::new(), recursive: false };
        let mut open = VecDeque::from([(from.id, None)]);
        while let Some((id, child)) = open.pop_front() {
            // An error names the nearest deleted ancestor, which is in the same table if there is one.
            let itself = parents.iter().filter(|parent| parent.id == id);
            for parent in itself.chain(parents.iter().filter(|parent| parent.id != id)) {
                for relation in (parent.relations)() {
                    if relation.policy == Policy::SetNull || (relation.child)().id != id {
                        continue;
                    }
                    let place = above.tables.iter().position(|table| table.id == parent.id);
                    let parent = place.unwrap_or_else(|| {
                        above.tables.push(parent.clone());
                        open.push_back((parent.id, Some(above.tables.len() - 1)));
                        above.tables.len() - 1
                    });
                    let columns = relation.columns.iter().map(|column| column.name).collect();
                    above.steps.push(Step { child, columns, parent });
                }
            }
        }
        above.sort();
        above
    }

    fn sort(&mut self) {
        let count = self.tables.len();
        // Which table is a parent of which other one, at any distance. Each table between them is an ancestor too.
        let policies = [Policy::Cascade, Policy::Restrict];
        let below: Vec<_> = self.tables.iter().map(|table| table.descendants(&policies)).collect();
        let leads: Vec<Vec<bool>> =
            below.iter().map(|below| self.tables.iter().map(|table| below.contains(&table.id)).collect()).collect();
        self.recursive = (0..count).any(|table| leads[table][table]);
        let mut left: Vec<usize> = (0..count).collect();
        while !left.is_empty() {
            let ready = |&&table: &&usize| left.iter().all(|&other| !leads[other][table] || leads[table][other]);
            let first = left.iter().filter(ready).min_by_key(|&&table| self.tables[table].name()).copied();
            let first = first.unwrap_or(left[0]);
            self.order.push(first);
            left.retain(|&table| table != first);
        }
    }
}

/// Which ancestors a query tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AncestorCheck<'m> {
    /// All ancestors of rows that are not locked yet. They are only locked, in the order in which a delete locks.
    LockOnly,
    /// The ancestors in tables that the cascade itself does not restore.
    OutsideTheCascade,
    /// The other ancestors. Those that an operation with this mark deleted may be restored too, so they do not count.
    Inside(&'m Mark),
    /// The other ancestors, tested after everything is restored.
    InsideAtTheEnd,
}

impl<R, X> Attempt<'_, R, X>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    /// Returns the place of an ancestor's table in the graph, if the cascade can restore its rows.
    fn place_in_circle(&self, ancestor: &Node) -> Option<usize> {
        let circle = self.graph.component_of(ROOT);
        let place = circle.tables.iter().copied().find(|&table| self.node(table).id == ancestor.id);
        place.filter(|_| circle.recursive)
    }

    /// Returns an error if there is a deleted ancestor.
    pub(super) fn below_none(&self, deleted: impl IntoIterator<Item = (usize, String)>) -> Result<(), Error> {
        match deleted.into_iter().min() {
            None => Ok(()),
            Some((table, key)) => Err(Error::BelowDeleted {
                table: self.node(ROOT).name(),
                ancestor: self.above.tables[table].name(),
                key,
            }),
        }
    }

    /// Returns the deleted ancestors, at most one for each table.
    ///
    /// With `lock`, no other transaction can delete an ancestor until the end of this transaction.
    pub(super) async fn ancestors(
        &mut self,
        asked: AncestorCheck<'_>,
        keys: &[R::Key],
        lock: bool,
    ) -> Result<Vec<(usize, String)>, Error> {
        let above = self.above;
        let is_asked = match asked {
            AncestorCheck::LockOnly => [true, true],
            AncestorCheck::OutsideTheCascade => [true, false],
            AncestorCheck::Inside(_) | AncestorCheck::InsideAtTheEnd => [false, true],
        };
        let mut deleted = Vec::new();
        for &table in &above.order {
            let node = &above.tables[table];
            let place = self.place_in_circle(node);
            let is_inner = place.is_some() || node.id == self.node(ROOT).id;
            if !is_asked[usize::from(is_inner)] {
                continue;
            }
            let text = self.deleted_ancestors(table, place, asked, lock);
            let Some(found) = self.first_deleted(&text, keys).await? else { continue };
            // The locking query returns rows in the order of their keys. The query without an order returns the nearest
            // first.
            let text = self.deleted_ancestors(table, place, asked, false);
            let nearest = if lock { self.first_deleted(&text, keys).await? } else { None };
            deleted.push((table, nearest.unwrap_or(found)));
        }
        Ok(deleted)
    }

    async fn first_deleted(&mut self, text: &Text, keys: &[R::Key]) -> Result<Option<String>, Error> {
        let rows = self.root.texts(self.x, text, keys).await?;
        let found = rows.into_iter().find(|(_, deleted)| deleted.is_some());
        Ok(found.map(|(key, _)| key.unwrap_or_default()))
    }

    /// Returns a SELECT of the ancestors in one table that also tells whether each is deleted.
    fn deleted_ancestors(&self, table: usize, place: Option<usize>, asked: AncestorCheck<'_>, lock: bool) -> Text {
        let (d, node) = (self.dialect, &self.above.tables[table]);
        let ancestor = key_of("t", node, d);
        let names = self.names(table);
        // Without a lock, InnoDB would read the way up from the transaction's snapshot. `LockOnly` does not need one,
        // since the question is asked again.
        let reads =
            if lock && d == Dialect::Mysql && asked != AncestorCheck::LockOnly { Lock::Share } else { Lock::No };
        let mut with = Text::from("WITH RECURSIVE ");
        let mut deleted = Text::from("CASE WHEN ");
        if let Some(soft) = &node.soft {
            deleted = deleted.sql(soft.mode.text(Rows::Deleted, &format!("t.{}", d.quote(soft.state))));
        }
        if asked != AncestorCheck::InsideAtTheEnd && node.id == self.node(ROOT).id {
            deleted = deleted.sql(" AND NOT ").part(Piece::Keys(ancestor.clone()));
        }
        if let (AncestorCheck::Inside(mark), Some(place)) = (asked, place) {
            // An ancestor that is restored along with the row does not keep it deleted.
            let writer = self.writer(Traverse::ActiveOrRestorable(vec![mark.clone()]));
            with = with.then(writer.circle(reads)).sql(", ");
            deleted = deleted.sql(format!(" AND NOT {}", writer.in_circle(place, &ancestor)));
        }
        let with = with.then(self.above_set(reads)).sql(" ");
        // Each key is in one row of the set, and the other columns of that row are NULL.
        let set = if d == Dialect::Postgres {
            // PostgreSQL expects ten elements in an array. It expects so many rows of a recursive set that it would
            // read the whole table.
            let array = |name: &String| format!("ARRAY(SELECT {name} FROM {ABOVE} WHERE {} IS NOT NULL)", names[0]);
            let arrays = names.iter().map(array).collect::<Vec<_>>().join(", ");
            format!("unnest({arrays}) AS d ({}) JOIN", names.join(", "))
        } else {
            let join = if d == Dialect::Mysql { "STRAIGHT_JOIN" } else { "CROSS JOIN" };
            format!("(SELECT {} FROM {ABOVE} WHERE {} IS NOT NULL) AS d {join}", names.join(", "), names[0])
        };
        let order = if lock { format!(" ORDER BY {}", ancestor.join(", ")) } else { String::new() };
        let words = match d {
            Dialect::Postgres if lock => " FOR SHARE OF t",
            Dialect::Mysql if lock => Lock::Share.words(self.dialect),
            _ => "",
        };
        with.sql(format!("SELECT {}, ", shown(&ancestor, d))).then(deleted).sql(format!(
            " THEN '1' END FROM {set} {} AS t ON {}{order}{words}",
            node.table.quoted(d),
            equal(&ancestor, &prefixed("d", &names))
        ))
    }

    /// Returns the names of a table's key columns in the set.
    fn names(&self, table: usize) -> Vec<String> {
        (0..self.above.tables[table].key.len()).map(|place| format!("a{table}_{place}")).collect()
    }

    /// Returns `above (keys) AS (..)`. Each row of the set has the key of one table, and NULL in the columns of the
    /// others.
    fn above_set(&self, reads: Lock) -> Text {
        let (d, above) = (self.dialect, self.above);
        let names = (0..above.tables.len()).flat_map(|table| self.names(table)).collect::<Vec<_>>().join(", ");
        let row = |own: usize| {
            let keys = above.tables.iter().enumerate().flat_map(|(place, node)| {
                if place == own {
                    return key_of("o", node, d);
                }
                // A scalar subquery without rows is a NULL of the column's type.
                let table = node.table.quoted(d);
                let none = |column: &String| format!("(SELECT n.{column} FROM {table} AS n WHERE 1 = 0)");
                node.key.iter().map(|column| none(&d.quote(column))).collect()
            });
            keys.collect::<Vec<_>>().join(", ")
        };
        let join = match d {
            Dialect::Postgres => "JOIN",
            Dialect::Mysql => "STRAIGHT_JOIN",
            Dialect::Sqlite => "CROSS JOIN",
        };
        let parents = |step: &Step| {
            let node = &above.tables[step.parent];
            let foreign: Vec<String> = step.columns.iter().map(|column| format!("t.{}", d.quote(column))).collect();
            format!("{} AS o ON {}", node.table.quoted(d), equal(&key_of("o", node, d), &foreign))
        };
        let lock = reads.words(d);
        let mut terms = Vec::new();
        let mut further = Vec::new();
        for step in &above.steps {
            let (row, parents) = (row(step.parent), parents(step));
            let Some(child) = step.child else {
                let root = self.node(ROOT);
                let from = format!("SELECT {row} FROM {} AS t {join} {parents} WHERE ", root.table.quoted(d));
                terms.push(Text::from(from).part(Piece::Keys(key_of("t", root, d))).sql(lock));
                continue;
            };
            let (node, names) = (&above.tables[child], self.names(child));
            further.push((row, node.table.quoted(d), parents, equal(&key_of("t", node, d), &prefixed("p", &names))));
        }
        if d == Dialect::Postgres && further.len() > 1 {
            // PostgreSQL allows only one reference to the set in its own definition.
            let steps = further.iter().map(|(row, children, parents, pairs)| {
                format!("SELECT {row} FROM {children} AS t {join} {parents} WHERE {pairs}")
            });
            let steps = steps.collect::<Vec<_>>().join(" UNION ALL ");
            terms.push(Text::from(format!("SELECT next.* FROM {ABOVE} AS p CROSS JOIN LATERAL ({steps}) AS next")));
        } else {
            terms.extend(further.iter().map(|(row, children, parents, pairs)| {
                Text::from(format!(
                    "SELECT {row} FROM {ABOVE} AS p {join} {children} AS t ON {pairs} {join} {parents}{lock}"
                ))
            }));
        }
        Text::from(format!("{ABOVE} ({names}) AS (")).then(Text::union(terms, reads)).sql(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    diesel::table! { grands { id -> Integer, is_deleted -> Bool } }
    diesel::table! { threads { id -> Integer, grand -> Integer, is_deleted -> Bool } }
    diesel::table! { notes { id -> Integer, thread -> Integer, reply_to -> Nullable<Integer>, is_deleted -> Bool } }
    crate::soft_deletable! {
        grands { flag = is_deleted, cascade(threads(grand)) }
        threads { flag = is_deleted, cascade(notes(thread)) }
        notes { flag = is_deleted, cascade(notes(reply_to)) }
    }
    diesel::allow_tables_to_appear_in_same_query!(grands, threads, notes);

    #[test]
    fn the_furthest_ancestors_are_locked_first() {
        let above = Above::of(&Node::soft_deletable::<notes::table>());
        let names: Vec<String> = above.order.iter().map(|&table| above.tables[table].name()).collect();
        assert_eq!(names, ["grands", "threads", "notes"]);
        assert!(above.recursive);
        // Notes are reached by two keys from the root, and again from themselves.
        assert_eq!(above.steps.len(), 5);
        let above = Above::of(&Node::soft_deletable::<threads::table>());
        assert_eq!((above.tables.len(), above.steps.len(), above.recursive), (1, 1, false));
    }
}
