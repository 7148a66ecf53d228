//! What a table declares about the tables that refer to it: `cascade(..)`, `restrict(..)`, `set_null(..)`.
//!
//! A declaration is a list of types. Tables can refer to each other in a circle, so types alone could not follow the
//! relations to an end. Each entry therefore yields a [`Relation`] whose child is a function, and the graph is walked
//! at run time.

use std::any::TypeId;
use std::collections::HashSet;
use std::marker::PhantomData;

use diesel::query_source::{Column, Table};
use diesel::sql_types::{Nullable, SqlType, is_nullable};

use super::columns::{TableColumns, primary_key};
use super::key::KeyOf;
use super::predicate::Mode;
use super::roles::{
    Declared, NotSoftDeletable, NullableColumns, Operation, OperationKind, SoftDeletable, SoftDeleted, State,
};
use super::time::TimeKind;
use super::time_columns::TimeColumn;
use crate::dialect::TableName;

/// The relations of a declaration.
pub trait Relations {
    /// One relation for each foreign key of the declaration.
    fn relations() -> Vec<Relation>;
}

/// A declaration without relations.
#[derive(Debug)]
pub struct NoRelations;

impl Relations for NoRelations {
    fn relations() -> Vec<Relation> {
        Vec::new()
    }
}

/// The relations `L` of the parent `P`: `(first, (second, ()))`.
#[derive(Debug)]
pub struct Children<P, L>(PhantomData<(P, L)>);

impl<P, L: ChildList<P>> Relations for Children<P, L> {
    fn relations() -> Vec<Relation> {
        let mut relations = Vec::new();
        L::push(&mut relations);
        relations
    }
}

/// A list of relations.
pub trait ChildList<P> {
    /// Appends them.
    fn push(relations: &mut Vec<Relation>);
}

impl<P> ChildList<P> for () {
    fn push(_: &mut Vec<Relation>) {}
}

impl<P, R: ChildOf<P>, L: ChildList<P>> ChildList<P> for (R, L) {
    fn push(relations: &mut Vec<Relation>) {
        relations.push(R::relation());
        L::push(relations);
    }
}

/// One relation of the parent `P`.
pub trait ChildOf<P> {
    /// Makes the relation.
    fn relation() -> Relation;
}

/// `cascade(C(F))`: rows of `C` are soft-deleted and restored along with their parent.
#[derive(Debug)]
pub struct Cascade<C, F>(PhantomData<(C, F)>);

/// `restrict(C(F))`: a parent with active rows in `C` is not deleted by a cascade.
#[derive(Debug)]
pub struct Restrict<C, F>(PhantomData<(C, F)>);

/// `set_null(C(F))`: active rows of `C` lose their reference.
#[derive(Debug)]
pub struct SetNull<C, F>(PhantomData<(C, F)>);

impl<P, C, F> ChildOf<P> for Cascade<C, F>
where
    P: Table,
    C: CascadeTarget + Table,
    C::AllColumns: TableColumns,
    F: References<KeyOf<P>>,
{
    fn relation() -> Relation {
        Relation { policy: Policy::Cascade, columns: F::columns(), child: Node::soft_deletable::<C> }
    }
}

macro_rules! ends_a_cascade {
    ($($policy:ident),+) => {
        $(impl<P, C, F> ChildOf<P> for $policy<C, F>
        where
            P: Table,
            C: RelationTarget + Table,
            C::Kind: NodeOf<C>,
            F: References<KeyOf<P>>,
        {
            fn relation() -> Relation {
                Relation { policy: Policy::$policy, columns: F::columns(), child: C::Kind::node }
            }
        })+
    };
}

ends_a_cascade!(Restrict, SetNull);

/// A table that `cascade(..)` can name: a soft-deletable one.
#[diagnostic::on_unimplemented(
    message = "`cascade(..)` names `{Self}`, which is not declared soft-deletable: a cascade never removes rows",
    note = "declare it with `#[derive(SoftDeletable)]` or `soft_deletable!`, or write `restrict(..)` or `set_null(..)` for it"
)]
pub trait CascadeTarget: SoftDeletable {}

/// A table that `restrict(..)` and `set_null(..)` can name: a declared one, soft-deletable or not.
#[diagnostic::on_unimplemented(
    message = "`restrict(..)` or `set_null(..)` names `{Self}`, which is an undeclared table",
    note = "if its rows can be soft-deleted: `#[derive(SoftDeletable)]` on a model, or `soft_deletable! {{ .. }}` beside `table!`",
    note = "if not: `not_soft_deletable!(table_name);` beside `table!`"
)]
pub trait RelationTarget: Declared {}

/// Makes the graph's node of a table of this kind.
pub trait NodeOf<C> {
    /// Makes the node.
    fn node() -> Node;
}

impl<C> NodeOf<C> for SoftDeleted
where
    C: SoftDeletable + Table,
    C::AllColumns: TableColumns,
{
    fn node() -> Node {
        Node::soft_deletable::<C>()
    }
}

impl<C> NodeOf<C> for NotSoftDeletable
where
    C: Table + crate::diesel_internals::NamedTable + 'static,
    C::AllColumns: TableColumns,
{
    fn node() -> Node {
        Node::plain::<C>()
    }
}

/// The columns of a foreign key that refers to a primary key of the SQL type `K`, in its order.
#[diagnostic::on_unimplemented(
    message = "the foreign key `{Self}` does not fit the parent's primary key, whose SQL type is `{K}`",
    note = "name as many columns of the child as the parent's primary key has, in its order: `cascade(posts(author_id))`"
)]
pub trait References<K> {
    /// The names of the columns, and whether each can be NULL.
    fn columns() -> Vec<ForeignColumn>;
}

/// A column of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignColumn {
    pub(crate) name: &'static str,
    pub(crate) nullable: bool,
}

/// The SQL type of a column that refers to one of the SQL type `PK`.
#[diagnostic::on_unimplemented(
    message = "a foreign key column of the SQL type `{Self}` cannot refer to a primary key column of the SQL type `{PK}`",
    note = "the two must be of one SQL type; that of the child may be `Nullable`",
    note = "name as many columns of the child as the parent's primary key has, in its order: `cascade(posts(author_id))`"
)]
pub trait SameKey<PK> {
    /// Whether it can be NULL.
    const NULLABLE: bool;
}

impl<ST: SqlType> SameKey<ST> for ST {
    const NULLABLE: bool = false;
}

impl<ST: SqlType<IsNull = is_nullable::NotNull>> SameKey<ST> for Nullable<ST> {
    const NULLABLE: bool = true;
}

/// Whether one of the columns of a foreign key can be NULL.
pub trait AnyNullable {
    /// Whether at least one can be NULL.
    const ANY: bool;
}

macro_rules! any_nullable {
    ($($A:ident)+) => {
        impl<$($A: Column),+> AnyNullable for ($($A,)+)
        where
            $($A::SqlType: SqlType<IsNull: IsNull>),+
        {
            const ANY: bool = $(<<$A::SqlType as SqlType>::IsNull as IsNull>::NULLABLE)||+;
        }
    };
}

any_nullable!(A);
any_nullable!(A B);
any_nullable!(A B C);
any_nullable!(A B C D);
any_nullable!(A B C D E);
any_nullable!(A B C D E F);
any_nullable!(A B C D E F G);
any_nullable!(A B C D E F G H);

/// The type-level answer of Diesel whether an SQL type is nullable.
pub trait IsNull {
    /// The same answer as a constant.
    const NULLABLE: bool;
}

impl IsNull for is_nullable::NotNull {
    const NULLABLE: bool = false;
}

impl IsNull for is_nullable::IsNullable {
    const NULLABLE: bool = true;
}

impl<A, K> References<K> for (A,)
where
    A: Column,
    A::SqlType: SameKey<K>,
{
    fn columns() -> Vec<ForeignColumn> {
        vec![ForeignColumn { name: A::NAME, nullable: <A::SqlType as SameKey<K>>::NULLABLE }]
    }
}

macro_rules! references {
    ($($A:ident $K:ident),+) => {
        impl<$($A,)+ $($K),+> References<($($K,)+)> for ($($A,)+)
        where
            $($A: Column, $A::SqlType: SameKey<$K>,)+
        {
            fn columns() -> Vec<ForeignColumn> {
                vec![$(ForeignColumn { name: $A::NAME, nullable: <$A::SqlType as SameKey<$K>>::NULLABLE }),+]
            }
        }
    };
}

references!(A1 K1, A2 K2);
references!(A1 K1, A2 K2, A3 K3);
references!(A1 K1, A2 K2, A3 K3, A4 K4);
references!(A1 K1, A2 K2, A3 K3, A4 K4, A5 K5);
references!(A1 K1, A2 K2, A3 K3, A4 K4, A5 K5, A6 K6);
references!(A1 K1, A2 K2, A3 K3, A4 K4, A5 K5, A6 K6, A7 K7);
references!(A1 K1, A2 K2, A3 K3, A4 K4, A5 K5, A6 K6, A7 K7, A8 K8);

/// What a cascade does with the children of a row that it deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Policy {
    Cascade,
    Restrict,
    SetNull,
}

/// A foreign key that refers to a table, and what a cascade does with its rows.
#[derive(Debug, Clone)]
pub struct Relation {
    pub(crate) policy: Policy,
    /// In the order of the parent's primary key.
    pub(crate) columns: Vec<ForeignColumn>,
    pub(crate) child: fn() -> Node,
}

/// A table in the graph of relations.
#[derive(Debug, Clone)]
pub struct Node {
    /// The Rust type of the table. Two modules can have tables of the same name, so the name does not identify it.
    pub(crate) id: TypeId,
    pub(crate) table: TableName,
    /// The columns of its primary key.
    pub(crate) key: Vec<String>,
    /// The columns of soft deletion; `None` for a table that is not soft-deletable.
    pub(crate) soft: Option<Soft>,
    pub(crate) relations: fn() -> Vec<Relation>,
}

/// The columns of soft deletion of a table.
#[derive(Debug, Clone)]
pub(crate) struct Soft {
    pub(crate) mode: Mode,
    pub(crate) state: &'static str,
    pub(crate) stamp: Option<(&'static str, TimeKind)>,
    pub(crate) touch: Option<(&'static str, TimeKind)>,
    pub(crate) operation: Option<(&'static str, OperationKind)>,
    /// The columns that a restore sets to NULL, `operation` included.
    pub(crate) reset: Vec<&'static str>,
}

impl Node {
    pub(crate) fn soft_deletable<T>() -> Self
    where
        T: SoftDeletable,
        T::AllColumns: TableColumns,
    {
        let soft = Soft {
            mode: T::State::MODE,
            state: <<T::State as State>::Column as Column>::NAME,
            stamp: T::Stamp::column().map(|column| column.name).zip(T::Stamp::KIND),
            touch: T::Touch::column().map(|column| column.name).zip(T::Touch::KIND),
            operation: T::Operation::column().map(|column| column.name).zip(T::Operation::KIND),
            reset: T::Reset::columns().as_ref().iter().map(|column| column.name).collect(),
        };
        Self {
            id: TypeId::of::<T>(),
            table: TableName::from_parts(T::name_parts()),
            key: primary_key::<T>(),
            soft: Some(soft),
            relations: T::Relations::relations,
        }
    }

    fn plain<T>() -> Self
    where
        T: Table + crate::diesel_internals::NamedTable + 'static,
        T::AllColumns: TableColumns,
    {
        Self {
            id: TypeId::of::<T>(),
            table: TableName::from_parts(T::name_parts()),
            key: primary_key::<T>(),
            soft: None,
            relations: Vec::new,
        }
    }

    pub(crate) fn name(&self) -> String {
        self.table.plain()
    }

    /// All tables below this one, by relations with one of these policies. The table itself is there if it is in a circle.
    pub(crate) fn descendants(&self, policies: &[Policy]) -> HashSet<TypeId> {
        let mut found = HashSet::new();
        let mut open = (self.relations)();
        while let Some(relation) = open.pop() {
            let child = (relation.child)();
            if policies.contains(&relation.policy) && found.insert(child.id) {
                open.extend((child.relations)());
            }
        }
        found
    }
}

/// A declaration with relations. The linker collects these entries, and a child finds its parents through them.
#[derive(Debug)]
pub struct DeclaredParent(pub(crate) fn() -> Node);

impl DeclaredParent {
    /// The entry of the table `T`.
    pub const fn of<T>() -> Self
    where
        T: SoftDeletable,
        T::AllColumns: TableColumns,
    {
        Self(Node::soft_deletable::<T>)
    }
}

inventory::collect!(DeclaredParent);

/// All tables of this program that declare relations.
pub(crate) fn declared_parents() -> impl Iterator<Item = Node> {
    inventory::iter::<DeclaredParent>.into_iter().map(|parent| (parent.0)())
}
