//! The ends of chains: one for each way to trap.
//!
//! Operands are constants, or come from the parameter or a global, both usually zero, so that some traps are certain at
//! compile time and others only at run time. Ranges end exactly one past the end.

use super::{
    ARRAY, BYTES, Body, FOREIGN_TYPE, HOST_FAIL, HOST_PANIC, LEAF_TAG, MEMORY_LEN, NULLS, Piece, Plan, SEGMENT_LEN,
    STRUCT, SUBSTRUCT, TYPE, ZERO,
};
use arbitrary::{Result, Unstructured};
use lanes::Features;
use wasm_encoder::{AbstractHeapType, HeapType, Instruction as I, MemArg, MemArgTarget};

/// A kind of leaf.
pub(super) struct Leaf {
    pub(super) name: &'static str,
    needs: Features,
    /// Emits the instructions, which leave the operand stack as it was.
    pub(super) emit: fn(&mut Unstructured<'_>, &Plan, &mut Body) -> Result<()>,
}

const fn leaf(
    name: &'static str,
    needs: Features,
    emit: fn(&mut Unstructured<'_>, &Plan, &mut Body) -> Result<()>,
) -> Leaf {
    Leaf { name, needs, emit }
}

const PLAIN: Features = Features::empty();

const LEAVES: &[Leaf] = &[
    leaf("unreachable", PLAIN, |_, _, body| {
        body.push(I::Unreachable);
        Ok(())
    }),
    leaf("divide", PLAIN, divide),
    leaf("overflow", PLAIN, overflow),
    leaf("convert", PLAIN, convert),
    leaf("load", PLAIN, load),
    leaf("store", PLAIN, store),
    leaf("memory", PLAIN, bulk_memory),
    leaf("table", PLAIN, table),
    leaf("element", PLAIN, element),
    leaf("fail", PLAIN, |u, _, body| {
        body.push(I::Call(if u.ratio(1, 4)? { HOST_PANIC } else { HOST_FAIL }));
        Ok(())
    }),
    leaf("null_function", Features::FUNCTION_REFERENCES, null_function),
    leaf("object", Features::GC, object),
    leaf("array", Features::GC, array),
    leaf("cast", Features::GC, cast),
    leaf("atomic", Features::THREADS, atomic),
    leaf("throw", Features::EXCEPTIONS, throw),
    leaf("throw", Features::LEGACY_EXCEPTIONS, throw),
];

/// Returns the names of all leaves.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LEAVES.iter().map(|leaf| leaf.name)
}

pub(super) fn choose(u: &mut Unstructured<'_>, features: Features) -> Result<&'static Leaf> {
    let possible: Vec<_> = LEAVES.iter().filter(|leaf| features.contains(leaf.needs)).collect();
    Ok(u.choose(&possible)?)
}

/// Returns the immediates of an access without alignment.
pub(super) fn at(offset: u64) -> MemArg {
    MemArg { offset, align: 0, target: MemArgTarget::Memory(0), ordering: None }
}

/// Pushes an integer, sometimes in a way that hides it from the optimizer.
fn i32(u: &mut Unstructured<'_>, body: &mut Body, value: i32) -> Result<()> {
    match u.int_in_range(0..=3)? {
        0 => body.push(I::I32Const(value)),
        // In an encoding of five bytes, right before the instruction that traps.
        3 => {
            let bits = |shift: u32| (value >> shift).to_le_bytes()[0];
            let leb = [bits(0) | 0x80, bits(7) | 0x80, bits(14) | 0x80, bits(21) | 0x80, bits(28) & 0x7f];
            body.pieces.push(Piece::Raw([&[0x41], &leb[..]].concat()));
        }
        1 => body.extend([I::LocalGet(0), I::I32Const(value), I::I32Add]),
        _ => body.extend([I::GlobalGet(ZERO), I::I32Const(value), I::I32Xor]),
    }
    Ok(())
}

/// Pushes an integer, sometimes in a way that hides it from the optimizer.
fn i64(u: &mut Unstructured<'_>, body: &mut Body, value: i64) -> Result<()> {
    if u.arbitrary()? {
        body.push(I::I64Const(value));
    } else {
        body.extend([I::LocalGet(0), I::I64ExtendI32S, I::I64Const(value), I::I64Add]);
    }
    Ok(())
}

fn divide(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    let narrow = u.choose(&[I::I32DivS, I::I32DivU, I::I32RemS, I::I32RemU])?.clone();
    let wide = u.choose(&[I::I64DivS, I::I64DivU, I::I64RemS, I::I64RemU])?.clone();
    if u.arbitrary()? {
        i32(u, body, 5)?;
        i32(u, body, 0)?;
        body.push(narrow);
    } else {
        i64(u, body, 5)?;
        i64(u, body, 0)?;
        body.push(wide);
    }
    body.push(I::Drop);
    Ok(())
}

fn overflow(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    if u.arbitrary()? {
        i32(u, body, i32::MIN)?;
        i32(u, body, -1)?;
        body.push(I::I32DivS);
    } else {
        i64(u, body, i64::MIN)?;
        i64(u, body, -1)?;
        body.push(I::I64DivS);
    }
    body.push(I::Drop);
    Ok(())
}

/// Converts a float that is no number, or too large, or exactly one too large.
fn convert(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    if u.arbitrary()? {
        let bits = *u.choose(&[0x7fc0_0000, 0xff80_0000, 0x4f80_0000, 0x5f80_0000, 0xcf80_0000])?;
        body.extend([
            I::F32Const(f32::from_bits(bits).into()),
            I::F32Const(1.0.into()),
            I::LocalGet(0),
            I::I32Eqz,
            I::Select,
        ]);
        body.push(u.choose(&[I::I32TruncF32S, I::I32TruncF32U])?.clone());
    } else {
        let value = *u.choose(&[f64::NAN, f64::NEG_INFINITY, 18_446_744_073_709_551_616.0, 1e300, -1e19])?;
        body.extend([I::F64Const(value.into()), I::F64Const(1.0.into()), I::LocalGet(0), I::I32Eqz, I::Select]);
        body.push(u.choose(&[I::I64TruncF64S, I::I64TruncF64U])?.clone());
    }
    body.push(I::Drop);
    Ok(())
}

/// Pushes an address at which `width` bytes end one past the end of the memory, or further. Returns the constant offset
/// that belongs to it.
fn end_of_memory(u: &mut Unstructured<'_>, body: &mut Body, width: i32) -> Result<u64> {
    let address = MEMORY_LEN - width + 1;
    let (address, offset) = match u.int_in_range(0..=3)? {
        0 => (0, u64::from(address.cast_unsigned())),
        1 => (-1, 0),
        2 => (address - 9, 9),
        _ => (address, 0),
    };
    i32(u, body, address)?;
    Ok(offset)
}

fn load(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    let (width, instruction): (i32, fn(MemArg) -> I<'static>) = *u.choose(&[
        (4, (|at| I::I32Load(at)) as fn(MemArg) -> I<'static>),
        (1, |at| I::I32Load8S(at)),
        (2, |at| I::I64Load16U(at)),
        (8, |at| I::I64Load(at)),
        (8, |at| I::F64Load(at)),
        (16, |at| I::V128Load(at)),
        (8, |at| I::V128Load8x8S(at)),
        (4, |at| I::V128Load32Zero(at)),
    ])?;
    let offset = end_of_memory(u, body, width)?;
    body.extend([instruction(at(offset)), I::Drop]);
    Ok(())
}

fn store(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    let (width, value, instruction): (i32, I<'static>, fn(MemArg) -> I<'static>) = u
        .choose(&[
            (4, I::I32Const(-1), (|at| I::I32Store(at)) as fn(MemArg) -> I<'static>),
            (1, I::I32Const(-1), |at| I::I32Store8(at)),
            (2, I::I64Const(-1), |at| I::I64Store16(at)),
            (8, I::I64Const(-1), |at| I::I64Store(at)),
            (4, I::F32Const(1.0.into()), |at| I::F32Store(at)),
            (16, I::V128Const(-1), |at| I::V128Store(at)),
        ])?
        .clone();
    let offset = end_of_memory(u, body, width)?;
    body.extend([value, instruction(at(offset))]);
    Ok(())
}

/// Pushes start and length of a range that ends exactly one past `end`.
fn range(u: &mut Unstructured<'_>, body: &mut Body, end: i32) -> Result<()> {
    let length = u.int_in_range(0..=end + 1)?;
    i32(u, body, end + 1 - length)?;
    i32(u, body, length)
}

/// Pushes two starts and a length; the range from one of them ends exactly one past the end.
fn two_ranges(u: &mut Unstructured<'_>, body: &mut Body, target_end: i32, source_end: i32) -> Result<()> {
    let first = u.arbitrary()?;
    let (past, within) = if first { (target_end, source_end) } else { (source_end, target_end) };
    let length = u.int_in_range(0..=within.min(past + 1))?;
    i32(u, body, if first { target_end + 1 - length } else { 0 })?;
    i32(u, body, if first { 0 } else { source_end + 1 - length })?;
    i32(u, body, length)
}

fn bulk_memory(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    match u.int_in_range(0..=2)? {
        0 => {
            let length = u.int_in_range(0..=MEMORY_LEN + 1)?;
            i32(u, body, MEMORY_LEN + 1 - length)?;
            body.push(I::I32Const(1));
            i32(u, body, length)?;
            body.push(I::MemoryFill(0));
        }
        1 => {
            two_ranges(u, body, MEMORY_LEN, MEMORY_LEN)?;
            body.push(I::MemoryCopy { src_mem: 0, dst_mem: 0 });
        }
        _ => {
            two_ranges(u, body, MEMORY_LEN, SEGMENT_LEN.cast_signed())?;
            body.push(I::MemoryInit { mem: 0, data_index: 0 });
        }
    }
    Ok(())
}

fn table(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    match u.int_in_range(0..=4)? {
        0 => {
            body.extend([I::TableSize(0), I::TableGet(0), I::Drop]);
        }
        1 => body.extend([I::TableSize(0), I::RefNull(HeapType::FUNC), I::TableSet(0)]),
        2 => {
            body.extend([I::TableSize(0), I::RefNull(HeapType::FUNC), I::I32Const(1), I::TableFill(0)]);
        }
        3 => {
            body.extend([I::TableSize(0), I::I32Const(1), I::I32Sub, I::I32Const(0), I::I32Const(2)]);
            body.push(I::TableCopy { src_table: 0, dst_table: 0 });
        }
        _ => {
            let length = SEGMENT_LEN.cast_signed();
            body.push(I::I32Const(0));
            range(u, body, length)?;
            body.push(I::TableInit { elem_index: 1, table: 0 });
        }
    }
    Ok(())
}

/// Calls an element of the table that is null, that does not exist, or that has another type.
fn element(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let mut type_index = TYPE;
    let tail = plan.has(Features::TAIL_CALL) && u.arbitrary()?;
    let choice = u.int_in_range(0..=3)?;
    if choice == 0 {
        type_index = FOREIGN_TYPE;
        body.push(I::I64Const(0));
        i32(u, body, 0)?;
    } else {
        body.extend([I::LocalGet(0), I::TableSize(0)]);
        let past = if choice == 1 { 0 } else { u.int_in_range(1..=NULLS.cast_signed())? };
        body.extend([I::I32Const(past), I::I32Sub]);
    }
    let table_index = 0;
    // The results differ, so that a tail call cannot have the foreign type.
    if tail && type_index == TYPE {
        body.push(I::ReturnCallIndirect { type_index, table_index });
    } else {
        body.extend([I::CallIndirect { type_index, table_index }, I::Drop]);
    }
    Ok(())
}

fn null_function(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let null = I::RefNull(HeapType::Concrete(TYPE));
    match u.int_in_range(0..=2)? {
        0 => body.extend([null, I::RefAsNonNull, I::Drop]),
        1 if plan.has(Features::TAIL_CALL) => body.extend([I::LocalGet(0), null, I::ReturnCallRef(TYPE)]),
        _ => body.extend([I::LocalGet(0), null, I::CallRef(TYPE), I::Drop]),
    }
    Ok(())
}

fn object(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    let null = |ty| I::RefNull(HeapType::Concrete(ty));
    let (struct_type_index, field_index) = (STRUCT, 0);
    match u.int_in_range(0..=5)? {
        0 => body.extend([null(STRUCT), I::StructGet { struct_type_index, field_index }, I::Drop]),
        1 => body.extend([null(STRUCT), I::I32Const(1), I::StructSet { struct_type_index, field_index }]),
        2 => body.extend([null(ARRAY), I::ArrayLen, I::Drop]),
        3 => body.extend([null(BYTES), I::I32Const(0), I::ArrayGetS(BYTES), I::Drop]),
        4 => body.extend([I::RefNull(HeapType::I31), I::I31GetU, I::Drop]),
        _ => body.extend([null(ARRAY), I::I32Const(0), I::I32Const(0), I::I32Const(0), I::ArrayFill(ARRAY)]),
    }
    Ok(())
}

/// Accesses an array exactly one past its end.
fn array(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    let length: i32 = u.int_in_range(0..=9)?;
    let choice = u.int_in_range(0..=5)?;
    let ty = if u.arbitrary()? { ARRAY } else { BYTES };
    if choice == 5 {
        range(u, body, SEGMENT_LEN.cast_signed())?;
        body.extend([I::ArrayNewData { array_type_index: BYTES, array_data_index: 0 }, I::Drop]);
        return Ok(());
    }
    i32(u, body, length)?;
    body.push(I::ArrayNewDefault(ty));
    match choice {
        0 => {
            i32(u, body, length)?;
            body.extend([if ty == ARRAY { I::ArrayGet(ty) } else { I::ArrayGetS(ty) }, I::Drop]);
        }
        1 => {
            i32(u, body, length)?;
            body.extend([I::I32Const(1), I::ArraySet(ty)]);
        }
        2 => {
            let count = u.int_in_range(0..=length + 1)?;
            i32(u, body, length + 1 - count)?;
            body.push(I::I32Const(1));
            i32(u, body, count)?;
            body.push(I::ArrayFill(ty));
        }
        3 => {
            let count = u.int_in_range(0..=length + 1)?;
            i32(u, body, length + 1 - count)?;
            body.extend([I::I32Const(20), I::ArrayNewDefault(ty), I::I32Const(0), I::I32Const(count)]);
            body.push(I::ArrayCopy { array_type_index_dst: ty, array_type_index_src: ty });
        }
        _ => {
            let count = u.int_in_range(0..=(length + 1).min(1))?;
            i32(u, body, length + 1 - count)?;
            body.extend([I::I32Const(0), I::I32Const(count)]);
            body.push(I::ArrayInitData { array_type_index: ty, array_data_index: 0 });
        }
    }
    Ok(())
}

fn cast(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    let target = *u.choose(&[
        HeapType::Concrete(SUBSTRUCT),
        HeapType::Concrete(ARRAY),
        HeapType::Concrete(BYTES),
        HeapType::I31,
        HeapType::Abstract { shared: false, ty: AbstractHeapType::Array },
        HeapType::Abstract { shared: false, ty: AbstractHeapType::None },
    ])?;
    body.push(I::StructNewDefault(STRUCT));
    // Through a local of a wider type, or at once.
    if u.arbitrary()? {
        body.extend([I::ExternConvertAny, I::AnyConvertExtern]);
    } else {
        body.push(I::RefCastNullable(HeapType::ANY));
    }
    body.extend([if u.arbitrary()? { I::RefCastNonNull(target) } else { I::RefCastNullable(target) }, I::Drop]);
    Ok(())
}

fn atomic(u: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    let aligned = |offset, align| MemArg { align, ..at(offset) };
    let address = *u.choose(&[1, 2, MEMORY_LEN, MEMORY_LEN + 8])?;
    i32(u, body, address)?;
    match u.int_in_range(0..=3)? {
        0 => body.extend([I::I64AtomicLoad(aligned(0, 3)), I::Drop]),
        1 => body.extend([I::I32Const(1), I::I32AtomicRmwAdd(aligned(1, 2)), I::Drop]),
        2 => body.extend([I::I32Const(1), I::MemoryAtomicNotify(aligned(1, 2)), I::Drop]),
        _ => body.extend([I::I64Const(1), I::I64Const(2), I::I64AtomicRmwCmpxchg(aligned(0, 3)), I::Drop]),
    }
    Ok(())
}

fn throw(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    if plan.has(Features::EXCEPTIONS) && u.ratio(1, 4)? {
        let exn = HeapType::Abstract { shared: false, ty: AbstractHeapType::Exn };
        body.extend([I::RefNull(exn), I::ThrowRef]);
        return Ok(());
    }
    i32(u, body, 77)?;
    body.push(I::Throw(LEAF_TAG));
    Ok(())
}
