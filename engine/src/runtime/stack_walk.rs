//! Stack walks over the compiled frames of one activation, through the artifacts' `.eh_frame`.
//!
//! A walk collects addresses only, which is all that a signal handler should do. [`RawBacktrace::resolve`] turns them
//! into frames with names later, while the code is still loaded.

use super::code::{CODE, CodeReader};
use crate::artifact::functions::FunctionKind;
use crate::base::Backtrace;
use crate::unwind::cursor::step_by_frame_pointer;
use crate::unwind::frame::{FrameAddress, ReadMemory, Registers, UnwindError};
use crate::unwind::rule::Rule;
use core::ops::Range;

/// The code addresses of active WebAssembly functions, the innermost first.
#[derive(Debug, Default)]
pub(super) struct RawBacktrace(Vec<FrameAddress>);

/// The part of this thread's stack that a walk may read: compiled frames of one activation.
pub(super) struct Stack(Range<u64>);

/// The facts about one code address that a walk needs.
#[derive(Clone, Copy)]
pub(super) struct FrameInfo {
    pub(super) address: FrameAddress,
    /// False for trampolines and routines, which are not WebAssembly's.
    is_function: bool,
    /// The rule that finds the caller's registers.
    pub(super) rule: Result<Rule, UnwindError>,
}

/// Looks up addresses and remembers some of them: in a deep stack the same few repeat.
pub(super) struct FrameInfos<'a> {
    reader: &'a CodeReader<'a>,
    recent: [Option<FrameInfo>; 16],
}

impl RawBacktrace {
    /// Adds the frames from `address` up to the entry trampoline.
    pub(super) fn walk(&mut self, registers: Registers, address: FrameAddress, stack: &Stack, reader: &CodeReader<'_>) {
        let first = self.0.len();
        walk(registers, address, stack, reader, |address| self.0.push(address));
        // The chain of frame pointers is an independent witness: it must name the same frames.
        let by_frame_pointers = || {
            let (mut infos, mut others) = (FrameInfos::new(reader), Vec::new());
            let step = |_: FrameInfo, callee: &Registers| step_by_frame_pointer(callee, stack);
            follow(registers, address, &mut infos, &mut |address| others.push(address), step);
            others
        };
        if cfg!(debug_assertions) {
            assert_eq!(self.0[first..], by_frame_pointers(), "two walks over the same stack differ");
        }
        #[cfg(feature = "probes")]
        super::walk_proof::compare_frame_pointers(&self.0[first..], by_frame_pointers);
    }

    /// Returns the addresses, the innermost first.
    #[cfg(feature = "probes")]
    pub(super) fn addresses(&self) -> &[FrameAddress] {
        &self.0
    }

    /// Returns the frames with indices, names and offsets in the Wasm binary.
    pub(super) fn resolve(&self) -> Backtrace {
        let reader = CODE.read();
        let frame = |&address: &FrameAddress| reader.at(address.lookup())?.frame_at(address);
        Backtrace { frames: self.0.iter().filter_map(frame).collect() }
    }
}

/// Visits the addresses of WebAssembly functions from `address` up to the entry trampoline, through the artifacts'
/// `.eh_frame`. Allocates nothing.
pub(super) fn walk(
    registers: Registers,
    address: FrameAddress,
    stack: &Stack,
    reader: &CodeReader<'_>,
    mut visit: impl FnMut(FrameAddress),
) {
    let step = |info: FrameInfo, callee: &Registers| info.rule?.apply(callee, stack);
    follow(registers, address, &mut FrameInfos::new(reader), &mut visit, step);
}

/// Visits the addresses of WebAssembly functions from `address` up to the entry trampoline. `step` finds the registers
/// of a frame's caller.
fn follow(
    mut registers: Registers,
    mut address: FrameAddress,
    infos: &mut FrameInfos<'_>,
    visit: &mut impl FnMut(FrameAddress),
    step: impl Fn(FrameInfo, &Registers) -> Result<Registers, UnwindError>,
) {
    while let Some(info) = infos.get(address) {
        if info.is_function {
            visit(address);
        }
        let Ok(caller) = step(info, &registers) else { break };
        registers = caller;
        address = FrameAddress::Return(registers.pc);
    }
}

impl FrameInfos<'_> {
    /// An empty cache over a snapshot of the loaded code.
    pub(super) fn new<'a>(reader: &'a CodeReader<'a>) -> FrameInfos<'a> {
        FrameInfos { reader, recent: [None; 16] }
    }

    /// Looks up an address; `None` in an entry trampoline and outside compiled code, where a walk ends.
    pub(super) fn get(&mut self, address: FrameAddress) -> Option<FrameInfo> {
        let pc = address.lookup();
        // Addresses of calls differ little in their low bits, so higher ones are mixed in.
        let slot = (pc ^ (pc >> 4)) as usize % self.recent.len();
        let remembered = self.recent[slot].filter(|info| info.address == address);
        let info = remembered.or_else(|| self.look_up(address))?;
        self.recent[slot] = Some(info);
        Some(info)
    }

    fn look_up(&self, address: FrameAddress) -> Option<FrameInfo> {
        let artifact = self.reader.at(address.lookup())?;
        let is_function = match artifact.function_kind_at(address.lookup())? {
            FunctionKind::Entry(_) => return None,
            FunctionKind::Function(_) => true,
            FunctionKind::Exit(_) | FunctionKind::Builtin(_) | FunctionKind::Fallback(_) => false,
        };
        Some(FrameInfo { address, is_function, rule: artifact.unwind_rule(address) })
    }
}

impl Stack {
    /// The stack between two addresses.
    ///
    /// # Safety
    /// The range runs from the stack pointer, or a frame's start, of this thread up to a value on the same stack, so it
    /// is mapped. Nothing changes it while the result lives: its frames are not running.
    pub(super) unsafe fn new(range: Range<u64>) -> Stack {
        Stack(range)
    }

    /// Returns whether an address is part of this stack.
    pub(super) fn contains(&self, address: u64) -> bool {
        self.0.contains(&address)
    }
}

impl ReadMemory for Stack {
    fn read_u64(&self, address: u64) -> Option<u64> {
        let end = address.checked_add(8)?;
        if address < self.0.start || end > self.0.end {
            return None;
        }
        // SAFETY: the eight bytes lie inside the range, which `new` requires to be mapped and unchanging.
        Some(unsafe { (address as *const u64).read_unaligned() })
    }
}
