//! Linear memories of a store. A memory is a reserved range of address space whose first bytes are accessible; its base
//! never moves. A memory that threads share is a [`SharedMemory`], to which the store holds a handle.

mod parking;
mod pool;
mod reservation;
mod shared;
mod size;
mod slot;
#[cfg(all(test, feature = "compile"))]
mod tests;

pub use parking::WaitResult;
pub(super) use pool::Pool;
pub use shared::SharedMemory;
pub(super) use shared::{copy_racing, fill_racing};

use super::fixed::Fixed;
use super::store::{OpaqueMut, StoreId, StoreOpaque};
use super::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::abi::vmctx::MemoryDef;
use crate::base::{Error, ErrorKind, Result, Trap, planted};
use crate::wasm::types::{Limits, MemoryType};
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::{AtomicU64, Ordering};
use reservation::Reservation;
use size::{byte_size, check_type};
use slot::Growth;

/// A linear memory of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Memory {
    store: StoreId,
    index: u32,
}

/// A memory in its store.
pub(crate) struct MemoryEntry {
    /// The base and length that compiled code reads. They are in the context of the instance that defines the memory,
    /// in `_own`, or in the shared memory.
    def: NonNull<MemoryDef>,
    /// The definition of an unshared memory that the host made.
    _own: Option<Fixed<MemoryDef>>,
    ty: MemoryType,
    bytes: Bytes,
}

/// The address space of a memory.
pub(crate) enum Bytes {
    /// Address space that only the store uses.
    Own(Reservation),
    /// A memory that other threads may use.
    Shared(SharedMemory),
}

// SAFETY: the definition lives in the entry or in an instance of the same store, and moves between threads with them.
unsafe impl Send for MemoryEntry {}
// SAFETY: `&MemoryEntry` allows reading only; writes by compiled code need an exclusive borrow of the store.
unsafe impl Sync for MemoryEntry {}

impl Memory {
    /// Makes a memory of zeros.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type is not valid; [`Resource`](ErrorKind::Resource) if the store's
    /// limiter or the operating system refuses.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Memory> {
        let mut store = store.as_context_mut().into_opaque();
        check_type(ty)?;
        let count = store.memories.len() + 1;
        store.check_count("memories", count, |limiter| limiter.memories())?;
        let entry = match allocate(&mut store, ty, None)? {
            Bytes::Shared(shared) => MemoryEntry::shared(shared),
            Bytes::Own(space) => {
                let own = Fixed::new(definition(&space, ty));
                MemoryEntry { def: own.as_ptr(), _own: Some(own), ty, bytes: Bytes::Own(space) }
            }
        };
        Ok(Memory::add(&mut store, entry))
    }

    /// Adds a shared memory to a store, so that instances can import it.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the store's limiter refuses one more memory, or if the store's engine
    /// relies on guard pages and the operating system refused them when the memory was made.
    pub fn from_shared(mut store: impl AsContextMut, shared: &SharedMemory) -> Result<Memory> {
        let mut store = store.as_context_mut().into_opaque();
        let count = store.memories.len() + 1;
        store.check_count("memories", count, |limiter| limiter.memories())?;
        let shared = shared.clone().check_guards(store.engine().config().memory_checks)?;
        Ok(Memory::add(&mut store, MemoryEntry::shared(shared)))
    }

    /// Returns the shared memory, which other threads can use; `None` if this memory is not shared.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn shared(&self, store: impl AsContext) -> Result<Option<SharedMemory>> {
        Ok(self.entry(store.as_context().opaque())?.as_shared().cloned())
    }

    /// Returns the declared type, whose minimum is the initial size.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<MemoryType> {
        Ok(self.entry(store.as_context().opaque())?.ty)
    }

    /// Returns the size in pages. A page has 64 KiB unless the type has another page size.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn size(&self, store: impl AsContext) -> Result<u64> {
        Ok(self.entry(store.as_context().opaque())?.pages())
    }

    /// Grows by `delta` pages of zeros. Returns the old size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the maximum, the limiter or the operating system does not allow it;
    /// [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64> {
        let mut store = store.as_context_mut().into_opaque();
        store.check(self.store, "memory")?;
        grow(&mut store, self.index, delta)?
            .ok_or_else(|| Error::new(ErrorKind::Resource, format!("the memory cannot grow by {delta} pages")))
    }

    /// Copies from the memory into `buffer`.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing copied, if the range does not lie inside the memory; kind
    /// [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn read(&self, store: impl AsContext, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let store = store.as_context();
        let entry = self.entry(store.opaque())?;
        if let Some(shared) = entry.as_shared() {
            return shared.read(offset, buffer);
        }
        let start = entry.range(offset, buffer.len() as u64)?;
        // SAFETY: the range lies inside the memory, which nobody writes while the store is borrowed.
        buffer.copy_from_slice(unsafe { slice::from_raw_parts(entry.base().add(start), buffer.len()) });
        Ok(())
    }

    /// Copies `bytes` into the memory.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`], with nothing copied, if the range does not lie inside the memory; kind
    /// [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn write(&self, mut store: impl AsContextMut, offset: u64, bytes: &[u8]) -> Result<()> {
        let store = store.as_context_mut().into_opaque();
        let entry = self.entry(&store)?;
        if let Some(shared) = entry.as_shared() {
            return shared.write(offset, bytes);
        }
        let start = entry.range(offset, bytes.len() as u64)?;
        // SAFETY: the range lies inside the memory, which nobody else uses while the store is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(entry.base().add(start), bytes.len()) }.copy_from_slice(bytes);
        Ok(())
    }

    /// Returns all bytes.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory is shared, so that other threads may write to it, or belongs to
    /// another store.
    pub fn data<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> Result<&'a [u8]> {
        let entry = self.unshared(store.into().opaque())?;
        // SAFETY: these bytes are accessible, never move or shrink, and nobody writes them while the store is borrowed.
        Ok(unsafe { slice::from_raw_parts(entry.base(), entry.length()) })
    }

    /// Returns all bytes, to be changed.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory is shared, so that other threads may use it, or belongs to
    /// another store.
    pub fn data_mut<'a, T: 'static>(&self, store: impl Into<StoreContextMut<'a, T>>) -> Result<&'a mut [u8]> {
        Ok(self.data_and_store_mut(store)?.0)
    }

    /// Returns all bytes, and the embedder's data beside them, both to be changed.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory is shared, so that other threads may use it, or belongs to
    /// another store.
    pub fn data_and_store_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<(&'a mut [u8], &'a mut T)> {
        let store = store.into();
        let entry = self.unshared(store.as_context().opaque())?;
        let (base, length) = (entry.base(), entry.length());
        // SAFETY: these bytes are accessible, never move or shrink, and nobody else uses them while the store is
        // borrowed exclusively. The embedder's data is none of them.
        Ok((unsafe { slice::from_raw_parts_mut(base, length) }, store.into_data_mut()))
    }

    /// Returns the entry, after a check that the memory is not shared.
    fn unshared<'a>(&self, store: &'a StoreOpaque) -> Result<&'a MemoryEntry> {
        let entry = self.entry(store)?;
        if entry.as_shared().is_none() {
            return Ok(entry);
        }
        let message = "the memory is shared: other threads may write it, so its bytes can be copied, not borrowed";
        Err(Error::new(ErrorKind::Usage, message))
    }

    /// Returns the entry, after a check that the memory belongs to the store.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it belongs to another store.
    pub(crate) fn entry<'a>(&self, store: &'a StoreOpaque) -> Result<&'a MemoryEntry> {
        store.check(self.store, "memory")?;
        Ok(&store.memories[self.index as usize])
    }

    /// Returns the index of the memory in its store.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Makes a handle to the memory at an index of a store.
    pub(crate) fn from_index(index: u32, store: StoreId) -> Memory {
        Memory { store, index }
    }

    /// Adds a memory to the store.
    pub(crate) fn add(store: &mut StoreOpaque, entry: MemoryEntry) -> Memory {
        let index = u32::try_from(store.memories.len()).expect("address space ends long before 2^32 memories");
        store.memories.push(entry);
        Memory { store: store.id(), index }
    }
}

impl MemoryEntry {
    /// Makes the entry of a memory that an instance defines. `def` is in the instance's context.
    pub(crate) fn defined(def: NonNull<MemoryDef>, ty: MemoryType, space: Reservation) -> MemoryEntry {
        // SAFETY: the context was just allocated, with room for this definition.
        unsafe { def.write(definition(&space, ty)) };
        MemoryEntry { def, _own: None, ty, bytes: Bytes::Own(space) }
    }

    /// Makes the entry of a memory that other stores may use too.
    pub(crate) fn shared(shared: SharedMemory) -> MemoryEntry {
        MemoryEntry { def: shared.def(), _own: None, ty: shared.ty(), bytes: Bytes::Shared(shared) }
    }

    /// Returns the memory as one that other stores may use too, if it is one.
    pub(crate) fn as_shared(&self) -> Option<&SharedMemory> {
        match &self.bytes {
            Bytes::Own(_) => None,
            Bytes::Shared(shared) => Some(shared),
        }
    }

    /// Returns the address of the definition that compiled code uses.
    pub(crate) fn def(&self) -> NonNull<MemoryDef> {
        self.def
    }

    /// Returns the address space of an unshared memory; `None` for a shared one.
    pub(crate) fn own_space(&mut self) -> Option<&mut Reservation> {
        match &mut self.bytes {
            Bytes::Own(space) => Some(space),
            Bytes::Shared(_) => None,
        }
    }

    /// Returns the address of the first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        // SAFETY: the definition lives as long as the entry, and its base never changes.
        unsafe { self.def.as_ref().base }
    }

    /// Returns the length in bytes.
    pub(crate) fn length(&self) -> usize {
        // SAFETY: the definition lives as long as the store.
        let length = unsafe { self.def.as_ref() }.length.load(Ordering::Relaxed);
        usize::try_from(length).expect("no longer than the mapping")
    }

    /// `memory.atomic.notify`. In an unshared memory there are no waiters, so only the address is checked.
    pub(crate) fn notify(&self, address: u64, count: u32) -> Result<u32> {
        if let Some(shared) = self.as_shared() {
            return shared.atomic_notify(address, count);
        }
        if !address.is_multiple_of(4) {
            return Err(Trap::UnalignedAtomic.into());
        }
        self.range(address, 4)?;
        Ok(0)
    }

    /// Returns the size in pages.
    fn pages(&self) -> u64 {
        self.length() as u64 >> self.ty.page_size_log2
    }

    /// Extends an unshared memory to `bytes` bytes, at least its present length.
    fn extend(&mut self, bytes: u64) -> Growth {
        let (ty, old, lengths) = (self.ty, self.pages(), self.length() as u64..bytes);
        let space = self.own_space().expect("a shared memory grows by itself");
        if let Err(growth) = space.extend(ty, lengths) {
            return growth;
        }
        // SAFETY: the definition lives as long as the store.
        unsafe { self.def.as_ref() }.length.store(bytes, Ordering::Relaxed);
        Growth::From(old)
    }

    /// Returns the type with the current size as its minimum.
    pub(crate) fn current_type(&self) -> MemoryType {
        MemoryType { limits: Limits { min: self.pages(), max: self.ty.limits.max }, ..self.ty }
    }

    /// Returns the start of a range, after a check that the range lies inside the memory.
    pub(crate) fn range(&self, offset: u64, len: u64) -> Result<usize, Trap> {
        match offset.checked_add(len) {
            Some(end) if planted!(MemoryRangeEndsEarly) && end == self.length() as u64 && offset > 0 && len > 0 => {
                Err(Trap::MemoryOutOfBounds)
            }
            Some(end) if end <= self.length() as u64 => Ok(usize::try_from(offset).expect("inside the memory")),
            _ => Err(Trap::MemoryOutOfBounds),
        }
    }
}

/// Reserves address space for a memory of this type and makes its first pages accessible, if the limiter allows it.
/// `image` is the number of a memory image that may be in them already.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if the limiter or the operating system refuses; the limiter's error.
pub(crate) fn allocate(store: &mut OpaqueMut<'_>, ty: MemoryType, image: Option<u64>) -> Result<Bytes> {
    let bytes = byte_size(ty, ty.limits.min).ok_or_else(|| {
        Error::new(ErrorKind::Resource, format!("a memory of type `memory {ty}` is larger than any address space"))
    })?;
    if !limiter_allows(store, ty, 0, bytes)? {
        let message = format!("the store's limiter refuses a memory of {bytes} bytes");
        return Err(Error::new(ErrorKind::Resource, message));
    }
    let (pool, checks) = (store.engine().memories(), store.engine().config().memory_checks);
    if ty.shared {
        return Ok(Bytes::Shared(SharedMemory::new(ty)?.check_guards(checks)?));
    }
    Ok(Bytes::Own(Reservation::new(pool, checks, ty, bytes, image)?))
}

/// Grows a memory by `delta` pages. Returns the old size in pages; `None`, with nothing changed, if it cannot grow.
///
/// # Errors
/// The limiter's error.
pub(crate) fn grow(store: &mut OpaqueMut<'_>, index: u32, delta: u64) -> Result<Option<u64>> {
    let growth = match store.memories[index as usize].as_shared().cloned() {
        Some(shared) => {
            let ty = shared.ty();
            shared.grow_if(delta, |current, desired| limiter_allows(store, ty, current, desired))?
        }
        None => grow_own(store, index, delta)?,
    };
    match growth {
        Growth::From(old) => Ok(Some(old)),
        Growth::Forbidden => Ok(None),
        Growth::Refused(error) => {
            let told = store.limiter().map_or(Ok(()), |limiter| limiter.memory_grow_failed(error));
            told.map(|()| None)
        }
    }
}

/// Grows an unshared memory by `delta` pages, if its type and the limiter allow it.
fn grow_own(store: &mut OpaqueMut<'_>, index: u32, delta: u64) -> Result<Growth> {
    let entry = &store.memories[index as usize];
    let (ty, length) = (entry.ty, entry.length() as u64);
    let most = ty.limits.max.unwrap_or(ty.most_pages());
    let new = entry.pages().checked_add(delta).filter(|&new| new <= most);
    match new.and_then(|new| byte_size(ty, new)) {
        Some(bytes) if limiter_allows(store, ty, length, bytes)? => Ok(store.memories[index as usize].extend(bytes)),
        _ => Ok(Growth::Forbidden),
    }
}

/// Returns whether the store's limiter allows a memory to grow. Sizes are in bytes.
fn limiter_allows(store: &mut OpaqueMut<'_>, ty: MemoryType, current: u64, desired: u64) -> Result<bool> {
    let max = ty.limits.max.map(|pages| pages.saturating_mul(ty.page_size()));
    match store.limiter() {
        Some(limiter) => Ok(limiter.memory_growing(current, desired, max)? || planted!(MemoryRefusalIgnored)),
        None => Ok(true),
    }
}

/// Returns the definition of a memory at its initial size.
fn definition(space: &Reservation, ty: MemoryType) -> MemoryDef {
    let length = byte_size(ty, ty.limits.min).expect("the address space has room for it");
    MemoryDef { base: space.mapping().as_ptr(), length: AtomicU64::new(length) }
}
