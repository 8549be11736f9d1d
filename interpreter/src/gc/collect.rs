//! The collector: mark and sweep.
//!
//! A collection marks what the roots reach. A list holds the objects that are marked and not yet scanned, so that a
//! long chain of objects needs no recursion. Then everything that is not marked is free. Cycles are no special case.
//!
//! Slots of the stack have no types, so the collector takes any that looks like a reference to an object for one. It
//! never moves objects. The worst effect of a number that looks like a reference is an object that stays too long.

use super::arena::Arena;
use super::array;
use super::continuation::{self, Continuation};
use super::heap::{CONTINUATION, EXCEPTION, HOST, Heap, HostValue, wrong_layout};
use super::layout::{FieldLayout, HOST_SIZE, Layout, Storage, array_size};
use super::slab::Slab;
use crate::slot::RawRef;
use crate::trap::Trap;
use crate::types::TypeId;
use alloc::vec::Vec;

/// The marking phase of a collection. The store tells it the roots.
pub(crate) struct Marker<'a> {
    arena: &'a mut Arena,
    layouts: &'a [Layout],
    long: &'a mut Slab<Vec<u8>>,
    hosts: &'a mut Slab<HostValue>,
    continuations: &'a mut Slab<Continuation>,
    work: &'a mut Vec<u32>,
    /// The bytes that the scanned objects count.
    live: u64,
}

impl Marker<'_> {
    /// Marks the object to which a reference leads, if it leads to one.
    #[inline]
    pub(crate) fn mark(&mut self, reference: RawRef) {
        push(self.arena, self.work, reference);
    }

    /// Marks the objects to which slots lead. Slots may hold anything: what looks like a reference to an object is
    /// taken for one.
    pub(crate) fn mark_slots(&mut self, slots: &[u64]) {
        slots.iter().for_each(|&bits| self.mark(RawRef(bits)));
    }

    /// Marks everything that marked objects reach.
    fn run(&mut self) {
        while let Some(at) = self.work.pop() {
            self.scan(at as usize);
        }
    }

    /// Marks the objects to which an object's references lead.
    fn scan(&mut self, at: usize) {
        let bits = self.arena.read(at);
        let (kind, word) = (bits as u32, (bits >> 32) as u32);
        match kind {
            HOST => {
                self.hosts.mark(word);
                self.live += HOST_SIZE;
            }
            EXCEPTION => {
                let id = self.arena.read(at + 1) as u32;
                let layouts = self.layouts;
                let Layout::Exception(layout) = &layouts[id as usize] else { wrong_layout(TypeId(id)) };
                self.scan_fields(at + 2, layout);
            }
            CONTINUATION => self.scan_continuation(word),
            id => {
                let layouts = self.layouts;
                match &layouts[id as usize] {
                    Layout::Struct(layout) => {
                        if word != 0 {
                            self.mark(RawRef::from_object(word));
                        }
                        self.scan_fields(at + 1, layout);
                    }
                    Layout::Array(element) => self.scan_elements(at, *element, word),
                    Layout::Exception(_) | Layout::Continuation => wrong_layout(TypeId(id)),
                }
            }
        }
    }

    /// Marks the objects to which the frames of a continuation lead. `word` is that of its header.
    fn scan_continuation(&mut self, word: u32) {
        self.live += continuation::OBJECT_SIZE;
        let Some(number) = word.checked_sub(1) else { return };
        self.continuations.mark(number);
        if let Some(contents) = self.continuations.get(number) {
            self.live += contents.size();
            contents.slots.iter().for_each(|&bits| push(self.arena, self.work, RawRef(bits)));
        }
    }

    fn scan_fields(&mut self, fields: usize, layout: &FieldLayout) {
        self.live += layout.size;
        for &slot in &layout.traced {
            let reference = RawRef(self.arena.read(fields + slot as usize));
            push(self.arena, self.work, reference);
        }
    }

    fn scan_elements(&mut self, at: usize, element: Storage, length: u32) {
        self.live += array_size(element, length);
        if array::is_long(element, length) {
            let number = self.arena.read(at + 1) as u32;
            self.long.mark(number);
            if element == Storage::Object {
                let bytes = self.long.get(number).map_or(&[][..], |bytes| bytes);
                let (cells, _) = bytes.as_chunks();
                cells.iter().for_each(|&cell| push(self.arena, self.work, RawRef(u64::from_le_bytes(cell))));
            }
        } else if element == Storage::Object {
            for index in 1..=length as usize {
                let reference = RawRef(self.arena.read(at + index));
                push(self.arena, self.work, reference);
            }
        }
    }
}

/// Marks the object to which a reference leads, and notes that it has to be scanned.
#[inline]
fn push(arena: &mut Arena, work: &mut Vec<u32>, reference: RawRef) {
    if let Some(at) = reference.as_object()
        && arena.mark(at as usize)
    {
        work.push(at);
    }
}

/// Returns the number of cells of an object.
fn cells(arena: &Arena, layouts: &[Layout], at: usize) -> usize {
    let bits = arena.read(at);
    let (kind, word) = (bits as u32, (bits >> 32) as u32);
    match kind {
        HOST => return 1,
        CONTINUATION => return continuation::CELLS,
        _ => {}
    }
    let id = if kind == EXCEPTION { arena.read(at + 1) as u32 } else { kind };
    match &layouts[id as usize] {
        Layout::Struct(layout) => 1 + layout.slots as usize,
        Layout::Exception(layout) => 2 + layout.slots as usize,
        Layout::Array(element) => array::cells(*element, word),
        Layout::Continuation => wrong_layout(TypeId(id)),
    }
}

impl Heap {
    /// Frees the objects that are not reachable. `trace` marks all roots but those of the embedder: the stack, globals,
    /// tables, and element segments.
    ///
    /// Values of the host that are unreachable are dropped at the end, which runs code of the embedder.
    pub(crate) fn collect(&mut self, trace: impl FnOnce(&mut Marker<'_>)) {
        let Heap { arena, layouts, long, hosts, continuations, work, .. } = self;
        let mut marker = Marker { arena, layouts, long, hosts, continuations, work, live: 0 };
        self.roots.trace(&mut marker);
        trace(&mut marker);
        marker.run();
        self.pacing.used = marker.live;
        let layouts = &self.layouts;
        self.arena.sweep(|arena, at| cells(arena, layouts, at), self.pacing.poisons());
        self.long.sweep();
        self.continuations.sweep();
        drop(self.hosts.sweep());
    }

    /// Makes room for an object that counts `size` bytes: collects, and lets the heap grow. The next allocation of that
    /// size does not fail for want of room. `trace` is as in [`Heap::collect`].
    ///
    /// # Errors
    /// [`Trap::OutOfHeap`] if the reachable objects and this one are together larger than the limit.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_room(&mut self, size: u64, trace: impl FnOnce(&mut Marker<'_>)) -> Result<(), Trap> {
        if self.pacing.is_too_large(size) {
            return Err(Trap::OutOfHeap);
        }
        self.collect(trace);
        if self.pacing.grow(size) { Ok(()) } else { Err(Trap::OutOfHeap) }
    }
}
