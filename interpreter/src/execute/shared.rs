//! Instructions that read and write a global, an element of a table, or a part of an object at once
//! ([Shared-everything threads][proposal]).
//!
//! A store belongs to one thread at a time, so that plain reads and writes are as good as atomic ones, whatever their
//! ordering.
//!
//! [proposal]: https://github.com/WebAssembly/shared-everything-threads/blob/main/proposals/shared-everything-threads/Overview.md

use super::{Context, Stop};
use crate::gc::Storage;
use crate::instructions::{aggregate, tables};
use crate::rewrite::rare::Rare;
use crate::slot::RawRef;

/// The change that an instruction makes.
pub(crate) trait Modification {
    /// The number of operands after those that name what changes.
    const OPERANDS: usize = 1;

    /// Returns the new bits. Those past the width of the type are not kept.
    fn apply(old: u64, operands: [u64; 2]) -> u64;
}

macro_rules! modifications {
    ($($(#[$doc:meta])* $name:ident($old:ident, $operand:ident) = $new:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Modification for $name {
            fn apply($old: u64, [$operand, _]: [u64; 2]) -> u64 {
                $new
            }
        }
    )*};
}

modifications! {
    /// Adds.
    Add(old, operand) = old.wrapping_add(operand);
    /// Subtracts.
    Sub(old, operand) = old.wrapping_sub(operand);
    /// The bits that both have.
    And(old, operand) = old & operand;
    /// The bits that one of both has.
    Or(old, operand) = old | operand;
    /// The bits in which both differ.
    Xor(old, operand) = old ^ operand;
    /// Replaces.
    Exchange(_old, operand) = operand;
}

/// Replaces what is equal to the first operand by the second.
pub(crate) struct CompareExchange;

impl Modification for CompareExchange {
    const OPERANDS: usize = 2;

    fn apply(old: u64, [expected, replacement]: [u64; 2]) -> u64 {
        if old == expected { replacement } else { old }
    }
}

/// Returns the new bits, with the operands of the instruction from the one at `first` on. `y` is 32 if the type has 32
/// bits.
fn modify<M: Modification>(context: &mut Context<'_>, rare: &Rare, first: usize, old: u64) -> u64 {
    let mut operands = [0; 2];
    for (index, operand) in operands.iter_mut().enumerate().take(M::OPERANDS) {
        *operand = context.operand(rare, first + index);
    }
    let new = M::apply(old, operands);
    if rare.y == 32 { u64::from(new as u32) } else { new }
}

/// `global.atomic.rmw` of global `x`.
pub(crate) fn global_rmw<M: Modification>(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let address = context.instance().globals[rare.x as usize] as usize;
    let old = context.store.globals[address].slot();
    let new = modify::<M>(context, rare, 0, old);
    context.store.globals[address].set_slot(new);
    context.set_result(rare, old);
    Ok(())
}

/// `table.atomic.rmw` of table `x`.
pub(crate) fn table_rmw<M: Modification>(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let index = context.operand(rare, 0);
    let old = tables::table_get(context.table(rare.x), index)?;
    let new = modify::<M>(context, rare, 1, old.0);
    tables::table_set(context.table(rare.x), index, RawRef(new))?;
    context.set_result(rare, old);
    Ok(())
}

/// `struct.atomic.rmw` of slot `x`.
pub(crate) fn struct_rmw<M: Modification>(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference = context.operand(rare, 0);
    let old = aggregate::struct_get(&context.store.heap, reference, rare.x)?;
    let new = modify::<M>(context, rare, 1, old);
    aggregate::struct_set(&mut context.store.heap, reference, rare.x, Storage::Bits64, new)?;
    context.set_result(rare, old);
    Ok(())
}

/// `array.atomic.rmw`.
pub(crate) fn array_rmw<M: Modification>(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (array, index) = (context.operand(rare, 0), context.operand(rare, 1));
    let old = match rare.y {
        32 => aggregate::array_get::<u32>(&context.store.heap, array, index)?.into(),
        _ => aggregate::array_get::<u64>(&context.store.heap, array, index)?,
    };
    let new = modify::<M>(context, rare, 2, old);
    match rare.y {
        32 => aggregate::array_set(&mut context.store.heap, array, index, new as u32)?,
        _ => aggregate::array_set(&mut context.store.heap, array, index, new)?,
    }
    context.set_result(rare, old);
    Ok(())
}
