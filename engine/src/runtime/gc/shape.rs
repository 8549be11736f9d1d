//! The layout of each type's objects, as far as the collector needs it.

use crate::abi::heap::{EXCEPTION, EXTERN, HEADER, Storage, StructLayout};
use crate::wasm::canonical::serial;

/// The shapes of a store's types, by canonical id. The shape of an exception is stored under the id of its tag's
/// function type.
#[derive(Default)]
pub(super) struct Shapes {
    shapes: Vec<Shape>,
    /// The offsets of the references in all structs, one struct after the other.
    offsets: Vec<u32>,
}

/// The size of a type's objects, and the offsets of their references.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// The store has no objects of this type.
    Unknown,
    /// A struct of `size` bytes. The offsets of its `traced` references begin at index `first` of the table of offsets.
    Struct { size: u32, first: u32, traced: u32 },
    /// An array with elements of `element` bytes, which are references if `traced` is set.
    Array { element: u32, traced: bool },
}

impl Shapes {
    /// Registers the type of a struct or an exception.
    pub(super) fn add_struct(&mut self, id: u32, layout: &StructLayout) {
        if self.get(id) != Shape::Unknown {
            return;
        }
        let first = count(self.offsets.len());
        self.offsets.extend(&layout.traced);
        self.add(id, Shape::Struct { size: layout.size, first, traced: count(layout.traced.len()) });
    }

    /// Registers the type of an array.
    pub(super) fn add_array(&mut self, id: u32, element: Storage) {
        self.add(id, Shape::Array { element: element.size(), traced: element.is_traced() });
    }

    /// Registers the shape of a type, unless it is registered already.
    fn add(&mut self, id: u32, shape: Shape) {
        let index = serial(id) as usize;
        if index >= self.shapes.len() {
            self.shapes.resize(index + 1, Shape::Unknown);
        }
        if self.shapes[index] == Shape::Unknown {
            self.shapes[index] = shape;
        }
    }

    /// Returns the shape of an object with this header.
    pub(super) fn of(&self, id: u32, word: u32) -> Shape {
        match id {
            EXTERN => Shape::Struct { size: HEADER, first: 0, traced: 0 },
            EXCEPTION => self.get(word),
            _ => self.get(id),
        }
    }

    fn get(&self, id: u32) -> Shape {
        self.shapes.get(serial(id) as usize).copied().unwrap_or(Shape::Unknown)
    }

    /// Returns the offsets of a struct's references.
    pub(super) fn offsets(&self, first: u32, traced: u32) -> &[u32] {
        &self.offsets[first as usize..(first + traced) as usize]
    }
}

fn count(items: usize) -> u32 {
    u32::try_from(items).expect("types have far fewer than 2^32 fields together")
}
