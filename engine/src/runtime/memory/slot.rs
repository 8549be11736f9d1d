//! Address space for a memory: reserved without access, and made accessible as the memory grows. It outlives the memory
//! when a pool keeps it for another.

use super::size::{GUARDED_RESERVATION, byte_size, reservation, to_usize, whole_pages};
use crate::base::{Error, ErrorKind, MemoryChecks, Result, planted};
use crate::runtime::code::LoadedCode;
use crate::runtime::sys::Mapping;
use crate::wasm::types::MemoryType;
use core::ops::Range;

/// Address space and its state. All bytes that are accessible and not part of an image are zero when it is made or
/// comes out of a pool.
pub(super) struct Slot {
    mapping: Mapping,
    /// The number of bytes, from the start, that are accessible: whole pages.
    accessible: usize,
    /// The number of the memory image that is mapped over accessible bytes.
    image: Option<u64>,
    /// False after a request failed half-way, so that the state is not known.
    is_known: bool,
}

/// The result of an attempt to grow.
pub(crate) enum Growth {
    /// The memory grew from this number of pages.
    From(u64),
    /// The type, the limiter or the reservation's size forbids it.
    Forbidden,
    /// The operating system refused what it takes.
    Refused(Error),
}

impl Slot {
    /// Reserves address space for a memory of this type and makes the first `accessible` bytes accessible: whole pages.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the operating system refuses.
    pub(super) fn new(checks: MemoryChecks, ty: MemoryType, accessible: usize) -> Result<Slot> {
        let mapping = reserve(checks, ty)?;
        mapping.make_accessible(0..accessible)?;
        Ok(Slot { mapping, accessible, image: None, is_known: true })
    }

    /// The address space.
    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The number of bytes that are accessible.
    pub(super) fn accessible(&self) -> usize {
        self.accessible
    }

    /// The number of the memory image that is mapped.
    pub(super) fn image(&self) -> Option<u64> {
        self.image
    }

    /// Pretends that a request failed half-way.
    #[cfg(all(test, feature = "compile"))]
    pub(super) fn forget_state(&mut self) {
        self.is_known = false;
    }

    /// Grows the accessible part for a memory of this type, given its old and its new length in bytes.
    ///
    /// # Errors
    /// The reason why it cannot grow.
    pub(super) fn extend(&mut self, ty: MemoryType, lengths: Range<u64>) -> Result<(), Growth> {
        let end = whole_pages(lengths.end);
        let extended = extend(&self.mapping, ty, lengths);
        match extended {
            Ok(()) => self.accessible = end,
            Err(Growth::Refused(_)) => self.is_known = false,
            Err(_) => {}
        }
        extended
    }

    /// Maps the memory image of a module, unless it is there already. Returns whether it is there: without a file for
    /// it, the caller writes the data segments instead.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the operating system refuses.
    ///
    /// # Safety
    /// The memory belongs to an instance of the module, which keeps `code`. Nobody has touched the memory yet.
    pub(super) unsafe fn map_image(&mut self, code: &LoadedCode, image: u64) -> Result<bool> {
        if self.image == Some(image) {
            return Ok(true);
        }
        assert!(self.image.is_none(), "`adapt` leaves only the wanted image");
        // SAFETY: the caller's contract.
        let mapped = unsafe { code.map_memory_image(&self.mapping) };
        match mapped {
            Ok(true) => self.image = Some(image),
            Ok(false) => {}
            Err(_) => self.is_known = false,
        }
        mapped
    }

    /// Gives all pages back, so that the accessible bytes are zero or those of the image.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the state is not known, or the operating system refuses.
    pub(super) fn clear(&mut self) -> Result<()> {
        if !self.is_known {
            return Err(Error::new(ErrorKind::Resource, "an earlier request failed half-way"));
        }
        if planted!(PoolKeepsContents) {
            return Ok(());
        }
        // SAFETY: only the owner of a slot uses its bytes, and the caller is the owner.
        unsafe { self.mapping.discard(0..self.accessible) }
    }

    /// Makes exactly the first `accessible` bytes accessible, with no image but the wanted one in them.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the operating system refuses. The slot is of no use then.
    pub(super) fn adapt(&mut self, accessible: usize, wanted: Option<u64>) -> Result<()> {
        if self.image.is_some() && self.image != wanted {
            // SAFETY: only the owner of a slot uses its bytes, and the caller is the owner.
            unsafe { self.mapping.reset(0..self.accessible)? };
            (self.accessible, self.image) = (0, None);
        }
        if accessible < self.accessible {
            self.mapping.make_inaccessible(accessible..self.accessible)?;
        } else {
            self.mapping.make_accessible(self.accessible..accessible)?;
        }
        self.accessible = accessible;
        Ok(())
    }
}

/// Reserves address space for a memory of this type.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if the operating system refuses.
pub(super) fn reserve(checks: MemoryChecks, ty: MemoryType) -> Result<Mapping> {
    if !ty.is_guarded(checks) {
        let least = byte_size(ty, ty.limits.min).unwrap_or(u64::MAX);
        return Mapping::reserve_up_to(to_usize(reservation(checks, ty)), to_usize(least)).map_err(|error| {
            Error::new(error.kind(), format!("a memory of type `memory {ty}` needs {least} bytes: {}", error.message()))
        });
    }
    Mapping::reserve(to_usize(GUARDED_RESERVATION)).map_err(|error| {
        let what = "a memory with guard pages reserves 8 GiB of address space";
        let advice =
            "raise the limit, or configure `MemoryChecks::Explicit`, which needs no more than the memory's size";
        Error::new(error.kind(), format!("{what}: {}; {advice}", error.message()))
    })
}

/// Makes more of a memory's address space accessible, given its old and its new length in bytes.
///
/// # Errors
/// The reason why it cannot grow.
pub(super) fn extend(mapping: &Mapping, ty: MemoryType, lengths: Range<u64>) -> Result<(), Growth> {
    let range = whole_pages(lengths.start)..whole_pages(lengths.end);
    if range.end <= mapping.len() {
        return mapping.make_accessible(range.clone()).map_err(|error| {
            // The system may have done a part of it, and accesses past the length must fault.
            let _ = mapping.make_inaccessible(range);
            Growth::Refused(error)
        });
    }
    // Short of what the type asks for, the system has refused address space before.
    if (mapping.len() as u64) < reservation(MemoryChecks::Explicit, ty) {
        let message = format!("the system left {} bytes of address space for a memory that grows", mapping.len());
        return Err(Growth::Refused(Error::new(ErrorKind::Resource, message)));
    }
    Err(Growth::Forbidden)
}
