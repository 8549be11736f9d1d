//! The types of an engine by canonical id, in memory that compiled code and the collector read without a lock.
//!
//! A slot belongs to the recursive group whose type has the slot's serial number. The group fills it before anybody
//! else knows the id, and clears it when nobody holds the group any more. So whoever holds a registration of a type
//! reads a slot that does not change.

use super::TypeInfo;
use crate::abi::heap::FIRST_SPECIAL;
use crate::abi::vmctx::{CHUNK_BITS, CHUNKS, TypeEntry};
use crate::base::{Error, ErrorKind, Result};
use crate::runtime::fixed::Block;
use crate::wasm::canonical::{SERIAL_BITS, serial};
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

/// The number of slots in a chunk.
const SLOTS: usize = 1 << CHUNK_BITS;

/// The first serial number that no type has. Ids of objects without a defined type lead to the last chunk, which thus
/// stays empty.
pub(super) const END: u32 = (1 << SERIAL_BITS) - (1 << CHUNK_BITS);

const _: () = assert!(serial(FIRST_SPECIAL) >= END);

/// The slots of a range of serial numbers. `repr(C)`, because compiled code reads the entries at the start.
#[repr(C)]
struct Chunk {
    entries: [UnsafeCell<TypeEntry>; SLOTS],
    infos: [AtomicPtr<TypeInfo>; SLOTS],
}

// SAFETY: an entry is written by the group that owns its slot, while nobody else knows the id.
unsafe impl Sync for Chunk {}

/// The chunk of serial numbers that no type has had yet. Nobody writes it.
static EMPTY: Chunk = Chunk {
    entries: [const { UnsafeCell::new(TypeEntry::NONE) }; SLOTS],
    infos: [const { AtomicPtr::new(ptr::null_mut()) }; SLOTS],
};

/// The slots of an engine's types: a directory of chunks, which grows with the largest number of types that were in use
/// at once.
pub(super) struct TypeTable {
    directory: Box<[AtomicPtr<Chunk>]>,
}

impl TypeTable {
    /// Makes a table whose slots are all empty.
    pub(super) fn new() -> TypeTable {
        let empty = || AtomicPtr::new((&raw const EMPTY).cast_mut());
        TypeTable { directory: (0..CHUNKS).map(|_| empty()).collect() }
    }

    /// Returns the address of the directory, for the contexts of instances.
    pub(super) fn directory(&self) -> *const *const TypeEntry {
        // An entry of the directory is laid out as a pointer, and a chunk starts with its entries.
        self.directory.as_ptr().cast()
    }

    /// Adds the chunk with this number, whose slots nobody has. The result owns its memory, and must live as long as
    /// the table.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if there is no memory for it.
    pub(super) fn add_chunk(&self, number: usize) -> Result<Block> {
        // Null pointers and entries of no type are all zeros.
        let block = Block::try_zeroed(Layout::new::<Chunk>())
            .ok_or_else(|| Error::new(ErrorKind::Resource, "no memory for the engine's table of types"))?;
        self.directory[number].store(block.as_ptr().cast(), Ordering::Release);
        Ok(block)
    }

    /// Returns the type in the slot of an id; `None` if the slot is empty. Only who holds a registration of the type,
    /// or the registry's lock, may follow the pointer.
    pub(super) fn info(&self, id: u32) -> Option<NonNull<TypeInfo>> {
        let (chunk, slot) = self.locate(id);
        NonNull::new(chunk.infos[slot].load(Ordering::Acquire))
    }

    /// Returns the data for casts to and from the type with this id.
    ///
    /// # Safety
    /// The caller holds a registration of the type.
    pub(super) unsafe fn entry(&self, id: u32) -> TypeEntry {
        let (chunk, slot) = self.locate(id);
        // SAFETY: the slot does not change while somebody holds the type.
        unsafe { chunk.entries[slot].get().read() }
    }

    /// Sets the slot of an id.
    ///
    /// # Safety
    /// The slot's chunk was added, and the slot is the caller's: nobody else uses the id.
    pub(super) unsafe fn set(&self, id: u32, entry: TypeEntry, info: *const TypeInfo) {
        let (chunk, slot) = self.locate(id);
        // SAFETY: the caller's contract.
        unsafe { chunk.entries[slot].get().write(entry) };
        chunk.infos[slot].store(info.cast_mut(), Ordering::Release);
    }

    /// Returns the chunk and the position in it that an id leads to.
    fn locate(&self, id: u32) -> (&Chunk, usize) {
        let serial = serial(id) as usize;
        let chunk = self.directory[serial >> CHUNK_BITS].load(Ordering::Acquire);
        // SAFETY: the empty chunk, or one that lives as long as the table.
        (unsafe { &*chunk }, serial & (SLOTS - 1))
    }
}
