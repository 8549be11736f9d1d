//! Leaves that trap at objects and typed references: null, out of an array's bounds, out of a segment's bounds, of
//! another type.

use super::Plan;
use super::body::Body;
use super::heap::{Heap, Type};
use crate::generate::choice::choose_weighted;
use arbitrary::{Result, Unstructured};
use wasm_encoder::{AbstractHeapType, HeapType, Instruction as I, RefType, ValType};

/// Emits a leaf of one kind.
type Leaf = fn(&mut Unstructured<'_>, &Plan, Heap, &mut Body) -> Result<()>;

/// Emits one of these leaves.
pub(super) fn object(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let heap = plan.objects();
    const LEAVES: [(u32, Leaf); 7] =
        [(1, null_struct), (1, null_array), (1, null_i31), (2, outside), (1, bulk), (1, segment), (2, cast)];
    let leaf = choose_weighted(u, LEAVES.iter())?;
    leaf(u, plan, heap, body)
}

/// Accesses a field of null, or of the struct in a local.
fn null_struct(u: &mut Unstructured<'_>, plan: &Plan, heap: Heap, body: &mut Body) -> Result<()> {
    let struct_type_index = heap.index(Type::Node);
    null(u, plan, body, heap.reference(Type::Node))?;
    let (field_index, ty) = *u.choose(&[
        (0, ValType::I32),
        (1, heap.reference(Type::Node)),
        (2, ValType::Ref(RefType::ANYREF)),
        (3, ValType::I64),
    ])?;
    if u.arbitrary()? {
        body.push(I::StructGet { struct_type_index, field_index });
        body.consume(u, plan, ty)
    } else {
        body.value(u, plan, ty)?;
        body.push(I::StructSet { struct_type_index, field_index });
        Ok(())
    }
}

fn null_array(u: &mut Unstructured<'_>, plan: &Plan, heap: Heap, body: &mut Body) -> Result<()> {
    null(u, plan, body, heap.reference(Type::Bytes))?;
    if u.arbitrary()? {
        body.push(I::ArrayLen);
    } else {
        body.i32(u, plan, 0)?;
        body.push(I::ArrayGetU(heap.index(Type::Bytes)));
    }
    body.consume(u, plan, ValType::I32)
}

fn null_i31(u: &mut Unstructured<'_>, plan: &Plan, _: Heap, body: &mut Body) -> Result<()> {
    null(u, plan, body, ValType::Ref(RefType::I31REF))?;
    body.push(if u.arbitrary()? { I::I31GetS } else { I::I31GetU });
    body.consume(u, plan, ValType::I32)
}

/// Pushes null, visible to the optimizer or not, or the value of a local.
fn null(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, ty: ValType) -> Result<()> {
    let ValType::Ref(reference) = ty else { return body.value(u, plan, ty) };
    match u.int_in_range(0..=3)? {
        0 | 1 => body.push(I::RefNull(reference.heap_type)),
        2 => {
            body.push(I::RefNull(reference.heap_type));
            body.push(I::RefNull(reference.heap_type));
            body.i32(u, plan, 1)?;
            body.push(I::TypedSelect(ty));
        }
        _ => body.value(u, plan, ty)?,
    }
    Ok(())
}

/// Pushes a small array.
fn longs(u: &mut Unstructured<'_>, plan: &Plan, heap: Heap, body: &mut Body) -> Result<()> {
    body.value(u, plan, ValType::I64)?;
    body.push(I::I32Const(LENGTH));
    body.push(I::ArrayNew(heap.index(Type::Longs)));
    Ok(())
}

/// The length of the array.
const LENGTH: i32 = 3;

/// Pushes an index around the end of the array, or far after it.
fn around(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let near = LENGTH + u.int_in_range(-2..=2)?;
    let index = *u.choose(&[near, near, near, -1, i32::MIN, 0x1000_0000, 0x2000_0000])?;
    body.i32(u, plan, index)
}

fn outside(u: &mut Unstructured<'_>, plan: &Plan, heap: Heap, body: &mut Body) -> Result<()> {
    longs(u, plan, heap, body)?;
    around(u, plan, body)?;
    if u.arbitrary()? {
        body.push(I::ArrayGet(heap.index(Type::Longs)));
        body.consume(u, plan, ValType::I64)
    } else {
        body.value(u, plan, ValType::I64)?;
        body.push(I::ArraySet(heap.index(Type::Longs)));
        Ok(())
    }
}

fn bulk(u: &mut Unstructured<'_>, plan: &Plan, heap: Heap, body: &mut Body) -> Result<()> {
    let longs_type = heap.index(Type::Longs);
    longs(u, plan, heap, body)?;
    around(u, plan, body)?;
    match u.int_in_range(0..=2)? {
        0 => {
            body.value(u, plan, ValType::I64)?;
            around(u, plan, body)?;
            body.push(I::ArrayFill(longs_type));
        }
        1 => {
            longs(u, plan, heap, body)?;
            around(u, plan, body)?;
            body.i32(u, plan, LENGTH)?;
            body.push(I::ArrayCopy { array_type_index_dst: longs_type, array_type_index_src: longs_type });
        }
        _ => {
            body.i32(u, plan, 0)?;
            around(u, plan, body)?;
            body.push(I::ArrayInitData { array_type_index: longs_type, array_data_index: plan.data_segment });
        }
    }
    Ok(())
}

/// Makes an array from a segment that is usually too short for it.
fn segment(u: &mut Unstructured<'_>, plan: &Plan, heap: Heap, body: &mut Body) -> Result<()> {
    around(u, plan, body)?;
    around(u, plan, body)?;
    if u.arbitrary()? {
        let (array_type_index, array_data_index) = (heap.index(Type::Bytes), plan.data_segment);
        body.push(I::ArrayNewData { array_type_index, array_data_index });
        return body.consume(u, plan, heap.reference(Type::Bytes));
    }
    let (array_type_index, array_elem_index) = (heap.index(Type::Nodes), heap.segment());
    body.push(I::ArrayNewElem { array_type_index, array_elem_index });
    body.consume(u, plan, heap.reference(Type::Nodes))
}

/// Casts an object, most of the time to a type that it does not have.
fn cast(u: &mut Unstructured<'_>, plan: &Plan, heap: Heap, body: &mut Body) -> Result<()> {
    body.value(u, plan, ValType::Ref(RefType::ANYREF))?;
    let abstracts = [AbstractHeapType::I31, AbstractHeapType::Struct, AbstractHeapType::Array, AbstractHeapType::None];
    let target = if u.arbitrary()? {
        HeapType::Abstract { shared: false, ty: *u.choose(&abstracts)? }
    } else {
        HeapType::Concrete(heap.index(*u.choose(&[Type::Node, Type::Wide, Type::Nodes, Type::Bytes])?))
    };
    let nullable = u.arbitrary()?;
    body.push(if nullable { I::RefCastNullable(target) } else { I::RefCastNonNull(target) });
    body.sum(u, plan, ValType::Ref(RefType::ANYREF))
}

/// Calls a null function reference, or asserts that one is not null.
pub(super) fn null_function(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let callee = u.choose_index(plan.pool.len())?;
    let types = &plan.pool[callee];
    let ty = HeapType::Concrete(plan.type_index(callee));
    if u.arbitrary()? {
        null(u, plan, body, ValType::FUNCREF)?;
        body.push(I::RefAsNonNull);
        return body.consume(u, plan, ValType::FUNCREF);
    }
    body.values(u, plan, &types.params)?;
    body.push(I::RefNull(ty));
    body.push(I::CallRef(plan.type_index(callee)));
    body.consume_all(u, plan, &types.results)
}
