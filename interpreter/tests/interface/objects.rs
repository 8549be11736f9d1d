//! Objects of the garbage-collected heap, as the embedder makes and inspects them.

use crate::common::{call, call_any, instance, linked, module};
use interpreter::{
    AnyRef, ArrayRef, Caller, Config, Engine, ErrorKind, ExternRef, I31, Instance, Linker, Result, Store, StoreLimits,
    StructRef, Trap, TypeIndex, Val,
};
use std::sync::Arc;

const LIST: &str = r#"(module
    (type $node (struct (field $value i32) (field $next (mut (ref null $node)))))
    (type $bytes (array (mut i8)))
    (func (export "push") (param i32 (ref null $node)) (result (ref $node)) (struct.new $node (local.get 0) (local.get 1)))
    (func (export "sum") (param (ref null $node)) (result i32) (local i32)
        (block $end (loop $next
            (br_on_null $end (local.get 0)) (drop)
            (local.set 1 (i32.add (local.get 1) (struct.get $node 0 (local.get 0))))
            (local.set 0 (struct.get $node 1 (local.get 0)))
            (br $next)))
        (local.get 1))
    (func (export "ring") (param i32) (result (ref $node)) (local $first (ref $node)) (local $last (ref $node))
        (local.set $first (struct.new $node (local.get 0) (ref.null $node)))
        (local.set $last (local.get $first))
        (loop
            (local.set $last (struct.new $node (local.get 0) (local.get $last)))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (struct.set $node 1 (local.get $first) (local.get $last))
        (local.get $first))
    (func (export "bytes") (param i32) (result (ref $bytes)) (array.new $bytes (i32.const 7) (local.get 0))))"#;

fn object(value: &Val, store: &Store<()>) -> StructRef {
    let Val::AnyRef(Some(object)) = value else { panic!("{value:?}") };
    object.as_struct(store).unwrap().expect("a struct")
}

#[test]
fn objects_pass_in_both_directions() {
    let (mut store, instance) = instance(LIST);
    let mut list = Val::AnyRef(None);
    for value in 1..=4 {
        list = call_any(&mut store, instance, "push", &[Val::I32(value), list]).unwrap().remove(0);
    }
    assert_eq!(call_any(&mut store, instance, "sum", &[list.clone()]).unwrap(), [Val::I32(10)]);
    // The embedder puts one in front, and changes the end.
    let node = instance.type_at(&store, TypeIndex(0)).unwrap().unwrap();
    let front = StructRef::new(&mut store, node, &[Val::I32(100), list.clone()], None).unwrap();
    assert_eq!(call_any(&mut store, instance, "sum", &[front.clone().into()]).unwrap(), [Val::I32(110)]);
    let second = object(&list, &store);
    second.set_field(&mut store, 1, &Val::AnyRef(None)).unwrap();
    assert_eq!(call_any(&mut store, instance, "sum", &[front.clone().into()]).unwrap(), [Val::I32(104)]);
    assert_eq!(second.set_field(&mut store, 0, &Val::I32(1)).unwrap_err().message(), "the field is immutable");
    assert_eq!(front.fields(&mut store).unwrap(), [Val::I32(100), list]);
    assert_eq!(instance.type_at(&store, TypeIndex(99)).unwrap(), None);
}

#[test]
fn a_wrong_object_is_refused() {
    let (mut store, instance) = instance(LIST);
    let bytes = call_any(&mut store, instance, "bytes", &[Val::I32(3)]).unwrap().remove(0);
    let error = call_any(&mut store, instance, "sum", &[bytes]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.message().starts_with("the argument must be of type (ref null "), "{error}");
    let (_, other) = (&mut store, crate::common::instance(LIST));
    let (mut elsewhere, there) = other;
    let foreign = call_any(&mut elsewhere, there, "push", &[Val::I32(1), Val::AnyRef(None)]).unwrap().remove(0);
    let error = call_any(&mut store, instance, "sum", &[foreign]).unwrap_err();
    assert_eq!(error.message(), "the reference belongs to another store than the one with which it is used");
}

#[test]
fn arrays_and_integers_are_told_apart() {
    let (mut store, instance) = instance(LIST);
    let Val::AnyRef(Some(bytes)) = call_any(&mut store, instance, "bytes", &[Val::I32(3)]).unwrap().remove(0) else {
        panic!("null")
    };
    assert!(bytes.as_struct(&store).unwrap().is_none() && bytes.as_i31(&store).unwrap().is_none());
    let array = bytes.as_array(&store).unwrap().unwrap();
    array.set(&mut store, 1, &Val::I32(0x1ff)).unwrap();
    assert_eq!(
        (0..3).map(|index| array.get(&mut store, index).unwrap()).collect::<Vec<_>>(),
        [7, 255, 7].map(Val::I32)
    );
    assert_eq!(array.get(&mut store, 3).unwrap_err().as_trap(), Some(Trap::ArrayOutOfBounds));
    assert_eq!((array.len(&store).unwrap(), array.is_empty(&store).unwrap()), (3, false));
    let ty = instance.type_at(&store, TypeIndex(1)).unwrap().unwrap();
    let made = ArrayRef::new_fixed(&mut store, ty, &[Val::I32(1)]).unwrap();
    assert_ne!(AnyRef::from(made.clone()).address(&store).unwrap(), bytes.address(&store).unwrap());
    assert_eq!(AnyRef::from(made).ty(&store).unwrap(), bytes.ty(&store).unwrap());
    let small = AnyRef::from_i31(&mut store, I31::wrapping_i32(-1));
    assert_eq!(small.as_i31(&store).unwrap().map(I31::get_u32), Some(0x7fff_ffff));
    assert!(small.address(&store).is_err());
}

#[test]
fn cycles_are_collected() {
    let engine = Engine::new(&Config::new());
    let mut store = Store::new(&engine, ());
    store.set_limits(StoreLimits::new().heap_size(1 << 20));
    let instance = Instance::new(&mut store, &module(&engine, LIST), &[]).unwrap();
    let kept = call_any(&mut store, instance, "ring", &[Val::I32(1000)]).unwrap();
    // Far more than fits at a time.
    for _ in 0..300 {
        call_any(&mut store, instance, "ring", &[Val::I32(5000)]).unwrap();
    }
    let mut node = object(&kept[0], &store);
    for _ in 0..1001 {
        let next = node.field(&mut store, 1).unwrap();
        node = object(&next, &store);
    }
    assert_eq!(node, object(&kept[0], &store), "what the embedder holds is a ring still");
    let error = call_any(&mut store, instance, "ring", &[Val::I32(1 << 20)]).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::OutOfHeap));
    call_any(&mut store, instance, "ring", &[Val::I32(5000)]).unwrap();
}

#[test]
fn values_of_the_host_are_dropped_when_nothing_refers_to_them() {
    let text = r#"(module (global $g (mut externref) (ref.null extern)) (table 1 externref)
        (func (export "keep") (param externref) (global.set $g (local.get 0)) (table.set (i32.const 0) (local.get 0)))
        (func (export "forget") (global.set $g (ref.null extern)) (table.set (i32.const 0) (ref.null extern))))"#;
    let (mut store, instance) = instance(text);
    let value = Arc::new("host");
    let reference = ExternRef::new(&mut store, value.clone()).unwrap();
    call::<_, Option<ExternRef>, ()>(&mut store, instance, "keep", Some(reference.clone())).unwrap();
    let count = |store: &mut Store<()>| {
        store.gc().unwrap();
        Arc::strong_count(&value)
    };
    drop(reference);
    assert_eq!(count(&mut store), 2);
    call::<_, (), ()>(&mut store, instance, "forget", ()).unwrap();
    assert_eq!(count(&mut store), 1);
}

#[test]
fn objects_of_waiting_code_survive_a_collection_by_the_host() {
    let text = r#"(module
        (type $box (struct (field i32)))
        (import "" "collect" (func $collect (param anyref) (result anyref)))
        (func (export "run") (param i32) (result i32) (local (ref $box))
            (local.set 1 (struct.new $box (local.get 0)))
            (struct.get $box 0 (struct.new $box (i32.add (local.get 0) (i32.const 1))))
            (struct.get $box 0 (ref.cast (ref $box) (call $collect (struct.new $box (i32.add (local.get 0) (i32.const 2))))))
            (i32.mul) (struct.get $box 0 (local.get 1)) (i32.mul)))"#;
    let (mut store, instance) = linked(text, |linker: &mut Linker<()>, _| {
        let collect = |mut caller: Caller<'_, ()>, value: Option<AnyRef>| -> Result<Option<AnyRef>> {
            interpreter::AsContextMut::as_context_mut(&mut caller).gc()?;
            ExternRef::new(&mut caller, 0)?;
            Ok(value)
        };
        linker.func_wrap("", "collect", collect).unwrap();
    });
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "run", 5).unwrap(), 5 * 6 * 7);
}
