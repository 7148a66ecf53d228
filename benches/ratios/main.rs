//! Measures each pair, and prints one table of ratios. `benches/run` runs it.

mod compile_time;
mod instructions;
mod interleave;
mod partial_index;
mod ratio;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use criterion::{Criterion, SamplingMode};
use diesel::connection::SimpleConnection;
use soft_delete_benches::allocations::{self, Counting};
use soft_delete_benches::{Pair, Private};

use crate::interleave::Interleave;
use crate::ratio::Ratio;
use crate::table::{Row, Table};

// The allocator counts for both sides, so the count does not change the ratio.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Measures the pairs of one backend.
macro_rules! on_backend {
    ($run:expr, $backend:ident, verbs: $verbs:literal) => {{
        use soft_delete_benches::$backend::{NAME, control, filled, queries, verbs};
        for pair in verbs() {
            $run.pair(NAME, pair, filled, Some($verbs));
        }
        for pair in queries() {
            $run.pair(NAME, pair, filled, Some(1.05));
        }
        $run.pair(NAME, control(), filled, None);
    }};
}

fn main() {
    let directory = target_directory().join("benches");
    let estimates = directory.join("criterion");
    // An earlier run may have measured something else, so its estimates are removed.
    let _ = std::fs::remove_dir_all(&estimates);
    let criterion = Criterion::default()
        .with_measurement(Ratio)
        .output_directory(&estimates)
        .warm_up_time(Duration::from_millis(500))
        .nresamples(10_000)
        .configure_from_args();
    let mut run = Run { criterion, table: Table::new(estimates) };

    on_backend!(run, postgres, verbs: 0.75);
    on_backend!(run, mysql, verbs: 1.05);
    on_backend!(run, sqlite, verbs: 1.05);
    partial_index::measure(&mut run);
    instructions::measure(&mut run.table);
    compile_time::measure(&mut run, &directory.join("compile_time"));

    println!("\n{}", run.table);
}

/// The state of a run: the harness, and the table with the results so far.
struct Run {
    criterion: Criterion<Ratio>,
    table: Table,
}

impl Run {
    /// Lets criterion take samples of a ratio. Each sample has several rounds of `round`, which returns the durations
    /// of both sides.
    fn ratio(&mut self, row: &Row, samples: usize, seconds: u64, mut round: impl FnMut() -> [Duration; 2]) {
        let mut group = self.criterion.benchmark_group("ratio");
        group.sampling_mode(SamplingMode::Flat);
        group.sample_size(samples).measurement_time(Duration::from_secs(seconds));
        group.bench_function(row.id(), |bencher| bencher.iter_custom(|rounds| ratio::of_rounds(rounds, &mut round)));
        group.finish();
    }

    fn pair<C>(&mut self, backend: &'static str, pair: Pair<C>, filled: fn() -> Private<C>, at_most: Option<f64>)
    where
        C: SimpleConnection,
    {
        let row = Row::new(pair.name, backend, at_most);
        if !self.table.wants(&row) {
            return;
        }
        let mut database = filled();
        let mut side_by_side = Interleave::new(&pair, &mut database.conn);
        self.ratio(&row, 400, 5, || side_by_side.round());
        let allocations = [&pair.ours, &pair.by_hand].map(|side| {
            (pair.prepare)(&mut database.conn, 1, 1);
            allocations::count(|| assert_eq!((side.call)(&mut database.conn, 1), pair.rows))
        });
        self.table.measured(row, Some(allocations));
    }
}

fn target_directory() -> PathBuf {
    // The path has the form `target/release/deps/ratios-0123`.
    let program = std::env::current_exe().expect("this program has a path");
    program.ancestors().nth(3).expect("cargo puts it three levels below the target directory").to_owned()
}
