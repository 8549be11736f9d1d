//! Makes the debug information of an artifact.

mod synthesized;

use super::codegen::CompiledCode;
use super::symbol::Symbol;
use crate::base::TextOffset;
use crate::wasm::index::FuncIndex;
use crate::wasm::module::Module;
use core::ops::Range;
use gimli::write::Dwarf;
use wasmparser::{Parser, Payload};

/// The parts that debug information is made of.
pub(super) struct DebugInput<'a> {
    /// The binary.
    pub(super) wasm: &'a [u8],
    /// The module's description.
    pub(super) module: &'a Module,
    /// The functions' names, sorted by index.
    pub(super) func_names: &'a [(FuncIndex, String)],
    /// All pieces of code, sorted by symbol: the functions come first.
    pub(super) code: &'a [CompiledCode],
    /// The offset of each piece in the text.
    pub(super) placed: &'a [TextOffset],
}

/// A function of the module.
struct DebugFunction<'a> {
    /// The name from the name section, or one that tells the index.
    name: String,
    /// The machine code and its tables.
    code: &'a CompiledCode,
    /// The offset of the code in the text.
    start: TextOffset,
    /// The offsets of the body in the binary, with its local variables.
    body: Range<u64>,
}

/// Makes the debug information.
pub(super) fn build(input: &DebugInput<'_>) -> Dwarf {
    synthesized::build(input.wasm, &functions(input))
}

/// Lists the functions of the module, in the order of the text.
fn functions<'a>(input: &DebugInput<'a>) -> Vec<DebugFunction<'a>> {
    let payloads = Parser::new(0).parse_all(input.wasm).map_while(core::result::Result::ok);
    let bodies = payloads.filter_map(|payload| match payload {
        Payload::CodeSectionEntry(body) => Some(body.range()),
        _ => None,
    });
    let function = |((code, &start), body): ((&'a CompiledCode, &TextOffset), Range<u64>)| {
        let Symbol::Function(index) = code.symbol else { unreachable!("one piece of code for each body comes first") };
        let index = input.module.func_index(index);
        let name = match input.func_names.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => input.func_names[position].1.replace(char::is_control, "_"),
            Err(_) => format!("wasm function {}", index.0),
        };
        DebugFunction { name, code, start, body }
    };
    input.code.iter().zip(input.placed).zip(bodies).map(function).collect()
}

impl DebugFunction<'_> {
    /// Returns the length of the code in bytes.
    fn length(&self) -> u64 {
        self.code.code.len() as u64
    }
}

#[cfg(test)]
mod tests;
