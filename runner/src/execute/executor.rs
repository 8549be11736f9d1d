//! The executor: performs the directives of a script, or of a thread in it, in one session of a lane.

use super::cause::Cause;
use super::check::{
    Checked, check_accepted, check_exception, check_exhaustion, check_invalid_custom, check_malformed_custom,
    check_refused, check_results, check_success, check_suspension, check_trap, check_unlinkable,
};
use super::names::{Names, Slot};
use super::races::Races;
use super::support::Support;
use super::threads::Threads;
use super::{Miss, Step, Verdict};
use crate::settings::Settings;
use lanes::{Binary, Failure, Features, InstanceId, Lane, ModuleId, Observation, Outcome, Phase, Refusal, Session};
use script::pattern::Pattern;
use script::{Action, Directive, DirectiveKind, Encoded, Kind, Source};
use std::borrow::Cow;
use std::thread::Scope;

pub(super) struct Executor<'scope, 'env> {
    pub(super) session: Box<dyn Session + 'env>,
    pub(super) support: Support,
    pub(super) races: Races,
    settings: Settings,
    pub(super) threads: Threads<'scope, 'env>,
    modules: Names<ModuleId>,
    pub(super) instances: Names<InstanceId>,
    pub(super) thread_names: Names<usize>,
    pub(super) instance_count: u32,
    /// The line of the current directive.
    pub(super) line: u32,
}

impl<'scope, 'env> Executor<'scope, 'env> {
    pub(super) fn new(
        lane: &'env dyn Lane,
        features: Features,
        settings: Settings,
        directives: &[Directive],
        scope: &'scope Scope<'scope, 'env>,
    ) -> Result<Executor<'scope, 'env>, Failure> {
        let mut session = lane.session(features)?;
        if settings.wasmtime_host {
            lanes::wasmtime_functions().iter().try_for_each(|function| session.define(function))?;
        }
        Ok(Executor {
            session,
            support: Support::new(lane, features),
            races: Races::new(directives),
            settings,
            threads: Threads::new(scope, lane, features, settings),
            modules: Names::new("module"),
            instances: Names::new("instance"),
            thread_names: Names::new("thread"),
            instance_count: 0,
            line: 0,
        })
    }

    /// Performs the directive at this position.
    pub(super) fn step(&mut self, position: usize, directive: &Directive) -> Step {
        if let Err(miss) = self.support.begin_directive() {
            return Step::unobserved(Err(miss));
        }
        self.line = directive.line;
        let kind = directive.kind();
        let mut step = match &kind {
            Kind::Kept(kind) => self.perform(position, directive.name, kind),
            Kind::Unpacked(kind) => self.perform_action(kind),
        };
        step.depends_on_race = self.races.end_directive();
        if let Some(cause) = what_did_not_run(directive.line, &kind, &step.verdict()) {
            let action = kind.action();
            let instance = action.and_then(|action| self.instances.get(action.instance()).ok());
            self.support.add_missing(instance, cause);
        }
        step
    }

    /// Performs an action, or an assertion about one.
    fn perform_action(&mut self, kind: &DirectiveKind) -> Step {
        let texts = self.settings.trap_text;
        match kind {
            DirectiveKind::Action(action) => self.act(action, check_success),
            DirectiveKind::AssertReturn(action, patterns) => match self.find_functions(action, patterns) {
                Ok(patterns) => self.act(action, |outcome| check_results(outcome, &patterns)),
                Err(miss) => Step::unobserved(Err(miss)),
            },
            DirectiveKind::AssertTrap(action, message) => {
                self.act(action, |outcome| check_trap(outcome, message, texts))
            }
            DirectiveKind::AssertExhaustion(action, message) => {
                self.act(action, |outcome| check_exhaustion(outcome, message, texts))
            }
            DirectiveKind::AssertException(action) => self.act(action, check_exception),
            DirectiveKind::AssertSuspension(action, message) => {
                self.act(action, |outcome| check_suspension(outcome, message, texts))
            }
            _ => unreachable!("the directive has no action"),
        }
    }

    /// Performs the directive with this keyword.
    fn perform(&mut self, position: usize, keyword: &str, kind: &DirectiveKind) -> Step {
        let texts = self.settings.trap_text;
        match kind {
            DirectiveKind::Module { id, module } => self.define_and_instantiate(id.as_deref(), module),
            DirectiveKind::Definition { id, module } => self.define(id.as_deref(), module),
            DirectiveKind::Instance { id, module } => {
                let module = self.modules.get(module.as_deref());
                let instantiated = module.map(|module| self.instantiate(module));
                self.name_instance(id.as_deref(), instantiated)
            }
            DirectiveKind::Register { name, instance } => self.register(name, instance.as_deref()),
            DirectiveKind::AssertMalformed(module) => self.expect_refusal(module, Phase::Malformed),
            DirectiveKind::AssertInvalid(module) => self.expect_refusal(module, Phase::Invalid),
            DirectiveKind::AssertMalformedCustom { module, plain } => {
                Step::unobserved(check_malformed_custom(module, plain.as_ref()).map_err(Miss::Failed))
            }
            DirectiveKind::AssertInvalidCustom { module, fault } => {
                self.expect_invalid_custom(module, fault.as_deref())
            }
            DirectiveKind::AssertUnlinkable(source, message) => {
                self.expect_no_instance(source, |outcome| check_unlinkable(outcome, message))
            }
            DirectiveKind::AssertInstantiationTrap(source, message) => {
                self.expect_no_instance(source, |outcome| check_trap(outcome, message, texts))
            }
            DirectiveKind::Thread { id, shared, directives } => {
                self.start_thread(position, id, shared.as_deref(), directives)
            }
            DirectiveKind::Wait { id } => self.wait(id),
            DirectiveKind::Unsupported { reason, id } => {
                let verdict = Err(Miss::Failed(reason.clone()));
                if matches!(keyword, "module" | "component") {
                    let cause = Cause::of(&verdict, self.line);
                    self.modules.set(id.as_deref(), Slot::missing(cause));
                    self.instances.set(id.as_deref(), Slot::missing(cause));
                }
                Step::unobserved(verdict)
            }
            DirectiveKind::Action(_)
            | DirectiveKind::AssertReturn(..)
            | DirectiveKind::AssertTrap(..)
            | DirectiveKind::AssertExhaustion(..)
            | DirectiveKind::AssertException(_)
            | DirectiveKind::AssertSuspension(..) => self.perform_action(kind),
        }
    }

    /// Ends a directive that had this outcome: takes the observation, and checks it.
    fn observe(&mut self, outcome: impl Into<Outcome>, check: impl FnOnce(&Outcome) -> Checked) -> Step {
        let observation = Observation::of(&mut *self.session, outcome);
        let verdict = self.support.verdict(&observation.outcome, check(&observation.outcome));
        Step::observed(verdict, observation)
    }

    /// Finds the functions that patterns name by their indices in the instance of an action.
    fn find_functions<'a>(&mut self, action: &Action, patterns: &'a [Pattern]) -> Result<Cow<'a, [Pattern]>, Miss> {
        if !patterns.iter().any(Pattern::names_functions) {
            return Ok(Cow::Borrowed(patterns));
        }
        let instance = self.instances.get(action.instance())?;
        let mut number = |index| match self.session.function_at(instance, index) {
            Ok(number) => Ok(Some(number)),
            // The lane does not tell functions apart: any is right.
            Err(Failure::Unsupported(_)) => Ok(None),
            Err(failure) => Err(Miss::Failed(format!("expected function {index} of the instance: {failure}"))),
        };
        let found = patterns.iter().map(|pattern| pattern.with_functions(&mut number));
        found.collect::<Result<_, _>>().map(Cow::Owned)
    }

    fn act(&mut self, action: &Action, check: impl FnOnce(&Outcome) -> Checked) -> Step {
        let instance = match self.instances.get(action.instance()) {
            Ok(instance) => instance,
            Err(miss) => return Step::unobserved(Err(miss)),
        };
        self.support.use_instance(instance);
        self.races.use_instance(instance, self.threads.is_borrowed());
        let outcome = match action {
            Action::Invoke { function, arguments, .. } => self.session.invoke(instance, function, arguments),
            Action::Get { global, .. } => self.session.get(instance, global).map(|value| vec![value]),
        };
        self.observe(outcome, check)
    }

    /// Loads a module. The outer error says that its text is malformed, so that no lane has seen it.
    fn load(&mut self, module: &Encoded) -> Result<Result<ModuleId, Refusal>, Miss> {
        let binary: &Binary = module.as_ref().map_err(|error| format!("the text is malformed: {error}"))?;
        Ok(self.load_binary(binary))
    }

    fn load_binary(&mut self, binary: &Binary) -> Result<ModuleId, Refusal> {
        let loaded = self.session.load(binary);
        match &loaded {
            Ok(module) => {
                self.support.add_module(*module, binary);
                self.races.add_module(*module, binary);
            }
            Err(_) => self.support.add_refusal(binary),
        }
        loaded
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        self.support.use_module(module);
        self.races.use_module(module, self.threads.is_borrowed());
        let instance = self.session.instantiate(module)?;
        self.instance_count += 1;
        self.support.add_instance(instance, module);
        self.races.add_instance(instance, module);
        Ok(instance)
    }

    fn define_and_instantiate(&mut self, id: Option<&str>, module: &Encoded) -> Step {
        match self.load_named(id, module) {
            Ok(module) => {
                let instantiated = self.instantiate(module);
                self.name_instance(id, Ok(instantiated))
            }
            Err(step) => {
                self.instances.set(id, Slot::missing(Cause::of(&step.verdict(), self.line)));
                *step
            }
        }
    }

    fn define(&mut self, id: Option<&str>, module: &Encoded) -> Step {
        match self.load_named(id, module) {
            Ok(_) => self.observe(Outcome::Values(Vec::new()), check_accepted),
            Err(step) => *step,
        }
    }

    /// Loads a module and names it. The error is the step of a directive that ends here.
    fn load_named(&mut self, id: Option<&str>, module: &Encoded) -> Result<ModuleId, Box<Step>> {
        let step = match self.load(module) {
            Ok(Ok(module)) => {
                self.modules.set(id, Slot::Present(module));
                return Ok(module);
            }
            Ok(Err(refusal)) => self.observe(Outcome::Refused(refusal), check_accepted),
            Err(miss) => Step::unobserved(Err(miss)),
        };
        self.modules.set(id, Slot::missing(Cause::of(&step.verdict(), self.line)));
        Err(Box::new(step))
    }

    /// Names an instance, if it came to be, and ends its directive.
    fn name_instance(&mut self, id: Option<&str>, instantiated: Result<Result<InstanceId, Failure>, Miss>) -> Step {
        let instance = match &instantiated {
            Ok(Ok(instance)) => Some(*instance),
            _ => None,
        };
        let step = match instantiated {
            Ok(instantiated) => self.observe(instantiated.map(|_| Vec::new()), check_accepted),
            Err(miss) => Step::unobserved(Err(miss)),
        };
        let slot = instance.map_or_else(|| Slot::missing(Cause::of(&step.verdict(), self.line)), Slot::Present);
        self.instances.set(id, slot);
        match id {
            Some(id) if self.settings.auto_register && step.has_passed() => {
                Step { shown: step.shown, ..Step::unobserved(self.try_register(id, Some(id))) }
            }
            _ => step,
        }
    }

    fn register(&mut self, name: &str, instance: Option<&str>) -> Step {
        let verdict = self.try_register(name, instance);
        self.support.add_missing_registration(Cause::of(&verdict, self.line));
        Step::unobserved(verdict)
    }

    fn try_register(&mut self, name: &str, instance: Option<&str>) -> Verdict {
        let instance = self.instances.get(instance)?;
        if let Err(failure) = self.session.register(name, instance) {
            let outcome = Outcome::Failed(failure);
            return self.support.verdict(&outcome, check_success(&outcome));
        }
        self.support.connect(instance);
        self.races.connect(instance);
        Ok(())
    }

    /// Expects that a module is refused in this phase. Text that does not parse or encode is malformed.
    fn expect_refusal(&mut self, module: &Encoded, expected: Phase) -> Step {
        let binary = match module {
            Ok(binary) => binary,
            Err(_) if expected == Phase::Malformed => return Step::unobserved(Ok(())),
            Err(error) => {
                let message = format!("expected {expected}, got malformed text: {error}");
                return Step::unobserved(Err(Miss::Failed(message)));
            }
        };
        let outcome = match self.load_binary(binary) {
            Ok(_) => Outcome::Values(Vec::new()),
            Err(refusal) => Outcome::Refused(refusal),
        };
        let lacks = self.support.lacks();
        self.observe(outcome, |outcome| check_refused(outcome, expected, lacks))
    }

    /// Expects that a custom section of a module is invalid, and that the lane accepts the module all the same.
    fn expect_invalid_custom(&mut self, module: &Encoded, fault: Option<&str>) -> Step {
        let outcome = match self.load(module) {
            Ok(Ok(_)) => Outcome::Values(Vec::new()),
            Ok(Err(refusal)) => Outcome::Refused(refusal),
            Err(miss) => return Step::unobserved(Err(miss)),
        };
        self.observe(outcome, |outcome| check_invalid_custom(outcome, fault))
    }

    /// Expects that a module loads, and does not instantiate for the reason that `check` looks for.
    fn expect_no_instance(&mut self, source: &Source, check: impl FnOnce(&Outcome) -> Checked) -> Step {
        let module = match source {
            Source::Definition(id) => self.modules.get(id.as_deref()).map(Ok),
            Source::Inline(module) => self.load(module),
        };
        match module {
            Ok(Ok(module)) => {
                let instantiated = self.instantiate(module);
                self.observe(instantiated.map(|_| Vec::new()), check)
            }
            Ok(Err(refusal)) => self.observe(Outcome::Refused(refusal), check_accepted),
            Err(miss) => Step::unobserved(Err(miss)),
        }
    }
}

/// Returns the cause for which a directive did not do what it would have done to instances, if it did not: it is
/// unsupported, it follows from another one, or it failed to make an instance or to run at all. One that ran and gave a
/// wrong result did it.
fn what_did_not_run(line: u32, kind: &DirectiveKind, verdict: &Verdict) -> Option<Cause> {
    let fails_whole = matches!(
        kind,
        DirectiveKind::Module { .. } | DirectiveKind::Instance { .. } | DirectiveKind::Unsupported { .. }
    );
    match verdict {
        Err(Miss::Failed(_)) if !fails_whole => None,
        verdict => Cause::of(verdict, line),
    }
}
