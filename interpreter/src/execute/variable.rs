//! Globals of two slots, and checks of references that are cheap but seldom
//! ([Variable instructions](https://webassembly.github.io/spec/core/exec/instructions.html#variable-instructions)).

use super::{Context, Stop};
use crate::Trap;
use crate::rewrite::rare::Rare;
use crate::slot::{RawRef, V128};

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

/// `ref.as_non_null`.
pub(crate) fn ref_as_non_null(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference: RawRef = context.operand(rare, 0);
    if reference.is_null() {
        return Err(Trap::NullReference.into());
    }
    context.set_result(rare, reference);
    Ok(())
}
