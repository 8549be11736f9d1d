//! The body of the libFuzzer targets in `fuzz_targets/`.
//!
//! libFuzzer owns the command line, so the environment names the lanes: [`VARIABLE`](crate::panel::VARIABLE).

use crate::oracle::{self, Oracle, Verdict};
use crate::panel::Panel;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The time between two prints of the statistics.
const PERIOD: Duration = Duration::from_mins(1);

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// Defines a libFuzzer target, whose name is that of an oracle.
///
/// Without libFuzzer (that is, without cargo-fuzz) the target is a program that checks the inputs in the files on its
/// command line.
#[macro_export]
macro_rules! target {
    ($oracle:literal) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
            if $crate::target::check($oracle, data) {
                libfuzzer_sys::Corpus::Keep
            } else {
                libfuzzer_sys::Corpus::Reject
            }
        });

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate::mutate(data, size, max_size, $crate::target::choices($oracle), seed.into())
        });

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_crossover!(|data1: &[u8], data2: &[u8], out: &mut [u8], seed: u32| {
            $crate::mutate::cross_over(data1, data2, out, $crate::target::choices($oracle), seed.into())
        });

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            for path in std::env::args_os().skip(1) {
                $crate::target::check($oracle, &std::fs::read(path)?);
            }
            Ok(())
        }
    };
}

/// Checks one input with an oracle, which is made on the first call of a thread. Returns whether the input describes a
/// case, so that it is worth keeping.
///
/// # Panics
///
/// With a report if there is a finding, and if there is no such oracle or no such lane.
pub fn check(oracle: &str, input: &[u8]) -> bool {
    RUNNING.with_borrow_mut(|running| {
        let running = running.get_or_insert_with(|| Running::new(oracle));
        let verdict = running.check(input);
        if let Verdict::Found(report) = &verdict {
            panic!("\n{}", report.details());
        }
        !matches!(verdict, Verdict::NoCase)
    })
}

/// Returns the number of bytes that an oracle reads of an input.
///
/// # Panics
///
/// If there is no such oracle.
pub fn choices(oracle: &str) -> usize {
    oracle::find(oracle).unwrap_or_else(|error| panic!("{error}")).choices
}

/// An oracle whose statistics are printed from time to time, and at the end: libFuzzer ends with `exit`, which runs the
/// destructors of the main thread.
struct Running {
    oracle: Box<dyn Oracle>,
    inputs: u64,
    began: Instant,
    printed: Instant,
}

impl Running {
    fn new(name: &str) -> Running {
        let panel = Panel::from_environment().unwrap_or_else(|error| panic!("{error}"));
        let registration = oracle::find(name).unwrap_or_else(|error| panic!("{error}"));
        let now = Instant::now();
        Running { oracle: (registration.make)(panel.watching_guests()), inputs: 0, began: now, printed: now }
    }

    fn check(&mut self, input: &[u8]) -> Verdict {
        let verdict = self.oracle.check(input);
        self.inputs += 1;
        if self.printed.elapsed() >= PERIOD {
            self.printed = Instant::now();
            self.print();
        }
        verdict
    }

    fn print(&self) {
        let seconds = self.began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let rate = self.inputs as f64 / seconds.max(0.001);
        eprintln!("{} inputs in {seconds:.0} s ({rate:.1} a second)", self.inputs);
        eprintln!("{}", self.oracle.statistics());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.print();
    }
}
