//! Memory that compiled code points into. It never moves, and is accessed through raw pointers only.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::{alloc_zeroed, dealloc};

/// An owned `T` at an address of its own. Unlike a `Box` it may be moved while others hold pointers to the `T`.
pub(crate) struct Fixed<T: ?Sized>(NonNull<T>);

impl<T> Fixed<T> {
    /// Moves a value to the address that it keeps until this is dropped.
    pub(crate) fn new(value: T) -> Fixed<T> {
        Fixed::from(Box::new(value))
    }
}

impl<T: ?Sized> From<Box<T>> for Fixed<T> {
    fn from(value: Box<T>) -> Fixed<T> {
        Fixed(NonNull::from(Box::leak(value)))
    }
}

impl<T: ?Sized> Fixed<T> {
    /// The address of the value. It is valid until this is dropped.
    pub(crate) fn as_ptr(&self) -> NonNull<T> {
        self.0
    }
}

impl<T: ?Sized> Drop for Fixed<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a box, and only this value owns it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

// SAFETY: owns a `T`, as a box does.
unsafe impl<T: Send + ?Sized> Send for Fixed<T> {}
// SAFETY: `&Fixed` gives out an address only.
unsafe impl<T: Sync + ?Sized> Sync for Fixed<T> {}

/// An owned block of zeroed bytes.
pub(crate) struct Block {
    base: NonNull<u8>,
    layout: Layout,
}

impl Block {
    /// Allocates a block of zeros with this layout; `None` if the allocator has no memory for it. Fresh pages cost
    /// nothing until they are touched.
    pub(crate) fn try_zeroed(layout: Layout) -> Option<Block> {
        if layout.size() == 0 {
            // Aligned like any other block, so that empty slices can be made of it.
            let base = NonNull::new(core::ptr::without_provenance_mut(layout.align()))?;
            return Some(Block { base, layout });
        }
        // SAFETY: the size is not zero.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Block { base, layout })
    }

    /// The address of the first byte.
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.layout.size() > 0 {
            // SAFETY: allocated with this layout, and only this value owns it.
            unsafe { dealloc(self.base.as_ptr(), self.layout) };
        }
    }
}

// SAFETY: a block belongs to the process; who may touch its bytes is the owner's business.
unsafe impl Send for Block {}
// SAFETY: `&Block` gives out an address and a size only.
unsafe impl Sync for Block {}
