//! The differential oracle: one case in several lanes, step by step; everything that is observable must be equal.
//!
//! What "equal" means is `lanes::compare`'s business. On top of that, a lane that fails on its own account (an engine
//! error, a refused module, a missing import) is a finding even if all lanes fail alike: the modules are valid.
//! [`rules`](crate::rules) says what is left out of the comparison, and why.

use super::finding::{Finding, Kind, Side};
use crate::generate::case::Case;
use crate::generate::feature_set::DRAWN;
use crate::generate::graft::LIBRARY;
use crate::statistics::uses::{Use, uses};
use lanes::compare::{Comparison, Difference};
use lanes::{Binary, Failure, Features, InstanceId, Lane, Observation, Outcome, Phase, Session, State, TrapKind};
use std::collections::BTreeSet;

/// All that a case may use.
const ALL: Features = Features::WASM_2_0.union(DRAWN);
/// So often the whole state is compared: after this many calls, and at the end.
const STATE_PERIOD: usize = 4;

/// What one lane showed.
pub struct Run {
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Whether the main module came to life.
    pub instantiated: bool,
    /// Whether the lane takes no part, since it lacks a feature that the modules need.
    pub lacks: bool,
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

/// What a case without a finding did.
pub struct Agreement {
    /// What the first lane showed; the others showed the same.
    pub run: Run,
    /// The lanes that stopped being comparable with the first one on the way: a stack overflow, something that the
    /// lane does not support, memory that ran out.
    pub ended: Vec<String>,
    /// The lanes that took no part.
    pub apart: Vec<String>,
    /// All others.
    pub compared: Vec<String>,
    /// What the modules use beyond WebAssembly 2.0.
    pub uses: BTreeSet<Use>,
}

/// Runs `case` in all `lanes` and compares each with each.
///
/// # Errors
///
/// The first finding.
pub fn check(case: &Case, lanes: &[&dyn Lane]) -> Result<Agreement, Box<Finding>> {
    let binaries = Binaries::of(case);
    let mut runs: Vec<_> = lanes.iter().map(|lane| run(case, &binaries, *lane)).collect();
    if let Some(finding) = failures(lanes, &runs) {
        return Err(Box::new(finding));
    }
    let pairs = Pairs::compare(lanes, &runs);
    if let Some(finding) = pairs.finding(lanes, &runs) {
        return Err(Box::new(finding));
    }
    let names = |chosen: &dyn Fn(usize) -> bool| {
        (0..lanes.len()).filter(|&k| chosen(k)).map(|k| lanes[k].info().name.clone()).collect()
    };
    let ended = names(&|k| k > 0 && !runs[k].lacks && pairs.of(0, k).ended.is_some());
    let (apart, compared) = (names(&|k| runs[k].lacks), names(&|k| !runs[k].lacks));
    let uses = case.library.iter().chain([&case.main]).flat_map(|wasm| uses(wasm)).collect();
    Ok(Agreement { run: runs.swap_remove(0), ended, apart, compared, uses })
}

/// The lanes that failed where no lane may, at the first such step.
fn failures(lanes: &[&dyn Lane], runs: &[Run]) -> Option<Finding> {
    let failure = |run: &Run| {
        run.steps.iter().enumerate().find_map(|(k, step)| match &step.seen {
            Seen::Observation(observation) => forbidden(&observation.outcome).map(|message| (k, message)),
            Seen::State(_) => None,
        })
    };
    let failures: Vec<_> = runs.iter().map(failure).collect();
    let (first, _) = failures.iter().flatten().min_by_key(|(step, _)| step)?;
    let of_lane = failures.iter().zip(lanes).filter_map(|(failure, lane)| failure.as_ref().zip(Some(lane)));
    let sides = of_lane.filter(|((step, _), _)| step == first);
    let sides = sides.map(|((_, message), lane)| Side::new(message.clone(), [lane.info()])).collect();
    let step = runs.iter().zip(&failures).find(|(_, failure)| failure.as_ref().is_some_and(|(step, _)| step == first));
    let step = step.map(|(run, _)| run.steps[*first].what.clone()).expect("the first failure is someone's");
    Some(Finding { kind: Kind::Failure, step, sides, silent: Vec::new() })
}

/// How two runs compare.
struct Pair {
    /// The first step at which they differ.
    first: Option<(usize, Difference)>,
    /// The step after which they are no longer comparable.
    ended: Option<usize>,
}

impl Pair {
    fn differs_at(&self, step: usize) -> Option<&Difference> {
        self.first.as_ref().filter(|(first, _)| *first == step).map(|(_, difference)| difference)
    }
}

/// The comparison of each lane with each before it.
struct Pairs {
    rows: Vec<Vec<Pair>>,
}

impl Pairs {
    fn compare(lanes: &[&dyn Lane], runs: &[Run]) -> Pairs {
        let pair = |one: usize, other: usize| {
            compare(Comparison::new(lanes[one].info(), lanes[other].info()), &runs[one], &runs[other])
        };
        Pairs { rows: (0..lanes.len()).map(|other| (0..other).map(|one| pair(one, other)).collect()).collect() }
    }

    fn of(&self, one: usize, other: usize) -> &Pair {
        &self.rows[one.max(other)][one.min(other)]
    }

    /// What `lane` showed at `step` that differs from what `other` showed.
    fn shown(&self, lane: usize, other: usize, step: usize) -> Option<String> {
        let difference = self.of(lane, other).differs_at(step)?;
        let shown = if lane < other { &difference.left } else { &difference.right };
        Some(format!("{}: {shown}", difference.what))
    }

    /// The first step at which any two lanes differ, and who agrees with whom there.
    fn finding(&self, lanes: &[&dyn Lane], runs: &[Run]) -> Option<Finding> {
        let step = self.rows.iter().flatten().filter_map(|pair| pair.first.as_ref()).map(|(step, _)| *step).min()?;
        let (compared, silent): (Vec<_>, Vec<_>) = (0..lanes.len()).partition(|&lane| {
            let others = (0..lanes.len()).filter(|&other| other != lane);
            others.into_iter().any(|other| self.of(lane, other).ended.is_none_or(|ended| ended > step))
        });
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for &lane in &compared {
            let agrees =
                |group: &Vec<usize>| group.iter().all(|&other| self.of(lane, other).differs_at(step).is_none());
            match groups.iter_mut().find(|group| agrees(group)) {
                Some(group) => group.push(lane),
                None => groups.push(vec![lane]),
            }
        }
        let side = |group: &Vec<usize>| {
            let pairs = group.iter().flat_map(|&lane| compared.iter().map(move |&other| (lane, other)));
            let shown =
                pairs.filter(|(lane, other)| lane != other).find_map(|(lane, other)| self.shown(lane, other, step));
            Side::new(shown.unwrap_or_default(), group.iter().map(|&lane| lanes[lane].info()))
        };
        let what = runs.iter().find_map(|run| run.steps.get(step)).map_or("the end", |step| &step.what);
        Some(Finding {
            kind: Kind::Disagreement,
            step: what.to_string(),
            sides: groups.iter().map(side).collect(),
            silent: silent.into_iter().map(|lane| lanes[lane].info().name.clone()).collect(),
        })
    }
}

fn compare(mut comparison: Comparison, left: &Run, right: &Run) -> Pair {
    for (k, (one, other)) in left.steps.iter().zip(&right.steps).enumerate() {
        let difference = match (&one.seen, &other.seen) {
            (Seen::Observation(left), Seen::Observation(right)) => comparison.step(left, right),
            (Seen::State(left), Seen::State(right)) => comparison.state(left.as_ref(), right.as_ref()),
            // The steps follow from the case and from outcomes that were found equal: this is a fault of the oracle.
            _ => Some(Difference { what: "step".to_string(), left: one.what.clone(), right: other.what.clone() }),
        };
        if let Some(difference) = difference {
            return Pair { first: Some((k, difference)), ended: None };
        }
        if comparison.ended() {
            return Pair { first: None, ended: Some(k) };
        }
    }
    let length = |run: &Run| run.steps.len().to_string();
    let end = left.steps.len().min(right.steps.len());
    let what = "number of steps".to_string();
    let difference = Difference { what, left: length(left), right: length(right) };
    Pair { first: (left.steps.len() != right.steps.len()).then_some((end, difference)), ended: None }
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

/// Why an outcome is wrong in any lane: the modules are valid, their imports are there, and calls are well typed.
fn forbidden(outcome: &Outcome) -> Option<String> {
    let unforgivable = match outcome {
        Outcome::Refused(refusal) => refusal.phase != Phase::Unsupported,
        Outcome::Failed(Failure::Link(_) | Failure::Usage(_) | Failure::Internal(_)) => true,
        Outcome::Failed(_) | Outcome::Values(_) => outcome.is_lost(),
    };
    unforgivable.then(|| outcome.to_string())
}

/// Runs the whole case in one lane, and compares it with nothing.
pub fn alone(case: &Case, lane: &dyn Lane) -> Run {
    run(case, &Binaries::of(case), lane)
}

fn run(case: &Case, binaries: &Binaries, lane: &dyn Lane) -> Run {
    let mut run = Run { steps: Vec::new(), instantiated: false, lacks: !lane.lacks(case.needed).is_empty() };
    if run.lacks {
        let failure = Failure::Unsupported("a feature that the modules need".to_string());
        run.observe("open a session".to_string(), Observation::nothing_but(failure));
        return run;
    }
    // Another engine is made once, with all that it has.
    let features = if lane.info().is_own() { case.features } else { ALL - lane.lacks(ALL) };
    match lane.session(features) {
        Ok(mut session) => {
            // A module that is refused or that traps while it is instantiated ends the case.
            let _ended = run.script(case, binaries, session.as_mut());
        }
        Err(failure) => run.observe("open a session".to_string(), Observation::nothing_but(failure)),
    }
    run
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
            let observation = Observation::of(session, result);
            let overflow = observation.outcome.as_trap().is_some_and(|trap| trap.may_be(TrapKind::StackOverflow));
            // Nothing that follows is comparable, or the engine is gone.
            let ends = overflow || observation.outcome.is_lost();
            self.observe(what, observation);
            if ends {
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
