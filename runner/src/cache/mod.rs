//! The cache of compiled programs: artifacts in files that nobody can forge.
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

pub(crate) use entries::Entry;

use engine::{Engine, Error, Module};
use entries::Entries;
use etcetera::BaseStrategy;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The size of all entries together past which some are removed: 1 GiB.
pub(crate) const DEFAULT_LIMIT: u64 = 1 << 30;

/// The empty module.
const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

/// The places and the limit of a cache. `None` stands for the user's default.
#[derive(Clone, Default, Debug)]
pub(crate) struct Settings {
    /// The folder of the entries.
    pub(crate) folder: Option<PathBuf>,
    /// The file of the secret, which is made if it is missing.
    pub(crate) secret: Option<PathBuf>,
    /// The size of all entries together, in bytes.
    pub(crate) limit: Option<u64>,
}

/// A cache of artifacts in a folder.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: Entries,
    secret: [u8; 32],
    secret_path: PathBuf,
    limit: u64,
    /// Called with what the user should hear of.
    report: fn(&dyn Display),
}

impl Cache {
    /// Opens a cache, and makes its folder and its secret if they are missing. The error says why there is no cache.
    pub(crate) fn open(settings: &Settings, report: fn(&dyn Display)) -> Result<Cache, String> {
        let user = || etcetera::choose_base_strategy().map_err(|error| format!("there is no folder for it: {error}"));
        let folder = match &settings.folder {
            Some(folder) => folder.clone(),
            None => user()?.cache_dir().join("touchstone"),
        };
        let secret_path = match &settings.secret {
            Some(path) => path.clone(),
            None => user()?.config_dir().join("touchstone/cache.key"),
        };
        let entries = Entries::open(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let secret = secret::read_or_make(&secret_path)?;
        Ok(Cache { entries, secret, secret_path, limit: settings.limit.unwrap_or(DEFAULT_LIMIT), report })
    }

    /// Returns a module: loaded, if the cache has it, or else compiled and added to the cache.
    ///
    /// # Errors
    /// Those of [`Module::from_binary`]. Failures of the cache are reported, and the module is compiled.
    pub(crate) fn module(&self, engine: &Engine, wasm: &[u8]) -> Result<Module, Error> {
        let name = name(engine, wasm)?;
        match self.load(engine, &name) {
            Ok(Some(module)) => return Ok(module),
            Ok(None) => {}
            Err(why) => {
                (self.report)(&format_args!("the cache's entry {name} {why}; it is removed, and the module compiled"));
                self.entries.remove(&name);
            }
        }
        let artifact = engine.compile_binary(wasm)?;
        let module = Module::deserialize(engine, &artifact)?;
        let stored = self.entries.write(&name, &self.seal(&name, &artifact), &artifact);
        match stored.and_then(|()| self.entries.evict(self.limit)) {
            Ok(()) => {}
            Err(error) => (self.report)(&format_args!("the cache in {} is not used: {error}", self.folder().display())),
        }
        Ok(module)
    }

    /// Loads an entry. `None` if there is none. The error says what is wrong with it.
    fn load(&self, engine: &Engine, name: &str) -> Result<Option<Module>, String> {
        let Some(bytes) = self.entries.read(name, self.limit).map_err(|error| format!("cannot be read: {error}"))?
        else {
            return Ok(None);
        };
        let artifact = self.open_seal(name, &bytes).ok_or("is damaged, or was not made by this user")?;
        let module = Module::deserialize(engine, artifact).map_err(|error| format!("is refused: {error}"))?;
        Ok(Some(module))
    }

    /// Checks all entries, and removes those that are damaged or foreign. Returns their names, and how many are left.
    pub(crate) fn verify(&self) -> std::io::Result<(Vec<String>, usize)> {
        let (mut bad, mut good) = (Vec::new(), 0);
        for Entry { name, .. } in self.entries.list()? {
            match self.entries.read(&name, u64::MAX) {
                Ok(Some(bytes)) if self.open_seal(&name, &bytes).is_some() => good += 1,
                // Another process has removed it.
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => {
                    self.entries.remove(&name);
                    bad.push(name);
                }
            }
        }
        Ok((bad, good))
    }

    /// Removes all entries, and returns how many there were.
    pub(crate) fn clear(&self) -> std::io::Result<usize> {
        let entries = self.entries.list()?;
        entries.iter().for_each(|entry| self.entries.remove(&entry.name));
        Ok(entries.len())
    }

    /// Returns the entries.
    pub(crate) fn list(&self) -> std::io::Result<Vec<Entry>> {
        self.entries.list()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.entries.folder()
    }

    pub(crate) fn secret_path(&self) -> &Path {
        &self.secret_path
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    fn seal(&self, name: &str, artifact: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(name.as_bytes()).update(artifact).finalize()
    }

    /// Returns the artifact of a file if its seal is right.
    fn open_seal<'a>(&self, name: &str, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (seal, artifact) = bytes.split_first_chunk::<32>()?;
        // The comparison takes the same time wherever the digests differ.
        (self.seal(name, artifact) == blake3::Hash::from_bytes(*seal)).then_some(artifact)
    }
}

/// Returns the name of a module's entry. The artifact of the empty module stands for all else that decides an artifact:
/// it records the engine's fingerprint, the target, the CPU features and the settings.
fn name(engine: &Engine, wasm: &[u8]) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new_derive_key("touchstone cache of compiled programs, 1");
    let empty = engine.compile_binary(EMPTY)?;
    hasher.update(&(empty.len() as u64).to_le_bytes()).update(&empty).update(wasm);
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests;
