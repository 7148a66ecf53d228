//! The words that lock the rows of a SELECT.

use super::Dialect;

/// How rows are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    No,
    Share,
    Update,
}

impl Lock {
    pub(crate) fn words(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::No, _) | (_, Dialect::Sqlite) => "",
            (Self::Update, _) => " FOR UPDATE",
            (Self::Share, Dialect::Postgres) => " FOR SHARE",
            (Self::Share, Dialect::Mysql) => " LOCK IN SHARE MODE",
        }
    }
}
