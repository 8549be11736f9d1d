//! Tests of the types of references
//! ([Reference instructions](https://webassembly.github.io/spec/core/exec/instructions.html#reference-instructions)), and
//! of descriptors
//! ([Custom descriptors](https://github.com/WebAssembly/custom-descriptors/blob/main/proposals/custom-descriptors/Overview.md)).
//!
//! `br_on_cast` branches if [`ref_test`] holds, `br_on_cast_fail` if it does not; `br_on_cast_desc_eq` and
//! `br_on_cast_desc_eq_fail` go by [`ref_test_desc_eq`]. Branches keep the reference as it is.

use crate::gc::Heap;
use crate::slot::RawRef;
use crate::trap::Trap;
use crate::types::{CanonicalTypes, HeapType, RefType, TypeId};

/// [`ref.test`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-ref-test): whether a reference is of
/// a type. Validation has seen that the type is of the hierarchy of the reference. `function_type` returns the type of
/// the function at an address.
#[inline]
pub(crate) fn ref_test(
    heap: &Heap,
    types: &CanonicalTypes,
    function_type: impl Fn(u32) -> TypeId,
    reference: RawRef,
    target: RefType,
) -> bool {
    if reference.is_null() {
        return target.nullable;
    }
    let defined = || match (reference.as_object(), reference.as_func()) {
        (Some(object), _) => heap.type_of(object),
        (_, Some(address)) => Some(function_type(address)),
        _ => None,
    };
    let heap_type = target.heap.unshared();
    match heap_type {
        HeapType::Any | HeapType::Extern | HeapType::Exn | HeapType::Func | HeapType::Cont => true,
        HeapType::None | HeapType::NoExtern | HeapType::NoExn | HeapType::NoFunc | HeapType::NoCont => false,
        HeapType::I31 => reference.as_i31().is_some(),
        HeapType::Eq => reference.as_i31().is_some() || defined().is_some(),
        HeapType::Struct | HeapType::Array => defined().is_some_and(|own| types.kind(own) == heap_type),
        HeapType::Defined(wanted) => defined().is_some_and(|own| types.is_subtype(own, wanted)),
        HeapType::Exact(wanted) => defined() == Some(wanted),
        HeapType::Shared(_) => unreachable!("the type is not shared"),
    }
}

/// [`ref.cast`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-ref-cast): the reference, if it is
/// of a type.
#[inline]
pub(crate) fn ref_cast(
    heap: &Heap,
    types: &CanonicalTypes,
    function_type: impl Fn(u32) -> TypeId,
    reference: RawRef,
    target: RefType,
) -> Result<RawRef, Trap> {
    if ref_test(heap, types, function_type, reference, target) { Ok(reference) } else { Err(Trap::CastFailure) }
}

/// Returns whether a reference is to a struct with this descriptor. The answer for null is `nullable`. Validation
/// concludes the type that the instruction names from the descriptor's, so the comparison is the whole test.
///
/// # Errors
/// [`Trap::NullReference`] if the descriptor is null, whatever the reference.
#[inline]
pub(crate) fn ref_test_desc_eq(
    heap: &Heap,
    reference: RawRef,
    descriptor: RawRef,
    nullable: bool,
) -> Result<bool, Trap> {
    if descriptor.is_null() {
        return Err(Trap::NullReference);
    }
    if reference.is_null() {
        return Ok(nullable);
    }
    let own = reference.as_object().filter(|&object| heap.is_struct(object)).map(|object| heap.descriptor(object));
    Ok(own == Some(descriptor))
}

/// `ref.cast_desc_eq`: the reference, if it is to a struct with this descriptor, or null and `nullable` is set.
#[inline]
pub(crate) fn ref_cast_desc_eq(
    heap: &Heap,
    reference: RawRef,
    descriptor: RawRef,
    nullable: bool,
) -> Result<RawRef, Trap> {
    if ref_test_desc_eq(heap, reference, descriptor, nullable)? { Ok(reference) } else { Err(Trap::CastFailure) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::aggregate::{
        array_new_default, ref_get_desc, struct_new_default, struct_new_default_desc,
    };
    use crate::instructions::reference::{ref_func, ref_i31};
    use crate::test_store::{BYTES, DESCRIBED, DESCRIPTOR, FUNC, PAIR, TRIPLE, TestStore};
    use crate::values::Referents;
    use alloc::boxed::Box;

    /// One reference of each kind, with the type of a struct, array or function.
    fn references(store: &mut TestStore) -> [(RawRef, Option<TypeId>); 7] {
        let mut structure = |id| store.allocate(|heap| struct_new_default(heap, id)).unwrap();
        let (pair, triple) = (structure(PAIR), structure(TRIPLE));
        let array = store.allocate(|heap| array_new_default(heap, BYTES, 3)).unwrap();
        let host = store.heap_mut().new_host(Box::new(())).unwrap();
        [
            (RawRef::NULL, None),
            (ref_i31(PAIR.0), None),
            (ref_func(PAIR.0), Some(FUNC)),
            (pair, Some(PAIR)),
            (triple, Some(TRIPLE)),
            (array, Some(BYTES)),
            (host, None),
        ]
    }

    /// Tests a reference with `null` in the type, and without.
    fn test(store: &TestStore, reference: RawRef, heap: HeapType) -> (bool, bool) {
        let test = |nullable| {
            let target = RefType { nullable, heap };
            let answer = ref_test(&store.heap, &store.types, |_| FUNC, reference, target);
            let cast = ref_cast(&store.heap, &store.types, |_| FUNC, reference, target);
            assert_eq!(cast, if answer { Ok(reference) } else { Err(Trap::CastFailure) });
            answer
        };
        (test(false), test(true))
    }

    #[test]
    fn every_kind_of_reference_is_told_apart() {
        use HeapType::{Any, Array, Defined, Eq, Exact, Func, I31, NoFunc, None, Struct};
        let mut store = TestStore::without_collections();
        let references = references(&mut store);
        // For each type, which of the references but null are of it.
        let expected = [
            (Any, [true; 6]),
            (Func, [true; 6]),
            (None, [false; 6]),
            (NoFunc, [false; 6]),
            (I31, [true, false, false, false, false, false]),
            (Struct, [false, false, true, true, false, false]),
            (Array, [false, false, false, false, true, false]),
            (Defined(FUNC), [false, true, false, false, false, false]),
            (Exact(FUNC), [false, true, false, false, false, false]),
            (Defined(PAIR), [false, false, true, true, false, false]),
            (Exact(PAIR), [false, false, true, false, false, false]),
            (Defined(TRIPLE), [false, false, false, true, false, false]),
            (Defined(BYTES), [false, false, false, false, true, false]),
        ];
        for (heap, expected) in expected {
            assert_eq!(test(&store, RawRef::NULL, heap), (false, true), "null and {heap}");
            for ((reference, ty), expected) in references.into_iter().skip(1).zip(expected) {
                assert_eq!(test(&store, reference, heap), (expected, expected), "{ty:?} and {heap}");
            }
        }
        let eq = references.map(|(reference, _)| test(&store, reference, Eq).0);
        assert_eq!((eq[0], eq[1], &eq[3..]), (false, true, &[true, true, true, false][..]));
    }

    #[test]
    fn descriptors_are_compared() {
        let mut store = TestStore::without_collections();
        let mut descriptor = || store.allocate(|heap| struct_new_default(heap, DESCRIPTOR)).unwrap();
        let (one, other) = (descriptor(), descriptor());
        let described = store.allocate(|heap| struct_new_default_desc(heap, DESCRIBED, one)).unwrap();
        assert_eq!(ref_get_desc(&store.heap, described), Ok(one));
        assert_eq!(ref_get_desc(&store.heap, RawRef::NULL), Err(Trap::NullReference));
        let heap = &store.heap;
        assert_eq!(ref_cast_desc_eq(heap, described, one, false), Ok(described));
        assert_eq!(ref_cast_desc_eq(heap, described, other, true), Err(Trap::CastFailure));
        assert_eq!(ref_cast_desc_eq(heap, RawRef::NULL, one, true), Ok(RawRef::NULL));
        assert_eq!(ref_cast_desc_eq(heap, RawRef::NULL, one, false), Err(Trap::CastFailure));
        for reference in [described, RawRef::NULL] {
            assert_eq!(ref_cast_desc_eq(heap, reference, RawRef::NULL, true), Err(Trap::NullReference));
        }
        // The word that holds a struct's descriptor is another number in other objects.
        let index = one.as_object().unwrap();
        let array = store.allocate(|heap| array_new_default(heap, BYTES, index)).unwrap();
        for reference in [array, ref_i31(index), one] {
            assert_eq!(ref_test_desc_eq(&store.heap, reference, one, true), Ok(false));
        }
    }
}
