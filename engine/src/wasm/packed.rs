//! The form in which an artifact stores long lists of small items, for `#[serde(with = "packed")]`: one string of
//! bytes, with the same number for each item. It loads many times faster than a list.

use super::index::FuncIndex;
use core::fmt;
use core::marker::PhantomData;
use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

/// An item with a form of `SIZE` bytes.
pub(super) trait Packed<const SIZE: usize>: Sized {
    fn pack(&self) -> [u8; SIZE];

    /// Returns the item with this form; `None` if there is none.
    fn unpack(bytes: [u8; SIZE]) -> Option<Self>;
}

impl Packed<4> for FuncIndex {
    fn pack(&self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    fn unpack(bytes: [u8; 4]) -> Option<FuncIndex> {
        Some(FuncIndex(u32::from_le_bytes(bytes)))
    }
}

pub(super) fn serialize<const SIZE: usize, T: Packed<SIZE>, S: Serializer>(
    items: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let packed: Vec<[u8; SIZE]> = items.iter().map(T::pack).collect();
    serializer.serialize_bytes(packed.as_flattened())
}

pub(super) fn deserialize<'de, const SIZE: usize, T: Packed<SIZE>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_bytes(Unpack(PhantomData))
}

struct Unpack<const SIZE: usize, T>(PhantomData<T>);

impl<const SIZE: usize, T: Packed<SIZE>> Visitor<'_> for Unpack<SIZE, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "items of {SIZE} bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
        let (items, []) = bytes.as_chunks::<SIZE>() else { return Err(E::invalid_length(bytes.len(), &self)) };
        // To collect into an `Option` would allocate again and again, since it does not know the length.
        let mut unpacked = Vec::with_capacity(items.len());
        for &item in items {
            unpacked.push(T::unpack(item).ok_or_else(|| E::custom("an item of no known form"))?);
        }
        Ok(unpacked)
    }
}
