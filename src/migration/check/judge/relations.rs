//! Declared relations that the foreign keys of the child contradict.

use super::Judge;
use crate::dialect::{Dialect, TableName};
use crate::error::FindingKind;
use crate::error::Severity::Error;
use crate::migration::shape::DeclaredRelation;
use crate::schema::CatalogKey;

impl Judge<'_> {
    pub(super) fn relations(&mut self, keys: &[(TableName, Vec<CatalogKey>)]) {
        for relation in &self.shape.relations {
            let Some((_, keys)) = keys.iter().find(|(child, _)| *child == relation.child) else { continue };
            if keys.iter().any(|key| self.agrees(key, relation)) {
                continue;
            }
            let Some(other) = keys.iter().find(|key| self.contradicts(key, relation)) else { continue };
            let child = relation.child.plain();
            let parent_columns =
                if other.parent_columns.is_empty() { &self.catalog.primary_key } else { &other.parent_columns };
            let message = format!(
                "`{}({child}({}))` means `{}` of this table, but the foreign key of `{child}` ({}) references `{}` ({}): the \
                 relation finds rows of another parent",
                relation.policy,
                relation.columns.join(", "),
                relation.key.join(", "),
                other.columns.join(", "),
                self.nearby(&other.parent).plain(),
                parent_columns.join(", "),
            );
            self.push((FindingKind::ContradictedRelation, &child), Error, message, None);
        }
    }

    /// Returns whether a foreign key says the same as the relation.
    fn agrees(&self, key: &CatalogKey, relation: &DeclaredRelation) -> bool {
        self.is_ours(&key.parent)
            && pairs(relation)
                .all(|(column, ours)| self.target(key, column).is_some_and(|target| self.is_same(target, ours)))
    }

    /// Returns whether a foreign key contradicts the relation.
    ///
    /// Such a key names another column of this table, or it names another table for exactly the columns of the
    /// relation. A longer or shorter key to another table may exist beside the relation's own key.
    fn contradicts(&self, key: &CatalogKey, relation: &DeclaredRelation) -> bool {
        if self.is_ours(&key.parent) {
            pairs(relation)
                .any(|(column, ours)| self.target(key, column).is_some_and(|target| !self.is_same(target, ours)))
        } else {
            key.columns.len() == relation.columns.len()
                && relation.columns.iter().all(|column| self.position(key, column).is_some())
        }
    }

    /// Returns whether a parent is this table, a part of it, or a table of which it is a part.
    fn is_ours(&self, parent: &TableName) -> bool {
        let is = |table: &TableName| match self.dialect {
            Dialect::Postgres => table == parent,
            Dialect::Mysql | Dialect::Sqlite => {
                let schema = |table: &TableName| table.schema.as_deref().unwrap_or_default().to_lowercase();
                table.name.to_lowercase() == parent.name.to_lowercase() && schema(table) == schema(parent)
            }
        };
        is(&self.catalog.name) || self.catalog.references.iter().any(|reference| is(&reference.parent))
    }

    fn position(&self, key: &CatalogKey, column: &str) -> Option<usize> {
        key.columns.iter().position(|name| self.is_same(name, column))
    }

    /// Returns the parent's column that a column of the child references.
    fn target<'k>(&'k self, key: &'k CatalogKey, column: &str) -> Option<&'k str> {
        let place = self.position(key, column)?;
        let columns = if key.parent_columns.is_empty() { &self.catalog.primary_key } else { &key.parent_columns };
        columns.get(place).map(String::as_str)
    }
}

/// Returns the columns of the child, each with its column of the parent's key.
fn pairs(relation: &DeclaredRelation) -> impl Iterator<Item = (&String, &String)> {
    relation.columns.iter().zip(&relation.key)
}
