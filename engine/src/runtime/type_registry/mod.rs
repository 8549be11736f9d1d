//! The engine-wide registry of types. It gives each type one canonical id, so that compiled code compares types as
//! numbers.
//!
//! A type keeps its id as long as there is a registration of it. Modules, host functions and tags hold registrations,
//! and a store holds all of these and the types that the embedder names in it. So an id that the code or an object of a
//! store can have denotes one type for as long as the store lives. An id that nobody holds is used again.
//!
//! The embedder's types hold nothing. They carry the [`Stamp`] of the group besides the id, so one that outlives its
//! type is unknown, even when the id has another type.
//!
//! Types are registered by recursive group ([`canonical`]). The names of the types outside of the group are part of its
//! identity, so a group holds the groups of those types.
//!
//! | file | holds |
//! |---|---|
//! | `mod` | registrations, and the groups in use |
//! | `table` | the types by id, for readers without a lock |

mod table;
#[cfg(test)]
mod tests;

use super::fixed::Block;
use super::gc::Shape;
use crate::abi::vmctx::{CHUNK_BITS, TypeEntry};
use crate::base::{Error, ErrorKind, Result, planted};
use crate::wasm::canonical::{self, Key, canonical_id, canonicalize, serial};
use crate::wasm::types::{CompositeType, ConcreteType, FuncType, HeapType, Stamp, SubType};
use core::hash::{BuildHasher, Hash, Hasher};
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use table::{END, TypeTable};

/// The registry of an engine's types.
pub(crate) struct TypeRegistry {
    in_use: Mutex<InUse>,
    table: TypeTable,
    /// Hashes keys, which come from modules that may be hostile.
    hasher: RandomState,
}

/// The groups and serial numbers in use.
struct InUse {
    /// The recursive groups, by their canonical form. A group that nobody holds is removed when it is dropped.
    groups: HashMap<GroupKey, Weak<Group>, FxBuildHasher>,
    /// The serial numbers that types have had and none has now.
    free: Vec<u32>,
    /// The first serial number that no type has had. No type has the number 0.
    next: u32,
    /// The memory of the table's chunks.
    chunks: Vec<Block>,
}

/// The canonical form of a group, with its hash, so that a large one is hashed once.
#[derive(Clone, PartialEq, Eq)]
struct GroupKey {
    hash: u64,
    types: Arc<Key>,
}

/// A recursive group in use. Whoever owns it holds its types and those that it names.
struct Group {
    registry: Arc<TypeRegistry>,
    key: GroupKey,
    /// The types. The table points to them.
    types: Arc<[TypeInfo]>,
    /// The groups of the types that this one names.
    outer: Vec<Arc<Group>>,
}

/// A type in use.
pub(crate) struct TypeInfo {
    /// The name of the type in the embedder's types.
    pub(crate) name: ConcreteType,
    /// The type, which refers to other types by their names.
    pub(crate) ty: SubType,
    /// The shape of the type's objects.
    pub(crate) shape: Shape,
    group: Weak<Group>,
}

/// A registration of types. It keeps their ids in use for as long as it lives.
pub(crate) struct RegisteredTypes {
    names: Box<[ConcreteType]>,
    ids: Box<[u32]>,
    groups: Vec<Arc<Group>>,
}

impl RegisteredTypes {
    /// Registers the types of a module, after validation or the check of an artifact.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the engine holds as many types as it can, or there is no memory.
    pub(crate) fn new(registry: &Arc<TypeRegistry>, types: &[SubType], group_ends: &[u32]) -> Result<RegisteredTypes> {
        let mut groups = Vec::with_capacity(group_ends.len());
        let names = canonicalize(types, group_ends, |key, names| {
            let group = registry.intern(key)?;
            names.extend(group.types.iter().map(|info| info.name));
            groups.push(group);
            Ok::<_, Error>(())
        })?;
        Ok(RegisteredTypes::of(names, groups))
    }

    /// Registers a function type that the embedder made.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it names a type that the engine does not have;
    /// [`Resource`](ErrorKind::Resource) if the engine holds as many types as it can, or there is no memory.
    pub(crate) fn function(registry: &Arc<TypeRegistry>, ty: &FuncType) -> Result<RegisteredTypes> {
        let group = registry.intern([SubType::plain(CompositeType::Func(ty.clone()))].into())?;
        Ok(RegisteredTypes::of(vec![group.types[0].name], vec![group]))
    }

    /// Registers a type that the embedder names.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the engine does not have the type.
    pub(crate) fn named(registry: &TypeRegistry, name: ConcreteType) -> Result<RegisteredTypes> {
        let group = registry.lock().group_of(name, &registry.table)?;
        Ok(RegisteredTypes::of(vec![name], vec![group]))
    }

    fn of(names: Vec<ConcreteType>, groups: Vec<Arc<Group>>) -> RegisteredTypes {
        RegisteredTypes { ids: names.iter().map(|name| name.index).collect(), names: names.into(), groups }
    }

    /// Returns whether the types are registered in `registry`.
    pub(crate) fn are_of(&self, registry: &Arc<TypeRegistry>) -> bool {
        self.groups.iter().all(|group| Arc::ptr_eq(&group.registry, registry))
    }

    /// Returns the ids, in the order of the types. They do not move while this registration lives.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Returns the names, in the order of the types.
    pub(crate) fn names(&self) -> &[ConcreteType] {
        &self.names
    }

    /// Converts a type that is given by its index in the module to one given by its canonical id.
    pub(crate) fn canonical(&self, ty: ConcreteType) -> ConcreteType {
        self.names[ty.index as usize]
    }
}

impl TypeRegistry {
    /// Makes an empty registry.
    pub(crate) fn new() -> TypeRegistry {
        let in_use = InUse { groups: HashMap::default(), free: Vec::new(), next: 1, chunks: Vec::new() };
        TypeRegistry { in_use: Mutex::new(in_use), table: TypeTable::new(), hasher: RandomState::new() }
    }

    /// Returns the address of the directory of chunks, for the contexts of instances. It does not change.
    pub(crate) fn directory(&self) -> *const *const TypeEntry {
        self.table.directory()
    }

    /// Returns whether a type of this engine is the type `of` or a declared subtype of it. A type that the engine does
    /// not have is no other's subtype.
    pub(crate) fn extends(&self, ty: ConcreteType, of: ConcreteType) -> bool {
        if ty == of {
            return true;
        }
        let in_use = self.lock();
        let above = |&name: &ConcreteType| in_use.info(name, &self.table)?.ty.supertype;
        core::iter::successors(Some(ty), above).any(|name| name == of)
    }

    /// Returns a type, with its position in its recursive group and the number of types of that. `None` if the engine
    /// does not have the type.
    pub(crate) fn description(&self, name: ConcreteType) -> Option<(SubType, usize, usize)> {
        let group = self.lock().group_of(name, &self.table).ok()?;
        let position = group.types.iter().position(|info| info.name == name)?;
        Some((group.types[position].ty.clone(), position, group.types.len()))
    }

    /// Returns the type with this id.
    ///
    /// # Safety
    /// The caller holds a registration of the type for as long as it uses the result.
    pub(crate) unsafe fn info(&self, id: u32) -> &TypeInfo {
        let info = self.table.info(id).expect("a type that somebody holds is in the table");
        // SAFETY: the caller's contract.
        unsafe { info.as_ref() }
    }

    /// Returns the shape of the objects of the type with this id; `None` if no type has it.
    ///
    /// # Safety
    /// As [`TypeRegistry::info`], if a type has this id.
    pub(crate) unsafe fn shape(&self, id: u32) -> Option<&Shape> {
        // SAFETY: the caller's contract.
        self.table.info(id).map(|info| unsafe { &info.as_ref().shape })
    }

    /// Returns whether the type with this id is the type with the id `of` or a declared subtype of it. `id` may be one
    /// that no type has, such as that of a value of the host.
    ///
    /// # Safety
    /// The caller holds registrations of the types that have these ids.
    pub(crate) unsafe fn id_extends(&self, id: u32, of: u32) -> bool {
        // SAFETY: the caller holds the type, and a group holds the supertypes of its types.
        let above = |&id: &u32| unsafe { self.table.info(id)?.as_ref() }.ty.supertype.map(|name| name.index);
        let most = if planted!(DeepCastFails) { 2 } else { usize::MAX };
        core::iter::successors(Some(id), above).take(most).any(|id| id == of)
    }

    /// Returns the group with this key, which is made if no group in use has it.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the key names a type that the engine does not have;
    /// [`Resource`](ErrorKind::Resource) if the engine holds as many types as it can, or there is no memory.
    fn intern(self: &Arc<TypeRegistry>, key: Box<Key>) -> Result<Arc<Group>> {
        let key = GroupKey { hash: self.hasher.hash_one(&key), types: key.into() };
        // Declared before the lock is taken: the last owner of a group takes the lock when it drops the group.
        let mut outer = Vec::new();
        let serials = {
            let mut in_use = self.lock();
            if let Some(known) = in_use.find(&key) {
                return Ok(known);
            }
            for name in canonical::outer_names(&key.types) {
                outer.push(in_use.group_of(name, &self.table)?);
            }
            in_use.take_serials(key.types.len(), &self.table)?
        };
        outer.sort_unstable_by_key(Arc::as_ptr);
        outer.dedup_by(|one, other| Arc::ptr_eq(one, other));
        // A large group is made without the lock.
        let made = Group::new(self, key, outer, &serials);
        // Another thread may have made an equal group meanwhile. Then this one is dropped, without the lock.
        let known = self.lock().publish(&made);
        Ok(known.unwrap_or(made))
    }

    fn lock(&self) -> MutexGuard<'_, InUse> {
        // No update can panic half-way, so the types behind a poisoned lock are consistent.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InUse {
    /// Returns the group with this key, if somebody holds it.
    fn find(&self, key: &GroupKey) -> Option<Arc<Group>> {
        self.groups.get(key)?.upgrade()
    }

    /// Returns the type with this name, if the engine has it.
    fn info(&self, name: ConcreteType, table: &TypeTable) -> Option<&TypeInfo> {
        // SAFETY: before a group is freed, it clears its slots under the lock, which the caller of this method holds
        // for as long as `self` is borrowed.
        let info = unsafe { table.info(name.index)?.as_ref() };
        (info.name == name).then_some(info)
    }

    /// Returns the group of a type.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the engine does not have the type.
    fn group_of(&self, name: ConcreteType, table: &TypeTable) -> Result<Arc<Group>> {
        self.info(name, table).and_then(|info| info.group.upgrade()).ok_or_else(|| {
            let heap = HeapType::Concrete(name);
            let message = format!("the engine has no type {heap}: it is another engine's, or nothing has it any more");
            Error::new(ErrorKind::Usage, message)
        })
    }

    /// Takes serial numbers, whose slots are then the caller's.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if there are not so many, or there is no memory for the table.
    fn take_serials(&mut self, count: usize, table: &TypeTable) -> Result<Vec<u32>> {
        let used_again = count.min(self.free.len());
        let next = u32::try_from(count - used_again).ok().and_then(|fresh| self.next.checked_add(fresh));
        let next = next.filter(|&next| next <= END).ok_or_else(|| {
            Error::new(ErrorKind::Resource, format!("the types in use are as many as an engine can have, {}", END - 1))
        })?;
        while (self.chunks.len() << CHUNK_BITS) < next as usize {
            self.chunks.push(table.add_chunk(self.chunks.len())?);
        }
        let mut serials = self.free.split_off(self.free.len() - used_again);
        serials.extend(self.next..next);
        self.next = next;
        Ok(serials)
    }

    /// Makes a new group known. Returns the one with the same key instead, if there is one that somebody holds.
    fn publish(&mut self, group: &Arc<Group>) -> Option<Arc<Group>> {
        let known = self.find(&group.key);
        if known.is_none() {
            self.groups.insert(group.key.clone(), Arc::downgrade(group));
        }
        known
    }

    /// Removes a group that nobody holds any more. Its serial numbers are free afterwards.
    fn remove(&mut self, group: &Group, table: &TypeTable) {
        // An equal group may have been made since the last owner of this one let it go.
        if self.groups.get(&group.key).is_some_and(|known| known.ptr_eq(&group.types[0].group)) {
            self.groups.remove(&group.key);
        }
        for info in &*group.types {
            // SAFETY: nobody holds the type any more, so nobody uses its id.
            unsafe { table.set(info.name.index, TypeEntry::NONE, ptr::null()) };
            self.free.push(serial(info.name.index));
        }
        // Halving at a quarter of the room keeps the cost of a removal constant on average.
        if self.groups.len() < self.groups.capacity() / 4 {
            self.groups.shrink_to(self.groups.len() * 2);
        }
    }
}

impl Group {
    /// Makes a group. `outer` are the groups of the types that it names; the slots of `serials` are the caller's.
    fn new(registry: &Arc<TypeRegistry>, key: GroupKey, outer: Vec<Arc<Group>>, serials: &[u32]) -> Arc<Group> {
        let stamp = next_stamp();
        let name = |(ty, &serial): (&SubType, &u32)| {
            let kind = ty.composite.kind();
            ConcreteType { kind, index: canonical_id(kind, serial), stamp }
        };
        let names: Vec<_> = key.types.iter().zip(serials).map(name).collect();
        Arc::new_cyclic(|group| {
            let info = |(ty, &name): (SubType, &ConcreteType)| {
                let shape = Shape::of(&ty.composite);
                TypeInfo { name, ty, shape, group: group.clone() }
            };
            let types: Arc<[TypeInfo]> = canonical::resolve(&key.types, &names).zip(&names).map(info).collect();
            for info in &*types {
                // SAFETY: the slots are the caller's. The supertype is an earlier type of the group, or `outer` holds
                // it.
                unsafe { registry.table.set(info.name.index, entry_of(info, &registry.table), info) };
            }
            Group { registry: registry.clone(), key, types, outer }
        })
    }
}

/// Returns the data for casts to and from a type whose supertype is in the table.
///
/// # Safety
/// The caller holds the supertype.
unsafe fn entry_of(info: &TypeInfo, table: &TypeTable) -> TypeEntry {
    let mut entry = match info.ty.supertype {
        // The display lists the supertypes from the root down, so a type's display extends that of its supertype.
        Some(supertype) => {
            // SAFETY: the caller's contract.
            let above = unsafe { table.entry(supertype.index) };
            TypeEntry { depth: above.depth + 1, ..above }
        }
        None => TypeEntry::NONE,
    };
    // A type deeper than the display is in no display: a cast to it calls the library.
    if let Some(slot) = entry.display.get_mut(entry.depth as usize) {
        *slot = info.name.index;
    }
    entry
}

/// Returns a stamp that no other group of this process has or had.
fn next_stamp() -> Stamp {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // A process that makes a billion groups a second would need centuries to come to the end.
    Stamp::new(NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Drop for Group {
    fn drop(&mut self) {
        self.registry.lock().remove(self, &self.registry.table);
        // A list of work instead of recursion, because a module can make chains of groups of any length.
        let mut released = core::mem::take(&mut self.outer);
        while let Some(group) = released.pop() {
            if let Some(mut last) = Arc::into_inner(group) {
                released.append(&mut last.outer);
            }
        }
    }
}

impl Hash for GroupKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
