//! What every module goes through before it is run, so that engines which do as the specification says show the same:
//! NaNs are canonical, and no wait lasts.

use super::nan;
use crate::rewrite::{Patch, Result, rewrite};
use wasm_encoder::Instruction;
use wasmparser::Operator;

/// `wasm` with canonical NaNs, and with waits that are over at once.
///
/// # Errors
///
/// When `wasm` is no valid module.
pub fn make_deterministic(wasm: &[u8]) -> Result<Vec<u8>> {
    rewrite(wasm, &mut |operator, _, scratch| match operator {
        // The time to wait is on top of the stack.
        Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } => {
            Patch { before: vec![Instruction::Drop, Instruction::I64Const(0)], ..Patch::default() }
        }
        _ => nan::canonicalize(operator, scratch),
    })
}
