//! Values of every type, and their conversion to and from slots.

use super::{AnyRef, ArrayRef, ContRef, ExnRef, ExternRef, Func, Referents, StructRef};
use crate::error::{Error, ErrorKind, Result};
use crate::slot::{RawRef, V128};
use crate::types::{HeapType, RefType, TypeId, ValType};
use alloc::format;
use alloc::vec::Vec;

/// A WebAssembly value. Floats are stored as bits, so that no NaN loses its payload.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// `contref` and what is below it; `None` is null
    ContRef(Option<ContRef>),
    /// `anyref` and what is below it; `None` is null
    AnyRef(Option<AnyRef>),
}

/// The top types of references, below which are all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hierarchy {
    Func,
    Extern,
    Exn,
    Cont,
    Any,
}

impl Hierarchy {
    /// Returns the hierarchy of a type.
    fn of_type(ty: RefType, store: &impl Referents) -> Hierarchy {
        match ty.heap.defined().map_or(ty.heap.unshared(), |id| store.types().kind(id)) {
            HeapType::Func | HeapType::NoFunc => Hierarchy::Func,
            HeapType::Extern | HeapType::NoExtern => Hierarchy::Extern,
            HeapType::Exn | HeapType::NoExn => Hierarchy::Exn,
            HeapType::Cont | HeapType::NoCont => Hierarchy::Cont,
            _ => Hierarchy::Any,
        }
    }
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
            Val::ExnRef(_) => ValType::Ref(RefType::EXN),
            Val::ContRef(_) => ValType::Ref(RefType::CONT),
            Val::AnyRef(_) => ValType::Ref(RefType::ANY),
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

    /// Returns the default value of a type of the store: zero, or null even if the type is not nullable.
    pub(crate) fn default_in(ty: ValType, store: &impl Referents) -> Val {
        match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(0),
            ValType::Ref(ty) => match Hierarchy::of_type(ty, store) {
                Hierarchy::Func => Val::FuncRef(None),
                Hierarchy::Any => Val::AnyRef(None),
                Hierarchy::Exn => Val::ExnRef(None),
                Hierarchy::Cont => Val::ContRef(None),
                Hierarchy::Extern => Val::ExternRef(None),
            },
        }
    }

    /// Returns the most specific type of the value.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the value belongs to another store.
    fn exact_type(&self, store: &impl Referents) -> Result<ValType> {
        let reference = self.reference(store)?;
        let heap = match (self, reference) {
            (_, None) => return Ok(self.ty()),
            (Val::FuncRef(None), _) => HeapType::NoFunc,
            (Val::ExternRef(None), _) => HeapType::NoExtern,
            (Val::ExnRef(None), _) => HeapType::NoExn,
            (Val::ContRef(None), _) => HeapType::NoCont,
            (Val::AnyRef(None), _) => HeapType::None,
            (Val::ExternRef(_), _) => HeapType::Extern,
            (Val::ExnRef(_), _) => HeapType::Exn,
            (_, Some(reference)) => store.heap_type_of(reference),
        };
        Ok(ValType::Ref(RefType { nullable: reference == Some(RawRef::NULL), heap }))
    }

    /// Returns the reference, if this is one.
    fn reference(&self, store: &impl Referents) -> Result<Option<RawRef>> {
        Ok(Some(match self {
            Val::FuncRef(Some(func)) => RawRef::from_func(func.address(store)?),
            Val::ExternRef(Some(value)) => value.raw(store)?,
            Val::ExnRef(Some(exception)) => exception.raw(store)?,
            Val::ContRef(Some(continuation)) => continuation.raw(store)?,
            Val::AnyRef(Some(value)) => value.raw(store)?,
            Val::FuncRef(None) | Val::ExternRef(None) | Val::ExnRef(None) | Val::ContRef(None) | Val::AnyRef(None) => {
                RawRef::NULL
            }
            _ => return Ok(None),
        }))
    }

    /// Returns the bits of the value, after a check that it is a `ty` of this store. `what` names it in errors.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the value is not a `ty` or belongs to another store.
    pub(crate) fn to_bits(&self, store: &impl Referents, ty: ValType, what: &str) -> Result<V128> {
        let own = shared_like(self.exact_type(store)?, ty, store);
        if !store.types().val_matches(own, ty) {
            let [wanted, given] = [ty, own].map(|ty| store.types().describe_value(ty));
            let message = format!("{what} must be of type {wanted}, but is of type {given}");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(V128(match *self {
            Val::I32(value) => value.cast_unsigned().into(),
            Val::I64(value) => value.cast_unsigned().into(),
            Val::F32(bits) => bits.into(),
            Val::F64(bits) => bits.into(),
            Val::V128(bits) => bits,
            _ => self.reference(store)?.unwrap_or(RawRef::NULL).0.into(),
        }))
    }

    /// Takes a value of a type of the store from the front of slots. The value holds the object to which a reference
    /// leads.
    pub(crate) fn take(ty: ValType, slots: &mut &[u64], store: &mut impl Referents) -> Val {
        let (own, rest) = slots.split_at(ty.slots());
        *slots = rest;
        let bits = own[0];
        match ty {
            ValType::I32 => Val::I32(bits as i32),
            ValType::I64 => Val::I64(bits.cast_signed()),
            ValType::F32 => Val::F32(bits as u32),
            ValType::F64 => Val::F64(bits),
            ValType::V128 => Val::V128(u128::from(bits) | u128::from(own[1]) << 64),
            ValType::Ref(ty) => match Hierarchy::of_type(ty, store) {
                Hierarchy::Func => Val::FuncRef(Func::from_raw(RawRef(bits), store)),
                Hierarchy::Any => Val::AnyRef(AnyRef::from_raw(RawRef(bits), store)),
                Hierarchy::Exn => Val::ExnRef(ExnRef::from_raw(RawRef(bits), store)),
                Hierarchy::Cont => Val::ContRef(ContRef::from_raw(RawRef(bits), store)),
                Hierarchy::Extern => Val::ExternRef(ExternRef::from_raw(RawRef(bits), store)),
            },
        }
    }
}

/// Returns the type of a value as shared, if the wanted type is and nothing about the value says whether it is: a null,
/// an integer of 31 bits, or a value of the host.
fn shared_like(own: ValType, wanted: ValType, store: &impl Referents) -> ValType {
    match (own, wanted) {
        (ValType::Ref(own), ValType::Ref(wanted)) if store.types().is_shared(wanted.heap) => {
            ValType::Ref(RefType { heap: own.heap.shared(), ..own })
        }
        _ => own,
    }
}

/// Returns the slots of a value. One that is no vector has only the first.
pub(super) fn slots_of(bits: V128) -> [u64; 2] {
    [bits.0 as u64, (bits.0 >> 64) as u64]
}

/// Returns the slots of values, after a check of their types. `what` names a value in errors.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if a value is not of its type or belongs to another store.
pub(crate) fn to_slots<'a>(
    store: &impl Referents,
    values: impl IntoIterator<Item = (&'a Val, ValType<TypeId>)>,
    what: &str,
) -> Result<Vec<u64>> {
    let mut slots = Vec::new();
    for (value, ty) in values {
        slots.extend_from_slice(&slots_of(value.to_bits(store, ty, what)?)[..ty.slots()]);
    }
    Ok(slots)
}

macro_rules! conversions {
    ($($ty:ty: $value:ident => $val:expr;)*) => {
        $(impl From<$ty> for Val {
            fn from($value: $ty) -> Val {
                $val
            }
        })*
    };
}

conversions! {
    i32: value => Val::I32(value);
    i64: value => Val::I64(value);
    f32: value => Val::F32(value.to_bits());
    f64: value => Val::F64(value.to_bits());
    u128: value => Val::V128(value);
    Func: func => Val::FuncRef(Some(func));
    ExternRef: value => Val::ExternRef(Some(value));
    ExnRef: exception => Val::ExnRef(Some(exception));
    ContRef: continuation => Val::ContRef(Some(continuation));
    AnyRef: value => Val::AnyRef(Some(value));
    StructRef: object => Val::AnyRef(Some(object.into()));
    ArrayRef: array => Val::AnyRef(Some(array.into()));
}
