//! Configurations and engines.

use crate::touchstone::error::report;
use engine::{Config, Engine};

/// A configuration. `touchstone.h` has the functions that change it.
pub struct wasm_config_t(pub(crate) Config);

/// An engine.
pub struct wasm_engine_t(pub(crate) Engine);

/// Makes the default configuration.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_config_new() -> Box<wasm_config_t> {
    Box::new(wasm_config_t(Config::new()))
}

/// Deletes a configuration.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_config_delete(_config: Option<Box<wasm_config_t>>) {}

/// Makes an engine of the default configuration.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_engine_new() -> Box<wasm_engine_t> {
    Box::new(wasm_engine_t(Engine::default()))
}

/// Makes an engine of a configuration, which it takes over. Null stands for the default configuration.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_engine_new_with_config(config: Option<Box<wasm_config_t>>) -> Option<Box<wasm_engine_t>> {
    let config = config.map_or_else(Config::new, |config| config.0);
    report(Engine::new(&config).map(|engine| Box::new(wasm_engine_t(engine))))
}

/// Deletes an engine. Its stores and modules keep what they need of it.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_engine_delete(_engine: Option<Box<wasm_engine_t>>) {}
