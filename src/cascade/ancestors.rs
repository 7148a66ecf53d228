//! Whether a row that is to be restored stands below a soft-deleted one.

use super::engine::Attempt;
use super::mark::Mark;
use super::plan::ROOT;
use super::root::CascadeRoot;
use super::spelling::{Through, equal, prefixed};
use super::text::{Part, Text};
use crate::error::Error;
use crate::executor::Executor;
use crate::migration::Dialect;
use crate::predicate::Rows;
use crate::relation::{Node, Policy, declared_parents};

/// A foreign key, seen from the child.
#[derive(Debug, Clone)]
pub(super) struct Up {
    columns: Vec<&'static str>,
    parent: Node,
}

/// All ways up from a table, the shortest first; none comes by a table twice. `set_null` is no such way: its
/// children outlive their parents.
pub(super) fn paths(from: &Node) -> Vec<Vec<Up>> {
    let parents: Vec<Node> = declared_parents().collect();
    let mut paths: Vec<Vec<Up>> = Vec::new();
    let mut open = vec![(from.id, Vec::<Up>::new())];
    while !open.is_empty() {
        let mut longer = Vec::new();
        for (child, path) in open {
            for parent in &parents {
                // A table that refers to itself is its own parent, but not its own grandparent.
                let been_there =
                    path.iter().any(|up| up.parent.id == parent.id) || (!path.is_empty() && parent.id == from.id);
                if been_there {
                    continue;
                }
                for relation in (parent.relations)() {
                    if relation.policy == Policy::SetNull || (relation.child)().id != child {
                        continue;
                    }
                    let columns = relation.columns.iter().map(|column| column.name).collect();
                    let mut path = path.clone();
                    path.push(Up { columns, parent: parent.clone() });
                    paths.push(path.clone());
                    if parent.id != child {
                        longer.push((parent.id, path));
                    }
                }
            }
        }
        open = longer;
    }
    paths
}

impl<R, X> Attempt<'_, R, X>
where
    X: Executor,
    R: CascadeRoot<X::Backend>,
{
    /// Whether the ancestors at the end of a path can themselves be reached from the root's rows.
    pub(super) fn is_inner(&self, path: &[Up]) -> bool {
        path.last().and_then(|up| self.place_in_circle(up)).is_some()
    }

    fn place_in_circle(&self, up: &Up) -> Option<usize> {
        let circle = self.plan.component_of(ROOT);
        let place = circle.tables.iter().copied().find(|&table| self.node(table).id == up.parent.id);
        place.filter(|_| circle.recursive)
    }

    /// Refuses to restore rows below a deleted one; with `lock`, nobody can delete the ancestors meanwhile.
    ///
    /// `marks` are those of the operations that are taken back.
    pub(super) async fn check_ancestors(
        &mut self,
        paths: &[Vec<Up>],
        keys: &[R::Key],
        marks: &[Mark],
        lock: bool,
    ) -> Result<(), Error> {
        for path in paths {
            let Some(text) = self.deleted_ancestors(path, marks, lock) else { continue };
            let rows = self.root.texts(self.x, &text, keys).await?;
            if let Some((key, _)) = rows.into_iter().find(|(_, deleted)| deleted.is_some()) {
                return Err(Error::BelowDeleted {
                    table: self.node(ROOT).name(),
                    ancestor: path.last().map_or_else(String::new, |up| up.parent.name()),
                    key: key.unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    /// The keys of the ancestors at the end of a path, and whether each is deleted.
    fn deleted_ancestors(&self, path: &[Up], marks: &[Mark], lock: bool) -> Option<Text> {
        let d = self.dialect;
        let quoted = |qualifier: &str, columns: &[&str]| -> Vec<String> {
            columns.iter().map(|column| format!("{qualifier}.{}", d.quote(column))).collect()
        };
        let key = |qualifier: &str, node: &Node| -> Vec<String> {
            node.key.iter().map(|column| format!("{qualifier}.{}", d.quote(column))).collect()
        };
        let (last, before) = path.split_last()?;
        let soft = last.parent.soft.as_ref()?;
        // The way up to the table before the last, whose foreign key names the ancestors.
        let names: Vec<String> = (0..last.columns.len()).map(|place| format!("k{place}")).collect();
        let foreign = quoted(&format!("t{}", before.len()), &last.columns);
        let list = foreign.iter().zip(&names).map(|(column, name)| format!("{column} AS {name}"));
        let list = list.collect::<Vec<_>>().join(", ");
        let mut inner = format!("SELECT DISTINCT {list} FROM {} AS t0", self.quoted(ROOT));
        for (place, up) in before.iter().enumerate() {
            let (child, parent) = (format!("t{place}"), format!("t{}", place + 1));
            let pairs = equal(&quoted(&child, &up.columns), &key(&parent, &up.parent));
            inner.push_str(&format!(" JOIN {} AS {parent} ON {pairs}", up.parent.table.quoted(d)));
        }
        let roots = key("t0", self.node(ROOT));
        let ancestor = key("t", &last.parent);
        let state = soft.mode.text(Rows::Deleted, &format!("t.{}", d.quote(soft.state)));
        // An ancestor that comes back along with the row is none that it stays below.
        let speller = self.speller(Through::OrRestorable(marks.to_vec()));
        let place = self.place_in_circle(last);
        let is_target = last.parent.id == self.node(ROOT).id;
        let mut deleted = Text::from(format!("CASE WHEN {state}"));
        if is_target {
            deleted = deleted.sql(" AND NOT ").part(Part::Keys(ancestor.clone()));
        }
        if let Some(place) = place {
            deleted = deleted.sql(format!(" AND NOT {}", speller.in_circle(place, &ancestor)));
        }
        let with = if place.is_some() { speller.with_circle() } else { Text::new() };
        let lock = match d {
            Dialect::Postgres if lock => " FOR SHARE OF t",
            Dialect::Mysql if lock => " LOCK IN SHARE MODE",
            _ => "",
        };
        let join = if d == Dialect::Mysql { "STRAIGHT_JOIN" } else { "JOIN" };
        let pairs = equal(&ancestor, &prefixed("d", &names));
        let text = with
            .sql(format!("SELECT {}, ", self.shown(&ancestor)))
            .then(deleted)
            .sql(" THEN '1' END FROM (")
            .sql(inner)
            .sql(" WHERE ")
            .part(Part::Keys(roots))
            // Or InnoDB would read it as it was at the first SELECT of the transaction.
            .sql(if d == Dialect::Mysql { lock } else { "" })
            .sql(format!(") AS d {join} {} AS t ON {pairs}{lock}", last.parent.table.quoted(d)));
        Some(text)
    }

    /// A key as one text.
    fn shown(&self, columns: &[String]) -> String {
        let ty = if self.dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
        let texts = columns.iter().map(|column| format!("CAST({column} AS {ty})")).collect::<Vec<_>>();
        match (texts.as_slice(), self.dialect) {
            ([text], _) => text.clone(),
            (texts, Dialect::Sqlite) => format!("'(' || {} || ')'", texts.join(" || ', ' || ")),
            (texts, _) => format!("CONCAT('(', {}, ')')", texts.join(", ', ', ")),
        }
    }
}
