//! Linear memories.

use crate::reference::{Item, Object};
use crate::store::wasm_store_t;
use crate::touchstone::error::{non_null, report};
use crate::types::wasm_memorytype_t;
use core::ptr;
use engine::{AsContextMut, ExternType, Memory, MemoryType, Result};

declare_ref! {
    /// A memory.
    wasm_memory_t, |object| matches!(object, Object::Item(Item::Memory(_)));
    wasm_memory_delete, wasm_memory_copy, wasm_memory_same, wasm_memory_get_host_info, wasm_memory_set_host_info,
    wasm_memory_set_host_info_with_finalizer, wasm_memory_as_ref, wasm_ref_as_memory, wasm_memory_as_ref_const,
    wasm_ref_as_memory_const
}

/// A number of pages.
pub type wasm_memory_pages_t = u32;

impl wasm_memory_t {
    /// Returns the engine's memory.
    pub(crate) fn memory(&self) -> Memory {
        match self.item() {
            Item::Memory(memory) => memory,
            _ => unreachable!("the types of C tell memories from other items"),
        }
    }

    /// Returns the size in pages.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if the store is in use.
    pub(crate) fn size(&self) -> Result<u64> {
        self.store()?.with(|context| self.memory().size(&*context))
    }

    /// Grows by `delta` pages. Returns the old size.
    ///
    /// # Errors
    /// Those of [`Memory::grow`].
    pub(crate) fn grow(&self, delta: u64) -> Result<u64> {
        self.store()?.with(|context| self.memory().grow(context, delta))
    }

    fn ty(&self) -> Result<MemoryType> {
        self.store()?.with(|context| self.memory().ty(&*context))
    }
}

fn new_memory(store: Option<&wasm_store_t>, ty: Option<&wasm_memorytype_t>) -> Result<Box<wasm_memory_t>> {
    let store = &non_null(store, "store")?.0;
    let ExternType::Memory(ty) = non_null(ty, "memory type")?.to_engine() else {
        unreachable!("the types of C tell memory types from others")
    };
    let memory = store.with(|context| Memory::new(context, ty))?;
    Ok(wasm_memory_t::boxed(store, Object::Item(Item::Memory(memory))))
}

/// Makes a memory of zeros.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_memory_new(
    store: Option<&wasm_store_t>,
    ty: Option<&wasm_memorytype_t>,
) -> Option<Box<wasm_memory_t>> {
    report(new_memory(store, ty))
}

/// Returns the type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_memory_type(memory: Option<&wasm_memory_t>) -> Option<Box<wasm_memorytype_t>> {
    let ty = report(non_null(memory, "memory").and_then(|memory| memory.ty()))?;
    Some(Box::new(wasm_memorytype_t::of(ExternType::Memory(ty))))
}

/// Returns the address of the bytes, which never move. Null if the memory is shared: other threads may write it.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_memory_data(memory: Option<&wasm_memory_t>) -> *mut u8 {
    let data = || {
        let memory = non_null(memory, "memory")?;
        memory.store()?.with(|context| Ok(memory.memory().data_mut(context.as_context_mut())?.as_mut_ptr()))
    };
    report(data()).unwrap_or(ptr::null_mut())
}

/// Returns the number of bytes.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_memory_data_size(memory: Option<&wasm_memory_t>) -> usize {
    let size = || {
        let memory = non_null(memory, "memory")?;
        Ok(memory.size()? * memory.ty()?.page_size())
    };
    report(size()).map_or(0, |size| size as usize)
}

/// Returns the size in pages.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_memory_size(memory: Option<&wasm_memory_t>) -> wasm_memory_pages_t {
    let size = report(non_null(memory, "memory").and_then(|memory| memory.size())).unwrap_or(0);
    size.try_into().unwrap_or(wasm_memory_pages_t::MAX)
}

/// Grows a memory by `delta` pages of zeros. Returns false, with nothing changed, if it cannot grow.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_memory_grow(memory: Option<&wasm_memory_t>, delta: wasm_memory_pages_t) -> bool {
    report(non_null(memory, "memory").and_then(|memory| memory.grow(delta.into()))).is_some()
}
