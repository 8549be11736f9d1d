//! Collections of objects that the tests make directly in the heap.

use super::{allocate, collect, with_roots};
use crate::abi::heap::{DESCRIPTOR, StructLayout};
use crate::base::{Config, ErrorKind, Result, Trap};
use crate::runtime::store::{OpaqueMut, StoreOpaque};
use crate::runtime::type_registry::RegisteredTypes;
use crate::runtime::{AsContextMut, Engine, ExternRef, RootScope, Store, StoreLimits};
use crate::wasm::canonical::canonical_id;
use crate::wasm::composite::{CompositeType, FieldType, StorageType, StructType};
use crate::wasm::types::{CompositeKind, ConcreteType, HeapType, SubType, ValType};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The type of a cell: a number and a reference to the next cell.
const CELL: u32 = canonical_id(CompositeKind::Struct, 1);
const NUMBER: u32 = 8;
const NEXT: u32 = 12;

/// The type of structs without fields whose descriptor is a cell.
const DESCRIBED: u32 = canonical_id(CompositeKind::Struct, 2);

/// The type of an array of references.
const REFERENCES: u32 = canonical_id(CompositeKind::Array, 3);
/// The type of an array of bytes.
const BYTES: u32 = canonical_id(CompositeKind::Array, 4);

fn store(zeal: bool) -> Store<StoreLimits> {
    let engine = Engine::new(Config::new().gc_zeal(zeal)).unwrap();
    let mut store = Store::new(&engine, StoreLimits::new());
    store.limiter(|limits| limits);
    let mut opaque = store.as_context_mut().into_opaque();
    let field = |storage| FieldType { storage, mutable: true };
    let fields = [ValType::I32, ValType::ANYREF].map(|ty| field(StorageType::Val(ty)));
    let cell = StructType { fields: fields.into(), ..StructType::default() };
    assert_eq!(*StructLayout::from(&cell).offsets, [NUMBER, NEXT]);
    let descriptor = Some(ConcreteType::in_module(CompositeKind::Struct, 0));
    let described = StructType { descriptor, ..StructType::default() };
    let types = [
        CompositeType::Struct(cell),
        CompositeType::Struct(described),
        CompositeType::Array(fields[1]),
        CompositeType::Array(field(StorageType::I8)),
    ];
    // The first two types name each other's group, so they are one.
    let registered = RegisteredTypes::new(engine.types(), &types.map(SubType::plain), &[2, 3, 4]).unwrap();
    assert_eq!(registered.ids(), [CELL, DESCRIBED, REFERENCES, BYTES]);
    for &name in registered.names() {
        opaque.hold(HeapType::Concrete(name)).unwrap();
    }
    store
}

fn read(store: &StoreOpaque, object: u32, offset: u32) -> u32 {
    assert!(object != 0 && u64::from(object + offset) < store.context.heap_next);
    // SAFETY: inside the objects.
    unsafe { store.context.heap_base.add((object + offset) as usize).cast::<u32>().read() }
}

fn write(store: &mut StoreOpaque, object: u32, offset: u32, value: u32) {
    assert!(object != 0 && u64::from(object + offset) < store.context.heap_next);
    // SAFETY: inside the objects.
    unsafe { store.context.heap_base.add((object + offset) as usize).cast::<u32>().write(value) }
}

/// Makes a list of the numbers below `count`, the last number first.
fn list(store: &mut OpaqueMut<'_>, count: u32) -> u32 {
    let mut head = 0;
    for number in 0..count {
        let root = store.root(head);
        let cell = allocate(store, CELL, 0, 16).unwrap();
        head = store.rooted(root).unwrap();
        write(store, cell, NUMBER, number);
        write(store, cell, NEXT, head);
        head = cell;
    }
    head
}

fn assert_list(store: &StoreOpaque, mut head: u32, count: u32) {
    for number in (0..count).rev() {
        assert_eq!(read(store, head, NUMBER), number);
        head = read(store, head, NEXT);
    }
    assert_eq!(head, 0);
}

#[test]
fn lists_survive() {
    for zeal in [false, true] {
        let mut store = store(zeal);
        let mut opaque = store.as_context_mut().into_opaque();
        let head = list(&mut opaque, 300);
        let root = opaque.root(head);
        for _ in 0..3 {
            collect(&mut opaque).unwrap();
            assert_list(&opaque, opaque.rooted(root).unwrap(), 300);
        }
        assert_ne!(opaque.rooted(root).unwrap(), head, "objects move");
    }
}

#[test]
fn cycles_and_shared_objects_stay_what_they_are() {
    let mut store = store(false);
    let mut opaque = store.as_context_mut().into_opaque();
    let array = allocate(&mut opaque, REFERENCES, 3, 24).unwrap();
    let cell = allocate(&mut opaque, CELL, 0, 16).unwrap();
    write(&mut opaque, cell, NEXT, array);
    for (offset, reference) in [(8, array), (12, cell), (16, cell)] {
        write(&mut opaque, array, offset, reference);
    }
    let root = opaque.root(array);
    collect(&mut opaque).unwrap();
    let array = opaque.rooted(root).unwrap();
    let cell = read(&opaque, array, 12);
    assert_eq!((read(&opaque, array, 8), read(&opaque, array, 16)), (array, cell));
    assert_eq!(read(&opaque, cell, NEXT), array);
    assert_eq!(opaque.heap_used(), 40);
}

#[test]
fn a_descriptor_lives_as_long_as_what_it_describes() {
    let mut store = store(false);
    let mut opaque = store.as_context_mut().into_opaque();
    let array = allocate(&mut opaque, REFERENCES, 2, 16).unwrap();
    let cell = allocate(&mut opaque, CELL, 0, 16).unwrap();
    write(&mut opaque, cell, NUMBER, 42);
    write(&mut opaque, cell, NEXT, cell);
    for offset in [8, 12] {
        let described = allocate(&mut opaque, DESCRIBED, 0, 8).unwrap();
        write(&mut opaque, described, DESCRIPTOR, cell);
        write(&mut opaque, array, offset, described);
    }
    let root = opaque.root(array);
    for _ in 0..2 {
        collect(&mut opaque).unwrap();
        let array = opaque.rooted(root).unwrap();
        let [one, two] = [8, 12].map(|offset| read(&opaque, array, offset));
        let descriptor = read(&opaque, one, DESCRIPTOR);
        assert_eq!((one == two, read(&opaque, two, DESCRIPTOR)), (false, descriptor));
        assert_eq!((read(&opaque, descriptor, NUMBER), read(&opaque, descriptor, NEXT)), (42, descriptor));
        assert_eq!(opaque.heap_used(), 48);
    }
}

#[test]
fn small_integers_are_not_references() {
    let mut store = store(true);
    let mut opaque = store.as_context_mut().into_opaque();
    let array = allocate(&mut opaque, REFERENCES, 2, 16).unwrap();
    write(&mut opaque, array, 8, 0xffff_ffff);
    write(&mut opaque, array, 12, 9);
    let root = opaque.root(array);
    collect(&mut opaque).unwrap();
    let array = opaque.rooted(root).unwrap();
    assert_eq!((read(&opaque, array, 8), read(&opaque, array, 12)), (0xffff_ffff, 9));
}

#[test]
fn the_heap_grows_as_far_as_it_may() {
    let mut store = store(false);
    *store.data_mut() = StoreLimits::new().heap_size(3 << 20);
    let mut scope = RootScope::new(&mut store);
    let mut opaque = scope.as_context_mut().into_opaque();
    let mut made = 0;
    let error = loop {
        match allocate(&mut opaque, BYTES, 65_528, 65_536) {
            Ok(array) => opaque.root(array),
            Err(error) => break error,
        };
        made += 1;
    };
    assert_eq!((error.kind(), made), (ErrorKind::Trap(Trap::OutOfHeap), 48));
    drop(scope);
    let mut opaque = store.as_context_mut().into_opaque();
    allocate(&mut opaque, BYTES, 65_528, 65_536).expect("unreachable objects make room");
    assert_eq!(opaque.heap_used(), 65_536);
    for size in [4 << 20, (1 << 32) + 8, 16 << 32] {
        let error = allocate(&mut opaque, BYTES, u32::MAX, size).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::OutOfHeap));
    }
}

#[test]
fn new_objects_are_zero() {
    let mut store = store(false);
    let mut opaque = store.as_context_mut().into_opaque();
    for _ in 0..100 {
        let array = allocate(&mut opaque, BYTES, 40_000, 40_008).unwrap();
        assert_eq!(read(&opaque, array, 4), 40_000);
        for offset in (8..40_008).step_by(4) {
            assert_eq!(read(&opaque, array, offset), 0);
            write(&mut opaque, array, offset, u32::MAX);
        }
    }
}

#[test]
fn a_stray_reference_is_noticed() {
    let mut store = store(false);
    let mut opaque = store.as_context_mut().into_opaque();
    let cell = allocate(&mut opaque, CELL, 0, 16).unwrap();
    for stray in [cell + 16, cell + 4, 8, 0xffff_fff8] {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut scope = RootScope::new(&mut store);
            let mut opaque = scope.as_context_mut().into_opaque();
            opaque.root(stray);
            collect(&mut opaque)
        }));
        assert!(caught.is_err(), "{stray:#x} names no object");
    }
}

#[test]
fn unreachable_values_are_dropped() {
    let mut store = store(false);
    let value = Arc::new(());
    let owned = {
        let mut scope = RootScope::new(&mut store);
        ExternRef::new(&mut scope, value.clone()).unwrap();
        let held = ExternRef::new(&mut scope, value.clone()).unwrap();
        held.to_owned_rooted(&mut scope).unwrap()
    };
    assert_eq!(Arc::strong_count(&value), 3);
    store.gc().unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    let handle = owned.to_rooted(&mut store).unwrap();
    assert!(handle.data(&store).unwrap().unwrap().downcast_ref::<Arc<()>>().is_some());
    drop(owned);
    store.gc().unwrap();
    assert_eq!(Arc::strong_count(&value), 2, "the handle holds it");
    drop(store);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_handle_ends_with_its_scope() {
    let mut store = store(false);
    let mut scope = RootScope::new(&mut store);
    let ended = ExternRef::new(&mut scope, 1).unwrap();
    drop(scope);
    assert_eq!(ended.data(&store).unwrap_err().kind(), ErrorKind::Usage);
    let next = ExternRef::new(&mut store, 2).unwrap();
    assert_eq!(ended.data(&store).unwrap_err().kind(), ErrorKind::Usage, "also when its index is in use again");
    assert_eq!(next.data(&store).unwrap().unwrap().downcast_ref(), Some(&2));
}

#[test]
fn memory_of_dropped_values_is_used_again() {
    let mut store = store(true);
    let mut scope = RootScope::new(&mut store);
    for number in 0..1000 {
        let mut inner = RootScope::new(&mut scope);
        let value = ExternRef::new(&mut inner, number).unwrap();
        assert_eq!(value.data(&inner).unwrap().unwrap().downcast_ref(), Some(&number));
    }
}

#[test]
fn references_of_the_runtime_are_roots_for_a_while() {
    let mut store = store(false);
    let mut opaque = store.as_context_mut().into_opaque();
    let mut references = [list(&mut opaque, 3), 0];
    let before = (opaque.heap.roots.begin_scope(), references);
    with_roots(&mut opaque, &mut references, collect).unwrap();
    assert!(references[0] != before.1[0] && references[1] == 0);
    assert_eq!(read(&opaque, references[0], NUMBER), 2);
    let panics = || with_roots(&mut opaque, &mut references, |_| -> Result<()> { panic!() });
    catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    assert_eq!(opaque.heap.roots.begin_scope(), before.0, "a panic ends the scope too");
}
