//! Reduces a finding: fewer calls and functions, then smaller modules, then fewer instructions, as long as it stays the
//! same finding.
//!
//! "The same" means the same [`Finding::signature`](crate::panel::finding::Finding::signature). A candidate has to obey
//! the rules of the generator: it is made deterministic anew, known mistakes of other engines do not count, and it has
//! to end. Other engines have no fuel that could stop them, so one of our own lanes runs each candidate with fuel
//! first.

use super::known::{self, Judgment, NewFinding};
use crate::generate::case::Case;
use crate::generate::deterministic::make_deterministic;
use crate::panel::run::run_alone;
use crate::panel::{INTERPRETER, Panel, own_lane};
use crate::rewrite;
use lanes::{Options, TrapKind, is_valid_with};
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasm_shrink::WasmShrink;

/// Far more fuel than a generated case needs.
const FUEL: u64 = 1_000_000;
/// The number of failed attempts in a row after which wasm-shrink takes a module for as small as it gets.
const ATTEMPTS: u32 = 600;

/// Reduces `found` with at most `runs` runs of candidates. Returns a finding with the same signature.
pub fn reduce(found: NewFinding, panel: &Panel, runs: u32) -> NewFinding {
    let mut reducer = Reducer { panel, signature: found.finding.signature(), best: None, runs };
    let mut case = found.case.clone();
    reducer.remove_calls(&mut case);
    reducer.remove_library(&mut case);
    for part in [(|case| Some(&mut case.main)) as Part, |case| case.library.as_mut()] {
        reducer.stub_bodies(&mut case, part);
        reducer.shrink_module(&mut case, part);
        reducer.remove_instructions(&mut case, part);
    }
    reducer.remove_calls(&mut case);
    reducer.best.unwrap_or(found)
}

/// One of a case's modules.
type Part = fn(&mut Case) -> Option<&mut Vec<u8>>;

struct Reducer<'a> {
    panel: &'a Panel,
    signature: String,
    /// The last accepted candidate, as it was run.
    best: Option<NewFinding>,
    /// The number of candidates that may still be run.
    runs: u32,
}

impl Reducer<'_> {
    /// Returns whether `case` still shows the finding.
    fn accepts(&mut self, case: &Case) -> bool {
        let Some(runs) = self.runs.checked_sub(1) else { return false };
        self.runs = runs;
        let Some(case) = make_case_deterministic(case) else { return false };
        if !ends(&case) {
            return false;
        }
        match known::judge(&case, self.panel) {
            Judgment::New(new) if new.finding.signature() == self.signature => {
                self.best = Some(*new);
                true
            }
            _ => false,
        }
    }

    /// Removes calls, the last first.
    fn remove_calls(&mut self, case: &mut Case) {
        for k in (0..case.calls.len()).rev() {
            let call = case.calls.remove(k);
            if !self.accepts(case) {
                case.calls.insert(k, call);
            }
        }
    }

    fn remove_library(&mut self, case: &mut Case) {
        let library = case.library.take();
        if library.is_some() && !self.accepts(case) {
            case.library = library;
        }
    }

    /// Shrinks the module that `part` selects with wasm-shrink, in half of the runs that are left.
    fn shrink_module(&mut self, case: &mut Case, part: Part) {
        let Some(whole) = part(case).cloned() else { return };
        let mut smallest = whole.clone();
        let saved = self.runs / 2;
        self.runs -= saved;
        let shrunk = catch_unwind(AssertUnwindSafe(|| {
            WasmShrink::default().attempts(ATTEMPTS).run(whole, |wasm: &[u8]| {
                replace(case, part, wasm.to_vec());
                let accepted = self.accepts(case);
                if accepted && wasm.len() < smallest.len() {
                    smallest = wasm.to_vec();
                }
                Ok(accepted)
            })
        }));
        // wasm-shrink gives up now and then, with an error or a panic. What it found until then is as good.
        drop(shrunk);
        self.runs += saved;
        replace(case, part, smallest);
    }

    /// Replaces whole bodies by `unreachable`.
    fn stub_bodies(&mut self, case: &mut Case, part: Part) {
        for number in 0..part(case).map_or(0, |wasm| rewrite::count_bodies(wasm)) {
            let stubbed = part(case).and_then(|wasm| rewrite::stub_body(wasm, number));
            if let Some(stubbed) = stubbed {
                self.try_module(case, part, stubbed);
            }
        }
    }

    /// Removes runs of instructions, long ones first: what wasm-shrink leaves is full of blocks that do nothing.
    fn remove_instructions(&mut self, case: &mut Case, part: Part) {
        let mut length = 128;
        while length > 0 {
            let mut start = 0;
            while let Some(shorter) = part(case).and_then(|wasm| rewrite::remove(wasm, start, length)) {
                if !self.try_module(case, part, shorter) {
                    start += length.div_ceil(2);
                }
            }
            length /= 2;
        }
    }

    /// Puts `wasm` into the case if that is valid and still shows the finding. Returns whether it did.
    fn try_module(&mut self, case: &mut Case, part: Part, wasm: Vec<u8>) -> bool {
        if !is_valid_with(&wasm, case.features) {
            return false;
        }
        let before = replace(case, part, wasm);
        let accepted = self.accepts(case);
        if !accepted {
            replace(case, part, before);
        }
        accepted
    }
}

/// Puts `wasm` into the case and returns the module that was there.
fn replace(case: &mut Case, part: Part, wasm: Vec<u8>) -> Vec<u8> {
    std::mem::replace(part(case).expect("the case has this module"), wasm)
}

/// Returns the case with modules made deterministic, or `None` if one of them no longer decodes.
fn make_case_deterministic(case: &Case) -> Option<Case> {
    let main = make_deterministic(&case.main).ok()?;
    let library = case.library.as_deref().map(make_deterministic).transpose().ok()?;
    Some(Case { main, library, ..case.clone() })
}

/// Returns whether the case ends by itself: a lane that counts fuel does not run out of it.
fn ends(case: &Case) -> bool {
    let options = Options { fuel: Some(FUEL), ..Options::default() };
    let lane = if cfg!(feature = "interp") { INTERPRETER } else { "quick/fresh" };
    let run = run_alone(case, own_lane(lane, &options).as_ref());
    let mut traps = run.steps.iter().filter_map(|step| step.outcome()?.as_trap());
    traps.all(|trap| trap.kind != TrapKind::OutOfFuel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::case::Call;
    use crate::panel::scripted_engine::{ScriptedEngine, values};
    use lanes::Value;

    /// Another lane returns where ours divides by zero: nothing but the division is needed to see that.
    #[test]
    fn a_finding_is_reduced() {
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
        let theirs = ScriptedEngine::new("theirs", "theirs", vec![values(1), values(1)]);
        let panel = Panel::new(&["speed/fresh"], vec![Box::new(theirs)]);
        let Judgment::New(found) = known::judge(&case, &panel) else { panic!("nothing is found") };
        let signature = found.finding.signature();
        let small = reduce(*found, &panel, 300);
        assert_eq!(small.finding.signature(), signature);
        assert_eq!(small.case.calls.len(), 1);
        let text = wasmprinter::print_bytes(&small.case.main).expect("it decodes");
        assert!(text.contains("i32.div_s"), "{text}");
        assert!(!["block", "nop", "local.set", "drop"].iter().any(|word| text.contains(word)), "{text}");
    }
}
