//! Types and sizes that do not fit the standard's functions: 64-bit memories and tables, shared memories, `v128`.

use super::bytes;
use super::error::{non_null, report, usage};
use crate::memory::wasm_memory_t;
use crate::reference::wasm_ref_t;
use crate::table::wasm_table_t;
use crate::types::{element_type, wasm_memorytype_t, wasm_tabletype_t, wasm_valtype_t};
use crate::val::wasm_val_t;
use core::mem::MaybeUninit;
use engine::{ExternType, Limits, MemoryType, Result, TableType};

/// The bounds and properties of a memory or table.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct touchstone_limits_t {
    /// The initial size, in pages or elements.
    pub min: u64,
    /// The largest size, if `has_max`.
    pub max: u64,
    /// True if there is a largest size.
    pub has_max: bool,
    /// True if indices have 64 bits instead of 32.
    pub index64: bool,
    /// True if threads can share the memory. False for tables.
    pub shared: bool,
    /// The binary logarithm of a memory's page size: 16, or 0 for pages of one byte. 0 for tables.
    pub page_size_log2: u8,
}

impl touchstone_limits_t {
    fn of(limits: Limits, index64: bool) -> touchstone_limits_t {
        let (min, max, has_max) = (limits.min, limits.max.unwrap_or(0), limits.max.is_some());
        touchstone_limits_t { min, max, has_max, index64, shared: false, page_size_log2: 0 }
    }

    fn bounds(&self) -> Limits {
        Limits { min: self.min, max: self.has_max.then_some(self.max) }
    }
}

/// Writes a value and returns true, or returns false if there is none.
fn finish<T>(out: Option<&mut MaybeUninit<T>>, result: Result<T>) -> bool {
    let value = report(result);
    let succeeded = value.is_some();
    if let (Some(out), Some(value)) = (out, value) {
        out.write(value);
    }
    succeeded
}

/// Makes a memory type. The caller owns it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_memorytype_new(limits: Option<&touchstone_limits_t>) -> Option<Box<wasm_memorytype_t>> {
    let limits = report(non_null(limits, "limits"))?;
    let touchstone_limits_t { index64, shared, page_size_log2, .. } = *limits;
    let ty = MemoryType { limits: limits.bounds(), index64, shared, page_size_log2 };
    Some(Box::new(wasm_memorytype_t::of(ExternType::Memory(ty))))
}

/// Writes the bounds and properties of a memory type. Returns false if the pointer is null.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_memorytype_limits(
    ty: Option<&wasm_memorytype_t>,
    out: Option<&mut MaybeUninit<touchstone_limits_t>>,
) -> bool {
    let limits = non_null(ty, "memory type").map(|ty| match ty.to_engine() {
        ExternType::Memory(ty) => {
            let limits = touchstone_limits_t::of(ty.limits, ty.index64);
            touchstone_limits_t { shared: ty.shared, page_size_log2: ty.page_size_log2, ..limits }
        }
        _ => unreachable!("the types of C tell memory types from others"),
    });
    finish(out, limits)
}

/// Makes a table type. It takes over the type of the elements. The caller owns the result.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_tabletype_new(
    element: Option<Box<wasm_valtype_t>>,
    limits: Option<&touchstone_limits_t>,
) -> Option<Box<wasm_tabletype_t>> {
    let element = report(element_type(element))?;
    let limits = report(non_null(limits, "limits"))?;
    let ty = TableType { limits: limits.bounds(), index64: limits.index64, element };
    Some(Box::new(wasm_tabletype_t::of(ExternType::Table(ty))))
}

/// Writes the bounds and properties of a table type. Returns false if the pointer is null.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_tabletype_limits(
    ty: Option<&wasm_tabletype_t>,
    out: Option<&mut MaybeUninit<touchstone_limits_t>>,
) -> bool {
    let limits = non_null(ty, "table type").map(|ty| match ty.to_engine() {
        ExternType::Table(ty) => touchstone_limits_t::of(ty.limits, ty.index64),
        _ => unreachable!("the types of C tell table types from others"),
    });
    finish(out, limits)
}

/// Writes the size of a memory in pages. Returns false if the store is in use.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_memory_size(memory: Option<&wasm_memory_t>, out: Option<&mut MaybeUninit<u64>>) -> bool {
    finish(out, non_null(memory, "memory").and_then(wasm_memory_t::size))
}

/// Grows a memory by `delta` pages of zeros, and writes the old size. Returns false, with nothing changed, if it
/// cannot grow.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_memory_grow(
    memory: Option<&wasm_memory_t>,
    delta: u64,
    old: Option<&mut MaybeUninit<u64>>,
) -> bool {
    finish(old, non_null(memory, "memory").and_then(|memory| memory.grow(delta)))
}

/// Copies bytes of a memory, which may be shared, to `buffer`. Returns false, with nothing copied, if the range does
/// not lie inside the memory.
///
/// # Safety
/// The buffer has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_memory_read(
    memory: Option<&wasm_memory_t>,
    offset: u64,
    buffer: *mut u8,
    size: usize,
) -> bool {
    let read = || {
        let memory = non_null(memory, "memory")?;
        non_null((size == 0 || !buffer.is_null()).then_some(()), "buffer")?;
        // Bytes of our own first: those of the buffer may be uninitialized, and stay as they are after a failure.
        let mut bytes = vec![0; size];
        memory.store()?.with(|context| memory.memory().read(&*context, offset, &mut bytes))?;
        // SAFETY: the caller vouches for the buffer.
        unsafe { buffer.copy_from_nonoverlapping(bytes.as_ptr(), size) };
        Ok(())
    };
    report(read()).is_some()
}

/// Copies bytes into a memory, which may be shared. Returns false, with nothing copied, if the range does not lie
/// inside the memory.
///
/// # Safety
/// `data` has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_memory_write(
    memory: Option<&wasm_memory_t>,
    offset: u64,
    data: *const u8,
    size: usize,
) -> bool {
    let write = || {
        let memory = non_null(memory, "memory")?;
        // SAFETY: the caller vouches for the data.
        let data = unsafe { bytes(data, size, "data")? };
        memory.store()?.with(|context| memory.memory().write(context, offset, data))
    };
    report(write()).is_some()
}

/// Writes the number of elements of a table. Returns false if the store is in use.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_table_size(table: Option<&wasm_table_t>, out: Option<&mut MaybeUninit<u64>>) -> bool {
    finish(out, non_null(table, "table").and_then(wasm_table_t::size))
}

/// Writes an element of a table, which the caller owns, or null. Returns false if the index is past the end.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_table_get(
    table: Option<&wasm_table_t>,
    index: u64,
    out: Option<&mut MaybeUninit<Option<Box<wasm_ref_t>>>>,
) -> bool {
    finish(out, non_null(table, "table").and_then(|table| table.get(index)))
}

/// Sets an element of a table. Returns false if the index is past the end, or the reference is of another type.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_table_set(table: Option<&wasm_table_t>, index: u64, element: Option<&wasm_ref_t>) -> bool {
    report(non_null(table, "table").and_then(|table| table.set(index, element))).is_some()
}

/// Grows a table by `delta` elements that are all `init`, and writes the old size. Returns false, with nothing changed,
/// if it cannot grow.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_table_grow(
    table: Option<&wasm_table_t>,
    delta: u64,
    init: Option<&wasm_ref_t>,
    old: Option<&mut MaybeUninit<u64>>,
) -> bool {
    finish(old, non_null(table, "table").and_then(|table| table.grow(delta, init)))
}

/// Makes a `v128` of 16 bytes, lane 0 first. The caller owns the value.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_val_new_v128(out: Option<&mut MaybeUninit<wasm_val_t>>, bytes: Option<&[u8; 16]>) {
    if let (Some(out), Some(bytes)) = (out, report(non_null(bytes, "bytes of a v128"))) {
        out.write(wasm_val_t::from_v128(*bytes));
    }
}

/// Writes the 16 bytes of a `v128`. Returns false if the value is another one.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_val_v128(value: Option<&wasm_val_t>, out: Option<&mut MaybeUninit<[u8; 16]>>) -> bool {
    let bytes = non_null(value, "value").and_then(|value| value.v128().ok_or_else(|| usage("the value is no v128")));
    finish(out, bytes)
}
