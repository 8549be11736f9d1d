//! Composite types and subtypes
//! ([Composite types](https://webassembly.github.io/spec/core/syntax/types.html#syntax-comptype),
//! [Recursive types](https://webassembly.github.io/spec/core/syntax/types.html#syntax-rectype)).

use super::name::TypeId;
use super::value::{FuncType, ValType};
use alloc::boxed::Box;

/// The type of the contents of a field.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StorageType<T = TypeId> {
    /// An integer of 8 bits.
    I8,
    /// An integer of 16 bits.
    I16,
    /// A value.
    Val(ValType<T>),
}

/// The type of a field of a struct, or of the elements of an array.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FieldType<T = TypeId> {
    /// The type of the contents.
    pub storage: StorageType<T>,
    /// True if the contents can be set.
    pub mutable: bool,
}

/// The type of a struct.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StructType<T = TypeId> {
    /// The fields.
    pub fields: Box<[FieldType<T>]>,
}

/// The type of an array.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ArrayType<T = TypeId> {
    /// The type of the elements.
    pub element: FieldType<T>,
}

/// The structure of a defined type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum CompositeType<T = TypeId> {
    /// A function.
    Func(FuncType<T>),
    /// A struct.
    Struct(StructType<T>),
    /// An array.
    Array(ArrayType<T>),
    /// A continuation, with the type of the function that it is a rest of
    /// ([Stack switching][proposal]).
    ///
    /// [proposal]: https://github.com/WebAssembly/stack-switching/blob/main/proposals/stack-switching/Explainer.md
    Cont(T),
}

/// A defined type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SubType<T = TypeId> {
    /// True if threads can share the values.
    pub(crate) shared: bool,
    /// True if no type may extend this one.
    pub(crate) is_final: bool,
    /// The type that this one extends.
    pub(crate) supertype: Option<T>,
    /// The type whose values have descriptors of this type
    /// ([Custom descriptors][proposal]).
    ///
    /// [proposal]: https://github.com/WebAssembly/custom-descriptors/blob/main/proposals/custom-descriptors/Overview.md
    pub(crate) describes: Option<T>,
    /// The type of the descriptors that values of this type have.
    pub(crate) descriptor: Option<T>,
    /// The structure.
    pub(crate) composite: CompositeType<T>,
}

impl<T: Copy> StorageType<T> {
    /// Returns the type of the value that a read returns.
    pub fn unpacked(self) -> ValType<T> {
        match self {
            StorageType::I8 | StorageType::I16 => ValType::I32,
            StorageType::Val(ty) => ty,
        }
    }

    fn map<U>(self, rename: impl FnOnce(T) -> U) -> StorageType<U> {
        match self {
            StorageType::I8 => StorageType::I8,
            StorageType::I16 => StorageType::I16,
            StorageType::Val(ty) => StorageType::Val(ty.map(rename)),
        }
    }
}

impl<T: Copy> FieldType<T> {
    fn map<U>(self, rename: impl FnOnce(T) -> U) -> FieldType<U> {
        FieldType { storage: self.storage.map(rename), mutable: self.mutable }
    }
}

impl<T: Copy> SubType<T> {
    /// Returns the type that a composite type alone stands for: final, without supertype.
    pub(crate) fn plain(composite: CompositeType<T>) -> SubType<T> {
        SubType { shared: false, is_final: true, supertype: None, describes: None, descriptor: None, composite }
    }

    /// Returns the function type, if this is one.
    pub(crate) fn func(&self) -> Option<&FuncType<T>> {
        match &self.composite {
            CompositeType::Func(ty) => Some(ty),
            _ => None,
        }
    }

    /// Returns the type with its defined types under other names.
    pub(crate) fn map<U>(&self, rename: &impl Fn(T) -> U) -> SubType<U> {
        let composite = match &self.composite {
            CompositeType::Func(ty) => CompositeType::Func(ty.map(rename)),
            CompositeType::Struct(ty) => {
                CompositeType::Struct(StructType { fields: ty.fields.iter().map(|field| field.map(rename)).collect() })
            }
            CompositeType::Array(ty) => CompositeType::Array(ArrayType { element: ty.element.map(rename) }),
            CompositeType::Cont(func) => CompositeType::Cont(rename(*func)),
        };
        SubType {
            shared: self.shared,
            is_final: self.is_final,
            supertype: self.supertype.map(rename),
            describes: self.describes.map(rename),
            descriptor: self.descriptor.map(rename),
            composite,
        }
    }
}
