//! The engines that are linked in: one folder each, and one row of [`LINKED`].
//!
//! An engine implements two small traits of leaf operations, [`EngineContext`](context::EngineContext) and
//! [`EngineStore`](session::EngineStore). Everything else is written once for all of them: a [session](session), the
//! [walk](walk) over values, objects and exports, and [host functions](host).

#![cfg_attr(
    not(any(feature = "runtime", feature = "interp", feature = "wasmtime")),
    expect(dead_code, reason = "only these engines have objects")
)]

#[cfg(feature = "library")]
pub mod c_library;
mod context;
mod guard;
mod host;
#[cfg(feature = "interp")]
mod interp;
#[cfg(feature = "runtime")]
pub mod own;
mod session;
mod walk;
#[cfg(feature = "wasmi")]
mod wasmi;
#[cfg(feature = "wasmtime")]
mod wasmtime;

#[cfg(any(feature = "library", feature = "wasmtime"))]
use crate::Features;
#[cfg(feature = "harness")]
use crate::{Opened, Options};
#[cfg(any(feature = "library", feature = "wasmtime"))]
use std::collections::HashMap;
#[cfg(any(feature = "library", feature = "wasmtime"))]
use std::sync::{Mutex, PoisonError};

/// The lanes of one linked engine.
#[cfg(feature = "harness")]
pub(crate) struct Linked {
    /// The names of its lanes.
    pub(crate) names: &'static [&'static str],
    /// True if this build has it.
    pub(crate) is_built_in: bool,
    /// Opens the lane that has one of these names.
    pub(crate) open: fn(&str, &Options) -> Opened,
}

/// A row of [`LINKED`]: the cargo feature that links the engine, its folder, and the names of its lanes.
#[cfg(feature = "harness")]
macro_rules! linked {
    ($feature:literal, $folder:ident, $names:expr) => {
        Linked {
            names: $names,
            is_built_in: cfg!(feature = $feature),
            #[cfg(feature = $feature)]
            open: $folder::open,
            #[cfg(not(feature = $feature))]
            open: |_, _| Err(format!("not built in: build with `--features {}`", $feature)),
        }
    };
}

/// All engines that can be linked in, in the order in which lists name their lanes.
#[cfg(feature = "harness")]
pub(crate) const LINKED: &[Linked] = &[
    linked!(
        "engine",
        own,
        &["speed/fresh", "speed/reload", "quick/fresh", "quick/reload", "speed/remote", "quick/remote"]
    ),
    linked!("interp", interp, &["interp"]),
    linked!("wasmtime", wasmtime, &["wasmtime", "wasmtime/none"]),
    linked!("wasmi", wasmi, &["wasmi"]),
];

/// The engines of a lane: one for each set of features that modules may use, made when it is first needed.
#[cfg(any(feature = "library", feature = "wasmtime"))]
pub(crate) struct PerFeatures<E>(Mutex<HashMap<Features, E>>);

#[cfg(any(feature = "library", feature = "wasmtime"))]
impl<E> Default for PerFeatures<E> {
    fn default() -> PerFeatures<E> {
        PerFeatures(Mutex::default())
    }
}

#[cfg(any(feature = "library", feature = "wasmtime"))]
impl<E: Clone> PerFeatures<E> {
    /// Returns the engine for these features.
    pub(crate) fn get_or_make<R>(&self, features: Features, make: impl FnOnce() -> Result<E, R>) -> Result<E, R> {
        // An engine is inserted when it is complete, so a panic leaves nothing half-done in the map.
        let mut engines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(&features) {
            return Ok(engine.clone());
        }
        let engine = make()?;
        engines.insert(features, engine.clone());
        Ok(engine)
    }
}

/// Copies a part of a memory. `None` if it is not all inside the memory.
#[cfg(any(feature = "library", feature = "wasmi", feature = "wasmtime"))]
pub(crate) fn range(memory: &[u8], offset: u64, length: usize) -> Option<Vec<u8>> {
    let start = usize::try_from(offset).ok()?;
    Some(memory.get(start..start.checked_add(length)?)?.to_vec())
}
