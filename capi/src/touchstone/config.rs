//! Configurations beyond the standard's, and epochs.

use super::error::{non_null, report, usage};
use super::{bytes, text};
use crate::engine::{wasm_config_t, wasm_engine_t};
use core::ffi::c_char;
use engine::{Cache, CacheSettings, Config, CpuFeatures, Error, ErrorKind, MemoryChecks, Result, Tier};
use features::Features;
use std::path::PathBuf;

/// Changes a configuration; null is reported.
fn change(config: Option<&mut wasm_config_t>, work: impl FnOnce(&mut Config) -> &mut Config) {
    if let Some(config) = report(non_null(config, "configuration")) {
        work(&mut config.0);
    }
}

/// Sets whether modules compile quickly, to code that is slower.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_quick(config: Option<&mut wasm_config_t>, on: bool) {
    change(config, |config| config.tier(if on { Tier::Quick } else { Tier::Speed }));
}

/// Sets the features that modules may use, as a list such as `"3.0, threads, -gc"`. Returns false if the list has an
/// unknown name.
///
/// # Safety
/// The list is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_config_features(config: Option<&mut wasm_config_t>, list: *const c_char) -> bool {
    let set = || -> Result<()> {
        // SAFETY: the caller vouches for the string.
        let list = unsafe { text(list, "list of features")? };
        let features: Features = list.parse().map_err(|error| usage(format!("{error}")))?;
        non_null(config, "configuration")?.0.features(features);
        Ok(())
    };
    report(set()).is_some()
}

/// Sets whether code counts instructions as fuel. touchstone_store_set_fuel gives fuel to a store.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_fuel(config: Option<&mut wasm_config_t>, on: bool) {
    change(config, |config| config.consume_fuel(on));
}

/// Sets whether code stops at deadlines. touchstone_store_set_deadline gives one to a store.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_deadlines(config: Option<&mut wasm_config_t>, on: bool) {
    change(config, |config| config.epoch_interruption(on));
}

/// Sets whether code compares each address with the size of the memory. Otherwise it relies on guard pages, which
/// reserve 8 GiB of address space for each memory.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_explicit_memory_checks(config: Option<&mut wasm_config_t>, on: bool) {
    let checks = if on { MemoryChecks::Explicit } else { MemoryChecks::GuardPages };
    change(config, |config| config.memory_checks(checks));
}

/// Sets whether code uses only what every CPU of the architecture has. Otherwise it uses all that this one has.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_baseline_cpu(config: Option<&mut wasm_config_t>, on: bool) {
    change(config, |config| config.cpu_features(if on { CpuFeatures::Baseline } else { CpuFeatures::Host }));
}

/// Sets whether debuggers see the source lines and functions of modules that have debug information.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_debug_info(config: Option<&mut wasm_config_t>, on: bool) {
    change(config, |config| config.debug_info(on));
}

/// Sets whether every NaN that arithmetic makes is the positive canonical one.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_canonicalize_nans(config: Option<&mut wasm_config_t>, on: bool) {
    change(config, |config| config.canonicalize_nans(on));
}

/// Sets whether relaxed vector instructions return the results of the standard's deterministic profile, the same on
/// every machine.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_relaxed_simd_deterministic(config: Option<&mut wasm_config_t>, on: bool) {
    change(config, |config| config.relaxed_simd_deterministic(on));
}

/// Sets how many bytes of native stack a call may use before it traps.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_max_stack(config: Option<&mut wasm_config_t>, size: usize) {
    change(config, |config| config.max_wasm_stack(size));
}

/// Sets the number of threads that compile a module; 0 is one per core.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_config_compile_threads(config: Option<&mut wasm_config_t>, threads: usize) {
    change(config, |config| config.compile_threads((threads != 0).then_some(threads)));
}

/// Sets the key that artifacts are sealed with: `key` is 32 bytes, or null for none. An engine with a key refuses the
/// artifacts of who does not know it.
///
/// # Safety
/// The key is null or has 32 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_config_artifact_key(config: Option<&mut wasm_config_t>, key: *const u8) {
    // SAFETY: the caller vouches for the key.
    let key = (!key.is_null()).then(|| unsafe { bytes(key, 32, "key") });
    let key = key.and_then(Result::ok).and_then(|key| key.try_into().ok());
    change(config, |config| config.artifact_key(key));
}

/// Lets modules that are compiled go into a cache, and come from it the next time. `folder` is the cache's folder, and
/// `key_file` the file of the secret that seals its entries; both are made if they are missing. Null stands for the
/// places that `touchstone run` uses. Entries that are damaged or foreign are removed, which standard error tells.
/// Returns false if one of the places cannot be used.
///
/// # Safety
/// The strings are null or end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_config_cache(
    config: Option<&mut wasm_config_t>,
    folder: *const c_char,
    key_file: *const c_char,
) -> bool {
    let path = |string: *const c_char, what: &str| -> Result<Option<PathBuf>> {
        // SAFETY: the caller vouches for the string.
        let path = (!string.is_null()).then(|| unsafe { text(string, what) });
        Ok(path.transpose()?.map(PathBuf::from))
    };
    let set = || -> Result<()> {
        let (folder, secret) = (path(folder, "name of the folder")?, path(key_file, "name of the key file")?);
        let settings = CacheSettings { folder, secret, limit: None };
        let cache = Cache::open(&settings, |report| eprintln!("touchstone: {report}"))
            .map_err(|error| Error::new(ErrorKind::Io, format!("the cache cannot be used: {error}")))?;
        non_null(config, "configuration")?.0.cache(Some(cache));
        Ok(())
    };
    report(set()).is_some()
}

/// Advances the epoch of an engine by one tick. Any thread may do so, and a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_engine_tick(engine: Option<&wasm_engine_t>) {
    if let Some(engine) = engine {
        engine.0.increment_epoch();
    }
}
