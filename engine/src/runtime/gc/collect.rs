//! The collector: Cheney's copying algorithm.
//!
//! Roots first: each object that one names is copied to the end of the other space, and the old place says where it went.
//! Then the copies are scanned from the first to the last, which brings what they refer to behind the last, until the
//! scan has caught up. Work is proportional to what survives.

use super::heap::{SPACES, to_usize};
use super::host_values::{Value, Values};
use super::shape::{Shape, Shapes};
use crate::abi::heap::{ALIGNMENT, EXTERN, FORWARDED, HEADER, array_size};
use crate::base::{Result, Trap};
use crate::runtime::backtrace::visit_references;
use crate::runtime::call::Exit;
use crate::runtime::store::{OpaqueMut, StoreOpaque};
use core::ptr;

/// What an abandoned space is filled with under zeal: no object's header, and no reference.
const POISON: u8 = 0xfb;

/// Collects: afterwards the heap holds reachable objects only, all of them elsewhere. Drops values of the host.
///
/// # Errors
/// [`Trap::OutOfHeap`] if the other space cannot be had; nothing has changed then.
///
/// # Panics
/// When a reference names no object, which means that compiled code or a stack map is wrong.
pub(in crate::runtime) fn collect(store: &mut OpaqueMut<'_>) -> Result<()> {
    if store.heap.capacity == 0 {
        return Ok(());
    }
    let (to, capacity) = (1 - store.heap.space, store.heap.capacity);
    store.heap.make_accessible(to, capacity).map_err(|_| Trap::OutOfHeap)?;
    find_slots(store);
    let (stray, dead) = store.copy_reachable(to);
    drop(dead);
    assert!(stray.is_none(), "the collector met a reference to no object ({stray:#x?}): a stack map or code is wrong");
    Ok(())
}

/// Fills `Heap::slots` with the places of references in the store's frames.
fn find_slots(store: &mut OpaqueMut<'_>) {
    let context = store.context_ptr();
    let mut slots = core::mem::take(&mut store.heap.slots);
    // SAFETY: the context is alive, and this thread uses the store.
    let exit = unsafe { Exit::of(context) };
    visit_references(context, exit, |slot| slots.push(slot));
    store.heap.slots = slots;
}

impl StoreOpaque {
    /// Moves all that is reachable into the space `to`. Returns the first reference that names no object, and the values
    /// of the host that nobody can reach any more.
    fn copy_reachable(&mut self, to: usize) -> (Option<u32>, Vec<Value>) {
        let StoreOpaque { context, heap, globals, tables, instances, .. } = self;
        let from = SPACES[heap.space];
        let mut copier = Copier {
            base: context.heap_base,
            from: small(from),
            used: small(context.heap_next - from),
            next: SPACES[to],
            end: SPACES[to] + heap.capacity,
            shapes: &heap.shapes,
            values: &mut heap.values,
            stray: None,
        };
        for slot in heap.slots.drain(..) {
            // SAFETY: slots of frames of this thread, which wait for this call.
            unsafe { slot.write(copier.moved(slot.read())) };
        }
        let mut visit = |reference: &mut u32| *reference = copier.moved(*reference);
        globals.iter().for_each(|global| global.trace(&mut visit));
        tables.iter().for_each(|table| table.trace(&mut visit));
        instances.iter_mut().for_each(|instance| instance.trace(&mut visit));
        heap.roots.trace(&mut visit);
        copier.scan(SPACES[to]);
        let (next, stray) = (copier.next, copier.stray);
        if heap.zeal {
            // SAFETY: the bytes that objects had taken, all of which are elsewhere now.
            unsafe {
                ptr::write_bytes(context.heap_base.add(to_usize(from)), POISON, to_usize(context.heap_next - from))
            };
        }
        context.heap_next = next;
        heap.space = to;
        let dead = heap.values.sweep();
        self.publish_end();
        (stray, dead)
    }
}

/// A collection under way.
struct Copier<'a> {
    base: *mut u8,
    /// Where the objects are: from here,
    from: u32,
    /// so many bytes.
    used: u32,
    /// Where the next copy goes.
    next: u64,
    /// The end of the space that copies go to.
    end: u64,
    shapes: &'a Shapes,
    values: &'a mut Values,
    /// The first reference that named no object.
    stray: Option<u32>,
}

impl Copier<'_> {
    /// What a reference is after the collection.
    fn moved(&mut self, reference: u32) -> u32 {
        if reference == 0 || reference & 1 == 1 {
            return reference;
        }
        self.copy(reference).unwrap_or_else(|| {
            self.stray.get_or_insert(reference);
            reference
        })
    }

    /// Copies an object, unless that has been done; where it is now. `None` if there is no object.
    fn copy(&mut self, reference: u32) -> Option<u32> {
        let within = reference.wrapping_sub(self.from);
        if within >= self.used || !reference.is_multiple_of(ALIGNMENT) {
            return None;
        }
        let old = self.at(reference.into());
        // SAFETY: inside the space that objects are in, and aligned.
        let [id, word] = unsafe { old.cast::<[u32; 2]>().read() };
        if id == FORWARDED {
            return Some(word);
        }
        let size = self.size(id, word)?;
        let new = self.next;
        if size > u64::from(self.used - within) || new + size > self.end {
            return None;
        }
        if id == EXTERN {
            self.values.reach(word);
        }
        self.next = new + size;
        let new = small(new);
        // SAFETY: `size` bytes of the one space, and room for as many in the other, as just checked.
        unsafe {
            copy_words(old.cast(), self.at(new.into()).cast(), to_usize(size / 8));
            old.cast::<[u32; 2]>().write([FORWARDED, new]);
        }
        Some(new)
    }

    /// Bytes of an object with this header.
    fn size(&self, id: u32, word: u32) -> Option<u64> {
        match self.shapes.of(id, word) {
            Shape::Struct { size, .. } => Some(size.into()),
            Shape::Array { element, .. } => Some(array_size(element, word)),
            Shape::Unknown => None,
        }
    }

    /// Follows the references in the copies from `at` on.
    fn scan(&mut self, mut at: u64) {
        let shapes = self.shapes;
        while at < self.next {
            // SAFETY: a copy starts here: its header was read when it was made.
            let [id, word] = unsafe { self.at(at).cast::<[u32; 2]>().read() };
            match shapes.of(id, word) {
                Shape::Struct { size, first, traced } => {
                    for &offset in shapes.offsets(first, traced) {
                        self.follow(at + u64::from(offset));
                    }
                    at += u64::from(size);
                }
                Shape::Array { element, traced } => {
                    let size = array_size(element, word);
                    if traced {
                        let first = at + u64::from(HEADER);
                        (0..u64::from(word)).for_each(|index| self.follow(first + index * u64::from(element)));
                    }
                    at += size;
                }
                Shape::Unknown => unreachable!("only objects of known shape are copied"),
            }
        }
    }

    /// Follows the reference at a place in a copy.
    fn follow(&mut self, at: u64) {
        let field = self.at(at).cast::<u32>();
        // SAFETY: a field of a copy, aligned by the object's layout.
        unsafe { field.write(self.moved(field.read())) };
    }

    fn at(&self, offset: u64) -> *mut u8 {
        self.base.wrapping_add(to_usize(offset))
    }
}

/// Copies words. Most objects have few, for which a call of `memcpy` costs more than the copy.
///
/// # Safety
/// `from` and `to` are aligned, do not overlap, and have as many words to read and to write.
unsafe fn copy_words(from: *const u64, to: *mut u64, count: usize) {
    const FEW: usize = 8;
    if count > FEW {
        // SAFETY: the caller's contract.
        return unsafe { ptr::copy_nonoverlapping(from, to, count) };
    }
    for index in 0..count {
        // SAFETY: the caller's contract.
        unsafe { to.add(index).write(from.add(index).read()) };
    }
}

fn small(offset: u64) -> u32 {
    u32::try_from(offset).expect("objects end below 4 GiB")
}
