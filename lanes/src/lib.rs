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
//! Engines are linked in (`engines/`, one folder each) or run in processes of their own ([`adapter`]). Only the code of
//! an engine names its types.
//!
//! A session is single-threaded. A session of a linked engine has no time limit: to survive a hang or a crash, run it
//! in a process that can be killed, as [`workers`] are, or set [`Options::fuel`]. A session of another process
//! fails with [`Failure::Crashed`], [`Failure::Garbled`] or [`Failure::TimedOut`] and is of no use afterwards.
//!
//! An engine need not show everything. What it cannot tell is `None` ([`Trap::frames`], [`Session::state`]). An engine
//! that has one word for several kinds of traps lists them all ([`Trap::or_kinds`]). An engine that does not tell
//! malformed from invalid refuses with [`Phase::Rejected`].

#[cfg(feature = "harness")]
pub mod adapter;
#[cfg(feature = "harness")]
pub mod children;
pub mod compare;
mod engines;
mod host;
mod objects;
mod observation;
mod options;
#[cfg(feature = "harness")]
mod registry;
#[cfg(feature = "runtime")]
pub mod remote;
pub mod trap_text;
mod value;
pub mod workers;

pub use ::features::Features;
#[cfg(feature = "harness")]
pub use adapter::{is_valid_with, spectest_modules};
#[cfg(all(feature = "runtime", feature = "planted-faults"))]
pub use engine::Fault;
#[cfg(feature = "library")]
pub use engines::c_library;
#[cfg(feature = "runtime")]
pub use engines::own;
pub use host::{Behavior, HostFunc, extra_host_functions, spectest_functions, wasmtime_functions};
#[cfg(all(feature = "interp", feature = "planted-faults"))]
pub use interpreter::Fault as InterpreterFault;
pub use objects::{Contents, Object, Objects};
pub use observation::{
    Exception, Failure, Frame, HostCall, MemoryState, Observation, Outcome, Phase, Refusal, State, TableState, Trap,
    TrapKind,
};
pub use options::{Coverage, Cpu, MemoryChecks, Options, RelaxedSimd};
#[cfg(feature = "harness")]
pub use registry::{
    Absent, Lanes, LanesError, Named, OWN_LANES, Opened, available, default_list, is_own_lane, names, own_lanes, parse,
    register, split,
};
pub use value::{Converted, HeapType, ObjectKind, ObjectRef, Reference, ValType, Value};

use serde::{Deserialize, Serialize};
use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The [engine](LaneInfo::engine) of our own lanes.
pub const OWN_ENGINE: &str = "touchstone";

/// The facts about a lane that [`compare`] and the judges of its results need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneInfo {
    /// The name on the command line and in reports.
    pub name: String,
    /// The engine by whose definitions of frames, fuel and limits the modules run. All that lanes of one engine show
    /// must be equal. Our interpreter is a lane of our engine: it follows the same definitions.
    pub engine: String,
    /// The machine code by a name. Lanes of one engine with equal `code` run the same machine code in the same program,
    /// so that even the depth at which the stack overflows must be equal.
    pub code: String,
    /// The code generator or interpreter: `cranelift`, `wasmi`, `v8`, ... Lanes of one backend share its mistakes, so
    /// they have one vote together where lanes disagree, however many they are. It says nothing about validation: our
    /// lanes, Wasmtime and wasmi all validate with wasmparser.
    pub backend: String,
    /// The traps that its compiler may report at another instruction of the function than the one that trapped.
    pub moves: Moves,
}

/// The traps that a compiler may move within a function ([`compare::Rule::MovedTrap`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moves {
    /// None.
    Nothing,
    /// Traps of memory accesses: a load may become part of the instruction that uses its value.
    Accesses,
    /// All traps: an optimizer turns a branch around a trap into a conditional trap, and drops a store that is
    /// overwritten, so that the later store traps.
    Anything,
}

impl Moves {
    /// Returns whether a trap of this kind may have moved.
    pub fn may_move(self, kind: TrapKind) -> bool {
        match self {
            Moves::Nothing => false,
            Moves::Accesses => kind == TrapKind::MemoryOutOfBounds,
            Moves::Anything => true,
        }
    }
}

impl LaneInfo {
    /// Returns whether this is a lane of our own engine. Ours must support every directive; in other lanes an
    /// unsupported directive is not a failure.
    pub fn is_own(&self) -> bool {
        self.engine == OWN_ENGINE
    }
}

/// The engine that a lane runs, as reports name it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EngineInfo {
    /// The engine's name for itself.
    pub engine: String,
    /// Its version; empty if it does not tell.
    pub version: String,
    /// The path of its program; empty if it is linked in.
    pub path: String,
}

impl fmt::Display for EngineInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.engine)?;
        if !self.version.is_empty() {
            write!(f, " {}", self.version)?;
        }
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        Ok(())
    }
}

/// An option of an engine that must make no difference to what modules do: a tier, the way of bounds checks, ...
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EngineOption {
    /// The name.
    pub name: String,
    /// The values that it may have, at least one. The first is the default.
    pub values: Vec<String>,
}

/// Values of an engine's options, by name. An option that is left out has its default.
pub type Settings = BTreeMap<String, String>;

/// An engine in one configuration.
pub trait Lane: Send + Sync {
    /// Returns the facts about this lane.
    fn info(&self) -> &LaneInfo;

    /// Returns which engine the lane runs. An engine in another process is started, if it is not running.
    ///
    /// # Errors
    ///
    /// Says why the engine does not start.
    fn engine(&self) -> Result<EngineInfo, String> {
        Ok(EngineInfo { engine: self.info().engine.clone(), ..EngineInfo::default() })
    }

    /// Returns the features among `features` that the lane lacks. What it says about a module that uses them proves
    /// nothing.
    fn lacks(&self, features: Features) -> Features;

    /// Opens a fresh store in which modules may use `features`, with the host modules `spectest` and `host` registered
    /// ([`spectest_functions`], [`extra_host_functions`]).
    ///
    /// # Errors
    ///
    /// [`Failure::Internal`] if the engine does not start, and [`Failure::Unsupported`] if it cannot do what the lane's
    /// options ask for.
    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure>;

    /// Returns what an adapter that serves the lane says that it can tell, in the words of
    /// [`TELLS`](adapter::protocol::TELLS).
    #[cfg(feature = "harness")]
    fn tells(&self) -> Vec<&'static str> {
        vec!["phases", "frames", "offsets", "state", "exceptions"]
    }

    /// Returns whether the engine has features that it cannot switch off. An adapter that serves the lane says so.
    fn has_fixed_features(&self) -> bool {
        false
    }

    /// Returns the options of the engine that must make no difference. A fuzzer draws their values.
    fn options(&self) -> Vec<EngineOption> {
        Vec::new()
    }

    /// Opens a session like [`session`](Lane::session), with these values of the engine's options.
    ///
    /// # Errors
    ///
    /// Those of [`session`](Lane::session), and [`Failure::Usage`] if there is no such option or value.
    fn session_with(&self, features: Features, settings: &Settings) -> Result<Box<dyn Session + '_>, Failure> {
        match settings.keys().next() {
            Some(name) => Err(Failure::Usage(format!("the lane `{}` has no option `{name}`", self.info().name))),
            None => self.session(features),
        }
    }
}

/// A module that a [`Session`] has loaded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ModuleId(pub u32);

/// An instance in a [`Session`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct InstanceId(pub u32);

/// Shared memories for another [`Session`] of the same lane, by the names of their exports.
#[derive(Clone)]
pub struct Shared(
    #[cfg_attr(
        not(any(feature = "runtime", feature = "interp", feature = "wasmtime")),
        expect(dead_code, reason = "no other lane shares anything")
    )]
    pub(crate) Vec<(String, Arc<dyn Any + Send + Sync>)>,
);

#[cfg(any(feature = "runtime", feature = "interp", feature = "wasmtime"))]
impl Shared {
    /// Returns the memories as the engine's own, if they are.
    pub(crate) fn memories<M: Any>(&self) -> Result<Vec<(&str, &M)>, Failure> {
        let mut memories = Vec::new();
        for (name, memory) in &self.0 {
            let memory = memory.downcast_ref();
            let memory = memory.ok_or_else(|| Failure::Usage("another engine's memory".to_string()))?;
            memories.push((name.as_str(), memory));
        }
        Ok(memories)
    }
}

/// One store of one lane. Ids of modules and of instances count from 0.
pub trait Session {
    /// Decodes, validates, compiles and loads a binary. Allocates no memory, table or global.
    ///
    /// # Errors
    ///
    /// The phase that refused the module, and why.
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal>;

    /// Instantiates a module with the imports that are registered, and runs its start function.
    ///
    /// # Errors
    ///
    /// [`Failure::Link`] if an import is missing or has another type; otherwise what stopped the instantiation. What it
    /// wrote before it failed stays written.
    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure>;

    /// Makes an instance's exports importable under the module name `name`. A later registration of the same name wins.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if there is no such instance.
    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure>;

    /// Makes a host function importable.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] if the engine lacks a type of the parameters or results.
    fn define(&mut self, function: &HostFunc) -> Result<(), Failure>;

    /// Calls an exported function.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if there is no such function or the arguments are not its own; otherwise what stopped the
    /// call.
    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure>;

    /// Reads an exported global.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if there is no such global, and [`Failure::Unsupported`] if the lane cannot show its value.
    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure>;

    /// Returns the number by which results show the function of this index of an instance's module, as in
    /// [`Reference::Func`].
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] if the lane does not tell functions apart. [`Failure::Usage`] if there is no such
    /// instance or function, or nothing refers to the function, so that no result can show it.
    fn function_at(&mut self, _instance: InstanceId, _index: u32) -> Result<u32, Failure> {
        Err(Failure::tells_no_functions_apart())
    }

    /// Returns whether the function of this index was called, in any instance of the module. `None` if the lane cannot
    /// tell, or if the module does not define the function.
    fn was_called(&mut self, _module: ModuleId, _function: u32) -> Option<bool> {
        None
    }

    /// Returns where straight code begins, as offsets in the binary in order, that was not executed in a function which
    /// was called. Straight code ends at calls, branches, and beginnings and ends of blocks. Empty if the lane cannot
    /// tell, or if [`Options::track_code`] is off.
    fn skipped_code(&mut self, _module: ModuleId, _function: u32) -> Vec<u32> {
        Vec::new()
    }

    /// Returns the shared memories that an instance exports, for a session on another thread.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] if the lane does not share memories, and [`Failure::Usage`] if there is no such
    /// instance.
    fn share(&mut self, _instance: InstanceId) -> Result<Shared, Failure> {
        Err(Failure::shares_no_memories())
    }

    /// Makes an instance of the memories that another session shares. It can be registered, and nothing else.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] if the lane does not share memories, and [`Failure::Usage`] if they are another lane's.
    fn adopt(&mut self, _shared: &Shared) -> Result<InstanceId, Failure> {
        Err(Failure::shares_no_memories())
    }

    /// Takes the objects that the last result or uncaught exception reaches. There are none if the lane cannot look
    /// into objects.
    fn take_objects(&mut self) -> Objects {
        Objects::default()
    }

    /// Shows what an instance's exports hold. `None` if the lane cannot tell.
    fn state(&mut self, instance: InstanceId) -> Option<State>;

    /// Reads `length` bytes of an exported memory. `None` if there is no such memory or range.
    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>>;

    /// Takes the calls of host functions since the last time, in order.
    fn take_host_calls(&mut self) -> Vec<HostCall>;

    /// Returns the fuel that the last [`instantiate`](Session::instantiate) or [`invoke`](Session::invoke) used. `None`
    /// if [`Options::fuel`] is not set or the lane does not count.
    fn fuel(&mut self) -> Option<u64>;

    /// Returns how the engine's process was lost, if it was. A request that cannot return a failure may have lost it.
    fn lost(&mut self) -> Option<Failure> {
        None
    }
}

/// A WebAssembly binary for several lanes, and the artifacts that they made of it: lanes with the same code compile it
/// once.
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

    /// Returns the binary.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Keeps the result of a compilation under `key`, for [`compiled`](Binary::compiled).
    pub fn keep(&self, key: &str, result: Result<&[u8], &Refusal>) {
        let result = result.map(Arc::from).map_err(Refusal::clone);
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_string(), result);
    }

    /// Returns the result that is kept under `key`, or else the result of `compile`, which is then kept. The key names
    /// everything that the result depends on.
    ///
    /// # Errors
    ///
    /// The refusal of `compile`, now or earlier.
    pub fn compiled(&self, key: &str, compile: impl FnOnce(&[u8]) -> Result<Vec<u8>, Refusal>) -> Compiled {
        // An entry is inserted when the result is complete, so a panic of `compile` leaves nothing half-done in the
        // map.
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
