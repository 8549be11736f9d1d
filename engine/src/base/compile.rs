//! What makes artifacts, as an engine sees it that keeps one without knowing what it is.

use super::error::Result;

/// A compiler for modules of one configuration.
pub(crate) trait Compile: Send + Sync {
    /// Compiles a binary module into the bytes of an artifact.
    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>>;
}
