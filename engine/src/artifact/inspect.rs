//! An artefact described.
use crate::base::{Error, ErrorKind, Result};

/// What an artefact says of itself.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Bytes of the file.
    pub size: u64,
}

/// Describes an artefact from its bytes alone.
pub fn inspect(_bytes: &[u8]) -> Result<Inspection> {
    Err(Error::new(ErrorKind::Artifact, "not written yet"))
}

impl core::fmt::Display for Inspection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} bytes", self.size)
    }
}
