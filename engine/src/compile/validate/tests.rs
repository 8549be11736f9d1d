//! Tests of refusals (malformed, invalid, too large) and of the description of a decoded module.

use super::*;
use crate::wasm::module::*;
use crate::wasm::types::*;

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

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

const TYPE: (u8, &[u8]) = (1, b"\x01\x60\0\0");
const FUNCTION: (u8, &[u8]) = (3, b"\x01\0");
const MEMORY: (u8, &[u8]) = (5, b"\x01\0\x01");
const CODE: u8 = 10;

fn refusal(features: Features, wasm: &[u8]) -> (ErrorKind, u64) {
    let error = validate(features, wasm).expect_err("the module must be refused");
    (error.kind(), error.offset().expect("every refusal has an offset"))
}

#[track_caller]
fn check_refusal(kind: ErrorKind, sections: &[(u8, &[u8])]) {
    assert_eq!(refusal(Features::WASM_2_0, &binary(sections)).0, kind);
}

fn text(source: &str) -> Vec<u8> {
    wat::parse_str(source).expect("the test's text parses")
}

fn decoded(wasm: &[u8]) -> Validated<'_> {
    decode(Features::WASM_2_0, wasm).expect("the test's module decodes")
}

#[test]
fn headers() {
    for bytes in [&b""[..], b"\0as", b"\0asm", b"\0asm\x02\0\0\0", b"\0asm\x0d\0\x01\0", b"asm\0\x01\0\0\0"] {
        assert_eq!(refusal(Features::WASM_2_0, bytes).0, ErrorKind::Malformed, "{bytes:?}");
    }
    validate(Features::WASM_1_0, HEADER).expect("the empty module is valid");
}

#[test]
fn malformed() {
    use ErrorKind::Malformed;
    check_refusal(Malformed, &[(14, b"")]);
    check_refusal(Malformed, &[(127, b"\0")]);
    check_refusal(Malformed, &[(13, b"\0")]);
    check_refusal(Malformed, &[TYPE, TYPE]);
    check_refusal(Malformed, &[FUNCTION, TYPE]);
    check_refusal(Malformed, &[TYPE, FUNCTION]);
    check_refusal(Malformed, &[(1, b"\x01\x60\0\0\0")]);
    // An import name that is not UTF-8.
    check_refusal(Malformed, &[TYPE, (2, b"\x01\x01\xff\x01a\0\0")]);
    // A body that ends without `end`, and one that goes on after it.
    check_refusal(Malformed, &[TYPE, FUNCTION, (CODE, b"\x01\x02\0\x01")]);
    check_refusal(Malformed, &[TYPE, FUNCTION, (CODE, b"\x01\x03\0\x0b\x0b")]);
    // 2^32 locals.
    check_refusal(Malformed, &[TYPE, FUNCTION, (CODE, b"\x01\x0e\x02\xff\xff\xff\xff\x0f\x7f\x01\x7f\x0b\0\0\0\0")]);
}

#[test]
fn flags_of_features_that_are_off_are_malformed() {
    // A shared memory, a memory and a table with 64-bit indices, a shared global, an alignment of 2^32.
    let body: &[u8] = b"\x01\x08\0\x41\0\x28\x20\0\x1a\x0b";
    check_refusal(ErrorKind::Malformed, &[(5, b"\x01\x03\x01\x01")]);
    check_refusal(ErrorKind::Malformed, &[(5, b"\x01\x04\x01")]);
    check_refusal(ErrorKind::Malformed, &[(4, b"\x01\x70\x04\x01")]);
    check_refusal(ErrorKind::Malformed, &[(6, b"\x01\x7f\x02\x41\0\x0b")]);
    check_refusal(ErrorKind::Malformed, &[TYPE, FUNCTION, MEMORY, (CODE, body)]);
    // With the feature on the same bytes decode.
    let memory64 = Features::WASM_2_0 | Features::MEMORY64;
    assert_eq!(refusal(memory64, &binary(&[TYPE, FUNCTION, MEMORY, (CODE, body)])).0, ErrorKind::Invalid);
    for section in [(5, b"\x01\x04\x01".as_slice()), (4, b"\x01\x70\x04\x01")] {
        validate(memory64, &binary(&[section])).expect("64-bit memories and tables are valid");
    }
}

#[test]
fn data_count_is_part_of_the_binary_format() {
    let init: (u8, &[u8]) = (CODE, b"\x01\x0d\0\x41\0\x41\0\x41\0\xfc\x08\0\0\x0b");
    let drop: (u8, &[u8]) = (CODE, b"\x01\x06\0\xfc\x09\0\x0b\0");
    let data: (u8, &[u8]) = (11, b"\x01\x01\0");
    let count: (u8, &[u8]) = (12, b"\x01");
    check_refusal(ErrorKind::Malformed, &[TYPE, FUNCTION, MEMORY, init, data]);
    check_refusal(ErrorKind::Malformed, &[TYPE, FUNCTION, MEMORY, drop, data]);
    // (array.new_data 0 0) and (array.init_data 0 0), which are also read where they cannot be reached.
    let array: (u8, &[u8]) = (1, b"\x02\x5e\x78\x01\x60\0\0");
    for opcode in [b"\x09", b"\x12"] {
        let body = [b"\x01\x07\0\0\xfb".as_slice(), opcode, b"\0\0\x0b"].concat();
        let wasm = binary(&[array, (3, b"\x01\x01"), (CODE, &body), data]);
        assert_eq!(refusal(Features::WASM_3_0, &wasm).0, ErrorKind::Malformed);
    }
    let wasm = binary(&[TYPE, FUNCTION, MEMORY, count, (CODE, b"\x01\x0c\0\x41\0\x41\0\x41\0\xfc\x08\0\0\x0b"), data]);
    validate(Features::WASM_2_0, &wasm).expect("with its data count the module is valid");
    // In 1.0 there is no such section.
    assert_eq!(refusal(Features::WASM_1_0, &binary(&[count, data])).0, ErrorKind::Malformed);
}

#[test]
fn invalid() {
    use ErrorKind::Invalid;
    // A function of an unknown type, and a body that leaves a value.
    check_refusal(Invalid, &[FUNCTION, (CODE, b"\x01\x02\0\x0b")]);
    check_refusal(Invalid, &[TYPE, FUNCTION, (CODE, b"\x01\x04\0\x41\0\x0b")]);
    // Two memories.
    check_refusal(Invalid, &[(5, b"\x02\0\x01\0\x01")]);
    // More than 65,536 pages.
    check_refusal(Invalid, &[(5, b"\x01\0\x81\x80\x04")]);
}

#[test]
fn malformed_comes_before_invalid() {
    // The export names no function, and the body after it does not decode.
    let export: (u8, &[u8]) = (7, b"\x01\0\0\x09");
    check_refusal(ErrorKind::Invalid, &[TYPE, FUNCTION, export, (CODE, b"\x01\x02\0\x0b")]);
    check_refusal(ErrorKind::Malformed, &[TYPE, FUNCTION, export, (CODE, b"\x01\x03\0\xff\x0b")]);
}

#[test]
fn offsets_point_at_the_instruction() {
    let wasm = binary(&[TYPE, FUNCTION, (CODE, b"\x01\x04\0\x01\x1a\x0b")]);
    // Header 8, type section 6, function section 4, then id, size, count, size, locals, nop.
    assert_eq!(refusal(Features::WASM_2_0, &wasm), (ErrorKind::Invalid, 24));
}

#[test]
fn limits() {
    let locals = text(&format!("(func (local{}))", " i32".repeat(50_001)));
    assert_eq!(refusal(Features::WASM_2_0, &locals).0, ErrorKind::TooLarge);
    // 1,000,001 functions of type 0, whose bodies are missing too: malformed comes first.
    let mut functions = vec![0xc1, 0x84, 0x3d];
    functions.resize(3 + 1_000_001, 0);
    let mut wasm = binary(&[TYPE]);
    wasm.extend_from_slice(&[3, 0xc4, 0x84, 0x3d]);
    wasm.extend_from_slice(&functions);
    assert_eq!(refusal(Features::WASM_2_0, &wasm).0, ErrorKind::Malformed);
    let segments = text(&"(data \"\")".repeat(100_001));
    assert_eq!(refusal(Features::WASM_2_0, &segments).0, ErrorKind::TooLarge);
    let fits = text(&format!("(func (local{}))", " i32".repeat(50_000)));
    validate(Features::WASM_2_0, &fits).expect("50,000 locals are within the limits");
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
        let error = validate(Features::WASM_3_0 | Features::THREADS, &wasm).expect_err("it is no constant");
        assert!(error.message().ends_with(&format!("non-constant operator: {name}")), "{error}");
    }
}

#[test]
fn features_are_told_apart() {
    let each = [
        (Features::MUTABLE_GLOBALS, "(global (export \"g\") (mut i32) (i32.const 0))"),
        (Features::SATURATING_FLOAT_TO_INT, "(func (drop (i32.trunc_sat_f32_s (f32.const 0))))"),
        (Features::SIGN_EXTENSION, "(func (drop (i32.extend8_s (i32.const 0))))"),
        (Features::MULTI_VALUE, "(func (result i32 i32) (i32.const 0) (i32.const 0))"),
        (Features::REFERENCE_TYPES, "(func (param externref))"),
        (Features::BULK_MEMORY, "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))"),
        (Features::SIMD, "(func (param v128))"),
    ];
    for (feature, source) in each {
        let wasm = text(source);
        validate(feature, &wasm).expect(source);
        assert_eq!(refusal(Features::WASM_2_0 - feature, &wasm).0, ErrorKind::Invalid, "{source}");
    }
    let descriptors = text("(rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct)))");
    validate(Features::WASM_3_0 | Features::CUSTOM_DESCRIPTORS, &descriptors).expect("descriptors are valid");
    let exact = text("(type $f (func)) (func (export \"f\") (param (ref (exact $f))))");
    validate(Features::WASM_3_0 | Features::CUSTOM_DESCRIPTORS, &exact).expect("exact types are valid");
    for wasm in [descriptors, exact] {
        assert_eq!(refusal(Features::WASM_3_0, &wasm).0, ErrorKind::Invalid);
    }
    for source in ["(func (return_call 0))", "(memory i64 1)", "(tag)", "(func (param (ref func)))"] {
        validate(Features::WASM_2_0, &text(source)).expect_err(source);
    }
}

#[test]
fn describes_the_module() {
    let wasm = text(
        r#"(module $m
            (import "a" "f" (func $f (param i32)))
            (import "a" "g" (global $g i32))
            (table $t 2 10 funcref) (memory 1 2)
            (global $h (mut v128) (v128.const i32x4 1 2 3 4))
            (func $unseen) (func $seen (export "seen")) (func $named) (func $declared) (func $start) (func $ref)
            (global funcref (ref.func $ref))
            (start $start)
            (elem (table $t) (global.get $g) func $named $f)
            (elem declare func $declared)
            (data (global.get $g) "abc") (data "de"))"#,
    );
    let Validated { module, bodies, data, func_names } = decoded(&wasm);
    assert_eq!(module.name.as_deref(), Some("m"));
    assert_eq!((module.imported_functions, module.imported_globals, module.imports.len()), (1, 1, 2));
    assert_eq!((module.functions.len(), bodies.len()), (7, 6));
    let func_refs: Vec<_> = module.functions.iter().map(|function| function.func_ref.map(|index| index.0)).collect();
    assert_eq!(func_refs, [None, None, Some(0), Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(module.func_refs, 5);
    assert_eq!(module.tables[0].limits, Limits { min: 2, max: Some(10) });
    assert_eq!(module.global_inits[0].0[..], [ConstOp::V128Const(0x00000004_00000003_00000002_00000001)]);
    assert_eq!(data, b"abcde");
    assert_eq!(module.data[1], DataSegment { mode: DataMode::Passive, bytes: 3..5 });
    assert_eq!(func_names.first(), Some(&(FuncIndex(0), "f".to_owned())));
    assert_eq!(func_names.len(), 7);
}

#[test]
fn malformed_names_are_no_error() {
    let code: (u8, &[u8]) = (CODE, b"\x01\x02\0\x0b");
    // A function name past the functions, a name that is not UTF-8, and a subsection that is cut off.
    let names: &[(&[u8], usize)] = &[
        (b"\x04name\x01\x04\x01\0\x01f", 1),
        (b"\x04name\x01\x04\x01\x09\x01f", 0),
        (b"\x04name\x01\x04\x01\0\x01\xff", 0),
        (b"\x04name\x01\x40", 0),
    ];
    for (section, count) in names {
        let wasm = binary(&[TYPE, FUNCTION, code, (0, section)]);
        validate(Features::WASM_2_0, &wasm).expect("custom sections never make a module invalid");
        assert_eq!(decoded(&wasm).func_names.len(), *count, "{section:?}");
    }
}
