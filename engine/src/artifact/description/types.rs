//! Checks of the types of a module description, and questions of subtyping among checked types.

use super::require::{Checked, require};
use crate::wasm::canonical::{Key, SERIAL_BITS, canonicalize, groups};
use crate::wasm::module::Module;
use crate::wasm::types::*;
use core::ops::Range;
use std::collections::HashMap;

/// The largest number of supertypes in a chain, as in
/// [the JavaScript interface](https://webassembly.github.io/spec/js-api/#limits).
const MAX_DEPTH: usize = 63;

/// The largest number of fields of a struct, as in the JavaScript interface. It keeps every field below
/// [`NULL_GUARD`](crate::abi::heap::NULL_GUARD), so that an access through null faults.
const MAX_FIELDS: usize = 10_000;

/// The types of a module, checked.
pub(super) struct CheckedTypes<'a> {
    types: &'a [SubType],
    /// The name of each type: equal for equal types of this module, and without meaning for others.
    names: Vec<ConcreteType>,
}

impl<'a> CheckedTypes<'a> {
    /// Checks the types: each names only types of its own or an earlier recursive group, and matches its supertype.
    pub(super) fn new(module: &'a Module) -> Result<CheckedTypes<'a>, String> {
        let (types, ends) = (&*module.types, &*module.rec_groups);
        let in_order = ends.is_sorted() && ends.last().map_or(0, |&end| end as usize) == types.len();
        require(in_order, "the recursive groups do not cover the types")?;
        let mut depths = Vec::with_capacity(types.len());
        let large = |ty: &SubType| matches!(&ty.composite, CompositeType::Struct(ty) if ty.fields.len() > MAX_FIELDS);
        require(!types.iter().any(large), "a struct has too many fields")?;
        for group in groups(ends) {
            for position in group.clone() {
                check_names(types, position, &group)?;
                check_clauses(types, position, &group)?;
                let depth = types[position].supertype.map_or(0, |supertype| depths[supertype.index as usize] + 1);
                require(depth <= MAX_DEPTH, "a chain of supertypes is too long")?;
                depths.push(depth);
            }
        }
        let checked = CheckedTypes { types, names: canonical_names(types, ends)? };
        for ty in types {
            let Some(supertype) = ty.supertype else { continue };
            let supertype = &types[supertype.index as usize];
            let matches = ty.composite.matches(&supertype.composite, &|ty, of| checked.extends(ty, of));
            require(!supertype.is_final && matches, "a type has a supertype that it does not match")?;
        }
        Ok(checked)
    }

    /// Returns whether `found` is a subtype of `wanted`.
    pub(super) fn fits(&self, found: RefType, wanted: RefType) -> bool {
        found.matches(wanted, &|ty, of| self.extends(ty, of))
    }

    /// Checks that the defined type that `ty` names, if any, exists and has the stated kind.
    pub(super) fn check_ref(&self, ty: RefType) -> Checked {
        match ty.heap.defined() {
            Some(defined) => check_name(self.types, defined, self.types.len()),
            None => Ok(()),
        }
    }

    fn extends(&self, ty: ConcreteType, of: ConcreteType) -> bool {
        let supertypes = core::iter::successors(Some(ty), |ty| self.types[ty.index as usize].supertype);
        supertypes.map(|ty| self.names[ty.index as usize]).any(|name| name == self.names[of.index as usize])
    }
}

/// Names each type by the index of the first type of the module that is equal to it.
fn canonical_names(types: &[SubType], ends: &[u32]) -> Result<Vec<ConcreteType>, String> {
    require(types.len() < 1 << SERIAL_BITS, "there are too many types")?;
    let mut known = HashMap::<Box<Key>, u32>::new();
    canonicalize(types, ends, |key, names| {
        let own = names.len();
        let group = &types[own..own + key.len()];
        let first = *known.entry(key).or_insert(u32::try_from(own).expect("fewer than 2^24 types"));
        names.extend((first..).zip(group).map(|(index, ty)| ConcreteType::in_module(ty.composite.kind(), index)));
        Ok(())
    })
}

fn check_names(types: &[SubType], position: usize, group: &Range<usize>) -> Checked {
    let ty = &types[position];
    ty.names().try_for_each(|name| check_name(types, name, group.end))?;
    let earlier = ty.supertype.is_none_or(|supertype| (supertype.index as usize) < position);
    require(earlier, "a supertype comes after its subtype")
}

/// Checks that a descriptor and the type that it describes name each other and are in one group, the descriptor later.
fn check_clauses(types: &[SubType], position: usize, group: &Range<usize>) -> Checked {
    let is_here = |ty: ConcreteType| ty.index as usize == position;
    let (describes, descriptor) = types[position].composite.clauses();
    let described = describes.is_none_or(|ty| {
        let earlier = ty.index as usize;
        (group.start..position).contains(&earlier) && types[earlier].composite.clauses().1.is_some_and(is_here)
    });
    let describing = descriptor.is_none_or(|ty| types[ty.index as usize].composite.clauses().0.is_some_and(is_here));
    require(described && describing, "a descriptor and the type that it describes do not name each other")
}

fn check_name(types: &[SubType], name: ConcreteType, end: usize) -> Checked {
    let found = types[..end].get(name.index as usize).map(|ty| ty.composite.kind());
    require(found == Some(name.kind), "a type names one that does not exist, or is of another kind")
}
