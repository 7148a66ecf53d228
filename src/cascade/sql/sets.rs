//! The common table expressions that compute which rows belong to a cascade.

use super::{BELOW, PARENT, REACH, SET, SqlWriter, Traverse, equal, prefixed, tuple};
use crate::cascade::graph::{Edge, Parent, ROOT};
use crate::cascade::text::{Piece, Text};
use crate::declare::{Policy, Rows};
use crate::dialect::{Dialect, Lock};

impl SqlWriter<'_> {
    /// Returns the test that a row leads on to its children.
    pub(super) fn leads_on(&self, table: usize, qualifier: &str) -> Text {
        let soft = &self.graph.tables[table].soft;
        let active = Text::from(self.state(soft, Rows::Active, qualifier));
        let marks: Vec<Text> = match &self.traverse {
            Traverse::Active => Vec::new(),
            Traverse::ActiveOrMarked(mark) => {
                mark.on(soft, self.dialect).map(|marked| self.equals(qualifier, marked)).into_iter().collect()
            }
            Traverse::ActiveOrDeletedBy(marks) | Traverse::ActiveOrRestorable(marks) => {
                self.marked(table, marks, qualifier)
            }
        };
        if marks.is_empty() {
            return active;
        }
        Text::either(std::iter::once(active).chain(marks).collect())
    }

    /// Returns the test that a row does not have a deleted parent by one relation.
    pub(super) fn not_below(&self, parent: &Parent, qualifier: &str) -> String {
        let pairs = equal(&self.columns(PARENT, &parent.node.key), &self.columns(qualifier, &parent.columns));
        let deleted = self.state(&parent.soft, Rows::Deleted, PARENT);
        format!("NOT EXISTS (SELECT 1 FROM {} AS {PARENT} WHERE {pairs} AND {deleted})", self.table(&parent.node))
    }

    /// Returns the test that a deleted parent, `o`, is restored itself. It uses what is known where the children's set
    /// is computed.
    pub(super) fn comes_back(&self, table: usize, parent: &Parent, key: &[String]) -> Text {
        let Some(place) = parent.place else { return Text::new() };
        if self.is_plain_root(place) {
            return Text::new().part(Piece::Keys(key.to_vec()));
        }
        let (above, own) = (self.graph.tables[place].component, self.graph.tables[table].component);
        // The parentheses are needed: in one mode of MySQL, NOT binds more tightly than IN.
        let within =
            |set: &str| format!("({} IN (SELECT {}))", tuple(key), self.select_keys_from(set, above, place)).into();
        if above < own {
            return within(&format!("{SET}{above}"));
        }
        if parent.policy == Policy::Cascade {
            // The parent is in the same circle, and the next expression computes whether it stays deleted.
            return within(&self.reach(above));
        }
        // Only `restrict` can lead here from a later table, or within a circle. No set is known yet, so the mark has
        // to decide.
        let Traverse::ActiveOrRestorable(marks) = &self.traverse else { return Text::new() };
        let mut tests = self.marked(place, marks, "o");
        if place == ROOT {
            tests.push(Text::new().part(Piece::Keys(key.to_vec())));
        }
        if tests.is_empty() { Text::new() } else { Text::either(tests) }
    }

    /// Returns the name of the set of rows that can be reached.
    pub(super) fn reach(&self, place: usize) -> String {
        format!("{}{place}", if self.is_exact() { REACH } else { SET })
    }

    /// Returns the common table expressions that a set needs, with `WITH RECURSIVE`.
    pub(super) fn with(&self, component: usize, reads: Lock) -> Text {
        Text::from("WITH RECURSIVE ").then(self.sets(component, reads)).sql(" ")
    }

    /// Returns the common table expressions that a set needs.
    ///
    /// `reads` says how MySQL reads their rows. Without a lock InnoDB reads the transaction's snapshot, even if the
    /// statement around them locks.
    pub(super) fn sets(&self, component: usize, reads: Lock) -> Text {
        let reads = if self.dialect == Dialect::Mysql { reads } else { Lock::No };
        let mut needed = vec![false; self.graph.components.len()];
        needed[component] = true;
        for place in (0..=component).rev() {
            if needed[place] {
                for &table in &self.graph.components[place].tables {
                    for edge in self.graph.edges_to(table).filter(|edge| !self.is_plain_root(edge.parent)) {
                        needed[self.graph.tables[edge.parent].component] = true;
                    }
                    if self.is_exact() {
                        let parents = self.graph.tables[table].parents.iter().filter_map(|parent| parent.place);
                        for parent in parents.filter(|&parent| !self.is_plain_root(parent)) {
                            let component = self.graph.tables[parent].component;
                            needed[component] |= component < place;
                        }
                    }
                }
            }
        }
        let sets = (0..=component).filter(|&place| needed[place]).map(|place| self.expression(place, reads));
        Text::join(sets, ", ")
    }

    /// Returns `set<n> (keys) AS (..)`.
    pub(super) fn expression(&self, place: usize, reads: Lock) -> Text {
        let component = &self.graph.components[place];
        let names = component.tables.iter().flat_map(|&table| self.key_names(table)).collect::<Vec<_>>().join(", ");
        let incoming = || component.tables.iter().flat_map(|&table| self.graph.edges_to(table));
        let mut terms = Vec::new();
        if component.tables.contains(&ROOT) {
            let root = &self.graph.tables[ROOT].node;
            let keys = self.columns("t", &root.key);
            let base = format!("SELECT {} FROM {} AS t WHERE ", self.row(place, ROOT), self.table(root));
            terms.push(Text::from(base).part(Piece::Keys(keys)));
        }
        terms.extend(incoming().filter(|edge| !self.graph.is_inner(edge)).map(|edge| self.step(place, edge)));
        let inner: Vec<Text> =
            incoming().filter(|edge| self.graph.is_inner(edge)).map(|edge| self.step(place, edge)).collect();
        if self.dialect == Dialect::Postgres && inner.len() > 1 {
            // PostgreSQL allows only one reference to the set in its own definition.
            let steps = Text::join(inner, " UNION ALL ");
            let row = format!("SELECT next.* FROM {} AS p CROSS JOIN LATERAL (", self.reach(place));
            terms.push(Text::from(row).then(steps).sql(") AS next"));
        } else {
            terms.extend(inner);
        }
        let terms = terms.into_iter().map(|term| term.sql(reads.words(self.dialect))).collect();
        let set = Text::from(format!("{} ({names}) AS (", self.reach(place))).then(Text::union(terms, reads)).sql(")");
        if self.is_exact() { set.sql(", ").then(self.refined(place, &names, reads)) } else { set }
    }

    /// Returns the rows of a set that stay below a deleted row, and the set without them.
    ///
    /// "All parents are restored" would be a recursion over the negation of the set, which no database allows. So the
    /// query starts with the rows that have a deleted parent which is not restored. In a circle, it adds all rows below
    /// them.
    pub(super) fn refined(&self, place: usize, names: &str, reads: Lock) -> Text {
        let component = &self.graph.components[place];
        let (reach, below) = (self.reach(place), format!("{BELOW}{place}"));
        let join = self.join_word();
        // The target's rows are restored with any rows above them, since the ancestors are tested separately.
        let deleted = |table: usize| {
            let member = &self.graph.tables[table];
            let deleted = Text::from(self.state(&member.soft, Rows::Deleted, "t"));
            if table != ROOT {
                return deleted;
            }
            deleted.sql(" AND NOT ").part(Piece::Keys(self.columns("t", &member.node.key)))
        };
        let mut terms = Vec::new();
        for &table in &component.tables {
            let node = &self.graph.tables[table].node;
            let own = equal(&self.columns("t", &node.key), &prefixed("r", &self.key_names(table)));
            for parent in &self.graph.tables[table].parents {
                let key = self.columns("o", &parent.node.key);
                let pairs = equal(&key, &self.columns("t", &parent.columns));
                let (row, children, parents) = (self.row(place, table), self.table(node), self.table(&parent.node));
                let stays = self.state(&parent.soft, Rows::Deleted, "o");
                let from = format!(
                    "SELECT {row} FROM {} AS r {join} {children} AS t ON {own}",
                    self.pg_small_set(&reach, table)
                );
                let above = if self.dialect == Dialect::Postgres {
                    // OFFSET 0 makes PostgreSQL look up the one parent by its key, instead of reading all deleted
                    // rows of its table first.
                    format!(
                        "CROSS JOIN LATERAL (SELECT o.* FROM {parents} AS o WHERE {pairs} AND {stays} OFFSET 0) AS o WHERE"
                    )
                } else {
                    format!("{join} {parents} AS o ON {pairs} WHERE {stays} AND")
                };
                let term = Text::from(format!("{from} {above} "));
                let back = self.comes_back(table, parent, &key);
                let back = if back.is_empty() { back } else { Text::from(" AND NOT ").then(back) };
                terms.push(term.then(deleted(table)).then(back));
            }
        }
        let inner: Vec<&Edge> = self.graph.edges.iter().filter(|edge| self.is_inner_of(place, edge)).collect();
        let several = self.dialect == Dialect::Postgres && inner.len() > 1;
        let steps = inner.iter().map(|edge| {
            let child = &self.graph.tables[edge.child].node;
            let pairs = equal(&self.columns("t", &edge.columns), &prefixed("p", &self.key_names(edge.parent)));
            let (own, table) = (self.row(place, edge.child), self.table(child));
            let from = if several {
                format!("SELECT {own} FROM {table} AS t WHERE {pairs} AND ")
            } else {
                format!("SELECT {own} FROM {below} AS p {join} {table} AS t ON {pairs} WHERE ")
            };
            let reached = self.select_keys_from(&reach, place, edge.child);
            let keys = tuple(&self.columns("t", &child.key));
            Text::from(from).then(deleted(edge.child)).sql(format!(" AND {keys} IN (SELECT {reached})"))
        });
        if several {
            let row = format!("SELECT next.* FROM {below} AS p CROSS JOIN LATERAL (");
            terms.push(Text::from(row).then(Text::join(steps, " UNION ALL ")).sql(") AS next"));
        } else {
            terms.extend(steps);
        }
        let same = component.tables.iter().map(|&table| {
            let names = self.key_names(table);
            format!("({})", equal(&prefixed("b", &names), &prefixed("r", &names)))
        });
        let same = same.collect::<Vec<_>>().join(" OR ");
        let terms = terms.into_iter().map(|term| term.sql(reads.words(self.dialect))).collect();
        Text::from(format!("{below} ({names}) AS (")).then(Text::union(terms, reads)).sql(format!(
            "), {SET}{place} ({names}) AS (SELECT {names} FROM {reach} AS r \
             WHERE NOT EXISTS (SELECT 1 FROM {below} AS b WHERE {same}))"
        ))
    }

    /// Returns the keys of a table in a set, for a join.
    ///
    /// PostgreSQL expects a recursive set to be large and deleted rows to be few. So it would read all deleted rows
    /// first, and compile the query with JIT before. For an array it expects ten elements.
    pub(super) fn pg_small_set(&self, set: &str, table: usize) -> String {
        if self.dialect != Dialect::Postgres {
            return set.to_owned();
        }
        let names = self.key_names(table);
        let array = |name: &String| format!("ARRAY(SELECT {name} FROM {set} WHERE {} IS NOT NULL)", names[0]);
        let arrays = names.iter().map(array).collect::<Vec<_>>().join(", ");
        format!("(SELECT * FROM unnest({arrays}) AS u ({}))", names.join(", "))
    }

    pub(super) fn is_inner_of(&self, place: usize, edge: &Edge) -> bool {
        self.graph.is_inner(edge) && self.graph.tables[edge.child].component == place
    }

    /// Returns the key of one table's row, with NULLs of the right types for the other tables of its circle.
    pub(super) fn row(&self, place: usize, own: usize) -> String {
        let keys = self.graph.components[place].tables.iter().flat_map(|&table| {
            let node = &self.graph.tables[table].node;
            if table == own {
                return self.columns("t", &node.key);
            }
            let none = |column: &String| format!("(SELECT n.{column} FROM {} AS n WHERE 1 = 0)", self.table(node));
            node.key.iter().map(|column| none(&self.quote(column))).collect()
        });
        keys.collect::<Vec<_>>().join(", ")
    }

    /// Returns `SELECT <row> FROM <parents> JOIN <children> WHERE <they lead on>`.
    pub(super) fn step(&self, place: usize, edge: &Edge) -> Text {
        let child = &self.graph.tables[edge.child].node;
        let row = self.row(place, edge.child);
        let columns = self.columns("t", &edge.columns);
        if self.is_plain_root(edge.parent) {
            let start = format!("SELECT {row} FROM {} AS t WHERE ", self.table(child));
            return Text::from(start).part(Piece::Keys(columns)).sql(" AND ").then(self.leads_on(edge.child, "t"));
        }
        let pairs = equal(&columns, &prefixed("p", &self.key_names(edge.parent)));
        let from = if self.is_lateral(edge) {
            format!("SELECT {row} FROM {} AS t WHERE {pairs} AND ", self.table(child))
        } else {
            let component = self.graph.tables[edge.parent].component;
            let set = self.reach(component);
            let join = self.join_word();
            format!("SELECT {row} FROM {set} AS p {join} {} AS t ON {pairs} WHERE ", self.table(child))
        };
        Text::from(from).then(self.leads_on(edge.child, "t"))
    }

    /// Returns whether this step is one of several within a circle, which PostgreSQL needs in one LATERAL term.
    pub(super) fn is_lateral(&self, edge: &Edge) -> bool {
        let component = |edge: &Edge| self.graph.tables[edge.parent].component;
        let inner = self.graph.edges.iter().filter(|other| self.graph.is_inner(other));
        self.dialect == Dialect::Postgres
            && self.graph.is_inner(edge)
            && inner.filter(|other| component(other) == component(edge)).count() > 1
    }

    /// Returns the test that the root's rows lead to a row of the root's circle. The statement also needs
    /// [`circle`](Self::circle).
    pub(in crate::cascade) fn in_circle(&self, table: usize, columns: &[String]) -> String {
        let component = self.graph.tables[table].component;
        format!("({} IN (SELECT {}))", tuple(columns), self.select_keys(component, table))
    }

    /// Returns the set of the root's circle.
    pub(in crate::cascade) fn circle(&self, reads: Lock) -> Text {
        self.sets(self.graph.tables[ROOT].component, reads)
    }
}
