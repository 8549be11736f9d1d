//! The configuration of an engine: what is compiled into artifacts, and how they are loaded and run.

#[cfg(feature = "planted-faults")]
use super::fault::Fault;
use features::Features;
use serde::{Deserialize, Serialize};

/// How much effort the compiler spends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Tier {
    /// Optimized code: Cranelift's mid-end and the backtracking register allocator.
    #[default]
    Speed,
    /// Quick to compile: no optimization, single-pass register allocation.
    Quick,
}

/// How accesses outside a linear memory are caught.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum MemoryChecks {
    /// Each memory of 32-bit indices and pages of 64 KiB reserves all that an instruction can reach (8 GiB), so that the
    /// fault is the check. Other memories are checked explicitly.
    #[default]
    GuardPages,
    /// Compiled code compares every address with the memory's length.
    Explicit,
}

/// Which CPU features compiled code may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CpuFeatures {
    /// All that the compiling machine has.
    #[default]
    Host,
    /// Only those that every CPU of the architecture has.
    Baseline,
}

/// Which bytes of an artifact are hashed before it is believed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DigestCheck {
    /// Every byte.
    #[default]
    Full,
    /// Header and tables' metadata only: the caller answers for the rest.
    Metadata,
}

/// How an [`Engine`](crate::Engine) compiles, loads and runs modules.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) tier: Tier,
    pub(crate) features: Features,
    pub(crate) memory_checks: MemoryChecks,
    pub(crate) relaxed_simd_deterministic: bool,
    pub(crate) cpu_features: CpuFeatures,
    pub(crate) consume_fuel: bool,
    pub(crate) epoch_interruption: bool,
    pub(crate) compile_threads: Option<usize>,
    pub(crate) max_wasm_stack: usize,
    pub(crate) digest_check: DigestCheck,
    pub(crate) artifact_key: Option<[u8; 32]>,
    pub(crate) gc_zeal: bool,
    #[cfg(feature = "planted-faults")]
    pub(crate) fault: Option<Fault>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            tier: Tier::default(),
            features: Features::default(),
            memory_checks: MemoryChecks::default(),
            relaxed_simd_deterministic: false,
            cpu_features: CpuFeatures::default(),
            consume_fuel: false,
            epoch_interruption: false,
            compile_threads: None,
            max_wasm_stack: 512 * 1024,
            digest_check: DigestCheck::default(),
            artifact_key: None,
            gc_zeal: false,
            #[cfg(feature = "planted-faults")]
            fault: None,
        }
    }
}

impl Config {
    /// The features that this engine implements.
    pub const SUPPORTED_FEATURES: Features = Features::WASM_3_0
        .union(Features::THREADS)
        .union(Features::CUSTOM_PAGE_SIZES)
        .union(Features::WIDE_ARITHMETIC)
        .union(Features::CUSTOM_DESCRIPTORS)
        .union(Features::LEGACY_EXCEPTIONS);

    /// The default configuration: `speed` tier, WebAssembly 3.0, guard pages, the host's CPU features.
    pub fn new() -> Config {
        Config::default()
    }

    /// The compiler's tier.
    pub fn tier(&mut self, tier: Tier) -> &mut Self {
        self.tier = tier;
        self
    }

    /// The features that modules may use: some of [`SUPPORTED_FEATURES`](Config::SUPPORTED_FEATURES). A module that
    /// needs another one is invalid.
    pub fn features(&mut self, features: Features) -> &mut Self {
        self.features = features;
        self
    }

    /// How accesses outside a memory are caught.
    pub fn memory_checks(&mut self, checks: MemoryChecks) -> &mut Self {
        self.memory_checks = checks;
        self
    }

    /// Which CPU features compiled code may use.
    pub fn cpu_features(&mut self, features: CpuFeatures) -> &mut Self {
        self.cpu_features = features;
        self
    }

    /// Whether code counts instructions and traps with [`Trap::OutOfFuel`](crate::Trap::OutOfFuel) when the store's
    /// fuel is used up.
    pub fn consume_fuel(&mut self, on: bool) -> &mut Self {
        self.consume_fuel = on;
        self
    }

    /// Whether code checks the engine's epoch at function entries and loop headers, so that a store can be stopped
    /// from another thread.
    pub fn epoch_interruption(&mut self, on: bool) -> &mut Self {
        self.epoch_interruption = on;
        self
    }

    /// Whether relaxed vector instructions give the results of the standard's deterministic profile, the same on every
    /// machine. Otherwise they are as short as the compiling machine's CPU features allow.
    pub fn relaxed_simd_deterministic(&mut self, on: bool) -> &mut Self {
        self.relaxed_simd_deterministic = on;
        self
    }

    /// How many threads compile one module. `None`: as many as there are cores. The artifact does not depend on it.
    pub fn compile_threads(&mut self, threads: Option<usize>) -> &mut Self {
        self.compile_threads = threads;
        self
    }

    /// How many bytes of native stack WebAssembly code may use between entry and trap; 512 KiB unless told.
    pub fn max_wasm_stack(&mut self, bytes: usize) -> &mut Self {
        self.max_wasm_stack = bytes;
        self
    }

    /// Which bytes of an artifact are hashed before it is believed.
    pub fn digest_check(&mut self, check: DigestCheck) -> &mut Self {
        self.digest_check = check;
        self
    }

    /// Makes the artifacts' digests keyed ones: only artifacts made under the same key load.
    pub fn artifact_key(&mut self, key: Option<[u8; 32]>) -> &mut Self {
        self.artifact_key = key;
        self
    }

    /// Whether the collector runs at every allocation, so that a reference that it does not know of is noticed soon. Slow;
    /// for tests. Artifacts do not depend on it.
    pub fn gc_zeal(&mut self, on: bool) -> &mut Self {
        self.gc_zeal = on;
        self
    }

    /// Plants a fault into compiled code. An engine loads only artifacts with the fault that it is configured with.
    #[cfg(feature = "planted-faults")]
    pub fn fault(&mut self, fault: Option<Fault>) -> &mut Self {
        self.fault = fault;
        self
    }
}
