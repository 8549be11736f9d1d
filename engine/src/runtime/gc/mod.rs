//! The heap of a store: objects of structs, arrays and exceptions, and values of the host. [`crate::abi::heap`] says how
//! they are laid out.
//!
//! Objects stand in one of two semi-spaces of a reserved region, side by side in the order of their allocation. When the
//! space is full, [`collect`] copies what is reachable into the other one. A space has as many bytes accessible as the
//! heap was ever large; the heap grows when more than half of it is in use after a collection, as far as the store's
//! limiter allows.
//!
//! # Who may hold references
//!
//! A collection runs inside [`allocate`] and [`gc`](crate::Store::gc), and moves every object. What it knows of, and
//! rewrites: slots of compiled frames that stack maps name, globals, tables, element segments, and [`roots`]. The host
//! keeps a reference across an allocation in one of these places only. A value that was taken out of a `ValRaw` is
//! rooted, or used before anything is allocated; arguments and results are in such arrays only between the two
//! conversions, and nothing is allocated there.

mod any;
pub(super) mod array;
mod collect;
mod externs;
mod roots;
mod shape;
#[cfg(test)]
mod tests;
mod values;

pub use any::{AnyRef, ArrayRef, I31, StructRef};
pub(super) use collect::collect;
pub use externs::ExternRef;
pub(super) use roots::Root;
pub use roots::{Kept, RootScope, Rooted};

use super::store::{OpaqueMut, StoreOpaque};
use super::sys::Mapping;
use crate::abi::ValRaw;
use crate::abi::heap::{ALIGNMENT, HEADER, NULL_GUARD, REGION, Storage, StructLayout, exception_layout};
use crate::base::{Config, Error, ErrorKind, Result, Trap};
use crate::wasm::types::{CompositeType, ValType};
use core::ptr;
use roots::Roots;
use shape::Shapes;
use values::Values;

/// Bytes of a heap at first: few enough to stay in a processor's cache.
const INITIAL: u64 = 512 << 10;

/// What the accessible part of a space is a multiple of, in bytes.
const STEP: u64 = 64 << 10;

/// Bytes of a space at most; the null guard is part of the first one.
const MAX_CAPACITY: u64 = REGION / 2 - NULL_GUARD;

/// Where the two spaces start in the region.
const SPACES: [u64; 2] = [NULL_GUARD, REGION / 2];

/// The heap of a store, but for what compiled code reads and writes itself, which is in the store's context.
pub(crate) struct Heap {
    /// Reserved when the store first needs it.
    region: Option<Mapping>,
    /// Which space the objects are in.
    space: usize,
    /// Bytes of the space that objects may take.
    capacity: u64,
    /// Bytes of each space that are accessible.
    accessible: [u64; 2],
    /// What the objects look like, by type.
    shapes: Shapes,
    /// Values of the host that objects name.
    values: Values,
    /// What the host holds.
    pub(super) roots: Roots,
    /// Slots of frames; empty between collections, and kept for its memory.
    slots: Vec<*mut u32>,
    /// Whether to collect at every allocation.
    zeal: bool,
}

// SAFETY: `slots` is empty between collections; all else may move between threads.
unsafe impl Send for Heap {}
// SAFETY: as above; `&Heap` allows reading only.
unsafe impl Sync for Heap {}

impl Heap {
    /// A heap that has nothing reserved yet.
    pub(super) fn new(config: &Config) -> Heap {
        Heap {
            region: None,
            space: 0,
            capacity: 0,
            accessible: [0; 2],
            shapes: Shapes::default(),
            values: Values::default(),
            roots: Roots::default(),
            slots: Vec::new(),
            zeal: config.gc_zeal,
        }
    }

    /// Takes note of what the objects of a type look like.
    pub(super) fn add_type(&mut self, id: u32, ty: &CompositeType) {
        match ty {
            CompositeType::Func(_) => {}
            CompositeType::Struct(ty) => self.shapes.add_struct(id, &StructLayout::from(ty)),
            CompositeType::Array(element) => self.shapes.add_array(id, element.storage.into()),
        }
    }

    /// Takes note of what the exceptions of a tag look like whose type has this id and these parameters.
    pub(super) fn add_exception(&mut self, id: u32, params: &[ValType]) {
        self.shapes.add_struct(id, &exception_layout(params));
    }

    /// Where room for objects ends.
    fn end(&self) -> u64 {
        SPACES[self.space] + self.capacity
    }

    /// Makes the first bytes of a space accessible.
    fn make_accessible(&mut self, space: usize, bytes: u64) -> Result<()> {
        let accessible = self.accessible[space];
        if bytes <= accessible {
            return Ok(());
        }
        let start = SPACES[space];
        let region = self.region.as_ref().expect("reserved before anything is made accessible");
        region.make_accessible(to_usize(start + accessible)..to_usize(start + bytes))?;
        self.accessible[space] = bytes;
        Ok(())
    }
}

impl StoreOpaque {
    /// Whether an object of this size can be made without a collection.
    fn has_room(&self, size: u64) -> bool {
        self.context.heap_next + size <= self.heap.end()
    }

    /// Bytes that objects take, garbage included.
    fn heap_used(&self) -> u64 {
        self.context.heap_next - SPACES[self.heap.space]
    }

    /// Makes an object where there is room; the fields are zero. Returns the reference.
    fn bump(&mut self, id: u32, word: u32, size: u64) -> u32 {
        assert!(size >= u64::from(HEADER) && size.is_multiple_of(u64::from(ALIGNMENT)) && self.has_room(size));
        let at = self.context.heap_next;
        self.context.heap_next += size;
        let header = u64::from(id) | u64::from(word) << 32;
        // SAFETY: the object lies between the objects and the end of the accessible space, as just checked.
        unsafe {
            let object = self.context.heap_base.add(to_usize(at));
            object.cast::<u64>().write(header);
            ptr::write_bytes(object.add(HEADER as usize), 0, to_usize(size) - HEADER as usize);
        }
        u32::try_from(at).expect("the region ends at 4 GiB")
    }

    /// Where a field of an object stands, until the next allocation.
    pub(super) fn field(&self, reference: u32, offset: u32) -> *mut u8 {
        self.context.heap_base.wrapping_add(reference as usize + offset as usize)
    }

    /// Writes a field or element, given by its offset.
    pub(super) fn write_field(&mut self, object: u32, offset: u32, storage: Storage, value: ValRaw) {
        let (at, size) = (u64::from(object) + u64::from(offset), storage.size());
        assert!(object != 0 && at + u64::from(size) <= self.context.heap_next, "a field of an object");
        // SAFETY: inside the objects, as just checked; nobody holds a reference to the bytes.
        unsafe { ptr::copy_nonoverlapping(value.0.as_ptr(), self.context.heap_base.add(to_usize(at)), size as usize) };
    }

    /// The header of an object: its id and word.
    ///
    /// # Safety
    /// The reference is an object's.
    unsafe fn header(&self, reference: u32) -> (u32, u32) {
        // SAFETY: the caller's contract.
        let header = unsafe { self.context.heap_base.add(reference as usize).cast::<[u32; 2]>().read() };
        (header[0], header[1])
    }
}

/// Makes an object of `size` bytes with this header; its fields are zero. Returns the reference. May collect.
///
/// # Errors
/// [`Trap::OutOfHeap`], or what the limiter says.
pub(super) fn allocate(store: &mut OpaqueMut<'_>, id: u32, word: u32, size: u64) -> Result<u32> {
    make_room(store, size)?;
    Ok(store.bump(id, word, size))
}

/// Sees to it that the next object of this size can be made without a collection. May collect.
///
/// # Errors
/// As [`allocate`].
fn make_room(store: &mut OpaqueMut<'_>, size: u64) -> Result<()> {
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

/// Reserves the region, unless that is done: compiled code that knows of objects takes its start to be fixed.
pub(super) fn reserve(store: &mut StoreOpaque) -> Result<()> {
    if store.heap.region.is_some() {
        return Ok(());
    }
    let region = Mapping::reserve(to_usize(REGION))?;
    store.context.heap_base = region.as_ptr();
    store.heap.region = Some(region);
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

impl StoreOpaque {
    /// Tells compiled code where room ends: at once, when each allocation shall collect.
    fn publish_end(&mut self) {
        self.context.heap_end = if self.heap.zeal { 0 } else { self.heap.end() };
    }
}

/// The error of a reference that is held by nobody any more.
fn gone() -> Error {
    Error::new(
        ErrorKind::Usage,
        "the scope that held this reference has ended: keep it with `Kept`, or use it before the host function returns",
    )
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("64-bit hosts only")
}
