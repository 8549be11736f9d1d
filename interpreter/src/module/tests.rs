//! Tests of refusals and of the description of a module.

use super::*;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::types::{EntityType, GlobalType, HeapType, Limits, MemoryType, RefType, TableType, ValType};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use features::Features;
use wasmparser::Operator;

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

const TYPE: (u8, &[u8]) = (1, b"\x01\x60\0\0");
const FUNCTION: (u8, &[u8]) = (3, b"\x01\0");
const MEMORY: (u8, &[u8]) = (5, b"\x01\0\x01");
const CODE: u8 = 10;

/// Encodes a module of these raw sections.
fn binary(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for (id, contents) in sections {
        bytes.push(*id);
        bytes.push(u8::try_from(contents.len()).expect("short sections only"));
        bytes.extend_from_slice(contents);
    }
    bytes
}

fn text(source: &str) -> Vec<u8> {
    wat::parse_str(source).expect("the test's text parses")
}

fn module(features: Features, wasm: &[u8]) -> Result<Module> {
    Module::new(&Engine::new(Config::new().features(features)), wasm)
}

/// Reads a module with every feature that the interpreter has.
fn valid(source: &str) -> Module {
    module(Config::SUPPORTED_FEATURES, &text(source)).expect(source)
}

fn refusal(features: Features, wasm: &[u8]) -> Error {
    let error = module(features, wasm).expect_err("the module must be refused");
    assert!(error.offset().is_some(), "every refusal has an offset: {error}");
    error
}

#[track_caller]
fn check_refusal(kind: ErrorKind, sections: &[(u8, &[u8])]) {
    let error = refusal(Features::WASM_2_0, &binary(sections));
    assert_eq!(error.kind(), kind, "{error}");
}

#[test]
fn headers() {
    let wrong = [&b""[..], b"\0as", b"\0asm", b"\0asm\x02\0\0\0", b"asm\0\x01\0\0\0"];
    for bytes in wrong {
        assert_eq!(refusal(Features::WASM_2_0, bytes).kind(), ErrorKind::Malformed, "{bytes:?}");
    }
    module(Features::WASM_1_0, HEADER).expect("the empty module is valid");
}

#[test]
fn other_formats_are_named() {
    for (bytes, what) in
        [(&b"\0asm\x0d\0\x01\0"[..], "this is a component"), (b"\x7fELF\x02\x01", "this is an ELF file")]
    {
        let error = refusal(Features::WASM_3_0, bytes);
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.message().contains(what), "{error}");
    }
    assert_eq!(refusal(Features::WASM_3_0, b"(module)").message(), "magic header not detected: bad magic number");
}

#[test]
fn malformed() {
    use ErrorKind::Malformed;
    check_refusal(Malformed, &[(14, b"")]);
    check_refusal(Malformed, &[(13, b"\0")]);
    check_refusal(Malformed, &[TYPE, TYPE]);
    check_refusal(Malformed, &[FUNCTION, TYPE]);
    check_refusal(Malformed, &[TYPE, FUNCTION]);
    check_refusal(Malformed, &[(1, b"\x01\x60\0\0\0")]);
    // The name of an import that is not UTF-8.
    check_refusal(Malformed, &[TYPE, (2, b"\x01\x01\xff\x01a\0\0")]);
    // Bodies without `end`, with bytes after it, and with 2^32 locals.
    check_refusal(Malformed, &[TYPE, FUNCTION, (CODE, b"\x01\x02\0\x01")]);
    check_refusal(Malformed, &[TYPE, FUNCTION, (CODE, b"\x01\x03\0\x0b\x0b")]);
    check_refusal(Malformed, &[TYPE, FUNCTION, (CODE, b"\x01\x0a\x02\xff\xff\xff\xff\x0f\x7f\x01\x7f\x0b")]);
}

#[test]
fn flags_of_features_that_are_off_are_malformed() {
    // A load with an alignment of 2^32 bytes.
    let body: &[u8] = b"\x01\x08\0\x41\0\x28\x20\0\x1a\x0b";
    let aligned = [TYPE, FUNCTION, MEMORY, (CODE, body)];
    let vector = [TYPE, FUNCTION, MEMORY, (CODE, b"\x01\x09\0\x41\0\xfd\0\x20\0\x1a\x0b")];
    check_refusal(ErrorKind::Malformed, &aligned);
    check_refusal(ErrorKind::Malformed, &vector);
    let memory64 = Features::WASM_2_0 | Features::MEMORY64;
    for sections in [&aligned, &vector] {
        assert_eq!(refusal(memory64, &binary(sections)).kind(), ErrorKind::Invalid);
    }
    // A shared memory, a memory and a table with 64-bit indices, and small pages.
    let flagged: [((u8, &[u8]), Features); 4] = [
        ((5, b"\x01\x03\x01\x01"), Features::THREADS),
        ((5, b"\x01\x04\x01"), Features::MEMORY64),
        ((4, b"\x01\x70\x04\x01"), Features::MEMORY64),
        ((5, b"\x01\x08\x01\0"), Features::CUSTOM_PAGE_SIZES),
    ];
    for (section, feature) in flagged {
        check_refusal(ErrorKind::Malformed, &[section]);
        module(Features::WASM_2_0 | feature, &binary(&[section])).expect("the feature allows the flag");
    }
    // A shared global.
    check_refusal(ErrorKind::Malformed, &[(6, b"\x01\x7f\x02\x41\0\x0b")]);
}

#[test]
fn instructions_on_data_need_a_data_count() {
    let init: (u8, &[u8]) = (CODE, b"\x01\x0c\0\x41\0\x41\0\x41\0\xfc\x08\0\0\x0b");
    let drop: (u8, &[u8]) = (CODE, b"\x01\x05\0\xfc\x09\0\x0b");
    let data: (u8, &[u8]) = (11, b"\x01\x01\0");
    let count: (u8, &[u8]) = (12, b"\x01");
    for code in [init, drop] {
        check_refusal(ErrorKind::Malformed, &[TYPE, FUNCTION, MEMORY, code, data]);
        module(Features::WASM_2_0, &binary(&[TYPE, FUNCTION, MEMORY, count, code, data])).expect("it has its count");
    }
    // array.new_data and array.init_data, where they cannot be reached.
    let array: (u8, &[u8]) = (1, b"\x02\x5e\x78\x01\x60\0\0");
    for opcode in [b"\x09", b"\x12"] {
        let body = [b"\x01\x07\0\0\xfb".as_slice(), opcode, b"\0\0\x0b"].concat();
        let wasm = binary(&[array, (3, b"\x01\x01"), (CODE, &body), data]);
        assert_eq!(refusal(Features::WASM_3_0, &wasm).kind(), ErrorKind::Malformed);
    }
    assert_eq!(refusal(Features::WASM_1_0, &binary(&[count, data])).kind(), ErrorKind::Malformed);
}

#[test]
fn invalid() {
    use ErrorKind::Invalid;
    // A function of an unknown type, a body that leaves a value, two memories, more than 65,536 pages.
    check_refusal(Invalid, &[FUNCTION, (CODE, b"\x01\x02\0\x0b")]);
    check_refusal(Invalid, &[TYPE, FUNCTION, (CODE, b"\x01\x04\0\x41\0\x0b")]);
    check_refusal(Invalid, &[(5, b"\x02\0\x01\0\x01")]);
    check_refusal(Invalid, &[(5, b"\x01\0\x81\x80\x04")]);
}

#[test]
fn malformed_takes_precedence() {
    // The export names no function, and the body after it does not decode.
    let export: (u8, &[u8]) = (7, b"\x01\0\0\x09");
    check_refusal(ErrorKind::Invalid, &[TYPE, FUNCTION, export, (CODE, b"\x01\x02\0\x0b")]);
    check_refusal(ErrorKind::Malformed, &[TYPE, FUNCTION, export, (CODE, b"\x01\x03\0\xff\x0b")]);
    // Too many functions, which have no bodies.
    let mut wasm = binary(&[TYPE]);
    wasm.extend_from_slice(&[3, 0xc4, 0x84, 0x3d, 0xc1, 0x84, 0x3d]);
    wasm.resize(wasm.len() + 1_000_001, 0);
    assert_eq!(refusal(Features::WASM_2_0, &wasm).kind(), ErrorKind::Malformed);
}

#[test]
fn offsets_point_at_the_instruction() {
    let wasm = binary(&[TYPE, FUNCTION, (CODE, b"\x01\x04\0\x01\x1a\x0b")]);
    let error = refusal(Features::WASM_2_0, &wasm);
    // The header has 8 bytes, the type section 6, the function section 4. After the id, size and count of the code
    // section come the size and locals of the body, and a `nop`.
    assert_eq!((error.kind(), error.offset()), (ErrorKind::Invalid, Some(24)));
}

#[test]
fn limits() {
    let locals = |count| text(&format!("(func (local{}))", " i32".repeat(count)));
    let error = refusal(Features::WASM_2_0, &locals(50_001));
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.message(), "50001 locals of one function are too many: the interpreter accepts 50000");
    module(Features::WASM_2_0, &locals(50_000)).expect("the greatest number of locals");
    let segments = text(&"(data \"\")".repeat(100_001));
    assert_eq!(refusal(Features::WASM_2_0, &segments).kind(), ErrorKind::TooLarge);
}

#[test]
fn messages_name_instructions_as_the_text_format_does() {
    for (code, name) in [
        ("(i32.div_s (i32.const 1) (i32.const 1))", "i32.div_s"),
        ("(memory.size)", "memory.size"),
        ("(i64.atomic.rmw8.add_u (i32.const 0) (i64.const 0))", "i64.atomic.rmw8.add_u"),
        ("(i32.atomic.load (i32.const 0))", "i32.atomic.load"),
        ("(return)", "return"),
    ] {
        let wasm = text(&format!("(memory 1 1 shared) (global i32 {code})"));
        let error = refusal(Features::WASM_3_0 | Features::THREADS, &wasm);
        assert_eq!(error.message(), format!("constant expression required: non-constant operator: {name}"));
    }
}

#[test]
fn every_feature_is_told_apart() {
    for feature in features::TABLE {
        let wasm = text(feature.example);
        let with = Features::empty().with(feature.set);
        if Config::SUPPORTED_FEATURES.contains(with) {
            module(with, &wasm).expect(feature.name);
        }
        let error = module(with - feature.set, &wasm).expect_err(feature.name);
        assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Malformed), "{}: {error}", feature.name);
    }
}

#[test]
fn wasmparser_knows_the_flags_of_every_feature() {
    for flag in Features::all().parser_flags() {
        assert!(WasmFeatures::from_name(flag).is_some(), "{flag}");
    }
}

const SAMPLE: &str = r#"(module $m
    (type $t (func (param i32)))
    (import "a" "f" (func $f (type $t)))
    (import "a" "m" (memory 1 2))
    (import "a" "g" (global $g i32))
    (import "b" "t" (tag $x (type $t)))
    (table $t 2 10 funcref)
    (table 1 (ref $t) (ref.func $f))
    (global $h (mut v128) (v128.const i32x4 1 2 3 4))
    (func $main (export "main") (local i64) (nop))
    (func $start)
    (export "again" (func $f)) (export "m" (memory 0)) (export "g" (global $h)) (export "t" (table 1))
    (export "x" (tag $x))
    (start $start)
    (elem (table $t) (global.get $g) func $main $f)
    (elem declare func $start)
    (elem (ref null $t) (ref.func $f) (ref.null $t))
    (data (global.get $g) "abc")
    (data "de"))"#;

#[test]
fn describes_the_module() {
    let sample = valid(SAMPLE);
    let description = sample.description();
    let imported = [
        description.imported_functions(),
        description.imported_tables(),
        description.imported_memories(),
        description.imported_globals(),
        description.imported_tags(),
    ];
    assert_eq!(imported, [1, 0, 1, 1, 1]);
    assert_eq!(description.functions, [(TypeIndex(0), false), (TypeIndex(1), true), (TypeIndex(1), true)]);
    assert_eq!((description.defined(0), description.defined(2), description.start), (None, Some(1), Some(2)));
    assert_eq!(description.signature(0).params(), [ValType::I32]);
    assert_eq!(description.tables[0].limits, Limits { min: 2, max: Some(10) });
    assert_eq!(description.tags, [TypeIndex(0)]);
    assert_eq!(description.group_ends, [1, 2]);
    let segments: Vec<_> = description.data.iter().map(|segment| sample.data(segment)).collect();
    assert_eq!(segments, [b"abc".as_slice(), b"de"]);
    assert!(matches!(description.data[0].mode, DataMode::Active { memory: 0, .. }));
    assert_eq!(description.data[1].mode, DataMode::Passive);
    let [active, declared, passive] = &*description.elements else { panic!("three segments") };
    assert!(matches!(&active.items, ElementItems::Functions(functions) if **functions == [1, 0]));
    assert_eq!(active.ty, RefType { nullable: false, heap: HeapType::Func });
    assert!(matches!(active.mode, ElementMode::Active { table: 0, .. }));
    assert_eq!((declared.mode, declared.items.len()), (ElementMode::Declared, 1));
    assert_eq!((passive.mode, passive.items.len()), (ElementMode::Passive, 2));
    assert_eq!(passive.ty, RefType { nullable: true, heap: HeapType::Defined(TypeIndex(0)) });
}

#[test]
fn instructions_are_read_from_the_bytes() {
    let sample = valid(SAMPLE);
    let description = sample.description();
    let body = sample.body(0);
    let locals: Vec<_> = body.get_locals_reader().unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(locals, [(1, wasmparser::ValType::I64)]);
    let operators: Vec<_> = body.get_operators_reader().unwrap().into_iter_with_offsets().map(Result::unwrap).collect();
    let [(Operator::Nop, offset), (Operator::End, _)] = operators[..] else { panic!("{operators:?}") };
    assert_eq!(sample.bytes()[offset as usize..][..2], [0x01, 0x0b]);
    let first = |expression| sample.const_expr(expression).read().unwrap();
    let Operator::V128Const { value } = first(description.global_inits[0]) else { panic!("a constant") };
    assert_eq!(value.i128(), 0x00000004_00000003_00000002_00000001);
    assert!(matches!(first(description.table_inits[1].unwrap()), Operator::RefFunc { function_index: 0 }));
    let ElementItems::Expressions(items) = &description.elements[2].items else { panic!("expressions") };
    assert!(matches!(first(items[1]), Operator::RefNull { .. }));
    let mut reader = sample.const_expr(items[0]);
    reader.read().unwrap();
    assert!(matches!(reader.read(), Ok(Operator::End)) && reader.eof());
}

#[test]
fn imports_and_exports() {
    let sample = valid(SAMPLE);
    let imports: Vec<_> = sample.imports().map(|item| format!("{} {} {}", item.module, item.name, item.ty)).collect();
    assert_eq!(imports, ["a f func [i32] -> []", "a m memory 1 2", "a g global i32", "b t tag [i32] -> []"]);
    let exports: Vec<_> = sample.exports().map(|item| format!("{} {}", item.name, item.ty)).collect();
    let expected = ["main func [] -> []", "again func [i32] -> []", "m memory 1 2", "g global (mut v128)"];
    assert_eq!(exports[..4], expected);
    assert_eq!(exports[4..], ["t table 1 (ref 0)", "x tag [i32] -> []"]);
    let element = RefType { nullable: false, heap: HeapType::Defined(TypeIndex(0)) };
    assert_eq!(sample.get_export("t"), Some(ExternType::Table(TableType::new(element, 1, None))));
    assert_eq!(sample.get_export("g"), Some(ExternType::Global(GlobalType::new(ValType::V128, true))));
    assert_eq!(sample.get_export("m"), Some(ExternType::Memory(MemoryType::new(1, Some(2)))));
    assert_eq!((sample.get_export("f"), sample.get_export("")), (None, None));
    let exact = valid("(type $f (func)) (import \"\" \"\" (func (exact (type $f))))");
    assert_eq!(exact.description().imports[0].ty, EntityType::Func { ty: TypeIndex(0), exact: true });
}

#[test]
fn names() {
    let sample = valid(SAMPLE);
    assert_eq!(sample.name(), Some("m"));
    assert_eq!([0, 1, 2, 3].map(|func| sample.func_name(func)), [Some("f"), Some("main"), Some("start"), None]);
    assert_eq!(format!("{sample:?}"), format!("Module {{ name: Some(\"m\"), bytes: {} }}", sample.bytes().len()));
    assert_eq!(valid("(func)").name(), None);
}

#[test]
fn malformed_names_are_no_error() {
    let code: (u8, &[u8]) = (CODE, b"\x01\x02\0\x0b");
    let good: &[u8] = b"\x04name\x01\x04\x01\0\x01f";
    // Two names in the wrong order, a name past the functions, one that is not UTF-8, a subsection that is cut off.
    let sections: &[(&[u8], Option<&str>)] = &[
        (good, Some("f")),
        (b"\x04name\x01\x07\x02\x01\x01g\0\x01f", None),
        (b"\x04name\x01\x04\x01\x09\x01f", None),
        (b"\x04name\x01\x04\x01\0\x01\xff", None),
        (b"\x04name\x01\x40", None),
    ];
    for (section, name) in sections {
        let wasm = binary(&[TYPE, FUNCTION, code, (0, section)]);
        let read = module(Features::WASM_2_0, &wasm).expect("custom sections never make a module invalid");
        assert_eq!(read.func_name(0), *name, "{section:?}");
    }
    let wasm = binary(&[TYPE, FUNCTION, code, (0, b"\x04name\x01\x40"), (0, good)]);
    assert_eq!(module(Features::WASM_2_0, &wasm).unwrap().func_name(0).map(ToString::to_string), Some("f".into()));
}

#[test]
fn modules_go_to_other_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Module>();
    check::<Engine>();
}
