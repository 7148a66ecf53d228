//! A ratio of two durations in a form that criterion measures.

use std::time::Duration;

use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter};

/// The duration with `diesel_soft_delete`, divided by that of the work by hand.
///
/// Criterion divides a sample by its number of rounds, so the value of a sample is its ratio times its rounds. The
/// result is the median of the samples with a bootstrap interval.
pub struct Ratio;

/// Returns the value of one sample.
pub fn of_rounds(rounds: u64, round: &mut impl FnMut() -> [Duration; 2]) -> f64 {
    let mut sum = [Duration::ZERO; 2];
    for _ in 0..rounds {
        let [ours, by_hand] = round();
        sum[0] += ours;
        sum[1] += by_hand;
    }
    rounds as f64 * sum[0].as_secs_f64() / sum[1].as_secs_f64()
}

impl Measurement for Ratio {
    type Intermediate = ();
    type Value = f64;

    fn start(&self) {}
    fn end(&self, (): ()) -> f64 {
        unreachable!("every benchmark here measures its own ratio")
    }
    fn add(&self, one: &f64, other: &f64) -> f64 {
        one + other
    }
    fn zero(&self) -> f64 {
        0.0
    }
    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Ratio {
    fn scale_values(&self, _: f64, _: &mut [f64]) -> &'static str {
        "of by hand"
    }
    fn scale_throughputs(&self, _: f64, _: &Throughput, _: &mut [f64]) -> &'static str {
        "of by hand"
    }
    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str {
        "of by hand"
    }
}
