//! Branch hints, from the custom section `metadata.code.branch_hint`
//! ([Branch hinting](https://github.com/WebAssembly/branch-hinting/blob/main/proposals/branch-hinting/Overview.md)).
//! Hints influence the layout of code and nothing else. A section that does not decode is ignored.

use std::collections::HashMap;
use wasmparser::{BranchHintSectionReader, FunctionBody};

/// The hints of a module, by function: an instruction's offset from the start of the function's locals, and whether its
/// branch is likely taken.
#[derive(Default)]
pub(super) struct BranchHints(HashMap<u32, Vec<(u32, bool)>>);

impl BranchHints {
    /// Reads the section.
    ///
    /// # Errors
    /// wasmparser's error if the section does not decode.
    pub(super) fn read(section: BranchHintSectionReader<'_>) -> wasmparser::Result<BranchHints> {
        let mut hints = HashMap::new();
        for function in section {
            let function = function?;
            let own = function.hints.into_iter().map(|hint| hint.map(|hint| (hint.func_offset, hint.taken)));
            hints.insert(function.func, own.collect::<wasmparser::Result<Vec<_>>>()?);
        }
        Ok(BranchHints(hints))
    }

    /// Takes the hints of a function, sorted, with offsets from the start of the module.
    pub(super) fn take(&mut self, function: u32, body: &FunctionBody<'_>) -> Box<[(u64, bool)]> {
        let start = body.range().start;
        let hints = self.0.remove(&function).unwrap_or_default();
        let mut hints: Box<[_]> = hints.into_iter().map(|(offset, taken)| (start + u64::from(offset), taken)).collect();
        hints.sort_unstable();
        hints
    }
}
