//! The layout of each type's objects, as far as the collector needs it. It is part of the engine's table of types.

use crate::abi::heap::{Storage, StructLayout, exception_layout};
use crate::wasm::composite::CompositeType;

/// The size of a type's objects, and the offsets of their references.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// Structs of `size` bytes with references at the offsets `traced`. For a type of functions these are the
    /// exceptions that carry its parameters.
    Struct { size: u32, traced: Box<[u32]> },
    /// Arrays with elements of `element` bytes, which are references if `traced` is set.
    Array { element: u32, traced: bool },
}

impl Shape {
    /// Returns the shape of a type's objects.
    pub(crate) fn of(ty: &CompositeType) -> Shape {
        let layout = match ty {
            CompositeType::Func(ty) => exception_layout(&ty.params),
            CompositeType::Struct(ty) => StructLayout::from(ty),
            CompositeType::Array(element) => {
                let element = Storage::from(element.storage);
                return Shape::Array { element: element.size(), traced: element.is_traced() };
            }
        };
        Shape::Struct { size: layout.size, traced: layout.traced }
    }
}
