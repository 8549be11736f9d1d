//! The oracle of backtraces: the frames of each trap, of each uncaught exception and of each call of the host are those
//! that the modules have recorded themselves ([`shadow`](crate::rewrite::shadow)). It needs no second lane.

use super::Registration;
use super::differential::Differential;
use crate::generate::case::{Action, Call, Case, Instantiation};
use crate::generate::mixed;
use crate::panel::compare::Agreement;
use crate::panel::finding::{Finding, FindingKind, Side};
use crate::panel::run::{Run, Seen, Step, run_alone};
use crate::panel::{Check, Panel};
use crate::rewrite::shadow::{LOGGED, MODULE, SHOWN, Site, TAKE, module, read_entry, record};
use lanes::compare::frames_agree;
use lanes::{Failure, Features, Frame, Lane, LaneInfo, Outcome, TrapKind, Value};

/// The entry in the list of oracles.
pub const REGISTRATION: Registration = Registration {
    name: "shadow",
    summary: "backtraces are those that the modules record themselves, in each lane by itself",
    choices: super::CHOICES,
    make: |panel| {
        let audience = panel.audience();
        Box::new(Differential::of(mixed::generate, audience, Box::new(Shadow(panel))))
    },
};

/// The fuel of a case that records, by the fuel of the case: recording takes most of it.
const FUEL_FACTOR: u64 = 20;

/// The claim that each lane shows the frames that modules record.
pub struct Shadow(pub Panel);

impl Check for Shadow {
    fn check(&self, case: &Case) -> Result<Agreement, Box<Finding>> {
        // A case that cannot record is checked without.
        let (recording, sites) = record_case(case).unwrap_or_else(|| (case.clone(), Vec::new()));
        let runs: Vec<Checked> = self.0.visit_lanes(&recording, |lane| {
            let run = run_alone(&recording, lane);
            let wrong = find_wrong_frames(&run, &sites, lane);
            let gave_up = run.gave_up;
            Ok::<_, Box<Finding>>(((run, wrong, lane.info().clone()), gave_up))
        })?;
        if let Some(finding) = find_first(&runs) {
            return Err(Box::new(finding));
        }
        let (apart, compared): (Vec<_>, Vec<_>) = runs.iter().partition(|(run, ..)| run.lacks);
        let names = |runs: Vec<&Checked>| runs.into_iter().map(|(.., info)| info.name.clone()).collect();
        let (apart, compared) = (names(apart), names(compared));
        let run = runs.into_iter().next().map(|(run, ..)| run).unwrap_or_default();
        Ok(Agreement { run, ended: Vec::new(), apart, compared })
    }

    fn panel(&self) -> &Panel {
        &self.0
    }
}

/// A run, the first step with wrong frames, and the lane.
type Checked = (Run, Option<Wrong>, LaneInfo);

/// A step whose frames are not those that were recorded.
struct Wrong {
    /// The position of the step in the run.
    at: usize,
    what: String,
    recorded: String,
    shown: String,
}

/// Returns the finding of the first step at which a lane shows wrong frames.
fn find_first(runs: &[Checked]) -> Option<Finding> {
    let first = runs.iter().filter_map(|(_, wrong, _)| wrong.as_ref()).min_by_key(|wrong| wrong.at)?;
    let mut sides = vec![Side::of_witness(format!("frames: {}", first.recorded), MODULE)];
    for (_, wrong, info) in runs {
        let Some(wrong) = wrong.as_ref().filter(|wrong| wrong.what == first.what) else { continue };
        let shown = format!("frames: {}", wrong.shown);
        match sides.iter_mut().skip(1).find(|side| side.shown == shown) {
            Some(side) => side.backends.entry(info.backend.clone()).or_default().push(info.name.clone()),
            None => sides.push(Side::new(shown, [info])),
        }
    }
    Some(Finding { kind: FindingKind::Disagreement, step: first.what.clone(), sides, silent: Vec::new() })
}

/// Returns the case with modules that record, and with a call of [`TAKE`] after each action; and all sites. `None` if a
/// module cannot record.
pub fn record_case(case: &Case) -> Option<(Case, Vec<Site>)> {
    let mut sites = Vec::new();
    let mut modules = Vec::new();
    for wasm in &case.modules {
        modules.push(record(wasm, &mut sites).ok()?);
    }
    let instantiation = Instantiation { module: modules.len(), name: MODULE.to_string() };
    modules.push(module());
    let mut actions = vec![Action::Instantiate(instantiation)];
    for action in &case.actions {
        actions.push(action.clone());
        let (instance, function) = (MODULE.to_string(), TAKE.to_string());
        actions.push(Action::Call(Call { instance, function, arguments: Vec::new() }));
    }
    let mut recording = Case { modules, actions, ..case.clone() };
    // Each module has a memory more.
    recording.features |= Features::MULTI_MEMORY;
    recording.needed |= Features::MULTI_MEMORY;
    for options in recording.options.values_mut() {
        options.fuel = options.fuel.map(|fuel| fuel * FUEL_FACTOR);
        // A limit that is drawn could refuse the memory that records.
        options.max_memory = None;
    }
    Some((recording, sites))
}

/// Returns the first step of a run whose frames are not those that the modules recorded.
fn find_wrong_frames(run: &Run, sites: &[Site], lane: &dyn Lane) -> Option<Wrong> {
    for (at, pair) in run.steps.windows(2).enumerate() {
        let [step, taken] = pair else { continue };
        if let Some(wrong) = find_wrong_host_call(at, step, taken, sites, lane) {
            return Some(wrong);
        }
        let Some((frames, moved)) = find_frames(step, lane) else { continue };
        let Some((depth, recorded)) = read_taken(taken, sites) else { continue };
        // The innermost frames are compared, and the number of all.
        let innermost = &frames[..frames.len().min(recorded.len())];
        let is_right = frames.len() == depth && frames_agree(innermost, &recorded, moved);
        let names_fit = !lane.info().is_own() || moved || have_same_names(innermost, &recorded);
        if !is_right || !names_fit {
            let recorded = format!("{} of {depth}: {}", recorded.len(), list(&recorded));
            let shown = format!("{} of {}: {}", innermost.len(), frames.len(), list(innermost));
            return Some(Wrong { at, what: step.what.clone(), recorded, shown });
        }
    }
    None
}

/// Returns the first call of the host whose frames are those of no call that the modules recorded.
///
/// Calls of the host are some of the recorded calls, in their order. A host function that calls another one makes two
/// of one.
fn find_wrong_host_call(at: usize, step: &Step, taken: &Step, sites: &[Site], lane: &dyn Lane) -> Option<Wrong> {
    let Seen::Observation(observation) = &step.seen else { return None };
    let (calls, is_whole) = read_calls(taken, sites)?;
    let (mut rest, mut has_left) = (&calls[..], false);
    for (k, call) in observation.host_calls.iter().enumerate() {
        let Some(frames) = &call.frames else { continue };
        // Whoever calls an export may call the host with it.
        if frames.is_empty() && !has_left {
            continue;
        }
        let fits = |recorded: &Vec<Frame>| {
            let names_fit = !lane.info().is_own() || have_same_names(frames, recorded);
            names_fit && frames_agree(frames, recorded, false)
        };
        match rest.iter().position(fits) {
            Some(position) => (rest, has_left) = (&rest[position..], true),
            None if is_whole => {
                let recorded = rest.first().map_or_else(|| "no call of the host".to_string(), |frames| list(frames));
                let what = format!("{}, host call {k}", step.what);
                return Some(Wrong { at, what, recorded, shown: list(frames) });
            }
            None => return None,
        }
    }
    None
}

/// Returns the frames at each recorded call that may be one of the host, and whether all calls are recorded. `None` if
/// the step is no call of [`TAKE`].
fn read_calls(taken: &Step, sites: &[Site]) -> Option<(Vec<Vec<Frame>>, bool)> {
    let values = &take_values(taken)?[1 + SHOWN..];
    let (count, entries) = values.split_first()?;
    let count = read_number(count)?;
    let (mut stack, mut calls) = (Vec::new(), Vec::new());
    for entry in entries.iter().take(count.min(LOGGED)) {
        let Value::I64(entry) = *entry else { return None };
        let (depth, site) = read_entry(entry)?;
        let site = sites.get(site)?;
        stack.truncate(depth.checked_sub(1)?);
        let callers = stack.len();
        stack.push(frame(site));
        // The callers have called, too.
        if stack.len() != depth {
            return None;
        }
        if site.may_leave {
            let active = if site.is_tail_call { &stack[..callers] } else { &stack[..] };
            calls.push(active.iter().rev().cloned().collect());
        }
    }
    Some((calls, count <= LOGGED))
}

fn frame(site: &Site) -> Frame {
    Frame {
        func_index: site.function,
        func_name: site.function_name.clone(),
        module_name: site.module_name.clone(),
        module_offset: Some(site.offset),
    }
}

fn have_same_names(left: &[Frame], right: &[Frame]) -> bool {
    let names = |frame: &Frame| (frame.func_name.clone(), frame.module_name.clone());
    left.iter().map(names).eq(right.iter().map(names))
}

fn list(frames: &[Frame]) -> String {
    let frames: Vec<_> = frames.iter().map(ToString::to_string).collect();
    format!("[{}]", frames.join(", "))
}

/// Returns the frames of a trap or an exception, and whether the lane's compiler may have moved the trap. `None` if
/// there are none to check.
fn find_frames<'a>(step: &'a Step, lane: &dyn Lane) -> Option<(&'a [Frame], bool)> {
    match step.outcome()? {
        Outcome::Failed(Failure::Trap(trap)) => {
            // What stops code anywhere, and the end of the stack, are no sites.
            let is_site = !trap.kinds().any(|kind| {
                use TrapKind::{Interrupted, OutOfFuel, OutOfHeap, StackOverflow};
                matches!(kind, StackOverflow | OutOfFuel | Interrupted | OutOfHeap)
            });
            let frames = trap.frames.as_deref().filter(|_| is_site)?;
            Some((frames, lane.info().moves.may_move(trap.kind)))
        }
        Outcome::Failed(Failure::Exception(exception)) => Some((exception.frames.as_deref()?, false)),
        _ => None,
    }
}

/// Returns what a call of [`TAKE`] returned: the depth of the stack, and the innermost frames. `None` if the step is no
/// such call.
fn read_taken(step: &Step, sites: &[Site]) -> Option<(usize, Vec<Frame>)> {
    let values = take_values(step)?;
    let depth = read_number(values.first()?)?;
    let frames = values[1..].iter().take(depth.min(SHOWN)).map(|value| Some(frame(sites.get(read_number(value)?)?)));
    Some((depth, frames.collect::<Option<_>>()?))
}

/// Returns the results of a call of [`TAKE`]; `None` if the step is none.
fn take_values(step: &Step) -> Option<&[Value]> {
    if !step.what.contains(&format!("{MODULE}.{TAKE:?}")) {
        return None;
    }
    let Outcome::Values(values) = step.outcome()? else { return None };
    (values.len() == 2 + SHOWN + LOGGED).then_some(values)
}

fn read_number(value: &Value) -> Option<usize> {
    match value {
        Value::I32(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

/// Runs a case that records in a lane, and returns the finding if its frames are wrong: for a fault in one lane.
///
/// # Errors
///
/// The finding.
pub fn check_lane(case: &Case, lane: &dyn Lane) -> Result<(), Box<Finding>> {
    let Some((recording, sites)) = record_case(case) else { return Ok(()) };
    let run = run_alone(&recording, lane);
    let wrong = find_wrong_frames(&run, &sites, lane);
    find_first(&[(run, wrong, lane.info().clone())]).map_or(Ok(()), |finding| Err(Box::new(finding)))
}
