//! Instructions on structs and arrays
//! ([Aggregate instructions](https://webassembly.github.io/spec/core/exec/instructions.html#aggregate-reference-instructions)).
//!
//! `x` is the type, or the slot of a field.

use super::{Context, Stop};
use crate::Trap;
use crate::gc::{Failure, Heap, Storage, array_size};
use crate::instructions::aggregate;
use crate::rewrite::rare::Rare;
use crate::slot::{RawRef, V128};
use crate::store::{StoreInner, bytes_price, elements_price};
use crate::types::TypeId;

/// The size in counted bytes up to which an object costs no fuel besides that of its instruction.
const LARGEST_FREE: u64 = 1024;

impl Context<'_> {
    /// Takes the fuel for an object of so many counted bytes, and makes it.
    fn make(&mut self, size: u64, make: impl Fn(&mut Heap) -> Result<RawRef, Failure>) -> Result<RawRef, Stop> {
        self.pay_for_object(size)?;
        Ok(self.allocate(make)?)
    }

    /// Takes the fuel for an object of so many counted bytes.
    fn pay_for_object(&mut self, size: u64) -> Result<(), Trap> {
        if size <= LARGEST_FREE {
            return Ok(());
        }
        self.store.metering.charge(bytes_price(size))?;
        self.store.metering.poll()
    }

    /// Takes the fuel for an instruction on so many elements.
    fn pay_for_elements(&mut self, count: u32) -> Result<(), Trap> {
        self.store.metering.charge(elements_price(count.into()))?;
        self.store.metering.poll()
    }
}

/// `y` is the number of the fields' slots.
pub(crate) fn struct_new(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let ty = context.ty(rare.x);
    context.pay_for_object(context.store.heap.struct_layout(ty).size)?;
    let made = context.allocate_from_row(rare.row, rare.y, |heap, fields| aggregate::struct_new(heap, ty, fields))?;
    context.set_result(rare, made);
    Ok(())
}

pub(crate) fn struct_new_default(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let ty = context.ty(rare.x);
    let size = context.store.heap.struct_layout(ty).size;
    let made = context.make(size, |heap| aggregate::struct_new_default(heap, ty))?;
    context.set_result(rare, made);
    Ok(())
}

/// `y` is the number of the fields' slots; the descriptor follows them.
pub(crate) fn struct_new_desc(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let ty = context.ty(rare.x);
    let descriptor = not_null(RawRef(context.slot(rare.row + rare.y)))?;
    context.pay_for_object(context.store.heap.struct_layout(ty).size)?;
    let make = |heap: &mut Heap, fields: &[u64]| aggregate::struct_new_desc(heap, ty, fields, descriptor);
    let made = context.allocate_from_row(rare.row, rare.y, make)?;
    context.set_result(rare, made);
    Ok(())
}

pub(crate) fn struct_new_default_desc(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let ty = context.ty(rare.x);
    let descriptor = not_null(context.operand(rare, 0))?;
    let size = context.store.heap.struct_layout(ty).size;
    let made = context.make(size, |heap| aggregate::struct_new_default_desc(heap, ty, descriptor))?;
    context.set_result(rare, made);
    Ok(())
}

fn not_null(reference: RawRef) -> Result<RawRef, Trap> {
    if reference.is_null() { Err(Trap::NullReference) } else { Ok(reference) }
}

pub(crate) fn struct_get(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference = context.operand(rare, 0);
    let value = aggregate::struct_get(&context.store.heap, reference, rare.x)?;
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn struct_get_i8_s(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference = context.operand(rare, 0);
    let value = aggregate::struct_get_s(&context.store.heap, reference, rare.x, Storage::I8)?;
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn struct_get_i16_s(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference = context.operand(rare, 0);
    let value = aggregate::struct_get_s(&context.store.heap, reference, rare.x, Storage::I16)?;
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn struct_get_vector(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference = context.operand(rare, 0);
    let value = aggregate::struct_get_vector(&context.store.heap, reference, rare.x)?;
    context.set_result(rare, value);
    Ok(())
}

macro_rules! struct_set {
    ($($name:ident $storage:ident;)*) => {$(
        pub(crate) fn $name(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (reference, value) = (context.operand(rare, 0), context.operand(rare, 1));
            Ok(aggregate::struct_set(&mut context.store.heap, reference, rare.x, Storage::$storage, value)?)
        }
    )*};
}

struct_set! {
    struct_set Bits64;
    struct_set_i8 I8;
    struct_set_i16 I16;
}

pub(crate) fn struct_set_vector(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (reference, value) = (context.operand(rare, 0), context.operand(rare, 1));
    Ok(aggregate::struct_set_vector(&mut context.store.heap, reference, rare.x, value)?)
}

/// Returns what an array of a type and length counts.
fn counted(context: &Context<'_>, ty: TypeId, length: u32) -> u64 {
    array_size(context.store.heap.array_element(ty), length)
}

/// Reads the value of an element: one slot or, if `y` is 2, two.
fn value(context: &mut Context<'_>, rare: &Rare, index: usize) -> V128 {
    if rare.y == 2 { context.operand(rare, index) } else { V128(context.operand::<u64>(rare, index).into()) }
}

/// `y` is the number of slots of the value.
pub(crate) fn array_new(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (ty, value, length) = (context.ty(rare.x), value(context, rare, 0), context.operand(rare, 1));
    let size = counted(context, ty, length);
    // The elements are paid for when the array is there, which is seen only where fuel runs out.
    let made = context.make(size, |heap| aggregate::array_new(heap, ty, value, length))?;
    context.pay_for_elements(length)?;
    context.set_result(rare, made);
    Ok(())
}

pub(crate) fn array_new_default(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (ty, length) = (context.ty(rare.x), context.operand(rare, 0));
    let size = counted(context, ty, length);
    let made = context.make(size, |heap| aggregate::array_new_default(heap, ty, length))?;
    context.set_result(rare, made);
    Ok(())
}

/// `y` is the number of the elements' slots, `offset` the number of elements.
pub(crate) fn array_new_fixed(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let ty = context.ty(rare.x);
    context.pay_for_object(counted(context, ty, rare.offset as u32))?;
    let make = |heap: &mut Heap, values: &[u64]| aggregate::array_new_fixed(heap, ty, values);
    let made = context.allocate_from_row(rare.row, rare.y, make)?;
    context.set_result(rare, made);
    Ok(())
}

/// `y` is the segment.
pub(crate) fn array_new_data(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (ty, from, count) = (context.ty(rare.x), context.operand(rare, 0), context.operand(rare, 1));
    context.pay_for_elements(count)?;
    let (module, dropped) = (context.instance().module.clone(), context.instance().dropped_data[rare.y as usize]);
    let segment = if dropped { &[] } else { module.data(&module.description().data[rare.y as usize]) };
    let made = context.allocate(|heap| aggregate::array_new_data(heap, ty, segment, from, count))?;
    context.set_result(rare, made);
    Ok(())
}

/// `y` is the segment.
pub(crate) fn array_new_elem(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (ty, from, count) = (context.ty(rare.x), context.operand(rare, 0), context.operand(rare, 1));
    context.pay_for_elements(count)?;
    let segment = context.instance().elements[rare.y as usize].clone();
    let made = context.allocate(|heap| aggregate::array_new_elem(heap, ty, &segment, from, count))?;
    context.set_result(rare, made);
    Ok(())
}

/// Defines `array.get` or `array.get_u`, and `array.set`, for one representation of elements: the type in the array and
/// the type in slots.
macro_rules! array_accesses {
    ($($get:ident $set:ident: $element:ty as $value:ty, $narrow:expr;)*) => {$(
        pub(crate) fn $get(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (array, index) = (context.operand(rare, 0), context.operand(rare, 1));
            let value = aggregate::array_get::<$element>(&context.store.heap, array, index)?;
            context.set_result(rare, <$value>::from(value));
            Ok(())
        }

        pub(crate) fn $set(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (array, index) = (context.operand(rare, 0), context.operand(rare, 1));
            let narrow: fn($value) -> $element = $narrow;
            let value = narrow(context.operand(rare, 2));
            Ok(aggregate::array_set(&mut context.store.heap, array, index, value)?)
        }
    )*};
}

array_accesses! {
    array_get_8 array_set_8: u8 as u32, |value| value as u8;
    array_get_16 array_set_16: u16 as u32, |value| value as u16;
    array_get_32 array_set_32: u32 as u32, |value| value;
    array_get_64 array_set_64: u64 as u64, |value| value;
    array_get_vector array_set_vector: V128 as V128, |value| value;
}

pub(crate) fn array_get_i8_s(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (array, index) = (context.operand(rare, 0), context.operand(rare, 1));
    let value = aggregate::array_get_i8_s(&context.store.heap, array, index)?;
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn array_get_i16_s(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (array, index) = (context.operand(rare, 0), context.operand(rare, 1));
    let value = aggregate::array_get_i16_s(&context.store.heap, array, index)?;
    context.set_result(rare, value);
    Ok(())
}

pub(crate) fn array_len(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let array = context.operand(rare, 0);
    let length = aggregate::array_len(&context.store.heap, array)?;
    context.set_result(rare, length);
    Ok(())
}

/// `y` is the number of slots of the value.
pub(crate) fn array_fill(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (array, at) = (context.operand(rare, 0), context.operand(rare, 1));
    let (value, count) = (value(context, rare, 2), context.operand(rare, 3));
    context.pay_for_elements(count)?;
    Ok(aggregate::array_fill(&mut context.store.heap, array, at, value, count)?)
}

pub(crate) fn array_copy(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (target, to) = (context.operand(rare, 0), context.operand(rare, 1));
    let (source, from, count) = (context.operand(rare, 2), context.operand(rare, 3), context.operand(rare, 4));
    context.pay_for_elements(count)?;
    Ok(aggregate::array_copy(&mut context.store.heap, target, to, source, from, count)?)
}

/// `y` is the segment.
pub(crate) fn array_init_data(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (array, to) = (context.operand(rare, 0), context.operand(rare, 1));
    let (from, count) = (context.operand(rare, 2), context.operand(rare, 3));
    context.pay_for_elements(count)?;
    let instance = context.instance_address();
    let StoreInner { heap, instances, .. } = &mut *context.store;
    Ok(aggregate::array_init_data(heap, array, to, instances[instance].data(rare.y), from, count)?)
}

/// `y` is the segment.
pub(crate) fn array_init_elem(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (array, to) = (context.operand(rare, 0), context.operand(rare, 1));
    let (from, count) = (context.operand(rare, 2), context.operand(rare, 3));
    context.pay_for_elements(count)?;
    let instance = context.instance_address();
    let StoreInner { heap, instances, .. } = &mut *context.store;
    let segment = &instances[instance].elements[rare.y as usize];
    Ok(aggregate::array_init_elem(heap, array, to, segment, from, count)?)
}
