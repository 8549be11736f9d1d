//! Allocation: room in the space that is in use, after a collection and growth where that must be.

use super::collect::collect;
use super::heap::{INITIAL, MAX_CAPACITY, STEP, reserve};
use crate::base::{Result, Trap};
use crate::runtime::store::OpaqueMut;

/// Makes an object of `size` bytes with this header; its fields are zero. Returns the reference. May collect.
///
/// # Errors
/// [`Trap::OutOfHeap`], or what the limiter says.
pub(in crate::runtime) fn allocate(store: &mut OpaqueMut<'_>, id: u32, word: u32, size: u64) -> Result<u32> {
    make_room(store, size)?;
    Ok(store.bump(id, word, size))
}

/// Sees to it that the next object of this size can be made without a collection. May collect.
///
/// # Errors
/// As [`allocate`].
pub(super) fn make_room(store: &mut OpaqueMut<'_>, size: u64) -> Result<()> {
    if store.has_room(size) && !store.heap.zeal {
        return Ok(());
    }
    if size > MAX_CAPACITY {
        return Err(Trap::OutOfHeap.into());
    }
    reserve(store)?;
    collect(store)?;
    let needed = store.heap_used() + size;
    if needed > store.heap.capacity / 2 {
        grow(store, needed)?;
    }
    Ok(())
}

/// Gives objects more room: at least `needed` bytes, better twice as much.
fn grow(store: &mut OpaqueMut<'_>, needed: u64) -> Result<()> {
    let current = store.heap.capacity;
    let generous = (needed * 2).next_power_of_two().clamp(INITIAL, MAX_CAPACITY);
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
