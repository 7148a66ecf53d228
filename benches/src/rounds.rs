//! Compares two ways of work that takes seconds as a ratio, for work that no harness repeats.

use std::time::{Duration, Instant};

/// One comparison.
pub struct Row {
    pub what: &'static str,
    pub backend: &'static str,
    pub ratios: Vec<f64>,
    pub at_most: f64,
    /// The durations of the two sides in the last round.
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

/// The rows of the output. Each is printed as soon as it is measured.
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

    /// Compares two ways after `ready` in each round. `way` gets the side and the number of the round.
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
            // No side is always the first.
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

/// The duration of the work.
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Whether the command line asks for a row.
pub fn is_wanted(backend: &str, what: &str) -> bool {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    wanted.is_none_or(|wanted| format!("{backend} {what}").contains(&wanted))
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The second way in a round finds pages that the first has changed, and one tree may be placed better than the
        // other. So four rounds, with both orders and both trees, count as one.
        let fours = self.ratios.chunks(4).map(|four| four.iter().product::<f64>().powf(1.0 / four.len() as f64));
        let mut sorted: Vec<f64> = fours.collect();
        sorted.sort_by(f64::total_cmp);
        // Only the middle half counts, since the machine affects the outer ones.
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
