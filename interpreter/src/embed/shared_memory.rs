//! Memories that stores on several threads use
//! ([Threads](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md)).

use crate::error::{Error, ErrorKind, Result};
use crate::memory::{MemoryInstance, SharedBytes, Wait, WaitResult, Width};
use crate::store::{StoreLimits, refused};
use crate::types::MemoryType;
use alloc::format;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// A memory that stores on several threads can use. Clones are the same memory.
#[derive(Clone)]
pub struct SharedMemory(Arc<SharedBytes>);

impl SharedMemory {
    /// Makes a memory of zeros.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type is not valid or not shared; [`Resource`](ErrorKind::Resource) if it
    /// is too large.
    pub fn new(ty: MemoryType) -> Result<SharedMemory> {
        check_type(ty)?;
        if !ty.shared {
            return Err(Error::new(ErrorKind::Usage, format!("the type `memory {ty}` is not shared")));
        }
        Ok(SharedMemory(Arc::new(SharedBytes::new(ty)?)))
    }

    pub(super) fn from_bytes(bytes: Arc<SharedBytes>) -> SharedMemory {
        SharedMemory(bytes)
    }

    /// Returns the entry of the memory for a store.
    pub(super) fn entry(&self) -> MemoryInstance {
        MemoryInstance::from_shared(self.0.clone())
    }

    /// Returns the declared type, whose minimum is the initial size.
    pub fn ty(&self) -> MemoryType {
        self.0.ty()
    }

    /// Returns the size in pages.
    pub fn size(&self) -> u64 {
        self.entry().pages()
    }

    /// Grows by `delta` pages of zeros. Returns the old size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the maximum does not allow it.
    pub fn grow(&self, delta: u64) -> Result<u64> {
        let old = self.entry().grow(delta, &StoreLimits::new())?;
        old.ok_or_else(|| refused(format!("the memory cannot grow by {delta} pages")))
    }

    /// Copies from the memory into `buffer`. Other threads may write at the same time.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`](crate::Trap::MemoryOutOfBounds), with nothing copied, if the range does not lie
    /// inside the memory.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        Ok(self.entry().read(offset, buffer)?)
    }

    /// Copies `source` into the memory. Other threads may read at the same time.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`](crate::Trap::MemoryOutOfBounds), with nothing copied, if the range does not lie
    /// inside the memory.
    pub fn write(&self, offset: u64, source: &[u8]) -> Result<()> {
        Ok(self.entry().write(offset, source)?)
    }

    /// Wakes up to `count` threads that wait at an address. Returns the number of threads that it woke.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`](crate::Trap::UnalignedAtomic) unless the address is a multiple of 4;
    /// [`Trap::MemoryOutOfBounds`](crate::Trap::MemoryOutOfBounds) if it is outside the memory.
    pub fn atomic_notify(&self, address: u64, count: u32) -> Result<u32> {
        Ok(self.entry().notify(address, 0, count)?)
    }

    /// Blocks this thread until another thread notifies the address, or for `timeout`. Returns at once if the 32 bits
    /// at the address are not `expected`.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`](crate::Trap::UnalignedAtomic) unless the address is a multiple of 4;
    /// [`Trap::MemoryOutOfBounds`](crate::Trap::MemoryOutOfBounds) if it is outside the memory;
    /// [`Trap::Interrupted`](crate::Trap::Interrupted) if the wait would never end because the host cannot block.
    pub fn atomic_wait32(&self, address: u64, expected: u32, timeout: Option<Duration>) -> Result<WaitResult> {
        self.wait(address, Width::Bits32, expected.into(), timeout)
    }

    /// Blocks this thread until another thread notifies the address, or for `timeout`. Returns at once if the 64 bits
    /// at the address are not `expected`.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`](crate::Trap::UnalignedAtomic) unless the address is a multiple of 8; the other errors
    /// of [`atomic_wait32`](SharedMemory::atomic_wait32).
    pub fn atomic_wait64(&self, address: u64, expected: u64, timeout: Option<Duration>) -> Result<WaitResult> {
        self.wait(address, Width::Bits64, expected, timeout)
    }

    fn wait(&self, address: u64, width: Width, expected: u64, timeout: Option<Duration>) -> Result<WaitResult> {
        match self.entry().wait(address, 0, width, expected, timeout)? {
            Wait::Over(result) => Ok(result),
            Wait::Begun(mut waiting) => loop {
                if let Some(result) = waiting.block(Duration::MAX) {
                    return Ok(result);
                }
            },
        }
    }

    /// Returns whether both are handles of the same memory.
    pub fn same(&self, other: &SharedMemory) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory").field("ty", &self.ty()).field("size", &self.size()).finish()
    }
}

/// Checks that a type is one that a memory can have.
pub(super) fn check_type(ty: MemoryType) -> Result<()> {
    if ty.is_valid() {
        return Ok(());
    }
    let message = format!(
        "`memory {ty}` is not the type of a memory: its bounds are out of order or too large, its pages have neither \
         1 nor 65536 bytes, or it is shared and has no maximum"
    );
    Err(Error::new(ErrorKind::Usage, message))
}
