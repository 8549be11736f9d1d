//! Thunks: small modules between a module and the interface, for values that the interface does not have.
//!
//! A thunk calls one function, or reads one global. To the interface it shows a vector as two integers, and a reference
//! as two numbers that say what it refers to. What a thunk passes on is known when it is made, so references are
//! constants of its code.

use super::shape::{Signature, Type, TypeSection};
use crate::{HeapType, ValType};
use wasm_encoder::{
    AbstractHeapType, BlockType, CodeSection, CustomSection, Encode, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalType, ImportSection, InstructionSink, Module, RawSection, RefType, TableSection, TableType,
    TypeSection as Types,
};

/// The bytes before the code of a thunk. A frame of a thunk is known by its offset, so that must be one that frames of
/// other modules hardly have.
const PADDING: usize = 1 << 16;

/// The byte that a function type begins with.
const FUNCTION_TYPE: u8 = 0x60;

/// An argument of a thunk.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Argument {
    /// The argument of the function.
    Same,
    /// A vector in two halves, the first lanes first.
    Halves,
    /// The null of a hierarchy: not passed, but made.
    Null(HeapType),
    /// An integer of 31 bits: not passed, but made.
    I31(u32),
    /// A host value, passed as an `externref`.
    Host,
}

/// The meaning of the first of the two numbers that stand for a reference. The second is that of an integer of 31 bits.
pub(super) mod referent {
    pub(in super::super) const NULL: i32 = 0;
    pub(in super::super) const I31: i32 = 1;
    pub(in super::super) const STRUCT: i32 = 2;
    pub(in super::super) const ARRAY: i32 = 3;
    pub(in super::super) const HOST: i32 = 4;
    pub(in super::super) const EXN: i32 = 5;
}

/// The form in which a thunk returns a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The value.
    Same,
    /// A vector in two halves.
    Halves,
    /// Two numbers for a reference.
    Referent(HeapType),
    /// Two numbers for an `anyref`, and the `externref` that it converts to.
    Converted,
}

impl Form {
    /// Returns the number of values.
    pub(super) fn count(self) -> usize {
        match self {
            Form::Same => 1,
            Form::Halves | Form::Referent(_) => 2,
            Form::Converted => 3,
        }
    }
}

/// Something that a thunk takes values from.
pub(super) enum Source<'a> {
    /// A function, called with these arguments.
    Func(&'a Signature, &'a [Argument]),
    /// A global.
    Global { ty: Type, mutable: bool },
}

/// A thunk: a binary that imports one item and exports one function.
pub(super) struct Thunk {
    pub(super) binary: Vec<u8>,
    /// The index of its function, and the offset of its call, which its frame shows.
    pub(super) frame: (u32, u64),
}

/// Makes a thunk in a module with these types. `forms` says how each value of the source is returned; `has_gc` that
/// the engine can look at an `externref`.
pub(super) fn make(types: &TypeSection, source: &Source<'_>, forms: &[Form], has_gc: bool) -> Thunk {
    let (mut params, mut results) = (Vec::new(), Vec::new());
    let values: &[Type] = match source {
        Source::Func(signature, arguments) => {
            for (ty, argument) in signature.params.iter().zip(*arguments) {
                match argument {
                    Argument::Same => params.push(ty.exact),
                    Argument::Halves => params.extend([wasm_encoder::ValType::I64; 2]),
                    Argument::Null(_) | Argument::I31(_) => {}
                    Argument::Host => params.push(encoded(ValType::Ref(HeapType::Extern))),
                }
            }
            &signature.results
        }
        Source::Global { ty, .. } => std::slice::from_ref(ty),
    };
    for (ty, form) in values.iter().zip(forms) {
        match form {
            Form::Same => results.push(ty.exact),
            Form::Halves => results.extend([wasm_encoder::ValType::I64; 2]),
            Form::Referent(_) => results.extend([wasm_encoder::ValType::I32; 2]),
            Form::Converted => {
                results.extend([wasm_encoder::ValType::I32; 2]);
                results.push(encoded(ValType::Ref(HeapType::Extern)));
            }
        }
    }
    let import = match source {
        Source::Func(signature, _) => EntityType::Function(signature.index),
        Source::Global { ty, mutable } => {
            EntityType::Global(GlobalType { val_type: ty.exact, mutable: *mutable, shared: false })
        }
    };
    let index = u32::from(matches!(source, Source::Func(..)));
    let code = code(source, values, forms, u32::try_from(params.len()).expect("few parameters"), has_gc);
    let mut section = types.bytes.clone();
    section.push(FUNCTION_TYPE);
    params.encode(&mut section);
    results.encode(&mut section);
    let mut counted = Vec::new();
    (types.groups + 1).encode(&mut counted);
    counted.extend(section);
    let binary = assemble(&RawSection { id: 1, data: &counted }, Some(import), None, types.count, index, &code);
    Thunk { frame: (index, call_offset(&binary)), binary }
}

/// Makes a thunk that calls its first argument, a function with these types, with the other arguments.
pub(super) fn make_call(params: &[ValType], results: &[ValType]) -> Thunk {
    let exact = |types: &[ValType]| types.iter().map(|&ty| encoded(ty)).collect::<Vec<_>>();
    let mut types = Types::new();
    types.ty().function(exact(params), exact(results));
    let mut outer = exact(params);
    outer.insert(0, encoded(ValType::Ref(HeapType::Func)));
    types.ty().function(outer, exact(results));
    let mut code = Function::new([]);
    let mut sink = code.instructions();
    sink.i32_const(0).local_get(0).table_set(0);
    for index in 1..=u32::try_from(params.len()).expect("few parameters") {
        sink.local_get(index);
    }
    sink.i32_const(0).call_indirect(0, 0).end();
    let table =
        TableType { element_type: RefType::FUNCREF, table64: false, minimum: 1, maximum: Some(1), shared: false };
    let binary = assemble(&types, None, Some(table), 1, 0, &code);
    Thunk { frame: (0, call_offset(&binary)), binary }
}

/// Puts a module together whose function has a type index and a function index.
fn assemble(
    types: &impl wasm_encoder::Section,
    import: Option<EntityType>,
    table: Option<TableType>,
    ty: u32,
    index: u32,
    code: &Function,
) -> Vec<u8> {
    let mut module = Module::new();
    module.section(&CustomSection { name: "thunk".into(), data: vec![0; PADDING].into() }).section(types);
    if let Some(import) = import {
        let mut imports = ImportSection::new();
        imports.import("", "", import);
        module.section(&imports);
    }
    let (mut functions, mut exports, mut codes) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    functions.function(ty);
    module.section(&functions);
    if let Some(table) = table {
        let mut tables = TableSection::new();
        tables.table(table);
        module.section(&tables);
    }
    exports.export("", ExportKind::Func, index);
    codes.function(code);
    module.section(&exports).section(&codes);
    module.finish()
}

/// Returns the code of a thunk with so many parameters.
fn code(source: &Source<'_>, values: &[Type], forms: &[Form], params: u32, has_gc: bool) -> Function {
    let count = u32::try_from(values.len()).expect("few results");
    // One local for each value, and two for the numbers of a reference.
    let (kind, integer) = (params + count, params + count + 1);
    let locals = values.iter().map(|ty| ty.exact).chain([wasm_encoder::ValType::I32; 2]);
    let mut function = Function::new_with_locals_types(locals);
    let mut sink = function.instructions();
    match source {
        Source::Func(signature, arguments) => {
            pass(&mut sink, signature, arguments);
            sink.call(0);
        }
        Source::Global { .. } => {
            sink.global_get(0);
        }
    }
    for local in (params..params + count).rev() {
        sink.local_set(local);
    }
    for (local, form) in (params..).zip(forms) {
        match form {
            Form::Same => {
                sink.local_get(local);
            }
            Form::Halves => {
                sink.local_get(local).i64x2_extract_lane(0).local_get(local).i64x2_extract_lane(1);
            }
            Form::Referent(heap) => {
                look_at(&mut sink, local, *heap, kind, integer, has_gc);
                sink.local_get(kind).local_get(integer);
            }
            Form::Converted => {
                look_at(&mut sink, local, HeapType::Any, kind, integer, has_gc);
                sink.local_get(kind).local_get(integer).local_get(local).extern_convert_any();
            }
        }
    }
    sink.end();
    function
}

/// Pushes the arguments of a function.
fn pass(sink: &mut InstructionSink<'_>, signature: &Signature, arguments: &[Argument]) {
    let mut local = 0;
    for (_, argument) in signature.params.iter().zip(arguments) {
        match argument {
            Argument::Same => {
                sink.local_get(local);
                local += 1;
            }
            Argument::Halves => {
                sink.local_get(local).i64x2_splat().local_get(local + 1).i64x2_replace_lane(1);
                local += 2;
            }
            Argument::Null(heap) => {
                sink.ref_null(abstract_heap(match heap {
                    HeapType::Func => AbstractHeapType::NoFunc,
                    HeapType::Extern => AbstractHeapType::Extern,
                    HeapType::Any => AbstractHeapType::None,
                    HeapType::Exn => AbstractHeapType::NoExn,
                    HeapType::Cont => AbstractHeapType::NoCont,
                }));
            }
            Argument::I31(value) => {
                sink.i32_const(value.cast_signed()).ref_i31();
            }
            Argument::Host => {
                sink.local_get(local).any_convert_extern();
                local += 1;
            }
        }
    }
}

/// Sets the locals `kind` and `integer` to the numbers for a reference.
fn look_at(sink: &mut InstructionSink<'_>, local: u32, heap: HeapType, kind: u32, integer: u32, has_gc: bool) {
    sink.i32_const(0).local_set(integer);
    sink.local_get(local).ref_is_null().if_(BlockType::Empty).i32_const(referent::NULL).local_set(kind).else_();
    let converts = heap == HeapType::Extern;
    if heap == HeapType::Exn {
        sink.i32_const(referent::EXN).local_set(kind);
    } else if converts && !has_gc {
        sink.i32_const(referent::HOST).local_set(kind);
    } else {
        let get = |sink: &mut InstructionSink<'_>| {
            sink.local_get(local);
            if converts {
                sink.any_convert_extern();
            }
        };
        sink.i32_const(referent::HOST).local_set(kind);
        let tests = [
            (AbstractHeapType::I31, referent::I31),
            (AbstractHeapType::Struct, referent::STRUCT),
            (AbstractHeapType::Array, referent::ARRAY),
        ];
        for (ty, number) in tests {
            get(sink);
            sink.ref_test_non_null(abstract_heap(ty)).if_(BlockType::Empty).i32_const(number).local_set(kind);
            if number == referent::I31 {
                get(sink);
                sink.ref_cast_non_null(abstract_heap(ty)).i31_get_u().local_set(integer);
            }
            sink.end();
        }
    }
    sink.end();
}

fn abstract_heap(ty: AbstractHeapType) -> wasm_encoder::HeapType {
    wasm_encoder::HeapType::Abstract { shared: false, ty }
}

fn encoded(ty: ValType) -> wasm_encoder::ValType {
    match ty {
        ValType::I32 => wasm_encoder::ValType::I32,
        ValType::I64 => wasm_encoder::ValType::I64,
        ValType::F32 => wasm_encoder::ValType::F32,
        ValType::F64 => wasm_encoder::ValType::F64,
        ValType::V128 => wasm_encoder::ValType::V128,
        ValType::Ref(HeapType::Extern) => wasm_encoder::ValType::Ref(RefType::EXTERNREF),
        ValType::Ref(_) => wasm_encoder::ValType::Ref(RefType::FUNCREF),
    }
}

/// Returns the offset of the call in a thunk. A thunk of a global has none, and no frame.
fn call_offset(binary: &[u8]) -> u64 {
    use wasmparser::{Operator, Parser, Payload};
    for payload in Parser::new(0).parse_all(binary) {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { continue };
        let operators = body.get_operators_reader().into_iter().flat_map(|reader| reader.into_iter_with_offsets());
        for (operator, offset) in operators.flatten() {
            if matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. }) {
                return offset;
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::super::shape::{self, Kind};
    use super::*;
    use crate::{Features, is_valid_with};

    const CALL: u8 = 0x10;
    const CALL_INDIRECT: u8 = 0x11;

    /// The types of the module are needed for the exact type of the function.
    const MODULE: &str = r#"(module (rec (type $s (struct (field i32))) (type $a (array i8)))
        (func (export "f") (param v128 i32 anyref externref i31ref exnref)
          (result (ref $s) v128 externref exnref funcref) unreachable)
        (global (export "g") (mut v128) (v128.const i64x2 1 2)))"#;

    #[track_caller]
    fn expect_valid(thunk: &Thunk, opcode: Option<u8>) {
        assert!(is_valid_with(&thunk.binary, Features::WASM_3_0), "{:?}", thunk.frame);
        let offset = usize::try_from(thunk.frame.1).expect("a small module");
        assert_eq!(opcode.map_or(0, |_| thunk.binary[offset]), opcode.unwrap_or(0));
        assert!(opcode.is_none() || offset > PADDING, "a frame at {offset} may be one of another module");
    }

    #[test]
    fn a_thunk_is_valid_beside_the_module() {
        let shape = shape::read(&wat::parse_str(MODULE).expect("a module")).expect("a shape");
        let [(_, Kind::Func(signature)), (_, Kind::Global { ty, mutable })] = &shape.exports[..] else {
            panic!("a function and a global");
        };
        let null = Argument::Null(HeapType::Extern);
        let arguments =
            [Argument::Halves, Argument::Same, Argument::Host, null, Argument::I31(7), Argument::Null(HeapType::Exn)];
        let [any, external, exn] = [HeapType::Any, HeapType::Extern, HeapType::Exn].map(Form::Referent);
        for first in [any, Form::Converted] {
            let forms = [first, Form::Halves, external, exn, Form::Same];
            expect_valid(&make(&shape.types, &Source::Func(signature, &arguments), &forms, true), Some(CALL));
        }
        let global = Source::Global { ty: *ty, mutable: *mutable };
        expect_valid(&make(&shape.types, &global, &[Form::Halves], true), None);
        expect_valid(&make_call(&[ValType::I32], &[ValType::F64]), Some(CALL_INDIRECT));
    }

    #[test]
    fn a_thunk_of_another_type_is_invalid() {
        let shape = shape::read(&wat::parse_str(MODULE).expect("a module")).expect("a shape");
        let Kind::Func(signature) = &shape.exports[0].1 else { panic!("a function") };
        let arguments = vec![Argument::Same; signature.params.len()];
        let forms = vec![Form::Halves; signature.results.len()];
        let thunk = make(&shape.types, &Source::Func(signature, &arguments), &forms, true);
        assert!(!is_valid_with(&thunk.binary, Features::WASM_3_0));
    }
}
