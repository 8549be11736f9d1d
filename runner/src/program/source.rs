//! The files of a program: modules in binary or text form, and artifacts.

use super::Stopped;
use crate::inputs::BinaryFile;
use std::fs;
use std::path::Path;

/// The contents of a file.
#[derive(Debug)]
pub(super) enum Source {
    /// A module in binary form.
    Module(Vec<u8>),
    /// An artifact.
    Artifact(#[cfg_attr(not(feature = "engine"), expect(dead_code, reason = "only the engine loads it"))] Vec<u8>),
}

impl Source {
    /// Reads a file. An artifact is refused unless it is allowed.
    pub(super) fn read(path: &Path, allow_precompiled: bool) -> Result<Source, Stopped> {
        let refused = |why: String| Err(Stopped::Refused(format!("{}: {why}", path.display())));
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return Err(Stopped::Refused(format!("cannot read {}: {error}", path.display()))),
        };
        match BinaryFile::of(&bytes) {
            Some(BinaryFile::Artifact) if allow_precompiled => Ok(Source::Artifact(bytes)),
            Some(BinaryFile::Artifact) => refused(
                "an artifact or another ELF file. Its machine code would run as it is: if you trust it, give \
                 --allow-precompiled"
                    .to_owned(),
            ),
            Some(BinaryFile::Component) => refused(
                "a component, which is not supported. Build a module, such as by the target wasm32-wasip1".to_owned(),
            ),
            Some(BinaryFile::Module) => Ok(Source::Module(bytes)),
            // The error names the file, the line and the column.
            None => match wat::Parser::new().parse_bytes(Some(path), &bytes) {
                Ok(module) => Ok(Source::Module(module.into_owned())),
                Err(error) => Err(Stopped::Refused(error.to_string())),
            },
        }
    }
}
