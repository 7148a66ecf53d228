//! Whether a row that is to be restored stands below a soft-deleted one.
//!
//! All ancestors of the target's rows, in all tables and through tables that refer to themselves, are one set,
//! which a recursive query computes upwards. For each table of it there is one statement.

use std::collections::VecDeque;

use super::attempt::Attempt;
use super::graph::ROOT;
use super::operation::Mark;
use super::root::CascadeRoot;
use super::sql::{Traverse, equal, key_of, prefixed, shown};
use super::text::{Part, Text};
use crate::connection::Executor;
use crate::declare::{Node, Policy, Rows, declared_parents};
use crate::dialect::{Dialect, Lock};
use crate::error::Error;

/// The set of the ancestors.
const ABOVE: &str = "soft_delete_above";

/// The tables above a table: all that have it, or each other, as a child by `cascade` or `restrict`. The children of
/// `set_null` outlive their parents.
#[derive(Debug)]
pub(super) struct Above {
    /// The table itself only if it is above itself.
    tables: Vec<Node>,
    pub(super) steps: Vec<Step>,
    /// The tables, the furthest first: a delete locks from parents to children.
    order: Vec<usize>,
    /// Whether a row can have more ancestors than there are tables.
    pub(super) recursive: bool,
}

/// A foreign key, seen from the child; `None` is the table that everything is above.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) child: Option<usize>,
    columns: Vec<&'static str>,
    parent: usize,
}

impl Above {
    /// All tables above one, the nearest first.
    pub(super) fn of(from: &Node) -> Self {
        let parents: Vec<Node> = declared_parents().filter(|parent| parent.soft.is_some()).collect();
        let mut above = Self { tables: Vec::new(), steps: Vec::new(), order: Vec::new(), recursive: false };
        let mut open = VecDeque::from([(from.id, None)]);
        while let Some((id, child)) = open.pop_front() {
            // Of several deleted ancestors the nearest is named, and that is one of the same table, if any.
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
        // Whether one is a parent of the other, at whatever distance.
        let mut leads = vec![vec![false; count]; count];
        for step in &self.steps {
            if let Some(child) = step.child {
                leads[step.parent][child] = true;
            }
        }
        for over in 0..count {
            for from in 0..count {
                if leads[from][over] {
                    let further = leads[over].clone();
                    for (to, reached) in leads[from].iter_mut().enumerate() {
                        *reached |= further[to];
                    }
                }
            }
        }
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

/// Which of the ancestors are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AncestorCheck<'m> {
    /// All, of rows that are not locked yet: only to lock them, in the order in which a delete locks.
    LockOnly,
    /// Those in other tables than rows of the target, or what comes back with them.
    OutsideTheCascade,
    /// The others. Some of them may come back with the rows: those that an operation of this mark deleted.
    Inside(&'m Mark),
    /// The same, when everything has come back.
    InsideAtTheEnd,
}

impl<R, X> Attempt<'_, R, X>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    /// Where an ancestor's table is in the graph, if it can itself be reached from the root's rows.
    fn place_in_circle(&self, ancestor: &Node) -> Option<usize> {
        let circle = self.graph.component_of(ROOT);
        let place = circle.tables.iter().copied().find(|&table| self.node(table).id == ancestor.id);
        place.filter(|_| circle.recursive)
    }

    /// Refuses to restore rows below a deleted one.
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

    /// Deleted ancestors, one for each table; with `lock`, nobody can delete any meanwhile.
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
            // Rows are locked in the order of their keys. As the set is computed, the nearest comes first.
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

    /// The keys of the ancestors in one table, and whether each is deleted.
    fn deleted_ancestors(&self, table: usize, place: Option<usize>, asked: AncestorCheck<'_>, lock: bool) -> Text {
        let (d, node) = (self.dialect, &self.above.tables[table]);
        let ancestor = key_of("t", node, d);
        let names = self.names(table);
        // Or InnoDB would read the way up as it was at the first SELECT of the transaction. Rows that are not locked
        // yet are not locked here either: this is asked again.
        let reads =
            if lock && d == Dialect::Mysql && asked != AncestorCheck::LockOnly { Lock::Share } else { Lock::No };
        let mut with = Text::from("WITH RECURSIVE ");
        let mut deleted = Text::from("CASE WHEN ");
        if let Some(soft) = &node.soft {
            deleted = deleted.sql(soft.mode.text(Rows::Deleted, &format!("t.{}", d.quote(soft.state))));
        }
        if asked != AncestorCheck::InsideAtTheEnd && node.id == self.node(ROOT).id {
            deleted = deleted.sql(" AND NOT ").part(Part::Keys(ancestor.clone()));
        }
        if let (AncestorCheck::Inside(mark), Some(place)) = (asked, place) {
            // An ancestor that comes back along with the row is none that it stays below.
            let writer = self.writer(Traverse::ActiveOrRestorable(vec![mark.clone()]));
            with = with.then(writer.circle(reads)).sql(", ");
            deleted = deleted.sql(format!(" AND NOT {}", writer.in_circle(place, &ancestor)));
        }
        let with = with.then(self.above_set(reads)).sql(" ");
        // Each key is there once, since the others of its row are NULL.
        let set = if d == Dialect::Postgres {
            // It expects ten elements of an array, and of a recursive set so many that it would read the whole table.
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

    /// The names of a table's key in the set.
    fn names(&self, table: usize) -> Vec<String> {
        (0..self.above.tables[table].key.len()).map(|place| format!("a{table}_{place}")).collect()
    }

    /// `above (keys) AS (..)`: the keys of one table's row in each row of the set, NULL for the others.
    fn above_set(&self, reads: Lock) -> Text {
        let (d, above) = (self.dialect, self.above);
        let names = (0..above.tables.len()).flat_map(|table| self.names(table)).collect::<Vec<_>>().join(", ");
        let row = |own: usize| {
            let keys = above.tables.iter().enumerate().flat_map(|(place, node)| {
                if place == own {
                    return key_of("o", node, d);
                }
                // Of the right type.
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
                terms.push(Text::from(from).part(Part::Keys(key_of("t", root, d))).sql(lock));
                continue;
            };
            let (node, names) = (&above.tables[child], self.names(child));
            further.push((row, node.table.quoted(d), parents, equal(&key_of("t", node, d), &prefixed("p", &names))));
        }
        if d == Dialect::Postgres && further.len() > 1 {
            // PostgreSQL takes the set itself only once in its own definition.
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
    fn the_furthest_are_locked_first() {
        let above = Above::of(&Node::soft_deletable::<notes::table>());
        let names: Vec<String> = above.order.iter().map(|&table| above.tables[table].name()).collect();
        assert_eq!(names, ["grands", "threads", "notes"]);
        assert!(above.recursive);
        // The notes by two keys from the root, and again from themselves.
        assert_eq!(above.steps.len(), 5);
        let above = Above::of(&Node::soft_deletable::<threads::table>());
        assert_eq!((above.tables.len(), above.steps.len(), above.recursive), (1, 1, false));
    }
}
