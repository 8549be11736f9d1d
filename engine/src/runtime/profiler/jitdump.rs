//! The [jitdump] file: a binary file with the name, the address and a copy of the code of each function.
//! `perf inject --jit` makes ELF files of it.
//!
//! [jitdump]: https://github.com/torvalds/linux/blob/master/tools/perf/Documentation/jitdump-specification.txt
//!
//! ```text
//! +0   u32  magic, "JiTD"        +0   u32  kind of the record, 0 for code
//! +4   u32  version, 1           +4   u32  size of the record
//! +8   u32  size of the header   +8   u64  time
//! +12  u32  ELF machine          +16  u32  process
//! +16  u32  0                    +20  u32  thread
//! +20  u32  process              +24  u64  address
//! +24  u64  time                 +32  u64  address
//! +32  u64  flags, 0             +40  u64  size of the code
//!                                +48  u64  number of the function
//!                                +56  name with a zero, code
//! ```

use super::{LoadedFunction, ProcessFile};
use core::ffi::c_void;
use core::ptr::null_mut;
use rustix::fs::{Mode, OFlags};
use rustix::mm::{MapFlags, ProtFlags};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

static FILE: ProcessFile<JitDump> = ProcessFile::new();

const MAGIC: u32 = 0x4a69_5444;
const VERSION: u32 = 1;
const HEADER: usize = 40;
const CODE_RECORD: usize = 56;

struct JitDump {
    file: File,
    /// The number of functions written so far.
    functions: u64,
    /// The address at which the file is mapped. It stays mapped for ever: perf finds the file by its mapping.
    _mapping: MappedHere,
}

/// An address of a mapping that nobody reads.
struct MappedHere(#[expect(dead_code, reason = "the mapping is for perf's eyes")] *mut c_void);

// SAFETY: the address is never used.
unsafe impl Send for MappedHere {}

/// Returns the path of a process's file: in its working directory, as other engines have it.
pub(super) fn path(process: u32) -> PathBuf {
    format!("jit-{process}.dump").into()
}

/// Adds functions to the file.
///
/// # Errors
/// The error of the system.
pub(super) fn write<'a>(functions: impl Iterator<Item = LoadedFunction<'a>>) -> io::Result<()> {
    FILE.write(open, |dump| {
        let (mut bytes, process, thread, time) = (Vec::new(), std::process::id(), thread(), time());
        for LoadedFunction { name, code } in functions {
            let size = CODE_RECORD + name.len() + 1 + code.len();
            let size = u32::try_from(size).map_err(|_| io::Error::other("a function is too large"))?;
            words(&mut bytes, &[0, size]);
            long_words(&mut bytes, &[time]);
            words(&mut bytes, &[process, thread]);
            let address = code.as_ptr().addr() as u64;
            long_words(&mut bytes, &[address, address, code.len() as u64, dump.functions]);
            bytes.extend([name.as_bytes(), &[0], code].concat());
            dump.functions += 1;
        }
        dump.file.write_all(&bytes)
    })
}

fn open(process: u32) -> io::Result<JitDump> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path(process), flags, Mode::RUSR | Mode::WUSR)?);
    let mut header = Vec::new();
    words(&mut header, &[MAGIC, VERSION, HEADER as u32, crate::artifact::MACHINE.0.into(), 0, process]);
    long_words(&mut header, &[time(), 0]);
    file.write_all(&header)?;
    // perf notes executable mappings.
    let (protection, flags) = (ProtFlags::READ | ProtFlags::EXEC, MapFlags::PRIVATE);
    // SAFETY: a new mapping at an address of the system's choice, which nobody reads.
    let mapping = unsafe { rustix::mm::mmap(null_mut(), HEADER, protection, flags, &file, 0)? };
    Ok(JitDump { file, functions: 0, _mapping: MappedHere(mapping) })
}

fn words(bytes: &mut Vec<u8>, words: &[u32]) {
    words.iter().for_each(|word| bytes.extend(word.to_ne_bytes()));
}

fn long_words(bytes: &mut Vec<u8>, words: &[u64]) {
    words.iter().for_each(|word| bytes.extend(word.to_ne_bytes()));
}

/// Returns the calling thread's number.
fn thread() -> u32 {
    // SAFETY: the call only asks, and cannot fail.
    unsafe { libc::gettid() }.cast_unsigned()
}

/// Returns the time in nanoseconds by the clock that `perf record -k 1` uses.
fn time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the time, and cannot fail with this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}
