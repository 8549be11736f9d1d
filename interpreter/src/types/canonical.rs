//! Equality of defined types: two are equal if they have the same position in equal recursive groups
//! ([Defined types](https://webassembly.github.io/spec/core/valid/conventions.html#aux-roll-rectype)).
//!
//! The groups of all modules of a store are collected in a form in which equal groups are equal: a type names those of
//! its own group by their position, and others by their ids, which exist by then. So ids are equal if types are.

use super::composite::{ArrayType, CompositeType, StructType, SubType};
use super::name::{TypeId, TypeIndex, TypeUse};
use super::value::FuncType;
use crate::error::{Error, ErrorKind, Result};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The number of supertypes that each type lists, so that casts to these need no search.
const DISPLAY: usize = 8;

/// The id that no type has.
const NONE: TypeId = TypeId(u32::MAX);

/// The defined types of a store.
#[derive(Default)]
pub(crate) struct CanonicalTypes {
    /// The types by id.
    types: Vec<Entry>,
    /// The recursive groups, each with the id of its first type. The ids of a group follow one another.
    groups: BTreeMap<Box<[SubType<TypeUse>]>, TypeId>,
}

/// A defined type of a store.
struct Entry {
    ty: SubType,
    /// The number of types above this one.
    depth: u32,
    /// The types above this one, from the root down, and then the type itself, as far as there is room.
    display: [TypeId; DISPLAY],
    /// The first type of the group.
    first: TypeId,
    /// The number of types in the group.
    count: u32,
}

impl CanonicalTypes {
    /// Adds the types of a module, which is valid, and returns their ids in the order of the type section.
    /// `group_ends` has the end of each recursive group.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the store would have 2^32 types.
    pub(crate) fn intern(&mut self, types: &[SubType<TypeIndex>], group_ends: &[u32]) -> Result<Box<[TypeId]>> {
        let mut ids = Vec::with_capacity(types.len());
        for &end in group_ends {
            let start = ids.len();
            let roll = |name: TypeIndex| match name.index().checked_sub(start) {
                Some(position) => TypeUse::Rec(position as u32),
                None => TypeUse::Defined(ids[name.index()]),
            };
            let group: Box<[_]> = types[start..end as usize].iter().map(|ty| ty.map(&roll)).collect();
            let first = self.intern_group(group)?;
            ids.extend((first.0..).map(TypeId).take(end as usize - start));
        }
        Ok(ids.into())
    }

    /// Adds a function type that the host made, and returns its id. It is the type that a module gets by writing the
    /// function type alone.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it names a type that the store does not have;
    /// [`Resource`](ErrorKind::Resource) if the store would have 2^32 types.
    pub(crate) fn intern_func(&mut self, ty: &FuncType) -> Result<TypeId> {
        let named = ty.params.iter().chain(&ty.results).filter_map(|ty| ty.defined());
        for name in named {
            self.check(name)?;
        }
        let group = SubType::plain(CompositeType::Func(ty.map(&TypeUse::Defined)));
        self.intern_group(Box::new([group]))
    }

    /// Checks that the store has a type with this id.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it has not.
    pub(crate) fn check(&self, name: TypeId) -> Result<()> {
        if name.index() < self.types.len() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, alloc::format!("the store has no type {name}: it is another store's")))
    }

    /// Returns the number of types. Their ids are those below it.
    pub(crate) fn len(&self) -> usize {
        self.types.len()
    }

    /// Returns the type with this id.
    #[inline]
    pub(crate) fn get(&self, id: TypeId) -> &SubType {
        &self.types[id.index()].ty
    }

    /// Returns the function type with this id.
    ///
    /// # Panics
    /// If the type is no function type, which validation excludes where one is needed.
    #[inline]
    pub(crate) fn func(&self, id: TypeId) -> &FuncType {
        match &self.get(id).composite {
            CompositeType::Func(ty) => ty,
            other => panic!("a valid module has a function type here: {other:?}"),
        }
    }

    /// Returns the struct type with this id.
    ///
    /// # Panics
    /// If the type is no struct type, which validation excludes where one is needed.
    #[inline]
    pub(crate) fn structure(&self, id: TypeId) -> &StructType {
        match &self.get(id).composite {
            CompositeType::Struct(ty) => ty,
            other => panic!("a valid module has a struct type here: {other:?}"),
        }
    }

    /// Returns the array type with this id.
    ///
    /// # Panics
    /// If the type is no array type, which validation excludes where one is needed.
    #[inline]
    pub(crate) fn array(&self, id: TypeId) -> &ArrayType {
        match &self.get(id).composite {
            CompositeType::Array(ty) => ty,
            other => panic!("a valid module has an array type here: {other:?}"),
        }
    }

    /// Returns whether a type is another one or declared to extend it
    /// ([Defined types](https://webassembly.github.io/spec/core/valid/matching.html#match-deftype)).
    #[inline]
    pub(crate) fn is_subtype(&self, ty: TypeId, of: TypeId) -> bool {
        ty == of || self.is_proper_subtype(ty, of)
    }

    fn is_proper_subtype(&self, ty: TypeId, of: TypeId) -> bool {
        let depth = self.types[of.index()].depth;
        if let Some(&ancestor) = self.types[ty.index()].display.get(depth as usize) {
            return ancestor == of;
        }
        // The type is deeper than displays reach. Validation allows 63 levels.
        let mut ty = ty;
        while self.types[ty.index()].depth > depth {
            let Some(supertype) = self.get(ty).supertype else { return false };
            ty = supertype;
        }
        ty == of
    }

    /// Returns the position of a type in its recursive group, and the number of types in that.
    pub(super) fn position(&self, id: TypeId) -> (u32, u32) {
        let entry = &self.types[id.index()];
        (id.0 - entry.first.0, entry.count)
    }

    /// Returns the id of the first type of a group, which is added if the store does not have it.
    fn intern_group(&mut self, group: Box<[SubType<TypeUse>]>) -> Result<TypeId> {
        if let Some(&first) = self.groups.get(&group) {
            return Ok(first);
        }
        let end = u32::try_from(self.types.len() + group.len()).ok().filter(|&end| end < NONE.0);
        if end.is_none() {
            return Err(Error::new(ErrorKind::Resource, "the modules of the store have 2^32 types together"));
        }
        let (first, count) = (TypeId(self.types.len() as u32), group.len() as u32);
        let unroll = |name: TypeUse| match name {
            TypeUse::Rec(position) => TypeId(first.0 + position),
            TypeUse::Defined(id) => id,
        };
        for ty in &group {
            let ty = ty.map(&unroll);
            let (depth, display) = self.ancestors(&ty);
            self.types.push(Entry { ty, depth, display, first, count });
        }
        // An empty group has no types that could be the same as others.
        if count > 0 {
            self.groups.insert(group, first);
        }
        Ok(first)
    }

    /// Returns the depth and the display of the type that is added next.
    fn ancestors(&self, ty: &SubType) -> (u32, [TypeId; DISPLAY]) {
        let (depth, mut display) = match ty.supertype {
            Some(supertype) => {
                let above = &self.types[supertype.index()];
                (above.depth + 1, above.display)
            }
            None => (0, [NONE; DISPLAY]),
        };
        if let Some(own) = display.get_mut(depth as usize) {
            *own = TypeId(self.types.len() as u32);
        }
        (depth, display)
    }
}
