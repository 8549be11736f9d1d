//! Limits.
use crate::base::*;
/// Decides whether memories, tables and instances may be made and grow. Sizes in bytes for memories, elements for
/// tables.
pub trait ResourceLimiter: Send + Sync {
    /// Whether a memory may grow. `Err` stops the execution with this error; `Ok(false)` lets the growth fail.
    fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> Result<bool>;
    /// Whether a table may grow.
    fn table_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> Result<bool>;
    /// How many instances a store may have.
    fn instances(&self) -> usize {
        usize::MAX
    }
    /// How many memories a store may have.
    fn memories(&self) -> usize {
        usize::MAX
    }
    /// How many tables a store may have.
    fn tables(&self) -> usize {
        usize::MAX
    }
}
/// A [`ResourceLimiter`] of fixed bounds.
#[derive(Clone, Debug, Default)]
pub struct StoreLimits {}
impl StoreLimits {
    /// No bounds.
    pub fn new() -> StoreLimits {
        StoreLimits {}
    }
    /// Bytes of each memory.
    #[must_use]
    pub fn memory_size(self, _bytes: u64) -> StoreLimits {
        todo!()
    }
    /// Elements of each table.
    #[must_use]
    pub fn table_elements(self, _elements: u64) -> StoreLimits {
        todo!()
    }
    /// Instances of the store.
    #[must_use]
    pub fn instances(self, _count: usize) -> StoreLimits {
        todo!()
    }
    /// Memories of the store.
    #[must_use]
    pub fn memories(self, _count: usize) -> StoreLimits {
        todo!()
    }
    /// Tables of the store.
    #[must_use]
    pub fn tables(self, _count: usize) -> StoreLimits {
        todo!()
    }
    /// A refused growth stops the execution with an error rather than answering -1.
    #[must_use]
    pub fn trap_on_grow_failure(self, _trap: bool) -> StoreLimits {
        todo!()
    }
}
impl ResourceLimiter for StoreLimits {
    fn memory_growing(&mut self, _current: u64, _desired: u64, _maximum: Option<u64>) -> Result<bool> {
        todo!()
    }
    fn table_growing(&mut self, _current: u64, _desired: u64, _maximum: Option<u64>) -> Result<bool> {
        todo!()
    }
}
