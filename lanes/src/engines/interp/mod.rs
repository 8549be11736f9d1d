//! Our interpreter's lane, `interp`.
//!
//! It follows the definitions of our engine (frames, fuel, limits, the order of checks), so it is compared with the
//! compiled lanes as they are with each other. It shares no code with them but the validator, so it has a vote of its
//! own. Only the depth at which the stack overflows, the number of objects that fit into a heap, and the bits of a NaN
//! where a script leaves them open may differ. Results of relaxed SIMD are those of the deterministic profile, whatever
//! the options say.

mod clock;
mod context;
mod failure;
mod store;

use self::store::InterpStore;
use crate::engines::session::LinkedSession;
use crate::{EngineInfo, Failure, Features, Lane, LaneInfo, Moves, OWN_ENGINE, Opened, Options, Session};
use interpreter::{Config, Engine};

/// The lane of our interpreter.
struct Interp {
    info: LaneInfo,
    options: Options,
}

impl Interp {
    fn new(options: &Options) -> Interp {
        let name = || "interp".to_string();
        let info = LaneInfo {
            name: name(),
            engine: OWN_ENGINE.to_string(),
            code: name(),
            backend: name(),
            moves: Moves::Nothing,
        };
        Interp { info, options: options.clone() }
    }

    fn engine_for(&self, features: Features) -> Engine {
        let mut config = Config::new();
        config
            .features(features & Config::SUPPORTED_FEATURES)
            .canonicalize_nans(self.options.canonicalize_nans)
            .consume_fuel(self.options.fuel.is_some())
            .epoch_interruption(self.options.time_limit.is_some())
            .gc_zeal(self.options.gc_zeal)
            .coverage(self.options.coverage.map(|coverage| coverage.0))
            .track_code(self.options.track_code);
        #[cfg(feature = "planted-faults")]
        config.fault(self.options.interpreter_fault);
        if let Some(bytes) = self.options.max_stack {
            config.max_stack(bytes);
        }
        Engine::new(&config)
    }
}

/// Opens the lane.
pub(super) fn open(_name: &str, options: &Options) -> Opened {
    Ok(Box::new(Interp::new(options)))
}

impl Lane for Interp {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn engine(&self) -> Result<EngineInfo, String> {
        let version = env!("CARGO_PKG_VERSION").to_string();
        Ok(EngineInfo { engine: "interpreter".to_string(), version, path: String::new() })
    }

    fn lacks(&self, features: Features) -> Features {
        features - Config::SUPPORTED_FEATURES
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        let store = InterpStore::new(self.engine_for(features), &self.options);
        Ok(Box::new(LinkedSession::new(store, features - self.lacks(features), &self.options)?))
    }
}
