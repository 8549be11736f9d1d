//! The engine.
use crate::base::{Config, Result};
use std::sync::Arc;

/// What compiles, loads and runs modules under one [`Config`]. Cheap to clone; clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<EngineInner>,
}

struct EngineInner {
    config: Config,
}

impl Engine {
    /// An engine with this configuration.
    pub fn new(config: &Config) -> Result<Engine> {
        Ok(Engine { inner: Arc::new(EngineInner { config: config.clone() }) })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Moves the epoch on by one. Stores whose deadline it reaches stop, or ask their callback. Callable from any
    /// thread and from a signal handler.
    pub fn increment_epoch(&self) {
        todo!()
    }
}
