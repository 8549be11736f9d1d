//! The compiler interface that an `Engine` stores, so that `runtime` need not depend on `compile`.

use super::error::Result;

/// A compiler for modules of one configuration.
pub(crate) trait Compile: Send + Sync {
    /// Compiles a binary module into the bytes of an artifact.
    ///
    /// # Errors
    /// If the module is malformed, invalid, or beyond what the engine supports or accepts.
    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>>;

    /// Returns a digest of everything but the module that decides an artifact: the engine, the target, the CPU
    /// features, the settings and the key.
    ///
    /// # Errors
    /// If the compiler would use a CPU feature for which the loader has no check.
    #[cfg(feature = "cache")]
    fn identity(&self) -> Result<[u8; 32]>;
}
