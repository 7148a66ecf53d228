//! The model of a forest as rows. It defines a cascade without any SQL.

use std::collections::BTreeSet;

use proptest::prelude::*;

pub const USERS: usize = 0;
pub const POSTS: usize = 1;
pub const COMMENTS: usize = 2;
pub const FOLLOWS: usize = 3;
pub const TEAMS: usize = 4;
pub const TABLES: [&str; 5] = ["users", "posts", "comments", "follows", "teams"];
/// The number of rows in a table, which is small so that many refer to each other.
pub const ROWS: i32 = 5;

/// Each relation is a child, the place of its foreign key, and a parent.
const TREE: [(usize, usize, usize); 5] =
    [(POSTS, 0, USERS), (COMMENTS, 0, POSTS), (COMMENTS, 1, COMMENTS), (FOLLOWS, 0, USERS), (FOLLOWS, 1, USERS)];
const CIRCLE: [(usize, usize, usize); 3] = [(TEAMS, 0, USERS), (TEAMS, 1, TEAMS), (USERS, 0, TEAMS)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identified {
    ByOperation,
    ByTime,
}

/// The time of a row's deletion, as a number, and its operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deleted {
    pub at: u8,
    pub operation: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: i32,
    pub keys: [Option<i32>; 2],
    pub deleted: Option<Deleted>,
}

/// A row, given by its table and its place.
type Place = (usize, usize);

#[derive(Debug, Clone)]
pub struct Model {
    pub rows: [Vec<Row>; 5],
    identified: Identified,
    circle: bool,
}

#[derive(Debug, Clone)]
pub enum Step {
    Delete { table: usize, ids: Vec<i32>, at: u8 },
    DeleteAlone { table: usize, ids: Vec<i32>, at: u8 },
    Restore { table: usize, ids: Vec<i32> },
    RestoreAlone { table: usize, ids: Vec<i32> },
    Move { table: usize, id: i32, key: usize, to: Option<i32> },
}

/// The result of a cascade, which is the rows of each table, or the tables of deleted ancestors.
pub type Said = Result<Counts, BTreeSet<&'static str>>;

/// Rows that a cascade changed, and that a restore withheld.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub changed: [u64; 5],
    pub withheld: [u64; 5],
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ids = || prop::collection::btree_set(1..=ROWS, 1..3).prop_map(|ids| ids.into_iter().collect::<Vec<_>>());
    let key = || prop::option::weighted(0.85, 1..=ROWS);
    let step = prop_oneof![
        4 => (0..5usize, ids(), 0..4u8).prop_map(|(table, ids, at)| Step::Delete { table, ids, at }),
        2 => (0..5usize, ids(), 0..4u8).prop_map(|(table, ids, at)| Step::DeleteAlone { table, ids, at }),
        5 => (0..5usize, ids()).prop_map(|(table, ids)| Step::Restore { table, ids }),
        2 => (0..5usize, ids()).prop_map(|(table, ids)| Step::RestoreAlone { table, ids }),
        3 => (0..5usize, 1..=ROWS, 0..2usize, key()).prop_map(|(table, id, key, to)| Step::Move { table, id, key, to }),
    ];
    prop::collection::vec(step, 1..25)
}

pub fn forest() -> impl Strategy<Value = [Vec<Row>; 5]> {
    let key = || prop::option::weighted(0.85, 1..=ROWS);
    let table = || prop::collection::vec((key(), key()), ROWS as usize);
    [table(), table(), table(), table(), table()].prop_map(|tables| {
        tables.map(|keys| {
            let rows = (1..).zip(keys);
            rows.map(|(id, (one, two))| Row { id, keys: [one, two], deleted: None }).collect()
        })
    })
}

impl Model {
    pub fn new(rows: [Vec<Row>; 5], identified: Identified, circle: bool) -> Self {
        Self { rows, identified, circle }
    }

    fn relations(&self) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        TREE.into_iter().chain(CIRCLE.into_iter().filter({
            let circle = self.circle;
            move |_| circle
        }))
    }

    fn row(&self, (table, place): Place) -> &Row {
        &self.rows[table][place]
    }

    fn targets(&self, table: usize, ids: &[i32], deleted: bool) -> Vec<Place> {
        let rows = self.rows[table].iter().enumerate();
        rows.filter(|(_, row)| ids.contains(&row.id) && row.deleted.is_some() == deleted)
            .map(|(place, _)| (table, place))
            .collect()
    }

    /// The rows that refer to one.
    fn children(&self, parent: Place) -> Vec<Place> {
        let id = self.row(parent).id;
        let relations = self.relations().filter(|(_, _, table)| *table == parent.0);
        let children = relations.flat_map(|(child, key, _)| {
            let rows = self.rows[child].iter().enumerate();
            rows.filter(move |(_, row)| row.keys[key] == Some(id)).map(move |(place, _)| (child, place))
        });
        children.collect()
    }

    /// The rows that can be reached from some rows, through rows that lead on.
    fn reach(&self, from: &[Place], leads_on: impl Fn(Place) -> bool) -> BTreeSet<Place> {
        let mut reached: BTreeSet<Place> = from.iter().copied().collect();
        let mut open = from.to_vec();
        while let Some(parent) = open.pop() {
            for child in self.children(parent) {
                if leads_on(child) && reached.insert(child) {
                    open.push(child);
                }
            }
        }
        reached
    }

    pub fn delete(&mut self, table: usize, ids: &[i32], mark: Deleted) -> [u64; 5] {
        let targets = self.targets(table, ids, false);
        let reached = self.reach(&targets, |place| self.row(place).deleted.is_none());
        self.set(&reached, Some(mark))
    }

    pub fn set(&mut self, places: &BTreeSet<Place>, deleted: Option<Deleted>) -> [u64; 5] {
        let mut counts = [0; 5];
        for &(table, place) in places {
            self.rows[table][place].deleted = deleted;
            counts[table] += 1;
        }
        counts
    }

    pub fn alone(&mut self, table: usize, ids: &[i32], deleted: Option<Deleted>) -> u64 {
        let targets = self.targets(table, ids, deleted.is_none()).into_iter().collect();
        self.set(&targets, deleted)[table]
    }

    /// What rows of one operation have in common, or `None` for a row that was deleted alone.
    fn mark(&self, place: Place) -> Option<u64> {
        let deleted = self.row(place).deleted?;
        match self.identified {
            Identified::ByOperation => deleted.operation.map(u64::from),
            Identified::ByTime => Some(u64::from(deleted.at)),
        }
    }

    /// Whether rows of two tables can be above and below each other.
    fn in_one_circle(&self, one: usize, other: usize) -> bool {
        let is_circle = |table| self.circle && (table == USERS || table == TEAMS);
        (one == other && one == COMMENTS) || (is_circle(one) && is_circle(other))
    }

    /// The deleted rows above one, through any parents.
    fn deleted_ancestors(&self, from: Place) -> BTreeSet<Place> {
        let mut above = BTreeSet::new();
        let mut open = vec![from];
        while let Some(child) = open.pop() {
            for (table, key, parent) in self.relations() {
                let id = self.row(child).keys.get(key).copied().flatten().filter(|_| table == child.0);
                let place = id.and_then(|id| self.rows[parent].iter().position(|row| row.id == id));
                if let Some(place) = place.map(|place| (parent, place)).filter(|place| above.insert(*place)) {
                    open.push(place);
                }
            }
        }
        above.retain(|place| self.row(*place).deleted.is_some());
        above
    }

    /// The parents of a row that are deleted.
    fn deleted_parents(&self, child: Place) -> Vec<Place> {
        let relations = self.relations().filter(|(table, _, _)| *table == child.0);
        let parents = relations.filter_map(|(_, key, parent)| {
            let id = self.row(child).keys[key]?;
            let place = self.rows[parent].iter().position(|row| row.id == id)?;
            Some((parent, place))
        });
        parents.filter(|parent| self.row(*parent).deleted.is_some()).collect()
    }

    /// Leaves out deleted rows that would be below a deleted row outside of the set.
    fn refine(&self, mut places: BTreeSet<Place>, roots: &[Place]) -> BTreeSet<Place> {
        loop {
            let stays = |place: &Place| {
                roots.contains(place)
                    || self.row(*place).deleted.is_none()
                    || self.deleted_parents(*place).iter().all(|parent| places.contains(parent))
            };
            let rest: BTreeSet<Place> = places.iter().copied().filter(stays).collect();
            if rest.len() == places.len() {
                return places;
            }
            places = rest;
        }
    }

    pub fn restore(&mut self, table: usize, ids: &[i32]) -> Said {
        let roots = self.targets(table, ids, true);
        let is_inner = |place: Place| place.0 == table || self.in_one_circle(table, place.0);
        let above = |model: &Self, inner: bool| -> BTreeSet<&'static str> {
            let deleted = roots.iter().flat_map(|root| model.deleted_ancestors(*root));
            deleted.filter(|place| is_inner(*place) == inner).map(|(table, _)| TABLES[table]).collect()
        };
        let mut refused = above(self, false);
        // Rows of the target, and those that come back with them, are checked at the end.
        let mut after = self.clone();
        let counts = after.restore_tree(&roots);
        refused.extend(above(&after, true));
        if !refused.is_empty() {
            return Err(refused);
        }
        *self = after;
        Ok(counts)
    }

    fn restore_tree(&mut self, roots: &[Place]) -> Counts {
        let marks: BTreeSet<u64> = roots.iter().filter_map(|root| self.mark(*root)).collect();
        let marked: Vec<(Place, Option<u64>)> = roots.iter().map(|root| (*root, self.mark(*root))).collect();
        let mut counts = self.set(&roots.iter().copied().collect(), None);
        let of = |mark: u64| -> Vec<Place> {
            marked.iter().filter(|(_, own)| *own == Some(mark)).map(|(root, _)| *root).collect()
        };
        let leads_on = |model: &Self, mark: u64, place: Place| {
            model.row(place).deleted.is_none() || model.mark(place) == Some(mark)
        };
        loop {
            let before = counts;
            for &mark in &marks {
                let roots = of(mark);
                let reached = self.reach(&roots, |place| leads_on(self, mark, place));
                let back = self.refine(reached, &roots).into_iter();
                let back = back.filter(|place| self.row(*place).deleted.is_some()).collect();
                for (count, more) in counts.iter_mut().zip(self.set(&back, None)) {
                    *count += more;
                }
            }
            if counts == before {
                break;
            }
        }
        let mut withheld = [0; 5];
        for mark in marks {
            let reached = self.reach(&of(mark), |place| leads_on(self, mark, place));
            for (table, _) in reached.into_iter().filter(|place| self.row(*place).deleted.is_some()) {
                withheld[table] += 1;
            }
        }
        Counts { changed: counts, withheld }
    }
}
