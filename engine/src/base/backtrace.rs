//! A captured backtrace, as data. `runtime::backtrace` captures it.

use super::WasmOffset;
use core::fmt;

/// One WebAssembly frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The module's name, from its name section.
    pub module_name: Option<String>,
    /// Index in the module's function index space (imports come first).
    pub func_index: u32,
    /// The function's name, from the name section.
    pub func_name: Option<String>,
    /// Where the instruction stands in the Wasm binary: the trapping one in the innermost frame of a trap, the call
    /// itself in every other frame.
    pub module_offset: Option<WasmOffset>,
}

/// The WebAssembly frames that were active, the innermost first. Host frames are left out; those on both sides of a
/// host call are there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Backtrace {
    /// The frames, the innermost first.
    pub frames: Vec<Frame>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(module) = &self.module_name {
            write!(f, "{module}!")?;
        }
        match &self.func_name {
            Some(name) => write!(f, "{name} (function {})", self.func_index)?,
            None => write!(f, "function {}", self.func_index)?,
        }
        match self.module_offset {
            Some(offset) => write!(f, " at {offset}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, frame) in self.frames.iter().enumerate() {
            writeln!(f, "{depth:>4}: {frame}")?;
        }
        Ok(())
    }
}
