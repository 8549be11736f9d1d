//! Reference instructions
//! ([Reference instructions](https://webassembly.github.io/spec/core/exec/instructions.html#reference-instructions)).

use super::{Context, Stop};
use crate::instructions::{aggregate, cast, reference};
use crate::rewrite::rare::Rare;
use crate::store::StoreInner;
use crate::types::RefType;

pub(crate) fn ref_func(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let address = context.instance().functions[rare.x as usize];
    context.set_result(rare, reference::ref_func(address));
    Ok(())
}

pub(crate) fn ref_as_non_null(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let value = reference::ref_as_non_null(context.operand(rare, 0))?;
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn ref_eq(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let value = reference::ref_eq(context.operand(rare, 0), context.operand(rare, 1));
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn ref_i31(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let value = reference::ref_i31(context.operand(rare, 0));
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn i31_get_s(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let value = reference::i31_get_s(context.operand(rare, 0))?;
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn i31_get_u(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let value = reference::i31_get_u(context.operand(rare, 0))?;
    context.set_result(rare, value);
    Ok(())
}

/// The type that an instruction names: `x` is its position among those of the code.
fn target(context: &Context<'_>, rare: &Rare) -> RefType {
    let instance = context.instance();
    context.code().cast_types[rare.x as usize].map(|ty| instance.types[ty.index()])
}

/// `ref.test`, and the test of `br_on_cast`.
pub(crate) fn ref_test(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference = context.operand(rare, 0);
    let target = target(context, rare);
    let StoreInner { heap, types, functions, .. } = &*context.store;
    let answer = cast::ref_test(heap, types, |address| functions[address as usize].ty, reference, target);
    context.set_result(rare, answer);
    Ok(())
}

pub(crate) fn ref_cast(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference = context.operand(rare, 0);
    let target = target(context, rare);
    let StoreInner { heap, types, functions, .. } = &*context.store;
    let value = cast::ref_cast(heap, types, |address| functions[address as usize].ty, reference, target)?;
    context.set_result(rare, value);
    Ok(())
}

/// The test of `br_on_cast_desc_eq`; `y` is 1 if null is of the type.
pub(crate) fn ref_test_desc_eq(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (reference, descriptor) = (context.operand(rare, 0), context.operand(rare, 1));
    let answer = cast::ref_test_desc_eq(&context.store.heap, reference, descriptor, rare.y == 1)?;
    context.set_result(rare, answer);
    Ok(())
}

/// `y` is 1 if null is of the type.
pub(crate) fn ref_cast_desc_eq(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (reference, descriptor) = (context.operand(rare, 0), context.operand(rare, 1));
    let value = cast::ref_cast_desc_eq(&context.store.heap, reference, descriptor, rare.y == 1)?;
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn ref_get_desc(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference = context.operand(rare, 0);
    let value = aggregate::ref_get_desc(&context.store.heap, reference)?;
    context.set_result(rare, value);
    Ok(())
}
