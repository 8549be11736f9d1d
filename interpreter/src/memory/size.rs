//! Sizes of memories in pages and in bytes
//! ([Memory types](https://webassembly.github.io/spec/core/syntax/types.html#memory-types)).

use crate::types::MemoryType;

/// The size that memories with 64-bit indices can grow to, in bytes, unless they start larger. A module that asks for
/// more gets -1 at once and on every host, not where the host's memory happens to end.
const MOST_GROWN_BYTES: u64 = 1 << 36;

impl MemoryType {
    /// Returns the size of `pages` pages in bytes; `None` if no address space has room for them.
    pub(crate) fn byte_size(&self, pages: u64) -> Option<u64> {
        pages.checked_mul(self.page_size()).filter(|&bytes| bytes < 1 << 63)
    }

    /// Returns the size in bytes after a growth by `delta` pages from `bytes`; `None` if the type does not allow it.
    pub(super) fn grown(&self, bytes: u64, delta: u64) -> Option<u64> {
        let pages = (bytes >> self.page_size_log2).checked_add(delta)?;
        if pages > self.limits.max.unwrap_or(self.most_pages()) { None } else { self.byte_size(pages) }
    }

    /// Returns the largest size in bytes that the memory can grow to.
    pub(super) fn most_bytes(&self) -> u64 {
        let bytes = |pages| self.byte_size(pages).unwrap_or(u64::MAX);
        bytes(self.limits.max.unwrap_or(self.most_pages())).min(bytes(self.limits.min).max(MOST_GROWN_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Limits;

    #[test]
    fn growth_stops_at_the_maximum_and_at_the_end_of_the_addresses() {
        let ty = MemoryType::new(1, Some(3));
        assert_eq!(ty.grown(65_536, 2), Some(3 * 65_536));
        assert_eq!(ty.grown(65_536, 3), None);
        assert_eq!(ty.grown(65_536, u64::MAX), None);
        let unbounded = MemoryType::new(1, None);
        assert_eq!(unbounded.grown(65_536, 65_535), Some(1 << 32));
        assert_eq!(unbounded.grown(65_536, 65_536), None);
        let bytes = MemoryType { page_size_log2: 0, ..unbounded };
        assert_eq!(bytes.grown(0, (1 << 32) - 1), Some((1 << 32) - 1));
        assert_eq!(bytes.grown(0, 1 << 32), None);
    }

    #[test]
    fn sizes_of_64_bit_memories_do_not_overflow() {
        let wide = MemoryType::memory64(1, None);
        assert_eq!(wide.grown(65_536, 1 << 48), None);
        assert_eq!(wide.grown(65_536, (1 << 48) - 1), None);
        assert_eq!(wide.grown(65_536, (1 << 47) - 2), Some((1 << 63) - 65_536));
        assert_eq!(wide.most_bytes(), 1 << 36);
        assert_eq!(MemoryType::memory64(1 << 30, None).most_bytes(), 1 << 46);
        assert_eq!(MemoryType::memory64(1, Some(7)).most_bytes(), 7 << 16);
        let bytes = MemoryType { page_size_log2: 0, ..wide };
        assert_eq!(bytes.grown(1, u64::MAX), None);
        assert_eq!(bytes.grown(1, u64::MAX - 1), None);
        assert_eq!(bytes.byte_size(1 << 63), None);
        assert_eq!(MemoryType { limits: Limits { min: 5, max: Some(9) }, ..bytes }.most_bytes(), 9);
    }
}
