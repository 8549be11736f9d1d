//! Sampling: two routines in alternation, and statistics of the samples.

use crate::Result;
use std::time::Duration;

/// A clock: returns the time since some fixed point.
pub type Clock = fn() -> Duration;

/// An operation that runs a given number of times.
pub trait Routine: FnMut(u64) -> Result<()> {}

impl<F: FnMut(u64) -> Result<()>> Routine for F {}

/// Limits on the time of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The least time of a sample. A shorter sample repeats the routine.
    pub sample: Duration,
    /// The time for samples of a pair, once there are `least` of each.
    pub pair: Duration,
    /// The least number of samples of each.
    pub least: usize,
}

/// The samples of one engine: nanoseconds or bytes, one or more, sorted.
#[derive(Clone, PartialEq, Debug)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Sorts samples.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn new(mut samples: Vec<f64>) -> Samples {
        assert!(!samples.is_empty(), "something was measured");
        samples.sort_by(f64::total_cmp);
        Samples(samples)
    }

    /// The number of samples.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The least sample.
    pub fn min(&self) -> f64 {
        self.0[0]
    }

    /// The median.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The noise: the interquartile range as a part of the median.
    pub fn spread(&self) -> f64 {
        (self.quantile(0.75) - self.quantile(0.25)) / self.median()
    }

    /// The quantile, interpolated between neighbors.
    fn quantile(&self, part: f64) -> f64 {
        let position = part * (self.0.len() - 1) as f64;
        let (below, above) = (position.floor() as usize, position.ceil() as usize);
        self.0[below] + (self.0[above] - self.0[below]) * position.fract()
    }
}

/// Samples two routines in turns, and returns nanoseconds for one run of each.
///
/// Each round takes one sample of both. The routine that went first goes second in the next round, so that other load
/// on the machine hits both alike.
///
/// # Errors
///
/// The first error of a routine.
pub fn alternate(
    clock: Clock,
    budget: &Budget,
    mut ours: impl Routine,
    mut theirs: impl Routine,
) -> Result<[Samples; 2]> {
    let times = [calibrate(clock, budget, &mut ours)?, calibrate(clock, budget, &mut theirs)?];
    let mut samples = [Vec::new(), Vec::new()];
    let start = clock();
    while samples[0].len() < budget.least || clock() - start < budget.pair {
        let round = samples[0].len();
        for turn in [round % 2, (round + 1) % 2] {
            let taken = match turn {
                0 => sample(clock, &mut ours, times[0])?,
                _ => sample(clock, &mut theirs, times[1])?,
            };
            samples[turn].push(taken.as_nanos() as f64 / times[turn] as f64);
        }
    }
    Ok(samples.map(Samples::new))
}

/// Returns how often a sample must repeat the routine. The runs that find this out warm caches too.
fn calibrate(clock: Clock, budget: &Budget, routine: &mut impl Routine) -> Result<u64> {
    let mut times = 1;
    loop {
        let taken = sample(clock, routine, times)?;
        if taken >= budget.sample {
            return Ok(times);
        }
        // The first runs are slower than later ones, so one step goes up by a factor of ten at most.
        let factor = budget.sample.as_nanos() / taken.as_nanos().max(1) + 1;
        times *= factor.clamp(2, 10) as u64;
    }
}

fn sample(clock: Clock, routine: &mut impl Routine, times: u64) -> Result<Duration> {
    let start = clock();
    routine(times)?;
    Ok(clock().saturating_sub(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    thread_local! {
        static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    fn clock() -> Duration {
        NOW.get()
    }

    fn pass(nanoseconds: u64) {
        NOW.set(NOW.get() + Duration::from_nanos(nanoseconds));
    }

    #[test]
    fn statistics() {
        let samples = Samples::new(vec![4.0, 1.0, 3.0, 2.0, 10.0]);
        assert_eq!((samples.count(), samples.min(), samples.median()), (5, 1.0, 3.0));
        assert_eq!(samples.spread(), 2.0 / 3.0);
        let even = Samples::new(vec![1.0, 3.0]);
        assert_eq!((even.median(), even.spread()), (2.0, 0.5));
        let one = Samples::new(vec![7.0]);
        assert_eq!((one.min(), one.median(), one.spread()), (7.0, 7.0, 0.0));
    }

    #[test]
    fn routines_alternate_and_are_told_apart() {
        let order = RefCell::new(String::new());
        let routine = |name: char, nanoseconds: u64| {
            let order = &order;
            move |times: u64| {
                order.borrow_mut().push(name);
                pass(nanoseconds * times);
                Ok(())
            }
        };
        let budget = Budget { sample: Duration::from_nanos(1000), pair: Duration::ZERO, least: 4 };
        let [ours, theirs] = alternate(clock, &budget, routine('o', 100), routine('t', 2000)).unwrap();
        assert_eq!((ours.median(), theirs.median()), (100.0, 2000.0));
        assert_eq!((ours.count(), theirs.count()), (4, 4));
        assert!(order.borrow().ends_with("ottootto"), "{}", order.borrow());
    }

    #[test]
    fn a_budget_is_used_up() {
        let budget = Budget { sample: Duration::from_nanos(10), pair: Duration::from_nanos(1000), least: 1 };
        let routine = |times: u64| {
            pass(times * 10);
            Ok(())
        };
        let [ours, _] = alternate(clock, &budget, routine, routine).unwrap();
        assert_eq!(ours.count(), 50);
    }

    #[test]
    fn errors_come_through() {
        let budget = Budget { sample: Duration::from_nanos(10), pair: Duration::ZERO, least: 1 };
        let good = |times: u64| {
            pass(times * 10);
            Ok(())
        };
        assert!(alternate(clock, &budget, good, |_| Err("no".into())).is_err());
    }
}
