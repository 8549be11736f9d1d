//! Traps: their kinds, and the frames at the time.

use crate::common::{call, call_any, engine, frames, instance, module};
use interpreter::{Instance, Store, Trap, Val};

#[test]
fn frames_name_functions_and_instructions() {
    let text = r#"(module $m
        (func $div (param i32) (result i32) (i32.add (i32.const 7) (i32.div_u (i32.const 1) (local.get 0))))
        (func (export "unnamed") (result i32) (nop) (call $div (i32.const 0)))
        (func $run (export "run") (result i32) (i32.const 1) (if (result i32) (then (call 1)) (else (i32.const 2)))))"#;
    let wasm = wat::parse_str(text).unwrap();
    let (mut store, instance) = instance(text);
    let error = call::<_, (), i32>(&mut store, instance, "run", ()).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::IntegerDivisionByZero));
    let frames = &error.backtrace().unwrap().frames;
    let shown: Vec<_> = frames.iter().map(|frame| (frame.func_index, frame.func_name.as_deref())).collect();
    assert_eq!(shown, [(0, Some("div")), (1, None), (2, Some("run"))]);
    let opcodes: Vec<_> = frames.iter().map(|frame| wasm[frame.module_offset as usize]).collect();
    assert_eq!(opcodes, [0x6e, 0x10, 0x10], "i32.div_u and two calls");
    assert_eq!(crate::common::frames(&error), ["m!0 $div @0x38", "m!1 @0x40", "m!2 $run @0x49"]);
}

/// Every trap that an instruction makes, with the opcode that its innermost frame names.
#[test]
fn each_trap_names_its_instruction() {
    let cases: &[(&str, Trap, u8)] = &[
        ("(unreachable)", Trap::Unreachable, 0x00),
        ("(drop (i32.load (i32.const 65533)))", Trap::MemoryOutOfBounds, 0x28),
        ("(i64.store offset=4294967295 (i32.const -1) (i64.const 0))", Trap::MemoryOutOfBounds, 0x37),
        ("(memory.fill (i32.const 65536) (i32.const 0) (i32.const 1))", Trap::MemoryOutOfBounds, 0xfc),
        ("(drop (table.get (i32.const 2)))", Trap::TableOutOfBounds, 0x25),
        ("(table.set (i32.const 2) (ref.null func))", Trap::TableOutOfBounds, 0x26),
        ("(call_indirect (i32.const 2))", Trap::UndefinedElement, 0x11),
        ("(call_indirect (i32.const 1))", Trap::UninitializedElement, 0x11),
        ("(call_indirect (param i32) (i32.const 0) (i32.const 0))", Trap::IndirectCallTypeMismatch, 0x11),
        ("(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))", Trap::IntegerOverflow, 0x7f),
        ("(drop (i32.rem_u (i32.const 1) (i32.const 0)))", Trap::IntegerDivisionByZero, 0x70),
        ("(drop (i32.trunc_f64_s (f64.const nan)))", Trap::InvalidConversionToInteger, 0xaa),
        ("(drop (i32.trunc_f64_s (f64.const 1e10)))", Trap::IntegerOverflow, 0xaa),
        ("(drop (ref.as_non_null (ref.null func)))", Trap::NullReference, 0xd4),
        ("(call_ref $none (ref.null $none))", Trap::NullReference, 0x14),
        ("(drop (ref.cast (ref i31) (ref.null i31)))", Trap::CastFailure, 0xfb),
        ("(drop (struct.get $pair 0 (ref.null $pair)))", Trap::NullReference, 0xfb),
        (
            "(drop (array.get $bytes (array.new_default $bytes (i32.const 3)) (i32.const 3)))",
            Trap::ArrayOutOfBounds,
            0xfb,
        ),
        ("(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))", Trap::ExpectedSharedMemory, 0xfe),
        ("(drop (i32.atomic.load (i32.const 2)))", Trap::UnalignedAtomic, 0xfe),
    ];
    for &(body, trap, opcode) in cases {
        let bytes = body.replace("array.get ", "array.get_u ");
        let text = format!(
            r#"(module (memory 1) (table 2 funcref) (elem (i32.const 0) $f) (type $none (func))
                (type $pair (struct (field i32))) (type $bytes (array i8))
                (func $f (export "f") (block {bytes})))"#
        );
        let wasm = wat::parse_str(&text).unwrap();
        let (mut store, instance) = instance(&text);
        let error = call::<_, (), ()>(&mut store, instance, "f", ()).unwrap_err();
        assert_eq!(error.as_trap(), Some(trap), "{body}");
        let frames = &error.backtrace().unwrap().frames;
        assert_eq!(frames.len(), 1, "{body}");
        assert_eq!(wasm[frames[0].module_offset as usize], opcode, "{body}");
    }
}

#[test]
fn a_trap_leaves_the_store_usable() {
    let text = r#"(module (func $f (export "f") (param i32) (result i32)
        (if (result i32) (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (unreachable)))))"#;
    let (mut store, instance) = instance(text);
    for _ in 0..3 {
        let error = call::<_, i32, i32>(&mut store, instance, "f", 4).unwrap_err();
        assert_eq!(frames(&error).len(), 5);
    }
}

#[test]
fn frames_of_several_modules_name_their_modules() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let first = module(&engine, r#"(module $one (func $f (export "f") (unreachable)))"#);
    let first = Instance::new(&mut store, &first, &[]).unwrap();
    let f = first.get_export(&store, "f").unwrap().unwrap();
    let second = module(&engine, r#"(module $two (import "" "" (func $in)) (func $g (export "g") (call $in)))"#);
    let second = Instance::new(&mut store, &second, &[f]).unwrap();
    let error = call_any(&mut store, second, "g", &[]).unwrap_err();
    assert_eq!(frames(&error), ["one!0 $f @0x1e", "two!1 $g @0x25"]);
}

#[test]
fn arguments_are_checked_before_anything_runs() {
    let text = r#"(module (func (export "f") (param i32) (result i64) (unreachable)))"#;
    let (mut store, instance) = instance(text);
    let func = instance.get_func(&store, "f").unwrap();
    let message = |error: interpreter::Error| error.message().to_string();
    let error = func.call(&mut store, &[], &mut [Val::I32(0)]).unwrap_err();
    assert_eq!(message(error), "a function of type [i32] -> [i64] has 1 parameters, but 0 were given");
    let error = func.call(&mut store, &[Val::I32(0)], &mut []).unwrap_err();
    assert_eq!(message(error), "a function of type [i32] -> [i64] has 1 results, but 0 were given");
    let error = func.call(&mut store, &[Val::I64(0)], &mut [Val::I32(0)]).unwrap_err();
    assert_eq!(message(error), "the argument must be of type i32, but is of type i64");
    let error = instance.get_typed_func::<i32, i32>(&store, "f").unwrap_err();
    assert_eq!(message(error), "the export \"f\": the function is of type [i32] -> [i64], not [i32] -> [i32]");
    let mut other = Store::new(&engine(), ());
    let error = func.call(&mut other, &[Val::I32(0)], &mut [Val::I32(0)]).unwrap_err();
    assert_eq!(message(error), "the function belongs to another store than the one with which it is used");
    let error = instance.exports(&other).unwrap_err();
    assert_eq!(message(error), "the instance belongs to another store than the one with which it is used");
}
