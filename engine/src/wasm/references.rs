//! Reference types: what a reference may point to, and which reference types match which
//! ([Reference types](https://webassembly.github.io/spec/core/syntax/types.html#reference-types)).

use core::fmt;
use serde::{Deserialize, Serialize};

/// The type of a reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RefType {
    /// True if the type contains null.
    pub nullable: bool,
    /// The type of the referent.
    pub heap: HeapType,
}

/// The type of a reference's referent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum HeapType {
    /// A function of any type.
    Func,
    /// A value of the host.
    Extern,
    /// Nothing: the bottom type of functions.
    NoFunc,
    /// Nothing: the bottom type of [`HeapType::Extern`].
    NoExtern,
    /// Anything but a function, an exception or an external value: objects, `i31`, and converted values of the host.
    Any,
    /// An operand of `ref.eq`: an object or an `i31`.
    Eq,
    /// An integer of 31 bits.
    I31,
    /// A struct of any type.
    Struct,
    /// An array of any type.
    Array,
    /// Nothing: the bottom type of [`HeapType::Any`].
    None,
    /// An exception.
    Exn,
    /// Nothing: the bottom type of [`HeapType::Exn`].
    NoExn,
    /// An instance of a defined type or of a type that extends it.
    Concrete(ConcreteType),
    /// An instance of a defined type, but not of a type that extends it ([exact types][exact]).
    ///
    /// [exact]: https://github.com/WebAssembly/custom-descriptors/blob/main/proposals/custom-descriptors/Overview.md
    Exact(ConcreteType),
}

/// A defined type, by its number.
///
/// The number is the type's canonical id in an engine. Equal types have the same id, which stays theirs as long as
/// something with that type lives: a module, a function, a tag, or a store that has seen one of these. A value of this
/// type does not keep the id. After the last owner of the type is gone, the engine does not know this value any more,
/// and it differs from that of an equal type that is made later. (In the description of a module the number is a type
/// index of the module.)
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConcreteType {
    pub(crate) kind: CompositeKind,
    pub(crate) index: u32,
    /// Tells the type from those that have the same id in other engines or at other times. Zero in the description of a
    /// module.
    pub(crate) stamp: Stamp,
}

/// The identity of a recursive group of an engine, unique in this process for all time. Two halves of 64 bits, so that
/// the types of which it is a part need no more than the alignment of 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Stamp([u32; 2]);

/// The kind of a defined type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum CompositeKind {
    /// A function.
    Func,
    /// A struct.
    Struct,
    /// An array.
    Array,
}

/// The four hierarchies of reference types. They have no reference in common; each has a null of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hierarchy {
    /// Functions.
    Func,
    /// Values of the host.
    Extern,
    /// Objects, `i31`, and converted values of the host.
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

    /// Returns whether the type is a subtype of `wanted`. `extends` tells whether a defined type is another one or a
    /// declared subtype of it
    /// ([Matching](https://webassembly.github.io/spec/core/valid/matching.html#reference-types)).
    pub(crate) fn matches(self, wanted: RefType, extends: &impl Fn(ConcreteType, ConcreteType) -> bool) -> bool {
        (wanted.nullable || !self.nullable) && self.heap.matches(wanted.heap, extends)
    }

    /// Returns the type with `rename` applied to the defined type that it names, if any.
    pub(crate) fn map(self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> RefType {
        RefType { heap: self.heap.map(rename), ..self }
    }
}

impl Stamp {
    /// Makes a stamp of a number, which is not 0.
    pub(crate) fn new(number: u64) -> Stamp {
        Stamp([(number >> 32) as u32, number as u32])
    }
}

impl ConcreteType {
    /// Makes the name of a type of a module, by its index.
    pub(crate) fn in_module(kind: CompositeKind, index: u32) -> ConcreteType {
        ConcreteType { kind, index, stamp: Stamp::default() }
    }

    /// Returns the kind of the type.
    pub fn kind(self) -> CompositeKind {
        self.kind
    }
}

impl CompositeKind {
    /// Returns the abstract heap type of the kind.
    pub(crate) fn heap_type(self) -> HeapType {
        match self {
            CompositeKind::Func => HeapType::Func,
            CompositeKind::Struct => HeapType::Struct,
            CompositeKind::Array => HeapType::Array,
        }
    }
}

impl HeapType {
    /// Returns the hierarchy that the type belongs to.
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

    /// Returns the defined type that the type names, exactly or not.
    pub fn defined(self) -> Option<ConcreteType> {
        match self {
            HeapType::Concrete(ty) | HeapType::Exact(ty) => Some(ty),
            _ => None,
        }
    }

    /// Returns whether references of the type point to functions. In compiled code these are addresses of `FuncRef`s;
    /// all other references are offsets into the heap's region.
    pub(crate) fn is_func(self) -> bool {
        self.hierarchy() == Hierarchy::Func
    }

    /// Returns whether the type is the bottom of its hierarchy, which contains nothing but null.
    pub(crate) fn is_bottom(self) -> bool {
        matches!(self, HeapType::NoFunc | HeapType::NoExtern | HeapType::None | HeapType::NoExn)
    }

    /// Returns whether the type is a subtype of `wanted`. `extends` is as in [`RefType::matches`]
    /// ([Heap types](https://webassembly.github.io/spec/core/valid/matching.html#heap-types)).
    pub(crate) fn matches(self, wanted: HeapType, extends: &impl Fn(ConcreteType, ConcreteType) -> bool) -> bool {
        if self == wanted {
            return true;
        }
        match (self, wanted) {
            (bottom, _) if bottom.is_bottom() => bottom.hierarchy() == wanted.hierarchy(),
            // Exact types match if they are equal. Two types that extend each other are.
            (HeapType::Exact(own), HeapType::Exact(wanted)) => extends(own, wanted) && extends(wanted, own),
            (HeapType::Concrete(_), HeapType::Exact(_)) => false,
            (HeapType::Concrete(own) | HeapType::Exact(own), HeapType::Concrete(wanted)) => extends(own, wanted),
            (HeapType::Concrete(own) | HeapType::Exact(own), _) => own.kind.heap_type().matches(wanted, extends),
            (HeapType::I31 | HeapType::Struct | HeapType::Array, HeapType::Eq | HeapType::Any) => true,
            (HeapType::Eq, HeapType::Any) => true,
            _ => false,
        }
    }

    /// Returns the type with `rename` applied to the defined type that it names, if any.
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
    /// Writes the type as in the text format, in the short form where there is one.
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
        HeapType::Concrete(ConcreteType::in_module(kind, index))
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
    fn defined_types_are_below_their_kind() {
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
        let exact = |index| HeapType::Exact(ConcreteType::in_module(kind, index));
        assert!(below(exact(3), exact(3)) && below(exact(3), concrete(kind, 3)) && below(exact(3), concrete(kind, 2)));
        assert!(!below(concrete(kind, 3), exact(3)) && !below(exact(3), exact(2)) && !below(exact(2), exact(3)));
        assert!(!below(exact(2), concrete(kind, 3)) && !below(exact(3), concrete(CompositeKind::Array, 3)));
        let above = |heap| ALL.into_iter().filter(|&other| below(heap, other)).collect::<Vec<_>>();
        assert_eq!(above(exact(3)), [HeapType::Any, HeapType::Eq, HeapType::Struct]);
        assert_eq!(above(HeapType::Exact(ConcreteType::in_module(CompositeKind::Func, 3))), [HeapType::Func]);
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
        let exact = HeapType::Exact(ConcreteType::in_module(CompositeKind::Struct, 7));
        assert_eq!(null(exact), "(ref null (exact 7))");
        assert_eq!(RefType { nullable: false, heap: exact }.to_string(), "(ref (exact 7))");
    }
}
