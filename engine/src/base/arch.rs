//! Constants of the target's architecture that several rooms share.

/// The alignment, in bytes, of everything in an artifact that is mapped with a protection of its own: the largest page
/// size of the architecture's systems.
#[cfg(target_arch = "x86_64")]
pub(crate) const PAGE: usize = 4096;
