//! The way of exceptions to their handlers
//! ([`throw_ref`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-throw-ref)), and backtraces.

use super::{Frame, Stop};
use crate::backtrace::{self, Backtrace};
use crate::rewrite::{Catch, Code};
use crate::slot::RawRef;
use crate::store::{FunctionKind, StoreInner};
use alloc::string::String;
use alloc::vec::Vec;

/// Sends an exception to the innermost handler that takes it, in the frames above `depth`. Every other reason to stop
/// leaves the frames as they are.
///
/// # Errors
///
/// The reason to stop, if nothing handles it.
pub(crate) fn handle(store: &mut StoreInner, depth: usize, stop: Stop) -> Result<(), Stop> {
    let Stop::Exception(exception) = stop else { return Err(stop) };
    // The frames stay until a handler is found, so that whoever gets the exception sees where it was thrown.
    for index in (depth..store.frames.len()).rev() {
        let frame = store.frames[index];
        let Some(catch) = find_handler(store, frame, exception) else { continue };
        store.leave_frames(index + 1);
        store.frames[index].pc = catch.target;
        deliver(store, frame, catch, exception);
        return Ok(());
    }
    Err(Stop::Exception(exception))
}

/// Returns the handler of a frame that takes an exception.
fn find_handler(store: &StoreInner, frame: Frame, exception: RawRef) -> Option<Catch> {
    let code = store.functions[frame.function as usize].code.as_deref()?;
    let tag = store.heap.exception_tag(exception.as_object()?)?;
    let tags = &store.instances[frame.instance as usize].tags;
    let mut next = innermost_region(code, frame.pc - 1);
    while let Some(index) = next {
        let region = &code.regions[index as usize];
        let takes = |catch: &&Catch| catch.tag.is_none_or(|wanted| tags[wanted as usize] == tag);
        if let Some(catch) = region.catches.iter().find(takes) {
            return Some(*catch);
        }
        next = region.outer;
    }
    None
}

/// Returns the innermost region around an instruction.
fn innermost_region(code: &Code, instruction: u32) -> Option<u32> {
    // It is the last region that begins before, or one of those around that.
    let begun = code.regions.partition_point(|region| region.start <= instruction);
    let mut index = begun.checked_sub(1)? as u32;
    while code.regions[index as usize].end <= instruction {
        index = code.regions[index as usize].around?;
    }
    Some(index)
}

/// Writes what a handler receives to its slots.
fn deliver(store: &mut StoreInner, frame: Frame, catch: Catch, exception: RawRef) {
    let object = exception.as_object().expect("an exception is an object");
    let mut at = frame.base as usize + catch.slot as usize;
    if catch.tag.is_some() {
        for bits in store.heap.exception_payload(object) {
            store.stack[at] = bits;
            at += 1;
        }
    }
    if catch.with_reference {
        store.stack[at] = exception.0;
    }
    if let Some(slot) = catch.kept {
        store.stack[frame.base as usize + slot as usize] = exception.0;
    }
}

/// Returns the active frames, innermost first. Each frame's instruction is the one that it executed last.
pub(crate) fn backtrace(store: &StoreInner) -> Backtrace {
    let mut frames = Vec::new();
    for frame in store.frames.iter().rev() {
        let function = &store.functions[frame.function as usize];
        let Some(code) = function.code.as_deref() else { continue };
        let FunctionKind::Wasm(func_index) = function.kind else { continue };
        let module = &store.instances[frame.instance as usize].module;
        frames.push(backtrace::Frame {
            module_name: module.name().map(String::from),
            func_index,
            func_name: module.func_name(func_index).map(String::from),
            module_offset: code.offsets[frame.pc.saturating_sub(1) as usize],
        });
    }
    Backtrace { frames }
}
