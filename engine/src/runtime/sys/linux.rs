//! Linux: sealed memory files, and the bounds of stacks and mappings.

use core::mem::MaybeUninit;
use core::ops::Range;
use rustix::fs::{MemfdFlags, SealFlags};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsRawFd;

/// Creates a file in memory with the bytes that `fill` writes. Nobody can change it afterwards, not even this process.
///
/// # Errors
/// The error of `fill` or of the system, for example when too many files are open.
pub(crate) fn sealed_file(fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(rustix::fs::memfd_create(c"artifact", flags)?);
    fill(&mut file)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file)
}

/// Returns the addresses of the calling thread's stack, without its guard; `None` if the system does not know them.
pub(crate) fn stack_bounds() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut base, mut size) = (core::ptr::null_mut(), 0);
    // SAFETY: the attributes are initialized by the first call, read by the second if it went well, and destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &mut base, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if failed != 0 {
            return None;
        }
    }
    let start = base as usize;
    Some(start..start.checked_add(size)?)
}

/// Returns the addresses of the mapping that contains `address`; `None` if there is none or the system does not tell.
pub(crate) fn mapping_bounds(address: usize) -> Option<Range<usize>> {
    let maps = File::open("/proc/self/maps").ok()?;
    // Kernels before Linux 6.11 do not know the question.
    query_mapping(&maps, address).unwrap_or_else(|_| find_mapping(BufReader::new(maps), address))
}

/// Asks the kernel for the mapping that contains `address`, which takes a few microseconds however many there are.
///
/// # Errors
/// The error of the system.
fn query_mapping(maps: &File, address: usize) -> io::Result<Option<Range<usize>>> {
    /// `struct procmap_query` of `linux/fs.h`.
    #[repr(C)]
    #[derive(Default)]
    struct Query {
        size: u64,
        flags: u64,
        address: u64,
        start: u64,
        end: u64,
        unused: [u64; 8],
    }
    const { assert!(size_of::<Query>() == 0x68, "the third and fourth digit of the number") };
    const PROCMAP_QUERY: libc::Ioctl = 0xc068_6611;
    let mut query = Query { size: size_of::<Query>() as u64, address: address as u64, ..Query::default() };
    // SAFETY: the kernel reads and writes the structure, whose size it knows.
    if unsafe { libc::ioctl(maps.as_raw_fd(), PROCMAP_QUERY, &mut query) } == 0 {
        return Ok(Some(query.start as usize..query.end as usize));
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        error => Err(error),
    }
}

/// Finds the mapping that contains `address` in the text of `/proc/self/maps`, whose lines begin with `START-END `.
fn find_mapping(maps: impl BufRead, address: usize) -> Option<Range<usize>> {
    let mut bounds = maps.split(b'\n').map_while(Result::ok).filter_map(|line| {
        let range = line.split(|&byte| byte == b' ').next()?;
        let (start, end) = core::str::from_utf8(range).ok()?.split_once('-')?;
        Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
    });
    bounds.find(|bounds| bounds.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    #[test]
    fn sealed_files_do_not_change() {
        let mut file = sealed_file(|file| file.write_all(b"artifact")).unwrap();
        file.rewind().unwrap();
        assert!(file.write_all(b"A").is_err());
        assert!(file.set_len(1).is_err());
        assert!(file.set_len(100).is_err());
        assert_eq!(file.metadata().unwrap().len(), 8);
    }

    #[test]
    fn mappings_have_bounds() {
        let local = 0u8;
        let here = core::ptr::from_ref(&local).addr();
        let (stack, mapping) = (stack_bounds().unwrap(), mapping_bounds(here).unwrap());
        assert!(
            mapping.contains(&here) && stack.start <= mapping.start && mapping.end <= stack.end.next_multiple_of(4096)
        );
        let maps = || File::open("/proc/self/maps").unwrap();
        assert_eq!(find_mapping(BufReader::new(maps()), here), Some(mapping.clone()));
        assert_eq!(mapping_bounds(8), None, "the first page is never mapped");
        if let Ok(answer) = query_mapping(&maps(), here) {
            assert_eq!(answer, Some(mapping));
            assert_eq!(query_mapping(&maps(), 8).unwrap(), None);
        }
    }

    #[test]
    fn each_thread_has_its_own_stack() {
        let here = stack_bounds().unwrap();
        let other = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
            let bounds = stack_bounds().unwrap();
            let local = 0u8;
            assert!(bounds.contains(&core::ptr::from_ref(&local).addr()));
            bounds
        });
        let other = other.unwrap().join().unwrap();
        assert!(other.end <= here.start || here.end <= other.start);
        assert!(other.len() >= 1 << 20);
    }
}
