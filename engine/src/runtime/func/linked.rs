//! Host functions that linkers add to stores. A store has each at most once, so that all instances see one function.

use super::Func;
use super::host::{self, HostDefinition, HostFuncEntry};
use crate::base::Result;
use crate::runtime::store::OpaqueMut;
use core::ptr::NonNull;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;
use std::sync::Arc;

/// A hash table whose keys are addresses of definitions. Nobody outside chooses them, so that a fast hash is safe.
type ByAddress<V> = HashMap<usize, V, FxBuildHasher>;

/// The host functions that a module imports from a linker, each once.
#[derive(Default)]
pub(crate) struct HostSet {
    definitions: Vec<Arc<HostDefinition>>,
    positions: ByAddress<usize>,
}

impl HostSet {
    /// Adds a function, unless the set has it. Returns its position.
    pub(crate) fn insert(&mut self, definition: &Arc<HostDefinition>) -> usize {
        *self.positions.entry(Arc::as_ptr(definition).addr()).or_insert_with(|| {
            self.definitions.push(Arc::clone(definition));
            self.definitions.len() - 1
        })
    }
}

/// A [`HostSet`] that is complete.
#[derive(Clone)]
pub(crate) struct LinkedSet {
    definitions: Arc<[Arc<HostDefinition>]>,
    positions: Arc<ByAddress<usize>>,
}

impl From<HostSet> for LinkedSet {
    fn from(set: HostSet) -> LinkedSet {
        LinkedSet { definitions: set.definitions.into(), positions: Arc::new(set.positions) }
    }
}

/// The functions of linkers that a store has.
///
/// Most stores have those of one set only. They are added at once, in one block.
#[derive(Default)]
pub(crate) struct LinkedFuncs {
    /// The first set, and its functions in the order of its definitions.
    block: Option<(LinkedSet, NonNull<[HostFuncEntry]>)>,
    /// The other functions, by the addresses of their definitions.
    others: ByAddress<Func>,
}

// SAFETY: the block is the store's, and moves between threads with it.
unsafe impl Send for LinkedFuncs {}
// SAFETY: `&LinkedFuncs` gives out addresses only.
unsafe impl Sync for LinkedFuncs {}

/// Adds all functions of a set to a store that has no function of a linker yet. In others, [`linked`] adds those that
/// are missing.
///
/// # Errors
/// Kind [`Usage`](crate::ErrorKind::Usage) if the store is another engine's.
pub(crate) fn add_set(store: &mut OpaqueMut<'_>, set: &LinkedSet) -> Result<()> {
    if !set.definitions.is_empty() && store.linked.block.is_none() && store.linked.others.is_empty() {
        let block = host::add_all(store, Arc::clone(&set.definitions))?;
        store.linked.block = Some((set.clone(), block));
    }
    Ok(())
}

/// Returns the function at a position of a set, which is added to the store unless it is there.
///
/// # Errors
/// Kind [`Usage`](crate::ErrorKind::Usage) if the store is another engine's.
pub(crate) fn linked(store: &mut OpaqueMut<'_>, set: &LinkedSet, position: usize) -> Result<Func> {
    match store.linked.block {
        Some((ref own, block)) if Arc::ptr_eq(&own.definitions, &set.definitions) => {
            Ok(host::func_at(store, block, position))
        }
        _ => add_linked(store, &set.definitions[position]),
    }
}

/// Adds a linker's definition to a store, unless the store already has it.
///
/// # Errors
/// Kind [`Usage`](crate::ErrorKind::Usage) if the store is another engine's.
pub(crate) fn add_linked(store: &mut OpaqueMut<'_>, definition: &Arc<HostDefinition>) -> Result<Func> {
    let key = Arc::as_ptr(definition).addr();
    if let Some((set, block)) = &store.linked.block
        && let Some(&position) = set.positions.get(&key)
    {
        return Ok(host::func_at(store, *block, position));
    }
    if let Some(&func) = store.linked.others.get(&key) {
        return Ok(func);
    }
    let func = host::add(store, Arc::clone(definition))?;
    // The store keeps the definition, so no other definition gets the same address while the store lives.
    store.linked.others.insert(key, func);
    Ok(func)
}
