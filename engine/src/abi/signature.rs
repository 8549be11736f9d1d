//! Signatures in terms of machine types. They are the keys of trampolines, so that function types that differ only in
//! the types of references share a trampoline.

use crate::wasm::types::{FuncType, ValType};
use core::fmt;
use serde::{Deserialize, Serialize};

/// The type of a value in machine code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(crate) enum MachineType {
    /// `i32`, and references that are offsets in the heap: all but those to functions.
    I32,
    /// `i64`, and references to functions, which are addresses.
    I64,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `v128`.
    V128,
}

/// A function type, lowered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(crate) struct LoweredSignature {
    /// The WebAssembly parameters, without the two vmctx.
    pub(crate) params: Box<[MachineType]>,
    /// The results.
    pub(crate) results: Box<[MachineType]>,
}

impl From<ValType> for MachineType {
    fn from(ty: ValType) -> MachineType {
        match ty {
            ValType::I32 => MachineType::I32,
            ValType::I64 => MachineType::I64,
            ValType::F32 => MachineType::F32,
            ValType::F64 => MachineType::F64,
            ValType::V128 => MachineType::V128,
            ValType::Ref(reference) if reference.heap.is_func() => MachineType::I64,
            ValType::Ref(_) => MachineType::I32,
        }
    }
}

impl From<&FuncType> for LoweredSignature {
    fn from(ty: &FuncType) -> LoweredSignature {
        LoweredSignature {
            params: ty.params.iter().map(|&ty| ty.into()).collect(),
            results: ty.results.iter().map(|&ty| ty.into()).collect(),
        }
    }
}

impl LoweredSignature {
    /// Returns the number of slots in an argument array for the signature: the larger of the two counts.
    #[cfg(feature = "compile")]
    pub(crate) fn slots(&self) -> usize {
        self.params.len().max(self.results.len())
    }
}

impl fmt::Display for LoweredSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |types: &[MachineType]| {
            types.iter().map(|ty| format!("{ty:?}").to_lowercase()).collect::<Vec<_>>().join(",")
        };
        write!(f, "{}->{}", names(&self.params), names(&self.results))
    }
}
