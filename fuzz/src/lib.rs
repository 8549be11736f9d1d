//! Generators and oracles of the fuzzer.
//!
//! ```text
//! bytes -> input (three streams of choices) -> smith (a module) + graft (call chains that trap) -> case
//!       -> oracle (every lane of a panel, step by step) -> equal, or a finding: who differs, by voices
//!                                            -> census (what was executed, what trapped and how deep)
//! finding -> known (another engine's known mistake?) -> report, and made smaller by shrink
//! ```
//!
//! The targets in `fuzz_targets/` are a few lines each; [`campaign`] is the same loop without libFuzzer, for the stable
//! toolchain. The same oracle runs in this crate's tests, with fixed seeds.

pub mod campaign;
pub mod generate;
pub mod oracle;
pub mod panel;
pub mod rewrite;
pub mod rules;
pub mod statistics;
pub mod triage;

use generate::case::Case;
use panel::{Panel, compare};
use statistics::Census;
use std::cell::RefCell;
use std::time::Duration;
use triage::known::{self, Verdict};
use triage::report;

/// A long run says this often how it goes.
const PERIOD: Duration = Duration::from_secs(60);

/// Runs one input through the lanes of `panel`; `None` when it gives no module.
pub fn check(data: &[u8], panel: &Panel) -> Option<Verdict> {
    // Bytes that lead to no module are no finding.
    let case = Case::new(data, panel.audience()).ok()?;
    Some(known::check(&case, panel))
}

/// Runs one input through the oracle, on any toolchain.
///
/// # Errors
///
/// The report of a finding.
pub fn replay(input: &[u8], panel: &Panel) -> Result<String, String> {
    let mut census = Census::default();
    let verdict = check(input, panel);
    census.count(verdict.as_ref());
    match verdict {
        None => Ok("the input gives no module".to_string()),
        Some(Verdict::New(new)) => Err(report::report(&new)),
        Some(Verdict::Known(names)) => Ok(format!("known: {}\n{census}", names.join(", "))),
        Some(Verdict::Equal(agreement)) => {
            let steps = agreement.run.steps.iter().map(|step| match &step.seen {
                compare::Seen::Observation(observation) => format!("{}: {}\n", step.what, observation.outcome),
                compare::Seen::State(_) => String::new(),
            });
            Ok(format!("{}\n{census}", steps.collect::<String>()))
        }
    }
}

/// The body of the target `differential`, with the lanes of the environment ([`panel::VARIABLE`]). Returns whether the
/// input is worth keeping.
///
/// # Panics
///
/// With a report, when lanes disagree, and when the environment names lanes that are not there.
pub fn differential(data: &[u8]) -> bool {
    RUNNING.with_borrow_mut(|running| {
        let verdict = check(data, &running.panel);
        running.count(verdict.as_ref());
        if let Some(Verdict::New(new)) = &verdict {
            panic!("\n{}", report::report(new));
        }
        verdict.is_some()
    })
}

thread_local! {
    static RUNNING: RefCell<Running> = RefCell::new(Running::new());
}

/// The census of this thread, said from time to time and when the thread ends: libFuzzer ends with `exit`, which
/// runs the destructors of the main thread.
struct Running {
    panel: Panel,
    census: Census,
    said: Duration,
}

impl Running {
    fn new() -> Running {
        let panel = Panel::from_environment().unwrap_or_else(|error| panic!("{error}"));
        Running { panel, census: Census::default(), said: Duration::ZERO }
    }

    fn count(&mut self, verdict: Option<&Verdict>) {
        self.census.count(verdict);
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
