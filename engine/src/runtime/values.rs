//! Values.
use super::*;
use crate::base::*;
use crate::wasm::types::*;

/// A WebAssembly value. Floats are their bits, so that no NaN loses its payload.
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
    /// `v128`, little-endian: lane 0 is the low bits
    V128(u128),
    /// `funcref`; `None` is null
    FuncRef(Option<Func>),
    /// `externref`; `None` is null
    ExternRef(Option<ExternRef>),
}
impl Val {
    /// The type.
    pub fn ty(&self) -> ValType {
        todo!()
    }
    /// Zero or null of a type.
    pub fn default_for(_ty: ValType) -> Val {
        todo!()
    }
    /// The integer, if it is an `i32`.
    pub fn i32(&self) -> Option<i32> {
        todo!()
    }
    /// The integer, if it is an `i64`.
    pub fn i64(&self) -> Option<i64> {
        todo!()
    }
    /// The float, if it is an `f32`.
    pub fn f32(&self) -> Option<f32> {
        todo!()
    }
    /// The float, if it is an `f64`.
    pub fn f64(&self) -> Option<f64> {
        todo!()
    }
}
