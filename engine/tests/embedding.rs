//! The embedding interface: modules, instances, and their imports and exports.

use engine::{
    Caller, Config, Engine, ErrorKind, Extern, ExternRef, ExternType, Func, FuncType, Global, GlobalType, Instance,
    Linker, Memory, MemoryChecks, MemoryType, Module, Result, Store, Table, TableType, Trap, Val, ValType,
};

fn engine() -> Engine {
    Engine::new(&Config::new()).unwrap()
}

/// Returns a store of `()` with an instance of a module without imports.
fn instance(text: &str) -> (Store<()>, Instance) {
    let engine = engine();
    let module = Module::new(&engine, text).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

/// Returns the message of an error of kind `Usage`.
fn usage<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
    error.message().to_owned()
}

const SWAP: &str = r#"(module
    (func (export "swap") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
        local.get 3 local.get 2 local.get 1 local.get 0))"#;

#[test]
fn untyped_call() {
    let (mut store, instance) = instance(SWAP);
    let swap = instance.get_func(&mut store, "swap").unwrap();
    let params = [Val::I32(-1), Val::I64(i64::MIN), Val::F32(0x7fa0_0001), Val::from(1.5f64)];
    let mut results = [Val::I32(0); 4];
    swap.call(&mut store, &params, &mut results).unwrap();
    results.reverse();
    assert_eq!(results, params);
    assert_eq!(swap.ty(&store).unwrap().to_string(), "[i32 i64 f32 f64] -> [f64 f32 i64 i32]");
}

#[test]
fn typed_call() {
    let (mut store, instance) = instance(SWAP);
    let swap = instance.get_typed_func::<(u32, i64, f32, f64), (f64, f32, u64, i32)>(&mut store, "swap").unwrap();
    for round in 0..3 {
        let results = swap.call(&mut store, (7, -2, 0.5, round.into())).unwrap();
        assert_eq!(results, (round.into(), 0.5, u64::MAX - 1, 7));
    }
    let message = usage(instance.get_typed_func::<(i32, i64, f32), ()>(&mut store, "swap"));
    assert!(message.contains("\"swap\"") && message.contains("[i32 i64 f32 f64]"), "{message}");
    assert!(message.contains("not [i32 i64 f32] -> []"), "{message}");
}

#[test]
fn vectors_and_many_values_pass_through() {
    let (mut store, instance) = instance(
        r#"(module
            (func (export "v") (param v128) (result v128) local.get 0)
            (func (export "ten") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f64 v128)
                (result i32 v128 f64 i32 i32 i32 i32 i32 i32 i32 i32 i32)
                local.get 9 local.get 11 local.get 10 local.get 8 local.get 7 local.get 6 local.get 5 local.get 4
                local.get 3 local.get 2 local.get 1 local.get 0))"#,
    );
    let v = instance.get_typed_func::<u128, u128>(&mut store, "v").unwrap();
    assert_eq!(v.call(&mut store, 0x0123_4567_89ab_cdef_0011_2233_4455_6677).unwrap() >> 64, 0x0123_4567_89ab_cdef);
    let ten = instance.get_func(&mut store, "ten").unwrap();
    let params: Vec<Val> = (0..10).map(Val::I32).chain([Val::from(0.25f64), Val::V128(u128::MAX / 3)]).collect();
    let mut results = [Val::I32(0); 12];
    ten.call(&mut store, &params, &mut results).unwrap();
    assert_eq!(results[..3], [params[9], params[11], params[10]]);
    assert_eq!(results[11], params[0]);
}

#[test]
fn wrong_calls_say_what_was_expected() {
    let (mut store, instance) = instance(SWAP);
    let swap = instance.get_func(&mut store, "swap").unwrap();
    let mut results = [Val::I32(0); 4];
    let message = usage(swap.call(&mut store, &[], &mut results));
    assert!(message.contains("4 parameters, but 0"), "{message}");
    let params = [Val::I32(1), Val::I64(1), Val::F32(1), Val::F64(1)];
    let message = usage(swap.call(&mut store, &params, &mut []));
    assert!(message.contains("4 results, but 0"), "{message}");
    let message = usage(swap.call(&mut store, &[Val::I64(1); 4], &mut results));
    assert!(message.contains("type i32, but is of type i64"), "{message}");
}

#[test]
fn exports_by_name() {
    let (mut store, instance) = instance(
        r#"(module $named
            (memory (export "m") 1 2) (table (export "t") 3 funcref) (global (export "g") (mut i64) (i64.const 9))
            (func (export "f")) (export "f again" (func 0)))"#,
    );
    let module = instance.module(&store).unwrap();
    assert_eq!(module.name(), Some("named"));
    let names: Vec<_> = module.exports().map(|export| format!("{}: {}", export.name, export.ty)).collect();
    let expected =
        ["m: memory 1 2", "t: table 3 funcref", "g: global (mut i64)", "f: func [] -> []", "f again: func [] -> []"];
    assert_eq!(names, expected);
    let exports = instance.exports(&mut store).unwrap();
    assert_eq!(exports.len(), 5);
    for (name, item) in exports {
        assert_eq!(instance.get_export(&mut store, &name).unwrap(), Some(item));
        assert_eq!(module.get_export(&name), Some(item.ty(&store).unwrap()));
    }
    assert_eq!(instance.get_func(&mut store, "f").unwrap(), instance.get_func(&mut store, "f again").unwrap());
    assert_eq!(instance.get_export(&mut store, "nothing").unwrap(), None);
    assert!(usage(instance.get_func(&mut store, "nothing")).contains("\"nothing\"; expected a function"));
    assert!(usage(instance.get_memory(&mut store, "t")).contains("not a memory"));
}

#[test]
fn memories() {
    for checks in [MemoryChecks::GuardPages, MemoryChecks::Explicit] {
        let engine = Engine::new(Config::new().memory_checks(checks)).unwrap();
        let mut store = Store::new(&engine, 5u8);
        let ty = MemoryType::new(1, Some(3));
        let memory = Memory::new(&mut store, ty).unwrap();
        assert_eq!(memory.ty(&store).unwrap(), ty);
        memory.write(&mut store, 65_532, b"last").unwrap();
        assert_eq!(memory.write(&mut store, 65_533, b"last").unwrap_err().as_trap(), Some(Trap::MemoryOutOfBounds));
        assert_eq!(memory.write(&mut store, u64::MAX, b"last").unwrap_err().as_trap(), Some(Trap::MemoryOutOfBounds));
        assert_eq!(memory.grow(&mut store, 2).unwrap(), 1);
        assert_eq!(memory.size(&store).unwrap(), 3);
        assert_eq!(memory.grow(&mut store, 1).unwrap_err().kind(), ErrorKind::Resource);
        assert_eq!(memory.grow(&mut store, u64::MAX).unwrap_err().kind(), ErrorKind::Resource);
        assert_eq!(memory.data(&store).unwrap()[65_532..65_537], *b"last\0");
        let (bytes, data) = memory.data_and_store_mut(&mut store).unwrap();
        bytes[3 * 65_536 - 1] = *data;
        *data = 6;
        let mut last = [0];
        memory.read(&store, 3 * 65_536 - 1, &mut last).unwrap();
        assert_eq!((last, *store.data()), ([5], 6));
    }
}

#[test]
fn huge_declarations_cost_address_space_only() {
    for checks in [MemoryChecks::GuardPages, MemoryChecks::Explicit] {
        let engine = Engine::new(Config::new().memory_checks(checks)).unwrap();
        let text = r#"(module (memory (export "m") 65536)
            (func (export "store") (param i32) (i64.store (local.get 0) (i64.const -1)))
            (func (export "store far") (param i32) (i64.store offset=0xffffffff (local.get 0) (i64.const -1)))
            (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#;
        let module = Module::new(&engine, text).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let write = instance.get_typed_func::<u32, ()>(&mut store, "store").unwrap();
        write.call(&mut store, 0xffff_fff8).unwrap();
        assert_eq!(write.call(&mut store, 0xffff_fff9).unwrap_err().as_trap(), Some(Trap::MemoryOutOfBounds));
        let write_far = instance.get_typed_func::<u32, ()>(&mut store, "store far").unwrap();
        for index in [0, 0x7fff_ffff, u32::MAX] {
            let error = write_far.call(&mut store, index).unwrap_err();
            assert_eq!(error.as_trap(), Some(Trap::MemoryOutOfBounds));
        }
        let grow = instance.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
        assert_eq!(grow.call(&mut store, ()).unwrap(), -1);
        let one = Module::new(&engine, "(module (memory 0 65536))").unwrap();
        Instance::new(&mut store, &one, &[]).unwrap();
    }
}

#[test]
fn tables() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let one = ExternRef::new(&mut store, "one").unwrap();
    let table = Table::new(&mut store, TableType::new(engine::RefType::EXTERN, 2, Some(5)), one.into()).unwrap();
    let null = Val::ExternRef(None);
    assert_eq!(table.grow(&mut store, 2, null).unwrap(), 2);
    assert_eq!(table.size(&store).unwrap(), 4);
    let Some(Val::ExternRef(Some(first))) = table.get(&mut store, 1).unwrap() else { panic!("an extern reference") };
    assert!(first.ref_eq(&one, &store).unwrap());
    assert_eq!(table.get(&mut store, 2).unwrap(), Some(null));
    assert_eq!(table.get(&mut store, 4).unwrap(), None);
    assert_eq!(table.set(&mut store, 4, null).unwrap_err().as_trap(), Some(Trap::TableOutOfBounds));
    table.fill(&mut store, 1, null, 3).unwrap();
    assert_eq!(table.get(&mut store, 1).unwrap(), Some(null));
    assert_eq!(table.fill(&mut store, 1, null, 4).unwrap_err().as_trap(), Some(Trap::TableOutOfBounds));
    assert_eq!(table.grow(&mut store, 2, null).unwrap_err().kind(), ErrorKind::Resource);
    usage(table.set(&mut store, 0, Val::FuncRef(None)));
    assert_eq!(one.data(&store).unwrap().unwrap().downcast_ref(), Some(&"one"));
}

#[test]
fn a_table_keeps_its_elements_while_it_grows() {
    let (mut store, instance) = instance(
        r#"(module (table (export "t") 1 funcref) (elem (i32.const 0) $f)
            (func $f (result i32) i32.const 77)
            (func (export "grow") (param i32) (result i32) (table.grow (ref.func $f) (local.get 0)))
            (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"#,
    );
    let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
    let call = instance.get_typed_func::<i32, i32>(&mut store, "call").unwrap();
    for size in 1..100 {
        assert_eq!(grow.call(&mut store, 1).unwrap(), size);
        assert_eq!(call.call(&mut store, size).unwrap(), 77);
        assert_eq!(call.call(&mut store, 0).unwrap(), 77);
    }
    assert_eq!(grow.call(&mut store, i32::MAX).unwrap(), -1);
    assert_eq!(call.call(&mut store, 100).unwrap_err().as_trap(), Some(Trap::UndefinedElement));
}

#[test]
fn globals() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let mutable = GlobalType { content: ValType::F32, mutable: true };
    let global = Global::new(&mut store, mutable, Val::F32(1)).unwrap();
    global.set(&mut store, Val::F32(0x7f80_0001)).unwrap();
    assert_eq!(global.get(&mut store).unwrap(), Val::F32(0x7f80_0001));
    usage(global.set(&mut store, Val::F64(0)));
    let constant = GlobalType { content: ValType::I32, mutable: false };
    let global = Global::new(&mut store, constant, Val::I32(3)).unwrap();
    assert!(usage(global.set(&mut store, Val::I32(4))).contains("immutable"));
    usage(Global::new(&mut store, constant, Val::I64(3)));
}

#[test]
fn memories_and_tables_of_64_bit_indices() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let memory = Memory::new(&mut store, MemoryType::memory64(1, Some(3))).unwrap();
    let table = Table::new(&mut store, TableType::table64(engine::RefType::FUNC, 1, None), Val::FuncRef(None)).unwrap();
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
    assert_eq!(memory.grow(&mut store, u64::MAX).unwrap_err().kind(), ErrorKind::Resource);
    let text = r#"(module (memory (import "" "m") i64 2 3) (table (import "" "t") i64 1 funcref)
        (func (export "load") (param i64) (result i32) (i32.load8_u offset=1 (local.get 0)))
        (func (export "grow") (param i64) (result i64) (table.grow (ref.null func) (local.get 0))))"#;
    let module = Module::new(&engine, text).unwrap();
    let types: Vec<String> = module.imports().map(|import| import.ty.to_string()).collect();
    assert_eq!(types, ["memory i64 2 3", "table i64 1 funcref"]);
    let instance = Instance::new(&mut store, &module, &[memory.into(), table.into()]).unwrap();
    memory.write(&mut store, 131_071, &[9]).unwrap();
    let load = instance.get_typed_func::<u64, u32>(&mut store, "load").unwrap();
    assert_eq!(load.call(&mut store, 131_070).unwrap(), 9);
    assert_eq!(load.call(&mut store, u64::MAX).unwrap_err().as_trap(), Some(Trap::MemoryOutOfBounds));
    let grow = instance.get_typed_func::<u64, u64>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, 1 << 40).unwrap(), u64::MAX);
    assert_eq!((grow.call(&mut store, 2).unwrap(), table.size(&store).unwrap()), (1, 3));
    let narrow = Memory::new(&mut store, MemoryType::new(2, Some(3))).unwrap();
    let error = Instance::new(&mut store, &module, &[narrow.into(), table.into()]).unwrap_err();
    assert_eq!(error.message(), "incompatible import type for .m: expected memory i64 2 3, found memory 2 3");
    let huge = Memory::new(&mut store, MemoryType::memory64(1 << 47, None));
    assert_eq!(huge.unwrap_err().kind(), ErrorKind::Resource);
    usage(Memory::new(&mut store, MemoryType::memory64((1 << 48) + 1, None)));
}

#[test]
fn nothing_crosses_stores() {
    let engine = engine();
    let mut here = Store::new(&engine, ());
    let mut there = Store::new(&engine, ());
    let func = Func::wrap(&mut there, || {});
    let memory = Memory::new(&mut there, MemoryType::new(0, None)).unwrap();
    let value = ExternRef::new(&mut there, 1u8).unwrap();
    usage(func.call(&mut here, &[], &mut []));
    usage(func.ty(&here));
    usage(func.typed::<(), ()>(&here));
    usage(func.typed::<(), ()>(&there).unwrap().call(&mut here, ()));
    usage(memory.size(&here));
    usage(memory.data_mut(&mut here));
    usage(value.data(&here));
    let takes_extern = Func::wrap(&mut here, |_: Option<ExternRef>| {});
    usage(takes_extern.call(&mut here, &[value.into()], &mut []));
    usage(takes_extern.typed::<Option<ExternRef>, ()>(&here).unwrap().call(&mut here, Some(value)));
    let module = Module::new(&engine, r#"(module (import "" "" (func)))"#).unwrap();
    usage(Instance::new(&mut here, &module, &[func.into()]));
    let foreign = Module::new(&Engine::new(&Config::new()).unwrap(), "(module)").unwrap();
    assert!(usage(Instance::new(&mut here, &foreign, &[])).contains("another engine"));
    usage(Linker::new(&engine).define(&here, "a", "b", func).map(drop));
    let returns_foreign = Func::wrap(&mut here, move || Some(value));
    usage(returns_foreign.call(&mut here, &[], &mut [Val::I32(0)]));
}

#[test]
fn imports_are_matched_against_current_sizes() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let memory = Memory::new(&mut store, MemoryType::new(1, Some(4))).unwrap();
    linker.define(&store, "m", "memory", memory).unwrap();
    linker.func_wrap("m", "func", |x: i32| x).unwrap();
    let mut check = |text: &str| {
        let module = Module::new(&engine, text).unwrap();
        linker.instantiate(&mut store, &module).map(drop)
    };
    let link_error = |result: Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Link);
        error.message().to_owned()
    };
    check(r#"(module (import "m" "memory" (memory 1)))"#).unwrap();
    let message = link_error(check(r#"(module (import "m" "memory" (memory 2 4)))"#));
    assert_eq!(message, "incompatible import type for m.memory: expected memory 2 4, found memory 1 4");
    link_error(check(r#"(module (import "m" "memory" (memory 1 3)))"#));
    check(
        r#"(module (import "m" "memory" (memory 1 5)) (func $grow (drop (memory.grow (i32.const 1)))) (start $grow))"#,
    )
    .unwrap();
    check(r#"(module (import "m" "memory" (memory 2 4)))"#).unwrap();
    let message = link_error(check(r#"(module (import "m" "func" (func (param i64) (result i32))))"#));
    assert_eq!(message, "incompatible import type for m.func: expected func [i64] -> [i32], found func [i32] -> [i32]");
    let message = link_error(check(r#"(module (import "m" "missing" (global (mut i32))))"#));
    assert_eq!(message, "unknown import m.missing: expected global (mut i32)");
    link_error(check(r#"(module (import "m" "func" (table 1 funcref)))"#));
}

#[test]
fn a_failing_instantiation_keeps_its_writes() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let text = r#"(module (table (export "t") 4 funcref) (memory (export "m") 1)
        (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"#;
    let shared = Module::new(&engine, text).unwrap();
    linker.module(&mut store, "shared", &shared).unwrap();
    let text = r#"(module (import "shared" "t" (table 4 funcref)) (import "shared" "m" (memory 1))
        (global $g (mut i32) (i32.const 41))
        (func $next (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g))
        (elem (i32.const 2) $next)
        (data (i32.const 8) "kept") (data (i32.const 65535) "does not fit"))"#;
    let failing = Module::new(&engine, text).unwrap();
    let error = linker.instantiate(&mut store, &failing).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::MemoryOutOfBounds));
    drop(failing);
    let memory = linker.get(&mut store, "shared", "m").and_then(Extern::into_memory).unwrap();
    assert_eq!(memory.data(&store).unwrap()[8..12], *b"kept");
    assert_eq!(memory.data(&store).unwrap()[65_535], 0);
    let call = linker.get(&mut store, "shared", "call").and_then(Extern::into_func).unwrap();
    let call = call.typed::<i32, i32>(&store).unwrap();
    assert_eq!((call.call(&mut store, 2).unwrap(), call.call(&mut store, 2).unwrap()), (42, 43));
    assert_eq!(call.call(&mut store, 1).unwrap_err().as_trap(), Some(Trap::UninitializedElement));
}

#[test]
fn imports_are_looked_up_once_for_many_stores() {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    let double = |mut caller: Caller<'_, i32>, x: i32| {
        *caller.data_mut() += 1;
        2 * x
    };
    linker.func_wrap("host", "double", double).unwrap();
    let text = r#"(module (import "host" "double" (func $double (param i32) (result i32)))
        (func $run (export "run") (param i32) (result i32) (call $double (local.get 0)))
        (table (export "table") 2 funcref) (elem (i32.const 0) $run $double))"#;
    let linked = linker.instantiate_pre(&Module::new(&engine, text).unwrap()).unwrap();
    // A later definition changes nothing.
    linker.allow_shadowing(true).func_wrap("host", "double", |x: i32| x).unwrap();
    for start in [10, 20] {
        let mut store = Store::new(&engine, start);
        let instances = [(); 2].map(|()| linked.instantiate(&mut store).unwrap());
        for (calls, instance) in (1..).zip(instances) {
            let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
            assert_eq!(run.call(&mut store, 21).unwrap(), 42);
            let table = instance.get_table(&mut store, "table").unwrap();
            let functions = [0, 1].map(|index| table.get(&mut store, index).unwrap());
            assert_eq!(functions[0], Some(Val::FuncRef(Some(instance.get_func(&mut store, "run").unwrap()))));
            assert!(matches!(functions[1], Some(Val::FuncRef(Some(_)))));
            assert_eq!(*store.data(), start + calls);
        }
    }
    let missing = Module::new(&engine, r#"(module (import "host" "missing" (func)))"#).unwrap();
    let error = linker.instantiate_pre(&missing).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Link, "unknown import host.missing: expected func [] -> []")
    );
    let other = Engine::new(&Config::new()).unwrap();
    assert!(usage(linked.instantiate(&mut Store::new(&other, 0))).contains("another engine"));
}

#[test]
fn linkers_serve_many_stores_and_guard_their_names() {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "three", || 3i32).unwrap();
    assert!(usage(linker.func_wrap("host", "three", || 4i32).map(drop)).contains("host.three"));
    let module = Module::new(
        &engine,
        r#"(module (import "host" "three" (func $a (result i32))) (import "host" "three" (func $b (result i32)))
            (func (export "six") (result i32) (i32.add (call $a) (call $b))) (export "three" (func $a)))"#,
    )
    .unwrap();
    for _ in 0..2 {
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let six = instance.get_typed_func::<(), i32>(&mut store, "six").unwrap();
        assert_eq!(six.call(&mut store, ()).unwrap(), 6);
        let three = instance.get_func(&mut store, "three").unwrap();
        assert_eq!(linker.get(&mut store, "host", "three"), Some(three.into()), "one function per store");
    }
    linker.allow_shadowing(true).func_wrap("host", "three", || 4i32).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let six = instance.get_typed_func::<(), i32>(&mut store, "six").unwrap();
    assert_eq!(six.call(&mut store, ()).unwrap(), 8);
}

/// Whichever comes first: a module, one that imports other functions too, one that does not link, or a look-up by name.
#[test]
fn a_store_has_each_function_of_a_linker_once() {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "one", || 1i32).unwrap();
    linker.func_wrap("host", "two", || 2i64).unwrap();
    linker.func_wrap("host", "three", || 3f32).unwrap();
    let import = |name: &str, result: &str| {
        format!("(import \"host\" \"{name}\" (func ${name} (result {result}))) (export \"{name}\" (func ${name}))")
    };
    let (one, two, three) = (import("one", "i32"), import("two", "i64"), import("three", "f32"));
    let modules = [format!("{one}{two}"), format!("{three}{two}{one}"), format!("{three}{}", import("one", "i64"))]
        .map(|fields| linker.instantiate_pre(&Module::new(&engine, format!("(module {fields})")).unwrap()).unwrap());
    let wanted = ["one", "two", "three"];
    for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1], [2, 1, 0], [3, 1, 0], [3, 2, 0], [0, 2, 1]] {
        let mut store = Store::new(&engine, ());
        let mut found: [Vec<Extern>; 3] = Default::default();
        for step in order.into_iter().chain([0, 1]) {
            let instance = match modules.get(step).map(|module| module.instantiate(&mut store)) {
                Some(Ok(instance)) if step < 2 => instance,
                Some(Err(error)) if step == 2 && error.kind() == ErrorKind::Link => continue,
                None => {
                    found[1].push(linker.get(&mut store, "host", "two").unwrap());
                    continue;
                }
                other => panic!("{order:?}, {step}: {other:?}"),
            };
            for (name, found) in wanted.iter().zip(&mut found) {
                found.extend(instance.get_export(&mut store, name).unwrap());
            }
        }
        for (name, found) in wanted.iter().zip(found) {
            assert!(found.len() > 1 || *name == "three", "{order:?}: {name}");
            let named = linker.get(&mut store, "host", name).unwrap();
            assert!(found.iter().all(|item| *item == named), "{order:?}: {name}");
            let mut results = [Val::I32(0)];
            named.into_func().unwrap().call(&mut store, &[], &mut results).unwrap();
            let number = [Val::I32(1), Val::I64(2), Val::from(3f32)];
            assert!(number.contains(&results[0]), "{order:?}: {name}");
        }
        // Compiled code calls them, by way of their exit trampolines.
        let text = format!(
            "(module {one}{two}{three} (func (export \"sum\") (result f64)
            (f64.add (f64.convert_i32_s (call $one))
                (f64.add (f64.convert_i64_s (call $two)) (f64.promote_f32 (call $three))))))"
        );
        let instance = linker.instantiate(&mut store, &Module::new(&engine, text).unwrap()).unwrap();
        let sum = instance.get_typed_func::<(), f64>(&mut store, "sum").unwrap();
        assert_eq!(sum.call(&mut store, ()).unwrap(), 6.0);
    }
}

#[test]
fn artifacts_go_from_engine_to_engine() {
    let bytes = Module::new(&engine(), SWAP).unwrap().serialize().to_vec();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let engine = engine();
    assert_eq!(engine.compile(SWAP).unwrap(), bytes);
    let from_bytes = Module::deserialize(&engine, &bytes).unwrap();
    let from_file = Module::deserialize_file(&engine, file.path()).unwrap();
    for module in [from_bytes, from_file] {
        assert_eq!(module.serialize(), bytes);
        let ExternType::Func(ty) = module.get_export("swap").unwrap() else { panic!("a function") };
        assert_eq!(ty.params.len(), 4);
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        drop(module);
        let swap = instance.get_typed_func::<(i32, i64, f32, f64), (f64, f32, i64, i32)>(&mut store, "swap").unwrap();
        assert_eq!(swap.call(&mut store, (1, 2, 3.0, 4.0)).unwrap(), (4.0, 3.0, 2, 1));
    }
    let missing = Module::deserialize_file(&engine, file.path().with_extension("missing")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    let explicit = Engine::new(Config::new().memory_checks(MemoryChecks::Explicit)).unwrap();
    assert_eq!(Module::deserialize(&explicit, &bytes).unwrap_err().kind(), ErrorKind::Artifact);
}

/// The ids of types differ from engine to engine, so that messages spell the types out.
#[test]
fn link_errors_spell_types_out() {
    let import = |types: &str, ty: &str| format!("(module {types} (import \"m\" \"g\" {ty}))");
    let recursive = "(rec (type $a (struct (field (mut i8)) (field (ref null $b)))) (type $b (sub (array (ref $a)))))";
    for (text, expected) in [
        (import("(type $a (array i8))", "(func (param (ref null $a)))"), "func [(ref null (array i8))] -> []"),
        (import("(type $a (sub (struct)))", "(global (mut (ref $a)))"), "global (mut (ref (sub (struct))))"),
        (
            import("(type $f (func (param i32)))", "(table i64 1 2 (ref null $f))"),
            "table i64 1 2 (ref null (func [i32] -> []))",
        ),
        (
            import(recursive, "(global (ref $a))"),
            "global (ref (rec 1/2 (struct (field (mut i8)) (field (ref null (rec 2/2 (sub (array (ref ..)))))))))",
        ),
    ] {
        for others in 0..2 {
            let engine = engine();
            // Other types take the first ids.
            let held =
                Module::new(&engine, format!("(module {})", "(type (func (param i64)))".repeat(others))).unwrap();
            let module = Module::new(&engine, &text).unwrap();
            let error = Linker::new(&engine).instantiate(Store::new(&engine, ()), &module).unwrap_err();
            assert_eq!(error.message(), format!("unknown import m.g: expected {expected}"));
            drop(held);
        }
    }
}

#[test]
fn what_is_no_module_is_named() {
    let engine = engine();
    let artifact = engine.compile("(module)").unwrap();
    let component = b"\0asm\x0d\0\x01\0";
    for (bytes, says) in [(&artifact[..], "an artifact is loaded, not compiled"), (component, "this is a component")] {
        for error in [Module::new(&engine, bytes).unwrap_err(), Module::from_binary(&engine, bytes).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(error.message().contains(says), "{error}");
        }
    }
    let error = Module::new(&engine, "(component)").unwrap_err();
    assert!(error.message().contains("this is a component"), "{error}");
}

#[test]
fn malformed_invalid_and_text_errors() {
    let engine = engine();
    let kind = |wasm: &[u8]| Module::validate(&engine, wasm).unwrap_err().kind();
    assert_eq!(kind(b""), ErrorKind::Malformed);
    assert_eq!(kind(b"\0asm\x01\0\0\0\x0b"), ErrorKind::Malformed);
    assert_eq!(kind(b"(module (func (result i32)))"), ErrorKind::Invalid);
    assert_eq!(kind(b"(module (func (result i32))"), ErrorKind::Malformed);
    assert_eq!(Module::new(&engine, "(module (func (result i32)))").unwrap_err().kind(), ErrorKind::Invalid);
    Module::validate(&engine, SWAP).unwrap();
}

#[test]
fn stores_move_between_threads() {
    let (mut store, instance) = instance(SWAP);
    let swap = instance.get_typed_func::<(i32, i64, f32, f64), (f64, f32, i64, i32)>(&mut store, "swap").unwrap();
    let call = move || swap.call(&mut store, (1, 2, 3.0, 4.0)).unwrap().3;
    assert_eq!(std::thread::spawn(call).join().unwrap(), 1);
}

#[test]
fn the_store_gives_its_data_back() {
    let engine = engine();
    let mut store = Store::new(&engine, vec![1]);
    store.data_mut().push(2);
    let nothing = FuncType::new([], []);
    Func::new(&mut store, nothing, |mut caller, _, _| {
        caller.data_mut().push(3);
        Ok(())
    })
    .call(&mut store, &[], &mut [])
    .unwrap();
    assert_eq!(store.into_data(), [1, 2, 3]);
}
