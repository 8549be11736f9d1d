//! Modules that come from a cache if it has them.

use crate::cache::Cache;
use crate::compile::Compiler;
use crate::{Engine, Module, Result};

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

/// Returns the name of a module's entry, which covers the module and all else that decides its artifact.
pub(super) fn name(engine: &Engine, wasm: &[u8]) -> Result<String> {
    let mut hasher = blake3::Hasher::new_derive_key("touchstone cache of compiled programs, 2");
    hasher.update(&engine.compiler(Compiler::new)?.identity()?).update(wasm);
    Ok(hasher.finalize().to_hex().to_string())
}
