//! The step from a frame to its caller's.

use super::frame::{FrameAddress, ReadMemory, Registers, UnwindError};
use super::rule::{Row, RowStorage, Rule};
use crate::artifact::unwind::FrameIndex;
use gimli::{BaseAddresses, EhFrame, NativeEndian, UnwindContext, UnwindSection};

/// The unwind tables of one piece of loaded code.
#[derive(Clone, Copy)]
pub(crate) struct UnwindTables<'a> {
    /// `.eh_frame`.
    pub(crate) eh_frame: &'a [u8],
    /// The address of `.eh_frame`.
    pub(crate) eh_frame_address: u64,
    /// `.eh_frame_hdr`.
    pub(crate) eh_frame_hdr: &'a [u8],
    /// The address of `.eh_frame_hdr`.
    pub(crate) eh_frame_hdr_address: u64,
}

impl UnwindTables<'_> {
    /// Returns the rule that leads from the frame at `address` to its caller's.
    ///
    /// It holds at every instruction, so that a signal may arrive anywhere.
    ///
    /// # Errors
    /// If no function covers the address, or its unwind information is broken.
    pub(crate) fn rule(&self, address: FrameAddress) -> Result<Rule, UnwindError> {
        self.with_row(address, Rule::of)
    }

    /// Returns for each register of [`PRESERVED`](super::arch::PRESERVED) where the frame at `address` saves it, from
    /// its CFA; `None` if the register still has its value.
    ///
    /// # Errors
    /// Like [`UnwindTables::rule`].
    #[cfg(feature = "probes")]
    pub(crate) fn preserved(&self, address: FrameAddress) -> Result<[Option<i64>; 5], UnwindError> {
        self.with_row(address, super::rule::saved_at)
    }

    fn with_row<R>(
        &self,
        address: FrameAddress,
        then: impl FnOnce(&Row) -> Result<R, UnwindError>,
    ) -> Result<R, UnwindError> {
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
        let mut context = UnwindContext::<usize, RowStorage>::new_in();
        then(fde.unwind_info_for_address(&section, &bases, &mut context, pc).map_err(UnwindError::Broken)?)
    }
}

/// Returns the caller's registers by the frame pointer alone. They are right wherever the prologue is complete, so at
/// every call. Tests and debug builds compare them with those of [`Rule::apply`].
///
/// ```text
/// caller.fp = *fp
/// caller.pc = *(fp + 8)
/// caller.sp = fp + 16
/// ```
///
/// # Errors
/// If the stack cannot be read, or the frame pointer is below the stack pointer.
pub(crate) fn step_by_frame_pointer(callee: &Registers, memory: &impl ReadMemory) -> Result<Registers, UnwindError> {
    if callee.fp < callee.sp {
        return Err(UnwindError::Stuck(callee.fp));
    }
    let read = |address| memory.read_u64(address).ok_or(UnwindError::Memory(address));
    Ok(Registers { pc: read(callee.fp.wrapping_add(8))?, sp: callee.fp.wrapping_add(16), fp: read(callee.fp)? })
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;
    use crate::artifact::{check, tests::sample};
    use crate::base::Config;

    /// A stack of four words at 0x1000, and nothing else.
    struct Stack([u64; 4]);

    impl ReadMemory for Stack {
        fn read_u64(&self, address: u64) -> Option<u64> {
            let word = address.checked_sub(0x1000)?;
            if word.is_multiple_of(8) { self.0.get(usize::try_from(word / 8).ok()?).copied() } else { None }
        }
    }

    const LOADED: u64 = 0x7f00_0000_0000;

    /// Steps from `offset` of the sample's text, loaded at [`LOADED`].
    fn step(offset: u64, address: fn(u64) -> FrameAddress, callee: &Registers) -> Result<Registers, UnwindError> {
        let bytes = sample();
        let (sections, _) = check(&bytes, &Config::new()).expect("the sample is sound");
        let tables = UnwindTables {
            eh_frame: &bytes[sections.eh_frame.clone()],
            eh_frame_address: LOADED + sections.eh_frame.start as u64,
            eh_frame_hdr: &bytes[sections.eh_frame_hdr.clone()],
            eh_frame_hdr_address: LOADED + sections.eh_frame_hdr.start as u64,
        };
        tables.rule(address(LOADED + sections.text.start as u64 + offset))?.apply(callee, &Stack([0xf0, 0xca11, 7, 8]))
    }

    #[test]
    fn every_stage_of_a_prologue() {
        let caller = |sp| Ok(Registers { pc: 0xca11, sp, fp: 0xf0 });
        for start in [0, 32, 50, 80, 128] {
            // Before `push rbp`: the return address is on top, and fp is still the caller's.
            let callee = Registers { pc: 0, sp: 0x1008, fp: 0xf0 };
            assert_eq!(step(start, FrameAddress::Instruction, &callee), caller(0x1010));
            // Between `push rbp` and `mov rbp, rsp`.
            let callee = Registers { pc: 0, sp: 0x1000, fp: 0xdead };
            assert_eq!(step(start + 1, FrameAddress::Instruction, &callee), caller(0x1010));
            // In the body, where sp may be anywhere below.
            let callee = Registers { pc: 0, sp: 0x0f00, fp: 0x1000 };
            assert_eq!(step(start + 4, FrameAddress::Instruction, &callee), caller(0x1010));
            assert_eq!(step_by_frame_pointer(&callee, &Stack([0xf0, 0xca11, 7, 8])), caller(0x1010));
        }
    }

    #[test]
    fn a_return_address_belongs_to_the_call_before_it() {
        let callee = Registers { pc: 0, sp: 0x0f00, fp: 0x1000 };
        // 50 is the end of one function and the start of the next.
        assert_eq!(step(50, FrameAddress::Return, &callee).map(|caller| caller.sp), Ok(0x1010));
        let leaf = Registers { pc: 0, sp: 0x1008, fp: 0xf0 };
        assert_eq!(step(50, FrameAddress::Instruction, &leaf).map(|caller| caller.sp), Ok(0x1010));
        // 60 is the end of a function, where padding follows.
        assert!(step(60, FrameAddress::Return, &callee).is_ok());
        assert!(matches!(step(60, FrameAddress::Instruction, &callee), Err(UnwindError::NoFunction(_))));
        assert!(matches!(step(0, FrameAddress::Return, &callee), Err(UnwindError::NoFunction(_))));
    }

    #[test]
    fn damaged_stacks_end_the_walk() {
        let callee = Registers { pc: 0, sp: 0x2000, fp: 0x1000 };
        assert_eq!(step(4, FrameAddress::Instruction, &callee), Err(UnwindError::Stuck(0x1010)));
        assert_eq!(step_by_frame_pointer(&callee, &Stack([0; 4])), Err(UnwindError::Stuck(0x1000)));
        let callee = Registers { pc: 0, sp: 0x0f00, fp: 0x1f00 };
        assert_eq!(step(4, FrameAddress::Instruction, &callee), Err(UnwindError::Memory(0x1f08)));
        let callee = Registers { pc: 0, sp: 8, fp: u64::MAX };
        assert!(step(4, FrameAddress::Instruction, &callee).is_err());
        assert!(step_by_frame_pointer(&callee, &Stack([0; 4])).is_err());
    }
}
