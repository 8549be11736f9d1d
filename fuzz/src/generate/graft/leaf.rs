//! The functions at the end of a chain: one for each way to trap, and some that do not trap.
//!
//! Operands are constants, come from a global that the optimizer cannot know, or from locals. So a trap is certain at
//! compile time, or certain at run time only, or it depends on the arguments.

use super::access::{self, Edge, bound, length};
use super::body::{Body, constant};
use super::compute::compute;
use super::{FunctionId, Global, ImportRole, NULL_SLOTS, Plan, exceptions, heap, index, objects};
use crate::generate::choice::choose_weighted;
use arbitrary::{Result, Unstructured};
use lanes::{Features, Value};
use wasm_encoder::{BlockType, Instruction as I, ValType};

/// Emits the instructions of a leaf, which leave the operand stack as it was.
type Emit = fn(&mut Unstructured<'_>, &Plan, &mut Body) -> Result<()>;

const PLAIN: Features = Features::empty();

/// A kind of leaf.
struct Leaf {
    name: &'static str,
    emit: Emit,
    /// The features that the kind needs beyond WebAssembly 2.0.
    needs: Features,
}

const fn leaf(name: &'static str, emit: Emit, needs: Features) -> Leaf {
    Leaf { name, emit, needs }
}

/// The kinds of leaves, each with its weight.
const LEAVES: &[(u32, Leaf)] = &[
    (1, leaf("unreachable", unreachable, PLAIN)),
    (2, leaf("divide", divide, PLAIN)),
    (1, leaf("overflow", overflow, PLAIN)),
    (2, leaf("convert", convert, PLAIN)),
    (2, leaf("load", access::load, PLAIN)),
    (2, leaf("store", access::store, PLAIN)),
    (1, leaf("lane", access::lane, PLAIN)),
    (2, leaf("bulk_memory", access::bulk_memory, PLAIN)),
    (1, leaf("grow", access::grow, PLAIN)),
    (1, leaf("table_access", table_access, PLAIN)),
    (1, leaf("bulk_table", bulk_table, PLAIN)),
    (1, leaf("undefined_element", undefined_element, PLAIN)),
    (1, leaf("null_element", null_element, PLAIN)),
    (1, leaf("mismatch", mismatch, PLAIN)),
    (1, leaf("host", host, PLAIN)),
    (2, leaf("library", library, PLAIN)),
    (4, leaf("base", base_function, PLAIN)),
    (6, leaf("compute", compute, PLAIN)),
    (1, leaf("nothing", nothing, PLAIN)),
    (2, leaf("atomic", access::atomic, Features::THREADS)),
    (2, leaf("rendezvous", access::rendezvous, Features::THREADS)),
    (1, leaf("null_function", objects::null_function, Features::FUNCTION_REFERENCES)),
    (3, leaf("object", objects::object, Features::GC)),
    (4, leaf("graphs", heap::graphs, Features::GC)),
    (3, leaf("described", heap::described, Features::CUSTOM_DESCRIPTORS)),
    (4, leaf("throw", exceptions::throw, Features::EXCEPTIONS)),
    (1, leaf("throw", exceptions::throw, Features::LEGACY_EXCEPTIONS)),
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
            let possible = LEAVES.iter().filter(|(_, leaf)| plan.features.contains(leaf.needs));
            let leaf = choose_weighted(u, possible)?;
            body.nested(u, plan, |body, u| (leaf.emit)(u, plan, body))?;
            leaf.name
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

/// Pushes `value`, or one time in four the value of a local.
fn integer(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, ty: ValType, value: i64) -> Result<()> {
    if u.ratio(1, 4)? {
        return body.value(u, plan, ty);
    }
    match i32::try_from(value) {
        Ok(value) if ty == ValType::I32 => body.i32(u, plan, value),
        _ => body.i64(u, plan, value),
    }
}

/// Converts a float to an integer: a NaN, an infinity, a value just outside the range, or the value of a local.
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

fn bulk_table(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let (table, segment, wide) = (plan.table(), plan.element_segment, plan.table64);
    bound(u, plan, body, wide, Edge::Table)?;
    match u.int_in_range(0..=3)? {
        0 => {
            body.value(u, plan, ValType::FUNCREF)?;
            bound(u, plan, body, wide, Edge::Table)?;
            body.push(I::TableFill(table));
        }
        1 => {
            bound(u, plan, body, wide, Edge::Table)?;
            length(u, plan, body, wide, Edge::Table)?;
            body.push(I::TableCopy { src_table: table, dst_table: table });
        }
        drops => {
            bound(u, plan, body, false, Edge::Segment)?;
            length(u, plan, body, false, Edge::Segment)?;
            body.extend((drops == 2).then_some(I::ElemDrop(segment)));
            body.push(I::TableInit { elem_index: segment, table });
        }
    }
    Ok(())
}

fn table_access(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    outside_table(u, plan, body)?;
    if u.arbitrary()? {
        body.push(I::TableGet(plan.table()));
        body.consume(u, plan, ValType::FUNCREF)
    } else {
        body.value(u, plan, ValType::FUNCREF)?;
        body.push(I::TableSet(plan.table()));
        Ok(())
    }
}

/// Pushes an index right after the end of the grafted table, or far after it.
fn outside_table(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    if u.arbitrary()? {
        Edge::Table.push_size(plan, body, plan.table64);
        body.plus(plan.table64, u.int_in_range(0..=3)?);
        return Ok(());
    }
    let far = *u.choose(&[-1, i32::MIN.into(), i32::MAX.into(), 0xffff, 1 << 32, i64::MIN])?;
    body.index(u, plan, plan.table64, far)
}

/// Calls through the table with a type of the pool. `slot` pushes the index of the element.
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
    body.push(I::CallIndirect { type_index: plan.type_index(callee), table_index: plan.table() });
    body.consume_all(u, plan, &types.results)
}

fn undefined_element(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    indirect(u, plan, body, |u, body| outside_table(u, plan, body))
}

fn null_element(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    // How many functions there will be is not known yet: count from the end.
    let back = i64::from(u.int_in_range(1..=NULL_SLOTS)?);
    indirect(u, plan, body, |_, body| {
        Edge::Table.push_size(plan, body, plan.table64);
        body.plus(plan.table64, -back);
        Ok(())
    })
}

/// Calls through an element whose function has another type.
fn mismatch(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    body.push(constant(Value::I64(u.arbitrary()?)));
    let slot = i64::try_from(u.choose_index(plan.functions.len() + 1)?).expect("a few slots");
    body.index(u, plan, plan.table64, slot)?;
    body.push(I::CallIndirect { type_index: plan.foreign_type_index(), table_index: plan.table() });
    body.consume(u, plan, ValType::F32)
}

/// Calls a host function that returns, fails or panics.
fn host(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let imports = plan.imports_with(|role| matches!(role, ImportRole::Leaf(_)));
    call_import(u, plan, body, &imports)
}

/// Calls a function of the library instance, or of the base module if there is no library.
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

/// Calls a function of the base module, which may trap in any way, or return.
fn base_function(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    // A function that takes a non-null reference is only called by the base itself.
    let callable = |&k: &usize| plan.base_functions[k].params.iter().all(ValType::is_defaultable);
    let callable: Vec<_> = (0..plan.base_functions.len()).filter(callable).collect();
    if callable.is_empty() {
        return divide(u, plan, body);
    }
    let function = *u.choose(&callable)?;
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
    // If execution gets here nevertheless, the counter shows it.
    body.extend([I::I32Const(1), I::GlobalSet(plan.global_index(Global::Countdown))]);
    Ok("spin")
}
