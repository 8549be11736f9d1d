//! Tests of values with a store that has types, a heap, and functions of one type.

use super::*;
use crate::error::ErrorKind;
use crate::slot::RawRef;
use crate::test_store::{BYTES, DESCRIBED, DESCRIPTOR, FUNC, PAIR, PAIRS, TRIPLE, TestStore};
use crate::trap::Trap;
use crate::types::{HeapType, RefType, TypeId, ValType};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A store that collects at each allocation.
fn store() -> TestStore {
    TestStore::with_collections()
}

fn pair(store: &mut TestStore, number: u128) -> StructRef {
    StructRef::new_in(store, PAIR, &[number.into(), Val::AnyRef(None)], None).unwrap()
}

/// Checks that a result is an error of kind `Usage` whose message has a part.
fn assert_misuse<T: core::fmt::Debug>(result: crate::Result<T>, part: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn structs_show_their_fields() {
    let mut store = store();
    let inner = pair(&mut store, 1);
    let values = [Val::V128(u128::MAX - 1), inner.clone().into(), Val::I32(0x1234)];
    let outer = StructRef::new_in(&mut store, TRIPLE, &values, None).unwrap();
    let fields = outer.fields_in(&mut store).unwrap();
    assert_eq!(fields, [values[0].clone(), values[1].clone(), Val::I32(0x34)], "the last field has 8 bits");
    outer.set_field_in(&mut store, 2, &Val::I32(-1)).unwrap();
    outer.set_field_in(&mut store, 1, &AnyRef::from(outer.clone()).into()).unwrap();
    assert_eq!(outer.field_in(&mut store, 2).unwrap(), Val::I32(255));
    assert_eq!(outer.field_in(&mut store, 1).unwrap(), outer.clone().into());
    assert_misuse(outer.set_field_in(&mut store, 0, &Val::V128(0)), "the field is immutable");
    assert_misuse(outer.set_field_in(&mut store, 2, &Val::I64(0)), "the field must be of type i32, but is of type i64");
    assert_misuse(outer.field_in(&mut store, 3), "3 fields, and none of index 3");
    assert_misuse(StructRef::new_in(&mut store, PAIR, &[], None), "2 fields, but 0 were given");
    assert_misuse(StructRef::new_in(&mut store, BYTES, &[], None), "is not the type of a struct");
    assert_misuse(StructRef::new_in(&mut store, TypeId(7), &[], None), "the store has no type");
}

#[test]
fn arrays_show_their_elements() {
    let mut store = store();
    let bytes: Vec<Val> = (0..300).map(Val::I32).collect();
    let array = ArrayRef::new_fixed_in(&mut store, BYTES, &bytes).unwrap();
    assert_eq!((array.len_in(&store).unwrap(), array.is_empty_in(&store).unwrap()), (300, false));
    assert_eq!(array.get_in(&mut store, 299).unwrap(), Val::I32(299 - 256));
    array.set_in(&mut store, 299, &Val::I32(-2)).unwrap();
    assert_eq!(array.get_in(&mut store, 299).unwrap(), Val::I32(254));
    assert_eq!(array.get_in(&mut store, 300).unwrap_err().as_trap(), Some(Trap::ArrayOutOfBounds));
    assert_eq!(array.set_in(&mut store, 300, &Val::I32(0)).unwrap_err().as_trap(), Some(Trap::ArrayOutOfBounds));
    assert_misuse(array.set_in(&mut store, 0, &Val::AnyRef(None)), "must be of type i32");
    let pair = pair(&mut store, 7);
    let triple = StructRef::new_in(&mut store, TRIPLE, &[Val::V128(7), Val::AnyRef(None), Val::I32(1)], None).unwrap();
    let pairs =
        ArrayRef::new_fixed_in(&mut store, PAIRS, &[pair.into(), triple.clone().into(), Val::AnyRef(None)]).unwrap();
    assert_eq!(pairs.get_in(&mut store, 1).unwrap(), triple.into(), "a subtype is kept");
    let wrong = Val::from(array);
    assert_misuse(pairs.set_in(&mut store, 0, &wrong), "the element must be of type");
    assert_misuse(ArrayRef::new_fixed_in(&mut store, PAIR, &[]), "is not the type of an array");
}

#[test]
fn descriptors_are_checked() {
    let mut store = store();
    let descriptor = StructRef::new_in(&mut store, DESCRIPTOR, &[], None).unwrap();
    let described = StructRef::new_in(&mut store, DESCRIBED, &[], Some(&descriptor)).unwrap();
    assert_eq!(described.descriptor_in(&mut store).unwrap(), Some(descriptor.clone()));
    assert_eq!(descriptor.descriptor_in(&mut store).unwrap(), None);
    assert_misuse(StructRef::new_in(&mut store, DESCRIBED, &[], None), "but no descriptor was given");
    assert_misuse(StructRef::new_in(&mut store, DESCRIPTOR, &[], Some(&descriptor)), "needs no descriptor");
    assert_misuse(StructRef::new_in(&mut store, DESCRIBED, &[], Some(&described)), "needs a descriptor");
}

#[test]
fn references_tell_their_types() {
    let mut store = store();
    let integer = AnyRef::from_i31_in(&mut store, I31::wrapping_i32(-5));
    let value = integer.as_i31_in(&store).unwrap().unwrap();
    assert_eq!((value.get_i32(), value.get_u32()), (-5, 0x7fff_fffb));
    let object = AnyRef::from(pair(&mut store, 1));
    let array = AnyRef::from(ArrayRef::new_fixed_in(&mut store, BYTES, &[]).unwrap());
    let host = ExternRef::new_in(&mut store, "text").unwrap();
    let of = |store: &TestStore, any: &AnyRef| any.ty_in(store).unwrap();
    assert_eq!((of(&store, &integer), of(&store, &object)), (HeapType::I31, HeapType::Exact(PAIR)));
    assert_eq!((of(&store, &array), of(&store, &host.to_any())), (HeapType::Exact(BYTES), HeapType::Any));
    assert!(object.as_struct_in(&store).unwrap().is_some() && object.as_array_in(&store).unwrap().is_none());
    assert!(array.as_array_in(&store).unwrap().is_some() && integer.as_struct_in(&store).unwrap().is_none());
    assert!(host.to_any().as_struct_in(&store).unwrap().is_none() && object.as_i31_in(&store).unwrap().is_none());
    assert_eq!(host.data_in(&store).unwrap().and_then(|value| value.downcast_ref()), Some(&"text"));
    assert!(
        object.to_extern().data_in(&store).unwrap().is_none() && integer.to_extern().data_in(&store).unwrap().is_none()
    );
    assert_eq!(object.to_extern().to_any(), object);
    assert_ne!(object.address_in(&store).unwrap(), array.address_in(&store).unwrap());
    assert_misuse(integer.address_in(&store), "holds an integer");
}

#[test]
fn values_pass_through_slots() {
    let mut store = store();
    let func = Func::from_address(9, store.heap.roots.store());
    let pair = Val::from(pair(&mut store, 1));
    let host = ExternRef::new_in(&mut store, 0_u8).unwrap();
    let exception = ExnRef::new_in(&mut store, 3, FUNC, &[Val::V128(1), func.into()]).unwrap();
    let reference = |heap| ValType::Ref(RefType { nullable: true, heap });
    let values = [
        (Val::I32(-1), ValType::I32),
        (Val::I64(i64::MIN), ValType::I64),
        (Val::F32(0x7fa0_0001), ValType::F32),
        (Val::F64(0x7ff4_0000_0000_0001), ValType::F64),
        (Val::V128(u128::MAX / 3), ValType::V128),
        (func.into(), reference(HeapType::Defined(FUNC))),
        (Val::FuncRef(None), reference(HeapType::Exact(FUNC))),
        (host.into(), ValType::EXTERNREF),
        (exception.clone().into(), reference(HeapType::Exn)),
        (pair.clone(), reference(HeapType::Eq)),
        (Val::AnyRef(None), reference(HeapType::None)),
        (AnyRef::from_i31_in(&mut store, I31::wrapping_i32(1)).into(), reference(HeapType::I31)),
    ];
    let slots = val::to_slots(&store, values.iter().map(|(value, ty)| (value, *ty)), "the value").unwrap();
    assert_eq!((slots.len(), slots[0]), (13, 0xffff_ffff), "the high half is zero");
    let mut rest = &slots[..];
    for (value, ty) in &values {
        assert_eq!(&Val::take(*ty, &mut rest, &mut store), value);
    }
    assert_eq!(exception.fields_in(&mut store).unwrap(), [Val::V128(1), func.into()]);
    assert_eq!(exception.tag_address(&store).unwrap(), 3);
    assert_misuse(ExnRef::new_in(&mut store, 3, FUNC, &[]), "carry 2 values, but 0 were given");
    for (heap, value) in [(HeapType::I31, &pair), (HeapType::Exact(TRIPLE), &pair), (HeapType::Func, &pair)] {
        assert_misuse(value.to_bits(&store, reference(heap), "the argument"), "the argument must be of type");
    }
    let not_null = ValType::Ref(RefType { nullable: false, heap: HeapType::Any });
    assert_misuse(Val::AnyRef(None).to_bits(&store, not_null, "the argument"), "but is of type nullref");
    assert_eq!(Val::default_in(reference(HeapType::Exn), &store), Val::ExnRef(None));
}

#[test]
fn values_of_other_stores_are_refused() {
    let (mut one, mut other) = (store(), store());
    let object = pair(&mut one, 1);
    assert_ne!(object, pair(&mut other, 1));
    assert_misuse(object.fields_in(&mut other), "another store");
    assert_misuse(ArrayRef::new_fixed_in(&mut other, PAIRS, &[object.into()]), "another store");
    let func = Func::from_address(0, one.heap.roots.store());
    assert_misuse(Val::from(func).to_bits(&other, ValType::FUNCREF, "the argument"), "another store");
    let integer = Val::from(AnyRef::from_i31_in(&mut one, I31::wrapping_i32(1)));
    assert_misuse(integer.to_bits(&other, ValType::Ref(RefType::ANY), "the argument"), "another store");
}

#[test]
fn handles_keep_objects_and_release_them() {
    let mut store = store();
    let value = Arc::new(());
    let host = ExternRef::new_in(&mut store, value.clone()).unwrap();
    let holder = StructRef::new_in(&mut store, PAIR, &[Val::V128(0), host.to_any().into()], None).unwrap();
    drop(host);
    store.heap.collect(|_| ());
    assert_eq!(Arc::strong_count(&value), 2);
    let Val::AnyRef(Some(kept)) = holder.field_in(&mut store, 1).unwrap() else { panic!("the field is a reference") };
    drop(holder);
    store.heap.collect(|_| ());
    assert_eq!((Arc::strong_count(&value), store.heap.used()), (2, 8), "the struct is gone");
    drop(kept);
    store.heap.collect(|_| ());
    assert_eq!((Arc::strong_count(&value), store.heap.used()), (1, 0));
    assert_eq!(AnyRef::from_raw(RawRef::NULL, &mut store), None);
}

/// Threads may pass handles on.
#[test]
fn handles_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<(Val, AnyRef, StructRef, ArrayRef, ExternRef, ExnRef)>();
    check::<Box<crate::gc::Heap>>();
}
