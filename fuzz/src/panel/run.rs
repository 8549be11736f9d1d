//! Runs a case in one lane and records each step.

use super::finding::FindingKind;
use super::watch;
use crate::generate::case::{Action, Call, Case, Instantiation};
use crate::generate::feature_set::DRAWN;
use crate::statistics::phases::{self, measure};
use lanes::{
    Binary, Failure, Features, InstanceId, Lane, ModuleId, Observation, Outcome, Phase, Refusal, Session, State,
    TrapKind,
};
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{Parser, Payload};

/// The features that cases may use.
pub(super) const ALL: Features = Features::WASM_2_0.union(DRAWN);
/// The number of calls after which the whole state is recorded. It is also recorded after the last call.
const STATE_PERIOD: usize = 4;

/// The record of a case in one lane.
#[derive(Default)]
pub struct Run {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// True if a function was called.
    pub called: bool,
    /// True if the lane takes no part, since it lacks a feature that the modules need.
    pub lacks: bool,
    /// True if the lane gave up, since the case took too long.
    pub gave_up: bool,
    /// The first action that ran out of fuel.
    pub out_of_fuel: Option<usize>,
    /// The action that is under way.
    action: usize,
}

/// One action of a lane, and what could be observed of it.
pub struct Step {
    /// The action, for reports.
    pub what: String,
    /// The observable result.
    pub seen: Seen,
}

/// The observable result of a step.
pub enum Seen {
    /// The outcome of loading, instantiating or calling.
    Observation(Observation),
    /// The exports of an instance, if the lane can show them.
    State(Option<State>),
}

impl Step {
    /// Returns the outcome of the step, unless it recorded a state.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.seen {
            Seen::Observation(observation) => Some(&observation.outcome),
            Seen::State(_) => None,
        }
    }

    /// Returns why the outcome is wrong in any lane, if it is. Modules are valid, their imports exist, and calls are
    /// well typed, so that an engine has no reason to refuse or to fail on its own account.
    pub(super) fn failure(&self) -> Option<(FindingKind, String)> {
        let outcome = self.outcome()?;
        let kind = match outcome {
            _ if outcome.is_unsupported() => return None,
            Outcome::Refused(Refusal { phase: Phase::Crashed, .. }) | Outcome::Failed(Failure::Crashed(_)) => {
                FindingKind::Crash
            }
            Outcome::Refused(Refusal { phase: Phase::TimedOut, .. }) | Outcome::Failed(Failure::TimedOut(_)) => {
                FindingKind::Hang
            }
            Outcome::Refused(Refusal { phase: Phase::Garbled, .. }) | Outcome::Failed(Failure::Garbled(_)) => {
                FindingKind::Garble
            }
            Outcome::Refused(_) => FindingKind::Refusal,
            Outcome::Failed(Failure::Link(_) | Failure::Usage(_) | Failure::Internal(_)) => FindingKind::Failure,
            Outcome::Failed(_) | Outcome::Values(_) => return None,
        };
        Some((kind, outcome.to_string()))
    }
}

/// The modules of a case as the lanes take them: lanes with the same code compile a [`Binary`] once.
pub(super) struct Binaries(Vec<Module>);

struct Module {
    binary: Binary,
    /// The module names of its imports.
    imports: BTreeSet<String>,
}

impl Binaries {
    pub(super) fn new(case: &Case) -> Binaries {
        let module = |wasm: &Vec<u8>| Module { imports: find_imports(wasm), binary: Binary::new(wasm.clone()) };
        Binaries(case.modules.iter().map(module).collect())
    }
}

/// Returns the module names of the imports of `wasm`, as far as it decodes.
pub(super) fn find_imports(wasm: &[u8]) -> BTreeSet<String> {
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::ImportSection(section) => {
                let imports = section.into_imports().map_while(Result::ok);
                return imports.map(|import| import.module.to_string()).collect();
            }
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    BTreeSet::new()
}

/// Runs the whole case in one lane, and compares it with nothing.
pub fn run_alone(case: &Case, lane: &dyn Lane) -> Run {
    run(case, &Binaries::new(case), lane)
}

/// Runs the whole case in one lane.
pub(super) fn run(case: &Case, binaries: &Binaries, lane: &dyn Lane) -> Run {
    run_and(case, binaries, lane, &mut |_| ())
}

/// Runs the whole case in one lane, and then shows the store.
pub(super) fn run_and(case: &Case, binaries: &Binaries, lane: &dyn Lane, after: &mut dyn FnMut(&mut Store<'_>)) -> Run {
    watch::enter(&lane.info().name);
    let mut run = Run { lacks: !lane.lacks(case.needed).is_empty(), ..Run::default() };
    if run.lacks {
        run.fail("open a session", Failure::Unsupported("a feature that the modules need".to_string()));
        return run;
    }
    // Another engine is made once, with all features that it has, and not for each case.
    let features = if lane.info().is_own() { case.features } else { ALL - lane.lacks(ALL) };
    let settings = case.settings.get(&lane.info().name).cloned().unwrap_or_default();
    let name = &lane.info().name;
    match measure(phases::Phase::Open, name, || lane.session_with(features, &settings)) {
        Ok(mut session) => {
            let (modules, instances) = (BTreeMap::new(), BTreeMap::new());
            let mut store = Store { lane: name, session: session.as_mut(), binaries, modules, instances };
            // The steps say why a case ends early.
            let _ended = run.perform(case, &mut store);
            after(&mut store);
            measure(phases::Phase::Open, name, || drop(session));
        }
        Err(failure) => run.fail("open a session", failure),
    }
    run
}

/// The case ended before its last action.
struct Ended;

/// A session, with what was made in it so far.
pub(super) struct Store<'a> {
    /// The name of the lane.
    lane: &'a str,
    session: &'a mut dyn Session,
    binaries: &'a Binaries,
    /// The loaded modules, by their index in the case.
    modules: BTreeMap<usize, ModuleId>,
    /// The instances, by name. `None` if the instantiation failed.
    instances: BTreeMap<String, Option<InstanceId>>,
}

impl Store<'_> {
    /// Returns whether a function was called. `None` if the lane cannot tell, or has not loaded the module.
    pub(super) fn was_called(&mut self, module: usize, function: u32) -> Option<bool> {
        self.session.was_called(*self.modules.get(&module)?, function)
    }

    /// Returns where straight code begins that was not executed in a function which was called.
    pub(super) fn skipped_code(&mut self, module: usize, function: u32) -> Vec<u32> {
        let module = self.modules.get(&module).copied();
        module.map_or_else(Vec::new, |module| self.session.skipped_code(module, function))
    }
}

impl Run {
    fn perform(&mut self, case: &Case, store: &mut Store<'_>) -> Result<(), Ended> {
        for host in &case.hosts {
            if let Err(failure) = store.session.define(host) {
                self.fail(&format!("define {}.{}", host.module, host.name), failure);
                return Err(Ended);
            }
        }
        let mut calls = 0;
        for (k, action) in case.actions.iter().enumerate() {
            self.action = k;
            match action {
                Action::Instantiate(instantiation) => self.instantiate(instantiation, store)?,
                Action::Call(call) => {
                    self.call(calls, call, store)?;
                    calls += 1;
                }
            }
            let is_due = matches!(action, Action::Call(_)) && calls % STATE_PERIOD == 0;
            if is_due || k + 1 == case.actions.len() {
                measure(phases::Phase::Show, store.lane, || self.record_states(k, store));
            }
        }
        Ok(())
    }

    /// Makes call number `k`, if there is an instance to call.
    fn call(&mut self, k: usize, call: &Call, store: &mut Store<'_>) -> Result<(), Ended> {
        let Some(&Some(instance)) = store.instances.get(&call.instance) else { return Ok(()) };
        self.called = true;
        let observation = measure(phases::Phase::Run, store.lane, || {
            let result = store.session.invoke(instance, &call.function, &call.arguments);
            Observation::of(store.session, result)
        });
        self.observe(format!("call {k}: {call}"), observation)
    }

    /// Makes an instance and registers it, unless one that the module imports from could not be made.
    fn instantiate(&mut self, instantiation: &Instantiation, store: &mut Store<'_>) -> Result<(), Ended> {
        let Instantiation { module, name } = instantiation;
        let imports = &store.binaries.0[*module].imports;
        if imports.iter().any(|import| store.instances.get(import).is_some_and(Option::is_none)) {
            store.instances.insert(name.clone(), None);
            return Ok(());
        }
        let module = self.load(*module, name, store)?;
        let result = measure(phases::Phase::Run, store.lane, || store.session.instantiate(module));
        let instance = result.as_ref().ok().copied();
        let observation = Observation::of(store.session, result.map(|_| Vec::new()));
        self.observe(format!("instantiate {name}"), observation)?;
        store.instances.insert(name.clone(), instance);
        match instance.map(|instance| store.session.register(name, instance)) {
            Some(Err(failure)) => {
                self.fail(&format!("register {name}"), failure);
                Err(Ended)
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Loads a module, if no instance of it was made before.
    fn load(&mut self, module: usize, name: &str, store: &mut Store<'_>) -> Result<ModuleId, Ended> {
        if let Some(&loaded) = store.modules.get(&module) {
            return Ok(loaded);
        }
        match measure(phases::Phase::Load, store.lane, || store.session.load(&store.binaries.0[module].binary)) {
            Ok(loaded) => {
                store.modules.insert(module, loaded);
                Ok(loaded)
            }
            Err(refusal) => {
                let observation = Observation::of(store.session, Outcome::Refused(refusal));
                let _ended = self.observe(format!("load {name}"), observation);
                Err(Ended)
            }
        }
    }

    fn record_states(&mut self, action: usize, store: &mut Store<'_>) {
        for (name, instance) in &store.instances {
            let Some(instance) = *instance else { continue };
            let seen = Seen::State(store.session.state(instance));
            self.steps.push(Step { what: format!("state of {name} after action {action}"), seen });
        }
    }

    fn fail(&mut self, what: &str, failure: Failure) {
        let _ended = self.observe(what.to_string(), Observation::nothing_but(failure));
    }

    /// Records an observation. After an overflow nothing is comparable, and a lost engine shows nothing more, so that
    /// the case ends there.
    fn observe(&mut self, what: String, observation: Observation) -> Result<(), Ended> {
        let outcome = &observation.outcome;
        let overflow = outcome.as_trap().is_some_and(|trap| trap.may_be(TrapKind::StackOverflow));
        if outcome.as_trap().is_some_and(|trap| trap.kind == TrapKind::OutOfFuel) {
            self.out_of_fuel.get_or_insert(self.action);
        }
        self.gave_up |= outcome.as_trap().is_some_and(|trap| trap.kind == TrapKind::Interrupted);
        let ends = overflow || outcome.is_lost() || self.gave_up;
        self.steps.push(Step { what, seen: Seen::Observation(observation) });
        if ends { Err(Ended) } else { Ok(()) }
    }
}
