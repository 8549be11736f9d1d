//! Rust types for WebAssembly values, alone and in tuples.

use super::Func;
use crate::abi::ValRaw;
use crate::base::Result;
use crate::runtime::store::StoreOpaque;
use crate::runtime::val::func_ref_from_bits;
use crate::runtime::{AnyRef, ExternRef};
use crate::wasm::types::ValType;

/// A Rust type that corresponds to a WebAssembly value type. Implemented by `i32`, `u32`, `i64`, `u64`, `f32`, `f64`,
/// `u128` (`v128`), `Option<Func>` (`funcref`), `Option<ExternRef>` (`externref`) and `Option<AnyRef>` (`anyref`), and
/// by no other types.
pub trait WasmTy: Copy + Send + Sync + 'static {
    /// The WebAssembly type.
    const TYPE: ValType;

    /// Converts the value for compiled code of a store.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the value belongs to another store.
    #[doc(hidden)]
    fn into_slot(self, store: &StoreOpaque) -> Result<Slot>;

    /// Converts a value from compiled code of a store.
    ///
    /// # Safety
    /// The slot holds a value of the type that belongs to the store.
    #[doc(hidden)]
    unsafe fn from_slot(slot: Slot, store: &mut StoreOpaque) -> Self;
}

/// A value in the representation of arrays between the host and compiled code.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Slot(ValRaw);

/// A value, or a tuple of values.
pub trait ValueList: Copy + 'static {
    /// The WebAssembly types.
    const TYPES: &'static [ValType];

    /// An array with a slot for each value.
    #[doc(hidden)]
    type Slots: Copy;

    /// Converts the values for compiled code of a store.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if a value belongs to another store.
    #[doc(hidden)]
    fn into_slots(self, store: &StoreOpaque) -> Result<Self::Slots>;

    /// Converts values from compiled code of a store.
    ///
    /// # Safety
    /// The slots hold values of the types that belong to the store.
    #[doc(hidden)]
    unsafe fn from_slots(slots: Self::Slots, store: &mut StoreOpaque) -> Self;
}

/// Parameters of a [`TypedFunc`](crate::TypedFunc): one [`WasmTy`], or a tuple of up to 16.
pub trait WasmParams: ValueList {}

/// Results of a [`TypedFunc`](crate::TypedFunc): one [`WasmTy`], or a tuple of up to 16.
pub trait WasmResults: ValueList {}

impl<V: ValueList> WasmParams for V {}
impl<V: ValueList> WasmResults for V {}

/// The return type of a host closure: [`WasmResults`], or a [`Result`] of them.
pub trait WasmRet: 'static {
    /// The type of the results.
    #[doc(hidden)]
    type Values: WasmResults;

    /// Returns the results.
    ///
    /// # Errors
    /// The closure's error, which stops the caller.
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
        // Compiled code holds the address as an integer. Exposing its provenance here allows the way back in
        // `from_slot`.
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

/// Invokes a macro for each arity from 1 to 16, with a type name and a value name for each item.
macro_rules! for_each_arity {
    ($macro:ident) => {
        $macro!(A1 a1);
        $macro!(A1 a1 A2 a2);
        $macro!(A1 a1 A2 a2 A3 a3);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8 A9 a9);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8 A9 a9 A10 a10);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8 A9 a9 A10 a10 A11 a11);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8 A9 a9 A10 a10 A11 a11 A12 a12);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8 A9 a9 A10 a10 A11 a11 A12 a12 A13 a13);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8 A9 a9 A10 a10 A11 a11 A12 a12 A13 a13 A14 a14);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8 A9 a9 A10 a10 A11 a11 A12 a12 A13 a13 A14 a14 A15 a15);
        $macro!(A1 a1 A2 a2 A3 a3 A4 a4 A5 a5 A6 a6 A7 a7 A8 a8
            A9 a9 A10 a10 A11 a11 A12 a12 A13 a13 A14 a14 A15 a15 A16 a16);
    };
}

pub(crate) use for_each_arity;

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
