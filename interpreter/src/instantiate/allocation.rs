//! The items that a module defines
//! ([Allocation](https://webassembly.github.io/spec/core/exec/modules.html#alloc-module)).

use crate::embed::Extern;
use crate::error::Result;
use crate::memory::MemoryInstance;
use crate::module::{ElementItems, ElementSegment, Module};
use crate::slot::RawRef;
use crate::store::{Function, FunctionKind, GlobalInstance, ModuleInstance, StoreInner, TableInstance, TagInstance};
use crate::types::TypeId;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// The addresses of an instance's items, by index.
#[derive(Default)]
struct Addresses {
    functions: Vec<u32>,
    tables: Vec<u32>,
    memories: Vec<u32>,
    globals: Vec<u32>,
    tags: Vec<u32>,
}

/// Makes the instance part of the store, with all globals, tables and memories of its own null or zero. Returns its
/// address.
///
/// # Errors
/// Kind [`Resource`](crate::ErrorKind::Resource) if a limit is reached or there is no memory. The store is as it was.
pub(super) fn allocate(
    store: &mut StoreInner,
    module: &Module,
    types: Box<[TypeId]>,
    imports: &[Extern],
) -> Result<u32> {
    let (own_tables, own_memories) = own_storage(store, module, &types)?;
    let description = module.description();
    let instance = store.instances.len() as u32;
    let mut addresses = Addresses::of(store, imports)?;
    for index in description.imported_functions() as usize..description.functions.len() {
        let ty = types[description.functions[index].0.index()];
        let kind = FunctionKind::Wasm(index as u32);
        addresses.functions.push(store.add_function(Function { ty, instance, kind, code: None }));
    }
    append(&mut addresses.tables, &mut store.tables, own_tables);
    append(&mut addresses.memories, &mut store.memories, own_memories);
    let own_globals = description.globals[description.imported_globals() as usize..].iter();
    let own_globals = own_globals.map(|ty| GlobalInstance::new(ty.map(|index| types[index.index()]), [0, 0]));
    append(&mut addresses.globals, &mut store.globals, own_globals.collect());
    let own_tags = description.tags[description.imported_tags() as usize..].iter();
    let own_tags = own_tags.map(|index| TagInstance { ty: types[index.index()] });
    append(&mut addresses.tags, &mut store.tags, own_tags.collect());
    let elements = description.elements.iter().map(|segment| initial_elements(segment, &addresses.functions));
    let elements = elements.collect();
    store.instances.push(ModuleInstance {
        module: module.clone(),
        types,
        functions: addresses.functions.into(),
        tables: addresses.tables.into(),
        memories: addresses.memories.into(),
        globals: addresses.globals.into(),
        tags: addresses.tags.into(),
        elements,
        dropped_data: vec![false; description.data.len()].into(),
    });
    Ok(instance)
}

/// Makes the module's own tables and memories, which is all that can fail.
fn own_storage(
    store: &StoreInner,
    module: &Module,
    types: &[TypeId],
) -> Result<(Vec<TableInstance>, Vec<MemoryInstance>)> {
    let description = module.description();
    let own_tables = &description.tables[description.imported_tables() as usize..];
    let own_memories = &description.memories[description.imported_memories() as usize..];
    store.limits.check_instances(store.instances.len() + 1)?;
    store.limits.check_tables(store.tables.len() + own_tables.len())?;
    store.limits.check_memories(store.memories.len() + own_memories.len())?;
    let table = |ty: &crate::types::TableType<_>| {
        let ty = ty.map(|index: crate::types::TypeIndex| types[index.index()]);
        TableInstance::new(ty, RawRef::NULL, &store.limits)
    };
    let tables = own_tables.iter().map(table).collect::<Result<_>>()?;
    let memories = own_memories.iter().map(|&ty| MemoryInstance::new(ty, &store.limits));
    Ok((tables, memories.collect::<Result<_>>()?))
}

/// Adds items to a list of the store, and their addresses to those of the instance.
fn append<I>(addresses: &mut Vec<u32>, list: &mut Vec<I>, own: Vec<I>) {
    let first = list.len() as u32;
    addresses.extend(first..first + own.len() as u32);
    list.extend(own);
}

/// Returns the elements of a segment before its expressions are evaluated.
fn initial_elements(segment: &ElementSegment, functions: &[u32]) -> Box<[u64]> {
    match &segment.items {
        ElementItems::Functions(items) => {
            items.iter().map(|&index| RawRef::from_func(functions[index as usize]).0).collect()
        }
        ElementItems::Expressions(expressions) => vec![0; expressions.len()].into(),
    }
}

impl Addresses {
    /// Returns the addresses of imports.
    fn of(store: &StoreInner, imports: &[Extern]) -> Result<Addresses> {
        let mut addresses = Addresses::default();
        for item in imports {
            match item {
                Extern::Func(func) => addresses.functions.push(func.address(store)?),
                Extern::Table(table) => addresses.tables.push(table.address()),
                Extern::Memory(memory) => addresses.memories.push(memory.address()),
                Extern::Global(global) => addresses.globals.push(global.address()),
                Extern::Tag(tag) => addresses.tags.push(tag.address()),
            }
        }
        Ok(addresses)
    }
}
