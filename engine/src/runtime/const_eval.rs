//! The evaluation of constant expressions at instantiation
//! ([Constant expressions](https://webassembly.github.io/spec/core/valid/instructions.html#constant-expressions)).

use super::bulk::{self, elements_price, object_price};
use super::gc;
use super::store::OpaqueMut;
use crate::abi::ValRaw;
use crate::abi::heap::{DESCRIPTOR, HEADER, Storage, StructLayout, array_size};
use crate::base::{Result, Trap};
use crate::wasm::composite::{CompositeType, FieldType};
use crate::wasm::index::TypeIndex;
use crate::wasm::module::{ConstExpr, ConstOp};
use smallvec::SmallVec;

/// An operand of an expression.
#[derive(Clone, Copy)]
struct Operand {
    value: ValRaw,
    /// True if the value is a reference that the collector must update.
    traced: bool,
}

/// The operand stack, the lowest operand first.
struct Operands(SmallVec<[Operand; 4]>);

/// Evaluates a constant expression of an instance. Validation has checked the types, and that the expression reads only
/// globals that are initialized before. It costs the fuel that the same instructions cost in a function. May collect.
///
/// # Errors
/// [`Trap::OutOfHeap`] if the heap cannot hold an object, [`Trap::NullReference`] if a descriptor is null,
/// [`Trap::OutOfFuel`], or the error of the limiter or of the deadline.
pub(crate) fn evaluate(store: &mut OpaqueMut<'_>, instance: u32, expression: &ConstExpr) -> Result<ValRaw> {
    bulk::begin(store, price(expression))?;
    let mut operands = Operands(SmallVec::new());
    for &op in &expression.0 {
        if op.is_binary() {
            let right = operands.pop();
            let left = operands.pop();
            operands.push(arithmetic(op, left, right), false);
            continue;
        }
        match op {
            ConstOp::I32Const(value) => operands.push(ValRaw::from_bits(value.cast_unsigned().into()), false),
            ConstOp::I64Const(value) => operands.push(ValRaw::from_bits(value.cast_unsigned().into()), false),
            ConstOp::F32Const(bits) => operands.push(ValRaw::from_bits(bits.into()), false),
            ConstOp::F64Const(bits) => operands.push(ValRaw::from_bits(bits.into()), false),
            ConstOp::V128Const(bits) => operands.push(ValRaw::from_bits(bits), false),
            ConstOp::RefNull(_) => operands.push(ValRaw::ZERO, false),
            ConstOp::GlobalGet(global) => {
                let global = store.instances[instance as usize].global(global);
                let global = &store.globals[global as usize];
                operands.push(global.get(), Storage::from(global.ty.content).is_traced());
            }
            ConstOp::RefFunc(function) => {
                let bits = store.instances[instance as usize].func_ref_bits(function);
                operands.push(ValRaw::from_bits(bits.into()), false);
            }
            ConstOp::RefI31 => {
                let value = operands.pop().low32();
                operands.push(ValRaw::from_bits((value << 1 | 1).into()), false);
            }
            ConstOp::AnyConvertExtern | ConstOp::ExternConvertAny => {}
            ConstOp::StructNew(ty) | ConstOp::StructNewDesc(ty) => {
                make_struct(store, instance, ty, false, &mut operands)?;
            }
            ConstOp::StructNewDefault(ty) | ConstOp::StructNewDefaultDesc(ty) => {
                make_struct(store, instance, ty, true, &mut operands)?;
            }
            ConstOp::ArrayNew(ty) => make_array(store, instance, ty, ArrayOf::Value, &mut operands)?,
            ConstOp::ArrayNewDefault(ty) => make_array(store, instance, ty, ArrayOf::Zeros, &mut operands)?,
            ConstOp::ArrayNewFixed(ty, count) => {
                make_array(store, instance, ty, ArrayOf::Operands(count), &mut operands)?;
            }
            _ => unreachable!("the others are binary"),
        }
    }
    Ok(operands.pop())
}

/// Returns the fuel that the instructions of an expression cost, without the objects that they make.
pub(crate) fn price(expression: &ConstExpr) -> u64 {
    expression.0.len() as u64
}

impl Operands {
    fn push(&mut self, value: ValRaw, traced: bool) {
        self.0.push(Operand { value, traced });
    }

    fn pop(&mut self) -> ValRaw {
        self.0.pop().expect("a valid constant expression has its operands").value
    }

    fn top(&self) -> ValRaw {
        self.0.last().expect("a valid constant expression has its operands").value
    }

    fn pop_many(&mut self, count: usize) -> SmallVec<[ValRaw; 4]> {
        let first = self.0.len() - count;
        self.0.drain(first..).map(|operand| operand.value).collect()
    }

    /// Runs `work`, and updates the operands to which a collection there moves objects.
    fn keep_during(
        &mut self,
        store: &mut OpaqueMut<'_>,
        work: impl FnOnce(&mut OpaqueMut<'_>) -> Result<u32>,
    ) -> Result<u32> {
        // The collector does not know this stack.
        let traced = || self.0.iter().filter(|operand| operand.traced).map(|operand| operand.value.low32());
        let mut references: SmallVec<[u32; 4]> = traced().collect();
        let result = gc::with_roots(store, &mut references, work)?;
        for (operand, reference) in self.0.iter_mut().filter(|operand| operand.traced).zip(references) {
            operand.value = ValRaw::from_bits(reference.into());
        }
        Ok(result)
    }

    /// Makes an object of `size` bytes, its fields zero.
    fn allocate(&mut self, store: &mut OpaqueMut<'_>, id: u32, word: u32, size: u64) -> Result<u32> {
        self.keep_during(store, |store| {
            bulk::begin(store, object_price(size))?;
            gc::allocate(store, id, word, size)
        })
    }
}

/// Returns the canonical id and the composite type of a type of the instance's module.
fn composite(store: &OpaqueMut<'_>, instance: u32, ty: TypeIndex) -> (u32, CompositeType) {
    let module = store.instances[instance as usize].module();
    (module.types().ids()[ty.index()], module.wasm().types[ty.index()].composite.clone())
}

fn make_struct(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    ty: TypeIndex,
    default: bool,
    operands: &mut Operands,
) -> Result<()> {
    let (id, CompositeType::Struct(ty)) = composite(store, instance, ty) else {
        unreachable!("validation has seen that the type is a struct's")
    };
    if ty.descriptor.is_some() && operands.top().low32() == 0 {
        return Err(Trap::NullReference.into());
    }
    let layout = StructLayout::from(&ty);
    let object = operands.allocate(store, id, 0, layout.size.into())?;
    if ty.descriptor.is_some() {
        store.write_field(object, DESCRIPTOR, Storage::Reference, operands.pop());
    }
    if !default {
        let values = operands.pop_many(ty.fields.len());
        for ((field, &offset), value) in ty.fields.iter().zip(&layout.offsets).zip(values) {
            store.write_field(object, offset, field.storage.into(), value);
        }
    }
    operands.push(ValRaw::from_bits(object.into()), true);
    Ok(())
}

/// The initial elements of a new array.
#[derive(Clone, Copy)]
enum ArrayOf {
    /// All elements are zero or null.
    Zeros,
    /// All elements are one operand.
    Value,
    /// Each element is an operand; there are this many.
    Operands(u32),
}

fn make_array(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    ty: TypeIndex,
    elements: ArrayOf,
    operands: &mut Operands,
) -> Result<()> {
    let (id, CompositeType::Array(FieldType { storage, .. })) = composite(store, instance, ty) else {
        unreachable!("validation has seen that the type is an array's")
    };
    let storage = Storage::from(storage);
    let length = match elements {
        ArrayOf::Operands(count) => count,
        ArrayOf::Zeros | ArrayOf::Value => operands.pop().low32(),
    };
    let mut array = operands.allocate(store, id, length, array_size(storage.size(), length))?;
    match elements {
        ArrayOf::Zeros => {}
        ArrayOf::Value => {
            store.charge(elements_price(length.into()))?;
            let value = operands.pop().bits();
            array = operands.keep_during(store, |store| gc::array_ops::fill(store, array, 0, value, length))?;
        }
        ArrayOf::Operands(count) => {
            for (index, value) in (0..).zip(operands.pop_many(count as usize)) {
                store.write_field(array, HEADER + index * storage.size(), storage, value);
            }
        }
    }
    operands.push(ValRaw::from_bits(array.into()), true);
    Ok(())
}

/// Evaluates the integer arithmetic of constant expressions.
fn arithmetic(op: ConstOp, left: ValRaw, right: ValRaw) -> ValRaw {
    let (narrow_left, narrow_right) = (left.low32(), right.low32());
    let (left, right) = (left.low64(), right.low64());
    ValRaw::from_bits(match op {
        ConstOp::I32Add => narrow_left.wrapping_add(narrow_right).into(),
        ConstOp::I32Sub => narrow_left.wrapping_sub(narrow_right).into(),
        ConstOp::I32Mul => narrow_left.wrapping_mul(narrow_right).into(),
        ConstOp::I64Add => left.wrapping_add(right).into(),
        ConstOp::I64Sub => left.wrapping_sub(right).into(),
        ConstOp::I64Mul => left.wrapping_mul(right).into(),
        _ => unreachable!("the others are not binary"),
    })
}
