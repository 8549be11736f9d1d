//! Leaves that access memories around their ends: loads, stores, lanes, atomics, bulk operations.

use super::body::Body;
use super::{Memory, Plan, SEGMENT_LEN, index};
use arbitrary::{Result, Unstructured};
use wasm_encoder::{Instruction as I, MemArg, MemArgTarget, ValType};

/// An instruction, the logarithm of its width, and its type.
type MemoryOperation = (fn(MemArg) -> I<'static>, u32, ValType);

/// The loads.
const LOADS: &[MemoryOperation] = &[
    (I::I32Load, 2, ValType::I32),
    (I::I32Load8S, 0, ValType::I32),
    (I::I32Load8U, 0, ValType::I32),
    (I::I32Load16S, 1, ValType::I32),
    (I::I32Load16U, 1, ValType::I32),
    (I::I64Load, 3, ValType::I64),
    (I::I64Load8S, 0, ValType::I64),
    (I::I64Load8U, 0, ValType::I64),
    (I::I64Load16S, 1, ValType::I64),
    (I::I64Load16U, 1, ValType::I64),
    (I::I64Load32S, 2, ValType::I64),
    (I::I64Load32U, 2, ValType::I64),
    (I::F32Load, 2, ValType::F32),
    (I::F64Load, 3, ValType::F64),
    (I::V128Load, 4, ValType::V128),
    (I::V128Load8x8S, 3, ValType::V128),
    (I::V128Load16x4U, 3, ValType::V128),
    (I::V128Load32x2S, 3, ValType::V128),
    (I::V128Load8Splat, 0, ValType::V128),
    (I::V128Load16Splat, 1, ValType::V128),
    (I::V128Load32Splat, 2, ValType::V128),
    (I::V128Load64Splat, 3, ValType::V128),
    (I::V128Load32Zero, 2, ValType::V128),
    (I::V128Load64Zero, 3, ValType::V128),
];

/// The stores.
const STORES: &[MemoryOperation] = &[
    (I::I32Store, 2, ValType::I32),
    (I::I32Store8, 0, ValType::I32),
    (I::I32Store16, 1, ValType::I32),
    (I::I64Store, 3, ValType::I64),
    (I::I64Store8, 0, ValType::I64),
    (I::I64Store16, 1, ValType::I64),
    (I::I64Store32, 2, ValType::I64),
    (I::F32Store, 2, ValType::F32),
    (I::F64Store, 3, ValType::F64),
    (I::V128Store, 4, ValType::V128),
];

type LaneOperation = fn(MemArg, u8) -> I<'static>;

/// The accesses of one lane, each with the logarithm of its width, and whether it loads.
const LANES: &[(LaneOperation, u32, bool)] = &[
    (|memarg, lane| I::V128Load8Lane { memarg, lane }, 0, true),
    (|memarg, lane| I::V128Load16Lane { memarg, lane }, 1, true),
    (|memarg, lane| I::V128Load32Lane { memarg, lane }, 2, true),
    (|memarg, lane| I::V128Load64Lane { memarg, lane }, 3, true),
    (|memarg, lane| I::V128Store8Lane { memarg, lane }, 0, false),
    (|memarg, lane| I::V128Store16Lane { memarg, lane }, 1, false),
    (|memarg, lane| I::V128Store32Lane { memarg, lane }, 2, false),
    (|memarg, lane| I::V128Store64Lane { memarg, lane }, 3, false),
];

/// The atomic loads.
const ATOMIC_LOADS: &[MemoryOperation] = &[
    (I::I32AtomicLoad, 2, ValType::I32),
    (I::I32AtomicLoad8U, 0, ValType::I32),
    (I::I32AtomicLoad16U, 1, ValType::I32),
    (I::I64AtomicLoad, 3, ValType::I64),
    (I::I64AtomicLoad8U, 0, ValType::I64),
    (I::I64AtomicLoad32U, 2, ValType::I64),
];

/// The atomic stores.
const ATOMIC_STORES: &[MemoryOperation] = &[
    (I::I32AtomicStore, 2, ValType::I32),
    (I::I32AtomicStore8, 0, ValType::I32),
    (I::I64AtomicStore, 3, ValType::I64),
    (I::I64AtomicStore16, 1, ValType::I64),
];

/// Atomic instructions that read, modify and write. Operand and result have their type.
const MODIFICATIONS: &[MemoryOperation] = &[
    (I::I32AtomicRmwAdd, 2, ValType::I32),
    (I::I32AtomicRmw8SubU, 0, ValType::I32),
    (I::I32AtomicRmw16XorU, 1, ValType::I32),
    (I::I32AtomicRmwXchg, 2, ValType::I32),
    (I::I32AtomicRmw8AndU, 0, ValType::I32),
    (I::I64AtomicRmwOr, 3, ValType::I64),
    (I::I64AtomicRmw32AddU, 2, ValType::I64),
    (I::I64AtomicRmwSub, 3, ValType::I64),
    (I::I64AtomicRmw8XchgU, 0, ValType::I64),
    (I::I64AtomicRmwAnd, 3, ValType::I64),
];

/// Atomic compare-and-exchange instructions. Both operands and the result have their type.
const EXCHANGES: &[MemoryOperation] = &[
    (I::I32AtomicRmwCmpxchg, 2, ValType::I32),
    (I::I32AtomicRmw8CmpxchgU, 0, ValType::I32),
    (I::I64AtomicRmwCmpxchg, 3, ValType::I64),
    (I::I64AtomicRmw16CmpxchgU, 1, ValType::I64),
];

pub(super) fn load(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let &(operation, width, ty) = u.choose(LOADS)?;
    let memarg = address(u, plan, body, width)?;
    body.push(operation(memarg));
    body.consume(u, plan, ty)
}

pub(super) fn store(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let &(operation, width, ty) = u.choose(STORES)?;
    let memarg = address(u, plan, body, width)?;
    body.value(u, plan, ty)?;
    body.push(operation(memarg));
    Ok(())
}

pub(super) fn lane(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let &(operation, width, loads) = u.choose(LANES)?;
    let memarg = address(u, plan, body, width)?;
    body.value(u, plan, ValType::V128)?;
    body.push(operation(memarg, u.int_in_range(0..=(16 >> width) - 1)?));
    if loads { body.consume(u, plan, ValType::V128) } else { Ok(()) }
}

/// Emits an atomic access, whose address may be unaligned.
pub(super) fn atomic(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let kind = u.int_in_range(0..=7)?;
    let operations = match kind {
        0 | 1 => ATOMIC_LOADS,
        2 | 3 => ATOMIC_STORES,
        4..=6 => MODIFICATIONS,
        _ => EXCHANGES,
    };
    let &(operation, width, ty) = u.choose(operations)?;
    let memarg = MemArg { align: width, ..address(u, plan, body, width)? };
    for _ in 0..operands(kind) {
        body.value(u, plan, ty)?;
    }
    body.push(operation(memarg));
    if matches!(kind, 2 | 3) { Ok(()) } else { body.consume(u, plan, ty) }
}

/// Returns the number of values that an atomic instruction takes besides the address.
fn operands(kind: u8) -> u32 {
    match kind {
        0 | 1 => 0,
        7 => 2,
        _ => 1,
    }
}

/// Emits a wait that times out at once, or a notification that no thread waits for.
pub(super) fn rendezvous(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let (width, ty) = *u.choose(&[(2, ValType::I32), (3, ValType::I64)])?;
    let wakes = u.arbitrary()?;
    let width = if wakes { 2 } else { width };
    let memarg = MemArg { align: width, ..address(u, plan, body, width)? };
    if wakes {
        body.value(u, plan, ValType::I32)?;
        body.push(I::MemoryAtomicNotify(memarg));
    } else {
        body.value(u, plan, ty)?;
        body.push(I::I64Const(0));
        body.push(if ty == ValType::I32 { I::MemoryAtomicWait32(memarg) } else { I::MemoryAtomicWait64(memarg) });
    }
    body.consume(u, plan, ValType::I32)
}

/// Pushes an address of some memory. With the offset, it is usually outside the memory, sometimes at its very end, and
/// sometimes inside.
fn address(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, width: u32) -> Result<MemArg> {
    const OFFSETS: [u64; 12] = [0, 0, 0, 1, 7, 4095, 4096, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];
    const WIDE_OFFSETS: [u64; 10] =
        [0, 0, 1, 8, 4096, 0xffff_ffff, 1 << 32, 1 << 47, i64::MAX.cast_unsigned(), u64::MAX - 7];
    let (number, memory) = choose(u, plan)?;
    let wide = memory.index64;
    // Half of the addresses are aligned enough for every atomic access.
    let near = if u.arbitrary()? { u.int_in_range(-20..=20)? } else { u.int_in_range(-3..=3)? * 16 };
    let mut offset = *u.choose(if wide { &WIDE_OFFSETS[..] } else { &OFFSETS[..] })?;
    match u.int_in_range(0..=4)? {
        // The end of the memory, less the offset if that is small.
        0 | 1 => {
            Edge::Memory(number, memory).push_size(plan, body, wide);
            let back = if offset <= 0xffff { near - offset.cast_signed() } else { near };
            body.plus(wide, back);
        }
        2 => body.index(u, plan, wide, near)?,
        3 => body.index(u, plan, wide, if wide { i64::MIN } else { i64::from(i32::MIN) } + near.abs())?,
        _ => {
            body.value(u, plan, if wide { ValType::I64 } else { ValType::I32 })?;
            offset = u64::from(u.arbitrary::<u16>()?);
        }
    }
    let align = u.int_in_range(0..=width)?;
    Ok(MemArg { offset, align, target: MemArgTarget::Memory(number), ordering: None })
}

fn choose(u: &mut Unstructured<'_>, plan: &Plan) -> Result<(u32, Memory)> {
    let number = u.choose_index(plan.memories.len())?;
    Ok((index(number), plan.memories[number]))
}

pub(super) fn bulk_memory(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let segment = plan.data_segment;
    let ((to, target), (from, source)) = (choose(u, plan)?, choose(u, plan)?);
    let (to_edge, from_edge) = (Edge::Memory(to, target), Edge::Memory(from, source));
    bound(u, plan, body, target.index64, to_edge)?;
    match u.int_in_range(0..=3)? {
        0 => {
            body.value(u, plan, ValType::I32)?;
            length(u, plan, body, target.index64, to_edge)?;
            body.push(I::MemoryFill(to));
        }
        1 => {
            bound(u, plan, body, source.index64, from_edge)?;
            length(u, plan, body, target.index64 && source.index64, from_edge)?;
            body.push(I::MemoryCopy { src_mem: from, dst_mem: to });
        }
        drops => {
            bound(u, plan, body, false, Edge::Segment)?;
            length(u, plan, body, false, Edge::Segment)?;
            // A dropped segment has no bytes left, so that only a length of zero does not trap.
            body.extend((drops == 2).then_some(I::DataDrop(segment)));
            body.push(I::MemoryInit { mem: to, data_index: segment });
        }
    }
    Ok(())
}

/// Grows a memory or the grafted table by a little, which its type may allow or not.
pub(super) fn grow(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let delta = u.int_in_range(0..=4)?;
    let wide = if u.arbitrary()? {
        let (number, memory) = choose(u, plan)?;
        body.index(u, plan, memory.index64, delta)?;
        body.push(I::MemoryGrow(number));
        memory.index64
    } else {
        body.value(u, plan, ValType::FUNCREF)?;
        body.index(u, plan, plan.table64, delta)?;
        body.push(I::TableGrow(plan.table()));
        plan.table64
    };
    body.consume(u, plan, if wide { ValType::I64 } else { ValType::I32 })
}

/// An object whose end an operation may reach.
#[derive(Clone, Copy)]
pub(super) enum Edge {
    Memory(u32, Memory),
    /// The grafted table.
    Table,
    /// A grafted passive segment.
    Segment,
}

impl Edge {
    /// Pushes its size in bytes or elements, as an `i64` if `wide`, else as an `i32`.
    pub(super) fn push_size(self, plan: &Plan, body: &mut Body, wide: bool) {
        let wide_already = match self {
            Edge::Memory(number, memory) => {
                body.push(I::MemorySize(number));
                let shift = i64::from(memory.page_size_log2());
                body.integer(memory.index64, shift);
                body.push(if memory.index64 { I::I64Shl } else { I::I32Shl });
                memory.index64
            }
            Edge::Table => {
                body.push(I::TableSize(plan.table()));
                plan.table64
            }
            Edge::Segment => {
                body.integer(wide, SEGMENT_LEN.into());
                wide
            }
        };
        match (wide_already, wide) {
            (false, true) => body.push(I::I64ExtendI32U),
            (true, false) => body.push(I::I32WrapI64),
            _ => {}
        }
    }
}

/// Pushes the start of a bulk operation: around zero, around the end, or the value of a local.
pub(super) fn bound(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, wide: bool, edge: Edge) -> Result<()> {
    let near = u.int_in_range(-3..=3)?;
    match u.int_in_range(0..=4)? {
        0 | 1 => {
            edge.push_size(plan, body, wide);
            body.plus(wide, near);
            Ok(())
        }
        2 => body.value(u, plan, if wide { ValType::I64 } else { ValType::I32 }),
        _ => body.index(u, plan, wide, near),
    }
}

/// Pushes the length of a bulk operation: often around that of the grafted segments.
pub(super) fn length(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, wide: bool, edge: Edge) -> Result<()> {
    if u.arbitrary()? {
        let length = u.int_in_range(0..=i64::from(SEGMENT_LEN) + 1)?;
        return body.index(u, plan, wide, length);
    }
    bound(u, plan, body, wide, edge)
}
