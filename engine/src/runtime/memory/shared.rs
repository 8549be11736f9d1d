//! Memories that several threads use at the same time
//! ([Threads](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md)).
//!
//! A shared memory belongs to no store; each store that uses it holds a handle. It never moves, and its length is
//! atomic and only grows. The runtime accesses its bytes only atomically, because compiled code of other threads may
//! access them at the same time.

use super::parking::{Parking, WaitResult};
use super::size::{GUARDED_RESERVATION, byte_size, check_type, whole_pages};
use super::slot::{Growth, extend, reserve};
use crate::abi::vmctx::MemoryDef;
use crate::base::{Error, ErrorKind, MemoryChecks, Result, Trap, planted};
use crate::runtime::sys::Mapping;
use crate::wasm::types::MemoryType;
use core::fmt;
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

/// A linear memory that threads share. Clones are cheap, and refer to the same memory. Stores of all engines can use it
/// ([`Memory::from_shared`](crate::Memory::from_shared)).
#[derive(Clone)]
pub struct SharedMemory(Arc<SharedMemoryInner>);

/// The memory itself, which all handles share.
struct SharedMemoryInner {
    /// The base and length that compiled code of all stores reads. The allocation of the `Arc` keeps it from moving.
    def: MemoryDef,
    ty: MemoryType,
    mapping: Mapping,
    /// Locked while the memory grows.
    growing: Mutex<()>,
    parking: Parking,
}

// SAFETY: the base never changes, the length is atomic, and the bytes are accessed atomically or by compiled code.
unsafe impl Send for SharedMemoryInner {}
// SAFETY: accesses through `&SharedMemoryInner` are atomic, or those of compiled code, which may race.
unsafe impl Sync for SharedMemoryInner {}

impl SharedMemory {
    /// Makes a memory of zeros.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type is not valid or not shared; [`Resource`](ErrorKind::Resource) if
    /// the operating system refuses.
    pub fn new(ty: MemoryType) -> Result<SharedMemory> {
        check_type(ty)?;
        if !ty.shared {
            return Err(Error::new(ErrorKind::Usage, format!("the type `memory {ty}` is not shared")));
        }
        let Some(bytes) = byte_size(ty, ty.limits.min) else {
            let message = format!("a memory of type `memory {ty}` is larger than any address space");
            return Err(Error::new(ErrorKind::Resource, message));
        };
        // Stores of any configuration may use the memory, so it has guard pages even where its first user checks
        // bounds. If the system refuses them, stores whose code checks bounds can use it all the same.
        let mapping = reserve(MemoryChecks::GuardPages, ty)
            .or_else(|error| reserve(MemoryChecks::Explicit, ty).map_err(|_| error))?;
        mapping.make_accessible(0..whole_pages(bytes))?;
        let def = MemoryDef { base: mapping.as_ptr(), length: AtomicU64::new(bytes) };
        Ok(SharedMemory(Arc::new(SharedMemoryInner {
            def,
            ty,
            mapping,
            growing: Mutex::new(()),
            parking: Parking::default(),
        })))
    }

    /// Checks that the memory has the guard pages that a store with these checks relies on.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refused them when the memory was made.
    pub(super) fn check_guards(self, checks: MemoryChecks) -> Result<SharedMemory> {
        if !self.0.ty.is_guarded(checks) || self.0.mapping.len() as u64 >= GUARDED_RESERVATION {
            return Ok(self);
        }
        let message = "the system refused the 8 GiB of address space for a shared memory with guard pages: raise the \
                       limit (`ulimit -v`), or use it in engines with `MemoryChecks::Explicit` only";
        Err(Error::new(ErrorKind::Resource, message))
    }

    /// Returns the declared type, whose minimum is the initial size.
    pub fn ty(&self) -> MemoryType {
        self.0.ty
    }

    /// Returns the size in pages.
    pub fn size(&self) -> u64 {
        self.length() >> self.0.ty.page_size_log2
    }

    /// Grows by `delta` pages of zeros. Returns the old size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the maximum or the operating system does not allow it.
    pub fn grow(&self, delta: u64) -> Result<u64> {
        match self.grow_if(delta, |_, _| Ok(true))? {
            Growth::From(old) => Ok(old),
            Growth::Forbidden => {
                Err(Error::new(ErrorKind::Resource, format!("the memory cannot grow by {delta} pages")))
            }
            Growth::Refused(error) => Err(error),
        }
    }

    /// Copies from the memory into `buffer`. Other threads may write at the same time; each byte is read atomically.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing copied, if the range does not lie inside the memory.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let bytes = self.bytes(offset, buffer.len() as u64)?;
        buffer.iter_mut().zip(bytes).for_each(|(target, byte)| *target = byte.load(Ordering::Relaxed));
        Ok(())
    }

    /// Copies `source` into the memory. Other threads may read at the same time; each byte is written atomically.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing copied, if the range does not lie inside the memory.
    pub fn write(&self, offset: u64, source: &[u8]) -> Result<()> {
        let bytes = self.bytes(offset, source.len() as u64)?;
        bytes.iter().zip(source).for_each(|(byte, &source)| byte.store(source, Ordering::Relaxed));
        Ok(())
    }

    /// Wakes up to `count` threads that wait at an address. Returns the number of threads that it woke.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`] unless the address is a multiple of 4; [`Trap::MemoryOutOfBounds`] if it is outside
    /// the memory.
    pub fn atomic_notify(&self, address: u64, count: u32) -> Result<u32> {
        self.atomic(address, 4)?;
        Ok(self.0.parking.notify(address, count))
    }

    /// Blocks this thread until another thread notifies the address, or for `timeout`. Returns at once if the 32 bits
    /// at the address are not `expected`.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`] unless the address is a multiple of 4; [`Trap::MemoryOutOfBounds`] if it is outside
    /// the memory.
    pub fn atomic_wait32(&self, address: u64, expected: u32, timeout: Option<Duration>) -> Result<WaitResult> {
        self.wait32(address, expected, timeout, None)
    }

    /// Blocks this thread until another thread notifies the address, or for `timeout`. Returns at once if the 64 bits
    /// at the address are not `expected`.
    ///
    /// # Errors
    /// [`Trap::UnalignedAtomic`] unless the address is a multiple of 8; [`Trap::MemoryOutOfBounds`] if it is outside
    /// the memory.
    pub fn atomic_wait64(&self, address: u64, expected: u64, timeout: Option<Duration>) -> Result<WaitResult> {
        self.wait64(address, expected, timeout, None)
    }

    /// Returns whether both are handles of the same memory.
    pub fn same(&self, other: &SharedMemory) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits as [`atomic_wait32`](SharedMemory::atomic_wait32) does. The error of `interrupt`, which is called now and
    /// then, ends the wait.
    pub(in crate::runtime) fn wait32(
        &self,
        address: u64,
        expected: u32,
        timeout: Option<Duration>,
        interrupt: Option<&mut dyn FnMut() -> Result<()>>,
    ) -> Result<WaitResult> {
        // SAFETY: aligned and inside the memory, which is never unmapped while a handle lives.
        let cell = unsafe { AtomicU32::from_ptr(self.atomic(address, 4)?.cast()) };
        self.0.parking.wait(address, || cell.load(Ordering::SeqCst) == expected.to_le(), timeout, interrupt)
    }

    /// Waits as [`atomic_wait64`](SharedMemory::atomic_wait64) does. The error of `interrupt`, which is called now and
    /// then, ends the wait.
    pub(in crate::runtime) fn wait64(
        &self,
        address: u64,
        expected: u64,
        timeout: Option<Duration>,
        interrupt: Option<&mut dyn FnMut() -> Result<()>>,
    ) -> Result<WaitResult> {
        // SAFETY: aligned and inside the memory, which is never unmapped while a handle lives.
        let cell = unsafe { AtomicU64::from_ptr(self.atomic(address, 8)?.cast()) };
        let ignored = if planted!(WaitComparesLow) { u64::from(u32::MAX) << 32 } else { 0 };
        let is_expected = || (cell.load(Ordering::SeqCst) ^ expected.to_le()) & !ignored == 0;
        self.0.parking.wait(address, is_expected, timeout, interrupt)
    }

    /// Grows by `delta` pages if `allow` permits it, given the old and the new size in bytes.
    ///
    /// `allow` is the embedder's code, so it runs without the lock. It runs again if another thread grew the memory
    /// meanwhile.
    ///
    /// # Errors
    /// The error of `allow`.
    pub(super) fn grow_if(&self, delta: u64, mut allow: impl FnMut(u64, u64) -> Result<bool>) -> Result<Growth> {
        let SharedMemoryInner { def, ty, mapping, growing, .. } = &*self.0;
        loop {
            let old = self.length();
            let pages = old >> ty.page_size_log2;
            let most = ty.limits.max.unwrap_or(ty.most_pages());
            let new = pages.checked_add(delta).filter(|&new| new <= most);
            let Some(new) = new.and_then(|new| byte_size(*ty, new)) else { return Ok(Growth::Forbidden) };
            if !allow(old, new)? {
                return Ok(Growth::Forbidden);
            }
            let _guard = growing.lock().unwrap_or_else(PoisonError::into_inner);
            if self.length() != old {
                continue;
            }
            if let Err(growth) = extend(mapping, *ty, old..new) {
                return Ok(growth);
            }
            def.length.store(new, Ordering::SeqCst);
            return Ok(Growth::From(pages));
        }
    }

    /// Returns the address of the definition that compiled code uses.
    pub(in crate::runtime) fn def(&self) -> NonNull<MemoryDef> {
        NonNull::from(&self.0.def)
    }

    /// Returns the length in bytes.
    fn length(&self) -> u64 {
        self.0.def.length.load(Ordering::SeqCst)
    }

    /// Returns the bytes of a range, after a check that the range lies inside the memory.
    fn bytes(&self, offset: u64, len: u64) -> Result<&[AtomicU8], Trap> {
        let inside = offset.checked_add(len).is_some_and(|end| end <= self.length());
        if !inside {
            return Err(Trap::MemoryOutOfBounds);
        }
        // SAFETY: these bytes are accessible, and stay so while a handle lives; whoever uses them from Rust does so
        // atomically.
        Ok(unsafe { slice::from_raw_parts(self.0.def.base.add(offset as usize).cast(), len as usize) })
    }

    /// Returns the address of an atomic access of `size` bytes, after a check of its alignment and bounds.
    fn atomic(&self, address: u64, size: u64) -> Result<*mut u8, Trap> {
        if !address.is_multiple_of(size) {
            return Err(Trap::UnalignedAtomic);
        }
        Ok(self.bytes(address, size)?.as_ptr().cast_mut().cast())
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory").field("ty", &self.0.ty).field("size", &self.size()).finish_non_exhaustive()
    }
}

/// Copies bytes that other threads may use at the same time. The ranges may overlap.
///
/// # Safety
/// Both ranges are readable and writable, and nobody has a reference to their bytes.
pub(in crate::runtime) unsafe fn copy_racing(from: *mut u8, to: *mut u8, len: usize) {
    // SAFETY: the caller's contract.
    let byte = |start: *mut u8, index: usize| unsafe { AtomicU8::from_ptr(start.add(index)) };
    let one = |index| byte(to, index).store(byte(from, index).load(Ordering::Relaxed), Ordering::Relaxed);
    // Where the ranges overlap, this order reads each byte before it is overwritten.
    if to.addr() > from.addr() {
        (0..len).rev().for_each(one);
    } else {
        (0..len).for_each(one);
    }
}

/// Fills bytes that other threads may use at the same time.
///
/// # Safety
/// The range is readable and writable, and nobody has a reference to its bytes.
pub(in crate::runtime) unsafe fn fill_racing(start: *mut u8, value: u8, len: usize) {
    for index in 0..len {
        // SAFETY: the caller's contract.
        unsafe { AtomicU8::from_ptr(start.add(index)) }.store(value, Ordering::Relaxed);
    }
}
