//! Conversion of wasmparser's types to the engine's.

use super::Refusal;
use crate::base::{Error, ErrorKind};
use crate::wasm::composite::{FieldType, StorageType, StructType};
use crate::wasm::module::Module;
use crate::wasm::types::*;
use wasmparser::{AbstractHeapType, CompositeInnerType, PackedIndex, UnpackedIndex};

/// A type that the engine lacks.
#[derive(Debug)]
pub(crate) struct Unsupported(&'static str);

type Result<T, E = Unsupported> = core::result::Result<T, E>;

impl From<Unsupported> for Refusal {
    fn from(Unsupported(what): Unsupported) -> Refusal {
        Refusal::Engine(Error::new(ErrorKind::Unsupported, format!("{what} is not supported")))
    }
}

/// The kinds of a module's defined types.
pub(crate) trait Kinds {
    /// Returns the kind of the type with this index, which must exist.
    fn kind(&self, index: u32) -> CompositeKind;
}

impl Kinds for Module {
    fn kind(&self, index: u32) -> CompositeKind {
        self.types[index as usize].composite.kind()
    }
}

impl Kinds for [CompositeKind] {
    fn kind(&self, index: u32) -> CompositeKind {
        self[index as usize]
    }
}

/// Converts a value type.
pub(crate) fn val_type(ty: wasmparser::ValType, kinds: &(impl Kinds + ?Sized)) -> Result<ValType> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(ref_type(ty, kinds)?),
    })
}

/// Converts a reference type.
pub(crate) fn ref_type(ty: wasmparser::RefType, kinds: &(impl Kinds + ?Sized)) -> Result<RefType> {
    Ok(RefType { nullable: ty.is_nullable(), heap: heap_type(ty.heap_type(), kinds)? })
}

/// Converts a heap type.
pub(crate) fn heap_type(ty: wasmparser::HeapType, kinds: &(impl Kinds + ?Sized)) -> Result<HeapType> {
    match ty {
        wasmparser::HeapType::Abstract { shared: false, ty } => abstract_heap_type(ty),
        wasmparser::HeapType::Concrete(UnpackedIndex::Module(index)) => Ok(HeapType::Concrete(concrete(index, kinds))),
        wasmparser::HeapType::Exact(UnpackedIndex::Module(index)) => Ok(HeapType::Exact(concrete(index, kinds))),
        _ => Err(Unsupported("a reference to a shared type")),
    }
}

fn abstract_heap_type(ty: AbstractHeapType) -> Result<HeapType> {
    Ok(match ty {
        AbstractHeapType::Func => HeapType::Func,
        AbstractHeapType::Extern => HeapType::Extern,
        AbstractHeapType::Any => HeapType::Any,
        AbstractHeapType::None => HeapType::None,
        AbstractHeapType::NoExtern => HeapType::NoExtern,
        AbstractHeapType::NoFunc => HeapType::NoFunc,
        AbstractHeapType::Eq => HeapType::Eq,
        AbstractHeapType::Struct => HeapType::Struct,
        AbstractHeapType::Array => HeapType::Array,
        AbstractHeapType::I31 => HeapType::I31,
        AbstractHeapType::Exn => HeapType::Exn,
        AbstractHeapType::NoExn => HeapType::NoExn,
        AbstractHeapType::Cont | AbstractHeapType::NoCont => return Err(Unsupported("a reference to a continuation")),
    })
}

fn concrete(index: u32, kinds: &(impl Kinds + ?Sized)) -> ConcreteType {
    ConcreteType::in_module(kinds.kind(index), index)
}

/// Returns the kind of a defined type. Types of a recursive group may refer to later ones, so that all kinds of the
/// group must be known before a type of it is converted.
pub(super) fn kind(ty: &wasmparser::SubType) -> Result<CompositeKind> {
    Ok(match ty.composite_type.inner {
        CompositeInnerType::Func(_) => CompositeKind::Func,
        CompositeInnerType::Array(_) => CompositeKind::Array,
        CompositeInnerType::Struct(_) => CompositeKind::Struct,
        CompositeInnerType::Cont(_) => return Err(Unsupported("a type of continuations")),
    })
}

/// Converts a defined type. `kinds` must hold all types of its recursive group.
pub(super) fn sub_type(ty: &wasmparser::SubType, kinds: &[CompositeKind]) -> Result<SubType> {
    let composite = &ty.composite_type;
    if composite.shared {
        return Err(Unsupported("a shared type"));
    }
    Ok(SubType {
        is_final: ty.is_final,
        supertype: named(ty.supertype_idxs.first(), kinds)?,
        composite: composite_type(composite, kinds)?,
    })
}

/// Converts the type that an optional clause names.
fn named(index: Option<&PackedIndex>, kinds: &[CompositeKind]) -> Result<Option<ConcreteType>> {
    match index.map(PackedIndex::unpack) {
        None => Ok(None),
        Some(UnpackedIndex::Module(index)) => Ok(Some(concrete(index, kinds))),
        Some(_) => Err(Unsupported("a reference to a type outside of the module")),
    }
}

fn composite_type(ty: &wasmparser::CompositeType, kinds: &[CompositeKind]) -> Result<CompositeType> {
    let (describes, descriptor) = (named(ty.describes_idx.as_ref(), kinds)?, named(ty.descriptor_idx.as_ref(), kinds)?);
    let values = |types: &[wasmparser::ValType]| types.iter().map(|&ty| val_type(ty, kinds)).collect::<Result<_>>();
    Ok(match &ty.inner {
        CompositeInnerType::Func(ty) => {
            CompositeType::Func(FuncType { params: values(ty.params())?, results: values(ty.results())? })
        }
        CompositeInnerType::Struct(ty) => {
            let fields = ty.fields.iter().map(|&field| field_type(field, kinds)).collect::<Result<_>>()?;
            CompositeType::Struct(StructType { describes, descriptor, fields })
        }
        CompositeInnerType::Array(ty) => CompositeType::Array(field_type(ty.0, kinds)?),
        CompositeInnerType::Cont(_) => return Err(Unsupported("a type of continuations")),
    })
}

fn field_type(ty: wasmparser::FieldType, kinds: &[CompositeKind]) -> Result<FieldType> {
    let storage = match ty.element_type {
        wasmparser::StorageType::I8 => StorageType::I8,
        wasmparser::StorageType::I16 => StorageType::I16,
        wasmparser::StorageType::Val(ty) => StorageType::Val(val_type(ty, kinds)?),
    };
    Ok(FieldType { storage, mutable: ty.mutable })
}
