//! A session with an adapter on trial: performs requests, and says how the answers differ from the expected ones.

use super::CheckResult;
use lanes::adapter::{AdapterLane, Introduction};
use lanes::{
    Binary, Failure, HostCall, InstanceId, ModuleId, Reference, Refusal, Session, TableState, Trap, TrapKind, Value,
};
use wasmparser::{Operator, Parser, Payload};

/// An adapter on trial.
pub(super) struct Trial<'a> {
    pub(super) lane: &'a AdapterLane,
    pub(super) introduced: &'a Introduction,
    pub(super) session: Box<dyn Session + 'a>,
    /// A message about something that the adapter may lack, and does.
    pub(super) lacks: Option<String>,
}

/// The length up to which bytes of a memory are shown.
const SHOWN_BYTES: usize = 16;

/// Encodes the text of a module.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(text).expect("a constant of this program");
    let mut module: wast::Wat<'_> = wast::parser::parse(&buffer).expect("a constant of this program");
    module.encode().expect("a constant of this program")
}

/// Returns the offsets of all `call` and `unreachable` instructions in a module, in order.
pub(super) fn instruction_offsets(text: &str) -> Vec<u64> {
    let mut offsets = Vec::new();
    for payload in Parser::new(0).parse_all(&encode(text)) {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { continue };
        let operators = body.get_operators_reader().into_iter().flat_map(|reader| reader.into_iter_with_offsets());
        for (operator, offset) in operators.flatten() {
            if matches!(operator, Operator::Call { .. } | Operator::Unreachable) {
                offsets.push(offset);
            }
        }
    }
    offsets
}

/// Checks that two values are equal. `what` says what they are.
pub(super) fn expect_equal<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, want: &T) -> CheckResult {
    if got == want { Ok(()) } else { Err(format!("{what}: expected {want:?}, got {got:?}")) }
}

/// Checks that a failure is a link error that begins with these words.
pub(super) fn expect_link_error(failure: &Failure, what: &str, words: &str) -> CheckResult {
    match failure {
        Failure::Link(message) if message.starts_with(words) => Ok(()),
        Failure::Link(message) => Err(format!("{what}: the link error should begin with `{words}`: {message}")),
        other => Err(format!("{what}: expected a link error, got {other}")),
    }
}

/// Returns what is expected of an engine that shows `got`: it need not tell functions apart.
fn as_told(got: &Value, want: Value) -> Value {
    match (got, want) {
        (Value::Ref(Reference::Func(None)), Value::Ref(Reference::Func(_))) => *got,
        _ => want,
    }
}

impl Trial<'_> {
    /// Returns whether the adapter says that it can tell this.
    pub(super) fn tells(&self, what: &str) -> bool {
        self.introduced.hello.tells.iter().any(|told| told == what)
    }

    pub(super) fn try_load(&mut self, bytes: &[u8]) -> Result<ModuleId, Refusal> {
        self.session.load(&Binary::new(bytes.to_vec()))
    }

    pub(super) fn load(&mut self, text: &str) -> Result<ModuleId, String> {
        self.try_load(&encode(text)).map_err(|refusal| format!("the valid module {text} is refused: {refusal}"))
    }

    /// Loads and instantiates a module, which must succeed.
    pub(super) fn instantiate(&mut self, text: &str) -> Result<InstanceId, String> {
        let module = self.load(text)?;
        self.session.instantiate(module).map_err(|failure| format!("{text} does not instantiate: {failure}"))
    }

    /// Loads a module, and instantiates it, which must fail.
    pub(super) fn expect_no_instance(&mut self, text: &str) -> Result<Failure, String> {
        let module = self.load(text)?;
        match self.session.instantiate(module) {
            Ok(_) => Err(format!("{text} instantiates, though it must not")),
            Err(failure) => Ok(failure),
        }
    }

    pub(super) fn call(&mut self, instance: InstanceId, name: &str, arguments: &[Value]) -> Result<Vec<Value>, String> {
        let result = self.session.invoke(instance, name, arguments);
        // An interface may have no way to make host values, however right the engine is.
        let is_host = |value: &Value| matches!(value, Value::Ref(Reference::Extern(_) | Reference::Host(_)));
        if let Err(Failure::Unsupported(what)) = &result
            && arguments.iter().any(is_host)
        {
            self.lacks = Some(format!("the adapter has no host values: {what}"));
        }
        result.map_err(|failure| format!("the call of {name:?} with {arguments:?} fails: {failure}"))
    }

    /// Calls a function that must return these results.
    pub(super) fn expect_results(
        &mut self,
        instance: InstanceId,
        name: &str,
        arguments: &[Value],
        want: &[Value],
    ) -> CheckResult {
        let got = self.call(instance, name, arguments)?;
        let told = |(index, &want): (usize, &Value)| got.get(index).map_or(want, |got| as_told(got, want));
        let want: Vec<Value> = want.iter().enumerate().map(told).collect();
        expect_equal(&format!("{name:?} of {arguments:?}"), &got, &want)
    }

    /// Calls a function that must not return.
    pub(super) fn expect_failure(
        &mut self,
        instance: InstanceId,
        name: &str,
        arguments: &[Value],
    ) -> Result<Failure, String> {
        match self.session.invoke(instance, name, arguments) {
            Ok(values) => Err(format!("{name:?} must not return, but returns {values:?}")),
            Err(failure) => Ok(failure),
        }
    }

    /// Calls a function that must trap. The trap may be ambiguous, but this must be one of its kinds.
    pub(super) fn expect_trap(&mut self, instance: InstanceId, name: &str, kind: TrapKind) -> Result<Trap, String> {
        match self.expect_failure(instance, name, &[])? {
            Failure::Trap(trap) if trap.may_be(kind) => Ok(trap),
            other => Err(format!("{name:?}: expected a trap of the kind {kind}, got {other}")),
        }
    }

    /// Checks the tables of a state, in which these elements must be functions with these numbers.
    pub(super) fn expect_table(tables: &[(String, TableState)], length: u64, elements: &[(u64, u32)]) -> CheckResult {
        let shown = tables.first().map(|(_, table)| table.elements.as_slice()).unwrap_or_default();
        let hidden = shown.iter().any(|(_, element)| *element == Reference::Func(None));
        let function = |&(index, number): &(u64, u32)| (index, Reference::Func((!hidden).then_some(number)));
        let elements = elements.iter().map(function).collect();
        expect_equal("the tables", &tables, &&[("t".to_string(), TableState { length, elements })][..])
    }

    /// Reads bytes of a memory, which must be these.
    pub(super) fn expect_bytes(&mut self, instance: InstanceId, offset: u64, want: &[u8], what: &str) -> CheckResult {
        match self.session.read_memory(instance, "m", offset, want.len()) {
            Some(got) if got == want => Ok(()),
            Some(got) if want.len() <= SHOWN_BYTES => Err(format!("{what}: expected {want:?}, got {got:?}")),
            Some(_) => Err(format!("{what}: {} bytes at {offset} are not those that the module has there", want.len())),
            None => Err(format!("{what}: `read` must be answered with the {} bytes at {offset}", want.len())),
        }
    }

    /// Returns the host calls since the last time, as module, name and arguments.
    pub(super) fn take_host_calls(&mut self) -> Vec<(String, String, Vec<Value>)> {
        let call = |call: HostCall| (call.module, call.name, call.arguments);
        self.session.take_host_calls().into_iter().map(call).collect()
    }
}
