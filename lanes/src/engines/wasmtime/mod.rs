//! Wasmtime as two lanes: `wasmtime` as it comes, and `wasmtime/none` without optimization. It has the same code
//! generator as our engine, but a translator, a runtime and a stack walk of its own.
//!
//! - Its optimizer moves traps: it turns a branch around nothing but a trap into a conditional trap at the branch, and
//!   drops a store that is overwritten, so that the later store traps. In both lanes, instruction selection makes a
//!   load part of the instruction that uses its value. (Our compiler keeps Cranelift from doing so.)
//! - Frames have function index and byte offset, and names if the module has them.
//! - It does not tell malformed from invalid. A module that it refuses is rejected, unless the error is one of the two
//!   for what it does not support.
//! - It has one word for a table access out of bounds and for an undefined element.
//! - A function has another address in each instance that imports it, so functions are not told apart.
//! - Objects are looked into and told apart, as in our own lanes.
//! - Threads share memories. The contents of a shared memory are not shown, since reading it is unsafe.

mod context;
mod failure;
mod store;

use self::store::WasmtimeStore;
use crate::engines::PerFeatures;
use crate::engines::guard::guarded;
use crate::engines::session::LinkedSession;
use crate::{
    Cpu, EngineInfo, Failure, Features, Lane, LaneInfo, MemoryChecks, Moves, Opened, Options, RelaxedSimd, Session,
};
use std::num::NonZeroUsize;
use wasmtime::{Config, Engine, OptLevel, WasmFeatures};

/// The version that is linked in.
const VERSION: &str = "48.0.8";

/// The features that Wasmtime has.
const FEATURES: Features =
    Features::WASM_3_0.union(Features::THREADS).union(Features::CUSTOM_PAGE_SIZES).union(Features::WIDE_ARITHMETIC);

/// The longest backtrace. Room for so many frames is reserved for each.
const MAX_FRAMES: usize = 1 << 16;

/// A lane of Wasmtime.
struct Wasmtime {
    info: LaneInfo,
    optimizes: bool,
    options: Options,
    engines: PerFeatures<Engine>,
}

impl Wasmtime {
    fn new(name: &str, options: &Options) -> Wasmtime {
        let optimizes = name != "wasmtime/none";
        let info = LaneInfo {
            name: name.to_string(),
            engine: "wasmtime".to_string(),
            code: name.to_string(),
            backend: "cranelift".to_string(),
            moves: if optimizes { Moves::Anything } else { Moves::Accesses },
        };
        Wasmtime { info, optimizes, options: options.clone(), engines: PerFeatures::default() }
    }

    fn config(&self, features: Features) -> Config {
        let mut config = Config::new();
        for feature in FEATURES.iter() {
            for flag in feature.parser_flags {
                let flag = WasmFeatures::from_name(flag).expect("a test looks up every flag");
                config.wasm_features(flag, features.contains(feature.set));
            }
        }
        config
            .wasm_features(WasmFeatures::GC_TYPES, features.contains(Features::REFERENCE_TYPES))
            .shared_memory(features.contains(Features::THREADS))
            .wasm_backtrace_max_frames(NonZeroUsize::new(MAX_FRAMES))
            .parallel_compilation(self.options.compile_threads != Some(1))
            .relaxed_simd_deterministic(self.options.relaxed_simd == RelaxedSimd::Deterministic)
            .cranelift_nan_canonicalization(self.options.canonicalize_nans)
            .consume_fuel(self.options.fuel.is_some());
        if self.options.memory_checks == MemoryChecks::Explicit {
            config.memory_reservation(0).memory_guard_size(0).signals_based_traps(false);
        }
        if !self.optimizes {
            config.cranelift_opt_level(OptLevel::None);
        }
        if let Some(bytes) = self.options.max_stack {
            config.max_wasm_stack(bytes);
        }
        config
    }

    fn engine(&self, features: Features) -> Result<Engine, Failure> {
        if self.options.cpu == Cpu::Baseline {
            return Err(Failure::Unsupported("code for other processors than this one".to_string()));
        }
        self.engines.get_or_make(features, || {
            let engine = Engine::new(&self.config(features));
            engine.map_err(|error| Failure::Internal(format!("it refuses its configuration: {error:#}")))
        })
    }
}

/// Opens the lane of this name.
pub(super) fn open(name: &str, options: &Options) -> Opened {
    Ok(Box::new(Wasmtime::new(name, options)))
}

impl Lane for Wasmtime {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn engine(&self) -> Result<EngineInfo, String> {
        Ok(EngineInfo { engine: self.info.engine.clone(), version: VERSION.to_string(), path: String::new() })
    }

    fn lacks(&self, features: Features) -> Features {
        features - FEATURES
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        let engine = guarded(|| self.engine(features))?;
        let store = WasmtimeStore::new(&engine, self.options.fuel);
        Ok(Box::new(LinkedSession::new(store, features - self.lacks(features), &self.options)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_locked() {
        let lock = include_str!("../../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"wasmtime\"\nversion = \"{VERSION}\"")));
    }
}
