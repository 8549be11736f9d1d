//! Numbers of kinds that the standard does not have.

use crate::types::wasm_externkind_t;
use crate::val::wasm_valkind_t;

/// The kind of `v128`. A value of this kind is owned like a reference: `of.ref` is a `wasm_ref_t` that holds the 16
/// bytes.
pub const TOUCHSTONE_V128: wasm_valkind_t = 4;
/// The kind of references to exceptions.
pub const TOUCHSTONE_EXNREF: wasm_valkind_t = 130;
/// The kind of references to objects of the collected heap and to integers of 31 bits.
pub const TOUCHSTONE_ANYREF: wasm_valkind_t = 131;

/// The kind of external items that are tags.
pub const TOUCHSTONE_EXTERN_TAG: wasm_externkind_t = 4;
