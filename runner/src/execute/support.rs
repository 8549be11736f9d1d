//! Support: decides whether a lane of another engine is excused where an outcome is not as the script says.
//!
//! Such an engine need not support everything. A directive that it does not support is neither passed nor failed:
//! - The engine says so.
//! - The engine refuses a module that needs a feature that the lane lacks, as far as wasmparser can tell. Of a module
//!   that must be refused nobody can tell for which reason it was, if the lane lacks any feature of the script.
//! - The directive uses a module or an instance that does not exist because it was unsupported ([`Names`]), or the
//!   module does not link, and such an instance could not be registered.
//! - A value or a trap is wrong, and an unsupported directive might have changed the instance ([`Taint`]).
//! - The directive follows a thread that was unsupported: it might wait for that thread forever.
//!
//! Lanes of our own engine have to support what they are given: nothing excuses them.
//!
//! [`Names`]: super::names::Names

use super::check::Checked;
use super::taint::Taint;
use super::{Miss, Verdict};
use lanes::{Binary, Failure, Features, InstanceId, Lane, ModuleId, Outcome, Phase, is_valid_with};

/// A record of what a lane has not supported in a script so far. It decides whether that excuses an outcome.
pub(super) struct Support {
    /// True if the lane is one of our own, which has no excuse.
    is_own: bool,
    /// The features that the script may use.
    features: Features,
    /// The features that the script may use and the lane lacks.
    lacks: Features,
    /// True if an instance could not be registered because it was unsupported.
    is_registration_missing: bool,
    /// True if a thread could not be started because it was unsupported.
    is_thread_missing: bool,
    taint: Taint,
    /// The dependency of the current directive.
    dependency: Dependency,
}

/// Something unsupported that the outcome of a directive depends on.
enum Dependency {
    None,
    /// A feature that the refused module needs and the lane lacks.
    MissingFeature,
    /// An instance that an unsupported directive might have changed.
    TaintedInstance,
}

impl Support {
    pub(super) fn new(lane: &dyn Lane, features: Features) -> Support {
        Support {
            is_own: lane.info().is_own(),
            features,
            lacks: lane.lacks(features),
            is_registration_missing: false,
            is_thread_missing: false,
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
    /// [`Miss::Unsupported`] if the directive cannot run because of an earlier one.
    pub(super) fn begin_directive(&mut self) -> Result<(), Miss> {
        self.dependency = Dependency::None;
        if self.is_thread_missing {
            return Err(Miss::Unsupported("it comes after a thread that was unsupported".to_string()));
        }
        Ok(())
    }

    /// Notes that the lane has loaded a module.
    pub(super) fn add_module(&mut self, module: ModuleId, binary: &Binary) {
        // Taint matters only to lanes that can be excused, and looking for imports takes time.
        if !self.is_own {
            self.taint.add_module(module, binary);
        }
    }

    /// Notes that the lane has refused a module.
    pub(super) fn add_refusal(&mut self, binary: &Binary) {
        let available = self.features - self.lacks;
        if !self.is_own && !self.lacks.is_empty() && !is_valid_with(binary.bytes(), available) {
            self.dependency = Dependency::MissingFeature;
        }
    }

    /// Notes that the directive instantiates a module.
    pub(super) fn use_module(&mut self, module: ModuleId) {
        self.depend_on_taint(self.taint.is_module_tainted(module));
    }

    /// Notes that the directive uses an instance.
    pub(super) fn use_instance(&mut self, instance: InstanceId) {
        self.depend_on_taint(self.taint.is_instance_tainted(instance));
    }

    fn depend_on_taint(&mut self, is_tainted: bool) {
        if is_tainted {
            self.dependency = Dependency::TaintedInstance;
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

    /// Notes that a directive was unsupported that would have used this instance, or one that does not exist.
    pub(super) fn add_unsupported(&mut self, instance: Option<InstanceId>) {
        self.taint.spread(instance);
    }

    /// Notes that an instance could not be registered because it was unsupported.
    pub(super) fn add_missing_registration(&mut self) {
        self.is_registration_missing = true;
    }

    /// Notes that a thread could not be started because it was unsupported.
    pub(super) fn add_missing_thread(&mut self) {
        self.is_thread_missing = true;
    }

    /// Returns why the lane may not support what had this outcome, if it may not.
    pub(super) fn excuse(&self, outcome: &Outcome) -> Option<String> {
        if self.is_own {
            return None;
        }
        if outcome.is_unsupported() {
            return Some(outcome.to_string());
        }
        match (outcome, &self.dependency) {
            (Outcome::Refused(refusal), Dependency::MissingFeature) if is_verdict_on_module(refusal.phase) => {
                Some(format!("the lane lacks {}, and says: {outcome}", self.lacks))
            }
            (Outcome::Failed(Failure::Link(_)), _) if self.is_registration_missing => {
                Some(format!("an instance that was unsupported is not registered; {outcome}"))
            }
            (Outcome::Values(_) | Outcome::Failed(Failure::Trap(_)), Dependency::TaintedInstance) => {
                Some(format!("what was unsupported before might have changed this: {outcome}"))
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
            Some(reason) if is_in_question => Err(Miss::Unsupported(reason)),
            _ => checked.map_err(Miss::Failed),
        }
    }
}

/// Returns whether a refusal in this phase says something about the module, not about the engine's own state.
fn is_verdict_on_module(phase: Phase) -> bool {
    matches!(phase, Phase::Malformed | Phase::Invalid | Phase::Rejected)
}
