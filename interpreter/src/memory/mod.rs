//! Linear memories
//! ([Memory instances](https://webassembly.github.io/spec/core/exec/runtime.html#memory-instances)).
//!
//! | file | holds |
//! |---|---|
//! | `size` | sizes in pages and bytes |
//! | `own` | the bytes of a memory of one store |
//! | `shared` | the bytes of a memory that threads share |
//! | `parking` | threads that wait in a shared memory; `without_threads` stands for it on hosts that cannot block |
//! | `copy` | fills and copies |

mod copy;
mod own;
#[cfg(feature = "threads")]
mod parking;
mod shared;
mod size;
#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "threads"))]
mod thread_tests;
#[cfg(not(feature = "threads"))]
mod without_threads;

pub(crate) use own::filled;
#[cfg(feature = "threads")]
pub(crate) use parking::Waiting;
pub(crate) use shared::SharedBytes;
#[cfg(not(feature = "threads"))]
pub(crate) use without_threads::Waiting;

use crate::error::Result;
use crate::store::{StoreLimits, refused};
use crate::trap::Trap;
use crate::types::{Limits, MemoryType};
use alloc::format;
use alloc::sync::Arc;
use core::ops::Range;
use core::time::Duration;
use own::OwnBytes;
#[cfg(feature = "threads")]
use parking::Parking;
#[cfg(not(feature = "threads"))]
use without_threads::Parking;

/// A memory in its store.
pub(crate) struct MemoryInstance {
    ty: MemoryType,
    bytes: Bytes,
}

enum Bytes {
    Own(OwnBytes),
    Shared(Arc<SharedBytes>),
}

/// The width of an atomic access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Width {
    /// One byte.
    Bits8 = 1,
    /// Two bytes.
    Bits16 = 2,
    /// Four bytes.
    Bits32 = 4,
    /// Eight bytes.
    Bits64 = 8,
}

/// The result of a wait. The discriminants are the results of `memory.atomic.wait32` and `memory.atomic.wait64`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum WaitResult {
    /// Another thread notified the address.
    Ok = 0,
    /// The memory did not hold the expected value.
    Mismatch = 1,
    /// The timeout passed without a notification.
    TimedOut = 2,
}

/// The state of a wait after its first step.
pub(crate) enum Wait {
    /// The wait is over.
    Over(WaitResult),
    /// The thread is on the list of those that wait.
    #[cfg_attr(not(feature = "threads"), expect(dead_code, reason = "such a host never waits"))]
    Begun(Waiting),
}

impl Width {
    /// Returns the number of bytes.
    pub(crate) fn bytes(self) -> u64 {
        self as u64
    }

    /// Returns the bits that a value of this width can have.
    pub(crate) fn mask(self) -> u64 {
        u64::MAX >> (64 - 8 * self as u32)
    }
}

impl MemoryInstance {
    /// Makes a memory of zeros.
    ///
    /// # Errors
    /// Kind [`Resource`](crate::ErrorKind::Resource): the limits or the system refuse the initial size.
    pub(crate) fn new(ty: MemoryType, limits: &StoreLimits) -> Result<MemoryInstance> {
        let Some(length) = ty.byte_size(ty.limits.min) else {
            return Err(refused(format!("a memory of type `memory {ty}` is larger than any address space")));
        };
        if !limits.allow_memory(length)? {
            return Err(refused(format!("the store's limit refuses a memory of {length} bytes")));
        }
        if ty.shared {
            return Ok(MemoryInstance::from_shared(Arc::new(SharedBytes::new(ty)?)));
        }
        let own = usize::try_from(length).ok().and_then(OwnBytes::new);
        let own = own.ok_or_else(|| refused(format!("the system refuses a memory of {length} bytes")))?;
        Ok(MemoryInstance { ty, bytes: Bytes::Own(own) })
    }

    /// Makes the entry of a memory that other stores may use too.
    pub(crate) fn from_shared(shared: Arc<SharedBytes>) -> MemoryInstance {
        MemoryInstance { ty: shared.ty(), bytes: Bytes::Shared(shared) }
    }

    /// Returns the memory as one that other stores may use too, if it is one.
    pub(crate) fn as_shared(&self) -> Option<&Arc<SharedBytes>> {
        match &self.bytes {
            Bytes::Own(_) => None,
            Bytes::Shared(shared) => Some(shared),
        }
    }

    /// Returns the declared type.
    pub(crate) fn ty(&self) -> MemoryType {
        self.ty
    }

    /// Returns the type with the present size as its minimum, by which an import is matched.
    pub(crate) fn current_type(&self) -> MemoryType {
        MemoryType { limits: Limits { min: self.pages(), max: self.ty.limits.max }, ..self.ty }
    }

    /// Returns the length in bytes.
    pub(crate) fn length(&self) -> u64 {
        match &self.bytes {
            Bytes::Own(own) => own.as_slice().len() as u64,
            Bytes::Shared(shared) => shared.length(),
        }
    }

    /// Returns the size in pages.
    pub(crate) fn pages(&self) -> u64 {
        self.length() >> self.ty.page_size_log2
    }

    /// Returns the bytes of a memory of this store alone; none if the memory is shared.
    #[inline(always)]
    pub(crate) fn own(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Own(own) => own.as_slice(),
            Bytes::Shared(_) => &[],
        }
    }

    /// Returns the bytes of a memory of this store alone, to be changed; none if the memory is shared.
    ///
    /// The loop keeps them while it runs a function: an access that fails there is tried again with
    /// [`load`](MemoryInstance::load) or [`store`](MemoryInstance::store), in case the memory is shared.
    #[inline(always)]
    pub(crate) fn own_mut(&mut self) -> &mut [u8] {
        match &mut self.bytes {
            Bytes::Own(own) => own.as_mut_slice(),
            Bytes::Shared(_) => &mut [],
        }
    }

    /// Grows by `delta` pages of zeros. Returns the old size in pages; `None`, with nothing changed, if the memory
    /// cannot grow.
    ///
    /// # Errors
    /// The error of the limits, if they make one of a growth that fails.
    pub(crate) fn grow(&mut self, delta: u64, limits: &StoreLimits) -> Result<Option<u64>> {
        let ty = self.ty;
        let old = match &mut self.bytes {
            Bytes::Own(own) => grow_own(own, ty, delta, limits)?,
            Bytes::Shared(shared) => shared.grow(delta, limits)?,
        };
        Ok(old.map(|bytes| bytes >> ty.page_size_log2))
    }

    /// Copies bytes from `at` on into `buffer`.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing copied, if the range does not lie inside the memory.
    pub(crate) fn read(&self, at: u64, buffer: &mut [u8]) -> Result<(), Trap> {
        let range = self.range(at, buffer.len() as u64)?;
        match &self.bytes {
            Bytes::Own(own) => buffer.copy_from_slice(&own.as_slice()[range]),
            Bytes::Shared(shared) => shared.read(at, buffer),
        }
        Ok(())
    }

    /// Copies `bytes` to the memory from `at` on.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing copied, if the range does not lie inside the memory.
    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Trap> {
        let range = self.range(at, bytes.len() as u64)?;
        match &mut self.bytes {
            Bytes::Own(own) => own.as_mut_slice()[range].copy_from_slice(bytes),
            Bytes::Shared(shared) => shared.write(at, bytes),
        }
        Ok(())
    }

    /// Reads `N` bytes from `address + offset` on.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`] if they do not lie inside the memory.
    pub(crate) fn load<const N: usize>(&self, address: u64, offset: u64) -> Result<[u8; N], Trap> {
        let at = effective_address(address, offset)?;
        let range = self.range(at, N as u64)?;
        match &self.bytes {
            Bytes::Own(own) => own.as_slice()[range].first_chunk().copied().ok_or(Trap::MemoryOutOfBounds),
            Bytes::Shared(shared) => Ok(shared.load(at)),
        }
    }

    /// Writes bytes to `address + offset` and on.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing written, if they do not lie inside the memory.
    pub(crate) fn store<const N: usize>(&mut self, address: u64, offset: u64, bytes: [u8; N]) -> Result<(), Trap> {
        self.write(effective_address(address, offset)?, &bytes)
    }

    /// Replaces the value at `address + offset` by the result of `change`, if there is one. Returns the old value. One
    /// sequentially consistent access if the memory is shared.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`] or [`Trap::MemoryOutOfBounds`].
    pub(crate) fn modify(
        &mut self,
        address: u64,
        offset: u64,
        width: Width,
        mut change: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, Trap> {
        let at = aligned_address(address, offset, width)?;
        let range = self.range(at, width.bytes())?;
        let own = match &mut self.bytes {
            Bytes::Own(own) => &mut own.as_mut_slice()[range],
            Bytes::Shared(shared) => return Ok(shared.modify(at, width, change)),
        };
        let mut word = [0; 8];
        word[..own.len()].copy_from_slice(own);
        let old = u64::from_le_bytes(word);
        if let Some(new) = change(old) {
            own.copy_from_slice(&new.to_le_bytes()[..own.len()]);
        }
        Ok(old)
    }

    /// Begins to wait until another thread notifies `address + offset`, if the value there is `expected`. Without a
    /// timeout, the wait has no end but a notification.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`], [`Trap::ExpectedSharedMemory`] or [`Trap::MemoryOutOfBounds`];
    /// [`Trap::Interrupted`] if the wait would never end because the host cannot block.
    pub(crate) fn wait(
        &self,
        address: u64,
        offset: u64,
        width: Width,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<Wait, Trap> {
        let at = aligned_address(address, offset, width)?;
        let shared = self.as_shared().ok_or(Trap::ExpectedSharedMemory)?;
        self.range(at, width.bytes())?;
        shared.wait(at, width, expected, timeout)
    }

    /// Wakes the first `count` threads that wait at `address + offset`. Returns their number.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`] or [`Trap::MemoryOutOfBounds`].
    pub(crate) fn notify(&self, address: u64, offset: u64, count: u32) -> Result<u32, Trap> {
        let at = aligned_address(address, offset, Width::Bits32)?;
        self.range(at, Width::Bits32.bytes())?;
        Ok(self.as_shared().map_or(0, |shared| shared.notify(at, count)))
    }

    /// Returns the positions of a range of bytes, after a check that they lie inside the memory.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`] if they do not.
    pub(crate) fn range(&self, at: u64, length: u64) -> Result<Range<usize>, Trap> {
        match at.checked_add(length) {
            Some(end) if end <= self.length() => Ok(at as usize..end as usize),
            _ => Err(Trap::MemoryOutOfBounds),
        }
    }
}

/// Returns the address of an access.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`] if it is past the end of the address space.
#[inline(always)]
pub(crate) fn effective_address(address: u64, offset: u64) -> Result<u64, Trap> {
    address.checked_add(offset).ok_or(Trap::MemoryOutOfBounds)
}

/// Returns the address of an atomic access. Alignment comes first: an address that is not aligned traps for that,
/// wherever it is.
fn aligned_address(address: u64, offset: u64, width: Width) -> Result<u64, Trap> {
    // The low bits are right even if the sum wraps.
    if !address.wrapping_add(offset).is_multiple_of(width.bytes()) {
        return Err(Trap::UnalignedAtomic);
    }
    effective_address(address, offset)
}

/// Grows the bytes of a memory. Returns the old length in bytes; `None`, with nothing changed, if it cannot grow.
fn grow_own(own: &mut OwnBytes, ty: MemoryType, delta: u64, limits: &StoreLimits) -> Result<Option<u64>> {
    let old = own.as_slice().len() as u64;
    let Some(new) = ty.grown(old, delta) else { return Ok(None) };
    let most = ty.most_bytes();
    if !limits.allow_memory(new)? || new > most {
        return Ok(None);
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if usize::try_from(new).is_ok_and(|new| own.grow(new, most)) {
        return Ok(Some(old));
    }
    limits.hear_refusal(format!("the system refuses to let a memory grow from {old} to {new} bytes"))?;
    Ok(None)
}
