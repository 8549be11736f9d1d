//! Table instructions
//! ([Table instructions](https://webassembly.github.io/spec/core/exec/instructions.html#table-instructions)).

use super::{Context, Stop};
use crate::instructions::tables;
use crate::rewrite::rare::Rare;

pub(crate) fn table_get(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let index = context.operand(rare, 0);
    let element = tables::table_get(context.table(rare.x), index)?;
    context.set_result(rare, element);
    Ok(())
}

pub(crate) fn table_set(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (index, element) = (context.operand(rare, 0), context.operand(rare, 1));
    Ok(tables::table_set(context.table(rare.x), index, element)?)
}

pub(crate) fn table_size(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let length = tables::table_size(context.table(rare.x));
    context.set_result(rare, length);
    Ok(())
}

/// `y` is 1 if the indices have 64 bits.
pub(crate) fn table_grow(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (element, delta) = (context.operand(rare, 0), context.operand(rare, 1));
    let address = context.table_address(rare.x);
    let store = &mut *context.store;
    let old = tables::table_grow(&mut store.tables[address], &mut store.metering, &store.limits, element, delta)?;
    context.set_size(rare, old);
    Ok(())
}

pub(crate) fn table_fill(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (at, element, length) = (context.operand(rare, 0), context.operand(rare, 1), context.operand(rare, 2));
    let address = context.table_address(rare.x);
    let store = &mut *context.store;
    Ok(tables::table_fill(&mut store.tables[address], &mut store.metering, at, element, length)?)
}

/// `x` is the table that is written, `y` the one that is read.
pub(crate) fn table_copy(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (at, source, length) = (context.operand(rare, 0), context.operand(rare, 1), context.operand(rare, 2));
    let addresses = [context.table_address(rare.x), context.table_address(rare.y)];
    let store = &mut *context.store;
    Ok(tables::table_copy(&mut store.tables, &mut store.metering, addresses, at, source, length)?)
}

/// `x` is the table, `y` the segment.
pub(crate) fn table_init(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (at, source, length) = (context.operand(rare, 0), context.operand(rare, 1), context.operand(rare, 2));
    let (address, instance) = (context.table_address(rare.x), context.instance_address());
    let store = &mut *context.store;
    let segment = &store.instances[instance].elements[rare.y as usize];
    Ok(tables::table_init(&mut store.tables[address], &mut store.metering, segment, at, source, length)?)
}

pub(crate) fn elem_drop(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    context.instance_mut().elements[rare.x as usize] = [].into();
    Ok(())
}
