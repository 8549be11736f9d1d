//! Generators and oracles of the fuzzer.
//!
//! ```text
//! bytes -> input (three streams of choices) -> smith (a module) + graft (call chains that trap) -> case
//!       -> oracle (every lane, step by step) -> equal, or a report
//!                                            -> census (what was executed, what trapped and how deep)
//! ```
//!
//! The targets in `fuzz_targets/` are a few lines each; the same oracle runs in this crate's tests, with fixed seeds.

pub mod case;
pub mod census;
pub mod forge;
pub mod graft;
pub mod input;
pub mod oracle;
pub mod report;
pub mod smith;
pub mod value;

use case::Case;
use census::Census;
use oracle::Agreement;
use std::cell::RefCell;
use std::time::Duration;

/// A long run says this often how it goes.
const PERIOD: Duration = Duration::from_secs(60);

/// Runs one input through all our lanes.
///
/// # Errors
///
/// The report of a disagreement, or of a failure that no lane may have.
pub fn check(data: &[u8]) -> Result<Option<Agreement>, String> {
    // Bytes that lead to no module are no finding.
    let Ok(case) = Case::new(data) else { return Ok(None) };
    oracle::check(&case, &case.lanes()).map(Some).map_err(|finding| report::report(&case, &finding))
}

/// Runs one input through the oracle, on any toolchain.
///
/// # Errors
///
/// The report of a disagreement.
pub fn replay(input: &[u8]) -> Result<String, String> {
    let mut census = Census::default();
    let agreement = check(input)?;
    census.count(agreement.as_ref());
    let Some(agreement) = agreement else { return Ok("the input gives no module".to_string()) };
    let steps = agreement.run.steps.iter().map(|step| match &step.seen {
        oracle::Seen::Observation(observation) => format!("{}: {}\n", step.what, observation.outcome),
        oracle::Seen::State(_) => String::new(),
    });
    Ok(format!("{}\n{census}", steps.collect::<String>()))
}

/// The body of the target `differential`. Returns whether the input is worth keeping.
///
/// # Panics
///
/// With a report, when lanes disagree.
pub fn differential(data: &[u8]) -> bool {
    let checked = check(data);
    let agreement = checked.unwrap_or_else(|report| panic!("\n{report}"));
    RUNNING.with_borrow_mut(|running| running.count(agreement.as_ref()));
    agreement.is_some()
}

thread_local! {
    static RUNNING: RefCell<Running> = RefCell::default();
}

/// The census of this thread, said from time to time and when the thread ends: libFuzzer ends with `exit`, which
/// runs the destructors of the main thread.
#[derive(Default)]
struct Running {
    census: Census,
    said: Duration,
}

impl Running {
    fn count(&mut self, agreement: Option<&Agreement>) {
        self.census.count(agreement);
        if self.census.age() >= self.said + PERIOD {
            self.said = self.census.age();
            eprintln!("{}", self.census);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        eprintln!("{}", self.census);
    }
}
