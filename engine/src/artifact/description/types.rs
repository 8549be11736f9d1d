//! Checks the types of a module description from an artifact, and answers afterwards which of them is a subtype of
//! which.

use super::require::{Checked, require};
use crate::wasm::canonical::{Key, SERIAL_BITS, canonicalize, groups};
use crate::wasm::module::Module;
use crate::wasm::types::*;
use core::ops::Range;
use std::collections::HashMap;

/// The longest chain of supertypes, as in
/// [the JavaScript interface](https://webassembly.github.io/spec/js-api/#limits).
const MAX_DEPTH: usize = 63;

/// The most fields of a struct, likewise: all of them lie within what an access through null can reach.
const MAX_FIELDS: usize = 10_000;

/// The types of a module that were found to be in order.
pub(super) struct CheckedTypes<'a> {
    types: &'a [SubType],
    /// Equal for equal types; of no meaning beyond this module.
    ids: Vec<u32>,
}

impl<'a> CheckedTypes<'a> {
    /// Checks the types: each names only types of its own or of an earlier recursive group, and supertypes are such.
    pub(super) fn new(module: &'a Module) -> Result<CheckedTypes<'a>, String> {
        let (types, ends) = (&*module.types, &*module.rec_groups);
        let in_order = ends.is_sorted() && ends.last().map_or(0, |&end| end as usize) == types.len();
        require(in_order, "the recursive groups are not those of the types")?;
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
        let checked = CheckedTypes { types, ids: canonical_ids(types, ends)? };
        for ty in types {
            let Some(supertype) = ty.supertype else { continue };
            let supertype = &types[supertype.index as usize];
            let matches = ty.composite.matches(&supertype.composite, &|ty, of| checked.extends(ty, of));
            require(!supertype.is_final && matches, "a type extends one that it cannot extend")?;
        }
        Ok(checked)
    }

    /// Whether a reference of type `found` may stand where `wanted` is asked for.
    pub(super) fn fits(&self, found: RefType, wanted: RefType) -> bool {
        found.matches(wanted, &|ty, of| self.extends(ty, of))
    }

    /// The type exists, as what it is said to be.
    pub(super) fn check_ref(&self, ty: RefType) -> Checked {
        match ty.heap.defined() {
            Some(defined) => check_name(self.types, defined, self.types.len()),
            None => Ok(()),
        }
    }

    fn extends(&self, ty: ConcreteType, of: ConcreteType) -> bool {
        let supertypes = core::iter::successors(Some(ty), |ty| self.types[ty.index as usize].supertype);
        supertypes.map(|ty| self.ids[ty.index as usize]).any(|id| id == self.ids[of.index as usize])
    }
}

fn canonical_ids(types: &[SubType], ends: &[u32]) -> Result<Vec<u32>, String> {
    // Serial numbers start at 1.
    require(types.len() < (1 << SERIAL_BITS) - 1, "there are too many types")?;
    let (mut known, mut next) = (HashMap::<Box<Key>, u32>::new(), 1);
    canonicalize(types, ends, |key| {
        let count = u32::try_from(key.len()).expect("as many types as there are");
        let first = *known.entry(key).or_insert(next);
        // As many as are used up if the key is new; gaps do no harm.
        next += count;
        Ok(first)
    })
}

fn check_names(types: &[SubType], position: usize, group: &Range<usize>) -> Checked {
    let ty = &types[position];
    ty.names().try_for_each(|name| check_name(types, name, group.end))?;
    let earlier = ty.supertype.is_none_or(|supertype| (supertype.index as usize) < position);
    require(earlier, "a supertype comes after its subtype")
}

/// A descriptor and what it describes name each other, and stand in one group, the descriptor behind.
fn check_clauses(types: &[SubType], position: usize, group: &Range<usize>) -> Checked {
    let is_here = |ty: ConcreteType| ty.index as usize == position;
    let (describes, descriptor) = types[position].composite.clauses();
    let described = describes.is_none_or(|ty| {
        let place = ty.index as usize;
        (group.start..position).contains(&place) && types[place].composite.clauses().1.is_some_and(is_here)
    });
    let describing = descriptor.is_none_or(|ty| types[ty.index as usize].composite.clauses().0.is_some_and(is_here));
    require(described && describing, "a descriptor and what it describes do not name each other")
}

fn check_name(types: &[SubType], name: ConcreteType, end: usize) -> Checked {
    let found = types[..end].get(name.index as usize).map(|ty| ty.composite.kind());
    require(found == Some(name.kind), "a type that is named does not exist, or is of another kind")
}
