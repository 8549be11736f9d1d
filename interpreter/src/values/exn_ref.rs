//! Handles to exceptions.

use super::handle::handle;
use super::referents::Referents;
use super::val::{Val, to_slots};
use crate::error::{Error, ErrorKind, Result};
use crate::types::TypeId;
use alloc::format;
use alloc::vec::Vec;

handle! {
    /// A handle to an exception: a tag, and values of the types that the tag's type lists.
    ///
    /// It keeps its exception alive. `==` compares identities.
    ExnRef
}

impl ExnRef {
    /// Makes an exception of the tag at an address, whose type is `ty`.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the payload does not match the type, or a value belongs to another store;
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub(crate) fn new_in(store: &mut impl Referents, tag: u32, ty: TypeId, payload: &[Val]) -> Result<ExnRef> {
        let params = &store.types().func(ty).params;
        if params.len() != payload.len() {
            let message =
                format!("the tag's exceptions carry {} values, but {} were given", params.len(), payload.len());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let slots = to_slots(store, payload.iter().zip(params.iter().copied()), "a value that an exception carries")?;
        let reference = store.allocate(|heap| heap.new_exception(tag, ty, &slots))?;
        Ok(ExnRef::from_raw(reference, store).expect("a new object is not null"))
    }

    /// Returns the address of the tag.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn tag_address(&self, store: &impl Referents) -> Result<u32> {
        Ok(store.heap().exception_tag(self.object(store)?).expect("the handle is an exception's"))
    }

    /// Returns the values that the exception carries.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn fields_in(&self, store: &mut impl Referents) -> Result<Vec<Val>> {
        let object = self.object(store)?;
        let slots: Vec<u64> = store.heap().exception_payload(object).collect();
        let params = store.types().func(store.heap().exception_type(object)).params.clone();
        let mut rest = &slots[..];
        Ok(params.iter().map(|&ty| Val::take(ty, &mut rest, store)).collect())
    }

    /// Returns a number that no other object of the store has as long as this one lives.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn address_in(&self, store: &impl Referents) -> Result<u32> {
        self.object(store)
    }
}
