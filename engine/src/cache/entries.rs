//! The files of a cache: read, written, listed, and removed when they are too many.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The extension of entries. The files of others in the folder are left alone.
const EXTENSION: &str = "sealed";
/// The prefix of temporary files.
const TEMPORARY: &str = ".new-";
/// The age from which on nobody is still writing a temporary file.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The folder with the entries.
#[derive(Debug)]
pub(super) struct Entries {
    folder: PathBuf,
}

/// An entry of a [`Cache`](super::Cache).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheEntry {
    /// The name.
    pub name: String,
    /// The size of the file in bytes.
    pub size: u64,
    /// The time of the last use.
    pub used: SystemTime,
}

impl Entries {
    /// Opens the folder, and makes it if it is missing.
    pub(super) fn open(folder: &Path) -> io::Result<Entries> {
        fs::create_dir_all(folder)?;
        Ok(Entries { folder: folder.to_owned() })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads an entry, and marks it as used. `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is larger than `limit`.
    pub(super) fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let mut file = match File::open(self.path(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > limit {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is no file, or larger than the whole cache may be"));
        }
        // Without the right to mark it, it is only removed earlier.
        let _ = file.set_modified(SystemTime::now());
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Writes an entry of two parts. Other processes see none of it or all.
    pub(super) fn write(&self, name: &str, seal: &blake3::Hash, artifact: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.folder)?;
        file.write_all(seal.as_bytes())?;
        file.write_all(artifact)?;
        file.as_file().sync_all()?;
        file.persist(self.path(name)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes an entry, if it is there.
    pub(super) fn remove(&self, name: &str) {
        let path = self.path(name);
        // Somebody may have put a folder there.
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    }

    /// Lists the entries, those that were used the longest ago first.
    pub(super) fn list(&self) -> io::Result<Vec<CacheEntry>> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
            // Another process may remove it in the meantime.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                entries.push(CacheEntry { name: name.to_owned(), size: metadata.len(), used });
            }
        }
        entries.sort_by(|one, other| (one.used, &one.name).cmp(&(other.used, &other.name)));
        Ok(entries)
    }

    /// If the entries together are larger than `limit`, removes those that were used the longest ago, until a quarter
    /// of the limit is free. One process at a time does so; for the others there is nothing to do.
    pub(super) fn evict(&self, limit: u64) -> io::Result<()> {
        let lock = File::options().create(true).truncate(false).write(true).open(self.folder.join("lock"))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        let entries = self.list()?;
        let mut size: u64 = entries.iter().map(|entry| entry.size).sum();
        if size <= limit {
            return Ok(());
        }
        for entry in entries {
            if size <= limit / 4 * 3 {
                break;
            }
            self.remove(&entry.name);
            size -= entry.size;
        }
        self.remove_abandoned()
    }

    /// Removes temporary files of processes that were killed.
    fn remove_abandoned(&self) -> io::Result<()> {
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let is_temporary = file.file_name().to_string_lossy().starts_with(TEMPORARY);
            let age = file.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
            if is_temporary && matches!(age, Ok(Ok(age)) if age > ABANDONED) {
                let _ = fs::remove_file(file.path());
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }
}
