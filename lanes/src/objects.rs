//! The objects that are reached from references that are shown together, as a list in the order of a breadth-first
//! walk.
//!
//! The references that are shown come first, in their order. Then come the references in the objects, field by field, a
//! struct's descriptor before its fields. So the numbers follow from the shape of the graph alone, not from the order
//! of allocation or from the addresses that a collector chose: graphs of the same shape are equal lists. An object into
//! which the lane cannot look has a number, if the lane tells objects apart, and no entry in the list.

use crate::Value;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The contents of objects by number. An object without an entry was not looked into.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Objects {
    list: Vec<Object>,
    /// The number of objects that were found beyond [`Objects::MOST`].
    beyond: u32,
}

/// The contents of an object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Object {
    /// A struct.
    Struct {
        /// The descriptor, if it has one.
        descriptor: Option<Value>,
        /// The fields.
        fields: Contents,
    },
    /// The elements of an array.
    Array(Contents),
    /// An exception.
    Exn {
        /// The number of the tag, as in [`Exception::tag`](crate::Exception::tag).
        tag: Option<u32>,
        /// The payload.
        payload: Contents,
    },
}

/// The values of an object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contents {
    /// The number of values in the object.
    pub count: u32,
    /// The first of these values; all, unless the walk reached [`Objects::MOST`]. Packed values are zero-extended to
    /// `i32`.
    pub values: Vec<Value>,
}

impl Objects {
    /// The number of objects and values, taken together, that are looked at. The walk of the same graph always ends at
    /// the same object. If not all of an object's values are in the list, its [`Contents::count`] shows it.
    pub const MOST: u32 = 1 << 14;

    /// The objects that a walk looked into, by number, and how many it found beyond these.
    pub(crate) fn new(list: Vec<Object>, beyond: u32) -> Objects {
        Objects { list, beyond }
    }

    /// Returns the contents of an object. `None` if it was not looked into.
    pub fn get(&self, number: u32) -> Option<&Object> {
        self.list.get(number as usize)
    }

    /// Returns the number of objects that were looked into.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns whether no object was looked into.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the number of objects that were found but not looked into, because there are too many.
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
    /// A struct without a descriptor.
    pub fn plain(fields: Contents) -> Object {
        Object::Struct { descriptor: None, fields }
    }

    /// Returns the values.
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
