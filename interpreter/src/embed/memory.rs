//! Memories ([Memory instances](https://webassembly.github.io/spec/core/exec/runtime.html#memory-instances)).

use super::context::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use super::item::item;
use super::shared_memory::{SharedMemory, check_type};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::MemoryInstance;
use crate::store::{StoreInner, refused};
use crate::types::MemoryType;
use alloc::format;

item! {
    /// A memory of a store.
    Memory, "memory", memories: MemoryInstance
}

impl Memory {
    /// Makes a memory of zeros.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type is not valid; [`Resource`](ErrorKind::Resource) if the store's
    /// limits or the system refuse.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Memory> {
        check_type(ty)?;
        let inner = store.as_context_mut().into_inner();
        inner.limits.check_memories(inner.memories.len() + 1)?;
        let memory = MemoryInstance::new(ty, &inner.limits)?;
        Ok(Memory::add(inner, memory))
    }

    /// Adds a shared memory to a store, so that instances can import it.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the store's limits refuse one more memory.
    pub fn from_shared(mut store: impl AsContextMut, shared: &SharedMemory) -> Result<Memory> {
        let inner = store.as_context_mut().into_inner();
        inner.limits.check_memories(inner.memories.len() + 1)?;
        Ok(Memory::add(inner, shared.entry()))
    }

    fn add(store: &mut StoreInner, memory: MemoryInstance) -> Memory {
        let address = store.memories.len() as u32;
        store.memories.push(memory);
        Memory::from_address(address, store.id())
    }

    /// Returns the shared memory, which other threads can use; `None` if this memory is not shared.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn shared(&self, store: impl AsContext) -> Result<Option<SharedMemory>> {
        Ok(self.entry(store.as_context().inner())?.as_shared().cloned().map(SharedMemory::from_bytes))
    }

    /// Returns the declared type, whose minimum is the initial size.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<MemoryType> {
        Ok(self.entry(store.as_context().inner())?.ty())
    }

    /// Returns the size in pages. A page has 64 KiB unless the type has another page size.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn size(&self, store: impl AsContext) -> Result<u64> {
        Ok(self.entry(store.as_context().inner())?.pages())
    }

    /// Grows by `delta` pages of zeros. Returns the old size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the maximum, the limits or the system do not allow it;
    /// [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64> {
        let inner = store.as_context_mut().into_inner();
        self.entry(inner)?;
        let old = inner.memories[self.address() as usize].grow(delta, &inner.limits)?;
        old.ok_or_else(|| refused(format!("the memory cannot grow by {delta} pages")))
    }

    /// Copies from the memory into `buffer`.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`](crate::Trap::MemoryOutOfBounds), with nothing copied, if the range does not lie
    /// inside the memory; kind [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn read(&self, store: impl AsContext, offset: u64, buffer: &mut [u8]) -> Result<()> {
        Ok(self.entry(store.as_context().inner())?.read(offset, buffer)?)
    }

    /// Copies `bytes` into the memory.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`](crate::Trap::MemoryOutOfBounds), with nothing copied, if the range does not lie
    /// inside the memory; kind [`Usage`](ErrorKind::Usage) if the memory belongs to another store.
    pub fn write(&self, mut store: impl AsContextMut, offset: u64, bytes: &[u8]) -> Result<()> {
        let inner = store.as_context_mut().into_inner();
        self.entry(inner)?;
        Ok(inner.memories[self.address() as usize].write(offset, bytes)?)
    }

    /// Returns all bytes.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the memory is shared, so that other threads may write to it, or belongs to
    /// another store.
    pub fn data<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> Result<&'a [u8]> {
        let inner = store.into().inner();
        self.check_unshared(inner)?;
        Ok(self.entry(inner)?.own())
    }

    /// Returns all bytes, to be changed.
    ///
    /// # Errors
    /// Those of [`Memory::data`].
    pub fn data_mut<'a, T: 'static>(&self, store: impl Into<StoreContextMut<'a, T>>) -> Result<&'a mut [u8]> {
        Ok(self.data_and_store_mut(store)?.0)
    }

    /// Returns all bytes, and the embedder's data beside them, both to be changed.
    ///
    /// # Errors
    /// Those of [`Memory::data`].
    pub fn data_and_store_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<(&'a mut [u8], &'a mut T)> {
        let store = store.into().0;
        self.check_unshared(&store.inner)?;
        Ok((store.inner.memories[self.address() as usize].own_mut(), &mut store.data))
    }

    fn check_unshared(self, store: &StoreInner) -> Result<()> {
        match self.entry(store)?.as_shared() {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Usage, "a shared memory has no slice of bytes: use read and write")),
        }
    }
}
