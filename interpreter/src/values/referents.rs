//! The parts of a store to which values refer.

use crate::gc::{Failure, Heap};
use crate::slot::RawRef;
use crate::trap::Trap;
use crate::types::{CanonicalTypes, HeapType, TypeId};

/// A store, as far as values need it.
pub(crate) trait Referents {
    /// Returns the objects.
    fn heap(&self) -> &Heap;

    /// Returns the objects, to change them.
    fn heap_mut(&mut self) -> &mut Heap;

    /// Returns the defined types.
    fn types(&self) -> &CanonicalTypes;

    /// Returns the type of the function at an address.
    fn function_type(&self, address: u32) -> TypeId;

    /// Makes room for an object that counts `size` bytes, with [`Heap::make_room`] and all roots of the store.
    ///
    /// # Errors
    /// [`Trap::OutOfHeap`] if the heap cannot hold it.
    fn make_room(&mut self, size: u64) -> Result<(), Trap>;

    /// Makes an object, after a collection if there is no room. Whatever `make` refers to must be reachable.
    ///
    /// # Errors
    /// The trap of `make`; [`Trap::OutOfHeap`] if the heap cannot hold the object.
    fn allocate(&mut self, make: impl Fn(&mut Heap) -> Result<RawRef, Failure>) -> Result<RawRef, Trap> {
        let size = match make(self.heap_mut()) {
            Ok(reference) => return Ok(reference),
            Err(Failure::Trap(trap)) => return Err(trap),
            Err(Failure::NoRoom(size)) => size,
        };
        self.make_room(size)?;
        make(self.heap_mut()).map_err(|failure| match failure {
            Failure::Trap(trap) => trap,
            Failure::NoRoom(_) => Trap::OutOfHeap,
        })
    }

    /// Returns the most specific type of the referent of a reference that is not null.
    fn heap_type_of(&self, reference: RawRef) -> HeapType {
        if let Some(address) = reference.as_func() {
            return HeapType::Exact(self.function_type(address));
        }
        match reference.as_object() {
            None => HeapType::I31,
            Some(object) => {
                let ty = self.heap().type_of(object).or_else(|| self.heap().continuation_type(object));
                ty.map_or(HeapType::Any, HeapType::Exact)
            }
        }
    }
}
