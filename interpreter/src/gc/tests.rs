//! Tests of the heap with types that no module defines.

use super::layout::{FieldLayout, Layout};
use super::pacing::LARGEST;
use super::*;
use crate::error::ErrorKind;
use crate::slot::{RawRef, V128};
use crate::trap::Trap;
use crate::types::TypeId;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

const MIB: u64 = 1 << 20;

/// A heap of these types, numbered from 0.
fn heap_of(types: impl IntoIterator<Item = Layout>, limit: u64, zeal: bool) -> Heap {
    let mut heap = Heap::new(Roots::new(StoreId::new()), limit, zeal);
    heap.layouts = types.into_iter().collect();
    heap
}

fn structure(fields: impl IntoIterator<Item = Storage>) -> Layout {
    Layout::Struct(FieldLayout::of_struct(fields))
}

/// A heap of pairs of a number and a reference.
fn pairs(limit: u64, zeal: bool) -> Heap {
    heap_of([structure([Storage::Bits64, Storage::Object])], limit, zeal)
}

/// Allocates as the interpreter does: collects and tries again if there is no room.
fn retry<R>(heap: &mut Heap, roots: &[u64], mut work: impl FnMut(&mut Heap) -> Result<R, Failure>) -> Result<R, Trap> {
    match work(heap) {
        Ok(made) => return Ok(made),
        Err(Failure::Trap(trap)) => return Err(trap),
        Err(Failure::NoRoom(size)) => heap.make_room(size, |marker| marker.mark_slots(roots))?,
    }
    match work(heap) {
        Ok(made) => Ok(made),
        Err(Failure::Trap(trap)) => Err(trap),
        Err(Failure::NoRoom(_)) => panic!("the collector has made room"),
    }
}

fn pair(heap: &mut Heap, roots: &[u64], number: u64, next: RawRef) -> Result<u32, Trap> {
    let made = retry(heap, roots, |heap| heap.new_struct(TypeId(0), 0, &[number, next.0]))?;
    Ok(made.as_object().unwrap())
}

fn reference(object: u32) -> RawRef {
    RawRef::from_object(object)
}

#[test]
fn fields_keep_their_values() {
    use Storage::{Bits64, Bits128, I8, I16, Object};
    let mut heap = heap_of([structure([I8, Bits128, I16, Bits64, Object])], MIB, false);
    let slots = [0x1234, 1, 2, 0xabcd_1234, u64::MAX, RawRef::from_i31(7).0];
    let made = retry(&mut heap, &[], |heap| heap.new_struct(TypeId(0), 0, &slots)).unwrap().as_object().unwrap();
    let fields: Vec<u64> = (0..6).map(|slot| heap.field(made, slot)).collect();
    assert_eq!(fields, [0x34, 1, 2, 0x1234, u64::MAX, slots[5]], "packed fields keep their low bits");
    heap.set_field(made, 4, 5);
    assert_eq!((heap.field(made, 3), heap.field(made, 4)), (0x1234, 5));
    let empty = retry(&mut heap, &[], |heap| heap.new_default_struct(TypeId(0), 0)).unwrap().as_object().unwrap();
    assert!((0..6).all(|slot| heap.field(empty, slot) == 0));
    assert_eq!((heap.type_of(made), heap.used()), (Some(TypeId(0)), 2 * 56));
}

#[test]
fn memory_of_garbage_is_clean_when_it_is_used_again() {
    let mut heap = pairs(MIB, false);
    for number in 0..1000 {
        pair(&mut heap, &[], number, RawRef::NULL).unwrap();
    }
    heap.collect(|_| ());
    let empty = heap.new_default_struct(TypeId(0), 0).unwrap().as_object().unwrap();
    assert_eq!((empty, heap.field(empty, 0), heap.field(empty, 1)), (1, 0, 0), "the first cell is free again");
}

#[test]
fn cycles_are_reclaimed() {
    let mut heap = pairs(MIB, false);
    for _ in 0..100_000 {
        let first = pair(&mut heap, &[], 0, RawRef::NULL).unwrap();
        let second = pair(&mut heap, &[reference(first).0], 0, reference(first)).unwrap();
        heap.set_field(first, 1, reference(second).0);
    }
    assert!(heap.used() <= MIB);
    heap.collect(|_| ());
    assert_eq!(heap.used(), 0);
}

#[test]
fn a_list_of_a_million_survives() {
    let mut heap = pairs(64 * MIB, false);
    let mut list = RawRef::NULL;
    for number in 0..1_000_000 {
        list = reference(pair(&mut heap, &[list.0], number, list).unwrap());
    }
    heap.collect(|marker| marker.mark(list));
    assert_eq!(heap.used(), 24_000_000);
    for number in (0..1_000_000).rev() {
        let object = list.as_object().unwrap();
        assert_eq!(heap.field(object, 0), number);
        list = RawRef(heap.field(object, 1));
    }
    assert!(list.is_null());
    heap.collect(|_| ());
    assert_eq!(heap.used(), 0);
}

#[test]
fn the_stack_is_taken_conservatively() {
    let mut heap = pairs(MIB, false);
    let kept = pair(&mut heap, &[], 1, RawRef::NULL).unwrap();
    pair(&mut heap, &[], 2, RawRef::NULL).unwrap();
    let numbers = [0, 5, u64::MAX, 1.5_f64.to_bits(), RawRef::from_i31(kept).0, RawRef::from_func(kept).0];
    let wrong = [reference(0).0, reference(kept + 1).0, reference(u32::MAX).0];
    heap.collect(|marker| {
        marker.mark_slots(&numbers);
        marker.mark_slots(&wrong);
        marker.mark_slots(&[reference(kept).0]);
    });
    assert_eq!((heap.used(), heap.field(kept, 0)), (24, 1), "one of two remains");
    heap.collect(|marker| marker.mark_slots(&numbers));
    assert_eq!(heap.used(), 0);
}

#[test]
fn descriptors_and_payloads_are_roots_of_what_they_hold() {
    let types = [
        structure([Storage::Bits64, Storage::Object]),
        structure([]),
        Layout::Exception(FieldLayout::of_exception([Storage::Bits64, Storage::Object])),
        Layout::Array(Storage::Object),
    ];
    let mut heap = heap_of(types, MIB, false);
    let leaf = pair(&mut heap, &[], 42, RawRef::NULL).unwrap();
    let described = heap.new_struct(TypeId(1), leaf, &[]).unwrap();
    let exception = heap.new_exception(7, TypeId(2), &[1, described.0]).unwrap();
    let short = heap.new_array(TypeId(3), 5).unwrap();
    heap.set_element(short.as_object().unwrap(), 4, exception.0).unwrap();
    let long = heap.new_array(TypeId(3), 1000).unwrap();
    heap.set_element(long.as_object().unwrap(), 999, short.0).unwrap();
    let used = heap.used();
    heap.collect(|marker| marker.mark(long));
    assert_eq!(heap.used(), used);
    assert_eq!(heap.descriptor(described.as_object().unwrap()), reference(leaf));
    assert!(heap.descriptor(leaf).is_null());
    let exception = exception.as_object().unwrap();
    assert_eq!((heap.exception_tag(exception), heap.exception_type(exception)), (Some(7), TypeId(2)));
    assert!(heap.exception_payload(exception).eq([1, described.0]));
    assert_eq!((heap.type_of(exception), heap.exception_tag(leaf), heap.type_of(leaf)), (None, None, Some(TypeId(0))));
    heap.collect(|_| ());
    assert_eq!(heap.used(), 0);
}

#[test]
fn arrays_of_every_kind_keep_their_elements() {
    use Storage::{Bits32, Bits64, Bits128, Func, I8, I16, Object};
    for storage in [I8, I16, Bits32, Bits64, Bits128, Func, Object] {
        for length in [1, 8, 9, 64, 128, 129, 1000] {
            let mut heap = heap_of([Layout::Array(storage)], MIB, false);
            let before = array(&mut heap, 1);
            let made = array(&mut heap, length);
            let after = array(&mut heap, 1);
            let value = |index: u32| V128(u128::from(index + 1).wrapping_mul(u128::MAX / 255));
            let kept = |index| V128(value(index).0 & u128::MAX >> (128 - 8 * storage.size()));
            assert_eq!(heap.element_bits(made, length - 1), Some(V128(0)));
            for index in 0..length {
                heap.set_element_bits(made, index, value(index)).unwrap();
            }
            assert!(
                (0..length).all(|index| heap.element_bits(made, index) == Some(kept(index))),
                "{storage:?} {length}"
            );
            assert_eq!((heap.element_bits(made, length), heap.set_element_bits(made, length, V128(1))), (None, None));
            assert_eq!((heap.element_bits(before, 0), heap.element_bits(after, 0)), (Some(V128(0)), Some(V128(0))));
            assert_eq!(heap.array_length(made), length);
        }
    }
}

fn array(heap: &mut Heap, length: u32) -> u32 {
    retry(heap, &[], |heap| heap.new_array(TypeId(0), length)).unwrap().as_object().unwrap()
}

#[test]
fn overlapping_and_crossing_copies() {
    for (length, other) in [(20, 20), (2000, 20), (20, 2000), (2000, 3000)] {
        let mut heap = heap_of([Layout::Array(Storage::I16)], MIB, false);
        let (first, second) = (array(&mut heap, length), array(&mut heap, other));
        let read = |heap: &Heap, array| (0..20).map(|index| heap.element(array, index).unwrap()).collect::<Vec<u16>>();
        (0..20).for_each(|index| heap.set_element(first, index, index as u16).unwrap());
        heap.copy_elements((second, 0), (first, 0), 20).unwrap();
        let mut expected: Vec<u16> = (0..20).collect();
        assert_eq!(read(&heap, second), expected);
        heap.copy_elements((first, 3), (first, 1), 10).unwrap();
        expected.copy_within(1..11, 3);
        assert_eq!(read(&heap, first), expected);
        heap.copy_elements((first, 0), (first, 2), 15).unwrap();
        expected.copy_within(2..17, 0);
        assert_eq!(read(&heap, first), expected);
        for (at, count) in [(length - 5, 6), (length + 1, 0), (u32::MAX, 2), (2, u32::MAX)] {
            assert_eq!(heap.copy_elements((first, at), (second, 0), count), None);
            assert_eq!(heap.copy_elements((second, 0), (first, at), count), None);
            assert_eq!(heap.fill_elements(first, at, V128(9), count), None);
        }
        assert_eq!(read(&heap, first), expected);
        heap.copy_elements((first, length), (second, other), 0).unwrap();
        heap.fill_elements(first, 4, V128(0x7_0008), 2).unwrap();
        expected[4..6].fill(8);
        assert_eq!(read(&heap, first), expected);
    }
}

#[test]
fn what_is_reachable_counts_for_the_limit() {
    let mut heap = pairs(MIB, false);
    let (mut list, mut count) = (RawRef::NULL, 0_u64);
    let trap = loop {
        match pair(&mut heap, &[list.0], count, list) {
            Ok(made) => list = reference(made),
            Err(trap) => break trap,
        }
        count += 1;
    };
    assert_eq!((trap, count), (Trap::OutOfHeap, MIB / 24), "24 bytes each");
    assert!(pair(&mut heap, &[], 0, RawRef::NULL).is_ok(), "the list is garbage now");
}

#[test]
fn the_largest_array_is_as_large_as_the_heap() {
    let mut heap = heap_of([Layout::Array(Storage::I8), Layout::Array(Storage::Bits128)], MIB, false);
    assert_eq!(retry(&mut heap, &[], |heap| heap.new_array(TypeId(0), MIB as u32 - 7)), Err(Trap::OutOfHeap));
    assert!(retry(&mut heap, &[], |heap| heap.new_array(TypeId(0), MIB as u32 - 8)).is_ok());
    assert!(retry(&mut heap, &[], |heap| heap.new_array(TypeId(0), MIB as u32 - 8)).is_ok(), "the first is garbage");
    for id in 0..2 {
        assert_eq!(retry(&mut heap, &[], |heap| heap.new_array(TypeId(id), u32::MAX)), Err(Trap::OutOfHeap));
    }
    let mut heap = heap_of([Layout::Array(Storage::I8)], u64::MAX, false);
    let refused = retry(&mut heap, &[], |heap| heap.new_array(TypeId(0), LARGEST as u32));
    assert_eq!(refused, Err(Trap::OutOfHeap));
}

#[test]
fn zeal_collects_at_each_allocation() {
    let mut heap = pairs(MIB, true);
    let lost = pair(&mut heap, &[], 1, RawRef::NULL).unwrap();
    assert!(matches!(heap.new_default_struct(TypeId(0), 0), Err(Failure::NoRoom(24))));
    let made = pair(&mut heap, &[], 2, RawRef::NULL).unwrap();
    assert_eq!((made, heap.used()), (lost, 24));
    let other = pair(&mut heap, &[reference(made).0], 3, RawRef::NULL).unwrap();
    assert_eq!((heap.field(made, 0), heap.field(other, 0), heap.used()), (2, 3, 48));
    heap.collect(|_| ());
    assert_eq!(heap.field(made, 0), 0xfbfb_fbfb_fbfb_fbfb, "a lost object is overwritten");
}

#[test]
fn handles_hold_objects() {
    let mut heap = pairs(MIB, false);
    let made = pair(&mut heap, &[], 1, RawRef::NULL).unwrap();
    let handle = heap.roots.root(reference(made)).unwrap();
    let clone = handle.clone();
    drop(handle);
    heap.collect(|_| ());
    assert_eq!((heap.used(), heap.field(made, 0)), (24, 1));
    let fresh = pair(&mut heap, &[], 2, RawRef::NULL).unwrap();
    assert_ne!(fresh, made, "the index is in use");
    assert_ne!(heap.roots.root(reference(fresh)), Some(clone.clone()));
    assert_eq!(heap.roots.root(reference(made)), Some(clone.clone()));
    assert_eq!(heap.roots.resolve(&clone).unwrap(), reference(made));
    drop(clone);
    heap.collect(|_| ());
    assert_eq!((heap.used(), heap.roots.len()), (0, 0));
    assert_eq!(pair(&mut heap, &[], 3, RawRef::NULL), Ok(made), "nothing refers to the index any more");
}

#[test]
fn dropped_handles_do_not_pile_up() {
    let mut heap = pairs(MIB, false);
    let made = pair(&mut heap, &[], 1, RawRef::NULL).unwrap();
    for _ in 0..10_000 {
        heap.roots.root(reference(made)).unwrap();
    }
    assert!(heap.roots.len() <= 64);
}

#[test]
fn handles_of_other_stores_are_refused() {
    let (mut heap, mut other) = (pairs(MIB, false), pairs(MIB, false));
    let objects = [&mut heap, &mut other].map(|heap| {
        let made = pair(heap, &[], 1, RawRef::NULL).unwrap();
        heap.roots.root(reference(made)).unwrap()
    });
    assert_ne!(objects[0], objects[1], "the same index in two stores");
    assert_eq!(heap.roots.resolve(&objects[1]).unwrap_err().kind(), ErrorKind::Usage);
    assert!(heap.roots.resolve(&objects[0]).is_ok());
    assert_eq!(heap.roots.root(RawRef::NULL), None);
    let integer = heap.roots.root(RawRef::from_i31(5)).unwrap();
    assert_eq!(heap.roots.resolve(&integer).unwrap(), RawRef::from_i31(5));
    assert_eq!(heap.roots.len(), 1, "an integer has no entry");
}

#[test]
fn values_of_the_host_are_dropped_with_their_objects() {
    let mut heap = pairs(MIB, false);
    let value = Arc::new(5_u8);
    let host = retry(&mut heap, &[], |heap| Ok(heap.new_host(Box::new(value.clone()))));
    assert_eq!(host, Ok(Err(Trap::OutOfHeap)), "no room was made");
    heap.make_room(8, |_| ()).unwrap();
    let host = heap.new_host(Box::new(value.clone())).unwrap().as_object().unwrap();
    let holder = pair(&mut heap, &[], 1, reference(host)).unwrap();
    heap.collect(|marker| marker.mark(reference(holder)));
    let kept = heap.host_value(host).and_then(|value| value.downcast_ref::<Arc<u8>>());
    assert_eq!(kept.map(|value| **value), Some(5));
    assert!(heap.host_value(holder).is_none() && heap.type_of(host).is_none());
    assert_eq!((Arc::strong_count(&value), heap.used()), (2, 32));
    heap.collect(|_| ());
    assert_eq!((Arc::strong_count(&value), heap.used()), (1, 0));
}

/// The state of a generator of numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Objects of many sizes come and go. Each has its number in every element, so that objects that overlap show.
#[test]
fn objects_never_overlap() {
    for zeal in [false, true] {
        let mut heap = heap_of([Layout::Array(Storage::Bits64)], MIB, zeal);
        let (mut random, mut live) = (Random(0x9e37_79b9_7f4a_7c15), alloc::vec![0_u64; 64]);
        for number in 1..if zeal { 2_000 } else { 50_000 } {
            let length = random.below(40) as u32;
            let made = retry(&mut heap, &live, |heap| heap.new_array(TypeId(0), length)).unwrap();
            heap.fill_elements(made.as_object().unwrap(), 0, V128(number), length).unwrap();
            live[random.below(64)] = made.0;
            let checked = live[random.below(64)];
            if let Some(array) = RawRef(checked).as_object() {
                let length = heap.array_length(array);
                let first = (length > 0).then(|| heap.element::<u64>(array, 0).unwrap());
                assert!((0..length).all(|index| heap.element(array, index) == first), "object {array:#x}");
            }
        }
        assert!(heap.used() <= MIB);
    }
}
