//! Makes a finding smaller: fewer calls and functions, then smaller modules, then fewer instructions, as long as it stays the same
//! finding.
//!
//! "The same" is [`Finding::signature`](crate::panel::finding::Finding::signature), and a candidate is held to the rules of
//! the generator: it is made tame anew, known mistakes of other engines do not count, and it has to end.
//! Other engines have no fuel that could stop them, so one of our own lanes runs each candidate with fuel first.

use super::known::{self, New, Verdict};
use crate::generate::case::{Case, lane};
use crate::generate::deterministic::tame;
use crate::panel::Panel;
use crate::panel::compare::{self, Seen};
use crate::rewrite;
use lanes::{Features, Options, TrapKind, valid_with};
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasm_shrink::WasmShrink;

/// Far more than a generated case needs.
const FUEL: u64 = 1_000_000;
/// A module is as small as it gets when so many attempts in a row fail.
const ATTEMPTS: u32 = 600;

/// Makes `found` smaller, with at most so many runs of candidates. What comes out is a finding with the same signature.
pub fn shrink(found: &New, panel: &Panel, runs: u32) -> New {
    let mut shrinker = Shrinker { panel, signature: found.finding.signature(), best: None, runs };
    let mut case = found.case.clone();
    shrinker.calls(&mut case);
    if case.library.is_some() && shrinker.accepts(&Case { library: None, ..case.clone() }) {
        case.library = None;
    }
    for part in [(|case| Some(&mut case.main)) as Part, |case| case.library.as_mut()] {
        shrinker.bodies(&mut case, part);
        shrinker.module(&mut case, part);
        shrinker.instructions(&mut case, part);
    }
    shrinker.calls(&mut case);
    shrinker.best.unwrap_or_else(|| New { finding: found.finding.clone(), case: found.case.clone() })
}

/// One of a case's modules.
type Part = fn(&mut Case) -> Option<&mut Vec<u8>>;

struct Shrinker<'a> {
    panel: &'a Panel,
    signature: String,
    /// The last accepted candidate, as it was run.
    best: Option<New>,
    /// How many candidates may still be run.
    runs: u32,
}

impl Shrinker<'_> {
    /// Whether `case` still shows the finding.
    fn accepts(&mut self, case: &Case) -> bool {
        let Some(runs) = self.runs.checked_sub(1) else { return false };
        self.runs = runs;
        let Some(case) = tamed(case).filter(ends) else { return false };
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

    /// Makes the module that `part` chooses smaller, in half of the runs that are left.
    fn module(&mut self, case: &mut Case, part: Part) {
        let Some(whole) = part(case).cloned() else { return };
        let mut smallest = whole.clone();
        let saved = self.runs / 2;
        self.runs -= saved;
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
        self.runs += saved;
        *part(case).expect("it was there") = smallest;
    }

    /// Leaves out whole bodies.
    fn bodies(&mut self, case: &mut Case, part: Part) {
        for number in 0..part(case).map_or(0, |wasm| rewrite::bodies(wasm)) {
            let Some(stubbed) = part(case).and_then(|wasm| rewrite::stubbed(wasm, number)) else { continue };
            let mut candidate = case.clone();
            *part(&mut candidate).expect("it was there") = stubbed;
            if valid(part(&mut candidate), case.features) && self.accepts(&candidate) {
                *case = candidate;
            }
        }
    }

    /// Leaves out runs of instructions, long ones first: what the mutator leaves is full of blocks that do nothing.
    fn instructions(&mut self, case: &mut Case, part: Part) {
        let mut length = 128;
        while length > 0 {
            let mut start = 0;
            while let Some(shorter) = part(case).and_then(|wasm| rewrite::without(wasm, start, length)) {
                let mut candidate = case.clone();
                *part(&mut candidate).expect("it was there") = shorter;
                if valid(part(&mut candidate), case.features) && self.accepts(&candidate) {
                    *case = candidate;
                } else {
                    start += length.div_ceil(2);
                }
            }
            length /= 2;
        }
    }
}

fn valid(wasm: Option<&mut Vec<u8>>, features: Features) -> bool {
    wasm.is_some_and(|wasm| valid_with(wasm, features))
}

/// The case with tame modules; `None` if a module of it is no longer one.
fn tamed(case: &Case) -> Option<Case> {
    let main = tame(&case.main).ok()?;
    let library = case.library.as_deref().map(tame).transpose().ok()?;
    Some(Case { main, library, ..case.clone() })
}

/// Whether a lane that counts fuel comes to the end.
fn ends(case: &Case) -> bool {
    let options = Options { fuel: Some(FUEL), ..Options::default() };
    let run = compare::alone(case, lane("quick/fresh", &options).as_ref());
    run.steps.iter().all(|step| match &step.seen {
        Seen::Observation(observation) => {
            observation.outcome.as_trap().is_none_or(|trap| trap.kind != TrapKind::OutOfFuel)
        }
        Seen::State(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::case::Call;
    use crate::panel::scripted_engine::{Puppet, values};
    use lanes::Value;

    /// Another lane returns where ours divides by zero: nothing but the division is needed to see that.
    #[test]
    fn a_finding_is_made_smaller() {
        const TEXT: &str = r#"(module
            (func (export "g"))
            (func (export "f") (param i32) (result i32) (local i32)
                i32.const 7 local.set 1 block nop end local.get 1 drop
                local.get 0 i32.const 0 i32.div_s))"#;
        let call = |name: &str, arguments| Call { function: name.to_string(), arguments };
        let calls = vec![call("f", vec![Value::I32(5)]), call("f", vec![Value::I32(6)])];
        let options = ["speed", "quick"].map(|tier| (tier, Options::default())).into();
        let main = wat::parse_str(TEXT).expect("it parses");
        let case = Case { main, calls, options, ..Case::default() };
        let theirs = Puppet::new("theirs", "theirs", vec![values(1), values(1)]);
        let panel = Panel::new(&["speed/fresh"], vec![Box::new(theirs)]);
        let Verdict::New(found) = known::check(&case, &panel) else { panic!("nothing is found") };
        let small = shrink(&found, &panel, 300);
        assert_eq!(small.finding.signature(), found.finding.signature());
        assert_eq!(small.case.calls.len(), 1);
        let text = wasmprinter::print_bytes(&small.case.main).expect("it decodes");
        assert!(text.contains("i32.div_s"), "{text}");
        assert!(!["block", "nop", "local.set", "drop"].iter().any(|word| text.contains(word)), "{text}");
    }
}
