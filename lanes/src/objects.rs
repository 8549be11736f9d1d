//! What objects of WebAssembly's hold: the part of the heap that is reached from the references that were shown together,
//! as a list in the order of a breadth-first walk.
//!
//! All references that were shown come first, in the order in which they were shown, and then those that the objects hold,
//! field by field, a struct's descriptor before its fields. So the numbers follow from the shape of the graph alone, not from the order of allocation or from
//! where a collector put the objects: graphs of the same shape are equal lists. What the lane cannot look into has a
//! number where the lane tells objects apart, and nothing in the list.

use crate::Value;
use std::fmt;

/// What objects hold, by their numbers. Those whose numbers are not in the list were not looked into.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Objects {
    list: Vec<Object>,
    /// How many were found beyond [`Objects::MOST`].
    beyond: u32,
}

/// An object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Object {
    /// A struct.
    Struct {
        /// What describes it, if anything does.
        descriptor: Option<Value>,
        /// Its fields.
        fields: Contents,
    },
    /// An array's elements.
    Array(Contents),
    /// An exception.
    Exn {
        /// Its tag, numbered as [`Exception::tag`](crate::Exception::tag) is.
        tag: Option<u32>,
        /// What it carries.
        payload: Contents,
    },
}

/// The values of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contents {
    /// How many there are.
    pub count: u32,
    /// The first of them: all, unless the walk reached [`Objects::MOST`]. Packed ones are zero-extended to `i32`.
    pub values: Vec<Value>,
}

impl Objects {
    /// How many objects and values are looked at, taken together. The walk ends there, at the same place for the same
    /// graph; an object that has not all of its values in the list says so by its count.
    pub const MOST: u32 = 1 << 14;

    /// The objects that a walk looked into, by number, and how many it found beyond these.
    #[cfg(any(feature = "engine", feature = "wasmi", feature = "wasmtime"))]
    pub(crate) fn new(list: Vec<Object>, beyond: u32) -> Objects {
        Objects { list, beyond }
    }

    /// What an object holds; `None` if it was not looked into.
    pub fn get(&self, number: u32) -> Option<&Object> {
        self.list.get(number as usize)
    }

    /// How many objects were looked into.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether no object was looked into.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many objects were found that were not looked into because there are too many.
    pub fn beyond(&self) -> u32 {
        self.beyond
    }
}

impl FromIterator<Object> for Objects {
    fn from_iter<I: IntoIterator<Item = Object>>(objects: I) -> Objects {
        Objects { list: objects.into_iter().collect(), beyond: 0 }
    }
}

impl Object {
    /// A struct that nothing describes.
    pub fn plain(fields: Contents) -> Object {
        Object::Struct { descriptor: None, fields }
    }

    /// Its values.
    pub fn contents(&self) -> &Contents {
        match self {
            Object::Struct { fields: contents, .. }
            | Object::Array(contents)
            | Object::Exn { payload: contents, .. } => contents,
        }
    }
}

impl From<Vec<Value>> for Contents {
    fn from(values: Vec<Value>) -> Contents {
        Contents { count: u32::try_from(values.len()).expect("an object has fewer than 2^32 values"), values }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Object::Struct { descriptor: None, .. } => f.write_str("struct")?,
            Object::Struct { descriptor: Some(descriptor), .. } => write!(f, "struct described by {descriptor}")?,
            Object::Array(_) => f.write_str("array")?,
            Object::Exn { tag: Some(tag), .. } => write!(f, "exn of tag #{tag}")?,
            Object::Exn { tag: None, .. } => f.write_str("exn")?,
        }
        write!(f, " of {}", self.contents().count)
    }
}
