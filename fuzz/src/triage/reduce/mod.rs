//! Reduces a finding: fewer actions, no host functions, fewer items and instructions, as long as it stays the same
//! finding.
//!
//! "The same" means the same [`Finding::signature`](crate::panel::finding::Finding::signature). A candidate has to obey
//! the rules of the generator: it is made deterministic anew, known mistakes of other engines do not count, and it has
//! to end. Other engines have no fuel that could stop them, so one of our own lanes runs each candidate with fuel
//! first.
//!
//! A finding that does not repeat is not reduced: no candidate would prove anything.

mod journal;
mod passes;

pub use journal::{Attempt, reduce_loss};

use super::close::{Callback, close};
use super::known::{self, Judgment, NewFinding};
use crate::generate::case::{Action, Case};
use crate::generate::deterministic::make_deterministic;
use crate::panel::run::run_alone;
use crate::panel::{Check, INTERPRETER, own_lane};
use crate::rewrite;
use lanes::{Cpu, HeapType, MemoryChecks, Options, Reference, TrapKind, Value};
use std::collections::BTreeSet;

/// Far more fuel than a generated case needs.
const FUEL: u64 = 1_000_000;
/// The number of times that a finding is run again before it is reduced.
pub const REPEATS: u32 = 4;

/// Reduces `found` with at most `runs` runs of candidates. Returns a finding with the same signature, whose remarks say
/// whether it repeats.
pub fn reduce(found: NewFinding, check: &dyn Check, runs: u32) -> NewFinding {
    let mut trials = Repeated { check, signature: found.finding.signature() };
    let seen = (0..REPEATS).filter(|_| trials.judge(&found.case).is_some()).count();
    if seen < REPEATS as usize {
        let remark = format!("It does not repeat: {REPEATS} further runs showed it {seen} times. It is not reduced.");
        return found.with_remark(remark).complete(check.panel());
    }
    shrink(found, &mut trials, runs, true)
}

/// The trials of a reduction: whether a case still shows the finding.
trait Trials {
    /// Returns the finding that a case shows, if it is the one that is reduced.
    fn show(&mut self, case: &Case) -> Option<NewFinding>;

    /// Returns the reduced finding with the run of a lane that most backends agree with.
    fn complete(&mut self, found: NewFinding) -> NewFinding;
}

/// Trials in this process.
struct Repeated<'a> {
    check: &'a dyn Check,
    signature: String,
}

impl Repeated<'_> {
    fn judge(&self, case: &Case) -> Option<NewFinding> {
        match known::judge(case, self.check) {
            Judgment::New(new) => Some(*new).filter(|new| new.finding.signature() == self.signature),
            Judgment::Agreed(_) | Judgment::Known(_) => None,
        }
    }
}

impl Trials for Repeated<'_> {
    fn show(&mut self, case: &Case) -> Option<NewFinding> {
        if ends(case) { self.judge(case) } else { None }
    }

    fn complete(&mut self, found: NewFinding) -> NewFinding {
        found.complete(self.check.panel())
    }
}

/// Makes the case of a finding smaller, with at most `runs` trials. wasm-shrink takes a part in it if `shrinks`.
fn shrink(found: NewFinding, trials: &mut dyn Trials, runs: u32, shrinks: bool) -> NewFinding {
    let mut case = found.case.clone();
    let mut reducer = Reducer { trials, best: None, runs };
    reducer.remove_actions(&mut case);
    reducer.simplify_options(&mut case);
    reducer.reset_settings(&mut case);
    reducer.close_hosts(&mut case);
    // A module that others import from can be smaller once these are.
    for round in 0..2 {
        for module in (0..case.modules.len()).rev() {
            reducer.reduce_module(&mut case, module, shrinks && round == 0);
        }
        reducer.remove_actions(&mut case);
        reducer.simplify_arguments(&mut case);
        // A host function that no module can take the place of may not be imported any more.
        reducer.close_hosts(&mut case);
    }
    let best = reducer.best.unwrap_or(found);
    trials.complete(best)
}

struct Reducer<'a> {
    trials: &'a mut dyn Trials,
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
        let shown = self.trials.show(&case);
        let accepted = shown.is_some();
        self.best = shown.or_else(|| self.best.take());
        accepted
    }

    /// Removes actions, the last first and several at once, and then the modules without an instance.
    fn remove_actions(&mut self, case: &mut Case) {
        let mut length = case.actions.len().next_power_of_two() / 2;
        while length > 0 {
            let mut end = case.actions.len();
            while end > 0 {
                let start = end.saturating_sub(length);
                let mut smaller = case.clone();
                smaller.actions.drain(start..end);
                if self.accepts(&smaller) {
                    *case = smaller;
                }
                end = start;
            }
            length /= 2;
        }
        for module in (0..case.modules.len()).rev() {
            let smaller = without_module(case, module);
            if let Some(smaller) = smaller.filter(|smaller| self.accepts(smaller)) {
                *case = smaller;
            }
        }
    }

    /// Puts modules in the place of host functions, so that a script shows the finding by itself.
    fn close_hosts(&mut self, case: &mut Case) {
        for callback in [Callback::Table, Callback::Host] {
            if let Some(closed) = close(case, callback).filter(|closed| self.accepts(closed)) {
                *case = closed;
                return;
            }
        }
    }

    /// Makes options those of a lane that nobody configures, all at once or one by one.
    fn simplify_options(&mut self, case: &mut Case) {
        const CHANGES: [fn(&mut Options); 5] = [
            |options| *options = Options { compile_threads: options.compile_threads, ..Options::default() },
            |options| options.fuel = None,
            |options| options.gc_zeal = false,
            |options| options.memory_checks = MemoryChecks::Guard,
            |options| options.cpu = Cpu::Host,
        ];
        for change in CHANGES {
            let mut simpler = case.clone();
            simpler.options.values_mut().for_each(change);
            if simpler.options != case.options && self.accepts(&simpler) {
                *case = simpler;
            }
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

    /// Makes arguments zero or null.
    fn simplify_arguments(&mut self, case: &mut Case) {
        for action in 0..case.actions.len() {
            let Action::Call(call) = &case.actions[action] else { continue };
            for argument in 0..call.arguments.len() {
                let mut simpler = case.clone();
                let Action::Call(call) = &mut simpler.actions[action] else { continue };
                let value = &mut call.arguments[argument];
                let zero = simplest(*value);
                if *value == zero {
                    continue;
                }
                *value = zero;
                if self.accepts(&simpler) {
                    *case = simpler;
                }
            }
        }
    }
}

/// Returns the zero or null of the type of a value.
fn simplest(value: Value) -> Value {
    match value {
        Value::I32(_) => Value::I32(0),
        Value::I64(_) => Value::I64(0),
        Value::F32(_) => Value::F32(0),
        Value::F64(_) => Value::F64(0),
        Value::V128(_) => Value::V128(0),
        Value::Ref(Reference::Extern(_)) => Value::Ref(Reference::Null(HeapType::Extern)),
        Value::Ref(Reference::Host(_) | Reference::I31(_)) => Value::Ref(Reference::Null(HeapType::Any)),
        Value::Ref(_) => value,
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
    use crate::panel::Panel;
    use crate::panel::scripted_engine::{ScriptedEngine, values};

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

    /// A lane that is wrong every other time.
    struct Flaky(ScriptedEngine, std::sync::atomic::AtomicU32);

    impl lanes::Lane for Flaky {
        fn info(&self) -> &lanes::LaneInfo {
            self.0.info()
        }

        fn lacks(&self, _: lanes::Features) -> lanes::Features {
            // A lane that takes no part agrees with all others.
            let count = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if count.is_multiple_of(4) { lanes::Features::empty() } else { lanes::Features::all() }
        }

        fn session(&self, features: lanes::Features) -> Result<Box<dyn lanes::Session + '_>, lanes::Failure> {
            self.0.session(features)
        }
    }

    #[test]
    fn a_finding_that_does_not_repeat_is_said_to_be_so() {
        let wasm = wat::parse_str("(module (func (export \"f\") (result i32) i32.const 2))").expect("it parses");
        let mut case = Case::of_module(wasm, [("f".to_string(), Vec::new())]);
        case.needed = lanes::Features::SIMD;
        let theirs = ScriptedEngine::new("theirs", "theirs", vec![values(1)]);
        let panel = Panel::new(&["speed/fresh"], vec![Box::new(Flaky(theirs, 0.into()))]);
        let Judgment::New(found) = known::judge(&case, &panel) else { panic!("nothing is found") };
        let found = reduce(*found, &panel, 300);
        assert!(found.remarks.concat().contains("does not repeat"), "{:?}", found.remarks);
    }
}
