//! Compares two ways to do work that takes seconds, which is too long for a harness to repeat.

use std::time::{Duration, Instant};

/// One comparison.
pub struct Row {
    pub what: &'static str,
    pub backend: &'static str,
    pub ratios: Vec<f64>,
    pub at_most: f64,
    /// The times of the two sides in the last round.
    pub sides: [Duration; 2],
}

impl Row {
    pub fn new(backend: &'static str, what: &'static str, at_most: f64) -> Self {
        Self { what, backend, ratios: Vec::new(), at_most, sides: Default::default() }
    }

    pub fn push(&mut self, sides: [Duration; 2]) {
        self.ratios.push(sides[0].as_secs_f64() / sides[1].as_secs_f64());
        self.sides = sides;
    }
}

/// The rows of a table. Each row is printed as soon as it is known.
#[derive(Default)]
pub struct Rows(Vec<Row>);

impl Rows {
    pub fn push(&mut self, row: Row) {
        eprintln!("{row}");
        self.0.push(row);
    }

    /// Prints the table, if the command line asked for any of its rows.
    pub fn print(&self, what: &str) {
        if self.0.is_empty() {
            return;
        }
        println!("\n| {what} | backend | ratio | middle half, of four rounds each | target | | last round |");
        println!("|---|---|---|---|---|---|---|");
        for row in &self.0 {
            println!("{row}");
        }
    }

    /// Compares two ways. `measured` gets the side and the number of the round, and returns the time.
    pub fn compare<C>(
        &mut self,
        (backend, what, at_most, rounds): (&'static str, &'static str, f64, usize),
        conn: &mut C,
        mut measured: impl FnMut(&mut C, Side, usize) -> Duration,
    ) {
        if !is_wanted(backend, what) {
            return;
        }
        let mut row = Row::new(backend, what, at_most);
        for round in 0..rounds {
            // Each side is first in every other round.
            let [one, other] = if round % 2 == 0 {
                let one = measured(conn, Side::Ours, round);
                [one, measured(conn, Side::Theirs, round)]
            } else {
                let other = measured(conn, Side::Theirs, round);
                [measured(conn, Side::Ours, round), other]
            };
            row.push([one, other]);
        }
        self.push(row);
    }
}

/// One of two ways.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Ours,
    Theirs,
}

/// Returns how long the work took.
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Returns whether the command line asks for a row.
pub fn is_wanted(backend: &str, what: &str) -> bool {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    wanted.is_none_or(|wanted| format!("{backend} {what}").contains(&wanted))
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The second side of a round finds pages that the first has already written, and one tree may be stored better
        // than the other. So four rounds, with both orders and both sides, count as one.
        let fours = self.ratios.chunks(4).map(|four| four.iter().product::<f64>().powf(1.0 / four.len() as f64));
        let mut sorted: Vec<f64> = fours.collect();
        sorted.sort_by(f64::total_cmp);
        // Only the middle half counts, since the outer values come from the machine.
        let quarter = sorted.len() / 4;
        let (low, median, high) = (sorted[quarter], sorted[sorted.len() / 2], sorted[sorted.len() - 1 - quarter]);
        let verdict = match (high <= self.at_most, low > self.at_most) {
            (true, _) => "met",
            (_, true) => "**missed**",
            _ => "undecided",
        };
        let [one, other] = self.sides.map(|side| side.as_secs_f64());
        write!(
            f,
            "| {} | {} | {median:.3} | {low:.3} to {high:.3} | at most {:.2} | {verdict} | {one:.3} s to {other:.3} s |",
            self.what, self.backend, self.at_most
        )
    }
}
