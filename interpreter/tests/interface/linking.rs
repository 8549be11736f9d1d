//! Linking and instantiation: imports, the order of initialization, and what a failed one leaves.

use crate::common::{call, engine, frames, linked, module};
use interpreter::{
    AnyRef, Error, ErrorKind, Extern, Func, FuncType, Global, GlobalType, Instance, Linker, Memory, MemoryType, Module,
    RefType, Store, StoreLimits, Table, TableType, Tag, Trap, Val, ValType,
};

/// Returns the message of the error with which linking fails.
fn refusal(text: &str, define: impl FnOnce(&mut Linker<()>, &mut Store<()>)) -> String {
    let engine = engine();
    let (mut store, mut linker) = (Store::new(&engine, ()), Linker::new(&engine));
    define(&mut linker, &mut store);
    let error = linker.instantiate(&mut store, &module(&engine, text)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Link, "{error:?}");
    error.message().to_string()
}

#[test]
fn an_absent_import_is_named_with_its_type() {
    let absent = |import: &str| {
        refusal(&format!(r#"(module (type $s (struct (field i8))) (import "m" "x" ({import})))"#), |_, _| ())
    };
    assert_eq!(absent("func (param i32) (result f64)"), "unknown import m.x: expected func [i32] -> [f64]");
    assert_eq!(absent("memory 1 2"), "unknown import m.x: expected memory 1 2");
    assert_eq!(absent("table 3 funcref"), "unknown import m.x: expected table 3 funcref");
    assert_eq!(
        absent("global (mut (ref null $s))"),
        "unknown import m.x: expected global (mut (ref null (struct (field i8))))"
    );
    assert_eq!(absent("tag (param i64)"), "unknown import m.x: expected tag [i64] -> []");
}

#[test]
fn an_import_of_another_type_is_named_with_both() {
    let wrong = |import: &str| {
        refusal(&format!(r#"(module (import "m" "x" ({import})))"#), |linker, store| {
            let memory = Memory::new(&mut *store, MemoryType::new(1, Some(3))).unwrap();
            memory.grow(&mut *store, 1).unwrap();
            linker.define(&*store, "m", "x", memory).unwrap();
        })
    };
    let message = "incompatible import type for m.x: expected memory 3, found memory 2 3";
    assert_eq!(wrong("memory 3"), message);
    let message = "incompatible import type for m.x: expected memory 1 2, found memory 2 3";
    assert_eq!(wrong("memory 1 2"), message);
    let message = "incompatible import type for m.x: expected func [] -> [], found memory 2 3";
    assert_eq!(wrong("func"), message);
    let func = |import: &str| {
        refusal(&format!(r#"(module (type $open (sub (func))) (import "m" "x" ({import})))"#), |linker, _| {
            linker.func_wrap("m", "x", || ()).unwrap();
        })
    };
    assert_eq!(
        func("func (param i32)"),
        "incompatible import type for m.x: expected func [i32] -> [], found func [] -> []"
    );
    assert_eq!(
        func("func (type $open)"),
        "incompatible import type for m.x: expected func (sub (func [] -> [])), found func [] -> []"
    );
    let global = refusal(r#"(module (import "m" "x" (global (mut i32))))"#, |linker, store| {
        let global = Global::new(&mut *store, GlobalType::new(ValType::I32, false), Val::I32(0)).unwrap();
        linker.define(&*store, "m", "x", global).unwrap();
    });
    assert_eq!(global, "incompatible import type for m.x: expected global (mut i32), found global i32");
}

#[test]
fn a_number_of_imports_is_checked() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &module(&engine, r#"(module (import "" "" (func)))"#), &[]).unwrap_err();
    assert_eq!(error.message(), "the module has 1 imports, but 0 were given");
    let other = module(&crate::common::engine(), "(module)");
    let error = Instance::new(&mut store, &other, &[]).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Usage, "the module was made with another engine than the store's")
    );
}

#[test]
fn names_are_defined_once_unless_they_may_be_shadowed() {
    let engine = engine();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("m", "f", || 1).unwrap();
    let error = linker.func_wrap("m", "f", || 2).unwrap_err();
    assert_eq!(error.message(), "m.f is defined already; Linker::allow_shadowing lets the new one win");
    linker.allow_shadowing(true).func_wrap("m", "f", || 3).unwrap();
    let mut store = Store::new(&engine, ());
    let func = linker.get(&mut store, "m", "f").and_then(Extern::into_func).unwrap();
    assert_eq!(func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 3);
    assert_eq!(linker.get(&mut store, "m", "f"), Some(func.into()), "a store has each host function once");
    let other = &mut Store::new(&engine, ());
    assert_ne!(linker.get(other, "m", "f"), Some(func.into()));
}

#[test]
fn instances_are_linked_by_name() {
    let engine = engine();
    let (mut store, mut linker) = (Store::new(&engine, ()), Linker::new(&engine));
    let first = r#"(module (global $g (export "g") (mut i32) (i32.const 5)) (tag (export "t"))
        (memory (export "m") 1) (table (export "tab") 4 funcref)
        (func $get (export "get") (result i32) (global.get $g)))"#;
    linker.module(&mut store, "first", &module(&engine, first)).unwrap();
    let second = r#"(module
        (import "first" "g" (global $g (mut i32))) (import "first" "get" (func $get (result i32)))
        (import "first" "m" (memory 1)) (import "first" "tab" (table 1 funcref)) (import "first" "t" (tag))
        (elem (i32.const 1) $get $own) (data (i32.const 10) "abc")
        (func $own (result i32) (i32.const 9))
        (export "again" (func $get))
        (func (export "set") (param i32) (global.set $g (local.get 0))))"#;
    let second = linker.instantiate(&mut store, &module(&engine, second)).unwrap();
    call::<_, i32, ()>(&mut store, second, "set", 8).unwrap();
    assert_eq!(call::<_, (), i32>(&mut store, second, "again", ()).unwrap(), 8);
    let get = linker.get(&mut store, "first", "get").and_then(Extern::into_func).unwrap();
    assert_eq!(second.get_func(&store, "again").unwrap(), get, "an exported import is the same function");
    assert_eq!((second.func_at(&store, 0).unwrap(), second.func_at(&store, 3).unwrap()), (Some(get), None));
    let table = linker.get(&mut store, "first", "tab").and_then(Extern::into_table).unwrap();
    assert_eq!(table.get(&mut store, 1).unwrap(), Some(get.into()));
    assert_eq!(table.get(&mut store, 2).unwrap(), Some(second.func_at(&store, 1).unwrap().unwrap().into()));
    assert_eq!(
        (table.get(&mut store, 3).unwrap(), table.get(&mut store, 4).unwrap()),
        (Some(Val::FuncRef(None)), None)
    );
    let memory = linker.get(&mut store, "first", "m").and_then(Extern::into_memory).unwrap();
    assert_eq!(&memory.data(&store).unwrap()[9..14], b"\0abc\0");
}

/// Constant expressions of every kind, as globals and elements.
const CONSTANTS: &str = r#"(module
        (type $pair (struct (field i8) (field (mut v128)) (field (ref null $pair))))
        (type $list (array (mut i16)))
        (import "" "g" (global $g i32))
        (func $f (export "f"))
        (global (export "sum") i32 (i32.mul (i32.add (global.get $g) (i32.const 2)) (i32.sub (i32.const 3) (i32.const 9))))
        (global (export "wide") i64 (i64.add (i64.const -1) (i64.const 5)))
        (global $v (export "v") v128 (v128.const i64x2 1 2))
        (global (export "copy") v128 (global.get $v))
        (global (export "float") f64 (f64.const -0.5))
        (global (export "small") f32 (f32.const nan:0x200000))
        (global (export "func") funcref (ref.func $f))
        (global (export "null") externref (ref.null extern))
        (global (export "i31") (ref i31) (ref.i31 (i32.add (global.get $g) (i32.const -41))))
        (global $inner (export "inner") (ref $pair) (struct.new $pair (i32.const 511) (v128.const i64x2 3 4) (ref.null $pair)))
        (global (export "outer") (ref $pair) (struct.new $pair (i32.const 1) (v128.const i64x2 0 0)
            (struct.new $pair (i32.const 2) (v128.const i64x2 0 0) (global.get $inner))))
        (global (export "list") (ref $list) (array.new_fixed $list 3 (i32.const 1) (i32.const 2) (i32.const 65535)))
        (global (export "many") (ref $list) (array.new $list (i32.const 7) (i32.const 100)))
        (global (export "extern") externref (extern.convert_any (struct.new_default $pair)))
        (table (export "tab") 3 (ref null $pair) (struct.new_default $pair))
        (elem $e (ref null $pair) (ref.null $pair) (item (struct.new_default $pair)) (item (global.get $inner)))
        (func (export "element") (param i32) (result (ref null $pair))
            (table.init 0 $e (i32.const 0) (i32.const 0) (i32.const 3)) (table.get 0 (local.get 0))))"#;

/// Returns an instance of [`CONSTANTS`] in a store that collects at each allocation.
fn constants() -> (Store<()>, Instance) {
    let engine = interpreter::Engine::new(interpreter::Config::new().gc_zeal(true));
    let (mut store, mut linker) = (Store::new(&engine, ()), Linker::new(&engine));
    let g = Global::new(&mut store, GlobalType::new(ValType::I32, false), Val::I32(40)).unwrap();
    linker.define(&store, "", "g", g).unwrap();
    let instance = linker.instantiate(&mut store, &module(&engine, CONSTANTS)).unwrap();
    (store, instance)
}

/// Returns the values of exported globals.
fn globals<const N: usize>(store: &mut Store<()>, instance: Instance, names: [&str; N]) -> [Val; N] {
    names.map(|name| instance.get_global(&*store, name).unwrap().get(&mut *store).unwrap())
}

fn any(value: &Val) -> AnyRef {
    match value {
        Val::AnyRef(Some(value)) => value.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn constant_expressions_of_numbers_and_functions() {
    let (mut store, instance) = constants();
    let names = ["sum", "wide", "v", "copy", "float", "small", "null"];
    let values = globals(&mut store, instance, names);
    let (vector, nan) = (Val::V128(2 << 64 | 1), Val::F32(0x7fa0_0000));
    let null = Val::ExternRef(None);
    assert_eq!(values, [Val::I32(-252), Val::I64(4), vector.clone(), vector, (-0.5).into(), nan, null]);
    let [i31, func] = globals(&mut store, instance, ["i31", "func"]);
    assert_eq!(any(&i31).as_i31(&store).unwrap().unwrap().get_i32(), -1);
    assert_eq!(func, instance.get_func(&store, "f").unwrap().into());
}

#[test]
fn constant_expressions_make_objects() {
    let (mut store, instance) = constants();
    let [inner, outer, list, many, host] = globals(&mut store, instance, ["inner", "outer", "list", "many", "extern"]);
    let pair = any(&inner).as_struct(&store).unwrap().unwrap();
    assert_eq!(pair.fields(&mut store).unwrap(), [Val::I32(255), Val::V128(4 << 64 | 3), Val::AnyRef(None)]);
    let outer = any(&outer).as_struct(&store).unwrap().unwrap();
    let middle = any(&outer.field(&mut store, 2).unwrap()).as_struct(&store).unwrap().unwrap();
    assert_eq!(middle.field(&mut store, 2).unwrap(), inner);
    let list = any(&list).as_array(&store).unwrap().unwrap();
    assert_eq!((list.len(&store).unwrap(), list.get(&mut store, 2).unwrap()), (3, Val::I32(65535)));
    let many = any(&many).as_array(&store).unwrap().unwrap();
    assert_eq!((many.len(&store).unwrap(), many.get(&mut store, 99).unwrap()), (100, Val::I32(7)));
    let Val::ExternRef(Some(host)) = host else { panic!("{host:?}") };
    assert!(host.data(&store).unwrap().is_none() && host.to_any().as_struct(&store).unwrap().is_some());
}

#[test]
fn an_element_is_evaluated_once() {
    let (mut store, instance) = constants();
    let table = instance.get_table(&store, "tab").unwrap();
    let [first, last] = [0, 2].map(|index| table.get(&mut store, index).unwrap().unwrap());
    assert!(first == last && any(&first).as_struct(&store).unwrap().is_some());
    let element =
        |store: &mut Store<()>, index| crate::common::call_any(store, instance, "element", &[Val::I32(index)]).unwrap();
    let [inner] = globals(&mut store, instance, ["inner"]);
    assert_eq!((element(&mut store, 0), element(&mut store, 2)), (vec![Val::AnyRef(None)], vec![inner]));
    let made = element(&mut store, 1);
    assert_eq!(element(&mut store, 1), made);
}

#[test]
fn a_failed_instantiation_keeps_what_it_wrote() {
    let engine = engine();
    let (mut store, mut linker) = (Store::new(&engine, ()), Linker::new(&engine));
    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    let table = Table::new(&mut store, TableType::new(RefType::FUNC, 2, None), Val::FuncRef(None)).unwrap();
    linker.define(&store, "", "m", memory).unwrap().define(&store, "", "t", table).unwrap();
    let mut fails = |text: &str| linker.instantiate(&mut store, &module(&engine, text)).unwrap_err();
    let error = fails(
        r#"(module (import "" "m" (memory 1)) (import "" "t" (table 2 funcref)) (func $f (result i32) (i32.const 6))
            (elem (i32.const 1) $f) (data (i32.const 65534) "ab") (data (i32.const 65535) "cd") (data (i32.const 0) "e"))"#,
    );
    assert_eq!(error.as_trap(), Some(Trap::MemoryOutOfBounds));
    assert!(error.backtrace().is_none(), "no code was running");
    let error = fails(
        r#"(module (import "" "m" (memory 1)) (import "" "t" (table 2 funcref)) (func $f)
            (elem (i32.const 0) $f) (elem (i32.const 2) $f) (data (i32.const 0) "x"))"#,
    );
    assert_eq!(error.as_trap(), Some(Trap::TableOutOfBounds));
    let mut bytes = [0; 2];
    memory.read(&store, 65_534, &mut bytes).unwrap();
    assert_eq!((&bytes, memory.data(&store).unwrap()[0]), (b"ab", 0));
    let Some(Val::FuncRef(Some(f))) = table.get(&mut store, 1).unwrap() else { panic!("no function") };
    assert_eq!(f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 6, "the function lives on");
    assert_ne!(table.get(&mut store, 0).unwrap(), Some(Val::FuncRef(None)));
}

#[test]
fn a_start_function_runs_last() {
    let text = r#"(module $m (import "" "note" (func $note (param i32)))
        (memory 1) (data (i32.const 0) "\07")
        (global $g (mut i32) (i32.const 1))
        (func $start (global.set $g (i32.load8_u (i32.const 0))) (call $note (global.get $g))
            (if (i32.eq (global.get $g) (i32.const 8)) (then (unreachable))))
        (start $start))"#;
    let define = |linker: &mut Linker<Vec<i32>>, _: &mut Store<_>| {
        let note = |mut caller: interpreter::Caller<'_, Vec<i32>>, value: i32| caller.data_mut().push(value);
        linker.func_wrap("", "note", note).unwrap();
    };
    assert_eq!(linked(text, define).0.data(), &[7]);
    let engine = engine();
    let (mut store, mut linker) = (Store::new(&engine, Vec::new()), Linker::new(&engine));
    define(&mut linker, &mut store);
    let error = linker.instantiate(&mut store, &module(&engine, &text.replace("\\07", "\\08"))).unwrap_err();
    assert_eq!((error.as_trap(), frames(&error)), (Some(Trap::Unreachable), vec!["m!1 $start @0x48".to_string()]));
}

#[test]
fn limits_refuse_before_anything_is_made() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let text = "(module (table 10 funcref) (memory 1))";
    let fits = StoreLimits::new().memory_size(65_536).table_elements(10).instances(1).tables(1).memories(1);
    let new = |store: &mut Store<()>| {
        Instance::new(store, &Module::new(&engine, &wat::parse_str(text).unwrap()).unwrap(), &[])
    };
    let tight = [
        fits.clone().memory_size(65_535),
        fits.clone().table_elements(9),
        fits.clone().instances(0),
        fits.clone().tables(0),
        fits.clone().memories(0),
    ];
    for limits in tight {
        store.set_limits(limits);
        assert_eq!(new(&mut store).unwrap_err().kind(), ErrorKind::Resource);
    }
    store.set_limits(fits);
    new(&mut store).unwrap();
    assert_eq!(new(&mut store).unwrap_err().message(), "the store's limit of 1 instances is reached");
}

#[test]
fn items_of_another_store_are_refused() {
    let engine = engine();
    let (mut one, mut other) = (Store::new(&engine, ()), Store::new(&engine, ()));
    let items: [Extern; 5] = [
        Func::wrap(&mut other, || ()).into(),
        Memory::new(&mut other, MemoryType::new(0, None)).unwrap().into(),
        Table::new(&mut other, TableType::new(RefType::FUNC, 0, None), Val::FuncRef(None)).unwrap().into(),
        Global::new(&mut other, GlobalType::new(ValType::I32, true), Val::I32(0)).unwrap().into(),
        Tag::new(&mut other, FuncType::new([], [])).unwrap().into(),
    ];
    let is_misuse =
        |error: Error| error.kind() == ErrorKind::Usage && error.message().contains("belongs to another store");
    for item in items {
        assert!(is_misuse(Linker::new(&engine).define(&one, "", "", item).unwrap_err()), "{item:?}");
        let module = module(&engine, r#"(module (import "" "" (func)))"#);
        assert!(is_misuse(Instance::new(&mut one, &module, &[item]).unwrap_err()), "{item:?}");
        assert!(item.ty(&other).is_ok() && is_misuse(item.ty(&one).unwrap_err()));
    }
}

/// The engine answers the same, so that a script's `(ref.func N)` matches in both or in neither.
#[test]
fn functions_without_references_are_not_found() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let text = r#"(module (func) (func (export "f")) (func) (func) (func (call 0) (drop (ref.func 3)))
        (elem declare func 3) (table 1 funcref) (elem (i32.const 0) 2) (start 4))"#;
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let found = (0..6).map(|index| instance.func_at(&store, index).unwrap().is_some());
    assert_eq!(found.collect::<Vec<_>>(), [false, true, true, true, false, false]);
}
