//! Writes seeds for libFuzzer: every module of scripts (`.wast`) and binaries (`.wasm`) that the generator can use.
//!
//! ```sh
//! cargo run -p fuzz --example seeds -- CORPUS PATH...
//! ```

use fuzz::generate::feature_set::Audience;
use fuzz::generate::mixed;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs, io};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, Wat};

fn main() -> io::Result<()> {
    let mut paths = env::args_os().skip(1).map(PathBuf::from);
    let corpus = paths.next().ok_or_else(|| io::Error::other("usage: seeds CORPUS PATH..."))?;
    fs::create_dir_all(&corpus)?;
    let mut files = Vec::new();
    for path in paths {
        find_files(&path, &mut files)?;
    }
    let mut modules: Vec<Vec<u8>> = Vec::new();
    for file in &files {
        match file.extension().and_then(OsStr::to_str) {
            Some("wasm") => modules.push(fs::read(file)?),
            _ => modules.extend(read_script(&fs::read_to_string(file)?)),
        }
    }
    let found = modules.len();
    modules.sort();
    modules.dedup();
    // Eight bytes of choices precede the module.
    let mut inputs: Vec<_> = (0_u64..).zip(modules).map(|(k, wasm)| [&k.to_le_bytes(), &wasm[..]].concat()).collect();
    inputs.retain(|input| mixed::generate(input, Audience::OWN).is_ok());
    for (k, input) in inputs.iter().enumerate() {
        fs::write(corpus.join(format!("seed-{k:05}")), input)?;
    }
    println!("{} files, {found} modules, {} seeds in {}", files.len(), inputs.len(), corpus.display());
    Ok(())
}

/// Collects scripts and binaries below `path`.
fn find_files(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            find_files(&entry?.path(), files)?;
        }
    } else if matches!(path.extension().and_then(OsStr::to_str), Some("wast" | "wasm")) {
        files.push(path.to_path_buf());
    }
    Ok(())
}

/// Returns the modules of a script: none if it does not parse, as some scripts must not.
fn read_script(text: &str) -> Vec<Vec<u8>> {
    let Ok(buffer) = ParseBuffer::new(text) else { return Vec::new() };
    let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else { return Vec::new() };
    let modules = script.directives.into_iter().filter_map(|directive| match directive {
        WastDirective::Module(module) | WastDirective::ModuleDefinition(module) => Some(module),
        WastDirective::AssertTrap { exec: wast::WastExecute::Wat(Wat::Module(module)), .. } => {
            Some(QuoteWat::Wat(Wat::Module(module)))
        }
        _ => None,
    });
    modules.filter_map(|mut module| module.encode().ok()).collect()
}
