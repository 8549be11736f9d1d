//! Call frame rules from machine code: where the caller's registers are, at each instruction of a function.
//!
//! Cranelift describes a prologue and takes its rules to hold up to the end of the function. They do not hold in
//! epilogues, and while a function with tail calls makes room for more arguments. So the rules are made here, from the
//! finished code, which is decoded block by block. Every block begins with a complete frame, and only these sequences
//! change it:
//!
//! ```text
//! push rbp                       CFA = rsp + 16, rbp at CFA - 16
//! mov rbp, rsp                   CFA = rbp + 16
//!   sub rsp, n; mov rbp, rsp     CFA = rbp + 16 + n    room for arguments of tail calls: the saved rbp and the return
//!   (moves by way of r11)        CFA = rbp + 16        address move down
//!   sub rsp, n; mov [rsp+..], r  r at CFA - ..         registers that the System V convention saves
//!   ..
//!   mov r, [rsp+..]; add rsp, n
//! mov rsp, rbp                   r in place
//! pop rbp                        CFA = rsp + 8, rbp in place
//!   (moves); add rsp, n          CFA = rsp + 8         the return address moves up, for a tail call
//! ret, or jmp for a tail call
//! ```
//!
//! The CFA is the address above the return address, so that it moves when the return address does.

use gimli::write::CallFrameInstruction;
use gimli::{Register as Dwarf, X86_64};
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use std::collections::BTreeMap;
use std::ops::Range;

/// The registers that the System V convention preserves, beside rbp and rsp, with their DWARF numbers.
pub(super) const PRESERVED: [(Register, Dwarf); 5] = [
    (Register::RBX, X86_64::RBX),
    (Register::R12, X86_64::R12),
    (Register::R13, X86_64::R13),
    (Register::R14, X86_64::R14),
    (Register::R15, X86_64::R15),
];

/// The size of the return address and the saved rbp.
pub(super) const LINK: i32 = 16;

/// Returns the call frame instructions of a function, each with the offset that it holds from. They follow those of the
/// CIE, which describe the first instruction. `blocks` are the offsets at which basic blocks start, after the prologue,
/// sorted: those that only a jump to a known offset leads to may be absent.
///
/// # Errors
/// The reason, if the code has a form that Cranelift does not make.
pub(in crate::compile) fn call_frame_rules(
    code: &[u8],
    blocks: &[u32],
) -> Result<Vec<(u32, CallFrameInstruction)>, String> {
    let mut sweep = Sweep { length: code.len() as u64, rules: Vec::new(), saved: Vec::new() };
    let mut instructions = Vec::new();
    // Cranelift does not count the prologue as a part of the first block.
    let prologue = blocks.first().map_or(code.len(), |&first| first as usize);
    decode(&code[..prologue], 0, &mut instructions)?;
    sweep.prologue(&instructions)?;
    instructions.clear();
    let blocks = decode_blocks(code, blocks, &mut instructions)?;
    let ends = blocks.keys().skip(1).copied().chain([code.len() as u32]);
    for (block, end) in blocks.values().zip(ends) {
        let block = &instructions[block.clone()];
        // A jump may lead into a block that was decoded before the jump was.
        let block = &block[..block.partition_point(|instruction| instruction.ip32() < end)];
        for pop in (0..block.len()).filter(|&position| pops_frame(&block[position])) {
            sweep.epilogue(block, pop)?;
        }
    }
    Ok(sweep.rules)
}

/// Decodes all blocks that can be reached from these: some that jumps lead to are not known to Cranelift any more, or
/// are parts of its instructions. Returns the offset of each, and where its instructions are in `instructions`.
pub(super) fn decode_blocks(
    code: &[u8],
    blocks: &[u32],
    instructions: &mut Vec<Instruction>,
) -> Result<BTreeMap<u32, Range<usize>>, String> {
    let (mut found, mut open) = (BTreeMap::<u32, Range<usize>>::new(), blocks.to_vec());
    // From the last one back, so that each ends where the next one starts, which is known.
    while let Some(start) = open.pop() {
        if found.contains_key(&start) {
            continue;
        }
        let end = found.range(start..).next().map_or(code.len(), |(&next, _)| next as usize);
        let first = instructions.len();
        decode(&code[..end], start, instructions)?;
        open.extend(instructions[first..].iter().filter_map(|instruction| jump_target(instruction, code.len())));
        found.insert(start, first..instructions.len());
    }
    Ok(found)
}

/// Decodes the block that starts at `start`, up to an instruction that ends it.
fn decode(code: &[u8], start: u32, instructions: &mut Vec<Instruction>) -> Result<(), String> {
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    decoder.set_position(start as usize).map_err(|error| error.to_string())?;
    decoder.set_ip(start.into());
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return Err(format!("the bytes at {:#x} of a function are no instruction", instruction.ip()));
        }
        instructions.push(instruction);
        if ends_block(&instruction) {
            break;
        }
    }
    Ok(())
}

/// Returns the target of a jump within the function. A tail call, which is not linked yet, seems to lead to the next
/// instruction, and no jump within a function does.
pub(super) fn jump_target(instruction: &Instruction, length: usize) -> Option<u32> {
    let jumps = instruction.op0_kind() == OpKind::NearBranch64 && instruction.mnemonic() != Mnemonic::Call;
    let target = instruction.near_branch_target();
    let is_inside = target < length as u64 && target != instruction.next_ip();
    (jumps && is_inside).then_some(target as u32)
}

/// Returns by how much a prologue moves the return address down, to make room for the arguments of tail calls.
pub(super) fn frame_growth(prologue: &[u8]) -> i32 {
    let mut instructions = Vec::new();
    if decode(prologue, 0, &mut instructions).is_err() {
        return 0;
    }
    let grows = |pair: &&[Instruction]| is_move(&pair[1], FRAME_SET) && pushes_down(&pair[0]).is_some();
    instructions.windows(2).find(grows).and_then(|pair| pushes_down(&pair[0])).unwrap_or(0)
}

struct Sweep {
    /// The length of the function.
    length: u64,
    rules: Vec<(u32, CallFrameInstruction)>,
    /// The preserved registers that the prologue saves.
    saved: Vec<Dwarf>,
}

impl Sweep {
    /// Adds a rule that holds after an instruction.
    fn after(&mut self, instruction: &Instruction, rule: CallFrameInstruction) {
        self.rules.push((instruction.next_ip32(), rule));
    }

    /// Reads the prologue.
    fn prologue(&mut self, instructions: &[Instruction]) -> Result<(), String> {
        let [push, set, rest @ ..] = instructions else { return Err(NO_FRAME.to_owned()) };
        if push.code() != Code::Push_r64 || push.op0_register() != Register::RBP || !is_move(set, FRAME_SET) {
            return Err(NO_FRAME.to_owned());
        }
        self.after(push, CallFrameInstruction::CfaOffset(LINK));
        self.after(push, CallFrameInstruction::Offset(X86_64::RBP, -LINK));
        self.after(set, CallFrameInstruction::CfaRegister(X86_64::RBP));
        // The check of the stack limit comes first, and leaves by a jump if it fails.
        let Some(next) = rest.iter().position(changes_stack) else { return Ok(()) };
        let mut rest = &rest[next..];
        if let [room, set, moves @ ..] = rest
            && let Some(size) = pushes_down(room)
            && is_move(set, FRAME_SET)
        {
            let (moves, frame) = moves.split_at_checked(4).ok_or(UNKNOWN_GROWTH)?;
            self.growth(set, moves, size)?;
            rest = frame;
        }
        if let [room, stores @ ..] = rest
            && let Some(size) = pushes_down(room)
        {
            self.saves(stores, size);
        }
        Ok(())
    }

    /// Reads the moves of the saved rbp and of the return address, which go down by `size`.
    fn growth(&mut self, set: &Instruction, moves: &[Instruction], size: i32) -> Result<(), String> {
        let slots = [i64::from(size), 0, i64::from(size) + 8, 8];
        if !moves.iter().zip(slots).all(|(step, slot)| stack_slot(step) == Some(slot)) {
            return Err(UNKNOWN_GROWTH.to_owned());
        }
        self.after(set, CallFrameInstruction::CfaOffset(LINK + size));
        self.after(&moves[3], CallFrameInstruction::CfaOffset(LINK));
        Ok(())
    }

    /// Reads the stores of preserved registers into a frame that reaches down by `size` from the saved rbp.
    fn saves(&mut self, stores: &[Instruction], size: i32) {
        for store in stores {
            let Some((slot, register)) = saves_register(store) else { return };
            self.after(store, CallFrameInstruction::Offset(register, slot as i32 - size - LINK));
            self.saved.push(register);
        }
    }

    /// Reads the end of a block in which the frame is left, by the instruction number `pop`.
    fn epilogue(&mut self, instructions: &[Instruction], pop: usize) -> Result<(), String> {
        let (body, end) = instructions.split_at(pop);
        let end = end.split_inclusive(leaves_function).next().unwrap_or_default();
        let restored: Vec<_> = body.iter().filter_map(restores_register).collect();
        let [before @ .., reset] = body else { return Err(UNKNOWN_EPILOGUE.to_owned()) };
        if !is_move(reset, FRAME_RESET) || !restored.ends_with(&self.saved) {
            return Err(UNKNOWN_EPILOGUE.to_owned());
        }
        let [pop, rest @ .., last] = end else { return Err(UNKNOWN_EPILOGUE.to_owned()) };
        if !rest.iter().all(keeps_return_address) || !leaves_function(last) {
            return Err(UNKNOWN_EPILOGUE.to_owned());
        }
        // The slots of saved registers are below the stack pointer once it is moved back.
        let remember = before.last().filter(|_| !self.saved.is_empty()).unwrap_or(pop);
        self.after(remember, CallFrameInstruction::RememberState);
        for register in self.saved.clone() {
            self.after(remember, CallFrameInstruction::Restore(register));
        }
        self.after(pop, CallFrameInstruction::Cfa(X86_64::RSP, 8));
        self.after(pop, CallFrameInstruction::Restore(X86_64::RBP));
        if last.next_ip() < self.length {
            self.after(last, CallFrameInstruction::RestoreState);
        }
        Ok(())
    }
}

const NO_FRAME: &str = "a function does not begin with a frame";
const UNKNOWN_GROWTH: &str = "a function makes room for the arguments of a tail call in an unknown way";
const UNKNOWN_EPILOGUE: &str = "a function leaves its frame in an unknown way";

/// `mov rbp, rsp`.
const FRAME_SET: [Register; 2] = [Register::RBP, Register::RSP];
/// `mov rsp, rbp`.
const FRAME_RESET: [Register; 2] = [Register::RSP, Register::RBP];

fn is_move(instruction: &Instruction, [to, from]: [Register; 2]) -> bool {
    let registers = [instruction.op0_register(), instruction.op1_register()];
    instruction.mnemonic() == Mnemonic::Mov && registers == [to, from]
}

/// Returns `n` of `sub rsp, n`.
fn pushes_down(instruction: &Instruction) -> Option<i32> {
    let subtracts = matches!(instruction.code(), Code::Sub_rm64_imm8 | Code::Sub_rm64_imm32);
    let size = || i32::try_from(instruction.immediate(1).cast_signed()).ok();
    (subtracts && instruction.op0_register() == Register::RSP).then(size)?
}

/// Returns whether the instruction moves the stack pointer, or leads elsewhere. A conditional jump does not: in a
/// prologue it leads to a trap.
fn changes_stack(instruction: &Instruction) -> bool {
    let moves = instruction.op0_register() == Register::RSP && instruction.mnemonic() != Mnemonic::Cmp;
    moves || ends_block(instruction) || instruction.mnemonic() == Mnemonic::Call
}

/// `pop rbp`.
fn pops_frame(instruction: &Instruction) -> bool {
    instruction.code() == Code::Pop_r64 && instruction.op0_register() == Register::RBP
}

pub(super) fn ends_block(instruction: &Instruction) -> bool {
    leaves_function(instruction) || instruction.mnemonic() == Mnemonic::Ud2
}

/// A return, or a jump: for a tail call, or within the function.
fn leaves_function(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Ret | Mnemonic::Jmp)
}

/// Returns `n` of a 64-bit move between a register and `[rsp + n]`.
fn stack_slot(instruction: &Instruction) -> Option<i64> {
    let moves = matches!(instruction.code(), Code::Mov_r64_rm64 | Code::Mov_rm64_r64);
    let memory = [instruction.op0_kind(), instruction.op1_kind()].contains(&OpKind::Memory);
    let on_stack = instruction.memory_base() == Register::RSP && instruction.memory_index() == Register::None;
    (moves && memory && on_stack).then(|| instruction.memory_displacement64().cast_signed())
}

/// Returns the slot above rsp and the register, if the instruction stores a preserved register.
fn saves_register(instruction: &Instruction) -> Option<(i64, Dwarf)> {
    let register = preserved(instruction.op1_register()).filter(|_| instruction.op0_kind() == OpKind::Memory)?;
    Some((stack_slot(instruction)?, register))
}

/// Returns the register, if the instruction loads a preserved register from the stack.
fn restores_register(instruction: &Instruction) -> Option<Dwarf> {
    let register = preserved(instruction.op0_register()).filter(|_| instruction.op1_kind() == OpKind::Memory)?;
    stack_slot(instruction).map(|_| register)
}

fn preserved(register: Register) -> Option<Dwarf> {
    PRESERVED.iter().find(|(name, _)| *name == register).map(|&(_, dwarf)| dwarf)
}

/// Returns whether an instruction after `pop rbp` leaves the return address where the CFA says: a move, or what takes
/// arguments off the stack once the return address has moved up.
fn keeps_return_address(instruction: &Instruction) -> bool {
    let removes = matches!(instruction.code(), Code::Add_rm64_imm8 | Code::Add_rm64_imm32);
    match instruction.op0_register() {
        Register::RSP => removes,
        Register::RBP => false,
        _ => instruction.mnemonic() == Mnemonic::Mov,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimli::write::CallFrameInstruction::{
        Cfa, CfaOffset, CfaRegister, Offset, RememberState, Restore, RestoreState,
    };

    /// `push rbp; mov rbp, rsp`.
    const ENTER: &[u8] = &[0x55, 0x48, 0x89, 0xe5];
    /// `mov rsp, rbp; pop rbp`.
    const LEAVE: &[u8] = &[0x48, 0x89, 0xec, 0x5d];
    const RET: &[u8] = &[0xc3];

    /// Returns the rules of a function: of its prologue, and of blocks.
    fn rules(prologue: &[&[u8]], blocks: &[&[&[u8]]]) -> Result<Vec<(u32, CallFrameInstruction)>, String> {
        let (mut code, mut starts) = (prologue.concat(), Vec::new());
        for block in blocks {
            starts.push(code.len() as u32);
            code.extend(block.concat());
        }
        call_frame_rules(&code, &starts)
    }

    /// The rules up to the frame pointer.
    fn frame() -> Vec<(u32, CallFrameInstruction)> {
        vec![(1, CfaOffset(16)), (1, Offset(X86_64::RBP, -16)), (4, CfaRegister(X86_64::RBP))]
    }

    fn popped(at: u32) -> [(u32, CallFrameInstruction); 3] {
        [(at, RememberState), (at, Cfa(X86_64::RSP, 8)), (at, Restore(X86_64::RBP))]
    }

    #[test]
    fn each_epilogue_has_rules() {
        let jump = [0xeb, 0];
        let found = rules(&[ENTER], &[&[LEAVE, RET], &[LEAVE, &jump], &[&[0x0f, 0x0b]]]);
        let expected =
            [frame(), popped(8).into(), vec![(9, RestoreState)], popped(13).into(), vec![(15, RestoreState)]];
        assert_eq!(found, Ok(expected.concat()));
        assert_eq!(rules(&[ENTER], &[&[LEAVE, RET]]), Ok([frame(), popped(8).into()].concat()));
    }

    #[test]
    fn data_between_blocks_is_not_decoded() {
        let jump_through_table = [0xff, 0xe0];
        let found = rules(&[ENTER], &[&[&jump_through_table, &[0x06, 0x5d]], &[LEAVE, RET]]);
        assert_eq!(found, Ok([frame(), popped(12).into()].concat()));
    }

    /// Some instructions jump over a trap of their own.
    #[test]
    fn a_trap_need_not_end_a_block() {
        let over_a_trap = [0x71, 2, 0x0f, 0x0b];
        let to_a_trap = [0x70, 5];
        let found = rules(&[ENTER], &[&[&over_a_trap, LEAVE, RET]]);
        assert_eq!(found, Ok([frame(), popped(12).into()].concat()));
        let found = rules(&[ENTER], &[&[&to_a_trap, LEAVE, RET, &[0x0f, 0x0b, 0x06, 0x5d]]]);
        assert_eq!(found, Ok([frame(), popped(10).into(), vec![(11, RestoreState)]].concat()));
        assert_eq!(rules(&[ENTER], &[&[&[0x0f, 0x0b], LEAVE, RET]]), Ok(frame()), "no jump leads to the rest");
    }

    /// Cranelift no longer knows a block whose jump it has moved into another one.
    #[test]
    fn jumps_lead_to_further_blocks() {
        let (forward, back) = ([0xeb, 5], [0xeb, 0xf9]);
        let code = [ENTER, &forward, LEAVE, RET, &back].concat();
        let expected = [frame(), popped(10).into(), vec![(11, RestoreState)]].concat();
        assert_eq!(call_frame_rules(&code, &[4]), Ok(expected));
        // Into a block that is known as a part of another one.
        let (nop, back) = ([0x90], [0x74, 0xfc]);
        let code = [ENTER, &nop, &nop, &nop, &back, LEAVE, RET].concat();
        assert_eq!(call_frame_rules(&code, &[4]), Ok([frame(), popped(13).into()].concat()));
    }

    #[test]
    fn saved_registers_are_back_before_the_stack_pointer_is() {
        let room = [0x48, 0x83, 0xec, 0x20];
        let saves: &[u8] = &[0x48, 0x89, 0x5c, 0x24, 0x10, 0x4c, 0x89, 0x64, 0x24, 0x18];
        let restores: &[u8] = &[0x48, 0x8b, 0x5c, 0x24, 0x10, 0x4c, 0x8b, 0x64, 0x24, 0x18];
        let back = [0x48, 0x83, 0xc4, 0x20];
        let found = rules(&[ENTER, &room, saves], &[&[restores, &back, LEAVE, RET]]);
        let saved = vec![(13, Offset(X86_64::RBX, -32)), (18, Offset(X86_64::R12, -24))];
        let restored = vec![(32, RememberState), (32, Restore(X86_64::RBX)), (32, Restore(X86_64::R12))];
        let popped = vec![(36, Cfa(X86_64::RSP, 8)), (36, Restore(X86_64::RBP))];
        assert_eq!(found, Ok([frame(), saved, restored, popped].concat()));
        let unknown = rules(&[ENTER, &room, saves], &[&[&back, LEAVE, RET]]);
        assert_eq!(unknown, Err(UNKNOWN_EPILOGUE.to_owned()), "the registers are not restored");
    }

    #[test]
    fn other_code_is_refused() {
        let refused = |why: &str, prologue: &[&[u8]], block: &[&[u8]]| {
            let error = rules(prologue, &[block]).expect_err(why);
            assert!(error.contains(why), "{error}");
        };
        refused("does not begin with a frame", &[&[0x90]], &[RET]);
        refused("does not begin with a frame", &[&ENTER[..1]], &[RET]);
        refused("no instruction", &[ENTER], &[&[0x06]]);
        refused("leaves its frame", &[ENTER], &[&LEAVE[3..], RET]);
        refused("leaves its frame", &[ENTER], &[LEAVE]);
        refused("leaves its frame", &[ENTER], &[LEAVE, &[0x48, 0x83, 0xec, 8], RET]);
        refused("makes room", &[ENTER, &[0x48, 0x83, 0xec, 0x20, 0x48, 0x89, 0xe5]], &[LEAVE, RET]);
    }
}
