//! Allocation of objects. Collects and grows the heap where there is no room.

use super::collect::collect;
use super::heap::{INITIAL, STEP, exhausted, reserve};
use crate::base::Result;
use crate::runtime::store::OpaqueMut;

/// The capacity up to which a heap grows for the sake of rare collections: it is at least four times what survives. A
/// larger heap is at least twice as large.
const GENEROUS: u64 = 32 << 20;

/// Makes an object of `size` bytes with this header, its fields zero. Returns the reference. May collect.
///
/// # Errors
/// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap cannot hold the object, or the limiter's error.
pub(in crate::runtime) fn allocate(store: &mut OpaqueMut<'_>, id: u32, word: u32, size: u64) -> Result<u32> {
    make_room(store, size)?;
    Ok(store.bump(id, word, size))
}

/// Makes room for an object of `size` bytes. May collect.
///
/// # Errors
/// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap cannot hold the object, or the limiter's error.
pub(super) fn make_room(store: &mut OpaqueMut<'_>, size: u64) -> Result<()> {
    if store.has_room(size) && store.is_quiet(size) {
        return Ok(());
    }
    reserve(store)?;
    if size > store.heap.largest_capacity() {
        let refused = store.heap.refused_region();
        return Err(exhausted(store, refused));
    }
    collect(store)?;
    // Growing whenever so much survives keeps collections rare: each leaves room for three times, or for once, as much
    // as it copied.
    let needed = store.heap_used() + size;
    let factor = if store.heap.capacity < GENEROUS { 4 } else { 2 };
    if needed > store.heap.capacity / factor {
        grow(store, needed, factor)?;
    }
    Ok(())
}

/// Grows the capacity to at least `needed` bytes, to `factor` times as much if it may.
///
/// Where the limiter or the system refuses a size, half of the gap to the smallest sufficient size is left out, and the
/// rest is asked for. So a heap near its limit does not grow, and collect, in the smallest steps.
fn grow(store: &mut OpaqueMut<'_>, needed: u64, factor: u64) -> Result<()> {
    let (current, largest) = (store.heap.capacity, store.heap.largest_capacity());
    let least = needed.next_multiple_of(STEP).min(largest);
    let mut refused = None;
    let mut desired = (needed * factor).next_power_of_two().clamp(INITIAL, largest).max(least);
    while desired > current {
        let allowed = match store.limiter() {
            Some(limiter) => limiter.heap_growing(current, desired)?,
            None => true,
        };
        if allowed {
            let space = store.heap.space;
            match store.heap.make_accessible(space, desired) {
                Ok(()) => {
                    store.heap.capacity = desired;
                    break;
                }
                Err(error) => refused = Some(error),
            }
        }
        if desired == least {
            break;
        }
        desired = least + ((desired - least) / 2) / STEP * STEP;
    }
    if needed > store.heap.capacity {
        let refused = if needed > largest { store.heap.refused_region() } else { refused };
        return Err(exhausted(store, refused));
    }
    store.publish_end();
    Ok(())
}
