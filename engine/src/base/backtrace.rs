//! A captured backtrace, as data. `runtime::backtrace` captures it.

use super::position::WasmOffset;
use core::fmt;

/// One WebAssembly frame.
///
/// It prints as `MODULE!INDEX $NAME @OFFSET`, without the parts that are unknown: `m!3 $main @0x5a`, `!3 @0x5a`. The
/// runner's reports and trap snapshots show frames of all engines in this form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The module's name, from its name section.
    pub module_name: Option<String>,
    /// The index in the module's function index space (imports come first).
    pub func_index: u32,
    /// The function's name, from the name section.
    pub func_name: Option<String>,
    /// The offset of the instruction in the Wasm binary: the trapping instruction in the innermost frame of a trap, the
    /// call in every other frame.
    pub module_offset: Option<WasmOffset>,
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
        write!(f, "{}!{}", self.module_name.as_deref().unwrap_or_default(), self.func_index)?;
        if let Some(name) = &self.func_name {
            write!(f, " ${name}")?;
        }
        match self.module_offset {
            Some(offset) => write!(f, " @{offset}"),
            None => Ok(()),
        }
    }
}

/// The number of frames that are printed of each end of a deep backtrace.
const PRINTED: usize = 32;

/// One line for each frame. Of a deep stack the innermost and the outermost frames are printed: an exhausted stack can
/// have more than a hundred thousand.
impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let omitted = PRINTED..self.frames.len().saturating_sub(PRINTED);
        for (depth, frame) in self.frames.iter().enumerate() {
            if !omitted.contains(&depth) {
                writeln!(f, "{depth:>4}: {frame}")?;
            } else if depth == omitted.start {
                writeln!(f, "      ... {} more frames", omitted.len())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_print_what_is_known() {
        let mut frame = Frame { module_name: None, func_index: 3, func_name: None, module_offset: None };
        assert_eq!(frame.to_string(), "!3");
        frame.module_offset = Some(WasmOffset(0x5a));
        frame.module_name = Some("m".to_owned());
        assert_eq!(frame.to_string(), "m!3 @0x5a");
        frame.func_name = Some("main".to_owned());
        assert_eq!(frame.to_string(), "m!3 $main @0x5a");
    }

    #[test]
    fn a_deep_stack_prints_its_ends() {
        let frame = |func_index| Frame { module_name: None, func_index, func_name: None, module_offset: None };
        let text = |depth| Backtrace { frames: (0..depth).map(frame).collect() }.to_string();
        assert_eq!(text(64).lines().count(), 64);
        let deep = text(1000);
        let lines: Vec<&str> = deep.lines().collect();
        assert_eq!(lines.len(), 65);
        assert_eq!(lines[31..34], ["  31: !31", "      ... 936 more frames", " 968: !968"]);
        assert_eq!(lines[64], " 999: !999");
    }
}
