//! The [perf map](https://docs.kernel.org/tools/perf/jit-interface.html): a text file with a line for each function,
//! with its address, size and name.

use super::{LoadedFunction, ProcessFile};
use core::fmt::Write as _;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

static FILE: ProcessFile<File> = ProcessFile::new();

/// Returns the path of a process's file, which perf knows.
pub(super) fn path(process: u32) -> PathBuf {
    format!("/tmp/perf-{process}.map").into()
}

/// Adds functions to the file.
///
/// # Errors
/// The error of the system.
pub(super) fn write<'a>(functions: impl Iterator<Item = LoadedFunction<'a>>) -> io::Result<()> {
    let mut lines = String::new();
    for LoadedFunction { name, code } in functions {
        writeln!(lines, "{:x} {:x} {name}", code.as_ptr().addr(), code.len()).expect("a string takes all");
    }
    FILE.write(open, |file| file.write_all(lines.as_bytes()))
}

fn open(process: u32) -> io::Result<File> {
    // Everybody may write to the directory, so a link of somebody else's is not followed. Other writers of this process
    // append too.
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path(process), flags, Mode::RUSR | Mode::WUSR)?.into())
}
