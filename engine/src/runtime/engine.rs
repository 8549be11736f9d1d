//! The engine: a configuration, the epoch, and the ids of types. Everything else belongs to modules and stores.

use super::memory::Pool;
use super::type_registry::TypeRegistry;
#[cfg(feature = "compile")]
use crate::base::Compile;
use crate::base::{Config, Error, ErrorKind, Result};
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
#[cfg(feature = "compile")]
use std::sync::OnceLock;

/// Compiles, loads and runs modules under one [`Config`]. Cheap to clone; clones are the same engine.
///
/// A store instantiates modules of its own engine only. Dropping an engine stops nothing: modules and stores keep it
/// alive.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<EngineInner>,
}

struct EngineInner {
    config: Config,
    epoch: AtomicU64,
    types: Arc<TypeRegistry>,
    /// Address space for memories to come.
    memories: Arc<Pool>,
    /// Made when a module is first compiled.
    #[cfg(feature = "compile")]
    compiler: OnceLock<Box<dyn Compile>>,
}

impl Engine {
    /// Creates an engine with this configuration.
    ///
    /// # Errors
    /// Kind [`Unsupported`](crate::ErrorKind::Unsupported) if the configuration has a feature that this engine does not
    /// implement.
    pub fn new(config: &Config) -> Result<Engine> {
        let missing = config.features - Config::SUPPORTED_FEATURES;
        if !missing.is_empty() {
            return Err(Error::new(ErrorKind::Unsupported, format!("this engine does not implement {missing}")));
        }
        let types = Arc::new(TypeRegistry::new());
        let inner = EngineInner {
            config: config.clone(),
            epoch: AtomicU64::new(0),
            types,
            memories: Pool::new(config.memory_pool),
            #[cfg(feature = "compile")]
            compiler: OnceLock::new(),
        };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Advances the epoch by one. Stores whose deadline it reaches stop, or ask their callback. This may be called from
    /// any thread, and from a signal handler.
    pub fn increment_epoch(&self) {
        self.inner.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns whether both are clones of one engine.
    pub fn same(&self, other: &Engine) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Returns the engine's compiler, which `make` creates at the first call.
    ///
    /// # Errors
    /// The error of `make`.
    #[cfg(feature = "compile")]
    pub(crate) fn compiler<C: Compile + 'static>(
        &self,
        make: impl FnOnce(&Config) -> Result<C>,
    ) -> Result<&dyn Compile> {
        let compiler = &self.inner.compiler;
        if compiler.get().is_none() {
            let made = make(&self.inner.config)?;
            // Another thread may have been faster; its compiler is equal to this one.
            let _ = compiler.set(Box::new(made));
        }
        Ok(&**compiler.get().expect("set above"))
    }

    /// The epoch counter, which lives as long as the engine.
    pub(crate) fn epoch(&self) -> &AtomicU64 {
        &self.inner.epoch
    }

    /// The address space that the engine keeps for memories to come.
    pub(crate) fn memories(&self) -> &Arc<Pool> {
        &self.inner.memories
    }

    /// The engine's type ids.
    pub(crate) fn types(&self) -> &Arc<TypeRegistry> {
        &self.inner.types
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Default for Engine {
    /// Creates an engine with the default configuration.
    fn default() -> Engine {
        Engine::new(&Config::new()).expect("the engine implements the default features")
    }
}
