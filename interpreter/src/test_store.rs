//! A store for tests of rooms that need types and objects, without modules.

use crate::gc::{Heap, Roots, StoreId};
use crate::trap::Trap;
use crate::types::{
    ArrayType, CanonicalTypes, CompositeType, FieldType, FuncType, HeapType, RefType, StorageType, StructType, SubType,
    TypeId, TypeIndex, ValType,
};
use crate::values::Referents;

/// `[v128 funcref] -> []`
pub(crate) const FUNC: TypeId = TypeId(0);
/// A struct with an immutable `v128` and a mutable `anyref`.
pub(crate) const PAIR: TypeId = TypeId(1);
/// A subtype of [`PAIR`] with a mutable `i8` more.
pub(crate) const TRIPLE: TypeId = TypeId(2);
/// An array of mutable `i8`.
pub(crate) const BYTES: TypeId = TypeId(3);
/// A struct without fields, described by [`DESCRIPTOR`].
pub(crate) const DESCRIBED: TypeId = TypeId(4);
/// The descriptor of [`DESCRIBED`].
pub(crate) const DESCRIPTOR: TypeId = TypeId(5);
/// An array of mutable nullable references to [`PAIR`].
pub(crate) const PAIRS: TypeId = TypeId(6);

/// A store of these types, with functions of the first.
pub(crate) struct TestStore {
    pub(crate) types: CanonicalTypes,
    pub(crate) heap: Heap,
}

impl TestStore {
    /// A store with a heap that has room. Only handles are roots.
    pub(crate) fn without_collections() -> TestStore {
        let mut store = TestStore::new(1 << 20, false);
        store.make_room(8).expect("the limit is larger");
        store
    }

    /// A store that collects at each allocation. Only handles are roots.
    pub(crate) fn with_collections() -> TestStore {
        TestStore::new(1 << 20, true)
    }

    /// A store with a limit of its heap, in bytes. Only handles are roots.
    pub(crate) fn with_limit(limit: u64) -> TestStore {
        TestStore::new(limit, false)
    }

    fn new(limit: u64, zeal: bool) -> TestStore {
        let types = types();
        let mut heap = Heap::new(Roots::new(StoreId::new()), limit, zeal);
        heap.learn_types(&types);
        TestStore { types, heap }
    }
}

impl Referents for TestStore {
    fn heap(&self) -> &Heap {
        &self.heap
    }

    fn heap_mut(&mut self) -> &mut Heap {
        &mut self.heap
    }

    fn types(&self) -> &CanonicalTypes {
        &self.types
    }

    fn function_type(&self, _address: u32) -> TypeId {
        FUNC
    }

    fn make_room(&mut self, size: u64) -> Result<(), Trap> {
        self.heap.make_room(size, |_| ())
    }
}

fn field(storage: StorageType<TypeIndex>, mutable: bool) -> FieldType<TypeIndex> {
    FieldType { storage, mutable }
}

fn structure(fields: impl IntoIterator<Item = FieldType<TypeIndex>>) -> SubType<TypeIndex> {
    SubType::plain(CompositeType::Struct(StructType { fields: fields.into_iter().collect() }))
}

fn array(element: FieldType<TypeIndex>) -> SubType<TypeIndex> {
    SubType::plain(CompositeType::Array(ArrayType { element }))
}

fn types() -> CanonicalTypes {
    let any = field(StorageType::Val(ValType::Ref(RefType::ANY)), true);
    let number = field(StorageType::Val(ValType::V128), false);
    let pair = RefType { nullable: true, heap: HeapType::Defined(TypeIndex(1)) };
    let all = [
        SubType::plain(CompositeType::Func(FuncType::new([ValType::V128, ValType::FUNCREF], []))),
        SubType { is_final: false, ..structure([number, any]) },
        SubType { supertype: Some(TypeIndex(1)), ..structure([number, any, field(StorageType::I8, true)]) },
        array(field(StorageType::I8, true)),
        SubType { descriptor: Some(TypeIndex(5)), ..structure([]) },
        SubType { describes: Some(TypeIndex(4)), ..structure([]) },
        array(field(StorageType::Val(ValType::Ref(pair)), true)),
    ];
    let mut types = CanonicalTypes::default();
    let ids = types.intern(&all, &[1, 2, 3, 4, 6, 7]).unwrap();
    assert!(ids.iter().copied().eq((0..7).map(TypeId)));
    types
}
