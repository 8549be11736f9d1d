//! Our own engine's lanes: `<tier>/<origin>`.
//!
//! - `fresh`: the engine that runs the module compiles it.
//! - `reload`: an engine that is made for this session alone loads the artifact, from a file or from memory.
//! - `remote`: the module is an artifact already. Such a lane runs in the worker of the lanes
//!   [`remote`](crate::remote), which has no compiler.
//!
//! All origins of a tier run the same machine code. The artifact is compiled once and kept with the
//! [`Binary`](crate::Binary).

#[cfg(feature = "engine")]
mod cache;
#[cfg(feature = "engine")]
mod compiler;
mod context;
mod failure;
mod settings;
mod store;

#[cfg(feature = "engine")]
pub use self::compiler::Compiler;

use self::store::OwnStore;
use crate::engines::session::LinkedSession;
use crate::{
    Cpu, EngineInfo, EngineOption, Failure, Features, Lane, LaneInfo, MemoryChecks, Moves, OWN_ENGINE, Options,
    RelaxedSimd, Session, Settings,
};
#[cfg(all(feature = "engine", feature = "harness"))]
use crate::{Opened, remote::RemoteLane};

pub use engine::Tier;

/// The way in which the running engine gets the artifact.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Origin {
    /// The engine compiles the module.
    #[cfg(feature = "engine")]
    Fresh,
    /// The engine loads a file that another engine has made.
    #[cfg(feature = "engine")]
    Reload,
    /// The engine gets the artifact instead of the module.
    Remote,
}

/// One of our own lanes.
pub struct Own {
    info: LaneInfo,
    tier: Tier,
    origin: Origin,
    options: Options,
    /// The same lane with other values of its options.
    variants: settings::Variants,
}

impl Own {
    /// A lane of our own engine.
    pub fn new(tier: Tier, origin: Origin, options: &Options) -> Own {
        let code = match tier {
            Tier::Speed => "speed",
            Tier::Quick => "quick",
        };
        let name = match origin {
            #[cfg(feature = "engine")]
            Origin::Fresh => format!("{code}/fresh"),
            #[cfg(feature = "engine")]
            Origin::Reload => format!("{code}/reload"),
            Origin::Remote => format!("{code}/remote"),
        };
        let code = match origin {
            // The same code, but another program enters it: where a stack ends depends on the frames of that program.
            Origin::Remote => name.clone(),
            #[cfg(feature = "engine")]
            _ => code.to_string(),
        };
        let info = LaneInfo {
            name,
            engine: OWN_ENGINE.to_string(),
            code,
            backend: "cranelift".to_string(),
            moves: Moves::Nothing,
        };
        Own { info, tier, origin, options: options.clone(), variants: settings::Variants::default() }
    }

    /// The lane of this name. `None` if no lane of our own has it.
    #[cfg(feature = "engine")]
    pub fn named(name: &str, options: &Options) -> Option<Own> {
        let (tier, origin) = name.split_once('/')?;
        let tier = match tier {
            "speed" => Tier::Speed,
            "quick" => Tier::Quick,
            _ => return None,
        };
        let origin = match origin {
            "fresh" => Origin::Fresh,
            "reload" => Origin::Reload,
            "remote" => Origin::Remote,
            _ => return None,
        };
        Some(Own::new(tier, origin, options))
    }

    /// Returns the tier.
    #[cfg(all(feature = "engine", feature = "harness"))]
    pub(crate) fn tier(&self) -> Tier {
        self.tier
    }

    /// Returns the options with which the lane was made.
    #[cfg(all(feature = "engine", feature = "harness"))]
    pub(crate) fn lane_options(&self) -> &Options {
        &self.options
    }

    /// Returns the engine's configuration for modules with these features.
    pub fn config(&self, features: Features) -> engine::Config {
        let mut config = engine::Config::new();
        config
            .tier(self.tier)
            .features(features & engine::Config::SUPPORTED_FEATURES)
            .memory_checks(match self.options.memory_checks {
                MemoryChecks::Guard => engine::MemoryChecks::GuardPages,
                MemoryChecks::Explicit => engine::MemoryChecks::Explicit,
            })
            .cpu_features(match self.options.cpu {
                Cpu::Host => engine::CpuFeatures::Host,
                Cpu::Baseline => engine::CpuFeatures::Baseline,
            })
            .relaxed_simd_deterministic(self.options.relaxed_simd == RelaxedSimd::Deterministic)
            .canonicalize_nans(self.options.canonicalize_nans)
            .consume_fuel(self.options.fuel.is_some())
            .gc_zeal(self.options.gc_zeal)
            .compile_threads(self.options.compile_threads);
        #[cfg(feature = "planted-faults")]
        if self.options.fault.is_some() {
            config.fault(self.options.fault);
        }
        if let Some(bytes) = self.options.max_stack {
            config.max_wasm_stack(bytes);
        }
        config
    }
}

/// Opens the lane of this name.
#[cfg(all(feature = "engine", feature = "harness"))]
pub(super) fn open(name: &str, options: &Options) -> Opened {
    let own = Own::named(name, options).expect("a name of the row of LINKED");
    match own.origin {
        Origin::Fresh | Origin::Reload => Ok(Box::new(own)),
        Origin::Remote => RemoteLane::open(own.tier, options),
    }
}

impl Lane for Own {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn engine(&self) -> Result<EngineInfo, String> {
        let version = env!("CARGO_PKG_VERSION").to_string();
        Ok(EngineInfo { engine: OWN_ENGINE.to_string(), version, path: String::new() })
    }

    fn lacks(&self, features: Features) -> Features {
        features - engine::Config::SUPPORTED_FEATURES
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        let store = OwnStore::new(self, features)?;
        Ok(Box::new(LinkedSession::new(store, features - self.lacks(features), &self.options)?))
    }

    fn options(&self) -> Vec<EngineOption> {
        settings::list()
    }

    fn session_with(&self, features: Features, settings: &Settings) -> Result<Box<dyn Session + '_>, Failure> {
        self.variant(settings)?.session(features)
    }
}
