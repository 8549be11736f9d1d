//! The heap of a store: allocation of objects, and access to their headers and fields.
//!
//! ```text
//! cell 0, low half    the kind: a type's id, CONTINUATION, EXCEPTION, or HOST
//! cell 0, high half   struct: the index of its descriptor, or 0
//!                     array: its length
//!                     EXCEPTION: the address of its tag in the store
//!                     CONTINUATION: the number of its contents and 1; 0 once it is consumed
//!                     HOST: the number of the value
//! from cell 1 on      struct: the fields
//!                     array: the elements; of a long array, the number of the buffer with its elements
//!                     CONTINUATION: the id of its type
//!                     EXCEPTION: the id of its tag's function type; from cell 2 on the payload
//! ```

use super::arena::Arena;
use super::continuation::Continuation;
use super::layout::{FieldLayout, HOST_SIZE, Layout};
use super::pacing::Pacing;
use super::roots::Roots;
use super::slab::Slab;
use crate::slot::RawRef;
use crate::trap::Trap;
use crate::types::{CanonicalTypes, TypeId};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;

/// The kind of a value of the host.
pub(super) const HOST: u32 = u32::MAX;

/// The kind of an exception.
pub(super) const EXCEPTION: u32 = u32::MAX - 1;

/// The kind of a continuation. All greater kinds are no types either.
pub(super) const CONTINUATION: u32 = u32::MAX - 2;

/// A value of the host.
pub(crate) type HostValue = Box<dyn Any + Send + Sync>;

/// The reason why an object was not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// The instruction traps.
    Trap(Trap),
    /// The heap has no room for an object that counts this many bytes. Nothing has changed: the caller calls
    /// [`Heap::make_room`] and then executes the instruction again.
    NoRoom(u64),
}

impl From<Trap> for Failure {
    fn from(trap: Trap) -> Failure {
        Failure::Trap(trap)
    }
}

/// The heap of a store.
pub(crate) struct Heap {
    pub(super) arena: Arena,
    /// The layouts of the store's types, by id.
    pub(super) layouts: Vec<Layout>,
    /// The elements of long arrays.
    pub(super) long: Slab<Vec<u8>>,
    /// The values of the host.
    pub(super) hosts: Slab<HostValue>,
    /// The contents of the continuations that are not consumed.
    pub(super) continuations: Slab<Continuation>,
    pub(super) pacing: Pacing,
    /// The objects that the current collection has reached and not scanned. Empty between collections.
    pub(super) work: Vec<u32>,
    /// The references that the embedder holds.
    pub(crate) roots: Roots,
}

impl Heap {
    /// Returns an empty heap, whose objects may count at most `limit` bytes. With `zeal`, each allocation collects.
    pub(crate) fn new(roots: Roots, limit: u64, zeal: bool) -> Heap {
        Heap {
            arena: Arena::default(),
            layouts: Vec::new(),
            long: Slab::default(),
            hosts: Slab::default(),
            continuations: Slab::default(),
            pacing: Pacing::new(limit, zeal),
            work: Vec::new(),
            roots,
        }
    }

    /// Learns the layouts of the store's types that it does not know yet. Called whenever the store has got types.
    ///
    /// # Panics
    /// If the store has more than 2^32 - 3 types, which take more memory than a machine has.
    pub(crate) fn learn_types(&mut self, types: &CanonicalTypes) {
        assert!(types.len() <= CONTINUATION as usize, "the memory for so many types");
        let new = self.layouts.len()..types.len();
        self.layouts.extend(new.map(|id| Layout::of(TypeId(id as u32), types)));
    }

    /// Returns the bytes that the heap's objects count, garbage included.
    pub(crate) fn used(&self) -> u64 {
        self.pacing.used
    }

    /// Sets how many bytes objects may count. A heap that is larger already keeps its room.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.pacing.set_limit(limit);
    }

    /// Makes an object of `cells` cells, which counts `size` bytes. The caller has to fill all cells but the header.
    #[inline]
    pub(super) fn allocate(&mut self, kind: u32, word: u32, cells: usize, size: u64) -> Result<usize, Failure> {
        allocate(&mut self.arena, &mut self.pacing, (kind, word), cells, size)
    }

    /// Returns the kind and the word of the object's header.
    #[inline(always)]
    pub(super) fn header(&self, at: usize) -> (u32, u32) {
        let bits = self.arena.read(at);
        (bits as u32, (bits >> 32) as u32)
    }

    /// Returns the id of the type of a struct or an array. `None` for continuations, exceptions and values of the host.
    #[inline(always)]
    pub(crate) fn type_of(&self, object: u32) -> Option<TypeId> {
        let (kind, _) = self.header(object as usize);
        (kind < CONTINUATION).then_some(TypeId(kind))
    }

    /// Makes a struct of a type with these fields, as the slots of the stack hold them. `descriptor` is the object that
    /// describes it, or 0.
    #[inline]
    pub(crate) fn new_struct(&mut self, id: TypeId, descriptor: u32, fields: &[u64]) -> Result<RawRef, Failure> {
        let Heap { arena, pacing, layouts, .. } = self;
        let Layout::Struct(layout) = &layouts[id.index()] else { wrong_layout(id) };
        assert_eq!(fields.len(), layout.slots as usize, "the number of slots of a struct's fields");
        let at = allocate(arena, pacing, (id.0, descriptor), 1 + fields.len(), layout.size)?;
        arena.write_all(at + 1, fields);
        for &(slot, mask) in &layout.packed {
            let field = at + 1 + slot as usize;
            arena.write(field, arena.read(field) & mask);
        }
        Ok(object(at))
    }

    /// Makes a struct whose fields are zero or null. `descriptor` is the object that describes it, or 0.
    #[inline]
    pub(crate) fn new_default_struct(&mut self, id: TypeId, descriptor: u32) -> Result<RawRef, Failure> {
        let layout = self.struct_layout(id);
        let (slots, size) = (layout.slots as usize, layout.size);
        let at = self.allocate(id.0, descriptor, 1 + slots, size)?;
        self.arena.clear(at + 1, slots);
        Ok(object(at))
    }

    /// Returns the layout of a struct type.
    #[inline]
    pub(crate) fn struct_layout(&self, id: TypeId) -> &FieldLayout {
        match &self.layouts[id.index()] {
            Layout::Struct(layout) => layout,
            _ => wrong_layout(id),
        }
    }

    /// Returns whether the object is a struct.
    #[inline]
    pub(crate) fn is_struct(&self, object: u32) -> bool {
        self.type_of(object).is_some_and(|id| matches!(self.layouts[id.index()], Layout::Struct(_)))
    }

    /// Returns the reference to the object that describes a struct; null if structs of its type have no descriptors.
    #[inline(always)]
    pub(crate) fn descriptor(&self, object: u32) -> RawRef {
        match self.header(object as usize).1 {
            0 => RawRef::NULL,
            descriptor => RawRef::from_object(descriptor),
        }
    }

    /// Returns the bits of a slot of a struct.
    #[inline(always)]
    pub(crate) fn field(&self, object: u32, slot: u32) -> u64 {
        self.arena.read(object as usize + 1 + slot as usize)
    }

    /// Sets the bits of a slot of a struct. The caller has cleared those that a packed field does not keep.
    #[inline(always)]
    pub(crate) fn set_field(&mut self, object: u32, slot: u32, bits: u64) {
        self.arena.write(object as usize + 1 + slot as usize, bits);
    }

    /// Makes an exception of the tag at an address of the store. `id` is the tag's function type, `payload` the values
    /// as the slots of the stack hold them.
    pub(crate) fn new_exception(&mut self, tag: u32, id: TypeId, payload: &[u64]) -> Result<RawRef, Failure> {
        let layout = self.exception_layout(id);
        assert_eq!(payload.len(), layout.slots as usize, "the number of slots of an exception's payload");
        let size = layout.size;
        let at = self.allocate(EXCEPTION, tag, 2 + payload.len(), size)?;
        self.arena.write(at + 1, id.0.into());
        self.arena.write_all(at + 2, payload);
        Ok(object(at))
    }

    /// Returns the layout of the exceptions of a function type.
    pub(crate) fn exception_layout(&self, id: TypeId) -> &FieldLayout {
        match &self.layouts[id.index()] {
            Layout::Exception(layout) => layout,
            _ => wrong_layout(id),
        }
    }

    /// Returns the address of an exception's tag. `None` if the object is no exception.
    pub(crate) fn exception_tag(&self, object: u32) -> Option<u32> {
        let (kind, tag) = self.header(object as usize);
        (kind == EXCEPTION).then_some(tag)
    }

    /// Returns the id of the function type of an exception's tag.
    pub(crate) fn exception_type(&self, object: u32) -> TypeId {
        TypeId(self.arena.read(object as usize + 1) as u32)
    }

    /// Returns the slots of an exception's payload, in order.
    pub(crate) fn exception_payload(&self, object: u32) -> impl ExactSizeIterator<Item = u64> {
        let (at, slots) = (object as usize + 2, self.exception_layout(self.exception_type(object)).slots as usize);
        (at..at + slots).map(|cell| self.arena.read(cell))
    }

    /// Makes an object of a value of the host. The caller has made room with [`Heap::make_room`], so that the value
    /// need not be handed back.
    pub(crate) fn new_host(&mut self, value: HostValue) -> Result<RawRef, Trap> {
        let made = self.allocate(HOST, 0, 1, HOST_SIZE);
        let at = made.map_err(|_| Trap::OutOfHeap)?;
        let number = self.hosts.insert(value).ok_or(Trap::OutOfHeap)?;
        self.arena.write(at, u64::from(HOST) | u64::from(number) << 32);
        Ok(object(at))
    }

    /// Returns the value of the host. `None` if the object is another one.
    pub(crate) fn host_value(&self, object: u32) -> Option<&(dyn Any + Send + Sync)> {
        match self.header(object as usize) {
            (HOST, number) => self.hosts.get(number).map(|value| &**value),
            _ => None,
        }
    }
}

/// Returns the reference to an object.
#[inline(always)]
pub(super) fn object(at: usize) -> RawRef {
    // No truncation: the arena is bounded.
    RawRef::from_object(at as u32)
}

/// Makes an object with this header: its kind and its word.
#[inline]
fn allocate(
    arena: &mut Arena,
    pacing: &mut Pacing,
    header: (u32, u32),
    cells: usize,
    size: u64,
) -> Result<usize, Failure> {
    if !pacing.has_room(size) {
        return Err(Failure::NoRoom(size));
    }
    let at = arena.allocate(cells, pacing.cells()).ok_or(Trap::OutOfHeap)?;
    pacing.used += size;
    arena.write(at, u64::from(header.0) | u64::from(header.1) << 32);
    Ok(at)
}

/// Panics because an object was asked for with the wrong kind of type, which validation excludes.
#[cold]
pub(super) fn wrong_layout(id: TypeId) -> ! {
    panic!("type {id} is of another kind than the instruction that names it")
}
