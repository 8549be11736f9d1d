//! Rust types for WebAssembly values, and functions whose type was checked once.

use super::func::for_each_arity;
use super::store::StoreOpaque;
use super::values::func_ref_from_bits;
use super::{AnyRef, AsContextMut, ExternRef, Func};
use crate::abi::ValRaw;
use crate::base::Result;
use crate::wasm::types::ValType;
use core::fmt;
use core::marker::PhantomData;

/// A Rust type that stands for a WebAssembly value type: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`, `u128` (`v128`),
/// `Option<Func>` (`funcref`), `Option<ExternRef>` (`externref`), `Option<AnyRef>` (`anyref`). Others cannot be added.
pub trait WasmTy: Copy + Send + Sync + 'static {
    /// The type.
    const TYPE: ValType;

    /// For compiled code of this store, to which it must belong.
    #[doc(hidden)]
    fn into_slot(self, store: &StoreOpaque) -> Result<Slot>;

    /// From compiled code of this store.
    ///
    /// # Safety
    /// The slot holds a value of the type that belongs to the store.
    #[doc(hidden)]
    unsafe fn from_slot(slot: Slot, store: &mut StoreOpaque) -> Self;
}

/// A value as arrays between the host and compiled code hold it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Slot(ValRaw);

/// A value, or a tuple of values.
pub trait ValueList: Copy + 'static {
    /// The types.
    const TYPES: &'static [ValType];

    /// An array of as many slots.
    #[doc(hidden)]
    type Slots: Copy;

    /// For compiled code of this store, to which they must belong.
    #[doc(hidden)]
    fn into_slots(self, store: &StoreOpaque) -> Result<Self::Slots>;

    /// From compiled code of this store.
    ///
    /// # Safety
    /// The slots hold values of the types that belong to the store.
    #[doc(hidden)]
    unsafe fn from_slots(slots: Self::Slots, store: &mut StoreOpaque) -> Self;
}

/// Parameters of a [`TypedFunc`]: one [`WasmTy`], or a tuple of up to 16.
pub trait WasmParams: ValueList {}

/// Results of a [`TypedFunc`]: one [`WasmTy`], or a tuple of up to 16.
pub trait WasmResults: ValueList {}

impl<V: ValueList> WasmParams for V {}
impl<V: ValueList> WasmResults for V {}

/// What a host closure returns: [`WasmResults`], or a [`Result`] of them.
pub trait WasmRet: 'static {
    /// The results.
    #[doc(hidden)]
    type Values: WasmResults;

    /// The results, or the error that stops the caller.
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Values>;
}

impl<V: ValueList> WasmRet for V {
    type Values = V;

    fn into_result(self) -> Result<V> {
        Ok(self)
    }
}

impl<V: ValueList> WasmRet for Result<V> {
    type Values = V;

    fn into_result(self) -> Result<V> {
        self
    }
}

macro_rules! numbers {
    ($($rust:ty = $wasm:ident, |$value:ident| $to_bits:expr, |$raw:ident| $from_raw:expr;)*) => {$(
        impl WasmTy for $rust {
            const TYPE: ValType = ValType::$wasm;

            fn into_slot(self, _store: &StoreOpaque) -> Result<Slot> {
                let $value = self;
                Ok(Slot(ValRaw::from_bits($to_bits.into())))
            }

            unsafe fn from_slot(slot: Slot, _store: &mut StoreOpaque) -> $rust {
                let $raw = slot.0;
                $from_raw
            }
        }
    )*};
}

numbers! {
    i32 = I32, |value| value.cast_unsigned(), |raw| raw.low32().cast_signed();
    u32 = I32, |value| value, |raw| raw.low32();
    i64 = I64, |value| value.cast_unsigned(), |raw| raw.low64().cast_signed();
    u64 = I64, |value| value, |raw| raw.low64();
    f32 = F32, |value| value.to_bits(), |raw| f32::from_bits(raw.low32());
    f64 = F64, |value| value.to_bits(), |raw| f64::from_bits(raw.low64());
}

impl WasmTy for u128 {
    const TYPE: ValType = ValType::V128;

    fn into_slot(self, _store: &StoreOpaque) -> Result<Slot> {
        Ok(Slot(ValRaw::from_bits(self)))
    }

    unsafe fn from_slot(slot: Slot, _store: &mut StoreOpaque) -> u128 {
        slot.0.bits()
    }
}

impl WasmTy for Option<Func> {
    const TYPE: ValType = ValType::FUNCREF;

    fn into_slot(self, store: &StoreOpaque) -> Result<Slot> {
        self.map_or(Ok(()), |func| store.check(func.store(), "function"))?;
        Ok(Slot(ValRaw::from_bits((Func::to_ptr(self).expose_provenance() as u64).into())))
    }

    unsafe fn from_slot(slot: Slot, store: &mut StoreOpaque) -> Option<Func> {
        // SAFETY: the caller's contract.
        unsafe { Func::from_ptr(func_ref_from_bits(slot.0.low64()), store.id()) }
    }
}

impl WasmTy for Option<ExternRef> {
    const TYPE: ValType = ValType::EXTERNREF;

    fn into_slot(self, store: &StoreOpaque) -> Result<Slot> {
        let bits = self.map_or(Ok(0), |value| value.bits(store))?;
        Ok(Slot(ValRaw::from_bits(bits.into())))
    }

    unsafe fn from_slot(slot: Slot, store: &mut StoreOpaque) -> Option<ExternRef> {
        ExternRef::from_bits(slot.0.low32(), store)
    }
}

impl WasmTy for Option<AnyRef> {
    const TYPE: ValType = ValType::ANYREF;

    fn into_slot(self, store: &StoreOpaque) -> Result<Slot> {
        let bits = self.map_or(Ok(0), |value| value.bits(store))?;
        Ok(Slot(ValRaw::from_bits(bits.into())))
    }

    unsafe fn from_slot(slot: Slot, store: &mut StoreOpaque) -> Option<AnyRef> {
        AnyRef::from_bits(slot.0.low32(), store)
    }
}

impl<V: WasmTy> ValueList for V {
    const TYPES: &'static [ValType] = &[V::TYPE];

    type Slots = [Slot; 1];

    fn into_slots(self, store: &StoreOpaque) -> Result<[Slot; 1]> {
        Ok([self.into_slot(store)?])
    }

    unsafe fn from_slots([slot]: [Slot; 1], store: &mut StoreOpaque) -> V {
        // SAFETY: the caller's contract.
        unsafe { V::from_slot(slot, store) }
    }
}

macro_rules! tuple {
    ($($name:ident $value:ident)*) => {
        impl<$($name: WasmTy,)*> ValueList for ($($name,)*) {
            const TYPES: &'static [ValType] = &[$($name::TYPE),*];

            type Slots = [Slot; [$(stringify!($name)),*].len()];

            fn into_slots(self, store: &StoreOpaque) -> Result<Self::Slots> {
                let ($($value,)*) = self;
                Ok([$($value.into_slot(store)?),*])
            }

            unsafe fn from_slots([$($value),*]: Self::Slots, store: &mut StoreOpaque) -> Self {
                // SAFETY: the caller's contract.
                unsafe { ($($name::from_slot($value, store),)*) }
            }
        }
    };
}

for_each_arity!(tuple);

impl ValueList for () {
    const TYPES: &'static [ValType] = &[];

    type Slots = [Slot; 0];

    fn into_slots(self, _store: &StoreOpaque) -> Result<[Slot; 0]> {
        Ok([])
    }

    unsafe fn from_slots(_: [Slot; 0], _store: &mut StoreOpaque) {}
}

/// A [`Func`] whose type was checked once, so that a call converts and checks nothing that it need not.
pub struct TypedFunc<P, R> {
    func: Func,
    ty: PhantomData<fn(P) -> R>,
}

/// The one array of a call: arguments, then results.
#[derive(Clone, Copy)]
#[repr(C)]
union Values<P: Copy, R: Copy> {
    params: P,
    results: R,
}

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    /// Calls the function.
    ///
    /// # Errors
    /// As [`Func::call`].
    ///
    /// # Panics
    /// When a host function panics.
    pub fn call(&self, mut store: impl AsContextMut, params: P) -> Result<R> {
        let mut store = store.as_context_mut().into_opaque();
        store.check(self.func.store(), "function")?;
        let mut values = Values::<P::Slots, R::Slots> { params: params.into_slots(&store)? };
        // SAFETY: the function is of this type and store, and so are the arguments; a slot is laid out as a `ValRaw`. The
        // call has written the results when it returns without an error.
        unsafe {
            self.func.call_raw(&mut store, (&raw mut values).cast())?;
            Ok(R::from_slots(values.results, &mut store))
        }
    }

    /// The function, untyped.
    pub fn func(&self) -> Func {
        self.func
    }

    /// A function that is of this type.
    pub(crate) fn unchecked(func: Func) -> TypedFunc<P, R> {
        TypedFunc { func, ty: PhantomData }
    }
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> TypedFunc<P, R> {
        *self
    }
}

impl<P, R> Copy for TypedFunc<P, R> {}

impl<P, R> fmt::Debug for TypedFunc<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedFunc").field(&self.func).finish()
    }
}
