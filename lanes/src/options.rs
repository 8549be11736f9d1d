//! Options of lanes. Each applies to every lane that has what it configures.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The way in which accesses outside a memory are caught.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum MemoryChecks {
    /// By guard pages where the memory allows it.
    #[default]
    Guard,
    /// By a comparison before each access.
    Explicit,
}

/// The CPU features that compiled code may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Cpu {
    /// All features of this machine.
    #[default]
    Host,
    /// The features that every CPU of the architecture has.
    Baseline,
}

/// The results of relaxed vector instructions where the standard leaves them to the implementation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum RelaxedSimd {
    /// The results of the standard's deterministic profile.
    #[default]
    Deterministic,
    /// The results of the shortest code for this machine.
    Machine,
}

/// A function that is told where straight code begins.
#[derive(Clone, Copy, Debug)]
pub struct Coverage(pub fn(u32));

impl PartialEq for Coverage {
    fn eq(&self, other: &Coverage) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for Coverage {}

/// The configuration of lanes. What concerns only the process that opens a lane is not serialized.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Options {
    /// The way in which accesses outside a memory are caught.
    pub memory_checks: MemoryChecks,
    /// The CPU features that compiled code may use.
    pub cpu: Cpu,
    /// The results of relaxed vector instructions.
    pub relaxed_simd: RelaxedSimd,
    /// True for lanes whose arithmetic makes no NaN but the positive canonical one, as in the standard's deterministic
    /// profile. A lane that cannot be configured so is absent.
    pub canonicalize_nans: bool,
    /// The fuel for each instantiation and each call. Code does not count fuel if `None`.
    pub fuel: Option<u64>,
    /// The time that each instantiation and each call may take in the interpreter, after which it traps as interrupted.
    /// No limit if `None`. Other lanes have none.
    pub time_limit: Option<Duration>,
    /// The bytes of native stack that a call may use; the engine's default if `None`.
    pub max_stack: Option<usize>,
    /// The bytes that garbage-collected objects may take together; as many as the engine has room for if `None`.
    pub max_heap: Option<u64>,
    /// The bytes that each memory may have, in our own engines; as many as its type and the system allow if `None`. A
    /// growth past them fails as one past the type's maximum does.
    pub max_memory: Option<u64>,
    /// The elements that each table may have, in our own engines, like [`max_memory`](Options::max_memory).
    pub max_table: Option<u64>,
    /// The number of threads that compile one module; as many as there are cores if `None`.
    pub compile_threads: Option<usize>,
    /// True to collect garbage at every allocation.
    pub gc_zeal: bool,
    /// True for sessions of linked engines without the module `spectest`, whose memories take time to make.
    pub without_spectest: bool,
    /// True if the lanes `reload` load an artifact from memory instead of a file.
    pub reload_from_memory: bool,
    /// The function that the interpreter calls wherever straight code begins, with the name of that code.
    #[serde(skip)]
    pub coverage: Option<Coverage>,
    /// True if the interpreter notes which straight code is executed, for
    /// [`Session::skipped_code`](crate::Session::skipped_code).
    pub track_code: bool,
    /// Lanes that are commands, which speak the executable protocol: the name, and the program with its arguments.
    #[serde(skip)]
    pub commands: Vec<(String, Vec<String>)>,
    /// The time that an engine in a process of its own may take for one request; 10 s if `None`.
    pub request_timeout: Option<Duration>,
    /// The fault to plant into the code of our compiled lanes.
    #[cfg(all(feature = "runtime", feature = "planted-faults"))]
    #[serde(skip)]
    pub fault: Option<engine::Fault>,
    /// The fault to plant into our interpreter.
    #[cfg(all(feature = "interp", feature = "planted-faults"))]
    #[serde(skip)]
    pub interpreter_fault: Option<interpreter::Fault>,
}

impl Options {
    /// Checks that the options ask for nothing that an engine without switches for NaNs lacks. Its lanes call this when
    /// they open.
    ///
    /// # Errors
    ///
    /// The reason why the lane is absent.
    pub fn refuse_canonical_nans(&self, engine: &str) -> Result<(), String> {
        if self.canonicalize_nans {
            return Err(format!("not possible: {engine} cannot be made to return canonical NaNs (--canonicalize-nan)"));
        }
        Ok(())
    }
}
