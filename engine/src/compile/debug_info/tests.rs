//! Compares line tables with source maps, as readers see both.

use crate::artifact::source_map::SourceMap;
use crate::artifact::{self, Sections, functions::FunctionKind, functions::Functions};
use crate::base::{Compile, Config, TextOffset, Tier};
use crate::compile::Compiler;
use gimli::{EndianSlice, LittleEndian};
use std::collections::BTreeMap;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

const MODULE: &str = r#"(module $m
    (import "host" "f" (func (param i32)))
    (memory 1)
    (func $one (export "one") (param i32) (result i32)
        (local i64)
        (if (result i32) (local.get 0)
            (then (call 0 (i32.load (local.get 0))) (i32.rem_s (local.get 0) (i32.const 3)))
            (else (call $"two words" (local.get 0)))))
    (func $"two words" (param i32) (result i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (i32.const 7))
    (func (result f64) (f64.sqrt (f64.const 2))))"#;

fn compile(config: &Config, wasm: &[u8]) -> (Vec<u8>, Sections) {
    let bytes = Compiler::new(config).unwrap().compile(wasm).unwrap();
    let (sections, _) = artifact::check(&bytes, config).unwrap();
    (bytes, sections)
}

fn configurations() -> [Config; 2] {
    [Tier::Speed, Tier::Quick].map(|tier| Config::new().tier(tier).debug_info(true).clone())
}

fn read<'a>(bytes: &'a [u8], sections: &'a Sections) -> gimli::Dwarf<Slice<'a>> {
    let sections: BTreeMap<&str, _> = sections.named().collect();
    let load = |id: gimli::SectionId| {
        let section = sections.get(id.name()).map_or(&[][..], |range| &bytes[range.clone()]);
        Ok::<_, gimli::Error>(EndianSlice::new(section, LittleEndian))
    };
    gimli::Dwarf::load(load).unwrap()
}

/// The rows of the line table: addresses with their lines, which are 0 at the end of a sequence.
fn rows(dwarf: &gimli::Dwarf<Slice<'_>>) -> BTreeMap<u64, u32> {
    let header = dwarf.units().next().unwrap().expect("there is one unit");
    let unit = dwarf.unit(header).unwrap();
    let mut rows = unit.line_program.clone().expect("the unit has a line table").rows();
    let mut all = BTreeMap::new();
    while let Some((_, row)) = rows.next_row().unwrap() {
        let line = if row.end_sequence() { 0 } else { row.line().map_or(0, |line| line.get() as u32) };
        all.insert(row.address(), line);
    }
    all
}

/// Counts the bytes of functions whose line is not the offset that the source map gives. `shift` is added to lines.
fn disagreements(bytes: &[u8], sections: &Sections, shift: u32) -> usize {
    let rows = rows(&read(bytes, sections));
    let map = SourceMap::new(&bytes[sections.source_map.clone()]);
    let mut wrong = 0;
    let mut compared = 0;
    for function in Functions::new(&bytes[sections.functions.clone()]).iter() {
        let is_function = matches!(function.kind, FunctionKind::Function(_));
        for offset in function.start.0..function.end.0 {
            let address = sections.text.start as u64 + u64::from(offset);
            let line = rows.range(..=address).next_back().map_or(0, |(_, line)| *line);
            assert_eq!(is_function, line != 0, "functions have lines, trampolines have none: {offset:#x}");
            if let Some(expected) = map.lookup(TextOffset(offset)) {
                compared += 1;
                wrong += usize::from(line + shift != expected.0);
            }
        }
    }
    assert!(compared > 50);
    wrong
}

#[test]
fn lines_are_offsets_of_the_source_map() {
    let wasm = wat::parse_str(MODULE).unwrap();
    for config in configurations() {
        let (bytes, sections) = compile(&config, &wasm);
        assert_eq!(disagreements(&bytes, &sections, 0), 0);
        assert_ne!(disagreements(&bytes, &sections, 1), 0, "the comparison finds a wrong line");
    }
}

#[test]
fn each_function_has_a_subprogram() {
    let wasm = wat::parse_str(MODULE).unwrap();
    for config in configurations() {
        let (bytes, sections) = compile(&config, &wasm);
        let dwarf = read(&bytes, &sections);
        let unit = dwarf.unit(dwarf.units().next().unwrap().unwrap()).unwrap();
        let mut entries = unit.entries();
        let mut found = Vec::new();
        while let Some(entry) = entries.next_dfs().unwrap() {
            if entry.tag() == gimli::DW_TAG_subprogram {
                let value = |name| entry.attr_value(name).unwrap();
                let name = dwarf.attr_string(&unit, value(gimli::DW_AT_name)).unwrap();
                let gimli::AttributeValue::Addr(start) = value(gimli::DW_AT_low_pc) else { panic!("an address") };
                let length = value(gimli::DW_AT_high_pc).udata_value().unwrap();
                found.push((name.to_string().unwrap().to_owned(), start - sections.text.start as u64, length));
            }
        }
        let functions = Functions::new(&bytes[sections.functions.clone()]);
        let ranges = functions
            .iter()
            .take(3)
            .map(|function| (function.start.0.into(), (function.end.0 - function.start.0).into()));
        let names = ["one", "two words", "wasm function 3"];
        let expected: Vec<(String, u64, u64)> =
            names.into_iter().zip(ranges).map(|(name, (start, length))| (name.to_owned(), start, length)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn same_module_same_bytes() {
    let wasm = wat::parse_str(MODULE).unwrap();
    for mut config in configurations() {
        let [one, many] = [1, 4].map(|threads| compile(config.compile_threads(Some(threads)), &wasm).0);
        assert_eq!(one, many);
    }
}
