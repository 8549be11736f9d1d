//! The evaluation of constant expressions at instantiation
//! ([Constant expressions](https://webassembly.github.io/spec/core/valid/instructions.html#constant-expressions)).

use super::gc;
use super::store::OpaqueMut;
use crate::abi::ValRaw;
use crate::abi::heap::{DESCRIPTOR, HEADER, Storage, StructLayout};
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
/// globals that are initialized before. May collect.
///
/// # Errors
/// [`Trap::OutOfHeap`] if the heap cannot hold an object, [`Trap::NullReference`] if a descriptor is null, or the
/// limiter's error.
pub(crate) fn evaluate(store: &mut OpaqueMut<'_>, instance: u32, expression: &ConstExpr) -> Result<ValRaw> {
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

    /// Makes an object by `make`, and updates the operands to which a collection there moves objects.
    fn allocate(
        &mut self,
        store: &mut OpaqueMut<'_>,
        make: impl FnOnce(&mut OpaqueMut<'_>) -> Result<u32>,
    ) -> Result<u32> {
        let began = store.heap.roots.begin_scope();
        // The collector does not know this stack, so its references are in a scope of roots meanwhile.
        let root = |operand: &Operand| operand.traced.then(|| store.root(operand.value.low32()));
        let roots: SmallVec<[_; 4]> = self.0.iter().map(root).collect();
        let made = make(store);
        for (operand, root) in self.0.iter_mut().zip(roots) {
            if let Some(root) = root {
                operand.value = ValRaw::from_bits(store.rooted(root)?.into());
            }
        }
        store.heap.roots.end_scope(began);
        made
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
    let object = operands.allocate(store, |store| gc::allocate(store, id, 0, layout.size.into()))?;
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
    let length = match elements {
        ArrayOf::Operands(count) => count,
        ArrayOf::Zeros | ArrayOf::Value => operands.pop().low32(),
    };
    let array = operands.allocate(store, |store| gc::array_ops::new(store, id, length))?;
    match elements {
        ArrayOf::Zeros => {}
        ArrayOf::Value => gc::array_ops::fill(store, array, 0, operands.pop().bits(), length)?,
        ArrayOf::Operands(count) => {
            let storage = Storage::from(storage);
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
