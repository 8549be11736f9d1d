//! Allocation of objects. Collects and grows the heap where there is no room.

use super::collect::collect;
use super::heap::{INITIAL, MAX_CAPACITY, STEP, reserve};
use crate::base::{Result, Trap};
use crate::runtime::store::OpaqueMut;

/// Makes an object of `size` bytes with this header, its fields zero. Returns the reference. May collect.
///
/// # Errors
/// [`Trap::OutOfHeap`] if the heap cannot hold the object, or the limiter's error.
pub(in crate::runtime) fn allocate(store: &mut OpaqueMut<'_>, id: u32, word: u32, size: u64) -> Result<u32> {
    make_room(store, size)?;
    Ok(store.bump(id, word, size))
}

/// Makes room for an object of `size` bytes. May collect.
///
/// # Errors
/// [`Trap::OutOfHeap`] if the heap cannot hold the object, or the limiter's error.
pub(super) fn make_room(store: &mut OpaqueMut<'_>, size: u64) -> Result<()> {
    if store.has_room(size) && !store.heap.zeal {
        return Ok(());
    }
    if size > MAX_CAPACITY {
        return Err(Trap::OutOfHeap.into());
    }
    reserve(store)?;
    collect(store)?;
    // Growing whenever half of the space survives keeps collections rare: each leaves room for as much as it copied.
    let needed = store.heap_used() + size;
    if needed > store.heap.capacity / 2 {
        grow(store, needed)?;
    }
    Ok(())
}

/// Grows the capacity to at least `needed` bytes, to twice as much if it may.
fn grow(store: &mut OpaqueMut<'_>, needed: u64) -> Result<()> {
    let current = store.heap.capacity;
    let generous = (needed * 2).next_power_of_two().clamp(INITIAL, MAX_CAPACITY);
    // Where the limiter or the system refuses the generous size, the smallest sufficient one may still be possible.
    for desired in [generous, needed.next_multiple_of(STEP).min(MAX_CAPACITY)] {
        if desired <= current {
            continue;
        }
        let allowed = match store.limiter() {
            Some(limiter) => limiter.heap_growing(current, desired)?,
            None => true,
        };
        let space = store.heap.space;
        if allowed && store.heap.make_accessible(space, desired).is_ok() {
            store.heap.capacity = desired;
            break;
        }
    }
    if needed > store.heap.capacity {
        return Err(Trap::OutOfHeap.into());
    }
    store.publish_end();
    Ok(())
}
