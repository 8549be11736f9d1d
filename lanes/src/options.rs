//! Options that apply to every lane that understands them.

use std::time::Duration;

/// How accesses outside a memory are caught.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MemoryChecks {
    /// By guard pages where the memory allows it.
    #[default]
    Guard,
    /// By a comparison before each access.
    Explicit,
}

/// Which CPU features compiled code may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Cpu {
    /// All of this machine's.
    #[default]
    Host,
    /// Those that every CPU of the architecture has.
    Baseline,
}

/// What relaxed vector instructions give where the standard leaves it to the implementation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RelaxedSimd {
    /// What the standard's deterministic profile says.
    #[default]
    Deterministic,
    /// What is shortest on this machine.
    Machine,
}

/// How lanes are configured.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// How accesses outside a memory are caught.
    pub memory_checks: MemoryChecks,
    /// Which CPU features compiled code may use.
    pub cpu: Cpu,
    /// What relaxed vector instructions give.
    pub relaxed_simd: RelaxedSimd,
    /// If set, code counts fuel, and each instantiation and each call gets this much.
    pub fuel: Option<u64>,
    /// How many bytes of native stack a call may use; the engine's default if `None`.
    pub max_stack: Option<usize>,
    /// How many bytes garbage-collected objects may take together; as many as the engine has room for if `None`.
    pub max_heap: Option<u64>,
    /// How many threads compile one module; as many as there are cores if `None`.
    pub compile_threads: Option<usize>,
    /// Whether to collect garbage at every allocation.
    pub gc_zeal: bool,
    /// Lanes that are commands which speak the executable protocol: their names, and program and arguments of each.
    pub commands: Vec<(String, Vec<String>)>,
    /// How long an engine in a process of its own may take for one request; 10 s if `None`.
    pub request_timeout: Option<Duration>,
    /// The fault to plant into the code of our own lanes.
    #[cfg(all(feature = "engine", feature = "planted-faults"))]
    pub fault: Option<engine::Fault>,
}
