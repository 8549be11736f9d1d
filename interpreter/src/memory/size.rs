//! Sizes of memories in pages and in bytes
//! ([Memory types](https://webassembly.github.io/spec/core/syntax/types.html#memory-types)).

/// The size that memories with 64-bit indices can grow to, in bytes, unless they start larger. A module that asks for
/// more gets -1 at once and on every host, not where the host's memory happens to end.
const MOST_GROWN_BYTES: u64 = 1 << 36;

/// The kind of a memory and its bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MemoryShape {
    /// The initial size, in pages.
    pub(crate) min: u64,
    /// The largest size in pages, if the type has one.
    pub(crate) max: Option<u64>,
    /// The binary logarithm of the size of a page.
    pub(crate) page_size_log2: u8,
    /// True if addresses have 64 bits instead of 32.
    pub(crate) index64: bool,
    /// True if threads can share the memory.
    pub(crate) shared: bool,
}

impl MemoryShape {
    /// Returns the size of `pages` pages in bytes; `None` if no address space has room for them.
    pub(crate) fn byte_size(&self, pages: u64) -> Option<u64> {
        pages.checked_mul(1 << self.page_size_log2).filter(|&bytes| bytes < 1 << 63)
    }

    /// Returns the size in bytes after a growth by `delta` pages from `bytes`; `None` if the type does not allow it.
    pub(super) fn grown(&self, bytes: u64, delta: u64) -> Option<u64> {
        let pages = (bytes >> self.page_size_log2).checked_add(delta)?;
        if pages > self.max.unwrap_or(self.most_pages()) { None } else { self.byte_size(pages) }
    }

    /// Returns the largest size in bytes that the memory can grow to.
    pub(super) fn most_bytes(&self) -> u64 {
        let bytes = |pages| self.byte_size(pages).unwrap_or(u64::MAX);
        bytes(self.max.unwrap_or(self.most_pages())).min(bytes(self.min).max(MOST_GROWN_BYTES))
    }

    /// Returns the largest number of pages that the addresses can reach.
    fn most_pages(&self) -> u64 {
        let last_byte = if self.index64 { u64::MAX } else { u32::MAX.into() };
        match self.page_size_log2 {
            0 => last_byte,
            log2 => (last_byte >> log2) + 1,
        }
    }
}

#[cfg(test)]
impl MemoryShape {
    /// Returns the shape of a memory with pages of 64 KiB.
    pub(crate) fn pages(min: u64, max: u64) -> MemoryShape {
        MemoryShape { min, max: Some(max), page_size_log2: 16, index64: false, shared: false }
    }

    /// Returns the shape of a memory with pages of one byte.
    pub(crate) fn bytes(min: u64, max: u64) -> MemoryShape {
        MemoryShape { page_size_log2: 0, ..MemoryShape::pages(min, max) }
    }

    /// Returns the shape of a memory of this kind that threads share.
    pub(crate) fn shared(self) -> MemoryShape {
        MemoryShape { shared: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_stops_at_the_maximum_and_at_the_end_of_the_addresses() {
        let shape = MemoryShape::pages(1, 3);
        assert_eq!(shape.grown(65_536, 2), Some(3 * 65_536));
        assert_eq!(shape.grown(65_536, 3), None);
        assert_eq!(shape.grown(65_536, u64::MAX), None);
        let unbounded = MemoryShape { max: None, ..shape };
        assert_eq!(unbounded.grown(65_536, 65_535), Some(1 << 32));
        assert_eq!(unbounded.grown(65_536, 65_536), None);
        let bytes = MemoryShape { page_size_log2: 0, ..unbounded };
        assert_eq!(bytes.grown(0, (1 << 32) - 1), Some((1 << 32) - 1));
        assert_eq!(bytes.grown(0, 1 << 32), None);
    }

    #[test]
    fn sizes_of_64_bit_memories_do_not_overflow() {
        let wide = MemoryShape { max: None, index64: true, ..MemoryShape::pages(1, 0) };
        assert_eq!(wide.grown(65_536, 1 << 48), None);
        assert_eq!(wide.grown(65_536, (1 << 48) - 1), None);
        assert_eq!(wide.grown(65_536, (1 << 47) - 2), Some((1 << 63) - 65_536));
        assert_eq!(wide.most_bytes(), 1 << 36);
        assert_eq!(MemoryShape { min: 1 << 30, ..wide }.most_bytes(), 1 << 46);
        assert_eq!(MemoryShape { max: Some(7), ..wide }.most_bytes(), 7 << 16);
        let bytes = MemoryShape { page_size_log2: 0, ..wide };
        assert_eq!(bytes.grown(1, u64::MAX), None);
        assert_eq!(bytes.grown(1, u64::MAX - 1), None);
    }
}
