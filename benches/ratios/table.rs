//! The printed table.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

pub struct Row {
    what: String,
    backend: &'static str,
    at_most: Option<f64>,
}

impl Row {
    pub fn new(what: impl Into<String>, backend: &'static str, at_most: Option<f64>) -> Self {
        Self { what: what.into(), backend, at_most }
    }

    /// Returns the name of the benchmark, which is also that of its directory.
    pub fn id(&self) -> String {
        let text = format!("{} {}", self.backend, self.what);
        let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let id = words.collect::<Vec<_>>().join("_");
        assert!(id.len() <= 64, "criterion would cut {id} off");
        id
    }
}

/// The result of a row.
enum Found {
    /// A measured ratio: the median and the confidence interval.
    Measured { median: f64, interval: [f64; 2] },
    /// The counted instructions of both sides.
    Counted([u64; 2]),
}

pub struct Table {
    estimates: PathBuf,
    /// The part of a row's name that the command line asks for.
    filter: Option<String>,
    rows: Vec<(Row, Found, Option<[u64; 2]>)>,
}

impl Table {
    pub fn new(estimates: PathBuf) -> Self {
        let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
        Self { estimates, filter, rows: Vec::new() }
    }

    /// Returns whether the command line asks for the row.
    pub fn wants(&self, row: &Row) -> bool {
        self.filter.as_ref().is_none_or(|filter| row.id().contains(filter))
    }

    /// Adds criterion's result, unless criterion left the row out, and the allocations of one call of each side.
    pub fn measured(&mut self, row: Row, allocations: Option<[u64; 2]>) {
        let path = self.estimates.join("ratio").join(row.id()).join("new/estimates.json");
        let Ok(text) = std::fs::read_to_string(&path) else { return };
        let estimates: Value = serde_json::from_str(&text).expect("criterion writes JSON");
        let number = |pointer: &str| {
            estimates.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {pointer} in {text}"))
        };
        let found = Found::Measured {
            median: number("/median/point_estimate"),
            interval: ["lower", "upper"].map(|end| number(&format!("/median/confidence_interval/{end}_bound"))),
        };
        self.rows.push((row, found, allocations));
    }

    /// Adds a row with counts of instructions.
    pub fn counted(&mut self, row: Row, counts: [u64; 2]) {
        self.rows.push((row, Found::Counted(counts), None));
    }
}

impl Found {
    fn ratio(&self) -> f64 {
        match self {
            Self::Measured { median, .. } => *median,
            Self::Counted([ours, by_hand]) => *ours as f64 / *by_hand as f64,
        }
    }

    /// Returns the interval of the ratio.
    fn bounds(&self) -> [f64; 2] {
        match self {
            Self::Measured { interval, .. } => *interval,
            Self::Counted(_) => [self.ratio(); 2],
        }
    }

    /// Returns whether the target is met. It is decided only if the whole interval is on one side of the target.
    fn verdict(&self, at_most: f64) -> &'static str {
        let [low, high] = self.bounds();
        match (high <= at_most, low > at_most) {
            (true, _) => "met",
            (_, true) => "**missed**",
            _ => "undecided",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| ours to by hand | backend | ratio | 95% interval, or counts | target | | allocations |")?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for (row, found, allocations) in &self.rows {
            let [low, high] = found.bounds();
            let details = match found {
                Found::Measured { .. } => format!("{low:.3} to {high:.3}"),
                Found::Counted([ours, by_hand]) => format!("{ours} to {by_hand}"),
            };
            let target = row.at_most.map(|at_most| format!("at most {at_most:.2}")).unwrap_or_default();
            let verdict = row.at_most.map_or("", |at_most| found.verdict(at_most));
            let allocations = allocations.map(|[ours, by_hand]| format!("{ours} to {by_hand}")).unwrap_or_default();
            let ratio = found.ratio();
            writeln!(
                f,
                "| {} | {} | {ratio:.3} | {details} | {target} | {verdict} | {allocations} |",
                row.what, row.backend
            )?;
        }
        Ok(())
    }
}
