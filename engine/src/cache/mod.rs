//! The cache of compiled modules: artifacts in files that nobody can forge.
//!
//! ```text
//! FOLDER/NAME.sealed = seal (32 bytes), artifact
//! NAME = BLAKE3 of all that decides the artifact
//! seal = BLAKE3 of NAME and artifact, keyed with the secret of this user
//! ```
//!
//! - The name covers the module, the configuration, the WebAssembly features, the fingerprint of the engine, the target
//!   and the CPU features, so that a change of any of them is a miss.
//! - The secret is in another folder than the entries. Who can write the entries but cannot read the secret can remove
//!   entries, and do nothing else: an altered one, or one under another name, is reported, removed and compiled again.
//! - A file is written under a temporary name, synchronized and renamed. Any number of processes may use one folder.
//! - When the entries together are larger than the limit, those that were used the longest ago are removed.

mod entries;
mod secret;

pub use entries::CacheEntry;

use entries::Entries;
use etcetera::BaseStrategy;
use std::fmt::{self, Display};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The places and the limit of a [`Cache`]. `None` stands for the default.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CacheSettings {
    /// The folder of the entries. The default is `touchstone` in the user's folder for caches.
    pub folder: Option<PathBuf>,
    /// The file of the secret that seals the entries: 32 bytes that only their user can read. It is made if it is
    /// missing. The default is `touchstone/cache.key` in the user's folder for configurations.
    pub secret: Option<PathBuf>,
    /// The bytes of all entries together past which those are removed that were used the longest ago. The default is
    /// [`Cache::DEFAULT_LIMIT`].
    pub limit: Option<u64>,
}

/// A cache of compiled modules in a folder, for [`Config::cache`](crate::Config::cache). Clones share it, and so may
/// any number of processes.
///
/// Entries are sealed with a secret of the user: who can write the folder but cannot read the secret cannot pass code
/// off as a module's. An entry that is damaged or foreign is reported, removed, and compiled again.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    entries: Entries,
    secret: [u8; 32],
    secret_path: PathBuf,
    limit: u64,
    report: fn(&dyn Display),
}

impl Cache {
    /// The size of all entries together past which some are removed: 1 GiB.
    pub const DEFAULT_LIMIT: u64 = 1 << 30;

    /// Opens a cache, and makes its folder and its secret if they are missing. `report` is called with what the user
    /// should hear of later: entries that are damaged or foreign, a folder that cannot be written.
    ///
    /// # Errors
    ///
    /// Says why there is no cache: a file or folder that cannot be used, or a secret that others can read.
    pub fn open(settings: &CacheSettings, report: fn(&dyn Display)) -> io::Result<Cache> {
        let user = || {
            let no_folder = |error| io::Error::other(format!("there is no folder for it: {error}"));
            etcetera::choose_base_strategy().map_err(no_folder)
        };
        let folder = match &settings.folder {
            Some(folder) => folder.clone(),
            None => user()?.cache_dir().join("touchstone"),
        };
        let secret_path = match &settings.secret {
            Some(path) => path.clone(),
            None => user()?.config_dir().join("touchstone/cache.key"),
        };
        let entries = Entries::open(&folder)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
        let secret = secret::read_or_make(&secret_path).map_err(io::Error::other)?;
        let limit = settings.limit.unwrap_or(Cache::DEFAULT_LIMIT);
        Ok(Cache(Arc::new(Inner { entries, secret, secret_path, limit, report })))
    }

    /// Returns the artifact of this name; `None` if there is none. One that is damaged or foreign is reported and
    /// removed.
    pub(crate) fn find(&self, name: &str) -> Option<Vec<u8>> {
        let open = || {
            let bytes = self.0.entries.read(name, self.0.limit).map_err(|error| format!("cannot be read: {error}"))?;
            let Some(bytes) = bytes else { return Ok(None) };
            self.open_seal(name, bytes).map(Some).ok_or_else(|| "is damaged, or was not made by this user".to_owned())
        };
        open().unwrap_or_else(|why: String| {
            self.refuse(name, &why);
            None
        })
    }

    /// Reports an entry, and removes it.
    pub(crate) fn refuse(&self, name: &str, why: &dyn Display) {
        (self.0.report)(&format_args!("the cache's entry {name} {why}; it is removed, and the module compiled"));
        self.0.entries.remove(name);
    }

    /// Adds an artifact. If that fails, it is reported.
    pub(crate) fn add(&self, name: &str, artifact: &[u8]) {
        let stored = self.0.entries.write(name, &self.seal(name, artifact), artifact);
        if let Err(error) = stored.and_then(|()| self.0.entries.evict(self.0.limit)) {
            (self.0.report)(&format_args!("the cache in {} is not used: {error}", self.folder().display()));
        }
    }

    /// Checks all entries, and removes those that are damaged or foreign. Returns their names, and how many are left.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn verify(&self) -> io::Result<(Vec<String>, usize)> {
        let (mut bad, mut good) = (Vec::new(), 0);
        for CacheEntry { name, .. } in self.0.entries.list()? {
            let bytes = self.0.entries.read(&name, u64::MAX);
            match bytes.map(|bytes| bytes.map(|bytes| self.open_seal(&name, bytes).is_some())) {
                Ok(Some(true)) => good += 1,
                // Another process has removed it.
                Ok(None) => {}
                Ok(Some(false)) | Err(_) => {
                    self.0.entries.remove(&name);
                    bad.push(name);
                }
            }
        }
        Ok((bad, good))
    }

    /// Removes all entries, and returns how many there were.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn clear(&self) -> io::Result<usize> {
        let entries = self.0.entries.list()?;
        entries.iter().for_each(|entry| self.0.entries.remove(&entry.name));
        Ok(entries.len())
    }

    /// Returns the entries, those that were used the longest ago first.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<CacheEntry>> {
        self.0.entries.list()
    }

    /// Returns the folder of the entries.
    pub fn folder(&self) -> &Path {
        self.0.entries.folder()
    }

    /// Returns the file of the secret.
    pub fn secret_path(&self) -> &Path {
        &self.0.secret_path
    }

    /// Returns the size of all entries together past which some are removed, in bytes.
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// Returns the seal of an artifact under a name.
    pub(crate) fn seal(&self, name: &str, artifact: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0.secret);
        hasher.update(name.as_bytes()).update(artifact).finalize()
    }

    /// Returns the artifact of a file if its seal is right.
    fn open_seal(&self, name: &str, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let (seal, artifact) = bytes.split_first_chunk::<32>()?;
        // The comparison takes the same time wherever the digests differ.
        let is_right = self.seal(name, artifact) == blake3::Hash::from_bytes(*seal);
        bytes.drain(..32);
        is_right.then_some(bytes)
    }
}

/// Without the secret.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("folder", &self.folder()).field("limit", &self.limit()).finish_non_exhaustive()
    }
}
