//! Locations of values at each instruction of a function, found by following them through the finished code.
//!
//! A value is in a location at an instruction if it is there on all ways to the instruction. It stays there until
//! something else is written, and moves and reloads copy it. Only stores that register allocation tells of put a value
//! into the frame, because other slots may change through pointers.

use super::call_frame::{LINK, PRESERVED, decode_blocks, ends_block, frame_growth, jump_target};
use crate::compile::codegen::reached_blocks;
use crate::compile::value_locations::{Location, Locations, join};
use core::ops::Range;
use cranelift_codegen::{CompiledCode, FinalizedMachExceptionHandler};
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};
use std::collections::BTreeMap;

/// A value that is in a location before the instruction at `at`.
pub(in crate::compile) struct Seed {
    pub(in crate::compile) at: u32,
    /// The number of the value.
    pub(in crate::compile) value: usize,
    pub(in crate::compile) location: Location,
    /// If present, this holds only if nothing before the last instruction of `at..unwritten` writes the location.
    pub(in crate::compile) unwritten: Option<u32>,
}

/// Returns the locations of values of these sizes in bytes.
pub(in crate::compile) fn locate(code: &CompiledCode, sizes: &[u32], seeds: &[Seed]) -> Vec<Locations> {
    let mut located = vec![Locations::new(); sizes.len()];
    let (bytes, starts, mut instructions) = (code.buffer.data(), reached_blocks(code), Vec::new());
    let (Some(&first), Some(layout)) = (starts.first(), code.buffer.frame_layout()) else { return located };
    let Ok(ranges) = decode_blocks(bytes, &starts, &mut instructions) else { return located };
    let ends = ranges.keys().skip(1).copied().chain([bytes.len() as u32]);
    let block = |((&start, range), end): ((&u32, &Range<usize>), u32)| {
        let block = &instructions[range.clone()];
        (start, &block[..block.partition_point(|instruction| instruction.ip32() < end)])
    };
    let mut follower = Follower {
        code,
        blocks: ranges.iter().zip(ends).map(block).collect(),
        sizes,
        calls: calls(code),
        seeds: BTreeMap::new(),
        frame_size: i32::try_from(layout.frame_to_fp_offset).unwrap_or(i32::MAX),
        info: InstructionInfoFactory::new(),
        entries: BTreeMap::new(),
        open: Vec::new(),
    };
    follower.plant(seeds, frame_growth(&bytes[..first as usize]));
    follower.arrive(first, &State::default());
    while let Some(start) = follower.open.pop() {
        follower.pass(start);
    }
    for start in follower.entries.keys().copied().collect::<Vec<_>>() {
        for (value, range, location) in follower.pass(start) {
            located[value].push((range, location));
        }
    }
    located.iter_mut().for_each(separate);
    located
}

/// Lists the calls: the offset after each, and those of its exception handlers.
fn calls(code: &CompiledCode) -> BTreeMap<u32, Vec<u32>> {
    let handler = |handler: &FinalizedMachExceptionHandler| match *handler {
        FinalizedMachExceptionHandler::Tag(_, target) | FinalizedMachExceptionHandler::Default(target) => Some(target),
        FinalizedMachExceptionHandler::Context(_) => None,
    };
    let sites = code.buffer.call_sites();
    sites.map(|site| (site.ret_addr, site.exception_handlers.iter().filter_map(handler).collect())).collect()
}

/// Sorts the locations of a value, leaves one for each offset, and joins adjacent ranges.
fn separate(locations: &mut Locations) {
    locations.sort_by_key(|(range, _)| range.start);
    let mut end = 0;
    for (range, _) in locations.iter_mut() {
        range.start = range.start.max(end);
        end = range.end.max(end);
    }
    locations.retain(|(range, _)| !range.is_empty());
    join(locations);
}

struct Follower<'a> {
    code: &'a CompiledCode,
    blocks: BTreeMap<u32, &'a [Instruction]>,
    sizes: &'a [u32],
    /// The offsets of exception handlers, by the offsets after calls.
    calls: BTreeMap<u32, Vec<u32>>,
    /// The values that are in locations from an offset on.
    seeds: BTreeMap<u32, Vec<(Location, usize)>>,
    /// The distance from the stack pointer up to the frame pointer.
    frame_size: i32,
    info: InstructionInfoFactory,
    /// The states at the starts of the blocks that were reached.
    entries: BTreeMap<u32, State>,
    /// The blocks whose state has changed since they were followed.
    open: Vec<u32>,
}

/// The knowledge at an instruction.
#[derive(Clone, Default)]
struct State {
    /// The number of the value in each location, and the offset since which it is there.
    held: BTreeMap<Location, (usize, u32)>,
    /// The knowledge before in the same block.
    ended: Vec<(usize, Range<u32>, Location)>,
}

impl State {
    fn hold(&mut self, location: Location, value: usize, from: u32) {
        self.end(location, from);
        self.held.insert(location, (value, from));
    }

    fn end(&mut self, location: Location, at: u32) {
        if let Some((value, since)) = self.held.remove(&location) {
            self.ended.push((value, since..at, location));
        }
    }

    fn end_all(&mut self, at: u32, is_ended: impl Fn(Location, usize) -> bool) {
        let ended = self.held.iter().filter(|&(&location, &(value, _))| is_ended(location, value));
        let ended: Vec<Location> = ended.map(|(&location, _)| location).collect();
        ended.into_iter().for_each(|location| self.end(location, at));
    }
}

impl Follower<'_> {
    /// Accepts the seeds whose condition holds. Cranelift counts offsets in the frame from where the return address was
    /// before it made room for the arguments of tail calls.
    fn plant(&mut self, seeds: &[Seed], growth: i32) {
        for seed in seeds {
            if seed.unwritten.is_some_and(|end| self.is_written(seed.location, seed.at..end)) {
                continue;
            }
            let location = match seed.location {
                Location::Frame(offset) => Location::Frame(offset + growth),
                location => location,
            };
            self.seeds.entry(seed.at).or_default().push((location, seed.value));
        }
    }

    /// Returns whether an instruction of the range, other than the last one, writes a register.
    fn is_written(&mut self, register: Location, range: Range<u32>) -> bool {
        let first = self.blocks.range(..=range.start).next_back().map_or(0, |(&start, _)| start);
        let blocks: Vec<&[Instruction]> = self.blocks.range(first..range.end).map(|(_, &block)| block).collect();
        let inside = blocks.into_iter().flatten().filter(|instruction| range.contains(&instruction.ip32()));
        let mut state = State::default();
        let mut is_written = false;
        for instruction in inside.filter(|instruction| instruction.next_ip32() < range.end) {
            state.hold(register, 0, instruction.ip32());
            self.write(instruction, &mut state);
            is_written |= !state.held.contains_key(&register);
        }
        is_written
    }

    /// Merges a state into that at the start of a block.
    fn arrive(&mut self, start: u32, state: &State) {
        let before = self.entries.get(&start).map(|entry| entry.held.len());
        let entry = self.entries.entry(start).or_insert_with(|| State { held: state.held.clone(), ended: Vec::new() });
        entry.held.retain(|location, (value, since)| {
            *since = start;
            state.held.get(location).is_some_and(|(other, _)| other == value)
        });
        if before != Some(entry.held.len()) {
            self.open.push(start);
        }
    }

    /// Follows the values through a block and to its successors. Returns where they were.
    fn pass(&mut self, start: u32) -> Vec<(usize, Range<u32>, Location)> {
        let mut state = self.entries[&start].clone();
        let block = self.blocks.get(&start).copied().unwrap_or_default();
        for instruction in block {
            for (location, value) in self.seeds.get(&instruction.ip32()).cloned().unwrap_or_default() {
                state.hold(location, value, instruction.ip32());
            }
            self.write(instruction, &mut state);
            self.leave(start, instruction, &state);
        }
        let Some(last) = block.last() else { return Vec::new() };
        if !ends_block(last) {
            self.arrive(last.next_ip32(), &state);
        }
        state.end_all(last.next_ip32(), |_, _| true);
        state.ended
    }

    /// Passes the state after an instruction to the blocks that it may lead to, other than the next one.
    fn leave(&mut self, block: u32, instruction: &Instruction, state: &State) {
        let code = self.code;
        if let Some(target) = jump_target(instruction, code.buffer.data().len()) {
            self.arrive(target, state);
        }
        match instruction.flow_control() {
            // A jump through a table.
            FlowControl::IndirectBranch => {
                let from = code.bb_starts.iter().copied().filter(|&from| from <= block).max();
                for &(_, target) in code.bb_edges.iter().filter(|(edge, _)| Some(*edge) == from) {
                    self.arrive(target, state);
                }
            }
            FlowControl::Call | FlowControl::IndirectCall => {
                for target in self.calls.get(&instruction.next_ip32()).cloned().unwrap_or_default() {
                    self.arrive(target, state);
                }
            }
            _ => {}
        }
    }

    /// Applies what an instruction writes. It is done when the next instruction starts: while a call lasts, the
    /// caller's registers are not what they were.
    fn write(&mut self, instruction: &Instruction, state: &mut State) {
        let during = instruction.ip32() + 1;
        if instruction.mnemonic() == Mnemonic::Call {
            // Where an exception can be caught, no register is preserved.
            let preserves = self.calls.get(&instruction.next_ip32()).is_some_and(Vec::is_empty);
            return state.end_all(during, |location, _| match location {
                Location::Register(number) => !(preserves && preserved_numbers().any(|preserved| preserved == number)),
                _ => false,
            });
        }
        let copied = self.copy(instruction).and_then(|(from, to, bytes)| {
            let &(value, _) = state.held.get(&from)?;
            (self.sizes.get(value).is_some_and(|&size| size <= bytes)).then_some((to, value))
        });
        let info = self.info.info(instruction);
        for used in info.used_registers().iter().filter(|used| is_write(used.access())) {
            match location(used.register()) {
                Some(register) => state.end(register, during),
                None if used.register() == Register::RSP => {
                    state.end_all(during, |location, _| matches!(location, Location::Frame(_)));
                }
                None => {}
            }
        }
        for used in info.used_memory().iter().filter(|used| is_write(used.access())) {
            if let Some(base) = frame_base(used.base(), self.frame_size) {
                let start = base.saturating_add(used.displacement().cast_signed() as i32);
                let size = used.memory_size().size() as i32;
                let is_known = size > 0 && used.index() == Register::None;
                state.end_all(during, |location, value| {
                    let Location::Frame(slot) = location else { return false };
                    !is_known || slot < start.saturating_add(size) && start < slot + self.sizes[value] as i32
                });
            }
        }
        if let Some((to, value)) = copied {
            state.hold(to, value, instruction.next_ip32());
        }
    }

    /// Returns the location that an instruction copies, the register that it copies to, and how many bytes.
    fn copy(&self, instruction: &Instruction) -> Option<(Location, Location, u32)> {
        let register = instruction.op0_register();
        let bytes = match instruction.mnemonic() {
            Mnemonic::Mov => register.size() as u32,
            Mnemonic::Movss | Mnemonic::Vmovss => 4,
            Mnemonic::Movsd | Mnemonic::Vmovsd => 8,
            Mnemonic::Movaps | Mnemonic::Movups | Mnemonic::Movdqa | Mnemonic::Movdqu => 16,
            Mnemonic::Vmovaps | Mnemonic::Vmovups | Mnemonic::Vmovdqa | Mnemonic::Vmovdqu => 16,
            _ => return None,
        };
        let to = location(register)?;
        let from = match (instruction.op_count(), instruction.op1_kind()) {
            (2, OpKind::Register) => location(instruction.op1_register())?,
            (2, OpKind::Memory) if instruction.memory_index() == Register::None => {
                let base = frame_base(instruction.memory_base(), self.frame_size)?;
                Location::Frame(base.checked_add(instruction.memory_displacement64().cast_signed() as i32)?)
            }
            _ => return None,
        };
        Some((from, to, bytes))
    }
}

/// The DWARF numbers of the general registers, in the order of their encoding.
const GENERAL: [u16; 16] = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];

/// Returns the location of the values in a register, or in a part of it; `None` if it holds none.
fn location(register: Register) -> Option<Location> {
    let full = register.full_register();
    let number = full.number();
    match full {
        Register::RSP | Register::RBP => None,
        _ if full.is_gpr() => Some(Location::Register(GENERAL[number])),
        _ if full.is_vector_register() => Some(Location::Register(17 + number as u16)),
        _ => None,
    }
}

/// Returns the distance of a register of the frame from the canonical frame address.
fn frame_base(register: Register, frame_size: i32) -> Option<i32> {
    match register {
        Register::RSP => Some(-LINK - frame_size),
        Register::RBP => Some(-LINK),
        _ => None,
    }
}

/// Returns the DWARF numbers of the registers that calls preserve.
fn preserved_numbers() -> impl Iterator<Item = u16> {
    PRESERVED.iter().map(|(_, number)| number.0)
}

fn is_write(access: OpAccess) -> bool {
    matches!(access, OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite)
}
