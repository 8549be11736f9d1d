//! Offsets, as types that cannot be mistaken for one another. (`unwind::frame` has the types of addresses in memory.)

use core::fmt;
use serde::{Deserialize, Serialize};

/// A byte offset from the start of an artifact's `.text`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TextOffset(pub u32);

/// A byte offset from the start of a WebAssembly binary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct WasmOffset(pub u32);

impl fmt::Display for TextOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".text+{:#x}", self.0)
    }
}

impl fmt::Display for WasmOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
