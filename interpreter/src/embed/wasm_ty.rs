//! Rust types for WebAssembly values, alone and in tuples, and the slots that they are read from and written to.

use crate::error::Result;
use crate::slot::RawRef;
use crate::store::StoreInner;
use crate::types::{RefType, ValType};
use crate::values::{AnyRef, ExnRef, ExternRef, Func, Val};

/// Slots of a store's stack, one value after the other.
pub struct Slots<'a> {
    store: &'a mut StoreInner,
    next: usize,
}

/// A Rust type that corresponds to a WebAssembly value type. Implemented by `i32`, `u32`, `i64`, `u64`, `f32`, `f64`,
/// `u128` (`v128`), `Option<Func>` (`funcref`), `Option<ExternRef>` (`externref`), `Option<AnyRef>` (`anyref`) and
/// `Option<ExnRef>` (`exnref`), and by no other types.
pub trait WasmTy: Send + Sync + Sized + 'static {
    /// The WebAssembly type.
    const TYPE: ValType;

    /// Takes a value of the type.
    #[doc(hidden)]
    fn read(slots: &mut Slots<'_>) -> Self;

    /// Writes the value.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the value belongs to another store.
    #[doc(hidden)]
    fn write(self, slots: &mut Slots<'_>) -> Result<()>;
}

/// A value, or a tuple of values.
pub trait ValueList: Sized + 'static {
    /// The WebAssembly types.
    const TYPES: &'static [ValType];

    /// Takes values of the types.
    #[doc(hidden)]
    fn read(slots: &mut Slots<'_>) -> Self;

    /// Writes the values.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if a value belongs to another store.
    #[doc(hidden)]
    fn write(self, slots: &mut Slots<'_>) -> Result<()>;
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

impl<'a> Slots<'a> {
    /// Returns the slots from `first` on, which end long before the stack does.
    pub(super) fn new(store: &'a mut StoreInner, first: usize) -> Slots<'a> {
        Slots { store, next: first }
    }

    /// Takes the bits of one slot.
    #[inline]
    fn take(&mut self) -> u64 {
        self.next += 1;
        self.store.stack[self.next - 1]
    }

    /// Writes one slot.
    #[inline]
    fn put(&mut self, bits: u64) {
        self.store.stack[self.next] = bits;
        self.next += 1;
    }

    /// Takes a value of a type of the store.
    pub(super) fn take_value(&mut self, ty: ValType) -> Val {
        let slots = [self.store.stack[self.next], self.store.stack[self.next + 1]];
        self.next += ty.slots();
        Val::take(ty, &mut &slots[..], self.store)
    }

    /// Writes a value, after a check that it is a `ty` of the store. `what` names it in errors.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the value is not a `ty` or belongs to another store.
    pub(super) fn put_value(&mut self, value: &Val, ty: ValType, what: &str) -> Result<()> {
        let bits = value.to_bits(self.store, ty, what)?.0;
        self.put(bits as u64);
        if ty.slots() == 2 {
            self.put((bits >> 64) as u64);
        }
        Ok(())
    }
}

macro_rules! numbers {
    ($($rust:ty = $wasm:ident, |$value:ident| $to_bits:expr, |$bits:ident| $from_bits:expr;)*) => {$(
        impl WasmTy for $rust {
            const TYPE: ValType = ValType::$wasm;

            #[inline]
            fn read(slots: &mut Slots<'_>) -> $rust {
                let $bits = slots.take();
                $from_bits
            }

            #[inline]
            fn write(self, slots: &mut Slots<'_>) -> Result<()> {
                let $value = self;
                slots.put($to_bits.into());
                Ok(())
            }
        }
    )*};
}

numbers! {
    i32 = I32, |value| value.cast_unsigned(), |bits| bits as i32;
    u32 = I32, |value| value, |bits| bits as u32;
    i64 = I64, |value| value.cast_unsigned(), |bits| bits.cast_signed();
    u64 = I64, |value| value, |bits| bits;
    f32 = F32, |value| value.to_bits(), |bits| f32::from_bits(bits as u32);
    f64 = F64, |value| value.to_bits(), |bits| f64::from_bits(bits);
}

impl WasmTy for u128 {
    const TYPE: ValType = ValType::V128;

    fn read(slots: &mut Slots<'_>) -> u128 {
        u128::from(slots.take()) | u128::from(slots.take()) << 64
    }

    fn write(self, slots: &mut Slots<'_>) -> Result<()> {
        slots.put(self as u64);
        slots.put((self >> 64) as u64);
        Ok(())
    }
}

impl WasmTy for Option<Func> {
    const TYPE: ValType = ValType::FUNCREF;

    fn read(slots: &mut Slots<'_>) -> Option<Func> {
        Func::from_raw(RawRef(slots.take()), slots.store)
    }

    fn write(self, slots: &mut Slots<'_>) -> Result<()> {
        let reference = self.map_or(Ok(RawRef::NULL), |func| func.address(slots.store).map(RawRef::from_func))?;
        slots.put(reference.0);
        Ok(())
    }
}

macro_rules! references {
    ($($rust:ident = $ty:expr;)*) => {$(
        impl WasmTy for Option<$rust> {
            const TYPE: ValType = ValType::Ref($ty);

            fn read(slots: &mut Slots<'_>) -> Option<$rust> {
                $rust::from_raw(RawRef(slots.take()), slots.store)
            }

            fn write(self, slots: &mut Slots<'_>) -> Result<()> {
                let reference = self.map_or(Ok(RawRef::NULL), |value| value.raw(slots.store))?;
                slots.put(reference.0);
                Ok(())
            }
        }
    )*};
}

references! {
    ExternRef = RefType::EXTERN;
    AnyRef = RefType::ANY;
    ExnRef = RefType::EXN;
}

impl<V: WasmTy> ValueList for V {
    const TYPES: &'static [ValType] = &[V::TYPE];

    #[inline]
    fn read(slots: &mut Slots<'_>) -> V {
        V::read(slots)
    }

    #[inline]
    fn write(self, slots: &mut Slots<'_>) -> Result<()> {
        V::write(self, slots)
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

pub(super) use for_each_arity;

macro_rules! tuple {
    ($($name:ident $value:ident)*) => {
        impl<$($name: WasmTy,)*> ValueList for ($($name,)*) {
            const TYPES: &'static [ValType] = &[$($name::TYPE),*];

            #[inline]
            fn read(slots: &mut Slots<'_>) -> Self {
                ($($name::read(slots),)*)
            }

            #[inline]
            fn write(self, slots: &mut Slots<'_>) -> Result<()> {
                let ($($value,)*) = self;
                $($value.write(slots)?;)*
                Ok(())
            }
        }
    };
}

for_each_arity!(tuple);

impl ValueList for () {
    const TYPES: &'static [ValType] = &[];

    fn read(_slots: &mut Slots<'_>) {}

    fn write(self, _slots: &mut Slots<'_>) -> Result<()> {
        Ok(())
    }
}
