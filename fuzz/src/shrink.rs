//! Makes a finding smaller: fewer calls, then smaller modules, as long as it stays the same finding.
//!
//! "The same" is [`Finding::signature`](crate::finding::Finding::signature), and a candidate is held to the rules of
//! the generator: NaNs are canonicalised in it anew, known mistakes of other engines do not count, and it has to end.
//! Other engines have no fuel that could stop them, so one of our own lanes runs each candidate with fuel first.

use crate::case::{Case, lane};
use crate::known::{self, New, Verdict};
use crate::nan;
use crate::oracle::{self, Seen};
use crate::panel::Panel;
use lanes::{Options, TrapKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use wasm_shrink::WasmShrink;

/// Far more than a generated case needs.
const FUEL: u64 = 1_000_000;
/// A module is as small as it gets when so many attempts in a row fail.
const ATTEMPTS: u32 = 600;

/// Makes `found` smaller for about as long as `patience`. What comes out is a finding with the same signature.
pub fn shrink(found: &New, panel: &Panel, patience: Duration) -> New {
    let until = Instant::now() + patience;
    let mut shrinker = Shrinker { panel, signature: found.finding.signature(), best: None, until };
    let mut case = found.case.clone();
    shrinker.calls(&mut case);
    if case.library.is_some() && shrinker.accepts(&Case { library: None, ..case.clone() }) {
        case.library = None;
    }
    shrinker.module(&mut case, |case| Some(&mut case.main));
    shrinker.module(&mut case, |case| case.library.as_mut());
    shrinker.calls(&mut case);
    shrinker.best.unwrap_or_else(|| New { finding: found.finding.clone(), case: found.case.clone() })
}

struct Shrinker<'a> {
    panel: &'a Panel,
    signature: String,
    /// The last accepted candidate, as it was run.
    best: Option<New>,
    until: Instant,
}

impl Shrinker<'_> {
    /// Whether `case` still shows the finding.
    fn accepts(&mut self, case: &Case) -> bool {
        if Instant::now() >= self.until {
            return false;
        }
        let Some(case) = canonical(case).filter(ends) else { return false };
        match known::check(&case, self.panel) {
            Verdict::New(new) if new.finding.signature() == self.signature => {
                self.best = Some(*new);
                true
            }
            _ => false,
        }
    }

    /// Leaves out calls, the last first.
    fn calls(&mut self, case: &mut Case) {
        for k in (0..case.calls.len()).rev() {
            let mut candidate = case.clone();
            candidate.calls.remove(k);
            if self.accepts(&candidate) {
                *case = candidate;
            }
        }
    }

    /// Makes the module that `part` chooses smaller.
    fn module(&mut self, case: &mut Case, part: fn(&mut Case) -> Option<&mut Vec<u8>>) {
        let Some(whole) = part(case).cloned() else { return };
        let mut smallest = whole.clone();
        let shrunk = catch_unwind(AssertUnwindSafe(|| {
            WasmShrink::default().attempts(ATTEMPTS).run(whole, |wasm: &[u8]| {
                let mut candidate = case.clone();
                *part(&mut candidate).expect("it was there") = wasm.to_vec();
                let accepted = self.accepts(&candidate);
                if accepted && wasm.len() < smallest.len() {
                    smallest = wasm.to_vec();
                }
                Ok(accepted)
            })
        }));
        // The mutator gives up now and then, with an error or a panic; what it found by then is as good.
        drop(shrunk);
        *part(case).expect("it was there") = smallest;
    }
}

/// The case with canonical NaNs; `None` if a module of it is no longer one.
fn canonical(case: &Case) -> Option<Case> {
    let main = nan::canonicalise(&case.main).ok()?;
    let library = case.library.as_deref().map(nan::canonicalise).transpose().ok()?;
    Some(Case { main, library, ..case.clone() })
}

/// Whether a lane that counts fuel comes to the end.
fn ends(case: &Case) -> bool {
    let options = Options { fuel: Some(FUEL), ..Options::default() };
    let run = oracle::alone(case, lane("quick/fresh", &options).as_ref());
    run.steps.iter().all(|step| match &step.seen {
        Seen::Observation(observation) => {
            observation.outcome.as_trap().is_none_or(|trap| trap.kind != TrapKind::OutOfFuel)
        }
        Seen::State(_) => true,
    })
}
