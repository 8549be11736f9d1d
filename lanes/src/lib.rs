//! Ways to run a WebAssembly module behind one small trait, what can be observed of them, and one comparison, so that
//! "equal" means the same for the script runner and for the fuzzer.
//!
//! ```text
//! Lane            an engine in one configuration, shared by threads       "speed/fresh", "quick/reload", "v8"
//!  └─ Session     one store: host modules, registered names, instances    one per script or fuzz input
//!      ├─ load, instantiate, register, define, invoke, get
//!      └─ state, read_memory, take_objects, take_host_calls, fuel
//! Observation     what one step showed  ─┐
//! State           what an instance holds ┴─ compare::Comparison (one per pair of lanes) -> Difference
//! ```
//!
//! Nothing outside the file of an engine (`own`, `wasmtime`, `wasmi`) names its types: a lane may as well be a child
//! process. A session is single-threaded. One whose engine is linked in has no time limit of its own: whoever must
//! survive a hang or a crash runs it in a process that can be killed (the runner's workers) or sets [`Options::fuel`].
//! One that drives a child process says [`Failure::Crashed`] or [`Failure::TimedOut`] and is of no use afterwards.
//!
//! References to objects are numbers of [`Objects`], the part of the heap that they reach, which goes with each result,
//! exception, host call and state.
//!
//! Another engine need not show everything. What it cannot tell is `None` ([`Trap::frames`], [`Session::state`]); words
//! that cover several trap kinds say all of them ([`Trap::or_kinds`]); and one that does not tell malformed from invalid
//! says [`Phase::Rejected`].

pub mod adapter;
pub mod compare;
mod engines;
mod host;
mod objects;
mod observation;
mod options;
mod registry;
mod value;

pub use ::features::Features;
pub use adapter::valid_with;
#[cfg(all(feature = "engine", feature = "planted-faults"))]
pub use engine::Fault;
#[cfg(feature = "engine")]
pub use engines::own;
pub use host::{Behavior, HostFunc, extra_host_functions, spectest_functions};
pub use objects::{Contents, Object, Objects};
pub use observation::{
    Exception, Failure, Frame, HostCall, MemoryState, Observation, Outcome, Phase, Refusal, State, TableState, Trap,
    TrapKind,
};
pub use options::{Cpu, MemoryChecks, Options, RelaxedSimd};
pub use registry::{Absent, Lanes, LanesError, OWN_LANES, Opened, available, default_list, names, parse, register};
pub use value::{Converted, HeapType, ObjectKind, ObjectRef, Reference, ValType, Value};

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The [engine](LaneInfo::engine) of our own lanes.
pub const OWN_ENGINE: &str = "touchstone";

/// What a lane is, as far as [`compare`] and those who judge have to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneInfo {
    /// The name on the command line and in reports.
    pub name: String,
    /// The engine that runs the modules. Lanes of one engine share its definitions of frames, fuel and limits, so
    /// everything that they show must be equal.
    pub engine: String,
    /// The machine code, or what stands for it. Lanes of one engine with equal `code` run the same machine code, so that
    /// even the depth at which the stack overflows must be equal.
    pub code: String,
    /// The code generator or interpreter: `cranelift`, `wasmi`, `v8`, ... Lanes of one backend share its mistakes, so
    /// they have one vote together where lanes disagree, however many they are. It says nothing about validation: our
    /// lanes, Wasmtime and wasmi all validate with wasmparser.
    pub backend: String,
    /// Which traps its compiler may report at another instruction of the function than the one that trapped.
    pub moves: Moves,
}

/// Traps that a compiler moves within a function (rule 5 of [`compare`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moves {
    /// None: each is at its instruction.
    Nothing,
    /// Those of memory accesses: a load may become part of the instruction that uses its value.
    Accesses,
    /// Any: an optimizer makes a branch around a trap into a conditional trap, and drops a store that is overwritten.
    Anything,
}

impl Moves {
    /// Whether a trap of this kind may have moved.
    pub fn may_move(self, kind: TrapKind) -> bool {
        match self {
            Moves::Nothing => false,
            Moves::Accesses => kind == TrapKind::MemoryOutOfBounds,
            Moves::Anything => true,
        }
    }
}

impl LaneInfo {
    /// Whether this is a lane of our own engine, which has to support what it is given: in any other lane a directive
    /// that the engine does not support is told apart from a failed one.
    pub fn is_own(&self) -> bool {
        self.engine == OWN_ENGINE
    }
}

/// An engine in one configuration.
pub trait Lane: Send + Sync {
    /// What this lane is.
    fn info(&self) -> &LaneInfo;

    /// Those of `features` that the lane lacks. What it says of a module that may use them proves nothing.
    fn lacks(&self, features: Features) -> Features;

    /// A fresh store in which modules may use `features`, with the host modules `spectest` and `host` registered
    /// ([`spectest_functions`], [`extra_host_functions`]).
    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure>;
}

/// A module that a [`Session`] has loaded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ModuleId(pub u32);

/// An instance in a [`Session`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct InstanceId(pub u32);

/// Shared memories on their way from one [`Session`] to another of the same lane, by the names of the exports.
#[derive(Clone)]
pub struct Shared(
    #[cfg_attr(
        not(any(feature = "engine", feature = "wasmtime")),
        expect(dead_code, reason = "no other lane shares anything")
    )]
    pub(crate) Vec<(String, Arc<dyn Any + Send + Sync>)>,
);

/// One store of one lane. Ids count from 0 in the order in which modules and instances came to be.
pub trait Session {
    /// Decodes, validates and compiles a binary, and loads it. Allocates no memory, table or global.
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal>;

    /// Instantiates a module with the imports that are registered by now, and runs its start function. What a failing
    /// instantiation wrote before it failed stays written.
    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure>;

    /// Makes an instance's exports importable under `name`. A later registration of the same name wins.
    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure>;

    /// Makes a host function importable.
    fn define(&mut self, function: &HostFunc) -> Result<(), Failure>;

    /// Calls an exported function.
    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure>;

    /// Reads an exported global.
    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure>;

    /// The shared memories that an instance exports, to be handed to a session on another thread.
    fn share(&mut self, _instance: InstanceId) -> Result<Shared, Failure> {
        Err(Failure::shares_no_memories())
    }

    /// Makes what another session shares an instance of this one: it can be registered, and nothing else.
    fn adopt(&mut self, _shared: &Shared) -> Result<InstanceId, Failure> {
        Err(Failure::shares_no_memories())
    }

    /// What the objects hold that the last result or uncaught exception refers to. A lane that cannot look inside has
    /// nothing to say.
    fn take_objects(&mut self) -> Objects {
        Objects::default()
    }

    /// What the instance's exports hold now. `None` if the lane cannot tell.
    fn state(&mut self, instance: InstanceId) -> Option<State>;

    /// Reads `length` bytes of an exported memory; `None` if there is no such memory or range.
    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>>;

    /// The calls of host functions since the last time, in order.
    fn take_host_calls(&mut self) -> Vec<HostCall>;

    /// How much fuel the last [`instantiate`](Session::instantiate) or [`invoke`](Session::invoke) used, if
    /// [`Options::fuel`] is set and the lane counts it.
    fn fuel(&mut self) -> Option<u64>;

    /// How the engine was lost, if it was, also in answering a question that has no room for a failure.
    fn lost(&mut self) -> Option<Failure> {
        None
    }
}

/// A WebAssembly binary on its way through several lanes, and what they already made of it: lanes with the same code
/// compile it once.
pub struct Binary {
    bytes: Vec<u8>,
    compiled: Mutex<HashMap<String, Compiled>>,
}

type Compiled = Result<Arc<[u8]>, Refusal>;

impl Binary {
    /// Wraps the bytes of a module.
    pub fn new(bytes: Vec<u8>) -> Binary {
        Binary { bytes, compiled: Mutex::new(HashMap::new()) }
    }

    /// The module itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Keeps what a lane made of the module under `key`, for [`compiled`](Binary::compiled).
    pub fn keep(&self, key: &str, result: Result<&[u8], &Refusal>) {
        let result = result.map(Arc::from).map_err(Refusal::clone);
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_string(), result);
    }

    /// What `compile` makes of the module, unless it is known already; kept under `key`, which names everything that
    /// the result depends on.
    pub fn compiled(&self, key: &str, compile: impl FnOnce(&[u8]) -> Result<Vec<u8>, Refusal>) -> Compiled {
        // Nothing is half-done in the map when a compile panics: the entry is inserted afterwards.
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(key) {
            return known.clone();
        }
        let result = compile(&self.bytes).map(Arc::from);
        compiled.insert(key.to_string(), result.clone());
        result
    }
}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes)", self.bytes.len())
    }
}
