//! Fuel, deadlines and limits of stores.

use super::error::{non_null, report};
use crate::store::{Context, wasm_store_t};
use core::mem::MaybeUninit;
use engine::{AsContext, AsContextMut, Result, StoreLimits};

/// Bounds of what the modules of a store may take. The largest number of a field stands for no bound.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct touchstone_store_limits_t {
    /// Bytes of each memory.
    pub memory_size: u64,
    /// Elements of each table.
    pub table_elements: u64,
    /// Bytes of all collected objects together.
    pub heap_size: u64,
    /// Instances.
    pub instances: usize,
    /// Memories.
    pub memories: usize,
    /// Tables.
    pub tables: usize,
}

fn with_store<R>(store: Option<&wasm_store_t>, work: impl FnOnce(&mut Context<'_>) -> Result<R>) -> Option<R> {
    report(non_null(store, "store").and_then(|store| store.0.with(work)))
}

/// Sets the fuel that is left. A new store has none. Returns false unless the configuration counts fuel.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_store_set_fuel(store: Option<&wasm_store_t>, fuel: u64) -> bool {
    with_store(store, |context| context.as_context_mut().set_fuel(fuel)).is_some()
}

/// Writes the fuel that is left. Returns false unless the configuration counts fuel.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_store_fuel(store: Option<&wasm_store_t>, out: Option<&mut MaybeUninit<u64>>) -> bool {
    let fuel = with_store(store, |context| context.as_context().fuel());
    if let (Some(fuel), Some(out)) = (fuel, out) {
        out.write(fuel);
    }
    fuel.is_some()
}

/// Sets the deadline to a number of ticks from now: code of the store traps when it is reached. Returns false if the
/// store is in use.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_store_set_deadline(store: Option<&wasm_store_t>, ticks: u64) -> bool {
    let set = |context: &mut Context<'_>| {
        context.as_context_mut().set_epoch_deadline(ticks);
        Ok(())
    };
    with_store(store, set).is_some()
}

/// Sets the bounds of a store. What there is already stays. Returns false if the store is in use.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_store_set_limits(
    store: Option<&wasm_store_t>,
    limits: Option<&touchstone_store_limits_t>,
) -> bool {
    let Some(limits) = report(non_null(limits, "limits")) else { return false };
    let set = |context: &mut Context<'_>| {
        *context.as_context_mut().data_mut() = StoreLimits::new()
            .memory_size(limits.memory_size)
            .table_elements(limits.table_elements)
            .heap_size(limits.heap_size)
            .instances(limits.instances)
            .memories(limits.memories)
            .tables(limits.tables);
        Ok(())
    };
    with_store(store, set).is_some()
}

/// Collects garbage now. Returns false if the store is in use, or there is no memory for it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_store_collect(store: Option<&wasm_store_t>) -> bool {
    with_store(store, |context| context.as_context_mut().gc()).is_some()
}
