//! Limits on the memories, tables, instances and heap of a store: their number and their size.

use super::{OpaqueMut, StoreInner, StoreOpaque};
use crate::base::{Error, ErrorKind, Result};
use core::ptr::NonNull;

/// Decides whether memories, tables and instances may be created, and whether memories, tables and the heap may grow.
/// [`Store::limiter`](crate::Store::limiter) sets the limiter of a store.
///
/// Sizes are bytes for memories and elements for tables. A new memory or table counts as a growth from 0.
pub trait ResourceLimiter {
    /// Decides whether a memory may grow. If it returns `Ok(false)`, `memory.grow` returns -1, and an instantiation
    /// fails with an error of kind [`Resource`](ErrorKind::Resource).
    ///
    /// # Errors
    /// An error stops the execution with that error.
    fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> Result<bool>;

    /// Decides whether a table may grow. If it returns `Ok(false)`, `table.grow` returns -1, and an instantiation fails
    /// with an error of kind [`Resource`](ErrorKind::Resource).
    ///
    /// # Errors
    /// An error stops the execution with that error.
    fn table_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> Result<bool>;

    /// Decides whether the heap of garbage-collected objects may grow from `current` to `desired` bytes. The collector
    /// copies objects from one space to another, so that the heap takes up to twice as much memory. If it returns
    /// `Ok(false)`, the heap keeps its size, and an allocation that does not fit after a collection traps with
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap).
    ///
    /// # Errors
    /// An error stops the execution with that error.
    fn heap_growing(&mut self, _current: u64, _desired: u64) -> Result<bool> {
        Ok(true)
    }

    /// Hears that the operating system refused what a growth of a memory needs, though this limiter and the memory's
    /// maximum allow it. After `Ok(())`, `memory.grow` returns -1.
    ///
    /// # Errors
    /// An error, which may be the given one, stops the execution with that error.
    fn memory_grow_failed(&mut self, _error: Error) -> Result<()> {
        Ok(())
    }

    /// Hears that the operating system refused what a growth of a table needs, though this limiter and the table's
    /// maximum allow it. After `Ok(())`, `table.grow` returns -1.
    ///
    /// # Errors
    /// An error, which may be the given one, stops the execution with that error.
    fn table_grow_failed(&mut self, _error: Error) -> Result<()> {
        Ok(())
    }

    /// Hears that the operating system refused what the heap needs for an allocation, though this limiter allows it.
    /// After `Ok(())`, the allocation traps with [`Trap::OutOfHeap`](crate::Trap::OutOfHeap).
    ///
    /// # Errors
    /// An error, which may be the given one, stops the execution with that error.
    fn heap_grow_failed(&mut self, _error: Error) -> Result<()> {
        Ok(())
    }

    /// The largest number of instances that the store may have.
    fn instances(&self) -> usize {
        usize::MAX
    }

    /// The largest number of memories that the store may have. A memory counts once, however many instances import it.
    fn memories(&self) -> usize {
        usize::MAX
    }

    /// The largest number of tables that the store may have. A table counts once, however many instances import it.
    fn tables(&self) -> usize {
        usize::MAX
    }
}

/// A [`ResourceLimiter`] with fixed bounds. A new one allows everything.
#[derive(Clone, Debug)]
pub struct StoreLimits {
    memory_size: u64,
    table_elements: u64,
    heap_size: u64,
    instances: usize,
    memories: usize,
    tables: usize,
    trap_on_grow_failure: bool,
}

impl Default for StoreLimits {
    fn default() -> StoreLimits {
        StoreLimits {
            memory_size: u64::MAX,
            table_elements: u64::MAX,
            heap_size: u64::MAX,
            instances: usize::MAX,
            memories: usize::MAX,
            tables: usize::MAX,
            trap_on_grow_failure: false,
        }
    }
}

impl StoreLimits {
    /// Creates limits without any bound.
    pub fn new() -> StoreLimits {
        StoreLimits::default()
    }

    /// Sets the largest size of each memory, in bytes.
    #[must_use]
    pub fn memory_size(mut self, bytes: u64) -> StoreLimits {
        self.memory_size = bytes;
        self
    }

    /// Sets the largest size of each table, in elements.
    #[must_use]
    pub fn table_elements(mut self, elements: u64) -> StoreLimits {
        self.table_elements = elements;
        self
    }

    /// Sets the largest size of all garbage-collected objects together, in bytes.
    #[must_use]
    pub fn heap_size(mut self, bytes: u64) -> StoreLimits {
        self.heap_size = bytes;
        self
    }

    /// Sets the largest number of instances.
    #[must_use]
    pub fn instances(mut self, count: usize) -> StoreLimits {
        self.instances = count;
        self
    }

    /// Sets the largest number of memories.
    #[must_use]
    pub fn memories(mut self, count: usize) -> StoreLimits {
        self.memories = count;
        self
    }

    /// Sets the largest number of tables.
    #[must_use]
    pub fn tables(mut self, count: usize) -> StoreLimits {
        self.tables = count;
        self
    }

    /// Sets whether a growth of a memory or table past a bound, or one that the operating system refuses, stops the
    /// execution with an error. Otherwise `memory.grow` and `table.grow` return -1, which is the default.
    #[must_use]
    pub fn trap_on_grow_failure(mut self, trap: bool) -> StoreLimits {
        self.trap_on_grow_failure = trap;
        self
    }

    /// Returns whether a growth to `desired` is within `bound`.
    fn decide(&self, what: &str, desired: u64, bound: u64) -> Result<bool> {
        if desired <= bound {
            return Ok(true);
        }
        if self.trap_on_grow_failure {
            let message = format!("a {what} would grow to {desired}, past the store's limit of {bound}");
            return Err(Error::new(ErrorKind::Resource, message));
        }
        Ok(false)
    }
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(&mut self, _current: u64, desired: u64, _maximum: Option<u64>) -> Result<bool> {
        self.decide("memory", desired, self.memory_size)
    }

    fn table_growing(&mut self, _current: u64, desired: u64, _maximum: Option<u64>) -> Result<bool> {
        self.decide("table", desired, self.table_elements)
    }

    fn heap_growing(&mut self, _current: u64, desired: u64) -> Result<bool> {
        Ok(desired <= self.heap_size)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        if self.trap_on_grow_failure { Err(error) } else { Ok(()) }
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.memory_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.memories
    }

    fn tables(&self) -> usize {
        self.tables
    }
}

/// The embedder's function that finds the limiter in the store's data.
pub(super) type Limiter<T> = Box<dyn (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync>;

impl OpaqueMut<'_> {
    /// The embedder's limiter, if one is set.
    pub(crate) fn limiter(&mut self) -> Option<&mut dyn ResourceLimiter> {
        let hook = self.hooks.limiter;
        // SAFETY: the hook was made for this store's type of data. What it returns is reached through the embedder's
        // data, which `self` borrows exclusively.
        unsafe { hook(self.opaque).map(|mut limiter| limiter.as_mut()) }
    }

    /// Checks that the store may have `count` items of the kind that `bound` limits and `what` names.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if it may not.
    pub(crate) fn check_count(
        &mut self,
        what: &str,
        count: usize,
        bound: fn(&dyn ResourceLimiter) -> usize,
    ) -> Result<()> {
        match self.limiter().map(|limiter| bound(limiter)) {
            Some(bound) if count > bound => {
                Err(Error::new(ErrorKind::Resource, format!("the store's limit of {bound} {what} is reached")))
            }
            _ => Ok(()),
        }
    }
}

/// Finds the embedder's limiter, for [`Hooks::limiter`](super::Hooks).
///
/// # Safety
/// `store` starts a `StoreInner<T>` that nobody else uses as long as the result is used.
pub(super) unsafe fn limiter<T: 'static>(store: NonNull<StoreOpaque>) -> Option<NonNull<dyn ResourceLimiter>> {
    let inner = store.cast::<StoreInner<T>>().as_ptr();
    // SAFETY: the caller's contract; the references are to fields other than `opaque`.
    let (limiter, data) = unsafe { (&mut (*inner).limiter, &mut (*inner).data) };
    Some(NonNull::from(limiter.as_mut()?(data)))
}
