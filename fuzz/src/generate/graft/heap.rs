//! Objects: the parts that are merged into a module that may have them (`heap.wat`, `descriptors.wat`), and expressions
//! of references.
//!
//! Code refers to items of the parts by index. The functions below name the indices, and a test holds them against the
//! parts.

use super::base::Counts;
use super::body::Body;
use super::compute::expression;
use super::{Base, Plan};
use arbitrary::{Result, Unstructured};
use lanes::Features;
use std::sync::LazyLock;
use wasm_encoder::{BlockType, HeapType, Instruction as I, RefType, ValType};

/// A module that is merged with the base, and the names of its functions.
struct Part {
    feature: Features,
    wasm: LazyLock<Vec<u8>>,
    functions: &'static [&'static str],
}

/// The parts, in the order in which they follow the base.
static PARTS: [Part; 2] = [
    Part {
        feature: Features::GC,
        wasm: LazyLock::new(|| parse(include_str!("heap.wat"))),
        functions: &["build", "digest"],
    },
    Part {
        feature: Features::CUSTOM_DESCRIPTORS,
        wasm: LazyLock::new(|| parse(include_str!("descriptors.wat"))),
        functions: &["describe"],
    },
];

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a test parses it")
}

fn of(features: Features) -> impl Iterator<Item = &'static Part> {
    PARTS.iter().filter(move |part| features.contains(part.feature))
}

/// Returns the parts of a module with these features.
pub(super) fn parts(features: Features) -> Result<Vec<Base<'static>>> {
    of(features).map(|part| Base::read(&part.wasm)).collect()
}

/// Returns the names of the functions of these parts.
pub(super) fn names(features: Features) -> impl Iterator<Item = String> {
    of(features).flat_map(|part| part.functions).map(ToString::to_string)
}

/// The types of the first part, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Node,
    Wide,
    Nodes,
    Bytes,
    Longs,
}

/// The indices at which the items of the first part begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heap(pub(super) Counts);

/// The number of steps that `digest` follows.
const DEPTH: i32 = 3;

impl Heap {
    pub(super) fn index(self, ty: Type) -> u32 {
        self.0.types + ty as u32
    }

    /// Returns the type of nullable references to this type.
    pub(super) fn reference(self, ty: Type) -> ValType {
        ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(self.index(ty)) })
    }

    /// Returns the function `build`, which takes a seed and a count.
    fn build(self) -> u32 {
        self.0.functions
    }

    /// Returns the mutable global of type `Node`.
    fn root(self) -> u32 {
        self.0.globals
    }

    /// Returns the mutable global of type `anyref`.
    fn kept(self) -> u32 {
        self.0.globals + 1
    }

    /// Returns the immutable global of type `Node`.
    fn first(self) -> u32 {
        self.0.globals + 2
    }

    /// Returns the element segment of nodes.
    pub(super) fn segment(self) -> u32 {
        self.0.elements
    }

    /// Returns the types that locals may have.
    pub(super) fn local_types(self) -> [ValType; 3] {
        [Type::Node, Type::Nodes, Type::Bytes].map(|ty| self.reference(ty))
    }

    /// Returns whether a reference of this type may refer to an object.
    pub(super) fn may_be_object(self, ty: ValType) -> bool {
        let own = [Type::Node, Type::Wide, Type::Nodes, Type::Bytes, Type::Longs].map(|own| self.reference(own));
        let abstracts =
            [RefType::ANYREF, RefType::EQREF, RefType::I31REF, crate::generate::value::STRUCTREF, RefType::ARRAYREF];
        own.contains(&ty) || abstracts.iter().any(|&abstract_type| ValType::Ref(abstract_type) == ty)
    }

    /// Pops a reference and pushes a number that depends on everything that it reaches.
    pub(super) fn digest(self, body: &mut Body) {
        body.extend([I::I32Const(DEPTH), I::Call(self.0.functions + 1)]);
    }

    /// Returns the function `describe`, of the second part.
    fn describe(self) -> u32 {
        self.0.functions + 2
    }
}

/// Pushes an object of this type, or null.
pub(super) fn constant(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, ty: ValType) -> Result<()> {
    let heap = plan.objects();
    let is = |own| heap.reference(own) == ty;
    match u.int_in_range(0..=3)? {
        0 => body.push(I::RefNull(heap_type(ty))),
        1 if is(Type::Node) => body.push(I::GlobalGet(*u.choose(&[heap.root(), heap.first()])?)),
        2 if is(Type::Node) => body.push(I::StructNewDefault(heap.index(*u.choose(&[Type::Node, Type::Wide])?))),
        _ if is(Type::Node) => build(u, plan, body)?,
        _ if is(Type::Nodes) => {
            build(u, plan, body)?;
            body.extend([I::I32Const(u.int_in_range(0..=3)?), I::ArrayNew(heap.index(Type::Nodes))]);
        }
        _ if is(Type::Bytes) => {
            let (array_type_index, array_data_index) = (heap.index(Type::Bytes), plan.data_segment);
            body.extend([I::I32Const(0), I::I32Const(u.int_in_range(0..=1)?)]);
            body.push(I::ArrayNewData { array_type_index, array_data_index });
        }
        _ => body.push(I::RefNull(heap_type(ty))),
    }
    Ok(())
}

/// Pushes the graph of a seed.
fn build(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let heap = plan.objects();
    body.value(u, plan, ValType::I32)?;
    body.extend([I::I32Const(u.int_in_range(0..=9)?), I::Call(heap.build())]);
    Ok(())
}

fn heap_type(ty: ValType) -> HeapType {
    match ty {
        ValType::Ref(reference) => reference.heap_type,
        _ => HeapType::ANY,
    }
}

/// Emits code that makes, keeps, changes and reads graphs, and adds what they reach to a sum.
pub(super) fn graphs(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let heap = plan.objects();
    for _ in 0..u.int_in_range(1..=4)? {
        let depth = u.int_in_range(1..=4)?;
        match u.int_in_range(0..=5)? {
            0 => {
                node(u, plan, body, depth)?;
                body.push(I::GlobalSet(heap.root()));
            }
            1 => {
                any(u, plan, body, depth)?;
                body.push(I::GlobalSet(heap.kept()));
            }
            2 => {
                body.push(I::I32Const(u.int_in_range(0..=3)?));
                node(u, plan, body, depth)?;
                body.push(I::TableSet(heap.0.tables));
            }
            3 => change(u, plan, body, depth)?,
            _ => {
                any(u, plan, body, depth)?;
                body.sum(u, plan, ValType::Ref(RefType::ANYREF))?;
            }
        }
    }
    Ok(())
}

/// Emits code that makes an object with a descriptor, and tests it and another object against descriptors.
pub(super) fn described(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let seed = u.int_in_range(-64..=63)?;
    body.i32(u, plan, seed)?;
    any(u, plan, body, 1)?;
    body.push(I::Call(plan.objects().describe()));
    body.consume(u, plan, ValType::I64)
}

/// Changes an object, if there is one.
fn change(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, depth: u32) -> Result<()> {
    let heap = plan.objects();
    let ty = heap.index(Type::Node);
    body.push(I::Block(BlockType::Empty));
    node(u, plan, body, depth)?;
    body.push(I::BrOnNull(0));
    let field = u.int_in_range(0..=3)?;
    match field {
        0 => expression(u, plan, body, ValType::I32, 1)?,
        1 => node(u, plan, body, depth)?,
        2 => any(u, plan, body, depth)?,
        _ => expression(u, plan, body, ValType::I64, 1)?,
    }
    body.extend([I::StructSet { struct_type_index: ty, field_index: field }, I::End]);
    Ok(())
}

/// Pushes a reference of type `Node`.
pub(super) fn node(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, depth: u32) -> Result<()> {
    let heap = plan.objects();
    let (reference, ty) = (heap.reference(Type::Node), heap.index(Type::Node));
    if depth == 0 || u.is_empty() {
        return body.value(u, plan, reference);
    }
    let below = depth - 1;
    match u.int_in_range(0..=9)? {
        0..=2 => {
            expression(u, plan, body, ValType::I32, below.min(1))?;
            node(u, plan, body, below)?;
            any(u, plan, body, below)?;
            expression(u, plan, body, ValType::I64, below.min(1))?;
            body.push(I::StructNew(ty));
        }
        3 => {
            expression(u, plan, body, ValType::I32, below.min(1))?;
            node(u, plan, body, below)?;
            any(u, plan, body, below)?;
            body.value(u, plan, ValType::I64)?;
            body.value(u, plan, ValType::F64)?;
            body.value(u, plan, ValType::I32)?;
            body.value(u, plan, ValType::I32)?;
            body.value(u, plan, heap.reference(Type::Nodes))?;
            body.push(I::StructNew(heap.index(Type::Wide)));
        }
        4 => {
            // The next node of a node, or null.
            body.push(I::Block(BlockType::Result(reference)));
            body.push(I::Block(BlockType::Empty));
            node(u, plan, body, below)?;
            body.extend([I::BrOnNull(0), I::StructGet { struct_type_index: ty, field_index: 1 }, I::Br(1), I::End]);
            body.extend([I::RefNull(HeapType::Concrete(ty)), I::End]);
        }
        5 => {
            node(u, plan, body, below)?;
            node(u, plan, body, below)?;
            expression(u, plan, body, ValType::I32, 1)?;
            body.push(I::TypedSelect(reference));
        }
        6 => {
            node(u, plan, body, below)?;
            body.tee(reference);
        }
        7 => body.extend([I::I32Const(u.int_in_range(0..=3)?), I::TableGet(heap.0.tables)]),
        8 => build(u, plan, body)?,
        _ => {
            // The object if it is a node, or null.
            body.push(I::Block(BlockType::Result(reference)));
            any(u, plan, body, below)?;
            let (from_ref_type, to_ref_type) =
                (RefType::ANYREF, RefType { nullable: true, heap_type: HeapType::Concrete(ty) });
            body.push(I::BrOnCast { relative_depth: 0, from_ref_type, to_ref_type });
            body.extend([I::Drop, I::RefNull(HeapType::Concrete(ty)), I::End]);
        }
    }
    Ok(())
}

/// Pushes an `anyref`.
fn any(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, depth: u32) -> Result<()> {
    let heap = plan.objects();
    let below = depth.saturating_sub(1);
    match u.int_in_range(0..=if depth == 0 { 1 } else { 9 })? {
        0 => body.value(u, plan, ValType::Ref(RefType::ANYREF))?,
        1 => body.push(I::GlobalGet(heap.kept())),
        2 => {
            expression(u, plan, body, ValType::I32, 1)?;
            body.push(I::RefI31);
        }
        3 => {
            let count = u.int_in_range(0..=3)?;
            for _ in 0..count {
                node(u, plan, body, below.min(1))?;
            }
            body.push(I::ArrayNewFixed { array_type_index: heap.index(Type::Nodes), array_size: count });
        }
        4 => {
            let (offset, length) = *u.choose(&[(0, 4), (1, 2), (3, 1), (4, 0)])?;
            body.extend([I::I32Const(offset), I::I32Const(length)]);
            let (array_type_index, array_elem_index) = (heap.index(Type::Nodes), heap.segment());
            body.push(I::ArrayNewElem { array_type_index, array_elem_index });
        }
        5 => {
            expression(u, plan, body, ValType::I64, 1)?;
            body.extend([I::I32Const(u.int_in_range(0..=5)?), I::ArrayNew(heap.index(Type::Longs))]);
        }
        6 => {
            body.value(u, plan, ValType::EXTERNREF)?;
            body.push(I::AnyConvertExtern);
        }
        7 => {
            any(u, plan, body, below)?;
            body.extend([I::ExternConvertAny, I::AnyConvertExtern]);
        }
        _ => node(u, plan, body, below)?,
    }
    Ok(())
}

/// Pushes an `i32` that depends on references.
pub(super) fn question(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, depth: u32) -> Result<()> {
    let heap = plan.objects();
    match u.int_in_range(0..=2)? {
        0 => {
            node(u, plan, body, depth)?;
            node(u, plan, body, depth)?;
            body.push(I::RefEq);
        }
        1 => {
            any(u, plan, body, depth)?;
            let ty = *u.choose(&[Type::Node, Type::Wide, Type::Nodes, Type::Bytes, Type::Longs])?;
            let ty = HeapType::Concrete(heap.index(ty));
            body.push(if u.arbitrary()? { I::RefTestNullable(ty) } else { I::RefTestNonNull(ty) });
        }
        _ => {
            any(u, plan, body, depth)?;
            body.push(I::RefIsNull);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanes::is_valid_with;

    #[test]
    fn the_parts_have_these_indices() {
        let features = Features::WASM_3_0 | Features::CUSTOM_DESCRIPTORS;
        assert!(PARTS.iter().all(|part| is_valid_with(&part.wasm, features)));
        let parts = parts(features).expect("they have no imports");
        let text = wasmprinter::print_bytes(&*PARTS[0].wasm).expect("it decodes");
        for (number, ty) in ["node", "wide", "nodes", "bytes", "longs"].iter().enumerate() {
            assert!(text.contains(&format!("(type ${ty} (;{number};)")), "{text}");
        }
        let counts = Counts::default().with(&parts[0]);
        assert_eq!((counts.functions, counts.tables, counts.elements), (2, 1, 1));
        assert_eq!(parts[0].functions()[0].params.len(), 2);
        assert_eq!(parts[0].functions()[1].results, [ValType::I64]);
        assert_eq!(parts[1].functions()[0].params.len(), 2);
        assert_eq!(names(features).collect::<Vec<_>>(), ["build", "digest", "describe"]);
        for (number, global) in ["root", "kept", "first"].iter().enumerate() {
            assert!(text.contains(&format!("(global ${global} (;{number};)")), "{text}");
        }
    }
}
