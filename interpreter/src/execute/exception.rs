//! Throwing ([`throw`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-throw),
//! [`throw_ref`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-throw-ref)).

use super::{Context, Stop};
use crate::Trap;
use crate::rewrite::rare::Rare;
use crate::slot::RawRef;

/// `throw x`: the payload lies in a row of `y` slots.
pub(crate) fn throw(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let tag = context.instance().tags[rare.x as usize];
    let payload = context.row(rare.row, rare.y as usize).to_vec();
    let ty = context.store.tags[tag as usize].ty;
    let exception = context.allocate(|heap| heap.new_exception(tag, ty, &payload))?;
    Err(Stop::Exception(exception))
}

/// `throw_ref`, and the legacy `rethrow`.
pub(crate) fn throw_ref(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let exception: RawRef = context.operand(rare, 0);
    if exception.is_null() {
        return Err(Trap::NullReference.into());
    }
    Err(Stop::Exception(exception))
}
