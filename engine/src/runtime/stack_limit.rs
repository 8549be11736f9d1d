//! The stack that compiled code may use.
//!
//! Compiled code may use the stack down to `stack_limit`. That is `max_wasm_stack` bytes below the outermost entry on
//! the same stack, which all stores and the host functions in between share. It is never inside the reserve at the
//! stack's end that host functions and library calls need. An entry below the limit is a stack overflow too, so that
//! WebAssembly and the host calling each other without end trap.
//!
//! A thread knows the bounds of the stack that it was born with. Where another one is in use, such as a coroutine's,
//! the bounds are those of the mapping that the stack pointer is in. They are looked up at each entry: by the next one,
//! the embedder may have freed the stack and mapped another at the same addresses.

use super::sys;
use crate::base::{Error, ErrorKind, Result, Trap};
use core::cell::Cell;
use core::ops::Range;

/// Bytes of stack below the limit that stay free for host functions and library calls. On a stack smaller than four
/// times as much, it is a quarter of the stack.
const HOST_RESERVE: usize = 256 * 1024;

/// A reserve in which a panic of a host function can print its backtrace. A smaller stack keeps half of itself.
const PANIC_RESERVE: usize = 32 * 1024;

/// The smallest reserve. A collection, the search for an exception's handler, an error with a backtrace, and a panic of
/// a host function each need less.
const LEAST_RESERVE: usize = 16 * 1024;

thread_local! {
    /// The lowest address of this thread's stack and its end, once they were asked for; equal if they are not known.
    static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// An entry into compiled code that is under way.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// An address on its stack, above its compiled code.
    pub(super) address: usize,
    /// The stack limit that it runs under. Host functions that it calls run under it too.
    pub(super) limit: usize,
}

/// Returns the stack limit for an entry into compiled code at the address `here` of the stack that is in use. `outer`
/// is the next older entry on this thread.
///
/// # Errors
/// [`Trap::StackOverflow`] if there is no room for any compiled code; kind [`Resource`](ErrorKind::Resource) if the
/// bounds of the stack cannot be found.
#[inline]
pub(super) fn for_entry(here: usize, max_wasm_stack: usize, outer: Option<Entry>) -> Result<usize> {
    let mut bounds = stack_bounds();
    if !bounds.contains(&here) {
        bounds = other_stack_bounds(here)?;
    }
    limit(here, max_wasm_stack, outer, bounds).ok_or_else(|| Trap::StackOverflow.into())
}

/// Runs `work` where at least `bytes` bytes of stack are left: on the stack that is in use, or on a thread that ends
/// with the call.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if the thread is needed and cannot be started.
///
/// # Panics
/// When `work` panics.
#[cfg(feature = "compile")]
pub(crate) fn with_stack<R: Send>(bytes: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    let local = 0u8;
    if bytes_left(core::ptr::from_ref(&local).addr()) >= bytes {
        return Ok(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(bytes).spawn_scoped(scope, work).map_err(|error| {
            let message = format!("fewer than {bytes} bytes of stack are left, and no thread can be started");
            Error::new(ErrorKind::Resource, message).with_source(error)
        })?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Returns the number of bytes of the stack below the address `here`; 0 if it is not known.
#[cfg(feature = "compile")]
fn bytes_left(here: usize) -> usize {
    let own = Some(stack_bounds()).filter(|bounds| bounds.contains(&here));
    own.or_else(|| sys::mapping_bounds(here)).map_or(0, |bounds| here - bounds.start)
}

/// Returns the bounds of this thread's stack; an empty range if they are not known.
#[inline]
fn stack_bounds() -> Range<usize> {
    let (start, end) = STACK.get().unwrap_or_else(|| {
        let bounds = sys::stack_bounds().map_or((0, 0), |bounds| (bounds.start, bounds.end));
        STACK.set(Some(bounds));
        bounds
    });
    start..end
}

/// Returns the bounds of a stack that is not the thread's own.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if the system does not tell them.
#[cold]
fn other_stack_bounds(here: usize) -> Result<Range<usize>> {
    sys::mapping_bounds(here).ok_or_else(|| {
        let message = "the stack in use is not the thread's own, and its bounds cannot be found: /proc/self/maps \
                       cannot be read. Call WebAssembly on the stack of a thread";
        Error::new(ErrorKind::Resource, message)
    })
}

/// Computes the stack limit for an entry at the address `here`; `None` if the limit would not be below `here`.
#[inline]
fn limit(here: usize, max_wasm_stack: usize, outer: Option<Entry>, bounds: Range<usize>) -> Option<usize> {
    let own = here.saturating_sub(max_wasm_stack);
    let end = bounds.start + reserve(bounds.len());
    // An entry on another stack says nothing about this one.
    let outer = outer.filter(|outer| bounds.contains(&outer.address)).map_or(0, |outer| outer.limit);
    let limit = own.max(end).max(outer);
    (limit < here).then_some(limit)
}

/// Returns the size of the reserve of a stack.
#[inline]
fn reserve(stack: usize) -> usize {
    let half = (stack / 2).min(PANIC_RESERVE);
    (stack / 4).max(half).clamp(LEAST_RESERVE, HOST_RESERVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_limit_is_the_tightest_of_three() {
        let stack = 0x10_0000..0x90_0000;
        let outer = Some(Entry { address: 0x88_0000, limit: 0x7f_0000 });
        assert_eq!(limit(0x80_0000, 0x8_0000, None, stack.clone()), Some(0x78_0000), "what the configuration allows");
        assert_eq!(limit(0x18_0000, 0x8_0000, None, stack.clone()), Some(0x14_0000), "the reserve at the end");
        assert_eq!(limit(0x80_0000, 0x8_0000, outer, stack.clone()), Some(0x7f_0000), "the outer entry's");
        assert_eq!(limit(0x13_0000, 0x8_0000, None, stack.clone()), None, "inside the reserve");
        assert_eq!(limit(0x7e_0000, 0x8_0000, outer, stack.clone()), None, "below the outer limit");
        assert_eq!(limit(0x80_0000, 0, None, stack), None);
    }

    #[test]
    fn small_stacks_have_a_smaller_reserve() {
        let sizes = [16, 32, 48, 64, 128, 256, 1024, 8192];
        assert_eq!(sizes.map(|size| reserve(size << 10) >> 10), [16, 16, 24, 32, 32, 64, 256, 256]);
        let tiny = 0x10_0000..0x10_8000;
        let least = tiny.start + LEAST_RESERVE;
        assert_eq!(limit(least + 8, 0x10_0000, None, tiny.clone()), Some(least));
        assert_eq!(limit(least, 0x10_0000, None, tiny), None, "no room for the least reserve");
    }

    #[test]
    fn an_entry_on_another_stack_does_not_count() {
        let coroutine = 0x10_0000..0x20_0000;
        for outer in [Entry { address: 0x88_0000, limit: 0x80_0000 }, Entry { address: 0x8000, limit: 0x4000 }] {
            assert_eq!(limit(0x1f_0000, 0x1000, Some(outer), coroutine.clone()), Some(0x1e_f000));
        }
    }

    #[cfg(feature = "compile")]
    #[test]
    fn work_gets_the_stack_that_it_needs() {
        let here = std::thread::current().id();
        let run = |bytes| with_stack(bytes, || std::thread::current().id()).unwrap();
        assert!(run(1 << 10) == here && run(1 << 30) != here);
        let panic = std::panic::catch_unwind(|| with_stack(1 << 30, || panic!("in the work"))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"in the work"));
        assert_eq!(with_stack(1 << 60, || ()).unwrap_err().kind(), ErrorKind::Resource);
    }

    #[test]
    fn this_stack_has_bounds() {
        let local = 0u8;
        assert!(stack_bounds().contains(&core::ptr::from_ref(&local).addr()));
    }
}
