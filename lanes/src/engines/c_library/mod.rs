//! Engines in shared libraries that export the standard C interface of WebAssembly (`wasm.h`).
//!
//! ```text
//! symbols   the functions of the library            unsafe
//! objects   what they make, each deleted once       unsafe
//! shape     what a module imports and exports
//! thunk     small modules for values that the interface lacks
//! trials    what the engine can do
//! configuration                                      what functions of the engine's own switch
//! context, store, failure                            the lane, as of every linked engine
//! ```
//!
//! - The interface gives no reason for a refusal, and tells a trap from a wrong import by the message alone.
//! - It has no vectors, objects, exceptions, 64-bit tables, shared memories and fuel. Vectors, and what a reference
//!   refers to, are seen through thunks. The rest is unsupported.
//! - Of Wasmtime's own functions, those are used that switch features (`wasmtime_config_.._set`), and those that tell
//!   the names of a frame. They are the same in all its versions, and no structure of Wasmtime's is used: their layouts
//!   change. Of our own library's functions, those that choose the features and tell the reason of a refusal.

mod configuration;
mod context;
mod failure;
mod objects;
mod shape;
mod store;
mod symbols;
mod thunk;
mod trials;

pub use self::configuration::Setting;
pub use self::trials::{Abilities, attempt, try_all};

use self::configuration::changes;
use self::objects::Engine;
use self::store::LibraryStore;
use self::symbols::Symbols;
use crate::engines::PerFeatures;
use crate::engines::session::LinkedSession;
use crate::{EngineInfo, Failure, Features, Lane, LaneInfo, Moves, Options, Session};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// The lane of an engine in a shared library.
pub struct CLibrary {
    info: LaneInfo,
    engine: EngineInfo,
    symbols: &'static Symbols,
    abilities: Abilities,
    options: Options,
    settings: Vec<Setting>,
    engines: PerFeatures<Arc<Engine>>,
}

impl CLibrary {
    /// Opens the library. `name` and `version` are those of the engine, which no function of the interface tells. The
    /// abilities are those with these settings.
    ///
    /// # Errors
    ///
    /// The library cannot be loaded, or lacks functions of the interface.
    pub fn open(
        path: &Path,
        (name, version): (&str, &str),
        abilities: Abilities,
        settings: &[Setting],
        options: &Options,
    ) -> Result<CLibrary, String> {
        let symbols = Symbols::load(path)?;
        let frame_limit = if abilities.frames { trials::frame_limit(symbols, settings) } else { None };
        let abilities = Abilities { frame_limit, ..abilities };
        let info = LaneInfo {
            name: name.to_string(),
            engine: name.to_string(),
            code: String::new(),
            backend: name.to_string(),
            moves: Moves::Anything,
        };
        let path_text = PathBuf::from(path).display().to_string();
        Ok(CLibrary {
            info,
            engine: EngineInfo { engine: name.to_string(), version: version.to_string(), path: path_text },
            symbols,
            abilities,
            options: options.clone(),
            settings: settings.to_vec(),
            engines: PerFeatures::default(),
        })
    }
}

impl Lane for CLibrary {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn engine(&self) -> Result<EngineInfo, String> {
        Ok(self.engine.clone())
    }

    fn lacks(&self, features: Features) -> Features {
        features - self.abilities.features
    }

    fn tells(&self) -> Vec<&'static str> {
        let mut tells = vec!["state"];
        tells.extend(self.symbols.last_error.is_some().then_some("phases"));
        tells.extend(self.abilities.frames.then_some("frames"));
        tells.extend((self.abilities.frames && self.abilities.offsets).then_some("offsets"));
        tells
    }

    fn has_fixed_features(&self) -> bool {
        self.symbols.config_features.is_none()
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        let features = features - self.lacks(features);
        let engine = self.engines.get_or_make(features, || {
            Engine::new(self.symbols, features, &changes(features, &self.options, &self.settings)).map(Arc::new)
        })?;
        let store = LibraryStore::new(&engine, Rc::new(self.abilities.clone()), features)?;
        // The interface cannot make the tables and memories that these features add to `spectest`.
        let spectest = features - Features::MEMORY64 - Features::THREADS;
        Ok(Box::new(LinkedSession::new(store, spectest, &self.options)?))
    }
}
