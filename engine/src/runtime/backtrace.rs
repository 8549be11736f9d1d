//! Stack walks over the compiled frames of a store: backtraces, references for the collector, exception handlers.
//!
//! A walk covers one store: it starts in the newest activation and continues in each older one of the same store, where
//! that activation left compiled code.

use super::AsContext;
use super::activation::{Activation, WasmExit};
use super::code::{CODE, CodeReader};
use super::stack_walk::{FrameInfos, RawBacktrace, Stack};
use crate::abi::vmctx::{VmContext, VmStoreContext};
use crate::artifact::handlers::Catch;
use crate::base::Backtrace;
use crate::unwind::frame::{FrameAddress, ReadMemory, Registers};
use crate::wasm::index::TagIndex;

impl Backtrace {
    /// Captures the WebAssembly frames of a store that are active now, the innermost first. It is meant for host
    /// functions: the backtrace is empty when no WebAssembly code waits for the host.
    pub fn capture(store: impl AsContext) -> Backtrace {
        // SAFETY: a shared reference: alive, and no other thread runs the store.
        unsafe { capture(&store.as_context().opaque().context) }.resolve()
    }
}

/// Captures the frames of a store whose newest compiled code has called the host. There are none unless WebAssembly
/// code of the store waits on this thread.
///
/// # Safety
/// The store context is alive, and not that of a store that another thread is running.
pub(super) unsafe fn capture(store: *const VmStoreContext) -> RawBacktrace {
    let mut frames = RawBacktrace::default();
    // SAFETY: as for this function.
    let exit = unsafe { WasmExit::of(store) };
    Activation::with_newest_of(store, |newest| walk_exits(newest, exit, &CODE.read(), &mut frames));
    #[cfg(feature = "probes")]
    super::walk_proof::compare_unwinder(frames.addresses());
    frames
}

/// Captures the frames of the store of `newest`, whose code stopped with these registers.
///
/// # Safety
/// The registers are those of an instruction that faulted in compiled code of `newest`, on this thread.
pub(super) unsafe fn capture_fault(
    newest: &Activation,
    registers: &Registers,
    reader: &CodeReader<'_>,
) -> RawBacktrace {
    let mut frames = RawBacktrace::default();
    // SAFETY: from the stack pointer of stopped code up to its activation, which is above all of its frames.
    let stack = unsafe { Stack::new(registers.sp..newest.address()) };
    frames.walk(*registers, FrameAddress::Instruction(registers.pc), &stack, reader);
    walk_exits(newest.older_of_same_store(), newest.outer_exit(), reader, &mut frames);
    #[cfg(feature = "probes")]
    super::walk_proof::compare_unwinder(frames.addresses());
    frames
}

/// Adds the frames of all activations of a store from `newest` on, whose compiled code was left at `exit`.
fn walk_exits(newest: Option<&Activation>, exit: WasmExit, reader: &CodeReader<'_>, frames: &mut RawBacktrace) {
    for (activation, exit) in exits(newest, exit) {
        // SAFETY: `exits` pairs each activation with its exit, and the code of older activations waits.
        if let Some((registers, stack)) = unsafe { activation.frames_at(exit) } {
            frames.walk(registers, FrameAddress::Return(exit.pc), &stack, reader);
        }
    }
}

/// The activations of a store, from `newest` on, each with the exit through which its compiled code was left. Compiled
/// code of `newest` was left at `exit`.
pub(super) fn exits(newest: Option<&Activation>, exit: WasmExit) -> impl Iterator<Item = (&Activation, WasmExit)> {
    // A store context holds the last exit only. Entering compiled code again saves it in the new activation.
    core::iter::successors(newest.map(|newest| (newest, exit)), |(activation, _)| {
        Some((activation.older_of_same_store()?, activation.outer_exit()))
    })
}

/// Visits every reference in the frames of a store whose newest compiled code has called the host. References are in
/// slots of frames, which the artifacts' stack maps list. Returns the number of frames.
///
/// # Panics
/// When the stack cannot be walked to its end, before anything beyond is visited: a reference would be missed.
///
/// # Safety
/// The store context is alive, and its newest compiled code waits for this thread.
pub(super) unsafe fn visit_references(store: *const VmStoreContext, mut visit: impl FnMut(*mut u32)) -> u64 {
    // SAFETY: as for this function.
    let exit = unsafe { WasmExit::of(store) };
    let reader = CODE.read();
    let mut frames = 0;
    Activation::with_newest_of(store, |newest| {
        for (activation, exit) in exits(newest, exit) {
            // SAFETY: `exits` pairs each activation with its exit, and all code of the store waits.
            if let Some((registers, stack)) = unsafe { activation.frames_at(exit) } {
                frames += visit_frames(registers, &stack, &reader, &mut visit);
            }
        }
    });
    frames
}

/// Visits every reference in the frames of one activation. Returns the number of frames.
fn visit_frames(
    mut registers: Registers,
    stack: &Stack,
    reader: &CodeReader<'_>,
    visit: &mut impl FnMut(*mut u32),
) -> u64 {
    let mut infos = FrameInfos::new(reader);
    let mut frames = 0;
    while let Some(info) = infos.get(FrameAddress::Return(registers.pc)) {
        let artifact = reader.at(info.address.lookup()).expect("a frame's code is in an artifact");
        if let Some(map) = artifact.stack_map_at(info.address) {
            // Below the slots is room for the arguments of calls. After a tail call, frames of callees occupy it, so
            // that the stack pointer may be below the point where code was left; no slot is.
            let sp = registers.fp - u64::from(map.frame_size);
            for slot in map.slots().map(|slot| sp + u64::from(slot)) {
                assert!(stack.contains(slot), "the slots of a frame lie within its activation's stack");
                visit(slot as *mut u32);
            }
        }
        let caller = info.rule.and_then(|rule| rule.apply(&registers, stack));
        registers = caller.expect("frames of compiled code can be walked");
        frames += 1;
    }
    let end = reader.at(FrameAddress::Return(registers.pc).lookup());
    assert!(end.is_some(), "a walk ends in the entry trampoline of its activation");
    frames
}

/// Searches the frames of the newest activation of a store, the innermost first, from the point where it left compiled
/// code, for the handler that takes an exception. Returns the registers to continue with. `takes` decides whether a
/// handler for a tag, of the instance with this context, takes the exception.
///
/// # Safety
/// The store context is alive, and its newest compiled code waits for this thread.
pub(super) unsafe fn find_handler(
    store: *const VmStoreContext,
    takes: impl Fn(*const VmContext, TagIndex) -> bool,
) -> Option<Registers> {
    // SAFETY: as for this function.
    let exit = unsafe { WasmExit::of(store) };
    let reader = CODE.read();
    Activation::with_newest_of(store, |newest| {
        // SAFETY: the store's last exit left the code of its newest activation, which waits.
        let (mut registers, stack) = unsafe { newest?.frames_at(exit)? };
        let mut infos = FrameInfos::new(&reader);
        loop {
            let info = infos.get(FrameAddress::Return(registers.pc))?;
            if let Some(handler) = find_handler_in_frame(&registers, &stack, &reader, &takes) {
                return Some(handler);
            }
            registers = info.rule.ok()?.apply(&registers, &stack).ok()?;
        }
    })
}

/// Returns the registers of the handler that takes the exception, if the frame's call has one.
///
/// ```text
/// sp  = fp - frame offset
/// fp  = fp
/// ```
fn find_handler_in_frame(
    frame: &Registers,
    stack: &Stack,
    reader: &CodeReader<'_>,
    takes: &impl Fn(*const VmContext, TagIndex) -> bool,
) -> Option<Registers> {
    let address = FrameAddress::Return(frame.pc);
    let artifact = reader.at(address.lookup())?;
    let site = artifact.handlers_at(address)?;
    let sp = frame.fp.checked_sub(site.frame_offset.into())?;
    let handler = site.handlers().find(|handler| match handler.catch {
        Catch::All => true,
        Catch::Tag { tag, context } => {
            let context = stack.read_u64(sp + u64::from(context));
            context.is_some_and(|context| takes(context as *const VmContext, tag))
        }
    })?;
    Some(Registers { pc: artifact.handler_address(handler), sp, fp: frame.fp })
}
