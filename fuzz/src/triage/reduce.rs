//! Reduces a finding: fewer actions and functions, then smaller modules, then fewer instructions, as long as it stays the
//! same finding.
//!
//! "The same" means the same [`Finding::signature`](crate::panel::finding::Finding::signature). A candidate has to obey
//! the rules of the generator: it is made deterministic anew, known mistakes of other engines do not count, and it has
//! to end. Other engines have no fuel that could stop them, so one of our own lanes runs each candidate with fuel
//! first.

use super::known::{self, Judgment, NewFinding};
use crate::generate::case::{Action, Case};
use crate::generate::deterministic::make_deterministic;
use crate::panel::run::run_alone;
use crate::panel::{INTERPRETER, Panel, own_lane};
use crate::rewrite;
use lanes::{Options, TrapKind, is_valid_with};
use std::collections::BTreeSet;
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
    reducer.reset_settings(&mut case);
    reducer.remove_actions(&mut case);
    for module in (0..case.modules.len()).rev() {
        reducer.stub_bodies(&mut case, module);
        reducer.shrink_module(&mut case, module);
        reducer.remove_instructions(&mut case, module);
    }
    reducer.remove_actions(&mut case);
    reducer.best.unwrap_or(found)
}

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

    /// Gives the options of other engines their first values, one by one.
    fn reset_settings(&mut self, case: &mut Case) {
        for (lane, settings) in case.settings.clone() {
            for name in settings.keys() {
                let mut simpler = case.clone();
                simpler.settings.entry(lane.clone()).or_default().remove(name);
                if self.accepts(&simpler) {
                    *case = simpler;
                }
            }
        }
    }

    /// Removes actions, the last first, and then the modules without an instance.
    fn remove_actions(&mut self, case: &mut Case) {
        for k in (0..case.actions.len()).rev() {
            let action = case.actions.remove(k);
            if !self.accepts(case) {
                case.actions.insert(k, action);
            }
        }
        for module in (0..case.modules.len()).rev() {
            let smaller = without_module(case, module);
            if let Some(smaller) = smaller.filter(|smaller| self.accepts(smaller)) {
                *case = smaller;
            }
        }
    }

    /// Shrinks a module with wasm-shrink, in half of the runs that are left.
    fn shrink_module(&mut self, case: &mut Case, module: usize) {
        let whole = case.modules[module].clone();
        let mut smallest = whole.clone();
        let saved = self.runs / 2;
        self.runs -= saved;
        let shrunk = catch_unwind(AssertUnwindSafe(|| {
            WasmShrink::default().attempts(ATTEMPTS).run(whole, |wasm: &[u8]| {
                replace(case, module, wasm.to_vec());
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
        replace(case, module, smallest);
    }

    /// Replaces whole bodies by `unreachable`.
    fn stub_bodies(&mut self, case: &mut Case, module: usize) {
        for number in 0..rewrite::count_bodies(&case.modules[module]) {
            if let Some(stubbed) = rewrite::stub_body(&case.modules[module], number) {
                self.try_module(case, module, stubbed);
            }
        }
    }

    /// Removes runs of instructions, long ones first: what wasm-shrink leaves is full of blocks that do nothing.
    fn remove_instructions(&mut self, case: &mut Case, module: usize) {
        let mut length = 128;
        while length > 0 {
            let mut start = 0;
            while let Some(shorter) = rewrite::remove(&case.modules[module], start, length) {
                if !self.try_module(case, module, shorter) {
                    start += length.div_ceil(2);
                }
            }
            length /= 2;
        }
    }

    /// Puts `wasm` into the case if that is valid and still shows the finding. Returns whether it did.
    fn try_module(&mut self, case: &mut Case, module: usize, wasm: Vec<u8>) -> bool {
        if !is_valid_with(&wasm, case.features) {
            return false;
        }
        let before = replace(case, module, wasm);
        let accepted = self.accepts(case);
        if !accepted {
            replace(case, module, before);
        }
        accepted
    }
}

/// Returns the case without a module and its instances, or `None` if it has no other.
fn without_module(case: &Case, module: usize) -> Option<Case> {
    let mut smaller = case.clone();
    smaller.modules.remove(module);
    let mut names = BTreeSet::new();
    smaller.actions.retain_mut(|action| match action {
        Action::Instantiate(instantiation) if instantiation.module == module => {
            names.insert(instantiation.name.clone());
            false
        }
        Action::Instantiate(instantiation) => {
            instantiation.module -= usize::from(instantiation.module > module);
            true
        }
        Action::Call(call) => !names.contains(&call.instance),
    });
    (!smaller.modules.is_empty()).then_some(smaller)
}

/// Puts `wasm` into the case and returns the module that was there.
fn replace(case: &mut Case, module: usize, wasm: Vec<u8>) -> Vec<u8> {
    std::mem::replace(&mut case.modules[module], wasm)
}

/// Returns the case with modules made deterministic, or `None` if one of them no longer decodes.
fn make_case_deterministic(case: &Case) -> Option<Case> {
    let modules = case.modules.iter().map(|wasm| make_deterministic(wasm)).collect::<rewrite::Result<_>>().ok()?;
    Some(Case { modules, ..case.clone() })
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
        let calls = [5, 6].map(|argument| ("f".to_string(), vec![Value::I32(argument)]));
        let case = Case::of_module(wat::parse_str(TEXT).expect("it parses"), calls);
        let theirs = ScriptedEngine::new("theirs", "theirs", vec![values(1), values(1)]);
        let panel = Panel::new(&["speed/fresh"], vec![Box::new(theirs)]);
        let Judgment::New(found) = known::judge(&case, &panel) else { panic!("nothing is found") };
        let signature = found.finding.signature();
        let small = reduce(*found, &panel, 300);
        assert_eq!(small.finding.signature(), signature);
        assert_eq!(small.case.calls().count(), 1);
        let text = wasmprinter::print_bytes(&small.case.modules[0]).expect("it decodes");
        assert!(text.contains("i32.div_s"), "{text}");
        assert!(!["block", "nop", "local.set", "drop"].iter().any(|word| text.contains(word)), "{text}");
    }
}
