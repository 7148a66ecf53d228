//! The statements of a cascade.
//!
//! Which rows of a table are meant is a set of keys that the database itself computes, starting from the
//! keys of the root's rows: one common table expression per table on the way, recursive where tables refer
//! to themselves or to each other in a circle. So the number of statements does not depend on the number
//! of rows, and children are found through the index of their foreign key.

use super::mark::Mark;
use super::plan::{Edge, Parent, Plan, ROOT, Side};
use super::text::{Part, Text};
use crate::declare::Rows;
use crate::declare::{Node, Policy, Soft};
use crate::dialect::Dialect;

/// What the names of the sets begin with; a table of the app's cannot have such a name by accident.
const SET: &str = "soft_delete_set_";
/// In a circle: what can be reached, and what of it stays below a deleted row. The set is what is left.
const REACH: &str = "soft_delete_reach_";
const BELOW: &str = "soft_delete_below_";
/// What stands beside a table that has no other name: no table of the app's may have this one.
const KEYS: &str = "soft_delete_keys";
const PARENT: &str = "soft_delete_parent";

/// Which rows lead on to their children.
#[derive(Debug, Clone)]
pub(super) enum Through {
    /// Active rows.
    Active,
    /// Active rows, and those that this operation has deleted: in a circle of tables.
    OrDeleted(Mark),
    /// Active rows, and those that one of these operations, on rows of the root, has deleted.
    OrMarked(Vec<Mark>),
    /// The same without rows that would stay below a deleted one, by whatever relation: those that come back.
    OrRestorable(Vec<Mark>),
}

/// How rows are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    No,
    Share,
    Update,
}

impl Lock {
    pub(super) fn words(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::No, _) | (_, Dialect::Sqlite) => "",
            (Self::Update, _) => " FOR UPDATE",
            (Self::Share, Dialect::Postgres) => " FOR SHARE",
            (Self::Share, Dialect::Mysql) => " LOCK IN SHARE MODE",
        }
    }
}

/// Writes the statements of one plan.
#[derive(Debug)]
pub(super) struct Speller<'p> {
    pub(super) plan: &'p Plan,
    pub(super) dialect: Dialect,
    pub(super) through: Through,
}

/// A set of rows of one table.
#[derive(Debug)]
enum Set {
    /// Those whose columns are one of the root's keys.
    Keys(Vec<String>),
    /// Those whose columns are in a common table expression.
    In { columns: Vec<String>, component: usize, of: usize },
}

impl Speller<'_> {
    fn quote(&self, name: &str) -> String {
        self.dialect.quote(name)
    }

    fn table(&self, node: &Node) -> String {
        node.table.quoted(self.dialect)
    }

    /// `<qualifier>."column"`, or the column alone.
    fn columns<S: AsRef<str>>(&self, qualifier: &str, columns: &[S]) -> Vec<String> {
        columns.iter().map(|column| format!("{qualifier}.{}", self.quote(column.as_ref()))).collect()
    }

    fn join_word(&self) -> &'static str {
        // MySQL and SQLite would read the child first, all of it, where they think the set is large.
        match self.dialect {
            Dialect::Mysql => "STRAIGHT_JOIN",
            Dialect::Sqlite => "CROSS JOIN",
            Dialect::Postgres => "JOIN",
        }
    }

    /// The test of the state of a row.
    pub(super) fn state(&self, soft: &Soft, rows: Rows, qualifier: &str) -> String {
        let column = self.quote(soft.state);
        let column = if qualifier.is_empty() { column } else { format!("{qualifier}.{column}") };
        soft.mode.text(rows, &column)
    }

    /// The test whether an operation on rows of the root has deleted a row.
    pub(super) fn restorable(&self, soft: &Soft, mark: &Mark, qualifier: &str) -> Option<Text> {
        let marked = mark.of_root(&self.plan.tables[ROOT].soft, soft, self.dialect);
        marked.map(|marked| self.equals(qualifier, marked))
    }

    fn equals(&self, qualifier: &str, (column, value): (&str, Text)) -> Text {
        Text::from(format!("{qualifier}.{} = ", self.quote(column))).then(value)
    }

    /// The rows that lead on.
    fn leads_on(&self, table: usize, qualifier: &str) -> Text {
        let soft = &self.plan.tables[table].soft;
        let active = Text::from(self.state(soft, Rows::Active, qualifier));
        let marks: Vec<Text> = match &self.through {
            Through::Active => Vec::new(),
            Through::OrDeleted(mark) => {
                mark.on(soft, self.dialect).map(|marked| self.equals(qualifier, marked)).into_iter().collect()
            }
            Through::OrMarked(marks) | Through::OrRestorable(marks) => self.marked(table, marks, qualifier),
        };
        if marks.is_empty() {
            return active;
        }
        Text::either(std::iter::once(active).chain(marks).collect())
    }

    fn marked(&self, table: usize, marks: &[Mark], qualifier: &str) -> Vec<Text> {
        let soft = &self.plan.tables[table].soft;
        marks.iter().filter_map(|mark| self.restorable(soft, mark, qualifier)).collect()
    }

    /// Whether what comes back is less than what can be reached.
    fn is_exact(&self) -> bool {
        matches!(self.through, Through::OrRestorable(_)) && self.plan.any_has_several_parents()
    }

    /// That a row has no deleted parent by one relation.
    fn not_below(&self, parent: &Parent, qualifier: &str) -> String {
        let pairs = equal(&self.columns(PARENT, &parent.node.key), &self.columns(qualifier, &parent.columns));
        let deleted = self.state(&parent.soft, Rows::Deleted, PARENT);
        format!("NOT EXISTS (SELECT 1 FROM {} AS {PARENT} WHERE {pairs} AND {deleted})", self.table(&parent.node))
    }

    /// Whether a deleted parent, `o`, comes back itself, as far as it is known where the children's set is made.
    fn comes_back(&self, table: usize, parent: &Parent, key: &[String]) -> Text {
        let Some(place) = parent.place else { return Text::new() };
        if self.is_plain_root(place) {
            return Text::new().part(Part::Keys(key.to_vec()));
        }
        let (above, own) = (self.plan.tables[place].component, self.plan.tables[table].component);
        // In parentheses: MySQL has a mode in which NOT binds closer than IN.
        let within =
            |set: &str| format!("({} IN (SELECT {}))", tuple(key), self.select_keys_from(set, above, place)).into();
        if above < own {
            return within(&format!("{SET}{above}"));
        }
        if parent.policy == Policy::Cascade {
            // Of the same circle: whether it stays is found out next.
            return within(&self.reach(above));
        }
        // Only `restrict` leads from a later table, or within a circle without being a way of the cascade. What the
        // marks say is as near as a query gets.
        let Through::OrRestorable(marks) = &self.through else { return Text::new() };
        let mut tests = self.marked(place, marks, "o");
        if place == ROOT {
            tests.push(Text::new().part(Part::Keys(key.to_vec())));
        }
        if tests.is_empty() { Text::new() } else { Text::either(tests) }
    }

    /// The name of a set where it is made.
    fn reach(&self, place: usize) -> String {
        format!("{}{place}", if self.is_exact() { REACH } else { SET })
    }

    /// The names of a table's key in the set of its component.
    fn key_names(&self, table: usize) -> Vec<String> {
        (0..self.plan.tables[table].node.key.len()).map(|place| format!("k{table}_{place}")).collect()
    }

    /// Whether rows that belong to a table can be told by the root's keys alone.
    fn is_plain_root(&self, table: usize) -> bool {
        table == ROOT && !self.plan.root_is_recursive()
    }

    /// The children of rows of `parent`, by these columns.
    fn children(&self, parent: usize, columns: Vec<String>) -> Set {
        if self.is_plain_root(parent) {
            return Set::Keys(columns);
        }
        Set::In { columns, component: self.plan.tables[parent].component, of: parent }
    }

    /// The rows of a table that belong to the cascade; those of the root itself are told by their keys.
    fn members(&self, table: usize, qualifier: &str) -> Set {
        let mut edges = self.plan.edges_to(table);
        let own = self.plan.component_of(table).recursive || self.is_exact();
        if let (false, Some(edge), None) = (own, edges.next(), edges.next()) {
            return self.children(edge.parent, self.columns(qualifier, &edge.columns));
        }
        let columns = self.columns(qualifier, &self.plan.tables[table].node.key);
        Set::In { columns, component: self.plan.tables[table].component, of: table }
    }

    /// `SELECT <keys> FROM set<n>`.
    fn select_keys(&self, component: usize, of: usize) -> String {
        self.select_keys_from(&format!("{SET}{component}"), component, of)
    }

    fn select_keys_from(&self, set: &str, component: usize, of: usize) -> String {
        let names = self.key_names(of);
        let several = self.plan.components[component].tables.len() > 1;
        let filter = if several { format!(" WHERE {} IS NOT NULL", names[0]) } else { String::new() };
        format!("{} FROM {set}{filter}", names.join(", "))
    }

    /// The common table expressions that a set needs, with `WITH`.
    fn with(&self, component: usize, reads: Lock) -> Text {
        Text::from("WITH RECURSIVE ").then(self.sets(component, reads)).sql(" ")
    }

    /// The same without the word. On MySQL `reads` is how their rows are read: without a lock InnoDB reads them as
    /// they were at the first SELECT of the transaction, whatever the statement around them does.
    fn sets(&self, component: usize, reads: Lock) -> Text {
        let reads = if self.dialect == Dialect::Mysql { reads } else { Lock::No };
        let mut needed = vec![false; self.plan.components.len()];
        needed[component] = true;
        for place in (0..=component).rev() {
            if needed[place] {
                for &table in &self.plan.components[place].tables {
                    for edge in self.plan.edges_to(table).filter(|edge| !self.is_plain_root(edge.parent)) {
                        needed[self.plan.tables[edge.parent].component] = true;
                    }
                    if self.is_exact() {
                        let parents = self.plan.tables[table].parents.iter().filter_map(|parent| parent.place);
                        for parent in parents.filter(|&parent| !self.is_plain_root(parent)) {
                            let component = self.plan.tables[parent].component;
                            needed[component] |= component < place;
                        }
                    }
                }
            }
        }
        let sets = (0..=component).filter(|&place| needed[place]).map(|place| self.expression(place, reads));
        Text::join(sets, ", ")
    }

    /// `set<n> (keys) AS (..)`.
    fn expression(&self, place: usize, reads: Lock) -> Text {
        let component = &self.plan.components[place];
        let names = component.tables.iter().flat_map(|&table| self.key_names(table)).collect::<Vec<_>>().join(", ");
        let incoming = || component.tables.iter().flat_map(|&table| self.plan.edges_to(table));
        let mut terms = Vec::new();
        if component.tables.contains(&ROOT) {
            let root = &self.plan.tables[ROOT].node;
            let keys = self.columns("t", &root.key);
            let base = format!("SELECT {} FROM {} AS t WHERE ", self.row(place, ROOT), self.table(root));
            terms.push(Text::from(base).part(Part::Keys(keys)));
        }
        terms.extend(incoming().filter(|edge| !self.plan.is_inner(edge)).map(|edge| self.step(place, edge)));
        let inner: Vec<Text> =
            incoming().filter(|edge| self.plan.is_inner(edge)).map(|edge| self.step(place, edge)).collect();
        if self.dialect == Dialect::Postgres && inner.len() > 1 {
            // PostgreSQL takes the set itself only once in its own definition.
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

    /// What of a set stays below a deleted row, and the set without it.
    ///
    /// "All parents come back" would name the set itself, negated, which no recursive query can. So it is the other
    /// way round: first the rows with a deleted parent that does not come back, then, in a circle, all below them.
    fn refined(&self, place: usize, names: &str, reads: Lock) -> Text {
        let component = &self.plan.components[place];
        let (reach, below) = (self.reach(place), format!("{BELOW}{place}"));
        let join = self.join_word();
        // Rows of the target come back whatever is above them.
        let deleted = |table: usize| {
            let member = &self.plan.tables[table];
            let deleted = Text::from(self.state(&member.soft, Rows::Deleted, "t"));
            if table != ROOT {
                return deleted;
            }
            deleted.sql(" AND NOT ").part(Part::Keys(self.columns("t", &member.node.key)))
        };
        let mut terms = Vec::new();
        for &table in &component.tables {
            let node = &self.plan.tables[table].node;
            let own = equal(&self.columns("t", &node.key), &prefixed("r", &self.key_names(table)));
            for parent in &self.plan.tables[table].parents {
                let key = self.columns("o", &parent.node.key);
                let pairs = equal(&key, &self.columns("t", &parent.columns));
                let (row, children, parents) = (self.row(place, table), self.table(node), self.table(&parent.node));
                let stays = self.state(&parent.soft, Rows::Deleted, "o");
                let from =
                    format!("SELECT {row} FROM {} AS r {join} {children} AS t ON {own}", self.few(&reach, table));
                let above = if self.dialect == Dialect::Postgres {
                    // OFFSET: the one parent by its key, and not all deleted rows of its table first.
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
        let inner: Vec<&Edge> = self.plan.edges.iter().filter(|edge| self.is_inner_of(place, edge)).collect();
        let several = self.dialect == Dialect::Postgres && inner.len() > 1;
        let steps = inner.iter().map(|edge| {
            let child = &self.plan.tables[edge.child].node;
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

    /// The keys of a table in a set, to be joined with tables.
    ///
    /// PostgreSQL thinks that a recursive set is large, and deleted rows are few: it would read all tables to find those
    /// first, and compile the query before. Of the elements of an array it expects ten.
    fn few(&self, set: &str, table: usize) -> String {
        if self.dialect != Dialect::Postgres {
            return set.to_owned();
        }
        let names = self.key_names(table);
        let array = |name: &String| format!("ARRAY(SELECT {name} FROM {set} WHERE {} IS NOT NULL)", names[0]);
        let arrays = names.iter().map(array).collect::<Vec<_>>().join(", ");
        format!("(SELECT * FROM unnest({arrays}) AS u ({}))", names.join(", "))
    }

    fn is_inner_of(&self, place: usize, edge: &Edge) -> bool {
        self.plan.is_inner(edge) && self.plan.tables[edge.child].component == place
    }

    /// The keys of one table's row, and NULL, of the right type, for those of the other tables of its circle.
    fn row(&self, place: usize, own: usize) -> String {
        let keys = self.plan.components[place].tables.iter().flat_map(|&table| {
            let node = &self.plan.tables[table].node;
            if table == own {
                return self.columns("t", &node.key);
            }
            let none = |column: &String| format!("(SELECT n.{column} FROM {} AS n WHERE 1 = 0)", self.table(node));
            node.key.iter().map(|column| none(&self.quote(column))).collect()
        });
        keys.collect::<Vec<_>>().join(", ")
    }

    /// `SELECT <row> FROM <parents> JOIN <children> WHERE <they lead on>`.
    fn step(&self, place: usize, edge: &Edge) -> Text {
        let child = &self.plan.tables[edge.child].node;
        let row = self.row(place, edge.child);
        let columns = self.columns("t", &edge.columns);
        if self.is_plain_root(edge.parent) {
            let start = format!("SELECT {row} FROM {} AS t WHERE ", self.table(child));
            return Text::from(start).part(Part::Keys(columns)).sql(" AND ").then(self.leads_on(edge.child, "t"));
        }
        let pairs = equal(&columns, &prefixed("p", &self.key_names(edge.parent)));
        let from = if self.is_lateral(edge) {
            format!("SELECT {row} FROM {} AS t WHERE {pairs} AND ", self.table(child))
        } else {
            let component = self.plan.tables[edge.parent].component;
            let set = self.reach(component);
            let join = self.join_word();
            format!("SELECT {row} FROM {set} AS p {join} {} AS t ON {pairs} WHERE ", self.table(child))
        };
        Text::from(from).then(self.leads_on(edge.child, "t"))
    }

    /// Whether a step stands beside others that start from the set of their own circle, on PostgreSQL.
    fn is_lateral(&self, edge: &Edge) -> bool {
        let component = |edge: &Edge| self.plan.tables[edge.parent].component;
        let inner = self.plan.edges.iter().filter(|other| self.plan.is_inner(other));
        self.dialect == Dialect::Postgres
            && self.plan.is_inner(edge)
            && inner.filter(|other| component(other) == component(edge)).count() > 1
    }

    /// `UPDATE <table> SET .. WHERE <guard> AND <in the set>`.
    fn update_set(&self, node: &Node, assignments: Text, guard: Text, set: Set, without_roots: bool) -> Text {
        let table = self.table(node);
        let except = if without_roots { self.not_roots(node) } else { Text::new() };
        match set {
            Set::Keys(columns) => Text::from(format!("UPDATE {table} SET "))
                .then(assignments)
                .sql(" WHERE ")
                .part(Part::Keys(columns))
                .sql(" AND ")
                .then(guard)
                .then(except),
            Set::In { columns, component, of } if self.dialect == Dialect::Mysql => {
                // MariaDB reads the whole child for `WHERE key IN (SELECT ..)`. DISTINCT keeps the set apart from
                // the statement: one that is merged into it must not read the table that it changes.
                let pairs = equal(&columns, &prefixed(KEYS, &self.key_names(of)));
                Text::from("UPDATE (")
                    .then(self.with(component, Lock::No))
                    .sql(format!(
                        "SELECT DISTINCT {}) AS {KEYS} STRAIGHT_JOIN {table} ON {pairs} SET ",
                        self.select_keys(component, of)
                    ))
                    .then(assignments)
                    .sql(" WHERE ")
                    .then(guard)
                    .then(except)
            }
            Set::In { columns, component, of } => self
                .with(component, Lock::No)
                .sql(format!("UPDATE {table} SET "))
                .then(assignments)
                .sql(" WHERE ")
                .then(guard)
                .sql(format!(" AND {} IN (SELECT {})", tuple(&columns), self.select_keys(component, of)))
                .then(except),
        }
    }

    /// The number of rows of a set as text; with `lock`, the rows are locked.
    fn count_set(&self, node: &Node, guard: Text, set: Set, without_roots: bool, lock: Lock) -> Text {
        let table = self.table(node);
        let except = if without_roots { self.not_roots(node) } else { Text::new() };
        let ty = if self.dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
        let count = format!("SELECT CAST(COUNT(*) AS {ty}), CAST(NULL AS {ty}) FROM ");
        let (with, from, condition) = match set {
            Set::Keys(columns) => {
                (Text::new(), Text::from(table.clone()), Text::new().part(Part::Keys(columns)).sql(" AND "))
            }
            Set::In { columns, component, of } if self.dialect == Dialect::Mysql => {
                let pairs = equal(&columns, &prefixed(KEYS, &self.key_names(of)));
                let keys = self.select_keys(component, of);
                let from = Text::from("(")
                    .then(self.with(component, lock))
                    .sql(format!("SELECT DISTINCT {keys}) AS {KEYS} STRAIGHT_JOIN {table} ON {pairs}"));
                (Text::new(), from, Text::new())
            }
            Set::In { columns, component, of } => {
                let condition = format!("{} IN (SELECT {}) AND ", tuple(&columns), self.select_keys(component, of));
                (self.with(component, lock), Text::from(table.clone()), condition.into())
            }
        };
        let condition = condition.then(guard).then(except);
        match self.dialect {
            // An aggregate cannot lock there; the order is that of every other cascade.
            Dialect::Postgres if lock != Lock::No => {
                let order = self.columns(&table, &node.key).join(", ");
                with.sql(format!("{count}(SELECT 1 FROM "))
                    .then(from)
                    .sql(" WHERE ")
                    .then(condition)
                    .sql(format!(" ORDER BY {order}{}) AS locked", lock.words(self.dialect)))
            }
            Dialect::Mysql if lock != Lock::No => {
                Text::from(count).then(from).sql(" WHERE ").then(condition).sql(lock.words(self.dialect))
            }
            _ => with.sql(count).then(from).sql(" WHERE ").then(condition),
        }
    }

    /// Locks, in share mode, the parents that the rows of a table which may come back have by one relation; deleted
    /// ones too, or another transaction could restore one, and the next delete it again.
    pub(super) fn lock_parents(&self, table: usize, parent: &Parent, guard: &Text) -> Text {
        let node = &self.plan.tables[table].node;
        let (component, names) = (self.plan.tables[table].component, self.key_names(table));
        let (own, key) = (self.columns("t", &node.key), self.columns("o", &parent.node.key));
        let foreign = self.columns("t", &parent.columns);
        let (parents, children) = (self.table(&parent.node), self.table(node));
        if self.dialect == Dialect::Mysql {
            let list = foreign.iter().enumerate().map(|(place, column)| format!("{column} AS f{place}"));
            let list = list.collect::<Vec<_>>().join(", ");
            let foreign: Vec<String> = (0..foreign.len()).map(|place| format!("d.f{place}")).collect();
            return Text::from("SELECT CAST(COUNT(*) AS CHAR), CAST(NULL AS CHAR) FROM (")
                .then(self.with(component, Lock::No))
                .sql(format!(
                    "SELECT DISTINCT {list} FROM {SET}{component} AS p STRAIGHT_JOIN {children} AS t ON {} WHERE ",
                    equal(&own, &prefixed("p", &names))
                ))
                .then(guard.clone())
                .sql(format!(") AS d STRAIGHT_JOIN {parents} AS o ON {}", equal(&key, &foreign)))
                .sql(Lock::Share.words(self.dialect));
        }
        self.with(component, Lock::No)
            .sql(format!(
                "SELECT CAST(COUNT(*) AS TEXT), CAST(NULL AS TEXT) FROM (SELECT 1 FROM {parents} AS o \
                 WHERE {} IN (SELECT {} FROM {children} AS t WHERE ",
                tuple(&key),
                foreign.join(", ")
            ))
            .then(guard.clone())
            .sql(format!(" AND {} IN (SELECT {})) ", tuple(&own), self.select_keys(component, table)))
            .sql(format!("ORDER BY {}{}) AS locked", key.join(", "), Lock::Share.words(self.dialect)))
    }

    fn not_roots(&self, node: &Node) -> Text {
        let keys = self.columns(&self.table(node), &node.key);
        Text::from(" AND NOT ").part(Part::Keys(keys))
    }

    /// Changes the rows of a table that belong to the cascade, without the root's own.
    pub(super) fn update(&self, table: usize, assignments: Text, guard: Text) -> Text {
        let node = &self.plan.tables[table].node;
        self.update_set(node, assignments, guard, self.members(table, &self.table(node)), table == ROOT)
    }

    /// Changes the rows of a table that one relation leads to.
    pub(super) fn update_by(&self, edge: &Edge, assignments: Text, guard: Text) -> Text {
        let node = &self.plan.tables[edge.child].node;
        let set = self.children(edge.parent, self.columns(&self.table(node), &edge.columns));
        self.update_set(node, assignments, guard, set, false)
    }

    /// The same, but for rows that have a deleted parent. `guard` is told what qualifies its columns.
    pub(super) fn update_ready(&self, edge: &Edge, assignments: Text, guard: impl Fn(&str) -> Text) -> Text {
        let node = &self.plan.tables[edge.child].node;
        let table = self.table(node);
        let ready = |qualifier: &str| {
            let parents = self.plan.tables[edge.child].parents.iter();
            parents.fold(guard(qualifier), |ready, parent| ready.sql(" AND ").sql(self.not_below(parent, qualifier)))
        };
        if self.dialect != Dialect::Mysql {
            let set = self.children(edge.parent, self.columns(&table, &edge.columns));
            return self.update_set(node, assignments, ready(&table), set, false);
        }
        // MySQL takes no subquery of the table that it changes, unless it is one that it must evaluate before.
        let (own, foreign) = (self.columns("t", &node.key), self.columns("t", &edge.columns));
        let names: Vec<String> = (0..own.len()).map(|place| format!("j{place}")).collect();
        let list = own.iter().zip(&names).map(|(column, name)| format!("{column} AS {name}"));
        let list = list.collect::<Vec<_>>().join(", ");
        let from = match self.children(edge.parent, foreign) {
            Set::Keys(columns) => Text::from(format!("SELECT DISTINCT {list} FROM {table} AS t WHERE "))
                .part(Part::Keys(columns))
                .sql(" AND "),
            Set::In { columns, component, of } => {
                let pairs = equal(&columns, &prefixed("p", &self.key_names(of)));
                let from = format!(
                    "SELECT DISTINCT {list} FROM {SET}{component} AS p STRAIGHT_JOIN {table} AS t ON {pairs} WHERE "
                );
                self.with(component, Lock::No).sql(from)
            }
        };
        let pairs = equal(&self.columns(&table, &node.key), &prefixed(KEYS, &names));
        Text::from("UPDATE (")
            .then(from)
            .then(ready("t"))
            .sql(format!(") AS {KEYS} STRAIGHT_JOIN {table} ON {pairs} SET "))
            .then(assignments)
            .sql(" WHERE ")
            .then(guard(&table))
    }

    /// Whether a row of a table of the root's circle is reached from the root's rows.
    ///
    /// Beside [`circle`](Self::circle).
    pub(super) fn in_circle(&self, table: usize, columns: &[String]) -> String {
        let component = self.plan.tables[table].component;
        format!("({} IN (SELECT {}))", tuple(columns), self.select_keys(component, table))
    }

    /// The set of the root's circle.
    pub(super) fn circle(&self, reads: Lock) -> Text {
        self.sets(self.plan.tables[ROOT].component, reads)
    }

    /// Counts them, or locks them.
    pub(super) fn count(&self, table: usize, guard: Text, lock: Lock) -> Text {
        let node = &self.plan.tables[table].node;
        self.count_set(node, guard, self.members(table, &self.table(node)), table == ROOT, lock)
    }

    fn side_set(&self, side: &Side) -> Set {
        let columns: Vec<&str> = side.columns.iter().map(|column| column.name).collect();
        self.children(side.parent, self.columns(&self.table(&side.child), &columns))
    }

    fn side_guard(&self, side: &Side) -> Text {
        match &side.child.soft {
            Some(soft) => self.state(soft, Rows::Active, &self.table(&side.child)).into(),
            None => "1 = 1".into(),
        }
    }

    /// Counts the live children that a relation without cascade has.
    pub(super) fn count_side(&self, side: &Side, lock: Lock) -> Text {
        self.count_set(&side.child, self.side_guard(side), self.side_set(side), false, lock)
    }

    /// Takes their reference from them.
    pub(super) fn unlink(&self, side: &Side, touch: Option<Text>) -> Text {
        let qualifier = self.assigned(&side.child);
        let nulls = side.columns.iter().filter(|column| column.nullable);
        let nulls = nulls.map(|column| Text::from(format!("{qualifier}{} = NULL", self.quote(column.name))));
        let assignments = Text::join(nulls.chain(touch), ", ");
        self.update_set(&side.child, assignments, self.side_guard(side), self.side_set(side), false)
    }

    /// What stands before an assigned column: MySQL's UPDATE of several tables needs the table.
    pub(super) fn assigned(&self, node: &Node) -> String {
        if self.dialect == Dialect::Mysql { format!("{}.", self.table(node)) } else { String::new() }
    }
}

pub(super) fn prefixed(qualifier: &str, names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("{qualifier}.{name}")).collect()
}

/// `a = b AND c = d`.
pub(super) fn equal(left: &[String], right: &[String]) -> String {
    left.iter().zip(right).map(|(left, right)| format!("{left} = {right}")).collect::<Vec<_>>().join(" AND ")
}

/// The columns of a table's key.
pub(super) fn key_of(qualifier: &str, node: &Node, dialect: Dialect) -> Vec<String> {
    node.key.iter().map(|column| format!("{qualifier}.{}", dialect.quote(column))).collect()
}

/// A key as one text.
pub(super) fn shown(columns: &[String], dialect: Dialect) -> String {
    let ty = if dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
    let texts = columns.iter().map(|column| format!("CAST({column} AS {ty})")).collect::<Vec<_>>();
    match (texts.as_slice(), dialect) {
        ([text], _) => text.clone(),
        (texts, Dialect::Sqlite) => format!("'(' || {} || ')'", texts.join(" || ', ' || ")),
        (texts, _) => format!("CONCAT('(', {}, ')')", texts.join(", ', ', ")),
    }
}

/// `a`, or `(a, b)`.
fn tuple(columns: &[String]) -> String {
    match columns {
        [column] => column.clone(),
        columns => format!("({})", columns.join(", ")),
    }
}
