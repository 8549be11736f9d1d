//! Values.

use crate::reference::wasm_ref_t;
use crate::store::{Data, SharedStore};
use crate::touchstone::error::usage;
use crate::touchstone::kind::TOUCHSTONE_V128;
use crate::types::kind_of;
use crate::vec::{Out, write};
use core::ptr;
use engine::{AsContextMut, Result, Val, ValType};
use std::sync::Arc;

/// The number of a type of values.
pub type wasm_valkind_t = u8;

/// `i32`
pub const WASM_I32: wasm_valkind_t = 0;
/// `i64`
pub const WASM_I64: wasm_valkind_t = 1;
/// `f32`
pub const WASM_F32: wasm_valkind_t = 2;
/// `f64`
pub const WASM_F64: wasm_valkind_t = 3;
/// `externref`
pub const WASM_EXTERNREF: wasm_valkind_t = 128;
/// A reference to a function.
pub const WASM_FUNCREF: wasm_valkind_t = 129;
/// A value. In Rust it owns its reference.
#[repr(C)]
pub struct wasm_val_t {
    pub(crate) kind: wasm_valkind_t,
    of: Payload,
}

/// The bits of a value; `kind` tells which field they are.
#[repr(C)]
#[derive(Clone, Copy)]
union Payload {
    i32: i32,
    i64: i64,
    f32: u32,
    f64: u64,
    reference: *mut wasm_ref_t,
}

impl wasm_val_t {
    /// Makes a value of a reference, which it owns.
    pub(crate) fn from_ref(kind: wasm_valkind_t, reference: Option<Box<wasm_ref_t>>) -> wasm_val_t {
        let reference = reference.map_or(ptr::null_mut(), Box::into_raw);
        // All eight bytes, so that none of them is uninitialized.
        wasm_val_t { kind, of: Payload { i64: reference.expose_provenance() as i64 } }
    }

    /// Returns whether values of the kind own a reference.
    fn owns(&self) -> bool {
        self.kind >= WASM_EXTERNREF || self.kind == TOUCHSTONE_V128
    }

    /// Returns the reference; `None` if the value is null or a number.
    pub(crate) fn reference(&self) -> Option<&wasm_ref_t> {
        if !self.owns() {
            return None;
        }
        // SAFETY: the kind tells the field, and a value owns its reference.
        unsafe { self.of.reference.as_ref() }
    }

    /// Returns the value of the engine that has a type.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if the value cannot have the type or is of another store;
    /// [`Trap::OutOfHeap`](engine::Trap::OutOfHeap) if the heap is full.
    pub(crate) fn to_engine(
        &self,
        store: &Arc<SharedStore>,
        context: impl AsContextMut<Data = Data>,
        ty: ValType,
    ) -> Result<Val> {
        if let ValType::Ref(ty) = ty
            && self.kind >= WASM_EXTERNREF
        {
            return wasm_ref_t::to_engine(self.reference(), store, context, ty);
        }
        if kind_of(ty) != self.kind {
            return Err(usage(format!("a value of kind {} is no {ty}", self.kind)));
        }
        // SAFETY: the kind tells the field.
        Ok(unsafe {
            match ty {
                ValType::I32 => Val::I32(self.of.i32),
                ValType::I64 => Val::I64(self.of.i64),
                ValType::F32 => Val::F32(self.of.f32),
                ValType::F64 => Val::F64(self.of.f64),
                _ => Val::V128(u128::from_le_bytes(self.v128().ok_or_else(|| usage("a v128 without its bytes"))?)),
            }
        })
    }

    /// Makes a value of one of the engine.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if the value is of another store.
    pub(crate) fn from_engine(
        value: Val,
        store: &Arc<SharedStore>,
        context: impl AsContextMut<Data = Data>,
    ) -> Result<wasm_val_t> {
        let bits = match value {
            Val::I32(value) => i64::from(value.cast_unsigned()),
            Val::I64(value) => value,
            Val::F32(bits) => bits.into(),
            Val::F64(bits) => bits.cast_signed(),
            reference => {
                let kind = kind_of(reference.ty());
                return Ok(wasm_val_t::from_ref(kind, wasm_ref_t::from_engine(reference, store, context)?));
            }
        };
        Ok(wasm_val_t { kind: kind_of(value.ty()), of: Payload { i64: bits } })
    }

    /// Makes a `v128`.
    pub(crate) fn from_v128(bytes: [u8; 16]) -> wasm_val_t {
        wasm_val_t::from_ref(TOUCHSTONE_V128, Some(Box::new(wasm_ref_t::v128(bytes))))
    }

    /// Returns the bytes of a `v128`; `None` if this is another value.
    pub(crate) fn v128(&self) -> Option<[u8; 16]> {
        match self.reference()?.object() {
            crate::reference::Object::V128(bytes) => Some(*bytes),
            _ => None,
        }
    }
}

impl Clone for wasm_val_t {
    fn clone(&self) -> wasm_val_t {
        match self.owns() {
            true => wasm_val_t::from_ref(self.kind, self.reference().cloned().map(Box::new)),
            false => wasm_val_t { kind: self.kind, of: self.of },
        }
    }
}

impl Drop for wasm_val_t {
    fn drop(&mut self) {
        // SAFETY: the kind tells the field; the value owns the reference, which came from a box.
        if self.owns() && unsafe { !self.of.reference.is_null() } {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(self.of.reference) });
        }
    }
}

/// Deletes the reference of a value, and leaves null.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_val_delete(value: Option<&mut wasm_val_t>) {
    if let Some(value) = value
        && value.owns()
    {
        *value = wasm_val_t::from_ref(value.kind, None);
    }
}

/// Copies a value. The copy owns a reference of its own.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_val_copy(out: Out<'_, wasm_val_t>, value: Option<&wasm_val_t>) {
    if let Some(value) = value {
        write(out, value.clone());
    }
}

declare_vec!(wasm_val_vec_t of wasm_val_t: wasm_val_vec_new_empty, wasm_val_vec_new_uninitialized, wasm_val_vec_new,
    wasm_val_vec_copy, wasm_val_vec_delete);
