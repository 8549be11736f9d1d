//! The differential oracle: one case in several lanes, step by step; everything that is observable must be equal.
//!
//! What "equal" means is `lanes::compare`'s business. On top of that, a lane that fails on its own account (an engine
//! error, a refused module, a missing import) is a finding even if all lanes fail alike: the modules are valid.

use crate::case::Case;
use crate::graft::LIBRARY;
use lanes::compare::{Comparison, Difference};
use lanes::{
    Binary, Failure, Features, InstanceId, Lane, Observation, Outcome, Phase, Session, State, TrapKind, Value,
};
use std::fmt;

/// So often the whole state is compared: after this many calls, and at the end.
const STATE_PERIOD: usize = 4;

/// What one lane showed.
pub struct Run {
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Whether the main module came to life.
    pub instantiated: bool,
    /// Whether the case stopped early because the lane lacks something.
    pub unsupported: bool,
}

/// One thing that a lane did, and what it showed.
pub struct Step {
    /// What was done, for reports.
    pub what: String,
    /// What was seen.
    pub seen: Seen,
}

/// What a step showed.
pub enum Seen {
    /// Loading, instantiating or calling.
    Observation(Observation),
    /// The exports of the main module, or of the library.
    State(Option<State>),
}

/// Why a case is not fine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Two lanes do not agree.
    Disagreement {
        /// The lanes' names.
        lanes: [String; 2],
        /// What they were doing.
        step: String,
        /// What differs.
        difference: Difference,
    },
    /// One lane failed where no lane may.
    Failed {
        /// The lane's name.
        lane: String,
        /// What it was doing.
        step: String,
        /// What it said.
        message: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Disagreement { lanes: [left, right], step, difference } => {
                writeln!(f, "{left} and {right} disagree at: {step}")?;
                writeln!(f, "  {}", difference.what)?;
                writeln!(f, "  {left}: {}", difference.left)?;
                write!(f, "  {right}: {}", difference.right)
            }
            Finding::Failed { lane, step, message } => write!(f, "{lane} failed at: {step}\n  {message}"),
        }
    }
}

/// What a case without a finding did.
pub struct Agreement {
    /// What the first lane showed; the others showed the same.
    pub run: Run,
    /// Whether two lanes stopped being comparable on the way (a stack overflow).
    pub inconclusive: bool,
}

/// Runs `case` in all `lanes` and compares neighbours.
///
/// # Errors
///
/// The first finding.
pub fn check(case: &Case, lanes: &[Box<dyn Lane>]) -> Result<Agreement, Box<Finding>> {
    let binaries = Binaries::of(case);
    let mut runs = Vec::new();
    for lane in lanes {
        let run = run(case, &binaries, lane.as_ref());
        let failed = run.steps.iter().find_map(|step| match &step.seen {
            Seen::Observation(observation) => {
                let message = own_failure(&observation.outcome)?;
                Some(Finding::Failed { lane: lane.info().name.clone(), step: step.what.clone(), message })
            }
            Seen::State(_) => None,
        });
        if let Some(failed) = failed {
            return Err(Box::new(failed));
        }
        runs.push(run);
    }
    let mut inconclusive = false;
    for k in 1..lanes.len() {
        let mut comparison = Comparison::new(lanes[k - 1].info(), lanes[k].info());
        if let Some((step, difference)) = compare(&mut comparison, &runs[k - 1], &runs[k]) {
            let lanes = [lanes[k - 1].info().name.clone(), lanes[k].info().name.clone()];
            return Err(Box::new(Finding::Disagreement { lanes, step, difference }));
        }
        inconclusive |= comparison.ended();
    }
    let run = runs.into_iter().next().expect("the caller names a lane at least");
    Ok(Agreement { run, inconclusive })
}

/// The modules of a case, so that lanes with the same code compile them once.
struct Binaries {
    library: Option<Binary>,
    main: Binary,
}

impl Binaries {
    fn of(case: &Case) -> Binaries {
        Binaries { library: case.library.clone().map(Binary::new), main: Binary::new(case.main.clone()) }
    }
}

fn compare(comparison: &mut Comparison, left: &Run, right: &Run) -> Option<(String, Difference)> {
    for (one, other) in left.steps.iter().zip(&right.steps) {
        let difference = match (&one.seen, &other.seen) {
            (Seen::Observation(left), Seen::Observation(right)) => comparison.step(left, right),
            (Seen::State(left), Seen::State(right)) => comparison.state(left.as_ref(), right.as_ref()),
            // The steps follow from the case and from outcomes that were found equal: this is a fault of the oracle.
            _ => Some(Difference { what: "step".to_string(), left: one.what.clone(), right: other.what.clone() }),
        };
        if let Some(difference) = difference {
            return Some((one.what.clone(), difference));
        }
        if comparison.ended() {
            return None;
        }
    }
    if left.steps.len() == right.steps.len() {
        return None;
    }
    let length = |run: &Run| run.steps.len().to_string();
    let difference = Difference { what: "number of steps".to_string(), left: length(left), right: length(right) };
    Some(("the end".to_string(), difference))
}

/// Why an outcome is wrong in any lane.
fn own_failure(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Refused(refusal) if refusal.phase == Phase::Unsupported => None,
        Outcome::Refused(_) => Some(outcome.to_string()),
        Outcome::Failed(
            Failure::Link(_) | Failure::Usage(_) | Failure::Internal(_) | Failure::Crashed(_) | Failure::TimedOut(_),
        ) => Some(outcome.to_string()),
        Outcome::Failed(_) | Outcome::Values(_) => None,
    }
}

fn overflows(result: &Result<Vec<Value>, Failure>) -> bool {
    let trap = result.as_ref().err().and_then(Failure::as_trap);
    trap.is_some_and(|trap| trap.kind == TrapKind::StackOverflow)
}

/// Runs the whole case in one lane.
fn run(case: &Case, binaries: &Binaries, lane: &dyn Lane) -> Run {
    let mut run = Run { steps: Vec::new(), instantiated: false, unsupported: false };
    match lane.session(Features::WASM_2_0) {
        Ok(mut session) => {
            // A module that is refused or that traps while it is instantiated ends the case.
            let _ended = run.script(case, binaries, session.as_mut());
        }
        Err(failure) => run.observe("open a session".to_string(), Observation::nothing_but(failure)),
    }
    run
}

/// An observation outside any session.
trait NothingBut {
    fn nothing_but(failure: Failure) -> Self;
}

impl NothingBut for Observation {
    fn nothing_but(failure: Failure) -> Observation {
        Observation { outcome: Outcome::Failed(failure), host_calls: Vec::new(), fuel: None }
    }
}

impl Run {
    /// `None` when the case ended early.
    fn script(&mut self, case: &Case, binaries: &Binaries, session: &mut dyn Session) -> Option<()> {
        for host in &case.hosts {
            if let Err(failure) = session.define(host) {
                let what = format!("define {}.{}", host.module, host.name);
                self.observe(what, Observation::nothing_but(failure));
                return None;
            }
        }
        let mut instances = Vec::new();
        if let Some(library) = &binaries.library {
            let library = self.instance("library", library, session)?;
            if let Err(failure) = session.register(LIBRARY, library) {
                self.observe("register the library".to_string(), Observation::nothing_but(failure));
                return None;
            }
            instances.push(library);
        }
        let main = self.instance("main", &binaries.main, session)?;
        self.instantiated = true;
        instances.push(main);
        for (k, call) in case.calls.iter().enumerate() {
            let result = session.invoke(main, &call.function, &call.arguments);
            let arguments: Vec<_> = call.arguments.iter().map(ToString::to_string).collect();
            let what = format!("call {k}: {:?}({})", call.function, arguments.join(", "));
            let exhausted = overflows(&result);
            self.observe(what, Observation::of(session, result));
            if exhausted {
                // Across tiers nothing that follows is comparable.
                return None;
            }
            if (k + 1) % STATE_PERIOD == 0 || k + 1 == case.calls.len() {
                for &instance in &instances {
                    let seen = Seen::State(session.state(instance));
                    self.steps.push(Step { what: format!("state of instance {} after call {k}", instance.0), seen });
                }
            }
        }
        Some(())
    }

    fn instance(&mut self, name: &str, module: &Binary, session: &mut dyn Session) -> Option<InstanceId> {
        let module = match session.load(module) {
            Ok(module) => module,
            Err(refusal) => {
                self.unsupported = refusal.phase == Phase::Unsupported;
                let observation = Observation::of(session, Outcome::Refused(refusal));
                self.observe(format!("load {name}"), observation);
                return None;
            }
        };
        let instance = session.instantiate(module);
        let outcome = instance.clone().map(|_| Vec::new());
        self.observe(format!("instantiate {name}"), Observation::of(session, outcome));
        instance.ok()
    }

    fn observe(&mut self, what: String, observation: Observation) {
        self.steps.push(Step { what, seen: Seen::Observation(observation) });
    }
}
