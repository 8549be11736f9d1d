//! Typed functions.
use super::*;
use crate::base::*;
use crate::wasm::types::*;
use core::marker::PhantomData;
/// A Rust type that is a WebAssembly value type: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`, `u128` (`v128`),
/// `Option<Func>`, `Option<ExternRef>`.
pub trait WasmTy: Copy + Send + Sync + 'static {
    /// The type.
    const TYPE: ValType;
}
macro_rules! ty { ($($rust:ty = $wasm:expr;)*) => {$(impl WasmTy for $rust { const TYPE: ValType = $wasm; })*}; }
ty! {
    i32 = ValType::I32; u32 = ValType::I32; i64 = ValType::I64; u64 = ValType::I64; f32 = ValType::F32;
    f64 = ValType::F64; u128 = ValType::V128; Option<Func> = ValType::FUNCREF; Option<ExternRef> = ValType::EXTERNREF;
}
/// Parameters of a [`TypedFunc`]: one value, or a tuple.
pub trait WasmParams: Copy + 'static {}
/// Results of a [`TypedFunc`]: one value, or a tuple.
pub trait WasmResults: Copy + 'static {}
/// What a host closure returns: results, or a [`Result`] of them.
pub trait WasmRet: 'static {}
impl<T: WasmTy> WasmParams for T {}
impl<T: WasmTy> WasmResults for T {}
impl<T: WasmResults> WasmRet for T {}
impl<T: WasmResults> WasmRet for Result<T> {}
macro_rules! tuple { ($($name:ident)*) => {
    impl<$($name: WasmTy,)*> WasmParams for ($($name,)*) {}
    impl<$($name: WasmTy,)*> WasmResults for ($($name,)*) {}
}; }
tuple!();
tuple!(A1);
tuple!(A1 A2);
tuple!(A1 A2 A3);
tuple!(A1 A2 A3 A4);
tuple!(A1 A2 A3 A4 A5);
tuple!(A1 A2 A3 A4 A5 A6);
tuple!(A1 A2 A3 A4 A5 A6 A7);
tuple!(A1 A2 A3 A4 A5 A6 A7 A8);
/// A function whose type was checked once.
#[derive(Clone, Copy)]
pub struct TypedFunc<P, R> {
    ty: PhantomData<fn(P) -> R>,
}
impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    /// Calls the function.
    pub fn call(&self, _store: impl AsContextMut, _params: P) -> Result<R> {
        todo!()
    }
    /// The function, untyped.
    pub fn func(&self) -> Func {
        todo!()
    }
}
