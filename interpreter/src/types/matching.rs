//! Matching: which types are subtypes of which
//! ([Matching](https://webassembly.github.io/spec/core/valid/matching.html)).

use super::canonical::CanonicalTypes;
use super::composite::CompositeType;
use super::external::{EntityType, GlobalType, Limits, MemoryType, TableType};
use super::name::TypeId;
use super::reference::{HeapType, RefType};
use super::value::ValType;

impl HeapType {
    /// Returns whether an abstract type is another one or below it. `wanted` must be abstract too, and neither shared.
    fn is_below(self, wanted: HeapType) -> bool {
        use HeapType::{Any, Array, Cont, Eq, Exn, Extern, Func, I31, NoCont, NoExn, NoExtern, NoFunc, None, Struct};
        self == wanted
            || match wanted {
                Any => matches!(self, Eq | I31 | Struct | Array | None),
                Eq => matches!(self, I31 | Struct | Array | None),
                I31 | Struct | Array => self == None,
                Func => self == NoFunc,
                Exn => self == NoExn,
                Extern => self == NoExtern,
                Cont => self == NoCont,
                _ => false,
            }
    }
}

impl CanonicalTypes {
    /// Returns whether values of a type can be shared.
    pub(crate) fn is_shared(&self, ty: HeapType) -> bool {
        match ty {
            HeapType::Shared(_) => true,
            HeapType::Defined(id) | HeapType::Exact(id) => self.get(id).shared,
            _ => false,
        }
    }

    /// Returns the abstract type that is next above a defined type, as it is when it is not shared.
    pub(crate) fn kind(&self, id: TypeId) -> HeapType {
        match self.get(id).composite {
            CompositeType::Func(_) => HeapType::Func,
            CompositeType::Struct(_) => HeapType::Struct,
            CompositeType::Array(_) => HeapType::Array,
            CompositeType::Cont(_) => HeapType::Cont,
        }
    }

    /// Returns whether a heap type matches another one
    /// ([Heap types](https://webassembly.github.io/spec/core/valid/matching.html#match-heaptype)).
    pub(crate) fn heap_matches(&self, ty: HeapType, wanted: HeapType) -> bool {
        use HeapType::{Defined, Exact};
        // A type and those below it are all shared, or none of them is.
        if self.is_shared(ty) != self.is_shared(wanted) {
            return false;
        }
        match (ty.unshared(), wanted.unshared()) {
            (Exact(own), Exact(wanted)) => own == wanted,
            (Defined(_), Exact(_)) => false,
            (Defined(own) | Exact(own), Defined(wanted)) => self.is_subtype(own, wanted),
            (Defined(own) | Exact(own), wanted) => self.kind(own).is_below(wanted),
            // Of the abstract types, only the bottom of its hierarchy is below a defined type.
            (ty, Defined(wanted) | Exact(wanted)) => match self.kind(wanted) {
                HeapType::Func => ty == HeapType::NoFunc,
                HeapType::Cont => ty == HeapType::NoCont,
                _ => ty == HeapType::None,
            },
            (ty, wanted) => ty.is_below(wanted),
        }
    }

    /// Returns whether a reference type matches another one
    /// ([Reference types](https://webassembly.github.io/spec/core/valid/matching.html#match-reftype)).
    pub(crate) fn ref_matches(&self, ty: RefType, wanted: RefType) -> bool {
        (wanted.nullable || !ty.nullable) && self.heap_matches(ty.heap, wanted.heap)
    }

    /// Returns whether a value type matches another one
    /// ([Value types](https://webassembly.github.io/spec/core/valid/matching.html#match-valtype)).
    pub(crate) fn val_matches(&self, ty: ValType, wanted: ValType) -> bool {
        match (ty, wanted) {
            (ValType::Ref(ty), ValType::Ref(wanted)) => self.ref_matches(ty, wanted),
            (ty, wanted) => ty == wanted,
        }
    }

    /// Returns whether an item of this type can be imported as `wanted`. The minimum of a memory or table is its
    /// current size
    /// ([External types](https://webassembly.github.io/spec/core/valid/matching.html#match-externtype)).
    pub(crate) fn entity_matches(&self, ty: EntityType, wanted: EntityType) -> bool {
        match (ty, wanted) {
            (EntityType::Func { ty, exact }, EntityType::Func { ty: wanted, exact: true }) => exact && ty == wanted,
            (EntityType::Func { ty, .. }, EntityType::Func { ty: wanted, exact: false }) => self.is_subtype(ty, wanted),
            (EntityType::Table(ty), EntityType::Table(wanted)) => self.table_matches(ty, wanted),
            (EntityType::Memory(ty), EntityType::Memory(wanted)) => memory_matches(ty, wanted),
            (EntityType::Global(ty), EntityType::Global(wanted)) => self.global_matches(ty, wanted),
            (EntityType::Tag(ty), EntityType::Tag(wanted)) => ty == wanted,
            _ => false,
        }
    }

    /// [Table types](https://webassembly.github.io/spec/core/valid/matching.html#match-tabletype)
    fn table_matches(&self, ty: TableType, wanted: TableType) -> bool {
        ty.index64 == wanted.index64
            && ty.shared == wanted.shared
            && limits_match(ty.limits, wanted.limits)
            && self.ref_matches(ty.element, wanted.element)
            && self.ref_matches(wanted.element, ty.element)
    }

    /// [Global types](https://webassembly.github.io/spec/core/valid/matching.html#match-globaltype)
    fn global_matches(&self, ty: GlobalType, wanted: GlobalType) -> bool {
        ty.mutable == wanted.mutable
            && ty.shared == wanted.shared
            && self.val_matches(ty.content, wanted.content)
            && (!ty.mutable || self.val_matches(wanted.content, ty.content))
    }
}

/// [Memory types](https://webassembly.github.io/spec/core/valid/matching.html#match-memtype)
fn memory_matches(ty: MemoryType, wanted: MemoryType) -> bool {
    ty.index64 == wanted.index64
        && ty.shared == wanted.shared
        && ty.page_size_log2 == wanted.page_size_log2
        && limits_match(ty.limits, wanted.limits)
}

/// [Limits](https://webassembly.github.io/spec/core/valid/matching.html#match-limits)
fn limits_match(limits: Limits, wanted: Limits) -> bool {
    let max_matches = match (limits.max, wanted.max) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(max), Some(wanted)) => max <= wanted,
    };
    limits.min >= wanted.min && max_matches
}
