//! Throwing ([`throw`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-throw),
//! [`throw_ref`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-throw-ref)).

use super::{Context, Stop};
use crate::Trap;
use crate::gc::Heap;
use crate::rewrite::rare::Rare;
use crate::slot::RawRef;

/// `throw x`: the payload lies in a row of `y` slots.
pub(crate) fn throw(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let tag = context.instance().tags[rare.x as usize];
    let ty = context.store.tags[tag as usize].ty;
    let make = |heap: &mut Heap, payload: &[u64]| heap.new_exception(tag, ty, payload);
    let exception = context.allocate_from_row(rare.row, rare.y, make)?;
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
