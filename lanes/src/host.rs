//! Host functions as data, so that they behave the same in every lane, in this process or in another.

use crate::{HeapType, ValType, Value};
use serde::{Deserialize, Serialize};

/// A host function. Each call is recorded as a [`HostCall`](crate::HostCall) before it does anything else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostFunc {
    /// The module name to import it by.
    pub module: String,
    /// The name to import it by.
    pub name: String,
    /// Parameter types.
    pub params: Vec<ValType>,
    /// Result types.
    pub results: Vec<ValType>,
    /// The behavior of the function.
    pub behavior: Behavior,
}

/// The behavior of a host function when it is called.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Behavior {
    /// Returns these values.
    Return(Vec<Value>),
    /// Calls the first argument, a function reference, with the other arguments, and returns its results. What stops
    /// the callee stops the caller. A null reference is a host error.
    Call,
    /// Returns an error with this text, which the embedder gets back as [`Failure::Host`](crate::Failure::Host).
    Fail(String),
    /// Collects garbage, where the lane can be asked for that, and returns nothing.
    Collect,
    /// Panics with this text. The panic is caught outside of WebAssembly and becomes
    /// [`Failure::Panic`](crate::Failure::Panic).
    Panic(String),
}

impl HostFunc {
    fn new(module: &str, name: &str, params: &[ValType], results: &[ValType], behavior: Behavior) -> HostFunc {
        HostFunc {
            module: module.to_string(),
            name: name.to_string(),
            params: params.to_vec(),
            results: results.to_vec(),
            behavior,
        }
    }

    /// A function that returns zeros and nulls.
    pub fn returning_zeros(module: &str, name: &str, params: &[ValType], results: &[ValType]) -> HostFunc {
        let zeros = results.iter().copied().map(Value::zero).collect();
        HostFunc::new(module, name, params, results, Behavior::Return(zeros))
    }
}

/// The functions of the module `spectest` that official scripts import
/// (<https://github.com/WebAssembly/spec/tree/main/interpreter#spectest-host-module>). A session adds its globals
/// (`global_i32`, `global_i64` = 666; `global_f32`, `global_f64` = 666.6), `table` (10 to 20 `funcref`) and `memory` (1
/// to 2 pages); with 64-bit tables also `table64` (like `table`), and with threads also `shared_memory` (like
/// `memory`).
pub fn spectest_functions() -> Vec<HostFunc> {
    use ValType::{F32, F64, I32, I64};
    let signatures: [(&str, &[ValType]); 7] = [
        ("print", &[]),
        ("print_i32", &[I32]),
        ("print_i64", &[I64]),
        ("print_f32", &[F32]),
        ("print_f64", &[F64]),
        ("print_i32_f32", &[I32, F32]),
        ("print_f64_f64", &[F64, F64]),
    ];
    signatures.iter().map(|(name, params)| HostFunc::returning_zeros("spectest", name, params, &[])).collect()
}

/// The functions of the module `host`, for traps and errors that cross the host in our own scripts.
///
/// - `call: (funcref) -> ()` and `call_i32: (funcref, i32) -> (i32)` call the reference;
/// - `fail: () -> ()` returns a host error;
/// - `panic: () -> ()` panics.
pub fn extra_host_functions() -> Vec<HostFunc> {
    const FUNCREF: ValType = ValType::Ref(HeapType::Func);
    let fail = Behavior::Fail("host.fail was called".to_string());
    let panic = Behavior::Panic("host.panic was called".to_string());
    vec![
        HostFunc::new("host", "call", &[FUNCREF], &[], Behavior::Call),
        HostFunc::new("host", "call_i32", &[FUNCREF, ValType::I32], &[ValType::I32], Behavior::Call),
        HostFunc::new("host", "fail", &[], &[], fail),
        HostFunc::new("host", "panic", &[], &[], panic),
    ]
}

/// The functions of the module `wasmtime`, which scripts of Wasmtime's own suite import: `gc: () -> ()` collects
/// garbage. A session does not have them by itself.
pub fn wasmtime_functions() -> Vec<HostFunc> {
    vec![HostFunc::new("wasmtime", "gc", &[], &[], Behavior::Collect)]
}
