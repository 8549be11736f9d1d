//! Support: decides whether a lane is excused where an outcome is not as the script says.
//!
//! An engine need not support everything. A directive that it does not support is neither passed nor failed:
//! - The engine says so, or the system refuses it memory or another resource.
//! - The engine refuses a module that needs a feature that the lane lacks, as far as wasmparser can tell. Of a module
//!   that must be refused nobody can tell for which reason it was, if the lane lacks any feature of the script.
//! - The directive uses a module or an instance that does not exist because it was unsupported ([`Names`]), or the
//!   module does not link, and such an instance could not be registered.
//! - A value or a trap is wrong, and an unsupported directive might have changed the instance ([`Taint`]).
//! - The directive follows a thread that was unsupported: it might wait for that thread forever.
//!
//! The same holds where something does not exist because an earlier directive failed: that directive has the failure,
//! and what follows from it is [`Miss::Follows`].
//!
//! [`Names`]: super::names::Names

use super::cause::Cause;
use super::check::Checked;
use super::taint::Taint;
use super::{Miss, Verdict};
use lanes::{Binary, Failure, Features, InstanceId, Lane, ModuleId, Outcome, Phase, is_valid_with};

/// A record of what a lane has not supported in a script so far. It decides whether that excuses an outcome.
pub(super) struct Support {
    /// The features that the script may use.
    features: Features,
    /// The features that the script may use and the lane lacks.
    lacks: Features,
    /// The cause for which an instance could not be registered.
    missing_registration: Option<Cause>,
    /// The cause for which a thread could not be started.
    missing_thread: Option<Cause>,
    taint: Taint<Cause>,
    /// The dependency of the current directive.
    dependency: Dependency,
}

/// Something missing that the outcome of a directive depends on.
enum Dependency {
    None,
    /// A feature that the refused module needs and the lane lacks.
    MissingFeature,
    /// An instance that might hold something else for this cause.
    TaintedInstance(Cause),
}

impl Support {
    pub(super) fn new(lane: &dyn Lane, features: Features) -> Support {
        Support {
            features,
            lacks: lane.lacks(features),
            missing_registration: None,
            missing_thread: None,
            taint: Taint::default(),
            dependency: Dependency::None,
        }
    }

    /// Returns the features that the script may use and the lane lacks.
    pub(super) fn lacks(&self) -> Features {
        self.lacks
    }

    /// Begins a directive, which depends on nothing yet.
    ///
    /// # Errors
    ///
    /// The miss of the directive, if it cannot run because of an earlier one.
    pub(super) fn begin_directive(&mut self) -> Result<(), Miss> {
        self.dependency = Dependency::None;
        match self.missing_thread {
            Some(cause) => Err(cause.miss("a thread is missing that it may depend on")),
            None => Ok(()),
        }
    }

    /// Notes that the lane has loaded a module.
    pub(super) fn add_module(&mut self, module: ModuleId, binary: &Binary) {
        self.taint.add_module(module, binary);
    }

    /// Notes that the lane has refused a module.
    pub(super) fn add_refusal(&mut self, binary: &Binary) {
        let available = self.features - self.lacks;
        if !self.lacks.is_empty() && !is_valid_with(binary.bytes(), available) {
            self.dependency = Dependency::MissingFeature;
        }
    }

    /// Notes that the directive instantiates a module.
    pub(super) fn use_module(&mut self, module: ModuleId) {
        self.depend_on_taint(self.taint.of_module(module));
    }

    /// Notes that the directive uses an instance.
    pub(super) fn use_instance(&mut self, instance: InstanceId) {
        self.depend_on_taint(self.taint.of_instance(instance));
    }

    fn depend_on_taint(&mut self, cause: Option<Cause>) {
        if let Some(cause) = cause {
            self.dependency = Dependency::TaintedInstance(cause);
        }
    }

    /// Notes that a module was instantiated.
    pub(super) fn add_instance(&mut self, instance: InstanceId, module: ModuleId) {
        self.taint.add_instance(instance, module);
    }

    /// Notes that other instances can import from this one from now on.
    pub(super) fn connect(&mut self, instance: InstanceId) {
        self.taint.connect(instance);
    }

    /// Notes that something did not run, for this cause, that would have used this instance, or one that does not
    /// exist.
    pub(super) fn add_missing(&mut self, instance: Option<InstanceId>, cause: Cause) {
        self.taint.spread(instance, cause);
    }

    /// Notes that an instance could not be registered, if there is a cause.
    pub(super) fn add_missing_registration(&mut self, cause: Option<Cause>) {
        self.missing_registration = self.missing_registration.or(cause);
    }

    /// Notes that a thread could not be started, if there is a cause.
    pub(super) fn add_missing_thread(&mut self, cause: Option<Cause>) {
        self.missing_thread = self.missing_thread.or(cause);
    }

    /// Returns the miss that an outcome is if it proves nothing about the directive itself.
    fn excuse(&self, outcome: &Outcome) -> Option<Miss> {
        if outcome.is_unsupported() {
            return Some(Miss::Unsupported(outcome.to_string()));
        }
        match (outcome, &self.dependency, self.missing_registration) {
            (Outcome::Refused(refusal), Dependency::MissingFeature, _) if is_verdict_on_module(refusal.phase) => {
                Some(Miss::Unsupported(format!("the lane lacks {}, and says: {outcome}", self.lacks)))
            }
            (Outcome::Failed(Failure::Link(_)), _, Some(cause)) => {
                Some(cause.miss(&format!("an instance is not registered; {outcome}")))
            }
            (Outcome::Values(_) | Outcome::Failed(Failure::Trap(_)), Dependency::TaintedInstance(cause), _) => {
                Some(cause.miss(&format!("what did not run might have changed this: {outcome}")))
            }
            _ => None,
        }
    }

    /// Makes a directive's verdict from its outcome and from what a check says of that.
    pub(super) fn verdict(&self, outcome: &Outcome, checked: Checked) -> Verdict {
        if let Some(miss) = Miss::of_lost_engine(outcome) {
            return Err(miss);
        }
        // A link error may be the right outcome for a wrong reason, and then proves nothing either.
        let is_in_question = checked.is_err() || matches!(outcome, Outcome::Failed(Failure::Link(_)));
        match self.excuse(outcome) {
            Some(excuse) if is_in_question => Err(excuse),
            _ => checked.map_err(Miss::Failed),
        }
    }
}

/// Returns whether a refusal in this phase says something about the module, not about the engine's own state.
fn is_verdict_on_module(phase: Phase) -> bool {
    matches!(phase, Phase::Malformed | Phase::Invalid | Phase::Rejected)
}
