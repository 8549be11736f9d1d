//! Debug information for functions of which the module has none: the module's [listing](crate::compile::listing) is the
//! source file, and a line's number is an offset in the binary.

use super::locals::{self, Description};
use super::{DebugFunction, ENCODING, range_list};
use crate::artifact::{debug_info, producer};
use crate::compile::listing;
use cranelift_codegen::ir::Type;
use gimli::write::{AttributeValue, Dwarf, Expression, FileId, LineProgram, LineString, Unit, UnitEntryId};
use gimli::{DwAt, LineEncoding};
use std::collections::HashMap;

/// The directory of the source file: debuggers look for it in their own working directory.
const DIRECTORY: &str = ".";

/// Adds a unit with a subprogram for each function, if there are any. DWARF has at least one unit.
pub(super) fn add(dwarf: &mut Dwarf, wasm: &[u8], functions: &[DebugFunction<'_>]) {
    if functions.is_empty() && dwarf.units.count() > 0 {
        return;
    }
    let name = listing::name(wasm);
    let (program, file) = line_program(&name, functions);
    let mut unit = Unit::new(ENCODING, program);
    let root = unit.root();
    let ranges = unit.ranges.add(range_list(functions.iter().map(DebugFunction::range)));
    let attributes = [
        (gimli::DW_AT_producer, string(dwarf, producer())),
        // Debuggers know no language of WebAssembly. That of C has its numbers.
        (gimli::DW_AT_language, AttributeValue::Language(gimli::DW_LANG_C11)),
        (gimli::DW_AT_name, string(dwarf, &name)),
        (gimli::DW_AT_comp_dir, string(dwarf, DIRECTORY)),
        (gimli::DW_AT_ranges, AttributeValue::RangeListRef(ranges)),
    ];
    set_all(&mut unit, root, attributes);
    let mut types = HashMap::new();
    for function in functions {
        let mut frame = Expression::new();
        frame.op(gimli::DW_OP_call_frame_cfa);
        let attributes = [
            (gimli::DW_AT_name, string(dwarf, &function.name)),
            (gimli::DW_AT_external, AttributeValue::FlagPresent),
            (gimli::DW_AT_low_pc, AttributeValue::Address(debug_info::address(function.start))),
            (gimli::DW_AT_high_pc, AttributeValue::Udata(function.length())),
            (gimli::DW_AT_decl_file, AttributeValue::FileIndex(Some(file))),
            (gimli::DW_AT_decl_line, AttributeValue::Udata(function.body.start)),
            (gimli::DW_AT_frame_base, AttributeValue::Exprloc(frame)),
        ];
        let subprogram = unit.add(root, gimli::DW_TAG_subprogram);
        set_all(&mut unit, subprogram, attributes);
        add_locals(dwarf, &mut unit, subprogram, function, &mut types);
    }
    dwarf.units.add(unit);
}

/// Adds the parameters and locals of a function that hold numbers.
fn add_locals(
    dwarf: &mut Dwarf,
    unit: &mut Unit,
    subprogram: UnitEntryId,
    function: &DebugFunction<'_>,
    types: &mut HashMap<Type, UnitEntryId>,
) {
    for (&local, variable) in &function.code.variables.locals {
        let ty = *types.entry(variable.ty).or_insert_with(|| add_type(dwarf, unit, variable.ty));
        let name = match function.local_names.get(&local) {
            Some(name) => name.replace(char::is_control, "_"),
            None => format!("local{local}"),
        };
        let tag = if local < function.params { gimli::DW_TAG_formal_parameter } else { gimli::DW_TAG_variable };
        let entry = unit.add(subprogram, tag);
        let name = string(dwarf, &name);
        set_all(unit, entry, [(gimli::DW_AT_name, name), (gimli::DW_AT_type, AttributeValue::UnitRef(ty))]);
        let located = locals::locate(function, None, Description::Local(local), &[]);
        locals::set_location(unit, entry, gimli::DW_AT_location, located);
    }
}

/// Adds the type of numbers.
fn add_type(dwarf: &mut Dwarf, unit: &mut Unit, ty: Type) -> UnitEntryId {
    let encoding = if ty.is_float() { gimli::DW_ATE_float } else { gimli::DW_ATE_signed };
    let attributes = [
        (gimli::DW_AT_name, string(dwarf, &ty.to_string())),
        (gimli::DW_AT_encoding, AttributeValue::Encoding(encoding)),
        (gimli::DW_AT_byte_size, AttributeValue::Udata(ty.bytes().into())),
    ];
    let entry = unit.add(unit.root(), gimli::DW_TAG_base_type);
    set_all(unit, entry, attributes);
    entry
}

fn string(dwarf: &mut Dwarf, text: &str) -> AttributeValue {
    AttributeValue::StringRef(dwarf.strings.add(text))
}

fn set_all<const N: usize>(unit: &mut Unit, entry: UnitEntryId, attributes: [(DwAt, AttributeValue); N]) {
    for (name, value) in attributes {
        unit.get_mut(entry).set(name, value);
    }
}

/// Makes the line table: a sequence of rows for each function.
fn line_program(name: &str, functions: &[DebugFunction<'_>]) -> (LineProgram, FileId) {
    let text = |text: &str| LineString::String(text.into());
    let mut program = LineProgram::new(ENCODING, LineEncoding::default(), text(DIRECTORY), None, text(name), None);
    let file = program.add_file(text(name), program.default_directory(), None);
    for function in functions {
        program.begin_sequence(Some(debug_info::address(function.start)));
        let row = program.row();
        (row.file, row.line) = (file, function.body.start);
        program.generate_row();
        for (position, &(start, _, offset)) in function.code.source_map.iter().enumerate() {
            let row = program.row();
            row.address_offset = start.into();
            row.line = offset.0.into();
            // Debuggers stop here at a breakpoint on the function.
            row.prologue_end = position == 0;
            program.generate_row();
        }
        program.end_sequence(function.length());
    }
    (program, file)
}
