//! The collector: Cheney's copying algorithm.
//!
//! The collector copies each object that a root refers to into the other space, and leaves the new offset in the old
//! header ([`FORWARDED`]). Then it scans the copies in order. Objects that a copy refers to are copied in turn, to the
//! end of the copies, until the scan reaches that end. The work is proportional to the size of what survives.

use super::heap::{exhausted, to_usize};
use super::host_values::{HostValues, Value, drop_all};
use super::shape::Shape;
use crate::abi::heap::{ALIGNMENT, EXCEPTION, EXTERN, FORWARDED, HEADER, array_size};
use crate::base::{Result, planted};
use crate::runtime::backtrace::visit_references;
use crate::runtime::store::{OpaqueMut, StoreOpaque};
use crate::runtime::type_registry::TypeRegistry;
use core::ptr;

/// The byte that fills an abandoned space under zeal. It makes neither a valid header nor a valid reference.
const POISON: u8 = 0xfb;

/// Collects garbage. Moves all reachable objects, and drops the values of the host that are unreachable.
///
/// # Errors
/// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) or the limiter's error, with nothing changed, if the other space cannot
/// be made accessible.
///
/// # Panics
/// When a reference names no object, which means that compiled code or a stack map is wrong.
pub(in crate::runtime) fn collect(store: &mut OpaqueMut<'_>) -> Result<()> {
    if store.heap.capacity == 0 {
        return Ok(());
    }
    let (to, capacity) = (1 - store.heap.space, store.heap.capacity);
    if let Err(refused) = store.heap.make_accessible(to, capacity) {
        return Err(exhausted(store, Some(refused)));
    }
    find_slots(store);
    let (stray, dead) = store.copy_reachable(to);
    // Dropping runs the embedder's code, so it waits until the heap is whole again.
    drop_all(dead);
    assert!(stray.is_none(), "the collector met a reference to no object ({stray:#x?}): a stack map or code is wrong");
    Ok(())
}

/// Fills `Heap::slots` with the addresses of all references in the store's frames, and counts the frames.
fn find_slots(store: &mut OpaqueMut<'_>) {
    let context = store.context_ptr();
    let mut slots = core::mem::take(&mut store.heap.slots);
    // SAFETY: the context is alive, and this thread uses the store.
    let frames = unsafe { visit_references(context, |slot| slots.push(slot)) };
    (store.heap.slots, store.heap.frames) = (slots, frames);
}

impl StoreOpaque {
    /// Moves all reachable objects into the space `to`. Returns the first reference that names no object, and the
    /// values of the host that are unreachable.
    fn copy_reachable(&mut self, to: usize) -> (Option<u32>, Vec<Value>) {
        let StoreOpaque { context, engine, heap, globals, tables, instances, .. } = self;
        let (from, start) = (heap.start(heap.space), heap.start(to));
        let mut copier = Copier {
            base: context.heap_base,
            from: small(from),
            used: small(context.heap_next - from),
            next: start,
            end: start + heap.capacity,
            types: engine.types(),
            values: &mut heap.values,
            stray: None,
        };
        for slot in heap.slots.drain(..) {
            // SAFETY: slots of frames of this thread, which wait for this call.
            unsafe { slot.write(copier.forward(slot.read())) };
        }
        let mut visit = |reference: &mut u32| *reference = copier.forward(*reference);
        globals.iter().for_each(|global| global.trace(&mut visit));
        tables.iter().for_each(|table| table.trace(&mut visit));
        instances.iter_mut().for_each(|instance| instance.trace(&mut visit));
        heap.roots.trace(&mut visit);
        copier.scan(start);
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

/// A collection in progress. All offsets count from the start of the region.
struct Copier<'a> {
    /// The address of the region.
    base: *mut u8,
    /// The offset of the space to evacuate.
    from: u32,
    /// The size in bytes of all objects in the space to evacuate.
    used: u32,
    /// The offset of the next copy.
    next: u64,
    /// The end of the space that receives the copies.
    end: u64,
    types: &'a TypeRegistry,
    values: &'a mut HostValues,
    /// The first reference that named no object.
    stray: Option<u32>,
}

impl<'a> Copier<'a> {
    /// Copies the object of a reference unless it is copied already. Returns the value of the reference after the
    /// collection.
    fn forward(&mut self, reference: u32) -> u32 {
        // Null, or an integer that the reference holds in itself.
        if reference == 0 || reference & 1 == 1 {
            return reference;
        }
        // A stray reference is recorded, not reported at once: the collection has to end before it may panic.
        self.copy(reference).unwrap_or_else(|| {
            self.stray.get_or_insert(reference);
            reference
        })
    }

    /// Copies an object unless it is copied already. Returns its new reference; `None` if there is no such object.
    fn copy(&mut self, reference: u32) -> Option<u32> {
        let within = reference.wrapping_sub(self.from);
        if within >= self.used || !reference.is_multiple_of(ALIGNMENT) {
            return None;
        }
        // A wrong reference may lead into the middle of an object. The checks above and below keep every access inside
        // the two spaces even then.
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
            self.values.mark(word);
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

    /// Returns the size in bytes of an object with this header; `None` if its type is unknown.
    fn size(&self, id: u32, word: u32) -> Option<u64> {
        if id == EXTERN {
            return Some(HEADER.into());
        }
        match self.shape(id, word)? {
            Shape::Struct { size, .. } => Some((*size).into()),
            Shape::Array { element, .. } => Some(array_size(*element, word)),
        }
    }

    /// Returns the shape of an object with this header, which is no value of the host; `None` if its type is unknown.
    fn shape(&self, id: u32, word: u32) -> Option<&'a Shape> {
        let id = if id == EXCEPTION { word } else { id };
        // SAFETY: the store holds the types of its objects.
        unsafe { self.types.shape(id) }
    }

    /// Moves the objects to which the copies from `at` on refer.
    fn scan(&mut self, mut at: u64) {
        while at < self.next {
            // SAFETY: a copy starts here: its header was read when it was made.
            let [id, word] = unsafe { self.at(at).cast::<[u32; 2]>().read() };
            if id == EXTERN {
                at += u64::from(HEADER);
                continue;
            }
            match self.shape(id, word).expect("only objects of known shape are copied") {
                Shape::Struct { size, traced } => {
                    let skipped = if planted!(ExceptionUntraced) && id == EXCEPTION { traced.len() } else { 0 };
                    for &offset in &traced[skipped..] {
                        self.update(at + u64::from(offset));
                    }
                    at += u64::from(*size);
                }
                Shape::Array { element, traced } => {
                    if *traced {
                        let first = at + u64::from(HEADER);
                        let visited = if planted!(LongArrayUntraced) { word.min(64) } else { word };
                        for index in 0..u64::from(visited) {
                            self.update(first + index * u64::from(*element));
                        }
                    }
                    at += array_size(*element, word);
                }
            }
        }
    }

    /// Moves the object to which the field at `at` refers, and updates the field.
    fn update(&mut self, at: u64) {
        let field = self.at(at).cast::<u32>();
        // SAFETY: a field of a copy, aligned by the object's layout.
        unsafe { field.write(self.forward(field.read())) };
    }

    /// Returns the address at an offset.
    fn at(&self, offset: u64) -> *mut u8 {
        self.base.wrapping_add(to_usize(offset))
    }
}

/// Copies words. Most objects have only a few, for which a call of `memcpy` costs more than the copy itself.
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
