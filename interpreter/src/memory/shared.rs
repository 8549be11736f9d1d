//! The bytes of a memory that threads share
//! ([Threads](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md)).
//!
//! All accesses are accesses to aligned words of 64 bits. So a plain access tears at most between two words, and
//! accesses of different sizes to the same bytes agree on their order. A narrow store replaces its bytes of a word by
//! compare-and-exchange, so that the bytes beside them keep what other threads write.
//!
//! The words are in chunks that never move. A chunk is allocated when it is first written or accessed atomically, and
//! reads as zeros before. A plain read may miss a chunk that another thread allocates at the same time, as it may miss
//! the write to it. Atomic accesses to a location must all happen in one order, so they all use the chunk's words.

use super::{Parking, Wait, Width};
use crate::error::Result;
use crate::store::{StoreLimits, refused};
use crate::trap::Trap;
use crate::types::MemoryType;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use once_cell::race::OnceBox;

/// The number of words in a chunk: 64 KiB.
const CHUNK_WORDS: usize = 8192;

/// The number of chunks in a directory: 64 MiB.
const DIRECTORY_CHUNKS: usize = 1024;

/// The bytes of a directory.
const DIRECTORY_BYTES: u64 = (DIRECTORY_CHUNKS * CHUNK_WORDS * 8) as u64;

/// The largest memory, in bytes. Its list of directories takes 16 MiB.
const MOST_BYTES: u64 = 1 << 47;

type Chunk = [AtomicU64; CHUNK_WORDS];
type Directory = [OnceBox<Chunk>; DIRECTORY_CHUNKS];

/// A memory that threads share. It belongs to no store; each store that uses it holds a reference.
pub(crate) struct SharedBytes {
    ty: MemoryType,
    /// The length in bytes, which only grows.
    length: AtomicU64,
    directories: Box<[OnceBox<Directory>]>,
    parking: Parking,
}

impl SharedBytes {
    /// Makes a memory of zeros.
    ///
    /// # Errors
    /// Kind [`Resource`](crate::ErrorKind::Resource): the memory is too large.
    pub(crate) fn new(ty: MemoryType) -> Result<SharedBytes> {
        let length = ty
            .byte_size(ty.limits.min)
            .filter(|&bytes| bytes <= MOST_BYTES)
            .ok_or_else(|| refused(format!("a memory of type `memory {ty}` is larger than {MOST_BYTES} bytes")))?;
        let count = ty.most_bytes().min(MOST_BYTES).div_ceil(DIRECTORY_BYTES);
        let directories = (0..count).map(|_| OnceBox::new()).collect();
        Ok(SharedBytes { ty, length: AtomicU64::new(length), directories, parking: Parking::default() })
    }

    /// Returns the declared type.
    pub(crate) fn ty(&self) -> MemoryType {
        self.ty
    }

    /// Returns the length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length.load(Ordering::SeqCst)
    }

    /// Grows by `delta` pages. Returns the old length in bytes; `None` if the memory cannot grow.
    ///
    /// # Errors
    /// The error of the limits.
    pub(crate) fn grow(&self, delta: u64, limits: &StoreLimits) -> Result<Option<u64>> {
        loop {
            let old = self.length();
            let Some(new) = self.ty.grown(old, delta) else { return Ok(None) };
            if !limits.allow_memory(new)? || new > self.ty.most_bytes().min(MOST_BYTES) {
                return Ok(None);
            }
            if self.length.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                return Ok(Some(old));
            }
        }
    }

    /// Copies bytes from `at` on into `buffer`. They lie inside the memory.
    pub(super) fn read(&self, at: u64, buffer: &mut [u8]) {
        let mut rest = buffer;
        for part in WordParts::new(at, rest.len()) {
            let (target, following) = rest.split_at_mut(part.bytes.len());
            target.copy_from_slice(&self.plain_load(part.word).to_le_bytes()[part.bytes]);
            rest = following;
        }
    }

    /// Copies `bytes` to the memory from `at` on. They lie inside the memory.
    pub(super) fn write(&self, at: u64, bytes: &[u8]) {
        let mut rest = bytes;
        for part in WordParts::new(at, bytes.len()) {
            let (source, following) = rest.split_at(part.bytes.len());
            let mut word = [0; 8];
            word[part.bytes.clone()].copy_from_slice(source);
            self.plain_store(part.word, part.mask(), u64::from_le_bytes(word));
            rest = following;
        }
    }

    /// Sets bytes from `at` on to a value. They lie inside the memory.
    pub(super) fn fill(&self, at: u64, value: u8, length: usize) {
        let word = u64::from_le_bytes([value; 8]);
        for part in WordParts::new(at, length) {
            self.plain_store(part.word, part.mask(), word & part.mask());
        }
    }

    /// Reads the bytes from `at` on, which lie inside the memory.
    #[inline]
    pub(super) fn load<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.read(at, &mut bytes);
        bytes
    }

    /// Replaces the value at `at`, an aligned address inside the memory, by the result of `change`, if there is one.
    /// Returns the old value. Sequentially consistent.
    pub(super) fn modify(&self, at: u64, width: Width, mut change: impl FnMut(u64) -> Option<u64>) -> u64 {
        let shift = at % 8 * 8;
        let mask = width.mask() << shift;
        let changed = self.chunk(at / 8)[at as usize / 8 % CHUNK_WORDS].fetch_update(
            Ordering::SeqCst,
            Ordering::SeqCst,
            |word| change((word & mask) >> shift).map(|value| word & !mask | value << shift & mask),
        );
        let (Ok(word) | Err(word)) = changed;
        (word & mask) >> shift
    }

    /// Joins the threads that wait at `at`, an aligned address inside the memory, if the value there is `expected`.
    ///
    /// # Errors
    /// [`Trap::Interrupted`] if nothing could ever end the wait.
    pub(super) fn wait(
        self: &Arc<SharedBytes>,
        at: u64,
        width: Width,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<Wait, Trap> {
        let is_expected = || self.modify(at, width, |_| None) == expected;
        Parking::wait(self, at, is_expected, timeout)
    }

    /// Wakes the first `count` threads that wait at `at`. Returns their number.
    pub(super) fn notify(&self, at: u64, count: u32) -> u32 {
        self.parking.notify(at, count)
    }

    /// The threads that wait in this memory.
    #[cfg(feature = "threads")]
    pub(super) fn parking(&self) -> &Parking {
        &self.parking
    }

    fn plain_load(&self, word: u64) -> u64 {
        self.chunk_if_allocated(word).map_or(0, |chunk| chunk[word as usize % CHUNK_WORDS].load(Ordering::Relaxed))
    }

    /// Replaces the bits of `mask` in a word.
    fn plain_store(&self, word: u64, mask: u64, bits: u64) {
        // Zeros need no chunk: it would be zero.
        if bits == 0 && self.chunk_if_allocated(word).is_none() {
            return;
        }
        let cell = &self.chunk(word)[word as usize % CHUNK_WORDS];
        if mask == u64::MAX {
            return cell.store(bits, Ordering::Relaxed);
        }
        let merge = |word: u64| Some(word & !mask | bits);
        let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, merge);
    }

    /// Returns the chunk of a word, if something has been written to it.
    fn chunk_if_allocated(&self, word: u64) -> Option<&Chunk> {
        let chunk = word as usize / CHUNK_WORDS;
        self.directories[chunk / DIRECTORY_CHUNKS].get()?[chunk % DIRECTORY_CHUNKS].get()
    }

    /// Returns the chunk of a word, which is allocated if need be.
    fn chunk(&self, word: u64) -> &Chunk {
        let chunk = word as usize / CHUNK_WORDS;
        let directory = self.directories[chunk / DIRECTORY_CHUNKS].get_or_init(|| boxed_array(OnceBox::new));
        directory[chunk % DIRECTORY_CHUNKS].get_or_init(|| boxed_array(AtomicU64::default))
    }
}

/// Makes an array on the heap, which the stack may have no room for.
fn boxed_array<T, const N: usize>(element: fn() -> T) -> Box<[T; N]> {
    let elements: Box<[T]> = (0..N).map(|_| element()).collect();
    elements.try_into().unwrap_or_else(|_| unreachable!("the iterator has N elements"))
}

/// The part of a range of bytes that lies in one word.
struct WordPart {
    word: u64,
    /// The bytes of the word.
    bytes: Range<usize>,
}

impl WordPart {
    /// Returns the bits of the part in the word.
    fn mask(&self) -> u64 {
        let width = 8 * self.bytes.len() as u32;
        (u64::MAX >> (64 - width)) << (8 * self.bytes.start)
    }
}

/// An iterator over the parts of a range of bytes.
struct WordParts {
    at: u64,
    end: u64,
}

impl WordParts {
    fn new(at: u64, length: usize) -> WordParts {
        WordParts { at, end: at + length as u64 }
    }
}

impl Iterator for WordParts {
    type Item = WordPart;

    #[inline]
    fn next(&mut self) -> Option<WordPart> {
        if self.at == self.end {
            return None;
        }
        let (word, start) = (self.at / 8, (self.at % 8) as usize);
        let bytes = start..(8.min(start as u64 + self.end - self.at)) as usize;
        self.at += bytes.len() as u64;
        Some(WordPart { word, bytes })
    }
}
