//! Locations of variables as DWARF expressions.

use super::DebugFunction;
use crate::abi::vmctx::{self, VmLayout};
use crate::artifact::debug_info;
use crate::base::TextOffset;
use crate::compile::value_locations::{Location, Locations};
use crate::wasm::index::MemoryIndex;
use crate::wasm::module::Module;
use core::ops::Range;
use gimli::constants as dw;
use gimli::write::{AttributeValue, Expression, LocationList, Unit, UnitEntryId};
use gimli::{DwAt, Register};

/// The form of a variable in WebAssembly.
#[derive(Clone, Copy)]
pub(super) enum Description {
    /// The value of a local.
    Local(u32),
    /// Memory at an address, which counts from the value of a local, if there is one.
    Memory { base: Option<u32>, offset: i64 },
    /// Memory at an address, which counts from that of the function's frame in memory.
    Frame(i64),
    /// A number.
    Constant(i64),
}

/// The way from an instance's context to the memory that addresses in C refer to: the first one.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    definition: vmctx::Location,
    is_64_bit: bool,
}

impl Memory {
    pub(super) fn of(module: &Module) -> Option<Memory> {
        let ty = module.memories.first()?;
        Some(Memory { definition: VmLayout::of(module)?.memory(MemoryIndex(0)), is_64_bit: ty.index64 })
    }
}

/// Ranges of the text, each with an expression.
pub(super) type Described = Vec<(Range<u64>, Expression)>;

/// Describes where a variable of a function is. `frame` are the ranges of the text where the frame's address is known.
pub(super) fn locate(
    function: &DebugFunction<'_>,
    memory: Option<Memory>,
    description: Description,
    frame: &[Range<u64>],
) -> Described {
    let variables = &function.code.variables;
    let local = |local: u32| variables.locals.get(&local).map_or(&[][..], |known| &known.locations);
    let start = u64::from(function.start.0);
    let place =
        |range: &Range<u32>| start + u64::from(range.start)..start + u64::from(range.end).min(function.length());
    match (description, memory) {
        (Description::Local(index), _) => {
            local(index).iter().map(|(range, location)| (place(range), value(*location))).collect()
        }
        (Description::Constant(number), _) => vec![(function.range(), constant(number))],
        (Description::Frame(offset), _) => frame.iter().map(|range| (range.clone(), in_frame(offset))).collect(),
        (Description::Memory { base: None, offset }, Some(memory)) => {
            let address = |vmctx: Location| memory_at(memory, vmctx, None, offset);
            variables.vmctx.iter().map(|(range, vmctx)| (place(range), address(*vmctx))).collect()
        }
        (Description::Memory { base: Some(base), offset }, Some(memory)) => {
            let both = intersect(&variables.vmctx, local(base)).into_iter();
            // Before it is set, a local is zero and no address.
            let both = both.filter(|(.., base)| !matches!(base, Location::Constant { .. }));
            let address = |vmctx, base| memory_at(memory, vmctx, Some(base), offset);
            both.map(|(range, vmctx, base)| (place(&range), address(vmctx, base))).collect()
        }
        (Description::Memory { .. }, None) => Vec::new(),
    }
}

/// Returns the ranges of what is described. Adjacent ones become one.
pub(super) fn ranges(described: &Described) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::new();
    for (range, _) in described {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range.clone()),
        }
    }
    joined
}

/// Sets the location of a variable, or the base of a frame. A variable without a location is optimized out.
pub(super) fn set_location(unit: &mut Unit, entry: UnitEntryId, name: DwAt, described: Described) {
    if !described.is_empty() {
        let list = unit.locations.add(list(described));
        unit.get_mut(entry).set(name, AttributeValue::LocationListRef(list));
    }
}

/// Makes a location list.
fn list(described: Described) -> LocationList {
    // One address, from which all others are measured.
    let base = gimli::write::Location::BaseAddress { address: debug_info::address(TextOffset(0)) };
    let entry = |(range, data): (Range<u64>, Expression)| gimli::write::Location::OffsetPair {
        begin: range.start,
        end: range.end,
        data,
    };
    LocationList([base].into_iter().chain(described.into_iter().map(entry)).collect())
}

/// The common parts of two lists of locations.
fn intersect(one: &Locations, other: &[(Range<u32>, Location)]) -> Vec<(Range<u32>, Location, Location)> {
    let mut common = Vec::new();
    for (range, location) in one {
        let first = other.partition_point(|(other, _)| other.end <= range.start);
        for (other, second) in other[first..].iter().take_while(|(other, _)| other.start < range.end) {
            common.push((other.start.max(range.start)..other.end.min(range.end), *location, *second));
        }
    }
    common
}

/// The parts of what is described that lie in one of these ranges.
pub(super) fn clip(described: Described, within: &[Range<u64>]) -> Described {
    let mut clipped = Vec::new();
    for (range, expression) in described {
        for other in within {
            let common = range.start.max(other.start)..range.end.min(other.end);
            if !common.is_empty() {
                clipped.push((common, expression.clone()));
            }
        }
    }
    clipped.sort_by_key(|(range, _)| range.start);
    clipped
}

/// The expression for a value in a location.
fn value(location: Location) -> Expression {
    let mut expression = Expression::new();
    match location {
        Location::Register(register) => expression.op_reg(Register(register)),
        Location::Frame(offset) => push_slot(&mut expression, offset),
        Location::Constant { bits, bytes } => {
            expression.op_implicit_value(bits.to_le_bytes()[..bytes.into()].into());
        }
    }
    expression
}

/// The expression for memory that counts from the frame.
fn in_frame(offset: i64) -> Expression {
    let mut expression = Expression::new();
    expression.op_fbreg(offset);
    expression
}

fn constant(number: i64) -> Expression {
    let mut expression = Expression::new();
    expression.op_consts(number);
    expression.op(dw::DW_OP_stack_value);
    expression
}

/// The expression for linear memory at `base + offset`.
fn memory_at(memory: Memory, vmctx: Location, base: Option<Location>, offset: i64) -> Expression {
    let mut expression = Expression::new();
    push_value(&mut expression, vmctx, 8);
    let (vmctx::Location::Inline(definition) | vmctx::Location::Pointer(definition)) = memory.definition;
    expression.op_plus_uconst(definition.into());
    expression.op_deref();
    if matches!(memory.definition, vmctx::Location::Pointer(_)) {
        // A definition begins with the memory's base.
        expression.op_deref();
    }
    expression.op_consts(offset);
    if let Some(base) = base {
        push_value(&mut expression, base, if memory.is_64_bit { 8 } else { 4 });
        expression.op(dw::DW_OP_plus);
    }
    if !memory.is_64_bit {
        expression.op_constu(u32::MAX.into());
        expression.op(dw::DW_OP_and);
    }
    expression.op(dw::DW_OP_plus);
    expression
}

/// Pushes a value of this many bytes. A register may have anything above it.
fn push_value(expression: &mut Expression, location: Location, bytes: u8) {
    match location {
        Location::Register(register) => expression.op_breg(Register(register), 0),
        Location::Frame(offset) => {
            push_slot(expression, offset);
            expression.op_deref_size(bytes);
        }
        Location::Constant { bits, .. } => expression.op_constu(bits),
    }
}

/// Pushes the address of a slot in the frame.
fn push_slot(expression: &mut Expression, offset: i32) {
    expression.op(dw::DW_OP_call_frame_cfa);
    expression.op_consts(offset.into());
    expression.op(dw::DW_OP_plus);
}
