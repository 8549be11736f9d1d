//! Conversion of the types that wasmparser reads
//! ([Types](https://webassembly.github.io/spec/core/binary/types.html)).

use super::composite::{ArrayType, CompositeType, FieldType, StorageType, StructType, SubType};
use super::external::{GlobalType, Limits, MemoryType, TableType};
use super::name::TypeIndex;
use super::reference::{HeapType, RefType};
use super::value::{FuncType, ValType};
use crate::error::{Error, ErrorKind};
use alloc::boxed::Box;
use alloc::format;
use wasmparser::{AbstractHeapType, CompositeInnerType, PackedIndex, UnpackedIndex};

/// A type that wasmparser knows and the interpreter lacks. The features that switch it on are none of
/// [`Config::SUPPORTED_FEATURES`](crate::Config::SUPPORTED_FEATURES).
#[derive(Debug)]
pub(crate) struct Unsupported(&'static str);

type Result<T, E = Unsupported> = core::result::Result<T, E>;

impl From<Unsupported> for Error {
    fn from(Unsupported(what): Unsupported) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{what} is not supported"))
    }
}

/// Converts a value type.
pub(crate) fn val_type(ty: wasmparser::ValType) -> Result<ValType<TypeIndex>> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(ref_type(ty)?),
    })
}

/// Converts a reference type.
pub(crate) fn ref_type(ty: wasmparser::RefType) -> Result<RefType<TypeIndex>> {
    Ok(RefType { nullable: ty.is_nullable(), heap: heap_type(ty.heap_type())? })
}

/// Converts a heap type.
pub(crate) fn heap_type(ty: wasmparser::HeapType) -> Result<HeapType<TypeIndex>> {
    match ty {
        wasmparser::HeapType::Abstract { shared: false, ty } => abstract_type(ty),
        wasmparser::HeapType::Abstract { shared: true, ty } => Ok(abstract_type(ty)?.shared()),
        wasmparser::HeapType::Concrete(index) => Ok(HeapType::Defined(type_index(index)?)),
        wasmparser::HeapType::Exact(index) => Ok(HeapType::Exact(type_index(index)?)),
    }
}

fn abstract_type(ty: AbstractHeapType) -> Result<HeapType<TypeIndex>> {
    Ok(match ty {
        AbstractHeapType::Any => HeapType::Any,
        AbstractHeapType::Eq => HeapType::Eq,
        AbstractHeapType::I31 => HeapType::I31,
        AbstractHeapType::Struct => HeapType::Struct,
        AbstractHeapType::Array => HeapType::Array,
        AbstractHeapType::None => HeapType::None,
        AbstractHeapType::Func => HeapType::Func,
        AbstractHeapType::NoFunc => HeapType::NoFunc,
        AbstractHeapType::Exn => HeapType::Exn,
        AbstractHeapType::NoExn => HeapType::NoExn,
        AbstractHeapType::Extern => HeapType::Extern,
        AbstractHeapType::NoExtern => HeapType::NoExtern,
        AbstractHeapType::Cont => HeapType::Cont,
        AbstractHeapType::NoCont => HeapType::NoCont,
    })
}

fn type_index(index: UnpackedIndex) -> Result<TypeIndex> {
    match index {
        UnpackedIndex::Module(index) => Ok(TypeIndex(index)),
        _ => Err(Unsupported("a reference to a type outside of the module")),
    }
}

/// Converts a defined type.
pub(crate) fn sub_type(ty: &wasmparser::SubType) -> Result<SubType<TypeIndex>> {
    let composite = &ty.composite_type;
    let named = |index: Option<&PackedIndex>| index.map(|index| type_index(index.unpack())).transpose();
    Ok(SubType {
        shared: composite.shared,
        is_final: ty.is_final,
        supertype: named(ty.supertype_idxs.first())?,
        describes: named(composite.describes_idx.as_ref())?,
        descriptor: named(composite.descriptor_idx.as_ref())?,
        composite: composite_type(&composite.inner)?,
    })
}

fn composite_type(ty: &CompositeInnerType) -> Result<CompositeType<TypeIndex>> {
    Ok(match ty {
        CompositeInnerType::Func(ty) => {
            CompositeType::Func(FuncType { params: val_types(ty.params())?, results: val_types(ty.results())? })
        }
        CompositeInnerType::Struct(ty) => {
            let fields = ty.fields.iter().map(|&field| field_type(field)).collect::<Result<_>>()?;
            CompositeType::Struct(StructType { fields })
        }
        CompositeInnerType::Array(ty) => CompositeType::Array(ArrayType { element: field_type(ty.0)? }),
        CompositeInnerType::Cont(ty) => CompositeType::Cont(type_index(ty.0.unpack())?),
    })
}

fn val_types(types: &[wasmparser::ValType]) -> Result<Box<[ValType<TypeIndex>]>> {
    types.iter().map(|&ty| val_type(ty)).collect()
}

fn field_type(ty: wasmparser::FieldType) -> Result<FieldType<TypeIndex>> {
    let storage = match ty.element_type {
        wasmparser::StorageType::I8 => StorageType::I8,
        wasmparser::StorageType::I16 => StorageType::I16,
        wasmparser::StorageType::Val(ty) => StorageType::Val(val_type(ty)?),
    };
    Ok(FieldType { storage, mutable: ty.mutable })
}

/// Converts the type of a table.
pub(crate) fn table_type(ty: wasmparser::TableType) -> Result<TableType<TypeIndex>> {
    let limits = Limits { min: ty.initial, max: ty.maximum };
    Ok(TableType { limits, index64: ty.table64, shared: ty.shared, element: ref_type(ty.element_type)? })
}

/// Converts the type of a memory.
pub(crate) fn memory_type(ty: wasmparser::MemoryType) -> Result<MemoryType> {
    Ok(MemoryType {
        limits: Limits { min: ty.initial, max: ty.maximum },
        index64: ty.memory64,
        shared: ty.shared,
        page_size_log2: u8::try_from(ty.page_size_log2()).map_err(|_| Unsupported("this size of pages"))?,
    })
}

/// Converts the type of a global.
pub(crate) fn global_type(ty: wasmparser::GlobalType) -> Result<GlobalType<TypeIndex>> {
    Ok(GlobalType { content: val_type(ty.content_type)?, mutable: ty.mutable, shared: ty.shared })
}
