//! Locations of values in machine code, for debug information.
//!
//! Cranelift tells where a labeled value is. What it tells is not exact enough for a debugger, which must never show a
//! wrong value: its ranges follow the order of the code and not the flow of control, and those of the allocator
//! `single_pass` are ranges of other values too. So only the *start* of a range is taken from it, and
//! [`arch::locate`] follows each value from there through the code.
//!
//! Labels are put on values when the function is optimized already, and register allocation does not look at them. But
//! in a function that has labels, Cranelift keeps the parameter of purpose `VMContext` alive up to each return, which
//! changes code. So the function is lowered twice, and the code without labels is the one that counts. For the other,
//! the caller's context has that purpose: nothing uses it, and it is kept nowhere. Only the check of the stack limit in
//! the prologue takes another register then. If anything else differed, nothing would be located.

use super::arch::{self, Seed};
use super::translate::LocalChange;
use crate::base::WasmOffset;
use core::ops::Range;
use cranelift_codegen::ir::{
    self, ArgumentPurpose, Function, InstructionData, Value, ValueDef, ValueLabel, ValueLabelAssignments,
};
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::settings::RegallocAlgorithm;
use cranelift_codegen::{CodegenResult, CompiledCode as MachineCode, Context, LabelValueLoc, ValueLabelsRanges};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The location of a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Location {
    /// A register, by its DWARF number. A narrow value is in the low bytes.
    Register(u16),
    /// An offset from the canonical frame address.
    Frame(i32),
    /// The low bytes of a constant, as many as the value has.
    Constant { bits: u64, bytes: u8 },
}

/// Ranges of offsets in a function's code, each with the location of one value. Sorted, without overlap.
pub(crate) type Locations = Vec<(Range<u32>, Location)>;

/// The locations of the values that debuggers show.
#[derive(Clone, Default, Debug)]
pub(crate) struct Variables {
    /// The address of the instance's context.
    pub(crate) vmctx: Locations,
    /// The parameters and locals that hold numbers.
    pub(crate) locals: BTreeMap<u32, Variable>,
}

/// A parameter or local.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) ty: ir::Type,
    pub(crate) locations: Locations,
}

/// The values to locate in a function.
pub(crate) struct Watched {
    changes: Vec<LocalChange>,
    /// The values, that of the instance's context first.
    values: Vec<Value>,
    constants: HashMap<Value, Location>,
    algorithm: RegallocAlgorithm,
}

/// The largest product of the numbers of values and blocks: of more values the first are located.
const MAX_STATES: usize = 1 << 20;

/// The largest number of comparisons of a function's locations with its source map.
const MAX_STEPS: usize = 1 << 20;

/// Replaces each value by the one that the optimizer will put in its place before it deletes the names of the others:
/// most values of locals are parameters of blocks that turn out to be the same on all ways.
pub(super) fn resolve(changes: &mut [LocalChange], func: &Function, isa: &dyn TargetIsa) -> CodegenResult<()> {
    let mut copy = Context::for_function(func.clone());
    copy.flowgraph();
    copy.eliminate_unreachable_code(isa)?;
    copy.remove_constant_phis(isa)?;
    for value in changes.iter_mut().filter_map(|change| change.value.as_mut()) {
        *value = copy.func.dfg.resolve_aliases(*value);
    }
    Ok(())
}

impl Watched {
    /// Labels the values of locals in an optimized function, whose code is lowered and counts no more.
    pub(super) fn label(func: &mut Function, mut changes: Vec<LocalChange>, isa: &dyn TargetIsa) -> Watched {
        let entry = func.layout.entry_block().expect("a function has a block");
        let mut values = vec![func.dfg.block_params(entry)[0]];
        let (mut constants, mut seen) = (HashMap::new(), BTreeSet::new());
        for value in changes.iter_mut().filter_map(|change| change.value.as_mut()) {
            *value = func.dfg.resolve_aliases(*value);
            match constant(func, *value) {
                Some(location) => _ = constants.insert(*value, location),
                None if seen.insert(*value) => values.push(*value),
                None => {}
            }
        }
        values.truncate(MAX_STATES / func.dfg.num_blocks() + 1);
        let algorithm = isa.flags().regalloc_algorithm();
        let mut labels: BTreeMap<Value, Vec<u32>> = BTreeMap::new();
        for (position, &value) in (0..).zip(&values) {
            if algorithm == RegallocAlgorithm::Backtracking {
                labels.entry(value).or_default().push(2 * position);
            } else if let Some(next) = next_result(func, value) {
                // The allocator reports a label only if its range, which ends at the next value with the label, is a
                // part of the value's life. The second label tells whether the next value is reported as well.
                labels.entry(value).or_default().push(2 * position);
                labels.entry(next).or_default().extend([2 * position, 2 * position + 1]);
            }
        }
        func.signature.params[0].purpose = ArgumentPurpose::Normal;
        func.signature.params[1].purpose = ArgumentPurpose::VMContext;
        func.dfg.values_labels = Some(labels.into_iter().map(assignment).collect());
        Watched { changes, values, constants, algorithm }
    }

    /// Locates the values in the function's code, with the ranges that Cranelift gives to labels.
    pub(super) fn locate(
        self,
        code: &MachineCode,
        ranges: &ValueLabelsRanges,
        func: &Function,
        isa: &dyn TargetIsa,
        source_map: &[(u32, u32, WasmOffset)],
    ) -> Variables {
        let sizes: Vec<u32> = self.values.iter().map(|&value| func.dfg.value_type(value).bytes()).collect();
        let mut located = arch::locate(code, &sizes, &self.seeds(ranges, isa));
        let mut located: HashMap<Value, Locations> = self.values.iter().copied().zip(located.drain(..)).collect();
        located.extend(self.constants.iter().map(|(&value, &location)| (value, vec![(0..u32::MAX, location)])));
        let mut variables = Variables { vmctx: located[&self.values[0]].clone(), locals: BTreeMap::new() };
        let mut steps = 0;
        for (local, value, offsets) in intervals(&self.changes) {
            let Some(ty) = value.map(|value| func.dfg.value_type(value)) else { continue };
            let variable = variables.locals.entry(local).or_insert(Variable { ty, locations: Vec::new() });
            let known = value.and_then(|value| located.get(&value)).map_or(&[][..], |known| known);
            for (range, location) in known {
                let start = source_map.partition_point(|piece| piece.1 <= range.start);
                let pieces = source_map[start..].iter().take_while(|piece| piece.0 < range.end);
                // Moves between two instructions that belong to no operator are like both if these are alike.
                let mut last_end = None;
                for &(start, end, offset) in pieces.take(MAX_STEPS.saturating_sub(steps)) {
                    steps += 1;
                    if offsets.contains(&offset.0) {
                        let start = last_end.unwrap_or(start).max(range.start);
                        variable.locations.push((start..end.min(range.end), *location));
                    }
                    last_end = offsets.contains(&offset.0).then_some(end);
                }
            }
        }
        for variable in variables.locals.values_mut() {
            variable.locations.sort_by_key(|(range, _)| range.start);
            join(&mut variable.locations);
        }
        variables
    }

    /// Returns where values are known to be at some instruction.
    fn seeds(&self, ranges: &ValueLabelsRanges, isa: &dyn TargetIsa) -> Vec<Seed> {
        let ranges = |label: usize| ranges.get(&ValueLabel::from_u32(label as u32)).map_or(&[][..], |ranges| ranges);
        let mut seeds = Vec::new();
        for value in 0..self.values.len() {
            if !ranges(2 * value + 1).is_empty() {
                continue;
            }
            for range in ranges(2 * value) {
                let location = match range.loc {
                    LabelValueLoc::Reg(register) => match isa.map_regalloc_reg_to_dwarf(register) {
                        Ok(register) => Location::Register(register),
                        Err(_) => continue,
                    },
                    LabelValueLoc::CFAOffset(offset) => Location::Frame(offset as i32),
                };
                // This allocator tells the register of the last use, which another one may have preceded.
                let is_last =
                    self.algorithm == RegallocAlgorithm::SinglePass && matches!(location, Location::Register(_));
                seeds.push(Seed { at: range.start, value, location, unwritten: is_last.then_some(range.end) });
            }
        }
        seeds
    }
}

fn assignment((value, labels): (Value, Vec<u32>)) -> (Value, ValueLabelAssignments) {
    let start = |label| ir::ValueLabelStart { from: ir::RelSourceLoc::default(), label: ValueLabel::from_u32(label) };
    (value, ValueLabelAssignments::Starts(labels.into_iter().map(start).collect()))
}

/// Returns the location of a value that is a constant.
fn constant(func: &Function, value: Value) -> Option<Location> {
    let ValueDef::Result(inst, _) = func.dfg.value_def(value) else { return None };
    let bits = match func.dfg.insts[inst] {
        InstructionData::UnaryImm { opcode: ir::Opcode::Iconst, imm } => imm.bits().cast_unsigned(),
        InstructionData::UnaryIeee32 { imm, .. } => imm.bits().into(),
        InstructionData::UnaryIeee64 { imm, .. } => imm.bits(),
        _ => return None,
    };
    Some(Location::Constant { bits, bytes: func.dfg.value_type(value).bytes() as u8 })
}

/// Returns the result of the first instruction after a value's definition that has one, in the same block.
fn next_result(func: &Function, value: Value) -> Option<Value> {
    let mut next = match func.dfg.value_def(value) {
        ValueDef::Result(inst, _) => func.layout.next_inst(inst),
        ValueDef::Param(block, _) => func.layout.first_inst(block),
        ValueDef::Union(..) => None,
    };
    while let Some(inst) = next {
        if let Some(&result) = func.dfg.inst_results(inst).first() {
            return Some(result);
        }
        next = func.layout.next_inst(inst);
    }
    None
}

/// Lists the values of locals, each with the offsets at which the local has it.
fn intervals(changes: &[LocalChange]) -> Vec<(u32, Option<Value>, Range<u32>)> {
    let mut sorted: Vec<&LocalChange> = changes.iter().collect();
    // Of several changes at one offset the last one counts: the interval of any other is empty.
    sorted.sort_by_key(|change| (change.local, change.from.0));
    let end = |position: usize, local: u32| {
        sorted.get(position + 1).filter(|next| next.local == local).map_or(u32::MAX, |next| next.from.0)
    };
    let interval = |(position, change): (usize, &&LocalChange)| {
        (change.local, change.value, change.from.0..end(position, change.local))
    };
    sorted.iter().enumerate().map(interval).collect()
}

/// Joins adjacent ranges of sorted locations.
pub(super) fn join(locations: &mut Locations) {
    locations.dedup_by(|next, last| {
        let is_continued = last.0.end == next.0.start && last.1 == next.1;
        if is_continued {
            last.0.end = next.0.end;
        }
        is_continued
    });
}
