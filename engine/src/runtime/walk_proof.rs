//! The proof of whole walks: at each backtrace, the chain of frame pointers and the platform's unwinder must find the
//! frames that our cursor found.
//!
//! The platform's unwinder reads the `.eh_frame` sections that loading has registered. It walks from here through the
//! frames of the host, of a signal where there was one, and of compiled code, up to the end of the stack. On the way it
//! meets the compiled frames of all stores, so only one store may run on the thread.

use super::code::{CODE, CodeReader};
use super::sys;
use crate::artifact::functions::FunctionKind;
use crate::unwind::frame::FrameAddress;
use core::cell::Cell;
use core::ops::ControlFlow;
use core::ptr::null_mut;

/// The most differences that are kept.
const MOST_WRONG: usize = 1000;
/// The frames of a walk that a difference shows.
const SHOWN: usize = 8;

thread_local! {
    /// The comparison of the walks on this thread.
    static WALKS: Cell<*mut Walks> = const { Cell::new(null_mut()) };
}

/// The comparison of walks over the same stacks.
#[derive(Clone, Debug, Default)]
pub struct Walks {
    /// The library of the platform's unwinder.
    pub unwinder: String,
    /// The backtraces that were compared, those without frames left out.
    pub backtraces: u64,
    /// Their frames.
    pub frames: u64,
    /// The backtraces from an instruction that LLVM's unwinder takes for another. It looks up the address before that
    /// of an interrupted instruction (<https://github.com/llvm/llvm-project/pull/92291>), where another rule may hold.
    /// Only the first frame is compared.
    pub looked_up_early: u64,
    /// The differences.
    pub wrong: Vec<WrongWalk>,
}

/// A walk that found other frames than our cursor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrongWalk {
    /// `frame pointers`, or `unwinder` for that of the platform.
    pub walk: &'static str,
    /// The number of frames before the first that differs.
    pub equal: usize,
    /// The frames of our cursor from there on, at most eight.
    pub expected: Vec<String>,
    /// The frames of the other walk from there on, at most eight.
    pub seen: Vec<String>,
}

impl Walks {
    /// Runs a function, and compares the walks of all backtraces that this thread captures on the way: at traps, and
    /// where a host function asks for one. Returns the function's result, and what was found.
    pub fn watch<R>(run: impl FnOnce() -> R) -> (R, Walks) {
        struct Unwatch(*mut Walks);
        impl Drop for Unwatch {
            fn drop(&mut self) {
                WALKS.set(self.0);
            }
        }
        let mut walks = Walks { unwinder: sys::unwinder_path(), ..Walks::default() };
        let result = {
            let _unwatch = Unwatch(WALKS.replace(&raw mut walks));
            run()
        };
        (result, walks)
    }

    fn compare(&mut self, walk: &'static str, ours: &[FrameAddress], others: &[FrameAddress]) {
        if ours == others || self.wrong.len() == MOST_WRONG {
            return;
        }
        let equal = ours.iter().zip(others).take_while(|(ours, other)| ours == other).count();
        let reader = CODE.read();
        let show = |frames: &[FrameAddress]| {
            let shown = frames[equal..].iter().take(SHOWN);
            shown.map(|&address| text(address, &reader)).collect()
        };
        self.wrong.push(WrongWalk { walk, equal, expected: show(ours), seen: show(others) });
    }
}

/// Compares a part of a backtrace with the frames that a walk along the frame pointers finds, if somebody watches.
pub(super) fn compare_frame_pointers(ours: &[FrameAddress], walk: impl FnOnce() -> Vec<FrameAddress>) {
    with_walks(|walks| walks.compare("frame pointers", ours, &walk()));
}

/// Compares a backtrace with the frames that the platform's unwinder finds from here on, if somebody watches.
pub(super) fn compare_unwinder(ours: &[FrameAddress]) {
    if ours.is_empty() {
        return;
    }
    with_walks(|walks| {
        walks.backtraces += 1;
        walks.frames += ours.len() as u64;
        let reader = CODE.read();
        let mut others = Vec::with_capacity(ours.len());
        sys::walk_natively(|pc, is_instruction| {
            let address = if is_instruction { FrameAddress::Instruction(pc) } else { FrameAddress::Return(pc) };
            let kind = reader.at(address.lookup()).and_then(|artifact| artifact.function_kind_at(address.lookup()));
            if let Some(FunctionKind::Function(_)) = kind {
                others.push(address);
            }
            // A walk that goes round in circles ends.
            if others.len() > ours.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let is_early = sys::is_llvm_unwinder() && has_other_rule_before(ours[0], &reader);
        drop(reader);
        if is_early {
            walks.looked_up_early += 1;
            walks.compare("unwinder", &ours[..1], others.get(..1).unwrap_or_default());
        } else {
            walks.compare("unwinder", ours, &others);
        }
    });
}

/// Returns whether an instruction was interrupted at whose address the rule changes.
fn has_other_rule_before(address: FrameAddress, reader: &CodeReader<'_>) -> bool {
    let FrameAddress::Instruction(pc) = address else { return false };
    let rule = |pc| {
        let address = FrameAddress::Instruction(pc);
        reader.at(pc)?.unwind_rule(address).ok()
    };
    rule(pc) != rule(pc - 1)
}

fn with_walks(compare: impl FnOnce(&mut Walks)) {
    let walks = WALKS.get();
    if !walks.is_null() {
        // SAFETY: `watch` waits on this thread, and its result is used by nobody else until it takes the pointer back.
        // No comparison captures a backtrace.
        compare(unsafe { &mut *walks });
    }
}

fn text(address: FrameAddress, reader: &CodeReader<'_>) -> String {
    let frame = reader.at(address.lookup()).and_then(|artifact| artifact.frame_at(address));
    frame.map_or_else(|| format!("{address:?}"), |frame| frame.to_string())
}
