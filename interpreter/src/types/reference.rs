//! Heap types and reference types
//! ([Reference types](https://webassembly.github.io/spec/core/syntax/types.html#syntax-reftype)).

use super::name::TypeId;
use core::fmt;

/// The type of a reference's referent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum HeapType<T = TypeId> {
    /// Anything but a function, an exception or a host value.
    Any,
    /// An operand of `ref.eq`: an object or an `i31`.
    Eq,
    /// An integer of 31 bits.
    I31,
    /// A struct of any type.
    Struct,
    /// An array of any type.
    Array,
    /// Nothing: the bottom of the types below `any`.
    None,
    /// A function of any type.
    Func,
    /// Nothing: the bottom of the types of functions.
    NoFunc,
    /// An exception.
    Exn,
    /// Nothing: the bottom of the types of exceptions.
    NoExn,
    /// A value of the host.
    Extern,
    /// Nothing: the bottom of the types of host values.
    NoExtern,
    /// A continuation of any type
    /// ([Stack switching][proposal]).
    ///
    /// [proposal]: https://github.com/WebAssembly/stack-switching/blob/main/proposals/stack-switching/Explainer.md
    Cont,
    /// Nothing: the bottom of the types of continuations.
    NoCont,
    /// A value of a defined type or of a type that extends it.
    Defined(T),
    /// A value of a defined type, but not of one that extends it
    /// ([Exact types][proposal]).
    ///
    /// [proposal]: https://github.com/WebAssembly/custom-descriptors/blob/main/proposals/custom-descriptors/Overview.md
    Exact(T),
    /// A value of one of the types that name no defined type, shared.
    Shared(SharedType),
}

/// The types of [`HeapType`] that name no defined type, as they are shared between threads
/// ([Shared-everything threads][proposal]).
///
/// [proposal]: https://github.com/WebAssembly/shared-everything-threads/blob/main/proposals/shared-everything-threads/Overview.md
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum SharedType {
    /// Anything but a function, an exception, a continuation or a host value.
    Any,
    /// An operand of `ref.eq`: an object or an `i31`.
    Eq,
    /// An integer of 31 bits.
    I31,
    /// A struct of any type.
    Struct,
    /// An array of any type.
    Array,
    /// Nothing: the bottom of the types below `any`.
    None,
    /// A function of any type.
    Func,
    /// Nothing: the bottom of the types of functions.
    NoFunc,
    /// An exception.
    Exn,
    /// Nothing: the bottom of the types of exceptions.
    NoExn,
    /// A value of the host.
    Extern,
    /// Nothing: the bottom of the types of host values.
    NoExtern,
    /// A continuation of any type.
    Cont,
    /// Nothing: the bottom of the types of continuations.
    NoCont,
}

/// The type of a reference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RefType<T = TypeId> {
    /// True if the type contains null.
    pub nullable: bool,
    /// The type of the referent.
    pub heap: HeapType<T>,
}

impl<T> HeapType<T> {
    /// Returns the type with its defined type, if any, under another name.
    pub(crate) fn map<U>(self, rename: impl FnOnce(T) -> U) -> HeapType<U> {
        match self {
            HeapType::Any => HeapType::Any,
            HeapType::Eq => HeapType::Eq,
            HeapType::I31 => HeapType::I31,
            HeapType::Struct => HeapType::Struct,
            HeapType::Array => HeapType::Array,
            HeapType::None => HeapType::None,
            HeapType::Func => HeapType::Func,
            HeapType::NoFunc => HeapType::NoFunc,
            HeapType::Exn => HeapType::Exn,
            HeapType::NoExn => HeapType::NoExn,
            HeapType::Extern => HeapType::Extern,
            HeapType::NoExtern => HeapType::NoExtern,
            HeapType::Cont => HeapType::Cont,
            HeapType::NoCont => HeapType::NoCont,
            HeapType::Defined(name) => HeapType::Defined(rename(name)),
            HeapType::Exact(name) => HeapType::Exact(rename(name)),
            HeapType::Shared(ty) => HeapType::Shared(ty),
        }
    }

    /// Returns the type that is not shared, of a type that names no defined type.
    pub(crate) fn unshared(self) -> HeapType<T> {
        match self {
            HeapType::Shared(ty) => ty.unshared(),
            other => other,
        }
    }

    /// Returns the type that is shared, of a type that names no defined type.
    pub(crate) fn shared(self) -> HeapType<T> {
        HeapType::Shared(match self {
            HeapType::Any => SharedType::Any,
            HeapType::Eq => SharedType::Eq,
            HeapType::I31 => SharedType::I31,
            HeapType::Struct => SharedType::Struct,
            HeapType::Array => SharedType::Array,
            HeapType::None => SharedType::None,
            HeapType::Func => SharedType::Func,
            HeapType::NoFunc => SharedType::NoFunc,
            HeapType::Exn => SharedType::Exn,
            HeapType::NoExn => SharedType::NoExn,
            HeapType::Extern => SharedType::Extern,
            HeapType::NoExtern => SharedType::NoExtern,
            HeapType::Cont => SharedType::Cont,
            HeapType::NoCont => SharedType::NoCont,
            HeapType::Shared(ty) => ty,
            HeapType::Defined(_) | HeapType::Exact(_) => return self,
        })
    }

    /// Returns the defined type that the type names, exactly or not.
    pub fn defined(self) -> Option<T> {
        match self {
            HeapType::Defined(name) | HeapType::Exact(name) => Some(name),
            _ => None,
        }
    }
}

impl SharedType {
    /// Returns the type of the same name that is not shared.
    pub(crate) fn unshared<T>(self) -> HeapType<T> {
        match self {
            SharedType::Any => HeapType::Any,
            SharedType::Eq => HeapType::Eq,
            SharedType::I31 => HeapType::I31,
            SharedType::Struct => HeapType::Struct,
            SharedType::Array => HeapType::Array,
            SharedType::None => HeapType::None,
            SharedType::Func => HeapType::Func,
            SharedType::NoFunc => HeapType::NoFunc,
            SharedType::Exn => HeapType::Exn,
            SharedType::NoExn => HeapType::NoExn,
            SharedType::Extern => HeapType::Extern,
            SharedType::NoExtern => HeapType::NoExtern,
            SharedType::Cont => HeapType::Cont,
            SharedType::NoCont => HeapType::NoCont,
        }
    }
}

impl<T> RefType<T> {
    /// `anyref`.
    pub const ANY: RefType<T> = RefType { nullable: true, heap: HeapType::Any };
    /// `funcref`.
    pub const FUNC: RefType<T> = RefType { nullable: true, heap: HeapType::Func };
    /// `exnref`.
    pub const EXN: RefType<T> = RefType { nullable: true, heap: HeapType::Exn };
    /// `externref`.
    pub const EXTERN: RefType<T> = RefType { nullable: true, heap: HeapType::Extern };
    /// `contref`.
    pub const CONT: RefType<T> = RefType { nullable: true, heap: HeapType::Cont };

    /// Returns the type with its defined type, if any, under another name.
    pub(crate) fn map<U>(self, rename: impl FnOnce(T) -> U) -> RefType<U> {
        RefType { nullable: self.nullable, heap: self.heap.map(rename) }
    }
}

impl<T: fmt::Display> fmt::Display for HeapType<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapType::Any => "any",
            HeapType::Eq => "eq",
            HeapType::I31 => "i31",
            HeapType::Struct => "struct",
            HeapType::Array => "array",
            HeapType::None => "none",
            HeapType::Func => "func",
            HeapType::NoFunc => "nofunc",
            HeapType::Exn => "exn",
            HeapType::NoExn => "noexn",
            HeapType::Extern => "extern",
            HeapType::NoExtern => "noextern",
            HeapType::Cont => "cont",
            HeapType::NoCont => "nocont",
            HeapType::Defined(name) => return write!(f, "{name}"),
            HeapType::Exact(name) => return write!(f, "(exact {name})"),
            HeapType::Shared(ty) => return write!(f, "(shared {})", ty.unshared::<T>()),
        })
    }
}

impl<T: fmt::Display> fmt::Display for RefType<T> {
    /// Writes the type as in the text format, in the short form where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.nullable, &self.heap) {
            (true, HeapType::None) => f.write_str("nullref"),
            (true, HeapType::NoFunc) => f.write_str("nullfuncref"),
            (true, HeapType::NoExn) => f.write_str("nullexnref"),
            (true, HeapType::NoExtern) => f.write_str("nullexternref"),
            (true, HeapType::NoCont) => f.write_str("nullcontref"),
            (true, heap @ (HeapType::Defined(_) | HeapType::Exact(_) | HeapType::Shared(_))) => {
                write!(f, "(ref null {heap})")
            }
            (true, heap) => write!(f, "{heap}ref"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}
