//! Profilers: files that tell others what loaded code is ([`ProfilingStrategy`]), and one of our own ([`Profile`]).

mod guest;
mod jitdump;
mod perf_map;

pub use guest::Profile;

use crate::artifact::{ElfSymbol, Sections, symbols};
use crate::base::{Error, ErrorKind, ProfilingStrategy, Result};
use std::io;
use std::sync::{Mutex, PoisonError};

/// Tells profilers of the code of an artifact, which is loaded where `bytes` are.
///
/// # Errors
/// Kind [`Io`](ErrorKind::Io) if the file cannot be written.
pub(super) fn announce(strategy: ProfilingStrategy, bytes: &[u8], sections: &Sections) -> Result<()> {
    let functions = symbols(bytes, sections).map(|ElfSymbol { name, address, size }| {
        let code = usize::try_from(address).ok().and_then(|start| bytes.get(start..start.checked_add(size as usize)?));
        // Names are of any characters.
        let name = name.replace(char::is_control, "_");
        LoadedFunction { name, code: code.unwrap_or_default() }
    });
    let (file, written) = match strategy {
        ProfilingStrategy::None => return Ok(()),
        ProfilingStrategy::PerfMap => (perf_map::path(std::process::id()), perf_map::write(functions)),
        ProfilingStrategy::JitDump => (jitdump::path(std::process::id()), jitdump::write(functions)),
    };
    written.map_err(|error| {
        let message = format!("cannot write {} for profilers: {error}", file.display());
        Error::new(ErrorKind::Io, message).with_source(error)
    })
}

/// A function or trampoline in memory.
struct LoadedFunction<'a> {
    name: String,
    code: &'a [u8],
}

/// The file of this process. A forked child opens one of its own.
struct ProcessFile<T>(Mutex<Option<(u32, T)>>);

impl<T> ProcessFile<T> {
    const fn new() -> ProcessFile<T> {
        ProcessFile(Mutex::new(None))
    }

    /// Calls `write` with the file of this process, which `open` opens at the first call.
    ///
    /// # Errors
    /// The error of either.
    fn write(
        &self,
        open: impl FnOnce(u32) -> io::Result<T>,
        write: impl FnOnce(&mut T) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if file.as_ref().is_none_or(|(owner, _)| *owner != process) {
            *file = Some((process, open(process)?));
        }
        write(&mut file.as_mut().expect("opened above").1)
    }
}
