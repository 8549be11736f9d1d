//! Modules that come from a cache if it has them.

use crate::cache::Cache;
use crate::{Engine, Module, Result};

/// The empty module.
pub(super) const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

/// Returns a module: loaded, if the cache has it, or else compiled and added to the cache.
///
/// # Errors
/// Those of [`Module::from_binary`]. Failures of the cache are reported, and the module is compiled.
pub(super) fn load_or_compile(engine: &Engine, cache: &Cache, wasm: &[u8]) -> Result<Module> {
    let name = name(engine, wasm)?;
    if let Some(artifact) = cache.find(&name) {
        match Module::deserialize(engine, artifact) {
            Ok(module) => return Ok(module),
            Err(error) => cache.refuse(&name, &format_args!("is refused: {error}")),
        }
    }
    let artifact = engine.compile_binary(wasm)?;
    let module = Module::deserialize(engine, &artifact)?;
    cache.add(&name, &artifact);
    Ok(module)
}

/// Returns the name of a module's entry. The artifact of the empty module stands for all else that decides an artifact:
/// it records the engine's fingerprint, the target, the CPU features and the settings.
pub(super) fn name(engine: &Engine, wasm: &[u8]) -> Result<String> {
    let mut hasher = blake3::Hasher::new_derive_key("touchstone cache of compiled programs, 1");
    let empty = engine.compile_binary(EMPTY)?;
    hasher.update(&(empty.len() as u64).to_le_bytes()).update(&empty).update(wasm);
    Ok(hasher.finalize().to_hex().to_string())
}
