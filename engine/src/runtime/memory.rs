//! Memories.
use super::*;
use crate::base::*;
use crate::wasm::types::*;
/// A linear memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {}
impl Memory {
    /// A new memory of zeros.
    pub fn new(_store: impl AsContextMut, _ty: MemoryType) -> Result<Memory> {
        todo!()
    }
    /// The type as declared: `min` is the size at the start.
    pub fn ty(&self, _store: impl AsContext) -> Result<MemoryType> {
        todo!()
    }
    /// The size in pages.
    pub fn size(&self, _store: impl AsContext) -> Result<u64> {
        todo!()
    }
    /// Grows by `delta` pages. Returns the old size.
    pub fn grow(&self, _store: impl AsContextMut, _delta: u64) -> Result<u64> {
        todo!()
    }
    /// Copies from the memory into `buffer`. Out of bounds is [`Trap::MemoryOutOfBounds`].
    pub fn read(&self, _store: impl AsContext, _offset: u64, _buffer: &mut [u8]) -> Result<()> {
        todo!()
    }
    /// Copies `bytes` into the memory. Out of bounds is [`Trap::MemoryOutOfBounds`].
    pub fn write(&self, _store: impl AsContextMut, _offset: u64, _bytes: &[u8]) -> Result<()> {
        todo!()
    }
    /// The bytes.
    pub fn data<'a, T: 'static>(&self, _store: impl Into<StoreContext<'a, T>>) -> Result<&'a [u8]> {
        todo!()
    }
    /// The bytes.
    pub fn data_mut<'a, T: 'static>(&self, _store: impl Into<StoreContextMut<'a, T>>) -> Result<&'a mut [u8]> {
        todo!()
    }
}
