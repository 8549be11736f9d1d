//! Translates where the variables of the module's own DWARF are: in a local of WebAssembly, or in linear memory.

use super::locals::{self, Description, Memory};
use super::translated::{Code, Reader};
use core::ops::Range;
use gimli::write::{ConvertResult, ConvertUnit, ConvertUnitEntry, UnitEntryId};
use gimli::{AttributeValue, Encoding, Expression, Operation, constants as dw};

/// The largest number of locations in all: variables beyond have none.
pub(super) const MAX_LOCATIONS: usize = 1 << 20;

/// The translator of variables' locations.
pub(super) struct Variables<'a> {
    pub(super) code: &'a Code<'a>,
    pub(super) memory: Option<Memory>,
    /// The function around the current entry.
    pub(super) scope: Option<Scope>,
    /// The number of further locations.
    pub(super) left: usize,
}

/// A function of DWARF.
pub(super) struct Scope {
    depth: isize,
    /// The position of the function.
    function: usize,
    /// The ranges of the text in which the address of the function's frame in linear memory is known.
    frame: Vec<Range<u64>>,
}

impl Variables<'_> {
    /// Takes note of the next entry, which may begin a function, or stand after its end. The base of a function's frame
    /// becomes an address of the machine, from which its variables count.
    pub(super) fn enter<'d>(
        &mut self,
        unit: &mut ConvertUnit<'_, Reader<'d>>,
        id: UnitEntryId,
        entry: &ConvertUnitEntry<'_, Reader<'d>>,
    ) -> ConvertResult<()> {
        let is_subprogram = entry.tag() == dw::DW_TAG_subprogram;
        if is_subprogram || self.scope.as_ref().is_some_and(|scope| entry.depth() <= scope.depth) {
            self.scope = None;
        }
        let Some(range) = entry.read_unit.die_ranges(entry)?.next()?.filter(|_| is_subprogram) else { return Ok(()) };
        let Some(function) = self.code.function(range.begin) else { return Ok(()) };
        let frame_base = match entry.attr_value(dw::DW_AT_frame_base) {
            Some(AttributeValue::Exprloc(expression)) => describe(expression, entry.read_unit.encoding()),
            _ => None,
        };
        let mut frame = Vec::new();
        if let Some(Description::Local(local)) = frame_base {
            let base = Description::Memory { base: Some(local), offset: 0 };
            let located = locals::locate(&self.code.functions[function], self.memory, base, &[]);
            frame = locals::ranges(&located);
            locals::set_location(unit.unit, id, dw::DW_AT_frame_base, located);
        }
        self.scope = Some(Scope { depth: entry.depth(), function, frame });
        Ok(())
    }

    /// Translates the location of a variable.
    pub(super) fn translate<'d>(
        &mut self,
        unit: &mut ConvertUnit<'_, Reader<'d>>,
        id: UnitEntryId,
        entry: &ConvertUnitEntry<'_, Reader<'d>>,
    ) -> ConvertResult<()> {
        let (Some(scope), Some(value)) = (&self.scope, entry.attr_value(dw::DW_AT_location)) else { return Ok(()) };
        let (function, encoding) = (&self.code.functions[scope.function], entry.read_unit.encoding());
        let locate = |expression| match describe(expression, encoding) {
            Some(description) => locals::locate(function, self.memory, description, &scope.frame),
            None => Vec::new(),
        };
        let mut located = Vec::new();
        if let AttributeValue::Exprloc(expression) = value {
            located = locate(expression);
        } else if let Some(mut list) = entry.read_unit.attr_locations(value)? {
            while let Some(piece) = list.next()?.filter(|_| located.len() <= self.left) {
                let within = self.code.text(piece.range.begin..piece.range.end);
                located.extend(locals::clip(locate(piece.data), &within));
            }
            located.sort_by_key(|(range, _)| range.start);
        }
        if let Some(left) = self.left.checked_sub(located.len()) {
            self.left = left;
            locals::set_location(unit.unit, id, dw::DW_AT_location, located);
        }
        Ok(())
    }
}

/// Returns what an expression says that a variable is; `None` of other expressions than compilers commonly write.
fn describe(expression: Expression<Reader<'_>>, encoding: Encoding) -> Option<Description> {
    let mut operations = expression.operations(encoding);
    let mut all = Vec::new();
    while let Some(operation) = operations.next().ok()? {
        all.push(operation);
    }
    match all[..] {
        [Operation::WasmLocal { index }] | [Operation::WasmLocal { index }, Operation::StackValue] => {
            Some(Description::Local(index))
        }
        [Operation::WasmLocal { index }, Operation::PlusConstant { value }] => {
            Some(Description::Memory { base: Some(index), offset: value.cast_signed() })
        }
        [Operation::FrameOffset { offset }] => Some(Description::Frame(offset)),
        [Operation::Address { address }] => Some(Description::Memory { base: None, offset: address.cast_signed() }),
        [Operation::UnsignedConstant { value }, Operation::StackValue] => {
            Some(Description::Constant(value.cast_signed()))
        }
        [Operation::SignedConstant { value }, Operation::StackValue] => Some(Description::Constant(value)),
        _ => None,
    }
}
