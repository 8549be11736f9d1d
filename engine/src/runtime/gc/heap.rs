//! The region of a store's heap, its two spaces, and raw access to objects.

use super::host_values::HostValues;
use super::roots::Roots;
use crate::abi::ValRaw;
use crate::abi::heap::{ALIGNMENT, HEADER, NULL_GUARD, REGION, Storage};
use crate::base::{Config, Error, ErrorKind, Result, Trap};
use crate::runtime::store::{OpaqueMut, StoreOpaque};
use crate::runtime::sys::Mapping;
use core::ptr;

/// The first capacity of a heap, in bytes: small enough to stay in a processor's cache.
pub(super) const INITIAL: u64 = 512 << 10;

/// The granularity in which a heap grows, in bytes.
pub(super) const STEP: u64 = 64 << 10;

/// The work of a collection, in bytes to copy, up to which zeal means that every allocation collects. With more work,
/// the time would grow with the square of the number of objects or of frames.
const SMALL: u64 = 4 << 10;

/// The work of walking a frame, in bytes that take as long to copy.
const FRAME: u64 = 64;

/// The smallest region, in bytes. A system that refuses [`REGION`] bytes of address space gets to hold fewer objects.
const LEAST_REGION: u64 = 8 << 20;

/// The heap of a store. The fields that compiled code itself reads and writes are in the store's context.
pub(crate) struct Heap {
    /// The address space of both spaces, reserved when the store first needs it.
    region: Option<Mapping>,
    /// The number, 0 or 1, of the space that holds the objects.
    pub(super) space: usize,
    /// The size in bytes of the part of the space that objects may use.
    pub(super) capacity: u64,
    /// The size in bytes of each space's accessible part.
    accessible: [u64; 2],
    /// The values of the host to which objects refer.
    pub(super) values: HostValues,
    /// The references that the host holds.
    pub(in crate::runtime) roots: Roots,
    /// Slots of frames that hold references. Empty between collections; a field so that its allocation is reused.
    pub(super) slots: Vec<*mut u32>,
    /// The number of frames that the last collection walked.
    pub(super) frames: u64,
    /// True if every allocation collects first, or nearly every one where a collection takes long.
    pub(super) zeal: bool,
    /// The end of the room that zeal leaves until the next collection, as an offset in the region.
    pub(super) quiet_end: u64,
}

// SAFETY: `slots` is empty between collections; all else may move between threads.
unsafe impl Send for Heap {}
// SAFETY: `&Heap` allows reading only.
unsafe impl Sync for Heap {}

impl Heap {
    /// Returns a heap with nothing reserved yet.
    pub(in crate::runtime) fn new(config: &Config) -> Heap {
        Heap {
            region: None,
            space: 0,
            capacity: 0,
            accessible: [0; 2],
            values: HostValues::default(),
            roots: Roots::default(),
            slots: Vec::new(),
            frames: 0,
            zeal: config.gc_zeal,
            quiet_end: 0,
        }
    }

    /// Returns the start of a space, as an offset in the region. The null guard is taken from the first space.
    pub(super) fn start(&self, space: usize) -> u64 {
        if space == 0 { NULL_GUARD } else { self.region_size() / 2 }
    }

    /// Returns the largest capacity that the heap can have, in bytes; 0 before the region is reserved.
    pub(super) fn largest_capacity(&self) -> u64 {
        (self.region_size() / 2).saturating_sub(NULL_GUARD)
    }

    /// Returns the reason why the heap cannot have the capacity of a full region, if the system refused one.
    pub(super) fn refused_region(&self) -> Option<Error> {
        let size = self.region_size();
        (size < REGION).then(|| {
            let message = format!("the system left {size} bytes of address space for the heap, which wants {REGION}");
            Error::new(ErrorKind::Resource, message)
        })
    }

    /// Returns the size of the region in bytes; 0 before it is reserved.
    fn region_size(&self) -> u64 {
        self.region.as_ref().map_or(0, |region| region.len() as u64)
    }

    /// Returns the end of the room for objects, as an offset in the region.
    pub(super) fn end(&self) -> u64 {
        self.start(self.space) + self.capacity
    }

    /// Makes the first `bytes` bytes of a space accessible.
    ///
    /// # Errors
    /// Kind [`Resource`](crate::ErrorKind::Resource) if the operating system refuses.
    pub(super) fn make_accessible(&mut self, space: usize, bytes: u64) -> Result<()> {
        let accessible = self.accessible[space];
        if bytes <= accessible {
            return Ok(());
        }
        let start = self.start(space);
        let region = self.region.as_ref().expect("reserved before anything is made accessible");
        region.make_accessible(to_usize(start + accessible)..to_usize(start + bytes))?;
        self.accessible[space] = bytes;
        Ok(())
    }
}

impl StoreOpaque {
    /// Returns whether an object of `size` bytes fits without a collection.
    pub(super) fn has_room(&self, size: u64) -> bool {
        self.context.heap_next + size <= self.heap.end()
    }

    /// Returns whether zeal lets an object of `size` bytes be made without a collection.
    pub(super) fn is_quiet(&self, size: u64) -> bool {
        !self.heap.zeal || self.context.heap_next + size <= self.heap.quiet_end
    }

    /// Returns the size in bytes of all objects, garbage included.
    pub(super) fn heap_used(&self) -> u64 {
        self.context.heap_next - self.heap.start(self.heap.space)
    }

    /// Makes an object of zeros at the end of the objects, where the caller has made room. Returns the reference.
    pub(super) fn bump(&mut self, id: u32, word: u32, size: u64) -> u32 {
        assert!(size >= u64::from(HEADER) && size.is_multiple_of(u64::from(ALIGNMENT)) && self.has_room(size));
        let at = self.context.heap_next;
        self.context.heap_next += size;
        let header = u64::from(id) | u64::from(word) << 32;
        // The fields are cleared here, because a space that is used again still holds objects of earlier collections.
        // SAFETY: the object lies between the objects and the end of the accessible space, as just checked.
        unsafe {
            let object = self.context.heap_base.add(to_usize(at));
            object.cast::<u64>().write(header);
            ptr::write_bytes(object.add(HEADER as usize), 0, to_usize(size) - HEADER as usize);
        }
        u32::try_from(at).expect("the region ends at 4 GiB")
    }

    /// Returns the address of an object's field. It is valid until the next allocation.
    pub(in crate::runtime) fn field(&self, reference: u32, offset: u32) -> *mut u8 {
        self.context.heap_base.wrapping_add(reference as usize + offset as usize)
    }

    /// Writes the field or element at `offset`.
    pub(in crate::runtime) fn write_field(&mut self, object: u32, offset: u32, storage: Storage, value: ValRaw) {
        let (at, size) = (u64::from(object) + u64::from(offset), storage.size());
        assert!(object != 0 && at + u64::from(size) <= self.context.heap_next, "a field of an object");
        // SAFETY: inside the objects, as just checked; nobody holds a reference to the bytes.
        unsafe { ptr::copy_nonoverlapping(value.0.as_ptr(), self.context.heap_base.add(to_usize(at)), size as usize) };
    }

    /// Returns the header of an object: its type id and its word.
    ///
    /// # Safety
    /// The reference is an object's.
    pub(super) unsafe fn header(&self, reference: u32) -> (u32, u32) {
        // SAFETY: the caller's contract.
        let header = unsafe { self.context.heap_base.add(reference as usize).cast::<[u32; 2]>().read() };
        (header[0], header[1])
    }

    /// Tells compiled code where room ends. Under zeal there is never room, so that each allocation calls the runtime.
    pub(super) fn publish_end(&mut self) {
        self.context.heap_end = if self.heap.zeal { 0 } else { self.heap.end() };
        self.heap.quiet_end = self.context.heap_next + quiet_room(self.heap_used(), self.heap.frames);
    }
}

/// Returns the bytes of objects that may be made until the next collection under zeal, where so many bytes are alive
/// and so many frames active.
fn quiet_room(used: u64, frames: u64) -> u64 {
    (used + frames * FRAME).saturating_sub(SMALL) / 64
}

/// Reserves the region unless it is reserved already.
///
/// Instantiation calls this for each module with object types, because their compiled code takes the region's start to
/// be constant.
///
/// # Errors
/// Kind [`Resource`](crate::ErrorKind::Resource) if there is no address space.
pub(in crate::runtime) fn reserve(store: &mut StoreOpaque) -> Result<()> {
    if store.heap.region.is_some() {
        return Ok(());
    }
    let region = Mapping::reserve_up_to(to_usize(REGION), to_usize(LEAST_REGION)).map_err(|error| {
        let what = "the heap of objects and exceptions reserves 4 GiB of address space, or at least 8 MiB";
        Error::new(error.kind(), format!("{what}: {}", error.message()))
    })?;
    store.context.heap_base = region.as_ptr();
    store.heap.region = Some(region);
    Ok(())
}

/// Returns the error of an allocation that does not fit. `refused` is the system's refusal, if that is the reason: the
/// limiter hears of it, and may return another error.
pub(super) fn exhausted(store: &mut OpaqueMut<'_>, refused: Option<Error>) -> Error {
    let told = match (refused, store.limiter()) {
        (Some(refused), Some(limiter)) => limiter.heap_grow_failed(refused),
        _ => Ok(()),
    };
    told.err().unwrap_or_else(|| Trap::OutOfHeap.into())
}

pub(super) fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("64-bit hosts only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeal_leaves_room_where_a_collection_takes_long() {
        assert_eq!((quiet_room(SMALL, 0), quiet_room(0, SMALL / FRAME)), (0, 0));
        assert_eq!(quiet_room(SMALL + 64 * 24, 0), 24);
        assert_eq!(quiet_room(0, 64 + 1000), 1000);
    }
}
