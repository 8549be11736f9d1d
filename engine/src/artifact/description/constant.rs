//! Checks of constant expressions, on a stack of types as in validation
//! ([Constant expressions](https://webassembly.github.io/spec/core/valid/instructions.html#constant-expressions)).

use super::require::{Checked, require};
use super::types::CheckedTypes;
use crate::wasm::composite::StorageType;
use crate::wasm::index::{FuncIndex, TypeIndex};
use crate::wasm::module::{ConstExpr, ConstOp, Function, Module};
use crate::wasm::types::*;

/// Checks that the expression yields a value of type `ty` and uses only the first `globals` globals.
pub(super) fn check_const(
    module: &Module,
    types: &CheckedTypes<'_>,
    expression: &ConstExpr,
    ty: ValType,
    globals: usize,
) -> Checked {
    let mut stack = OperandStack { module, types, operands: Vec::with_capacity(1) };
    for &op in &expression.0 {
        stack.step(op, globals)?;
    }
    require(stack.operands.len() == 1, "a constant expression does not yield one value")?;
    stack.pop(ty).map(|_| ()).map_err(|_| "a constant expression is of the wrong type".to_owned())
}

/// Checks that the function exists and can be referred to: it is imported, or has a reference.
pub(super) fn check_reference(module: &Module, function: FuncIndex) -> Checked {
    let found = module.functions.get(function.index()).ok_or("a function does not exist")?;
    let imported = function.0 < module.imported_functions;
    require(imported || found.func_ref.is_some(), "a function that escapes has no reference")
}

struct OperandStack<'a> {
    module: &'a Module,
    types: &'a CheckedTypes<'a>,
    operands: Vec<ValType>,
}

impl<'a> OperandStack<'a> {
    fn step(&mut self, op: ConstOp, globals: usize) -> Checked {
        let result = match op {
            ConstOp::I32Const(_) => ValType::I32,
            ConstOp::I64Const(_) => ValType::I64,
            ConstOp::F32Const(_) => ValType::F32,
            ConstOp::F64Const(_) => ValType::F64,
            ConstOp::V128Const(_) => ValType::V128,
            ConstOp::I32Add | ConstOp::I32Sub | ConstOp::I32Mul => self.binary(ValType::I32)?,
            ConstOp::I64Add | ConstOp::I64Sub | ConstOp::I64Mul => self.binary(ValType::I64)?,
            ConstOp::RefNull(heap) => {
                let null = RefType { nullable: true, heap };
                self.types.check_ref(null)?;
                ValType::Ref(null)
            }
            ConstOp::RefFunc(function) => {
                check_reference(self.module, function)?;
                let Function { ty, exact, .. } = self.module.functions[function.index()];
                let concrete = ConcreteType::in_module(CompositeKind::Func, ty.0);
                let heap = if exact { HeapType::Exact(concrete) } else { HeapType::Concrete(concrete) };
                ValType::Ref(RefType { nullable: false, heap })
            }
            ConstOp::GlobalGet(global) => {
                require(global.index() < globals, "a constant expression uses a global that does not exist yet")?;
                self.module.globals[global.index()].content
            }
            ConstOp::RefI31 => {
                self.pop(ValType::I32)?;
                ValType::Ref(RefType { nullable: false, heap: HeapType::I31 })
            }
            ConstOp::AnyConvertExtern => self.convert(HeapType::Extern, HeapType::Any)?,
            ConstOp::ExternConvertAny => self.convert(HeapType::Any, HeapType::Extern)?,
            ConstOp::StructNew(ty) => self.new_struct(ty, false, false)?,
            ConstOp::StructNewDefault(ty) => self.new_struct(ty, true, false)?,
            ConstOp::StructNewDesc(ty) => self.new_struct(ty, false, true)?,
            ConstOp::StructNewDefaultDesc(ty) => self.new_struct(ty, true, true)?,
            ConstOp::ArrayNew(ty) => {
                self.pop(ValType::I32)?;
                self.new_array(ty, 1)?
            }
            ConstOp::ArrayNewDefault(ty) => {
                self.pop(ValType::I32)?;
                require(has_default(self.element(ty)?), "an element has no default")?;
                self.new_array(ty, 0)?
            }
            ConstOp::ArrayNewFixed(ty, count) => self.new_array(ty, count)?,
        };
        self.operands.push(result);
        Ok(())
    }

    /// Pops an operand, which must be of a subtype of `wanted`. Returns its type.
    fn pop(&mut self, wanted: ValType) -> Result<ValType, String> {
        let found = self.operands.pop();
        let good = match (found, wanted) {
            (Some(ValType::Ref(found)), ValType::Ref(wanted)) => self.types.fits(found, wanted),
            (found, wanted) => found == Some(wanted),
        };
        let wrong = || "an operand of a constant expression is missing or of the wrong type".to_owned();
        found.filter(|_| good).ok_or_else(wrong)
    }

    fn binary(&mut self, ty: ValType) -> Result<ValType, String> {
        self.pop(ty)?;
        self.pop(ty)
    }

    /// Types the conversion of a reference, which keeps nullability.
    fn convert(&mut self, from: HeapType, to: HeapType) -> Result<ValType, String> {
        let ValType::Ref(found) = self.pop(ValType::Ref(RefType { nullable: true, heap: from }))? else {
            return Err("a conversion has an operand that is no reference".to_owned());
        };
        Ok(ValType::Ref(RefType { heap: to, ..found }))
    }

    fn new_struct(&mut self, ty: TypeIndex, default: bool, described: bool) -> Result<ValType, String> {
        let Some(CompositeType::Struct(record)) = self.composite(ty) else {
            return Err("a new struct has a type that is no struct type".to_owned());
        };
        require(
            record.descriptor.is_some() == described,
            "a new struct lacks its descriptor, or has one that its type does not have",
        )?;
        if let Some(descriptor) = record.descriptor {
            self.pop(ValType::Ref(RefType { nullable: true, heap: HeapType::Exact(descriptor) }))?;
        }
        for field in record.fields.iter().rev() {
            if default {
                require(has_default(field.storage), "a field has no default")?;
            } else {
                self.pop(field.storage.unpacked())?;
            }
        }
        Ok(reference(CompositeKind::Struct, ty))
    }

    /// Types a new array with `count` operands of its element type.
    fn new_array(&mut self, ty: TypeIndex, count: u32) -> Result<ValType, String> {
        let element = self.element(ty)?.unpacked();
        for _ in 0..count {
            self.pop(element)?;
        }
        Ok(reference(CompositeKind::Array, ty))
    }

    fn element(&self, ty: TypeIndex) -> Result<StorageType, String> {
        match self.composite(ty) {
            Some(CompositeType::Array(field)) => Ok(field.storage),
            _ => Err("a new array has a type that is no array type".to_owned()),
        }
    }

    fn composite(&self, ty: TypeIndex) -> Option<&'a CompositeType> {
        self.module.types.get(ty.index()).map(|ty| &ty.composite)
    }
}

/// Returns the type of a reference to a new object.
fn reference(kind: CompositeKind, ty: TypeIndex) -> ValType {
    ValType::Ref(RefType { nullable: false, heap: HeapType::Exact(ConcreteType::in_module(kind, ty.0)) })
}

/// Returns whether the type has a default value: zero or null.
fn has_default(storage: StorageType) -> bool {
    !matches!(storage, StorageType::Val(ValType::Ref(RefType { nullable: false, .. })))
}
