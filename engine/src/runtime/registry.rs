//! A table from an address to the item there. [`code::CODE`](super::code::CODE) is the only one: it holds all loaded
//! code.
//!
//! A signal handler reads it, so readers take no lock and never wait. They read an immutable snapshot, sorted by
//! address; a change makes a new one. Replaced snapshots are freed when a writer sees that there is no reader. Until
//! then they keep their code alive, so that what a reader found is not unmapped while the reader uses it.

use core::ops::Range;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

/// An item that occupies addresses that no other item in the registry occupies.
pub(super) trait Located {
    /// The addresses. They never change.
    fn addresses(&self) -> Range<u64>;
}

/// Every registered item, by address.
type Snapshot<T> = Vec<Arc<T>>;

/// A table of items by address.
#[derive(Debug)]
pub(super) struct Registry<T: 'static> {
    /// The snapshot in force; null before the first registration.
    current: AtomicPtr<Snapshot<T>>,
    /// The number of readers. A reader counts itself before it loads `current`, and a writer replaces `current`
    /// before it reads this. So if a writer sees zero, later readers find the new snapshot, and earlier ones are done.
    readers: AtomicUsize,
    /// Replaced snapshots that a reader may still be reading. Writers hold this lock throughout.
    #[expect(clippy::vec_box, reason = "readers hold the address of what is in the box")]
    retired: Mutex<Vec<Box<Snapshot<T>>>>,
}

/// An item that is in the registry until this is dropped.
#[derive(Debug)]
pub(super) struct Registered<T: Located + 'static> {
    registry: &'static Registry<T>,
    item: Arc<T>,
}

/// A reader of the snapshot that was in force when the reader was made. Async-signal-safe.
pub(super) struct Reader<'a, T: 'static> {
    registry: &'a Registry<T>,
    snapshot: *const Snapshot<T>,
}

impl<T: Located> Registry<T> {
    /// A registry without items.
    pub(super) const fn new() -> Registry<T> {
        Registry { current: AtomicPtr::new(null_mut()), readers: AtomicUsize::new(0), retired: Mutex::new(Vec::new()) }
    }

    /// Adds an item until the result is dropped.
    pub(super) fn register(&'static self, item: T) -> Registered<T> {
        let item = Arc::new(item);
        self.change(|items| {
            let position = items.partition_point(|other| other.addresses().start < item.addresses().start);
            items.insert(position, Arc::clone(&item));
        });
        Registered { registry: self, item }
    }

    /// Starts reading. Readers should be short-lived: the memory of unloaded code is not freed while there is one.
    pub(super) fn read(&self) -> Reader<'_, T> {
        // Counted before the load, never after: see `readers`.
        self.readers.fetch_add(1, SeqCst);
        Reader { registry: self, snapshot: self.current.load(SeqCst) }
    }

    /// Replaces the snapshot by a changed copy.
    fn change(&self, edit: impl FnOnce(&mut Snapshot<T>)) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: null, or a snapshot that only a writer frees, and this one holds the writers' lock.
        let mut items = unsafe { self.current.load(SeqCst).as_ref() }.cloned().unwrap_or_default();
        edit(&mut items);
        let old = self.current.swap(Box::into_raw(Box::new(items)), SeqCst);
        if !old.is_null() {
            // A reader may have loaded the pointer and still be reading: it is freed below only if there is none.
            // SAFETY: made by `Box::into_raw` in an earlier call, and replaced just now, so that nobody else takes it.
            retired.push(unsafe { Box::from_raw(old) });
        }
        let free = if self.readers.load(SeqCst) == 0 { core::mem::take(&mut *retired) } else { Vec::new() };
        drop(retired);
        // Dropping the last reference to an item unmaps its code, which is too long to do under the lock.
        drop(free);
    }
}

impl<T: Located> Registered<T> {
    /// The item.
    pub(super) fn item(&self) -> &T {
        &self.item
    }
}

impl<T: Located> Drop for Registered<T> {
    fn drop(&mut self) {
        self.registry.change(|items| items.retain(|item| !Arc::ptr_eq(item, &self.item)));
    }
}

impl<T: Located> Reader<'_, T> {
    /// The item that occupies an address.
    pub(super) fn at(&self, address: u64) -> Option<&T> {
        self.shared_at(address).map(Arc::as_ref)
    }

    /// The item that occupies an address, to share it.
    pub(super) fn shared_at(&self, address: u64) -> Option<&Arc<T>> {
        // SAFETY: null, or a snapshot that is not freed while this reader is counted.
        let items = unsafe { self.snapshot.as_ref() }?;
        let after = items.partition_point(|item| item.addresses().start <= address);
        items[..after].last().filter(|item| item.addresses().contains(&address))
    }
}

impl<T> Drop for Reader<'_, T> {
    fn drop(&mut self) {
        self.registry.readers.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicBool;

    /// An item that says when it is dropped.
    struct Item(Range<u64>, Arc<AtomicUsize>);

    impl Located for Item {
        fn addresses(&self) -> Range<u64> {
            self.0.clone()
        }
    }

    impl Drop for Item {
        fn drop(&mut self) {
            self.1.fetch_add(1, SeqCst);
        }
    }

    fn registry() -> (&'static Registry<Item>, Arc<AtomicUsize>) {
        (Box::leak(Box::new(Registry::new())), Arc::default())
    }

    #[test]
    fn finds_whole_ranges_only() {
        let (registry, dropped) = registry();
        assert!(registry.read().at(0).is_none());
        let items = [30..40, 10..20, 40..45].map(|range| registry.register(Item(range, Arc::clone(&dropped))));
        let reader = registry.read();
        for (address, start) in [(10, 10), (19, 10), (30, 30), (39, 30), (40, 40), (44, 40)] {
            assert_eq!(reader.at(address).unwrap().0.start, start);
        }
        assert!([0, 9, 20, 29, 45, u64::MAX].iter().all(|&address| reader.at(address).is_none()));
        drop(reader);
        drop(items);
        assert!(registry.read().at(30).is_none());
        assert_eq!(dropped.load(SeqCst), 3);
    }

    #[test]
    fn a_reader_keeps_what_it_found() {
        let (registry, dropped) = registry();
        let registered = registry.register(Item(10..20, Arc::clone(&dropped)));
        let reader = registry.read();
        let found = reader.at(10).unwrap();
        drop(registered);
        assert!(registry.read().at(10).is_none(), "new readers do not find it");
        assert_eq!((found.0.end, dropped.load(SeqCst)), (20, 0), "it is still there");
        drop(reader);
        registry.change(|_| ());
        assert_eq!(dropped.load(SeqCst), 1);
    }

    #[test]
    fn readers_and_writers_at_once() {
        let (registry, dropped) = registry();
        let stable = registry.register(Item(100..200, Arc::default()));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(SeqCst) {
                        let reader = registry.read();
                        assert_eq!(reader.at(150).unwrap().0, 100..200);
                        assert!(reader.at(250).is_none_or(|item| item.0 == (200..300)));
                    }
                });
            }
            for _ in 0..5000 {
                drop(registry.register(Item(200..300, Arc::clone(&dropped))));
            }
            done.store(true, SeqCst);
        });
        drop(stable);
        assert_eq!(dropped.load(SeqCst), 5000, "replaced snapshots pile up");
    }
}
