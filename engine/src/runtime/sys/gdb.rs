//! The [GDB JIT interface](https://sourceware.org/gdb/current/onlinedocs/gdb.html/JIT-Interface.html), through which gdb
//! and lldb learn of code that no file on their disk has: a list of ELF files in this process's memory, and a function
//! that is called at each change of the list, in which the debugger has a breakpoint.

use core::arch::global_asm;
use core::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

/// An ELF file that debuggers know of while this value lives.
#[derive(Debug)]
pub(crate) struct DebuggerRegistration {
    /// An element of the list, which the list's other elements point to.
    entry: *mut Entry,
}

/// `struct jit_code_entry`.
#[repr(C)]
#[derive(Debug)]
struct Entry {
    next: *mut Entry,
    prev: *mut Entry,
    symfile: *const u8,
    symfile_size: u64,
}

/// `struct jit_descriptor`.
#[repr(C)]
struct Descriptor {
    version: u32,
    action: u32,
    /// The element that the last call is about.
    relevant: *mut Entry,
    first: *mut Entry,
}

const REGISTER: u32 = 1;
const UNREGISTER: u32 = 2;

// The symbols are weak, so that all compilers of a process share one list, as the interface wants it. Rust has no other
// way to say so.
global_asm!(
    ".pushsection .text.__jit_debug_register_code, \"ax\", @progbits",
    ".weak __jit_debug_register_code",
    ".type __jit_debug_register_code, @function",
    "__jit_debug_register_code: ret",
    ".size __jit_debug_register_code, . - __jit_debug_register_code",
    ".popsection",
    ".pushsection .data.__jit_debug_descriptor, \"aw\", @progbits",
    ".weak __jit_debug_descriptor",
    ".type __jit_debug_descriptor, @object",
    ".balign 8",
    "__jit_debug_descriptor: .long 1, 0",
    ".quad 0, 0",
    ".size __jit_debug_descriptor, . - __jit_debug_descriptor",
    ".popsection",
);

unsafe extern "C" {
    static mut __jit_debug_descriptor: Descriptor;
    fn __jit_debug_register_code();
}

/// Whoever changes the list holds this lock.
static LIST: Mutex<()> = Mutex::new(());

// SAFETY: the element is only read and written under the lock.
unsafe impl Send for DebuggerRegistration {}
// SAFETY: no method takes the value by reference.
unsafe impl Sync for DebuggerRegistration {}

impl DebuggerRegistration {
    /// Tells debuggers of an ELF file whose addresses are those at which its code is loaded.
    pub(crate) fn new(image: Vec<u8>) -> DebuggerRegistration {
        let image = Box::leak(image.into_boxed_slice());
        let entry =
            Entry { next: null_mut(), prev: null_mut(), symfile: image.as_ptr(), symfile_size: image.len() as u64 };
        let entry = Box::into_raw(Box::new(entry));
        let _lock = LIST.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: under the lock. The elements of the list are alive: each leaves the list before it is freed.
        unsafe {
            let first = __jit_debug_descriptor.first;
            (*entry).next = first;
            if let Some(first) = first.as_mut() {
                first.prev = entry;
            }
            __jit_debug_descriptor.first = entry;
            tell(REGISTER, entry);
        }
        DebuggerRegistration { entry }
    }
}

impl Drop for DebuggerRegistration {
    fn drop(&mut self) {
        let _lock = LIST.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: as in `new`, which made the element and its image of boxes. Only this value frees them.
        unsafe {
            let Entry { next, prev, symfile, symfile_size } = *self.entry;
            match prev.as_mut() {
                Some(prev) => prev.next = next,
                None => __jit_debug_descriptor.first = next,
            }
            if let Some(next) = next.as_mut() {
                next.prev = prev;
            }
            tell(UNREGISTER, self.entry);
            drop(Box::from_raw(self.entry));
            drop(Box::from_raw(core::ptr::slice_from_raw_parts_mut(symfile.cast_mut(), symfile_size as usize)));
        }
    }
}

/// Tells the debugger of a change of the list.
///
/// # Safety
/// The caller holds the lock, and the element is alive.
unsafe fn tell(action: u32, entry: *mut Entry) {
    // SAFETY: under the lock.
    unsafe {
        __jit_debug_descriptor.action = action;
        __jit_debug_descriptor.relevant = entry;
        __jit_debug_register_code();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of all registered files.
    fn registered() -> Vec<u8> {
        let _lock = LIST.lock().unwrap();
        // SAFETY: under the lock.
        let mut entry = unsafe { __jit_debug_descriptor.first };
        let mut files = Vec::new();
        let mut last = null_mut();
        // SAFETY: the elements of the list are alive.
        while let Some(element) = unsafe { entry.as_ref() } {
            assert_eq!(element.prev, last);
            // SAFETY: each element of these tests has an image of at least one byte.
            files.push(unsafe { *element.symfile });
            (last, entry) = (entry, element.next);
        }
        files
    }

    #[test]
    fn files_enter_and_leave_the_list_in_any_order() {
        let count = |first| registered().into_iter().filter(|&found| found == first).count();
        let mut files: Vec<_> = (101..=104).map(|first| DebuggerRegistration::new(vec![first, 0])).collect();
        for gone in [2, 0, 1, 0] {
            files.remove(gone);
            assert_eq!((101..=104).map(count).sum::<usize>(), files.len());
        }
        // Threads at once.
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| drop(DebuggerRegistration::new(vec![105]))));
            }
        });
        assert_eq!(count(105), 0);
    }
}
