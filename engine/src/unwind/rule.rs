//! The rules of a row of call frame information, applied
//! ([DWARF 5, section 6.4.1](https://dwarfstd.org/dwarf5std.html); register numbers: [System V ABI, x86-64 supplement,
//! figure 3.36](https://gitlab.com/x86-psABIs/x86-64-ABI)).

use super::cursor::Row;
use super::frame::{ReadMemory, Registers, UnwindError};
use gimli::{CfaRule, Register, RegisterRule, X86_64};

/// The caller's registers, by the rules of the row that holds at the callee's pc.
///
/// ```text
/// CFA       = sp + n           in a prologue
///           = fp + 16          behind it
/// caller.sp = CFA
/// caller.pc = *(CFA - 8)
/// caller.fp = fp               before `push rbp`
///           = *(CFA - 16)      behind it
/// ```
pub(super) fn apply(row: &Row, callee: &Registers, memory: &impl ReadMemory) -> Result<Registers, UnwindError> {
    let cfa = match *row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => known(register, callee)?.wrapping_add_signed(offset),
        CfaRule::Expression(_) => return Err(UnwindError::Rule),
    };
    if cfa <= callee.sp {
        return Err(UnwindError::Stuck(cfa));
    }
    let recover = |register: Register| -> Result<u64, UnwindError> {
        match row.register(register) {
            // r' = r
            None | Some(RegisterRule::SameValue) => known(register, callee),
            // r' = *(CFA + n)
            Some(RegisterRule::Offset(offset)) => {
                let address = cfa.wrapping_add_signed(offset);
                memory.read_u64(address).ok_or(UnwindError::Memory(address))
            }
            Some(_) => Err(UnwindError::Rule),
        }
    };
    Ok(Registers { pc: recover(X86_64::RA)?, sp: cfa, fp: recover(X86_64::RBP)? })
}

/// The value of a register of the callee.
fn known(register: Register, callee: &Registers) -> Result<u64, UnwindError> {
    match register {
        X86_64::RSP => Ok(callee.sp),
        X86_64::RBP => Ok(callee.fp),
        _ => Err(UnwindError::Rule),
    }
}
