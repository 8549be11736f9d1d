//! Configurations and engines.

use crate::error::{self, OrRaise};
use engine::{Cache, CacheSettings, Features, MemoryChecks, Tier};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;
use std::ffi::CString;
use std::fmt::Display;
use std::path::PathBuf;

/// The options of an `Engine`. An attribute that is not set has the value that it shows.
#[pyclass(get_all, set_all, module = "touchstone")]
pub(crate) struct Config {
    /// The amount of optimization: "speed" or "quick".
    tier: String,
    /// The features that modules may use, such as "3.0,threads,-gc". WebAssembly 3.0 by default.
    features: String,
    /// True to count instructions, so that `Store.set_fuel` limits them.
    consume_fuel: bool,
    /// True to check deadlines, so that `Store.set_epoch_deadline` stops a guest.
    epoch_interruption: bool,
    /// True to make debug information for gdb and lldb.
    debug_info: bool,
    /// True to make every NaN of arithmetic the canonical one.
    canonicalize_nans: bool,
    /// True to compute relaxed vector instructions in the same way on every machine.
    relaxed_simd_deterministic: bool,
    /// True to check each access to a memory by code instead of by guard pages, which reserve 8 GiB of addresses.
    explicit_memory_checks: bool,
    /// The bytes of native stack that a call may use.
    max_wasm_stack: usize,
    /// The number of threads that compile a module; `None` is one per core.
    compile_threads: Option<usize>,
    /// The key of 32 bytes that artifacts are sealed with, if any.
    artifact_key: Option<[u8; 32]>,
    /// The cache of compiled modules: a folder, `True` for the folder that `touchstone run` uses, or `False` for none.
    /// A warning tells of entries that are damaged or foreign, which are removed.
    cache: CacheChoice,
}

/// The value of `Config.cache`.
#[derive(Clone, FromPyObject, IntoPyObject)]
enum CacheChoice {
    Switch(bool),
    Folder(PathBuf),
}

impl CacheChoice {
    /// Opens the cache, if there is to be one.
    fn open(&self) -> PyResult<Option<Cache>> {
        let folder = match self {
            CacheChoice::Switch(false) => return Ok(None),
            CacheChoice::Switch(true) => None,
            CacheChoice::Folder(folder) => Some(folder.clone()),
        };
        Ok(Some(Cache::open(&CacheSettings { folder, ..CacheSettings::default() }, warn)?))
    }
}

/// Issues a warning. One that a filter of Python turns into an exception has nobody to raise it to, so it is printed.
fn warn(report: &dyn Display) {
    Python::attach(|py| {
        let text = CString::new(report.to_string()).unwrap_or_default();
        if let Err(error) = PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text, 1) {
            error.write_unraisable(py, None);
        }
    });
}

#[pymethods]
impl Config {
    #[new]
    fn new() -> Config {
        Config {
            tier: "speed".to_string(),
            features: Features::default().to_string(),
            consume_fuel: false,
            epoch_interruption: false,
            debug_info: false,
            canonicalize_nans: false,
            relaxed_simd_deterministic: false,
            explicit_memory_checks: false,
            max_wasm_stack: 512 * 1024,
            compile_threads: None,
            artifact_key: None,
            cache: CacheChoice::Switch(false),
        }
    }
}

impl Config {
    /// Returns the options as the engine takes them.
    fn to_engine(&self) -> PyResult<engine::Config> {
        let tier = match self.tier.as_str() {
            "speed" => Tier::Speed,
            "quick" => Tier::Quick,
            other => return Err(error::value_error(format!("the tier is `{other}`; it can be `speed` or `quick`"))),
        };
        let checks = if self.explicit_memory_checks { MemoryChecks::Explicit } else { MemoryChecks::GuardPages };
        let mut config = engine::Config::new();
        config
            .tier(tier)
            .features(self.features.parse().map_err(error::value_error)?)
            .consume_fuel(self.consume_fuel)
            .epoch_interruption(self.epoch_interruption)
            .debug_info(self.debug_info)
            .canonicalize_nans(self.canonicalize_nans)
            .relaxed_simd_deterministic(self.relaxed_simd_deterministic)
            .memory_checks(checks)
            .max_wasm_stack(self.max_wasm_stack)
            .compile_threads(self.compile_threads)
            .artifact_key(self.artifact_key)
            .cache(self.cache.open()?);
        Ok(config)
    }
}

/// A compiler and its configuration, which modules and stores share. Any number of threads may use it.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Engine {
    pub(crate) engine: engine::Engine,
    /// True if the code checks deadlines.
    pub(crate) has_deadlines: bool,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (config = None))]
    fn new(py: Python<'_>, config: Option<PyRef<'_, Config>>) -> PyResult<Engine> {
        let has_deadlines = config.as_ref().is_some_and(|config| config.epoch_interruption);
        let config = config.map_or_else(|| Ok(engine::Config::new()), |config| config.to_engine())?;
        Ok(Engine { engine: engine::Engine::new(&config).or_raise(py)?, has_deadlines })
    }

    /// Advances the epoch by one tick. Stores whose deadline is reached stop their guests. Any thread may call it.
    fn increment_epoch(&self) {
        self.engine.increment_epoch();
    }
}
