//! The life of types. A store keeps the types that it has seen, ids that nobody holds are used again, and what names a
//! type that the engine does not have (any more) is refused.

use engine::{
    AnyRef, ArrayRef, AsContextMut, ConcreteType, Config, Engine, ErrorKind, ExternRef, ExternType, FuncType, Global,
    GlobalType, HeapType, Instance, Limits, Linker, Module, RefType, Result, RootScope, Store, StructRef, Table,
    TableType, Tag, Tier, Val, ValType,
};
use std::fmt::Write;

/// A module of one struct type with these fields, which makes structs and knows them again.
fn module_of(engine: &Engine, fields: &str) -> Module {
    let text = format!(
        r#"(module (type $s (sub (struct {fields})))
            (global (export "type") (ref null $s) (ref.null $s))
            (func (export "make") (result anyref) (struct.new_default $s))
            (func (export "is") (param anyref) (result i32) (ref.test (ref $s) (local.get 0))))"#
    );
    Module::new(engine, text).unwrap()
}

/// A module of no other type than a struct type with these fields.
fn bare_module_of(engine: &Engine, fields: &str) -> Module {
    let text =
        format!(r#"(module (type $s (sub (struct {fields}))) (global (export "type") (ref null $s) (ref.null $s)))"#);
    Module::new(engine, text).unwrap()
}

/// The struct type of such a module.
fn struct_type(module: &Module) -> ConcreteType {
    let Some(ExternType::Global(ty)) = module.get_export("type") else { panic!("the module exports the global") };
    let ValType::Ref(content) = ty.content else { panic!("the global holds a reference") };
    content.heap.defined().expect("the reference is of a defined type")
}

/// The id in the name of a type.
fn id(ty: ConcreteType) -> String {
    HeapType::Concrete(ty).to_string()
}

fn null_ref(heap: HeapType) -> RefType {
    RefType { nullable: true, heap }
}

/// Tries every way in which the embedder can give a type to a store, or to an engine.
#[track_caller]
fn assert_refused(engine: &Engine, ty: ConcreteType) {
    let mut store = Store::new(engine, ());
    for heap in [HeapType::Concrete(ty), HeapType::Exact(ty)] {
        let element = null_ref(heap);
        let content = ValType::Ref(element);
        let global = Global::new(&mut store, GlobalType { content, mutable: true }, Val::AnyRef(None));
        assert_eq!(global.unwrap_err().kind(), ErrorKind::Usage);
        let table = TableType { limits: Limits { min: 1, max: None }, index64: false, element };
        assert_eq!(Table::new(&mut store, table, Val::AnyRef(None)).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(Tag::new(&mut store, FuncType::new([content], [])).unwrap_err().kind(), ErrorKind::Usage);
        for ty in [FuncType::new([content], []), FuncType::new([], [content])] {
            let mut linker = Linker::<()>::new(engine);
            let refused = linker.func_new("", "", ty, |_, _, _| Ok(())).err().unwrap();
            assert_eq!(refused.kind(), ErrorKind::Usage);
            assert!(refused.message().contains("has no type"), "{refused}");
        }
    }
    assert_eq!(StructRef::new(&mut store, ty, &[Val::I64(0)]).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(ArrayRef::new_fixed(&mut store, ty, &[]).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn a_name_that_outlives_its_type_is_refused() {
    let engine = Engine::default();
    let stale = struct_type(&bare_module_of(&engine, "(field i64)"));
    assert_refused(&engine, stale);
    // Nor does it name the type that has the id now, or an equal type.
    let next = bare_module_of(&engine, "(field f32)");
    assert_eq!(id(struct_type(&next)), id(stale), "the id is used again");
    assert_ne!(struct_type(&next), stale);
    assert_refused(&engine, stale);
    let equal = module_of(&engine, "(field i64)");
    assert_ne!(struct_type(&equal), stale);
    assert_refused(&engine, stale);
}

#[test]
fn a_type_of_another_engine_is_refused() {
    let (engine, other) = (Engine::default(), Engine::default());
    let (own, foreign) = (module_of(&engine, "(field i64)"), module_of(&other, "(field i64)"));
    assert_eq!(id(struct_type(&own)), id(struct_type(&foreign)));
    assert_refused(&engine, struct_type(&foreign));
    assert_refused(&other, struct_type(&own));
}

#[test]
fn a_store_keeps_the_types_that_it_has_seen() {
    let engine = Engine::new(Config::new().gc_zeal(true)).unwrap();
    let module = module_of(&engine, "(field i64)");
    let ty = struct_type(&module);
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    drop(module);
    let made = StructRef::new(&mut store, ty, &[Val::I64(7)]).unwrap();
    let others: Vec<_> = ["i32", "f32", "f64"].map(|ty| module_of(&engine, &format!("(field {ty})"))).into();
    assert!(others.iter().all(|other| id(struct_type(other)) != id(ty)), "the id is in use");
    store.gc().unwrap();
    assert_eq!(made.fields(&mut store).unwrap(), [Val::I64(7)]);
    assert!(is(&mut store, instance, made.into()).unwrap());
    // The others' structs are not of the type, though they come into the store later.
    for other in &others {
        let other = StructRef::new(&mut store, struct_type(other), &[]).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Usage, "a field is missing: {other}");
    }
    let [int, float] = [Val::I32(1), Val::F32(1)];
    for (other, field) in others.iter().zip([int, float]) {
        let other = StructRef::new(&mut store, struct_type(other), &[field]).unwrap();
        assert!(!is(&mut store, instance, other.into()).unwrap());
    }
    drop(others);
    store.gc().unwrap();
    assert_eq!(made.fields(&mut store).unwrap(), [Val::I64(7)]);
    drop(store);
    assert_refused(&engine, ty);
}

fn is(store: &mut Store<()>, instance: Instance, value: AnyRef) -> Result<bool> {
    Ok(instance.get_typed_func::<Option<AnyRef>, i32>(&mut *store, "is")?.call(store, Some(value))? == 1)
}

/// A store holds the types of the items that the host makes in it, although no module of the store has them.
#[test]
fn a_store_keeps_the_types_that_the_embedder_names() {
    let engine = Engine::default();
    let import = |fields: &str| {
        let text = format!(
            r#"(module (type $s (sub (struct {fields}))) (global (export "type") (import "" "g") (ref null $s)))"#
        );
        Module::new(&engine, text).unwrap()
    };
    let mut store = Store::new(&engine, ());
    let ty = struct_type(&bare_module_of(&engine, "(field i64)"));
    assert_refused(&engine, ty);
    let module = bare_module_of(&engine, "(field i64)");
    let (ty, stale) = (struct_type(&module), ty);
    let content = ValType::Ref(null_ref(HeapType::Concrete(ty)));
    let global = Global::new(&mut store, GlobalType { content, mutable: false }, Val::AnyRef(None)).unwrap();
    drop(module);
    let (other, equal) = (import("(field f32)"), import("(field i64)"));
    assert_eq!((id(ty), struct_type(&equal)), (id(stale), ty), "the store holds the type");
    assert_ne!(id(struct_type(&other)), id(ty));
    assert_eq!(Instance::new(&mut store, &other, &[global.into()]).unwrap_err().kind(), ErrorKind::Link);
    Instance::new(&mut store, &equal, &[global.into()]).unwrap();
}

/// Types in several chunks of the table, with the ids of an earlier module's types, are told apart by casts.
#[test]
fn casts_among_thousands_of_types() {
    const TYPES: usize = 5000;
    for tier in [Tier::Speed, Tier::Quick] {
        let engine = Engine::new(Config::new().tier(tier)).unwrap();
        for round in 0..3 {
            let mut text = String::from("(module (type $0 (sub (struct)))");
            for number in 1..TYPES {
                let field = |bit: usize| if (number + round) >> bit & 1 == 1 { " i32" } else { " i64" };
                let fields: String = (0..13).map(field).collect();
                write!(text, "(type ${number} (sub $0 (struct (field{fields}))))").unwrap();
            }
            text += "(func (export \"run\") (param externref) (result i32) (local $wrong i32)";
            let mut expect = |value: String, ty: usize, answer: i32| {
                let test = format!("(i32.ne (i32.const {answer}) (ref.test (ref ${ty}) {value}))");
                write!(text, "(local.set $wrong (i32.add (local.get $wrong) {test}))").unwrap();
            };
            let some = [1, 2, 3, 4092, 4093, 4094, 4095, 4096, 4097, 4098, TYPES - 2];
            for number in some {
                let made = |number: usize| format!("(struct.new_default ${number})");
                expect(made(number), 0, 1);
                expect(made(number), number, 1);
                expect(made(number + 1), number, 0);
                expect(made(number), number + 1, 0);
                expect("(any.convert_extern (local.get 0))".into(), number, 0);
            }
            text += "(local.get $wrong))";
            let module = Module::new(&engine, format!("{text})")).unwrap();
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let run = instance.get_typed_func::<Option<ExternRef>, i32>(&mut store, "run").unwrap();
            let mut scope = RootScope::new(&mut store);
            let value = ExternRef::new(&mut scope, "of the host").unwrap();
            assert_eq!(run.call(&mut scope, Some(value)).unwrap(), 0, "{tier:?}, round {round}");
            scope.as_context_mut().gc().unwrap();
        }
    }
}

/// A cast to a type with more supertypes than an entry of the table lists asks the library.
#[test]
fn casts_to_types_with_many_supertypes() {
    const TYPES: usize = 12;
    let mut text = String::from("(module (type $0 (sub (struct)))");
    for number in 1..TYPES {
        write!(text, "(type ${number} (sub ${} (struct)))", number - 1).unwrap();
    }
    text += "(func (export \"run\") (param externref) (result i32) (local $wrong i32)";
    let values = (0..TYPES).map(|number| (format!("(struct.new ${number})"), number));
    let others = ["(any.convert_extern (local.get 0))", "(ref.i31 (i32.const 1))"].map(|value| (value.to_owned(), 0));
    for (value, own) in values.chain(others) {
        for ty in 1..TYPES {
            let test = format!("(i32.ne (i32.const {}) (ref.test (ref ${ty}) {value}))", i32::from(ty <= own));
            write!(text, "(local.set $wrong (i32.add (local.get $wrong) {test}))").unwrap();
        }
    }
    for tier in [Tier::Speed, Tier::Quick] {
        let engine = Engine::new(Config::new().tier(tier)).unwrap();
        let module = Module::new(&engine, format!("{text}(local.get $wrong)))")).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<Option<ExternRef>, i32>(&mut store, "run").unwrap();
        let value = ExternRef::new(&mut store, "of the host").unwrap();
        assert_eq!(run.call(&mut store, Some(value)).unwrap(), 0, "{tier:?}");
    }
}

/// Threads load, run and drop modules of one engine, whose types take each other's ids.
#[test]
fn modules_come_and_go_in_many_threads() {
    let engine = Engine::default();
    let artifacts: Vec<_> = ["i32", "i64", "f32", "f64", "anyref", "i8"]
        .map(|ty| module_of(&engine, &format!("(field {ty})")).serialize().to_vec())
        .into();
    let work = |first: usize| {
        for round in 0..60 {
            let [own, other] = [0, 1].map(|offset| &artifacts[(first + round + offset) % artifacts.len()]);
            let mut store = Store::new(&engine, ());
            let [own, other] = [own, other].map(|artifact| {
                let module = Module::deserialize(&engine, artifact).unwrap();
                Instance::new(&mut store, &module, &[]).unwrap()
            });
            let mut made = [None, None];
            for (instance, made) in [own, other].into_iter().zip(&mut made) {
                let make = instance.get_typed_func::<(), Option<AnyRef>>(&mut store, "make").unwrap();
                *made = make.call(&mut store, ()).unwrap();
            }
            store.gc().unwrap();
            let [first, second] = made.map(|made| made.expect("not null"));
            let is = |store: &mut Store<()>, instance, value| is(store, instance, value).unwrap();
            assert!(is(&mut store, own, first) && is(&mut store, other, second));
            assert!(!is(&mut store, own, second) && !is(&mut store, other, first));
        }
    };
    std::thread::scope(|scope| {
        for first in 0..4 {
            scope.spawn(move || work(first));
        }
    });
}
