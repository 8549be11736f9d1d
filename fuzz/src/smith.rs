//! The base module: wasm-smith, held to WebAssembly 2.0, to bounded memories and tables, and to runs that end.

use arbitrary::{Result, Unstructured};
use wasm_smith::{Config, Module};

/// How the base module is kept from running for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Termination {
    /// The engine counts fuel: the module stays as it is.
    EngineFuel,
    /// The module counts for itself, in an exported global, and executes `unreachable` when it is used up.
    OwnCounter(u32),
}

/// Generates a module that exports all that it has and imports nothing.
///
/// # Errors
///
/// When the choices in `u` do not lead to a module.
pub fn module(u: &mut Unstructured<'_>, termination: Termination) -> Result<Vec<u8>> {
    let config = config(u)?;
    let mut module = Module::new(config, u)?;
    if let Termination::OwnCounter(steps) = termination {
        module.ensure_termination(steps).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    }
    Ok(module.to_bytes())
}

/// wasm-smith's configuration. The features are those of WebAssembly 2.0: everything later is off.
fn config(u: &mut Unstructured<'_>) -> Result<Config> {
    Ok(Config {
        // Half of the modules are made without traps of their own, so that their code runs to its end; the graft
        // brings its own traps to both halves.
        disallow_traps: u.arbitrary()?,
        allow_start_export: u.ratio(1, 8)?,
        // `nan` does it for the whole module, and misses nothing.
        canonicalize_nans: false,
        export_everything: true,
        min_funcs: 1,
        max_funcs: 8,
        min_types: 1,
        max_types: 12,
        max_imports: 0,
        max_globals: 8,
        max_tables: 3,
        max_memories: 1,
        max_instructions: if u.ratio(1, 4)? { 400 } else { 100 },
        max_data_segments: 6,
        max_element_segments: 6,
        max_elements: 20,
        max_memory32_bytes: 4 * 0x1_0000,
        memory_max_size_required: true,
        max_table_elements: 64,
        table_max_size_required: true,
        bulk_memory_enabled: true,
        multi_value_enabled: true,
        reference_types_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: u.ratio(3, 4)?,
        relaxed_simd_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        memory64_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        extended_const_enabled: false,
        ..Config::default()
    })
}
