//! Runs a script in one lane, directive by directive, and judges each. A failed directive does not stop the script; an
//! engine whose process is lost does.
//!
//! In: a [`Script`] and a lane. Out: for each directive a verdict and what was observed, so that lanes can be compared
//! and traps written down. The store is fresh; instances and definitions have the names that the script gives them, and
//! only `register` makes a name importable.
//!
//! A lane of another engine may not support what a directive asks for, which is neither a pass nor a failure. So it is
//! - where the engine says so;
//! - where it refuses a module that needs a feature that the lane lacks, as far as wasmparser knows, or a module that
//!   has to be refused, and lacks a feature that the script may use: whether for that reason, nobody knows;
//! - where the directive needs a module or an instance that is not there because it was unsupported, or where a module
//!   does not link while such an instance could not be registered;
//! - where something is not as the script says, and a directive before it that was unsupported might have changed it:
//!   one that used this instance, or one that may be connected with it by imports;
//! - where the directive comes after a thread that was unsupported: it might wait for that thread without end.
//!
//! Our own lanes have to support what they are given: there all of this is a failure.

mod doubt;
mod threads;

use crate::pattern::Pattern;
use crate::script::{Action, Directive, Encoded, Kind, Script, Source};
use doubt::Doubt;
use lanes::{
    Binary, Failure, Features, InstanceId, Lane, ModuleId, Observation, Outcome, Phase, Refusal, Session, State,
    TrapKind, Value, valid_with,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::thread::Scope;
use threads::Threads;

/// A directive passed, or why not.
pub type Verdict = Result<(), Miss>;

/// Why a directive did not pass.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Miss {
    /// Something else came than the script says.
    Failed(String),
    /// The engine does not support it. Never said of our own lanes.
    Unsupported(String),
    /// The engine's process died. The last step of a run.
    Crashed(String),
    /// The engine did not answer in time. The last step of a run.
    TimedOut(String),
}

impl Miss {
    /// What there is to say.
    pub fn message(&self) -> &str {
        match self {
            Miss::Failed(message) | Miss::Unsupported(message) | Miss::Crashed(message) | Miss::TimedOut(message) => {
                message
            }
        }
    }

    /// Whether the run ends with it.
    fn is_lost(&self) -> bool {
        matches!(self, Miss::Crashed(_) | Miss::TimedOut(_))
    }
}

impl From<String> for Miss {
    fn from(message: String) -> Miss {
        Miss::Failed(message)
    }
}

/// What a judge of outcomes says: passed, or why not.
type Judged = Result<(), String>;

/// What became of a directive.
#[derive(Debug)]
pub struct Step {
    /// Whether it passed.
    pub verdict: Verdict,
    /// What the lane showed, if the directive made it do anything.
    pub observation: Option<Observation>,
}

/// What became of a script in a lane.
#[derive(Debug)]
pub struct Run {
    /// One step for each directive, up to that in which the engine was lost.
    pub steps: Vec<Step>,
    /// What each instance's exports held at the end, with the position of the directive that made the instance.
    pub states: Vec<(usize, Option<State>)>,
}

/// Is told of each directive before it runs (`None`) and after it.
pub type Watch<'a> = &'a mut dyn FnMut(usize, Option<&Verdict>);

/// Runs a script. `states` asks for the state of the instances at the end.
pub fn execute(script: &Script, lane: &dyn Lane, features: Features, states: bool, watch: Watch<'_>) -> Run {
    std::thread::scope(|scope| execute_in(scope, script, lane, features, states, watch))
}

fn execute_in<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    script: &'env Script,
    lane: &'env dyn Lane,
    features: Features,
    states: bool,
    watch: Watch<'_>,
) -> Run {
    let mut executor = match Executor::new(lane, features, scope) {
        Ok(executor) => executor,
        Err(failure) => return refuse_all(script, lane, failure, watch),
    };
    let mut made = Vec::new();
    let mut steps = Vec::with_capacity(script.directives.len());
    for (position, directive) in script.directives.iter().enumerate() {
        watch(position, None);
        let before = executor.instance_count;
        let step = executor.step(position, directive);
        made.extend((before..executor.instance_count).map(|instance| (position, InstanceId(instance))));
        watch(position, Some(&step.verdict));
        let lost = step.verdict.as_ref().is_err_and(Miss::is_lost);
        steps.push(step);
        if lost {
            return Run { steps, states: Vec::new() };
        }
    }
    for (position, miss) in executor.threads.join(|position| watch(position, None)) {
        // A thread that was started passed, until now.
        steps[position].verdict = Err(miss);
    }
    let state = |&(position, instance): &(usize, InstanceId)| (position, executor.session.state(instance));
    let states = if states { made.iter().map(state).collect() } else { Vec::new() };
    if let (Some(failure), Some(last)) = (executor.session.lost(), steps.last_mut()) {
        let told = Outcome::Failed(failure);
        last.verdict = Err(lost(&told).unwrap_or_else(|| Miss::Failed(format!("when asked for its state: {told}"))));
    }
    Run { steps, states }
}

/// What becomes of the directives of a lane that gives no session.
fn refuse_all(script: &Script, lane: &dyn Lane, failure: Failure, watch: Watch<'_>) -> Run {
    let message = format!("the lane gives no session: {failure}");
    let miss = lost(&Outcome::Failed(failure.clone())).unwrap_or(match failure {
        Failure::Unsupported(_) if !lane.info().is_own() => Miss::Unsupported(message),
        _ => Miss::Failed(message),
    });
    let count = if miss.is_lost() { script.directives.len().min(1) } else { script.directives.len() };
    let refuse = |position| {
        watch(position, None);
        let verdict = Err(miss.clone());
        watch(position, Some(&verdict));
        Step { verdict, observation: None }
    };
    Run { steps: (0..count).map(refuse).collect(), states: Vec::new() }
}

/// The miss of an outcome that says that the engine is gone.
fn lost(outcome: &Outcome) -> Option<Miss> {
    let message = outcome.to_string();
    match outcome {
        Outcome::Refused(Refusal { phase: Phase::Crashed, .. }) | Outcome::Failed(Failure::Crashed(_)) => {
            Some(Miss::Crashed(message))
        }
        Outcome::Refused(Refusal { phase: Phase::TimedOut, .. }) | Outcome::Failed(Failure::TimedOut(_)) => {
            Some(Miss::TimedOut(message))
        }
        _ => None,
    }
}

/// What a name stands for, and what stands for no name.
struct Named<T> {
    names: HashMap<String, Slot<T>>,
    last: Slot<T>,
}

/// What became of an item.
#[derive(Clone, Copy)]
enum Slot<T> {
    There(T),
    Failed,
    Unsupported,
}

impl<T: Copy> Named<T> {
    fn new() -> Named<T> {
        Named { names: HashMap::new(), last: Slot::Failed }
    }

    /// Notes the newest item. One that failed takes its name with it: nothing may reach an older one by mistake.
    fn set(&mut self, id: Option<&str>, item: Slot<T>) {
        self.last = item;
        if let Some(id) = id {
            self.names.insert(id.to_string(), item);
        }
    }

    fn get(&self, what: &str, id: Option<&str>) -> Result<T, Miss> {
        let slot = id.map_or(self.last, |id| self.names.get(id).copied().unwrap_or(Slot::Failed));
        match (slot, id) {
            (Slot::There(item), _) => Ok(item),
            (Slot::Unsupported, _) => Err(Miss::Unsupported(format!("the {what} is not there: it was unsupported"))),
            (Slot::Failed, Some(id)) => Err(Miss::Failed(format!("there is no {what} ${id}"))),
            (Slot::Failed, None) => {
                Err(Miss::Failed(format!("there is no {what}: the last one failed, or there was none")))
            }
        }
    }
}

/// The slot of an item that is not there because its step gave this verdict.
fn slot_of_failure<T>(verdict: &Verdict) -> Slot<T> {
    if matches!(verdict, Err(Miss::Unsupported(_))) { Slot::Unsupported } else { Slot::Failed }
}

struct Executor<'scope, 'env> {
    session: Box<dyn Session + 'env>,
    threads: Threads<'scope, 'env>,
    thread_names: Named<usize>,
    /// Whether the lane is one of our own.
    own: bool,
    /// Whether an instance could not be registered because it was unsupported.
    unregistered: bool,
    /// What something unsupported might have changed.
    doubt: Doubt,
    /// Whether that goes for what the directive under way uses.
    doubtful: bool,
    /// Whether the module that was refused last may need a feature that the lane lacks.
    needs_more: bool,
    /// Whether a thread could not be started because it was unsupported.
    alone: bool,
    /// Features that the script may use,
    features: Features,
    /// and those of them that the lane does not have.
    lacks: Features,
    modules: Named<ModuleId>,
    instances: Named<InstanceId>,
    instance_count: u32,
}

impl<'scope, 'env> Executor<'scope, 'env> {
    fn new(
        lane: &'env dyn Lane,
        features: Features,
        scope: &'scope Scope<'scope, 'env>,
    ) -> Result<Executor<'scope, 'env>, Failure> {
        Ok(Executor {
            session: lane.session(features)?,
            threads: Threads::new(scope, lane, features),
            thread_names: Named::new(),
            own: lane.info().is_own(),
            unregistered: false,
            doubt: Doubt::default(),
            doubtful: false,
            needs_more: false,
            alone: false,
            features,
            lacks: lane.lacks(features),
            modules: Named::new(),
            instances: Named::new(),
            instance_count: 0,
        })
    }

    fn step(&mut self, position: usize, directive: &'env Directive) -> Step {
        if self.alone {
            return unobserved(Err(Miss::Unsupported("it comes after a thread that was unsupported".to_string())));
        }
        self.doubtful = false;
        let step = self.perform(position, directive);
        if matches!(step.verdict, Err(Miss::Unsupported(_))) {
            match directive.kind.action() {
                Some(action) => self.doubt.spread(self.instances.get("instance", action.instance()).ok()),
                None => self.doubt.spread(None),
            }
        }
        step
    }

    fn perform(&mut self, position: usize, directive: &'env Directive) -> Step {
        match &directive.kind {
            Kind::Module { id, module } => self.module(id.as_deref(), module),
            Kind::Definition { id, module } => self.definition(id.as_deref(), module),
            Kind::Instance { id, module } => {
                let instantiated = self.modules.get("module", module.as_deref()).map(|module| self.instantiate(module));
                self.keep_instance(id.as_deref(), instantiated)
            }
            Kind::Register { name, instance } => self.register(name, instance.as_deref()),
            Kind::Action(action) => self.acting(action, |outcome| match outcome {
                Outcome::Values(_) => Ok(()),
                other => Err(format!("expected success, got {other}")),
            }),
            Kind::AssertReturn(action, patterns) => self.acting(action, |outcome| returned(outcome, patterns)),
            Kind::AssertTrap(action, message) => self.acting(action, |outcome| trapped(outcome, message)),
            Kind::AssertExhaustion(action, message) => self.acting(action, |outcome| exhausted(outcome, message)),
            Kind::AssertException(action) => self.acting(action, |outcome| match outcome {
                Outcome::Failed(Failure::Exception(_)) => Ok(()),
                other => Err(format!("expected an exception, got {other}")),
            }),
            Kind::AssertMalformed(module) => self.refused(module, Phase::Malformed),
            Kind::AssertInvalid(module) => self.refused(module, Phase::Invalid),
            Kind::AssertMalformedCustom { module, plain } => {
                unobserved(malformed_custom(module, plain.as_ref()).map_err(Miss::Failed))
            }
            Kind::AssertInvalidCustom { module, fault } => self.invalid_custom(module, fault.as_deref()),
            Kind::AssertUnlinkable(source, message) => {
                self.failing_instance(source, |outcome| unlinkable(outcome, message))
            }
            Kind::AssertInstantiationTrap(source, message) => {
                self.failing_instance(source, |outcome| trapped(outcome, message))
            }
            Kind::Thread { id, shared, directives } => self.thread(position, id, shared.as_deref(), directives),
            Kind::Wait { id } => self.wait(id),
            Kind::Unsupported(reason) => unobserved(Err(Miss::Failed(reason.clone()))),
        }
    }

    fn observe(&mut self, outcome: impl Into<Outcome>, judge: impl FnOnce(&Outcome) -> Judged) -> Step {
        let observation = Observation::of(&mut *self.session, outcome);
        let verdict = self.verdict(&observation.outcome, judge(&observation.outcome));
        Step { verdict, observation: Some(observation) }
    }

    fn verdict(&self, outcome: &Outcome, judged: Judged) -> Verdict {
        if let Some(miss) = lost(outcome) {
            return Err(miss);
        }
        match self.unsupported(outcome) {
            // The right outcome for what may be a wrong reason proves nothing.
            Some(reason) if judged.is_err() || matches!(outcome, Outcome::Failed(Failure::Link(_))) => {
                Err(Miss::Unsupported(reason))
            }
            _ => judged.map_err(Miss::Failed),
        }
    }

    /// Why the lane may not support what gave this outcome, if so.
    fn unsupported(&self, outcome: &Outcome) -> Option<String> {
        let rejected = |phase| matches!(phase, Phase::Malformed | Phase::Invalid | Phase::Rejected);
        match outcome {
            _ if self.own => None,
            _ if outcome.is_unsupported() => Some(outcome.to_string()),
            Outcome::Refused(refusal) if rejected(refusal.phase) && self.needs_more => {
                Some(format!("the lane lacks {}, and says: {outcome}", self.lacks))
            }
            Outcome::Failed(Failure::Link(_)) if self.unregistered => {
                Some(format!("an instance that was unsupported is not registered; {outcome}"))
            }
            Outcome::Values(_) | Outcome::Failed(Failure::Trap(_)) if self.doubtful => {
                Some(format!("what was unsupported before might have changed this: {outcome}"))
            }
            _ => None,
        }
    }

    fn load(&mut self, module: &Encoded) -> Result<Result<ModuleId, Refusal>, Miss> {
        let binary: &Binary = module.as_ref().map_err(|error| format!("the text is malformed: {error}"))?;
        Ok(self.load_binary(binary))
    }

    fn load_binary(&mut self, binary: &Binary) -> Result<ModuleId, Refusal> {
        let loaded = self.session.load(binary);
        match &loaded {
            // Nothing excuses our own lanes.
            Ok(_) if self.own => {}
            Ok(module) => self.doubt.loaded(*module, binary),
            Err(_) => {
                self.needs_more = !self.lacks.is_empty() && !valid_with(binary.bytes(), self.features - self.lacks);
            }
        }
        loaded
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        self.doubtful = self.doubt.of_module(module);
        let instance = self.session.instantiate(module);
        if let Ok(instance) = instance {
            self.instance_count += 1;
            self.doubt.instantiated(instance, module);
        }
        instance
    }

    fn module(&mut self, id: Option<&str>, module: &Encoded) -> Step {
        match self.defined(id, module) {
            Ok(module) => {
                let instantiated = self.instantiate(module);
                self.keep_instance(id, Ok(instantiated))
            }
            Err(step) => {
                self.instances.set(id, slot_of_failure(&step.verdict));
                *step
            }
        }
    }

    fn definition(&mut self, id: Option<&str>, module: &Encoded) -> Step {
        match self.defined(id, module) {
            Ok(_) => self.observe(Outcome::Values(Vec::new()), accepted),
            Err(step) => *step,
        }
    }

    /// Loads a module and gives it its name, or says what became of the directive.
    fn defined(&mut self, id: Option<&str>, module: &Encoded) -> Result<ModuleId, Box<Step>> {
        let step = match self.load(module) {
            Ok(Ok(module)) => {
                self.modules.set(id, Slot::There(module));
                return Ok(module);
            }
            Ok(Err(refusal)) => self.observe(Outcome::Refused(refusal), accepted),
            Err(miss) => unobserved(Err(miss)),
        };
        self.modules.set(id, slot_of_failure(&step.verdict));
        Err(Box::new(step))
    }

    fn keep_instance(&mut self, id: Option<&str>, instance: Result<Result<InstanceId, Failure>, Miss>) -> Step {
        let made = instance.as_ref().ok().and_then(|instance| instance.as_ref().ok()).copied();
        let step = match instance {
            Ok(instance) => self.observe(instance.map(|_| Vec::new()), accepted),
            Err(miss) => unobserved(Err(miss)),
        };
        self.instances.set(id, made.map_or_else(|| slot_of_failure(&step.verdict), Slot::There));
        step
    }

    fn register(&mut self, name: &str, instance: Option<&str>) -> Step {
        let verdict = self.instances.get("instance", instance).and_then(|instance| {
            let Err(failure) = self.session.register(name, instance) else {
                self.doubt.connect(instance);
                return Ok(());
            };
            let message = format!("expected success, got {failure}");
            self.verdict(&Outcome::Failed(failure), Err(message))
        });
        self.unregistered |= matches!(verdict, Err(Miss::Unsupported(_)));
        unobserved(verdict)
    }

    fn acting(&mut self, action: &Action, judge: impl FnOnce(&Outcome) -> Judged) -> Step {
        let instance = match self.instances.get("instance", action.instance()) {
            Ok(instance) => instance,
            Err(miss) => return unobserved(Err(miss)),
        };
        self.doubtful = self.doubt.of_instance(instance);
        let outcome = match action {
            Action::Invoke { function, arguments, .. } => self.session.invoke(instance, function, arguments),
            Action::Get { global, .. } => self.session.get(instance, global).map(|value| vec![value]),
        };
        self.observe(outcome, judge)
    }

    /// Checks that a module is refused, and in which phase. Text that does not parse or encode is malformed.
    fn refused(&mut self, module: &Encoded, expected: Phase) -> Step {
        let binary = match (module, expected) {
            (Err(_), Phase::Malformed) => return unobserved(Ok(())),
            (Err(error), _) => {
                return unobserved(Err(Miss::Failed(format!("expected {expected}, got malformed text: {error}"))));
            }
            (Ok(binary), _) => binary,
        };
        let outcome = match self.load_binary(binary) {
            Ok(_) => Outcome::Values(Vec::new()),
            Err(refusal) => Outcome::Refused(refusal),
        };
        let lacks = self.lacks;
        self.observe(outcome, |outcome| match outcome {
            Outcome::Refused(refusal) if refusal.phase.may_be(expected) && lacks.is_empty() => Ok(()),
            Outcome::Refused(refusal) if refusal.phase.may_be(expected) => {
                Err(format!("refused, which proves nothing: the lane lacks {lacks}"))
            }
            Outcome::Values(_) => Err(format!("expected {expected}, but the module was accepted")),
            other => Err(format!("expected {expected}, got {other}")),
        })
    }

    /// Checks that a module has an invalid custom section, and that the lane accepts it all the same.
    fn invalid_custom(&mut self, module: &Encoded, fault: Option<&str>) -> Step {
        let outcome = match self.load(module) {
            Ok(Ok(_)) => Outcome::Values(Vec::new()),
            Ok(Err(refusal)) => Outcome::Refused(refusal),
            Err(miss) => return unobserved(Err(miss)),
        };
        self.observe(outcome, |outcome| match fault {
            Some(_) => accepted(outcome),
            None => Err("expected an invalid custom section, but there is none".to_string()),
        })
    }

    fn failing_instance(&mut self, source: &Source, judge: impl FnOnce(&Outcome) -> Judged) -> Step {
        let module = match source {
            Source::Definition(id) => self.modules.get("module", id.as_deref()).map(Ok),
            Source::Inline(module) => self.load(module),
        };
        match module {
            Ok(Ok(module)) => {
                let instantiated = self.instantiate(module);
                self.observe(instantiated.map(|_| Vec::new()), judge)
            }
            Ok(Err(refusal)) => self.observe(Outcome::Refused(refusal), accepted),
            Err(miss) => unobserved(Err(miss)),
        }
    }
}

/// Checks that a module's text is malformed, and that it would not be without its annotations. No lane sees either.
fn malformed_custom(module: &Encoded, plain: Option<&Encoded>) -> Judged {
    match (module, plain) {
        (Ok(_), _) => Err("expected a malformed annotation, but the text was accepted".to_string()),
        (Err(_), Some(Ok(_))) => Ok(()),
        (Err(error), None) => Err(format!("expected a malformed annotation, but there is none: {error}")),
        (Err(_), Some(Err(error))) => {
            Err(format!("expected a malformed annotation, but the text is malformed without it: {error}"))
        }
    }
}

/// A step in which the lane did nothing that can be compared.
fn unobserved(verdict: Verdict) -> Step {
    Step { verdict, observation: None }
}

fn accepted(outcome: &Outcome) -> Judged {
    match outcome {
        Outcome::Values(_) => Ok(()),
        other => Err(format!("expected the module to be accepted, got {other}")),
    }
}

fn returned(outcome: &Outcome, patterns: &[Pattern]) -> Judged {
    let matches = |values: &[Value]| {
        values.len() == patterns.len() && patterns.iter().zip(values).all(|(pattern, value)| pattern.matches(*value))
    };
    match outcome {
        Outcome::Values(values) if matches(values) => Ok(()),
        Outcome::Values(values) if values.is_empty() => Err(format!("expected {}, got no result", list(patterns))),
        other => Err(format!("expected {}, got {other}", list(patterns))),
    }
}

fn list(patterns: &[Pattern]) -> String {
    if patterns.is_empty() {
        return "no result".to_string();
    }
    let patterns: Vec<String> = patterns.iter().map(Pattern::to_string).collect();
    format!("[{}]", patterns.join(", "))
}

/// A trap is matched by its kind, whose official text the message must be or begin. An error of a host
/// function is matched by its text.
fn trapped(outcome: &Outcome, message: &str) -> Judged {
    let matches = match outcome {
        Outcome::Failed(Failure::Trap(trap)) => {
            trap.kinds().flat_map(official_texts).any(|text| same_start(text, message))
        }
        Outcome::Failed(Failure::Host(text) | Failure::Panic(text)) => same_start(text, message),
        _ => false,
    };
    if matches { Ok(()) } else { Err(format!("expected trap \"{message}\", got {outcome}")) }
}

fn exhausted(outcome: &Outcome, message: &str) -> Judged {
    match outcome {
        Outcome::Failed(Failure::Trap(trap))
            if trap.may_be(TrapKind::StackOverflow) && same_start(EXHAUSTED, message) =>
        {
            Ok(())
        }
        other => Err(format!("expected exhaustion \"{message}\", got {other}")),
    }
}

/// The two reasons for which a module does not link exclude each other where a lane uses the official words for them.
fn unlinkable(outcome: &Outcome, message: &str) -> Judged {
    const REASONS: [&str; 2] = ["unknown import", "incompatible import type"];
    let reason = |text: &str| REASONS.into_iter().find(|reason| text.starts_with(reason));
    match outcome {
        Outcome::Failed(Failure::Link(text)) => match reason(text).zip(reason(message)) {
            Some((got, expected)) if got != expected => {
                Err(format!("expected link error \"{message}\", got {outcome}"))
            }
            _ => Ok(()),
        },
        other => Err(format!("expected a link error, got {other}")),
    }
}

/// Whether a script's message is a trap's text, or its beginning. A message may name an element behind the text, which
/// is not checked: `uninitialized element 2`.
fn same_start(text: &str, message: &str) -> bool {
    let number = |rest: &str| rest.strip_prefix(' ').is_some_and(|rest| rest.parse::<u32>().is_ok());
    !message.is_empty() && (text.starts_with(message) || message.strip_prefix(text).is_some_and(number))
}

const EXHAUSTED: &str = "call stack exhausted";

/// What the official scripts call a trap. Exhaustion is no trap, and what the specification does not know has no text.
fn official_texts(kind: TrapKind) -> &'static [&'static str] {
    match kind {
        TrapKind::Unreachable => &["unreachable"],
        TrapKind::MemoryOutOfBounds => &["out of bounds memory access"],
        TrapKind::TableOutOfBounds => &["out of bounds table access"],
        TrapKind::UndefinedElement => &["undefined element"],
        TrapKind::UninitializedElement => &["uninitialized element"],
        TrapKind::IndirectCallTypeMismatch => &["indirect call type mismatch"],
        TrapKind::IntegerOverflow => &["integer overflow"],
        TrapKind::IntegerDivisionByZero => &["integer divide by zero"],
        TrapKind::InvalidConversionToInteger => &["invalid conversion to integer"],
        // The instruction tells what the reference is to, and by what it casts.
        TrapKind::NullReference => &[
            "null reference",
            "null function reference",
            "null structure reference",
            "null array reference",
            "null i31 reference",
            "null exception reference",
            "null descriptor reference",
        ],
        TrapKind::CastFailure => &["cast failure", "descriptor cast failure"],
        TrapKind::UnalignedAtomic => &["unaligned atomic"],
        TrapKind::ExpectedSharedMemory => &["expected shared memory"],
        TrapKind::ArrayOutOfBounds => &["out of bounds array access"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanes::Trap;

    fn trap(kind: TrapKind) -> Outcome {
        // The engine's own words say something else, and must not matter.
        Outcome::Failed(Failure::Trap(Trap::new(kind, "unreachable", None)))
    }

    #[test]
    fn traps_are_matched_by_kind() {
        assert!(trapped(&trap(TrapKind::IntegerDivisionByZero), "integer divide by zero").is_ok());
        assert!(trapped(&trap(TrapKind::IntegerDivisionByZero), "unreachable").is_err());
        assert!(trapped(&trap(TrapKind::UninitializedElement), "uninitialized element 7").is_ok());
        assert!(trapped(&trap(TrapKind::UninitializedElement), "uninitialized").is_ok());
        assert!(trapped(&trap(TrapKind::UninitializedElement), "uninitialized elements").is_err());
        assert!(trapped(&trap(TrapKind::Unreachable), "unreachable executed").is_err());
        assert!(trapped(&trap(TrapKind::TableOutOfBounds), "out of bounds memory access").is_err());
        assert!(trapped(&trap(TrapKind::Unreachable), "").is_err());
        assert!(trapped(&trap(TrapKind::NullReference), "null descriptor reference").is_ok());
        assert!(trapped(&trap(TrapKind::CastFailure), "null descriptor reference").is_err());
        assert!(trapped(&trap(TrapKind::CastFailure), "descriptor cast failure").is_ok());
        assert!(trapped(&trap(TrapKind::NullReference), "descriptor cast failure").is_err());
        assert!(trapped(&Outcome::Values(Vec::new()), "unreachable").is_err());
    }

    #[test]
    fn exhaustion_is_no_trap() {
        assert!(trapped(&trap(TrapKind::StackOverflow), EXHAUSTED).is_err());
        assert!(exhausted(&trap(TrapKind::StackOverflow), EXHAUSTED).is_ok());
        assert!(exhausted(&trap(TrapKind::Unreachable), EXHAUSTED).is_err());
    }

    #[test]
    fn results_are_counted() {
        let one = Outcome::Values(vec![Value::I32(1)]);
        assert!(returned(&one, &[Pattern::Exact(Value::I32(1))]).is_ok());
        assert!(returned(&one, &[]).is_err());
        assert!(returned(&Outcome::Values(Vec::new()), &[Pattern::Exact(Value::I32(1))]).is_err());
    }
}
