//! The functions at the end of a chain: one for each way to trap, and some that do not.
//!
//! Operands come as constants, from a global that the optimiser cannot know, or from locals; so a trap is sometimes
//! certain at compile time, sometimes certain at run time only, and sometimes it depends on the arguments.

use super::body::{Body, constant};
use super::compute::compute;
use super::{FunctionId, Global, ImportRole, NULL_SLOTS, Plan, SEGMENT_LEN, index};
use arbitrary::{Result, Unstructured};
use lanes::{ValType, Value};
use wasm_encoder::{BlockType, Instruction as I, MemArg, MemArgTarget};

/// What emits a leaf's instructions. It leaves the operand stack as it was.
type Emit = fn(&mut Unstructured<'_>, &Plan, &mut Body) -> Result<()>;

/// Name and maker of each kind of leaf. A kind that stands here several times is chosen more often.
const LEAVES: &[(&str, Emit)] = &[
    ("unreachable", unreachable),
    ("divide", divide),
    ("divide", divide),
    ("overflow", overflow),
    ("convert", convert),
    ("convert", convert),
    ("load", load),
    ("load", load),
    ("store", store),
    ("store", store),
    ("lane", lane),
    ("bulk_memory", bulk_memory),
    ("bulk_memory", bulk_memory),
    ("table_access", table_access),
    ("bulk_table", bulk_table),
    ("undefined_element", undefined_element),
    ("null_element", null_element),
    ("mismatch", mismatch),
    ("host", host),
    ("library", library),
    ("library", library),
    ("base", base_function),
    ("base", base_function),
    ("base", base_function),
    ("base", base_function),
    ("compute", compute),
    ("compute", compute),
    ("compute", compute),
    ("compute", compute),
    ("compute", compute),
    ("compute", compute),
    ("nothing", nothing),
];

/// Makes a leaf with a type from the pool.
pub(super) fn function(u: &mut Unstructured<'_>, plan: &mut Plan) -> Result<FunctionId> {
    let signature = u.choose_index(plan.pool.len())?;
    let types = plan.pool[signature].clone();
    let mut body = Body::new(u, plan, &types)?;
    let name = match u.int_in_range(0..=79)? {
        79 => exhaust(u, plan, &mut body, signature)?,
        75..=78 if plan.fuel => spin(u, plan, &mut body)?,
        _ => {
            let (name, emit) = *u.choose(LEAVES)?;
            body.nested(u, plan, |body, u| emit(u, plan, body))?;
            name
        }
    };
    let body = body.finish(u, plan, &types.results)?;
    Ok(plan.push(format!("{name}_{}", plan.functions.len()), signature, body))
}

fn unreachable(_: &mut Unstructured<'_>, _: &Plan, body: &mut Body) -> Result<()> {
    body.push(I::Unreachable);
    Ok(())
}

fn nothing(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    body.sum_locals(u, plan)
}

fn divide(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let (ty, operation) = u
        .choose(&[
            (ValType::I32, I::I32DivS),
            (ValType::I32, I::I32DivU),
            (ValType::I32, I::I32RemS),
            (ValType::I32, I::I32RemU),
            (ValType::I64, I::I64DivS),
            (ValType::I64, I::I64DivU),
            (ValType::I64, I::I64RemS),
            (ValType::I64, I::I64RemU),
        ])?
        .clone();
    body.value(u, plan, ty)?;
    integer(u, plan, body, ty, 0)?;
    body.push(operation);
    body.consume(u, plan, ty)
}

fn overflow(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let (ty, min, operation) = if u.arbitrary()? {
        (ValType::I32, i64::from(i32::MIN), I::I32DivS)
    } else {
        (ValType::I64, i64::MIN, I::I64DivS)
    };
    integer(u, plan, body, ty, min)?;
    integer(u, plan, body, ty, -1)?;
    body.push(operation);
    body.consume(u, plan, ty)
}

/// Pushes `value`, or one time in four whatever a local holds.
fn integer(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, ty: ValType, value: i64) -> Result<()> {
    if u.ratio(1, 4)? {
        return body.value(u, plan, ty);
    }
    match i32::try_from(value) {
        Ok(value) if ty == ValType::I32 => body.i32(u, plan, value),
        _ => body.i64(u, plan, value),
    }
}

/// Float to integer: NaN, infinities, just outside, and whatever a local holds.
fn convert(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    const OUTSIDE: [f64; 7] =
        [f64::NAN, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 18446744073709551616.0, -9223372036854777856.0, -1.0];
    let (from, to, operation) = u
        .choose(&[
            (ValType::F32, ValType::I32, I::I32TruncF32S),
            (ValType::F32, ValType::I32, I::I32TruncF32U),
            (ValType::F32, ValType::I64, I::I64TruncF32S),
            (ValType::F32, ValType::I64, I::I64TruncF32U),
            (ValType::F64, ValType::I32, I::I32TruncF64S),
            (ValType::F64, ValType::I32, I::I32TruncF64U),
            (ValType::F64, ValType::I64, I::I64TruncF64S),
            (ValType::F64, ValType::I64, I::I64TruncF64U),
        ])?
        .clone();
    let value = *u.choose(&OUTSIDE)?;
    match from {
        _ if u.ratio(1, 4)? => body.value(u, plan, from)?,
        #[expect(clippy::cast_possible_truncation, reason = "the values are far from the edges of f32")]
        ValType::F32 => {
            body.i32(u, plan, (value as f32).to_bits().cast_signed())?;
            body.push(I::F32ReinterpretI32);
        }
        _ => {
            body.i64(u, plan, value.to_bits().cast_signed())?;
            body.push(I::F64ReinterpretI64);
        }
    }
    body.push(operation);
    body.consume(u, plan, to)
}

type MemoryOperation = (fn(MemArg) -> I<'static>, u32, ValType);

/// Each load with the logarithm of its width and its type.
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

/// Each store with the logarithm of its width and its type.
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

/// Each access of one lane with the logarithm of its width, and whether it loads.
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

fn load(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let &(operation, width, ty) = u.choose(LOADS)?;
    let memarg = address(u, plan, body, width)?;
    body.push(operation(memarg));
    body.consume(u, plan, ty)
}

fn store(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let &(operation, width, ty) = u.choose(STORES)?;
    let memarg = address(u, plan, body, width)?;
    body.value(u, plan, ty)?;
    body.push(operation(memarg));
    Ok(())
}

fn lane(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let &(operation, width, loads) = u.choose(LANES)?;
    let memarg = address(u, plan, body, width)?;
    body.value(u, plan, ValType::V128)?;
    body.push(operation(memarg, u.int_in_range(0..=(16 >> width) - 1)?));
    if loads { body.consume(u, plan, ValType::V128) } else { Ok(()) }
}

/// Pushes an address; together with the offset it is usually outside the memory, sometimes at its very end, sometimes
/// inside.
fn address(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, width: u32) -> Result<MemArg> {
    let near = u.int_in_range(-20..=20)?;
    let mut offset =
        *u.choose(&[0, 0, 0, 1, 7, 4095, 4096, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff])?;
    match u.int_in_range(0..=4)? {
        // The end of the memory, less the offset where it is small.
        0 | 1 => {
            body.extend([I::MemorySize(0), I::I32Const(16), I::I32Shl]);
            let back = if offset <= 0xffff { near - i32::try_from(offset).expect("just compared") } else { near };
            body.extend([I::I32Const(back), I::I32Add]);
        }
        2 => body.i32(u, plan, near)?,
        3 => {
            body.i32(u, plan, i32::MIN.wrapping_add(near))?;
        }
        _ => {
            body.value(u, plan, ValType::I32)?;
            offset = u64::from(u.arbitrary::<u16>()?);
        }
    }
    let align = u.int_in_range(0..=width)?;
    Ok(MemArg { offset, align, target: MemArgTarget::Memory(0), ordering: None })
}

fn bulk_memory(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let segment = plan.data_segment;
    let operation = u.int_in_range(0..=3)?;
    bounds(u, plan, body, SEGMENT_LEN)?;
    match operation {
        0 => body.push(I::MemoryFill(0)),
        1 => body.push(I::MemoryCopy { src_mem: 0, dst_mem: 0 }),
        2 => body.push(I::MemoryInit { mem: 0, data_index: segment }),
        // A dropped segment has no bytes left; with zero length even that is fine.
        _ => body.extend([I::DataDrop(segment), I::MemoryInit { mem: 0, data_index: segment }]),
    }
    Ok(())
}

fn bulk_table(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let (table, segment) = (plan.table, plan.element_segment);
    match u.int_in_range(0..=3)? {
        0 => {
            bounds_value(u, plan, body)?;
            body.value(u, plan, ValType::Ref(lanes::HeapType::Func))?;
            bounds_value(u, plan, body)?;
            body.push(I::TableFill(table));
        }
        1 => {
            bounds(u, plan, body, SEGMENT_LEN)?;
            body.push(I::TableCopy { src_table: table, dst_table: table });
        }
        2 => {
            bounds(u, plan, body, SEGMENT_LEN)?;
            body.push(I::TableInit { elem_index: segment, table });
        }
        _ => {
            body.push(I::ElemDrop(segment));
            bounds(u, plan, body, SEGMENT_LEN)?;
            body.push(I::TableInit { elem_index: segment, table });
        }
    }
    Ok(())
}

/// Destination, source and length of a bulk operation, around the edges of memory, table and segment.
fn bounds(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, segment: u32) -> Result<()> {
    bounds_value(u, plan, body)?;
    bounds_value(u, plan, body)?;
    if u.arbitrary()? {
        let segment = i32::try_from(segment).expect("a few bytes");
        let length = u.int_in_range(0..=segment + 1)?;
        body.i32(u, plan, length)
    } else {
        bounds_value(u, plan, body)
    }
}

fn bounds_value(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let near = u.int_in_range(-3..=3)?;
    match u.int_in_range(0..=4)? {
        0 => {
            body.extend([I::MemorySize(0), I::I32Const(16), I::I32Shl, I::I32Const(near), I::I32Add]);
            Ok(())
        }
        1 => {
            body.extend([I::TableSize(plan.table), I::I32Const(near), I::I32Add]);
            Ok(())
        }
        2 => body.value(u, plan, ValType::I32),
        _ => body.i32(u, plan, near),
    }
}

fn table_access(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    const FUNCREF: ValType = ValType::Ref(lanes::HeapType::Func);
    outside_table(u, plan, body)?;
    if u.arbitrary()? {
        body.push(I::TableGet(plan.table));
        body.consume(u, plan, FUNCREF)
    } else {
        body.value(u, plan, FUNCREF)?;
        body.push(I::TableSet(plan.table));
        Ok(())
    }
}

/// Pushes an index right behind the end of the grafted table, or far behind it.
fn outside_table(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    if u.arbitrary()? {
        body.extend([I::TableSize(plan.table), I::I32Const(u.int_in_range(0..=3)?), I::I32Add]);
        return Ok(());
    }
    let far = *u.choose(&[-1, i32::MIN, i32::MAX, 0xffff])?;
    body.i32(u, plan, far)
}

/// Calls through the table as the type `callee` of the pool; the index is on the stack already, in a sense: `slot`
/// pushes it behind the arguments.
fn indirect(
    u: &mut Unstructured<'_>,
    plan: &Plan,
    body: &mut Body,
    slot: impl FnOnce(&mut Unstructured<'_>, &mut Body) -> Result<()>,
) -> Result<()> {
    let callee = u.choose_index(plan.pool.len())?;
    let types = &plan.pool[callee];
    body.values(u, plan, &types.params)?;
    slot(u, body)?;
    body.push(I::CallIndirect { type_index: plan.type_index(callee), table_index: plan.table });
    body.consume_all(u, plan, &types.results)
}

fn undefined_element(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    indirect(u, plan, body, |u, body| outside_table(u, plan, body))
}

fn null_element(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    // How many functions there will be is not known yet: count from the end.
    let back = i32::try_from(u.int_in_range(1..=NULL_SLOTS)?).expect("a few slots");
    indirect(u, plan, body, |_, body| {
        body.extend([I::TableSize(plan.table), I::I32Const(back), I::I32Sub]);
        Ok(())
    })
}

/// Calls through an element whose function has another type.
fn mismatch(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    body.push(constant(Value::I64(u.arbitrary()?)));
    let slot = i32::try_from(u.choose_index(plan.functions.len() + 1)?).expect("a few slots");
    body.i32(u, plan, slot)?;
    body.push(I::CallIndirect { type_index: plan.foreign_type_index(), table_index: plan.table });
    body.consume(u, plan, ValType::F32)
}

/// A host function that returns something, fails or panics.
fn host(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let imports = plan.imports_with(|role| matches!(role, ImportRole::Leaf(_)));
    call_import(u, plan, body, &imports)
}

/// A function of the library instance, or of the base module where there is none.
fn library(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let imports = plan.imports_with(|role| *role == ImportRole::Library);
    if imports.is_empty() { base_function(u, plan, body) } else { call_import(u, plan, body, &imports) }
}

fn call_import(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, imports: &[usize]) -> Result<()> {
    let import = *u.choose(imports)?;
    let signature = &plan.imports[import].signature;
    body.values(u, plan, &signature.params)?;
    body.push(I::Call(index(import)));
    body.consume_all(u, plan, &signature.results)
}

/// A function that wasm-smith made: it may trap in any way, or return.
fn base_function(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    if plan.base_functions.is_empty() {
        return divide(u, plan, body);
    }
    let function = u.choose_index(plan.base_functions.len())?;
    let signature = &plan.base_functions[function];
    body.values(u, plan, &signature.params)?;
    body.push(I::Call(plan.base_function_index(function)));
    body.consume_all(u, plan, &signature.results)
}

/// Calls itself without end.
fn exhaust(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, signature: usize) -> Result<&'static str> {
    let types = &plan.pool[signature];
    body.values(u, plan, &types.params)?;
    body.push(I::Call(plan.function_index(plan.next())));
    body.consume_all(u, plan, &types.results)?;
    Ok("exhaust")
}

/// Loops without end; the fuel runs out.
fn spin(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<&'static str> {
    body.push(I::Loop(BlockType::Empty));
    body.sum_locals(u, plan)?;
    body.i32(u, plan, 1)?;
    body.extend([I::BrIf(0), I::End]);
    // Whoever returns here nevertheless is seen.
    body.extend([I::I32Const(1), I::GlobalSet(plan.global_index(Global::Countdown))]);
    Ok("spin")
}
