//! What the catalog of a database says about a table, as facts.

mod catalog;
mod mysql;
mod postgres;
mod read;
mod references;
mod sqlite;
mod tokens;

pub(crate) use catalog::{
    Action, CatalogCheck, CatalogColumn, CatalogIndex, CatalogKey, CatalogReference, CatalogTable, IndexKey,
    IndexOrigin, Reach, TableKind, collect_foreign_keys, foreign_keys, same_column,
};
pub(crate) use read::{read_table, trigger_names};
pub use references::{Leaves, Reference};
pub(crate) use tokens::{Kind, Token, closing, tokens, top_level};

use crate::connection::Row;

/// Returns the answers to the questions about a table. The answers to questions that were not asked are empty.
fn several<const N: usize>(answers: &[Vec<Row>]) -> [&[Row]; N] {
    std::array::from_fn(|place| answers.get(place).map_or(&[][..], Vec::as_slice))
}
