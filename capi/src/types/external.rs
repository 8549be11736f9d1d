//! The types of functions, globals, tables, memories and tags.
//!
//! Each is a transparent wrapper of [`TypeObject`], so that a pointer to one converts to a pointer to an external type
//! and back.

use super::value::{wasm_valtype_t, wasm_valtype_vec_t};
use crate::touchstone::error::{non_null, report, usage};
use crate::touchstone::kind::TOUCHSTONE_EXTERN_TAG;
use core::{mem, ptr};
use engine::{ExternType, FuncType, GlobalType, Limits, MemoryType, RefType, Result, TableType, ValType};

/// `WASM_CONST` or `WASM_VAR`.
pub type wasm_mutability_t = u8;

/// A global that never changes.
pub const WASM_CONST: wasm_mutability_t = 0;
/// A global that can be set.
pub const WASM_VAR: wasm_mutability_t = 1;

/// Bounds. The largest number stands for no maximum.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct wasm_limits_t {
    /// The initial size.
    pub min: u32,
    /// The largest size.
    pub max: u32,
}

/// The number of a kind of external items.
pub type wasm_externkind_t = u8;

/// A function.
pub const WASM_EXTERN_FUNC: wasm_externkind_t = 0;
/// A global.
pub const WASM_EXTERN_GLOBAL: wasm_externkind_t = 1;
/// A table.
pub const WASM_EXTERN_TABLE: wasm_externkind_t = 2;
/// A memory.
pub const WASM_EXTERN_MEMORY: wasm_externkind_t = 3;

/// A type, with the parts that C programs borrow.
#[derive(Clone)]
enum TypeObject {
    Func { params: wasm_valtype_vec_t, results: wasm_valtype_vec_t },
    Global { content: wasm_valtype_t, mutable: bool },
    Table { element: wasm_valtype_t, limits: wasm_limits_t, ty: TableType },
    Memory { limits: wasm_limits_t, ty: MemoryType },
    Tag { params: wasm_valtype_vec_t },
}

impl From<ExternType> for TypeObject {
    fn from(ty: ExternType) -> TypeObject {
        match ty {
            ExternType::Func(ty) => TypeObject::Func { params: types(&ty.params), results: types(&ty.results) },
            ExternType::Global(ty) => TypeObject::Global { content: wasm_valtype_t(ty.content), mutable: ty.mutable },
            ExternType::Table(ty) => {
                let element = wasm_valtype_t(ValType::Ref(ty.element));
                TypeObject::Table { element, limits: saturate(ty.limits), ty }
            }
            ExternType::Memory(ty) => TypeObject::Memory { limits: saturate(ty.limits), ty },
            ExternType::Tag(ty) => TypeObject::Tag { params: types(&ty.params) },
        }
    }
}

impl TypeObject {
    fn to_engine(&self) -> ExternType {
        match self {
            TypeObject::Func { params, results } => ExternType::Func(FuncType::new(values(params), values(results))),
            TypeObject::Global { content, mutable } => {
                ExternType::Global(GlobalType { content: content.0, mutable: *mutable })
            }
            TypeObject::Table { ty, .. } => ExternType::Table(*ty),
            TypeObject::Memory { ty, .. } => ExternType::Memory(*ty),
            TypeObject::Tag { params } => ExternType::Tag(FuncType::new(values(params), [])),
        }
    }

    fn kind(&self) -> wasm_externkind_t {
        match self {
            TypeObject::Func { .. } => WASM_EXTERN_FUNC,
            TypeObject::Global { .. } => WASM_EXTERN_GLOBAL,
            TypeObject::Table { .. } => WASM_EXTERN_TABLE,
            TypeObject::Memory { .. } => WASM_EXTERN_MEMORY,
            TypeObject::Tag { .. } => TOUCHSTONE_EXTERN_TAG,
        }
    }
}

fn types(types: &[ValType]) -> wasm_valtype_vec_t {
    types.iter().map(|&ty| Some(Box::new(wasm_valtype_t(ty)))).collect()
}

/// Returns the types of a vector, which [`take_types`] has checked.
pub(crate) fn values(types: &wasm_valtype_vec_t) -> impl Iterator<Item = ValType> {
    types.as_slice().iter().flatten().map(|ty| ty.0)
}

/// Takes over a vector of types. Null stands for an empty one.
///
/// # Errors
/// Kind [`Usage`](engine::ErrorKind::Usage) if an element is null.
pub(crate) fn take_types(types: Option<&mut wasm_valtype_vec_t>) -> Result<wasm_valtype_vec_t> {
    let types = types.map(mem::take).unwrap_or_default();
    match types.as_slice().iter().position(Option::is_none) {
        Some(at) => Err(usage(format!("type {at} of the vector is null"))),
        None => Ok(types),
    }
}

impl wasm_externtype_t {
    /// Returns the types of the values that exceptions of a tag carry; `None` if this is no tag.
    pub(crate) fn tag_params(&self) -> Option<&wasm_valtype_vec_t> {
        match &self.0 {
            TypeObject::Tag { params } => Some(params),
            _ => None,
        }
    }
}

/// Returns bounds in 32 bits. Those that do not fit are the largest number.
fn saturate(limits: Limits) -> wasm_limits_t {
    let [min, max] = [limits.min, limits.max.unwrap_or(u64::MAX)];
    wasm_limits_t { min: min.try_into().unwrap_or(u32::MAX), max: max.try_into().unwrap_or(u32::MAX) }
}

/// Returns the minimum and the maximum.
fn bounds(limits: &wasm_limits_t) -> (u64, Option<u64>) {
    (limits.min.into(), (limits.max != u32::MAX).then_some(limits.max.into()))
}

/// Defines a type of types, with the functions that each has.
macro_rules! declare_type {
    ($name:ident: $delete:ident, $copy:ident; $vec:ident: $empty:ident, $uninitialized:ident, $new:ident,
        $vec_copy:ident, $vec_delete:ident) => {
        /// The type of an external item.
        #[repr(transparent)]
        #[derive(Clone)]
        pub struct $name(TypeObject);

        impl $name {
            /// Makes the type of one of the engine, which is of this kind.
            pub(crate) fn of(ty: ExternType) -> $name {
                $name(ty.into())
            }

        }

        /// Deletes a type.
        #[unsafe(no_mangle)]
        pub extern "C" fn $delete(_ty: Option<Box<$name>>) {}

        /// Copies a type.
        #[unsafe(no_mangle)]
        pub extern "C" fn $copy(ty: Option<&$name>) -> Option<Box<$name>> {
            ty.cloned().map(Box::new)
        }

        declare_vec!($vec of Option<Box<$name>>: $empty, $uninitialized, $new, $vec_copy, $vec_delete);
    };
}

/// Defines the conversions of a type to an external type and back, and to the engine's type.
macro_rules! declare_casts {
    ($name:ident is $kind:ident: $up:ident, $up_const:ident, $down:ident, $down_const:ident) => {
        impl $name {
            /// Returns the engine's type.
            pub(crate) fn to_engine(&self) -> ExternType {
                self.0.to_engine()
            }
        }

        declare_cast!($name, wasm_externtype_t, $up, $up_const, |_| true);
        declare_cast!(wasm_externtype_t, $name, $down, $down_const, |ty| ty.0.kind() == $kind);
    };
}

declare_type!(wasm_externtype_t: wasm_externtype_delete, wasm_externtype_copy; wasm_externtype_vec_t:
    wasm_externtype_vec_new_empty, wasm_externtype_vec_new_uninitialized, wasm_externtype_vec_new,
    wasm_externtype_vec_copy, wasm_externtype_vec_delete);
declare_type!(wasm_functype_t: wasm_functype_delete, wasm_functype_copy; wasm_functype_vec_t:
    wasm_functype_vec_new_empty, wasm_functype_vec_new_uninitialized, wasm_functype_vec_new, wasm_functype_vec_copy,
    wasm_functype_vec_delete);
declare_type!(wasm_globaltype_t: wasm_globaltype_delete, wasm_globaltype_copy; wasm_globaltype_vec_t:
    wasm_globaltype_vec_new_empty, wasm_globaltype_vec_new_uninitialized, wasm_globaltype_vec_new,
    wasm_globaltype_vec_copy, wasm_globaltype_vec_delete);
declare_type!(wasm_tabletype_t: wasm_tabletype_delete, wasm_tabletype_copy; wasm_tabletype_vec_t:
    wasm_tabletype_vec_new_empty, wasm_tabletype_vec_new_uninitialized, wasm_tabletype_vec_new,
    wasm_tabletype_vec_copy, wasm_tabletype_vec_delete);
declare_type!(wasm_memorytype_t: wasm_memorytype_delete, wasm_memorytype_copy; wasm_memorytype_vec_t:
    wasm_memorytype_vec_new_empty, wasm_memorytype_vec_new_uninitialized, wasm_memorytype_vec_new,
    wasm_memorytype_vec_copy, wasm_memorytype_vec_delete);

declare_casts!(wasm_functype_t is WASM_EXTERN_FUNC: wasm_functype_as_externtype, wasm_functype_as_externtype_const,
    wasm_externtype_as_functype, wasm_externtype_as_functype_const);
declare_casts!(wasm_globaltype_t is WASM_EXTERN_GLOBAL: wasm_globaltype_as_externtype,
    wasm_globaltype_as_externtype_const, wasm_externtype_as_globaltype, wasm_externtype_as_globaltype_const);
declare_casts!(wasm_tabletype_t is WASM_EXTERN_TABLE: wasm_tabletype_as_externtype,
    wasm_tabletype_as_externtype_const, wasm_externtype_as_tabletype, wasm_externtype_as_tabletype_const);
declare_casts!(wasm_memorytype_t is WASM_EXTERN_MEMORY: wasm_memorytype_as_externtype,
    wasm_memorytype_as_externtype_const, wasm_externtype_as_memorytype, wasm_externtype_as_memorytype_const);

/// Returns the kind of an external type; 255 if the pointer is null.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_externtype_kind(ty: Option<&wasm_externtype_t>) -> wasm_externkind_t {
    ty.map_or(wasm_externkind_t::MAX, |ty| ty.0.kind())
}

/// Makes a function type. It takes over both vectors.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_functype_new(
    params: Option<&mut wasm_valtype_vec_t>,
    results: Option<&mut wasm_valtype_vec_t>,
) -> Option<Box<wasm_functype_t>> {
    // Both are taken before one of them can be refused.
    let (params, results) = (take_types(params), take_types(results));
    let (params, results) = (report(params)?, report(results)?);
    Some(Box::new(wasm_functype_t(TypeObject::Func { params, results })))
}

/// Returns the types of the parameters.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_functype_params(ty: Option<&wasm_functype_t>) -> Option<&wasm_valtype_vec_t> {
    match &report(non_null(ty, "function type"))?.0 {
        TypeObject::Func { params, .. } => Some(params),
        _ => None,
    }
}

/// Returns the types of the results.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_functype_results(ty: Option<&wasm_functype_t>) -> Option<&wasm_valtype_vec_t> {
    match &report(non_null(ty, "function type"))?.0 {
        TypeObject::Func { results, .. } => Some(results),
        _ => None,
    }
}

/// Makes a global type. It takes over the type of the value.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_globaltype_new(
    content: Option<Box<wasm_valtype_t>>,
    mutability: wasm_mutability_t,
) -> Option<Box<wasm_globaltype_t>> {
    let content = *report(non_null(content, "value type"))?;
    Some(Box::new(wasm_globaltype_t(TypeObject::Global { content, mutable: mutability != WASM_CONST })))
}

/// Returns the type of the value.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_globaltype_content(ty: Option<&wasm_globaltype_t>) -> Option<&wasm_valtype_t> {
    match &report(non_null(ty, "global type"))?.0 {
        TypeObject::Global { content, .. } => Some(content),
        _ => None,
    }
}

/// Returns whether the value can be set.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_globaltype_mutability(ty: Option<&wasm_globaltype_t>) -> wasm_mutability_t {
    match report(non_null(ty, "global type")).map(|ty| &ty.0) {
        Some(TypeObject::Global { mutable: true, .. }) => WASM_VAR,
        _ => WASM_CONST,
    }
}

/// Returns the reference type of a table's elements.
///
/// # Errors
/// Kind [`Usage`](engine::ErrorKind::Usage) if the type is null or one of numbers.
pub(crate) fn element_type(element: Option<Box<wasm_valtype_t>>) -> Result<RefType> {
    match non_null(element, "element type")?.0 {
        ValType::Ref(element) => Ok(element),
        number => Err(usage(format!("the elements of a table are references, not {number}"))),
    }
}

/// Makes a table type. It takes over the type of the elements.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_tabletype_new(
    element: Option<Box<wasm_valtype_t>>,
    limits: Option<&wasm_limits_t>,
) -> Option<Box<wasm_tabletype_t>> {
    let element = report(element_type(element))?;
    let (min, max) = bounds(report(non_null(limits, "limits"))?);
    Some(Box::new(wasm_tabletype_t::of(ExternType::Table(TableType::new(element, min, max)))))
}

/// Returns the type of the elements.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_tabletype_element(ty: Option<&wasm_tabletype_t>) -> Option<&wasm_valtype_t> {
    match &report(non_null(ty, "table type"))?.0 {
        TypeObject::Table { element, .. } => Some(element),
        _ => None,
    }
}

/// Returns the bounds.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_tabletype_limits(ty: Option<&wasm_tabletype_t>) -> *const wasm_limits_t {
    match report(non_null(ty, "table type")).map(|ty| &ty.0) {
        Some(TypeObject::Table { limits, .. }) => limits,
        _ => ptr::null(),
    }
}

/// Makes a memory type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_memorytype_new(limits: Option<&wasm_limits_t>) -> Option<Box<wasm_memorytype_t>> {
    let (min, max) = bounds(report(non_null(limits, "limits"))?);
    Some(Box::new(wasm_memorytype_t::of(ExternType::Memory(MemoryType::new(min, max)))))
}

/// Returns the bounds.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_memorytype_limits(ty: Option<&wasm_memorytype_t>) -> *const wasm_limits_t {
    match report(non_null(ty, "memory type")).map(|ty| &ty.0) {
        Some(TypeObject::Memory { limits, .. }) => limits,
        _ => ptr::null(),
    }
}
