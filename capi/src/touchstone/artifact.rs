//! Modules in text form, artifacts and their files.

use super::error::{non_null, report};
use super::{bytes, text};
use crate::engine::wasm_engine_t;
use crate::module::wasm_module_t;
use crate::store::wasm_store_t;
use crate::vec::wasm_byte_vec_t;
use core::ffi::c_char;
use core::mem::MaybeUninit;
use engine::{Error, ErrorKind, Module, Result};
use std::fs;

/// Writes a vector and returns true, or leaves an empty one and returns false.
fn finish(out: Option<&mut MaybeUninit<wasm_byte_vec_t>>, result: Result<Vec<u8>>) -> bool {
    let bytes = report(result);
    let succeeded = bytes.is_some();
    if let Some(out) = out {
        out.write(bytes.map(Vec::into_iter).map(wasm_byte_vec_t::from_iter).unwrap_or_default());
    }
    succeeded
}

/// Compiles a module in text form. The caller owns it.
///
/// # Safety
/// The text has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_module_new_text(
    store: Option<&wasm_store_t>,
    text: *const c_char,
    size: usize,
) -> Option<Box<wasm_module_t>> {
    let compile = || {
        let store = non_null(store, "store")?;
        // SAFETY: the caller vouches for the text.
        let binary = assemble(unsafe { bytes(text.cast(), size, "text")? })?;
        Ok(wasm_module_t::of(store, Module::from_binary(store.0.engine(), &binary)?))
    };
    report(compile())
}

fn assemble(text: &[u8]) -> Result<Vec<u8>> {
    let binary = wat::parse_bytes(text);
    let binary = binary.map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()).with_source(error))?;
    Ok(binary.into_owned())
}

/// Writes the binary of a module in text form. Returns false if the text does not parse.
///
/// # Safety
/// The text has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_text_to_binary(
    text: *const c_char,
    size: usize,
    out: Option<&mut MaybeUninit<wasm_byte_vec_t>>,
) -> bool {
    // SAFETY: the caller vouches for the text.
    finish(out, unsafe { bytes(text.cast(), size, "text") }.and_then(assemble))
}

/// Writes the artifact of a binary module without loading it. Returns false if the module does not compile.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_precompile(
    engine: Option<&wasm_engine_t>,
    binary: Option<&wasm_byte_vec_t>,
    out: Option<&mut MaybeUninit<wasm_byte_vec_t>>,
) -> bool {
    let compile = || {
        let engine = non_null(engine, "engine")?;
        engine.0.compile_binary(non_null(binary, "module's bytes")?.as_slice())
    };
    finish(out, compile())
}

/// Writes the artifact of a module to a file, under another name first, so that nobody sees a part of it. Returns
/// false if the file cannot be written.
///
/// # Safety
/// The path is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_module_write(module: Option<&wasm_module_t>, path: *const c_char) -> bool {
    let save = || {
        let module = non_null(module, "module")?;
        // SAFETY: the caller vouches for the string.
        let path = unsafe { text(path, "path")? };
        let partial = format!("{path}.{}", std::process::id());
        let written = fs::write(&partial, module.module().serialize()).and_then(|()| fs::rename(&partial, path));
        written.map_err(|error| Error::new(ErrorKind::Io, format!("cannot write {path}: {error}")).with_source(error))
    };
    report(save()).is_some()
}

/// Loads an artifact from a file, which is copied. The caller owns the module. Its code runs as it is, so load only
/// what you wrote, or configure a key.
///
/// # Safety
/// The path is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_module_read(
    store: Option<&wasm_store_t>,
    path: *const c_char,
) -> Option<Box<wasm_module_t>> {
    let load = || {
        let store = non_null(store, "store")?;
        // SAFETY: the caller vouches for the string.
        let path = unsafe { text(path, "path")? };
        Ok(wasm_module_t::of(store, Module::deserialize_file(store.0.engine(), path)?))
    };
    report(load())
}
