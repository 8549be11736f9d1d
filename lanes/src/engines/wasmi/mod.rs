//! wasmi as a lane: an interpreter that shares no code with our engine but the validator.
//!
//! - It shows no frames.
//! - It does not tell malformed from invalid. A module that its validation refuses is rejected; one that only its
//!   translation refuses is unsupported.
//! - It has one word for a table access out of bounds and for an undefined element.
//! - A function has one identity wherever it turns up, so functions are numbered.
//! - It limits its own recursion, but each call from a host function counts anew, until the native stack overflows and
//!   the process ends. So the host functions here end such a recursion, as exhaustion of the stack.

mod context;
mod failure;
mod store;

use self::store::WasmiStore;
use crate::engines::guard::guarded;
use crate::engines::session::LinkedSession;
use crate::{EngineInfo, Failure, Features, Lane, LaneInfo, Moves, Opened, Options, Session};
use wasmi::{CompilationMode, Config, Engine};

/// The version that is linked in.
const VERSION: &str = "2.0.0";

/// The features that wasmi has.
const FEATURES: Features = Features::WASM_2_0
    .union(Features::TAIL_CALL)
    .union(Features::EXTENDED_CONST)
    .union(Features::MULTI_MEMORY)
    .union(Features::MEMORY64)
    .union(Features::RELAXED_SIMD)
    .union(Features::CUSTOM_PAGE_SIZES)
    .union(Features::WIDE_ARITHMETIC);

/// The depth at which calls of WebAssembly functions exhaust the stack.
const MAX_DEPTH: usize = 30_000;
/// The bytes of values at which calls exhaust the stack.
const MAX_STACK: usize = 16 << 20;
/// The smallest limit of these bytes that wasmi takes.
const MIN_STACK: usize = 1000;

/// The lane of wasmi.
struct Wasmi {
    info: LaneInfo,
    options: Options,
}

impl Wasmi {
    fn new(options: &Options) -> Wasmi {
        let name = || "wasmi".to_string();
        let info = LaneInfo { name: name(), engine: name(), code: name(), backend: name(), moves: Moves::Nothing };
        Wasmi { info, options: options.clone() }
    }

    fn engine(&self, features: Features) -> Engine {
        let mut config = Config::default();
        config
            .wasm_mutable_global(features.contains(Features::MUTABLE_GLOBALS))
            .wasm_sign_extension(features.contains(Features::SIGN_EXTENSION))
            .wasm_saturating_float_to_int(features.contains(Features::SATURATING_FLOAT_TO_INT))
            .wasm_multi_value(features.contains(Features::MULTI_VALUE))
            .wasm_multi_memory(features.contains(Features::MULTI_MEMORY))
            .wasm_bulk_memory(features.contains(Features::BULK_MEMORY))
            .wasm_reference_types(features.contains(Features::REFERENCE_TYPES))
            .wasm_tail_call(features.contains(Features::TAIL_CALL))
            .wasm_extended_const(features.contains(Features::EXTENDED_CONST))
            .wasm_custom_page_sizes(features.contains(Features::CUSTOM_PAGE_SIZES))
            .wasm_memory64(features.contains(Features::MEMORY64))
            .wasm_wide_arithmetic(features.contains(Features::WIDE_ARITHMETIC))
            .wasm_simd(features.contains(Features::SIMD))
            .wasm_relaxed_simd(features.contains(Features::RELAXED_SIMD))
            // The depth is 1000 by default. The stack height is in bytes.
            .set_max_recursion_depth(MAX_DEPTH)
            .set_max_stack_height(self.options.max_stack.unwrap_or(MAX_STACK).max(MIN_STACK))
            // Eager, so that a module is refused when it is loaded, not when it runs.
            .compilation_mode(CompilationMode::Eager)
            .consume_fuel(self.options.fuel.is_some());
        Engine::new(&config)
    }
}

/// Opens the lane.
pub(super) fn open(name: &str, options: &Options) -> Opened {
    options.refuse_canonical_nans(name)?;
    Ok(Box::new(Wasmi::new(options)))
}

impl Lane for Wasmi {
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
        let store = guarded(|| Ok(WasmiStore::new(&self.engine(features), self.options.fuel)))?;
        Ok(Box::new(LinkedSession::new(store, features - self.lacks(features), &self.options)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_locked() {
        let lock = include_str!("../../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"wasmi\"\nversion = \"{VERSION}\"")));
    }
}
