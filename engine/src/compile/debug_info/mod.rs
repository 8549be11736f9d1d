//! Makes the debug information of an artifact: [`translated`] from the module's own, and [`synthesized`] for functions
//! of which the module has none.

mod locals;
mod synthesized;
mod translated;
mod variables;

use super::codegen::CompiledCode;
use super::symbol::Symbol;
use crate::artifact::debug_info;
use crate::base::TextOffset;
use crate::wasm::index::FuncIndex;
use crate::wasm::module::Module;
use core::ops::Range;
use gimli::write::{Dwarf, RangeList};
use gimli::{Encoding, Format};
use locals::Memory;
use std::collections::HashMap;
use wasmparser::{KnownCustom, Name, NameSectionReader, Parser, Payload};

/// DWARF 4, which debuggers have read for the longest time.
const ENCODING: Encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };

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
    /// The number of parameters.
    params: u32,
    /// The names of parameters and locals that have one.
    local_names: HashMap<u32, &'a str>,
}

/// The parts of a binary that the module's description lacks.
#[derive(Default)]
struct Binary<'a> {
    /// The offset of the code section, from which DWARF counts.
    code_start: u64,
    /// The offsets of the bodies, in order.
    bodies: Vec<Range<u64>>,
    /// The custom sections of DWARF by name.
    dwarf: HashMap<&'a str, &'a [u8]>,
    /// The names of locals, by function.
    local_names: HashMap<u32, HashMap<u32, &'a str>>,
}

/// Makes the debug information.
pub(super) fn build(input: &DebugInput<'_>) -> Dwarf {
    let mut binary = Binary::read(input.wasm);
    let functions = functions(input, &mut binary);
    // A malformed custom section is no error: its functions are like those without DWARF.
    let (mut dwarf, is_covered) = translated::build(&binary, Memory::of(input.module), &functions)
        .unwrap_or_else(|_| (Dwarf::new(), vec![false; functions.len()]));
    let others =
        functions.into_iter().zip(is_covered).filter_map(|(function, is_covered)| (!is_covered).then_some(function));
    synthesized::add(&mut dwarf, input.wasm, &others.collect::<Vec<_>>());
    dwarf
}

/// Lists the functions of the module, in the order of the text.
fn functions<'a>(input: &DebugInput<'a>, binary: &mut Binary<'a>) -> Vec<DebugFunction<'a>> {
    let local_names = &mut binary.local_names;
    let function = |((code, &start), body): ((&'a CompiledCode, &TextOffset), &Range<u64>)| {
        let Symbol::Function(index) = code.symbol else { unreachable!("one piece of code for each body comes first") };
        let index = input.module.func_index(index);
        let name = match input.func_names.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => input.func_names[position].1.replace(char::is_control, "_"),
            Err(_) => format!("wasm function {}", index.0),
        };
        let params = input.module.func_type(index).params.len() as u32;
        let local_names = local_names.remove(&index.0).unwrap_or_default();
        DebugFunction { name, code, start, body: body.clone(), params, local_names }
    };
    input.code.iter().zip(input.placed).zip(&binary.bodies).map(function).collect()
}

impl<'a> Binary<'a> {
    fn read(wasm: &'a [u8]) -> Binary<'a> {
        let mut binary = Binary::default();
        for payload in Parser::new(0).parse_all(wasm).map_while(core::result::Result::ok) {
            match payload {
                Payload::CodeSectionStart { unchecked_range, .. } => binary.code_start = unchecked_range.start,
                Payload::CodeSectionEntry(body) => binary.bodies.push(body.range()),
                Payload::CustomSection(custom) if custom.name().starts_with(".debug_") => {
                    binary.dwarf.insert(custom.name(), custom.data());
                }
                Payload::CustomSection(custom) => {
                    if let KnownCustom::Name(names) = custom.as_known() {
                        binary.read_local_names(names);
                    }
                }
                _ => {}
            }
        }
        binary
    }

    /// Reads the names of locals, up to where they are malformed.
    fn read_local_names(&mut self, names: NameSectionReader<'a>) {
        for subsection in names.into_iter().map_while(core::result::Result::ok) {
            let Name::Local(functions) = subsection else { continue };
            for function in functions.into_iter().map_while(core::result::Result::ok) {
                let names = function.names.map_while(core::result::Result::ok);
                self.local_names.insert(function.index, names.map(|naming| (naming.index, naming.name)).collect());
            }
        }
    }
}

impl DebugFunction<'_> {
    /// Returns the length of the code in bytes.
    fn length(&self) -> u64 {
        self.code.code.len() as u64
    }

    /// Returns the offsets of the code in the text.
    fn range(&self) -> Range<u64> {
        let start = u64::from(self.start.0);
        start..start + self.length()
    }
}

/// Makes a list of ranges of the text, which are sorted. Adjacent ones become one.
fn range_list(ranges: impl IntoIterator<Item = Range<u64>>) -> RangeList {
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    // One address, from which all others are measured.
    let base = gimli::write::Range::BaseAddress { address: debug_info::address(TextOffset(0)) };
    let offsets =
        joined.into_iter().map(|range| gimli::write::Range::OffsetPair { begin: range.start, end: range.end });
    RangeList([base].into_iter().chain(offsets).collect())
}

#[cfg(test)]
mod tests;
