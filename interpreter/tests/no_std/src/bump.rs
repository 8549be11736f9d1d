//! An allocator that hands out a static array from start to end, and takes nothing back.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The bytes that the program has.
const SIZE: usize = 1 << 20;

#[repr(align(16))]
struct Bump {
    bytes: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { bytes: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };

// SAFETY: no two callers get the same bytes, since `used` only grows.
unsafe impl Sync for Bump {}

// SAFETY: a block is a part of the array that no other block has; it begins at a multiple of the alignment, since the
// array does at a multiple of the greatest one that is served.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > align_of::<Bump>() {
            return null_mut();
        }
        let size = layout.size().next_multiple_of(align_of::<Bump>());
        match self.used.fetch_update(Relaxed, Relaxed, |used| used.checked_add(size).filter(|&end| end <= SIZE)) {
            // SAFETY: the offset is inside of the array.
            Ok(start) => unsafe { self.bytes.get().cast::<u8>().add(start) },
            Err(_) => null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
