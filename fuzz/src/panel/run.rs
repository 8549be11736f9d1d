//! Runs a case in one lane and records each step.

use crate::generate::case::Case;
use crate::generate::feature_set::DRAWN;
use crate::generate::graft::LIBRARY;
use lanes::{Binary, Failure, Features, InstanceId, Lane, Observation, Outcome, Session, State, TrapKind};

/// The features that cases may use.
const ALL: Features = Features::WASM_2_0.union(DRAWN);
/// The number of calls after which the whole state is recorded. It is also recorded after the last call.
const STATE_PERIOD: usize = 4;

/// The record of a case in one lane.
#[derive(Default)]
pub struct Run {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// True if the main module was instantiated.
    pub instantiated: bool,
    /// True if the lane takes no part, since it lacks a feature that the modules need.
    pub lacks: bool,
    /// True if the lane gave up, since the case took too long.
    pub gave_up: bool,
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
    pub(super) fn failure(&self) -> Option<String> {
        let outcome = self.outcome()?;
        let is_wrong = match outcome {
            Outcome::Refused(_) => !outcome.is_unsupported(),
            Outcome::Failed(Failure::Link(_) | Failure::Usage(_) | Failure::Internal(_)) => true,
            Outcome::Failed(_) | Outcome::Values(_) => outcome.is_lost(),
        };
        is_wrong.then(|| outcome.to_string())
    }
}

/// The modules of a case as the lanes take them: lanes with the same code compile a [`Binary`] once.
pub(super) struct Binaries {
    library: Option<Binary>,
    main: Binary,
}

impl Binaries {
    pub(super) fn new(case: &Case) -> Binaries {
        Binaries { library: case.library.clone().map(Binary::new), main: Binary::new(case.main.clone()) }
    }
}

/// Runs the whole case in one lane, and compares it with nothing.
pub fn run_alone(case: &Case, lane: &dyn Lane) -> Run {
    run(case, &Binaries::new(case), lane)
}

/// Runs the whole case in one lane.
pub(super) fn run(case: &Case, binaries: &Binaries, lane: &dyn Lane) -> Run {
    let mut run = Run { lacks: !lane.lacks(case.needed).is_empty(), ..Run::default() };
    if run.lacks {
        run.fail("open a session", Failure::Unsupported("a feature that the modules need".to_string()));
        return run;
    }
    // Another engine is made once, with all features that it has, and not for each case.
    let features = if lane.info().is_own() { case.features } else { ALL - lane.lacks(ALL) };
    match lane.session(features) {
        Ok(mut session) => {
            // A module that is refused or that traps while it is instantiated ends the case early.
            let _ended = run.perform(case, binaries, session.as_mut());
        }
        Err(failure) => run.fail("open a session", failure),
    }
    run
}

/// The case ended before its last call.
struct Ended;

impl Run {
    fn perform(&mut self, case: &Case, binaries: &Binaries, session: &mut dyn Session) -> Result<(), Ended> {
        let instances = self.set_up(case, binaries, session)?;
        let main = *instances.last().expect("the main module was instantiated");
        for (k, call) in case.calls.iter().enumerate() {
            let result = session.invoke(main, &call.function, &call.arguments);
            let observation = Observation::of(session, result);
            let outcome = &observation.outcome;
            let overflow = outcome.as_trap().is_some_and(|trap| trap.may_be(TrapKind::StackOverflow));
            let lost = outcome.is_lost();
            self.observe(format!("call {k}: {call}"), observation);
            // After an overflow nothing is comparable; a lost engine shows nothing more.
            if overflow || lost || self.gave_up {
                return Err(Ended);
            }
            if (k + 1) % STATE_PERIOD == 0 || k + 1 == case.calls.len() {
                self.record_states(k, &instances, session);
            }
        }
        Ok(())
    }

    /// Defines the host functions and instantiates the modules. Returns the instances, that of the main module last.
    fn set_up(
        &mut self,
        case: &Case,
        binaries: &Binaries,
        session: &mut dyn Session,
    ) -> Result<Vec<InstanceId>, Ended> {
        for host in &case.hosts {
            if let Err(failure) = session.define(host) {
                self.fail(&format!("define {}.{}", host.module, host.name), failure);
                return Err(Ended);
            }
        }
        let mut instances = Vec::new();
        if let Some(binary) = &binaries.library {
            let library = self.instantiate("library", binary, session)?;
            if let Err(failure) = session.register(LIBRARY, library) {
                self.fail("register the library", failure);
                return Err(Ended);
            }
            instances.push(library);
        }
        instances.push(self.instantiate("main", &binaries.main, session)?);
        self.instantiated = true;
        Ok(instances)
    }

    fn instantiate(&mut self, name: &str, binary: &Binary, session: &mut dyn Session) -> Result<InstanceId, Ended> {
        let module = match session.load(binary) {
            Ok(module) => module,
            Err(refusal) => {
                let observation = Observation::of(session, Outcome::Refused(refusal));
                self.observe(format!("load {name}"), observation);
                return Err(Ended);
            }
        };
        let (outcome, instance) = match session.instantiate(module) {
            Ok(instance) => (Ok(Vec::new()), Ok(instance)),
            Err(failure) => (Err(failure), Err(Ended)),
        };
        self.observe(format!("instantiate {name}"), Observation::of(session, outcome));
        instance
    }

    fn record_states(&mut self, call: usize, instances: &[InstanceId], session: &mut dyn Session) {
        for &instance in instances {
            let seen = Seen::State(session.state(instance));
            self.steps.push(Step { what: format!("state of instance {} after call {call}", instance.0), seen });
        }
    }

    fn fail(&mut self, what: &str, failure: Failure) {
        self.observe(what.to_string(), Observation::nothing_but(failure));
    }

    fn observe(&mut self, what: String, observation: Observation) {
        self.gave_up |= observation.outcome.as_trap().is_some_and(|trap| trap.kind == TrapKind::Interrupted);
        self.steps.push(Step { what, seen: Seen::Observation(observation) });
    }
}
