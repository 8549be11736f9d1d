//! The configuration of an engine: what is compiled into artifacts, and how they are loaded and run.

#[cfg(feature = "planted-faults")]
use super::fault::Fault;
#[cfg(feature = "cache")]
use crate::cache::Cache;
use features::Features;
use serde::{Deserialize, Serialize};

/// The effort that the compiler spends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Tier {
    /// Optimized code: Cranelift's mid-end and the backtracking register allocator.
    #[default]
    Speed,
    /// Quick to compile: no optimization, single-pass register allocation.
    Quick,
}

/// The way in which accesses outside a linear memory are caught.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum MemoryChecks {
    /// A memory with 32-bit indices and pages of 64 KiB reserves all addresses that an instruction can reach (8 GiB),
    /// and an access outside the memory faults. Other memories are checked as with [`MemoryChecks::Explicit`].
    #[default]
    GuardPages,
    /// Compiled code compares every address with the length of the memory.
    Explicit,
}

/// The CPU features that compiled code may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CpuFeatures {
    /// All features of the compiling machine.
    #[default]
    Host,
    /// The features that every CPU of the architecture has.
    Baseline,
}

/// The file through which profilers learn of loaded code. Artifacts do not depend on it.
///
/// A file that [`Module::deserialize_trusted_file`](crate::Module::deserialize_trusted_file) maps needs none: its
/// symbols are in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ProfilingStrategy {
    /// No file.
    #[default]
    None,
    /// `/tmp/perf-PID.map`, with the address and the name of each function. `perf report` reads it.
    PerfMap,
    /// `jit-PID.dump` in the working directory, also with the code. `perf record -k 1` and then `perf inject --jit`
    /// read it.
    JitDump,
}

/// The bytes of an artifact whose digest is checked before it is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DigestCheck {
    /// Every byte.
    #[default]
    Full,
    /// The header, the metadata and the section headers. The caller vouches for all other bytes.
    Metadata,
}

/// The configuration of an [`Engine`](crate::Engine): how it compiles, loads and runs modules.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) tier: Tier,
    pub(crate) features: Features,
    pub(crate) memory_checks: MemoryChecks,
    pub(crate) relaxed_simd_deterministic: bool,
    pub(crate) canonicalize_nans: bool,
    pub(crate) cpu_features: CpuFeatures,
    pub(crate) consume_fuel: bool,
    pub(crate) epoch_interruption: bool,
    pub(crate) debug_info: bool,
    pub(crate) compile_threads: Option<usize>,
    pub(crate) max_wasm_stack: usize,
    pub(crate) digest_check: DigestCheck,
    pub(crate) artifact_key: Option<[u8; 32]>,
    pub(crate) memory_pool: usize,
    pub(crate) profiler: ProfilingStrategy,
    #[cfg(feature = "cache")]
    pub(crate) cache: Option<Cache>,
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
            canonicalize_nans: false,
            cpu_features: CpuFeatures::default(),
            consume_fuel: false,
            epoch_interruption: false,
            debug_info: false,
            compile_threads: None,
            max_wasm_stack: 512 * 1024,
            digest_check: DigestCheck::default(),
            artifact_key: None,
            memory_pool: 64,
            profiler: ProfilingStrategy::default(),
            #[cfg(feature = "cache")]
            cache: None,
            gc_zeal: false,
            #[cfg(feature = "planted-faults")]
            fault: Fault::of_process(),
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
        .union(Features::LEGACY_EXCEPTIONS)
        .union(Features::COMPACT_IMPORTS)
        .union(Features::ACQUIRE_RELEASE_ATOMICS);

    /// Returns the default configuration: the `Speed` tier, WebAssembly 3.0, guard pages, the host's CPU features.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets the compiler's tier. The default is [`Tier::Speed`].
    pub fn tier(&mut self, tier: Tier) -> &mut Self {
        self.tier = tier;
        self
    }

    /// Sets the features that modules may use: some of [`SUPPORTED_FEATURES`](Config::SUPPORTED_FEATURES). A module
    /// that needs another one is invalid.
    pub fn features(&mut self, features: Features) -> &mut Self {
        self.features = features;
        self
    }

    /// Sets how accesses outside a memory are caught. The default is [`MemoryChecks::GuardPages`].
    pub fn memory_checks(&mut self, checks: MemoryChecks) -> &mut Self {
        self.memory_checks = checks;
        self
    }

    /// Sets the CPU features that compiled code may use. The default is [`CpuFeatures::Host`].
    pub fn cpu_features(&mut self, features: CpuFeatures) -> &mut Self {
        self.cpu_features = features;
        self
    }

    /// Sets whether code counts instructions and traps with [`Trap::OutOfFuel`](crate::Trap::OutOfFuel) when the
    /// store's fuel is used up. The default is not to count.
    ///
    /// An instruction costs 1 unit; those that only structure code, such as `block`, `end`, `nop` and `drop`, cost
    /// nothing. Before it starts, an instruction on many items costs in addition:
    ///
    /// | instruction | cost |
    /// |---|---|
    /// | `memory.fill`, `memory.copy`, `memory.init` | 1 for 64 bytes |
    /// | a new array or struct of more than 1 KiB | 1 for 64 bytes |
    /// | `table.fill`, `table.copy`, `table.init`, a `table.grow` that the table's type allows | 1 for 8 elements |
    /// | `array.new`, `array.new_data`, `array.new_elem` | 1 for 8 elements |
    /// | `array.fill`, `array.copy`, `array.init_data`, `array.init_elem` | 1 for 8 elements |
    ///
    /// Instantiation costs what the same instructions cost in a function: those of constant expressions, of active
    /// segments (`memory.init`, `table.init`), and of the initial elements of a table (`table.fill`); then the start
    /// function. Collections, waits and host functions cost nothing. The cost is the same in every tier and for a
    /// reloaded artifact.
    pub fn consume_fuel(&mut self, on: bool) -> &mut Self {
        self.consume_fuel = on;
        self
    }

    /// Sets whether code checks the engine's epoch at function entries, loop headers and instructions on many items, so
    /// that another thread can stop a store. Instantiation checks it at each constant expression. The longest time
    /// between two checks is that of a collection or of the allocation of the largest array: about a second for 2 GiB.
    /// The default is not to check.
    pub fn epoch_interruption(&mut self, on: bool) -> &mut Self {
        self.epoch_interruption = on;
        self
    }

    /// Sets whether relaxed vector instructions return the results of the standard's deterministic profile, the same on
    /// every machine. By default they compile to the shortest code that the CPU features allow.
    pub fn relaxed_simd_deterministic(&mut self, on: bool) -> &mut Self {
        self.relaxed_simd_deterministic = on;
        self
    }

    /// Sets whether every NaN that arithmetic makes is the positive canonical one, as in the standard's deterministic
    /// profile. By default its sign and payload are the processor's. Negation, absolute value, sign copy, selection and
    /// accesses keep the bits of a NaN in any case.
    pub fn canonicalize_nans(&mut self, on: bool) -> &mut Self {
        self.canonicalize_nans = on;
        self
    }

    /// Sets whether artifacts have debug information (DWARF), which tells debuggers the source lines and functions of
    /// the code. A process that loads such an artifact registers it through the GDB JIT interface. The code is the same
    /// with and without. The default is no debug information.
    pub fn debug_info(&mut self, on: bool) -> &mut Self {
        self.debug_info = on;
        self
    }

    /// Sets the number of threads that compile one module; `None`, the default, is one per core. The artifact is the
    /// same for any number.
    ///
    /// The calling thread is one of them, and the only one for a small module and where no other can be started. Where
    /// less than 1 MiB of its stack is left, another thread takes its place. All others end with the call.
    pub fn compile_threads(&mut self, threads: Option<usize>) -> &mut Self {
        self.compile_threads = threads;
        self
    }

    /// Sets how many bytes of native stack a call from the host may use before it traps with
    /// [`Trap::StackOverflow`](crate::Trap::StackOverflow). The default is 512 KiB. Calls that are nested on one stack
    /// share them.
    ///
    /// Where the stack ends sooner, a call may use less: the end of the stack stays free for host functions and the
    /// engine itself. This reserve is 256 KiB, or a quarter of a stack below 1 MiB; below 128 KiB it is 32 KiB or half
    /// of the stack, and 16 KiB at least. A call that finds no more than that traps at once. 16 KiB are enough for the
    /// engine itself and for a panic of a host function, 32 KiB for a panic that prints a backtrace; host functions
    /// that need more than the reserve need a larger stack.
    ///
    /// The stack may be a coroutine's. Its end is that of its mapping, so it needs an inaccessible page there; to find
    /// it takes a few microseconds for each call from the host (since Linux 6.11; earlier a multiple of that).
    pub fn max_wasm_stack(&mut self, bytes: usize) -> &mut Self {
        self.max_wasm_stack = bytes;
        self
    }

    /// Sets which bytes of an artifact are checked against its digests. The default is [`DigestCheck::Full`].
    pub fn digest_check(&mut self, check: DigestCheck) -> &mut Self {
        self.digest_check = check;
        self
    }

    /// Sets a key for the digests of artifacts: an engine with a key loads only artifacts that were made with the same
    /// key.
    pub fn artifact_key(&mut self, key: Option<[u8; 32]>) -> &mut Self {
        self.artifact_key = key;
        self
    }

    /// Sets how many reservations of address space an engine keeps when memories are dropped, for memories to come; the
    /// default is 64. To instantiate a module again is faster then. What is kept takes address space (8 GiB each with
    /// guard pages) but no pages, and is released before a request to the operating system fails. With 0, nothing is
    /// kept.
    pub fn memory_pool(&mut self, reservations: usize) -> &mut Self {
        self.memory_pool = reservations;
        self
    }

    /// Sets how profilers learn of the code that engines load, from a compiler or a file. The default is
    /// [`ProfilingStrategy::None`]. A module does not load if the file cannot be written.
    pub fn profiler(&mut self, strategy: ProfilingStrategy) -> &mut Self {
        self.profiler = strategy;
        self
    }

    /// Sets the cache in which [`Module::new`](crate::Module::new) and
    /// [`Module::from_binary`](crate::Module::from_binary) look for a module, and keep it after they have compiled it.
    /// There is none by default.
    ///
    /// ```no_run
    /// use engine::{Cache, CacheSettings, Config, Engine, Module};
    ///
    /// let cache = Cache::open(&CacheSettings::default(), |report| eprintln!("note: {report}"))?;
    /// let engine = Engine::new(Config::new().cache(Some(cache)))?;
    /// let module = Module::new(&engine, "(module)")?; // compiles the first time
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "cache")]
    pub fn cache(&mut self, cache: Option<Cache>) -> &mut Self {
        self.cache = cache;
        self
    }

    /// Sets whether the collector runs at every allocation (at nearly every one, where much is alive), so that a
    /// reference that it misses shows soon. This is slow and meant for tests. Artifacts do not depend on it.
    pub fn gc_zeal(&mut self, on: bool) -> &mut Self {
        self.gc_zeal = on;
        self
    }

    /// Plants a fault into compiled code. An engine loads only artifacts with the fault that it is configured with. The
    /// default is the fault of the process, if it has one.
    #[cfg(feature = "planted-faults")]
    pub fn fault(&mut self, fault: Option<Fault>) -> &mut Self {
        self.fault = fault;
        self
    }
}
