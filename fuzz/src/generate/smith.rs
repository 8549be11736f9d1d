//! Generates the base module with wasm-smith, within the features of the case, with bounded memories and tables, and
//! with code that ends.
//!
//! [`graft`](super::graft) adds what wasm-smith lacks or hardly reaches: typed function references without objects,
//! tags of other instances, legacy exceptions, branch hints.

use crate::rules::{MAX_BYTES, MAX_TABLE};
use arbitrary::{Result, Unstructured};
use lanes::Features;
use wasm_smith::{Config, Module};

/// The limit that ends endless code of the base module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Termination {
    /// The engine counts fuel, and the module is left as it is.
    EngineFuel,
    /// The module counts its steps in an exported global, and executes `unreachable` after this many.
    OwnCounter(u32),
}

/// Generates a module that exports everything and imports nothing.
///
/// # Errors
///
/// If the choices in `u` do not lead to a module.
pub fn generate(u: &mut Unstructured<'_>, features: Features, termination: Termination) -> Result<Vec<u8>> {
    let config = choose_config(u, features)?;
    let mut module = Module::new(config, u)?;
    if let Termination::OwnCounter(steps) = termination {
        module.ensure_termination(steps).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    }
    Ok(module.to_bytes())
}

/// Chooses the configuration of wasm-smith.
fn choose_config(u: &mut Unstructured<'_>, features: Features) -> Result<Config> {
    let has = |feature| features.contains(feature);
    Ok(Config {
        // Half of the modules do not trap by themselves, so that their code runs to its end. The graft adds traps to
        // both halves.
        disallow_traps: u.arbitrary()?,
        allow_start_export: u.ratio(1, 8)?,
        // `make_deterministic` does this for the whole module, and misses no instruction.
        canonicalize_nans: false,
        export_everything: true,
        min_funcs: 1,
        max_funcs: 5,
        min_types: 1,
        max_types: 12,
        max_imports: 0,
        max_globals: 8,
        max_tables: 3,
        max_tags: 4,
        max_memories: if has(Features::MULTI_MEMORY) { 3 } else { 1 },
        max_instructions: if u.ratio(1, 8)? { 300 } else { 50 },
        max_data_segments: 6,
        max_element_segments: 6,
        max_elements: 20,
        max_memory32_bytes: MAX_BYTES,
        max_memory64_bytes: MAX_BYTES.into(),
        memory_max_size_required: true,
        max_table_elements: MAX_TABLE,
        table_max_size_required: true,
        bulk_memory_enabled: true,
        multi_value_enabled: true,
        reference_types_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: u.ratio(3, 4)?,
        relaxed_simd_enabled: has(Features::RELAXED_SIMD),
        exceptions_enabled: has(Features::EXCEPTIONS),
        // wasm-smith has one switch for objects and typed function references.
        gc_enabled: has(Features::GC),
        memory64_enabled: has(Features::MEMORY64),
        tail_call_enabled: has(Features::TAIL_CALL),
        threads_enabled: has(Features::THREADS),
        wide_arithmetic_enabled: has(Features::WIDE_ARITHMETIC),
        extended_const_enabled: has(Features::EXTENDED_CONST),
        custom_page_sizes_enabled: has(Features::CUSTOM_PAGE_SIZES),
        custom_descriptors_enabled: has(Features::CUSTOM_DESCRIPTORS),
        compact_imports_enabled: false,
        // Large arrays in constants would fill the heap before anything runs.
        limit_arrays_in_const_exprs: true,
        ..Config::default()
    })
}
