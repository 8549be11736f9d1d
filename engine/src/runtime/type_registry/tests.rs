//! Tests of the registry: equality, subtyping, and the life of ids.

use super::*;
use crate::wasm::composite::{FieldType, StorageType, StructType};
use crate::wasm::types::{CompositeKind, RefType, ValType};

fn registry() -> Arc<TypeRegistry> {
    Arc::new(TypeRegistry::new())
}

fn ty(params: usize) -> FuncType {
    FuncType::new(vec![ValType::I32; params], [])
}

fn plain(params: usize) -> SubType {
    SubType::plain(CompositeType::Func(ty(params)))
}

/// A non-final type of functions of one parameter, a reference to the type of this index.
fn taking(index: u32, supertype: Option<u32>) -> SubType {
    let concrete = |index| ConcreteType::in_module(CompositeKind::Func, index);
    let param = ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(concrete(index)) });
    let composite = CompositeType::Func(FuncType::new([param], []));
    SubType { is_final: false, supertype: supertype.map(concrete), composite }
}

fn register(registry: &Arc<TypeRegistry>, types: &[SubType], groups: &[u32]) -> RegisteredTypes {
    RegisteredTypes::new(registry, types, groups).unwrap()
}

#[test]
fn equal_types_share_an_id_while_somebody_holds_it() {
    let registry = registry();
    let first = register(&registry, &[plain(0), plain(1), plain(0)], &[1, 2, 3]);
    let second = RegisteredTypes::function(&registry, &ty(1)).unwrap();
    assert_eq!(first.ids()[0], first.ids()[2]);
    assert_ne!(first.ids()[0], first.ids()[1]);
    assert_eq!(first.ids()[1], second.ids()[0]);
    drop(first);
    assert_eq!(RegisteredTypes::function(&registry, &ty(1)).unwrap().ids(), second.ids());
}

#[test]
fn an_id_that_nobody_holds_is_used_again_under_another_name() {
    let registry = registry();
    let old = RegisteredTypes::function(&registry, &ty(0)).unwrap().names()[0];
    assert_empty(&registry);
    let other = RegisteredTypes::function(&registry, &ty(1)).unwrap();
    assert_eq!(other.ids(), [old.index]);
    assert_ne!(other.names(), [old], "the type of the same id has another name");
    // The old name is no type's, not even that of an equal type.
    let again = RegisteredTypes::function(&registry, &ty(0)).unwrap();
    assert_ne!(again.names(), [old]);
    assert_unknown(&registry, old);
    let taking_old = FuncType::new([ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(old) })], []);
    let refused = RegisteredTypes::function(&registry, &taking_old).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert!(!registry.extends(old, other.names()[0]) && !registry.extends(other.names()[0], old));
}

#[test]
fn names_of_another_engine_are_unknown() {
    let (one, other) = (registry(), registry());
    let own = RegisteredTypes::function(&one, &ty(0)).unwrap();
    let theirs = RegisteredTypes::function(&other, &ty(0)).unwrap();
    assert_eq!(own.ids(), theirs.ids());
    assert_unknown(&one, theirs.names()[0]);
    assert!(!own.are_of(&other) && own.are_of(&one));
}

#[test]
fn a_name_of_another_kind_is_unknown() {
    let registry = registry();
    let own = RegisteredTypes::function(&registry, &ty(0)).unwrap();
    for kind in [CompositeKind::Struct, CompositeKind::Array] {
        assert_unknown(&registry, ConcreteType { kind, ..own.names()[0] });
    }
    assert_unknown(&registry, ConcreteType::in_module(CompositeKind::Func, own.ids()[0]));
    // Ids without a type, at both ends of the table.
    for index in [0, own.ids()[0] + 1, END, u32::MAX] {
        assert_unknown(&registry, ConcreteType { index, ..own.names()[0] });
    }
}

/// Loading and dropping a module any number of times needs no more ids than one load.
#[test]
fn loading_again_needs_no_new_ids() {
    let registry = registry();
    let types: Vec<_> = (0..6000).map(plain).collect();
    let ends: Vec<_> = (1..=6000).collect();
    for round in 0..5 {
        // Another module each time, so that no type is in use from the round before.
        let registered = register(&registry, &types[round..], &ends[..6000 - round]);
        assert_eq!(registered.ids().len(), 6000 - round);
        assert_eq!(registry.lock().next, 6001, "round {round}");
        assert_eq!(registry.lock().chunks.len(), 2);
    }
    assert_empty(&registry);
    assert!(registry.lock().groups.capacity() < 1000, "the table of groups shrinks");
}

#[test]
fn the_last_id_is_a_limit_until_an_id_is_free() {
    let registry = registry();
    // As after registrations of all serial numbers but two.
    registry.lock().next = END - 2;
    let one = RegisteredTypes::function(&registry, &ty(1)).unwrap();
    let refused = RegisteredTypes::new(&registry, &[plain(2), plain(3)], &[1, 2]).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Resource);
    // What was registered before the error is free again.
    let two = RegisteredTypes::function(&registry, &ty(4)).unwrap();
    assert_eq!(two.ids(), [END - 1]);
    assert_eq!(RegisteredTypes::function(&registry, &ty(5)).err().unwrap().kind(), ErrorKind::Resource);
    assert_eq!(RegisteredTypes::function(&registry, &ty(4)).unwrap().ids(), two.ids(), "known types need no id");
    drop(one);
    assert_eq!(RegisteredTypes::function(&registry, &ty(5)).unwrap().ids(), [END - 2]);
}

/// Each group of a chain is the only owner of the one before it.
#[test]
fn a_long_chain_of_groups_is_dropped_without_recursion() {
    let registry = registry();
    let length = 100_000;
    let types: Vec<_> = (0..length).map(|index: u32| taking(index.saturating_sub(1), None)).collect();
    let registered = register(&registry, &types, &(1..=length).collect::<Vec<_>>());
    let last = *registered.names().last().unwrap();
    let held = RegisteredTypes::named(&registry, last).unwrap();
    drop(registered);
    assert_eq!(registry.lock().groups.len(), length as usize);
    std::thread::Builder::new().stack_size(64 << 10).spawn(move || drop(held)).unwrap().join().unwrap();
    assert_empty(&registry);
}

/// Threads register and drop overlapping chains of types. What a thread holds is what it registered, whatever the
/// others do.
#[test]
fn registrations_from_many_threads() {
    const TYPES: u32 = 24;
    let registry = registry();
    // Type n takes n parameters and a reference to the type before, which it extends.
    let chain: Vec<_> = (0..TYPES)
        .map(|index| SubType {
            composite: CompositeType::Func(FuncType::new(vec![ValType::I64; index as usize], [])),
            ..taking(0, index.checked_sub(1))
        })
        .collect();
    let ends: Vec<_> = (1..=TYPES).collect();
    let work = |mut random: u32| {
        for _ in 0..2000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let length = (random >> 16) % TYPES + 1;
            let registered = register(&registry, &chain[..length as usize], &ends[..length as usize]);
            if random >> 30 == 0 {
                std::thread::yield_now();
            }
            for (depth, (&id, name)) in registered.ids().iter().zip(registered.names()).enumerate() {
                // SAFETY: `registered` holds the type.
                let (info, entry) = unsafe { (registry.info(id), registry.table.entry(id)) };
                assert_eq!((info.name, entry.depth as usize), (*name, depth));
                assert_eq!(info.ty.composite.func().unwrap().params.len(), depth);
                let display = entry.display.iter().zip(registered.ids()).take(depth + 1);
                assert!(display.clone().all(|(shown, id)| shown == id), "{:?}", display.collect::<Vec<_>>());
            }
        }
    };
    std::thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || work(seed * 977));
        }
    });
    assert_empty(&registry);
    assert!(registry.lock().next <= 4 * TYPES * 2 + 1, "{} ids for at most {}", registry.lock().next, 4 * TYPES);
}

/// Asserts that nothing is registered, and that all ids that were in use are free.
#[track_caller]
fn assert_empty(registry: &TypeRegistry) {
    let in_use = registry.lock();
    assert_eq!((in_use.groups.len(), in_use.free.len()), (0, in_use.next as usize - 1));
    let slots = (1..in_use.next).chain([0, END, u32::MAX]);
    assert!(slots.into_iter().all(|serial| registry.table.info(serial).is_none()), "an empty slot names a type");
}

#[track_caller]
fn assert_unknown(registry: &TypeRegistry, name: ConcreteType) {
    let refused = RegisteredTypes::named(registry, name).err().expect("no type has the name");
    assert_eq!(refused.kind(), ErrorKind::Usage);
}

fn sub_type(registry: &TypeRegistry, name: ConcreteType) -> SubType {
    registry.lock().info(name, &registry.table).expect("somebody holds the type").ty.clone()
}

fn is_known(registry: &TypeRegistry, name: ConcreteType) -> bool {
    registry.lock().info(name, &registry.table).is_some()
}

#[test]
fn equality_is_by_recursive_group() {
    let registry = registry();
    // Two equal types that refer to themselves, at different indices; then the same two types in one group, which
    // differ.
    let alone = register(&registry, &[taking(0, None), taking(1, None)], &[1, 2]);
    assert_eq!(alone.ids()[0], alone.ids()[1]);
    let together = register(&registry, &[plain(0), taking(1, None), taking(2, None)], &[1, 3]);
    assert_ne!(together.ids()[1], alone.ids()[0]);
    assert_ne!(together.ids()[1], together.ids()[2]);
    let again = register(&registry, &[taking(0, None), taking(1, None)], &[2]);
    assert_eq!(again.ids(), &together.ids()[1..]);
    let HeapType::Concrete(own) = reference(&sub_type(&registry, again.names()[1])) else { panic!("a defined type") };
    assert_eq!(own, again.names()[1], "types name types by canonical names");
}

fn reference(ty: &SubType) -> HeapType {
    match ty.composite.func().expect("a function").params[0] {
        ValType::Ref(reference) => reference.heap,
        other => panic!("{other} is no reference"),
    }
}

/// Two structs in a group, which describe each other, or do not.
fn pair(clauses: bool, field: ValType) -> [SubType; 2] {
    let ty = |index| clauses.then_some(ConcreteType::in_module(CompositeKind::Struct, index));
    let plain = |describes, descriptor| {
        let fields = [FieldType { storage: StorageType::Val(field), mutable: false }].into();
        SubType::plain(CompositeType::Struct(StructType { describes, descriptor, fields }))
    };
    [plain(None, ty(1)), plain(ty(0), None)]
}

#[test]
fn descriptors_and_exactness_are_part_of_a_type() {
    let registry = registry();
    let (with, without) = (pair(true, ValType::I32), pair(false, ValType::I32));
    let one = register(&registry, &with, &[2]);
    let other = register(&registry, &without, &[2]);
    assert!(one.ids().iter().all(|id| !other.ids().contains(id)), "without the clauses these are other types");
    assert_eq!(register(&registry, &with, &[2]).ids(), one.ids());
    let described = register(&registry, &pair(true, ValType::I64), &[2]);
    assert_ne!(described.ids()[1], one.ids()[1], "what is described is another type");
    // The clauses use canonical names.
    let clauses = |place: usize| sub_type(&registry, one.names()[place]).composite.clauses();
    let named = |place: usize| Some(one.names()[place]);
    assert_eq!((clauses(0), clauses(1)), ((None, named(1)), (named(0), None)));

    let concrete = one.names()[0];
    let taking = |heap| FuncType::new([ValType::Ref(RefType { nullable: true, heap })], []);
    let [exact, inexact] = [HeapType::Exact(concrete), HeapType::Concrete(concrete)]
        .map(|heap| RegisteredTypes::function(&registry, &taking(heap)).unwrap());
    assert_ne!(exact.ids(), inexact.ids());
    // A function type keeps what it names, exactly or not.
    drop(one);
    assert!(is_known(&registry, concrete));
    drop(inexact);
    assert!(is_known(&registry, concrete));
    drop(exact);
    assert!(!is_known(&registry, concrete));
}

#[test]
fn chains_of_supertypes() {
    let registry = registry();
    let count = 12u32;
    let types: Vec<_> = (0..count).map(|index| taking(0, index.checked_sub(1))).collect();
    let ends: Vec<_> = (1..=count).collect();
    let registered = register(&registry, &types, &ends);
    let (ids, names) = (registered.ids(), registered.names());
    for (one, &id) in ids.iter().enumerate() {
        // SAFETY: `registered` holds all of the types.
        let entry = unsafe { registry.table.entry(id) };
        assert_eq!(entry.depth as usize, one);
        for (other, &above) in ids.iter().enumerate() {
            assert_eq!(registry.extends(names[one], names[other]), one >= other);
            // SAFETY: as above.
            assert_eq!(unsafe { registry.id_extends(id, above) }, one >= other);
            if let Some(&place) = entry.display.get(other) {
                assert_eq!(place == above, one >= other);
            }
        }
    }
    let other = RegisteredTypes::function(&registry, &ty(1)).unwrap().names()[0];
    assert!(!registry.extends(other, names[0]) && !registry.extends(names[0], other));
}

#[test]
fn a_group_keeps_what_it_names() {
    let registry = registry();
    let module = register(&registry, &[plain(0), taking(0, None)], &[1, 2]);
    let host = RegisteredTypes::function(&registry, sub_type(&registry, module.names()[1]).composite.func().unwrap());
    let host = host.unwrap();
    let named = module.names()[0];
    drop(module);
    assert!(is_known(&registry, named));
    assert_eq!(RegisteredTypes::function(&registry, &ty(0)).unwrap().names(), [named]);
    let ty = sub_type(&registry, host.names()[0]).composite.func().unwrap().clone();
    drop(host);
    assert_empty(&registry);
    assert_eq!(RegisteredTypes::function(&registry, &ty).err().unwrap().kind(), ErrorKind::Usage);
}
