//! Instantiation ([Instantiation](https://webassembly.github.io/spec/core/exec/modules.html#instantiation)): checks a
//! module's imports, makes the items that it defines, and initializes them.
//!
//! The steps are in the order of the specification, which code can observe through traps and imported items.
//!
//! | file | holds |
//! |---|---|
//! | `imports` | whether imports are of the types that a module declares |
//! | `allocation` | the items that a module defines |
//! | `expression` | constant expressions |

mod allocation;
mod expression;
mod imports;

pub(crate) use imports::unknown_import;

use crate::config::Engine;
use crate::embed::Extern;
use crate::error::{Error, ErrorKind, Result};
use crate::instructions::memories;
use crate::module::{DataMode, DataSegment, ElementItems, ElementMode, Module};
use crate::slot::RawRef;
use crate::store::{StoreInner, bytes_price, elements_price};
use crate::types::{TypeIndex, ValType};
use expression::evaluate;

/// Instantiates a module, up to the call of its start function. Returns the address of the instance.
///
/// # Errors
/// Those of [`Instance::new`](crate::Instance::new), without those of the start function.
pub(crate) fn instantiate(store: &mut StoreInner, module: &Module, imports: &[Extern]) -> Result<u32> {
    if !Engine::same(module.engine(), &store.engine) {
        return Err(Error::new(ErrorKind::Usage, "the module was made with another engine than the store's"));
    }
    let description = module.description();
    let types = store.types.intern(&description.types, &description.group_ends)?;
    store.heap.learn_types(&store.types);
    imports::check(store, module, &types, imports)?;
    let instance = allocation::allocate(store, module, types, imports)?;
    initialize_globals(store, module, instance)?;
    initialize_tables(store, module, instance)?;
    evaluate_elements(store, module, instance)?;
    write_elements(store, module, instance)?;
    write_data(store, module, instance)?;
    Ok(instance)
}

/// Evaluates the initial values of the module's own globals.
fn initialize_globals(store: &mut StoreInner, module: &Module, instance: u32) -> Result<()> {
    let description = module.description();
    for (index, &init) in (description.imported_globals() as usize..).zip(&description.global_inits) {
        let value = evaluate(store, module, instance, init, description.globals[index].content)?;
        let address = store.instances[instance as usize].globals[index];
        store.globals[address as usize].set_slots(value);
    }
    Ok(())
}

/// Fills the module's own tables with their initial elements.
fn initialize_tables(store: &mut StoreInner, module: &Module, instance: u32) -> Result<()> {
    let description = module.description();
    for (index, init) in (description.imported_tables() as usize..).zip(&description.table_inits) {
        let Some(init) = *init else { continue };
        let address = store.instances[instance as usize].tables[index] as usize;
        let length = store.tables[address].length();
        store.metering.charge(elements_price(length))?;
        let ty = ValType::Ref(description.tables[index].element);
        let [element, _] = evaluate(store, module, instance, init, ty)?;
        store.tables[address].fill(0, RawRef(element), length)?;
    }
    Ok(())
}

/// Evaluates the expressions of element segments, each once: a segment may be used many times.
fn evaluate_elements(store: &mut StoreInner, module: &Module, instance: u32) -> Result<()> {
    for (position, segment) in module.description().elements.iter().enumerate() {
        let ElementItems::Expressions(expressions) = &segment.items else { continue };
        let ty = ValType::Ref(segment.ty);
        for (element, &expression) in expressions.iter().enumerate() {
            let [value, _] = evaluate(store, module, instance, expression, ty)?;
            // Stored at once, so that a collection during the next evaluation finds it.
            store.instances[instance as usize].elements[position][element] = value;
        }
    }
    Ok(())
}

/// Writes the active element segments, in order, as `table.init` and `elem.drop` would.
fn write_elements(store: &mut StoreInner, module: &Module, instance: u32) -> Result<()> {
    let description = module.description();
    for (position, segment) in description.elements.iter().enumerate() {
        if let ElementMode::Active { table, offset } = segment.mode {
            let ty = index_type(description.tables[table as usize].index64);
            let [at, _] = evaluate(store, module, instance, offset, ty)?;
            store.metering.charge(elements_price(segment.items.len() as u64))?;
            let StoreInner { instances, tables, .. } = store;
            let instance = &instances[instance as usize];
            let (address, elements) = (instance.tables[table as usize], &instance.elements[position]);
            tables[address as usize].init(at, elements, 0, elements.len() as u64)?;
        }
        if segment.mode != ElementMode::Passive {
            store.instances[instance as usize].elements[position] = [].into();
        }
    }
    Ok(())
}

/// Writes the active data segments, in order, as `memory.init` and `data.drop` would.
fn write_data(store: &mut StoreInner, module: &Module, instance: u32) -> Result<()> {
    let description = module.description();
    // All bytes are paid at once, so that the fuel does not tell in which pieces they are written.
    let active = description.data.iter().filter(|segment| segment.mode != DataMode::Passive);
    store.metering.charge(active.map(|segment| bytes_price(length(segment).into())).sum())?;
    for (position, segment) in description.data.iter().enumerate() {
        if let DataMode::Active { memory, offset } = segment.mode {
            let ty = index_type(description.memories[memory as usize].index64);
            let [at, _] = evaluate(store, module, instance, offset, ty)?;
            let StoreInner { instances, memories: list, .. } = store;
            let instance = &mut instances[instance as usize];
            let memory = &mut list[instance.memories[memory as usize] as usize];
            memories::init(memory, instance.data(position as u32), at, 0, length(segment))?;
            instance.dropped_data[position] = true;
        }
    }
    Ok(())
}

fn length(segment: &DataSegment) -> u32 {
    segment.end - segment.start
}

/// Returns the type of the addresses of a memory, or of the indices of a table.
fn index_type(index64: bool) -> ValType<TypeIndex> {
    if index64 { ValType::I64 } else { ValType::I32 }
}
