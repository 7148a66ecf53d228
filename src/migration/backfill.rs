//! Brings the rows of an existing flag and timestamp into agreement.

use super::builder::SoftDeleteMigration;
use super::plan::Change;
use super::shape::{Column, Shape};
use crate::declare::{Mode, Rows};
use crate::dialect::Dialect;
use crate::error::Error;

/// The number of rows that are changed between two commits.
pub(super) const BATCH: usize = 5000;

/// Which of an existing flag and timestamp is right if they disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decides {
    Flag,
    Timestamp,
}

/// An UPDATE of rows whose existing flag and timestamp disagree.
#[derive(Debug)]
pub(super) struct Backfill {
    pub(super) why: &'static str,
    pub(super) set: String,
    pub(super) filter: String,
}

impl SoftDeleteMigration {
    /// Returns whether rows may have to be changed: the caller asked for it, or the table has only one of flag and
    /// timestamp.
    pub(super) fn needs_backfill(&self, shape: &Shape) -> bool {
        let exists = |column: &Column| self.existing.contains(&column.name);
        let timestamp = shape.timestamp.as_ref().filter(|_| shape.has_flag_and_timestamp());
        self.backfill.is_some() || timestamp.is_some_and(|timestamp| exists(&shape.state) != exists(timestamp))
    }

    pub(super) fn backfills(&self, change: &Change) -> Result<Vec<Backfill>, Error> {
        let (shape, dialect) = (&change.shape, change.dialect);
        let exists = |column: &Column| self.existing.contains(&column.name);
        let flag_exists = shape.mode != Mode::Timestamp && exists(&shape.state);
        let timestamp = shape.timestamp.as_ref().filter(|_| shape.has_flag_and_timestamp());
        let timestamp_exists = timestamp.is_some_and(exists);
        let mut backfills = Vec::new();
        if !self.needs_backfill(shape) {
            return Ok(backfills);
        }
        let flag = dialect.quote(&shape.state.name);
        let assign = |deleted| shape.mode.assignment(deleted).map(|value| format!("{flag}{value}"));
        if let (true, Some(mut set)) = (flag_exists, assign(false)) {
            if let Some(timestamp) = timestamp {
                // One statement sets both, since each written row must already satisfy the CHECK.
                set.push_str(&format!(", {} = NULL", dialect.quote(&timestamp.name)));
            }
            // If the timestamp decides, a row with a time is deleted. The statement below takes such rows.
            let filter = match timestamp.filter(|_| self.backfill == Some(Decides::Timestamp)) {
                Some(timestamp) => format!("{flag} IS NULL AND {} IS NULL", dialect.quote(&timestamp.name)),
                None => format!("{flag} IS NULL"),
            };
            backfills.push(Backfill { why: "NULL means active.", set, filter });
            if dialect != Dialect::Postgres {
                let set = format!("{flag} = TRUE");
                let filter = format!("{flag} NOT IN (FALSE, TRUE)");
                backfills.push(Backfill { why: "A flag is an integer here: what is not 0 is true.", set, filter });
            }
        }
        let Some(timestamp) = timestamp else { return Ok(backfills) };
        let time = dialect.quote(&timestamp.name);
        let (active, deleted) = (change.predicate(Rows::Active), change.predicate(Rows::Deleted));
        if flag_exists {
            let clock = timestamp.ty.clock(shape.unit).ok_or_else(|| {
                self.unsupported(
                    "fill the timestamp column",
                    "it is an integer of an unknown unit: say it with `.unit(..)`",
                )
            })?;
            backfills.push(Backfill {
                why: "When they were deleted is not known: they count as deleted now, and a purge can find them.",
                set: format!("{time} = {}", dialect.now(clock)),
                filter: format!("{deleted} AND {time} IS NULL"),
            });
        }
        if timestamp_exists {
            let flag_decides = flag_exists && self.backfill != Some(Decides::Timestamp);
            let (why, set) = if flag_decides {
                ("The flag decides.", Some(format!("{time} = NULL")))
            } else {
                ("Rows with a time are the deleted ones.", assign(true))
            };
            let not_deleted =
                if flag_exists && !flag_decides { format!("({active} OR {flag} IS NULL)") } else { active };
            let filter = format!("{not_deleted} AND {time} IS NOT NULL");
            backfills.extend(set.map(|set| Backfill { why, set, filter }));
        }
        Ok(backfills)
    }
}
