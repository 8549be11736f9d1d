//! Computes the fingerprint of the artifact format: a digest of all source files that decide the contents of an
//! artifact or how it is read, without tests. An artifact loads only in an engine with the same fingerprint, so that
//! nobody has to raise a version number.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms whose sources are part of the fingerprint: layouts, calling conventions, library calls, tables, traps and
/// the compiler. So is the table of WebAssembly features, because artifacts contain its bits.
const ROOMS: [&str; 6] = ["../features/src", "src/abi", "src/artifact", "src/base", "src/compile", "src/wasm"];

fn main() {
    let mut files = Vec::new();
    for room in ROOMS {
        println!("cargo::rerun-if-changed={room}");
        collect(Path::new(room), &mut files);
    }
    files.sort();
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    // The feature adds a field to the metadata, and an artifact with a planted fault must never pass as an honest one.
    hasher.update(&[u8::from(std::env::var_os("CARGO_FEATURE_PLANTED_FAULTS").is_some())]);
    for file in &files {
        let source = fs::read(file).expect("a source file of this crate can be read");
        hasher.update(&(source.len() as u64).to_le_bytes());
        hasher.update(&source);
    }
    println!("cargo::rustc-env=ARTIFACT_FINGERPRINT={}", hasher.finalize().to_hex());
}

/// Collects the source files of a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a source folder of this crate can be read");
    for entry in entries {
        let path = entry.expect("a source folder of this crate can be read").path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
