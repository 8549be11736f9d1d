//! WebAssembly values of the host, and their conversion from and to the raw values of compiled code.

use super::store::StoreOpaque;
use super::type_text::describe_value;
use super::{AnyRef, ArrayRef, ExnRef, ExternRef, Func, StructRef};
use crate::abi::ValRaw;
use crate::abi::vmctx::FuncRef;
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::references::Hierarchy;
use crate::wasm::types::{HeapType, RefType, ValType};
use core::ptr;

/// A WebAssembly value. Floats are stored as bits, so that no NaN loses its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Val {
    /// `i32`
    I32(i32),
    /// `i64`
    I64(i64),
    /// `f32`, its bits
    F32(u32),
    /// `f64`, its bits
    F64(u64),
    /// `v128`; lane 0 is the low bits
    V128(u128),
    /// `funcref`; `None` is null
    FuncRef(Option<Func>),
    /// `externref`; `None` is null
    ExternRef(Option<ExternRef>),
    /// `exnref`; `None` is null
    ExnRef(Option<ExnRef>),
    /// `anyref` and what is below it; `None` is null
    AnyRef(Option<AnyRef>),
}

impl Val {
    /// Returns the type. For a reference it is the top type of the variant, such as `anyref` for a struct.
    pub fn ty(&self) -> ValType {
        match self {
            Val::I32(_) => ValType::I32,
            Val::I64(_) => ValType::I64,
            Val::F32(_) => ValType::F32,
            Val::F64(_) => ValType::F64,
            Val::V128(_) => ValType::V128,
            Val::FuncRef(_) => ValType::FUNCREF,
            Val::ExternRef(_) => ValType::EXTERNREF,
            Val::ExnRef(_) => ValType::EXNREF,
            Val::AnyRef(_) => ValType::ANYREF,
        }
    }

    /// Returns the default value of a type: zero, or null even if the type is not nullable.
    pub fn default_for_ty(ty: ValType) -> Val {
        match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(0),
            ValType::Ref(reference) => match reference.heap.hierarchy() {
                Hierarchy::Func => Val::FuncRef(None),
                Hierarchy::Any => Val::AnyRef(None),
                Hierarchy::Exn => Val::ExnRef(None),
                Hierarchy::Extern => Val::ExternRef(None),
            },
        }
    }

    /// Returns the integer, if this is an `i32`.
    pub fn i32(&self) -> Option<i32> {
        match *self {
            Val::I32(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the integer, if this is an `i64`.
    pub fn i64(&self) -> Option<i64> {
        match *self {
            Val::I64(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the float, if this is an `f32`.
    pub fn f32(&self) -> Option<f32> {
        match *self {
            Val::F32(bits) => Some(f32::from_bits(bits)),
            _ => None,
        }
    }

    /// Returns the float, if this is an `f64`.
    pub fn f64(&self) -> Option<f64> {
        match *self {
            Val::F64(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Returns the most specific type of the value.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the value belongs to another store.
    fn exact_type(&self, store: &StoreOpaque) -> Result<ValType> {
        let some = |heap| ValType::Ref(RefType { nullable: false, heap });
        let null = |heap| ValType::Ref(RefType { nullable: true, heap });
        Ok(match self {
            Val::FuncRef(None) => null(HeapType::NoFunc),
            Val::ExternRef(None) => null(HeapType::NoExtern),
            Val::ExnRef(None) => null(HeapType::NoExn),
            Val::ExnRef(Some(exception)) => {
                exception.bits(store)?;
                some(HeapType::Exn)
            }
            Val::AnyRef(None) => null(HeapType::None),
            Val::AnyRef(Some(value)) => some(store.heap_type_of(value.bits(store)?)),
            Val::FuncRef(Some(func)) => some(HeapType::Exact(func.type_name(store)?)),
            Val::ExternRef(Some(value)) => {
                value.bits(store)?;
                some(HeapType::Extern)
            }
            number => number.ty(),
        })
    }

    /// Converts the value for compiled code, after a check that it is a `ty` of this store. `what` names it in errors.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the value is not a `ty` or belongs to another store.
    pub(crate) fn to_raw(self, store: &StoreOpaque, ty: ValType, what: &str) -> Result<ValRaw> {
        if !self.exact_type(store)?.matches(ty, &|ty, of| store.extends(ty, of)) {
            let [wanted, given] = [ty, self.ty()].map(|ty| describe_value(store.engine().types(), ty));
            let message = format!("{what} must be of type {wanted}, but is of type {given}");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(ValRaw::from_bits(match self {
            Val::I32(value) => value.cast_unsigned().into(),
            Val::I64(value) => value.cast_unsigned().into(),
            Val::F32(bits) => bits.into(),
            Val::F64(bits) => bits.into(),
            Val::V128(bits) => bits,
            Val::FuncRef(func) => {
                func.map_or(Ok(()), |func| store.check(func.store(), "function"))?;
                // Compiled code holds the address as an integer. Exposing its provenance here allows the way back in
                // `from_raw`.
                (Func::to_ptr(func).expose_provenance() as u64).into()
            }
            Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => 0,
            Val::ExnRef(Some(exception)) => exception.bits(store)?.into(),
            Val::AnyRef(Some(value)) => value.bits(store)?.into(),
            Val::ExternRef(Some(value)) => value.bits(store)?.into(),
        }))
    }

    /// Converts a value of compiled code. A reference into the heap is rooted in the innermost scope.
    ///
    /// # Safety
    /// `raw` holds a value of type `ty` of this store.
    pub(crate) unsafe fn from_raw(raw: ValRaw, ty: ValType, store: &mut StoreOpaque) -> Val {
        match ty {
            ValType::I32 => Val::I32(raw.low32().cast_signed()),
            ValType::I64 => Val::I64(raw.low64().cast_signed()),
            ValType::F32 => Val::F32(raw.low32()),
            ValType::F64 => Val::F64(raw.low64()),
            ValType::V128 => Val::V128(raw.bits()),
            ValType::Ref(reference) => match reference.heap.hierarchy() {
                // SAFETY: the caller's contract.
                Hierarchy::Func => Val::FuncRef(unsafe { Func::from_ptr(raw.func_ref(), store.id()) }),
                Hierarchy::Any => Val::AnyRef(AnyRef::from_bits(raw.low32(), store)),
                Hierarchy::Exn => Val::ExnRef(ExnRef::from_bits(raw.low32(), store)),
                Hierarchy::Extern => Val::ExternRef(ExternRef::from_bits(raw.low32(), store)),
            },
        }
    }
}

impl From<i32> for Val {
    fn from(value: i32) -> Val {
        Val::I32(value)
    }
}

impl From<i64> for Val {
    fn from(value: i64) -> Val {
        Val::I64(value)
    }
}

impl From<f32> for Val {
    fn from(value: f32) -> Val {
        Val::F32(value.to_bits())
    }
}

impl From<f64> for Val {
    fn from(value: f64) -> Val {
        Val::F64(value.to_bits())
    }
}

impl From<u128> for Val {
    fn from(value: u128) -> Val {
        Val::V128(value)
    }
}

impl From<Func> for Val {
    fn from(func: Func) -> Val {
        Val::FuncRef(Some(func))
    }
}

impl From<ExnRef> for Val {
    fn from(exception: ExnRef) -> Val {
        Val::ExnRef(Some(exception))
    }
}

impl From<AnyRef> for Val {
    fn from(value: AnyRef) -> Val {
        Val::AnyRef(Some(value))
    }
}

impl From<StructRef> for Val {
    fn from(value: StructRef) -> Val {
        Val::AnyRef(Some(value.into()))
    }
}

impl From<ArrayRef> for Val {
    fn from(value: ArrayRef) -> Val {
        Val::AnyRef(Some(value.into()))
    }
}

impl From<ExternRef> for Val {
    fn from(value: ExternRef) -> Val {
        Val::ExternRef(Some(value))
    }
}

impl ValRaw {
    /// Zero or null of any type: all bytes zero.
    pub(crate) const ZERO: ValRaw = ValRaw([0; 16]);

    /// Makes a value of its bits, zero-extended.
    pub(crate) fn from_bits(bits: u128) -> ValRaw {
        ValRaw(bits.to_le_bytes())
    }

    /// Returns all bits.
    pub(crate) fn bits(self) -> u128 {
        u128::from_le_bytes(self.0)
    }

    /// Returns the low 64 bits.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
    pub(crate) fn low64(self) -> u64 {
        self.bits() as u64
    }

    /// Returns the low 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "the low quarter is what is asked for")]
    pub(crate) fn low32(self) -> u32 {
        self.bits() as u32
    }

    /// Returns the function reference whose address the bits are.
    pub(crate) fn func_ref(self) -> *mut FuncRef {
        func_ref_from_bits(self.low64())
    }
}

/// Returns the function reference at an address that a table, global or value holds.
pub(crate) fn func_ref_from_bits(bits: u64) -> *mut FuncRef {
    ptr::with_exposed_provenance_mut(usize::try_from(bits).expect("64-bit hosts only"))
}
