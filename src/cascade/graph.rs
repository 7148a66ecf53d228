//! The tables of a cascade in order: parents before their children, and tables that refer to each other in a circle
//! together.

use crate::declare::{ForeignColumn, Node, OperationKind, Policy, Relation, Soft, declared_parents};
use crate::error::Error;

/// The tables of a cascade. The first is the root's.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) tables: Vec<Member>,
    /// The relations of `cascade`.
    pub(super) edges: Vec<Edge>,
    /// The relations of `restrict` and `set_null`.
    pub(super) sides: Vec<Side>,
    /// The tables in order, parents first.
    pub(super) components: Vec<Component>,
}

/// A table that a cascade can reach.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) node: Node,
    pub(super) soft: Soft,
    pub(super) component: usize,
    /// The relations by which an active row of the table must not be below a deleted one, in the graph or not.
    pub(super) parents: Vec<Parent>,
}

/// A relation of `cascade` or `restrict` that leads to a table of the graph.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) node: Node,
    pub(super) soft: Soft,
    /// The place of the parent in the graph, or `None` if it is not there.
    pub(super) place: Option<usize>,
    pub(super) columns: Vec<&'static str>,
    pub(super) policy: Policy,
}

/// A relation of `cascade` between two tables of the graph.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) parent: usize,
    pub(super) child: usize,
    pub(super) columns: Vec<&'static str>,
}

/// A relation of `restrict` or `set_null`, where the cascade ends.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) policy: Policy,
    pub(super) parent: usize,
    pub(super) child: Node,
    pub(super) columns: Vec<ForeignColumn>,
}

/// A table, or several tables that refer to each other in a circle.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) tables: Vec<usize>,
    /// Whether a row of these tables can be below another row of them.
    pub(super) recursive: bool,
}

pub(super) const ROOT: usize = 0;

impl Graph {
    pub(super) fn of(root: Node) -> Result<Self, Error> {
        let mut graph = Self { tables: Vec::new(), edges: Vec::new(), sides: Vec::new(), components: Vec::new() };
        let name = root.name();
        graph.add(root)?;
        let mut next = 0;
        while next < graph.tables.len() {
            let relations = (graph.tables[next].node.relations)();
            graph.follow(next, relations)?;
            next += 1;
        }
        graph.order(&name)?;
        graph.find_parents();
        Ok(graph)
    }

    /// Finds the relations that lead to the tables of the graph.
    fn find_parents(&mut self) {
        for node in declared_parents() {
            let place = self.tables.iter().position(|member| member.node.id == node.id);
            for relation in (node.relations)().into_iter().filter(|relation| relation.policy != Policy::SetNull) {
                let child = (relation.child)().id;
                let member = self.tables.iter_mut().find(|member| member.node.id == child);
                if let (Some(member), Some(soft)) = (member, node.soft.clone()) {
                    let columns = relation.columns.iter().map(|column| column.name).collect();
                    member.parents.push(Parent { node: node.clone(), soft, place, columns, policy: relation.policy });
                }
            }
        }
    }

    /// Returns the place of a table. A new table is added.
    fn add(&mut self, node: Node) -> Result<usize, Error> {
        if let Some(place) = self.tables.iter().position(|member| member.node.id == node.id) {
            return Ok(place);
        }
        let invalid = |problem: &str| Err(Error::InvalidRelations { table: node.name(), problem: problem.to_owned() });
        if node.key.is_empty() {
            return invalid("its primary key is not among the columns of its `table!`");
        }
        let Some(soft) = node.soft.clone() else { return invalid("it is not soft-deletable") };
        self.tables.push(Member { node, soft, component: 0, parents: Vec::new() });
        Ok(self.tables.len() - 1)
    }

    fn follow(&mut self, parent: usize, relations: Vec<Relation>) -> Result<(), Error> {
        let mut seen = Vec::new();
        for Relation { policy, columns, child } in relations {
            let child = child();
            let key: Vec<&str> = columns.iter().map(|column| column.name).collect();
            if seen.contains(&(child.id, key.clone())) {
                let problem = format!("`{}({})` is named twice", child.name(), key.join(", "));
                return Err(Error::InvalidRelations { table: self.tables[parent].node.name(), problem });
            }
            seen.push((child.id, key));
            if policy == Policy::Cascade {
                let columns = columns.iter().map(|column| column.name).collect();
                let child = self.add(child)?;
                self.edges.push(Edge { parent, child, columns });
            } else {
                self.sides.push(Side { policy, parent, child, columns });
            }
        }
        Ok(())
    }

    fn order(&mut self, root: &str) -> Result<(), Error> {
        let count = self.tables.len();
        let below: Vec<_> = self.tables.iter().map(|member| member.node.descendants(&[Policy::Cascade])).collect();
        let is_below = |from: usize, to: usize| below[from].contains(&self.tables[to].node.id);
        let reaches: Vec<Vec<bool>> =
            (0..count).map(|from| (0..count).map(|to| is_below(from, to)).collect()).collect();
        let mut placed = vec![false; count];
        while placed.contains(&false) {
            // A table is ready if all tables above it, outside of its own circle, are placed. The name decides among
            // ready tables, so all cascades lock tables in the same order.
            let ready = (0..count).filter(|&table| {
                !placed[table]
                    && (0..count).all(|other| placed[other] || !reaches[other][table] || reaches[table][other])
            });
            let first = ready.min_by_key(|&table| (table != ROOT, self.tables[table].node.name()));
            let Some(first) = first else {
                return Err(Error::InvalidRelations { table: root.to_owned(), problem: "they have no order".into() });
            };
            let in_circle = |&table: &usize| table == first || (reaches[first][table] && reaches[table][first]);
            let mut tables: Vec<usize> = (0..count).filter(in_circle).collect();
            tables.sort_by_key(|&table| (table != ROOT, self.tables[table].node.name()));
            for &table in &tables {
                placed[table] = true;
                self.tables[table].component = self.components.len();
            }
            self.components.push(Component { recursive: reaches[first][first], tables });
        }
        Ok(())
    }

    pub(super) fn component_of(&self, table: usize) -> &Component {
        &self.components[self.tables[table].component]
    }

    /// Returns the relations of `cascade` that lead to a table.
    pub(super) fn edges_to(&self, table: usize) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.child == table)
    }

    /// Returns whether the two tables of an edge are in the same circle.
    pub(super) fn is_inner(&self, edge: &Edge) -> bool {
        self.tables[edge.parent].component == self.tables[edge.child].component
    }

    /// Returns whether a row of some table can have several parents, one of which may be deleted.
    pub(super) fn any_has_several_parents(&self) -> bool {
        self.tables.iter().any(|member| member.parents.len() > 1)
    }

    /// Returns whether an identifier must be a UUID.
    pub(super) fn has_uuids(&self) -> bool {
        self.tables.iter().any(|member| matches!(member.soft.operation, Some((_, OperationKind::Uuid))))
    }

    /// Returns whether a row may have to wait for a parent whose table comes later, which only `restrict` allows.
    pub(super) fn any_parent_comes_later(&self) -> bool {
        self.tables.iter().any(|member| {
            let places = member.parents.iter().filter(|parent| parent.policy == Policy::Restrict);
            places.filter_map(|parent| parent.place).any(|place| self.tables[place].component >= member.component)
        })
    }

    /// Returns the tables in order, parents first.
    pub(super) fn in_order(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.components.iter().flat_map(|component| component.tables.iter().copied())
    }

    /// Returns whether rows of the root's table can be below the target's rows.
    pub(super) fn root_is_recursive(&self) -> bool {
        self.component_of(ROOT).recursive
    }
}
