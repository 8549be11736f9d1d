//! The artefact.

pub(crate) mod functions;
pub(crate) mod handlers;
mod inspect;
pub(crate) mod metadata;
pub(crate) mod names;
mod record;
mod sites;
pub(crate) mod source_map;
pub(crate) mod stack_maps;
pub(crate) mod traps;
pub(crate) mod unwind;

use crate::base::{Config, Error, ErrorKind, Result};
use core::ops::Range;
pub use inspect::{Inspection, inspect};
pub(crate) use metadata::Metadata;

/// Where each section stands: byte ranges of the file, and of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sections {
    pub(crate) header: Range<usize>,
    pub(crate) metadata: Range<usize>,
    pub(crate) text: Range<usize>,
    pub(crate) eh_frame: Range<usize>,
    pub(crate) eh_frame_hdr: Range<usize>,
    pub(crate) functions: Range<usize>,
    pub(crate) traps: Range<usize>,
    pub(crate) source_map: Range<usize>,
    pub(crate) names: Range<usize>,
    pub(crate) handlers: Range<usize>,
    pub(crate) stack_maps: Range<usize>,
    pub(crate) data: Range<usize>,
}

/// Checks.
pub(crate) fn check(_bytes: &[u8], _config: &Config) -> Result<(Sections, Metadata)> {
    Err(Error::new(ErrorKind::Artifact, "not written yet"))
}
