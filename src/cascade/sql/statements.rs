//! The statements that count, lock and change the rows of a cascade.

use super::{KEYS, SET, Set, SqlWriter, equal, prefixed, tuple};
use crate::cascade::graph::{Edge, Parent, ROOT, Side};
use crate::cascade::text::{Piece, Text};
use crate::declare::{Node, Rows};
use crate::dialect::{Dialect, Lock};

impl SqlWriter<'_> {
    /// Returns `UPDATE <table> SET .. WHERE <guard> AND <in the set>`.
    fn update_set(&self, node: &Node, assignments: Text, guard: Text, set: Set, without_roots: bool) -> Text {
        let table = self.table(node);
        let except = if without_roots { self.not_roots(node) } else { Text::new() };
        match set {
            Set::Keys(columns) => Text::from(format!("UPDATE {table} SET "))
                .then(assignments)
                .sql(" WHERE ")
                .part(Piece::Keys(columns))
                .sql(" AND ")
                .then(guard)
                .then(except),
            Set::In { columns, component, of } if self.dialect == Dialect::Mysql => {
                // MariaDB reads the whole child for `WHERE key IN (SELECT ..)`, so the set is joined. DISTINCT
                // materializes the set, since a merged one must not read the table that is changed.
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

    /// Returns a SELECT of the number of rows in a set, as text. A `lock` locks the rows.
    fn count_set(&self, node: &Node, guard: Text, set: Set, without_roots: bool, lock: Lock) -> Text {
        let table = self.table(node);
        let except = if without_roots { self.not_roots(node) } else { Text::new() };
        let ty = if self.dialect == Dialect::Mysql { "CHAR" } else { "TEXT" };
        let count = format!("SELECT CAST(COUNT(*) AS {ty}), CAST(NULL AS {ty}) FROM ");
        let (with, from, condition) = match set {
            Set::Keys(columns) => {
                (Text::new(), Text::from(table.clone()), Text::new().part(Piece::Keys(columns)).sql(" AND "))
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
            // PostgreSQL cannot lock in an aggregate. The order is the same in all cascades, so two of them do not
            // deadlock.
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

    /// Locks the parents by one relation of the rows that may be restored, in share mode.
    ///
    /// Deleted parents are locked too. Otherwise one transaction could restore such a parent, and the next could delete
    /// it again.
    pub(in crate::cascade) fn lock_parents(&self, table: usize, parent: &Parent, guard: &Text) -> Text {
        let node = &self.graph.tables[table].node;
        let (component, names) = (self.graph.tables[table].component, self.key_names(table));
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
        Text::from(" AND NOT ").part(Piece::Keys(keys))
    }

    /// Changes the rows of a table that belong to the cascade, except the target's own.
    pub(in crate::cascade) fn update(&self, table: usize, assignments: Text, guard: Text) -> Text {
        let node = &self.graph.tables[table].node;
        self.update_set(node, assignments, guard, self.members(table, &self.table(node)), table == ROOT)
    }

    /// Changes the rows of a table to which one relation leads.
    pub(in crate::cascade) fn update_by(&self, edge: &Edge, assignments: Text, guard: Text) -> Text {
        let node = &self.graph.tables[edge.child].node;
        let set = self.children(edge.parent, self.columns(&self.table(node), &edge.columns));
        self.update_set(node, assignments, guard, set, false)
    }

    /// Changes the rows of [`update_by`](Self::update_by) that do not have a deleted parent. `guard` gets the qualifier
    /// of its columns.
    pub(in crate::cascade) fn update_ready(
        &self,
        edge: &Edge,
        assignments: Text,
        guard: impl Fn(&str) -> Text,
    ) -> Text {
        let node = &self.graph.tables[edge.child].node;
        let table = self.table(node);
        let ready = |qualifier: &str| {
            let parents = self.graph.tables[edge.child].parents.iter();
            parents.fold(guard(qualifier), |ready, parent| ready.sql(" AND ").sql(self.not_below(parent, qualifier)))
        };
        if self.dialect != Dialect::Mysql {
            let set = self.children(edge.parent, self.columns(&table, &edge.columns));
            return self.update_set(node, assignments, ready(&table), set, false);
        }
        // MySQL does not allow a subquery over the table that it changes, unless the subquery is materialized first.
        let (own, foreign) = (self.columns("t", &node.key), self.columns("t", &edge.columns));
        let names: Vec<String> = (0..own.len()).map(|place| format!("j{place}")).collect();
        let list = own.iter().zip(&names).map(|(column, name)| format!("{column} AS {name}"));
        let list = list.collect::<Vec<_>>().join(", ");
        let from = match self.children(edge.parent, foreign) {
            Set::Keys(columns) => Text::from(format!("SELECT DISTINCT {list} FROM {table} AS t WHERE "))
                .part(Piece::Keys(columns))
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

    /// Counts the rows of a table that belong to the cascade. A `lock` locks them.
    pub(in crate::cascade) fn count(&self, table: usize, guard: Text, lock: Lock) -> Text {
        let node = &self.graph.tables[table].node;
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

    /// Counts the active children by a relation of `restrict`.
    pub(in crate::cascade) fn count_side(&self, side: &Side, lock: Lock) -> Text {
        self.count_set(&side.child, self.side_guard(side), self.side_set(side), false, lock)
    }

    /// Sets the reference of the active children to NULL.
    pub(in crate::cascade) fn unlink(&self, side: &Side, touch: Option<Text>) -> Text {
        let qualifier = self.assigned(&side.child);
        let nulls = side.columns.iter().filter(|column| column.nullable);
        let nulls = nulls.map(|column| Text::from(format!("{qualifier}{} = NULL", self.quote(column.name))));
        let assignments = Text::join(nulls.chain(touch), ", ");
        self.update_set(&side.child, assignments, self.side_guard(side), self.side_set(side), false)
    }
}
