//! The types of imports and exports.

use super::external::wasm_externtype_t;
use crate::touchstone::error::{non_null, report};
use crate::vec::wasm_byte_vec_t;
use core::mem;
use engine::{ExportType, ImportType};

/// The type of an import.
#[derive(Clone)]
pub struct wasm_importtype_t {
    module: wasm_byte_vec_t,
    name: wasm_byte_vec_t,
    ty: Box<wasm_externtype_t>,
}

/// The type of an export.
#[derive(Clone)]
pub struct wasm_exporttype_t {
    name: wasm_byte_vec_t,
    ty: Box<wasm_externtype_t>,
}

fn text(text: &str) -> wasm_byte_vec_t {
    text.bytes().collect()
}

impl wasm_importtype_t {
    /// Makes the type of an import of a module.
    pub(crate) fn of(import: &ImportType<'_>) -> Box<wasm_importtype_t> {
        let ty = Box::new(wasm_externtype_t::of(import.ty.clone()));
        Box::new(wasm_importtype_t { module: text(import.module), name: text(import.name), ty })
    }
}

impl wasm_exporttype_t {
    /// Makes the type of an export of a module.
    pub(crate) fn of(export: &ExportType<'_>) -> Box<wasm_exporttype_t> {
        Box::new(wasm_exporttype_t { name: text(export.name), ty: Box::new(wasm_externtype_t::of(export.ty.clone())) })
    }
}

/// Makes the type of an import. It takes over the names and the type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_importtype_new(
    module: Option<&mut wasm_byte_vec_t>,
    name: Option<&mut wasm_byte_vec_t>,
    ty: Option<Box<wasm_externtype_t>>,
) -> Option<Box<wasm_importtype_t>> {
    let (module, name) = (module.map(mem::take).unwrap_or_default(), name.map(mem::take).unwrap_or_default());
    let ty = report(non_null(ty, "external type"))?;
    Some(Box::new(wasm_importtype_t { module, name, ty }))
}

/// Deletes the type of an import.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_importtype_delete(_import: Option<Box<wasm_importtype_t>>) {}

/// Copies the type of an import.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_importtype_copy(import: Option<&wasm_importtype_t>) -> Option<Box<wasm_importtype_t>> {
    import.cloned().map(Box::new)
}

/// Returns the name of the module to import from.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_importtype_module(import: Option<&wasm_importtype_t>) -> Option<&wasm_byte_vec_t> {
    Some(&report(non_null(import, "import type"))?.module)
}

/// Returns the name of the item.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_importtype_name(import: Option<&wasm_importtype_t>) -> Option<&wasm_byte_vec_t> {
    Some(&report(non_null(import, "import type"))?.name)
}

/// Returns the type of the item.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_importtype_type(import: Option<&wasm_importtype_t>) -> Option<&wasm_externtype_t> {
    Some(&report(non_null(import, "import type"))?.ty)
}

declare_vec!(wasm_importtype_vec_t of Option<Box<wasm_importtype_t>>: wasm_importtype_vec_new_empty,
    wasm_importtype_vec_new_uninitialized, wasm_importtype_vec_new, wasm_importtype_vec_copy,
    wasm_importtype_vec_delete);

/// Makes the type of an export. It takes over the name and the type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_exporttype_new(
    name: Option<&mut wasm_byte_vec_t>,
    ty: Option<Box<wasm_externtype_t>>,
) -> Option<Box<wasm_exporttype_t>> {
    let name = name.map(mem::take).unwrap_or_default();
    let ty = report(non_null(ty, "external type"))?;
    Some(Box::new(wasm_exporttype_t { name, ty }))
}

/// Deletes the type of an export.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_exporttype_delete(_export: Option<Box<wasm_exporttype_t>>) {}

/// Copies the type of an export.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_exporttype_copy(export: Option<&wasm_exporttype_t>) -> Option<Box<wasm_exporttype_t>> {
    export.cloned().map(Box::new)
}

/// Returns the name.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_exporttype_name(export: Option<&wasm_exporttype_t>) -> Option<&wasm_byte_vec_t> {
    Some(&report(non_null(export, "export type"))?.name)
}

/// Returns the type of the item.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_exporttype_type(export: Option<&wasm_exporttype_t>) -> Option<&wasm_externtype_t> {
    Some(&report(non_null(export, "export type"))?.ty)
}

declare_vec!(wasm_exporttype_vec_t of Option<Box<wasm_exporttype_t>>: wasm_exporttype_vec_new_empty,
    wasm_exporttype_vec_new_uninitialized, wasm_exporttype_vec_new, wasm_exporttype_vec_copy,
    wasm_exporttype_vec_delete);
