//! The address space of a memory of one store. It goes back to the engine's [`Pool`] when the memory is dropped.

use super::pool::Pool;
use super::size::{reservation, whole_pages};
use super::slot::{Growth, Slot};
use crate::base::{MemoryChecks, Result};
use crate::runtime::code::LoadedCode;
use crate::runtime::sys::Mapping;
use crate::wasm::types::MemoryType;
use core::ops::Range;
use std::sync::Arc;

/// Why a reservation has a slot.
const PRESENT: &str = "only dropping takes the slot out";

/// The address space of a memory that one store uses.
pub(crate) struct Reservation {
    /// Empty only while this is dropped.
    slot: Option<Slot>,
    pool: Arc<Pool>,
}

impl Reservation {
    /// Reserves address space for a memory of this type, or takes it from the pool, and makes `bytes` bytes accessible.
    /// They are zero, or those of the memory image with the number `image`.
    ///
    /// # Errors
    /// Kind [`Resource`](crate::ErrorKind::Resource) if the operating system refuses.
    pub(super) fn new(
        pool: &Arc<Pool>,
        checks: MemoryChecks,
        ty: MemoryType,
        bytes: u64,
        image: Option<u64>,
    ) -> Result<Reservation> {
        let (len, accessible) = (whole_pages(reservation(checks, ty)), whole_pages(bytes));
        // A slot that cannot be adapted is dropped, which leaves room for a new one.
        let recycled = pool.take(len, image).and_then(|mut slot| slot.adapt(accessible, image).ok().map(|()| slot));
        let slot = match recycled {
            Some(slot) => slot,
            None => Slot::new(checks, ty, accessible)?,
        };
        Ok(Reservation { slot: Some(slot), pool: pool.clone() })
    }

    /// The address space.
    pub(super) fn mapping(&self) -> &Mapping {
        self.slot.as_ref().expect(PRESENT).mapping()
    }

    /// Grows the accessible part for a memory of this type, given its old and its new length in bytes.
    ///
    /// # Errors
    /// The reason why it cannot grow.
    pub(super) fn extend(&mut self, ty: MemoryType, lengths: Range<u64>) -> Result<(), Growth> {
        self.slot.as_mut().expect(PRESENT).extend(ty, lengths)
    }

    /// Maps the memory image of a module, unless it is there already. Returns whether it is there: without a file for
    /// it, the caller writes the data segments instead.
    ///
    /// # Errors
    /// Kind [`Resource`](crate::ErrorKind::Resource) if the operating system refuses.
    ///
    /// # Safety
    /// The memory belongs to an instance of the module, which keeps `code`. Nobody has touched the memory yet.
    pub(in crate::runtime) unsafe fn map_image(&mut self, code: &LoadedCode, image: u64) -> Result<bool> {
        // SAFETY: the caller's contract.
        unsafe { self.slot.as_mut().expect(PRESENT).map_image(code, image) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.pool.give(slot);
        }
    }
}
