//! The engine-wide registry of types. It gives each type one canonical id, so that compiled code compares types as
//! numbers.
//!
//! A type keeps its id as long as there is a registration of it. Modules and host functions hold registrations, and a
//! store holds both, so an id that the code of a store can see denotes one type for as long as the store lives. Ids are
//! never used twice.
//!
//! Types are registered by recursive group ([`canonical`]). The ids of the groups to which a
//! group refers are part of its identity, so a group holds registrations of those groups.
//!
//! The [`TypeTable`] holds the data for casts, which compiled code reads without a lock.

use super::sys::Mapping;
use crate::abi::heap::FIRST_SPECIAL;
use crate::abi::vmctx::{DISPLAY, TypeEntry};
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::canonical::{self, Key, SERIAL_BITS, canonical_id, canonicalize, serial};
use crate::wasm::types::{CompositeType, ConcreteType, FuncType, HeapType, SubType};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The registry of an engine's types.
pub(crate) struct TypeRegistry {
    types: Mutex<TypesInUse>,
    table: TypeTable,
}

/// The types in use.
struct TypesInUse {
    /// The recursive groups in use, by their canonical form.
    groups: HashMap<Arc<Key>, GroupInUse>,
    /// The types in use, by serial number.
    types: HashMap<u32, TypeInUse>,
    /// The next serial number. No type has the number 0.
    next: u32,
}

/// A recursive group in use.
struct GroupInUse {
    /// The serial number of the group's first type.
    first: u32,
    /// The number of registrations: those of modules and host functions, and one for each group that refers to this
    /// one.
    registrations: usize,
}

/// A type in use.
struct TypeInUse {
    id: u32,
    /// The type, which refers to other types by canonical ids.
    ty: Arc<SubType>,
    /// The number of supertypes above the type.
    depth: u32,
    group: Arc<Key>,
}

/// A registration of types. It keeps their ids in use for as long as it lives.
pub(crate) struct RegisteredTypes {
    registry: Arc<TypeRegistry>,
    types: Box<[Arc<SubType>]>,
    ids: Box<[u32]>,
    groups: Vec<Arc<Key>>,
}

impl RegisteredTypes {
    /// Registers the types of a module, after validation or the check of an artifact.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the engine has used up its type ids.
    pub(crate) fn new(registry: &Arc<TypeRegistry>, types: &[SubType], group_ends: &[u32]) -> Result<RegisteredTypes> {
        let mut groups = Vec::with_capacity(group_ends.len());
        let mut registered = registry.lock();
        let ids: Result<_> = canonicalize(types, group_ends, |key| {
            let (first, group) = registered.register(key, &registry.table)?;
            groups.push(group);
            Ok(first)
        });
        let types = match &ids {
            Ok(ids) => ids.iter().map(|&id| registered.entry(id).ty.clone()).collect(),
            Err(_) => Box::default(),
        };
        drop(registered);
        // After an error, dropping `own` releases the groups that were registered before it.
        let mut own = RegisteredTypes { registry: registry.clone(), types, ids: Box::default(), groups };
        own.ids = ids?.into();
        Ok(own)
    }

    /// Registers a function type that refers to other types by canonical ids.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it refers to a type that the engine does not know;
    /// [`Resource`](ErrorKind::Resource) if the engine has used up its type ids.
    pub(crate) fn function(registry: &Arc<TypeRegistry>, ty: &FuncType) -> Result<RegisteredTypes> {
        let key: Box<Key> = [SubType::plain(CompositeType::Func(ty.clone()))].into();
        let mut registered = registry.lock();
        if let Some(unknown) = canonical::outer_names(&key).find(|ty| !registered.contains(*ty)) {
            let heap = HeapType::Concrete(unknown);
            return Err(Error::new(ErrorKind::Usage, format!("no module of this engine has a type {heap}")));
        }
        let (first, group) = registered.register(key, &registry.table)?;
        let entry = registered.of_serial(first);
        let (types, ids) = ([entry.ty.clone()].into(), [entry.id].into());
        drop(registered);
        Ok(RegisteredTypes { registry: registry.clone(), types, ids, groups: vec![group] })
    }

    /// Returns whether the types are registered in `registry`.
    pub(crate) fn are_of(&self, registry: &Arc<TypeRegistry>) -> bool {
        Arc::ptr_eq(&self.registry, registry)
    }

    /// Returns the ids, in the order of the types. They do not move while this registration lives.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Returns the types, which refer to other types by canonical ids.
    pub(crate) fn types(&self) -> &[Arc<SubType>] {
        &self.types
    }

    /// Converts a type that is given by its index in the module to one given by its canonical id.
    pub(crate) fn canonical(&self, ty: ConcreteType) -> ConcreteType {
        ConcreteType { index: self.ids[ty.index as usize], ..ty }
    }
}

impl Drop for RegisteredTypes {
    fn drop(&mut self) {
        let mut registered = self.registry.lock();
        for group in self.groups.drain(..) {
            registered.release(group);
        }
    }
}

impl TypeRegistry {
    /// Makes an empty registry.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if there is no address space for the [`TypeTable`].
    pub(crate) fn new() -> Result<TypeRegistry> {
        let types = TypesInUse { groups: HashMap::new(), types: HashMap::new(), next: 1 };
        Ok(TypeRegistry { types: Mutex::new(types), table: TypeTable::new()? })
    }

    /// Returns the table's address, for the contexts of instances.
    pub(crate) fn table(&self) -> *const TypeEntry {
        self.table.0.as_ptr().cast()
    }

    /// Returns whether the type `id` is the type `of` or a declared subtype of it.
    pub(crate) fn extends(&self, id: u32, of: u32) -> bool {
        if id == of {
            return true;
        }
        let types = self.lock();
        let (Some(mut entry), Some(wanted)) = (types.get(id), types.get(of)) else { return false };
        while entry.depth > wanted.depth {
            let supertype = entry.ty.supertype.expect("only types without a supertype are of depth 0");
            entry = types.entry(supertype.index);
        }
        entry.id == of
    }

    /// Returns a type by its id, with its position in its recursive group and the number of types of that. `None` if no
    /// type has the id.
    pub(crate) fn description(&self, id: u32) -> Option<(Arc<SubType>, u32, usize)> {
        let types = self.lock();
        let entry = types.get(id)?;
        let first = types.groups.get(&entry.group)?.first;
        Some((entry.ty.clone(), serial(id) - first, entry.group.len()))
    }

    fn lock(&self) -> MutexGuard<'_, TypesInUse> {
        // No update can panic half-way, so the types behind a poisoned lock are consistent.
        self.types.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TypesInUse {
    fn get(&self, id: u32) -> Option<&TypeInUse> {
        self.types.get(&serial(id)).filter(|entry| entry.id == id)
    }

    fn entry(&self, id: u32) -> &TypeInUse {
        self.get(id).expect("a registered type stays until its last release")
    }

    fn of_serial(&self, serial: u32) -> &TypeInUse {
        &self.types[&serial]
    }

    fn contains(&self, ty: ConcreteType) -> bool {
        self.get(ty.index).is_some_and(|entry| entry.ty.composite.kind() == ty.kind)
    }

    /// Registers a group that refers to registered groups only. Returns the serial number of its first type, and its
    /// key.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the engine has used up its type ids.
    fn register(&mut self, key: Box<Key>, table: &TypeTable) -> Result<(u32, Arc<Key>)> {
        if let Some((known, _)) = self.groups.get_key_value(&*key) {
            let known = known.clone();
            let group = self.groups.get_mut(&known).expect("just found");
            group.registrations += 1;
            return Ok((group.first, known));
        }
        let (first, key) = (self.next, Arc::<Key>::from(key));
        let next = u32::try_from(key.len()).ok().and_then(|count| first.checked_add(count));
        // A cast reads the serial number in an object's header. Objects of no defined type (exceptions and values of
        // the host) have the special ids, so no type may get a serial number of those.
        let next = next.filter(|&next| next <= serial(FIRST_SPECIAL)).ok_or_else(|| {
            Error::new(ErrorKind::Resource, format!("this engine has used up its {} type ids", serial(FIRST_SPECIAL)))
        })?;
        self.next = next;
        for outer in canonical::outer_names(&key) {
            let outer = self.entry(outer.index).group.clone();
            self.groups.get_mut(&outer).expect("a type in use is in a group").registrations += 1;
        }
        for (serial, ty) in (first..).zip(canonical::resolve(&key, first)) {
            self.add(serial, ty, &key, table);
        }
        self.groups.insert(key.clone(), GroupInUse { first, registrations: 1 });
        Ok((first, key))
    }

    fn add(&mut self, serial: u32, ty: SubType, group: &Arc<Key>, table: &TypeTable) {
        let id = canonical_id(ty.composite.kind(), serial);
        let mut entry = match ty.supertype {
            // The display lists the supertypes from the root down, so a type's display extends that of its supertype.
            Some(supertype) => {
                let above = table.get(supertype.index);
                TypeEntry { depth: above.depth + 1, ..above }
            }
            None => TypeEntry { depth: 0, display: [0; DISPLAY] },
        };
        let depth = entry.depth;
        // A type deeper than the display is in no display: a cast to it calls the library.
        if let Some(slot) = entry.display.get_mut(depth as usize) {
            *slot = id;
        }
        table.set(id, entry);
        self.types.insert(serial, TypeInUse { id, ty: ty.into(), depth, group: group.clone() });
    }

    /// Releases a registration of a group. If it was the last, removes the group and releases the groups to which it
    /// refers.
    fn release(&mut self, group: Arc<Key>) {
        // A list of work instead of recursion, because a module can make chains of groups of any length.
        let mut released = vec![group];
        while let Some(key) = released.pop() {
            let group = self.groups.get_mut(&key).expect("a registered group stays until its last release");
            group.registrations -= 1;
            if group.registrations > 0 {
                continue;
            }
            let first = group.first;
            released.extend(canonical::outer_names(&key).map(|outer| self.entry(outer.index).group.clone()));
            for (serial, _) in (first..).zip(key.iter()) {
                self.types.remove(&serial);
            }
            self.groups.remove(&key);
        }
    }
}

/// The [`TypeEntry`]s of an engine, by serial number, in address space that is reserved for the largest number of
/// types. An entry is written before its id is known anywhere, and never changes.
struct TypeTable(Mapping);

impl TypeTable {
    fn new() -> Result<TypeTable> {
        let table = TypeTable(Mapping::reserve(size_of::<TypeEntry>() << SERIAL_BITS)?);
        // All of the table is readable, so that every bit pattern in an object's header finds an entry or zeros.
        table.0.make_accessible(0..table.0.len())?;
        Ok(table)
    }

    fn get(&self, id: u32) -> TypeEntry {
        // SAFETY: the table has an entry for each serial number, and all are readable. Only writers write,
        // under the registry's lock, which callers hold.
        unsafe { self.entry(id).read() }
    }

    fn set(&self, id: u32, entry: TypeEntry) {
        // SAFETY: as in `get`; compiled code does not read an entry whose id it cannot have seen yet.
        unsafe { self.entry(id).write(entry) };
    }

    /// Returns the address of an entry.
    fn entry(&self, id: u32) -> *mut TypeEntry {
        self.0.as_ptr().cast::<TypeEntry>().wrapping_add(serial(id) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::composite::{FieldType, StorageType, StructType};
    use crate::wasm::types::{CompositeKind, RefType, ValType};

    fn registry() -> Arc<TypeRegistry> {
        Arc::new(TypeRegistry::new().unwrap())
    }

    fn ty(params: usize) -> FuncType {
        FuncType::new(vec![ValType::I32; params], [])
    }

    fn plain(params: usize) -> SubType {
        SubType::plain(CompositeType::Func(ty(params)))
    }

    /// A non-final type of functions of one parameter, a reference to the type of this index.
    fn taking(index: u32, supertype: Option<u32>) -> SubType {
        let concrete = |index| ConcreteType { kind: CompositeKind::Func, index };
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
    fn an_id_is_not_used_again() {
        let registry = registry();
        let old = RegisteredTypes::function(&registry, &ty(0)).unwrap().ids()[0];
        assert!(registry.lock().types.is_empty() && registry.lock().groups.is_empty());
        let other = register(&registry, &[plain(1), plain(0)], &[1, 2]);
        assert!(!other.ids().contains(&old));
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
        let HeapType::Concrete(own) = reference(&again.types()[1]) else { panic!("a defined type") };
        assert_eq!(own.index, again.ids()[1], "types name types by canonical ids");
    }

    fn reference(ty: &SubType) -> HeapType {
        match ty.composite.func().expect("a function").params[0] {
            ValType::Ref(reference) => reference.heap,
            other => panic!("{other} is no reference"),
        }
    }

    /// Two structs in a group, which describe each other, or do not.
    fn pair(clauses: bool, field: ValType) -> [SubType; 2] {
        let ty = |index| clauses.then_some(ConcreteType { kind: CompositeKind::Struct, index });
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
        // The clauses name canonical ids.
        let clauses = |place: usize| one.types()[place].composite.clauses();
        let named = |place: usize| Some(ConcreteType { kind: CompositeKind::Struct, index: one.ids()[place] });
        assert_eq!((clauses(0), clauses(1)), ((None, named(1)), (named(0), None)));

        let concrete = ConcreteType { kind: CompositeKind::Struct, index: one.ids()[0] };
        let taking = |heap| FuncType::new([ValType::Ref(RefType { nullable: true, heap })], []);
        let [exact, inexact] = [HeapType::Exact(concrete), HeapType::Concrete(concrete)]
            .map(|heap| RegisteredTypes::function(&registry, &taking(heap)).unwrap());
        assert_ne!(exact.ids(), inexact.ids());
        // A function type keeps what it names, exactly or not.
        drop(one);
        assert!(registry.lock().get(concrete.index).is_some());
        drop(inexact);
        assert!(registry.lock().get(concrete.index).is_some());
        drop(exact);
        assert!(registry.lock().get(concrete.index).is_none());
    }

    #[test]
    fn chains_of_supertypes() {
        let registry = registry();
        let count = 12u32;
        let types: Vec<_> = (0..count).map(|index| taking(0, index.checked_sub(1))).collect();
        let ends: Vec<_> = (1..=count).collect();
        let registered = register(&registry, &types, &ends);
        let ids = registered.ids();
        for (one, &id) in ids.iter().enumerate() {
            let entry = registry.table.get(id);
            assert_eq!(entry.depth as usize, one);
            for (other, &above) in ids.iter().enumerate() {
                assert_eq!(registry.extends(id, above), one >= other);
                if let Some(&place) = entry.display.get(other) {
                    assert_eq!(place == above, one >= other);
                }
            }
        }
        let other = RegisteredTypes::function(&registry, &ty(1)).unwrap();
        assert!(!registry.extends(other.ids()[0], ids[0]) && !registry.extends(ids[0], other.ids()[0]));
    }

    #[test]
    fn a_group_keeps_what_it_names() {
        let registry = registry();
        let module = register(&registry, &[plain(0), taking(0, None)], &[1, 2]);
        let host = RegisteredTypes::function(&registry, module.types()[1].composite.func().unwrap()).unwrap();
        let named = module.ids()[0];
        drop(module);
        assert!(registry.lock().get(named).is_some());
        assert_eq!(RegisteredTypes::function(&registry, &ty(0)).unwrap().ids(), [named]);
        let ty = host.types()[0].composite.func().unwrap().clone();
        drop(host);
        assert!(registry.lock().types.is_empty());
        assert_eq!(RegisteredTypes::function(&registry, &ty).err().unwrap().kind(), ErrorKind::Usage);
    }
}
