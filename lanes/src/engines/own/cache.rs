//! The compiling engines of this process, so that an engine compiles for many lanes and sessions: its compiler keeps
//! code that is the same in every module, and allocations.

use engine::{Config, Engine, Error};
use std::sync::{Mutex, PoisonError};

/// The most engines that are kept.
const CAPACITY: usize = 64;

/// The engines that were used last, each with the text of its configuration. The last one was used most recently.
static ENGINES: Mutex<Vec<(String, Engine)>> = Mutex::new(Vec::new());

/// Returns the engine with this configuration: one that is kept, or else a new one, which is then kept.
///
/// # Errors
///
/// If the engine refuses the configuration.
pub(super) fn engine(config: &Config) -> Result<Engine, Error> {
    let text = format!("{config:?}");
    // An engine is moved and inserted whole, so a panic leaves nothing half-done in the list.
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = match engines.iter().position(|(known, _)| *known == text) {
        Some(position) => engines.remove(position).1,
        None => Engine::new(config)?,
    };
    if engines.len() == CAPACITY {
        engines.remove(0);
    }
    engines.push((text, engine.clone()));
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Tier;

    #[test]
    fn an_engine_is_made_once_for_each_configuration() {
        let mut quick = Config::new();
        quick.tier(Tier::Quick).max_wasm_stack(123_456);
        let mut speed = quick.clone();
        speed.tier(Tier::Speed);
        let first = engine(&quick).expect("it is supported");
        let other = engine(&speed).expect("it is supported");
        assert!(!first.same(&other));
        assert!(first.same(&engine(&quick).expect("it is supported")));
        for bytes in 0..CAPACITY {
            engine(quick.max_wasm_stack(1_000_000 + bytes)).expect("it is supported");
        }
        assert!(!other.same(&engine(&speed).expect("it is supported")), "engines that nobody uses are dropped");
    }
}
