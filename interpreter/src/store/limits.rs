//! Limits on the memories, tables, instances and heap of a store: their number and their size.

use crate::error::{Error, ErrorKind, Result};
use alloc::format;
use alloc::string::String;

/// Bounds on what a store may hold. New limits allow everything.
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
    pub fn memory_size(self, bytes: u64) -> StoreLimits {
        StoreLimits { memory_size: bytes, ..self }
    }

    /// Sets the largest size of each table, in elements.
    #[must_use]
    pub fn table_elements(self, elements: u64) -> StoreLimits {
        StoreLimits { table_elements: elements, ..self }
    }

    /// Sets the largest size of all garbage-collected objects together, in bytes.
    #[must_use]
    pub fn heap_size(self, bytes: u64) -> StoreLimits {
        StoreLimits { heap_size: bytes, ..self }
    }

    /// Sets the largest number of instances.
    #[must_use]
    pub fn instances(self, count: usize) -> StoreLimits {
        StoreLimits { instances: count, ..self }
    }

    /// Sets the largest number of memories.
    #[must_use]
    pub fn memories(self, count: usize) -> StoreLimits {
        StoreLimits { memories: count, ..self }
    }

    /// Sets the largest number of tables.
    #[must_use]
    pub fn tables(self, count: usize) -> StoreLimits {
        StoreLimits { tables: count, ..self }
    }

    /// Sets whether a growth of a memory or table past a bound of these limits, or one that the system refuses, stops
    /// the execution with an error. Otherwise `memory.grow` and `table.grow` return -1, which is the default.
    #[must_use]
    pub fn trap_on_grow_failure(self, trap: bool) -> StoreLimits {
        StoreLimits { trap_on_grow_failure: trap, ..self }
    }

    /// Returns whether a memory may have `bytes` bytes.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource): it may not, and that stops the execution.
    pub(crate) fn allow_memory(&self, bytes: u64) -> Result<bool> {
        self.decide("memory", bytes, self.memory_size)
    }

    /// Returns whether a table may have this number of elements.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource): it may not, and that stops the execution.
    pub(crate) fn allow_table(&self, elements: u64) -> Result<bool> {
        self.decide("table", elements, self.table_elements)
    }

    /// The largest size of all garbage-collected objects together, in bytes.
    pub(crate) fn largest_heap(&self) -> u64 {
        self.heap_size
    }

    /// Checks that the store may have `count` instances.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource): it may not.
    pub(crate) fn check_instances(&self, count: usize) -> Result<()> {
        check_count("instances", count, self.instances)
    }

    /// Checks that the store may have `count` memories.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource): it may not.
    pub(crate) fn check_memories(&self, count: usize) -> Result<()> {
        check_count("memories", count, self.memories)
    }

    /// Checks that the store may have `count` tables.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource): it may not.
    pub(crate) fn check_tables(&self, count: usize) -> Result<()> {
        check_count("tables", count, self.tables)
    }

    /// Hears that the system refused what a growth needs.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource), if that stops the execution.
    pub(crate) fn hear_refusal(&self, message: String) -> Result<()> {
        if self.trap_on_grow_failure { Err(refused(message)) } else { Ok(()) }
    }

    fn decide(&self, what: &str, desired: u64, bound: u64) -> Result<bool> {
        if desired > bound && self.trap_on_grow_failure {
            return Err(refused(format!("a {what} would grow to {desired}, past the store's limit of {bound}")));
        }
        Ok(desired <= bound)
    }
}

fn check_count(what: &str, count: usize, bound: usize) -> Result<()> {
    if count <= bound {
        return Ok(());
    }
    Err(refused(format!("the store's limit of {bound} {what} is reached")))
}

/// Returns the error of something that cannot be made or cannot grow.
#[cold]
pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Resource, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_up_to_the_bound_are_allowed() {
        let limits = StoreLimits::new().memory_size(10).table_elements(3).heap_size(7);
        assert!(limits.allow_memory(10).unwrap() && !limits.allow_memory(11).unwrap());
        assert!(limits.allow_table(3).unwrap() && !limits.allow_table(4).unwrap());
        assert_eq!(limits.largest_heap(), 7);
        assert!(StoreLimits::new().allow_memory(u64::MAX).unwrap());
    }

    #[test]
    fn refusals_are_errors_on_demand() {
        let limits = StoreLimits::new().memory_size(10).trap_on_grow_failure(true);
        assert!(limits.allow_memory(10).unwrap());
        let error = limits.allow_memory(11).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Resource);
        assert_eq!(error.message(), "a memory would grow to 11, past the store's limit of 10");
        assert_eq!(limits.hear_refusal("no".into()).unwrap_err().message(), "no");
        assert!(StoreLimits::new().hear_refusal("no".into()).is_ok());
    }

    #[test]
    fn counts_up_to_the_bound_are_allowed() {
        let limits = StoreLimits::new().instances(1).memories(2).tables(0);
        assert!(
            limits.check_instances(1).is_ok() && limits.check_memories(2).is_ok() && limits.check_tables(0).is_ok()
        );
        assert!(limits.check_instances(2).is_err() && limits.check_memories(3).is_err());
        assert_eq!(limits.check_tables(1).unwrap_err().message(), "the store's limit of 0 tables is reached");
    }
}
