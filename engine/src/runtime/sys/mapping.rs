//! Ranges of address space: reserved, mapped, protected, and unmapped when dropped.

use super::reclaim::release_unused;
use crate::base::{Error, ErrorKind, Result, planted};
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::slice;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};
use std::fs::File;

/// A range of address space. It is unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    /// Whole pages; zero if nothing is mapped.
    len: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread; who may touch its bytes is the owner's business.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` gives out addresses and lengths only.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves `len` bytes, rounded up to whole pages. They are not accessible yet and cost no memory.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    pub(crate) fn reserve(len: usize) -> Result<Mapping> {
        let len = round_up_to_pages(len)?;
        if len == 0 {
            return Ok(Mapping { base: NonNull::dangling(), len });
        }
        let (access, flags) = (ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let map = || unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), len, access, flags) };
        Ok(Mapping { base: not_null(request("reserve", len, map)?), len })
    }

    /// Reserves `most` bytes, or fewer if the system refuses as many: a quarter, a quarter of that, and so on, but not
    /// fewer than `least`. Such a part leaves as much address space for others as it takes, so that a process with
    /// little of it can go on.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses even `least` bytes.
    pub(crate) fn reserve_up_to(most: usize, least: usize) -> Result<Mapping> {
        if let Ok(mapping) = Mapping::reserve(most) {
            return Ok(mapping);
        }
        let mut len = most / 4;
        while len > least {
            let with_room = Mapping::reserve(len * 2).and_then(|twice| {
                drop(twice);
                Mapping::reserve(len)
            });
            if with_room.is_ok() {
                return with_room;
            }
            len /= 4;
        }
        Mapping::reserve(least)
    }

    /// Allocates `len` bytes that `fill` writes. They are read-only afterwards.
    ///
    /// # Errors
    /// The error of `fill`; kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    pub(crate) fn filled(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<Mapping> {
        let size = round_up_to_pages(len)?;
        if size == 0 {
            return Ok(Mapping { base: NonNull::dangling(), len: 0 });
        }
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // All pages will be written. To populate them at once is faster than one fault per page.
        let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let map = || unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), size, access, flags) };
        let mapping = Mapping { base: not_null(request("map", len, map)?), len: size };
        // SAFETY: the bytes are accessible and zero, and nobody else knows of them.
        fill(unsafe { slice::from_raw_parts_mut(mapping.as_ptr(), len) })?;
        mapping.protect("protect", 0..size, MprotectFlags::READ)?;
        Ok(mapping)
    }

    /// Maps the first `len` bytes of a file, read-only.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    ///
    /// # Safety
    /// The file keeps its length and its bytes while the mapping lives: a change would show, a cut would fault.
    pub(crate) unsafe fn of_file(file: &File, len: usize) -> Result<Mapping> {
        let size = round_up_to_pages(len)?;
        if size == 0 {
            return Ok(Mapping { base: NonNull::dangling(), len: 0 });
        }
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let map = || unsafe { rustix::mm::mmap(ptr::null_mut(), size, ProtFlags::READ, MapFlags::PRIVATE, file, 0) };
        Ok(Mapping { base: not_null(request("map", len, map)?), len: size })
    }

    /// Maps part of a file over accessible bytes, from `start` on. The bytes stay writable, and writes do not reach the
    /// file. All offsets are multiples of the page size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    ///
    /// # Safety
    /// The file has the part, which is neither cut nor changed while the mapping lives. Nobody borrows the bytes.
    pub(crate) unsafe fn overlay(&self, start: usize, file: &File, part: Range<u64>) -> Result<()> {
        let len = usize::try_from(part.end - part.start).expect("a part of an artifact that is mapped too");
        // SAFETY: the caller's contract.
        unsafe { self.map_over(start..start + len, ProtFlags::READ | ProtFlags::WRITE, file, part.start) }
    }

    /// Maps the bytes of a file from `offset` on over a range, readable and executable at once. A system that never
    /// makes memory executable that was something else before allows this. All offsets are multiples of the page size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    ///
    /// # Safety
    /// The file has the bytes of the range there, which are neither cut nor changed while the mapping lives.
    pub(crate) unsafe fn overlay_code(&self, range: Range<usize>, file: &File, offset: u64) -> Result<()> {
        // SAFETY: the bytes stay the same, so that it does not matter who borrows them.
        unsafe { self.map_over(range, ProtFlags::READ | ProtFlags::EXEC, file, offset) }
    }

    /// Maps a file from `offset` on over a range.
    ///
    /// # Safety
    /// As for [`Mapping::overlay`], except that the bytes may be borrowed if they do not change.
    unsafe fn map_over(&self, range: Range<usize>, access: ProtFlags, file: &File, offset: u64) -> Result<()> {
        let (start, len) = self.pages(range);
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: the range lies inside this mapping; the rest is the caller's contract.
        request("map", len, || unsafe { rustix::mm::mmap(start.cast(), len, access, flags, file, offset) }).map(drop)
    }

    /// Makes a range inaccessible again, and forgets its bytes and what was mapped over it. Both ends are multiples of
    /// the page size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    ///
    /// # Safety
    /// Nobody borrows the bytes, and no code accesses them.
    pub(crate) unsafe fn reset(&self, range: Range<usize>) -> Result<()> {
        let (start, len) = self.pages(range);
        if len == 0 {
            return Ok(());
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
        // SAFETY: the range lies inside this mapping, and the caller vouches that nobody uses it.
        let map = || unsafe { rustix::mm::mmap_anonymous(start.cast(), len, ProtFlags::empty(), flags) };
        request("reset", len, map).map(drop)
    }

    /// Gives the pages of a range back. Its bytes are then zero again, or those of the file that is mapped there; the
    /// access to them stays. Both ends are multiples of the page size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it, as it does for locked memory.
    ///
    /// # Safety
    /// Nobody borrows the bytes, and no code accesses them.
    pub(crate) unsafe fn discard(&self, range: Range<usize>) -> Result<()> {
        let (start, len) = self.pages(range);
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the range lies inside this mapping, and the caller vouches that nobody uses it.
        let done = unsafe { rustix::mm::madvise(start.cast(), len, Advice::LinuxDontNeed) };
        done.map_err(|error| system_error("discard", len, error))
    }

    /// The address of the first byte; dangling if the length is zero.
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// The length in bytes, a multiple of the page size.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Makes a range readable and writable. Bytes that were never accessible before are zero. Both ends are multiples
    /// of the page size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    pub(crate) fn make_accessible(&self, range: Range<usize>) -> Result<()> {
        self.protect("allocate", range, MprotectFlags::READ | MprotectFlags::WRITE)
    }

    /// Makes a range inaccessible. Its bytes stay. Both ends are multiples of the page size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    pub(crate) fn make_inaccessible(&self, range: Range<usize>) -> Result<()> {
        self.protect("protect", range, MprotectFlags::empty())
    }

    /// Makes a range readable and executable. Both ends are multiples of the page size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses it.
    pub(crate) fn make_executable(&self, range: Range<usize>) -> Result<()> {
        let more = if planted!(TextLeftWritable) { MprotectFlags::WRITE } else { MprotectFlags::empty() };
        self.protect("make executable", range, MprotectFlags::READ | MprotectFlags::EXEC | more)
    }

    /// Sets the access to a range. Both ends are multiples of the page size. `what` is the purpose, for messages.
    fn protect(&self, what: &str, range: Range<usize>, flags: MprotectFlags) -> Result<()> {
        let (start, len) = self.pages(range);
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the range lies inside this mapping.
        request(what, len, || unsafe { rustix::mm::mprotect(start.cast(), len, flags) })
    }

    /// Returns the address and length of a range, which must lie inside and consist of whole pages.
    fn pages(&self, range: Range<usize>) -> (*mut u8, usize) {
        let page = rustix::param::page_size();
        assert!(range.start <= range.end && range.end <= self.len, "range {range:?} of {} bytes", self.len);
        assert!(
            range.start.is_multiple_of(page) && range.end.is_multiple_of(page),
            "range {range:?} is not whole pages"
        );
        (self.base.as_ptr().wrapping_add(range.start), range.len())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: this value owns the range, and nothing that refers to it outlives the owner.
            let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
            debug_assert!(unmapped.is_ok(), "munmap of an own mapping");
        }
    }
}

/// Rounds `len` up to whole pages.
fn round_up_to_pages(len: usize) -> Result<usize> {
    len.checked_next_multiple_of(rustix::param::page_size())
        .ok_or_else(|| Error::new(ErrorKind::Resource, format!("{len} bytes are more than the address space has")))
}

/// Converts the address of a new mapping.
fn not_null(base: *mut core::ffi::c_void) -> NonNull<u8> {
    NonNull::new(base.cast()).expect("mmap does not return null unless asked to")
}

/// Asks the system for something. If it refuses, asks again after some is released of what the process keeps in
/// reserve, more each time: not all, which other engines are about to use. `what` and `len` describe the request, for
/// messages.
fn request<R>(what: &str, len: usize, ask: impl Fn() -> rustix::io::Result<R>) -> Result<R> {
    let mut most: usize = 1;
    loop {
        match ask() {
            Err(_) if release_unused(most) > 0 => most = most.saturating_mul(2),
            answer => return answer.map_err(|error| system_error(what, len, error)),
        }
    }
}

/// The error for a request to the system that failed.
fn system_error(what: &str, len: usize, error: rustix::io::Errno) -> Error {
    let limits = "the limits are `ulimit -v`, `-d` and `-l`, vm.overcommit_memory and vm.max_map_count";
    Error::new(ErrorKind::Resource, format!("cannot {what} {len} bytes of memory: {error} ({limits})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accessible_bytes_start_as_zero() {
        let page = rustix::param::page_size();
        let mapping = Mapping::reserve(3 * page - 1).unwrap();
        assert_eq!(mapping.len(), 3 * page);
        mapping.make_accessible(page..2 * page).unwrap();
        let byte = mapping.as_ptr().wrapping_add(page);
        // SAFETY: the page is accessible.
        unsafe {
            assert_eq!(byte.read(), 0);
            byte.write(7);
            assert_eq!(byte.read(), 7);
        }
    }

    #[test]
    fn filled_bytes_are_there() {
        let write = |bytes: &mut [u8]| {
            bytes.copy_from_slice(b"artifact");
            Ok(())
        };
        let mapping = Mapping::filled(8, write).unwrap();
        assert_eq!(mapping.len(), rustix::param::page_size());
        // SAFETY: the bytes are readable.
        assert_eq!(unsafe { slice::from_raw_parts(mapping.as_ptr(), 9) }, b"artifact\0");
        let failing = Mapping::filled(8, |_| Err(Error::new(ErrorKind::Io, "no more")));
        assert_eq!(failing.unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(Mapping::filled(0, |_| Ok(())).unwrap().len(), 0);
    }

    #[test]
    fn large_reservations_cost_nothing() {
        let mappings: Vec<_> = (0..16).map(|_| Mapping::reserve(8 << 30).unwrap()).collect();
        assert!(mappings.iter().all(|mapping| mapping.len() == 8 << 30));
    }

    #[test]
    fn too_much_is_an_error() {
        assert_eq!(Mapping::reserve(usize::MAX).unwrap_err().kind(), ErrorKind::Resource);
        assert_eq!(Mapping::reserve(1 << 60).unwrap_err().kind(), ErrorKind::Resource);
        assert_eq!(Mapping::reserve(0).unwrap().len(), 0);
    }

    #[test]
    #[should_panic(expected = "not whole pages")]
    fn odd_ranges_are_refused() {
        let _ = Mapping::reserve(65536).unwrap().make_accessible(0..1);
    }
}
