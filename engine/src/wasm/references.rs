//! Reference types: what a reference may point to, and which reference may stand where another is asked for
//! ([Reference types](https://webassembly.github.io/spec/core/syntax/types.html#reference-types)).

use core::fmt;
use serde::{Deserialize, Serialize};

/// The type of a reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct RefType {
    /// Whether null belongs to the type.
    pub nullable: bool,
    /// What the reference points to.
    pub heap: HeapType,
}

/// What a reference points to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HeapType {
    /// A function of any type.
    Func,
    /// A value of the host.
    Extern,
    /// Nothing: below every type of functions.
    NoFunc,
    /// Nothing: below [`HeapType::Extern`].
    NoExtern,
    /// Anything that is neither a function nor an exception: objects, `i31`, and values of the host that were converted.
    Any,
    /// What `ref.eq` compares: objects and `i31`.
    Eq,
    /// An integer of 31 bits.
    I31,
    /// A struct of any type.
    Struct,
    /// An array of any type.
    Array,
    /// Nothing: below all of [`HeapType::Any`].
    None,
    /// An exception.
    Exn,
    /// Nothing: below [`HeapType::Exn`].
    NoExn,
    /// What a defined type describes, or a type that extends it.
    Concrete(ConcreteType),
    /// What a defined type describes, and no type that extends it
    /// ([Exact types](https://github.com/WebAssembly/custom-descriptors/blob/main/proposals/custom-descriptors/Overview.md#exact-types)).
    Exact(ConcreteType),
}

/// A defined type, by its number.
///
/// The number is the type's canonical id in an engine: equal types have one id, and the id is theirs for as long as a
/// module or function with that type lives. (Within a module's own description it is the module's type index.)
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ConcreteType {
    pub(crate) kind: CompositeKind,
    pub(crate) index: u32,
}

/// What kind of thing a defined type describes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum CompositeKind {
    /// A function.
    Func,
    /// A struct.
    Struct,
    /// An array.
    Array,
}

/// The four families of references: no reference belongs to two, but null, which each has its own of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hierarchy {
    /// Functions.
    Func,
    /// Values of the host.
    Extern,
    /// Objects, `i31`, converted values of the host.
    Any,
    /// Exceptions.
    Exn,
}

impl RefType {
    /// `funcref`.
    pub const FUNC: RefType = RefType { nullable: true, heap: HeapType::Func };
    /// `externref`.
    pub const EXTERN: RefType = RefType { nullable: true, heap: HeapType::Extern };
    /// `exnref`.
    pub const EXN: RefType = RefType { nullable: true, heap: HeapType::Exn };
    /// `anyref`.
    pub const ANY: RefType = RefType { nullable: true, heap: HeapType::Any };

    /// Whether a reference of this type may stand where a `wanted` is asked for; `extends` tells whether a defined type
    /// is another or was declared as a subtype of it
    /// ([Matching](https://webassembly.github.io/spec/core/valid/matching.html#reference-types)).
    pub(crate) fn matches(self, wanted: RefType, extends: &impl Fn(ConcreteType, ConcreteType) -> bool) -> bool {
        (wanted.nullable || !self.nullable) && self.heap.matches(wanted.heap, extends)
    }

    /// The type with its defined type, if it has one, named otherwise.
    pub(crate) fn map(self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> RefType {
        RefType { heap: self.heap.map(rename), ..self }
    }
}

impl ConcreteType {
    /// What kind of thing the type describes.
    pub fn kind(self) -> CompositeKind {
        self.kind
    }
}

impl CompositeKind {
    /// The heap type of all things of the kind.
    pub(crate) fn heap_type(self) -> HeapType {
        match self {
            CompositeKind::Func => HeapType::Func,
            CompositeKind::Struct => HeapType::Struct,
            CompositeKind::Array => HeapType::Array,
        }
    }
}

impl HeapType {
    /// The family that the type belongs to.
    pub(crate) fn hierarchy(self) -> Hierarchy {
        match self {
            HeapType::Func | HeapType::NoFunc => Hierarchy::Func,
            HeapType::Extern | HeapType::NoExtern => Hierarchy::Extern,
            HeapType::Any | HeapType::Eq | HeapType::I31 | HeapType::Struct | HeapType::Array | HeapType::None => {
                Hierarchy::Any
            }
            HeapType::Exn | HeapType::NoExn => Hierarchy::Exn,
            HeapType::Concrete(ty) | HeapType::Exact(ty) => ty.kind.heap_type().hierarchy(),
        }
    }

    /// The defined type that it names, exactly or not.
    pub fn defined(self) -> Option<ConcreteType> {
        match self {
            HeapType::Concrete(ty) | HeapType::Exact(ty) => Some(ty),
            _ => None,
        }
    }

    /// Whether references of the type are addresses of function references and not indices into the reserved region.
    pub(crate) fn is_func(self) -> bool {
        self.hierarchy() == Hierarchy::Func
    }

    /// Whether the type is the bottom of its family: only null belongs to it.
    pub(crate) fn is_bottom(self) -> bool {
        matches!(self, HeapType::NoFunc | HeapType::NoExtern | HeapType::None | HeapType::NoExn)
    }

    /// As [`RefType::matches`], for what is not null
    /// ([Heap types](https://webassembly.github.io/spec/core/valid/matching.html#heap-types)).
    pub(crate) fn matches(self, wanted: HeapType, extends: &impl Fn(ConcreteType, ConcreteType) -> bool) -> bool {
        if self == wanted {
            return true;
        }
        match (self, wanted) {
            (bottom, _) if bottom.is_bottom() => bottom.hierarchy() == wanted.hierarchy(),
            // Two types that extend each other are equal.
            (HeapType::Exact(own), HeapType::Exact(wanted)) => extends(own, wanted) && extends(wanted, own),
            (HeapType::Concrete(_), HeapType::Exact(_)) => false,
            (HeapType::Concrete(own) | HeapType::Exact(own), HeapType::Concrete(wanted)) => extends(own, wanted),
            (HeapType::Concrete(own) | HeapType::Exact(own), _) => own.kind.heap_type().matches(wanted, extends),
            (HeapType::I31 | HeapType::Struct | HeapType::Array, HeapType::Eq | HeapType::Any) => true,
            (HeapType::Eq, HeapType::Any) => true,
            _ => false,
        }
    }

    /// The type with its defined type, if it is one, named otherwise.
    pub(crate) fn map(self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> HeapType {
        match self {
            HeapType::Concrete(concrete) => HeapType::Concrete(rename(concrete)),
            HeapType::Exact(concrete) => HeapType::Exact(rename(concrete)),
            heap => heap,
        }
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapType::Func => "func",
            HeapType::Extern => "extern",
            HeapType::NoFunc => "nofunc",
            HeapType::NoExtern => "noextern",
            HeapType::Any => "any",
            HeapType::Eq => "eq",
            HeapType::I31 => "i31",
            HeapType::Struct => "struct",
            HeapType::Array => "array",
            HeapType::None => "none",
            HeapType::Exn => "exn",
            HeapType::NoExn => "noexn",
            HeapType::Concrete(concrete) => return write!(f, "{}", concrete.index),
            HeapType::Exact(concrete) => return write!(f, "(exact {})", concrete.index),
        })
    }
}

impl fmt::Display for RefType {
    /// The text format's words: the short form where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.nullable, self.heap) {
            (true, HeapType::NoFunc) => f.write_str("nullfuncref"),
            (true, HeapType::NoExtern) => f.write_str("nullexternref"),
            (true, HeapType::None) => f.write_str("nullref"),
            (true, HeapType::NoExn) => f.write_str("nullexnref"),
            (true, HeapType::Concrete(_) | HeapType::Exact(_)) => write!(f, "(ref null {})", self.heap),
            (true, heap) => write!(f, "{heap}ref"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [HeapType; 12] = [
        HeapType::Func,
        HeapType::Extern,
        HeapType::NoFunc,
        HeapType::NoExtern,
        HeapType::Any,
        HeapType::Eq,
        HeapType::I31,
        HeapType::Struct,
        HeapType::Array,
        HeapType::None,
        HeapType::Exn,
        HeapType::NoExn,
    ];

    fn concrete(kind: CompositeKind, index: u32) -> HeapType {
        HeapType::Concrete(ConcreteType { kind, index })
    }

    fn below(one: HeapType, other: HeapType) -> bool {
        // Among the defined types of these tests a higher number extends the lower ones of its kind.
        one.matches(other, &|one, other| one.kind == other.kind && one.index >= other.index)
    }

    #[test]
    fn the_order_of_the_abstract_types() {
        let above = |heap: HeapType| ALL.iter().filter(|&&other| below(heap, other)).count();
        assert_eq!(ALL.map(above), [1, 1, 2, 2, 1, 2, 3, 3, 3, 6, 1, 2]);
        for one in ALL {
            for other in ALL {
                assert!(!below(one, other) || one.hierarchy() == other.hierarchy(), "{one} {other}");
                assert!(!(below(one, other) && below(other, one)) || one == other, "{one} {other}");
            }
        }
    }

    #[test]
    fn the_place_of_defined_types() {
        let [func, record, array] =
            [CompositeKind::Func, CompositeKind::Struct, CompositeKind::Array].map(|kind| concrete(kind, 3));
        let above = |heap| ALL.into_iter().filter(|&other| below(heap, other)).collect::<Vec<_>>();
        assert_eq!(above(func), [HeapType::Func]);
        assert_eq!(above(record), [HeapType::Any, HeapType::Eq, HeapType::Struct]);
        assert_eq!(above(array), [HeapType::Any, HeapType::Eq, HeapType::Array]);
        let under = |heap| ALL.into_iter().filter(|&other| below(other, heap)).collect::<Vec<_>>();
        assert_eq!(under(func), [HeapType::NoFunc]);
        assert_eq!(under(record), [HeapType::None]);
        assert!(
            below(record, concrete(CompositeKind::Struct, 2)) && !below(concrete(CompositeKind::Struct, 2), record)
        );
        assert!(!below(record, array) && !below(record, func));
    }

    #[test]
    fn exact_types_have_nothing_but_the_bottom_below_them() {
        let kind = CompositeKind::Struct;
        let exact = |index| HeapType::Exact(ConcreteType { kind, index });
        assert!(below(exact(3), exact(3)) && below(exact(3), concrete(kind, 3)) && below(exact(3), concrete(kind, 2)));
        assert!(!below(concrete(kind, 3), exact(3)) && !below(exact(3), exact(2)) && !below(exact(2), exact(3)));
        assert!(!below(exact(2), concrete(kind, 3)) && !below(exact(3), concrete(CompositeKind::Array, 3)));
        let above = |heap| ALL.into_iter().filter(|&other| below(heap, other)).collect::<Vec<_>>();
        assert_eq!(above(exact(3)), [HeapType::Any, HeapType::Eq, HeapType::Struct]);
        assert_eq!(above(HeapType::Exact(ConcreteType { kind: CompositeKind::Func, index: 3 })), [HeapType::Func]);
        let under = ALL.into_iter().filter(|&other| below(other, exact(3))).collect::<Vec<_>>();
        assert_eq!(under, [HeapType::None]);
    }

    #[test]
    fn null_belongs_to_nullable_types_only() {
        let [nullable, not] = [true, false].map(|nullable| RefType { nullable, heap: HeapType::Func });
        let never = |_, _| false;
        assert!(not.matches(nullable, &never) && nullable.matches(nullable, &never) && !nullable.matches(not, &never));
    }

    #[test]
    fn names() {
        let null = |heap| RefType { nullable: true, heap }.to_string();
        assert_eq!([null(HeapType::Func), null(HeapType::None), null(HeapType::I31)], ["funcref", "nullref", "i31ref"]);
        assert_eq!(null(concrete(CompositeKind::Array, 7)), "(ref null 7)");
        assert_eq!(RefType { nullable: false, heap: HeapType::Eq }.to_string(), "(ref eq)");
        let exact = HeapType::Exact(ConcreteType { kind: CompositeKind::Struct, index: 7 });
        assert_eq!(null(exact), "(ref null (exact 7))");
        assert_eq!(RefType { nullable: false, heap: exact }.to_string(), "(ref (exact 7))");
    }
}
