//! Sizes of memories: in bytes, in pages of the operating system, and in reserved address space.

use crate::base::MemoryChecks;
use crate::wasm::types::{MemoryType, PAGE_SIZE};

/// What a memory of 64-bit indices reserves, and so how far it can grow, unless its type has a bound below or starts
/// above: 64 GiB.
const RESERVATION_64: u64 = 1 << 36;

/// What one instruction can reach in a memory that relies on guard pages: a 32-bit index plus a 32-bit offset plus the
/// bytes of the widest access, rounded up to a page.
const GUARDED_RESERVATION: u64 = (1 << 33) + PAGE_SIZE;

/// Bytes of address space for a memory: where the fault is the check, all that an instruction can reach; otherwise all
/// that it may grow to, as far as this engine lets it.
pub(super) fn reservation(checks: MemoryChecks, ty: MemoryType) -> u64 {
    if ty.is_guarded(checks) {
        return GUARDED_RESERVATION;
    }
    let most = byte_size(ty, ty.limits.max.unwrap_or(ty.most_pages())).unwrap_or(u64::MAX);
    let start = byte_size(ty, ty.limits.min).unwrap_or(u64::MAX);
    most.min(RESERVATION_64.max(start))
}

/// The bytes of this many pages, if they fit into an address space of 63 bits.
pub(super) fn byte_size(ty: MemoryType, pages: u64) -> Option<u64> {
    pages.checked_mul(ty.page_size()).filter(|&bytes| bytes < 1 << 63)
}

/// The bytes rounded up to what the operating system can make accessible.
pub(super) fn whole_pages(bytes: u64) -> usize {
    to_usize(bytes).next_multiple_of(rustix::param::page_size())
}

pub(super) fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("64-bit hosts only")
}
