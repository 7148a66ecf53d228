//! Runs `diesel_soft_delete check`.

use diesel_soft_delete::migration::{FindingKind, Severity};

use crate::arguments::Check;
use crate::database::{Failure, Live};

/// Checks the tables, and returns whether no finding is worse than a note.
pub fn run(arguments: &Check) -> Result<bool, Failure> {
    let mut live = Live::connect(arguments.database.require()?)?;
    let mut all_well = true;
    for table in &arguments.tables {
        let migration = arguments.columns.migration(table);
        let mut findings = live.check(&migration)?;
        // Without names, the default columns are assumed. A table with only one of them is in the mode of that column.
        if arguments.columns.assumes_state() {
            let missing = |name: &str| {
                findings.iter().any(|finding| finding.kind == FindingKind::MissingColumn && finding.subject == name)
            };
            match (missing("is_deleted"), missing("deleted_at")) {
                (false, true) => findings = live.check(&migration.flag("is_deleted"))?,
                (true, false) => findings = live.check(&migration.timestamp("deleted_at"))?,
                _ => {}
            }
        }
        for finding in &findings {
            println!("{finding}");
        }
        let well = findings.iter().all(|finding| finding.severity == Severity::Note);
        if well {
            println!("{table}: all is well");
        }
        all_well &= well;
    }
    Ok(all_well)
}
