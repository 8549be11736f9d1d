//! The configuration of an engine, and engines.

#[cfg(feature = "planted-faults")]
use crate::fault::Fault;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use features::Features;

/// The configuration of an [`Engine`].
///
/// Relaxed vector instructions always return the results of the standard's deterministic profile.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) features: Features,
    pub(crate) consume_fuel: bool,
    pub(crate) epoch_interruption: bool,
    pub(crate) canonicalize_nans: bool,
    pub(crate) max_stack: usize,
    pub(crate) max_call_depth: usize,
    pub(crate) gc_zeal: bool,
    pub(crate) coverage: Option<fn(u32)>,
    pub(crate) tracks_code: bool,
    #[cfg(feature = "planted-faults")]
    pub(crate) fault: Option<Fault>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            features: Features::default(),
            consume_fuel: false,
            epoch_interruption: false,
            canonicalize_nans: false,
            max_stack: 8 << 20,
            max_call_depth: 100_000,
            gc_zeal: false,
            coverage: None,
            tracks_code: false,
            #[cfg(feature = "planted-faults")]
            fault: None,
        }
    }
}

impl Config {
    /// The features that the interpreter implements.
    pub const SUPPORTED_FEATURES: Features = Features::WASM_3_0
        .union(Features::THREADS)
        .union(Features::CUSTOM_PAGE_SIZES)
        .union(Features::WIDE_ARITHMETIC)
        .union(Features::CUSTOM_DESCRIPTORS)
        .union(Features::LEGACY_EXCEPTIONS)
        .union(Features::STACK_SWITCHING)
        .union(Features::SHARED_EVERYTHING_THREADS)
        .union(Features::COMPACT_IMPORTS)
        .union(Features::ACQUIRE_RELEASE_ATOMICS);

    /// Returns the default configuration: WebAssembly 3.0, no fuel, no epochs.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets the features that modules may use: some of [`SUPPORTED_FEATURES`](Config::SUPPORTED_FEATURES). A module
    /// that needs another one is invalid.
    pub fn features(&mut self, features: Features) -> &mut Self {
        self.features = features;
        self
    }

    /// Sets whether code counts instructions and traps with [`Trap::OutOfFuel`](crate::Trap::OutOfFuel) when the
    /// store's fuel is used up. The default is not to count.
    pub fn consume_fuel(&mut self, on: bool) -> &mut Self {
        self.consume_fuel = on;
        self
    }

    /// Sets whether code checks the engine's epoch at function entries, loop headers and instructions on many items, so
    /// that another thread can stop a store. The default is not to check.
    pub fn epoch_interruption(&mut self, on: bool) -> &mut Self {
        self.epoch_interruption = on;
        self
    }

    /// Sets whether every NaN that arithmetic makes is the positive canonical one, as in the standard's deterministic
    /// profile. By default its sign and payload are the processor's.
    pub fn canonicalize_nans(&mut self, on: bool) -> &mut Self {
        self.canonicalize_nans = on;
        self
    }

    /// Sets how many bytes of locals and operands the functions that are active in a store may have together; a call
    /// past it traps with [`Trap::StackOverflow`](crate::Trap::StackOverflow). The default is 8 MiB. The memory is
    /// taken when it is first needed.
    pub fn max_stack(&mut self, bytes: usize) -> &mut Self {
        self.max_stack = bytes;
        self
    }

    /// Sets how many functions may be active in a store at once; a call past it traps with
    /// [`Trap::StackOverflow`](crate::Trap::StackOverflow). The default is 100,000.
    pub fn max_call_depth(&mut self, calls: usize) -> &mut Self {
        self.max_call_depth = calls;
        self
    }

    /// Sets whether the collector runs at every allocation (at nearly every one, where much is alive), so that a
    /// reference that it misses shows soon. This is slow and meant for tests.
    pub fn gc_zeal(&mut self, on: bool) -> &mut Self {
        self.gc_zeal = on;
        self
    }

    /// Sets a function that code calls wherever straight code begins, for a fuzzer that follows the ways of a guest.
    /// The number tells which two instructions the straight code begins with. The default is not to call any.
    pub fn coverage(&mut self, note: Option<fn(u32)>) -> &mut Self {
        self.coverage = note;
        self
    }

    /// Sets whether modules note which straight code is executed, for
    /// [`Module::skipped_code`](crate::Module::skipped_code). The default is not to.
    pub fn track_code(&mut self, on: bool) -> &mut Self {
        self.tracks_code = on;
        self
    }

    /// Plants a fault.
    #[cfg(feature = "planted-faults")]
    pub fn fault(&mut self, fault: Option<Fault>) -> &mut Self {
        self.fault = fault;
        self
    }
}

/// A configuration that modules and stores share, and an epoch that counts up when the embedder says so. Clones are the
/// same engine.
#[derive(Clone, Debug, Default)]
pub struct Engine(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    config: Config,
    epoch: AtomicU64,
}

impl Engine {
    /// Creates an engine.
    pub fn new(config: &Config) -> Engine {
        Engine(Arc::new(Shared { config: config.clone(), epoch: AtomicU64::new(0) }))
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Adds 1 to the epoch. Any thread may call this while stores run. A store whose deadline the epoch reaches traps
    /// with [`Trap::Interrupted`](crate::Trap::Interrupted).
    pub fn increment_epoch(&self) {
        self.0.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the epoch.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Relaxed)
    }

    /// Returns whether both are the same engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }
}
