//! Which loaded code stands at an address: the only such table.
//!
//! A signal handler asks, so readers take no lock and never wait. They read an immutable snapshot, sorted by address;
//! a change makes a new one. Replaced snapshots are freed when a writer sees that no reader is about; until then they
//! keep the code alive that they name, so what a reader found cannot be unmapped under it.

use super::code::Image;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

/// Every registered image, by address. Images do not overlap: each is a mapping of its own.
#[derive(Clone, Default)]
struct Snapshot(Vec<Arc<Image>>);

/// The snapshot in force; null before the first registration.
static CURRENT: AtomicPtr<Snapshot> = AtomicPtr::new(null_mut());

/// How many readers there are. A reader counts itself before it loads `CURRENT`, and a writer replaces `CURRENT` before
/// it reads this. So if a writer sees zero, later readers find the new snapshot, and earlier ones are done.
static READERS: AtomicUsize = AtomicUsize::new(0);

/// Replaced snapshots that a reader may still be reading. Writers hold this lock throughout.
static RETIRED: Mutex<Vec<Box<Snapshot>>> = Mutex::new(Vec::new());

/// An image that is in the registry until this is dropped.
#[derive(Debug)]
pub(super) struct Registered(Arc<Image>);

impl Registered {
    /// Enters an image into the registry.
    pub(super) fn new(image: Image) -> Registered {
        let image = Arc::new(image);
        change(|images| {
            let position = images.partition_point(|other| other.start() < image.start());
            images.insert(position, Arc::clone(&image));
        });
        Registered(image)
    }

    /// The image.
    pub(super) fn image(&self) -> &Image {
        &self.0
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        change(|images| images.retain(|image| !Arc::ptr_eq(image, &self.0)));
    }
}

/// Replaces the snapshot by a changed copy.
fn change(edit: impl FnOnce(&mut Vec<Arc<Image>>)) {
    let mut retired = RETIRED.lock().unwrap_or_else(PoisonError::into_inner);
    let current = CURRENT.load(SeqCst);
    // SAFETY: null, or a snapshot that only a writer frees, and this one holds the writers' lock.
    let mut images = unsafe { current.as_ref() }.cloned().unwrap_or_default();
    edit(&mut images.0);
    let old = CURRENT.swap(Box::into_raw(Box::new(images)), SeqCst);
    if !old.is_null() {
        // SAFETY: made by `Box::into_raw` in an earlier call, and replaced just now, so that nobody else takes it.
        retired.push(unsafe { Box::from_raw(old) });
    }
    let free = if READERS.load(SeqCst) == 0 { core::mem::take(&mut *retired) } else { Vec::new() };
    drop(retired);
    // Frees images, behind the lock.
    drop(free);
}

/// A reader of the snapshot that was in force when it was made. Async-signal-safe.
pub(super) struct Reader(*const Snapshot);

/// Starts reading. Readers should be short-lived: memory of unloaded code waits for them.
pub(super) fn read() -> Reader {
    READERS.fetch_add(1, SeqCst);
    Reader(CURRENT.load(SeqCst))
}

impl Reader {
    /// The image whose code stands at an address.
    pub(super) fn image_at(&self, pc: u64) -> Option<&Image> {
        // SAFETY: null, or a snapshot that is not freed while this reader is counted.
        let Snapshot(images) = unsafe { self.0.as_ref() }?;
        let after = images.partition_point(|image| image.start() <= pc);
        images[..after].last().map(Arc::as_ref).filter(|image| image.text_offset(pc).is_some())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        READERS.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicBool;

    const PAGE: u64 = 4096;

    fn register() -> Registered {
        Registered::new(Image::of_text(PAGE as usize))
    }

    fn is_registered(pc: u64) -> bool {
        read().image_at(pc).is_some()
    }

    #[test]
    fn finds_whole_ranges_only() {
        let images = [register(), register(), register()];
        let starts = images.each_ref().map(|registered| registered.image().start());
        for start in starts {
            let reader = read();
            for pc in [start, start + PAGE - 1] {
                assert_eq!(reader.image_at(pc).unwrap().start(), start);
            }
            assert!(reader.image_at(start + PAGE).is_none_or(|other| other.start() == start + PAGE));
        }
        assert!(!is_registered(0) && !is_registered(u64::MAX));
    }

    #[test]
    fn a_reader_keeps_what_it_found() {
        let registered = register();
        let start = registered.image().start();
        let reader = read();
        let image = reader.image_at(start).unwrap();
        drop(registered);
        assert!(!is_registered(start), "new readers do not find it");
        assert_eq!(image.first_byte(), 0, "it is still mapped");
    }

    #[test]
    fn readers_and_writers_at_once() {
        let stable = register();
        let start = stable.image().start();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        while !done.load(SeqCst) {
                            assert_eq!(read().image_at(start).unwrap().first_byte(), 0);
                        }
                    })
                })
                .collect();
            for _ in 0..500 {
                drop((register(), register()));
            }
            done.store(true, SeqCst);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
        // Other tests may be reading now, but not for long.
        let freed = (0..10_000).any(|_| {
            change(|_| ());
            std::thread::yield_now();
            RETIRED.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
        });
        assert!(freed, "replaced snapshots pile up");
    }
}
