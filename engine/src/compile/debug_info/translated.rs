//! Translates the module's own DWARF, whose code addresses are offsets in the code section, to DWARF of the machine
//! code. Files, lines, functions, scopes and types stay, and [`Variables`] translates where variables are. What else is
//! said of places in WebAssembly is left out, so that a debugger shows no wrong value.

use super::locals::Memory;
use super::variables::{MAX_LOCATIONS, Variables};
use super::{Binary, DebugFunction, ENCODING, range_list};
use crate::artifact::debug_info;
use core::ops::Range;
use gimli::write::{
    AttributeValue, ConvertError, ConvertLineProgram, ConvertResult, ConvertUnit, ConvertUnitEntry, Dwarf, LineProgram,
    LineRow, UnitEntryId,
};
use gimli::{DwAt, EndianSlice, LineEncoding, LittleEndian, constants as dw};
use std::collections::BTreeMap;

pub(super) type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// Translates DWARF. Returns, for each function, whether a line table covers it.
///
/// # Errors
/// If the module's DWARF is malformed.
pub(super) fn build(
    binary: &Binary<'_>,
    memory: Option<Memory>,
    functions: &[DebugFunction<'_>],
) -> ConvertResult<(Dwarf, Vec<bool>)> {
    let load = |id: gimli::SectionId| {
        let section = binary.dwarf.get(id.name()).copied().unwrap_or_default();
        Ok::<_, gimli::Error>(EndianSlice::new(section, LittleEndian))
    };
    let read = gimli::Dwarf::load(load)?;
    let mut dwarf = Dwarf::new();
    let mut is_covered = vec![false; functions.len()];
    let code = Code { start: binary.code_start, functions };
    let mut variables = Variables { code: &code, memory, scope: None, left: MAX_LOCATIONS };
    let mut units = dwarf.convert(&read)?;
    while let Some((mut unit, root)) = units.read_unit()? {
        let covered = translate_lines(&mut unit, &code)?;
        covered.iter().for_each(|&function| is_covered[function] = true);
        translate_entries(&mut unit, root, &code, &covered, &mut variables)?;
    }
    Ok((dwarf, is_covered))
}

/// The functions, by their offsets in the binary.
pub(super) struct Code<'a> {
    /// The offset of the code section, from which DWARF counts.
    start: u64,
    pub(super) functions: &'a [DebugFunction<'a>],
}

impl Code<'_> {
    /// Finds the function whose body contains an address of DWARF.
    pub(super) fn function(&self, address: u64) -> Option<usize> {
        let offset = self.start.checked_add(address)?;
        let after = self.functions.partition_point(|function| function.body.start <= offset);
        after.checked_sub(1).filter(|&last| self.functions[last].body.contains(&offset))
    }

    /// Lists the ranges of the text that come from a range of addresses of DWARF. That of a whole body is the function.
    pub(super) fn text(&self, addresses: Range<u64>) -> Vec<Range<u64>> {
        let Some(function) = self.function(addresses.start) else { return Vec::new() };
        let function = &self.functions[function];
        let wasm = self.start + addresses.start..self.start.saturating_add(addresses.end);
        if wasm.start == function.body.start && wasm.end >= function.body.end {
            return vec![function.range()];
        }
        let start = u64::from(function.start.0);
        let ranges = function.code.source_map.iter().filter(|(.., offset)| wasm.contains(&offset.0.into()));
        ranges.map(|&(first, end, _)| start + u64::from(first)..start + u64::from(end)).collect()
    }
}

/// Translates the line table of a unit. Returns the functions that it covers, sorted.
fn translate_lines(unit: &mut ConvertUnit<'_, Reader<'_>>, code: &Code<'_>) -> ConvertResult<Vec<usize>> {
    unit.unit.set_encoding(ENCODING);
    if unit
        .read_unit
        .line_program
        .as_ref()
        .is_some_and(|program| has_empty_names(unit.read_unit.dwarf, program.header()))
    {
        return Err(ConvertError::InvalidAttributeValue);
    }
    let Some(mut program) = unit.read_line_program(Some(ENCODING), Some(LineEncoding::default()))? else {
        return Ok(Vec::new());
    };
    let rows = read_rows(&mut program, code)?;
    let (mut program, files) = program.program();
    let mut covered = Vec::new();
    for (position, function) in code.functions.iter().enumerate() {
        if rows.range(function.body.clone()).any(|(_, row)| row.is_some()) {
            covered.push(position);
            write_sequence(&mut program, function, &rows);
        }
    }
    unit.set_line_program(program, files);
    Ok(covered)
}

/// Returns whether a directory or file has an empty name, which DWARF 4 cannot have.
fn has_empty_names<'d>(dwarf: &gimli::Dwarf<Reader<'d>>, header: &gimli::LineProgramHeader<Reader<'d>>) -> bool {
    let files = header.file_names().iter().map(|file| file.path_name());
    let mut names = header.include_directories().iter().cloned().chain(files);
    names.any(|name| dwarf.attr_line_string(name).is_ok_and(|name| name.is_empty()))
}

/// Reads the rows by offset in the binary. At the end of a sequence there is no row.
fn read_rows(
    program: &mut ConvertLineProgram<'_, Reader<'_>>,
    code: &Code<'_>,
) -> ConvertResult<BTreeMap<u64, Option<LineRow>>> {
    let mut rows = BTreeMap::new();
    while let Some(sequence) = program.read_sequence()? {
        // Linkers give functions that they removed addresses where no function is.
        let Some(start) = sequence.start.filter(|&start| code.function(start).is_some()) else { continue };
        let end = match sequence.end {
            gimli::write::ConvertLineSequenceEnd::Length(length) => start.saturating_add(length),
            gimli::write::ConvertLineSequenceEnd::Address(address) => address,
        };
        rows.entry(code.start.saturating_add(end)).or_insert(None);
        for row in sequence.rows {
            let offset = code.start.saturating_add(start).saturating_add(row.address_offset);
            rows.insert(offset, Some(row));
        }
    }
    Ok(rows)
}

/// Writes the rows of a function: for each machine instruction the row of the WebAssembly instruction that it comes
/// from.
fn write_sequence(program: &mut LineProgram, function: &DebugFunction<'_>, rows: &BTreeMap<u64, Option<LineRow>>) {
    program.begin_sequence(Some(debug_info::address(function.start)));
    let body = function.body.start;
    // The code before the first operator is the function's first line.
    let starts = [(0, body)].into_iter();
    let starts = starts.chain(function.code.source_map.iter().map(|&(start, _, offset)| (start, offset.0.into())));
    let (mut last, mut is_prologue) = (None, true);
    for (start, offset) in starts {
        let row = rows.range(body..=offset.max(body)).next_back().and_then(|(_, row)| *row);
        // Line 0 is code that comes from no line.
        let position = row.map_or((None, 0, 0), |row| (Some(row.file), row.line, row.column));
        let before = last.replace(position);
        if before == Some(position) {
            continue;
        }
        let next = program.row();
        (next.address_offset, next.line, next.column) = (start.into(), 0, 0);
        if let Some(row) = row {
            let prologue_end = row.prologue_end && is_prologue;
            is_prologue &= !prologue_end;
            // The first code that is left of a line is where debuggers stop, even if the module's own first row of the
            // line was of an instruction that the optimizer has removed.
            let is_other_line = before.is_none_or(|(file, line, _)| (file, line) != (position.0, position.1));
            *next = LineRow {
                address_offset: start.into(),
                op_index: 0,
                is_statement: row.is_statement || is_other_line,
                prologue_end,
                epilogue_begin: false,
                ..row
            };
        }
        program.generate_row();
    }
    program.end_sequence(function.length());
}

/// Translates the entries of a unit, which begin with `root`.
fn translate_entries<'u, 'd>(
    unit: &mut ConvertUnit<'u, Reader<'d>>,
    root: ConvertUnitEntry<'u, Reader<'d>>,
    code: &Code<'_>,
    covered: &[usize],
    variables: &mut Variables<'_>,
) -> ConvertResult<()> {
    let id = unit.unit.root();
    translate_attributes(unit, id, &root);
    let ranges = covered.iter().map(|&function| code.functions[function].range());
    let ranges = unit.unit.ranges.add(range_list(ranges));
    unit.unit.get_mut(id).set(gimli::DW_AT_ranges, AttributeValue::RangeListRef(ranges));
    let mut entry = root;
    while let Some(id) = unit.read_entry(&mut entry)? {
        let id = unit.add_entry(id, &entry);
        translate_attributes(unit, id, &entry);
        translate_ranges(unit, id, &entry, code)?;
        variables.enter(unit, id, &entry)?;
        variables.translate(unit, id, &entry)?;
    }
    Ok(())
}

/// Translates the attributes of an entry that do not depend on code. One that cannot be translated is left out.
fn translate_attributes<'d>(
    unit: &mut ConvertUnit<'_, Reader<'d>>,
    id: UnitEntryId,
    entry: &ConvertUnitEntry<'_, Reader<'d>>,
) {
    for attribute in entry.attrs() {
        if is_about_places(attribute.name(), &attribute.value()) {
            continue;
        }
        if let Ok(value) = unit.convert_attribute_value(entry.read_unit, attribute, &|_| None) {
            unit.unit.get_mut(id).set(attribute.name(), value);
        }
    }
    let pointers = [dw::DW_TAG_pointer_type, dw::DW_TAG_reference_type, dw::DW_TAG_rvalue_reference_type];
    if pointers.contains(&entry.tag()) && !entry.has_attr(gimli::DW_AT_byte_size) {
        // A pointer of the module has the width of its memory's addresses, not that of the machine's.
        let size = AttributeValue::Udata(entry.read_unit.encoding().address_size.into());
        unit.unit.get_mut(id).set(gimli::DW_AT_byte_size, size);
    }
}

/// Returns whether an attribute is about places in code or of values, or about sections that an artifact lacks.
fn is_about_places(name: DwAt, value: &gimli::AttributeValue<Reader<'_>>) -> bool {
    use gimli::AttributeValue as Value;
    match value {
        // The place of a member in a structure is the same everywhere.
        Value::Exprloc(_) => name != gimli::DW_AT_data_member_location,
        Value::Addr(_)
        | Value::DebugAddrIndex(_)
        | Value::LocationListsRef(_)
        | Value::DebugLocListsIndex(_)
        | Value::RangeListsRef(_)
        | Value::DebugRngListsIndex(_)
        | Value::DebugMacinfoRef(_)
        | Value::DebugMacroRef(_)
        | Value::DebugTypesRef(_)
        | Value::DebugInfoRefSup(_)
        | Value::DebugStrRefSup(_) => true,
        _ => name == gimli::DW_AT_high_pc,
    }
}

/// Translates the ranges of code that an entry has.
fn translate_ranges<'d>(
    unit: &mut ConvertUnit<'_, Reader<'d>>,
    id: UnitEntryId,
    entry: &ConvertUnitEntry<'_, Reader<'d>>,
    code: &Code<'_>,
) -> ConvertResult<()> {
    let mut text: Vec<Range<u64>> = Vec::new();
    let mut ranges = entry.read_unit.die_ranges(entry)?;
    while let Some(range) = ranges.next()? {
        text.extend(code.text(range.begin..range.end));
    }
    text.sort_by_key(|range| range.start);
    match &text[..] {
        [] => {}
        [range] => {
            let start = crate::base::TextOffset(u32::try_from(range.start).expect("a text is shorter than 2 GiB"));
            let entry = unit.unit.get_mut(id);
            entry.set(gimli::DW_AT_low_pc, AttributeValue::Address(debug_info::address(start)));
            entry.set(gimli::DW_AT_high_pc, AttributeValue::Udata(range.end - range.start));
        }
        _ => {
            let ranges = unit.unit.ranges.add(range_list(text));
            unit.unit.get_mut(id).set(gimli::DW_AT_ranges, AttributeValue::RangeListRef(ranges));
        }
    }
    Ok(())
}
