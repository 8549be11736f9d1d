//! Positions of an instruction in a function: code in front of it and around it, which moves its offset and its block.

use super::{Body, COUNTDOWN, Piece, ZERO};
use arbitrary::{Result, Unstructured};
use lanes::Features;
use wasm_encoder::{BlockType, Catch, Instruction as I};

/// The number of locals besides the parameter. All are of type `i32`.
pub(super) const LOCALS: u32 = 3;
/// The local for the result of a call.
pub(super) const RESULT: u32 = 2;
/// The counter of a loop.
const COUNTER: u32 = 1;

/// Emits what `inside` emits, which leaves the operand stack as it was, at a random position.
pub(super) fn around(
    u: &mut Unstructured<'_>,
    features: Features,
    body: &mut Body,
    inside: impl FnOnce(&mut Unstructured<'_>, &mut Body) -> Result<()>,
) -> Result<()> {
    let mut ends = 0;
    for _ in 0..u.int_in_range(0..=3)? {
        ends += move_once(u, features, body)?;
    }
    inside(u, body)?;
    (0..ends).for_each(|_| body.push(I::End));
    Ok(())
}

/// Emits code in front of a position. Returns the number of blocks that it opened.
fn move_once(u: &mut Unstructured<'_>, features: Features, body: &mut Body) -> Result<u32> {
    match u.int_in_range(0..=10)? {
        0 => long_constants(u, body)?,
        1 => padded_constants(u, body)?,
        // Rarely so much that offsets need three bytes.
        2 if u.ratio(1, 30)? => (0..0x4100).for_each(|_| body.push(I::Nop)),
        2 => (0..u.int_in_range(1..=140)?).for_each(|_| body.push(I::Nop)),
        3 => {
            count_in_loop(u, body)?;
            return Ok(1);
        }
        4 => unreached_tail(body),
        5 => {
            body.push(I::Block(BlockType::Empty));
            return Ok(1);
        }
        6 => {
            body.extend([I::GlobalGet(ZERO), I::I32Eqz, I::If(BlockType::Empty)]);
            return Ok(1);
        }
        7 => {
            body.extend([I::GlobalGet(ZERO), I::If(BlockType::Empty), I::Unreachable, I::Else]);
            return Ok(1);
        }
        8 => {
            // The position is in the last of three arms.
            (0..3).for_each(|_| body.push(I::Block(BlockType::Empty)));
            body.extend([I::GlobalGet(ZERO), I::BrTable(vec![0, 1].into(), 2), I::End, I::End]);
            return Ok(1);
        }
        9 if features.contains(Features::EXCEPTIONS) => {
            // No clause catches a trap.
            body.push(I::Block(BlockType::Empty));
            body.push(I::TryTable(BlockType::Empty, vec![Catch::All { label: 0 }].into()));
            return Ok(2);
        }
        _ => {}
    }
    Ok(0)
}

/// Emits constants with encodings of up to ten bytes.
fn long_constants(u: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
    for _ in 0..u.int_in_range(1..=20)? {
        let constants = [I::I64Const(i64::MIN), I::I32Const(i32::MIN), I::V128Const(1), I::I64Const(1)];
        let constant = u.choose(&constants)?.clone();
        body.extend([constant, I::Drop]);
    }
    Ok(())
}

/// Emits constants and local accesses in longer encodings than they need.
fn padded_constants(u: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
    const PADDED: [&[u8]; 4] = [
        // i32.const 0, drop
        &[0x41, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a],
        // i64.const 0, drop
        &[0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a],
        // local.get 0, drop
        &[0x20, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a],
        // global.get 0, drop
        &[0x23, 0x80, 0x80, 0x00, 0x1a],
    ];
    for _ in 0..u.int_in_range(1..=20)? {
        body.pieces.push(Piece::Raw(u.choose(&PADDED)?.to_vec()));
    }
    Ok(())
}

/// Opens a loop that goes on until a few iterations are over.
fn count_in_loop(u: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
    let iterations = u.int_in_range(1..=5)?;
    body.extend([I::I32Const(0), I::LocalSet(COUNTER), I::Loop(BlockType::Empty), I::LocalGet(COUNTER)]);
    body.extend([I::I32Const(1), I::I32Add, I::LocalTee(COUNTER), I::I32Const(iterations), I::I32LtS, I::BrIf(0)]);
    Ok(())
}

/// Emits code that is not reached, in which trapping instructions stand.
fn unreached_tail(body: &mut Body) {
    body.extend([I::Block(BlockType::Empty), I::Br(0)]);
    body.extend([
        I::GlobalGet(COUNTDOWN),
        I::I32Const(0),
        I::I32DivS,
        I::Drop,
        I::Unreachable,
        I::I32Load(super::leaf::at(0)),
    ]);
    body.extend([I::Drop, I::End]);
}
