//! Type equality: two types are equal if they have the same position in equal recursive groups
//! ([Defined types](https://webassembly.github.io/spec/core/valid/conventions.html#rolling-and-unrolling)).
//!
//! The [`Key`] of a group names the group's own types by their positions in it, and all other types by canonical ids.
//! So equal groups have equal keys. The engine interns the keys of all its modules; the check of an artifact interns
//! those of one module.

use super::composite::SubType;
use super::references::{CompositeKind, ConcreteType};
use core::ops::Range;

/// A recursive group in a form in which equal groups are equal.
pub(crate) type Key = [SubType];

/// The bit that marks an index in a key as a position in the group. Canonical ids are below it.
const IN_GROUP: u32 = 1 << 31;

/// The position of the kind in a canonical id, in bits.
pub(crate) const KIND_SHIFT: u32 = 29;

/// The number of low bits of a canonical id that hold the serial number. Types of all kinds share the serial numbers.
pub(crate) const SERIAL_BITS: u32 = 24;

/// Returns the canonical id of the type with this serial number, which is not 0.
pub(crate) const fn canonical_id(kind: CompositeKind, serial: u32) -> u32 {
    debug_assert!(serial != 0 && serial >> SERIAL_BITS == 0, "a serial number has so many bits");
    (kind as u32) << KIND_SHIFT | serial
}

/// Returns the serial number in a canonical id.
pub(crate) const fn serial(id: u32) -> u32 {
    id & ((1 << SERIAL_BITS) - 1)
}

/// Returns the ranges of types that end at these positions.
pub(crate) fn groups(ends: &[u32]) -> impl Iterator<Item = Range<usize>> {
    let starts = core::iter::once(0).chain(ends.iter().map(|&end| end as usize));
    starts.zip(ends).map(|(start, &end)| start..end as usize)
}

/// Returns the canonical names of types in recursive groups. `intern` appends the names of a key's types, the same for
/// equal keys. Types must name only types of their own and of earlier groups.
///
/// # Errors
/// If `intern` fails.
pub(crate) fn canonicalize<E>(
    types: &[SubType],
    group_ends: &[u32],
    mut intern: impl FnMut(Box<Key>, &mut Vec<ConcreteType>) -> Result<(), E>,
) -> Result<Vec<ConcreteType>, E> {
    let mut names = Vec::with_capacity(types.len());
    for group in groups(group_ends).filter(|group| !group.is_empty()) {
        let key = group_key(&types[group.clone()], group.start, &names);
        intern(key, &mut names)?;
        debug_assert_eq!(names.len(), group.end, "each type has a name");
    }
    Ok(names)
}

fn group_key(group: &[SubType], start: usize, earlier: &[ConcreteType]) -> Box<Key> {
    let rename = |ty: ConcreteType| {
        let position = ty.index as usize;
        match position.checked_sub(start) {
            Some(inner) => {
                let inner = u32::try_from(inner).expect("a group has fewer than 2^31 types");
                ConcreteType::in_module(ty.kind, IN_GROUP | inner)
            }
            None => earlier[position],
        }
    };
    group.iter().map(|ty| ty.map(&rename)).collect()
}

/// Returns the types of a key with canonical names throughout, given those of the group's types.
pub(crate) fn resolve(key: &Key, names: &[ConcreteType]) -> impl Iterator<Item = SubType> {
    let rename = move |ty: ConcreteType| match ty.index & IN_GROUP {
        0 => ty,
        _ => names[(ty.index & !IN_GROUP) as usize],
    };
    key.iter().map(move |ty| ty.map(&rename))
}

/// Returns the types outside of its group that a key names.
pub(crate) fn outer_names(key: &Key) -> impl Iterator<Item = ConcreteType> {
    key.iter().flat_map(SubType::names).filter(|ty| ty.index & IN_GROUP == 0)
}
