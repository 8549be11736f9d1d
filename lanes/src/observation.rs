//! Observations: outcomes, traps with frames, host calls, and the state of an instance.

use crate::{Objects, Reference, Value};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One row for each kind, so that none is without a name or missing from the list.
macro_rules! trap_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The kind of a trap, the same for every engine.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum TrapKind {
            $($(#[$doc])* $kind,)*
        }

        impl TrapKind {
            /// All kinds.
            pub const ALL: &[TrapKind] = &[$(TrapKind::$kind),*];

            /// Returns the short stable name that `.traps` files use.
            pub fn name(self) -> &'static str {
                match self {
                    $(TrapKind::$kind => $name,)*
                }
            }
        }
    };
}

trap_kinds! {
    /// `unreachable`.
    Unreachable = "unreachable",
    /// A memory access or a data segment out of bounds.
    MemoryOutOfBounds = "memory-out-of-bounds",
    /// A table access or an element segment out of bounds.
    TableOutOfBounds = "table-out-of-bounds",
    /// `call_indirect` with an index outside the table.
    UndefinedElement = "undefined-element",
    /// `call_indirect` through a null entry.
    UninitializedElement = "uninitialized-element",
    /// `call_indirect` to a function of another type.
    IndirectCallTypeMismatch = "indirect-call-type-mismatch",
    /// `INT_MIN / -1`, or a float too large for the integer type.
    IntegerOverflow = "integer-overflow",
    /// Division or remainder by zero.
    IntegerDivisionByZero = "integer-divide-by-zero",
    /// NaN converted to an integer.
    InvalidConversionToInteger = "invalid-conversion-to-integer",
    /// A null reference that is used.
    NullReference = "null-reference",
    /// A reference that is not of the type that a cast names.
    CastFailure = "cast-failure",
    /// An access outside an array.
    ArrayOutOfBounds = "array-out-of-bounds",
    /// The heap of garbage-collected objects is full. The specification has no such trap.
    OutOfHeap = "out-of-heap",
    /// The call stack is exhausted. The specification calls this exhaustion, not a trap.
    StackOverflow = "stack-overflow",
    /// The fuel is used up.
    OutOfFuel = "out-of-fuel",
    /// Stopped from outside.
    Interrupted = "interrupted",
    /// An atomic access at an address that is not a multiple of its size.
    UnalignedAtomic = "unaligned-atomic",
    /// A wait in a memory that is not shared.
    ExpectedSharedMemory = "expected-shared-memory",
    /// A continuation that is used a second time.
    ContinuationConsumed = "continuation-consumed",
    /// A suspension or a switch with a tag that no handler takes. The specification calls this a suspension, no trap.
    UnhandledTag = "unhandled-tag",
    /// A reason that has no name here.
    Other = "other",
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A trap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trap {
    /// The kind.
    pub kind: TrapKind,
    /// Other kinds that the trap may be: an engine that has one word for several kinds means any of them. Empty for an
    /// engine that tells all kinds apart.
    pub or_kinds: Vec<TrapKind>,
    /// The engine's own words. They are shown, never compared.
    pub message: String,
    /// The frames that were active, innermost first. `None` if the lane cannot tell.
    pub frames: Option<Vec<Frame>>,
}

impl Trap {
    /// A trap of one kind.
    pub fn new(kind: TrapKind, message: impl Into<String>, frames: Option<Vec<Frame>>) -> Trap {
        Trap { kind, or_kinds: Vec::new(), message: message.into(), frames }
    }

    /// Returns all kinds that the trap may be.
    pub fn kinds(&self) -> impl Iterator<Item = TrapKind> {
        std::iter::once(self.kind).chain(self.or_kinds.iter().copied())
    }

    /// Returns whether the trap may be of this kind.
    pub fn may_be(&self, kind: TrapKind) -> bool {
        self.kinds().any(|own| own == kind)
    }
}

/// An exception that nothing caught.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Exception {
    /// The number of its tag. Tags are numbered in the order in which the session first shows them, so that equal runs
    /// have equal numbers. `None` if the lane cannot tell tags apart.
    pub tag: Option<u32>,
    /// The payload. `None` if the lane cannot tell.
    pub payload: Option<Vec<Value>>,
    /// The frames that were active when it was thrown, innermost first. `None` if the lane cannot tell.
    pub frames: Option<Vec<Frame>>,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tag {
            Some(tag) => write!(f, "exception of tag #{tag}")?,
            None => f.write_str("exception")?,
        }
        match &self.payload {
            Some(payload) => {
                let values: Vec<_> = payload.iter().map(Value::to_string).collect();
                write!(f, " [{}]", values.join(", "))
            }
            None => Ok(()),
        }
    }
}

/// A WebAssembly frame.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Frame {
    /// The function's index in the function index space of its module.
    pub func_index: u32,
    /// The function's name from the name section.
    pub func_name: Option<String>,
    /// The module's name from the name section.
    pub module_name: Option<String>,
    /// The byte offset of the instruction in the binary. In a caller it is the call itself.
    pub module_offset: Option<u64>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.module_name {
            Some(module) => write!(f, "{module}!")?,
            None => f.write_str("!")?,
        }
        write!(f, "{}", self.func_index)?;
        if let Some(name) = &self.func_name {
            write!(f, " ${name}")?;
        }
        match self.module_offset {
            Some(offset) => write!(f, " @{offset:#x}"),
            None => Ok(()),
        }
    }
}

/// The phase that refused a module. Malformed and invalid modules are told apart by the phase, never by a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// The bytes do not decode.
    Malformed,
    /// The module decodes but does not validate.
    Invalid,
    /// The module is malformed or invalid; the engine does not tell which.
    Rejected,
    /// The module needs a feature or a size that the lane lacks or was denied.
    Unsupported,
    /// The system refuses memory or another resource, so that nothing is known of the module.
    Resource,
    /// The engine failed by itself: an error of the compiler, the loader or the file system.
    Internal,
    /// The engine's process died.
    Crashed,
    /// The adapter answered something that the protocol does not have.
    Garbled,
    /// The engine did not answer in time.
    TimedOut,
}

impl Phase {
    /// Returns whether a refusal in this phase may mean `phase`: [`Phase::Rejected`] means malformed or invalid.
    pub fn may_be(self, phase: Phase) -> bool {
        self == phase || (self == Phase::Rejected && matches!(phase, Phase::Malformed | Phase::Invalid))
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Malformed => "malformed",
            Phase::Invalid => "invalid",
            Phase::Rejected => "malformed or invalid",
            Phase::Unsupported => "unsupported",
            Phase::Resource => "resource limit",
            Phase::Internal => "internal error",
            Phase::Crashed => "crashed",
            Phase::Garbled => "garbled",
            Phase::TimedOut => "timed out",
        })
    }
}

/// The refusal of a module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// The phase that refused.
    pub phase: Phase,
    /// The engine's own words.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.phase, self.message)
    }
}

impl std::error::Error for Refusal {}

/// The reason why a step has no result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Failure {
    /// Execution trapped.
    Trap(Trap),
    /// Nothing caught an exception.
    Exception(Exception),
    /// An import is missing or has another type.
    Link(String),
    /// A host function returned an error.
    Host(String),
    /// A host function panicked.
    Panic(String),
    /// There is no such instance or export, or the arguments have other types.
    Usage(String),
    /// The lane cannot do this.
    Unsupported(String),
    /// Memory, address space or a count ran out.
    Resource(String),
    /// The engine failed by itself.
    Internal(String),
    /// The engine's process died. The session is of no further use.
    Crashed(String),
    /// The adapter answered something that the protocol does not have. The session is of no further use.
    Garbled(String),
    /// The engine did not answer in time. The session is of no further use.
    TimedOut(String),
}

impl Failure {
    /// Returns the trap, if the failure is one.
    pub fn as_trap(&self) -> Option<&Trap> {
        match self {
            Failure::Trap(trap) => Some(trap),
            _ => None,
        }
    }

    /// The failure of a lane that does not share memories between threads.
    pub(crate) fn shares_no_memories() -> Failure {
        Failure::Unsupported("this lane does not share memories between threads".to_string())
    }

    /// The failure of a lane that does not tell functions apart.
    pub(crate) fn tells_no_functions_apart() -> Failure {
        Failure::Unsupported("this lane does not tell functions apart".to_string())
    }

    /// Returns a stable name for the kind of failure.
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Trap(_) => "trap",
            Failure::Exception(_) => "exception",
            Failure::Link(_) => "link error",
            Failure::Host(_) => "host error",
            Failure::Panic(_) => "host panic",
            Failure::Usage(_) => "usage error",
            Failure::Unsupported(_) => "unsupported",
            Failure::Resource(_) => "resource limit",
            Failure::Internal(_) => "internal error",
            Failure::Crashed(_) => "crash",
            Failure::Garbled(_) => "garbled answer",
            Failure::TimedOut(_) => "timeout",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Trap(trap) => write!(f, "trap: {} ({})", trap.kind, trap.message),
            Failure::Exception(exception) => write!(f, "uncaught {exception}"),
            Failure::Link(message)
            | Failure::Host(message)
            | Failure::Panic(message)
            | Failure::Usage(message)
            | Failure::Unsupported(message)
            | Failure::Resource(message)
            | Failure::Internal(message)
            | Failure::Crashed(message)
            | Failure::Garbled(message)
            | Failure::TimedOut(message) => write!(f, "{}: {message}", self.name()),
        }
    }
}

impl std::error::Error for Failure {}

/// A call of a host function.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostCall {
    /// The function's module name.
    pub module: String,
    /// The function's name.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<Value>,
    /// The objects that the arguments reached at that moment.
    pub objects: Objects,
    /// The WebAssembly frames that were active, innermost first. `None` if the lane cannot tell.
    pub frames: Option<Vec<Frame>>,
}

impl fmt::Display for HostCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}(", self.module, self.name)?;
        for (index, value) in self.arguments.iter().enumerate() {
            write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

/// The end of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The step succeeded with these results.
    Values(Vec<Value>),
    /// The module was refused.
    Refused(Refusal),
    /// The step failed.
    Failed(Failure),
}

impl Outcome {
    /// Returns the trap, if the outcome is one.
    pub fn as_trap(&self) -> Option<&Trap> {
        match self {
            Outcome::Failed(failure) => failure.as_trap(),
            _ => None,
        }
    }

    /// Returns whether the lane does not support what it was asked for, or was refused a resource for it.
    pub fn is_unsupported(&self) -> bool {
        match self {
            Outcome::Refused(refusal) => refusal.phase == Phase::Unsupported || self.is_exhausted(),
            Outcome::Failed(failure) => matches!(failure, Failure::Unsupported(_)) || self.is_exhausted(),
            Outcome::Values(_) => false,
        }
    }

    /// Returns whether the system refused memory or another resource. It may refuse one lane and not the next.
    pub fn is_exhausted(&self) -> bool {
        match self {
            Outcome::Refused(refusal) => refusal.phase == Phase::Resource,
            Outcome::Failed(failure) => matches!(failure, Failure::Resource(_)),
            Outcome::Values(_) => false,
        }
    }

    /// Returns whether the engine's process is gone, so that the session is of no further use.
    pub fn is_lost(&self) -> bool {
        match self {
            Outcome::Refused(refusal) => matches!(refusal.phase, Phase::Crashed | Phase::Garbled | Phase::TimedOut),
            Outcome::Failed(failure) => {
                matches!(failure, Failure::Crashed(_) | Failure::Garbled(_) | Failure::TimedOut(_))
            }
            Outcome::Values(_) => false,
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Outcome {
        Outcome::Failed(failure)
    }
}

impl From<Result<Vec<Value>, Failure>> for Outcome {
    fn from(result: Result<Vec<Value>, Failure>) -> Outcome {
        result.map_or_else(Outcome::Failed, Outcome::Values)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Values(values) if values.is_empty() => f.write_str("success"),
            Outcome::Values(values) => {
                let values: Vec<_> = values.iter().map(Value::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Outcome::Refused(refusal) => write!(f, "{refusal}"),
            Outcome::Failed(failure) => write!(f, "{failure}"),
        }
    }
}

/// Everything that one step shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observation {
    /// The end of the step.
    pub outcome: Outcome,
    /// The objects that the results, or the payload of the exception, reach.
    pub objects: Objects,
    /// The calls of host functions, in order.
    pub host_calls: Vec<HostCall>,
    /// The fuel that the step used. `None` if the lane does not count it.
    pub fuel: Option<u64>,
}

impl Observation {
    /// Ends a step: takes the objects, the host calls and the fuel from the session.
    pub fn of(session: &mut dyn crate::Session, outcome: impl Into<Outcome>) -> Observation {
        Observation {
            outcome: outcome.into(),
            objects: session.take_objects(),
            host_calls: session.take_host_calls(),
            fuel: session.fuel(),
        }
    }

    /// An observation of nothing but an outcome.
    pub fn nothing_but(outcome: impl Into<Outcome>) -> Observation {
        Observation { outcome: outcome.into(), objects: Objects::default(), host_calls: Vec::new(), fuel: None }
    }
}

/// The contents of an instance's exports, sorted by name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Exported globals.
    pub globals: Vec<(String, Value)>,
    /// Exported memories.
    pub memories: Vec<(String, MemoryState)>,
    /// Exported tables.
    pub tables: Vec<(String, TableState)>,
    /// The objects that globals and tables reach.
    pub objects: Objects,
}

/// The contents of a memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MemoryState {
    /// The length in bytes.
    pub length: u64,
    /// The BLAKE3 digest of the first [`MemoryState::HASHED`] bytes.
    pub digest: [u8; 32],
}

impl MemoryState {
    /// The number of bytes that are hashed at most: scripts make memories of 4 GiB that nobody touches.
    pub const HASHED: usize = 16 << 20;

    /// The state of a memory that holds `bytes`.
    pub fn of(bytes: &[u8]) -> MemoryState {
        MemoryState::of_beginning(bytes.len() as u64, bytes)
    }

    /// The state of a memory of this length that begins with `bytes`. All bytes that are hashed must be among them.
    pub fn of_beginning(length: u64, bytes: &[u8]) -> MemoryState {
        let hashed = &bytes[..bytes.len().min(MemoryState::HASHED)];
        MemoryState { length, digest: *blake3::hash(hashed).as_bytes() }
    }
}

/// The contents of a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TableState {
    /// The length in elements.
    pub length: u64,
    /// The elements that are not null, with their indices, among the first [`TableState::LISTED`].
    pub elements: Vec<(u64, Reference)>,
}

impl TableState {
    /// The number of elements that are looked at.
    pub const LISTED: u64 = 1 << 16;
}
