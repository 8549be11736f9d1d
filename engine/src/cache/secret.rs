//! The secret that seals entries: a file of 32 bytes that nobody but its user can read.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Reads the secret, and makes it if it is missing. A file that others can read or write is refused.
pub(super) fn read_or_make(path: &Path) -> Result<[u8; 32], String> {
    let cannot = |error: &dyn std::fmt::Display| format!("cannot use the key {}: {error}", path.display());
    if !path.exists() {
        make(path).map_err(|error| cannot(&error))?;
    }
    let bytes = fs::read(path).map_err(|error| cannot(&error))?;
    check_owner(path).map_err(|why| cannot(&why))?;
    bytes.try_into().map_err(|bytes: Vec<u8>| cannot(&format!("it has {} bytes, not 32", bytes.len())))
}

/// Makes the file. If another process makes one at the same time, one of them wins.
fn make(path: &Path) -> io::Result<()> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Only its owner can read a temporary file.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&secret)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn check_owner(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".to_owned());
    }
    match metadata.mode() & 0o777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(format!("others may use it (mode {mode:o}); `chmod 600` it, or remove it to have a new one made")),
    }
}

#[cfg(not(unix))]
fn check_owner(_path: &Path) -> Result<(), String> {
    Ok(())
}
