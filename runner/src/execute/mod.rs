//! Runs a script in one lane, directive by directive, and gives a verdict on each. A failed directive does not stop the
//! script; the loss of the engine's process does.
//!
//! In: a [`Script`] and a lane. Out: for each directive a verdict and what was observed, so that lanes can be compared
//! and traps written down. The store is fresh. Instances and definitions have the names that the script gives them, and
//! only `register` makes a name importable.
//!
//! - `executor` performs the directives, `threads` those of a thread.
//! - `check` compares outcomes with what directives expect, `trap_text` the texts of traps.
//! - `races` says what depends on the order of threads.
//! - `shown` keeps what directives showed.
//! - `support` says whether an engine may lack what a directive needs, with `cause` and `taint` for what follows from
//!   something that is missing.

mod cause;
mod check;
mod executor;
mod names;
mod races;
mod shown;
mod support;
mod taint;
mod threads;
mod trap_text;

use crate::script::Script;
use crate::settings::Settings;
use executor::Executor;
use lanes::{Failure, Features, InstanceId, Lane, Observation, Outcome, Phase, Refusal, State};
use serde::{Deserialize, Serialize};
use shown::{Recent, Shown};
use std::borrow::Cow;

/// The verdict on a directive: it passed, or the reason why it did not.
pub type Verdict = Result<(), Miss>;

/// Why a directive did not pass.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Miss {
    /// The outcome is not the one that the script asks for.
    Failed(String),
    /// The directive needs something that an earlier directive failed to make. The failure is that directive's.
    Follows {
        /// The line of that directive.
        line: u32,
        /// The missing thing, after the line.
        message: String,
    },
    /// The engine does not support what the directive needs.
    Unsupported(String),
    /// The engine's process died. The last step of a run.
    Crashed(String),
    /// The engine did not answer in time. The last step of a run.
    TimedOut(String),
}

impl Miss {
    /// Returns the reason.
    pub fn message(&self) -> &str {
        match self {
            Miss::Failed(message)
            | Miss::Follows { message, .. }
            | Miss::Unsupported(message)
            | Miss::Crashed(message)
            | Miss::TimedOut(message) => message,
        }
    }

    /// Returns whether the engine is lost, so that the run ends.
    fn is_lost(&self) -> bool {
        matches!(self, Miss::Crashed(_) | Miss::TimedOut(_))
    }

    /// Returns whether an earlier directive is at fault.
    pub(crate) fn follows(&self) -> bool {
        matches!(self, Miss::Follows { .. })
    }

    /// Returns the miss of an outcome that says that the engine is lost.
    fn of_lost_engine(outcome: &Outcome) -> Option<Miss> {
        match outcome {
            Outcome::Refused(Refusal { phase: Phase::Crashed, .. }) | Outcome::Failed(Failure::Crashed(_)) => {
                Some(Miss::Crashed(outcome.to_string()))
            }
            Outcome::Refused(Refusal { phase: Phase::TimedOut, .. }) | Outcome::Failed(Failure::TimedOut(_)) => {
                Some(Miss::TimedOut(outcome.to_string()))
            }
            _ => None,
        }
    }
}

impl From<String> for Miss {
    fn from(message: String) -> Miss {
        Miss::Failed(message)
    }
}

/// The result of a directive.
#[derive(Debug)]
pub(crate) struct Step {
    /// Why the directive did not pass, if it did not. Most pass.
    miss: Option<Box<Miss>>,
    shown: Shown,
    /// True if what the lane showed may depend on the order in which threads run.
    pub(crate) depends_on_race: bool,
}

impl Step {
    fn unobserved(verdict: Verdict) -> Step {
        Step { miss: verdict.err().map(Box::new), shown: Shown::Nothing, depends_on_race: false }
    }

    fn observed(verdict: Verdict, observation: Observation) -> Step {
        Step { shown: Shown::of(observation), ..Step::unobserved(verdict) }
    }

    /// Returns the verdict.
    pub(crate) fn verdict(&self) -> Verdict {
        self.miss.as_deref().map_or(Ok(()), |miss| Err(miss.clone()))
    }

    /// Returns why the directive did not pass, if it did not.
    pub(crate) fn miss(&self) -> Option<&Miss> {
        self.miss.as_deref()
    }

    /// Replaces the verdict.
    fn fail(&mut self, miss: Miss) {
        self.miss = Some(Box::new(miss));
    }

    /// Returns whether the directive passed.
    pub(crate) fn has_passed(&self) -> bool {
        self.miss.is_none()
    }

    /// Returns whether the lane does not support the directive.
    pub(crate) fn is_unsupported(&self) -> bool {
        matches!(self.miss(), Some(Miss::Unsupported(_)))
    }

    /// Returns the lane's observation; `None` if the directive asks for nothing that can be compared, or nobody
    /// compares it.
    pub(crate) fn observation(&self) -> Option<Cow<'_, Observation>> {
        self.shown.observation()
    }

    /// Returns the outcome of a directive that failed to end normally, as by a trap.
    pub(crate) fn failed(&self) -> Option<&Outcome> {
        match &self.shown {
            Shown::Whole(observation) => {
                Some(&observation.outcome).filter(|outcome| matches!(outcome, Outcome::Failed(_)))
            }
            _ => None,
        }
    }

    /// Forgets the observation, unless it is of a trap or an exception, which a snapshot may hold.
    fn forget_values(&mut self) {
        if self.failed().is_none() {
            self.shown = Shown::Nothing;
        }
    }

    /// Returns whether an earlier directive is at fault for the verdict.
    pub(crate) fn follows(&self) -> bool {
        self.miss().is_some_and(Miss::follows)
    }
}

/// The results of a script in a lane.
#[derive(Debug)]
pub(crate) struct LaneRun {
    /// One step for each directive, up to the one that lost the engine.
    pub(crate) steps: Vec<Step>,
    /// The contents of each instance's exports at the end, with the position of the directive that made the instance.
    pub(crate) states: Vec<(usize, Contents)>,
}

/// The contents of an instance's exports.
#[derive(Debug)]
pub(crate) enum Contents {
    /// The contents; `None` if the lane cannot tell.
    Shown(Option<State>),
    /// Contents that may depend on the order in which threads ran.
    Raced,
}

/// Is called with the position of each directive before it runs (`None`) and after it.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(usize, Option<&Verdict>);

/// Runs a script. `compared` says that other lanes are compared with this one: then all that it shows is kept, and the
/// instances are asked for their state at the end.
pub(crate) fn execute(
    script: &Script,
    lane: &dyn Lane,
    (features, settings): (Features, Settings),
    compared: bool,
    watch: Watch<'_>,
) -> LaneRun {
    std::thread::scope(|scope| match Executor::new(lane, features, settings, &script.directives, scope) {
        Ok(executor) => run_directives(executor, script, compared, watch),
        Err(failure) => refuse_all(script, &failure, watch),
    })
}

fn run_directives<'env>(
    mut executor: Executor<'_, 'env>,
    script: &'env Script,
    compared: bool,
    watch: Watch<'_>,
) -> LaneRun {
    // The instances, with the position of the directive that made each.
    let mut made = Vec::new();
    let mut recent = Recent::default();
    let mut steps = Vec::with_capacity(script.directives.len());
    for (position, directive) in script.directives.iter().enumerate() {
        watch(position, None);
        let before = executor.instance_count;
        let mut step = executor.step(position, directive);
        if !compared {
            step.forget_values();
        }
        recent.share(&mut step.shown);
        made.extend((before..executor.instance_count).map(|instance| (position, InstanceId(instance))));
        watch(position, Some(&step.verdict()));
        let is_lost = step.miss().is_some_and(Miss::is_lost);
        steps.push(step);
        if is_lost {
            return LaneRun { steps, states: Vec::new() };
        }
    }
    for (position, miss) in executor.threads.join_remaining(|position| watch(position, None)) {
        // The directive that started the thread has passed until now.
        steps[position].fail(miss);
    }
    let contents = |&(position, instance): &(usize, InstanceId)| match executor.races.may_have_changed(instance) {
        true => (position, Contents::Raced),
        false => (position, Contents::Shown(executor.session.state(instance))),
    };
    let states = if compared { made.iter().map(contents).collect() } else { Vec::new() };
    // An engine may be lost in telling the state, which has no room for a failure.
    if let (Some(failure), Some(last)) = (executor.session.lost(), steps.last_mut()) {
        let outcome = Outcome::Failed(failure);
        let miss = Miss::of_lost_engine(&outcome);
        last.fail(miss.unwrap_or_else(|| Miss::Failed(format!("when asked for its state: {outcome}"))));
    }
    LaneRun { steps, states }
}

/// Returns the steps of a lane that opens no session.
fn refuse_all(script: &Script, failure: &Failure, watch: Watch<'_>) -> LaneRun {
    let message = format!("the lane opens no session: {failure}");
    let miss = match (Miss::of_lost_engine(&Outcome::Failed(failure.clone())), failure) {
        (Some(lost), _) => lost,
        (None, Failure::Unsupported(_) | Failure::Resource(_)) => Miss::Unsupported(message),
        (None, _) => Miss::Failed(message),
    };
    let count = if miss.is_lost() { script.directives.len().min(1) } else { script.directives.len() };
    let mut steps = Vec::with_capacity(count);
    for position in 0..count {
        watch(position, None);
        let verdict = Err(miss.clone());
        watch(position, Some(&verdict));
        steps.push(Step::unobserved(verdict));
    }
    LaneRun { steps, states: Vec::new() }
}
