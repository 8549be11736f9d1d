//! Sizes of memories: in bytes, in pages of the operating system, and in reserved address space.

use crate::base::{Error, ErrorKind, MemoryChecks, Result};
use crate::wasm::types::{MemoryType, PAGE_SIZE};

/// The address space of a memory with 64-bit indices, in bytes: 64 GiB. It bounds the memory's growth. A memory whose
/// type has a lower maximum reserves less; one whose minimum is larger reserves that.
const RESERVATION_64: u64 = 1 << 36;

/// The address space of a memory that relies on guard pages, in bytes. It covers all that one instruction can reach: a
/// 32-bit index plus a 32-bit offset plus the bytes of the widest access, rounded up to a page.
pub(super) const GUARDED_RESERVATION: u64 = (1 << 33) + PAGE_SIZE;

/// Checks that a memory type is valid.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if it is not.
pub(super) fn check_type(ty: MemoryType) -> Result<()> {
    if ty.is_valid() {
        return Ok(());
    }
    let message = format!(
        "the type `memory {ty}` is not valid: it needs minimum <= maximum <= {} pages, pages of 1 or {PAGE_SIZE} bytes, \
         and a maximum if it is shared",
        ty.most_pages()
    );
    Err(Error::new(ErrorKind::Usage, message))
}

/// Returns the bytes of address space to reserve for a memory: with guard pages all that an instruction can reach,
/// otherwise the size to which this engine lets the memory grow.
pub(super) fn reservation(checks: MemoryChecks, ty: MemoryType) -> u64 {
    if ty.is_guarded(checks) {
        return GUARDED_RESERVATION;
    }
    let most = byte_size(ty, ty.limits.max.unwrap_or(ty.most_pages())).unwrap_or(u64::MAX);
    let start = byte_size(ty, ty.limits.min).unwrap_or(u64::MAX);
    most.min(RESERVATION_64.max(start))
}

/// Returns the size of `pages` pages in bytes, if it fits into an address space of 63 bits.
pub(super) fn byte_size(ty: MemoryType, pages: u64) -> Option<u64> {
    pages.checked_mul(ty.page_size()).filter(|&bytes| bytes < 1 << 63)
}

/// Rounds a size up to whole pages of the operating system.
pub(super) fn whole_pages(bytes: u64) -> usize {
    to_usize(bytes).next_multiple_of(rustix::param::page_size())
}

pub(super) fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("64-bit hosts only")
}
