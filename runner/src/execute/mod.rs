//! Runs a script in one lane, directive by directive, and gives a verdict on each. A failed directive does not stop the
//! script; the loss of the engine's process does.
//!
//! In: the directives of a script and a lane. Out: for each directive a verdict and what was observed, so that lanes
//! can be compared and traps written down. The store is fresh. Instances and definitions have the names that the script
//! gives them, and only `register` makes a name importable.
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

use crate::settings::Settings;
use executor::Executor;
use lanes::{Failure, Features, InstanceId, Lane, Observation, Outcome, Phase, Refusal, State};
use script::Directive;
use serde::{Deserialize, Serialize};
use shown::{Recent, Shown};
use std::borrow::Cow;
use std::thread::Scope;

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
            Outcome::Refused(Refusal { phase: Phase::Crashed | Phase::Garbled, .. })
            | Outcome::Failed(Failure::Crashed(_) | Failure::Garbled(_)) => Some(Miss::Crashed(outcome.to_string())),
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

    /// Returns the frames of the trap or exception that the directive ended with, innermost first, as trap snapshots
    /// show them. Of very many the outer ones are left out.
    pub(crate) fn frames(&self) -> Vec<String> {
        const SHOWN: usize = 30;
        let frames = match self.failed() {
            Some(Outcome::Failed(Failure::Trap(trap))) => &trap.frames,
            Some(Outcome::Failed(Failure::Exception(exception))) => &exception.frames,
            _ => return Vec::new(),
        };
        let frames = frames.as_deref().unwrap_or_default();
        let mut texts: Vec<String> = frames.iter().take(SHOWN).map(ToString::to_string).collect();
        if frames.len() > SHOWN {
            texts.push(format!("... and {} more", frames.len() - SHOWN));
        }
        texts
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

/// The directive that made an instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Maker {
    /// The directive's position in the script.
    pub(crate) position: usize,
    /// The line in which it begins, counted from 1.
    pub(crate) line: u32,
    /// Its keyword.
    pub(crate) directive: &'static str,
}

/// The contents of an instance's exports.
#[derive(Debug)]
pub(crate) enum Contents {
    /// The contents; `None` if the lane cannot tell.
    Shown(Option<State>),
    /// Contents that may depend on the order in which threads ran.
    Raced,
}

/// Is called with each directive before it runs (`None`) and after it.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(&Directive, Option<&Verdict>);

/// A run of a script in a lane, batch by batch.
pub(crate) struct Run<'scope, 'env> {
    /// The executor, or why the lane opens no session for one.
    executor: Result<Executor<'scope, 'env>, Miss>,
    /// True if other lanes are compared with this one.
    compared: bool,
    recent: Recent,
    /// The instances that were made, in order.
    made: Vec<(Maker, InstanceId)>,
    /// The number of directives that were performed.
    performed: usize,
    /// True once the engine is lost, so that nothing more is performed.
    is_lost: bool,
}

impl<'scope, 'env> Run<'scope, 'env> {
    /// Opens a session for a script that begins with these directives; they are all of it if it has threads. `compared`
    /// says that other lanes are compared with this one: then all that it shows is kept, and the instances are asked
    /// for their state at the end.
    pub(crate) fn begin(
        lane: &'env dyn Lane,
        directives: &[Directive],
        (features, settings): (Features, Settings),
        compared: bool,
        scope: &'scope Scope<'scope, 'env>,
    ) -> Run<'scope, 'env> {
        let executor = Executor::new(lane, features, settings, directives, scope);
        let executor = executor.map_err(|failure| miss_of_session(&failure));
        Run { executor, compared, recent: Recent::default(), made: Vec::new(), performed: 0, is_lost: false }
    }

    /// Performs the next directives of the script. Returns a step for each, up to the one that loses the engine.
    pub(crate) fn perform(&mut self, directives: &[Directive], watch: Watch<'_>) -> Vec<Step> {
        let mut steps = Vec::with_capacity(directives.len());
        for (position, directive) in directives.iter().enumerate() {
            if self.is_lost {
                break;
            }
            watch(directive, None);
            let step = self.step(position, directive);
            watch(directive, Some(&step.verdict()));
            self.is_lost = step.miss().is_some_and(Miss::is_lost);
            steps.push(step);
        }
        steps
    }

    /// Performs the directive at this position of its batch.
    fn step(&mut self, position: usize, directive: &Directive) -> Step {
        let executor = match &mut self.executor {
            Ok(executor) => executor,
            Err(miss) => return Step::unobserved(Err(miss.clone())),
        };
        let before = executor.instance_count;
        let mut step = executor.step(position, directive);
        if !self.compared {
            step.forget_values();
        }
        self.recent.share(&mut step.shown);
        let maker = Maker { position: self.performed, line: directive.line, directive: directive.name };
        self.made.extend((before..executor.instance_count).map(|instance| (maker, InstanceId(instance))));
        self.performed += 1;
        step
    }

    /// Ends the run after the batch of these directives: waits for the threads that still run, and returns the contents
    /// of each instance's exports.
    pub(crate) fn end(self, directives: &[Directive], steps: &mut [Step], watch: Watch<'_>) -> Vec<(Maker, Contents)> {
        let Ok(mut executor) = self.executor else { return Vec::new() };
        if self.is_lost {
            return Vec::new();
        }
        for (position, miss) in executor.threads.join_remaining(|position| watch(&directives[position], None)) {
            // The directive that started the thread has passed until now.
            steps[position].fail(miss);
        }
        let contents = |&(maker, instance): &(Maker, InstanceId)| match executor.races.may_have_changed(instance) {
            true => (maker, Contents::Raced),
            false => (maker, Contents::Shown(executor.session.state(instance))),
        };
        let contents = if self.compared { self.made.iter().map(contents).collect() } else { Vec::new() };
        // An engine may be lost in telling the state, which has no room for a failure.
        if let (Some(failure), Some(last)) = (executor.session.lost(), steps.last_mut()) {
            let outcome = Outcome::Failed(failure);
            let miss = Miss::of_lost_engine(&outcome);
            last.fail(miss.unwrap_or_else(|| Miss::Failed(format!("when asked for its state: {outcome}"))));
        }
        contents
    }
}

/// Returns why no directive passes in a lane that opens no session.
fn miss_of_session(failure: &Failure) -> Miss {
    let message = format!("the lane opens no session: {failure}");
    match (Miss::of_lost_engine(&Outcome::Failed(failure.clone())), failure) {
        (Some(lost), _) => lost,
        (None, Failure::Unsupported(_) | Failure::Resource(_)) => Miss::Unsupported(message),
        (None, _) => Miss::Failed(message),
    }
}
