//! The rules of call frame information, reduced to those that compiled code uses
//! ([DWARF 5, section 6.4.1](https://dwarfstd.org/dwarf5std.html)).

use super::arch::{FRAME_POINTER, RETURN_ADDRESS, STACK_POINTER};
use super::frame::{ReadMemory, Registers, UnwindError};
use gimli::{CfaRule, Register, RegisterRule, UnwindTableRow};

/// A row of call frame information, in storage that needs no heap.
pub(super) type Row = UnwindTableRow<usize, RowStorage>;

/// Room for the rows that the compiler makes: they have rules for the return address, the frame pointer and, in entry
/// trampolines, the callee-saved registers. In an epilogue the row of the body is kept beside the current one.
pub(super) struct RowStorage;

impl gimli::UnwindContextStorage<usize> for RowStorage {
    type Rules = [(Register, RegisterRule<usize>); 32];
    type Stack = [UnwindTableRow<usize, Self>; 2];
}

/// The rule that leads from a callee's registers at a certain pc to its caller's: a row of call frame information,
/// reduced to what compiled code uses, so that it is small enough to cache.
///
/// ```text
/// CFA       = sp + n           in a prologue, and at the end of an epilogue
///           = fp + n           between them
/// caller.sp = CFA
/// caller.pc = *(CFA - 8)
/// caller.fp = fp               before `push rbp`, and after `pop rbp`
///           = *(CFA - 16)      between them
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    /// The CFA, as a register of the callee plus an offset.
    cfa: (Known, i64),
    pc: Source,
    fp: Source,
}

/// A register that a walk carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    Sp,
    Fp,
}

/// The source of a register of the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// `r' = a register of the callee`
    Callee(Known),
    /// `r' = *(CFA + n)`
    Saved(i64),
}

impl Rule {
    /// Returns the rule of a row.
    ///
    /// # Errors
    /// If the row is of a kind that Cranelift does not make.
    pub(super) fn of(row: &Row) -> Result<Rule, UnwindError> {
        let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else { return Err(UnwindError::Rule) };
        let source = |register: Register| match row.register(register) {
            None | Some(RegisterRule::SameValue) => Ok(Source::Callee(Known::of(register)?)),
            Some(RegisterRule::Offset(offset)) => Ok(Source::Saved(offset)),
            Some(_) => Err(UnwindError::Rule),
        };
        Ok(Rule { cfa: (Known::of(register)?, offset), pc: source(RETURN_ADDRESS)?, fp: source(FRAME_POINTER)? })
    }

    /// Returns the caller's registers.
    ///
    /// # Errors
    /// If the stack cannot be read, or the caller's frame is not above the callee's.
    pub(crate) fn apply(&self, callee: &Registers, memory: &impl ReadMemory) -> Result<Registers, UnwindError> {
        let (register, offset) = self.cfa;
        let cfa = register.of_callee(callee).wrapping_add_signed(offset);
        if cfa <= callee.sp {
            return Err(UnwindError::Stuck(cfa));
        }
        let recover = |source| match source {
            Source::Callee(register) => Ok(register.of_callee(callee)),
            Source::Saved(offset) => {
                let address = cfa.wrapping_add_signed(offset);
                memory.read_u64(address).ok_or(UnwindError::Memory(address))
            }
        };
        Ok(Registers { pc: recover(self.pc)?, sp: cfa, fp: recover(self.fp)? })
    }
}

impl Known {
    fn of(register: Register) -> Result<Known, UnwindError> {
        match register {
            STACK_POINTER => Ok(Known::Sp),
            FRAME_POINTER => Ok(Known::Fp),
            _ => Err(UnwindError::Rule),
        }
    }

    fn of_callee(self, callee: &Registers) -> u64 {
        match self {
            Known::Sp => callee.sp,
            Known::Fp => callee.fp,
        }
    }
}

/// Returns where a row saves each preserved register; see [`UnwindTables::preserved`](super::cursor::UnwindTables).
///
/// # Errors
/// If a rule is of a kind that compiled code does not use.
#[cfg(feature = "probes")]
pub(super) fn saved_at(row: &Row) -> Result<[Option<i64>; 5], UnwindError> {
    let mut saved = [None; 5];
    for (slot, register) in saved.iter_mut().zip(super::arch::PRESERVED) {
        *slot = match row.register(register) {
            None | Some(RegisterRule::SameValue) => None,
            Some(RegisterRule::Offset(offset)) => Some(offset),
            Some(_) => return Err(UnwindError::Rule),
        };
    }
    Ok(saved)
}
