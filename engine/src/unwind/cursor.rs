//! One step of a walk, from a frame to its caller's.

use super::frame::{FrameAddress, ReadMemory, Registers, UnwindError};
use super::rule;
use crate::artifact::unwind::FrameIndex;
use gimli::{BaseAddresses, EhFrame, NativeEndian, UnwindContext, UnwindSection, UnwindTableRow};

/// The unwind tables of one piece of loaded code.
#[derive(Clone, Copy)]
pub(crate) struct UnwindTables<'a> {
    /// `.eh_frame`.
    pub(crate) eh_frame: &'a [u8],
    /// Where `.eh_frame` is loaded.
    pub(crate) eh_frame_address: u64,
    /// `.eh_frame_hdr`.
    pub(crate) eh_frame_hdr: &'a [u8],
    /// Where `.eh_frame_hdr` is loaded.
    pub(crate) eh_frame_hdr_address: u64,
}

/// A row of call frame information, in storage that needs no heap. Cranelift's rows have rules for the return address,
/// the frame pointer and in entry trampolines the callee-saved registers, and never nest.
pub(super) type Row = UnwindTableRow<usize, Inline>;

pub(super) struct Inline;

impl gimli::UnwindContextStorage<usize> for Inline {
    type Rules = [(gimli::Register, gimli::RegisterRule<usize>); 32];
    type Stack = [UnwindTableRow<usize, Self>; 2];
}

impl UnwindTables<'_> {
    /// The registers of the caller of the frame at `address`, whose registers are `callee`.
    ///
    /// `.eh_frame` is exact at every instruction that can trap and at every call; it is not between the end of an
    /// epilogue and its `ret`, where no walk starts.
    pub(crate) fn step(
        &self,
        callee: &Registers,
        address: FrameAddress,
        memory: &impl ReadMemory,
    ) -> Result<Registers, UnwindError> {
        let pc = address.lookup();
        let nothing = UnwindError::NoFunction(pc);
        let fde = FrameIndex::new(self.eh_frame_hdr).lookup(pc, self.eh_frame_hdr_address).ok_or(nothing)?;
        let offset = fde.checked_sub(self.eh_frame_address).and_then(|offset| usize::try_from(offset).ok());
        let bases = BaseAddresses::default().set_eh_frame(self.eh_frame_address);
        let section = EhFrame::new(self.eh_frame, NativeEndian);
        let fde = section
            .fde_from_offset(&bases, offset.ok_or(nothing)?.into(), EhFrame::cie_from_offset)
            .map_err(UnwindError::Broken)?;
        if !fde.contains(pc) {
            return Err(nothing);
        }
        let mut context = UnwindContext::<usize, Inline>::new_in();
        let row = fde.unwind_info_for_address(&section, &bases, &mut context, pc).map_err(UnwindError::Broken)?;
        rule::apply(row, callee, memory)
    }
}

/// The same step by the frame pointer alone: it holds wherever the prologue is done, so at every call. Tests and
/// debugging builds compare it with [`UnwindTables::step`].
///
/// ```text
/// caller.fp = *fp
/// caller.pc = *(fp + 8)
/// caller.sp = fp + 16
/// ```
pub(crate) fn step_by_frame_pointer(callee: &Registers, memory: &impl ReadMemory) -> Result<Registers, UnwindError> {
    if callee.fp < callee.sp {
        return Err(UnwindError::Stuck(callee.fp));
    }
    let read = |address| memory.read_u64(address).ok_or(UnwindError::Memory(address));
    Ok(Registers { pc: read(callee.fp.wrapping_add(8))?, sp: callee.fp.wrapping_add(16), fp: read(callee.fp)? })
}
