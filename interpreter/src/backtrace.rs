//! Backtraces as data.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One WebAssembly frame.
///
/// It prints as `MODULE!INDEX $NAME @OFFSET`, without the parts that are unknown: `m!3 $main @0x5a`, `!3 @0x5a`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The module's name, from its name section.
    pub module_name: Option<String>,
    /// The index in the module's function index space, in which imports come first.
    pub func_index: u32,
    /// The function's name, from the name section.
    pub func_name: Option<String>,
    /// The offset of an instruction in the binary: the trapping one in the innermost frame of a trap, the call in every
    /// other frame.
    pub module_offset: u32,
}

/// The WebAssembly frames that were active, innermost first. Host frames are left out; the WebAssembly frames on both
/// sides of a host call are present.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Backtrace {
    /// The frames, innermost first.
    pub frames: Vec<Frame>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let module = self.module_name.as_deref().unwrap_or_default();
        write!(f, "{module}!{}", self.func_index)?;
        if let Some(name) = &self.func_name {
            write!(f, " ${name}")?;
        }
        write!(f, " @{:#x}", self.module_offset)
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn frames_print_known_parts() {
        let plain = Frame { module_name: None, func_index: 3, func_name: None, module_offset: 0x5a };
        let named = Frame { module_name: Some("m".into()), func_name: Some("main".into()), ..plain.clone() };
        assert_eq!(plain.to_string(), "!3 @0x5a");
        assert_eq!(Backtrace { frames: vec![named, plain] }.to_string(), "   0: m!3 $main @0x5a\n   1: !3 @0x5a\n");
    }
}
