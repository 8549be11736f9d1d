//! The stack that compiled code may use.
//!
//! Compiled code may use the stack down to `stack_limit`. That is `max_wasm_stack` bytes below the outermost entry on
//! this thread, which all stores and the host functions in between share. It is never inside the reserve at the stack's
//! end that host functions and library calls need. An entry below the limit is a stack overflow too, so that
//! WebAssembly and the host calling each other without end trap.

use super::sys;
use core::cell::Cell;
use core::ops::Range;

/// Bytes of stack below the limit that stay free for host functions and library calls. On a stack smaller than four
/// times as much, it is a quarter of the stack.
const HOST_RESERVE: usize = 256 * 1024;

thread_local! {
    /// The lowest address of this thread's stack and its end, once they were asked for; equal if they are not known.
    static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// Returns the stack limit for an entry into compiled code at the address `here` of this thread's stack; `None` if
/// there is no room for any compiled code. `outer` is the limit of the next older entry.
#[inline]
pub(super) fn for_entry(here: usize, max_wasm_stack: usize, outer: Option<usize>) -> Option<usize> {
    limit(here, max_wasm_stack, outer, stack_bounds())
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

/// Computes the stack limit for an entry at the address `here`; `None` if the limit would not be below `here`.
#[inline]
fn limit(here: usize, max_wasm_stack: usize, outer: Option<usize>, bounds: Range<usize>) -> Option<usize> {
    let own = here.saturating_sub(max_wasm_stack);
    // The bounds are those of the stack that the thread was born with. On another one, such as a coroutine's, they say
    // nothing, and only the configured size counts.
    let end = if bounds.contains(&here) { bounds.start + HOST_RESERVE.min(bounds.len() / 4) } else { 0 };
    let limit = own.max(end).max(outer.unwrap_or(0));
    (limit < here).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_limit_is_the_tightest_of_three() {
        let stack = 0x10_0000..0x90_0000;
        assert_eq!(limit(0x80_0000, 0x8_0000, None, stack.clone()), Some(0x78_0000), "what the configuration allows");
        assert_eq!(limit(0x18_0000, 0x8_0000, None, stack.clone()), Some(0x14_0000), "the reserve at the end");
        assert_eq!(limit(0x80_0000, 0x8_0000, Some(0x7f_0000), stack.clone()), Some(0x7f_0000), "the outer entry's");
        assert_eq!(limit(0x13_0000, 0x8_0000, None, stack.clone()), None, "inside the reserve");
        assert_eq!(limit(0x7e_0000, 0x8_0000, Some(0x7f_0000), stack.clone()), None, "below the outer limit");
        assert_eq!(limit(0x80_0000, 0, None, stack), None);
        assert_eq!(limit(0x1000, 0x800, None, 0..0), Some(0x800), "unknown bounds");
        assert_eq!(
            limit(0x11_0000, 0x10_0000, None, 0x10_0000..0x12_0000),
            Some(0x10_8000),
            "a quarter of a small stack"
        );
    }

    #[test]
    fn this_stack_has_bounds() {
        let local = 0u8;
        assert!(stack_bounds().contains(&core::ptr::from_ref(&local).addr()));
    }
}
