//! Globals of two slots
//! ([Variable instructions](https://webassembly.github.io/spec/core/exec/instructions.html#variable-instructions)).

use super::{Context, Stop};
use crate::rewrite::rare::Rare;
use crate::slot::V128;

/// `global.get x` of a vector.
pub(crate) fn global_get_vector(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let address = context.instance().globals[rare.x as usize];
    let value = context.store.globals[address as usize].vector();
    context.set_result(rare, value);
    Ok(())
}

/// `global.set x` of a vector.
pub(crate) fn global_set_vector(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let value: V128 = context.operand(rare, 0);
    let address = context.instance().globals[rare.x as usize];
    context.store.globals[address as usize].set_vector(value);
    Ok(())
}
