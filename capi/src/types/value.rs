//! The types of values.

use crate::touchstone::error::{report, usage};
use crate::touchstone::kind::{TOUCHSTONE_ANYREF, TOUCHSTONE_EXNREF, TOUCHSTONE_V128};
use crate::val::{WASM_EXTERNREF, WASM_F32, WASM_F64, WASM_FUNCREF, WASM_I32, WASM_I64, wasm_valkind_t};
use engine::{Val, ValType};

/// The type of a value. It is exact, while its kind says no more of a reference than what it refers to.
#[derive(Clone)]
pub struct wasm_valtype_t(pub(crate) ValType);

/// Returns the kind of a type.
pub(crate) fn kind_of(ty: ValType) -> wasm_valkind_t {
    match Val::default_for_ty(ty) {
        Val::I32(_) => WASM_I32,
        Val::I64(_) => WASM_I64,
        Val::F32(_) => WASM_F32,
        Val::F64(_) => WASM_F64,
        Val::V128(_) => TOUCHSTONE_V128,
        Val::FuncRef(_) => WASM_FUNCREF,
        Val::ExternRef(_) => WASM_EXTERNREF,
        Val::ExnRef(_) => TOUCHSTONE_EXNREF,
        Val::AnyRef(_) => TOUCHSTONE_ANYREF,
    }
}

/// Makes the type of a kind. References of the type may be null.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_valtype_new(kind: wasm_valkind_t) -> Option<Box<wasm_valtype_t>> {
    let ty = match kind {
        WASM_I32 => ValType::I32,
        WASM_I64 => ValType::I64,
        WASM_F32 => ValType::F32,
        WASM_F64 => ValType::F64,
        TOUCHSTONE_V128 => ValType::V128,
        WASM_FUNCREF => ValType::FUNCREF,
        WASM_EXTERNREF => ValType::EXTERNREF,
        TOUCHSTONE_EXNREF => ValType::EXNREF,
        TOUCHSTONE_ANYREF => ValType::ANYREF,
        _ => return report(Err(usage(format!("no type of values has the number {kind}")))),
    };
    Some(Box::new(wasm_valtype_t(ty)))
}

/// Deletes a type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_valtype_delete(_ty: Option<Box<wasm_valtype_t>>) {}

/// Copies a type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_valtype_copy(ty: Option<&wasm_valtype_t>) -> Option<Box<wasm_valtype_t>> {
    ty.cloned().map(Box::new)
}

/// Returns the kind; 255 if the pointer is null.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_valtype_kind(ty: Option<&wasm_valtype_t>) -> wasm_valkind_t {
    ty.map_or(wasm_valkind_t::MAX, |ty| kind_of(ty.0))
}

declare_vec!(wasm_valtype_vec_t of Option<Box<wasm_valtype_t>>: wasm_valtype_vec_new_empty,
    wasm_valtype_vec_new_uninitialized, wasm_valtype_vec_new, wasm_valtype_vec_copy, wasm_valtype_vec_delete);
