//! Makes a module deterministic, so that all engines that follow the specification show the same: NaNs are canonical,
//! and no wait lasts.

use super::nan;
use crate::rewrite::{Patch, Result, rewrite};
use wasm_encoder::Instruction;
use wasmparser::Operator;

/// Returns `wasm` with canonical NaNs, and with waits that time out at once.
///
/// # Errors
///
/// If `wasm` is not a valid module.
pub fn make_deterministic(wasm: &[u8]) -> Result<Vec<u8>> {
    rewrite(wasm, &mut |operator, _, scratch| match operator {
        // The timeout is on top of the stack.
        Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } => {
            Patch { before: vec![Instruction::Drop, Instruction::I64Const(0)], ..Patch::default() }
        }
        _ => nan::canonicalize(operator, scratch),
    })
}
