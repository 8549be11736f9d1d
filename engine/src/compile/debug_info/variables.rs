//! Translates where the variables of the module's own DWARF are: in a local of WebAssembly, or in linear memory.

use super::locals::{self, Description, Memory};
use super::translated::{Code, Reader};
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
    /// The local that holds the address from which variables in memory count.
    frame_base: Option<u32>,
}

impl Variables<'_> {
    /// Takes note of the next entry, which may begin a function, or stand after its end.
    pub(super) fn enter(&mut self, entry: &ConvertUnitEntry<'_, Reader<'_>>) -> ConvertResult<()> {
        let is_subprogram = entry.tag() == dw::DW_TAG_subprogram;
        if is_subprogram || self.scope.as_ref().is_some_and(|scope| entry.depth() <= scope.depth) {
            self.scope = None;
        }
        let Some(range) = entry.read_unit.die_ranges(entry)?.next()?.filter(|_| is_subprogram) else { return Ok(()) };
        let frame_base = match entry.attr_value(dw::DW_AT_frame_base) {
            Some(AttributeValue::Exprloc(expression)) => describe(expression, entry.read_unit.encoding(), None),
            _ => None,
        };
        let frame_base = match frame_base {
            Some(Description::Local(local)) => Some(local),
            _ => None,
        };
        let function = self.code.function(range.begin);
        self.scope = function.map(|function| Scope { depth: entry.depth(), function, frame_base });
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
        let locate = |expression, within: Option<&[_]>| {
            let description = describe(expression, encoding, scope.frame_base);
            description
                .map(|description| locals::locate(function, self.memory, description, within))
                .unwrap_or_default()
        };
        let mut located = Vec::new();
        if let AttributeValue::Exprloc(expression) = value {
            located = locate(expression, None);
        } else if let Some(mut list) = entry.read_unit.attr_locations(value)? {
            while let Some(piece) = list.next()? {
                let within = self.code.text(piece.range.begin..piece.range.end);
                located.extend(locate(piece.data, Some(&within)));
                if located.len() > self.left {
                    break;
                }
            }
            located.sort_by_key(|(range, _)| range.start);
        }
        if let Some(left) = self.left.checked_sub(located.len()) {
            self.left = left;
            locals::set_location(&mut unit.unit, id, located);
        }
        Ok(())
    }
}

/// Returns what an expression says that a variable is; `None` of other expressions than compilers commonly write.
fn describe(expression: Expression<Reader<'_>>, encoding: Encoding, frame_base: Option<u32>) -> Option<Description> {
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
        [Operation::FrameOffset { offset }] => Some(Description::Memory { base: Some(frame_base?), offset }),
        [Operation::Address { address }] => Some(Description::Memory { base: None, offset: address.cast_signed() }),
        [Operation::UnsignedConstant { value }, Operation::StackValue] => {
            Some(Description::Constant(value.cast_signed()))
        }
        [Operation::SignedConstant { value }, Operation::StackValue] => Some(Description::Constant(value)),
        _ => None,
    }
}
