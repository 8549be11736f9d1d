//! Stack walks over compiled frames, through the artifacts' `.eh_frame`.
//!
//! A walk covers one store: it starts in the newest activation and goes on in each older one of the same store, where
//! that one left compiled code. It collects addresses only, which is all that a signal handler should do; they become
//! frames with names later, while the code is still loaded.

use super::call::{Activation, Exit};
use super::registry::{CODE, CodeReader};
use crate::abi::vmctx::{VmContext, VmStoreContext};
use crate::artifact::functions::FunctionKind;
use crate::artifact::handlers::Catch;
use crate::base::Backtrace;
use crate::unwind::cursor::step_by_frame_pointer;
use crate::unwind::frame::{FrameAddress, ReadMemory, Registers, UnwindError};
use crate::unwind::rule::Rule;
use crate::wasm::index::TagIndex;
use core::ops::Range;

/// Where the frames of a store stand, the innermost first.
#[derive(Debug, Default)]
pub(super) struct RawBacktrace(Vec<FrameAddress>);

/// The WebAssembly frames that are active on this thread on behalf of `store`, the innermost first. Empty unless
/// WebAssembly code of this store has called the host.
pub(crate) fn backtrace(store: &VmStoreContext) -> Backtrace {
    // SAFETY: a shared reference: alive, and no other thread runs the store.
    unsafe { RawBacktrace::capture(store) }.resolve()
}

impl RawBacktrace {
    /// The frames of a store whose newest compiled code has called the host.
    ///
    /// # Safety
    /// The store context is alive, and not that of a store that another thread is running.
    pub(super) unsafe fn capture(store: *const VmStoreContext) -> RawBacktrace {
        let mut frames = RawBacktrace::default();
        // SAFETY: as for this function.
        let exit = unsafe { Exit::of(store) };
        Activation::with_newest_of(store, |newest| frames.walk_exits(newest, exit, &CODE.read()));
        frames
    }

    /// The frames of the store of `newest`, whose code stopped with these registers.
    pub(super) fn capture_fault(newest: &Activation, registers: &Registers, reader: &CodeReader<'_>) -> RawBacktrace {
        let mut frames = RawBacktrace::default();
        let stack = Stack(registers.sp..newest.address());
        frames.walk(*registers, FrameAddress::Instruction(registers.pc), &stack, reader);
        frames.walk_exits(newest.older_of_same_store(), newest.outer_exit(), reader);
        frames
    }

    /// Walks activations from `activation`, which left compiled code at `exit`, to the oldest of its store.
    fn walk_exits(&mut self, mut activation: Option<&Activation>, mut exit: Exit, reader: &CodeReader<'_>) {
        while let Some(current) = activation {
            self.walk_exit(current, exit, reader);
            activation = current.older_of_same_store();
            exit = current.outer_exit();
        }
    }

    /// Walks one activation from where it left compiled code.
    fn walk_exit(&mut self, activation: &Activation, exit: Exit, reader: &CodeReader<'_>) {
        let stack = Stack(exit.fp..activation.address());
        let Some(registers) = exit.registers(&stack) else { return };
        self.walk(registers, FrameAddress::Return(exit.pc), &stack, reader);
    }

    /// Walks up to the entry trampoline.
    fn walk(&mut self, registers: Registers, address: FrameAddress, stack: &Stack, reader: &CodeReader<'_>) {
        let first = self.0.len();
        let mut places = Places::new(reader);
        follow(registers, address, &mut places, &mut self.0, |place, callee| place.rule?.apply(callee, stack));
        // The chain of frame pointers must name the same frames.
        if cfg!(debug_assertions) {
            let mut others = Vec::new();
            follow(registers, address, &mut places, &mut others, |_, callee| step_by_frame_pointer(callee, stack));
            assert_eq!(self.0[first..], others, "two walks over the same stack differ");
        }
    }

    /// The frames with indices, names and offsets in the Wasm binary.
    pub(super) fn resolve(&self) -> Backtrace {
        let reader = CODE.read();
        let frame = |&address: &FrameAddress| reader.at(address.lookup())?.frame_at(address);
        Backtrace { frames: self.0.iter().filter_map(frame).collect() }
    }
}

/// Visits every reference in the frames of a store whose newest compiled code has called the host, and was left at `exit`.
/// References stand in slots of frames; the artifact's stack maps say where.
///
/// # Panics
/// When the stack cannot be walked to its end, before anything is visited beyond: a reference would be missed.
pub(super) fn visit_references(store: *const VmStoreContext, exit: Exit, mut visit: impl FnMut(*mut u32)) {
    let reader = CODE.read();
    Activation::with_newest_of(store, |newest| {
        let (mut activation, mut exit) = (newest, exit);
        while let Some(current) = activation {
            visit_activation(current, exit, &reader, &mut visit);
            activation = current.older_of_same_store();
            exit = current.outer_exit();
        }
    });
}

fn visit_activation(activation: &Activation, exit: Exit, reader: &CodeReader<'_>, visit: &mut impl FnMut(*mut u32)) {
    let stack = Stack(exit.fp..activation.address());
    let Some(mut registers) = exit.registers(&stack) else { return };
    let mut places = Places::new(reader);
    while let Some(place) = places.at(FrameAddress::Return(registers.pc)) {
        let artifact = reader.at(place.address.lookup()).expect("a place is in an artifact");
        if let Some(map) = artifact.stack_map_at(place.address) {
            // Below the slots is room for the arguments of calls. Behind a tail call, frames of callees stand in it, so that
            // the stack pointer may be below where code was left; no slot is.
            let sp = registers.fp - u64::from(map.frame_size);
            for slot in map.slots().map(|slot| sp + u64::from(slot)) {
                assert!(stack.0.contains(&slot), "the slots of a frame lie within its activation's stack");
                visit(slot as *mut u32);
            }
        }
        let caller = place.rule.and_then(|rule| rule.apply(&registers, &stack));
        registers = caller.expect("frames of compiled code can be walked");
    }
    let end = reader.at(FrameAddress::Return(registers.pc).lookup());
    assert!(end.is_some(), "a walk ends in the entry trampoline of its activation");
}

/// The handler that takes an exception: the registers to go on with. Searches the frames of the newest activation of a
/// store, the innermost first, from where it left compiled code. `takes` tells whether a handler for a tag, of the instance
/// with this context, takes the exception.
///
/// # Safety
/// The store context is alive, and its newest compiled code waits for this thread.
pub(super) unsafe fn find_handler(
    store: *const VmStoreContext,
    takes: impl Fn(*const VmContext, TagIndex) -> bool,
) -> Option<Registers> {
    // SAFETY: as for this function.
    let exit = unsafe { Exit::of(store) };
    let reader = CODE.read();
    Activation::with_newest_of(store, |newest| {
        let stack = Stack(exit.fp..newest?.address());
        let mut registers = exit.registers(&stack)?;
        let mut places = Places::new(&reader);
        loop {
            let place = places.at(FrameAddress::Return(registers.pc))?;
            if let Some(handler) = handler_of(&registers, &stack, &reader, &takes) {
                return Some(handler);
            }
            registers = place.rule.ok()?.apply(&registers, &stack).ok()?;
        }
    })
}

/// The handler of a frame's call that takes the exception.
///
/// ```text
/// sp  = fp - frame offset
/// fp  = fp
/// ```
fn handler_of(
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

/// Collects WebAssembly functions from `address` up to the entry trampoline, going from frame to frame with `step`.
fn follow(
    mut registers: Registers,
    mut address: FrameAddress,
    places: &mut Places<'_>,
    frames: &mut Vec<FrameAddress>,
    step: impl Fn(Place, &Registers) -> Result<Registers, UnwindError>,
) {
    while let Some(place) = places.at(address) {
        if place.is_function {
            frames.push(address);
        }
        let Ok(caller) = step(place, &registers) else { break };
        registers = caller;
        address = FrameAddress::Return(registers.pc);
    }
}

/// What a walk knows of an address in compiled code.
#[derive(Clone, Copy)]
struct Place {
    address: FrameAddress,
    /// Otherwise it is a trampoline or a routine, which are not WebAssembly's.
    is_function: bool,
    rule: Result<Rule, UnwindError>,
}

/// Looks up addresses, and remembers some: in a deep stack the same few repeat.
struct Places<'a> {
    reader: &'a CodeReader<'a>,
    recent: [Option<Place>; 16],
}

impl Places<'_> {
    fn new<'a>(reader: &'a CodeReader<'a>) -> Places<'a> {
        Places { reader, recent: [None; 16] }
    }

    /// `None` in an entry trampoline and outside compiled code.
    fn at(&mut self, address: FrameAddress) -> Option<Place> {
        let pc = address.lookup();
        let slot = (pc ^ (pc >> 4)) as usize % self.recent.len();
        let remembered = self.recent[slot].filter(|place| place.address == address);
        let place = remembered.or_else(|| self.look_up(address))?;
        self.recent[slot] = Some(place);
        Some(place)
    }

    fn look_up(&self, address: FrameAddress) -> Option<Place> {
        let artifact = self.reader.at(address.lookup())?;
        let is_function = match artifact.function_kind_at(address.lookup())? {
            FunctionKind::Entry(_) => return None,
            FunctionKind::Function(_) => true,
            FunctionKind::Exit(_) | FunctionKind::Builtin(_) | FunctionKind::Soft(_) => false,
        };
        Some(Place { address, is_function, rule: artifact.unwind_rule(address) })
    }
}

impl Exit {
    /// The registers of the function that left compiled code here; `None` if none did.
    fn registers(self, stack: &Stack) -> Option<Registers> {
        // A trampoline's frame holds its caller's frame pointer and then the return address.
        (self.pc != 0).then(|| Some(Registers { pc: self.pc, sp: self.fp + 16, fp: stack.read_u64(self.fp)? }))?
    }
}

/// The part of this thread's stack that a walk may read: compiled frames of one activation.
struct Stack(Range<u64>);

impl ReadMemory for Stack {
    fn read_u64(&self, address: u64) -> Option<u64> {
        let end = address.checked_add(8)?;
        if address < self.0.start || end > self.0.end {
            return None;
        }
        // SAFETY: the range runs from the stack pointer, or a frame's start, of this thread up to a value on the same
        // stack, so it is mapped; nothing changes frames that are not running.
        Some(unsafe { (address as *const u64).read_unaligned() })
    }
}
